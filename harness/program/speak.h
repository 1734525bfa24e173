/* The peer of a bare TCB, that of a trace or of a single step: what it says where the program has a network record. It knows
 * the exact numbers, which is what reaches deep states. */
#ifndef HARNESS_SPEAK_H
#define HARNESS_SPEAK_H

#include "decode.h"

/* What it knows of itself. */
struct speaker {
    uint32_t nxt;   /* where it stands: RCV.NXT, once that is known */
    uint32_t iss;   /* of its SYN */
    uint32_t stamp; /* the timestamp of its that was taken last, or where its clock began */
};

/* The peer's numbers have an origin: it has sent its SYN. */
bool knows_peer(const struct tfsm_tcb *tcb);

/* The segment that a record says: DELIVER, DROP or COPY.
 * profile  ours: its SYN offers whatever that does */
struct tfsm_segment speak(const struct record *record, const struct tfsm_tcb *tcb, uint32_t profile,
                          const struct speaker *peer, tfsm_time now);

#endif
