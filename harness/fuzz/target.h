/* What the program-driven fuzz targets share: one call that runs an input, counts it, and aborts on
 * a broken invariant. Counting goes to a file mapped into memory, named by the environment variable
 * TFSM_STATS, so that whoever drives the engine can watch it; without the variable nothing is
 * counted. */
#ifndef HARNESS_FUZZ_TARGET_H
#define HARNESS_FUZZ_TARGET_H

#include "reach.h"

/* The counters in that file. */
struct fuzz_stats {
    uint64_t magic;                         /* FUZZ_STATS_MAGIC */
    uint64_t executions;                    /* inputs run */
    uint64_t events;                        /* events fed to the machine */
    uint64_t rules[(TFSM_RULES + 63) / 64]; /* rules that fired */
    uint64_t mode;                          /* enum run_mode: whose counters these are */
    uint64_t counters;                      /* of a listener: those that moved, a bit each */
};
#define FUZZ_STATS_MAGIC UINT64_C(0x7463706673746175)

/* Run one input. Always returns 0; a broken invariant prints its name and the requirement, and
 * aborts; so does a rule that was declared out of reach. */
int fuzz_run(enum run_mode mode, const uint8_t *octets, size_t size);

#endif
