/* The server's side of Fast Open (RFC 7413 4.1.2, 4.2, 5.1), told from tfsm_listener.h: cookies asked
 * for, handed out and used, and what becomes of a connection that its user has early. */
#include "listening.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])
#define COOKIE        8u /* octets of a cookie of ours */
#define TEXT          100u
#define LIMIT         3u /* of pending Fast Opens */

static struct house house; /* of the test that is running */

struct crumbs {
    uint8_t octets[TFSM_COOKIE_MAX];
};

static struct house *a_house(void **state)
{
    house_build(&house, family_of(state), 8, 20);
    house.from.policy.cookies = TFSM_COOKIES_NEVER;
    house.from.policy.fast_open = LIMIT;
    house_open(&house);
    house.cfg.snd_buff = 200000;
    house.cfg.profile |= TFSM_NODELAY | TFSM_CONGESTION;
    return &house;
}

/* ---- what peers send ---- */

static struct tfsm_packet syn_asking(const struct house *h, const struct peer *p)
{
    struct tfsm_packet k = syn_of(h, p);
    k.segment.options |= TFSM_OPT_FAST_OPEN;
    k.segment.cookie_len = 0;
    return k;
}

static struct tfsm_packet syn_with(const struct house *h, const struct peer *p,
                                   const struct crumbs *c, uint8_t len, uint32_t text)
{
    struct tfsm_packet k = syn_of(h, p);
    k.segment.options |= TFSM_OPT_FAST_OPEN;
    k.segment.cookie_len = len;
    k.segment.len = 1 + text;
    memcpy(k.cookie, c->octets, sizeof k.cookie);
    return k;
}

/* ---- what becomes of it ---- */

/* The user takes all that wait; the last is the one made last. */
static void all_accepted(struct house *h)
{
    uint64_t id = 0;
    while (tfsm_listener_accept(&h->l, &id)) {
        books_balance(h);
    }
    assert_int_equal(id, h->id - 1);
}

static struct crumbs crumbs_of(const struct tfsm_packet *k)
{
    struct crumbs c = {{0}};
    assert_true(k->segment.options & TFSM_OPT_FAST_OPEN);
    assert_int_equal(k->segment.cookie_len, COOKIE);
    memcpy(c.octets, k->cookie, COOKIE);
    return c;
}

static void forget(struct house *h, const struct peer *p)
{
    const struct tfsm_packet rst = packet_of(h, p, TFSM_RST, p->irs + 1, 0, 0);
    taken(h, &rst);
    assert_false(holds(h, p));
}

/* The cookie for this peer's address, asked for. */
static struct crumbs asked(struct house *h, const struct peer *p)
{
    const struct tfsm_packet syn = syn_asking(h, p);
    taken(h, &syn);
    const struct tfsm_packet k = syn_ack_drawn(h, p);
    quiet(h);
    forget(h, p);
    return crumbs_of(&k);
}

/* A Fast Open, good: the user has the text now. */
static struct tfsm_tcb early(struct house *h, struct peer *p, const struct crumbs *c, uint32_t text)
{
    const uint64_t before = count_of(h, TFSM_COUNT_EARLY);
    const struct tfsm_packet syn = syn_with(h, p, c, COOKIE, text);
    connects(h, &syn);
    assert_false(h->arrival.answers);
    assert_true(h->arrival.effects.signals & TFSM_SIG_EARLY);
    assert_false(h->arrival.effects.signals & (TFSM_SIG_CONNECTED | TFSM_SIG_ENDS));
    assert_int_equal(h->arrival.effects.delivered, text);
    assert_int_equal(h->tcb.state, TFSM_SYN_RECEIVED);
    assert_int_equal(h->tcb.irs, p->irs);
    assert_false(holds(h, p));
    assert_int_equal(count_of(h, TFSM_COUNT_EARLY), before + 1);
    p->iss = h->tcb.iss;
    return h->tcb;
}

/* The SYN was taken as one without the option: an entry, and only the SYN is acknowledged. */
static struct tfsm_packet ordinary(struct house *h, struct peer *p, const struct tfsm_packet *syn)
{
    const uint64_t before = count_of(h, TFSM_COUNT_ENTRY);
    taken(h, syn);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY), before + 1);
    assert_int_equal(h->arrival.effects.delivered, 0);
    assert_int_equal(h->arrival.effects.text_count, 0);
    assert_false(h->arrival.effects.signals & TFSM_SIG_EARLY);
    const struct tfsm_packet k = syn_ack_drawn(h, p);
    p->iss = k.segment.seq;
    quiet(h);
    return k;
}

/* Bad, so a new cookie comes with the SYN-ACK; the text comes again after the handshake. */
static void is_bad(struct house *h, const struct peer *who, const struct crumbs *c, uint8_t len,
                   const struct crumbs *good)
{
    struct peer p = *who;
    const uint64_t bad = count_of(h, TFSM_COUNT_FAST_OPEN_BAD);
    const struct tfsm_packet syn = syn_with(h, &p, c, len, TEXT);
    const struct tfsm_packet k = ordinary(h, &p, &syn);
    const struct crumbs now = crumbs_of(&k);
    assert_memory_equal(now.octets, good->octets, COOKIE);
    assert_int_equal(count_of(h, TFSM_COUNT_FAST_OPEN_BAD), bad + 1);
    const struct tfsm_packet third = third_of(h, &p, TEXT);
    connects(h, &third);
    assert_int_equal(h->arrival.effects.signals & (TFSM_SIG_EARLY | TFSM_SIG_CONNECTED),
                     TFSM_SIG_CONNECTED);
    assert_int_equal(h->arrival.effects.delivered, TEXT);
    all_accepted(h);
}

static struct tfsm_effects step(struct house *h, struct tfsm_tcb *tcb, struct tfsm_event ev)
{
    struct tfsm_effects fx;
    ev.now = h->now;
    assert_int_equal(tfsm_step(tcb, &h->cfg, &ev, &fx), TFSM_DONE);
    assert_int_equal(tfsm_check(tcb), TFSM_OK);
    return fx;
}

static struct tfsm_effects arrives(struct house *h, struct tfsm_tcb *tcb,
                                   const struct tfsm_packet *k)
{
    return step(h, tcb, (struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = k->segment});
}

static struct tfsm_segment out(struct house *h, struct tfsm_tcb *tcb)
{
    struct tfsm_segment s;
    assert_true(tfsm_output(tcb, &h->cfg, h->now, &s));
    assert_int_equal(tfsm_check(tcb), TFSM_OK);
    return s;
}

static void nothing_out(struct house *h, struct tfsm_tcb *tcb)
{
    struct tfsm_segment s;
    assert_false(tfsm_output(tcb, &h->cfg, h->now, &s));
}

/* <SEQ=ISS><ACK=after the text><CTL=SYN,ACK> */
static void is_syn_ack(const struct peer *p, const struct tfsm_segment *s, uint32_t text)
{
    assert_int_equal(s->flags & ~(TFSM_PSH | TFSM_ECE), TFSM_SYN | TFSM_ACK);
    assert_int_equal(s->seq, p->iss);
    assert_int_equal(s->ack, seq_add(p->irs, 1 + text));
}

/* ---- a cookie ---- */

/* RFC7413:4.2.2i, RFC7413:4.1.2a: to be had for the asking, the same for one address. */
static void test_listener_fast_open_asked_for_a_cookie(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs first = asked(h, &p);
    assert_int_equal(count_of(h, TFSM_COUNT_FAST_OPEN_ASKED), 1);
    assert_int_equal(count_of(h, TFSM_COUNT_FAST_OPEN_BAD), 0);
    assert_int_equal(count_of(h, TFSM_COUNT_EARLY), 0);
    p.port++;
    p.irs += 12345;
    h->now += 1000 * SECOND;
    const struct crumbs second = asked(h, &p);
    assert_memory_equal(first.octets, second.octets, COOKIE);
    assert_int_equal(count_of(h, TFSM_COUNT_FAST_OPEN_ASKED), 2);
}

/* RFC7413:4.2.2i: asked for with text in the SYN, which is not taken. */
static void test_listener_fast_open_asking_with_text(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    struct tfsm_packet syn = syn_asking(h, &p);
    syn.segment.len = 1 + TEXT;
    const struct tfsm_packet k = ordinary(h, &p, &syn);
    (void)crumbs_of(&k);
    const struct tfsm_packet third = third_of(h, &p, TEXT);
    connects(h, &third);
    assert_int_equal(h->arrival.effects.delivered, TEXT);
}

/* RFC7413:4.2.2i: who does not ask gets none. */
static void test_listener_fast_open_not_asked(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct tfsm_packet k = half_open(h, &p);
    assert_false(k.segment.options & TFSM_OPT_FAST_OPEN);
    assert_int_equal(count_of(h, TFSM_COUNT_FAST_OPEN_ASKED), 0);
}

/* RFC7413:4.2.2l: the SYN-ACK of an entry, sent again, does not bear the cookie any more. */
static void test_listener_fast_open_asked_syn_ack_again_is_bare(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct tfsm_packet syn = syn_asking(h, &p);
    const struct tfsm_packet first = ordinary(h, &p, &syn);
    (void)crumbs_of(&first);
    for (int i = 0; i < 3; i++) {
        h->now = tfsm_listener_deadline(&h->l);
        assert_true(time_passes(h));
        const struct tfsm_packet again = syn_ack_drawn(h, &p);
        assert_int_equal(again.segment.seq, p.iss);
        assert_false(again.segment.options & TFSM_OPT_FAST_OPEN);
        assert_int_equal(again.segment.len, 1);
    }
}

/* RFC7413:4.1.2a: every address has its own, and no bit of it may be missing. */
static void test_listener_fast_open_cookie_is_of_one_address(void **state)
{
    struct house *h = a_house(state);
    const struct peer p = peer_of(h, 0);
    const struct crumbs mine = asked(h, &p);
    for (size_t i = 0; i < (h->family == 4 ? 4u : 16u); i++) {
        struct peer q = p;
        q.address.octets[i] ^= 1;
        const struct crumbs his = asked(h, &q);
        assert_memory_not_equal(mine.octets, his.octets, COOKIE);
        is_bad(h, &q, &mine, COOKIE, &his);
        is_bad(h, &p, &his, COOKIE, &mine);
    }
    for (unsigned bit = 0; bit < 8 * COOKIE; bit++) {
        struct crumbs forged = mine;
        forged.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        is_bad(h, &p, &forged, COOKIE, &mine);
    }
    struct peer q = p;
    (void)early(h, &q, &mine, TEXT);
}

/* RFC7413:4.1.2a: 1.2.3.4 and 102:304:: are not the same. */
static void test_listener_fast_open_cookie_is_of_one_family(void **state)
{
    struct house *h = a_house(state);
    const struct peer four = {
        .address = {4, {1, 2, 3, 4}}, .local = {4, {5, 6, 7, 8}}, .port = 1000};
    const struct peer six = {
        .address = {6, {1, 2, 3, 4}}, .local = {6, {5, 6, 7, 8}}, .port = 1000};
    const struct crumbs of_four = asked(h, &four);
    const struct crumbs of_six = asked(h, &six);
    assert_memory_not_equal(of_four.octets, of_six.octets, COOKIE);
    is_bad(h, &six, &of_four, COOKIE, &of_six);
    is_bad(h, &four, &of_six, COOKIE, &of_four);
}

/* RFC7413:4.1.2a: nobody else can make it. */
static void test_listener_fast_open_cookie_of_another_secret(void **state)
{
    for (size_t i = 0; i < 16; i++) {
        static struct house other;
        struct house *h = a_house(state);
        const struct peer p = peer_of(h, 0);
        house_build(&other, h->family, 4, 4);
        other.from.policy.fast_open = LIMIT;
        other.from.fast_open_secret[i] ^= 1;
        house_open(&other);
        const struct crumbs good = asked(h, &p);
        const struct crumbs foreign = asked(&other, &p);
        assert_memory_not_equal(good.octets, foreign.octets, COOKIE);
        is_bad(h, &p, &foreign, COOKIE, &good);
    }
}

/* RFC7413:4.2.2h */
static void test_listener_fast_open_cookie_of_wrong_length(void **state)
{
    static const uint8_t lengths[] = {4, 6, 7, 10, 12, 16};
    struct house *h = a_house(state);
    const struct peer p = peer_of(h, 0);
    const struct crumbs good = asked(h, &p);
    for (size_t i = 0; i < LENGTH(lengths); i++) {
        is_bad(h, &p, &good, lengths[i], &good);
    }
}

static void rotate(struct house *h, uint8_t n)
{
    uint8_t secret[16];
    memset(secret, n, sizeof secret);
    tfsm_listener_rotate_fast_open(&h->l, secret);
    books_balance(h);
}

/* RFC7413:4.1.2b: good until the next rotation but one. */
static void test_listener_fast_open_cookie_expires(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs first = asked(h, &p);
    rotate(h, 1);
    const struct crumbs second = asked(h, &p);
    assert_memory_not_equal(first.octets, second.octets, COOKIE);
    (void)early(h, &p, &first, TEXT);
    p.port++;
    (void)early(h, &p, &second, TEXT);
    tfsm_listener_early_over(&h->l, false, h->now);
    tfsm_listener_early_over(&h->l, false, h->now);
    rotate(h, 2);
    const struct crumbs third = asked(h, &p);
    is_bad(h, &p, &first, COOKIE, &third);
    p.port++;
    (void)early(h, &p, &second, TEXT);
    rotate(h, 3);
    const struct crumbs fourth = asked(h, &p);
    is_bad(h, &p, &first, COOKIE, &fourth);
    is_bad(h, &p, &second, COOKIE, &fourth);
}

/* Secrets of SYN cookies and of Fast Open are turned one without the other. */
static void test_listener_fast_open_cookie_outlives_rotation_of_the_others(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    uint8_t secret[16] = {9};
    for (int i = 0; i < 5; i++) {
        tfsm_listener_rotate(&h->l, secret, h->now);
        h->now += 2 * PERIOD;
        secret[1]++;
    }
    (void)early(h, &p, &c, TEXT);
}

/* ---- a Fast Open ---- */

/* RFC7413:4.2.2g: the text is the user's, once, and the SYN-ACK acknowledges it. */
static void test_listener_fast_open_text_is_delivered(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    struct tfsm_tcb tcb = early(h, &p, &c, TEXT);
    assert_int_equal(h->arrival.effects.text_count, 1);
    assert_int_equal(h->arrival.effects.text[0].offset, 0);
    assert_int_equal(h->arrival.effects.text[0].at, 0);
    assert_int_equal(h->arrival.effects.text[0].len, TEXT);
    quiet(h); /* it is the connection that owes */
    all_accepted(h);
    const struct tfsm_segment s = out(h, &tcb);
    is_syn_ack(&p, &s, TEXT);
    assert_int_equal(s.len, 1);
    nothing_out(h, &tcb);
    h->now += 20000;
    const struct tfsm_packet third = packet_of(h, &p, TFSM_ACK, p.irs + 1 + TEXT, p.iss + 1, 0);
    const struct tfsm_effects fx = arrives(h, &tcb, &third);
    assert_int_equal(fx.signals, TFSM_SIG_CONNECTED);
    assert_int_equal(fx.delivered, 0);
    assert_int_equal(tcb.state, TFSM_ESTABLISHED);
    assert_int_equal(tcb.rcv_octets, TEXT);
    tfsm_listener_early_over(&h->l, false, h->now);
    books_balance(h);
}

/* RFC7413:4.2.2g: who reads before the third segment has read, and the window opens again. */
static void test_listener_fast_open_text_is_read_before_the_third_segment(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    struct tfsm_tcb tcb = early(h, &p, &c, TEXT);
    (void)out(h, &tcb);
    assert_int_equal(step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_RECEIVE, .len = TEXT}).taken,
                     TEXT);
    assert_int_equal(tcb.state, TFSM_SYN_RECEIVED);
    struct tfsm_status_block is;
    assert_int_equal(tfsm_status(&tcb, &is), TFSM_DONE);
    assert_int_equal(is.readable, 0);
    tfsm_listener_early_over(&h->l, false, h->now);
    books_balance(h);
}

/* RFC9293:MUST-32, RFC7413:4.2.2g: the user who has the text has the urgent pointer, too, and is told of none
 * where there is none. */
static void test_listener_fast_open_urgent_is_told(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    struct peer q = peer_of(h, 1);
    struct tfsm_status_block status;
    const struct crumbs of_q = asked(h, &q);
    (void)early(h, &q, &of_q, TEXT);
    assert_int_equal(h->arrival.effects.signals, TFSM_SIG_EARLY);
    tfsm_listener_early_over(&h->l, false, h->now);
    const struct crumbs c = asked(h, &p);
    struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
    syn.segment.flags |= TFSM_URG;
    syn.segment.up = 6;
    connects(h, &syn);
    assert_int_equal(h->arrival.effects.signals, TFSM_SIG_EARLY | TFSM_SIG_URGENT);
    assert_int_equal(tfsm_status(&h->tcb, &status), TFSM_DONE);
    assert_int_equal(status.urgent_in, 5);
    tfsm_listener_early_over(&h->l, false, h->now);
}

/* RFC7413:4.2.2g: with a good cookie, and nothing to deliver. */
static void test_listener_fast_open_without_text(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    struct tfsm_tcb tcb = early(h, &p, &c, 0);
    const struct tfsm_segment s = out(h, &tcb);
    is_syn_ack(&p, &s, 0);
    const struct tfsm_packet third = third_of(h, &p, 30);
    const struct tfsm_effects fx = arrives(h, &tcb, &third);
    assert_int_equal(fx.signals, TFSM_SIG_CONNECTED);
    assert_int_equal(fx.delivered, 30);
}

/* RFC7413:4.2.2g: no more than the window takes. */
static void test_listener_fast_open_text_beyond_the_window(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    h->cfg.rcv_buff = 60;
    const struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
    connects(h, &syn);
    p.iss = h->tcb.iss;
    assert_int_equal(h->arrival.effects.delivered, 60);
    struct tfsm_tcb tcb = h->tcb;
    const struct tfsm_segment s = out(h, &tcb);
    is_syn_ack(&p, &s, 60);
    assert_int_equal(s.wnd, 0);
}

static const struct {
    uint16_t mss;
    uint32_t segments; /* RFC 5681 3.1 */
} windows[] = {{536, 4}, {1095, 4}, {1096, 3}, {1400, 3}};

/* RFC7413:4.2.2j, RFC7413:4.2.2k: sent before the third segment, an initial window of RFC 5681. */
static void test_listener_fast_open_user_sends_before_the_third_segment(void **state)
{
    for (size_t i = 0; i < LENGTH(windows); i++) {
        for (int late = 0; late < 2; late++) { /* before or after the SYN-ACK goes out */
            struct house *h = a_house(state);
            struct peer p = peer_of(h, 0);
            const struct crumbs c = asked(h, &p);
            struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
            syn.segment.mss = windows[i].mss;
            syn.segment.wnd = 65535;
            connects(h, &syn);
            struct tfsm_tcb tcb = h->tcb;
            p.iss = tcb.iss;
            uint32_t sent = 0;
            if (late) {
                const struct tfsm_segment s = out(h, &tcb);
                is_syn_ack(&p, &s, TEXT);
                assert_int_equal(s.len, 1);
            }
            (void)step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = 100000});
            struct tfsm_segment s;
            bool syn_acked = late != 0;
            while (tfsm_output(&tcb, &h->cfg, h->now, &s)) {
                if (!syn_acked) {
                    is_syn_ack(&p, &s, TEXT);
                    syn_acked = true;
                    sent += s.len - 1;
                    continue;
                }
                assert_int_equal(s.flags & ~TFSM_PSH, TFSM_ACK);
                assert_int_equal(s.seq, p.iss + 1 + sent);
                assert_int_equal(s.ack, p.irs + 1 + TEXT);
                assert_true(s.len <= windows[i].mss);
                sent += s.len;
            }
            assert_int_equal(sent, windows[i].segments * windows[i].mss);
            h->now += 10000;
            struct tfsm_packet third =
                packet_of(h, &p, TFSM_ACK, p.irs + 1 + TEXT, p.iss + 1 + sent, 0);
            third.segment.wnd = 65535;
            const struct tfsm_effects fx = arrives(h, &tcb, &third);
            assert_true(fx.signals & TFSM_SIG_CONNECTED);
            assert_int_equal(fx.acknowledged, sent);
            s = out(h, &tcb); /* and the rest follows */
            assert_int_equal(s.seq, p.iss + 1 + sent);
        }
    }
}

/* RFC5681:2: the third segment that leaves the text before it unacknowledged is no duplicate of
 * anything; the second to say so is the first. */
static void test_listener_fast_open_third_segment_is_no_duplicate(void **state)
{
    struct house *h = a_house(state);
    h->cfg.profile &= ~(uint32_t)(TFSM_SACK | TFSM_LIMITED_TRANSMIT);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    const struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
    connects(h, &syn);
    struct tfsm_tcb tcb = h->tcb;
    struct tfsm_segment s;
    p.iss = tcb.iss;
    (void)step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = 3000});
    while (tfsm_output(&tcb, &h->cfg, h->now, &s)) {
    }
    assert_true(tcb.snd_nxt != seq_add(p.iss, 1));
    const struct tfsm_packet third = packet_of(h, &p, TFSM_ACK, p.irs + 1 + TEXT, p.iss + 1, 0);
    for (unsigned duplicates = 0; duplicates <= 3; duplicates++) {
        (void)arrives(h, &tcb, &third);
        assert_int_equal(tcb.dup_acks, duplicates);
        assert_int_equal((tcb.flags & TFSM_M_RECOVERY) != 0, duplicates == 3);
    }
}

/* RFC9293:3.10.4: CLOSE before the third segment is queued, whether there was something to send or not. */
static void test_listener_fast_open_fin_waits_for_the_third_segment(void **state)
{
    for (uint32_t text = 0; text <= 100; text += 100) {
        struct house *h = a_house(state);
        struct peer p = peer_of(h, 0);
        const struct crumbs c = asked(h, &p);
        const struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
        connects(h, &syn);
        struct tfsm_tcb tcb = h->tcb;
        struct tfsm_segment s;
        p.iss = tcb.iss;
        (void)step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_RECEIVE, .len = TEXT});
        (void)step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = text});
        while (tfsm_output(&tcb, &h->cfg, h->now, &s)) {
        }
        (void)step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_CLOSE});
        while (tfsm_output(&tcb, &h->cfg, h->now, &s)) {
            assert_int_equal(s.flags & TFSM_FIN, 0);
        }
        assert_int_equal(tcb.state, TFSM_SYN_RECEIVED);
        const struct tfsm_packet third =
            packet_of(h, &p, TFSM_ACK, p.irs + 1 + TEXT, p.iss + 1 + text, 0);
        (void)arrives(h, &tcb, &third);
        assert_int_equal(tcb.state, TFSM_FIN_WAIT_1);
        s = out(h, &tcb);
        assert_int_equal(s.flags & TFSM_FIN, TFSM_FIN);
    }
}

/* RFC9293:3.8.6: nor more than the peer's window, as its SYN told it. */
static void test_listener_fast_open_user_sends_within_the_peer_s_window(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
    syn.segment.wnd = 1000;
    connects(h, &syn);
    struct tfsm_tcb tcb = h->tcb;
    uint32_t sent = 0;
    (void)step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = 100000});
    struct tfsm_segment s;
    while (tfsm_output(&tcb, &h->cfg, h->now, &s)) {
        sent += s.len - ((s.flags & TFSM_SYN) != 0);
    }
    assert_true(sent >= 1 && sent <= 1000);
}

/* RFC7413:4.2.2l: with the user's text under way the SYN-ACK alone comes again. */
static void test_listener_fast_open_syn_ack_again_is_bare(void **state)
{
    for (int with_text = 0; with_text < 2; with_text++) {
        struct house *h = a_house(state);
        struct peer p = peer_of(h, 0);
        const struct crumbs c = asked(h, &p);
        struct tfsm_tcb tcb = early(h, &p, &c, TEXT);
        struct tfsm_segment s = out(h, &tcb);
        is_syn_ack(&p, &s, TEXT);
        if (with_text) {
            (void)step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = 500});
            while (tfsm_output(&tcb, &h->cfg, h->now, &s)) {
            }
        }
        for (int i = 0; i < 2; i++) {
            h->now = tfsm_deadline(&tcb);
            (void)step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_TIMEOUT});
            s = out(h, &tcb);
            is_syn_ack(&p, &s, TEXT);
            assert_int_equal(s.len, 1);
            assert_false(s.options & TFSM_OPT_FAST_OPEN);
            nothing_out(h, &tcb);
        }
        h->now += 1000;
        const struct tfsm_packet third = packet_of(h, &p, TFSM_ACK, p.irs + 1 + TEXT, p.iss + 1, 0);
        assert_int_equal(arrives(h, &tcb, &third).signals, TFSM_SIG_CONNECTED);
        assert_int_equal(tcb.state, TFSM_ESTABLISHED);
    }
}

/* The client's timer: a SYN without text and option, or the same again. It is told again what was
 * acknowledged, and nothing is delivered twice. */
static void test_listener_fast_open_syn_again_delivers_nothing(void **state)
{
    for (int answered = 0; answered < 2; answered++) {
        for (int bare = 0; bare < 2; bare++) {
            struct house *h = a_house(state);
            struct peer p = peer_of(h, 0);
            const struct crumbs c = asked(h, &p);
            struct tfsm_tcb tcb = early(h, &p, &c, TEXT);
            if (answered) {
                (void)out(h, &tcb);
            }
            const struct tfsm_packet again =
                bare ? syn_of(h, &p) : syn_with(h, &p, &c, COOKIE, TEXT);
            h->now += 900000;
            const struct tfsm_effects fx = arrives(h, &tcb, &again);
            assert_int_equal(fx.delivered, 0);
            assert_int_equal(fx.text_count, 0);
            assert_int_equal(fx.signals, 0);
            assert_int_equal(tcb.state, TFSM_SYN_RECEIVED);
            const struct tfsm_segment s = out(h, &tcb);
            assert_int_equal(s.ack, p.irs + 1 + TEXT);
            assert_int_equal(s.seq, p.iss + ((s.flags & TFSM_SYN) == 0));
            const struct tfsm_packet third =
                packet_of(h, &p, TFSM_ACK, p.irs + 1 + TEXT, p.iss + 1, 0);
            assert_int_equal(arrives(h, &tcb, &third).signals, TFSM_SIG_CONNECTED);
            assert_int_equal(tcb.rcv_octets, TEXT);
        }
    }
}

/* ---- RFC7413:4.2: off ---- */

static void test_listener_fast_open_off_ignores_the_option(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    uint64_t counters[TFSM_LISTENER_COUNTS];
    h->l.policy.fast_open = 0;
    memcpy(counters, h->l.counters, sizeof counters);
    struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
    for (int i = 0; i < 2; i++) {
        const struct tfsm_packet k = ordinary(h, &p, &syn);
        assert_false(k.segment.options & TFSM_OPT_FAST_OPEN);
        const struct tfsm_packet third = third_of(h, &p, TEXT);
        connects(h, &third);
        assert_int_equal(h->arrival.effects.delivered, TEXT);
        p.port++;
        syn = syn_asking(h, &p);
    }
    static const enum tfsm_listener_counter still[] = {TFSM_COUNT_EARLY, TFSM_COUNT_FAST_OPEN_ASKED,
                                                       TFSM_COUNT_FAST_OPEN_BAD,
                                                       TFSM_COUNT_FAST_OPEN_LIMIT};
    for (size_t i = 0; i < LENGTH(still); i++) {
        assert_int_equal(count_of(h, still[i]), counters[still[i]]);
    }
}

/* ---- RFC7413:5.1a: the limit ---- */

static void is_limited(struct house *h, const struct peer *who, const struct crumbs *c)
{
    struct peer p = *who;
    const uint64_t limited = count_of(h, TFSM_COUNT_FAST_OPEN_LIMIT);
    const struct tfsm_packet syn = syn_with(h, &p, c, COOKIE, TEXT);
    (void)ordinary(h, &p, &syn);
    assert_int_equal(count_of(h, TFSM_COUNT_FAST_OPEN_LIMIT), limited + 1);
    const struct tfsm_packet third = third_of(h, &p, TEXT);
    connects(h, &third);
    assert_int_equal(h->arrival.effects.delivered, TEXT);
    all_accepted(h);
}

/* RFC7413:4.2.2h, RFC7413:5.1a */
static void test_listener_fast_open_limit_of_pending(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    for (unsigned i = 0; i < LIMIT; i++) {
        p.port++;
        (void)early(h, &p, &c, TEXT);
        all_accepted(h); /* that does not make it less pending */
    }
    for (int i = 0; i < 3; i++) {
        p.port++;
        is_limited(h, &p, &c);
    }
    tfsm_listener_early_over(&h->l, false, h->now);
    books_balance(h);
    p.port++;
    (void)early(h, &p, &c, TEXT);
    p.port++;
    is_limited(h, &p, &c);
    h->now += 1000 * SECOND; /* time alone ends nothing */
    p.port++;
    is_limited(h, &p, &c);
    h->l.policy.fast_open = LIMIT + 1;
    p.port++;
    (void)early(h, &p, &c, TEXT);
    h->l.policy.fast_open = 1;
    for (unsigned i = 0; i < LIMIT; i++) {
        tfsm_listener_early_over(&h->l, false, h->now);
        p.port++;
        is_limited(h, &p, &c);
    }
    tfsm_listener_early_over(&h->l, false, h->now);
    p.port++;
    (void)early(h, &p, &c, TEXT);
}

/* RFC7413:5.1a: a bad cookie is a bad one, limit or not. */
static void test_listener_fast_open_limit_does_not_make_a_cookie_good(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    struct crumbs forged = c;
    forged.octets[3] ^= 4;
    for (unsigned i = 0; i < LIMIT; i++) {
        p.port++;
        (void)early(h, &p, &c, TEXT);
    }
    p.port++;
    const struct tfsm_packet syn = syn_with(h, &p, &forged, COOKIE, TEXT);
    (void)ordinary(h, &p, &syn);
    assert_int_equal(count_of(h, TFSM_COUNT_EARLY), LIMIT);
}

/* RFC7413:5.1b: those that were reset count on, for a minute at least and not for ever. */
static void test_listener_fast_open_reset_counts_on(void **state)
{
    static const tfsm_time starts[] = {
        5 * SECOND, 59 * SECOND, 60 * SECOND, 61 * SECOND, 119999999, 1000 * SECOND, 3};
    for (size_t s = 0; s < LENGTH(starts); s++) {
        struct house *h = a_house(state);
        struct peer p = peer_of(h, 0);
        h->now = starts[s];
        const struct crumbs c = asked(h, &p);
        for (unsigned i = 0; i < LIMIT; i++) {
            p.port++;
            (void)early(h, &p, &c, TEXT);
            all_accepted(h);
        }
        for (unsigned i = 0; i < LIMIT; i++) {
            tfsm_listener_early_over(&h->l, true, h->now);
            books_balance(h);
        }
        static const tfsm_time waits[] = {0, SECOND, 30 * SECOND, 59 * SECOND, 60 * SECOND - 1};
        const tfsm_time reset = h->now;
        for (size_t i = 0; i < LENGTH(waits); i++) {
            h->now = reset + waits[i];
            p.port++;
            is_limited(h, &p, &c);
        }
        h->now = reset + 600 * SECOND;
        for (unsigned i = 0; i < LIMIT; i++) {
            p.port++;
            (void)early(h, &p, &c, TEXT);
        }
        p.port++;
        is_limited(h, &p, &c);
    }
}

/* RFC7413:5.1b: those of several times, each for its minute; nobody looks in between. */
static void test_listener_fast_open_resets_at_several_times(void **state)
{
    for (tfsm_time gap = SECOND; gap <= 59 * SECOND; gap += 2 * SECOND) {
        struct house *h = a_house(state);
        struct peer p = peer_of(h, 0);
        const struct crumbs c = asked(h, &p);
        for (unsigned i = 0; i < LIMIT; i++) {
            p.port++;
            (void)early(h, &p, &c, TEXT);
        }
        tfsm_listener_early_over(&h->l, true, h->now);
        h->now += gap;
        tfsm_listener_early_over(&h->l, true, h->now);
        tfsm_listener_early_over(&h->l, true, h->now);
        h->now += 60 * SECOND - 1; /* two of three at least still count */
        p.port++;
        h->l.policy.fast_open = 2;
        is_limited(h, &p, &c);
    }
}

static void test_listener_fast_open_some_reset_some_not(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    for (unsigned i = 0; i < LIMIT; i++) {
        p.port++;
        (void)early(h, &p, &c, TEXT);
    }
    tfsm_listener_early_over(&h->l, true, h->now);
    tfsm_listener_early_over(&h->l, false, h->now);
    p.port++;
    (void)early(h, &p, &c, TEXT); /* in the place of the one that came through */
    p.port++;
    is_limited(h, &p, &c);
}

/* ---- no room ---- */

static void test_listener_fast_open_accept_full(void **state)
{
    struct house *h = &house;
    house_build(h, family_of(state), 8, 1);
    h->from.policy.fast_open = LIMIT;
    house_open(h);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    p.port++;
    (void)early(h, &p, &c, TEXT);
    p.port++;
    const struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
    taken(h, &syn);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN_ACCEPT_FULL), 1);
    assert_false(holds(h, &p));
    quiet(h);
    all_accepted(h);
    (void)early(h, &p, &c, TEXT);
    walls_stand(h);
}

/* The ring holds early and ordinary connections in the order in which they came. */
static void test_listener_fast_open_accept_in_order(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    struct peer q = peer_of(h, 1);
    const struct crumbs c = asked(h, &p);
    (void)half_open(h, &q);
    (void)early(h, &p, &c, TEXT);
    const struct tfsm_packet third = third_of(h, &q, 0);
    connects(h, &third);
    p.port++;
    (void)early(h, &p, &c, TEXT);
    accepted(h, 1000);
    accepted(h, 1001);
    accepted(h, 1002);
    none_waits(h);
}

static void test_listener_fast_open_no_seat(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    h->no_seat = true;
    const struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
    taken(h, &syn);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN_NO_SEAT), 1);
    assert_false(holds(h, &p));
    quiet(h);
    h->no_seat = false;
    (void)early(h, &p, &c, TEXT);
}

/* ---- it ends before it began: the user has it, so the user is told ---- */

/* RFC9293:3.10.7.4 second, seen by a user who has the connection. */
static void test_listener_fast_open_rst_is_told(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    struct tfsm_tcb tcb = early(h, &p, &c, TEXT);
    (void)out(h, &tcb);
    struct tfsm_packet rst = packet_of(h, &p, TFSM_RST, p.irs + 2 + TEXT, 0, 0);
    assert_int_equal(arrives(h, &tcb, &rst).signals, 0); /* RFC5961:3.2: challenged */
    assert_int_equal(tcb.state, TFSM_SYN_RECEIVED);
    rst.segment.seq = p.irs + 1 + TEXT;
    const struct tfsm_effects fx = arrives(h, &tcb, &rst);
    assert_int_equal(fx.signals, TFSM_SIG_RESET);
    assert_int_equal(tcb.state, TFSM_CLOSED);
}

/* RFC9293:MUST-20, RFC9293:MUST-23 */
static void test_listener_fast_open_timeout_is_told(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    struct tfsm_tcb tcb = early(h, &p, &c, TEXT);
    unsigned told = 0;
    struct tfsm_segment s;
    (void)out(h, &tcb);
    for (int i = 0; i < 100 && tcb.state == TFSM_SYN_RECEIVED; i++) {
        h->now = tfsm_deadline(&tcb);
        told |= step(h, &tcb, (struct tfsm_event){.kind = TFSM_EV_TIMEOUT}).signals;
        while (tfsm_output(&tcb, &h->cfg, h->now, &s)) {
        }
    }
    assert_int_equal(tcb.state, TFSM_CLOSED);
    assert_int_equal(told & TFSM_SIG_ENDS, TFSM_SIG_TIMED_OUT);
}

/* RFC9293:SHLD-26 */
static void test_listener_fast_open_icmp_is_told(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    struct tfsm_tcb tcb = early(h, &p, &c, TEXT);
    (void)out(h, &tcb);
    struct tfsm_event ev = {.kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_HARD};
    ev.segment.seq = p.iss + 1;
    assert_int_equal(step(h, &tcb, ev).signals & TFSM_SIG_ENDS, 0);
    ev.segment.seq = p.iss;
    assert_int_equal(step(h, &tcb, ev).signals & TFSM_SIG_ENDS, TFSM_SIG_UNREACHABLE);
    assert_int_equal(tcb.state, TFSM_CLOSED);
}

/* RFC9293:3.10.7.4 fourth: another SYN in the window does not make a listener of what the user has.
 */
static void test_listener_fast_open_syn_in_the_window_does_not_listen(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    struct tfsm_tcb tcb = early(h, &p, &c, TEXT);
    (void)out(h, &tcb);
    const struct tfsm_packet syn = packet_of(h, &p, TFSM_SYN, p.irs + 1 + TEXT, 0, 0);
    const struct tfsm_effects fx = arrives(h, &tcb, &syn);
    assert_int_not_equal(tcb.state, TFSM_LISTEN);
    assert_true(tcb.state != TFSM_CLOSED || (fx.signals & TFSM_SIG_ENDS) != 0);
}

/* RFC9293:MAY-2b: while the connection before is in TIME-WAIT a good cookie opens nothing: the SYN may be
 * an old duplicate, and the text comes after the handshake. */
static void test_listener_fast_open_not_beside_time_wait(void **state)
{
    struct house *h = a_house(state);
    struct peer p = peer_of(h, 0);
    const struct crumbs c = asked(h, &p);
    const uint32_t last = seq_add(h->now / 4 & UINT32_MAX, 12345);
    const struct tfsm_packet syn = syn_with(h, &p, &c, COOKIE, TEXT);
    h->iss_after = &last;
    ordinary(h, &p, &syn);
    assert_true(seq_lt(last, p.iss));
    assert_int_equal(count_of(h, TFSM_COUNT_EARLY), 0);
    assert_int_equal(count_of(h, TFSM_COUNT_FAST_OPEN_LIMIT), 1);
    const struct tfsm_packet third = third_of(h, &p, TEXT);
    connects(h, &third);
    assert_int_equal(h->arrival.effects.delivered, TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_listener_fast_open_asked_for_a_cookie),
        BOTH(test_listener_fast_open_asking_with_text),
        BOTH(test_listener_fast_open_not_asked),
        BOTH(test_listener_fast_open_asked_syn_ack_again_is_bare),
        BOTH(test_listener_fast_open_cookie_is_of_one_address),
        BOTH(test_listener_fast_open_cookie_is_of_one_family),
        BOTH(test_listener_fast_open_cookie_of_another_secret),
        BOTH(test_listener_fast_open_cookie_of_wrong_length),
        BOTH(test_listener_fast_open_cookie_expires),
        BOTH(test_listener_fast_open_cookie_outlives_rotation_of_the_others),
        BOTH(test_listener_fast_open_text_is_delivered),
        BOTH(test_listener_fast_open_text_is_read_before_the_third_segment),
        BOTH(test_listener_fast_open_urgent_is_told),
        BOTH(test_listener_fast_open_without_text),
        BOTH(test_listener_fast_open_text_beyond_the_window),
        BOTH(test_listener_fast_open_user_sends_before_the_third_segment),
        BOTH(test_listener_fast_open_third_segment_is_no_duplicate),
        BOTH(test_listener_fast_open_fin_waits_for_the_third_segment),
        BOTH(test_listener_fast_open_user_sends_within_the_peer_s_window),
        BOTH(test_listener_fast_open_syn_ack_again_is_bare),
        BOTH(test_listener_fast_open_syn_again_delivers_nothing),
        BOTH(test_listener_fast_open_off_ignores_the_option),
        BOTH(test_listener_fast_open_limit_of_pending),
        BOTH(test_listener_fast_open_limit_does_not_make_a_cookie_good),
        BOTH(test_listener_fast_open_reset_counts_on),
        BOTH(test_listener_fast_open_resets_at_several_times),
        BOTH(test_listener_fast_open_some_reset_some_not),
        BOTH(test_listener_fast_open_accept_full),
        BOTH(test_listener_fast_open_accept_in_order),
        BOTH(test_listener_fast_open_no_seat),
        BOTH(test_listener_fast_open_rst_is_told),
        BOTH(test_listener_fast_open_timeout_is_told),
        BOTH(test_listener_fast_open_icmp_is_told),
        BOTH(test_listener_fast_open_syn_in_the_window_does_not_listen),
        BOTH(test_listener_fast_open_not_beside_time_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
