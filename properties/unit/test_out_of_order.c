/* Text out of order (RFC9293:SHLD-31): what may wait, what is handed out, when it becomes readable.
 * The fixture watches that each piece lies at its place in the stream, that no octet is handed out
 * twice and that nothing is readable that was not handed out; the tests say how much, and when. */
#include "fixture.h"

/* RFC9293:SHLD-31 */
static void test_out_of_order_hole_filled_delivers_all(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 50);
    expect_delivered(f, 0);
    expect_text(f, 0, 100, 0, 50);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 150);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, 0, 0, 100);
    expect_ack(f);
    assert_int_equal(f->tcb.ooo_count, 0);
}

static void test_out_of_order_hole_filled_in_part_delivers_the_part(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 50);
    arrive(f, .flags = TFSM_ACK, .text = 40);
    expect_delivered(f, 40);
    arrive(f, .flags = TFSM_ACK, .text = 60);
    expect_delivered(f, 110);
}

static void test_out_of_order_same_text_again_is_not_handed_out(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 50);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 50);
    assert_int_equal(f->fx.text_count, 0);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .seq = 110, .text = 20);
    assert_int_equal(f->fx.text_count, 0);
    expect_delivered(f, 0);
}

static void test_out_of_order_overlap_left_is_trimmed(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 50);
    arrive(f, .flags = TFSM_ACK, .seq = 80, .text = 50);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, 80, 0, 20);
    assert_int_equal(f->tcb.ooo_count, 1);
}

static void test_out_of_order_overlap_right_is_trimmed(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 50);
    arrive(f, .flags = TFSM_ACK, .seq = 120, .text = 50);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, 150, 30, 20);
    assert_int_equal(f->tcb.ooo_count, 1);
}

static void test_out_of_order_overlap_around_gives_two_pieces(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 50);
    arrive(f, .flags = TFSM_ACK, .seq = 90, .text = 70);
    assert_int_equal(f->fx.text_count, 2);
    expect_text(f, 0, 90, 0, 10);
    expect_text(f, 1, 150, 60, 10);
    assert_int_equal(f->tcb.ooo_count, 1);
}

static void test_out_of_order_adjacent_ranges_become_one(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 50);
    arrive(f, .flags = TFSM_ACK, .seq = 150, .text = 50);
    arrive(f, .flags = TFSM_ACK, .seq = 50, .text = 50);
    assert_int_equal(f->tcb.ooo_count, 1);
    arrive(f, .flags = TFSM_ACK, .text = 50);
    expect_delivered(f, 200);
}

/* One segment fills several holes: a piece for each. */
static void test_out_of_order_segment_across_ranges_gives_the_holes(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 20, .text = 10);
    arrive(f, .flags = TFSM_ACK, .seq = 40, .text = 10);
    arrive(f, .flags = TFSM_ACK, .seq = 60, .text = 10);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    assert_int_equal(f->fx.text_count, 4);
    expect_text(f, 0, 0, 0, 20);
    expect_text(f, 1, 30, 30, 10);
    expect_text(f, 2, 50, 50, 10);
    expect_text(f, 3, 70, 70, 30);
    expect_delivered(f, 100);
    assert_int_equal(f->tcb.ooo_count, 0);
}

/* Islands of one octet at 10, 20, 30 .. until one is refused; returns how many there are. */
static uint32_t fill(struct fixture *f)
{
    uint32_t n = 0;
    while (n < 100) {
        arrive(f, .flags = TFSM_ACK, .seq = 10 * (n + 1), .text = 1);
        expect_delivered(f, 0);
        expect_ack(f);
        if (f->fx.text_count == 0) {
            break;
        }
        n++;
    }
    assert_in_range(n, 1, TFSM_ROOM_OWN);
    assert_int_equal(f->tcb.ooo_count, n);
    return n;
}

/* tfsm_types.h: "ranges of out-of-order text one connection remembers". */
static void test_out_of_order_as_many_islands_as_promised(void **state)
{
    struct fixture *f = in_established(state);
    assert_int_equal(fill(f), TFSM_ROOM_OWN);
}

/* In whatever order they come. */
static void test_out_of_order_islands_in_any_order_are_sorted(void **state)
{
    static const uint8_t order[] = {3, 0, 6, 1, 5, 2, 4};
    struct fixture *f = in_established(state);
    for (size_t i = 0; i < sizeof order; i++) {
        arrive(f, .flags = TFSM_ACK, .seq = 10 * (order[i] + 1), .text = 1);
        assert_int_equal(f->fx.text_count, 1);
    }
    for (uint32_t i = 0; i < sizeof order; i++) {
        assert_int_equal(tfsm_out_of_order(&f->tcb)[i].left, f->irs + 1 + 10 * (i + 1));
    }
}

static void test_out_of_order_most_pieces_of_one_segment(void **state)
{
    struct fixture *f = in_established(state);
    uint32_t n = fill(f);
    arrive(f, .flags = TFSM_ACK, .text = 200);
    assert_int_equal(f->fx.text_count, n + 1);
    expect_text(f, n, 10 * n + 1, 10 * n + 1, 199 - 10 * n);
    expect_delivered(f, 200);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 201);
    assert_int_equal(f->tcb.ooo_count, 0);
}

static void test_out_of_order_islands_are_delivered_one_by_one(void **state)
{
    struct fixture *f = in_established(state);
    uint32_t n = fill(f);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t gap = i == 0 ? 10 : 9;
        arrive(f, .flags = TFSM_ACK, .text = gap);
        expect_delivered(f, gap + 1);
    }
    assert_int_equal(f->tcb.ooo_count, 0);
}

/* More holes than can be remembered: the text is answered, and taken when it comes again later. */
static void test_out_of_order_island_refused_is_taken_later(void **state)
{
    struct fixture *f = in_established(state);
    uint32_t n = fill(f);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_delivered(f, 11);
    arrive(f, .flags = TFSM_ACK, .seq = 500, .text = 10);
    expect_text(f, 0, 511, 0, 10);
    assert_int_equal(f->tcb.ooo_count, n);
}

/* With no room left a range can still grow. */
static void test_out_of_order_range_grows_though_the_table_is_full(void **state)
{
    struct fixture *f = in_established(state);
    uint32_t n = fill(f);
    arrive(f, .flags = TFSM_ACK, .seq = 11, .text = 3);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, 11, 0, 3);
    arrive(f, .flags = TFSM_ACK, .seq = 8, .text = 2);
    expect_text(f, 0, 8, 0, 2);
    assert_int_equal(f->tcb.ooo_count, n);
}

/* B37: text at RCV.NXT is accepted however many islands there are. */
static void test_out_of_order_text_at_rcv_nxt_is_always_accepted(void **state)
{
    struct fixture *f = in_established(state);
    (void)fill(f);
    for (uint32_t i = 0; i < 5; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 1);
        expect_delivered(f, 1);
        expect_text(f, 0, i, 0, 1);
    }
}

/* A FIN needs no room. */
static void test_out_of_order_fin_is_remembered_though_the_table_is_full(void **state)
{
    struct fixture *f = in_established(state);
    (void)fill(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 200);
    arrive(f, .flags = TFSM_ACK, .text = 200);
    expect_delivered(f, 200);
    expect_state(f, TFSM_CLOSE_WAIT);
}

/* B37: so is the first octet when all the rest of the buffer waits. */
static void test_out_of_order_full_buffer_takes_the_missing_octet(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 1, .text = BUFF);
    expect_text(f, 0, 1, 0, BUFF - 1);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 1);
    expect_delivered(f, BUFF);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, 0);
}

/* A segment across several ranges makes them one, so that there is room again. */
static void test_out_of_order_segment_across_a_full_table_merges(void **state)
{
    struct fixture *f = in_established(state);
    uint32_t n = fill(f);
    arrive(f, .flags = TFSM_ACK, .seq = 15, .text = 20);
    expect_delivered(f, 0);
    assert_int_equal(f->fx.text_count, 3);
    expect_text(f, 0, 15, 0, 5);
    expect_text(f, 1, 21, 6, 9);
    expect_text(f, 2, 31, 16, 4);
    assert_int_equal(f->tcb.ooo_count, n - 1);
}

static void test_out_of_order_straddling_left_reaches_a_range(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    arrive(f, .flags = TFSM_ACK, .seq = 20, .text = 10);
    arrive(f, .flags = TFSM_ACK, .seq = -10, .text = 35);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, 10, 10, 20);
    expect_delivered(f, 30);
}

static void test_out_of_order_straddling_right_is_trimmed(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = BUFF - 10, .text = 500);
    expect_text(f, 0, BUFF - 10, 0, 10);
    arrive(f, .flags = TFSM_ACK, .seq = BUFF - 20, .text = 500);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, BUFF - 20, 0, 10);
}

/* Each is answered at once, so that the sender learns of the hole (RFC9293:MAY-13). */
static void test_out_of_order_every_segment_is_answered(void **state)
{
    struct fixture *f = in_established(state);
    for (int i = 1; i < 6; i++) {
        arrive(f, .flags = TFSM_ACK, .seq = 100 * i, .text = 100);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1);
        expect_nothing(f);
    }
}

/* The window is what the edge says, not what waits: nothing is charged twice. */
static void test_out_of_order_text_leaves_the_window_alone(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 100);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1);
    assert_int_equal(s.wnd, BUFF);
}

/* ---- FIN ---- */

/* B41 */
static void test_out_of_order_fin_waits_for_the_hole(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 50, .text = 50);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, 0);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 49);
    expect_state(f, TFSM_ESTABLISHED);
    arrive(f, .flags = TFSM_ACK, .text = 1);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    expect_delivered(f, 51);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 102);
    expect_nothing(f);
}

static void test_out_of_order_fin_alone_then_text_closes(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 30);
    arrive(f, .flags = TFSM_ACK, .seq = 20, .text = 10);
    expect_state(f, TFSM_ESTABLISHED);
    arrive(f, .flags = TFSM_ACK, .text = 20);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_delivered(f, 30);
}

static void test_out_of_order_fin_known_text_beyond_it_is_not_text(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 30);
    arrive(f, .flags = TFSM_ACK, .seq = 40, .text = 10);
    assert_int_equal(f->fx.text_count, 0);
    arrive(f, .flags = TFSM_ACK, .text = 50);
    expect_text(f, 0, 0, 0, 30);
    assert_int_equal(f->fx.text_count, 1);
    expect_delivered(f, 30);
    expect_state(f, TFSM_CLOSE_WAIT);
}

/* Text is known beyond the place of a FIN: one of the two is a lie, and no octet is lost by it. */
static void test_out_of_order_fin_before_known_text_closes_nothing_yet(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 40, .text = 10);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 30);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, 0);
    expect_delivered(f, 0);
}

static void test_out_of_order_two_fins_the_first_counts(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 30);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 20);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 60);
    expect_state(f, TFSM_ESTABLISHED);
    arrive(f, .flags = TFSM_ACK, .text = 30);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_delivered(f, 30);
}

static void test_out_of_order_fin_at_rcv_nxt_while_text_waits(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 5, .text = 10);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 5);
    expect_delivered(f, 15);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_CLOSE_WAIT);
}

/* ---- across the wrap ---- */

/* RFC9293:3.4a */
static void test_out_of_order_across_the_wrap(void **state)
{
    struct fixture *f = fresh(state);
    f->irs = UINT32_MAX - 100;
    reach_established(f);
    arrive(f, .flags = TFSM_ACK, .seq = 150, .text = 50);
    arrive(f, .flags = TFSM_ACK, .seq = 50, .text = 60);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 250, .text = 50);
    arrive(f, .flags = TFSM_ACK, .text = 400);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_delivered(f, 300);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 302);
}

/* ---- a model ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = (uint32_t)(((uint64_t)*seed * 1664525u + 1013904223u) & 0xffffffffu);
    return *seed >> 8;
}

/* RFC9293:SHLD-31: Random segments of one stream, in any order, again and again: all of it gets
 * through, once. */
static void test_out_of_order_random_segments_deliver_the_stream(void **state)
{
    enum { STREAM = 6000 };
    uint32_t seed = 1;
    for (int round = 0; round < 50; round++) {
        struct fixture *f = in_established(state);
        struct tfsm_segment out;
        for (int i = 0; i < 100000 && f->readable < STREAM; i++) {
            uint32_t at = next_random(&seed) % STREAM;
            uint32_t len = 1 + next_random(&seed) % 700;
            len = at + len > STREAM ? STREAM - at : len;
            arrive(f, .flags = TFSM_ACK, .seq = (int64_t)at - (int64_t)f->readable, .text = len);
            (void)drain(f, &out, 1);
        }
        assert_int_equal(f->readable, STREAM);
        assert_int_equal(f->tcb.ooo_count, 0);
    }
}

int main(void)
{
    /* what fills all that a TCB has by itself; test_room.c fills more */
    const struct CMUnitTest full[] = {
        cmocka_unit_test(test_out_of_order_as_many_islands_as_promised),
        cmocka_unit_test(test_out_of_order_most_pieces_of_one_segment),
        cmocka_unit_test(test_out_of_order_islands_are_delivered_one_by_one),
        cmocka_unit_test(test_out_of_order_island_refused_is_taken_later),
        cmocka_unit_test(test_out_of_order_range_grows_though_the_table_is_full),
        cmocka_unit_test(test_out_of_order_text_at_rcv_nxt_is_always_accepted),
        cmocka_unit_test(test_out_of_order_fin_is_remembered_though_the_table_is_full),
        cmocka_unit_test(test_out_of_order_segment_across_a_full_table_merges),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_order_hole_filled_delivers_all),
        cmocka_unit_test(test_out_of_order_hole_filled_in_part_delivers_the_part),
        cmocka_unit_test(test_out_of_order_same_text_again_is_not_handed_out),
        cmocka_unit_test(test_out_of_order_overlap_left_is_trimmed),
        cmocka_unit_test(test_out_of_order_overlap_right_is_trimmed),
        cmocka_unit_test(test_out_of_order_overlap_around_gives_two_pieces),
        cmocka_unit_test(test_out_of_order_adjacent_ranges_become_one),
        cmocka_unit_test(test_out_of_order_segment_across_ranges_gives_the_holes),
        cmocka_unit_test(test_out_of_order_islands_in_any_order_are_sorted),
        cmocka_unit_test(test_out_of_order_full_buffer_takes_the_missing_octet),
        cmocka_unit_test(test_out_of_order_straddling_left_reaches_a_range),
        cmocka_unit_test(test_out_of_order_straddling_right_is_trimmed),
        cmocka_unit_test(test_out_of_order_every_segment_is_answered),
        cmocka_unit_test(test_out_of_order_text_leaves_the_window_alone),
        cmocka_unit_test(test_out_of_order_fin_waits_for_the_hole),
        cmocka_unit_test(test_out_of_order_fin_alone_then_text_closes),
        cmocka_unit_test(test_out_of_order_fin_known_text_beyond_it_is_not_text),
        cmocka_unit_test(test_out_of_order_fin_before_known_text_closes_nothing_yet),
        cmocka_unit_test(test_out_of_order_two_fins_the_first_counts),
        cmocka_unit_test(test_out_of_order_fin_at_rcv_nxt_while_text_waits),
        cmocka_unit_test(test_out_of_order_across_the_wrap),
        cmocka_unit_test(test_out_of_order_random_segments_deliver_the_stream),
    };
    int failed = cmocka_run_group_tests(full, NULL, NULL);
    failed += cmocka_run_group_tests(tests, NULL, NULL);
    give_room(64);
    return failed + cmocka_run_group_tests_name("tests, room for 64 ranges", tests, NULL, NULL);
}
