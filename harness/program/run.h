/* Carrying out an event program: one TCB and a peer made of records (trace), two endpoints with
 * real octets and the network between them (pair), one listener and its peers (listen.h), one
 * endpoint and whatever comes along on the wire (host.h), or an arbitrary TCB and one event (single.h). Time is virtual, nothing is random, and
 * every step is watched by the monitor. The fuzz targets, the replay and the capture tests all run
 * programs through here. */
#ifndef HARNESS_RUN_H
#define HARNESS_RUN_H

#include "decode.h"
#include "monitor.h"
#include "tfsm_listener.h"

enum run_mode { RUN_TRACE, RUN_PAIR, RUN_LISTENER, RUN_ENDPOINT, RUN_STEP };

/* One line of what happened. */
enum run_line_kind {
    RUN_CALL,    /* a user call; ev, result */
    RUN_ARRIVES, /* a segment arrives at `end`; ev->segment */
    RUN_TIMEOUT, /* TIMEOUT was fed */
    RUN_SENDS,   /* `end` sends *segment */
    RUN_LOST,    /* the network drops *segment on its way to `end` */
    RUN_NOTE,    /* text only */
    RUN_WIRE,    /* *wire is on the wire, before whoever it is for looks at it: for who captures */
    RUN_HOST     /* *host is what the driver or the user of an endpoint does, and has come to */
};

struct endpoint_config;

/* What an endpoint is asked for: by its user, but for the first two. */
enum run_host_kind {
    RUN_HOST_BEGINS, /* it is there; its clock tells host->clock */
    RUN_HOST_TIME,   /* time has passed, and it will look at its timers */
    RUN_HOST_CONNECT,
    RUN_HOST_LISTEN,
    RUN_HOST_ACCEPT, /* a connection was handed out by host->listener */
    RUN_HOST_SEND,
    RUN_HOST_RECEIVE,
    RUN_HOST_CLOSE, /* a connection or a listener */
    RUN_HOST_CLOSE_DEAF,
    RUN_HOST_ABORT,
    RUN_HOST_RELEASE,
    RUN_HOST_SHRINK /* the send buffer, to n octets */
};

struct run_host {
    enum run_host_kind kind;
    tfsm_time clock;   /* BEGINS */
    uint64_t handle;   /* whom the call means, or what it came to; 0 where it was not opened */
    uint64_t listener; /* ACCEPT */
    enum tfsm_result result;
    size_t n;     /* octets; LISTEN: the backlog; CONNECT: octets that are to go along */
    size_t taken; /* of them */
    /* LISTEN of a bare listener, n being its SYN queue: cookies remembered as spent; its connections bear a
     * security label */
    size_t spent;
    bool labelled;
    bool urgent;               /* SEND */
    bool fast;                 /* CONNECT: a Fast Open, */
    bool knows;                /* with a cookie; RELEASE and CLOSE_DEAF: octets are unread */
    struct tfsm_address local; /* CONNECT, LISTEN; of family 0 where nobody said */
    struct tfsm_address remote;
    uint16_t local_port;
    uint16_t remote_port;
    const struct tfsm_listener_policy *policy; /* LISTEN */
    const struct endpoint_config *config;      /* BEGINS, but of a pair */
};

/* A packet on the wire: one of the three. What an end sent arrives later, or never, or twice: then it
 * is told once more, as flown. */
struct run_wire {
    bool sent;       /* by `end`; else it arrives there */
    bool spoilt;     /* it was made to be wrong somewhere, or of octets of the program */
    bool flown;      /* it was sent before, by an end of this run */
    uint32_t number; /* of what is sent, from 1; of what is flown, that one */
    const struct tfsm_packet *packet;
    const struct tfsm_icmp_message *icmp;
    const uint8_t *octets; /* as they are, whatever they are */
    size_t size;
};

struct run_line {
    enum run_line_kind kind;
    /* listener: whose peer's conversation it belongs to; endpoint: which connection's */
    unsigned end;
    tfsm_time now;
    const struct tfsm_event *ev;        /* CALL, ARRIVES, TIMEOUT */
    enum tfsm_result result;            /* CALL */
    const struct tfsm_effects *fx;      /* CALL, ARRIVES, TIMEOUT: signals */
    const struct tfsm_trace *trace;     /* with fx: the rules fired */
    const struct tfsm_segment *segment; /* SENDS, LOST */
    const struct tfsm_tcb *before;      /* CALL, ARRIVES, TIMEOUT */
    const struct tfsm_tcb *after;       /* all but NOTE */
    const char *text;                   /* NOTE */
    const struct run_host *host;        /* HOST */
    const struct run_wire *wire;        /* WIRE; SENDS, LOST of a pair: its number alone */
};

/* Called for every line when not null; for people, not for the fuzzer. */
typedef void run_log(void *user, const struct run_line *line);

/* What a run came to. */
struct run_result {
    uint32_t events; /* events fed to the core; step: 1 of a case, else 0 */
    /* the first broken invariant; violation.id is null when there is none */
    struct violation violation;
    uint64_t rules[(TFSM_RULES + 63) / 64];  /* rules that fired */
    uint64_t counters[TFSM_LISTENER_COUNTS]; /* listener: of all that opened in the run */
};

/* Run a whole program. log may be null. Deterministic: same arguments, same result and same lines.
 * One at a time, whatever it is: they live in static memory. */
struct run_result run_program(enum run_mode mode, const uint8_t *octets, size_t size, run_log *log,
                              void *user);

#endif
