/* The trace invariants, each a few lines that call fails() with an id and the requirement it stands
 * for. */
#include "monitor_internal.h"
#include "machine.h"
#include "seq.h"

#include <string.h>

#define HALF_SECOND UINT64_C(500000)
#define SECOND      UINT64_C(1000000)
#define AFTER_SYN   UINT64_C(3000000) /* microseconds (RFC6298:5.7) */
#define PEER_CLOSED (BIT(CLOSE_WAIT) | BIT(CLOSING) | BIT(LAST_ACK) | BIT(TIME_WAIT))

/* The window a SYN offers: it is never scaled. */
static uint32_t first_window(const struct tfsm_config *cfg)
{
    return cfg->rcv_buff < UINT16_MAX ? cfg->rcv_buff : UINT16_MAX;
}

/* ---- state changes ---- */

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
static void check_reopen(struct monitor *monitor, const struct tfsm_config *cfg,
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

static void check_transition(struct monitor *monitor, const struct tfsm_config *cfg,
                             const struct tfsm_tcb *before, const struct tfsm_event *ev,
                             const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    if (before->state == after->state) {
        return;
    }
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
static void check_signals(struct monitor *monitor, const struct tfsm_tcb *before,
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

/* ---- refusals ---- */

static APART bool only_replied(const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    struct tfsm_tcb expected;
    copy_tcb(&expected, before);
    expected.owed = after->owed;
    expected.rst_seq = after->rst_seq;
    expected.rst_ack = after->rst_ack;
    expected.rst_ts_val = after->rst_ts_val;
    expected.rst_ts_ecr = after->rst_ts_ecr;
    memcpy(expected.challenges, after->challenges, sizeof expected.challenges);
    expected.challenge_until = after->challenge_until;
    expected.flags |= after->flags & TFSM_M_DSACK;   /* the reply owed reports it */
    expected.flags |= after->flags & TFSM_M_NOT_ECT; /* a SYN's offer of ECN, or none, is noted */
    expected.dsack = after->dsack;
    return same(&expected, after);
}

bool monitor_only_replied(const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    return same(before, after) || only_replied(before, after);
}

/* A dropped segment leaves the TCB as it was, but for what is owed in reply and the limiter. */
static void check_unchanged(struct monitor *monitor, const struct tfsm_tcb *before,
                            const struct tfsm_tcb *after)
{
    if (!monitor_only_replied(before, after)) {
        fails(monitor, "REFUSED_BUT_CHANGED",
              "RFC9293:3.10.7.4 a dropped segment changes nothing but the reply owed");
    }
    /* Of two RSTs owed the later one is sent, and it may bear no ACK. */
    if ((before->owed & ~(unsigned)(after->owed | TFSM_OWE_RST_ACK | TFSM_OWE_RST_TS)) != 0) {
        fails(monitor, "DEBT_FORGOTTEN", "RFC9293:3.10.7.4 a dropped segment cancels nothing owed");
    }
}

bool monitor_acceptable(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    uint32_t ahead = seq_distance(tcb->rcv_nxt, seg->seq);
    uint32_t last =
        seq_distance(tcb->rcv_nxt, seq_add(seg->seq, seg->len - (seg->len > 0 ? 1 : 0)));
    bool ack_alone = seg->len == 0 && (seg->flags & (TFSM_ACK | TFSM_RST)) == TFSM_ACK;
    if ((seg->flags & TFSM_RST) != 0) { /* whatever it bears */
        return ahead == 0 || ahead < tcb->rcv_wnd;
    }
    if (tcb->rcv_wnd == 0) {
        return ahead == 0 || (ack_alone && ahead == 1);
    }
    return ahead < tcb->rcv_wnd || (seg->len > 0 && last < tcb->rcv_wnd) ||
           (ack_alone && ahead == tcb->rcv_wnd);
}

/* The peer's FIN, sent again to a connection in TIME-WAIT. */
static bool fin_again(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    const uint8_t flags = TFSM_FIN | TFSM_SYN | TFSM_RST | TFSM_ACK;
    return tcb->state == TFSM_TIME_WAIT && (seg->flags & flags) == (TFSM_FIN | TFSM_ACK) &&
           seg->security == tcb->security && seq_add(seg->seq, seg->len) == tcb->rcv_nxt;
}

/* The peer's SYN once more, while ours is not acknowledged: the SYN-ACK is the answer. */
static bool syn_repeated(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return (seg->flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == TFSM_SYN && seg->seq == tcb->irs &&
           (tcb->flags & TFSM_M_SYN_ACKED) == 0;
}

/* Who a reply to a segment without text is for, by our own reading of RFC 5961 7: strangers know no
 * numbers, a peer that has rebooted none either, a peer in the window some, a keep-alive all. */
static unsigned reply_kind(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    uint32_t ahead = seq_distance(tcb->rcv_nxt, seg->seq);
    bool exact = (seg->flags & TFSM_ACK) != 0 && (seg->flags & TFSM_RST) == 0 &&
                 seq_le(tcb->snd_una, seg->ack) && seq_le(seg->ack, tcb->snd_nxt);
    if ((seg->flags & TFSM_SYN) != 0) {
        return 0;
    }
    return exact && ahead == UINT32_MAX ? 1 : ahead < tcb->rcv_wnd ? 2 : 3;
}

/* The machine counts by intervals, of which the one that runs began less than an interval ago: what
 * is in it is among what went out since then. A SYN may have to wait for its share of the interval,
 * too. */
bool monitor_has_budget(const struct monitor *monitor, const struct tfsm_config *cfg,
                        const struct tfsm_tcb *before, const struct tfsm_event *ev)
{
    unsigned kind = reply_kind(before, &ev->segment);
    const struct reply_account *replies = &monitor->replies[kind];
    unsigned known = replies->count < MONITOR_REPLIES ? replies->count : MONITOR_REPLIES;
    unsigned limit =
        cfg->challenge_limit < MONITOR_REPLIES ? cfg->challenge_limit : MONITOR_REPLIES;
    unsigned recent = 0;
    if (limit == 0 || ev->now < monitor->mute_until) {
        return false;
    }
    for (unsigned i = 1; i <= known; i++) {
        tfsm_time ago = ev->now - replies->at[(replies->count - i) % MONITOR_REPLIES];
        recent += ago < cfg->challenge_every;
        if (kind == 0 && i == 1 && ago <= cfg->challenge_every / cfg->challenge_limit + 1) {
            return false;
        }
    }
    return recent < limit;
}

/* An unacceptable segment is refused, whatever row says so; if it bears text or FIN it is
 * acknowledged, and so is one that bears nothing while there is budget. */
static void check_refusal(struct monitor *monitor, const struct tfsm_config *cfg,
                          const struct tfsm_tcb *before, const struct tfsm_event *ev,
                          const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool rst = (seg->flags & TFSM_RST) != 0;
    bool in = monitor_acceptable(before, seg);
    if (!IN(before, SYNCHRONIZED | BIT(SYN_RECEIVED))) {
        return;
    }
    if (monitor->timestamps && !rst) {
        bool stamped = (seg->options & TFSM_OPT_TIMESTAMPS) != 0;
        bool outdated = ev->now - before->ts_recent_from > OUTDATED;
        bool syn = (seg->flags & TFSM_SYN) != 0; /* may be of an incarnation that agreed on none */
        if (stamped ? seq_lt(seg->ts_val, monitor->ts_recent) && !outdated : !syn) {
            check_unchanged(monitor, before, after);
            if (fx->verdict != TFSM_V_DROP) {
                fails(monitor, "PAWS", "RFC7323:5.3 an older timestamp, or none, is refused");
            }
            return;
        }
    }
    if (!in && !fin_again(before, seg) && !syn_repeated(before, seg)) {
        check_unchanged(monitor, before, after);
    }
    bool budget = monitor_has_budget(monitor, cfg, before, ev);
    bool bears = text_of(seg) > 0 || (seg->flags & TFSM_FIN) != 0;
    bool strict_rst = rst && in && (cfg->profile & TFSM_RFC5961) != 0 &&
                      seg->seq != before->rcv_nxt &&
                      !(before->state == TFSM_TIME_WAIT && (cfg->profile & TFSM_RFC1337) != 0);
    bool due = rst ? strict_rst && budget : !in && (bears || budget);
    uint8_t answer = TFSM_OWE_ACK | (syn_repeated(before, seg) ? TFSM_OWE_RTX | TFSM_OWE_SYN : 0);
    if (due && (after->owed & answer) == 0) {
        fails(monitor, "NO_REPLY",
              "RFC9293:3.10.7.4 an unacceptable segment is answered with an ACK");
    }
    if (rst && !in && (after->owed & ~before->owed & TFSM_OWE_ACK) != 0) {
        fails(monitor, "RST_OUTSIDE_ANSWERED",
              "RFC5961:3.2a a RST outside the window is dropped in silence");
    }
}

/* Where a segment without a sequence number of its own stands: at SND.NXT, or, where the window that the
 * peer offered last ends before that by more than its scale can hide, at its end: an ACK behind the last
 * number, which whoever has it all takes, a RST on it. */
static uint32_t own_place(const struct tfsm_tcb *tcb, bool rst)
{
    uint32_t flight = seq_distance(tcb->snd_una, tcb->snd_nxt);
    uint32_t syn = tcb->flags & TFSM_M_SYN_ACKED ? 0u : 1u;
    uint32_t hidden = tcb->snd_wnd > 0 ? (1u << tcb->snd_wscale) - 1 : 0;
    if (flight <= syn + tcb->snd_wnd + hidden) {
        return tcb->snd_nxt;
    }
    return seq_add(tcb->snd_una, syn + tcb->snd_wnd - (rst && tcb->snd_wnd > 0 ? 1u : 0u));
}

/* The same where text comes that nobody will read: what its segment acknowledges, and the window it
 * offers, count if they were taken first. */
static APART uint32_t unread_place(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                                   uint32_t seq)
{
    struct tfsm_tcb moved;
    bool acks = (seg->flags & TFSM_ACK) != 0 && seq_le(tcb->snd_una, seg->ack) &&
                seq_le(seg->ack, tcb->snd_nxt);
    if (!acks || own_place(tcb, true) == seq) {
        return own_place(tcb, true);
    }
    copy_tcb(&moved, tcb);
    moved.snd_una = seg->ack;
    moved.flags |= TFSM_M_SYN_ACKED;
    if (own_place(&moved, true) != seq) {
        moved.snd_wnd = (uint32_t)seg->wnd << tcb->snd_wscale;
    }
    return own_place(&moved, true);
}

/* A RST owed has the numbers that the segment it answers calls for, or stands where the peer must
 * take it after ABORT. */
static void note_rst(struct monitor *monitor, const struct tfsm_tcb *before,
                     const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool old_rst = (before->owed & TFSM_OWE_RST) != 0 && before->rst_seq == after->rst_seq &&
                   before->rst_ack == after->rst_ack &&
                   ((before->owed ^ after->owed) & TFSM_OWE_RST_ACK) == 0;
    if ((after->owed & TFSM_OWE_RST) == 0 || old_rst) {
        return;
    }
    bool from_ack = (seg->flags & TFSM_ACK) != 0;
    monitor->rst_expected = true;
    bool arrives = ev->kind == TFSM_EV_SEGMENT;
    uint32_t place = arrives ? unread_place(before, seg, after->rst_seq) : own_place(before, true);
    /* What the user will not read, and ABORT, reset of our own accord. */
    bool own = !arrives || (IN(before, BIT(SYN_RECEIVED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2)) &&
                            after->rst_seq == place && (before->flags & TFSM_M_DEAF) != 0 &&
                            (after->owed & TFSM_OWE_RST_ACK) == 0);
    monitor->rst_with_ack = !own && !from_ack;
    monitor->rst_seq = own ? place : from_ack ? seg->ack : 0;
    monitor->rst_ack = monitor->rst_with_ack ? seq_add(seg->seq, seg->len) : 0;
}

/* A segment that bears neither text nor FIN is refused: a reply comes out of the connection's own
 * budget. */
static bool is_limited(const struct tfsm_tcb *before, const struct tfsm_segment *seg,
                       const struct tfsm_effects *fx)
{
    bool own_syn_ack = (seg->flags & (TFSM_SYN | TFSM_ACK)) == (TFSM_SYN | TFSM_ACK) &&
                       seg->seq == before->irs && seq_le(before->snd_una, seg->ack) &&
                       seq_le(seg->ack, before->snd_nxt);
    bool bears = (seg->flags & TFSM_RST) == 0 &&
                 (own_syn_ack || text_of(seg) > 0 || (seg->flags & TFSM_FIN) != 0);
    bool refused = fx->verdict == TFSM_V_DROP || syn_repeated(before, seg);
    return refused && IN(before, ~NO_CONNECTION & ~BIT(SYN_SENT)) && !bears;
}

static void check_limiter(struct monitor *monitor, const struct tfsm_config *cfg,
                          const struct tfsm_tcb *before, const struct tfsm_event *ev,
                          const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    unsigned kind = reply_kind(before, &ev->segment);
    bool replies = (after->owed & ~before->owed & (TFSM_OWE_ACK | TFSM_OWE_RTX)) != 0;
    if (!is_limited(before, &ev->segment, fx) || !replies ||
        ev->now >= TFSM_NEVER / 2) { /* at the end of time every interval is over */
        return;
    }
    if (ev->now >= monitor->muted_until) {
        memset(monitor->muted, 0, sizeof monitor->muted);
        monitor->muted_until = ev->now + cfg->challenge_every;
    }
    monitor->muted[kind]++;
    /* The machine counts in intervals of its own; one of ours can overlap two of them. */
    if (monitor->muted[kind] > 2u * cfg->challenge_limit) {
        fails_by(monitor, "LIMITER",
                 "RFC5961:7 replies to dataless segments are limited per connection",
                 2u * cfg->challenge_limit, monitor->muted[kind]);
    }
}

/* It may have used up some of the budget where an answer was owed already, too. */
static void note_reply(struct monitor *monitor, const struct tfsm_tcb *before,
                       const struct tfsm_event *ev, const struct tfsm_effects *fx,
                       const struct tfsm_tcb *after)
{
    struct reply_account *replies = &monitor->replies[reply_kind(before, &ev->segment)];
    if (is_limited(before, &ev->segment, fx) &&
        (after->owed & (TFSM_OWE_ACK | TFSM_OWE_RTX)) != 0) {
        replies->at[replies->count++ % MONITOR_REPLIES] = ev->now;
    }
}

/* The core, alone with this event, makes this TCB of the one before. */
static APART bool comes_to(const struct tfsm_config *cfg, const struct tfsm_tcb *before,
                           const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    struct tfsm_tcb meant;
    struct tfsm_effects fx;
    copy_tcb(&meant, before);
    tfsm_step(&meant, cfg, ev, &fx);
    return same(&meant, after);
}

/* PSH, ECE and CWR, which mean nothing to this machine, do not change what it does. */
static APART void check_flag_independence(struct monitor *monitor, const struct tfsm_config *cfg,
                                          const struct tfsm_tcb *before,
                                          const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    struct tfsm_tcb again;
    struct tfsm_event other = *ev;
    struct tfsm_effects fx;
    copy_tcb(&again, before);
    other.segment.flags ^= TFSM_PSH;
    if ((cfg->profile & TFSM_ECN) == 0) {
        other.segment.flags ^= TFSM_ECE | TFSM_CWR;
    }
    tfsm_step(&again, cfg, &other, &fx);
    if (same(&again, after)) {
        return;
    }
    /* A listener may have made less of a segment than it says: it is asked of the core alone. */
    if (!comes_to(cfg, before, ev, &again)) {
        fails(monitor, "FLAG_DEPENDENCE", "RFC9293:3.10.7 PSH, ECE and CWR decide nothing");
    }
}

/* ---- receive side ---- */

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
    for (unsigned i = 0; i < monitor->kept_count; i++) {
        if (monitor->kept[i][1] == text->offset) {
            monitor->kept[i][1] = right;
            return;
        }
        if (monitor->kept[i][0] == right) {
            monitor->kept[i][0] = text->offset;
            return;
        }
    }
    if (monitor->kept_count < MONITOR_RANGES) {
        monitor->kept[monitor->kept_count][0] = text->offset;
        monitor->kept[monitor->kept_count][1] = right;
        monitor->kept_count++;
    }
}

/* Two pieces that touch become one. Returns whether there were any. */
static bool merge_two(struct monitor *monitor)
{
    for (unsigned i = 0; i < monitor->kept_count; i++) {
        for (unsigned j = 0; j < monitor->kept_count; j++) {
            if (i != j && monitor->kept[i][1] == monitor->kept[j][0]) {
                monitor->kept[i][1] = monitor->kept[j][1];
                monitor->kept_count--;
                memcpy(monitor->kept[j], monitor->kept[monitor->kept_count],
                       sizeof monitor->kept[j]);
                return true;
            }
        }
    }
    return false;
}

/* What is delivered was received: RCV.NXT moves only over text that was handed out, and over the
 * FIN. */
static void check_receive(struct monitor *monitor, const struct tfsm_event *ev,
                          const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    bool fin = (fx->signals & TFSM_SIG_PEER_CLOSED) != 0;
    uint64_t target = monitor->delivered + fx->delivered;
    for (unsigned i = 0; i < fx->text_count && ev->kind == TFSM_EV_SEGMENT; i++) {
        check_text(monitor, ev, after, &fx->text[i]);
        while (merge_two(monitor)) {
        }
    }
    while (monitor->delivered < target) {
        unsigned i = 0;
        while (i < monitor->kept_count && monitor->kept[i][0] != monitor->delivered) {
            i++;
        }
        if (i == monitor->kept_count || monitor->kept[i][1] > target) {
            fails(monitor, "DELIVERED_UNRECEIVED",
                  "RFC9293:3.10.7.4 RCV.NXT moves only over octets that were received");
            monitor->delivered = target;
            return;
        }
        monitor->delivered = monitor->kept[i][1];
        monitor->kept_count--;
        memcpy(monitor->kept[i], monitor->kept[monitor->kept_count], sizeof monitor->kept[i]);
    }
    if (!IN(after, SYNCHRONIZED)) {
        return;
    }
    if (fx->delivered > 0 || fin) {
        monitor->owes_ack = true;
    }
    if (ev->kind == TFSM_EV_SEGMENT && fx->verdict != TFSM_V_DROP && text_of(&ev->segment) > 0 &&
        (after->flags & TFSM_M_SYN_ACKED) != 0) {
        bool plain = fx->text_count == 1 && fx->delivered == fx->text[0].len && !fin;
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

/* Who was told of urgent data finds some ahead, and none beyond the end of the peer's stream. */
static void check_urgent_in(struct monitor *monitor, const struct tfsm_tcb *after)
{
    struct tfsm_status_block status;
    bool fin = (after->flags & TFSM_M_PEER_FIN) != 0;
    if ((after->flags & TFSM_M_URGENT_TOLD) == 0 || tfsm_status(after, &status) != TFSM_DONE) {
        return;
    }
    if (status.urgent_in == 0 || (fin && seq_lt(after->rcv_fin, after->rcv_up))) {
        fails(monitor, "URGENT_END",
              "RFC9293:MUST-33 urgent data are ahead of the user and end with the peer's stream");
    }
}

/* Text of a segment that had come before, by our own account: it may be reported once. */
static void note_twice(struct monitor *monitor, const struct tfsm_segment *seg,
                       const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    if ((after->flags & TFSM_M_DSACK) == 0 ||
        ((before->flags & TFSM_M_DSACK) != 0 && before->dsack.left == after->dsack.left &&
         before->dsack.right == after->dsack.right)) {
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

/* ---- options ---- */

/* A listener made less of a SYN than it says: a cookie for it is out, which brings back not every
 * option (RFC 4987 3.6). Then the core alone would have made something else of it. */
static bool made_less(const struct tfsm_config *cfg, const struct tfsm_tcb *before,
                      const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    return before->state == TFSM_LISTEN && !comes_to(cfg, before, ev, after);
}

/* What the SYNs of both sides settle; that of ev is the peer's, accepted. Where less was made of it
 * an option may be missing, and none may be there that was not offered. */
static void note_agreement(struct monitor *monitor, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev, const struct tfsm_tcb *before,
                           const struct tfsm_tcb *after, bool less)
{
    const struct tfsm_segment *syn = &ev->segment;
    /* In SYN-SENT our SYN made the offer; else we answer with what the profile has. */
    bool sent = before->state == TFSM_SYN_SENT;
    uint8_t ours = sent ? monitor->offered : 0;
    uint8_t ecn = syn->flags & (TFSM_ECE | TFSM_CWR);
    bool both = (syn->flags & TFSM_ACK) != 0 ? ecn == TFSM_ECE : ecn == (TFSM_ECE | TFSM_CWR);
    if (!sent || !monitor->syn_out) {
        ours |= cfg->profile & TFSM_TIMESTAMPS ? TFSM_OPT_TIMESTAMPS : 0;
        ours |= cfg->profile & TFSM_SACK ? TFSM_OPT_SACK_PERMITTED : 0;
    }
    monitor->timestamps = (ours & syn->options & TFSM_OPT_TIMESTAMPS) != 0;
    monitor->sack = (ours & syn->options & TFSM_OPT_SACK_PERMITTED) != 0;
    monitor->ecn = (cfg->profile & TFSM_ECN) != 0 && both;
    if (less) {
        monitor->timestamps = monitor->timestamps && (after->flags & TFSM_M_TIMESTAMPS) != 0;
        monitor->sack = monitor->sack && (after->flags & TFSM_M_SACK) != 0;
        monitor->ecn = monitor->ecn && (after->flags & TFSM_M_ECN) != 0;
    }
    monitor->ts_recent = monitor->timestamps ? syn->ts_val : 0;
    monitor->ack_out = seq_add(syn->seq, 1);
    monitor->ack_out_known = true;
    if (monitor->timestamps != ((after->flags & TFSM_M_TIMESTAMPS) != 0) ||
        monitor->sack != ((after->flags & TFSM_M_SACK) != 0) ||
        monitor->ecn != ((after->flags & TFSM_M_ECN) != 0)) {
        fails(monitor, "OPTIONS_AGREED",
              "RFC7323:2.2 an option is used when both SYNs offer it, and only then");
    }
}

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
static void note_held(struct monitor *monitor, const struct tfsm_tcb *after,
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
            seq_lt(block.left, block.right) && seq_le(block.right, monitor->snd_max)) {
            hold(monitor, block);
        }
    }
    if (monitor->held_count > TFSM_SACKED_MAX) {
        monitor->held_count = TFSM_SACKED_MAX;
    }
}

/* The account of options, for a segment that was accepted. */
static void note_options(struct monitor *monitor, const struct tfsm_event *ev,
                         const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool outdated = ev->now - before->ts_recent_from > OUTDATED;
    if (monitor->timestamps && (seg->options & TFSM_OPT_TIMESTAMPS) != 0 &&
        monitor->ack_out_known && !fin_again(before, seg) && seq_le(seg->seq, monitor->ack_out) &&
        (!seq_lt(seg->ts_val, monitor->ts_recent) || outdated)) {
        monitor->ts_recent = seg->ts_val;
    }
    if ((seg->flags & TFSM_ACK) != 0) {
        note_held(monitor, after, seg);
    }
    if (monitor->ecn && text_of(seg) > 0 && !syn_repeated(before, seg) &&
        IN(before, BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2) | BIT(SYN_RECEIVED))) {
        if (seg->ecn == TFSM_CE) {
            monitor->ece_due = true;
        } else if ((seg->flags & TFSM_CWR) != 0) {
            monitor->ece_due = false;
        }
    }
    if (after->state == TFSM_TIME_WAIT &&
        (before->state != TFSM_TIME_WAIT || fin_again(before, seg)) && monitor->timestamps &&
        (seg->options & TFSM_OPT_TIMESTAMPS) != 0 && seq_lt(monitor->ts_recent, seg->ts_val)) {
        monitor->ts_recent = seg->ts_val; /* of the last segment of the incarnation (RFC 6191 2) */
    }
    monitor->heard = ev->now;
    monitor->asked = false;
}

/* ---- send side ---- */

static void check_send(struct monitor *monitor, const struct tfsm_tcb *before,
                       const struct tfsm_event *ev, const struct tfsm_effects *fx,
                       const struct tfsm_tcb *after)
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
    bool from_ack = (seg->flags & TFSM_ACK) != 0 && seq_le(monitor->una_low, seg->ack) &&
                    seq_le(seg->ack, monitor->snd_max);
    if (ev->kind == TFSM_EV_SEGMENT &&
        (from_ack || (seg->flags & (TFSM_SYN | TFSM_ACK)) == TFSM_SYN)) {
        uint32_t wnd = seg->flags & TFSM_SYN ? seg->wnd : (uint32_t)seg->wnd << after->snd_wscale;
        uint32_t edge = seq_add(from_ack ? seg->ack : seq_add(monitor->iss, 1), wnd);
        if (!monitor->peer_edge_known || seq_lt(monitor->peer_edge, edge)) {
            monitor->peer_edge = edge;
            monitor->peer_edge_known = true;
        }
    }
    monitor->una_low = after->snd_una;
    if (fx->acknowledged > monitor->queued) {
        fails_by(monitor, "ACKED_UNQUEUED", "RFC9293:3.10.2 no more is acknowledged than was sent",
                 monitor->queued, fx->acknowledged);
    }
}

static uint32_t segment_size(const struct tfsm_tcb *tcb)
{
    uint32_t options = tcb->flags & TFSM_M_TIMESTAMPS ? 12 : 0;
    return tcb->snd_mss > options ? tcb->snd_mss - options : 1;
}

/* RFC 5681 2: nothing new in it, and something outstanding. */
static void note_duplicate(struct monitor *monitor, const struct tfsm_tcb *before,
                           const struct tfsm_segment *seg)
{
    bool repeated = (seg->flags & (TFSM_ACK | TFSM_SYN | TFSM_FIN)) == TFSM_ACK && seg->len == 0 &&
                    seg->ack == before->snd_una && before->snd_una != before->snd_nxt &&
                    before->snd_wnd > 0 && /* else it answers a probe, and nothing was lost */
                    (uint32_t)seg->wnd << before->snd_wscale == before->snd_wnd;
    if (repeated) {
        monitor->duplicates++;
    } else if ((seg->flags & TFSM_ACK) != 0 && seq_lt(before->snd_una, seg->ack)) {
        monitor->duplicates = 0;
    }
}

/* The congestion window: opens by a segment an acknowledgment at most, closes to one segment when
 * the timer goes off, and to half of what is in flight when a loss is noticed. */
static void check_congestion(struct monitor *monitor, const struct tfsm_tcb *before,
                             const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    uint32_t size = segment_size(after);
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    bool losing = (before->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) != 0;
    bool timed_out = ev->kind == TFSM_EV_TIMEOUT && before->at_rtx != 0 &&
                     after->at_rtx != before->at_rtx &&
                     flight > 0; /* else it was only waited, as ECE asks */
    if ((before->flags & TFSM_M_SYN_ACKED) == 0 || !IN(after, SYNCHRONIZED)) {
        return;
    }
    if (timed_out && after->cwnd != size) {
        fails_by(monitor, "LOSS_WINDOW", "RFC5681:3.1k after a timeout the window is one segment",
                 size, after->cwnd);
    }
    if (timed_out && monitor->timeouts == 0 &&
        after->ssthresh > (flight / 2 > 2 * size ? flight / 2 : 2 * size)) {
        fails_by(monitor, "SSTHRESH", "RFC5681:3.1j the threshold is half of what was in flight",
                 (flight / 2 > 2 * size ? flight / 2 : 2 * size), after->ssthresh);
    }
    if (!timed_out && ev->kind != TFSM_EV_ICMP && after->cwnd > before->cwnd &&
        after->cwnd - before->cwnd > size && !losing && (after->flags & TFSM_M_RECOVERY) == 0) {
        fails_by(monitor, "WINDOW_GROWTH",
                 "RFC5681:3.1h the window grows by one segment an acknowledgment at most",
                 before->cwnd + size, after->cwnd);
    }
    if (!losing && (after->flags & TFSM_M_RECOVERY) != 0 && !monitor->sack &&
        monitor->duplicates < 3) {
        fails_by(
            monitor, "RECOVERY_EARLY",
            "RFC5681:3.2c without SACK three duplicate acknowledgments tell of a loss, no fewer", 3,
            monitor->duplicates);
    }
    if (!losing && (after->flags & TFSM_M_RECOVERY) != 0 &&
        after->cwnd > (flight / 2 > 2 * size ? flight / 2 : 2 * size) + 3 * size) {
        fails_by(monitor, "RECOVERY_WINDOW", "RFC5681:3.2g a loss halves the window",
                 (flight / 2 > 2 * size ? flight / 2 : 2 * size) + 3 * size, after->cwnd);
    }
}

/* ECE lowers the window as a loss would, and once for what was in flight together: the peer says it
 * until CWR comes. */
static void check_ece(struct monitor *monitor, const struct tfsm_tcb *before,
                      const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    const uint32_t losing = TFSM_M_RECOVERY | TFSM_M_LOSS;
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    uint32_t size = segment_size(after);
    bool timed_out = ev->kind == TFSM_EV_TIMEOUT && (after->flags & TFSM_M_LOSS) != 0 &&
                     before->at_rtx != 0 && ev->now >= before->at_rtx;
    bool recovers = (before->flags & losing) == 0 && (after->flags & TFSM_M_RECOVERY) != 0;
    bool ece = monitor->ecn && (before->flags & TFSM_M_SYN_ACKED) != 0 &&
               ev->kind == TFSM_EV_SEGMENT && (ev->segment.flags & TFSM_ECE) != 0 &&
               ((before->flags | after->flags) & losing) == 0 && after->cwnd < before->cwnd &&
               before->at_persist == 0; /* else it may be a pause that ends */
    if (ece && monitor->cut && seq_le(ev->segment.ack, monitor->cut_seq)) {
        fails(monitor, "CUT_TWICE", "RFC3168:6.1.2b ECE lowers the window once in a flight");
    }
    if (ece && after->ssthresh > (flight / 2 > 2 * size ? flight / 2 : 2 * size)) {
        fails_by(monitor, "ECE_CUT", "RFC3168:6.1.2a ECE leaves no more than a loss would",
                 (flight / 2 > 2 * size ? flight / 2 : 2 * size), after->ssthresh);
    }
    if (ece || recovers || timed_out) {
        monitor->cut = true;
        monitor->cut_seq = monitor->snd_max;
    } else if (seq_lt(monitor->cut_seq, after->snd_una)) {
        monitor->cut = false;
    }
}

/* A SYN of the peer's that comes again, and is answered, speaks of ECN anew. */
static void note_plain_syn(struct monitor *monitor, const struct tfsm_tcb *before,
                           const struct tfsm_segment *seg, const struct tfsm_tcb *after)
{
    uint8_t offer = seg->flags & TFSM_ACK ? TFSM_ECE : TFSM_ECE | TFSM_CWR;
    if ((seg->flags & (TFSM_SYN | TFSM_RST)) == TFSM_SYN && seg->seq == before->irs &&
        before->irs == after->irs && IN(before, SYNCHRONIZED | BIT(SYN_RECEIVED)) &&
        (seg->flags & (TFSM_ECE | TFSM_CWR)) != offer) {
        monitor->syn_unheard = true;
        monitor->syn_plain = monitor->syn_plain ||
                             (after->owed & ~before->owed & (TFSM_OWE_ACK | TFSM_OWE_RTX)) != 0;
    }
}

/* The timeout stays within its bounds, whatever was measured. */
static void check_rto(struct monitor *monitor, const struct tfsm_config *cfg,
                      const struct tfsm_tcb *after)
{
    tfsm_time least = cfg->rto_min < cfg->rto_max ? cfg->rto_min : cfg->rto_max;
    least = least < cfg->rto_initial ? least : cfg->rto_initial;
    tfsm_time most = cfg->rto_max > cfg->rto_initial ? cfg->rto_max : cfg->rto_initial;
    most = most > AFTER_SYN ? most : AFTER_SYN;
    if (IN(after, ~NO_CONNECTION) && (after->rto < least || after->rto > most)) {
        fails_by(monitor, "RTO_BOUNDS",
                 "RFC6298:2.4, RFC6298:2.5 the timeout keeps within its bounds",
                 after->rto < least ? least : most, after->rto);
    }
}

/* How long the user waits at most, 0 for ever: RFC 5482 3.1 where options are exchanged. */
static tfsm_time most_patience(const struct monitor *monitor, const struct tfsm_config *cfg,
                               const struct tfsm_tcb *tcb)
{
    tfsm_time minutes = (tcb->uto_peer & 0x8000u) != 0 ? 60 : 1;
    tfsm_time peer = (tcb->uto_peer & 0x7fffu) * minutes * SECOND;
    tfsm_time time = cfg->user_timeout;
    if ((cfg->profile & TFSM_USER_TIMEOUT) == 0 || !monitor->connected) {
        return time;
    }
    if (time == 0) {
        time = peer > cfg->uto_advertised ? peer : cfg->uto_advertised;
    }
    if (time == 0) {
        return 0;
    }
    time = time > cfg->uto_least ? time : cfg->uto_least;
    time = time < cfg->uto_most ? time : cfg->uto_most;
    tfsm_time rto = tcb->rto > cfg->rto_max ? tcb->rto : cfg->rto_max; /* however backed off */
    return time > rto ? time : rto + 1;
}

/* The user's timeout, by a clock of our own: from when something was to be acknowledged first, or
 * some of it was, or when the user lost his patience and chose a timeout. */
static void check_patience(struct monitor *monitor, const struct tfsm_config *cfg,
                           const struct tfsm_tcb *before, const struct tfsm_event *ev,
                           const struct tfsm_tcb *after)
{
    uint32_t end = seq_add(after->snd_end, after->flags & TFSM_M_CLOSE ? 1 : 0);
    tfsm_time patience = most_patience(monitor, cfg, after);
    bool waits = IN(after, ~(NO_CONNECTION | BIT(TIME_WAIT))) && after->snd_una != end;
    bool moved = before->snd_una != after->snd_una || before->iss != after->iss;
    if (waits && monitor->pending && !moved && !monitor->retimed && ev->kind == TFSM_EV_TIMEOUT &&
        patience > 0 && ev->now < TFSM_NEVER - 1 && ev->now - monitor->pending_from > patience) {
        fails(monitor, "USER_TIMEOUT", "RFC9293:3.10.8 the user timeout ends the connection");
    }
    if (waits && (!monitor->pending || moved || monitor->patient)) {
        monitor->pending_from = ev->now;
    }
    monitor->pending = waits;
    monitor->patient = patience == 0;
}

/* An ICMP message that quotes nothing in flight, or means nothing, has no effect, but that the user
 * hears of an error about an ACK alone or a keep-alive. */
static void check_icmp(struct monitor *monitor, const struct tfsm_config *cfg,
                       const struct tfsm_tcb *before, const struct tfsm_event *ev,
                       const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    bool ours = IN(before, ~NO_CONNECTION) && seq_in(ev->segment.seq, before->snd_una, flight);
    bool soft = ev->icmp == TFSM_ICMP_SOFT ||
                (ev->icmp == TFSM_ICMP_HARD && (cfg->profile & TFSM_RFC5927) != 0);
    bool keepalive = before->keepalives > 0 && ev->segment.seq == seq_sub(before->snd_nxt, 1);
    bool empty = IN(before, SYNCHRONIZED) && (ev->segment.seq == before->snd_nxt || keepalive);
    unsigned told = !ours && empty && soft ? TFSM_SIG_SOFT_ERROR : 0;
    if ((!ours || ev->icmp == TFSM_ICMP_IGNORE) && (!same(before, after) || fx->signals != told)) {
        fails(monitor, "ICMP_UNFOUNDED",
              "RFC5927:4.1 an ICMP message that quotes nothing in flight has no effect");
    }
    if (ours && ev->icmp == TFSM_ICMP_SOFT && (fx->signals & TFSM_SIG_SOFT_ERROR) == 0) {
        fails(monitor, "ICMP_UNTOLD", "RFC9293:SHLD-25 the user can hear of soft errors");
    }
    if (ev->icmp == TFSM_ICMP_SOFT && after->state != before->state) {
        fails(monitor, "ICMP_SOFT", "RFC9293:MUST-56 a soft error ends nothing");
    }
}

/* A keep-alive asks after silence, and only when nothing is outstanding. */
static void check_keepalive(struct monitor *monitor, const struct tfsm_config *cfg,
                            const struct tfsm_tcb *before, tfsm_time now)
{
    tfsm_time from = monitor->asked ? monitor->asked_at : monitor->heard;
    tfsm_time least = monitor->asked ? cfg->keepalive_every : cfg->keepalive_idle;
    if (cfg->keepalive_idle == 0 || before->snd_una != before->snd_nxt ||
        (now < TFSM_NEVER - 1 && now - from < least)) {
        fails(monitor, "KEEPALIVE_EARLY",
              "RFC9293:MUST-26 a keep-alive goes out only after silence, with nothing outstanding");
    }
    monitor->asked = true;
    monitor->asked_at = now;
}

/* Back-off doubles, is bounded, and gives up after R2 and not before. */
static void check_timeout(struct monitor *monitor, const struct tfsm_config *cfg,
                          const struct tfsm_tcb *before, const struct tfsm_event *ev,
                          const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    bool rtx = before->at_rtx != 0 && ev->now >= before->at_rtx &&
               before->snd_una != before->snd_nxt; /* else it was only waited, as ECE asks */
    bool probe = before->at_persist != 0 && ev->now >= before->at_persist;
    bool user = before->at_user != 0 && ev->now >= before->at_user;
    if (before->state == TFSM_TIME_WAIT && before->at_2msl != 0 && ev->now >= before->at_2msl &&
        after->state != TFSM_CLOSED) {
        fails(monitor, "TIME_WAIT_FOR_EVER", "RFC9293:3.10.8 TIME-WAIT ends after 2MSL");
    }
    if (user && after->state != TFSM_CLOSED && after->state != TFSM_LISTEN) {
        fails(monitor, "USER_TIMEOUT", "RFC9293:3.10.8 the user timeout ends the connection");
    }
    bool keepalive = before->at_keepalive != 0 && ev->now >= before->at_keepalive;
    bool ends = (fx->signals & TFSM_SIG_TIMED_OUT) != 0 || after->state == TFSM_LISTEN;
    if (ends && before->state != TFSM_LISTEN && !rtx && !probe && !user && !keepalive) {
        fails(monitor, "TIMED_OUT_EARLY", "RFC9293:3.10.8 only a timer that is due gives up");
    }
    if ((!rtx && !probe) || user) {
        return;
    }
    unsigned r2 = monitor->connected ? cfg->retries : cfg->syn_retries;
    bool gave_up = (fx->signals & TFSM_SIG_TIMED_OUT) != 0 || after->state == TFSM_LISTEN;
    bool patient = (cfg->profile & TFSM_USER_TIMEOUT) != 0 && monitor->connected &&
                   before->at_user != 0; /* what was told decides, not R2 */
    tfsm_time rto = before->rto < cfg->rto_max ? before->rto : cfg->rto_max;
    if (rtx && !gave_up && monitor->front_known && monitor->front_seq == before->snd_una &&
        ev->now >= monitor->front_sent && ev->now - monitor->front_sent < rto &&
        before->at_rtx < TFSM_NEVER - 1) {
        fails(monitor, "RTX_EARLY",
              "RFC6298:5 the timer sends nothing again within a timeout of when it went out last");
    }
    if (rtx && gave_up != (monitor->timeouts >= r2) && !patient) {
        fails(monitor, "GIVE_UP_AT_R2",
              "RFC9293:MUST-20 give up after R2 retransmissions, not before");
    }
    monitor->timeouts++;
    if (rtx && !gave_up) {
        bool told = (fx->signals & TFSM_SIG_ADVICE) != 0;
        monitor->held_count = 0; /* the peer may have forgotten it (RFC 2018 8) */
        if (told != (cfg->r1 > 0 && monitor->timeouts >= cfg->r1)) {
            fails(monitor, "R1_TOLD",
                  "RFC9293:SHLD-9, RFC9293:MUST-20a from R1 retransmissions on the user is told");
        }
    }
    if (gave_up) {
        return;
    }
    monitor->owes_una = true;
    tfsm_time next = rtx ? after->at_rtx : after->at_persist;
    tfsm_time interval = next - ev->now;
    tfsm_time rto_max = cfg->rto_max > 0 ? cfg->rto_max : 1;
    if (rtx && monitor->interval != 0 && next < TFSM_NEVER - 1 && interval != rto_max &&
        interval / 2 != monitor->interval && interval != 1) {
        fails_by(monitor, "BACK_OFF", "RFC6298:5.5 the timeout doubles, up to its bound",
                 2 * monitor->interval, interval);
    }
    if (interval > rto_max) {
        fails_by(monitor, "BACK_OFF", "RFC6298:2.5 the timeout is bounded", rto_max, interval);
    }
    bool small = after->snd_wnd > 0; /* not closed: the override timeout goes before */
    if (probe && small && (after->flags & TFSM_M_ECE_WAIT) == 0 && interval > SECOND &&
        next < TFSM_NEVER - 1) {
        fails_by(monitor, "OVERRIDE", "RFC9293:3.8.6.2.1 a small window is used within a second",
                 SECOND, interval);
    }
    if (probe && !small && monitor->probe_interval != 0 && next < TFSM_NEVER - 1 &&
        interval != rto_max && interval / 2 != monitor->probe_interval && interval != 1) {
        fails_by(monitor, "PROBE_BACK_OFF", "RFC9293:SHLD-30 the interval between probes doubles",
                 2 * monitor->probe_interval, interval);
    }
    monitor->interval = rtx ? interval : 0;
    monitor->probe_interval = probe && !small ? interval : 0;
}

/* SEG.ACK says that everything of ours has arrived. */
static bool seg_ack_good(const struct monitor *monitor, const struct tfsm_tcb *before,
                         const struct tfsm_segment *seg)
{
    return seg->ack == monitor->snd_max && seg->ack == before->snd_una;
}

/* TIME-WAIT lasts 2MSL from the last FIN. */
static void check_time_wait(struct monitor *monitor, const struct tfsm_config *cfg,
                            const struct tfsm_tcb *before, const struct tfsm_event *ev,
                            const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    if (after->state == TFSM_TIME_WAIT && before->state != TFSM_TIME_WAIT) {
        monitor->time_wait_from = ev->now;
    }
    if (before->state == TFSM_TIME_WAIT && after->state == TFSM_TIME_WAIT &&
        after->at_2msl != before->at_2msl) {
        if (ev->kind != TFSM_EV_SEGMENT || !fin_again(before, &ev->segment)) {
            fails(monitor, "TIME_WAIT_PROLONGED",
                  "RFC9293:3.10.7.4 only the peer's FIN restarts 2MSL");
        }
    }
    if (ev->kind == TFSM_EV_SEGMENT && before->state == TFSM_TIME_WAIT &&
        fx->verdict != TFSM_V_DROP && /* PAWS may refuse it */
        fin_again(before, &ev->segment) && seg_ack_good(monitor, before, &ev->segment)) {
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
static APART void check_relisten(struct monitor *monitor, const struct tfsm_tcb *after)
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

/* The MSS of the policy, within what a packet of either family holds. */
static uint16_t own_mss(const struct tfsm_config *cfg)
{
    uint16_t most = tfsm_mss(UINT32_MAX, 4);
    return cfg->mss < 1 ? 1 : cfg->mss < most ? cfg->mss : most;
}

/* What the peer's SYN settles: the largest text it takes, and whether windows are scaled. */
static void note_syn(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_segment *seg, const struct tfsm_tcb *after, bool less)
{
    uint16_t mss = cfg->mss_default;
    if ((seg->options & TFSM_OPT_MSS) != 0) {
        mss = seg->mss > cfg->mss_floor ? seg->mss : cfg->mss_floor;
    }
    mss = mss < own_mss(cfg) ? mss : own_mss(cfg);
    monitor->peer_mss = mss > 0 ? mss : 1;
    bool scaled = (seg->options & TFSM_OPT_WSCALE) != 0 && (cfg->profile & TFSM_WSCALE) != 0;
    uint8_t shift = seg->wscale < 14 ? seg->wscale : 14;
    if (less && after->snd_wscale == 0 && after->rcv_wscale == 0) {
        scaled = false;
    }
    if (after->snd_wscale != (scaled ? shift : 0) || (!scaled && after->rcv_wscale != 0)) {
        fails_by(monitor, "WSCALE_AGREED",
                 "RFC7323:2.2 windows are scaled when both SYNs offer it, as they say",
                 scaled ? shift : 0, after->snd_wscale);
    }
}

/* Nothing is known of a connection that is not there, or has just begun; a listener, and what is owed
 * in reply, stay. */
static APART void begin_account(struct monitor *monitor, const struct tfsm_tcb *before,
                                const struct tfsm_tcb *after)
{
    static struct monitor fresh; /* for the sanitizers' sake not in a frame */
    fresh = (struct monitor){.violation = monitor->violation,
                             .acks_alone = monitor->acks_alone,
                             .resets = monitor->resets,
                             .rst_expected = monitor->rst_expected,
                             .rst_seq = monitor->rst_seq,
                             .rst_ack = monitor->rst_ack,
                             .rst_with_ack = monitor->rst_with_ack,
                             .duty = {.rst_due = monitor->duty.rst_due},
                             .listener = monitor->listener};
    if (after->state == TFSM_LISTEN && before->state == TFSM_SYN_RECEIVED) {
        check_relisten(monitor, after);
    }
    if (after->state == TFSM_LISTEN && before->state == TFSM_CLOSED) {
        fresh.listener = *after;
    }
    fresh.violation = monitor->violation;
    *monitor = fresh;
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
        bool less = made_less(cfg, before, ev, after);
        note_syn(monitor, cfg, &ev->segment, after, less);
        note_agreement(monitor, cfg, ev, before, after, less);
        monitor->heard = ev->now;
    }
    if (open && ev->kind == TFSM_EV_SEND && result == TFSM_DONE) {
        monitor->queued += ev->len;
    }
}

void monitor_adopt(struct monitor *monitor, const struct tfsm_tcb *tcb)
{
    *monitor = (struct monitor){.open = true,
                                .iss = tcb->iss,
                                .snd_max = tcb->snd_nxt,
                                .una_low = tcb->iss,
                                .peer_edge = seq_add(tcb->snd_nxt, tcb->snd_wnd),
                                .peer_edge_known = true,
                                .edge_out = seq_add(tcb->rcv_nxt, tcb->rcv_wnd),
                                .edge_out_known = true,
                                .peer_mss = tcb->snd_mss,
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
}

/* Whoever waits for a deadline that does not move waits for ever, and never for anything else. At
 * the end of time itself all deadlines are one. */
static void check_progress(struct monitor *monitor, const struct tfsm_tcb *before,
                           const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    bool due = ev->kind == TFSM_EV_TIMEOUT && tfsm_deadline(before) <= ev->now;
    if (due && !monitor->retimed && ev->now < TFSM_NEVER / 2 && tfsm_deadline(after) <= ev->now) {
        fails(monitor, "NO_PROGRESS",
              "RFC9293:3.10.8 a timeout that is due moves its deadline or ends it");
    }
}

void monitor_step(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  enum tfsm_result result, const struct tfsm_effects *fx,
                  const struct tfsm_tcb *after)
{
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
    check_progress(monitor, before, ev, after);
    check_reopen(monitor, cfg, before, ev, fx, after);
    if (fx->verdict == TFSM_V_REOPEN) { /* it is no segment of this connection */
        monitor->acks_alone = 0;
        monitor->resets = 0;
        return;
    }
    check_transition(monitor, cfg, before, ev, after);
    bool ended = IN(before, ~NO_CONNECTION) && !IN(after, ~NO_CONNECTION);
    if (!ended) {
        keep_account(monitor, cfg, before, ev, result, after);
    }
    if (ev->kind == TFSM_EV_SEGMENT) {
        if (fx->verdict == TFSM_V_DROP) {
            check_unchanged(monitor, before, after);
        }
        check_refusal(monitor, cfg, before, ev, fx, after);
        check_limiter(monitor, cfg, before, ev, fx, after);
        if ((before->snd_una & 3u) == 0) { /* one run in four: it costs a step */
            check_flag_independence(monitor, cfg, before, ev, after);
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
        note_reply(monitor, before, ev, fx, after);
    }
    if (!ended && ev->kind == TFSM_EV_SEGMENT && fx->verdict != TFSM_V_DROP) {
        note_duplicate(monitor, before, &ev->segment);
    }
    if (!ended && ev->kind == TFSM_EV_SEGMENT) {
        note_twice(monitor, &ev->segment, before, after);
        note_plain_syn(monitor, before, &ev->segment, after);
    }
    if (!ended) {
        check_receive(monitor, ev, fx, after);
        check_send(monitor, before, ev, fx, after);
        check_congestion(monitor, before, ev, after);
        check_ece(monitor, before, ev, after);
        check_rto(monitor, cfg, after);
        check_patience(monitor, cfg, before, ev, after);
        check_urgent_in(monitor, after);
    }
    if (!ended && ev->kind == TFSM_EV_SEGMENT && fx->verdict != TFSM_V_DROP &&
        IN(before, SYNCHRONIZED | BIT(SYN_RECEIVED))) {
        note_options(monitor, ev, before, after);
    }
    if (ev->kind == TFSM_EV_ICMP) {
        check_icmp(monitor, cfg, before, ev, fx, after);
    }
    if (ev->kind == TFSM_EV_TIMEOUT && after->keepalives > before->keepalives) {
        check_keepalive(monitor, cfg, before, ev->now);
    }
    if (ev->kind == TFSM_EV_TIMEOUT) {
        check_timeout(monitor, cfg, before, ev, fx, after);
    }
    if (ev->kind == TFSM_EV_SEGMENT && syn_repeated(before, &ev->segment) &&
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
    if (after->snd_una != before->snd_una ||
        (before->at_persist != 0) != (after->at_persist != 0)) {
        monitor->owes_una =
            false; /* acknowledged, or the window opened and the probe is not needed */
    }
    if (ev->kind == TFSM_EV_SEGMENT) {
        monitor->probe_interval = 0;
    }
    note_rst(monitor, before, ev, after);
    check_time_wait(monitor, cfg, before, ev, fx, after);
    duty_orphan(monitor, cfg, before, ev, fx, after);
    check_signals(monitor, before, ev, fx, after);
    monitor->acks_alone = 0;
    monitor->resets = 0;
    if (ended) {
        keep_account(monitor, cfg, before, ev, result, after);
    }
}

/* ---- output ---- */

/* Octets of options, padded. */
static uint32_t options_of(const struct tfsm_segment *seg)
{
    uint32_t octets = (seg->options & TFSM_OPT_TIMESTAMPS ? 10u : 0u) +
                      (seg->options & TFSM_OPT_USER_TIMEOUT ? 4u : 0u) +
                      (seg->options & TFSM_OPT_SACK ? 2u + 8u * seg->sacks : 0u);
    return (octets + 3) / 4 * 4;
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

static void check_sack_out(struct monitor *monitor, const struct tfsm_segment *seg,
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

/* Options and the ECN field of a segment that goes out: what was agreed, no more and no less. */
static void check_options_out(struct monitor *monitor, const struct tfsm_config *cfg,
                              const struct tfsm_tcb *before, tfsm_time now,
                              const struct tfsm_segment *seg, const struct tfsm_tcb *after)
{
    bool syn = (seg->flags & TFSM_SYN) != 0;
    bool ack = (seg->flags & TFSM_ACK) != 0;
    bool stamped = (seg->options & TFSM_OPT_TIMESTAMPS) != 0;
    bool fresh = text_of(seg) > 0 && seg->seq == before->snd_nxt;
    uint32_t clock = (uint32_t)(now / 1000 & UINT32_MAX);
    if ((seg->options & TFSM_OPT_FAST_OPEN) != 0 && (!syn || monitor->syn_out)) {
        fails(monitor, "FAST_OPEN_ONCE",
              "RFC7413:4.2.2 Fast Open is tried with the first SYN only");
    }
    if (syn) {
        monitor->offered = seg->options;
        monitor->syn_out = true;
    } else if ((seg->options & (TFSM_OPT_MSS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED |
                                TFSM_OPT_FAST_OPEN)) != 0) {
        fails(monitor, "SYN_OPTIONS", "RFC9293:MUST-65 these options go on a SYN only");
    }
    if (stamped != (syn && !ack ? (cfg->profile & TFSM_TIMESTAMPS) != 0 : monitor->timestamps)) {
        fails(monitor, "TS_ALWAYS",
              "RFC7323:3.2e timestamps on every segment once agreed, else none");
    }
    if (stamped && (seg->ts_val != seq_add(clock, after->ts_offset) ||
                    seg->ts_ecr != (ack ? monitor->ts_recent : 0))) {
        fails(monitor, "TS_ECHO", "RFC7323:3.2b TSval is our clock, TSecr the TSval to echo");
    }
    check_sack_out(monitor, seg, after);
    bool ece = (seg->flags & TFSM_ECE) != 0;
    bool cwr = (seg->flags & TFSM_CWR) != 0;
    bool wrong = syn ? (!ack && ece != cwr) || (ece && (cfg->profile & TFSM_ECN) == 0) ||
                           (ack && (cwr || ece != monitor->ecn))
                     : ece != monitor->ece_due || (cwr && !(monitor->ecn && fresh));
    if (wrong) {
        fails(monitor, "ECN_FLAGS",
              "RFC3168:6.1.3a ECE from CE until CWR, CWR on new text, both to ask for ECN");
    }
    monitor->ecn_offered = monitor->ecn_offered || (syn && ece);
    monitor->syn_plain = monitor->syn_plain || (syn && !ece && monitor->ecn_offered);
    bool ect = monitor->ecn && !monitor->syn_plain && fresh && !syn && before->at_persist == 0;
    if (seg->ecn != (ect ? TFSM_ECT_0 : 0) && !(ect && monitor->syn_unheard && seg->ecn == 0)) {
        fails(monitor, "ECN_FIELD",
              "RFC3168:6.1.1d, RFC3168:6.1.5a only new text may be marked by the network, and only "
              "where every SYN had the offer");
    }
}

/* What is sent again is not what the peer said it holds, while it can be believed. */
static void check_held(struct monitor *monitor, const struct tfsm_tcb *before,
                       const struct tfsm_segment *seg)
{
    uint32_t end = seq_add(seg->seq, seg->len);
    if (seg->len == 0 || !seq_lt(seg->seq, before->snd_nxt) || before->at_persist != 0) {
        return;
    }
    for (unsigned i = 0; i < monitor->held_count; i++) {
        if (seq_lt(seg->seq, monitor->held[i].right) && seq_lt(monitor->held[i].left, end)) {
            fails(monitor, "SENT_HELD", "RFC2018:5.1a text that SACK reports is not sent again");
        }
    }
}

/* What is sent again keeps within the window as it is now, but for the first time where windows are
 * scaled, and what the scale may have cut off. */
static void check_again(struct monitor *monitor, const struct tfsm_tcb *before,
                        const struct tfsm_segment *seg)
{
    struct tfsm_range sent = {seg->seq, seq_add(seg->seq, seg->len)};
    uint32_t rounding = (1u << before->snd_wscale) - 1;
    uint32_t edge = seq_add(before->snd_una, before->snd_wnd + rounding);
    unsigned count = 0;
    bool twice = before->snd_wscale == 0;
    if (seg->len == 0 || (seg->flags & TFSM_SYN) != 0 || !seq_lt(seg->seq, before->snd_nxt) ||
        (before->flags & TFSM_M_SYN_ACKED) == 0 || before->at_persist != 0) {
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
    if (count < MONITOR_AGAIN) {
        monitor->again[monitor->again_count++] = sent;
    }
}

/* New text goes out only while the network has room for it, by our own account: what is in flight
 * and the peer does not hold. */
static void check_pipe(struct monitor *monitor, const struct tfsm_config *cfg,
                       const struct tfsm_tcb *before, const struct tfsm_segment *seg)
{
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    bool losing = (before->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) != 0;
    if ((cfg->profile & TFSM_CONGESTION) == 0 || losing || text_of(seg) == 0 ||
        seg->seq != before->snd_nxt || flight == 0 || before->at_persist != 0 ||
        (before->flags & TFSM_M_SYN_ACKED) == 0) {
        return;
    }
    uint64_t room = (uint64_t)before->cwnd + 2u * segment_size(before);
    for (unsigned i = 0; i < monitor->held_count; i++) {
        room += seq_distance(monitor->held[i].left, monitor->held[i].right);
    }
    if ((uint64_t)flight + text_of(seg) > room) {
        fails_by(monitor, "BEYOND_CWND",
                 "RFC5681:3 new text keeps within the congestion window and limited transmit", room,
                 (uint64_t)flight + text_of(seg));
    }
}

/* The initial window is a number of segments, too; with duplicate acknowledgments limited transmit
 * begins. */
static void check_first_flight(struct monitor *monitor, const struct tfsm_config *cfg,
                               const struct tfsm_tcb *before, const struct tfsm_segment *seg)
{
    uint32_t size = segment_size(before);
    uint32_t most = cfg->initial_window > 0 ? cfg->initial_window
                    : size > 2190           ? 2
                    : size > 1095           ? 3
                                            : 4;
    if (text_of(seg) == 0 || seg->seq != before->snd_nxt || before->at_persist != 0 ||
        (seg->flags & TFSM_SYN) != 0) {
        return;
    }
    monitor->flight_first++;
    if ((cfg->profile & TFSM_CONGESTION) != 0 && monitor->flight_first > most &&
        before->snd_octets == 0 && before->snd_una != before->snd_nxt && before->dup_acks == 0 &&
        (before->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) == 0) {
        fails_by(monitor, "FIRST_FLIGHT", "RFC5681:3.1b the initial window is so many segments",
                 most, monitor->flight_first);
    }
}

/* The rescue retransmission bears the highest octet that the peer does not hold, as far as the
 * window reaches. It may go on from there with octets that were never sent: RFC 6675 asks for one
 * segment which includes that octet, and there is room for a whole one, or it would not go. */
static void check_rescue(struct monitor *monitor, const struct tfsm_tcb *before,
                         const struct tfsm_segment *seg, const struct tfsm_tcb *after)
{
    uint32_t end = seq_add(seg->seq, seg->len);
    bool rescue = (after->flags & ~before->flags & TFSM_M_AGAIN) != 0;
    bool highest = seq_lt(seg->seq, before->snd_nxt) && seq_le(before->snd_nxt, end);
    for (unsigned i = 0; i < before->sacked_count; i++) {
        highest = highest || (end == before->sacked[i].left && i + 1u == before->sacked_count &&
                              before->sacked[i].right == before->snd_nxt);
    }
    if (rescue && !highest && seq_distance(before->snd_una, before->snd_nxt) <= before->snd_wnd) {
        fails(monitor, "RESCUE_HIGHEST",
              "RFC6675:4h the rescue retransmission bears the highest octet not reported");
    }
}

static void check_numbers(struct monitor *monitor, const struct tfsm_tcb *before,
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

static void check_acknowledgment(struct monitor *monitor, const struct tfsm_segment *seg,
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

void monitor_output(struct monitor *monitor, const struct tfsm_config *cfg,
                    const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                    const struct tfsm_tcb *after)
{
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
        monitor->resets++;
        if (monitor->resets > 1 || seg->len > 0) {
            fails(monitor, "ONE_RST",
                  "RFC9293:3.5.2 one RST answers one segment, and consumes no number");
        }
        bool with_ack = (seg->flags & TFSM_ACK) != 0;
        if (!monitor->rst_expected || seg->seq != monitor->rst_seq ||
            with_ack != monitor->rst_with_ack || (with_ack && seg->ack != monitor->rst_ack)) {
            fails(monitor, "RST_NUMBERS",
                  "RFC9293:3.5.2 a RST has the numbers its cause calls for");
        }
        monitor->rst_expected = false;
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
    bool urgent = (before->flags & TFSM_M_URGENT) != 0 && (seg->flags & TFSM_SYN) == 0 &&
                  seq_lt(seg->seq, before->snd_up);
    uint32_t ahead = seq_distance(seg->seq, before->snd_up);
    if (((seg->flags & TFSM_URG) != 0) != urgent ||
        (urgent && seg->up != (ahead < UINT16_MAX ? ahead : UINT16_MAX))) {
        fails(monitor, "FLAGS_OUT",
              "RFC9293:3.8.5 URG and the pointer go on what is sent before our urgent data end");
    }
    check_options_out(monitor, cfg, before, now, seg, after);
    check_held(monitor, before, seg);
    check_again(monitor, before, seg);
    check_pipe(monitor, cfg, before, seg);
    check_first_flight(monitor, cfg, before, seg);
    check_rescue(monitor, before, seg, after);
    if (seg->len > 0 && seg->seq == before->snd_una) {
        monitor->front_known = true;
        monitor->front_seq = seg->seq;
        monitor->front_sent = now;
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
        if (seg->seq != own_place(before, false)) {
            fails(
                monitor, "ACK_PLACE",
                "RFC9293:3.4 an acknowledgment stands at SND.NXT, or where the peer's window ends");
        }
    }
    check_numbers(monitor, before, seg);
    if ((seg->flags & TFSM_SYN) != 0 &&
        ((seg->options & TFSM_OPT_MSS) == 0 || seg->mss != own_mss(cfg))) {
        fails(monitor, "SYN_MSS", "RFC9293:MAY-3 every SYN carries our MSS");
    }
    uint64_t early = monitor->delivered; /* a Fast Open's text has come before our SYN goes out */
    if ((seg->flags & TFSM_SYN) != 0 && seg->wnd + early != first_window(cfg)) {
        fails(monitor, "SYN_WINDOW", "RFC7323:2.2 the window of a SYN is the buffer, not scaled");
    }
    if ((seg->flags & TFSM_ACK) != 0) {
        check_acknowledgment(monitor, seg, after);
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
