/* AFL++'s side of the mutator, a shared object for AFL_CUSTOM_MUTATOR_LIBRARY: the same mutations, and
 * a trim that takes whole events out, first many at a time, then each. Which format the programs have,
 * TFSM_TARGET says, the name of a target; without it they are records of decode.h. AFL++ declares these
 * functions in no header that is packaged. */
#include "mutate_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

#define TURNS       64u
#define OCTETS_MOST 8u

struct mutator {
    enum layout_format format;
    struct dice dice;
    uint8_t octets[PROGRAM_MAX];
    /* trimming: what is left, and what is tried */
    uint8_t left[PROGRAM_MAX];
    size_t size;
    uint8_t tried[PROGRAM_MAX + LAYOUT_RECORD_MAX];
    size_t tried_size;
    unsigned first;
    unsigned row;
};

API void *afl_custom_init(void *afl, unsigned seed);
API void afl_custom_deinit(void *data);
API unsigned afl_custom_fuzz_count(void *data, const uint8_t *octets, size_t size);
API size_t afl_custom_fuzz(void *data, uint8_t *octets, size_t size, uint8_t **out, uint8_t *other,
                           size_t other_size, size_t max);
API int32_t afl_custom_init_trim(void *data, uint8_t *octets, size_t size);
API size_t afl_custom_trim(void *data, uint8_t **out);
API int32_t afl_custom_post_trim(void *data, unsigned char success);

void *afl_custom_init(void *afl, unsigned seed)
{
    (void)afl;
    const char *target = getenv("TFSM_TARGET");
    enum layout_format format = layout_named(target != NULL ? target : "fuzz_trace");
    if (format == LAYOUT_FORMATS) {
        fprintf(stderr,
                "mutator_afl.so: TFSM_TARGET: %s is not a target whose inputs have records\n",
                target);
        return NULL;
    }
    struct mutator *mutator = calloc(1, sizeof *mutator);
    if (mutator != NULL) {
        mutator->format = format;
        mutator->dice.random = seed + UINT64_C(1);
    }
    return mutator;
}

void afl_custom_deinit(void *data)
{
    free(data);
}

/* So many mutations of an entry before the next one has its turn. Left to itself AFL++ doubles them as long
 * as they find anything, and had come to the seventh of 5,680 entries after five minutes. */
unsigned afl_custom_fuzz_count(void *data, const uint8_t *octets, size_t size)
{
    (void)data;
    (void)octets;
    (void)size;
    return TURNS;
}

/* What AFL++ does to octets it does not where we have our turn alone: some are other ones, gone, or there
 * twice. Returns the size. */
static size_t change_octets(struct mutator *mutator, size_t size, size_t room)
{
    uint8_t *octets = mutator->octets;
    for (unsigned steps = 1 + draw(&mutator->dice, OCTETS_MOST); steps > 0 && size > 0; steps--) {
        size_t at = draw(&mutator->dice, (unsigned)size);
        size_t row = 1 + draw(&mutator->dice, OCTETS_MOST);
        row = row < size - at ? row : size - at;
        switch (draw(&mutator->dice, 4)) {
        case 0:
            octets[at] = (uint8_t)draw(&mutator->dice, 256);
            break;
        case 1:
            octets[at] ^= (uint8_t)(1u << draw(&mutator->dice, 8));
            break;
        case 2:
            memmove(octets + at, octets + at + row, size - at - row);
            size -= row;
            break;
        default:
            row = row < room - size ? row : room - size;
            memmove(octets + at + row, octets + at, size - at);
            size += row;
            break;
        }
    }
    return size;
}

size_t afl_custom_fuzz(void *data, uint8_t *octets, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t max)
{
    struct mutator *mutator = data;
    size_t room = max < PROGRAM_MAX ? max : PROGRAM_MAX;
    size = size < room ? size : room;
    memcpy(mutator->octets, octets, size);
    *out = mutator->octets;
    size_t n = 0;
    if (draw(&mutator->dice, 4) != 0) {
        n = mutate(mutator->format, mutator->octets, size, room, other, other_size,
                   sim_draw(&mutator->dice.random));
    }
    return n != 0 ? n : change_octets(mutator, size, room);
}

/* ---- trimming: a step is the number of what is left to be tried, and ends at `steps` ---- */

static unsigned records(const struct mutator *mutator)
{
    return mutate_records(mutator->format, mutator->left, mutator->size);
}

int32_t afl_custom_init_trim(void *data, uint8_t *octets, size_t size)
{
    struct mutator *mutator = data;
    mutator->size = size < PROGRAM_MAX ? size : PROGRAM_MAX;
    memcpy(mutator->left, octets, mutator->size);
    mutator->first = 0;
    mutator->row = records(mutator) / 2;
    return mutator->row > 0 ? 1 : 0;
}

size_t afl_custom_trim(void *data, uint8_t **out)
{
    struct mutator *mutator = data;
    mutator->tried_size = mutate_without(mutator->format, mutator->left, mutator->size,
                                         mutator->first, mutator->row, mutator->tried);
    *out = mutator->tried;
    return mutator->tried_size;
}

/* Returns 0 while there is something to be tried, and 1, which is all the steps that were said, at the
 * end: how many it takes is not known before. */
int32_t afl_custom_post_trim(void *data, unsigned char success)
{
    struct mutator *mutator = data;
    if (success != 0 && mutator->tried_size < mutator->size) {
        memcpy(mutator->left, mutator->tried, mutator->tried_size);
        mutator->size = mutator->tried_size;
    } else {
        mutator->first += mutator->row;
    }
    if (mutator->first >= records(mutator)) {
        mutator->first = 0;
        mutator->row /= 2;
    }
    return mutator->row > 0 ? 0 : 1;
}
