/* The listeners of an endpoint (harness/endpoint/listener.c): the two queues, cookies, Fast Open
 * between two hosts, and what becomes of half-open connections when listeners come and go. */
#include "hosts.h"

static endpoint_handle listen_with(const struct tfsm_listener_policy *policy, uint32_t backlog)
{
    struct endpoint_listening listening = {
        .local = any_address(4), .port = 81, .backlog = backlog, .policy = policy};
    endpoint_handle listener = 0;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &listener), TFSM_DONE);
    return listener;
}

static endpoint_handle connect_to(uint16_t port)
{
    struct endpoint_open open = to_host_1();
    open.remote_port = port;
    return connect_with(&open);
}

/* A SYN of nobody who will ever answer. */
static void spoof(uint16_t port, uint16_t from)
{
    struct tfsm_packet packet = packet_from(v4(203, 0, 113, 9), from, TFSM_SYN);
    packet.dst_port = port;
    hand_in(&packet);
}

/* ---- queues ---- */

/* A half-open connection takes neither a slot nor its rings. */
static void test_endpoint_listener_half_open_takes_no_slot(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[1].connections = 1;
    start_hosts();
    for (uint16_t i = 1; i <= 10; i++) {
        spoof(PORT, i);
    }
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 10);
    assert_int_equal(in_use(1), 0);
    endpoint_handle client = connect_to(PORT);
    talk();
    assert_int_equal(state_of(0, client), TFSM_ESTABLISHED);
    assert_int_not_equal(accept_one(net.listener), 0);
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 10);
    assert_int_equal(endpoint_half_open(net.host[1], client), 0);
}

/* What half-open connections say waits in a ring; where that is full they say it later, and nothing is lost. */
static void test_endpoint_listener_ring_full_entries_wait(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[1].syn_acks = 2;
    start_hosts();
    for (uint16_t i = 1; i <= 5; i++) {
        spoof(PORT, i);
        check_books();
    }
    uint32_t answered = 0;
    for (unsigned i = 1; i <= 5; i++) {
        struct tfsm_packet packet = said();
        assert_int_equal(packet.segment.flags & (TFSM_SYN | TFSM_ACK), TFSM_SYN | TFSM_ACK);
        answered |= 1u << packet.dst_port;
    }
    assert_int_equal(answered, 0x3e);
    expect_silence(1);
    assert_int_equal(counted(1)->syn_acks_lost, 0);
}

static void test_endpoint_listener_backlog_is_cut_to_the_configured(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[1].backlog = 3;
    start_hosts();
    struct tfsm_listener_policy policy = {.syn_ack_retries = 5};
    endpoint_handle listener = listen_with(&policy, 1000);
    for (uint16_t i = 1; i <= 10; i++) {
        spoof(81, i);
    }
    assert_int_equal(endpoint_half_open(net.host[1], listener), 3);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_SYN_QUEUE_FULL), 7);
}

/* The accept queue is full: the third segment is dropped, and the client, which is open already, gets
 * in with its text. */
static void test_endpoint_listener_accept_queue_full_drops(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle listener = listen_with(NULL, 1);
    connect_to(81);
    endpoint_handle late = connect_to(81); /* its SYN comes before that queue is full */
    talk();
    assert_int_equal(state_of(0, late), TFSM_ESTABLISHED);
    assert_true(listener_counted(listener, TFSM_COUNT_ACK_ACCEPT_FULL) > 0);
    endpoint_handle first = accept_one(listener);
    assert_int_not_equal(first, 0);
    assert_int_equal(accept_one(listener), 0);
    assert_int_equal(send_some(0, late, 0, 10), 10);
    talk();
    endpoint_handle second = accept_one(listener);
    assert_int_not_equal(second, 0);
    assert_int_equal(read_some(1, second, 0), 10);
}

static void test_endpoint_listener_accept_queue_full_resets(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    policy.overflow = TFSM_OVERFLOW_RESET;
    endpoint_handle listener = listen_with(&policy, 1);
    connect_to(81);
    endpoint_handle late = connect_to(81);
    talk();
    assert_int_equal(news_of(0, late) & TFSM_SIG_ENDS, TFSM_SIG_RESET);
    assert_int_not_equal(accept_one(listener), 0);
    assert_int_equal(endpoint_half_open(net.host[1], listener), 0);
}

/* What a listener does can be changed while it listens. */
static void test_endpoint_listener_policy_can_be_changed(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_listener_policy policy;
    assert_int_equal(endpoint_get_listener(net.host[1], net.listener, &policy), TFSM_DONE);
    struct tfsm_listener_policy usual = tfsm_listener_policy_default();
    assert_int_equal(policy.cookies, usual.cookies);
    assert_int_equal(policy.overflow, usual.overflow);
    assert_int_equal(policy.recycle, usual.recycle);
    assert_int_equal(policy.fast_open, usual.fast_open);
    assert_int_equal(policy.syn_ack_retries, usual.syn_ack_retries);
    policy.cookies = TFSM_COOKIES_ALWAYS;
    assert_int_equal(endpoint_set_listener(net.host[1], net.listener, &policy), TFSM_DONE);
    endpoint_handle client = connect_to(PORT);
    assert_int_equal(endpoint_get_listener(net.host[0], client, &policy), TFSM_E_NO_CONNECTION);
    assert_int_equal(endpoint_set_listener(net.host[0], client, &policy), TFSM_E_NO_CONNECTION);
    talk();
    assert_int_not_equal(accept_one(net.listener), 0);
    assert_int_equal(listener_counted(net.listener, TFSM_COUNT_COOKIE_GOOD), 1);
    assert_int_equal(listener_counted(net.listener, TFSM_COUNT_ENTRY), 0);
}

/* ---- cookies ---- */

/* The queue is full of strangers, and a client gets in with what its profile has. */
static void test_endpoint_listener_cookie_when_full(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].policy4.profile |= TFSM_ECN;
    config[1].policy4.profile |= TFSM_ECN;
    start_hosts();
    endpoint_handle listener = listen_with(NULL, 2);
    for (uint16_t i = 1; i <= 5; i++) {
        spoof(81, i);
    }
    talk();
    endpoint_handle client = connect_to(81);
    talk();
    endpoint_handle server = accept_one(listener);
    assert_int_not_equal(server, 0);
    const struct tfsm_tcb *tcb = endpoint_tcb(net.host[1], server);
    uint32_t options = TFSM_M_TIMESTAMPS | TFSM_M_WSCALE | TFSM_M_SACK | TFSM_M_ECN;
    assert_int_equal(tcb->flags & options, options);
    assert_int_equal(send_some(0, client, 0, 3000), 3000);
    assert_int_equal(send_some(1, server, 0, 3000), 3000);
    talk();
    assert_int_equal(read_some(1, server, 0), 3000);
    assert_int_equal(read_some(0, client, 0), 3000);
}

/* The secrets change between the SYN-ACK and the third segment. */
static void test_endpoint_listener_cookie_survives_rotation(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    policy.cookies = TFSM_COOKIES_ALWAYS;
    endpoint_handle listener = listen_with(&policy, 2);
    endpoint_handle client = connect_to(81);
    net.drop = 1u << 0; /* what the client says after its SYN is lost */
    uint8_t octets[PACKET];
    size_t n = endpoint_output(net.host[0], net.now, octets, sizeof octets);
    endpoint_input(net.host[1], octets, n, net.now);
    talk();
    assert_int_equal(state_of(0, client), TFSM_ESTABLISHED);
    assert_int_equal(accept_one(listener), 0);
    uint8_t secret[16] = {1, 2, 3};
    endpoint_rotate(net.host[1], secret, net.now);
    pass(60 * SECOND);
    endpoint_rotate(net.host[1], secret, net.now);
    net.drop = 0;
    assert_int_equal(send_some(0, client, 0, 5), 5);
    talk();
    endpoint_handle server = accept_one(listener);
    assert_int_not_equal(server, 0);
    assert_int_equal(read_some(1, server, 0), 5);
}

/* SYN-ACKs with a cookie have a place to wait of their own: neither a batch of SYNs nor one of junk that
 * is answered with RSTs pushes them out. */
static void test_endpoint_listener_cookie_waits_beside_resets(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[1].resets = 2;
    config[1].syn_acks = 30;
    start_hosts();
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    policy.cookies = TFSM_COOKIES_ALWAYS;
    listen_with(&policy, 2);
    for (uint16_t i = 1; i <= 10; i++) {
        struct tfsm_packet junk = packet_from(v4(203, 0, 113, 9), i, TFSM_ACK);
        junk.dst_port = 99;
        hand_in(&junk);
    }
    for (uint16_t i = 1; i <= 40; i++) {
        spoof(81, i);
    }
    assert_int_equal(counted(1)->resets_lost, 8);
    assert_int_equal(counted(1)->syn_acks_lost, 10);
    unsigned resets = 0;
    unsigned syn_acks = 0;
    struct endpoint_piece text[2];
    struct tfsm_packet packet;
    while (endpoint_take(net.host[1], net.now, &packet, text)) {
        resets += (packet.segment.flags & TFSM_RST) != 0;
        syn_acks += (packet.segment.flags & TFSM_SYN) != 0;
    }
    assert_int_equal(resets, 2);
    assert_int_equal(syn_acks, 30);
}

/* ---- Fast Open ---- */

static endpoint_handle connect_fast(size_t n)
{
    struct endpoint_open open = to_host_1();
    uint8_t octets[1000];
    size_t taken = 0;
    endpoint_handle handle = 0;
    open.remote_port = 81;
    for (size_t i = 0; i < n; i++) {
        octets[i] = stream_octet(0, i);
    }
    assert_int_equal(endpoint_connect_fast(net.host[0], &open, octets, n, net.now, &handle, &taken),
                     TFSM_DONE);
    assert_int_equal(taken, n);
    return handle;
}

/* A listener with Fast Open for so many at a time. */
static endpoint_handle listen_fast(uint32_t limit)
{
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    policy.fast_open = limit;
    return listen_with(&policy, 4);
}

/* One packet from a host arrives at the other. */
static void carry(unsigned from)
{
    uint8_t octets[PACKET];
    size_t n = endpoint_output(net.host[from], net.now, octets, sizeof octets);
    assert_true(n > 0);
    endpoint_input(net.host[1 - from], octets, n, net.now);
}

/* RFC7413:4.2.2g RFC7413:4.2.2k: the second connection has its text read and answered before the third
 * segment. */
static void test_endpoint_listener_fast_open(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle listener = listen_fast(1);
    endpoint_handle first = connect_fast(100); /* asks for a cookie; the text follows later */
    talk();
    endpoint_handle server = accept_one(listener);
    assert_int_equal(read_some(1, server, 0), 100);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_FAST_OPEN_ASKED), 1);
    endpoint_abort(net.host[0], first, net.now);
    talk();
    news_of(1, server);
    endpoint_release(net.host[1], server, net.now);

    endpoint_handle client = connect_fast(200);
    carry(0); /* the SYN */
    endpoint_handle early = accept_one(listener);
    assert_int_not_equal(early, 0);
    assert_int_equal(state_of(1, early), TFSM_SYN_RECEIVED);
    assert_int_equal(news_of(1, early), ENDPOINT_READABLE);
    assert_int_equal(read_some(1, early, 0), 200);
    assert_int_equal(send_some(1, early, 0, 50), 50);
    carry(1); /* SYN-ACK */
    carry(1); /* and the answer, before the third segment */
    assert_int_equal(read_some(0, client, 0), 50);
    assert_int_equal(state_of(1, early), TFSM_SYN_RECEIVED);
    connect_fast(1); /* beyond the limit: an ordinary handshake */
    carry(0);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_FAST_OPEN_LIMIT), 0);
    talk();
    assert_int_equal(state_of(1, early), TFSM_ESTABLISHED);
    assert_true((news_of(1, early) & TFSM_SIG_CONNECTED) != 0);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_EARLY), 2);
}

/* RFC7413:5.1a: pending connections are limited; who is beyond that gets in by three segments. */
static void test_endpoint_listener_fast_open_limit(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle listener = listen_fast(1);
    connect_fast(0);
    talk();
    assert_int_not_equal(accept_one(listener), 0);
    connect_fast(10);
    connect_fast(20);
    carry(0);
    carry(0); /* both SYNs before any third segment */
    assert_int_equal(listener_counted(listener, TFSM_COUNT_EARLY), 1);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_FAST_OPEN_LIMIT), 1);
    assert_int_equal(endpoint_half_open(net.host[1], listener), 1);
    talk();
    assert_int_equal(read_some(1, accept_one(listener), 0), 10);
    endpoint_handle second = accept_one(listener);
    assert_int_equal(read_some(1, second, 0), 20);
    pass(3601 * SECOND); /* the client had left it alone for a while: its text was not taken */
    connect_fast(30);    /* and nothing is pending any more */
    carry(0);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_EARLY), 2);
}

/* RFC7413:4.1.3: a client keeps one cookie for an address, whatever the port. */
static void test_endpoint_listener_fast_open_cookie_is_for_every_port(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    policy.fast_open = 1;
    endpoint_handle listener = listen_with(&policy, 4);
    assert_int_equal(endpoint_set_listener(net.host[1], net.listener, &policy), TFSM_DONE);
    connect_fast(0);
    talk();
    struct endpoint_open open = to_host_1();
    uint8_t octets[10] = {0};
    size_t taken;
    endpoint_handle other;
    assert_int_equal(
        endpoint_connect_fast(net.host[0], &open, octets, sizeof octets, net.now, &other, &taken),
        TFSM_DONE);
    carry(0);
    assert_int_equal(listener_counted(net.listener, TFSM_COUNT_EARLY), 1);
    talk();
    uint8_t secret[16] = {7};
    endpoint_rotate_fast_open(net.host[1], secret); /* the one before is still good */
    connect_fast(10);
    carry(0);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_EARLY), 1);
    talk();
    secret[0]++;
    endpoint_rotate_fast_open(net.host[1], secret);
    secret[0]++;
    endpoint_rotate_fast_open(net.host[1], secret);
    connect_fast(10);
    carry(0);
    assert_int_equal(listener_counted(listener, TFSM_COUNT_FAST_OPEN_BAD), 1);
}

/* RFC7413:5.1b: what we abort ourselves is not what a flood of RSTs does. */
static void test_endpoint_listener_fast_open_own_abort_does_not_count(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle listener = listen_fast(1);
    connect_fast(0);
    talk();
    accept_one(listener);
    for (unsigned i = 0; i < 3; i++) {
        endpoint_handle client = connect_fast(10);
        carry(0);
        assert_int_equal(listener_counted(listener, TFSM_COUNT_EARLY), i + 1);
        assert_int_equal(endpoint_release(net.host[1], accept_one(listener), net.now), TFSM_DONE);
        talk();
        news_of(0, client);
    }
}

/* A listener that closes takes early connections with it, accepted or not is the difference. */
static void test_endpoint_listener_closes_while_early(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle listener = listen_fast(2);
    connect_fast(0);
    talk();
    accept_one(listener);
    endpoint_handle first = connect_fast(10);
    carry(0);
    endpoint_handle accepted = accept_one(listener);
    endpoint_handle second = connect_fast(20);
    carry(0);
    assert_int_equal(endpoint_close(net.host[1], listener, net.now), TFSM_DONE);
    talk();
    assert_int_equal(state_of(1, accepted), TFSM_ESTABLISHED);
    assert_int_equal(state_of(0, first), TFSM_ESTABLISHED);
    pass(5 * SECOND); /* its SYN was not answered yet: it hears when it asks again */
    uint32_t ends = news_of(0, second) & TFSM_SIG_ENDS;
    assert_true(ends == TFSM_SIG_RESET || ends == TFSM_SIG_REFUSED);
}

/* A peer that opened early and never comes back: its user is told. */
static void test_endpoint_listener_fast_open_given_up_is_told(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle listener = listen_fast(1);
    connect_fast(0);
    talk();
    assert_int_not_equal(accept_one(listener), 0);
    connect_fast(10);
    carry(0);
    endpoint_handle early = accept_one(listener);
    net.drop = 3;
    pass(1000 * SECOND);
    assert_int_equal(news_of(1, early) & (TFSM_SIG_ENDS | TFSM_SIG_CONNECTED), TFSM_SIG_TIMED_OUT);
    net.drop = 0;
    endpoint_release(net.host[1], early, net.now);
    connect_fast(0); /* and it does not count any more */
    talk();
    assert_int_equal(endpoint_half_open(net.host[1], listener), 0);
}

/* ---- listeners come and go ---- */

/* RFC9293:MUST-41: a listener for exactly this address does not take over what another had begun. */
static void test_endpoint_listener_keeps_its_half_open_connections(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle any = listen_with(NULL, 2);
    endpoint_handle client = connect_to(81);
    carry(0);
    carry(1);
    assert_int_equal(state_of(0, client), TFSM_ESTABLISHED);
    struct endpoint_listening listening = {.local = v4(192, 0, 2, 2), .port = 81, .backlog = 2};
    endpoint_handle exact;
    assert_int_equal(endpoint_listen(net.host[1], &listening, &exact), TFSM_DONE);
    talk();
    assert_int_not_equal(accept_one(any), 0);
    assert_int_equal(accept_one(exact), 0);
    connect_to(81);
    talk();
    assert_int_not_equal(accept_one(exact), 0);
}

/* A listener that closes tells everybody, and its place can be taken again at once and after. */
static void test_endpoint_listener_closes_while_half_open(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[1].listeners = 3;
    start_hosts();
    for (unsigned round = 0; round < 3; round++) {
        endpoint_handle listener = listen_with(NULL, 4);
        endpoint_handle client = connect_to(81);
        carry(0);
        carry(1);
        spoof(81, 1);
        assert_int_equal(endpoint_half_open(net.host[1], listener), 2);
        assert_int_equal(endpoint_close(net.host[1], listener, net.now), TFSM_DONE);
        endpoint_handle next = listen_with(NULL, 4); /* before the other is all told */
        endpoint_handle ignored;
        assert_int_equal(endpoint_accept(net.host[1], listener, &ignored), TFSM_E_NO_CONNECTION);
        talk();
        assert_int_equal(news_of(0, client) & TFSM_SIG_ENDS, TFSM_SIG_RESET);
        assert_int_equal(endpoint_close(net.host[1], next, net.now), TFSM_DONE);
        assert_int_equal(listener_counted(0, TFSM_COUNT_ENTRY_CLOSED), 2 * (round + 1));
        assert_int_equal(in_use(1), 0);
    }
}

/* A listener closes and the next opens before the client was told, and the client's SYN comes again, so
 * much later. The client is open, by what the first listener had answered. */
static endpoint_handle begin_anew(tfsm_time later, endpoint_handle *client)
{
    uint8_t syn[PACKET];
    plan_hosts();
    start_hosts();
    endpoint_handle first = listen_with(NULL, 4);
    *client = connect_to(81);
    size_t n = endpoint_output(net.host[0], net.now, syn, sizeof syn);
    endpoint_input(net.host[1], syn, n, net.now);
    carry(1);
    assert_int_equal(state_of(0, *client), TFSM_ESTABLISHED);
    assert_int_equal(endpoint_close(net.host[1], first, net.now), TFSM_DONE);
    endpoint_handle next = listen_with(NULL, 4);
    net.now += later;
    endpoint_input(net.host[1], syn, n, net.now);
    assert_int_equal(endpoint_half_open(net.host[1], next), 1);
    check_books();
    return next;
}

/* RFC9293:3.10.4: the RST of a listener that has closed is for the connection that it had half open. The
 * next listener's may have the very same numbers, where the clock of ISNs has not ticked in between. */
static void test_endpoint_listener_late_reset_spares_the_next(void **state)
{
    (void)state;
    endpoint_handle client;
    endpoint_handle next = begin_anew(0, &client);
    carry(0); /* the third segment */
    check_books();
    talk();
    assert_int_equal(state_of(0, client), TFSM_ESTABLISHED);
    endpoint_handle served = accept_one(next);
    assert_int_not_equal(served, 0);
    assert_int_equal(send_some(0, client, 0, 10), 10);
    talk();
    assert_int_equal(read_some(1, served, 0), 10);
    assert_int_equal(listener_counted(0, TFSM_COUNT_ENTRY_CLOSED), 1);
}

/* Where it has, the client has other numbers, and hears from the next listener that they are no good. */
static void test_endpoint_listener_client_of_the_one_before_is_told(void **state)
{
    (void)state;
    endpoint_handle client;
    endpoint_handle next = begin_anew(4, &client);
    talk();
    assert_int_equal(news_of(0, client) & TFSM_SIG_ENDS, TFSM_SIG_RESET);
    assert_int_equal(accept_one(next), 0);
    assert_int_equal(listener_counted(0, TFSM_COUNT_ENTRY_CLOSED), 1);
}

/* RFC9293:3.10.1: the four of a half-open connection are in use. */
static void test_endpoint_listener_half_open_is_a_connection(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    spoof(PORT, 5000);
    struct endpoint_open open = {.local = v4(192, 0, 2, 2),
                                 .local_port = PORT,
                                 .remote = v4(203, 0, 113, 9),
                                 .remote_port = 5000};
    endpoint_handle handle;
    assert_int_equal(endpoint_connect(net.host[1], &open, net.now, &handle),
                     TFSM_E_CONNECTION_EXISTS);
    open.remote_port = 5001;
    assert_int_equal(endpoint_connect(net.host[1], &open, net.now, &handle), TFSM_DONE);
    talk();
}

/* RFC9293:SHLD-26: a hard error ends a half-open connection, and who would accept it hears nothing. */
static void test_endpoint_listener_icmp_ends_half_open(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    spoof(PORT, 1);
    struct tfsm_packet syn_ack = said();
    struct tfsm_icmp_message message = {.meaning = TFSM_ICMP_HARD,
                                        .local = v4(192, 0, 2, 2),
                                        .remote = v4(203, 0, 113, 9),
                                        .local_port = PORT,
                                        .remote_port = 1,
                                        .seq = syn_ack.segment.seq + 1};
    endpoint_icmp(net.host[1], &message, net.now); /* quotes nothing of ours */
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 1);
    message.seq--;
    endpoint_icmp(net.host[1], &message, net.now);
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 0);
    assert_int_equal(counted(1)->icmp_in, 2);
    endpoint_icmp(net.host[1], &message, net.now);
    assert_int_equal(counted(1)->icmp_unknown, 1);
    assert_int_equal(accept_one(net.listener), 0);
}

/* ---- what waits to be said, and what comes before it is ---- */

/* A SYN-ACK that waits is not said any more once nobody is half open. */
static void test_endpoint_listener_reset_before_the_answer(void **state)
{
    (void)state;
    start_hosts();
    spoof(PORT, 1);
    struct tfsm_packet reset = packet_from(v4(203, 0, 113, 9), 1, TFSM_RST);
    reset.segment.seq = seq_add(reset.segment.seq, 1);
    hand_in(&reset);
    assert_int_equal(endpoint_half_open(net.host[1], net.listener), 0);
    expect_silence(1);
}

static void test_endpoint_listener_closed_before_the_answer(void **state)
{
    (void)state;
    start_hosts();
    endpoint_handle client = connect_to(PORT);
    uint8_t octets[PACKET];
    size_t n = endpoint_output(net.host[0], net.now, octets, sizeof octets);
    endpoint_input(net.host[1], octets, n, net.now);
    assert_int_equal(endpoint_close(net.host[1], net.listener, net.now), TFSM_DONE);
    assert_int_equal(said().segment.flags & (TFSM_RST | TFSM_SYN), TFSM_RST);
    expect_silence(1);
    assert_int_equal(state_of(0, client), TFSM_SYN_SENT);
}

/* Copies of a SYN that come together draw one answer. (RFC9293:MUST-58) */
static void test_endpoint_listener_copies_of_a_syn_one_answer(void **state)
{
    (void)state;
    start_hosts();
    for (unsigned i = 0; i < 5; i++) {
        spoof(PORT, 1);
    }
    assert_int_equal(said().segment.flags & (TFSM_SYN | TFSM_ACK), TFSM_SYN | TFSM_ACK);
    expect_silence(1);
}

/* It goes out with the Diffserv field that the listener's connections have. (RFC9293:MUST-48) */
static void test_endpoint_listener_answer_has_the_traffic_class(void **state)
{
    (void)state;
    start_hosts();
    struct endpoint_options options = endpoint_defaults(net.host[1], 4);
    options.traffic_class = 0x20;
    assert_int_equal(endpoint_set(net.host[1], net.listener, &options, net.now), TFSM_DONE);
    spoof(PORT, 1);
    assert_int_equal(said().traffic_class, 0x20);
}

/* When an entry answers is the endpoint's own affair. */
static void test_endpoint_listener_policy_at_once_is_not_the_user_s(void **state)
{
    (void)state;
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    policy.at_once = true;
    start_hosts();
    endpoint_handle listener = listen_with(&policy, 4);
    spoof(81, 1);
    (void)said();
    assert_int_equal(endpoint_get_listener(net.host[1], listener, &policy), TFSM_DONE);
    assert_false(policy.at_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_endpoint_listener_half_open_takes_no_slot, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_ring_full_entries_wait, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_backlog_is_cut_to_the_configured,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_accept_queue_full_drops, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_accept_queue_full_resets, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_policy_can_be_changed, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_cookie_when_full, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_cookie_survives_rotation, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_fast_open, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_fast_open_limit, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_fast_open_given_up_is_told, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_keeps_its_half_open_connections,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_closes_while_half_open, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_late_reset_spares_the_next, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_client_of_the_one_before_is_told,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_icmp_ends_half_open, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_cookie_waits_beside_resets, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_fast_open_cookie_is_for_every_port,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_fast_open_own_abort_does_not_count,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_closes_while_early, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_half_open_is_a_connection, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_reset_before_the_answer, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_closed_before_the_answer, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_copies_of_a_syn_one_answer, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_answer_has_the_traffic_class, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_policy_at_once_is_not_the_user_s,
                                  stop_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
