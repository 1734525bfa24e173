/* What `tcpfsm cover` counts, and how it tells it. */
#ifndef HARNESS_COVER_H
#define HARNESS_COVER_H

#include "inputs.h"

/* What the inputs of one target did. */
struct cover {
    const struct input_target *target;
    uint64_t inputs; /* 0: none, and nothing else counts */
    uint64_t events;
    uint64_t fired[TFSM_RULES];               /* times; where a program runs twice, twice */
    bool pairs[TFSM_RULES][TFSM_RULES];       /* the second fired next, for the same event */
    uint64_t steps[TFSM_STATES][TFSM_EVENTS]; /* as a replay shows them */
    uint64_t moves[TFSM_RULES][TFSM_STATES]; /* by a rule, from a state to its next one; the same */
    uint64_t counters[TFSM_LISTENER_COUNTS]; /* of a listener: sums */
    unsigned previous;                       /* rule; TFSM_RULES: none */
};

/* An input that breaks something. */
struct cover_finding {
    const char *path;
    const char *id;
    const char *rule; /* that fired and cannot; "": none */
    const char *requirement;
};

/* All that there is to tell. */
struct cover_report {
    const struct cover *covers; /* one for each run mode */
    const struct cover_finding *findings;
    size_t finding_count;
};

#define COVER_MODES (RUN_STEP + 1)

/* What of it all is in a few numbers. */
struct cover_sums {
    unsigned rules;     /* hit, of those in reach */
    unsigned reachable; /* of a listener nobody says what is not: all there are */
    unsigned pairs;
    unsigned
        possible; /* at most: the rows allow no others, though they may not allow all of these */
    unsigned counters; /* of a listener: those that moved */
    unsigned steps;    /* states by events */
};
void cover_sum(const struct cover *cover, struct cover_sums *sums);

/* Whether the rows allow one rule to fire after the other, for the same event. It looks at steps, states and, where the first
 * changes nothing, at facts: false is sure. */
bool cover_pair_possible(unsigned first, unsigned second);

/* Whether a rule is in reach of the target. */
bool cover_reaches(const struct cover *cover, unsigned rule);

/* Whether a rule counts as missing: in reach, and never fired. */
bool cover_misses(const struct cover *cover, unsigned rule);

struct cover_format {
    const char *name;
    const char *missing;                              /* why it is not built in; null: it is */
    bool (*print)(const struct cover_report *report); /* false: out of memory */
    void (*each)(const char *path,
                 const struct cover *alone); /* of one input; null: does not tell */
};
extern const struct cover_format cover_text;
extern const struct cover_format cover_json;
extern const struct cover_format cover_each;

#endif
