/* A receiver whose peer keeps a fixed window full, whatever is lost: what room for ranges out of order is worth. The
 * receiver is a TCB; the sender is a model without congestion control, for one of ours would make its window as small as
 * the losses allow, and the receiver would never have to hold much. The model sends in order, knows from
 * SEG.ACK and SACK what has come, takes what was sent before that for lost, since nothing overtakes here, and sends it
 * again at once. Everything is a function of the seed. */
#ifndef HARNESS_STEADY_H
#define HARNESS_STEADY_H

#include "tfsm.h"
#include "wire.h"

struct steady_config {
    uint64_t seed;
    struct wire_network network;
    struct tfsm_config policy; /* of the receiver; rcv_buff holds the window */
    uint32_t ranges;           /* that he remembers: tfsm_make_room() */
    uint32_t segments;         /* the sender's window */
    tfsm_time until;           /* it goes on so long, microseconds */
};

struct steady_result {
    const char *failed; /* what was wrong with the receiver, or null */
    uint64_t arrived;   /* segments with text */
    uint64_t
        refused; /* of these, that brought what the receiver had not, and of which he took nothing */
    uint64_t again;  /* sent more than once */
    uint64_t stuck;  /* times that the sender had to wait for a timeout */
    unsigned ranges; /* the most that he held at a time */
    uint64_t octets; /* that he has read */
    double goodput;  /* octets a second, but for the first round trip */
};

/* Exits with a message when there is no memory. */
struct steady_result steady_run(const struct steady_config *config);

#endif
