/* A sender on a path whose round trip takes R, with a peer that tells what has come: what the tests of RACK-TLP (RFC
 * 8985) and PRR (RFC 6937) share. Octets of our stream are counted from 0: SEG.ACK n acknowledges n of them, a block
 * {l, r} tells of the octets l .. r-1, and one below SEG.ACK that comes first is a D-SACK. Text goes in segments of a
 * thousand octets where nothing else is said. Times are told from the moment the connection was open, and nothing moves
 * beyond a deadline unseen.
 *
 * The machine keeps the time at which something was sent in a grain of its own and a little late, by less than GRAIN
 * where all round trips take R. What is lost and what shows it both are, so that it finds a loss up to LATE after the
 * moment that RFC 8985 says; never before it. */
#ifndef RECOVERING_H
#define RECOVERING_H

#include "fixture.h"

#define MS            ((tfsm_time)1000)
#define R             (80 * MS)
#define QUARTER       (R / 4)           /* the reordering window until it grows */
#define GRAIN         ((tfsm_time)8192) /* the power of two below R / 8 */
#define LATE          (2 * GRAIN)       /* less than QUARTER, so that windows can be told apart */
#define MAX_ACK_DELAY (200 * MS)        /* TLP.max_ack_delay */
#define WIDE          60000u            /* the peer's window */
#define RACKED        ((uint32_t)(TFSM_SACK | TFSM_CONGESTION | TFSM_RACK))

struct block {
    uint32_t left;
    uint32_t right;
};

/* An ACK with these blocks; without any. */
#define sacked(f, ack, ...)                                                                        \
    ack_comes(HERE(f), (ack), (const struct block[]){__VA_ARGS__, {0, 0}}, 0)
#define acked(f, ack) ack_comes(HERE(f), (ack), (const struct block[]){{0, 0}}, 0)
/* One that bears text, so that it is no duplicate. */
#define acked_with_text(f, ack) ack_comes(HERE(f), (ack), (const struct block[]){{0, 0}}, 10)
/* The next segment out bears these octets of our stream. */
#define expect_sent(f, at, n)                                                                      \
    fixture_expect_segment(                                                                        \
        HERE(f), (struct from_us){TFSM_ACK, 1 + (int64_t)(at), 1 + (int64_t)(f)->readable, (n)})
#define expect_recovery(f)    want_recovery(HERE(f), true)
#define expect_no_recovery(f) want_recovery(HERE(f), false)
/* So many octets wait that are taken for lost. */
#define expect_lost(f, n) want_lost(HERE(f), (n))
/* The next deadline is at this time, or later by less than LATE. */
#define expect_due(f, time) want_due(HERE(f), (time))
/* It is so long after this moment; after the opening. */
#define in_a(f, time) want_passable(HERE(f), (f)->now + (time))
#define at(f, time)   want_passable(HERE(f), zero + (time))
#define burst(f, n)   send_burst(HERE(f), (n))

static tfsm_time zero; /* when the connection was open */

static inline uint32_t una(const struct fixture *f)
{
    return seq_distance(f->iss, f->tcb.snd_una) - 1;
}

static inline void complain(const struct fixture *f, const char *what, uint64_t got, uint64_t want)
{
    print_error("%s: %llu, not %llu\n", what, (unsigned long long)got, (unsigned long long)want);
    _fail(f->file, f->line);
}

static inline void want_recovery(const struct fixture *f, bool want)
{
    if (((f->tcb.flags & TFSM_M_RECOVERY) != 0) != want) {
        complain(f, "fast recovery", !want, want);
    }
}

static inline void want_lost(const struct fixture *f, uint32_t octets)
{
    if (f->tcb.snd_lost != octets) {
        complain(f, "octets that wait as lost", f->tcb.snd_lost, octets);
    }
}

static inline void want_due(const struct fixture *f, tfsm_time time)
{
    tfsm_time due = tfsm_deadline(&f->tcb);
    if (due < time || due >= time + LATE) {
        complain(f, "deadline after the opening", due - zero, time - zero);
    }
}

static inline void want_passable(struct fixture *f, tfsm_time time)
{
    if (tfsm_deadline(&f->tcb) < time) {
        complain(f, "a deadline passes, after the opening", tfsm_deadline(&f->tcb) - zero,
                 time - zero);
    }
    f->now = time;
}

static inline struct tfsm_segment an_ack(const struct fixture *f, uint32_t ack,
                                         const struct block *blocks, uint32_t text)
{
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_ACK, .text = text});
    uint32_t first = seq_add(f->iss, 1);
    s.ack = seq_add(first, ack);
    while (s.sacks < TFSM_SACK_MAX && (blocks->left != 0 || blocks->right != 0)) {
        s.sack[s.sacks].left = seq_add(first, blocks->left);
        s.sack[s.sacks].right = seq_add(first, blocks->right);
        s.sacks++;
        blocks++;
    }
    s.options = s.sacks > 0 ? TFSM_OPT_SACK : 0;
    return s;
}

static inline void ack_comes(struct fixture *f, uint32_t ack, const struct block *blocks,
                             uint32_t text)
{
    struct tfsm_segment s = an_ack(f, ack, blocks, text);
    arrive_segment(f, &s);
}

/* ---- connections ---- */

/* Both sides offer SACK, and losses are told by time. */
static inline struct fixture *offering(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= RACKED;
    f->cfg.snd_buff = 20 * BUFF;
    f->cfg.initial_window = 10;
    f->peer.options |= TFSM_OPT_SACK_PERMITTED;
    f->peer.wnd = WIDE;
    return f;
}

/* The SYN is answered after a round trip. */
static inline void reach_timed(struct fixture *f)
{
    reach_syn_sent(f);
    f->now += R;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    zero = f->now;
}

static inline struct fixture *timed(void **state)
{
    struct fixture *f = offering(state);
    reach_timed(f);
    return f;
}

/* So many segments leave together. */
static inline void send_burst(struct fixture *f, uint32_t n)
{
    struct tfsm_segment s;
    user_send(f, n * MSS);
    size_t out = drain(f, &s, 1);
    if (out != n) {
        complain(f, "segments sent", out, n);
    }
}

#endif
