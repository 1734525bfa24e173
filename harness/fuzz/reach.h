/* Which rules a fuzz target cannot reach, whatever its input: what is left out when the rules it
 * has hit are counted. */
#ifndef HARNESS_FUZZ_REACH_H
#define HARNESS_FUZZ_REACH_H

#include "run.h"

/* Why this target cannot fire a rule, or null: it can. */
const char *fuzz_unreachable(enum run_mode mode, unsigned rule);

/* Why none of the targets that count rules can fire it, or null. */
const char *fuzz_unreachable_by_all(unsigned rule);

/* What a run breaks: an invariant, or the word of reach.c that a rule cannot fire. */
struct fuzz_broken {
    const char *id;          /* null: nothing */
    const char *requirement; /* or why the rule cannot fire */
    unsigned rule;           /* that fired and cannot; TFSM_RULES: none */
};
struct fuzz_broken fuzz_breaks(enum run_mode mode, const struct run_result *result);

#endif
