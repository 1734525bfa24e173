/* The room that an endpoint gives its connections (endpoint_config.ranges): every connection has it, however it came about,
 * next to others of as much, and who watches sees all of it. */
#include "hosts.h"
#include "whole.h"

#define CLIENT 1234 /* the peer's port */

static struct endpoint_config *plan_room(uint32_t ranges)
{
    struct endpoint_config *config = plan_hosts();
    for (unsigned i = 0; i < 2; i++) {
        config[i].ranges = ranges;
        /* segments made by hand bear none */
        config[i].policy4.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
    }
    return config;
}

static void start_room(uint32_t ranges)
{
    plan_room(ranges);
    start_hosts();
}

/* Octets of the stream of host 0, from this one on, come to host 1: for a connection from CLIENT, or from the port of
 * this one. */
static void octets_come(const struct tfsm_tcb *tcb, uint16_t port, uint32_t at, uint32_t n)
{
    uint8_t text[200];
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), port, TFSM_ACK);
    packet.segment.seq = seq_add(tcb->irs, 1 + at);
    packet.segment.ack = tcb->snd_nxt;
    packet.segment.len = n;
    for (uint32_t i = 0; i < n; i++) {
        text[i] = stream_octet(0, at + i);
    }
    endpoint_segment(net.host[1], &packet, text, net.now);
}

static uint16_t port_of(endpoint_handle client)
{
    struct endpoint_status_block status;
    assert_int_equal(endpoint_status(net.host[0], client, &status), TFSM_DONE);
    return status.local_port;
}

/* So many ranges wait at the server, and not one more. */
static void fill(endpoint_handle server, uint16_t port, uint32_t ranges)
{
    const struct tfsm_tcb *tcb = endpoint_tcb(net.host[1], server);
    for (uint32_t i = 0; i <= ranges; i++) {
        octets_come(tcb, port, 10 * (i + 1), 1);
        assert_int_equal(tcb->ooo_count, i < ranges ? i + 1 : ranges);
    }
    for (uint32_t i = 0; i < ranges; i++) {
        assert_int_equal(seq_distance(tcb->irs, tfsm_out_of_order(tcb)[i].left), 10 * (i + 1) + 1);
    }
    check_books();
}

/* What is missing comes, and all of it is read. */
static void complete(endpoint_handle server, uint16_t port, uint32_t octets)
{
    const struct tfsm_tcb *tcb = endpoint_tcb(net.host[1], server);
    for (uint32_t at = 0; at < octets; at += 100) {
        octets_come(tcb, port, at, 100);
    }
    uint64_t read = 0;
    for (size_t n = 1; n > 0; read += n) {
        n = read_some(1, server, read);
    }
    assert_in_range(read, octets, octets + 100);
    assert_int_equal(tcb->ooo_count, 0);
    check_books();
}

/* One that was opened by its user as one that came in; and the next in the same place. */
static void test_endpoint_room_of_every_connection(void **state)
{
    static const uint32_t rooms[] = {0, 1, 9, 64, TFSM_ROOM_MAX};
    (void)state;
    for (unsigned i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        struct endpoint_config *config = plan_room(rooms[i]);
        config[1].connections = 1;
        start_hosts();
        for (unsigned turn = 0; turn < 3; turn++) {
            endpoint_handle pair[2];
            open_pair(pair);
            assert_int_equal(endpoint_tcb(net.host[0], pair[0])->room, rooms[i]);
            assert_int_equal(endpoint_tcb(net.host[1], pair[1])->room, rooms[i]);
            uint32_t ranges = rooms[i] > 0 ? rooms[i] : TFSM_ROOM_OWN;
            fill(pair[1], port_of(pair[0]), ranges);
            complete(pair[1], port_of(pair[0]), 10 * ranges);
            endpoint_abort(net.host[1], pair[1], net.now);
            talk();
            news_of(0, pair[0]);
            endpoint_close(net.host[0], pair[0], net.now);
            news_of(1, pair[1]);
            talk();
            assert_int_equal(in_use(1), 0);
        }
        stop_hosts(state);
    }
}

/* Two that lie side by side: what fills the one is nothing to the other. */
static void test_endpoint_room_is_nobody_elses(void **state)
{
    static const uint32_t rooms[] = {1, 8, 64, TFSM_ROOM_MAX};
    static struct whole before;
    (void)state;
    for (unsigned i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        endpoint_handle pair[3][2];
        start_room(rooms[i]);
        for (unsigned k = 0; k < 3; k++) {
            open_pair(pair[k]);
        }
        fill(pair[2][1], port_of(pair[2][0]), rooms[i]);
        const struct tfsm_tcb *other = endpoint_tcb(net.host[1], pair[2][1]);
        copy_tcb(&before, other);
        fill(pair[1][1], port_of(pair[1][0]), rooms[i]);
        assert_true(same_tcb(&before.tcb, other));
        complete(pair[1][1], port_of(pair[1][0]), 10 * rooms[i]);
        assert_true(same_tcb(&before.tcb, other));
        complete(pair[2][1], port_of(pair[2][0]), 10 * rooms[i]);
        stop_hosts(state);
    }
}

/* All that is behind a TCB is its own, to the last octet: whatever stands there while no range does. */
static void test_endpoint_room_is_its_own_to_the_end(void **state)
{
    static const uint32_t rooms[] = {1, 2, 3, 5, 7, 9, 64, TFSM_ROOM_MAX};
    (void)state;
    for (unsigned i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        endpoint_handle pair[3][2];
        start_room(rooms[i]);
        for (unsigned k = 0; k < 3; k++) {
            open_pair(pair[k]);
        }
        for (unsigned k = 0; k < 3; k++) {
            const struct tfsm_tcb *tcb = endpoint_tcb(net.host[1], pair[k][1]);
            memset((uint8_t *)(uintptr_t)(tcb + 1), 0xff, tfsm_tcb_size(tcb) - sizeof *tcb);
        }
        check_books();
        for (unsigned k = 0; k < 3; k++) {
            assert_int_equal(send_some(0, pair[k][0], 0, 1000), 1000);
            talk();
            assert_int_equal(read_some(1, pair[k][1], 0), 1000);
        }
        stop_hosts(state);
    }
}

/* The third segment bears text that is not the first: a range comes along from the listener. */
static void test_endpoint_room_takes_over_what_a_listener_has(void **state)
{
    static const uint32_t rooms[] = {0, 64};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        start_room(rooms[i]);
        struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), CLIENT, TFSM_SYN);
        hand_in(&packet);
        struct tfsm_packet answer = said();
        const struct tfsm_tcb peer = {.irs = answer.segment.ack - 1,
                                      .snd_nxt = answer.segment.seq + 1};
        octets_come(&peer, CLIENT, 10, 1);
        endpoint_handle server = accept_one(net.listener);
        assert_int_not_equal(server, 0);
        const struct tfsm_tcb *tcb = endpoint_tcb(net.host[1], server);
        assert_int_equal(tcb->room, rooms[i]);
        assert_int_equal(tcb->ooo_count, 1);
        fill(server, CLIENT, rooms[i] > 0 ? 64 : TFSM_ROOM_OWN);
        complete(server, CLIENT, rooms[i] > 0 ? 640 : 10 * TFSM_ROOM_OWN);
        stop_hosts(state);
    }
}

/* So does the one that takes the place of another in TIME-WAIT. */
static void test_endpoint_room_after_time_wait(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_room(64);
    config[1].connections = 1;
    start_hosts();
    struct endpoint_open open = to_host_1();
    open.local_port = CLIENT;
    endpoint_handle client = connect_with(&open);
    talk();
    endpoint_handle server = accept_one(net.listener);
    endpoint_close(net.host[1], server, net.now);
    talk();
    endpoint_close(net.host[0], client, net.now);
    talk();
    assert_int_equal(state_of(1, server), TFSM_TIME_WAIT);
    const struct tfsm_tcb *waiting = endpoint_tcb(net.host[1], server);
    endpoint_release(net.host[1], server, net.now); /* its place is the next one's */
    net.now += SECOND;
    struct tfsm_packet packet = packet_from(v4(192, 0, 2, 1), CLIENT, TFSM_SYN);
    packet.segment.seq = waiting->rcv_nxt + 5000;
    hand_in(&packet);
    struct tfsm_packet answer = said();
    assert_int_equal(answer.segment.ack, packet.segment.seq + 1);
    const struct tfsm_tcb peer = {.irs = packet.segment.seq, .snd_nxt = answer.segment.seq + 1};
    octets_come(&peer, CLIENT, 10, 1);
    server = accept_one(net.listener);
    assert_ptr_equal(endpoint_tcb(net.host[1], server), waiting);
    assert_int_equal(waiting->room, 64);
    assert_int_equal(waiting->ooo_count, 1);
    fill(server, CLIENT, 64);
    complete(server, CLIENT, 640);
}

/* ---- who watches ---- */

static struct {
    struct whole last[2];
    endpoint_handle handle[2];
    unsigned events;
    unsigned most;
} seen;

/* endpoint.h: before is what was after, to the last range, and both have as much room. */
static void watch(unsigned host, const struct endpoint_watched *what)
{
    if (what->connection == 0) {
        return;
    }
    seen.events++;
    assert_int_equal(what->before->room, net.config[host].ranges);
    assert_int_equal(what->after->room, net.config[host].ranges);
    if (seen.handle[host] == what->connection) {
        assert_true(same_tcb(what->before, &seen.last[host].tcb));
    }
    seen.handle[host] = what->connection;
    seen.most = what->before->ooo_count > seen.most ? what->before->ooo_count : seen.most;
    copy_tcb(&seen.last[host], what->after);
}

static void watch_0(void *user, const struct endpoint_watched *what)
{
    (void)user;
    watch(0, what);
}

static void watch_1(void *user, const struct endpoint_watched *what)
{
    (void)user;
    watch(1, what);
}

static void test_endpoint_room_is_seen_whole(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    start_room(64);
    endpoint_watch(net.host[0], watch_0, NULL);
    endpoint_watch(net.host[1], watch_1, NULL);
    endpoint_handle pair[2];
    open_pair(pair);
    uint16_t port = port_of(pair[0]);
    fill(pair[1], port, 64);
    assert_int_equal(seen.most, 64);
    complete(pair[1], port, 640);
    assert_true(seen.events > 70);
}

/* ---- what it takes ---- */

static void test_endpoint_room_counts(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_room(0);
    assert_int_equal(endpoint_config_default().ranges, 256);
    config->connections = 1000;
    size_t bare = endpoint_size(config);
    size_t before = bare;
    static const uint32_t rooms[] = {1, 2, 64, TFSM_ROOM_MAX};
    for (unsigned i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        config->ranges = rooms[i];
        size_t room = TFSM_TCB_SIZE(rooms[i]) - sizeof(struct tfsm_tcb);
        size_t size = endpoint_size(config);
        assert_true(size >= before);
        assert_in_range(size - bare, 1000 * (room - 64), 1001 * (room + 64));
        before = size;
    }
    config->ranges = TFSM_ROOM_MAX + 1;
    assert_int_equal(endpoint_size(config), 0);
    assert_null(endpoint_create(config));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoint_room_of_every_connection),
        cmocka_unit_test(test_endpoint_room_is_nobody_elses),
        cmocka_unit_test(test_endpoint_room_is_its_own_to_the_end),
        cmocka_unit_test(test_endpoint_room_takes_over_what_a_listener_has),
        cmocka_unit_test_teardown(test_endpoint_room_after_time_wait, stop_hosts),
        cmocka_unit_test_teardown(test_endpoint_room_is_seen_whole, stop_hosts),
        cmocka_unit_test(test_endpoint_room_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
