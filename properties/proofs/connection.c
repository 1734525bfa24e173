/* One connection and whatever may be done with it: any number of events of every kind, at any times, under any policies,
 * segments between them, and every question that may be asked of it. It begins as anything that a TCB can hold, zeros
 * among it, but for what each call keeps: the state is one of the eleven, a shift of windows is below 32, and the room is
 * what it was. That so little is enough says that nothing else in a TCB can lead out of bounds.
 *
 * ROOM_OF_ONE and ROOM_OF_TWO are the ranges that there is room for behind the connection and behind another one. */
/* eva: -eva-precision 0 -eva-auto-loop-unroll 4 -eva-builtin __builtin_memset:Frama_C_memset
 * -eva-slevel-function same_name:100,tfsm_config_named:100,name_policies:100 */
/* eva: -cpp-extra-args=-DROOM_OF_ONE=1,-DROOM_OF_TWO=1024 -eva-precision 0 -eva-auto-loop-unroll 4
 * -eva-builtin __builtin_memset:Frama_C_memset -eva-slevel-function same_name:100,tfsm_config_named:100,name_policies:100 */
#include "actions.h"
#include "arbitrary.h"
#include "builtins.h"
#include "listener.h"

static void feed(struct tfsm_tcb *tcb)
{
    struct tfsm_config cfg;
    struct tfsm_event ev;
    struct tfsm_effects fx;
    any_config(&cfg);
    any_event(&ev);
    if (any_bool()) {
        (void)tfsm_step(tcb, &cfg, &ev, &fx);
    } else {
        struct tfsm_trace trace;
        (void)tfsm_step_traced(tcb, &cfg, &ev, &fx, &trace);
    }
    /* Of the actions the one that the engine leaves out. */
    act_IGNORE(tcb, &cfg, &ev, &ev.segment, &fx);
}

static void send(struct tfsm_tcb *tcb)
{
    struct tfsm_config cfg;
    struct tfsm_segment out;
    any_config(&cfg);
    (void)tfsm_output(tcb, &cfg, any64(), &out);
}

static void look(const struct tfsm_tcb *tcb)
{
    struct tfsm_status_block status;
    (void)tfsm_has_nothing(tcb);
    (void)tfsm_deadline(tcb);
    (void)tfsm_check(tcb);
    (void)tfsm_status(tcb, &status);
    (void)tfsm_tcb_size(tcb);
    (void)tfsm_out_of_order(tcb);
    (void)tfsm_sent_runs(tcb);
    (void)tfsm_run_count(tcb); /* the library asks itself where it is built small */
}

/* Events and segments, in any order. */
static void live(struct tfsm_tcb *tcb, uint16_t room)
{
    while (any_bool()) {
        if (any_bool()) {
            feed(tcb);
        } else {
            send(tcb);
        }
        must_be_tcb(tcb, room);
    }
}

/* Two incarnations, of which one waits. */
static void ask(const struct tfsm_tcb *waiting, const struct tfsm_tcb *next)
{
    struct tfsm_config waiting_cfg;
    struct tfsm_config next_cfg;
    struct tfsm_event ev;
    any_config(&waiting_cfg);
    any_config(&next_cfg);
    any_event(&ev);
    (void)tfsm_is_for_next(waiting, &waiting_cfg, next, &next_cfg, &ev);
    struct tfsm_tcb own;
    any_tcb(&own, 0);
    (void)tfsm_is_for_next_in(&own, &next_cfg, waiting, &waiting_cfg, &ev);
    must_be_tcb(&own, 0);
}

#ifndef ROOM_OF_ONE
#define ROOM_OF_ONE 0
#endif
#ifndef ROOM_OF_TWO
#define ROOM_OF_TWO 64
#endif

static TFSM_ROOMY_TCB(ROOM_OF_ONE) one;
static TFSM_ROOMY_TCB(ROOM_OF_TWO) two;

/* The policies with a name. */
static void name_policies(void)
{
    static const char *const names[] = {"rfc9293", "today", "rfc793", "minimal", "none"};
    struct tfsm_config cfg = tfsm_config_default();
    //@ loop unroll 5;
    for (unsigned i = 0; i < 5; i++) {
        (void)tfsm_config_named(names[i], &cfg);
    }
    (void)tfsm_mss(any32(), any32());
}

int main(void)
{
    name_policies();
    /* assumes: a TCB has one of the eleven states, shifts below 32, and the room that is behind it in one object with it, where
     * something was written once, be it anything */
    /* assumes: room for 0, 1, 64 and 1024 ranges stands for the others, and the build for all profiles, not for size, for those
     * of one profile and of -Os */
    any_octets(&one, sizeof one);
    any_octets(&two, sizeof two);
    any_tcb(&one.tcb, ROOM_OF_ONE);
    any_tcb(&two.tcb, ROOM_OF_TWO);
    live(&one.tcb, ROOM_OF_ONE);
    look(&one.tcb);
    ask(&one.tcb, &two.tcb);
    ask(&two.tcb, &one.tcb);
    (void)tfsm_make_room(&one.tcb, any32());
    one.tcb.room = ROOM_OF_ONE;
    (void)tfsm_copy(&two.tcb, &one.tcb);
    live(&two.tcb, ROOM_OF_TWO);
    look(&two.tcb);
    (void)tfsm_copy(&one.tcb, &two.tcb); /* which need not fit */
    must_be_tcb(&one.tcb, ROOM_OF_ONE);
    return 0;
}
