/* Event programs: what fuzz inputs, seeds and replays are made of. A program is a header of
 * PROGRAM_HEADER octets that chooses policies and origins, then records. Any string of octets is a
 * program: what is missing at the end reads as zero, and every value of every field means
 * something. Sequence and acknowledgment numbers are written relative to the live TCB, because
 * nobody guesses 32 bits. */
#ifndef HARNESS_DECODE_H
#define HARNESS_DECODE_H

#include "tfsm.h"

#define PROGRAM_HEADER 12
#define PROGRAM_MAX    4096 /* octets of an input that are looked at */
#define PROGRAM_EVENTS 256  /* records that are carried out */
#define PROGRAM_RANGES 64   /* of a TCB with room of its own */
#define PROGRAM_STARTS 6    /* upper half of octet 5, where the lower picks one of 16 starts */

/* What a record asks for. In a trace (one endpoint) the network records become segments of a
 * well-behaved peer. */
enum record_kind {
    RECORD_SEGMENT, /* a segment arrives from a stranger: every field chosen */
    RECORD_CALL,    /* the user of an end calls */
    RECORD_TIME,    /* time passes */
    RECORD_HOLD,    /* output is not drawn for a number of records: batches */
    RECORD_DELIVER, /* pair: a segment in flight arrives; trace: a plain ACK or text at the exact
                       numbers */
    RECORD_DROP,    /* pair: a segment in flight is lost; trace: a FIN at the exact numbers */
    RECORD_COPY, /* pair: a segment in flight arrives and stays in flight; trace: a SYN, SYN-ACK or
                    RST, exact */
    RECORD_FLUSH /* pair: everything in flight arrives, and the answers; trace: to the next deadline
                  */
};

/* What SEG.SEQ is measured from. */
enum seq_base {
    SEQ_RCV_NXT,
    SEQ_BEFORE,     /* RCV.NXT - 1 */
    SEQ_LAST_IN,    /* last number in the window */
    SEQ_RIGHT_EDGE, /* first number beyond the window */
    SEQ_IRS,
    SEQ_PEER_FIN,       /* the peer's FIN, once seen */
    SEQ_QUEUED_LEFT,    /* left edge of the first queued range */
    SEQ_QUEUED_RIGHT,   /* its right edge */
    SEQ_MIDDLE,         /* middle of the window */
    SEQ_ENDS_AT_NXT,    /* so that the segment ends at RCV.NXT: all old */
    SEQ_STRADDLES_NXT,  /* half old, half new */
    SEQ_STRADDLES_EDGE, /* half in the window, half beyond */
    SEQ_AFTER_QUEUE,    /* right edge of the last queued range */
    SEQ_FAR,            /* RCV.NXT + 2^31 */
    SEQ_ABSOLUTE,       /* all 32 bits: seq_high and seq_delta */
    SEQ_ZERO,
    SEQ_BASES
};

/* What SEG.ACK is measured from. */
enum ack_base {
    ACK_SND_NXT,
    ACK_SND_UNA,
    ACK_ONE_MORE, /* SND.UNA + 1 */
    ACK_BEYOND,   /* SND.NXT + 1 */
    ACK_ONE_LESS, /* SND.UNA - 1 */
    ACK_ISS,
    ACK_AFTER_SYN,   /* ISS + 1 */
    ACK_MIDDLE,      /* between SND.UNA and SND.NXT */
    ACK_QUEUE_END,   /* after the last octet queued */
    ACK_OLDEST,      /* SND.UNA - MAX.SND.WND */
    ACK_TOO_OLD,     /* one less */
    ACK_ONE_SEGMENT, /* SND.UNA + MSS */
    ACK_LAST_SENT,   /* SND.NXT - 1 */
    ACK_FAR,         /* SND.NXT + 2^31 */
    ACK_ABSOLUTE,    /* all 32 bits: ack_high and ack_delta */
    ACK_ZERO,
    ACK_BASES
};

/* What the timestamps of a SEGMENT are measured from. */
enum ts_base {
    TS_NEXT,  /* TSval: TS.Recent + delta; TSecr: our clock now - delta */
    TS_OLD,   /* TSval: TS.Recent - 1 - delta; TSecr: our clock + 1 + delta, which is a lie */
    TS_FAR,   /* TSval: TS.Recent + 2^31; TSecr: our clock - 2^31 */
    TS_SECOND /* TSval: TS.Recent + 1000 * delta; TSecr: our clock - 1000 * delta */
};

/* In ts_base: both are said in 32 bits, TSval ahead of TS.Recent and TSecr behind our clock. */
#define TS_EXACT 4u

/* As sack_len: the left edge is said in 32 bits from SND.UNA, and so is the length. */
#define SACK_EXACT 255u

/* What a SACK block of a SEGMENT is measured from. */
enum sack_base {
    SACK_UNA,    /* SND.UNA + delta segments */
    SACK_MIDDLE, /* the middle of the flight */
    SACK_END,    /* it ends at SND.NXT */
    SACK_BELOW   /* it ends at SND.UNA: a duplicate */
};

/* What a CALL record can be besides the user calls. */
#define RECORD_ICMP TFSM_EV_ICMP

/* One record, decoded. */
struct record {
    uint8_t kind; /* enum record_kind */
    /* 0 or 1: whom it concerns; the direction of a network record is towards this end */
    uint8_t end;
    uint8_t call;       /* CALL: enum tfsm_event_kind; OPEN..ABORT, or ICMP */
    bool active;        /* CALL OPEN */
    bool remote;        /* CALL OPEN */
    bool urgent;        /* CALL SEND */
    bool deaf;          /* CALL CLOSE */
    bool fast_open;     /* CALL OPEN */
    uint8_t icmp;       /* CALL ICMP: enum tfsm_icmp; the number quoted is ack_base's */
    uint8_t cookie_len; /* CALL OPEN with fast_open; SEGMENT with the option */
    uint8_t security;   /* CALL OPEN, SEGMENT: 0 or 1 */
    uint8_t flags;      /* SEGMENT and the trace's peer: control bits */
    uint8_t seq_base;   /* SEGMENT */
    uint8_t ack_base;   /* SEGMENT */
    int16_t seq_delta;  /* SEGMENT */
    int16_t ack_delta;  /* SEGMENT */
    uint16_t seq_high;  /* SEGMENT with SEQ_ABSOLUTE: the upper half, seq_delta being the lower */
    uint16_t ack_high;  /* SEGMENT with ACK_ABSOLUTE */
    uint16_t len;       /* SEGMENT: octets of text; CALL: octets */
    uint16_t wnd;       /* SEGMENT, raw */
    uint16_t up;        /* SEGMENT */
    uint8_t options;    /* SEGMENT: enum tfsm_option */
    uint8_t wscale;     /* SEGMENT */
    uint16_t mss;       /* SEGMENT; CALL OPEN with fast_open (pair: octets that go along), ICMP */
    bool bare;          /* SEGMENT: no timestamps but those asked for; else right ones go along */
    uint8_t ecn;        /* SEGMENT: enum tfsm_ecn */
    uint8_t ts_base;    /* SEGMENT: enum ts_base of TSval in bits 0..1, of TSecr in bits 4..5 */
    uint8_t ts_delta;   /* SEGMENT: of both */
    uint32_t ts_ahead;  /* SEGMENT with TS_EXACT */
    uint32_t ts_behind; /* SEGMENT with TS_EXACT */
    uint8_t sacks;      /* SEGMENT: blocks */
    uint8_t sack_base[TFSM_SACK_MAX]; /* enum sack_base in bits 0..1, delta above */
    uint8_t sack_len[TFSM_SACK_MAX];  /* half segments, or SACK_EXACT */
    uint32_t sack_ahead[TFSM_SACK_MAX];
    uint32_t sack_octets[TFSM_SACK_MAX];
    uint16_t user_timeout; /* SEGMENT */
    uint8_t index;         /* network records: which segment in flight; HOLD: how many records */
    bool to_deadline;      /* TIME: to the next deadline, else by `delay` */
    int8_t beside;         /* TIME to_deadline: microseconds from it, -1, 0 or 1 */
    tfsm_time delay;       /* TIME: microseconds */
};

/* The header, decoded. */
struct program_config {
    struct tfsm_config cfg[2];
    uint32_t iss[2]; /* first ISN of each end; later ones move on */
    uint32_t ts_offset[2];
    uint32_t peer_stamp; /* trace: where the peer's timestamps begin */
    tfsm_time start;     /* time origin */
    bool shifted;        /* run again with every origin shifted: nothing else may change */
    unsigned ranges;     /* room of a TCB, for tfsm_make_room(): 0, or PROGRAM_RANGES */
};

/* A place in a program. */
struct program {
    const uint8_t *octets;
    size_t size;
    size_t at;
};

/* Start reading: decodes the header. octets may be null when size is 0. */
void program_open(struct program *program, const uint8_t *octets, size_t size,
                  struct program_config *config);

/* The next octets as they are, least significant first; zeros behind the end. */
uint8_t program_octet(struct program *program);
uint32_t program_word(struct program *program);

/* The next record; false at the end. */
bool program_next(struct program *program, struct record *record);

/* Append a record to a program under construction: the inverse of program_next.
 * Returns the octets written, at most RECORD_MAX, or 0 when there is no room. */
#define RECORD_MAX 80
size_t record_write(const struct record *record, uint8_t *octets, size_t room);

/* The longest time, no longer than a delay, that one TIME record can say: exact below 65,536
 * microseconds, to a millisecond below 65,536 of them, else to a second. */
tfsm_time record_delay(tfsm_time delay);

/* Turn a SEGMENT record into a segment, relative to a TCB. now: for timestamps, microseconds. */
struct tfsm_segment record_segment(const struct record *record, const struct tfsm_tcb *tcb,
                                   tfsm_time now);

/* Turn a CALL record into an event; the TCB is what an ICMP message quotes. */
struct tfsm_event record_event(const struct record *record, const struct tfsm_tcb *tcb);

/* What an end's timestamp clock shows. */
uint32_t timestamp_now(const struct tfsm_tcb *tcb, tfsm_time now);

/* Find bases and deltas that make record_segment() give these numbers back for this TCB. Returns
 * false when none do. */
bool record_encode_numbers(struct record *record, const struct tfsm_tcb *tcb, uint32_t seq,
                           uint32_t ack);

#endif
