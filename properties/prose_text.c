/* RFC 9293 3.10.7.4 as prose, sixth to eighth step: URG, text, FIN. See prose.h. */
#include "prose_internal.h"

/* The end of what is there in order from `next` on: held ranges are joined as they are reached. */
static uint32_t in_order(const struct tfsm_tcb *tcb, uint32_t next)
{
    const struct tfsm_range *ranges = tfsm_out_of_order(tcb);
    for (unsigned i = 0; i < tcb->ooo_count; i++) {
        if (seq_le(ranges[i].left, next) && seq_lt(next, ranges[i].right)) {
            next = ranges[i].right;
        }
    }
    return next;
}

/* Where the text of the segment ends, SYN and FIN left out. */
static uint32_t text_end(const struct reading *r)
{
    return seq_add(r->seg->seq, r->seg->len - (has(r, TFSM_FIN) ? 1 : 0));
}

static uint32_t text_begin(const struct reading *r)
{
    return seq_add(r->seg->seq, has(r, TFSM_SYN) ? 1 : 0);
}

/* The right edge of the receive window. Our SYN announced the buffer, unscaled (RFC 7323 2.2). */
uint32_t prose_window_edge(const struct reading *r)
{
    uint32_t window = r->cfg->rcv_buff < UINT16_MAX ? r->cfg->rcv_buff : UINT16_MAX;
    return r->tcb->state == TFSM_SYN_SENT ? seq_add(seq_add(r->seg->seq, 1), window)
                                          : seq_add(r->tcb->rcv_nxt, r->tcb->rcv_wnd);
}

/* The text of the segment that is in the window and before a FIN that came early: nothing follows a FIN.
 * What came before is cut off, too, and nothing may be left. */
static struct tfsm_range new_text(const struct reading *r)
{
    uint32_t edge = prose_window_edge(r);
    struct tfsm_range text = {text_begin(r), text_end(r)};
    text.right = seq_lt(edge, text.right) ? edge : text.right;
    if (remembers(r, TFSM_M_PEER_FIN) && seq_lt(r->tcb->rcv_fin, text.right)) {
        text.right = r->tcb->rcv_fin;
    }
    text.left = seq_lt(text.left, r->v.rcv_nxt) ? r->v.rcv_nxt : text.left;
    if (r->no_text || !seq_lt(text.left, text.right)) {
        text.right = text.left;
    }
    return text;
}

/* All of it is held already. */
static bool is_held(const struct tfsm_tcb *tcb, struct tfsm_range text)
{
    const struct tfsm_range *ranges = tfsm_out_of_order(tcb);
    bool held = text.left == text.right;
    for (unsigned i = 0; i < tcb->ooo_count; i++) {
        held = held || (seq_le(ranges[i].left, text.left) && seq_le(text.right, ranges[i].right));
    }
    return held;
}

/* Where the text ends that is taken of one segment: it fills so many holes at most (a bound of the machine, not of the
 * RFC), and what is behind them comes again. */
static uint32_t taken_until(const struct tfsm_tcb *tcb, struct tfsm_range text)
{
    const struct tfsm_range *ranges = tfsm_out_of_order(tcb);
    uint32_t next = text.left;
    unsigned holes = 0;
    for (unsigned i = 0; i < tcb->ooo_count && seq_lt(ranges[i].left, text.right); i++) {
        bool hole = seq_lt(next, ranges[i].left);
        if (hole && holes == TFSM_PIECES_MAX) {
            return next;
        }
        holes += hole;
        next = seq_lt(next, ranges[i].right) ? ranges[i].right : next;
    }
    return seq_lt(next, text.right) && holes == TFSM_PIECES_MAX ? next : text.right;
}

/* Seventh: the text. Only what is new and in the window counts (first step, last paragraph). */
static void process_text(struct reading *r)
{
    struct tfsm_range text = new_text(r);
    uint32_t from = r->v.rcv_nxt;
    if (!one_of(r->v.state, STILL_READS)) {
        /* The text of a segment after the peer's FIN is ignored; nothing is said of a reply. */
        r->v.free |= r->seg->len != 0 ? PROSE_FREE_REPLY : 0;
        return;
    }
    if (text_begin(r) != text_end(r)) {
        send_ack(r); /* in order or not (RFC 5681 4.2) */
    }
    r->v.rcv_nxt = in_order(r->tcb, from); /* what came with the SYN waits at RCV.NXT */
    if (seq_le(text.left, r->v.rcv_nxt) && seq_lt(r->v.rcv_nxt, text.right)) {
        r->v.rcv_nxt = in_order(r->tcb, taken_until(r->tcb, text));
    }
    r->v.delivered = seq_distance(from, r->v.rcv_nxt);
    if (r->v.delivered != 0) {
        send_ack(r);
    }
}

/* Text is held from behind this number. A FIN there contradicts it: of the two the later is not
 * believed, for a sequence number is bound once (design, invariant 3). */
static bool text_waits_behind(const struct reading *r, uint32_t number)
{
    const struct tfsm_tcb *tcb = r->tcb;
    return tcb->ooo_count != 0 && seq_lt(number, tfsm_out_of_order(tcb)[tcb->ooo_count - 1].right);
}

/* The segment bears a FIN that can be one: in the window, before nothing that was held, and the first. */
static bool fin_is_new(const struct reading *r)
{
    uint32_t fin = text_end(r);
    return has(r, TFSM_FIN) && !r->no_text && !remembers(r, TFSM_M_PEER_FIN) &&
           seq_le(r->v.rcv_nxt, fin) && seq_lt(fin, prose_window_edge(r)) &&
           !text_waits_behind(r, fin);
}

/* Eighth: the FIN, which is processed when all before it was. One that came early was held. */
static void check_fin(struct reading *r)
{
    bool mine = fin_is_new(r) && text_end(r) == r->v.rcv_nxt;
    bool held = remembers(r, TFSM_M_PEER_FIN) && r->tcb->rcv_fin == r->v.rcv_nxt;
    if (has(r, TFSM_FIN) && one_of(r->v.state, STILL_READS)) {
        send_ack(r); /* it occupies a number, as text does */
    }
    if (has(r, TFSM_FIN) && r->v.state == TFSM_TIME_WAIT) {
        r->v.free |= PROSE_FREE_TIME_WAIT | PROSE_FREE_REPLY;
    }
    if (!one_of(r->v.state, STILL_READS) || (!mine && !held)) {
        return;
    }
    send_ack(r);
    r->v.rcv_nxt = seq_add(r->v.rcv_nxt, 1);
    r->v.signals |= TFSM_SIG_PEER_CLOSED;
    if (r->v.state == TFSM_ESTABLISHED) {
        r->v.state = TFSM_CLOSE_WAIT;
    } else if (r->v.state == TFSM_FIN_WAIT_1) {
        r->v.state = TFSM_CLOSING; /* were our FIN acknowledged this would be FIN-WAIT-2 */
    } else {
        r->v.state = TFSM_TIME_WAIT;
        r->v.time_wait = true;
    }
}

/* Where the urgent data ends: the pointer counts from SEG.SEQ to the octet after it (MUST-62). What lies
 * beyond the peer's FIN is nothing: one that points there points at the FIN (a reading of the machine
 * of 3.8.5, stated in rules_segment.inc). */
static uint32_t urgent_end(const struct reading *r)
{
    uint32_t up = seq_add(r->seg->seq, r->seg->up);
    if (remembers(r, TFSM_M_PEER_FIN)) {
        return seq_lt(r->tcb->rcv_fin, up) ? r->tcb->rcv_fin : up;
    }
    return fin_is_new(r) && seq_lt(text_end(r), up) ? text_end(r) : up;
}

/* Sixth: the urgent pointer. It counts from SEG.SEQ to the octet after the urgent data (MUST-62). */
static void check_urgent(struct reading *r)
{
    uint32_t up = urgent_end(r);
    uint32_t read = seq_sub(r->v.rcv_nxt, r->tcb->rcv_user);
    if (!has(r, TFSM_URG)) {
        /* One that came with the SYN waited until now. */
        r->v.free |= is_half_open(r) ? PROSE_FREE_URGENT : 0;
        return;
    }
    if (!one_of(r->v.state, STILL_READS)) {
        return; /* ignored after the peer's FIN */
    }
    if (remembers(r, TFSM_M_URGENT_TOLD) || is_half_open(r)) {
        /* Whether this is the same urgent mode depends on what the user has consumed. */
        r->v.free |= PROSE_FREE_URGENT;
        return;
    }
    if (seq_lt(read, up)) {
        r->v.signals |= TFSM_SIG_URGENT;
    }
}

/* A user who closed and reads no more: new text is answered with a reset (3.6.1, SHLD-3). */
static bool nobody_reads(struct reading *r)
{
    struct tfsm_range text = new_text(r);
    unsigned room = r->tcb->room > 0 ? r->tcb->room : TFSM_ROOM_OWN;
    if (!remembers(r, TFSM_M_DEAF) || !one_of(r->v.state, STILL_READS) || is_held(r->tcb, text)) {
        return false;
    }
    if (r->tcb->ooo_count >= room && text.left != r->v.rcv_nxt) {
        r->v.free |= PROSE_FREE_ALL; /* there may be no place to remember it */
    }
    ends_in(r, "RFC9293:3.6.1");
    r->v.reply = PROSE_RST;
    r->v.state = TFSM_CLOSED;
    r->v.free |= PROSE_FREE_SIGNALS | PROSE_FREE_RST;
    return true;
}

void prose_sixth_to_eighth(struct reading *r)
{
    check_urgent(r);
    if (!nobody_reads(r)) {
        process_text(r);
        check_fin(r);
    }
}
