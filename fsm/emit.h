/* What is put on the wire: one function for each action that makes a segment. What has been sent is remembered here:
 * SND.NXT, the right edge of the window offered, and that the acknowledgment was sent. */
#ifndef TFSM_EMIT_H
#define TFSM_EMIT_H

#include "flight.h"
#include "rtt.h"

/* The window field, and with it the edge the peer may rely on from now. RCV.WND counts to the
 * greatest edge ever sent; a scaled field may show a little less (RFC7323:2.4), never more.
 * [RFC7323:2.3e, 2.4b, 2.4c, 2.2e] */
static inline uint16_t offer_window(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, bool syn)
{
    uint8_t shift = syn ? 0 : rcv_shift(tcb);
    uint32_t offer = !syn && window_opens(tcb, cfg) ? receive_room(tcb, cfg) : tcb->rcv_wnd;
    uint32_t field = min32(offer >> shift, UINT16_MAX);
    tcb->rcv_wnd = max32(tcb->rcv_wnd, field << shift);
    return (uint16_t)field;
}

/* The user timeout that we announce, as in the option; 0 for none. ADV_UTO, or what the user has set
 * where there is none, as it is used (RFC5482:3). Rounded up. */
static inline uint16_t uto_option(const struct tfsm_config *cfg)
{
    if (!profile(cfg, TFSM_USER_TIMEOUT)) {
        return 0;
    }
    tfsm_time own = cfg->user_timeout > 0 ? uto_bounded(cfg, cfg->user_timeout) : 0;
    tfsm_time told = cfg->uto_advertised > 0 ? cfg->uto_advertised : own;
    tfsm_time seconds = told / 1000000 + (told % 1000000 > 0);
    tfsm_time minutes = seconds / 60 + (seconds % 60 > 0);
    if (seconds <= 0x7fff) {
        return (uint16_t)seconds;
    }
    return (uint16_t)(0x8000u | (minutes < 0x7fff ? (unsigned)minutes : 0x7fffu));
}

static inline void add_uto(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           struct tfsm_segment *out)
{
    if (!CAN(TFSM_USER_TIMEOUT)) {
        return;
    }
    out->user_timeout = uto_option(cfg);
    tcb->uto_sent = out->user_timeout;
    if (out->user_timeout != 0) {
        out->options |= TFSM_OPT_USER_TIMEOUT;
    }
}

/* [RFC7323:3.2a, 3.2b] */
static inline void add_timestamps(const struct tfsm_tcb *tcb, tfsm_time now,
                                  struct tfsm_segment *out)
{
    out->options |= TFSM_OPT_TIMESTAMPS;
    out->ts_val = timestamp(tcb, now);
    out->ts_ecr = has(out->flags, TFSM_ACK) ? tcb->ts_recent : 0;
}

/* The options of a segment without SYN: timestamps where agreed (RFC7323:3.2), the user timeout
 * once after the SYN and whenever it changes (RFC5482:3), and as many SACK blocks as there is
 * room for while half a segment is left for text. [RFC7323:3.2e; RFC5482:3b, RFC5482:3c] */
static inline void add_options(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                               struct tfsm_segment *out)
{
    if (stamps_agreed(tcb)) {
        add_timestamps(tcb, now, out);
    }
    if (!CAN(TFSM_USER_TIMEOUT)) {
        tcb->flags |= TFSM_M_UTO_SENT;
    } else if (!has(tcb->flags, TFSM_M_UTO_SENT) || uto_option(cfg) != tcb->uto_sent) {
        add_uto(tcb, cfg, out);
        tcb->flags |= TFSM_M_UTO_SENT;
    }
    if (!sack_agreed(tcb) || (tcb->ooo_count == 0 && !dsack_waits(tcb))) {
        return;
    }
    uint32_t used = (uint32_t)options_length(out);
    uint32_t half = max32(smss(tcb) / 2, 1);
    uint32_t room = tcb->snd_mss > used + half ? tcb->snd_mss - used - half : 0;
    tfsm_sack_report(tcb, min32(room, OPTIONS_MAX - min32(used, OPTIONS_MAX)), out);
}

/* Everything after the SYN exchange bears an ACK and the window. */
static inline void add_ack(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, bool syn,
                           struct tfsm_segment *out)
{
    out->flags |= TFSM_ACK;
    out->ack = tcb->rcv_nxt;
    out->wnd = offer_window(tcb, cfg, syn);
    tcb->rcv_acked = tcb->rcv_nxt;
    /* A SYN-ACK is never in the window of a peer that has our SYN: what it asked for must come
     * besides. */
    if (!syn) {
        tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_ACK;
        tcb->at_ack = 0;
        out->flags |= has(tcb->flags, TFSM_M_ECE) ? TFSM_ECE : 0;
    }
}

static inline void emit_rst(struct tfsm_tcb *tcb, struct tfsm_segment *out)
{
    out->flags = TFSM_RST;
    out->seq = tcb->rst_seq;
    if (has(tcb->owed, TFSM_OWE_RST_ACK)) {
        out->flags |= TFSM_ACK;
        out->ack = tcb->rst_ack;
    }
    if (CAN(TFSM_TIMESTAMPS) && has(tcb->owed, TFSM_OWE_RST_TS)) {
        out->options = TFSM_OPT_TIMESTAMPS;
        out->ts_val = tcb->rst_ts_val;
        out->ts_ecr = tcb->rst_ts_ecr;
    }
    tcb->owed &= (uint8_t) ~(unsigned)(TFSM_OWE_RST | TFSM_OWE_RST_ACK | TFSM_OWE_RST_TS);
    tcb->rst_seq = 0;
    tcb->rst_ack = 0;
    tcb->rst_ts_val = 0;
    tcb->rst_ts_ecr = 0;
}

/* The options of a SYN: always the MSS (RFC9293:MAY-3); the others as the profile offers, and in
 * answer only what the peer offered (RFC7323:2.2). A SYN that is sent again does not ask for ECN:
 * the first may have been lost because of it (RFC3168:6.1.1.1); then no text goes as ECT, although the
 * first may be the one that is answered. [RFC7323:2.2a, 2.2c, 2.3a, 3.2d;
 * RFC2018:2; RFC3168:6.1.1a, 6.1.1b; RFC9293:SHLD-5a, SHLD-5b, MUST-65] A Fast Open cookie goes with
 * the first SYN-ACK only. [RFC7413:4.2.2l; RFC7323:3.2l, RFC3168:6.1.1e, RFC3168:6.1.1f] */
static inline void add_syn_options(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                   tfsm_time now, struct tfsm_segment *out)
{
    bool ack = has(out->flags, TFSM_ACK);
    bool again = !has(tcb->owed, TFSM_OWE_SYN);
    uint32_t memory = tcb->flags;
    out->options = TFSM_OPT_MSS;
    out->mss = own_mss(cfg);
    if (!ack && !again) { /* the answer counts for what was offered first */
        memory |= profile_offers(cfg);
        tcb->flags = memory;
    }
    if (CAN(TFSM_WSCALE) && has(memory, ack ? TFSM_M_WSCALE : TFSM_M_OFFERED_WSCALE)) {
        out->options |= TFSM_OPT_WSCALE;
        out->wscale = tcb->rcv_wscale;
    }
    if (CAN(TFSM_TIMESTAMPS) && has(memory, ack ? TFSM_M_TIMESTAMPS : TFSM_M_OFFERED_TIMESTAMPS)) {
        add_timestamps(tcb, now, out);
    }
    if (CAN(TFSM_SACK) && has(memory, ack ? TFSM_M_SACK : TFSM_M_OFFERED_SACK)) {
        out->options |= TFSM_OPT_SACK_PERMITTED;
    }
    if (ack && CAN(TFSM_ECN) && has(memory, TFSM_M_ECN)) {
        out->flags |= TFSM_ECE;
    } else if (!ack && CAN(TFSM_ECN) && has(memory, TFSM_M_OFFERED_ECN)) {
        out->flags |= again ? 0 : TFSM_ECE | TFSM_CWR;
        tcb->flags |= again ? TFSM_M_NOT_ECT : 0;
    }
    add_uto(tcb, cfg, out);
    if (ack && !again && CAN(TFSM_BUILD_FAST_OPEN) && has(memory, TFSM_M_PASSIVE) &&
        tcb->cookie_len > 0) {
        out->options |= TFSM_OPT_FAST_OPEN;
        out->cookie_len = tcb->cookie_len;
        if (tfsm_options_length(out) > OPTIONS_MAX) {
            out->options &= (uint8_t) ~(unsigned)TFSM_OPT_FAST_OPEN;
            out->cookie_len = 0;
        }
    }
}

/* A SYN. The first one of a Fast Open bears the option and, with a cookie, text as far as the
 * peer's MSS was when last seen (RFC7413:4.2.2); sent again it is a plain one. [RFC7413:4.2.1b,
 * 4.2.2a, 4.2.2b, 4.2.2c, 4.2.2d; RFC3168:6.1.1c] */
static inline void emit_syn(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                            bool ack, bool fast, struct tfsm_segment *out)
{
    bool first = has(tcb->owed, TFSM_OWE_SYN);
    out->flags = TFSM_SYN;
    out->seq = tcb->iss;
    out->len = 1;
    if (ack) {
        add_ack(tcb, cfg, true, out);
    } else {
        tcb->rcv_wnd = first ? min32(cfg->rcv_buff, UINT16_MAX) : tcb->rcv_wnd;
        out->wnd = (uint16_t)tcb->rcv_wnd;
    }
    add_syn_options(tcb, cfg, now, out);
    if (fast) {
        out->options |= TFSM_OPT_FAST_OPEN;
        out->cookie_len = tcb->cookie_len;
        if (tfsm_options_length(out) > OPTIONS_MAX) {
            out->options &= (uint8_t) ~(unsigned)TFSM_OPT_USER_TIMEOUT; /* it will be told later */
        }
        uint32_t used = (uint32_t)options_length(out);
        uint32_t room = tcb->snd_mss > used ? tcb->snd_mss - used : 0;
        uint32_t text = tcb->cookie_len > 0 ? min32(unsent(tcb), room) : 0;
        out->len += text;
        tcb->snd_nxt = seq_add(tcb->snd_nxt, text);
        tcb->sent_at = now;
    }
    /* The SYN-ACK of a simultaneous open is our SYN once more, too. */
    bool sent = ack && !has(tcb->flags, TFSM_M_PASSIVE) &&
                (has(tcb->flags, TFSM_M_TIMING) || tcb->snd_recover != tcb->iss);
    if (first && !sent) {
        rtt_start(tcb, now, seq_add(tcb->iss, 1));
    } else { /* which of them is answered nobody can tell (RFC6298:3) */
        tcb->flags &= ~(uint32_t)TFSM_M_TIMING;
        tcb->snd_recover = first ? tcb->snd_recover : seq_add(tcb->iss, 1);
    }
    tcb->at_rtx = 0; /* not once more before a whole timeout from here (RFC6298:5) */
    tcb->owed &= (uint8_t) ~(unsigned)(TFSM_OWE_SYN | TFSM_OWE_RTX);
}

/* URG and the pointer, on whatever is sent while that is ahead: to the peer a segment without says that
 * nothing urgent is outstanding (RFC 9293 3.8.5). What the field cannot hold it is told as one comes
 * nearer. [RFC9293:MUST-62, MUST-31; RFC9293:3.8.5c] */
static inline void add_urgent(const struct tfsm_tcb *tcb, struct tfsm_segment *out)
{
    if (has(tcb->flags, TFSM_M_URGENT) && seq_lt(out->seq, tcb->snd_up)) {
        out->flags |= TFSM_URG;
        out->up = (uint16_t)min32(seq_distance(out->seq, tcb->snd_up), UINT16_MAX);
    }
}

/* Everything of a segment but its text. */
static inline void emit_head(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                             struct tfsm_segment *out)
{
    add_ack(tcb, cfg, false, out);
    add_options(tcb, cfg, now, out);
}

/* What its options leave: less than SMSS where it bears more than timestamps. */
static inline uint32_t text_room(const struct tfsm_tcb *tcb, const struct tfsm_segment *out)
{
    uint32_t used = (uint32_t)options_length(out);
    return tcb->snd_mss > used ? tcb->snd_mss - used : 1;
}

/* Text from a sequence number behind a head that is made, as much as is allowed, and the FIN if it
 * follows and there is room. FIN is one sequence number like an octet: it is sent, sent again and acknowledged in the
 * same way. Only what is sent for the first time is timed (Karn's algorithm). [RFC9293:SHLD-28,
 * SHLD-27; RFC6298:3a; RFC8985:7.2a; RFC6937:3h] */
static inline void emit_text(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                             uint32_t seq, uint32_t most, bool fin_allowed,
                             struct tfsm_segment *out)
{
    bool fresh = seq == tcb->snd_nxt;
    uint32_t left = seq_distance(seq, tcb->snd_end);
    uint32_t used = (uint32_t)options_length(out);
    uint32_t room = text_room(tcb, out);
    uint32_t text = left < TFSM_SEQ_HALF ? min32(left, min32(most, room)) : 0;
    out->seq = seq;
    out->len = text;
    out->text_offset = tcb->snd_octets + seq_distance(tcb->snd_una, seq) -
                       (has(tcb->flags, TFSM_M_SYN_ACKED) ? 0u : 1u);
    if (text > 0 && text == left) {
        out->flags |= TFSM_PSH; /* the last of what is queued (RFC9293:MUST-61) */
    }
    if (fin_allowed && has(tcb->flags, TFSM_M_CLOSE) && text == left && most > text) {
        out->flags |= TFSM_FIN;
        out->len++;
    }
    add_urgent(tcb, out);
    uint32_t end = seq_add(seq, out->len);
    tcb->sent_at = now;
    if (profile(cfg, TFSM_PRR) && has(tcb->flags, TFSM_M_RECOVERY)) {
        tcb->prr_out = bounded((uint64_t)tcb->prr_out + out->len);
    }
    if (seq_lt(tcb->snd_nxt, end) && rack_runs(tcb, cfg)) {
        tfsm_flight_sent(tcb, tcb->snd_nxt, end, now);
        tcb->last_len = (uint16_t)min32(out->len, UINT16_MAX);
        remember_loss(tcb, TFSM_L_RESTART);
    }
    if (seq_lt(tcb->snd_nxt, end) && profile_any(cfg, TFSM_CWV | TFSM_CUBIC)) {
        bool full = (uint64_t)seq_distance(tcb->snd_una, end) + smss(tcb) > tcb->cwnd;
        forget_loss(tcb, full ? 0 : TFSM_L_FULL);
        remember_loss(tcb, full ? TFSM_L_FULL : 0);
    }
    if (text > 0) {
        tcb->mss_sent = (uint16_t)max32(tcb->mss_sent, min32(used + text, UINT16_MAX));
    }
    if (!fresh) {
        tcb->flags &= ~(uint32_t)TFSM_M_TIMING;
        tcb->snd_nxt = seq_max(tcb->snd_nxt, end);
        /* What the timer sends next goes no sooner than a whole timeout from here (RFC6298:5). */
        tcb->at_rtx = seq == tcb->snd_una ? 0 : tcb->at_rtx;
        return;
    }
    if (tcb->snd_una == seq) { /* nothing older is in flight */
        tcb->ts_oldest = stamps_agreed(tcb) ? timestamp(tcb, now) : tcb->ts_oldest;
        tcb->at_rtx = 0; /* it may run for ECE: a FIN goes all the same, and counts from here */
    }
    rtt_start(tcb, now, end);
    tcb->snd_nxt = end;
}

/* Of so many octets those that were not sent again before: what goes a third time is lost once. [RFC7661:4.4.1d] */
static inline uint32_t never_again(const struct tfsm_tcb *tcb, uint32_t left, uint32_t octets)
{
    uint32_t right = seq_add(left, octets);
    for (unsigned i = tfsm_run_of(tcb, left); i < run_count(tcb) && seq_lt(run_left(tcb, i), right);
         i++) {
        uint32_t from = seq_max(left, run_left(tcb, i));
        octets -= has(sent(tcb)[i].at, TFSM_AGAIN)
                      ? seq_distance(from, seq_min(right, sent(tcb)[i].right))
                      : 0;
    }
    return octets;
}

/* Something that was sent goes out again: [left, right), as far as the window reaches
 * (RFC9293:SHLD-16). Returns where that ends: what goes along from behind it has not gone before. [RFC8985:6.1b, 7.3f] */
static inline uint32_t emit_again(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  tfsm_time now, struct tfsm_range hole, struct tfsm_segment *out)
{
    uint32_t nxt = tcb->snd_nxt;
    uint32_t reach = resend_window(tcb, hole.left);
    uint32_t edge = reach - min32(seq_distance(tcb->snd_una, hole.left), reach);
    uint32_t whole = seq_distance(hole.left, hole.right);
    uint32_t most = min32(whole, edge);
    bool all = hole.left == tcb->snd_una && hole.right == tcb->snd_nxt && most < smss(tcb);
    if (all) { /* what is queued behind fills the segment: the octet of a probe goes with it */
        uint32_t within = min32(smss(tcb), min32(edge, tcb->snd_wnd));
        most = most < whole ? within : max32(whole, within);
    }
    emit_text(tcb, cfg, now, hole.left, most, all || fin_sent(tcb), out);
    uint32_t again = seq_distance(hole.left, seq_min(seq_add(hole.left, out->len), nxt));
    if (profile(cfg, TFSM_CWV) && has(tcb->flags, TFSM_M_RECOVERY)) {
        tcb->cwv_resent = bounded((uint64_t)tcb->cwv_resent + never_again(tcb, hole.left, again));
    }
    remember_loss(tcb, profile(cfg, TFSM_UNDO) ? TFSM_L_RESENT : 0u);
    if ((remembered(tcb) & TFSM_L_UNDO) != 0) {
        tfsm_undo_resent(tcb, hole.left, again, now);
    }
    if (sack_agreed(tcb)) {
        tfsm_flight_mark(tcb, hole.left, seq_add(hole.left, again), TFSM_IS_RESENT,
                         rack_runs(tcb, cfg) ? again_time(now) : 0);
        tfsm_flight_fit(tcb);
    }
    return seq_add(hole.left, again);
}

/* Where the end of a range begins for which there is room in a segment, unless the window does not reach that. */
static inline uint32_t end_of(const struct tfsm_tcb *tcb, struct tfsm_range range, uint32_t room)
{
    uint32_t left = seq_sub(range.right, min32(seq_distance(range.left, range.right), room));
    return seq_distance(tcb->snd_una, left) < resend_window(tcb, left) ? left : range.left;
}

/* Rules 1 and 3 move HighRxt, rule 4 does not (RFC6675:4); that bears the highest octets that the window
 * reaches, however few find room. [RFC6675:4i, RFC6675:5l] */
static inline void emit_hole(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                             enum tfsm_hole kind, struct tfsm_segment *out)
{
    struct tfsm_range hole = {tcb->snd_una, tcb->snd_una};
    (void)tfsm_next_hole(tcb, kind, &hole); /* there is one: the row needed it */
    emit_head(tcb, cfg, now, out);
    forget_loss(tcb, TFSM_L_FRTO_1); /* it looks only while the front alone went again [RFC5682:2.1b] */
    if (kind == TFSM_HOLE_LAST) {
        uint32_t left = seq_distance(tcb->snd_una, hole.left);
        uint32_t right = seq_distance(tcb->snd_una, hole.right);
        right = min32(right, resend_window(tcb, hole.left));
        hole.right = seq_add(tcb->snd_una, max32(right, left));
        hole.left = end_of(tcb, hole, text_room(tcb, out));
    }
    uint32_t end = emit_again(tcb, cfg, now, hole, out);
    if (kind == TFSM_HOLE_LAST) {
        tcb->flags |= TFSM_M_AGAIN;
    } else {
        tcb->snd_rtx = end;
    }
}

/* The front of what is outstanding, up to what the peer holds already. [RFC2018:5c; RFC6675:5m] */
static inline void emit_front(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                              struct tfsm_segment *out)
{
    struct tfsm_range hole = {tcb->snd_una, tcb->snd_nxt};
    for (unsigned i = run_count(tcb); i > 0; i--) {
        hole.right = is_held(sent(tcb)[i - 1]) ? run_left(tcb, i - 1) : hole.right;
    }
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_RTX;
    emit_head(tcb, cfg, now, out);
    uint32_t end = emit_again(tcb, cfg, now, hole, out);
    if (has(tcb->flags, TFSM_M_RECOVERY) && tcb->snd_rtx == tcb->snd_una) {
        tcb->cwnd_acked = out->len; /* RescueRxt (RFC6675:5 step 4.3) */
    }
    tcb->snd_rtx = seq_max(tcb->snd_rtx, end);
}

/* Whatever the pause was for (RFC5681:4.1). */
static inline void after_pause(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    if (profile(cfg, TFSM_CONGESTION) && !losing(tcb) && paused(tcb, now)) {
        tfsm_cwnd_restart(tcb, cfg, now);
    }
}

/* Text that was never sent. Only such may say that the network can mark it (RFC3168:6.1.5,
 * RFC3168:6.1.6), and the first after the window was cut says so (RFC3168:6.1.2). Beyond the
 * congestion window it goes by limited transmit, and does not count for what the network held
 * (RFC 5681 3.2). [RFC3168:6.1.1d, 6.1.2c, 6.1.4, 6.1.5a;
 * RFC3168:6.1.1g, RFC3168:6.1.1h, RFC3168:6.1.2e, RFC3168:6.1.2g, RFC3168:6.1.2h, RFC3168:5.2] */
static inline void emit_new(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                            bool fin_allowed, struct tfsm_segment *out)
{
    after_pause(tcb, cfg, now);
    emit_head(tcb, cfg, now, out);
    emit_text(tcb, cfg, now, tcb->snd_nxt, tcb->snd_wnd - in_flight(tcb), fin_allowed, out);
    if (text_length(out) > 0 && tcb->first_flight > 1) {
        tcb->first_flight--;
    }
    if (text_length(out) > 0 && ecn_agreed(tcb)) {
        out->ecn = has(tcb->flags, TFSM_M_NOT_ECT) ? TFSM_NOT_ECT : TFSM_ECT_0;
        if (has(tcb->flags, TFSM_M_CWR)) {
            out->flags |= TFSM_CWR;
            tcb->snd_cwr = out->seq;
            tcb->flags &= ~(uint32_t)TFSM_M_CWR;
        }
    }
    if (tcb->dup_acks > 0 && !losing(tcb) && in_flight(tcb) > tcb->cwnd) {
        tcb->limited += out->len;
        /* what SACK reports makes room by itself: the rest is what went beyond the window */
        if (sack_agreed(tcb)) {
            tcb->limited = min32(tcb->limited, in_flight(tcb) - tcb->cwnd);
        }
        tcb->snd_limited = tcb->snd_nxt;
    }
}

/* A larger segment than the path is known to take. [RFC4821:7.3] */
static inline void emit_mtu(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                            struct tfsm_segment *out)
{
    uint16_t mss = tcb->snd_mss;
    after_pause(tcb, cfg, now); /* with the size that the path is known to take */
    tcb->snd_mss = tcb->mss_try;
    emit_new(tcb, cfg, now, false, out);
    tcb->snd_mss = mss;
    tcb->mtu_seq = out->seq;
    tcb->mtu_end = seq_add(out->seq, out->len);
    remember_loss(tcb, TFSM_L_MTU_OUT);
}

/* A tail loss probe: text that was never sent, or the last that was. It may go beyond the congestion window, by one
 * segment. [RFC8985:7.3d, 7.3e, 7.3f, 7.3g, 9.3d] */
static inline void emit_tail(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                             bool fresh, struct tfsm_segment *out)
{
    if (fresh) {
        emit_new(tcb, cfg, now, true, out);
    } else {
        struct tfsm_range last = last_sent(tcb);
        emit_head(tcb, cfg, now, out);
        uint32_t room = text_room(tcb, out) + (fin_sent(tcb) ? 1u : 0u);
        last.left = end_of(tcb, last, room);
        (void)emit_again(tcb, cfg, now, last, out);
    }
    forget_loss(tcb, TFSM_L_OWE_PROBE | TFSM_L_SAMPLED | TFSM_L_PROBE_OLD | TFSM_L_RESTART);
    remember_loss(tcb, TFSM_L_PROBE | (fresh ? 0u : TFSM_L_PROBE_OLD));
    tcb->tlp_end = tcb->snd_nxt;
}

static inline void emit_empty(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                              uint32_t seq, struct tfsm_segment *out)
{
    out->seq = seq;
    add_ack(tcb, cfg, false, out);
    add_options(tcb, cfg, now, out);
    add_urgent(tcb, out);
}

static inline void emit_octet(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                              struct tfsm_segment *out)
{
    tfsm_time sent_at = tcb->sent_at;
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_PROBE;
    emit_head(tcb, cfg, now, out);
    emit_text(tcb, cfg, now, tcb->snd_una, max32(tcb->snd_wnd, 1), true, out);
    tcb->sent_at = sent_at; /* a probe is a pause (RFC5681:4.1) */
}

static inline void emit_keepalive(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  tfsm_time now, struct tfsm_segment *out)
{
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_KEEPALIVE;
    emit_empty(tcb, cfg, now, seq_sub(tcb->snd_nxt, 1), out);
}

/* ---- the actions ---- */

#define A(name, text, statement)
#define E(name, text, statement)                                                                   \
    static inline void act_##name(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,             \
                                  tfsm_time now, struct tfsm_segment *out)                         \
    {                                                                                              \
        (void)cfg, (void)now;                                                                      \
        statement;                                                                                 \
    }
#include "actions.inc"
#undef A
#undef E

#endif
