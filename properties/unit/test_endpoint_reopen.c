/* A connection in TIME-WAIT and the next one of the same two ends, half open beside it (RFC 9293 3.6.1,
 * MAY-2): whose each segment is, and that nothing but the third segment of the next one makes it take
 * the place of the one before. Host 1 waits; its peer is host 0, which is silent from then on and whose
 * segments are made by hand. */
#include "hosts.h"

#define CLIENT 1234 /* the peer's port */

static struct {
    endpoint_handle server; /* in TIME-WAIT */
    uint32_t rcv_nxt;       /* behind the peer's FIN */
    uint32_t snd_nxt;
    uint32_t irs; /* of the SYN that came then */
    uint32_t iss; /* with which it was answered */
} at;

/* ---- getting there ---- */

static void begin_waiting(void)
{
    struct endpoint_open open = to_host_1();
    open.local_port = CLIENT;
    endpoint_handle client = connect_with(&open);
    talk();
    at.server = accept_one(net.listener);
    endpoint_close(net.host[1], at.server, net.now);
    talk();
    endpoint_close(net.host[0], client, net.now);
    talk();
    news_of(1, at.server);
    assert_int_equal(state_of(1, at.server), TFSM_TIME_WAIT);
    at.rcv_nxt = endpoint_tcb(net.host[1], at.server)->rcv_nxt;
    at.snd_nxt = endpoint_tcb(net.host[1], at.server)->snd_nxt;
    at.irs = at.rcv_nxt + 5000;
    net.now += SECOND;
}

/* MSL is long, so that the next one is given up before TIME-WAIT ends. */
static void plan(void)
{
    struct endpoint_config *config = plan_hosts();
    for (unsigned i = 0; i < 2; i++) {
        config[i].policy4.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
        config[i].policy4.msl = 300 * SECOND;
    }
}

static struct tfsm_packet from_client(uint8_t flags, uint32_t seq, uint32_t ack)
{
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), CLIENT, flags);
    packet.segment.seq = seq;
    packet.segment.ack = ack;
    return packet;
}

static void arrives(uint8_t flags, uint32_t seq, uint32_t ack)
{
    struct tfsm_packet packet = from_client(flags, seq, ack);
    hand_in(&packet);
    check_books();
}

static uint32_t half_open(void)
{
    return endpoint_half_open(net.host[1], net.listener);
}

/* The SYN is taken, and nothing is told of it. */
static void syn_arrives(void)
{
    arrives(TFSM_SYN, at.irs, 0);
    struct tfsm_packet answer = said();
    assert_int_equal(answer.segment.flags & (TFSM_SYN | TFSM_ACK), TFSM_SYN | TFSM_ACK);
    assert_int_equal(answer.segment.ack, at.irs + 1);
    assert_true(seq_lt(at.snd_nxt, answer.segment.seq));
    at.iss = answer.segment.seq;
    expect_silence(1);
    assert_int_equal(half_open(), 1);
}

static void begin(void)
{
    plan();
    start_hosts();
    begin_waiting();
    syn_arrives();
}

/* ---- where it is ---- */

/* The connection is in TIME-WAIT, its user has heard nothing, and its peer's FIN is answered. */
static void expect_waiting(void)
{
    assert_int_equal(state_of(1, at.server), TFSM_TIME_WAIT);
    assert_int_equal(news_of(1, at.server), 0);
    arrives(TFSM_FIN | TFSM_ACK, at.rcv_nxt - 1, at.snd_nxt);
    struct tfsm_packet answer = said();
    assert_int_equal(answer.segment.flags, TFSM_ACK);
    assert_int_equal(answer.segment.seq, at.snd_nxt);
    assert_int_equal(answer.segment.ack, at.rcv_nxt);
    expect_silence(1);
}

static void third_arrives(void)
{
    arrives(TFSM_ACK, at.irs + 1, at.iss + 1);
}

/* The next one has come about, and only now is the other over. */
static endpoint_handle expect_reopened(void)
{
    assert_int_equal(news_of(1, at.server) & TFSM_SIG_ENDS, TFSM_SIG_CLOSED);
    assert_int_equal(half_open(), 0);
    endpoint_handle next = accept_one(net.listener);
    assert_int_not_equal(next, 0);
    assert_int_equal(state_of(1, next), TFSM_ESTABLISHED);
    assert_int_equal(endpoint_tcb(net.host[1], next)->iss, at.iss);
    assert_int_equal(in_use(1), 1);
    check_books();
    return next;
}

/* ---- the handshake comes to its end ---- */

/* RFC9293:MAY-2b */
static void test_reopen_beside_third_segment_takes_the_place(void **state)
{
    (void)state;
    begin();
    assert_int_equal(in_use(1), 1);
    expect_waiting();
    third_arrives();
    (void)expect_reopened();
    arrives(TFSM_FIN | TFSM_ACK, at.rcv_nxt - 1, at.snd_nxt); /* now of the past */
    assert_int_equal(said().segment.seq, at.iss + 1);
}

/* RFC9293:MAY-2b: the SYN was an old duplicate: its peer knows nothing of the answer. */
static void test_reopen_beside_reset_goes_back(void **state)
{
    (void)state;
    begin();
    tfsm_time end = endpoint_tcb(net.host[1], at.server)->at_2msl;
    arrives(TFSM_RST, at.irs + 1, 0);
    assert_int_equal(half_open(), 0);
    assert_int_equal(listener_counted(net.listener, TFSM_COUNT_ENTRY_RESET), 1);
    assert_int_equal(endpoint_tcb(net.host[1], at.server)->at_2msl, end);
    expect_waiting();
    syn_arrives(); /* as often as it comes */
    arrives(TFSM_RST | TFSM_ACK, at.irs + 1, at.iss + 1);
    expect_waiting();
}

/* RFC9293:MAY-2b, RFC9293:MUST-23 */
static void test_reopen_beside_given_up_goes_back(void **state)
{
    (void)state;
    begin();
    net.drop = 3;
    pass(184 * SECOND);
    assert_int_equal(half_open(), 0);
    assert_int_equal(listener_counted(net.listener, TFSM_COUNT_ENTRY_TIMED_OUT), 1);
    expect_waiting();
    pass(601 * SECOND);
    assert_int_equal(news_of(1, at.server), TFSM_SIG_CLOSED);
    assert_int_equal(in_use(1), 0);
}

/* RFC9293:MUST-13: the timer goes on all the while; the next one is as any half-open connection then. */
static void test_reopen_beside_2msl_goes_on(void **state)
{
    (void)state;
    begin();
    net.drop = 3;
    tfsm_time end = endpoint_tcb(net.host[1], at.server)->at_2msl;
    net.now = end - 10 * SECOND;
    arrives(TFSM_RST, at.irs + 1, 0);
    syn_arrives();
    pass(9 * SECOND);
    assert_int_equal(news_of(1, at.server), 0);
    assert_int_equal(endpoint_tcb(net.host[1], at.server)->at_2msl, end);
    pass(1 * SECOND);
    assert_int_equal(state_of(1, at.server), TFSM_CLOSED);
    assert_int_equal(half_open(), 1);
    endpoint_handle own;
    struct endpoint_open open = {
        .local_port = PORT, .remote = v4(192, 0, 2, 1), .remote_port = CLIENT};
    assert_int_equal(endpoint_connect(net.host[1], &open, net.now, &own), TFSM_E_CONNECTION_EXISTS);
    third_arrives();
    (void)expect_reopened();
}

/* The user of the old one may still end it. */
static void test_reopen_beside_user_aborts_the_old_one(void **state)
{
    (void)state;
    begin();
    endpoint_abort(net.host[1], at.server, net.now);
    expect_silence(1);
    check_books();
    assert_int_equal(half_open(), 1);
    third_arrives();
    (void)expect_reopened();
}

/* ---- whose a segment is ---- */

/* RFC9293:MAY-2b: a RST at its own number ends the old one, and the next one knows nothing of it. */
static void test_reopen_beside_reset_of_the_old_one(void **state)
{
    (void)state;
    begin();
    arrives(TFSM_RST, at.rcv_nxt, 0);
    assert_int_equal(state_of(1, at.server), TFSM_CLOSED);
    assert_int_equal(half_open(), 1);
    third_arrives();
    (void)expect_reopened();
}

/* What is near and not right is challenged by the next one, and ends neither. */
static void test_reopen_beside_reset_in_the_window_is_challenged(void **state)
{
    (void)state;
    begin();
    arrives(TFSM_RST, at.irs + 2, 0);
    struct tfsm_packet answer = said();
    assert_int_equal(answer.segment.flags, TFSM_ACK);
    assert_int_equal(answer.segment.seq, at.iss + 1);
    assert_int_equal(answer.segment.ack, at.irs + 1);
    arrives(TFSM_ACK, at.irs + 1, at.iss + 2); /* acknowledges too much */
    answer = said();
    assert_int_equal(answer.segment.flags, TFSM_RST);
    assert_int_equal(answer.segment.seq, at.iss + 2);
    assert_int_equal(half_open(), 1);
    expect_waiting();
}

/* The SYN again is the next one's, with or without room for another. */
static void test_reopen_beside_syn_again(void **state)
{
    (void)state;
    begin();
    for (uint16_t i = 0; i < 15; i++) {
        struct tfsm_packet other = packet_from(v4(203, 0, 113, 9), i, TFSM_SYN);
        hand_in(&other);
        (void)said();
    }
    assert_int_equal(half_open(), 16); /* all the backlog there is */
    arrives(TFSM_SYN, at.irs, 0);
    struct tfsm_packet answer = said();
    assert_int_equal(answer.segment.ack, at.irs + 1);
    assert_int_equal(half_open(), 16);
    assert_int_equal(listener_counted(net.listener, TFSM_COUNT_ENTRY), 17); /* the first, too */
    expect_waiting();
}

/* RFC9293:3.10.7.4: an older SYN is challenged by the old one, and the next one does not see it. */
static void test_reopen_beside_older_syn(void **state)
{
    (void)state;
    begin();
    arrives(TFSM_SYN, at.rcv_nxt - 1, 0);
    struct tfsm_packet answer = said();
    assert_int_equal(answer.segment.flags, TFSM_ACK);
    assert_int_equal(answer.segment.seq, at.snd_nxt);
    assert_int_equal(answer.segment.ack, at.rcv_nxt);
    expect_waiting();
    third_arrives();
    (void)expect_reopened();
}

/* RFC9293:3.10.7.4: a SYN in the window of the next one puts it back, as without TIME-WAIT. */
static void test_reopen_beside_another_syn(void **state)
{
    (void)state;
    begin();
    arrives(TFSM_SYN, at.irs + 100, 0);
    assert_int_equal(half_open(), 0);
    expect_waiting();
    at.irs += 100;
    syn_arrives();
    third_arrives();
    (void)expect_reopened();
}

/* Only the next one has sent something that an ICMP error can be about. */
static void test_reopen_beside_icmp(void **state)
{
    (void)state;
    begin();
    struct tfsm_icmp_message message = {.meaning = TFSM_ICMP_HARD,
                                        .local = v4(192, 0, 2, 2),
                                        .remote = v4(192, 0, 2, 1),
                                        .local_port = PORT,
                                        .remote_port = CLIENT,
                                        .seq = at.snd_nxt - 1};
    endpoint_icmp(net.host[1], &message, net.now);
    assert_int_equal(half_open(), 1);
    message.seq = at.iss;
    endpoint_icmp(net.host[1], &message, net.now);
    assert_int_equal(half_open(), 0);
    assert_int_equal(counted(1)->icmp_in, 2);
    expect_waiting();
    endpoint_icmp(net.host[1], &message, net.now);
    assert_int_equal(counted(1)->icmp_in, 3); /* the one in TIME-WAIT: without effect */
    expect_waiting();
}

/* ---- no room ---- */

/* A full accept queue lets the third segment come to nothing: both stay as they are, or the next one is
 * reset. */
static void test_reopen_beside_accept_queue_full(void **state)
{
    for (unsigned reset = 0; reset < 2; reset++) {
        plan();
        start_hosts();
        struct tfsm_listener_policy policy = tfsm_listener_policy_default();
        policy.overflow = reset ? TFSM_OVERFLOW_RESET : TFSM_OVERFLOW_DROP;
        assert_int_equal(endpoint_set_listener(net.host[1], net.listener, &policy), TFSM_DONE);
        begin_waiting();
        syn_arrives();
        struct endpoint_open open = to_host_1();
        for (unsigned i = 0; i < 16; i++) {
            connect_with(&open);
            talk();
        }
        third_arrives();
        assert_int_equal(half_open(), reset ? 0 : 1);
        if (reset) {
            assert_int_equal(said().segment.flags & TFSM_RST, TFSM_RST);
        }
        expect_waiting();
        accept_one(net.listener);
        third_arrives();
        if (!reset) {
            assert_int_equal(news_of(1, at.server), TFSM_SIG_CLOSED);
        } else {
            assert_int_equal(state_of(1, at.server), TFSM_TIME_WAIT);
        }
        stop_hosts(state);
    }
}

/* The last slot is given away before the third segment comes: so is the next one's chance. */
static void test_reopen_beside_no_slot_left(void **state)
{
    (void)state;
    plan();
    net.config[1].connections = 2;
    start_hosts();
    begin_waiting();
    syn_arrives();
    struct endpoint_open open = to_host_1();
    connect_with(&open);
    talk();
    assert_int_equal(in_use(1), 2);
    third_arrives();
    assert_int_equal(listener_counted(net.listener, TFSM_COUNT_ACK_NO_SEAT), 1);
    assert_int_equal(half_open(), 1);
    expect_waiting();
    endpoint_release(net.host[1], at.server, net.now); /* and now there is its own */
    third_arrives();
    assert_int_equal(half_open(), 0);
    assert_int_equal(in_use(1), 2);
    assert_int_not_equal(accept_one(net.listener), 0);
    endpoint_handle next = accept_one(net.listener);
    assert_int_equal(endpoint_tcb(net.host[1], next)->iss, at.iss);
    check_books();
}

/* A connection whose user is gone leaves its slot, be it the only one or one of several. */
static void test_reopen_beside_released(void **state)
{
    for (unsigned slots = 1; slots < 4; slots++) {
        plan();
        net.config[1].connections = slots;
        start_hosts();
        begin_waiting();
        endpoint_release(net.host[1], at.server, net.now);
        syn_arrives();
        assert_int_equal(in_use(1), 1);
        third_arrives();
        assert_int_equal(in_use(1), 1);
        assert_null(endpoint_tcb(net.host[1], at.server));
        endpoint_handle next = accept_one(net.listener);
        assert_int_equal(endpoint_tcb(net.host[1], next)->iss, at.iss);
        check_books();
        stop_hosts(state);
    }
}

/* RFC9293:MAY-2a: no cookie, whatever the policy. */
static void test_reopen_beside_never_by_cookie(void **state)
{
    (void)state;
    plan();
    start_hosts();
    begin_waiting();
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    policy.cookies = TFSM_COOKIES_ALWAYS;
    assert_int_equal(endpoint_set_listener(net.host[1], net.listener, &policy), TFSM_DONE);
    syn_arrives();
    assert_int_equal(listener_counted(net.listener, TFSM_COUNT_COOKIE_SENT), 0);
    third_arrives();
    (void)expect_reopened();
}

/* A listener that closes resets what is half open, and TIME-WAIT goes on without it. */
static void test_reopen_beside_listener_closes(void **state)
{
    (void)state;
    begin();
    endpoint_handle closed = net.listener;
    assert_int_equal(endpoint_close(net.host[1], closed, net.now), TFSM_DONE);
    check_books();
    struct tfsm_packet answer = said();
    assert_true((answer.segment.flags & TFSM_RST) != 0);
    assert_int_equal(answer.segment.seq, at.iss + 1);
    expect_waiting();
    third_arrives(); /* for the one in TIME-WAIT: it is none of its numbers */
    assert_int_equal(said().segment.seq, at.snd_nxt);
    expect_waiting();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_reopen_beside_third_segment_takes_the_place, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_reset_goes_back, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_given_up_goes_back, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_2msl_goes_on, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_user_aborts_the_old_one, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_reset_of_the_old_one, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_reset_in_the_window_is_challenged, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_syn_again, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_older_syn, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_another_syn, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_icmp, stop_hosts),
        cmocka_unit_test(test_reopen_beside_accept_queue_full),
        cmocka_unit_test_teardown(test_reopen_beside_no_slot_left, stop_hosts),
        cmocka_unit_test(test_reopen_beside_released),
        cmocka_unit_test_teardown(test_reopen_beside_never_by_cookie, stop_hosts),
        cmocka_unit_test_teardown(test_reopen_beside_listener_closes, stop_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
