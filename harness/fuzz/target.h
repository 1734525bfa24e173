/* What the program-driven fuzz targets share: one call that runs an input, counts it, and aborts on
 * a broken invariant. Counting goes to a file mapped into memory, named by the environment variable
 * TFSM_STATS, so that whoever drives the engine can watch it; without the variable nothing is
 * counted. With TFSM_RULE_COUNTERS=0 the engine is not told which rules fired, and is guided by the
 * edges of the code alone; the file counts them all the same. */
#ifndef HARNESS_FUZZ_TARGET_H
#define HARNESS_FUZZ_TARGET_H

#include "reach.h"

/* What a target counts besides executions and events: rules, what can befall a listener, or the few
 * ways in which an input of the others can end. */
enum fuzz_target {
    FUZZ_TRACE = RUN_TRACE,
    FUZZ_PAIR = RUN_PAIR,
    FUZZ_LISTENER = RUN_LISTENER,
    FUZZ_ENDPOINT = RUN_ENDPOINT,
    FUZZ_STEP = RUN_STEP,
    FUZZ_WIRE,
    FUZZ_SCRIPT
};

/* How a script can end. */
enum fuzz_script_end {
    FUZZ_SCRIPT_UNREAD,   /* no script */
    FUZZ_SCRIPT_OPTIONS,  /* its options are refused */
    FUZZ_SCRIPT_IMMODEST, /* it asks for more than there is */
    FUZZ_SCRIPT_RUN,      /* it ran, and this and the next are enum script_outcome */
    FUZZ_SCRIPT_ENDS = FUZZ_SCRIPT_RUN + 3
};

/* The counters in that file. */
struct fuzz_stats {
    uint64_t magic;                         /* FUZZ_STATS_MAGIC */
    uint64_t executions;                    /* inputs run */
    uint64_t events;                        /* events fed to the machine */
    uint64_t rules[(TFSM_RULES + 63) / 64]; /* rules that fired */
    uint64_t mode;                          /* enum fuzz_target: whose counters these are */
    uint64_t counters; /* of a listener those that moved, of wire and script the ends that came */
};
#define FUZZ_STATS_MAGIC UINT64_C(0x7463706673746175)

/* Run one input. Always returns 0; a broken invariant prints its name and the requirement, and
 * aborts; so does a rule that was declared out of reach. */
int fuzz_run(enum run_mode mode, const uint8_t *octets, size_t size);

/* The same, and log is told every line of what happens. */
int fuzz_watch(enum run_mode mode, const uint8_t *octets, size_t size, run_log *log, void *user);

/* An input of a target without rules has come to this end. */
void fuzz_ended(enum fuzz_target target, unsigned end, uint64_t events);

/* How much a target has hit by now of what it counts; 0 where nothing is counted. */
unsigned fuzz_hits(void);

/* How many counters or ends there are, 0 where rules are counted, and what they are called. */
unsigned fuzz_ends(enum fuzz_target target);
const char *fuzz_end_name(enum fuzz_target target, unsigned end);

#endif
