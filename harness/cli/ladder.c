/* Drawing the ladder: a lane of fixed width between the two ends, a line for everything that
 * happens, and under it, indented, which rules did it and what the user was told. Fits 110 columns.
 */
#include "ladder.h"

#include "changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "machine.h"
#include "words.h"

enum { LANE = 70, INDENT = 27, PAGE = WORDS_PAGE };

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

/* ---- one line of the diagram ---- */

/* Where it is drawn. */
static FILE *paper(const struct ladder *ladder)
{
    return ladder->to != NULL ? ladder->to : stdout;
}

/* Conversations with several peers, ours always on the left. */
static bool has_peers(const struct ladder *ladder)
{
    return ladder->mode == RUN_LISTENER || ladder->mode == RUN_ENDPOINT;
}

static const char *state_of(const struct ladder *ladder, unsigned end)
{
    static const char *const peers[LADDER_ENDS] = {"peer 0", "peer 1", "peer 2", "peer 3",
                                                   "peer 4", "peer 5", "peer 6", "peer 7"};
    if (ladder->mode == RUN_TRACE && end == 1) {
        return ladder->who != NULL ? ladder->who : "";
    }
    if (has_peers(ladder)) {
        return end == 1 ? peers[ladder->peer] : tfsm_state_name(ladder->end[ladder->peer].state);
    }
    return tfsm_state_name(ladder->end[end].state);
}

/* In seconds with as many decimals as the column holds; never in powers of ten. */
static int decimals(double seconds)
{
    return seconds < 1e5 ? 6 : seconds < 1e8 ? 3 : 0;
}

/* Time, left state, lane, right state; nothing follows the last thing there is to say. */
static void draw(const struct ladder *ladder, tfsm_time now, const char *lane)
{
    double seconds = (double)(now - ladder->start) / 1e6;
    const char *right = state_of(ladder, 1);
    fprintf(paper(ladder), "%12.*f", decimals(seconds), seconds);
    fprintf(paper(ladder), "  %-12s ", state_of(ladder, 0));
    if (right[0] != '\0') {
        fprintf(paper(ladder), "%-*s %s\n", LANE, lane, right);
        return;
    }
    size_t length = strlen(lane);
    while (length > 0 && lane[length - 1] == ' ') {
        length--;
    }
    fprintf(paper(ladder), "%.*s\n", (int)length, lane);
}

static void begin(struct ladder *ladder, tfsm_time now)
{
    if (ladder->started) {
        return;
    }
    ladder->started = true;
    ladder->start = now;
    fprintf(paper(ladder), "%12s  %-12s %-*s %s\n", "seconds",
            ladder->mode == RUN_LISTENER ? "A listens" : "A", LANE, "",
            ladder->mode == RUN_PAIR ? "B" : "peer");
}

/* Items under a line, wrapped at the edge of the page. */
struct details {
    FILE *to;
    size_t column;
    const char *who;
};

static void add_detail(struct details *details, const char *separator, const char *item)
{
    size_t length = strlen(item);
    if (details->column > 0 && details->column + strlen(separator) + length <= PAGE) {
        fprintf(details->to, "%s%s", separator, item);
        details->column += strlen(separator) + length;
        return;
    }
    if (details->column > 0) {
        fprintf(details->to, "%s\n", separator[0] == ',' ? "," : "");
    }
    fprintf(details->to, "%*s%s%s", INDENT, "", details->column == 0 ? details->who : "   ", item);
    details->column = (size_t)INDENT + 3 + length;
}

static void end_details(const struct details *details)
{
    if (details->column > 0) {
        fputc('\n', details->to);
    }
}

/* Rules that did something, and the one that dropped a segment: that is what one wants to know. */
static bool tells(const struct tfsm_trace *trace, unsigned i)
{
    const struct tfsm_rule *rule = &machine_rows()[trace->fired[i]];
    bool dropped = i + 1u == trace->count && rule->verdict >= TFSM_V_DROP;
    return rule->actions[0] != TFSM_ACTION_IGNORE || rule->next != TFSM_STAY || dropped;
}

static bool anything_told(const struct ladder *ladder, const struct tfsm_trace *trace)
{
    for (unsigned i = 0; i < trace->count; i++) {
        if (ladder->all_rules || tells(trace, i)) {
            return true;
        }
    }
    return false;
}

static void draw_effects(const struct ladder *ladder, unsigned end, const struct tfsm_effects *fx,
                         const struct tfsm_trace *trace)
{
    bool right = !has_peers(ladder) && end == 1;
    struct details details = {.to = paper(ladder), .who = right ? "B: " : "A: "};
    struct cli_text text = {.used = 0};
    for (unsigned i = 0; i < trace->count; i++) {
        if (ladder->all_rules || tells(trace, i)) {
            add_detail(&details, ", ", tfsm_rule_name(trace->fired[i]));
        }
    }
    if (fx->delivered > 0) {
        cli_add(&text, "%" PRIu32 " octets to read", fx->delivered);
        add_detail(&details, "; ", text.octets);
    }
    for (unsigned bit = 1; bit <= TFSM_SIG_EARLY; bit <<= 1) {
        if ((fx->signals & bit) != 0) {
            text.used = 0;
            cli_add(&text, "user: %s", tfsm_signal_name((enum tfsm_signal)bit));
            add_detail(&details, "; ", text.octets);
        }
    }
    end_details(&details);
}

/* The two ends of an arrow. A bar is the end itself, an open end is the network. */
static void arrow_ends(unsigned to, enum run_line_kind kind, const char **left, const char **right)
{
    bool sent = kind == RUN_SENDS;
    if (kind == RUN_LOST) {
        *left = to == 1 ? "    -- " : "    X-- ";
        *right = to == 1 ? "--X    " : "--    ";
    } else if (to == 1) {
        *left = sent ? "|-- " : "    -- ";
        *right = sent ? "-->    " : "-->|";
    } else {
        *left = sent ? "    <-- " : "|<-- ";
        *right = sent ? "--|" : "--    ";
    }
}

/* A segment in its lane, in words on an arrow; what has no room there comes on the next line. End B
 * is on the right. */
static void draw_segment(const struct ladder *ladder, const struct run_line *line,
                         const struct tfsm_segment *segment, unsigned to)
{
    struct cli_text text = {.used = 0};
    struct cli_text rest = {.used = 0};
    struct cli_text lane = {.used = 0};
    const char *left;
    const char *right;
    bool lost = line->kind == RUN_LOST;
    add_numbers(&text, ladder, segment, lost ? 1 - to : line->end, line->kind != RUN_ARRIVES);
    add_rest(&rest, segment, line->kind == RUN_SENDS);
    arrow_ends(to, line->kind, &left, &right);
    size_t room = LANE - strlen(left) - strlen(right) - 1;
    if (text.used + 1 + rest.used <= room) {
        cli_add(&text, " %s", rest.octets);
        rest.used = 0;
    }
    cli_add(&lane, "%s%s ", left, text.octets);
    for (size_t i = text.used; i < room; i++) {
        cli_add(&lane, "-");
    }
    cli_add(&lane, "%s", right);
    draw(ladder, line->now, lane.octets);
    if (rest.used > 0) {
        words_wrap(paper(ladder), INDENT + (int)strlen(left), rest.octets);
    }
}

static void draw_call(const struct ladder *ladder, const struct run_line *line)
{
    struct cli_text call = {.used = 0};
    struct cli_text lane = {.used = 0};
    const struct tfsm_event *ev = line->ev;
    cli_add(&call, "%s", line->kind == RUN_TIMEOUT ? "timeout" : tfsm_event_name(ev->kind));
    if (ev->kind == TFSM_EV_OPEN) {
        cli_add(&call, "%s%s", ev->active ? " active" : " passive",
                ev->remote ? ", to a given peer" : "");
    } else if (ev->kind == TFSM_EV_SEND || ev->kind == TFSM_EV_RECEIVE) {
        cli_add(&call, " %" PRIu32 "%s", ev->len,
                ev->kind == TFSM_EV_SEND && ev->urgent ? ", urgent" : "");
    }
    if (ev->kind == TFSM_EV_RECEIVE && line->fx->taken != ev->len && line->result == TFSM_DONE) {
        cli_add(&call, ", gets %" PRIu32, line->fx->taken);
    }
    if (line->kind == RUN_CALL && line->result != TFSM_DONE) {
        cli_add(&call, ": %s", tfsm_result_name(line->result));
    }
    bool right = !has_peers(ladder) && line->end == 1;
    cli_add(&lane, "%*s", right ? LANE : 0, call.octets);
    draw(ladder, line->now, lane.octets);
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

void ladder_line(void *user, const struct run_line *line)
{
    struct ladder *ladder = user;
    bool listener = has_peers(ladder); /* on the left whoever's conversation it is */
    ladder->peer = line->end;
    begin(ladder, line->now);
    if (line->kind == RUN_NOTE) {
        fprintf(paper(ladder), "%*s-- %s --\n", INDENT, "", line->text);
        return;
    }
    if (line->kind != RUN_LOST && line->after != NULL) {
        ladder->stepped = true;
        ladder->had_before = line->before != NULL;
        ladder->before = line->before != NULL ? *line->before : ladder->before;
        ladder->after = *line->after;
    }
    if (line->kind != RUN_LOST) {
        remember(ladder, line->end, line->after);
    }
    switch (line->kind) {
    case RUN_SENDS:
        draw_segment(ladder, line, line->segment, listener ? 1 : 1 - line->end);
        return;
    case RUN_LOST:
        draw_segment(ladder, line, line->segment, line->end);
        return;
    case RUN_ARRIVES:
        draw_segment(ladder, line, &line->ev->segment, listener ? 0 : line->end);
        break;
    case RUN_TIMEOUT:
        if (!anything_told(ladder, line->trace)) {
            return; /* time passed and nothing was due */
        }
        draw_call(ladder, line);
        break;
    case RUN_CALL:
        draw_call(ladder, line);
        break;
    case RUN_NOTE:
        break;
    }
    draw_effects(ladder, line->end, line->fx, line->trace);
}

static void draw_counters(const struct run_result *result)
{
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        enum tfsm_listener_counter counter = (enum tfsm_listener_counter)i;
        printf("%-*s %6" PRIu64 "  %s\n", INDENT - 8, tfsm_listener_counter_name(counter),
               result->counters[i], tfsm_listener_counter_text(counter));
    }
}

/* What had to be stands in the requirement; what is, in the last step. */
static void draw_violation(const struct ladder *ladder, const struct violation *violation)
{
    if (has_peers(ladder)) {
        printf("violation %s: %s (peer %u)\n", violation->id, violation->requirement,
               violation->end);
    } else {
        printf("violation %s: %s (at end %s)\n", violation->id, violation->requirement,
               violation->end == 0 ? "A" : "B");
    }
    if (violation->counted) {
        printf("  expected %" PRIu64 ", found %" PRIu64 "\n", violation->expected,
               violation->found);
    }
    if (ladder->stepped) {
        static const char words[] = "  found after the last step: ";
        printf("%s", words);
        changes_print(stdout, (int)sizeof words - 1, 4, PAGE,
                      ladder->had_before ? &ladder->before : NULL, &ladder->after);
    }
}

void ladder_end(const struct ladder *ladder, const struct run_result *result)
{
    const struct violation *violation = &result->violation;
    if (!ladder->started) {
        printf("nothing happened\n");
    }
    if (ladder->mode == RUN_LISTENER) {
        draw_counters(result);
    }
    if (violation->id == NULL) {
        printf("%" PRIu32 " events, no invariant broken\n", result->events);
    } else {
        draw_violation(ladder, violation);
    }
}
