/* The ladder as text: a lane of fixed width between the two ends, a line for everything that
 * happens, and under it, indented, which rules did it and what the user was told. Fits 110 columns.
 */
#include "ladder.h"

#include "changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

enum { LANE = 70, INDENT = 27, PAGE = WORDS_PAGE };

/* Where it is drawn. */
static FILE *paper(const struct ladder *ladder)
{
    return ladder->to != NULL ? ladder->to : stdout;
}

/* ---- one line ---- */

/* In seconds with as many decimals as the column holds; never in powers of ten. */
static int decimals(double seconds)
{
    return seconds < 1e5 ? 6 : seconds < 1e8 ? 3 : 0;
}

/* Time, left state, lane, right state; nothing follows the last thing there is to say. */
static void draw(const struct ladder *ladder, const struct ladder_mark *mark, const char *lane)
{
    fprintf(paper(ladder), "%12.*f", decimals(mark->seconds), mark->seconds);
    fprintf(paper(ladder), "  %-12s ", mark->left);
    if (mark->right[0] != '\0') {
        fprintf(paper(ladder), "%-*s %s\n", LANE, lane, mark->right);
        return;
    }
    size_t length = strlen(lane);
    while (length > 0 && lane[length - 1] == ' ') {
        length--;
    }
    fprintf(paper(ladder), "%.*s\n", (int)length, lane);
}

static void draw_note(const struct ladder *ladder, const char *text)
{
    fprintf(paper(ladder), "%*s-- %s --\n", INDENT, "", text);
}

static void text_begin(const struct ladder *ladder, const char *left, const char *right)
{
    struct cli_text text = {.used = 0};
    fprintf(paper(ladder), "%12s  %-12s %-*s %s\n", "seconds", left, LANE, "", right);
    if (ladder->skip > 0) {
        ladder_left_out(&text, ladder);
        draw_note(ladder, text.octets);
    }
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

static void draw_details(const struct ladder *ladder, const struct ladder_mark *mark)
{
    struct details details = {.to = paper(ladder), .who = mark->at_right ? "B: " : "A: "};
    for (unsigned i = 0; i < mark->rule_count; i++) {
        add_detail(&details, ", ", mark->rules[i]);
    }
    for (unsigned i = 0; i < mark->heard_count; i++) {
        add_detail(&details, "; ", mark->heard[i]);
    }
    if (details.column > 0) {
        fputc('\n', details.to);
    }
}

/* The two ends of an arrow. A bar is the end itself, an open end is the network. */
static void arrow_ends(bool to_right, enum run_line_kind kind, const char **left,
                       const char **right)
{
    bool sent = kind == RUN_SENDS;
    if (kind == RUN_LOST) {
        *left = to_right ? "    -- " : "    X-- ";
        *right = to_right ? "--X    " : "--    ";
    } else if (to_right) {
        *left = sent ? "|-- " : "    -- ";
        *right = sent ? "-->    " : "-->|";
    } else {
        *left = sent ? "    <-- " : "|<-- ";
        *right = sent ? "--|" : "--    ";
    }
}

/* A segment in its lane, in words on an arrow; what has no room there comes on the next line. End B
 * is on the right. */
static void draw_segment(const struct ladder *ladder, const struct ladder_mark *mark)
{
    struct cli_text text = mark->what;
    struct cli_text lane = {.used = 0};
    const char *left;
    const char *right;
    arrow_ends(mark->to_right, mark->kind, &left, &right);
    size_t room = LANE - strlen(left) - strlen(right) - 1;
    bool fits = text.used + 1 + mark->rest.used <= room;
    if (fits) {
        cli_add(&text, " %s", mark->rest.octets);
    }
    cli_add(&lane, "%s%s ", left, text.octets);
    for (size_t i = text.used; i < room; i++) {
        cli_add(&lane, "-");
    }
    cli_add(&lane, "%s", right);
    draw(ladder, mark, lane.octets);
    if (!fits) {
        words_wrap(paper(ladder), INDENT + (int)strlen(left), mark->rest.octets);
    }
}

static void text_mark(const struct ladder *ladder, const struct ladder_mark *mark)
{
    struct cli_text lane = {.used = 0};
    switch (mark->kind) {
    case RUN_NOTE:
        draw_note(ladder, mark->note);
        return;
    case RUN_CALL:
    case RUN_TIMEOUT:
        cli_add(&lane, "%*s", mark->at_right ? LANE : 0, mark->what.octets);
        draw(ladder, mark, lane.octets);
        break;
    case RUN_SENDS:
    case RUN_LOST:
    case RUN_ARRIVES:
        draw_segment(ladder, mark);
        break;
    case RUN_WIRE:
    case RUN_HOST:
        return;
    }
    draw_details(ladder, mark);
}

/* ---- the foot ---- */

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
    struct cli_text place = {.used = 0};
    ladder_place(&place, ladder, violation);
    printf("violation %s: %s (%s)\n", violation->id, violation->requirement, place.octets);
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

static void text_end(const struct ladder *ladder, const struct run_result *result)
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

const struct ladder_pen ladder_text_pen = {.begin = text_begin, .mark = text_mark, .end = text_end};
