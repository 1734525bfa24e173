/* When to come back: a deadline that moves away leaves its entry in the heap where it is, one that comes nearer does not,
 * and what endpoint_deadline() says is the nearest of all whatever came before. */
#include "hosts.h"

#define CONNECTIONS 40u
#define ROUNDS      3000u

static uint32_t random_state = 521288629u;

static uint32_t draw(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % n;
}

static endpoint_handle handles[2][CONNECTIONS];

/* The nearest deadline of all that are open, asked one by one. */
static tfsm_time nearest(unsigned host)
{
    tfsm_time first = TFSM_NEVER;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        const struct tfsm_tcb *tcb = endpoint_tcb(net.host[host], handles[host][i]);
        tfsm_time at = tcb != NULL ? tfsm_deadline(tcb) : TFSM_NEVER;
        first = at < first ? at : first;
    }
    return first;
}

static void expect_nearest(void)
{
    check_books();
    for (unsigned host = 0; host < 2; host++) {
        assert_int_equal(endpoint_deadline(net.host[host]), nearest(host));
        check_books();
    }
}

static void open_all(void)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        endpoint_handle pair[2];
        open_pair(pair);
        handles[0][i] = pair[0];
        handles[1][i] = pair[1];
    }
}

static void anything_happens(unsigned i, unsigned host)
{
    uint8_t octets[300] = {0};
    size_t taken;
    switch (draw(6)) {
    case 0: /* what is said from now on is lost, or no longer: the timers back off */
        net.drop = draw(4);
        break;
    case 1: /* time that is too short for most deadlines, or not */
        net.now += draw(2) == 0 ? draw(1000) : draw(2 * SECOND);
        endpoint_timeout(net.host[host], net.now);
        break;
    case 2:
        talk();
        break;
    case 3:
        endpoint_receive(net.host[host], handles[host][i], octets, sizeof octets, net.now, &taken);
        break;
    default:
        endpoint_send(net.host[host], handles[host][i], octets, 1 + draw(sizeof octets), false,
                      net.now, &taken);
        break;
    }
}

static void test_deadlines_nearest_is_told(void **state)
{
    (void)state;
    struct endpoint_config *config = plan_hosts();
    for (unsigned host = 0; host < 2; host++) {
        config[host].policy4.keepalive_idle = 20 * SECOND;
        config[host].policy4.retries = 250;
        config[host].policy4.keepalive_tries = 0;
    }
    start_hosts();
    open_all();
    for (unsigned rounds = 0; rounds < ROUNDS; rounds++) {
        anything_happens(draw(CONNECTIONS), draw(2));
        expect_nearest();
    }
}

/* No turn is wasted: nobody is fed a timeout before it is due. */
static unsigned early;

static void watch_timeouts(void *user, const struct endpoint_watched *what)
{
    (void)user;
    if (what->event != NULL && what->event->kind == TFSM_EV_TIMEOUT) {
        early += tfsm_deadline(what->before) > what->now;
    }
}

static void test_deadlines_nobody_is_asked_early(void **state)
{
    (void)state;
    plan_hosts();
    start_hosts();
    open_all();
    early = 0;
    endpoint_watch(net.host[0], watch_timeouts, NULL);
    for (unsigned rounds = 0; rounds < ROUNDS; rounds++) {
        anything_happens(draw(CONNECTIONS), 0);
    }
    assert_int_equal(early, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_deadlines_nearest_is_told, stop_hosts),
        cmocka_unit_test_teardown(test_deadlines_nobody_is_asked_early, stop_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
