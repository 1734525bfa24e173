/* When the core hears of what was read: before it speaks, and at once where it would speak because of it, or where the
 * end of the stream or of urgent data depends on it. */
#include "hosts.h"

#define TEXT 100u

static endpoint_handle handle[2];

static const struct tfsm_tcb *reader(void)
{
    return endpoint_tcb(net.host[1], handle[1]);
}

/* A little has come and was read; its acknowledgment waits. */
static void read_a_little(void)
{
    plan_hosts()[0].policy4.profile |= (uint32_t)TFSM_NODELAY;
    start_hosts();
    open_pair(handle);
    assert_int_equal(send_some(0, handle[0], 0, TEXT), TEXT);
    talk();
    assert_int_not_equal(reader()->at_ack, 0);
    assert_int_equal(read_some(1, handle[1], 0), TEXT);
    check_books();
}

static void test_reading_waits_for_the_acknowledgment(void **state)
{
    (void)state;
    read_a_little();
    struct endpoint_status_block status;
    assert_int_equal(reader()->rcv_user, TEXT);
    assert_int_equal(endpoint_status(net.host[1], handle[1], &status), TFSM_DONE);
    assert_int_equal(status.readable, 0);
    assert_int_equal(status.tcp.readable, 0);
    pass(SECOND);
    assert_int_equal(net.last[1].segment.ack, reader()->rcv_nxt);
    assert_int_equal(reader()->rcv_user, 0);
}

/* More is read before the core has heard of the first. */
static void test_reading_adds_up(void **state)
{
    (void)state;
    read_a_little();
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(send_some(0, handle[0], i * TEXT, TEXT), TEXT);
        talk();
        assert_int_equal(read_some(1, handle[1], i * TEXT), TEXT);
        check_books();
    }
    pass(SECOND);
    assert_int_equal(reader()->rcv_user, 0);
}

/* What opens a window that the peer waits for is told at once. */
static void test_reading_opens_a_small_window_at_once(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[1].receive_ring = 1024;
    start_hosts();
    open_pair(handle);
    size_t sent = send_some(0, handle[0], 0, 2000);
    talk();
    assert_int_equal(reader()->rcv_wnd, 0);
    uint64_t packets = net.packets;
    assert_int_equal(read_some(1, handle[1], 0), 1024);
    assert_int_equal(reader()->rcv_user, 0);
    talk();
    assert_true(net.packets > packets);
    assert_int_equal(endpoint_readable(net.host[1], handle[1]), sent - 1024);
}

/* In TIME-WAIT the core takes no RECEIVE any more, and its window would stay small. */
static void test_reading_is_told_before_the_end(void **state)
{
    (void)state;
    read_a_little();
    assert_int_equal(endpoint_close(net.host[1], handle[1], net.now), TFSM_DONE);
    talk();
    assert_int_equal(send_some(0, handle[0], TEXT, TEXT), TEXT);
    talk();
    assert_int_equal(read_some(1, handle[1], TEXT), TEXT);
    assert_int_equal(reader()->rcv_user, TEXT);
    assert_int_equal(endpoint_close(net.host[0], handle[0], net.now), TFSM_DONE);
    talk();
    assert_int_equal(state_of(1, handle[1]), TFSM_TIME_WAIT);
    assert_int_equal(reader()->rcv_user, 0);
    assert_int_equal(net.last[1].segment.flags & TFSM_RST, 0);
}

/* Who has read all and will not read more leaves nothing unread. */
static void test_reading_is_told_before_a_deaf_close(void **state)
{
    (void)state;
    read_a_little();
    assert_int_equal(endpoint_close_deaf(net.host[1], handle[1], net.now), TFSM_DONE);
    talk();
    assert_int_equal(net.last[1].segment.flags & TFSM_RST, 0);
    assert_int_equal(state_of(1, handle[1]), TFSM_FIN_WAIT_2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_reading_waits_for_the_acknowledgment, stop_hosts),
        cmocka_unit_test_teardown(test_reading_adds_up, stop_hosts),
        cmocka_unit_test_teardown(test_reading_opens_a_small_window_at_once, stop_hosts),
        cmocka_unit_test_teardown(test_reading_is_told_before_the_end, stop_hosts),
        cmocka_unit_test_teardown(test_reading_is_told_before_a_deaf_close, stop_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
