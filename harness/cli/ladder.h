/* A ladder diagram of a run: time goes down, the two ends stand left and right, segments go between
 * them; on the right of a listener stands the peer that a line is about. One ladder is one run; its
 * lines come through ladder_line(), from run_program() or from who watches an endpoint. */
#ifndef HARNESS_LADDER_H
#define HARNESS_LADDER_H

#include <stdio.h>

#include "endpoint.h"
#include "run.h"

#define LADDER_ENDS 8 /* of a pair two are in use, of a listener one for each of its peers */

/* A diagram being drawn; set what comes before `started`, zero the rest. */
struct ladder {
    enum run_mode mode;
    FILE *to;        /* null: standard output */
    const char *who; /* trace: what stands on the right; null: nothing */
    bool absolute;   /* sequence numbers as they stand in the header, not from ISS and IRS */
    bool all_rules;  /* every rule that fired, not only those that did something */
    bool started;
    unsigned peer;   /* listener: whose line it is */
    tfsm_time start; /* time is shown from here */
    struct {
        enum tfsm_state state;
        bool iss_known;
        bool irs_known;
        uint32_t iss;
        uint32_t irs;
    } end[LADDER_ENDS];
    bool stepped; /* what the last step did, for who asks why it is wrong */
    bool had_before;
    struct tfsm_tcb before;
    struct tfsm_tcb after;
};

/* The line of a step that an endpoint's watcher sees; what->event is not null. Where the watcher is
 * shown no TCB, before and after are null: to be filled in. */
struct run_line ladder_step(const struct endpoint_watched *what);

/* Draw one line of a run; `user` is the ladder. */
void ladder_line(void *user, const struct run_line *line);

/* Draw the foot of the diagram: what the run came to. */
void ladder_end(const struct ladder *ladder, const struct run_result *result);

#endif
