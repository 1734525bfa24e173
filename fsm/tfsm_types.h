/* The nouns of the machine: states, events, segments, the transmission control block, effects and
 * results. Names are those of RFC 9293 section 3.3.1. Everything here is plain data: it may be
 * copied, compared and stored. */
#ifndef TFSM_TYPES_H
#define TFSM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds since any epoch the embedder likes; only differences matter. */
typedef uint64_t tfsm_time;
#define TFSM_NEVER UINT64_MAX

/* The connection states, in the order in which RFC 9293 3.10 lists them. CLOSED is zero, so that a
 * zeroed TCB is a valid CLOSED connection.
 *
 * FIN-WAIT-2 lasts until the peer's FIN or RST comes, or ABORT. Where neither ever comes, because the
 * peer is gone, it ends after 2 MSL if the user will not read any more (CLOSE with `deaf`), else by
 * keep-alives if they are on, else never: RFC 9293 knows no timer for it. */
enum tfsm_state {
    TFSM_CLOSED,       /* no connection; the TCB holds nothing but a RST that may still be owed */
    TFSM_LISTEN,       /* waits for a SYN from any peer */
    TFSM_SYN_SENT,     /* sent a SYN, waits for the peer's */
    TFSM_SYN_RECEIVED, /* sent and received a SYN, waits for the acknowledgment of its own */
    TFSM_ESTABLISHED,  /* data flow both ways */
    TFSM_FIN_WAIT_1,   /* user closed; our FIN is not yet acknowledged */
    TFSM_FIN_WAIT_2,   /* our FIN is acknowledged; the peer may still send */
    TFSM_CLOSE_WAIT,   /* the peer closed; we may still send */
    TFSM_CLOSING,      /* both closed at once; our FIN is not yet acknowledged */
    TFSM_LAST_ACK,     /* the peer closed, then we did; our FIN is not yet acknowledged */
    TFSM_TIME_WAIT,    /* both FINs are acknowledged; old duplicates die out for 2 MSL */
    TFSM_STATES        /* how many there are */
};

/* Control bits of a segment, with the values of the header's 14th octet (RFC 9293 3.1). */
enum tfsm_flag {
    TFSM_FIN = 0x01,
    TFSM_SYN = 0x02,
    TFSM_RST = 0x04,
    TFSM_PSH = 0x08,
    TFSM_ACK = 0x10,
    TFSM_URG = 0x20,
    TFSM_ECE = 0x40,
    TFSM_CWR = 0x80
};

/* Which options a segment carries. */
enum tfsm_option {
    TFSM_OPT_MSS = 0x01,            /* maximum segment size (RFC 9293 3.7.1) */
    TFSM_OPT_WSCALE = 0x02,         /* window scale (RFC 7323 2) */
    TFSM_OPT_TIMESTAMPS = 0x04,     /* timestamps (RFC 7323 3) */
    TFSM_OPT_SACK_PERMITTED = 0x08, /* SACK-permitted (RFC 2018 2) */
    TFSM_OPT_SACK = 0x10,           /* SACK blocks (RFC 2018 3) */
    TFSM_OPT_USER_TIMEOUT = 0x20,   /* user timeout (RFC 5482 3.3) */
    TFSM_OPT_FAST_OPEN = 0x40       /* Fast Open cookie, or a request for one (RFC 7413 4.1.1) */
};

/* The ECN field of the IP header (RFC 3168 5). */
enum tfsm_ecn { TFSM_NOT_ECT, TFSM_ECT_1, TFSM_ECT_0, TFSM_CE };

#define TFSM_SACK_MAX 4 /* blocks that fit the 40 octets of options */

/* Sequence numbers [left, right). */
struct tfsm_range {
    uint32_t left;
    uint32_t right;
};

/* One segment, without its octets: what arrives, and what tfsm_output() hands out. */
struct tfsm_segment {
    uint32_t seq; /* SEG.SEQ: of the SYN if there is one, else of the first octet of text */
    uint32_t ack; /* SEG.ACK; meaningful with TFSM_ACK */
    uint32_t len; /* SEG.LEN in octets of sequence space: text, and one each for SYN and FIN */
    uint16_t wnd; /* SEG.WND as it stands in the header, not scaled */
    /* SEG.UP: offset from SEG.SEQ to the octet after the urgent data (RFC9293:MUST-62) */
    uint16_t up;
    uint8_t flags;         /* enum tfsm_flag */
    uint8_t security;      /* label of security and compartment; 0 where there is none */
    uint8_t options;       /* enum tfsm_option: which of the fields below are there */
    uint8_t wscale;        /* shift count, 0..14 */
    uint8_t ecn;           /* enum tfsm_ecn */
    uint8_t cookie_len;    /* octets of the Fast Open cookie, 4..16; 0 asks for one */
    uint8_t sacks;         /* blocks in sack[], 0..TFSM_SACK_MAX */
    uint16_t mss;          /* octets of text */
    uint16_t user_timeout; /* as in the option: minutes if bit 15 is set, else seconds */
    uint32_t ts_val;       /* TSval */
    uint32_t ts_ecr;       /* TSecr */
    struct tfsm_range sack[TFSM_SACK_MAX];
    uint64_t text_offset; /* outgoing: offset in our stream, from 0, of the first octet of text;
                             incoming: not read */
    uint16_t rule;        /* outgoing: the rule that made this segment; incoming: not read */
};

/* What can happen to a connection. */
enum tfsm_event_kind {
    TFSM_EV_OPEN,    /* user call OPEN, active or passive (RFC 9293 3.10.1) */
    TFSM_EV_SEND,    /* user call SEND: octets are queued (3.10.2) */
    TFSM_EV_RECEIVE, /* user call RECEIVE: octets are taken from the receive buffer (3.10.3) */
    TFSM_EV_CLOSE,   /* user call CLOSE: no more to send (3.10.4) */
    TFSM_EV_ABORT,   /* user call ABORT (3.10.5) */
    TFSM_EV_SEGMENT, /* a segment arrives (3.10.7) */
    TFSM_EV_TIMEOUT, /* time passes; feed it at tfsm_deadline() (3.10.8) */
    TFSM_EV_ICMP,    /* an ICMP message quotes a segment of ours (3.9.2.2, RFC 5927) */
    TFSM_EVENTS      /* how many there are */
};

/* What an ICMP message means to a connection; tfsm_icmp_meaning(). */
enum tfsm_icmp {
    TFSM_ICMP_IGNORE,  /* nothing: source quench, or not an error (RFC9293:MUST-55) */
    TFSM_ICMP_SOFT,    /* may pass: net or host unreachable, time exceeded ... (RFC9293:MUST-56) */
    TFSM_ICMP_HARD,    /* protocol or port unreachable ... (RFC9293:SHLD-26) */
    TFSM_ICMP_TOO_BIG, /* fragmentation needed, packet too big: the path has a smaller MTU */
    TFSM_ICMPS         /* how many there are */
};

/* One event. Fields that do not belong to the kind are not read. */
struct tfsm_event {
    enum tfsm_event_kind kind;
    tfsm_time now; /* every kind: the time of the event, in microseconds */
    uint32_t len;  /* SEND, RECEIVE: octets */
    /* OPEN, SEND in LISTEN, SEGMENT: what to use if this event opens a connection */
    uint32_t iss;        /* the ISN: tfsm_isn() */
    uint32_t ts_offset;  /* added to the timestamp clock: tfsm_timestamp_offset() */
    bool active;         /* OPEN: active rather than passive */
    bool remote;         /* OPEN: the remote socket is specified */
    bool urgent;         /* SEND: the last octet ends urgent data */
    bool deaf;           /* CLOSE: the user will not read any more either (RFC9293:MAY-1): text that
                           comes resets the connection, and FIN-WAIT-2 ends after 2 MSL */
    bool listener;       /* SEGMENT: somebody listens on the local socket: a SYN in TIME-WAIT may
                           be for the next incarnation (RFC9293:MAY-2) */
    bool fast_open;      /* OPEN, active: Fast Open (RFC 7413), with a cookie or a request for one;
                           SEGMENT in LISTEN: the Fast Open cookie of the SYN was checked and is good,
                           and the user may have its text now */
    uint8_t cookie_len;  /* OPEN with fast_open: octets of the cookie the embedder holds, 0 none;
                           SEGMENT in LISTEN: octets of a cookie to hand out with the SYN-ACK, 0 none.
                           A length that no cookie has counts as none */
    uint8_t security;    /* OPEN: label of security and compartment */
    uint16_t mss;        /* OPEN with fast_open: the peer's MSS when last seen, 0 unknown;
                           ICMP too big: the largest text the path takes */
    enum tfsm_icmp icmp; /* ICMP */
    struct tfsm_segment segment; /* SEGMENT; ICMP: only seq, from the header quoted */
};

/* Choices between readings of the RFCs, and what to offer to the peer: one bit each, for
 * tfsm_config.profile. An option that both sides offer is used, else not. */
enum tfsm_profile {
    TFSM_RFC5961 = 0x01,    /* challenge ACKs and the lower bound of SEG.ACK (RFC 5961) */
    TFSM_RFC1337 = 0x02,    /* a RST does not end TIME-WAIT (RFC 1337 fix F1) */
    TFSM_WSCALE = 0x04,     /* window scaling (RFC 7323 2) */
    TFSM_NODELAY = 0x08,    /* no Nagle algorithm (RFC9293:MUST-17) */
    TFSM_CONGESTION = 0x10, /* slow start, congestion avoidance, fast recovery (RFC9293:MUST-19);
                               off only where the network is nobody else's */
    TFSM_LIMITED_TRANSMIT = 0x20, /* new text on the first two duplicate ACKs (RFC 5681 3.2) */
    TFSM_TIMESTAMPS = 0x40,       /* timestamps and PAWS (RFC 7323 3..5) */
    TFSM_SACK = 0x80,             /* selective acknowledgment (RFC 2018, 2883, 6675) */
    TFSM_ECN = 0x100,             /* explicit congestion notification (RFC 3168) */
    TFSM_RFC6191 = 0x200,         /* a newer SYN reopens from TIME-WAIT (RFC9293:MAY-2, RFC 6191) */
    TFSM_RFC5927 = 0x400,         /* no ICMP error ends a synchronized connection (RFC 5927 5.2) */
    TFSM_USER_TIMEOUT = 0x800,    /* the user timeout option (RFC 5482) */
    TFSM_RACK = 0x1000,           /* with SACK and congestion control, losses are told by the time at which
                                     something was sent, and a probe asks for what was lost at the tail
                                     (RFC 8985); else by what arrived behind it (RFC 6675) */
    TFSM_PRR = 0x2000,   /* with RACK: recovery lets out in proportion to what arrives (RFC 6937) */
    TFSM_FRTO = 0x4000,  /* after a timeout new text finds out whether it was spurious (RFC 5682) */
    TFSM_CUBIC = 0x40000,    /* the window is a function of time (RFC 9438); else Reno's (RFC 5681) */
    TFSM_HYSTART = 0x80000,  /* the first slow start ends before a loss (RFC 9406) */
    TFSM_ABE = 0x100000,     /* ECE cuts the window by less than a loss does (RFC 8511) */
    TFSM_PMTU = 0x400000,    /* a path that swallows large segments is found out, and one that has grown
                                (RFC 4821, RFC 8201 5.3) */
    TFSM_CWV = 0x200000,     /* the window grows only where it is used up, and is kept over a pause (RFC 7661) */
    TFSM_QUICK_ACK = 0x800000, /* after text out of order or in vain the next TFSM_QUICK_ACKS segments are
                                  acknowledged at once: a peer that loses text waits for each ACK */
    TFSM_UNDO = 0x8000   /* and so do timestamps and what came twice (RFC 3522, 3708); a spurious
                            recovery gives the window back (RFC 4015) */
};

/* For the list of a build that fixes the profile, -DTFSM_PROFILE=..., and no other: Fast Open is in it, room behind a
 * TCB is used. */
#define TFSM_BUILD_FAST_OPEN 0x10000u
#define TFSM_BUILD_ROOM      0x20000u

/* As tfsm_config.rcv_wscale: the least shift with which the field can show rcv_buff whole. */
#define TFSM_WSCALE_FITS 15

/* Policy: may be shared by any number of connections. Times are in microseconds. */
struct tfsm_config {
    uint32_t profile;  /* enum tfsm_profile */
    uint32_t rcv_buff; /* receive buffer in octets, 0..TFSM_BUFF_MAX. It may grow while connections
                          are open; one made smaller than 2^Rcv.Wind.Shift can show no window */
    uint32_t snd_buff; /* send buffer in octets, 0..TFSM_BUFF_MAX */
    uint16_t mss;      /* MSS to announce and upper bound of our own segments, octets of text and of
                          options, 1..TFSM_MSS_MAX; tfsm_mss() */
    uint16_t mss_default; /* the peer's MSS where it does not say: 536 on IPv4, 1220 on IPv6
                             (RFC9293:MUST-15) */
    /* a smaller announced MSS is raised to this, at least 1 (CVE-2019-11479): on purpose larger
     * segments than that peer takes (RFC9293:MUST-16) */
    uint16_t mss_floor;
    uint8_t rcv_wscale;  /* Rcv.Wind.Shift to offer, 0..14, or TFSM_WSCALE_FITS; a smaller one than
                                fits shows less than there is room for, a larger one rounds
                                (RFC7323:2.2) */
    uint8_t syn_retries; /* R2 for SYN and SYN-ACK: retransmissions before giving up
                              (RFC9293:MUST-23) */
    uint8_t retries;     /* R2 for data, FIN and unanswered window probes (RFC9293:MUST-20) */
    uint8_t r1;          /* R1: from this retransmission on the user is warned, 0 never
                              (RFC9293:SHLD-9) */
    uint8_t initial_window;  /* initial congestion window in segments; 0: by RFC 5681 3.1, 10: by RFC
                                6928 2, no more than 14600 octets where two segments are less */
    uint8_t keepalive_tries; /* keep-alives unanswered before giving up, 0: never gives up
                                (RFC9293:MUST-29) */
    uint8_t challenge_limit; /* replies to dataless unacceptable segments allowed per interval (RFC
                                5961 7), of each enum tfsm_reply_class */
    tfsm_time challenge_every; /* that interval */
    tfsm_time rto_initial;     /* first retransmission timeout (RFC6298:2.1) */
    tfsm_time rto_min;         /* lower bound of what is measured (RFC6298:2.4) */
    tfsm_time rto_max;         /* upper bound of the backed-off timeout (RFC6298:2.5) */
    tfsm_time msl; /* maximum segment lifetime; TIME-WAIT lasts twice this (RFC9293:MUST-13) */
    tfsm_time user_timeout;    /* give up when nothing is acknowledged for this long; 0: never. With
                                  TFSM_USER_TIMEOUT within the bounds below, and above the RTO,
                                  once the connection is open */
    tfsm_time ack_delay;       /* how long an ACK may wait for company, below 0.5 s; 0: not at all
                               (RFC9293:MUST-40) */
    tfsm_time keepalive_idle;  /* a keep-alive after this much silence; 0: off (RFC9293:MUST-25);
                                  usually TFSM_KEEPALIVE_IDLE */
    tfsm_time keepalive_every; /* between keep-alives that nothing answers */
    /* With TFSM_USER_TIMEOUT and user_timeout 0 the greater of both ends' options decides: */
    tfsm_time uto_advertised; /* ADV_UTO: what we announce and keep at least; 0: user_timeout is
                                 announced, and nothing where that is 0 */
    tfsm_time uto_least;      /* L_LIMIT (RFC5482:3.1) */
    tfsm_time uto_most;       /* U_LIMIT */
};

#define TFSM_QUICK_ACKS     16u
#define TFSM_KEEPALIVE_IDLE UINT64_C(7200000000) /* two hours (RFC9293:MUST-28) */
#define TFSM_BUFF_MAX       0x3fffc000u /* 65535 * 2^14: the largest window RFC 7323 can announce */
#define TFSM_MSS_MAX        65495u /* what the length field of IPv4 leaves for text and options */

/* Room: how many ranges of text out of order a connection remembers in either direction. A TCB has as much by
 * itself as firmware wants; who wants more gives it memory right behind, with tfsm_make_room(). One more range is
 * kept for text at RCV.NXT, which is never refused. */
#define TFSM_ROOM_OWN     8u
#define TFSM_ROOM_MAX     1024u
#define TFSM_OOO_SLOTS(n) ((n) + 1u)     /* of tfsm_range, what has come, of room for n */
/* of tfsm_sent, what has gone out: ranges held and those between, where some have two fates, and a moment's more */
#define TFSM_SENT_SLOTS(n) (2u * (n) + 4u + 2u * TFSM_SACK_MAX)
#define TFSM_PIECES_MAX   (TFSM_ROOM_OWN + 2u) /* pieces that the text of one segment falls into */
#define TFSM_UNDO_MAX     4u                   /* ranges sent again of which it is asked whether they came twice */
#define TFSM_GRAIN_MOST   26u                  /* bits of the clock that send times may leave out: a minute */
#define TFSM_RECENT_MAX   (TFSM_ROOM_OWN + 1u) /* ranges whose order of arrival is remembered */

/* Bits of tfsm_tcb.flags: what the connection remembers besides its numbers. */
enum tfsm_memory {
    TFSM_M_PASSIVE = 0x01,  /* opened passively: SYN-RECEIVED came from LISTEN (RFC9293:MUST-11) */
    TFSM_M_REMOTE = 0x02,   /* the remote socket was specified in OPEN */
    TFSM_M_CLOSE = 0x04,    /* the user closed: a FIN follows the last octet queued */
    TFSM_M_PEER_FIN = 0x08, /* the peer's FIN was seen; rcv_fin is its sequence number */
    TFSM_M_WSCALE = 0x10,   /* both sides offered window scaling */
    TFSM_M_URGENT = 0x20,   /* snd_up is ahead of SND.UNA: URG goes out */
    TFSM_M_URGENT_TOLD = 0x40,  /* the user was told of the urgent data up to rcv_up */
    TFSM_M_SYN_ACKED = 0x80,    /* our SYN is acknowledged, and the user was told that it is open */
    TFSM_M_PROBING = 0x100,     /* the persist timer rules, not the retransmission timer */
    TFSM_M_TIMESTAMPS = 0x200,  /* both sides offered timestamps */
    TFSM_M_SACK = 0x400,        /* both sides offered SACK */
    TFSM_M_ECN = 0x800,         /* both sides offered ECN */
    TFSM_M_ECE = 0x1000,        /* CE came: ECE goes out until CWR comes (RFC3168:6.1.3) */
    TFSM_M_CWR = 0x2000,        /* the window was cut: CWR goes out with the next new text */
    TFSM_M_CUT = 0x4000,        /* it was cut, and CWR is not acknowledged: not again for that */
    TFSM_M_RECOVERY = 0x8000,   /* fast recovery up to snd_recover */
    TFSM_M_NOT_ECT = 0x10000,   /* a SYN of either side made no offer of ECN: no text goes as ECT */
    TFSM_M_AGAIN = 0x20000,     /* and the rescue retransmission was made (RFC6675:4 rule 4), or is not to
                                   be: with it, and with TFSM_M_LOSS, some of what is sent again was so
                                   before (RFC7323:2.4) */
    TFSM_M_LOSS = 0x40000,      /* the timer went off: what was sent below snd_recover is lost */
    TFSM_M_TIMING = 0x80000,    /* a round trip is being timed */
    TFSM_M_MEASURED = 0x100000, /* SRTT is known */
    TFSM_M_DEAF = 0x200000,     /* the user closed and will not read (RFC9293:SHLD-3) */
    /* our SYN bears a Fast Open option; with TFSM_M_PASSIVE: the peer's bore a good cookie, and the
     * user has the connection early */
    TFSM_M_FAST_OPEN = 0x400000,
    TFSM_M_DSACK = 0x800000,     /* dsack is to be reported (RFC2883:4) */
    TFSM_M_UTO_SENT = 0x1000000, /* the user timeout was told after the SYN, too */
    TFSM_M_PROBED = 0x2000000,   /* with TFSM_M_PROBING: a probe went out */
    /* fast recovery: what was sent again first is acknowledged, and more */
    TFSM_M_PASSED = 0x4000000,
    TFSM_M_OFFERED_WSCALE = 0x8000000, /* our SYN offered it, whatever the profile says now */
    TFSM_M_OFFERED_TIMESTAMPS = 0x10000000,
    TFSM_M_OFFERED_SACK = 0x20000000,
    TFSM_M_OFFERED_ECN = 0x40000000
};
/* One more, which no enumerator can be: ECE came at a window of one segment, and new text waits for
 * the timer (RFC3168:6.1.2). */
#define TFSM_M_ECE_WAIT UINT32_C(0x80000000)

/* Bits of tfsm_tcb.loss: what loss recovery remembers besides. */
enum tfsm_loss {
    TFSM_L_REORDERED = 0x01,  /* the network was seen to change the order (RFC8985:6.2 step 3) */
    TFSM_L_ROUND = 0x02,      /* the reordering window grew; not again before rack_round is acknowledged */
    TFSM_L_LOST_AGAIN = 0x04, /* what was sent again is lost, and was sent after the window was cut */
    TFSM_L_PROBE = 0x08,      /* a tail loss probe went out; tlp_end is after it (TLP.end_seq) */
    TFSM_L_PROBE_OLD = 0x10,  /* and it was text sent before (TLP.is_retrans) */
    TFSM_L_SAMPLED = 0x20,    /* a round trip was measured since the last probe */
    TFSM_L_REORDERING = 0x40, /* at_early is the reordering timer, else that of a probe */
    TFSM_L_OWE_PROBE = 0x80,  /* a probe is to go out */
    TFSM_L_MTU_MENDS = 0x100, /* fast recovery mends nothing but a segment that tried a larger size, from mtu_seq to
                                 mtu_end: CWND is SSTHRESH then, and SSTHRESH is undo_ssthresh */
    TFSM_L_DELIVERED = 0x200, /* RACK.segment is known: rack_at, rack_end */
    TFSM_L_RESTART = 0x400,   /* the probe timer begins anew */
    TFSM_L_UNDO = 0x800,      /* undo_cwnd and undo_ssthresh are of the cut that may have been in vain */
    TFSM_L_UNDO_TS = 0x1000,  /* and undo_ts is known: what went again first is not acknowledged */
    TFSM_L_UNDO_TWICE = 0x2000, /* and what came twice can tell: nothing went more than twice */
    TFSM_L_DOUBLES = 0x4000,  /* the network doubles segments: what came twice tells nothing (RFC3708:3) */
    TFSM_L_FRTO_1 = 0x8000,   /* F-RTO: a timeout, and nothing was acknowledged since (RFC5682:3.1 step 2) */
    TFSM_L_FRTO_2 = 0x10000,   /* F-RTO: new text went out instead of old (step 3) */
    TFSM_L_UNDO_WAITS = 0x20000, /* and nothing was sent again yet */
    TFSM_L_SAMPLING = 0x40000,   /* pipeACK is known (RFC7661:4.2) */
    TFSM_L_UNVALIDATED = 0x80000, /* the window was cut while little of it was used */
    TFSM_L_MTU_OUT = 0x100000, /* a segment of the size mss_try is out */
    TFSM_L_DELIVERED_AGAIN = 0x200000, /* and was sent more than once */
    TFSM_L_RESENT = 0x400000, /* something was sent again in this connection */
    TFSM_L_IW_LOST = 0x800000, /* ten segments at once were too many for the path (RFC6928:2g) */
    TFSM_L_TWICE = 0x1000000, /* the peer has told of something that came twice (RFC3522:3.2 step 5) */
    TFSM_L_ECE_CUT = 0x2000000, /* with TFSM_M_CUT: it was ECE that cut the window (RFC8511:4.2b) */
    TFSM_L_FULL = 0x4000000 /* what went last for the first time filled the window (RFC7661:4.5.3) */
};

/* Bits of tfsm_tcb.owed: what the connection owes its peer; tfsm_output() pays. */
enum tfsm_debt {
    TFSM_OWE_ACK = 0x01,       /* an acknowledgment */
    TFSM_OWE_SYN = 0x02,       /* the first SYN or SYN-ACK */
    TFSM_OWE_RTX = 0x04,       /* a retransmission from SND.UNA */
    TFSM_OWE_PROBE = 0x08,     /* a zero-window probe */
    TFSM_OWE_RST = 0x10,       /* <SEQ=rst_seq><CTL=RST> */
    TFSM_OWE_RST_ACK = 0x20,   /* with TFSM_OWE_RST: <SEQ=rst_seq><ACK=rst_ack><CTL=RST,ACK> */
    TFSM_OWE_KEEPALIVE = 0x40, /* <SEQ=SND.NXT-1><ACK=RCV.NXT><CTL=ACK> */
    TFSM_OWE_RST_TS = 0x80     /* with TFSM_OWE_RST: it bears timestamps (RFC7323:5.2) */
};

/* Whom a reply to a segment without text may be for. Each kind has a budget of its own (RFC 5961 7),
 * so that a stranger, who can guess few numbers, cannot spend what an honest peer's keep-alive needs;
 * replies to SYNs, which nobody can tell apart, are spread over the interval. */
enum tfsm_reply_class {
    TFSM_REPLY_FAR,    /* out of the window: anybody can send that */
    TFSM_REPLY_NEAR,   /* in the window: a stranger needs many tries */
    TFSM_REPLY_SYN,    /* a SYN: a peer that has rebooted knows no numbers either */
    TFSM_REPLY_EDGE,   /* one before RCV.NXT with an ACK that fits: a keep-alive or a probe */
    TFSM_REPLY_CLASSES /* how many there are */
};

/* What became of octets of ours that went out alike: in the lowest bits of tfsm_sent.at. */
enum tfsm_fate {
    TFSM_HELD = 1,  /* the peer holds them, as it reported by SACK; then nothing else is known of them */
    TFSM_LOST = 2,  /* they are taken for lost, and wait to be sent again */
    TFSM_AGAIN = 4, /* they were sent more than once; without RACK: since the loss was noticed */
    TFSM_BOTH = 8,  /* with TFSM_AGAIN: without being taken for lost, so that both may be in the network */
    TFSM_FATES = 15,
    TFSM_EXACT = 16, /* the time is that of all of it, but for a little */
    TFSM_STEP = 31   /* times are whole steps of so many microseconds and one */
};

/* A run of sequence numbers of ours, from the end of the one before it or SND.UNA, that went out and had the same
 * fate. */
struct tfsm_sent {
    uint32_t right; /* after its last number */
    uint32_t at;    /* enum tfsm_fate; with RACK in the other bits when it was sent last, microseconds, modulo 2^32 and a
                       little late. Of 0 that is not known */
};

/* The transmission control block (RFC 9293 3.3.1). All zero is a valid CLOSED connection; copying
 * one is a snapshot. Embedders read it and never write it. The order of the members leaves no
 * padding: two TCBs can be compared whole. They stand in the order of how often they are asked for,
 * so that few cache lines are touched: a segment looks at the first 160 octets, one that acknowledges
 * or what is sent at 64 more behind ooo[], and with timestamps at the next 64. Where a TCB begins in
 * the middle of a line of 64 octets each of these begins a line. */
struct tfsm_tcb {
    /* ---- every segment ---- */
    uint8_t state;        /* enum tfsm_state */
    uint8_t owed;         /* enum tfsm_debt */
    uint8_t security;     /* label of the connection */
    uint8_t snd_wscale;   /* Snd.Wind.Shift: the peer's windows are shifted left by this */
    uint8_t rcv_wscale;   /* Rcv.Wind.Shift: ours are shifted right by this */
    uint8_t cookie_len;   /* octets of the Fast Open cookie to send: to use, or to hand out */
    uint16_t ooo_count;   /* ranges out of order: tfsm_out_of_order() */
    uint32_t flags;       /* enum tfsm_memory */
    /* send sequence space: SYN at ISS, text, FIN at snd_end once the user closed */
    uint32_t snd_una;
    uint32_t snd_nxt; /* never goes back: retransmission starts at SND.UNA */
    uint32_t snd_end; /* after the last octet queued */
    /* receive sequence space */
    uint32_t rcv_nxt;
    uint32_t rcv_wnd; /* octets from RCV.NXT to the greatest right edge ever put on the wire */
    uint32_t snd_wnd; /* octets from SND.UNA, scaled */
    uint32_t snd_wl1;
    uint32_t snd_wl2;
    uint32_t snd_wnd_max; /* MAX.SND.WND (RFC 5961 5.2) */
    uint32_t iss;
    uint32_t rcv_up;
    uint32_t rcv_fin;    /* sequence number of the peer's FIN, with TFSM_M_PEER_FIN */
    uint32_t rcv_user;   /* RCV.USER: octets delivered and not yet taken by RECEIVE */
    uint32_t rcv_acked;  /* Last.ACK.sent */
    uint16_t snd_mss;    /* Eff.snd.MSS: the largest text and options of a segment
                             (RFC9293:MUST-16) */
    uint16_t keepalives; /* keep-alives that nothing has answered */
    uint16_t dup_acks;   /* DupAcks: duplicate acknowledgments in a row */
    uint8_t backoff;     /* the timeout is RTO * 2^backoff */
    uint8_t quick_acks;  /* so many segments of text in order are acknowledged at once yet */
    uint16_t tries;      /* retransmissions or probes that nothing has answered */
    uint16_t sent_count; /* runs that are remembered of what is in flight: tfsm_sent_runs() */
    /* times; a deadline of 0 is not armed */
    tfsm_time at_rtx;       /* retransmission */
    tfsm_time at_early;     /* what comes before: reordering or probe timer (RFC 8985) */
    tfsm_time at_ack;       /* the delayed acknowledgment */
    tfsm_time at_persist;   /* zero-window probe */
    tfsm_time at_2msl;      /* end of TIME-WAIT */
    tfsm_time at_user;      /* user timeout */
    tfsm_time user_from;    /* with at_user: since when nothing was acknowledged */
    tfsm_time at_keepalive; /* keep-alive */
    uint64_t snd_octets;    /* octets of our stream acknowledged, all told */
    uint64_t rcv_octets;    /* octets of the peer's stream delivered, all told */
    /* text beyond RCV.NXT, sorted, disjoint, not adjacent. Text in order passes through the first;
     * the others are a line of their own */
    struct tfsm_range ooo[TFSM_OOO_SLOTS(TFSM_ROOM_OWN)];
    /* ---- what acknowledges, what is sent ---- */
    /* loss recovery and congestion control */
    uint32_t snd_recover;  /* SND.NXT when the loss was noticed (RFC6582 recover, RFC6675
                              RecoveryPoint); else one before SND.UNA */
    uint32_t snd_rtx;      /* HighRxt: after the last number retransmitted since; before the next loss, of the last one
                              that is in flight yet */
    uint32_t snd_held;     /* octets in flight that are TFSM_HELD, TFSM_LOST, TFSM_BOTH */
    uint32_t snd_lost;
    uint32_t snd_both;
    uint32_t limited;      /* octets that limited transmit sent, of those in flight */
    uint32_t first_flight; /* 1 + segments that the initial window, or that after a pause, lets out
                              yet; 0: something was acknowledged since, and octets count alone */
    uint32_t cwnd;         /* congestion window, octets; 0 before our SYN is acknowledged */
    uint32_t ssthresh;     /* slow start threshold, octets */
    /* octets acknowledged towards the next step of congestion avoidance; in fast recovery, where
     * there is none: RescueRxt - SND.UNA */
    uint32_t cwnd_acked;
    /* the round trip, microseconds */
    uint32_t srtt;
    uint32_t rttvar;
    uint32_t rtt_seq;   /* with TFSM_M_TIMING: acknowledging this ends the measurement */
    uint16_t mss_sent;  /* the largest text and options sent (RFC5927:7.2) */
    uint16_t mss_acked; /* and acknowledged: the path takes that */
    uint16_t mss_asked; /* what an ICMP message asks for that contradicts this, 0 none */
    uint16_t uto_peer;  /* the peer's user timeout option, 0 none */
    uint16_t uto_sent;  /* the one we sent last, 0 none */
    uint16_t room;      /* ranges there is room for behind the TCB; 0: TFSM_ROOM_OWN, within it */
    tfsm_time rto;      /* retransmission timeout before back-off */
    tfsm_time rtt_from; /* with TFSM_M_TIMING: when the segment timed was sent */
    /* ---- what time tells of losses (RFC 8985) ---- */
    uint32_t loss;        /* enum tfsm_loss */
    uint32_t rack_at;     /* RACK.xmit_ts, microseconds modulo 2^32 */
    uint32_t rack_end;    /* RACK.end_seq */
    uint32_t rack_rtt;    /* RACK.rtt, microseconds */
    uint32_t rack_fack;   /* RACK.fack */
    uint32_t rack_latest; /* when that was sent last which the last ACK has delivered */
    uint16_t last_len;    /* numbers of the segment that went last for the first time; 0 not known */
    uint8_t grain;        /* times of runs leave out so many bits of the clock, or five */
    uint8_t undo_count;   /* ranges in undo_again[] */
    uint32_t rack_round;  /* RACK.dsack_round */
    uint32_t min_rtt;     /* RACK.min_RTT, microseconds */
    uint32_t cut_at;      /* when the window was cut last, microseconds modulo 2^32 */
    uint32_t tlp_end;     /* TLP.end_seq */
    uint8_t reo_mult;     /* RACK.reo_wnd_mult - 1 */
    uint8_t reo_persist;  /* RACK.reo_wnd_persist */
    uint8_t hy_samples;   /* HyStart++: round trips measured in this round */
    uint8_t hy_css;       /* 1 + rounds of conservative slow start; 0 outside */
    tfsm_time min_rtt_at; /* when min_rtt was measured */
    /* ---- how much a recovery lets out (RFC 6937), and what it takes back ---- */
    uint32_t prr_last;      /* SND.UNA + snd_held after the last ACK */
    uint32_t prr_delivered; /* octets delivered in fast recovery */
    uint32_t prr_out;       /* and sent */
    uint32_t prr_flight;    /* RecoverFS */
    uint32_t undo_cwnd;     /* CWND and SSTHRESH before the cut */
    uint32_t undo_ssthresh;
    uint32_t undo_ts;     /* TSval of the first segment that was sent again (RFC3522:3.2) */
    uint32_t undo_una;    /* SND.UNA at the cut */
    /* what was sent again since the cut and did not come twice yet, in no order */
    struct tfsm_range undo_again[TFSM_UNDO_MAX];
    /* ---- CUBIC and HyStart++ (RFC 9438, 9406) ---- */
    uint32_t w_max;       /* W_max, octets */
    uint32_t w_est;       /* W_est, octets */
    uint32_t w_acked;     /* what the last ACK left of its next octet */
    uint32_t cwnd_prior;  /* CWND before the last cut */
    uint32_t cubic_k;     /* K, milliseconds */
    uint32_t undo_w_max;  /* and what they were before the cut */
    uint32_t undo_k;
    uint32_t undo_est;
    uint32_t undo_prior;
    uint32_t rtt_last; /* the last round trip measured, microseconds */
    uint32_t hy_end;   /* windowEnd */
    uint32_t hy_least; /* currentRoundMinRTT */
    uint32_t hy_last;  /* lastRoundMinRTT */
    uint32_t hy_base;  /* cssBaselineMinRtt */
    /* ---- how much of the window was used (RFC 7661) ---- */
    uint32_t cwv_una;     /* HighACK when the sample began */
    uint32_t cwv_peak;    /* the greatest sample of this half of the period, octets */
    uint32_t cwv_before;  /* and of the half before */
    uint32_t cwv_flight;  /* max(pipeACK, LossFlightSize) */
    uint32_t cwv_resent;  /* octets sent again in the recovery */
    /* ---- path MTU (RFC 4821) ---- */
    uint16_t mss_full;    /* Eff.snd.MSS as the SYNs have it */
    uint16_t mss_try;     /* the size to try, 0 none */
    uint32_t mtu_seq;     /* with TFSM_L_MTU_OUT: the segment that tries it */
    uint32_t mtu_end;
    tfsm_time mtu_at;     /* when the next is to be tried, 0 never */
    tfsm_time cwv_at;     /* 1 + when the sample began; 0 before the first */
    tfsm_time cwv_half;   /* and this half */
    tfsm_time cwv_since;  /* since when the window is not validated */
    tfsm_time cubic_from; /* 1 + t_epoch; 0 before the stage begins */
    tfsm_time cubic_last; /* when the window last grew, or did not for want of use */
    tfsm_time undo_from;
    /* ---- timestamps, and what is seldom ---- */
    tfsm_time sent_at;         /* when text was sent last */
    tfsm_time ts_recent_from;  /* when TS.Recent was taken */
    tfsm_time challenge_until; /* end of the limiter's interval */
    uint32_t ts_recent;        /* TS.Recent */
    uint32_t ts_offset;        /* our timestamp clock is milliseconds plus this */
    uint32_t
        ts_oldest; /* with timestamps: no TSval of ours that is still to be echoed is before this */
    uint32_t snd_limited; /* after the last octet that limited transmit sent */
    uint32_t snd_up;
    uint32_t irs;
    uint32_t snd_cwr;   /* the segment that bore CWR; SND.NXT at the cut while TFSM_M_CWR waits */
    uint32_t asked_seq; /* with mss_asked: the segment that the message quotes */
    uint8_t challenges[TFSM_REPLY_CLASSES]; /* limited replies sent in the current interval */
    /* a RST to send, with TFSM_OWE_RST */
    uint32_t rst_seq;
    uint32_t rst_ack;
    uint32_t rst_ts_val;
    uint32_t rst_ts_ecr;
    uint32_t rcv_recent[TFSM_RECENT_MAX]; /* with SACK, of ranges out of order one number each, in the order in
                                             which they grew, latest first (RFC2018:4) */
    struct tfsm_range dsack;              /* text that came twice */
    /* What is in flight, from SND.UNA on: runs in order, without a gap; what is behind the last has no fate yet. Of
     * more runs than fit the highest that is held is forgotten; a range held that SND.UNA reaches is forgotten whole. */
    struct tfsm_sent sent[TFSM_SENT_SLOTS(TFSM_ROOM_OWN)];
};

/* What tfsm_step() answers. The first group is RFC 9293's own error strings (section 3.10). */
enum tfsm_result {
    TFSM_DONE,                     /* the event was taken */
    TFSM_E_CONNECTION_EXISTS,      /* "connection already exists" */
    TFSM_E_NO_CONNECTION,          /* "connection does not exist" */
    TFSM_E_CONNECTION_CLOSING,     /* "connection closing" */
    TFSM_E_REMOTE_UNSPECIFIED,     /* "remote socket unspecified" */
    TFSM_E_INSUFFICIENT_RESOURCES, /* "insufficient resources" */
    TFSM_E_INVALID /* not an event at all: unknown kind, SEG.LEN shorter than its SYN and FIN,
                    * or more text than a packet holds */
};

/* What the user is told, bits of tfsm_effects.signals. */
enum tfsm_signal {
    TFSM_SIG_CONNECTED = 0x01,   /* the connection is open */
    TFSM_SIG_PEER_CLOSED = 0x02, /* "connection closing": the peer will send no more */
    TFSM_SIG_URGENT = 0x04,      /* urgent data ahead (RFC9293:MUST-32) */
    TFSM_SIG_CLOSED = 0x08,      /* end: closed in good order */
    TFSM_SIG_RESET = 0x10,       /* end: "connection reset" */
    TFSM_SIG_REFUSED = 0x20,     /* end: "connection refused" */
    TFSM_SIG_TIMED_OUT = 0x40,   /* end: gave up retransmitting, or the user timeout */
    TFSM_SIG_UNREACHABLE = 0x80, /* end: an ICMP hard error (RFC9293:SHLD-26) */
    TFSM_SIG_ADVICE = 0x100,     /* R1 is reached: nothing comes back. Tell IP to look for another
                                    route (RFC9293:MUST-20, RFC9293:SHLD-9) */
    TFSM_SIG_SOFT_ERROR = 0x200, /* an ICMP error that may pass (RFC9293:SHLD-25) */
    TFSM_SIG_COOKIE = 0x400,     /* the segment bears a Fast Open cookie to keep, or the refusal of
                                    one (RFC7413:4.1.3) */
    TFSM_SIG_USER_TIMEOUT = 0x800, /* the peer told its user timeout: tcb->uto_peer (RFC5482:3.1) */
    TFSM_SIG_EARLY = 0x1000 /* a Fast Open came in: text may be read and sent; that the peer is
                               there only TFSM_SIG_CONNECTED will tell (RFC7413:4.2.2) */
};
#define TFSM_SIG_ENDS                                                                              \
    (TFSM_SIG_CLOSED | TFSM_SIG_RESET | TFSM_SIG_REFUSED | TFSM_SIG_TIMED_OUT |                    \
     TFSM_SIG_UNREACHABLE)

/* A piece of an arrived segment that is new: copy it before the segment goes. */
struct tfsm_text {
    uint64_t offset; /* in the peer's stream, from 0 */
    uint32_t at;     /* in the segment's text, from 0 */
    uint32_t len;    /* octets */
};

/* What the embedder has to act on after one event. */
struct tfsm_effects {
    uint16_t signals; /* enum tfsm_signal */
    uint16_t
        rule; /* enum tfsm_rule_id of the last rule that fired: the one that says the verdict */
    uint8_t verdict;    /* enum tfsm_verdict */
    uint8_t text_count; /* pieces in text[] */
    uint32_t delivered; /* octets that became readable, in order; they stay so whatever becomes of
                         * the connection, RECEIVE only says that they left the buffer */
    uint32_t acknowledged; /* octets of our stream that may be forgotten */
    uint32_t taken;        /* RECEIVE: octets handed to the user */
    /* with TFSM_V_REOPEN: the ISN of the new incarnation must come after this */
    uint32_t iss_after;
    struct tfsm_text text[TFSM_PIECES_MAX]; /* where to copy the segment's text; as many as
                                                  text_count says, nothing else is written */
};

/* No list has more steps than this, and a step fires one rule at most. */
#define TFSM_FIRED_MAX 32

/* The rules that one event has fired, for who wants to know more than the last: tfsm_step_traced(). */
struct tfsm_trace {
    uint8_t count;                  /* ids in fired[] */
    uint16_t fired[TFSM_FIRED_MAX]; /* enum tfsm_rule_id, in order; no more than count is written */
};

/* What STATUS tells (RFC 9293 3.10.6). Octets, but for the state. */
struct tfsm_status_block {
    enum tfsm_state state;
    uint32_t queued;         /* sent by the user and not acknowledged by the peer */
    uint32_t unacknowledged; /* of these, on their way */
    uint32_t readable;       /* delivered and not taken by RECEIVE */
    uint32_t urgent_out;     /* queued octets up to the end of our urgent data */
    uint32_t urgent_in;      /* octets until the end of the peer's (RFC9293:MUST-33) */
    uint32_t send_window;
    uint32_t receive_window;
    uint32_t cwnd;
    uint32_t ssthresh;
    tfsm_time srtt; /* microseconds, 0 not measured */
    tfsm_time rto;  /* microseconds, before back-off */
};

/* What tfsm_check() found: the first clause that does not hold. Each stands for the requirement
 * beside it. */
#define TFSM_CLAUSES(X)                                                                            \
    X(OK, "")                                                                                      \
    X(STATE_KNOWN, "RFC9293:3.3.2 the state is one of the eleven")                                 \
    X(ROOM, "RFC9293:SHLD-31 the room behind a TCB is no more than any has")                       \
    X(CLOSED_IS_EMPTY, "RFC9293:3.3.2 CLOSED holds no connection")                                 \
    X(LISTEN_IS_EMPTY, "RFC9293:3.10.1 LISTEN holds no sequence numbers and no timer")             \
    X(PEER_UNKNOWN, "RFC9293:3.10.7.3 in SYN-SENT nothing is known of the peer")                   \
    X(SEND_ORDER, "RFC9293:3.4 SND.UNA =< SND.NXT =< queued end, SYN first, FIN last")             \
    X(SEND_QUEUE, "RFC9293:3.10.2 what is queued fits the largest send buffer")                    \
    X(SEND_URGENT, "RFC9293:3.8.5 our urgent data end in what is queued")                          \
    X(ISS_BEFORE_UNA, "RFC9293:3.4 SND.UNA is ISS, the SYN, the octets acknowledged and the FIN")  \
    X(SYN_UNACKED,                                                                                 \
      "RFC9293:3.10.7.4 our SYN is acknowledged before ESTABLISHED, and not in SYN-SENT or "       \
      "SYN-RECEIVED")                                                                              \
    X(FIN_NEEDS_CLOSE, "RFC9293:3.10.4 a FIN is sent only after CLOSE")                            \
    X(CLOSE_LEAVES, "RFC9293:3.10.4 CLOSE leaves ESTABLISHED and CLOSE-WAIT at once")              \
    X(DEAF_NEEDS_CLOSE, "RFC9293:MAY-1 only who has closed can have said that he will not read")   \
    X(OUR_FIN_ACKED, "RFC9293:3.10.7.4 FIN-WAIT-2 and TIME-WAIT need our FIN acknowledged")        \
    X(OUR_FIN_UNACKED,                                                                             \
      "RFC9293:3.10.7.4 FIN-WAIT-1, CLOSING and LAST-ACK end with the acknowledgment of our FIN")  \
    X(PEER_FIN, "RFC9293:3.10.7.4 the state agrees with the peer's FIN")                           \
    X(RCV_ORDER, "RFC9293:3.4 RCV.NXT is IRS, the SYN, the octets delivered and the FIN")          \
    X(RCV_WINDOW,                                                                                  \
      "RFC7323:2.3 the window is at most 65535 * 2^14, and with all that came at most 65535 "      \
      "before our SYN is acknowledged")                                                            \
    X(SND_WINDOW,                                                                                  \
      "RFC7323:2.3 the peer's window is at most 65535 * 2^14 and its greatest is remembered")      \
    X(RCV_BUFFER,                                                                                  \
      "RFC9293:3.8.6.2.2 what was not taken was delivered, and fits the largest receive buffer "   \
      "beside the window")                                                                         \
    X(RCV_ACKED,                                                                                   \
      "RFC7323:4.3 Last.ACK.sent is not beyond RCV.NXT, and what has come since lay in a window")  \
    X(OOO_SORTED, "RFC9293:SHLD-31 queued ranges are sorted, disjoint and not empty")              \
    X(OOO_IN_WINDOW, "RFC9293:3.10.7.4 queued ranges lie in the window")                           \
    X(OOO_BEFORE_FIN, "RFC9293:3.4 no text beyond the peer's FIN")                                 \
    X(OOO_WAITS, "RFC9293:3.10.7.4 text and FIN at RCV.NXT wait for nothing but the handshake")    \
    X(WSCALE, "RFC7323:2.3 a shift is at most 14, and none without agreement")                     \
    X(MSS, "RFC9293:3.7.1 the MSS is not zero")                                                    \
    X(RTX_TIMER,                                                                                   \
      "RFC6298:5 the retransmission timer runs exactly while something is outstanding, "           \
      "or ECE has new text wait")                                                                  \
    X(EARLY_TIMER,                                                                                 \
      "RFC8985:8 the reordering and the probe timer run only beside that of retransmissions, "     \
      "with SACK, and once our SYN is acknowledged")                                               \
    X(PERSIST_TIMER, "RFC9293:MUST-36 the persist timer runs exactly while a closed or silly "     \
                     "window holds data back")                                                     \
    X(TIME_WAIT_TIMER,                                                                             \
      "RFC9293:MUST-13 the 2MSL timer runs exactly in TIME-WAIT, and in FIN-WAIT-2 "               \
      "where nobody reads any more")                                                               \
    X(USER_TIMER, "RFC9293:3.10.8 the user timeout runs only while something is unacknowledged")   \
    X(DEBT, "RFC9293:3.10 what is owed fits the state")                                            \
    X(SCOREBOARD,                                                                                  \
      "RFC6675:4 runs in flight are sorted, were sent, and their octets are counted; none that "   \
      "the peer holds is at SND.UNA, and there are none before our SYN is acknowledged")           \
    X(RECOVERY, "RFC6582:3.2 recovery runs while SND.UNA is before recover, from loss or timeout") \
    X(CWND, "RFC5681:3.1 the congestion window holds a segment and ssthresh two")                  \
    X(LIMITED, "RFC5681:3.2 what limited transmit has sent is in flight")                          \
    X(RTT, "RFC6298:2 SRTT and RTTVAR are of measurements, and of none are 0")                     \
    X(ACK_TIMER, "RFC9293:MUST-40 a delayed acknowledgment waits where text was received")         \
    X(KEEPALIVE_TIMER, "RFC9293:MUST-26 a keep-alive waits only while nothing is outstanding")     \
    X(AGREED, "RFC7323:2.2 what was not agreed leaves no trace")                                   \
    X(DSACK, "RFC2883:4 what is to be reported as come twice has come")                            \
    X(COOKIE,                                                                                      \
      "RFC7413:4.1.1 a cookie has 4 to 16 octets, an even number of them, and is of a Fast Open "  \
      "or for a client")

enum tfsm_clause {
#define TFSM_X(name, text) TFSM_CLAUSE_##name,
    TFSM_CLAUSES(TFSM_X)
#undef TFSM_X
        TFSM_CLAUSE_COUNT
};
#define TFSM_OK TFSM_CLAUSE_OK

#endif
