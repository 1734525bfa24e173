/* Timestamps (RFC 7323 3..5): who offers them, what each segment says, what is measured by them and
 * what is refused for them; and a few lines of window scaling that have no other room. The peer's
 * clock is a number of the test; ours is OFFSET plus milliseconds, whatever the machine believes.
 */
#include "fixture.h"

#define OFFSET    0x9e3779b9u /* given with every event that may open a connection */
#define PEER_TS   70000u      /* TSval of the peer's SYN */
#define TS_OCTETS 12u         /* the option, padded */
#define DAY       ((tfsm_time)86400 * SECOND)
#define MS        (SECOND / 1000)

/* ---- segments with timestamps ---- */

static uint32_t our_clock(const struct fixture *f)
{
    return seq_add(OFFSET, (uint32_t)(f->now / MS & UINT32_MAX));
}

/* As arrive(), with timestamps. */
static void hand_in(struct fixture *f, const struct tfsm_segment *s)
{
    f->arrived = *s;
    fixture_done(f,
                 &(struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = *s, .ts_offset = OFFSET});
}

static void echo_in(struct fixture *f, uint32_t ts_val, uint32_t ts_ecr, struct from_peer what)
{
    struct tfsm_segment s = segment_of(f, what);
    s.options |= TFSM_OPT_TIMESTAMPS;
    s.ts_val = ts_val;
    s.ts_ecr = ts_ecr;
    hand_in(f, &s);
}

static void stamp_in(struct fixture *f, uint32_t ts_val, struct from_peer what)
{
    echo_in(f, ts_val, (what.flags & TFSM_ACK) != 0 ? our_clock(f) : 0, what);
}

#define stamp(f, ts_val, ...) stamp_in(HERE(f), (ts_val), (struct from_peer){__VA_ARGS__})
#define echo(f, ts_val, ts_ecr, ...)                                                               \
    echo_in(HERE(f), (ts_val), (ts_ecr), (struct from_peer){__VA_ARGS__})

static void want_stamp(const struct fixture *f, const struct tfsm_segment *s, uint32_t ts_ecr)
{
    assert_int_equal(s->options & TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    assert_int_equal(s->ts_val, our_clock(f));
    assert_int_equal(s->ts_ecr, ts_ecr);
}

/* Exactly one segment, an acknowledgment that echoes this. */
static void expect_echo(struct fixture *f, uint32_t ts_ecr)
{
    struct tfsm_segment s;
    assert_true(take(f, &s));
    assert_int_equal(s.flags & ~TFSM_PSH, TFSM_ACK);
    want_stamp(f, &s, ts_ecr);
    expect_nothing(f);
}

/* ---- connections with timestamps ---- */

static struct fixture *offering(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_TIMESTAMPS;
    f->peer.options |= TFSM_OPT_TIMESTAMPS;
    f->peer.ts_val = PEER_TS;
    return f;
}

static void open_stamped(struct fixture *f)
{
    fixture_done(HERE(f),
                 &(struct tfsm_event){
                     .kind = TFSM_EV_OPEN, .active = true, .remote = true, .ts_offset = OFFSET});
}

static void drop_output(struct fixture *f)
{
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
}

static void reach_stamped(struct fixture *f)
{
    open_stamped(f);
    drop_output(f);
    stamp(f, PEER_TS, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    drop_output(f);
    expect_state(f, TFSM_ESTABLISHED);
}

static struct fixture *in_stamped(void **state)
{
    struct fixture *f = offering(state);
    reach_stamped(f);
    return f;
}

static void reach_stamped_syn_received(struct fixture *f)
{
    reach_listen(f);
    stamp(f, PEER_TS, .flags = TFSM_SYN);
    drop_output(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

static void peer_closes(struct fixture *f)
{
    stamp(f, PEER_TS, .flags = TFSM_FIN | TFSM_ACK);
    drop_output(f);
}

static void we_close(struct fixture *f)
{
    user_close(f);
    drop_output(f);
}

/* Every synchronized state, with TS.Recent = PEER_TS. */
static const enum tfsm_state synchronized[] = {
    TFSM_SYN_RECEIVED, TFSM_ESTABLISHED, TFSM_FIN_WAIT_1, TFSM_FIN_WAIT_2,
    TFSM_CLOSE_WAIT,   TFSM_CLOSING,     TFSM_LAST_ACK,   TFSM_TIME_WAIT,
};

static void reach_stamped_state(struct fixture *f, enum tfsm_state want)
{
    if (want == TFSM_SYN_RECEIVED) {
        reach_stamped_syn_received(f);
        return;
    }
    reach_stamped(f);
    if (want == TFSM_CLOSE_WAIT || want == TFSM_LAST_ACK) {
        peer_closes(f);
    }
    if (want != TFSM_ESTABLISHED && want != TFSM_CLOSE_WAIT) {
        we_close(f);
    }
    if (want == TFSM_FIN_WAIT_2 || want == TFSM_TIME_WAIT) {
        stamp(f, PEER_TS, .flags = TFSM_ACK, .ack = 1);
    }
    if (want == TFSM_CLOSING || want == TFSM_TIME_WAIT) {
        peer_closes(f);
    }
    expect_state(f, want);
    assert_int_equal(f->tcb.ts_recent, PEER_TS);
}

#define FOR_SYNCHRONIZED(f, state)                                                                 \
    for (size_t state_ = 0; state_ < sizeof synchronized / sizeof *synchronized; state_++)         \
        for (struct fixture *f = offering(state); f != NULL; f = NULL)                             \
            if (reach_stamped_state(f, synchronized[state_]), true)

/* ---- the offer: RFC 7323 3.2 ---- */

/* RFC7323:3.2a, RFC7323:7.1: a SYN bears our clock with the offset of this connection, and no
 * echo. [RFC7323:3.2l] */
static void test_timestamps_syn_offers(void **state)
{
    struct fixture *f = offering(state);
    open_stamped(f);
    struct tfsm_segment syn = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(syn.options, TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS);
    want_stamp(f, &syn, 0);
}

static void test_timestamps_syn_without_the_profile_does_not_offer(void **state)
{
    struct fixture *f = fresh(state);
    open_stamped(f);
    struct tfsm_segment syn = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(syn.options, TFSM_OPT_MSS);
}

/* RFC7323:3.2a, RFC7323:3.2e: the clock goes on; the SYN says what it shows now. */
static void test_timestamps_syn_again_has_a_new_stamp(void **state)
{
    struct fixture *f = offering(state);
    open_stamped(f);
    drop_output(f);
    expire(f);
    struct tfsm_segment syn = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    want_stamp(f, &syn, 0);
}

/* RFC7323:3.2b, RFC7323:3.2j, RFC7323:7.1 */
static void test_timestamps_syn_ack_answers(void **state)
{
    struct fixture *f = offering(state);
    reach_listen(f);
    stamp(f, PEER_TS, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS);
    want_stamp(f, &s, PEER_TS);
    assert_true((f->tcb.flags & TFSM_M_TIMESTAMPS) != 0);
}

/* RFC7323:3.2e */
static void test_timestamps_syn_ack_again_has_a_new_stamp(void **state)
{
    struct fixture *f = offering(state);
    reach_stamped_syn_received(f);
    expire(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    want_stamp(f, &s, PEER_TS);
}

/* RFC7323:3.2d, RFC7323:3.2e: neither then nor later. */
static void test_timestamps_syn_ack_does_not_offer_unasked(void **state)
{
    struct fixture *f = offering(state);
    f->peer.options = TFSM_OPT_MSS;
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    user_send(f, 10);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    assert_int_equal(s.options, 0);
}

/* RFC7323:3.2d: who does not offer does not answer either. */
static void test_timestamps_syn_ack_without_the_profile_does_not_answer(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile = PROFILE;
    reach_listen(f);
    stamp(f, PEER_TS, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS);
}

/* RFC7323:3.2e: both SYN and SYN,ACK must have them. */
static void test_timestamps_refused_by_the_peer_are_off(void **state)
{
    struct fixture *f = offering(state);
    f->peer.options = TFSM_OPT_MSS;
    open_stamped(f);
    drop_output(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1);
    assert_int_equal(s.options, 0);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_delivered(f, 10);
    assert_int_equal(f->tcb.flags & TFSM_M_TIMESTAMPS, 0);
}

/* RFC7323:3.2b, RFC7323:3.2e */
static void test_timestamps_handshake_ack_echoes_the_syn_ack(void **state)
{
    struct fixture *f = offering(state);
    open_stamped(f);
    drop_output(f);
    f->now += 30 * MS;
    echo(f, PEER_TS, our_clock(f) - 30, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_echo(f, PEER_TS);
}

/* RFC7323:3.2b, RFC7323:3.2e: SYNs that cross. */
static void test_timestamps_simultaneous_open_agrees(void **state)
{
    struct fixture *f = offering(state);
    open_stamped(f);
    drop_output(f);
    stamp(f, PEER_TS, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    want_stamp(f, &s, PEER_TS);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .ack = 1);
    drop_output(f);
    expect_state(f, TFSM_ESTABLISHED);
    user_send(f, 10);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    want_stamp(f, &s, PEER_TS + 1);
}

/* RFC7323:3.2c: TSecr without ACK means nothing: nothing is measured by it. */
static void test_timestamps_echo_without_ack_is_ignored(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_status_block status;
    reach_listen(f);
    echo(f, PEER_TS, our_clock(f) - 5000, .flags = TFSM_SYN);
    drop_output(f);
    assert_int_equal(tfsm_status(&f->tcb, &status), TFSM_DONE);
    assert_int_equal(status.srtt, 0);
    expect_deadline(f, f->now + RTO);
    f = offering(state);
    open_stamped(f);
    drop_output(f);
    uint32_t sent = our_clock(f); /* as good an echo as any */
    f->now += 50000;
    echo(f, PEER_TS, sent, .flags = TFSM_SYN);
    drop_output(f);
    assert_int_equal(tfsm_status(&f->tcb, &status), TFSM_DONE);
    assert_int_equal(status.srtt, 0);
}

/* RFC7323:7.1: a SEND that makes an active connection of a passive one has an offset, too. */
static void test_timestamps_send_in_listen_offers(void **state)
{
    struct fixture *f = offering(state);
    open_passive_remote(f);
    fixture_done(HERE(f),
                 &(struct tfsm_event){.kind = TFSM_EV_SEND, .len = 10, .ts_offset = OFFSET});
    struct tfsm_segment syn = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    want_stamp(f, &syn, 0);
}

/* ---- every segment bears them: RFC7323:3.2e ---- */

/* RFC7323:3.2b, RFC7323:3.2e */
static void test_timestamps_text_bears_them(void **state)
{
    struct fixture *f = in_stamped(state);
    f->now += 77 * MS;
    user_send(f, 10);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    want_stamp(f, &s, PEER_TS);
    stamp(f, PEER_TS + 9, .flags = TFSM_ACK, .ack = 10, .text = 5);
    user_send(f, 10);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 11, .ack = 6, .len = 10);
    want_stamp(f, &s, PEER_TS + 9);
}

/* RFC7323:3.2e: a retransmission shows the clock of when it is sent, not of the original. */
static void test_timestamps_retransmission_has_a_new_stamp(void **state)
{
    struct fixture *f = in_stamped(state);
    user_send(f, 10);
    drop_output(f);
    expire(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    want_stamp(f, &s, PEER_TS);
}

/* RFC7323:3.2e */
static void test_timestamps_fin_bears_them(void **state)
{
    struct fixture *f = in_stamped(state);
    user_close(f);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    want_stamp(f, &s, PEER_TS);
}

/* RFC7323:3.2e */
static void test_timestamps_window_probe_bears_them(void **state)
{
    struct fixture *f = in_stamped(state);
    struct tfsm_segment s;
    f->peer.wnd = 0;
    stamp(f, PEER_TS, .flags = TFSM_ACK);
    user_send(f, 10);
    expect_nothing(f);
    expire(f);
    assert_true(take(f, &s));
    want_stamp(f, &s, PEER_TS);
}

/* RFC7323:3.2e */
static void test_timestamps_keepalive_bears_them(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.keepalive_idle = 100 * SECOND;
    f->cfg.keepalive_every = 10 * SECOND;
    reach_stamped(f);
    expire(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 0, .ack = 1);
    want_stamp(f, &s, PEER_TS);
}

/* RFC7323:3.2e: also the answer to a segment that is refused. */
static void test_timestamps_challenge_bears_them(void **state)
{
    FOR_SYNCHRONIZED(f, state)
    {
        stamp(f, PEER_TS + 5, .flags = TFSM_ACK, .seq = BUFF + 5, .text = 10);
        expect_refused(f);
        expect_echo(f, PEER_TS);
    }
}

/* RFC7323:3.2e: the window update, too. */
static void test_timestamps_window_update_bears_them(void **state)
{
    struct fixture *f = in_stamped(state);
    struct tfsm_segment s;
    for (uint32_t i = 0; i < BUFF / MSS; i++) {
        stamp(f, PEER_TS, .flags = TFSM_ACK, .text = MSS);
        drop_output(f);
    }
    user_receive(f, BUFF);
    assert_true(take(f, &s));
    want_stamp(f, &s, PEER_TS);
}

/* ---- room for the option: RFC9293:MUST-16 ---- */

/* RFC9293:MUST-16: the peer's MSS counts text and options. */
static void test_timestamps_take_room_from_the_text(void **state)
{
    struct fixture *f = in_stamped(state);
    user_send(f, 2 * MSS);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS - TS_OCTETS);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + MSS - TS_OCTETS, .ack = 1,
                         .len = MSS - TS_OCTETS);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + 2 * (MSS - TS_OCTETS), .ack = 1,
                         .len = 2 * TS_OCTETS);
}

/* RFC9293:MUST-16: what goes again must not outgrow the MSS either. */
static void test_timestamps_take_room_from_a_retransmission(void **state)
{
    struct fixture *f = in_stamped(state);
    for (int i = 0; i < 4; i++) {
        user_send(f, 400);
        drop_output(f);
    }
    struct tfsm_segment s;
    expire(f);
    assert_true(take(f, &s));
    assert_int_equal(s.seq, f->iss + 1);
    assert_in_range(s.len, 400, MSS - TS_OCTETS);
}

/* RFC9293:MUST-16: and the blocks of a SACK option beside it. */
static void test_timestamps_and_sack_take_room_from_the_text(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_segment s;
    f->cfg.profile |= TFSM_SACK;
    f->peer.options |= TFSM_OPT_SACK_PERMITTED;
    reach_stamped(f);
    for (int64_t i = 1; i <= 4; i++) {
        stamp(f, PEER_TS, .flags = TFSM_ACK, .seq = 100 * i, .text = 10);
        drop_output(f);
    }
    user_send(f, 3 * MSS);
    while (take(f, &s)) {
        uint32_t octets = 10;
        if ((s.options & TFSM_OPT_SACK) != 0) {
            octets += 2 + 8u * s.sacks;
        }
        octets = (octets + 3) / 4 * 4;
        want_stamp(f, &s, PEER_TS);
        assert_in_range(octets, TS_OCTETS, 40);
        assert_in_range(s.len + octets, 1, MSS);
    }
}

/* RFC7323:5.7: whoever trusts sequence numbers this long fragments nothing: a smaller path takes
 * smaller segments, options counted. */
static void test_timestamps_path_mtu_makes_segments_smaller(void **state)
{
    struct fixture *f = in_stamped(state);
    user_send(f, MSS - TS_OCTETS);
    drop_output(f);
    struct tfsm_event icmp = {.kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_TOO_BIG, .mss = 600};
    icmp.segment.seq = f->tcb.snd_una;
    fixture_done(HERE(f), &icmp);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 600 - TS_OCTETS);
    want_stamp(f, &s, PEER_TS);
}

/* ---- a segment without them: RFC 7323 3.2 ---- */

/* RFC7323:3.2g, RFC7323:3.2h: silently, whatever it is, and whatever state it is. */
static void test_timestamps_missing_are_dropped_silently(void **state)
{
    FOR_SYNCHRONIZED(f, state)
    {
        enum tfsm_state was = f->tcb.state;
        arrive(f, .flags = TFSM_ACK, .ack = in_flight(f));
        expect_ignored(f);
        arrive(f, .flags = TFSM_ACK, .text = 10);
        expect_ignored(f);
        arrive(f, .flags = TFSM_ACK, .seq = -10, .text = 10);
        expect_ignored(f);
        arrive(f, .flags = TFSM_FIN | TFSM_ACK);
        expect_ignored(f);
        arrive(f, .flags = TFSM_ACK, .ack = (int64_t)in_flight(f) + 1);
        expect_ignored(f);
        arrive(f, .flags = TFSM_ACK, .security = 9);
        expect_ignored(f);
        expect_state(f, was);
    }
}

/* RFC5961:4.2a: a SYN without the option may be that of a peer that has rebooted: it is challenged, in
 * the window and out of it, or that peer would never get through. */
static void test_timestamps_missing_in_a_syn_are_challenged(void **state)
{
    FOR_SYNCHRONIZED(f, state)
    {
        enum tfsm_state was = f->tcb.state;
        f->peer.options = TFSM_OPT_MSS;
        f->cfg.profile &= ~(uint32_t)TFSM_RFC6191; /* nor does it end TIME-WAIT */
        arrive(f, .flags = TFSM_SYN, .seq = -70000);
        expect_challenged(f);
        if (was == TFSM_SYN_RECEIVED) { /* a SYN in the window listens again (3.10.7.4) */
            continue;
        }
        arrive(f, .flags = TFSM_SYN);
        expect_challenged(f);
        arrive(f, .flags = TFSM_SYN | TFSM_ACK, .seq = 5);
        expect_challenged(f);
        expect_state(f, was);
    }
}

/* Without RFC 5961 a SYN in the window ends the connection, as RFC 793 has it, with the option or not. */
static void test_timestamps_missing_in_a_syn_in_the_window_without_5961(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile = PLAIN | TFSM_TIMESTAMPS;
    reach_stamped(f);
    f->peer.options = TFSM_OPT_MSS;
    arrive(f, .flags = TFSM_SYN, .seq = 5);
    expect_gone(f, TFSM_SIG_RESET);
}

/* RFC7323:3.2h: however often; afterwards the connection goes on. */
static void test_timestamps_missing_end_nothing(void **state)
{
    struct fixture *f = in_stamped(state);
    for (int i = 0; i < 100; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 10);
        expect_ignored(f);
    }
    stamp(f, PEER_TS, .flags = TFSM_ACK, .text = 10);
    expect_delivered(f, 10);
}

/* RFC7323:3.2g: the peer's FIN that comes again without them does not start TIME-WAIT anew. */
static void test_timestamps_missing_in_the_fin_restart_nothing(void **state)
{
    struct fixture *f = offering(state);
    reach_stamped_state(f, TFSM_TIME_WAIT);
    f->now += SECOND;
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -1);
    expect_ignored(f);
    expect_deadline(f, f->now - SECOND + 2 * MSL);
}

/* RFC7323:3.2g: but a RST may go without. */
static void test_timestamps_missing_in_a_rst_do_not_matter(void **state)
{
    FOR_SYNCHRONIZED(f, state)
    {
        arrive(f, .flags = TFSM_RST);
        assert_true(f->tcb.state == TFSM_CLOSED || f->tcb.state == TFSM_LISTEN);
        expect_nothing(f);
    }
}

/* ---- timestamps that were not agreed: RFC7323:3.2i ---- */

/* RFC7323:3.2i: the segments are taken as if they had none, whatever they say. */
static void test_timestamps_not_agreed_are_ignored(void **state)
{
    static const uint32_t values[] = {PEER_TS, 5, 0xfffffff0u, 0x80000000u, 0, PEER_TS + 1};
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_TIMESTAMPS;
    open_stamped(f);
    drop_output(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    drop_output(f);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        echo(f, values[i], values[i], .flags = TFSM_ACK, .text = 10);
        expect_delivered(f, 10);
        struct tfsm_segment s;
        assert_true(take(f, &s));
        assert_int_equal(s.options, 0);
        expect_nothing(f);
    }
}

/* RFC7323:3.2i: nothing is measured by them, not by one that could be an echo either. */
static void test_timestamps_not_agreed_measure_nothing(void **state)
{
    static const uint32_t ago[] = {5000, 100, 10, 0};
    for (size_t i = 0; i < sizeof ago / sizeof *ago; i++) {
        struct fixture *f = in_established(state);
        struct tfsm_status_block status;
        user_send(f, 10);
        drop_output(f);
        f->now += 100 * MS;
        uint32_t clock = seq_add(f->tcb.ts_offset, (uint32_t)(f->now / MS & UINT32_MAX));
        echo(f, PEER_TS, seq_sub(clock, ago[i]), .flags = TFSM_ACK, .ack = 10);
        assert_int_equal(tfsm_status(&f->tcb, &status), TFSM_DONE);
        assert_int_equal(status.srtt, 100 * MS / 8); /* the handshake took no time */
        assert_in_range(status.rto, 0, RTO);
    }
}

/* ---- the clock: RFC 7323 4.1, 5.4 ---- */

/* RFC7323:4.1a, RFC7323:5.4a, RFC7323:5.4b, RFC7323:5.4c: one tick a millisecond: often enough for
 * any window, and the number comes round after weeks. [RFC7323:5.4d, RFC7323:5.4e] */
static void test_timestamps_clock_ticks_with_time(void **state)
{
    struct fixture *f = in_stamped(state);
    static const tfsm_time steps[] = {0, 1, 2, 999, 1000, 255000, 3600000};
    uint32_t last = our_clock(f);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        f->now += steps[i] * MS;
        user_send(f, 1);
        struct tfsm_segment s =
            expect_segment(f, .flags = TFSM_ACK, .seq = 1 + (int64_t)i, .ack = 1, .len = 1);
        assert_int_equal(seq_distance(last, s.ts_val), steps[i]);
        last = s.ts_val;
        stamp(f, PEER_TS, .flags = TFSM_ACK, .ack = 1);
    }
}

/* RFC7323:5.4a: it is the time that makes it tick, not a segment. */
static void test_timestamps_clock_does_not_tick_with_segments(void **state)
{
    struct fixture *f = in_stamped(state);
    for (int64_t i = 0; i < 20; i++) {
        user_send(f, 1);
        struct tfsm_segment s =
            expect_segment(f, .flags = TFSM_ACK, .seq = 1 + i, .ack = 1, .len = 1);
        want_stamp(f, &s, PEER_TS);
        stamp(f, PEER_TS, .flags = TFSM_ACK, .ack = 1);
    }
}

/* RFC7323:4.1a: it has 32 bits, whatever the time is. [RFC7323:5.4e] */
static void test_timestamps_clock_wraps(void **state)
{
    struct fixture *f = offering(state);
    f->now = ((UINT64_C(5) << 32) - 1 - OFFSET) * MS;
    reach_stamped(f);
    assert_int_equal(our_clock(f), UINT32_MAX);
    f->now += 2 * MS;
    user_send(f, 10);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    assert_int_equal(s.ts_val, 1);
}

/* ---- what is measured: RFC 7323 4.1, 4.2 ---- */

static tfsm_time srtt(const struct fixture *f)
{
    struct tfsm_status_block status;
    assert_int_equal(tfsm_status(&f->tcb, &status), TFSM_DONE);
    return status.srtt;
}

static tfsm_time rto(const struct fixture *f)
{
    struct tfsm_status_block status;
    assert_int_equal(tfsm_status(&f->tcb, &status), TFSM_DONE);
    return status.rto;
}

/* A connection whose handshake took 100 ms: SRTT = 100 ms. */
static struct fixture *measured(void **state)
{
    struct fixture *f = offering(state);
    open_stamped(f);
    drop_output(f);
    f->now += 100 * MS;
    echo(f, PEER_TS, our_clock(f) - 100, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    drop_output(f);
    assert_in_range(srtt(f), 99 * MS, 101 * MS);
    return f;
}

/* RFC7323:4.1a: the first measurement: SRTT = R, RTO = R + 4 R/2. */
static void test_timestamps_syn_ack_is_measured(void **state)
{
    struct fixture *f = offering(state);
    open_stamped(f);
    drop_output(f);
    f->now += 700 * MS;
    echo(f, PEER_TS, our_clock(f) - 700, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_in_range(srtt(f), 699 * MS, 701 * MS);
    assert_in_range(rto(f), 2095 * MS, 2105 * MS);
}

static void test_timestamps_ack_of_the_syn_ack_is_measured(void **state)
{
    struct fixture *f = offering(state);
    reach_stamped_syn_received(f);
    f->now += 700 * MS;
    echo(f, PEER_TS, our_clock(f) - 700, .flags = TFSM_ACK, .ack = 1);
    assert_in_range(srtt(f), 699 * MS, 701 * MS);
}

/* What counts is the segment echoed: the SYN that came again, not the first. */
static void test_timestamps_syn_again_is_measured_by_its_echo(void **state)
{
    struct fixture *f = offering(state);
    open_stamped(f);
    drop_output(f);
    expire(f);
    drop_output(f);
    f->now += 50 * MS;
    echo(f, PEER_TS, our_clock(f) - 50, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_in_range(srtt(f), 49 * MS, 51 * MS);
}

/* SRTT = 7/8 100 + 1/8 500. */
static void test_timestamps_text_is_measured(void **state)
{
    struct fixture *f = measured(state);
    user_send(f, 10);
    drop_output(f);
    f->now += 500 * MS;
    echo(f, PEER_TS, our_clock(f) - 500, .flags = TFSM_ACK, .ack = 10);
    assert_in_range(srtt(f), 149 * MS, 151 * MS);
}

/* RFC 7323 H (d): with an echo a retransmission is no riddle: Karn's rule is off. */
static void test_timestamps_retransmission_is_measured(void **state)
{
    struct fixture *f = measured(state);
    user_send(f, 10);
    drop_output(f);
    expire(f);
    drop_output(f);
    f->now += 500 * MS;
    echo(f, PEER_TS, our_clock(f) - 500, .flags = TFSM_ACK, .ack = 10);
    assert_in_range(srtt(f), 149 * MS, 151 * MS);
}

/* Both sides of the wrap of our clock. */
static void test_timestamps_measurement_wraps(void **state)
{
    struct fixture *f = offering(state);
    f->now = ((UINT64_C(5) << 32) - 20 - OFFSET) * MS;
    open_stamped(f);
    drop_output(f);
    uint32_t sent = our_clock(f);
    f->now += 100 * MS;
    assert_true(our_clock(f) < sent);
    echo(f, PEER_TS, sent, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_in_range(srtt(f), 99 * MS, 101 * MS);
}

/* RFC7323:4.1b: text that acknowledges nothing new echoes what it echoed long ago. */
static void test_timestamps_are_measured_only_with_a_new_ack(void **state)
{
    struct fixture *f = measured(state);
    uint32_t sent = our_clock(f);
    tfsm_time before = srtt(f);
    tfsm_time timeout = rto(f);
    f->now += 60 * SECOND;
    echo(f, PEER_TS + 1, sent, .flags = TFSM_ACK, .text = 10);
    echo(f, PEER_TS + 1, sent, .flags = TFSM_ACK);
    drop_output(f);
    user_send(f, 10);
    drop_output(f);
    echo(f, PEER_TS + 2, sent, .flags = TFSM_ACK);
    echo(f, PEER_TS + 2, sent, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(srtt(f), before);
    assert_int_equal(rto(f), timeout);
}

/* RFC7323:4.1b: nor by an ACK that is refused. */
static void test_timestamps_of_a_refused_ack_are_not_measured(void **state)
{
    struct fixture *f = measured(state);
    user_send(f, 10);
    drop_output(f);
    f->now += 500 * MS;
    tfsm_time before = srtt(f);
    echo(f, PEER_TS, our_clock(f) - 500, .flags = TFSM_ACK, .ack = 11);
    echo(f, PEER_TS - 1, our_clock(f) - 500, .flags = TFSM_ACK, .ack = 10);
    assert_int_equal(srtt(f), before);
}

/* An echo of what we have not sent yet tells nothing. */
static void test_timestamps_echo_from_the_future_is_not_measured(void **state)
{
    struct fixture *f = measured(state);
    user_send(f, 10);
    drop_output(f);
    f->now += 100 * MS;
    tfsm_time before = srtt(f);
    echo(f, PEER_TS, our_clock(f) + 5000, .flags = TFSM_ACK, .ack = 10);
    assert_int_equal(f->fx.acknowledged, 10);
    assert_in_range(srtt(f), before - 10 * MS, before + 10 * MS);
}

/* RFC7323:4.1b: an echo from before our SYN went out is none of ours: the clock measures instead, and
 * the timeout stays what a round trip of 50 ms makes of it. */
static void test_timestamps_echo_never_sent_is_not_measured(void **state)
{
    struct fixture *f = offering(state);
    f->now = 268 * SECOND;
    open_stamped(f);
    drop_output(f);
    f->now += 50 * MS;
    echo(f, PEER_TS, OFFSET, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    assert_int_equal(srtt(f), 50 * MS);
    assert_int_equal(rto(f), SECOND);
}

/* RFC7323:4.1b: nor is one of a segment that was acknowledged long ago: what is outstanding was sent
 * later, also where something always is. */
static void test_timestamps_echo_of_the_past_is_not_measured(void **state)
{
    struct fixture *f = measured(state);
    uint32_t first = our_clock(f);
    user_send(f, 10);
    drop_output(f);
    for (int i = 0; i < 100; i++) {
        f->now += 100 * MS;
        user_send(f, 10);
        drop_output(f); /* before the one before it is acknowledged */
        echo(f, PEER_TS, our_clock(f) - 100, .flags = TFSM_ACK, .ack = 10);
    }
    assert_in_range(srtt(f), 99 * MS, 101 * MS);
    f->now += 100 * MS;
    echo(f, PEER_TS, first, .flags = TFSM_ACK, .ack = 10);
    assert_int_equal(f->fx.acknowledged, 10);
    assert_in_range(srtt(f), 99 * MS, 101 * MS);
}

/* A clock that goes back a little makes no echo good. */
static void test_timestamps_echo_when_the_clock_goes_back_is_not_measured(void **state)
{
    struct fixture *f = measured(state);
    f->now += 1000 * SECOND;
    uint32_t long_ago = our_clock(f) - 300000;
    user_send(f, 10);
    drop_output(f);
    tfsm_time before = srtt(f);
    f->now -= 3 * MS;
    echo(f, PEER_TS, long_ago, .flags = TFSM_ACK, .ack = 10);
    assert_int_equal(f->fx.acknowledged, 10);
    assert_int_equal(srtt(f), before);
}

/* RFC7323:4.2: ten acknowledgments in a round trip must not forget what went before as ten round
 * trips would: after them more than half of SRTT is still the old 100 ms. */
static void test_timestamps_many_measurements_keep_the_history(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.snd_buff = 65000;
    f->peer.wnd = 10 * (MSS - TS_OCTETS);
    open_stamped(f);
    drop_output(f);
    f->now += 100 * MS;
    echo(f, PEER_TS, our_clock(f) - 100, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    drop_output(f);
    user_send(f, 30 * (MSS - TS_OCTETS));
    drop_output(f);
    assert_int_equal(in_flight(f), 10 * (MSS - TS_OCTETS));
    f->now += 900 * MS;
    uint32_t sent = our_clock(f) - 900;
    for (int i = 0; i < 10; i++) {
        echo(f, PEER_TS, sent, .flags = TFSM_ACK, .ack = MSS - TS_OCTETS);
        drop_output(f);
    }
    assert_in_range(srtt(f), 101 * MS, 500 * MS);
}

/* ---- what is echoed: RFC 7323 4.3 ---- */

/* RFC7323:4.3a, RFC7323:4.3d, RFC7323:3.2b: text that waits for its acknowledgment: the earliest is echoed. */
static void test_timestamps_delayed_ack_echoes_the_earliest(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.ack_delay = 200 * MS;
    reach_stamped(f);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .text = 100);
    expect_nothing(f);
    stamp(f, PEER_TS + 2, .flags = TFSM_ACK, .text = 100);
    stamp(f, PEER_TS + 3, .flags = TFSM_ACK, .text = MSS);
    f->now += 200 * MS;
    after(f, 0);
    expect_echo(f, PEER_TS + 1);
    stamp(f, PEER_TS + 4, .flags = TFSM_ACK, .text = 100);
    after(f, 200 * MS);
    expect_echo(f, PEER_TS + 4);
}

/* RFC7323:4.3a: the same when the acknowledgments of a batch are one. */
static void test_timestamps_aggregated_ack_echoes_the_earliest(void **state)
{
    struct fixture *f = in_stamped(state);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .text = 100);
    stamp(f, PEER_TS + 2, .flags = TFSM_ACK, .text = 100);
    stamp(f, PEER_TS + 3, .flags = TFSM_ACK, .text = 100);
    expect_echo(f, PEER_TS + 1);
}

/* RFC7323:4.3a: our text acknowledges, too: Last.ACK.sent moves with it. */
static void test_timestamps_text_moves_last_ack_sent(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.ack_delay = 200 * MS;
    reach_stamped(f);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .text = 100);
    user_send(f, 10);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 101, .len = 10);
    want_stamp(f, &s, PEER_TS + 1);
    stamp(f, PEER_TS + 2, .flags = TFSM_ACK, .text = 100);
    user_send(f, 10);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 11, .ack = 201, .len = 10);
    want_stamp(f, &s, PEER_TS + 2);
}

/* RFC7323:4.3b, RFC7323:4.3c: the second example of RFC 7323 4.3: A C B E D.
 * [RFC7323:4.3d, RFC7323:5.3c] */
static void test_timestamps_out_of_order_echoes_what_moved_the_edge(void **state)
{
    static const struct {
        int64_t seq;
        uint32_t ts;
        uint32_t echoed;
    } steps[] = {{1, 1, 1}, {201, 3, 1}, {101, 2, 2}, {401, 5, 2}, {301, 4, 4}};
    struct fixture *f = in_stamped(state);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int64_t nxt = seq_distance(f->irs, f->tcb.rcv_nxt);
        stamp(f, PEER_TS + steps[i].ts, .flags = TFSM_ACK, .seq = steps[i].seq - nxt, .text = 100);
        expect_echo(f, PEER_TS + steps[i].echoed);
    }
    assert_int_equal(f->readable, 500);
}

/* RFC7323:4.3c: what fills the hole is echoed, though it is younger than what lies behind it. */
static void test_timestamps_filled_hole_is_echoed(void **state)
{
    struct fixture *f = in_stamped(state);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .seq = 100, .text = 100);
    expect_echo(f, PEER_TS);
    stamp(f, PEER_TS + 50, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 200);
    expect_echo(f, PEER_TS + 50);
}

/* RFC7323:4.3c: and what fills a part of it. */
static void test_timestamps_partly_filled_hole_is_echoed(void **state)
{
    struct fixture *f = in_stamped(state);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .seq = 300, .text = 100);
    expect_echo(f, PEER_TS);
    stamp(f, PEER_TS + 50, .flags = TFSM_ACK, .text = 100);
    expect_echo(f, PEER_TS + 50);
}

/* RFC 7323 4.3 (2): SEG.SEQ =< Last.ACK.sent, and not one octet later. */
static void test_timestamps_recent_follows_last_ack_sent(void **state)
{
    struct fixture *f = in_stamped(state);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .seq = 1, .text = 10);
    assert_int_equal(f->tcb.ts_recent, PEER_TS);
    stamp(f, PEER_TS + 2, .flags = TFSM_ACK);
    assert_int_equal(f->tcb.ts_recent, PEER_TS + 2);
    stamp(f, PEER_TS + 3, .flags = TFSM_ACK, .text = 1);
    assert_int_equal(f->tcb.ts_recent, PEER_TS + 3);
    drop_output(f);
    stamp(f, PEER_TS + 4, .flags = TFSM_ACK, .seq = -5, .text = 20);
    assert_int_equal(f->tcb.ts_recent, PEER_TS + 4);
}

/* RFC 7323 4.3 (2): between Last.ACK.sent and RCV.NXT: not yet acknowledged, so not taken. */
static void test_timestamps_recent_waits_for_the_ack(void **state)
{
    struct fixture *f = in_stamped(state);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .text = 100);
    stamp(f, PEER_TS + 2, .flags = TFSM_ACK);
    assert_int_equal(f->tcb.ts_recent, PEER_TS + 1);
    stamp(f, PEER_TS + 3, .flags = TFSM_ACK, .seq = -99, .text = 199);
    assert_int_equal(f->tcb.ts_recent, PEER_TS + 1);
    stamp(f, PEER_TS + 4, .flags = TFSM_ACK, .seq = -200, .text = 300);
    assert_int_equal(f->tcb.ts_recent, PEER_TS + 4);
}

/* The comparison with Last.ACK.sent is one of sequence numbers. */
static void test_timestamps_recent_follows_across_zero(void **state)
{
    struct fixture *f = offering(state);
    f->irs = 0xffffffceu; /* 50 octets before zero */
    reach_stamped(f);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .text = 100);
    expect_echo(f, PEER_TS + 1);
    stamp(f, PEER_TS + 2, .flags = TFSM_ACK, .seq = -100, .text = 200);
    expect_echo(f, PEER_TS + 2);
    stamp(f, PEER_TS + 3, .flags = TFSM_ACK, .seq = 10, .text = 10);
    expect_echo(f, PEER_TS + 2);
}

/* RFC 7323 5.3 R2 comes before R3: a segment outside the window leaves nothing behind.
 * [RFC7323:5.3c] */
static void test_timestamps_recent_ignores_what_is_outside(void **state)
{
    struct fixture *f = in_stamped(state);
    stamp(f, PEER_TS + 1000, .flags = TFSM_ACK, .seq = -100, .text = 50);
    expect_refused(f);
    expect_echo(f, PEER_TS);
    stamp(f, PEER_TS + 1000, .flags = TFSM_ACK, .seq = BUFF + 1);
    expect_refused(f);
    expect_echo(f, PEER_TS);
}

/* ---- PAWS: RFC 7323 5.2, 5.3 ---- */

/* RFC7323:5.3a: in the window or not, answered, and nothing of it is taken. */
static void test_timestamps_older_is_answered_and_dropped(void **state)
{
    FOR_SYNCHRONIZED(f, state)
    {
        enum tfsm_state was = f->tcb.state;
        stamp(f, PEER_TS - 1, .flags = TFSM_ACK, .ack = in_flight(f), .text = 10);
        expect_refused(f);
        expect_echo(f, PEER_TS);
        stamp(f, PEER_TS - 1, .flags = TFSM_FIN | TFSM_ACK);
        expect_refused(f);
        expect_echo(f, PEER_TS);
        stamp(f, PEER_TS - 1, .flags = TFSM_ACK, .seq = -10, .text = 10);
        expect_refused(f);
        expect_echo(f, PEER_TS);
        expect_state(f, was);
    }
}

/* RFC7323:5.3a: it is as unacceptable as one outside the window: an ACK alone is answered, too, and
 * neither its acknowledgment nor its window counts. */
static void test_timestamps_older_ack_is_answered_and_dropped(void **state)
{
    struct fixture *f = in_stamped(state);
    user_send(f, 300);
    drop_output(f);
    f->peer.wnd = 1234;
    stamp(f, PEER_TS - 1, .flags = TFSM_ACK, .ack = 300);
    expect_refused(f);
    expect_echo(f, PEER_TS);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
    assert_int_equal(in_flight(f), 300);
}

/* RFC5961:7a: the answers have the budget of their kind, and without it nothing is taken either. */
static void test_timestamps_older_answers_are_limited(void **state)
{
    FOR_SYNCHRONIZED(f, state)
    {
        enum tfsm_state was = f->tcb.state;
        for (unsigned i = 0; i < f->cfg.challenge_limit; i++) {
            stamp(f, PEER_TS - 1, .flags = TFSM_ACK, .ack = in_flight(f));
            expect_refused(f);
            expect_echo(f, PEER_TS);
        }
        stamp(f, PEER_TS - 1, .flags = TFSM_ACK, .ack = in_flight(f));
        expect_ignored(f);
        expect_state(f, was);
    }
}

/* RFC7323:5.3a: it comes before all other checks: what they would drop in silence, or reset, is
 * answered like all the rest. */
static void test_timestamps_older_comes_before_the_other_checks(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile = PLAIN | TFSM_TIMESTAMPS;
    reach_stamped(f);
    stamp(f, PEER_TS - 1, .flags = TFSM_FIN, .text = 10);
    expect_refused(f);
    expect_echo(f, PEER_TS);
    stamp(f, PEER_TS - 1, .flags = TFSM_SYN, .seq = 5);
    expect_refused(f);
    expect_echo(f, PEER_TS);
    stamp(f, PEER_TS - 1, .flags = TFSM_ACK, .security = 9);
    expect_refused(f);
    expect_echo(f, PEER_TS);
    stamp(f, PEER_TS - 1, .flags = TFSM_ACK, .ack = 99);
    expect_refused(f);
    expect_echo(f, PEER_TS);
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC7323:5.3a: older is 0 < TS.Recent - TSval < 2^31. */
static void test_timestamps_older_is_modular(void **state)
{
    static const struct {
        uint32_t recent;
        uint32_t value;
        bool older;
    } cases[] = {
        {PEER_TS, PEER_TS, false},
        {PEER_TS, PEER_TS + 1, false},
        {PEER_TS, PEER_TS - 1, true},
        {PEER_TS, PEER_TS + 0x7fffffffu, false},
        {PEER_TS, PEER_TS + 0x80000000u, false}, /* neither is less than the other */
        {PEER_TS, PEER_TS + 0x80000001u, true},
        {0xfffffff0u, 5, false},
        {5, 0xfffffff0u, true},
        {0, 0xffffffffu, true},
        {0xffffffffu, 0, false},
        {0x7fffffffu, 0x80000000u, false},
        {0x80000000u, 0x7fffffffu, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *f = offering(state);
        open_stamped(f);
        drop_output(f);
        stamp(f, cases[i].recent, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
        drop_output(f);
        stamp(f, cases[i].value, .flags = TFSM_ACK, .text = 10);
        expect_delivered(f, cases[i].older ? 0 : 10);
    }
}

/* RFC7323:5.2a: across zero it goes on, and what is before zero is then old. */
static void test_timestamps_recent_goes_across_zero(void **state)
{
    struct fixture *f = offering(state);
    open_stamped(f);
    drop_output(f);
    stamp(f, 0xfffffffeu, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_echo(f, 0xfffffffeu);
    stamp(f, 1, .flags = TFSM_ACK, .text = 10);
    expect_echo(f, 1);
    stamp(f, 0xffffffffu, .flags = TFSM_ACK, .text = 10);
    expect_refused(f);
    expect_echo(f, 1);
}

/* RFC7323:5.2a: not by what is queued, not by what is refused, not by what is older. */
static void test_timestamps_recent_never_goes_back(void **state)
{
    static const int32_t steps[] = {5, -3, 8, 0, -1, 100, -100, 1, -101, 2};
    struct fixture *f = in_stamped(state);
    uint32_t greatest = PEER_TS;
    uint32_t last = PEER_TS;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        last = seq_add(last, (uint32_t)steps[i]);
        stamp(f, last, .flags = TFSM_ACK, .text = 10);
        greatest = seq_max(greatest, last);
        expect_echo(f, greatest);
        assert_int_equal(f->tcb.ts_recent, greatest);
    }
}

/* RFC7323:5.3b: the example of RFC 7323 5.3: A.1, not B.1, C.1 .. F.1, then B.2. */
static void test_timestamps_queued_text_is_not_looked_at_again(void **state)
{
    struct fixture *f = in_stamped(state);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .text = 100);
    drop_output(f);
    for (int64_t i = 1; i <= 4; i++) {
        stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .seq = 100 * i, .text = 100);
        drop_output(f);
    }
    stamp(f, PEER_TS + 2, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 500);
    expect_echo(f, PEER_TS + 2);
}

/* RFC7323:5.3b: so is a FIN that was queued behind the hole. */
static void test_timestamps_queued_fin_is_not_looked_at_again(void **state)
{
    struct fixture *f = in_stamped(state);
    stamp(f, PEER_TS + 1, .flags = TFSM_FIN | TFSM_ACK, .seq = 100, .text = 100);
    drop_output(f);
    stamp(f, PEER_TS + 9, .flags = TFSM_ACK, .text = 100);
    drop_output(f);
    if (f->tcb.state == TFSM_ESTABLISHED) { /* a FIN out of order may have to come again */
        stamp(f, PEER_TS + 10, .flags = TFSM_FIN | TFSM_ACK);
    }
    expect_state(f, TFSM_CLOSE_WAIT);
    assert_int_equal(f->readable, 200);
}

/* RFC7323:5.3a: the peer's FIN of long ago does not start TIME-WAIT anew. */
static void test_timestamps_older_fin_again_restarts_nothing(void **state)
{
    struct fixture *f = offering(state);
    reach_stamped_state(f, TFSM_TIME_WAIT);
    f->now += SECOND;
    stamp(f, PEER_TS - 1, .flags = TFSM_FIN | TFSM_ACK, .seq = -1);
    expect_refused(f);
    expect_echo(f, PEER_TS);
    expect_deadline(f, f->now - SECOND + 2 * MSL);
    stamp(f, PEER_TS + 1, .flags = TFSM_FIN | TFSM_ACK, .seq = -1);
    drop_output(f);
    expect_deadline(f, f->now + 2 * MSL);
}

/* RFC7323:5.3a: the SYN,ACK that opens a connection has nothing to be compared with. */
static void test_timestamps_syn_sent_has_no_recent(void **state)
{
    static const uint32_t values[] = {0, 1, 0x7fffffffu, 0x80000000u, 0xffffffffu};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct fixture *f = offering(state);
        open_stamped(f);
        drop_output(f);
        stamp(f, values[i], .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
        expect_state(f, TFSM_ESTABLISHED);
        expect_echo(f, values[i]);
    }
}

/* ---- RST: RFC 7323 5.2 ---- */

/* RFC7323:5.2d: however old its TSval. */
static void test_timestamps_older_rst_counts(void **state)
{
    FOR_SYNCHRONIZED(f, state)
    {
        stamp(f, PEER_TS - 1000, .flags = TFSM_RST);
        assert_true(f->tcb.state == TFSM_CLOSED || f->tcb.state == TFSM_LISTEN);
        expect_nothing(f);
    }
}

/* RFC7323:5.2d: a RST beside the point is what it was. */
static void test_timestamps_older_rst_in_window_is_challenged(void **state)
{
    struct fixture *f = in_stamped(state);
    stamp(f, PEER_TS - 1000, .flags = TFSM_RST, .seq = 1);
    expect_refused(f);
    expect_echo(f, PEER_TS);
    stamp(f, PEER_TS - 1000, .flags = TFSM_RST, .seq = -1);
    expect_ignored(f);
}

/* RFC7323:5.2e: nothing of it is remembered, where it is ignored or challenged. */
static void test_timestamps_of_a_rst_are_not_remembered(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile |= TFSM_RFC1337;
    reach_stamped_state(f, TFSM_TIME_WAIT);
    stamp(f, PEER_TS + 1000, .flags = TFSM_RST);
    assert_int_equal(f->tcb.ts_recent, PEER_TS);
    stamp(f, PEER_TS, .flags = TFSM_FIN | TFSM_ACK, .seq = -1);
    expect_echo(f, PEER_TS);
    f = in_stamped(state);
    stamp(f, PEER_TS + 1000, .flags = TFSM_RST | TFSM_ACK, .seq = 1);
    expect_echo(f, PEER_TS);
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .text = 10);
    expect_delivered(f, 10);
}

static void want_rst(const struct tfsm_segment *s, uint32_t ts_ecr)
{
    assert_int_equal(s->flags & TFSM_RST, TFSM_RST);
    assert_int_equal(s->options, TFSM_OPT_TIMESTAMPS);
    assert_int_equal(s->ts_val, 0);
    assert_int_equal(s->ts_ecr, ts_ecr);
}

/* RFC7323:5.2b, RFC7323:3.2f: with and without an ACK to take SEG.SEQ from. */
static void test_timestamps_rst_in_closed_echoes_its_cause(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_segment s;
    echo(f, 4711, 42, .flags = TFSM_ACK, .text = 10);
    assert_true(take(f, &s));
    assert_int_equal(s.flags, TFSM_RST);
    want_rst(&s, 4711);
    expect_nothing(f);
    echo(f, 4712, 0, .flags = TFSM_SYN);
    assert_true(take(f, &s));
    assert_int_equal(s.flags, TFSM_RST | TFSM_ACK);
    want_rst(&s, 4712);
    expect_nothing(f);
}

/* RFC7323:5.2b: only if its cause had them. */
static void test_timestamps_rst_without_a_cause_that_has_them_has_none(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_segment s;
    echo(f, 4711, 42, .flags = TFSM_ACK);
    drop_output(f);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_true(take(f, &s));
    assert_int_equal(s.flags, TFSM_RST);
    assert_int_equal(s.options, 0);
}

/* RFC7323:5.2b: nothing is agreed yet in these states; the cause decides. */
static void test_timestamps_rst_before_the_agreement_echoes_its_cause(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_segment s;
    reach_listen(f);
    echo(f, 4711, 42, .flags = TFSM_ACK);
    assert_true(take(f, &s));
    want_rst(&s, 4711);
    f = offering(state);
    open_stamped(f);
    drop_output(f);
    echo(f, 4712, 42, .flags = TFSM_ACK, .ack = 2);
    assert_true(take(f, &s));
    want_rst(&s, 4712);
    expect_state(f, TFSM_SYN_SENT);
}

/* RFC7323:5.2b: a half-open connection on their side. */
static void test_timestamps_rst_in_syn_received_echoes_its_cause(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_segment s;
    reach_stamped_syn_received(f);
    echo(f, PEER_TS + 3, 42, .flags = TFSM_ACK, .ack = 2);
    assert_true(take(f, &s));
    want_rst(&s, PEER_TS + 3);
}

/* RFC7323:5.2b: a connection that ends by it. */
static void test_timestamps_rst_that_ends_echoes_its_cause(void **state)
{
    struct fixture *f = in_stamped(state);
    struct tfsm_segment s;
    echo(f, PEER_TS + 3, 42, .flags = TFSM_ACK, .security = 9);
    expect_state(f, TFSM_CLOSED);
    assert_true(take(f, &s));
    want_rst(&s, PEER_TS + 3);
    expect_nothing(f);
}

/* RFC7323:5.2b: text for a user who will not read any more. */
static void test_timestamps_rst_to_lost_text_echoes_its_cause(void **state)
{
    struct fixture *f = in_stamped(state);
    struct tfsm_segment s;
    fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_CLOSE, .deaf = true});
    drop_output(f);
    stamp(f, PEER_TS + 3, .flags = TFSM_ACK, .ack = 1, .text = 10);
    expect_state(f, TFSM_CLOSED);
    assert_true(take(f, &s));
    want_rst(&s, PEER_TS + 3);
    expect_nothing(f);
}

/* RFC7323:5.2b: without timestamps in the profile there are none, here either. */
static void test_timestamps_rst_without_the_profile_has_none(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment s;
    echo(f, 4711, 42, .flags = TFSM_ACK, .text = 10);
    assert_true(take(f, &s));
    assert_int_equal(s.options, 0);
}

/* RFC7323:5.2c, RFC7323:3.2f, RFC7323:3.2a: no ACK, no echo. */
static void test_timestamps_rst_of_an_abort_bears_them(void **state)
{
    struct fixture *f = in_stamped(state);
    struct tfsm_segment s;
    f->now += 30 * MS;
    user_abort(f);
    expect_state(f, TFSM_CLOSED);
    assert_true(take(f, &s));
    assert_int_equal(s.flags & TFSM_RST, TFSM_RST);
    assert_int_equal(s.options, TFSM_OPT_TIMESTAMPS);
    if ((s.flags & TFSM_ACK) == 0) {
        assert_int_equal(s.ts_ecr, 0);
    } else {
        assert_int_equal(s.ts_ecr, PEER_TS);
    }
    expect_nothing(f);
}

/* RFC7323:5.2c: only where they are agreed. */
static void test_timestamps_rst_of_an_abort_without_agreement_has_none(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_segment s;
    f->peer.options = TFSM_OPT_MSS;
    reach_established(f);
    user_abort(f);
    assert_true(take(f, &s));
    assert_int_equal(s.options, 0);
}

/* A connection that is gone leaves no timestamps to the next. */
static void test_timestamps_do_not_outlive_the_connection(void **state)
{
    struct fixture *f = in_stamped(state);
    struct tfsm_segment s;
    user_abort(f);
    drop_output(f);
    assert_int_equal(f->tcb.flags, 0);
    f->cfg.profile = PROFILE;
    arrive(f, .flags = TFSM_ACK);
    assert_true(take(f, &s));
    assert_int_equal(s.options, 0);
}

/* ---- TS.Recent of long ago: RFC7323:5.5 ---- */

/* RFC7323:5.5: before that it holds. */
static void test_timestamps_recent_holds_for_24_days(void **state)
{
    struct fixture *f = in_stamped(state);
    f->now += 24 * DAY - SECOND;
    stamp(f, PEER_TS - 1, .flags = TFSM_ACK, .text = 10);
    expect_refused(f);
    expect_echo(f, PEER_TS);
}

/* RFC7323:5.5: the segment is taken, and its TSval is the new TS.Recent. */
static void test_timestamps_recent_older_than_24_days_is_worth_nothing(void **state)
{
    struct fixture *f = in_stamped(state);
    f->now += 24 * DAY + SECOND;
    stamp(f, PEER_TS - 1000, .flags = TFSM_ACK, .text = 10);
    expect_delivered(f, 10);
    expect_echo(f, PEER_TS - 1000);
    stamp(f, PEER_TS - 1001, .flags = TFSM_ACK, .text = 10);
    expect_refused(f);
    expect_echo(f, PEER_TS - 1000);
}

/* RFC7323:5.5: text out of order is taken, too. */
static void test_timestamps_recent_older_than_24_days_does_not_stop_queueing(void **state)
{
    struct fixture *f = in_stamped(state);
    f->now += 25 * DAY;
    stamp(f, PEER_TS - 1000, .flags = TFSM_ACK, .seq = 10, .text = 10);
    drop_output(f);
    assert_int_equal(f->tcb.ooo_count, 1);
    stamp(f, PEER_TS - 1000, .flags = TFSM_ACK, .text = 10);
    expect_delivered(f, 20);
}

/* RFC7323:5.5: a newer TSval needs no such thing. */
static void test_timestamps_newer_is_taken_after_24_days(void **state)
{
    struct fixture *f = in_stamped(state);
    f->now += 25 * DAY;
    stamp(f, PEER_TS + 1, .flags = TFSM_ACK, .text = 10);
    expect_delivered(f, 10);
    expect_echo(f, PEER_TS + 1);
}

/* RFC7323:5.5: idle is what it must have been: traffic keeps it valid, also where the peer's clock
 * stands still. [RFC7323:5.5b] */
static void test_timestamps_recent_is_kept_by_traffic(void **state)
{
    for (uint32_t ticks = 0; ticks < 2; ticks++) {
        struct fixture *f = in_stamped(state);
        f->now += 23 * DAY;
        stamp(f, PEER_TS + ticks, .flags = TFSM_ACK, .text = 10);
        expect_echo(f, PEER_TS + ticks);
        f->now += 2 * DAY;
        stamp(f, PEER_TS - 1, .flags = TFSM_ACK, .text = 10);
        expect_refused(f);
        expect_echo(f, PEER_TS + ticks);
    }
}

/* RFC7323:5.5: what is refused is no traffic: the peer whose clock went round gets through.
 * [RFC7323:5.5b] */
static void test_timestamps_recent_is_not_kept_by_what_is_refused(void **state)
{
    struct fixture *f = in_stamped(state);
    f->now += 23 * DAY;
    stamp(f, PEER_TS - 1000, .flags = TFSM_ACK, .text = 10);
    expect_refused(f);
    drop_output(f);
    f->now += 2 * DAY;
    stamp(f, PEER_TS - 900, .flags = TFSM_ACK, .text = 10);
    expect_delivered(f, 10);
}

/* ---- window scaling ---- */

/* RFC7323:2.2a, RFC7323:2.3a: a buffer that needs no shift is no reason to keep silent, or the peer
 * could not scale its own. */
static void test_timestamps_window_scale_zero_is_offered(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_WSCALE;
    open_active(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS | TFSM_OPT_WSCALE);
    assert_int_equal(s.wscale, 0);
    f = fresh(state);
    f->cfg.profile |= TFSM_WSCALE;
    f->peer.options |= TFSM_OPT_WSCALE;
    f->peer.wscale = 7;
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS | TFSM_OPT_WSCALE);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND << 7);
}

/* A segment of an MSS filled a window of 1024 octets, and rounding took back 128 of them. */
static struct fixture *retracted(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_WSCALE;
    f->peer.options |= TFSM_OPT_WSCALE;
    f->peer.wscale = 7;
    f->peer.wnd = 1024;
    reach_established(f);
    f->peer.wnd = 1024 >> 7;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, MSS);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS);
    f->peer.wnd = (1024 >> 7) - 1;
    arrive(f, .flags = TFSM_ACK);
    return f;
}

/* RFC7323:2.4e: what was in the window when it was sent goes again whole. */
static void test_timestamps_window_retracted_does_not_cut_a_retransmission(void **state)
{
    struct fixture *f = retracted(state);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS);
}

/* RFC7323:2.4f: after that the window counts, give or take the rounding. */
static void test_timestamps_window_taken_back_cuts_later_retransmissions(void **state)
{
    struct fixture *f = retracted(state);
    struct tfsm_segment s;
    f->peer.wnd = 2; /* 256 octets: that is more than rounding */
    arrive(f, .flags = TFSM_ACK);
    expire(f);
    drop_output(f);
    expire(f);
    assert_true(take(f, &s));
    assert_int_equal(s.seq, f->iss + 1);
    assert_in_range(s.len, 1, 256 + 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timestamps_syn_offers),
        cmocka_unit_test(test_timestamps_syn_without_the_profile_does_not_offer),
        cmocka_unit_test(test_timestamps_syn_again_has_a_new_stamp),
        cmocka_unit_test(test_timestamps_syn_ack_answers),
        cmocka_unit_test(test_timestamps_syn_ack_again_has_a_new_stamp),
        cmocka_unit_test(test_timestamps_syn_ack_does_not_offer_unasked),
        cmocka_unit_test(test_timestamps_syn_ack_without_the_profile_does_not_answer),
        cmocka_unit_test(test_timestamps_refused_by_the_peer_are_off),
        cmocka_unit_test(test_timestamps_handshake_ack_echoes_the_syn_ack),
        cmocka_unit_test(test_timestamps_simultaneous_open_agrees),
        cmocka_unit_test(test_timestamps_echo_without_ack_is_ignored),
        cmocka_unit_test(test_timestamps_send_in_listen_offers),
        cmocka_unit_test(test_timestamps_text_bears_them),
        cmocka_unit_test(test_timestamps_retransmission_has_a_new_stamp),
        cmocka_unit_test(test_timestamps_fin_bears_them),
        cmocka_unit_test(test_timestamps_window_probe_bears_them),
        cmocka_unit_test(test_timestamps_keepalive_bears_them),
        cmocka_unit_test(test_timestamps_challenge_bears_them),
        cmocka_unit_test(test_timestamps_window_update_bears_them),
        cmocka_unit_test(test_timestamps_take_room_from_the_text),
        cmocka_unit_test(test_timestamps_take_room_from_a_retransmission),
        cmocka_unit_test(test_timestamps_and_sack_take_room_from_the_text),
        cmocka_unit_test(test_timestamps_path_mtu_makes_segments_smaller),
        cmocka_unit_test(test_timestamps_missing_are_dropped_silently),
        cmocka_unit_test(test_timestamps_missing_in_a_syn_are_challenged),
        cmocka_unit_test(test_timestamps_missing_in_a_syn_in_the_window_without_5961),
        cmocka_unit_test(test_timestamps_missing_end_nothing),
        cmocka_unit_test(test_timestamps_missing_in_the_fin_restart_nothing),
        cmocka_unit_test(test_timestamps_missing_in_a_rst_do_not_matter),
        cmocka_unit_test(test_timestamps_not_agreed_are_ignored),
        cmocka_unit_test(test_timestamps_not_agreed_measure_nothing),
        cmocka_unit_test(test_timestamps_clock_ticks_with_time),
        cmocka_unit_test(test_timestamps_clock_does_not_tick_with_segments),
        cmocka_unit_test(test_timestamps_clock_wraps),
        cmocka_unit_test(test_timestamps_syn_ack_is_measured),
        cmocka_unit_test(test_timestamps_ack_of_the_syn_ack_is_measured),
        cmocka_unit_test(test_timestamps_syn_again_is_measured_by_its_echo),
        cmocka_unit_test(test_timestamps_text_is_measured),
        cmocka_unit_test(test_timestamps_retransmission_is_measured),
        cmocka_unit_test(test_timestamps_measurement_wraps),
        cmocka_unit_test(test_timestamps_are_measured_only_with_a_new_ack),
        cmocka_unit_test(test_timestamps_of_a_refused_ack_are_not_measured),
        cmocka_unit_test(test_timestamps_echo_from_the_future_is_not_measured),
        cmocka_unit_test(test_timestamps_echo_never_sent_is_not_measured),
        cmocka_unit_test(test_timestamps_echo_when_the_clock_goes_back_is_not_measured),
        cmocka_unit_test(test_timestamps_echo_of_the_past_is_not_measured),
        cmocka_unit_test(test_timestamps_many_measurements_keep_the_history),
        cmocka_unit_test(test_timestamps_delayed_ack_echoes_the_earliest),
        cmocka_unit_test(test_timestamps_aggregated_ack_echoes_the_earliest),
        cmocka_unit_test(test_timestamps_text_moves_last_ack_sent),
        cmocka_unit_test(test_timestamps_out_of_order_echoes_what_moved_the_edge),
        cmocka_unit_test(test_timestamps_filled_hole_is_echoed),
        cmocka_unit_test(test_timestamps_partly_filled_hole_is_echoed),
        cmocka_unit_test(test_timestamps_recent_follows_last_ack_sent),
        cmocka_unit_test(test_timestamps_recent_waits_for_the_ack),
        cmocka_unit_test(test_timestamps_recent_follows_across_zero),
        cmocka_unit_test(test_timestamps_recent_ignores_what_is_outside),
        cmocka_unit_test(test_timestamps_older_is_answered_and_dropped),
        cmocka_unit_test(test_timestamps_older_ack_is_answered_and_dropped),
        cmocka_unit_test(test_timestamps_older_answers_are_limited),
        cmocka_unit_test(test_timestamps_older_comes_before_the_other_checks),
        cmocka_unit_test(test_timestamps_older_is_modular),
        cmocka_unit_test(test_timestamps_recent_goes_across_zero),
        cmocka_unit_test(test_timestamps_recent_never_goes_back),
        cmocka_unit_test(test_timestamps_queued_text_is_not_looked_at_again),
        cmocka_unit_test(test_timestamps_queued_fin_is_not_looked_at_again),
        cmocka_unit_test(test_timestamps_older_fin_again_restarts_nothing),
        cmocka_unit_test(test_timestamps_syn_sent_has_no_recent),
        cmocka_unit_test(test_timestamps_older_rst_counts),
        cmocka_unit_test(test_timestamps_older_rst_in_window_is_challenged),
        cmocka_unit_test(test_timestamps_of_a_rst_are_not_remembered),
        cmocka_unit_test(test_timestamps_rst_in_closed_echoes_its_cause),
        cmocka_unit_test(test_timestamps_rst_without_a_cause_that_has_them_has_none),
        cmocka_unit_test(test_timestamps_rst_before_the_agreement_echoes_its_cause),
        cmocka_unit_test(test_timestamps_rst_in_syn_received_echoes_its_cause),
        cmocka_unit_test(test_timestamps_rst_that_ends_echoes_its_cause),
        cmocka_unit_test(test_timestamps_rst_to_lost_text_echoes_its_cause),
        cmocka_unit_test(test_timestamps_rst_without_the_profile_has_none),
        cmocka_unit_test(test_timestamps_rst_of_an_abort_bears_them),
        cmocka_unit_test(test_timestamps_rst_of_an_abort_without_agreement_has_none),
        cmocka_unit_test(test_timestamps_do_not_outlive_the_connection),
        cmocka_unit_test(test_timestamps_recent_holds_for_24_days),
        cmocka_unit_test(test_timestamps_recent_older_than_24_days_is_worth_nothing),
        cmocka_unit_test(test_timestamps_recent_older_than_24_days_does_not_stop_queueing),
        cmocka_unit_test(test_timestamps_newer_is_taken_after_24_days),
        cmocka_unit_test(test_timestamps_recent_is_kept_by_traffic),
        cmocka_unit_test(test_timestamps_recent_is_not_kept_by_what_is_refused),
        cmocka_unit_test(test_timestamps_window_scale_zero_is_offered),
        cmocka_unit_test(test_timestamps_window_retracted_does_not_cut_a_retransmission),
        cmocka_unit_test(test_timestamps_window_taken_back_cuts_later_retransmissions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
