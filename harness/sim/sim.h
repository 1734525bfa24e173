/* Two endpoints with real octets and real packets through a simulated network that loses, copies,
 * delays, reorders and corrupts. Everything is a function of the seed. Each end sends a number of
 * octets, reads whatever comes, closes when it has queued everything, and reads on until the peer's
 * end. */
#ifndef HARNESS_SIM_H
#define HARNESS_SIM_H

#include "tfsm.h"

/* Probabilities are in 1/1000. */
struct sim_network {
    unsigned loss;
    unsigned copy;
    unsigned corrupt; /* one bit is flipped; the checksum must notice */
    tfsm_time delay;  /* of every packet, microseconds */
    tfsm_time jitter; /* up to this much more: reorders */
};

struct sim_config {
    uint64_t seed;
    struct sim_network network;
    struct tfsm_config end[2];
    uint32_t octets[2]; /* what each end sends */
    bool simultaneous;  /* both ends open actively */
    bool ipv6;
    uint32_t read_at_once; /* octets the user takes at a time; 0: all */
};

struct sim_result {
    bool closed;             /* both ends came to CLOSED */
    bool delivered;          /* each got exactly what the other sent */
    bool in_order;           /* what was delivered was a prefix of what was sent, always */
    enum tfsm_clause clause; /* the first broken invariant, TFSM_OK if none */
    unsigned ends_told[2];   /* how often each user heard of the end */
    unsigned signals[2];     /* all an end was told */
    tfsm_time elapsed;       /* virtual microseconds */
    uint64_t packets;        /* put on the wire */
    uint64_t refused;        /* packets that the codec refused */
};

/* Run until both ends are CLOSED, or nothing more can happen, or `packets` passes a million. */
struct sim_result sim_run(const struct sim_config *config);

#endif
