/* Records of decode.h, changed and made. See mutate_internal.h. */
#include "mutate_internal.h"

static void change_sequence(struct dice *dice, struct record *record)
{
    static const int16_t beside[] = {0, 0, 0, 1, -1, 2, -2, 100, -100, 1460, -1460};
    int16_t delta = DRAW_OF(dice, beside);
    bool anew = draw(dice, 4) != 0; /* else a little off from where it is */
    if (draw(dice, 2) == 0) {
        record->seq_base = (uint8_t)(anew ? draw(dice, SEQ_BASES) : record->seq_base);
        record->seq_high = draw_16(dice);
        record->seq_delta = delta;
    } else {
        record->ack_base = (uint8_t)(anew ? draw(dice, ACK_BASES) : record->ack_base);
        record->ack_high = draw_16(dice);
        record->ack_delta = delta;
    }
}

uint8_t draw_flags(struct dice *dice, uint8_t flags)
{
    static const uint8_t legal[] = {TFSM_ACK,
                                    TFSM_ACK | TFSM_PSH,
                                    TFSM_ACK | TFSM_FIN,
                                    TFSM_ACK | TFSM_FIN | TFSM_PSH,
                                    TFSM_ACK | TFSM_URG,
                                    TFSM_SYN,
                                    TFSM_SYN | TFSM_ACK,
                                    TFSM_SYN | TFSM_ECE | TFSM_CWR,
                                    TFSM_SYN | TFSM_ACK | TFSM_ECE,
                                    TFSM_ACK | TFSM_ECE,
                                    TFSM_ACK | TFSM_CWR,
                                    TFSM_RST,
                                    TFSM_RST | TFSM_ACK};
    return draw(dice, 3) != 0 ? DRAW_OF(dice, legal) : flags ^ (uint8_t)(1u << draw(dice, 8));
}

static void draw_sacks(struct dice *dice, struct record *record)
{
    record->sacks = (uint8_t)(1 + draw(dice, TFSM_SACK_MAX));
    for (unsigned i = 0; i < record->sacks; i++) {
        record->sack_base[i] = (uint8_t)(draw(dice, 4) | draw(dice, 8) << 2);
        record->sack_len[i] = (uint8_t)draw(dice, 6);
    }
}

static void change_options(struct dice *dice, struct record *record)
{
    static const uint8_t kinds[] = {
        TFSM_OPT_MSS,        TFSM_OPT_WSCALE,         TFSM_OPT_TIMESTAMPS,
        TFSM_OPT_TIMESTAMPS, TFSM_OPT_SACK,           TFSM_OPT_SACK,
        TFSM_OPT_FAST_OPEN,  TFSM_OPT_SACK_PERMITTED, TFSM_OPT_USER_TIMEOUT};
    static const uint16_t sizes[] = {1460, 536, 1, 0, 64, 65535, 100};
    uint8_t kind = DRAW_OF(dice, kinds);
    if (draw(dice, 8) == 0) {
        record->bare = !record->bare;
        return;
    }
    if (draw(dice, 12) == 0) {
        record->ecn = record->ecn != 0 ? 0 : TFSM_CE;
        return;
    }
    record->options =
        draw(dice, 4) == 0 ? record->options & (uint8_t)~kind : record->options | kind;
    record->sacks = record->options & TFSM_OPT_SACK ? record->sacks : 0;
    if (kind == TFSM_OPT_SACK && (record->options & kind) != 0) {
        draw_sacks(dice, record);
    } else if (kind == TFSM_OPT_TIMESTAMPS) {
        record->ts_base = (uint8_t)(draw(dice, 4) | draw(dice, 4) << 4);
        record->ts_delta = (uint8_t)draw(dice, 4);
    }
    record->mss = DRAW_OF(dice, sizes);
    record->wscale = (uint8_t)draw(dice, 16);
    record->user_timeout = draw_16(dice);
    record->cookie_len = (uint8_t)draw(dice, TFSM_COOKIE_MAX + 1);
}

uint16_t draw_size(struct dice *dice)
{
    static const uint16_t sizes[] = {0, 1, 2, 10, 100, 536, 1000, 1460, 1461, 4096, 20000, 65535};
    return DRAW_OF(dice, sizes);
}

static void change_size(struct dice *dice, struct record *record)
{
    uint16_t size = draw_size(dice);
    if (record->kind == RECORD_SEGMENT && draw(dice, 3) == 0) {
        record->wnd = size;
    } else if (record->kind == RECORD_SEGMENT && draw(dice, 6) == 0) {
        record->up = size;
    } else {
        record->len = size;
    }
}

static void change_time(struct dice *dice, struct record *record)
{
    static const uint32_t delays[] = {0,      1,      999,    1000,    5000,    40000,   100000,
                                      199000, 200000, 500000, 1000000, 3000000, 60000000};
    record->to_deadline = draw(dice, 3) != 0;
    record->beside = (int8_t)((int)draw(dice, 3) - 1);
    record->delay = DRAW_OF(dice, delays);
    if (draw(dice, 16) == 0) {
        record->delay = (tfsm_time)draw(dice, 65536) * 1000000;
    }
}

static void draw_call(struct dice *dice, struct record *record)
{
    static const uint8_t calls[] = {TFSM_EV_OPEN,  TFSM_EV_SEND,  TFSM_EV_SEND, TFSM_EV_RECEIVE,
                                    TFSM_EV_CLOSE, TFSM_EV_ABORT, TFSM_EV_ICMP};
    record->call = DRAW_OF(dice, calls);
    record->active = draw(dice, 2) == 0;
    record->remote = record->active || draw(dice, 4) == 0;
    record->fast_open = record->active && draw(dice, 4) == 0;
    record->urgent = draw(dice, 6) == 0;
    record->deaf = draw(dice, 4) == 0;
    record->icmp = (uint8_t)draw(dice, 4);
    record->ack_base = (uint8_t)draw(dice, ACK_BASES);
    record->mss = 1000;
    change_size(dice, record);
}

void record_draw(struct dice *dice, struct record *record)
{
    static const uint8_t kinds[] = {RECORD_SEGMENT, RECORD_SEGMENT, RECORD_SEGMENT, RECORD_SEGMENT,
                                    RECORD_CALL,    RECORD_CALL,    RECORD_CALL,    RECORD_TIME,
                                    RECORD_TIME,    RECORD_HOLD,    RECORD_DELIVER, RECORD_DELIVER,
                                    RECORD_DROP,    RECORD_COPY,    RECORD_FLUSH,   RECORD_FLUSH};
    *record = (struct record){.kind = DRAW_OF(dice, kinds), .end = (uint8_t)draw(dice, 2)};
    if (record->kind == RECORD_SEGMENT) {
        record->wnd = 8192;
        record->flags = draw_flags(dice, 0);
        change_sequence(dice, record);
        if (draw(dice, 2) == 0) {
            change_size(dice, record);
        }
        if (draw(dice, 4) == 0) {
            change_options(dice, record);
        }
    } else if (record->kind == RECORD_CALL) {
        draw_call(dice, record);
    } else if (record->kind == RECORD_TIME) {
        change_time(dice, record);
    } else {
        record->index = (uint8_t)(draw(dice, 2) == 0 ? 0 : draw(dice, 16));
    }
}

static void change_whom(struct dice *dice, struct record *record)
{
    if (draw(dice, 2) == 0) {
        record->end ^= 1;
    } else {
        record->index = (uint8_t)draw(dice, 16);
    }
}

static void change_flags(struct dice *dice, struct record *record)
{
    record->flags = draw_flags(dice, record->flags);
}

/* What a mutation does, and to which kinds, a bit each. */
static const struct {
    void (*change)(struct dice *dice, struct record *record);
    uint8_t kinds;
} changes[MUTATIONS] = {
    [MUTATE_SEQUENCE] = {change_sequence, 1u << RECORD_SEGMENT},
    [MUTATE_FLAGS] = {change_flags, 1u << RECORD_SEGMENT},
    [MUTATE_OPTIONS] = {change_options, 1u << RECORD_SEGMENT},
    [MUTATE_SIZE] = {change_size, 1u << RECORD_SEGMENT | 1u << RECORD_CALL},
    [MUTATE_TIME] = {change_time, 1u << RECORD_TIME},
    [MUTATE_WHOM] = {change_whom, 0xff},
};

bool record_serves(enum mutation mutation, const struct record *record)
{
    return (changes[mutation].kinds >> record->kind & 1) == 1;
}

void record_change(struct dice *dice, enum mutation mutation, struct record *record)
{
    changes[mutation].change(dice, record);
}
