/* What a listener has to stand: a flood of SYNs from nobody with honest clients in between, a hundred
 * thousand connections one after the other, and guessed cookies. Two hosts, real packets, a fixed
 * delay, virtual time; everything is a function of the seed but the nanoseconds. */
#ifndef HARNESS_SIEGE_H
#define HARNESS_SIEGE_H

#include "tfsm_listener.h"

/* Called now and then with how much is done, of all: for those who wait. May be null. */
typedef void siege_progress(uint64_t done, uint64_t all);

/* ---- flood ---- */

struct flood_config {
    uint64_t seed;
    uint32_t syns;    /* spoofed SYNs, all told */
    uint32_t rate;    /* of them a second */
    uint32_t clients; /* honest ones: one after the other, spread over the flood */
    uint32_t backlog;
    struct tfsm_listener_policy policy;
    bool timed; /* measure: a listener in quiet times is asked beside the one in the flood */
    siege_progress *progress;
};

struct flood_result {
    uint32_t connected;      /* clients whose request was answered */
    uint32_t most_half_open; /* entries at any time */
    uint64_t memory_before;  /* octets on the heap, when everything was in place */
    uint64_t memory_after;
    double quiet;      /* nanoseconds a SYN and its answer: median of blocks of `backlog` SYNs */
    double flood;      /* the same while the flood is on */
    const char *wrong; /* the endpoints' books, or null */
    uint64_t counters[TFSM_LISTENER_COUNTS];
};

/* The last client starts when nine tenths are over, and needs two round trips of 40 ms: a flood that is
 * shorter than this, microseconds, says nothing. */
#define SIEGE_FLOOD_LEAST UINT64_C(1000000)

/* The flood: spoofed SYNs at a constant rate, each from another address that never answers; clients
 * 40 ms away connect, send five octets, and are done when five came back. Returns false when there is
 * no memory. */
bool siege_flood(const struct flood_config *config, struct flood_result *result);

/* ---- churn ---- */

struct churn_config {
    uint64_t seed;
    uint32_t connections; /* all told */
    uint32_t at_once;
    uint16_t ports; /* of the client: fewer than connections, so that they come again */
    siege_progress *progress;
};

struct churn_result {
    uint32_t accepted;
    uint32_t answered;  /* requests whose answer came back */
    uint32_t reopened;  /* in place of one in TIME-WAIT (RFC 6191) */
    uint32_t half_open; /* entries left at the end */
    uint32_t places;    /* connections left after everybody's TIME-WAIT */
    tfsm_time took;     /* virtual time, microseconds */
    const char *wrong;
    uint64_t counters[TFSM_LISTENER_COUNTS];
};

/* Connections through one listener: the client asks, the server answers and closes first, so that
 * TIME-WAIT is the server's, and the client's ports come again long before that is over; of every
 * eight one is closed by the client first. */
bool siege_churn(const struct churn_config *config, struct churn_result *result);

/* ---- forgery ---- */

struct forge_config {
    uint64_t seed;
    uint64_t acks;
    siege_progress *progress;
};

struct forge_result {
    uint64_t connections;
    double expected;          /* what the bits of a cookie predict: 16 of 2^32 */
    uint64_t informed;        /* connections of one who knows all but the secret of the cookies */
    double informed_expected; /* 8 of 2^24 */
    const char *wrong;
    uint64_t counters[TFSM_LISTENER_COUNTS];
};

/* ACKs with random addresses, ports and numbers, half of them with timestamps, at a listener whose
 * cookies are out; and as many of somebody who knows where the ISNs of his own four stand now, which
 * leaves the low 24 bits to guess. */
void siege_forge(const struct forge_config *config, struct forge_result *result);

#endif
