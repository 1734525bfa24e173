/* Captures of TCP as other stacks speak it: reading pcap and pcapng files, telling connections
 * apart, reading off what the user of one end must have called, and letting the core take the place
 * of that end. The importer of seeds and the capture test share this. Captures are written
 * elsewhere: tun/record.h. */
#ifndef HARNESS_CAPTURE_H
#define HARNESS_CAPTURE_H

#include "tfsm.h"
#include "tfsm_table.h"

#define CAPTURE_ERROR      256               /* octets of an error text, its end included */
#define CAPTURE_OCTETS_MAX ((size_t)1 << 30) /* kept of one file, all told */
#define CAPTURE_KEPT       2048u             /* octets of a packet that are kept, at most */
#define CAPTURE_NONE       SIZE_MAX          /* no segment, no connection */

/* What is taken for granted of a segment, for the file does not show it. */
enum capture_assumption {
    CAPTURE_OFFLOAD,        /* that its checksum is right, which was left to the network card */
    CAPTURE_NO_IP_CHECKSUM, /* the same of the IPv4 header */
    CAPTURE_NO_LENGTH,      /* that it is as long as its frame: the card was to cut it up */
    CAPTURE_CUT,            /* that it is sound: the end of its text was not recorded */
    CAPTURE_CUT_OPTIONS,    /* the same, with the end of its options, which then count as absent */
    CAPTURE_NO_TIME,        /* that it came right after the one before: its own time is earlier */
    CAPTURE_ASSUMPTIONS
};

/* Why a packet is not taken for a segment. */
enum capture_reason {
    CAPTURE_LINK,         /* of a link type that is not read here, where others of the file are */
    CAPTURE_NOT_IP,       /* ARP and other neighbours of IP */
    CAPTURE_SEALED,       /* the link encrypts, compresses or puts together what it carries */
    CAPTURE_NOT_TCP,      /* UDP and other neighbours of TCP */
    CAPTURE_TUNNEL,       /* IP in IP, GRE, IPsec, ...: what is within is not looked at */
    CAPTURE_FRAGMENT,     /* reassembly is not done here */
    CAPTURE_CUT_HEADER,   /* so little was recorded that headers are missing */
    CAPTURE_BAD_IP,       /* lengths or checksum of the IP header */
    CAPTURE_BAD_TCP,      /* data offset, or too short */
    CAPTURE_BAD_CHECKSUM, /* neither right nor left to the network card */
    CAPTURE_REASONS
};

/* A few words, for a number of packets: "left out: 3 fragments". */
const char *capture_assumption_text(enum capture_assumption assumption);
const char *capture_reason_text(enum capture_reason reason);

/* One packet of a file, which is good as long as nobody reads on. */
struct capture_packet {
    uint64_t number;      /* in the file, from 1 */
    tfsm_time time;       /* microseconds since 1970; never goes back within a file */
    const uint8_t *frame; /* as recorded, with its link header */
    size_t frame_size;
    size_t frame_wire; /* octets it had on the wire; at least frame_size */
    uint64_t recorded; /* nanoseconds since 1970, as recorded: they may go back */
    unsigned link;     /* the kind of its link header, as files number them (LINKTYPE_) */
    uint32_t snapshot; /* octets of a packet that were to be recorded at most */
    int source;        /* the descriptor that the file is read from */
    bool taken;        /* it is a segment; else: */
    enum capture_reason reason;
    /* of a segment, and with CAPTURE_BAD_CHECKSUM */
    struct tfsm_packet packet; /* as tfsm_parse() read it; of one that an offloading card was still
                                  to cut up, its whole length */
    unsigned assumed;          /* bits of enum capture_assumption */
    const uint8_t *octets;     /* from its IP header on, as recorded */
    size_t size;               /* octets of that, what the link appended included */
};

/* An IP packet as one of a file: octets and n what is there of it, wire how much there was. Number, time and
 * frame are the caller's. */
void capture_take(const uint8_t *octets, size_t n, size_t wire, struct capture_packet *packet);

/* Called for each packet; false ends the reading. */
typedef bool capture_seen(void *user, const struct capture_packet *packet);

/* Read a capture file packet by packet, in no more memory than one takes; what files, capture_read()
 * says.
 * error  when the answer is false, and it was not `seen` that ended it: what is wrong and, in
 *        parentheses, where */
bool capture_stream(const char *path, capture_seen *seen, void *user, char error[CAPTURE_ERROR]);

/* One TCP segment of a file. */
struct capture_segment {
    tfsm_time time;            /* microseconds since 1970; never goes back within a file */
    struct tfsm_packet packet; /* as tfsm_parse() read it; of one that an offloading card was still
                                  to cut up, its whole length */
    unsigned assumed;          /* bits of enum capture_assumption */
    size_t at;                 /* where its IP packet starts in capture.octets, as recorded */
    size_t size;               /* octets of it that are kept, without link padding */
    size_t connection;         /* index into capture.connections */
    size_t next;               /* the next segment of the same connection, or CAPTURE_NONE */
    unsigned sender;           /* which end of the connection sent it: 0 or 1 */
};

/* One incarnation of a connection. End 0 is who spoke first. */
struct capture_connection {
    struct tfsm_address address[2];
    uint16_t port[2];
    bool syn_seen[2]; /* a SYN of that end is in the file */
    uint32_t isn[2];  /* and its sequence number */
    size_t first;     /* its segments, linked by capture_segment.next */
    size_t last;
    size_t older; /* previous connection in the same hash bucket */
};

/* A file, read. */
struct capture {
    struct capture_segment *segments;
    size_t count;
    struct capture_connection *connections;
    size_t connection_count;
    uint8_t *octets;
    size_t octet_count;
    size_t packets;                      /* in the file, of any kind */
    size_t assumed[CAPTURE_ASSUMPTIONS]; /* segments, by what is assumed of them */
    size_t left[CAPTURE_REASONS];        /* packets that are left out, by reason */
};

/* Octets of text in a segment. */
uint32_t capture_text(const struct tfsm_segment *segment);

/* Read a whole capture file.
 * path     the file: pcap or pcapng of any byte order, packed by gzip or not; in pcapng each
 *          interface may be of another link type. The table of these is in link.c: Ethernet and Linux
 *          cooked (1 and 2), with tags of VLANs and switches, MPLS, PPPoE; raw IP, BSD loopback,
 *          802.11 (bare, radiotap, Prism, AVS, PPI), PPP and Cisco HDLC, SLIP, Frame Relay, ATM,
 *          Token Ring, FDDI, ARCNET, Fibre Channel, FireWire, InfiniBand, NFLOG, PFLOG, ENC, PKTAP
 * capture  written whole; free it with capture_free() whatever the answer
 * error    when the answer is false: what is wrong and, in parentheses, where
 * Packets that are not TCP, or not sound as IP or TCP, are counted and left out. What the recording
 * alone made unsound is assumed to be sound, and counted: checksums and lengths left to a network
 * card, and packets cut off behind the 20 octets of a TCP header. A file without any segment is an
 * error, and so is one that ends within a packet. */
bool capture_read(const char *path, struct capture *capture, char error[CAPTURE_ERROR]);

/* Give back what capture_read() took. A zeroed capture may be freed. */
void capture_free(struct capture *capture);

/* One thing that happens at an end: a user call, or a segment arriving. */
struct capture_step {
    struct tfsm_event ev; /* never TIMEOUT: when that comes is the core's own affair */
    size_t segment;       /* what arrives; for a call, the segment that tells of it */
};

/* One end of a connection, as a script for the core. */
struct capture_side {
    struct tfsm_config cfg; /* so that the core announces at least the windows that end announced */
    uint32_t iss;           /* of that end; 0 when it never sent a SYN */
    struct capture_step *steps;
    size_t count;
};

/* What came of reading a script off a connection. */
enum capture_side_result {
    CAPTURE_SIDE_OK,
    CAPTURE_SIDE_PARTIAL, /* the file does not show how the connection began */
    CAPTURE_SIDE_MEMORY   /* out of memory */
};

/* Whether the file shows how a connection began: else there is no script of it. */
bool capture_begins(const struct capture *capture, size_t connection);

/* Read off one end what its user did and what arrived there.
 * end   0 or 1
 * side  written whole; free it with capture_side_free() whatever the answer
 * OPEN is active where that end sends a SYN without ACK, passive where it only answers one, and
 * absent where it does neither. SEND comes with each octet sent for the first time, CLOSE with the
 * first FIN. RECEIVE takes as much as the windows announced say was taken. A RST from a
 * synchronized connection is ABORT. It comes when the RST is sent, if that bears an ACK or follows
 * our FIN (text for a user who is gone, RFC9293:3.6.1). Else the RST answers a segment that found
 * no connection any more, and ABORT comes before that one. Text on a SYN stands before the core's
 * own SYN, which never carries any: the ISS is the last sequence number of the SYN. */
enum capture_side_result capture_side(const struct capture *capture, size_t connection,
                                      unsigned end, struct capture_side *side);

/* Give back what capture_side() took. */
void capture_side_free(struct capture_side *side);

#define CAPTURE_PATH_MAX 32

/* What the core did in the place of an end. */
struct capture_replay {
    enum tfsm_state path[CAPTURE_PATH_MAX]; /* the states passed through, from CLOSED, those within
                                               one event too */
    size_t path_count;                      /* more than CAPTURE_PATH_MAX: the rest is not kept */
    enum tfsm_clause clause;                /* the first broken invariant, or TFSM_OK */
    size_t clause_segment;                  /* the segment after which it was */
    bool peer_sent;      /* the peer used sequence numbers while there was a connection */
    uint32_t peer_end;   /* after the last of them */
    bool acknowledged;   /* the core sent an ACK */
    uint32_t ack;        /* the greatest */
    struct tfsm_tcb tcb; /* what is left at the end */
};

/* Let the core take the place of one end: feed it the calls and the peer's segments at their times,
 * TIMEOUT where its own deadlines pass, and draw its output after each. What it sends is not on the
 * wire, so its timing may differ. */
void capture_replay(const struct capture_side *side, struct capture_replay *replay);

#endif
