/* What every unit test of the machine stands on: a connection that reached its state through events
 * alone, a peer whose segments are written as offsets, and expectations of one line each. Every
 * step and every output goes through here and is watched: tfsm_check() holds, an error or a refusal
 * changes nothing, no octet is handed out twice, what we acknowledge was delivered, what we send
 * keeps its sequence numbers, and the right edge we announce never recedes.
 *
 * Segments from the peer are offsets from RCV.NXT and SND.UNA (from IRS and ISS while there is no
 * connection); segments from us are offsets from ISS and IRS, so that nothing the machine believes
 * of itself is used to judge what it puts on the wire. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "seq.h"
#include "tfsm.h"
#include "tfsm_table.h"

#define SECOND      ((tfsm_time)1000000)
#define MSS         1000u  /* of both sides */
#define BUFF        10000u /* receive and send buffer, hence our window */
#define PEER_WND    5000u  /* the peer's window */
#define RETRIES     4u     /* R2 for data */
#define SYN_RETRIES 3u     /* R2 for SYN */
#define RTO         (1 * SECOND)
#define RTO_MAX     (8 * SECOND)
#define MSL         (30 * SECOND)
#define PLAIN                                                                                      \
    ((uint32_t)TFSM_NODELAY) /* the profile without RFC 5961; Nagle's algorithm has its own tests  \
                              */
#define PROFILE      (PLAIN | TFSM_RFC5961)
#define LIMIT        3u /* replies to dataless unacceptable segments */
#define LIMIT_EVERY  (5 * SECOND)
#define WATCH_OCTETS 65536u /* so much of the peer's stream is watched octet by octet */
#define ROOM_MOST    256    /* ranges that give_room() can give */

struct fixture {
    union {
        TFSM_ROOMY_TCB(ROOM_MOST);                      /* tcb, and octets from its first one on */
        uint8_t guarded[TFSM_TCB_SIZE(ROOM_MOST) + 64]; /* what is not the TCB's nobody may write */
    };
    struct tfsm_config cfg;
    struct tfsm_effects fx; /* of the last step */
    tfsm_time now;
    uint32_t iss;                /* the number we use whenever an event may select one */
    uint32_t irs;                /* the peer's */
    struct tfsm_segment peer;    /* template: the peer's window, and the options of its SYN */
    struct tfsm_segment arrived; /* the last segment from the peer */
    union {
        struct tfsm_tcb before; /* the TCB before the last step, and what was behind it */
        uint8_t before_octets[TFSM_TCB_SIZE(ROOM_MOST)];
    };
    /* the watch */
    uint64_t readable;            /* octets delivered */
    bool peer_closed;             /* the peer's FIN was told */
    bool sent_any;                /* sent is known */
    bool sent_fin;                /* fin is known */
    bool edge_known;              /* edge is known */
    uint32_t sent;                /* after the last sequence number sent */
    uint32_t fin;                 /* sequence number of our FIN */
    uint32_t edge;                /* the greatest right edge announced */
    uint8_t copied[WATCH_OCTETS]; /* octets of the peer's stream handed to us */
    const char *file;             /* the line of the test that is running */
    int line;
};

/* A segment from the peer. */
struct from_peer {
    uint8_t flags;
    int64_t seq;   /* SEG.SEQ - RCV.NXT */
    int64_t ack;   /* SEG.ACK - SND.UNA */
    uint32_t text; /* octets of text; SEG.LEN follows from it and the flags */
    uint16_t up;
    uint8_t security;
};

/* A segment from us. PSH is not compared. */
struct from_us {
    uint8_t flags;
    int64_t seq; /* SEG.SEQ - ISS */
    int64_t ack; /* SEG.ACK - IRS, compared with ACK only */
    uint32_t len;
};

/* From now on every fresh() connection has room for so many ranges (tfsm_make_room()). */
void give_room(unsigned ranges);

/* A connection in each state. fresh() may be followed by changes of cfg, iss, irs, now and peer,
 * and then by reach_*(). The argument is cmocka's. */
struct fixture *fresh(void **state);
void reach_listen(struct fixture *f);
void reach_syn_sent(struct fixture *f);
void reach_syn_received(struct fixture *f);        /* opened passively */
void reach_syn_received_active(struct fixture *f); /* simultaneous open */
void reach_established(struct fixture *f);         /* opened actively */
void reach_established_passive(struct fixture *f);
void reach_fin_wait_1(struct fixture *f);
void reach_fin_wait_2(struct fixture *f);
void reach_close_wait(struct fixture *f);
void reach_closing(struct fixture *f);
void reach_last_ack(struct fixture *f);
void reach_time_wait(struct fixture *f);
void reach(struct fixture *f, enum tfsm_state state);

struct fixture *in_closed(void **state);
struct fixture *in_listen(void **state);
struct fixture *in_syn_sent(void **state);
struct fixture *in_syn_received(void **state);
struct fixture *in_syn_received_active(void **state);
struct fixture *in_established(void **state);
struct fixture *in_fin_wait_1(void **state);
struct fixture *in_fin_wait_2(void **state);
struct fixture *in_close_wait(void **state);
struct fixture *in_closing(void **state);
struct fixture *in_last_ack(void **state);
struct fixture *in_time_wait(void **state);
/* The same state without RFC 5961. */
struct fixture *in_plain(void **state, enum tfsm_state which);

/* Events. The wrappers of user calls demand TFSM_DONE; call() hands the result back. */
#define HERE(f)      fixture_here((f), __FILE__, __LINE__)
#define call(f, ...) fixture_step(HERE(f), &(struct tfsm_event){__VA_ARGS__})
#define user_send(f, n)                                                                            \
    fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_SEND, .len = (n)})
#define user_urgent(f, n)                                                                          \
    fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_SEND, .len = (n), .urgent = true})
#define user_receive(f, n)                                                                         \
    fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_RECEIVE, .len = (n)})
#define user_close(f)          fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_CLOSE})
#define user_abort(f)          fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_ABORT})
#define open_active(f)         fixture_open(HERE(f), true, true)
#define open_passive(f)        fixture_open(HERE(f), false, false)
#define open_passive_remote(f) fixture_open(HERE(f), false, true)
#define arrive(f, ...)         fixture_arrive(HERE(f), (struct from_peer){__VA_ARGS__})
/* Let time pass, then feed TIMEOUT. */
#define after(f, time) fixture_after(HERE(f), (time))
/* Go to the next deadline, which must exist, and feed TIMEOUT there. */
#define expire(f) fixture_expire(HERE(f))

/* Expectations. */
#define expect_state(f, want)   fixture_expect_state(HERE(f), (want))
#define expect_signals(f, want) fixture_expect_signals(HERE(f), (want))
/* The next segment out, which is also returned. */
#define expect_segment(f, ...) fixture_expect_segment(HERE(f), (struct from_us){__VA_ARGS__})
#define expect_nothing(f)      fixture_expect_nothing(HERE(f))
/* Exactly one segment: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>. */
#define expect_ack(f) fixture_expect_ack(HERE(f))
/* Exactly one segment: the reset that RFC 9293 3.5.2 gives in answer to the last arrival. */
#define expect_reset_reply(f) fixture_expect_reset_reply(HERE(f))
/* The last arrival was refused: nothing changed but debts and the reply limiter, nothing was told.
 */
#define expect_refused(f) fixture_expect_refused(HERE(f))
/* The last step changed nothing whatever. */
#define expect_unchanged(f) fixture_expect_unchanged(HERE(f))
/* Refused and answered with one ACK; refused in silence; refused and answered with a reset. */
#define expect_challenged(f) (expect_refused(f), expect_ack(f))
#define expect_ignored(f)    (expect_refused(f), expect_unchanged(f), expect_nothing(f))
#define expect_rejected(f)   (expect_refused(f), expect_reset_reply(f))
/* The connection is gone: CLOSED, with this signal, nothing armed, nothing left behind. */
#define expect_gone(f, signal) fixture_expect_gone(HERE(f), (signal))
#define expect_delivered(f, n) fixture_expect_delivered(HERE(f), (n))
/* A piece of text to be copied: its offset in the stream, where it is in the segment, its length.
 */
#define expect_text(f, i, offset, at, len) fixture_expect_text(HERE(f), (i), (offset), (at), (len))
#define expect_deadline(f, time)           fixture_expect_deadline(HERE(f), (time))

struct fixture *fixture_here(struct fixture *f, const char *file, int line);
enum tfsm_result fixture_step(struct fixture *f, const struct tfsm_event *event);
void fixture_done(struct fixture *f, const struct tfsm_event *event);
void fixture_open(struct fixture *f, bool active, bool remote);
void fixture_arrive(struct fixture *f, struct from_peer what);
void fixture_after(struct fixture *f, tfsm_time time);
void fixture_expire(struct fixture *f);
/* One segment as it is. */
void arrive_segment(struct fixture *f, const struct tfsm_segment *segment);
/* A segment from its description, for a test that changes more of it. */
struct tfsm_segment segment_of(const struct fixture *f, struct from_peer what);

/* Take the next segment, watched. */
bool take(struct fixture *f, struct tfsm_segment *out);
/* Take all there is, watched; returns how many, of which the first `room` are stored. */
size_t drain(struct fixture *f, struct tfsm_segment *out, size_t room);

void fixture_expect_state(struct fixture *f, enum tfsm_state want);
void fixture_expect_signals(struct fixture *f, unsigned want);
struct tfsm_segment fixture_expect_segment(struct fixture *f, struct from_us want);
void fixture_expect_nothing(struct fixture *f);
void fixture_expect_ack(struct fixture *f);
void fixture_expect_reset_reply(struct fixture *f);
void fixture_expect_refused(struct fixture *f);
void fixture_expect_unchanged(struct fixture *f);
void fixture_expect_gone(struct fixture *f, unsigned signal);
void fixture_expect_delivered(struct fixture *f, uint32_t n);
void fixture_expect_text(struct fixture *f, size_t i, uint64_t offset, uint32_t at, uint32_t len);
void fixture_expect_deadline(struct fixture *f, tfsm_time want);

/* SND.NXT - SND.UNA */
uint32_t in_flight(const struct fixture *f);
/* What we announced last: the offset from RCV.NXT of the first octet that is not welcome. */
int64_t right_edge(const struct fixture *f);

/* What all synchronized states do alike, to be called in each. The fixture is in its state; "plain"
 * is for one without RFC 5961. */
void same_rst_exact_ends(struct fixture *f, unsigned signal);
void same_rst_exact_with_anything_ends(struct fixture *f, unsigned signal);
void same_rst_in_window_is_challenged(struct fixture *f);
void same_rst_outside_is_dropped(struct fixture *f);
void same_plain_rst_in_window_ends(struct fixture *f, unsigned signal);
void same_rst_in_window_comes_before_security(struct fixture *f);
void same_wrong_security_resets(struct fixture *f);
void same_wrong_security_without_ack_resets(struct fixture *f);
void same_wrong_security_outside_is_acknowledged(struct fixture *f);
void same_syn_in_window_is_challenged(struct fixture *f);
void same_syn_outside_is_acknowledged(struct fixture *f);
void same_plain_syn_in_window_resets(struct fixture *f);
void same_plain_syn_ack_in_window_resets(struct fixture *f);
void same_ack_missing_is_dropped(struct fixture *f);
void same_ack_beyond_snd_nxt_is_acknowledged(struct fixture *f);
void same_ack_before_iss_is_acknowledged(struct fixture *f);
void same_text_outside_is_acknowledged(struct fixture *f);
void same_dataless_outside_is_acknowledged(struct fixture *f);
void same_only_an_ack_is_taken_at_the_right_edge(struct fixture *f);
void same_dataless_replies_are_limited(struct fixture *f);
void same_data_replies_are_not_limited(struct fixture *f);

#endif
