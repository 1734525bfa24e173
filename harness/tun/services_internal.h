/* What the services share and nobody else needs. */
#ifndef HARNESS_SERVICES_INTERNAL_H
#define HARNESS_SERVICES_INTERNAL_H

#include "http.h"
#include "services.h"

#define CHUNK 16384 /* octets moved at a time */

/* A conversation in HTTP. */
struct web {
    uint8_t request[HTTP_HEAD_MOST];
    size_t have;       /* octets in it */
    char answer[1024]; /* head, and the body where that is a text */
    size_t answer_n;
    size_t answered;  /* octets of it that are sent */
    uint64_t body_at; /* of the pattern or the file: what is sent, and what is left */
    uint64_t body_left;
    bool from_file;
    bool last; /* close after this answer */
};

struct client {
    endpoint_handle handle; /* 0: not in use */
    uint32_t chain;         /* next of its bucket + 1; also links what is free */
    uint8_t service;
    bool peer_closed;   /* its stream is read to the end */
    bool closed;        /* ours is closed: what comes is dropped */
    tfsm_time active;   /* when something moved last */
    uint64_t generated; /* chargen: octets */
    uint64_t dropped;   /* octets that came after our close */
    struct web web;
};

/* Whose place may be needed. */
struct place {
    tfsm_time since;
    uint32_t client;
};

struct services {
    struct services_config config;
    struct services_counters counters;
    struct client *clients;
    uint32_t *buckets; /* client + 1 */
    uint32_t mask;
    uint32_t free; /* client + 1 */
    uint32_t used; /* clients[] that were ever in use */
    uint32_t count;
    struct {
        endpoint_handle handle;
        enum service service;
    } listening[2 * SERVICES];
    unsigned listening_count;
    struct place *places; /* as many as clients, for a walk over them */
    tfsm_time next_look;  /* for TIME-WAIT that takes a place that is needed */
    uint64_t refused;     /* for want of a place, as counted last */
    uint64_t wanted;      /* places, of those who were turned away */
    tfsm_time wanted_until;
    bool closing;
    tfsm_time started;
    tfsm_time next_sweep;
    uint8_t chunk[CHUNK];
};

/* Octets that the connection can take now. When it is 0, news will tell of room. */
uint32_t service_room(struct services *services, struct client *client, tfsm_time now);

/* Send as many octets as service_room() said there is room for, or fewer. */
void service_send(struct services *services, struct client *client, const uint8_t *octets, size_t n,
                  tfsm_time now);

/* Take at most n octets; 0: none now. Notes the end of the stream. */
size_t service_receive(struct services *services, struct client *client, uint8_t *octets, size_t n,
                       tfsm_time now);

/* Close our side; what the peer still sends is dropped. */
void service_close(struct services *services, struct client *client, tfsm_time now);

/* In TIME-WAIT, or over. */
bool service_is_done(const struct services *services, const struct client *client);

/* Whatever becomes of the connection, it is no longer ours. */
void service_let_go(struct services *services, struct client *client, tfsm_time now);

/* End what is in TIME-WAIT when places get scarce, and what is idle when somebody found none.
 * often  only the first: it costs little where there is nothing to do */
void service_make_room(struct services *services, bool often, tfsm_time now);

/* HTTP: do what can be done now. */
void web_serve(struct services *services, struct client *client, tfsm_time now);

#endif
