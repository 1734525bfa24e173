/* Rule coverage for fuzzing engines. To edge coverage a table-driven machine looks the same
 * whatever it does, so every rule that fires is counted here, alone and as a pair with the rule
 * before it. Outside a fuzzing build nothing is
 * counted, and only who asked with coverage_tell() hears of it. */
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

/* Who is told of every rule that fires, in order, in any build; null: nobody. */
typedef void coverage_hearer(void *user, unsigned rule);
void coverage_tell(coverage_hearer *hearer, void *user);

#endif
