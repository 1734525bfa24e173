/* The walk of a ladder: what each line of a run is, in words, and what the reader has to remember
 * for the next one. How it looks is up to the pen.
 */
#include "ladder.h"

#include <inttypes.h>
#include <stdio.h>

#include "machine.h"
#include "whole.h"
#include "words.h"

/* ---- one segment in words ---- */

static void add_number(struct cli_text *text, const char *name, uint32_t number,
                       const struct ladder *ladder, bool known, uint32_t origin)
{
    if (ladder->absolute) {
        cli_add(text, " %s %" PRIu32, name, number);
    } else {
        words_number(text, name, number, known, origin);
    }
}

static uint32_t text_length(const struct tfsm_segment *segment)
{
    return segment->len - ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) -
           ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

/* What matters most: control bits, numbers, length. `end` is whose numbers they are, `sent` whether
 * it sent them. */
static void add_numbers(struct cli_text *text, const struct ladder *ladder,
                        const struct tfsm_segment *segment, unsigned end, bool sent)
{
    bool iss_known = ladder->end[end].iss_known;
    bool irs_known = ladder->end[end].irs_known;
    uint32_t iss = ladder->end[end].iss;
    uint32_t irs = ladder->end[end].irs;
    if (!irs_known &&
        ladder->mode == RUN_PAIR) { /* this end does not know it yet, the reader does */
        irs_known = ladder->end[1 - end].iss_known;
        irs = ladder->end[1 - end].iss;
    }
    words_flags(text, segment->flags);
    add_number(text, "seq", segment->seq, ladder, sent ? iss_known : irs_known, sent ? iss : irs);
    if ((segment->flags & TFSM_ACK) != 0) {
        add_number(text, "ack", segment->ack, ladder, sent ? irs_known : iss_known,
                   sent ? irs : iss);
    }
    if (text_length(segment) > 0) {
        cli_add(text, " len %" PRIu32, text_length(segment));
    }
}

/* The rest, and the rule that made it. */
static void add_rest(struct cli_text *text, const struct tfsm_segment *segment, bool sent)
{
    words_rest(text, segment);
    if (sent && segment->rule < TFSM_RULES) {
        cli_add(text, " [%s]", tfsm_rule_name(segment->rule));
    }
}

/* ---- one event of the diagram ---- */

bool ladder_has_peers(const struct ladder *ladder)
{
    return ladder->mode == RUN_LISTENER || ladder->mode == RUN_ENDPOINT;
}

static const char *state_of(const struct ladder *ladder, unsigned end)
{
    static const char *const peers[LADDER_ENDS] = {"peer 0", "peer 1", "peer 2", "peer 3",
                                                   "peer 4", "peer 5", "peer 6", "peer 7"};
    if ((ladder->mode == RUN_TRACE || ladder->mode == RUN_STEP) && end == 1) {
        return ladder->who != NULL ? ladder->who : "";
    }
    if (ladder_has_peers(ladder)) {
        return end == 1 ? peers[ladder->peer] : tfsm_state_name(ladder->end[ladder->peer].state);
    }
    return tfsm_state_name(ladder->end[end].state);
}

static const struct ladder_pen *pen_of(const struct ladder *ladder)
{
    return ladder->pen != NULL ? ladder->pen : &ladder_text_pen;
}

static void begin(struct ladder *ladder, tfsm_time now)
{
    if (ladder->started) {
        return;
    }
    ladder->started = true;
    ladder->start = now;
    pen_of(ladder)->begin(ladder, ladder->mode == RUN_LISTENER ? "A listens" : "A",
                          ladder->mode == RUN_PAIR ? "B" : "peer");
}

static void add_effects(struct ladder_mark *mark, const struct ladder *ladder,
                        const struct tfsm_effects *fx, const struct tfsm_trace *trace)
{
    for (unsigned i = 0; i < trace->count; i++) {
        if (ladder->all_rules || words_tells(trace, i)) {
            mark->rules[mark->rule_count++] = tfsm_rule_name(trace->fired[i]);
        }
    }
    if (fx->delivered > 0) {
        snprintf(mark->heard[mark->heard_count++], sizeof mark->heard[0],
                 "%" PRIu32 " octets to read", fx->delivered);
    }
    for (unsigned bit = 1; bit <= TFSM_SIG_EARLY; bit <<= 1) {
        if ((fx->signals & bit) != 0) {
            snprintf(mark->heard[mark->heard_count++], sizeof mark->heard[0], "user: %s",
                     tfsm_signal_name((enum tfsm_signal)bit));
        }
    }
}

static void add_segment(struct ladder_mark *mark, const struct ladder *ladder,
                        const struct run_line *line, const struct tfsm_segment *segment)
{
    unsigned to = mark->to_right ? 1 : 0;
    add_numbers(&mark->what, ladder, segment, line->kind == RUN_LOST ? 1 - to : line->end,
                line->kind != RUN_ARRIVES);
    add_rest(&mark->rest, segment, line->kind == RUN_SENDS);
}

/* Remember what the reader needs to read the next line: states, and where each end's numbers start.
 */
static void remember(struct ladder *ladder, unsigned end, const struct tfsm_tcb *tcb)
{
    ladder->end[end].state = tcb->state;
    if (tcb->state == TFSM_CLOSED || tcb->state == TFSM_LISTEN) {
        return; /* a RST for the old connection may follow: keep its numbers */
    }
    if (!ladder->end[end].iss_known || ladder->end[end].iss != tcb->iss) {
        ladder->end[end].iss_known = true;
        ladder->end[end].iss = tcb->iss;
        ladder->end[end].irs_known = false;
    }
    if (tcb->state != TFSM_SYN_SENT) {
        ladder->end[end].irs_known = true;
        ladder->end[end].irs = tcb->irs;
    }
}

struct run_line ladder_step(const struct endpoint_watched *what)
{
    enum tfsm_event_kind kind = what->event->kind;
    return (struct run_line){.kind = kind == TFSM_EV_SEGMENT   ? RUN_ARRIVES
                                     : kind == TFSM_EV_TIMEOUT ? RUN_TIMEOUT
                                                               : RUN_CALL,
                             .now = what->now,
                             .ev = what->event,
                             .result = what->result,
                             .fx = what->effects,
                             .trace = machine_trace(what->effects),
                             .before = what->before,
                             .after = what->after};
}

static void draw(struct ladder *ladder, tfsm_time now, struct ladder_mark *mark)
{
    if (ladder->marks++ < ladder->skip) {
        return;
    }
    mark->seconds = (double)(now - ladder->start) / 1e6;
    mark->left = state_of(ladder, 0);
    mark->right = state_of(ladder, 1);
    pen_of(ladder)->mark(ladder, mark);
}

/* Which way a segment goes, in words, and what came of it. False where there is nothing to draw. */
static bool describe(struct ladder_mark *mark, const struct ladder *ladder,
                     const struct run_line *line)
{
    bool peers = ladder_has_peers(ladder); /* on the left whoever's conversation it is */
    switch (line->kind) {
    case RUN_SENDS:
        mark->to_right = peers || line->end == 0;
        add_segment(mark, ladder, line, line->segment);
        return true;
    case RUN_LOST:
        mark->to_right = line->end == 1;
        add_segment(mark, ladder, line, line->segment);
        return true;
    case RUN_ARRIVES:
        mark->to_right = !peers && line->end == 1;
        add_segment(mark, ladder, line, &line->ev->segment);
        break;
    case RUN_TIMEOUT:
    case RUN_CALL:
        words_call(&mark->what, line);
        break;
    case RUN_NOTE:
        mark->note = line->text;
        return true;
    case RUN_WIRE:
    case RUN_HOST:
        return false;
    }
    mark->at_right = !peers && line->end == 1;
    add_effects(mark, ladder, line->fx, line->trace);
    /* else time passed and nothing was due */
    return line->kind != RUN_TIMEOUT || mark->rule_count > 0;
}

void ladder_line(void *user, const struct run_line *line)
{
    struct ladder *ladder = user;
    struct ladder_mark mark = {.kind = line->kind};
    if (line->kind == RUN_WIRE || line->kind == RUN_HOST) {
        return; /* for who captures; here they are arrows, and calls of the core */
    }
    ladder->peer = line->end;
    begin(ladder, line->now);
    if (line->kind != RUN_LOST && line->kind != RUN_NOTE) {
        if (line->after != NULL) {
            ladder->stepped = true;
            ladder->had_before = line->before != NULL;
            if (line->before != NULL) {
                copy_members(&ladder->before, line->before);
            }
            copy_members(&ladder->after, line->after);
        }
        remember(ladder, line->end, line->after);
    }
    if (describe(&mark, ladder, line)) {
        draw(ladder, line->now, &mark);
    }
}

/* ---- the end ---- */

void ladder_place(struct cli_text *text, const struct ladder *ladder,
                  const struct violation *violation)
{
    if (ladder_has_peers(ladder)) {
        cli_add(text, "peer %u", violation->end);
    } else {
        cli_add(text, "at end %s", violation->end == 0 ? "A" : "B");
    }
}

void ladder_left_out(struct cli_text *text, const struct ladder *ladder)
{
    cli_add(text, "%" PRIu64 " line%s of events before these %s left out", ladder->skip,
            cli_plural(ladder->skip), ladder->skip == 1 ? "is" : "are");
}

void ladder_end(const struct ladder *ladder, const struct run_result *result)
{
    pen_of(ladder)->end(ladder, result);
}

static void blank_begin(const struct ladder *ladder, const char *left, const char *right)
{
    (void)ladder;
    (void)left;
    (void)right;
}

static void blank_mark(const struct ladder *ladder, const struct ladder_mark *mark)
{
    (void)ladder;
    (void)mark;
}

uint64_t ladder_count(const struct ladder *ladder, const uint8_t *octets, size_t size)
{
    static const struct ladder_pen blank = {.begin = blank_begin, .mark = blank_mark};
    struct ladder counted = *ladder;
    counted.pen = &blank;
    run_program(counted.mode, octets, size, ladder_line, &counted);
    return counted.marks;
}
