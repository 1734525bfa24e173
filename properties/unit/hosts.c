/* Two hosts and the wire between them: see hosts.h. */
#include "hosts.h"

struct tfsm_address v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    return (struct tfsm_address){.family = 4,
                                 .octets = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};
}

struct tfsm_address v6(unsigned last)
{
    return (struct tfsm_address){.family = 6,
                                 .octets = {0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)last}};
}

struct net net;

struct endpoint_config *plan_hosts(void)
{
    memset(&net, 0, sizeof net);
    net.now = 1000 * SECOND;
    for (unsigned i = 0; i < 2; i++) {
        net.config[i] = endpoint_config_default();
        struct tfsm_config letter = tfsm_config_default(); /* what the tests count on */
        letter.mss = net.config[i].policy4.mss;
        net.config[i].policy4 = letter;
        letter.mss = net.config[i].policy6.mss;
        letter.mss_default = net.config[i].policy6.mss_default;
        net.config[i].policy6 = letter;
        net.config[i].key[0] = (uint8_t)(i + 1);
        net.locals[i][0] = (struct endpoint_local){v4(192, 0, 2, i + 1), 24};
        net.locals[i][1] = (struct endpoint_local){v4(198, 51, 100, i + 1), 25};
        net.locals[i][2] = (struct endpoint_local){v6(i + 1), 64};
        net.config[i].locals = net.locals[i];
        net.config[i].local_count = 3;
    }
    return net.config;
}

struct tfsm_address any_address(unsigned family)
{
    return (struct tfsm_address){.family = (uint8_t)family};
}

void start_hosts(void)
{
    for (unsigned i = 0; i < 2; i++) {
        net.host[i] = endpoint_create(&net.config[i]);
        assert_non_null(net.host[i]);
    }
    struct endpoint_listening listening = {.local = any_address(4), .port = PORT, .backlog = 16};
    assert_int_equal(endpoint_listen(net.host[1], &listening, &net.listener), TFSM_DONE);
}

uint64_t listener_counted(endpoint_handle listener, enum tfsm_listener_counter counter)
{
    uint64_t counters[TFSM_LISTENER_COUNTS];
    assert_int_equal(endpoint_listener_counted(net.host[1], listener, counters), TFSM_DONE);
    return counters[counter];
}

void check_books(void)
{
    for (unsigned i = 0; i < 2; i++) {
        const char *wrong = endpoint_check(net.host[i]);
        if (wrong != NULL) {
            fail_msg("host %u: does not hold: %s", i, wrong);
        }
    }
}

void talk(void)
{
    uint8_t octets[PACKET];
    bool said = true;
    for (unsigned rounds = 0; said; rounds++) {
        assert_true(rounds < 100000); /* no storm */
        said = false;
        for (unsigned i = 0; i < 2; i++) {
            size_t n = endpoint_output(net.host[i], net.now, octets, sizeof octets);
            if (n > 0) {
                said = true;
                net.packets++;
                assert_int_equal(tfsm_parse(octets, n, &net.last[i]), TFSM_WIRE_OK);
                if ((net.drop >> i & 1) == 0) {
                    endpoint_input(net.host[1 - i], octets, n, net.now);
                }
            }
        }
    }
    check_books();
}

void pass(tfsm_time length)
{
    tfsm_time end = net.now + length;
    for (;;) {
        tfsm_time due[2] = {endpoint_deadline(net.host[0]), endpoint_deadline(net.host[1])};
        tfsm_time next = due[0] < due[1] ? due[0] : due[1];
        if (next > end) {
            break;
        }
        net.now = next > net.now ? next : net.now;
        endpoint_timeout(net.host[0], net.now);
        endpoint_timeout(net.host[1], net.now);
        talk();
    }
    net.now = end;
}

int stop_hosts(void **state)
{
    (void)state;
    check_books();
    for (unsigned i = 0; i < 2; i++) {
        endpoint_destroy(net.host[i]);
        net.host[i] = NULL;
    }
    return 0;
}

struct endpoint_open to_host_1(void)
{
    return (struct endpoint_open){.remote = v4(192, 0, 2, 2), .remote_port = PORT};
}

endpoint_handle connect_with(const struct endpoint_open *open)
{
    endpoint_handle handle = 0;
    assert_int_equal(endpoint_connect(net.host[0], open, net.now, &handle), TFSM_DONE);
    assert_int_not_equal(handle, 0);
    return handle;
}

endpoint_handle accept_one(endpoint_handle listener)
{
    endpoint_handle handle = 0;
    assert_int_equal(endpoint_accept(net.host[1], listener, &handle), TFSM_DONE);
    return handle;
}

void open_pair(endpoint_handle handle[2])
{
    struct endpoint_open open = to_host_1();
    handle[0] = connect_with(&open);
    talk();
    handle[1] = accept_one(net.listener);
    assert_int_not_equal(handle[1], 0);
}

uint8_t stream_octet(unsigned from, uint64_t offset)
{
    return (uint8_t)(offset * 167 + offset / 251 + from * 13);
}

size_t send_some(unsigned host, endpoint_handle handle, uint64_t offset, size_t n)
{
    uint8_t octets[8192];
    size_t taken = 0;
    n = n < sizeof octets ? n : sizeof octets;
    for (size_t i = 0; i < n; i++) {
        octets[i] = stream_octet(host, offset + i);
    }
    assert_int_equal(endpoint_send(net.host[host], handle, octets, n, false, net.now, &taken),
                     TFSM_DONE);
    return taken;
}

size_t read_some(unsigned host, endpoint_handle handle, uint64_t offset)
{
    uint8_t octets[5000];
    size_t taken = 0;
    enum tfsm_result result =
        endpoint_receive(net.host[host], handle, octets, sizeof octets, net.now, &taken);
    assert_true(taken == 0 || result == TFSM_DONE);
    for (size_t i = 0; i < taken; i++) {
        assert_int_equal(octets[i], stream_octet(1 - host, offset + i));
    }
    return taken;
}

enum tfsm_state state_of(unsigned host, endpoint_handle handle)
{
    struct endpoint_status_block status;
    assert_int_equal(endpoint_status(net.host[host], handle, &status), TFSM_DONE);
    return status.tcp.state;
}

uint32_t news_of(unsigned host, endpoint_handle handle)
{
    uint32_t news = 0;
    assert_int_equal(endpoint_news(net.host[host], handle, &news), TFSM_DONE);
    return news;
}

const struct endpoint_counters *counted(unsigned host)
{
    return endpoint_counted(net.host[host]);
}

uint64_t in_use(unsigned host)
{
    return counted(host)->opened - counted(host)->freed;
}

struct tfsm_packet packet_from(struct tfsm_address src, uint16_t src_port, uint8_t flags)
{
    return (struct tfsm_packet){.src = src,
                                .dst = v4(192, 0, 2, 2),
                                .src_port = src_port,
                                .dst_port = PORT,
                                .hops = 64,
                                .segment = {.seq = 7000,
                                            .ack = 9000,
                                            .wnd = 65535,
                                            .flags = flags,
                                            .len = (flags & (TFSM_SYN | TFSM_FIN)) != 0}};
}

void hand_in(const struct tfsm_packet *packet)
{
    endpoint_segment(net.host[1], packet, NULL, net.now);
}

struct tfsm_packet said(void)
{
    struct tfsm_packet packet = {0};
    struct endpoint_piece text[2];
    assert_true(endpoint_take(net.host[1], net.now, &packet, text));
    return packet;
}

void expect_silence(unsigned host)
{
    struct tfsm_packet packet;
    struct endpoint_piece text[2];
    assert_false(endpoint_take(net.host[host], net.now, &packet, text));
}
