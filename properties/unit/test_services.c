/* The services behind a TUN device (harness/tun/services.h), served between two endpoints in
 * memory: host 0 is the client, host 1 serves. */
#include "hosts.h"
#include "http.h"
#include "services.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HTTP_PORT 8080
#define MOST      400000 /* octets of a stream here */

static struct services *services;
static uint8_t heard[MOST]; /* what the client read */
static size_t heard_n;

/* Host 1 has so many connections; 0: as many as by default. */
static void start_with(uint32_t connections, uint32_t ring, tfsm_time idle, int file,
                       uint64_t file_size)
{
    struct endpoint_config *config = plan_hosts();
    if (connections > 0) {
        config[1].connections = connections;
    }
    for (unsigned i = 0; i < 2; i++) {
        config[i].send_ring = ring / 2; /* more can come at once than go */
        config[i].receive_ring = ring;
        config[i].policy4.msl = 1000;
        config[i].policy4.ack_delay = 0;
    }
    start_hosts();
    struct services_config wanted = {.endpoint = net.host[1],
                                     .connections = config[1].connections,
                                     .idle = idle,
                                     .file = file,
                                     .file_size = file_size};
    services = services_create(&wanted, net.now);
    assert_non_null(services);
    for (unsigned i = 0; i < SERVICES; i++) {
        enum service service = (enum service)i;
        uint16_t port = service == SERVICE_HTTP ? HTTP_PORT : service_port(service);
        assert_int_equal(services_listen(services, service, 4, port, 16, NULL), TFSM_DONE);
    }
    heard_n = 0;
}

static void start(uint32_t ring, tfsm_time idle, int file, uint64_t file_size)
{
    start_with(0, ring, idle, file, file_size);
}

static int stop(void **state)
{
    services_destroy(services);
    services = NULL;
    return stop_hosts(state);
}

/* Packets and news until nothing more happens. */
static void settle(void)
{
    endpoint_handle handle;
    uint32_t news;
    bool moved = true;
    for (unsigned rounds = 0; moved; rounds++) {
        assert_true(rounds < 10000);
        talk();
        moved = false;
        while (endpoint_next(net.host[1], &handle, &news)) {
            services_news(services, handle, news, net.now);
            moved = true;
        }
    }
}

static void later(tfsm_time length)
{
    pass(length);
    settle();
    services_sweep(services, net.now);
    settle();
}

static endpoint_handle dial(uint16_t port)
{
    struct endpoint_open open = to_host_1();
    open.remote_port = port;
    endpoint_handle handle = connect_with(&open);
    settle();
    return handle;
}

/* Hand over all of it; fails when the service does not take it. */
static void say(endpoint_handle handle, const void *octets, size_t n)
{
    const uint8_t *from = octets;
    for (unsigned rounds = 0; n > 0; rounds++) {
        size_t taken = 0;
        assert_true(rounds < 10000);
        endpoint_send(net.host[0], handle, from, n, false, net.now, &taken);
        from += taken;
        n -= taken;
        settle();
    }
}

/* Read what there is; returns false at the end of the stream. */
static bool hear(endpoint_handle handle)
{
    size_t taken = 1;
    enum tfsm_result result = TFSM_DONE;
    while (taken > 0) {
        result = endpoint_receive(net.host[0], handle, heard + heard_n, sizeof heard - heard_n,
                                  net.now, &taken);
        heard_n += taken;
        settle();
    }
    return result == TFSM_DONE;
}

static void expect_heard(const char *text)
{
    assert_int_equal(heard_n, strlen(text));
    assert_memory_equal(heard, text, heard_n);
}

/* How many answers with a status were heard. */
static unsigned answers(const char *status)
{
    unsigned found = 0;
    for (size_t i = 0; i + 12 <= heard_n; i++) {
        found += memcmp(heard + i, "HTTP/1.1 ", 9) == 0 && memcmp(heard + i + 9, status, 3) == 0;
    }
    return found;
}

static void close_and_forget(endpoint_handle handle)
{
    endpoint_close(net.host[0], handle, net.now);
    settle();
    heard_n = 0;
    hear(handle);
    later(SECOND);
    assert_int_equal(in_use(1), 0);
}

/* ---- echo, discard, chargen ---- */

static void test_services_echo_says_the_same_and_closes_after_its_client(void **state)
{
    (void)state;
    start(4096, 0, -1, 0);
    endpoint_handle handle = dial(7);
    uint64_t sent = 0;
    uint64_t read = 0;
    while (read < 100000) {
        uint8_t octets[3000];
        size_t taken = 0;
        for (size_t i = 0; i < sizeof octets; i++) {
            octets[i] = stream_octet(0, sent + i);
        }
        endpoint_send(net.host[0], handle, octets, sizeof octets, false, net.now, &taken);
        sent += taken;
        settle();
        heard_n = 0;
        hear(handle);
        for (size_t i = 0; i < heard_n; i++, read++) {
            assert_int_equal(heard[i], stream_octet(0, read));
        }
    }
    assert_int_equal(read, sent);
    close_and_forget(handle);
    assert_int_equal(services_counted(services)->octets_in, sent);
    assert_int_equal(services_counted(services)->octets_out, sent);
    assert_int_equal(services_counted(services)->closed, 1);
}

/* What it has said is in its own ring or in the client's. */
static void test_services_echo_reads_no_more_than_it_can_say(void **state)
{
    (void)state;
    start(4096, 0, -1, 0);
    endpoint_handle handle = dial(7);
    uint64_t sent = 0;
    size_t taken = 1;
    for (unsigned rounds = 0; taken > 0; rounds++) {
        assert_true(rounds < 100);
        taken = send_some(0, handle, sent, 4096);
        sent += taken;
        settle();
    }
    assert_true(services_counted(services)->octets_in <= 2048 + 4096);
    for (uint64_t read = 0; read < sent;) {
        heard_n = 0;
        hear(handle);
        later(SECOND);
        for (size_t i = 0; i < heard_n; i++, read++) {
            assert_int_equal(heard[i], stream_octet(0, read));
        }
    }
    close_and_forget(handle);
}

static void test_services_echo_answers_what_came_before_a_half_close(void **state)
{
    (void)state;
    start(65536, 0, -1, 0);
    endpoint_handle handle = dial(7);
    size_t taken;
    endpoint_send(net.host[0], handle, (const uint8_t *)"last words", 10, false, net.now, &taken);
    endpoint_close(net.host[0], handle, net.now);
    settle();
    assert_false(hear(handle));
    expect_heard("last words");
}

static void test_services_discard_says_nothing(void **state)
{
    (void)state;
    static uint8_t much[MOST];
    start(4096, 0, -1, 0);
    endpoint_handle handle = dial(9);
    say(handle, much, sizeof much);
    assert_true(hear(handle));
    assert_int_equal(heard_n, 0);
    assert_int_equal(services_counted(services)->octets_in, sizeof much);
    close_and_forget(handle);
}

static void test_services_chargen_speaks_until_its_client_ends_it(void **state)
{
    (void)state;
    start(4096, 0, -1, 0);
    endpoint_handle handle = dial(19);
    hear(handle); /* as much as there is room for */
    assert_int_equal(heard_n, sizeof heard);
    assert_memory_equal(heard, " !\"#$%&'()", 10);
    assert_memory_equal(heard + 72, "\r\n!\"#$", 6);
    for (size_t i = 0; i + 75 < heard_n; i++) { /* each line is the one before, one further */
        assert_true(i % 74 >= 71 || heard[i + 74] == heard[i + 1]);
    }
    close_and_forget(handle);
}

/* ---- HTTP ---- */

/* One request on a connection of its own; what comes until the server is silent. */
static endpoint_handle ask(const char *request)
{
    endpoint_handle handle = dial(HTTP_PORT);
    heard_n = 0;
    say(handle, request, strlen(request));
    hear(handle);
    return handle;
}

static void expect_status(const char *request, const char *status)
{
    endpoint_handle handle = ask(request);
    if (answers(status) != 1) {
        fail_msg("%.60s got %.20s", request, (const char *)heard);
    }
    endpoint_abort(net.host[0], handle, net.now);
    settle();
}

static const uint8_t *body(size_t *n)
{
    for (size_t i = 0; i + 4 <= heard_n; i++) {
        if (memcmp(heard + i, "\r\n\r\n", 4) == 0) {
            *n = heard_n - i - 4;
            return heard + i + 4;
        }
    }
    fail_msg("no head");
    return NULL;
}

static void test_services_http_gives_octets_by_their_offset(void **state)
{
    (void)state;
    static uint8_t wanted[300000];
    size_t n = 0;
    start(16384, 0, -1, 0);
    endpoint_handle handle = ask("GET /octets/300000 HTTP/1.1\r\nHost: a\r\n\r\n");
    const uint8_t *octets = body(&n);
    services_pattern(0, wanted, sizeof wanted);
    assert_int_equal(answers("200"), 1);
    assert_int_equal(n, sizeof wanted);
    assert_memory_equal(octets, wanted, n);
    assert_true(hear(handle)); /* kept */
    close_and_forget(handle);
}

static void test_services_http_head_has_no_body(void **state)
{
    (void)state;
    size_t n = 1;
    start(65536, 0, -1, 0);
    ask("HEAD /1000 HTTP/1.1\r\nHost: a\r\n\r\n");
    body(&n);
    assert_int_equal(n, 0);
    assert_non_null(strstr((const char *)heard, "Content-Length: 1000\r\n"));
}

static void test_services_http_refused_head_has_no_body(void **state)
{
    (void)state;
    char large[HTTP_HEAD_MOST + 1];
    memset(large, 'a', sizeof large - 1);
    memcpy(large, "HEAD /", 6);
    large[sizeof large - 1] = '\0';
    const char *const refused[] = {"HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
                                   "HEAD / HTTP/1.1\r\n\r\n", "HEAD / HTTP/3.0\r\n\r\n", large};
    start(65536, 0, -1, 0);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        size_t n = 1;
        endpoint_handle handle = ask(refused[i]);
        assert_int_equal(answers("200"), 0);
        body(&n);
        assert_int_equal(n, 0);
        close_and_forget(handle);
    }
}

static void test_services_http_closes_where_it_said_so(void **state)
{
    (void)state;
    start(65536, 0, -1, 0);
    static const char *const last[] = {"GET / HTTP/1.0\r\n\r\n",
                                       "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n",
                                       "BAD\r\n\r\n"};
    for (unsigned i = 0; i < sizeof last / sizeof last[0]; i++) {
        endpoint_handle handle = ask(last[i]);
        assert_non_null(strstr((const char *)heard, "Connection: close\r\n"));
        assert_false(hear(handle));
        close_and_forget(handle);
    }
}

static void test_services_http_refuses(void **state)
{
    (void)state;
    start(65536, 0, -1, 0);
    expect_status("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "404");
    expect_status("POST / HTTP/1.1\r\nHost: a\r\n\r\n", "405");
    expect_status("GET / HTTP/1.1\r\n\r\n", "400");
    expect_status("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", "413");
    char *text = malloc(5001);
    assert_non_null(text);
    memset(text, 'x', 5000);
    text[5000] = '\0';
    expect_status(text, "431");
    free(text);
}

static void test_services_http_answers_requests_in_one_go_in_turn(void **state)
{
    (void)state;
    start(4096, 0, -1, 0);
    char requests[4000] = "";
    for (unsigned i = 0; i < 50; i++) {
        strcat(requests, "GET /2000 HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    endpoint_handle handle = dial(HTTP_PORT);
    say(handle, requests, strlen(requests));
    for (unsigned i = 0; i < 200 && answers("200") < 50; i++) {
        hear(handle);
        later(SECOND);
    }
    assert_int_equal(answers("200"), 50);
    assert_true(heard_n > 50 * 2000);
    close_and_forget(handle);
}

static void test_services_http_takes_a_request_octet_by_octet(void **state)
{
    (void)state;
    static const char request[] = "GET /5 HTTP/1.1\r\nHost: a\r\n\r\n";
    start(65536, 0, -1, 0);
    endpoint_handle handle = dial(HTTP_PORT);
    for (size_t i = 0; request[i] != '\0'; i++) {
        assert_int_equal(services_counted(services)->requests, 0);
        say(handle, request + i, 1);
    }
    hear(handle);
    assert_int_equal(answers("200"), 1);
}

static void test_services_http_serves_a_file_and_notices_when_it_shrinks(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    size_t n;
    assert_non_null(file);
    assert_true(fputs("hello, file", file) >= 0 && fflush(file) == 0);
    start(65536, 0, fileno(file), 11);
    ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_memory_equal(body(&n), "hello, file", 11);
    assert_int_equal(ftruncate(fileno(file), 3), 0);
    endpoint_handle handle = ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_false(hear(handle));
    assert_int_equal(news_of(0, handle) & TFSM_SIG_RESET, TFSM_SIG_RESET);
    fclose(file);
}

/* ---- places ---- */

static void test_services_idle_connections_are_given_up(void **state)
{
    (void)state;
    start(65536, 10 * SECOND, -1, 0);
    endpoint_handle handle = dial(HTTP_PORT);
    later(9 * SECOND);
    assert_int_equal(in_use(1), 1);
    say(handle, "GET /", 5); /* that counts */
    later(9 * SECOND);
    assert_int_equal(in_use(1), 1);
    later(3 * SECOND);
    assert_int_equal(in_use(1), 0);
    assert_int_equal(services_counted(services)->idle, 1);
}

/* What never comes to an end keeps no place: a request has to be whole in time, however often an octet
 * of it comes. With whole ones the time begins anew, and an octet to echo is whole by itself. */
static void test_services_a_request_has_to_be_whole_in_time(void **state)
{
    (void)state;
    start(65536, 10 * SECOND, -1, 0);
    endpoint_handle slow = dial(HTTP_PORT);
    endpoint_handle steady = dial(HTTP_PORT);
    endpoint_handle echo = dial(7);
    static const char request[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    for (unsigned i = 0; i < 15; i++) {
        if (i <= 10) {
            say(slow, "G", 1);
        }
        say(echo, "x", 1);
        if (i % 5 == 0) {
            say(steady, request, strlen(request));
        }
        later(SECOND);
    }
    assert_int_equal(news_of(0, slow) & TFSM_SIG_RESET, TFSM_SIG_RESET);
    assert_int_equal(state_of(0, steady), TFSM_ESTABLISHED);
    assert_int_equal(state_of(0, echo), TFSM_ESTABLISHED);
    assert_int_equal(services_counted(services)->idle, 1);
}

static void test_services_a_client_that_will_not_close_is_given_up(void **state)
{
    (void)state;
    start(65536, 0, -1, 0);
    endpoint_handle handle = ask("BAD\r\n\r\n");
    for (unsigned i = 0; i < 4; i++) {
        later(2 * SECOND);
        size_t taken;
        endpoint_send(net.host[0], handle, (const uint8_t *)"more", 4, false, net.now, &taken);
        settle();
    }
    later(2 * SECOND);
    assert_int_equal(in_use(1), 0);
}

/* Who closes first sits out TIME-WAIT: more of them than there are places. */
static void test_services_time_wait_does_not_keep_others_out(void **state)
{
    (void)state;
    start_with(16, 4096, 0, -1, 0);
    for (unsigned i = 0; i < 100; i++) {
        endpoint_handle handle = ask("GET /3 HTTP/1.0\r\n\r\n");
        assert_int_not_equal(handle, 0);
        assert_int_equal(answers("200"), 1);
        endpoint_close(net.host[0], handle, net.now);
        settle();
        services_sweep(services, net.now);
        endpoint_release(net.host[0], handle, net.now);
        heard_n = 0;
    }
    assert_int_equal(listener_counted(0, TFSM_COUNT_SYN_NO_SEAT), 0);
    assert_true(services_counted(services)->shortened >= 100 - 16);
    assert_int_equal(services_counted(services)->accepted, 100);
}

static void test_services_idle_clients_are_displaced_only_by_others(void **state)
{
    (void)state;
    start_with(4, 4096, 0, -1, 0);
    endpoint_handle idle[4];
    for (unsigned i = 0; i < 4; i++) {
        idle[i] = dial(7);
        later(SECOND);
    }
    say(idle[0], "x", 1); /* so the second is the one */
    later(10 * SECOND);
    say(idle[0], "x", 1);
    assert_int_equal(in_use(1), 4);
    later(SECOND / 2);
    endpoint_handle other = dial(7);
    assert_int_equal(state_of(0, other), TFSM_SYN_SENT);
    for (unsigned i = 0; i < 4; i++) {
        later(SECOND / 10 * 6); /* looks between its SYN and the next */
    }
    assert_int_equal(state_of(0, other), TFSM_ESTABLISHED);
    assert_int_equal(state_of(0, idle[0]), TFSM_ESTABLISHED);
    assert_int_equal(news_of(0, idle[1]) & TFSM_SIG_RESET, TFSM_SIG_RESET);
    assert_int_equal(state_of(0, idle[2]), TFSM_ESTABLISHED);
    assert_int_equal(services_counted(services)->displaced, 1);
}

static void test_services_give_every_place_back(void **state)
{
    (void)state;
    start(4096, 0, -1, 0);
    for (unsigned i = 0; i < 500; i++) {
        endpoint_handle handle = dial(i % 2 == 0 ? 7 : 9);
        assert_int_not_equal(handle, 0);
        say(handle, "x", 1);
        if (i % 3 == 0) {
            endpoint_abort(net.host[0], handle, net.now);
        } else {
            endpoint_close(net.host[0], handle, net.now);
        }
        settle();
        hear(handle);
        later(10000);
        endpoint_release(net.host[0], handle, net.now);
        heard_n = 0;
    }
    assert_int_equal(services_counted(services)->accepted, 500);
    assert_int_equal(services_counted(services)->closed + services_counted(services)->reset, 500);
    assert_int_equal(in_use(1), 0);
}

static void test_services_close_finishes_what_is_under_way(void **state)
{
    (void)state;
    size_t n = 0;
    start(4096, 0, -1, 0);
    endpoint_handle idle = dial(HTTP_PORT);
    endpoint_handle busy = dial(HTTP_PORT);
    static const char request[] = "GET /100000 HTTP/1.1\r\nHost: a\r\n\r\n";
    say(busy, request, strlen(request));
    services_close(services, net.now);
    settle();
    assert_false(services_over(services));
    for (unsigned i = 0; i < 200 && hear(busy); i++) {
        later(SECOND / 10);
    }
    body(&n);
    assert_int_equal(n, 100000);
    endpoint_close(net.host[0], busy, net.now);
    endpoint_close(net.host[0], idle, net.now);
    settle();
    assert_true(services_over(services));
    endpoint_handle late = dial(7);
    assert_int_equal(news_of(0, late) & TFSM_SIG_RESET, TFSM_SIG_RESET);
}

static void test_services_abort_resets_what_is_left(void **state)
{
    (void)state;
    start(4096, 0, -1, 0);
    endpoint_handle handle = dial(7);
    services_close(services, net.now);
    settle();
    assert_false(services_over(services));
    services_abort(services, net.now);
    settle();
    assert_true(services_over(services));
    assert_int_equal(news_of(0, handle) & TFSM_SIG_RESET, TFSM_SIG_RESET);
    assert_int_equal(services_counted(services)->aborted, 1);
}

static void test_services_pattern_shows_displacement(void **state)
{
    (void)state;
    static const uint8_t first[] = {0x3c, 0x5e, 0x81, 0xb4, 0x0c, 0x5e, 0xc6, 0x8e};
    static uint8_t whole[200000];
    static uint8_t piece[70000];
    services_pattern(0, whole, sizeof whole);
    assert_memory_equal(whole, first, sizeof first);
    services_pattern(65000, piece, sizeof piece);
    assert_memory_equal(piece, whole + 65000, sizeof piece);
    assert_memory_not_equal(whole + 65521, whole, 1000);
    assert_memory_not_equal(whole + 65536, whole, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_services_echo_says_the_same_and_closes_after_its_client,
                                  stop),
        cmocka_unit_test_teardown(test_services_echo_reads_no_more_than_it_can_say, stop),
        cmocka_unit_test_teardown(test_services_echo_answers_what_came_before_a_half_close, stop),
        cmocka_unit_test_teardown(test_services_discard_says_nothing, stop),
        cmocka_unit_test_teardown(test_services_chargen_speaks_until_its_client_ends_it, stop),
        cmocka_unit_test_teardown(test_services_http_gives_octets_by_their_offset, stop),
        cmocka_unit_test_teardown(test_services_http_head_has_no_body, stop),
        cmocka_unit_test_teardown(test_services_http_refused_head_has_no_body, stop),
        cmocka_unit_test_teardown(test_services_http_closes_where_it_said_so, stop),
        cmocka_unit_test_teardown(test_services_http_refuses, stop),
        cmocka_unit_test_teardown(test_services_http_answers_requests_in_one_go_in_turn, stop),
        cmocka_unit_test_teardown(test_services_http_takes_a_request_octet_by_octet, stop),
        cmocka_unit_test_teardown(test_services_http_serves_a_file_and_notices_when_it_shrinks,
                                  stop),
        cmocka_unit_test_teardown(test_services_idle_connections_are_given_up, stop),
        cmocka_unit_test_teardown(test_services_a_request_has_to_be_whole_in_time, stop),
        cmocka_unit_test_teardown(test_services_a_client_that_will_not_close_is_given_up, stop),
        cmocka_unit_test_teardown(test_services_time_wait_does_not_keep_others_out, stop),
        cmocka_unit_test_teardown(test_services_idle_clients_are_displaced_only_by_others, stop),
        cmocka_unit_test_teardown(test_services_give_every_place_back, stop),
        cmocka_unit_test_teardown(test_services_close_finishes_what_is_under_way, stop),
        cmocka_unit_test_teardown(test_services_abort_resets_what_is_left, stop),
        cmocka_unit_test(test_services_pattern_shows_displacement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
