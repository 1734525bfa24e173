/* RFC 9293 3.10.7.4 as prose, first to fifth step, with RFC 5961 and RFC 7323. See prose.h. */
#include "prose_internal.h"

/* Table 6. */
static bool is_acceptable(const struct reading *r)
{
    const struct tfsm_tcb *tcb = r->tcb;
    uint32_t last = seq_sub(seq_add(r->seg->seq, r->seg->len), 1);
    /* A RST counts by its number alone: the steps that follow compare no other (RFC 5961 3.2). */
    if (r->seg->len == 0 || has(r, TFSM_RST)) {
        return tcb->rcv_wnd == 0 ? r->seg->seq == tcb->rcv_nxt
                                 : seq_in(r->seg->seq, tcb->rcv_nxt, tcb->rcv_wnd);
    }
    return seq_in(r->seg->seq, tcb->rcv_nxt, tcb->rcv_wnd) ||
           seq_in(last, tcb->rcv_nxt, tcb->rcv_wnd);
}

#define DAYS_24 (UINT64_C(24) * 24 * 3600 * 1000000)

/* RFC 7323 5.3 R1 and 5.5: an old timestamp makes the segment one that is not acceptable, unless the
 * one it is measured by has grown too old itself. A RST is not asked. */
static bool is_old_stamp(const struct reading *r)
{
    bool idle = r->ev->now - r->tcb->ts_recent_from > DAYS_24;
    return remembers(r, TFSM_M_TIMESTAMPS) && (r->seg->options & TFSM_OPT_TIMESTAMPS) != 0 &&
           !has(r, TFSM_RST) && seq_lt(r->seg->ts_val, r->tcb->ts_recent) && !idle;
}

/* Just behind the window, and one further where it is closed. */
static bool is_at_edge(const struct reading *r)
{
    uint32_t beyond = seq_distance(prose_window_edge(r), r->seg->seq);
    return beyond == 0 || (beyond == 1 && r->tcb->rcv_wnd == 0);
}

/* The SYN that opened the connection, come again because our SYN-ACK was lost. The text calls for an
 * ACK, which a peer in SYN-SENT can do nothing with; RFC 9293 3.8.1 would send the SYN-ACK again
 * anyway. A reading of the machine, stated in rules_segment.inc. */
static bool is_syn_again(const struct reading *r)
{
    return is_half_open(r) && has(r, TFSM_SYN) && !has(r, TFSM_ACK) && !has(r, TFSM_RST) &&
           r->seg->seq == r->tcb->irs && r->seg->security == r->tcb->security;
}

/* First: sequence number, and before it the timestamp. False: processing ends. */
static bool check_sequence(struct reading *r)
{
    ends_in(r, "RFC7323:3.2");
    if (remembers(r, TFSM_M_TIMESTAMPS) && (r->seg->options & TFSM_OPT_TIMESTAMPS) == 0 &&
        !has(r, TFSM_RST | TFSM_SYN)) {
        return false; /* in silence (SHOULD), but for a SYN, whose challenge is a MUST (RFC 5961 4.2) */
    }
    ends_in(r, "RFC7323:5.3");
    bool old = is_old_stamp(r);
    if (!old) {
        ends_in(r, "RFC9293:3.10.7.4 first");
        if (is_syn_again(r)) {
            r->v.reply = PROSE_SYN_ACK;
            r->v.free |= PROSE_FREE_LIMITED | PROSE_FREE_STAMP;
            /* Each counts as a retransmission, and R2 ends them (3.8.3). */
            r->v.free |= r->tcb->tries >= r->cfg->syn_retries ? PROSE_FREE_REPLY : 0;
            return false;
        }
        if (is_acceptable(r)) {
            return true;
        }
        /* A closed window takes no text, but hears ACK, URG and RST (MUST-66). */
        if (r->tcb->rcv_wnd == 0 && r->seg->seq == r->tcb->rcv_nxt && !has(r, TFSM_SYN)) {
            r->no_text = true;
            send_ack(r); /* it is not acceptable for all that */
            return true;
        }
        /* All that a peer can say who has filled our window, or probed it, and lost that text (A.2). */
        if (r->seg->len == 0 && has(r, TFSM_ACK) && !has(r, TFSM_RST) && is_at_edge(r)) {
            return true;
        }
    }
    if (has(r, TFSM_RST)) {
        return false;
    }
    if (r->seg->len == 0 || has(r, TFSM_SYN)) {
        send_limited_ack(r);
    } else {
        send_ack(r);
    }
    if (has(r, TFSM_FIN) && r->tcb->state == TFSM_TIME_WAIT) {
        r->v.free |= PROSE_FREE_TIME_WAIT |
                     PROSE_FREE_STAMP; /* the fifth step speaks of it, the first drops it */
    }
    return false;
}

/* A connection out of LISTEN that may go back there. Not so once its user has sent or closed: that was
 * for this peer; nor where he has it already (RFC 7413 4.2.2). A reading of the machine, stated in rules_segment.inc. */
static bool goes_back(const struct reading *r)
{
    return remembers(r, TFSM_M_PASSIVE) && !remembers(r, TFSM_M_CLOSE | TFSM_M_FAST_OPEN) &&
           r->tcb->snd_end == seq_add(r->tcb->iss, 1);
}

/* Second: a RST. */
static void arrived_reset(struct reading *r)
{
    ends_in(r, "RFC9293:3.10.7.4 second");
    if (r->v.state == TFSM_TIME_WAIT && follows(r, TFSM_RFC1337)) {
        ends_in(r, "RFC1337:3 F1"); /* heeds none, and asks none for a better one */
        return;
    }
    if (follows(r, TFSM_RFC5961) && r->seg->seq != r->tcb->rcv_nxt) {
        if (seq_in(r->seg->seq, r->tcb->rcv_nxt, r->tcb->rcv_wnd)) {
            send_limited_ack(r);
        }
        return;
    }
    switch (r->v.state) {
    case TFSM_SYN_RECEIVED:
        if (goes_back(r)) {
            r->v.state = TFSM_LISTEN;
        } else {
            enter_closed(r, remembers(r, TFSM_M_PASSIVE) ? TFSM_SIG_RESET : TFSM_SIG_REFUSED);
        }
        return;
    case TFSM_TIME_WAIT:
        enter_closed(r, 0);
        r->v.free |= PROSE_FREE_SIGNALS;
        return;
    case TFSM_CLOSING:
    case TFSM_LAST_ACK:
        enter_closed(r, 0); /* nothing is said of the user here */
        r->v.free |= PROSE_FREE_SIGNALS;
        return;
    case TFSM_ESTABLISHED:
    case TFSM_FIN_WAIT_1:
    case TFSM_FIN_WAIT_2:
    case TFSM_CLOSE_WAIT:
    case TFSM_CLOSED:
    case TFSM_LISTEN:
    case TFSM_SYN_SENT:
    case TFSM_STATES:
        enter_closed(r, TFSM_SIG_RESET);
        return;
    }
}

/* Third: security. */
static void wrong_security(struct reading *r)
{
    ends_in(r, "RFC9293:3.10.7.4 third");
    send_reset(r);
    if (r->v.state != TFSM_SYN_RECEIVED) {
        enter_closed(r, TFSM_SIG_RESET);
    }
}

/* Fourth: a SYN. */
static void arrived_syn(struct reading *r)
{
    ends_in(r, "RFC9293:3.10.7.4 fourth");
    if (!seq_in(r->seg->seq, r->tcb->rcv_nxt, r->tcb->rcv_wnd)) {
        /* The window cuts this SYN off (first step) and would leave the rest of the segment, which may
         * be of another incarnation: RFC 5961 4.2 asks for the ACK wherever a SYN stands, and where it
         * is not followed the SYN is none in the window either. */
        send_ack(r);
        return;
    }
    if (r->v.state == TFSM_SYN_RECEIVED && goes_back(r)) {
        r->v.state = TFSM_LISTEN;
    } else if (follows(r, TFSM_RFC5961)) {
        send_limited_ack(r);
    } else {
        send_reset(r);
        enter_closed(r, TFSM_SIG_RESET);
    }
}

/* Fifth, the part of every state: SND.UNA and the window. */
static void take_ack(struct reading *r)
{
    const struct tfsm_tcb *tcb = r->tcb;
    uint32_t ack = r->seg->ack;
    uint32_t window = (uint32_t)r->seg->wnd << tcb->snd_wscale;
    bool opens = is_half_open(r);
    /* The text asks for SEG.SEQ first, and for SEG.ACK only where that is the same. A segment that
     * acknowledges more was sent later all the same, and without its window SND.UNA would carry the old
     * one beyond what the peer allows: a reading of the machine, stated in rules_segment.inc. */
    bool newer = seq_lt(tcb->snd_wl1, r->seg->seq) || seq_lt(tcb->snd_wl2, ack) ||
                 (tcb->snd_wl1 == r->seg->seq && tcb->snd_wl2 == ack);
    if (tcb->state == TFSM_TIME_WAIT) {
        return; /* its paragraph has nothing of ESTABLISHED's */
    }
    if (seq_le(tcb->snd_una, ack) && seq_le(ack, tcb->snd_nxt) && (opens || newer)) {
        r->v.snd_wnd = window;
        r->v.snd_wl1 = r->seg->seq;
        r->v.snd_wl2 = ack;
    }
    if (seq_lt(tcb->snd_una, ack) && seq_le(ack, tcb->snd_nxt)) {
        r->v.snd_una = ack;
    }
}

/* Whether SEG.ACK is one that is taken. If not, the reply is made. */
static bool ack_is_good(struct reading *r)
{
    const struct tfsm_tcb *tcb = r->tcb;
    uint32_t ack = r->seg->ack;
    /* In SYN-RECEIVED nothing of ours can have been acknowledged before. */
    if (is_half_open(r)) {
        if (seq_lt(tcb->snd_una, ack) && seq_le(ack, tcb->snd_nxt)) {
            return true;
        }
        if (!r->no_text) { /* else the first step has answered */
            send_reset(r);
        }
        return false;
    }
    if (follows(r, TFSM_RFC5961)) {
        /* MAY-12, but never numbers from before our SYN (design 5, traps). */
        uint32_t low = seq_sub(tcb->snd_una, tcb->snd_wnd_max);
        uint32_t first = seq_add(tcb->iss, 1);
        if (seq_distance(first, tcb->snd_una) < tcb->snd_wnd_max) {
            low = first;
        }
        if (!seq_in(ack, low, seq_distance(low, seq_add(tcb->snd_nxt, 1)))) {
            send_limited_ack(r);
            return false;
        }
    } else if (seq_lt(tcb->snd_nxt, ack)) { /* 2^31 away is neither before nor after (seq.h) */
        send_limited_ack(r);
        return false;
    }
    return true;
}

/* Fifth: the ACK field. False: processing ends. */
static bool check_ack(struct reading *r)
{
    bool fin_acked;
    ends_in(r, "RFC9293:3.10.7.4 fifth");
    if (!has(r, TFSM_ACK) || !ack_is_good(r)) {
        return false;
    }
    take_ack(r);
    if (is_half_open(r)) {
        r->v.signals |= TFSM_SIG_CONNECTED;
        r->v.state = r->v.state == TFSM_SYN_RECEIVED ? TFSM_ESTABLISHED : r->v.state;
        if (remembers(r, TFSM_M_CLOSE)) {
            r->v.state = TFSM_FIN_WAIT_1; /* a CLOSE waited for this (3.10.4) */
        }
    }
    fin_acked = remembers(r, TFSM_M_CLOSE) && r->v.snd_una == seq_add(r->tcb->snd_end, 1);
    if (r->v.state == TFSM_FIN_WAIT_1 && fin_acked) {
        r->v.state = TFSM_FIN_WAIT_2;
    } else if (r->v.state == TFSM_CLOSING && fin_acked) {
        r->v.state = TFSM_TIME_WAIT;
        r->v.time_wait = true;
    } else if (r->v.state == TFSM_LAST_ACK && fin_acked) {
        enter_closed(r, TFSM_SIG_CLOSED);
        return false;
    }
    return true;
}

/* RFC 6191 2 and MAY-2: a SYN in TIME-WAIT that is later than all of this incarnation, by timestamps where
 * both have them, else by its number. The last number of the peer's is that of its FIN. */
static bool is_next_incarnation(const struct reading *r)
{
    const struct tfsm_tcb *tcb = r->tcb;
    bool stamped = (r->seg->options & TFSM_OPT_TIMESTAMPS) != 0;
    bool beyond = seq_lt(seq_sub(tcb->rcv_nxt, 1), r->seg->seq);
    if (tcb->state != TFSM_TIME_WAIT || !has(r, TFSM_SYN) || has(r, TFSM_ACK | TFSM_RST) ||
        !follows(r, TFSM_RFC6191) || !r->ev->listener || r->seg->security != tcb->security) {
        return false;
    }
    if (remembers(r, TFSM_M_TIMESTAMPS) && stamped) {
        return seq_lt(tcb->ts_recent, r->seg->ts_val) ||
               (tcb->ts_recent == r->seg->ts_val && beyond);
    }
    return beyond || (!remembers(r, TFSM_M_TIMESTAMPS) && stamped && follows(r, TFSM_TIMESTAMPS));
}

void prose_other_states(struct reading *r)
{
    if (is_next_incarnation(r)) {
        ends_in(r, "RFC6191:2");
        r->v.reopens = true; /* beside this one, to which nothing happens (MAY-2) */
        return;
    }
    if (!check_sequence(r)) {
        return;
    }
    if (has(r, TFSM_RST)) {
        arrived_reset(r);
        return;
    }
    if (r->seg->security != r->tcb->security) {
        wrong_security(r);
        return;
    }
    if (has(r, TFSM_SYN)) {
        arrived_syn(r);
        return;
    }
    if (!check_ack(r)) {
        return;
    }
    /* RFC 7323 5.3 R3. */
    if (remembers(r, TFSM_M_TIMESTAMPS) && seq_le(r->seg->seq, r->tcb->rcv_acked)) {
        r->v.ts_recent = r->seg->ts_val; /* not older, or 24 days have passed */
    }
    prose_sixth_to_eighth(r);
    /* RFC 6191 2 compares with the last timestamp of the connection, whether it was to be echoed or not. */
    if (r->v.time_wait && remembers(r, TFSM_M_TIMESTAMPS) &&
        seq_lt(r->v.ts_recent, r->seg->ts_val)) {
        r->v.ts_recent = r->seg->ts_val;
    }
    ends_in(r, "RFC9293:3.10.7.4 fifth to eighth");
}
