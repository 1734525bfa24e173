/* The endpoint (harness/endpoint) as its user sees it: opening, sending, reading, closing, what can
 * be chosen for a connection, and the promise that nothing is allocated after the start. Linked with
 * --wrap for malloc and its kin. */
#include "hosts.h"

/* ---- nothing is allocated ---- */

static unsigned allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    allocations++;
    return __real_realloc(memory, size);
}
/* ---- data ---- */

static void exchange_octets(endpoint_handle handle[2], uint64_t total)
{
    uint64_t sent[2] = {0, 0};
    uint64_t read[2] = {0, 0};
    for (unsigned rounds = 0; read[0] < total || read[1] < total; rounds++) {
        assert_true(rounds < 10000);
        for (unsigned i = 0; i < 2; i++) {
            sent[i] += send_some(i, handle[i], sent[i], (size_t)(total - sent[i]));
            read[i] += read_some(i, handle[i], read[i]);
        }
        talk();
        pass(SECOND / 100);
    }
    assert_int_equal(read[0], total);
    assert_int_equal(read[1], total);
}

static void test_endpoint_data_both_ways_ipv4(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].send_ring = 4096; /* rings wrap many times, at different places */
    config[1].receive_ring = 2048;
    start_hosts();
    endpoint_handle handle[2];
    open_pair(handle);
    assert_int_equal(news_of(0, handle[0]), TFSM_SIG_CONNECTED);
    exchange_octets(handle, 200001);
}

static void test_endpoint_data_both_ways_ipv6(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    endpoint_handle listener;
    struct endpoint_listening listening = {.local = any_address(6), .port = PORT, .backlog = 1};
    struct endpoint_open open = {.remote = v6(2), .remote_port = PORT};
    assert_int_equal(endpoint_listen(net.host[1], &listening, &listener), TFSM_DONE);
    handle[0] = connect_with(&open);
    talk();
    handle[1] = accept_one(listener);
    assert_int_equal(net.last[0].src.family, 6);
    exchange_octets(handle, 100003);
}

/* Loss, found by the retransmission timer. */
static void test_endpoint_data_after_loss(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    open_pair(handle);
    net.drop = 1;
    assert_int_equal(send_some(0, handle[0], 0, 100), 100);
    talk();
    net.drop = 0;
    assert_int_equal(endpoint_readable(net.host[1], handle[1]), 0);
    pass(5 * SECOND);
    assert_int_equal(endpoint_readable(net.host[1], handle[1]), 100);
    assert_int_equal(read_some(1, handle[1], 0), 100);
}

static void test_endpoint_send_takes_what_fits_and_tells_of_room(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].send_ring = 1024;
    start_hosts();
    endpoint_handle handle[2];
    uint8_t octets[3000] = {0};
    size_t taken = 0;
    open_pair(handle);
    news_of(0, handle[0]);
    assert_int_equal(endpoint_send(net.host[0], handle[0], octets, 3000, false, net.now, &taken),
                     TFSM_DONE);
    assert_int_equal(taken, 1024);
    assert_int_equal(endpoint_send(net.host[0], handle[0], octets, 1, false, net.now, &taken),
                     TFSM_DONE);
    assert_int_equal(taken, 0);
    assert_int_equal(news_of(0, handle[0]), 0);
    talk();
    pass(SECOND);
    assert_int_equal(news_of(0, handle[0]), ENDPOINT_WRITABLE);
}

/* A look takes nothing, and sees a ring that wraps in one piece. */
static void test_endpoint_peek_before_receive(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[1].receive_ring = 1024;
    start_hosts();
    endpoint_handle handle[2];
    uint8_t octets[1024];
    open_pair(handle);
    assert_int_equal(endpoint_peek(net.host[1], handle[1], octets, sizeof octets), 0);
    assert_int_equal(send_some(0, handle[0], 0, 700), 700);
    talk();
    assert_int_equal(read_some(1, handle[1], 0), 700);
    assert_int_equal(send_some(0, handle[0], 700, 600), 600);
    talk();
    pass(SECOND);
    assert_int_equal(endpoint_peek(net.host[1], handle[1], octets, sizeof octets), 600);
    for (unsigned i = 0; i < 600; i++) {
        assert_int_equal(octets[i], stream_octet(0, 700 + i));
    }
    assert_int_equal(endpoint_peek(net.host[1], handle[1], octets, 5), 5);
    assert_int_equal(endpoint_readable(net.host[1], handle[1]), 600);
    assert_int_equal(read_some(1, handle[1], 700), 600);
    assert_int_equal(endpoint_peek(net.host[1], 0, octets, sizeof octets), 0);
}

/* A port is in use as long as a connection is not over, whoever holds it. */
static void test_endpoint_port_used_until_a_connection_is_over(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    struct endpoint_open open = to_host_1();
    struct tfsm_address own = v4(192, 0, 2, 1);
    struct tfsm_address other = v4(198, 51, 100, 1);
    struct tfsm_address any = any_address(4);
    struct tfsm_address six = any_address(6);
    open.local_port = 4000;
    assert_false(endpoint_port_used(net.host[0], &any, 4000));
    handle[0] = connect_with(&open);
    talk();
    handle[1] = accept_one(net.listener);
    assert_true(endpoint_port_used(net.host[0], &any, 4000));
    assert_true(endpoint_port_used(net.host[0], &own, 4000));
    assert_false(endpoint_port_used(net.host[0], &other, 4000));
    assert_false(endpoint_port_used(net.host[0], &six, 4000));
    assert_false(endpoint_port_used(net.host[0], &any, 4001));
    assert_int_equal(endpoint_release(net.host[0], handle[0], net.now), TFSM_DONE);
    talk();
    assert_int_equal(endpoint_close(net.host[1], handle[1], net.now), TFSM_DONE);
    talk();
    assert_true(endpoint_port_used(net.host[0], &own, 4000)); /* TIME-WAIT */
    pass(300 * SECOND);
    assert_false(endpoint_port_used(net.host[0], &own, 4000));
}

/* A buffer that is made smaller than what it holds takes nothing until that is gone. */
static void test_endpoint_send_into_a_buffer_that_shrank(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    struct endpoint_options options;
    open_pair(handle);
    news_of(0, handle[0]);
    assert_int_equal(send_some(0, handle[0], 0, 3000), 3000);
    assert_int_equal(endpoint_get(net.host[0], handle[0], &options), TFSM_DONE);
    options.policy.snd_buff = 500;
    assert_int_equal(endpoint_set(net.host[0], handle[0], &options, net.now), TFSM_DONE);
    assert_int_equal(send_some(0, handle[0], 3000, 1000), 0);
    talk();
    pass(SECOND);
    assert_int_equal(news_of(0, handle[0]), ENDPOINT_WRITABLE);
    assert_int_equal(send_some(0, handle[0], 3000, 1000), 500);
    talk();
    assert_int_equal(read_some(1, handle[1], 0), 3500);
}

/* A buffer that grew has room for the peer: the window that opens is announced. */
static void test_endpoint_receive_buffer_that_grew_is_announced(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    struct endpoint_options options;
    uint64_t sent = 0;
    uint64_t read = 0;
    open_pair(handle);
    assert_int_equal(endpoint_get(net.host[1], handle[1], &options), TFSM_DONE);
    options.policy.rcv_buff = 0;
    assert_int_equal(endpoint_set(net.host[1], handle[1], &options, net.now), TFSM_DONE);
    while (sent < 65535) { /* the window that was offered stands */
        sent += send_some(0, handle[0], sent, (size_t)(65535 - sent));
        talk();
        pass(SECOND);
    }
    while (read < 65535) {
        read += read_some(1, handle[1], read);
    }
    talk();
    assert_int_equal(endpoint_tcb(net.host[1], handle[1])->rcv_wnd, 0);
    uint64_t packets = net.packets;
    options.policy.rcv_buff = 60000;
    assert_int_equal(endpoint_set(net.host[1], handle[1], &options, net.now), TFSM_DONE);
    talk();
    assert_int_equal(net.packets, packets + 1);
    assert_int_equal(endpoint_tcb(net.host[0], handle[0])->snd_wnd, 60000);
}

static void test_endpoint_send_buffer_that_grew_is_told(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    struct endpoint_options options;
    open_pair(handle);
    news_of(0, handle[0]);
    assert_int_equal(endpoint_get(net.host[0], handle[0], &options), TFSM_DONE);
    options.policy.snd_buff = 0;
    assert_int_equal(endpoint_set(net.host[0], handle[0], &options, net.now), TFSM_DONE);
    assert_int_equal(send_some(0, handle[0], 0, 10), 0);
    assert_int_equal(news_of(0, handle[0]), 0);
    options.policy.snd_buff = 60000;
    assert_int_equal(endpoint_set(net.host[0], handle[0], &options, net.now), TFSM_DONE);
    assert_int_equal(news_of(0, handle[0]), ENDPOINT_WRITABLE);
    assert_int_equal(endpoint_set(net.host[0], handle[0], &options, net.now), TFSM_DONE);
    assert_int_equal(news_of(0, handle[0]), 0); /* told once */
    assert_int_equal(send_some(0, handle[0], 0, 10), 10);
}

/* Each connection gets its own octets back, and none has another's. */
static void test_endpoint_thousand_connections_through_one_listener(void **state)
{
    enum { CONNECTIONS = 1000 };
    static endpoint_handle handle[CONNECTIONS];
    (void)state;
    struct endpoint_config *config = plan_hosts();
    for (unsigned i = 0; i < 2; i++) {
        config[i].connections = CONNECTIONS;
        config[i].send_ring = 256;
        config[i].receive_ring = 256;
    }
    start_hosts();
    unsigned accepted = 0;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct endpoint_open open = to_host_1();
        size_t taken = 0;
        uint8_t number[2] = {(uint8_t)(i >> 8), (uint8_t)(i & 0xff)};
        handle[i] = connect_with(&open);
        assert_int_equal(endpoint_send(net.host[0], handle[i], number, 2, false, net.now, &taken),
                         TFSM_DONE);
        if (i % 10 == 9) {
            talk();
            endpoint_handle who;
            uint32_t news;
            while (endpoint_next(net.host[1], &who, &news)) {
                while (news == ENDPOINT_ACCEPTABLE && accept_one(who) != 0) {
                    accepted++;
                }
                uint8_t octets[2];
                if ((news & ENDPOINT_READABLE) != 0) {
                    endpoint_receive(net.host[1], who, octets, 2, net.now, &taken);
                    assert_int_equal(taken, 2);
                    endpoint_send(net.host[1], who, octets, 2, false, net.now, &taken);
                }
            }
        }
    }
    talk();
    assert_int_equal(accepted, CONNECTIONS);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        uint8_t octets[2] = {0, 0};
        size_t taken = 0;
        endpoint_receive(net.host[0], handle[i], octets, 2, net.now, &taken);
        assert_int_equal(taken, 2);
        assert_int_equal(octets[0] << 8 | octets[1], i);
    }
}
/* ---- handles ---- */

static void test_endpoint_stale_handles_name_nothing(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].connections = 1;
    start_hosts();
    endpoint_handle old[2];
    endpoint_handle fresh[2];
    size_t taken = 99;
    uint8_t octet = 1;
    uint32_t news = 0;
    struct endpoint_options options = endpoint_defaults(net.host[0], 4);
    struct endpoint_status_block status;
    open_pair(old);
    assert_int_equal(endpoint_abort(net.host[0], old[0], net.now), TFSM_DONE);
    assert_int_equal(endpoint_release(net.host[0], old[0], net.now), TFSM_DONE);
    talk();
    assert_int_equal(in_use(0), 0);
    open_pair(fresh); /* in the same slot */
    assert_int_equal(fresh[0] & UINT32_MAX, old[0] & UINT32_MAX);
    endpoint_handle bad[] = {old[0], 0, UINT64_MAX, fresh[0] + 1, net.listener};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct endpoint *ep = net.host[0];
        endpoint_handle h = bad[i];
        assert_int_equal(endpoint_send(ep, h, &octet, 1, false, net.now, &taken),
                         TFSM_E_NO_CONNECTION);
        assert_int_equal(taken, 0);
        assert_int_equal(endpoint_receive(ep, h, &octet, 1, net.now, &taken), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_close(ep, h, net.now), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_close_deaf(ep, h, net.now), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_abort(ep, h, net.now), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_release(ep, h, net.now), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_status(ep, h, &status), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_set(ep, h, &options, net.now), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_get(ep, h, &options), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_news(ep, h, &news), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_accept(ep, h, &fresh[1]), TFSM_E_NO_CONNECTION);
        assert_int_equal(endpoint_readable(ep, h), 0);
        assert_null(endpoint_tcb(ep, h));
    }
    talk();
    assert_int_equal(state_of(0, fresh[0]), TFSM_ESTABLISHED);
}
/* ---- OPEN ---- */

/* RFC9293:MUST-46 */
static void test_endpoint_connect_checks_addresses(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = {.remote_port = PORT};
    endpoint_handle handle = 1;
    const struct tfsm_address invalid[] = {v4(255, 255, 255, 255), v4(224, 0, 0, 1),
                                           v4(192, 0, 2, 255),     v4(198, 51, 100, 127),
                                           v4(0, 1, 2, 3),         v4(127, 0, 0, 1)};
    for (unsigned i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        open.remote = invalid[i];
        assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &handle), TFSM_E_INVALID);
        assert_int_equal(handle, 0);
    }
    open.remote = any_address(0);
    assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &handle),
                     TFSM_E_REMOTE_UNSPECIFIED);
    open.remote = any_address(6);
    assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &handle),
                     TFSM_E_REMOTE_UNSPECIFIED);
    open.remote = v4(192, 0, 2, 2);
    open.remote_port = 0;
    assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &handle),
                     TFSM_E_REMOTE_UNSPECIFIED);
    open.remote_port = PORT;
    open.local = v4(192, 0, 2, 9); /* not ours */
    assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &handle), TFSM_E_INVALID);
    open.local = v6(1); /* ours, but the families differ */
    assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &handle), TFSM_E_INVALID);
    expect_silence(0);
    assert_int_equal(in_use(0), 0);
}

/* RFC9293:MUST-43 RFC9293:MUST-44 RFC9293:MUST-45 */
static void test_endpoint_connect_chooses_the_local_address(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    const struct tfsm_address first = v4(192, 0, 2, 1);
    const struct tfsm_address second = v4(198, 51, 100, 1);
    connect_with(&open);
    talk();
    assert_memory_equal(&net.last[0].src, &first, sizeof first);
    open.remote = v4(198, 51, 100, 2); /* the same network */
    connect_with(&open);
    talk();
    assert_memory_equal(&net.last[0].src, &second, sizeof second);
    open.remote = (struct tfsm_address){.family = 6, .octets = {0x20, 0x02, [15] = 9}};
    connect_with(&open); /* another network: the first address of this family */
    talk();
    const struct tfsm_address sixth = v6(1);
    assert_memory_equal(&net.last[0].src, &sixth, sizeof sixth);
    open.remote = v4(192, 0, 2, 2);
    open.local = second; /* as the application says, in every segment */
    open.local_port = 1234;
    endpoint_handle handle = connect_with(&open);
    talk();
    assert_int_equal(send_some(0, handle, 0, 10), 10);
    talk();
    assert_memory_equal(&net.last[0].src, &second, sizeof second);
    assert_int_equal(net.last[0].src_port, 1234);
    assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &handle),
                     TFSM_E_CONNECTION_EXISTS);
}

static void test_endpoint_ephemeral_ports_run_out_towards_one_peer(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].port_first = 50000;
    config[0].port_last = 50004;
    start_hosts();
    struct endpoint_listening listening = {.local = any_address(4), .port = 50002, .backlog = 1};
    struct endpoint_open open = to_host_1();
    endpoint_handle handle[4];
    endpoint_handle other = 0;
    endpoint_handle listener;
    unsigned ports = 0;
    assert_int_equal(endpoint_listen(net.host[0], &listening, &listener), TFSM_DONE);
    for (unsigned i = 0; i < 4; i++) {
        struct endpoint_status_block status;
        handle[i] = connect_with(&open);
        endpoint_status(net.host[0], handle[i], &status);
        assert_in_range(status.local_port, 50000, 50004);
        ports |= 1u << (status.local_port - 50000);
    }
    assert_int_equal(ports, 0x1b); /* all but the one somebody listens on */
    assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &other),
                     TFSM_E_INSUFFICIENT_RESOURCES);
    assert_int_equal(other, 0);
    open.remote_port = 81; /* another peer has its own */
    connect_with(&open);
    open.remote_port = PORT;
    assert_int_equal(endpoint_release(net.host[0], handle[2], net.now), TFSM_DONE);
    connect_with(&open);
}

/* RFC5927:4.2: who does not know the key cannot tell the port of one peer from that of another. */
static void test_endpoint_ephemeral_ports_depend_on_key_and_peer(void **state)
{
    uint16_t port[3];
    for (unsigned i = 0; i < 3; i++) {
        struct endpoint_config *config = plan_hosts();
        config[0].key[5] = i == 1;
        start_hosts();
        struct endpoint_open open = to_host_1();
        struct endpoint_status_block status;
        open.remote_port = i == 2 ? 81 : PORT;
        endpoint_handle handle = connect_with(&open);
        endpoint_status(net.host[0], handle, &status);
        port[i] = status.local_port;
        stop_hosts(state);
    }
    assert_int_not_equal(port[0], port[1]);
    assert_int_not_equal(port[0], port[2]);
    assert_int_not_equal(port[1], port[2]);
}

static void test_endpoint_connections_run_out(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    config[0].connections = 2;
    config[1].connections = 1;
    start_hosts();
    struct endpoint_open open = to_host_1();
    endpoint_handle handle;
    connect_with(&open);
    connect_with(&open);
    assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &handle),
                     TFSM_E_INSUFFICIENT_RESOURCES);
    talk();
    /* the third segment of the second: dropped in silence, and it will come again */
    assert_int_equal(listener_counted(net.listener, TFSM_COUNT_ACK_NO_SEAT), 1);
    assert_int_equal(in_use(1), 1);
}
/* ---- ends ---- */

static void test_endpoint_half_close(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    size_t taken = 0;
    uint8_t octet;
    open_pair(handle);
    assert_int_equal(send_some(0, handle[0], 0, 100), 100);
    assert_int_equal(endpoint_close(net.host[0], handle[0], net.now), TFSM_DONE);
    assert_int_equal(endpoint_close(net.host[0], handle[0], net.now), TFSM_E_CONNECTION_CLOSING);
    assert_int_equal(endpoint_send(net.host[0], handle[0], &octet, 1, false, net.now, &taken),
                     TFSM_E_CONNECTION_CLOSING);
    talk();
    assert_int_equal(read_some(1, handle[1], 0), 100);
    assert_int_equal(endpoint_receive(net.host[1], handle[1], &octet, 1, net.now, &taken),
                     TFSM_E_CONNECTION_CLOSING);
    assert_int_equal(news_of(1, handle[1]), TFSM_SIG_PEER_CLOSED | ENDPOINT_READABLE);
    assert_int_equal(state_of(0, handle[0]), TFSM_FIN_WAIT_2);
    uint64_t sent = 0; /* the other direction goes on */
    uint64_t read = 0;
    while (sent < 20000) {
        sent += send_some(1, handle[1], sent, (size_t)(20000 - sent));
        talk();
        pass(SECOND);
        size_t got;
        while ((got = read_some(0, handle[0], read)) > 0) {
            read += got;
        }
    }
    assert_int_equal(read, 20000);
    assert_int_equal(endpoint_close(net.host[1], handle[1], net.now), TFSM_DONE);
    talk();
    assert_int_equal(state_of(0, handle[0]), TFSM_TIME_WAIT);
    assert_int_equal(news_of(1, handle[1]), TFSM_SIG_CLOSED);
    assert_int_equal(in_use(1), 0);
    pass(300 * SECOND);
    assert_true((news_of(0, handle[0]) & TFSM_SIG_CLOSED) != 0);
    assert_int_equal(in_use(0), 0);
}

/* The slot stays until all three are there: the core's end, what was read, what was told. */
static void test_endpoint_data_stays_readable_after_the_end(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    size_t taken = 0;
    uint8_t octet;
    open_pair(handle);
    assert_int_equal(send_some(1, handle[1], 0, 300), 300);
    endpoint_close(net.host[1], handle[1], net.now);
    talk();
    endpoint_close(net.host[0], handle[0], net.now);
    talk();
    pass(600 * SECOND);
    assert_int_equal(state_of(0, handle[0]), TFSM_CLOSED);
    assert_int_equal(endpoint_readable(net.host[0], handle[0]), 300);
    assert_true((news_of(0, handle[0]) & TFSM_SIG_CLOSED) != 0);
    assert_int_equal(in_use(0), 1);
    assert_int_equal(read_some(0, handle[0], 0), 300);
    assert_int_equal(in_use(0), 0);
    assert_int_equal(endpoint_receive(net.host[0], handle[0], &octet, 1, net.now, &taken),
                     TFSM_E_NO_CONNECTION);
}

static void test_endpoint_data_stays_readable_after_a_reset(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    size_t taken = 0;
    uint8_t octet;
    open_pair(handle);
    assert_int_equal(send_some(1, handle[1], 0, 300), 300);
    talk();
    assert_int_equal(endpoint_abort(net.host[1], handle[1], net.now), TFSM_DONE);
    talk();
    assert_int_equal(news_of(1, handle[1]), TFSM_SIG_RESET);
    assert_int_equal(in_use(1), 0);
    assert_int_equal(state_of(0, handle[0]), TFSM_CLOSED);
    assert_true((news_of(0, handle[0]) & TFSM_SIG_RESET) != 0);
    assert_int_equal(read_some(0, handle[0], 0), 300);
    assert_int_equal(endpoint_receive(net.host[0], handle[0], &octet, 1, net.now, &taken),
                     TFSM_E_NO_CONNECTION);
    assert_int_equal(in_use(0), 1); /* the user has not closed */
    assert_int_equal(endpoint_release(net.host[0], handle[0], net.now), TFSM_DONE);
    assert_int_equal(in_use(0), 0);
}

static void test_endpoint_ended_before_accept_is_handed_out(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    endpoint_handle handle = connect_with(&open);
    assert_int_equal(send_some(0, handle, 0, 50), 50);
    talk();
    endpoint_abort(net.host[0], handle, net.now);
    talk();
    endpoint_handle accepted = accept_one(net.listener);
    assert_int_not_equal(accepted, 0);
    assert_int_equal(state_of(1, accepted), TFSM_CLOSED);
    assert_int_equal(news_of(1, accepted), TFSM_SIG_RESET | ENDPOINT_READABLE);
    assert_int_equal(read_some(1, accepted, 0), 50);
}

/* RFC9293:MAY-1 RFC9293:SHLD-3 */
static void test_endpoint_deaf_close_resets_what_comes(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    open_pair(handle);
    assert_int_equal(endpoint_close_deaf(net.host[0], handle[0], net.now), TFSM_DONE);
    talk();
    assert_int_equal(state_of(1, handle[1]), TFSM_CLOSE_WAIT);
    news_of(1, handle[1]);
    assert_int_equal(send_some(1, handle[1], 0, 10), 10);
    talk();
    assert_int_equal(news_of(1, handle[1]), TFSM_SIG_RESET);
    assert_int_equal(endpoint_readable(net.host[0], handle[0]), 0);
    assert_int_equal(news_of(0, handle[0]) & TFSM_SIG_ENDS, TFSM_SIG_RESET);
    assert_int_equal(in_use(0), 0);
}

static void test_endpoint_released_connections_end_by_themselves(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    endpoint_handle who;
    uint32_t news;
    open_pair(handle);
    assert_int_equal(send_some(0, handle[0], 0, 1000), 1000);
    news_of(0, handle[0]);
    assert_int_equal(endpoint_release(net.host[0], handle[0], net.now), TFSM_DONE);
    assert_int_equal(endpoint_release(net.host[0], handle[0], net.now), TFSM_E_NO_CONNECTION);
    talk();
    assert_int_equal(read_some(1, handle[1], 0), 1000); /* what was queued is not lost */
    assert_int_equal(endpoint_release(net.host[1], handle[1], net.now), TFSM_DONE);
    talk();
    pass(600 * SECOND);
    assert_int_equal(in_use(0), 0);
    assert_int_equal(in_use(1), 0);
    assert_false(endpoint_next(net.host[0], &who, &news));
}
/* A peer that answers every probe with a window of 0 does not hold a place for ever, when the user
 * is gone: with a close before or not, and with a longer patience of his own. */
static void test_endpoint_released_connection_waits_no_longer_than_the_orphan_timeout(void **state)
{
    for (unsigned round = 0; round < 5; round++) {
        struct endpoint_config *config = plan_hosts();
        config[0].orphan_timeout = round < 4 ? config[0].orphan_timeout : 0;
        config[0].policy4.user_timeout = round == 2 ? 3600 * SECOND : round == 3 ? 50 * SECOND : 0;
        config[1].policy4.rcv_buff = 0;
        start_hosts();
        endpoint_handle handle[2];
        open_pair(handle);
        assert_int_equal(send_some(0, handle[0], 0, 10), 10);
        talk();
        if (round == 1) {
            assert_int_equal(endpoint_close(net.host[0], handle[0], net.now), TFSM_DONE);
        }
        assert_int_equal(endpoint_release(net.host[0], handle[0], net.now), TFSM_DONE);
        uint64_t packets = net.packets;
        pass(40 * SECOND);
        assert_int_equal(in_use(0), 1);
        assert_true(net.packets > packets); /* asked and answered */
        pass(20 * SECOND);
        assert_int_equal(in_use(0), round != 3); /* a shorter patience stays his own */
        pass(240 * SECOND);
        assert_int_equal(in_use(0), round == 4); /* 0: none */
        stop_hosts(state);
    }
}

/* A call that is refused costs no octets: they are there for who closed and reads on. */
static void test_endpoint_deaf_close_that_is_refused_changes_nothing(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    open_pair(handle);
    assert_int_equal(send_some(0, handle[0], 0, 100), 100);
    assert_int_equal(endpoint_close(net.host[0], handle[0], net.now), TFSM_DONE);
    talk();
    assert_int_equal(endpoint_close(net.host[1], handle[1], net.now), TFSM_DONE);
    assert_int_equal(endpoint_readable(net.host[1], handle[1]), 100);
    assert_int_equal(endpoint_close_deaf(net.host[1], handle[1], net.now),
                     TFSM_E_CONNECTION_CLOSING);
    assert_int_equal(endpoint_readable(net.host[1], handle[1]), 100);
    talk();
    assert_int_equal(read_some(1, handle[1], 0), 100);
}

/* Both SYNs cross; the user closes with text queued, and before the peer has answered he goes away
 * or says that he will not read: the core hears of that as soon as it can. */
static void go_away_in_syn_received(bool release)
{
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    open.local_port = 1234;
    endpoint_handle handle = connect_with(&open);
    assert_int_equal(send_some(0, handle, 0, 10), 10);
    net.drop = 1;
    talk();
    uint32_t iss = net.last[0].segment.seq;
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 2), PORT, TFSM_SYN);
    packet.dst = v4(192, 0, 2, 1);
    packet.dst_port = 1234;
    endpoint_segment(net.host[0], &packet, NULL, net.now);
    assert_int_equal(state_of(0, handle), TFSM_SYN_RECEIVED);
    assert_int_equal(endpoint_close(net.host[0], handle, net.now), TFSM_DONE);
    if (release) {
        assert_int_equal(endpoint_release(net.host[0], handle, net.now), TFSM_DONE);
    } else {
        assert_int_equal(endpoint_close_deaf(net.host[0], handle, net.now),
                         TFSM_E_CONNECTION_CLOSING);
    }
    packet.segment.flags = TFSM_ACK;
    packet.segment.seq++;
    packet.segment.len = 0;
    packet.segment.ack = iss + 1;
    endpoint_segment(net.host[0], &packet, NULL, net.now);
    talk();
    assert_int_equal(in_use(0), 1);
    packet.segment.len = 4; /* nobody is there to read it */
    packet.segment.ack = net.last[0].segment.seq + net.last[0].segment.len;
    endpoint_segment(net.host[0], &packet, (const uint8_t *)"text", net.now);
    talk();
    assert_true((net.last[0].segment.flags & TFSM_RST) != 0);
    if (!release) {
        assert_int_equal(news_of(0, handle) & TFSM_SIG_ENDS, TFSM_SIG_RESET);
    }
    assert_int_equal(in_use(0), 0);
}

static void test_endpoint_released_in_syn_received(void **state)
{
    (void)state;
    go_away_in_syn_received(true);
}

static void test_endpoint_closed_deaf_in_syn_received(void **state)
{
    (void)state;
    go_away_in_syn_received(false);
}

/* A connection to itself: every segment comes back, and it ends all the same. */
static void test_endpoint_connection_to_itself(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = {
        .local_port = 1234, .remote = v4(192, 0, 2, 1), .remote_port = 1234};
    endpoint_handle handle = connect_with(&open);
    uint8_t octets[PACKET];
    size_t n;
    unsigned packets = 0;
    for (unsigned round = 0; round < 3; round++) {
        while ((n = endpoint_output(net.host[0], net.now, octets, sizeof octets)) > 0) {
            endpoint_input(net.host[0], octets, n, net.now);
            assert_true(++packets < 100);
        }
        if (round == 0) {
            assert_int_equal(state_of(0, handle), TFSM_ESTABLISHED);
            assert_int_equal(send_some(0, handle, 0, 100), 100);
        } else if (round == 1) {
            assert_int_equal(endpoint_readable(net.host[0], handle), 100);
            assert_int_equal(endpoint_close(net.host[0], handle, net.now), TFSM_DONE);
        }
    }
    assert_int_equal(state_of(0, handle), TFSM_TIME_WAIT);
}

/* ---- options ---- */

/* RFC9293:MUST-48 RFC9293:MUST-49 RFC9293:SHLD-21 RFC9293:MAY-9 */
static void test_endpoint_diffserv_and_ttl_are_on_the_wire(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_options options = endpoint_defaults(net.host[0], 4);
    struct endpoint_open open = to_host_1();
    struct endpoint_status_block status;
    open.options = &options;
    options.policy.profile &= ~(uint32_t)TFSM_ECN;
    options.hops = 17;
    options.traffic_class = 0xb8;
    endpoint_handle handle = connect_with(&open);
    talk();
    endpoint_handle server = accept_one(net.listener);
    assert_int_equal(net.last[0].hops, 17);
    assert_int_equal(net.last[0].traffic_class, 0xb8);
    assert_int_equal(net.last[1].hops, 64);
    assert_int_equal(net.last[1].traffic_class, 0);
    assert_int_equal(endpoint_status(net.host[1], server, &status), TFSM_DONE);
    assert_int_equal(status.received_class, 0xb8);
    options.hops = 200;
    options.traffic_class = 0x20;
    assert_int_equal(endpoint_set(net.host[0], handle, &options, net.now), TFSM_DONE);
    assert_int_equal(send_some(0, handle, 0, 10), 10);
    talk();
    assert_int_equal(net.last[0].hops, 200);
    assert_int_equal(net.last[0].traffic_class, 0x20);
}

/* RFC9293:MUST-17: one connection without Nagle's algorithm, the other with it. */
static void test_endpoint_nagle_is_chosen_for_each_connection(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    endpoint_handle plain = connect_with(&open);
    endpoint_handle quick = connect_with(&open);
    struct endpoint_options options;
    talk();
    assert_int_equal(endpoint_get(net.host[0], quick, &options), TFSM_DONE);
    options.policy.profile |= TFSM_NODELAY;
    assert_int_equal(endpoint_set(net.host[0], quick, &options, net.now), TFSM_DONE);
    talk();
    net.drop = 1;
    for (unsigned i = 0; i < 3; i++) {
        send_some(0, plain, i, 1);
        send_some(0, quick, i, 1);
        talk();
    }
    struct endpoint_status_block status;
    endpoint_status(net.host[0], plain, &status);
    assert_int_equal(status.tcp.unacknowledged, 1);
    endpoint_status(net.host[0], quick, &status);
    assert_int_equal(status.tcp.unacknowledged, 3);
}

/* RFC9293:MUST-24 RFC9293:MUST-25: off, until the application wants it. */
static void test_endpoint_keepalive_is_chosen_at_any_time(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle handle[2];
    struct endpoint_options options;
    open_pair(handle);
    pass(10 * SECOND);
    uint64_t packets = net.packets;
    pass(100000 * SECOND);
    assert_int_equal(net.packets, packets);
    assert_int_equal(endpoint_get(net.host[0], handle[0], &options), TFSM_DONE);
    options.policy.keepalive_idle = 60 * SECOND;
    assert_int_equal(endpoint_set(net.host[0], handle[0], &options, net.now), TFSM_DONE);
    talk();
    pass(61 * SECOND);
    assert_int_equal(net.packets, packets + 2); /* asked and answered */
    net.drop = 3;
    pass(3600 * SECOND);
    assert_true((news_of(0, handle[0]) & TFSM_SIG_TIMED_OUT) != 0);
}

/* RFC9293:MUST-21: R2 of one connection. */
static void test_endpoint_r2_is_chosen_for_each_connection(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    net.drop = 1;
    struct endpoint_options options = endpoint_defaults(net.host[0], 4);
    struct endpoint_open open = to_host_1();
    endpoint_handle patient = connect_with(&open);
    options.policy.syn_retries = 1;
    open.options = &options;
    endpoint_handle hasty = connect_with(&open);
    talk();
    pass(10 * SECOND);
    assert_int_equal(state_of(0, hasty), TFSM_CLOSED);
    assert_true((news_of(0, hasty) & TFSM_SIG_TIMED_OUT) != 0);
    assert_int_equal(state_of(0, patient), TFSM_SYN_SENT);
}

static void test_endpoint_listener_options_are_inherited(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_options options;
    assert_int_equal(endpoint_get(net.host[1], net.listener, &options), TFSM_DONE);
    options.hops = 5;
    options.policy.rcv_buff = 1000;
    assert_int_equal(endpoint_set(net.host[1], net.listener, &options, net.now), TFSM_DONE);
    endpoint_handle handle[2];
    open_pair(handle);
    assert_int_equal(net.last[1].hops, 5);
    assert_int_equal(endpoint_tcb(net.host[1], handle[1])->rcv_wnd, 1000);
}
/* ---- output and time ---- */

/* Two connections with much to say take turns. */
static void test_endpoint_output_takes_turns(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct endpoint_open open = to_host_1();
    endpoint_handle handle[2] = {connect_with(&open), connect_with(&open)};
    struct endpoint_piece text[2];
    struct tfsm_packet packet[4];
    talk();
    send_some(0, handle[0], 0, 8000);
    send_some(0, handle[1], 0, 8000);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(endpoint_take(net.host[0], net.now, &packet[i], text));
    }
    assert_int_not_equal(packet[0].src_port, packet[1].src_port);
    assert_int_equal(packet[0].src_port, packet[2].src_port);
    assert_int_equal(packet[1].src_port, packet[3].src_port);
}

static void test_endpoint_output_needs_room(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    uint8_t octets[PACKET];
    struct endpoint_open open = to_host_1();
    size_t most = endpoint_packet_most(net.host[0]);
    connect_with(&open);
    assert_int_equal(most, 1500);
    assert_int_equal(endpoint_output(net.host[0], net.now, octets, most - 1), 0);
    assert_true(endpoint_output(net.host[0], net.now, octets, most) > 0);
}

/* The deadline is the earliest of all connections', however they move. */
static void test_endpoint_deadline_is_the_earliest(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    net.drop = 1;
    struct endpoint_open open = to_host_1();
    endpoint_handle handle[20];
    assert_int_equal(endpoint_deadline(net.host[0]), TFSM_NEVER);
    for (unsigned i = 0; i < 20; i++) {
        handle[i] = connect_with(&open);
        talk();
        net.now += 1000;
    }
    for (unsigned round = 0; round < 60; round++) {
        tfsm_time first = TFSM_NEVER;
        for (unsigned i = 0; i < 20; i++) {
            const struct tfsm_tcb *tcb = endpoint_tcb(net.host[0], handle[i]);
            tfsm_time at = tcb != NULL ? tfsm_deadline(tcb) : TFSM_NEVER;
            first = at < first ? at : first;
        }
        assert_int_equal(endpoint_deadline(net.host[0]), first);
        if (first == TFSM_NEVER) {
            break;
        }
        net.now = first;
        endpoint_timeout(net.host[0], net.now);
        talk();
        if (round % 3 == 0) {
            endpoint_release(net.host[0], handle[round % 20], net.now);
        }
    }
}

/* Everybody who is due is fed once, whoever has nothing but an acknowledgment to send. */
static void test_endpoint_timeout_feeds_everybody_who_is_due(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    endpoint_handle first[2];
    endpoint_handle second[2];
    open_pair(first);
    open_pair(second);
    send_some(0, first[0], 0, 100); /* its acknowledgment waits */
    talk();
    net.drop = 2;
    send_some(1, second[1], 0, 100); /* and this is lost */
    talk();
    tfsm_time now = net.now + 3 * SECOND;
    endpoint_timeout(net.host[1], now);
    assert_true(endpoint_deadline(net.host[1]) > now);
    endpoint_timeout(net.host[0], now);
    net.now = now;
    net.drop = 0;
    talk();
}

/* ---- the watcher ---- */

struct seen {
    unsigned steps;
    unsigned outputs;
    unsigned segments;
    unsigned nameless;
    bool consistent;
};

static void watcher(void *user, const struct endpoint_watched *what)
{
    struct seen *seen = user;
    if (what->event != NULL) {
        seen->steps++;
        seen->consistent &= what->effects != NULL && what->now == what->event->now;
        if (what->event->kind == TFSM_EV_OPEN) {
            seen->consistent &= what->before->state == TFSM_CLOSED;
        }
    } else {
        seen->outputs++;
        seen->segments += what->segment != NULL;
    }
    seen->nameless += what->connection == 0;
    if (what->before != NULL) {
        seen->consistent &=
            tfsm_check(what->before) == TFSM_OK && tfsm_check(what->after) == TFSM_OK;
    } else {
        seen->consistent &= what->connection == 0 && what->after == NULL;
    }
}

static void test_endpoint_watcher_sees_every_call_of_the_core(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    struct seen seen = {.consistent = true};
    endpoint_watch(net.host[0], watcher, &seen);
    endpoint_handle handle[2];
    open_pair(handle);
    assert_int_equal(seen.steps, 2);    /* OPEN and the SYN-ACK */
    assert_int_equal(seen.segments, 2); /* SYN and ACK */
    assert_int_equal(seen.outputs, 3);  /* and that there is no more */
    assert_int_equal(seen.nameless, 0);
    assert_true(seen.consistent);
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 2), 1234, TFSM_ACK);
    packet.dst = v4(192, 0, 2, 1);
    endpoint_segment(net.host[0], &packet, NULL, net.now);
    assert_int_equal(seen.nameless, 3); /* the segment, its RST, nothing more */
    endpoint_watch(net.host[0], NULL, NULL);
    talk();
    assert_int_equal(seen.nameless, 3);
}
/* ---- memory ---- */

static void test_endpoint_size_is_zero_for_what_makes_no_sense(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    static uint64_t memory[1u << 16];
    config[0].connections = 4;
    config[0].send_ring = 1024;
    config[0].receive_ring = 1024;
    size_t size = endpoint_size(&config[0]);
    assert_in_range(size, 1, sizeof memory);
    struct endpoint *ep = endpoint_place(&config[0], memory); /* without a heap */
    assert_non_null(ep);
    struct endpoint_open open = to_host_1();
    endpoint_handle handle;
    assert_int_equal(endpoint_connect(ep, &open, net.now, &handle), TFSM_DONE);
    assert_null(endpoint_check(ep));
    struct endpoint_config bad = config[0];
    bad.send_ring = 1000;
    assert_int_equal(endpoint_size(&bad), 0);
    assert_null(endpoint_create(&bad));
    bad = config[0];
    bad.connections = 0;
    assert_int_equal(endpoint_size(&bad), 0);
    bad.connections = ENDPOINT_MOST + 1;
    assert_int_equal(endpoint_size(&bad), 0);
    bad = config[0];
    bad.port_first = 9;
    bad.port_last = 8;
    assert_int_equal(endpoint_size(&bad), 0);
    bad = config[0];
    bad.local_count = 0;
    assert_int_equal(endpoint_size(&bad), 0);
    bad = config[0];
    net.locals[0][1].prefix = 33;
    assert_int_equal(endpoint_size(&bad), 0);
}
/* A packet never grows beyond what IP can carry, whatever MSS is asked for. */
static void test_endpoint_packets_fit_ip(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    for (unsigned i = 0; i < 2; i++) {
        config[i].policy4.mss = UINT16_MAX;
        config[i].policy4.rcv_buff = TFSM_BUFF_MAX;
        config[i].policy4.snd_buff = TFSM_BUFF_MAX;
        config[i].policy4.profile &= ~(uint32_t)TFSM_CONGESTION;
        config[i].send_ring = 1 << 18;
        config[i].receive_ring = 1 << 18;
    }
    start_hosts();
    static uint8_t octets[1 << 18];
    endpoint_handle handle[2];
    size_t taken = 0;
    struct endpoint_open open = to_host_1();
    handle[0] = connect_with(&open);
    for (unsigned i = 0; i < 3; i++) { /* SYN, SYN-ACK, ACK */
        size_t n = endpoint_output(net.host[i % 2], net.now, octets, sizeof octets);
        endpoint_input(net.host[1 - i % 2], octets, n, net.now);
    }
    assert_int_equal(endpoint_packet_most(net.host[0]), 65535);
    assert_int_equal(
        endpoint_send(net.host[0], handle[0], octets, sizeof octets, false, net.now, &taken),
        TFSM_DONE);
    assert_int_equal(taken, sizeof octets);
    assert_in_range(endpoint_output(net.host[0], net.now, octets, sizeof octets), 65000, 65535);
    assert_int_equal(counted(0)->unwritten, 0);
}

/* ---- everything at once ---- */

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % below;
}

/* A call with no thought behind it, on handles that may be good, stale or made up. */
static void call_anything(unsigned host, endpoint_handle handles[8])
{
    struct endpoint *ep = net.host[host];
    endpoint_handle *handle = &handles[draw(8)];
    struct endpoint_options options = endpoint_defaults(ep, 4);
    struct endpoint_open open = {.remote = draw(8) > 0 ? v4(192, 0, 2, 2 - host) : v6(2 - host),
                                 .remote_port = (uint16_t)(PORT + draw(2)),
                                 .local_port = (uint16_t)(draw(2) * (PORT + draw(4))),
                                 .options = draw(2) > 0 ? &options : NULL};
    struct tfsm_listener_policy policy = {.cookies = (uint8_t)draw(3),
                                          .overflow = (uint8_t)draw(2),
                                          .recycle = draw(2) > 0,
                                          .fast_open = draw(3),
                                          .syn_ack_retries = (uint8_t)draw(6)};
    struct endpoint_listening listening = {.local = draw(2) > 0 ? any_address(4)
                                                                : v4(192, 0, 2, 1 + host),
                                           .port = (uint16_t)(PORT + draw(2)),
                                           .backlog = 1 + draw(3),
                                           .policy = &policy};
    uint8_t octets[700] = {0};
    size_t taken = 0;
    uint32_t news = 0;
    options.policy.rcv_buff = draw(3000);
    options.policy.snd_buff = draw(3000);
    options.policy.profile ^= 1u << draw(12);
    switch (draw(14)) {
    case 0:
        endpoint_connect(ep, &open, net.now, handle);
        break;
    case 1:
        endpoint_connect_fast(ep, &open, octets, draw(700), net.now, handle, &taken);
        break;
    case 2:
        endpoint_listen(ep, &listening, handle);
        break;
    case 3:
        endpoint_accept(ep, *handle, &handles[draw(8)]);
        break;
    case 4:
    case 5:
        endpoint_send(ep, *handle, octets, draw(700), draw(9) == 0, net.now, &taken);
        break;
    case 6:
    case 7:
        endpoint_receive(ep, *handle, octets, draw(700), net.now, &taken);
        break;
    case 8:
        endpoint_close(ep, *handle, net.now);
        break;
    case 9:
        endpoint_close_deaf(ep, *handle, net.now);
        break;
    case 10:
        draw(3) == 0 ? endpoint_abort(ep, *handle, net.now)
                     : endpoint_release(ep, *handle, net.now);
        break;
    case 11:
        endpoint_set(ep, *handle, &options, net.now);
        break;
    case 12:
        endpoint_next(ep, handle, &news);
        break;
    default:
        *handle = draw(2) > 0 ? *handle : (endpoint_handle)draw(9) << 32 | draw(9);
        break;
    }
}

/* Calls in any order, a network that loses and copies, packets of a stranger, time in jumps. */
static void test_endpoint_any_order_of_calls(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct endpoint_config *config = plan_hosts();
        endpoint_handle handles[2][8] = {{0}};
        struct seen seen = {.consistent = true};
        random_state = seed;
        for (unsigned i = 0; i < 2; i++) {
            config[i].connections = 5;
            config[i].listeners = 2;
            config[i].send_ring = 1024;
            config[i].receive_ring = 2048;
            config[i].resets = draw(3);
            config[i].cookies = (uint32_t)(seed % 2);
        }
        start_hosts();
        endpoint_watch(net.host[0], watcher, &seen);
        endpoint_watch(net.host[1], watcher, &seen);
        for (unsigned step = 0; step < 3000; step++) {
            unsigned host = draw(2);
            uint8_t octets[PACKET];
            call_anything(host, handles[host]);
            size_t n = endpoint_output(net.host[host], net.now, octets, sizeof octets);
            for (unsigned copies = n > 0 ? draw(3) : 0; copies > 0; copies--) {
                endpoint_input(net.host[1 - host], octets, n, net.now);
            }
            if (n > 0 && draw(20) == 0) {
                struct tfsm_packet packet;
                tfsm_parse(octets, n, &packet);
                packet.segment.flags = (uint8_t)draw(256);
                packet.segment.len = draw(4);
                packet.segment.seq += draw(2000) - 1000;
                endpoint_segment(net.host[1 - host], &packet, octets, net.now);
            }
            if (draw(10) == 0) {
                tfsm_time due = endpoint_deadline(net.host[host]);
                net.now = due != TFSM_NEVER && due > net.now ? due : net.now + draw(100000);
                endpoint_timeout(net.host[host], net.now);
            }
            check_books();
            assert_true(seen.consistent);
        }
        stop_hosts(state);
    }
}

/* From the first packet to the last: no allocation but the two of endpoint_create(). */
static void test_endpoint_allocates_nothing_after_start(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    endpoint_handle handles[2][8] = {{0}};
    endpoint_handle handle[2];
    config[0].connections = 9;
    allocations = 0;
    start_hosts();
    assert_int_equal(allocations, 2);
    open_pair(handle);
    exchange_octets(handle, 100000);
    random_state = 7;
    for (unsigned step = 0; step < 5000; step++) {
        call_anything(draw(2), handles[draw(2)]);
        talk();
        pass(draw(1000000));
    }
    assert_int_equal(allocations, 2);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_endpoint_data_both_ways_ipv4, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_data_both_ways_ipv6, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_data_after_loss, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_send_takes_what_fits_and_tells_of_room, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_peek_before_receive, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_port_used_until_a_connection_is_over, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_send_into_a_buffer_that_shrank, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_receive_buffer_that_grew_is_announced, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_send_buffer_that_grew_is_told, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_thousand_connections_through_one_listener,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_stale_handles_name_nothing, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_connect_checks_addresses, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_connect_chooses_the_local_address, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_ephemeral_ports_run_out_towards_one_peer,
                                  stop_hosts),
        cmocka_unit_test(test_endpoint_ephemeral_ports_depend_on_key_and_peer),
        cmocka_unit_test_teardown(test_endpoint_connections_run_out, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_half_close, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_data_stays_readable_after_the_end, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_data_stays_readable_after_a_reset, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_ended_before_accept_is_handed_out, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_deaf_close_resets_what_comes, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_released_connections_end_by_themselves, stop_hosts),
        cmocka_unit_test(test_endpoint_released_connection_waits_no_longer_than_the_orphan_timeout),
        cmocka_unit_test_teardown(test_endpoint_deaf_close_that_is_refused_changes_nothing,
                                  stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_released_in_syn_received, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_closed_deaf_in_syn_received, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_connection_to_itself, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_diffserv_and_ttl_are_on_the_wire, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_nagle_is_chosen_for_each_connection, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_keepalive_is_chosen_at_any_time, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_r2_is_chosen_for_each_connection, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_listener_options_are_inherited, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_output_takes_turns, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_output_needs_room, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_deadline_is_the_earliest, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_timeout_feeds_everybody_who_is_due, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_watcher_sees_every_call_of_the_core, stop_hosts),
        cmocka_unit_test(test_endpoint_size_is_zero_for_what_makes_no_sense),
        cmocka_unit_test_teardown(test_endpoint_packets_fit_ip, stop_hosts),
        cmocka_unit_test(test_endpoint_any_order_of_calls),
        cmocka_unit_test_teardown(test_endpoint_allocates_nothing_after_start, stop_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
