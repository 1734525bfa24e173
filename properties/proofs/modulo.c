/* Sequence arithmetic against integers. modulo.h says what each function of seq.h is; here is what that comes to as an
 * order: two numbers at a distance of 2^31 are not ordered, all others are, and it is the same wherever counting starts. */
/* claims: sequence arithmetic is that of integers modulo 2^32; the order is antisymmetric, and total but at distance 2^31 */
#include "modulo.h"

struct orders {
    bool lt;
    bool gt;
    bool le;
    bool ge;
    uint32_t max;
    uint32_t min;
};

/*@ assigns \nothing;
    ensures not_both: !(\result.lt && \result.gt);
    ensures total: a != b && b - a != 0x80000000 && a - b != 0x80000000 ==> \result.lt || \result.gt;
    ensures equal: a == b ==> !\result.lt && !\result.gt && \result.le && \result.ge;
    ensures half: b - a == 0x80000000 || a - b == 0x80000000 ==>
        !\result.lt && !\result.gt && !\result.le && !\result.ge && \result.max == a && \result.min == a;
    ensures le: \result.le <==> \result.lt || a == b;
    ensures antisymmetric: \result.le && \result.ge ==> a == b;
    ensures max: \result.max == (\result.lt ? b : a);
    ensures min: \result.min == (\result.gt ? b : a); */
static struct orders orders(uint32_t a, uint32_t b)
{
    return (struct orders){seq_lt(a, b), seq_lt(b, a), seq_le(a, b),
                           seq_le(b, a), seq_max(a, b), seq_min(a, b)};
}

/* The order is the same wherever counting starts. */
/*@ assigns \nothing;
    ensures \result; */
static bool translated(uint32_t a, uint32_t b, uint32_t n)
{
    return seq_lt(a, b) == seq_lt(seq_add(a, n), seq_add(b, n)) &&
           seq_le(a, b) == seq_le(seq_add(a, n), seq_add(b, n)) &&
           seq_distance(a, b) == seq_distance(seq_add(a, n), seq_add(b, n));
}

/* It is transitive among numbers that lie within half of the space of each other. */
/*@ assigns \nothing;
    ensures \result; */
static bool transitive(uint32_t a, uint32_t b, uint32_t c)
{
    bool near = (uint64_t)seq_distance(a, b) + seq_distance(b, c) < TFSM_SEQ_HALF;
    return !near || !seq_lt(a, b) || !seq_lt(b, c) || seq_lt(a, c);
}

/* Adding and taking away undo each other, and distances add up. */
/*@ assigns \nothing;
    ensures \result; */
static bool undone(uint32_t a, uint32_t n)
{
    return seq_sub(seq_add(a, n), n) == a && seq_add(seq_sub(a, n), n) == a &&
           seq_distance(a, seq_add(a, n)) == n && seq_add(a, seq_distance(a, n)) == n;
}

/* A range of any size holds as many numbers as it says: its first, the last, and none beyond. */
/*@ assigns \nothing;
    ensures \result; */
static bool in_range(uint32_t left, uint32_t size, uint32_t k)
{
    return seq_in(seq_add(left, k), left, size) == (k < size);
}
