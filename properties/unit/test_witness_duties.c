/* The witness, clause by clause: RSTs, and duties with deadlines; what raises a charge, and what explains the same away. */
#include "witness_scene.h"

/* ---- resets ---- */

static void test_witness_rst_of_nobody(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment rst = {.flags = TFSM_RST | TFSM_ACK, .ack = PEERS + 1};
    peer(s, TFSM_SYN, 0, 0, 0);
    show(s, true, rst);
    assert_nothing(s);
    rst.ack++;
    show(s, true, rst);
    assert_nothing(s); /* the capture may have missed what it answers */
    peer(s, TFSM_SYN, 0, 0, 0);
    assert_only(s, WITNESS_RST_ACK);
}

static void test_witness_rst_with_a_number(void **state)
{
    struct scene *s = *state;
    const struct tfsm_segment rst = {.flags = TFSM_RST | TFSM_ACK, .seq = 7, .ack = PEERS + 1};
    peer(s, TFSM_SYN, 0, 0, 0);
    show(s, true, rst);
    peer(s, TFSM_SYN, 0, 0, 0);
    assert_only(s, WITNESS_RST_NUMBER);
}

static void test_witness_rst_astray(void **state)
{
    struct scene *s = *state;
    s->ttl = 64;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_RST, 1, 0, 0); /* where it would send next */
    assert_nothing(s);
    s = anew(state);
    s->ttl = 64;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    s->ttl = 61; /* somebody on the way */
    subject(s, TFSM_RST, (uint32_t)-800, 0, 0);
    assert_nothing(s);
    s->ttl = 64;
    subject(s, TFSM_RST, (uint32_t)-800, 0, 0);
    subject(s, TFSM_ACK, 1, 11, 0); /* it goes on: somebody on its link has sent that */
    assert_nothing(s);
    subject(s, TFSM_RST, (uint32_t)-800, 0, 0);
    peer(s, TFSM_ACK, 11, 1, 10);
    subject(s, TFSM_RST, 1, 0, 0);
    assert_only(s, WITNESS_RST_ASTRAY);
}

static void test_witness_rst_ignored(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 1, 11, 10);
    peer(s, TFSM_RST, 11, 0, 0);
    subject(s, TFSM_ACK, 11, 11, 10); /* was on its way */
    assert_nothing(s);
    pass(s, 1500);
    subject(s, TFSM_ACK, 21, 11, 10);
    assert_nothing(s);
    subject(s, TFSM_ACK, 31, 11, 10);
    assert_only(s, WITNESS_RST_IGNORED);
}

static void test_witness_rst_that_need_not_count(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 1, 11, 10);
    peer(s, TFSM_RST, 12, 0, 0); /* in the window, not at its edge */
    pass(s, 1500);
    subject(s, TFSM_ACK, 11, 11, 10);
    subject(s, TFSM_ACK, 21, 11, 10);
    assert_nothing(s);
}

static void test_witness_rst_believed(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 1, 11, 0);
    peer(s, TFSM_RST, 90000, 0, 0);
    pass(s, 100);
    peer(s, TFSM_ACK, 11, 1, 10);
    subject(s, TFSM_RST, 1, 0, 0);
    assert_only(s, WITNESS_RST_BELIEVED);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 1, 11, 0);
    peer(s, TFSM_RST, 500, 0, 0); /* in the window */
    pass(s, 100);
    peer(s, TFSM_ACK, 11, 1, 10);
    subject(s, TFSM_RST, 1, 0, 0);
    assert_only(s, WITNESS_RST_TAKEN);
}

static void test_witness_rst_long_after_a_blind_one(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 1, 11, 0);
    peer(s, TFSM_RST, 90000, 0, 0);
    pass(s, 100);
    peer(s, TFSM_ACK, 11, 1, 10);
    subject(s, TFSM_ACK, 1, 21, 0); /* it lives */
    peer(s, TFSM_ACK, 21, 1, 10);
    subject(s, TFSM_RST, 1, 0, 0);
    assert_nothing(s);
}

/* ---- duties ---- */

static void test_witness_ack_late(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 100);
    pass(s, 800);
    subject(s, TFSM_ACK, 1, 101, 0);
    assert_nothing(s); /* once, a machine stood still */
    peer(s, TFSM_ACK, 101, 1, 100);
    pass(s, 800);
    subject(s, TFSM_ACK, 1, 201, 0);
    assert_nothing(s);
    peer(s, TFSM_ACK, 201, 1, 100);
    pass(s, 800);
    subject(s, TFSM_ACK, 1, 301, 0);
    assert_only(s, WITNESS_ACK_LATE);
}

static void test_witness_ack_late_of_text_that_came_twice(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 4; i++) {
        peer(s, TFSM_ACK, 1 + 100 * i, 1, 100);
        pass(s, 700);
        peer(s, TFSM_ACK, 1 + 100 * i, 1, 100);
        subject(s, TFSM_ACK, 1, 101 + 100 * i, 0);
    }
    assert_nothing(s);
}

static void test_witness_text_unanswered(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 5; i++) {
        peer(s, TFSM_ACK, 1, 1, 100);
        pass(s, 300);
    }
    assert_nothing(s); /* it may be dead */
    subject(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 11, 1, 10);
    assert_only(s, WITNESS_TEXT_UNANSWERED);
}

/* A FIN has a number, and the window ends before it. */
static void test_witness_fin_into_a_closed_window(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment closed = {.flags = TFSM_ACK, .seq = OURS + 1, .ack = PEERS + 10001};
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 10; i++) {
        peer(s, TFSM_ACK, 1 + 1000 * i, 1, 1000);
    }
    show(s, true, closed);
    for (unsigned i = 0; i < 6; i++) {
        peer(s, TFSM_ACK | TFSM_FIN, 10001, 1, 0);
        pass(s, 500);
        show(s, true, closed);
    }
    assert_nothing(s);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (unsigned i = 0; i < 6; i++) {
        peer(s, TFSM_ACK | TFSM_FIN, 1, 1, 0);
        pass(s, 500);
        subject(s, TFSM_ACK, 1, 1, 0);
    }
    assert_only(s, WITNESS_FIN_UNANSWERED);
}

static void test_witness_backoff(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (unsigned i = 0; i < 6; i++) {
        subject(s, TFSM_ACK, 1, 1, 100);
        pass(s, 200u << i);
    }
    assert_nothing(s);
    peer(s, TFSM_ACK, 1, 101, 0);
    for (unsigned i = 0; i < 6; i++) {
        subject(s, TFSM_ACK, 101, 1, 100);
        pass(s, 300);
    }
    assert_only(s, WITNESS_BACKOFF);
}

/* What the peer says before the first retransmission does not hide the others. */
static void test_witness_backoff_after_the_peer_has_spoken(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 101, 1, 100);
    peer(s, TFSM_ACK, 1, 1, 10);
    for (unsigned i = 0; i < 4; i++) {
        pass(s, 1000);
        subject(s, TFSM_ACK, 1, 11, 100);
        assert_nothing(s);
    }
    pass(s, 1000);
    subject(s, TFSM_ACK, 1, 11, 100);
    assert_only(s, WITNESS_BACKOFF);
}

static void test_witness_probes_that_do_not_back_off(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment closed = {.flags = TFSM_ACK, .seq = PEERS + 1, .ack = OURS + 101};
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    show(s, false, closed);
    for (unsigned i = 0; i < 5; i++) {
        pass(s, 300u << i);
        subject(s, TFSM_ACK, 101, 1, 1);
        show(s, false, closed);
    }
    assert_nothing(s);
    for (unsigned i = 0; i < 4; i++) {
        pass(s, 500);
        subject(s, TFSM_ACK, 101, 1, 1);
        show(s, false, closed);
    }
    assert_only(s, WITNESS_PROBE_BACKOFF);
}

/* Who drops what he has to drop owes nothing. */
static void test_witness_text_that_need_not_be_taken(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (unsigned i = 0; i < 6; i++) {
        peer(s, TFSM_ACK | TFSM_FIN, 1, 500, 0); /* acknowledges what was never sent */
        subject(s, TFSM_ACK, 1, 1, 0);
        pass(s, 600);
    }
    assert_nothing(s);
    s = anew(state);
    shake_hands(s, TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    s->ts_val[0] = 5000;
    peer(s, TFSM_ACK, 1, 1, 0);
    s->ts_val[0] = 4000;
    for (unsigned i = 0; i < 6; i++) {
        peer(s, TFSM_ACK, 1, 1, 10); /* PAWS */
        subject(s, TFSM_ACK, 1, 1, 0);
        pass(s, 600);
    }
    assert_nothing(s);
}

static void test_witness_silence_outside_the_window(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 1, 11, 0);
    for (unsigned i = 0; i < 7; i++) {
        pass(s, 2000);
        peer(s, TFSM_ACK, 10, 1, 1); /* a keep-alive */
    }
    assert_only(s, WITNESS_OUTSIDE_UNANSWERED);
}

static void test_witness_not_sent_again(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    pass(s, 130000);
    peer(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 101, 101, 0);
    assert_only(s, WITNESS_NOT_SENT_AGAIN);
}

static void test_witness_no_probe(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment closed = {.flags = TFSM_ACK, .seq = PEERS + 1, .ack = OURS + 101};
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    show(s, false, closed);
    pass(s, 130000);
    peer(s, TFSM_ACK, 1, 101, 0);
    subject(s, TFSM_ACK, 101, 1, 100);
    assert_only(s, WITNESS_NO_PROBE);
}

static void test_witness_time_wait(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK | TFSM_FIN, 1, 1, 0);
    peer(s, TFSM_ACK, 1, 2, 0);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 2, 0);
    subject(s, TFSM_ACK, 2, 2, 0);
    pass(s, 1000);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 2, 0);
    subject(s, TFSM_ACK, 2, 2, 0);
    assert_nothing(s);
    pass(s, 1000);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 2, 0);
    subject(s, TFSM_RST, 2, 0, 0);
    assert_only(s, WITNESS_TIME_WAIT);
}

static void come_again(struct scene *s, uint8_t flags, uint32_t text)
{
    for (uint32_t i = 0; i < 6; i++) {
        peer(s, flags, 1, 1, text);
        pass(s, 2000);
    }
}

static void test_witness_silence(void **state)
{
    struct scene *s = *state;
    s->court.vantage = WITNESS_TOLD;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    come_again(s, TFSM_ACK, 10);
    assert_only(s, WITNESS_SILENT); /* it may be dead */
    for (unsigned i = 0; i < WITNESS_SILENT; i++) {
        assert_int_equal(s->raised[i], 0);
    }
    s = anew(state); /* the capture is from its own host */
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    come_again(s, TFSM_ACK | TFSM_FIN, 0);
    assert_only(s, WITNESS_FIN_UNANSWERED);
}

static void test_witness_silence_of_who_has_no_room_for_the_connection(void **state)
{
    struct scene *s = *state;
    peer(s, TFSM_SYN, 0, 0, 0);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 1, 0);
    come_again(s, TFSM_ACK, 10);
    assert_nothing(s);
}

static void test_witness_first_patience(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    pass(s, 19000);
    peer(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 101, 101, 0);
    assert_nothing(s);
    pass(s, 2000);
    peer(s, TFSM_ACK, 101, 1, 100);
    subject(s, TFSM_ACK, 101, 201, 0);
    assert_only(s, WITNESS_NOT_SENT_AGAIN);
}

/* The capture has missed an acknowledgment. */
static void test_witness_not_sent_again_what_was_acknowledged_unseen(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    pass(s, 130000);
    subject(s, TFSM_ACK, 101, 1, 100);
    assert_nothing(s);
    peer(s, TFSM_ACK, 1, 201, 0);
    assert_nothing(s);
}

static void test_witness_probes_of_bsd(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment closed = {.flags = TFSM_ACK, .seq = PEERS + 1, .ack = OURS + 101};
    const tfsm_time after[] = {5000, 5000, 5000, 6000, 12000, 24000, 48000, 60000, 60000};
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    show(s, false, closed);
    for (unsigned i = 0; i < sizeof after / sizeof after[0]; i++) {
        pass(s, after[i]);
        subject(s, TFSM_ACK, 101, 1, 1);
        show(s, false, closed);
    }
    assert_nothing(s);
}

static void test_witness_front_passed_over(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    peer(s, TFSM_ACK, 1, 101, 0);
    subject(s, TFSM_ACK, 111, 1, 100); /* ten numbers are left out */
    for (unsigned i = 0; i < 4; i++) {
        peer(s, TFSM_ACK, 1, 101, 0);
        pass(s, 1000u << i);
        assert_nothing(s);
        subject(s, TFSM_ACK, 111, 1, 100);
    }
    assert_only(s, WITNESS_FRONT_PASSED_OVER);
    s = anew(state);
    s->court.fragments = true; /* what is missing may have come so */
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    peer(s, TFSM_ACK, 1, 101, 0);
    for (unsigned i = 0; i < 6; i++) {
        subject(s, TFSM_ACK, 111, 1, 100);
        pass(s, 1000u << i);
    }
    assert_int_equal(s->raised[WITNESS_FRONT_PASSED_OVER], 0);
}

static void test_witness_no_probe_of_who_has_filled_the_window(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment closed = {.flags = TFSM_ACK, .seq = PEERS + 1, .ack = OURS + 10001};
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 10; i++) {
        subject(s, TFSM_ACK, 1 + 1000 * i, 1, 1000);
    }
    show(s, false, closed);
    pass(s, 26000);
    peer(s, TFSM_ACK, 1, 10001, 0);
    subject(s, TFSM_ACK, 10001, 1, 100);
    assert_only(s, WITNESS_NO_PROBE);
}

static void agree_to_ecn(struct scene *s)
{
    subject(s, TFSM_SYN | TFSM_ECE | TFSM_CWR, 0, 0, 0);
    peer(s, TFSM_SYN | TFSM_ACK | TFSM_ECE, 0, 1, 0);
    subject(s, TFSM_ACK, 1, 1, 0);
}

static void test_witness_ece(void **state)
{
    struct scene *s = *state;
    agree_to_ecn(s);
    s->ecn = TFSM_CE;
    peer(s, TFSM_ACK, 1, 1, 100);
    s->ecn = TFSM_NOT_ECT;
    subject(s, TFSM_ACK | TFSM_ECE, 1, 101, 0);
    peer(s, TFSM_ACK | TFSM_CWR, 101, 1, 100);
    subject(s, TFSM_ACK, 1, 201, 0);
    subject(s, TFSM_ACK, 1, 201, 10);
    assert_nothing(s);
    s->ecn = TFSM_CE;
    peer(s, TFSM_ACK, 201, 1, 100);
    s->ecn = TFSM_NOT_ECT;
    subject(s, TFSM_ACK, 11, 301, 10);
    assert_nothing(s);
    subject(s, TFSM_ACK, 21, 301, 10);
    assert_only(s, WITNESS_ECE_MISSING);
}

/* ---- who is near ---- */

static struct scene *let_the_capture_tell(void **state, uint8_t ttl)
{
    struct scene *s = anew(state);
    witness_free(s->witness);
    s->court.vantage = WITNESS_TOLD;
    s->witness = witness_new(&s->court, s);
    assert_non_null(s->witness);
    s->ttl = ttl;
    return s;
}

static void charge_with_a_late_ack(struct scene *s, tfsm_time round_trip)
{
    peer(s, TFSM_SYN, 0, 0, 0);
    pass(s, round_trip);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 1, 0);
    peer(s, TFSM_ACK, 1, 1, 0);
    for (uint32_t i = 0; i < 4; i++) {
        peer(s, TFSM_ACK, 1 + 10 * i, 1, 10);
        pass(s, 900);
        subject(s, TFSM_ACK, 1, 11 + 10 * i, 0);
    }
}

static void test_witness_told_who_is_near(void **state)
{
    struct scene *s = let_the_capture_tell(state, 63);
    charge_with_a_late_ack(s, 20);
    assert_nothing(s);
    s = let_the_capture_tell(state, 64); /* no router has passed it on */
    charge_with_a_late_ack(s, 20);
    assert_only(s, WITNESS_ACK_LATE);
    s = let_the_capture_tell(state, 64);
    charge_with_a_late_ack(s, 80); /* but a tunnel may have */
    assert_nothing(s);
    s = let_the_capture_tell(state, 63);
    charge_with_a_late_ack(s, 0);
    assert_only(s, WITNESS_ACK_LATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_witness_rst_of_nobody),
        TEST(test_witness_rst_with_a_number),
        TEST(test_witness_rst_astray),
        TEST(test_witness_rst_ignored),
        TEST(test_witness_rst_that_need_not_count),
        TEST(test_witness_rst_believed),
        TEST(test_witness_rst_long_after_a_blind_one),
        TEST(test_witness_ack_late),
        TEST(test_witness_ack_late_of_text_that_came_twice),
        TEST(test_witness_text_unanswered),
        TEST(test_witness_fin_into_a_closed_window),
        TEST(test_witness_backoff),
        TEST(test_witness_backoff_after_the_peer_has_spoken),
        TEST(test_witness_probes_that_do_not_back_off),
        TEST(test_witness_text_that_need_not_be_taken),
        TEST(test_witness_silence_outside_the_window),
        TEST(test_witness_not_sent_again),
        TEST(test_witness_no_probe),
        TEST(test_witness_time_wait),
        TEST(test_witness_silence),
        TEST(test_witness_silence_of_who_has_no_room_for_the_connection),
        TEST(test_witness_first_patience),
        TEST(test_witness_not_sent_again_what_was_acknowledged_unseen),
        TEST(test_witness_probes_of_bsd),
        TEST(test_witness_front_passed_over),
        TEST(test_witness_no_probe_of_who_has_filled_the_window),
        TEST(test_witness_ece),
        TEST(test_witness_told_who_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
