/* What RFC 9293 3.10.7 says of an arriving segment, written down a second time: straight on, in the
 * order of the text, with what RFC 5961 and RFC 7323 change, and without the tables, the facts and
 * the actions of the machine. Where the two differ one of them is wrong, or the text leaves it open and
 * the machine says in fsm/rules_segment.inc how it reads it: then this follows, and says so. */
#ifndef PROPERTIES_PROSE_H
#define PROPERTIES_PROSE_H

#include "tfsm.h"
#include "tfsm_table.h"

/* What is to be sent in reply. */
enum prose_reply {
    PROSE_NOTHING,
    PROSE_ACK,     /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, now or with company */
    PROSE_RST,     /* <SEQ=rst_seq><CTL=RST> */
    PROSE_RST_ACK, /* <SEQ=rst_seq><ACK=rst_ack><CTL=RST,ACK> */
    PROSE_SYN_ACK, /* <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> */
    PROSE_REPLIES
};

/* What the text leaves open: no demand is made of these. */
enum prose_free {
    PROSE_FREE_REPLY = 0x01,     /* an ACK or nothing */
    PROSE_FREE_LIMITED = 0x02,   /* an ACK, or nothing once the limiter has spent its budget */
    PROSE_FREE_WINDOW = 0x04,    /* SND.WND, SND.WL1, SND.WL2 */
    PROSE_FREE_SIGNALS = 0x08,   /* what the user is told */
    PROSE_FREE_URGENT = 0x10,    /* whether he is told of urgent data */
    PROSE_FREE_TIME_WAIT = 0x20, /* whether TIME-WAIT begins anew */
    PROSE_FREE_TEXT = 0x40,      /* how much text is taken: RCV.NXT, what is delivered */
    PROSE_FREE_STAMP = 0x80,     /* TS.Recent */
    PROSE_FREE_RST = 0x100,      /* the numbers of the RST */
    PROSE_FREE_ALL = 0x200       /* everything: another document rules */
};

/* What can be seen of a segment that was processed as the text says. */
struct prose_verdict {
    enum tfsm_state state;
    enum prose_reply reply;
    uint32_t rst_seq;
    uint32_t rst_ack;
    uint32_t rcv_nxt;
    uint32_t snd_una;
    uint32_t snd_wnd; /* scaled */
    uint32_t snd_wl1;
    uint32_t snd_wl2;
    uint32_t ts_recent;
    uint32_t delivered;  /* octets, in order */
    uint32_t signals;    /* enum tfsm_signal, of PROSE_SIGNALS */
    bool time_wait;      /* the 2 MSL timer begins, or begins anew */
    bool reopens;        /* it is for the next incarnation */
    uint32_t free;       /* enum prose_free */
    const char *section; /* of the paragraph that ended the processing */
};
/* The signals that this section gives. */
#define PROSE_SIGNALS (TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED | TFSM_SIG_URGENT | TFSM_SIG_ENDS)

/* Process a segment. before: the TCB as it was; cfg: its policy; ev: TFSM_EV_SEGMENT. */
struct prose_verdict prose_segment(const struct tfsm_tcb *before, const struct tfsm_config *cfg,
                                   const struct tfsm_event *ev);

/* Where what happened is not what was demanded. */
struct prose_difference {
    const char *field;   /* null: nowhere */
    const char *section; /* that demands it */
    uint64_t demanded;
    uint64_t found;
};

/* Hold a step of the machine to the verdict. after, fx: what tfsm_step() made of before and ev, which
 * it took (TFSM_DONE). */
struct prose_difference prose_compare(const struct tfsm_tcb *before, const struct tfsm_config *cfg,
                                      const struct tfsm_event *ev, const struct tfsm_effects *fx,
                                      const struct tfsm_tcb *after);

/* The difference as text of one line. */
#define PROSE_LINE 400
void prose_describe(const struct prose_difference *difference, const struct tfsm_tcb *before,
                    const struct tfsm_event *ev, char line[PROSE_LINE]);

#endif
