/* Arithmetic on sequence numbers modulo 2^32 (RFC 9293 3.4). Ranges are half open, [left, right).
 *
 *            SND.UNA            SND.NXT        SND.UNA+SND.WND
 *   ------------|------------------|------------------|------------
 *     old, acked    sent, unacked      may be sent        not yet
 *
 * Two numbers at a distance of exactly 2^31 cannot be ordered: here neither is before the other, so
 * every comparison between them is false, and a segment at that distance is never acceptable. */
#ifndef TFSM_SEQ_H
#define TFSM_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* Wrapping is the point of these few lines, so the sanitizer that reports unsigned wrap leaves them
 * alone. */
#if defined(__clang__)
#define TFSM_WRAPS __attribute__((no_sanitize("unsigned-integer-overflow")))
#else
#define TFSM_WRAPS
#endif

#define TFSM_SEQ_HALF 0x80000000u

/* n octets further on. */
TFSM_WRAPS static inline uint32_t seq_add(uint32_t a, uint32_t n)
{
    return a + n;
}

/* n octets back. */
TFSM_WRAPS static inline uint32_t seq_sub(uint32_t a, uint32_t n)
{
    return a - n;
}

/* Octets from a forward to b, 0 .. 2^32-1. [RFC9293:3.4a] */
TFSM_WRAPS static inline uint32_t seq_distance(uint32_t a, uint32_t b)
{
    return b - a;
}

/* a =< b: b is at most 2^31-1 octets after a. [RFC9293:3.4a] */
static inline bool seq_le(uint32_t a, uint32_t b)
{
    return seq_distance(a, b) < TFSM_SEQ_HALF;
}

/* a < b: b is 1 to 2^31-1 octets after a. */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
    return seq_sub(seq_distance(a, b), 1) < TFSM_SEQ_HALF - 1;
}

/* v in [left, left + size): exact for every size, also beyond 2^31. */
static inline bool seq_in(uint32_t v, uint32_t left, uint32_t size)
{
    return seq_distance(left, v) < size;
}

/* The later of two numbers; a when they cannot be ordered. */
static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
    return seq_lt(a, b) ? b : a;
}

/* The earlier of two numbers; a when they cannot be ordered. */
static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
    return seq_lt(b, a) ? b : a;
}

#endif
