/* How much a recovery lets out: proportional rate reduction (RFC 6937) with its slow start bound, where RACK tells what
 * is lost. Twenty segments are in flight that left together, and the order is kept, so that everything below the
 * highest that came is lost once three have come. What the RFC counts is counted here, too, in octets, from nothing but
 * what is put in and what comes out; a segment goes when sndcnt lets out the whole of it. At the moment a recovery
 * begins that would often be none, and the first that is lost goes all the same (RFC5681:3.2i): prr_out knows. */
#include "recovering.h"

#define SEGMENTS 200u
#define FLIGHT   20u
#define LATER    (GRAIN + 2 * MS) /* so that times of sending are told apart */

/* What the test knows of each segment. */
enum fate { UNSENT, OUT, LOST, AGAIN, CAME };

struct ledger {
    enum fate fate[SEGMENTS];
    uint32_t una;       /* segments in order at the peer */
    uint32_t next;      /* the first that was not sent */
    uint32_t highest;   /* after the last of the first flight that came */
    uint32_t came;      /* octets, ever */
    uint32_t told;      /* of these, before the last ACK */
    uint64_t delivered; /* prr_delivered */
    uint64_t out;       /* prr_out */
    uint32_t flight;    /* RecoverFS */
    bool recovering;
};

static struct fixture *proportional(void **state, uint32_t profile)
{
    struct fixture *f = offering(state);
    f->cfg.profile |= TFSM_PRR | profile;
    f->cfg.initial_window = FLIGHT;
    return f;
}

/* Twenty segments have left, in answer to the peer's greeting. There is as much to send behind them. */
static struct fixture *twenty_out(void **state, struct ledger *l, uint32_t profile, uint32_t more)
{
    struct fixture *f = proportional(state, profile);
    memset(l, 0, sizeof *l);
    reach_timed(f);
    acked_with_text(f, 0);
    expect_ack(f);
    user_send(f, FLIGHT * MSS + more);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), FLIGHT);
    for (l->next = 0; l->next < FLIGHT; l->next++) {
        l->fate[l->next] = OUT;
    }
    in_a(f, R);
    return f;
}

static uint64_t pipe_of(const struct ledger *l)
{
    uint64_t pipe = 0;
    for (uint32_t i = 0; i < l->next; i++) {
        pipe += l->fate[i] == OUT || l->fate[i] == AGAIN ? MSS : 0;
    }
    return pipe;
}

/* This segment came through. */
static void comes(struct ledger *l, uint32_t i)
{
    l->came += l->fate[i] != CAME ? MSS : 0;
    l->fate[i] = CAME;
    if (i < FLIGHT && i >= l->highest) {
        l->highest = i + 1;
    }
    while (l->una < l->next && l->fate[l->una] == CAME) {
        l->una++;
    }
}

/* The peer tells of what came: the ranges nearest to the end. */
static void tell(struct fixture *f, const struct ledger *l)
{
    struct block blocks[TFSM_SACK_MAX + 1] = {{0, 0}};
    uint32_t n = 0;
    for (uint32_t i = l->next; i > l->una && n < TFSM_SACK_MAX; i--) {
        if (l->fate[i - 1] == CAME) {
            uint32_t right = i;
            while (l->fate[i - 1] == CAME) {
                i--;
            }
            blocks[n++] = (struct block){i * MSS, right * MSS};
        }
    }
    ack_comes(f, l->una * MSS, blocks, 0);
}

/* sndcnt, after this ACK and what it shows as lost. */
static uint64_t sndcnt(const struct fixture *f, const struct ledger *l, uint64_t delivered)
{
    uint64_t ssthresh = f->tcb.ssthresh;
    uint64_t pipe = pipe_of(l);
    if (pipe > ssthresh) {
        uint64_t whole = (l->delivered * ssthresh + l->flight - 1) / l->flight;
        return whole > l->out ? whole - l->out : 0;
    }
    uint64_t limit = l->delivered > l->out ? l->delivered - l->out : 0;
    limit = (limit > delivered ? limit : delivered) + MSS;
    return ssthresh - pipe < limit ? ssthresh - pipe : limit;
}

static bool three_came(const struct ledger *l)
{
    return l->came - l->una * MSS >= 3 * MSS;
}

/* The ACK for what came since the last goes in. How many segments may go out. */
static uint32_t acknowledge(struct fixture *f, struct ledger *l)
{
    uint32_t delivered = l->came - l->told;
    l->told = l->came;
    uint32_t flight = in_flight(f);
    bool begins = !l->recovering && three_came(l);
    tell(HERE(f), l);
    if (begins) {
        l->recovering = true;
        l->flight = flight;
        expect_recovery(f);
    }
    if (!l->recovering) {
        return 0;
    }
    for (uint32_t i = 0; i < l->highest; i++) {
        l->fate[i] = l->fate[i] == OUT ? LOST : l->fate[i];
    }
    l->delivered += delivered;
    uint64_t n = sndcnt(f, l, delivered) / MSS;
    return n == 0 && begins ? 1 : (uint32_t)n;
}

/* What goes out is the lowest that is lost, and then new text; so many segments. */
static uint32_t goes(struct fixture *f, struct ledger *l)
{
    struct tfsm_segment s;
    uint32_t n = 0;
    while (take(f, &s)) {
        uint32_t i = 0;
        while (i < l->next && l->fate[i] != LOST) {
            i++;
        }
        assert_int_equal(seq_distance(f->iss, s.seq) - 1, i * MSS);
        assert_int_equal(s.len, MSS);
        l->fate[i] = i < l->next ? AGAIN : OUT;
        l->next += i == l->next ? 1 : 0;
        l->out += l->recovering ? MSS : 0;
        n++;
    }
    return n;
}

/* Some segments come through, one ACK tells of them, and what goes out is what the RFC says. How many that is. */
static uint32_t arrive_some(struct fixture *f, struct ledger *l, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        comes(l, i);
    }
    uint32_t may = acknowledge(f, l);
    uint32_t n = goes(f, l);
    if (l->recovering && n != may) {
        complain(f, "segments sent", n, may);
    }
    return n;
}

/* ---- the examples ---- */

/* RFC6937:3d, RFC6937:3e, RFC6937:6, RFC6937:3a: section 3.1, the first fifteen of twenty are lost: with two more of
 * limited transmit, each of the last three ACKs lets out two segments. */
static void test_prr_a_burst_of_losses(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, TFSM_LIMITED_TRANSMIT, 20 * MSS);
    sacked(f, 0, {15000, 16000});
    expect_sent(f, 20000, 1000);
    expect_nothing(f);
    sacked(f, 0, {15000, 17000});
    expect_sent(f, 21000, 1000);
    expect_nothing(f);
    sacked(f, 0, {15000, 18000});
    expect_recovery(f);
    assert_int_equal(f->tcb.ssthresh, 10000);
    expect_lost(f, 15000);
    for (uint32_t i = 0; i < 3; i++) { /* pipe is 4, 5 and 6 */
        if (i > 0) {
            sacked(f, 0, {15000, 18000 + 1000 * i});
        }
        expect_sent(f, 2000 * i, 1000);
        expect_sent(f, 2000 * i + 1000, 1000);
        expect_nothing(f);
    }
}

/* RFC6937:3a, RFC6937:3c, RFC6937:3h, RFC6937:3g: one loss, with the two of limited transmit in RecoverFS: what goes out
 * follows what comes in at ten to twenty-two, until there are ten on their way. Who counts whole segments, and rounds up, is half
 * a segment ahead of that. */
static void test_prr_one_loss(void **state)
{
    static const uint32_t sent[17] = {1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1};
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, TFSM_LIMITED_TRANSMIT, 40 * MSS);
    assert_int_equal(arrive_some(f, &l, 1, 2), 1);
    assert_int_equal(arrive_some(f, &l, 2, 3), 1);
    in_a(f, LATER);
    for (uint32_t i = 0; i < 17; i++) {
        assert_int_equal(arrive_some(f, &l, 3 + i, 4 + i), sent[i]);
        if (i == 0) {
            assert_int_equal(f->tcb.ssthresh, 10000);
            assert_int_equal(l.flight, 22000);
        }
    }
    in_a(f, R - LATER);
    assert_int_equal(arrive_some(f, &l, 20, 21), 1);
    assert_int_equal(arrive_some(f, &l, 21, 22), 1);
    in_a(f, LATER);
    assert_int_equal(pipe_of(&l), 10000);
    comes(&l, 0);
    tell(f, &l);
    expect_no_recovery(f);
    assert_int_equal(f->tcb.cwnd, 10000);
}

/* RFC6937:3d: without PRR the same burst of losses is answered by a burst: what there is room for. */
static void test_prr_off(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 0);
    f->cfg.profile &= ~(uint32_t)TFSM_PRR;
    sacked(f, 0, {15000, 18000});
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 8);
    f = twenty_out(state, &l, 0, 0);
    assert_int_equal(arrive_some(f, &l, 15, 18), 4); /* three came, and one more */
}

/* RFC8985:9.3b: in every policy that has a name who tells losses by time answers them so. */
static void test_prr_goes_with_rack(void **state)
{
    static const char *const names[] = {"today", "rfc9293", "rfc793", "minimal"};
    unsigned with = 0;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct tfsm_config cfg;
        assert_true(tfsm_config_named(names[i], &cfg));
        bool rack = (cfg.profile & TFSM_RACK) != 0;
        with += rack;
        assert_true(!rack || (cfg.profile & TFSM_PRR) != 0);
    }
    assert_true(with > 0);
}

/* ---- by the formulas ---- */

/* RFC6937:3e: an ACK for several lets out as many, and one more. */
static void test_prr_a_stretched_ack(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 20 * MSS);
    (void)arrive_some(f, &l, 10, 11);
    (void)arrive_some(f, &l, 11, 12);
    assert_int_equal(arrive_some(f, &l, 12, 13), 2);
    assert_int_equal(arrive_some(f, &l, 13, 18), 6);
}

/* RFC6937:3c: the share is rounded up: where half of an odd number of octets may be in flight, half an octet less than two
 * segments lets out the second of them all the same. */
static void test_prr_rounds_up(void **state)
{
    struct fixture *f = proportional(state, TFSM_NODELAY);
    reach_timed(f);
    user_send(f, (FLIGHT - 1) * MSS + 1);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), FLIGHT);
    user_send(f, 20 * MSS);
    expect_nothing(f);
    in_a(f, R);
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    assert_int_equal(f->tcb.ssthresh, 9500);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    sacked(f, 0, {1000, 5000}); /* 4000 * 9500 / 19001 is 1999.9 */
    expect_sent(f, 19001, 1000);
    expect_nothing(f);
}

/* RFC6937:3b: what was told by SACK and is acknowledged then is not delivered again. */
static void test_prr_a_jump_delivers_one_segment(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 60 * MSS);
    for (uint32_t i = 1; i < FLIGHT; i++) {
        if (i != 15) {
            (void)arrive_some(f, &l, i, i + 1);
        }
    }
    in_a(f, R);
    (void)arrive_some(f, &l, 0, 1);
    assert_int_equal(l.una, 15);
    expect_recovery(f);
}

/* RFC6937:3b, RFC6937:3c, RFC6937:3d, RFC6937:3e, RFC6937:3h, RFC6937:3i: whatever is lost, and however the ACKs come,
 * each lets out what the formulas say; whatever congestion control made ssthresh. [RFC9438:4.6h] */
static void test_prr_any_loss(void **state)
{
    static const uint32_t profiles[] = {0, TFSM_CUBIC};
    for (uint32_t seed = 1; seed <= 400; seed++) {
        struct ledger l;
        struct fixture *f = twenty_out(state, &l, profiles[seed % 2], 150 * MSS);
        uint32_t random = seed;
        uint32_t one_in = 2 + seed % 7;
        uint32_t pending = 0;
        for (uint32_t i = 1; i < FLIGHT; i++) { /* the first is lost */
            random = random * 1664525u + 1013904223u;
            if ((random >> 8) % one_in != 0) {
                comes(&l, i);
                pending++;
            }
            if (pending > 0 && (random >> 20) % 3 != 0) {
                pending = 0;
                (void)arrive_some(f, &l, 0, 0);
            }
        }
    }
}

/* RFC6937:3d, RFC6937:8: in pieces, too: octets are counted, and what is on its way stays below ssthresh. */
static void test_prr_divided_acks(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 60 * MSS);
    (void)arrive_some(f, &l, 10, 13);
    struct tfsm_segment s;
    uint32_t on_the_way = (uint32_t)pipe_of(&l);
    for (uint32_t end = 13100; end <= 20000; end += 100) {
        sacked(f, 0, {10000, end});
        on_the_way -= 100;
        while (take(f, &s)) {
            on_the_way += s.len;
        }
        assert_true(on_the_way <= 10000);
    }
    assert_true(on_the_way > 9000);
}

/* RFC6937:3d, RFC6937:3i: an application that had nothing to send at first may make up for that; ssthresh stays the
 * bound. */
static void test_prr_a_stalled_application(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 0);
    for (uint32_t i = 1; i < 18; i++) {
        comes(&l, i);
        (void)acknowledge(f, &l);
        (void)goes(f, &l);
    }
    assert_int_equal(pipe_of(&l), 3000); /* the first once more, and the last two */
    user_send(f, 20 * MSS);
    (void)goes(f, &l);
    assert_true(pipe_of(&l) <= 10000);
    comes(&l, 18);
    (void)acknowledge(f, &l);
    (void)goes(f, &l);
    assert_int_equal(pipe_of(&l), 10000);
}

/* RFC6937:3d, RFC6937:3i: the retransmissions come through, by and by: never more than ssthresh is on its way. */
static void test_prr_never_more_than_ssthresh(void **state)
{
    for (uint32_t lost = 1; lost < 17; lost++) {
        struct ledger l;
        struct fixture *f = twenty_out(state, &l, 0, 150 * MSS);
        for (uint32_t i = lost; i < FLIGHT; i++) {
            (void)arrive_some(f, &l, i, i + 1);
        }
        in_a(f, R);
        while (l.una < FLIGHT - 1) {
            uint32_t i = l.una;
            while (i < FLIGHT && l.fate[i] == AGAIN) { /* all that went again is there by now */
                comes(&l, i++);
                if (l.una >= FLIGHT) {
                    break;
                }
                (void)arrive_some(f, &l, 0, 0);
                assert_true(pipe_of(&l) <= 10000);
            }
            if (l.una < FLIGHT) {
                in_a(f, R);
            }
        }
        tell(f, &l);
        expect_no_recovery(f);
        assert_int_equal(f->tcb.cwnd, 10000);
        (void)goes(f, &l);
        assert_true(in_flight(f) <= 10000);
    }
}

/* RFC6937:3d, RFC6937:3e: where the reordering timer begins it nothing was delivered, and one segment goes. */
static void test_prr_begun_by_the_timer(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 0);
    sacked(f, 0, {19000, 20000});
    expect_due(f, zero + R + QUARTER);
    expire(f);
    expect_recovery(f);
    expect_lost(f, 19000);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    in_a(f, R);
    sacked(f, 1000, {19000, 20000});
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
}

/* ---- its end ---- */

/* RFC6937:3a: the window is ssthresh afterwards, and what lies below it goes, no more. */
static void test_prr_ends_at_ssthresh(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 150 * MSS);
    for (uint32_t i = 1; i < FLIGHT; i++) {
        (void)arrive_some(f, &l, i, i + 1);
    }
    in_a(f, R);
    comes(&l, 0);
    tell(f, &l);
    expect_no_recovery(f);
    assert_int_equal(f->tcb.cwnd, 10000);
    assert_int_equal(f->tcb.ssthresh, 10000);
    (void)goes(f, &l);
    assert_int_equal(in_flight(f), 10000);
}

/* RFC6937:3a: a timeout ends it: slow start from one segment (RFC5681:3.1l). */
static void test_prr_a_timeout_ends_it(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 0);
    (void)arrive_some(f, &l, 15, 18);
    struct tfsm_segment s;
    do {
        expire(f);
    } while ((f->tcb.flags & TFSM_M_LOSS) == 0);
    expect_no_recovery(f);
    assert_int_equal(f->tcb.cwnd, 1000);
    assert_int_equal(drain(f, &s, 1), 1);
    in_a(f, R);
    acked(f, 1000);
    assert_int_equal(f->tcb.cwnd, 2000);
    assert_int_equal(drain(f, &s, 1), 2);
}

/* RFC6937:3a: the next recovery counts anew. */
static void test_prr_the_next_counts_anew(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 150 * MSS);
    for (uint32_t i = 1; i < FLIGHT; i++) {
        (void)arrive_some(f, &l, i, i + 1);
    }
    in_a(f, R);
    comes(&l, 0);
    tell(f, &l);
    (void)goes(f, &l);
    uint32_t b = una(f);
    assert_int_equal(in_flight(f), 10000);
    in_a(f, R);
    sacked(f, b, {b + 1000, b + 4000});
    expect_recovery(f);
    assert_int_equal(f->tcb.ssthresh, 5000);
    /* three of ten came, pipe is six: 3 * 5 / 10 segments */
    expect_sent(f, b, 1000);
    expect_nothing(f);
    sacked(f, b, {b + 1000, b + 5000}); /* pipe is six, 4 * 5 / 10 less the one */
    expect_sent(f, b + 10000, 1000);
    expect_nothing(f);
    sacked(f, b, {b + 1000, b + 6000}); /* pipe is six, and half a segment is left over */
    expect_nothing(f);
}

/* RFC6937:3a: a retransmission that is lost sets a lower target (RFC5681:4.3d), which bounds what goes from then on. The
 * one that is lost went later than the window was cut. */
static void test_prr_a_lost_retransmission(void **state)
{
    struct ledger l;
    struct fixture *f = twenty_out(state, &l, 0, 0);
    (void)arrive_some(f, &l, 15, 18);
    in_a(f, 2 * GRAIN);
    assert_int_equal(arrive_some(f, &l, 18, 19), 2);
    assert_int_equal(l.fate[5], AGAIN);
    in_a(f, R);
    acked(f, 4000); /* the fifth went with the sixth, and does not come */
    assert_int_equal(f->tcb.ssthresh, 10000);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    sacked(f, 4000, {5000, 6000}, {15000, 19000});
    expect_recovery(f);
    assert_int_equal(f->tcb.ssthresh, 5000);
}

/* RFC6937:3a, RFC6937:3b: the first ACK of all may begin a recovery: what it delivers is what it tells of, whatever the
 * first number is. */
static void test_prr_the_first_ack_begins_a_recovery(void **state)
{
    static const uint32_t isns[] = {1000, 5000, 1000000, 0x7fffffff, 0x90000000, UINT32_MAX - 500};
    for (size_t i = 0; i < sizeof isns / sizeof isns[0]; i++) {
        struct fixture *f = proportional(state, 0);
        f->iss = isns[i];
        reach_timed(f);
        burst(f, FLIGHT);
        at(f, R);
        sacked(f, 0, {15000, 18000});
        struct tfsm_segment s;
        assert_int_equal(drain(f, &s, 1), 4);
        sacked(f, 0, {15000, 19000});
        assert_int_equal(drain(f, &s, 1), 2);
    }
}

/* A policy that has it only after a recovery has begun: what was counted before says nothing, and no burst follows. */
static void test_prr_switched_on_in_a_recovery(void **state)
{
    for (uint32_t earlier = 0; earlier < 2; earlier++) {
        struct fixture *f = proportional(state, 0);
        const uint32_t bits = TFSM_RACK | TFSM_PRR;
        reach_timed(f);
        f->cfg.profile &= ~bits;
        burst(f, FLIGHT);
        in_a(f, R);
        sacked(f, 0, {1000, 4000});
        struct tfsm_segment s;
        (void)drain(f, &s, 1);
        expect_recovery(f);
        f->tcb.prr_out = earlier > 0 ? UINT32_MAX : f->tcb.prr_out;
        f->cfg.profile |= bits;
        sacked(f, 0, {1000, 6000});
        assert_in_range(f->tcb.cwnd, MSS, FLIGHT * MSS);
        assert_in_range(f->tcb.prr_delivered, 2 * MSS, FLIGHT * MSS);
        (void)drain(f, &s, 1);
        assert_true(earlier == 0 || f->tcb.prr_out >= TFSM_BUFF_MAX); /* it does not begin anew */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prr_a_burst_of_losses),
        cmocka_unit_test(test_prr_one_loss),
        cmocka_unit_test(test_prr_off),
        cmocka_unit_test(test_prr_goes_with_rack),
        cmocka_unit_test(test_prr_a_stretched_ack),
        cmocka_unit_test(test_prr_rounds_up),
        cmocka_unit_test(test_prr_a_jump_delivers_one_segment),
        cmocka_unit_test(test_prr_any_loss),
        cmocka_unit_test(test_prr_divided_acks),
        cmocka_unit_test(test_prr_a_stalled_application),
        cmocka_unit_test(test_prr_never_more_than_ssthresh),
        cmocka_unit_test(test_prr_begun_by_the_timer),
        cmocka_unit_test(test_prr_ends_at_ssthresh),
        cmocka_unit_test(test_prr_a_timeout_ends_it),
        cmocka_unit_test(test_prr_the_next_counts_anew),
        cmocka_unit_test(test_prr_a_lost_retransmission),
        cmocka_unit_test(test_prr_the_first_ack_begins_a_recovery),
        cmocka_unit_test(test_prr_switched_on_in_a_recovery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
