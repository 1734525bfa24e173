/* Unit tests of what fuzz_step runs: that nearly every input is a case, that no member of a TCB stands still and its ranges and
 * runs are of every kind, and that a clause which does not say the truth, and a row that breaks one, are seen. Inputs are those of a generator with a seed. */
#include "fixture.h"

#include "machine.h"
#include "run.h"
#include "single.h"
#include "variant.h"
#include "whole.h"

#define INPUTS  20000u
#define SIZE    480u
#define WORDS   (sizeof(struct tfsm_tcb) / sizeof(uint32_t))
#define POLICY  (sizeof(struct tfsm_config) / sizeof(uint32_t))
#define VALUES  16u /* different ones that a word must have shown */
#define PERCENT 99u

static uint64_t seed;

TFSM_WRAPS static uint8_t draw(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint8_t)(seed >> 56);
}

/* Half of the inputs have zeros here and there. */
static void draw_input(uint8_t octets[SIZE])
{
    bool sparse = (draw() & 1) != 0;
    for (unsigned i = 0; i < SIZE; i++) {
        octets[i] = draw();
        if (sparse && draw() < 85) {
            octets[i] = 0;
        }
    }
}

/* The values that a word has shown, the first few of them. */
struct shown {
    uint32_t values[VALUES];
    unsigned count;
};

static void show(struct shown *shown, uint32_t value)
{
    for (unsigned i = 0; i < shown->count; i++) {
        if (shown->values[i] == value) {
            return;
        }
    }
    if (shown->count < VALUES) {
        shown->values[shown->count++] = value;
    }
}

static void show_all(struct shown *shown, const void *object, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        uint32_t value;
        memcpy(&value, (const uint8_t *)object + i * sizeof value, sizeof value);
        show(&shown[i], value);
    }
}

static void assert_shown(const char *what, const struct shown *shown, size_t words, unsigned least)
{
    for (size_t i = 0; i < words; i++) {
        if (shown[i].count < least) {
            fail_msg("%s: octet %zu has shown %u values", what, i * sizeof(uint32_t),
                     shown[i].count);
        }
    }
}

/* A bit that is set in some cases and not in others, of the 32 that there are. */
struct bits {
    uint32_t set;
    uint32_t clear;
};

static void show_bits(struct bits *bits, uint32_t value)
{
    bits->set |= value;
    bits->clear |= ~value;
}

static void test_step_cases_are_many_and_of_every_kind(void **state)
{
    (void)state;
    static struct shown tcb[WORDS];
    static struct shown policy[POLICY];
    unsigned cases = 0;
    unsigned states[TFSM_STATES] = {0};
    unsigned kinds[TFSM_EVENTS + 1] = {0};
    struct bits flags = {0, 0};
    struct bits owed = {0, 0};
    struct bits segment = {0, 0};
    seed = 1;
    for (unsigned i = 0; i < INPUTS; i++) {
        static struct step_case it;
        uint8_t octets[SIZE];
        draw_input(octets);
        step_read(&it, octets, SIZE);
        if (it.clause != TFSM_OK) {
            continue;
        }
        cases++;
        states[it.tcb.state]++;
        kinds[it.silent ? TFSM_EVENTS : it.ev.kind]++;
        show_all(tcb, &it.tcb, WORDS);
        show_all(policy, &it.cfg, POLICY);
        show_bits(&flags, it.tcb.flags);
        show_bits(&owed, it.tcb.owed);
        show_bits(&segment, it.ev.segment.flags | (uint32_t)it.ev.segment.options << 8);
    }
    assert_true(cases >= INPUTS / 100 * PERCENT);
    for (unsigned i = 0; i < TFSM_STATES; i++) {
        assert_true(states[i] >= INPUTS / 20);
    }
    for (unsigned i = 0; i <= TFSM_EVENTS; i++) {
        assert_true(kinds[i] >= INPUTS / 1000);
    }
    assert_shown("TCB", tcb, WORDS, VALUES);
    assert_shown("policy", policy, POLICY, 4);
    assert_int_equal(flags.set & flags.clear, UINT32_MAX);
    assert_int_equal(owed.set & owed.clear & UINT8_MAX, UINT8_MAX);
    assert_int_equal(segment.set & segment.clear & 0x7fff, 0x7fff);
}

/* How many ranges, or runs, there are where there is room for so many; many are more than the least rooms hold. */
enum amount { NONE, ONE, SOME, MANY, FULL, AMOUNTS };

static enum amount amount_of(unsigned count, unsigned most)
{
    const unsigned many = 2 * STEP_RANGES + 4;
    return count >= most ? FULL : count > many ? MANY : count > 1 ? SOME : count > 0 ? ONE : NONE;
}

static void assert_each(const char *what, const unsigned *counts, size_t kinds, unsigned least)
{
    for (size_t i = 0; i < kinds; i++) {
        if (counts[i] < least) {
            fail_msg("%s %zu: %u cases", what, i, counts[i]);
        }
    }
}

/* Out of order and in flight, in any room there is: none, one, a few, and as many as fit. Of runs every fate in every
 * legal combination, with times and without, exact and not. */
static void test_step_ranges_and_runs_are_of_every_kind(void **state)
{
    (void)state;
    static const uint16_t rooms[] = {0, 1, 2, 3, STEP_RANGES, 31, 32, TFSM_ROOM_MAX};
    static const uint8_t fates[] = {
        0, TFSM_HELD, TFSM_LOST, TFSM_AGAIN, TFSM_LOST | TFSM_AGAIN, TFSM_AGAIN | TFSM_BOTH};
    unsigned in_room[8] = {0};
    unsigned of_fate[6] = {0};
    unsigned timed[2] = {0};
    unsigned ranges[AMOUNTS] = {0};
    unsigned runs[AMOUNTS] = {0};
    struct bits loss = {0, 0};
    seed = 4;
    for (unsigned i = 0; i < INPUTS; i++) {
        static struct step_case it;
        uint8_t octets[SIZE];
        draw_input(octets);
        step_read(&it, octets, SIZE);
        const struct tfsm_tcb *tcb = &it.tcb;
        const unsigned room = tcb->room > 0 ? tcb->room : TFSM_ROOM_OWN;
        if (it.clause != TFSM_OK) {
            continue;
        }
        for (unsigned k = 0; k < 8; k++) {
            in_room[k] += tcb->room == rooms[k];
        }
        ranges[amount_of(tcb->ooo_count, TFSM_OOO_SLOTS(room))]++;
        runs[amount_of(tcb->sent_count, 2 * room + 4)]++;
        show_bits(&loss, tcb->loss);
        for (unsigned k = 0; k < tcb->sent_count; k++) {
            struct tfsm_sent run = tfsm_sent_runs(tcb)[k];
            for (unsigned fate = 0; fate < 6; fate++) {
                of_fate[fate] += (run.at & TFSM_FATES) == fates[fate];
            }
            timed[(run.at & TFSM_EXACT) != 0] += (run.at & ~(uint32_t)TFSM_STEP) != 0;
        }
    }
    assert_each("room", in_room, 8, INPUTS / 100);
    assert_each("ranges", ranges, AMOUNTS, INPUTS / 2000);
    assert_each("runs", runs, AMOUNTS, INPUTS / 2000);
    assert_each("fate", of_fate, 6, INPUTS / 100);
    assert_each("exact", timed, 2, INPUTS / 100);
    /* what one event leaves to itself no event leaves behind */
    const uint32_t bits = 2u * TFSM_L_FULL - 1 - TFSM_L_RESTART - TFSM_L_LOST_AGAIN;
    assert_int_equal(loss.set & loss.clear & bits, bits);
}

/* What a run over all inputs breaks first: the id of an invariant, or "". */
static const char *first_broken(unsigned inputs)
{
    seed = 2;
    for (unsigned i = 0; i < inputs; i++) {
        uint8_t octets[SIZE];
        draw_input(octets);
        struct run_result result = run_program(RUN_STEP, octets, SIZE, NULL, NULL);
        if (result.violation.id != NULL) {
            return result.violation.id;
        }
    }
    return "";
}

static void test_step_nothing_is_broken(void **state)
{
    (void)state;
    assert_string_equal(first_broken(INPUTS), "");
}

/* What is broken is one of those that may be noticed first. */
static void assert_one_of(const char *broken, const char *names, const char *by)
{
    if (broken[0] == '\0' || strstr(names, broken) == NULL) {
        fail_msg("%s breaks '%s'", by, broken);
    }
}

/* ---- clauses that are not true, or say too little ---- */

/* What is made of a TCB in which something is not looked at. */
static struct whole seen;

/* In SYN-SENT nobody asks what is known of the peer. */
static enum tfsm_clause peer_known_early(const struct tfsm_tcb *tcb)
{
    copy_tcb(&seen, tcb);
    if (tcb->state == TFSM_SYN_SENT) {
        step_mend(&seen.tcb, TFSM_CLAUSE_PEER_UNKNOWN, 0);
    }
    return tfsm_check(&seen.tcb);
}

/* A delayed acknowledgment that waits for the handshake: the SYN-ACK acknowledges, and the timer runs on. */
static enum tfsm_clause ack_waits_for_handshake(const struct tfsm_tcb *tcb)
{
    copy_tcb(&seen, tcb);
    if (tcb->rcv_acked != tcb->rcv_nxt) {
        seen.tcb.at_ack = 0;
    }
    return tfsm_check(&seen.tcb);
}

/* No acknowledgment may ever wait. */
static enum tfsm_clause no_ack_waits(const struct tfsm_tcb *tcb)
{
    enum tfsm_clause clause = tfsm_check(tcb);
    return clause == TFSM_OK && tcb->at_ack != 0 ? TFSM_CLAUSE_ACK_TIMER : clause;
}

/* A window of the peer that was scaled is none. */
static enum tfsm_clause no_large_window(const struct tfsm_tcb *tcb)
{
    enum tfsm_clause clause = tfsm_check(tcb);
    return clause == TFSM_OK && tcb->snd_wnd > UINT16_MAX ? TFSM_CLAUSE_SND_WINDOW : clause;
}

/* Recovery may end anywhere: what is not lost is not looked at. */
static enum tfsm_clause recover_anywhere(const struct tfsm_tcb *tcb)
{
    copy_tcb(&seen, tcb);
    if ((tcb->flags & (TFSM_M_LOSS | TFSM_M_RECOVERY | TFSM_M_SYN_ACKED)) == 0) {
        seen.tcb.snd_recover = tcb->iss;
    }
    return tfsm_check(&seen.tcb);
}

static void test_step_broken_clauses_are_seen(void **state)
{
    (void)state;
    static const struct {
        step_checker *checker;
        const char *broken;
    } checkers[] = {
        {peer_known_early, "RCV_ORDER|RCV_WINDOW|RCV_BUFFER|PEER_FIN|OOO_IN_WINDOW|SND_WINDOW"},
        {ack_waits_for_handshake, "ACK_TIMER"},
        {no_ack_waits, "ACK_TIMER"},
        {no_large_window, "SND_WINDOW"},
        {recover_anywhere, "RECOVERY"}};
    for (unsigned i = 0; i < sizeof checkers / sizeof checkers[0]; i++) {
        step_check_by(checkers[i].checker);
        assert_one_of(first_broken(10 * INPUTS), checkers[i].broken, "a clause");
    }
    step_check_by(NULL);
    assert_string_equal(first_broken(INPUTS / 10), "");
}

/* Whoever adds a clause says how it is mended: of any octets something is changed. */
static void test_step_every_clause_can_be_mended(void **state)
{
    (void)state;
    for (unsigned i = TFSM_CLAUSE_OK + 1; i < TFSM_CLAUSE_COUNT; i++) {
        unsigned mended = 0;
        seed = 3;
        for (unsigned k = 0; k < 100; k++) {
            struct tfsm_tcb tcb;
            for (size_t at = 0; at < sizeof tcb; at++) {
                ((uint8_t *)&tcb)[at] = draw();
            }
            tcb.room = i == TFSM_CLAUSE_ROOM ? tcb.room : 0; /* it is a TCB alone */
            tcb.state =
                (uint8_t)(i == TFSM_CLAUSE_STATE_KNOWN ? tcb.state : tcb.state % TFSM_STATES);
            struct tfsm_tcb before = tcb;
            step_mend(&tcb, (enum tfsm_clause)i, k);
            mended += memcmp(&before, &tcb, sizeof before) != 0;
        }
        if (mended == 0) {
            fail_msg("%s is not mended", tfsm_clause_name((enum tfsm_clause)i));
        }
    }
}

/* ---- rows that break one ---- */

static void test_step_broken_rows_are_seen(void **state)
{
    (void)state;
    static const struct {
        const char *edits;
        const char *broken;
    } variants[] = {
        {"SENT_SYN_ACK:action:UNA", "SYN_UNACKED|RCV_WINDOW|SEND_ORDER"},
        {"FIN_ESTABLISHED:action:FIN", "PEER_FIN"},
        {"CLOSE_ESTABLISHED:action:CLOSE", "FIN_NEEDS_CLOSE"},
        {"FW1_OUR_FIN_ACKED:need=", "OUR_FIN_ACKED"},
        {"TEXT_DELIVER:drop", "OOO_WAITS"},
        {"TIME_WAIT_OVER:actions=TELL_CLOSED", "CLOSED_IS_EMPTY"},
        {"OUT_ACK:actions=", "OUTPUT_ENDLESS"},
    };
    static struct tfsm_rule rows[TFSM_RULES];
    for (unsigned i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        struct table table;
        char wrong[128];
        assert_true(variant_make(variants[i].edits, rows, &table, wrong, sizeof wrong));
        machine_run(&table);
        const char *broken = first_broken(10 * INPUTS);
        machine_run(NULL);
        assert_one_of(broken, variants[i].broken, variants[i].edits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_cases_are_many_and_of_every_kind),
        cmocka_unit_test(test_step_ranges_and_runs_are_of_every_kind),
        cmocka_unit_test(test_step_nothing_is_broken),
        cmocka_unit_test(test_step_broken_clauses_are_seen),
        cmocka_unit_test(test_step_every_clause_can_be_mended),
        cmocka_unit_test(test_step_broken_rows_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
