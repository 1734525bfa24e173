/* The generated walk (fsm/walk.inc), whatever facts hold: by which states it follows which (edges.h, generated from the rows), that
 * what it answers is the id of a row and a verdict, and that of itself it changes nothing but the state. Facts are any answer
 * at all here. Assumed of actions: none changes the state but those that empty the TCB, which leave CLOSED. Not proved, but
 * assumed where another walk goes on there, is what is skipped: of LISTEN and SYN-SENT it is the walk from the sixth step on. */
/* claims: only the edges of the rows; every row id is one; a walk changes nothing but the state */
/* options: -wp-no-rte */
/* skipped: walk_OTHER_STATES walk_PLAIN_TEXT walk_PLAIN_ACK walk_TIMEOUT walk_FROM_6 walk_ICMP */
#include "tfsm_table.h"

enum action {
#define E(name, text, statement)
#define A(name, text, statement) DOES_##name,
#include "actions.inc"
#undef A
#undef E
};

static unsigned state;

/*@ assigns \nothing; */
extern bool holds(void);

/*@ assigns state;
    ensures action == DOES_DELETE || action == DOES_RELISTEN || action == DOES_OPEN || action == DOES_LISTEN
        ? state == TFSM_CLOSED : state == \old(state); */
extern void act(enum action action);

/*@ requires rule < TFSM_RULES;
    assigns \nothing; */
extern void fired(unsigned rule);

#define ENDS(rule, verdict) (TFSM_RULE_##rule | (unsigned)TFSM_V_##verdict << 16)
#define WALK(list)          static unsigned walk_##list(void)
#define GO_ON(list)         return walk_##list()
#define IN(mask)            (((1u << state) & (mask)) != 0)
#define FACT(name)          holds()
#define ACT(name)           act(DOES_##name)
#define TO(next)            state = TFSM_##next
#define FIRED(rule)         fired(TFSM_RULE_##rule)
#define UNUSED              ((void)0)
#include "states.h"
#include "walk.inc"

#include "edges.h"
