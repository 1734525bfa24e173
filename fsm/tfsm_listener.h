/* The passive side at scale: one listening socket with a bounded SYN queue, a bounded accept queue,
 * SYN cookies (RFC 4987 3.6) and the server's side of Fast Open (RFC 7413).
 *
 * A connection that is half open is an entry of the SYN queue, a fraction of a TCB, until the third
 * segment comes; only then is there a TCB, and with it a place in the accept queue. An entry is a
 * TCB in SYN-RECEIVED with everything left out that such a TCB cannot vary in: for each event it is
 * unfolded, fed to tfsm_step() and folded again, so that the rules of SYN-RECEIVED are those of the
 * one table. A SYN cookie goes one step further and leaves the entry itself to the client.
 *
 * As the rest of the machine this has no clock, no randomness and no memory but what the caller
 * gives: an array of entries, an array for the accept queue, the time, secrets. Calls are bounded:
 * none costs more than the logarithm of the SYN queue, but for tfsm_listener_close() and
 * tfsm_listener_check(), which walk it. Pointers must not be null unless it is said.
 *
 * The embedder finds the connection of a segment first; what no connection claims goes to the
 * listener of its destination:
 *
 *     tfsm_listener_segment()   a segment, and the place where a connection may be made
 *     tfsm_listener_icmp()      an ICMP error that quotes a segment of no connection
 *     tfsm_listener_timeout()   at tfsm_listener_deadline()
 *     tfsm_listener_output()    until it returns false
 *     tfsm_listener_accept()    the next connection for the user */
#ifndef TFSM_LISTENER_H
#define TFSM_LISTENER_H

#include "tfsm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* When SYNs are answered with cookies. A cookie carries an MSS of eight classes; window scale, SACK
 * and ECN only where the client has timestamps. */
enum tfsm_cookies {
    TFSM_COOKIES_NEVER,     /* a SYN that finds the queue full is dropped, or puts out the oldest */
    TFSM_COOKIES_WHEN_FULL, /* when the SYN queue is full */
    TFSM_COOKIES_ALWAYS /* every SYN but those that Fast Open takes and those that come in TIME-WAIT:
                               no other entries */
};

/* What becomes of a third segment that finds no room: the accept queue is full, or there is no seat. */
enum tfsm_overflow {
    TFSM_OVERFLOW_DROP, /* nothing: the SYN-ACK or the client's text comes again, and another try
                           with it. While cookies are out no ACK is answered then: it may be such text */
    TFSM_OVERFLOW_RESET /* the client is told: RST */
};

/* What can be chosen, and changed at any time. */
struct tfsm_listener_policy {
    uint8_t cookies;    /* enum tfsm_cookies */
    uint8_t overflow;   /* enum tfsm_overflow */
    bool recycle;       /* with TFSM_COOKIES_NEVER: a SYN that finds the queue full puts out its
                           oldest entry (RFC4987:3.4) */
    uint32_t fast_open; /* connections opened by Fast Open whose handshake is not through, at most
                           (RFC7413:5.1); 0, or a build without it: Fast Open is off */
    uint8_t syn_ack_retries; /* SYN-ACKs sent again before an entry is given up; takes the place of
                                tfsm_config.syn_retries, which is for our own SYNs (RFC9293:MUST-23)
                                and for connections that Fast Open brought */
    /* What a segment makes an entry say is the answer of that arrival, which costs less, and does not
     * stand in line for tfsm_listener_output(): for who can send it there and then. What time and ICMP
     * make it say stands in line, and so does what a RST of the same arrival goes before. */
    bool at_once;
};

/* Cookies when the queue is full, third segments dropped when the accept queue is, no Fast Open, 7
 * SYN-ACKs sent again: with a first timeout of one second an entry lives 183 seconds at most
 * (RFC9293:MUST-23). */
struct tfsm_listener_policy tfsm_listener_policy_default(void);

/* One half-open connection. Embedders provide room for it and never look inside. Where there may be none,
 * numbers of entries are one more than the index, so that zeroed memory is an empty queue. */
struct tfsm_entry {
    uint8_t local[16];
    uint8_t remote[16];
    uint16_t remote_port;
    uint8_t family;  /* 4 or 6; 0: not in use */
    uint8_t owed;    /* enum tfsm_debt: OWE_SYN, OWE_RTX, OWE_ACK */
    uint8_t wscales; /* the peer's in the low four bits, ours in the others */
    uint8_t tries;
    uint8_t cookie_len; /* of Fast Open */
    bool cookie;        /* the ISN is a SYN cookie, and what was agreed is what that can carry */
    uint8_t challenges[TFSM_REPLY_CLASSES];
    uint16_t snd_mss;
    uint16_t snd_wnd; /* of the SYN: not scaled */
    uint16_t rcv_wnd;
    uint16_t uto_peer;
    uint16_t uto_sent;
    uint32_t flags; /* enum tfsm_memory */
    uint32_t iss;
    uint32_t irs;
    uint32_t ts_recent;
    uint32_t ts_offset;
    tfsm_time opened;   /* when the SYN came */
    tfsm_time rtt_from; /* when the SYN-ACK went out first */
    tfsm_time at_rtx;
    tfsm_time due; /* tfsm_deadline() of the TCB */
    tfsm_time challenge_until;
    uint32_t bucket; /* of the hash table whose cells these are: the first entry in it */
    uint32_t home;   /* the bucket of this entry */
    uint32_t chain;  /* the next entry of the same bucket, or of what is free */
    uint32_t heap;   /* of the heap of deadlines whose cells these are: the index of an entry */
    uint32_t place;  /* the index of where this entry stands in the heap */
    uint32_t older;  /* in the order of their SYNs */
    uint32_t newer;
    uint32_t before; /* in line for output */
    uint32_t after;
};

/* A SYN cookie that has made a connection. Embedders provide room and never look inside. */
struct tfsm_spent {
    uint32_t mark;
    uint32_t period; /* and one; 0: not in use */
};

/* What happened, all told; never reset. Name, what it counts. The first group is SYNs that belong
 * to no entry and what became of them; it adds up to SYN. The second is entries and what became of
 * them; with those there are it adds up to ENTRY. */
#define TFSM_LISTENER_COUNTERS(X)                                                                  \
    X(SYN, "SYNs for a connection that is not half open")                                          \
    X(ENTRY, "SYNs taken into the SYN queue")                                                      \
    X(COOKIE_SENT, "SYNs answered with a cookie")                                                  \
    X(EARLY, "SYNs that opened a connection by Fast Open")                                         \
    X(SYN_QUEUE_FULL, "SYNs dropped: the SYN queue is full")                                       \
    X(SYN_ACCEPT_FULL, "SYNs dropped: the accept queue is full")                                   \
    X(SYN_NO_SEAT, "SYNs dropped: the embedder has no room for a connection")                      \
    X(SYN_REFUSED, "SYNs refused with a RST: security label")                                      \
    X(ESTABLISHED, "entries that became a connection")                                             \
    X(ENTRY_RESET, "entries removed by a RST")                                                     \
    X(ENTRY_SYN, "entries removed by another SYN within the window")                               \
    X(ENTRY_TIMED_OUT, "entries given up: no third segment came")                                  \
    X(ENTRY_UNREACHABLE, "entries removed by an ICMP error")                                       \
    X(ENTRY_RECYCLED, "entries put out by a newer SYN")                                            \
    X(ENTRY_OVERFLOW, "entries reset: there was no room for the connection")                       \
    X(ENTRY_COOKIE, "entries whose client came with a cookie that was sent before")                \
    X(ENTRY_CLOSED, "entries reset: the listener closed")                                          \
    X(ACK_ACCEPT_FULL, "third segments, and what may be their text, without an accept queue")      \
    X(ACK_NO_SEAT, "the same, without room of the embedder")                                       \
    X(COOKIE_GOOD, "cookies that came back and became a connection")                               \
    X(ACK_UNEXPECTED, "ACKs of no half-open connection, answered with a RST")                      \
    X(COOKIE_BAD, "of these: while a cookie could have come back")                                 \
    X(RST_UNEXPECTED, "RSTs for no half-open connection, ignored")                                 \
    X(OTHER, "segments without SYN, ACK and RST, ignored")                                         \
    X(REFUSED, "segments that a half-open connection refused: bad ACK, out of window")             \
    X(FAST_OPEN_ASKED, "Fast Open cookies asked for and handed out")                               \
    X(FAST_OPEN_BAD, "SYNs with a bad Fast Open cookie: an ordinary handshake, and a new cookie")  \
    X(FAST_OPEN_LIMIT,                                                                             \
      "SYNs with a good one beyond the limit, or in TIME-WAIT: an ordinary handshake")             \
    X(ACCEPTED, "connections handed to the user")

enum tfsm_listener_counter {
#define TFSM_X(name, text) TFSM_COUNT_##name,
    TFSM_LISTENER_COUNTERS(TFSM_X)
#undef TFSM_X
        TFSM_LISTENER_COUNTS
};

/* One listening socket. Embedders may change policy and read counters, and nothing else. */
struct tfsm_listener {
    struct tfsm_listener_policy policy;
    uint64_t counters[TFSM_LISTENER_COUNTS]; /* enum tfsm_listener_counter */
    struct tfsm_entry *entries;              /* the SYN queue */
    uint32_t entry_most;
    uint32_t entry_count;
    uint64_t *waiting; /* the accept queue: a ring */
    uint32_t waiting_most;
    uint32_t waiting_count;
    uint32_t waiting_first;
    struct tfsm_spent *spent; /* cookies that were spent */
    uint32_t spent_most;
    struct tfsm_tcb *work; /* the TCB that a segment, or time, meets */
    uint16_t port;
    uint8_t security; /* label of the connections */
    bool closing;
    uint8_t isn_key[16];         /* of the host: tfsm_isn() */
    uint8_t hash_key[16];        /* of the hash table, derived */
    uint8_t secret[3][16];       /* of SYN cookies: before, now, from the next period on */
    uint64_t secret_from;        /* the period from which on secret[2] holds */
    uint64_t secret_before_from; /* and secret[1] */
    uint8_t fast_secret[2][16];  /* of Fast Open: now and before */
    tfsm_time cookies_until;     /* until when a SYN cookie may come back; 0: none is out */
    uint32_t early;              /* Fast Opens whose handshake is not through */
    uint32_t early_reset[2];     /* those that were reset, in this interval and the one before */
    tfsm_time early_reset_until; /* end of this interval */
    uint32_t free_entries;       /* first, chained */
    uint32_t used_entries;       /* entries from here on were never used; the others are in the heap */
    uint32_t oldest;
    uint32_t newest;
    uint32_t line_first; /* in line for output */
    uint32_t line_last;
};

/* What a listener starts from. */
struct tfsm_listening {
    struct tfsm_entry *entries; /* zeroed; theirs is the listener's from now on */
    uint32_t entry_count;       /* the backlog of half-open connections; 0 with cookies only */
    uint64_t *waiting;          /* the accept queue */
    uint32_t waiting_count;     /* the backlog of listen(2): at least 1 */
    /* zeroed; SYN cookies that made a connection in the last two periods */
    struct tfsm_spent *spent;
    /* twice as many as are to be remembered: of neighbours the oldest makes room. The third
     * segment of one that is forgotten, come again once the connection is gone, would make
     * another; 0: each would */
    uint32_t spent_count;
    struct tfsm_tcb
        *work; /* room to work in, so that stacks are small: one for all listeners of a thread */
    uint16_t port; /* the local port, 1..65535 */
    uint8_t security;
    uint8_t isn_key[16]; /* the host's: tfsm_isn() */
    uint8_t secret[16];  /* of this listener's SYN cookies, from the embedder's entropy */
    /* of its Fast Open cookies: clients keep one for all listeners of an address, so these
     * should share it (RFC7413:4.1.3) */
    uint8_t fast_open_secret[16];
    struct tfsm_listener_policy policy;
};

#define TFSM_ENTRIES_MOST 0x1000000u

/* Start to listen. Returns false, and leaves *listener alone, when port or accept queue is 0, there
 * are more than TFSM_ENTRIES_MOST entries, no entries and no cookies, or no room to work in. */
bool tfsm_listener_open(struct tfsm_listener *listener, const struct tfsm_listening *listening);

/* Where a connection may be made, if the segment brings one about. */
struct tfsm_seat {
    struct tfsm_tcb *tcb; /* written only with TFSM_ARRIVAL_CONNECTION */
    uint64_t id;          /* what tfsm_listener_accept() is to say of it */
};

enum tfsm_arrival_kind {
    TFSM_ARRIVAL_TAKEN,   /* dealt with */
    TFSM_ARRIVAL_INVALID, /* no segment at all, see TFSM_E_INVALID; families that differ or are not 4
                               or 6; or the listener is closing */
    TFSM_ARRIVAL_CONNECTION /* and the seat holds a connection, which waits to be accepted: carry out
                               the effects with the text of the segment, and let later segments of
                               these addresses and ports go to it */
};

/* What a segment comes to. */
struct tfsm_arrival {
    enum tfsm_arrival_kind kind;
    bool answers; /* there is an answer: send it now or lose it */
    /* with that: a RST, a SYN-ACK with a cookie, and with policy.at_once what an entry has to say; hops and
     * traffic_class are the embedder's to fill in. Else there may be anything */
    struct tfsm_packet answer;
    uint32_t
        entry; /* whose answer it is: for tfsm_listener_stands(); 0: nobody's that is remembered */
    /* of the TCB that the segment met, whether it was kept or not; all zero where it met none. To
     * be carried out with TFSM_ARRIVAL_CONNECTION; then TFSM_SIG_EARLY says that it is a Fast Open:
     * see tfsm_listener_early_over() */
    struct tfsm_effects effects;
};

/* A segment that no connection claims.
 * cfg        policy of the connections
 * packet     its destination is this listener's
 * now        microseconds
 * seat       null: there is no room for one more connection, and SYNs are dropped, too
 * iss_after  null; or there is a connection in TIME-WAIT between the same two ends, and the ISN must come
 *            after this, its last number (fx->iss_after of a TFSM_V_REOPEN): a SYN gets an entry, and
 *            neither a cookie nor a Fast Open, so that nothing of the old connection is lost before the
 *            third segment. With TFSM_ARRIVAL_CONNECTION it is to be aborted (RFC9293:MAY-2b)
 * out        written whole, but for an answer that there is not. Nothing that is read may lie in it
 * The same SYN gets the same ISN again while its entry is there; from the first cookie that is sent
 * until the last one is no longer good, within one period of their clock (67 s), whether there is an
 * entry or not, and whatever becomes of the policy; and all that time the SYN-ACK agrees to no more
 * than a cookie can carry. In quiet times entries get an ISN by the clock.
 * A client that was sent a cookie must show it with the first octet of its text, or before: where that
 * is lost, what follows is reset. So it is when the profile or rcv_buff changed in between.
 * Source: RFC 9293 3.10.7.2, 3.10.7.4; RFC 4987 3.6; RFC 7413 4.2.2. */
void tfsm_listener_segment(struct tfsm_listener *listener, const struct tfsm_config *cfg,
                           const struct tfsm_packet *packet, tfsm_time now,
                           const struct tfsm_seat *seat, const uint32_t *iss_after,
                           struct tfsm_arrival *out);

/* A SYN with iss_after would get an entry. To be asked before a SYN is fed to a connection in
 * TIME-WAIT. */
bool tfsm_listener_has_room(const struct tfsm_listener *listener);

/* A segment for a connection in TIME-WAIT: whether it is for the entry of its next incarnation rather
 * (tfsm_is_for_next()). False where there is no such entry.
 * waiting, waiting_cfg  the connection in TIME-WAIT; not the TCB to work in, which is written over */
bool tfsm_listener_claims(const struct tfsm_listener *listener, const struct tfsm_config *cfg,
                          const struct tfsm_packet *packet, tfsm_time now,
                          const struct tfsm_tcb *waiting, const struct tfsm_config *waiting_cfg);

/* An ICMP error about a segment of no connection. Returns false when it is about no entry either;
 * else *fx is written. */
bool tfsm_listener_icmp(struct tfsm_listener *listener, const struct tfsm_config *cfg,
                        const struct tfsm_icmp_message *message, tfsm_time now,
                        struct tfsm_effects *fx);

/* When tfsm_listener_timeout() has something to do, or TFSM_NEVER. */
tfsm_time tfsm_listener_deadline(const struct tfsm_listener *listener);

/* Time passes, for the entry that is due first, of several any: its SYN-ACK is owed again, with
 * back-off, or it is given up (RFC9293:MUST-20, RFC9293:MUST-23). To be called until it returns false:
 * nothing is due, and *fx is not written. */
bool tfsm_listener_timeout(struct tfsm_listener *listener, const struct tfsm_config *cfg,
                           tfsm_time now, struct tfsm_effects *fx);

/* Take the next packet that an entry owes. Returns false when there is none; then *out is not
 * written. hops and traffic_class are the embedder's to fill in. */
bool tfsm_listener_output(struct tfsm_listener *listener, const struct tfsm_config *cfg,
                          tfsm_time now, struct tfsm_packet *out);

/* Entries are in line for output. */
bool tfsm_listener_owes(const struct tfsm_listener *listener);

/* The oldest connection that waits to be accepted: writes its id. False when none waits. */
bool tfsm_listener_accept(struct tfsm_listener *listener, uint64_t *id);

/* A connection that came with TFSM_SIG_EARLY has told TFSM_SIG_CONNECTED, or has ended: to be said
 * once of each. reset: a segment ended it with TFSM_SIG_RESET, without TFSM_SIG_CONNECTED; those go on to count against the limit for a
 * while, or spoofed SYNs with a cookie and the RSTs they cause would empty it (RFC7413:5.1). */
void tfsm_listener_early_over(struct tfsm_listener *listener, bool reset, tfsm_time now);

/* Stop listening: every entry owes a RST, tfsm_listener_output() hands them out. What waits in the
 * accept queue is the embedder's to abort: tfsm_listener_accept() until it says false. From now on
 * no segment may be fed. */
void tfsm_listener_close(struct tfsm_listener *listener);

/* A listener that was closed: its entry for the other end of a packet that comes in goes without the
 * RST it owes. To be called when that end begins anew with another listener of the same address and
 * port: the ISN may be the same, if its clock has not ticked in between, and then the RST would end the
 * new connection. Returns whether there was an entry; false, and nothing changes, before
 * tfsm_listener_close(). */
bool tfsm_listener_forget(struct tfsm_listener *listener, const struct tfsm_packet *packet);

/* Another secret for SYN cookies: it holds from the next period of their clock on. Cookies on their
 * way stay good for as long as they would have been. */
void tfsm_listener_rotate(struct tfsm_listener *listener, const uint8_t secret[16], tfsm_time now);

/* Another secret for Fast Open cookies, from now on. Cookies made with the one before stay good
 * until the next call (RFC7413:4.1.2). */
void tfsm_listener_rotate_fast_open(struct tfsm_listener *listener, const uint8_t secret[16]);

/* ---- looking in ---- */

/* The TCB that a segment would meet: what an entry stands for, what a cookie brings back, else one in
 * LISTEN. Returns whether it is an entry's. */
bool tfsm_listener_peek(const struct tfsm_listener *listener, const struct tfsm_config *cfg,
                        const struct tfsm_packet *packet, tfsm_time now, struct tfsm_tcb *out);

/* Whether what an arrival answered still stands, where it did not go out there and then: the entry that
 * said it is there yet, and of the same ISN.
 * entry, answer  tfsm_arrival.entry, not 0, and the segment */
bool tfsm_listener_stands(const struct tfsm_listener *listener, uint32_t entry,
                          const struct tfsm_segment *answer);

/* There is an entry for the other end of a packet that comes in. */
bool tfsm_listener_holds(const struct tfsm_listener *listener, const struct tfsm_packet *packet);

/* What is wrong with the listener's books, or null: for tests and fuzzers. */
const char *tfsm_listener_check(const struct tfsm_listener *listener,
                                const struct tfsm_config *cfg);

const char *tfsm_listener_counter_name(enum tfsm_listener_counter counter); /* "SYN_QUEUE_FULL" */
const char *tfsm_listener_counter_text(enum tfsm_listener_counter counter);

#ifdef __cplusplus
}
#endif

#endif
