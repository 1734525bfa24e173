/* Two endpoints with real octets and real packets through a simulated network that loses, copies,
 * delays, reorders, corrupts and queues. Everything is a function of the seed. Each end sends a
 * number of octets, reads whatever comes, closes when it has queued everything, and reads on until
 * the peer's end. Every step of both cores is watched by the monitor. */
#ifndef HARNESS_SIM_H
#define HARNESS_SIM_H

#include "monitor.h"
#include "tfsm.h"
#include "wire.h"

/* Called after every step of a core: for plots. */
typedef void sim_watcher(void *user, unsigned end, tfsm_time now, const struct tfsm_tcb *tcb);

/* What passes the link of an end: a packet that `from` has sent, as it leaves or as it arrives. */
typedef void sim_tap(void *user, unsigned end, unsigned from, const uint8_t *octets, size_t n,
                     tfsm_time now);

/* What an end sends becomes another packet, as if its TCP were broken. Returns the octets of that; there is
 * room for `room`. */
typedef size_t sim_spoiler(void *user, unsigned end, uint8_t *octets, size_t n, size_t room);

/* Called before an end's TCP does anything: for ends that are not alike. */
typedef void sim_turn(void *user, unsigned end);

/* Whether a packet that `from` has sent is lost on the way, besides what the network loses. */
typedef bool sim_loser(void *user, unsigned from, const uint8_t *octets, size_t n, tfsm_time now);

struct sim_config {
    uint64_t seed;
    struct wire_network network; /* chances in 1/1000 */
    struct tfsm_config end[2];
    /* Octets of an end's rings, a power of two that bounds its buffers; 0: 256 KiB. */
    uint32_t ring;
    uint32_t octets[2]; /* what each end sends */
    bool simultaneous;  /* both ends open actively */
    bool ipv6;
    bool refused;    /* nobody listens */
    bool stays_open; /* nobody closes: it ends when nothing more can happen */
    uint32_t ranges
        [2]; /* that an end remembers out of order: endpoint_config.ranges; 0: as many as that has */
    uint32_t read_at_once;  /* octets the user takes at a time; 0: all */
    tfsm_time read_from[2]; /* before that time the user of an end reads nothing */
    tfsm_time
        pace[2]; /* between pieces of `piece` octets that the user hands over; 0: all at once */
    uint32_t piece;
    uint64_t packets;     /* so many on the wire at most; 0: four million */
    tfsm_time until;      /* that long it goes on at most; 0: to the end */
    sim_watcher *watcher; /* may be null */
    sim_tap *tap;         /* the same */
    sim_spoiler *spoiler; /* the same */
    sim_turn *turn;       /* the same */
    sim_loser *loser;     /* the same */
    sim_tap *drop;        /* the same: what the network has lost, after it left */
    void *user;
};

struct sim_result {
    bool closed;                /* both ends came to CLOSED, and their places are free */
    bool delivered;             /* each got exactly what the other sent */
    bool in_order;              /* what was delivered was a prefix of what was sent, always */
    struct violation violation; /* the first broken invariant; id null if none */
    const char *books;          /* what was wrong with an endpoint's books at the end, or null */
    unsigned ends_told[2];      /* how often each user heard of the end */
    unsigned signals[2];        /* all an end was told */
    tfsm_time elapsed;          /* virtual microseconds */
    tfsm_time last_octet[2];    /* when each end had read everything */
    uint64_t packets;           /* put on the wire */
    uint64_t refused;           /* packets that the codec refused */
    uint64_t lost;              /* by chance, in the queue or for its size */
};

/* The network of a seed: loss 0 to 30 %, and the rest as bad as that; every other seed turns off some
 * of what real stacks carry. R2 is set high, for the network may well be that bad. */
struct sim_config sim_bad_network(uint64_t seed, uint32_t octets);

/* Run until both ends are CLOSED, or nothing more can happen, or `packets` passes four million.
 * Exits with a message when there is no memory. */
struct sim_result sim_run(const struct sim_config *config);

#endif
