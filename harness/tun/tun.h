/* The TUN device: opening it, and giving the kernel's end an address and setting it up, so that one
 * command is enough. What exists and is up already is used as it is. */
#ifndef HARNESS_TUN_H
#define HARNESS_TUN_H

#include "endpoint.h"

#define TUN_NAME_MOST      15 /* characters of a device's name */
#define TUN_ADDRESSES      8
#define TUN_ERROR          200
#define TUN_MTU_LEAST      576  /* one that every host takes (RFC 791) */
#define TUN_MTU_LEAST_IPV6 1280 /* RFC 8200 5 */
#define TUN_MTU_MOST       65535

/* What is wanted. */
struct tun_plan {
    const char *name;
    const char *space; /* the network namespace of the device (space.h); null: the one we are in */
    struct endpoint_local ours[TUN_ADDRESSES]; /* of the stack behind it; family 0: there is none */
    struct tfsm_address host[TUN_ADDRESSES];   /* of the kernel's end, one for each of these */
    unsigned count;
    unsigned mtu; /* 0: as the kernel gives it */
};

/* What there is. */
struct tun {
    int fd; /* non-blocking: one packet a read, one a write */
    unsigned index;
    unsigned mtu;
    bool as_found; /* it was up before, and was not touched */
};

/* What is wrong with a name, or null. */
const char *tun_name_complaint(const char *name);

/* Read `ADDRESS/BITS`. Returns what is wrong with it, or null. */
const char *tun_read_address(const char *text, struct endpoint_local *out);

/* Read an address of one host without a prefix. Returns what is wrong with it, or null. */
const char *tun_read_host(const char *text, struct tfsm_address *out);

/* The lowest address of a host in the network of `ours` that is another: false where there is
 * none. */
bool tun_choose_host(const struct endpoint_local *ours, struct tfsm_address *host);

/* Whether two addresses are in one network of so many bits. */
bool tun_same_network(const struct tfsm_address *a, const struct tfsm_address *b, unsigned bits);

/* Open the device and put it in service. The device goes when the descriptor is closed, unless it
 * was made to stay by somebody else.
 * error  what is wrong, in one line
 * Returns false with nothing left open. */
bool tun_open(struct tun *tun, const struct tun_plan *plan, char error[TUN_ERROR]);

#endif
