/* Carrying out a script against a stack behind packetdrill's interface, ours linked in or one that
 * was loaded: both ways in go through here. The stack owns the clock; nothing waits for real time,
 * and everything is a function of the script and the stack. */
#ifndef HARNESS_SCRIPT_RUN_H
#define HARNESS_SCRIPT_RUN_H

#include "packetdrill.h"
#include "script.h"
#include "tfsm.h"

#define SCRIPT_FLAGS_MOST   1024
#define SCRIPT_MESSAGE_MOST 2048

/* What the options at the top of a script come to. */
struct script_options {
    bool ipv6;   /* packets are IPv6 */
    bool mapped; /* sockets are IPv6, packets IPv4 */
    bool verbose;
    uint16_t bind_port;
    uint16_t connect_port;
    int64_t tolerance; /* microseconds that a packet may be early or late */
    int64_t ts_tick;   /* microseconds of one tick of our timestamp clock; 0: TS val is not held
                          against the time */
    struct tfsm_address local[2]; /* of IPv4 and of IPv6 */
    struct tfsm_address remote[2];
    bool local_said[2];               /* --local_ip */
    bool nothing_left;                /* no packet may be left over at the end */
    bool strict_segments;             /* the text of several packets does not add up */
    char implied[SCRIPT_FLAGS_MOST];  /* settings that other options come to: --mtu, --local_ip */
    char so_flags[SCRIPT_FLAGS_MOST]; /* and those that packetdrill hands to its plug-in */
};

/* Put two lists of settings together, the later to win.
 * Returns false where there is no room. */
bool script_join_flags(char flags[SCRIPT_FLAGS_MOST], const char *more);

/* Read the options of a script, and those of a command line, which win.
 * script       null: of none
 * more         the command line's, in their order, with line 0; may be null
 * error, line  as in script_parse()
 * Returns false on a mistake. What only the real packetdrill needs (a TUN device, wire clients) is
 * taken and means nothing. */
bool script_options(const struct script *script, const struct script_setting *more,
                    struct script_options *options, char error[SCRIPT_ERROR], unsigned *line);

/* Where nobody says which address the host has packetdrill takes one by chance, of 192.168/16 or
 * fd3d::/16. So does this, for both families, the same for the same seed. */
void script_choose_local(struct script_options *options, uint32_t seed);

struct script_run {
    const struct script *script;
    const struct script_options *options;
    const struct packetdrill_interface *stack; /* with the setting idle=return */
    bool strict;       /* no list of options means none, a list means these octets in this order,
                          and no packet may be left over */
    bool allow_shell;  /* run shell commands */
    bool skip_shell;   /* or pass them over */
    uint32_t peer_isn; /* what the sequence number 0 of the peer is on the wire */
    /* Called before each event and, with null, after the last; may be null: for the ladder. */
    void (*told)(void *user, const struct script_event *event, int64_t now);
    /* May be null. How many connections the stack has opened, and the first number of the last: where its SYN is not seen
     * before it is needed, the script counts from that as from 0. */
    uint32_t (*opened)(void *user, uint32_t *isn);
    void *user;
};

enum script_outcome {
    SCRIPT_PASSED,
    SCRIPT_FAILED, /* the stack did something else */
    SCRIPT_BAD     /* the script asks for what makes no sense, or is refused */
};

struct script_result {
    enum script_outcome outcome;
    unsigned line;                     /* where, if it did not pass */
    unsigned events;                   /* carried out */
    int64_t elapsed;                   /* virtual microseconds */
    char reason[SCRIPT_ERROR];         /* in one line */
    char details[SCRIPT_MESSAGE_MOST]; /* more lines, each with a line feed: expected and actual */
};

/* Run a script to its end or to the first thing that is not as it says. Never blocks: a call that
 * would is a failure. */
struct script_result script_run(const struct script_run *run);

#endif
