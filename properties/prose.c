/* RFC 9293 3.10.7 as prose: the states that have no connection yet, and the door. See prose.h. */
#include "prose_internal.h"

/* ---- 3.10.7.1, 3.10.7.2 ---- */

static void closed_state(struct reading *r)
{
    ends_in(r, "RFC9293:3.10.7.1");
    if (!has(r, TFSM_RST)) {
        send_reset(r);
    }
}

static void listen_state(struct reading *r)
{
    ends_in(r, "RFC9293:3.10.7.2 first");
    if (has(r, TFSM_RST)) {
        return;
    }
    ends_in(r, "RFC9293:3.10.7.2 second");
    if (has(r, TFSM_ACK)) {
        send_reset(r);
        return;
    }
    ends_in(r, "RFC9293:3.10.7.2 fourth");
    if (!has(r, TFSM_SYN)) {
        return;
    }
    ends_in(r, "RFC9293:3.10.7.2 third");
    if (r->seg->security != r->tcb->security) {
        send_reset(r);
        return;
    }
    r->v.state = TFSM_SYN_RECEIVED;
    r->v.reply = PROSE_SYN_ACK;
    r->v.rcv_nxt = seq_add(r->seg->seq, 1);
    r->v.snd_una = r->ev->iss;
    /* Nothing is said of the send window before the third segment, and of the timestamp only that
     * it is kept where it is agreed upon. */
    r->v.free |= PROSE_FREE_WINDOW | PROSE_FREE_STAMP;
    if (r->ev->fast_open) { /* RFC 7413 hands the text to the user here */
        r->v.free |= PROSE_FREE_TEXT | PROSE_FREE_SIGNALS;
    }
}

/* ---- 3.10.7.3 ---- */

/* Fourth: a SYN, with an ACK that is good or none. */
static void syn_sent_syn(struct reading *r)
{
    ends_in(r, "RFC9293:3.10.7.3 fourth");
    r->v.rcv_nxt = seq_add(r->seg->seq, 1);
    r->v.snd_una = has(r, TFSM_ACK) ? r->seg->ack : r->tcb->snd_una;
    r->v.free |= PROSE_FREE_STAMP; /* kept where it is agreed upon */
    /* The window of a SYN is never scaled (RFC 7323 2.2). The text sets these three only on the way to
     * SYN-RECEIVED, but ESTABLISHED has no use for a window it does not know. */
    r->v.snd_wnd = r->seg->wnd;
    r->v.snd_wl1 = r->seg->seq;
    r->v.snd_wl2 = r->seg->ack;
    if (seq_lt(r->tcb->iss, r->v.snd_una)) {
        r->v.state = TFSM_ESTABLISHED;
        r->v.signals |= TFSM_SIG_CONNECTED;
        send_ack(r);
        prose_sixth_to_eighth(r);
        return;
    }
    r->v.state = TFSM_SYN_RECEIVED;
    r->v.reply = PROSE_SYN_ACK;
    r->v.free |=
        has(r, TFSM_ACK) ? 0 : PROSE_FREE_WINDOW; /* SND.WL2 <- an ACK field that is none */
}

static void syn_sent_state(struct reading *r)
{
    bool acked = has(r, TFSM_ACK);
    ends_in(r, "RFC9293:3.10.7.3 first");
    if (acked && (seq_le(r->seg->ack, r->tcb->iss) || seq_lt(r->tcb->snd_nxt, r->seg->ack) ||
                  !seq_lt(r->tcb->iss, r->seg->ack))) {
        if (!has(r, TFSM_RST)) {
            send_reset(r);
        }
        return;
    }
    ends_in(r, "RFC9293:3.10.7.3 second");
    if (has(r, TFSM_RST)) { /* RCV.NXT means nothing yet: RFC 5961 3.2 asks for the ACK alone */
        if (acked) {
            enter_closed(r, TFSM_SIG_RESET);
        }
        return;
    }
    ends_in(r, "RFC9293:3.10.7.3 third");
    if (r->seg->security != r->tcb->security) {
        send_reset(r);
        return;
    }
    ends_in(r, "RFC9293:3.10.7.3 fifth");
    if (has(r, TFSM_SYN)) {
        syn_sent_syn(r);
    }
}

struct prose_verdict prose_segment(const struct tfsm_tcb *before, const struct tfsm_config *cfg,
                                   const struct tfsm_event *ev)
{
    struct reading r = {.tcb = before, .cfg = cfg, .ev = ev, .seg = &ev->segment};
    r.v = (struct prose_verdict){.state = (enum tfsm_state)before->state,
                                 .rcv_nxt = before->rcv_nxt,
                                 .snd_una = before->snd_una,
                                 .snd_wnd = before->snd_wnd,
                                 .snd_wl1 = before->snd_wl1,
                                 .snd_wl2 = before->snd_wl2,
                                 .ts_recent = before->ts_recent};
    if (r.v.state == TFSM_CLOSED) {
        closed_state(&r);
    } else if (r.v.state == TFSM_LISTEN) {
        listen_state(&r);
    } else if (r.v.state == TFSM_SYN_SENT) {
        syn_sent_state(&r);
    } else {
        prose_other_states(&r);
    }
    return r.v;
}
