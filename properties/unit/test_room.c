/* The room that a connection is given (tfsm_make_room()): how much of what comes out of order and of what the peer holds
 * it remembers, what becomes of more, and that the room is part of the TCB: it is copied, checked and kept with it. The
 * fixture watches that nothing is written behind it. */
#include "fixture.h"

#include "whole.h"

/* A TCB elsewhere, with guards behind the most it may have. */
union elsewhere {
    TFSM_ROOMY_TCB(ROOM_MOST);
    uint8_t guarded[TFSM_TCB_SIZE(ROOM_MOST) + 64];
};

static struct fixture *roomy(void **state, unsigned ranges)
{
    give_room(ranges);
    struct fixture *f = fresh(state);
    assert_int_equal(f->tcb.room, ranges);
    return f;
}

static struct fixture *roomy_established(void **state, unsigned ranges)
{
    struct fixture *f = roomy(state, ranges);
    reach_established(f);
    return f;
}

static struct fixture *with_sack(void **state, unsigned ranges)
{
    struct fixture *f = roomy(state, ranges);
    f->cfg.profile |= TFSM_SACK;
    f->cfg.snd_buff = 60000;
    f->peer.options |= TFSM_OPT_SACK_PERMITTED;
    f->peer.wnd = 60000;
    reach_established(f);
    return f;
}

/* Octet 10 * (i + 1) of the peer's stream, and nothing beside it. */
static void island(struct fixture *f, uint32_t i)
{
    arrive(f, .flags = TFSM_ACK, .seq = 10 * ((int64_t)i + 1) - (int64_t)f->readable, .text = 1);
    expect_delivered(f, 0);
}

static void islands(struct fixture *f, uint32_t from, uint32_t to)
{
    struct tfsm_segment out;
    for (uint32_t i = from; i < to; i++) {
        island(f, i);
        assert_int_equal(f->fx.text_count, 1);
        assert_int_equal(f->tcb.ooo_count, i + 1);
        (void)drain(f, &out, 1);
    }
}

/* ---- giving it ---- */

/* tfsm.h: of a TCB that is not CLOSED nothing is changed. */
static void test_room_is_given_in_closed_only(void **state)
{
    give_room(64);
    for (unsigned i = 0; i < TFSM_STATES; i++) {
        struct fixture *f = fresh(state);
        reach(f, (enum tfsm_state)i);
        copy_tcb_into(&f->before, &f->tcb);
        assert_int_equal(tfsm_make_room(&f->tcb, 9), i == TFSM_CLOSED);
        assert_int_equal(f->tcb.room, i == TFSM_CLOSED ? 9 : 64);
        f->before.room = f->tcb.room;
        expect_unchanged(f);
    }
}

static void test_room_has_bounds(void **state)
{
    static const struct tfsm_tcb empty;
    struct tfsm_tcb tcb = {0};
    (void)state;
    assert_false(tfsm_make_room(&tcb, TFSM_ROOM_MAX + 1));
    assert_false(tfsm_make_room(&tcb, UINT16_MAX + 1u));
    assert_false(tfsm_make_room(&tcb, UINT32_MAX));
    assert_memory_equal(&tcb, &empty, sizeof tcb);
    assert_true(tfsm_make_room(&tcb, TFSM_ROOM_MAX));
    assert_int_equal(tfsm_check(&tcb), TFSM_OK);
    assert_int_equal(tfsm_tcb_size(&tcb), TFSM_TCB_SIZE(TFSM_ROOM_MAX));
    tcb.room++;
    assert_int_equal(tfsm_check(&tcb), TFSM_CLAUSE_ROOM);
}

static void test_room_has_a_size(void **state)
{
    struct tfsm_tcb tcb = {0};
    (void)state;
    assert_int_equal(tfsm_tcb_size(&tcb), sizeof tcb);
    for (unsigned ranges = 1; ranges <= TFSM_ROOM_MAX; ranges++) {
        assert_true(tfsm_make_room(&tcb, ranges));
        assert_int_equal(tfsm_tcb_size(&tcb), TFSM_TCB_SIZE(ranges));
        /* a range, and with what lies before it two runs; one range more, and a few runs */
        assert_in_range(tfsm_tcb_size(&tcb) - sizeof tcb, 24 * (size_t)ranges + 8,
                        24 * (size_t)ranges + 200);
    }
    assert_true(tfsm_make_room(&tcb, 0));
    assert_int_equal(tfsm_tcb_size(&tcb), sizeof tcb);
}

/* ---- what comes ---- */

/* tfsm.h, RFC9293:SHLD-31: so many ranges are remembered, and what would be one more is not taken. */
static void test_room_as_many_holes_as_promised(void **state)
{
    static const unsigned rooms[] = {1, 2, 7, 8, 9, 63, 64, 256};
    for (unsigned i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        struct fixture *f = roomy_established(state, rooms[i]);
        islands(f, 0, rooms[i]);
        for (uint32_t k = 0; k < rooms[i]; k++) {
            assert_int_equal(tfsm_out_of_order(&f->tcb)[k].left, f->irs + 1 + 10 * (k + 1));
            assert_int_equal(tfsm_out_of_order(&f->tcb)[k].right, f->irs + 2 + 10 * (k + 1));
        }
        island(f, rooms[i]);
        assert_int_equal(f->fx.text_count, 0);
        assert_int_equal(f->tcb.ooo_count, rooms[i]);
        expect_ack(f);
    }
}

static void test_room_of_0_is_what_a_tcb_has_by_itself(void **state)
{
    struct fixture *f = roomy(state, 64);
    assert_true(tfsm_make_room(&f->tcb, 0));
    memset(f->guarded + sizeof f->tcb, 0x5a, sizeof f->guarded - sizeof f->tcb);
    reach_established(f);
    islands(f, 0, TFSM_ROOM_OWN);
    island(f, TFSM_ROOM_OWN);
    assert_int_equal(f->fx.text_count, 0);
    assert_ptr_equal(tfsm_out_of_order(&f->tcb), f->tcb.ooo);
    assert_ptr_equal(tfsm_sent_runs(&f->tcb), f->tcb.sent);
}

/* From the highest down, and then the holes from the lowest up. */
static void test_room_holes_are_filled_one_by_one(void **state)
{
    struct tfsm_segment out;
    struct fixture *f = roomy_established(state, 256);
    for (uint32_t i = 256; i-- > 0;) {
        island(f, i);
        assert_int_equal(f->tcb.ooo_count, 256 - i);
    }
    for (uint32_t i = 0; i < 256; i++) {
        arrive(f, .flags = TFSM_ACK, .text = i == 0 ? 10 : 9);
        expect_delivered(f, i == 0 ? 11 : 10);
        assert_int_equal(f->tcb.ooo_count, 255 - i);
        assert_int_equal(drain(f, &out, 1), 1);
    }
}

/* B37: what begins at RCV.NXT is never refused, however many ranges there are; and a range grows. */
static void test_room_full_takes_what_begins_at_rcv_nxt(void **state)
{
    static const unsigned rooms[] = {1, 9, 64, 256};
    for (unsigned i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        struct fixture *f = roomy_established(state, rooms[i]);
        islands(f, 0, rooms[i]);
        for (uint32_t at = 0; at < 5; at++) {
            arrive(f, .flags = TFSM_ACK, .text = 1);
            expect_text(f, 0, at, 0, 1);
            expect_delivered(f, 1);
        }
        arrive(f, .flags = TFSM_ACK, .seq = 11 - 5, .text = 3);
        expect_text(f, 0, 11, 0, 3);
        arrive(f, .flags = TFSM_ACK, .seq = 8 - 5, .text = 2);
        expect_text(f, 0, 8, 0, 2);
        assert_int_equal(f->tcb.ooo_count, rooms[i]);
        arrive(f, .flags = TFSM_ACK, .text = 3);
        expect_delivered(f, 9);
        assert_int_equal(f->tcb.ooo_count, rooms[i] - 1);
        assert_int_equal(f->readable, 14);
    }
}

/* tfsm_types.h: what is taken of one segment falls into so many pieces, and the rest comes again. */
static void test_room_segment_across_many_ranges_is_taken_in_part(void **state)
{
    struct fixture *f = roomy_established(state, 64);
    islands(f, 0, 64);
    uint32_t delivered = 0;
    for (unsigned turns = 0; delivered < 700; turns++) {
        arrive(f, .flags = TFSM_ACK, .text = 700 - delivered);
        uint32_t pieces = f->fx.text_count;
        assert_int_equal(pieces, turns < 6 ? TFSM_PIECES_MAX : 5);
        /* ten octets before the first island, and nine before others */
        for (uint32_t i = 0; i < pieces; i++) {
            uint32_t at = i == 0 && turns == 0 ? 0 : 100 * turns + 10 * i + 1;
            uint32_t len = turns == 6 && i == 4 ? 59 : i == 0 && turns == 0 ? 10 : 9;
            expect_text(f, i, at, at - delivered, len);
        }
        uint32_t want = turns < 6 ? 101 + 100 * turns : 700;
        expect_delivered(f, want - delivered);
        delivered = want;
        assert_int_equal(f->tcb.ooo_count, turns < 6 ? 54 - 10 * turns : 0);
        expect_ack(f);
    }
}

/* The same where the front is still missing: ranges become one. */
static void test_room_segment_across_many_ranges_out_of_order(void **state)
{
    struct fixture *f = roomy_established(state, 64);
    islands(f, 0, 64);
    arrive(f, .flags = TFSM_ACK, .seq = 5, .text = 695);
    assert_int_equal(f->fx.text_count, TFSM_PIECES_MAX);
    expect_text(f, 0, 5, 0, 5);
    expect_text(f, 9, 91, 86, 9);
    expect_delivered(f, 0);
    assert_int_equal(f->tcb.ooo_count, 55);
    assert_int_equal(tfsm_out_of_order(&f->tcb)[0].left, f->irs + 1 + 5);
    assert_int_equal(tfsm_out_of_order(&f->tcb)[0].right, f->irs + 1 + 101);
    assert_int_equal(tfsm_out_of_order(&f->tcb)[1].left, f->irs + 1 + 110);
    expect_ack(f);
}

/* A FIN behind text that is taken in part waits for the rest of it. */
static void test_room_fin_of_a_segment_taken_in_part_waits(void **state)
{
    struct tfsm_segment out;
    struct fixture *f = roomy_established(state, 64);
    islands(f, 0, 20);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 300);
    expect_delivered(f, 101);
    expect_state(f, TFSM_ESTABLISHED);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK, .text = 199);
    expect_delivered(f, 100);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK, .text = 99);
    expect_delivered(f, 99);
    expect_state(f, TFSM_CLOSE_WAIT);
}

/* RFC2018:4e, RFC2018:4f: the newest comes first, then those that were told last. */
static void test_room_newest_ranges_are_reported(void **state)
{
    static const unsigned rooms[] = {64, 256};
    for (unsigned r = 0; r < sizeof rooms / sizeof rooms[0]; r++) {
        struct fixture *f = with_sack(state, rooms[r]);
        for (uint32_t i = 0; i < rooms[r]; i++) {
            uint32_t at = i * 37 % rooms[r]; /* in no order */
            island(f, at);
            struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1);
            assert_int_equal(s.sacks, i < 3 ? i + 1 : 4);
            for (uint32_t k = 0; k < s.sacks; k++) {
                uint32_t was = (i - k) * 37 % rooms[r];
                assert_int_equal(seq_distance(f->irs + 1, s.sack[k].left), 10 * (was + 1));
                assert_int_equal(seq_distance(s.sack[k].left, s.sack[k].right), 1);
            }
            expect_nothing(f);
        }
        assert_int_equal(f->tcb.ooo_count, rooms[r]);
    }
}

/* ---- what is sent ---- */

static void sacked(struct fixture *f, uint32_t left, uint32_t right)
{
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_ACK});
    s.sack[0].left = seq_add(f->iss, 1 + left);
    s.sack[0].right = seq_add(f->iss, 1 + right);
    s.sacks = 1;
    s.options = TFSM_OPT_SACK;
    arrive_segment(f, &s);
}

static unsigned held_count(const struct tfsm_tcb *tcb)
{
    unsigned count = 0;
    for (unsigned i = 0; i < tcb->sent_count; i++) {
        count += tfsm_sent_runs(tcb)[i].at == TFSM_HELD;
    }
    return count;
}

/* So many segments of a hundred octets out. */
static void small_out(struct fixture *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        user_send(f, 100);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + 100 * (int64_t)i, .ack = 1,
                             .len = 100);
    }
}

/* RFC2018:5a: every other segment is held, and remembered while there is room; the timer goes off and nothing is sent
 * again but what is not held. */
static void test_room_holds_what_the_peer_holds(void **state)
{
    static const unsigned rooms[] = {1, 9, 64, 256};
    for (unsigned r = 0; r < sizeof rooms / sizeof rooms[0]; r++) {
        struct fixture *f = with_sack(state, rooms[r]);
        small_out(f, 2 * rooms[r]);
        for (uint32_t i = 0; i < rooms[r]; i++) {
            sacked(f, 200 * i + 100, 200 * i + 200);
            struct tfsm_segment out;
            while (take(f, &out)) {
                assert_int_equal(seq_distance(f->iss + 1, out.seq) % 200, 0);
                assert_int_equal(out.len, 100);
            }
            assert_int_equal(held_count(&f->tcb), i + 1);
            assert_int_equal(f->tcb.snd_held, 100 * (i + 1));
        }
        arrive(f, .flags = TFSM_ACK, .ack = 200 * (int64_t)rooms[r]);
        assert_int_equal(f->fx.acknowledged, 200 * rooms[r]);
        assert_int_equal(f->tcb.sent_count, 0);
        assert_int_equal(f->tcb.snd_held, 0);
    }
}

/* More ranges than there is room for do no harm: the lowest are known. */
static void test_room_more_held_than_there_is_room_for(void **state)
{
    struct tfsm_segment out;
    struct fixture *f = with_sack(state, 64);
    small_out(f, 300);
    for (uint32_t i = 0; i < 150; i++) {
        sacked(f, 200 * i + 100, 200 * i + 200);
        (void)drain(f, &out, 1);
        assert_in_range(held_count(&f->tcb), i < 64 ? i + 1 : 64, i < 64 ? i + 1 : 66);
    }
    for (unsigned i = 0; i < 64; i++) { /* they stand between those that are not held */
        assert_int_equal(seq_distance(f->iss + 1, tfsm_sent_runs(&f->tcb)[2 * i + 1].right),
                         200 * i + 200);
    }
    arrive(f, .flags = TFSM_ACK, .ack = 30000);
    assert_int_equal(f->fx.acknowledged, 30000);
}

/* ---- it is kept ---- */

static void fills(struct fixture *f, unsigned ranges)
{
    islands(f, 0, ranges);
    island(f, ranges);
    assert_int_equal(f->fx.text_count, 0);
}

/* RFC9293:3.10.7.4: DELETE TCB takes the connection, and the next has the same room. */
static void test_room_survives_the_connection(void **state)
{
    struct tfsm_segment out;
    struct fixture *f = roomy_established(state, 64);
    fills(f, 64);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
    assert_int_equal(f->tcb.room, 64);
    reach_established(f);
    fills(f, 64);
    user_abort(f);
    (void)drain(f, &out, 1);
    assert_int_equal(f->tcb.room, 64);
    reach_time_wait(f);
    expire(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    assert_int_equal(f->tcb.room, 64);
    reach_established_passive(f);
    fills(f, 64);
}

static void test_room_survives_back_to_listen(void **state)
{
    struct fixture *f = roomy(state, 64);
    reach_syn_received(f);
    arrive(f, .flags = TFSM_RST);
    expect_state(f, TFSM_LISTEN);
    assert_int_equal(f->tcb.room, 64);
    arrive(f, .flags = TFSM_SYN);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    fills(f, 64);
}

/* ---- it is checked ---- */

/* The ranges behind a TCB, to write in. */
static struct tfsm_range *ranges_of(struct fixture *f)
{
    return (struct tfsm_range *)(void *)(f->octets + sizeof f->tcb);
}

static struct tfsm_sent *runs_of(struct fixture *f)
{
    return (struct tfsm_sent *)(void *)(ranges_of(f) + TFSM_OOO_SLOTS(f->tcb.room));
}

static void test_room_stands_right_behind(void **state)
{
    struct fixture *f = roomy(state, 64);
    assert_ptr_equal(tfsm_out_of_order(&f->tcb), ranges_of(f));
    assert_ptr_equal(tfsm_sent_runs(&f->tcb), runs_of(f));
    assert_ptr_equal(runs_of(f) + TFSM_SENT_SLOTS(64), f->octets + tfsm_tcb_size(&f->tcb));
}

/* Each range is looked at, the first as the last, and no other than those in use. */
static void test_room_ranges_are_checked(void **state)
{
    static const uint32_t places[] = {0, 1, 31, 62, 63};
    struct fixture *f = roomy_established(state, 64);
    islands(f, 0, 64);
    struct tfsm_range *ranges = ranges_of(f);
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct tfsm_range *range = &ranges[places[i]];
        const struct tfsm_range right = *range;
        assert_int_equal(tfsm_check(&f->tcb), TFSM_OK);
        range->right = range->left;
        assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_OOO_SORTED);
        range->right = places[i] < 63 ? ranges[places[i] + 1].left : f->tcb.rcv_nxt;
        assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_OOO_SORTED);
        range->right = seq_add(f->tcb.rcv_nxt, f->tcb.rcv_wnd + 1);
        assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_OOO_IN_WINDOW);
        *range = right;
    }
    ranges[0].left = f->tcb.rcv_nxt;
    assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_OOO_WAITS);
    ranges[0].left++;
    f->tcb.rcv_fin = seq_sub(ranges[63].right, 1);
    f->tcb.flags |= TFSM_M_PEER_FIN;
    assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_OOO_BEFORE_FIN);
    f->tcb.rcv_fin++;
    assert_int_equal(tfsm_check(&f->tcb), TFSM_OK);
    f->tcb.ooo_count = 63;
    ranges[63] = (struct tfsm_range){1, 0};
    assert_int_equal(tfsm_check(&f->tcb), TFSM_OK);
}

static void test_room_runs_are_checked(void **state)
{
    struct tfsm_segment out;
    struct fixture *f = with_sack(state, 64);
    small_out(f, 128);
    for (uint32_t i = 0; i < 64; i++) {
        sacked(f, 200 * i + 100, 200 * i + 200);
        (void)drain(f, &out, 1);
    }
    assert_int_equal(f->tcb.sent_count, 128);
    struct tfsm_sent *runs = runs_of(f);
    for (unsigned i = 0; i < 128; i++) {
        const struct tfsm_sent right = runs[i];
        assert_int_equal(tfsm_check(&f->tcb), TFSM_OK);
        runs[i].right++;
        assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_SCOREBOARD);
        runs[i] = right;
        runs[i].right = i > 0 ? runs[i - 1].right : f->tcb.snd_una;
        assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_SCOREBOARD);
        runs[i] = right;
        runs[i].at ^= TFSM_HELD;
        assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_SCOREBOARD);
        runs[i] = right;
    }
}

/* Before our SYN is acknowledged nothing is remembered of what is in flight, and no timer asks for it. */
static void test_room_no_runs_before_the_handshake(void **state)
{
    struct fixture *f = roomy(state, 64);
    f->cfg.profile |= TFSM_SACK;
    f->peer.options |= TFSM_OPT_SACK_PERMITTED;
    reach(f, TFSM_SYN_RECEIVED);
    const struct tfsm_tcb right = f->tcb;
    assert_int_equal(tfsm_check(&f->tcb), TFSM_OK);
    runs_of(f)[0] = (struct tfsm_sent){f->tcb.snd_nxt, TFSM_AGAIN};
    f->tcb.sent_count = 1;
    assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_SCOREBOARD);
    f->tcb = right;
    f->tcb.loss |= TFSM_L_REORDERING;
    f->tcb.at_early = f->tcb.at_rtx;
    assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_EARLY_TIMER);
    f->tcb = right;
    f->tcb.loss |= TFSM_L_OWE_PROBE;
    assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_EARLY_TIMER);
}

/* ---- it is copied ---- */

static uint32_t next_random(uint32_t *seed)
{
    *seed = (uint32_t)(((uint64_t)*seed * 1664525u + 1013904223u) & 0xffffffffu);
    return *seed >> 8;
}

/* The same connection in another room, its ranges and runs moved there whether they fit or not. */
static enum tfsm_clause check_in(const struct tfsm_tcb *tcb, unsigned room)
{
    static union elsewhere to;
    copy_bare_tcb(&to.tcb, tcb);
    to.tcb.room = (uint16_t)room;
    uint8_t *behind = to.octets + sizeof to.tcb;
    memcpy(behind, tfsm_out_of_order(tcb), tcb->ooo_count * sizeof(struct tfsm_range));
    memcpy(behind + TFSM_OOO_SLOTS(room) * sizeof(struct tfsm_range), tfsm_sent_runs(tcb),
           tcb->sent_count * sizeof(struct tfsm_sent));
    return tfsm_check(&to.tcb);
}

/* More than there are places for is wrong, whatever it is. */
static void test_room_bounds_are_checked(void **state)
{
    struct tfsm_segment out;
    struct fixture *f = roomy_established(state, 256);
    islands(f, 0, 66);
    assert_int_equal(check_in(&f->tcb, 65), TFSM_OK);
    assert_int_equal(check_in(&f->tcb, 64), TFSM_CLAUSE_OOO_SORTED);

    f = with_sack(state, 256);
    small_out(f, 132);
    for (uint32_t i = 0; i < 66; i++) {
        sacked(f, 200 * i + 100, 200 * i + 200);
        (void)drain(f, &out, 1);
    }
    assert_int_equal(f->tcb.sent_count, 132);
    assert_int_equal(check_in(&f->tcb, 64), TFSM_OK);
    struct tfsm_sent *runs = runs_of(f);
    memmove(&runs[1], &runs[0], 132 * sizeof *runs);
    runs[0].right--; /* the first was sent again, but for its last octet */
    runs[0].at = TFSM_AGAIN;
    runs[1].at = 0;
    f->tcb.sent_count = 133;
    f->tcb.snd_lost = 0;
    for (unsigned i = 2; i < 133; i++) {
        runs[i].at &= TFSM_HELD;
    }
    assert_int_equal(tfsm_check(&f->tcb), TFSM_OK);
    assert_int_equal(check_in(&f->tcb, 65), TFSM_OK);
    assert_int_equal(check_in(&f->tcb, 64), TFSM_CLAUSE_SCOREBOARD);
}

/* What may happen at any time: text of theirs and ours, blocks, a timeout. */
static struct tfsm_event any_event(struct fixture *f, uint32_t *seed)
{
    uint32_t kind = next_random(seed) % 8;
    struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT, .now = f->now, .iss = f->iss};
    if (kind == 0) {
        f->now = tfsm_deadline(&f->tcb) < f->now + SECOND ? tfsm_deadline(&f->tcb) : f->now + 1000;
        return (struct tfsm_event){.kind = TFSM_EV_TIMEOUT, .now = f->now};
    }
    if (kind == 1) {
        return (struct tfsm_event){
            .kind = TFSM_EV_SEND, .now = f->now, .len = 100 + next_random(seed) % 1000};
    }
    if (kind == 2) {
        return (struct tfsm_event){
            .kind = TFSM_EV_RECEIVE, .now = f->now, .len = next_random(seed) % 5000};
    }
    struct from_peer what = {.flags = TFSM_ACK};
    what.seq = kind < 7 ? (int64_t)(next_random(seed) % BUFF) : 0;
    what.text = next_random(seed) % 3 == 0 ? 0 : 1 + next_random(seed) % (kind < 7 ? 40 : 400);
    what.ack = kind == 3 ? (int64_t)(next_random(seed) % (in_flight(f) + 1)) : 0;
    ev.segment = segment_of(f, what);
    uint32_t flight = in_flight(f);
    if (flight > 100) {
        ev.segment.options = TFSM_OPT_SACK;
        ev.segment.sacks = (uint8_t)(1 + next_random(seed) % 3);
        for (unsigned i = 0; i < ev.segment.sacks; i++) {
            uint32_t at = next_random(seed) % (flight - 50);
            ev.segment.sack[i].left = seq_add(f->tcb.snd_una, at);
            ev.segment.sack[i].right = seq_add(f->tcb.snd_una, at + 1 + next_random(seed) % 50);
        }
    }
    return ev;
}

/* tfsm.h: a copy of as many octets as tfsm_tcb_size() says is a snapshot: it goes the same way from there. */
static void test_room_copy_goes_the_same_way(void **state)
{
    static const unsigned rooms[] = {0, 9, 64, 256};
    static union elsewhere copy;
    for (unsigned r = 0; r < sizeof rooms / sizeof rooms[0]; r++) {
        struct fixture *f = with_sack(state, rooms[r]);
        uint32_t seed = 7 + r;
        unsigned most = 0;
        for (unsigned i = 0; i < 6000 && f->tcb.state == TFSM_ESTABLISHED; i++) {
            static struct tfsm_effects fx;
            struct tfsm_segment ours;
            struct tfsm_segment theirs;
            const size_t size = tfsm_tcb_size(&f->tcb);
            memset(copy.guarded, 0xa5, sizeof copy.guarded);
            memcpy(copy.octets, f->octets, size);
            struct tfsm_event ev = any_event(f, &seed);
            enum tfsm_result result = tfsm_step(&copy.tcb, &f->cfg, &ev, &fx);
            assert_int_equal(fixture_step(HERE(f), &ev), result);
            assert_true(same_tcb(&f->tcb, &copy.tcb));
            while (take(f, &ours)) {
                assert_true(tfsm_output(&copy.tcb, &f->cfg, f->now, &theirs));
                assert_int_equal(theirs.seq, ours.seq);
                assert_int_equal(theirs.len, ours.len);
                assert_true(same_tcb(&f->tcb, &copy.tcb));
            }
            for (size_t k = size; k < size + 64; k++) {
                assert_int_equal(copy.guarded[k], 0xa5);
            }
            most = f->tcb.ooo_count > most ? f->tcb.ooo_count : most;
        }
        unsigned room = rooms[r] > 0 ? rooms[r] : TFSM_ROOM_OWN;
        assert_in_range(most, room < 40 ? room : 40, room + 1);
    }
}

/* Ranges and runs are the same, and so is all else but the room; places of its own that it does not use are zero. */
static void assert_copied(const struct tfsm_tcb *to, const struct tfsm_tcb *from, unsigned room)
{
    static const uint8_t zero[sizeof to->sent];
    static struct whole bare[2];
    unsigned ranges = room > 0 ? 0 : to->ooo_count;
    unsigned runs = room > 0 ? 0 : to->sent_count;
    assert_memory_equal(&to->ooo[ranges], zero, sizeof to->ooo - ranges * sizeof to->ooo[0]);
    assert_memory_equal(&to->sent[runs], zero, sizeof to->sent - runs * sizeof to->sent[0]);
    assert_int_equal(to->room, room);
    assert_int_equal(tfsm_check(to), TFSM_OK);
    assert_memory_equal(tfsm_out_of_order(to), tfsm_out_of_order(from),
                        from->ooo_count * sizeof(struct tfsm_range));
    assert_memory_equal(tfsm_sent_runs(to), tfsm_sent_runs(from),
                        from->sent_count * sizeof(struct tfsm_sent));
    const struct tfsm_tcb *const both[2] = {to, from};
    for (unsigned i = 0; i < 2; i++) {
        copy_bare_tcb(&bare[i].tcb, both[i]);
        bare[i].tcb.room = 0;
        memset(bare[i].tcb.ooo, 0, sizeof bare[i].tcb.ooo);
        memset(bare[i].tcb.sent, 0, sizeof bare[i].tcb.sent);
    }
    assert_true(same_bare_tcb(&bare[0].tcb, &bare[1].tcb));
}

/* A connection with so many ranges of either kind. */
static struct fixture *in_use(void **state, unsigned ranges, unsigned room)
{
    struct tfsm_segment out;
    struct fixture *f = with_sack(state, room);
    small_out(f, 2 * ranges);
    for (uint32_t i = 0; i < ranges; i++) {
        island(f, i);
        sacked(f, 200 * i + 100, 200 * i + 200);
        (void)drain(f, &out, 1);
    }
    assert_int_equal(f->tcb.ooo_count, ranges);
    assert_int_equal(held_count(&f->tcb), ranges);
    return f;
}

/* whole.h: the harness copies and compares what is in use behind a TCB, too, and nothing else. */
static void test_room_is_part_of_what_the_harness_keeps(void **state)
{
    static struct whole kept;
    struct fixture *f = in_use(state, 20, 64);
    copy_tcb(&kept, &f->tcb);
    assert_true(same_tcb(&kept.tcb, &f->tcb));
    for (unsigned i = 0; i < TFSM_OOO_SLOTS(64); i++) {
        ranges_of(f)[i].right++;
        assert_int_equal(same_tcb(&kept.tcb, &f->tcb), i >= 20);
        ranges_of(f)[i].right--;
    }
    for (unsigned i = 0; i < TFSM_SENT_SLOTS(64); i++) {
        runs_of(f)[i].at++;
        assert_int_equal(same_tcb(&kept.tcb, &f->tcb), i >= f->tcb.sent_count);
        runs_of(f)[i].at--;
    }
    f->tcb.cwnd++;
    assert_false(same_tcb(&kept.tcb, &f->tcb));
    f->tcb.cwnd--;
    f->tcb.room = 63;
    assert_false(same_tcb(&kept.tcb, &f->tcb));
}

/* tfsm.h: to more room or to less of it, as long as the ranges fit. */
static void test_room_copy_to_another_room(void **state)
{
    static const unsigned rooms[] = {0, 8, 9, 64, 256};
    static union elsewhere to;
    for (unsigned r = 0; r < 5; r++) {
        for (unsigned k = 0; k < 5; k++) {
            struct fixture *f = in_use(state, TFSM_ROOM_OWN, rooms[r]);
            memset(to.guarded, 0xa5, sizeof to.guarded);
            to.tcb.state = TFSM_CLOSED; /* whatever else is written there */
            assert_true(tfsm_make_room(&to.tcb, rooms[k]));
            assert_true(tfsm_copy(&to.tcb, &f->tcb));
            assert_copied(&to.tcb, &f->tcb, rooms[k]);
            for (size_t i = tfsm_tcb_size(&to.tcb); i < sizeof to.guarded; i++) {
                assert_int_equal(to.guarded[i], 0xa5);
            }
        }
    }
}

/* And goes on there as a connection of that room: when it is over CLOSED is empty. */
static void test_room_copy_lives_on(void **state)
{
    static const unsigned rooms[] = {0, 64};
    static union elsewhere to;
    for (unsigned r = 0; r < 2; r++) {
        struct fixture *f = in_use(state, TFSM_ROOM_OWN, rooms[1 - r]);
        memset(&to.tcb, 0, sizeof to.tcb);
        assert_true(tfsm_make_room(&to.tcb, rooms[r]));
        assert_true(tfsm_copy(&to.tcb, &f->tcb));
        memcpy(f->octets, to.octets, tfsm_tcb_size(&to.tcb));
        memset(f->guarded + tfsm_tcb_size(&to.tcb), 0x5a,
               sizeof f->guarded - tfsm_tcb_size(&to.tcb));
        island(f, TFSM_ROOM_OWN);
        assert_int_equal(f->fx.text_count, rooms[r] > 0);
        arrive(f, .flags = TFSM_ACK, .text = 10);
        expect_delivered(f, 11);
        arrive(f, .flags = TFSM_RST);
        expect_gone(f, TFSM_SIG_RESET);
        assert_int_equal(f->tcb.room, rooms[r]);
    }
}

/* tfsm.h: false, and nothing is written, where they do not fit. */
static void test_room_copy_that_does_not_fit(void **state)
{
    static union elsewhere to;
    static union elsewhere before;
    static const struct {
        unsigned ranges;
        unsigned from;
        unsigned to;
        bool fits;
    } cases[] = {{9, 64, 0, true},     {20, 64, 0, false},  {10, 64, 9, true},   {64, 64, 63, true},
                 {64, 256, 61, false}, {64, 256, 64, true}, {66, 256, 64, false}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *f = in_use(state, cases[i].ranges, cases[i].from);
        memset(to.guarded, 0xa5, sizeof to.guarded);
        memset(&to.tcb, 0, sizeof to.tcb);
        assert_true(tfsm_make_room(&to.tcb, cases[i].to));
        memcpy(&before, &to, sizeof to);
        bool fits = tfsm_copy(&to.tcb, &f->tcb);
        assert_int_equal(fits, cases[i].fits);
        if (fits) {
            assert_copied(&to.tcb, &f->tcb, cases[i].to);
        } else {
            assert_memory_equal(&to, &before, sizeof to);
        }
    }
}

/* One of the two alone is enough not to fit. */
static void test_room_copy_asks_for_both_kinds(void **state)
{
    static union elsewhere to;
    struct fixture *f = roomy_established(state, 64);
    islands(f, 0, 10);
    memset(&to.tcb, 0, sizeof to.tcb);
    assert_false(tfsm_copy(&to.tcb, &f->tcb));
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_true(tfsm_copy(&to.tcb, &f->tcb));

    struct tfsm_segment out;
    f = with_sack(state, 64);
    small_out(f, 22);
    for (uint32_t i = 0; i < 11; i++) {
        sacked(f, 200 * i + 100, 200 * i + 200);
        (void)drain(f, &out, 1);
    }
    assert_int_equal(f->tcb.sent_count, 22);
    memset(&to.tcb, 0, sizeof to.tcb);
    assert_false(tfsm_copy(&to.tcb, &f->tcb));
    arrive(f, .flags = TFSM_ACK, .ack = 200);
    assert_int_equal(f->tcb.sent_count, 20);
    assert_true(tfsm_copy(&to.tcb, &f->tcb));
    assert_copied(&to.tcb, &f->tcb, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_is_given_in_closed_only),
        cmocka_unit_test(test_room_has_bounds),
        cmocka_unit_test(test_room_has_a_size),
        cmocka_unit_test(test_room_as_many_holes_as_promised),
        cmocka_unit_test(test_room_of_0_is_what_a_tcb_has_by_itself),
        cmocka_unit_test(test_room_holes_are_filled_one_by_one),
        cmocka_unit_test(test_room_full_takes_what_begins_at_rcv_nxt),
        cmocka_unit_test(test_room_segment_across_many_ranges_is_taken_in_part),
        cmocka_unit_test(test_room_segment_across_many_ranges_out_of_order),
        cmocka_unit_test(test_room_fin_of_a_segment_taken_in_part_waits),
        cmocka_unit_test(test_room_newest_ranges_are_reported),
        cmocka_unit_test(test_room_holds_what_the_peer_holds),
        cmocka_unit_test(test_room_more_held_than_there_is_room_for),
        cmocka_unit_test(test_room_survives_the_connection),
        cmocka_unit_test(test_room_survives_back_to_listen),
        cmocka_unit_test(test_room_stands_right_behind),
        cmocka_unit_test(test_room_ranges_are_checked),
        cmocka_unit_test(test_room_runs_are_checked),
        cmocka_unit_test(test_room_no_runs_before_the_handshake),
        cmocka_unit_test(test_room_bounds_are_checked),
        cmocka_unit_test(test_room_copy_goes_the_same_way),
        cmocka_unit_test(test_room_is_part_of_what_the_harness_keeps),
        cmocka_unit_test(test_room_copy_to_another_room),
        cmocka_unit_test(test_room_copy_lives_on),
        cmocka_unit_test(test_room_copy_that_does_not_fit),
        cmocka_unit_test(test_room_copy_asks_for_both_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
