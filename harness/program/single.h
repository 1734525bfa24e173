/* Cases of one step: an arbitrary TCB that tfsm_check() passes, an arbitrary policy, and one event. The input draws the
 * members of the TCB one by one and relative to each other; where a clause of tfsm_check() is broken the members it speaks
 * of are mended, a few times over, for of TCBs drawn at random hardly one passes. What does not pass in the end is no case.
 *
 * An input is the header of a program, what else there is of event and policy, the draws of the TCB, words to overwrite in it
 * and in the policy, a record of a program, which says the event, words to overwrite in its segment, and what is drawn once
 * more of a TCB that is in order: the clock, room, further ranges and runs, times of runs, and words that are tied to others. */
#ifndef HARNESS_SINGLE_H
#define HARNESS_SINGLE_H

#include "decode.h"

#define STEP_RANGES 9 /* of a TCB with room of its own: few, so that they are soon used up; what is drawn last may say else */

/* A case. */
struct step_case {
    TFSM_ROOMY_TCB(TFSM_ROOM_MAX);
    struct tfsm_config cfg;
    bool silent; /* no event: only what tfsm_output() makes of it */
    struct tfsm_event ev;
    enum tfsm_clause clause; /* that the TCB breaks, all mending in vain; TFSM_OK: it is a case */
};

void step_read(struct step_case *it, const uint8_t *octets, size_t size);

/* From now on TCBs are asked by this function, instead of tfsm_check(); null: by that again. For tests that break a clause. */
typedef enum tfsm_clause step_checker(const struct tfsm_tcb *tcb);
void step_check_by(step_checker *checker);
enum tfsm_clause step_check(const struct tfsm_tcb *tcb);

/* ---- single_tcb.c and single_mend.c ---- */

/* Draw a TCB, in the room that it has; now is the time of the event. */
void step_draw(struct program *input, const struct program_config *config, struct tfsm_tcb *tcb);

/* What is drawn last, of a TCB that is in order, which it may be no more. Behind it there is memory for any room. Returns the
 * time of the event. */
tfsm_time step_draw_more(struct program *input, tfsm_time now, struct tfsm_tcb *tcb);

/* Change what a clause speaks of so that the clause holds, whatever becomes of others. */
void step_mend(struct tfsm_tcb *tcb, enum tfsm_clause clause, tfsm_time now);

#endif
