/* The numbers of a RST: those that the segment it answers calls for, or where the peer must take
 * it; and one goes out. */
#include "internal.h"
#include "seq.h"

/* monitor_own_place() where text comes that nobody will read: what its segment acknowledges, and
 * the window it offers, count if they were taken first. */
static APART uint32_t unread_place(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                                   uint32_t seq)
{
    struct tfsm_tcb moved;
    bool acks = (seg->flags & TFSM_ACK) != 0 && seq_le(tcb->snd_una, seg->ack) &&
                seq_le(seg->ack, tcb->snd_nxt);
    if (!acks || monitor_own_place(tcb, true) == seq) {
        return monitor_own_place(tcb, true);
    }
    copy_members(&moved, tcb);
    moved.snd_una = seg->ack;
    moved.flags |= TFSM_M_SYN_ACKED;
    if (monitor_own_place(&moved, true) != seq) {
        moved.snd_wnd = (uint32_t)seg->wnd << tcb->snd_wscale;
    }
    return monitor_own_place(&moved, true);
}

/* A RST owed has the numbers that the segment it answers calls for, or stands where the peer must
 * take it after ABORT. */
void reset_step(struct monitor *monitor, const struct tfsm_tcb *before, const struct tfsm_event *ev,
                const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool old_rst = (before->owed & TFSM_OWE_RST) != 0 && before->rst_seq == after->rst_seq &&
                   before->rst_ack == after->rst_ack &&
                   ((before->owed ^ after->owed) & TFSM_OWE_RST_ACK) == 0;
    if (old_rst) {
        return;
    }
    bool from_ack = (seg->flags & TFSM_ACK) != 0;
    monitor->rst_expected = true;
    bool arrives = ev->kind == TFSM_EV_SEGMENT;
    uint32_t place =
        arrives ? unread_place(before, seg, after->rst_seq) : monitor_own_place(before, true);
    /* What the user will not read, and ABORT, reset of our own accord. */
    bool own = !arrives || (IN(before, BIT(SYN_RECEIVED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2)) &&
                            after->rst_seq == place && (before->flags & TFSM_M_DEAF) != 0 &&
                            (after->owed & TFSM_OWE_RST_ACK) == 0);
    monitor->rst_with_ack = !own && !from_ack;
    monitor->rst_seq = own ? place : from_ack ? seg->ack : 0;
    monitor->rst_ack = monitor->rst_with_ack ? seq_add(seg->seq, seg->len) : 0;
}

void reset_output(struct monitor *monitor, const struct tfsm_segment *seg)
{
    monitor->resets++;
    if (monitor->resets > 1 || seg->len > 0) {
        fails(monitor, "ONE_RST",
              "RFC9293:3.5.2 one RST answers one segment, and consumes no number");
    }
    bool with_ack = (seg->flags & TFSM_ACK) != 0;
    if (!monitor->rst_expected || seg->seq != monitor->rst_seq ||
        with_ack != monitor->rst_with_ack || (with_ack && seg->ack != monitor->rst_ack)) {
        fails(monitor, "RST_NUMBERS", "RFC9293:3.5.2 a RST has the numbers its cause calls for");
    }
    monitor->rst_expected = false;
}
