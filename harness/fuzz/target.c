/* See target.h. */
#include "target.h"
#include "coverage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__asan_default_options(void);

static struct fuzz_stats *stats;

/* What AddressSanitizer is told where ASAN_OPTIONS says nothing else. It keeps 256 MiB that were
 * freed from being handed out again, and so every input, which the engine copies first, lies in
 * memory that nobody has touched yet: a page fault each. A few MiB are more than all that these
 * targets free in a run. */
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=8";
}

_Static_assert(TFSM_LISTENER_COUNTS <= 64, "a bit for each counter");
_Static_assert(TFSM_WIRE_RESULTS <= 64, "a bit for each answer");

static void open_stats(void)
{
    const char *path = getenv("TFSM_STATS");
    if (path == NULL || stats != NULL) {
        return;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof *stats) != 0) {
        fprintf(stderr, "fuzz: %s: cannot count there\n", path);
        exit(2);
    }
    void *map = mmap(NULL, sizeof *stats, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        fprintf(stderr, "fuzz: %s: cannot map it\n", path);
        exit(2);
    }
    stats = map;
    stats->magic = FUZZ_STATS_MAGIC;
}

/* The engines call this once, before the first input. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *counters = getenv("TFSM_RULE_COUNTERS");
    if (counters != NULL && strcmp(counters, "0") == 0) {
        coverage_off();
    }
    open_stats();
    return 0;
}

static void count_one(enum fuzz_target target, uint64_t events)
{
    stats->mode = target;
    __atomic_fetch_add(&stats->executions, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&stats->events, events, __ATOMIC_RELAXED);
}

static void count(enum run_mode mode, const struct run_result *result)
{
    if (stats == NULL) {
        return;
    }
    count_one((enum fuzz_target)mode, result->events);
    for (unsigned i = 0; i < sizeof result->rules / sizeof result->rules[0]; i++) {
        /* No test whether it is news: coverage must not depend on what ran before. */
        __atomic_fetch_or(&stats->rules[i], result->rules[i], __ATOMIC_RELAXED);
    }
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        uint64_t moved = result->counters[i] != 0;
        __atomic_fetch_or(&stats->counters, moved << i, __ATOMIC_RELAXED);
    }
}

static void stop(const char *id, const char *why)
{
    fprintf(stderr, "violation %s: %s\n", id, why);
    abort();
}

int fuzz_run(enum run_mode mode, const uint8_t *octets, size_t size)
{
    return fuzz_watch(mode, octets, size, NULL, NULL);
}

int fuzz_watch(enum run_mode mode, const uint8_t *octets, size_t size, run_log *log, void *user)
{
    struct run_result result = run_program(mode, octets, size, log, user);
    count(mode, &result);
    struct fuzz_broken broken = fuzz_breaks(mode, &result);
    if (broken.rule < TFSM_RULES) {
        fprintf(stderr, "%s is out of reach in reach.c\n", tfsm_rule_name(broken.rule));
    } else if (broken.id != NULL && result.violation.counted) {
        fprintf(stderr, "expected %" PRIu64 ", found %" PRIu64 "\n", result.violation.expected,
                result.violation.found);
    }
    if (broken.id != NULL) {
        stop(broken.id, broken.requirement);
    }
    return 0;
}

void fuzz_ended(enum fuzz_target target, unsigned end, uint64_t events)
{
    if (stats != NULL) {
        count_one(target, events);
        __atomic_fetch_or(&stats->counters, UINT64_C(1) << end, __ATOMIC_RELAXED);
    }
}

unsigned fuzz_hits(void)
{
    unsigned hits = 0;
    if (stats == NULL) {
        return 0;
    }
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        hits += stats->rules[i / 64] >> (i % 64) & 1;
    }
    for (unsigned i = 0; i < 64; i++) {
        hits += stats->counters >> i & 1;
    }
    return hits;
}

unsigned fuzz_ends(enum fuzz_target target)
{
    switch (target) {
    case FUZZ_TRACE:
    case FUZZ_PAIR:
    case FUZZ_ENDPOINT:
    case FUZZ_STEP:
        break;
    case FUZZ_LISTENER:
        return TFSM_LISTENER_COUNTS;
    case FUZZ_WIRE:
        return TFSM_WIRE_RESULTS;
    case FUZZ_SCRIPT:
        return FUZZ_SCRIPT_ENDS;
    }
    return 0;
}

const char *fuzz_end_name(enum fuzz_target target, unsigned end)
{
    static const char *const scripts[FUZZ_SCRIPT_ENDS] = {
        "no script", "options are refused", "asks for too much", "passed", "failed", "bad"};
    if (target == FUZZ_LISTENER) {
        return tfsm_listener_counter_name((enum tfsm_listener_counter)end);
    }
    return target == FUZZ_WIRE ? tfsm_wire_result_name((enum tfsm_wire_result)end) : scripts[end];
}
