/* A SYN that comes in TIME-WAIT (RFC 6191 2, RFC9293:MAY-2): which one is for a listener, which is
 * challenged, after which number the next incarnation must start, and whose a segment is while that is
 * half open. SEG.SEQ is an offset from RCV.NXT: the old FIN is at -1. */
#include "fixture.h"

#define PEER_TS 70000u /* TSval of everything the peer sent before */
#define MS      (SECOND / 1000)

/* ---- TIME-WAIT, with and without timestamps ---- */

static uint32_t our_clock(const struct fixture *f)
{
    return (uint32_t)(f->now / MS & UINT32_MAX);
}

/* A segment with timestamps, if they are agreed. */
static void from_old(struct fixture *f, bool stamped, uint32_t ts_val, struct from_peer what)
{
    struct tfsm_segment s = segment_of(f, what);
    if (stamped) {
        s.options |= TFSM_OPT_TIMESTAMPS;
        s.ts_val = ts_val;
        s.ts_ecr = our_clock(f);
    }
    arrive_segment(f, &s);
}

static void drop_output(struct fixture *f)
{
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
}

#define old(f, stamped, ts_val, ...)                                                               \
    from_old(HERE(f), (stamped), (ts_val), (struct from_peer){__VA_ARGS__})

/* We sent 300 octets and a FIN, the peer 100 octets and a FIN. */
static void reach_waiting(struct fixture *f, bool stamped)
{
    reach_syn_sent(f);
    old(f, stamped, PEER_TS, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    user_send(f, 300);
    user_close(f);
    drop_output(f);
    old(f, stamped, PEER_TS, .flags = TFSM_ACK, .ack = 301, .text = 100);
    drop_output(f);
    old(f, stamped, PEER_TS, .flags = TFSM_FIN | TFSM_ACK);
    drop_output(f);
    expect_state(f, TFSM_TIME_WAIT);
    f->now += 10 * SECOND;
}

/* Both ends had timestamps. */
static struct fixture *waiting_stamped(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_RFC6191 | TFSM_TIMESTAMPS;
    reach_waiting(f, true);
    return f;
}

/* We would have had them, the peer did not. */
static struct fixture *waiting_bare(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_RFC6191 | TFSM_TIMESTAMPS;
    reach_waiting(f, false);
    return f;
}

/* ---- the SYN ---- */

static void hand_in(struct fixture *f, const struct tfsm_segment *s, bool listener)
{
    f->arrived = *s;
    fixture_done(
        f, &(struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = *s, .listener = listener});
}

static void syn_in(struct fixture *f, int64_t seq)
{
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_SYN, .seq = seq});
    hand_in(f, &s, true);
}

static void stamped_syn_in(struct fixture *f, uint32_t ts_val, int64_t seq)
{
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_SYN, .seq = seq});
    s.options |= TFSM_OPT_TIMESTAMPS;
    s.ts_val = ts_val;
    hand_in(f, &s, true);
}

#define syn(f, seq)                 syn_in(HERE(f), (seq))
#define stamped_syn(f, ts_val, seq) stamped_syn_in(HERE(f), (ts_val), (seq))

/* The listener is to have the segment. Nothing is said to the peer or the user, and the wait goes on as
 * it was: the SYN may be an old duplicate (RFC9293:MAY-2b). */
static void expect_reopened(struct fixture *f)
{
    assert_int_equal(f->fx.verdict, TFSM_V_REOPEN);
    expect_unchanged(f);
    expect_signals(f, 0);
    expect_nothing(f);
    expect_state(f, TFSM_TIME_WAIT);
}

/* It is answered as any SYN of a synchronized state, and the wait goes on as it was. */
static void expect_old(struct fixture *f)
{
    tfsm_time end = f->before.at_2msl;
    expect_challenged(f);
    expect_state(f, TFSM_TIME_WAIT);
    expect_deadline(f, end);
}

/* ---- timestamps before and in the SYN ---- */

/* RFC6191:2a, RFC9293:SHLD-4: whatever the sequence number. */
static void test_reopen_newer_timestamp_reopens(void **state)
{
    static const int64_t seqs[] = {-100000, -102, -1, 0, 100000, 0x7fffffff, 0x80000001};
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
        struct fixture *f = waiting_stamped(state);
        stamped_syn(f, PEER_TS + 1, seqs[i]);
        expect_reopened(f);
    }
}

/* RFC6191:2a: newer is 0 < TSval - last < 2^31. */
static void test_reopen_newer_timestamp_is_modular(void **state)
{
    struct fixture *f = waiting_stamped(state);
    stamped_syn(f, PEER_TS + 0x7fffffffu, -1000);
    expect_reopened(f);
    f = waiting_stamped(state);
    stamped_syn(f, PEER_TS + 0x80000001u, 1000);
    expect_old(f);
}

/* RFC6191:2a */
static void test_reopen_newer_timestamp_across_zero_reopens(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_RFC6191 | TFSM_TIMESTAMPS;
    reach_waiting(f, true);
    old(f, true, PEER_TS + 0x7fffffffu, .flags = TFSM_ACK);
    old(f, true, 0xfffffff0u, .flags = TFSM_ACK);
    drop_output(f);
    expect_state(f, TFSM_TIME_WAIT);
    stamped_syn(f, 3, -1000);
    expect_reopened(f);
}

/* RFC6191:2b: the clock did not tick since: the sequence number must be beyond the old FIN. */
static void test_reopen_same_timestamp_needs_a_newer_sequence_number(void **state)
{
    static const int64_t newer[] = {0, 1, 100000, 0x7ffffffe};
    static const int64_t not_newer[] = {-1, -2, -102, -100000, 0x80000001};
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) {
        struct fixture *f = waiting_stamped(state);
        stamped_syn(f, PEER_TS, newer[i]);
        expect_reopened(f);
    }
    for (size_t i = 0; i < sizeof not_newer / sizeof *not_newer; i++) {
        struct fixture *f = waiting_stamped(state);
        stamped_syn(f, PEER_TS, not_newer[i]);
        expect_old(f);
    }
}

/* RFC9293:3.10.7.4, RFC5961:4.2a: here a newer sequence number does not help. */
static void test_reopen_older_timestamp_is_challenged(void **state)
{
    static const uint32_t back[] = {1, 2, 1000, 0x7fffffff};
    for (size_t i = 0; i < sizeof back / sizeof *back; i++) {
        struct fixture *f = waiting_stamped(state);
        stamped_syn(f, seq_sub(PEER_TS, back[i]), 0);
        expect_old(f);
        stamped_syn(f, seq_sub(PEER_TS, back[i]), 100000);
        expect_old(f);
    }
}

/* RFC9293:3.10.7.4, RFC5961:4.2a: the SYN of the old connection, on its way until now. */
static void test_reopen_old_syn_is_challenged(void **state)
{
    struct fixture *f = waiting_stamped(state);
    stamped_syn(f, PEER_TS, (int64_t)f->irs - f->tcb.rcv_nxt);
    expect_old(f);
    f = waiting_bare(state);
    syn(f, (int64_t)f->irs - f->tcb.rcv_nxt);
    expect_old(f);
}

/* RFC6191:2a: "last seen" is what the FIN said, though an older one was the last to be echoed. */
static void test_reopen_last_timestamp_is_that_of_the_fin(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_RFC6191 | TFSM_TIMESTAMPS;
    reach_syn_sent(f);
    old(f, true, PEER_TS, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    user_close(f);
    drop_output(f);
    old(f, true, PEER_TS, .flags = TFSM_ACK, .ack = 1, .text = 100);
    old(f, true, PEER_TS + 20, .flags = TFSM_FIN | TFSM_ACK);
    drop_output(f);
    expect_state(f, TFSM_TIME_WAIT);
    stamped_syn(f, PEER_TS + 10, -1000);
    expect_old(f);
    stamped_syn(f, PEER_TS + 21, -1000);
    expect_reopened(f);
}

/* ---- timestamps before, none now ---- */

/* RFC6191:2c */
static void test_reopen_without_its_timestamp_needs_a_newer_sequence_number(void **state)
{
    static const int64_t newer[] = {0, 1, 100000, 0x7ffffffe};
    static const int64_t not_newer[] = {-1, -2, -102, -100000, 0x80000001};
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) {
        struct fixture *f = waiting_stamped(state);
        syn(f, newer[i]);
        expect_reopened(f);
    }
    for (size_t i = 0; i < sizeof not_newer / sizeof *not_newer; i++) {
        struct fixture *f = waiting_stamped(state);
        syn(f, not_newer[i]);
        assert_int_equal(f->fx.verdict, TFSM_V_DROP); /* whether it is answered PAWS says */
        expect_refused(f);
        expect_state(f, TFSM_TIME_WAIT);
    }
}

/* RFC6191:2c: a SYN,ACK would not bear them: then the SYN's count for nothing. */
static void test_reopen_timestamps_we_would_not_use_do_not_count(void **state)
{
    struct fixture *f = waiting_stamped(state);
    f->cfg.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
    stamped_syn(f, PEER_TS + 1000, -1);
    expect_old(f);
    f = waiting_stamped(state);
    f->cfg.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
    stamped_syn(f, PEER_TS - 1000, 0);
    expect_reopened(f);
}

/* ---- no timestamps before ---- */

/* RFC6191:2d: whatever the sequence number, whatever it says. */
static void test_reopen_first_timestamp_reopens(void **state)
{
    static const int64_t seqs[] = {-100000, -102, -1, 0, 100000, 0x80000001};
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
        struct fixture *f = waiting_bare(state);
        stamped_syn(f, (uint32_t)i * 0x30000000u, seqs[i]);
        expect_reopened(f);
    }
}

/* RFC6191:2e: nor would there be any now. */
static void test_reopen_first_timestamp_we_would_not_use_does_not_count(void **state)
{
    struct fixture *f = waiting_bare(state);
    f->cfg.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
    stamped_syn(f, PEER_TS + 1000, -1);
    expect_old(f);
    stamped_syn(f, PEER_TS + 1000, 0);
    expect_reopened(f);
}

/* RFC6191:2e */
static void test_reopen_bare_needs_a_newer_sequence_number(void **state)
{
    static const int64_t newer[] = {0, 1, 100000, 0x7ffffffe};
    static const int64_t not_newer[] = {-1, -2, -102, -100000, 0x80000001};
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) {
        struct fixture *f = waiting_bare(state);
        syn(f, newer[i]);
        expect_reopened(f);
    }
    for (size_t i = 0; i < sizeof not_newer / sizeof *not_newer; i++) {
        struct fixture *f = waiting_bare(state);
        syn(f, not_newer[i]);
        expect_old(f);
    }
}

/* RFC6191:2e: the old FIN just before zero. */
static void test_reopen_sequence_numbers_across_zero(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_RFC6191;
    f->irs = 0u - 102; /* SYN, 100 octets, FIN: RCV.NXT is zero */
    reach_waiting(f, false);
    assert_int_equal(f->tcb.rcv_nxt, 0);
    syn(f, -1);
    expect_old(f);
    syn(f, 0);
    expect_reopened(f);
}

/* ---- what comes after it ---- */

/* RFC9293:MAY-2a: the largest number we used was that of our FIN. */
static void test_reopen_tells_the_largest_number_used(void **state)
{
    struct fixture *f = waiting_stamped(state);
    stamped_syn(f, PEER_TS + 1, 0);
    expect_reopened(f);
    assert_in_range(seq_distance(f->iss, f->fx.iss_after), 301, 302);
    f = waiting_bare(state);
    syn(f, 0);
    expect_reopened(f);
    assert_in_range(seq_distance(f->iss, f->fx.iss_after), 301, 302);
}

/* RFC9293:MAY-2a: the same segment opens a connection, in the same TCB if there is no other. */
static void test_reopen_the_syn_opens_the_next_one(void **state)
{
    struct fixture *f = waiting_stamped(state);
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_SYN, .seq = 5000});
    s.options |= TFSM_OPT_TIMESTAMPS;
    s.ts_val = PEER_TS + 7;
    hand_in(f, &s, true);
    expect_reopened(f);
    f->iss = f->fx.iss_after + 1;
    f->irs = s.seq;
    user_abort(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
    open_passive(f);
    hand_in(f, &s, true);
    expect_state(f, TFSM_SYN_RECEIVED);
    struct tfsm_segment reply = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(reply.ts_ecr, PEER_TS + 7);
}

/* RFC6191:3: the clock of a pair of sockets goes on from one incarnation to the next, so that ours
 * are newer when we are the client. */
static void test_reopen_our_timestamps_grow_from_one_incarnation_to_the_next(void **state)
{
    static const uint8_t key[16] = {1, 2, 3};
    static const struct tfsm_address here = {4, {192, 0, 2, 1}};
    static const struct tfsm_address there = {4, {192, 0, 2, 2}};
    uint32_t last = 0;
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_TIMESTAMPS;
    for (int i = 0; i < 5; i++) {
        struct tfsm_segment s;
        uint32_t offset = tfsm_timestamp_offset(key, &here, 1024, &there, 80);
        fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_OPEN,
                                                   .active = true,
                                                   .remote = true,
                                                   .ts_offset = offset});
        assert_true(take(f, &s));
        assert_int_equal(s.options & TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
        assert_true(i == 0 || seq_lt(last, s.ts_val));
        last = s.ts_val;
        user_abort(f);
        drop_output(f);
        f->now += 3 * MS;
    }
}

/* ---- whose a segment is ---- */

/* The next incarnation, half open: its SYN stands so far beyond RCV.NXT. */
static struct tfsm_tcb half_open_beside(const struct fixture *f, int64_t seq, uint32_t ts_val)
{
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_SYN, .seq = seq});
    struct tfsm_event open = {.kind = TFSM_EV_OPEN, .now = f->now};
    struct tfsm_event syn = {.kind = TFSM_EV_SEGMENT, .now = f->now, .segment = s};
    struct tfsm_tcb next = {0};
    struct tfsm_effects fx;
    syn.segment.options |= ts_val != 0 ? TFSM_OPT_TIMESTAMPS : 0;
    syn.segment.ts_val = ts_val;
    syn.iss = f->tcb.snd_nxt + 70000;
    assert_int_equal(tfsm_step(&next, &f->cfg, &open, &fx), TFSM_DONE);
    assert_int_equal(tfsm_step(&next, &f->cfg, &syn, &fx), TFSM_DONE);
    assert_true(tfsm_output(&next, &f->cfg, f->now, &s));
    assert_int_equal(next.state, TFSM_SYN_RECEIVED);
    return next;
}

struct whose {
    uint8_t flags;
    bool next_seq; /* SEG.SEQ is an offset from RCV.NXT of the next, else of the one before */
    int64_t seq;
    bool next_ack; /* likewise SND.NXT */
    int64_t ack;
    uint32_t text;
    bool is_next; /* what is to come out */
};

static bool is_for_next(const struct fixture *f, const struct tfsm_tcb *next,
                        const struct tfsm_segment *s)
{
    const struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = f->now, .segment = *s};
    const struct tfsm_tcb old = f->tcb;
    const struct tfsm_tcb other = *next;
    bool answer = tfsm_is_for_next(&f->tcb, &f->cfg, next, &f->cfg, &event);
    assert_memory_equal(&old, &f->tcb, sizeof old); /* it only asks */
    assert_memory_equal(&other, next, sizeof other);
    return answer;
}

static void check_whose(const struct fixture *f, const struct tfsm_tcb *next,
                        const struct whose *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct whose *w = &cases[i];
        struct tfsm_segment s =
            segment_of(f, (struct from_peer){.flags = w->flags, .text = w->text});
        const struct tfsm_tcb *seqs = w->next_seq ? next : &f->tcb;
        const struct tfsm_tcb *acks = w->next_ack ? next : &f->tcb;
        s.seq = seq_add(seqs->rcv_nxt, (uint32_t)(w->seq & 0xffffffff));
        s.ack = seq_add(acks->snd_nxt, (uint32_t)(w->ack & 0xffffffff));
        if (is_for_next(f, next, &s) != w->is_next) {
            fail_msg("case %zu is for the %s one", i, w->is_next ? "next" : "old");
        }
    }
}

#define OLD  false
#define NEXT true

/* RFC9293:MAY-2b: the numbers of the two do not touch. */
static void test_reopen_whose_a_segment_is(void **state)
{
    static const uint8_t ack = TFSM_ACK;
    static const uint8_t fin = TFSM_FIN | TFSM_ACK;
    static const struct whose cases[] = {
        {ack, NEXT, 0, NEXT, 0, 0, NEXT},             /* the third segment */
        {ack, NEXT, 0, NEXT, 0, 500, NEXT},           /* with text */
        {ack, NEXT, 700, NEXT, 0, 500, NEXT},         /* its text was lost */
        {fin, NEXT, 0, NEXT, 0, 0, NEXT},             /* and its FIN, likewise */
        {TFSM_RST, NEXT, 0, NEXT, 0, 0, NEXT},        /* the answer to a SYN-ACK out of place */
        {TFSM_RST | ack, NEXT, 0, NEXT, 0, 0, NEXT},  /* with an ACK it may be */
        {TFSM_RST, NEXT, 5, NEXT, 0, 0, NEXT},        /* to be challenged */
        {ack, NEXT, 0, NEXT, 1, 0, NEXT},             /* acknowledges too much: to be reset */
        {ack, NEXT, 3, OLD, -4000, 0, NEXT},          /* or what means nothing */
        {TFSM_SYN, NEXT, -1, OLD, 0, 0, NEXT},        /* its SYN again */
        {TFSM_SYN, NEXT, 5000, OLD, 0, 0, NEXT},      /* in its window */
        {TFSM_SYN, NEXT, 9000000, OLD, 0, 0, NEXT},   /* and newer still */
        {fin, OLD, -1, OLD, 0, 0, OLD},               /* the old FIN again */
        {fin, OLD, -101, OLD, 0, 100, OLD},           /* with the old text */
        {fin, OLD, -1, OLD, -1, 0, OLD},              /* its ACK of our FIN did not come */
        {ack, OLD, 0, OLD, 0, 0, OLD},                /* what its peer says to a SYN-ACK */
        {ack, OLD, -101, OLD, 0, 100, OLD},           /* old text */
        {TFSM_RST, OLD, 0, OLD, 0, 0, OLD},           /* who has lost its state */
        {TFSM_RST, OLD, -1, OLD, 0, 0, OLD},          /* an old one */
        {TFSM_SYN, OLD, -1, OLD, 0, 0, OLD},          /* an older SYN */
        {TFSM_SYN, OLD, -102, OLD, 0, 0, OLD},        /* the first of all */
        {ack, NEXT, 0x7fffff00, OLD, 0x7fff, 0, OLD}, /* for nobody */
        {TFSM_RST, NEXT, -20000000, OLD, 0, 0, OLD},  /* likewise */
        {TFSM_SYN | ack, NEXT, -1, NEXT, 0, 0, OLD},  /* no SYN of a client */
    };
    struct fixture *f = waiting_bare(state);
    struct tfsm_tcb next = half_open_beside(f, 30000000, 0);
    check_whose(f, &next, cases, sizeof cases / sizeof *cases);
}

/* RFC9293:MAY-2b: a bare ACK just behind the next one's window is not in it, though the first step lets it by. */
static void test_reopen_what_is_let_by_is_not_in_the_window(void **state)
{
    struct fixture *f = waiting_bare(state);
    struct tfsm_tcb next = half_open_beside(f, 30000000, 0);
    const struct whose cases[] = {
        {TFSM_ACK, NEXT, (int64_t)next.rcv_wnd - 1, OLD, -4000, 0, NEXT},
        {TFSM_ACK, NEXT, next.rcv_wnd, OLD, -4000, 0, OLD},
    };
    check_whose(f, &next, cases, sizeof cases / sizeof *cases);
}

/* RFC9293:MAY-2b: the next one's window begins just behind the old FIN. */
static void test_reopen_whose_it_is_where_the_numbers_touch(void **state)
{
    static const uint8_t fin = TFSM_FIN | TFSM_ACK;
    static const struct whose cases[] = {
        {fin, OLD, -1, OLD, 0, 0, OLD},       {TFSM_ACK, OLD, 0, OLD, 0, 0, OLD},
        {TFSM_RST, OLD, 0, OLD, 0, 0, OLD},   {TFSM_ACK, OLD, 1, OLD, 0, 0, OLD}, /* by its ACK */
        {TFSM_ACK, OLD, 1, NEXT, 0, 0, NEXT}, {TFSM_RST, OLD, 1, NEXT, 0, 0, NEXT},
        {TFSM_SYN, OLD, 0, OLD, 0, 0, NEXT},  {TFSM_SYN, OLD, -1, OLD, 0, 0, OLD},
    };
    struct fixture *f = waiting_bare(state);
    struct tfsm_tcb next = half_open_beside(f, 0, 0);
    check_whose(f, &next, cases, sizeof cases / sizeof *cases);
}

/* RFC9293:MAY-2b: a newer timestamp lets the SYN stand anywhere, so that the old FIN lies in the window
 * of the next. */
static void test_reopen_whose_it_is_where_windows_overlap(void **state)
{
    struct fixture *f = waiting_stamped(state);
    struct tfsm_tcb next = half_open_beside(f, -2000, PEER_TS + 10);
    struct tfsm_segment s =
        segment_of(f, (struct from_peer){.flags = TFSM_FIN | TFSM_ACK, .seq = -1});
    s.options |= TFSM_OPT_TIMESTAMPS;
    s.ts_ecr = our_clock(f);
    for (unsigned i = 0; i < 2; i++) {
        s.ts_val = PEER_TS + 20 * i; /* older than the SYN, and not */
        assert_false(is_for_next(f, &next, &s));
    }
    s.ack = next.snd_nxt; /* text and FIN of the next one */
    assert_true(is_for_next(f, &next, &s));
    s.len = 0; /* no segment at all: nobody takes it */
    assert_false(is_for_next(f, &next, &s));
}

/* RFC9293:MAY-2b: text is stored behind a TCB, and the copies that are asked have nothing behind them: sanitizers see it. */
static void test_reopen_whose_it_is_with_room_behind(void **state)
{
    static struct {
        TFSM_ROOMY_TCB(64);
    } next;
    static const struct whose cases[] = {
        {TFSM_ACK, NEXT, 0, NEXT, 0, 100, NEXT},
        {TFSM_ACK, NEXT, 1000, NEXT, 0, 100, NEXT},
        {TFSM_ACK, OLD, 0, OLD, 0, 100, OLD},
        {TFSM_ACK, OLD, 500, OLD, 0, 100, OLD},
    };
    struct fixture *f = waiting_bare(state);
    const struct tfsm_tcb opened = half_open_beside(f, 70000, 0);
    memset(&next, 0, sizeof next);
    assert_true(tfsm_make_room(&next.tcb, 64));
    assert_true(tfsm_copy(&next.tcb, &opened));
    check_whose(f, &next.tcb, cases, sizeof cases / sizeof *cases);
}

/* ---- what is not asked for, and what is not a request ---- */

static void test_reopen_without_a_listener_the_wait_goes_on(void **state)
{
    struct fixture *f = waiting_stamped(state);
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_SYN, .seq = 5});
    s.options |= TFSM_OPT_TIMESTAMPS;
    s.ts_val = PEER_TS + 1;
    hand_in(f, &s, false);
    assert_int_not_equal(f->fx.verdict, TFSM_V_REOPEN);
    expect_refused(f);
    expect_state(f, TFSM_TIME_WAIT);
}

static void test_reopen_without_the_profile_is_challenged(void **state)
{
    struct fixture *f = fresh(state);
    reach_waiting(f, false);
    syn(f, 5);
    expect_challenged(f);
    expect_state(f, TFSM_TIME_WAIT);
}

/* Without timestamps agreed these are what they are in every other profile. */
static void test_reopen_needs_a_syn_alone(void **state)
{
    static const uint8_t flags[] = {TFSM_SYN | TFSM_ACK, TFSM_ACK, TFSM_SYN | TFSM_RST};
    for (size_t i = 0; i < sizeof flags; i++) {
        struct fixture *f = waiting_bare(state);
        struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = flags[i], .seq = 5});
        hand_in(f, &s, true);
        assert_int_not_equal(f->fx.verdict, TFSM_V_REOPEN);
        expect_state(f, TFSM_TIME_WAIT);
    }
}

/* A RST ends the wait, with SYN or without; it opens nothing. */
static void test_reopen_rst_is_a_rst(void **state)
{
    struct fixture *f = waiting_bare(state);
    struct tfsm_segment s =
        segment_of(f, (struct from_peer){.flags = TFSM_RST | TFSM_SYN, .seq = 0});
    hand_in(f, &s, true);
    assert_int_not_equal(f->fx.verdict, TFSM_V_REOPEN);
    expect_gone(f, TFSM_SIG_CLOSED);
}

/* Nor does a SYN of another compartment: the listener it is for is not ours to guess. */
static void test_reopen_other_security_reopens_nothing(void **state)
{
    struct fixture *f = waiting_bare(state);
    struct tfsm_segment s =
        segment_of(f, (struct from_peer){.flags = TFSM_SYN, .seq = 5, .security = 9});
    hand_in(f, &s, true);
    assert_int_not_equal(f->fx.verdict, TFSM_V_REOPEN);
}

/* RFC6191:2: text in the SYN, and a Fast Open cookie, do not make it another thing. */
static void test_reopen_syn_with_text_reopens(void **state)
{
    struct fixture *f = waiting_bare(state);
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_SYN, .text = 50});
    hand_in(f, &s, true);
    expect_reopened(f);
    assert_int_equal(f->fx.text_count, 0);
}

/* RFC5961:7a: however many there are, the limiter holds, and the wait is no longer for them. */
static void test_reopen_old_syns_cost_little(void **state)
{
    struct fixture *f = waiting_bare(state);
    tfsm_time end = tfsm_deadline(&f->tcb);
    unsigned answers = 0;
    for (unsigned i = 0; i < 10 * LIMIT; i++) {
        struct tfsm_segment s;
        f->now += MS;
        syn(f, -1);
        expect_refused(f);
        answers += take(f, &s);
        expect_nothing(f);
    }
    assert_int_equal(answers, LIMIT);
    expect_state(f, TFSM_TIME_WAIT);
    expect_deadline(f, end);
}

/* RFC9293:3.10.7.4: a peer that has lost its state answers the challenge with a RST, which ends the
 * wait. */
static void test_reopen_a_peer_without_state_ends_it(void **state)
{
    struct fixture *f = waiting_bare(state);
    syn(f, -1000);
    expect_old(f);
    struct tfsm_segment rst = segment_of(f, (struct from_peer){.flags = TFSM_RST, .seq = 0});
    arrive_segment(f, &rst);
    expect_gone(f, TFSM_SIG_CLOSED);
}

/* RFC 6191 2: it speaks of no other state. */
static void test_reopen_only_in_time_wait(void **state)
{
    static const enum tfsm_state others[] = {TFSM_ESTABLISHED, TFSM_FIN_WAIT_1, TFSM_FIN_WAIT_2,
                                             TFSM_CLOSE_WAIT,  TFSM_CLOSING,    TFSM_LAST_ACK};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct fixture *f = fresh(state);
        f->cfg.profile |= TFSM_RFC6191;
        reach(f, others[i]);
        syn(f, 5);
        expect_challenged(f);
        syn(f, -5);
        expect_challenged(f);
        expect_state(f, others[i]);
    }
}

/* RFC1337:3 fix F1 is about RST only. */
static void test_reopen_with_1337_reopens(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_RFC6191 | TFSM_RFC1337;
    reach_waiting(f, false);
    syn(f, 0);
    expect_reopened(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reopen_newer_timestamp_reopens),
        cmocka_unit_test(test_reopen_newer_timestamp_is_modular),
        cmocka_unit_test(test_reopen_newer_timestamp_across_zero_reopens),
        cmocka_unit_test(test_reopen_same_timestamp_needs_a_newer_sequence_number),
        cmocka_unit_test(test_reopen_older_timestamp_is_challenged),
        cmocka_unit_test(test_reopen_old_syn_is_challenged),
        cmocka_unit_test(test_reopen_last_timestamp_is_that_of_the_fin),
        cmocka_unit_test(test_reopen_without_its_timestamp_needs_a_newer_sequence_number),
        cmocka_unit_test(test_reopen_timestamps_we_would_not_use_do_not_count),
        cmocka_unit_test(test_reopen_first_timestamp_reopens),
        cmocka_unit_test(test_reopen_first_timestamp_we_would_not_use_does_not_count),
        cmocka_unit_test(test_reopen_bare_needs_a_newer_sequence_number),
        cmocka_unit_test(test_reopen_sequence_numbers_across_zero),
        cmocka_unit_test(test_reopen_tells_the_largest_number_used),
        cmocka_unit_test(test_reopen_the_syn_opens_the_next_one),
        cmocka_unit_test(test_reopen_our_timestamps_grow_from_one_incarnation_to_the_next),
        cmocka_unit_test(test_reopen_whose_a_segment_is),
        cmocka_unit_test(test_reopen_what_is_let_by_is_not_in_the_window),
        cmocka_unit_test(test_reopen_whose_it_is_where_the_numbers_touch),
        cmocka_unit_test(test_reopen_whose_it_is_where_windows_overlap),
        cmocka_unit_test(test_reopen_whose_it_is_with_room_behind),
        cmocka_unit_test(test_reopen_without_a_listener_the_wait_goes_on),
        cmocka_unit_test(test_reopen_without_the_profile_is_challenged),
        cmocka_unit_test(test_reopen_needs_a_syn_alone),
        cmocka_unit_test(test_reopen_rst_is_a_rst),
        cmocka_unit_test(test_reopen_other_security_reopens_nothing),
        cmocka_unit_test(test_reopen_syn_with_text_reopens),
        cmocka_unit_test(test_reopen_old_syns_cost_little),
        cmocka_unit_test(test_reopen_a_peer_without_state_ends_it),
        cmocka_unit_test(test_reopen_only_in_time_wait),
        cmocka_unit_test(test_reopen_with_1337_reopens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
