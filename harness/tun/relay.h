/* A wire between two TUN devices: what comes out of one goes through a simulated link (wire.h) into the
 * other, each way a link and a chance of its own. What is lost depends on the seed and on the order of the
 * packets that way, and on nothing else. */
#ifndef HARNESS_RELAY_H
#define HARNESS_RELAY_H

#include "device.h"
#include "wire.h"

#define RELAY_ERROR 200

struct relay_config {
    int tun[2];          /* the devices, as tun_open() gives them */
    const char *name[2]; /* what a complaint calls them */
    size_t mtu;          /* the larger one of theirs: a packet with more octets is lost */
    const struct wire_network *network; /* for either way; read as long as the relay is used */
    uint64_t seed;
    tfsm_time until; /* it ends then at the latest; TFSM_NEVER: when a signal asks for it */
    void *user;
    tfsm_time every; /* microseconds between calls of tick; 0: none */
    void (*tick)(void *user, tfsm_time now);
};

/* One way, all told. Packets are those that were read, and the copies, less what became of them. */
struct relay_counters {
    uint64_t packets_in; /* from the one device */
    uint64_t octets_in;
    uint64_t packets_out; /* to the other */
    uint64_t octets_out;
    uint64_t refused;  /* that it did not take: it is down, or they make no sense */
    uint64_t deferred; /* times that it was full */
    uint64_t left;     /* that are still on their way */
    struct wire_counters wire;
};

struct relay;

/* Null: error says why. Signals SIGINT and SIGTERM are the relay's from now on. */
struct relay *relay_create(const struct relay_config *config, char error[RELAY_ERROR]);
void relay_destroy(struct relay *relay);

/* Run until it is time or a signal asks for the end. Returns false when a device failed: error says how. */
bool relay_run(struct relay *relay, char error[RELAY_ERROR]);

/* One round of that: read what there is, to a bound, and write what is due; what is late goes at once. */
void relay_turn(struct relay *relay, tfsm_time now);

/* When the next packet is due; TFSM_NEVER: none is. In the past where the last round left something to read. */
tfsm_time relay_deadline(const struct relay *relay);

/* The way from a device, 0 or 1, to the other one. */
struct relay_counters relay_counted(const struct relay *relay, unsigned from);

/* The most octets that a packet from there has found in the queue since this was last asked. */
uint64_t relay_waited(struct relay *relay, unsigned from);

#endif
