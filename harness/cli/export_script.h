/* A script being written: the lines that every kind of input needs. What a run does is told in the
 * numbers of the script, ours from our ISN on and the peer's from the first that it could use. */
#ifndef HARNESS_EXPORT_SCRIPT_H
#define HARNESS_EXPORT_SCRIPT_H

#include "export.h"

#define SCRIPT_PEERS   64u
#define SCRIPT_COOKIES 16u

/* Both ends of a connection, as the reader of the script counts. */
struct script_peer {
    struct tfsm_address local; /* of family 0: those of the script */
    struct tfsm_address remote;
    uint16_t local_port;
    uint16_t remote_port;
    uint32_t ours;   /* what is 0 in the script, of our numbers; 0 before a SYN of ours */
    uint32_t theirs; /* and of the peer's */
    bool known;      /* a SYN of ours was seen, or its number is */
    bool opens;      /* with this number, which counts from the next arrival on, or with its SYN: */
    uint32_t next;
};

struct scripting {
    FILE *to;
    char *error;      /* EXPORT_ERROR octets */
    unsigned end;     /* of a pair: 0 has the address 192.0.2.1, 1 the next */
    unsigned attempt; /* the same input once more, with another backlog */
    bool clockless;   /* timestamps of SYN-ACKs may be cookies: none is held against the clock */
    bool addressed;   /* packets are shown with their addresses */
    bool refused;
    bool over;       /* nothing more is written: the rest would take too long */
    bool secret;     /* what arrives has another security label than its connection */
    char doubt[96];  /* what was told the program that no socket says; it may not matter */
    bool healing;    /* the program is over; the rest is its epilogue */
    tfsm_time start; /* what is 0 in the script */
    tfsm_time last;  /* when the last line happens */
    unsigned fd;     /* the last one that was made */
    struct script_peer peers[SCRIPT_PEERS];
    unsigned peer_count;
    uint8_t cookies[SCRIPT_COOKIES]
                   [TFSM_COOKIE_MAX]; /* that the host has handed out, in their order */
    unsigned cookie_count;
};

/* No script can say this: the first reason counts. */
void script_refuse(struct scripting *s, tfsm_time now, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Octets that are no packet arrive. */
void script_octets(struct scripting *s, tfsm_time now, const uint8_t *octets, size_t n);

/* The head: settings, and a socket for what is only there to let time pass.
 * ranges  that a connection has room for; 0: what a TCB has by itself */
void script_begin(struct scripting *s, const char *more, unsigned ranges, tfsm_time start,
                  tfsm_time clock);
/* And its end, after settings of policies. */
void script_begun(struct scripting *s);

/* A line of its own, at a time. */
void script_line(struct scripting *s, tfsm_time now, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void script_comment(struct scripting *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Time has passed, and the host looks at its timers. */
void script_tick(struct scripting *s, tfsm_time now);

struct script_peer *script_peer(struct scripting *s, const struct tfsm_address *local,
                                const struct tfsm_address *remote, uint16_t local_port,
                                uint16_t remote_port);
/* Settings of a policy; family 0: of both. */
void script_policy(struct scripting *s, const struct tfsm_config *cfg, unsigned family);

/* A connection was opened, with such a number. */
void script_opened(struct script_peer *peer, uint32_t iss);

/* A segment arrives, or is expected. */
void script_arrives(struct scripting *s, tfsm_time now, struct script_peer *peer,
                    const struct tfsm_packet *packet);
void script_sends(struct scripting *s, tfsm_time now, struct script_peer *peer,
                  const struct tfsm_packet *packet);
void script_icmp(struct scripting *s, tfsm_time now, struct script_peer *peer,
                 const struct tfsm_icmp_message *message, unsigned type, unsigned code,
                 uint32_t mtu);

/* The same of a meaning alone. */
void script_icmp_meant(struct scripting *s, tfsm_time now, struct script_peer *peer,
                       const struct tfsm_icmp_message *message);

/* socket() and what every socket is set to; its descriptor. */
unsigned script_socket(struct scripting *s, tfsm_time now, const struct tfsm_address *local,
                       uint16_t port);
/* close(), after which *fd is 0; reset: with a linger time of 0. */
void script_end(struct scripting *s, tfsm_time now, unsigned *fd, bool reset);

#define SCRIPT_SOCKADDR 160
void script_sockaddr(char text[SCRIPT_SOCKADDR], const struct tfsm_address *address, uint16_t port);
void script_state(struct scripting *s, tfsm_time now, unsigned fd, enum tfsm_state state);

/* ---- export_adapt.c ---- */

/* Carry a script out, and where the host behind sockets only differs in the RSTs that it sends for no connection take
 * them as they are. *text is replaced. False: it does not pass, and reason says why. */
bool adapt_script(char **text, char *reason, size_t room);

/* ---- export_trace.c ---- */

/* Write the script of an input. False: none can be written, and s->error says why. */
bool export_trace_script(const struct export_input *input, struct scripting *s);

/* ---- export_host.c ---- */

/* ---- export_listener.c ---- */

#define EXPORT_LISTENER_ATTEMPTS 7u

bool export_listener_script(const struct export_input *input, struct scripting *s);

bool export_endpoint_script(const struct export_input *input, struct scripting *s);
bool export_pair_script(const struct export_input *input, unsigned end, struct scripting *s);

#endif
