/* One step of an arbitrary TCB: see single.h. What is judged is what anybody may rely on who has a TCB that tfsm_check()
 * passes: the event, and every segment that comes of it, leave one; an error and a refusal leave all as it was, as tfsm_step()
 * has it; the text handed out lies in the segment, and every segment brings the end of output nearer. */
#include "run_internal.h"
#include "seq.h"
#include "single.h"
#include "speak.h"
#include "whole.h"

#include <stddef.h>

#define MENDS_MOST 64u /* clauses mended before it is given up */
#define WORDS_MOST 15u /* words overwritten */
#define DRAIN_MOST 64u /* segments drawn: of a queue of 2^30 octets there may be as many more */

static step_checker *check_by;

void step_check_by(step_checker *checker)
{
    check_by = checker;
}

enum tfsm_clause step_check(const struct tfsm_tcb *tcb)
{
    return check_by != NULL ? check_by(tcb) : tfsm_check(tcb);
}

/* ---- the case ---- */

static void put_word(void *object, size_t word, uint32_t value)
{
    memcpy((uint8_t *)object + word * sizeof value, &value, sizeof value);
}

/* Words of the segment to overwrite. */
struct words {
    unsigned count;
    struct {
        size_t at;
        uint32_t value;
    } of[3];
};

static void read_segment_words(struct program *input, struct words *words)
{
    words->count = program_octet(input) & 3;
    for (unsigned i = 0; i < words->count; i++) {
        words->of[i].at = program_octet(input) % (sizeof(struct tfsm_segment) / sizeof(uint32_t));
        words->of[i].value = program_word(input);
    }
}

/* A word of the TCB, or behind it of the policy, is overwritten. */
static void overwrite(struct step_case *it, uint32_t index, uint32_t value)
{
    const size_t tcb = sizeof it->tcb / sizeof value;
    const size_t cfg = sizeof it->cfg / sizeof value;
    size_t word = index % (tcb + cfg);
    if (word < tcb) {
        put_word(&it->tcb, word, value);
    } else {
        put_word(&it->cfg, word - tcb, value);
    }
}

/* The policies that a program's header does not know. */
static void choose_more(struct program *input, struct tfsm_config *cfg)
{
    static const tfsm_time times[8] = {
        0, 1, 1000, 500000, 5000000, 75000000, UINT64_C(86400) * 1000000, TFSM_NEVER};
    uint8_t shift = program_octet(input);
    uint8_t every = program_octet(input);
    uint8_t uto = program_octet(input);
    cfg->rcv_wscale = shift < 128 ? TFSM_WSCALE_FITS : shift & 15;
    cfg->challenge_every = times[(every + 4u) & 7];
    cfg->keepalive_every = times[((every >> 3) + 5u) & 7];
    cfg->mss_default = every < 192 ? cfg->mss_default : every & 1 ? 1 : UINT16_MAX;
    cfg->uto_most = times[(uto + 6u) & 7];
    cfg->uto_least = uto < 128 ? cfg->uto_least : times[uto >> 3 & 7];
}

/* An octet of what an event has besides its record; in the upper half a length of a cookie, or a shift of octets. */
#define MORE_NO_LISTENER 1u
#define MORE_FAST_OPEN   2u
#define MORE_COOKIE      4u /* the segment bears one */
#define MORE_SAME_WINDOW 8u /* its window is that of the last one */

static void make_event(const struct record *record, const struct program_config *config,
                       uint8_t more, struct step_case *it)
{
    static const uint8_t cookies[16] = {0, 4, 6, 8, 10, 12, 14, 16, 1, 2, 3, 5, 15, 17, 18, 255};
    tfsm_time deadline = tfsm_deadline(&it->tcb);
    const struct speaker peer = {.nxt = knows_peer(&it->tcb) ? it->tcb.rcv_nxt : config->iss[1],
                                 .iss = knows_peer(&it->tcb) ? it->tcb.irs : config->iss[1],
                                 .stamp = it->tcb.ts_recent};
    it->ev.now = config->start;
    switch ((enum record_kind)record->kind) {
    case RECORD_SEGMENT:
        it->ev.kind = TFSM_EV_SEGMENT;
        it->ev.segment = record_segment(record, &it->tcb, it->ev.now);
        break;
    case RECORD_CALL:
        it->ev = record_event(record, &it->tcb);
        it->ev.now = config->start;
        break;
    case RECORD_TIME:
    case RECORD_FLUSH:
        it->ev.kind = TFSM_EV_TIMEOUT;
        it->ev.now = record->to_deadline || record->kind == RECORD_FLUSH
                         ? run_beside(deadline, record->beside, config->start)
                         : config->start + (config->start < TFSM_NEVER / 2 ? record->delay : 0);
        break;
    case RECORD_DELIVER:
    case RECORD_DROP:
    case RECORD_COPY:
        it->ev.kind = TFSM_EV_SEGMENT;
        it->ev.segment = speak(record, &it->tcb, it->cfg.profile, &peer, config->start);
        break;
    case RECORD_HOLD:
        it->silent = true;
        break;
    }
    it->ev.iss = seq_add(config->iss[0], 1000003);
    it->ev.ts_offset = config->ts_offset[1];
    it->ev.listener = (more & MORE_NO_LISTENER) == 0;
    if (it->ev.kind == TFSM_EV_SEGMENT) {
        struct tfsm_segment *segment = &it->ev.segment;
        it->ev.fast_open = (more & MORE_FAST_OPEN) != 0;
        it->ev.cookie_len = cookies[more >> 4];
        segment->options |= more & MORE_COOKIE ? TFSM_OPT_FAST_OPEN : 0;
        segment->wnd = more & MORE_SAME_WINDOW
                           ? (uint16_t)(it->tcb.snd_wnd >> (it->tcb.snd_wscale & 15) & UINT16_MAX)
                           : segment->wnd;
    }
    if (it->ev.kind == TFSM_EV_SEND || it->ev.kind == TFSM_EV_RECEIVE) {
        it->ev.len <<= more >> 4;
    }
#ifdef HARNESS_PROFILE
    it->ev.fast_open = it->ev.fast_open && (HARNESS_PROFILE & TFSM_BUILD_FAST_OPEN) != 0;
    it->ev.cookie_len = (HARNESS_PROFILE & TFSM_BUILD_FAST_OPEN) != 0 ? it->ev.cookie_len : 0;
#endif
}

static void read_words(struct program *input, struct step_case *it)
{
    unsigned words = program_octet(input) % (WORDS_MOST + 1);
    for (unsigned i = 0; i < words; i++) {
        uint32_t index = program_octet(input);
        index |= (program_octet(input) & 1u) << 8;
        overwrite(it, index, program_word(input));
    }
}

/* What has no end in practice, and no place in a case. */
static void bound(struct tfsm_tcb *tcb, uint16_t room)
{
    tcb->room = room;
    tcb->rcv_octets &= UINT64_MAX >> 2;
    tcb->snd_octets &= UINT64_MAX >> 2;
}

static void mend(struct step_case *it, tfsm_time now)
{
    it->clause = step_check(&it->tcb);
    for (unsigned i = 0; i < MENDS_MOST && it->clause != TFSM_OK; i++) {
        step_mend(&it->tcb, it->clause, now);
        it->clause = step_check(&it->tcb);
    }
}

void step_read(struct step_case *it, const uint8_t *octets, size_t size)
{
    struct program input;
    struct program_config config;
    struct record record = {.kind = RECORD_HOLD};
    struct words words;
    memset(it, 0, sizeof *it);
    program_open(&input, octets, size, &config);
    it->cfg = config.cfg[0];
    uint8_t more = program_octet(&input);
    choose_more(&input, &it->cfg);
    const uint16_t room = config.ranges > 0 ? STEP_RANGES : 0; /* whatever words are overwritten */
    it->tcb.room = room;
    step_draw(&input, &config, &it->tcb);
    read_words(&input, it);
    bound(&it->tcb, room);
    mend(it, config.start);
    (void)program_next(&input, &record);
    read_segment_words(&input, &words);
    config.start = step_draw_more(&input, config.start, &it->tcb);
    bound(&it->tcb, it->tcb.room);
    mend(it, config.start);
    make_event(&record, &config, more, it);
    for (unsigned i = 0; i < words.count; i++) {
        put_word(&it->ev.segment, words.of[i].at, words.of[i].value);
    }
}

/* ---- the step ---- */

struct step {
    struct run_account run;
    struct step_case it;
};

static void judge_tcb(struct step *step, const struct tfsm_tcb *tcb)
{
    enum tfsm_clause clause = step_check(tcb);
    if (clause != TFSM_OK) {
        run_violates(&step->run, 0, tfsm_clause_name(clause), tfsm_clause_text(clause));
    }
    static struct tfsm_status_block status;
    if (tfsm_status(tcb, &status) == TFSM_DONE &&
        (status.unacknowledged > status.queued || status.urgent_out > status.queued)) {
        run_violates(&step->run, 0, "STATUS_SUMS",
                     "RFC9293:3.10.6 what is unacknowledged, or urgent, is part of what is queued");
    }
}

static void judge_effects(struct step *step, const struct tfsm_tcb *before, enum tfsm_result result,
                          const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *segment = &step->it.ev.segment;
    uint64_t controls =
        (segment->flags & TFSM_SYN ? 1u : 0u) + (segment->flags & TFSM_FIN ? 1u : 0u);
    if (result != TFSM_DONE && !same_tcb(before, after)) {
        run_violates(&step->run, 0, "ERROR_CHANGES", "RFC9293:3.10 an error changes nothing");
    }
    for (unsigned i = 0; result == TFSM_DONE && i < fx->text_count; i++) {
        const struct tfsm_text *text = &fx->text[i];
        if (step->it.ev.kind != TFSM_EV_SEGMENT || text->len == 0 ||
            (uint64_t)text->at + text->len + controls > segment->len) {
            run_violates(&step->run, 0, "TEXT_OUTSIDE",
                         "RFC9293:3.10.7.4 text handed out lies in the segment");
        }
    }
}

static void feed(struct step *step)
{
    static struct whole before;
    static struct tfsm_effects fx;
    struct tfsm_tcb *tcb = &step->it.tcb;
    copy_tcb(&before, tcb);
    enum tfsm_result result = tfsm_step(tcb, &step->it.cfg, &step->it.ev, &fx);
    const struct tfsm_trace *fired = machine_trace(&fx);
    for (unsigned i = 0; i < fired->count; i++) {
        run_hit(&step->run, fired->fired[i]);
    }
    judge_effects(step, &before.tcb, result, &fx, tcb);
    judge_tcb(step, tcb);
    struct run_line line = {.kind = run_kind_of(&step->it.ev),
                            .now = step->run.now,
                            .ev = &step->it.ev,
                            .result = result,
                            .fx = &fx,
                            .trace = fired,
                            .before = &before.tcb,
                            .after = tcb};
    run_tell(&step->run, &line);
}

/* Something was paid, sent, or sent again; or what the peer holds was forgotten, for want of room for what was sent again. */
static bool is_nearer(const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    return (before->owed & ~after->owed) != 0 ||
           (before->loss & ~after->loss & TFSM_L_OWE_PROBE) != 0 ||
           before->snd_nxt != after->snd_nxt || before->snd_rtx != after->snd_rtx ||
           before->snd_held > after->snd_held || before->snd_lost > after->snd_lost ||
           before->snd_both < after->snd_both ||
           (~before->flags & after->flags & TFSM_M_AGAIN) != 0;
}

/* Of a row that sends text or FIN: without either it says nothing. */
static bool is_idle(const struct tfsm_segment *segment)
{
    return segment->len == 0 && segment->rule >= TFSM_RULE_OUT_FIN_AGAIN &&
           segment->rule <= TFSM_RULE_OUT_TEXT_RESCUE && segment->rule != TFSM_RULE_OUT_KEEPALIVE;
}

static void drain(struct step *step)
{
    static struct whole before;
    static struct tfsm_segment segment;
    struct tfsm_tcb *tcb = &step->it.tcb;
    for (unsigned i = 0; i < DRAIN_MOST && !run_broken(&step->run); i++) {
        copy_tcb(&before, tcb);
        bool nothing = tfsm_has_nothing(tcb);
        if (!tfsm_output(tcb, &step->it.cfg, step->run.now, &segment)) {
            run_hit(&step->run, TFSM_RULE_OUT_NOTHING);
            break;
        }
        run_hit(&step->run, segment.rule);
        if (nothing || !is_nearer(&before.tcb, tcb)) {
            run_violates(&step->run, 0, "OUTPUT_ENDLESS",
                         "RFC9293:MUST-58 every segment that goes out brings the last one nearer");
        }
        if (is_idle(&segment)) {
            run_violates(&step->run, 0, "OUTPUT_EMPTY",
                         "RFC9293:3.7 what is sent as text, or as a FIN, is not empty");
        }
        judge_tcb(step, tcb);
        struct run_line line = {.kind = RUN_SENDS,
                                .now = step->run.now,
                                .segment = &segment,
                                .before = &before.tcb,
                                .after = tcb};
        run_tell(&step->run, &line);
    }
}

struct run_result run_step(const uint8_t *octets, size_t size, run_log *log, void *user)
{
    static struct step step;
    step.run = (struct run_account){.log = log, .user = user};
    step_read(&step.it, octets, size);
    step.run.now = step.it.ev.now;
    coverage_begin();
    if (step.it.clause != TFSM_OK) {
        run_note(&step.run, "no case: the TCB is not in order");
        return step.run.result;
    }
    step.run.result.events = 1;
    if (!step.it.silent) {
        feed(&step);
    }
    drain(&step);
    return step.run.result;
}
