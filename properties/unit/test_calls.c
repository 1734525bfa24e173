/* User calls: every call in every state, as one table (RFC 9293 3.10.1 to 3.10.5). An error changes
 * nothing, which the fixture watches; a call that is taken leads where the table says. */
#include "fixture.h"

enum call {
    OPEN_ACTIVE,
    OPEN_ACTIVE_NOWHERE,
    OPEN_PASSIVE,
    OPEN_PASSIVE_REMOTE,
    SEND,
    SEND_TOO_MUCH,
    RECEIVE,
    CLOSE,
    ABORT,
    CALLS
};

static const struct tfsm_event events[CALLS] = {
    [OPEN_ACTIVE] = {.kind = TFSM_EV_OPEN, .active = true, .remote = true},
    [OPEN_ACTIVE_NOWHERE] = {.kind = TFSM_EV_OPEN, .active = true},
    [OPEN_PASSIVE] = {.kind = TFSM_EV_OPEN},
    [OPEN_PASSIVE_REMOTE] = {.kind = TFSM_EV_OPEN, .remote = true},
    [SEND] = {.kind = TFSM_EV_SEND, .len = 10},
    [SEND_TOO_MUCH] = {.kind = TFSM_EV_SEND, .len = BUFF + 1},
    [RECEIVE] = {.kind = TFSM_EV_RECEIVE, .len = 10},
    [CLOSE] = {.kind = TFSM_EV_CLOSE},
    [ABORT] = {.kind = TFSM_EV_ABORT},
};

static const char *const call_names[CALLS] = {
    [OPEN_ACTIVE] = "OPEN active",
    [OPEN_ACTIVE_NOWHERE] = "OPEN active, remote socket unspecified",
    [OPEN_PASSIVE] = "OPEN passive",
    [OPEN_PASSIVE_REMOTE] = "OPEN passive, remote socket specified",
    [SEND] = "SEND",
    [SEND_TOO_MUCH] = "SEND too much",
    [RECEIVE] = "RECEIVE",
    [CLOSE] = "CLOSE",
    [ABORT] = "ABORT",
};

struct outcome {
    enum tfsm_result result;
    enum tfsm_state state; /* afterwards, when the call is taken */
    unsigned signals;
    uint8_t sends; /* flags of the one segment that leaves, 0: none */
};

#define EXISTS                                                                                     \
    {                                                                                              \
        TFSM_E_CONNECTION_EXISTS, TFSM_CLOSED, 0, 0                                                \
    }
#define NONE                                                                                       \
    {                                                                                              \
        TFSM_E_NO_CONNECTION, TFSM_CLOSED, 0, 0                                                    \
    }
#define ENDING                                                                                     \
    {                                                                                              \
        TFSM_E_CONNECTION_CLOSING, TFSM_CLOSED, 0, 0                                               \
    }
#define NOWHERE                                                                                    \
    {                                                                                              \
        TFSM_E_REMOTE_UNSPECIFIED, TFSM_CLOSED, 0, 0                                               \
    }
#define NO_ROOM                                                                                    \
    {                                                                                              \
        TFSM_E_INSUFFICIENT_RESOURCES, TFSM_CLOSED, 0, 0                                           \
    }
#define STAY(state)                                                                                \
    {                                                                                              \
        TFSM_DONE, state, 0, 0                                                                     \
    }

/* clang-format off */
static const struct outcome outcomes[TFSM_STATES][CALLS] = {
    [TFSM_CLOSED] = {
        [OPEN_ACTIVE] = {TFSM_DONE, TFSM_SYN_SENT, 0, TFSM_SYN},
        [OPEN_ACTIVE_NOWHERE] = NOWHERE,
        [OPEN_PASSIVE] = {TFSM_DONE, TFSM_LISTEN, 0, 0},
        [OPEN_PASSIVE_REMOTE] = {TFSM_DONE, TFSM_LISTEN, 0, 0},
        [SEND] = NONE,
        [SEND_TOO_MUCH] = NONE,
        [RECEIVE] = NONE,
        [CLOSE] = NONE,
        [ABORT] = NONE,
    },
    [TFSM_LISTEN] = {
        [OPEN_ACTIVE] = {TFSM_DONE, TFSM_SYN_SENT, 0, TFSM_SYN},
        [OPEN_ACTIVE_NOWHERE] = NOWHERE,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = NOWHERE,
        [SEND_TOO_MUCH] = NOWHERE,
        [RECEIVE] = STAY(TFSM_LISTEN),
        [CLOSE] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_CLOSED, 0},
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_RESET, 0},
    },
    [TFSM_SYN_SENT] = {
        [OPEN_ACTIVE] = EXISTS,
        [OPEN_ACTIVE_NOWHERE] = EXISTS,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = STAY(TFSM_SYN_SENT),
        [SEND_TOO_MUCH] = NO_ROOM,
        [RECEIVE] = STAY(TFSM_SYN_SENT),
        [CLOSE] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_CLOSED, 0},
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_RESET, 0},
    },
    [TFSM_SYN_RECEIVED] = {
        [OPEN_ACTIVE] = EXISTS,
        [OPEN_ACTIVE_NOWHERE] = EXISTS,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = STAY(TFSM_SYN_RECEIVED),
        [SEND_TOO_MUCH] = NO_ROOM,
        [RECEIVE] = STAY(TFSM_SYN_RECEIVED),
        [CLOSE] = {TFSM_DONE, TFSM_FIN_WAIT_1, 0, TFSM_FIN | TFSM_ACK},
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST},
    },
    [TFSM_ESTABLISHED] = {
        [OPEN_ACTIVE] = EXISTS,
        [OPEN_ACTIVE_NOWHERE] = EXISTS,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = {TFSM_DONE, TFSM_ESTABLISHED, 0, TFSM_ACK},
        [SEND_TOO_MUCH] = NO_ROOM,
        [RECEIVE] = STAY(TFSM_ESTABLISHED),
        [CLOSE] = {TFSM_DONE, TFSM_FIN_WAIT_1, 0, TFSM_FIN | TFSM_ACK},
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST},
    },
    [TFSM_FIN_WAIT_1] = {
        [OPEN_ACTIVE] = EXISTS,
        [OPEN_ACTIVE_NOWHERE] = EXISTS,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = ENDING,
        [SEND_TOO_MUCH] = ENDING,
        [RECEIVE] = STAY(TFSM_FIN_WAIT_1),
        [CLOSE] = ENDING,
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST},
    },
    [TFSM_FIN_WAIT_2] = {
        [OPEN_ACTIVE] = EXISTS,
        [OPEN_ACTIVE_NOWHERE] = EXISTS,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = ENDING,
        [SEND_TOO_MUCH] = ENDING,
        [RECEIVE] = STAY(TFSM_FIN_WAIT_2),
        [CLOSE] = ENDING,
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST},
    },
    [TFSM_CLOSE_WAIT] = {
        [OPEN_ACTIVE] = EXISTS,
        [OPEN_ACTIVE_NOWHERE] = EXISTS,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = {TFSM_DONE, TFSM_CLOSE_WAIT, 0, TFSM_ACK},
        [SEND_TOO_MUCH] = NO_ROOM,
        [RECEIVE] = ENDING,
        [CLOSE] = {TFSM_DONE, TFSM_LAST_ACK, 0, TFSM_FIN | TFSM_ACK},
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST},
    },
    [TFSM_CLOSING] = {
        [OPEN_ACTIVE] = EXISTS,
        [OPEN_ACTIVE_NOWHERE] = EXISTS,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = ENDING,
        [SEND_TOO_MUCH] = ENDING,
        [RECEIVE] = ENDING,
        [CLOSE] = ENDING,
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_CLOSED, 0},
    },
    [TFSM_LAST_ACK] = {
        [OPEN_ACTIVE] = EXISTS,
        [OPEN_ACTIVE_NOWHERE] = EXISTS,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = ENDING,
        [SEND_TOO_MUCH] = ENDING,
        [RECEIVE] = ENDING,
        [CLOSE] = ENDING,
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_CLOSED, 0},
    },
    [TFSM_TIME_WAIT] = {
        [OPEN_ACTIVE] = EXISTS,
        [OPEN_ACTIVE_NOWHERE] = EXISTS,
        [OPEN_PASSIVE] = EXISTS,
        [OPEN_PASSIVE_REMOTE] = EXISTS,
        [SEND] = ENDING,
        [SEND_TOO_MUCH] = ENDING,
        [RECEIVE] = ENDING,
        [CLOSE] = ENDING,
        [ABORT] = {TFSM_DONE, TFSM_CLOSED, TFSM_SIG_CLOSED, 0},
    },
};
/* clang-format on */

static void compare(struct fixture *f, enum tfsm_state from, int call, enum tfsm_result result)
{
    const struct outcome *want = &outcomes[from][call];
    struct tfsm_segment out = {0};
    enum tfsm_state state = want->result == TFSM_DONE ? want->state : from;
    if (result != want->result || f->tcb.state != state || f->fx.signals != want->signals) {
        print_error("%s in %s: %s, %s, signals 0x%02x\n", call_names[call], tfsm_state_name(from),
                    tfsm_result_name(result), tfsm_state_name(f->tcb.state), f->fx.signals);
        fail();
    }
    size_t n = drain(f, &out, 1);
    if (n != (want->sends != 0) || (out.flags & ~TFSM_PSH) != want->sends) {
        print_error("%s in %s sends flags 0x%02x\n", call_names[call], tfsm_state_name(from),
                    out.flags);
        fail();
    }
}

/* RFC9293:3.10.1, 3.10.2, 3.10.3, 3.10.4, 3.10.5,
 * RFC9293:3.10.1e, 3.10.2a, 3.10.3a, 3.10.3d, 3.10.4a, 3.10.5a
 * [RFC9293:3.10.1a, RFC9293:3.10.1b, RFC9293:3.10.1c, RFC9293:3.10.1d, RFC9293:3.10.3b] */
static void test_calls_every_call_in_every_state(void **state)
{
    for (int s = 0; s < TFSM_STATES; s++) {
        for (int c = 0; c < CALLS; c++) {
            struct fixture *f = fresh(state);
            reach(f, (enum tfsm_state)s);
            enum tfsm_result result = fixture_step(f, &events[c]);
            compare(f, (enum tfsm_state)s, c, result);
        }
    }
}

/* What does not belong to a call is not read. */
static void test_calls_other_fields_are_not_read(void **state)
{
    for (int s = 0; s < TFSM_STATES; s++) {
        for (int c = 0; c < CALLS; c++) {
            struct fixture *f = fresh(state);
            struct tfsm_event noisy = events[c];
            memset(&noisy.segment, 0xff, sizeof noisy.segment);
            reach(f, (enum tfsm_state)s);
            enum tfsm_result result = fixture_step(f, &noisy);
            compare(f, (enum tfsm_state)s, c, result);
        }
    }
}

/* The same call, early and late: no call depends on the time but through a deadline. */
static void test_calls_do_not_depend_on_the_time(void **state)
{
    for (int s = 0; s < TFSM_STATES; s++) {
        for (int c = 0; c < CALLS; c++) {
            struct fixture *f = fresh(state);
            f->now = UINT64_MAX / 2;
            reach(f, (enum tfsm_state)s);
            enum tfsm_result result = fixture_step(f, &events[c]);
            compare(f, (enum tfsm_state)s, c, result);
        }
    }
}

/* RFC9293:MUST-12 and the design's "exactly once": each life has one end, and then there is no
 * more. */
static void test_calls_after_the_end_there_is_no_connection(void **state)
{
    for (int s = TFSM_LISTEN; s < TFSM_STATES; s++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment out;
        reach(f, (enum tfsm_state)s);
        user_abort(f);
        assert_true((f->fx.signals & TFSM_SIG_ENDS) != 0);
        (void)drain(f, &out, 1);
        for (int c = SEND; c < CALLS; c++) {
            assert_int_equal(fixture_step(f, &events[c]), TFSM_E_NO_CONNECTION);
            expect_signals(f, 0);
        }
        expect_nothing(f);
    }
}

/* RFC9293:3.10.2: urgent octets go out as such, also when the connection is not there yet.
 * [RFC9293:3.10.2f] */
static void test_calls_send_urgent_before_connecting(void **state)
{
    struct fixture *f = in_closed(state);
    open_passive_remote(f);
    user_urgent(f, 30);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_ACK | TFSM_URG, .seq = 1, .ack = 1, .len = 30);
    assert_int_equal(s.up, 30);
    f = in_syn_received(state);
    user_urgent(f, 40);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    s = expect_segment(f, .flags = TFSM_ACK | TFSM_URG, .seq = 1, .ack = 1, .len = 40);
    assert_int_equal(s.up, 40);
}

/* RFC9293:3.10.2: what was queued before the connection is whole goes out afterwards, in order.
 * [RFC9293:3.10.2c] */
static void test_calls_send_before_and_after_connecting(void **state)
{
    struct fixture *f = in_listen(state);
    open_active(f);
    user_send(f, 30);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    arrive(f, .flags = TFSM_SYN);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    user_send(f, 30);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    user_send(f, 30);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 90);
    expect_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_every_call_in_every_state),
        cmocka_unit_test(test_calls_other_fields_are_not_read),
        cmocka_unit_test(test_calls_do_not_depend_on_the_time),
        cmocka_unit_test(test_calls_after_the_end_there_is_no_connection),
        cmocka_unit_test(test_calls_send_urgent_before_connecting),
        cmocka_unit_test(test_calls_send_before_and_after_connecting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
