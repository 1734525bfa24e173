/* Who may change the state: figure 5 of RFC 9293 with what its section 3.10 adds, RFC 6191 where a
 * SYN comes to TIME-WAIT, how long that lasts, what is left when a connection goes back to LISTEN,
 * and what the user hears of it all. */
#include "internal.h"
#include "seq.h"

#define PEER_CLOSED (BIT(CLOSE_WAIT) | BIT(CLOSING) | BIT(LAST_ACK) | BIT(TIME_WAIT))

/* ---- changes ---- */

/* Who may cause a change of state: RFC 9293 figure 5 and section 3.10, transcribed by hand, not
 * from the tables. */
#define BY_OPEN    (1u << TFSM_EV_OPEN)
#define BY_SEND    (1u << TFSM_EV_SEND)
#define BY_CLOSE   (1u << TFSM_EV_CLOSE)
#define BY_ABORT   (1u << TFSM_EV_ABORT)
#define BY_SEGMENT (1u << TFSM_EV_SEGMENT)
#define BY_TIME    (1u << TFSM_EV_TIMEOUT)
#define BY_ICMP    (1u << TFSM_EV_ICMP)

/* Of a connection that is open. */
#define ENDS (BY_ABORT | BY_SEGMENT | BY_TIME | BY_ICMP)

static const uint8_t legal[TFSM_STATES][TFSM_STATES] = {
    [TFSM_CLOSED] = {[TFSM_LISTEN] = BY_OPEN, [TFSM_SYN_SENT] = BY_OPEN},
    [TFSM_LISTEN] = {[TFSM_SYN_RECEIVED] = BY_SEGMENT,
                     [TFSM_SYN_SENT] = BY_OPEN | BY_SEND,
                     [TFSM_CLOSED] = BY_CLOSE | BY_ABORT},
    [TFSM_SYN_SENT] = {[TFSM_SYN_RECEIVED] = BY_SEGMENT,
                       [TFSM_ESTABLISHED] = BY_SEGMENT,
                       [TFSM_CLOSE_WAIT] = BY_SEGMENT, /* SYN,ACK,FIN in one segment */
                       [TFSM_CLOSED] = BY_CLOSE | BY_ABORT | BY_SEGMENT | BY_TIME | BY_ICMP},
    [TFSM_SYN_RECEIVED] = {[TFSM_ESTABLISHED] = BY_SEGMENT,
                           [TFSM_CLOSE_WAIT] = BY_SEGMENT, /* the third segment bears the FIN */
                           [TFSM_FIN_WAIT_1] = BY_CLOSE | BY_SEGMENT,
                           [TFSM_CLOSING] =
                               BY_SEGMENT, /* CLOSE was queued; the third bears the FIN */
                           [TFSM_LISTEN] = BY_SEGMENT | BY_TIME | BY_ICMP,
                           [TFSM_CLOSED] = ENDS | BY_CLOSE},
    [TFSM_ESTABLISHED] = {[TFSM_FIN_WAIT_1] = BY_CLOSE,
                          [TFSM_CLOSE_WAIT] = BY_SEGMENT,
                          [TFSM_CLOSED] = ENDS | BY_CLOSE},
    [TFSM_FIN_WAIT_1] = {[TFSM_FIN_WAIT_2] = BY_SEGMENT,
                         [TFSM_CLOSING] = BY_SEGMENT,
                         [TFSM_TIME_WAIT] = BY_SEGMENT,
                         [TFSM_CLOSED] = ENDS | BY_CLOSE},
    [TFSM_FIN_WAIT_2] = {[TFSM_TIME_WAIT] = BY_SEGMENT, [TFSM_CLOSED] = ENDS | BY_CLOSE},
    [TFSM_CLOSE_WAIT] = {[TFSM_LAST_ACK] = BY_CLOSE, [TFSM_CLOSED] = ENDS | BY_CLOSE},
    [TFSM_CLOSING] = {[TFSM_TIME_WAIT] = BY_SEGMENT, [TFSM_CLOSED] = ENDS},
    [TFSM_LAST_ACK] = {[TFSM_CLOSED] = ENDS},
    [TFSM_TIME_WAIT] = {[TFSM_CLOSED] = BY_ABORT | BY_SEGMENT | BY_TIME},
};

/* RFC 6191 2, transcribed from the text: a SYN that begins another incarnation. */
static bool newer_syn(const struct monitor *monitor, const struct tfsm_config *cfg,
                      const struct tfsm_tcb *before, const struct tfsm_segment *seg)
{
    bool syn = (seg->flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == TFSM_SYN;
    bool stamped =
        (seg->options & TFSM_OPT_TIMESTAMPS) != 0 && (cfg->profile & TFSM_TIMESTAMPS) != 0;
    bool beyond = seq_lt(seq_sub(before->rcv_nxt, 1), seg->seq);
    if (!syn || (cfg->profile & TFSM_RFC6191) == 0) {
        return false;
    }
    if (monitor->timestamps && stamped) {
        return seq_lt(monitor->ts_recent, seg->ts_val) ||
               (monitor->ts_recent == seg->ts_val && beyond);
    }
    return stamped || beyond;
}

/* A SYN that is given to a listener is newer, and leaves the connection in TIME-WAIT as it was: it
 * may be an old duplicate. */
void state_reopen(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    bool newer = before->state == TFSM_TIME_WAIT && ev->kind == TFSM_EV_SEGMENT && ev->listener &&
                 ev->segment.security == before->security &&
                 newer_syn(monitor, cfg, before, &ev->segment);
    if (newer != (fx->verdict == TFSM_V_REOPEN)) {
        fails(monitor, "REOPENED_FOR_NOTHING",
              "RFC6191:2 a SYN reopens from TIME-WAIT exactly if it is newer and somebody listens");
    }
    if (newer && (!same(before, after) || fx->signals != 0 ||
                  fx->iss_after != seq_add(monitor->fin_seq, 1))) {
        fails(monitor, "REOPEN_CHANGES",
              "RFC9293:MAY-2b TIME-WAIT stays as it was until the SYN is no old duplicate");
    }
}

/* A segment ended the connection, by RST or by a label of security that differs, or the last ACK of
 * our FIN came. */
static void check_end_by_segment(struct monitor *monitor, const struct tfsm_config *cfg,
                                 const struct tfsm_tcb *before, const struct tfsm_segment *seg)
{
    bool rst = (seg->flags & TFSM_RST) != 0;
    bool last_ack = before->state == TFSM_LAST_ACK && (seg->flags & TFSM_ACK) != 0 &&
                    monitor->fin_out && seg->ack == seq_add(monitor->fin_seq, 1);
    bool rfc793_syn = (seg->flags & TFSM_SYN) != 0 && (cfg->profile & TFSM_RFC5961) == 0;
    bool security = seg->security != before->security;
    bool unread = (before->flags & TFSM_M_DEAF) != 0 && text_of(seg) > 0 &&
                  IN(before, BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2));
    if (!rst && !last_ack && !rfc793_syn && !security && !unread) {
        fails(monitor, "ENDED_FOR_NOTHING",
              "RFC9293:3.10.7.4 a segment ends a connection by RST, or by acknowledging our FIN in "
              "LAST-ACK");
    }
    if (rst && before->state == TFSM_TIME_WAIT && (cfg->profile & TFSM_RFC1337) != 0) {
        fails(monitor, "TIME_WAIT_ASSASSINATED", "RFC1337:3 a RST does not end TIME-WAIT");
    }
}

void state_transition(struct monitor *monitor, const struct tfsm_config *cfg,
                      const struct tfsm_tcb *before, const struct tfsm_event *ev,
                      const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    if (ev->kind == TFSM_EV_ICMP && IN(before, SYNCHRONIZED) &&
        (cfg->profile & TFSM_RFC5927) != 0) {
        fails(monitor, "BLIND_ICMP", "RFC5927:5.2 no ICMP error ends a synchronized connection");
    }
    if ((legal[before->state][after->state] >> ev->kind & 1) == 0) {
        fails(monitor, "ILLEGAL_TRANSITION", "RFC9293:3.3.2 figure 5: no such change of state");
    }
    if (ev->kind != TFSM_EV_SEGMENT) {
        return;
    }
    bool rst = (seg->flags & TFSM_RST) != 0;
    bool strict = (cfg->profile & TFSM_RFC5961) != 0;
    if (rst && before->state != TFSM_SYN_SENT && seg->seq != before->rcv_nxt &&
        (strict || !seq_in(seg->seq, before->rcv_nxt, before->rcv_wnd))) {
        fails(monitor, "BLIND_RST", "RFC5961:3.2 a RST off RCV.NXT never changes the state");
    }
    bool other_security = seg->security != before->security;
    if ((seg->flags & TFSM_SYN) != 0 && !rst && strict && !other_security &&
        IN(before, SYNCHRONIZED)) {
        fails(monitor, "BLIND_SYN", "RFC5961:4.2 a SYN never changes a synchronized state");
    }
    if (after->state == TFSM_CLOSED && IN(before, SYNCHRONIZED)) {
        check_end_by_segment(monitor, cfg, before, seg);
    }
    if (before->state == TFSM_SYN_RECEIVED && IN(after, SYNCHRONIZED) &&
        ((seg->flags & TFSM_ACK) == 0 || !seq_lt(monitor->iss, seg->ack) ||
         !seq_le(seg->ack, monitor->snd_max))) {
        fails(monitor, "STALE_SYN_ESTABLISHED",
              "RFC9293:3.10.7.4 only the third segment, acknowledging our ISS, establishes");
    }
    if (IN(after, BIT(FIN_WAIT_2) | BIT(TIME_WAIT)) &&
        (!monitor->fin_out || !seq_lt(monitor->fin_seq, after->snd_una))) {
        fails(monitor, "OUR_FIN_NOT_ACKED",
              "RFC9293:3.10.7.4 this state needs the octet of our FIN below SND.UNA");
    }
}

/* ---- what the user hears ---- */

/* What the user must hear at an end, by what caused it. */
static unsigned fitting_ends(const struct tfsm_tcb *before, const struct tfsm_event *ev)
{
    const unsigned late = BIT(CLOSING) | BIT(LAST_ACK);
    bool rst = (ev->segment.flags & TFSM_RST) != 0;
    switch (ev->kind) {
    case TFSM_EV_CLOSE:
        return IN(before, BIT(LISTEN) | BIT(SYN_SENT)) ? TFSM_SIG_CLOSED : TFSM_SIG_RESET;
    case TFSM_EV_ABORT:
        return IN(before, late | BIT(TIME_WAIT)) ? TFSM_SIG_CLOSED : TFSM_SIG_RESET;
    case TFSM_EV_TIMEOUT:
        if (before->state == TFSM_FIN_WAIT_2 && (before->flags & TFSM_M_DEAF) != 0) {
            return TFSM_SIG_CLOSED | TFSM_SIG_TIMED_OUT;
        }
        return before->state == TFSM_TIME_WAIT ? TFSM_SIG_CLOSED : TFSM_SIG_TIMED_OUT;
    case TFSM_EV_SEGMENT:
        if (rst && IN(before, late)) {
            return TFSM_SIG_CLOSED | TFSM_SIG_RESET; /* by what was lost */
        }
        if (before->state == TFSM_LAST_ACK || (rst && before->state == TFSM_TIME_WAIT)) {
            return TFSM_SIG_CLOSED | (rst ? 0u : TFSM_SIG_RESET); /* or another security label */
        }
        return before->state == TFSM_SYN_RECEIVED ? TFSM_SIG_REFUSED | TFSM_SIG_RESET
                                                  : TFSM_SIG_RESET;
    case TFSM_EV_ICMP:
        return TFSM_SIG_UNREACHABLE;
    case TFSM_EV_OPEN:
    case TFSM_EV_SEND:
    case TFSM_EV_RECEIVE:
    case TFSM_EVENTS:
        break;
    }
    return 0;
}

/* The user hears of every end exactly once and rightly, of the beginning and of the peer's end at
 * most once. */
void state_signals(struct monitor *monitor, const struct tfsm_tcb *before,
                   const struct tfsm_event *ev, const struct tfsm_effects *fx,
                   const struct tfsm_tcb *after)
{
    unsigned ends = fx->signals & TFSM_SIG_ENDS;
    bool ended = after->state == TFSM_CLOSED && before->state != TFSM_CLOSED;
    if (ended != (ends != 0) || __builtin_popcount(ends) > 1) {
        fails(monitor, "END_TOLD_ONCE", "RFC9293:MUST-12 the user hears of every end exactly once");
    }
    if ((ends & ~fitting_ends(before, ev)) != 0) {
        fails(monitor, "END_TOLD_WRONG", "RFC9293:3.10 the user hears how the connection ended");
    }
    if (((fx->signals & TFSM_SIG_PEER_CLOSED) != 0) !=
        (!IN(before, PEER_CLOSED) && IN(after, PEER_CLOSED))) {
        fails(monitor, "PEER_FIN_TOLD", "RFC9293:3.10.7.4 connection closing is told with the FIN");
    }
    if ((fx->signals & TFSM_SIG_CONNECTED) != 0) {
        if (monitor->connected || !IN(after, SYNCHRONIZED | BIT(CLOSED))) {
            fails(monitor, "CONNECTED_TOLD_ONCE",
                  "RFC9293:3.10.7 the user hears once that it is open");
        }
        monitor->connected = true;
    }
    if (IN(after, SYNCHRONIZED) && !monitor->connected && after->state != TFSM_FIN_WAIT_1) {
        fails(monitor, "CONNECTED_TOLD_ONCE", "RFC9293:3.10.7 the user hears that it is open");
    }
}

/* ---- TIME-WAIT and LISTEN ---- */

/* SEG.ACK says that everything of ours has arrived. */
static bool seg_ack_good(const struct monitor *monitor, const struct tfsm_tcb *before,
                         const struct tfsm_segment *seg)
{
    return seg->ack == monitor->snd_max && seg->ack == before->snd_una;
}

/* TIME-WAIT lasts 2MSL from the last FIN. */
void state_time_wait(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_tcb *before, const struct tfsm_event *ev,
                     const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    if (after->state == TFSM_TIME_WAIT && before->state != TFSM_TIME_WAIT) {
        monitor->time_wait_from = ev->now;
    }
    if (before->state == TFSM_TIME_WAIT && after->state == TFSM_TIME_WAIT &&
        after->at_2msl != before->at_2msl) {
        if (ev->kind != TFSM_EV_SEGMENT || !monitor_fin_again(before, &ev->segment)) {
            fails(monitor, "TIME_WAIT_PROLONGED",
                  "RFC9293:3.10.7.4 only the peer's FIN restarts 2MSL");
        }
    }
    if (ev->kind == TFSM_EV_SEGMENT && before->state == TFSM_TIME_WAIT &&
        fx->verdict != TFSM_V_DROP && /* PAWS may refuse it */
        monitor_fin_again(before, &ev->segment) && seg_ack_good(monitor, before, &ev->segment)) {
        monitor->time_wait_from = ev->now;
    }
    if (before->state == TFSM_TIME_WAIT && after->state == TFSM_CLOSED &&
        ev->kind == TFSM_EV_TIMEOUT &&
        (ev->now < monitor->time_wait_from || (ev->now - monitor->time_wait_from) / 2 < cfg->msl) &&
        ev->now < TFSM_NEVER - 1) {
        fails(monitor, "TIME_WAIT_2MSL", "RFC9293:MUST-13 TIME-WAIT lasts 2MSL from the last FIN");
    }
}

/* A connection that goes back to LISTEN is the listener it was, and nothing of the user's is lost
 * with it. */
APART void state_relisten(struct monitor *monitor, const struct tfsm_tcb *after)
{
    struct tfsm_tcb expected = monitor->listener;
    expected.owed = after->owed;
    expected.rst_seq = after->rst_seq;
    expected.rst_ack = after->rst_ack;
    expected.rst_ts_val = after->rst_ts_val;
    expected.rst_ts_ecr = after->rst_ts_ecr;
    if (!same(&expected, after)) {
        fails(monitor, "LISTENS_AS_BEFORE",
              "RFC9293:MUST-11 back in LISTEN nothing is left of the peer");
    }
    if (monitor->queued > 0) {
        fails(monitor, "QUEUE_FORGOTTEN",
              "RFC9293:3.10.7.4 what the user sent is not dropped unheard");
    }
}
