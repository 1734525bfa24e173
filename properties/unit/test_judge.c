/* Runs over the simulated network before the judge. What keeps the rules is never charged with breaking a MUST, however much is
 * lost, copied, reordered or damaged, at whichever end the capture is made and however little of a packet is in it. What breaks
 * one is charged with that and with nothing else, and its peer with nothing. */
#include "fixture.h"
#include "docket.h"
#include "repair.h"
#include "sim.h"

#define SEEDS    200u
#define OCTETS   20000u
#define SNAPSHOT 96u

/* Two captures, one at each end; from each, its own end is judged as near and the other as far. */
struct tapped {
    struct docket *docket[2][2]; /* captured where, of whom */
    uint64_t packets[2];
    size_t snapshot; /* octets of a packet that are recorded */
    bool told;       /* what is near the capture is to tell */
    unsigned misses; /* packets of a hundred that the recording misses */
    uint64_t chance;
    unsigned charges;
    uint64_t seed;
    const struct broken *broken; /* how end 0 is */
    unsigned sent;               /* by end 0 */
    unsigned rightly;            /* charges of what is broken, against end 0 */
};

/* A TCP that breaks one rule. */
struct broken {
    enum witness_clause clause;
    void (*spoil)(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text);
    void (*spoil_octets)(uint8_t *tcp, size_t header); /* or this, when it is written already */
};

static bool is_first(void *user, const struct tfsm_address *address, uint16_t port)
{
    (void)user;
    (void)port;
    return address->octets[address->family == 6 ? 15 : 3] == 1;
}

static bool is_second(void *user, const struct tfsm_address *address, uint16_t port)
{
    return !is_first(user, address, port);
}

static void note_charge(void *user, const struct docket_case *the_case, unsigned end,
                        const struct witness_charge *charge)
{
    struct tapped *tapped = user;
    char words[256];
    const struct tfsm_address *address = &the_case->address[end];
    if (tapped->broken != NULL && charge->clause == tapped->broken->clause &&
        is_first(NULL, address, 0)) {
        tapped->rightly++;
    } else if (witness_level(charge->clause) == WITNESS_MUST) {
        witness_words(charge, words, sizeof words);
        print_error("seed %u, end %u: %s: %s\n", (unsigned)tapped->seed, end,
                    witness_name(charge->clause), words);
        tapped->charges++;
    }
}

static void see(void *user, unsigned where, unsigned from, const uint8_t *octets, size_t n,
                tfsm_time now)
{
    struct tapped *tapped = user;
    size_t there = n < tapped->snapshot ? n : tapped->snapshot;
    /* whoever answers at once takes a moment all the same */
    struct capture_packet packet = {.number = ++tapped->packets[where],
                                    .time = now + tapped->packets[where]};
    (void)from;
    if (tapped->misses > 0 && sim_draw(&tapped->chance) % 100 < tapped->misses) {
        return;
    }
    capture_take(octets, there, n, &packet);
    for (unsigned whose = 0; whose < 2; whose++) {
        assert_true(docket_packet(tapped->docket[where][whose], &packet));
    }
}

static void judge_run(struct tapped *tapped, uint64_t seed, sim_spoiler *spoiler)
{
    struct sim_config config = sim_bad_network(seed, OCTETS);
    config.tap = see;
    config.spoiler = spoiler;
    config.user = tapped;
    tapped->seed = seed;
    tapped->sent = 0;
    for (unsigned where = 0; where < 2; where++) {
        tapped->packets[where] = 0;
        for (unsigned whose = 0; whose < 2; whose++) {
            const struct docket_config docket = {.vantage = tapped->told     ? WITNESS_TOLD
                                                            : where == whose ? WITNESS_NEAR
                                                                             : WITNESS_FAR,
                                                 .is_subject = whose == 0 ? is_first : is_second,
                                                 .charge = note_charge,
                                                 .user = tapped};
            tapped->docket[where][whose] = docket_new(&docket);
            assert_non_null(tapped->docket[where][whose]);
        }
    }
    struct sim_result result = sim_run(&config);
    assert_true(spoiler != NULL || result.delivered);
    assert_true(tapped->packets[0] > 0 && tapped->packets[1] > 0);
    for (unsigned i = 0; i < 4; i++) {
        docket_free(tapped->docket[i / 2][i % 2]);
    }
}

static unsigned judge_runs(size_t snapshot, bool told, unsigned misses)
{
    struct tapped tapped = {.snapshot = snapshot, .told = told, .misses = misses, .chance = 1};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        judge_run(&tapped, seed, NULL);
    }
    return tapped.charges;
}

static void test_judge_charges_nobody_in_bad_networks(void **state)
{
    (void)state;
    assert_int_equal(judge_runs(SIZE_MAX, false, 0), 0);
}

static void test_judge_charges_nobody_where_the_capture_tells(void **state)
{
    (void)state;
    assert_int_equal(judge_runs(SIZE_MAX, true, 0), 0);
}

static void test_judge_charges_nobody_by_what_is_missing(void **state)
{
    (void)state;
    assert_int_equal(judge_runs(SIZE_MAX, false, 2), 0);
    assert_int_equal(judge_runs(SIZE_MAX, true, 5), 0);
}

static void test_judge_charges_nobody_by_the_first_96_octets(void **state)
{
    (void)state;
    assert_int_equal(judge_runs(SNAPSHOT, false, 0), 0);
}

/* ---- broken TCPs ---- */

static bool is_pure(const struct tfsm_segment *segment)
{
    return segment->len == 0 && (segment->flags & (TFSM_ACK | TFSM_RST)) == TFSM_ACK;
}

static void without_timestamps(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    if ((packet->segment.flags & TFSM_SYN) == 0) {
        packet->segment.options &= (uint8_t) ~(unsigned)TFSM_OPT_TIMESTAMPS;
    }
}

static void with_an_old_ack(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)text;
    if (tapped->sent > 20 && tapped->sent % 3 == 0 && (packet->segment.flags & TFSM_SYN) == 0) {
        packet->segment.ack = seq_sub(packet->segment.ack, 2000);
    }
}

static void with_a_block_of_nothing(struct tapped *tapped, struct tfsm_packet *packet,
                                    uint8_t *text)
{
    (void)tapped;
    (void)text;
    if (packet->segment.sacks > 0 && seq_lt(packet->segment.ack, packet->segment.sack[0].left)) {
        packet->segment.sack[0].right = seq_add(packet->segment.sack[0].right, 50000);
    }
}

static void with_a_block_backwards(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    if (packet->segment.sacks > 0) {
        struct tfsm_range block = packet->segment.sack[0];
        packet->segment.sack[0] = (struct tfsm_range){block.right, block.left};
    }
}

static void with_other_text(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    if (packet->segment.len > 10) {
        text[5] = (uint8_t)(tapped->sent * 37);
    }
}

static void with_an_mss(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    if (is_pure(&packet->segment)) {
        packet->segment.options |= TFSM_OPT_MSS;
        packet->segment.mss = 1000;
    }
}

static void with_reserved_bits(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    packet->reserved = 4;
}

static void with_a_wrong_syn_ack(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    if ((packet->segment.flags & (TFSM_SYN | TFSM_ACK)) == (TFSM_SYN | TFSM_ACK)) {
        packet->segment.ack = seq_add(packet->segment.ack, 3);
    }
}

static void with_an_echo_of_nothing(struct tapped *tapped, struct tfsm_packet *packet,
                                    uint8_t *text)
{
    (void)tapped;
    (void)text;
    if ((packet->segment.flags & (TFSM_SYN | TFSM_ACK)) == TFSM_ACK) {
        packet->segment.ts_ecr = seq_add(packet->segment.ts_ecr, 100000);
    }
}

static void without_ack(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    if ((packet->segment.flags & TFSM_SYN) == 0) {
        packet->segment.flags &= (uint8_t) ~(unsigned)TFSM_ACK;
    }
}

static void with_sack_permitted(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    if (is_pure(&packet->segment)) {
        packet->segment.options |= TFSM_OPT_SACK_PERMITTED;
    }
}

static void with_an_echo_in_the_syn(struct tapped *tapped, struct tfsm_packet *packet,
                                    uint8_t *text)
{
    (void)tapped;
    (void)text;
    if ((packet->segment.flags & TFSM_ACK) == 0) {
        packet->segment.ts_ecr = 77;
    }
}

static void with_fast_open(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    if ((packet->segment.flags & (TFSM_SYN | TFSM_ACK)) == TFSM_SYN) {
        packet->segment.options |= TFSM_OPT_FAST_OPEN;
    }
}

static void with_a_scale_later(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    if (is_pure(&packet->segment)) {
        packet->segment.options |= TFSM_OPT_WSCALE;
        packet->segment.wscale = 1;
    }
}

static void with_marks_on_acks(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    if (is_pure(&packet->segment)) {
        packet->segment.ecn = TFSM_ECT_0;
    }
}

static void with_a_stray_pointer(struct tapped *tapped, struct tfsm_packet *packet, uint8_t *text)
{
    (void)tapped;
    (void)text;
    packet->segment.up = 5;
}

static void with_an_option_too_long(uint8_t *tcp, size_t header)
{
    if (header > 20) {
        tcp[20] = 77;
        tcp[21] = 41;
    }
}

static void with_dirty_padding(uint8_t *tcp, size_t header)
{
    if (header > 20 && (tcp[13] & TFSM_SYN) == 0) {
        memset(tcp + 20, 0, header - 20);
        tcp[header - 1] = 9;
    }
}

static void with_a_scale_of_fifteen(uint8_t *tcp, size_t header)
{
    for (size_t i = 20; i + 2 < header && tcp[i] != 0; i += tcp[i] == 1 ? 1 : tcp[i + 1]) {
        if (tcp[i] == 3) {
            tcp[i + 2] = 15;
        }
    }
}

/* An option of that kind is an octet too short. */
static void shorten(uint8_t *tcp, size_t header, uint8_t kind)
{
    for (size_t i = 20; i + 1 < header && tcp[i] != 0; i += tcp[i] == 1 ? 1 : tcp[i + 1]) {
        if (tcp[i] == kind && i + tcp[i + 1] <= header) {
            tcp[i + --tcp[i + 1]] = 1;
        }
    }
}

static void with_a_short_mss(uint8_t *tcp, size_t header)
{
    shorten(tcp, header, 2);
}

static void with_a_short_scale(uint8_t *tcp, size_t header)
{
    shorten(tcp, header, 3);
}

static void with_short_blocks(uint8_t *tcp, size_t header)
{
    shorten(tcp, header, 5);
}

static void with_short_timestamps(uint8_t *tcp, size_t header)
{
    if ((tcp[13] & TFSM_SYN) != 0) {
        shorten(tcp, header, 8);
    }
}

static size_t spoil(void *user, unsigned end, uint8_t *octets, size_t n, size_t room)
{
    struct tapped *tapped = user;
    static uint8_t text[70000];
    struct tfsm_packet packet;
    if (end != 0 || tfsm_parse(octets, n, &packet) != TFSM_WIRE_OK) {
        return n;
    }
    tapped->sent++;
    memcpy(text, octets + packet.text_at, n - packet.text_at);
    if (tapped->broken->spoil != NULL) {
        tapped->broken->spoil(tapped, &packet, text);
        size_t written = tfsm_write(&packet, text, octets, room);
        assert_true(written > 0);
        return written;
    }
    size_t at = packet.src.family == 6 ? 40 : 20;
    tapped->broken->spoil_octets(octets + at, packet.text_at - at);
    packet_repair(octets, n, true);
    return n;
}

static void test_judge_charges_what_is_broken(void **state)
{
    static const struct broken broken[] = {
        {WITNESS_TIMESTAMPS_MISSING, without_timestamps, NULL},
        {WITNESS_ACK_BACK, with_an_old_ack, NULL},
        {WITNESS_SACK_AHEAD, with_a_block_of_nothing, NULL},
        {WITNESS_SACK_BLOCK, with_a_block_backwards, NULL},
        {WITNESS_TEXT_CHANGED, with_other_text, NULL},
        {WITNESS_MSS_PLACE, with_an_mss, NULL},
        {WITNESS_RESERVED, with_reserved_bits, NULL},
        {WITNESS_SYN_ACK_NUMBER, with_a_wrong_syn_ack, NULL},
        {WITNESS_ECHO_OF_NOTHING, with_an_echo_of_nothing, NULL},
        {WITNESS_NO_ACK, without_ack, NULL},
        {WITNESS_SACK_PERMITTED_PLACE, with_sack_permitted, NULL},
        {WITNESS_OPTION_LENGTH, NULL, with_an_option_too_long},
        {WITNESS_OPTION_PADDING, NULL, with_dirty_padding},
        {WITNESS_WSCALE_SHIFT, NULL, with_a_scale_of_fifteen},
        {WITNESS_ECHO_WITHOUT_ACK, with_an_echo_in_the_syn, NULL},
        {WITNESS_FAST_OPEN_AGAIN, with_fast_open, NULL},
        {WITNESS_WSCALE_PLACE, with_a_scale_later, NULL},
        {WITNESS_ECT_PLACE, with_marks_on_acks, NULL},
        {WITNESS_URGENT_STRAY, with_a_stray_pointer, NULL},
        {WITNESS_MSS_SIZE, NULL, with_a_short_mss},
        {WITNESS_WSCALE_SIZE, NULL, with_a_short_scale},
        {WITNESS_SACK_SIZE, NULL, with_short_blocks},
        {WITNESS_TIMESTAMPS_SIZE, NULL, with_short_timestamps},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct tapped tapped = {.snapshot = SIZE_MAX, .broken = &broken[i]};
        for (uint64_t seed = 0; seed < 40; seed += 5) {
            judge_run(&tapped, seed, spoil);
        }
        if (tapped.rightly == 0 || tapped.charges > 0) {
            fail_msg("%s: charged with it %u times, with something else %u times",
                     witness_name(broken[i].clause), tapped.rightly, tapped.charges);
        }
    }
}

/* ---- several connections ---- */

static unsigned repeated[2]; /* by the end that opened, and by the other */

static void count_repeated(void *user, const struct docket_case *the_case, unsigned end,
                           const struct witness_charge *charge)
{
    (void)user;
    assert_int_equal(charge->clause, WITNESS_ISN_REPEATED);
    repeated[the_case->address[end].octets[3] == 1 ? 0 : 1]++;
}

/* The handshake of a connection, always between the same ports, and an ACK of both. */
static void shake_hands(struct docket *docket, uint64_t number, uint32_t isn, uint32_t other)
{
    uint8_t octets[100];
    for (unsigned i = 0; i < 4; i++) {
        bool back = i % 2 == 1;
        struct tfsm_packet packet = {
            .src = {.family = 4, .octets = {192, 0, 2, back ? 2 : 1}},
            .dst = {.family = 4, .octets = {192, 0, 2, back ? 1 : 2}},
            .src_port = back ? 80 : 1000,
            .dst_port = back ? 1000 : 80,
            .hops = 64,
            .segment = {.seq = (back ? other : isn) + (i > 1),
                        .ack = back ? isn + 1 : other + 1,
                        .len = i < 2,
                        .wnd = 1000,
                        .flags = (uint8_t)((i < 2 ? TFSM_SYN : 0) | (i > 0 ? TFSM_ACK : 0))}};
        struct capture_packet taken = {.number = number + i, .time = (number + i) * 1000000};
        packet.segment.ack = i == 0 ? 0 : packet.segment.ack;
        size_t n = tfsm_write(&packet, NULL, octets, sizeof octets);
        assert_true(n > 0);
        capture_take(octets, n, n, &taken);
        assert_true(docket_packet(docket, &taken));
    }
}

static unsigned raised[WITNESS_CLAUSES];

static void count_raised(void *user, const struct docket_case *the_case, unsigned end,
                         const struct witness_charge *charge)
{
    (void)user;
    (void)the_case;
    (void)end;
    raised[charge->clause]++;
}

/* A segment of end 0 (sent) or to it, recorded on a link of that type. */
static void show_docket(struct docket *docket, bool sent, struct tfsm_segment segment, tfsm_time at,
                        int link)
{
    static uint8_t octets[8000];
    static const uint8_t text[8000];
    static uint64_t number;
    const struct tfsm_packet packet = {.src = {.family = 4, .octets = {192, 0, 2, sent ? 1 : 2}},
                                       .dst = {.family = 4, .octets = {192, 0, 2, sent ? 2 : 1}},
                                       .src_port = sent ? 1000 : 80,
                                       .dst_port = sent ? 80 : 1000,
                                       .hops = 64,
                                       .segment = segment};
    struct capture_packet taken = {.number = ++number, .time = at, .link = (unsigned)link};
    size_t n = tfsm_write(&packet, text, octets, sizeof octets);
    assert_true(n > 0);
    capture_take(octets, n, n, &taken);
    assert_true(docket_packet(docket, &taken));
}

static struct docket *open_docket(int link)
{
    const struct docket_config config = {.vantage = WITNESS_NEAR, .charge = count_raised};
    struct docket *docket = docket_new(&config);
    struct tfsm_segment syn = {.flags = TFSM_SYN,
                               .len = 1,
                               .wnd = 20000,
                               .seq = 100,
                               .options = TFSM_OPT_MSS,
                               .mss = 1000};
    assert_non_null(docket);
    memset(raised, 0, sizeof raised);
    show_docket(docket, true, syn, 1000000, link);
    syn.flags |= TFSM_ACK;
    syn.ack = 101;
    syn.seq = 500;
    show_docket(docket, false, syn, 1001000, link);
    show_docket(docket, true,
                (struct tfsm_segment){.flags = TFSM_ACK, .wnd = 20000, .seq = 101, .ack = 501},
                1002000, link);
    return docket;
}

/* Ethernet takes no larger frames: a card has put these together, and somebody has made their sums right. */
static void test_judge_takes_large_frames_for_merged(void **state)
{
    (void)state;
    for (int link = 1; link <= 101; link += 100) { /* Ethernet, and raw IP */
        struct docket *docket = open_docket(link);
        for (uint32_t i = 0; i < 4; i++) {
            show_docket(docket, true,
                        (struct tfsm_segment){.flags = TFSM_ACK,
                                              .wnd = 20000,
                                              .seq = 101 + 3000 * i,
                                              .ack = 501,
                                              .len = 3000},
                        1010000 + i * 1000, link);
        }
        docket_free(docket);
        assert_int_equal(raised[WITNESS_MSS_EXCEEDED] > 0, link == 101);
    }
}

/* A packet that passes four devices is recorded four times, and was sent once. */
static void test_judge_counts_copies_once(void **state)
{
    (void)state;
    for (tfsm_time apart = 20; apart <= 200000; apart *= 10000) {
        struct docket *docket = open_docket(101);
        for (uint32_t i = 0; i < 4; i++) {
            show_docket(docket, false,
                        (struct tfsm_segment){
                            .flags = TFSM_ACK, .wnd = 20000, .seq = 501, .ack = 101, .len = 100},
                        1010000 + i * apart, 101);
        }
        for (uint32_t i = 0; i < 3; i++) {
            show_docket(
                docket, true,
                (struct tfsm_segment){
                    .flags = TFSM_ACK, .wnd = 20000, .seq = 101 + 10 * i, .ack = 501, .len = 10},
                2010000 + i * 1000, 101);
        }
        docket_free(docket);
        assert_int_equal(raised[WITNESS_TEXT_UNANSWERED] > 0, apart > 20);
    }
}

static void test_judge_knows_an_isn_again(void **state)
{
    const struct docket_config config = {.vantage = WITNESS_TOLD, .charge = count_repeated};
    struct docket *docket = docket_new(&config);
    (void)state;
    assert_non_null(docket);
    shake_hands(docket, 1, 5000000, 7000000);
    shake_hands(docket, 5, 5100000, 7100000);
    assert_int_equal(repeated[0] + repeated[1], 0);
    shake_hands(docket, 9, 5000000, 7200000);
    assert_int_equal(repeated[0], 1);
    assert_int_equal(repeated[1], 0);
    shake_hands(docket, 15, 5100000, 7200000); /* of both: somebody has rewritten it */
    docket_free(docket);
    assert_int_equal(repeated[0], 1);
    assert_int_equal(repeated[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_charges_nobody_in_bad_networks),
        cmocka_unit_test(test_judge_charges_nobody_by_the_first_96_octets),
        cmocka_unit_test(test_judge_charges_nobody_where_the_capture_tells),
        cmocka_unit_test(test_judge_charges_nobody_by_what_is_missing),
        cmocka_unit_test(test_judge_charges_what_is_broken),
        cmocka_unit_test(test_judge_knows_an_isn_again),
        cmocka_unit_test(test_judge_takes_large_frames_for_merged),
        cmocka_unit_test(test_judge_counts_copies_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
