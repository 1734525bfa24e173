/* The witness, guard by guard: what keeps him from charges that something else explains. Each would be raised without it. */
#include "witness_scene.h"

static void late_acks(struct scene *s, unsigned count, tfsm_time late)
{
    for (uint32_t i = 0; i < count; i++) {
        peer(s, TFSM_ACK, 1 + 100 * i, 1, 100);
        pass(s, late);
        subject(s, TFSM_ACK, 1, 101 + 100 * i, 0);
    }
}

static void test_guard_clock_that_was_set(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    late_acks(s, 5, 3600000);
    assert_nothing(s);
}

/* The capture has missed a segment of this connection, so it may have missed acknowledgments. */
static void test_guard_packets_that_are_missing(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 0);
    peer(s, TFSM_ACK, 1, 501, 0);
    for (uint32_t i = 0; i < 5; i++) {
        peer(s, TFSM_ACK, 1 + 100 * i, 501, 100);
        pass(s, 800);
        subject(s, TFSM_ACK, 501, 101 + 100 * i, 0);
    }
    assert_nothing(s);
}

static void test_guard_few_late_acks_among_many(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 60; i++) {
        peer(s, TFSM_ACK, 1 + 10 * i, 1, 10);
        pass(s, i % 10 == 0 ? 900 : 10);
        subject(s, TFSM_ACK, 1, 11 + 10 * i, 0);
    }
    assert_nothing(s);
}

static void test_guard_checksums_that_mean_nothing(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->court.untrue = true; /* another connection of the capture has shown that */
    for (unsigned i = 0; i < 4; i++) {
        s->known = WITNESS_WHOLE | WITNESS_WRONG;
        subject(s, TFSM_ACK, 1, 1, 100);
        s->known = WITNESS_WHOLE | WITNESS_CHECKED | WITNESS_SOUND;
        peer(s, TFSM_ACK, 1, 1, 0);
        pass(s, 2000);
    }
    assert_nothing(s);
}

static void test_guard_back_off_that_icmp_undoes(void **state)
{
    struct scene *s = *state;
    s->court.icmp = true;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (unsigned i = 0; i < 8; i++) {
        subject(s, TFSM_ACK, 1, 1, 100);
        pass(s, 1000);
    }
    assert_nothing(s);
}

static void test_guard_timeouts_of_small_stacks(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (unsigned i = 0; i < 9; i++) {
        subject(s, TFSM_ACK, 1, 1, 100);
        pass(s, i < 4 ? 1500u << i : 24000u); /* no more than 24 s */
    }
    assert_nothing(s);
}

/* Whoever signs his segments takes no RST that is not signed right (RFC 2385), and that nobody sees. */
static void test_guard_signatures(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    OPTIONS(s, 19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1, 1);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 1, 11, 10);
    peer(s, TFSM_RST, 11, 0, 0);
    pass(s, 3000);
    subject(s, TFSM_ACK, 11, 11, 10);
    subject(s, TFSM_ACK, 21, 11, 10);
    subject(s, TFSM_ACK, 31, 11, 10);
    assert_nothing(s);
}

/* A firewall that rewrites numbers may leave SACK blocks as they were. */
static void test_guard_blocks_far_away(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_SACK_PERMITTED, TFSM_OPT_SACK_PERMITTED);
    peer(s, TFSM_ACK, 101, 1, 100);
    s->say_options = TFSM_OPT_SACK;
    s->sack = (struct tfsm_range){PEERS + 4000001, PEERS + 4000101};
    subject(s, TFSM_ACK, 1, 1, 10);
    s->say_options = 0;
    pass(s, 100);
    peer(s, TFSM_ACK, 201, 11, 0);
    assert_nothing(s);
}

static void test_guard_peer_whose_fin_moves(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK | TFSM_FIN, 101, 1, 0); /* of which one is right the subject need not know */
    peer(s, TFSM_ACK | TFSM_FIN, 1, 1, 0);
    for (unsigned i = 0; i < 6; i++) {
        peer(s, TFSM_ACK | TFSM_FIN, 1, 1, 0);
        subject(s, TFSM_ACK, 1, 1, 0);
        pass(s, 600);
    }
    assert_nothing(s);
}

/* Packets overtake each other between the wire and the file. */
static void test_guard_order_of_the_recording(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 1, 151, 10);
    peer(s, TFSM_ACK, 101, 11, 0);
    peer(s, TFSM_ACK, 101, 11, 50); /* here it comes */
    assert_nothing(s);
}

/* What answers a SYN may speak of the connection before. */
static void test_guard_challenge_of_an_older_connection(void **state)
{
    struct scene *s = *state;
    peer(s, TFSM_SYN, 0, 0, 0);
    subject(s, TFSM_ACK, 4000, 106, 0); /* and the RST that answers this is not recorded */
    pass(s, 4000);
    peer(s, TFSM_SYN, 0, 0, 0);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 1, 0);
    peer(s, TFSM_ACK, 1, 1, 0);
    pass(s, 10);
    peer(s, TFSM_ACK, 1, 1, 5);
    subject(s, TFSM_ACK, 1, 6, 0);
    assert_int_equal(s->raised[WITNESS_ACK_AHEAD], 0);
}

static void test_guard_four_copies_are_not_silence(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (unsigned i = 0; i < 4; i++) {
        peer(s, TFSM_ACK, 1, 1, 10);
        pass(s, 3000);
    }
    assert_nothing(s);
}

/* A recording whose clock stands tells nobody's distance. */
static void test_guard_clock_that_stands(void **state)
{
    struct scene *s = anew(state);
    const struct tfsm_segment syn = {.flags = TFSM_SYN, .seq = PEERS, .len = 1, .wnd = 10000};
    const struct tfsm_segment answer = {
        .flags = TFSM_SYN | TFSM_ACK, .seq = OURS, .ack = PEERS + 1, .len = 1, .wnd = 10000};
    witness_free(s->witness);
    s->court.vantage = WITNESS_TOLD;
    s->witness = witness_new(&s->court, s);
    assert_non_null(s->witness);
    show(s, false, syn);
    s->now -= 1000; /* show() lets a millisecond pass */
    show(s, true, answer);
    assert_false(witness_is_near(s->witness));
    show(s, true, answer);
    assert_false(witness_is_near(s->witness)); /* the first answer counts */
}

/* The peer speaks at last, and the subject acknowledges that and sends nothing again. */
static void speak_after(struct scene *s, tfsm_time waited, uint32_t seq, uint32_t acked,
                        uint32_t next)
{
    pass(s, waited);
    peer(s, TFSM_ACK, seq, acked, 100);
    subject(s, TFSM_ACK, next, seq + 100, 0);
}

/* RFC 6298 2: a timeout is what was measured, and four times how far that varies. */
static void test_guard_timeout_of_a_long_round_trip(void **state)
{
    struct scene *s = *state;
    peer(s, TFSM_SYN, 0, 0, 0);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 1, 0);
    pass(s, 8400);
    peer(s, TFSM_ACK, 1, 1, 0);
    subject(s, TFSM_ACK, 1, 1, 100);
    speak_after(s, 25000, 1, 1, 101); /* three round trips, by one alone */
    speak_after(s, 16000, 101, 1, 101);
    assert_nothing(s);
    speak_after(s, 2000, 201, 1, 101); /* five, and more are none */
    assert_only(s, WITNESS_NOT_SENT_AGAIN);
}

static void test_guard_round_trip_of_what_went_out_behind(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 101, 1, 100);
    pass(s, 5000);
    peer(s, TFSM_ACK, 1, 101, 0);
    pass(s, 5000);
    peer(s, TFSM_ACK, 1, 201, 0);
    subject(s, TFSM_ACK, 201, 1, 100);
    speak_after(s, 45000, 1, 201, 301);
    assert_nothing(s);
    speak_after(s, 6000, 101, 201, 301);
    assert_only(s, WITNESS_NOT_SENT_AGAIN);
}

/* What was measured before the capture begins nobody knows. */
static void test_guard_timeout_of_who_was_not_heard_to_begin(void **state)
{
    struct scene *s = *state;
    peer(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 1, 101, 100);
    speak_after(s, 100000, 101, 1, 101);
    assert_nothing(s);
    speak_after(s, 30000, 201, 1, 101);
    assert_only(s, WITNESS_NOT_SENT_AGAIN);
}

/* RFC 9293 3.8.6.1: the first probe of a closed window waits as long as a timeout. */
static void test_guard_probe_after_a_long_round_trip(void **state)
{
    for (unsigned waits = 0; waits < 2; waits++) {
        struct scene *s = anew(state);
        struct tfsm_segment closed = {.flags = TFSM_ACK, .seq = PEERS + 1, .ack = OURS + 10001};
        shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
        for (uint32_t i = 0; i < 10; i++) {
            subject(s, TFSM_ACK, 1 + 1000 * i, 1, 1000);
        }
        pass(s, 5000);
        show(s, false, closed);
        pass(s, waits ? 26000 : 24000);
        peer(s, TFSM_ACK, 1, 10001, 0);
        assert_nothing(s);
        subject(s, TFSM_ACK, 10001, 1, 100);
        if (waits) {
            assert_only(s, WITNESS_NO_PROBE);
        } else {
            assert_nothing(s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_guard_clock_that_was_set),
        TEST(test_guard_packets_that_are_missing),
        TEST(test_guard_few_late_acks_among_many),
        TEST(test_guard_checksums_that_mean_nothing),
        TEST(test_guard_back_off_that_icmp_undoes),
        TEST(test_guard_timeouts_of_small_stacks),
        TEST(test_guard_signatures),
        TEST(test_guard_blocks_far_away),
        TEST(test_guard_peer_whose_fin_moves),
        TEST(test_guard_order_of_the_recording),
        TEST(test_guard_challenge_of_an_older_connection),
        TEST(test_guard_four_copies_are_not_silence),
        TEST(test_guard_clock_that_stands),
        TEST(test_guard_timeout_of_a_long_round_trip),
        TEST(test_guard_round_trip_of_what_went_out_behind),
        TEST(test_guard_timeout_of_who_was_not_heard_to_begin),
        TEST(test_guard_probe_after_a_long_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
