/* What the monitor says of machines whose loss recovery, or whose window, is not as the RFCs have it: each is the true
 * one, and one thing of it is changed. Octets of our stream are counted from 1, as the sequence numbers after an ISN of
 * 0 would be. */
#include "monitor.h"
#include "seq.h"
#include "whole.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 1000u  /* octets of a segment */
#define RTT  40000u /* microseconds */

/* What is changed of a segment that it sends. */
typedef void rewrite(struct tfsm_segment *seg);

struct watched {
    struct tfsm_config cfg;
    uint32_t forgets; /* of its profile, when it sends */
    rewrite *rewrites;
    struct tfsm_tcb tcb;
    struct monitor monitor;
    tfsm_time now;
};

/* What is changed of what the machine makes of an event. */
typedef void change(struct tfsm_tcb *tcb);

static const char *drain(struct watched *w)
{
    struct tfsm_segment out;
    struct tfsm_tcb before = w->tcb;
    struct tfsm_config cfg = w->cfg;
    cfg.profile &= ~w->forgets;
    while (tfsm_output(&w->tcb, &cfg, w->now, &out)) {
        if (w->rewrites != NULL) {
            w->rewrites(&out);
        }
        monitor_output(&w->monitor, &w->cfg, &before, w->now, &out, &w->tcb);
        before = w->tcb;
    }
    monitor_drained(&w->monitor, &w->cfg, &w->tcb, w->now);
    return w->monitor.violation.id != NULL ? w->monitor.violation.id : "";
}

/* An event, so long after the last. Returns what the monitor says of it. */
static const char *happens(struct watched *w, tfsm_time later, struct tfsm_event event,
                           change *changes)
{
    struct tfsm_effects fx;
    struct tfsm_tcb before = w->tcb;
    w->now += later;
    event.now = w->now;
    enum tfsm_result result = tfsm_step(&w->tcb, &w->cfg, &event, &fx);
    if (changes != NULL) {
        changes(&w->tcb);
    }
    monitor_step(&w->monitor, &w->cfg, &before, &event, result, &fx, &w->tcb);
    return drain(w);
}

/* Our octets up to `ack` are acknowledged, and [left, right) reported, if it is not empty. */
static const char *acked(struct watched *w, tfsm_time later, uint32_t ack, uint32_t left,
                         uint32_t right, change *changes)
{
    struct tfsm_segment seg = {.seq = w->tcb.rcv_nxt,
                               .ack = seq_add(w->tcb.iss, ack),
                               .flags = TFSM_ACK,
                               .wnd = UINT16_MAX};
    if (left != right) {
        seg.sack[seg.sacks++] =
            (struct tfsm_range){seq_add(w->tcb.iss, left), seq_add(w->tcb.iss, right)};
        seg.options = TFSM_OPT_SACK;
    }
    return happens(w, later, (struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = seg}, changes);
}

static const char *sends(struct watched *w, tfsm_time later, uint32_t octets)
{
    return happens(w, later, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = octets}, NULL);
}

/* The next timer goes off. */
static const char *times_out(struct watched *w, change *changes)
{
    return happens(w, tfsm_deadline(&w->tcb) - w->now, (struct tfsm_event){.kind = TFSM_EV_TIMEOUT},
                   changes);
}

#define quiet(said) assert_string_equal((said), "")

/* A connection that has sent its first ten segments, over a round trip of 40 ms. */
static struct watched *opened(uint32_t without, change *changes, const char *charge)
{
    static struct watched only;
    struct watched *w = &only;
    memset(w, 0, sizeof *w);
    w->now = 1000000;
    assert_true(tfsm_config_named("today", &w->cfg));
    w->cfg.profile &= ~(uint32_t)(TFSM_TIMESTAMPS | TFSM_ECN | TFSM_WSCALE | TFSM_PMTU | without);
    w->cfg.mss = SIZE;
    quiet(happens(
        w, 0,
        (struct tfsm_event){.kind = TFSM_EV_OPEN, .active = true, .remote = true, .iss = 1000},
        NULL));
    struct tfsm_segment syn_ack = {.seq = 5000,
                                   .ack = 1001,
                                   .len = 1,
                                   .flags = TFSM_SYN | TFSM_ACK,
                                   .wnd = UINT16_MAX,
                                   .options = TFSM_OPT_MSS | TFSM_OPT_SACK_PERMITTED,
                                   .mss = SIZE};
    const char *said =
        happens(w, RTT, (struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = syn_ack}, changes);
    assert_string_equal(said, charge);
    if (charge[0] == '\0') {
        quiet(sends(w, 0, 10 * SIZE));
        assert_int_equal(seq_distance(w->tcb.snd_una, w->tcb.snd_nxt), 10 * SIZE);
    }
    return w;
}

static struct watched *sender(void)
{
    return opened(0, NULL, "");
}

/* ---- what is lost (RFC8985:6.2) ---- */

static void lose_run(struct tfsm_tcb *tcb, unsigned i)
{
    uint32_t left = i > 0 ? tcb->sent[i - 1].right : tcb->snd_una;
    tcb->sent[i].at |= TFSM_LOST;
    tcb->snd_lost += seq_distance(left, tcb->sent[i].right);
    tcb->flags |= TFSM_M_RECOVERY; /* which it begins */
    tcb->ssthresh = 5 * SIZE;
    tcb->snd_recover = tcb->snd_nxt;
}

static void lose_last(struct tfsm_tcb *tcb)
{
    lose_run(tcb, tcb->sent_count - 1u);
}

static void lose_first(struct tfsm_tcb *tcb)
{
    lose_run(tcb, 0);
    tcb->at_early = 0;
    tcb->loss &= ~(uint32_t)TFSM_L_REORDERING;
}

static void test_monitor_nothing_is_lost_before_what_was_sent_later_arrives(void **state)
{
    (void)state;
    struct watched *w = sender();
    assert_string_equal(acked(w, RTT, 1, 1001, 2001, lose_last), "LOST_UNTOLD");
    w = sender();
    quiet(acked(w, RTT, 1, 1001, 2001, NULL));
}

/* One segment is reported, and no reordering seen: a quarter of the round trip passes before the one before it is lost. */
static void test_monitor_nothing_is_lost_within_the_reordering_window(void **state)
{
    (void)state;
    struct watched *w = sender();
    assert_string_equal(acked(w, RTT, 1, 1001, 2001, lose_first), "LOST_EARLY");
    w = sender();
    quiet(acked(w, RTT, 1, 1001, 2001, NULL));
    quiet(times_out(w, NULL));
    assert_true((w->tcb.flags & TFSM_M_RECOVERY) != 0);
    assert_true(w->now >= 1000000 + 2 * RTT + RTT / 4);
}

/* RFC6675:4a, where time tells nothing. */
static void test_monitor_without_rack_two_ranges_are_too_few(void **state)
{
    (void)state;
    struct watched *w = opened(TFSM_RACK, NULL, "");
    quiet(acked(w, RTT, 1, 1001, 2001, NULL));
    assert_string_equal(acked(w, 0, 1, 3001, 4001, lose_first), "LOST_UNTOLD");
}

static void guess(struct tfsm_tcb *tcb)
{
    tcb->flags |= TFSM_M_SACK | TFSM_M_PASSED;
}

/* RFC8985:9.2: rule 4 of RFC 6675 would send the last once more. */
static void test_monitor_with_rack_nothing_goes_again_that_is_not_lost(void **state)
{
    (void)state;
    for (uint32_t forgets = 0; forgets <= TFSM_RACK; forgets += TFSM_RACK) {
        struct watched *w = sender();
        quiet(acked(w, RTT, 1, 1001, 4001, NULL));
        assert_true((w->tcb.flags & TFSM_M_RECOVERY) != 0);
        w->forgets = forgets;
        assert_string_equal(acked(w, 1000, 4001, 0, 0, guess), forgets ? "RESENT_UNLOST" : "");
    }
}

/* ---- tail loss probes (RFC8985:7) ---- */

static void owe_probe(struct tfsm_tcb *tcb)
{
    tcb->loss |= TFSM_L_OWE_PROBE;
    tcb->at_early = 0;
}

static void test_monitor_a_probe_waits(void **state)
{
    (void)state;
    struct watched *w = sender();
    quiet(acked(w, RTT, 10001, 0, 0, NULL));
    quiet(sends(w, 0, SIZE));
    assert_string_equal(
        happens(w, 2 * RTT - 1, (struct tfsm_event){.kind = TFSM_EV_TIMEOUT}, owe_probe),
        "TAIL_EARLY");
    w = sender();
    quiet(times_out(w, NULL));
    assert_true((w->tcb.loss & TFSM_L_PROBE) != 0);
}

static void test_monitor_no_second_probe(void **state)
{
    (void)state;
    struct watched *w = sender();
    quiet(times_out(w, NULL));
    assert_string_equal(
        happens(w, 3 * RTT, (struct tfsm_event){.kind = TFSM_EV_TIMEOUT}, owe_probe), "TAIL_TWICE");
}

static void test_monitor_no_probe_while_something_is_reported(void **state)
{
    (void)state;
    struct watched *w = sender();
    quiet(acked(w, RTT, 1, 1001, 2001, NULL));
    assert_string_equal(
        happens(w, 3 * RTT, (struct tfsm_event){.kind = TFSM_EV_TIMEOUT}, owe_probe), "TAIL_UNFIT");
}

static void send_the_last_but_one(struct tfsm_segment *seg)
{
    seg->seq = seq_sub(seg->seq, SIZE);
}

static void send_less_of_it(struct tfsm_segment *seg)
{
    seg->len--;
}

static void test_monitor_a_probe_is_the_last(void **state)
{
    (void)state;
    rewrite *const wrong[] = {send_the_last_but_one, send_less_of_it};
    for (unsigned i = 0; i < 2; i++) {
        struct watched *w = sender();
        w->rewrites = wrong[i];
        assert_string_equal(times_out(w, NULL), "TAIL_PLACE");
    }
    quiet(times_out(sender(), NULL));
}

/* ---- how much a recovery lets out (RFC6937:3) ---- */

static void let_out_more(struct tfsm_tcb *tcb)
{
    tcb->cwnd += 2 * SIZE;
}

/* The first of ten is lost. */
static struct watched *recovering(void)
{
    struct watched *w = sender();
    quiet(sends(w, 0, 20 * SIZE));
    quiet(acked(w, RTT, 1, 1001, 4001, NULL));
    assert_true((w->tcb.flags & TFSM_M_RECOVERY) != 0);
    return w;
}

static void test_monitor_recovery_lets_out_its_share(void **state)
{
    (void)state;
    struct watched *w = recovering();
    assert_string_equal(acked(w, 0, 1, 1001, 5001, let_out_more), "PRR_BEYOND");
    w = recovering();
    for (uint32_t i = 5; i <= 9; i++) {
        quiet(acked(w, 1000, 1, 1001, i * SIZE + 1, NULL));
    }
}

static void keep_window(struct tfsm_tcb *tcb)
{
    tcb->cwnd = tcb->ssthresh + SIZE;
}

static void test_monitor_recovery_leaves_the_threshold(void **state)
{
    (void)state;
    struct watched *w = recovering();
    uint32_t all = seq_distance(w->tcb.iss, w->tcb.snd_nxt);
    assert_string_equal(acked(w, RTT, all, 0, 0, keep_window), "RECOVERED_WINDOW");
    w = recovering();
    quiet(acked(w, RTT, all, 0, 0, NULL));
}

/* ---- what is taken back (RFC3708:3, RFC5682:2.1) ---- */

static void take_back(struct tfsm_tcb *tcb)
{
    tcb->cwnd = tcb->undo_cwnd;
    tcb->ssthresh = tcb->undo_ssthresh;
    tcb->flags &= ~(uint32_t)(TFSM_M_RECOVERY | TFSM_M_PASSED);
    tcb->loss &= ~(uint32_t)(TFSM_L_UNDO | TFSM_L_UNDO_TWICE | TFSM_L_UNDO_WAITS);
    tcb->snd_recover = seq_sub(tcb->snd_una, 1);
    tcb->snd_rtx = tcb->snd_una;
}

static void take_back_more(struct tfsm_tcb *tcb)
{
    tcb->cwnd += SIZE;
}

static void test_monitor_nothing_is_taken_back_without_proof(void **state)
{
    (void)state;
    struct watched *w = recovering();
    assert_string_equal(acked(w, 1000, 1, 1001, 5001, take_back), "UNDO_UNPROVEN");
}

/* What went again came twice, and nothing else did. */
static void test_monitor_no_more_is_given_back_than_was_taken(void **state)
{
    (void)state;
    struct watched *w = recovering();
    uint32_t all = seq_distance(w->tcb.iss, w->tcb.snd_nxt);
    quiet(acked(w, 1000, all, 0, 0, NULL));
    struct watched same = *w;
    quiet(acked(w, RTT, all, 1, 1001, NULL));
    assert_int_equal(w->tcb.cwnd, 10 * SIZE);
    *w = same;
    assert_string_equal(acked(w, RTT, all, 1, 1001, take_back_more), "UNDO_WINDOW");
}

/* RFC5682:2.1: the ACK that tells that the timer was wrong acknowledges more than what is given back. */
static void test_monitor_what_a_timeout_took_is_given_back_at_once(void **state)
{
    (void)state;
    struct watched *w = sender();
    quiet(sends(w, 0, 20 * SIZE));
    while ((w->tcb.flags & TFSM_M_LOSS) == 0) {
        quiet(times_out(w, NULL));
    }
    uint32_t before = seq_distance(w->tcb.iss, w->tcb.snd_nxt);
    quiet(acked(w, 1000, 1001, 0, 0, NULL));
    assert_true(w->tcb.cwnd < 5 * SIZE);
    quiet(acked(w, 1000, before, 0, 0, NULL));
    assert_true(w->tcb.cwnd >= 10 * SIZE);
}

/* ---- how the window begins and grows ---- */

static void grow(struct tfsm_tcb *tcb)
{
    tcb->cwnd += SIZE;
}

static void grow_a_little(struct tfsm_tcb *tcb)
{
    tcb->cwnd += 1;
}

/* RFC6928:2a */
static void test_monitor_initial_window(void **state)
{
    (void)state;
    opened(0, grow_a_little, "INITIAL_WINDOW");
}

/* RFC9406:4.2: what is acknowledged, and eight segments at most. */
static void test_monitor_slow_start(void **state)
{
    (void)state;
    struct watched *w = sender();
    assert_string_equal(acked(w, RTT, 1001, 0, 0, grow_a_little), "WINDOW_GROWTH");
    w = sender();
    quiet(acked(w, RTT, 8001, 0, 0, NULL));
    assert_int_equal(w->tcb.cwnd, 18 * SIZE);
    w = sender();
    assert_string_equal(acked(w, RTT, 10001, 0, 0, grow_a_little), "WINDOW_GROWTH");
}

/* A flight of the whole window in congestion avoidance, after a loss that was one. */
static struct watched *avoiding(uint32_t without)
{
    struct watched *w = opened(without, NULL, "");
    quiet(sends(w, 0, 40 * SIZE));
    quiet(acked(w, RTT, 1, 1001, 4001, NULL));
    quiet(acked(w, RTT, seq_distance(w->tcb.iss, w->tcb.snd_nxt), 0, 0, NULL));
    assert_true((w->tcb.flags & TFSM_M_RECOVERY) == 0);
    uint32_t una = seq_distance(w->tcb.iss, w->tcb.snd_una);
    quiet(acked(w, RTT, una + SIZE, 0, 0, NULL));
    assert_true(w->tcb.cwnd >= w->tcb.ssthresh);
    return w;
}

/* RFC9438:4.2, RFC5681:3.1h */
static void test_monitor_avoidance(void **state)
{
    (void)state;
    struct watched *w = avoiding(0);
    uint32_t una = seq_distance(w->tcb.iss, w->tcb.snd_una);
    assert_string_equal(acked(w, 1000, una + SIZE, 0, 0, grow), "CUBIC_GROWTH");
    w = avoiding(TFSM_CUBIC | TFSM_HYSTART | TFSM_CWV);
    assert_string_equal(acked(w, 1000, una + SIZE, 0, 0, grow), "RENO_GROWTH");
    w = avoiding(0);
    for (uint32_t i = 1; i <= 3; i++) {
        quiet(acked(w, 1000, una + i * SIZE, 0, 0, NULL));
    }
}

static void double_peak(struct tfsm_tcb *tcb)
{
    tcb->w_max *= 2;
}

/* RFC9438:4.7 */
static void test_monitor_peak(void **state)
{
    (void)state;
    struct watched *w = sender();
    assert_string_equal(acked(w, RTT, 1, 1001, 4001, double_peak), "CUBIC_PEAK");
}

/* RFC9438:5.8: one segment is out, where ten may be. */
static void test_monitor_unused_window(void **state)
{
    (void)state;
    struct watched *w = avoiding(0);
    quiet(acked(w, 1000, seq_distance(w->tcb.iss, w->tcb.snd_nxt), 0, 0, NULL));
    w = avoiding(0);
    while (w->tcb.snd_una != w->tcb.snd_end) {
        quiet(acked(w, 1000, seq_distance(w->tcb.iss, w->tcb.snd_nxt), 0, 0, NULL));
    }
    quiet(sends(w, 0, 1));
    assert_string_equal(
        acked(w, RTT, seq_distance(w->tcb.iss, w->tcb.snd_nxt), 0, 0, grow_a_little),
        "UNUSED_GROWTH");
}

/* RFC5681:4.1: after a pause as long as the timeout the window begins anew. */
static void test_monitor_window_after_a_pause(void **state)
{
    (void)state;
    struct watched *w = opened(TFSM_CWV, NULL, "");
    quiet(acked(w, RTT, 8001, 0, 0, NULL));
    quiet(acked(w, 0, 10001, 0, 0, NULL));
    w->now += 2000000;
    w->tcb.sent_at = w->now;
    assert_string_equal(sends(w, 0, SIZE), "IDLE_WINDOW");
    w = opened(TFSM_CWV, NULL, "");
    quiet(acked(w, RTT, 8001, 0, 0, NULL));
    quiet(acked(w, 0, 10001, 0, 0, NULL));
    quiet(sends(w, 2000000, SIZE));
}

/* ---- what is owed to a peer that loses text (RFC5681:4.2c) ---- */

static void forget_losses(struct tfsm_tcb *tcb)
{
    tcb->quick_acks = 0;
}

static const char *text_comes(struct watched *w, uint32_t ahead, change *changes)
{
    struct tfsm_segment seg = {.seq = seq_add(w->tcb.rcv_nxt, ahead),
                               .ack = w->tcb.snd_nxt,
                               .len = SIZE,
                               .flags = TFSM_ACK,
                               .wnd = UINT16_MAX};
    return happens(w, 1000, (struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = seg}, changes);
}

static void test_monitor_after_a_gap_no_acknowledgment_waits(void **state)
{
    (void)state;
    for (unsigned at = 0; at <= TFSM_QUICK_ACKS; at++) {
        struct watched *w = sender();
        quiet(text_comes(w, SIZE, NULL));
        for (unsigned i = 0; i < at; i++) {
            quiet(text_comes(w, 0, NULL));
        }
        w->tcb.quick_acks = 0;
        bool waits = at > 0; /* that which fills the gap is acknowledged by any machine */
        assert_string_equal(text_comes(w, 0, forget_losses),
                            waits && at < TFSM_QUICK_ACKS ? "NOT_ACKNOWLEDGED" : "");
    }
    struct watched *w = opened(TFSM_QUICK_ACK, NULL, "");
    quiet(text_comes(w, SIZE, NULL));
    quiet(text_comes(w, 0, NULL));
    quiet(text_comes(w, 0, NULL));
    assert_true(w->tcb.at_ack != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monitor_nothing_is_lost_before_what_was_sent_later_arrives),
        cmocka_unit_test(test_monitor_nothing_is_lost_within_the_reordering_window),
        cmocka_unit_test(test_monitor_without_rack_two_ranges_are_too_few),
        cmocka_unit_test(test_monitor_with_rack_nothing_goes_again_that_is_not_lost),
        cmocka_unit_test(test_monitor_a_probe_waits),
        cmocka_unit_test(test_monitor_no_second_probe),
        cmocka_unit_test(test_monitor_no_probe_while_something_is_reported),
        cmocka_unit_test(test_monitor_a_probe_is_the_last),
        cmocka_unit_test(test_monitor_recovery_lets_out_its_share),
        cmocka_unit_test(test_monitor_recovery_leaves_the_threshold),
        cmocka_unit_test(test_monitor_nothing_is_taken_back_without_proof),
        cmocka_unit_test(test_monitor_no_more_is_given_back_than_was_taken),
        cmocka_unit_test(test_monitor_what_a_timeout_took_is_given_back_at_once),
        cmocka_unit_test(test_monitor_initial_window),
        cmocka_unit_test(test_monitor_slow_start),
        cmocka_unit_test(test_monitor_avoidance),
        cmocka_unit_test(test_monitor_peak),
        cmocka_unit_test(test_monitor_unused_window),
        cmocka_unit_test(test_monitor_window_after_a_pause),
        cmocka_unit_test(test_monitor_after_a_gap_no_acknowledgment_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
