/* What the files that step over link headers share: a cursor in a frame. link.c has the table of link
 * types, and what has a header of its own; link_ether.c what hands on to others: Ethernet, LLC, PPP,
 * MPLS; link_air.c wireless frames. */
#ifndef HARNESS_CAPTURE_LINK_H
#define HARNESS_CAPTURE_LINK_H

#include "internal.h"

#define LINK_STEPS 32u /* over headers of one frame, which may stand in each other without end */

/* Where in a frame we are. */
struct cursor {
    const uint8_t *octets;
    size_t n;
    size_t at; /* at most n */
    unsigned steps;
    enum capture_reason reason; /* why there is no IP, once a step has failed */
};

/* Steps from where the cursor is to where IP begins. False: there is none, and cursor->reason says
 * why. */
typedef bool link_walk(struct cursor *cursor);

static inline bool link_stop(struct cursor *cursor, enum capture_reason reason)
{
    cursor->reason = reason;
    return false;
}

/* Whether so many octets follow. */
static inline bool link_has(struct cursor *cursor, size_t n)
{
    return n <= cursor->n - cursor->at || link_stop(cursor, CAPTURE_CUT_HEADER);
}

static inline bool link_step(struct cursor *cursor, size_t n)
{
    if (cursor->steps++ >= LINK_STEPS) {
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
    if (!link_has(cursor, n)) {
        return false;
    }
    cursor->at += n;
    return true;
}

/* The octets that follow. */
static inline const uint8_t *link_here(const struct cursor *cursor)
{
    return cursor->octets + cursor->at;
}

/* ---- link.c ---- */

/* Go on as a frame of another link type, by its number. */
bool link_inner(struct cursor *cursor, uint32_t number);

/* The length of a header that begins as those of PPI and radiotap do: version 0, and at octet 2 how long it is. */
bool link_length(struct cursor *cursor, size_t *header);

/* ---- link_ether.c ---- */

/* Go on with what an ethertype says that follows. */
bool link_ethertype(struct cursor *cursor, unsigned ethertype);

/* The same behind a header of so many octets, the ethertype at a place of it. */
bool link_typed(struct cursor *cursor, size_t ethertype_at, size_t header);

/* The same of a network layer protocol identifier (ISO/IEC TR 9577, RFC 2427). */
bool link_nlpid(struct cursor *cursor);

link_walk link_ethernet, link_llc, link_llc_atm, link_snap, link_ppp, link_ppp_protocol, link_pppoe,
    link_mpls;

/* ---- link_air.c ---- */

link_walk link_wifi, link_prism, link_radiotap, link_avs;

#endif
