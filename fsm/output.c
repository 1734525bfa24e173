/* The one door out: asks the output list what goes next and makes that segment. What has been put
 * on the wire is remembered here: SND.NXT, the right edge of the window offered, and that the
 * acknowledgment was sent. */
#include "engine.h"

/* The window field, and with it the edge the peer may rely on from now. RCV.WND counts to the
 * greatest edge ever sent; a scaled field may show a little less (RFC7323:2.4), never more. */
static uint16_t offer_window(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, bool syn)
{
    uint8_t shift = syn ? 0 : tcb->rcv_wscale;
    uint32_t offer = !syn && window_opens(tcb, cfg) ? receive_room(tcb, cfg) : tcb->rcv_wnd;
    uint32_t field = min32(offer >> shift, UINT16_MAX);
    tcb->rcv_wnd = max32(tcb->rcv_wnd, field << shift);
    return (uint16_t)field;
}

/* Everything after the SYN exchange bears an ACK and the window. */
static void add_ack(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, bool syn,
                    struct tfsm_segment *out)
{
    out->flags |= TFSM_ACK;
    out->ack = tcb->rcv_nxt;
    out->wnd = offer_window(tcb, cfg, syn);
    /* A SYN-ACK is never in the window of a peer that has our SYN: what it asked for must come
     * besides. */
    if (!syn) {
        tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_ACK;
    }
}

static void emit_rst(struct tfsm_tcb *tcb, struct tfsm_segment *out)
{
    out->flags = TFSM_RST;
    out->seq = tcb->rst_seq;
    if (has(tcb->owed, TFSM_OWE_RST_ACK)) {
        out->flags |= TFSM_ACK;
        out->ack = tcb->rst_ack;
    }
    tcb->owed &= (uint8_t) ~(unsigned)(TFSM_OWE_RST | TFSM_OWE_RST_ACK);
    tcb->rst_seq = 0;
    tcb->rst_ack = 0;
}

/* A SYN always carries the MSS (RFC9293:MAY-3); a window scale if we may use one, and in answer
 * only if the peer offered (RFC7323:2.2). */
static void emit_syn(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, bool ack,
                     struct tfsm_segment *out)
{
    out->flags = TFSM_SYN;
    out->seq = tcb->iss;
    out->len = 1;
    out->options = TFSM_OPT_MSS;
    out->mss = cfg->mss > 0 ? cfg->mss : 1;
    if (ack ? has(tcb->flags, TFSM_M_WSCALE) : has(cfg->profile, TFSM_WSCALE)) {
        out->options |= TFSM_OPT_WSCALE;
        out->wscale = tcb->rcv_wscale;
    }
    if (ack) {
        add_ack(tcb, cfg, true, out);
    } else {
        out->wnd = (uint16_t)min32(cfg->rcv_buff, UINT16_MAX);
    }
    tcb->owed &= (uint8_t) ~(unsigned)(TFSM_OWE_SYN | TFSM_OWE_RTX);
}

/* Text from a sequence number, as much as is allowed, and the FIN if it follows and there is room.
 * FIN is one sequence number like an octet: it is sent, sent again and acknowledged in the same
 * way. */
static void emit_text(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint32_t seq,
                      uint32_t most, bool fin_allowed, struct tfsm_segment *out)
{
    uint32_t left = seq_distance(seq, tcb->snd_end);
    uint32_t text = left < TFSM_SEQ_HALF ? min32(left, min32(most, tcb->snd_mss)) : 0;
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
    if (has(tcb->flags, TFSM_M_URGENT) && seq_lt(seq, tcb->snd_up)) {
        out->flags |= TFSM_URG;
        out->up = (uint16_t)min32(seq_distance(seq, tcb->snd_up), UINT16_MAX);
    }
    tcb->snd_nxt = seq_max(tcb->snd_nxt, seq_add(seq, out->len));
    add_ack(tcb, cfg, false, out);
}

static void emit(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_actions actions,
                 struct tfsm_segment *out)
{
    if (actions & TFSM_ACTION(EMIT_RST)) {
        emit_rst(tcb, out);
    } else if (actions & TFSM_ACTION(EMIT_SYN)) {
        emit_syn(tcb, cfg, false, out);
    } else if (actions & TFSM_ACTION(EMIT_SYN_ACK)) {
        emit_syn(tcb, cfg, true, out);
    } else if (actions & TFSM_ACTION(EMIT_OLD)) {
        tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_RTX;
        emit_text(tcb, cfg, tcb->snd_una, min32(in_flight(tcb), tcb->snd_wnd), fin_sent(tcb), out);
    } else if (actions & TFSM_ACTION(EMIT_NEW)) {
        emit_text(tcb, cfg, tcb->snd_nxt, tcb->snd_wnd - in_flight(tcb), true, out);
    } else if (actions & TFSM_ACTION(EMIT_OCTET)) {
        tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_PROBE;
        emit_text(tcb, cfg, tcb->snd_una, max32(tcb->snd_wnd, 1), true, out);
    } else {
        out->seq = tcb->snd_nxt;
        add_ack(tcb, cfg, false, out);
    }
}

bool tfsm_output(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                 struct tfsm_segment *out)
{
    if ((unsigned)tcb->state >= TFSM_STATES) {
        return false;
    }
    tfsm_facts facts = tfsm_take_facts(tcb, cfg, NULL);
    unsigned id = TFSM_LIST_OUTPUT;
    const struct tfsm_rule *row = TFSM_ROW(id);
    while (!matches(row, tcb, facts)) {
        id++;
        row = TFSM_ROW(id); /* the last row matches everything */
    }
    if (row->verdict == TFSM_V_DROP) {
        return false;
    }
    *out = (struct tfsm_segment){.rule = (uint16_t)id, .security = tcb->security};
    emit(tcb, cfg, row->actions, out);
    tfsm_settle(tcb, cfg, now);
    return true;
}
