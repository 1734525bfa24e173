/* What arrives at an endpoint (harness/endpoint): segments for nobody, for listeners, for TIME-WAIT,
 * ICMP errors, answers to a Fast Open. */
#include "hosts.h"

/* ---- segments for nobody ---- */

/* RFC 9293 3.10.7.1: a reset that its sender will accept, and no reset for a reset. */
static void test_endpoint_segment_for_nobody_is_reset(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), 1234, TFSM_ACK);
    packet.dst_port = 81;
    hand_in(&packet);
    struct tfsm_packet reset = said();
    assert_int_equal(reset.segment.flags, TFSM_RST);
    assert_int_equal(reset.segment.seq, 9000);
    assert_int_equal(reset.src_port, 81);
    assert_int_equal(reset.dst_port, 1234);
    assert_memory_equal(&reset.src, &packet.dst, sizeof reset.src);
    assert_memory_equal(&reset.dst, &packet.src, sizeof reset.dst);
    expect_silence(1);
    packet.segment.flags = TFSM_RST | TFSM_ACK;
    hand_in(&packet);
    expect_silence(1);
    packet.segment.flags = TFSM_RST;
    packet.dst_port = PORT; /* for a listener it is the same */
    hand_in(&packet);
    expect_silence(1);
    packet.segment.flags = TFSM_ACK;
    hand_in(&packet);
    assert_int_equal(said().segment.flags, TFSM_RST);
    packet.segment.flags = TFSM_SYN | TFSM_ACK;
    packet.segment.len = 1;
    hand_in(&packet);
    assert_int_equal(said().segment.flags, TFSM_RST);
    assert_int_equal(counted(1)->unexpected, 2);
    assert_int_equal(counted(1)->opened, 0);
}

static void test_endpoint_connect_to_nobody_is_refused(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    open.remote_port = 81;
    endpoint_handle handle = connect_with(&open);
    talk();
    uint32_t news = news_of(0, handle);
    assert_true((news & TFSM_SIG_ENDS) != 0);
    assert_int_equal(state_of(0, handle), TFSM_CLOSED);
    assert_int_equal(endpoint_close(net.host[0], handle, net.now), TFSM_E_NO_CONNECTION);
    assert_int_equal(in_use(0), 0);
}

/* Answers to a flood are lost, not remembered; the rest is as ever. */
static void test_endpoint_answers_to_a_flood_are_bounded(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    for (uint16_t i = 0; i < 1000; i++) {
        struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), i, TFSM_ACK);
        packet.dst_port = 81;
        hand_in(&packet);
    }
    assert_int_equal(counted(1)->resets_lost, 1000 - 16);
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(said().dst_port, i); /* the oldest first */
    }
    expect_silence(1);
    endpoint_handle handle[2];
    open_pair(handle);
}

/* RFC9293:MUST-57 RFC9293:MUST-63 */
static void test_endpoint_broadcast_and_multicast_are_silent(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    const struct tfsm_address bad[] = {v4(255, 255, 255, 255), v4(224, 0, 0, 1), v4(192, 0, 2, 255),
                                       v4(198, 51, 100, 127), v4(0, 0, 0, 0)};
    const struct tfsm_address multicast_v6 = {.family = 6, .octets = {0xff, 0x02, [15] = 1}};
    const unsigned count = sizeof bad / sizeof bad[0];
    for (unsigned i = 0; i < count; i++) {
        struct tfsm_packet packet = packet_from(bad[i], 1234, TFSM_SYN);
        hand_in(&packet);
        packet = packet_from(v4(192, 0, 2, 1), 1234, TFSM_SYN);
        packet.dst = bad[i];
        hand_in(&packet);
        packet.segment.flags = TFSM_ACK;
        packet.dst_port = 81;
        hand_in(&packet);
    }
    struct tfsm_packet packet = packet_from(v6(1), 1234, TFSM_SYN);
    packet.dst = multicast_v6;
    hand_in(&packet);
    packet = packet_from(multicast_v6, 1234, TFSM_SYN);
    packet.dst = v6(2);
    hand_in(&packet);
    expect_silence(1);
    assert_int_equal(in_use(1), 0);
    assert_int_equal(counted(1)->source_refused, count + 1);
    assert_int_equal(counted(1)->destination_refused, 2 * count + 1);
    /* 198.51.100.128 is in the other half: a host. */
    packet = packet_from(v4(198, 51, 100, 128), 1234, TFSM_SYN);
    hand_in(&packet);
    assert_int_equal(said().segment.flags & ~(unsigned)TFSM_ECE, TFSM_SYN | TFSM_ACK);
}

/* RFC9293:MUST-63: no address of 0/8 is a host's, and loopback ones are at both ends or at none. */
static void test_endpoint_sources_that_cannot_be_are_silent(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    const struct tfsm_address loopback_v6 = {.family = 6, .octets = {[15] = 1}};
    const struct tfsm_address bad[] = {v4(0, 1, 2, 3), v4(127, 0, 0, 1), v4(127, 255, 255, 254)};
    const unsigned count = sizeof bad / sizeof bad[0];
    for (unsigned i = 0; i < count; i++) {
        struct tfsm_packet packet = packet_from(bad[i], 1234, TFSM_SYN);
        hand_in(&packet);
        packet.segment.flags = TFSM_ACK;
        hand_in(&packet);
    }
    struct tfsm_packet packet = packet_from(loopback_v6, 1234, TFSM_SYN);
    packet.dst = v6(2);
    hand_in(&packet);
    expect_silence(1);
    assert_int_equal(in_use(1), 0);
    assert_int_equal(counted(1)->source_refused, 2 * count + 1);
    /* 240/4 is reserved, not barred. */
    packet = packet_from(v4(240, 0, 0, 1), 1234, TFSM_SYN);
    hand_in(&packet);
    assert_int_equal(said().segment.flags & ~(unsigned)TFSM_ECE, TFSM_SYN | TFSM_ACK);
}

/* RFC9293:MUST-63: where ours is a loopback address, too, it is a SYN like any other, and only there; a
 * connection to one is from one. */
static void test_endpoint_loopback_talks_to_loopback(void **state)
{
    (void)state;
    plan_hosts();
    net.locals[1][0] = (struct endpoint_local){v4(127, 0, 0, 1), 8};
    start_hosts();
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), 1234, TFSM_SYN);
    packet.dst = v4(127, 0, 0, 1);
    hand_in(&packet);
    expect_silence(1);
    packet.src = v4(127, 8, 8, 8); /* nobody's */
    hand_in(&packet);
    expect_silence(1);
    packet.src = v4(127, 0, 0, 1);
    hand_in(&packet);
    assert_int_equal(said().segment.flags & ~(unsigned)TFSM_ECE, TFSM_SYN | TFSM_ACK);
    struct endpoint_open open = {.remote = v4(203, 0, 113, 1), .remote_port = PORT};
    endpoint_handle handle;
    assert_int_equal(endpoint_connect(net.host[1], &open, net.now, &handle), TFSM_DONE);
    packet = said();
    assert_int_equal(packet.src.octets[0], 198); /* the first that is none */
    open.local = v4(127, 0, 0, 1);
    assert_int_equal(endpoint_connect(net.host[1], &open, net.now, &handle), TFSM_E_INVALID);
}

static void test_endpoint_segment_for_somebody_else_is_silent(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), 1234, TFSM_ACK);
    packet.dst = v4(192, 0, 2, 77);
    hand_in(&packet);
    packet.dst = v6(2); /* ours, but the families differ */
    hand_in(&packet);
    expect_silence(1);
    assert_int_equal(counted(1)->not_ours, 1);
}

/* Nothing unsound gets further. */
static void test_endpoint_unsound_packets_are_dropped(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    uint8_t octets[PACKET];
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), 1234, TFSM_SYN);
    size_t n = tfsm_write(&packet, NULL, octets, sizeof octets);
    octets[39] ^= 1;
    endpoint_input(net.host[1], octets, n, net.now);
    assert_int_equal(counted(1)->unparsed[TFSM_WIRE_CHECKSUM], 1);
    endpoint_input(net.host[1], octets, 0, net.now);
    endpoint_input(net.host[1], octets, 21, net.now);
    n = tfsm_write(&packet, NULL, octets, sizeof octets);
    octets[9] += 11; /* UDP ... */
    octets[4] = 0xff;
    octets[5] = 0xff - 11; /* ... with a good checksum */
    endpoint_input(net.host[1], octets, n, net.now);
    assert_int_equal(counted(1)->unparsed[TFSM_WIRE_PROTOCOL], 1);
    expect_silence(1);
    assert_int_equal(counted(1)->segments_in, 0);
}

/* RFC9293:MUST-7. A SYN with an MSS, and behind it one more option of kind and length. */
static void hand_in_option(uint16_t port, unsigned kind, unsigned length)
{
    uint8_t octets[PACKET];
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), port, TFSM_SYN);
    packet.segment.len = 1;
    packet.segment.options = TFSM_OPT_MSS | TFSM_OPT_USER_TIMEOUT;
    packet.segment.mss = 1000;
    packet.segment.user_timeout = 0x0101;
    size_t n = tfsm_write(&packet, NULL, octets, sizeof octets);
    assert_int_equal(n, 48);
    uint32_t before = octets[44] * 256u + octets[45];
    uint32_t sum = octets[36] * 256u + octets[37] + before + 0xffffu - (kind * 256u + length);
    sum = (sum & 0xffffu) + (sum >> 16);
    sum = (sum & 0xffffu) + (sum >> 16);
    octets[36] = (uint8_t)(sum >> 8);
    octets[37] = (uint8_t)(sum & 0xffu);
    octets[44] = (uint8_t)kind;
    octets[45] = (uint8_t)length;
    endpoint_input(net.host[1], octets, n, net.now);
}

/* RFC9293:MUST-7. Who writes an option wrong writes it wrong again: to drop the segment is to drop
 * the peer. What can be read of it is taken. */
static void test_endpoint_bad_options_do_no_harm(void **state)
{
    (void)state;
    static const uint8_t options[][2] = {{28, 3}, {28, 2}, {8, 4},  {253, 4}, {28, 0},
                                         {28, 1}, {28, 5}, {8, 10}, {253, 0}, {253, 255}};
    const unsigned legal = 4; /* of these */
    plan_hosts();
    start_hosts();
    for (uint16_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        hand_in_option(i, options[i][0], options[i][1]);
        struct tfsm_packet answer = said();
        assert_int_equal(answer.dst_port, i);
        assert_int_equal(answer.segment.flags, TFSM_SYN | TFSM_ACK);
        assert_int_equal(counted(1)->options_cut, i < legal ? 0 : i + 1 - legal);
    }
    for (unsigned i = 0; i < TFSM_WIRE_RESULTS; i++) {
        assert_int_equal(counted(1)->unparsed[i], 0);
    }
    expect_silence(1);
}

/* ---- listeners ---- */

/* RFC9293:MUST-41 RFC9293:MUST-42 */
static void test_endpoint_listeners_share_a_port(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_listening listening = {
        .local = v4(198, 51, 100, 2), .port = PORT, .backlog = 1};
    struct endpoint_open open = to_host_1();
    endpoint_handle exact;
    endpoint_handle again;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &exact), TFSM_DONE);
    assert_int_equal(endpoint_listen(net.host[1], &listening, &again), TFSM_E_CONNECTION_EXISTS);
    connect_with(&open);
    talk();
    assert_int_equal(accept_one(exact), 0);
    assert_int_not_equal(accept_one(net.listener), 0);
    open.remote = v4(198, 51, 100, 2);
    connect_with(&open);
    talk();
    assert_int_equal(accept_one(net.listener), 0);
    assert_int_not_equal(accept_one(exact), 0);
    assert_int_equal(endpoint_close(net.host[1], exact, net.now), TFSM_DONE);
    assert_int_equal(endpoint_accept(net.host[1], exact, &again), TFSM_E_NO_CONNECTION);
    listening.port = 81; /* in the same place as the one that is gone */
    assert_int_equal(endpoint_listen(net.host[1], &listening, &again), TFSM_DONE);
    assert_int_not_equal(again, exact);
    assert_int_equal(endpoint_close(net.host[1], exact, net.now), TFSM_E_NO_CONNECTION);
    connect_with(&open); /* now it is for the one that takes any address */
    talk();
    assert_int_not_equal(accept_one(net.listener), 0);
}

/* RFC9293:3.1a: bits that mean nothing change nothing, and nobody of ours sets them. */
static void test_endpoint_reserved_bits_mean_nothing(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), 1234, TFSM_SYN);
    packet.reserved = 15;
    hand_in(&packet);
    struct tfsm_packet answer = said();
    assert_int_equal(answer.segment.flags & ~(unsigned)TFSM_ECE, TFSM_SYN | TFSM_ACK);
    assert_int_equal(answer.reserved, 0);
    packet.segment.flags = TFSM_ACK;
    packet.segment.seq++;
    packet.segment.len = 0;
    packet.segment.ack = seq_add(answer.segment.seq, 1);
    hand_in(&packet);
    endpoint_handle handle = accept_one(net.listener);
    assert_int_equal(state_of(1, handle), TFSM_ESTABLISHED);
    packet.segment.flags = TFSM_ACK | TFSM_FIN;
    packet.segment.len = 1;
    hand_in(&packet);
    answer = said();
    assert_int_equal(answer.segment.ack, seq_add(packet.segment.seq, 1));
    assert_int_equal(answer.reserved, 0);
    assert_int_equal(state_of(1, handle), TFSM_CLOSE_WAIT);
    packet.dst_port = 81;
    hand_in(&packet);
    answer = said();
    assert_int_equal(answer.segment.flags & TFSM_RST, TFSM_RST);
    assert_int_equal(answer.reserved, 0);
}

static void test_endpoint_listen_checks_what_it_is_given(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[1].listeners = 2;
    start_hosts();
    struct endpoint_listening listening = {.local = v4(192, 0, 2, 9), .port = 1, .backlog = 1};
    endpoint_handle handle;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &handle), TFSM_E_INVALID);
    listening.local = any_address(0);
    assert_int_equal(endpoint_listen(net.host[1], &listening, &handle), TFSM_E_INVALID);
    listening.local = any_address(4);
    listening.backlog = 0;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &handle), TFSM_E_INVALID);
    listening.backlog = 1;
    listening.port = 0;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &handle), TFSM_E_INVALID);
    listening.port = 1;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &handle), TFSM_DONE);
    listening.port = 2;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &handle),
                     TFSM_E_INSUFFICIENT_RESOURCES);
}

static void test_endpoint_backlog_bounds_what_waits(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_listener_policy policy = {.syn_ack_retries = 5};
    struct endpoint_listening listening = {
        .local = any_address(4), .port = 81, .backlog = 3, .policy = &policy};
    endpoint_handle listener;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &listener), TFSM_DONE);
    struct endpoint_open open = to_host_1();
    open.remote_port = 81;
    for (unsigned i = 0; i < 5; i++) {
        connect_with(&open);
    }
    talk();
    assert_int_equal(in_use(1), 3);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_SYN_QUEUE_FULL), 2);
    uint32_t news = 0;
    assert_int_equal(endpoint_news(net.host[1], listener, &news), TFSM_DONE);
    assert_int_equal(news, ENDPOINT_ACCEPTABLE);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_not_equal(accept_one(listener), 0);
    }
    assert_int_equal(accept_one(listener), 0);
    pass(2 * SECOND); /* the SYNs come again */
    assert_int_not_equal(accept_one(listener), 0);
    assert_int_not_equal(accept_one(listener), 0);
}

/* RFC4987:3.4: with recycling a flood must be faster than the round trip. */
static void test_endpoint_backlog_recycles_the_oldest(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_listener_policy policy = {.recycle = true, .syn_ack_retries = 5};
    struct endpoint_listening listening = {
        .local = any_address(4), .port = 81, .backlog = 4, .policy = &policy};
    endpoint_handle listener;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &listener), TFSM_DONE);
    for (uint16_t i = 0; i < 100; i++) {
        struct tfsm_packet packet = packet_from(v4(203, 0, 113, 9), (uint16_t)(i + 1), TFSM_SYN);
        packet.dst_port = 81;
        hand_in(&packet);
    }
    assert_int_equal(in_use(1), 0);
    assert_int_equal(endpoint_half_open(net.host[1], listener), 4);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_ENTRY_RECYCLED), 96);
    struct endpoint_open open = to_host_1();
    open.remote_port = 81;
    endpoint_handle handle = connect_with(&open);
    talk();
    assert_int_equal(state_of(0, handle), TFSM_ESTABLISHED);
    assert_int_not_equal(accept_one(listener), 0);
}

static void test_endpoint_half_open_connection_that_is_reset_is_freed(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 9), 1234, TFSM_SYN);
    hand_in(&packet);
    struct tfsm_packet syn_ack = said();
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 1);
    packet.segment.flags = TFSM_RST;
    packet.segment.len = 0;
    packet.segment.seq = syn_ack.segment.ack;
    hand_in(&packet);
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 0);
    expect_silence(1);
    packet.segment.flags = TFSM_SYN; /* and the listener is as it was */
    packet.segment.len = 1;
    hand_in(&packet);
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 1);
    said();
    pass(184 * SECOND); /* nobody answers the SYN-ACK */
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 0);
    assert_int_equal(in_use(1), 0);
}

/* Through endpoint_segment() what is no segment at all can come: it leaves nothing behind. */
static void test_endpoint_impossible_segment_for_a_listener(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 9), 1234, TFSM_SYN);
    packet.segment.len = 0; /* not even its SYN */
    hand_in(&packet);
    assert_int_equal(in_use(1), 0);
    check_books();
    packet.segment.flags = TFSM_SYN | TFSM_ACK;
    hand_in(&packet);
    expect_silence(1);
    assert_int_equal(counted(1)->invalid, 2);
    assert_int_equal(in_use(1), 0);
}

static void test_endpoint_closing_a_listener_aborts_what_it_holds(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    endpoint_handle waiting = connect_with(&open);
    talk();
    struct tfsm_packet packet = packet_from(v4(203, 0, 113, 9), 1234, TFSM_SYN);
    hand_in(&packet); /* half open */
    assert_int_equal(in_use(1), 1);
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 1);
    assert_int_equal(endpoint_close(net.host[1], net.listener, net.now), TFSM_DONE);
    talk();
    uint64_t counters[TFSM_LISTENER_COUNTS];
    assert_int_equal(endpoint_listener_counted(net.host[1], 0, counters), TFSM_DONE);
    assert_int_equal(counters[TFSM_COUNT_ENTRY_CLOSED], 1);
    assert_int_equal(endpoint_listener_counted(net.host[1], net.listener, counters),
                     TFSM_E_NO_CONNECTION);
    assert_int_equal(in_use(1), 0);
    assert_true((news_of(0, waiting) & TFSM_SIG_RESET) != 0);
    endpoint_handle who;
    uint32_t news;
    assert_false(endpoint_next(net.host[1], &who, &news));
}
/* ---- TIME-WAIT ---- */

/* RFC9293:MAY-2a RFC9293:MAY-2b RFC6191:2a */
static void test_endpoint_newer_syn_ends_time_wait(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    open.local_port = 1234;
    endpoint_handle first = connect_with(&open);
    talk();
    endpoint_handle server = accept_one(net.listener);
    endpoint_close(net.host[1], server, net.now); /* the server closes first: TIME-WAIT is there */
    talk();
    endpoint_close(net.host[0], first, net.now);
    talk();
    assert_int_equal(state_of(1, server), TFSM_TIME_WAIT);
    uint32_t last = endpoint_tcb(net.host[1], server)->snd_nxt;
    assert_int_equal(news_of(0, first) & TFSM_SIG_ENDS, TFSM_SIG_CLOSED);
    assert_int_equal(in_use(0), 0);
    pass(SECOND);
    endpoint_handle second = connect_with(&open); /* the same four */
    talk();
    assert_int_equal(state_of(0, second), TFSM_ESTABLISHED);
    assert_int_equal(state_of(1, server), TFSM_CLOSED);
    assert_int_equal(news_of(1, server) & TFSM_SIG_ENDS, TFSM_SIG_CLOSED);
    endpoint_handle again = accept_one(net.listener);
    assert_int_not_equal(again, 0);
    assert_true(seq_lt(last, endpoint_tcb(net.host[1], again)->iss));
    assert_int_equal(in_use(1), 1);
}

/* RFC6191:2c: also where the clock of ISNs has not passed the old numbers yet. */
static void test_endpoint_reopened_connection_has_a_later_isn(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    open.local_port = 1234;
    endpoint_handle first = connect_with(&open);
    talk();
    endpoint_handle server = accept_one(net.listener);
    send_some(1, server, 0, 5000);
    endpoint_close(net.host[1], server, net.now);
    talk();
    endpoint_close(net.host[0], first, net.now);
    talk();
    assert_int_equal(state_of(1, server), TFSM_TIME_WAIT);
    uint32_t last = endpoint_tcb(net.host[1], server)->snd_nxt;
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), 1234, TFSM_SYN);
    packet.segment.seq = endpoint_tcb(net.host[1], server)->rcv_nxt + 1000;
    hand_in(&packet);
    struct tfsm_packet answer = said();
    assert_int_equal(answer.segment.ack, packet.segment.seq + 1);
    assert_true(seq_lt(last, answer.segment.seq));
}

/* Without a listener nobody would take the SYN: TIME-WAIT stays. */
static void test_endpoint_syn_in_time_wait_without_listener(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    open.local_port = 1234;
    endpoint_handle first = connect_with(&open);
    talk();
    endpoint_handle server = accept_one(net.listener);
    endpoint_close(net.host[1], server, net.now);
    talk();
    endpoint_close(net.host[0], first, net.now);
    talk();
    news_of(0, first);
    endpoint_close(net.host[1], net.listener, net.now);
    pass(SECOND);
    connect_with(&open);
    net.drop = 2; /* else the answer would make host 0 reset it */
    talk();
    assert_int_equal(state_of(1, server), TFSM_TIME_WAIT);
    assert_int_equal(net.last[1].segment.flags, TFSM_ACK);
}

/* From port 1234 of host 0; host 1 is in TIME-WAIT and host 0 may connect again. */
static endpoint_handle leave_time_wait(const struct endpoint_open *open, endpoint_handle listener)
{
    endpoint_handle first = connect_with(open);
    talk();
    endpoint_handle server = accept_one(listener);
    endpoint_close(net.host[1], server, net.now);
    talk();
    endpoint_close(net.host[0], first, net.now);
    talk();
    news_of(0, first);
    news_of(1, server);
    assert_int_equal(state_of(1, server), TFSM_TIME_WAIT);
    return server;
}

/* A listener with no room in its backlog takes no SYN, unless it recycles. TIME-WAIT stays. */
static void test_endpoint_syn_in_time_wait_with_backlog_full(void **state)
{
    for (unsigned recycle = 0; recycle < 2; recycle++) {
        plan_hosts();
        start_hosts();
        struct tfsm_listener_policy policy = {.recycle = recycle != 0, .syn_ack_retries = 5};
        struct endpoint_listening listening = {
            .local = any_address(4), .port = 81, .backlog = 1, .policy = &policy};
        struct endpoint_open open = to_host_1();
        struct tfsm_packet stranger = packet_from(v4(203, 0, 113, 9), 1, TFSM_SYN);
        endpoint_handle listener;
        assert_int_equal(endpoint_listen(net.host[1], &listening, &listener), TFSM_DONE);
        open.local_port = 1234;
        open.remote_port = 81;
        endpoint_handle server = leave_time_wait(&open, listener);
        stranger.dst_port = 81;
        hand_in(&stranger); /* half open: all the backlog there is */
        talk();             /* host 0 drops the SYN-ACK: not its address */
        pass(SECOND / 2);
        connect_with(&open);
        net.drop = 2;
        talk();
        assert_int_equal(state_of(1, server), TFSM_TIME_WAIT);
        assert_int_equal(net.last[1].segment.flags & TFSM_SYN, recycle ? TFSM_SYN : 0);
        assert_int_equal(listener_counted(listener, TFSM_COUNT_SYN_QUEUE_FULL), 0);
        stop_hosts(state);
    }
}

/* Nor does one without a slot: that of TIME-WAIT is free only when its user is gone. */
static void test_endpoint_syn_in_time_wait_without_a_slot(void **state)
{
    for (unsigned released = 0; released < 2; released++) {
        struct endpoint_config *config = plan_hosts();
        config[1].connections = 1;
        start_hosts();
        struct endpoint_open open = to_host_1();
        open.local_port = 1234;
        endpoint_handle server = leave_time_wait(&open, net.listener);
        if (released) {
            endpoint_release(net.host[1], server, net.now);
        }
        pass(SECOND);
        connect_with(&open);
        net.drop = 2;
        talk();
        assert_int_equal(net.last[1].segment.flags & TFSM_SYN, released ? TFSM_SYN : 0);
        if (!released) {
            assert_int_equal(state_of(1, server), TFSM_TIME_WAIT);
        }
        assert_int_equal(listener_counted(net.listener, TFSM_COUNT_SYN_NO_SEAT), 0);
        stop_hosts(state);
    }
}
/* ---- ICMP ---- */

static struct tfsm_icmp_message icmp_about(endpoint_handle handle, enum tfsm_icmp meaning)
{
    struct endpoint_status_block status;
    const struct tfsm_tcb *tcb = endpoint_tcb(net.host[0], handle);
    assert_non_null(tcb);
    endpoint_status(net.host[0], handle, &status);
    return (struct tfsm_icmp_message){.meaning = meaning,
                                      .local = status.local,
                                      .remote = status.remote,
                                      .local_port = status.local_port,
                                      .remote_port = status.remote_port,
                                      .seq = tcb->snd_una};
}

/* The ICMP message "port unreachable" about the last segment of host 0, from somebody to somebody;
 * returns its length. */
static size_t unreachable(const uint8_t source[4], const uint8_t destination[4],
                          uint8_t octets[PACKET])
{
    size_t quoted = tfsm_write(&net.last[0], NULL, octets + 28, PACKET - 28);
    uint32_t sum = 0;
    memcpy(octets,
           (const uint8_t[28]){0x45, 0, 0, (uint8_t)(28 + quoted), [8] = 64, 1, [20] = 3, 3}, 28);
    memcpy(octets + 12, source, 4);
    memcpy(octets + 16, destination, 4);
    for (unsigned i = 0; i < 20; i += 2) {
        sum += octets[i] * 256u + octets[i + 1];
    }
    sum = 0xffffu - (sum % 0xffffu);
    octets[10] = (uint8_t)(sum >> 8);
    octets[11] = (uint8_t)(sum & 0xffu);
    sum = 0;
    for (size_t i = 20; i < 28 + quoted; i += 2) {
        sum += octets[i] * 256u + octets[i + 1];
    }
    sum = 0xffffu - (sum % 0xffffu);
    octets[22] = (uint8_t)(sum >> 8);
    octets[23] = (uint8_t)(sum & 0xffu);
    return 28 + quoted;
}

/* RFC1122:3.2.1.3: what comes from no host or is not for us is dropped, ICMP as well. */
static void test_endpoint_icmp_with_bad_addresses_is_dropped(void **state)
{
    (void)state;
    const uint8_t ours[4] = {192, 0, 2, 1};
    const uint8_t router[4] = {203, 0, 113, 1};
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    uint8_t octets[PACKET];
    const uint8_t bad[4][4] = {
        {224, 0, 0, 1}, {192, 0, 2, 255}, {255, 255, 255, 255}, {127, 0, 0, 1}};
    net.drop = 1;
    endpoint_handle handle = connect_with(&open);
    talk();
    for (unsigned i = 0; i < 4; i++) {
        size_t n = unreachable(bad[i], ours, octets);
        endpoint_input(net.host[0], octets, n, net.now);
        assert_int_equal(state_of(0, handle), TFSM_SYN_SENT);
    }
    assert_int_equal(counted(0)->source_refused, 4);
    const uint8_t others[2][4] = {{192, 0, 2, 77}, {192, 0, 2, 255}};
    for (unsigned i = 0; i < 2; i++) {
        size_t n = unreachable(router, others[i], octets);
        endpoint_input(net.host[0], octets, n, net.now);
        assert_int_equal(state_of(0, handle), TFSM_SYN_SENT);
    }
    assert_int_equal(counted(0)->not_ours, 1);
    assert_int_equal(counted(0)->destination_refused, 1);
    size_t n = unreachable(router, ours, octets);
    endpoint_input(net.host[0], octets, n, net.now);
    assert_int_equal(state_of(0, handle), TFSM_CLOSED);
}

/* RFC9293:MUST-54 RFC9293:SHLD-26 */
static void test_endpoint_icmp_hard_ends_an_opening(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    net.drop = 1;
    struct endpoint_open open = to_host_1();
    endpoint_handle handle = connect_with(&open);
    endpoint_handle other = connect_with(&open);
    talk();
    struct tfsm_icmp_message message = icmp_about(handle, TFSM_ICMP_HARD);
    endpoint_icmp(net.host[0], &message, net.now);
    assert_int_equal(news_of(0, handle), TFSM_SIG_UNREACHABLE);
    assert_int_equal(state_of(0, handle), TFSM_CLOSED);
    assert_int_equal(state_of(0, other), TFSM_SYN_SENT);
    endpoint_icmp(net.host[0], &message, net.now); /* for nobody now */
    assert_int_equal(counted(0)->icmp_in, 1);
    assert_int_equal(counted(0)->icmp_unknown, 1);
    message.local = v4(192, 0, 2, 2);
    endpoint_icmp(net.host[0], &message, net.now);
    assert_int_equal(counted(0)->icmp_unknown, 2);
}

/* RFC9293:MUST-47 RFC9293:MUST-56 RFC9293:SHLD-25 RFC9293:SHLD-20 */
static void test_endpoint_icmp_soft_is_told_unless_muted(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    struct endpoint_options options;
    open_pair(handle);
    news_of(0, handle[0]);
    net.drop = 1;
    send_some(0, handle[0], 0, 10);
    talk();
    struct tfsm_icmp_message message = icmp_about(handle[0], TFSM_ICMP_SOFT);
    endpoint_icmp(net.host[0], &message, net.now);
    assert_int_equal(news_of(0, handle[0]), TFSM_SIG_SOFT_ERROR);
    assert_int_equal(state_of(0, handle[0]), TFSM_ESTABLISHED);
    assert_int_equal(endpoint_get(net.host[0], handle[0], &options), TFSM_DONE);
    options.mute = UINT32_MAX;
    assert_int_equal(endpoint_set(net.host[0], handle[0], &options, net.now), TFSM_DONE);
    endpoint_icmp(net.host[0], &message, net.now);
    assert_int_equal(news_of(0, handle[0]), 0);
    pass(3600 * SECOND); /* but the end is told to who is mute about everything */
    assert_int_equal(news_of(0, handle[0]), TFSM_SIG_TIMED_OUT);
}

/* The whole way, through octets. */
static void test_endpoint_icmp_too_big_makes_segments_smaller(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    uint8_t octets[PACKET];
    uint8_t icmp[56] = {0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 254, 192, 0, 2, 1};
    open_pair(handle);
    assert_int_equal(send_some(0, handle[0], 0, 3000), 3000);
    size_t n = endpoint_output(net.host[0], net.now, octets, sizeof octets);
    assert_true(n >= 1400);
    icmp[20] = 3; /* destination unreachable: fragmentation needed, MTU 1000 */
    icmp[21] = 4;
    icmp[26] = 1000 >> 8;
    icmp[27] = 1000 & 0xff;
    memcpy(icmp + 28, octets, 28);
    for (unsigned from = 0; from < 2; from++) { /* the checksums of IP and of ICMP */
        unsigned at = from == 0 ? 0 : 20;
        unsigned end = from == 0 ? 20 : 56;
        uint32_t sum = 0;
        for (unsigned i = at; i < end; i += 2) {
            sum += (uint32_t)(icmp[i] << 8 | icmp[i + 1]);
        }
        sum = (sum & 0xffff) + (sum >> 16);
        sum = 0xffff - ((sum & 0xffff) + (sum >> 16));
        icmp[from == 0 ? 10 : 22] = (uint8_t)(sum >> 8);
        icmp[from == 0 ? 11 : 23] = (uint8_t)(sum & 0xff);
    }
    endpoint_input(net.host[0], icmp, sizeof icmp, net.now);
    assert_int_equal(counted(0)->icmp_in, 1);
    assert_int_equal(endpoint_tcb(net.host[0], handle[0])->snd_mss, 960);
    n = endpoint_output(net.host[0], net.now, octets, sizeof octets);
    assert_in_range(n, 40, 1000);
    pass(10 * SECOND);
    assert_int_equal(endpoint_readable(net.host[1], handle[1]), 3000);
}
/* ---- Fast Open ---- */

/* Host 0 opens; the answer is by hand. The cookie is in the SYN-ACK where one is given. */
static endpoint_handle open_fast(uint16_t port, struct tfsm_packet *syn)
{
    struct endpoint_open open = {.remote = v4(192, 0, 2, 2), .remote_port = port};
    struct endpoint_piece text[2];
    endpoint_handle handle;
    size_t taken = 0;
    while (endpoint_take(net.host[0], net.now, syn, text)) { /* what is left of others */
    }
    assert_int_equal(endpoint_connect_fast(net.host[0], &open, (const uint8_t *)"GET /", 5, net.now,
                                           &handle, &taken),
                     TFSM_DONE);
    assert_int_equal(taken, 5);
    assert_true(endpoint_take(net.host[0], net.now, syn, text));
    assert_true((syn->segment.flags & TFSM_SYN) != 0);
    assert_int_equal(text[0].len + text[1].len, syn->segment.len - 1);
    if (syn->segment.len > 1) {
        assert_memory_equal(text[0].octets, "GET /", 5);
    }
    return handle;
}

static void answer_syn(const struct tfsm_packet *syn, uint32_t ack, uint8_t cookie_len)
{
    struct tfsm_packet packet = {.src = syn->dst,
                                 .dst = syn->src,
                                 .src_port = syn->dst_port,
                                 .dst_port = syn->src_port,
                                 .cookie = {1, 2, 3, 4, 5, 6, 7, 8},
                                 .segment = {.seq = 500,
                                             .ack = ack,
                                             .len = 1,
                                             .wnd = 60000,
                                             .flags = TFSM_SYN | TFSM_ACK,
                                             .options = TFSM_OPT_MSS,
                                             .mss = 1200,
                                             .cookie_len = cookie_len}};
    packet.segment.options |= cookie_len > 0 ? TFSM_OPT_FAST_OPEN : 0;
    endpoint_segment(net.host[0], &packet, NULL, net.now);
}

static bool knows_cookie(uint16_t port)
{
    struct endpoint_open open = {.remote = v4(192, 0, 2, 2), .remote_port = port};
    return endpoint_knows_cookie(net.host[0], &open, net.now);
}

/* RFC7413:4.1.3a RFC7413:4.1.3b RFC7413:4.2.1a RFC7413:4.2.2a RFC7413:4.2.2e */
static void test_endpoint_fast_open_keeps_the_cookie(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_packet syn;
    endpoint_handle handle = open_fast(PORT, &syn);
    assert_true((syn.segment.options & TFSM_OPT_FAST_OPEN) != 0);
    assert_int_equal(syn.segment.cookie_len, 0);
    assert_int_equal(syn.segment.len, 1); /* no cookie, no text */
    assert_false(knows_cookie(PORT));
    answer_syn(&syn, syn.segment.seq + 1, 8);
    assert_true(knows_cookie(PORT));
    assert_true(knows_cookie(81));
    assert_int_equal(state_of(0, handle), TFSM_ESTABLISHED);
    assert_int_equal(news_of(0, handle), TFSM_SIG_CONNECTED);
    open_fast(81, &syn); /* another port of the same host: the cookie is good there, too */
    assert_int_equal(syn.segment.cookie_len, 8);
    assert_memory_equal(syn.cookie, "\1\2\3\4\5\6\7\10", 8);
    assert_int_equal(syn.segment.len, 6);
}

/* RFC7413:2 RFC7413:6.1: a cookie is no reason to use it. */
static void test_endpoint_fast_open_only_for_who_asks(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_packet syn;
    struct endpoint_piece text[2];
    struct endpoint_open open = to_host_1();
    open_fast(PORT, &syn);
    answer_syn(&syn, syn.segment.seq + 1, 8);
    while (endpoint_take(net.host[0], net.now, &syn, text)) { /* what is left of it */
    }
    endpoint_handle handle = connect_with(&open);
    assert_int_equal(send_some(0, handle, 0, 5), 5);
    assert_true(endpoint_take(net.host[0], net.now, &syn, text));
    assert_int_equal(syn.segment.flags & TFSM_SYN, TFSM_SYN);
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, 0);
    assert_int_equal(syn.segment.len, 1);
}

/* RFC7413:4.1.3.1a RFC7413:4.1.3.1b */
static void test_endpoint_fast_open_remembers_a_refusal(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].fast_open_pause = 100 * SECOND;
    start_hosts();
    struct tfsm_packet syn;
    open_fast(PORT, &syn);
    answer_syn(&syn, syn.segment.seq + 1, 0); /* knows no Fast Open */
    open_fast(PORT, &syn);
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, 0);
    open_fast(81, &syn); /* another port may */
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, TFSM_OPT_FAST_OPEN);
    answer_syn(&syn, syn.segment.seq + 1, 8);
    pass(101 * SECOND);
    open_fast(PORT, &syn); /* it is asked again after a while */
    assert_int_equal(syn.segment.cookie_len, 8);
    answer_syn(&syn, syn.segment.seq + 1, 0); /* takes the SYN and not its text */
    assert_false(knows_cookie(PORT));
    assert_true(knows_cookie(81));
    open_fast(PORT, &syn);
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, 0);
}
/* RFC7413:4.1.3.1a RFC7413:4.2.1c: silence, or an ICMP error, is a bad answer, too. */
static void test_endpoint_fast_open_that_failed_is_not_tried_again(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_packet syn;
    endpoint_handle handle = open_fast(PORT, &syn);
    struct tfsm_icmp_message message = icmp_about(handle, TFSM_ICMP_HARD);
    endpoint_icmp(net.host[0], &message, net.now);
    assert_int_equal(news_of(0, handle), TFSM_SIG_UNREACHABLE);
    open_fast(PORT, &syn);
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, 0);
    net.drop = 1;
    open_fast(81, &syn);
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, TFSM_OPT_FAST_OPEN);
    pass(600 * SECOND);
    open_fast(81, &syn);
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, 0);
}

/* Of one peer or of several: each port that refused rests, and as long as it should (RFC7413:4.1.3.1a). */
static void test_endpoint_fast_open_remembers_every_refusal(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].fast_open_pause = 1000 * SECOND;
    config[0].connections = 1000;
    start_hosts();
    struct tfsm_packet syn;
    open_fast(PORT, &syn);
    answer_syn(&syn, syn.segment.seq + 1, 8);
    for (uint16_t i = 0; i < 400; i++) { /* more than there are places */
        open_fast((uint16_t)(1000 + i), &syn);
        answer_syn(&syn, syn.segment.seq + 1, 0);
        for (uint16_t j = 0; j <= i; j++) {
            assert_false(knows_cookie((uint16_t)(1000 + j)));
        }
        assert_true(i >= 8 || knows_cookie(PORT)); /* and while there are places nobody else does */
    }
    open_fast(1000, &syn);
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, 0);
    pass(1001 * SECOND);
    for (uint16_t i = 0; i < 400; i++) {
        assert_true(knows_cookie((uint16_t)(1000 + i)));
    }
}

/* A cookie that comes says that this port is well, and nothing of the others. */
static void test_endpoint_fast_open_a_cookie_lifts_its_own_port(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_packet syn[2];
    open_fast(80, &syn[0]);
    open_fast(80, &syn[1]);
    answer_syn(&syn[0], syn[0].segment.seq + 1, 0);
    assert_false(knows_cookie(80));
    struct tfsm_packet other;
    open_fast(81, &other);
    answer_syn(&other, other.segment.seq + 1, 0);
    answer_syn(&syn[1], syn[1].segment.seq + 1, 8);
    assert_true(knows_cookie(80));
    assert_false(knows_cookie(81));
}

/* Other peers take no place from a port that rests, and none from a cookie while there are places. */
static void test_endpoint_fast_open_peers_do_not_put_out_one_another(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].connections = 1000;
    start_hosts();
    struct tfsm_packet syn;
    struct endpoint_open open = {.remote_port = PORT};
    struct endpoint_piece text[2];
    for (unsigned peer = 0; peer < 200; peer++) {
        endpoint_handle handle;
        open.remote = v4(192, 0, 2, 10 + peer);
        assert_int_equal(endpoint_connect_fast(net.host[0], &open, NULL, 0, net.now, &handle, NULL),
                         TFSM_DONE);
        while (endpoint_take(net.host[0], net.now, &syn, text)) {
            if ((syn.segment.flags & TFSM_SYN) != 0) {
                answer_syn(&syn, syn.segment.seq + 1, peer == 0 ? 0 : 8);
            }
        }
        for (unsigned known = peer > 7 ? peer : 1; known <= peer; known++) {
            open.remote = v4(192, 0, 2, 10 + known);
            assert_true(endpoint_knows_cookie(net.host[0], &open, net.now));
        }
    }
    endpoint_handle handle;
    open.remote = v4(192, 0, 2, 10);
    assert_int_equal(endpoint_connect_fast(net.host[0], &open, NULL, 0, net.now, &handle, NULL),
                     TFSM_DONE);
    assert_true(endpoint_take(net.host[0], net.now, &syn, text));
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, 0);
}

/* A host that remembers no cookies asks for none. */
static void test_endpoint_fast_open_without_a_table(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].cookies = 0;
    start_hosts();
    struct tfsm_packet syn;
    open_fast(PORT, &syn);
    assert_int_equal(syn.segment.options & TFSM_OPT_FAST_OPEN, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_endpoint_segment_for_nobody_is_reset, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_connect_to_nobody_is_refused, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_answers_to_a_flood_are_bounded, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_broadcast_and_multicast_are_silent, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_sources_that_cannot_be_are_silent, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_loopback_talks_to_loopback, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_segment_for_somebody_else_is_silent, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_unsound_packets_are_dropped, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_reserved_bits_mean_nothing, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_bad_options_do_no_harm, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listeners_share_a_port, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listen_checks_what_it_is_given, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_backlog_bounds_what_waits, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_backlog_recycles_the_oldest, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_half_open_connection_that_is_reset_is_freed,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_impossible_segment_for_a_listener, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_closing_a_listener_aborts_what_it_holds,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_newer_syn_ends_time_wait, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_reopened_connection_has_a_later_isn, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_syn_in_time_wait_without_listener, stop_hosts),
        cmocka_unit_test(test_endpoint_syn_in_time_wait_with_backlog_full),
        cmocka_unit_test(test_endpoint_syn_in_time_wait_without_a_slot),
        cmocka_unit_test_teardown(test_endpoint_icmp_hard_ends_an_opening, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_icmp_with_bad_addresses_is_dropped, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_icmp_soft_is_told_unless_muted, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_icmp_too_big_makes_segments_smaller, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_fast_open_keeps_the_cookie, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_fast_open_only_for_who_asks, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_fast_open_remembers_a_refusal, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_fast_open_remembers_every_refusal, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_fast_open_a_cookie_lifts_its_own_port, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_fast_open_peers_do_not_put_out_one_another,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_fast_open_that_failed_is_not_tried_again,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_fast_open_without_a_table, stop_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
