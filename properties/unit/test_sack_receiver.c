/* Selective acknowledgment, the receiver's side: when SACK is agreed, which blocks an ACK bears and
 * in which order (RFC 2018 sections 2 to 4 and 8), and the report of text that came twice (RFC
 * 2883). Octets of the peer's stream are counted from 0: an ACK of n says that n octets came in
 * order, a block {l, r} that the octets l .. r-1 wait. */
#include "fixture.h"

struct block {
    uint32_t left;
    uint32_t right;
};

/* One ACK and nothing else, with exactly these blocks; with none. */
#define expect_sack(f, ack, ...)                                                                   \
    one_ack(HERE(f), (ack), (const struct block[]){__VA_ARGS__, {0, 0}})
#define expect_no_sack(f, ack) one_ack(HERE(f), (ack), (const struct block[]){{0, 0}})
/* A segment out bears exactly these blocks. */
#define expect_blocks(f, segment, ...)                                                             \
    compare_blocks(HERE(f), (segment), (const struct block[]){__VA_ARGS__, {0, 0}})

static void fail_at(const struct fixture *f, const char *what)
{
    print_error("%s\n", what);
    _fail(f->file, f->line);
}

/* ---- what any SACK option must look like ---- */

static struct block block_of(const struct fixture *f, const struct tfsm_range *range)
{
    uint32_t zero = seq_add(f->irs, 1);
    return (struct block){seq_distance(zero, range->left), seq_distance(zero, range->right)};
}

static bool held(const struct fixture *f, uint32_t octet)
{
    return octet < WATCH_OCTETS && f->copied[octet] != 0;
}

/* RFC 2018 3: contiguous, isolated, received and queued. */
static void watch_queued(const struct fixture *f, struct block b)
{
    if (b.left >= b.right || b.left <= f->readable || b.right > WATCH_OCTETS) {
        fail_at(f, "a block is not empty and lies beyond what is acknowledged");
        return;
    }
    if (held(f, b.left - 1) || held(f, b.right)) {
        fail_at(f, "a block is isolated");
    }
    for (uint32_t octet = b.left; octet < b.right; octet++) {
        if (!held(f, octet)) {
            fail_at(f, "a block tells of what waits");
            return;
        }
    }
}

/* RFC 2883 4: a first block below the ACK, or inside the second, tells of text that came twice. */
static bool tells_of_twice(const struct fixture *f, const struct tfsm_segment *s)
{
    struct block first = block_of(f, &s->sack[0]);
    if (first.right <= f->readable) {
        return true;
    }
    if (s->sacks < 2) {
        return false;
    }
    struct block second = block_of(f, &s->sack[1]);
    return second.left <= first.left && first.right <= second.right;
}

static size_t blocks_in(const struct tfsm_segment *s)
{
    return (s->options & TFSM_OPT_SACK) != 0 ? s->sacks : 0;
}

/* RFC 2018 2 and 3: four blocks at most, three with timestamps, and the option fits the header. */
static void watch_option(const struct fixture *f, const struct tfsm_segment *s)
{
    static const uint8_t text[2 * MSS];
    static uint8_t octets[4 * MSS];
    bool stamped = (s->options & TFSM_OPT_TIMESTAMPS) != 0;
    struct tfsm_packet packet = {.src.family = 4, .dst.family = 4, .hops = 64, .segment = *s};
    if ((s->flags & TFSM_SYN) == 0 && (s->options & TFSM_OPT_SACK_PERMITTED) != 0) {
        fail_at(f, "SACK-permitted is for a SYN only");
    }
    if (blocks_in(s) > (stamped ? 3u : 4u)) {
        fail_at(f, "more blocks than fit");
    }
    if ((s->options & TFSM_OPT_SACK) != 0 && s->sacks == 0) {
        fail_at(f, "an option without blocks");
    }
    size_t n = tfsm_write(&packet, text, octets, sizeof octets);
    if (n == 0 || n > 20 + 20 + MSS + ((s->flags & TFSM_SYN) != 0 ? 40 : 0)) {
        fail_at(f, "text and options fit the MSS");
    }
}

static void watch_blocks(const struct fixture *f, const struct tfsm_segment *s)
{
    watch_option(f, s);
    for (size_t i = 0; i < blocks_in(s); i++) {
        if (i > 0 || !tells_of_twice(f, s)) {
            watch_queued(f, block_of(f, &s->sack[i]));
        }
    }
}

static void compare_blocks(const struct fixture *f, const struct tfsm_segment *s,
                           const struct block *want)
{
    size_t n = 0;
    bool same = true;
    for (; want[n].right != 0; n++) {
        struct block got = block_of(f, &s->sack[n < TFSM_SACK_MAX ? n : 0]);
        same = same && n < blocks_in(s) && got.left == want[n].left && got.right == want[n].right;
    }
    if (same && n == blocks_in(s)) {
        return;
    }
    for (size_t i = 0; i < blocks_in(s); i++) {
        struct block got = block_of(f, &s->sack[i]);
        print_error("sent: block %u..%u\n", got.left, got.right);
    }
    for (size_t i = 0; i < n; i++) {
        print_error("want: block %u..%u\n", want[i].left, want[i].right);
    }
    fail_at(f, "other blocks are told");
}

static void one_ack(struct fixture *f, uint32_t ack, const struct block *want)
{
    struct from_us bare = {.flags = TFSM_ACK, .seq = (int64_t)seq_distance(f->iss, f->sent)};
    bare.ack = 1 + (int64_t)ack;
    struct tfsm_segment s = fixture_expect_segment(f, bare);
    compare_blocks(f, &s, want);
    watch_blocks(f, &s);
    fixture_expect_nothing(f);
}

/* ---- what the peer does ---- */

/* Text from this octet of the peer's stream. */
static void text_at(struct fixture *f, uint32_t at, uint32_t len)
{
    struct from_peer what = {.flags = TFSM_ACK, .text = len};
    what.seq = (int64_t)at - (int64_t)f->readable;
    struct tfsm_segment s = segment_of(f, what);
    s.options = f->peer.options & TFSM_OPT_TIMESTAMPS;
    arrive_segment(f, &s);
}

/* Text whose ACK is of no interest. */
static void quietly(struct fixture *f, uint32_t at, uint32_t len)
{
    struct tfsm_segment s;
    text_at(f, at, len);
    while (take(f, &s)) {
        watch_blocks(f, &s);
    }
}

/* Both sides offer SACK; for what only one offers the tests change this. */
static struct fixture *both_offer(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_SACK;
    f->peer.options |= TFSM_OPT_SACK_PERMITTED;
    return f;
}

static struct fixture *agreed(void **state)
{
    struct fixture *f = both_offer(state);
    reach_established(f);
    return f;
}

static struct fixture *agreed_with_timestamps(void **state)
{
    struct fixture *f = both_offer(state);
    f->cfg.profile |= TFSM_TIMESTAMPS;
    f->peer.options |= TFSM_OPT_TIMESTAMPS;
    f->peer.ts_val = 1000;
    reach_established(f);
    return f;
}

/* So much came in order and was read: the octets of an RFC's example can be written as there. */
static struct fixture *agreed_from(void **state, uint32_t edge)
{
    struct fixture *f = both_offer(state);
    f->cfg.rcv_buff = 2 * BUFF;
    reach_established(f);
    quietly(f, 0, edge);
    user_receive(f, edge);
    struct tfsm_segment update;
    (void)drain(f, &update, 1);
    return f;
}

/* Islands of a hundred octets at 1000, 2000 .. n * 1000, in this order. */
static void islands(struct fixture *f, uint32_t n)
{
    for (uint32_t i = 1; i <= n; i++) {
        quietly(f, 1000 * i, 100);
    }
}

/* ---- agreement ---- */

/* RFC2018:2 */
static void test_sack_receiver_active_open_offers(void **state)
{
    struct fixture *f = both_offer(state);
    open_active(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_true((s.options & TFSM_OPT_SACK_PERMITTED) != 0);
    expire(f);
    s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_true((s.options & TFSM_OPT_SACK_PERMITTED) != 0);
}

static void test_sack_receiver_passive_open_offers_in_return(void **state)
{
    struct fixture *f = both_offer(state);
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_true((s.options & TFSM_OPT_SACK_PERMITTED) != 0);
    expire(f);
    s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_true((s.options & TFSM_OPT_SACK_PERMITTED) != 0);
}

static void test_sack_receiver_without_the_profile_offers_nothing(void **state)
{
    struct fixture *f = both_offer(state);
    f->cfg.profile = PROFILE;
    open_active(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(s.options & TFSM_OPT_SACK_PERMITTED, 0);
    user_abort(f);
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options & TFSM_OPT_SACK_PERMITTED, 0);
}

/* What only one side offers is not agreed, and the answer does not pretend so. */
static void test_sack_receiver_passive_open_answers_no_offer_with_none(void **state)
{
    struct fixture *f = both_offer(state);
    f->peer.options = TFSM_OPT_MSS;
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options & TFSM_OPT_SACK_PERMITTED, 0);
}

/* RFC2018:2: text, ACKs, retransmissions, FIN and RST go without. */
static void test_sack_receiver_no_segment_but_the_syn_offers(void **state)
{
    struct fixture *f = agreed(state);
    struct tfsm_segment s;
    unsigned seen = 0;
    user_send(f, 3000);
    text_at(f, 1000, 100);
    user_close(f);
    for (int i = 0; i < 3; i++) {
        while (take(f, &s)) {
            assert_int_equal(s.options & TFSM_OPT_SACK_PERMITTED, 0);
            seen |= s.flags;
        }
        expire(f);
    }
    user_abort(f);
    while (take(f, &s)) {
        assert_int_equal(s.options & TFSM_OPT_SACK_PERMITTED, 0);
        seen |= s.flags;
    }
    assert_int_equal(seen & (TFSM_ACK | TFSM_FIN | TFSM_RST), TFSM_ACK | TFSM_FIN | TFSM_RST);
}

/* RFC2018:4a: whoever opened. */
static void test_sack_receiver_active_open_agrees(void **state)
{
    struct fixture *f = agreed(state);
    text_at(f, 1000, 100);
    expect_sack(f, 0, {1000, 1100});
}

/* RFC2018:4a */
static void test_sack_receiver_passive_open_agrees(void **state)
{
    struct fixture *f = both_offer(state);
    reach_established_passive(f);
    text_at(f, 1000, 100);
    expect_sack(f, 0, {1000, 1100});
}

/* RFC2018:4a */
static void test_sack_receiver_simultaneous_open_agrees(void **state)
{
    struct fixture *f = both_offer(state);
    reach_syn_received_active(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    text_at(f, 1000, 100);
    expect_sack(f, 0, {1000, 1100});
}

/* RFC2018:4a: text out of order may be what acknowledges our SYN. */
static void test_sack_receiver_text_that_opens_is_told(void **state)
{
    struct fixture *f = both_offer(state);
    reach_syn_received(f);
    arrive(f, .flags = TFSM_ACK, .seq = 1000, .ack = 1, .text = 100);
    expect_state(f, TFSM_ESTABLISHED);
    expect_sack(f, 0, {1000, 1100});
}

/* RFC2018:4a: the user has closed, the peer has not. */
static void test_sack_receiver_after_close_goes_on(void **state)
{
    const enum tfsm_state open[] = {TFSM_FIN_WAIT_1, TFSM_FIN_WAIT_2};
    for (size_t i = 0; i < 2; i++) {
        struct fixture *f = both_offer(state);
        reach(f, open[i]);
        text_at(f, 1000, 100);
        expect_sack(f, 0, {1000, 1100});
    }
}

/* RFC2018:4b */
static void test_sack_receiver_not_permitted_tells_nothing(void **state)
{
    void (*const opened[])(struct fixture *) = {reach_established, reach_established_passive};
    for (size_t i = 0; i < 2; i++) {
        struct fixture *f = both_offer(state);
        f->peer.options = TFSM_OPT_MSS;
        opened[i](f);
        text_at(f, 1000, 100);
        expect_no_sack(f, 0);
        text_at(f, 1000, 100);
        expect_no_sack(f, 0);
        user_send(f, 10);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
        assert_int_equal(s.options & TFSM_OPT_SACK, 0);
    }
}

static void test_sack_receiver_without_the_profile_tells_nothing(void **state)
{
    void (*const opened[])(struct fixture *) = {reach_established, reach_established_passive};
    for (size_t i = 0; i < 2; i++) {
        struct fixture *f = both_offer(state);
        f->cfg.profile = PROFILE;
        opened[i](f);
        text_at(f, 1000, 100);
        expect_no_sack(f, 0);
    }
}

/* RFC2018:4b: permission is on the SYN or nowhere. */
static void test_sack_receiver_permitted_outside_a_syn_means_nothing(void **state)
{
    struct fixture *f = both_offer(state);
    f->peer.options = TFSM_OPT_MSS;
    reach_established(f);
    struct tfsm_segment s =
        segment_of(f, (struct from_peer){.flags = TFSM_ACK, .seq = 1000, .text = 100});
    s.options = TFSM_OPT_SACK_PERMITTED;
    arrive_segment(f, &s);
    expect_no_sack(f, 0);
    text_at(f, 3000, 100);
    expect_no_sack(f, 0);
}

/* RFC2018:4b: what was agreed with one peer is nothing to the next. */
static void test_sack_receiver_agreement_ends_with_the_connection(void **state)
{
    struct fixture *f = both_offer(state);
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_RST);
    expect_state(f, TFSM_LISTEN);
    f->peer.options = TFSM_OPT_MSS;
    arrive(f, .flags = TFSM_SYN);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    text_at(f, 1000, 100);
    expect_no_sack(f, 0);
}

/* ---- the blocks ---- */

/* RFC2018:3: RFC 2018 7, case 1. Nothing waits, nothing is told. */
static void test_sack_receiver_in_order_tells_nothing(void **state)
{
    struct fixture *f = agreed_from(state, 5000);
    for (uint32_t at = 5000; at < 7000; at += 500) {
        text_at(f, at, 500);
        expect_no_sack(f, at + 500);
    }
}

/* RFC2018:3, RFC2018:4c, RFC2018:4d: RFC 2018 7, case 2. [RFC2018:4h] */
static void test_sack_receiver_first_lost_block_grows(void **state)
{
    struct fixture *f = agreed_from(state, 5000);
    for (uint32_t at = 5500; at < 9000; at += 500) {
        text_at(f, at, 500);
        expect_sack(f, 5000, {5500, at + 500});
    }
}

/* RFC2018:4e, RFC2018:4f, RFC2018:4g: RFC 2018 7, case 3, to its end. */
static void test_sack_receiver_every_second_lost_blocks_pile_up(void **state)
{
    struct fixture *f = agreed_from(state, 5000);
    text_at(f, 5000, 500);
    expect_no_sack(f, 5500);
    text_at(f, 6000, 500);
    expect_sack(f, 5500, {6000, 6500});
    text_at(f, 7000, 500);
    expect_sack(f, 5500, {7000, 7500}, {6000, 6500});
    text_at(f, 8000, 500);
    expect_sack(f, 5500, {8000, 8500}, {7000, 7500}, {6000, 6500});
    text_at(f, 6500, 500);
    expect_sack(f, 5500, {6000, 7500}, {8000, 8500});
    text_at(f, 5500, 500);
    expect_sack(f, 7500, {8000, 8500});
}

/* RFC2018:4e: the newest, not the highest. */
static void test_sack_receiver_lower_text_later_comes_first(void **state)
{
    struct fixture *f = agreed(state);
    text_at(f, 3000, 1000);
    expect_sack(f, 0, {3000, 4000});
    text_at(f, 1000, 1000);
    expect_sack(f, 0, {1000, 2000}, {3000, 4000});
}

/* RFC2018:4e: all of the block that the segment made larger, at either end or between two. */
static void test_sack_receiver_block_extended_is_told_whole_and_first(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 3);
    text_at(f, 1100, 50);
    expect_sack(f, 0, {1000, 1150}, {3000, 3100}, {2000, 2100});
    text_at(f, 1900, 100);
    expect_sack(f, 0, {1900, 2100}, {1000, 1150}, {3000, 3100});
    text_at(f, 1150, 750);
    expect_sack(f, 0, {1000, 2100}, {3000, 3100});
}

/* RFC2018:4e: a segment that moved RCV.NXT is told by the ACK field. */
static void test_sack_receiver_hole_filled_in_part_tells_the_rest(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 2);
    text_at(f, 0, 400);
    expect_sack(f, 400, {2000, 2100}, {1000, 1100});
}

/* RFC2018:3, RFC2018:4c: what is acknowledged is not told again, what waits is. */
static void test_sack_receiver_block_delivered_is_told_no_more(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 3);
    text_at(f, 0, 1000);
    expect_sack(f, 1100, {3000, 3100}, {2000, 2100});
    text_at(f, 1100, 900);
    expect_sack(f, 2100, {3000, 3100});
    text_at(f, 2100, 900);
    expect_no_sack(f, 3100);
    text_at(f, 3100, 10);
    expect_no_sack(f, 3110);
}

/* RFC2018:3, RFC2018:4f */
static void test_sack_receiver_four_blocks_at_most(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 3);
    text_at(f, 4000, 100);
    expect_sack(f, 0, {4000, 4100}, {3000, 3100}, {2000, 2100}, {1000, 1100});
    text_at(f, 5000, 100);
    expect_sack(f, 0, {5000, 5100}, {4000, 4100}, {3000, 3100}, {2000, 2100});
}

/* RFC2018:3, RFC2018:4f */
static void test_sack_receiver_three_blocks_with_timestamps(void **state)
{
    struct fixture *f = agreed_with_timestamps(state);
    islands(f, 2);
    text_at(f, 3000, 100);
    expect_sack(f, 0, {3000, 3100}, {2000, 2100}, {1000, 1100});
    text_at(f, 4000, 100);
    expect_sack(f, 0, {4000, 4100}, {3000, 3100}, {2000, 2100});
    assert_true((f->tcb.flags & TFSM_M_TIMESTAMPS) != 0);
}

/* RFC2018:4g: so each block is told three times, and the one told first longest ago goes. */
static void test_sack_receiver_blocks_told_last_come_next(void **state)
{
    struct fixture *f = agreed(state);
    const uint32_t order[] = {4000, 1000, 6000, 3000, 5000};
    for (size_t i = 0; i < 5; i++) {
        quietly(f, order[i], 100);
    }
    text_at(f, 1100, 50);
    expect_sack(f, 0, {1000, 1150}, {5000, 5100}, {3000, 3100}, {6000, 6100});
    text_at(f, 4100, 50);
    expect_sack(f, 0, {4000, 4150}, {1000, 1150}, {5000, 5100}, {3000, 3100});
    text_at(f, 8000, 50);
    expect_sack(f, 0, {8000, 8050}, {4000, 4150}, {1000, 1150}, {5000, 5100});
}

/* RFC2018:4f: where two blocks became one there is room for an older one. */
static void test_sack_receiver_blocks_joined_leave_room(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 6);
    text_at(f, 5100, 900);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1);
    watch_blocks(f, &s);
    assert_int_equal(blocks_in(&s), 4);
    assert_int_equal(block_of(f, &s.sack[0]).left, 5000);
    assert_int_equal(block_of(f, &s.sack[0]).right, 6100);
}

/* RFC2018:4g: and it is the one told last. */
static void test_sack_receiver_blocks_joined_leave_room_for_the_one_told_last(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 6);
    text_at(f, 5100, 900);
    expect_sack(f, 0, {5000, 6100}, {4000, 4100}, {3000, 3100}, {2000, 2100});
}

/* RFC2018:4f, RFC2018:4g: and where a block was delivered. */
static void test_sack_receiver_block_delivered_leaves_room(void **state)
{
    struct fixture *f = agreed(state);
    for (uint32_t at = 6000; at >= 1000; at -= 1000) {
        quietly(f, at, 100);
    }
    text_at(f, 0, 1000);
    expect_sack(f, 1100, {2000, 2100}, {3000, 3100}, {4000, 4100}, {5000, 5100});
}

/* RFC2018:3: a block may lie across the end of the numbers. */
static void test_sack_receiver_numbers_wrap(void **state)
{
    struct fixture *f = both_offer(state);
    f->irs = UINT32_MAX - 1500;
    reach_established(f);
    text_at(f, 3000, 500);
    expect_sack(f, 0, {3000, 3500});
    text_at(f, 1000, 1000);
    expect_sack(f, 0, {1000, 2000}, {3000, 3500});
    text_at(f, 500, 100);
    expect_sack(f, 0, {500, 600}, {1000, 2000}, {3000, 3500});
    text_at(f, 0, 500);
    expect_sack(f, 600, {1000, 2000}, {3000, 3500});
    text_at(f, 600, 400);
    expect_sack(f, 2000, {3000, 3500});
    text_at(f, 1500, 100);
    expect_sack(f, 2000, {1500, 1600}, {3000, 3500});
}

/* RFC2018:3: text beyond the window is not queued and not told. */
static void test_sack_receiver_window_cuts_the_block(void **state)
{
    struct fixture *f = agreed(state);
    text_at(f, BUFF - 300, 1000);
    expect_sack(f, 0, {BUFF - 300, BUFF});
    text_at(f, BUFF, 100);
    expect_sack(f, 0, {BUFF - 300, BUFF});
}

/* RFC2018:4e: a FIN behind the hole; whether its number is in the block nobody says. */
static void test_sack_receiver_fin_out_of_order_tells_its_text(void **state)
{
    struct fixture *f = agreed(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1000, .text = 100);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1);
    assert_int_equal(blocks_in(&s), 1);
    assert_int_equal(block_of(f, &s.sack[0]).left, 1000);
    assert_in_range(block_of(f, &s.sack[0]).right, 1100, 1101);
    arrive(f, .flags = TFSM_ACK, .text = 1000);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1102);
    assert_int_equal(blocks_in(&s), 0);
    expect_state(f, TFSM_CLOSE_WAIT);
}

/* ---- every ACK ---- */

/* RFC2018:4d, RFC5681:3.2a, RFC5681:3.2b: at once, though ACKs may wait. */
static void test_sack_receiver_new_text_is_answered_at_once(void **state)
{
    struct fixture *f = both_offer(state);
    f->cfg.ack_delay = SECOND / 5;
    reach_established(f);
    text_at(f, 1000, 100);
    expect_sack(f, 0, {1000, 1100});
    text_at(f, 1100, 10);
    expect_sack(f, 0, {1000, 1110});
    text_at(f, 0, 500);
    expect_sack(f, 500, {1000, 1110});
    text_at(f, 500, 10);
    expect_sack(f, 510, {1000, 1110});
    text_at(f, 510, 490);
    expect_no_sack(f, 1110);
}

/* RFC2018:4c: as the answer to a segment that is refused. */
static void test_sack_receiver_challenge_bears_it(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 2);
    arrive(f, .flags = TFSM_RST, .seq = 10);
    expect_sack(f, 0, {2000, 2100}, {1000, 1100});
    arrive(f, .flags = TFSM_SYN, .seq = 10);
    expect_sack(f, 0, {2000, 2100}, {1000, 1100});
    arrive(f, .flags = TFSM_ACK, .seq = 2 * BUFF);
    expect_sack(f, 0, {2000, 2100}, {1000, 1100});
}

/* RFC2018:4c: and when it tells of a window that opened. */
static void test_sack_receiver_window_update_bears_it(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 1000);
    for (uint32_t at = 1000; at < 7000; at += 1000) {
        quietly(f, at, 1000);
    }
    text_at(f, 8000, 1000);
    expect_sack(f, 7000, {8000, 9000});
    user_receive(f, 7000);
    expect_sack(f, 7000, {8000, 9000});
}

/* RFC2018:4c: text, sent first and sent again. */
static void test_sack_receiver_text_of_ours_bears_it(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 1);
    user_send(f, 10);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    expect_blocks(f, &s, {1000, 1100});
    expect_nothing(f);
    expire(f);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    expect_blocks(f, &s, {1000, 1100});
}

/* RFC2018:4c: the FIN. */
static void test_sack_receiver_fin_of_ours_bears_it(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 1);
    user_close(f);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    expect_blocks(f, &s, {1000, 1100});
}

/* RFC2018:4c: the probe of a closed window. */
static void test_sack_receiver_probe_bears_it(void **state)
{
    struct fixture *f = agreed(state);
    f->peer.wnd = 0;
    islands(f, 1);
    user_send(f, 10);
    expect_nothing(f);
    expire(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    expect_blocks(f, &s, {1000, 1100});
}

/* RFC2018:4c: the keep-alive. */
static void test_sack_receiver_keepalive_bears_it(void **state)
{
    struct fixture *f = both_offer(state);
    f->cfg.keepalive_idle = 100 * SECOND;
    f->cfg.keepalive_every = 10 * SECOND;
    reach_established(f);
    islands(f, 1);
    expire(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 0, .ack = 1);
    expect_blocks(f, &s, {1000, 1100});
}

/* RFC2018:3: the text makes room for the blocks, Eff.snd.MSS being for both (RFC9293:MUST-16). */
static void test_sack_receiver_blocks_take_from_the_text(void **state)
{
    struct fixture *f = agreed(state);
    struct tfsm_segment s;
    uint32_t total = 0;
    islands(f, 4);
    user_send(f, 3000);
    while (take(f, &s)) {
        watch_blocks(f, &s);
        assert_int_equal(blocks_in(&s), 4);
        total += s.len;
    }
    assert_int_equal(total, 3000);
}

/* ... and what is full then is full for Nagle's algorithm, too (RFC9293:SHLD-7). */
static void test_sack_receiver_segment_full_with_blocks_is_full(void **state)
{
    struct fixture *f = both_offer(state);
    f->cfg.profile &= ~(uint32_t)TFSM_NODELAY;
    reach_established(f);
    islands(f, 4);
    user_send(f, 2500);
    struct tfsm_segment out[4];
    assert_int_equal(drain(f, out, 4), 2);
    assert_true(out[0].len > MSS - 40 && out[1].len == out[0].len);
}

/* ---- text that is not kept ---- */

/* Islands of ten octets at 100, 200 ..: as many as are remembered; answers where the next would be.
 */
static uint32_t fill(struct fixture *f)
{
    for (uint32_t at = 100; at < 8000; at += 100) {
        text_at(f, at, 10);
        if (f->fx.text_count == 0) {
            return at;
        }
        struct tfsm_segment s;
        while (take(f, &s)) {
            watch_blocks(f, &s);
        }
    }
    fail_at(HERE(f), "there is an end to what is remembered");
    return 0;
}

/* RFC2018:3, RFC2018:8b, 8c: a block tells of what is queued: not of text that had no room. RFC 2018 8
 * has that told of once, but by a receiver that drops what it has told of, and this one never does. */
static void test_sack_receiver_dropped_text_is_not_told(void **state)
{
    struct fixture *f = agreed(state);
    uint32_t at = fill(f);
    expect_sack(f, 0, {at - 100, at - 90}, {at - 200, at - 190}, {at - 300, at - 290},
                {at - 400, at - 390});
    text_at(f, 110, 10);
    expect_sack(f, 0, {100, 120}, {at - 100, at - 90}, {at - 200, at - 190}, {at - 300, at - 290});
}

/* RFC2018:3: what waits at RCV.NXT for the handshake touches the ACK and is no block. */
static void test_sack_receiver_text_of_the_syn_is_no_block(void **state)
{
    struct fixture *f = both_offer(state);
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN, .text = 10);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .seq = right_edge(f) + 5, .text = 5);
    expect_no_sack(f, 0);
}

/* RFC2018:8b, RFC2018:8c: nothing that was told is dropped for the sake of newer text: the peer
 * fills the holes and need not send a block again. */
static void test_sack_receiver_text_told_is_kept(void **state)
{
    struct fixture *f = agreed(state);
    uint32_t end = fill(f);
    quietly(f, end + 100, 10);
    quietly(f, end + 50, 500);
    for (uint32_t at = 0; at < end - 100; at += 100) {
        text_at(f, at == 0 ? 0 : at + 10, at == 0 ? 100 : 90);
        assert_int_equal(f->readable, at + 110);
        struct tfsm_segment s =
            expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + (int64_t)at + 110);
        watch_blocks(f, &s);
        expect_nothing(f);
    }
}

/* RFC2883:4b: what was dropped did not come twice when it comes again. */
static void test_sack_receiver_dropped_text_again_is_not_twice(void **state)
{
    struct fixture *f = agreed(state);
    uint32_t at = fill(f);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 1);
    text_at(f, at, 10);
    assert_int_equal(f->fx.text_count, 0);
    expect_sack(f, 0, {at - 100, at - 90}, {at - 200, at - 190}, {at - 300, at - 290},
                {at - 400, at - 390});
}

/* ---- text that came twice ---- */

/* RFC2883:4a, RFC2883:4b: RFC 2883 4.1, example 1: below the ACK, nothing waits. */
static void test_sack_receiver_twice_below_the_ack(void **state)
{
    struct fixture *f = agreed_from(state, 3000);
    quietly(f, 3000, 500);
    quietly(f, 3500, 500);
    text_at(f, 3000, 500);
    expect_sack(f, 4000, {3000, 3500});
}

/* RFC2883:4a, RFC2883:4e: example 2: below the ACK, and text waits. */
static void test_sack_receiver_twice_below_the_ack_and_text_waits(void **state)
{
    struct fixture *f = agreed_from(state, 3000);
    quietly(f, 3000, 500);
    quietly(f, 3500, 500);
    text_at(f, 4500, 500);
    expect_sack(f, 4000, {4500, 5000});
    text_at(f, 3000, 500);
    expect_sack(f, 4000, {3000, 3500}, {4500, 5000});
}

/* RFC2883:4a, RFC2883:4d: example 3: text that waits. */
static void test_sack_receiver_twice_out_of_order(void **state)
{
    struct fixture *f = agreed_from(state, 4000);
    text_at(f, 4500, 500);
    expect_sack(f, 4000, {4500, 5000});
    text_at(f, 5000, 500);
    expect_sack(f, 4000, {4500, 5500});
    text_at(f, 5000, 500);
    expect_sack(f, 4000, {5000, 5500}, {4500, 5500});
}

/* RFC2883:4b: example 4: part of the segment came before, and the rest fills the hole.
 * [RFC2883:4g] */
static void test_sack_receiver_twice_in_part_and_delivered(void **state)
{
    struct fixture *f = agreed_from(state, 500);
    quietly(f, 500, 500);
    text_at(f, 2000, 500);
    expect_sack(f, 1000, {2000, 2500});
    text_at(f, 1000, 500);
    expect_sack(f, 1500, {2000, 2500});
    text_at(f, 1000, 1000);
    expect_sack(f, 2500, {1000, 1500});
}

/* RFC2883:4b: example 5: of two pieces the first is told. [RFC2883:4h] */
static void test_sack_receiver_two_pieces_twice_tell_the_first(void **state)
{
    struct fixture *f = agreed_from(state, 500);
    quietly(f, 500, 500);
    text_at(f, 3000, 500);
    expect_sack(f, 1000, {3000, 3500});
    text_at(f, 1000, 500);
    expect_sack(f, 1500, {3000, 3500});
    text_at(f, 2000, 500);
    expect_sack(f, 1500, {2000, 2500}, {3000, 3500});
    text_at(f, 1000, 1500);
    expect_sack(f, 2500, {1000, 1500}, {3000, 3500});
}

/* RFC2883:4b, RFC2883:4d: example 6: two pieces of text that waits. [RFC2883:4h] */
static void test_sack_receiver_two_pieces_twice_out_of_order(void **state)
{
    struct fixture *f = agreed_from(state, 500);
    quietly(f, 500, 500);
    text_at(f, 3500, 500);
    expect_sack(f, 1000, {3500, 4000});
    text_at(f, 1500, 500);
    expect_sack(f, 1000, {1500, 2000}, {3500, 4000});
    text_at(f, 2500, 500);
    expect_sack(f, 1000, {2500, 3000}, {1500, 2000}, {3500, 4000});
    text_at(f, 1500, 1500);
    expect_sack(f, 1000, {1500, 2000}, {1500, 3000}, {3500, 4000});
}

/* RFC2883:4b: only what came again, from its first octet to the one after its last. [RFC2883:4g] */
static void test_sack_receiver_twice_in_part_tells_the_overlap(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 1000);
    text_at(f, 700, 500);
    expect_sack(f, 1200, {700, 1000});
    quietly(f, 2000, 500);
    text_at(f, 1900, 200);
    expect_sack(f, 1200, {2000, 2100}, {1900, 2500});
    text_at(f, 2400, 200);
    expect_sack(f, 1200, {2400, 2500}, {1900, 2600});
    text_at(f, 1800, 1000);
    expect_sack(f, 1200, {1900, 2600}, {1800, 2800});
    text_at(f, 2000, 1);
    expect_sack(f, 1200, {2000, 2001}, {1800, 2800});
}

/* RFC2883:4b: one piece that came again lies below RCV.NXT, another above a hole. */
static void test_sack_receiver_twice_on_both_sides_of_a_hole(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 1000);
    quietly(f, 2000, 1000);
    text_at(f, 500, 2000);
    expect_sack(f, 3000, {500, 1000});
}

/* RFC2883:4b: what lies before the peer's first octet never came. */
static void test_sack_receiver_twice_begins_with_the_stream(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 1000);
    arrive(f, .flags = TFSM_ACK, .seq = -1100, .text = 300);
    expect_sack(f, 1000, {0, 200});
}

/* RFC2883:4c: the next ACK says nothing of it. */
static void test_sack_receiver_twice_is_told_once(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 1000);
    text_at(f, 0, 500);
    expect_sack(f, 1000, {0, 500});
    text_at(f, 1000, 100);
    expect_no_sack(f, 1100);
    quietly(f, 2000, 100);
    text_at(f, 2000, 100);
    expect_sack(f, 1100, {2000, 2100}, {2000, 2100});
    arrive(f, .flags = TFSM_RST, .seq = 10);
    expect_sack(f, 1100, {2000, 2100});
}

/* RFC2883:4c: as often as it comes. */
static void test_sack_receiver_thrice_is_told_twice(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 1000);
    text_at(f, 0, 500);
    expect_sack(f, 1000, {0, 500});
    text_at(f, 0, 500);
    expect_sack(f, 1000, {0, 500});
}

/* RFC2883:4b: one ACK for several segments tells of the latest, which here is new. */
static void test_sack_receiver_twice_then_new_text_is_not_told(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 1000);
    text_at(f, 0, 500);
    text_at(f, 2000, 100);
    expect_sack(f, 1000, {2000, 2100});
}

/* RFC2883:4b: and here came twice as well. */
static void test_sack_receiver_two_segments_twice_tell_the_latest(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 1000);
    text_at(f, 0, 500);
    text_at(f, 600, 200);
    expect_sack(f, 1000, {600, 800});
}

/* RFC2883:4a, RFC2883:4e: it takes the place of one block. */
static void test_sack_receiver_twice_leaves_three_blocks(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 500);
    islands(f, 5);
    text_at(f, 0, 500);
    expect_sack(f, 500, {0, 500}, {5000, 5100}, {4000, 4100}, {3000, 3100});
    text_at(f, 2000, 100);
    expect_sack(f, 500, {2000, 2100}, {2000, 2100}, {5000, 5100}, {4000, 4100});
}

/* RFC2883:4a, RFC2883:4e */
static void test_sack_receiver_twice_leaves_two_blocks_with_timestamps(void **state)
{
    struct fixture *f = agreed_with_timestamps(state);
    quietly(f, 0, 500);
    islands(f, 4);
    text_at(f, 0, 500);
    expect_sack(f, 500, {0, 500}, {4000, 4100}, {3000, 3100});
    text_at(f, 2000, 100);
    expect_sack(f, 500, {2000, 2100}, {2000, 2100}, {4000, 4100});
}

/* RFC2883:4a, RFC7323:5.3a: text that what went again has overtaken bears an old timestamp; that it came twice is told all the same,
 * of a part, too, and nothing of it is taken. New text with an old timestamp tells nothing. */
static void test_sack_receiver_twice_with_an_old_timestamp(void **state)
{
    for (uint32_t quick = 0; quick <= TFSM_QUICK_ACK; quick += TFSM_QUICK_ACK) {
        struct fixture *f = agreed_with_timestamps(state);
        f->cfg.profile |= quick;
        f->peer.ts_val += 10;
        quietly(f, 0, 500);
        f->peer.ts_val -= 5;
        text_at(f, 100, 200);
        expect_sack(f, 500, {100, 300});
        assert_int_equal(f->tcb.quick_acks, quick != 0 ? TFSM_QUICK_ACKS : 0);
        text_at(f, 400, 200);
        expect_sack(f, 500, {400, 500});
        text_at(f, 500, 200);
        expect_no_sack(f, 500);
        assert_int_equal(f->readable, 500);
        /* RFC7323:5.2d: of a RST no timestamp is asked, whatever it bears */
        struct tfsm_segment rst =
            segment_of(f, (struct from_peer){.flags = TFSM_RST, .seq = -400, .text = 200});
        rst.options = TFSM_OPT_TIMESTAMPS;
        arrive_segment(f, &rst);
        expect_nothing(f);
    }
}

/* RFC2883:4d: text that came again makes its block the one told last. */
static void test_sack_receiver_twice_renews_its_block(void **state)
{
    struct fixture *f = agreed(state);
    islands(f, 5);
    quietly(f, 2000, 100);
    text_at(f, 6000, 100);
    expect_sack(f, 0, {6000, 6100}, {2000, 2100}, {5000, 5100}, {4000, 4100});
}

/* RFC2883:4a, RFC2883:4c: whichever segment goes first takes it along. */
static void test_sack_receiver_twice_is_told_by_text(void **state)
{
    struct fixture *f = agreed(state);
    quietly(f, 0, 1000);
    user_send(f, MSS + 10);
    text_at(f, 0, 500);
    struct tfsm_segment s;
    assert_true(take(f, &s));
    expect_blocks(f, &s, {0, 500});
    while (take(f, &s)) {
        assert_int_equal(blocks_in(&s), 0);
    }
}

/* RFC2883:4a: the peer has closed and sends its last text again. */
static void test_sack_receiver_twice_after_the_fin(void **state)
{
    struct fixture *f = agreed(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 100);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 102);
    assert_int_equal(blocks_in(&s), 0);
    arrive(f, .flags = TFSM_ACK, .seq = -101, .text = 100);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 102);
    expect_blocks(f, &s, {0, 100});
}

/* RFC2018:4b: without agreement it is not reported either. */
static void test_sack_receiver_twice_without_agreement(void **state)
{
    struct fixture *f = both_offer(state);
    f->peer.options = TFSM_OPT_MSS;
    reach_established(f);
    quietly(f, 0, 1000);
    text_at(f, 0, 500);
    expect_no_sack(f, 1000);
    text_at(f, 500, 1000);
    expect_no_sack(f, 1500);
}

/* ---- any order ---- */

#define STREAM 3000u /* octets of the peer's, in all */

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* The first piece of [at, at + len) that came before; empty if there is none. */
static struct block first_twice(const uint8_t *before, uint32_t at, uint32_t len)
{
    struct block b = {at, at};
    while (b.left < at + len && before[b.left] == 0) {
        b.left++;
    }
    b.right = b.left;
    while (b.right < at + len && before[b.right] != 0) {
        b.right++;
    }
    return b;
}

static size_t count_islands(const struct fixture *f)
{
    size_t n = 0;
    for (uint32_t octet = (uint32_t)f->readable + 1; octet < STREAM; octet++) {
        n += held(f, octet) && !held(f, octet - 1) ? 1 : 0;
    }
    return n;
}

/* The ACK that answers [at, at + len), all of which is known now. */
static void check_answer(struct fixture *f, const struct tfsm_segment *s, struct block twice,
                         uint32_t at, uint32_t len)
{
    size_t n = blocks_in(s);
    size_t islands_now = count_islands(f);
    size_t first = twice.left < twice.right ? 1 : 0;
    watch_blocks(f, s);
    assert_int_equal(n, islands_now + first < 4 ? islands_now + first : 4);
    if (first == 1) {
        assert_int_equal(block_of(f, &s->sack[0]).left, twice.left);
        assert_int_equal(block_of(f, &s->sack[0]).right, twice.right);
    }
    if (n > first && at + len > f->readable) {
        struct block b = block_of(f, &s->sack[first]);
        assert_true(b.left <= at && at + len <= b.right);
    }
    for (size_t i = first; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            assert_true(s->sack[i].left != s->sack[k].left);
        }
    }
}

/* RFC2018:3, RFC2018:4c, RFC2018:4d, RFC2018:4e, RFC2018:4f, RFC2883:4a, RFC2883:4b, RFC2883:4d */
static void test_sack_receiver_any_order(void **state)
{
    static uint8_t before[WATCH_OCTETS];
    for (uint32_t seed = 1; seed <= 60; seed++) {
        struct fixture *f = agreed(state);
        uint32_t random = seed;
        for (int i = 0; i < 200 && f->readable < STREAM; i++) {
            uint32_t at = next_random(&random) % (STREAM - 1);
            uint32_t len = 1 + next_random(&random) % 200;
            len = at + len > STREAM ? STREAM - at : len;
            /* Now and then the front, lest it never moves; and no more islands than there is room
             * for. */
            at = next_random(&random) % 8 == 0 || count_islands(f) > 6 ? (uint32_t)f->readable : at;
            len = at + len > STREAM ? STREAM - at : len;
            memcpy(before, f->copied, sizeof before);
            text_at(f, at, len);
            struct tfsm_segment s =
                expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + (int64_t)f->readable);
            check_answer(f, &s, first_twice(before, at, len), at, len);
            expect_nothing(f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sack_receiver_active_open_offers),
        cmocka_unit_test(test_sack_receiver_passive_open_offers_in_return),
        cmocka_unit_test(test_sack_receiver_without_the_profile_offers_nothing),
        cmocka_unit_test(test_sack_receiver_passive_open_answers_no_offer_with_none),
        cmocka_unit_test(test_sack_receiver_no_segment_but_the_syn_offers),
        cmocka_unit_test(test_sack_receiver_active_open_agrees),
        cmocka_unit_test(test_sack_receiver_passive_open_agrees),
        cmocka_unit_test(test_sack_receiver_simultaneous_open_agrees),
        cmocka_unit_test(test_sack_receiver_text_that_opens_is_told),
        cmocka_unit_test(test_sack_receiver_after_close_goes_on),
        cmocka_unit_test(test_sack_receiver_not_permitted_tells_nothing),
        cmocka_unit_test(test_sack_receiver_without_the_profile_tells_nothing),
        cmocka_unit_test(test_sack_receiver_permitted_outside_a_syn_means_nothing),
        cmocka_unit_test(test_sack_receiver_agreement_ends_with_the_connection),
        cmocka_unit_test(test_sack_receiver_in_order_tells_nothing),
        cmocka_unit_test(test_sack_receiver_first_lost_block_grows),
        cmocka_unit_test(test_sack_receiver_every_second_lost_blocks_pile_up),
        cmocka_unit_test(test_sack_receiver_lower_text_later_comes_first),
        cmocka_unit_test(test_sack_receiver_block_extended_is_told_whole_and_first),
        cmocka_unit_test(test_sack_receiver_hole_filled_in_part_tells_the_rest),
        cmocka_unit_test(test_sack_receiver_block_delivered_is_told_no_more),
        cmocka_unit_test(test_sack_receiver_four_blocks_at_most),
        cmocka_unit_test(test_sack_receiver_three_blocks_with_timestamps),
        cmocka_unit_test(test_sack_receiver_blocks_told_last_come_next),
        cmocka_unit_test(test_sack_receiver_blocks_joined_leave_room),
        cmocka_unit_test(test_sack_receiver_blocks_joined_leave_room_for_the_one_told_last),
        cmocka_unit_test(test_sack_receiver_block_delivered_leaves_room),
        cmocka_unit_test(test_sack_receiver_numbers_wrap),
        cmocka_unit_test(test_sack_receiver_window_cuts_the_block),
        cmocka_unit_test(test_sack_receiver_fin_out_of_order_tells_its_text),
        cmocka_unit_test(test_sack_receiver_new_text_is_answered_at_once),
        cmocka_unit_test(test_sack_receiver_challenge_bears_it),
        cmocka_unit_test(test_sack_receiver_window_update_bears_it),
        cmocka_unit_test(test_sack_receiver_text_of_ours_bears_it),
        cmocka_unit_test(test_sack_receiver_fin_of_ours_bears_it),
        cmocka_unit_test(test_sack_receiver_probe_bears_it),
        cmocka_unit_test(test_sack_receiver_keepalive_bears_it),
        cmocka_unit_test(test_sack_receiver_blocks_take_from_the_text),
        cmocka_unit_test(test_sack_receiver_segment_full_with_blocks_is_full),
        cmocka_unit_test(test_sack_receiver_dropped_text_is_not_told),
        cmocka_unit_test(test_sack_receiver_text_of_the_syn_is_no_block),
        cmocka_unit_test(test_sack_receiver_text_told_is_kept),
        cmocka_unit_test(test_sack_receiver_dropped_text_again_is_not_twice),
        cmocka_unit_test(test_sack_receiver_twice_below_the_ack),
        cmocka_unit_test(test_sack_receiver_twice_below_the_ack_and_text_waits),
        cmocka_unit_test(test_sack_receiver_twice_out_of_order),
        cmocka_unit_test(test_sack_receiver_twice_in_part_and_delivered),
        cmocka_unit_test(test_sack_receiver_two_pieces_twice_tell_the_first),
        cmocka_unit_test(test_sack_receiver_two_pieces_twice_out_of_order),
        cmocka_unit_test(test_sack_receiver_twice_in_part_tells_the_overlap),
        cmocka_unit_test(test_sack_receiver_twice_on_both_sides_of_a_hole),
        cmocka_unit_test(test_sack_receiver_twice_begins_with_the_stream),
        cmocka_unit_test(test_sack_receiver_twice_is_told_once),
        cmocka_unit_test(test_sack_receiver_thrice_is_told_twice),
        cmocka_unit_test(test_sack_receiver_twice_then_new_text_is_not_told),
        cmocka_unit_test(test_sack_receiver_two_segments_twice_tell_the_latest),
        cmocka_unit_test(test_sack_receiver_twice_leaves_three_blocks),
        cmocka_unit_test(test_sack_receiver_twice_leaves_two_blocks_with_timestamps),
        cmocka_unit_test(test_sack_receiver_twice_with_an_old_timestamp),
        cmocka_unit_test(test_sack_receiver_twice_renews_its_block),
        cmocka_unit_test(test_sack_receiver_twice_is_told_by_text),
        cmocka_unit_test(test_sack_receiver_twice_after_the_fin),
        cmocka_unit_test(test_sack_receiver_twice_without_agreement),
        cmocka_unit_test(test_sack_receiver_any_order),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    give_room(64);
    return failed + cmocka_run_group_tests_name("tests, room for 64 ranges", tests, NULL, NULL);
}
