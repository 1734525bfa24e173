/* RSTs: the numbers that they bear, which of the peer's end a connection, and which do not. */
#include "internal.h"

#define AT_ONCE     (10 * MILLISECOND)
#define IN_FLIGHT   SECOND /* nothing of the subject's is on its way for so long */
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

static void doubt_rst(struct witness *w, enum witness_clause clause, const struct heard *heard,
                      int64_t said, int64_t right)
{
    w->bad_rst = (struct bad_rst){.seen = sight_of(heard),
                                  .asked = w->in.last,
                                  .sound = heard->sound,
                                  .clause = clause,
                                  .said = said,
                                  .right = right};
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
    bool acked = (asked->flags & TFSM_ACK) != 0;
    uint32_t number = acked ? asked->ack : 0;
    uint32_t zero = (uint32_t)w->in.zero;
    if ((asked->flags & TFSM_RST) != 0) {
        if (answers(rst, asked)) {
            witness_raise(w, WITNESS_RST_FOR_RST, heard, w->in.last, nothing, 0, 0, 0);
        }
    } else if (!acked && rst->seq != 0 && has(heard, TFSM_ACK) &&
               rst->ack == seq_add(asked->seq, asked->len)) {
        /* it answers just this */
        witness_raise(w, WITNESS_RST_NUMBER, heard, w->in.last, nothing, rst->seq, 0, 0);
    } else if (rst->seq != number) {
        doubt_rst(w, WITNESS_RST_NUMBER, heard, rst->seq, number);
    } else if (!acked) {
        doubt_rst(w, WITNESS_RST_ACK, heard,
                  has(heard, TFSM_ACK) ? seq_distance(zero, rst->ack) : 0,
                  seq_distance(zero, seq_add(asked->seq, asked->len)));
    }
}

/* Who was answered so goes on as if he had not been. */
static void settle_rst(struct witness *w, const struct heard *heard)
{
    struct bad_rst *bad = &w->bad_rst;
    if (bad->seen.number != 0 && !has(heard, TFSM_RST) && !heard->fresh) {
        struct witness_packet packet = {.number = bad->seen.number, .at = bad->seen.at};
        struct heard guilty = {.packet = &packet, .sound = bad->sound};
        witness_raise(w, bad->clause, &guilty, bad->asked, sight_of(heard), bad->said, bad->right,
                      0);
    }
    bad->seen = nothing;
}

/* A connection is ended by a RST at SND.NXT, or it is gone and the RST answers something. Others send RSTs in its name: they come
 * another way. */
static void judge_rst_of_somebody(struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    bool its_own = heard->packet->ttl != 0 && heard->packet->ttl == w->ttl;
    bool known = w->near && its_own && out->syn && w->asked_count > 0;
    bool odd = heard->seq + 1 < out->zero || heard->seq > out->end + WELL_BEYOND;
    bool stray = known && odd && !answers_any(w, heard->segment);
    if (w->stray.number != 0 && its_own) { /* it did not go on: the first was its own, too */
        witness_raise(w, WITNESS_RST_ASTRAY, heard, w->stray, nothing, w->stray_number,
                      counted(out, out->end), 0);
        w->stray = nothing;
    } else if (stray) {
        w->stray = sight_of(heard);
        w->stray_number = counted(out, heard->seq);
    }
}

/* The peer speaks again, and the subject has said nothing more: it was its own. */
static void settle_stray(struct witness *w, const struct heard *heard)
{
    if (w->stray.number != 0 && heard->packet->at - w->stray.at > IN_FLIGHT) {
        struct witness_packet packet = {.number = w->stray.number, .at = w->stray.at};
        struct heard guilty = {.packet = &packet, .sound = true};
        witness_raise(w, WITNESS_RST_ASTRAY, &guilty, w->out.end_seen, sight_of(heard),
                      w->stray_number, counted(&w->out, w->out.end), 0);
        w->stray = nothing;
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
        heard->packet->at - w->killed.at < IN_FLIGHT) {
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
        w->stray = nothing;
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
    settle_rst(w, heard);
    settle_stray(w, heard);
    if (has(heard, TFSM_RST)) {
        note_rst(w, heard);
    }
    w->asked[w->asked_count % ASKED] = *heard->segment;
    w->asked_count++;
}
