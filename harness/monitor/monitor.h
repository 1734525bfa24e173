/* The trace invariants of design section 5: what must hold of everything a connection does over
 * time. One monitor watches one endpoint from outside: user calls, segments in and out, the TCB
 * before and after. It keeps its own account of what was sent, received and promised, and never
 * asks the tables. */
#ifndef HARNESS_MONITOR_H
#define HARNESS_MONITOR_H

#include "tfsm.h"
#include "tfsm_table.h"

/* A broken invariant. */
struct violation {
    const char *id;          /* short name; null: nothing is broken */
    const char *requirement; /* what it stands for */
    unsigned end;            /* at which end */
    /* Where it is about one number: what it had to be, or its bound, and what it is. */
    bool counted;
    uint64_t expected;
    uint64_t found;
};

#define MONITOR_RANGES (TFSM_OOO_SLOTS + 1)
#define MONITOR_HELD   (TFSM_SACKED_MAX + TFSM_SACK_MAX)
#define MONITOR_AGAIN  64

/* Of what an arrival calls for, of the peer's urgent pointer, and of a user who has left. Offsets
 * are those of the peer's stream, from 0. */
struct duty_account {
    bool rst_due;          /* an ACK of what was never sent came in SYN-SENT */
    bool answer_due;       /* something that occupies sequence numbers came */
    tfsm_time answer_from; /* then */
    bool passive;          /* the connection came out of LISTEN */
    bool deaf;             /* the user has closed for good */
    bool orphan;           /* so that the connection has to end by a certain time */
    tfsm_time orphan_by;
    bool drained;     /* output was drawn since the last event */
    bool urgent_kept; /* an urgent pointer came with the SYN, and is to be told */
    bool urgent_told; /* the user knows that something urgent is ahead */
    int64_t urgent_at;
    int64_t taken; /* octets the user has taken */
};

#define RTT_RANGES 16

/* Of the round trip: what was sent when, and whether it was sent again. */
struct rtt_account {
    bool unsure;        /* something went out that nobody saw */
    bool begun;         /* something went out */
    uint32_t next;      /* after the last number that went out */
    bool syn_timed_out; /* the timer went off before our SYN was acknowledged */
    unsigned count;     /* ranges sent for the first time and not acknowledged, oldest first */
    struct {
        uint32_t end;
        uint32_t ts_val;
    } sent[RTT_RANGES];
    uint32_t ts_first; /* TSval of what went out when nothing was outstanding, or was timed last */
    tfsm_time first_at;
    uint32_t ts_last; /* the last TSval */
    bool timing;      /* one range is timed */
    bool astray;      /* and another may be, in its place: until nothing is outstanding */
    bool probed;      /* a probe of a closed window was due */
    bool again;       /* some of it went out twice */
    bool disturbed;   /* something else did, or is to */
    uint32_t timed_left;
    uint32_t timed_end;
    tfsm_time timed_from;
    uint32_t timed_ts; /* the TSval that it bears */
};

#define MONITOR_REPLIES 16

/* When limited replies to one kind of segment went out last: a ring. */
struct reply_account {
    unsigned count; /* of all there were */
    tfsm_time at[MONITOR_REPLIES];
};

struct witness;

/* The account of one endpoint. A zeroed one watches a CLOSED connection. */
struct monitor {
    struct witness *witness; /* who judges what shows on the wire; null: nobody */
    uint64_t packets;        /* shown to him */
    struct violation violation;
    /* this incarnation, as the wire and the user saw it */
    bool open;          /* not CLOSED, not LISTEN */
    bool connected;     /* the user was told */
    uint32_t iss;       /* sequence number of our SYN */
    uint32_t snd_max;   /* after the last number used on the wire, the SYN counted from the start */
    bool fin_out;       /* our FIN went out */
    uint32_t fin_seq;   /* with this number */
    uint32_t una_low;   /* SND.UNA after the last event: older windows do not count */
    uint32_t peer_edge; /* greatest SEG.ACK + window the peer ever announced */
    bool peer_edge_known;
    bool edge_out_known; /* we announced a window */
    uint32_t edge_out;   /* its greatest right edge */
    uint64_t delivered;  /* octets delivered to the user */
    unsigned kept_count; /* text handed out beyond that, by stream offset */
    uint64_t kept[MONITOR_RANGES][2];
    uint64_t queued;          /* octets the user sent */
    tfsm_time time_wait_from; /* the last FIN in or into TIME-WAIT */
    tfsm_time interval;       /* the last back-off interval, 0 after news */
    unsigned timeouts;        /* timeouts in a row without news */
    struct tfsm_tcb listener; /* as it was after the passive OPEN */
    uint16_t peer_mss;        /* the largest text the peer takes */
    bool rst_expected;        /* a RST is owed, and these are its numbers */
    uint32_t rst_seq;
    uint32_t rst_ack;
    bool rst_with_ack;
    tfsm_time probe_interval; /* the last interval between probes, 0 after any segment */
    bool owes_una;            /* a timeout came: SND.UNA must be sent again before the drain ends */
    bool owes_ack;            /* RCV.NXT moved: it must be acknowledged before the drain ends */
    unsigned acks_alone;      /* pure ACKs since the last event */
    unsigned resets;          /* RSTs since the last event */
    bool rst_arrived;         /* the last event was a RST */
    unsigned muted[4];        /* limited replies in this interval, of each kind of segment */
    tfsm_time muted_until;
    struct reply_account replies[4];
    tfsm_time user_timeout; /* of the configuration that came with the last event */
    bool retimed;           /* another one: it may be over already, and the next timeout ends it */
    tfsm_time mute_until;   /* what was replied before nobody saw */
    /* options, as the SYNs on the wire settled them */
    uint8_t offered;    /* enum tfsm_option of our last SYN */
    bool ecn_offered;   /* and whether it asked for ECN */
    bool timestamps;    /* agreed */
    bool sack;          /* agreed */
    bool ecn;           /* agreed */
    bool syn_plain;     /* but a SYN of either side did not offer it */
    bool syn_unheard;   /* or one of the peer's that drew no answer, and may not have been heard */
    uint32_t ts_recent; /* TSval to echo */
    uint32_t ts_out;    /* our last TSval */
    bool ts_out_known;
    uint32_t ack_out; /* SEG.ACK we sent last */
    bool ack_out_known;
    bool ece_due;        /* CE came and CWR did not yet */
    unsigned held_count; /* what the peer says it holds beyond SND.UNA, since the last timeout: the
                            lowest TFSM_SACKED_MAX ranges, which the machine has room for */
    struct tfsm_range held[MONITOR_HELD];
    unsigned again_count; /* what is not acknowledged and was sent again */
    struct tfsm_range again[MONITOR_AGAIN];
    unsigned duplicates; /* duplicate acknowledgments in a row, by RFC 5681 2 */
    bool dsack_due;      /* text came twice since the last acknowledgment */
    struct tfsm_range twice;
    unsigned waiting; /* segments of text taken since the last acknowledgment */
    tfsm_time waits_from;
    tfsm_time heard; /* when a segment was accepted last */
    bool asked;      /* keep-alives went out since */
    tfsm_time asked_at;
    bool pending;           /* something of ours is not acknowledged */
    bool patient;           /* there was no user timeout */
    tfsm_time pending_from; /* since when, or since the last acknowledgment of some of it */
    bool syn_out;           /* a SYN went out */
    /* loss and congestion */
    bool cut;              /* the window was lowered, and what was in flight then is so yet */
    uint32_t cut_seq;      /* up to this */
    bool front_known;      /* the number at SND.UNA was the first of a segment */
    uint32_t front_seq;    /* this number */
    tfsm_time front_sent;  /* when it went out last */
    uint32_t flight_first; /* segments of new text so far */
    struct duty_account duty;
    struct rtt_account rtt;
};

/* Begin to watch a connection in SYN-RECEIVED whose handshake nobody saw: what a listener kept of
 * it is believed. */
void monitor_adopt(struct monitor *monitor, const struct tfsm_tcb *tcb);

/* From now on a witness judges what this TCB takes and gives. Until he is dismissed *monitor stays where it is. False: no
 * memory. */
bool monitor_let_witness(struct monitor *monitor);
void monitor_dismiss_witness(struct monitor *monitor);

/* An event was fed. before and after are the TCB around it. Sets monitor->violation on the first
 * break. */
void monitor_step(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  enum tfsm_result result, const struct tfsm_effects *fx,
                  const struct tfsm_tcb *after);

/* tfsm_output gave a segment. */
void monitor_output(struct monitor *monitor, const struct tfsm_config *cfg,
                    const struct tfsm_tcb *before, tfsm_time now,
                    const struct tfsm_segment *segment, const struct tfsm_tcb *after);

/* tfsm_output gave false: the drain is over. */
void monitor_drained(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_tcb *tcb, tfsm_time now);

#endif
