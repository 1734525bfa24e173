/* What holds: one pure look at a connection and an event that gives a set of named facts. Rows
 * speak of nothing else, so this file is where every comparison of the protocol stands, once. */
#include "engine.h"

/* A fact that holds if a condition does. */
#define HOLDS(name, condition) ((condition) ? TFSM_FACT(name) : 0)

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
static bool text_fits(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
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

/* RFC 5961 5.2 with the bound clamped: nothing from before the connection can be acknowledged. */
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

static tfsm_facts flag_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                             const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool rst = has(seg->flags, TFSM_RST);
    /* The SYN-ACK of a simultaneous open, or one sent again, is never in the window, and the peer
     * needs the answer. */
    bool syn_ack = is_syn(seg) && has(seg->flags, TFSM_ACK) && seg->seq == tcb->irs &&
                   seq_in(seg->ack, tcb->snd_una, seq_add(in_flight(tcb), 1));
    bool bearing = !rst && (syn_ack || text_length(seg) > 0 || has(seg->flags, TFSM_FIN));
    bool budget = cfg->challenge_limit > 0 &&
                  (ev->now >= tcb->challenge_until || tcb->challenges < cfg->challenge_limit);
    return HOLDS(SYN, is_syn(seg)) | HOLDS(ACK, has(seg->flags, TFSM_ACK)) | HOLDS(RST, rst) |
           HOLDS(FIN, has(seg->flags, TFSM_FIN)) | HOLDS(URG, has(seg->flags, TFSM_URG)) |
           HOLDS(TEXT, text_length(seg) > 0) | HOLDS(BEARING, bearing) |
           HOLDS(REPLY, bearing || budget) | HOLDS(SECURITY_OTHER, seg->security != tcb->security);
}

static tfsm_facts ack_facts(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    bool ack = has(seg->flags, TFSM_ACK);
    bool now_or_new = seq_in(seg->ack, tcb->snd_una, seq_add(in_flight(tcb), 1));
    /* A segment that acknowledges more was sent later, also when it repeats older text: without its
     * window SND.UNA would carry the old one beyond what the peer allows (RFC 9293 3.8.6). */
    bool newer = seq_lt(tcb->snd_wl1, seg->seq) || seq_lt(tcb->snd_wl2, seg->ack) ||
                 (tcb->snd_wl1 == seg->seq && tcb->snd_wl2 == seg->ack);
    return HOLDS(ACK_NEW, ack && now_or_new && seg->ack != tcb->snd_una) |
           HOLDS(ACK_BEYOND, ack && seq_lt(tcb->snd_nxt, seg->ack)) |
           HOLDS(ACK_TOO_OLD, ack && ack_too_old(tcb, seg->ack)) |
           HOLDS(WND_NEWER, ack && now_or_new && newer);
}

static tfsm_facts receive_facts(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    bool peer_fin = has(tcb->flags, TFSM_M_PEER_FIN);
    uint32_t consumed = seq_sub(tcb->rcv_nxt, tcb->rcv_user);
    bool urgent = has(seg->flags, TFSM_URG) && seq_lt(consumed, seq_add(seg->seq, seg->up));
    bool told =
        has(tcb->flags, TFSM_M_URGENT_TOLD) && !seq_lt(tcb->rcv_up, seq_add(seg->seq, seg->up));
    return HOLDS(SEQ_PAST_WINDOW, seq_past_window(tcb, seg)) |
           HOLDS(SEQ_ACCEPTABLE, seq_acceptable(tcb, seg)) |
           HOLDS(SEQ_EXACT, seg->seq == tcb->rcv_nxt) | HOLDS(ZERO_WINDOW, tcb->rcv_wnd == 0) |
           HOLDS(URGENT_AHEAD, urgent) | HOLDS(URGENT_TOLD, told) |
           HOLDS(TEXT_FITS, text_fits(tcb, seg)) |
           HOLDS(QUEUE_IN_ORDER, tcb->ooo_count > 0 && tcb->ooo[0].left == tcb->rcv_nxt) |
           HOLDS(FIN_FITS, fin_fits(tcb, seg)) |
           HOLDS(FIN_IN_ORDER, peer_fin && tcb->rcv_fin == tcb->rcv_nxt) |
           HOLDS(FIN_AGAIN, peer_fin && has(seg->flags, TFSM_FIN) && fin_at(seg) == tcb->rcv_fin);
}

static tfsm_facts call_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                             const struct tfsm_event *ev)
{
    uint32_t buff = min32(cfg->snd_buff, TFSM_BUFF_MAX);
    /* Queued text: from SND.UNA, or from after our SYN while that is unacknowledged. */
    bool syn_held = !has(tcb->flags, TFSM_M_SYN_ACKED) && tcb->snd_una != tcb->snd_end;
    uint32_t queued = seq_distance(tcb->snd_una, tcb->snd_end) - (syn_held ? 1u : 0u);
    bool remote = ev->kind == TFSM_EV_OPEN ? ev->remote : has(tcb->flags, TFSM_M_REMOTE);
    return HOLDS(ACTIVE_CALL, ev->active) | HOLDS(URGENT_CALL, ev->urgent) | HOLDS(REMOTE, remote) |
           HOLDS(ROOM, queued <= buff && ev->len <= buff - queued) |
           HOLDS(READABLE, tcb->rcv_user > 0) | HOLDS(WINDOW_OPENS, window_opens(tcb, cfg)) |
           HOLDS(UNSENT, unsent(tcb) > 0);
}

static tfsm_facts timeout_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                tfsm_time now)
{
    uint8_t r2 = !has(tcb->flags, TFSM_M_SYN_ACKED) ? cfg->syn_retries : cfg->retries;
    return HOLDS(DUE_USER, tcb->at_user != 0 && now >= tcb->at_user) |
           HOLDS(DUE_2MSL, tcb->at_2msl != 0 && now >= tcb->at_2msl) |
           HOLDS(DUE_RTX, tcb->at_rtx != 0 && now >= tcb->at_rtx) |
           HOLDS(DUE_PERSIST, tcb->at_persist != 0 && now >= tcb->at_persist) |
           HOLDS(TRIES_LEFT, tcb->tries < r2) |
           HOLDS(FRONT_FIN, fin_sent(tcb) && tcb->snd_una == tcb->snd_end);
}

static tfsm_facts output_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    bool room = in_flight(tcb) < tcb->snd_wnd;
    bool fin_left = has(tcb->flags, TFSM_M_CLOSE) && !fin_sent(tcb);
    return HOLDS(OWE_RST, has(tcb->owed, TFSM_OWE_RST)) |
           HOLDS(OWE_RST_ACK, has(tcb->owed, TFSM_OWE_RST_ACK)) |
           HOLDS(OWE_SYN, has(tcb->owed, TFSM_OWE_SYN)) |
           HOLDS(OWE_RTX, has(tcb->owed, TFSM_OWE_RTX)) |
           HOLDS(OWE_PROBE, has(tcb->owed, TFSM_OWE_PROBE)) |
           HOLDS(OWE_ACK, has(tcb->owed, TFSM_OWE_ACK)) |
           HOLDS(FRONT_FIN, fin_sent(tcb) && tcb->snd_una == tcb->snd_end) |
           HOLDS(MAY_SEND_TEXT, worth_sending(tcb, !has(cfg->profile, TFSM_NODELAY))) |
           HOLDS(MAY_SEND_FIN, room && unsent(tcb) == 0 && fin_left);
}

tfsm_facts tfsm_take_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev)
{
    tfsm_facts facts = HOLDS(RFC5961, has(cfg->profile, TFSM_RFC5961)) |
                       HOLDS(RFC1337, has(cfg->profile, TFSM_RFC1337)) |
                       HOLDS(PASSIVE, has(tcb->flags, TFSM_M_PASSIVE)) |
                       HOLDS(CLOSED_BY_USER, has(tcb->flags, TFSM_M_CLOSE)) |
                       HOLDS(USED, send_limit(tcb) != seq_add(tcb->iss, 1)) |
                       HOLDS(SYN_UNACKED, !has(tcb->flags, TFSM_M_SYN_ACKED)) |
                       HOLDS(TEXT_UNACKED, tcb->snd_una != tcb->snd_end &&
                                               !(fin_sent(tcb) && tcb->snd_una == tcb->snd_nxt)) |
                       HOLDS(OUR_FIN_ACKED, fin_sent(tcb) && tcb->snd_una == tcb->snd_nxt);
    if (ev == NULL) {
        return facts | output_facts(tcb, cfg);
    }
    switch (ev->kind) {
    case TFSM_EV_SEGMENT:
        return facts | flag_facts(tcb, cfg, ev) | ack_facts(tcb, &ev->segment) |
               receive_facts(tcb, &ev->segment);
    case TFSM_EV_TIMEOUT:
        return facts | timeout_facts(tcb, cfg, ev->now);
    case TFSM_EV_OPEN:
    case TFSM_EV_SEND:
    case TFSM_EV_RECEIVE:
    case TFSM_EV_CLOSE:
    case TFSM_EV_ABORT:
        return facts | call_facts(tcb, cfg, ev);
    case TFSM_EVENTS:
        break;
    }
    return facts;
}
