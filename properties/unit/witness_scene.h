/* A connection before the witness, segment by segment: the subject's numbers begin at 1000, the peer's at 5000; a packet is a
 * millisecond after the one before, unless time is let pass. */
#ifndef PROPERTIES_WITNESS_SCENE_H
#define PROPERTIES_WITNESS_SCENE_H

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
    uint8_t ttl;
    uint8_t ecn;
    uint16_t up;
    uint16_t error;
    uint8_t options[40];
    unsigned option_octets;
    uint8_t text[4000];
    uint8_t say_options; /* of every segment but SYNs */
    uint32_t ts_val[2];
    uint32_t ts_ecr[2];
    struct tfsm_range sack;
};

static inline void note_charge(void *user, const struct witness_charge *charge)
{
    struct scene *s = user;
    s->raised[charge->clause]++;
    s->last = *charge;
}

static inline int begin(void **state)
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

static inline int end(void **state)
{
    struct scene *s = *state;
    witness_free(s->witness);
    free(s);
    return 0;
}

/* Another connection, of which nothing was seen yet. */
static inline struct scene *anew(void **state)
{
    end(state);
    begin(state);
    return *state;
}

static inline void pass(struct scene *s, tfsm_time milliseconds)
{
    s->now += milliseconds * 1000;
}

/* A segment as it stands. */
static inline void show(struct scene *s, bool sent, struct tfsm_segment segment)
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
                                    .ttl = s->ttl,
                                    .error = s->error,
                                    .options = s->options,
                                    .option_octets = s->option_octets,
                                    .text = s->text + from % 1000,
                                    .text_octets = text < 1000 ? text : 1000};
    witness_packet(s->witness, sent, &packet);
}

static inline void say(struct scene *s, bool sent, uint8_t flags, uint32_t seq, uint32_t ack,
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
    segment.ecn = s->ecn;
    segment.up = s->up;
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

static inline void subject(struct scene *s, uint8_t flags, uint32_t seq, uint32_t ack,
                           uint32_t text)
{
    say(s, true, flags, seq, ack, text);
}

static inline void peer(struct scene *s, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t text)
{
    say(s, false, flags, seq, ack, text);
}

/* Both SYNs, each with its options; the subject is the client. */
static inline void shake_hands(struct scene *s, uint8_t ours, uint8_t peers)
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
static inline void assert_only(const struct scene *s, enum witness_clause clause)
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

static inline void assert_nothing(const struct scene *s)
{
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        if (s->raised[i] > 0) {
            fail_msg("%s is raised", witness_name((enum witness_clause)i));
        }
    }
}

static inline void set_options(struct scene *s, const uint8_t *octets, unsigned n)
{
    memcpy(s->options, octets, n);
    s->option_octets = n;
}

#define OPTIONS(s, ...)                                                                            \
    do {                                                                                           \
        const uint8_t octets_[] = {__VA_ARGS__};                                                   \
        set_options(s, octets_, sizeof octets_);                                                   \
    } while (0)

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
