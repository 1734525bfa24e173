/* The machine held to the prose of RFC 9293 3.10.7 (properties/prose.h): in every state, whatever the
 * control bits and wherever the numbers lie. The corpus of fuzz_trace goes through fuzz_prose. */
#include "fixture.h"

#include "prose.h"

/* How a connection is made before the segment arrives. */
struct scene {
    const char *name;
    uint32_t profile;
    bool full;    /* the receive buffer is full, and the window closed */
    bool gap;     /* text is held behind a gap */
    bool fin;     /* and the peer's FIN behind it */
    bool queued;  /* text of ours is in flight */
    bool stamped; /* timestamps are agreed */
};

static const struct scene scenes[] = {
    {.name = "without RFC 5961", .profile = PLAIN},
    {.name = "plain", .profile = PROFILE},
    {.name = "RFC 1337", .profile = PROFILE | TFSM_RFC1337},
    {.name = "RFC 6191", .profile = PROFILE | TFSM_RFC6191},
    {.name = "window closed", .profile = PROFILE, .full = true},
    {.name = "window closed, without RFC 5961", .profile = PLAIN, .full = true},
    {.name = "text held", .profile = PROFILE, .gap = true},
    {.name = "FIN held", .profile = PROFILE, .gap = true, .fin = true},
    {.name = "text in flight", .profile = PROFILE, .queued = true},
    {.name = "timestamps", .profile = PROFILE | TFSM_TIMESTAMPS, .stamped = true},
    {.name = "timestamps and RFC 6191",
     .profile = PROFILE | TFSM_TIMESTAMPS | TFSM_RFC6191,
     .stamped = true},
};
enum { SCENES = sizeof scenes / sizeof scenes[0] };

#define TSVAL 1000u

/* One segment on a copy of the connection. */
static void hold(const struct fixture *f, const char *scene, const struct tfsm_segment *segment)
{
    static struct tfsm_effects fx;
    char line[PROSE_LINE];
    struct tfsm_tcb after = f->tcb;
    struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT,
                            .now = f->now,
                            .iss = seq_add(f->iss, 77777),
                            .listener = true,
                            .segment = *segment};
    if (tfsm_step(&after, &f->cfg, &ev, &fx) != TFSM_DONE) {
        return;
    }
    struct prose_difference difference = prose_compare(&f->tcb, &f->cfg, &ev, &fx, &after);
    if (difference.field != NULL) {
        prose_describe(&difference, &f->tcb, &ev, line);
        fail_msg("%s: %s", scene, line);
    }
}

static bool reads(const struct fixture *f)
{
    return f->tcb.state == TFSM_ESTABLISHED || f->tcb.state == TFSM_FIN_WAIT_1 ||
           f->tcb.state == TFSM_FIN_WAIT_2;
}

static void settle(struct fixture *f)
{
    struct tfsm_segment out[16];
    (void)drain(f, out, 16);
}

/* What the scene asks for, where the state lets it. */
static void set(struct fixture *f, const struct scene *scene)
{
    if (scene->full && reads(f)) {
        for (unsigned i = 0; i < BUFF / MSS; i++) {
            arrive(f, .flags = TFSM_ACK, .text = MSS);
        }
    }
    if (scene->gap && reads(f)) {
        arrive(f, .flags = TFSM_ACK, .seq = 20, .text = 30);
        if (scene->fin) {
            arrive(f, .flags = TFSM_ACK | TFSM_FIN, .seq = 60, .text = 0);
        }
    }
    if (scene->queued && (f->tcb.state == TFSM_ESTABLISHED || f->tcb.state == TFSM_CLOSE_WAIT)) {
        user_send(f, 100);
    }
    settle(f);
    f->tcb.owed = 0;
    f->tcb.at_ack = 0;
}

/* Where SEG.SEQ stands: before the window, at its edges, in it, out of order; and half the numbers away. */
static const int64_t places[] = {-5, -1, 0, 1, 10, 20, 59, 60, 5000};
enum { PLACES = sizeof places / sizeof places[0], EDGES = 4 };

static uint32_t place(const struct fixture *f, unsigned i)
{
    uint32_t base =
        f->tcb.state == TFSM_LISTEN || f->tcb.state == TFSM_CLOSED || f->tcb.state == TFSM_SYN_SENT
            ? f->irs
            : f->tcb.rcv_nxt;
    if (i < PLACES) {
        return seq_add(base, (uint32_t)(places[i] & 0xffffffff));
    }
    return i < PLACES + 3 ? seq_add(seq_sub(seq_add(base, f->tcb.rcv_wnd), 1), i - PLACES)
                          : seq_add(base, 0x80000000u);
}

/* Where SEG.ACK stands. */
enum { ACKS = 8 };
static uint32_t acknowledgment(const struct fixture *f, unsigned i)
{
    const uint32_t numbers[ACKS] = {f->tcb.iss,
                                    seq_sub(f->tcb.snd_una, 1),
                                    f->tcb.snd_una,
                                    seq_add(f->tcb.snd_una, 1),
                                    f->tcb.snd_nxt,
                                    seq_add(f->tcb.snd_nxt, 1),
                                    seq_sub(seq_sub(f->tcb.snd_una, f->tcb.snd_wnd_max), 1),
                                    seq_add(f->tcb.snd_una, 0x80000000u)};
    return numbers[i];
}

static unsigned stamps(const struct scene *scene, struct tfsm_segment *segment, unsigned i)
{
    static const uint32_t values[] = {TSVAL + 1, TSVAL, TSVAL - 1};
    segment->options = scene->stamped && i < 3 ? TFSM_OPT_TIMESTAMPS : 0;
    segment->ts_val = i < 3 ? values[i] : 0;
    segment->ts_ecr = 1;
    return scene->stamped ? 4 : 1;
}

/* Every combination of the six control bits but PSH, of lengths and of numbers. */
static void hold_all(const struct fixture *f, const struct scene *scene)
{
    static const uint32_t lengths[] = {0, 1, 25, 60, 20000};
    for (unsigned n = 0; n < 32 * PLACES + 32 * EDGES; n++) {
        unsigned bits = n % 32;
        struct tfsm_segment segment = {.wnd = (uint16_t)(n % 7 * 1000)};
        segment.flags =
            (uint8_t)((bits & 7) | (bits & 8 ? TFSM_ACK : 0) | (bits & 16 ? TFSM_URG : 0));
        segment.up = (bits & 16) != 0 ? 7 : 0;
        segment.seq = place(f, n / 32);
        for (unsigned i = 0; i < ACKS * 5 * 4 * 2; i++) {
            unsigned stamp = i / 10 % 4;
            segment.ack = (bits & 8) != 0 ? acknowledgment(f, i / 40) : 0;
            segment.len = lengths[i / 2 % 5] + (bits & 1) + (bits >> 1 & 1);
            segment.security = i % 2;
            if (stamp < stamps(scene, &segment, stamp)) {
                hold(f, scene->name, &segment);
            }
        }
    }
}

/* A connection with timestamps, made by hand: the segments of the fixture have none. */
static void step_stamped(struct fixture *f, struct tfsm_event ev)
{
    static struct tfsm_effects fx;
    ev.now = f->now;
    ev.iss = f->iss;
    ev.segment.options = TFSM_OPT_TIMESTAMPS;
    ev.segment.ts_val = TSVAL;
    ev.segment.ts_ecr = 1;
    ev.segment.wnd = PEER_WND;
    assert_int_equal(tfsm_step(&f->tcb, &f->cfg, &ev, &fx), TFSM_DONE);
    for (struct tfsm_segment out; tfsm_output(&f->tcb, &f->cfg, f->now, &out);) {
    }
}

static void reach_stamped(struct fixture *f, enum tfsm_state state)
{
    bool closes = state == TFSM_FIN_WAIT_1 || state == TFSM_FIN_WAIT_2 || state == TFSM_TIME_WAIT;
    step_stamped(f, (struct tfsm_event){.kind = TFSM_EV_OPEN, .active = true, .remote = true});
    step_stamped(f, (struct tfsm_event){.kind = TFSM_EV_SEGMENT,
                                        .segment = {.flags = TFSM_SYN | TFSM_ACK,
                                                    .seq = f->irs,
                                                    .ack = seq_add(f->iss, 1),
                                                    .len = 1}});
    if (closes) {
        step_stamped(f, (struct tfsm_event){.kind = TFSM_EV_CLOSE});
    }
    struct tfsm_event ack = {.kind = TFSM_EV_SEGMENT,
                             .segment = {.flags = TFSM_ACK, .seq = f->tcb.rcv_nxt}};
    if (closes && state != TFSM_FIN_WAIT_1) {
        ack.segment.ack = f->tcb.snd_nxt;
        step_stamped(f, ack);
    }
    if (state == TFSM_TIME_WAIT || state == TFSM_CLOSE_WAIT || state == TFSM_LAST_ACK) {
        ack.segment.ack = f->tcb.snd_nxt;
        ack.segment.flags |= TFSM_FIN;
        ack.segment.len = 1;
        step_stamped(f, ack);
    }
    if (state == TFSM_LAST_ACK) {
        step_stamped(f, (struct tfsm_event){.kind = TFSM_EV_CLOSE});
    }
    assert_int_equal(f->tcb.state, state);
}

static void hold_state(void **state, enum tfsm_state which, void (*reach_it)(struct fixture *))
{
    for (unsigned i = 0; i < SCENES; i++) {
        struct fixture *f = fresh(state);
        f->cfg.profile = scenes[i].profile;
        if (scenes[i].stamped) {
            if (which < TFSM_ESTABLISHED || which == TFSM_CLOSING) {
                continue;
            }
            reach_stamped(f, which);
        } else {
            reach_it(f);
            set(f, &scenes[i]);
        }
        hold_all(f, &scenes[i]);
    }
}

static void test_prose_in_closed(void **state)
{
    struct fixture *f = fresh(state);
    hold_all(f, &scenes[1]);
}

#define HOLD(name, which)                                                                          \
    static void test_prose_in_##name(void **state)                                                 \
    {                                                                                              \
        hold_state(state, which, reach_##name);                                                    \
    }

HOLD(listen, TFSM_LISTEN)
HOLD(syn_sent, TFSM_SYN_SENT)
HOLD(syn_received, TFSM_SYN_RECEIVED)
HOLD(syn_received_active, TFSM_SYN_RECEIVED)
HOLD(established, TFSM_ESTABLISHED)
HOLD(fin_wait_1, TFSM_FIN_WAIT_1)
HOLD(fin_wait_2, TFSM_FIN_WAIT_2)
HOLD(close_wait, TFSM_CLOSE_WAIT)
HOLD(closing, TFSM_CLOSING)
HOLD(last_ack, TFSM_LAST_ACK)
HOLD(time_wait, TFSM_TIME_WAIT)

/* Our SYN is not acknowledged, and the user has closed. */
static void reach_half_open_closed(struct fixture *f)
{
    reach_syn_received(f);
    user_close(f);
    settle(f);
}

static void reach_deaf(struct fixture *f)
{
    reach_established(f);
    assert_int_equal(call(f, .kind = TFSM_EV_CLOSE, .deaf = true), TFSM_DONE);
    settle(f);
}

HOLD(half_open_closed, TFSM_CLOSING)
HOLD(deaf, TFSM_CLOSING)

/* The comparison sees what it compares. */
static void test_prose_tells_a_difference(void **state)
{
    static struct tfsm_effects fx;
    struct fixture *f = in_established(state);
    struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT, .now = f->now};
    ev.segment = segment_of(f, (struct from_peer){.flags = TFSM_ACK, .text = 10});
    struct tfsm_tcb good = f->tcb;
    assert_int_equal(tfsm_step(&good, &f->cfg, &ev, &fx), TFSM_DONE);
    assert_null(prose_compare(&f->tcb, &f->cfg, &ev, &fx, &good).field);
    struct tfsm_tcb bad = good;
    bad.rcv_nxt++;
    assert_string_equal(prose_compare(&f->tcb, &f->cfg, &ev, &fx, &bad).field, "RCV.NXT");
    bad = good;
    bad.state = TFSM_CLOSE_WAIT;
    assert_string_equal(prose_compare(&f->tcb, &f->cfg, &ev, &fx, &bad).field, "state");
    bad = good;
    bad.owed = TFSM_OWE_RST;
    assert_string_equal(prose_compare(&f->tcb, &f->cfg, &ev, &fx, &bad).field, "a RST");
    bad = good;
    bad.owed = 0;
    bad.at_ack = 0;
    assert_string_equal(prose_compare(&f->tcb, &f->cfg, &ev, &fx, &bad).field, "an ACK");
    bad = good;
    bad.snd_wl2++;
    assert_string_equal(prose_compare(&f->tcb, &f->cfg, &ev, &fx, &bad).field, "SND.WL2");
    fx.signals = TFSM_SIG_RESET;
    assert_string_equal(prose_compare(&f->tcb, &f->cfg, &ev, &fx, &good).field, "signals");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prose_in_closed),
        cmocka_unit_test(test_prose_in_listen),
        cmocka_unit_test(test_prose_in_syn_sent),
        cmocka_unit_test(test_prose_in_syn_received),
        cmocka_unit_test(test_prose_in_syn_received_active),
        cmocka_unit_test(test_prose_in_established),
        cmocka_unit_test(test_prose_in_fin_wait_1),
        cmocka_unit_test(test_prose_in_fin_wait_2),
        cmocka_unit_test(test_prose_in_close_wait),
        cmocka_unit_test(test_prose_in_closing),
        cmocka_unit_test(test_prose_in_last_ack),
        cmocka_unit_test(test_prose_in_time_wait),
        cmocka_unit_test(test_prose_in_half_open_closed),
        cmocka_unit_test(test_prose_in_deaf),
        cmocka_unit_test(test_prose_tells_a_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
