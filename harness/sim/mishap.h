/* One transfer over the simulated network, to which one thing happens at a place that is chosen: a segment or an
 * acknowledgment is lost, or everything on its way one way is late. What it cost is told beside what the sender took it
 * for. Everything is a function of the seed. */
#ifndef HARNESS_MISHAP_H
#define HARNESS_MISHAP_H

#include "sim.h"

enum mishap_kind {
    MISHAP_NONE, /* but what the network does by itself */
    MISHAP_SEGMENT, /* the segment with the octet before `at` is lost when it goes for the first time */
    MISHAP_TWICE,     /* and when it goes for the second */
    MISHAP_LAST_ACK,  /* the first acknowledgment of everything is lost */
    MISHAP_LATE_TEXT, /* what is on its way to the receiver at network.stall_from */
    MISHAP_LATE_ACKS  /* and to the sender */
};

struct mishap_config {
    uint64_t seed;
    struct wire_network network;
    struct tfsm_config policy; /* of both ends */
    uint32_t window;           /* octets of an end's buffers */
    uint32_t ranges;           /* 0: as many as an endpoint has */
    uint32_t octets;
    enum mishap_kind kind;
    uint32_t at; /* octets of the stream */
    /* The segment with the octet before this is lost besides, once, so that slow start is over; 0: none. */
    uint32_t early;
};

struct mishap_window {
    uint32_t cwnd;
    uint32_t ssthresh;
};

struct mishap_result {
    const char *failed; /* what went wrong with the transfer, or null; then nothing else is meant */
    tfsm_time last_octet;   /* when the receiver had read everything, microseconds */
    tfsm_time acknowledged; /* when the sender knew */
    tfsm_time opened;       /* when the sender's end was open */
    tfsm_time
        wait; /* PTO of the tail, by the letter (RFC8985:7.2), when something went or came last */
    unsigned happened; /* segments that were lost on purpose */
    unsigned timeouts;
    unsigned cuts; /* times that the window was cut for a loss */
    unsigned
        wrong; /* of these, when nothing was lost that went since the last cut and is not acknowledged */
    unsigned left;               /* of these, that were not given back */
    unsigned again;              /* segments whose text had gone out before */
    uint64_t lost;               /* by the network */
    struct mishap_window before; /* when it became late */
    struct mishap_window after;  /* two round trips after it came */
};

struct mishap_result mishap_run(const struct mishap_config *config);

#endif
