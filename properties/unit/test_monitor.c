/* The watcher's own account: what the monitor believes of the peer's scoreboard is what the machine
 * can know, no more and no less; and what it says of machines that do not do what they must. Octets of our stream are counted from 1, as the sequence numbers
 * after an ISN of 0 would be. */
#include "monitor.h"
#include "seq.h"
#include "whole.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 100u /* octets of a segment */
#define ROOM 40u  /* ranges, where there is room of a connection's own */

struct watched {
    struct tfsm_config cfg;
    TFSM_ROOMY_TCB(ROOM);
    struct monitor monitor;
    tfsm_time now;
};

struct block {
    uint32_t left;
    uint32_t right;
};

#define acked(w, ack, ...) ack_comes((w), (ack), (const struct block[]){__VA_ARGS__, {0, 0}})

static void expect_quiet(const struct watched *w)
{
    if (w->monitor.violation.id != NULL) {
        fail_msg("%s: %s", w->monitor.violation.id, w->monitor.violation.requirement);
    }
}

static void drain(struct watched *w)
{
    struct tfsm_segment out;
    static struct whole before;
    copy_tcb(&before, &w->tcb);
    while (tfsm_output(&w->tcb, &w->cfg, w->now, &out)) {
        monitor_output(&w->monitor, &w->cfg, &before.tcb, w->now, &out, &w->tcb);
        expect_quiet(w);
        copy_tcb(&before, &w->tcb);
    }
    monitor_drained(&w->monitor, &w->cfg, &w->tcb, w->now);
    expect_quiet(w);
}

static void happens(struct watched *w, struct tfsm_event event)
{
    struct tfsm_effects fx;
    static struct whole before;
    copy_tcb(&before, &w->tcb);
    w->now += 1000;
    event.now = w->now;
    enum tfsm_result result = tfsm_step(&w->tcb, &w->cfg, &event, &fx);
    monitor_step(&w->monitor, &w->cfg, &before.tcb, &event, result, &fx, &w->tcb);
    expect_quiet(w);
    drain(w);
}

/* An ACK with these blocks; an empty one ends them. */
static void ack_comes(struct watched *w, uint32_t ack, const struct block *blocks)
{
    struct tfsm_segment seg = {.seq = w->tcb.rcv_nxt,
                               .ack = seq_add(w->tcb.iss, ack),
                               .flags = TFSM_ACK,
                               .wnd = UINT16_MAX};
    for (; blocks->right != 0; blocks++) {
        seg.sack[seg.sacks++] = (struct tfsm_range){seq_add(w->tcb.iss, blocks->left),
                                                    seq_add(w->tcb.iss, blocks->right)};
        seg.options = TFSM_OPT_SACK;
    }
    happens(w, (struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = seg});
}

/* A connection that has sent so many segments. */
static struct watched *roomy_sender(unsigned ranges, uint8_t segments, uint32_t queued)
{
    static struct watched only;
    struct watched *w = &only;
    memset(w, 0, sizeof *w);
    assert_true(tfsm_make_room(&w->tcb, ranges));
    w->now = 1000000;
    w->cfg = tfsm_config_default();
    w->cfg.profile &= ~(uint32_t)(TFSM_TIMESTAMPS | TFSM_ECN | TFSM_WSCALE);
    w->cfg.mss = SIZE;
    w->cfg.initial_window = segments;
    happens(w,
            (struct tfsm_event){.kind = TFSM_EV_OPEN, .active = true, .remote = true, .iss = 1000});
    struct tfsm_segment syn_ack = {.seq = 5000,
                                   .ack = seq_add(w->tcb.iss, 1),
                                   .len = 1,
                                   .flags = TFSM_SYN | TFSM_ACK,
                                   .wnd = UINT16_MAX,
                                   .options = TFSM_OPT_MSS | TFSM_OPT_SACK_PERMITTED,
                                   .mss = SIZE};
    happens(w, (struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = syn_ack});
    happens(w, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = queued});
    assert_int_equal(seq_distance(w->tcb.snd_una, w->tcb.snd_nxt), SIZE * (uint32_t)segments);
    return w;
}

static struct watched *sender(uint8_t segments, uint32_t queued)
{
    return roomy_sender(0, segments, queued);
}

/* What it said last. */
static struct violation said;

/* What the monitor says of a segment that the machine did not send: our octets `left` to `right`. */
static const char *if_sent(const struct watched *w, uint32_t left, uint32_t right)
{
    struct monitor monitor = w->monitor;
    static struct whole after;
    copy_tcb(&after, &w->tcb);
    struct tfsm_segment out = {.seq = seq_add(w->tcb.iss, left),
                               .ack = w->tcb.rcv_nxt,
                               .len = right - left,
                               .flags = TFSM_ACK,
                               .wnd = (uint16_t)w->tcb.rcv_wnd,
                               .text_offset = left - 1};
    after.tcb.snd_nxt = seq_max(w->tcb.snd_nxt, seq_add(w->tcb.iss, right));
    after.tcb.snd_end = seq_max(w->tcb.snd_end, after.tcb.snd_nxt);
    monitor_output(&monitor, &w->cfg, &w->tcb, w->now, &out, &after.tcb);
    said = monitor.violation;
    return monitor.violation.id != NULL ? monitor.violation.id : "";
}

/* The scoreboard overflows with the first blocks of an ACK, and is not full after it. */
static void test_monitor_blocks_of_one_ack_go_in_together(void **state)
{
    (void)state;
    struct watched *w = sender(120, 12000);
    for (uint32_t i = 0; i < 15; i++) {
        acked(w, 1, {201 + 200 * i, 301 + 200 * i});
    }
    acked(w, 1, {5001, 5101}, {4601, 4701}, {4301, 4401}, {201, 3101});
    acked(w, 4201, {6801, 8601}, {6401, 6501}, {6001, 6101}, {5601, 5701});
    for (uint32_t i = 0; i < 20; i++) {
        acked(w, 4201, {6801, 8701 + 100 * i}, {6401, 6501}, {6001, 6101}, {5601, 5701});
    }
    assert_string_equal(if_sent(w, 6401, 6501), "SENT_HELD");
    assert_string_equal(if_sent(w, 5001, 5101), "SENT_HELD");
    assert_string_equal(if_sent(w, 4301, 4401), "SENT_HELD");
}

/* More ranges than the machine must remember: of the lowest it is held to its word, not of others. */
static void test_monitor_asks_for_the_lowest_ranges(void **state)
{
    (void)state;
    static const unsigned rooms[] = {TFSM_ROOM_OWN, ROOM};
    for (unsigned k = 0; k < 2; k++) {
        struct watched *w = roomy_sender(k == 0 ? 0 : ROOM, 120, 12000);
        for (uint32_t i = 0; i < rooms[k] + 1; i++) {
            acked(w, 1, {201 + 200 * i, 301 + 200 * i});
        }
        const uint32_t last = 201 + 200 * rooms[k];
        assert_string_equal(if_sent(w, last, last + 100), "");
        assert_string_equal(if_sent(w, last - 200, last - 100), "SENT_HELD");
    }
}

/* An ACK ends where a range begins: the peer has forgotten that range, with all that it was reported to
 * hang together with, and no other (RFC 2018 8). */
static void test_monitor_an_ack_contradicts_the_range_it_reaches(void **state)
{
    (void)state;
    struct watched *w = sender(100, 10000);
    acked(w, 1, {301, 501}, {601, 1001}, {2001, 2101});
    acked(w, 301, {0, 0});
    assert_string_equal(if_sent(w, 401, 501), "");
    assert_string_equal(if_sent(w, 601, 701), "SENT_HELD");
    acked(w, 301, {901, 1301});
    acked(w, 601, {0, 0});
    assert_string_equal(if_sent(w, 901, 1001), "");
    assert_string_equal(if_sent(w, 1201, 1301), "");
    assert_string_equal(if_sent(w, 2001, 2101), "SENT_HELD");
}

/* What is reported twice has left the network once: beyond the window the monitor makes allowance for
 * that, and for the two segments of limited transmit. */
static void test_monitor_overlapping_blocks_make_room_once(void **state)
{
    (void)state;
    struct watched *w = sender(100, 10100);
    acked(w, 1, {9801, 9901}, {9801, 9901}, {9801, 9901});
    acked(w, 1, {9801, 9901}, {9801, 9851}, {9751, 9901});
    uint32_t next = seq_distance(w->tcb.iss, w->tcb.snd_nxt);
    w->monitor.queued += SIZE;
    w->tcb.cwnd = next - 1 + SIZE - 150 - 2 * SIZE;
    assert_string_equal(if_sent(w, next, next + SIZE), "");
    w->tcb.cwnd--;
    assert_string_equal(if_sent(w, next, next + SIZE), "BEYOND_CWND");
}

/* What the monitor says of a machine that makes this of an event. */
static const char *if_made(const struct watched *w, struct tfsm_event event, struct tfsm_effects fx,
                           struct tfsm_tcb after)
{
    struct monitor monitor = w->monitor;
    static struct whole made;
    copy_tcb(&made, &w->tcb);
    copy_bare_tcb(&made.tcb, &after);
    event.now = w->now;
    monitor_step(&monitor, &w->cfg, &w->tcb, &event, TFSM_DONE, &fx, &made.tcb);
    return monitor.violation.id != NULL ? monitor.violation.id : "";
}

static struct tfsm_event arrival(const struct watched *w, uint32_t ahead, uint32_t ack,
                                 uint32_t len)
{
    struct tfsm_segment seg = {.seq = seq_add(w->tcb.rcv_nxt, ahead),
                               .ack = seq_add(w->tcb.iss, ack),
                               .len = len,
                               .flags = TFSM_ACK,
                               .wnd = UINT16_MAX};
    return (struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = seg};
}

/* Of text that waits the monitor knows every piece, in whatever order they came, until it is delivered. */
static void test_monitor_knows_what_waits(void **state)
{
    (void)state;
    struct watched *w = roomy_sender(ROOM, 1, 100);
    for (uint32_t i = 0; i < ROOM; i++) {
        happens(w, arrival(w, 10 * (i * 7 % ROOM + 1), 1, 1));
        assert_int_equal(w->monitor.kept_count, i + 1);
    }
    for (uint32_t i = 0; i < ROOM; i++) {
        struct tfsm_effects twice = {.verdict = TFSM_V_NEXT, .text_count = 1};
        twice.text[0] = (struct tfsm_text){.offset = 10 * (i + 1), .at = 0, .len = 1};
        assert_string_equal(if_made(w, arrival(w, 10 * (i + 1), 1, 1), twice, w->tcb),
                            "TEXT_TWICE");
        twice.text[0].offset++;
        assert_string_equal(if_made(w, arrival(w, 10 * (i + 1) + 1, 1, 1), twice, w->tcb), "");
    }
    while (w->tcb.ooo_count > 0) {
        happens(w, arrival(w, 0, 1, 10 * ROOM));
    }
    assert_int_equal(w->monitor.kept_count, 0);
}

/* RFC9293:3.10.7.4: a machine that answers whatever comes, and takes nothing. */
static void test_monitor_what_is_acceptable_is_taken(void **state)
{
    (void)state;
    struct watched *w = sender(4, 400);
    struct tfsm_effects dropped = {.verdict = TFSM_V_DROP};
    struct tfsm_tcb answers = w->tcb;
    answers.owed |= TFSM_OWE_ACK;
    assert_string_equal(if_made(w, arrival(w, 0, 101, 0), dropped, answers), "NOT_TAKEN");
    assert_string_equal(if_made(w, arrival(w, 7, 101, 0), dropped, answers), "NOT_TAKEN");
    assert_string_equal(if_made(w, arrival(w, 0, 1, 10), dropped, answers), "NOT_TAKEN");
    assert_string_equal(if_made(w, arrival(w, UINT32_MAX, 1, 10), dropped, answers), "NOT_TAKEN");
    assert_string_equal(if_made(w, arrival(w, 7, 1, 10), dropped, answers), "");
    assert_string_equal(if_made(w, arrival(w, UINT16_MAX, 101, 10), dropped, answers), "");
}

/* RFC5961:7: a budget of three replies is three replies, and no more is asked for until the first is
 * an interval old. */
static void test_monitor_replies_are_due_while_there_is_budget(void **state)
{
    (void)state;
    struct watched *w = sender(1, 100);
    struct tfsm_effects dropped = {.verdict = TFSM_V_DROP};
    const struct tfsm_event beyond = arrival(w, 0x10000, 1, 0);
    w->cfg.challenge_limit = 3;
    for (unsigned i = 0; i < 3; i++) {
        assert_string_equal(if_made(w, beyond, dropped, w->tcb), "NO_REPLY");
        happens(w, beyond);
    }
    assert_string_equal(if_made(w, beyond, dropped, w->tcb), "");
    w->now += w->cfg.challenge_every - 2001;
    assert_string_equal(if_made(w, beyond, dropped, w->tcb), "");
    w->now += 1;
    assert_string_equal(if_made(w, beyond, dropped, w->tcb), "NO_REPLY");
}

/* RFC9293:3.10.8: only a timer that is due gives up. */
static void test_monitor_nobody_gives_up_early(void **state)
{
    (void)state;
    struct watched *w = sender(1, 100);
    const struct tfsm_event timeout = {.kind = TFSM_EV_TIMEOUT};
    const struct tfsm_effects told = {.verdict = TFSM_V_STOP, .signals = TFSM_SIG_TIMED_OUT};
    const struct tfsm_tcb closed = {.state = TFSM_CLOSED};
    assert_string_equal(if_made(w, timeout, told, closed), "TIMED_OUT_EARLY");
}

/* Where a promise is about a number, the monitor says what it had to be, and what it is. */
static void test_monitor_says_what_was_expected_and_what_was_found(void **state)
{
    (void)state;
    struct watched *w = sender(100, 10100);
    acked(w, 1, {201, 301});
    assert_string_equal(if_sent(w, 201, 301), "SENT_HELD");
    assert_false(said.counted);
    acked(w, 101, {0, 0});
    uint32_t next = seq_distance(w->tcb.iss, w->tcb.snd_nxt);
    w->tcb.cwnd = next + 100000;
    w->monitor.queued = next - 1 + SIZE - 10;
    assert_string_equal(if_sent(w, next, next + SIZE), "SENT_UNQUEUED");
    assert_true(said.counted);
    assert_int_equal(said.expected, next - 1 + SIZE - 10);
    assert_int_equal(said.found, next - 1 + SIZE);
    assert_string_equal(if_sent(w, 401, 401 + SIZE + 10), "MSS_EXCEEDED");
    assert_int_equal(said.expected, SIZE);
    assert_int_equal(said.found, SIZE + 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monitor_blocks_of_one_ack_go_in_together),
        cmocka_unit_test(test_monitor_asks_for_the_lowest_ranges),
        cmocka_unit_test(test_monitor_knows_what_waits),
        cmocka_unit_test(test_monitor_an_ack_contradicts_the_range_it_reaches),
        cmocka_unit_test(test_monitor_overlapping_blocks_make_room_once),
        cmocka_unit_test(test_monitor_what_is_acceptable_is_taken),
        cmocka_unit_test(test_monitor_says_what_was_expected_and_what_was_found),
        cmocka_unit_test(test_monitor_replies_are_due_while_there_is_budget),
        cmocka_unit_test(test_monitor_nobody_gives_up_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
