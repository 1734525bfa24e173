/* A network between two ends: packets wait in a heap by their time of arrival, and may be lost,
 * copied, corrupted, held up and overtaken. Everything is a function of the seed and of what is put
 * in. The simulation, the TUN device and the relay share it. */
#ifndef HARNESS_WIRE_H
#define HARNESS_WIRE_H

#include "seq.h"
#include "tfsm.h"

/* xorshift64*: small, and the same everywhere. The state is never 0. */
TFSM_WRAPS static inline uint64_t sim_draw(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* Chances are so many in `out_of`; all is the same for both directions. */
struct wire_network {
    unsigned out_of; /* 0: 1000 */
    unsigned loss;
    unsigned copy;
    unsigned corrupt; /* one bit is flipped; the checksum must notice */
    unsigned reorder; /* held up by 1 to `hold` microseconds more, so that others overtake it */
    tfsm_time hold;   /* with reorder: at least 1 */
    tfsm_time delay;  /* of every packet, microseconds */
    tfsm_time jitter; /* up to this much more: reorders */
    uint64_t rate;    /* octets a second that the link carries, at most 10^12; 0 without bound */
    uint32_t queue;   /* with rate: who finds more octets before him than this is lost; 0 nobody */
    uint32_t
        swallow; /* a packet of more octets vanishes, and nobody is told: a black hole; 0 none does */
    /* A delay spike: what is on its way to `stall_to` at `stall_from`, or is the first that is after that, arrives so
     * much later, and nothing sent since overtakes it; 0: none. */
    tfsm_time stall;
    tfsm_time stall_from;
    unsigned stall_to;
};

/* What happened, all told. */
struct wire_counters {
    uint64_t sent;      /* packets put in, copies not counted */
    uint64_t lost;      /* by chance */
    uint64_t overflow;  /* no place */
    uint64_t dropped;   /* the queue before the link was full */
    uint64_t swallowed; /* too large */
    uint64_t copied;
    uint64_t corrupted;
    uint64_t reordered; /* held up on purpose */
    uint64_t waited;    /* octets: the most that one of them found before it in the queue */
};

struct wire_packet {
    tfsm_time at;   /* when it arrives */
    uint64_t order; /* among equals, first sent first */
    unsigned to;    /* end 0 or 1 */
    unsigned size;
    uint8_t *octets;
};

struct wire;

/* An empty wire with room for so many packets of at most packet_most octets. Null: no memory. */
struct wire *wire_create(unsigned places, size_t packet_most);
void wire_destroy(struct wire *wire);

/* Start anew, empty. network is read as long as the wire is used.
 * seed  any number */
void wire_begin(struct wire *wire, const struct wire_network *network, uint64_t seed);

/* The next random number of the wire: for who wants a single source of chance. */
uint64_t wire_draw(struct wire *wire);

/* Put a packet in, on its way to an end. What does not fit a place is lost. Time does not go back. */
void wire_send(struct wire *wire, unsigned to, const uint8_t *octets, size_t size, tfsm_time now);

/* Octets before a packet that would come now, towards an end: those that wait for the link, and what is
 * left of those on it. */
uint64_t wire_waiting(const struct wire *wire, unsigned to, tfsm_time now);

/* Packets on their way. */
unsigned wire_count(const struct wire *wire);

/* The packet that arrives first, or null when the wire is empty; good until the next call that
 * changes the wire. */
const struct wire_packet *wire_first(const struct wire *wire);

/* Take that one off. There is one. */
void wire_drop(struct wire *wire);

const struct wire_counters *wire_counted(const struct wire *wire);

#endif
