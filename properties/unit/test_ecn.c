/* Explicit congestion notification (RFC 3168 6.1): who agrees to it, which segments the network may
 * mark, how a receiver tells of a mark, and what a sender does then. */
#include "fixture.h"

#define BOTH    (TFSM_ECE | TFSM_CWR)
#define IW      10u    /* initial window in segments */
#define WIDE    60000u /* the peer's window where ours is to decide */
#define MUCH    60000u /* send buffer */
#define CAREFUL ((uint32_t)(TFSM_ECN | TFSM_CONGESTION | TFSM_LIMITED_TRANSMIT))

/* ---- connections ---- */

static void drop_output(struct fixture *f)
{
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
}

static struct fixture *with_ecn(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_ECN;
    return f;
}

static void reach_ecn(struct fixture *f)
{
    reach_syn_sent(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_ECE, .ack = 1);
    drop_output(f);
    expect_state(f, TFSM_ESTABLISHED);
}

static struct fixture *in_ecn(void **state)
{
    struct fixture *f = with_ecn(state);
    reach_ecn(f);
    return f;
}

/* Ten segments in flight, and as many more as there is window for. */
static struct fixture *in_flow(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= CAREFUL;
    f->cfg.initial_window = IW;
    f->cfg.snd_buff = MUCH;
    f->peer.wnd = WIDE;
    reach_ecn(f);
    user_send(f, MUCH);
    drop_output(f);
    assert_int_equal(in_flight(f), IW * MSS);
    return f;
}

/* A segment that the network marked. */
static void marked_in(struct fixture *f, struct from_peer what)
{
    struct tfsm_segment s = segment_of(f, what);
    s.ecn = TFSM_CE;
    arrive_segment(f, &s);
}

#define marked(f, ...) marked_in(HERE(f), (struct from_peer){__VA_ARGS__})

/* The flags of the only segment there is. */
static unsigned flags_out(struct fixture *f)
{
    struct tfsm_segment s;
    assert_true(take(f, &s));
    expect_nothing(f);
    return s.flags & (unsigned)~TFSM_PSH;
}

static struct tfsm_status_block status(const struct fixture *f)
{
    struct tfsm_status_block block;
    assert_int_equal(tfsm_status(&f->tcb, &block), TFSM_DONE);
    return block;
}

/* ---- the agreement: RFC 3168 6.1.1 ---- */

/* RFC3168:6.1.1a, RFC3168:6.1.1c */
static void test_ecn_syn_offers(void **state)
{
    struct fixture *f = with_ecn(state);
    open_active(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | BOTH, .len = 1);
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
}

/* RFC3168:6.1.1b */
static void test_ecn_syn_without_the_profile_does_not_offer(void **state)
{
    struct fixture *f = fresh(state);
    open_active(f);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
}

/* RFC3168:6.1.1.1: a network that drops such SYNs must not keep us out. */
static void test_ecn_syn_again_offers_no_more(void **state)
{
    struct fixture *f = with_ecn(state);
    open_active(f);
    drop_output(f);
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        expire(f);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
        assert_int_equal(s.ecn, TFSM_NOT_ECT);
    }
}

/* RFC3168:6.1.1i: the offer of the first SYN was accepted, so marks are heeded although the second had
 * none. */
static void test_ecn_ce_is_heeded_after_a_syn_without_offer(void **state)
{
    struct fixture *f = with_ecn(state);
    open_active(f);
    drop_output(f);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_ECE, .ack = 1);
    drop_output(f);
    expect_state(f, TFSM_ESTABLISHED);
    marked(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
}

/* RFC3168:6.1.1a, RFC3168:6.1.1d: only ECE without CWR accepts: a peer that sends back what it got
 * knows nothing of ECN. [RFC3168:6.1.1j] */
static void test_ecn_syn_ack_decides(void **state)
{
    static const uint8_t answers[] = {0, TFSM_ECE, TFSM_CWR, BOTH};
    for (size_t i = 0; i < sizeof answers; i++) {
        struct fixture *f = with_ecn(state);
        reach_syn_sent(f);
        arrive(f, .flags = (uint8_t)(TFSM_SYN | TFSM_ACK | answers[i]), .ack = 1);
        drop_output(f);
        expect_state(f, TFSM_ESTABLISHED);
        user_send(f, 10);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
        assert_int_equal(s.ecn, answers[i] == TFSM_ECE ? TFSM_ECT_0 : TFSM_NOT_ECT);
        marked(f, .flags = TFSM_ACK, .text = 10);
        assert_int_equal(flags_out(f), answers[i] == TFSM_ECE ? TFSM_ACK | TFSM_ECE : TFSM_ACK);
    }
}

/* RFC3168:6.1.1a, RFC3168:6.1.1c, RFC3168:6.1.1d: only both offer; the answer is ECE.
 * [RFC3168:6.1.1e, RFC3168:6.1.1f, RFC3168:6.1.1j] */
static void test_ecn_syn_decides(void **state)
{
    static const uint8_t offers[] = {0, TFSM_ECE, TFSM_CWR, BOTH};
    for (size_t i = 0; i < sizeof offers; i++) {
        struct fixture *f = with_ecn(state);
        bool agreed = offers[i] == BOTH;
        reach_listen(f);
        arrive(f, .flags = (uint8_t)(TFSM_SYN | offers[i]));
        struct tfsm_segment s =
            expect_segment(f, .flags = (uint8_t)(TFSM_SYN | TFSM_ACK | (agreed ? TFSM_ECE : 0)),
                           .ack = 1, .len = 1);
        assert_int_equal(s.ecn, TFSM_NOT_ECT);
        arrive(f, .flags = TFSM_ACK, .ack = 1);
        user_send(f, 10);
        s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
        assert_int_equal(s.ecn, agreed ? TFSM_ECT_0 : TFSM_NOT_ECT);
    }
}

/* RFC3168:6.1.1b: who is not willing clears both, and takes no notice afterwards. */
static void test_ecn_syn_ack_without_the_profile_refuses(void **state)
{
    struct fixture *f = fresh(state);
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN | BOTH);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    marked(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK);
}

/* RFC3168:6.1.1a: the answer is not for who did not ask. */
static void test_ecn_syn_ack_that_accepts_nothing(void **state)
{
    struct fixture *f = fresh(state);
    reach_syn_sent(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_ECE, .ack = 1);
    drop_output(f);
    user_send(f, 10);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
}

/* RFC3168:6.1.1c: however often it goes. */
static void test_ecn_syn_ack_again_is_not_ect(void **state)
{
    struct fixture *f = with_ecn(state);
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN | BOTH);
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        struct tfsm_segment s;
        assert_true(take(f, &s));
        assert_int_equal(s.flags & (TFSM_SYN | TFSM_ACK | TFSM_CWR), TFSM_SYN | TFSM_ACK);
        assert_int_equal(s.ecn, TFSM_NOT_ECT);
        expire(f);
    }
}

/* RFC3168:6.1.1a: SYNs that cross: each sees the other's offer; ECT only if it does. */
static void test_ecn_simultaneous_open(void **state)
{
    static const uint8_t offers[] = {0, TFSM_ECE, TFSM_CWR, BOTH};
    for (size_t i = 0; i < sizeof offers; i++) {
        struct fixture *f = with_ecn(state);
        struct tfsm_segment s;
        reach_syn_sent(f);
        arrive(f, .flags = (uint8_t)(TFSM_SYN | offers[i]));
        assert_true(take(f, &s));
        assert_int_equal(s.flags & TFSM_CWR, 0);
        assert_int_equal(s.ecn, TFSM_NOT_ECT);
        arrive(f, .flags = TFSM_ACK, .ack = 1);
        expect_state(f, TFSM_ESTABLISHED);
        user_send(f, 10);
        assert_true(take(f, &s));
        if (offers[i] != BOTH) {
            assert_int_equal(s.ecn, TFSM_NOT_ECT);
        }
    }
}

/* RFC3168:6.1.1d: a SYN that comes again without the offer: no text of ours goes as ECT, what comes is
 * heeded as before, and the SYN-ACK stays what it was. With the offer nothing changes. */
static void test_ecn_syn_repeated_without_the_offer(void **state)
{
    static const uint8_t offers[] = {0, TFSM_ECE, TFSM_CWR, BOTH};
    for (size_t i = 0; i < sizeof offers; i++) {
        struct fixture *f = with_ecn(state);
        reach_listen(f);
        arrive(f, .flags = TFSM_SYN | BOTH);
        assert_int_equal(flags_out(f), TFSM_SYN | TFSM_ACK | TFSM_ECE);
        arrive(f, .flags = (uint8_t)(TFSM_SYN | offers[i]), .seq = -1);
        assert_int_equal(flags_out(f), TFSM_SYN | TFSM_ACK | TFSM_ECE);
        arrive(f, .flags = TFSM_ACK, .ack = 1);
        user_send(f, 10);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
        assert_int_equal(s.ecn, offers[i] == BOTH ? TFSM_ECT_0 : TFSM_NOT_ECT);
        marked(f, .flags = TFSM_ACK, .text = 10);
        assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    }
}

/* RFC3168:6.1.1d: SYNs that cross, and a SYN-ACK of the peer that refuses. */
static void test_ecn_simultaneous_open_refused(void **state)
{
    static const uint8_t answers[] = {0, TFSM_ECE, TFSM_CWR, BOTH};
    for (size_t i = 0; i < sizeof answers; i++) {
        struct fixture *f = with_ecn(state);
        reach_syn_sent(f);
        arrive(f, .flags = TFSM_SYN | BOTH);
        assert_int_equal(flags_out(f), TFSM_SYN | TFSM_ACK | TFSM_ECE);
        arrive(f, .flags = (uint8_t)(TFSM_SYN | TFSM_ACK | answers[i]), .seq = -1, .ack = 1);
        drop_output(f);
        arrive(f, .flags = TFSM_ACK, .ack = 1);
        expect_state(f, TFSM_ESTABLISHED);
        user_send(f, 10);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
        assert_int_equal(s.ecn, answers[i] == TFSM_ECE ? TFSM_ECT_0 : TFSM_NOT_ECT);
    }
}

/* RFC3168:6.1.1d: our SYN again, without the offer, and the answer to the first: no ECT, and CE is
 * heeded. */
static void test_ecn_syn_ack_after_a_plain_syn(void **state)
{
    struct fixture *f = with_ecn(state);
    reach_syn_sent(f);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_ECE, .ack = 1);
    drop_output(f);
    user_send(f, 10);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
    marked(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
}

/* RFC3168:6.1.1c: though it bears text. */
static void test_ecn_syn_with_text_is_not_ect(void **state)
{
    struct fixture *f = with_ecn(state);
    struct tfsm_segment s;
    fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_OPEN,
                                               .active = true,
                                               .remote = true,
                                               .fast_open = true,
                                               .cookie_len = 8,
                                               .mss = MSS});
    user_send(f, 100);
    assert_true(tfsm_output(&f->tcb, &f->cfg, f->now, &s)); /* the fixture knows no such SYN */
    assert_int_equal(s.flags & (TFSM_SYN | BOTH), TFSM_SYN | BOTH);
    assert_int_equal(s.len, 101);
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
    f->sent = seq_add(s.seq, s.len);
    f->sent_any = true;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_ECE, .ack = 1);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    assert_int_equal(s.ecn, TFSM_NOT_ECT); /* it goes again: RFC3168:6.1.5a */
}

/* ---- which segments may be marked: RFC 3168 6.1.4 .. 6.1.6 ---- */

/* RFC 3168 5: ECT(0) where one codepoint is enough. [RFC3168:6.1.2e] */
static void test_ecn_new_text_is_ect(void **state)
{
    struct fixture *f = in_ecn(state);
    for (int64_t i = 0; i < 5; i++) {
        user_send(f, 100);
        struct tfsm_segment s =
            expect_segment(f, .flags = TFSM_ACK, .seq = 1 + 100 * i, .ack = 1, .len = 100);
        assert_int_equal(s.ecn, TFSM_ECT_0);
    }
}

/* RFC3168:6.1.4: with ECE or without, and so are the answers to what is refused. [RFC3168:5.2] */
static void test_ecn_ack_alone_is_not_ect(void **state)
{
    struct fixture *f = in_ecn(state);
    struct tfsm_segment s;
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_true(take(f, &s));
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
    marked(f, .flags = TFSM_ACK, .text = 10);
    assert_true(take(f, &s));
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
    arrive(f, .flags = TFSM_ACK, .seq = -5, .text = 5);
    assert_true(take(f, &s));
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
}

/* RFC3168:6.1.4: a keep-alive is one, too. */
static void test_ecn_keepalive_is_not_ect(void **state)
{
    struct fixture *f = with_ecn(state);
    f->cfg.keepalive_idle = 100 * SECOND;
    reach_ecn(f);
    expire(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 0, .ack = 1);
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
}

/* A reset is no text either. */
static void test_ecn_rst_is_not_ect(void **state)
{
    struct fixture *f = in_ecn(state);
    struct tfsm_segment s;
    marked(f, .flags = TFSM_ACK, .text = 10);
    user_abort(f);
    assert_true(take(f, &s));
    assert_int_equal(s.flags & TFSM_RST, TFSM_RST);
    assert_int_equal(s.flags & BOTH, 0);
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
}

/* RFC3168:6.1.5a: when the timer sends it. [RFC3168:5.2] */
static void test_ecn_timer_retransmission_is_not_ect(void **state)
{
    struct fixture *f = in_ecn(state);
    user_send(f, 100);
    drop_output(f);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        struct tfsm_segment s =
            expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
        assert_int_equal(s.ecn, TFSM_NOT_ECT);
    }
}

/* RFC3168:6.1.5a: when the third duplicate ACK does; what is new beside it is ECT. */
static void test_ecn_fast_retransmission_is_not_ect(void **state)
{
    struct fixture *f = in_flow(state);
    struct tfsm_segment s;
    uint32_t sent = f->sent;
    bool again = false;
    for (int i = 0; i < 12; i++) {
        arrive(f, .flags = TFSM_ACK);
        while (take(f, &s)) {
            bool new = !seq_lt(s.seq, sent);
            assert_int_equal(s.ecn, new ? TFSM_ECT_0 : TFSM_NOT_ECT);
            again = again || !new;
        }
    }
    assert_true(again);
}

/* RFC3168:6.1.5a: when a path turns out to take less. */
static void test_ecn_path_mtu_retransmission_is_not_ect(void **state)
{
    struct fixture *f = in_ecn(state);
    struct tfsm_segment s;
    user_send(f, MSS);
    drop_output(f);
    struct tfsm_event icmp = {.kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_TOO_BIG, .mss = 600};
    icmp.segment.seq = f->tcb.snd_una;
    fixture_done(HERE(f), &icmp);
    assert_true(take(f, &s));
    assert_int_equal(s.seq, f->iss + 1);
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
}

/* RFC3168:6.1.6: also where CWR is due. [RFC3168:5.2] */
static void test_ecn_window_probe_is_not_ect_and_has_no_cwr(void **state)
{
    struct fixture *f = in_flow(state);
    struct tfsm_segment s;
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    drop_output(f);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK, .ack = in_flight(f));
    expect_nothing(f);
    for (int i = 0; i < 3; i++) {
        expire(f);
        assert_true(take(f, &s));
        assert_int_equal(s.ecn, TFSM_NOT_ECT);
        assert_int_equal(s.flags & TFSM_CWR, 0);
    }
    f->peer.wnd = WIDE;
    arrive(f, .flags = TFSM_ACK);
    while (take(f, &s) && s.ecn == TFSM_NOT_ECT) { /* the octet of the probe, again */
        assert_int_equal(s.flags & TFSM_CWR, 0);
    }
    assert_int_equal(s.flags & TFSM_CWR, TFSM_CWR);
}

/* ---- the sender: RFC 3168 6.1.2 ---- */

/* RFC3168:6.1.2a: half of what is in flight, and nothing is sent again. [RFC5681:3.1o] */
static void test_ecn_ece_cuts_the_window(void **state)
{
    struct fixture *f = in_flow(state);
    uint32_t una = f->tcb.snd_una;
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    assert_in_range(status(f).cwnd, 4500, 5000);
    assert_in_range(status(f).ssthresh, 4500, 5000);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 5 * MSS);
    struct tfsm_segment s;
    assert_true(take(f, &s));
    assert_true(seq_le(una + IW * MSS, s.seq));
}

/* RFC3168:6.1.2a: an ACK that acknowledges nothing new says it as well. */
static void test_ecn_ece_of_a_duplicate_ack_cuts_the_window(void **state)
{
    struct fixture *f = in_flow(state);
    arrive(f, .flags = TFSM_ACK | TFSM_ECE);
    assert_int_equal(status(f).ssthresh, IW * MSS / 2);
    assert_in_range(status(f).cwnd, IW * MSS / 2, IW * MSS / 2 + MSS);
}

/* RFC3168:6.1.2a: as for a loss: at least two segments. */
static void test_ecn_ece_leaves_two_segments(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= CAREFUL;
    f->cfg.initial_window = 3;
    f->peer.wnd = WIDE;
    reach_ecn(f);
    user_send(f, BUFF);
    drop_output(f);
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    assert_int_equal(status(f).ssthresh, 2 * MSS);
}

/* RFC3168:6.1.2b: not for what was in flight when it was cut. */
static void test_ecn_ece_cuts_once_a_window(void **state)
{
    struct fixture *f = in_flow(state);
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    struct tfsm_status_block first = status(f);
    drop_output(f);
    for (int i = 0; i < 8; i++) {
        arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
        drop_output(f);
        assert_true(status(f).cwnd >= first.cwnd);
        assert_int_equal(status(f).ssthresh, first.ssthresh);
    }
}

/* RFC3168:6.1.2b: nor on the ACK of all that, which may have left before CWR came; but what acknowledges
 * CWR and says it again speaks of another mark. */
static void test_ecn_ece_cuts_once_until_cwr_is_acknowledged(void **state)
{
    struct fixture *f = in_flow(state);
    uint32_t flight = in_flight(f);
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    drop_output(f);
    struct tfsm_status_block first = status(f);
    for (int i = 0; i < 2; i++) {
        arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = i == 0 ? flight - MSS : 0);
        drop_output(f);
        assert_int_equal(status(f).cwnd, first.cwnd);
        assert_int_equal(status(f).ssthresh, first.ssthresh);
    }
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    assert_int_equal(status(f).cwnd, first.cwnd / 2);
}

/* RFC3168:6.1.2a: half of two segments is one; half of one is waited for. */
static void test_ecn_ece_leaves_one_segment(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= CAREFUL;
    f->cfg.initial_window = 2;
    f->peer.wnd = WIDE;
    reach_ecn(f);
    user_send(f, BUFF);
    drop_output(f);
    for (int i = 0; i < 2; i++) {
        arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = in_flight(f));
        assert_int_equal(status(f).cwnd, MSS);
        assert_int_equal(status(f).ssthresh, 2 * MSS);
        struct tfsm_segment s;
        assert_int_equal(take(f, &s), i == 0);
    }
    expect_deadline(f, f->now + f->tcb.rto);
}

/* RFC3168:6.1.2a: nor does an ACK that says ECE make it grow. [RFC3168:6.1.2f] */
static void test_ecn_ece_does_not_let_the_window_grow(void **state)
{
    struct fixture *f = in_flow(state);
    uint32_t last = status(f).cwnd;
    for (int i = 0; i < 9; i++) {
        arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
        drop_output(f);
        assert_in_range(status(f).cwnd, 2 * MSS, last);
        last = status(f).cwnd;
    }
}

/* RFC3168:6.1.2b: but for what was sent since. */
static void test_ecn_ece_of_the_next_window_cuts_again(void **state)
{
    struct fixture *f = in_flow(state);
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    drop_output(f);
    arrive(f, .flags = TFSM_ACK, .ack = (IW - 1) * MSS);
    drop_output(f);
    uint32_t flight = in_flight(f);
    assert_in_range(flight, 4 * MSS, 7 * MSS);
    uint32_t cwnd = status(f).cwnd;
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    assert_in_range(status(f).ssthresh, (flight - MSS) / 2, cwnd / 2);
    assert_in_range(status(f).cwnd, (flight - MSS) / 2, cwnd / 2);
}

/* RFC3168:6.1.2d: at a window of one segment new text waits for the retransmission timer, which begins
 * anew, whatever else is due before; its end is no retransmission, and none that R1 counts
 * (RFC9293:MUST-20a). */
static void test_ecn_ece_at_one_segment_waits_for_the_timer(void **state)
{
    struct fixture *f = with_ecn(state);
    struct tfsm_segment out[4];
    f->cfg.profile |= CAREFUL;
    f->cfg.snd_buff = MUCH;
    f->cfg.initial_window = 1;
    f->cfg.r1 = 1;
    reach_ecn(f);
    user_send(f, 3 * MSS);
    assert_int_equal(drain(f, out, 4), 1);
    f->now += 50000;
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    assert_int_equal(f->tcb.at_rtx, f->now + f->tcb.rto);
    expect_nothing(f);
    f->now += 50000;
    arrive(f, .flags = TFSM_ACK, .text = 10); /* whatever else comes */
    assert_int_equal(drain(f, out, 4), 1);
    assert_int_equal(out[0].len, 0);
    after(f, 1000);
    expect_nothing(f);
    f->now = f->tcb.at_rtx;
    uint32_t una = f->tcb.snd_una;
    after(f, 0);
    expect_signals(f, 0);
    assert_int_equal(f->tcb.tries, 0);
    assert_int_equal(f->tcb.backoff, 0);
    assert_true(drain(f, out, 4) >= 1);
    assert_int_equal(out[0].seq, una);
    assert_int_equal(out[0].len, MSS);
    assert_true((out[0].flags & TFSM_CWR) != 0);
    assert_int_equal(out[0].ecn, TFSM_ECT_0);
}

/* RFC3168:6.1.2d: a connection without a retransmission left to make does not give up either. */
static void test_ecn_ece_at_one_segment_gives_up_nothing(void **state)
{
    struct fixture *f = with_ecn(state);
    struct tfsm_segment out[4];
    f->cfg.profile |= CAREFUL;
    f->cfg.snd_buff = MUCH;
    f->cfg.initial_window = 1;
    f->cfg.retries = 0;
    f->cfg.r1 = 1;
    reach_ecn(f);
    user_send(f, MSS);
    assert_int_equal(drain(f, out, 4), 1);
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    f->now = f->tcb.at_rtx;
    after(f, 0);
    expect_signals(f, 0);
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC3168:6.1.2b: a loss in the window for which ECE cut it already. */
static void test_ecn_loss_after_ece_cuts_no_more(void **state)
{
    struct fixture *f = in_flow(state);
    struct tfsm_segment s;
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    uint32_t ssthresh = status(f).ssthresh;
    drop_output(f);
    for (int i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK | TFSM_ECE);
    }
    assert_true(take(f, &s));
    assert_int_equal(s.seq, f->iss + 1 + MSS);
    assert_in_range(status(f).ssthresh, ssthresh - MSS, ssthresh);
}

/* RFC3168:6.1.2b: ECE in the window for which a loss cut it. */
static void test_ecn_ece_after_loss_cuts_no_more(void **state)
{
    struct fixture *f = in_flow(state);
    for (int i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK);
        drop_output(f);
    }
    uint32_t ssthresh = status(f).ssthresh;
    for (int i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK | TFSM_ECE);
        drop_output(f);
        assert_int_equal(status(f).ssthresh, ssthresh);
    }
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = IW * MSS);
    assert_int_equal(status(f).ssthresh, ssthresh);
}

/* RFC3168:6.1.2a: without agreement the flags are noise. */
static void test_ecn_ece_without_agreement_is_ignored(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= CAREFUL;
    f->cfg.initial_window = IW;
    f->cfg.snd_buff = MUCH;
    f->peer.wnd = WIDE;
    reach_established(f);
    user_send(f, MUCH);
    drop_output(f);
    uint32_t cwnd = status(f).cwnd;
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    assert_true(status(f).cwnd >= cwnd);
    struct tfsm_segment s;
    while (take(f, &s)) {
        assert_int_equal(s.flags & BOTH, 0);
    }
}

/* RFC3168:6.1.2a: a segment that is refused says nothing. */
static void test_ecn_ece_of_a_refused_segment_is_ignored(void **state)
{
    struct fixture *f = in_flow(state);
    uint32_t cwnd = status(f).cwnd;
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .seq = -1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = (int64_t)in_flight(f) + 1);
    expect_challenged(f);
    assert_int_equal(status(f).cwnd, cwnd);
}

/* ---- CWR: RFC 3168 6.1.2 ---- */

/* How many new segments have CWR, and that the first of them has it. */
static unsigned count_cwr(struct fixture *f, uint32_t new)
{
    struct tfsm_segment s;
    unsigned n = 0;
    bool first = true;
    while (take(f, &s)) {
        bool is_new = s.len > 0 && !seq_lt(s.seq, new);
        assert_true(is_new || (s.flags & TFSM_CWR) == 0);
        if (is_new && first) {
            assert_int_equal(s.flags & TFSM_CWR, TFSM_CWR);
            assert_int_equal(s.ecn, TFSM_ECT_0);
        }
        n += (s.flags & TFSM_CWR) != 0 ? 1 : 0;
        first = first && !is_new;
    }
    assert_false(first);
    return n;
}

/* RFC3168:6.1.2c, RFC3168:6.1.1h, RFC3168:6.1.2h */
static void test_ecn_cwr_goes_once_after_ece(void **state)
{
    struct fixture *f = in_flow(state);
    uint32_t new = f->sent;
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = 8 * MSS);
    assert_int_equal(count_cwr(f, new), 1);
    arrive(f, .flags = TFSM_ACK, .ack = MSS);
    arrive(f, .flags = TFSM_ACK, .ack = MSS);
    struct tfsm_segment s;
    while (take(f, &s)) {
        assert_int_equal(s.flags & TFSM_CWR, 0);
    }
}

/* RFC3168:6.1.2c: not with an ACK, not with a retransmission. [RFC3168:6.1.2g] */
static void test_ecn_cwr_waits_for_new_text(void **state)
{
    struct fixture *f = in_flow(state);
    uint32_t new = f->sent;
    arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK);
    expire(f);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_ACK, .seq = 1 + MSS, .ack = 11, .len = MSS);
    assert_int_equal(s.ecn, TFSM_NOT_ECT);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = (IW - 1) * MSS);
    assert_int_equal(count_cwr(f, new), 1);
}

/* RFC3168:6.1.2c: a window that a loss cut is cut, too: "for any reason". */
static void test_ecn_cwr_goes_after_a_fast_retransmission(void **state)
{
    struct fixture *f = in_flow(state);
    for (int i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK);
        drop_output(f);
    }
    uint32_t new = f->sent;
    arrive(f, .flags = TFSM_ACK, .ack = in_flight(f));
    assert_int_equal(count_cwr(f, new), 1);
}

/* RFC3168:6.1.2c */
static void test_ecn_cwr_goes_after_a_timeout(void **state)
{
    struct fixture *f = in_flow(state);
    uint32_t new = f->sent;
    expire(f);
    drop_output(f);
    arrive(f, .flags = TFSM_ACK, .ack = in_flight(f));
    assert_int_equal(count_cwr(f, new), 1);
}

/* RFC3168:6.1.2c: nothing was cut. [RFC3168:6.1.1h] */
static void test_ecn_cwr_does_not_go_without_a_cut(void **state)
{
    struct fixture *f = in_flow(state);
    struct tfsm_segment s;
    for (int i = 0; i < 20; i++) {
        arrive(f, .flags = TFSM_ACK, .ack = MSS);
        while (take(f, &s)) {
            assert_int_equal(s.flags & TFSM_CWR, 0);
        }
    }
}

/* RFC3168:6.1.2c: a window that was cut and cut again has one CWR for each. */
static void test_ecn_cwr_goes_for_each_cut(void **state)
{
    struct fixture *f = in_flow(state);
    for (int i = 0; i < 3; i++) {
        uint32_t new = f->sent;
        arrive(f, .flags = TFSM_ACK | TFSM_ECE, .ack = MSS);
        drop_output(f);
        arrive(f, .flags = TFSM_ACK, .ack = in_flight(f) - 1);
        if (!seq_lt(new, f->sent)) {
            assert_int_equal(count_cwr(f, new), 1);
        }
        arrive(f, .flags = TFSM_ACK, .ack = in_flight(f));
        drop_output(f);
    }
}

/* ---- the receiver: RFC 3168 6.1.3 ---- */

/* RFC9293:SHLD-8, RFC3168:6.1.3a: in every ACK, also of unmarked text, also with our own text, until CWR comes.
 * [RFC3168:6.1.3d] */
static void test_ecn_ce_is_told_until_cwr(void **state)
{
    struct fixture *f = in_ecn(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK);
    marked(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    for (int i = 0; i < 5; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 10);
        assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
        user_send(f, 10);
        assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    }
    arrive(f, .flags = TFSM_ACK | TFSM_CWR, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK);
}

/* RFC3168:6.1.3a: a retransmission of ours and an answer to what is refused are ACKs, too. */
static void test_ecn_ce_is_told_by_every_segment(void **state)
{
    struct fixture *f = in_ecn(state);
    user_send(f, 10);
    drop_output(f);
    marked(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    expire(f);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    arrive(f, .flags = TFSM_ACK, .seq = -5, .text = 5);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    user_close(f);
    assert_int_equal(flags_out(f), TFSM_FIN | TFSM_ACK | TFSM_ECE);
}

/* RFC3168:6.1.3b */
static void test_ecn_ce_with_cwr_begins_anew(void **state)
{
    struct fixture *f = in_ecn(state);
    marked(f, .flags = TFSM_ACK, .text = 10);
    drop_output(f);
    marked(f, .flags = TFSM_ACK | TFSM_CWR, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    arrive(f, .flags = TFSM_ACK | TFSM_CWR, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK);
}

/* RFC3168:6.1.6b: the octet of a probe is refused, its mark is not. */
static void test_ecn_ce_on_a_window_probe_is_told(void **state)
{
    struct fixture *f = in_ecn(state);
    struct tfsm_segment s;
    arrive(f, .flags = TFSM_ACK, .text = BUFF);
    assert_true(take(f, &s));
    assert_int_equal(s.wnd, 0);
    expect_nothing(f);
    marked(f, .flags = TFSM_ACK, .text = 1);
    expect_delivered(f, 0);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
}

/* RFC3168:6.1.3b */
static void test_ecn_ce_after_cwr_begins_anew(void **state)
{
    struct fixture *f = in_ecn(state);
    marked(f, .flags = TFSM_ACK, .text = 10);
    arrive(f, .flags = TFSM_ACK | TFSM_CWR, .text = 10);
    marked(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
}

/* RFC3168:6.1.3c: whichever of them was marked. */
static void test_ecn_ce_is_told_by_a_delayed_ack(void **state)
{
    for (int which = 0; which < 3; which++) {
        struct fixture *f = with_ecn(state);
        f->cfg.ack_delay = SECOND / 5;
        reach_ecn(f);
        for (int i = 0; i < 3; i++) {
            struct from_peer text = {.flags = TFSM_ACK, .text = 100};
            if (i == which) {
                marked_in(f, text);
            } else {
                fixture_arrive(f, text);
            }
        }
        after(f, SECOND / 5);
        assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    }
}

/* RFC3168:6.1.3a: text out of order came through the network as well. */
static void test_ecn_ce_out_of_order_is_told(void **state)
{
    struct fixture *f = in_ecn(state);
    marked(f, .flags = TFSM_ACK, .seq = 100, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
}

/* RFC3168:6.1.3a: in every state in which text comes. */
static void test_ecn_ce_is_told_after_close(void **state)
{
    struct fixture *f = in_ecn(state);
    user_close(f);
    drop_output(f);
    marked(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
    expect_state(f, TFSM_FIN_WAIT_2);
}

/* RFC3168:6.1.3a: ECT that nobody marked is nothing to tell. */
static void test_ecn_ect_is_not_told(void **state)
{
    static const uint8_t fields[] = {TFSM_NOT_ECT, TFSM_ECT_0, TFSM_ECT_1};
    struct fixture *f = in_ecn(state);
    for (size_t i = 0; i < sizeof fields; i++) {
        struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_ACK, .text = 10});
        s.ecn = fields[i];
        arrive_segment(f, &s);
        assert_int_equal(flags_out(f), TFSM_ACK);
    }
}

/* RFC3168:6.1.5b: an old segment, or one from nowhere, that is marked. */
static void test_ecn_ce_outside_the_window_is_ignored(void **state)
{
    struct fixture *f = in_ecn(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    drop_output(f);
    marked(f, .flags = TFSM_ACK, .seq = -100, .text = 100);
    expect_refused(f);
    assert_int_equal(flags_out(f), TFSM_ACK);
    marked(f, .flags = TFSM_ACK, .seq = right_edge(f), .text = 100);
    expect_refused(f);
    assert_int_equal(flags_out(f), TFSM_ACK);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    assert_int_equal(flags_out(f), TFSM_ACK);
}

/* RFC3168:6.1.5b: and a CWR outside of it ends nothing. */
static void test_ecn_cwr_outside_the_window_is_ignored(void **state)
{
    struct fixture *f = in_ecn(state);
    marked(f, .flags = TFSM_ACK, .text = 100);
    drop_output(f);
    arrive(f, .flags = TFSM_ACK | TFSM_CWR, .seq = -100, .text = 100);
    expect_refused(f);
    assert_int_equal(flags_out(f), TFSM_ACK | TFSM_ECE);
}

/* RFC3168:6.1.3a: a connection tells of its own marks only. [RFC3168:6.1.1k] */
static void test_ecn_ce_does_not_outlive_the_connection(void **state)
{
    struct fixture *f = in_ecn(state);
    marked(f, .flags = TFSM_ACK, .text = 10);
    user_abort(f);
    drop_output(f);
    reach_ecn(f);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(flags_out(f), TFSM_ACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecn_syn_offers),
        cmocka_unit_test(test_ecn_syn_without_the_profile_does_not_offer),
        cmocka_unit_test(test_ecn_syn_again_offers_no_more),
        cmocka_unit_test(test_ecn_ce_is_heeded_after_a_syn_without_offer),
        cmocka_unit_test(test_ecn_syn_ack_decides),
        cmocka_unit_test(test_ecn_syn_decides),
        cmocka_unit_test(test_ecn_syn_ack_without_the_profile_refuses),
        cmocka_unit_test(test_ecn_syn_ack_that_accepts_nothing),
        cmocka_unit_test(test_ecn_syn_ack_again_is_not_ect),
        cmocka_unit_test(test_ecn_simultaneous_open),
        cmocka_unit_test(test_ecn_syn_repeated_without_the_offer),
        cmocka_unit_test(test_ecn_simultaneous_open_refused),
        cmocka_unit_test(test_ecn_syn_ack_after_a_plain_syn),
        cmocka_unit_test(test_ecn_syn_with_text_is_not_ect),
        cmocka_unit_test(test_ecn_new_text_is_ect),
        cmocka_unit_test(test_ecn_ack_alone_is_not_ect),
        cmocka_unit_test(test_ecn_keepalive_is_not_ect),
        cmocka_unit_test(test_ecn_rst_is_not_ect),
        cmocka_unit_test(test_ecn_timer_retransmission_is_not_ect),
        cmocka_unit_test(test_ecn_fast_retransmission_is_not_ect),
        cmocka_unit_test(test_ecn_path_mtu_retransmission_is_not_ect),
        cmocka_unit_test(test_ecn_window_probe_is_not_ect_and_has_no_cwr),
        cmocka_unit_test(test_ecn_ece_cuts_the_window),
        cmocka_unit_test(test_ecn_ece_of_a_duplicate_ack_cuts_the_window),
        cmocka_unit_test(test_ecn_ece_leaves_two_segments),
        cmocka_unit_test(test_ecn_ece_cuts_once_a_window),
        cmocka_unit_test(test_ecn_ece_cuts_once_until_cwr_is_acknowledged),
        cmocka_unit_test(test_ecn_ece_leaves_one_segment),
        cmocka_unit_test(test_ecn_ece_does_not_let_the_window_grow),
        cmocka_unit_test(test_ecn_ece_of_the_next_window_cuts_again),
        cmocka_unit_test(test_ecn_ece_at_one_segment_waits_for_the_timer),
        cmocka_unit_test(test_ecn_ece_at_one_segment_gives_up_nothing),
        cmocka_unit_test(test_ecn_loss_after_ece_cuts_no_more),
        cmocka_unit_test(test_ecn_ece_after_loss_cuts_no_more),
        cmocka_unit_test(test_ecn_ece_without_agreement_is_ignored),
        cmocka_unit_test(test_ecn_ece_of_a_refused_segment_is_ignored),
        cmocka_unit_test(test_ecn_cwr_goes_once_after_ece),
        cmocka_unit_test(test_ecn_cwr_waits_for_new_text),
        cmocka_unit_test(test_ecn_cwr_goes_after_a_fast_retransmission),
        cmocka_unit_test(test_ecn_cwr_goes_after_a_timeout),
        cmocka_unit_test(test_ecn_cwr_does_not_go_without_a_cut),
        cmocka_unit_test(test_ecn_cwr_goes_for_each_cut),
        cmocka_unit_test(test_ecn_ce_is_told_until_cwr),
        cmocka_unit_test(test_ecn_ce_is_told_by_every_segment),
        cmocka_unit_test(test_ecn_ce_with_cwr_begins_anew),
        cmocka_unit_test(test_ecn_ce_on_a_window_probe_is_told),
        cmocka_unit_test(test_ecn_ce_after_cwr_begins_anew),
        cmocka_unit_test(test_ecn_ce_is_told_by_a_delayed_ack),
        cmocka_unit_test(test_ecn_ce_out_of_order_is_told),
        cmocka_unit_test(test_ecn_ce_is_told_after_close),
        cmocka_unit_test(test_ecn_ect_is_not_told),
        cmocka_unit_test(test_ecn_ce_outside_the_window_is_ignored),
        cmocka_unit_test(test_ecn_cwr_outside_the_window_is_ignored),
        cmocka_unit_test(test_ecn_ce_does_not_outlive_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
