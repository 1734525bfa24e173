/* The ISN audit; see isn.h. Tests across tuples look at the first number of each tuple alone: a sound generator gives a tuple that
 * comes back a number near the last one, and that is no fault. Where several findings convict, the one that leaves the least to
 * guess is the verdict. */
#include "isn_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP_BITS    6.0 /* more different differences than this allows are no step */
#define TRIES        64u
#define COSTLY       16u /* tries with what takes a search of its own */
#define TUPLES_LEAST 3u  /* fewer: the numbers of a tuple are all there is */
/* Seconds: a SYN cookie stays the same within its period, and soundly so. */
#define COOKIE_LIVES 128.0

struct audit {
    const struct isn_seen *seen;
    size_t n;
    struct isn_series series;
    struct isn_findings *findings;
};

/* What a finding has to leave less than another to be preferred: the simpler one comes first. */
static const double handicap[ISN_TESTS] = {
    [ISN_DIVISOR] = 1,    [ISN_NEAR] = 0.5,    [ISN_TREND] = 1,          [ISN_CLOCK] = 1,
    [ISN_CONGRUENCE] = 1, [ISN_COLLISION] = 2, [ISN_OWN_PORT] = 1.5,     [ISN_PEER_PORT] = 1.5,
    [ISN_LAG] = 1.5,      [ISN_PATTERN] = 2,   [ISN_PEER_ADDRESS] = 1.5, [ISN_TUPLE_SAME] = 64,
};

static void find(struct audit *audit, enum isn_test test, double log_p, double bits, double value)
{
    struct isn_finding *finding = &audit->findings->finding[test];
    finding->ran = true;
    finding->log10_p = fmin(0, log_p / log(10));
    finding->convicts = finding->log10_p < ISN_CONVICTS_LOG10;
    finding->bits = bits;
    finding->value = value;
}

/* ---- what numbers and differences are made of ---- */

static void test_numbers(struct audit *audit)
{
    struct isn_series *series = &audit->series;
    uint32_t *sorted = series->pairs.difference;
    uint32_t ones = UINT32_MAX;
    uint32_t zeros = UINT32_MAX;
    bool equal =
        audit->n >= 3 && (audit->findings->tuples > 1 || audit->findings->span > COOKIE_LIVES);
    for (size_t i = 0; i < audit->n; i++) {
        equal = equal && audit->seen[i].isn == audit->seen[0].isn;
    }
    if (equal) {
        find(audit, ISN_EQUAL, -32 * log(2) * ((double)audit->n - 1), 0, audit->seen[0].isn);
    }
    for (size_t i = 0; i < series->n; i++) {
        ones &= series->x[i];
        zeros &= ~series->x[i];
        sorted[i] = series->x[i];
    }
    int fixed = __builtin_popcount(ones | zeros);
    double ways = lgamma(33) - lgamma(fixed + 1.0) - lgamma(33.0 - fixed);
    find(audit, ISN_BITS_FIXED, ways - fixed * log(2) * ((double)series->n - 1), 32 - fixed, fixed);
    struct isn_repeats repeats = isn_repeats(sorted, series->n);
    double meant = repeats.all / ISN_CYCLE;
    find(audit, ISN_COLLISION, isn_log_more(repeats.again, meant),
         repeats.pairs > 0 ? fmin(32, -log2(repeats.pairs / repeats.all)) : 32, repeats.again);
    audit->findings->finding[ISN_COLLISION].other = meant;
    double pairs_most = repeats.pairs + 1.65 * sqrt(repeats.pairs) + 3;
    audit->findings->shown = fmin(32, fmax(0, log2(repeats.all / pairs_most)));
}

static uint32_t divisor_of(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Of neighbours alone: with numbers between them differences add up, and go round. */
static void test_differences(struct audit *audit)
{
    const struct isn_series *series = &audit->series;
    uint32_t *difference = series->pairs.difference;
    uint32_t divisor = 0;
    size_t m = 0;
    for (size_t i = 1; i < series->n; i++) {
        if (series->place[i] == series->place[i - 1] + 1) {
            uint32_t it = series->x[i] - series->x[i - 1];
            divisor = divisor_of(divisor, it <= INT32_MAX ? it : 0 - it);
            difference[m++] = it;
        }
    }
    struct isn_repeats repeats = isn_repeats(difference, m);
    double bits = repeats.pairs > 0 ? fmin(32, -log2(repeats.pairs / repeats.all)) : 32;
    find(audit, ISN_STEP, isn_log_more(repeats.again, repeats.all / ISN_CYCLE), bits, repeats.mode);
    struct isn_finding *step = &audit->findings->finding[ISN_STEP];
    step->convicts = step->convicts && bits <= STEP_BITS && repeats.mode != 0;
    if (divisor > 1 && m >= 3) {
        double left = audit->findings->finding[ISN_NEAR].bits - log2(divisor);
        find(audit, ISN_DIVISOR, (1 - (double)m) * log(divisor) - log((double)m - 1), fmax(0, left),
             divisor);
    }
}

/* ---- models ---- */

/* The misses of numbers from..from+k-1, in pairs.miss. */
static size_t take_misses(struct isn_series *series, const struct isn_model *model, size_t k)
{
    size_t m = 0;
    for (size_t i = model->from + 1; i < model->from + k; i++) {
        m += isn_miss(series, model, i, &series->pairs.miss[m]);
    }
    return m;
}

static void test_model(struct audit *audit, enum isn_test test)
{
    struct isn_series *series = &audit->series;
    struct isn_model model;
    if (!isn_fit(series, test, 0, audit->findings->analysed, &model)) {
        return;
    }
    int32_t *misses = series->pairs.miss;
    size_t m = take_misses(series, &model, audit->findings->analysed);
    if (m >= 2) {
        double log_p = isn_chance(misses, m, model.parameters, model.log_tried);
        find(audit, test, log_p, isn_bits(misses, m), isn_value(&model));
        audit->findings->finding[test].other = test == ISN_LAG ? model.lag[1] : model.rate;
    }
}

static void test_models(struct audit *audit)
{
    static const enum isn_test tests[] = {ISN_NEAR,     ISN_TREND,     ISN_CLOCK,
                                          ISN_OWN_PORT, ISN_PEER_PORT, ISN_PEER_ADDRESS,
                                          ISN_LAG,      ISN_PATTERN,   ISN_CONGRUENCE};
    for (unsigned i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        test_model(audit, tests[i]);
    }
}

/* ---- an observer of k numbers ---- */

static bool observer_tries(const struct audit *audit, enum isn_test test)
{
    bool costly = test >= ISN_OWN_PORT && test <= ISN_LAG;
    return (test >= ISN_NEAR && test <= ISN_CONGRUENCE) || test == ISN_PATTERN ||
           (costly && audit->findings->verdict >= ISN_CONSTANT && audit->findings->test == test);
}

/* Foretells number i by what did best on the k before it. */
static int32_t foretell(struct audit *audit, size_t i, size_t k)
{
    struct isn_series *series = &audit->series;
    double best = 1;
    int32_t miss = INT32_MIN;
    for (unsigned test = 0; test < ISN_TESTS; test++) {
        struct isn_model model;
        int32_t now;
        if (!observer_tries(audit, (enum isn_test)test) ||
            !isn_fit(series, (enum isn_test)test, i - k, k, &model) ||
            !isn_miss(series, &model, i, &now)) {
            continue;
        }
        size_t m = take_misses(series, &model, k);
        double chance = isn_chance(series->pairs.miss, m, model.parameters, model.log_tried);
        if (m > 0 && chance < best) {
            best = chance;
            miss = now;
        }
    }
    return miss;
}

/* Bits left to who guesses among the k numbers seen, or keeps the bits that were the same in all: 32 where number i is not so. */
static double narrow(const struct isn_series *series, size_t i, size_t k)
{
    uint32_t ones = UINT32_MAX;
    uint32_t zeros = UINT32_MAX;
    bool there = false;
    for (size_t j = i - k; j < i; j++) {
        ones &= series->x[j];
        zeros &= ~series->x[j];
        there = there || series->x[j] == series->x[i];
    }
    bool fits = (ones & ~series->x[i]) == 0 && (zeros & series->x[i]) == 0;
    double bits = fits ? 32 - __builtin_popcount(ones | zeros) : 32;
    return there ? fmin(bits, log2((double)k)) : bits;
}

static int by_bits(const void *a, const void *b)
{
    double first = *(const double *)a;
    double second = *(const double *)b;
    return (first > second) - (first < second);
}

static void observe(struct audit *audit, struct isn_observer *observer)
{
    const struct isn_series *series = &audit->series;
    size_t n = audit->findings->analysed;
    size_t k = observer->k;
    unsigned tries = TRIES;
    double bits[2][TRIES];
    if (n < k + COSTLY) {
        return;
    }
    for (unsigned test = ISN_OWN_PORT; test <= ISN_LAG; test++) {
        tries = observer_tries(audit, (enum isn_test)test) ? COSTLY : tries;
    }
    tries = n - k < tries ? (unsigned)(n - k) : tries;
    for (unsigned try = 0; try < tries; try++) {
        size_t i = k + (n - k) * try / tries;
        int32_t miss = foretell(audit, i, k);
        bits[0][try] = fmin(32, log2(4 * fabs((double)miss) + 1));
        bits[1][try] = narrow(series, i, k);
    }
    observer->tries = tries;
    observer->bits = 32;
    for (unsigned way = 0; way < 2; way++) {
        qsort(bits[way], tries, sizeof bits[way][0], by_bits);
        double best = fmin(bits[way][tries / 2], bits[way][tries / 4] + 1); /* as isn_bits() */
        observer->bits = fmin(observer->bits, best);
    }
}

/* ---- within a tuple ---- */

static int compare_tuples(const struct isn_seen *a, const struct isn_seen *b)
{
    int order = memcmp(a->peer.octets, b->peer.octets, sizeof a->peer.octets);
    order = order != 0 ? order : (int)a->peer.family - (int)b->peer.family;
    order = order != 0 ? order : (int)a->peer_port - (int)b->peer_port;
    return order != 0 ? order : (int)a->port - (int)b->port;
}

struct place {
    const struct isn_seen *seen; /* all of them stand in one array, so an address is an order */
};

static int by_tuple(const void *a, const void *b)
{
    const struct place *first = a;
    const struct place *second = b;
    int order = compare_tuples(first->seen, second->seen);
    return order != 0 ? order : (first->seen > second->seen) - (first->seen < second->seen);
}

/* Who is the first of its tuple; and the differences to the one before within a tuple, in pairs. */
static void sort_tuples(struct audit *audit, struct place *places, bool *first)
{
    struct isn_pairs *pairs = &audit->series.pairs;
    for (size_t i = 0; i < audit->n; i++) {
        places[i].seen = &audit->seen[i];
    }
    qsort(places, audit->n, sizeof *places, by_tuple);
    pairs->n = 0;
    for (size_t i = 0; i < audit->n; i++) {
        const struct isn_seen *seen = places[i].seen;
        const struct isn_seen *before = i > 0 ? places[i - 1].seen : NULL;
        bool begins = before == NULL || compare_tuples(before, seen) != 0;
        first[seen - audit->seen] = begins;
        audit->findings->tuples += begins;
        audit->findings->again += !begins;
        if (!begins &&
            (seen->isn != before->isn || (double)(seen->at - before->at) / 1e6 > COOKIE_LIVES)) {
            pairs->difference[pairs->n] = seen->isn - before->isn;
            pairs->by[pairs->n] = 0;
            pairs->time[pairs->n++] = (double)(seen->at - before->at) / 1e6;
        }
    }
}

/* The same number again, which nothing that has a clock gives. */
static bool test_same(struct audit *audit)
{
    const struct isn_pairs *pairs = &audit->series.pairs;
    struct isn_finding *finding = &audit->findings->finding[ISN_TUPLE_SAME];
    double m = (double)pairs->n;
    double same = 0;
    for (size_t j = 0; j < pairs->n; j++) {
        same += pairs->difference[j] == 0;
    }
    find(audit, ISN_TUPLE_SAME, isn_log_more(same, m / ISN_CYCLE), 0, same);
    finding->other = m;
    finding->convicts = finding->convicts && same >= 2 && 2 * same >= m;
    return finding->convicts;
}

/* In `miss`. Returns how often chance would do as well, as a logarithm. */
static double miss_pairs(struct isn_pairs *pairs, const struct isn_model *model)
{
    for (size_t j = 0; j < pairs->n; j++) {
        pairs->miss[j] = isn_pair_miss(pairs, model, j);
    }
    return isn_chance(pairs->miss, pairs->n, model->parameters, model->log_tried);
}

/* What grows slowly, whatever the time, fits a slow clock, too: it is none where a fixed step fits better. */
static void test_tuples(struct audit *audit)
{
    struct isn_pairs *pairs = &audit->series.pairs;
    struct isn_model step = {.test = ISN_NEAR};
    struct isn_model model = {.test = ISN_TUPLE_CLOCK};
    if (pairs->n == 0 || test_same(audit)) {
        return;
    }
    pairs->n = pairs->n < ISN_MOST ? pairs->n : ISN_MOST;
    step.step = isn_median(pairs);
    miss_pairs(pairs, &step);
    double bits = isn_bits(pairs->miss, pairs->n);
    if (isn_fit_clock(pairs, false, &model)) {
        double log_p = miss_pairs(pairs, &model);
        double left = isn_bits(pairs->miss, pairs->n);
        find(audit, ISN_TUPLE_CLOCK, left <= bits ? log_p : 0, left, model.rate);
    }
}

/* ---- the verdict ---- */

static enum isn_verdict verdict_of(const struct isn_findings *findings, enum isn_test test)
{
    const struct isn_finding *finding = &findings->finding[test];
    switch (test) {
    case ISN_EQUAL:
        return ISN_CONSTANT;
    case ISN_BITS_FIXED:
        return ISN_NARROW;
    case ISN_STEP:
    case ISN_DIVISOR:
        return ISN_STEPPED;
    case ISN_NEAR: /* with no bit left more than half of the differences are the same */
        return finding->bits > 0                          ? ISN_SMALL
               : finding->value < 0 || finding->value > 0 ? ISN_STEPPED
                                                          : ISN_FEW_VALUES;
    case ISN_CLOCK:
        return ISN_CLOCK_ONLY;
    case ISN_TREND:
    case ISN_CONGRUENCE:
    case ISN_LAG:
        return ISN_RECURRENCE;
    case ISN_COLLISION:
        return ISN_FEW_VALUES;
    case ISN_OWN_PORT:
    case ISN_PEER_PORT:
    case ISN_PEER_ADDRESS:
        return ISN_LINEAR;
    case ISN_PATTERN:
        return ISN_PATTERNED;
    case ISN_TUPLE_SAME:
        return ISN_TUPLE_ONLY;
    case ISN_TUPLE_CLOCK:
    case ISN_TESTS:
        break;
    }
    return ISN_SOUND;
}

static void judge(struct isn_findings *findings)
{
    struct isn_finding *clock = &findings->finding[ISN_TUPLE_CLOCK];
    bool ticks = clock->convicts;
    double best = 1e9;
    clock->convicts = false;
    for (unsigned test = 0; test < ISN_TESTS; test++) {
        struct isn_finding *finding = &findings->finding[test];
        if (findings->tuples < TUPLES_LEAST &&
            (ticks || (test != ISN_EQUAL && test != ISN_STEP && test != ISN_CONGRUENCE &&
                       test != ISN_TUPLE_SAME))) {
            finding->convicts = false; /* a sound generator looks like that within a tuple */
        }
        if (finding->convicts && finding->bits + handicap[test] < best) {
            best = finding->bits + handicap[test];
            findings->test = (enum isn_test)test;
        }
    }
    findings->bits = best < 1e9 ? findings->finding[findings->test].bits : 32;
    if (best < 1e9) {
        findings->verdict = verdict_of(findings, findings->test);
    } else if (findings->tuples < ISN_LEAST) {
        findings->verdict = ISN_TOO_FEW;
    } else {
        findings->verdict = ticks ? ISN_RFC6528 : ISN_SOUND;
    }
}

/* ---- all ---- */

static void take_series(struct audit *audit, const bool *first)
{
    struct isn_series *series = &audit->series;
    bool all = audit->findings->tuples < TUPLES_LEAST;
    for (size_t i = 0; i < audit->n; i++) {
        const struct isn_seen *seen = &audit->seen[i];
        const uint8_t *end = seen->peer.octets + (seen->peer.family == 6 ? 14 : 2);
        series->all[i] = seen->isn;
        if (!all && !first[i]) {
            continue;
        }
        series->x[series->n] = seen->isn;
        series->t[series->n] = (double)(seen->at - audit->seen[0].at) / 1e6;
        series->by[0][series->n] = seen->port;
        series->by[1][series->n] = seen->peer_port;
        series->by[2][series->n] = end[0] << 8 | end[1];
        series->place[series->n++] = i;
    }
}

static void run_tests(struct audit *audit)
{
    struct isn_findings *findings = audit->findings;
    static const unsigned knows[ISN_OBSERVERS] = {4, 16, 64, 256};
    findings->analysed = audit->series.n < ISN_MOST ? audit->series.n : ISN_MOST;
    if (audit->series.n >= 3) {
        test_models(audit);
        test_numbers(audit);
        test_differences(audit);
    }
    judge(findings);
    for (unsigned i = 0; i < ISN_OBSERVERS; i++) {
        findings->observer[i].k = knows[i];
        if (findings->verdict != ISN_TOO_FEW) {
            observe(audit, &findings->observer[i]);
        }
    }
}

bool isn_audit(const struct isn_seen *seen, size_t n, struct isn_findings *findings)
{
    struct audit audit = {.seen = seen, .n = n, .findings = findings};
    struct isn_series *series = &audit.series;
    struct isn_pairs *pairs = &series->pairs;
    *findings = (struct isn_findings){.numbers = n, .bits = 32};
    if (n == 0) {
        return true;
    }
    findings->span = (double)(seen[n - 1].at - seen[0].at) / 1e6;
    double *reals = calloc(n, 6 * sizeof *reals);
    uint32_t *numbers = calloc(n, 4 * sizeof *numbers);
    struct place *places = calloc(n, sizeof *places);
    bool *first = calloc(n, sizeof *first);
    series->place = calloc(n, sizeof *series->place);
    pairs->waves = calloc(n < ISN_LEAST ? 1 : ISN_ROOM, sizeof *pairs->waves);
    bool good = reals != NULL && numbers != NULL && places != NULL && first != NULL &&
                series->place != NULL && pairs->waves != NULL;
    if (good) {
        series->x = numbers;
        pairs->difference = numbers + n;
        pairs->miss = (int32_t *)(numbers + 2 * n);
        series->all = numbers + 3 * n;
        series->t = reals;
        series->by[0] = reals + n;
        series->by[1] = reals + 2 * n;
        series->by[2] = reals + 3 * n;
        pairs->time = reals + 4 * n;
        pairs->by = reals + 5 * n;
        sort_tuples(&audit, places, first);
        test_tuples(&audit);
        take_series(&audit, first);
        run_tests(&audit);
    }
    free(reals);
    free(numbers);
    free(places);
    free(first);
    free(series->place);
    free(pairs->waves);
    return good;
}
