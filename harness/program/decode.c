/* The octets of an event program: how they are read, and how importers write them. */
#include "decode.h"
#include "seq.h"

#include <string.h>

/* The first octet of a record: the kind in the low three bits, the end in the next, four bits of
 * its own. */
#define OP_KIND(op) ((op)&7u)
#define OP_END(op)  ((op) >> 3 & 1u)
#define OP_OWN(op)  ((op) >> 4)

/* SEGMENT's own bits. */
#define OWN_FULL     1u /* deltas, window and urgent pointer follow */
#define OWN_SECURITY 2u /* another security label than the connection's */
#define OWN_OPTIONS  4u /* options follow */
#define OWN_BARE     8u /* no timestamps by default */

/* The first octet of options: MSS and window scale in bits 0 and 1, the shift in bits 4..7. */
#define OPTIONS_MORE 4u /* another octet of options follows */

/* The second octet of options; the count of SACK blocks less one in bits 6..7. */
#define MORE_TIMESTAMPS   1u
#define MORE_SACK_ALLOWED 2u
#define MORE_SACK         4u
#define MORE_UTO          8u
#define MORE_FAST_OPEN    16u
#define MORE_CE           32u

/* CALL's own bits: which call, in the order of this list. */
enum call_code {
    CALL_OPEN,
    CALL_LISTEN,
    CALL_SEND,
    CALL_RECEIVE,
    CALL_CLOSE,
    CALL_ABORT,
    CALL_OPEN_ODD,
    CALL_URGENT,
    CALL_ICMP,
    CALL_CLOSE_DEAF,
    CALL_OPEN_FAST,
    CALL_CODES
};

/* TIME's own bits: one of these, or microseconds. */
enum time_code { TIME_DEADLINE, TIME_MILLISECONDS, TIME_LONGER, TIME_SECONDS };
#define TIME_MICROSECONDS 4u
#define TIME_BEFORE       8u  /* all four bits: a microsecond before the deadline, */
#define TIME_AFTER        12u /* and one after it */

static uint8_t take(struct program *program)
{
    return program->at < program->size ? program->octets[program->at++] : 0;
}

static uint16_t take16(struct program *program)
{
    uint16_t low = take(program);
    return (uint16_t)(low | take(program) << 8);
}

static uint32_t take32(struct program *program)
{
    uint32_t low = take16(program);
    return low | (uint32_t)take16(program) << 16;
}

uint8_t program_octet(struct program *program)
{
    return take(program);
}

uint32_t program_word(struct program *program)
{
    return take32(program);
}

/* Buffer sizes, segment sizes and limits that have shown bugs elsewhere: zero, one, tiny, usual,
 * largest. */
static void choose_policy(const uint8_t *octets, struct tfsm_config *cfg)
{
    static const uint32_t rcv_buff[8] = {65535, 0, 10, 1000, 4096, 262144, 1048576, TFSM_BUFF_MAX};
    static const uint32_t snd_buff[8] = {65535, 1, 100, 4000, 1048576, TFSM_BUFF_MAX, 0, 20000};
    static const uint16_t mss[8] = {1460, 1, 10, 100, 536, 9000, 65535, 0};
    static const uint8_t retries[8][2] = {{7, 8}, {0, 0}, {1, 1}, {2, 3},
                                          {3, 2}, {1, 5}, {5, 1}, {4, 4}};
    static const tfsm_time rto[4][2] = {
        {1000000, 60000000}, {1000, 4000}, {0, 0}, {200000, TFSM_NEVER}};
    static const tfsm_time msl[4] = {120000000, 1000000, 0, TFSM_NEVER / 2};
    static const uint8_t limit[4] = {10, 0, 1, 3};
    /* that of RFC 6675 and Reno, and what came later, one by one and together */
    static const uint32_t recovery[4] = {
        0, TFSM_RACK, TFSM_RACK | TFSM_PRR | TFSM_FRTO | TFSM_UNDO | TFSM_QUICK_ACK,
        TFSM_RACK | TFSM_UNDO};
    static const uint32_t window[4] = {0, TFSM_CUBIC,
                                       TFSM_CUBIC | TFSM_HYSTART | TFSM_CWV | TFSM_ABE,
                                       TFSM_FRTO | TFSM_UNDO | TFSM_PMTU};
    *cfg = tfsm_config_default();
    cfg->profile = (octets[0] & 1u ? 0u : TFSM_RFC5961) | (octets[0] & 2u ? TFSM_RFC1337 : 0u) |
                   (octets[0] & 4u ? 0u : TFSM_WSCALE) | (octets[0] & 0x80u ? TFSM_NODELAY : 0u) |
                   recovery[octets[2] >> 6] | window[octets[1] >> 6];
    cfg->rcv_buff = rcv_buff[octets[1] & 7];
    cfg->snd_buff = snd_buff[octets[1] >> 3 & 7];
    cfg->mss = mss[octets[2] & 7];
    cfg->syn_retries = retries[octets[2] >> 3 & 7][0];
    cfg->retries = retries[octets[2] >> 3 & 7][1];
    cfg->rto_initial = rto[octets[6] & 3][0];
    cfg->rto_max = rto[octets[6] & 3][1];
    cfg->msl = msl[octets[6] >> 2 & 3];
    cfg->challenge_limit = limit[octets[6] >> 4 & 3];
    cfg->user_timeout = octets[0] & 8u ? (octets[7] + 1u) * UINT64_C(250000) : 0;
    cfg->mss_floor = octets[6] & 0x40u ? 1 : cfg->mss_floor;
}

/* What real stacks carry beyond RFC 9293, a bit each. All zero is a bare machine. */
static void choose_companions(uint8_t octet, uint8_t more, struct tfsm_config *cfg)
{
    static const uint8_t r1[4] = {3, 0, 1, 2};
    cfg->profile |= (octet & 1u ? TFSM_CONGESTION : 0u) | (octet & 2u ? TFSM_TIMESTAMPS : 0u) |
                    (octet & 4u ? TFSM_SACK : 0u) | (octet & 8u ? TFSM_ECN : 0u) |
                    (octet & 0x10u ? TFSM_RFC6191 : 0u) | (octet & 0x20u ? TFSM_USER_TIMEOUT : 0u) |
                    (more & 1u ? 0u : TFSM_LIMITED_TRANSMIT) | (more & 2u ? TFSM_RFC5927 : 0u);
    cfg->ack_delay = octet & 0x40u ? (more & 0x40u ? UINT64_C(10000000) : 200000) : 0;
    cfg->keepalive_idle = octet & 0x80u ? TFSM_KEEPALIVE_IDLE : 0;
    cfg->keepalive_tries = more & 0x80u ? 1 : 3;
    cfg->r1 = r1[more >> 2 & 3];
    cfg->initial_window = more & 0x10u ? 10 : 0;
    cfg->rto_min = more & 0x20u ? 1000 : cfg->rto_initial;
    cfg->uto_advertised = more & 0x80u ? UINT64_C(40000) * 1000000 : UINT64_C(30) * 1000000;
    cfg->uto_least = UINT64_C(2) * 1000000;
}

/* An initial sequence number a little before one of the places where arithmetic turns over. */
static uint32_t choose_iss(uint8_t octet)
{
    static const uint32_t places[4] = {0x12345678u, 0, 0x80000000u, 0xffffff00u};
    return seq_sub(places[octet >> 6], octet & 0x3fu);
}

/* A clock a little before one of the places where a narrower one turns over: counters of 31, 32 and
 * 34 bits that tick every microsecond, millisecond, or second. The places that came first have two
 * bits to themselves, the others an upper half of their own. */
static tfsm_time choose_start(uint8_t octet)
{
    const tfsm_time second = UINT64_C(1000000);
    const tfsm_time half = UINT64_C(1) << 31;
    const tfsm_time whole = UINT64_C(1) << 32;
    const tfsm_time first[4] = {0, half - second, whole - second, UINT64_C(1) << 62};
    const tfsm_time more[16] = {whole - 1,
                                whole - 60 * second,
                                half * 1000 - 1,
                                half * 1000 - second,
                                half * 1000 - 3600 * second,
                                whole * 1000 - 1,
                                whole * 1000 - second,
                                whole * 1000 - 60 * second,
                                whole * 1000 - 3600 * second,
                                half - 1,
                                half - 60 * second,
                                4 * whole - second,
                                half * second - second,
                                whole * second - second,
                                whole * 1000 - 1000,
                                half * 1000 - 60 * second};
    return octet >> 4 == PROGRAM_STARTS ? more[octet & 15] : first[octet & 3];
}

void program_open(struct program *program, const uint8_t *octets, size_t size,
                  struct program_config *config)
{
    static const uint32_t stamps[4] = {0, 0x7ffffffdu, 0xfffffffdu, 0x12345678u};
    uint8_t header[PROGRAM_HEADER];
    *program = (struct program){octets, size < PROGRAM_MAX ? size : PROGRAM_MAX, 0};
    for (unsigned i = 0; i < PROGRAM_HEADER; i++) {
        header[i] = take(program);
    }
    choose_policy(header, &config->cfg[0]);
    header[1] ^= header[11] & 0x3fu; /* the other end has buffers of its own */
    choose_policy(header, &config->cfg[1]);
    choose_companions(header[8], header[9], &config->cfg[0]);
    choose_companions(header[8] ^ header[10], header[9], &config->cfg[1]);
    config->cfg[1].profile ^=
        (header[0] & 0x20u ? TFSM_RFC5961 : 0u) | (header[0] & 0x40u ? TFSM_WSCALE : 0u);
#ifdef HARNESS_PROFILE /* a library that knows no other */
    config->cfg[0].profile = HARNESS_PROFILE & ~(uint32_t)(TFSM_BUILD_FAST_OPEN | TFSM_BUILD_ROOM);
    config->cfg[1].profile = config->cfg[0].profile;
#endif
    config->ranges = header[6] & 0x80u ? PROGRAM_RANGES : 0;
    config->shifted = (header[0] & 0x10u) != 0;
    config->iss[0] = choose_iss(header[3]);
    config->iss[1] = choose_iss(header[4]);
    config->ts_offset[0] = choose_iss(header[4]);
    config->ts_offset[1] = choose_iss(header[3]);
    config->start = choose_start(header[5]);
    config->peer_stamp = stamps[header[5] >> 2 & 3];
}

/* Lengths in one octet: exact when small, coarse when large. */
static uint16_t short_length(uint8_t octet)
{
    return (uint16_t)(octet < 128 ? octet : (octet - 127) * 256);
}

static void read_more(struct program *program, struct record *record)
{
    uint8_t more = take(program);
    record->ecn = more & MORE_CE ? TFSM_CE : 0;
    record->options |= more & MORE_SACK_ALLOWED ? TFSM_OPT_SACK_PERMITTED : 0;
    if (more & MORE_TIMESTAMPS) {
        record->options |= TFSM_OPT_TIMESTAMPS;
        record->ts_base = take(program);
        record->ts_delta = take(program);
        if (record->ts_base & TS_EXACT) {
            record->ts_ahead = take32(program);
            record->ts_behind = take32(program);
        }
    }
    if (more & MORE_SACK) {
        record->options |= TFSM_OPT_SACK;
        record->sacks = (uint8_t)((more >> 6) + 1);
        for (unsigned i = 0; i < record->sacks; i++) {
            record->sack_base[i] = take(program);
            record->sack_len[i] = take(program);
            if (record->sack_len[i] == SACK_EXACT) {
                record->sack_ahead[i] = take32(program);
                record->sack_octets[i] = take32(program);
            }
        }
    }
    if (more & MORE_UTO) {
        record->options |= TFSM_OPT_USER_TIMEOUT;
        record->user_timeout = take16(program);
    }
    if (more & MORE_FAST_OPEN) {
        record->options |= TFSM_OPT_FAST_OPEN;
        record->cookie_len = (uint8_t)(take(program) % (TFSM_COOKIE_MAX + 1));
    }
}

static void read_segment(struct program *program, unsigned own, struct record *record)
{
    record->security = own & OWN_SECURITY ? 1 : 0;
    record->flags = take(program);
    uint8_t bases = take(program);
    record->seq_base = bases >> 4;
    record->ack_base = bases & 15;
    record->wnd = 8192;
    if (own & OWN_FULL) {
        record->seq_delta = (int16_t)take16(program);
        record->ack_delta = (int16_t)take16(program);
        record->len = take16(program);
        record->wnd = take16(program);
        record->up = take16(program);
        record->seq_high = record->seq_base == SEQ_ABSOLUTE ? take16(program) : 0;
        record->ack_high = record->ack_base == ACK_ABSOLUTE ? take16(program) : 0;
    } else {
        record->len = short_length(take(program));
    }
    record->bare = (own & OWN_BARE) != 0;
    if (own & OWN_OPTIONS) {
        uint8_t options = take(program);
        record->options = options & 3u;
        record->wscale = options >> 4;
        record->mss = take16(program);
        if (options & OPTIONS_MORE) {
            read_more(program, record);
        }
    }
}

static void read_call(struct program *program, unsigned own, struct record *record)
{
    static const uint8_t kinds[CALL_CODES] = {
        TFSM_EV_OPEN, TFSM_EV_OPEN, TFSM_EV_SEND, TFSM_EV_RECEIVE, TFSM_EV_CLOSE, TFSM_EV_ABORT,
        TFSM_EV_OPEN, TFSM_EV_SEND, TFSM_EV_ICMP, TFSM_EV_CLOSE,   TFSM_EV_OPEN};
    unsigned code = own < CALL_CODES ? own : own & 7;
    record->call = kinds[code];
    record->deaf = code == CALL_CLOSE_DEAF;
    if (code == CALL_ICMP) {
        uint8_t how = take(program);
        record->icmp = how & 3;
        record->ack_base = how >> 4;
        record->mss = take16(program);
    } else if (code == CALL_OPEN || code == CALL_OPEN_FAST) {
        record->active = true;
        record->remote = true;
        record->fast_open = code == CALL_OPEN_FAST;
        if (record->fast_open) {
            record->cookie_len = (uint8_t)(take(program) % (TFSM_COOKIE_MAX + 1));
            record->mss = take16(program);
        }
    } else if (code == CALL_OPEN_ODD) {
        uint8_t how = take(program);
        record->active = how & 1;
        record->remote = how >> 1 & 1;
        record->security = how >> 2 & 1;
    } else if (code == CALL_SEND || code == CALL_RECEIVE || code == CALL_URGENT) {
        record->len = take16(program);
        record->urgent = code == CALL_URGENT;
    }
}

static void read_time(struct program *program, unsigned own, struct record *record)
{
    if (own == TIME_BEFORE || own == TIME_AFTER) {
        record->to_deadline = true;
        record->beside = own == TIME_BEFORE ? -1 : 1;
        return;
    }
    if ((own & TIME_MICROSECONDS) != 0) {
        record->delay = take16(program);
        return;
    }
    record->to_deadline = (own & 3) == TIME_DEADLINE;
    if ((own & 3) == TIME_MILLISECONDS) {
        record->delay = take(program) * UINT64_C(1000);
    } else if ((own & 3) == TIME_LONGER) {
        record->delay = take16(program) * UINT64_C(1000);
    } else if ((own & 3) == TIME_SECONDS) {
        record->delay = take16(program) * UINT64_C(1000000);
    }
}

bool program_next(struct program *program, struct record *record)
{
    if (program->at >= program->size) {
        return false;
    }
    uint8_t op = take(program);
    memset(record, 0, sizeof *record);
    record->kind = OP_KIND(op);
    record->end = OP_END(op);
    if (record->kind == RECORD_SEGMENT) {
        read_segment(program, OP_OWN(op), record);
    } else if (record->kind == RECORD_CALL) {
        read_call(program, OP_OWN(op), record);
    } else if (record->kind == RECORD_TIME) {
        read_time(program, OP_OWN(op), record);
    } else {
        record->index = OP_OWN(op);
    }
    return true;
}

/* Octets being written. */
struct writer {
    uint8_t octets[RECORD_MAX];
    size_t size;
};

static void put(struct writer *writer, unsigned octet)
{
    if (writer->size < RECORD_MAX) {
        writer->octets[writer->size++] = (uint8_t)(octet & 0xff);
    }
}

static void put16(struct writer *writer, unsigned value)
{
    put(writer, value);
    put(writer, value >> 8);
}

static void put32(struct writer *writer, uint32_t value)
{
    put16(writer, value & 0xffffu);
    put16(writer, value >> 16);
}

static void write_more(const struct record *record, struct writer *writer)
{
    unsigned sacks = record->sacks > 0 && record->sacks <= TFSM_SACK_MAX ? record->sacks : 0;
    put(writer, (record->options & TFSM_OPT_TIMESTAMPS ? MORE_TIMESTAMPS : 0) |
                    (record->options & TFSM_OPT_SACK_PERMITTED ? MORE_SACK_ALLOWED : 0) |
                    (sacks > 0 ? MORE_SACK | (sacks - 1) << 6 : 0) |
                    (record->options & TFSM_OPT_USER_TIMEOUT ? MORE_UTO : 0) |
                    (record->options & TFSM_OPT_FAST_OPEN ? MORE_FAST_OPEN : 0) |
                    (record->ecn != 0 ? MORE_CE : 0));
    if (record->options & TFSM_OPT_TIMESTAMPS) {
        put(writer, record->ts_base);
        put(writer, record->ts_delta);
        if (record->ts_base & TS_EXACT) {
            put32(writer, record->ts_ahead);
            put32(writer, record->ts_behind);
        }
    }
    for (unsigned i = 0; i < sacks; i++) {
        put(writer, record->sack_base[i]);
        put(writer, record->sack_len[i]);
        if (record->sack_len[i] == SACK_EXACT) {
            put32(writer, record->sack_ahead[i]);
            put32(writer, record->sack_octets[i]);
        }
    }
    if (record->options & TFSM_OPT_USER_TIMEOUT) {
        put16(writer, record->user_timeout);
    }
    if (record->options & TFSM_OPT_FAST_OPEN) {
        put(writer, record->cookie_len);
    }
}

static unsigned write_segment(const struct record *record, struct writer *writer)
{
    put(writer, record->flags);
    put(writer, (unsigned)record->seq_base << 4 | record->ack_base);
    put16(writer, (uint16_t)record->seq_delta);
    put16(writer, (uint16_t)record->ack_delta);
    put16(writer, record->len);
    put16(writer, record->wnd);
    put16(writer, record->up);
    if (record->seq_base == SEQ_ABSOLUTE) {
        put16(writer, record->seq_high);
    }
    if (record->ack_base == ACK_ABSOLUTE) {
        put16(writer, record->ack_high);
    }
    bool more = (record->options & ~3u) != 0 || record->ecn != 0;
    if (record->options != 0 || more) {
        put(writer,
            (record->options & 3u) | (more ? OPTIONS_MORE : 0) | (unsigned)record->wscale << 4);
        put16(writer, record->mss);
    }
    if (more) {
        write_more(record, writer);
    }
    return OWN_FULL | (record->security ? OWN_SECURITY : 0) | (record->bare ? OWN_BARE : 0) |
           (record->options != 0 || more ? OWN_OPTIONS : 0);
}

static unsigned write_call(const struct record *record, struct writer *writer)
{
    switch ((enum tfsm_event_kind)record->call) {
    case TFSM_EV_OPEN:
        if (record->fast_open) {
            put(writer, record->cookie_len);
            put16(writer, record->mss);
            return CALL_OPEN_FAST;
        }
        if (record->active && record->remote && record->security == 0) {
            return CALL_OPEN;
        }
        if (!record->active && !record->remote && record->security == 0) {
            return CALL_LISTEN;
        }
        put(writer,
            (record->active ? 1u : 0u) | (record->remote ? 2u : 0u) | (record->security ? 4u : 0u));
        return CALL_OPEN_ODD;
    case TFSM_EV_SEND:
        put16(writer, record->len);
        return record->urgent ? CALL_URGENT : CALL_SEND;
    case TFSM_EV_RECEIVE:
        put16(writer, record->len);
        return CALL_RECEIVE;
    case TFSM_EV_CLOSE:
        return record->deaf ? CALL_CLOSE_DEAF : CALL_CLOSE;
    case TFSM_EV_ICMP:
        put(writer, (record->icmp & 3u) | (unsigned)record->ack_base << 4);
        put16(writer, record->mss);
        return CALL_ICMP;
    case TFSM_EV_ABORT:
    case TFSM_EV_SEGMENT:
    case TFSM_EV_TIMEOUT:
    case TFSM_EVENTS:
        break;
    }
    return CALL_ABORT;
}

tfsm_time record_delay(tfsm_time delay)
{
    tfsm_time milliseconds = delay / 1000;
    tfsm_time seconds = milliseconds / 1000;
    if (delay < 65536) {
        return delay;
    }
    return milliseconds < 65536 ? milliseconds * 1000
                                : (seconds < 65536 ? seconds : 65535) * 1000000;
}

static unsigned write_time(const struct record *record, struct writer *writer)
{
    if (record->to_deadline) {
        return record->beside < 0 ? TIME_BEFORE : (record->beside > 0 ? TIME_AFTER : TIME_DEADLINE);
    }
    tfsm_time delay = record_delay(record->delay);
    if (delay % 1000 != 0) {
        put16(writer, (unsigned)delay);
        return TIME_MICROSECONDS;
    }
    tfsm_time milliseconds = delay / 1000;
    if (milliseconds < 256) {
        put(writer, (unsigned)milliseconds);
        return TIME_MILLISECONDS;
    }
    if (milliseconds < 65536) {
        put16(writer, (unsigned)milliseconds);
        return TIME_LONGER;
    }
    put16(writer, (unsigned)(milliseconds / 1000));
    return TIME_SECONDS;
}

size_t record_write(const struct record *record, uint8_t *octets, size_t room)
{
    struct writer writer = {.size = 0};
    unsigned own = record->index;
    put(&writer, 0); /* the first octet, known last */
    if (record->kind == RECORD_SEGMENT) {
        own = write_segment(record, &writer);
    } else if (record->kind == RECORD_CALL) {
        own = write_call(record, &writer);
    } else if (record->kind == RECORD_TIME) {
        own = write_time(record, &writer);
    }
    writer.octets[0] = (uint8_t)(record->kind | (record->end & 1u) << 3 | (own & 15u) << 4);
    if (writer.size > room) {
        return 0;
    }
    memcpy(octets, writer.octets, writer.size);
    return writer.size;
}

static uint32_t seq_origin(unsigned base, const struct tfsm_tcb *tcb, uint32_t len)
{
    uint32_t edge = seq_add(tcb->rcv_nxt, tcb->rcv_wnd);
    switch ((enum seq_base)base) {
    case SEQ_RCV_NXT:
        return tcb->rcv_nxt;
    case SEQ_BEFORE:
        return seq_sub(tcb->rcv_nxt, 1);
    case SEQ_LAST_IN:
        return seq_sub(edge, 1);
    case SEQ_RIGHT_EDGE:
        return edge;
    case SEQ_IRS:
        return tcb->irs;
    case SEQ_PEER_FIN:
        return tcb->rcv_fin;
    case SEQ_QUEUED_LEFT:
        return tcb->ooo_count > 0 ? tfsm_out_of_order(tcb)[0].left : tcb->rcv_nxt;
    case SEQ_QUEUED_RIGHT:
        return tcb->ooo_count > 0 ? tfsm_out_of_order(tcb)[0].right : tcb->rcv_nxt;
    case SEQ_MIDDLE:
        return seq_add(tcb->rcv_nxt, tcb->rcv_wnd / 2);
    case SEQ_ENDS_AT_NXT:
        return seq_sub(tcb->rcv_nxt, len);
    case SEQ_STRADDLES_NXT:
        return seq_sub(tcb->rcv_nxt, len / 2);
    case SEQ_STRADDLES_EDGE:
        return seq_sub(edge, len / 2);
    case SEQ_AFTER_QUEUE:
        return tcb->ooo_count > 0 ? tfsm_out_of_order(tcb)[tcb->ooo_count - 1].right
                                  : seq_add(tcb->rcv_nxt, 1);
    case SEQ_FAR:
        return seq_add(tcb->rcv_nxt, TFSM_SEQ_HALF);
    case SEQ_ABSOLUTE:
    case SEQ_ZERO:
    case SEQ_BASES:
        break;
    }
    return 0;
}

static uint32_t ack_origin(unsigned base, const struct tfsm_tcb *tcb)
{
    uint32_t flight = seq_distance(tcb->snd_una, tcb->snd_nxt);
    switch ((enum ack_base)base) {
    case ACK_SND_NXT:
        return tcb->snd_nxt;
    case ACK_SND_UNA:
        return tcb->snd_una;
    case ACK_ONE_MORE:
        return seq_add(tcb->snd_una, 1);
    case ACK_BEYOND:
        return seq_add(tcb->snd_nxt, 1);
    case ACK_ONE_LESS:
        return seq_sub(tcb->snd_una, 1);
    case ACK_ISS:
        return tcb->iss;
    case ACK_AFTER_SYN:
        return seq_add(tcb->iss, 1);
    case ACK_MIDDLE:
        return seq_add(tcb->snd_una, flight / 2);
    case ACK_QUEUE_END:
        return tcb->snd_end;
    case ACK_OLDEST:
        return seq_sub(tcb->snd_una, tcb->snd_wnd_max);
    case ACK_TOO_OLD:
        return seq_sub(seq_sub(tcb->snd_una, tcb->snd_wnd_max), 1);
    case ACK_ONE_SEGMENT:
        return seq_add(tcb->snd_una, tcb->snd_mss);
    case ACK_LAST_SENT:
        return seq_sub(tcb->snd_nxt, 1);
    case ACK_FAR:
        return seq_add(tcb->snd_nxt, TFSM_SEQ_HALF);
    case ACK_ABSOLUTE:
    case ACK_ZERO:
    case ACK_BASES:
        break;
    }
    return 0;
}

TFSM_WRAPS uint32_t timestamp_now(const struct tfsm_tcb *tcb, tfsm_time now)
{
    return (uint32_t)(now / 1000 & UINT32_MAX) + tcb->ts_offset;
}

/* TSval or TSecr: ahead or behind of an origin. */
static uint32_t ts_number(unsigned base, uint32_t origin, uint32_t delta, bool ahead)
{
    switch ((enum ts_base)(base & 3)) {
    case TS_NEXT:
        break;
    case TS_OLD:
        delta++;
        ahead = !ahead;
        break;
    case TS_FAR:
        delta = TFSM_SEQ_HALF;
        break;
    case TS_SECOND:
        delta *= 1000;
        break;
    }
    return ahead ? seq_add(origin, delta) : seq_sub(origin, delta);
}

static struct tfsm_range sack_block(const struct record *record, unsigned i,
                                    const struct tfsm_tcb *tcb)
{
    uint32_t mss = tcb->snd_mss > 1 ? tcb->snd_mss : 2;
    uint32_t ahead = (record->sack_base[i] >> 2) * mss;
    uint32_t length = record->sack_len[i] * (mss / 2) + (record->sack_len[i] == 0 ? 1u : 0u);
    uint32_t flight = seq_distance(tcb->snd_una, tcb->snd_nxt);
    struct tfsm_range block = {tcb->snd_una, tcb->snd_nxt};
    if (record->sack_len[i] == SACK_EXACT) {
        block.left = seq_add(tcb->snd_una, record->sack_ahead[i]);
        block.right = seq_add(block.left, record->sack_octets[i]);
        return block;
    }
    switch ((enum sack_base)(record->sack_base[i] & 3)) {
    case SACK_UNA:
        block.left = seq_add(tcb->snd_una, ahead);
        block.right = seq_add(block.left, length);
        break;
    case SACK_MIDDLE:
        block.left = seq_add(tcb->snd_una, flight / 2);
        block.right = seq_add(block.left, length);
        break;
    case SACK_END:
        block.left = seq_sub(tcb->snd_nxt, length);
        break;
    case SACK_BELOW:
        block.left = seq_sub(tcb->snd_una, length);
        block.right = tcb->snd_una;
        break;
    }
    return block;
}

static void add_options(const struct record *record, const struct tfsm_tcb *tcb, tfsm_time now,
                        struct tfsm_segment *seg)
{
    uint32_t clock = timestamp_now(tcb, now);
    bool stamped = (record->options & TFSM_OPT_TIMESTAMPS) != 0;
    seg->ecn = record->ecn;
    seg->user_timeout = record->user_timeout;
    seg->cookie_len = record->cookie_len;
    seg->sacks = record->sacks;
    for (unsigned i = 0; i < record->sacks && i < TFSM_SACK_MAX; i++) {
        seg->sack[i] = sack_block(record, i, tcb);
    }
    if (stamped && (record->ts_base & TS_EXACT) != 0) {
        seg->ts_val = seq_add(tcb->ts_recent, record->ts_ahead);
        seg->ts_ecr = seq_sub(clock, record->ts_behind);
    } else if (stamped) {
        seg->ts_val = ts_number(record->ts_base, tcb->ts_recent, record->ts_delta, true);
        seg->ts_ecr = ts_number(record->ts_base >> 4, clock, record->ts_delta, false);
    } else if (!record->bare && (tcb->flags & TFSM_M_TIMESTAMPS) != 0) {
        seg->options |= TFSM_OPT_TIMESTAMPS;
        seg->ts_val = tcb->ts_recent;
        seg->ts_ecr = clock;
    }
}

struct tfsm_segment record_segment(const struct record *record, const struct tfsm_tcb *tcb,
                                   tfsm_time now)
{
    struct tfsm_segment seg = {.flags = record->flags,
                               .wnd = record->wnd,
                               .up = record->up,
                               .options = record->options,
                               .wscale = record->wscale,
                               .mss = record->mss};
    seg.len =
        record->len + (record->flags & TFSM_SYN ? 1u : 0u) + (record->flags & TFSM_FIN ? 1u : 0u);
    seg.security = tcb->security ^ record->security;
    seg.seq =
        seq_add(seq_origin(record->seq_base, tcb, seg.len), (uint32_t)(int32_t)record->seq_delta);
    seg.ack = seq_add(ack_origin(record->ack_base, tcb), (uint32_t)(int32_t)record->ack_delta);
    if (record->seq_base == SEQ_ABSOLUTE) {
        seg.seq = (uint32_t)record->seq_high << 16 | (uint16_t)record->seq_delta;
    }
    if (record->ack_base == ACK_ABSOLUTE) {
        seg.ack = (uint32_t)record->ack_high << 16 | (uint16_t)record->ack_delta;
    }
    add_options(record, tcb, now, &seg);
    return seg;
}

struct tfsm_event record_event(const struct record *record, const struct tfsm_tcb *tcb)
{
    struct tfsm_event ev = {.kind = (enum tfsm_event_kind)record->call,
                            .len = record->len,
                            .active = record->active,
                            .remote = record->remote,
                            .urgent = record->urgent,
                            .deaf = record->deaf,
                            .fast_open = record->fast_open,
                            .cookie_len = record->cookie_len,
                            .mss = record->mss,
                            .icmp = (enum tfsm_icmp)record->icmp,
                            .security = record->security};
    ev.segment.seq = ack_origin(record->ack_base, tcb);
    return ev;
}

/* The delta from an origin, if it fits. */
static bool fits_delta(uint32_t origin, uint32_t value, int16_t *delta)
{
    uint32_t ahead = seq_distance(origin, value);
    if (ahead > INT16_MAX && ahead < 0xffff8000u) {
        return false;
    }
    *delta = (int16_t)(ahead & 0xffffu);
    return true;
}

bool record_encode_numbers(struct record *record, const struct tfsm_tcb *tcb, uint32_t seq,
                           uint32_t ack)
{
    static const uint8_t seq_bases[] = {SEQ_RCV_NXT, SEQ_QUEUED_RIGHT, SEQ_QUEUED_LEFT,
                                        SEQ_RIGHT_EDGE, SEQ_IRS};
    static const uint8_t ack_bases[] = {ACK_SND_NXT, ACK_SND_UNA, ACK_AFTER_SYN};
    bool known =
        tcb->state != TFSM_CLOSED && tcb->state != TFSM_LISTEN && tcb->state != TFSM_SYN_SENT;
    bool found = false;
    for (unsigned i = 0; i < sizeof seq_bases && known && !found; i++) {
        record->seq_base = seq_bases[i];
        found = fits_delta(seq_origin(seq_bases[i], tcb, 0), seq, &record->seq_delta);
    }
    if (!found) {
        record->seq_base = SEQ_ABSOLUTE;
        record->seq_high = (uint16_t)(seq >> 16);
        record->seq_delta = (int16_t)(uint16_t)(seq & 0xffffu);
    }
    found = false;
    for (unsigned i = 0; i < sizeof ack_bases && !found; i++) {
        record->ack_base = ack_bases[i];
        found = fits_delta(ack_origin(ack_bases[i], tcb), ack, &record->ack_delta);
    }
    if (!found) {
        record->ack_base = ACK_ABSOLUTE;
        record->ack_high = (uint16_t)(ack >> 16);
        record->ack_delta = (int16_t)(uint16_t)(ack & 0xffffu);
    }
    return true;
}
