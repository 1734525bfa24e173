/* The witness, clause by clause: what is done with what came. What raises a charge, and what explains the same away. */
#include "witness_scene.h"

/* ECN as both SYNs agree to it, with options besides. */
static void shake_hands_for_ecn(struct scene *s)
{
    struct tfsm_segment syn = {.flags = TFSM_SYN | TFSM_ECE | TFSM_CWR, .seq = OURS, .len = 1};
    struct tfsm_segment answer = {.flags = TFSM_SYN | TFSM_ACK | TFSM_ECE,
                                  .seq = PEERS,
                                  .ack = OURS + 1,
                                  .len = 1,
                                  .wnd = 60000};
    syn.wnd = 60000;
    show(s, true, syn);
    show(s, false, answer);
    subject(s, TFSM_ACK, 1, 1, 0);
}

/* ---- timeouts ---- */

static void send_much(struct scene *s)
{
    struct tfsm_segment window = {.flags = TFSM_ACK, .seq = PEERS + 1, .ack = OURS + 1};
    window.wnd = 60000;
    show(s, false, window);
    s->known = WITNESS_WHOLE | WITNESS_SOUND; /* a network card cuts it up */
    for (uint32_t i = 0; i < 24; i++) {
        subject(s, TFSM_ACK, 1 + 1000 * i, 1, 1000);
    }
}

static void test_witness_timeout_lets_out_everything(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    send_much(s);
    pass(s, 1000);
    subject(s, TFSM_ACK, 1, 1, 1000);
    s->now -= 999;
    subject(s, TFSM_ACK, 1001, 1, 10000);
    assert_nothing(s);
    s->now -= 999;
    subject(s, TFSM_ACK, 11001, 1, 8000);
    assert_only(s, WITNESS_TIMEOUT_BURST);
}

static void test_witness_timeout_after_which_the_peer_speaks(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    send_much(s);
    pass(s, 1000);
    subject(s, TFSM_ACK, 1, 1, 1000);
    peer(s, TFSM_ACK, 1, 1001, 0);
    subject(s, TFSM_ACK, 1001, 1, 20000);
    assert_nothing(s);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    send_much(s);
    pass(s, 1000);
    subject(s, TFSM_ACK, 1, 1, 1000);
    subject(s, TFSM_ACK, 24001, 1, 20000); /* new: it may have been a probe for a lost tail */
    assert_int_equal(s->raised[WITNESS_TIMEOUT_BURST], 0);
}

/* ---- selective acknowledgment ---- */

static void test_witness_gap_that_is_not_told(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS | TFSM_OPT_SACK_PERMITTED, TFSM_OPT_MSS | TFSM_OPT_SACK_PERMITTED);
    peer(s, TFSM_ACK, 101, 1, 100);
    pass(s, 20);
    for (unsigned i = 0; i < 3; i++) {
        subject(s, TFSM_ACK, 1, 1, 0);
    }
    assert_int_equal(s->raised[WITNESS_SACK_MISSING], 0);
    subject(s, TFSM_ACK, 1, 1, 0);
    assert_only(s, WITNESS_SACK_MISSING);
}

static void test_witness_gap_that_is_told_or_is_none(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS | TFSM_OPT_SACK_PERMITTED, TFSM_OPT_MSS | TFSM_OPT_SACK_PERMITTED);
    peer(s, TFSM_ACK, 101, 1, 100);
    pass(s, 20);
    s->say_options = TFSM_OPT_SACK;
    s->sack = (struct tfsm_range){PEERS + 101, PEERS + 201};
    subject(s, TFSM_ACK, 1, 1, 0);
    s->say_options = 0;
    for (unsigned i = 0; i < 5; i++) {
        subject(s, TFSM_ACK, 1, 1, 0);
    }
    assert_int_equal(s->raised[WITNESS_SACK_MISSING], 0);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS | TFSM_OPT_SACK_PERMITTED, TFSM_OPT_MSS | TFSM_OPT_SACK_PERMITTED);
    peer(s, TFSM_ACK, 1, 1, 100); /* it has not acknowledged this yet: there is no gap */
    peer(s, TFSM_ACK, 101, 1, 100);
    pass(s, 20);
    for (unsigned i = 0; i < 5; i++) {
        subject(s, TFSM_ACK, 1, 1, 0);
    }
    assert_int_equal(s->raised[WITNESS_SACK_MISSING], 0);
}

/* ---- congestion ---- */

static void test_witness_ece_without_ecn(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK | TFSM_ECE, 1, 1, 0);
    assert_only(s, WITNESS_ECN_NOT_AGREED);
    s = anew(state);
    shake_hands_for_ecn(s);
    subject(s, TFSM_ACK | TFSM_ECE, 1, 1, 0);
    assert_nothing(s);
}

static void acknowledge_with_ece(struct scene *s, uint32_t from, unsigned times)
{
    for (uint32_t i = 0; i < times; i++) {
        peer(s, TFSM_ACK, from + 100 * i, 1, 100);
        subject(s, TFSM_ACK | TFSM_ECE, 1, from + 100 * (i + 1), 0);
    }
}

static void test_witness_ece_of_nothing(void **state)
{
    struct scene *s = *state;
    shake_hands_for_ecn(s);
    acknowledge_with_ece(s, 1, 5);
    assert_nothing(s);
    acknowledge_with_ece(s, 501, 1);
    assert_only(s, WITNESS_ECE_UNFOUNDED);
}

static void test_witness_ece_until_cwr(void **state)
{
    struct scene *s = *state;
    shake_hands_for_ecn(s);
    s->ecn = TFSM_CE;
    peer(s, TFSM_ACK, 1, 1, 100);
    s->ecn = 0;
    acknowledge_with_ece(s, 101, 9);
    peer(s, TFSM_ACK | TFSM_CWR, 1001, 1, 100);
    subject(s, TFSM_ACK | TFSM_ECE, 1, 1101, 0);
    assert_nothing(s);
    acknowledge_with_ece(s, 1101, 6);
    assert_only(s, WITNESS_ECE_UNFOUNDED);
    s = anew(state);
    shake_hands_for_ecn(s);
    peer(s, TFSM_ACK, 101, 1, 100); /* and what was not seen bore CE */
    acknowledge_with_ece(s, 201, 9);
    assert_nothing(s);
}

static void hear_ece(struct scene *s, unsigned times)
{
    for (uint32_t i = 0; i < times; i++) {
        subject(s, TFSM_ACK, 1 + 100 * i, 1, 100);
        peer(s, TFSM_ACK | TFSM_ECE, 1, 101 + 100 * i, 0);
    }
}

static void test_witness_cwr_missing(void **state)
{
    struct scene *s = *state;
    shake_hands_for_ecn(s);
    hear_ece(s, 10);
    assert_nothing(s);
    subject(s, TFSM_ACK, 1001, 1, 100);
    assert_only(s, WITNESS_CWR_MISSING);
    s = anew(state);
    shake_hands_for_ecn(s);
    hear_ece(s, 10);
    subject(s, TFSM_ACK, 1101, 1, 100); /* what was not seen may have borne it */
    subject(s, TFSM_ACK, 1201, 1, 100);
    assert_nothing(s);
}

/* ---- acknowledgments ---- */

static void send_again(struct scene *s, uint32_t ack, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        pass(s, 2000u << i);
        subject(s, TFSM_ACK, 1, ack, 100);
    }
}

static void test_witness_ack_ignored(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    peer(s, TFSM_ACK, 1, 101, 50);
    subject(s, TFSM_ACK, 101, 51, 0);
    send_again(s, 51, 3);
    assert_nothing(s);
    send_again(s, 51, 1);
    assert_only(s, WITNESS_ACK_IGNORED);
}

static void test_witness_ack_that_may_not_have_arrived(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    peer(s, TFSM_ACK, 1, 101, 0);
    send_again(s, 1, 5);
    assert_int_equal(s->raised[WITNESS_ACK_IGNORED], 0);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    peer(s, TFSM_ACK, 1, 101, 50);
    send_again(s, 1, 5); /* nor what came with it */
    assert_int_equal(s->raised[WITNESS_ACK_IGNORED], 0);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    peer(s, TFSM_ACK, 1, 101, 50);
    subject(s, TFSM_ACK, 101, 51, 0);
    for (unsigned i = 0; i < 5; i++) {
        subject(s, TFSM_ACK, 1, 51, 100); /* within a second: they are on their way already */
    }
    assert_int_equal(s->raised[WITNESS_ACK_IGNORED], 0);
}

/* ---- timestamps ---- */

static void talk_with_stamps(struct scene *s, uint32_t seq, uint32_t stamp)
{
    s->ts_val[0] = stamp;
    peer(s, TFSM_ACK, seq, 1, 100);
}

static void test_witness_old_text_taken(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS, TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS);
    talk_with_stamps(s, 1, 2000);
    s->ts_ecr[1] = 2000;
    subject(s, TFSM_ACK, 1, 101, 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(s->raised[WITNESS_OLD_TAKEN], 0);
        talk_with_stamps(s, 101 + 100 * i, 1500);
        subject(s, TFSM_ACK, 1, 201 + 100 * i, 0);
    }
    assert_int_equal(s->raised[WITNESS_OLD_TAKEN], 1);
}

static void test_witness_old_text_that_came_again(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS, TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS);
    talk_with_stamps(s, 1, 2000);
    s->ts_ecr[1] = 2000;
    subject(s, TFSM_ACK, 1, 101, 0);
    for (uint32_t i = 0; i < 4; i++) {
        talk_with_stamps(s, 101 + 100 * i, 1500);
        subject(s, TFSM_ACK, 1, 101 + 100 * i, 0);
        talk_with_stamps(s, 101 + 100 * i, 2000);
        subject(s, TFSM_ACK, 1, 201 + 100 * i, 0);
    }
    assert_int_equal(s->raised[WITNESS_OLD_TAKEN], 0);
}

/* ---- TIME-WAIT ---- */

static void close_both(struct scene *s)
{
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK | TFSM_FIN, 1, 1, 0);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 2, 0);
    subject(s, TFSM_ACK, 2, 2, 0);
    pass(s, 1000);
}

static void test_witness_time_wait_that_a_rst_ends(void **state)
{
    struct scene *s = *state;
    close_both(s);
    peer(s, TFSM_RST, 2, 0, 0);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 2, 0);
    subject(s, TFSM_RST, 2, 0, 0);
    assert_only(s, WITNESS_TIME_WAIT_RESET);
    s = anew(state);
    close_both(s);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 2, 0);
    subject(s, TFSM_RST, 2, 0, 0);
    assert_only(s, WITNESS_TIME_WAIT);
}

/* ---- RSTs and SYNs ---- */

static void test_witness_rst_outside_answered(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 1, 101, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_nothing(s);
        pass(s, 1000);
        peer(s, TFSM_RST, 50000, 0, 0);
        subject(s, TFSM_ACK, 1, 101, 0);
    }
    assert_only(s, WITNESS_RST_ANSWERED);
}

static void test_witness_rst_outside_and_something_else(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 5; i++) {
        pass(s, 1000);
        peer(s, TFSM_ACK, 1 + 100 * i, 1, 100);
        peer(s, TFSM_RST, 50000, 0, 0);
        subject(s, TFSM_ACK, 1, 101 + 100 * i, 0); /* that is for the text */
    }
    for (uint32_t i = 0; i < 5; i++) {
        pass(s, 1000);
        peer(s, TFSM_RST, 50000, 0, 0);
        pass(s, 100);
        subject(s, TFSM_ACK, 1, 501, 0); /* and this for whatever it was */
    }
    assert_int_equal(s->raised[WITNESS_RST_ANSWERED], 0);
}

static void test_witness_fast_open_again(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment syn = {
        .flags = TFSM_SYN, .seq = OURS, .len = 1, .options = TFSM_OPT_FAST_OPEN};
    show(s, true, syn);
    show(s, true, syn); /* a copy */
    assert_nothing(s);
    pass(s, 1000);
    show(s, true, syn);
    assert_only(s, WITNESS_FAST_OPEN_AGAIN);
    s = anew(state);
    show(s, true, syn);
    pass(s, 1000);
    syn.options = 0;
    show(s, true, syn);
    assert_nothing(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_witness_timeout_lets_out_everything),
        TEST(test_witness_timeout_after_which_the_peer_speaks),
        TEST(test_witness_gap_that_is_not_told),
        TEST(test_witness_gap_that_is_told_or_is_none),
        TEST(test_witness_ece_without_ecn),
        TEST(test_witness_ece_of_nothing),
        TEST(test_witness_ece_until_cwr),
        TEST(test_witness_cwr_missing),
        TEST(test_witness_ack_ignored),
        TEST(test_witness_ack_that_may_not_have_arrived),
        TEST(test_witness_old_text_taken),
        TEST(test_witness_old_text_that_came_again),
        TEST(test_witness_time_wait_that_a_rst_ends),
        TEST(test_witness_rst_outside_answered),
        TEST(test_witness_rst_outside_and_something_else),
        TEST(test_witness_fast_open_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
