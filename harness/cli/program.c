/* Event programs made from captured connections: how they are written, and those for one endpoint.
 * What an endpoint does next is never guessed: the program so far is run, and what is written next
 * is relative to what that run came to. */
#include <string.h>

#include "program.h"
#include "run.h"
#include "seed.h"
#include "seq.h"
#include "whole.h"

/* ---- writing ---- */

bool program_append(struct seed_program *program, const struct record *record)
{
    if (program->records == PROGRAM_EVENTS) {
        return false;
    }
    size_t size =
        record_write(record, program->octets + program->size, PROGRAM_MAX - program->size);
    program->size += size;
    program->records += size > 0;
    return size > 0;
}

bool program_pause(struct seed_program *program, tfsm_time *last, tfsm_time now)
{
    bool fits = true;
    while (fits && now - *last >= PROGRAM_PAUSE) {
        struct record record = {.kind = RECORD_TIME, .delay = record_delay(now - *last)};
        *last += record.delay;
        fits = program_append(program, &record);
    }
    return fits;
}

static bool append_call(struct seed_program *program, unsigned end, const struct tfsm_event *ev)
{
    struct record record = {.kind = RECORD_CALL,
                            .end = (uint8_t)end,
                            .call = (uint8_t)ev->kind,
                            .active = ev->active,
                            .remote = ev->remote};
    uint32_t left = ev->len;
    bool fits = true;
    do { /* a record counts octets in 16 bits */
        record.len = (uint16_t)(left < UINT16_MAX ? left : UINT16_MAX);
        left -= record.len;
        record.urgent = ev->urgent && left == 0;
        fits = program_append(program, &record);
    } while (left > 0 && fits);
    return fits;
}

size_t program_calls(struct seed_program *program, unsigned end, const struct capture_step *steps,
                     size_t count, bool *fits)
{
    size_t calls = 0;
    bool large = false;
    while (calls < count && steps[calls].ev.kind != TFSM_EV_SEGMENT &&
           steps[calls].segment == steps[0].segment) {
        large = large || steps[calls].ev.len > UINT16_MAX;
        calls++;
    }
    struct record hold = {.kind = RECORD_HOLD, .index = (uint8_t)(calls - 1)};
    if (calls > 1 && !large) { /* output waits for all of them */
        *fits = *fits && program_append(program, &hold);
    }
    for (size_t i = 0; i < calls; i++) {
        *fits = *fits && append_call(program, end, &steps[i].ev);
    }
    return calls;
}

/* ---- the header: of what it can say, what comes nearest ---- */

static uint32_t get_rcv_buff(const struct program_config *config)
{
    return config->cfg[0].rcv_buff;
}

static uint32_t get_snd_buff(const struct program_config *config)
{
    return config->cfg[0].snd_buff;
}

static uint32_t get_mss(const struct program_config *config)
{
    return config->cfg[0].mss;
}

static void decode(const uint8_t header[PROGRAM_HEADER], struct program_config *config)
{
    struct program program;
    program_open(&program, header, PROGRAM_HEADER, config);
}

static bool same_but_profile(const struct program_config *a, const struct program_config *b)
{
    const struct tfsm_config *first =
        &a->cfg[0]; /* of which the second differs in the profile only */
    const struct tfsm_config *second = &b->cfg[0];
    return first->rcv_buff == second->rcv_buff && first->snd_buff == second->snd_buff &&
           first->mss == second->mss && first->mss_default == second->mss_default &&
           first->mss_floor == second->mss_floor && first->syn_retries == second->syn_retries &&
           first->retries == second->retries && first->rto_initial == second->rto_initial &&
           first->rto_max == second->rto_max && first->msl == second->msl &&
           first->user_timeout == second->user_timeout &&
           first->challenge_limit == second->challenge_limit &&
           first->challenge_every == second->challenge_every && a->iss[0] == b->iss[0] &&
           a->iss[1] == b->iss[1] && a->start == b->start && a->shifted == b->shifted &&
           a->ranges == b->ranges;
}

static unsigned bits_apart(uint32_t a, uint32_t b)
{
    unsigned count = 0;
    for (uint32_t rest = a ^ b; rest != 0; rest &= rest - 1) {
        count++;
    }
    return count;
}

/* Flip bits of the header that choose between profiles and nothing else, as long as that brings
 * both ends nearer to what is wanted. Which bits these are only program_open() knows. */
static void choose_profiles(uint8_t header[PROGRAM_HEADER], uint32_t first, uint32_t second)
{
    struct program_config before;
    decode(header, &before);
    for (unsigned i = 0; i < 16 * PROGRAM_HEADER;
         i++) { /* twice over: one bit may depend on another */
        struct program_config after;
        uint8_t bit = (uint8_t)(1u << i % 8);
        uint8_t *octet = &header[i / 8 % PROGRAM_HEADER];
        *octet ^= bit;
        decode(header, &after);
        if (same_but_profile(&before, &after) &&
            bits_apart(after.cfg[0].profile, first) + bits_apart(after.cfg[1].profile, second) <
                bits_apart(before.cfg[0].profile, first) +
                    bits_apart(before.cfg[1].profile, second)) {
            before = after;
        } else {
            *octet ^= bit;
        }
    }
}

/* Set three bits of an octet so that a number is the smallest that is large enough. */
static void choose(uint8_t header[PROGRAM_HEADER], unsigned octet, unsigned shift, uint32_t wanted,
                   uint32_t (*get)(const struct program_config *config))
{
    uint8_t rest = (uint8_t)(header[octet] & ~(7u << shift));
    uint8_t best = rest;
    uint32_t found = 0;
    for (unsigned i = 0; i < 8; i++) {
        struct program_config config;
        header[octet] = (uint8_t)(rest | i << shift);
        decode(header, &config);
        uint32_t got = get(&config);
        if (found < wanted ? got > found : got >= wanted && got < found) {
            found = got;
            best = header[octet];
        }
    }
    header[octet] = best;
}

/* The octet that gives an end its captured ISN, where there is one: the places where arithmetic
 * turns over. */
static void choose_isn(uint8_t header[PROGRAM_HEADER], unsigned octet, unsigned end, uint32_t isn)
{
    struct program_config config;
    for (unsigned i = 0; i < 256; i++) {
        header[octet] = (uint8_t)i;
        decode(header, &config);
        if (config.iss[end] == isn) {
            return;
        }
    }
    header[octet] = 0;
}

static uint32_t octets_sent(const struct capture_side *side)
{
    uint32_t sent = 0;
    for (size_t i = 0; i < side->count; i++) {
        sent += side->steps[i].ev.kind == TFSM_EV_SEND && sent < TFSM_BUFF_MAX
                    ? side->steps[i].ev.len
                    : 0;
    }
    return sent;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

void program_header(struct seed_program *program, const struct capture_side *first,
                    const struct capture_side *second, uint32_t second_isn,
                    struct program_config *config)
{
    uint8_t *header = program->octets;
    const struct capture_side *other = second != NULL ? second : first;
    memset(header, 0, PROGRAM_HEADER);
    choose_profiles(header, first->cfg.profile, other->cfg.profile);
    uint32_t sent = larger(octets_sent(first), octets_sent(other));
    choose(header, 1, 0, larger(first->cfg.rcv_buff, other->cfg.rcv_buff), get_rcv_buff);
    choose(header, 1, 3, larger(sent, UINT16_MAX), get_snd_buff);
    choose(header, 2, 0, larger(first->cfg.mss, other->cfg.mss), get_mss);
    choose_isn(header, 3, 0, first->iss);
    choose_isn(header, 4, 1, second_isn);
    decode(header, config);
    program->size = PROGRAM_HEADER;
    program->records = 0;
}

/* ---- one endpoint ---- */

/* The TCB before the last call of a run. */
static void note_before_call(void *user, const struct run_line *line)
{
    if (line->kind == RUN_CALL) {
        copy_tcb(user, line->before);
    }
}

/* The endpoint's TCB after the program so far: the program is run with one more call, and that call
 * is too late to matter. */
static bool live_tcb(const struct seed_program *program, struct whole *live)
{
    static const struct record last = {.kind = RECORD_CALL, .call = TFSM_EV_ABORT};
    struct seed_program copy = *program;
    memset(&live->tcb, 0, sizeof live->tcb);
    return program_append(&copy, &last) &&
           run_program(RUN_TRACE, copy.octets, copy.size, note_before_call, live).violation.id ==
               NULL;
}

/* One end being written down. */
struct teller {
    const struct capture *capture;
    const struct capture_connection *connection;
    unsigned end;
    struct capture_side side;
    struct program_config config; /* iss[0] is the endpoint's own, kept up to date */
    struct seed_program *program;
    tfsm_time last;
};

/* The first TSval of the peer: its timestamps count from there. */
static uint32_t first_stamp(const struct teller *teller)
{
    const struct capture_segment *segments = teller->capture->segments;
    for (size_t i = teller->connection->first; i != CAPTURE_NONE; i = segments[i].next) {
        const struct tfsm_segment *segment = &segments[i].packet.segment;
        if (segments[i].sender != teller->end && (segment->options & TFSM_OPT_TIMESTAMPS) != 0) {
            return segment->ts_val;
        }
    }
    return 0;
}

/* Milliseconds between the sending of what a TSecr echoes and its coming back. Clocks tick as they
 * like, so the clock of the capture measures it; the echo of what was never sent is told by its
 * distance from what was sent last. */
static uint32_t echo_age(const struct teller *teller, size_t arrival)
{
    const struct capture_segment *segments = teller->capture->segments;
    uint32_t echo = segments[arrival].packet.segment.ts_ecr;
    size_t best = CAPTURE_NONE;
    bool echoed = false;
    for (size_t i = teller->connection->first; i < arrival; i = segments[i].next) {
        const struct tfsm_segment *segment = &segments[i].packet.segment;
        bool stamped =
            segments[i].sender == teller->end && (segment->options & TFSM_OPT_TIMESTAMPS) != 0;
        if (stamped && (segment->ts_val == echo || !echoed)) {
            echoed = segment->ts_val == echo;
            best = i;
        }
    }
    if (best == CAPTURE_NONE) {
        return 0;
    }
    return seq_add(seq_distance(echo, segments[best].packet.segment.ts_val),
                   (uint32_t)((segments[arrival].time - segments[best].time) / 1000 & UINT32_MAX));
}

/* Options as they came, but for Fast Open: whose cookie it is depends on who made it. */
static void tell_options(const struct teller *teller, size_t arrival, const struct tfsm_tcb *tcb,
                         struct record *record)
{
    const struct tfsm_segment *segment = &teller->capture->segments[arrival].packet.segment;
    bool agreed = (tcb->flags & TFSM_M_TIMESTAMPS) != 0;
    record->options = (uint8_t)(segment->options & ~(unsigned)TFSM_OPT_FAST_OPEN);
    record->wscale = segment->wscale;
    record->mss = segment->mss;
    record->user_timeout = segment->user_timeout;
    record->ecn = segment->ecn == TFSM_CE ? TFSM_CE : 0;
    record->bare = (segment->options & TFSM_OPT_TIMESTAMPS) == 0;
    record->sacks = segment->sacks;
    if (!record->bare) {
        uint32_t since = seq_distance(first_stamp(teller), segment->ts_val);
        record->ts_base = TS_EXACT;
        record->ts_ahead =
            agreed ? seq_distance(tcb->ts_recent, seq_add(teller->config.peer_stamp, since))
                   : since;
        record->ts_behind = (segment->flags & TFSM_ACK) != 0 ? echo_age(teller, arrival) : 0;
    }
    for (unsigned i = 0; i < segment->sacks; i++) {
        uint32_t left =
            seq_add(teller->config.iss[0], seq_distance(teller->side.iss, segment->sack[i].left));
        record->sack_len[i] = SACK_EXACT;
        record->sack_ahead[i] = seq_distance(tcb->snd_una, left);
        record->sack_octets[i] = seq_distance(segment->sack[i].left, segment->sack[i].right);
    }
}

/* A record counts octets in 16 bits, and some network cards make more at once: then several. Control
 * bits that take a number go with the first and the last of them. */
static bool append_pieces(struct teller *teller, size_t arrival)
{
    const struct tfsm_segment *segment = &teller->capture->segments[arrival].packet.segment;
    uint32_t peer_isn = teller->connection->isn[1 - teller->end];
    uint32_t left = capture_text(segment);
    uint32_t seq = seq_add(teller->config.iss[1], seq_distance(peer_isn, segment->seq));
    uint8_t flags = segment->flags;
    uint32_t done = 0;
    bool fits = true;
    do {
        struct whole live;
        const struct tfsm_tcb *tcb = &live.tcb;
        struct record record = {.kind = RECORD_SEGMENT, .wnd = segment->wnd};
        record.up = (uint16_t)(segment->up > done ? segment->up - done : 0);
        record.len = (uint16_t)(left < UINT16_MAX ? left : UINT16_MAX);
        left -= record.len;
        record.flags = left > 0 ? flags & (uint8_t) ~(unsigned)TFSM_FIN : flags;
        if (done > 0 && segment->up <= done) { /* its urgent data were in a piece before */
            record.flags &= (uint8_t) ~(unsigned)TFSM_URG;
        }
        done += record.len;
        if (!live_tcb(teller->program, &live)) {
            return false;
        }
        if (tcb->state != TFSM_CLOSED && tcb->state != TFSM_LISTEN) {
            teller->config.iss[0] = tcb->iss; /* which it takes is for the run to say */
        }
        tell_options(teller, arrival, tcb, &record);
        /* Without ACK the number is not read; SND.NXT is the shortest to write. */
        uint32_t ack = seq_add(teller->config.iss[0], seq_distance(teller->side.iss, segment->ack));
        fits = record_encode_numbers(&record, tcb, seq,
                                     (flags & TFSM_ACK) != 0 ? ack : tcb->snd_nxt) &&
               program_append(teller->program, &record);
        seq = seq_add(seq, record.len + ((flags & TFSM_SYN) != 0 ? 1u : 0u));
        flags &= (uint8_t) ~(unsigned)TFSM_SYN;
    } while (left > 0 && fits);
    return fits;
}

enum seed_result program_result(enum capture_side_result result)
{
    return result == CAPTURE_SIDE_OK       ? SEED_MADE
           : result == CAPTURE_SIDE_MEMORY ? SEED_MEMORY
                                           : SEED_PARTIAL;
}

enum seed_result seed_trace(const struct capture *capture, size_t connection, unsigned end,
                            struct seed_program *program)
{
    const struct capture_connection *whole = &capture->connections[connection];
    struct teller teller = {.capture = capture,
                            .connection = whole,
                            .end = end,
                            .program = program,
                            .last = capture->segments[whole->first].time};
    enum seed_result result = program_result(capture_side(capture, connection, end, &teller.side));
    if (result == SEED_MADE) {
        program_header(program, &teller.side, NULL, whole->isn[1 - end], &teller.config);
    }
    bool fits = true;
    for (size_t i = 0; i < teller.side.count && fits && result == SEED_MADE;) {
        const struct capture_step *step = &teller.side.steps[i];
        fits = program_pause(program, &teller.last, step->ev.now);
        if (step->ev.kind != TFSM_EV_SEGMENT) {
            i += program_calls(program, 0, step, teller.side.count - i, &fits);
            continue;
        }
        fits = fits && append_pieces(&teller, step->segment);
        i++;
    }
    program->cut = !fits;
    capture_side_free(&teller.side);
    return result;
}
