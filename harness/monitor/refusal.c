/* What is refused: a segment that is not acceptable, an ICMP message that quotes nothing in flight.
 * It changes nothing but the reply owed, and such replies are limited. */
#include "internal.h"
#include "seq.h"

#include <string.h>

/* ---- whether a segment is acceptable ---- */

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

bool monitor_fin_again(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    const uint8_t flags = TFSM_FIN | TFSM_SYN | TFSM_RST | TFSM_ACK;
    return tcb->state == TFSM_TIME_WAIT && (seg->flags & flags) == (TFSM_FIN | TFSM_ACK) &&
           seg->security == tcb->security && seq_add(seg->seq, seg->len) == tcb->rcv_nxt;
}

bool monitor_syn_repeated(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return (seg->flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == TFSM_SYN && seg->seq == tcb->irs &&
           (tcb->flags & TFSM_M_SYN_ACKED) == 0;
}

/* ---- the limit of replies ---- */

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
    bool refused = fx->verdict == TFSM_V_DROP || monitor_syn_repeated(before, seg);
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
void refusal_reply(struct monitor *monitor, const struct tfsm_tcb *before,
                   const struct tfsm_event *ev, const struct tfsm_effects *fx,
                   const struct tfsm_tcb *after)
{
    struct reply_account *replies = &monitor->replies[reply_kind(before, &ev->segment)];
    if (is_limited(before, &ev->segment, fx) &&
        (after->owed & (TFSM_OWE_ACK | TFSM_OWE_RTX)) != 0) {
        replies->at[replies->count++ % MONITOR_REPLIES] = ev->now;
    }
}

/* ---- segments ---- */

static APART bool only_replied(const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    static struct whole whole; /* for the sanitizers' sake not in a frame */
    struct tfsm_tcb *expected = &whole.tcb;
    copy_tcb(&whole, before);
    expected->owed = after->owed;
    expected->rst_seq = after->rst_seq;
    expected->rst_ack = after->rst_ack;
    expected->rst_ts_val = after->rst_ts_val;
    expected->rst_ts_ecr = after->rst_ts_ecr;
    memcpy(expected->challenges, after->challenges, sizeof expected->challenges);
    expected->challenge_until = after->challenge_until;
    expected->flags |= after->flags & TFSM_M_DSACK;   /* the reply owed reports it */
    expected->flags |= after->flags & TFSM_M_NOT_ECT; /* a SYN's offer of ECN, or none, is noted */
    expected->dsack = after->dsack;
    expected->quick_acks = after->quick_acks; /* what the segments after it are owed */
    return same(expected, after);
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
    if (!in && !monitor_fin_again(before, seg) && !monitor_syn_repeated(before, seg)) {
        check_unchanged(monitor, before, after);
    }
    bool budget = monitor_has_budget(monitor, cfg, before, ev);
    bool bears = text_of(seg) > 0 || (seg->flags & TFSM_FIN) != 0;
    bool strict_rst = rst && in && (cfg->profile & TFSM_RFC5961) != 0 &&
                      seg->seq != before->rcv_nxt &&
                      !(before->state == TFSM_TIME_WAIT && (cfg->profile & TFSM_RFC1337) != 0);
    bool due = rst ? strict_rst && budget : !in && (bears || budget);
    uint8_t answer =
        TFSM_OWE_ACK | (monitor_syn_repeated(before, seg) ? TFSM_OWE_RTX | TFSM_OWE_SYN : 0);
    if (due && (after->owed & answer) == 0) {
        fails(monitor, "NO_REPLY",
              "RFC9293:3.10.7.4 an unacceptable segment is answered with an ACK");
    }
    if (rst && !in && (after->owed & ~before->owed & TFSM_OWE_ACK) != 0) {
        fails(monitor, "RST_OUTSIDE_ANSWERED",
              "RFC5961:3.2a a RST outside the window is dropped in silence");
    }
}

void refusal_step(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    if (fx->verdict == TFSM_V_DROP) {
        check_unchanged(monitor, before, after);
    }
    check_refusal(monitor, cfg, before, ev, fx, after);
    check_limiter(monitor, cfg, before, ev, fx, after);
}

/* ---- ICMP messages ---- */

/* An ICMP message that quotes nothing in flight, or means nothing, has no effect, but that the user
 * hears of an error about an ACK alone or a keep-alive. */
void refusal_icmp(struct monitor *monitor, const struct tfsm_config *cfg,
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
