/* A sender whose congestion window is what limits it, for the tests of what moves that window:
 * answers of a peer told one by one, and a path that carries what is sent to a peer who answers as
 * he must, a round trip later, until something on the way is lost or late. Octets of our stream
 * are counted from 0: SEG.ACK n acknowledges n of them, a block {l, r} tells of the octets l ..
 * r-1. */
#ifndef FLOW_H
#define FLOW_H

#include "fixture.h"

#define MS ((tfsm_time)1000)

struct block {
    uint32_t left;
    uint32_t right;
};

struct answer {
    uint32_t ack;
    tfsm_time echo; /* with timestamps: when the segment was sent that is echoed; 0 the SYN */
    uint8_t flags;  /* besides ACK */
    uint32_t text;
    struct block blocks[TFSM_SACK_MAX]; /* up to the first that is empty */
};

/* A connection to come, with these bits of the profile besides congestion control; the peer offers
 * whatever we do, and his window is wide open. Its initial window is 10 segments of 1000 octets. */
struct fixture *flow(void **state, uint32_t bits);
/* The handshake, which takes this long. */
void flow_open(struct fixture *f, tfsm_time rtt);

/* What the peer sends. */
#define answer(f, ...) flow_answer(HERE(f), &(struct answer){__VA_ARGS__})
void flow_answer(struct fixture *f, const struct answer *what);

/* Fill the send buffer. */
void flow_fill(struct fixture *f);
/* Take what is sent and forget it: how many segments with text. */
size_t flow_sent(struct fixture *f);
/* The next segment out bears these octets of our stream. */
#define expect_octets(f, at, n) fixture_expect_octets(HERE(f), (at), (n))
struct tfsm_segment fixture_expect_octets(struct fixture *f, uint32_t at, uint32_t n);
/* Octets of our stream that are acknowledged, and that were sent. */
uint32_t octets_acked(const struct fixture *f);
uint32_t octets_sent(const struct fixture *f);
/* Neither fast recovery nor that after a timeout goes on. */
bool recovers(const struct fixture *f);

/* ---- the path ---- */

#define PATH_ROOM 16384u
#define PATH_HELD 64u

struct path {
    tfsm_time rtt; /* of what is sent from now on */
    unsigned lose; /* so many segments of text that are sent next vanish */
    uint32_t
        most; /* so many octets of text and options a segment may have that it takes, 0 any; a larger one vanishes */
    size_t again;         /* segments sent that were sent before */
    size_t sent;          /* segments with text, all told */
    size_t large;         /* of these, that were too large */
    uint32_t largest;     /* octets of text and options of the largest */
    tfsm_time largest_at; /* when it was sent first */
    /* the rest is the path's own */
    struct {
        struct block octets;
        tfsm_time at;  /* sent */
        tfsm_time due; /* the answer arrives */
    } line[PATH_ROOM];
    size_t first;
    size_t count;
    uint32_t highest;             /* octets of our stream that were sent */
    uint32_t next;                /* and that the peer has in order */
    tfsm_time recent;             /* when what he echoes was sent */
    struct block held[PATH_HELD]; /* what he has out of order, sorted */
    unsigned held_count;
};

/* The path of the connection that flow() gave out last. */
extern struct path path;

/* Open, over a path with this round trip. */
void path_open(struct fixture *f, tfsm_time rtt);
/* Octets of text and options in a segment of ours: what its size is told in (RFC9293:MUST-16). */
uint32_t octets_of(const struct tfsm_segment *s);
/* Put what is to be sent on the path: how many segments with text. */
size_t path_send(struct fixture *f);
/* Go to the next answer, or to the timeout that comes before it; then send. Whether there was
 * either. */
bool path_step(struct fixture *f);
/* The next answer, whatever times out before. */
void path_answer(struct fixture *f);
/* One round trip with the send buffer full: all that is on the path now is answered. */
void path_round(struct fixture *f);
/* All that is on the path now comes so much later. */
void path_delay(tfsm_time by);

#endif
