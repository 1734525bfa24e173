/* The witness: judges any TCP by what a place on the wire sees of it. It watches one end of one incarnation of a connection, the
 * subject, knows nothing of its inside, and keeps only what is certain. Between that place and the subject packets get lost, and
 * the recording itself drops, cuts and merges some: a charge is raised only where none of that explains what was seen. */
#ifndef HARNESS_WITNESS_H
#define HARNESS_WITNESS_H

#include "tfsm.h"

/* How grave a charge is: what an RFC demands, what it advises, and what no RFC forbids. */
enum witness_level { WITNESS_MUST, WITNESS_SHOULD, WITNESS_PRACTICE };

enum witness_clause {
#define W(name, level, demand, words) WITNESS_##name,
#include "clauses.inc"
#undef W
    WITNESS_CLAUSES
};

/* Of a clause: its name as reports show it, its level, the demand (an id of docs/requirements.md), and its words. */
const char *witness_name(enum witness_clause clause);
enum witness_level witness_level(enum witness_clause clause);
const char *witness_demand(enum witness_clause clause);
const char *witness_level_name(enum witness_level level);

/* Where the capture was made. */
enum witness_vantage {
    WITNESS_NEAR, /* on the subject's host or link: what is seen to go there arrives */
    WITNESS_FAR,  /* anywhere else */
    WITNESS_TOLD /* as the capture tells: far, until the subject answers within two milliseconds, or within fifty
                     with packets that no router has passed on */
};

/* What is certain of one packet. */
enum witness_known {
    WITNESS_WHOLE = 1, /* no octet of its headers is missing */
    WITNESS_CHECKED =
        2, /* every octet is there, and the checksum is right: so it was on the wire, as it is */
    WITNESS_WRONG =
        4, /* every octet is there, and the checksum is neither right nor left to a network card */
    WITNESS_SOUND =
        8 /* right, or left to a network card: not damaged on its way. Of what is cut off nobody knows */
};

struct witness_packet {
    uint64_t number; /* in its capture, from 1 */
    tfsm_time at;    /* microseconds, not before that of the packet before */
    const struct tfsm_segment *segment;
    unsigned known; /* enum witness_known */
    uint16_t error; /* with WITNESS_WRONG: what the sum over all comes to, which should be 0xffff */
    uint8_t reserved;       /* the reserved bits */
    uint8_t family;         /* 4 or 6 */
    uint8_t ttl;            /* or hop limit; 0: not known */
    const uint8_t *options; /* the header behind its first 20 octets, as far as it is there */
    unsigned option_octets;
    const uint8_t *text; /* as far as it is there */
    uint32_t text_octets;
};

#define WITNESS_PROOFS  3
#define WITNESS_NUMBERS 3

struct witness_charge {
    enum witness_clause clause;
    tfsm_time at;    /* of the guilty packet */
    unsigned proofs; /* packets that prove it, the guilty one last */
    uint64_t proof[WITNESS_PROOFS];
    int64_t number[WITNESS_NUMBERS]; /* what the words name */
};

/* The words of a charge with its numbers, ended by a zero octet; cut off where there is no room. */
void witness_words(const struct witness_charge *charge, char *out, size_t room);

/* The words of a clause with # for each number. */
void witness_template(enum witness_clause clause, char *out, size_t room);

/* What all witnesses of a judgment share. */
struct witness_court {
    enum witness_vantage vantage;
    void (*charge)(void *user, const struct witness_charge *charge);
    size_t text_most; /* octets of text kept to be compared, all connections together; 0: none is */
    size_t text_kept; /* and how many there are */
    bool
        checked; /* some packet of the capture had a right checksum, so that wrong ones mean something */
    bool untrue;    /* some packet with a wrong one was acknowledged: it was right on the wire */
    bool untimed;   /* some packet of the capture has an impossible time: none tells who is near */
    bool icmp;      /* some packet of the capture is ICMP, which may undo a back-off (RFC 6069) */
    bool fragments; /* some of the capture is in fragments, which no witness sees */
};

struct witness; /* of some 3 KiB; and of text in flight as much as the court lets it have */

/* Begin to watch. *court stays where it is until witness_free(); user is what its charges name. Null where there is no memory. */
struct witness *witness_new(struct witness_court *court, void *user);

/* Another incarnation begins: what was seen so far is forgotten. */
void witness_restart(struct witness *witness);

/* A packet of the connection, sent by the subject or to it. */
void witness_packet(struct witness *witness, bool sent, const struct witness_packet *packet);

/* Whether the subject is near, by the vantage or as the capture has told: else duties towards it are not looked at. */
bool witness_is_near(const struct witness *witness);

/* Nothing more will come of this connection. A null pointer may be freed. */
void witness_free(struct witness *witness);

#endif
