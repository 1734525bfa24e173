/* What an endpoint serves: echo, discard, chargen (RFC 862, 863, 864) and HTTP. No I/O but the file
 * that HTTP may serve. Nobody can make it hold more than its places: what cannot be sent is not
 * read, so that the peer's window closes. */
#ifndef HARNESS_SERVICES_H
#define HARNESS_SERVICES_H

#include "endpoint.h"

enum service { SERVICE_ECHO, SERVICE_DISCARD, SERVICE_CHARGEN, SERVICE_HTTP, SERVICES };

/* Their names and their customary ports. */
const char *service_name(enum service service);
bool service_named(const char *name, enum service *service);
uint16_t service_port(enum service service);

struct services_config {
    struct endpoint *endpoint;
    uint32_t connections; /* as many as the endpoint has */
    tfsm_time idle; /* a connection on which nothing moves for so long is given up; 0: never */
    int file;       /* what HTTP serves at `/`; -1: a page about the server */
    uint64_t file_size;
};

struct services_counters {
    uint64_t accepted;
    uint64_t closed;    /* ended in order */
    uint64_t reset;     /* by the peer */
    uint64_t failed;    /* timed out or unreachable */
    uint64_t idle;      /* given up */
    uint64_t shortened; /* TIME-WAIT that ended early: its place was needed */
    uint64_t displaced; /* idle, and their places were needed */
    uint64_t aborted;   /* by us, at the end */
    uint64_t requests;  /* HTTP, answered whatever the answer */
    uint64_t octets_in;
    uint64_t octets_out;
};

struct services;

/* Null: no memory. */
struct services *services_create(const struct services_config *config, tfsm_time now);
void services_destroy(struct services *services);

/* Serve at a port, on every address of the endpoint's of a family. */
enum tfsm_result services_listen(struct services *services, enum service service, unsigned family,
                                 uint16_t port, uint32_t backlog,
                                 const struct tfsm_listener_policy *policy);

/* What endpoint_next() told. */
void services_news(struct services *services, endpoint_handle handle, uint32_t news, tfsm_time now);

/* Give up what has been idle for too long; to be called at the deadline, or more often.
 * When fewer than an eighth of the places are free, the oldest connections in TIME-WAIT end early.
 * When a client was turned away because none was free, the connection that is idle longest gives
 * its place for each such client, provided that it is for two seconds. */
void services_sweep(struct services *services, tfsm_time now);
tfsm_time services_deadline(const struct services *services);

/* Stop listening; answers under way are finished, then connections are closed. */
void services_close(struct services *services, tfsm_time now);
/* What is left is reset. */
void services_abort(struct services *services, tfsm_time now);
/* After services_close(): nothing is left but TIME-WAIT. */
bool services_over(const struct services *services);

const struct services_counters *services_counted(const struct services *services);

/* Octet of the stream at an offset, as HTTP serves it. A displaced octet is noticed: the period is
 * 65521 octets, and each is xored with its number. */
void services_pattern(uint64_t offset, uint8_t *octets, size_t n);

#endif
