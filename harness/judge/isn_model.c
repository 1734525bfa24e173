/* The models of the ISN audit; see isn_model.h. */
#include "isn_model.h"

#include <math.h>
#include <stdlib.h>

#define CANDIDATES 16u /* multipliers of a congruence that are tried */
#define LAG_MOST   64u
#define LAG_SAMPLE 256u /* numbers by which the lags are chosen */
#define NEIGHBOURS 4u   /* numbers that make the three differences of a place */

/* ---- misses ---- */

/* Where the highest bit is not foretold the others fill the circle, so that chance has as far to miss as ever. */
static int32_t miss_of(uint32_t number, uint32_t foretold, bool half)
{
    return (int32_t)((number - foretold) << half);
}

/* The number that stands so many before number i. */
static uint32_t before(const struct isn_series *series, size_t i, size_t lag)
{
    return series->all[series->place[i] - lag];
}

static bool knows(const struct isn_series *series, const struct isn_model *model, size_t i,
                  size_t lag)
{
    return series->place[i] >= series->place[model->from] + lag;
}

static bool miss_lag(const struct isn_series *series, const struct isn_model *model, size_t i,
                     int32_t *miss)
{
    if (!knows(series, model, i, model->lag[1])) {
        return false;
    }
    uint32_t a = before(series, i, model->lag[0]);
    uint32_t b = before(series, i, model->lag[1]);
    *miss = miss_of(series->x[i], model->minus ? a - b : a + b, model->half);
    return true;
}

static bool miss_congruence(const struct isn_series *series, const struct isn_model *model,
                            size_t i, int32_t *miss)
{
    if (!knows(series, model, i, 2)) {
        return false;
    }
    uint32_t last = before(series, i, 1);
    *miss = miss_of(series->x[i], last + model->multiplier * (last - before(series, i, 2)),
                    model->half);
    return true;
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a - b < b - a ? a - b : b - a;
}

/* How unlike the three differences before i and before j are. */
static uint32_t unlike(const uint32_t *x, size_t i, size_t j)
{
    uint32_t most = 0;
    for (size_t k = 1; k < NEIGHBOURS; k++) {
        uint32_t it = apart(x[i - k] - x[i - k - 1], x[j - k] - x[j - k - 1]);
        most = it > most ? it : most;
    }
    return most;
}

/* What came after the place that is most like this one (the attractor of the differences: Zalewski, "Strange Attractors and TCP/IP
 * Sequence Number Analysis", 2001). */
static bool miss_pattern(const struct isn_series *series, const struct isn_model *model, size_t i,
                         int32_t *miss)
{
    const uint32_t *x = series->x;
    uint32_t least = UINT32_MAX;
    size_t best = 0;
    if (i < model->from + 2 * NEIGHBOURS) {
        return false;
    }
    for (size_t j = i - 1; j >= model->from + NEIGHBOURS; j--) {
        uint32_t it = unlike(x, i, j);
        if (it < least || best == 0) {
            least = it;
            best = j;
        }
    }
    *miss = miss_of(x[i], x[i - 1] + (x[best] - x[best - 1]), false);
    return true;
}

bool isn_miss(const struct isn_series *series, const struct isn_model *model, size_t i,
              int32_t *miss)
{
    const uint32_t *x = series->x;
    double foretold = model->step;
    if (i <= model->from) {
        return false;
    }
    switch (model->test) {
    case ISN_OWN_PORT:
    case ISN_PEER_PORT:
    case ISN_PEER_ADDRESS: {
        const double *by = series->by[model->test - ISN_OWN_PORT];
        foretold += model->slope * (by[i] - by[i - 1]);
    }
        __attribute__((fallthrough));
    case ISN_CLOCK:
        foretold += model->rate * (series->t[i] - series->t[i - 1]);
        __attribute__((fallthrough));
    case ISN_NEAR:
        *miss = miss_of(x[i], x[i - 1] + isn_number(foretold), false);
        return true;
    case ISN_TREND:
    case ISN_CONGRUENCE:
        return miss_congruence(series, model, i, miss);
    case ISN_LAG:
        return miss_lag(series, model, i, miss);
    case ISN_PATTERN:
        return miss_pattern(series, model, i, miss);
    case ISN_EQUAL:
    case ISN_BITS_FIXED:
    case ISN_STEP:
    case ISN_DIVISOR:
    case ISN_COLLISION:
    case ISN_TUPLE_SAME:
    case ISN_TUPLE_CLOCK:
    case ISN_TESTS:
        break;
    }
    return false;
}

/* ---- a linear congruence ---- */

static unsigned twos(uint32_t number)
{
    return number == 0 ? 32 : (unsigned)__builtin_ctz(number);
}

/* Of an odd number, modulo 2^32: each round doubles the bits that are right. */
static uint32_t inverse(uint32_t odd)
{
    uint32_t answer = odd;
    for (unsigned i = 0; i < 5; i++) {
        answer *= 2 - odd * answer;
    }
    return answer;
}

/* The multiplier that makes one difference of the next, as far as these tell. */
static bool multiplier_of(const struct isn_series *series, size_t i, bool half,
                          uint32_t *multiplier)
{
    uint32_t last = before(series, i, 1);
    uint32_t first = (last - before(series, i, 2)) << half;
    uint32_t second = (series->x[i] - last) << half;
    unsigned shift = twos(first);
    if (shift > 8 || twos(second) != shift) { /* an even multiplier ends in a constant */
        return false;
    }
    *multiplier = (second >> shift) * inverse(first >> shift);
    return true;
}

static size_t hits(const struct isn_series *series, const struct isn_model *model, size_t to)
{
    size_t n = 0;
    int32_t miss;
    for (size_t i = model->from + 2; i < to; i++) {
        n += isn_miss(series, model, i, &miss) && miss == 0;
    }
    return n;
}

/* Of several places, for a number may have been missed; first where the fewest bits of the multiplier are unknown. */
static bool fit_congruence(const struct isn_series *series, size_t k, struct isn_model *model)
{
    size_t best = 1; /* the number that the multiplier comes from proves nothing */
    struct isn_model found = *model;
    bool any = false;
    for (unsigned half = 0; half < 2; half++) {
        unsigned tried = 0;
        for (unsigned shift = half; shift <= 8 && tried < CANDIDATES; shift++) {
            for (size_t i = model->from + 2; i < model->from + k && tried < CANDIDATES; i++) {
                struct isn_model it = *model;
                it.half = half != 0;
                if (twos((before(series, i, 1) - before(series, i, 2)) << half) != shift ||
                    !multiplier_of(series, i, it.half, &it.multiplier)) {
                    continue;
                }
                size_t now = hits(series, &it, model->from + k);
                tried++;
                if (now > best) {
                    best = now;
                    found = it;
                    any = true;
                }
            }
        }
    }
    *model = found;
    model->parameters = 1;
    model->log_tried = log(2.0 * CANDIDATES);
    return any;
}

/* ---- sums of two earlier numbers ---- */

static double agreement(const struct isn_series *series, const struct isn_model *model, size_t to)
{
    double sum = 0;
    int32_t miss;
    for (size_t i = model->from + 1; i < to; i++) {
        if (isn_miss(series, model, i, &miss)) {
            double part = miss * (2 / ISN_CYCLE);
            sum += 1 - 3 * part * part; /* on average nothing, as a cosine is, and cheaper */
        }
    }
    return sum;
}

static bool fit_lag(const struct isn_series *series, size_t k, struct isn_model *model)
{
    size_t to = model->from + (k < LAG_SAMPLE ? k : LAG_SAMPLE);
    double best = 0;
    struct isn_model found = *model;
    for (unsigned b = 2; b <= LAG_MOST && b + ISN_LEAST / 2 < k; b++) {
        for (unsigned a = 1; a < b; a++) {
            for (unsigned way = 0; way < 4; way++) {
                struct isn_model it = *model;
                it.lag[0] = a;
                it.lag[1] = b;
                it.minus = (way & 1) != 0;
                it.half = (way & 2) != 0;
                double now = agreement(series, &it, to);
                if (now > best) {
                    best = now;
                    found = it;
                }
            }
        }
    }
    *model = found;
    model->log_tried = log(LAG_MOST * (LAG_MOST - 1) * 2.0);
    return best > 0;
}

/* ---- all ---- */

static void take_pairs(struct isn_series *series, size_t from, size_t k, const double *by)
{
    struct isn_pairs *pairs = &series->pairs;
    pairs->n = k - 1;
    for (size_t j = 0; j + 1 < k; j++) {
        size_t i = from + j;
        pairs->difference[j] = series->x[i + 1] - series->x[i];
        pairs->time[j] = series->t[i + 1] - series->t[i];
        pairs->by[j] = by != NULL ? by[i + 1] - by[i] : 0;
    }
}

bool isn_fit(struct isn_series *series, enum isn_test test, size_t from, size_t k,
             struct isn_model *model)
{
    *model = (struct isn_model){.test = test, .from = from, .multiplier = 1};
    if (k < 3) {
        return false;
    }
    switch (test) {
    case ISN_NEAR:
        take_pairs(series, from, k, NULL);
        model->step = isn_median(&series->pairs);
        model->parameters = 1;
        return true;
    case ISN_CLOCK:
        take_pairs(series, from, k, NULL);
        return isn_fit_clock(&series->pairs, true, model);
    case ISN_OWN_PORT:
    case ISN_PEER_PORT:
    case ISN_PEER_ADDRESS:
        take_pairs(series, from, k, series->by[test - ISN_OWN_PORT]);
        return series->n >= ISN_LEAST && isn_fit_slope(&series->pairs, model);
    case ISN_TREND:
        return true;
    case ISN_CONGRUENCE:
        return k > 3 && fit_congruence(series, k, model);
    case ISN_LAG:
        return fit_lag(series, k, model);
    case ISN_PATTERN:
        return k > 3 * NEIGHBOURS;
    case ISN_EQUAL:
    case ISN_BITS_FIXED:
    case ISN_STEP:
    case ISN_DIVISOR:
    case ISN_COLLISION:
    case ISN_TUPLE_SAME:
    case ISN_TUPLE_CLOCK:
    case ISN_TESTS:
        break;
    }
    return false;
}

double isn_value(const struct isn_model *model)
{
    switch (model->test) {
    case ISN_NEAR:
        return (int32_t)isn_number(model->step);
    case ISN_CLOCK:
        return model->rate;
    case ISN_CONGRUENCE:
        return model->multiplier;
    case ISN_OWN_PORT:
    case ISN_PEER_PORT:
    case ISN_PEER_ADDRESS:
        return model->slope;
    case ISN_LAG:
        return model->minus ? -(double)model->lag[0] : model->lag[0];
    case ISN_TREND:
    case ISN_PATTERN:
    case ISN_EQUAL:
    case ISN_BITS_FIXED:
    case ISN_STEP:
    case ISN_DIVISOR:
    case ISN_COLLISION:
    case ISN_TUPLE_SAME:
    case ISN_TUPLE_CLOCK:
    case ISN_TESTS:
        break;
    }
    return 0;
}
