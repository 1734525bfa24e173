/* The witness, clause by clause: what segments show by themselves, and their numbers over time; what raises a charge, and what
 * explains the same away. */
#include "witness_scene.h"

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

/* The peer says something, and takes nothing. */
static void let_peer_pass_over(struct scene *s)
{
    unsigned known = s->known;
    s->known = WITNESS_WHOLE | WITNESS_CHECKED | WITNESS_SOUND;
    peer(s, TFSM_ACK, 1, 1, 0);
    s->known = known;
}

static void test_witness_checksum_wrong_each_time(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->known = WITNESS_WHOLE | WITNESS_WRONG;
    subject(s, TFSM_ACK, 1, 1, 100);
    subject(s, TFSM_ACK, 1, 1, 100);
    assert_nothing(s); /* it may be damaged */
    s->now += 3000000;
    subject(s, TFSM_ACK, 1, 1, 100);
    assert_nothing(s); /* the peer may be dead */
    let_peer_pass_over(s);
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

static void test_witness_checksum_always_wrong(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->known = WITNESS_WHOLE | WITNESS_WRONG;
    for (uint32_t i = 0; i < 9; i++) {
        s->error = (uint16_t)(1000 + i * 37); /* by another amount each time */
        s->now += 700000;
        subject(s, TFSM_ACK, 1 + i, 1, 1);
    }
    assert_nothing(s);
    let_peer_pass_over(s);
    s->error = 7;
    subject(s, TFSM_ACK, 1, 1, 10);
    assert_only(s, WITNESS_CHECKSUM);
}

static void test_witness_checksum_wrong_by_as_much(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->known = WITNESS_WHOLE | WITNESS_WRONG;
    s->error = 7;
    for (uint32_t i = 0; i < 3; i++) {
        subject(s, TFSM_ACK, 1 + 10 * i, 1, 10);
    }
    let_peer_pass_over(s);
    subject(s, TFSM_ACK, 31, 1, 10);
    assert_nothing(s); /* the peer has had no time to take them */
    s->now += 6000000;
    subject(s, TFSM_ACK, 31, 1, 10);
    assert_only(s, WITNESS_CHECKSUM);
}

/* The capture shows what a network card was still to put right. */
static void test_witness_checksum_that_the_peer_has_taken(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 20; i++) {
        s->known = WITNESS_WHOLE | WITNESS_WRONG;
        subject(s, TFSM_ACK, 1 + 10 * i, 1, 10);
        s->known = WITNESS_WHOLE | WITNESS_CHECKED | WITNESS_SOUND;
        peer(s, TFSM_ACK, 1, 11 + 10 * i, 0);
    }
    assert_int_equal(s->raised[WITNESS_CHECKSUM], 0);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 40; i++) { /* ACKs alone, and the peer goes on */
        s->known = WITNESS_WHOLE | WITNESS_WRONG;
        s->error = (uint16_t)(i * 5);
        if (i > 8) {
            subject(s, TFSM_ACK, 1, 1 + 10 * i, 0);
        }
        s->known = WITNESS_WHOLE | WITNESS_CHECKED | WITNESS_SOUND;
        peer(s, TFSM_ACK, 1 + 20 * i, 1, 10);
        peer(s, TFSM_ACK, 11 + 20 * i, 1, 10);
    }
    assert_int_equal(s->raised[WITNESS_CHECKSUM], 0);
}

static void test_witness_ect_only_on_new_text(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->ecn = TFSM_ECT_0;
    subject(s, TFSM_ACK, 1, 1, 0);
    assert_only(s, WITNESS_ECT_PLACE);
}

static void test_witness_urgent_pointer(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->up = 20;
    subject(s, TFSM_ACK | TFSM_URG, 1, 1, 10);
    s->up = 10;
    subject(s, TFSM_ACK | TFSM_URG, 11, 1, 10);
    assert_nothing(s);
    s->up = 30;
    subject(s, TFSM_ACK | TFSM_URG, 21, 1, 10);
    s->up = 10;
    subject(s, TFSM_ACK | TFSM_URG, 31, 1, 10);
    assert_only(s, WITNESS_URGENT_BACK);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->up = 10;
    subject(s, TFSM_ACK, 1, 1, 10);
    assert_only(s, WITNESS_URGENT_STRAY);
}

static void test_witness_urgent_text_ends_with_the_text(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->up = 11; /* as if the pointer were behind the last octet of ten, and behind the FIN */
    subject(s, TFSM_ACK | TFSM_URG, 1, 1, 10);
    s->up = 0;
    subject(s, TFSM_ACK | TFSM_FIN, 11, 1, 0);
    assert_nothing(s);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    s->up = 5000;
    subject(s, TFSM_ACK | TFSM_URG, 1, 1, 10);
    s->up = 0;
    subject(s, TFSM_ACK | TFSM_FIN, 11, 1, 0);
    assert_only(s, WITNESS_URGENT_BEYOND);
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
    assert_nothing(s); /* once is a slip of somebody on the way */
    subject(s, TFSM_ACK, 11, 1, 10);
    assert_only(s, WITNESS_TIMESTAMPS_MISSING);
}

/* Who forges segments in the subject's name sits elsewhere: they come another way. */
static void test_witness_segments_of_somebody_else(void **state)
{
    struct scene *s = *state;
    s->ttl = 64;
    shake_hands(s, TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    s->say_options = 0;
    s->ttl = 50;
    for (unsigned i = 0; i < 3; i++) {
        subject(s, TFSM_ACK, 1, 1, 10);
    }
    assert_nothing(s);
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
    for (uint32_t i = 0; i < 5; i++) {
        subject(s, TFSM_ACK, 4001 + 2000 * i, 1, 2000);
    }
    assert_int_equal(s->raised[WITNESS_MSS_EXCEEDED],
                     0); /* nor whose full segments were seen: these are merged */
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_nothing(s);
        subject(s, TFSM_ACK, 1 + 1400 * i, 1, 1400);
    }
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
    assert_nothing(s); /* the capture may have missed a SYN */
    peer(s, TFSM_SYN, 0, 0, 20);
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
    pass(s, 20);                   /* and what comes right after may have been sent before */
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

static void test_witness_timestamp_stands(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    subject(s, TFSM_ACK, 1, 1, 10);
    peer(s, TFSM_ACK, 1, 11, 0);
    s->now += 15000000;
    subject(s, TFSM_ACK, 11, 1, 10);
    assert_nothing(s);
    peer(s, TFSM_ACK, 1, 21, 0);
    s->now += 15000000;
    subject(s, TFSM_ACK, 21, 1, 10);
    assert_only(s, WITNESS_TSVAL_STANDS);
}

static void test_witness_echo_of_nothing(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    s->ts_ecr[1] = 990;
    subject(s, TFSM_ACK, 1, 1, 10);
    assert_nothing(s); /* of a segment that the capture lost */
    peer(s, TFSM_ACK, 1, 1, 100);
    assert_nothing(s); /* or that comes a little later */
    s->now += 300000;
    peer(s, TFSM_ACK, 101, 11, 100);
    assert_only(s, WITNESS_ECHO_OF_NOTHING);
}

static void test_witness_window_exceeded(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    subject(s, TFSM_ACK, 1, 1, 1000);
    subject(s, TFSM_ACK, 9501, 1, 1000);
    assert_nothing(s); /* a window update may be lost */
    for (unsigned i = 0; i < 4; i++) {
        peer(s, TFSM_ACK, 1, 1, 0);
    }
    assert_nothing(s); /* and these may have been sent before it */
    pass(s, 300);
    for (unsigned i = 0; i < 3; i++) {
        peer(s, TFSM_ACK, 1, 1, 0);
    }
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

static void test_witness_sack_of_what_is_next(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_SACK_PERMITTED, TFSM_OPT_SACK_PERMITTED);
    peer(s, TFSM_ACK, 1, 1, 100);
    s->say_options = TFSM_OPT_SACK;
    s->sack = (struct tfsm_range){PEERS + 51, PEERS + 101}; /* came twice */
    subject(s, TFSM_ACK, 1, 101, 0);
    assert_nothing(s);
    s->say_options = 0;
    peer(s, TFSM_ACK, 101, 1, 100);
    s->say_options = TFSM_OPT_SACK;
    s->sack = (struct tfsm_range){PEERS + 101, PEERS + 201};
    subject(s, TFSM_ACK, 1, 101, 0);
    assert_only(s, WITNESS_SACK_OF_NEXT);
}

static void test_witness_syn_ack_that_echoes_nothing(void **state)
{
    struct scene *s = *state;
    const uint8_t options = TFSM_OPT_TIMESTAMPS;
    struct tfsm_segment syn = {
        .flags = TFSM_SYN, .seq = PEERS, .len = 1, .options = options, .ts_val = 7};
    struct tfsm_segment answer = {
        .flags = TFSM_SYN | TFSM_ACK, .seq = OURS, .ack = PEERS + 1, .len = 1, .options = options};
    show(s, false, syn);
    show(s, true, answer);
    assert_only(s, WITNESS_ECHO_ZERO);
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
    pass(s, 20);
    peer(s, TFSM_ACK, 201, 11, 0);
    assert_only(s, WITNESS_SACK_AHEAD);
}

static void test_witness_syn_moved(void **state)
{
    struct scene *s = *state;
    peer(s, TFSM_SYN, 0, 0, 0);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 1, 0);
    subject(s, TFSM_SYN | TFSM_ACK, 70, 1, 0); /* a cookie of another minute */
    assert_nothing(s);
    s = anew(state);
    peer(s, TFSM_SYN, 0, 0, 0);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 1, 0);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_ACK, 1, 11, 0);
    subject(s, TFSM_SYN | TFSM_ACK, 70, 1, 0);
    assert_only(s, WITNESS_SYN_MOVED);
    s = anew(state);
    peer(s, TFSM_SYN, 0, 0, 0);
    subject(s, TFSM_SYN | TFSM_ACK, 0, 1, 0);
    peer(s, TFSM_ACK, 1, 1, 10);
    subject(s, TFSM_SYN | TFSM_ACK, 1, 11, 20); /* on text */
    assert_int_equal(s->raised[WITNESS_SYN_MOVED], 1);
}

static void test_witness_numbers_of_nothing(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    for (uint32_t i = 0; i < 2; i++) {
        subject(s, TFSM_ACK, 0x70000000 + i, 11, 0);
    }
    assert_nothing(s); /* two may be left of an older connection */
    subject(s, TFSM_ACK, 0x70000000, 11, 0);
    assert_only(s, WITNESS_NUMBER_ASTRAY);
    s = anew(state);
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    peer(s, TFSM_ACK, 1, 1, 10);
    for (uint32_t i = 0; i < 3; i++) {
        subject(s, TFSM_ACK, (uint32_t)-900, 11, 0);
    }
    assert_only(s, WITNESS_NUMBER_ASTRAY);
}

static void test_witness_number_ahead(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 2; i++) {
        assert_nothing(s);
        peer(s, TFSM_ACK, 1 + 20 * i, 1 + 10 * i, 10);
        subject(s, TFSM_ACK, 77 + 10 * i, 11 + 20 * i, 0);
        peer(s, TFSM_ACK, 11 + 20 * i, 1 + 10 * i, 10);
        subject(s, TFSM_ACK, 1 + 10 * i, 21 + 20 * i, 10);
    }
    assert_only(s, WITNESS_NUMBER_AHEAD);
}

static void test_witness_number_ahead_where_the_capture_lost_something(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_MSS, TFSM_OPT_MSS);
    for (uint32_t i = 0; i < 4; i++) {
        peer(s, TFSM_ACK, 1 + 20 * i, 1 + 10 * i, 10);
        subject(s, TFSM_ACK, 11 + 20 * i, 11 + 20 * i, 0);
        subject(s, TFSM_ACK, 11 + 20 * i, 11 + 20 * i, 10);
    }
    assert_nothing(s);
}

/* Linux does not take the timestamp of a segment whose acknowledgment is old. */
static void test_witness_echo_of_a_segment_with_an_old_ack(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    subject(s, TFSM_ACK, 1, 1, 100);
    s->ts_val[0] = 1000;
    peer(s, TFSM_ACK, 1, 101, 0);
    s->ts_ecr[1] = 1000;
    for (uint32_t i = 0; i < 4; i++) {
        s->ts_val[0] = 2000 + i;
        peer(s, TFSM_ACK, 1 + 20 * i, 1, 20);
        subject(s, TFSM_ACK, 101, 21 + 20 * i, 0);
    }
    assert_nothing(s);
}

static void test_witness_echo_stale(void **state)
{
    struct scene *s = *state;
    shake_hands(s, TFSM_OPT_TIMESTAMPS, TFSM_OPT_TIMESTAMPS);
    for (uint32_t i = 0; i < 3; i++) {
        s->ts_val[0] = 1000 + i * 10;
        peer(s, TFSM_ACK, 1 + 20 * i, 1, 10);
        peer(s, TFSM_ACK, 11 + 20 * i, 1, 10);
        s->ts_ecr[1] = s->ts_val[0]; /* the one that came first */
        subject(s, TFSM_ACK, 1, 21 + 20 * i, 0);
    }
    assert_nothing(s);
    for (uint32_t i = 3; i < 5; i++) {
        assert_nothing(s);
        s->ts_val[0] = 1000 + i * 10;
        peer(s, TFSM_ACK, 1 + 20 * i, 1, 20);
        subject(s, TFSM_ACK, 1, 21 + 20 * i, 0); /* still that of long ago */
    }
    assert_only(s, WITNESS_ECHO_STALE);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_witness_ordinary_connection_is_not_charged),
        TEST(test_witness_checksum_wrong_each_time),
        TEST(test_witness_checksum_wrong_everywhere),
        TEST(test_witness_checksum_always_wrong),
        TEST(test_witness_checksum_wrong_by_as_much),
        TEST(test_witness_checksum_that_the_peer_has_taken),
        TEST(test_witness_ect_only_on_new_text),
        TEST(test_witness_urgent_pointer),
        TEST(test_witness_urgent_text_ends_with_the_text),
        TEST(test_witness_reserved_bits),
        TEST(test_witness_option_lengths),
        TEST(test_witness_options_of_a_syn),
        TEST(test_witness_flags),
        TEST(test_witness_syn_ack_offers_unasked),
        TEST(test_witness_timestamps_missing),
        TEST(test_witness_segments_of_somebody_else),
        TEST(test_witness_sack_not_permitted),
        TEST(test_witness_mss_exceeded),
        TEST(test_witness_syn_ack_number),
        TEST(test_witness_ack_ahead_of_a_fin),
        TEST(test_witness_ack_ahead_denied_by_the_peer),
        TEST(test_witness_ack_ahead_of_what_the_capture_lost),
        TEST(test_witness_ack_back),
        TEST(test_witness_edge_back),
        TEST(test_witness_timestamp_back),
        TEST(test_witness_timestamp_stands),
        TEST(test_witness_echo_of_nothing),
        TEST(test_witness_window_exceeded),
        TEST(test_witness_text_changed),
        TEST(test_witness_fin),
        TEST(test_witness_text_after_fin),
        TEST(test_witness_sack),
        TEST(test_witness_sack_of_what_is_next),
        TEST(test_witness_syn_ack_that_echoes_nothing),
        TEST(test_witness_sack_ahead),
        TEST(test_witness_syn_moved),
        TEST(test_witness_numbers_of_nothing),
        TEST(test_witness_number_ahead),
        TEST(test_witness_number_ahead_where_the_capture_lost_something),
        TEST(test_witness_echo_of_a_segment_with_an_old_ack),
        TEST(test_witness_echo_stale),
        TEST(test_witness_words_name_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
