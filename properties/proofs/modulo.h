/* What seq.h computes, in integers: for all numbers. Proved in modulo.c, and used wherever else numbers are compared. */
#ifndef PROOF_MODULO_H
#define PROOF_MODULO_H

#include "seq.h"

/* An integer modulo 2^32 lies in [first, last]; it is a difference of two 32-bit numbers. */
/*@ predicate within(integer d, integer first, integer last) =
        first <= d <= last || first <= d + 4294967296 <= last; */

/*@ assigns \nothing;
    ensures \result == a + n || \result == a + n - 4294967296; */
static inline uint32_t seq_add(uint32_t a, uint32_t n);

/*@ assigns \nothing;
    ensures \result == a - n || \result == a - n + 4294967296; */
static inline uint32_t seq_sub(uint32_t a, uint32_t n);

/*@ assigns \nothing;
    ensures \result == b - a || \result == b - a + 4294967296; */
static inline uint32_t seq_distance(uint32_t a, uint32_t b);

/*@ assigns \nothing;
    ensures \result <==> within(b - a, 0, 0x7fffffff); */
static inline bool seq_le(uint32_t a, uint32_t b);

/*@ assigns \nothing;
    ensures \result <==> within(b - a, 1, 0x7fffffff); */
static inline bool seq_lt(uint32_t a, uint32_t b);

/*@ assigns \nothing;
    ensures \result <==> within(v - left, 0, size - 1); */
static inline bool seq_in(uint32_t v, uint32_t left, uint32_t size);

/*@ assigns \nothing;
    ensures within(b - a, 1, 0x7fffffff) ==> \result == b;
    ensures !within(b - a, 1, 0x7fffffff) ==> \result == a; */
static inline uint32_t seq_max(uint32_t a, uint32_t b);

/*@ assigns \nothing;
    ensures within(a - b, 1, 0x7fffffff) ==> \result == b;
    ensures !within(a - b, 1, 0x7fffffff) ==> \result == a; */
static inline uint32_t seq_min(uint32_t a, uint32_t b);

#endif
