/* The members of an arbitrary TCB, drawn one by one: see single.h. An octet chooses between small numbers, edges and a word of
 * its own; sequence numbers are drawn as distances from their neighbours, times as distances from now. */
#include "engine.h"
#include "single.h"

#include <string.h>

#define CHOICES 32u

/* Octets: small ones, those about a few segments, and the edges of windows and of sequence space. */
static uint32_t amount(struct program *input, uint32_t mss)
{
    uint8_t octet = program_octet(input);
    const uint32_t edges[CHOICES] = {mss - 1,
                                     mss,
                                     mss + 1,
                                     2 * mss - 1,
                                     2 * mss,
                                     2 * mss + 1,
                                     3 * mss,
                                     4 * mss,
                                     10 * mss,
                                     100 * mss,
                                     255,
                                     536,
                                     4096,
                                     16384,
                                     32767,
                                     65534,
                                     65535,
                                     65536,
                                     131072,
                                     1000000,
                                     (1u << 24) - 1,
                                     (1u << 28),
                                     TFSM_BUFF_MAX - 1,
                                     TFSM_BUFF_MAX,
                                     TFSM_BUFF_MAX + 1,
                                     (1u << 30) - 1,
                                     1u << 30,
                                     (1u << 31) - 1,
                                     1u << 31,
                                     (1u << 31) + 1,
                                     UINT32_MAX,
                                     0};
    if (octet < 128) {
        return octet < 64 ? octet % 16 : octet;
    }
    octet %= CHOICES;
    return octet == CHOICES - 1 ? program_word(input) : edges[octet];
}

/* One of 16 lengths of a range or of a gap. */
static uint32_t piece(unsigned nibble, uint32_t mss)
{
    const uint32_t pieces[16] = {1,       2,       3,       mss,     2 * mss, 1,    10,   100,
                                 mss / 2, mss + 1, 3 * mss, 4 * mss, 536,     1000, 4000, 65535};
    return pieces[nibble & 15] > 0 ? pieces[nibble & 15] : 1;
}

static uint32_t after(struct program *input, uint32_t from, uint32_t mss)
{
    return seq_add(from, amount(input, mss));
}

/* Before a number, or after it where an octet is odd. */
static uint32_t beside(struct program *input, uint32_t from, uint32_t mss)
{
    bool ahead = (program_octet(input) & 1) != 0;
    uint32_t by = amount(input, mss);
    return ahead ? seq_add(from, by) : seq_sub(from, by);
}

/* The time that an octet chooses beside now; 0 is not armed. */
TFSM_WRAPS static tfsm_time moment(struct program *input, tfsm_time now)
{
    static const tfsm_time by[8] = {1,       2,        999,       200000,
                                    1000000, 60000000, 240000000, UINT64_C(90000000000)};
    uint8_t octet = program_octet(input);
    tfsm_time time = now;
    switch (octet >> 6) {
    case 0:
        return octet < 32 ? 0 : now;
    case 1:
        time = now + by[octet & 7];
        break;
    case 2:
        time = now - by[octet & 7];
        break;
    default:
        time = (octet & 7) == 0   ? TFSM_NEVER - 1
               : (octet & 7) == 1 ? TFSM_NEVER / 2
               : (octet & 7) == 2 ? 1
               : (octet & 7) == 3 ? program_word(input) | (tfsm_time)program_word(input) << 32
                                  : now + (tfsm_time)(octet >> 3 & 7) * 1000000 + (octet & 7);
    }
    return time != TFSM_NEVER ? time : TFSM_NEVER - 1;
}

static uint16_t half(struct program *input)
{
    static const uint16_t edges[16] = {0,  1,  2,   3,   4,      5,      7,      8,
                                       15, 64, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff};
    uint8_t octet = program_octet(input);
    if (octet < 128) {
        return octet & 7;
    }
    return octet < 192 ? edges[octet & 15] : (uint16_t)(program_word(input) & UINT16_MAX);
}

static uint16_t mss(struct program *input, uint32_t most)
{
    static const uint16_t usual[8] = {1460, 536, 1, 12, 13, 100, 9000, 65495};
    uint8_t octet = program_octet(input);
    if (octet >= 128) {
        return octet < 192 ? (uint16_t)(most & UINT16_MAX) : half(input);
    }
    return octet < 64 ? usual[octet & 7] : octet;
}

/* Ranges from a number on, as many as an octet says, each with a gap before it. Returns the end of the last. */
static uint32_t ranges(struct program *input, struct tfsm_range *list, unsigned count,
                       uint32_t from, uint32_t size)
{
    uint32_t at = from;
    for (unsigned i = 0; i < count; i++) {
        uint8_t octet = program_octet(input);
        at = seq_add(at, i == 0 && octet >> 4 == 5 ? 0 : piece(octet >> 4, size));
        list[i].left = at;
        at = seq_add(at, piece(octet, size));
        list[i].right = at;
    }
    return at;
}

static void draw_send(struct program *input, struct tfsm_tcb *tcb)
{
    uint32_t size = tcb->snd_mss;
    tcb->snd_una = beside(input, tcb->iss, size);
    tcb->snd_nxt = after(input, tcb->snd_una, size);
    tcb->snd_end = after(input, tcb->snd_nxt, size);
    if (program_octet(input) < 96) { /* all is sent, the FIN perhaps */
        tcb->snd_end = seq_sub(tcb->snd_nxt, tcb->flags & TFSM_M_CLOSE ? 1 : 0);
    }
    tcb->snd_octets = amount(input, size);
    tcb->snd_wnd = amount(input, size);
    tcb->snd_wnd_max = tcb->snd_wnd + amount(input, size) % 65536;
    tcb->snd_wl2 = beside(input, tcb->snd_una, size);
    tcb->snd_up = after(input, tcb->snd_una, size);
    tcb->snd_cwr = after(input, tcb->snd_una, size);
    tcb->asked_seq = after(input, tcb->snd_una, size);
}

static void draw_receive(struct program *input, struct tfsm_tcb *tcb)
{
    uint32_t size = tcb->snd_mss;
    tcb->rcv_nxt = beside(input, tcb->irs, size);
    tcb->rcv_wnd = amount(input, size);
    tcb->rcv_user = amount(input, size);
    tcb->rcv_octets = (uint64_t)tcb->rcv_user + amount(input, size);
    tcb->rcv_acked = seq_sub(tcb->rcv_nxt, amount(input, size));
    tcb->rcv_up = beside(input, tcb->rcv_nxt, size);
    tcb->snd_wl1 = beside(input, tcb->rcv_nxt, size);
    const unsigned slots = TFSM_OOO_SLOTS(room_of(tcb));
    tcb->ooo_count = (uint16_t)(program_octet(input) % (slots + 1));
    uint32_t end = ranges(input, ooo_ranges(tcb), tcb->ooo_count, tcb->rcv_nxt, size);
    uint8_t fin = program_octet(input);
    tcb->rcv_fin = fin < 64    ? seq_sub(tcb->rcv_nxt, 1)
                   : fin < 128 ? tcb->rcv_nxt
                   : fin < 192 ? seq_add(end, fin & 3)
                               : after(input, tcb->rcv_nxt, size);
    for (unsigned i = 0; i < TFSM_RECENT_MAX; i++) { /* a number of a range, or of none */
        uint8_t octet = program_octet(input);
        struct tfsm_range range = ooo(tcb)[octet % slots];
        tcb->rcv_recent[i] = octet < 128   ? range.left
                             : octet < 192 ? seq_sub(range.right, 1)
                             : octet < 224 ? 0
                                           : after(input, tcb->rcv_nxt, size);
    }
    tcb->dsack.left = beside(input, tcb->rcv_nxt, size);
    tcb->dsack.right = after(input, tcb->dsack.left, size);
}

/* Of an octet the lower half says how long a run is, the upper what became of it. */
static void draw_runs(struct program *input, struct tfsm_tcb *tcb, uint32_t size)
{
    uint32_t at = tcb->snd_una;
    tcb->sent_count = (uint16_t)(program_octet(input) % (sent_slots(tcb) + 1));
    for (unsigned i = 0; i < tcb->sent_count; i++) {
        uint8_t octet = program_octet(input);
        at = seq_add(at, piece(octet, size));
        sent_runs(tcb)[i] = (struct tfsm_sent){at, octet >> 4};
    }
}

static void draw_recovery(struct program *input, struct tfsm_tcb *tcb)
{
    uint32_t size = tcb->snd_mss;
    uint8_t recover = program_octet(input);
    tcb->snd_recover = recover < 64    ? seq_sub(tcb->snd_una, recover & 1)
                       : recover < 128 ? tcb->snd_nxt
                                       : after(input, tcb->snd_una, size);
    tcb->snd_rtx = after(input, tcb->snd_una, size);
    tcb->limited = amount(input, size);
    tcb->snd_limited = after(input, tcb->snd_una, size);
    tcb->first_flight = amount(input, size) % 65536;
    tcb->cwnd = amount(input, size);
    tcb->ssthresh = amount(input, size);
    tcb->cwnd_acked = amount(input, size);
    draw_runs(input, tcb, size);
    tcb->loss = program_word(input) & (2u * TFSM_L_FULL - 1);
    tcb->reo_mult = program_octet(input);
    tcb->reo_persist = program_octet(input) % 17;
    tcb->rack_at = program_word(input) & ~(uint32_t)TFSM_FATES;
    tcb->rack_end = beside(input, tcb->snd_una, size);
    tcb->rack_rtt = amount(input, 100000);
    tcb->rack_fack = after(input, tcb->snd_una, size);
    tcb->rack_latest = program_word(input) & ~(uint32_t)TFSM_FATES;
    tcb->last_len = (uint16_t)amount(input, size);
    tcb->rack_round = beside(input, tcb->snd_nxt, size);
    tcb->min_rtt = amount(input, 100000);
    tcb->cut_at = program_word(input);
    tcb->grain = program_octet(input) % (TFSM_GRAIN_MOST + 1);
    tcb->tlp_end = after(input, tcb->snd_una, size);
    tcb->prr_last = beside(input, tcb->snd_una, size);
    tcb->prr_delivered = amount(input, size);
    tcb->prr_out = amount(input, size);
    tcb->prr_flight = amount(input, size);
    tcb->undo_cwnd = amount(input, size) + size;
    tcb->undo_ssthresh = amount(input, size) + 2 * size;
    tcb->undo_una = beside(input, tcb->snd_una, size);
    tcb->undo_ts = program_word(input);
    tcb->undo_count = program_octet(input) % (TFSM_UNDO_MAX + 1);
    (void)ranges(input, tcb->undo_again, tcb->undo_count, tcb->snd_una, size);
    tcb->w_max = amount(input, size);
    tcb->w_est = amount(input, size);
    tcb->w_acked = amount(input, size);
    tcb->cwnd_prior = amount(input, size);
    tcb->cubic_k = amount(input, 100000);
    tcb->rtt_last = amount(input, 100000);
    tcb->cwv_una = beside(input, tcb->snd_una, size);
    tcb->cwv_peak = amount(input, size);
    tcb->cwv_before = amount(input, size);
    tcb->cwv_flight = amount(input, size);
    tcb->cwv_resent = amount(input, size);
    tcb->mss_full = (uint16_t)(tcb->snd_mss + program_octet(input));
    tcb->mss_try = program_octet(input) < 64 ? tcb->mss_full : 0;
    tcb->mtu_seq = after(input, tcb->snd_una, size);
    tcb->mtu_end = after(input, tcb->mtu_seq, size);
    tcb->hy_end = after(input, tcb->snd_una, size);
    tcb->hy_least = amount(input, 100000);
    tcb->hy_last = amount(input, 100000);
    tcb->hy_base = amount(input, 100000);
    tcb->hy_samples = program_octet(input) & 15;
    tcb->hy_css = program_octet(input) & 7;
}

static void draw_times(struct program *input, tfsm_time now, struct tfsm_tcb *tcb)
{
    tfsm_time *const times[] = {
        &tcb->at_rtx,   &tcb->at_ack,     &tcb->at_persist,     &tcb->at_2msl,
        &tcb->at_user,  &tcb->user_from,  &tcb->at_keepalive,   &tcb->rto,
        &tcb->rtt_from, &tcb->sent_at,    &tcb->ts_recent_from, &tcb->challenge_until,
        &tcb->at_early, &tcb->min_rtt_at, &tcb->cubic_from,     &tcb->undo_from,
        &tcb->cwv_at,   &tcb->cwv_half,   &tcb->cwv_since,      &tcb->mtu_at};
    for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
        *times[i] = moment(input, now);
    }
    tcb->rto =
        program_octet(input) < 128 ? UINT64_C(1000000) << (program_octet(input) & 7) : tcb->rto;
    tcb->srtt = amount(input, 100000);
    tcb->rttvar = amount(input, 100000);
    tcb->rtt_seq = after(input, tcb->snd_una, tcb->snd_mss);
    tcb->ts_recent = program_word(input);
    tcb->ts_oldest = seq_sub(timestamp_now(tcb, now), amount(input, 1000));
    for (unsigned i = 0; i < TFSM_REPLY_CLASSES; i++) {
        uint8_t spent = program_octet(input);
        tcb->challenges[i] = spent < 128 ? spent & 15 : spent;
    }
}

void step_draw(struct program *input, const struct program_config *config, struct tfsm_tcb *tcb)
{
    *tcb = (struct tfsm_tcb){.state = program_octet(input) % TFSM_STATES, .room = tcb->room};
    tcb->flags = program_word(input);
    tcb->owed = program_octet(input);
    tcb->security = program_octet(input);
    tcb->security = tcb->security < 128 ? 0 : tcb->security & 1 ? 1 : tcb->security;
    tcb->iss = config->iss[0];
    tcb->irs = config->iss[1];
    tcb->ts_offset = config->ts_offset[0];
    tcb->snd_mss = mss(input, config->cfg[0].mss);
    tcb->snd_wscale = program_octet(input) & 15;
    tcb->rcv_wscale = program_octet(input) & 15;
    tcb->cookie_len = program_octet(input) % 24;
    tcb->keepalives = half(input);
    tcb->dup_acks = half(input);
    uint16_t drawn = half(input);
    tcb->backoff = (uint8_t)drawn;
    tcb->quick_acks = (uint8_t)(drawn >> 8) % (TFSM_QUICK_ACKS + 1);
    tcb->tries = half(input);
    tcb->uto_sent = half(input);
    tcb->uto_peer = half(input);
    tcb->mss_sent = mss(input, tcb->snd_mss);
    tcb->mss_acked = mss(input, tcb->mss_sent);
    tcb->mss_asked = program_octet(input) < 128 ? 0 : mss(input, tcb->mss_acked);
    draw_send(input, tcb);
    draw_receive(input, tcb);
    draw_recovery(input, tcb);
    draw_times(input, config->start, tcb);
    tcb->rst_seq = program_word(input);
    tcb->rst_ack = program_word(input);
    tcb->rst_ts_val = program_word(input);
    tcb->rst_ts_ecr = program_word(input);
}

/* ---- what is drawn last ---- */

/* The first octet says what follows; its upper half how many words are tied. */
#define LAST_ROOM        1u
#define LAST_FURTHER     2u
#define LAST_TIMES       4u
#define LAST_CLOCK       8u
#define LAST_TIES(octet) ((octet) >> 4)

static uint16_t length(struct program *input)
{
    uint16_t low = program_octet(input);
    return (uint16_t)(low | program_octet(input) << 8);
}

/* Another room, with what was in the one before as far as it fits. */
static void draw_room(struct program *input, struct tfsm_tcb *tcb)
{
    static const uint16_t rooms[8] = {0, 1, 2, 3, STEP_RANGES, 31, 32, TFSM_ROOM_MAX};
    struct tfsm_range range[TFSM_OOO_SLOTS(STEP_RANGES)];
    struct tfsm_sent run[TFSM_SENT_SLOTS(STEP_RANGES)];
    unsigned ranges = min32(tcb->ooo_count, TFSM_OOO_SLOTS(room_of(tcb)));
    unsigned runs = min32(tcb->sent_count, sent_slots(tcb));
    for (unsigned i = 0; i < ranges; i++) {
        range[i] = ooo(tcb)[i];
    }
    for (unsigned i = 0; i < runs; i++) {
        run[i] = sent(tcb)[i];
    }
    tcb->room = rooms[program_octet(input) & 7];
    tcb->ooo_count = (uint16_t)min32(ranges, TFSM_OOO_SLOTS(room_of(tcb)));
    tcb->sent_count = (uint16_t)min32(runs, sent_slots(tcb));
    for (unsigned i = 0; i < tcb->ooo_count; i++) {
        ooo_ranges(tcb)[i] = range[i];
    }
    for (unsigned i = 0; i < tcb->sent_count; i++) {
        sent_runs(tcb)[i] = run[i];
    }
}

/* More ranges and runs than an input has octets: a pattern of four is repeated. The window and the flight hold them. */
static void draw_further(struct program *input, struct tfsm_tcb *tcb)
{
    unsigned ranges = length(input);
    unsigned runs = length(input);
    uint32_t pattern = program_word(input);
    uint32_t at = tcb->ooo_count > 0 ? ooo(tcb)[tcb->ooo_count - 1].right : tcb->rcv_nxt;
    for (; ranges > 0 && tcb->ooo_count < TFSM_OOO_SLOTS(room_of(tcb)); ranges--) {
        uint8_t octet = (uint8_t)(pattern >> 8 * (ranges & 3) & UINT8_MAX);
        uint32_t left = seq_add(at, piece(octet >> 4, tcb->snd_mss));
        at = seq_add(left, piece(octet, tcb->snd_mss));
        ooo_ranges(tcb)[tcb->ooo_count++] = (struct tfsm_range){left, at};
    }
    tcb->rcv_wnd = max32(tcb->rcv_wnd, seq_distance(tcb->rcv_nxt, at));
    at = tcb->sent_count > 0 ? sent(tcb)[tcb->sent_count - 1].right : tcb->snd_una;
    for (; runs > 0 && tcb->sent_count < sent_most(tcb); runs--) {
        uint8_t octet = (uint8_t)(pattern >> 8 * (runs & 3) & UINT8_MAX);
        at = seq_add(at, piece(octet, tcb->snd_mss));
        sent_runs(tcb)[tcb->sent_count++] = (struct tfsm_sent){at, octet >> 4};
    }
    tcb->snd_nxt = seq_max(tcb->snd_nxt, at);
    tcb->snd_end = seq_max(tcb->snd_end, at);
}

/* When runs were sent, one after the other: a pattern of eight steps of time, each exact or not. What RACK knows last is of one
 * of them, or is as it was. */
static void draw_run_times(struct program *input, tfsm_time now, struct tfsm_tcb *tcb)
{
    static const uint32_t steps[8] = {0,       TFSM_STEP + 1, 2 * (TFSM_STEP + 1),   1024, 100000,
                                      1000000, 1u << 31,      UINT32_MAX - TFSM_STEP};
    uint32_t *const times[] = {&tcb->rack_at, &tcb->rack_latest, &tcb->cut_at};
    uint32_t at = seq_sub((uint32_t)(now & UINT32_MAX), amount(input, 100000));
    uint32_t pattern = program_word(input);
    for (unsigned i = 0; i < tcb->sent_count; i++) {
        unsigned step = pattern >> 4 * (i & 7) & 15;
        at = seq_add(at, steps[step & 7]);
        uint32_t fates = sent(tcb)[i].at & TFSM_FATES;
        sent_runs(tcb)[i].at =
            (at & ~(uint32_t)TFSM_STEP) | fates | (step < 8 ? (uint32_t)TFSM_EXACT : 0u);
    }
    for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
        uint8_t of = program_octet(input);
        if (of < tcb->sent_count) {
            *times[i] = sent(tcb)[of].at & ~(uint32_t)TFSM_FATES;
        }
    }
}

/* A word becomes another, and a little more or less than that. */
static void tie(struct program *input, struct tfsm_tcb *tcb)
{
    const size_t words = sizeof *tcb / sizeof(uint32_t);
    size_t to = length(input) % words;
    size_t from = length(input) % words;
    uint8_t by = program_octet(input);
    uint32_t value;
    memcpy(&value, (const uint8_t *)tcb + from * sizeof value, sizeof value);
    value = by < 32    ? seq_add(value, by)
            : by < 64  ? seq_sub(value, by & 31u)
            : by < 96  ? seq_add(value, TFSM_SEQ_HALF + (by & 31u))
            : by < 128 ? seq_sub(value, TFSM_SEQ_HALF + (by & 31u))
            : by < 192 ? seq_add(value, tcb->snd_mss * (by & 31u))
                       : seq_sub(value, tcb->snd_mss * (by & 31u));
    memcpy((uint8_t *)tcb + to * sizeof value, &value, sizeof value);
}

tfsm_time step_draw_more(struct program *input, tfsm_time now, struct tfsm_tcb *tcb)
{
    uint8_t last = program_octet(input);
    if (last & LAST_CLOCK) {
        now = program_word(input);
        now = (now << 32 | program_word(input)) % TFSM_NEVER;
    }
    if (last & LAST_ROOM) {
        draw_room(input, tcb);
    }
    if (last & LAST_FURTHER) {
        draw_further(input, tcb);
    }
    if (last & LAST_TIMES) {
        draw_run_times(input, now, tcb);
    }
    const uint16_t room = tcb->room;
    for (unsigned i = 0; i < LAST_TIES(last); i++) {
        tie(input, tcb);
    }
    tcb->room = room;
    return now;
}
