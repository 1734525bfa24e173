/* The half-duplex close of RFC 9293 3.6.1: a user who closes and will not read any more either.
 * What arrives for nobody is answered by a reset, so that the peer knows that it was lost (MAY-1,
 * SHLD-3), and the connection does not wait for ever for a FIN nobody is interested in. */
#include "fixture.h"

#define close_deaf(f)                                                                              \
    fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_CLOSE, .deaf = true})

/* Our FIN is out; nobody reads. */
static struct fixture *deaf_in_fin_wait_1(void **state)
{
    struct fixture *f = in_established(state);
    close_deaf(f);
    expect_signals(f, 0);
    expect_state(f, TFSM_FIN_WAIT_1);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    expect_nothing(f);
    return f;
}

static struct fixture *deaf_in_fin_wait_2(void **state)
{
    struct fixture *f = deaf_in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_nothing(f);
    return f;
}

/* The connection is gone, and a reset tells the peer: <SEQ=SND.NXT><CTL=RST> as ABORT sends it. */
static void expect_reset(struct fixture *f, int64_t seq)
{
    expect_gone(f, TFSM_SIG_RESET);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = seq);
    expect_nothing(f);
}

/* ---- data pending when the user closes ---- */

/* RFC9293:SHLD-3, RFC9293:MAY-1: CLOSE with octets that nobody has read. */
static void test_half_duplex_established_close_with_text_unread_resets(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_ack(f);
    close_deaf(f);
    expect_reset(f, 1);
}

/* RFC9293:SHLD-3: one octet of it is enough. */
static void test_half_duplex_established_close_with_text_half_read_resets(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_ack(f);
    user_receive(f, 9);
    close_deaf(f);
    expect_reset(f, 1);
}

/* RFC9293:SHLD-3: text that waits behind a hole is pending in the connection, too. */
static void test_half_duplex_established_close_with_text_beyond_a_hole_resets(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 5, .text = 10);
    expect_ack(f);
    close_deaf(f);
    expect_reset(f, 1);
}

/* RFC9293:SHLD-3: before it was acknowledged, as well. */
static void test_half_duplex_established_close_before_the_ack_resets(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    close_deaf(f);
    expect_reset(f, 1);
}

/* RFC9293:SHLD-3: the peer has closed, and what it sent before is not read. */
static void test_half_duplex_close_wait_close_with_text_unread_resets(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 10);
    expect_ack(f);
    close_deaf(f);
    expect_reset(f, 1);
}

/* RFC9293:SHLD-3: queued text of ours goes with the connection; the reset has the number of the
 * next octet. */
static void test_half_duplex_close_with_both_pending_resets(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 2000);
    assert_int_equal(drain(f, &out, 1), 2);
    user_send(f, 2000);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    close_deaf(f);
    expect_gone(f, TFSM_SIG_RESET);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 2001);
    expect_nothing(f);
}

/* ---- nothing pending ---- */

/* RFC9293:MAY-1: nothing is lost: an ordinary close. */
static void test_half_duplex_established_close_with_all_read_sends_fin(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_ack(f);
    user_receive(f, 10);
    close_deaf(f);
    expect_signals(f, 0);
    expect_state(f, TFSM_FIN_WAIT_1);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 11, .len = 1);
}

static void test_half_duplex_close_wait_close_with_all_read_sends_fin(void **state)
{
    struct fixture *f = in_close_wait(state);
    close_deaf(f);
    expect_signals(f, 0);
    expect_state(f, TFSM_LAST_ACK);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 2, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_gone(f, TFSM_SIG_CLOSED);
}

/* RFC9293:3.9.1.4: what was queued goes out all the same: deaf is not dumb. [RFC9293:3.6a] */
static void test_half_duplex_close_sends_what_is_queued(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 500);
    close_deaf(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 501);
    expect_nothing(f);
}

/* RFC9293:3.10.4: where there is no peer yet a deaf CLOSE is a CLOSE. */
static void test_half_duplex_close_without_a_peer_deletes(void **state)
{
    struct fixture *f = in_listen(state);
    close_deaf(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
    f = in_syn_sent(state);
    close_deaf(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

/* RFC9293:3.10.4, SHLD-3: in SYN-RECEIVED the FIN goes out, and the first text is lost. */
static void test_half_duplex_syn_received_text_after_close_resets(void **state)
{
    struct fixture *f = in_syn_received(state);
    close_deaf(f);
    expect_state(f, TFSM_FIN_WAIT_1);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .text = 10);
    expect_state(f, TFSM_CLOSED);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 2);
    expect_nothing(f);
}

/* RFC9293:3.10.4, SHLD-3: there the CLOSE waits for what is queued; the ears are closed all the
 * same. */
static void test_half_duplex_syn_received_close_behind_text_of_ours(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_send(f, 20);
    close_deaf(f);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 21);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_reset(f, 22);
}

/* RFC9293:SHLD-3: text that came with the SYN is pending, too: a reset says that it is lost, at the
 * CLOSE or, where text counts only once the connection is open, then. It is not acknowledged. */
static void test_half_duplex_syn_received_text_of_the_syn_resets(void **state)
{
    for (int passive = 0; passive <= 1; passive++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment s;
        if (passive) {
            reach_listen(f);
        } else {
            reach_syn_sent(f);
        }
        arrive(f, .flags = TFSM_SYN, .text = 10);
        (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
        close_deaf(f);
        if (f->tcb.state != TFSM_CLOSED) {
            (void)drain(f, &s, 1);
            arrive(f, .flags = TFSM_ACK, .ack = 1);
        }
        expect_state(f, TFSM_CLOSED);
        assert_true(take(f, &s));
        assert_int_equal(s.flags & TFSM_RST, TFSM_RST);
        expect_nothing(f);
    }
}

/* ---- new data after the close ---- */

/* RFC9293:SHLD-3: octets that come after the CLOSE. */
static void test_half_duplex_fin_wait_1_text_resets(void **state)
{
    struct fixture *f = deaf_in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_reset(f, 2);
    expect_delivered(f, 0);
}

/* RFC9293:SHLD-3: also when the same segment acknowledges our FIN. */
static void test_half_duplex_fin_wait_1_text_with_the_ack_of_our_fin_resets(void **state)
{
    struct fixture *f = deaf_in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .text = 10);
    expect_reset(f, 2);
}

/* RFC9293:SHLD-3 */
static void test_half_duplex_fin_wait_2_text_resets(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_reset(f, 2);
    expect_delivered(f, 0);
}

/* RFC9293:SHLD-3: one octet, and a full window. */
static void test_half_duplex_fin_wait_2_any_text_resets(void **state)
{
    static const uint32_t sizes[] = {1, MSS, BUFF};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = deaf_in_fin_wait_2(state);
        arrive(f, .flags = TFSM_ACK, .text = sizes[i]);
        expect_reset(f, 2);
    }
}

/* RFC9293:SHLD-3: new data beyond a hole were received, and are lost as well. */
static void test_half_duplex_fin_wait_2_text_beyond_a_hole_resets(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .seq = 5, .text = 10);
    expect_reset(f, 2);
}

/* RFC9293:SHLD-3: partly new is new. */
static void test_half_duplex_fin_wait_2_text_straddling_left_resets(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_ack(f);
    user_receive(f, 10);
    close_deaf(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 11, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    arrive(f, .flags = TFSM_ACK, .seq = -10, .text = 11);
    expect_reset(f, 2);
}

/* RFC9293:SHLD-3: text with the FIN is lost like any other. */
static void test_half_duplex_fin_with_text_resets(void **state)
{
    struct fixture *f = deaf_in_fin_wait_1(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .ack = 1, .text = 10);
    expect_state(f, TFSM_CLOSED);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 2);
    f = deaf_in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 10);
    expect_state(f, TFSM_CLOSED);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 2);
}

/* ---- no new data ---- */

/* RFC9293:3.10.7.4: text that was read before is not new: it is acknowledged again, and nothing is
 * lost. */
static void test_half_duplex_fin_wait_2_old_text_is_acknowledged(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_ack(f);
    user_receive(f, 10);
    close_deaf(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 11, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_2);
    arrive(f, .flags = TFSM_ACK, .seq = -10, .text = 10);
    expect_challenged(f);
    expect_state(f, TFSM_FIN_WAIT_2);
}

/* RFC9293:3.10.7.4: text outside the window was not received; who sends it is no proof of loss. */
static void test_half_duplex_fin_wait_2_text_outside_is_acknowledged(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .seq = right_edge(f), .text = 10);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = -100, .text = 10);
    expect_challenged(f);
    expect_state(f, TFSM_FIN_WAIT_2);
}

/* RFC9293:3.10.7.4: a segment that fails the check of its ACK is dropped before its text is looked
 * at. */
static void test_half_duplex_fin_wait_2_text_with_a_bad_ack_does_not_reset(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .text = 10);
    expect_challenged(f);
    arrive(f, .flags = 0, .text = 10);
    expect_ignored(f);
    expect_state(f, TFSM_FIN_WAIT_2);
}

/* RFC9293:3.6.1: text that was read before, with the FIN that is new: nothing is lost. */
static void test_half_duplex_fin_with_old_text_closes(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_ack(f);
    user_receive(f, 10);
    close_deaf(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 11, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -10, .text = 10);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    expect_ack(f);
    expect_state(f, TFSM_TIME_WAIT);
}

/* RFC9293:3.6.1: a FIN alone loses nothing: the close is in good order. */
static void test_half_duplex_fin_alone_closes(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    expect_ack(f);
    expect_state(f, TFSM_TIME_WAIT);
    expect_deadline(f, f->now + 2 * MSL);
    expire(f);
    expect_gone(f, TFSM_SIG_CLOSED);
}

static void test_half_duplex_fin_before_the_ack_of_ours_closes(void **state)
{
    struct fixture *f = deaf_in_fin_wait_1(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_ack(f);
    expect_state(f, TFSM_CLOSING);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_TIME_WAIT);
}

/* RFC9293:3.10.7.4: in CLOSE-WAIT and after it text is ignored, deaf or not. */
static void test_half_duplex_last_ack_text_does_not_reset(void **state)
{
    struct fixture *f = in_close_wait(state);
    close_deaf(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 2, .len = 1);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_state(f, TFSM_LAST_ACK);
    expect_signals(f, 0);
}

/* RFC9293:MAY-1: who has closed with both ears open goes on reading (3.6). */
static void test_half_duplex_close_that_listens_reads_on(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_ack(f);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 11, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .text = 10);
    expect_delivered(f, 10);
    expect_ack(f);
    user_receive(f, 100);
    assert_int_equal(f->fx.taken, 20);
}

/* ---- the user ---- */

/* RFC9293:MAY-1: nothing can be read after it. */
static void test_half_duplex_receive_hands_out_nothing(void **state)
{
    struct fixture *f = deaf_in_fin_wait_1(state);
    (void)call(f, .kind = TFSM_EV_RECEIVE, .len = 10);
    assert_int_equal(f->fx.taken, 0);
    expect_nothing(f);
    f = deaf_in_fin_wait_2(state);
    (void)call(f, .kind = TFSM_EV_RECEIVE, .len = 10);
    assert_int_equal(f->fx.taken, 0);
    expect_nothing(f);
}

/* RFC9293:3.10.4: a second CLOSE is an error, and opens no ear. */
static void test_half_duplex_second_close_opens_no_ear(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    assert_int_equal(call(f, .kind = TFSM_EV_CLOSE), TFSM_E_CONNECTION_CLOSING);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_reset(f, 2);
}

/* RFC9293:3.10.4, SHLD-3: who closed before may stop reading later. That is no error, as long as
 * no second FIN goes out, and from then on text is lost. */
static void test_half_duplex_deaf_after_close(void **state)
{
    static const enum tfsm_state from[] = {TFSM_FIN_WAIT_1, TFSM_FIN_WAIT_2};
    for (size_t i = 0; i < 2; i++) {
        struct fixture *f = fresh(state);
        reach(f, from[i]);
        close_deaf(f);
        expect_signals(f, 0);
        expect_state(f, from[i]);
        expect_nothing(f);
        arrive(f, .flags = TFSM_ACK, .text = 10);
        expect_reset(f, 2);
    }
}

/* RFC9293:SHLD-3: the same with text unread. */
static void test_half_duplex_deaf_after_close_with_text_unread_resets(void **state)
{
    static const enum tfsm_state from[] = {TFSM_FIN_WAIT_1, TFSM_FIN_WAIT_2};
    for (size_t i = 0; i < 2; i++) {
        struct fixture *f = fresh(state);
        reach(f, from[i]);
        arrive(f, .flags = TFSM_ACK, .text = 10);
        expect_ack(f);
        close_deaf(f);
        expect_reset(f, 2);
    }
}

/* And the wait for the peer's FIN has an end from then on. */
static void test_half_duplex_deaf_after_close_starts_the_wait(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    f->now += 1000 * SECOND;
    close_deaf(f);
    expect_deadline(f, f->now + 2 * MSL);
    expire(f);
    expect_state(f, TFSM_CLOSED);
}

/* ---- waiting for the peer's FIN ---- */

/* A peer that never closes does not keep a connection nobody reads: after two MSL, which is as long
 * as TIME-WAIT would have been, it ends by itself. */
static void test_half_duplex_fin_wait_2_ends_after_2msl(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    expect_deadline(f, f->now + 2 * MSL);
    after(f, 2 * MSL - 1);
    expect_unchanged(f);
    expect_state(f, TFSM_FIN_WAIT_2);
    after(f, 1);
    expect_state(f, TFSM_CLOSED);
    assert_true((f->fx.signals & TFSM_SIG_ENDS) != 0);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:3.6.1: half closed, for as long as the user reads. */
static void test_half_duplex_fin_wait_2_that_listens_has_no_end(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    expect_deadline(f, TFSM_NEVER);
    after(f, 1000 * MSL);
    expect_state(f, TFSM_FIN_WAIT_2);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_delivered(f, 10);
}

/* The wait starts with the acknowledgment of our FIN, not before. */
static void test_half_duplex_fin_wait_1_is_left_to_r2(void **state)
{
    struct fixture *f = deaf_in_fin_wait_1(state);
    struct tfsm_segment out;
    expect_deadline(f, f->now + RTO);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        assert_int_equal(drain(f, &out, 1), 1);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* An ACK without text does not end the wait, nor does it make it longer. */
static void test_half_duplex_fin_wait_2_is_not_prolonged(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    tfsm_time deadline = f->now + 2 * MSL;
    for (unsigned i = 0; i < 10; i++) {
        f->now += MSL / 10;
        arrive(f, .flags = TFSM_ACK);
        expect_deadline(f, deadline);
    }
}

/* RFC9293:MUST-13: TIME-WAIT is two MSL from its own beginning. */
static void test_half_duplex_time_wait_is_whole(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    f->now += MSL;
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_ack(f);
    expect_deadline(f, f->now + 2 * MSL);
}

/* When it has ended by itself, what the peer still sends finds no connection: a reset (3.5.2). */
static void test_half_duplex_text_after_the_end_is_reset(void **state)
{
    struct fixture *f = deaf_in_fin_wait_2(state);
    struct tfsm_segment late = segment_of(f, (struct from_peer){.flags = TFSM_ACK, .text = 10});
    struct tfsm_segment out;
    expire(f);
    (void)drain(f, &out, 1);
    expect_state(f, TFSM_CLOSED);
    arrive_segment(f, &late);
    expect_reset_reply(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_duplex_established_close_with_text_unread_resets),
        cmocka_unit_test(test_half_duplex_established_close_with_text_half_read_resets),
        cmocka_unit_test(test_half_duplex_established_close_with_text_beyond_a_hole_resets),
        cmocka_unit_test(test_half_duplex_established_close_before_the_ack_resets),
        cmocka_unit_test(test_half_duplex_close_wait_close_with_text_unread_resets),
        cmocka_unit_test(test_half_duplex_close_with_both_pending_resets),
        cmocka_unit_test(test_half_duplex_established_close_with_all_read_sends_fin),
        cmocka_unit_test(test_half_duplex_close_wait_close_with_all_read_sends_fin),
        cmocka_unit_test(test_half_duplex_close_sends_what_is_queued),
        cmocka_unit_test(test_half_duplex_close_without_a_peer_deletes),
        cmocka_unit_test(test_half_duplex_syn_received_text_after_close_resets),
        cmocka_unit_test(test_half_duplex_fin_wait_1_text_resets),
        cmocka_unit_test(test_half_duplex_fin_wait_1_text_with_the_ack_of_our_fin_resets),
        cmocka_unit_test(test_half_duplex_fin_wait_2_text_resets),
        cmocka_unit_test(test_half_duplex_fin_wait_2_any_text_resets),
        cmocka_unit_test(test_half_duplex_fin_wait_2_text_beyond_a_hole_resets),
        cmocka_unit_test(test_half_duplex_fin_wait_2_text_straddling_left_resets),
        cmocka_unit_test(test_half_duplex_fin_with_text_resets),
        cmocka_unit_test(test_half_duplex_fin_wait_2_old_text_is_acknowledged),
        cmocka_unit_test(test_half_duplex_fin_wait_2_text_outside_is_acknowledged),
        cmocka_unit_test(test_half_duplex_fin_wait_2_text_with_a_bad_ack_does_not_reset),
        cmocka_unit_test(test_half_duplex_fin_alone_closes),
        cmocka_unit_test(test_half_duplex_fin_before_the_ack_of_ours_closes),
        cmocka_unit_test(test_half_duplex_last_ack_text_does_not_reset),
        cmocka_unit_test(test_half_duplex_close_that_listens_reads_on),
        cmocka_unit_test(test_half_duplex_receive_hands_out_nothing),
        cmocka_unit_test(test_half_duplex_second_close_opens_no_ear),
        cmocka_unit_test(test_half_duplex_deaf_after_close),
        cmocka_unit_test(test_half_duplex_deaf_after_close_with_text_unread_resets),
        cmocka_unit_test(test_half_duplex_deaf_after_close_starts_the_wait),
        cmocka_unit_test(test_half_duplex_fin_wait_2_ends_after_2msl),
        cmocka_unit_test(test_half_duplex_fin_wait_2_that_listens_has_no_end),
        cmocka_unit_test(test_half_duplex_fin_wait_1_is_left_to_r2),
        cmocka_unit_test(test_half_duplex_fin_wait_2_is_not_prolonged),
        cmocka_unit_test(test_half_duplex_time_wait_is_whole),
        cmocka_unit_test(test_half_duplex_text_after_the_end_is_reset),
        cmocka_unit_test(test_half_duplex_syn_received_close_behind_text_of_ours),
        cmocka_unit_test(test_half_duplex_syn_received_text_of_the_syn_resets),
        cmocka_unit_test(test_half_duplex_fin_with_old_text_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
