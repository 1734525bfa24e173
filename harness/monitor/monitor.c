/* The entrance, and the account of an incarnation. The trace invariants are a few lines each that
 * call fails() with an id and the requirement it stands for; those of one concern have a file. */
#include "internal.h"
#include "machine.h"
#include "seq.h"

#include <string.h>

/* Octets: of the ranges behind nothing is read that was not written. */
#define HEAD offsetof(struct monitor, kept)

/* The window a SYN offers: it is never scaled. */
static uint32_t first_window(const struct tfsm_config *cfg)
{
    return cfg->rcv_buff < UINT16_MAX ? cfg->rcv_buff : UINT16_MAX;
}

/* ---- the account ---- */

/* Nothing is known of a connection that is not there, or has just begun; a listener, and what is
 * owed in reply, stay. */
static APART void begin_account(struct monitor *monitor, const struct tfsm_tcb *before,
                                const struct tfsm_tcb *after)
{
    static struct monitor old; /* for the sanitizers' sake not in a frame */
    if (after->state == TFSM_LISTEN && before->state == TFSM_SYN_RECEIVED) {
        state_relisten(monitor, after);
    }
    memcpy(&old, monitor, HEAD);
    memset(monitor, 0, HEAD);
    monitor->violation = old.violation;
    monitor->witness = old.witness;
    monitor->packets = old.packets;
    monitor->acks_alone = old.acks_alone;
    monitor->resets = old.resets;
    monitor->rst_expected = old.rst_expected;
    monitor->rst_seq = old.rst_seq;
    monitor->rst_ack = old.rst_ack;
    monitor->rst_with_ack = old.rst_with_ack;
    monitor->duty.rst_due = old.duty.rst_due;
    monitor->listener = old.listener;
    if (after->state == TFSM_LISTEN && before->state == TFSM_CLOSED) {
        monitor->listener = *after;
    }
}

/* Start or end the account of an incarnation. */
static void keep_account(struct monitor *monitor, const struct tfsm_config *cfg,
                         const struct tfsm_tcb *before, const struct tfsm_event *ev,
                         enum tfsm_result result, const struct tfsm_tcb *after)
{
    bool open = IN(after, ~NO_CONNECTION);
    if (!open || !IN(before, ~NO_CONNECTION)) {
        begin_account(monitor, before, after);
    }
    if (open && !monitor->open) {
        monitor->open = true;
        monitor->iss = after->iss;
        monitor->snd_max = seq_add(after->iss, 1);
        monitor->una_low = after->iss;
    }
    if (open && !monitor->edge_out_known && after->state != TFSM_SYN_SENT) {
        /* The window that our SYN offers counts from the peer's SYN. */
        monitor->edge_out = seq_add(seq_add(after->irs, 1), first_window(cfg));
        monitor->edge_out_known = true;
    }
    if (open && ev->kind == TFSM_EV_SEGMENT && monitor->peer_mss == 0 &&
        (ev->segment.flags & TFSM_SYN) != 0 && after->state != TFSM_SYN_SENT) {
        option_settle(monitor, cfg, before, ev, after);
        monitor->heard = ev->now;
    }
    if (open && ev->kind == TFSM_EV_SEND && result == TFSM_DONE) {
        monitor->queued += ev->len;
    }
}

void monitor_adopt(struct monitor *monitor, const struct tfsm_tcb *tcb)
{
    *monitor =
        (struct monitor){.open = true,
                         .iss = tcb->iss,
                         .snd_max = tcb->snd_nxt,
                         .una_low = tcb->iss,
                         .peer_edge = seq_add(tcb->snd_nxt, tcb->snd_wnd),
                         .peer_edge_known = true,
                         .edge_out = seq_add(tcb->rcv_nxt, tcb->rcv_wnd),
                         .edge_out_known = true,
                         .peer_mss = tcb->mss_full > tcb->snd_mss ? tcb->mss_full : tcb->snd_mss,
                         .path_tried = (tcb->loss & TFSM_L_MTU_OUT) != 0,
                         .path = (tcb->loss & TFSM_L_MTU_OUT) != 0 ? tcb->snd_mss : 0,
                         .path_try = tcb->mss_try,
                         .path_seq = tcb->mtu_seq,
                         .path_end = tcb->mtu_end,
                         .timestamps = (tcb->flags & TFSM_M_TIMESTAMPS) != 0,
                         .sack = (tcb->flags & TFSM_M_SACK) != 0,
                         .ecn = (tcb->flags & TFSM_M_ECN) != 0,
                         .syn_plain = (tcb->flags & TFSM_M_NOT_ECT) != 0,
                         .ts_recent = tcb->ts_recent,
                         .ack_out = tcb->rcv_nxt,
                         .ack_out_known = true,
                         .syn_out = true,
                         .mute_until = tcb->challenge_until,
                         .heard = tcb->sent_at};
    duty_adopt(monitor, tcb);
    rtt_adopt(monitor, tcb);
    flight_adopt(monitor);
}

/* ---- an event ---- */

/* News ends the count of timeouts, and what one called for. */
static void note_news(struct monitor *monitor, const struct tfsm_tcb *before,
                      const struct tfsm_event *ev, const struct tfsm_effects *fx,
                      const struct tfsm_tcb *after)
{
    if (ev->kind == TFSM_EV_SEGMENT && monitor_syn_repeated(before, &ev->segment) &&
        after->tries != before->tries) { /* the SYN-ACK goes again, which is one try more */
        monitor->timeouts++;
        monitor->interval = 0;
    }
    bool answered =
        ev->kind == TFSM_EV_SEGMENT && before->at_persist != 0 && fx->verdict != TFSM_V_DROP;
    if (after->snd_una != before->snd_una || answered ||
        (after->at_persist != 0) != (before->at_persist != 0)) {
        monitor->timeouts = 0;
        monitor->interval = 0;
    }
    /* what a timeout that came too early has doubled counts no more */
    if (monitor->recovery.undone) {
        monitor->interval = 0;
    }
    if (after->snd_una != before->snd_una ||
        (before->at_persist != 0) != (after->at_persist != 0)) {
        monitor->owes_una =
            false; /* acknowledged, or the window opened and the probe is not needed */
    }
    if (ev->kind == TFSM_EV_SEGMENT) {
        monitor->probe_interval = 0;
    }
}

void monitor_step(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  enum tfsm_result result, const struct tfsm_effects *fx,
                  const struct tfsm_tcb *after)
{
    wire_step(monitor, before, ev, after);
    enum tfsm_clause clause = tfsm_check(after);
    if (clause != TFSM_OK) {
        fails(monitor, tfsm_clause_name(clause), tfsm_clause_text(clause));
    }
    if (machine_trace(fx)->count >= TFSM_FIRED_MAX) {
        fails(monitor, "BOUNDED", "design 4.3: no list is longer than TFSM_FIRED_MAX steps");
    }
    if (result != TFSM_DONE && !same(before, after)) {
        fails(monitor, "ERROR_BUT_CHANGED", "RFC9293:3.10 a refused call changes nothing");
    }
    monitor->retimed = monitor->user_timeout != cfg->user_timeout;
    monitor->user_timeout = result == TFSM_DONE ? cfg->user_timeout : monitor->user_timeout;
    if (ev->kind == TFSM_EV_TIMEOUT) {
        timer_progress(monitor, before, ev, after);
    }
    if (before->state == TFSM_TIME_WAIT || fx->verdict == TFSM_V_REOPEN) {
        state_reopen(monitor, cfg, before, ev, fx, after);
    }
    if (fx->verdict == TFSM_V_REOPEN) { /* it is no segment of this connection */
        monitor->acks_alone = 0;
        monitor->resets = 0;
        return;
    }
    if (before->state != after->state) {
        state_transition(monitor, cfg, before, ev, after);
    }
    bool ended = IN(before, ~NO_CONNECTION) && !IN(after, ~NO_CONNECTION);
    if (!ended) {
        keep_account(monitor, cfg, before, ev, result, after);
    }
    if (ev->kind == TFSM_EV_SEGMENT) {
        refusal_step(monitor, cfg, before, ev, fx, after);
        if ((before->snd_una & 3u) == 0) { /* one run in four: it costs a step */
            independence_of_flags(monitor, cfg, before, ev, after);
        }
        if ((ev->segment.flags & TFSM_RST) != 0 && (after->owed & TFSM_OWE_RST) != 0 &&
            (before->owed & TFSM_OWE_RST) == 0) {
            fails(monitor, "RST_ANSWERS_RST", "RFC9293:3.5.2 a RST is never answered by a RST");
        }
    }
    if (result == TFSM_DONE) {
        duty_step(monitor, cfg, before, ev, fx, after);
        rtt_step(monitor, cfg, before, ev, after);
    }
    if (ev->kind == TFSM_EV_SEGMENT) {
        refusal_reply(monitor, before, ev, fx, after);
    }
    if (!ended && ev->kind == TFSM_EV_SEGMENT && fx->verdict != TFSM_V_DROP) {
        congestion_duplicate(monitor, before, &ev->segment);
    }
    if (!ended && ev->kind == TFSM_EV_SEGMENT) {
        if ((after->flags & TFSM_M_DSACK) != 0) {
            sack_twice(monitor, &ev->segment, before, after);
        }
        option_plain_syn(monitor, before, &ev->segment, after);
    }
    if (!ended) {
        receive_step(monitor, cfg, ev, fx, after);
        send_step(monitor, before, ev, fx, after);
        congestion_step(monitor, cfg, before, ev, after);
        mtu_step(monitor, before, ev, after);
        timer_bounds(monitor, cfg, before, ev, after);
        if ((after->flags & TFSM_M_URGENT_TOLD) != 0) {
            urgent_ahead(monitor, after);
        }
    }
    if (!ended && ev->kind == TFSM_EV_SEGMENT && fx->verdict != TFSM_V_DROP &&
        IN(before, SYNCHRONIZED | BIT(SYN_RECEIVED))) {
        option_step(monitor, ev, before, after);
    }
    if (!ended) {
        bool taken = ev->kind == TFSM_EV_SEGMENT && fx->verdict != TFSM_V_DROP &&
                     IN(before, SYNCHRONIZED | BIT(SYN_RECEIVED));
        flight_step(monitor, cfg, before, ev, taken, after);
        tail_step(monitor, cfg, before, ev, after);
        recovery_step(monitor, cfg, before, ev, taken, after);
        growth_step(monitor, cfg, before, ev, after);
    }
    if (ev->kind == TFSM_EV_ICMP) {
        refusal_icmp(monitor, cfg, before, ev, fx, after);
    }
    if (ev->kind == TFSM_EV_TIMEOUT) {
        timer_timeout(monitor, cfg, before, ev, fx, after);
    }
    note_news(monitor, before, ev, fx, after);
    if ((after->owed & TFSM_OWE_RST) != 0) {
        reset_step(monitor, before, ev, after);
    }
    if (before->state == TFSM_TIME_WAIT || after->state == TFSM_TIME_WAIT) {
        state_time_wait(monitor, cfg, before, ev, fx, after);
    }
    orphan_step(monitor, cfg, before, ev, fx, after);
    if (fx->signals != 0 || before->state != after->state || !monitor->connected) {
        state_signals(monitor, before, ev, fx, after);
    }
    monitor->acks_alone = 0;
    monitor->resets = 0;
    if (ended) {
        keep_account(monitor, cfg, before, ev, result, after);
    }
}

/* ---- output ---- */

void monitor_output(struct monitor *monitor, const struct tfsm_config *cfg,
                    const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                    const struct tfsm_tcb *after)
{
    wire_output(monitor, now, seg);
    enum tfsm_clause clause = tfsm_check(after);
    if (clause != TFSM_OK) {
        fails(monitor, tfsm_clause_name(clause), tfsm_clause_text(clause));
    }
    if ((before->at_persist != 0) != (after->at_persist != 0)) {
        monitor->timeouts = 0; /* what was held back has gone out: another timer, another count */
        monitor->interval = 0;
        monitor->probe_interval = 0;
    }
    if (before->state != after->state || before->snd_una != after->snd_una ||
        before->rcv_nxt != after->rcv_nxt) {
        fails(monitor, "OUTPUT_CHANGES_STATE",
              "RFC9293:3.10 sending changes neither state nor receive side");
    }
    duty_output(monitor, cfg, before, now, seg, after);
    rtt_output(monitor, before, now, seg, after);
    if ((seg->flags & TFSM_RST) != 0) {
        reset_output(monitor, seg);
        return;
    }
    if (!monitor->open) {
        fails(monitor, "SPEAKS_WHEN_CLOSED",
              "RFC9293:3.10.7.1 CLOSED and LISTEN send nothing but RST");
        return;
    }
    if (after->state != TFSM_SYN_SENT && (seg->flags & TFSM_ACK) == 0) {
        fails(monitor, "ACK_ALWAYS", "RFC9293:3.1 every segment after the SYN bears an ACK");
    }
    if ((before->flags & TFSM_M_URGENT) != 0 || (seg->flags & TFSM_URG) != 0) {
        urgent_output(monitor, before, seg);
    }
    option_output(monitor, cfg, before, now, seg, after);
    if (seg->len > 0 && seq_lt(seg->seq, before->snd_nxt)) {
        sack_resent(monitor, before, seg);
        send_again(monitor, before, seg);
    }
    congestion_output(monitor, cfg, before, seg, after);
    flight_output(monitor, cfg, before, now, seg);
    tail_output(monitor, cfg, before, now, seg, after);
    recovery_output(monitor, cfg, before, seg);
    growth_output(monitor, cfg, before, now, seg, after);
    if (seg->len > 0 && seg->seq == before->snd_una) {
        timer_output(monitor, now, seg);
    }
    bool keepalive = seg->len == 0 && seg->seq == seq_sub(before->snd_nxt, 1) &&
                     before->snd_una == before->snd_nxt;
    if (keepalive && cfg->keepalive_idle == 0) {
        fails(monitor, "KEEPALIVE_EARLY", "RFC9293:MUST-25 keep-alives are off unless asked for");
    } else if (keepalive) {
        /* when it was due was checked with the timeout */
    } else if (seg->len == 0) {
        monitor->acks_alone++;
        if (monitor->acks_alone > 1) {
            fails(monitor, "ONE_ACK", "RFC9293:MUST-58 one drain gives one acknowledgment");
        }
        if (seg->seq != monitor_own_place(before, false)) {
            fails(
                monitor, "ACK_PLACE",
                "RFC9293:3.4 an acknowledgment stands at SND.NXT, or where the peer's window ends");
        }
    }
    if (monitor->path != 0) {
        mtu_output(monitor, now, seg);
    }
    send_numbers(monitor, before, seg);
    if ((seg->flags & TFSM_SYN) != 0 &&
        ((seg->options & TFSM_OPT_MSS) == 0 || seg->mss != monitor_own_mss(cfg))) {
        fails(monitor, "SYN_MSS", "RFC9293:MAY-3 every SYN carries our MSS");
    }
    uint64_t early = monitor->delivered; /* a Fast Open's text has come before our SYN goes out */
    if ((seg->flags & TFSM_SYN) != 0 && seg->wnd + early != first_window(cfg)) {
        fails(monitor, "SYN_WINDOW", "RFC7323:2.2 the window of a SYN is the buffer, not scaled");
    }
    if ((seg->flags & TFSM_ACK) != 0) {
        receive_acknowledgment(monitor, seg, after);
    }
}

void monitor_drained(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_tcb *tcb, tfsm_time now)
{
    bool late = now < TFSM_NEVER - 1 && now - monitor->waits_from >= HALF_SECOND;
    bool may_wait = cfg->ack_delay > 0 && monitor->waiting == 1 && !late;
    if (monitor->owes_una && tcb->snd_una != tcb->snd_nxt) {
        fails(monitor, "NOT_RETRANSMITTED",
              "RFC9293:3.10.8 when the timer goes off the front of the queue is sent again");
    }
    if (monitor->owes_ack && IN(tcb, SYNCHRONIZED) && !may_wait) {
        fails(
            monitor, "NOT_ACKNOWLEDGED",
            "RFC9293:SHLD-19, RFC9293:MUST-40 what is taken is acknowledged, every second segment "
            "at once, the others within half a second");
    }
    if (may_wait && monitor->owes_ack && tcb->at_ack == 0) {
        fails(monitor, "NEVER_ACKNOWLEDGED",
              "RFC9293:MUST-40 an acknowledgment that waits has a timer");
    }
    duty_drained(monitor, cfg, tcb);
    monitor->owes_una = false;
    if (tcb->owed != 0) {
        fails(monitor, "DEBT_UNPAID", "RFC9293:3.10.7 what is owed is sent");
    }
}
