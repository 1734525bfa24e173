/* The SYN queue and the accept queue of a listener, told from tfsm_listener.h and RFC 9293 alone.
 * The last tests feed the same events to listeners and to bare TCBs opened passively, and demand
 * that nobody can tell them apart. */
#include <unistd.h>

#include "listener.h"
#include "listening.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static struct house house; /* of the test that is running */

static struct house *a_house(void **state, uint32_t entries, uint32_t waiting)
{
    house_with(&house, family_of(state), entries, waiting, TFSM_COOKIES_NEVER);
    return &house;
}

/* ---- opening ---- */

static void refuses(struct house *h)
{
    struct tfsm_listener before;
    memset(&h->l, 0x3c, sizeof h->l);
    memcpy(&before, &h->l, sizeof before);
    assert_false(tfsm_listener_open(&h->l, &h->from));
    assert_memory_equal(&h->l, &before, sizeof before);
}

static void test_listener_open_bad_arguments(void **state)
{
    struct house *h = &house;
    house_build(h, family_of(state), 4, 4);
    h->from.port = 0;
    refuses(h);
    house_build(h, family_of(state), 4, 4);
    h->from.waiting_count = 0;
    refuses(h);
    house_build(h, family_of(state), 4, 4);
    h->from.entry_count = TFSM_ENTRIES_MOST + 1;
    refuses(h);
    house_build(h, family_of(state), 0, 4);
    h->from.policy.cookies = TFSM_COOKIES_NEVER;
    refuses(h);
    house_build(h, family_of(state), 4, 4);
    h->from.work = NULL;
    refuses(h);
}

static void test_listener_open_least(void **state)
{
    struct house *h = &house;
    static const uint8_t with_cookies[] = {TFSM_COOKIES_WHEN_FULL, TFSM_COOKIES_ALWAYS};
    for (size_t i = 0; i < LENGTH(with_cookies); i++) {
        house_with(h, family_of(state), 0, 1, (enum tfsm_cookies)with_cookies[i]);
        assert_int_equal(tfsm_listener_deadline(&h->l), TFSM_NEVER);
        quiet(h);
        none_waits(h);
    }
    house_with(h, family_of(state), 1, 1, TFSM_COOKIES_NEVER);
    h->from.port = 65535;
    house_open(h);
    walls_stand(h);
}

/* RFC7413:4.2b */
static void test_listener_policy_default_is_as_told(void **state)
{
    (void)state;
    const struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    assert_int_equal(policy.cookies, TFSM_COOKIES_WHEN_FULL);
    assert_int_equal(policy.overflow, TFSM_OVERFLOW_DROP);
    assert_int_equal(policy.fast_open, 0);
    assert_int_equal(policy.syn_ack_retries, 7);
}

static void test_listener_counter_names_are_told(void **state)
{
    (void)state;
#define TFSM_X(name, text)                                                                         \
    assert_string_equal(tfsm_listener_counter_name(TFSM_COUNT_##name), #name);                     \
    assert_string_equal(tfsm_listener_counter_text(TFSM_COUNT_##name), text);
    TFSM_LISTENER_COUNTERS(TFSM_X)
#undef TFSM_X
}

/* ---- a SYN ---- */

/* RFC9293:MUST-14, RFC9293:3.10.7.2 */
static void test_listener_syn_makes_an_entry(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    assert_false(holds(h, &p));
    (void)half_open(h, &p);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 1);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY), 1);
    assert_int_equal(h->l.entry_count, 1);
    const struct tfsm_tcb tcb = behind(h, &p);
    assert_int_equal(tcb.iss, p.iss);
    assert_int_equal(tcb.irs, p.irs);
    assert_int_equal(tcb.rcv_nxt, p.irs + 1);
    assert_int_equal(tcb.snd_una, p.iss);
    assert_int_equal(tcb.snd_nxt, p.iss + 1);
    assert_true(tcb.flags & TFSM_M_PASSIVE);
    none_waits(h);
}

/* RFC9293:3.4: numbers wrap. */
static void test_listener_syn_at_the_end_of_sequence_space(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    p.irs = UINT32_MAX;
    (void)half_open(h, &p);
    const struct tfsm_packet third = third_of(h, &p, 0);
    assert_int_equal(third.segment.seq, 0);
    connects(h, &third);
    assert_int_equal(h->tcb.rcv_nxt, 0);
}

/* Text and FIN of a SYN wait for the peer to send them again. */
static void test_listener_syn_with_text_or_fin_only_syn_acknowledged(void **state)
{
    static const uint8_t flags[] = {TFSM_SYN, TFSM_SYN | TFSM_FIN, TFSM_SYN | TFSM_PSH,
                                    TFSM_SYN | TFSM_FIN | TFSM_URG};
    for (size_t i = 0; i < LENGTH(flags); i++) {
        struct house *h = a_house(state, 4, 4);
        struct peer p = peer_of(h, 0);
        struct tfsm_packet syn = packet_of(h, &p, flags[i], p.irs, 0, i == 1 ? 0 : 100);
        taken(h, &syn);
        assert_int_equal(h->arrival.effects.delivered, 0);
        assert_int_equal(h->arrival.effects.text_count, 0);
        p.iss = syn_ack_drawn(h, &p).segment.seq;
        quiet(h);
        assert_int_equal(behind(h, &p).rcv_nxt, p.irs + 1);
        const struct tfsm_packet third = third_of(h, &p, 100);
        connects(h, &third);
        assert_int_equal(h->arrival.effects.signals, TFSM_SIG_CONNECTED);
        assert_int_equal(h->arrival.effects.delivered, 100);
        assert_int_equal(h->tcb.state, TFSM_ESTABLISHED);
        assert_int_equal(h->tcb.rcv_nxt, p.irs + 101);
    }
}

/* Of a SYN that comes again we say the same ISN, and have one entry. */
static void test_listener_syn_again_has_the_same_isn(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    for (int i = 0; i < 5; i++) {
        h->now += 300000;
        const struct tfsm_packet syn = syn_of(h, &p);
        taken(h, &syn);
        struct tfsm_packet k;
        while (draw(h, &k)) {
            assert_true(goes_to(&k, &p));
            assert_int_equal(k.segment.ack, p.irs + 1);
            assert_int_equal(k.segment.seq, p.iss + ((k.segment.flags & TFSM_SYN) == 0));
        }
        assert_int_equal(h->l.entry_count, 1);
        assert_int_equal(behind(h, &p).iss, p.iss);
        assert_int_equal(behind(h, &p).irs, p.irs);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 1);
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
}

/* RFC9293:3.10.7.4: text that came with the SYN reaches into the window, the SYN itself does not: a
 * duplicate of it is no SYN of somebody else. */
static void test_listener_syn_again_with_text_is_no_other_syn(void **state)
{
    for (unsigned fin = 0; fin < 2; fin++) {
        struct house *h = a_house(state, 4, 4);
        struct peer p = peer_of(h, 0);
        struct tfsm_packet syn = syn_of(h, &p);
        syn.segment.len += 10 + fin;
        syn.segment.flags |= fin ? TFSM_FIN : 0;
        assert_int_equal(send_packet(h, &syn), TFSM_ARRIVAL_TAKEN);
        p.iss = syn_ack_drawn(h, &p).segment.seq;
        taken(h, &syn);
        assert_true(holds(h, &p));
        assert_int_equal(count_of(h, TFSM_COUNT_REFUSED), 0);
        struct tfsm_packet again;
        assert_true(draw(h, &again)); /* the client may not have heard the first */
        assert_int_equal(again.segment.flags, TFSM_SYN | TFSM_ACK);
        const struct tfsm_packet third = third_of(h, &p, 10);
        connects(h, &third);
        assert_int_equal(h->arrival.effects.delivered, 10);
    }
}

/* Families that differ are no segment: nothing is remembered of it. */
static void test_listener_segment_between_families(void **state)
{
    struct house *h = a_house(state, 4, 4);
    const struct peer p = peer_of(h, 0);
    for (uint8_t family = 0; family < 8; family++) {
        struct tfsm_packet syn = syn_of(h, &p);
        syn.src.family = family;
        if (family != h->family) {
            assert_int_equal(send_packet(h, &syn), TFSM_ARRIVAL_INVALID);
            syn.dst.family = family;
            assert_int_equal(send_packet(h, &syn), family == 4 || family == 6
                                                       ? TFSM_ARRIVAL_TAKEN
                                                       : TFSM_ARRIVAL_INVALID);
        }
    }
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 1);
    const struct tfsm_icmp_message between = {.meaning = TFSM_ICMP_HARD,
                                              .local = {.family = 4},
                                              .remote = {.family = 6},
                                              .remote_port = p.port};
    assert_false(tfsm_listener_icmp(&h->l, &h->cfg, &between, h->now, &h->fx));
    walls_stand(h);
}

/* Before the SYN-ACK is out, too: then one goes out. */
static void test_listener_syn_again_before_the_answer(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    const struct tfsm_packet syn = syn_of(h, &p);
    taken(h, &syn);
    const uint32_t iss = behind(h, &p).iss;
    h->now += 1000;
    taken(h, &syn);
    assert_int_equal(behind(h, &p).iss, iss);
    assert_int_equal(syn_ack_drawn(h, &p).segment.seq, iss);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY), 1);
}

/* What one peer is told: of its SYN, of that again, of an ACK out of the window, of text without an ACK. */
static unsigned told(void **state, bool at_once, struct tfsm_packet out[8])
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    const struct tfsm_packet syn = syn_of(h, &p);
    unsigned count = 0;
    h->l.policy.at_once = at_once;
    for (unsigned i = 0; i < 4; i++) {
        const struct tfsm_packet late = packet_of(h, &p, TFSM_ACK, p.irs - 1000, p.iss + 1, 0);
        const struct tfsm_packet bare = packet_of(h, &p, 0, p.irs + 1, 0, 10);
        assert_int_equal(send_packet(h, i < 2 ? &syn : i == 2 ? &late : &bare), TFSM_ARRIVAL_TAKEN);
        assert_true(at_once || !h->arrival.answers);
        assert_true(!at_once || !tfsm_listener_owes(&h->l));
        if (h->arrival.answers) {
            out[count++] = h->arrival.answer;
        }
        while (count < 8 && draw(h, &out[count])) {
            count++;
        }
        p.iss = out[0].segment.seq;
        h->now += 1000;
    }
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
    return count;
}

/* At once or in line, the same is said. */
static void test_listener_entries_answer_at_once(void **state)
{
    struct tfsm_packet now[8];
    struct tfsm_packet later[8];
    unsigned count = told(state, true, now);
    assert_int_equal(count, 3);
    assert_int_equal(told(state, false, later), count);
    for (unsigned i = 0; i < count; i++) {
        const struct tfsm_segment *a = &now[i].segment;
        const struct tfsm_segment *b = &later[i].segment;
        assert_int_equal(a->flags, b->flags);
        assert_int_equal(a->seq, b->seq);
        assert_int_equal(a->ack, b->ack);
        assert_int_equal(a->wnd, b->wnd);
        assert_int_equal(a->options, b->options);
        assert_int_equal(a->len, b->len);
        assert_memory_equal(&now[i].dst, &later[i].dst, sizeof now[i].dst);
        assert_int_equal(now[i].dst_port, later[i].dst_port);
    }
}

/* A retransmission, which no segment calls for, stands in line, and so does what was owed before. */
static void test_listener_timers_do_not_answer_at_once(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    struct peer other = peer_of(h, 1);
    const struct tfsm_packet syn = syn_of(h, &p);
    taken(h, &syn);
    h->l.policy.at_once = true;
    const struct tfsm_packet its = syn_of(h, &other);
    assert_int_equal(send_packet(h, &its), TFSM_ARRIVAL_TAKEN);
    assert_true(h->arrival.answers && goes_to(&h->arrival.answer, &other));
    (void)syn_ack_drawn(h, &p);
    quiet(h);
    h->now = tfsm_listener_deadline(&h->l);
    assert_true(time_passes(h));
    (void)syn_ack_drawn(h, &p);
}

/* RFC9293:3.10.7.4: an ACK that acknowledges nothing of ours is answered by a RST, and that goes
 * first: what the entry owed since before stays owed. */
static void test_listener_answer_at_once_is_the_reset(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    const struct tfsm_packet syn = syn_of(h, &p);
    taken(h, &syn);
    h->l.policy.at_once = true;
    const struct tfsm_packet bad = packet_of(h, &p, TFSM_ACK, p.irs + 1, 7, 0);
    answered_by_reset(h, &bad);
    assert_true(holds(h, &p));
    assert_true(tfsm_listener_owes(&h->l));
    p.iss = syn_ack_drawn(h, &p).segment.seq;
    quiet(h);
    answered_by_reset(h, &bad);
    quiet(h);
    assert_int_equal(send_packet(h, &syn), TFSM_ARRIVAL_TAKEN);
    assert_true(h->arrival.answers);
    assert_int_equal(h->arrival.answer.segment.flags, TFSM_SYN | TFSM_ACK);
    assert_int_equal(h->arrival.answer.segment.seq, p.iss);
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
}

/* RFC9293:MUST-8, RFC6528:3: the clock of the ISN goes on. */
static void test_listener_syn_later_has_a_later_isn(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    uint32_t last = 0;
    for (int i = 0; i < 40; i++) {
        (void)half_open(h, &p);
        /* how far it is from the number of the host: at most a period before or after */
        const uint32_t off = seq_distance(seq_sub(isn_of_host(h, &p, h->now), 2u << 24), p.iss);
        assert_true(off <= 4u << 24);
        if (i > 0) {
            assert_true(seq_lt(last, p.iss));
        }
        last = p.iss;
        struct tfsm_packet rst = packet_of(h, &p, TFSM_RST, p.irs + 1, 0, 0);
        taken(h, &rst);
        assert_false(holds(h, &p));
        h->now += 2 * PERIOD + 4321;
    }
}

/* RFC6191:3, RFC9293:MAY-2a: a new incarnation starts after the old one; no cookie can promise that. */
static void test_listener_syn_iss_after(void **state)
{
    static const uint8_t cookies[] = {TFSM_COOKIES_NEVER, TFSM_COOKIES_WHEN_FULL,
                                      TFSM_COOKIES_ALWAYS};
    static const uint32_t offsets[] = {0,          1,          2,          77777,
                                       0x1000000,  0x40000000, 0x7fffffff, 0x80000000,
                                       0x80000001, 0xff000000, 0xfffffffe, 0xffffffff};
    for (size_t c = 0; c < LENGTH(cookies); c++) {
        for (size_t i = 0; i < LENGTH(offsets); i++) {
            struct house *h = &house;
            house_with(h, family_of(state), 4, 4, (enum tfsm_cookies)cookies[c]);
            struct peer p = peer_of(h, 0);
            const uint32_t last = seq_add(isn_of_host(h, &p, h->now), offsets[i]);
            h->iss_after = &last;
            (void)half_open(h, &p);
            assert_true(seq_lt(last, p.iss));
            assert_int_equal(count_of(h, TFSM_COUNT_COOKIE_SENT), 0);
            const struct tfsm_packet third = third_of(h, &p, 0);
            connects(h, &third);
        }
    }
}

/* RFC9293:3.10.7.2: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
static void test_listener_syn_with_another_label_is_reset(void **state)
{
    struct house *h = &house;
    house_build(h, family_of(state), 4, 4);
    h->from.security = 3;
    house_open(h);
    struct peer p = peer_of(h, 0);
    struct tfsm_packet syn = packet_of(h, &p, TFSM_SYN, p.irs, 0, 20);
    syn.segment.security = 4;
    assert_int_equal(send_packet(h, &syn), TFSM_ARRIVAL_TAKEN);
    assert_true(h->arrival.answers);
    assert_int_equal(h->arrival.answer.segment.flags, TFSM_RST | TFSM_ACK);
    assert_int_equal(h->arrival.answer.segment.seq, 0);
    assert_int_equal(h->arrival.answer.segment.ack, p.irs + 21);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 1);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN_REFUSED), 1);
    assert_false(holds(h, &p));
    assert_int_equal(half_open(h, &p).segment.security, 3);
    assert_int_equal(behind(h, &p).security, 3);
}

/* RFC9293:3.10.7.4: in SYN-RECEIVED a reset is sent, and that is all. */
static void test_listener_third_with_another_label_is_reset(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    const struct tfsm_tcb before = behind(h, &p);
    struct tfsm_packet third = third_of(h, &p, 0);
    third.segment.security = 9;
    answered_by_reset(h, &third);
    const struct tfsm_tcb now = behind(h, &p);
    assert_memory_equal(&now, &before, sizeof now);
    third.segment.security = 0;
    connects(h, &third);
}

/* ---- segments of nobody (RFC 9293 3.10.7.2) ---- */

static void test_listener_rst_of_no_entry_is_ignored(void **state)
{
    static const uint8_t with[] = {0, TFSM_ACK, TFSM_SYN, TFSM_SYN | TFSM_ACK, TFSM_FIN};
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    for (size_t i = 0; i < LENGTH(with); i++) {
        struct tfsm_packet k = packet_of(h, &p, (uint8_t)(TFSM_RST | with[i]), p.irs, 99, 5);
        taken(h, &k);
        assert_int_equal(count_of(h, TFSM_COUNT_RST_UNEXPECTED), i + 1);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 0);
    assert_int_equal(h->l.entry_count, 0);
    quiet(h);
}

static void test_listener_ack_of_no_entry_is_reset(void **state)
{
    static const uint8_t with[] = {0, TFSM_SYN, TFSM_FIN, TFSM_PSH, TFSM_URG | TFSM_FIN};
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    for (size_t i = 0; i < LENGTH(with); i++) {
        struct tfsm_packet k =
            packet_of(h, &p, (uint8_t)(TFSM_ACK | with[i]), p.irs + 1, 0xdead0000u, 5);
        answered_by_reset(h, &k);
        assert_int_equal(count_of(h, TFSM_COUNT_ACK_UNEXPECTED), i + 1);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 0);
    assert_int_equal(h->l.entry_count, 0);
}

static void test_listener_other_of_no_entry_is_ignored(void **state)
{
    static const uint8_t flags[] = {0, TFSM_FIN, TFSM_URG, TFSM_PSH | TFSM_FIN, TFSM_ECE};
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    for (size_t i = 0; i < LENGTH(flags); i++) {
        struct tfsm_packet k = packet_of(h, &p, flags[i], p.irs, 5, 10);
        taken(h, &k);
        assert_int_equal(count_of(h, TFSM_COUNT_OTHER), i + 1);
    }
    assert_int_equal(h->l.entry_count, 0);
}

/* TFSM_E_INVALID: SEG.LEN shorter than SYN and FIN, or more text than a packet holds. */
static void test_listener_segment_with_unsound_len(void **state)
{
    static const struct {
        uint8_t flags;
        uint32_t len;
    } unsound[] = {
        {TFSM_SYN, 0},
        {TFSM_SYN | TFSM_FIN, 1},
        {TFSM_SYN | TFSM_FIN, 0},
        {TFSM_FIN | TFSM_ACK, 0},
        {TFSM_SYN, 0x20000},
        {TFSM_ACK, 0x20000},
        {TFSM_ACK, UINT32_MAX},
        {TFSM_SYN, UINT32_MAX},
        {TFSM_RST, UINT32_MAX},
    };
    for (int half = 0; half < 2; half++) {
        struct house *h = a_house(state, 4, 4);
        struct peer p = peer_of(h, 0);
        if (half) {
            (void)half_open(h, &p);
        }
        for (size_t i = 0; i < LENGTH(unsound); i++) {
            struct tfsm_packet k =
                packet_of(h, &p, unsound[i].flags, seq_add(p.irs, 1), seq_add(p.iss, 1), 0);
            k.segment.len = unsound[i].len;
            uint64_t counters[TFSM_LISTENER_COUNTS];
            memcpy(counters, h->l.counters, sizeof counters);
            assert_int_equal(send_packet(h, &k), TFSM_ARRIVAL_INVALID);
            assert_false(h->arrival.answers);
            assert_memory_equal(counters, h->l.counters, sizeof counters);
            assert_int_equal(holds(h, &p), half != 0);
            quiet(h);
        }
        walls_stand(h);
    }
}

/* ---- the third segment ---- */

static void test_listener_third_makes_a_connection(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
    assert_false(h->arrival.answers);
    assert_int_equal(h->arrival.effects.signals, TFSM_SIG_CONNECTED);
    assert_int_equal(h->tcb.state, TFSM_ESTABLISHED);
    assert_int_equal(h->tcb.iss, p.iss);
    assert_int_equal(h->tcb.snd_una, p.iss + 1);
    assert_int_equal(h->tcb.snd_wnd, PEER_WND);
    assert_int_equal(h->tcb.snd_mss, PEER_MSS);
    assert_false(holds(h, &p));
    assert_int_equal(h->l.entry_count, 0);
    assert_int_equal(count_of(h, TFSM_COUNT_ESTABLISHED), 1);
    quiet(h);
    accepted(h, 1000);
    assert_int_equal(count_of(h, TFSM_COUNT_ACCEPTED), 1);
    none_waits(h);
    assert_int_equal(tfsm_listener_deadline(&h->l), TFSM_NEVER);
}

static void test_listener_third_with_text_is_delivered(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    const struct tfsm_packet third = third_of(h, &p, 333);
    connects(h, &third);
    assert_int_equal(h->arrival.effects.delivered, 333);
    assert_int_equal(h->arrival.effects.text_count, 1);
    assert_int_equal(h->arrival.effects.text[0].offset, 0);
    assert_int_equal(h->arrival.effects.text[0].at, 0);
    assert_int_equal(h->arrival.effects.text[0].len, 333);
    assert_int_equal(h->tcb.rcv_nxt, p.irs + 334);
    assert_int_equal(h->tcb.rcv_user, 333);
}

static void test_listener_third_with_fin(void **state)
{
    static const uint32_t text[] = {0, 50};
    for (size_t i = 0; i < LENGTH(text); i++) {
        struct house *h = a_house(state, 4, 4);
        struct peer p = peer_of(h, 0);
        (void)half_open(h, &p);
        const struct tfsm_packet third =
            packet_of(h, &p, TFSM_ACK | TFSM_FIN, p.irs + 1, p.iss + 1, text[i]);
        connects(h, &third);
        assert_int_equal(h->tcb.state, TFSM_CLOSE_WAIT);
        assert_int_equal(h->arrival.effects.signals, TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED);
        assert_int_equal(h->arrival.effects.delivered, text[i]);
        assert_int_equal(h->tcb.rcv_nxt, p.irs + 2 + text[i]);
    }
}

/* An ACK that is not of our SYN is reset, and the entry stays (RFC 9293 3.10.7.4). */
static void test_listener_third_with_a_bad_ack_is_reset(void **state)
{
    static const uint8_t flags[] = {TFSM_ACK, TFSM_ACK | TFSM_FIN, TFSM_ACK | TFSM_PSH};
    static const uint32_t off[] = {0, UINT32_MAX, 0xfffffff0u}; /* SEG.ACK - ISS */
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    h->cfg.profile &= ~(uint32_t)TFSM_RFC5961; /* whose lower bound is answered by an ACK */
    (void)half_open(h, &p);
    const struct tfsm_tcb before = behind(h, &p);
    for (size_t i = 0; i < LENGTH(flags); i++) {
        for (size_t j = 0; j < LENGTH(off); j++) {
            const struct tfsm_packet k =
                packet_of(h, &p, flags[i], p.irs + 1, seq_add(p.iss, off[j]), i == 2 ? 10 : 0);
            answered_by_reset(h, &k);
            const struct tfsm_tcb now = behind(h, &p);
            assert_memory_equal(&now, &before, sizeof now);
        }
        const struct tfsm_packet ahead = packet_of(h, &p, flags[i], p.irs + 1, p.iss + 2, 0);
        answered_by_reset(h, &ahead);
    }
    quiet(h);
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
}

/* RFC5961:5.2 MAY-12: SND.UNA itself is within the bounds, so it is the state that refuses it. */
static void test_listener_third_acknowledging_nothing_is_reset_with_rfc5961(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    assert_true(h->cfg.profile & TFSM_RFC5961);
    (void)half_open(h, &p);
    const struct tfsm_packet k = packet_of(h, &p, TFSM_ACK, p.irs + 1, p.iss, 0);
    answered_by_reset(h, &k);
    assert_true(holds(h, &p));
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
}

/* What is not acceptable is acknowledged: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>. */
static void test_listener_third_outside_the_window_is_acknowledged(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    const uint16_t wnd = half_open(h, &p).segment.wnd;
    /* an ACK alone is taken at the right edge itself: same_only_an_ack_is_taken_at_the_right_edge() */
    const uint32_t seqs[] = {p.irs, p.irs - 1000, p.irs + 2 + wnd, p.irs + 0x70000000u};
    for (size_t i = 0; i < LENGTH(seqs); i++) {
        struct tfsm_packet k = packet_of(h, &p, TFSM_ACK, seqs[i], p.iss + 1, 0);
        taken(h, &k);
        assert_true(holds(h, &p));
        const struct tfsm_packet reply = drawn(h, &p);
        assert_int_equal(reply.segment.flags, TFSM_ACK);
        assert_int_equal(reply.segment.seq, p.iss + 1);
        assert_int_equal(reply.segment.ack, p.irs + 1);
        quiet(h);
    }
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
}

static void test_listener_third_without_ack_is_dropped(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    const struct tfsm_packet k = packet_of(h, &p, TFSM_PSH, p.irs + 1, p.iss + 1, 10);
    taken(h, &k);
    quiet(h);
    assert_true(holds(h, &p));
    assert_int_equal(count_of(h, TFSM_COUNT_OTHER), 0);
}

/* ---- RST, SYN in the window, ICMP ---- */

/* RFC5961:3.2 */
static void test_listener_rst_exact_removes_its_entry_only(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p[3];
    for (uint32_t i = 0; i < 3; i++) {
        p[i] = peer_of(h, i);
        p[i].irs = 1000;
        (void)half_open(h, &p[i]);
    }
    const struct tfsm_packet rst = packet_of(h, &p[1], TFSM_RST, 1001, 0, 0);
    taken(h, &rst);
    assert_true(holds(h, &p[0]));
    assert_false(holds(h, &p[1]));
    assert_true(holds(h, &p[2]));
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_RESET), 1);
    assert_int_equal(h->l.entry_count, 2);
    quiet(h);
    const struct tfsm_packet third = third_of(h, &p[1], 0);
    answered_by_reset(h, &third);
}

/* RFC5961:3.2: challenged within the window, silence outside. */
static void test_listener_rst_elsewhere_removes_nothing(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    const uint16_t wnd = half_open(h, &p).segment.wnd;
    const uint32_t inside[] = {p.irs + 2, p.irs + wnd};
    const uint32_t outside[] = {p.irs, p.irs + 1 + wnd, p.irs + 0x80000000u};
    for (size_t i = 0; i < LENGTH(inside); i++) {
        const struct tfsm_packet rst = packet_of(h, &p, TFSM_RST, inside[i], 0, 0);
        taken(h, &rst);
        assert_true(holds(h, &p));
        const struct tfsm_packet reply = drawn(h, &p);
        assert_int_equal(reply.segment.flags, TFSM_ACK);
        assert_int_equal(reply.segment.seq, p.iss + 1);
        assert_int_equal(reply.segment.ack, p.irs + 1);
        quiet(h);
    }
    for (size_t i = 0; i < LENGTH(outside); i++) {
        const struct tfsm_packet rst = packet_of(h, &p, TFSM_RST, outside[i], 0, 0);
        taken(h, &rst);
        assert_true(holds(h, &p));
        quiet(h);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_RESET), 0);
    assert_int_equal(count_of(h, TFSM_COUNT_RST_UNEXPECTED), 0);
}

/* RFC5961:7: the limiter of an entry is its own. */
static void test_listener_challenges_are_limited_for_each_entry(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p[2] = {peer_of(h, 0), peer_of(h, 1)};
    h->cfg.challenge_limit = 3;
    h->cfg.challenge_every = 5 * SECOND;
    for (int i = 0; i < 2; i++) {
        (void)half_open(h, &p[i]);
    }
    for (int i = 0; i < 2; i++) {
        unsigned replies = 0;
        for (int n = 0; n < 10; n++) {
            const struct tfsm_packet rst = packet_of(h, &p[i], TFSM_RST, p[i].irs + 5, 0, 0);
            struct tfsm_packet k;
            taken(h, &rst);
            while (draw(h, &k)) {
                assert_true(goes_to(&k, &p[i]));
                replies++;
            }
        }
        assert_int_equal(replies, 3);
    }
}

/* RFC9293:3.10.7.4 fourth: passive, so back to LISTEN. */
static void test_listener_syn_in_the_window_removes_the_entry(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    const struct tfsm_packet syn = packet_of(h, &p, TFSM_SYN, p.irs + 1, 0, 0);
    taken(h, &syn);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_SYN), 1);
    assert_false(holds(h, &p));
}

static void test_listener_icmp_hard_removes_the_entry(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p[2] = {peer_of(h, 0), peer_of(h, 1)};
    (void)half_open(h, &p[0]);
    (void)half_open(h, &p[1]);
    assert_true(icmp(h, &p[0], TFSM_ICMP_HARD, p[0].iss));
    assert_false(holds(h, &p[0]));
    assert_true(holds(h, &p[1]));
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_UNREACHABLE), 1);
    quiet(h);
}

/* RFC5927:4.1: the number quoted must be of what is in flight, SND.UNA =< SEG.SEQ < SND.NXT. */
static void test_listener_icmp_hard_of_another_number_removes_nothing(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    const struct tfsm_tcb before = behind(h, &p);
    const uint32_t seqs[] = {p.iss + 1, p.iss - 1, p.iss + 0x80000000u, p.irs};
    for (size_t i = 0; i < LENGTH(seqs); i++) {
        (void)icmp(h, &p, TFSM_ICMP_HARD, seqs[i]);
        const struct tfsm_tcb now = behind(h, &p);
        assert_memory_equal(&now, &before, sizeof now);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_UNREACHABLE), 0);
}

/* RFC9293:MUST-56, RFC9293:MUST-55 */
static void test_listener_icmp_soft_or_ignored_removes_nothing(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    assert_true(icmp(h, &p, TFSM_ICMP_SOFT, p.iss));
    assert_true(icmp(h, &p, TFSM_ICMP_IGNORE, p.iss));
    assert_true(holds(h, &p));
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
}

static void test_listener_icmp_of_no_entry_is_not_ours(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    struct peer q = peer_of(h, 1);
    assert_false(icmp(h, &p, TFSM_ICMP_HARD, 0));
    (void)half_open(h, &p);
    assert_false(icmp(h, &q, TFSM_ICMP_HARD, p.iss));
    q = p;
    q.port++;
    assert_false(icmp(h, &q, TFSM_ICMP_HARD, p.iss));
    q = p;
    q.local.octets[0] ^= 1;
    assert_false(icmp(h, &q, TFSM_ICMP_HARD, p.iss));
    assert_true(holds(h, &p));
}

/* ---- time ---- */

/* RFC9293:MUST-20, RFC9293:MUST-23, RFC6298:5.5: the timeout doubles up to its bound, two minutes
 * here; with 7 retries an entry is tried for more than three minutes. */
static void test_listener_syn_ack_backs_off_and_gives_up(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    h->cfg.syn_retries = 1; /* of our own SYNs */
    const tfsm_time start = h->now;
    const struct tfsm_packet first = half_open(h, &p);
    tfsm_time at = start;
    for (unsigned i = 0; i < 7; i++) {
        at += SECOND << i;
        assert_int_equal(tfsm_listener_deadline(&h->l), at);
        h->now = at - 1;
        assert_false(time_passes(h));
        quiet(h);
        h->now = at;
        assert_true(time_passes(h));
        assert_false(time_passes(h));
        assert_true(holds(h, &p));
        const struct tfsm_packet again = syn_ack_drawn(h, &p);
        assert_int_equal(again.segment.seq, p.iss);
        assert_int_equal(again.segment.wnd, first.segment.wnd);
        quiet(h);
    }
    assert_int_equal(tfsm_listener_deadline(&h->l), start + 247 * SECOND);
    h->now = start + 247 * SECOND - 1;
    assert_false(time_passes(h));
    h->now++;
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_TIMED_OUT), 0);
    assert_true(time_passes(h));
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_TIMED_OUT), 1);
    assert_false(holds(h, &p));
    quiet(h);
    assert_int_equal(tfsm_listener_deadline(&h->l), TFSM_NEVER);
}

/* RFC4987:3.3 */
static void test_listener_syn_ack_retries_are_the_policy_s(void **state)
{
    static const uint8_t retries[] = {0, 1, 3, 7};
    for (size_t i = 0; i < LENGTH(retries); i++) {
        struct house *h = &house;
        house_build(h, family_of(state), 4, 4);
        h->from.policy.cookies = TFSM_COOKIES_NEVER;
        h->from.policy.syn_ack_retries = retries[i];
        house_open(h);
        h->cfg.rto_max = 1000 * SECOND;
        struct peer p = peer_of(h, 0);
        const tfsm_time start = h->now;
        (void)half_open(h, &p);
        unsigned sent = 0;
        while (holds(h, &p)) {
            struct tfsm_packet k;
            h->now = tfsm_listener_deadline(&h->l);
            assert_true(time_passes(h));
            while (draw(h, &k)) {
                sent++;
            }
        }
        assert_int_equal(sent, retries[i]);
        assert_int_equal(h->now - start, (SECOND << (retries[i] + 1)) - SECOND);
    }
}

static void test_listener_third_after_retransmission(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    for (int i = 0; i < 5; i++) {
        h->now = tfsm_listener_deadline(&h->l);
        assert_true(time_passes(h));
        (void)syn_ack_drawn(h, &p);
    }
    h->now += 31 * SECOND;
    const struct tfsm_packet third = third_of(h, &p, 0);
    connects(h, &third);
    assert_int_equal(tfsm_listener_deadline(&h->l), TFSM_NEVER);
}

/* The entry that is due first comes first, whatever the order of the SYNs. */
static void test_listener_timeouts_come_in_order(void **state)
{
    struct house *h = a_house(state, 20, 4);
    struct peer p[20];
    tfsm_time due[20];
    for (uint32_t i = 0; i < 20; i++) { /* due backwards: the later SYN, the shorter timeout */
        p[i] = peer_of(h, i);
        h->cfg.rto_initial = (60 - 2 * i) * SECOND;
        h->now += 1000;
        due[i] = h->now + h->cfg.rto_initial;
        (void)half_open(h, &p[i]);
        assert_int_equal(tfsm_listener_deadline(&h->l), due[i]);
    }
    for (uint32_t i = 20; i-- > 0;) {
        assert_int_equal(tfsm_listener_deadline(&h->l), due[i]);
        h->now = due[i];
        assert_true(time_passes(h));
        assert_false(time_passes(h));
        (void)syn_ack_drawn(h, &p[i]);
        const struct tfsm_packet rst = packet_of(h, &p[i], TFSM_RST, p[i].irs + 1, 0, 0);
        taken(h, &rst);
    }
    assert_int_equal(tfsm_listener_deadline(&h->l), TFSM_NEVER);
}

/* ---- no room ---- */

static void test_listener_queue_full_drops(void **state)
{
    struct house *h = a_house(state, 3, 4);
    struct peer p[5];
    for (uint32_t i = 0; i < 5; i++) {
        p[i] = peer_of(h, i);
    }
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(tfsm_listener_has_room(&h->l));
        (void)half_open(h, &p[i]);
    }
    assert_false(tfsm_listener_has_room(&h->l));
    for (uint32_t i = 3; i < 5; i++) {
        const struct tfsm_packet syn = syn_of(h, &p[i]);
        taken(h, &syn);
        assert_false(holds(h, &p[i]));
        quiet(h);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 5);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY), 3);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN_QUEUE_FULL), 2);
    for (uint32_t i = 0; i < 3; i++) {
        const struct tfsm_packet third = third_of(h, &p[i], 0);
        connects(h, &third);
    }
    assert_true(tfsm_listener_has_room(&h->l));
    (void)half_open(h, &p[4]);
    walls_stand(h);
}

/* RFC4987:3.4 */
static void test_listener_queue_full_recycles_the_oldest(void **state)
{
    struct house *h = a_house(state, 3, 4);
    struct peer p[12];
    h->l.policy.recycle = true;
    for (uint32_t i = 0; i < 12; i++) {
        h->now += 1000;
        assert_true(tfsm_listener_has_room(&h->l));
        p[i] = peer_of(h, i);
        (void)half_open(h, &p[i]);
        for (uint32_t j = 0; j <= i; j++) {
            assert_int_equal(holds(h, &p[j]), j + 3 > i);
        }
    }
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY), 12);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_RECYCLED), 9);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN_QUEUE_FULL), 0);
    quiet(h);
    const struct tfsm_packet third = third_of(h, &p[10], 0);
    connects(h, &third);
    walls_stand(h);
}

/* What is oldest goes by SYNs, not by what came last. And what it owed is owed no more. */
static void test_listener_recycle_goes_by_the_first_syn(void **state)
{
    struct house *h = a_house(state, 2, 4);
    struct peer p[3] = {peer_of(h, 0), peer_of(h, 1), peer_of(h, 2)};
    struct tfsm_packet syn;
    h->l.policy.recycle = true;
    syn = syn_of(h, &p[0]);
    taken(h, &syn);
    h->now += 1000;
    syn = syn_of(h, &p[1]);
    taken(h, &syn);
    h->now += 1000;
    syn = syn_of(h, &p[0]);
    taken(h, &syn);
    h->now += 1000;
    syn = syn_of(h, &p[2]);
    taken(h, &syn);
    assert_false(holds(h, &p[0]));
    (void)syn_ack_drawn(h, &p[1]);
    (void)syn_ack_drawn(h, &p[2]);
    quiet(h);
}

static void test_listener_accept_full_drops_syns(void **state)
{
    struct house *h = a_house(state, 8, 2);
    struct peer p[4];
    for (uint32_t i = 0; i < 4; i++) {
        p[i] = peer_of(h, i);
    }
    for (uint32_t i = 0; i < 2; i++) {
        (void)half_open(h, &p[i]);
        const struct tfsm_packet third = third_of(h, &p[i], 0);
        connects(h, &third);
    }
    const struct tfsm_packet syn = syn_of(h, &p[2]);
    assert_false(tfsm_listener_has_room(&h->l));
    taken(h, &syn);
    assert_false(holds(h, &p[2]));
    quiet(h);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN_ACCEPT_FULL), 1);
    accepted(h, 1000);
    assert_true(tfsm_listener_has_room(&h->l));
    (void)half_open(h, &p[2]);
}

static void full_house(void **state, struct house **h, struct peer *late, enum tfsm_overflow how)
{
    *h = a_house(state, 8, 1);
    (*h)->l.policy.overflow = (uint8_t)how;
    struct peer p = peer_of(*h, 0);
    *late = peer_of(*h, 1);
    (void)half_open(*h, &p);
    (void)half_open(*h, late);
    const struct tfsm_packet third = third_of(*h, &p, 0);
    connects(*h, &third);
}

static void test_listener_accept_full_drops_the_third_segment(void **state)
{
    struct house *h;
    struct peer p;
    full_house(state, &h, &p, TFSM_OVERFLOW_DROP);
    const struct tfsm_tcb before = behind(h, &p);
    const struct tfsm_packet third = third_of(h, &p, 10);
    taken(h, &third);
    taken(h, &third);
    const struct tfsm_tcb now = behind(h, &p);
    assert_memory_equal(&now, &before, sizeof now);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_ACCEPT_FULL), 2);
    quiet(h);
    accepted(h, 1000);
    connects(h, &third);
    assert_int_equal(h->arrival.effects.delivered, 10);
    accepted(h, 1001);
}

/* The SYN-ACK comes again meanwhile. */
static void test_listener_accept_full_the_syn_ack_comes_again(void **state)
{
    struct house *h;
    struct peer p;
    full_house(state, &h, &p, TFSM_OVERFLOW_DROP);
    const tfsm_time due = tfsm_listener_deadline(&h->l);
    const struct tfsm_packet third = third_of(h, &p, 0);
    h->now += 1000;
    taken(h, &third);
    assert_int_equal(tfsm_listener_deadline(&h->l), due);
    h->now = due;
    assert_true(time_passes(h));
    assert_int_equal(syn_ack_drawn(h, &p).segment.seq, p.iss);
}

static void test_listener_accept_full_resets_by_policy(void **state)
{
    struct house *h;
    struct peer p;
    full_house(state, &h, &p, TFSM_OVERFLOW_RESET);
    const struct tfsm_packet third = third_of(h, &p, 10);
    answered_by_reset(h, &third);
    assert_false(holds(h, &p));
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_ACCEPT_FULL), 1);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_OVERFLOW), 1);
    quiet(h);
}

/* A bad third segment is none, and does not fill anything. */
static void test_listener_accept_full_does_not_hide_a_bad_ack(void **state)
{
    struct house *h;
    struct peer p;
    full_house(state, &h, &p, TFSM_OVERFLOW_DROP);
    const struct tfsm_packet k = packet_of(h, &p, TFSM_ACK, p.irs + 1, p.iss, 0);
    answered_by_reset(h, &k);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_ACCEPT_FULL), 0);
    const struct tfsm_packet rst = packet_of(h, &p, TFSM_RST, p.irs + 1, 0, 0);
    taken(h, &rst);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_RESET), 1);
}

static void test_listener_no_seat_drops_the_third_segment(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    h->no_seat = true;
    const struct tfsm_tcb before = behind(h, &p);
    const struct tfsm_packet third = third_of(h, &p, 0);
    taken(h, &third);
    const struct tfsm_tcb now = behind(h, &p);
    assert_memory_equal(&now, &before, sizeof now);
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_NO_SEAT), 1);
    h->no_seat = false;
    connects(h, &third);
}

static void test_listener_no_seat_drops_syns(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    const struct tfsm_packet syn = syn_of(h, &p);
    h->no_seat = true;
    taken(h, &syn);
    assert_false(holds(h, &p));
    quiet(h);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN), 1);
    assert_int_equal(count_of(h, TFSM_COUNT_SYN_NO_SEAT), 1);
    h->no_seat = false;
    (void)half_open(h, &p);
}

static void test_listener_no_seat_resets_by_policy(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    h->l.policy.overflow = TFSM_OVERFLOW_RESET;
    (void)half_open(h, &p);
    h->no_seat = true;
    const struct tfsm_packet third = third_of(h, &p, 0);
    answered_by_reset(h, &third);
    assert_false(holds(h, &p));
    assert_int_equal(count_of(h, TFSM_COUNT_ACK_NO_SEAT), 1);
}

/* ---- accepting, closing ---- */

static void test_listener_accept_is_first_in_first_out(void **state)
{
    struct house *h = a_house(state, 8, 5);
    uint64_t next = 1000;
    uint32_t n = 0;
    for (unsigned round = 0; round < 20; round++) {
        const unsigned in = 1 + round % 5; /* as many out: the ring turns by other numbers */
        for (unsigned i = 0; i < in; i++) {
            struct peer p = peer_of(h, n++);
            (void)half_open(h, &p);
            const struct tfsm_packet third = third_of(h, &p, 0);
            connects(h, &third);
        }
        for (unsigned i = 0; i < in; i++) {
            accepted(h, next++);
        }
        none_waits(h);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_ACCEPTED), n);
    walls_stand(h);
}

static void test_listener_accept_keeps_order_across_the_wrap(void **state)
{
    struct house *h = a_house(state, 8, 3);
    uint64_t next = 1000;
    for (uint32_t n = 0; n < 30; n++) { /* never empty */
        struct peer p = peer_of(h, n);
        (void)half_open(h, &p);
        const struct tfsm_packet third = third_of(h, &p, 0);
        connects(h, &third);
        if (n >= 2) {
            accepted(h, next++);
        }
    }
    accepted(h, next++);
    accepted(h, next++);
    none_waits(h);
    walls_stand(h);
}

/* RFC9293:3.10.5: <SEQ=SND.NXT><CTL=RST> for each. */
static void test_listener_close_resets_every_entry(void **state)
{
    struct house *h = a_house(state, 20, 4);
    struct peer p[20];
    bool told[20] = {false};
    for (uint32_t i = 0; i < 20; i++) {
        p[i] = peer_of(h, i);
        (void)half_open(h, &p[i]);
    }
    struct peer through = p[7];
    const struct tfsm_packet third = third_of(h, &through, 0);
    connects(h, &third);
    tfsm_listener_close(&h->l);
    books_balance(h);
    struct tfsm_packet k;
    while (draw(h, &k)) {
        assert_int_equal(k.segment.flags & ~TFSM_ACK, TFSM_RST);
        uint32_t i = 0;
        while (i < 20 && !goes_to(&k, &p[i])) {
            i++;
        }
        assert_true(i < 20 && i != 7 && !told[i]);
        assert_int_equal(k.segment.seq, p[i].iss + 1);
        assert_int_equal(k.segment.len, 0);
        told[i] = true;
    }
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(told[i], i != 7);
    }
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_CLOSED), 19);
    const struct tfsm_packet late = syn_of(h, &p[3]);
    assert_int_equal(send_packet(h, &late), TFSM_ARRIVAL_INVALID);
    quiet(h);
    assert_int_equal(h->l.entry_count, 0);
    assert_int_equal(tfsm_listener_deadline(&h->l), TFSM_NEVER);
    accepted(h, 1000);
    none_waits(h);
    walls_stand(h);
}

/* Once it closes nothing touches an entry but the RST it owes: no time, no ICMP error. */
static void test_listener_close_then_time_and_icmp(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p = peer_of(h, 0);
    (void)half_open(h, &p);
    tfsm_listener_close(&h->l);
    books_balance(h);
    assert_int_equal(tfsm_listener_deadline(&h->l), TFSM_NEVER);
    assert_false(tfsm_listener_has_room(&h->l));
    h->now += 1000 * SECOND;
    assert_false(tfsm_listener_timeout(&h->l, &h->cfg, h->now, &h->fx));
    for (unsigned hard = 0; hard < 2; hard++) {
        const struct tfsm_icmp_message message = {.meaning = hard ? TFSM_ICMP_HARD : TFSM_ICMP_SOFT,
                                                  .local = p.local,
                                                  .remote = p.address,
                                                  .local_port = PORT,
                                                  .remote_port = p.port,
                                                  .seq = p.iss};
        assert_false(tfsm_listener_icmp(&h->l, &h->cfg, &message, h->now, &h->fx));
    }
    struct tfsm_packet rst;
    assert_true(draw(h, &rst));
    assert_int_equal(rst.segment.flags, TFSM_RST);
    assert_int_equal(rst.segment.seq, p.iss + 1);
    assert_false(draw(h, &rst));
    assert_int_equal(h->l.entry_count, 0);
}

/* Who begins anew with another listener is not told: the RST might be for the new connection. */
static void test_listener_close_forgets_who_begins_anew(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p[2] = {peer_of(h, 0), peer_of(h, 1)};
    (void)half_open(h, &p[0]);
    (void)half_open(h, &p[1]);
    const struct tfsm_packet again = syn_of(h, &p[0]);
    assert_false(tfsm_listener_forget(&h->l, &again));
    assert_int_equal(h->l.entry_count, 2);
    tfsm_listener_close(&h->l);
    assert_true(tfsm_listener_forget(&h->l, &again));
    assert_false(tfsm_listener_forget(&h->l, &again));
    books_balance(h);
    struct tfsm_packet k;
    assert_true(draw(h, &k));
    assert_true(goes_to(&k, &p[1]));
    assert_false(draw(h, &k));
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_CLOSED), 2);
    walls_stand(h);
}

static void test_listener_close_of_an_empty_one(void **state)
{
    struct house *h = a_house(state, 4, 4);
    tfsm_listener_close(&h->l);
    quiet(h);
    none_waits(h);
    assert_int_equal(tfsm_listener_deadline(&h->l), TFSM_NEVER);
}

/* Entries whose SYN-ACK is still owed, and ones whose SYN-ACK is owed again. */
static void test_listener_close_with_syn_acks_owed(void **state)
{
    struct house *h = a_house(state, 4, 4);
    struct peer p[2] = {peer_of(h, 0), peer_of(h, 1)};
    (void)half_open(h, &p[0]);
    h->now = tfsm_listener_deadline(&h->l);
    assert_true(time_passes(h));
    const struct tfsm_packet syn = syn_of(h, &p[1]);
    taken(h, &syn);
    p[1].iss = behind(h, &p[1]).iss;
    tfsm_listener_close(&h->l);
    struct tfsm_packet k;
    unsigned told = 0;
    while (draw(h, &k)) {
        assert_true(k.segment.flags & TFSM_RST);
        told++;
    }
    assert_int_equal(told, 2);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_CLOSED), 2);
}

/* ---- who is who ---- */

/* Tuples that differ in one thing only are different connections. */
static void test_listener_tuples_are_never_confused(void **state)
{
    (void)state;
    struct house *h = &house;
    struct peer p[64];
    uint32_t n = 0;
    house_with(h, 4, ENTRIES_ROOM, WAITING_ROOM, TFSM_COOKIES_NEVER);
    struct peer v4 = {.address = {4, {1, 2, 3, 4}}, .local = {4, {5, 6, 7, 8}}, .port = 1000};
    struct peer v6 = {.address = {6, {1, 2, 3, 4}}, .local = {6, {5, 6, 7, 8}}, .port = 1000};
    struct peer mapped = {.address = {6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4}},
                          .local = {6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 5, 6, 7, 8}},
                          .port = 1000};
    struct peer swapped = {.address = v4.local, .local = v4.address, .port = 1000};
    const struct peer basic[] = {v4, v6, mapped, swapped};
    for (size_t i = 0; i < LENGTH(basic); i++) {
        p[n++] = basic[i];
    }
    for (size_t i = 0; i < 4; i++) {
        p[n] = v4;
        p[n++].address.octets[i] ^= 0x80;
        p[n] = v4;
        p[n++].local.octets[i] ^= 1;
    }
    for (size_t i = 0; i < 16; i++) {
        p[n] = v6;
        p[n++].address.octets[i] ^= 1;
        p[n] = v6;
        p[n++].local.octets[i] ^= 0x80;
    }
    for (unsigned bit = 0; bit < 16; bit++) {
        p[n] = bit % 2 ? v4 : v6;
        p[n].port = (uint16_t)(p[n].port ^ 1u << bit);
        n++;
    }
    assert_true(n <= LENGTH(p));
    for (uint32_t i = 0; i < n; i++) {
        p[i].irs = 100; /* all the same, so that only the tuple tells */
        (void)half_open(h, &p[i]);
        assert_int_equal(h->l.entry_count, i + 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(behind(h, &p[i]).iss, p[i].iss);
        struct peer wrong = p[i];
        wrong.iss = p[(i + 1) % n].iss;
        const struct tfsm_packet k = third_of(h, &wrong, 0);
        assert_int_equal(send_packet(h, &k), TFSM_ARRIVAL_TAKEN);
        struct tfsm_packet out;
        while (draw(h, &out)) {
            assert_true(goes_to(&out, &p[i]));
        }
        assert_true(holds(h, &p[i]));
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct tfsm_packet third = third_of(h, &p[i], 0);
        connects(h, &third);
        assert_int_equal(h->tcb.iss, p[i].iss);
        assert_int_equal(h->l.entry_count, n - i - 1);
    }
    walls_stand(h);
}

#define BUCKETS 256u
#define CLIENTS 4096u /* 16 for every bucket, by chance some 30 in one */

/* Clients that differ in their port alone, or in their address alone. */
static void homes_of(const struct house *h, bool ports, uint32_t homes[CLIENTS])
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        struct peer p = peer_of(h, ports ? 0 : i);
        p.port = (uint16_t)(ports ? 1024 + i : 40000);
        const struct tfsm_ends ends = {&p.local, &p.address, p.port, 0};
        homes[i] = tfsm_entry_home(&h->l, &ends);
        assert_in_range(homes[i], 0, BUCKETS - 1);
    }
}

/* RFC4987:3.5: no bucket is long, and which clients share one nobody can tell who does not know
 * the secret. */
static void test_listener_queue_is_evenly_hashed(void **state)
{
    static uint32_t homes[2][CLIENTS];
    for (unsigned ports = 0; ports < 2; ports++) {
        for (uint8_t secret = 0; secret < 2; secret++) {
            struct house *h = &house;
            house_build(h, family_of(state), BUCKETS, 4);
            h->from.secret[15] ^= secret;
            house_open(h);
            homes_of(h, ports == 1, homes[secret]);
            unsigned longest = 0;
            unsigned in[BUCKETS] = {0};
            for (uint32_t i = 0; i < CLIENTS; i++) {
                longest = ++in[homes[secret][i]] > longest ? in[homes[secret][i]] : longest;
            }
            assert_in_range(longest, CLIENTS / BUCKETS, 60);
        }
        unsigned same = 0;
        for (uint32_t i = 0; i < CLIENTS; i++) {
            same += homes[0][i] == homes[1][i];
        }
        assert_in_range(same, 0, 60); /* 16 by chance */
    }
}

/* RFC4987:3.5: thousands come and go in every order; entries are used again, and never more than there
 * are. */
static void test_listener_queue_is_bounded(void **state)
{
    struct house *h = a_house(state, 50, WAITING_ROOM);
    static struct peer p[200];
    bool in[200] = {false};
    uint32_t count = 0;
    uint32_t random = 12345;
    for (uint32_t i = 0; i < 200; i++) {
        p[i] = peer_of(h, i);
    }
    for (uint32_t step = 0; step < 20000; step++) {
        random = (uint32_t)((uint64_t)random * 48271 % 2147483647);
        const uint32_t i = random % 200;
        struct tfsm_packet k = syn_of(h, &p[i]);
        h->now += 100;
        if (!in[i]) {
            const bool room = count < 50;
            taken(h, &k);
            in[i] = room;
            count += room;
            if (room) {
                p[i].iss = syn_ack_drawn(h, &p[i]).segment.seq;
            }
        } else if (random % 3 == 0) {
            k = packet_of(h, &p[i], TFSM_RST, p[i].irs + 1, 0, 0);
            taken(h, &k);
            in[i] = false;
            count--;
        } else {
            uint64_t id;
            k = third_of(h, &p[i], 0);
            connects(h, &k);
            assert_true(tfsm_listener_accept(&h->l, &id));
            assert_int_equal(id, h->id - 1);
            in[i] = false;
            count--;
        }
        assert_int_equal(h->l.entry_count, count);
        assert_int_equal(holds(h, &p[i]), in[i]);
        quiet(h);
    }
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(holds(h, &p[i]), in[i]);
    }
    walls_stand(h);
}

/* Four entries, and every walk over them led round in a circle. */
static struct house *a_house_in_circles(void **state, struct peer p[4])
{
    struct house *h = a_house(state, 4, WAITING_ROOM);
    struct tfsm_packet out;
    for (uint32_t i = 0; i < 4; i++) {
        p[i] = peer_of(h, i);
        struct tfsm_packet k = syn_of(h, &p[i]);
        taken(h, &k);
        assert_true(draw(h, &out));
    }
    for (uint32_t i = 0; i < 4; i++) {
        struct tfsm_entry *entry = &h->entries[1 + i];
        entry->bucket = 1;
        entry->chain = i + 1;
        entry->newer = i + 1;
    }
    return h;
}

/* Every walk ends by itself, and not by the links being right. */
static void test_listener_links_in_a_circle_end(void **state)
{
    struct peer p[4];
    struct tfsm_packet out;
    struct tfsm_arrival arrival;
    alarm(10); /* else this hangs */
    struct house *h = a_house_in_circles(state, p);
    assert_non_null(tfsm_listener_check(&h->l, &h->cfg));
    out = syn_of(h, &p[1]);
    assert_false(tfsm_listener_holds(&h->l, &out));
    tfsm_listener_close(&h->l);

    h = a_house_in_circles(state, p); /* the entry that ends is not in its chain */
    h->l.policy.cookies = TFSM_COOKIES_NEVER;
    h->l.policy.recycle = true;
    h->entries[1].bucket = 2;
    h->entries[2].bucket = 2;
    h->entries[3].bucket = 2;
    h->entries[4].bucket = 2;
    struct peer stranger = peer_of(h, 99);
    const struct tfsm_seat seat = {.tcb = &h->tcb, .id = 1};
    out = syn_of(h, &stranger);
    tfsm_listener_segment(&h->l, &h->cfg, &out, h->now, &seat, NULL, &arrival);
    assert_int_equal(count_of(h, TFSM_COUNT_ENTRY_RECYCLED), 1);

    h = a_house_in_circles(state, p); /* who has nothing to say stays in line */
    h->l.line_first = 1;
    h->l.line_last = 1;
    h->entries[1].after = 1;
    assert_false(tfsm_listener_output(&h->l, &h->cfg, h->now, &out));
    alarm(0);
}

/* ---- an entry and a bare TCB ---- */

#define PEERS 6

struct twin {
    struct peer p;
    struct tfsm_tcb bare;
};

static uint64_t seed;
static uint64_t event_number;
static struct twin twins[PEERS];

static uint32_t draw_random(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25 & UINT64_MAX;
    seed ^= seed >> 27;
    return (uint32_t)(seed >> 16);
}

static uint32_t below(uint32_t n)
{
    return draw_random() % n;
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

#define ONE_OF(...)                                                                                \
    ((const uint32_t[]){__VA_ARGS__})[below((uint32_t)LENGTH(((const uint32_t[]){__VA_ARGS__})))]

static void listen_again(struct twin *t, struct house *h)
{
    const struct tfsm_event open = {
        .kind = TFSM_EV_OPEN, .now = h->now, .security = h->from.security};
    struct tfsm_effects fx;
    memset(&t->bare, 0, sizeof t->bare);
    assert_int_equal(tfsm_step(&t->bare, &h->cfg, &open, &fx), TFSM_DONE);
    assert_int_equal(t->bare.state, TFSM_LISTEN);
}

static void same_tcbs(const struct tfsm_tcb *left, const struct tfsm_tcb *right, const char *when)
{
    const uint8_t *a = (const uint8_t *)left;
    const uint8_t *b = (const uint8_t *)right;
    for (size_t i = 0; i < sizeof *left; i++) {
        if (a[i] != b[i]) {
            fail_msg("event %llu, %s: octet %zu of the TCB is %u, and %u of the bare one",
                     (unsigned long long)event_number, when, i, a[i], b[i]);
        }
    }
}

#define SAME(field) assert_int_equal(a->field, b->field)

static void same_segments(const struct tfsm_segment *a, const struct tfsm_segment *b)
{
    SAME(flags);
    SAME(seq);
    SAME(ack);
    SAME(len);
    SAME(wnd);
    SAME(up);
    SAME(security);
    SAME(options);
    SAME(ecn);
    SAME(text_offset);
    SAME(rule);
    if (a->options & TFSM_OPT_WSCALE) {
        SAME(wscale);
    }
    if (a->options & TFSM_OPT_MSS) {
        SAME(mss);
    }
    if (a->options & TFSM_OPT_USER_TIMEOUT) {
        SAME(user_timeout);
    }
    if (a->options & TFSM_OPT_TIMESTAMPS) {
        SAME(ts_val);
        SAME(ts_ecr);
    }
}

static void same_effects(const struct tfsm_effects *a, const struct tfsm_effects *b)
{
    SAME(signals);
    SAME(verdict);
    SAME(text_count);
    SAME(rule);
    SAME(delivered);
    SAME(acknowledged);
    SAME(taken);
    SAME(iss_after);
    for (size_t i = 0; i < a->text_count; i++) {
        SAME(text[i].offset);
        SAME(text[i].at);
        SAME(text[i].len);
    }
}

/* What is half open is so on both sides, and looks the same. */
static void twins_agree(struct house *h, struct twin *t, const char *when)
{
    const struct tfsm_packet k = packet_of(h, &t->p, TFSM_RST, 0, 0, 0);
    struct tfsm_tcb tcb;
    const bool held = tfsm_listener_peek(&h->l, &h->cfg, &k, h->now, &tcb);
    if (held != (t->bare.state == TFSM_SYN_RECEIVED)) {
        fail_msg("event %llu, %s: the entry %s, the bare TCB is in %s",
                 (unsigned long long)event_number, when, held ? "is there" : "is not there",
                 tfsm_state_name((enum tfsm_state)t->bare.state));
    }
    if (held) {
        assert_int_equal(tfsm_check(&tcb), TFSM_OK);
    } else {
        assert_int_equal(tcb.state, TFSM_LISTEN);
    }
    same_tcbs(&tcb, &t->bare, when);
}

static void all_agree(struct house *h, const char *when)
{
    tfsm_time due = TFSM_NEVER;
    bool owes = false;
    for (size_t i = 0; i < PEERS; i++) {
        twins_agree(h, &twins[i], when);
        const tfsm_time at = tfsm_deadline(&twins[i].bare);
        due = at < due ? at : due;
        owes = owes || twins[i].bare.owed != 0;
    }
    assert_int_equal(tfsm_listener_deadline(&h->l), due);
    assert_int_equal(tfsm_listener_owes(&h->l), owes);
}

static uint32_t near_number(uint32_t of)
{
    return seq_add(of, ONE_OF(0, 0, 0, 1, 2, 1000, 5000, 0x7fffffff, 0x80000000, 0xffffffff,
                              0xfffff000, draw_random()));
}

static void random_options(struct tfsm_segment *s, const struct tfsm_tcb *bare)
{
    s->options = (uint8_t)(draw_random() &
                           (TFSM_OPT_MSS | TFSM_OPT_WSCALE | TFSM_OPT_TIMESTAMPS |
                            TFSM_OPT_SACK_PERMITTED | TFSM_OPT_SACK | TFSM_OPT_USER_TIMEOUT));
    if (!(s->flags & TFSM_SYN)) {
        s->options &= (uint8_t) ~(TFSM_OPT_SACK_PERMITTED | TFSM_OPT_MSS | TFSM_OPT_WSCALE);
    }
    s->mss = (uint16_t)ONE_OF(0, 1, 64, 536, 1000, 1460, 9000, 65535);
    s->wscale = (uint8_t)below(15);
    s->user_timeout = (uint16_t)draw_random();
    s->ts_val = near_number(bare->ts_recent);
    s->ts_ecr = near_number(bare->ts_offset);
    s->ecn = (uint8_t)below(4);
    s->wnd = (uint16_t)ONE_OF(0, 1, 1000, PEER_WND, 65535);
    s->up = (uint16_t)ONE_OF(0, 1, 500, 65535);
    if (s->options & TFSM_OPT_SACK) {
        s->sacks = (uint8_t)(1 + below(TFSM_SACK_MAX));
        for (size_t i = 0; i < s->sacks; i++) {
            s->sack[i].left = near_number(bare->snd_una);
            s->sack[i].right = near_number(bare->snd_nxt);
        }
    }
}

static struct tfsm_packet random_packet(const struct house *h, const struct twin *t)
{
    const struct tfsm_tcb *b = &t->bare;
    const bool half = b->state == TFSM_SYN_RECEIVED;
    const uint32_t text = one_in(4) ? ONE_OF(1, 10, 1000, 5000) : 0;
    struct tfsm_packet k = packet_of(h, &t->p, TFSM_SYN, draw_random(), 0, 0);
    switch (below(half ? 16 : 6)) {
    case 0: /* anything */
        k = packet_of(h, &t->p, (uint8_t)draw_random(), near_number(b->rcv_nxt),
                      near_number(b->snd_nxt), text);
        break;
    case 1:
        k = packet_of(h, &t->p, (uint8_t)(TFSM_SYN | ONE_OF(TFSM_FIN, TFSM_URG, TFSM_PSH, 0)),
                      draw_random(), draw_random(), text);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        if (half) { /* the SYN again */
            k = packet_of(h, &t->p, TFSM_SYN, b->irs, 0, one_in(6) ? text : 0);
        } else if (one_in(2)) {
            k.segment.flags |= TFSM_ECE | TFSM_CWR;
        }
        break;
    case 6: /* the third segment */
        k = packet_of(h, &t->p, (uint8_t)(TFSM_ACK | ONE_OF(0, 0, TFSM_FIN, TFSM_PSH, TFSM_URG)),
                      seq_add(b->rcv_nxt, ONE_OF(0, 0, 0, 100)), seq_add(b->iss, 1), text);
        break;
    case 7:
    case 8:
    case 9: /* one with a bad ACK */
        k = packet_of(h, &t->p, TFSM_ACK, near_number(b->rcv_nxt), near_number(b->iss), text);
        break;
    case 10:
    case 11:
    case 12:
    case 13: /* RST beside RCV.NXT */
        k = packet_of(h, &t->p, TFSM_RST,
                      seq_add(b->rcv_nxt, ONE_OF(1, 2, b->rcv_wnd, 0xffffffff, 70000)), 0, 0);
        break;
    case 14:
        k = packet_of(h, &t->p, (uint8_t)(TFSM_RST | ONE_OF(0, TFSM_ACK)), b->rcv_nxt, b->snd_nxt,
                      0);
        break;
    default: /* outside, or in the window ahead */
        k = packet_of(h, &t->p, TFSM_ACK, near_number(b->rcv_nxt), seq_add(b->iss, 1), text);
        break;
    }
    random_options(&k.segment, b);
    if (one_in(40)) {
        k.segment.security ^= 1;
    }
    return k;
}

/* The segment for the bare TCB: of a SYN that makes an entry, the SYN alone. */
static struct tfsm_segment stripped(const struct house *h, const struct tfsm_packet *k)
{
    struct tfsm_segment s = k->segment;
    if ((s.flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == TFSM_SYN &&
        s.security == h->from.security) {
        s.flags &= (uint8_t) ~(TFSM_FIN | TFSM_PSH | TFSM_URG);
        s.len = 1;
    }
    return s;
}

static void segment_to_both(struct house *h, struct twin *t)
{
    const struct tfsm_packet k = random_packet(h, t);
    const enum tfsm_arrival_kind kind = send_packet(h, &k);
    struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT, .now = h->now, .segment = k.segment};
    if (t->bare.state == TFSM_LISTEN) {
        struct tfsm_tcb tcb;
        ev.segment = stripped(h, &k);
        (void)tfsm_listener_peek(&h->l, &h->cfg, &k, h->now, &tcb);
        ev.iss = tcb.iss;
        ev.ts_offset =
            tfsm_timestamp_offset(h->from.isn_key, &t->p.local, PORT, &t->p.address, t->p.port);
        t->p.irs = k.segment.seq;
    }
    struct tfsm_effects fx;
    assert_int_equal(tfsm_step(&t->bare, &h->cfg, &ev, &fx), TFSM_DONE);
    same_effects(&h->arrival.effects, &fx);
    assert_int_equal(h->arrival.answers, (t->bare.owed & TFSM_OWE_RST) != 0);
    if (h->arrival.answers) {
        struct tfsm_segment rst;
        assert_true(tfsm_output(&t->bare, &h->cfg, h->now, &rst));
        same_segments(&h->arrival.answer.segment, &rst);
    }
    assert_int_equal(kind == TFSM_ARRIVAL_CONNECTION, t->bare.state > TFSM_SYN_RECEIVED);
    if (kind == TFSM_ARRIVAL_CONNECTION) {
        same_tcbs(&h->tcb, &t->bare, "connection");
        accepted(h, h->id - 1);
        listen_again(t, h);
    } else if (t->bare.state == TFSM_CLOSED) {
        listen_again(t, h);
    }
}

static void icmp_to_both(struct house *h, struct twin *t)
{
    const struct tfsm_icmp_message m = {
        .meaning = (enum tfsm_icmp)(one_in(3) ? below(TFSM_ICMPS) : TFSM_ICMP_SOFT),
        .local = t->p.local,
        .remote = t->p.address,
        .local_port = PORT,
        .remote_port = t->p.port,
        .seq = near_number(t->bare.iss),
        .mss = (uint16_t)ONE_OF(0, 1, 64, 500, 1400, 65535)};
    const bool half = t->bare.state == TFSM_SYN_RECEIVED;
    assert_int_equal(tfsm_listener_icmp(&h->l, &h->cfg, &m, h->now, &h->fx), half);
    books_balance(h);
    if (!half) {
        return;
    }
    struct tfsm_event ev = {.kind = TFSM_EV_ICMP, .now = h->now, .icmp = m.meaning, .mss = m.mss};
    struct tfsm_effects fx;
    ev.segment.seq = m.seq;
    assert_int_equal(tfsm_step(&t->bare, &h->cfg, &ev, &fx), TFSM_DONE);
    same_effects(&h->fx, &fx);
    if (t->bare.state != TFSM_SYN_RECEIVED) {
        listen_again(t, h);
    }
}

/* One of those that are due first, for the listener chooses among equals. */
static void timeout_to_both(struct house *h)
{
    while (time_passes(h)) {
        tfsm_time due = TFSM_NEVER;
        size_t equals = 0;
        for (size_t i = 0; i < PEERS; i++) {
            const tfsm_time at = tfsm_deadline(&twins[i].bare);
            equals = at < due ? 1 : equals + (at == due);
            due = at < due ? at : due;
        }
        assert_true(due <= h->now);
        for (size_t i = 0; i < PEERS; i++) {
            struct twin *t = &twins[i];
            const tfsm_time at = tfsm_deadline(&t->bare);
            if (at != due) {
                continue;
            }
            struct tfsm_tcb after = t->bare;
            struct tfsm_effects fx;
            const struct tfsm_event ev = {.kind = TFSM_EV_TIMEOUT, .now = h->now};
            assert_int_equal(tfsm_step(&after, &h->cfg, &ev, &fx), TFSM_DONE);
            const struct tfsm_packet k = packet_of(h, &t->p, TFSM_RST, 0, 0, 0);
            struct tfsm_tcb now;
            const bool held = tfsm_listener_peek(&h->l, &h->cfg, &k, h->now, &now);
            if (equals > 1 &&
                (held ? memcmp(&now, &after, sizeof now) != 0 : after.state == TFSM_SYN_RECEIVED)) {
                equals--;
                continue; /* it was another of them */
            }
            same_effects(&h->fx, &fx);
            t->bare = after;
            if (after.state != TFSM_SYN_RECEIVED) {
                listen_again(t, h);
            }
            break;
        }
    }
}

static void output_to_both(struct house *h, uint32_t most)
{
    for (uint32_t n = 0; n < most; n++) {
        struct tfsm_packet k;
        if (!draw(h, &k)) {
            for (size_t i = 0; i < PEERS; i++) {
                struct tfsm_segment none;
                assert_false(tfsm_output(&twins[i].bare, &h->cfg, h->now, &none));
            }
            return;
        }
        size_t i = 0;
        while (i < PEERS && !goes_to(&k, &twins[i].p)) {
            i++;
        }
        assert_true(i < PEERS);
        struct tfsm_segment s;
        assert_true(tfsm_output(&twins[i].bare, &h->cfg, h->now, &s));
        same_segments(&k.segment, &s);
    }
}

static void random_profile(struct house *h)
{
    h->cfg.profile = draw_random() & 0xfff;
    h->cfg.rcv_buff = ONE_OF(0, 1, 500, 65535, 65536, 1000000, TFSM_BUFF_MAX);
}

static void random_config(struct house *h)
{
    random_profile(h);
    h->cfg.snd_buff = ONE_OF(0, 1000, 100000);
    h->cfg.mss = (uint16_t)ONE_OF(1, 64, 536, 1460, 65535);
    h->cfg.mss_floor = (uint16_t)ONE_OF(1, 64, 536);
    h->cfg.r1 = (uint8_t)below(4);
    h->cfg.initial_window = (uint8_t)ONE_OF(0, 0, 1, 10);
    h->cfg.challenge_limit = (uint8_t)below(5);
    h->cfg.challenge_every = ONE_OF(1, 100000, 5000000);
    h->cfg.rto_initial = ONE_OF(200000, 1000000, 3000000);
    h->cfg.rto_max = ONE_OF(1000000, 60000000, 120000000);
    h->cfg.user_timeout = ONE_OF(0, 0, 5000000, 30000000);
    h->cfg.uto_advertised = ONE_OF(0, 60000000, 4000000000);
    h->cfg.uto_least = ONE_OF(0, 1000000, 100000000);
    h->cfg.uto_most = ONE_OF(1000000, 100000000, 4000000000);
    h->cfg.ack_delay = ONE_OF(0, 40000);
    h->cfg.keepalive_idle = ONE_OF(0, 1000000);
}

static void twin_round(struct house *h, uint8_t family, uint32_t events, bool vary)
{
    house_build(h, family, PEERS, 3);
    h->from.policy.cookies = TFSM_COOKIES_NEVER;
    h->from.policy.syn_ack_retries = (uint8_t)below(7);
    h->from.security = (uint8_t)below(2);
    h->now = ((tfsm_time)draw_random() << below(20)) + 1;
    random_config(h);
    h->cfg.syn_retries = h->from.policy.syn_ack_retries;
    house_open(h);
    for (uint32_t i = 0; i < PEERS; i++) {
        twins[i].p = peer_of(h, i);
        listen_again(&twins[i], h);
    }
    for (uint32_t e = 0; e < events; e++, event_number++) {
        struct twin *t = &twins[below(PEERS)];
        const char *when = "segment";
        switch (below(12)) {
        case 0:
            icmp_to_both(h, t);
            when = "ICMP";
            break;
        case 1: {
            const tfsm_time due = tfsm_listener_deadline(&h->l);
            if (due != TFSM_NEVER && due > h->now) {
                h->now = due - one_in(3) + (one_in(3) ? below(100000) : 0);
            }
            timeout_to_both(h);
            when = "TIMEOUT";
            break;
        }
        case 2:
        case 3:
            h->now += ONE_OF(0, 1, 1000, 50000, 400000);
            timeout_to_both(h);
            when = "TIMEOUT";
            break;
        case 4:
        case 5:
            output_to_both(h, ONE_OF(1, 2, 100));
            when = "output";
            break;
        default:
            segment_to_both(h, t);
            break;
        }
        if (vary && one_in(20)) {
            random_profile(h);
        }
        twins_agree(h, t, when);
        if (e % 8 == 0) {
            all_agree(h, when);
        }
    }
    all_agree(h, "end");
    walls_stand(h);
}

#define TWIN_ROUNDS 500u
#define TWIN_EVENTS 300u

static void twin_rounds(uint8_t family, bool vary)
{
    uint64_t met[TFSM_LISTENER_COUNTS] = {0};
    event_number = 0;
    seed = UINT64_C(0x9293987012345679) + family;
    for (uint32_t round = 0; round < TWIN_ROUNDS; round++) {
        twin_round(&house, family, TWIN_EVENTS, vary);
        for (size_t i = 0; i < TFSM_LISTENER_COUNTS; i++) {
            met[i] += house.l.counters[i];
        }
    }
    static const enum tfsm_listener_counter must[] = {
        TFSM_COUNT_ENTRY,           TFSM_COUNT_ESTABLISHED,       TFSM_COUNT_ENTRY_RESET,
        TFSM_COUNT_ENTRY_TIMED_OUT, TFSM_COUNT_ENTRY_UNREACHABLE, TFSM_COUNT_ENTRY_SYN,
        TFSM_COUNT_SYN_REFUSED,     TFSM_COUNT_ACK_UNEXPECTED};
    for (size_t i = 0; i < LENGTH(must); i++) {
        assert_true(met[must[i]] > 100); /* or the events were too dull */
    }
}

/* RFC4987:3.5: the rules of SYN-RECEIVED are those of the one table. */
static void test_listener_entry_is_a_tcb_in_syn_received(void **state)
{
    twin_rounds(family_of(state), false);
}

/* And stay so when the embedder changes its mind about profile and buffer. */
static void test_listener_entry_is_a_tcb_when_the_policy_changes(void **state)
{
    twin_rounds(family_of(state), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_listener_open_bad_arguments),
        BOTH(test_listener_open_least),
        cmocka_unit_test(test_listener_policy_default_is_as_told),
        cmocka_unit_test(test_listener_counter_names_are_told),
        BOTH(test_listener_syn_makes_an_entry),
        BOTH(test_listener_syn_at_the_end_of_sequence_space),
        BOTH(test_listener_syn_with_text_or_fin_only_syn_acknowledged),
        BOTH(test_listener_syn_again_has_the_same_isn),
        BOTH(test_listener_syn_again_with_text_is_no_other_syn),
        BOTH(test_listener_syn_again_before_the_answer),
        BOTH(test_listener_entries_answer_at_once),
        BOTH(test_listener_timers_do_not_answer_at_once),
        BOTH(test_listener_answer_at_once_is_the_reset),
        BOTH(test_listener_syn_later_has_a_later_isn),
        BOTH(test_listener_syn_iss_after),
        BOTH(test_listener_syn_with_another_label_is_reset),
        BOTH(test_listener_third_with_another_label_is_reset),
        BOTH(test_listener_rst_of_no_entry_is_ignored),
        BOTH(test_listener_ack_of_no_entry_is_reset),
        BOTH(test_listener_other_of_no_entry_is_ignored),
        BOTH(test_listener_segment_between_families),
        BOTH(test_listener_segment_with_unsound_len),
        BOTH(test_listener_third_makes_a_connection),
        BOTH(test_listener_third_with_text_is_delivered),
        BOTH(test_listener_third_with_fin),
        BOTH(test_listener_third_with_a_bad_ack_is_reset),
        BOTH(test_listener_third_acknowledging_nothing_is_reset_with_rfc5961),
        BOTH(test_listener_third_outside_the_window_is_acknowledged),
        BOTH(test_listener_third_without_ack_is_dropped),
        BOTH(test_listener_rst_exact_removes_its_entry_only),
        BOTH(test_listener_rst_elsewhere_removes_nothing),
        BOTH(test_listener_challenges_are_limited_for_each_entry),
        BOTH(test_listener_syn_in_the_window_removes_the_entry),
        BOTH(test_listener_icmp_hard_removes_the_entry),
        BOTH(test_listener_icmp_hard_of_another_number_removes_nothing),
        BOTH(test_listener_icmp_soft_or_ignored_removes_nothing),
        BOTH(test_listener_icmp_of_no_entry_is_not_ours),
        BOTH(test_listener_syn_ack_backs_off_and_gives_up),
        BOTH(test_listener_syn_ack_retries_are_the_policy_s),
        BOTH(test_listener_third_after_retransmission),
        BOTH(test_listener_timeouts_come_in_order),
        BOTH(test_listener_queue_full_drops),
        BOTH(test_listener_queue_full_recycles_the_oldest),
        BOTH(test_listener_recycle_goes_by_the_first_syn),
        BOTH(test_listener_accept_full_drops_syns),
        BOTH(test_listener_accept_full_drops_the_third_segment),
        BOTH(test_listener_accept_full_the_syn_ack_comes_again),
        BOTH(test_listener_accept_full_resets_by_policy),
        BOTH(test_listener_accept_full_does_not_hide_a_bad_ack),
        BOTH(test_listener_no_seat_drops_the_third_segment),
        BOTH(test_listener_no_seat_drops_syns),
        BOTH(test_listener_no_seat_resets_by_policy),
        BOTH(test_listener_accept_is_first_in_first_out),
        BOTH(test_listener_accept_keeps_order_across_the_wrap),
        BOTH(test_listener_close_resets_every_entry),
        BOTH(test_listener_close_then_time_and_icmp),
        BOTH(test_listener_close_forgets_who_begins_anew),
        BOTH(test_listener_close_of_an_empty_one),
        BOTH(test_listener_close_with_syn_acks_owed),
        cmocka_unit_test(test_listener_tuples_are_never_confused),
        BOTH(test_listener_queue_is_evenly_hashed),
        BOTH(test_listener_queue_is_bounded),
        BOTH(test_listener_links_in_a_circle_end),
        BOTH(test_listener_entry_is_a_tcb_in_syn_received),
        BOTH(test_listener_entry_is_a_tcb_when_the_policy_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
