/* The room that a TCB has for ranges out of order and runs in flight, within itself or right behind it. */
#include "flight.h"

/* The last octet of what may be behind a TCB is in one object with it: there are no pointers, so that a copy of all of
 * it is a snapshot. */
bool tfsm_make_room(struct tfsm_tcb *tcb, unsigned ranges)
{
    if (tcb->state != TFSM_CLOSED || ranges > TFSM_ROOM_MAX ||
        (ranges > 0 && !CAN(TFSM_BUILD_ROOM))) {
        return false;
    }
    tcb->room = (uint16_t)ranges;
    return true;
}

size_t tfsm_tcb_size(const struct tfsm_tcb *tcb)
{
    return TFSM_TCB_SIZE(tcb->room);
}

const struct tfsm_range *tfsm_out_of_order(const struct tfsm_tcb *tcb)
{
    return ooo(tcb);
}

const struct tfsm_sent *tfsm_sent_runs(const struct tfsm_tcb *tcb)
{
    return sent(tcb);
}

/* Of what a TCB has by itself so much is in use, and the rest is zero. */
static inline void clear_own(struct tfsm_tcb *tcb, unsigned ranges, unsigned runs)
{
    for (unsigned i = ranges; i < TFSM_OOO_SLOTS(TFSM_ROOM_OWN); i++) {
        tcb->ooo[i] = (struct tfsm_range){0, 0};
    }
    for (unsigned i = runs; i < TFSM_SENT_SLOTS(TFSM_ROOM_OWN); i++) {
        tcb->sent[i] = (struct tfsm_sent){0, 0};
    }
}

bool tfsm_copy(struct tfsm_tcb *to, const struct tfsm_tcb *from)
{
    const uint16_t room = to->room;
    const unsigned ranges = ooo_count(from);
    const unsigned runs = run_count(from);
    if (ranges > TFSM_OOO_SLOTS(room_of(to)) || runs > sent_most(to)) {
        return false;
    }
    *to = *from;
    to->room = room;
    for (unsigned i = 0; i < ranges; i++) {
        ooo_ranges(to)[i] = ooo(from)[i];
    }
    for (unsigned i = 0; i < runs; i++) {
        sent_runs(to)[i] = sent(from)[i];
    }
    if (room > 0) {
        clear_own(to, 0, 0); /* constants: in a few stores */
    } else {
        clear_own(to, ranges, runs);
    }
    return true;
}
