/* Copying and comparing whole objects of the harness's own: TCBs above all, several times an event.
 * Under AddressSanitizer memcpy() and memcmp() look at the shadow of every octet, and libFuzzer
 * takes note of what was compared: that was a fifth of what a fuzzer's event costs. Between two
 * objects that have their type it tells no more than their ends do: here the first and the last
 * octet of each are touched under the sanitizer's eyes, which tells an object that is gone or too
 * short, and the rest is moved at once. */
#ifndef HARNESS_OCTETS_H
#define HARNESS_OCTETS_H

#include "tfsm.h"
#include "tfsm_listener.h"

#include <string.h>

#if defined(__clang__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OCTETS_AT_ONCE 1
#endif
#endif

#ifdef OCTETS_AT_ONCE
#define OCTETS_UNSEEN __attribute__((noinline, no_sanitize("address", "undefined", "coverage")))

/* Of a size that is a whole number of words, aligned. */
OCTETS_UNSEEN static bool octets_same_words(const uint64_t *a, const uint64_t *b, size_t words)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < words; i++) {
        differ |= a[i] ^ b[i];
    }
    return differ == 0;
}

/* Both are whole: the ends are read as every other access is. */
static inline bool octets_are_there(const void *object, size_t size)
{
    const volatile uint8_t *octets = object;
    (void)octets[0];
    (void)octets[size - 1];
    return true;
}

#define OCTETS_OF(name, type)                                                                      \
    _Static_assert(sizeof(type) % sizeof(uint64_t) == 0, "words");                                 \
    OCTETS_UNSEEN __attribute__((unused)) static void move_##name(type *to, const type *from)      \
    {                                                                                              \
        __builtin_memcpy_inline(to, from, sizeof(type));                                           \
    }                                                                                              \
    static inline void copy_##name(type *to, const type *from)                                     \
    {                                                                                              \
        (void)octets_are_there(to, sizeof *to);                                                    \
        (void)octets_are_there(from, sizeof *from);                                                \
        move_##name(to, from);                                                                     \
    }                                                                                              \
    static inline bool same_##name(const type *a, const type *b)                                   \
    {                                                                                              \
        (void)octets_are_there(a, sizeof *a);                                                      \
        (void)octets_are_there(b, sizeof *b);                                                      \
        return octets_same_words((const uint64_t *)(const void *)a,                                \
                                 (const uint64_t *)(const void *)b, sizeof *a / sizeof(uint64_t)); \
    }
#else
#define OCTETS_OF(name, type)                                                                      \
    static inline void copy_##name(type *to, const type *from)                                     \
    {                                                                                              \
        *to = *from;                                                                               \
    }                                                                                              \
    static inline bool same_##name(const type *a, const type *b)                                   \
    {                                                                                              \
        return memcmp(a, b, sizeof *a) == 0;                                                       \
    }
#endif

OCTETS_OF(tcb, struct tfsm_tcb)
OCTETS_OF(entry, struct tfsm_entry)
OCTETS_OF(listener, struct tfsm_listener)

struct octets_counts {
    uint64_t of[TFSM_LISTENER_COUNTS];
};
OCTETS_OF(counts, struct octets_counts)

#endif
