/* SYN cookies of a listener (RFC 4987 3.6), told from tfsm_listener.h: what comes back in a third
 * segment is a connection, for as long as the cookie is good, and nothing else is. */
#include "listening.h"
#include "same.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

#if defined(__SANITIZE_ADDRESS__)
#define SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SLOW 1
#endif
#endif
#ifndef SLOW
#define SLOW 0
#endif

static struct house house; /* of the test that is running */

static struct house *a_house(void **state, enum tfsm_cookies cookies)
{
    house_with(&house, family_of(state), cookies == TFSM_COOKIES_ALWAYS ? 0 : 4, 8, cookies);
    return &house;
}

/* A SYN that is answered with a cookie. */
static struct tfsm_packet cookie_for(struct house *h, struct peer *p, const struct tfsm_packet *syn)
{
    const uint64_t sent = count_of(h, TFSM_COUNT_COOKIE_SENT);
    assert_int_equal(send_packet(h, syn), TFSM_ARRIVAL_TAKEN);
    assert_true(h->arrival.answers);
    const struct tfsm_packet k = h->arrival.answer;
    assert_int_equal(k.segment.flags & ~TFSM_ECE, TFSM_SYN | TFSM_ACK);
    assert_int_equal(k.segment.ack, seq_add(p->irs, 1));
    assert_int_equal(k.segment.len, 1);
    assert_true(k.segment.options & TFSM_OPT_MSS);
    assert_int_equal(k.segment.mss, h->cfg.mss);
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_SENT), sent + 1);
    assert_false(holds(h, p));
    quiet(h);
    assert_int_equal(tfsm_listener_deadline(&h->l), TFSM_NEVER);
    p->iss = k.segment.seq;
    return k;
}

static struct tfsm_packet cookie(struct house *h, struct peer *p)
{
    const struct tfsm_packet syn = syn_of(h, p);
    return cookie_for(h, p, &syn);
}

/* The ISN that a SYN gets, and nothing left behind. */
static uint32_t isn_of_syn(struct house *h, const struct peer *p)
{
    struct peer q = *p;
    const struct tfsm_packet syn = syn_of(h, p);
    assert_int_equal(send_packet(h, &syn), TFSM_ARRIVAL_TAKEN);
    if (h->arrival.answers) {
        return h->arrival.answer.segment.seq;
    }
    q.iss = syn_ack_drawn(h, &q).segment.seq;
    const struct tfsm_packet rst = packet_of(h, &q, TFSM_RST, q.irs + 1, 0, 0);
    taken(h, &rst);
    assert_false(holds(h, &q));
    return q.iss;
}

static void is_good(struct house *h, const struct peer *p)
{
    const uint64_t good = count_of(h, TFSM_COUNT_COOKIE_GOOD);
    const struct tfsm_packet third = third_of(h, p, 0);
    connects(h, &third);
    assert_int_equal(h->tcb.iss, p->iss);
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_GOOD), good + 1);
    accepted(h, h->id - 1);
}

/* Refused as any ACK in LISTEN. Whether a cookie could have been out decides how it is counted. */
static void is_bad(struct house *h, const struct peer *p)
{
    const uint64_t bad = count_of(h, TFSM_COUNT_COOKIE_BAD);
    const uint64_t other = count_of(h, TFSM_COUNT_ACK_UNEXPECTED);
    const struct tfsm_packet third = third_of(h, p, 0);
    answered_by_reset(h, &third);
    assert_true(count_of(h, TFSM_COUNT_COOKIE_BAD) - bad <= 1);
    assert_true(count_of(h, TFSM_COUNT_ACK_UNEXPECTED) - other <= 1);
    assert_true(count_of(h, TFSM_COUNT_COOKIE_BAD) + count_of(h, TFSM_COUNT_ACK_UNEXPECTED) >
                bad + other);
}

/* ---- there and back ---- */

static void test_listener_cookie_comes_back_as_a_connection(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &p);
    h->now += 50000;
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
    assert_int_equal(h->arrival.effects.signals, TFSM_SIG_CONNECTED);
    assert_int_equal(h->tcb.state, TFSM_ESTABLISHED);
    assert_int_equal(h->tcb.iss, p.iss);
    assert_int_equal(h->tcb.irs, p.irs);
    assert_int_equal(h->tcb.snd_una, p.iss + 1);
    assert_int_equal(h->tcb.snd_nxt, p.iss + 1);
    assert_int_equal(h->tcb.rcv_nxt, p.irs + 1);
    assert_int_equal(h->tcb.snd_wnd, PEER_WND);
    assert_true(h->tcb.flags & TFSM_M_PASSIVE);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 1);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY), 0);
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_GOOD), 1);
    accepted(h, 1000);
    walls_stand(h);
}

static void test_listener_cookie_with_text_or_fin(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &p);
    const struct tfsm_packet text = third_of(h, &p, 700);
    connects(h, &text);
    assert_int_equal(h->arrival.effects.delivered, 700);
    assert_int_equal(h->arrival.effects.text_count, 1);
    assert_int_equal(h->arrival.effects.text[0].len, 700);
    assert_int_equal(h->tcb.rcv_nxt, p.irs + 701);
    struct peer q = peer_of(h, 1);
    (void)cookie(h, &q);
    const struct tfsm_packet fin = packet_of(h, &q, TFSM_ACK | TFSM_FIN, q.irs + 1, q.iss + 1, 5);
    connects(h, &fin);
    assert_int_equal(h->tcb.state, TFSM_CLOSE_WAIT);
    assert_int_equal(h->arrival.effects.signals, TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED);
}

/* Nothing of a SYN's text can be remembered: only the SYN is acknowledged. */
static void test_listener_cookie_for_a_syn_with_text(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    struct tfsm_packet syn = packet_of(h, &p, TFSM_SYN | TFSM_FIN, p.irs, 0, 90);
    (void)cookie_for(h, &p, &syn);
    assert_int_equal(h->arrival.effects.delivered, 0);
    const struct tfsm_packet third = third_of(h, &p, 90);
    connects(h, &third);
    assert_int_equal(h->tcb.state, TFSM_ESTABLISHED);
    assert_int_equal(h->arrival.effects.delivered, 90);
}

/* RFC9293:MUST-16: never more than the peer announced; there are eight classes. */
static void test_listener_cookie_mss_class_is_at_most_the_announced(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    uint16_t last = 0;
    unsigned classes = 0;
    h->cfg.mss = TFSM_MSS_MAX;
    for (uint32_t mss = h->cfg.mss_floor; mss <= 65535; mss += mss < 1600 ? 1 : 97) {
        struct tfsm_packet syn = syn_of(h, &p);
        syn.segment.mss = (uint16_t)mss;
        (void)cookie_for(h, &p, &syn);
        const struct tfsm_packet third = third_of(h, &p, 0);
        connects(h, &third);
        accepted(h, h->id - 1);
        assert_true(h->tcb.snd_mss <= mss);
        assert_true(h->tcb.snd_mss >= last);
        classes += h->tcb.snd_mss > last;
        last = h->tcb.snd_mss;
    }
    assert_true(classes >= 2 && classes <= 8);
    assert_true(last >= 1400); /* an Ethernet is worth a class */
}

static void test_listener_cookie_without_mss_means_the_default(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    struct tfsm_packet syn = packet_of(h, &p, TFSM_SYN, p.irs, 0, 0);
    (void)cookie_for(h, &p, &syn);
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
    assert_true(h->tcb.snd_mss <= h->cfg.mss_default);
    assert_true(h->tcb.snd_mss >= h->cfg.mss_floor);
}

/* RFC9293:MUST-16: and never more than we take ourselves. */
static void test_listener_cookie_mss_is_bounded_by_ours(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    h->cfg.mss = 700;
    struct tfsm_packet syn = syn_of(h, &p);
    syn.segment.mss = 65535;
    (void)cookie_for(h, &p, &syn);
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
    assert_true(h->tcb.snd_mss <= 700);
}

static const uint32_t agreed = TFSM_M_WSCALE | TFSM_M_SACK | TFSM_M_ECN | TFSM_M_TIMESTAMPS;

static struct tfsm_packet rich_syn(const struct house *h, const struct peer *p, uint8_t options)
{
    struct tfsm_packet syn = syn_of(h, p);
    syn.segment.options |= options;
    syn.segment.wscale = 7;
    syn.segment.ts_val = 0x12345678u;
    return syn;
}

/* Without timestamps nothing but the MSS comes back, so nothing else is offered (RFC4987:3.6). */
static void test_listener_cookie_without_timestamps_agrees_on_nothing(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    h->cfg.profile |= TFSM_WSCALE | TFSM_SACK | TFSM_ECN | TFSM_TIMESTAMPS;
    struct tfsm_packet syn = rich_syn(h, &p, TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED);
    syn.segment.flags |= TFSM_ECE | TFSM_CWR;
    const struct tfsm_packet answer = cookie_for(h, &p, &syn);
    assert_int_equal(answer.segment.options, TFSM_OPT_MSS);
    assert_int_equal(answer.segment.flags, TFSM_SYN | TFSM_ACK);
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
    assert_int_equal(h->tcb.flags & agreed, 0);
    assert_int_equal(h->tcb.snd_wscale, 0);
    assert_int_equal(h->tcb.rcv_wscale, 0);
    assert_int_equal(h->tcb.snd_wnd, PEER_WND);
}

/* With them, what the SYN-ACK said is what the connection has. */
static void test_listener_cookie_with_timestamps_agrees_as_told(void **state)
{
    for (unsigned what = 0; what < 8; what++) {
        for (uint8_t shift = 0; shift <= 14; shift++) {
            struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
            struct peer p = peer_of(h, what);
            h->cfg.profile |= TFSM_WSCALE | TFSM_SACK | TFSM_ECN | TFSM_TIMESTAMPS;
            h->cfg.rcv_buff = 1000000;
            struct tfsm_packet syn = rich_syn(h, &p, TFSM_OPT_TIMESTAMPS);
            uint32_t want = TFSM_M_TIMESTAMPS;
            if (what & 1) {
                syn.segment.options |= TFSM_OPT_WSCALE;
                syn.segment.wscale = shift;
                want |= TFSM_M_WSCALE;
            }
            if (what & 2) {
                syn.segment.options |= TFSM_OPT_SACK_PERMITTED;
                want |= TFSM_M_SACK;
            }
            if (what & 4) {
                syn.segment.flags |= TFSM_ECE | TFSM_CWR;
                want |= TFSM_M_ECN;
            }
            const struct tfsm_packet a = cookie_for(h, &p, &syn);
            assert_true(a.segment.options & TFSM_OPT_TIMESTAMPS);
            assert_int_equal(a.segment.ts_ecr, 0x12345678u);
            assert_int_equal((a.segment.options & TFSM_OPT_WSCALE) != 0, what & 1);
            assert_int_equal((a.segment.options & TFSM_OPT_SACK_PERMITTED) != 0, (what & 2) != 0);
            assert_int_equal((a.segment.flags & TFSM_ECE) != 0, (what & 4) != 0);
            h->now += 30000;
            struct tfsm_packet third = third_of(h, &p, 10);
            third.segment.options = TFSM_OPT_TIMESTAMPS;
            third.segment.ts_val = 0x12345678u + 30;
            third.segment.ts_ecr = a.segment.ts_val;
            connects(h, &third);
            assert_int_equal(h->tcb.flags & agreed, want);
            assert_int_equal(h->tcb.snd_wscale, what & 1 ? shift : 0);
            assert_int_equal(h->tcb.snd_wnd, (uint32_t)PEER_WND << (what & 1 ? shift : 0));
            assert_int_equal(h->tcb.rcv_wscale, what & 1 ? a.segment.wscale : 0);
            assert_int_equal(h->tcb.ts_recent, 0x12345678u + 30);
            assert_int_equal(h->arrival.effects.delivered, 10);
        }
    }
}

/* RFC7323:3.2: our clock goes on where the SYN-ACK stood, so that the peer's PAWS takes what we
 * send. */
static void test_listener_cookie_timestamps_do_not_go_back(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    h->cfg.profile |= TFSM_WSCALE | TFSM_SACK | TFSM_ECN | TFSM_TIMESTAMPS;
    for (uint32_t i = 0; i < 200; i++) {
        struct peer p = peer_of(h, i);
        h->now += 777;
        struct tfsm_packet syn =
            rich_syn(h, &p, TFSM_OPT_TIMESTAMPS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED);
        syn.segment.wscale = (uint8_t)(i % 15);
        const struct tfsm_packet a = cookie_for(h, &p, &syn);
        struct tfsm_packet third = third_of(h, &p, 10);
        third.segment.options = TFSM_OPT_TIMESTAMPS;
        third.segment.ts_val = 0x12345678u;
        third.segment.ts_ecr = a.segment.ts_val;
        connects(h, &third);
        struct tfsm_tcb tcb = h->tcb;
        struct tfsm_segment ack;
        struct tfsm_effects fx;
        struct tfsm_event ev = {.kind = TFSM_EV_SEND, .now = h->now, .len = 10};
        assert_int_equal(tfsm_step(&tcb, &h->cfg, &ev, &fx), TFSM_DONE);
        assert_true(tfsm_output(&tcb, &h->cfg, h->now, &ack));
        assert_true(ack.options & TFSM_OPT_TIMESTAMPS);
        assert_true(seq_le(a.segment.ts_val, ack.ts_val));
        accepted(h, h->id - 1);
    }
}

/* RFC6298:2.1, RFC6298:3: nobody knows when the SYN-ACK went, so nothing is measured. */
static void test_listener_cookie_does_not_measure_from_thin_air(void **state)
{
    static const tfsm_time waits[] = {1, 1000, 300000, 20 * SECOND};
    for (size_t i = 0; i < LENGTH(waits); i++) {
        struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
        struct peer p = peer_of(h, 0);
        (void)cookie(h, &p);
        h->now += waits[i];
        const struct tfsm_packet third = third_of(h, &p, 0);
        connects(h, &third);
        assert_int_equal(h->tcb.rto, h->cfg.rto_initial);
        assert_false(h->tcb.flags & TFSM_M_MEASURED);
        assert_int_equal(h->tcb.srtt, 0);
    }
}

/* Nor by the timestamp that comes back: it was bent to carry options, and the client's text may come
 * long after. */
static void test_listener_cookie_does_not_measure_by_its_timestamp(void **state)
{
    static const tfsm_time waits[] = {40000, 20 * SECOND};
    for (size_t i = 0; i < LENGTH(waits); i++) {
        struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
        struct peer p = peer_of(h, 0);
        struct tfsm_packet syn = syn_of(h, &p);
        syn.segment.options |= TFSM_OPT_TIMESTAMPS;
        syn.segment.ts_val = 77;
        const struct tfsm_packet answer = cookie_for(h, &p, &syn);
        h->now += waits[i];
        struct tfsm_packet third = third_of(h, &p, 10);
        third.segment.options = TFSM_OPT_TIMESTAMPS;
        third.segment.ts_val = 78;
        third.segment.ts_ecr = answer.segment.ts_val;
        connects(h, &third);
        assert_int_equal(h->tcb.rto, h->cfg.rto_initial);
        assert_int_equal(h->tcb.srtt, 0);
        assert_false(h->tcb.flags & TFSM_M_MEASURED);
    }
}

/* ---- a third segment that comes again ---- */

static struct tfsm_spent spent[64];

static struct house *a_house_that_remembers(void **state, uint32_t count)
{
    struct house *h = &house;
    house_build(h, family_of(state), 4, 8);
    h->from.policy.cookies = TFSM_COOKIES_ALWAYS;
    memset(spent, 0, sizeof spent);
    h->from.spent = spent;
    h->from.spent_count = count;
    house_open(h);
    return h;
}

/* A stale third segment, its connection gone: nothing but a RST, for as long as its cookie is good. */
static void test_listener_cookie_spent_makes_no_second_connection(void **state)
{
    struct house *h = a_house_that_remembers(state, 64);
    struct peer p[20];
    for (uint32_t i = 0; i < LENGTH(p); i++) {
        p[i] = peer_of(h, i);
        (void)cookie(h, &p[i]);
    }
    for (uint32_t i = 0; i < LENGTH(p); i++) {
        is_good(h, &p[i]);
    }
    for (unsigned again = 0; again < 3; again++) {
        h->now += 40 * SECOND;
        struct peer other = peer_of(h, 100 + again);
        (void)cookie(h, &other); /* cookies stay out */
        for (uint32_t i = 0; i < LENGTH(p); i++) {
            struct tfsm_packet third = third_of(h, &p[i], 20);
            answered_by_reset(h, &third);
            third.segment.ack += 1; /* a later acknowledgment, in another class */
            assert_int_equal(send_packet(h, &third), TFSM_ARRIVAL_TAKEN);
        }
        is_good(h, &other);
    }
}

/* Likewise when the connection came of an entry whose ISN was a cookie. */
static void test_listener_cookie_of_an_entry_is_spent_as_well(void **state)
{
    struct house *h = a_house_that_remembers(state, 64);
    struct peer first = peer_of(h, 0);
    struct peer p = peer_of(h, 1);
    (void)cookie(h, &first);
    h->l.policy.cookies = TFSM_COOKIES_WHEN_FULL;
    (void)half_open(h, &p);
    const struct tfsm_packet third = third_of(h, &p, 20);
    connects(h, &third);
    accepted(h, h->id - 1);
    assert_int_equal(count_of(h, TFSM_COUNT_ESTABLISHED), 1);
    answered_by_reset(h, &third);
    is_good(h, &first);
}

/* Where there is no room to remember, or too little, the oldest are forgotten, and honest clients are
 * served all the same. */
static void test_listener_cookie_spent_more_than_remembered(void **state)
{
    struct house *h = a_house_that_remembers(state, 1);
    struct peer p[3];
    for (uint32_t i = 0; i < LENGTH(p); i++) {
        p[i] = peer_of(h, i);
        (void)cookie(h, &p[i]);
        is_good(h, &p[i]);
    }
    const struct tfsm_packet last = third_of(h, &p[2], 0);
    const struct tfsm_packet first = third_of(h, &p[0], 0);
    answered_by_reset(h, &last);
    connects(h, &first);
}

/* ---- a cookie, and an entry after it ---- */

/* The SYN came twice, the first answered with a cookie, the second, in the next period, with an entry and
 * so another ISN: the client believes the first answer. */
static void test_listener_cookie_and_a_later_entry(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 4, 4, TFSM_COOKIES_ALWAYS);
    h->now = 3 * PERIOD - SECOND;
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &p);
    h->now += 2 * SECOND;
    h->l.policy.cookies = TFSM_COOKIES_WHEN_FULL;
    struct peer again = p;
    (void)half_open(h, &again);
    assert_int_not_equal(again.iss, p.iss);
    const struct tfsm_packet third = third_of(h, &p, 5);
    connects(h, &third);
    assert_int_equal(h->tcb.iss, p.iss);
    assert_int_equal(h->arrival.effects.delivered, 5);
    assert_false(holds(h, &p));
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_COOKIE), 1);
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_GOOD), 1);
}

/* RFC9293:MAY-2a: while the connection before is in TIME-WAIT the entry counts, whose ISN comes after
 * it, and not a cookie for the same SYN. */
static void test_listener_cookie_not_beside_time_wait(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 4, 4, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &p);
    struct peer again = p;
    const uint32_t last = p.iss;
    h->iss_after = &last;
    (void)half_open(h, &again);
    assert_true(seq_lt(p.iss, again.iss));
    const struct tfsm_packet by_cookie = third_of(h, &p, 5);
    answered_by_reset(h, &by_cookie);
    assert_true(holds(h, &p));
    const struct tfsm_packet third = third_of(h, &again, 5);
    connects(h, &third);
    assert_int_equal(h->tcb.iss, again.iss);
}

/* The accept queue is full and clients are to try again: the second piece of one's text is no reason to
 * reset it. By the other policy it is. */
static void test_listener_cookie_second_piece_while_accept_is_full(void **state)
{
    for (unsigned reset = 0; reset < 2; reset++) {
        struct house *h = &house;
        house_with(h, family_of(state), 0, 1, TFSM_COOKIES_ALWAYS);
        h->l.policy.overflow = reset ? TFSM_OVERFLOW_RESET : TFSM_OVERFLOW_DROP;
        struct peer p[2] = {peer_of(h, 0), peer_of(h, 1)};
        (void)cookie(h, &p[0]);
        (void)cookie(h, &p[1]);
        const struct tfsm_packet one = third_of(h, &p[0], 0);
        connects(h, &one);
        struct tfsm_packet piece = third_of(h, &p[1], 100);
        piece.segment.seq += 100;
        if (reset) {
            answered_by_reset(h, &piece);
            continue;
        }
        taken(h, &piece);
        met_no_tcb(h);
        accepted(h, 1000);
        const struct tfsm_packet first = third_of(h, &p[1], 100);
        connects(h, &first);
    }
}

/* Likewise where the embedder has no room, and where the SYN has an entry by now. */
static void test_listener_cookie_second_piece_without_a_seat(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 4, 4, TFSM_COOKIES_ALWAYS);
    h->now = 3 * PERIOD - SECOND;
    struct peer p = peer_of(h, 0);
    struct peer again = p;
    (void)cookie(h, &p);
    struct tfsm_packet piece = third_of(h, &p, 100);
    piece.segment.seq += 100;
    h->no_seat = true;
    taken(h, &piece);
    met_no_tcb(h);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_NO_SEAT), 1);
    h->no_seat = false;
    h->now += 2 * SECOND;
    h->l.policy.cookies = TFSM_COOKIES_WHEN_FULL;
    (void)half_open(h, &again);
    h->no_seat = true;
    taken(h, &piece);
    assert_true(holds(h, &p));
    h->no_seat = false;
    const struct tfsm_packet first = third_of(h, &p, 100);
    connects(h, &first);
}

/* The third segment itself, but with another label: what was restored on the way to that is
 * nobody's business. */
static void test_listener_cookie_of_another_label_without_a_seat(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &p);
    struct tfsm_packet third = third_of(h, &p, 100);
    third.segment.security = 9;
    h->no_seat = true;
    taken(h, &third);
    met_no_tcb(h);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_NO_SEAT), 1);
    h->no_seat = false;
    answered_by_reset(h, &third);
    third.segment.security = h->from.security;
    connects(h, &third);
}

/* A client that is reset for want of room leaves no entry behind. */
static void test_listener_cookie_reset_takes_its_entry_along(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 4, 1, TFSM_COOKIES_ALWAYS);
    h->l.policy.overflow = TFSM_OVERFLOW_RESET;
    h->now = 3 * PERIOD - SECOND;
    struct peer p = peer_of(h, 0);
    struct peer other = peer_of(h, 1);
    struct peer again = p;
    (void)cookie(h, &p);
    (void)cookie(h, &other);
    h->now += 2 * SECOND;
    h->l.policy.cookies = TFSM_COOKIES_WHEN_FULL;
    (void)half_open(h, &again);
    const struct tfsm_packet one = third_of(h, &other, 0);
    connects(h, &one);
    const struct tfsm_packet third = third_of(h, &p, 0);
    assert_int_equal(send_packet(h, &third), TFSM_ARRIVAL_TAKEN);
    assert_true(h->arrival.answers);
    assert_int_equal(h->arrival.answer.segment.flags, TFSM_RST);
    assert_false(holds(h, &p));
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_OVERFLOW), 1);
}

/* An entry made while cookies are out speaks as a cookie does, whatever it says: once it is gone, what the
 * client sends back brings the same connection back. */
static void test_listener_cookie_of_an_entry_brings_back_what_was_agreed(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 4, 4, TFSM_COOKIES_ALWAYS);
    struct peer first = peer_of(h, 1);
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &first);
    h->l.policy.cookies = TFSM_COOKIES_WHEN_FULL;
    struct tfsm_packet syn = syn_of(h, &p);
    syn.segment.options |= TFSM_OPT_TIMESTAMPS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED;
    syn.segment.wscale = 3;
    syn.segment.ts_val = 900;
    assert_int_equal(send_packet(h, &syn), TFSM_ARRIVAL_TAKEN);
    p.iss = syn_ack_drawn(h, &p).segment.seq;
    h->l.policy.syn_ack_retries = 5; /* the entry goes while the cookie is good */
    h->now += 12345;
    taken(h, &syn); /* once more: it is answered with the SYN-ACK */
    struct tfsm_packet again;
    assert_true(draw(h, &again));
    assert_int_equal(again.segment.flags, TFSM_SYN | TFSM_ACK);
    while (holds(h, &p)) {
        h->now = tfsm_listener_deadline(&h->l);
        while (tfsm_listener_timeout(&h->l, &h->cfg, h->now, &h->fx)) {
        }
        struct tfsm_packet syn_ack;
        while (draw(h, &syn_ack)) {
        }
    }
    struct tfsm_packet third = third_of(h, &p, 0);
    third.segment.options = TFSM_OPT_TIMESTAMPS;
    third.segment.ts_val = 901;
    third.segment.ts_ecr = again.segment.ts_val;
    connects(h, &third);
    assert_int_equal(h->tcb.snd_wscale, 3);
    assert_int_equal(h->tcb.flags & (TFSM_M_WSCALE | TFSM_M_SACK), TFSM_M_WSCALE | TFSM_M_SACK);
}

/* One that answers at once says in its answer what it would have said in line. */
static void test_listener_cookie_of_an_entry_that_answers_at_once(void **state)
{
    struct tfsm_segment says[2];
    for (unsigned at_once = 0; at_once < 2; at_once++) {
        struct house *h = &house;
        house_with(h, family_of(state), 4, 4, TFSM_COOKIES_ALWAYS);
        struct peer first = peer_of(h, 1);
        struct peer p = peer_of(h, 0);
        (void)cookie(h, &first);
        h->l.policy.cookies = TFSM_COOKIES_WHEN_FULL;
        h->l.policy.at_once = at_once == 1;
        h->cfg.profile |= TFSM_WSCALE | TFSM_SACK | TFSM_TIMESTAMPS;
        const struct tfsm_packet syn =
            rich_syn(h, &p, TFSM_OPT_TIMESTAMPS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED);
        assert_int_equal(send_packet(h, &syn), TFSM_ARRIVAL_TAKEN);
        assert_int_equal(h->arrival.answers, at_once);
        says[at_once] = at_once ? h->arrival.answer.segment : syn_ack_drawn(h, &p).segment;
        quiet(h);
        p.iss = says[at_once].seq;
        const struct tfsm_packet rst = packet_of(h, &p, TFSM_RST, p.irs + 1, 0, 0);
        taken(h, &rst);
        assert_false(holds(h, &p));
        struct tfsm_packet third = third_of(h, &p, 0);
        third.segment.options = TFSM_OPT_TIMESTAMPS;
        third.segment.ts_val = syn.segment.ts_val + 1;
        third.segment.ts_ecr = says[at_once].ts_val;
        connects(h, &third);
        assert_int_equal(h->tcb.snd_wscale, 7);
        assert_int_equal(h->tcb.flags & agreed, TFSM_M_WSCALE | TFSM_M_SACK | TFSM_M_TIMESTAMPS);
    }
    assert_true(same_segment(&says[0], &says[1]));
}

/* What we offer changed between SYN-ACK and third segment: options that were never agreed on are not used,
 * the cookie is refused. */
static void test_listener_cookie_when_the_offer_changes(void **state)
{
    static const uint32_t offers[] = {TFSM_WSCALE, TFSM_SACK, TFSM_ECN};
    for (size_t i = 0; i < LENGTH(offers); i++) {
        struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
        struct peer p = peer_of(h, 0);
        struct tfsm_packet syn = syn_of(h, &p);
        syn.segment.options |= TFSM_OPT_TIMESTAMPS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED;
        syn.segment.flags |= TFSM_ECE | TFSM_CWR;
        syn.segment.wscale = 7;
        h->cfg.profile &= ~offers[i];
        const struct tfsm_packet answer = cookie_for(h, &p, &syn);
        struct tfsm_packet third = third_of(h, &p, 0);
        third.segment.options = TFSM_OPT_TIMESTAMPS;
        third.segment.ts_ecr = answer.segment.ts_val;
        h->cfg.profile |= offers[i];
        answered_by_reset(h, &third);
        h->cfg.profile &= ~offers[i];
        connects(h, &third);
    }
}

/* ---- when cookies are sent ---- */

/* RFC4987:3.7 */
static void test_listener_cookie_only_when_the_queue_is_full(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_WHEN_FULL);
    struct peer p[6];
    for (uint32_t i = 0; i < 6; i++) {
        p[i] = peer_of(h, i);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(tfsm_listener_has_room(&h->l));
        (void)half_open(h, &p[i]);
    }
    assert_false(tfsm_listener_has_room(&h->l));
    const tfsm_time due = tfsm_listener_deadline(&h->l);
    for (uint32_t i = 4; i < 6; i++) {
        const struct tfsm_packet syn = syn_of(h, &p[i]);
        assert_int_equal(send_packet(h, &syn), TFSM_ARRIVAL_TAKEN);
        assert_true(h->arrival.answers);
        p[i].iss = h->arrival.answer.segment.seq;
        assert_false(holds(h, &p[i]));
    }
    assert_int_equal(tfsm_listener_deadline(&h->l), due);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 6);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY), 4);
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_SENT), 2);
    for (uint32_t i = 0; i < 6; i++) {
        const struct tfsm_packet third = third_of(h, &p[i], 0);
        connects(h, &third);
        assert_int_equal(h->tcb.iss, p[i].iss);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_ESTABLISHED), 4);
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_GOOD), 2);
    struct peer q = peer_of(h, 9); /* room again, so no cookie */
    (void)half_open(h, &q);
    walls_stand(h);
}

static void test_listener_cookie_always_makes_no_entry(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 4, 4, TFSM_COOKIES_ALWAYS);
    for (uint32_t i = 0; i < 100; i++) {
        struct peer p = peer_of(h, i);
        (void)cookie(h, &p);
        assert_int_equal(h->l.entry_count, 0);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_SENT), 100);
    walls_stand(h);
}

static void test_listener_cookie_never_sends_none(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_NEVER);
    for (uint32_t i = 0; i < 20; i++) {
        struct peer p = peer_of(h, i);
        const struct tfsm_packet syn = syn_of(h, &p);
        taken(h, &syn);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_SENT), 0);
}

/* A cookie made elsewhere with the same secrets: where none is out, none is looked at. */
static void test_listener_cookie_never_takes_none_when_none_is_out(void **state)
{
    static struct house other;
    house_with(&other, family_of(state), 0, 4, TFSM_COOKIES_ALWAYS);
    struct house *h = a_house(state, TFSM_COOKIES_NEVER);
    struct peer p = peer_of(h, 0);
    (void)cookie(&other, &p);
    const struct tfsm_packet third = third_of(h, &p, 0);
    answered_by_reset(h, &third);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_UNEXPECTED), 1);
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_BAD), 0);
    is_good(&other, &p); /* there it was one */
}

/* Cookies on their way outlive a change of mind. */
static void test_listener_cookie_sent_before_never(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 4, 4, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &p);
    h->l.policy.cookies = TFSM_COOKIES_NEVER;
    h->now += SECOND;
    is_good(h, &p);
}

static void test_listener_cookie_accept_full_or_no_seat(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 0, 1, TFSM_COOKIES_ALWAYS);
    struct peer p[2] = {peer_of(h, 0), peer_of(h, 1)};
    (void)cookie(h, &p[0]);
    (void)cookie(h, &p[1]);
    const struct tfsm_packet first = third_of(h, &p[0], 0);
    const struct tfsm_packet second = third_of(h, &p[1], 10);
    connects(h, &first);
    taken(h, &second);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_ACCEPT_FULL), 1);
    h->l.policy.overflow = TFSM_OVERFLOW_RESET;
    answered_by_reset(h, &second);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_ACCEPT_FULL), 2);
    struct peer q = peer_of(h, 3);
    const struct tfsm_packet syn = syn_of(h, &q);
    taken(h, &syn);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN_ACCEPT_FULL), 1);
    accepted(h, 1000);
    h->no_seat = true;
    answered_by_reset(h, &second);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_NO_SEAT), 1);
    h->l.policy.overflow = TFSM_OVERFLOW_DROP;
    taken(h, &second);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_NO_SEAT), 2);
    h->no_seat = false;
    connects(h, &second);
    assert_int_equal(h->arrival.effects.delivered, 10);
}

/* ---- the number ---- */

static void same_isn_in_a_period(uint8_t family, const uint8_t *policies, size_t n)
{
    for (tfsm_time period = 0; period < 4; period++) {
        for (size_t from = 0; from < n; from++) {
            struct house *h = &house;
            house_with(h, family, 4, 4, TFSM_COOKIES_ALWAYS);
            struct peer p = peer_of(h, (uint32_t)(100 + period));
            struct peer q = peer_of(h, 0);
            h->now = period * PERIOD + (period == 0);
            (void)cookie(h, &q); /* one is out */
            h->l.policy.cookies = policies[from];
            const uint32_t isn = isn_of_syn(h, &p);
            for (size_t to = 0; to < n; to++) {
                h->l.policy.cookies = policies[to];
                h->now += 7 * SECOND;
                assert_int_equal(isn_of_syn(h, &p), isn);
                h->l.policy.cookies = policies[from];
                assert_int_equal(isn_of_syn(h, &p), isn);
            }
            h->now = (period + 1) * PERIOD - 1;
            assert_int_equal(isn_of_syn(h, &p), isn);
            h->now++;
            assert_int_not_equal(isn_of_syn(h, &p), isn);
        }
    }
}

/* Within a period the same SYN gets the same number, whether an entry is made or not; so a SYN-ACK
 * of an entry and a cookie never contradict each other. */
static void test_listener_cookie_isn_is_that_of_an_entry(void **state)
{
    static const uint8_t policies[] = {TFSM_COOKIES_WHEN_FULL, TFSM_COOKIES_ALWAYS};
    same_isn_in_a_period(family_of(state), policies, LENGTH(policies));
}

/* Nor do they after a change of mind, while a cookie is out. */
static void test_listener_cookie_isn_stays_when_the_policy_changes(void **state)
{
    static const uint8_t policies[] = {TFSM_COOKIES_NEVER, TFSM_COOKIES_WHEN_FULL,
                                       TFSM_COOKIES_ALWAYS};
    same_isn_in_a_period(family_of(state), policies, LENGTH(policies));
}

/* RFC9293:MUST-8, RFC9293:SHLD-1: where no cookie is or was about, it is the host's number. */
static void test_listener_cookie_never_isn_is_the_host_s(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_NEVER);
    for (uint32_t i = 0; i < 20; i++) {
        const struct peer p = peer_of(h, i);
        h->now += 3 * SECOND + 17;
        assert_int_equal(isn_of_syn(h, &p), isn_of_host(h, &p, h->now));
    }
}

/* A full queue, too, once a cookie is out. */
static void test_listener_cookie_isn_when_full_is_that_of_an_entry(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 4, 4, TFSM_COOKIES_ALWAYS);
    struct peer somebody = peer_of(h, 60);
    (void)cookie(h, &somebody);
    h->l.policy.cookies = TFSM_COOKIES_WHEN_FULL;
    struct peer p = peer_of(h, 50);
    const uint32_t isn = isn_of_syn(h, &p);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY), 1);
    for (uint32_t i = 0; i < 4; i++) {
        struct peer q = peer_of(h, i);
        (void)half_open(h, &q);
    }
    assert_int_equal(isn_of_syn(h, &p), isn);
    assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_SENT), 2);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY), 5);
}

/* A cookie went out, then the SYN came again and found room: either third segment is good. */
static void test_listener_cookie_then_an_entry(void **state)
{
    struct house *h = &house;
    house_with(h, family_of(state), 4, 4, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &p);
    const uint32_t iss = p.iss;
    h->l.policy.cookies = TFSM_COOKIES_WHEN_FULL;
    h->now += SECOND;
    (void)half_open(h, &p);
    assert_int_equal(p.iss, iss);
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
    assert_int_equal(count_of(h, TFSM_COUNT_ESTABLISHED), 1);
}

/* RFC9293:MUST-8, RFC6528:3: the number follows the clock of tfsm_isn(), a period at a time. */
static void test_listener_cookie_isn_follows_the_clock(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    for (uint32_t i = 0; i < 30; i++) {
        struct peer p = peer_of(h, i);
        uint32_t last = 0;
        for (tfsm_time period = 0; period < 600; period += 2) {
            h->now = period * PERIOD + 12345;
            (void)cookie(h, &p);
            const uint32_t below = seq_sub(isn_of_host(h, &p, h->now), 2u << 24);
            assert_true(seq_distance(below, p.iss) <= 4u << 24);
            if (period > 0) {
                assert_true(seq_lt(last, p.iss));
                assert_true(seq_distance(last, p.iss) <= 3u << 24);
            }
            last = p.iss;
        }
    }
}

/* Numbers of different connections have nothing to do with each other, nor with the peer's. */
static void test_listener_cookie_isn_differs_for_every_tuple(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    uint32_t isns[64];
    uint32_t n = 0;
    const struct peer p = peer_of(h, 0);
    for (unsigned i = 0; i < 16; i++) {
        struct peer q = p;
        q.port = (uint16_t)(p.port ^ 1u << i);
        (void)cookie(h, &q);
        isns[n++] = q.iss;
        q = p;
        q.irs = p.irs ^ 1u << i;
        (void)cookie(h, &q);
        isns[n++] = q.iss;
        if (i < 4) {
            q = p;
            q.address.octets[i] ^= 1;
            (void)cookie(h, &q);
            isns[n++] = q.iss;
            q = p;
            q.local.octets[i] ^= 1;
            (void)cookie(h, &q);
            isns[n++] = q.iss;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < i; j++) {
            assert_int_not_equal(isns[i] & 0xffffff, isns[j] & 0xffffff);
        }
    }
}

/* ---- how long a cookie is good ---- */

static void test_listener_cookie_is_good_in_its_period_and_the_next(void **state)
{
    static const tfsm_time made[] = {1, PERIOD / 2, PERIOD - 1};
    for (tfsm_time period = 0; period < 300; period += period < 3 ? 1 : 99) {
        for (size_t i = 0; i < LENGTH(made); i++) {
            struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
            struct peer p = peer_of(h, (uint32_t)period);
            h->now = period * PERIOD + made[i];
            (void)cookie(h, &p);
            is_good(h, &p);
            h->now = (period + 1) * PERIOD - 1;
            is_good(h, &p);
            h->now = (period + 1) * PERIOD;
            is_good(h, &p);
            h->now = (period + 2) * PERIOD - 1;
            is_good(h, &p);
            h->now = (period + 2) * PERIOD;
            is_bad(h, &p);
            h->now = (period + 3) * PERIOD;
            is_bad(h, &p);
            h->now = (period + 256) * PERIOD + made[i]; /* the clock of 8 bits stands here again */
            is_bad(h, &p);
        }
    }
}

/* The same when others went out meanwhile, so that cookies are looked at. */
static void test_listener_cookie_is_bad_later_though_others_are_out(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    struct peer q = peer_of(h, 1);
    (void)cookie(h, &p);
    for (tfsm_time period = 1; period < 300; period++) {
        h->now = period * PERIOD + 5;
        (void)cookie(h, &q);
        if (period == 1) {
            is_good(h, &p);
        } else {
            const uint64_t bad = count_of(h, TFSM_COUNT_COOKIE_BAD);
            is_bad(h, &p);
            assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_BAD), bad + 1);
        }
    }
}

static void test_listener_cookie_of_another_is_refused(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    const struct peer p0 = peer_of(h, 0);
    struct peer p = p0;
    (void)cookie(h, &p);
    for (unsigned i = 0; i < 4; i++) {
        struct peer q = p;
        q.address.octets[i] ^= 1;
        is_bad(h, &q);
        q = p;
        q.local.octets[i] ^= 1;
        is_bad(h, &q);
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        struct peer q = p;
        if (bit < 16) {
            q.port = (uint16_t)(q.port ^ 1u << bit);
            is_bad(h, &q);
        }
        q = p;
        q.irs ^= 1u << bit;
        is_bad(h, &q);
    }
    assert_true(count_of(h, TFSM_COUNT_COOKIE_BAD) == 8 + 16 + 32);
    is_good(h, &p);
}

/* 1.2.3.4 and 102:304:: are not the same. */
static void test_listener_cookie_of_another_family_is_refused(void **state)
{
    (void)state;
    struct house *h = &house;
    house_with(h, 4, 0, 4, TFSM_COOKIES_ALWAYS);
    struct peer four = {.address = {4, {1, 2, 3, 4}}, .local = {4, {5, 6, 7, 8}}, .port = 1000};
    struct peer six = {.address = {6, {1, 2, 3, 4}}, .local = {6, {5, 6, 7, 8}}, .port = 1000};
    (void)cookie(h, &four);
    six.iss = four.iss;
    is_bad(h, &six);
    (void)cookie(h, &six);
    is_good(h, &six);
    is_good(h, &four);
    four.iss = six.iss;
    is_bad(h, &four);
}

static void test_listener_cookie_of_another_secret_is_refused(void **state)
{
    for (size_t i = 0; i < 16; i++) {
        static struct house other;
        struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
        struct peer p = peer_of(h, 0);
        struct peer q = peer_of(h, 1);
        house_build(&other, family_of(state), 0, 8);
        other.from.policy.cookies = TFSM_COOKIES_ALWAYS;
        other.from.secret[i] ^= 0x10;
        house_open(&other);
        (void)cookie(&other, &p);
        (void)cookie(h, &q); /* one is out */
        is_bad(h, &p);
        is_good(&other, &p);
    }
}

/* Flags that no third segment has. */
static void test_listener_cookie_needs_an_ack_alone(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &p);
    struct tfsm_packet k = packet_of(h, &p, TFSM_RST | TFSM_ACK, p.irs + 1, p.iss + 1, 0);
    taken(h, &k);
    assert_int_equal(count_of(h, TFSM_COUNT_RST_UNEXPECTED), 1);
    k = packet_of(h, &p, TFSM_SYN | TFSM_ACK, p.irs + 1, p.iss + 1, 0);
    assert_int_equal(send_packet(h, &k), TFSM_ARRIVAL_TAKEN);
    assert_true(h->arrival.answers);
    assert_int_equal(h->arrival.answer.segment.flags, TFSM_RST);
    k = packet_of(h, &p, TFSM_PSH, p.irs + 1, p.iss + 1, 0);
    taken(h, &k);
    assert_int_equal(count_of(h, TFSM_COUNT_OTHER), 1);
    k = third_of(h, &p, 0);
    k.segment.security = 7;
    assert_int_equal(send_packet(h, &k), TFSM_ARRIVAL_TAKEN);
    is_good(h, &p);
}

static bool good_number(const struct house *h, const struct tfsm_packet *third)
{
    struct tfsm_tcb tcb;
    assert_false(tfsm_listener_peek(&h->l, &h->cfg, third, h->now, &tcb));
    return tcb.state != TFSM_LISTEN;
}

/* What an attacker who knows the clock has to guess: of 2^24 numbers eight are good in each of the
 * two periods that live, one for each MSS. */
static void test_listener_cookie_eight_numbers_of_2_24_are_good(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    h->now = 3 * SECOND; /* there is no period before */
    h->cfg.mss = 65535;
    struct peer p = peer_of(h, 0);
    uint32_t isns[16];
    size_t n = 0;
    for (uint32_t mss = 64; mss <= 65535; mss += mss < 2000 ? 1 : 400) {
        struct tfsm_packet syn = syn_of(h, &p);
        size_t i = 0;
        syn.segment.mss = (uint16_t)mss;
        assert_int_equal(send_packet(h, &syn), TFSM_ARRIVAL_TAKEN);
        const uint32_t isn = h->arrival.answer.segment.seq;
        while (i < n && isns[i] != isn) {
            i++;
        }
        if (i == n) {
            assert_true(n < LENGTH(isns));
            isns[n++] = isn;
        }
    }
    assert_int_equal(n, 8);
    const uint32_t upper = isns[0] & 0xff000000u;
    const bool part = SLOW || h->family == 6; /* one family walks them all */
    const uint32_t all = part ? 1u << 18 : 1u << 24;
    const uint32_t first = part ? isns[0] & 0xffffffu & ~(all - 1) : 0;
    unsigned good = 0;
    unsigned known = 0;
    struct tfsm_packet third = third_of(h, &p, 0);
    for (uint32_t low = first; low < first + all; low++) {
        third.segment.ack = seq_add(upper | low, 1);
        good += good_number(h, &third);
    }
    for (size_t i = 0; i < n; i++) {
        third.segment.ack = seq_add(isns[i], 1);
        assert_int_equal(isns[i] & 0xff000000u, upper);
        known += (isns[i] & 0xffffffu) - first < all && good_number(h, &third);
    }
    assert_int_equal(good, known);
    assert_true(known >= 1);
    if (!part) {
        assert_int_equal(good, 8);
    }
}

/* Whatever the upper part: in numbers drawn at random there is none. */
static void test_listener_cookie_random_numbers_are_bad(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    (void)cookie(h, &p);
    struct tfsm_packet third = third_of(h, &p, 0);
    assert_true(good_number(h, &third));
    uint64_t random = 99;
    unsigned good = 0;
    for (unsigned i = 0; i < (SLOW ? 100000u : 200000u); i++) {
        random = random * 48271 % 2147483647;
        third.segment.ack = (uint32_t)(random << 1 | (i & 1));
        good += good_number(h, &third);
    }
    assert_true(good <= 2); /* 16 of 2^32 are: one in a thousand runs would meet one */
}

/* ---- another secret ---- */

static void rotate(struct house *h, uint8_t n)
{
    uint8_t secret[16];
    memset(secret, n, sizeof secret);
    tfsm_listener_rotate(&h->l, secret, h->now);
    books_balance(h);
}

static void test_listener_cookie_rotate_keeps_what_is_in_flight(void **state)
{
    for (unsigned times = 1; times <= 4; times++) {
        struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
        struct peer p = peer_of(h, 0);
        const tfsm_time start = 7 * PERIOD;
        h->now = start + 1000;
        (void)cookie(h, &p);
        for (unsigned i = 0; i < times; i++) {
            h->now += SECOND;
            rotate(h, (uint8_t)(1 + i));
            is_good(h, &p);
            struct peer again = p;
            (void)cookie(h, &again);
            assert_int_equal(again.iss, p.iss); /* it holds from the next period on */
        }
        h->now = start + PERIOD;
        is_good(h, &p);
        h->now = start + 2 * PERIOD - 1;
        is_good(h, &p);
        h->now = start + 2 * PERIOD;
        is_bad(h, &p);
    }
}

/* A rotation in each period, at every point of it, one or several times. */
static void test_listener_cookie_rotate_in_every_period(void **state)
{
    static const tfsm_time when[] = {0, 1, PERIOD / 2, PERIOD - 1};
    for (size_t w = 0; w < LENGTH(when); w++) {
        for (unsigned times = 1; times <= 3; times++) {
            struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
            struct peer last = peer_of(h, 0);
            struct peer before = last;
            uint8_t n = 0;
            for (tfsm_time period = 1; period < 12; period++) {
                struct peer early = peer_of(h, (uint32_t)period * 2);
                struct peer late = peer_of(h, (uint32_t)period * 2 + 1);
                h->now = period * PERIOD;
                (void)cookie(h, &early);
                for (unsigned i = 0; i < times; i++) {
                    h->now = period * PERIOD + when[w];
                    rotate(h, ++n);
                    is_good(h, &early);
                }
                (void)cookie(h, &late);
                h->now = (period + 1) * PERIOD - 1;
                is_good(h, &early);
                is_good(h, &late);
                if (period > 1) {
                    is_good(h, &last);
                }
                if (period > 2) {
                    is_bad(h, &before);
                }
                before = last;
                last = early;
            }
        }
    }
}

/* It is another secret: from the next period on numbers are others, and what is made with the old
 * one is refused. */
static void test_listener_cookie_rotate_takes_effect(void **state)
{
    static struct house stays;
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    house_with(&stays, family_of(state), 0, 8, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    struct peer q = peer_of(h, 0);
    rotate(h, 1);
    (void)cookie(h, &p);
    (void)cookie(&stays, &q);
    assert_int_equal(p.iss, q.iss);
    h->now = PERIOD;
    stays.now = PERIOD;
    (void)cookie(h, &p);
    (void)cookie(&stays, &q);
    assert_int_not_equal(p.iss, q.iss);
    is_bad(h, &q);
    is_bad(&stays, &p);
    is_good(h, &p);
    is_good(&stays, &q);
}

/* The last of several in one period is the one that holds. */
static void test_listener_cookie_rotate_last_one_holds(void **state)
{
    static struct house once;
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    house_with(&once, family_of(state), 0, 8, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    struct peer q = peer_of(h, 0);
    rotate(h, 1);
    rotate(h, 2);
    rotate(h, 3);
    rotate(&once, 3);
    h->now = PERIOD + 1;
    once.now = PERIOD + 1;
    (void)cookie(h, &p);
    (void)cookie(&once, &q);
    assert_int_equal(p.iss, q.iss);
}

/* After a long silence the next rotation still waits for its period. */
static void test_listener_cookie_rotate_after_silence(void **state)
{
    struct house *h = a_house(state, TFSM_COOKIES_ALWAYS);
    struct peer p = peer_of(h, 0);
    rotate(h, 1);
    h->now = 50 * PERIOD + 10;
    (void)cookie(h, &p);
    const uint32_t iss = p.iss;
    rotate(h, 2);
    (void)cookie(h, &p);
    assert_int_equal(p.iss, iss);
    is_good(h, &p);
    h->now = 51 * PERIOD + 10;
    is_good(h, &p);
    rotate(h, 3);
    is_good(h, &p);
    h->now = 52 * PERIOD;
    is_bad(h, &p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_listener_cookie_comes_back_as_a_connection),
        BOTH(test_listener_cookie_with_text_or_fin),
        BOTH(test_listener_cookie_for_a_syn_with_text),
        BOTH(test_listener_cookie_mss_class_is_at_most_the_announced),
        BOTH(test_listener_cookie_without_mss_means_the_default),
        BOTH(test_listener_cookie_mss_is_bounded_by_ours),
        BOTH(test_listener_cookie_without_timestamps_agrees_on_nothing),
        BOTH(test_listener_cookie_with_timestamps_agrees_as_told),
        BOTH(test_listener_cookie_timestamps_do_not_go_back),
        BOTH(test_listener_cookie_does_not_measure_from_thin_air),
        BOTH(test_listener_cookie_does_not_measure_by_its_timestamp),
        BOTH(test_listener_cookie_spent_makes_no_second_connection),
        BOTH(test_listener_cookie_of_an_entry_is_spent_as_well),
        BOTH(test_listener_cookie_spent_more_than_remembered),
        BOTH(test_listener_cookie_and_a_later_entry),
        BOTH(test_listener_cookie_not_beside_time_wait),
        BOTH(test_listener_cookie_second_piece_while_accept_is_full),
        BOTH(test_listener_cookie_second_piece_without_a_seat),
        BOTH(test_listener_cookie_of_another_label_without_a_seat),
        BOTH(test_listener_cookie_reset_takes_its_entry_along),
        BOTH(test_listener_cookie_of_an_entry_brings_back_what_was_agreed),
        BOTH(test_listener_cookie_of_an_entry_that_answers_at_once),
        BOTH(test_listener_cookie_when_the_offer_changes),
        BOTH(test_listener_cookie_only_when_the_queue_is_full),
        BOTH(test_listener_cookie_always_makes_no_entry),
        BOTH(test_listener_cookie_never_sends_none),
        BOTH(test_listener_cookie_never_takes_none_when_none_is_out),
        BOTH(test_listener_cookie_sent_before_never),
        BOTH(test_listener_cookie_accept_full_or_no_seat),
        BOTH(test_listener_cookie_isn_is_that_of_an_entry),
        BOTH(test_listener_cookie_isn_stays_when_the_policy_changes),
        BOTH(test_listener_cookie_never_isn_is_the_host_s),
        BOTH(test_listener_cookie_isn_when_full_is_that_of_an_entry),
        BOTH(test_listener_cookie_then_an_entry),
        BOTH(test_listener_cookie_isn_follows_the_clock),
        BOTH(test_listener_cookie_isn_differs_for_every_tuple),
        BOTH(test_listener_cookie_is_good_in_its_period_and_the_next),
        BOTH(test_listener_cookie_is_bad_later_though_others_are_out),
        BOTH(test_listener_cookie_of_another_is_refused),
        cmocka_unit_test(test_listener_cookie_of_another_family_is_refused),
        BOTH(test_listener_cookie_of_another_secret_is_refused),
        BOTH(test_listener_cookie_needs_an_ack_alone),
        BOTH(test_listener_cookie_eight_numbers_of_2_24_are_good),
        BOTH(test_listener_cookie_random_numbers_are_bad),
        BOTH(test_listener_cookie_rotate_keeps_what_is_in_flight),
        BOTH(test_listener_cookie_rotate_in_every_period),
        BOTH(test_listener_cookie_rotate_takes_effect),
        BOTH(test_listener_cookie_rotate_last_one_holds),
        BOTH(test_listener_cookie_rotate_after_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
