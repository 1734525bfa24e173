/* What the files of the witness share. Sequence numbers are unwrapped: 64 bits that only grow, the lower 32 of which are those on
 * the wire. 0 is no number. */
#ifndef HARNESS_WITNESS_INTERNAL_H
#define HARNESS_WITNESS_INTERNAL_H

#include "seq.h"
#include "spans.h"
#include "witness.h"

#define MILLISECOND ((tfsm_time)1000)
#define SECOND      ((tfsm_time)1000000)
#define WSCALE_MOST 14u /* RFC 7323 2.3 */

/* A packet that is named as a proof, and when it was. */
struct sight {
    uint64_t number; /* 0: there is none */
    tfsm_time at;
};

static const struct sight nothing;

/* What went one way: the numbers of who sends, and what he said of the other's. */
struct way {
    bool begun;        /* its numbers are known: something came, or was acknowledged */
    bool spoken;       /* a segment that is no RST came this way */
    bool plain;        /* and one that is no SYN, with ACK */
    bool syn;          /* a SYN did */
    bool syn_whole;    /* and of every one all options were there */
    bool fin_moves;    /* more than one FIN did */
    bool fin;          /* a FIN did */
    bool reset;        /* a RST did */
    bool edge_known;   /* a window of it, in octets */
    bool stamped;      /* a timestamp */
    bool unsteady;     /* what came later had an older one: they tell nothing of order */
    bool ack_sound;    /* the segment with the ack below cannot have been damaged */
    bool fin_sound;    /* nor that with the FIN */
    bool ack_stamped;  /* the segment with the ack below had one */
    bool edge_stamped; /* so had that with the edge */
    uint8_t offered;   /* enum tfsm_option: what all of its SYNs bore */
    uint8_t tried;     /* what any of them did */
    uint8_t wscale;
    bool ecn_tried;   /* a SYN had ECE */
    bool ecn_spoken;  /* or CWR, or a reserved bit: it may mean some other ECN */
    bool ecn_plain;   /* and all of them as RFC 3168 has it */
    uint16_t mss;     /* the greatest that a SYN said; 0: none did */
    uint64_t zero;    /* the number that charges count from */
    uint64_t syn_end; /* after the greatest number of a SYN, its text included */
    uint64_t end;     /* after the greatest number of all */
    uint64_t sent;    /* after the greatest that text, a SYN or a FIN had */
    uint64_t fin_at;
    uint64_t urgent;   /* where urgent text ends */
    uint64_t ack;      /* the greatest acknowledgment, a number of the other way; 0: none */
    uint64_t edge;     /* the greatest right edge of its windows, too */
    uint64_t edge_ack; /* what the segment acknowledged that said so */
    uint64_t ack_seq;  /* the number of the segment with that ack, if it had no text */
    uint64_t wnd;      /* the last window, octets */
    uint32_t ts_val;   /* the greatest TSval */
    uint32_t ts_first; /* the TSval of the first SYN */
    uint32_t ack_ts;   /* the TSval of the segment with that ack */
    uint32_t edge_ts;  /* the TSval of the one with that edge */
    uint64_t ts_ack;   /* what the segment with the greatest TSval acknowledged */
    struct sight last;
    struct sight end_seen;
    struct sight ack_seen;
    struct sight edge_seen;
    struct sight ts_seen;
    struct sight fin_seen;
    struct sight urgent_seen;
    struct sight syn_seen;
    struct spans seen; /* numbers that came; maybe too many at the bottom */
};

/* The packet being judged, with its numbers unwrapped. */
struct heard {
    const struct witness_packet *packet;
    const struct tfsm_segment *segment;
    uint64_t seq;
    uint64_t text_from; /* after a SYN */
    uint64_t text_end;  /* before a FIN */
    uint64_t end;       /* after all */
    uint64_t ack;       /* 0: none */
    bool fresh;         /* there is text or a FIN at its end that never came before */
    bool sound;         /* it cannot have been damaged on its way */
};

/* Something the subject said that is a lie, unless the recording has missed what it is about: the next segments of the peer will
 * tell. */
struct doubt {
    bool open;
    uint64_t number;  /* what was said */
    uint64_t known;   /* how far it may be true */
    uint64_t out_end; /* what the subject had sent before */
    unsigned said;    /* how often */
    unsigned denied;  /* segments of the peer that speak against it */
    bool sound;       /* said by one that cannot have been damaged */
    bool denied_once; /* by one that can */
    struct sight seen;
    struct sight denied_seen;
    tfsm_time said_at; /* the last time */
    unsigned refuted;  /* how often the peer spoke against it beyond doubt */
    unsigned retorts;  /* ACKs of the peer right after that, which speak against it */
};

/* Text of the subject, to be compared with what is sent for it again: a ring of octets, of which those of a span are there. */
struct kept_text {
    uint8_t *octets;
    uint32_t size; /* a power of two, or 0 */
    uint64_t left;
    uint64_t right;
};

/* Something of the peer's that is to be acknowledged. */
struct owed_ack {
    bool open;
    bool again;    /* it came more than once: nobody knows which arrived */
    bool answered; /* the subject sent something that does not acknowledge it */
    bool fin;      /* it is a FIN alone */
    bool dead;     /* it was said that the subject may be */
    uint64_t from;
    unsigned copies; /* how often it came */
    unsigned silent; /* segments of the subject since the second that do not acknowledge it */
    unsigned full;   /* full segments since the last acknowledgment */
    struct sight seen;
    struct sight second; /* the second full one */
};

/* The front of what is not acknowledged, and how often it went out while the peer was silent. */
struct front {
    uint64_t seq;
    bool sent;             /* since it is the front: else nobody knows when */
    unsigned again;        /* how often it was sent again */
    unsigned silent;       /* how often it was sent since the peer said something */
    tfsm_time interval[3]; /* between these, the latest last */
    struct sight first;
    struct sight last;
};

/* How long acknowledgments took at most: what waits for one went out no sooner than this. */
struct answer_time {
    bool waits;
    bool more;        /* something went out behind */
    uint64_t split;   /* what is below, and what is not */
    tfsm_time first;  /* below */
    tfsm_time behind; /* the rest */
    tfsm_time longest;
};

/* What is not acknowledged, never seen, and passed over by what is sent again. */
struct hole {
    uint64_t seq;
    unsigned passed;
    struct sight first;
};

/* The timestamp that is to be echoed. */
struct due_echo {
    bool open;
    bool sound; /* it did not come damaged */
    uint32_t ts_val;
    uint64_t end; /* by what acknowledges up to here */
    unsigned stale;
    struct sight seen;
};

/* A RST that ends nothing. */
struct blind_rst {
    struct sight seen;
    bool outside; /* of the window */
    int64_t number;
};

/* A RST with numbers that answer nothing. */
struct bad_rst {
    struct sight seen;
    struct sight asked;
    bool sound;
    enum witness_clause clause;
    int64_t said;
    int64_t right;
};

/* CE that is to be told. */
struct due_ece {
    bool open;
    uint64_t end; /* by what acknowledges up to here */
    unsigned untold;
    struct sight seen;
};

/* See habit.c. */
struct habits {
    /* a timer went off, and the peer says nothing */
    bool timed_out;
    uint64_t burst; /* octets that were sent again at once */
    struct sight timeout;
    /* text waits behind this number of the peer's, 0: none does */
    uint64_t gap;
    unsigned bare; /* ACKs alone that do not tell */
    struct sight gap_seen;
    /* CE came since CWR did last, or may have come */
    bool ce;
    uint64_t cwr_end; /* what acknowledges more comes after CWR */
    unsigned ece;     /* such acknowledgments that tell of CE */
    struct sight cwr_seen;
    /* ECE came, so often, and no CWR went out since */
    unsigned ece_heard;
    unsigned plain; /* segments of new text since */
    struct sight ece_heard_seen;
    /* text of the peer's, and what came with it: who acknowledges the text has heard that */
    uint64_t told_end;
    uint64_t told_ack;
    uint64_t heard_ack; /* has been heard, then */
    unsigned unheeded;  /* so often something below was sent again */
    struct sight heard_seen;
    /* text with a timestamp older than the greatest that was echoed */
    bool echoes;
    uint32_t echoed;
    uint64_t old_end; /* 0: there is none */
    uint32_t old_ts;
    unsigned old_taken;
    struct sight old_seen;
    /* a RST outside the window that came while nothing else did, and how many were answered */
    struct sight blind;
    unsigned answered;
};

#define ASKED 4u

struct witness {
    struct witness_court *court;
    void *user;
    bool lossy;     /* packets were lost between where the capture was made and the subject */
    bool missed;    /* the peer has acknowledged what the capture does not have */
    bool gaps;      /* the capture misses packets of this connection */
    bool answered;  /* the subject has said something */
    bool near;      /* what is seen to go to the subject arrives there */
    struct way out; /* from the subject */
    struct way in;  /* to it */
    unsigned broke[WITNESS_CLAUSES];
    uint8_t hinted[WITNESS_CLAUSES]; /* by segments that may be damaged */
    struct sight before;             /* the packet before this, either way */
    bool before_sent;
    /* doubts */
    struct doubt ack;
    struct doubt sack;
    struct doubt echo;
    struct doubt syn_ack; /* it acknowledges no SYN that was seen */
    struct doubt window;
    struct kept_text text;
    /* duties */
    struct owed_ack owed;
    struct front front;
    struct front probes;  /* of a closed window */
    bool timed_out;       /* something was sent again */
    tfsm_time round_trip; /* the shortest seen, 0: none was */
    struct answer_time answer_time;
    unsigned late;     /* acknowledgments that were */
    unsigned timely;   /* and all whose time is known */
    uint64_t full;     /* octets of the largest text of the peer */
    unsigned lazy;     /* how often more than two of these waited for an acknowledgment */
    unsigned outside;  /* segments outside the window that nothing answered */
    bool outside_open; /* the last one waits yet */
    struct sight outside_from;
    struct sight outside_seen;
    struct sight
        closed_from; /* the window is zero, everything is acknowledged, and the subject is silent since */
    bool closed_full;        /* and it had sent up to the edge */
    struct sight close_seen; /* both FINs are acknowledged */
    bool closed_first;       /* by the subject */
    bool fin_again;          /* the last segment of the peer was its FIN once more */
    unsigned idle;           /* segments of the subject in a row without anything new, unasked */
    tfsm_time idle_from;
    struct sight wrong; /* a segment with a wrong checksum, */
    uint32_t wrong_seq; /* this */
    uint32_t wrong_len;
    uint8_t wrong_flags;
    uint16_t wrong_error;
    struct sight wrong_first; /* of those in a row */
    unsigned wrong_times;     /* the same segment, wrong by as much */
    unsigned wrong_alike;     /* whichever segment, wrong by as much */
    unsigned wrong_in_a_row;  /* whichever segment and by how much */
    bool wrong_passed;      /* the peer has spoken since the first in a row, and did not take it */
    bool wrong_waits;       /* one with text is not acknowledged yet, the first since one was */
    uint32_t wrong_after;   /* after its number, as it stands there */
    unsigned wrong_unheard; /* new text of the peer since the last one that was right */
    bool wrong_taken;       /* the peer has acknowledged one: it was right when it came there */
    /* what the peer sent last, for a RST that answers it: a ring */
    uint64_t asked_count;
    struct tfsm_segment asked[ASKED];
    uint8_t ttl;         /* of the subject's first segment that was no RST */
    uint64_t ordinary;   /* the largest text that the peer takes */
    unsigned oversize;   /* segments with more */
    unsigned bare;       /* segments without the timestamps that were agreed */
    bool is_signed;      /* the peer's segments are */
    struct sight killed; /* a RST at RCV.NXT came */
    unsigned undead;     /* segments of the subject since */
    struct bad_rst bad_rst;
    struct blind_rst blind;
    struct sight stray; /* a RST of the subject's with a number of nothing, and nothing since */
    int64_t stray_number;
    struct due_echo due_echo;
    struct due_ece due_ece;
    struct doubt ahead; /* an ACK alone with a number that nothing has */
    unsigned astray;    /* segments of numbers that are not of this connection */
    struct hole hole;
    struct habits habits;
};

/* Raise a charge: the guilty packet last among the proofs. */
void witness_raise(struct witness *w, enum witness_clause clause, const struct heard *guilty,
                   struct sight first, struct sight second, int64_t a, int64_t b, int64_t c);

static inline struct sight sight_of(const struct heard *heard)
{
    return (struct sight){heard->packet->number, heard->packet->at};
}

static inline tfsm_time since(const struct heard *heard, struct sight sight)
{
    return heard->packet->at - sight.at;
}

/* A number as people count: from the SYN, or from the first that was seen. */
static inline int64_t counted(const struct way *way, uint64_t number)
{
    return (int64_t)(number - way->zero);
}

static inline bool has(const struct heard *heard, unsigned flags)
{
    return (heard->segment->flags & flags) == flags;
}

static inline bool bears(const struct heard *heard, unsigned options)
{
    return (heard->segment->options & options) == options;
}

static inline uint64_t text_of(const struct heard *heard)
{
    return heard->text_end - heard->text_from;
}

/* Both SYNs were seen with all of their options. */
static inline bool agreed_is_known(const struct witness *w)
{
    return w->out.syn && w->in.syn && w->out.syn_whole && w->in.syn_whole;
}

/* Both offered this, each time. */
static inline bool agreed(const struct witness *w, unsigned option)
{
    return agreed_is_known(w) && (w->out.offered & w->in.offered & option) == option;
}

/* The shift of a way's windows: known where agreed_is_known(). */
static inline unsigned shift_of(const struct witness *w, const struct way *way)
{
    return agreed(w, TFSM_OPT_WSCALE) ? (way->wscale < WSCALE_MOST ? way->wscale : WSCALE_MOST) : 0;
}

/* The window that a segment of that way offers, octets. */
static inline uint64_t window_of(const struct witness *w, const struct way *way,
                                 const struct heard *heard)
{
    return has(heard, TFSM_SYN) ? heard->segment->wnd
                                : (uint64_t)heard->segment->wnd << shift_of(w, way);
}

static inline int64_t milliseconds(tfsm_time time)
{
    return (int64_t)(time / MILLISECOND);
}

static inline uint64_t octets_between(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}

/* ---- segment.c ---- */

/* What the segment shows by itself and by what was agreed. */
void witness_judge_segment(struct witness *w, const struct heard *heard);
void witness_judge_checksum(struct witness *w, const struct witness_packet *packet);
void witness_note_taken(struct witness *w, const struct heard *heard);

/* ---- number.c ---- */

/* What the subject says, against all it said and heard before. */
void witness_judge_numbers(struct witness *w, const struct heard *heard);
/* What the peer says, for what is in doubt. */
void witness_settle_doubts(struct witness *w, const struct heard *heard);

/* Whether it was sent after a segment with that TSval. */
bool witness_is_newer(const struct way *out, const struct heard *heard, bool stamped,
                      uint32_t ts_val);
/* Take a number into doubt, or say it once more; and charge with it. */
void witness_suspect(struct doubt *doubt, const struct witness *w, const struct heard *heard,
                     uint64_t number, uint64_t known);
void witness_convict(struct witness *w, enum witness_clause clause, struct doubt *doubt,
                     const struct heard *proof, int64_t said, int64_t known);

/* ---- stamp.c ---- */

void witness_judge_stamps(struct witness *w, const struct heard *heard);
void witness_note_stamps(struct witness *w, const struct heard *heard);

/* ---- reset.c ---- */

void witness_judge_resets(struct witness *w, const struct heard *heard);
void witness_note_resets(struct witness *w, const struct heard *heard);

/* ---- text.c ---- */

void witness_judge_text(struct witness *w, const struct heard *heard);
void witness_free_text(struct witness *w);

/* ---- again.c ---- */

void witness_judge_again(struct witness *w, const struct heard *heard);
void witness_note_again(struct witness *w, const struct heard *heard);

/* ---- duty.c ---- */

void witness_judge_duties(struct witness *w, const struct heard *heard);
void witness_note_duties(struct witness *w, const struct heard *heard);

/* ---- habit.c ---- */

void witness_judge_habits(struct witness *w, const struct heard *heard);
void witness_note_habits(struct witness *w, const struct heard *heard);

#endif
