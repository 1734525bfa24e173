/* A script in packetdrill's language, read: what happens when, line by line. The lexer and the
 * grammar (lexer.l, grammar.y) make it, script_run.h carries it out. Everything a script is made of
 * lives in blocks that go at once, so that nothing is lost however parsing ends. */
#ifndef HARNESS_SCRIPT_H
#define HARNESS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tfsm.h"

#define SCRIPT_ERROR      320                           /* octets of a message, its end included */
#define SCRIPT_SIZE_MOST  (1u << 20)                    /* octets of a file */
#define SCRIPT_DEPTH_MOST 16                            /* of lists and structures in each other */
#define SCRIPT_TIME_MOST  (INT64_C(10000000) * 1000000) /* microseconds: no script takes longer */
#define SCRIPT_SACKS      4

/* ---- arguments of system calls ---- */

enum script_value_kind {
    SCRIPT_NUMBER, /* number */
    SCRIPT_NAME,   /* text: a constant such as SOL_SOCKET */
    SCRIPT_STRING, /* text, number octets */
    SCRIPT_DOTS,   /* `...`: whatever */
    SCRIPT_EITHER, /* a|b|c: first and its next */
    SCRIPT_LIST,   /* [a, b] */
    SCRIPT_STRUCT, /* {name=a, b}: the members, field is null or their name */
    SCRIPT_APPLY   /* htons(8080): text and the arguments */
};

struct script_value {
    enum script_value_kind kind;
    unsigned depth;
    unsigned line;
    int64_t number;
    const char *text;
    const char *field; /* as a member of a structure */
    struct script_value *first;
    struct script_value *last; /* EITHER: of those that begin with first */
    struct script_value *next;
};

/* ---- packets ---- */

enum script_option_kind {
    SCRIPT_EOL,
    SCRIPT_NOP,
    SCRIPT_MSS,          /* number */
    SCRIPT_WSCALE,       /* number */
    SCRIPT_SACK_OK,      /* nothing */
    SCRIPT_SACK,         /* sack[] */
    SCRIPT_TIMESTAMPS,   /* number and echo */
    SCRIPT_USER_TIMEOUT, /* number: as in the option, bit 15 for minutes (RFC5482:3.3) */
    SCRIPT_FAST_OPEN, /* octets, or text: the name of a cookie that is learnt; neither: a request */
    SCRIPT_HEX        /* octets as they are, to say what is not sound */
};

struct script_option {
    enum script_option_kind kind;
    uint32_t number;
    uint32_t echo;
    uint32_t sack[SCRIPT_SACKS][2];
    unsigned sacks;
    uint8_t octets[40];
    unsigned length; /* octets in octets[] */
    const char *text;
    struct script_option *next;
};

/* What may be said of the ECN field. */
enum script_ecn {
    SCRIPT_ECN_UNSAID,
    SCRIPT_ECN_NONE,
    SCRIPT_ECN_ECT1,
    SCRIPT_ECN_ECT0,
    SCRIPT_ECN_CE,
    SCRIPT_ECN_ECT01 /* either */
};

/* Numbers are relative: SEG.SEQ to the sender's ISN, SEG.ACK to the other's. */
struct script_segment {
    uint8_t flags; /* enum tfsm_flag */
    enum script_ecn ecn;
    bool has_ports;
    bool has_ack;
    bool has_window;
    bool has_urgent;
    bool has_tos;
    bool has_ttl;
    bool has_label;
    bool has_addresses;               /* ["192.0.2.1" > "192.0.2.2"] */
    struct tfsm_address addresses[2]; /* of the source and of the destination */
    bool secret;      /* the IPv4 header bears a security label (RFC 1108): arrivals only */
    bool has_options; /* a list was given, an empty one too */
    bool any_options; /* <...> */
    uint8_t tos;
    uint8_t ttl;
    uint32_t label; /* flow label of IPv6 */
    uint16_t source;
    uint16_t destination;
    uint16_t window;
    uint16_t urgent;
    uint32_t seq;
    uint32_t length; /* octets of text */
    uint32_t ack;
    struct script_option *options;
};

struct script_icmp {
    bool v6;
    bool has_addresses; /* of the message: the segment quoted went the other way */
    struct tfsm_address addresses[2];
    bool has_ports; /* of the segment quoted */
    uint8_t type;
    uint8_t code;
    uint16_t source;
    uint16_t destination;
    uint32_t mtu;
    uint32_t seq; /* of the segment quoted */
    uint32_t length;
};

/* ---- events ---- */

enum script_event_kind {
    SCRIPT_ARRIVES, /* a segment arrives at the stack: segment */
    SCRIPT_SENDS,   /* the stack sends one: segment */
    SCRIPT_ICMP_ARRIVES,
    SCRIPT_OCTETS,  /* octets arrive that are no segment, as they are: text in hex */
    SCRIPT_CALL,    /* a system call: call */
    SCRIPT_COMMAND, /* a shell command: text */
    SCRIPT_CODE     /* %{ ... }%: text */
};

struct script_call {
    const char *name;
    bool blocks; /* it ends later than it begins: end */
    int64_t end; /* microseconds; as the event's time absolute or not */
    struct script_value *arguments;
    struct script_value *result; /* a number or DOTS */
    const char *error;           /* "EAGAIN", or null */
};

enum script_time_kind {
    SCRIPT_AT,    /* from the start of the script */
    SCRIPT_AFTER, /* from the event before */
    SCRIPT_ANY    /* `*` */
};

struct script_event {
    unsigned line;
    enum script_event_kind kind;
    enum script_time_kind time_kind;
    bool range;   /* a~b: not before time, not after time_end */
    int64_t time; /* microseconds */
    int64_t time_end;
    struct script_segment *segment;
    struct script_icmp *icmp;
    struct script_call *call;
    const char *text;
    struct script_event *next;
};

/* An option at the top of the script: --name=value. */
struct script_setting {
    unsigned line;
    const char *name;
    const char *value; /* null where there was no `=` */
    struct script_setting *next;
};

struct script {
    struct script_setting *settings;
    struct script_event *events;
    unsigned event_count;
    struct script_block *blocks;
};

/* A word that stands for something else, as packetdrill's --define has it. */
struct script_define {
    const char *name; /* letters, digits and underscores */
    const char *value;
};

/* Put the values of defined words in their places: whole words outside of strings, comments, shell
 * commands and code. What a value says is not looked at again.
 * text, n  any octets at all
 * n_out    octets of what comes back
 * Returns octets to be freed, with a zero behind them; null when there is no memory, or when they
 * would be more than SCRIPT_SIZE_MOST. */
char *script_define(const char *text, size_t n, const struct script_define *defines, size_t count,
                    size_t *n_out);

/* Parse a script.
 * text, n  its octets, any octets at all
 * more     settings of a command line, which win; may be null. What a word means can depend on them
 * error    SCRIPT_ERROR octets; on failure what is wrong, one line
 * line     on failure where, from 1
 * Returns null on failure. */
struct script *script_parse(const char *text, size_t n, const struct script_setting *more,
                            char error[SCRIPT_ERROR], unsigned *line);

/* Give back everything. Null is nothing. */
void script_free(struct script *script);

#endif
