/* Where rule hits meet the engine that guides the fuzzer: libFuzzer reads a section of extra
 * counters, AFL++ wants its guard function called. Neither reads the other's. */
#include "coverage.h"
#include "tfsm_listener.h"
#include "tfsm_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static coverage_hearer *told; /* null: nobody */
static void *told_user;

void coverage_tell(coverage_hearer *hearer, void *user)
{
    told = hearer;
    told_user = user;
}

static void tell(unsigned rule)
{
    if (told != NULL) {
        told(told_user, rule);
    }
}

#if defined(TFSM_FUZZ)

#define PAIRS    2048 /* hashed pairs; few enough for every bitmap */
#define COUNTERS (TFSM_LISTENER_COUNTS * (TFSM_LISTENER_COUNTS + 1)) /* alone, and pairs */
#define CELLS    (TFSM_RULES + PAIRS + COUNTERS)

static unsigned previous;
static unsigned previous_counter;
static bool off;

#if defined(__AFL_COMPILER)
void __sanitizer_cov_trace_pc_guard(uint32_t *guard);
__attribute__((section("__sancov_guards"), used)) static uint32_t cells[CELLS];

static void count(unsigned cell)
{
    __sanitizer_cov_trace_pc_guard(&cells[cell]);
}
#else
__attribute__((section("__libfuzzer_extra_counters"), used)) static uint8_t cells[CELLS];

static void count(unsigned cell)
{
    if (cells[cell] < UINT8_MAX) {
        cells[cell]++;
    }
}
#endif

/* How often a pair came is not worth an input: the corpus would drown in them. libFuzzer is told
 * once a run, AFL++ counts in coarse buckets anyway. */
static void mark(unsigned cell)
{
#if defined(__AFL_COMPILER)
    count(cell);
#else
    cells[cell] = 1;
#endif
}

void coverage_off(void)
{
    off = true;
}

void coverage_begin(void)
{
    previous = TFSM_RULES;
    previous_counter = 0;
}

void coverage_rule(unsigned rule)
{
    tell(rule);
    if (rule >= TFSM_RULES || off) {
        return;
    }
    count(rule);
    mark(TFSM_RULES + (previous * 131u + rule) % PAIRS);
    previous = rule;
}

void coverage_counter(unsigned counter)
{
    if (counter >= TFSM_LISTENER_COUNTS || off) {
        return;
    }
    mark(TFSM_RULES + PAIRS + counter * (TFSM_LISTENER_COUNTS + 1) + previous_counter);
    previous_counter = counter + 1; /* 0 is none */
}

#else

void coverage_off(void) {}

void coverage_begin(void) {}

void coverage_rule(unsigned rule)
{
    tell(rule);
}

void coverage_counter(unsigned counter)
{
    (void)counter;
}

#endif
