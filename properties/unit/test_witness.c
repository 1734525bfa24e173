/* The witness, clause by clause: what raises a charge, and what explains the same away. The subject's numbers begin at 1000, the
 * peer's at 5000; a packet is a millisecond after the one before, unless time is let pass. */
#include "fixture.h"
#include "witness.h"

#include <stdlib.h>
#include <string.h>

#define OURS  1000u
#define PEERS 5000u

struct scene {
    struct witness_court court;
    struct witness *witness;
    unsigned raised[WITNESS_CLAUSES];
    struct witness_charge last;
    tfsm_time now;
    uint64_t number;
    unsigned known;
    uint8_t reserved;
    uint8_t options[40];
    unsigned option_octets;
    uint8_t text[4000];
    uint8_t say_options; /* of every segment but SYNs */
    uint32_t ts_val[2];
    uint32_t ts_ecr[2];
    struct tfsm_range sack;
};

static void note_charge(void *user, const struct witness_charge *charge)
{
    struct scene *s = user;
    s->raised[charge->clause]++;
    s->last = *charge;
}

static int begin(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->court = (struct witness_court){.charge = note_charge, .text_most = 1u << 20};
    s->witness = witness_new(&s->court, s);
    assert_non_null(s->witness);
    s->known = WITNESS_WHOLE | WITNESS_CHECKED | WITNESS_SOUND;
    for (unsigned i = 0; i < sizeof s->text; i++) {
        s->text[i] = (uint8_t)(i * 7);
    }
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;
    witness_free(s->witness);
    free(s);
    return 0;
}

/* Another connection, of which nothing was seen yet. */
static struct scene *anew(void **state)
{
    end(state);
    begin(state);
    return *state;
}

static void pass(struct scene *s, tfsm_time milliseconds)
{
    s->now += milliseconds * 1000;
}

/* A segment as it stands. */
static void show(struct scene *s, bool sent, struct tfsm_segment segment)
{
    uint32_t text =
        segment.len - ((segment.flags & TFSM_SYN) != 0) - ((segment.flags & TFSM_FIN) != 0);
    uint32_t from = sent ? segment.seq + ((segment.flags & TFSM_SYN) != 0) - OURS : 0;
    s->now += 1000;
    struct witness_packet packet = {.number = ++s->number,
                                    .at = s->now,
                                    .segment = &segment,
                                    .known = s->known,
                                    .reserved = s->reserved,
                                    .family = 4,
                                    .options = s->options,
                                    .option_octets = s->option_octets,
                                    .text = s->text + from % 1000,
                                    .text_octets = text < 1000 ? text : 1000};
    witness_packet(s->witness, sent, &packet);
}

static void say(struct scene *s, bool sent, uint8_t flags, uint32_t seq, uint32_t ack,
                uint32_t text)
{
    uint32_t mine = sent ? OURS : PEERS;
    uint32_t other = sent ? PEERS : OURS;
    struct tfsm_segment segment = {.flags = flags,
                                   .seq = mine + seq,
                                   .len =
                                       text + ((flags & TFSM_SYN) != 0) + ((flags & TFSM_FIN) != 0),
                                   .wnd = 10000};
    if ((flags & TFSM_ACK) != 0) {
        segment.ack = other + ack;
    }
    segment.options = s->say_options;
    if ((segment.options & TFSM_OPT_TIMESTAMPS) != 0) {
        segment.ts_val = s->ts_val[sent];
        segment.ts_ecr = s->ts_ecr[sent];
    }
    if ((segment.options & TFSM_OPT_SACK) != 0) {
        segment.sacks = 1;
        segment.sack[0] = s->sack;
    }
    show(s, sent, segment);
}

static void subject(struct scene *s, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t text)
{
    say(s, true, flags, seq, ack, text);
}

static void peer(struct scene *s, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t text)
{
    say(s, false, flags, seq, ack, text);
}

/* Both SYNs, each with its options; the subject is the client. */
static void shake_hands(struct scene *s, uint8_t ours, uint8_t peers)
{
    const uint16_t mss = 1000;
    struct tfsm_segment syn = {.flags = TFSM_SYN,
                               .seq = OURS,
                               .len = 1,
                               .wnd = 10000,
                               .options = ours,
                               .mss = mss,
                               .wscale = 2,
                               .ts_val = 100};
    struct tfsm_segment answer = {.flags = TFSM_SYN | TFSM_ACK,
                                  .seq = PEERS,
                                  .ack = OURS + 1,
                                  .len = 1,
                                  .wnd = 10000,
                                  .options = peers,
                                  .mss = mss,
                                  .wscale = 2,
                                  .ts_val = 900,
                                  .ts_ecr = 100};
    show(s, true, syn);
    show(s, false, answer);
    if ((ours & peers & TFSM_OPT_TIMESTAMPS) != 0) {
        s->say_options = TFSM_OPT_TIMESTAMPS;
        s->ts_val[1] = 101;
        s->ts_ecr[1] = 900;
        s->ts_val[0] = 901;
        s->ts_ecr[0] = 101;
    }
    subject(s, TFSM_ACK, 1, 1, 0);
}

/* What is raised is this clause, and nothing else at its level. */
static void assert_only(const struct scene *s, enum witness_clause clause)
{
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        bool same = witness_level((enum witness_clause)i) <= witness_level(clause);
        if (i == clause) {
            assert_true(s->raised[i] > 0);
        } else if (same && s->raised[i] > 0) {
            fail_msg("%s is raised, too", witness_name((enum witness_clause)i));
        }
    }
}

static void assert_nothing(const struct scene *s)
{
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        if (s->raised[i] > 0) {
            fail_msg("%s is raised", witness_name((enum witness_clause)i));
        }
    }
}

static void set_options(struct scene *s, const uint8_t *octets, unsigned n)
{
    memcpy(s->options, octets, n);
    s->option_octets = n;
}

#define OPTIONS(s, ...)                                                                            \
    do {                                                                                           \
        const uint8_t octets_[] = {__VA_ARGS__};                                                   \
        set_options(s, octets_, sizeof octets_);                                                   \
    } while (0)

/* ---- each segment alone ---- */

static void test_witness_ordinary_connection_is_not_charged(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS | TFSM_OPT_WSCALE, TFSM_OPT_MSS | TFSM_OPT_WSCALE);
    subject(s, TFSM_ACK | TFSM_PSH, 1, 1, 500);
    peer(s, TFSM_ACK, 1, 501, 0);
    peer(s, TFSM_ACK | TFSM_PSH, 1, 501, 700);
    subject(s, TFSM_ACK, 501, 701, 0);
    subject(s, TFSM_ACK | TFSM_FIN, 501, 701, 0);
    peer(s, TFSM_ACK | TFSM_FIN, 701, 502, 0);
    subject(s, TFSM_ACK, 502, 702, 0);
    assert_nothing(s);
}

static void test_witness_checksum_wrong_each_time(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->known = WITNESS_WHOLE | WITNESS_WRONG;
    subject(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 1, 1, 100);
    assert_nothing(s); /* it may be damaged */
    subject(s, TFSM_ACK, 1, 1, 100);
    assert_only(s, WITNESS_CHECKSUM);
}

static void test_witness_checksum_wrong_everywhere(void **state)
{
    struct scene *s = *state;
    s->known = WITNESS_WHOLE | WITNESS_WRONG;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (unsigned i = 0; i < 4; i++) {
        subject(s, TFSM_ACK, 1, 1, 100);
    }
    assert_nothing(s); /* whoever made this capture wrote new addresses and no checksums */
}

static void test_witness_reserved_bits(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->reserved = 1; /* AE of accurate ECN */
    subject(s, TFSM_ACK, 1, 1, 0);
    assert_nothing(s);
    s->reserved = 4;
    subject(s, TFSM_ACK, 1, 1, 0);
    assert_only(s, WITNESS_RESERVED);
}

static void test_witness_option_lengths(void **state)
{
    static const struct {
        enum witness_clause clause;
        unsigned n;
        uint8_t octets[8];
    } cases[] = {
        {WITNESS_OPTION_LENGTH, 4, {77, 0, 1, 1}},
        {WITNESS_OPTION_LENGTH, 4, {1, 1, 1, 77}},
        {WITNESS_OPTION_LENGTH, 4, {77, 40, 0, 0}},
        {WITNESS_OPTION_PADDING, 4, {1, 0, 0, 9}},
        {WITNESS_MSS_PLACE, 4, {2, 4, 5, 180}},
        {WITNESS_SACK_PERMITTED_PLACE, 4, {4, 2, 1, 1}},
        {WITNESS_SACK_SIZE, 8, {5, 7, 1, 1, 1, 1, 1, 1}},
        {WITNESS_TIMESTAMPS_SIZE, 8, {8, 6, 0, 0, 0, 0, 1, 1}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *s = anew(state);
        shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
        OPTIONS(s, 1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0);
        subject(s, TFSM_ACK, 1, 1, 0);
        assert_nothing(s);
        set_options(s, cases[i].octets, cases[i].n);
        subject(s, TFSM_ACK, 1, 1, 0);
        assert_only(s, cases[i].clause);
    }
}

static void test_witness_options_of_a_syn(void **state)
{
    static const struct {
        enum witness_clause clause;
        uint8_t octets[4];
    } cases[] = {
        {WITNESS_MSS_SIZE, {2, 3, 5, 1}},
        {WITNESS_WSCALE_SIZE, {3, 4, 5, 1}},
        {WITNESS_WSCALE_SHIFT, {3, 3, 15, 1}},
        {WITNESS_SACK_PERMITTED_SIZE, {4, 3, 0, 1}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *s = anew(state);
        set_options(s, cases[i].octets, 4);
        subject(s, TFSM_SYN, 0, 0, 0);
        assert_only(s, cases[i].clause);
    }
}

static void test_witness_flags(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_PSH, 1, 0, 10);
    assert_only(s, WITNESS_NO_ACK);
}

/* ---- what was agreed ---- */

static void test_witness_syn_ack_offers_unasked(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment answer = {.flags = TFSM_SYN | TFSM_ACK,
                                  .seq = OURS,
                                  .ack = PEERS + 1,
                                  .len = 1,
                                  .wnd = 1000,
                                  .options = TFSM_OPT_WSCALE};
    peer(s, TFSM_SYN, 0, 0, 0);
    show(s, true, answer);
    assert_only(s, WITNESS_WSCALE_UNASKED);
}

static void test_witness_timestamps_missing(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    s->say_options = 0;
    subject(s, TFSM_RST | TFSM_ACK, 1, 1, 0);
    assert_nothing(s); /* a RST may go without */
    subject(s, TFSM_ACK, 1, 1, 10);
    assert_only(s, WITNESS_TIMESTAMPS_MISSING);
}

static void test_witness_sack_not_permitted(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_SACK_PERMITTED, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 101, 1, 100);
    s->say_options = TFSM_OPT_SACK;
    s->sack = (struct tfsm_range){PEERS + 101, PEERS + 201};
    subject(s, TFSM_ACK, 1, 1, 0);
    assert_only(s, WITNESS_SACK_NOT_PERMITTED);
}

static void test_witness_mss_exceeded(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 1000);
    s->known = WITNESS_WHOLE | WITNESS_SOUND; /* a card is still to cut it up */
    subject(s, TFSM_ACK, 1001, 1, 3000);
    assert_nothing(s);
    s->known |= WITNESS_CHECKED;
    subject(s, TFSM_ACK, 4001, 1, 1001);
    assert_only(s, WITNESS_MSS_EXCEEDED);
}

static void test_witness_syn_ack_number(void **state)
{
    struct scene *s = *state;
    peer(s, TFSM_SYN, 0, 0, 20);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 1, 0);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 21, 0); /* with the text of a Fast Open */
    assert_nothing(s);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 22, 0);
    assert_only(s, WITNESS_SYN_ACK_NUMBER);
}

/* ---- numbers ---- */

static void test_witness_ack_ahead_of_a_fin(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 1, 100);
    subject(s, TFSM_ACK, 1, 102, 0);
    assert_nothing(s);
    subject(s, TFSM_ACK, 1, 103, 0);
    assert_only(s, WITNESS_ACK_AHEAD);
}

static void test_witness_ack_ahead_denied_by_the_peer(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 1, 151, 10);
    assert_nothing(s);             /* the capture may have lost what it acknowledges */
    peer(s, TFSM_ACK, 101, 11, 0); /* whoever knows that sends from 101 */
    assert_only(s, WITNESS_ACK_AHEAD);
}

static void test_witness_ack_ahead_of_what_the_capture_lost(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 1, 151, 0);
    peer(s, TFSM_ACK, 151, 1, 100);
    subject(s, TFSM_ACK, 1, 251, 0);
    peer(s, TFSM_ACK, 251, 1, 100);
    assert_nothing(s);
}

static void test_witness_ack_back(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 1, 101, 0);
    subject(s, TFSM_ACK, 1, 1, 0);
    assert_nothing(s); /* that may have been overtaken */
    subject(s, TFSM_ACK, 1, 51, 10);
    assert_only(s, WITNESS_ACK_BACK);
}

static void test_witness_edge_back(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment ack = {.flags = TFSM_ACK, .seq = OURS + 1, .ack = PEERS + 101, .wnd = 9900};
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 100);
    show(s, true, ack);
    assert_nothing(s);
    ack.ack += 100;
    ack.wnd = 9700;
    peer(s, TFSM_ACK, 101, 1, 100);
    show(s, true, ack);
    assert_only(s, WITNESS_EDGE_BACK);
}

static void test_witness_timestamp_back(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    peer(s, TFSM_ACK, 1, 1, 100);
    s->ts_val[1] = 90;
    subject(s, TFSM_ACK, 1, 101, 0);
    assert_only(s, WITNESS_TSVAL_BACK);
}

static void test_witness_echo_of_nothing(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    s->ts_ecr[1] = 990;
    subject(s, TFSM_ACK, 1, 1, 10);
    assert_nothing(s); /* of a segment that the capture lost */
    peer(s, TFSM_ACK, 1, 11, 100);
    assert_only(s, WITNESS_ECHO_OF_NOTHING);
}

static void test_witness_window_exceeded(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 1000);
    subject(s, TFSM_ACK, 9501, 1, 1000);
    assert_nothing(s); /* a window update may be lost */
    peer(s, TFSM_ACK, 1, 1, 0);
    peer(s, TFSM_ACK, 1, 1, 0);
    peer(s, TFSM_ACK, 1, 1, 0);
    assert_only(s, WITNESS_WINDOW_EXCEEDED);
}

static void test_witness_text_changed(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 51, 1, 100);
    assert_nothing(s);
    s->text[80] ^= 1;
    subject(s, TFSM_ACK, 1, 1, 100);
    assert_only(s, WITNESS_TEXT_CHANGED);
    assert_int_equal(s->last.number[0], 80);
}

static void test_witness_fin(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK | TFSM_FIN, 1, 1, 100);
    subject(s, TFSM_ACK | TFSM_FIN, 1, 1, 100);
    subject(s, TFSM_ACK | TFSM_FIN, 101, 1, 0);
    assert_nothing(s);
    subject(s, TFSM_ACK | TFSM_FIN, 102, 1, 0);
    assert_only(s, WITNESS_FIN_MOVED);
}

static void test_witness_text_after_fin(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK | TFSM_FIN, 1, 1, 100);
    subject(s, TFSM_ACK, 102, 1, 10);
    assert_only(s, WITNESS_TEXT_AFTER_FIN);
}

static void test_witness_sack(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_SACK_PERMITTED, TFSM_OPT_SACK_PERMITTED);
    peer(s, TFSM_ACK, 101, 1, 100);
    s->say_options = TFSM_OPT_SACK;
    s->sack = (struct tfsm_range){PEERS + 101, PEERS + 201};
    subject(s, TFSM_ACK, 1, 1, 0);
    assert_nothing(s);
    s->sack = (struct tfsm_range){PEERS + 201, PEERS + 101};
    subject(s, TFSM_ACK, 1, 1, 0);
    assert_only(s, WITNESS_SACK_BLOCK);
}

static void test_witness_sack_ahead(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_SACK_PERMITTED, TFSM_OPT_SACK_PERMITTED);
    peer(s, TFSM_ACK, 101, 1, 100);
    s->say_options = TFSM_OPT_SACK;
    s->sack = (struct tfsm_range){PEERS + 101, PEERS + 301};
    subject(s, TFSM_ACK, 1, 1, 10);
    assert_nothing(s);
    s->say_options = 0;
    peer(s, TFSM_ACK, 201, 11, 0);
    assert_only(s, WITNESS_SACK_AHEAD);
}

static void test_witness_rst_of_nobody(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment rst = {.flags = TFSM_RST | TFSM_ACK, .ack = PEERS + 1};
    peer(s, TFSM_SYN, 0, 0, 0);
    show(s, true, rst);
    assert_nothing(s);
    rst.ack++;
    show(s, true, rst);
    assert_only(s, WITNESS_RST_ACK);
}

static void test_witness_rst_with_a_number(void **state)
{
    struct scene *s = *state;
    const struct tfsm_segment rst = {.flags = TFSM_RST | TFSM_ACK, .seq = 7, .ack = PEERS + 1};
    peer(s, TFSM_SYN, 0, 0, 0);
    show(s, true, rst);
    assert_only(s, WITNESS_RST_NUMBER);
}

/* ---- duties ---- */

static void test_witness_ack_late(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 100);
    pass(s, 800);
    subject(s, TFSM_ACK, 1, 101, 0);
    assert_nothing(s); /* once, a machine stood still */
    peer(s, TFSM_ACK, 101, 1, 100);
    pass(s, 800);
    subject(s, TFSM_ACK, 1, 201, 0);
    assert_only(s, WITNESS_ACK_LATE);
}

static void test_witness_ack_late_of_text_that_came_twice(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 4; i++) {
        peer(s, TFSM_ACK, 1 + 100 * i, 1, 100);
        pass(s, 700);
        peer(s, TFSM_ACK, 1 + 100 * i, 1, 100);
        subject(s, TFSM_ACK, 1, 101 + 100 * i, 0);
    }
    assert_nothing(s);
}

static void test_witness_text_unanswered(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 5; i++) {
        peer(s, TFSM_ACK, 1, 1, 100);
        pass(s, 300);
    }
    assert_nothing(s); /* it may be dead */
    subject(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 11, 1, 10);
    assert_only(s, WITNESS_TEXT_UNANSWERED);
}

static void test_witness_backoff(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (unsigned i = 0; i < 6; i++) {
        subject(s, TFSM_ACK, 1, 1, 100);
        pass(s, 200u << i);
    }
    assert_nothing(s);
    peer(s, TFSM_ACK, 1, 101, 0);
    for (unsigned i = 0; i < 6; i++) {
        subject(s, TFSM_ACK, 101, 1, 100);
        pass(s, 300);
    }
    assert_only(s, WITNESS_BACKOFF);
}

static void test_witness_not_sent_again(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    pass(s, 130000);
    peer(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 101, 101, 0);
    assert_only(s, WITNESS_NOT_SENT_AGAIN);
}

static void test_witness_no_probe(void **state)
{
    struct scene *s = *state;
    struct tfsm_segment closed = {.flags = TFSM_ACK, .seq = PEERS + 1, .ack = OURS + 101};
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 100);
    show(s, false, closed);
    pass(s, 130000);
    peer(s, TFSM_ACK, 1, 101, 0);
    subject(s, TFSM_ACK, 101, 1, 100);
    assert_only(s, WITNESS_NO_PROBE);
}

static void test_witness_time_wait(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK | TFSM_FIN, 1, 1, 0);
    peer(s, TFSM_ACK, 1, 2, 0);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 2, 0);
    subject(s, TFSM_ACK, 2, 2, 0);
    pass(s, 1000);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 2, 0);
    subject(s, TFSM_ACK, 2, 2, 0);
    assert_nothing(s);
    pass(s, 1000);
    peer(s, TFSM_ACK | TFSM_FIN, 1, 2, 0);
    subject(s, TFSM_RST, 2, 0, 0);
    assert_only(s, WITNESS_TIME_WAIT);
}

/* ---- words ---- */

static void test_witness_words_name_numbers(void **state)
{
    (void)state;
    const struct witness_charge charge = {.clause = WITNESS_ACK_AHEAD, .number = {151, 101}};
    char words[128];
    char few[8];
    witness_words(&charge, words, sizeof words);
    assert_string_equal(words, "it acknowledges 151, and only what is before 101 was sent to it");
    witness_words(&charge, few, sizeof few);
    assert_string_equal(few, "it ackn");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_witness_ordinary_connection_is_not_charged),
        TEST(test_witness_checksum_wrong_each_time),
        TEST(test_witness_checksum_wrong_everywhere),
        TEST(test_witness_reserved_bits),
        TEST(test_witness_option_lengths),
        TEST(test_witness_options_of_a_syn),
        TEST(test_witness_flags),
        TEST(test_witness_syn_ack_offers_unasked),
        TEST(test_witness_timestamps_missing),
        TEST(test_witness_sack_not_permitted),
        TEST(test_witness_mss_exceeded),
        TEST(test_witness_syn_ack_number),
        TEST(test_witness_ack_ahead_of_a_fin),
        TEST(test_witness_ack_ahead_denied_by_the_peer),
        TEST(test_witness_ack_ahead_of_what_the_capture_lost),
        TEST(test_witness_ack_back),
        TEST(test_witness_edge_back),
        TEST(test_witness_timestamp_back),
        TEST(test_witness_echo_of_nothing),
        TEST(test_witness_window_exceeded),
        TEST(test_witness_text_changed),
        TEST(test_witness_fin),
        TEST(test_witness_text_after_fin),
        TEST(test_witness_sack),
        TEST(test_witness_sack_ahead),
        TEST(test_witness_rst_of_nobody),
        TEST(test_witness_rst_with_a_number),
        TEST(test_witness_ack_late),
        TEST(test_witness_ack_late_of_text_that_came_twice),
        TEST(test_witness_text_unanswered),
        TEST(test_witness_backoff),
        TEST(test_witness_not_sent_again),
        TEST(test_witness_no_probe),
        TEST(test_witness_time_wait),
        TEST(test_witness_words_name_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
