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

/* A monitor keeps account of the ranges of a connection that has room (tfsm_make_room()) for so many at
 * most; who has more is not to be watched. */
#define MONITOR_ROOM   256u
#define MONITOR_RANGES (TFSM_OOO_SLOTS(MONITOR_ROOM) + 1)
#define MONITOR_HELD   (MONITOR_ROOM + TFSM_SACK_MAX)
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

#define FLIGHT_RANGES 64

/* Numbers of ours that went out alike, from the end of those before: when they went last. Where several moments
 * had to become one account, those are the first and the last. */
struct flight_range {
    uint32_t right;
    uint32_t least; /* octets of the smallest segment of them */
    bool held;      /* the peer reports them */
    bool again;     /* they went out more than once */
    bool told;      /* they were reported, and may be forgotten: when they arrived is not known */
    bool news;      /* the last ACK is the first that tells of them */
    tfsm_time from;
    tfsm_time to;
};

/* Of what is in flight, and of what RFC 8985 makes of that. Where something is not known for sure it is what lets more
 * be taken for lost. */
struct flight_account {
    bool unsure;    /* something went out that nobody saw, or there was no room for it */
    unsigned count; /* of flight[] */
    uint32_t una;   /* where the first of them begins */
    uint32_t news;  /* octets that the last event has delivered */
    bool arrived;   /* something was delivered: of that the segment that was sent last */
    tfsm_time rack_at;
    uint32_t rack_end;
    tfsm_time rack_rtt;
    uint32_t fack;  /* the highest number delivered */
    bool reordered; /* something was delivered below it, and went out once */
    bool measured;  /* no round trip was shorter than this */
    tfsm_time min_rtt;
    unsigned told; /* ACKs that told something new since SND.UNA moved */
    unsigned wide; /* how often the reordering window grew */
    unsigned calm; /* recoveries that this lasts */
    bool round;    /* and not again before this is acknowledged */
    uint32_t round_end;
};

/* Of tail loss probes. */
struct tail_account {
    bool known;
    tfsm_time from; /* when the probe timer began last */
    bool out;       /* a probe is out, and all before this number not acknowledged */
    uint32_t end;
};

#define UNDO_RANGES 16

/* Of a recovery: what it lets out (RFC 6937), and what could prove that it was in vain. */
struct recovery_account {
    uint64_t delivered;
    uint64_t out;
    uint64_t flight;
    uint64_t allowed; /* octets that may go out yet */
    bool forgets;     /* of what there was no room for it hears twice, until this is acknowledged: */
    uint32_t forgotten;
    bool undone;      /* by the last event */
    uint32_t cwnd;    /* before the window was lowered for a loss */
    uint32_t ssthresh;
    bool timed_out;  /* by the timer */
    bool barred;     /* ECE came since [RFC4015:3.1c] */
    unsigned movers; /* ACKs that have moved SND.UNA since the timer went off last */
    unsigned resent; /* and segments that went again since, or since the window was lowered */
    uint32_t resent_end;
    bool stamped; /* the first of them bore this, and nothing was acknowledged since */
    uint32_t stamp;
    uint32_t stamped_at; /* its number */
    bool ever;       /* something went again in this connection */
    bool twice;      /* the peer tells of what came twice */
    bool doubles;    /* and something came twice before anything went again */
    bool noted;      /* something went again since the window was lowered */
    bool once;       /* all of that did so once, and fits here: */
    uint32_t una;    /* where it began then */
    bool lost_again; /* what went again before is lost, too */
    unsigned count;  /* what has not come twice yet */
    struct tfsm_range again[UNDO_RANGES];
};

#define GROWTH_MARKS 16

/* Of how the window grows. */
struct growth_account {
    uint32_t
        highest; /* the threshold at the beginning: while it is that the first slow start lasts */
    bool
        astray; /* the last cut was taken back, or segments are of another size: CUBIC's curve is not known */
    uint64_t credit; /* octets acknowledged towards the next segment (RFC 5681) */
    bool stage;      /* a stage of CUBIC's has begun */
    tfsm_time epoch; /* when */
    uint32_t cwnd_epoch;
    uint32_t w_max; /* the window that it comes back to */
    double w_est;
    bool syn; /* it went out */
    bool syn_ack;
    unsigned syns_again; /* and again */
    bool text_sent;
    tfsm_time text_at;  /* when new text went last */
    tfsm_time acked_at; /* when something was acknowledged last */
    bool full;          /* the window was full then, or nearly */
    uint32_t window; /* CWND then, or after what arrived since: SEND may have lowered it already */
    uint32_t
        peak[3]; /* the greatest samples of this period, and of those before: pipeACK is no more */
    tfsm_time period; /* when this began */
    unsigned marks;   /* of mark[]: SND.UNA over the last round trips, oldest first */
    struct {
        tfsm_time at;
        uint32_t una;
    } mark[GROWTH_MARKS];
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
    bool edge_out_known;      /* we announced a window */
    uint32_t edge_out;        /* its greatest right edge */
    uint64_t delivered;       /* octets delivered to the user */
    unsigned kept_count;      /* of kept[] */
    uint64_t queued;          /* octets the user sent */
    tfsm_time time_wait_from; /* the last FIN in or into TIME-WAIT */
    tfsm_time interval;       /* the last back-off interval, 0 after news */
    unsigned timeouts;        /* timeouts in a row without news */
    struct tfsm_tcb listener; /* as it was after the passive OPEN: it has no ranges yet */
    uint16_t peer_mss;        /* the largest text the peer takes */
    uint32_t path;            /* the largest text and options the path is known to take, 0 any */
    tfsm_time path_from;      /* since when nothing larger may be tried */
    bool path_tried;          /* a larger one went, once, and is not acknowledged */
    uint32_t path_try;        /* so large, */
    uint32_t path_seq;        /* from here */
    uint32_t path_end;        /* to there */
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
    unsigned held_count; /* of held[], which the machine must remember */
    bool held_more;      /* of others it may, too, from held_from to held_end */
    uint32_t held_from;
    uint32_t held_end;
    unsigned again_count; /* what is not acknowledged and was sent again */
    struct tfsm_range again[MONITOR_AGAIN];
    unsigned duplicates; /* duplicate acknowledgments in a row, by RFC 5681 2 */
    bool dsack_due;      /* text came twice since the last acknowledgment */
    struct tfsm_range twice;
    unsigned waiting; /* segments of text taken since the last acknowledgment */
    unsigned quick;   /* with TFSM_QUICK_ACK: of what comes in order so many may not wait */
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
    bool cut_by_ece;       /* and not by a loss */
    bool front_known;      /* the number at SND.UNA was the first of a segment */
    uint32_t front_seq;    /* this number */
    tfsm_time front_sent;  /* when it went out last */
    uint32_t flight_first; /* segments of new text so far */
    struct duty_account duty;
    struct rtt_account rtt;
    struct flight_account in_flight;
    struct tail_account tail;
    struct recovery_account recovery;
    struct growth_account growth;
    /* ranges, in order: nothing is read beyond their counts */
    uint64_t kept[MONITOR_RANGES][2]; /* text handed out beyond `delivered`, by stream offset */
    /* What the peer says it holds beyond SND.UNA, since the last timeout: as many of the lowest ranges
     * as the machine has room for. */
    struct tfsm_range held[MONITOR_HELD];
    struct flight_range flight[FLIGHT_RANGES];
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
