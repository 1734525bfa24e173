/* Copying and comparing whole objects of the harness's own: TCBs above all, several times an event, with
 * the ranges that are behind one that was given room (tfsm_make_room()).
 * Under AddressSanitizer memcpy() and memcmp() look at the shadow of every octet, and libFuzzer
 * takes note of what was compared: that was a fifth of what a fuzzer's event costs. Between two
 * objects that have their type it tells no more than their ends do: here the first and the last
 * octet of each are touched under the sanitizer's eyes, which tells an object that is gone or too
 * short, and the rest is moved at once. */
#ifndef HARNESS_WHOLE_H
#define HARNESS_WHOLE_H

#include "tfsm.h"
#include "tfsm_listener.h"

#include <string.h>

#if defined(__clang__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WHOLE_AT_ONCE 1
#endif
#endif

#ifdef WHOLE_AT_ONCE
#define WHOLE_UNSEEN __attribute__((noinline, no_sanitize("address", "undefined", "coverage")))

/* Of a size that is a whole number of words, aligned. */
WHOLE_UNSEEN static bool whole_same_words(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < words; i++) {
        differ |= a[i] ^ b[i];
    }
    return differ == 0;
}

/* Both are whole: the ends are read as every other access is. */
static inline bool whole_is_there(const void *object, size_t size)
{
    const volatile uint8_t *octets = object;
    (void)octets[0];
    (void)octets[size - 1];
    return true;
}

#define WHOLE_OF(name, type)                                                                       \
    _Static_assert(sizeof(type) % sizeof(uint64_t) == 0, "words");                                 \
    WHOLE_UNSEEN __attribute__((unused)) static void move_##name(type *to, const type *from)       \
    {                                                                                              \
        __builtin_memcpy_inline(to, from, sizeof(type));                                           \
    }                                                                                              \
    static inline void copy_##name(type *to, const type *from)                                     \
    {                                                                                              \
        (void)whole_is_there(to, sizeof *to);                                                      \
        (void)whole_is_there(from, sizeof *from);                                                  \
        move_##name(to, from);                                                                     \
    }                                                                                              \
    static inline bool same_##name(const type *a, const type *b)                                   \
    {                                                                                              \
        (void)whole_is_there(a, sizeof *a);                                                        \
        (void)whole_is_there(b, sizeof *b);                                                        \
        return whole_same_words((const uint64_t *)(const void *)a,                                 \
                                (const uint64_t *)(const void *)b, sizeof *a / sizeof(uint64_t));  \
    }
#else
#define WHOLE_OF(name, type)                                                                       \
    static inline void copy_##name(type *to, const type *from)                                     \
    {                                                                                              \
        *to = *from;                                                                               \
    }                                                                                              \
    static inline bool same_##name(const type *a, const type *b)                                   \
    {                                                                                              \
        return memcmp(a, b, sizeof *a) == 0;                                                       \
    }
#endif

/* A TCB alone: one of the harness's own that was given no room, so that nothing is behind it. */
WHOLE_OF(bare_tcb, struct tfsm_tcb)
WHOLE_OF(entry, struct tfsm_entry)
WHOLE_OF(listener, struct tfsm_listener)

struct whole_counts {
    uint64_t of[TFSM_LISTENER_COUNTS];
};
WHOLE_OF(counts, struct whole_counts)

/* Memory for a TCB, however much room it has. */
struct whole {
    TFSM_ROOMY_TCB(TFSM_ROOM_MAX);
};

/* No more than there are places: variants of the rules break every clause. */
static inline size_t whole_ranges(const struct tfsm_tcb *tcb)
{
    return tcb->ooo_count < TFSM_OOO_SLOTS(tcb->room) ? tcb->ooo_count : TFSM_OOO_SLOTS(tcb->room);
}

static inline size_t whole_runs(const struct tfsm_tcb *tcb)
{
    return tcb->sent_count < TFSM_SENT_SLOTS(tcb->room) ? tcb->sent_count
                                                        : TFSM_SENT_SLOTS(tcb->room);
}

/* Of what is behind a TCB the ranges in use: the others mean nothing, and are neither copied nor compared.
 * to  with as much memory behind it as `from` has */
static inline void copy_tcb_into(struct tfsm_tcb *to, const struct tfsm_tcb *from)
{
    copy_bare_tcb(to, from);
    if (from->room > 0 && from->room <= TFSM_ROOM_MAX) {
        const struct tfsm_range *ranges = tfsm_out_of_order(from);
        const struct tfsm_sent *runs = tfsm_sent_runs(from);
        uint8_t *octets = (uint8_t *)to;
        size_t ranges_at = (size_t)((const uint8_t *)ranges - (const uint8_t *)from);
        size_t runs_at = (size_t)((const uint8_t *)runs - (const uint8_t *)from);
        memcpy(octets + ranges_at, ranges, whole_ranges(from) * sizeof *ranges);
        memcpy(octets + runs_at, runs, whole_runs(from) * sizeof *runs);
    }
}

static inline void copy_tcb(struct whole *to, const struct tfsm_tcb *from)
{
    copy_tcb_into(&to->tcb, from);
}

static inline bool same_tcb(const struct tfsm_tcb *a, const struct tfsm_tcb *b)
{
    bool same = same_bare_tcb(a, b);
    if (!same || a->room == 0 || a->room > TFSM_ROOM_MAX) {
        return same;
    }
    return memcmp(tfsm_out_of_order(a), tfsm_out_of_order(b),
                  whole_ranges(a) * sizeof(struct tfsm_range)) == 0 &&
           memcmp(tfsm_sent_runs(a), tfsm_sent_runs(b), whole_runs(a) * sizeof(struct tfsm_sent)) ==
               0;
}

/* The members of a TCB alone, for who asks nothing else of it: of ranges behind it only how many there are. */
static inline void copy_members(struct tfsm_tcb *to, const struct tfsm_tcb *from)
{
    copy_bare_tcb(to, from);
    to->room = 0;
}

#endif
