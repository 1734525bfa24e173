/* Rule coverage for fuzzing engines. To edge coverage a table-driven machine looks the same
 * whatever it does, so every rule that fires is counted here, alone and as a pair with the rule
 * before it. Outside a fuzzing build these calls do nothing. */
#ifndef HARNESS_COVERAGE_H
#define HARNESS_COVERAGE_H

/* From now on nothing is counted: the engine sees the edges of the code alone. For comparing the two;
 * TFSM_RULE_COUNTERS=0 in the environment of a fuzz target asks for it. */
void coverage_off(void);

/* A run starts: the first rule has no predecessor. */
void coverage_begin(void);

/* A rule fired. */
void coverage_rule(unsigned rule);

/* A counter of a listener moved: counted likewise, alone and after the counter before it. */
void coverage_counter(unsigned counter);

#endif
