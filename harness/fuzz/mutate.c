/* See mutate.h. A program is cut into its records; one mutation writes it anew from spans of the old
 * octets and at most a few records of its own. */
#include "mutate.h"
#include "wire.h"

#include <string.h>

#define STEPS_MOST 4u
#define ROW_MOST   8u /* records taken together */

struct span {
    size_t at;
    size_t size;
};

/* A program in records. The last may have been cut off: here it is whole, with the zeros it read. */
struct cut {
    uint8_t octets[PROGRAM_MAX + RECORD_MAX];
    unsigned count;
    struct span spans[PROGRAM_EVENTS];
};

/* What a mutation is about. */
struct draft {
    struct cut *cut;
    const struct cut *other;
    uint64_t random;
    uint8_t *octets; /* being written */
    size_t size;
    size_t room;
};

/* Seeds that follow one another must not draw alike. */
TFSM_WRAPS static uint64_t scramble(uint64_t seed)
{
    seed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    seed = (seed ^ seed >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (seed ^ seed >> 32) | 1; /* never 0 */
}

/* 0..below-1 */
static unsigned draw(struct draft *draft, unsigned below)
{
    return (unsigned)(sim_draw(&draft->random) >> 33) % below;
}

static uint8_t draw_of(struct draft *draft, const uint8_t *list, size_t count)
{
    return list[draw(draft, (unsigned)count)];
}
#define DRAW_OF(draft, list) draw_of(draft, list, sizeof(list))

static uint16_t draw_16(struct draft *draft)
{
    return (uint16_t)draw(draft, 65536);
}

static void cut_up(struct cut *cut, const uint8_t *octets, size_t size)
{
    struct program program = {cut->octets, sizeof cut->octets, PROGRAM_HEADER};
    struct record record;
    size = size < PROGRAM_MAX ? size : PROGRAM_MAX;
    memset(cut->octets, 0, sizeof cut->octets);
    if (size > 0) {
        memcpy(cut->octets, octets, size);
    }
    cut->count = 0;
    while (program.at < size && cut->count < PROGRAM_EVENTS) {
        struct span *span = &cut->spans[cut->count++];
        span->at = program.at;
        program_next(&program, &record); /* of the last the zeros behind the end, too */
        span->size = program.at - span->at;
    }
}

/* ---- writing ---- */

static void put_span(struct draft *draft, const struct cut *from, struct span span)
{
    if (span.size <= draft->room - draft->size) {
        memcpy(draft->octets + draft->size, from->octets + span.at, span.size);
        draft->size += span.size;
    }
}

static void put_records(struct draft *draft, const struct cut *from, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end && i < from->count; i++) {
        put_span(draft, from, from->spans[i]);
    }
}

static void put_record(struct draft *draft, const struct record *record)
{
    draft->size += record_write(record, draft->octets + draft->size, draft->room - draft->size);
}

static void put_header(struct draft *draft)
{
    put_span(draft, draft->cut, (struct span){0, PROGRAM_HEADER});
}

/* The program with record i written anew. */
static void put_changed(struct draft *draft, unsigned i, const struct record *record)
{
    put_header(draft);
    put_records(draft, draft->cut, 0, i);
    put_record(draft, record);
    put_records(draft, draft->cut, i + 1, draft->cut->count);
}

static void read_record(const struct cut *cut, unsigned i, struct record *record)
{
    struct program program = {cut->octets, sizeof cut->octets, cut->spans[i].at};
    program_next(&program, record);
}

/* A record of one of these kinds, a bit each: the first from somewhere on. False: there is none. */
static bool find_record(struct draft *draft, unsigned kinds, unsigned *at, struct record *record)
{
    unsigned count = draft->cut->count;
    unsigned from = count > 0 ? draw(draft, count) : 0;
    for (unsigned i = 0; i < count; i++) {
        *at = (from + i) % count;
        read_record(draft->cut, *at, record);
        if (kinds >> record->kind & 1) {
            return true;
        }
    }
    return false;
}

/* ---- fields ---- */

static void change_sequence(struct draft *draft, struct record *record)
{
    static const int16_t beside[] = {0, 0, 0, 1, -1, 2, -2, 100, -100, 1460, -1460};
    int16_t delta = beside[draw(draft, sizeof beside / sizeof beside[0])];
    bool anew = draw(draft, 4) != 0; /* else a little off from where it is */
    if (draw(draft, 2) == 0) {
        record->seq_base = (uint8_t)(anew ? draw(draft, SEQ_BASES) : record->seq_base);
        record->seq_high = draw_16(draft);
        record->seq_delta = delta;
    } else {
        record->ack_base = (uint8_t)(anew ? draw(draft, ACK_BASES) : record->ack_base);
        record->ack_high = draw_16(draft);
        record->ack_delta = delta;
    }
}

static void change_flags(struct draft *draft, struct record *record)
{
    static const uint8_t legal[] = {TFSM_ACK,
                                    TFSM_ACK | TFSM_PSH,
                                    TFSM_ACK | TFSM_FIN,
                                    TFSM_ACK | TFSM_FIN | TFSM_PSH,
                                    TFSM_ACK | TFSM_URG,
                                    TFSM_SYN,
                                    TFSM_SYN | TFSM_ACK,
                                    TFSM_SYN | TFSM_ECE | TFSM_CWR,
                                    TFSM_SYN | TFSM_ACK | TFSM_ECE,
                                    TFSM_ACK | TFSM_ECE,
                                    TFSM_ACK | TFSM_CWR,
                                    TFSM_RST,
                                    TFSM_RST | TFSM_ACK};
    if (draw(draft, 3) != 0) {
        record->flags = DRAW_OF(draft, legal);
    } else {
        record->flags ^= (uint8_t)(1u << draw(draft, 8));
    }
}

static void draw_sacks(struct draft *draft, struct record *record)
{
    record->sacks = (uint8_t)(1 + draw(draft, TFSM_SACK_MAX));
    for (unsigned i = 0; i < record->sacks; i++) {
        record->sack_base[i] = (uint8_t)(draw(draft, 4) | draw(draft, 8) << 2);
        record->sack_len[i] = (uint8_t)draw(draft, 6);
    }
}

static void change_options(struct draft *draft, struct record *record)
{
    static const uint8_t kinds[] = {
        TFSM_OPT_MSS,        TFSM_OPT_WSCALE,         TFSM_OPT_TIMESTAMPS,
        TFSM_OPT_TIMESTAMPS, TFSM_OPT_SACK,           TFSM_OPT_SACK,
        TFSM_OPT_FAST_OPEN,  TFSM_OPT_SACK_PERMITTED, TFSM_OPT_USER_TIMEOUT};
    static const uint16_t sizes[] = {1460, 536, 1, 0, 64, 65535, 100};
    uint8_t kind = DRAW_OF(draft, kinds);
    if (draw(draft, 8) == 0) {
        record->bare = !record->bare;
        return;
    }
    if (draw(draft, 12) == 0) {
        record->ecn = record->ecn != 0 ? 0 : TFSM_CE;
        return;
    }
    record->options =
        draw(draft, 4) == 0 ? record->options & (uint8_t)~kind : record->options | kind;
    record->sacks = record->options & TFSM_OPT_SACK ? record->sacks : 0;
    if (kind == TFSM_OPT_SACK && (record->options & kind) != 0) {
        draw_sacks(draft, record);
    } else if (kind == TFSM_OPT_TIMESTAMPS) {
        record->ts_base = (uint8_t)(draw(draft, 4) | draw(draft, 4) << 4);
        record->ts_delta = (uint8_t)draw(draft, 4);
    }
    record->mss = sizes[draw(draft, sizeof sizes / sizeof sizes[0])];
    record->wscale = (uint8_t)draw(draft, 16);
    record->user_timeout = draw_16(draft);
    record->cookie_len = (uint8_t)draw(draft, TFSM_COOKIE_MAX + 1);
}

static void change_size(struct draft *draft, struct record *record)
{
    static const uint16_t sizes[] = {0, 1, 2, 10, 100, 536, 1000, 1460, 1461, 4096, 20000, 65535};
    uint16_t size = sizes[draw(draft, sizeof sizes / sizeof sizes[0])];
    if (record->kind == RECORD_SEGMENT && draw(draft, 3) == 0) {
        record->wnd = size;
    } else if (record->kind == RECORD_SEGMENT && draw(draft, 6) == 0) {
        record->up = size;
    } else {
        record->len = size;
    }
}

static void change_time(struct draft *draft, struct record *record)
{
    static const uint32_t delays[] = {0,      1,      999,    1000,    5000,    40000,   100000,
                                      199000, 200000, 500000, 1000000, 3000000, 60000000};
    record->to_deadline = draw(draft, 3) != 0;
    record->beside = (int8_t)((int)draw(draft, 3) - 1);
    record->delay = delays[draw(draft, sizeof delays / sizeof delays[0])];
    if (draw(draft, 16) == 0) {
        record->delay = (tfsm_time)draw(draft, 65536) * 1000000;
    }
}

static void draw_call(struct draft *draft, struct record *record)
{
    static const uint8_t calls[] = {TFSM_EV_OPEN,  TFSM_EV_SEND,  TFSM_EV_SEND, TFSM_EV_RECEIVE,
                                    TFSM_EV_CLOSE, TFSM_EV_ABORT, TFSM_EV_ICMP};
    record->call = DRAW_OF(draft, calls);
    record->active = draw(draft, 2) == 0;
    record->remote = record->active || draw(draft, 4) == 0;
    record->fast_open = record->active && draw(draft, 4) == 0;
    record->urgent = draw(draft, 6) == 0;
    record->deaf = draw(draft, 4) == 0;
    record->icmp = (uint8_t)draw(draft, 4);
    record->ack_base = (uint8_t)draw(draft, ACK_BASES);
    record->mss = 1000;
    change_size(draft, record);
}

static void draw_record(struct draft *draft, struct record *record)
{
    static const uint8_t kinds[] = {RECORD_SEGMENT, RECORD_SEGMENT, RECORD_SEGMENT, RECORD_SEGMENT,
                                    RECORD_CALL,    RECORD_CALL,    RECORD_CALL,    RECORD_TIME,
                                    RECORD_TIME,    RECORD_HOLD,    RECORD_DELIVER, RECORD_DELIVER,
                                    RECORD_DROP,    RECORD_COPY,    RECORD_FLUSH,   RECORD_FLUSH};
    *record = (struct record){.kind = DRAW_OF(draft, kinds), .end = (uint8_t)draw(draft, 2)};
    if (record->kind == RECORD_SEGMENT) {
        record->wnd = 8192;
        change_flags(draft, record);
        change_sequence(draft, record);
        if (draw(draft, 2) == 0) {
            change_size(draft, record);
        }
        if (draw(draft, 4) == 0) {
            change_options(draft, record);
        }
    } else if (record->kind == RECORD_CALL) {
        draw_call(draft, record);
    } else if (record->kind == RECORD_TIME) {
        change_time(draft, record);
    } else {
        record->index = (uint8_t)(draw(draft, 2) == 0 ? 0 : draw(draft, 16));
    }
}

/* ---- mutations ---- */

/* A row of records: its first, and the one behind it. */
static bool draw_row(struct draft *draft, const struct cut *of, unsigned *first, unsigned *end)
{
    if (of->count == 0) {
        return false;
    }
    *first = draw(draft, of->count);
    *end = *first + 1 + draw(draft, draw(draft, 2) == 0 ? 1 : ROW_MOST);
    *end = *end < of->count ? *end : of->count;
    return true;
}

static bool insert(struct draft *draft)
{
    unsigned at = draw(draft, draft->cut->count + 1);
    struct record record;
    draw_record(draft, &record);
    put_header(draft);
    put_records(draft, draft->cut, 0, at);
    put_record(draft, &record);
    put_records(draft, draft->cut, at, draft->cut->count);
    return true;
}

static bool delete_row(struct draft *draft)
{
    unsigned first;
    unsigned end;
    if (!draw_row(draft, draft->cut, &first, &end)) {
        return false;
    }
    put_header(draft);
    put_records(draft, draft->cut, 0, first);
    put_records(draft, draft->cut, end, draft->cut->count);
    return true;
}

static bool put_between(struct draft *draft, const struct cut *of)
{
    unsigned at = draw(draft, draft->cut->count + 1);
    unsigned first;
    unsigned end;
    if (!draw_row(draft, of, &first, &end)) {
        return false;
    }
    put_header(draft);
    put_records(draft, draft->cut, 0, at);
    put_records(draft, of, first, end);
    put_records(draft, draft->cut, at, draft->cut->count);
    return true;
}

static bool swap(struct draft *draft)
{
    const struct cut *cut = draft->cut;
    if (cut->count < 2) {
        return false;
    }
    unsigned at = draw(draft, cut->count - 1);
    put_header(draft);
    put_records(draft, cut, 0, at);
    put_records(draft, cut, at + 1, at + 2);
    put_records(draft, cut, at, at + 1);
    put_records(draft, cut, at + 2, cut->count);
    return true;
}

static bool splice(struct draft *draft)
{
    if (draft->other->count == 0) {
        return false;
    }
    if (draw(draft, 2) == 0) {
        return put_between(draft, draft->other);
    }
    put_header(draft);
    put_records(draft, draft->cut, 0, draw(draft, draft->cut->count + 1));
    put_records(draft, draft->other, draw(draft, draft->other->count), draft->other->count);
    return true;
}

static bool change(struct draft *draft, unsigned kinds,
                   void (*how)(struct draft *draft, struct record *record))
{
    unsigned at;
    struct record record;
    if (!find_record(draft, kinds, &at, &record)) {
        return false;
    }
    how(draft, &record);
    put_changed(draft, at, &record);
    return true;
}

static void change_whom(struct draft *draft, struct record *record)
{
    if (draw(draft, 2) == 0) {
        record->end ^= 1;
    } else {
        record->index = (uint8_t)draw(draft, 16);
    }
}

static bool change_header(struct draft *draft)
{
    put_header(draft);
    put_records(draft, draft->cut, 0, draft->cut->count);
    uint8_t *octet = &draft->octets[draw(draft, PROGRAM_HEADER)];
    *octet = (uint8_t)(draw(draft, 2) == 0 ? *octet ^ 1u << draw(draft, 8) : draw(draft, 256));
    return true;
}

static bool carry_out(struct draft *draft, enum mutation mutation)
{
    const unsigned segments = 1u << RECORD_SEGMENT;
    switch (mutation) {
    case MUTATE_INSERT:
        return insert(draft);
    case MUTATE_DELETE:
        return delete_row(draft);
    case MUTATE_REPEAT:
        return put_between(draft, draft->cut);
    case MUTATE_SWAP:
        return swap(draft);
    case MUTATE_SPLICE:
        return splice(draft);
    case MUTATE_SEQUENCE:
        return change(draft, segments, change_sequence);
    case MUTATE_FLAGS:
        return change(draft, segments, change_flags);
    case MUTATE_OPTIONS:
        return change(draft, segments, change_options);
    case MUTATE_SIZE:
        return change(draft, segments | 1u << RECORD_CALL, change_size);
    case MUTATE_TIME:
        return change(draft, 1u << RECORD_TIME, change_time);
    case MUTATE_WHOM:
        return change(draft, ~0u, change_whom);
    case MUTATE_HEADER:
        return change_header(draft);
    case MUTATIONS:
        break;
    }
    return false;
}

size_t mutate_by(enum mutation mutation, uint8_t *octets, size_t size, size_t room,
                 const uint8_t *other, size_t other_size, uint64_t seed)
{
    static struct cut cut; /* and are written whole by each call */
    static struct cut others;
    room = room < PROGRAM_MAX ? room : PROGRAM_MAX;
    if (room < PROGRAM_HEADER + RECORD_MAX || size > room) {
        return 0;
    }
    cut_up(&cut, octets, size);
    others.count = 0;
    if (mutation == MUTATE_SPLICE) {
        cut_up(&others, other, other_size);
    }
    struct draft draft = {
        .cut = &cut, .other = &others, .random = scramble(seed), .octets = octets, .room = room};
    return carry_out(&draft, mutation) ? draft.size : 0;
}

size_t mutate(uint8_t *octets, size_t size, size_t room, const uint8_t *other, size_t other_size,
              uint64_t seed)
{
    /* what only moves things about comes less often than what makes something new */
    static const uint8_t often[] = {MUTATE_INSERT,   MUTATE_INSERT, MUTATE_INSERT, MUTATE_INSERT,
                                    MUTATE_DELETE,   MUTATE_DELETE, MUTATE_REPEAT, MUTATE_REPEAT,
                                    MUTATE_SWAP,     MUTATE_SPLICE, MUTATE_SPLICE, MUTATE_SEQUENCE,
                                    MUTATE_SEQUENCE, MUTATE_FLAGS,  MUTATE_FLAGS,  MUTATE_OPTIONS,
                                    MUTATE_SIZE,     MUTATE_TIME,   MUTATE_WHOM,   MUTATE_HEADER};
    struct draft dice = {.random = scramble(seed)};
    size_t mutated = 0;
    for (unsigned steps = 1 + draw(&dice, STEPS_MOST); steps > 0; steps--) {
        enum mutation mutation = (enum mutation)DRAW_OF(&dice, often);
        size_t n =
            mutate_by(mutation, octets, size, room, other, other_size, sim_draw(&dice.random));
        size = n != 0 ? n : size;
        mutated = n != 0 ? n : mutated;
    }
    /* an empty program has nothing but a place for something */
    return mutated != 0 ? mutated
                        : mutate_by(MUTATE_INSERT, octets, size, room, NULL, 0, dice.random);
}

unsigned mutate_records(const uint8_t *octets, size_t size)
{
    static struct cut cut;
    cut_up(&cut, octets, size);
    return cut.count;
}

size_t mutate_without(const uint8_t *octets, size_t size, unsigned first, unsigned count,
                      uint8_t *shorter)
{
    static struct cut cut;
    cut_up(&cut, octets, size);
    struct draft draft = {.cut = &cut, .octets = shorter, .room = size + RECORD_MAX};
    put_header(&draft);
    put_records(&draft, &cut, 0, first);
    put_records(&draft, &cut, first + count, cut.count);
    return draft.size;
}
