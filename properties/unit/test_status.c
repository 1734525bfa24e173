/* STATUS (RFC 9293 3.9.1.5, 3.10.6): the state, the windows, what awaits acknowledgment, what is
 * pending receipt, and how much urgent data is left (MUST-33). Looking changes nothing. */
#include "fixture.h"

#define FILL 0xa5

static struct tfsm_status_block status_of(const struct fixture *f)
{
    struct tfsm_status_block block;
    struct tfsm_tcb before = f->tcb;
    memset(&block, FILL, sizeof block);
    assert_int_equal(tfsm_status(&f->tcb, &block), TFSM_DONE);
    assert_memory_equal(&f->tcb, &before, sizeof before);
    return block;
}

/* RFC9293:3.10.6: "error: connection does not exist"; then nothing is told. [RFC9293:3.10.6a] */
static void test_status_closed_is_an_error(void **state)
{
    struct fixture *f = in_closed(state);
    struct tfsm_status_block block;
    struct tfsm_status_block untouched;
    memset(&block, FILL, sizeof block);
    memset(&untouched, FILL, sizeof untouched);
    assert_int_equal(tfsm_status(&f->tcb, &block), TFSM_E_NO_CONNECTION);
    assert_memory_equal(&block, &untouched, sizeof block);
}

/* RFC9293:3.10.6: a connection that is gone is one that does not exist, though a RST is owed. */
static void test_status_after_abort_is_an_error(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_status_block block;
    user_abort(f);
    assert_int_equal(tfsm_status(&f->tcb, &block), TFSM_E_NO_CONNECTION);
}

/* RFC9293:3.10.6: the state in each state; without text there are no octets anywhere. A SYN and a
 * FIN are no octets of the user. [RFC9293:3.10.6a] */
static void test_status_tells_every_state(void **state)
{
    for (int s = TFSM_LISTEN; s < TFSM_STATES; s++) {
        struct fixture *f = fresh(state);
        reach(f, (enum tfsm_state)s);
        struct tfsm_status_block block = status_of(f);
        assert_int_equal(block.state, s);
        assert_int_equal(block.queued, 0);
        assert_int_equal(block.unacknowledged, 0);
        assert_int_equal(block.readable, 0);
        assert_int_equal(block.urgent_out, 0);
        assert_int_equal(block.urgent_in, 0);
    }
}

/* ---- octets of ours ---- */

/* RFC9293:3.9.1.5: what awaits acknowledgment: queued, sent, acknowledged. */
static void test_status_queued_and_unacknowledged(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 9000);
    assert_int_equal(status_of(f).queued, 9000);
    assert_int_equal(status_of(f).unacknowledged, 0);
    (void)drain(f, &out, 1);
    assert_int_equal(status_of(f).queued, 9000);
    assert_int_equal(status_of(f).unacknowledged, PEER_WND);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK, .ack = 2000);
    assert_int_equal(status_of(f).queued, 7000);
    assert_int_equal(status_of(f).unacknowledged, PEER_WND - 2000);
}

/* RFC9293:3.9.1.5: a retransmission is still the same octets. */
static void test_status_retransmission_counts_once(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 100);
    (void)drain(f, &out, 1);
    expire(f);
    (void)drain(f, &out, 1);
    assert_int_equal(status_of(f).queued, 100);
    assert_int_equal(status_of(f).unacknowledged, 100);
}

/* RFC9293:3.10.2: text that waits for the connection to open. */
static void test_status_queued_before_connecting(void **state)
{
    static const enum tfsm_state early[] = {TFSM_SYN_SENT, TFSM_SYN_RECEIVED};
    for (size_t i = 0; i < 2; i++) {
        struct fixture *f = fresh(state);
        reach(f, early[i]);
        user_send(f, 100);
        expect_nothing(f);
        assert_int_equal(status_of(f).queued, 100);
        assert_int_equal(status_of(f).unacknowledged, 0);
    }
}

/* The FIN behind the text is no octet of the user, on its way and acknowledged. */
static void test_status_fin_is_no_octet(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 100);
    user_close(f);
    assert_int_equal(status_of(f).queued, 100);
    (void)drain(f, &out, 1);
    assert_int_equal(status_of(f).queued, 100);
    assert_int_equal(status_of(f).unacknowledged, 100);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    assert_int_equal(status_of(f).queued, 0);
    assert_int_equal(status_of(f).unacknowledged, 0);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    assert_int_equal(status_of(f).queued, 0);
    assert_int_equal(status_of(f).unacknowledged, 0);
}

/* The window closed before the FIN could go: what is queued does not count it either. */
static void test_status_fin_that_waits_is_no_octet(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->peer.wnd = 100;
    reach_established(f);
    user_send(f, 100);
    user_close(f);
    (void)drain(f, &out, 1);
    expect_state(f, TFSM_FIN_WAIT_1);
    assert_int_equal(status_of(f).queued, 100);
    assert_int_equal(status_of(f).unacknowledged, 100);
}

/* ---- octets of the peer's ---- */

/* RFC9293:3.9.1.5: what awaits the user: delivered and not read. */
static void test_status_readable(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    assert_int_equal(status_of(f).readable, 100);
    arrive(f, .flags = TFSM_ACK, .seq = 50, .text = 100);
    assert_int_equal(status_of(f).readable, 100);
    user_receive(f, 30);
    assert_int_equal(status_of(f).readable, 70);
    arrive(f, .flags = TFSM_ACK, .text = 50);
    assert_int_equal(status_of(f).readable, 220);
    user_receive(f, 1000);
    assert_int_equal(status_of(f).readable, 0);
}

/* The peer's FIN is no octet; what came before it can still be read in CLOSE-WAIT. */
static void test_status_readable_behind_the_fin(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 100);
    expect_state(f, TFSM_CLOSE_WAIT);
    assert_int_equal(status_of(f).readable, 100);
    user_receive(f, 100);
    assert_int_equal(status_of(f).readable, 0);
}

/* ---- urgent data ---- */

/* RFC9293:MUST-33: what is left of the urgent octets shrinks as the user reads. [RFC9293:3.8.5a] */
static void test_status_urgent_in_shrinks_with_reading(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 100, .up = 60);
    assert_int_equal(status_of(f).urgent_in, 60);
    user_receive(f, 59);
    assert_int_equal(status_of(f).urgent_in, 1);
    user_receive(f, 1);
    assert_int_equal(status_of(f).urgent_in, 0);
    user_receive(f, 40);
    assert_int_equal(status_of(f).urgent_in, 0);
}

/* RFC9293:MUST-33: reading beyond its end leaves none. */
static void test_status_urgent_in_read_beyond(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 100, .up = 60);
    user_receive(f, 100);
    assert_int_equal(status_of(f).urgent_in, 0);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    assert_int_equal(status_of(f).urgent_in, 0);
}

/* RFC9293:MUST-33, MUST-31: the end may be far ahead of the text that came. */
static void test_status_urgent_in_ahead_of_the_text(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 60000);
    assert_int_equal(status_of(f).urgent_in, 60000);
    assert_int_equal(status_of(f).readable, 0);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    assert_int_equal(status_of(f).urgent_in, 60000);
    user_receive(f, 100);
    assert_int_equal(status_of(f).urgent_in, 59900);
}

/* RFC9293:MUST-33: with text unread before it, all of it counts: it is what the user has to read to
 * be through. */
static void test_status_urgent_in_behind_unread_text(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 500);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 100, .up = 100);
    assert_int_equal(status_of(f).urgent_in, 600);
}

/* RFC9293:MUST-33: a pointer that moves on. */
static void test_status_urgent_in_moves_on(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 10, .up = 10);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 10, .up = 10);
    assert_int_equal(status_of(f).urgent_in, 20);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .seq = -10, .text = 20, .up = 5);
    assert_int_equal(status_of(f).urgent_in, 20);
}

/* RFC9293:MUST-33: without URG nothing is urgent, whatever the field says. [RFC9293:3.1c] */
static void test_status_urgent_in_needs_the_flag(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 100, .up = 60);
    assert_int_equal(status_of(f).urgent_in, 0);
}

/* RFC9293:MUST-33: also once the peer has closed, as long as it is not read. */
static void test_status_urgent_in_outlives_the_fin(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG | TFSM_FIN, .text = 100, .up = 60);
    expect_state(f, TFSM_CLOSE_WAIT);
    assert_int_equal(status_of(f).urgent_in, 60);
    user_receive(f, 60);
    assert_int_equal(status_of(f).urgent_in, 0);
}

/* RFC9293:MUST-33, RFC9293:3.8.5: a pointer beyond the peer's FIN ends there: nothing follows that. */
static void test_status_urgent_in_ends_at_the_fin(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG | TFSM_FIN, .text = 100, .up = 1000);
    expect_signals(f, TFSM_SIG_URGENT | TFSM_SIG_PEER_CLOSED);
    assert_int_equal(status_of(f).urgent_in, 100);
    user_receive(f, 100);
    assert_int_equal(status_of(f).urgent_in, 0);
    /* Nothing is left of it to tell. */
    f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG | TFSM_FIN, .up = 1000);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    assert_int_equal(status_of(f).urgent_in, 0);
}

/* RFC9293:MUST-33: the FIN comes after the pointer; out of order, and in order where all is read. */
static void test_status_urgent_in_cut_by_a_later_fin(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 10, .up = 1000);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .seq = 50, .text = 10);
    assert_int_equal(status_of(f).urgent_in, 70);
    /* Nor does it move beyond the FIN from then on. */
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 5, .up = 2000);
    expect_signals(f, 0);
    assert_int_equal(status_of(f).urgent_in, 70);
    f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 10, .up = 1000);
    user_receive(f, 10);
    assert_int_equal(status_of(f).urgent_in, 990);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN);
    assert_int_equal(status_of(f).urgent_in, 0);
}

/* RFC9293:MUST-33: with the SYN both come before the connection is open. */
static void test_status_urgent_in_with_syn_ends_at_the_fin(void **state)
{
    struct fixture *f = in_listen(state);
    struct tfsm_segment s;
    arrive(f, .flags = TFSM_SYN | TFSM_URG, .text = 10, .up = 1000);
    (void)drain(f, &s, 1);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .seq = 10, .ack = 1, .text = 20);
    assert_int_equal(status_of(f).urgent_in, 30);
    user_receive(f, 30);
    assert_int_equal(status_of(f).urgent_in, 0);
}

/* RFC9293:3.9.1.5: "urgent state", of what we send: shrinks as it is acknowledged. */
static void test_status_urgent_out(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_urgent(f, 60);
    user_send(f, 40);
    assert_int_equal(status_of(f).urgent_out, 60);
    (void)drain(f, &out, 1);
    assert_int_equal(status_of(f).urgent_out, 60);
    arrive(f, .flags = TFSM_ACK, .ack = 20);
    assert_int_equal(status_of(f).urgent_out, 40);
    arrive(f, .flags = TFSM_ACK, .ack = 40);
    assert_int_equal(status_of(f).urgent_out, 0);
    arrive(f, .flags = TFSM_ACK, .ack = 40);
    assert_int_equal(status_of(f).urgent_out, 0);
}

/* Queued urgently before the connection is open: the SYN is no octet of it. */
static void test_status_urgent_out_before_connecting(void **state)
{
    struct fixture *f = in_syn_sent(state);
    user_urgent(f, 60);
    assert_int_equal(status_of(f).urgent_out, 60);
}

/* ---- windows and times ---- */

/* RFC9293:3.9.1.5: "receive window, send window" */
static void test_status_windows(void **state)
{
    struct fixture *f = in_established(state);
    assert_int_equal(status_of(f).send_window, PEER_WND);
    assert_int_equal(status_of(f).receive_window, BUFF);
    f->peer.wnd = 1234;
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_ack(f);
    assert_int_equal(status_of(f).send_window, 1234);
    assert_int_equal(status_of(f).receive_window, BUFF - 100);
}

/* RFC7323:2.3: octets, not what stands in the header. */
static void test_status_windows_are_scaled(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_WSCALE;
    f->cfg.rcv_buff = 1000000;
    f->peer.options |= TFSM_OPT_WSCALE;
    f->peer.wscale = 3;
    reach_established(f);
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(status_of(f).send_window, PEER_WND << 3);
    assert_in_range(status_of(f).receive_window, 900000, 1000000);
}

/* RFC9293:3.9.1.5: "transmission timeout": one second before anything is measured. */
static void test_status_timeout_before_it_is_measured(void **state)
{
    struct fixture *f = in_syn_sent(state);
    assert_true(status_of(f).srtt == 0);
    assert_true(status_of(f).rto == RTO);
}

/* RFC6298:2.2: SRTT = R, RTO = SRTT + 4 * R / 2; microseconds. */
static void test_status_timeout_once_measured(void **state)
{
    struct fixture *f = in_syn_sent(state);
    f->now += SECOND / 2;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_true(status_of(f).srtt == SECOND / 2);
    assert_true(status_of(f).rto == 3 * SECOND / 2);
}

/* "before back-off": a timeout does not change what is told. */
static void test_status_timeout_is_told_before_back_off(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 10);
    (void)drain(f, &out, 1);
    tfsm_time rto = status_of(f).rto;
    expire(f);
    (void)drain(f, &out, 1);
    assert_true(status_of(f).rto == rto);
}

/* RFC5681:3.1b, RFC5681:3.1f: with congestion control its windows are told: four segments of at
 * most 1095 octets to begin with, and a threshold as high as can be. */
static void test_status_congestion_window(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_CONGESTION;
    reach_established(f);
    assert_int_equal(status_of(f).cwnd, 4 * MSS);
    assert_true(status_of(f).ssthresh >= PEER_WND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_closed_is_an_error),
        cmocka_unit_test(test_status_after_abort_is_an_error),
        cmocka_unit_test(test_status_tells_every_state),
        cmocka_unit_test(test_status_queued_and_unacknowledged),
        cmocka_unit_test(test_status_retransmission_counts_once),
        cmocka_unit_test(test_status_queued_before_connecting),
        cmocka_unit_test(test_status_fin_is_no_octet),
        cmocka_unit_test(test_status_fin_that_waits_is_no_octet),
        cmocka_unit_test(test_status_readable),
        cmocka_unit_test(test_status_readable_behind_the_fin),
        cmocka_unit_test(test_status_urgent_in_shrinks_with_reading),
        cmocka_unit_test(test_status_urgent_in_read_beyond),
        cmocka_unit_test(test_status_urgent_in_ahead_of_the_text),
        cmocka_unit_test(test_status_urgent_in_behind_unread_text),
        cmocka_unit_test(test_status_urgent_in_moves_on),
        cmocka_unit_test(test_status_urgent_in_needs_the_flag),
        cmocka_unit_test(test_status_urgent_in_outlives_the_fin),
        cmocka_unit_test(test_status_urgent_in_ends_at_the_fin),
        cmocka_unit_test(test_status_urgent_in_cut_by_a_later_fin),
        cmocka_unit_test(test_status_urgent_in_with_syn_ends_at_the_fin),
        cmocka_unit_test(test_status_urgent_out),
        cmocka_unit_test(test_status_urgent_out_before_connecting),
        cmocka_unit_test(test_status_windows),
        cmocka_unit_test(test_status_windows_are_scaled),
        cmocka_unit_test(test_status_timeout_before_it_is_measured),
        cmocka_unit_test(test_status_timeout_once_measured),
        cmocka_unit_test(test_status_timeout_is_told_before_back_off),
        cmocka_unit_test(test_status_congestion_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
