/* What holds: one pure look at a connection and an event that gives a set of named facts. Rows
 * speak of nothing else, so this file is where every comparison of the protocol stands, once. */
#include "engine.h"

#define SYN_BURST 3u /* replies to SYNs at once */

#define TS_OUTDATED (UINT64_C(24) * 86400 * 1000000) /* microseconds: 24 days (RFC7323:5.5) */

/* A fact holds if a condition does. */
#define HOLDS(name, condition)                                                                     \
    (facts->word[TFSM_FACT_##name / 64] |= (uint64_t)(condition) << (TFSM_FACT_##name % 64))

struct tfsm_range tfsm_text_in_window(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range none = {tcb->rcv_nxt, tcb->rcv_nxt};
    struct tfsm_range text;
    uint32_t room = tcb->rcv_wnd;
    uint32_t length = text_length(seg);
    uint32_t skip = seq_distance(text_left(seg), tcb->rcv_nxt);
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
bool tfsm_text_fits(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range text = tfsm_text_in_window(tcb, seg);
    uint32_t length = seq_distance(text.left, text.right);
    uint32_t left = seq_distance(tcb->rcv_nxt, text.left);
    uint32_t right = left + length;
    bool touches = false;
    if (length == 0) {
        return false;
    }
    for (unsigned i = 0; i < tcb->ooo_count; i++) {
        uint32_t have_left = seq_distance(tcb->rcv_nxt, tcb->ooo[i].left);
        uint32_t have_right = seq_distance(tcb->rcv_nxt, tcb->ooo[i].right);
        if (have_left <= left && right <= have_right) {
            return false;
        }
        touches = touches || (have_left <= right && left <= have_right);
    }
    return touches || left == 0 || tcb->ooo_count < TFSM_OOO_MAX;
}

/* SEG.SEQ + SEG.LEN - 1 of a segment with FIN. */
static uint32_t fin_at(const struct tfsm_segment *seg)
{
    return seq_add(text_left(seg), text_length(seg));
}

static bool fin_fits(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    uint32_t ahead = seq_distance(tcb->rcv_nxt, fin_at(seg));
    if (!has(seg->flags, TFSM_FIN) || has(tcb->flags, TFSM_M_PEER_FIN) || ahead >= tcb->rcv_wnd) {
        return false;
    }
    return tcb->ooo_count == 0 ||
           seq_distance(tcb->rcv_nxt, tcb->ooo[tcb->ooo_count - 1].right) <= ahead;
}

/* The acknowledgment of a segment's text may wait for the next segment: it comes in order, fills
 * no gap, no other is waiting, and the profile allows it (RFC 9293 3.8.6.3, RFC 5681 4.2). So
 * every second segment is acknowledged at once. [RFC9293:SHLD-19; RFC5681:4.2a, 4.2c] */
static bool may_wait(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                     const struct tfsm_segment *seg)
{
    struct tfsm_range text = tfsm_text_in_window(tcb, seg);
    return cfg->ack_delay > 0 && tcb->at_ack == 0 && !has(tcb->flags, TFSM_M_DSACK) &&
           tcb->ooo_count == 0 && text.left == tcb->rcv_nxt && text.left != text.right &&
           seq_distance(text.left, text.right) < 2u * own_mss(cfg);
}

/* The four cases of RFC 9293 table 6. */
static bool seq_acceptable(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
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
static bool seq_past_window(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    uint32_t past = seq_distance(seq_add(tcb->rcv_nxt, tcb->rcv_wnd), seg->seq);
    return seg->len == 0 && has(seg->flags, TFSM_ACK) && past <= (tcb->rcv_wnd == 0 ? 1u : 0u);
}

/* RFC 5961 5.2 with the bound clamped: nothing from before the connection can be acknowledged.
 * [RFC5961:5.2a] */
static bool ack_too_old(const struct tfsm_tcb *tcb, uint32_t ack)
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
static bool tries_left(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    bool open = has(tcb->flags, TFSM_M_SYN_ACKED);
    bool agreed =
        has(cfg->profile, TFSM_USER_TIMEOUT) && open && tcb->at_user != 0 && now < tcb->at_user;
    return tcb->tries < (open ? cfg->retries : cfg->syn_retries) || agreed;
}

/* A reply to a segment without text may go out. Of SYNs no number tells a stranger's from that of a peer
 * that has rebooted: but for a few their replies are spread over the interval, so that no burst mutes
 * the next for longer than a part of it. [RFC5961:7a, RFC5961:7b] */
static bool has_budget(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
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

static void flag_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                       const struct tfsm_event *ev, struct tfsm_facts *facts)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool rst = has(seg->flags, TFSM_RST);
    bool text = text_length(seg) > 0;
    /* The SYN-ACK of a simultaneous open, or one sent again, is never in the window, and the peer
     * needs the answer. */
    bool syn_ack = is_syn(seg) && has(seg->flags, TFSM_ACK) && seg->seq == tcb->irs &&
                   seq_in(seg->ack, tcb->snd_una, seq_add(in_flight(tcb), 1));
    bool bearing = !rst && (syn_ack || text || has(seg->flags, TFSM_FIN));
    bool budget = has_budget(tcb, cfg, ev);
    bool ecn = has(tcb->flags, TFSM_M_ECN);
    HOLDS(SYN, is_syn(seg));
    HOLDS(TRIES_LEFT, tries_left(tcb, cfg, ev->now));
    HOLDS(SYN_REPEATED, is_syn(seg) && !has(seg->flags, TFSM_ACK) && seg->seq == tcb->irs &&
                            !has(tcb->flags, TFSM_M_SYN_ACKED));
    HOLDS(ACK, has(seg->flags, TFSM_ACK));
    HOLDS(RST, rst);
    HOLDS(FIN, has(seg->flags, TFSM_FIN));
    HOLDS(URG, has(seg->flags, TFSM_URG));
    HOLDS(TEXT, text);
    HOLDS(BEARING, bearing);
    HOLDS(REPLY, bearing || budget);
    HOLDS(SECURITY_OTHER, seg->security != tcb->security);
    HOLDS(COOKIE_GOOD, ev->fast_open && has(seg->options, TFSM_OPT_FAST_OPEN));
    HOLDS(LISTENER, ev->listener);
    HOLDS(CE, ecn && text && !is_syn(seg) && seg->ecn == TFSM_CE);
    HOLDS(CWR, ecn && text && has(seg->flags, TFSM_CWR));
    HOLDS(ECE_HEARD, ecn && has(seg->flags, TFSM_ECE));
    HOLDS(ECE_CUTS, ecn && has(seg->flags, TFSM_ECE) && !is_syn(seg) &&
                        (tcb->flags & (TFSM_M_CUT | TFSM_M_LOSS)) == 0);
}

/* RFC 6191 2: whether a SYN belongs to an incarnation after the one in TIME-WAIT. The last
 * sequence number of that was the peer's FIN. [RFC6191:2a, RFC6191:2b, RFC6191:2c, RFC6191:2d,
 * RFC6191:2e] */
static bool syn_newer(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                      const struct tfsm_segment *seg)
{
    bool stamped = has(cfg->profile, TFSM_TIMESTAMPS) && has(seg->options, TFSM_OPT_TIMESTAMPS);
    bool after = seq_lt(tcb->rcv_fin, seg->seq);
    if (!stamped) {
        return after;
    }
    return !has(tcb->flags, TFSM_M_TIMESTAMPS) || seq_lt(tcb->ts_recent, seg->ts_val) ||
           (tcb->ts_recent == seg->ts_val && after);
}

/* Timestamps (RFC 7323 3.2, 4.3, 5.3). Only a segment that leaves no gap before it may set
 * TS.Recent: PAWS stands before the test of the sequence number, so a stranger could poison it
 * otherwise. [RFC7323:5.2a, 4.3a, 4.3b, 4.3c; RFC7323:3.2i] */
static void option_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                         const struct tfsm_event *ev, struct tfsm_facts *facts)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool agreed = has(tcb->flags, TFSM_M_TIMESTAMPS);
    bool stamped = has(seg->options, TFSM_OPT_TIMESTAMPS);
    bool outdated = ev->now >= tcb->ts_recent_from && ev->now - tcb->ts_recent_from > TS_OUTDATED;
    bool older = seq_lt(seg->ts_val, tcb->ts_recent) && !outdated;
    bool uto = has(cfg->profile, TFSM_USER_TIMEOUT) && has(seg->options, TFSM_OPT_USER_TIMEOUT);
    HOLDS(TS_MISSING, agreed && !stamped);
    HOLDS(PAWS_OLD, agreed && stamped && older);
    HOLDS(TS_NEWER, agreed && stamped && !older && seq_le(seg->seq, tcb->rcv_acked));
    HOLDS(SYN_NEWER, tcb->state == TFSM_TIME_WAIT && is_syn(seg) && syn_newer(tcb, cfg, seg));
    HOLDS(UTO_NEWS,
          uto && (seg->user_timeout & 0x7fffu) != 0 && seg->user_timeout != tcb->uto_peer);
    HOLDS(COOKIE_NEWS, has(tcb->flags, TFSM_M_FAST_OPEN) && is_syn(seg) &&
                           has(seg->flags, TFSM_ACK) && seq_lt(tcb->snd_una, seg->ack));
    HOLDS(KEEPALIVE_ARMED, tcb->at_keepalive != 0 || has(tcb->owed, TFSM_OWE_KEEPALIVE));
}

static void ack_facts(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                      struct tfsm_facts *facts)
{
    bool ack = has(seg->flags, TFSM_ACK);
    bool now_or_new = seq_in(seg->ack, tcb->snd_una, seq_add(in_flight(tcb), 1));
    /* A segment that acknowledges more was sent later, also when it repeats older text: without its
     * window SND.UNA would carry the old one beyond what the peer allows (RFC 9293 3.8.6). */
    bool newer = seq_lt(tcb->snd_wl1, seg->seq) || seq_lt(tcb->snd_wl2, seg->ack) ||
                 (tcb->snd_wl1 == seg->seq && tcb->snd_wl2 == seg->ack);
    HOLDS(ACK_NEW, ack && now_or_new && seg->ack != tcb->snd_una);
    HOLDS(ACK_BEYOND, ack && seq_lt(tcb->snd_nxt, seg->ack));
    HOLDS(ACK_TOO_OLD, ack && ack_too_old(tcb, seg->ack));
    HOLDS(ACK_PARTIAL, ack && seq_lt(seg->ack, tcb->snd_nxt));
    HOLDS(ACK_RECOVERS, ack && !seq_lt(seg->ack, tcb->snd_recover));
    HOLDS(WND_NEWER, ack && now_or_new && newer);
}

/* What acknowledgments say about loss (RFC 5681 2, RFC 6675 5). SND.WL2 is SND.UNA but for the
 * segment that has just moved SND.UNA, and so tells the one from its repetitions. What answers a
 * probe of a closed window repeats itself, too, and tells of no loss. With SACK a duplicate is what
 * has told something new since SND.UNA moved, and only such begin a recovery. A recovery starts only
 * for what was sent after the last one started (RFC 6582 3.2 step 2). [RFC6675:5d] */
static void loss_facts(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                       struct tfsm_facts *facts)
{
    bool sack = has(tcb->flags, TFSM_M_SACK);
    bool outstanding = in_flight(tcb) > 0;
    bool repeated = outstanding && !must_probe(tcb) && has(seg->flags, TFSM_ACK) && seg->len == 0 &&
                    seg->ack == tcb->snd_wl2 && seg->ack == tcb->snd_una &&
                    (uint32_t)seg->wnd << tcb->snd_wscale == tcb->snd_wnd;
    bool seen =
        tcb->dup_acks >= DUP_THRESH || (sack && tcb->dup_acks > 0 && tfsm_front_is_lost(tcb));
    HOLDS(SACK_AGREED, sack);
    HOLDS(SACK_NEWS, sack && outstanding && tfsm_sack_is_news(tcb, seg));
    HOLDS(ACK_REPEATED, repeated);
    bool recovered = seq_lt(tcb->snd_recover, tcb->snd_una) ||
                     (sack && tcb->snd_recover == tcb->snd_una); /* RFC6675:5.1b */
    HOLDS(LOSS_SEEN, outstanding && seen && recovered);
}

/* [RFC9293:3.1c] */
static void receive_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                          const struct tfsm_segment *seg, struct tfsm_facts *facts)
{
    bool peer_fin = has(tcb->flags, TFSM_M_PEER_FIN);
    uint32_t consumed = user_at(tcb);
    bool fin = fin_fits(tcb, seg);
    uint32_t up = fin ? seq_min(urgent_end(tcb, seg), fin_at(seg)) : urgent_end(tcb, seg);
    bool urgent = has(seg->flags, TFSM_URG) && seq_lt(consumed, up);
    bool told = has(tcb->flags, TFSM_M_URGENT_TOLD) && !seq_lt(tcb->rcv_up, up);
    struct tfsm_range twice = tfsm_text_twice(tcb, seg);
    HOLDS(SEQ_PAST_WINDOW, seq_past_window(tcb, seg));
    HOLDS(SEQ_ACCEPTABLE, seq_acceptable(tcb, seg));
    HOLDS(SEQ_IN_WINDOW, seq_in(seg->seq, tcb->rcv_nxt, tcb->rcv_wnd));
    HOLDS(SEQ_EXACT, seg->seq == tcb->rcv_nxt);
    HOLDS(ZERO_WINDOW, tcb->rcv_wnd == 0);
    HOLDS(URGENT_AHEAD, urgent);
    HOLDS(URGENT_TOLD, told);
    HOLDS(URGENT_KEPT, urgent_kept(tcb));
    HOLDS(TEXT_FITS, tfsm_text_fits(tcb, seg));
    HOLDS(TEXT_TWICE, twice.left != twice.right);
    HOLDS(QUEUE_IN_ORDER, tcb->ooo_count > 0 && tcb->ooo[0].left == tcb->rcv_nxt);
    HOLDS(QUEUED, tcb->ooo_count > 0);
    HOLDS(MAY_WAIT, may_wait(tcb, cfg, seg));
    HOLDS(FIN_FITS, fin);
    HOLDS(FIN_IN_ORDER, peer_fin && tcb->rcv_fin == tcb->rcv_nxt);
    HOLDS(FIN_AGAIN, peer_fin && has(seg->flags, TFSM_FIN) && fin_at(seg) == tcb->rcv_fin);
}

static void call_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                       const struct tfsm_event *ev, struct tfsm_facts *facts)
{
    uint32_t buff = min32(cfg->snd_buff, TFSM_BUFF_MAX);
    uint32_t queued = send_queue(tcb);
    bool remote = ev->kind == TFSM_EV_OPEN ? ev->remote : has(tcb->flags, TFSM_M_REMOTE);
    bool sent = tcb->snd_nxt != seq_add(tcb->iss, 1);
    HOLDS(ACTIVE_CALL, ev->active);
    HOLDS(URGENT_CALL, ev->urgent);
    HOLDS(DEAF_CALL, ev->deaf);
    HOLDS(REMOTE, remote);
    HOLDS(ROOM, queued <= buff && ev->len <= buff - queued);
    HOLDS(READABLE, tcb->rcv_user > 0);
    HOLDS(UNREAD, tcb->rcv_user > 0 || tcb->ooo_count > 0);
    /* An acknowledgment that waits tells of the window, too, where the peer can go on until then. */
    bool told = tcb->at_ack != 0 && tcb->rcv_wnd >= 2u * own_mss(cfg);
    HOLDS(WINDOW_OPENS, window_opens(tcb, cfg) && !told);
    HOLDS(UNSENT, unsent(tcb) > 0);
    HOLDS(IDLE, in_flight(tcb) == 0 && sent && paused(tcb, ev->now));
}

static void timeout_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                          struct tfsm_facts *facts)
{
    HOLDS(DUE_USER, tcb->at_user != 0 && now >= tcb->at_user);
    HOLDS(DUE_2MSL, tcb->at_2msl != 0 && now >= tcb->at_2msl);
    HOLDS(DUE_RTX, tcb->at_rtx != 0 && now >= tcb->at_rtx);
    HOLDS(ECE_WAITS, has(tcb->flags, TFSM_M_ECE_WAIT) && in_flight(tcb) == 0);
    HOLDS(DUE_PERSIST, tcb->at_persist != 0 && now >= tcb->at_persist);
    HOLDS(DUE_ACK, tcb->at_ack != 0 && now >= tcb->at_ack);
    HOLDS(DUE_KEEPALIVE,
          cfg->keepalive_idle > 0 && tcb->at_keepalive != 0 && now >= tcb->at_keepalive);
    HOLDS(TRIES_LEFT, tries_left(tcb, cfg, now));
    HOLDS(AT_R1, cfg->r1 > 0 && tcb->tries + 1u >= cfg->r1);
    /* One that is not answered says nothing (RFC9293:MUST-29). */
    uint32_t tries = max32(cfg->keepalive_tries, 2);
    HOLDS(KEEPALIVES_LEFT, cfg->keepalive_tries == 0 || tcb->keepalives < tries);
    HOLDS(FRONT_FIN, front_is_fin(tcb));
}

static void icmp_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                       const struct tfsm_event *ev, struct tfsm_facts *facts)
{
    HOLDS(QUOTED, seq_in(ev->segment.seq, tcb->snd_una, in_flight(tcb)));
    HOLDS(QUOTED_EMPTY, ev->segment.seq == tcb->snd_nxt ||
                            (tcb->keepalives > 0 && ev->segment.seq == seq_sub(tcb->snd_nxt, 1)));
    HOLDS(ICMP_SOFT, ev->icmp == TFSM_ICMP_SOFT);
    HOLDS(ICMP_HARD, ev->icmp == TFSM_ICMP_HARD);
    HOLDS(ICMP_TOO_BIG,
          ev->icmp == TFSM_ICMP_TOO_BIG && path_mss(cfg, ev) < min32(tcb->mss_sent, tcb->snd_mss));
    HOLDS(PATH_PROVEN, path_mss(cfg, ev) < tcb->mss_acked);
}

/* A range to send again lies in both windows (RFC9293:SHLD-16). */
static bool may_resend(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                       enum tfsm_hole kind)
{
    struct tfsm_range hole;
    return tcb->snd_una != tcb->snd_nxt && has(tcb->flags, TFSM_M_SYN_ACKED) &&
           tfsm_next_hole(tcb, kind, &hole) &&
           seq_distance(tcb->snd_una, hole.left) < resend_window(tcb, hole.left) &&
           tfsm_cwnd_allows(tcb, cfg, seq_distance(hole.left, hole.right), false);
}

static void output_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                         struct tfsm_facts *facts)
{
    bool room = in_flight(tcb) < tcb->snd_wnd;
    bool fin_left = has(tcb->flags, TFSM_M_CLOSE) && !fin_sent(tcb);
    uint32_t next = min32(sendable(tcb), smss(tcb));
    bool text = worth_sending(tcb, !has(cfg->profile, TFSM_NODELAY)) &&
                tfsm_cwnd_allows(tcb, cfg, next, true);
    HOLDS(FAST_OPEN, has(tcb->flags, TFSM_M_FAST_OPEN));
    HOLDS(OWE_RST, has(tcb->owed, TFSM_OWE_RST));
    HOLDS(OWE_RST_ACK, has(tcb->owed, TFSM_OWE_RST_ACK));
    HOLDS(OWE_SYN, has(tcb->owed, TFSM_OWE_SYN));
    HOLDS(OWE_RTX, has(tcb->owed, TFSM_OWE_RTX));
    HOLDS(OWE_PROBE, has(tcb->owed, TFSM_OWE_PROBE));
    HOLDS(OWE_ACK, has(tcb->owed, TFSM_OWE_ACK));
    HOLDS(OWE_KEEPALIVE, has(tcb->owed, TFSM_OWE_KEEPALIVE));
    HOLDS(FRONT_FIN, front_is_fin(tcb));
    HOLDS(MAY_RESEND, losing(tcb) && may_resend(tcb, cfg, TFSM_HOLE_LOST));
    HOLDS(MAY_SEND_TEXT, text);
    HOLDS(MAY_SEND_FIN, room && unsent(tcb) == 0 && fin_left);
    HOLDS(MAY_RESEND_UNSURE, losing(tcb) && !text && may_resend(tcb, cfg, TFSM_HOLE_UNSURE));
    HOLDS(MAY_RESCUE, losing(tcb) && !text && may_resend(tcb, cfg, TFSM_HOLE_LAST));
}

struct tfsm_facts tfsm_take_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev)
{
    struct tfsm_facts taken = {{0, 0}};
    struct tfsm_facts *facts = &taken;
    bool fin_acked = fin_sent(tcb) && tcb->snd_una == tcb->snd_nxt;
    HOLDS(RFC5961, has(cfg->profile, TFSM_RFC5961));
    HOLDS(RFC1337, has(cfg->profile, TFSM_RFC1337));
    HOLDS(RFC6191, has(cfg->profile, TFSM_RFC6191));
    HOLDS(RFC5927, has(cfg->profile, TFSM_RFC5927));
    HOLDS(CONGESTION, has(cfg->profile, TFSM_CONGESTION));
    HOLDS(PASSIVE, has(tcb->flags, TFSM_M_PASSIVE));
    HOLDS(CLOSED_BY_USER, has(tcb->flags, TFSM_M_CLOSE));
    HOLDS(DEAF, has(tcb->flags, TFSM_M_DEAF));
    HOLDS(USED, send_limit(tcb) != seq_add(tcb->iss, 1) || is_early(tcb));
    HOLDS(EARLY, is_early(tcb));
    HOLDS(SYN_UNACKED, !has(tcb->flags, TFSM_M_SYN_ACKED));
    HOLDS(TEXT_UNACKED, tcb->snd_una != tcb->snd_end && !fin_acked);
    HOLDS(OUR_FIN_ACKED, fin_acked);
    HOLDS(RECOVERING, has(tcb->flags, TFSM_M_RECOVERY));
    if (ev == NULL) {
        output_facts(tcb, cfg, facts);
        return taken;
    }
    switch (ev->kind) {
    case TFSM_EV_SEGMENT:
        flag_facts(tcb, cfg, ev, facts);
        option_facts(tcb, cfg, ev, facts);
        ack_facts(tcb, &ev->segment, facts);
        loss_facts(tcb, &ev->segment, facts);
        receive_facts(tcb, cfg, &ev->segment, facts);
        break;
    case TFSM_EV_TIMEOUT:
        timeout_facts(tcb, cfg, ev->now, facts);
        break;
    case TFSM_EV_ICMP:
        icmp_facts(tcb, cfg, ev, facts);
        break;
    case TFSM_EV_OPEN:
    case TFSM_EV_SEND:
    case TFSM_EV_RECEIVE:
    case TFSM_EV_CLOSE:
    case TFSM_EV_ABORT:
        call_facts(tcb, cfg, ev, facts);
        break;
    case TFSM_EVENTS:
        break;
    }
    return taken;
}
