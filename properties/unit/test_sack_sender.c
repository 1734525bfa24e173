/* Selective acknowledgment, the sender's side: what is remembered of the peer's blocks (RFC 2018
 * sections 5 and 8), and the loss recovery that follows from it (RFC 6675). Octets of our stream
 * are counted from 0: SEG.ACK n acknowledges n of them, a block {l, r} tells of the octets l ..
 * r-1. Most tests start with ten segments of a thousand octets in flight and a congestion window of
 * as many, so that five may be in flight when recovery begins. */
#include "fixture.h"

#define FLIGHT 10000u /* octets out when a test begins */
#define HALF   5000u  /* the congestion window in recovery */
#define WIDE   60000  /* the peer's window */
#define MOST                                                                                       \
    (TFSM_ROOM_OWN + 2u) /* ranges held that are remembered while nothing else splits runs */

struct block {
    uint32_t left;
    uint32_t right;
};

/* An ACK with these blocks; without any. */
#define sacked(f, ack, ...)                                                                        \
    ack_comes(HERE(f), (ack), (const struct block[]){__VA_ARGS__, {0, 0}}, 0)
#define acked(f, ack) ack_comes(HERE(f), (ack), (const struct block[]){{0, 0}}, 0)
/* The same with text. */
#define sacked_with_text(f, n, ack, ...)                                                           \
    ack_comes(HERE(f), (ack), (const struct block[]){__VA_ARGS__, {0, 0}}, (n))
/* The next segment out bears these octets of our stream. */
#define expect_sent(f, at, n)                                                                      \
    (void)fixture_expect_segment(                                                                  \
        HERE(f), (struct from_us){TFSM_ACK, 1 + (int64_t)(at), 1 + (int64_t)(f)->readable, (n)})
#define expect_recovery(f)    want_recovery(HERE(f), true)
#define expect_no_recovery(f) want_recovery(HERE(f), false)

static void want_recovery(const struct fixture *f, bool want)
{
    if (((f->tcb.flags & TFSM_M_RECOVERY) != 0) != want) {
        print_error("recovery %s\n", want ? "has not begun" : "has begun");
        _fail(f->file, f->line);
    }
}

/* Ranges that the peer is known to hold. */
static unsigned held_count(const struct fixture *f)
{
    unsigned count = 0;
    for (unsigned i = 0; i < f->tcb.sent_count; i++) {
        count += f->tcb.sent[i].at == TFSM_HELD;
    }
    return count;
}

static void ack_comes(struct fixture *f, uint32_t ack, const struct block *blocks, uint32_t text)
{
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_ACK, .text = text});
    uint32_t zero = seq_add(f->iss, 1);
    s.ack = seq_add(zero, ack);
    /* An empty block at 0 ends the list; one elsewhere is for a test. */
    while (s.sacks < TFSM_SACK_MAX && (blocks->left != 0 || blocks->right != 0)) {
        s.sack[s.sacks].left = seq_add(zero, blocks->left);
        s.sack[s.sacks].right = seq_add(zero, blocks->right);
        s.sacks++;
        blocks++;
    }
    s.options = s.sacks > 0 ? TFSM_OPT_SACK : 0;
    arrive_segment(f, &s);
}

/* ---- connections ---- */

static struct fixture *both_offer(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_SACK | TFSM_CONGESTION;
    f->cfg.snd_buff = 20 * BUFF;
    f->cfg.initial_window = 10;
    f->peer.options |= TFSM_OPT_SACK_PERMITTED;
    f->peer.wnd = WIDE;
    return f;
}

static void send_flight(struct fixture *f, uint32_t more)
{
    struct tfsm_segment s;
    user_send(f, FLIGHT + more);
    assert_int_equal(drain(f, &s, 1), FLIGHT / MSS);
    assert_int_equal(in_flight(f), FLIGHT);
}

/* Ten segments out, and so many octets that wait behind them. */
static struct fixture *ten_out(void **state, uint32_t more)
{
    struct fixture *f = both_offer(state);
    reach_established(f);
    send_flight(f, more);
    return f;
}

/* So many segments of a hundred octets out. */
static struct fixture *small_out(void **state, uint32_t n)
{
    struct fixture *f = both_offer(state);
    reach_established(f);
    for (uint32_t i = 0; i < n; i++) {
        user_send(f, 100);
        expect_sent(f, 100 * i, 100);
    }
    return f;
}

/* ---- the scoreboard ---- */

/* RFC2018:5a, RFC6675:4a, RFC6675:5a: two ACKs together tell of more than two segments. */
static void test_sack_sender_blocks_add_up(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 2000});
    expect_no_recovery(f);
    expect_nothing(f);
    sacked(f, 0, {5000, 7000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC6675:4a: octets told twice count once. */
static void test_sack_sender_overlap_counts_once(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 2500}, {1500, 3000});
    expect_no_recovery(f);
    sacked(f, 0, {2000, 3001});
    expect_recovery(f);
}

/* RFC6675:4a: any octets, not only whole segments; in any order. */
static void test_sack_sender_blocks_need_no_order(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {7300, 7400}, {1100, 1200}, {4500, 4600});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC6675:4a: what is acknowledged is not on the scoreboard any more, what is told above stays. */
static void test_sack_sender_cumulative_ack_takes_blocks_away(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 2000});
    acked(f, 3000);
    sacked(f, 3000, {4000, 6000});
    expect_no_recovery(f);
    assert_int_equal(held_count(f), 1);
    sacked(f, 3000, {8000, 8001});
    expect_recovery(f);
}

/* Blocks that are not of this flight: all above RFC6675:5c. */
static const struct block nonsense[] = {
    {2000, 1000},                         /* inverted */
    {3000, 3000},                         /* empty */
    {UINT32_MAX - 500, UINT32_MAX - 100}, /* below SND.UNA */
    {UINT32_MAX - 500, 0},                /* up to SND.UNA */
    {FLIGHT, FLIGHT + 3000},              /* not sent */
    {FLIGHT + 1000, FLIGHT + 3000},
    {5000, FLIGHT + 1}, /* partly not sent */
    {0x80000000u, 0x80001000u},
    {1000, 0x80001000u},
    {0x90000000u, 5000},
};

/* RFC6675:5c, RFC2018:3: a block of octets that were not sent, or of none, tells nothing. */
static void test_sack_sender_nonsense_is_ignored(void **state)
{
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct fixture *f = ten_out(state, 5000);
        for (int k = 0; k < 5; k++) {
            /* Twice, for the first block may be read by other rules. */
            sacked(f, 0, nonsense[i], nonsense[i]);
            expect_no_recovery(f);
            expect_nothing(f);
        }
        assert_int_equal(held_count(f), 0);
        assert_int_equal(f->tcb.cwnd, FLIGHT);
    }
}

/* RFC6675:5a: ... and spoils no other. */
static void test_sack_sender_nonsense_spoils_nothing(void **state)
{
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct fixture *f = ten_out(state, 0);
        sacked(f, 0, nonsense[i], {2000, 4001}, nonsense[i]);
        expect_recovery(f);
        expect_sent(f, 0, 1000);
    }
}

/* RFC6675:5a: what was told of octets before they were sent is not believed afterwards. */
static void test_sack_sender_block_not_sent_is_not_remembered(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {FLIGHT, FLIGHT + 2500});
    acked(f, FLIGHT);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 5);
    sacked(f, FLIGHT, {FLIGHT + 3000, FLIGHT + 4000});
    expect_no_recovery(f);
    assert_int_equal(held_count(f), 1);
}

/* RFC2018:4b: SACK of a peer that was not promised any, or did not ask. */
static void test_sack_sender_without_agreement_blocks_mean_nothing(void **state)
{
    for (int ours = 0; ours < 2; ours++) {
        struct fixture *f = both_offer(state);
        if (ours == 0) {
            f->cfg.profile &= ~(uint32_t)TFSM_SACK;
        } else {
            f->peer.options = TFSM_OPT_MSS;
        }
        reach_established(f);
        send_flight(f, 0);
        sacked(f, 0, {1000, 9000});
        expect_no_recovery(f);
        expect_nothing(f);
        assert_int_equal(held_count(f), 0);
    }
}

/* RFC6675:5a: an ACK that is refused tells nothing. */
static void test_sack_sender_refused_segment_tells_nothing(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, FLIGHT + 1, {1000, 9000});
    expect_refused(f);
    expect_ack(f);
    struct tfsm_segment s = f->arrived;
    s.ack = f->tcb.snd_una;
    s.seq = seq_add(f->tcb.rcv_nxt, 2 * BUFF);
    arrive_segment(f, &s);
    expect_refused(f);
    expect_ack(f);
    assert_int_equal(held_count(f), 0);
}

/* RFC6675:5a: "any ACK": one that a later one has overtaken, too. */
static void test_sack_sender_overtaken_ack_is_used(void **state)
{
    struct fixture *f = ten_out(state, 0);
    acked(f, 2000);
    sacked(f, 1000, {4000, 6001});
    expect_recovery(f);
    expect_sent(f, 2000, 1000);
}

/* RFC6675:5a: but what it tells of SND.UNA itself is contradicted by the later one. */
static void test_sack_sender_overtaken_ack_tells_nothing_of_the_front(void **state)
{
    struct fixture *f = ten_out(state, 0);
    acked(f, 2000);
    sacked(f, 1000, {2000, 6000});
    sacked(f, 1000, {1500, 6000});
    expect_no_recovery(f);
    expect_nothing(f);
    assert_int_equal(held_count(f), 0);
}

/* RFC2018:5a: more ranges than can be remembered do no harm. */
static void test_sack_sender_too_many_ranges_do_no_harm(void **state)
{
    struct fixture *f = both_offer(state);
    f->cfg.initial_window = 50;
    reach_established(f);
    user_send(f, 50000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 50);
    for (uint32_t i = 1; i < 50; i += 2) {
        sacked(f, 0, {1000 * i, 1000 * i + 1000});
        while (take(f, &s)) {
            uint32_t at = seq_distance(f->iss, s.seq) - 1;
            assert_int_equal(at / 1000 % 2, 0);
            assert_int_equal(s.len, 1000);
        }
    }
    expect_recovery(f);
    acked(f, 50000);
    expect_no_recovery(f);
    assert_int_equal(held_count(f), 0);
}

/* RFC2018:5a: as many ranges as can be remembered, of one segment each with one between them. */
static struct fixture *full_scoreboard(void **state)
{
    struct tfsm_segment s;
    struct fixture *f = both_offer(state);
    f->cfg.initial_window = 50;
    reach_established(f);
    user_send(f, 50000);
    assert_int_equal(drain(f, &s, 1), 50);
    for (uint32_t i = 0; i < MOST; i++) {
        sacked(f, 0, {2000 * i + 1000, 2000 * i + 2000});
    }
    assert_int_equal(held_count(f), MOST);
    return f;
}

static void expect_range(const struct fixture *f, unsigned i, uint32_t left, uint32_t right)
{
    for (unsigned k = 0; k < f->tcb.sent_count; k++) {
        if (f->tcb.sent[k].at == TFSM_HELD && i-- == 0) {
            assert_int_equal(seq_distance(f->iss, f->tcb.sent[k - 1].right) - 1, left);
            assert_int_equal(seq_distance(f->iss, f->tcb.sent[k].right) - 1, right);
            return;
        }
    }
    fail();
}

/* RFC2018:5a: a range goes only where there is no place once the whole ACK is through; here the second
 * block of it makes room for the first, be that the highest of all or not. */
static void test_sack_sender_one_ack_makes_room_for_itself(void **state)
{
    struct fixture *f = full_scoreboard(state);
    sacked(f, 0, {21000, 22000}, {1000, 18000});
    assert_int_equal(held_count(f), 3);
    expect_range(f, 0, 1000, 18000);
    expect_range(f, 1, 19000, 20000);
    expect_range(f, 2, 21000, 22000);

    f = full_scoreboard(state);
    sacked(f, 0, {500, 700}, {22000, 23000}, {7000, 18000});
    assert_int_equal(held_count(f), 7);
    expect_range(f, 0, 500, 700);
    expect_range(f, 5, 19000, 20000);
    expect_range(f, 6, 22000, 23000);
}

/* RFC2018:5a: so does SND.UNA, which the same ACK moves. */
static void test_sack_sender_una_makes_room_for_blocks(void **state)
{
    struct fixture *f = full_scoreboard(state);
    sacked(f, 4000, {21000, 22000}, {23000, 24000});
    assert_int_equal(held_count(f), MOST);
    expect_range(f, 0, 5000, 6000);
    expect_range(f, MOST - 1, 23000, 24000);
}

/* RFC2018:5a: what finds no place all the same is the highest. */
static void test_sack_sender_the_highest_range_finds_no_place(void **state)
{
    struct fixture *f = full_scoreboard(state);
    sacked(f, 0, {21000, 22000}, {500, 700}, {17500, 19500});
    assert_int_equal(held_count(f), MOST);
    expect_range(f, 0, 500, 700);
    expect_range(f, MOST - 1, 17000, 20000);
    sacked(f, 0, {23000, 24000}, {300, 400});
    assert_in_range(held_count(f), TFSM_ROOM_OWN, MOST - 1); /* one for what is lost behind it */
    expect_range(f, 0, 300, 400);
    expect_range(f, TFSM_ROOM_OWN - 1, 11000, 12000);
}

/* ---- duplicate acknowledgments ---- */

/* RFC6675:5c: without news a duplicate ACK is none, however often it comes (RFC 6675 8). */
static void test_sack_sender_plain_duplicates_count_for_nothing(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    for (int i = 0; i < 10; i++) {
        acked(f, 0);
        expect_no_recovery(f);
        expect_nothing(f);
    }
    assert_int_equal(f->tcb.cwnd, FLIGHT);
}

/* RFC6675:5c */
static void test_sack_sender_same_news_counts_once(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    for (int i = 0; i < 10; i++) {
        sacked(f, 0, {1000, 2000}, {4000, 4500});
        expect_no_recovery(f);
        sacked(f, 0, {4100, 4500}, {1100, 1900});
        expect_no_recovery(f);
        expect_nothing(f);
    }
}

/* RFC2018:5.1a: one or two ACKs may come of reordering. */
static void test_sack_sender_two_duplicates_do_nothing(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    for (uint32_t i = 1; i <= 2; i++) {
        sacked(f, 0, {1000, 1000 + 1000 * i});
        expect_no_recovery(f);
        expect_nothing(f);
        assert_int_equal(f->tcb.cwnd, FLIGHT);
        assert_true(f->tcb.ssthresh > FLIGHT);
    }
}

/* RFC6675:5d, RFC6675:5f, RFC2018:5.1a: the third halves the window and retransmits the front. */
static void test_sack_sender_third_duplicate_begins_recovery(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {1000, 2000});
    sacked(f, 0, {1000, 3000});
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    assert_int_equal(f->tcb.cwnd, HALF);
    assert_int_equal(f->tcb.ssthresh, HALF);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
}

/* RFC6675:5d: three in number, though they tell of few octets. */
static void test_sack_sender_third_duplicate_of_small_segments(void **state)
{
    struct fixture *f = small_out(state, 6);
    sacked(f, 0, {100, 200});
    sacked(f, 0, {100, 300});
    expect_no_recovery(f);
    expect_nothing(f);
    sacked(f, 0, {100, 400});
    expect_recovery(f);
    expect_sent(f, 0, 100);
}

/* RFC6675:5b */
static void test_sack_sender_cumulative_ack_resets_the_count(void **state)
{
    struct fixture *f = small_out(state, 10);
    sacked(f, 0, {100, 200});
    sacked(f, 0, {100, 300});
    acked(f, 300);
    sacked(f, 300, {400, 500});
    expect_no_recovery(f);
    sacked(f, 300, {400, 600});
    expect_no_recovery(f);
    sacked(f, 300, {400, 700});
    expect_recovery(f);
    expect_sent(f, 300, 100);
}

/* RFC6675:5b, RFC6675:5c: an ACK may reset the count and be the first of the next. */
static void test_sack_sender_cumulative_ack_with_news_counts(void **state)
{
    struct fixture *f = small_out(state, 10);
    sacked(f, 0, {100, 200});
    sacked(f, 0, {100, 300});
    sacked(f, 300, {400, 500});
    expect_no_recovery(f);
    sacked(f, 300, {400, 600});
    expect_no_recovery(f);
    sacked(f, 300, {400, 700});
    expect_recovery(f);
    expect_sent(f, 300, 100);
}

/* RFC6675:5c: with text of its own, or another window. */
static void test_sack_sender_duplicate_may_bear_text_and_a_window(void **state)
{
    struct fixture *f = small_out(state, 6);
    sacked_with_text(f, 50, 0, {100, 200});
    expect_ack(f);
    f->peer.wnd = WIDE / 2;
    sacked(f, 0, {100, 300});
    expect_no_recovery(f);
    sacked_with_text(f, 50, 0, {100, 400});
    expect_recovery(f);
    expect_sent(f, 0, 100);
}

/* RFC6675:5c, RFC2883:4f: a first block below the ACK tells of text that came twice, and of no loss.
 */
static void test_sack_sender_twice_below_the_ack_counts_for_nothing(void **state)
{
    struct fixture *f = small_out(state, 10);
    acked(f, 300);
    sacked(f, 300, {400, 500});
    sacked(f, 300, {400, 600});
    for (int i = 0; i < 5; i++) {
        sacked(f, 300, {100, 200}, {400, 600});
        sacked(f, 300, {0, 300}, {400, 600});
        sacked(f, 300, {0, 100});
        expect_no_recovery(f);
    }
    expect_nothing(f);
    assert_int_equal(held_count(f), 1);
    sacked(f, 300, {100, 200}, {400, 700});
    expect_recovery(f);
}

/* RFC2883:5: what lies above SND.UNA as it was, and below the ACK field beside it, came twice. */
static void test_sack_sender_twice_below_a_new_ack_counts_for_nothing(void **state)
{
    struct fixture *f = small_out(state, 10);
    for (uint32_t una = 300; una <= 900; una += 300) {
        sacked(f, una, {una - 200, una - 100});
        assert_int_equal(f->tcb.dup_acks, 0);
        assert_int_equal(held_count(f), 0);
    }
    expect_no_recovery(f);
    expect_nothing(f);
}

/* RFC6675:5c, RFC2883:4f: so does one inside the second. */
static void test_sack_sender_twice_above_the_ack_counts_for_nothing(void **state)
{
    struct fixture *f = small_out(state, 10);
    sacked(f, 0, {100, 200});
    sacked(f, 0, {100, 300});
    for (int i = 0; i < 5; i++) {
        sacked(f, 0, {100, 200}, {100, 300});
        sacked(f, 0, {100, 300}, {100, 300});
        expect_no_recovery(f);
    }
    expect_nothing(f);
    assert_int_equal(held_count(f), 1);
}

/* ---- when the front is lost ---- */

/* RFC6675:4a, RFC6675:5d: three ranges, told by one ACK (the others were lost). [RFC6675:4k] */
static void test_sack_sender_three_ranges_show_loss(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {5000, 5001}, {7000, 7001}, {9000, 9001});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC6675:4a: two do not, though they were told as three. [RFC6675:4k] */
static void test_sack_sender_two_ranges_show_no_loss(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {5000, 6000}, {6000, 6500}, {9000, 9500});
    expect_no_recovery(f);
    expect_nothing(f);
}

/* RFC6675:4a, RFC6675:5d: more than two segments' octets: two are not more. [RFC6675:4k] */
static void test_sack_sender_octets_beyond_two_segments_show_loss(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 3000});
    expect_no_recovery(f);
    expect_nothing(f);
    sacked(f, 0, {1000, 3001});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC6675:4a: two ranges, two segments' octets; then one more. */
static void test_sack_sender_octets_of_ranges_add_up(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 2000}, {4000, 5000});
    expect_no_recovery(f);
    sacked(f, 0, {4000, 5001});
    expect_recovery(f);
}

/* RFC6675:5c, RFC6675:5d: an ACK of something new that shows the next front lost begins recovery at
 * once. */
static void test_sack_sender_cumulative_ack_may_show_loss(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 1000, {2000, 4500});
    expect_recovery(f);
    assert_int_equal(f->tcb.cwnd, 4500);
    assert_int_equal(f->tcb.ssthresh, 4500);
    expect_sent(f, 1000, 1000);
}

/* RFC6675:5f: half of what is in flight, not of the window. */
static void test_sack_sender_flight_is_halved(void **state)
{
    struct fixture *f = both_offer(state);
    reach_established(f);
    user_send(f, 6000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 6);
    sacked(f, 0, {1000, 4000});
    assert_int_equal(f->tcb.cwnd, 3000);
    assert_int_equal(f->tcb.ssthresh, 3000);
}

/* RFC6675:5f: but two segments at least (RFC 5681 equation 4). */
static void test_sack_sender_two_segments_are_left(void **state)
{
    struct fixture *f = small_out(state, 6);
    sacked(f, 0, {100, 200}, {300, 400}, {500, 600});
    expect_recovery(f);
    assert_int_equal(f->tcb.cwnd, 2 * MSS);
    assert_int_equal(f->tcb.ssthresh, 2 * MSS);
}

/* ---- limited transmit ---- */

static struct fixture *ten_out_limited(void **state, uint32_t more)
{
    struct fixture *f = both_offer(state);
    f->cfg.profile |= TFSM_LIMITED_TRANSMIT;
    reach_established(f);
    send_flight(f, more);
    return f;
}

/* RFC6675:5e, RFC5681:3.2d: what SACK takes from the pipe, new text may fill. */
static void test_sack_sender_limited_transmit_fills_the_pipe(void **state)
{
    struct fixture *f = ten_out_limited(state, 5000);
    sacked(f, 0, {1000, 2000});
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
    sacked(f, 0, {1000, 3000});
    expect_sent(f, 11000, 1000);
    expect_nothing(f);
    assert_int_equal(f->tcb.cwnd, FLIGHT);
}

/* RFC6675:5e: half a segment does not. */
static void test_sack_sender_limited_transmit_needs_room_for_a_segment(void **state)
{
    struct fixture *f = ten_out_limited(state, 5000);
    sacked(f, 0, {1000, 1999});
    expect_nothing(f);
    sacked(f, 0, {1000, 2000});
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
}

/* RFC6675:5e, RFC5681:3.2d: nor does it where the peer's window is full. */
static void test_sack_sender_limited_transmit_keeps_to_the_window(void **state)
{
    struct fixture *f = both_offer(state);
    f->cfg.profile |= TFSM_LIMITED_TRANSMIT;
    f->peer.wnd = FLIGHT;
    reach_established(f);
    send_flight(f, 5000);
    sacked(f, 0, {1000, 2000});
    expect_nothing(f);
    sacked(f, 0, {1000, 3000});
    expect_nothing(f);
}

/* RFC5681:3.2f */
static void test_sack_sender_limited_transmit_needs_news(void **state)
{
    struct fixture *f = ten_out_limited(state, 5000);
    acked(f, 0);
    expect_nothing(f);
    sacked(f, 0, {1000, 2000});
    expect_sent(f, 10000, 1000);
    for (int i = 0; i < 3; i++) {
        sacked(f, 0, {1000, 2000});
        expect_nothing(f);
        acked(f, 0);
        expect_nothing(f);
    }
}

/* RFC5681:3.2h, RFC6675:5f */
static void test_sack_sender_limited_transmit_is_not_counted(void **state)
{
    struct fixture *f = ten_out_limited(state, 5000);
    sacked(f, 0, {1000, 2000});
    expect_sent(f, 10000, 1000);
    sacked(f, 0, {1000, 3000});
    expect_sent(f, 11000, 1000);
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    assert_int_equal(in_flight(f), 12000);
    assert_int_equal(f->tcb.ssthresh, HALF);
    assert_int_equal(f->tcb.cwnd, HALF);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
}

/* RFC6675:5f, RFC5681:3.2h: its octets, that is: this segment had a hundred. */
static void test_sack_sender_limited_transmit_small_is_not_counted(void **state)
{
    struct fixture *f = ten_out_limited(state, 100);
    sacked(f, 0, {1000, 2000});
    expect_sent(f, 10000, 100);
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    assert_int_equal(in_flight(f), FLIGHT + 100);
    assert_int_equal(f->tcb.ssthresh, HALF);
}

/* RFC5681:3: an ACK that reports nothing new lets out what the window lets out, whatever SACK took
 * from the pipe: 11 segments beyond SND.UNA (limited transmit is off). */
static void test_sack_sender_outside_recovery_the_window_bounds_the_flight(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {5000, 6000});
    expect_nothing(f);
    acked(f, 1000);
    assert_int_equal(f->tcb.cwnd, FLIGHT + 1000);
    expect_sent(f, 10000, 1000);
    expect_sent(f, 11000, 1000);
    expect_nothing(f);
}

/* RFC5681:3: nor does limited transmit, which is for duplicates. */
static void test_sack_sender_limited_transmit_is_for_duplicates(void **state)
{
    struct fixture *f = ten_out_limited(state, 5000);
    sacked(f, 0, {5000, 6000});
    expect_sent(f, 10000, 1000);
    acked(f, 1000);
    assert_int_equal(f->tcb.cwnd, FLIGHT + 1000);
    expect_sent(f, 11000, 1000);
    expect_nothing(f);
}

/* ---- pipe ---- */

/* RFC6675:4c, RFC6675:5i, RFC6675:5j: 10 out, 1 lost. With three told pipe is 1 (sent again) + 6;
 * each duplicate takes one away, and from the sixth on each lets one out. [RFC6675:4l] */
static void test_sack_sender_pipe_shrinks_by_what_is_told(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {1000, 4000});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    sacked(f, 0, {1000, 5000});
    expect_nothing(f);
    sacked(f, 0, {1000, 6000});
    expect_nothing(f);
    for (uint32_t i = 0; i < 4; i++) {
        sacked(f, 0, {1000, 7000 + 1000 * i});
        expect_sent(f, 10000 + 1000 * i, 1000);
        expect_nothing(f);
    }
    assert_int_equal(f->tcb.cwnd, HALF);
}

/* RFC6675:5j: room for less than a segment is no room. [RFC6675:5n] */
static void test_sack_sender_pipe_leaves_room_for_a_segment_or_none(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {1000, 6999});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    sacked(f, 0, {1000, 7000});
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
    sacked(f, 0, {1000, 7999});
    expect_nothing(f);
}

/* RFC6675:5j: nor where the next one would be smaller than a segment. */
static void test_sack_sender_pipe_leaves_no_room_for_less(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {1000, 3000}, {3100, 6500});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    sacked(f, 0, {3100, 7000});
    expect_sent(f, 3000, 100);
    expect_nothing(f);
}

/* RFC6675:5j: one ACK may let several out: pipe is 1 (sent again) + 1, the window 5.
 * [RFC6675:5n] */
static void test_sack_sender_pipe_lets_several_out(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {1000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 10000, 1000);
    expect_sent(f, 11000, 1000);
    expect_sent(f, 12000, 1000);
    expect_nothing(f);
}

/* RFC6675:4c: what is lost has left the pipe, what was sent again is in it. [RFC6675:4l] */
static void test_sack_sender_pipe_is_without_what_is_lost(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {2000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 10000, 1000);
    expect_sent(f, 11000, 1000);
    expect_nothing(f);
}

/* RFC6675:4c: a hole with two segments above it is not lost yet: pipe 1 + 1 + 3; then it is: 1 + 2.
 */
static void test_sack_sender_pipe_holds_what_is_not_known_lost(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {1000, 5000}, {6000, 7000});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    sacked(f, 0, {6000, 8000});
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
    sacked(f, 0, {6000, 8001});
    expect_sent(f, 5000, 1000);
    expect_nothing(f);
}

/* RFC6675:5i: a partial ACK takes what it covers from the pipe, blocks or not: pipe 5 - 2 + 2. */
static void test_sack_sender_pipe_shrinks_by_a_partial_ack(void **state)
{
    struct fixture *f = ten_out(state, 9000);
    sacked(f, 0, {2000, 9000});
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 4);
    acked(f, 1000);
    expect_sent(f, 12000, 1000);
    expect_nothing(f);
    acked(f, 9000);
    expect_sent(f, 13000, 1000);
    expect_nothing(f);
    expect_recovery(f);
    assert_int_equal(f->tcb.cwnd, HALF);
}

/* RFC6675:4c: text sent again that is not known to be lost is in the pipe twice: with both holes
 * 1 + 2 + 2; without the front 2 + 2. [RFC6675:4l] */
static void test_sack_sender_pipe_counts_what_was_sent_again_unsure_twice(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 6000}, {7000, 8000}, {9000, 10000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 6000, 1000);
    expect_sent(f, 8000, 1000);
    expect_nothing(f);
    user_send(f, 5000);
    expect_nothing(f);
    acked(f, 6000);
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
}

/* RFC6675:5j, RFC2018:5.1a: duplicates do not blow the window up as they do without SACK. */
static void test_sack_sender_window_stays_as_it_is(void **state)
{
    struct fixture *f = ten_out(state, 20000);
    sacked(f, 0, {1000, 4000});
    struct tfsm_segment s;
    for (uint32_t i = 5; i <= 10; i++) {
        (void)drain(f, &s, 1);
        sacked(f, 0, {1000, 1000 * i});
        assert_int_equal(f->tcb.cwnd, HALF);
        assert_int_equal(f->tcb.ssthresh, HALF);
    }
    expect_recovery(f);
}

/* RFC2018:5.1a, RFC6675:5c: more losses of the same flight lower the window no further. */
static void test_sack_sender_window_is_halved_once(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 2000}, {3000, 4000}, {5000, 6000});
    assert_int_equal(f->tcb.cwnd, HALF);
    struct tfsm_segment s;
    sacked(f, 0, {7000, 8000});
    (void)drain(f, &s, 1);
    sacked(f, 2000, {9000, 10000});
    (void)drain(f, &s, 1);
    sacked(f, 4000, {5000, 6000});
    (void)drain(f, &s, 1);
    expect_recovery(f);
    assert_int_equal(f->tcb.cwnd, HALF);
    assert_int_equal(f->tcb.ssthresh, HALF);
}

/* ---- the next segment ---- */

/* RFC6675:4d, RFC6675:5k, RFC6675:5l: what is lost, from the lowest on, each once; then new text. */
static void test_sack_sender_lost_text_goes_before_new_text(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {3000, 4000}, {1000, 2000}, {5000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 2000, 1000);
    expect_sent(f, 4000, 1000);
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
}

/* RFC6675:4d, RFC6675:5l: not again, whatever comes but a timeout. */
static void test_sack_sender_lost_text_is_sent_again_once(void **state)
{
    struct fixture *f = ten_out(state, 3000);
    struct tfsm_segment s;
    sacked(f, 0, {2000, 3000}, {4000, 9000});
    while (take(f, &s)) {
    }
    assert_int_equal(f->tcb.snd_rtx, f->iss + 1 + 4000);
    for (int i = 0; i < 5; i++) {
        sacked(f, 0, {2000, 3000}, {4000, 9000});
        acked(f, 0);
    }
    sacked(f, 0, {2000, 3000}, {4000, 10000});
    sacked(f, 1000, {2000, 3000}, {4000, 10000});
    while (take(f, &s)) {
        assert_true(seq_le(seq_add(f->iss, 1 + FLIGHT), s.seq));
    }
    expect_recovery(f);
}

/* RFC6675:4d: a hole larger than a segment takes several. [RFC6675:5m] */
static void test_sack_sender_large_hole_takes_several(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {2500, 9000});
    expect_sent(f, 0, 1000);
    assert_int_equal(f->tcb.snd_rtx, f->iss + 1 + 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 500);
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
}

/* RFC6675:4d, RFC2018:5a: a small one takes no more than it is: what the peer holds is skipped. */
static void test_sack_sender_small_holes_take_what_they_are(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {300, 2000}, {2500, 9000});
    expect_sent(f, 0, 300);
    expect_sent(f, 2000, 500);
    expect_sent(f, 10000, 1000);
    expect_sent(f, 11000, 1000);
    expect_sent(f, 12000, 1000);
    expect_nothing(f);
}

/* RFC6675:4d: what lies above everything told is not lost. */
static void test_sack_sender_text_above_the_blocks_is_not_sent_again(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 6000});
    expect_sent(f, 0, 1000);
    sacked(f, 0, {1000, 7000});
    expect_nothing(f);
    sacked(f, 0, {1000, 8000});
    expect_nothing(f);
}

/* RFC6675:4e: new text as far as the peer's window goes. */
static void test_sack_sender_new_text_keeps_to_the_window(void **state)
{
    struct fixture *f = both_offer(state);
    f->peer.wnd = FLIGHT + 1000;
    reach_established(f);
    send_flight(f, 5000);
    sacked(f, 0, {1000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
}

/* RFC6675:4d: what is lost goes though the window is full. */
static void test_sack_sender_lost_text_needs_no_new_window(void **state)
{
    struct fixture *f = both_offer(state);
    f->peer.wnd = FLIGHT;
    reach_established(f);
    send_flight(f, 5000);
    sacked(f, 0, {2000, 3000}, {4000, 10000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 3000, 1000);
    expect_nothing(f);
}

/* RFC9293:SHLD-16: a window that shrank in the meantime bounds what is sent again. */
static void test_sack_sender_lost_text_keeps_to_a_shrunk_window(void **state)
{
    struct fixture *f = ten_out(state, 0);
    f->peer.wnd = 2500;
    sacked(f, 0, {1000, 2000}, {3000, 5000}, {6000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 2000, 500);
    expect_nothing(f);
}

/* RFC6675:4f: with nothing new to send, a hole that may be lost. */
static void test_sack_sender_unsure_text_goes_where_nothing_is_new(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 7000}, {8000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 7000, 1000);
    expect_nothing(f);
}

/* RFC6675:4f: or where the window lets nothing new out. */
static void test_sack_sender_unsure_text_goes_where_the_window_is_full(void **state)
{
    struct fixture *f = both_offer(state);
    f->peer.wnd = FLIGHT;
    reach_established(f);
    send_flight(f, 5000);
    sacked(f, 0, {1000, 7000}, {8000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 7000, 1000);
    expect_nothing(f);
}

/* RFC6675:4e, RFC6675:4f: new text goes before it. */
static void test_sack_sender_new_text_goes_before_unsure_text(void **state)
{
    struct fixture *f = ten_out(state, 1000);
    sacked(f, 0, {1000, 7000}, {8000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 10000, 1000);
    expect_sent(f, 7000, 1000);
    expect_nothing(f);
}

/* RFC6675:4d, RFC6675:4f: lost text before unsure text, though it lies above nothing else. */
static void test_sack_sender_lost_text_goes_before_unsure_text(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 3000}, {4000, 7000}, {8000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 3000, 1000);
    expect_sent(f, 7000, 1000);
    expect_nothing(f);
}

/* RFC6675:4f, RFC6675:5l: it is not sent a third time when it is known to be lost. */
static void test_sack_sender_unsure_text_is_sent_again_once(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 7000}, {8000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 7000, 1000);
    expect_nothing(f);
    sacked(f, 0, {8000, 10000});
    sacked(f, 0, {1000, 7500}, {8000, 10000});
    expect_nothing(f);
}

/* RFC6675:4j: nothing lost, nothing new, nothing unsure: nothing is sent. */
static void test_sack_sender_nothing_left_nothing_sent(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 10000});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    sacked(f, 0, {1000, 10000});
    acked(f, 0);
    expect_nothing(f);
    expect_recovery(f);
}

/* ---- the rescue ---- */

/* RFC6675:4g, RFC6675:4h: the tail is lost with the front; once the front has come through. */
static void test_sack_sender_rescue_after_progress(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 8000});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    acked(f, 8000);
    expect_sent(f, 9000, 1000);
    expect_nothing(f);
    expect_recovery(f);
}

/* RFC6675:4g: HighACK must be greater than RescueRxt, which begins as the end of the segment that
 * was retransmitted at first: its acknowledgment alone is no progress. [RFC6675:5m] */
static void test_sack_sender_rescue_not_before_more_than_the_front(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {2000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
    sacked(f, 1000, {2000, 9000});
    expect_nothing(f);
    acked(f, 9000);
    expect_sent(f, 9000, 1000);
    expect_nothing(f);
}

/* RFC6675:4g: nor where that is acknowledged in two parts. */
static void test_sack_sender_rescue_not_before_more_than_the_front_in_parts(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {2000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
    acked(f, 500);
    expect_nothing(f);
    acked(f, 1000);
    expect_nothing(f);
    acked(f, 1001);
    expect_sent(f, 9000, 1000);
    expect_nothing(f);
}

/* RFC6675:4g: nor where the peer has told of a part of it in the meantime. */
static void test_sack_sender_rescue_not_before_more_than_the_front_as_it_was(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {2000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
    sacked(f, 0, {500, 1000}, {2000, 9000});
    expect_nothing(f);
    sacked(f, 1000, {2000, 9000});
    expect_nothing(f);
    sacked(f, 1001, {2000, 9000});
    expect_sent(f, 9000, 1000);
    expect_nothing(f);
}

/* RFC6675:4g, RFC6675:4j: one in a recovery, whatever comes, and then nothing. */
static void test_sack_sender_rescue_once(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 7000});
    expect_sent(f, 0, 1000);
    acked(f, 7000);
    expect_sent(f, 9000, 1000);
    acked(f, 7000);
    expect_nothing(f);
    acked(f, 8000);
    expect_nothing(f);
    acked(f, 8500);
    expect_nothing(f);
    expect_recovery(f);
}

/* RFC6675:4e, RFC6675:4g: new text goes before it. */
static void test_sack_sender_new_text_goes_before_the_rescue(void **state)
{
    struct fixture *f = ten_out(state, 1000);
    sacked(f, 0, {1000, 6000});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    acked(f, 6000);
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
    acked(f, 7000);
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
}

/* RFC6675:4f, RFC6675:4g: so does text that may be lost. */
static void test_sack_sender_unsure_text_goes_before_the_rescue(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 5000}, {6000, 7000});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    sacked(f, 5000, {6000, 7000});
    expect_sent(f, 5000, 1000);
    expect_nothing(f);
    sacked(f, 5000, {6000, 8000});
    expect_sent(f, 9000, 1000);
    expect_nothing(f);
}

/* RFC6675:4i: it leaves HighRxt alone: the hole below it is sent when something above it came. */
static void test_sack_sender_rescue_moves_no_highrxt(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 8000});
    expect_sent(f, 0, 1000);
    acked(f, 8000);
    uint32_t high_rxt = f->tcb.snd_rtx;
    expect_sent(f, 9000, 1000);
    assert_int_equal(f->tcb.snd_rtx, high_rxt);
    expect_nothing(f);
    sacked(f, 8000, {9000, 10000});
    expect_sent(f, 8000, 1000);
    expect_nothing(f);
}

/* RFC6675:4h: the highest octet that is not selectively acknowledged, in a segment of a part of the
 * flight that ends with it; what the peer holds is skipped. */
static void test_sack_sender_rescue_bears_the_highest_octet_not_told(void **state)
{
    struct fixture *f = both_offer(state);
    reach_established(f);
    user_send(f, 9300);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 10);
    sacked(f, 0, {1000, 7000});
    expect_sent(f, 0, 1000);
    acked(f, 7000);
    assert_true(take(f, &s));
    assert_int_equal(seq_distance(f->iss, s.seq) - 1 + s.len, 9300);
    assert_in_range(s.len, 1, 1000);
    expect_nothing(f);
}

/* RFC6675:4h, RFC9293:SHLD-16: where the window ends before the highest octet, the highest that it reaches, though a report of
 * ours takes room from the segment. */
static void test_sack_sender_rescue_stays_in_the_window(void **state)
{
    struct fixture *f = ten_out(state, 0);
    struct tfsm_segment s;
    sacked(f, 0, {1000, 9000});
    expect_sent(f, 0, 1000);
    arrive(f, .flags = TFSM_ACK, .seq = 2000, .ack = 0,
           .text = 100); /* to be reported, 12 octets */
    assert_true(take(f, &s));
    f->peer.wnd = 5;
    acked(f, 9000);
    assert_true(take(f, &s));
    assert_int_equal(seq_distance(f->iss, s.seq) - 1, 9000);
    assert_int_equal(s.len, 5);
    expect_nothing(f);
}

/* RFC6675:4h: what the peer holds at the end is not sent. */
static void test_sack_sender_rescue_skips_what_is_told(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {2000, 7000}, {8000, 10000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 7000, 1000);
    expect_nothing(f);
    acked(f, 7000);
    expect_sent(f, 7000, 1000);
    expect_nothing(f);
}

/* RFC6675:4h: the FIN is the highest number outstanding. */
static void test_sack_sender_rescue_bears_the_fin(void **state)
{
    struct fixture *f = both_offer(state);
    reach_established(f);
    user_send(f, FLIGHT);
    user_close(f);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    assert_int_equal(in_flight(f), FLIGHT + 1);
    sacked(f, 0, {1000, 8000});
    expect_sent(f, 0, 1000);
    acked(f, 8000);
    assert_true(take(f, &s));
    assert_true((s.flags & TFSM_FIN) != 0);
    assert_int_equal(seq_distance(f->iss, s.seq) - 1 + s.len, FLIGHT + 1);
    expect_nothing(f);
}

/* RFC6675:4g: "per entry into loss recovery": the next has its own. */
static void test_sack_sender_rescue_in_the_next_recovery(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 8000});
    expect_sent(f, 0, 1000);
    acked(f, 8000);
    expect_sent(f, 9000, 1000);
    acked(f, 10000);
    expect_no_recovery(f);
    user_send(f, 5000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 5);
    sacked(f, 10000, {11000, 14000});
    expect_recovery(f);
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
    acked(f, 14000);
    expect_sent(f, 14000, 1000);
    expect_nothing(f);
}

/* ---- how recovery ends ---- */

/* RFC6675:5g: when all is acknowledged that was out when it began. */
static void test_sack_sender_recovery_ends_at_recovery_point(void **state)
{
    struct fixture *f = ten_out(state, 9000);
    sacked(f, 0, {1000, 9000});
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 4);
    acked(f, 9999);
    expect_recovery(f);
    (void)drain(f, &s, 1);
    acked(f, 10000);
    expect_no_recovery(f);
    assert_int_equal(f->tcb.cwnd, HALF);
    assert_int_equal(f->tcb.ssthresh, HALF);
}

/* RFC6675:5g, RFC6675:5f: new text sent in recovery is beyond RecoveryPoint. */
static void test_sack_sender_recovery_point_does_not_move(void **state)
{
    struct fixture *f = ten_out(state, 9000);
    sacked(f, 0, {1000, 9000});
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 4);
    assert_int_equal(in_flight(f), 13000);
    sacked(f, 9000, {10000, 13000});
    expect_recovery(f);
    expect_sent(f, 9000, 1000);
    (void)drain(f, &s, 1);
    acked(f, 13000);
    expect_no_recovery(f);
}

/* RFC6675:5g: after it the window bounds what is in flight: 3 are, 2 more go. */
static void test_sack_sender_after_recovery_the_window_bounds_the_flight(void **state)
{
    struct fixture *f = ten_out(state, 9000);
    sacked(f, 0, {1000, 9000});
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 4);
    acked(f, 10000);
    expect_no_recovery(f);
    expect_sent(f, 13000, 1000);
    expect_sent(f, 14000, 1000);
    expect_nothing(f);
}

/* RFC6675:5h: what was told of text beyond RecoveryPoint is kept. */
static void test_sack_sender_after_recovery_the_scoreboard_is_kept(void **state)
{
    struct fixture *f = ten_out(state, 9000);
    sacked(f, 0, {1000, 9000});
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 4);
    sacked(f, 0, {1000, 9000}, {11000, 13000});
    (void)drain(f, &s, 1);
    acked(f, 10000);
    expect_no_recovery(f);
    (void)drain(f, &s, 1);
    sacked(f, 10000, {13000, 13001});
    expect_recovery(f);
    expect_sent(f, 10000, 1000);
}

/* RFC6675:5c: duplicates in recovery are not counted for the next. */
static void test_sack_sender_after_recovery_the_count_begins_anew(void **state)
{
    struct fixture *f = small_out(state, 8);
    sacked(f, 0, {100, 200}, {300, 400}, {500, 600});
    expect_recovery(f);
    for (uint32_t i = 0; i < 5; i++) {
        user_send(f, 100);
    }
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    assert_int_equal(in_flight(f), 1300);
    sacked(f, 0, {500, 700});
    sacked(f, 0, {500, 800});
    acked(f, 800);
    expect_no_recovery(f);
    sacked(f, 800, {900, 1000});
    expect_no_recovery(f);
    sacked(f, 800, {900, 1100});
    expect_no_recovery(f);
    sacked(f, 800, {900, 1200});
    expect_recovery(f);
}

/* RFC6675:5d, RFC6675:5f: a loss in the next flight begins the next recovery, and halves again. */
static void test_sack_sender_recovery_begins_again(void **state)
{
    struct fixture *f = ten_out(state, 20000);
    sacked(f, 0, {1000, 9000});
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    acked(f, 10000);
    (void)drain(f, &s, 1);
    assert_int_equal(in_flight(f), HALF);
    sacked(f, 10000, {11000, 14000});
    expect_recovery(f);
    assert_int_equal(f->tcb.cwnd, HALF / 2);
    expect_sent(f, 10000, 1000);
}

/* RFC6675:4a, RFC6675:5f, RFC6675:5g: the numbers may wrap in the flight. */
static void test_sack_sender_numbers_wrap(void **state)
{
    for (uint32_t before = 500; before < 12000; before += 1000) {
        struct fixture *f = both_offer(state);
        f->iss = UINT32_MAX - before;
        reach_established(f);
        send_flight(f, 5000);
        sacked(f, 0, {3000, 4000}, {1000, 2000}, {5000, 9000});
        expect_sent(f, 0, 1000);
        expect_sent(f, 2000, 1000);
        expect_sent(f, 4000, 1000);
        expect_sent(f, 10000, 1000);
        sacked(f, 2000, {3000, 4000}, {5000, 9000});
        expect_sent(f, 11000, 1000);
        acked(f, 9999);
        expect_recovery(f);
        acked(f, 10000);
        expect_no_recovery(f);
    }
}

/* ---- timeouts ---- */

/* RFC2018:5b, RFC2018:5.1b: after a timeout all goes again, what was told of as well. */
static void test_sack_sender_timeout_forgets_what_was_told(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 3000});
    expire(f);
    assert_int_equal(held_count(f), 0);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    acked(f, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    acked(f, 3000);
    expect_sent(f, 3000, 1000);
}

/* RFC2018:5c: the front goes, though it was told of. */
static void test_sack_sender_timeout_sends_a_front_that_was_told(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {0, 1500});
    expire(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
}

/* RFC2018:5c, RFC2018:5.1b: and what is told within it does not make it smaller. */
static void test_sack_sender_timeout_sends_the_whole_front(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {500, 1500});
    expire(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
}

/* RFC2018:5c, RFC2018:8d: the peer acknowledges into the middle of what it told of: it dropped the
 * rest. */
static void test_sack_sender_reneging_is_mended_by_the_timeout(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 3000});
    acked(f, 2000);
    expire(f);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    acked(f, 3000);
    expect_sent(f, 3000, 1000);
}

/* RFC6675:5.1a, RFC6675:5.1b: a timeout ends recovery; none begins before all is acknowledged that
 * was out, and the window stays one segment. */
static void test_sack_sender_timeout_in_recovery_ends_it(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expire(f);
    expect_no_recovery(f);
    expect_sent(f, 0, 1000);
    uint32_t ssthresh = f->tcb.ssthresh;
    for (uint32_t i = 5; i <= 10; i++) {
        sacked(f, 0, {1000, 1000 * i});
        expect_no_recovery(f);
        assert_int_equal(f->tcb.cwnd, MSS);
        assert_int_equal(f->tcb.ssthresh, ssthresh);
    }
}

/* RFC6675:5.1a, RFC6675:5.1b: what recovery had sent anew was out, too. */
static void test_sack_sender_timeout_in_recovery_moves_recovery_point(void **state)
{
    struct fixture *f = ten_out(state, 5000);
    struct tfsm_segment s;
    sacked(f, 0, {1000, 4000});
    sacked(f, 0, {1000, 10000});
    (void)drain(f, &s, 1);
    assert_true(in_flight(f) >= 13000);
    expire(f);
    (void)drain(f, &s, 1);
    acked(f, 10000);
    (void)drain(f, &s, 1);
    for (uint32_t i = 11; i <= 13; i++) {
        sacked(f, 10000, {11000, 1000 + 1000 * i});
        expect_no_recovery(f);
        (void)drain(f, &s, 1);
    }
}

/* After a timeout in recovery, with 9000 octets acknowledged: two segments are out, one of them new.
 */
static struct fixture *after_timeout(void **state)
{
    struct fixture *f = ten_out(state, 9000);
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expire(f);
    expect_sent(f, 0, 1000);
    acked(f, 9000);
    expect_no_recovery(f);
    expect_sent(f, 9000, 1000);
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
    return f;
}

/* RFC6675:5.1b: RecoveryPoint is the last octet that was out: one before is too early. */
static void test_sack_sender_timeout_no_recovery_before_recovery_point(void **state)
{
    struct fixture *f = after_timeout(state);
    acked(f, 9999);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    sacked(f, 9999, {10100, 10200}, {10300, 10400}, {10500, 10600});
    expect_no_recovery(f);
}

/* RFC6675:5.1b, RFC6675:5d: and then it begins. */
static void test_sack_sender_timeout_recovery_after_recovery_point(void **state)
{
    struct fixture *f = after_timeout(state);
    acked(f, 10000);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    sacked(f, 10000, {10100, 10200}, {10300, 10400}, {10500, 10600});
    expect_recovery(f);
    expect_sent(f, 10000, 100);
}

/* RFC6675:5.1c: the peer tells again what it has: only what it lacks goes again. [RFC6675:5.1d] */
static void test_sack_sender_timeout_what_is_told_after_it_is_used(void **state)
{
    struct fixture *f = ten_out(state, 0);
    expire(f);
    expect_sent(f, 0, 1000);
    sacked(f, 1000, {2000, 5000}, {6000, 10000});
    uint8_t seen[10] = {0};
    struct tfsm_segment s;
    for (int i = 0; i < 2; i++) {
        while (take(f, &s)) {
            uint32_t at = seq_distance(f->iss, s.seq) - 1;
            assert_int_equal(at % 1000, 0);
            assert_int_equal(s.len, 1000);
            seen[at / 1000]++;
        }
        assert_int_equal(seen[1], 1);
        sacked(f, 5000, {6000, 10000});
    }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(seen[i], i == 1 || i == 5 ? 1 : 0);
    }
}

/* RFC6675:5.1c: what is told within a segment, too. */
static void test_sack_sender_timeout_small_holes_take_what_they_are(void **state)
{
    struct fixture *f = ten_out(state, 0);
    expire(f);
    expect_sent(f, 0, 1000);
    sacked(f, 1000, {1300, 5000}, {5200, 10000});
    expect_sent(f, 1000, 300);
    expect_sent(f, 5000, 200);
    expect_nothing(f);
}

/* RFC2018:5b: a second timeout forgets again. */
static void test_sack_sender_timeout_forgets_again(void **state)
{
    struct fixture *f = ten_out(state, 0);
    expire(f);
    expect_sent(f, 0, 1000);
    sacked(f, 0, {1000, 10000});
    expire(f);
    expect_sent(f, 0, 1000);
    acked(f, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
}

/* ---- what is told is not acknowledged ---- */

/* RFC2018:8d, RFC6675:4b: the embedder may forget text when the ACK field says so, not before. */
static void test_sack_sender_text_told_of_is_kept(void **state)
{
    struct fixture *f = ten_out(state, 0);
    struct tfsm_segment s;
    for (uint32_t i = 2; i <= 10; i++) {
        sacked(f, 0, {1000, 1000 * i});
        assert_int_equal(f->fx.acknowledged, 0);
        (void)drain(f, &s, 1);
    }
    assert_int_equal(in_flight(f), FLIGHT);
    acked(f, 10000);
    assert_int_equal(f->fx.acknowledged, FLIGHT);
}

/* RFC2018:8d, RFC6675:4b: nor when the same ACK says that other text came through. */
static void test_sack_sender_text_told_of_is_not_acknowledged_with_other(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 1000, {2000, 5000});
    assert_int_equal(f->fx.acknowledged, 1000);
    assert_int_equal(in_flight(f), FLIGHT - 1000);
}

/* RFC2018:8d, RFC6675:4b: it keeps its place in the send buffer. */
static void test_sack_sender_text_told_of_fills_the_buffer(void **state)
{
    struct fixture *f = both_offer(state);
    f->cfg.snd_buff = FLIGHT;
    reach_established(f);
    send_flight(f, 0);
    sacked(f, 0, {1000, 10000});
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 1), TFSM_E_INSUFFICIENT_RESOURCES);
    acked(f, 1);
    user_send(f, 1);
}

/* RFC2018:8d: and it is still there when the peer has dropped it. */
static void test_sack_sender_text_told_of_can_be_sent_again(void **state)
{
    struct fixture *f = ten_out(state, 0);
    sacked(f, 0, {1000, 10000});
    expect_sent(f, 0, 1000);
    expire(f);
    for (uint32_t at = 0; at < FLIGHT;) {
        struct tfsm_segment s;
        uint32_t end = at;
        while (take(f, &s)) {
            assert_true(s.text_offset == end);
            end += s.len;
        }
        assert_true(end > at);
        at = end;
        acked(f, at);
    }
}

/* RFC2018:8d, RFC6675:4b: a SACK of our FIN does not end anything. */
static void test_sack_sender_fin_told_of_is_not_acknowledged(void **state)
{
    struct fixture *f = both_offer(state);
    reach_established(f);
    user_send(f, 5000);
    user_close(f);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    sacked(f, 0, {1000, 5001});
    expect_state(f, TFSM_FIN_WAIT_1);
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    acked(f, 5001);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_no_recovery(f);
}

/* RFC6675:5d, RFC6675:4d: both have closed, the text is still to come through, and the FIN. */
static void test_sack_sender_after_close_recovery_goes_on(void **state)
{
    struct fixture *f = both_offer(state);
    reach_close_wait(f);
    user_send(f, 5000);
    user_close(f);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    expect_state(f, TFSM_LAST_ACK);
    assert_int_equal(in_flight(f), 5001);
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 2, .len = 1000);
    expect_nothing(f);
    acked(f, 4000);
    assert_true(take(f, &s));
    assert_true((s.flags & TFSM_FIN) != 0);
    assert_int_equal(seq_distance(f->iss, s.seq) - 1 + s.len, 5001);
    expect_nothing(f);
    acked(f, 5001);
    expect_gone(f, TFSM_SIG_CLOSED);
}

/* ---- two machines ---- */

#define TEXT     60000u /* octets a sends */
#define IN_QUEUE 400u

struct queue {
    struct tfsm_segment segments[IN_QUEUE];
    size_t head;
    size_t tail;
};

struct pair {
    struct fixture a; /* sends */
    struct fixture b;
    struct queue to_a;
    struct queue to_b;
    uint8_t told[TEXT];       /* octets of which a was told since its last timeout */
    uint8_t lose[TEXT / MSS]; /* which segments of the text are lost when first sent */
    uint32_t random;          /* not 0: one in ten segments is lost */
    uint32_t sent;            /* text segments a sent */
    uint32_t again;           /* of these, with text sent before */
    uint32_t fresh;           /* octets sent for the first time */
};

static void put(struct queue *q, const struct tfsm_segment *s)
{
    assert_true(q->tail - q->head < IN_QUEUE);
    q->segments[q->tail++ % IN_QUEUE] = *s;
}

static bool get(struct queue *q, struct tfsm_segment *s)
{
    if (q->head == q->tail) {
        return false;
    }
    *s = q->segments[q->head++ % IN_QUEUE];
    return true;
}

static bool is_lost(struct pair *p, uint32_t at)
{
    if (p->random == 0) {
        return at < TEXT && at >= p->fresh && p->lose[at / MSS] != 0;
    }
    p->random = p->random * 1664525u + 1013904223u;
    return p->random >> 8 < (1u << 24) / 10;
}

/* All that a wants to send; nothing of which it was told that b has it. */
static void a_speaks(struct pair *p)
{
    struct tfsm_segment s;
    while (take(&p->a, &s)) {
        uint32_t at = seq_distance(p->a.iss, s.seq) - 1;
        bool lost = is_lost(p, at);
        for (uint32_t i = at; i < at + s.len; i++) {
            assert_int_equal(p->told[i], 0);
        }
        p->sent += s.len > 0 ? 1 : 0;
        p->again += s.len > 0 && at < p->fresh ? 1 : 0;
        p->fresh = s.len > 0 && at + s.len > p->fresh ? at + s.len : p->fresh;
        if (!lost) {
            put(&p->to_b, &s);
        }
    }
}

static void b_speaks(struct pair *p)
{
    struct tfsm_segment s;
    while (take(&p->b, &s)) {
        put(&p->to_a, &s);
    }
}

static void a_hears(struct pair *p, const struct tfsm_segment *s)
{
    for (size_t i = 0; (s->options & TFSM_OPT_SACK) != 0 && i < s->sacks; i++) {
        uint32_t left = seq_distance(p->a.iss, s->sack[i].left) - 1;
        uint32_t right = seq_distance(p->a.iss, s->sack[i].right) - 1;
        memset(p->told + left, 1, right - left);
    }
    arrive_segment(&p->a, s);
    a_speaks(p);
}

/* Segment by segment, until nothing is on its way. */
static void settle(struct pair *p)
{
    struct tfsm_segment s;
    bool busy = true;
    a_speaks(p);
    b_speaks(p);
    while (busy) {
        busy = false;
        if (get(&p->to_b, &s)) {
            arrive_segment(&p->b, &s);
            b_speaks(p);
            busy = true;
        }
        /* Half a round trip of text before an ACK. */
        if (p->to_b.tail - p->to_b.head < 4 && get(&p->to_a, &s)) {
            a_hears(p, &s);
            busy = true;
        }
    }
}

static struct pair *two_machines(void **state)
{
    static struct pair p;
    memset(&p, 0, sizeof p);
    p.a = *both_offer(state);
    p.a.cfg.rcv_buff = TEXT;
    p.a.cfg.retries = 20;
    p.b = p.a;
    p.b.iss = p.a.irs;
    p.b.irs = p.a.iss;
    open_passive(&p.b);
    open_active(&p.a);
    settle(&p);
    expect_state(&p.a, TFSM_ESTABLISHED);
    expect_state(&p.b, TFSM_ESTABLISHED);
    p.sent = 0;
    return &p;
}

/* RFC6675:4d, RFC6675:5j, RFC6675:5l: each loss costs one retransmission and no timeout. */
static void test_sack_sender_two_machines_send_again_what_is_lost(void **state)
{
    struct pair *p = two_machines(state);
    const uint8_t lost[] = {3, 6, 25, 26, 45};
    for (size_t i = 0; i < sizeof lost; i++) {
        p->lose[lost[i]] = 1;
    }
    user_send(&p->a, TEXT);
    settle(p);
    assert_int_equal(p->b.readable, TEXT);
    assert_int_equal(p->again, sizeof lost);
    assert_int_equal(p->sent, TEXT / MSS + sizeof lost);
}

/* RFC2018:5a, RFC2018:5b, RFC6675:4d, RFC6675:5.1c: one segment in ten is lost, retransmissions as
 * well: all gets through, and nothing goes again that a knows b to have. */
static void test_sack_sender_two_machines_any_loss(void **state)
{
    for (uint32_t seed = 1; seed <= 40; seed++) {
        struct pair *p = two_machines(state);
        p->random = seed;
        user_send(&p->a, TEXT);
        settle(p);
        for (int i = 0; i < 100 && tfsm_deadline(&p->a.tcb) != TFSM_NEVER; i++) {
            memset(p->told, 0, sizeof p->told);
            expire(&p->a);
            p->b.now = p->a.now;
            settle(p);
        }
        assert_int_equal(p->b.readable, TEXT);
        assert_int_equal(in_flight(&p->a), 0);
    }
}

/* RFC6675:4i: HighRxt is the highest number that went again: what fills a segment up from behind that goes for the
 * first time. The timer sends it, or the peer's window opens after a probe. */
static void test_sack_sender_high_rxt_without_what_goes_along(void **state)
{
    for (unsigned i = 0; i < 8; i++) {
        bool opens = (i & 1) != 0;
        if (i == 2) {
            continue; /* a tail loss probe sends it by itself */
        }
        uint32_t first = opens ? 1 : 300;
        struct fixture *f = both_offer(state);
        f->cfg.profile &= ~(uint32_t)TFSM_NODELAY;
        f->cfg.profile |= (i & 2) != 0 ? (uint32_t)TFSM_RACK : 0;
        f->cfg.profile &= (i & 4) != 0 ? ~(uint32_t)(TFSM_SACK | TFSM_RACK) : UINT32_MAX;
        f->peer.wnd = opens ? 0 : WIDE;
        reach_established(f);
        user_send(f, opens ? 1000 : 300);
        if (opens) {
            expire(f);
        }
        expect_sent(f, 0, first);
        if (opens) {
            f->peer.wnd = WIDE;
            acked(f, 0);
        } else {
            user_send(f, 700);
            expect_nothing(f);
            expire(f);
        }
        expect_sent(f, 0, 1000);
        assert_int_equal(seq_distance(f->tcb.snd_una, f->tcb.snd_nxt), 1000);
        assert_int_equal(seq_distance(f->tcb.snd_una, f->tcb.snd_rtx), first);
        if ((f->cfg.profile & TFSM_SACK) != 0) {
            const struct tfsm_sent *runs = tfsm_sent_runs(&f->tcb);
            assert_int_equal(seq_distance(f->tcb.snd_una, runs[0].right), first);
            assert_true((runs[0].at & TFSM_AGAIN) != 0);
            assert_true(f->tcb.sent_count == 1 || (runs[1].at & TFSM_AGAIN) == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sack_sender_blocks_add_up),
        cmocka_unit_test(test_sack_sender_overlap_counts_once),
        cmocka_unit_test(test_sack_sender_blocks_need_no_order),
        cmocka_unit_test(test_sack_sender_cumulative_ack_takes_blocks_away),
        cmocka_unit_test(test_sack_sender_nonsense_is_ignored),
        cmocka_unit_test(test_sack_sender_nonsense_spoils_nothing),
        cmocka_unit_test(test_sack_sender_block_not_sent_is_not_remembered),
        cmocka_unit_test(test_sack_sender_without_agreement_blocks_mean_nothing),
        cmocka_unit_test(test_sack_sender_refused_segment_tells_nothing),
        cmocka_unit_test(test_sack_sender_overtaken_ack_is_used),
        cmocka_unit_test(test_sack_sender_overtaken_ack_tells_nothing_of_the_front),
        cmocka_unit_test(test_sack_sender_too_many_ranges_do_no_harm),
        cmocka_unit_test(test_sack_sender_one_ack_makes_room_for_itself),
        cmocka_unit_test(test_sack_sender_una_makes_room_for_blocks),
        cmocka_unit_test(test_sack_sender_the_highest_range_finds_no_place),
        cmocka_unit_test(test_sack_sender_plain_duplicates_count_for_nothing),
        cmocka_unit_test(test_sack_sender_same_news_counts_once),
        cmocka_unit_test(test_sack_sender_two_duplicates_do_nothing),
        cmocka_unit_test(test_sack_sender_third_duplicate_begins_recovery),
        cmocka_unit_test(test_sack_sender_third_duplicate_of_small_segments),
        cmocka_unit_test(test_sack_sender_cumulative_ack_resets_the_count),
        cmocka_unit_test(test_sack_sender_cumulative_ack_with_news_counts),
        cmocka_unit_test(test_sack_sender_duplicate_may_bear_text_and_a_window),
        cmocka_unit_test(test_sack_sender_twice_below_the_ack_counts_for_nothing),
        cmocka_unit_test(test_sack_sender_twice_below_a_new_ack_counts_for_nothing),
        cmocka_unit_test(test_sack_sender_twice_above_the_ack_counts_for_nothing),
        cmocka_unit_test(test_sack_sender_three_ranges_show_loss),
        cmocka_unit_test(test_sack_sender_two_ranges_show_no_loss),
        cmocka_unit_test(test_sack_sender_octets_beyond_two_segments_show_loss),
        cmocka_unit_test(test_sack_sender_octets_of_ranges_add_up),
        cmocka_unit_test(test_sack_sender_cumulative_ack_may_show_loss),
        cmocka_unit_test(test_sack_sender_flight_is_halved),
        cmocka_unit_test(test_sack_sender_two_segments_are_left),
        cmocka_unit_test(test_sack_sender_limited_transmit_fills_the_pipe),
        cmocka_unit_test(test_sack_sender_limited_transmit_needs_room_for_a_segment),
        cmocka_unit_test(test_sack_sender_limited_transmit_keeps_to_the_window),
        cmocka_unit_test(test_sack_sender_limited_transmit_needs_news),
        cmocka_unit_test(test_sack_sender_limited_transmit_is_not_counted),
        cmocka_unit_test(test_sack_sender_limited_transmit_small_is_not_counted),
        cmocka_unit_test(test_sack_sender_outside_recovery_the_window_bounds_the_flight),
        cmocka_unit_test(test_sack_sender_limited_transmit_is_for_duplicates),
        cmocka_unit_test(test_sack_sender_pipe_shrinks_by_what_is_told),
        cmocka_unit_test(test_sack_sender_pipe_leaves_room_for_a_segment_or_none),
        cmocka_unit_test(test_sack_sender_pipe_leaves_no_room_for_less),
        cmocka_unit_test(test_sack_sender_pipe_lets_several_out),
        cmocka_unit_test(test_sack_sender_pipe_is_without_what_is_lost),
        cmocka_unit_test(test_sack_sender_pipe_holds_what_is_not_known_lost),
        cmocka_unit_test(test_sack_sender_pipe_shrinks_by_a_partial_ack),
        cmocka_unit_test(test_sack_sender_pipe_counts_what_was_sent_again_unsure_twice),
        cmocka_unit_test(test_sack_sender_window_stays_as_it_is),
        cmocka_unit_test(test_sack_sender_window_is_halved_once),
        cmocka_unit_test(test_sack_sender_lost_text_goes_before_new_text),
        cmocka_unit_test(test_sack_sender_lost_text_is_sent_again_once),
        cmocka_unit_test(test_sack_sender_large_hole_takes_several),
        cmocka_unit_test(test_sack_sender_small_holes_take_what_they_are),
        cmocka_unit_test(test_sack_sender_text_above_the_blocks_is_not_sent_again),
        cmocka_unit_test(test_sack_sender_new_text_keeps_to_the_window),
        cmocka_unit_test(test_sack_sender_lost_text_needs_no_new_window),
        cmocka_unit_test(test_sack_sender_lost_text_keeps_to_a_shrunk_window),
        cmocka_unit_test(test_sack_sender_unsure_text_goes_where_nothing_is_new),
        cmocka_unit_test(test_sack_sender_unsure_text_goes_where_the_window_is_full),
        cmocka_unit_test(test_sack_sender_new_text_goes_before_unsure_text),
        cmocka_unit_test(test_sack_sender_lost_text_goes_before_unsure_text),
        cmocka_unit_test(test_sack_sender_unsure_text_is_sent_again_once),
        cmocka_unit_test(test_sack_sender_nothing_left_nothing_sent),
        cmocka_unit_test(test_sack_sender_rescue_after_progress),
        cmocka_unit_test(test_sack_sender_rescue_not_before_more_than_the_front),
        cmocka_unit_test(test_sack_sender_rescue_not_before_more_than_the_front_in_parts),
        cmocka_unit_test(test_sack_sender_rescue_not_before_more_than_the_front_as_it_was),
        cmocka_unit_test(test_sack_sender_rescue_once),
        cmocka_unit_test(test_sack_sender_new_text_goes_before_the_rescue),
        cmocka_unit_test(test_sack_sender_unsure_text_goes_before_the_rescue),
        cmocka_unit_test(test_sack_sender_rescue_moves_no_highrxt),
        cmocka_unit_test(test_sack_sender_rescue_bears_the_highest_octet_not_told),
        cmocka_unit_test(test_sack_sender_rescue_skips_what_is_told),
        cmocka_unit_test(test_sack_sender_rescue_stays_in_the_window),
        cmocka_unit_test(test_sack_sender_rescue_bears_the_fin),
        cmocka_unit_test(test_sack_sender_rescue_in_the_next_recovery),
        cmocka_unit_test(test_sack_sender_recovery_ends_at_recovery_point),
        cmocka_unit_test(test_sack_sender_recovery_point_does_not_move),
        cmocka_unit_test(test_sack_sender_after_recovery_the_window_bounds_the_flight),
        cmocka_unit_test(test_sack_sender_after_recovery_the_scoreboard_is_kept),
        cmocka_unit_test(test_sack_sender_after_recovery_the_count_begins_anew),
        cmocka_unit_test(test_sack_sender_recovery_begins_again),
        cmocka_unit_test(test_sack_sender_numbers_wrap),
        cmocka_unit_test(test_sack_sender_timeout_forgets_what_was_told),
        cmocka_unit_test(test_sack_sender_timeout_sends_a_front_that_was_told),
        cmocka_unit_test(test_sack_sender_timeout_sends_the_whole_front),
        cmocka_unit_test(test_sack_sender_reneging_is_mended_by_the_timeout),
        cmocka_unit_test(test_sack_sender_timeout_in_recovery_ends_it),
        cmocka_unit_test(test_sack_sender_timeout_in_recovery_moves_recovery_point),
        cmocka_unit_test(test_sack_sender_timeout_no_recovery_before_recovery_point),
        cmocka_unit_test(test_sack_sender_timeout_recovery_after_recovery_point),
        cmocka_unit_test(test_sack_sender_timeout_what_is_told_after_it_is_used),
        cmocka_unit_test(test_sack_sender_timeout_small_holes_take_what_they_are),
        cmocka_unit_test(test_sack_sender_timeout_forgets_again),
        cmocka_unit_test(test_sack_sender_text_told_of_is_kept),
        cmocka_unit_test(test_sack_sender_text_told_of_is_not_acknowledged_with_other),
        cmocka_unit_test(test_sack_sender_text_told_of_fills_the_buffer),
        cmocka_unit_test(test_sack_sender_text_told_of_can_be_sent_again),
        cmocka_unit_test(test_sack_sender_fin_told_of_is_not_acknowledged),
        cmocka_unit_test(test_sack_sender_after_close_recovery_goes_on),
        cmocka_unit_test(test_sack_sender_two_machines_send_again_what_is_lost),
        cmocka_unit_test(test_sack_sender_two_machines_any_loss),
        cmocka_unit_test(test_sack_sender_high_rxt_without_what_goes_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
