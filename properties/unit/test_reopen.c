/* A SYN that comes in TIME-WAIT (RFC 6191 2, RFC9293:MAY-2): which one ends the wait, so that a
 * listener may take it, which is dropped, and after which number the next incarnation must start.
 * SEG.SEQ is an offset from RCV.NXT: the old FIN is at -1. */
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

/* The wait is over, nothing is said to the peer, and the listener is to have the segment. */
static void expect_reopened(struct fixture *f)
{
    assert_int_equal(f->fx.verdict, TFSM_V_REOPEN);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

/* Silently, and the wait goes on as it was. */
static void expect_dropped(struct fixture *f)
{
    expect_ignored(f);
    expect_state(f, TFSM_TIME_WAIT);
}

/* ---- timestamps before and in the SYN ---- */

/* RFC6191:2a, RFC9293:SHLD-4, RFC9293:MAY-2: whatever the sequence number. */
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
    expect_dropped(f);
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
        expect_dropped(f);
    }
}

/* RFC6191:2f: here a newer sequence number does not help. */
static void test_reopen_older_timestamp_is_dropped(void **state)
{
    static const uint32_t back[] = {1, 2, 1000, 0x7fffffff};
    for (size_t i = 0; i < sizeof back / sizeof *back; i++) {
        struct fixture *f = waiting_stamped(state);
        stamped_syn(f, seq_sub(PEER_TS, back[i]), 0);
        expect_dropped(f);
        stamped_syn(f, seq_sub(PEER_TS, back[i]), 100000);
        expect_dropped(f);
    }
}

/* RFC6191:2f: the SYN of the old connection, on its way until now. */
static void test_reopen_old_syn_is_dropped(void **state)
{
    struct fixture *f = waiting_stamped(state);
    stamped_syn(f, PEER_TS, (int64_t)f->irs - f->tcb.rcv_nxt);
    expect_dropped(f);
    f = waiting_bare(state);
    syn(f, (int64_t)f->irs - f->tcb.rcv_nxt);
    expect_dropped(f);
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
    expect_dropped(f);
    stamped_syn(f, PEER_TS + 21, -1000);
    expect_reopened(f);
}

/* ---- timestamps before, none now ---- */

/* RFC6191:2c, RFC9293:MAY-2 */
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
        expect_dropped(f);
    }
}

/* RFC6191:2c: a SYN,ACK would not bear them: then the SYN's count for nothing. */
static void test_reopen_timestamps_we_would_not_use_do_not_count(void **state)
{
    struct fixture *f = waiting_stamped(state);
    f->cfg.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
    stamped_syn(f, PEER_TS + 1000, -1);
    expect_dropped(f);
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

/* RFC6191:2e, RFC6191:2f: nor would there be any now. */
static void test_reopen_first_timestamp_we_would_not_use_does_not_count(void **state)
{
    struct fixture *f = waiting_bare(state);
    f->cfg.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
    stamped_syn(f, PEER_TS + 1000, -1);
    expect_dropped(f);
    stamped_syn(f, PEER_TS + 1000, 0);
    expect_reopened(f);
}

/* RFC6191:2e, RFC6191:2f, RFC9293:MAY-2 */
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
        expect_dropped(f);
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
    expect_dropped(f);
    syn(f, 0);
    expect_reopened(f);
}

/* ---- what comes after it ---- */

/* RFC9293:MAY-2: the largest number we used was that of our FIN. */
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

/* RFC9293:MAY-2: the same segment opens a connection, in the same TCB if need be. */
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

/* RFC6191:2f: dropped in silence, however many there are: no limiter, no answer, no longer wait. */
static void test_reopen_dropped_syns_cost_nothing(void **state)
{
    struct fixture *f = waiting_bare(state);
    tfsm_time end = tfsm_deadline(&f->tcb);
    for (unsigned i = 0; i < 10 * LIMIT; i++) {
        f->now += SECOND;
        syn(f, -1);
        expect_dropped(f);
    }
    expect_deadline(f, end);
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
        cmocka_unit_test(test_reopen_older_timestamp_is_dropped),
        cmocka_unit_test(test_reopen_old_syn_is_dropped),
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
        cmocka_unit_test(test_reopen_without_a_listener_the_wait_goes_on),
        cmocka_unit_test(test_reopen_without_the_profile_is_challenged),
        cmocka_unit_test(test_reopen_needs_a_syn_alone),
        cmocka_unit_test(test_reopen_rst_is_a_rst),
        cmocka_unit_test(test_reopen_other_security_reopens_nothing),
        cmocka_unit_test(test_reopen_syn_with_text_reopens),
        cmocka_unit_test(test_reopen_dropped_syns_cost_nothing),
        cmocka_unit_test(test_reopen_only_in_time_wait),
        cmocka_unit_test(test_reopen_with_1337_reopens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
