/* What the tests of the endpoint stand on: two hosts that talk through their octets, a wire that
 * can lose what one of them says, and segments made by hand for what no honest peer sends. After
 * every exchange the endpoints' own books are checked. */
#ifndef HOSTS_H
#define HOSTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "endpoint.h"
#include "seq.h"

#define SECOND ((tfsm_time)1000000)
#define PACKET 2048 /* octets: more than any packet here */
#define PORT   80   /* what host 1 listens on */

struct net {
    struct endpoint_config config[2];
    struct endpoint_local locals[2][3];
    struct endpoint *host[2];
    endpoint_handle listener; /* of host 1, port 80, any address */
    tfsm_time now;
    uint64_t packets;
    struct tfsm_packet last[2]; /* what each host sent last */
    unsigned drop;              /* bit i: what host i sends is lost */
};

extern struct net net;

struct tfsm_address v4(unsigned a, unsigned b, unsigned c, unsigned d);
struct tfsm_address v6(unsigned last); /* 2001:db8::last */
struct tfsm_address any_address(unsigned family);

/* Host 0 is 192.0.2.1 (/24), 198.51.100.1 (/25) and 2001:db8::1 (/64), host 1 ends in .2 and ::2.
 * What is returned, one for each host, may be changed before start_hosts(). */
struct endpoint_config *plan_hosts(void);

/* Both hosts, and a listener on host 1. stop_hosts() is the teardown of every test that calls it. */
void start_hosts(void);
int stop_hosts(void **state);
uint64_t listener_counted(endpoint_handle listener, enum tfsm_listener_counter counter);
void check_books(void);

/* Everybody says what there is to say now. */
void talk(void);
/* Time passes, and every deadline on the way is kept. */
void pass(tfsm_time length);

struct endpoint_open to_host_1(void);
/* From host 0. */
endpoint_handle connect_with(const struct endpoint_open *open);
/* On host 1; 0 when none waits. */
endpoint_handle accept_one(endpoint_handle listener);
/* One connection from host 0 to host 1, open. */
void open_pair(endpoint_handle handle[2]);

/* Octet of the stream that a host sends. */
uint8_t stream_octet(unsigned from, uint64_t offset);
/* Hand over as much as there is room for; returns how much. */
size_t send_some(unsigned host, endpoint_handle handle, uint64_t offset, size_t n);
/* Take what there is and compare it with what the other host sent; returns how much. */
size_t read_some(unsigned host, endpoint_handle handle, uint64_t offset);

enum tfsm_state state_of(unsigned host, endpoint_handle handle);
uint32_t news_of(unsigned host, endpoint_handle handle);
const struct endpoint_counters *counted(unsigned host);
uint64_t in_use(unsigned host); /* connections that have a place */

/* A segment by hand from somebody to host 1, port 80. */
struct tfsm_packet packet_from(struct tfsm_address src, uint16_t src_port, uint8_t flags);
void hand_in(const struct tfsm_packet *packet);
/* What host 1 says next. */
struct tfsm_packet said(void);
void expect_silence(unsigned host);

#endif
