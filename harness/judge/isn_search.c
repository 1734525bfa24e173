/* The searches of the ISN audit, and its statistics: which rate or slope turns differences modulo 2^32 to one direction best,
 * and how often chance would do as well. A number modulo 2^32 is a direction on a circle, so these are the statistics of
 * directions: the length of their mean, and how much of the circle holds them. */
#include "isn_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TURN      6.283185307179586
#define RATE_MOST 33554432.0 /* 2^25 ticks a second: Linux has 15,625,000 */
#define GRID_MOST 4096u      /* rates that are tried */
#define GRID_FINE 4.0        /* rates tried within what turns the longest difference once */
#define LS_ROUNDS 12u
#define TRIM      6.0 /* misses that are so many times the median have no say */

uint32_t isn_number(double real)
{
    double rest = fmod(round(real), ISN_CYCLE);
    return (uint32_t)(uint64_t)(rest < 0 ? rest + ISN_CYCLE : rest);
}

int32_t isn_pair_miss(const struct isn_pairs *pairs, const struct isn_model *model, size_t j)
{
    double foretold = model->step + model->rate * pairs->time[j] + model->slope * pairs->by[j];
    return (int32_t)(pairs->difference[j] - isn_number(foretold));
}

/* ---- statistics ---- */

static double size_of(int32_t miss)
{
    return miss < 0 ? -(double)miss : (double)miss;
}

static int by_size(const void *a, const void *b)
{
    double first = size_of(*(const int32_t *)a);
    double second = size_of(*(const int32_t *)b);
    return (first > second) - (first < second);
}

static int by_value(const void *a, const void *b)
{
    int32_t first = *(const int32_t *)a;
    int32_t second = *(const int32_t *)b;
    return (first > second) - (first < second);
}

/* Two statistics, of which the better counts, and so each counts twice. The mean of the cosines: that of m directions drawn by
 * chance is above c no more often than exp(-m c^2). And how many of m fall within a part of the circle, for four such parts;
 * each parameter that was fitted can bring one of them there, whichever it was. */
double isn_chance(int32_t *misses, size_t m, unsigned parameters, double log_tried)
{
    static const double shares[] = {1, 0.9, 0.5, 0.1};
    double sum = 0;
    double most = log_tried + parameters * log((double)m + 1);
    if (m <= parameters) {
        return 0;
    }
    for (size_t j = 0; j < m; j++) {
        sum += cos(size_of(misses[j]) * (TURN / ISN_CYCLE));
    }
    double mean = sum / (double)m;
    double best = mean > 0 ? most - (double)m * mean * mean : 0;
    qsort(misses, m, sizeof *misses, by_size);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double held = ceil(shares[i] * (double)m);
        double part = fmin(1, (2 * size_of(misses[(size_t)held - 1]) + 1) / ISN_CYCLE);
        double ways = lgamma((double)m + 1) - lgamma(held + 1) - lgamma((double)m - held + 1);
        double free = held - parameters;
        if (free > 0) {
            best = fmin(best, most + log(4) + ways + free * log(part));
        }
    }
    return fmin(0, best + log(2));
}

double isn_bits(const int32_t *misses, size_t m)
{
    double half = log2(4 * size_of(misses[m / 2]) + 1);
    double quarter = log2(8 * size_of(misses[m / 4]) + 4);
    return fmin(32, fmin(half, quarter));
}

double isn_median(struct isn_pairs *pairs)
{
    struct isn_wave sum = {0, 0};
    for (size_t j = 0; j < pairs->n; j++) {
        double angle = pairs->difference[j] * (TURN / ISN_CYCLE);
        sum.re += cos(angle);
        sum.im += sin(angle);
    }
    double mean = round(atan2(sum.im, sum.re) * (ISN_CYCLE / TURN));
    for (size_t j = 0; j < pairs->n; j++) {
        pairs->miss[j] = (int32_t)(pairs->difference[j] - isn_number(mean));
    }
    qsort(pairs->miss, pairs->n, sizeof *pairs->miss, by_value);
    return mean + pairs->miss[pairs->n / 2];
}

double isn_log_more(double came, double meant)
{
    return came > meant ? came - meant + came * log(meant / came) : 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t first = *(const uint32_t *)a;
    uint32_t second = *(const uint32_t *)b;
    return (first > second) - (first < second);
}

struct isn_repeats isn_repeats(uint32_t *numbers, size_t n)
{
    struct isn_repeats repeats = {.all = (double)n * ((double)n - 1) / 2};
    size_t most = 0;
    qsort(numbers, n, sizeof *numbers, by_number);
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && numbers[i + run] == numbers[i]; run++) {
        }
        repeats.again += (double)run - 1;
        repeats.pairs += (double)run * ((double)run - 1) / 2;
        if (run > most) {
            most = run;
            repeats.mode = numbers[i];
        }
    }
    return repeats;
}

/* ---- least squares modulo 2^32 ---- */

/* Solve three equations with three unknowns. The diagonal gets a trifle more, so that what is not asked for, or cannot be told
 * apart, comes out as nothing. */
static void solve(double a[3][4], double answer[3])
{
    for (unsigned i = 0; i < 3; i++) {
        a[i][i] += 1e-9;
    }
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned row = 0; row < 3; row++) {
            double times = row != i ? a[row][i] / a[i][i] : 0;
            for (unsigned column = i; column < 4; column++) {
                a[row][column] -= times * a[i][column];
            }
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        answer[i] = a[i][3] / a[i][i];
    }
}

/* From a rate and slope that are nearly right to the best: the misses are small enough not to have gone round the circle. */
static void refine(struct isn_pairs *pairs, const bool fitted[3], struct isn_model *model)
{
    double scale[3] = {1, 1e-9, 1e-9};
    for (size_t j = 0; j < pairs->n; j++) {
        scale[1] = fmax(scale[1], fabs(pairs->time[j]));
        scale[2] = fmax(scale[2], fabs(pairs->by[j]));
    }
    for (unsigned round = 0; round < LS_ROUNDS; round++) {
        double sums[3][4] = {{0}};
        double answer[3];
        for (size_t j = 0; j < pairs->n; j++) {
            pairs->miss[j] = isn_pair_miss(pairs, model, j);
        }
        qsort(pairs->miss, pairs->n, sizeof *pairs->miss, by_size);
        double limit = TRIM * (size_of(pairs->miss[pairs->n / 2]) + 1);
        for (size_t j = 0; j < pairs->n; j++) {
            double miss = isn_pair_miss(pairs, model, j);
            const double of[4] = {fitted[0], fitted[1] ? pairs->time[j] / scale[1] : 0,
                                  fitted[2] ? pairs->by[j] / scale[2] : 0, miss};
            for (unsigned cell = 0; cell < 12 && fabs(miss) <= limit; cell++) {
                sums[cell / 4][cell % 4] += of[cell / 4] * of[cell % 4];
            }
        }
        solve(sums, answer);
        model->step += answer[0];
        model->rate += answer[1] / scale[1];
        model->slope += answer[2] / scale[2];
    }
}

/* ---- searching ---- */

/* How well differences at this rate point in one direction; without a step that has to be zero. */
static double points(const struct isn_pairs *pairs, double rate, bool step, double *direction)
{
    struct isn_wave sum = {0, 0};
    for (size_t j = 0; j < pairs->n; j++) {
        double angle = (pairs->difference[j] - rate * pairs->time[j]) * (TURN / ISN_CYCLE);
        sum.re += cos(angle);
        sum.im += sin(angle);
    }
    *direction = step ? atan2(sum.im, sum.re) * (ISN_CYCLE / TURN) : 0;
    return step ? hypot(sum.re, sum.im) : sum.re;
}

bool isn_fit_clock(struct isn_pairs *pairs, bool step, struct isn_model *model)
{
    double longest = 0;
    double best = -1;
    const bool fitted[3] = {step, true, false};
    for (size_t j = 0; j < pairs->n; j++) {
        longest = fmax(longest, pairs->time[j]);
    }
    if (pairs->n < 2 || longest <= 0) {
        return false;
    }
    double turns = fmin(longest * RATE_MOST / ISN_CYCLE, GRID_MOST / GRID_FINE);
    double width = ISN_CYCLE / longest / GRID_FINE;
    for (double i = 0; i <= turns * GRID_FINE; i++) {
        double direction;
        double how = points(pairs, i * width, step, &direction);
        if (how > best) {
            best = how;
            model->rate = i * width;
            model->step = direction;
        }
    }
    refine(pairs, fitted, model);
    model->parameters = step ? 2 : 1;
    model->log_tried = log(turns + 1);
    return best > 0;
}

/* The turns of a transform, once: they stand behind the waves. */
static const struct isn_wave *turns_of(struct isn_wave *waves)
{
    struct isn_wave *turns = waves + ISN_WAVES;
    for (unsigned k = 0; turns[0].re == 0 || (k > 0 && k < ISN_WAVES / 2); k++) {
        turns[k].re = cos(TURN * k / ISN_WAVES);
        turns[k].im = -sin(TURN * k / ISN_WAVES);
    }
    return turns;
}

/* To where they stand when the bits of their places are read backwards. */
static void reorder(struct isn_wave *w)
{
    for (unsigned i = 1, j = 0; i < ISN_WAVES; i++) {
        unsigned bit = ISN_WAVES >> 1;
        for (; (j & bit) != 0; bit >>= 1) {
            j ^= bit;
        }
        j ^= bit;
        if (i < j) {
            struct isn_wave kept = w[i];
            w[i] = w[j];
            w[j] = kept;
        }
    }
}

/* Fourier's, in place. */
static void transform(struct isn_wave *w)
{
    const struct isn_wave *turns = turns_of(w);
    reorder(w);
    for (unsigned half = 1; half < ISN_WAVES; half *= 2) {
        unsigned stride = ISN_WAVES / 2 / half;
        for (unsigned from = 0; from < ISN_WAVES; from += 2 * half) {
            for (unsigned k = 0; k < half; k++) {
                const struct isn_wave *turn = &turns[k * stride];
                struct isn_wave *a = &w[from + k];
                struct isn_wave *b = a + half;
                struct isn_wave turned = {b->re * turn->re - b->im * turn->im,
                                          b->re * turn->im + b->im * turn->re};
                *b = (struct isn_wave){a->re - turned.re, a->im - turned.im};
                *a = (struct isn_wave){a->re + turned.re, a->im + turned.im};
            }
        }
    }
}

/* Every slope at once, for one rate; a port's difference has at most 17 bits, a transform of 18 leaves no slope out. */
static double search_slope(struct isn_pairs *pairs, double rate, struct isn_model *model)
{
    double best = 0;
    memset(pairs->waves, 0, ISN_WAVES * sizeof *pairs->waves);
    for (size_t j = 0; j < pairs->n; j++) {
        double angle = (pairs->difference[j] - rate * pairs->time[j]) * (TURN / ISN_CYCLE);
        struct isn_wave *wave = &pairs->waves[(uint32_t)(int32_t)pairs->by[j] % ISN_WAVES];
        wave->re += cos(angle);
        wave->im += sin(angle);
    }
    transform(pairs->waves);
    for (unsigned k = 0; k < ISN_WAVES; k++) {
        const struct isn_wave *wave = &pairs->waves[k];
        double how = wave->re * wave->re + wave->im * wave->im;
        if (how > best) {
            best = how;
            model->slope = k * (ISN_CYCLE / ISN_WAVES);
            model->step = atan2(wave->im, wave->re) * (ISN_CYCLE / TURN);
        }
    }
    model->rate = rate;
    return best;
}

/* The rates are those that clocks are known to have. One that does not turn the longest difference by a quarter hides no slope:
 * it is found when that is refined. */
bool isn_fit_slope(struct isn_pairs *pairs, struct isn_model *model)
{
    static const double rates[] = {0, 250000, 1000000, 15625000};
    static const bool fitted[3] = {true, true, true};
    double best = 0;
    double longest = 0;
    bool varies = false;
    for (size_t j = 0; j < pairs->n; j++) {
        longest = fmax(longest, pairs->time[j]);
        varies = varies || pairs->by[j] != pairs->by[0]; /* the same bits, or not */
    }
    if (pairs->n < 4 || !varies) {
        return false;
    }
    for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct isn_model tried = *model;
        if (i > 0 && rates[i] * longest < ISN_CYCLE / 4) {
            continue;
        }
        double how = search_slope(pairs, rates[i], &tried);
        if (how > best) {
            best = how;
            *model = tried;
        }
    }
    refine(pairs, fitted, model);
    if (model->slope > ISN_CYCLE / 2) {
        model->slope -= ISN_CYCLE;
    }
    model->parameters = 3;
    model->log_tried = log(ISN_WAVES * 4.0);
    return true;
}
