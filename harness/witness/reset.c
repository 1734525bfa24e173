/* RSTs: the numbers that they bear, which of the peer's end a connection, and which do not. */
#include "internal.h"

#define AT_ONCE     (10 * MILLISECOND)
#define ON_ITS_WAY  SECOND /* nothing of the subject's is on its way for so long */
#define KIND_MD5    19u
#define KIND_AO     29u
#define WELL_BEYOND ((uint64_t)1 << 20) /* more than a recording loses without anybody noticing */

/* The numbers that a RST has where nobody is. */
static bool answers(const struct tfsm_segment *rst, const struct tfsm_segment *asked)
{
    if ((asked->flags & TFSM_ACK) != 0) {
        return rst->seq == asked->ack;
    }
    return rst->seq == 0 && (rst->flags & TFSM_ACK) != 0 &&
           rst->ack == seq_add(asked->seq, asked->len);
}

static const struct tfsm_segment *last_asked(const struct witness *w)
{
    return &w->asked[(w->asked_count - 1) % ASKED];
}

/* Whether it answers one of the last few segments of the peer. */
static bool answers_any(const struct witness *w, const struct tfsm_segment *rst)
{
    for (unsigned i = 0; i < w->asked_count && i < ASKED; i++) {
        if ((w->asked[i].flags & TFSM_RST) == 0 && answers(rst, &w->asked[i])) {
            return true;
        }
    }
    return false;
}

/* The subject has said nothing but RST: there is no connection. */
static void judge_rst_of_nobody(struct witness *w, const struct heard *heard)
{
    const struct tfsm_segment *rst = heard->segment;
    bool known =
        w->near && !w->out.spoken && w->in.syn && w->asked_count > 0 && w->asked_count <= ASKED;
    if (!known || answers_any(w, rst)) {
        return;
    }
    const struct tfsm_segment *asked = last_asked(w);
    if ((asked->flags & TFSM_RST) != 0) {
        if (answers(rst, asked)) {
            witness_raise(w, WITNESS_RST_FOR_RST, heard, w->in.last, nothing, 0, 0, 0);
        }
        return;
    }
    bool acked = (asked->flags & TFSM_ACK) != 0;
    uint32_t number = acked ? asked->ack : 0;
    if (rst->seq != number) {
        witness_raise(w, WITNESS_RST_NUMBER, heard, w->in.last, nothing, rst->seq, number, 0);
    } else if (!acked) {
        uint32_t zero = (uint32_t)w->in.zero;
        witness_raise(w, WITNESS_RST_ACK, heard, w->in.last, nothing,
                      has(heard, TFSM_ACK) ? seq_distance(zero, rst->ack) : 0,
                      seq_distance(zero, seq_add(asked->seq, asked->len)), 0);
    }
}

/* A connection is ended by a RST at SND.NXT, or it is gone and the RST answers something. Others send RSTs in its name: they come
 * another way. */
static void judge_rst_of_somebody(struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    bool its_own = heard->packet->ttl != 0 && heard->packet->ttl == w->ttl;
    bool known = w->near && its_own && out->syn && w->asked_count > 0;
    uint64_t past = out->end + WELL_BEYOND;
    if (known && !answers_any(w, heard->segment) &&
        (heard->seq + 1 < out->zero || heard->seq > past)) {
        witness_raise(w, WITNESS_RST_ASTRAY, heard, out->end_seen, nothing,
                      counted(out, heard->seq), counted(out, out->end), 0);
    }
}

/* A RST outside the window came and the next segment finds nobody. */
static void judge_believed(struct witness *w, const struct heard *heard)
{
    struct blind_rst *blind = &w->blind;
    if (blind->seen.number == 0 || w->before_sent || w->out.reset || w->out.fin ||
        w->asked_count == 0 || heard->packet->at - w->before.at > AT_ONCE ||
        w->before.number == blind->seen.number || !answers(heard->segment, last_asked(w))) {
        return;
    }
    witness_raise(w, blind->outside ? WITNESS_RST_BELIEVED : WITNESS_RST_TAKEN, heard, blind->seen,
                  w->before, blind->number, counted(&w->in, w->out.ack), 0);
}

/* A RST at RCV.NXT came, and the subject goes on. */
static void judge_ignored(struct witness *w, const struct heard *heard)
{
    if (w->killed.number == 0 || has(heard, TFSM_SYN) ||
        heard->packet->at - w->killed.at < ON_ITS_WAY) {
        return;
    }
    if (++w->undead > 1) {
        witness_raise(w, WITNESS_RST_IGNORED, heard, w->killed, nothing, 0, 0, 0);
    }
}

void witness_judge_resets(struct witness *w, const struct heard *heard)
{
    if (has(heard, TFSM_RST)) {
        judge_rst_of_nobody(w, heard);
        judge_rst_of_somebody(w, heard);
        judge_believed(w, heard);
        w->blind.seen = nothing;
    } else {
        judge_ignored(w, heard);
        w->ttl = w->ttl != 0 ? w->ttl : heard->packet->ttl;
        /* it goes on: nobody believed that */
        w->blind.seen = heard->packet->at - w->blind.seen.at > AT_ONCE ? nothing : w->blind.seen;
    }
}

/* ---- the peer speaks ---- */

/* Segments with a signature are judged by that (RFC 2385, RFC 5925). */
static bool is_signed(const struct heard *heard)
{
    const uint8_t *octets = heard->packet->options;
    for (unsigned at = 0; at < heard->packet->option_octets && octets[at] != 0;) {
        if (octets[at] == KIND_MD5 || octets[at] == KIND_AO) {
            return true;
        }
        unsigned length = at + 1 < heard->packet->option_octets ? octets[at + 1] : 0;
        at += octets[at] == 1 ? 1 : length < 2 ? 40 : length;
    }
    return false;
}

static void note_rst(struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    bool established = w->near && heard->sound && out->plain && out->edge_known && out->ack != 0 &&
                       !w->in.reset && !out->reset && w->close_seen.number == 0 && !w->is_signed &&
                       agreed_is_known(w);
    if (!established) {
        return;
    }
    if (heard->seq == out->ack && w->in.end == out->ack) {
        w->killed = sight_of(heard);
    } else if (heard->seq != out->ack && w->blind.seen.number == 0) {
        bool outside = heard->seq + 1 < out->ack || heard->seq > out->edge;
        w->blind = (struct blind_rst){
            .seen = sight_of(heard), .outside = outside, .number = counted(&w->in, heard->seq)};
    }
}

void witness_note_resets(struct witness *w, const struct heard *heard)
{
    w->is_signed = w->is_signed || is_signed(heard);
    if (has(heard, TFSM_RST)) {
        note_rst(w, heard);
    }
    w->asked[w->asked_count % ASKED] = *heard->segment;
    w->asked_count++;
}
