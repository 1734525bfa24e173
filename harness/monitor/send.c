/* The send side: how far SND.UNA moves, where the peer's window ends, which numbers go out, and
 * which go out again. */
#include "internal.h"
#include "seq.h"

/* ---- what comes in ---- */

/* The greatest right edge that the peer has offered. */
static void note_peer_edge(struct monitor *monitor, const struct tfsm_segment *seg,
                           const struct tfsm_tcb *after)
{
    bool from_ack = (seg->flags & TFSM_ACK) != 0 && seq_le(monitor->una_low, seg->ack) &&
                    seq_le(seg->ack, monitor->snd_max);
    if (!from_ack && (seg->flags & (TFSM_SYN | TFSM_ACK)) != TFSM_SYN) {
        return;
    }
    uint32_t wnd = seg->flags & TFSM_SYN ? seg->wnd : (uint32_t)seg->wnd << after->snd_wscale;
    uint32_t edge = seq_add(from_ack ? seg->ack : seq_add(monitor->iss, 1), wnd);
    if (!monitor->peer_edge_known || seq_lt(monitor->peer_edge, edge)) {
        monitor->peer_edge = edge;
        monitor->peer_edge_known = true;
    }
}

void send_step(struct monitor *monitor, const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    if (!monitor->open) {
        return;
    }
    if (seq_lt(monitor->snd_max, after->snd_una)) {
        fails_by(monitor, "ACKED_UNSENT", "RFC9293:3.4 SND.UNA never passes what was sent",
                 seq_distance(monitor->iss, monitor->snd_max),
                 seq_distance(monitor->iss, after->snd_una));
    }
    if (IN(before, ~NO_CONNECTION) && before->iss == after->iss) {
        if (seq_lt(after->snd_una, before->snd_una) || seq_lt(after->rcv_nxt, before->rcv_nxt)) {
            if (IN(before, ~BIT(SYN_SENT))) {
                fails(monitor, "WENT_BACK", "RFC9293:3.4 SND.UNA and RCV.NXT never go back");
            }
        }
        if (after->snd_una != before->snd_una &&
            (ev->kind != TFSM_EV_SEGMENT || seg->ack != after->snd_una)) {
            fails_by(monitor, "ACKED_BY_NOBODY", "RFC9293:3.10.7.4 SND.UNA moves to SEG.ACK",
                     seq_distance(monitor->iss,
                                  ev->kind == TFSM_EV_SEGMENT ? seg->ack : before->snd_una),
                     seq_distance(monitor->iss, after->snd_una));
        }
    }
    if (ev->kind == TFSM_EV_SEGMENT) {
        note_peer_edge(monitor, seg, after);
    }
    monitor->una_low = after->snd_una;
    if (fx->acknowledged > monitor->queued) {
        fails_by(monitor, "ACKED_UNQUEUED", "RFC9293:3.10.2 no more is acknowledged than was sent",
                 monitor->queued, fx->acknowledged);
    }
}

/* ---- what goes out ---- */

uint32_t monitor_own_place(const struct tfsm_tcb *tcb, bool rst)
{
    uint32_t flight = seq_distance(tcb->snd_una, tcb->snd_nxt);
    uint32_t syn = tcb->flags & TFSM_M_SYN_ACKED ? 0u : 1u;
    uint32_t hidden = tcb->snd_wnd > 0 ? (1u << tcb->snd_wscale) - 1 : 0;
    if (flight <= syn + tcb->snd_wnd + hidden) {
        return tcb->snd_nxt;
    }
    return seq_add(tcb->snd_una, syn + tcb->snd_wnd - (rst && tcb->snd_wnd > 0 ? 1u : 0u));
}

/* What is sent again keeps within the window as it is now, but for the first time where windows are
 * scaled, and what the scale may have cut off. Text that was never sent may go behind it in the same segment:
 * that was not again. */
void send_again(struct monitor *monitor, const struct tfsm_tcb *before,
                const struct tfsm_segment *seg)
{
    struct tfsm_range sent = {seg->seq, seq_add(seg->seq, seg->len)};
    uint32_t rounding = (1u << before->snd_wscale) - 1;
    uint32_t edge = seq_add(before->snd_una, before->snd_wnd + rounding);
    unsigned count = 0;
    bool twice = before->snd_wscale == 0;
    if ((seg->flags & TFSM_SYN) != 0 || (before->flags & TFSM_M_SYN_ACKED) == 0 ||
        before->at_persist != 0) {
        return;
    }
    for (unsigned i = 0; i < monitor->again_count; i++) {
        if (seq_lt(before->snd_una, monitor->again[i].right)) {
            monitor->again[count++] = monitor->again[i];
            twice = twice || (seq_lt(sent.left, monitor->again[i].right) &&
                              seq_lt(monitor->again[i].left, sent.right) &&
                              seq_lt(edge, seq_min(sent.right, monitor->again[i].right)));
        }
    }
    monitor->again_count = count;
    if (twice && seq_lt(edge, sent.right)) {
        fails(monitor, "AGAIN_BEYOND_WINDOW",
              "RFC7323:2.4f, RFC9293:SHLD-16 a second retransmission keeps within the window");
    }
    sent.right = seq_min(sent.right, before->snd_nxt);
    if (count < MONITOR_AGAIN) {
        monitor->again[monitor->again_count++] = sent;
    }
}

/* Octets of options, padded. */
static uint32_t options_of(const struct tfsm_segment *seg)
{
    uint32_t octets = (seg->options & TFSM_OPT_TIMESTAMPS ? 10u : 0u) +
                      (seg->options & TFSM_OPT_USER_TIMEOUT ? 4u : 0u) +
                      (seg->options & TFSM_OPT_SACK ? 2u + 8u * seg->sacks : 0u);
    return (octets + 3) / 4 * 4;
}

void send_numbers(struct monitor *monitor, const struct tfsm_tcb *before,
                  const struct tfsm_segment *seg)
{
    uint32_t end = seq_add(seg->seq, seg->len);
    uint32_t text = text_of(seg);
    bool probe = before->snd_wnd == 0 && seg->len == 1;
    if ((seg->flags & TFSM_SYN) != 0 && seg->seq != monitor->iss) {
        fails_by(monitor, "SYN_BOUND", "RFC9293:3.4.1 the SYN keeps its sequence number",
                 monitor->iss, seg->seq);
    }
    if ((seg->flags & TFSM_FIN) != 0) {
        uint32_t fin = seq_sub(end, 1);
        if (monitor->fin_out && fin != monitor->fin_seq) {
            fails_by(monitor, "FIN_BOUND",
                     "RFC9293:3.10.4 there is one FIN, always at the same number",
                     seq_distance(monitor->iss, monitor->fin_seq), seq_distance(monitor->iss, fin));
        }
        monitor->fin_out = true;
        monitor->fin_seq = fin;
    }
    if (monitor->fin_out && seq_lt(seq_add(monitor->fin_seq, 1), end)) {
        fails(monitor, "AFTER_FIN", "RFC9293:3.10.4 nothing new follows the FIN");
    }
    uint32_t first = seq_add(seg->seq, seg->flags & TFSM_SYN ? 1 : 0);
    if (text > 0 && (uint32_t)(seg->text_offset & 0xffffffffu) !=
                        seq_distance(seq_add(monitor->iss, 1), first)) {
        fails(monitor, "SEQ_BINDING", "RFC9293:3.4 a sequence number is bound to one octet");
    }
    if (text > 1 && (seg->flags & TFSM_SYN) == 0 && text + options_of(seg) > monitor->peer_mss) {
        fails_by(monitor, "MSS_EXCEEDED", "RFC9293:MUST-16 no text is larger than the peer takes",
                 monitor->peer_mss - options_of(seg), text);
    }
    if (text > 0 && seg->text_offset + text > monitor->queued) {
        fails_by(monitor, "SENT_UNQUEUED", "RFC9293:3.10.2 only what the user sent is sent",
                 monitor->queued, seg->text_offset + text);
    }
    if ((seg->flags & TFSM_SYN) == 0 && seg->len > 0 && !probe && monitor->peer_edge_known &&
        seq_lt(monitor->peer_edge, end)) {
        fails_by(monitor, "BEYOND_WINDOW",
                 "RFC9293:3.8.6 nothing beyond the peer's window but a probe",
                 seq_distance(monitor->iss, monitor->peer_edge), seq_distance(monitor->iss, end));
    }
    monitor->snd_max = seq_max(monitor->snd_max, end);
    if (seg->len > 0 && seg->seq == before->snd_una) {
        monitor->owes_una = false;
    }
}
