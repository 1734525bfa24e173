/* AFL++'s side of the mutator, a shared object for AFL_CUSTOM_MUTATOR_LIBRARY: the same mutations, and
 * a trim that takes whole events out, first many at a time, then each. AFL++ declares these functions
 * in no header that is packaged. */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

struct mutator {
    uint64_t random;
    uint8_t octets[PROGRAM_MAX + RECORD_MAX];
    /* trimming: what is left, and what is tried */
    uint8_t left[PROGRAM_MAX];
    size_t size;
    uint8_t tried[PROGRAM_MAX + RECORD_MAX];
    size_t tried_size;
    unsigned first;
    unsigned row;
};

API void *afl_custom_init(void *afl, unsigned seed);
API void afl_custom_deinit(void *data);
API size_t afl_custom_fuzz(void *data, uint8_t *octets, size_t size, uint8_t **out, uint8_t *other,
                           size_t other_size, size_t max);
API int32_t afl_custom_init_trim(void *data, uint8_t *octets, size_t size);
API size_t afl_custom_trim(void *data, uint8_t **out);
API int32_t afl_custom_post_trim(void *data, unsigned char success);

void *afl_custom_init(void *afl, unsigned seed)
{
    (void)afl;
    struct mutator *mutator = calloc(1, sizeof *mutator);
    if (mutator != NULL) {
        mutator->random = seed;
    }
    return mutator;
}

void afl_custom_deinit(void *data)
{
    free(data);
}

size_t afl_custom_fuzz(void *data, uint8_t *octets, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t max)
{
    struct mutator *mutator = data;
    size_t room = max < PROGRAM_MAX ? max : PROGRAM_MAX;
    size = size < room ? size : room;
    memcpy(mutator->octets, octets, size);
    size_t n = mutate(mutator->octets, size, room, other, other_size, mutator->random++);
    *out = mutator->octets;
    return n != 0 ? n : size;
}

/* ---- trimming: a step is the number of what is left to be tried, and ends at `steps` ---- */

static unsigned records(const struct mutator *mutator)
{
    return mutate_records(mutator->left, mutator->size);
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
    mutator->tried_size =
        mutate_without(mutator->left, mutator->size, mutator->first, mutator->row, mutator->tried);
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
