/* libFuzzer's side of the mutator, linked into the targets whose inputs have a format of record_layout.h: that is
 * MUTATOR_FORMAT. Every fourth time libFuzzer mutates octets as it always does: what nobody thought of
 * lies there, too. The AFL++ driver never calls these functions; its side is mutator_afl.c. With
 * TFSM_MUTATOR=0 all is left to the engine. */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *two,
                                 size_t two_size, uint8_t *out, size_t max, unsigned seed);

static bool is_off(void)
{
    static int off = -1;
    if (off < 0) {
        const char *word = getenv("TFSM_MUTATOR");
        off = word != NULL && strcmp(word, "0") == 0;
    }
    return off == 1;
}

/* The engine's own, where it has one. */
static size_t by_octets(uint8_t *data, size_t size, size_t max)
{
    return LLVMFuzzerMutate != NULL ? LLVMFuzzerMutate(data, size, max) : size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    size_t n = 0;
    if (!is_off() && seed % 4 != 0) {
        n = mutate(MUTATOR_FORMAT, data, size, max, NULL, 0, seed);
    }
    return n != 0 ? n : by_octets(data, size, max);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *two,
                                 size_t two_size, uint8_t *out, size_t max, unsigned seed)
{
    if (one_size > max) {
        return 0;
    }
    memcpy(out, one, one_size);
    size_t n = mutate_by(MUTATE_SPLICE, MUTATOR_FORMAT, out, one_size, max, two, two_size, seed);
    return n != 0 ? n : one_size;
}
