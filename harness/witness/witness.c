/* The witness: takes packets one by one, unwraps their numbers, lets the other files judge, and keeps what was said. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE    ((uint64_t)1 << 32) /* so that no number is below 0 */
#define STRANGE ((uint64_t)1 << 30) /* so far from the others a number is not of this connection */
#define QUICK   ((tfsm_time)2000)   /* microseconds in which nobody far answers */
#define ON_LINK                                                                                    \
    ((tfsm_time)50000) /* nor anybody whose packets no router has passed on, unless by a tunnel */
#define ASTRAY 3u /* segments with numbers of nothing: two may be left of an older connection */
#define HINTS                                                                                      \
    3u /* segments that may be damaged, and say the same, are as good as one that is sound */

static const struct clause {
    const char *name;
    enum witness_level level;
    const char *demand;
    const char *words;
} clauses[WITNESS_CLAUSES] = {
#define W(name, level, demand, words) {#name, WITNESS_##level, demand, words},
#include "clauses.inc"
#undef W
};

const char *witness_name(enum witness_clause clause)
{
    return clauses[clause].name;
}

enum witness_level witness_level(enum witness_clause clause)
{
    return clauses[clause].level;
}

const char *witness_demand(enum witness_clause clause)
{
    return clauses[clause].demand;
}

const char *witness_level_name(enum witness_level level)
{
    static const char *const names[] = {"MUST", "SHOULD", "practice"};
    return names[level];
}

/* Words with numbers in them, or # where there are none. */
static void fill_in(const char *words, const int64_t *number, char *out, size_t room)
{
    size_t n = 0;
    while (*words != '\0' && n + 1 < room) {
        if (words[0] == '{' && words[1] >= '0' && words[1] < '0' + WITNESS_NUMBERS &&
            words[2] == '}') {
            int more = number == NULL
                           ? snprintf(out + n, room - n, "#")
                           : snprintf(out + n, room - n, "%lld", (long long)number[words[1] - '0']);
            n = more < 0 || (size_t)more >= room - n ? room - 1 : n + (size_t)more;
            words += 3;
        } else {
            out[n++] = *words++;
        }
    }
    if (room > 0) {
        out[n < room ? n : room - 1] = '\0';
    }
}

void witness_words(const struct witness_charge *charge, char *out, size_t room)
{
    fill_in(clauses[charge->clause].words, charge->number, out, room);
}

void witness_template(enum witness_clause clause, char *out, size_t room)
{
    fill_in(clauses[clause].words, NULL, out, room);
}

/* ---- charges ---- */

void witness_raise(struct witness *w, enum witness_clause clause, const struct heard *guilty,
                   struct sight first, struct sight second, int64_t a, int64_t b, int64_t c)
{
    if (!guilty->sound && clauses[clause].level == WITNESS_MUST && w->hinted[clause] + 1u < HINTS) {
        w->hinted[clause]++;
        return;
    }
    w->broke[clause]++;
    struct witness_charge charge = {
        .clause = clause, .at = guilty->packet->at, .number = {a, b, c}};
    if (first.number != 0 && first.number != guilty->packet->number) {
        charge.proof[charge.proofs++] = first.number;
    }
    if (second.number != 0 && second.number != first.number &&
        second.number != guilty->packet->number) {
        charge.proof[charge.proofs++] = second.number;
    }
    charge.proof[charge.proofs++] = guilty->packet->number;
    w->court->charge(w->user, &charge);
}

/* ---- numbers ---- */

static uint64_t unwrap(const struct way *way, uint32_t number)
{
    return way->end + (uint64_t)(int64_t)(int32_t)seq_sub(number, (uint32_t)way->end);
}

static void begin(struct way *way, uint32_t number)
{
    if (!way->begun) {
        way->begun = true;
        way->end = BASE + number;
        way->zero = way->end;
    }
}

/* Whether a number is of the connection that was seen so far. */
static bool is_strange(const struct way *way, uint64_t number)
{
    return way->begun && (number > way->end + STRANGE || number + STRANGE < way->end);
}

static bool hear(struct way *way, struct way *other, const struct witness_packet *packet,
                 struct heard *heard)
{
    const struct tfsm_segment *segment = packet->segment;
    bool syn = (segment->flags & TFSM_SYN) != 0;
    bool fin = (segment->flags & TFSM_FIN) != 0;
    begin(way, segment->seq);
    *heard = (struct heard){.packet = packet, .segment = segment, .seq = unwrap(way, segment->seq)};
    heard->end = heard->seq + segment->len;
    heard->text_from = heard->seq + syn;
    heard->text_end = heard->end - fin;
    heard->fresh = heard->end > heard->seq && spans_miss(&way->seen, heard->end - 1, heard->end);
    if ((segment->flags & TFSM_ACK) != 0) {
        begin(other, segment->ack);
        heard->ack = unwrap(other, segment->ack);
    }
    return !is_strange(way, heard->seq) && (heard->ack == 0 || !is_strange(other, heard->ack));
}

/* ---- what was said ---- */

static void note_syn(struct way *way, const struct heard *heard, struct sight sight)
{
    const struct tfsm_segment *segment = heard->segment;
    bool whole = (heard->packet->known & WITNESS_WHOLE) != 0;
    way->offered = way->syn ? way->offered & segment->options : segment->options;
    way->tried |= segment->options;
    way->syn_whole = whole && (way->syn_whole || !way->syn);
    const unsigned ecn = TFSM_ECE | TFSM_CWR;
    bool plain =
        (segment->flags & ecn) == ((segment->flags & TFSM_ACK) != 0 ? (unsigned)TFSM_ECE : ecn) &&
        heard->packet->reserved == 0;
    way->ecn_plain = plain && (way->ecn_plain || !way->syn);
    way->ecn_tried = way->ecn_tried || (segment->flags & TFSM_ECE) != 0;
    way->ecn_spoken =
        way->ecn_spoken || (segment->flags & ecn) != 0 || heard->packet->reserved != 0;
    if ((segment->options & TFSM_OPT_WSCALE) != 0) {
        way->wscale = segment->wscale;
    }
    if ((segment->options & TFSM_OPT_MSS) != 0 && segment->mss > way->mss) {
        way->mss = segment->mss;
    }
    if (!way->syn) {
        way->zero = heard->seq;
        way->ts_first = segment->ts_val;
        way->syn_seen = sight;
    }
    way->syn_end = heard->text_end > way->syn_end ? heard->text_end : way->syn_end;
    way->syn = true;
}

/* It is a SYN as they begin connections, the first, or sent again; not a flag that strayed onto something else. */
static bool opens(const struct way *way, const struct heard *heard)
{
    return !way->syn || (!way->plain && (heard->seq == way->zero || text_of(heard) == 0));
}

static void note_window(const struct witness *w, struct way *way, const struct heard *heard,
                        struct sight sight)
{
    uint64_t wnd = window_of(w, way, heard);
    way->wnd = wnd;
    if (!way->edge_known || heard->ack + wnd > way->edge) {
        way->edge = heard->ack + wnd;
        way->edge_ack = heard->ack;
        way->edge_ts = heard->segment->ts_val;
        way->edge_stamped = bears(heard, TFSM_OPT_TIMESTAMPS);
        way->edge_seen = sight;
        way->edge_known = true;
    }
}

static void note_stamp(struct way *way, const struct heard *heard, struct sight sight)
{
    uint32_t ts_val = heard->segment->ts_val;
    way->unsteady = way->unsteady || (way->stamped && heard->fresh && heard->end > way->end &&
                                      seq_lt(ts_val, way->ts_val));
    if (!way->stamped || seq_lt(way->ts_val, ts_val)) {
        way->ts_val = ts_val;
        way->ts_seen = sight;
        way->ts_ack = heard->ack;
    }
    way->stamped = true;
}

/* Something is acknowledged that was not seen: this capture misses packets. */
static void note_gaps(struct witness *w, const struct way *other, const struct heard *heard,
                      uint64_t before)
{
    bool unseen = other->spoken && other->begun && heard->ack > other->end;
    w->missed = w->missed || (other == &w->out && unseen);
    bool hole = before != 0 && heard->ack > before && heard->ack <= other->end &&
                !spans_hold(&other->seen, before, heard->ack);
    w->gaps = w->gaps || unseen || hole;
}

static void note(struct witness *w, struct way *way, const struct way *other,
                 const struct heard *heard)
{
    struct sight sight = sight_of(heard);
    way->last = sight;
    if (has(heard, TFSM_RST)) {
        way->reset = true;
        return; /* its numbers may be those of the segment it answers */
    }
    way->spoken = true;
    way->plain = way->plain || (!has(heard, TFSM_SYN) && has(heard, TFSM_ACK));
    if (has(heard, TFSM_SYN) && opens(way, heard)) {
        note_syn(way, heard, sight);
    }
    way->fin_moves =
        way->fin_moves || (has(heard, TFSM_FIN) && way->fin && heard->end != way->fin_at + 1);
    if (has(heard, TFSM_FIN) && !way->fin) {
        way->fin = true;
        way->fin_sound = heard->sound;
        way->fin_at = heard->end - 1;
        way->fin_seen = sight;
    }
    if (bears(heard, TFSM_OPT_TIMESTAMPS)) {
        note_stamp(way, heard, sight);
    }
    if (heard->end > way->end) {
        way->end = heard->end;
        way->end_seen = sight;
    }
    if (heard->end > heard->seq && heard->end > way->sent) {
        way->sent = heard->end;
    }
    spans_add(&way->seen, heard->seq, heard->end);
    note_gaps(w, other, heard, way->ack);
    /* what acknowledges more than was seen is in doubt, and says nothing yet */
    if (heard->ack != 0 && (heard->ack <= other->end || !other->spoken)) {
        if (heard->ack > way->ack) {
            way->ack = heard->ack;
            way->ack_sound = heard->sound;
            way->ack_seen = sight;
            way->ack_seq = heard->end == heard->seq ? heard->seq : 0;
            way->ack_ts = heard->segment->ts_val;
            way->ack_stamped = bears(heard, TFSM_OPT_TIMESTAMPS);
        }
        note_window(w, way, heard, sight);
    }
}

/* ---- what follows for duties ---- */

static void note_closing(struct witness *w, const struct heard *heard)
{
    bool done = w->out.fin && w->in.fin && w->in.ack > w->out.fin_at && w->out.ack > w->in.fin_at;
    w->closed_first = w->closed_first || (w->out.fin && !w->in.fin);
    w->close_seen = done && w->close_seen.number == 0 ? sight_of(heard) : w->close_seen;
}

static void note_closed_window(struct witness *w, const struct heard *heard)
{
    bool closed = w->in.edge_known && w->in.wnd == 0 && w->in.ack == w->out.end;
    if (closed && w->closed_from.number == 0) {
        w->closed_from = sight_of(heard);
        w->closed_full = w->out.end >= w->in.edge;
    } else if (w->in.ack != w->out.end) {
        w->closed_from = nothing;
    }
}

/* ---- calls ---- */

struct witness *witness_new(struct witness_court *court, void *user)
{
    struct witness *w = malloc(sizeof *w);
    if (w != NULL) {
        *w = (struct witness){.court = court, .user = user, .near = court->vantage == WITNESS_NEAR};
    }
    return w;
}

void witness_restart(struct witness *w)
{
    struct witness_court *court = w->court;
    witness_free_text(w);
    *w = (struct witness){.court = court, .user = w->user, .near = court->vantage == WITNESS_NEAR};
}

bool witness_is_near(const struct witness *witness)
{
    return witness->near;
}

void witness_free(struct witness *witness)
{
    if (witness != NULL) {
        witness_free_text(witness);
        free(witness);
    }
}

/* In what time nobody far answers. Packets come first-hand with a time to live as stacks begin with; what others begin with, 60
 * or 32, may be left of more. */
static tfsm_time quick(const struct witness_packet *packet)
{
    bool first_hand = packet->ttl == 64 || packet->ttl == 128 || packet->ttl == 255;
    return first_hand ? ON_LINK : QUICK;
}

/* Whether the capture may show that the subject is near: not where packets were lost on the way to it. */
static bool may_be_told(const struct witness *w)
{
    return w->court->vantage == WITNESS_TOLD && !w->court->untimed && !w->lossy;
}

/* In no time at all nobody answers: clocks of recordings tick slowly, or stand still. */
static bool is_quick(const struct witness_packet *packet, tfsm_time since)
{
    return packet->at > since && packet->at - since <= quick(packet);
}

/* An acknowledgment of what has just gone by: the subject cannot be far. */
static void note_nearness(struct witness *w, const struct heard *heard)
{
    bool answers = heard->ack > w->out.ack && heard->ack == w->in.end && w->in.spoken;
    if (may_be_told(w) && answers && is_quick(heard->packet, w->in.end_seen.at)) {
        w->near = true;
    }
}

/* Nor if the first that it says, whatever that is, comes right after a SYN. */
static void note_first_answer(struct witness *w, const struct witness_packet *packet)
{
    if (may_be_told(w) && w->in.syn && !w->answered && !w->before_sent &&
        is_quick(packet, w->before.at)) {
        w->near = true;
    }
    w->answered = true;
}

/* Both SYNs were seen and acknowledged, and now the subject sends numbers that are not even close. */
static void judge_astray(struct witness *w, const struct heard *heard)
{
    bool known = w->out.syn && w->in.syn && w->in.ack > w->out.zero;
    if (known && heard->sound && !has(heard, TFSM_SYN) && ++w->astray >= ASTRAY) {
        witness_raise(w, WITNESS_NUMBER_ASTRAY, heard, w->out.syn_seen, nothing,
                      heard->segment->seq, heard->segment->ack, 0);
    }
}

static void from_subject(struct witness *w, const struct heard *heard)
{
    note_nearness(w, heard);
    if (w->out.syn && heard->seq < w->out.zero && !has(heard, TFSM_RST)) {
        judge_astray(w, heard);
    }
    witness_judge_segment(w, heard);
    witness_judge_numbers(w, heard);
    witness_judge_stamps(w, heard);
    witness_judge_resets(w, heard);
    if (!has(heard, TFSM_RST) && heard->sound) {
        witness_judge_text(w, heard);
    }
    witness_judge_habits(w, heard);
    witness_judge_duties(w, heard);
    note(w, &w->out, &w->in, heard);
}

static void to_subject(struct witness *w, const struct heard *heard)
{
    if (w->court->vantage == WITNESS_TOLD && (w->lossy || w->court->untimed)) {
        w->near = false;
    }
    /* it echoes what was never seen */
    w->gaps = w->gaps ||
              (bears(heard, TFSM_OPT_TIMESTAMPS) && has(heard, TFSM_ACK) && w->out.stamped &&
               agreed(w, TFSM_OPT_TIMESTAMPS) && seq_lt(w->out.ts_val, heard->segment->ts_ecr));
    witness_settle_doubts(w, heard);
    witness_note_stamps(w, heard);
    witness_note_habits(w, heard);
    witness_note_duties(w, heard);
    witness_note_resets(w, heard);
    note(w, &w->in, &w->out, heard);
    note_closed_window(w, heard);
}

void witness_packet(struct witness *w, bool sent, const struct witness_packet *packet)
{
    struct way *way = sent ? &w->out : &w->in;
    struct heard heard;
    if (sent) {
        note_first_answer(w, packet);
    }
    if ((packet->known & WITNESS_WRONG) != 0) {
        if (sent) {
            witness_judge_checksum(w, packet);
        }
        return; /* it may be damaged: it says nothing */
    }
    w->court->checked = w->court->checked || (packet->known & WITNESS_CHECKED) != 0;
    bool rst = (packet->segment->flags & TFSM_RST) != 0;
    bool ours = hear(way, sent ? &w->in : &w->out, packet, &heard);
    /* what comes another way than the rest may be somebody else's */
    bool elsewhere = sent && w->ttl != 0 && packet->ttl != 0 && packet->ttl != w->ttl;
    bool first_hand = sent && w->court->vantage == WITNESS_NEAR;
    heard.sound = ((packet->known & WITNESS_SOUND) != 0 || first_hand) && !elsewhere;
    if (!ours && !rst) {
        if (sent) {
            judge_astray(w, &heard);
        }
        return;
    }
    if (sent) {
        w->wrong_in_a_row = 0;
        w->wrong_unheard = 0;
    } else {
        witness_note_taken(w, &heard);
    }
    if (sent) {
        from_subject(w, &heard);
    } else {
        to_subject(w, &heard);
    }
    note_closing(w, &heard);
    w->before = sight_of(&heard);
    w->before_sent = sent;
}
