/* What `simulate` was asked for, and what it does over one link. */
#ifndef HARNESS_SIMULATE_H
#define HARNESS_SIMULATE_H

#include "sim.h"

#define CHANGES   8
#define LINK_RATE 1250000 /* octets a second: 10 Mbit/s */
#define LINK_WAY  20000   /* microseconds */
#define LINK_WAIT 65536   /* octets of queue */
#define WINDOW    262144  /* octets of an end's buffers */

enum what { SEEDS, GOODPUT, COMPARE, CWND, RECOVERY, WHATS };

struct arguments {
    enum what what;
    uint64_t seeds;
    uint64_t first;
    uint64_t octets;
    bool seeds_said;
    struct wire_network link; /* of all but seeds */
    uint64_t window;
    const char *profile;         /* of both ends: a name of tfsm_config_named() */
    uint32_t without;            /* bits of it that are left out */
    const char *change[CHANGES]; /* settings of it, as tcpfsm serve has them */
    unsigned changes;
    uint64_t ranges; /* out of order that a connection remembers; 0: as many as an endpoint has */
    bool loss_said;
    bool delay_said;
    bool link_said;
};

/* What is wrong with what a run came to, or null. */
const char *what_failed(const struct sim_result *result);

/* The policy of that name, with what was changed of it. */
struct tfsm_config policy_named(const struct arguments *arguments, const char *name);

/* The loss that was asked for, or what there is otherwise, in 1/1000: as link.out_of has it. */
unsigned loss_or(const struct arguments *arguments, unsigned per_mille);

/* Each returns an exit status. */
int run_goodput(const struct arguments *arguments);
int run_compare(const struct arguments *arguments);
int run_cwnd(const struct arguments *arguments);

#endif
