/* What the tests of the socket layer stand on: the far end of one connection, made by hand. It says
 * segments to the stack and hears the next one, as packetdrill does; the stack is the one behind
 * peer.ifc, linked or loaded. */
#ifndef PEER_H
#define PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "packetdrill.h"
#include "tfsm.h"

#define PEER_PORT  9000
#define STACK_PORT 8080
#define PEER_ISS   1000u
#define MS         1000 /* microseconds */

struct peer {
    struct packetdrill_interface ifc;
    unsigned family;           /* 4 or 6 */
    struct tfsm_address stack; /* 192.168.0.1 or fd3d:fa7b:d17d::1 */
    struct tfsm_address self;  /* 192.0.2.1 or 2001:db8::1 */
    uint16_t stack_port;
    uint16_t port;
    uint32_t seq; /* what it says next */
    uint32_t ack; /* what it has heard */
    struct tfsm_packet heard;
    uint8_t text[65536]; /* of that */
    size_t text_length;
    uint8_t raw[65600]; /* and the packet as it came */
    size_t raw_length;
    long long heard_at; /* microseconds since the stack started */
    long long started;
};

extern struct peer peer;

/* A stack through an init function, with flags; idle=return is added. */
void peer_start(void (*init)(const char *, struct packetdrill_interface *), unsigned family,
                const char *flags);
int peer_stop(void **state);
/* The lowest descriptor that nobody has: 3 where the caller of the test left nothing open. */
int peer_lowest_fd(void);
/* From here on the stack's address is another one, which it hears of from bind() alone. */
void peer_move(uint32_t seed);

/* The peer's address or the stack's as a socket address; returns its size. */
socklen_t peer_sockaddr(bool stack, uint16_t port, struct sockaddr_storage *out);

/* A segment from peer.seq, acknowledging peer.ack; peer.seq goes on. */
void say(unsigned flags, const char *text);
/* Any segment. */
void say_packet(const struct tfsm_packet *packet, const char *text);
/* One to start from: addresses, ports, a window of 65535, sequence numbers. */
struct tfsm_packet peer_packet(unsigned flags);
/* An ICMP error about the segment that was heard last; info is the last word of its header. */
void say_icmp(unsigned type, unsigned code, uint32_t info);

/* The next segment; false when nothing can come. peer.ack goes on over what is new. */
bool hears(void);
/* The next one has exactly these flags and this much text. */
void hear(unsigned flags, size_t text);
/* Nothing is queued and no timer runs. */
void hear_nothing(void);
/* What is queued now, without the clock going on: how many. */
long long clock_now(void); /* microseconds since the stack started */

/* A TCP socket of the family; nonblocking or not. */
int tcp_socket(bool nonblocking);
/* A connection that the stack opened, and one that came in to port STACK_PORT: its descriptor, both
 * not blocking. */
int opened(void);
int listening(int backlog);
int accepted(int listener);
/* The peer's side of a handshake with STACK_PORT. */
void handshake(void);

/* A call that fails: -1 and this errno. */
#define assert_fails(call, error)                                                                  \
    do {                                                                                           \
        errno = 0;                                                                                 \
        assert_int_equal((call), -1);                                                              \
        assert_int_equal(errno, (error));                                                          \
    } while (0)

#endif
