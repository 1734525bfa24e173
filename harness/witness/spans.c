/* Sets of numbers; see spans.h. */
#include "spans.h"

#include <string.h>

static void take_out(struct spans *spans, unsigned from, unsigned to)
{
    memmove(&spans->span[from], &spans->span[to], (spans->count - to) * sizeof spans->span[0]);
    spans->count -= to - from;
}

void spans_add(struct spans *spans, uint64_t left, uint64_t right)
{
    if (left >= right) {
        return;
    }
    unsigned first = 0;
    while (first < spans->count && spans->span[first].right < left) {
        first++;
    }
    unsigned end = first; /* those from first to here meet the new one */
    while (end < spans->count && spans->span[end].left <= right) {
        left = left < spans->span[end].left ? left : spans->span[end].left;
        right = right > spans->span[end].right ? right : spans->span[end].right;
        end++;
    }
    if (end > first) {
        spans->span[first] = (struct span){left, right};
        take_out(spans, first + 1, end);
        return;
    }
    if (spans->count == SPANS_MOST) {
        if (first == 0) {
            spans->span[0].left = left;
            return;
        }
        spans->span[1].left = spans->span[0].left;
        take_out(spans, 0, 1);
        first--;
        if (first == 0 && right >= spans->span[0].left) { /* it is in the gap that is filled now */
            return;
        }
    }
    memmove(&spans->span[first + 1], &spans->span[first],
            (spans->count - first) * sizeof spans->span[0]);
    spans->span[first] = (struct span){left, right};
    spans->count++;
}

bool spans_hold(const struct spans *spans, uint64_t left, uint64_t right)
{
    for (unsigned i = 0; i < spans->count; i++) {
        if (spans->span[i].left <= left && right <= spans->span[i].right) {
            return true;
        }
    }
    return left >= right;
}

bool spans_miss(const struct spans *spans, uint64_t left, uint64_t right)
{
    for (unsigned i = 0; i < spans->count && left < right; i++) {
        if (spans->span[i].left < right && left < spans->span[i].right) {
            return false;
        }
    }
    return true;
}
