/* The receive side: which text is handed out and delivered, and which number and window our
 * acknowledgments say. */
#include "internal.h"
#include "seq.h"

#include <string.h>

/* One more piece that is kept until it is delivered: what it touches is a part of it from now on, and the
 * pieces stay in order. */
static void keep(struct monitor *monitor, uint64_t left, uint64_t right)
{
    unsigned first = 0;
    while (first < monitor->kept_count && monitor->kept[first][1] < left) {
        first++;
    }
    unsigned end = first;
    for (; end < monitor->kept_count && monitor->kept[end][0] <= right; end++) {
        left = monitor->kept[end][0] < left ? monitor->kept[end][0] : left;
        right = monitor->kept[end][1] > right ? monitor->kept[end][1] : right;
    }
    if (end == first && monitor->kept_count == MONITOR_RANGES) {
        return;
    }
    memmove(&monitor->kept[first + 1], &monitor->kept[end],
            (monitor->kept_count - end) * sizeof monitor->kept[0]);
    monitor->kept[first][0] = left;
    monitor->kept[first][1] = right;
    monitor->kept_count += first + 1 - end;
}

/* Text handed out: within the segment, at the place its sequence number says, under the edge we
 * announced, never twice. */
static void check_text(struct monitor *monitor, const struct tfsm_event *ev,
                       const struct tfsm_tcb *after, const struct tfsm_text *text)
{
    const struct tfsm_segment *seg = &ev->segment;
    uint32_t first = seq_add(seq_add(seg->seq, seg->flags & TFSM_SYN ? 1 : 0), text->at);
    uint64_t right = text->offset + text->len;
    if (text->len == 0 || text->at > text_of(seg) || text->len > text_of(seg) - text->at ||
        (uint32_t)(text->offset & 0xffffffffu) != seq_distance(seq_add(after->irs, 1), first)) {
        fails(monitor, "TEXT_MISPLACED", "RFC9293:3.4 text goes where its sequence number says");
    }
    if (text->offset < monitor->delivered) {
        fails_by(monitor, "TEXT_TWICE", "RFC9293:3.10.7.4 every octet is delivered once",
                 monitor->delivered, text->offset);
    }
    if (monitor->edge_out_known && seq_lt(monitor->edge_out, seq_add(first, text->len))) {
        fails_by(monitor, "TEXT_BEYOND_WINDOW",
                 "RFC9293:3.10.7.4 nothing beyond the window is taken",
                 seq_distance(after->irs, monitor->edge_out),
                 seq_distance(after->irs, seq_add(first, text->len)));
    }
    for (unsigned i = 0; i < monitor->kept_count; i++) {
        if (text->offset < monitor->kept[i][1] && monitor->kept[i][0] < right) {
            fails(monitor, "TEXT_TWICE", "RFC9293:3.10.7.4 every octet is handed out once");
        }
    }
    keep(monitor, text->offset, right);
}

/* What is delivered was received: RCV.NXT moves only over text that was handed out, and over the
 * FIN. */
void receive_step(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_event *ev, const struct tfsm_effects *fx,
                  const struct tfsm_tcb *after)
{
    bool fin = (fx->signals & TFSM_SIG_PEER_CLOSED) != 0;
    uint64_t target = monitor->delivered + fx->delivered;
    for (unsigned i = 0; i < fx->text_count && ev->kind == TFSM_EV_SEGMENT; i++) {
        check_text(monitor, ev, after, &fx->text[i]);
    }
    while (monitor->delivered < target) {
        if (monitor->kept_count == 0 || monitor->kept[0][0] != monitor->delivered ||
            monitor->kept[0][1] > target) {
            fails(monitor, "DELIVERED_UNRECEIVED",
                  "RFC9293:3.10.7.4 RCV.NXT moves only over octets that were received");
            monitor->delivered = target;
            return;
        }
        monitor->delivered = monitor->kept[0][1];
        monitor->kept_count--;
        memmove(&monitor->kept[0], &monitor->kept[1],
                monitor->kept_count * sizeof monitor->kept[0]);
    }
    if (!IN(after, SYNCHRONIZED)) {
        return;
    }
    if (fx->delivered > 0 || fin) {
        monitor->owes_ack = true;
    }
    if (ev->kind == TFSM_EV_SEGMENT && fx->verdict != TFSM_V_DROP && text_of(&ev->segment) > 0 &&
        (after->flags & TFSM_M_SYN_ACKED) != 0) {
        bool plain =
            fx->text_count == 1 && fx->delivered == fx->text[0].len && !fin && monitor->quick == 0;
        if (fx->delivered > 0) {
            monitor->quick -= monitor->quick > 0 ? 1 : 0;
        } else if (fx->text_count > 0) { /* it came out of order */
            monitor->quick = (cfg->profile & TFSM_QUICK_ACK) != 0 ? TFSM_QUICK_ACKS : 0;
        }
        monitor->waits_from = monitor->waiting == 0 ? ev->now : monitor->waits_from;
        monitor->waiting += plain ? 1 : 2; /* only text that came as it should may wait */
    }
    uint32_t expected = seq_add(seq_add(after->irs, 1), (uint32_t)(target & 0xffffffffu));
    bool fin_passed = IN(after, BIT(CLOSE_WAIT) | BIT(CLOSING) | BIT(LAST_ACK) | BIT(TIME_WAIT));
    if (after->rcv_nxt != seq_add(expected, fin_passed ? 1 : 0)) {
        fails_by(monitor, "ACK_UNRECEIVED",
                 "RFC9293:3.4 nothing is acknowledged that was not received",
                 seq_distance(after->irs, seq_add(expected, fin_passed ? 1 : 0)),
                 seq_distance(after->irs, after->rcv_nxt));
    }
    if (fin && !fin_passed) {
        fails(monitor, "PEER_FIN_TOLD", "RFC9293:3.10.7.4 connection closing is told with the FIN");
    }
}

uint64_t monitor_kept_end(const struct monitor *monitor)
{
    unsigned count = monitor->kept_count;
    bool more = count > 0 && monitor->kept[count - 1][1] > monitor->delivered;
    return more ? monitor->kept[count - 1][1] : monitor->delivered;
}

void receive_acknowledgment(struct monitor *monitor, const struct tfsm_segment *seg,
                            const struct tfsm_tcb *after)
{
    uint8_t shift = seg->flags & TFSM_SYN ? 0 : after->rcv_wscale;
    uint32_t edge = seq_add(seg->ack, (uint32_t)seg->wnd << shift);
    monitor->owes_ack = false;
    monitor->waiting = 0;
    monitor->ack_out = seg->ack;
    if (seg->ack != after->rcv_nxt) {
        fails_by(monitor, "ACK_IS_RCV_NXT", "RFC9293:3.10.7.4 an acknowledgment says RCV.NXT",
                 seq_distance(after->irs, after->rcv_nxt), seq_distance(after->irs, seg->ack));
    }
    if (monitor->edge_out_known && seq_lt(edge, monitor->edge_out) &&
        seq_distance(edge, monitor->edge_out) >> shift != 0) {
        fails_by(monitor, "EDGE_WENT_BACK", "RFC9293:SHLD-14 the right edge never moves left",
                 seq_distance(after->irs, monitor->edge_out), seq_distance(after->irs, edge));
    }
    if (!monitor->edge_out_known || seq_lt(monitor->edge_out, edge)) {
        monitor->edge_out = edge;
        monitor->edge_out_known = true;
    }
    if (seq_add(after->rcv_nxt, after->rcv_wnd) != monitor->edge_out) {
        fails_by(monitor, "WINDOW_SHADOW",
                 "RFC9293:3.8.6 the TCB remembers the greatest edge put on the wire",
                 seq_distance(after->irs, monitor->edge_out),
                 seq_distance(after->irs, seq_add(after->rcv_nxt, after->rcv_wnd)));
    }
}
