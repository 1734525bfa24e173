/* How connections are found: the table of tuples is open, and small here, so that most of them stand where another's
 * hash leads. */
#include "hosts.h"
#include "large.h"

#define CONNECTIONS 16u
#define ROUNDS      4000u

static uint32_t random_state = 2463534242u;

static uint32_t draw(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % n;
}

static void plan_few(void)
{
    struct endpoint_config *config = plan_hosts();
    config[0].connections = CONNECTIONS;
    start_hosts();
}

/* Connections come and go in any order; the books say that each tuple leads to its own, and that no empty cell cuts
 * anyone off. */
static void test_table_connections_come_and_go(void **state)
{
    (void)state;
    plan_few();
    endpoint_handle handles[CONNECTIONS] = {0};
    uint16_t ports[CONNECTIONS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned which = draw(CONNECTIONS);
        if (handles[which] != 0) {
            assert_int_equal(endpoint_release(net.host[0], handles[which], net.now), TFSM_DONE);
            assert_false(endpoint_port_used(net.host[0], &net.locals[0][0].address, ports[which]));
            handles[which] = 0;
        } else {
            struct endpoint_open open = to_host_1();
            ports[which] = (uint16_t)(1024 + i);
            open.local_port = ports[which];
            handles[which] = connect_with(&open);
        }
        check_books();
    }
}

/* A full table: who is there already is found, and who is not is not, after any number of steps that end. */
static void test_table_full_finds_and_misses(void **state)
{
    (void)state;
    plan_few();
    struct endpoint_open open = to_host_1();
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        open.local_port = (uint16_t)(2000 + i);
        connect_with(&open);
    }
    for (unsigned i = 0; i < 1000; i++) {
        endpoint_handle none;
        open.local_port = (uint16_t)(2000 + i);
        assert_int_equal(endpoint_connect(net.host[0], &open, net.now, &none),
                         i < CONNECTIONS ? TFSM_E_CONNECTION_EXISTS
                                         : TFSM_E_INSUFFICIENT_RESOURCES);
    }
}

/* In memory that is not zeroed where the rings are, and whose size is not that of a page. */
static void test_table_in_large_pages(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    start_hosts();
    config[0].connections = 5000;
    config[0].send_ring = 1024;
    config[0].receive_ring = 512;
    endpoint_destroy(net.host[0]);
    net.host[0] = endpoint_create_large(&config[0]);
    assert_non_null(net.host[0]);
    assert_true(endpoint_size(&config[0]) > ENDPOINT_LARGE_PAGE);
    endpoint_handle handle[2];
    open_pair(handle);
    assert_int_equal(send_some(0, handle[0], 0, 1500), 1024);
    assert_int_equal(send_some(1, handle[1], 0, 500), 500);
    talk();
    pass(SECOND);
    assert_int_equal(read_some(1, handle[1], 0), 1024);
    assert_int_equal(read_some(0, handle[0], 0), 500);
    config[0].connections = 0; /* what makes no sense makes none here either */
    assert_null(endpoint_create_large(&config[0]));
    config[0].connections = 10000; /* nor where the tables alone would */
    config[0].send_ring = 3000;
    assert_null(endpoint_create_large(&config[0]));
}

/* ---- places that had another connection before ---- */

/* The only place of host 0, after a connection with options of its own. */
static void use_the_place(void)
{
    struct endpoint_config *config = plan_hosts();
    config[0].connections = 1;
    config[0].policy4.rcv_buff = 4096;
    config[0].receive_ring = 65536;
    start_hosts();
    struct endpoint_options options = endpoint_defaults(net.host[0], 4);
    struct endpoint_open open = to_host_1();
    options.policy.rcv_buff = 65536;
    options.mute = TFSM_SIG_SOFT_ERROR;
    open.options = &options;
    endpoint_handle client = connect_with(&open);
    talk();
    assert_int_equal(endpoint_abort(net.host[0], client, net.now), TFSM_DONE);
    assert_int_equal(endpoint_release(net.host[0], client, net.now), TFSM_DONE);
    endpoint_handle server = accept_one(net.listener);
    assert_int_equal(endpoint_release(net.host[1], server, net.now), TFSM_DONE);
    talk();
    assert_int_equal(in_use(0), 0);
}

/* A buffer that grows is announced, whatever the one before had. */
static void test_table_place_forgets_the_policy(void **state)
{
    (void)state;
    endpoint_handle handle[2];
    use_the_place();
    open_pair(handle);
    size_t sent = send_some(1, handle[1], 0, 20000);
    talk();
    struct endpoint_options options = endpoint_defaults(net.host[0], 4);
    options.policy.rcv_buff = 65536;
    assert_int_equal(endpoint_set(net.host[0], handle[0], &options, net.now), TFSM_DONE);
    uint64_t packets = net.packets;
    talk(); /* the peer hears of the larger window, and of nothing else */
    assert_true(net.packets > packets);
    pass(SECOND);
    assert_int_equal(endpoint_readable(net.host[0], handle[0]), sent);
}

static void test_table_place_forgets_what_was_mute(void **state)
{
    (void)state;
    endpoint_handle handle[2];
    struct endpoint_options options;
    use_the_place();
    open_pair(handle);
    assert_int_equal(endpoint_get(net.host[0], handle[0], &options), TFSM_DONE);
    assert_int_equal(options.mute, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_table_connections_come_and_go, stop_hosts),
        cmocka_unit_test_teardown(test_table_full_finds_and_misses, stop_hosts),
        cmocka_unit_test_teardown(test_table_in_large_pages, stop_hosts),
        cmocka_unit_test_teardown(test_table_place_forgets_the_policy, stop_hosts),
        cmocka_unit_test_teardown(test_table_place_forgets_what_was_mute, stop_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
