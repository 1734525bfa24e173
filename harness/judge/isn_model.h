/* The models of the ISN audit: each is fitted to a stretch of numbers and foretells the next from those before it. What an
 * observer could do, no more. */
#ifndef HARNESS_ISN_MODEL_H
#define HARNESS_ISN_MODEL_H

#include "isn.h"

#define ISN_CYCLE 4294967296.0 /* 2^32 */

struct isn_wave {
    double re;
    double im;
};

#define ISN_WAVES (1u << 18)          /* of a transform */
#define ISN_ROOM  (ISN_WAVES * 3 / 2) /* for it, and the turns it takes */

/* Differences of neighbours and what they may follow: one more number than there are of these. */
struct isn_pairs {
    size_t n;
    uint32_t *difference;
    double *time; /* seconds between them */
    double *by;   /* by how much a port or address differs */
    int32_t *miss;
    struct isn_wave *waves; /* ISN_ROOM of them, zeroed at first */
};

/* One number a tuple, the first. */
struct isn_series {
    size_t n;
    uint32_t *x;
    double *t;     /* seconds */
    double *by[3]; /* own port, peer's port, last 16 bits of the peer's address */
    size_t *place; /* in `all` */
    uint32_t *
        all; /* numbers of the host: who foretells the first number of a tuple may go by any before it */
    struct isn_pairs pairs; /* room for n, to work in */
};

/* Each stands for the finding of that name. */
struct isn_model {
    enum isn_test test;
    size_t from;  /* what it knows begins here */
    double step;  /* of each number */
    double rate;  /* and so much a second */
    double slope; /* and so much a port, or an address */
    uint32_t multiplier;
    unsigned lag[2];
    bool minus;          /* the number of the second lag is subtracted */
    bool half;           /* the highest bit is not foretold */
    unsigned parameters; /* fitted: each takes one number away */
    double log_tried;    /* natural logarithm of how many settings were tried */
};

/* Fit to the numbers from `from` on, k of them. False: too few, or it cannot be. */
bool isn_fit(struct isn_series *series, enum isn_test test, size_t from, size_t k,
             struct isn_model *model);

/* By how much the model misses number i, which it foretells by those before. False: it cannot foretell this one. */
bool isn_miss(const struct isn_series *series, const struct isn_model *model, size_t i,
              int32_t *miss);

/* What it found, as isn_finding.value says it. */
double isn_value(const struct isn_model *model);

/* ---- isn_search.c ---- */

/* Differences that follow the time.
 * step  something may be added to each
 * False: nothing to go by. */
bool isn_fit_clock(struct isn_pairs *pairs, bool step, struct isn_model *model);

/* Differences that follow `by`, and the time. */
bool isn_fit_slope(struct isn_pairs *pairs, struct isn_model *model);

/* By how much a model of the two kinds above misses a difference. */
int32_t isn_pair_miss(const struct isn_pairs *pairs, const struct isn_model *model, size_t j);

/* The median of the differences; works in `miss`. */
double isn_median(struct isn_pairs *pairs);

/* The number that a real one comes to modulo 2^32. */
uint32_t isn_number(double real);

/* Natural logarithm of how often misses drawn by chance are that small. Sorts them by size. */
double isn_chance(int32_t *misses, size_t m, unsigned parameters, double log_tried);

/* Bits left to guess, of misses sorted by isn_chance(): half of them, or a quarter, fall within so many numbers, and twice, or
 * four times, as many guesses are right once. The better of the two: who is right now and then has won. */
double isn_bits(const int32_t *misses, size_t m);

struct isn_repeats {
    double again; /* numbers that were there before */
    double pairs; /* of equal ones */
    double all;   /* pairs */
    uint32_t mode;
};

/* How often numbers come back. Sorts them. */
struct isn_repeats isn_repeats(uint32_t *numbers, size_t n);

/* Natural logarithm of how often chance makes `came` things happen or more, where `meant` are to be expected: no more often
 * than this (Chernoff). */
double isn_log_more(double came, double meant);

#endif
