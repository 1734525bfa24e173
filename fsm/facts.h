/* What holds: the conditions of facts.inc that are longer than a line, and one inline function for each fact. Every
 * comparison of the protocol stands here or there, once. */
#ifndef TFSM_FACTS_H
#define TFSM_FACTS_H

#include "flight.h"

#define SYN_BURST 3u /* replies to SYNs at once */

#define TS_OUTDATED (UINT64_C(24) * 86400 * 1000000) /* microseconds: 24 days (RFC7323:5.5) */

/* The part of a segment's text that lies in the window and before the peer's FIN; empty when left = right. */
static inline struct tfsm_range text_in_window(const struct tfsm_tcb *tcb,
                                               const struct tfsm_segment *seg)
{
    struct tfsm_range none = {tcb->rcv_nxt, tcb->rcv_nxt};
    struct tfsm_range text;
    uint32_t room = tcb->rcv_wnd;
    uint32_t length = text_length(seg);
    uint32_t skip = seq_distance(text_left(seg), tcb->rcv_nxt);
    if (skip == 0 && length <= room && !has(tcb->flags, TFSM_M_PEER_FIN)) { /* most text is */
        return (struct tfsm_range){tcb->rcv_nxt, seq_add(tcb->rcv_nxt, length)};
    }
    if (has(tcb->flags, TFSM_M_PEER_FIN)) {
        room = min32(room, seq_le(tcb->rcv_nxt, tcb->rcv_fin)
                               ? seq_distance(tcb->rcv_nxt, tcb->rcv_fin)
                               : 0);
    }
    if (skip < TFSM_SEQ_HALF) { /* starts at or before RCV.NXT */
        if (skip >= length) {
            return none;
        }
        text.left = tcb->rcv_nxt;
        text.right = seq_add(tcb->rcv_nxt, min32(length - skip, room));
        return text;
    }
    uint32_t ahead = seq_distance(tcb->rcv_nxt, text_left(seg));
    if (ahead >= room) {
        return none;
    }
    text.left = text_left(seg);
    text.right = seq_add(text.left, min32(length, room - ahead));
    return text;
}

/* The new text can be remembered: it is not known already, and it touches a range, starts at
 * RCV.NXT, or finds a free slot. The last slot is kept for text at RCV.NXT, which must never be
 * refused. */
static inline bool text_fits(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range text = text_in_window(tcb, seg);
    uint32_t length = seq_distance(text.left, text.right);
    uint32_t left = seq_distance(tcb->rcv_nxt, text.left);
    uint32_t right = left + length;
    bool touches = false;
    if (length == 0) {
        return false;
    }
    for (unsigned i = 0; i < ooo_count(tcb); i++) {
        uint32_t have_left = seq_distance(tcb->rcv_nxt, ooo(tcb)[i].left);
        uint32_t have_right = seq_distance(tcb->rcv_nxt, ooo(tcb)[i].right);
        if (have_left <= left && right <= have_right) {
            return false;
        }
        touches = touches || (have_left <= right && left <= have_right);
    }
    return touches || left == 0 || tcb->ooo_count < room_of(tcb);
}

/* SEG.SEQ + SEG.LEN - 1 of a segment with FIN. */
static inline uint32_t fin_at(const struct tfsm_segment *seg)
{
    return seq_add(text_left(seg), text_length(seg));
}

static inline bool fin_fits(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    uint32_t ahead = seq_distance(tcb->rcv_nxt, fin_at(seg));
    if (!has(seg->flags, TFSM_FIN) || has(tcb->flags, TFSM_M_PEER_FIN) || ahead >= tcb->rcv_wnd) {
        return false;
    }
    unsigned queued = ooo_count(tcb);
    return queued == 0 || seq_distance(tcb->rcv_nxt, ooo(tcb)[queued - 1].right) <= ahead;
}

static inline bool is_quick(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_QUICK_ACK) && tcb->quick_acks > 0;
}

/* The acknowledgment of a segment's text may wait for the next segment: it comes in order, fills
 * no gap, no other is waiting, and the profile allows it (RFC 9293 3.8.6.3, RFC 5681 4.2). So
 * every second segment is acknowledged at once. [RFC9293:SHLD-19; RFC5681:4.2a, 4.2c] */
static inline bool may_wait(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                            const struct tfsm_segment *seg)
{
    struct tfsm_range text = text_in_window(tcb, seg);
    return cfg->ack_delay > 0 && tcb->at_ack == 0 && !is_quick(tcb) && !dsack_waits(tcb) &&
           tcb->ooo_count == 0 && text.left == tcb->rcv_nxt && text.left != text.right &&
           seq_distance(text.left, text.right) < 2u * own_mss(cfg);
}

/* The four cases of RFC 9293 table 6. */
static inline bool seq_acceptable(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    if (tcb->rcv_wnd == 0) {
        return seg->len == 0 && seg->seq == tcb->rcv_nxt;
    }
    if (seq_in(seg->seq, tcb->rcv_nxt, tcb->rcv_wnd)) {
        return true;
    }
    return seg->len > 0 && seq_in(seq_add(seg->seq, seg->len - 1), tcb->rcv_nxt, tcb->rcv_wnd);
}

/* Where a peer stands whose text, all the window and perhaps a probe, has not come through (RFC
 * 9293 A.2). */
static inline bool seq_past_window(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    uint32_t past = seq_distance(seq_add(tcb->rcv_nxt, tcb->rcv_wnd), seg->seq);
    return seg->len == 0 && has(seg->flags, TFSM_ACK) && past <= (tcb->rcv_wnd == 0 ? 1u : 0u);
}

/* RFC 5961 5.2 with the bound clamped: nothing from before the connection can be acknowledged.
 * [RFC5961:5.2a] */
static inline bool ack_too_old(const struct tfsm_tcb *tcb, uint32_t ack)
{
    uint32_t since_syn = seq_distance(seq_add(tcb->iss, 1), tcb->snd_una);
    uint32_t reach = tcb->snd_wnd_max;
    /* After 2^31 octets the ISS says nothing any more; before, it is the nearer bound. */
    if (tcb->snd_octets < TFSM_SEQ_HALF) {
        reach = min32(reach, since_syn);
    }
    return !seq_in(ack, seq_sub(tcb->snd_una, reach), seq_add(reach, seq_add(in_flight(tcb), 1))) &&
           !seq_lt(tcb->snd_nxt, ack);
}

/* Fewer than R2 retransmissions were made. A user timeout that was told says when to give up, instead
 * (RFC5482:3.1, 3.3). [RFC9293:MUST-21] */
static inline bool tries_left(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                              tfsm_time now)
{
    bool open = has(tcb->flags, TFSM_M_SYN_ACKED);
    bool agreed =
        profile(cfg, TFSM_USER_TIMEOUT) && open && tcb->at_user != 0 && now < tcb->at_user;
    return tcb->tries < (open ? cfg->retries : cfg->syn_retries) || agreed;
}

/* A reply to a segment without text may go out. Of SYNs no number tells a stranger's from that of a peer
 * that has rebooted: but for a few their replies are spread over the interval, so that no burst mutes
 * the next for longer than a part of it. [RFC5961:7a, RFC5961:7b] */
static inline bool has_budget(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                              const struct tfsm_event *ev)
{
    if (cfg->challenge_limit == 0 || ev->now >= tcb->challenge_until) {
        return cfg->challenge_limit > 0;
    }
    enum tfsm_reply_class class = reply_class(tcb, &ev->segment);
    uint8_t spent = tcb->challenges[class];
    tfsm_time left = tcb->challenge_until - ev->now;
    tfsm_time gone = cfg->challenge_every > left ? cfg->challenge_every - left : 0;
    return spent < cfg->challenge_limit &&
           (class != TFSM_REPLY_SYN || spent < SYN_BURST ||
            gone >= cfg->challenge_every / cfg->challenge_limit * (spent + 1u - SYN_BURST));
}

/* The SYN-ACK of a simultaneous open, or one sent again: never in the window, and the peer needs the answer. */
static inline bool is_syn_ack_of_ours(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return has(seg->flags, TFSM_SYN | TFSM_ACK) && seg->seq == tcb->irs &&
           seq_in(seg->ack, tcb->snd_una, seq_add(in_flight(tcb), 1));
}

/* What bears something is always answered. */
static inline bool is_bearing(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return !has(seg->flags, TFSM_RST) &&
           (text_length(seg) > 0 || has(seg->flags, TFSM_FIN) || is_syn_ack_of_ours(tcb, seg));
}

/* RFC 6191 2: whether a SYN belongs to an incarnation after the one in TIME-WAIT. The last
 * sequence number of that was the peer's FIN. [RFC6191:2a, RFC6191:2b, RFC6191:2c, RFC6191:2d,
 * RFC6191:2e] */
static inline bool syn_newer(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                             const struct tfsm_segment *seg)
{
    bool stamped = profile(cfg, TFSM_TIMESTAMPS) && bears(seg, TFSM_OPT_TIMESTAMPS);
    bool after = seq_lt(tcb->rcv_fin, seg->seq);
    if (!stamped) {
        return after;
    }
    return !stamps_agreed(tcb) || seq_lt(tcb->ts_recent, seg->ts_val) ||
           (tcb->ts_recent == seg->ts_val && after);
}

/* Whether SEG.TSval is before TS.Recent, which counts for 24 days. */
static inline bool stamp_is_older(const struct tfsm_tcb *tcb, const struct tfsm_event *ev)
{
    bool outdated = ev->now >= tcb->ts_recent_from && ev->now - tcb->ts_recent_from > TS_OUTDATED;
    return seq_lt(ev->segment.ts_val, tcb->ts_recent) && !outdated;
}

static inline bool uto_is_news(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return bears(seg, TFSM_OPT_USER_TIMEOUT) && (seg->user_timeout & 0x7fffu) != 0 &&
           seg->user_timeout != tcb->uto_peer;
}

/* SND.UNA =< SEG.ACK =< SND.NXT. */
static inline bool ack_is_fresh(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return has(seg->flags, TFSM_ACK) && seq_in(seg->ack, tcb->snd_una, seq_add(in_flight(tcb), 1));
}

/* A segment that acknowledges more was sent later, also when it repeats older text: without its
 * window SND.UNA would carry the old one beyond what the peer allows (RFC 9293 3.8.6). */
static inline bool wnd_is_newer(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return seq_lt(tcb->snd_wl1, seg->seq) || seq_lt(tcb->snd_wl2, seg->ack) ||
           (tcb->snd_wl1 == seg->seq && tcb->snd_wl2 == seg->ack);
}

/* SND.WL2 is SND.UNA but for the segment that has just moved SND.UNA, and so tells the one from its
 * repetitions. What answers a probe of a closed window repeats itself, too, and tells of no loss (RFC 5681 2). */
static inline bool ack_is_repeated(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return in_flight(tcb) > 0 && seg->len == 0 && has(seg->flags, TFSM_ACK) &&
           seg->ack == tcb->snd_wl2 && seg->ack == tcb->snd_una &&
           (uint32_t)seg->wnd << snd_shift(tcb) == tcb->snd_wnd && !must_probe(tcb);
}

static inline bool sack_is_news(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return bears(seg, TFSM_OPT_SACK) && tfsm_sack_is_news(tcb, seg);
}

/* With SACK a duplicate is what has told something new since SND.UNA moved, and only such begin a
 * recovery (RFC 6675 5). One starts only for what was sent after the last started (RFC 6582 3.2 step 2).
 * [RFC6675:5d] */
static inline bool loss_seen(const struct tfsm_tcb *tcb)
{
    bool sack = sack_agreed(tcb);
    bool seen =
        tcb->dup_acks >= DUP_THRESH || (sack && tcb->dup_acks > 0 && tfsm_front_is_lost(tcb));
    return seen && (seq_lt(tcb->snd_recover, tcb->snd_una) ||
                    (sack && tcb->snd_recover == tcb->snd_una)); /* RFC6675:5.1b */
}

/* Something is reported, or was sent again, or came twice: else all that is in flight was sent after what arrived. */
static inline bool rack_matters(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range twice = {0, 0};
    return tcb->snd_held > 0 || losing(tcb) || (remembered(tcb) & TFSM_L_PROBE_OLD) != 0 ||
           (remembered(tcb) & TFSM_L_REORDERING) != 0 || tfsm_tells_twice(tcb, seg, &twice) ||
           tfsm_rack_front(tcb);
}

static inline bool tells_twice(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range twice = {0, 0};
    return tfsm_tells_twice(tcb, seg, &twice);
}

/* SND.WL2 is SND.UNA but for the segment that has just moved SND.UNA. */
static inline bool ack_moved(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return has(seg->flags, TFSM_ACK) && seg->ack == tcb->snd_una && tcb->snd_wl2 != seg->ack;
}

/* What time tells of losses is in the marks; duplicates leave open what else is lost. */
static inline bool none_is_missed(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    return rack_runs(tcb, cfg) && !has(tcb->owed, TFSM_OWE_RTX);
}

/* [RFC3522:3.2c] */
static inline bool echo_is_old(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return stamps_agreed(tcb) && bears(seg, TFSM_OPT_TIMESTAMPS) &&
           seq_lt(seg->ts_ecr, tcb->undo_ts);
}

/* Then all ACKs may have been lost and not the text, which a D-SACK or an ACK of all that is outstanding leaves open, but
 * from a peer who tells of what comes twice (steps 4 and 5). [RFC3522:3.2d] */
static inline bool echo_tells(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    bool open = seg->ack != tcb->snd_nxt || (remembered(tcb) & TFSM_L_TWICE) != 0;
    return echo_is_old(tcb, seg) && !tells_twice(tcb, seg) && open;
}

/* Step 2 (b), and there is something to send that goes at once: what Nagle's algorithm or a small window holds back would
 * hold back what is lost with it. Where there is not nothing goes in its place. [RFC5682:2.1g, 2.1j, 3.1i, 3.1k,
 * RFC5682:Ab] */
static inline bool frto_can(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                            const struct tfsm_segment *seg)
{
    return (uint32_t)seg->wnd << snd_shift(tcb) > in_flight(tcb) &&
           !seq_lt(tcb->snd_una, tcb->snd_rtx) && seq_lt(tcb->snd_una, tcb->snd_recover) &&
           (worth_sending(tcb, !profile(cfg, TFSM_NODELAY)) || may_send_fin(tcb));
}

/* Something beyond what was in flight at the timeout is acknowledged or reported: then this tells of new text alone. That
 * SND.UNA has come to just there snd_recover shows for once. [RFC5682:3.1m] */
static inline bool frto_beyond(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    bool ends = !losing(tcb);
    bool beyond = ends && tcb->snd_recover != tcb->snd_una;
    for (unsigned i = 0; bears(seg, TFSM_OPT_SACK) && i < min32(seg->sacks, TFSM_SACK_MAX); i++) {
        beyond = beyond || ends || seq_lt(tcb->snd_recover, seg->sack[i].right);
    }
    return beyond;
}

/* Step 3 (b): SND.UNA has moved, or SACK tells of something that was sent before the timeout. [RFC5682:2.1l, 3.1n] */
static inline bool frto_tells(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    if (!sack_agreed(tcb)) {
        return ack_moved(tcb, seg);
    }
    return (ack_moved(tcb, seg) || tcb->dup_acks > 0) && !frto_beyond(tcb, seg);
}

/* With SACK duplicates before the first ACK that moves SND.UNA are passed over.
 * [RFC5682:2.1d, 2.1g, 3.1a, 3.1g, 3.1l] */
static inline bool frto_fails(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    bool second = (remembered(tcb) & TFSM_L_FRTO_2) != 0;
    bool reports = second && bears(seg, TFSM_OPT_SACK) && seg->sacks > 0;
    return ack_moved(tcb, seg) || reports ||
           ((second || !sack_agreed(tcb)) && ack_is_repeated(tcb, seg));
}

/* The segment that tries a larger size is lost: a message says so, by number and size, or what has arrived does. Without
 * SACK that is told of the front alone; where something before it is lost, nobody will know. While it is mended: something
 * else is lost as well. */
APART static bool mtu_lost(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev)
{
    if ((remembered(tcb) & TFSM_L_MTU_OUT) == 0) {
        return ev->kind != TFSM_EV_ICMP && tfsm_mtu_loses_more(tcb);
    }
    if (!seq_lt(tcb->snd_una, tcb->mtu_end)) {
        return false;
    }
    if (ev->kind == TFSM_EV_ICMP) {
        return ev->icmp == TFSM_ICMP_TOO_BIG && path_mss(cfg, ev) < tcb->mss_try &&
               path_mss(cfg, ev) >= tcb->snd_mss &&
               seq_in(ev->segment.seq, tcb->mtu_seq, seq_distance(tcb->mtu_seq, tcb->mtu_end));
    }
    if (!sack_agreed(tcb) && losing(tcb)) {
        return true;
    }
    if (!rack_runs(tcb, cfg) && !losing(tcb)) {
        return tcb->snd_una == tcb->mtu_seq && loss_seen(tcb);
    }
    unsigned i = tfsm_run_of(tcb, seq_max(tcb->snd_una, tcb->mtu_seq));
    return i < run_count(tcb) && (sent(tcb)[i].at & (TFSM_LOST | TFSM_AGAIN)) != 0;
}

/* Nothing is being mended or missed, no message waits, both windows have room, and enough text follows for a loss to be
 * noticed without a timeout; without SACK that needs an ACK since the last recovery, too (RFC6582:3.2). [RFC4821:7.4] */
static inline bool mtu_ready(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    uint32_t text = tcb->mss_try - (tcb->snd_mss - smss(tcb));
    uint32_t behind = text + DUP_THRESH * smss(tcb);
    return (remembered(tcb) & (TFSM_L_MTU_OUT | TFSM_L_MTU_MENDS)) == 0 && !losing(tcb) &&
           (sack_agreed(tcb) || seq_lt(tcb->snd_recover, tcb->snd_una)) && tcb->dup_acks == 0 &&
           tcb->snd_held == 0 && tcb->snd_lost == 0 && tcb->mss_asked == 0 &&
           sendable(tcb) >= text && unsent(tcb) >= behind && tcb->snd_wnd >= behind &&
           tcb->cwnd >= behind && tfsm_cwnd_allows(tcb, cfg, text, true);
}

/* An ACK reaches the end of a probe that repeated text. */
static inline bool probe_is_reached(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return (remembered(tcb) & TFSM_L_PROBE) != 0 && has(seg->flags, TFSM_ACK) &&
           !seq_lt(seg->ack, tcb->tlp_end);
}

static inline bool probe_came_twice(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range twice = {0, 0};
    return tfsm_tells_twice(tcb, seg, &twice) && twice.right == tcb->tlp_end;
}

/* [RFC8985:7.4.2d, 7.4.2f] */
static inline bool probe_repaired(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return probe_is_reached(tcb, seg) && (remembered(tcb) & TFSM_L_PROBE_OLD) != 0 &&
           seq_lt(tcb->tlp_end, seg->ack) && !probe_came_twice(tcb, seg);
}

/* SND.WL2 is SND.UNA but for the ACK that has just moved SND.UNA: the first at the probe's end says nothing.
 * [RFC8985:7.4.2a, 7.4.2b, 7.4.2c, 7.4.2e] */
static inline bool probe_answered(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    bool repeated = seg->len == 0 && seg->ack == tcb->snd_wl2 && !bears(seg, TFSM_OPT_SACK) &&
                    (uint32_t)seg->wnd << snd_shift(tcb) == tcb->snd_wnd;
    return probe_is_reached(tcb, seg) &&
           ((remembered(tcb) & TFSM_L_PROBE_OLD) == 0 || seq_lt(tcb->tlp_end, seg->ack) ||
            repeated || probe_came_twice(tcb, seg));
}

/* Where the urgent data end that a segment tells of: at its own FIN, if that is the peer's first. */
static inline uint32_t urgent_told_by(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    uint32_t up = urgent_end(tcb, seg);
    return fin_fits(tcb, seg) ? seq_min(up, fin_at(seg)) : up;
}

static inline bool text_came_twice(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range twice = tfsm_text_twice(tcb, seg);
    return twice.left != twice.right;
}

static inline bool queue_has_room(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  uint32_t len)
{
    uint32_t buff = min32(cfg->snd_buff, TFSM_BUFF_MAX);
    uint32_t queued = send_queue(tcb);
    return queued <= buff && len <= buff - queued;
}

/* An acknowledgment that waits tells of the window, too, where the peer can go on until then. */
static inline bool window_told_soon(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    return tcb->at_ack != 0 && tcb->rcv_wnd >= 2u * own_mss(cfg);
}

/* An ICMP message quotes what occupies no number: an ACK alone, or a keep-alive. */
static inline bool quoted_empty(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    return seg->seq == tcb->snd_nxt ||
           (tcb->keepalives > 0 && seg->seq == seq_sub(tcb->snd_nxt, 1));
}

/* A deadline that is armed has come. */
static inline bool is_due(tfsm_time at, tfsm_time now)
{
    return at != 0 && now >= at;
}

/* One that is not answered says nothing (RFC9293:MUST-29). */
static inline bool keepalives_left(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    return cfg->keepalive_tries == 0 || tcb->keepalives < max32(cfg->keepalive_tries, 2);
}

/* A range to send again lies in both windows (RFC9293:SHLD-16). [RFC8985:9.3a] */
static inline bool may_resend(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                              enum tfsm_hole kind)
{
    struct tfsm_range hole = {tcb->snd_una, tcb->snd_una};
    return tcb->snd_una != tcb->snd_nxt && has(tcb->flags, TFSM_M_SYN_ACKED) &&
           tfsm_next_hole(tcb, kind, &hole) &&
           seq_distance(tcb->snd_una, hole.left) < resend_window(tcb, hole.left) &&
           tfsm_cwnd_allows(tcb, cfg, seq_distance(hole.left, hole.right), false);
}

static inline bool may_send_text(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    return worth_sending(tcb, !profile(cfg, TFSM_NODELAY)) &&
           tfsm_cwnd_allows(tcb, cfg, min32(sendable(tcb), smss(tcb)), true);
}

/* With nothing better to do what may be lost goes again; where time tells what is, nobody guesses. [RFC8985:9.2] */
static inline bool may_guess(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                             enum tfsm_hole kind)
{
    return CAN(TFSM_SACK) && losing(tcb) && !rack_runs(tcb, cfg) && !may_send_text(tcb, cfg) &&
           may_resend(tcb, cfg, kind);
}

/* ---- the facts ---- */

#define F(name, text, holds, source)                                                               \
    static inline bool fact_##name(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,      \
                                   const struct tfsm_event *ev, const struct tfsm_segment *seg)    \
    {                                                                                              \
        (void)tcb, (void)cfg, (void)ev, (void)seg;                                                 \
        return holds;                                                                              \
    }
#include "facts.inc"
#undef F

#endif
