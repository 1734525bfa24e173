/* What is done: one small function for each action a row can name, and what brings timers and debts in line
 * afterwards. An action trusts the facts its row needed and checks nothing again. */
#ifndef TFSM_ACTIONS_H
#define TFSM_ACTIONS_H

#include "facts.h"
#include "flight.h"
#include "rtt.h"
#include "settle.h"

#define RTO_AFTER_SYN 3000000 /* microseconds (RFC6298:5.7) */
#define ACK_DELAY_MAX 499999  /* microseconds: less than half a second (RFC9293:MUST-40) */

/* Forget everything but a RST that is still to be sent, and the room there is. [RFC3168:6.1.1k] */
static inline void forget(struct tfsm_tcb *tcb)
{
    const uint8_t owed = tcb->owed & (TFSM_OWE_RST | TFSM_OWE_RST_ACK | TFSM_OWE_RST_TS);
    const uint32_t seq = tcb->rst_seq;
    const uint32_t ack = tcb->rst_ack;
    const uint32_t ts_val = tcb->rst_ts_val;
    const uint32_t ts_ecr = tcb->rst_ts_ecr;
    const uint16_t room = tcb->room;
    clear_tcb(tcb);
    tcb->room = CAN(TFSM_BUILD_ROOM) ? room : 0;
    tcb->owed = owed;
    tcb->rst_seq = seq;
    tcb->rst_ack = ack;
    tcb->rst_ts_val = ts_val;
    tcb->rst_ts_ecr = ts_ecr;
}

static inline void owe_rst(struct tfsm_tcb *tcb, uint32_t seq, uint8_t also, uint32_t ack)
{
    const uint8_t kinds = TFSM_OWE_RST_ACK | TFSM_OWE_RST_TS;
    tcb->owed = (uint8_t)((tcb->owed & ~(unsigned)kinds) | TFSM_OWE_RST | also);
    tcb->rst_seq = seq;
    tcb->rst_ack = ack;
    tcb->rst_ts_val = 0;
    tcb->rst_ts_ecr = 0;
}

/* The RST that a segment calls for. It echoes the timestamp of its cause. [RFC7323:5.2b] */
static inline void owe_rst_for(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                               const struct tfsm_segment *seg, bool with_ack)
{
    owe_rst(tcb, with_ack ? 0 : seg->ack, with_ack ? TFSM_OWE_RST_ACK : 0,
            with_ack ? seq_add(seg->seq, seg->len) : 0);
    if (profile(cfg, TFSM_TIMESTAMPS) && bears(seg, TFSM_OPT_TIMESTAMPS)) {
        tcb->owed |= TFSM_OWE_RST_TS;
        tcb->rst_ts_ecr = seg->ts_val;
    }
}

/* The RST of our own wish, where the peer must take it: timestamps where agreed, and the echo of a
 * segment that caused it.
 * [RFC7323:3.2f, RFC7323:5.2b, RFC7323:5.2c] */
static inline void owe_rst_abort(struct tfsm_tcb *tcb, const struct tfsm_event *ev)
{
    owe_rst(tcb, reset_seq(tcb), 0, 0);
    if (stamps_agreed(tcb)) {
        bool caused = ev->kind == TFSM_EV_SEGMENT;
        tcb->owed |= TFSM_OWE_RST_TS;
        tcb->rst_ts_val = caused ? 0 : timestamp(tcb, ev->now);
        tcb->rst_ts_ecr = caused ? ev->segment.ts_val : 0;
    }
}

static inline void relisten(struct tfsm_tcb *tcb)
{
    uint32_t flags = tcb->flags & (TFSM_M_PASSIVE | TFSM_M_REMOTE);
    uint8_t security = tcb->security;
    forget(tcb);
    tcb->flags = flags;
    tcb->security = security;
}

/* Eff.snd.MSS: what the peer takes and what we are allowed (RFC9293:MUST-16). */
static inline uint16_t effective_mss(const struct tfsm_config *cfg, uint16_t peer)
{
    return (uint16_t)max32(min32(peer, own_mss(cfg)), 1);
}

/* The send sequence space starts at the ISS, which the SYN occupies. [RFC7323:2.3b, 2.3f;
 * RFC6582:3.2a; RFC9293:MUST-15a, MUST-15b] */
static inline void select_iss(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                              const struct tfsm_event *ev)
{
    uint32_t iss = ev->iss;
    tcb->ts_offset = ev->ts_offset;
    tcb->sent_at = ev->now; /* pauses count from here */
    tcb->ts_oldest = timestamp(tcb, ev->now);
    tcb->iss = iss;
    tcb->snd_una = iss;
    tcb->snd_nxt = seq_add(iss, 1);
    tcb->snd_end = tcb->snd_nxt;
    tcb->snd_recover = iss;
    tcb->snd_rtx = iss;
    tcb->rto = cfg->rto_initial;
    tcb->snd_mss = effective_mss(cfg, cfg->mss_default);
    tcb->rcv_wscale = own_shift(cfg);
}

/* Of the cookie that the embedder holds or hands out; 0 when there is none of that length
 * (RFC7413:4.1.1a). */
static inline uint8_t cookie_length(const struct tfsm_event *ev)
{
    bool legal =
        ev->cookie_len >= 4 && ev->cookie_len <= TFSM_COOKIE_MAX && ev->cookie_len % 2 == 0;
    return legal ? ev->cookie_len : 0;
}

static inline void open_actively(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                 const struct tfsm_event *ev)
{
    uint8_t security =
        tcb->state == TFSM_LISTEN && ev->kind == TFSM_EV_SEND ? tcb->security : ev->security;
    forget(tcb);
    tcb->flags = TFSM_M_REMOTE;
    tcb->security = security;
    tcb->owed |= TFSM_OWE_SYN;
    select_iss(tcb, cfg, ev);
    if (CAN(TFSM_BUILD_FAST_OPEN) && ev->kind == TFSM_EV_OPEN && ev->fast_open) {
        tcb->flags |= TFSM_M_FAST_OPEN;
        tcb->cookie_len = cookie_length(ev); /* what is no cookie asks for one */
        if (ev->mss > 0) {
            tcb->snd_mss = effective_mss(cfg, floored_mss(cfg, ev->mss));
        }
    }
}

static inline void open_passively(struct tfsm_tcb *tcb, const struct tfsm_event *ev)
{
    forget(tcb);
    tcb->flags = TFSM_M_PASSIVE;
    if (ev->remote) {
        tcb->flags |= TFSM_M_REMOTE;
    }
    tcb->security = ev->security;
}

/* Of ECN a SYN speaks with both flags, a SYN-ACK with ECE alone (RFC3168:6.1.1).
 * [RFC3168:6.1.1j] */
static inline bool offers_ecn(const struct tfsm_segment *syn)
{
    return (syn->flags & (TFSM_ECE | TFSM_CWR)) ==
           (has(syn->flags, TFSM_ACK) ? TFSM_ECE : TFSM_ECE | TFSM_CWR);
}

/* What both ends offer is agreed (RFC7323:2.2, RFC7323:3.2, RFC2018:2, RFC3168:6.1.1).
 * [RFC7323:2.2b, 2.3c, 2.3g, 3.2j;
 * RFC3168:6.1.1a; RFC7323:2.2d] */
static inline void agree(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                         const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    /* Our SYN has made its offer, or will make it in answer. */
    bool made = tcb->state == TFSM_SYN_SENT && !has(tcb->owed, TFSM_OWE_SYN);
    uint32_t ours = made ? tcb->flags : profile_offers(cfg);
    if (has(ours, TFSM_M_OFFERED_WSCALE) && bears(seg, TFSM_OPT_WSCALE)) {
        tcb->flags |= TFSM_M_WSCALE;
        tcb->snd_wscale = seg->wscale < 14 ? seg->wscale : 14;
    } else {
        tcb->rcv_wscale = 0;
    }
    if (has(ours, TFSM_M_OFFERED_TIMESTAMPS) && bears(seg, TFSM_OPT_TIMESTAMPS)) {
        tcb->flags |= TFSM_M_TIMESTAMPS;
        tcb->ts_recent = seg->ts_val;
        tcb->ts_recent_from = ev->now;
    }
    if (has(ours, TFSM_M_OFFERED_SACK) && bears(seg, TFSM_OPT_SACK_PERMITTED)) {
        tcb->flags |= TFSM_M_SACK;
    }
    if (CAN(TFSM_ECN) && has(ours, TFSM_M_OFFERED_ECN) && offers_ecn(seg)) {
        tcb->flags |= TFSM_M_ECN;
    }
    if (profile(cfg, TFSM_USER_TIMEOUT) && bears(seg, TFSM_OPT_USER_TIMEOUT) &&
        (seg->user_timeout & 0x7fffu) != 0) {
        tcb->uto_peer = seg->user_timeout;
    }
}

/* Take what a SYN tells: IRS, MSS and the other options (RFC9293:3.7.1). The window offered before
 * the peer speaks is never scaled, hence never more than 65535 octets. */
static inline void syn_in(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                          const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    tcb->irs = seg->seq;
    tcb->rcv_nxt = seq_add(seg->seq, 1);
    tcb->rcv_up = tcb->rcv_nxt;
    tcb->rcv_acked = tcb->rcv_nxt;
    if (tcb->state != TFSM_SYN_SENT || has(tcb->owed, TFSM_OWE_SYN)) {
        tcb->rcv_wnd = min32(cfg->rcv_buff, UINT16_MAX); /* else our SYN has offered it */
    }
    tcb->snd_mss = effective_mss(cfg, cfg->mss_default);
    if (!has(seg->flags, TFSM_ACK) && has(tcb->flags, TFSM_M_PASSIVE)) {
        tcb->cookie_len = cookie_length(ev);
    }
    if (bears(seg, TFSM_OPT_MSS)) {
        tcb->snd_mss = effective_mss(cfg, floored_mss(cfg, seg->mss));
    }
    agree(tcb, cfg, ev);
}

/* A Fast Open whose cookie is good: the user may answer before our SYN is acknowledged, within the
 * initial window. [RFC7413:4.2.2j, RFC7413:4.2.2k] */
static inline void open_early(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    tcb->flags |= TFSM_M_FAST_OPEN;
    tfsm_cwnd_open(tcb, cfg);
    tcb->cwnd++; /* our SYN is in flight as well */
}

/* Our SYN is acknowledged: the connection can be heard. A timeout of less than three seconds that
 * was too short for the SYN is made that long; a longer one stays backed off. [RFC6298:5.7] */
static inline void syn_acked(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    if (tcb->tries > 0 && tcb->rto < RTO_AFTER_SYN) {
        tcb->rto = RTO_AFTER_SYN;
        tcb->backoff = 0;
    }
    tfsm_cwnd_open(tcb, cfg);
    tcb->mss_full = tcb->snd_mss;
    tcb->rack_fack = seq_add(tcb->iss, 1);
    tcb->prr_last = seq_add(tcb->iss, 1);
    tcb->flags |= TFSM_M_SYN_ACKED;
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_SYN;
}

/* What loss recovery remembers, now that SND.UNA has moved. Outside of recovery snd_recover
 * follows one number behind; at its end it stays for once, so that the duplicates which
 * retransmissions cause start no second recovery (RFC6582:3.2 step 2). [RFC6582:3.2b, RFC6582:6b;
 * RFC6675:5b, 5.1b] */
static inline void move_recovery(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    tcb->dup_acks = 0;
    if (tcb->limited > 0) {
        tcb->limited = seq_lt(tcb->snd_una, tcb->snd_limited)
                           ? min32(tcb->limited, seq_distance(tcb->snd_una, tcb->snd_limited))
                           : 0;
    }
    if (!seq_lt(tcb->snd_una, tcb->snd_recover)) {
        if (has(tcb->flags, TFSM_M_LOSS) && rack_runs(tcb, cfg)) {
            tfsm_rack_calms(tcb);
        } else if (CAN(TFSM_SACK) && has(tcb->flags, TFSM_M_LOSS | TFSM_M_SACK)) {
            tfsm_flight_clear(tcb, TFSM_LOST | TFSM_AGAIN | TFSM_BOTH);
        }
        /* some of it, or the end, may have gone twice: nobody remembers what */
        tcb->snd_rtx = has(tcb->flags, TFSM_M_AGAIN) ? tcb->snd_nxt : tcb->snd_rtx;
        tcb->flags &= ~(uint32_t)(TFSM_M_LOSS | TFSM_M_AGAIN);
        if (tcb->snd_una != tcb->snd_recover) {
            tcb->snd_recover = seq_sub(tcb->snd_una, 1);
        }
    }
    tcb->snd_rtx = seq_max(tcb->snd_rtx, tcb->snd_una);
    if (has(tcb->flags, TFSM_M_CUT) && !has(tcb->flags, TFSM_M_CWR) &&
        seq_lt(tcb->snd_cwr, tcb->snd_una)) {
        tcb->flags &= ~(uint32_t)TFSM_M_CUT;
    }
}

/* In fast recovery: whether what was sent again first is acknowledged, and more (RescueRxt, RFC 6675
 * 4 rule 4), now that so many octets are. */
static inline void pass_rescue(struct tfsm_tcb *tcb, uint32_t acked)
{
    if (!has(tcb->flags, TFSM_M_RECOVERY) || has(tcb->flags, TFSM_M_PASSED)) {
        return;
    }
    if (acked > tcb->cwnd_acked) {
        tcb->flags |= TFSM_M_PASSED;
        tcb->cwnd_acked = 0;
    } else {
        tcb->cwnd_acked -= acked;
    }
}

/* What is remembered of what is in flight, now that SEG.ACK is about to become SND.UNA. [RFC8985:4e, RFC8985:7.2a;
 * RFC3522:3.2b] */
APART static void flight_moves(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                               const struct tfsm_event *ev)
{
    bool rack = rack_runs(tcb, cfg);
    if (run_count(tcb) > 0) {
        tfsm_flight_acked(tcb, ev->segment.ack, rack ? ev : NULL);
    }
    remember_loss(tcb, rack ? TFSM_L_RESTART : 0u);
    /* all that follows will be later, whatever its 32 bits of time say */
    if (ev->segment.ack == tcb->snd_nxt) {
        forget_loss(tcb, TFSM_L_DELIVERED | TFSM_L_DELIVERED_AGAIN);
    }
    /* the first ACK of what went again first decides (RFC3522:3.2b); one that began before it is of something else */
    if ((remembered(tcb) & TFSM_L_UNDO_TS) != 0 &&
        seq_lt(tcb->undo_again[0].left, ev->segment.ack) &&
        (tcb->undo_again[0].left != tcb->snd_una || !echo_tells(tcb, &ev->segment))) {
        forget_loss(tcb, TFSM_L_UNDO_TS);
    }
    if (profile(cfg, TFSM_CWV)) {
        /* a window ages though text goes all the time [RFC7661:4.4.3a] */
        if (tfsm_pipe_sample(tcb, ev->segment.ack, ev->now)) {
            tfsm_cwnd_restart(tcb, cfg, ev->now);
        }
    }
}

/* SND.UNA moves to SEG.ACK: count the text that is now safe, and measure the timers from here.
 * [RFC6298:5.3; RFC6582:3.2e; RFC9293:MUST-18; RFC2018:8d; RFC6675:4b; RFC6928:9] */
static inline void advance_una(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                               const struct tfsm_event *ev, struct tfsm_effects *fx)
{
    uint32_t ack = ev->segment.ack;
    uint32_t text = seq_distance(tcb->snd_una, ack);
    bool sampled = rtt_end(tcb, cfg, ev);
    /* Only what was sent after the last timeout was sent once, and tells how long a round trip is:
     * until that is acknowledged the timeout stays backed off (RFC6298:5.5, Karn's algorithm).
     * Timestamps tell it earlier. */
    if (sampled || seq_lt(tcb->snd_recover, ack)) {
        tcb->backoff = 0;
    }
    if (has(tcb->flags, TFSM_M_SYN_ACKED)) {
        tcb->first_flight = 0;
    } else if (text > 0) {
        syn_acked(tcb, cfg);
        text--;
        tcb->first_flight = text > 0 && is_early(tcb) ? 0 : tcb->first_flight;
    }
    if (text > 0 && fin_sent(tcb) && ack == tcb->snd_nxt) {
        text--;
    }
    /* By every partial acknowledgment, not the first alone (RFC6582:3.2 step 3): each has the front sent
     * again, which must not go once more before a whole timeout (RFC6298:5). */
    tcb->at_rtx = 0;
    pass_rescue(tcb, seq_distance(tcb->snd_una, ack));
    uint32_t options = stamps_agreed(tcb) ? TIMESTAMPS_LENGTH : 0;
    uint32_t proven = text > 0 ? min32(text + options, min32(tcb->mss_sent, tcb->snd_mss)) : 0;
    tcb->mss_acked = (uint16_t)max32(tcb->mss_acked, proven);
    if (tcb->mss_asked != 0 && seq_lt(tcb->asked_seq, ack)) { /* RFC5927:7.2c */
        tcb->mss_asked = 0;
    }
    if (run_count(tcb) > 0 || (remembered(tcb) & TFSM_L_UNDO_TS) != 0 ||
        profile_any(cfg, TFSM_RACK | TFSM_CWV)) {
        flight_moves(tcb, cfg, ev);
    }
    tcb->snd_una = ack;
    tcb->snd_octets += text;
    fx->acknowledged += text;
    tcb->tries = 0;
    tcb->at_user = 0;
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_RTX;
    move_recovery(tcb, cfg);
    if (has(tcb->flags, TFSM_M_URGENT) && !seq_lt(ack, tcb->snd_up)) {
        tcb->flags &= ~(uint32_t)TFSM_M_URGENT;
    }
}

/* The window opens after it was closed. What a probe tried and the peer did not take goes again at
 * once, with what is queued behind it, and not because of congestion; but a pause it was, and a
 * burst must not follow (RFC5681:4.1). */
static inline void window_opened(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    if (paused(tcb, now)) {
        tfsm_cwnd_restart(tcb, cfg, now);
    }
    if (has(tcb->flags, TFSM_M_PROBED)) {
        tfsm_resend(tcb);
    } else if (has(tcb->flags, TFSM_M_RECOVERY) && !sack_agreed(tcb)) {
        tcb->owed |= TFSM_OWE_RTX; /* the front that a partial acknowledgment told of waits still */
    }
}

/* SND.WND from a segment. A peer that answers probes is alive however long its window stays
 * closed (RFC9293:MUST-37). [RFC7323:2.3d; RFC9293:MUST-34] */
static inline void take_window(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                               const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    uint32_t wnd = is_syn(seg) ? seg->wnd : (uint32_t)seg->wnd << snd_shift(tcb);
    bool probing = has(tcb->flags, TFSM_M_PROBING);
    bool opens = probing && tcb->snd_wnd == 0 && wnd > 0;
    if (probing && (tcb->snd_wnd == 0) != (wnd == 0)) {
        tcb->at_persist = 0; /* a small window is waited for less long than a closed one */
    }
    tcb->snd_wnd = wnd;
    tcb->snd_wl1 = seg->seq;
    tcb->snd_wl2 = has(seg->flags, TFSM_ACK) ? seg->ack : tcb->snd_una;
    tcb->snd_wnd_max = max32(tcb->snd_wnd_max, wnd);
    if (opens) {
        window_opened(tcb, cfg, ev->now);
    }
    if (probing) {
        tcb->tries = 0;
    }
}

/* Say where a piece of text goes. */
static inline void hand_out(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                            uint32_t left, uint32_t right, struct tfsm_effects *fx)
{
    struct tfsm_text *text = &fx->text[fx->text_count++];
    text->offset = tcb->rcv_octets + seq_distance(tcb->rcv_nxt, left);
    text->at = seq_distance(text_left(seg), left);
    text->len = seq_distance(left, right);
}

/* Put the new parts of a segment's text among the ranges already there; what is there first stays
 * (a sequence number is bound once). Ranges that touch become one. [RFC2018:8c] */
static inline void store_among(struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                               struct tfsm_range text, struct tfsm_effects *fx)
{
    struct tfsm_range own = text;
    uint32_t next = text.left; /* text before this is handed out or was there */
    struct tfsm_range *ranges = ooo_ranges(tcb);
    unsigned count = ooo_count(tcb);
    unsigned first = 0; /* [first, end) touch it */
    while (first < count && seq_lt(ranges[first].right, text.left)) {
        first++;
    }
    unsigned end = first;
    for (; end < count && !seq_lt(text.right, ranges[end].left); end++) {
        const struct tfsm_range have = ranges[end];
        if (seq_lt(next, have.left)) {
            if (fx->text_count >= TFSM_PIECES_MAX) { /* of so many pieces the rest is not taken */
                own.right = next;
                break;
            }
            hand_out(tcb, seg, next, have.left, fx);
        }
        next = seq_max(next, have.right);
        text.left = seq_min(text.left, have.left);
    }
    if (seq_lt(next, own.right) && fx->text_count < TFSM_PIECES_MAX) {
        hand_out(tcb, seg, next, own.right, fx);
        next = own.right;
    }
    text.right = next;
    tcb->ooo_count = (uint16_t)(first + 1 + (count - end));
    /* Where it touches none there is one more: the row has asked whether it fits. */
    unsigned used = max32(ooo_count(tcb), count);
    for (unsigned i = first; i < used; i++) {
        const struct tfsm_range behind = end < count ? ranges[end++] : (struct tfsm_range){0, 0};
        ranges[i] = text;
        text = behind;
    }
}

/* Text that is next, with nothing queued, is a range by itself, to be delivered in a moment; no report will tell of it. */
static inline void store(struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                         struct tfsm_effects *fx)
{
    struct tfsm_range text = text_in_window(tcb, seg);
    if (dsack_waits(tcb) && !text_came_twice(tcb, seg)) {
        tcb->flags &=
            ~(uint32_t)TFSM_M_DSACK; /* only the latest segment may have come twice (RFC2883:4b) */
        tcb->dsack = (struct tfsm_range){0, 0};
    }
    if (tcb->ooo_count == 0) {
        hand_out(tcb, seg, text.left, text.right, fx);
        ooo_ranges(tcb)[0] = text;
        tcb->ooo_count = 1;
    } else {
        store_among(tcb, seg, text, fx);
    }
    if (sack_agreed(tcb) && text.left != tcb->rcv_nxt) {
        tfsm_sack_renew(tcb, text.left);
    }
}

/* The first queued range becomes readable. */
static inline void deliver(struct tfsm_tcb *tcb, struct tfsm_effects *fx)
{
    struct tfsm_range *ranges = ooo_ranges(tcb);
    uint32_t length = seq_distance(tcb->rcv_nxt, ranges[0].right);
    tcb->rcv_nxt = ranges[0].right;
    tcb->rcv_wnd -= min32(length, tcb->rcv_wnd);
    tcb->rcv_user += length;
    tcb->rcv_octets += length;
    fx->delivered += length;
    unsigned count = ooo_count(tcb);
    for (unsigned i = 0; i < count; i++) {
        const struct tfsm_range behind = i + 1 < count ? ranges[i + 1] : (struct tfsm_range){0, 0};
        ranges[i] = behind;
    }
    tcb->ooo_count = (uint16_t)(count - 1);
}

/* Urgent mode ends where the user has reached the urgent pointer. */
static inline void end_urgent(struct tfsm_tcb *tcb)
{
    if (!seq_lt(user_at(tcb), tcb->rcv_up)) {
        tcb->flags &= ~(uint32_t)TFSM_M_URGENT_TOLD;
    }
}

static inline void take(struct tfsm_tcb *tcb, const struct tfsm_event *ev, struct tfsm_effects *fx)
{
    fx->taken = min32(ev->len, tcb->rcv_user);
    tcb->rcv_user -= fx->taken;
    end_urgent(tcb);
}

/* Answer, and if the segment bears nothing take the reply from the connection's own budget
 * (RFC 5961 7). */
static inline void reply(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                         const struct tfsm_event *ev, enum tfsm_debt answer)
{
    tcb->owed |= (uint8_t)answer;
    if ((ev->segment.flags & (TFSM_SYN | TFSM_RST)) == TFSM_SYN && ev->segment.seq == tcb->irs &&
        ecn_agreed(tcb) && !offers_ecn(&ev->segment)) {
        tcb->flags |= TFSM_M_NOT_ECT; /* the peer's SYN, again and without its offer */
    }
    if (is_bearing(tcb, &ev->segment)) {
        return;
    }
    if (ev->now >= tcb->challenge_until) {
        tcb->challenge_until = later(ev->now, cfg->challenge_every);
        for (unsigned i = 0; i < TFSM_REPLY_CLASSES; i++) {
            tcb->challenges[i] = 0;
        }
    }
    tcb->challenges[reply_class(tcb, &ev->segment)]++;
}

static inline uint16_t one_more(uint16_t count)
{
    return count < UINT16_MAX ? (uint16_t)(count + 1) : count;
}

/* Count one more try and measure the next timeout from now. [RFC9293:MUST-18, MUST-19, SHLD-30] */
static inline void back_off(struct tfsm_tcb *tcb)
{
    tcb->tries = one_more(tcb->tries);
    if (tcb->backoff < UINT8_MAX) {
        tcb->backoff++;
    }
    tcb->at_rtx = 0;
    tcb->at_persist = 0;
}

/* Nothing follows a FIN: an urgent pointer beyond it ends there. [RFC9293:MUST-33] */
static inline void fin_note(struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    bool urgent = urgent_ahead(tcb);
    tcb->flags |= TFSM_M_PEER_FIN;
    tcb->rcv_fin = seq_add(text_left(seg), text_length(seg));
    if (urgent) {
        tcb->rcv_up = seq_min(tcb->rcv_up, tcb->rcv_fin);
        end_urgent(tcb);
    }
}

static inline void advance_over_fin(struct tfsm_tcb *tcb)
{
    tcb->rcv_nxt = seq_add(tcb->rcv_nxt, 1);
    tcb->rcv_wnd -= min32(tcb->rcv_wnd, 1);
}

static inline void take_urgent(struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    uint32_t up = urgent_end(tcb, seg);
    /* A pointer that the user has passed may be anywhere behind, even 2^31 octets. */
    tcb->rcv_up = urgent_ahead(tcb) ? seq_max(tcb->rcv_up, up) : up;
    tcb->flags |= TFSM_M_URGENT_TOLD;
}

/* [RFC9293:MUST-30, MUST-31] */
static inline void send_urgent(struct tfsm_tcb *tcb)
{
    tcb->snd_up = tcb->snd_end;
    tcb->flags |= TFSM_M_URGENT;
}

static inline void mss_down(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint16_t mss,
                            tfsm_time now)
{
    tfsm_mss_down(tcb, mss);
    if (profile(cfg, TFSM_PMTU)) {
        tfsm_mtu_lowered(tcb, now);
    }
}

static inline void mss_black(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    mss_down(tcb, cfg, tfsm_mss_below(tcb, cfg), now);
}

/* The timer went off: whatever is outstanding is sent again from SND.UNA, and no round trip can
 * be told from it (RFC6298:3, RFC6298:5.4..5.6). [RFC6298:3a, 5.4, 5.5, 5.6; RFC5682:2.1a, 2.1f, 3.1d, 3.1h] */
static inline void retransmit(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    back_off(tcb);
    if (tcb->mss_asked > 0) { /* the message was right after all */
        mss_down(tcb, cfg, tcb->mss_asked, now);
    }
    if ((remembered(tcb) & TFSM_L_MTU_OUT) != 0) {
        tfsm_mtu_lowered(tcb, now);
    }
    if (has(tcb->flags, TFSM_M_SYN_ACKED)) {
        tfsm_timed_out(tcb, cfg, now);
        tcb->snd_recover = tcb->snd_nxt;
    } else {
        tcb->snd_recover = seq_add(tcb->iss, 1); /* only the SYN is sent again */
    }
    tcb->owed |= TFSM_OWE_RTX;
    tcb->flags &= ~(uint32_t)TFSM_M_TIMING;
}

/* The probe timer has gone off. [RFC8985:7.3h] */
static inline void tail_probe(struct tfsm_tcb *tcb)
{
    remember_loss(tcb, TFSM_L_OWE_PROBE);
    tcb->at_early = 0;
    tcb->at_rtx = 0;
}

/* F-RTO: the first acknowledgment after a timeout moves SND.UNA, so that the answer to two new segments will tell.
 * [RFC5682:2.1h, 3.1j] */
static inline void frto_new(struct tfsm_tcb *tcb)
{
    tcb->loss = (tcb->loss & ~(uint32_t)TFSM_L_FRTO_1) | TFSM_L_FRTO_2;
    tcb->dup_acks = 0; /* with SACK what the next one reports counts */
}

/* [RFC5682:2.1k, 3.1i, 3.1m] */
static inline void frto_end(struct tfsm_tcb *tcb)
{
    uint32_t most = 3 * smss(tcb); /* after two new segments, which are in flight (RFC5682:2.1k) */
    tcb->cwnd = (remembered(tcb) & TFSM_L_FRTO_2) != 0 ? most : min32(tcb->cwnd, most);
    forget_loss(tcb, TFSM_L_FRTO_1 | TFSM_L_FRTO_2);
}

/* [RFC6675:5c] */
static inline void count_duplicate(struct tfsm_tcb *tcb)
{
    if (!has(tcb->flags, TFSM_M_RECOVERY) && tcb->dup_acks < UINT16_MAX) {
        tcb->dup_acks++;
    }
}

/* Our SYN-ACK may be lost: it goes again, as if the timer had gone off. */
static inline void answer_syn(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                              const struct tfsm_event *ev)
{
    reply(tcb, cfg, ev, TFSM_OWE_RTX);
    back_off(tcb);
    tcb->snd_recover = seq_add(tcb->iss, 1);
}

/* The wait that ECE asked for is over where this timer was its own. */
static inline void probe(struct tfsm_tcb *tcb)
{
    back_off(tcb);
    tcb->owed |= TFSM_OWE_PROBE;
    tcb->flags |= TFSM_M_PROBED;
    tcb->flags &= tcb->snd_wnd > 0 ? ~TFSM_M_ECE_WAIT : UINT32_MAX;
}

static inline void keepalive(struct tfsm_tcb *tcb)
{
    tcb->keepalives = one_more(tcb->keepalives);
    tcb->at_keepalive = 0;
    tcb->owed |= TFSM_OWE_KEEPALIVE;
}

/* Any segment that is accepted shows that the peer is there (RFC9293:MUST-26). */
static inline void heard(struct tfsm_tcb *tcb)
{
    tcb->keepalives = 0;
    tcb->at_keepalive = 0;
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_KEEPALIVE;
}

/* [RFC7323:5.5b] */
static inline void take_timestamp(struct tfsm_tcb *tcb, const struct tfsm_event *ev)
{
    tcb->ts_recent = ev->segment.ts_val;
    /* Half-open connections live for minutes: when their SYN came is near enough. */
    tcb->ts_recent_from = tcb->state == TFSM_SYN_RECEIVED ? tcb->ts_recent_from : ev->now;
}

/* Text that came again out of order says that its range is the one the peer works on. */
static inline void renew(struct tfsm_tcb *tcb)
{
    if (seq_le(tcb->rcv_nxt, tcb->dsack.left)) {
        tfsm_sack_renew(tcb, tcb->dsack.left);
    }
}

static inline void note_twice(struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    tcb->dsack = tfsm_text_twice(tcb, seg);
    tcb->flags |= TFSM_M_DSACK;
    tcb->owed |= TFSM_OWE_ACK;
}

/* Something is missing or came in vain, so that the peer has lost text or believes so: with a window of a
 * few segments it waits for each acknowledgment. No RFC asks for it; more often than RFC 5681 4.2 asks is allowed. */
static inline void be_quick(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    tcb->quick_acks = profile(cfg, TFSM_QUICK_ACK) ? TFSM_QUICK_ACKS : 0;
}

static inline void be_quick_no_more(struct tfsm_tcb *tcb)
{
    if (CAN(TFSM_QUICK_ACK) && tcb->quick_acks > 0) {
        tcb->quick_acks--;
    }
}

/* [RFC5681:4.2b] */
static inline void acknowledge_later(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                     tfsm_time now)
{
    tcb->at_ack = later(now, cfg->ack_delay < ACK_DELAY_MAX ? cfg->ack_delay : ACK_DELAY_MAX);
}

/* What comes from now on is compared with the last timestamp of this incarnation, that of the FIN
 * (RFC6191:2a), which may not have been the one to echo. */
static inline void start_2msl(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                              const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    tcb->at_2msl = later(ev->now, two_msl(cfg));
    if (stamps_agreed(tcb) && bears(seg, TFSM_OPT_TIMESTAMPS) &&
        seq_lt(tcb->ts_recent, seg->ts_val)) {
        take_timestamp(tcb, ev);
    }
}

static inline void end_ece_wait(struct tfsm_tcb *tcb)
{
    tcb->flags &= ~(uint32_t)TFSM_M_ECE_WAIT;
    tcb->at_rtx = 0;
}

static inline void ask_mss_later(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                 const struct tfsm_event *ev)
{
    tcb->mss_asked = path_mss(cfg, ev);
    tcb->asked_seq = ev->segment.seq;
    if (profile(cfg, TFSM_PMTU)) {
        tfsm_mtu_waits(tcb, ev->now);
    }
}

static inline void tell_connected(const struct tfsm_tcb *tcb, struct tfsm_effects *fx)
{
    fx->signals |= TFSM_SIG_CONNECTED | (tcb->uto_peer != 0 ? TFSM_SIG_USER_TIMEOUT : 0);
}

/* ---- the actions ---- */

#define E(name, text, statement)
#define A(name, text, statement)                                                                   \
    static inline void act_##name(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,             \
                                  const struct tfsm_event *ev, const struct tfsm_segment *seg,     \
                                  struct tfsm_effects *fx)                                         \
    {                                                                                              \
        (void)tcb, (void)cfg, (void)ev, (void)seg, (void)fx;                                       \
        statement;                                                                                 \
    }
#include "actions.inc"
#undef A
#undef E

#endif
