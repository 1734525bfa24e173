/* See mutate.h. A program is cut into its records; one mutation writes it anew from spans of the old
 * octets and at most one record of its own. */
#include "mutate_internal.h"

#include <string.h>

#define STEPS_MOST 4u
#define ROW_MOST   8u /* records taken together */

/* What a mutation is about. */
struct draft {
    enum layout_format format;
    struct dice dice;
    const struct cut *cut;
    const struct cut *other;
    uint8_t *octets; /* being written */
    size_t size;
    size_t room;
    bool full; /* something did not fit: nothing follows it */
};

/* Seeds that follow one another must not draw alike. */
TFSM_WRAPS static uint64_t scramble(uint64_t seed)
{
    seed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    seed = (seed ^ seed >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (seed ^ seed >> 32) | 1; /* never 0 */
}

/* ---- writing ---- */

static void put(struct draft *draft, const uint8_t *octets, size_t size)
{
    draft->full = draft->full || size > draft->room - draft->size;
    if (!draft->full && size > 0) {
        memcpy(draft->octets + draft->size, octets, size);
        draft->size += size;
    }
}

static void put_records(struct draft *draft, const struct cut *from, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end && i < from->count; i++) {
        put(draft, from->octets + from->spans[i].at, from->spans[i].size);
    }
}

static void put_header(struct draft *draft)
{
    put(draft, draft->cut->octets, draft->cut->layout->header);
}

/* The program with other octets in place of some of its records. */
static void put_instead(struct draft *draft, unsigned first, unsigned end, const uint8_t *octets,
                        size_t size)
{
    put_header(draft);
    put_records(draft, draft->cut, 0, first);
    put(draft, octets, size);
    put_records(draft, draft->cut, end, draft->cut->count);
}

/* ---- mutations ---- */

/* A row of records: its first, and the one behind it. */
static bool draw_row(struct draft *draft, const struct cut *of, unsigned *first, unsigned *end)
{
    if (of->count == 0) {
        return false;
    }
    *first = draw(&draft->dice, of->count);
    *end = *first + 1 + draw(&draft->dice, draw(&draft->dice, 2) == 0 ? 1 : ROW_MOST);
    *end = *end < of->count ? *end : of->count;
    return true;
}

/* Where a record begins, or would. */
static size_t begin_of(const struct cut *cut, unsigned i)
{
    const struct span *last = &cut->spans[i > 0 ? i - 1 : 0];
    return i > 0 ? last->at + last->size : cut->layout->header;
}

static bool insert(struct draft *draft)
{
    uint8_t record[LAYOUT_RECORD_MAX];
    bool alone = draft->format == LAYOUT_WIRE; /* then it takes the place of what is there */
    unsigned at = alone ? 0 : draw(&draft->dice, draft->cut->count + 1);
    size_t size = fields_draw(&draft->dice, draft->format, record, sizeof record);
    if (begin_of(draft->cut, at) + size > draft->room) {
        return false;
    }
    put_instead(draft, at, alone ? draft->cut->count : at, record, size);
    return true;
}

static bool delete_row(struct draft *draft)
{
    unsigned first;
    unsigned end;
    if (!draw_row(draft, draft->cut, &first, &end)) {
        return false;
    }
    put_instead(draft, first, end, NULL, 0);
    return true;
}

static bool put_between(struct draft *draft, const struct cut *of)
{
    unsigned at = draw(&draft->dice, draft->cut->count + 1);
    unsigned first;
    unsigned end;
    if (!draw_row(draft, of, &first, &end)) {
        return false;
    }
    const struct span *from = &of->spans[first];
    const struct span *last = &of->spans[end - 1]; /* they lie one behind the other */
    put_instead(draft, at, at, of->octets + from->at, last->at + last->size - from->at);
    return true;
}

static bool swap(struct draft *draft)
{
    const struct cut *cut = draft->cut;
    if (cut->count < 2) {
        return false;
    }
    unsigned at = draw(&draft->dice, cut->count - 1);
    put_header(draft);
    put_records(draft, cut, 0, at);
    put_records(draft, cut, at + 1, at + 2);
    put_records(draft, cut, at, at + 1);
    put_records(draft, cut, at + 2, cut->count);
    return true;
}

/* The first octets of our packet, and of the other the rest. */
static bool splice_packets(struct draft *draft)
{
    const struct span *ours = &draft->cut->spans[0];
    const struct span *others = &draft->other->spans[0];
    if (draft->cut->count == 0) {
        return false;
    }
    size_t shorter = ours->size < others->size ? ours->size : others->size;
    size_t at = draw(&draft->dice, (unsigned)shorter);
    put_header(draft);
    put(draft, draft->cut->octets + ours->at, at);
    put(draft, draft->other->octets + others->at + at, others->size - at);
    return true;
}

static bool splice(struct draft *draft)
{
    if (draft->other->count == 0) {
        return false;
    }
    if (draft->format == LAYOUT_WIRE) {
        return splice_packets(draft);
    }
    if (draw(&draft->dice, 2) == 0) {
        return put_between(draft, draft->other);
    }
    put_header(draft);
    put_records(draft, draft->cut, 0, draw(&draft->dice, draft->cut->count + 1));
    put_records(draft, draft->other, draw(&draft->dice, draft->other->count), draft->other->count);
    return true;
}

/* Of the first record from somewhere on that has a field of this kind. */
static bool change(struct draft *draft, enum mutation mutation)
{
    static uint8_t record[PROGRAM_MAX];
    const struct cut *cut = draft->cut;
    unsigned from = cut->count > 0 ? draw(&draft->dice, cut->count) : 0;
    for (unsigned i = 0; i < cut->count; i++) {
        unsigned at = (from + i) % cut->count;
        size_t size =
            fields_change(&draft->dice, mutation, draft->format, cut->octets + cut->spans[at].at,
                          cut->spans[at].size, record, sizeof record);
        if (size > 0) {
            put_instead(draft, at, at + 1, record, size);
            return true;
        }
    }
    return false;
}

static bool change_header(struct draft *draft)
{
    put_instead(draft, 0, 0, NULL, 0);
    uint8_t *octet = &draft->octets[draw(&draft->dice, draft->cut->layout->header)];
    *octet = (uint8_t)(draw(&draft->dice, 2) == 0 ? *octet ^ 1u << draw(&draft->dice, 8)
                                                  : draw(&draft->dice, 256));
    return true;
}

static bool carry_out(struct draft *draft, enum mutation mutation)
{
    switch (mutation) {
    case MUTATE_INSERT:
        return insert(draft);
    case MUTATE_DELETE:
        return delete_row(draft);
    case MUTATE_REPEAT:
        return draft->format != LAYOUT_WIRE && put_between(draft, draft->cut);
    case MUTATE_SWAP:
        return swap(draft);
    case MUTATE_SPLICE:
        return splice(draft);
    case MUTATE_SEQUENCE:
    case MUTATE_FLAGS:
    case MUTATE_OPTIONS:
    case MUTATE_SIZE:
    case MUTATE_TIME:
    case MUTATE_WHOM:
        return change(draft, mutation);
    case MUTATE_HEADER:
        return change_header(draft);
    case MUTATIONS:
        break;
    }
    return false;
}

size_t mutate_by(enum mutation mutation, enum layout_format format, uint8_t *octets, size_t size,
                 size_t room, const uint8_t *other, size_t other_size, uint64_t seed)
{
    static struct cut cut; /* and are written whole by each call */
    static struct cut others;
    room = room < PROGRAM_MAX ? room : PROGRAM_MAX;
    if (room < layout_of(format)->header + MUTATE_LEAST || size > room) {
        return 0;
    }
    layout_cut(format, octets, size, &cut);
    others.count = 0;
    if (mutation == MUTATE_SPLICE) {
        layout_cut(format, other, other_size, &others);
    }
    struct draft draft = {.format = format,
                          .dice = {scramble(seed)},
                          .cut = &cut,
                          .other = &others,
                          .octets = octets,
                          .room = room};
    return carry_out(&draft, mutation) ? draft.size : 0;
}

/* What only moves things about comes less often than what makes something new. */
static enum mutation draw_mutation(struct dice *dice, enum layout_format format)
{
    static const uint8_t often[] = {MUTATE_INSERT,   MUTATE_INSERT, MUTATE_INSERT, MUTATE_INSERT,
                                    MUTATE_DELETE,   MUTATE_DELETE, MUTATE_REPEAT, MUTATE_REPEAT,
                                    MUTATE_SWAP,     MUTATE_SPLICE, MUTATE_SPLICE, MUTATE_SEQUENCE,
                                    MUTATE_SEQUENCE, MUTATE_FLAGS,  MUTATE_FLAGS,  MUTATE_OPTIONS,
                                    MUTATE_SIZE,     MUTATE_TIME,   MUTATE_WHOM,   MUTATE_HEADER};
    static const uint8_t of_packets[] = {MUTATE_OPTIONS,  MUTATE_OPTIONS, MUTATE_OPTIONS,
                                         MUTATE_OPTIONS,  MUTATE_FLAGS,   MUTATE_SIZE,
                                         MUTATE_SEQUENCE, MUTATE_HEADER};
    return (enum mutation)(format == LAYOUT_WIRE ? DRAW_OF(dice, of_packets)
                                                 : DRAW_OF(dice, often));
}

size_t mutate(enum layout_format format, uint8_t *octets, size_t size, size_t room,
              const uint8_t *other, size_t other_size, uint64_t seed)
{
    struct dice dice = {scramble(seed)};
    size_t mutated = 0;
    for (unsigned steps = 1 + draw(&dice, STEPS_MOST); steps > 0; steps--) {
        size_t n = mutate_by(draw_mutation(&dice, format), format, octets, size, room, other,
                             other_size, sim_draw(&dice.random));
        size = n != 0 ? n : size;
        mutated = n != 0 ? n : mutated;
    }
    /* an empty program has nothing but a place for something */
    return mutated != 0
               ? mutated
               : mutate_by(MUTATE_INSERT, format, octets, size, room, NULL, 0, dice.random);
}

unsigned mutate_records(enum layout_format format, const uint8_t *octets, size_t size)
{
    static struct cut cut;
    layout_cut(format, octets, size, &cut);
    return cut.count;
}

size_t mutate_without(enum layout_format format, const uint8_t *octets, size_t size, unsigned first,
                      unsigned count, uint8_t *shorter)
{
    static struct cut cut;
    layout_cut(format, octets, size, &cut);
    struct draft draft = {.cut = &cut, .octets = shorter, .room = size + LAYOUT_RECORD_MAX};
    put_instead(&draft, first, first + count, NULL, 0);
    return draft.size;
}
