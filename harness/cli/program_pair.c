/* Event programs for two endpoints, made from one captured connection. A capture was taken at one
 * place, and when a segment passed there is not when it arrived at the other end. So a segment
 * arrives when the end it goes to first says something that it can only say after it: FINs and SYNs
 * that crossed on the wire cross in the program too. */
#include <string.h>

#include "program.h"
#include "run.h"
#include "seq.h"

#define FLIGHT_MAX 64u     /* as in the network of a pair */
#define INDEX_MAX  16u     /* a record can name so many of the segments in flight */
#define SILENCE    100000u /* microseconds */
#define LOOK_AHEAD 256     /* segments within which a retransmission is looked for */

struct flying {
    struct tfsm_segment segment;
    unsigned to;
};

struct pair {
    const struct capture *capture;
    struct capture_side side[2];
    size_t step[2];       /* next step of each side */
    uint32_t iss[2];      /* of the endpoints in the run */
    bool has_sent[2];     /* each side was seen to use a number */
    uint32_t sent_to[2];  /* after the last of them */
    bool has_heard[2];    /* a number arrived at each side */
    uint32_t heard_to[2]; /* after the last of them */
    size_t arrival[2];    /* from here on, segments still on their way to each side */
    struct seed_program *program;
    struct flying flight[FLIGHT_MAX]; /* what is in flight after the program so far */
    unsigned in_flight;
    size_t lines; /* of the log looked at before */
    size_t line;  /* of the log now */
    bool healing; /* the program is over; the rest of the log is its epilogue */
    tfsm_time last;
};

/* Segments sent by the part of the program that is new go into the network. */
static void note_sent(void *user, const struct run_line *line)
{
    struct pair *pair = user;
    if (line->kind == RUN_WIRE || line->kind == RUN_HOST) {
        return; /* about a line that follows, or went before */
    }
    pair->healing = pair->healing || line->kind == RUN_NOTE;
    if (pair->healing) {
        return;
    }
    pair->line++;
    if (line->kind != RUN_LOST && line->after->state != TFSM_CLOSED &&
        line->after->state != TFSM_LISTEN) {
        pair->iss[line->end] = line->after->iss;
    }
    if (line->kind == RUN_SENDS && pair->line > pair->lines && pair->in_flight < FLIGHT_MAX) {
        pair->flight[pair->in_flight++] = (struct flying){*line->segment, 1 - line->end};
    }
}

/* Run the program so far to see what it has put in flight. False when it is full or breaks an
 * invariant. */
static bool catch_up(struct pair *pair, bool fits)
{
    pair->line = 0;
    pair->healing = false;
    struct run_result result =
        run_program(RUN_PAIR, pair->program->octets, pair->program->size, note_sent, pair);
    pair->lines = pair->line;
    return fits && result.violation.id == NULL;
}

/* Where a step belongs in the order of the capture: an ABORT told of by a later segment belongs to
 * the arrival that follows it. */
static size_t place_of(const struct capture_side *side, size_t step)
{
    size_t own = side->steps[step].segment;
    size_t following = step + 1 < side->count ? side->steps[step + 1].segment : own;
    return following < own ? following : own;
}

static bool append_calls(struct pair *pair, unsigned end, size_t segment)
{
    const struct capture_side *side = &pair->side[end];
    bool fits = true;
    while (fits && pair->step[end] < side->count && place_of(side, pair->step[end]) <= segment) {
        size_t at = pair->step[end];
        if (side->steps[at].ev.kind == TFSM_EV_SEGMENT) {
            pair->step[end]++;
            continue;
        }
        pair->step[end] +=
            program_calls(pair->program, end, &side->steps[at], side->count - at, &fits);
        fits = catch_up(pair, fits);
    }
    return fits;
}

/* How well a segment in flight stands for a captured one; 0 is not at all. */
static unsigned likeness(const struct pair *pair, const struct flying *flying,
                         const struct capture_segment *captured)
{
    const struct tfsm_segment *ours = &flying->segment;
    const struct tfsm_segment *theirs = &captured->packet.segment;
    unsigned from = captured->sender;
    uint32_t our_seq = seq_distance(pair->iss[from], ours->seq);
    uint32_t their_seq = seq_distance(pair->side[from].iss, theirs->seq);
    uint32_t our_ack = seq_distance(pair->iss[1 - from], ours->ack);
    uint32_t their_ack = seq_distance(pair->side[1 - from].iss, theirs->ack);
    bool same_controls = ((ours->flags ^ theirs->flags) & (TFSM_SYN | TFSM_FIN | TFSM_RST)) == 0;
    if (flying->to == from) {
        return 0;
    }
    if (same_controls && our_seq == their_seq && ours->len == theirs->len) {
        return our_ack == their_ack ? 4 : 3;
    }
    if (ours->len > 0 && theirs->len > 0 &&
        (seq_in(our_seq, their_seq, theirs->len) || seq_in(their_seq, our_seq, ours->len))) {
        return 2;
    }
    return same_controls && ours->len == 0 && theirs->len == 0 ? 1 : 0;
}

/* The segment in flight that stands for a captured one, as an index into those going the same way,
 * and its place in the array. False when there is none. */
static bool find_flying(const struct pair *pair, const struct capture_segment *captured,
                        unsigned *index, unsigned *place)
{
    unsigned best = 0;
    unsigned seen = 0;
    for (unsigned i = 0; i < pair->in_flight; i++) {
        unsigned like = likeness(pair, &pair->flight[i], captured);
        if (like > best && seen < INDEX_MAX) {
            best = like;
            *index = seen;
            *place = i;
        }
        seen += pair->flight[i].to != captured->sender;
    }
    return best > 0;
}

/* What the network did to a captured segment, as the record that does it again. The same packet
 * seen twice was copied; the same text sent again before anything acknowledged it was lost. */
static enum record_kind fate_of(const struct capture *capture, size_t index)
{
    const struct capture_segment *first = &capture->segments[index];
    const struct tfsm_segment *segment = &first->packet.segment;
    uint32_t end = seq_add(segment->seq, segment->len);
    bool acknowledged = false;
    size_t at = first->next;
    for (unsigned i = 0; i < LOOK_AHEAD && at != CAPTURE_NONE && segment->len > 0; i++) {
        const struct capture_segment *later = &capture->segments[at];
        const struct tfsm_segment *again = &later->packet.segment;
        if (later->sender != first->sender) {
            acknowledged =
                acknowledged || ((again->flags & TFSM_ACK) != 0 && seq_le(end, again->ack));
        } else if (later->size == first->size &&
                   memcmp(capture->octets + later->at, capture->octets + first->at, first->size) ==
                       0) {
            return RECORD_COPY;
        } else if (!acknowledged && again->seq == segment->seq && again->len >= segment->len &&
                   ((again->flags ^ segment->flags) & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == 0) {
            return RECORD_DROP;
        }
        at = later->next;
    }
    return RECORD_DELIVER;
}

/* A captured segment meets its fate: what stands for it in flight arrives, is lost or is copied.
 * These endpoints may have cut the same text into smaller pieces; then all of them do. */
static bool append_fate(struct pair *pair, size_t segment, enum record_kind fate)
{
    const struct capture_segment *captured = &pair->capture->segments[segment];
    const struct tfsm_segment *theirs = &captured->packet.segment;
    unsigned from = captured->sender;
    uint32_t their_end = seq_distance(pair->side[from].iss, seq_add(theirs->seq, theirs->len));
    unsigned index = 0;
    unsigned place = 0;
    bool fits = true;
    bool more = true;
    while (fits && more && find_flying(pair, captured, &index, &place)) {
        const struct tfsm_segment *ours = &pair->flight[place].segment;
        uint32_t our_end = seq_distance(pair->iss[from], seq_add(ours->seq, ours->len));
        struct record record = {
            .kind = (uint8_t)fate, .end = (uint8_t)(1 - from), .index = (uint8_t)index};
        more = fate != RECORD_COPY && theirs->len > 0 && seq_lt(our_end, their_end);
        if (fate != RECORD_COPY) {
            pair->in_flight--;
            memmove(&pair->flight[place], &pair->flight[place + 1],
                    (pair->in_flight - place) * sizeof pair->flight[0]);
        }
        fits = catch_up(pair, program_append(pair->program, &record));
    }
    return fits;
}

/* The next segment on its way to an end and sent before another, or CAPTURE_NONE. */
static size_t next_arrival(struct pair *pair, unsigned end, size_t before)
{
    size_t *at = &pair->arrival[end];
    while (*at < before && pair->capture->segments[*at].sender == end) {
        *at = pair->capture->segments[*at].next;
    }
    return *at < before ? *at : CAPTURE_NONE;
}

/* A captured segment arrives, unless it was lost; the user calls that came before it first. */
static bool append_arrival(struct pair *pair, unsigned end, size_t segment)
{
    const struct capture_segment *captured = &pair->capture->segments[segment];
    const struct tfsm_segment *theirs = &captured->packet.segment;
    enum record_kind fate = fate_of(pair->capture, segment);
    pair->arrival[end] = captured->next;
    if (fate == RECORD_DROP) {
        return true;
    }
    if (theirs->len > 0) {
        uint32_t to = seq_add(theirs->seq, theirs->len);
        pair->heard_to[end] = pair->has_heard[end] ? seq_max(pair->heard_to[end], to) : to;
        pair->has_heard[end] = true;
    }
    return append_calls(pair, end, segment) && append_fate(pair, segment, fate);
}

/* What must have arrived at an end before it says what it says in a captured segment: what it
 * acknowledges; one segment at least, if it bears nothing and so must be an answer; everything, if
 * it is a RST. Empty segments on the way may always arrive: what they say is said again by the
 * next. */
static bool append_arrivals(struct pair *pair, unsigned end, size_t segment)
{
    const struct tfsm_segment *says = &pair->capture->segments[segment].packet.segment;
    bool rst = (says->flags & TFSM_RST) != 0;
    bool answers = says->len == 0;
    bool fits = true;
    for (size_t next = next_arrival(pair, end, segment); next != CAPTURE_NONE && fits;
         next = next_arrival(pair, end, segment)) {
        const struct tfsm_segment *theirs = &pair->capture->segments[next].packet.segment;
        bool acknowledges = (says->flags & TFSM_ACK) != 0 &&
                            (!pair->has_heard[end] || seq_lt(pair->heard_to[end], says->ack));
        bool empty = theirs->len == 0 && (theirs->flags & TFSM_RST) == 0;
        if (!acknowledges && !empty && !answers && !rst) {
            break;
        }
        answers = answers && empty;
        fits = append_arrival(pair, end, next);
    }
    return fits;
}

/* Everything sent before a segment arrives, in the order in which the capture saw it. */
static bool append_all_arrivals(struct pair *pair, size_t before)
{
    bool fits = true;
    while (fits) {
        size_t left = next_arrival(pair, 0, before);
        size_t right = next_arrival(pair, 1, before);
        if (left == CAPTURE_NONE && right == CAPTURE_NONE) {
            break;
        }
        fits = left < right ? append_arrival(pair, 0, left) : append_arrival(pair, 1, right);
    }
    return fits;
}

/* A captured segment is sent, and may be lost at once. Where it was sent before and these endpoints
 * have not done so again, the timer of the captured end went off before theirs. */
static bool append_sending(struct pair *pair, size_t segment)
{
    static const struct record wait = {.kind = RECORD_TIME, .to_deadline = true};
    const struct capture_segment *captured = &pair->capture->segments[segment];
    const struct tfsm_segment *theirs = &captured->packet.segment;
    unsigned from = captured->sender;
    unsigned unused;
    bool again = pair->has_sent[from] && seq_lt(theirs->seq, pair->sent_to[from]);
    bool fits = true;
    if (theirs->len > 0) {
        uint32_t end = seq_add(theirs->seq, theirs->len);
        pair->sent_to[from] = pair->has_sent[from] ? seq_max(pair->sent_to[from], end) : end;
        pair->has_sent[from] = true;
        if (again && !find_flying(pair, captured, &unused, &unused)) {
            fits = append_all_arrivals(pair, segment) &&
                   catch_up(pair, program_append(pair->program, &wait));
        }
    }
    if (fits && fate_of(pair->capture, segment) == RECORD_DROP) {
        fits = append_fate(pair, segment, RECORD_DROP);
    }
    return fits;
}

/* Time passes. After a silence everything has arrived. */
static bool append_pause(struct pair *pair, size_t segment)
{
    tfsm_time now = pair->capture->segments[segment].time;
    if (now - pair->last < PROGRAM_PAUSE) {
        return true;
    }
    return (now - pair->last < SILENCE || append_all_arrivals(pair, segment)) &&
           catch_up(pair, program_pause(pair->program, &pair->last, now));
}

static void write_pair(struct pair *pair, const struct capture_connection *connection)
{
    struct program_config config;
    bool fits = true;
    program_header(pair->program, &pair->side[0], &pair->side[1], pair->side[1].iss, &config);
    pair->last = pair->capture->segments[connection->first].time;
    pair->arrival[0] = connection->first;
    pair->arrival[1] = connection->first;
    for (size_t i = connection->first; i != CAPTURE_NONE && fits;
         i = pair->capture->segments[i].next) {
        unsigned from = pair->capture->segments[i].sender;
        fits = append_pause(pair, i) && append_arrivals(pair, from, i) &&
               append_calls(pair, from, i) && append_sending(pair, i);
    }
    fits = fits && append_all_arrivals(pair, CAPTURE_NONE);
    pair->program->cut = !fits;
}

enum seed_result seed_pair(const struct capture *capture, size_t connection,
                           struct seed_program *program)
{
    struct pair pair = {.capture = capture, .program = program};
    enum seed_result result = program_result(capture_side(capture, connection, 0, &pair.side[0]));
    if (result == SEED_MADE) {
        result = program_result(capture_side(capture, connection, 1, &pair.side[1]));
    }
    if (result == SEED_MADE) {
        write_pair(&pair, &capture->connections[connection]);
    }
    capture_side_free(&pair.side[0]);
    capture_side_free(&pair.side[1]);
    return result;
}
