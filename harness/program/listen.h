/* Listener programs: one listening socket with a handful of entries, eight peers that know what a
 * client can know and try what an attacker would, and time. The connections that come of it are
 * kept as bare TCBs, as small embedders would keep them. listen.c reads a program and carries it
 * out; listen_account.c keeps an account of the listener with a full TCB for every entry, and tells
 * the two apart.
 *
 * A program is the header of any program (decode.h: policy of connections, origins) and
 * LISTEN_HEADER more octets for the listener, then records. Of the first octet of a record the low
 * four bits are its kind, the others its own; where a peer is concerned, the second octet has the
 * peer in its low three bits. How long a record is it says itself (record_layout.h), whatever has
 * happened before it. Any string of octets is a program: what is missing reads as zero. */
#ifndef HARNESS_LISTEN_H
#define HARNESS_LISTEN_H

#include "whole.h"
#include "run_internal.h"
#include "tfsm_listener.h"

#define LISTEN_HEADER 5 /* octets after those of PROGRAM_HEADER */

#define LISTEN_PEERS   8
#define LISTEN_SITES   6              /* pairs of addresses among them */
#define LISTEN_ENTRIES 5              /* of the largest SYN queue */
#define LISTEN_WAITING 3              /* of the largest accept queue */
#define LISTEN_SPENT   4              /* of the largest table of spent cookies */
#define LISTEN_GUARD   0xa5           /* what memory holds that is not the listener's */
#define LISTEN_PORT    7              /* ours */
#define LISTEN_SENT    PROGRAM_EVENTS /* SYN-ACKs with an ISN of their own: a record makes one */

/* What a record asks for. */
enum listen_kind {
    LISTEN_SYN,     /* a SYN: with what options and number, with text, FIN or urgent data */
    LISTEN_AGAIN,   /* the last SYN of a peer, or one that hardly differs */
    LISTEN_THIRD,   /* a third segment for the last SYN-ACK that a peer was sent, or nearly */
    LISTEN_RST,     /* a RST at, in or beside the window */
    LISTEN_SYN_IN,  /* a SYN or SYN-ACK about RCV.NXT */
    LISTEN_COOKIE,  /* a third segment for any SYN-ACK that was sent, altered or not */
    LISTEN_PROGRAM, /* a record of decode.h follows: any segment, any user call, relative to what is
                       there of the peer */
    LISTEN_ICMP,    /* an ICMP error that quotes a right number or a wrong one */
    LISTEN_TIME,    /* time passes */
    LISTEN_HOLD,    /* output is not drawn for a number of records */
    LISTEN_ACCEPT,  /* the user accepts a connection */
    LISTEN_FLOW,    /* something happens to the connection of a peer */
    LISTEN_POLICY,  /* the policy of the listener changes */
    LISTEN_ROTATE,  /* another secret for one kind of cookies */
    LISTEN_CLOSE,   /* the listener closes, says its goodbyes, and another opens in its memory */
    LISTEN_DRAW     /* so many packets are drawn, held or not */
};

/* What there is of a peer. */
enum listen_stage {
    LISTEN_NOTHING,
    LISTEN_HALF, /* an entry; the TCB is the one that the account keeps beside it */
    LISTEN_OPEN  /* a connection; the TCB is the connection */
};

struct listen_flow {
    enum listen_stage stage;
    struct tfsm_tcb tcb;
    struct monitor monitor;
    bool watched;       /* by the monitor: not where the SYN was forgotten for a cookie */
    bool pending;       /* a Fast Open that is not over */
    uint64_t age;       /* HALF: in the order of the SYNs */
    tfsm_time made;     /* HALF: when the ISN was chosen */
    bool matched;       /* HALF: the entry was this TCB, which has not changed since */
    bool is_cookie;     /* HALF: while cookies were out */
    bool told;          /* HALF: its SYN-ACK went out */
    uint64_t id;        /* OPEN: for the accept queue */
    uint64_t delivered; /* OPEN: octets */
    struct tfsm_segment syn;
};

/* A SYN-ACK that went out. */
struct listen_sent {
    uint8_t peer;
    bool stateless;             /* no entry stood behind it */
    bool is_cookie;             /* its ISN is one that can come back without an entry */
    tfsm_time made;             /* when its ISN was chosen */
    struct tfsm_segment syn;    /* what it answers */
    struct tfsm_segment answer; /* as it went out last */
};

/* A SYN that was answered while cookies were out. */
struct listen_isn {
    uint8_t peer;
    struct tfsm_segment syn;
    tfsm_time made;
    uint32_t iss;
};

/* A handshake that came through, or a Fast Open, whose ISN was a cookie: no cookie for the same SYN
 * is good any more. */
struct listen_spent {
    uint8_t peer;
    bool is_cookie; /* it was one for certain */
    uint32_t irs;
    tfsm_time made;
};

/* A Fast Open cookie that was handed out. */
struct listen_fast {
    uint8_t site;
    uint64_t generation; /* of the secret */
    uint8_t octets[TFSM_COOKIE_MAX];
};

/* What the account has looked at, so that it need not look again. What a check says of a listener
 * depends on the octets of the listener and of its arrays alone: where none has changed, it says
 * the same. */
struct listen_seen {
    struct tfsm_listener listener;
    struct tfsm_entry entries[LISTEN_ENTRIES + 2]; /* as w->entries, with what lies around */
    bool books;                                    /* nothing has changed since they added up */
    bool guards;                                   /* nor around the entries, since it was looked */
    bool seats;    /* nor in who has an entry, since every peer was asked for its own */
    uint32_t news; /* entries that have changed since they were compared, a bit each */
    uint8_t half;  /* peers with an entry then, a bit each */
    uint8_t place[LISTEN_PEERS];             /* the entry of each, from 1; 0 where none is known */
    struct tfsm_packet packet[LISTEN_PEERS]; /* of each, with no segment; LISTEN_PORT where made */
};

/* One run. What is counted is not cleared beforehand. */
struct listen {
    struct run_account run;
    struct program program;
    struct tfsm_config cfg;
    struct tfsm_listener listener;
    struct tfsm_entry entries[LISTEN_ENTRIES + 2];
    uint64_t waiting[LISTEN_WAITING + 2];
    struct tfsm_spent spent[LISTEN_SPENT + 2];
    struct tfsm_tcb work;          /* of the listener, to work in */
    struct tfsm_listening opening; /* as the listener was opened */
    struct listen_flow flows[LISTEN_PEERS];
    /* In TIME-WAIT, while the next incarnation is half open among the flows; else
     * LISTEN_NOTHING. */
    struct listen_flow before[LISTEN_PEERS];
    unsigned hold;    /* records during which output is not drawn */
    uint8_t salt;     /* of the keys */
    uint64_t secrets; /* made so far */
    uint64_t serial;  /* of connections and entries */
    bool ends_closed; /* the program ends by a close */
    uint32_t fed;     /* events of this listener that can make it owe a packet */
    uint32_t drawn;   /* packets it owed */
    uint32_t rounds;  /* timeouts in this record */
    /* what the peers know */
    uint32_t irs[LISTEN_PEERS];             /* of the next SYN */
    struct tfsm_packet syn[LISTEN_PEERS];   /* the last SYN */
    struct listen_sent known[LISTEN_PEERS]; /* the last SYN-ACK */
    /* the account */
    struct whole_counts counters; /* as they must stand */
    struct whole_counts told;     /* how much of that is in the result of the run */
    struct listen_seen seen;
    tfsm_time cookies_until;
    uint64_t fast_generation;
    uint32_t early;        /* Fast Opens that are not over */
    unsigned resets;       /* of them, how many ended by a reset */
    unsigned accept_count; /* the accept queue */
    uint64_t accept_ids[LISTEN_WAITING];
    unsigned sent_count;
    unsigned isn_count;
    unsigned fast_count;
    unsigned spent_count;
    struct listen_sent sent[LISTEN_SENT];
    struct listen_isn isns[LISTEN_SENT];
    struct listen_fast fast[LISTEN_SENT];
    struct listen_spent gone[LISTEN_SENT];
    tfsm_time reset_at[LISTEN_SENT];
};

/* A segment that the listener was given, and what it made of it. */
struct listen_arrival {
    unsigned peer;
    const struct tfsm_packet *packet;
    bool seated;
    const uint32_t *iss_after;
    bool promised;       /* it reopens from TIME-WAIT because there was room */
    struct tfsm_tcb met; /* tfsm_listener_peek() before */
    struct tfsm_arrival out;
    bool spoken; /* the answer is an entry's, with policy.at_once; out.answers is not set then */
    struct tfsm_tcb tcb; /* the seat's */
};

#define LISTEN_FAST_COOKIE 8u /* octets of those that listeners hand out */

/* ---- listen.c ---- */

/* A packet with the tuple of a peer, towards us. */
struct tfsm_packet listen_packet(unsigned peer, const struct tfsm_segment *segment);
/* Whose tuple this is, of a packet from us; LISTEN_PEERS: nobody's. */
unsigned listen_peer_of(const struct tfsm_packet *packet);
/* Whether this is the entry of a peer. */
bool listen_leads_to(const struct tfsm_entry *entry, unsigned peer);
/* Which pair of addresses. */
unsigned listen_site_of(unsigned peer);

/* ---- listen_account.c ---- */

/* tfsm_listener_open() said no. */
void listen_account_refused(struct listen *w);
/* It was asked to open with what makes sense: its books are empty. */
void listen_account_opened(struct listen *w, bool opened);
/* It is about to be given a segment: what lies in the seat. */
void listen_account_seat(struct listen_arrival *a);
/* It was given it. */
void listen_account_arrival(struct listen *w, struct listen_arrival *a);
/* A segment with numbers of TIME-WAIT or of the next incarnation goes to the second, or not. */
void listen_account_routed(struct listen *w, unsigned peer, const struct tfsm_segment *segment,
                           bool to_next);
/* An ICMP error. */
void listen_account_icmp(struct listen *w, unsigned peer, const struct tfsm_icmp_message *message,
                         bool taken, const struct tfsm_effects *fx);
/* tfsm_listener_timeout() returned true. Returns whose entry it was. */
unsigned listen_account_timeout(struct listen *w, const struct tfsm_effects *fx);
/* tfsm_listener_output() gave a packet; returns whose. */
unsigned listen_account_output(struct listen *w, const struct tfsm_packet *packet, bool closing);
/* It gave none. */
void listen_account_drained(struct listen *w);
/* A Fast Open is over. */
void listen_account_early_over(struct listen *w, bool reset);
/* A connection has delivered text. */
void listen_account_delivered(struct listen *w, unsigned peer, const struct tfsm_effects *fx);
/* tfsm_listener_accept() was asked. */
void listen_account_accepted(struct listen *w, bool accepted, uint64_t id);
/* No more entries are expected: after a close, or when time has passed long enough. */
void listen_account_over(struct listen *w);
/* After everything: the books, and each entry beside its TCB. Only what can have changed is looked
 * at. With TFSM_CHECKS=both in the environment all the rest is, too, and must say the same:
 * CHECKS_DIFFER. */
void listen_account_check(struct listen *w);

/* Feed an event to the TCB of a flow, under the eyes of its monitor. expected, if not null, is what
 * it must come to: that is looked at first. */
enum tfsm_result listen_flow_step(struct listen *w, unsigned peer, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev, const struct tfsm_effects *expected,
                                  struct tfsm_effects *fx);
/* Take its next segment. */
bool listen_flow_output(struct listen *w, unsigned peer, struct tfsm_segment *segment);

#endif
