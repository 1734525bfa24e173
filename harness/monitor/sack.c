/* Selective acknowledgment: what the peer says it holds, which is not sent again, and what we
 * report of text that came out of order, or twice. */
#include "internal.h"
#include "seq.h"

#include <string.h>

/* ---- the peer's blocks ---- */

/* One more block that the peer holds: what it overlaps or touches is a part of it from now on, and
 * the ranges stay in order. */
static void hold(struct monitor *monitor, struct tfsm_range block)
{
    unsigned first = 0;
    while (first < monitor->held_count && seq_lt(monitor->held[first].right, block.left)) {
        first++;
    }
    unsigned last = first;
    while (last < monitor->held_count && seq_le(monitor->held[last].left, block.right)) {
        block.left = seq_min(block.left, monitor->held[last].left);
        block.right = seq_max(block.right, monitor->held[last].right);
        last++;
    }
    memmove(&monitor->held[first + 1], &monitor->held[last],
            (monitor->held_count - last) * sizeof block);
    monitor->held[first] = block;
    monitor->held_count += first + 1 - last;
}

/* An acknowledgment takes away what it passes. One that ends within a range, or where it begins,
 * contradicts it: the peer has forgotten that range, and with it whatever was said to hang together
 * with it (RFC 2018 8). Then its blocks count, all of them before it is asked which are the lowest:
 * those the machine must remember, and of the others it may know nothing. */
void sack_held(struct monitor *monitor, const struct tfsm_tcb *after,
               const struct tfsm_segment *seg)
{
    unsigned count = 0;
    for (unsigned i = 0; i < monitor->held_count; i++) {
        if (seq_lt(after->snd_una, monitor->held[i].left)) {
            monitor->held[count++] = monitor->held[i];
        }
    }
    monitor->held_count = count;
    bool blocks = monitor->sack && (seg->options & TFSM_OPT_SACK) != 0;
    for (unsigned i = 0; blocks && i < seg->sacks && i < TFSM_SACK_MAX; i++) {
        struct tfsm_range block = seg->sack[i];
        if (seq_lt(after->snd_una, block.left) && seq_lt(seg->ack, block.left) &&
            seq_lt(block.left, block.right) && seq_lt(block.left, monitor->snd_max) &&
            seq_le(block.right, monitor->snd_max)) {
            hold(monitor, block);
        }
    }
    unsigned room = after->room > 0 ? after->room : TFSM_ROOM_OWN;
    room = room < MONITOR_ROOM ? room : MONITOR_ROOM;
    monitor->held_more = monitor->held_more && seq_lt(after->snd_una, monitor->held_end);
    if (monitor->held_count > room) {
        uint32_t from = monitor->held[room].left;
        uint32_t end = monitor->held[monitor->held_count - 1].right;
        monitor->held_from = monitor->held_more ? seq_min(monitor->held_from, from) : from;
        monitor->held_end = monitor->held_more ? seq_max(monitor->held_end, end) : end;
        monitor->held_more = true;
        monitor->held_count = room;
    }
}

/* What is sent again is not what the peer said it holds, while it can be believed. */
void sack_resent(struct monitor *monitor, const struct tfsm_tcb *before,
                 const struct tfsm_segment *seg)
{
    uint32_t end = seq_add(seg->seq, seg->len);
    if (before->at_persist != 0) {
        return;
    }
    for (unsigned i = 0; i < monitor->held_count; i++) {
        if (seq_lt(seg->seq, monitor->held[i].right) && seq_lt(monitor->held[i].left, end)) {
            fails(monitor, "SENT_HELD", "RFC2018:5.1a text that SACK reports is not sent again");
        }
    }
}

/* ---- our blocks ---- */

/* Text of a segment that had come before, by our own account: it may be reported once. */
void sack_twice(struct monitor *monitor, const struct tfsm_segment *seg,
                const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    if ((before->flags & TFSM_M_DSACK) != 0 && before->dsack.left == after->dsack.left &&
        before->dsack.right == after->dsack.right) {
        return;
    }
    uint32_t start = seq_add(before->irs, 1);
    uint32_t first = seq_add(seg->seq, seg->flags & TFSM_SYN ? 1 : 0);
    struct tfsm_range range = after->dsack;
    bool within = seq_le(first, range.left) && seq_lt(range.left, range.right) &&
                  seq_le(range.right, seq_add(first, text_of(seg)));
    bool old = seq_le(range.right, before->rcv_nxt);
    for (unsigned i = 0; i < monitor->kept_count; i++) {
        uint32_t left = seq_add(start, (uint32_t)(monitor->kept[i][0] & UINT32_MAX));
        uint32_t right = seq_add(start, (uint32_t)(monitor->kept[i][1] & UINT32_MAX));
        old = old || (seq_le(left, range.left) && seq_le(range.right, right));
    }
    if (!within || !old) {
        fails(monitor, "DSACK_TRUE", "RFC2883:4a what is reported twice came twice");
    }
    monitor->dsack_due = true;
    monitor->twice = range;
}

/* A block we report is text we hold, or text that came twice. */
static bool block_true(const struct monitor *monitor, const struct tfsm_tcb *tcb,
                       struct tfsm_range block)
{
    uint32_t length = seq_distance(block.left, block.right);
    uint32_t start = seq_add(tcb->irs, 1);
    if (monitor->dsack_due && block.left == monitor->twice.left &&
        block.right == monitor->twice.right) {
        return true;
    }
    for (unsigned i = 0; i < monitor->kept_count; i++) {
        uint32_t left = seq_add(start, (uint32_t)(monitor->kept[i][0] & UINT32_MAX));
        uint64_t kept = monitor->kept[i][1] - monitor->kept[i][0];
        if (seq_distance(left, block.left) <= kept &&
            length <= kept - seq_distance(left, block.left)) {
            return true;
        }
    }
    return false;
}

void sack_output(struct monitor *monitor, const struct tfsm_segment *seg,
                 const struct tfsm_tcb *after)
{
    bool bears = (seg->options & TFSM_OPT_SACK) != 0;
    if (bears && (!monitor->sack || seg->sacks == 0 || seg->sacks > TFSM_SACK_MAX)) {
        fails(monitor, "SACK_AGREED", "RFC2018:3 SACK only where both SYNs permit it");
        return;
    }
    for (unsigned i = 0; bears && i < seg->sacks; i++) {
        if (!block_true(monitor, after, seg->sack[i])) {
            fails(monitor, "SACK_TRUE", "RFC2018:4a a block reports text that was received");
        }
    }
    if (monitor->sack && seg->len == 0 && monitor->kept_count > 0 && !bears && monitor->connected &&
        after->snd_mss >= 100) {
        fails(monitor, "SACK_REPORTED", "RFC2018:4b what is held out of order is reported");
    }
    if (seg->ack == after->rcv_nxt) {
        monitor->dsack_due = false;
    }
}
