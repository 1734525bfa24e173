/* Unit tests of the engines: the one with a trace against the one without, variants of the rules as data, and what is
 * there so that less has to be asked. That the engines agree on every event of every corpus is engines.* and fuzz_engine. */
#include "effects.h"
#include "fixture.h"
#include "interpreter.h"
#include "machine.h"
#include "same.h"
#include "variant.h"

static struct tfsm_rule rows[TFSM_RULES];

/* Every combination of flags and a few numbers, to a connection in a state: both come to the same, and the trace ends
 * with the rule that the effects name. */
static void both_engines(struct fixture *f)
{
    static const int32_t shifts[] = {-1, 0, 1, 5000, 20000};
    for (unsigned flags = 0; flags < 256; flags++) {
        for (unsigned i = 0; i < 25; i++) {
            struct tfsm_tcb plain = f->tcb;
            struct tfsm_tcb traced = f->tcb;
            struct tfsm_effects one;
            struct tfsm_effects two;
            struct tfsm_trace trace;
            uint32_t controls = (flags & TFSM_SYN ? 1u : 0u) + (flags & TFSM_FIN ? 1u : 0u);
            struct tfsm_event event = {
                .kind = TFSM_EV_SEGMENT,
                .now = f->now,
                .segment = {.flags = (uint8_t)flags,
                            .seq = seq_add(f->tcb.rcv_nxt, (uint32_t)shifts[i % 5]),
                            .ack = seq_add(f->tcb.snd_nxt, (uint32_t)shifts[i / 5]),
                            .len = controls + (flags % 3 == 0 ? 10u : 0u),
                            .up = 3,
                            .wnd = 1000}};
            assert_int_equal(tfsm_step(&plain, &f->cfg, &event, &one),
                             tfsm_step_traced(&traced, &f->cfg, &event, &two, &trace));
            assert_memory_equal(&plain, &traced, sizeof plain);
            assert_true(same_effects(&one, &two));
            assert_in_range(trace.count, 1, TFSM_FIRED_MAX);
            assert_int_equal(trace.fired[trace.count - 1], one.rule);
            assert_int_equal(tfsm_rules[one.rule].verdict, one.verdict);
            const struct tfsm_trace *kept = machine_trace(&one);
            assert_int_equal(kept->count, trace.count);
            assert_memory_equal(kept->fired, trace.fired, trace.count * sizeof trace.fired[0]);
        }
    }
}

static void test_engine_trace_in_every_state(void **state)
{
    for (unsigned which = 0; which < TFSM_STATES; which++) {
        struct fixture *f = fresh(state);
        f->cfg.profile |= TFSM_RFC6191 | TFSM_SACK | TFSM_TIMESTAMPS;
        reach(f, (enum tfsm_state)which);
        both_engines(f);
    }
}

static void test_engine_no_event_leaves_no_trace(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_event event = {.kind = TFSM_EVENTS};
    struct tfsm_effects fx;
    struct tfsm_trace trace = {.count = 7};
    assert_int_equal(tfsm_step_traced(&f->tcb, &f->cfg, &event, &fx, &trace), TFSM_E_INVALID);
    assert_int_equal(trace.count, 0);
}

/* Who says that there is nothing is right; who is asked after a SEND says otherwise. */
static void test_engine_nothing_to_say(void **state)
{
    for (unsigned which = 0; which < TFSM_STATES; which++) {
        struct fixture *f = fresh(state);
        reach(f, (enum tfsm_state)which);
        struct tfsm_segment segment;
        struct tfsm_tcb before = f->tcb;
        bool nothing = tfsm_has_nothing(&f->tcb);
        assert_true(!nothing || !tfsm_output(&f->tcb, &f->cfg, f->now, &segment));
        assert_true(!nothing || memcmp(&before, &f->tcb, sizeof before) == 0);
    }
    struct fixture *f = in_established(state);
    struct tfsm_event send = {.kind = TFSM_EV_SEND, .now = f->now, .len = 10};
    struct tfsm_effects fx;
    assert_true(tfsm_has_nothing(&f->tcb) == machine_is_compiled());
    assert_int_equal(tfsm_step(&f->tcb, &f->cfg, &send, &fx), TFSM_DONE);
    assert_false(tfsm_has_nothing(&f->tcb));
}

/* What an event leaves in its effects is not what was there, but for the pieces of text. */
static void test_engine_effects_are_written(void **state)
{
    for (unsigned which = 0; which < TFSM_STATES; which++) {
        struct fixture *f = fresh(state);
        reach(f, (enum tfsm_state)which);
        const struct tfsm_event nothing = {.kind = TFSM_EV_TIMEOUT, .now = f->now};
        struct tfsm_effects fx;
        memset(&fx, 0xa5, sizeof fx);
        assert_int_equal(tfsm_step(&f->tcb, &f->cfg, &nothing, &fx), TFSM_DONE);
        const struct tfsm_effects want = {.rule = fx.rule, .verdict = fx.verdict};
        assert_true(same_effects(&fx, &want));
        assert_true(fx.rule < TFSM_RULES && fx.verdict < TFSM_VERDICT_COUNT);
    }
}

/* ---- variants ---- */

static bool made(const char *edits, struct table *table)
{
    char wrong[128];
    return variant_make(edits, rows, table, wrong, sizeof wrong);
}

static void test_variant_edits(void **state)
{
    (void)state;
    struct table table;
    assert_true(made("", &table));
    assert_memory_equal(rows, tfsm_rules, sizeof rows);
    assert_true(made("RST_CHALLENGE:drop  TEXT_NEW:actions=STORE,DELIVER,ACK", &table));
    assert_int_equal(rows[TFSM_RULE_RST_CHALLENGE].states, 0);
    assert_int_equal(rows[TFSM_RULE_TEXT_NEW].actions[1], TFSM_ACTION_DELIVER);
    assert_int_equal(rows[TFSM_RULE_TEXT_NEW].actions[3], TFSM_ACTION_IGNORE);
    assert_true(made("FIN_FW2:next=CLOSED OUT_SYN_ACK:states+ESTABLISHED", &table));
    assert_int_equal(rows[TFSM_RULE_FIN_FW2].next, TFSM_CLOSED);
    assert_true((rows[TFSM_RULE_OUT_SYN_ACK].states >> TFSM_ESTABLISHED & 1) != 0);
    assert_true(made("ACK_ADVANCES:need=ACK_BEYOND", &table));
    assert_true(tfsm_facts_have(&rows[TFSM_RULE_ACK_ADVANCES].need, TFSM_FACT_ACK_BEYOND));
    assert_false(tfsm_facts_have(&rows[TFSM_RULE_ACK_ADVANCES].need, TFSM_FACT_ACK_NEW));
    assert_true(made("TIME_WAIT_NOT_YET:verdict", &table));
    assert_int_equal(rows[TFSM_RULE_TIME_WAIT_NOT_YET].verdict, TFSM_V_DROP);
}

static void test_variant_refuses_what_changes_no_rule(void **state)
{
    (void)state;
    static const char *const bad[] = {"x",
                                      "NO_SUCH_RULE:drop",
                                      "RST_CHALLENGE",
                                      "RST_CHALLENGE:",
                                      ":drop",
                                      "RST_CHALLENGE:dropp",
                                      "RST_CHALLENGE:need:X",
                                      "RST_CHALLENGE:need:ACK",
                                      "*:drop",
                                      "RST_CHALLENGE:after=x",
                                      "RST_CHALLENGE:next=X",
                                      "RST_CHALLENGE:action:FIN",
                                      "RST:stay x",
                                      "RST_CHALLENGE:verdict",
                                      "RST_CHALLENGE:action:",
                                      "RST_CHALLENGE:actions=ACK,X",
                                      "FIN_FW2:drop RST_CHALLENGE:states+X"};
    struct table table;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (made(bad[i], &table)) {
            fail_msg("%s is taken", bad[i]);
        }
    }
}

/* What is listed can be made, changes its row and no other. */
static void test_variant_every_mutant_changes_its_row(void **state)
{
    (void)state;
    static char ways[16384];
    unsigned count = 0;
    for (unsigned rule = 0; rule < TFSM_RULES; rule++) {
        assert_true(variant_mutants(rule, ways, sizeof ways) < sizeof ways);
        for (char *way = strtok(ways, "\n"); way != NULL; way = strtok(NULL, "\n")) {
            struct table table;
            assert_true(made(way, &table));
            for (unsigned i = 0; i < TFSM_RULES; i++) {
                assert_int_equal(memcmp(&rows[i], &tfsm_rules[i], sizeof rows[i]) != 0, i == rule);
            }
            count++;
        }
    }
    assert_true(count > 500);
}

/* The third segment is not waited for. */
static void test_variant_runs_in_the_interpreter(void **state)
{
    struct fixture *f = in_listen(state);
    struct table table;
    struct tfsm_trace trace;
    struct tfsm_effects fx;
    struct tfsm_event syn = {.kind = TFSM_EV_SEGMENT,
                             .now = f->now,
                             .iss = 7,
                             .segment = {.flags = TFSM_SYN, .seq = 1, .len = 1, .wnd = 1000}};
    struct tfsm_tcb right = f->tcb;
    assert_true(made("LISTEN_SYN:next=ESTABLISHED LISTEN_SYN:after=syn-counts-as-acked", &table));
    assert_int_equal(interpreter_step(&table, &f->tcb, &f->cfg, &syn, &fx, &trace), TFSM_DONE);
    assert_int_equal(f->tcb.state, TFSM_ESTABLISHED);
    assert_int_equal(f->tcb.snd_una, 8);
    table = (struct table){.rows = tfsm_rules};
    assert_int_equal(interpreter_step(&table, &right, &f->cfg, &syn, &fx, &trace), TFSM_DONE);
    assert_int_equal(right.state, TFSM_SYN_RECEIVED);
    assert_int_equal(right.snd_una, 7);
}

static void change(const char *name, struct tfsm_tcb *tcb)
{
    unsigned i = 0;
    while (strcmp(effect_name(i), name) != 0) {
        assert_true(++i < effect_count());
    }
    effect_change(i, tcb);
}

/* What is lost without a reason is so in whatever room a TCB has. */
static void test_variant_effects_reach_the_room(void **state)
{
    const uint16_t rooms[] = {0, 1, 64};
    (void)state;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        union {
            struct tfsm_tcb tcb;
            uint8_t octets[TFSM_TCB_SIZE(64)];
        } with = {.octets = {0}};
        struct tfsm_tcb *tcb = &with.tcb;
        assert_true(tfsm_make_room(tcb, rooms[i]));
        struct tfsm_sent *runs = (struct tfsm_sent *)(uintptr_t)tfsm_sent_runs(tcb);
        const struct tfsm_sent sent[] = {{100, 1024 | TFSM_EXACT}, {300, 2048 | TFSM_EXACT}};
        memcpy(runs, sent, sizeof sent);
        tcb->sent_count = 2;
        tcb->loss = TFSM_L_REORDERING;
        tcb->rack_end = 200;
        change("late-is-lost", tcb);
        assert_int_equal(runs[0].at, sent[0].at | TFSM_LOST);
        assert_int_equal(runs[1].at, sent[1].at);
        assert_int_equal(tcb->snd_lost, 100);
        change("last-is-lost", tcb);
        assert_int_equal(runs[1].at, sent[1].at | TFSM_LOST);
        assert_int_equal(tcb->snd_lost, 300);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_trace_in_every_state),
        cmocka_unit_test(test_engine_no_event_leaves_no_trace),
        cmocka_unit_test(test_engine_nothing_to_say),
        cmocka_unit_test(test_engine_effects_are_written),
        cmocka_unit_test(test_variant_edits),
        cmocka_unit_test(test_variant_refuses_what_changes_no_rule),
        cmocka_unit_test(test_variant_every_mutant_changes_its_row),
        cmocka_unit_test(test_variant_runs_in_the_interpreter),
        cmocka_unit_test(test_variant_effects_reach_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
