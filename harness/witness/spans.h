/* Sets of numbers, as sorted spans [left, right) that neither meet nor overlap. There is room for few: where one more is needed,
 * what is lost is said by the caller, for some sets have to hold no number too many and others none too few. */
#ifndef HARNESS_WITNESS_SPANS_H
#define HARNESS_WITNESS_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#define SPANS_MOST 12

struct span {
    uint64_t left;
    uint64_t right;
};

/* A zeroed set is empty. */
struct spans {
    unsigned count;
    struct span span[SPANS_MOST];
};

/* Add [left, right). Where there is no room for it the two spans at the bottom become one, gap included: then the set holds
 * numbers that were not added, the lowest there are. */
void spans_add(struct spans *spans, uint64_t left, uint64_t right);

/* Whether all of [left, right) is in it, whether none of it is. */
bool spans_hold(const struct spans *spans, uint64_t left, uint64_t right);
bool spans_miss(const struct spans *spans, uint64_t left, uint64_t right);

#endif
