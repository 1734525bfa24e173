/* The docket: which packets of a capture belong to which incarnation of which connection, and a witness for each end that is to
 * be judged. It remembers connections that are open, and those that were closed lately; however long the capture is, it takes
 * memory for these. */
#ifndef HARNESS_DOCKET_H
#define HARNESS_DOCKET_H

#include "capture.h"
#include "witness.h"

/* One incarnation of a connection. End 0 is who was seen first. */
struct docket_case {
    uint64_t number; /* in the order in which they begin, from 1 */
    struct tfsm_address address[2];
    uint16_t port[2];
    tfsm_time first;
    tfsm_time last;
    uint64_t packets;
    bool syn_seen[2];
    uint32_t isn[2];
    unsigned judged; /* ends that were, when it is closed */
    unsigned near;   /* and whose duties were looked at */
    bool began;      /* with a SYN, from its first packet on */
    bool cut;        /* some of its text is not in the capture */
    bool
        offloads; /* some of it is as it was before a network card cut it up, or after it put it together */
};

struct docket_config {
    enum witness_vantage vantage;
    size_t open_most; /* connections remembered at a time; 0: 32,768 */
    size_t text_most; /* octets of text kept to be compared; 0: 64 MiB */
    bool (*is_subject)(void *user, const struct tfsm_address *address,
                       uint16_t port); /* null: everybody */
    /* A charge against an end. */
    void (*charge)(void *user, const struct docket_case *the_case, unsigned end,
                   const struct witness_charge *charge);
    /* Nothing more will be said of it. */
    void (*closed)(void *user, const struct docket_case *the_case);
    void *user;
};

/* Which end sent a segment; 2 when it is of another connection. */
unsigned docket_sender(const struct docket_case *the_case, const struct tfsm_packet *packet);

struct docket;

/* Null: no memory. */
struct docket *docket_new(const struct docket_config *config);

/* A packet of the capture; what is no segment is left out. False: no memory. */
bool docket_packet(struct docket *docket, const struct capture_packet *packet);

/* The capture is over: every case is closed. A null pointer may be freed. */
void docket_free(struct docket *docket);

#endif
