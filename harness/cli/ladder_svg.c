/* See ladder_svg.h. From left to right: the time where it goes on, what the left end is and hears, its life line, the lane
 * with the segments, the other life line, what the right end is and hears. Letters are of one width,
 * so that how much fits is known without asking a font; sizes are in SVG's units, pixels at first. */
#include "ladder_svg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"
#include "report.h"
#include "words.h"

#define LETTER 6.7 /* of text at 11 units, and a little */
#define SMALL  6.1 /* at 10 */
enum {
    TIME = 84,   /* where times end */
    LEFT = 290,  /* the life lines */
    LANE = 500,  /* between them */
    SIDE = 192,  /* for text beside a life line */
    PEER = 56,   /* for its name alone */
    LINE = 13,   /* from one line of text to the next */
    ARROW = 17,  /* an arrow below the top of its event */
    AWAY = 88,   /* where the network begins, from a life line */
    HEAD = 30,   /* of a ladder, with the names of the ends */
    MARGIN = 14, /* of the page */
    TOP = 40     /* of the page, with the title */
};

struct ladder_svg {
    FILE *body; /* into octets */
    char *octets;
    size_t size;
    int y;     /* so far */
    int right; /* the right life line */
    int width;
    bool two;      /* both ends are ours */
    bool named;    /* the right end has a name in each line */
    char time[32]; /* as it was last drawn */
    const char *left_state[LADDER_ENDS];
    const char *right_state;
};

/* ---- text ---- */

/* Text between tags: clean, and nothing in it is markup. */
static void put_text(FILE *to, const char *text, size_t length)
{
    static const char *const named[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    char raw[1024];
    char clean[1024];
    snprintf(raw, sizeof raw, "%.*s", (int)length, text);
    report_clean(clean, sizeof clean, raw);
    for (const char *at = clean; *at != '\0'; at++) {
        const char *found = strchr("&<>\"", *at);
        if (found != NULL) {
            fputs(named[found - "&<>\""], to);
        } else {
            fputc(*at, to);
        }
    }
}

/* One line of text; anchor: start, middle or end. */
static void put_line(FILE *to, int x, int y, const char *anchor, const char *kind, const char *text,
                     size_t length)
{
    fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"%s\" text-anchor=\"%s\">", x, y, kind, anchor);
    put_text(to, text, length);
    fputs("</text>\n", to);
}

/* Text broken between words into lines that fit; returns where the line after the last one stands. */
static int put_lines(FILE *to, int x, int y, const char *anchor, const char *kind, double room,
                     const char *text)
{
    while (text[0] != '\0') {
        size_t length = words_break(text, (size_t)room);
        put_line(to, x, y, anchor, kind, text, length);
        y += LINE;
        text += length;
        text += text[0] == ' ';
    }
    return y;
}

/* ---- one event ---- */

/* Text at the side of an end; returns where the next line stands. */
static int put_side(const struct ladder_svg *svg, bool at_right, int y, const char *kind,
                    const char *text)
{
    return put_lines(svg->body, at_right ? svg->right + 10 : LEFT - 10, y,
                     at_right ? "start" : "end", kind, SIDE / LETTER, text);
}

/* A state where it is news. */
static int put_state(const struct ladder_svg *svg, bool at_right, int y, const char *state,
                     const char **shown)
{
    if (*shown != NULL && strcmp(*shown, state) == 0) {
        return y;
    }
    *shown = state;
    return put_side(svg, at_right, y, "lad-state", state);
}

static void put_time(struct ladder_svg *svg, double seconds)
{
    char text[32];
    snprintf(text, sizeof text, "%.*f", seconds < 1e5 ? 6 : seconds < 1e8 ? 3 : 0, seconds);
    if (strcmp(text, svg->time) != 0) {
        put_line(svg->body, TIME, svg->y + ARROW + 3, "end", "lad-time", text, strlen(text));
        snprintf(svg->time, sizeof svg->time, "%s", text);
    }
}

static void put_stroke(FILE *to, const char *kind, const char *more, int from, int until, int y)
{
    fprintf(to, "<path d=\"M%d %dH%d\" class=\"%s%s\"/>\n", from, y, until, kind, more);
}

/* The arrow of a segment: whole at the end that has to do with it, dotted where it is the network's. */
static void put_arrow(const struct ladder_svg *svg, const struct ladder_mark *mark, int y)
{
    bool lost = mark->kind == RUN_LOST;
    int step = mark->to_right ? 1 : -1;
    int from = mark->to_right ? LEFT : svg->right;
    int until = mark->to_right ? svg->right : LEFT;
    const char *kind = lost ? "lad-lost" : mark->to_right ? "lad-right" : "lad-left";
    if (lost) { /* it never comes near an end */
        from += step * AWAY;
        until = LEFT + LANE / 2 + step * LANE / 4;
        put_stroke(svg->body, kind, "", from, until, y);
        fprintf(svg->body, "<path d=\"M%d %dl10 10m0 -10l-10 10\" class=\"lad-cross\"/>\n",
                until - 5, y - 5);
        return;
    }
    if (svg->two && mark->kind == RUN_SENDS) {
        put_stroke(svg->body, kind, " lad-dots", until - step * AWAY, until - step * AWAY / 2, y);
        until -= step * AWAY;
    } else if (svg->two) {
        put_stroke(svg->body, kind, " lad-dots", from + step * AWAY / 2, from + step * AWAY, y);
        from += step * AWAY;
    }
    put_stroke(svg->body, kind, "", from, until - step * 2, y);
    fprintf(svg->body, "<path d=\"M%d %dl%d -4v8z\" class=\"%s lad-tip\"/>\n", until, y, -8 * step,
            kind);
}

/* Which rules did it, in the lane beside the life line. */
static int put_rules(const struct ladder_svg *svg, const struct ladder_mark *mark, int y)
{
    struct cli_text rules = {.used = 0};
    for (unsigned i = 0; i < mark->rule_count; i++) {
        cli_join(&rules, ", ", mark->rules[i]);
    }
    return put_lines(svg->body, mark->at_right ? svg->right - 10 : LEFT + 10, y,
                     mark->at_right ? "end" : "start", "lad-rule", (LANE - 20) / SMALL,
                     rules.octets);
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* What stands in the lane; returns where it ends. */
static int put_lane(const struct ladder_svg *svg, const struct ladder_mark *mark)
{
    int middle = LEFT + LANE / 2;
    int y = svg->y + ARROW;
    if (mark->kind == RUN_CALL || mark->kind == RUN_TIMEOUT) {
        return put_rules(svg, mark, y + 3);
    }
    put_line(svg->body, middle, y - 5, "middle", "lad-words", mark->what.octets, mark->what.used);
    put_arrow(svg, mark, y);
    y = put_lines(svg->body, middle, y + 11, "middle", "lad-rest", (LANE - 20) / SMALL,
                  mark->rest.octets);
    return put_rules(svg, mark, y);
}

/* What an end does, is and hears. */
static int put_ends(struct ladder_svg *svg, const struct ladder *ladder,
                    const struct ladder_mark *mark)
{
    int y[2] = {svg->y + ARROW + 3, svg->y + ARROW + 3};
    unsigned side = mark->at_right ? 1 : 0;
    unsigned peer = svg->named ? ladder->peer : 0;
    if (mark->kind == RUN_CALL || mark->kind == RUN_TIMEOUT) {
        y[side] = put_side(svg, side == 1, y[side],
                           mark->kind == RUN_CALL ? "lad-call" : "lad-timer", mark->what.octets);
    }
    y[0] = put_state(svg, false, y[0], mark->left, &svg->left_state[peer]);
    if (svg->named) {
        put_line(svg->body, svg->right + 8, y[1], "start", "lad-time", mark->right,
                 strlen(mark->right));
    } else if (svg->two) {
        y[1] = put_state(svg, true, y[1], mark->right, &svg->right_state);
    }
    for (unsigned i = 0; i < mark->heard_count; i++) {
        y[side] = put_side(svg, side == 1, y[side], "lad-heard", mark->heard[i]);
    }
    return larger(y[0], y[1]);
}

static void put_note(struct ladder_svg *svg, const char *text)
{
    svg->y = put_lines(svg->body, LEFT + LANE / 2, svg->y + LINE, "middle", "lad-note",
                       LANE / LETTER, text) -
             LINE + 8;
}

/* ---- the pen ---- */

static void svg_begin(const struct ladder *ladder, const char *left, const char *right)
{
    struct ladder_svg *svg = ladder->canvas;
    struct cli_text text = {.used = 0};
    svg->two = ladder->mode == RUN_PAIR;
    svg->named = ladder_has_peers(ladder);
    svg->right = LEFT + LANE;
    svg->width = svg->right + (svg->two ? SIDE + 10 : PEER);
    right = svg->two ? right : "the network";
    put_line(svg->body, TIME, svg->y + 16, "end", "lad-time", "seconds", 7);
    put_line(svg->body, LEFT, svg->y + 16, "middle", "lad-end", left, strlen(left));
    put_line(svg->body, svg->right, svg->y + 16, "middle", "lad-end", right, strlen(right));
    svg->y += HEAD;
    if (ladder->skip > 0) {
        ladder_left_out(&text, ladder);
        put_note(svg, text.octets);
    }
}

static void svg_mark(const struct ladder *ladder, const struct ladder_mark *mark)
{
    struct ladder_svg *svg = ladder->canvas;
    if (mark->kind == RUN_NOTE) {
        put_note(svg, mark->note);
        return;
    }
    put_time(svg, mark->seconds);
    int end = larger(put_lane(svg, mark), put_ends(svg, ladder, mark)) - LINE + 6;
    svg->y = larger(end, svg->y + ARROW + 4);
}

/* In red, with what is demanded, and what there is instead. */
static void put_violation(struct ladder_svg *svg, const struct ladder *ladder,
                          const struct violation *violation)
{
    struct cli_text text = {.used = 0};
    double room = (svg->width - 3 * MARGIN) / LETTER;
    int top = svg->y + 10;
    char *changes = NULL;
    size_t size = 0;
    cli_add(&text, "violation %s: %s (", violation->id, violation->requirement);
    ladder_place(&text, ladder, violation);
    cli_add(&text, ")");
    int y = put_lines(svg->body, MARGIN, top + LINE + 3, "start", "lad-broken", room, text.octets);
    if (violation->counted) {
        text.used = 0;
        cli_add(&text, "expected %" PRIu64 ", found %" PRIu64, violation->expected,
                violation->found);
        y = put_lines(svg->body, MARGIN, y, "start", "lad-found", room, text.octets);
    }
    FILE *to = ladder->stepped ? open_memstream(&changes, &size) : NULL;
    if (to != NULL) {
        fputs("found after the last step: ", to);
        changes_print(to, 27, 0, 100000, ladder->had_before ? &ladder->before : NULL,
                      &ladder->after);
        fclose(to);
        changes[strcspn(changes, "\n")] = '\0';
        y = put_lines(svg->body, MARGIN, y, "start", "lad-found", room, changes);
        free(changes);
    }
    fprintf(svg->body,
            "<rect x=\"2\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\" class=\"lad-box\"/>\n", top,
            svg->width - 4, y - top - 4);
    svg->y = y;
}

static void svg_end(const struct ladder *ladder, const struct run_result *result)
{
    struct ladder_svg *svg = ladder->canvas;
    struct cli_text text = {.used = 0};
    int bottom = svg->y + 6;
    if (!ladder->started) {
        svg_begin(ladder, "A", ladder->mode == RUN_PAIR ? "B" : "peer");
        put_note(svg, "nothing happened");
        bottom = svg->y;
    }
    for (int i = 0; i < 2; i++) {
        fprintf(svg->body, "<path d=\"M%d %dV%d\" class=\"lad-life%s\"/>\n",
                i == 0 ? LEFT : svg->right, HEAD - 8, bottom,
                i == 1 && !svg->two ? " lad-dots" : "");
    }
    svg->y = bottom;
    if (result->violation.id != NULL) {
        fprintf(svg->body, "<circle cx=\"%d\" cy=\"%d\" r=\"4\" class=\"lad-spot\"/>\n",
                svg->two && result->violation.end == 1 ? svg->right : LEFT, bottom);
        put_violation(svg, ladder, &result->violation);
        return;
    }
    cli_add(&text, "%" PRIu32 " events, no invariant broken", result->events);
    put_line(svg->body, MARGIN, svg->y + 18, "start", "lad-fine", text.octets, text.used);
    svg->y += 26;
}

const struct ladder_pen ladder_svg_pen = {.begin = svg_begin, .mark = svg_mark, .end = svg_end};

/* ---- the page ---- */

struct ladder_svg *ladder_svg_create(void)
{
    struct ladder_svg *svg = calloc(1, sizeof *svg);
    if (svg != NULL && (svg->body = open_memstream(&svg->octets, &svg->size)) == NULL) {
        free(svg);
        svg = NULL;
    }
    return svg;
}

void ladder_svg_destroy(struct ladder_svg *svg)
{
    if (svg != NULL) {
        fclose(svg->body);
        free(svg->octets);
        free(svg);
    }
}

/* Names begin with lad-, for a page of HTML takes all of this as its own where it holds the picture. */
static const char style[] =
    "<style>\n"
    ".lad text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;"
    "fill:#1c2733;white-space:pre}\n"
    ".lad path{fill:none}\n"
    ".lad .lad-paper{fill:#fff}\n"
    ".lad .lad-title{font-weight:bold;font-size:13px}\n"
    ".lad .lad-end,.lad .lad-state{font-weight:bold}\n"
    ".lad .lad-time,.lad .lad-rest,.lad .lad-rule,.lad .lad-note{fill:#5b6875;font-size:10px}\n"
    ".lad .lad-note{font-style:italic}\n"
    ".lad .lad-call{fill:#7a3e9d}\n"
    ".lad .lad-timer{fill:#8a5a00}\n"
    ".lad .lad-heard,.lad .lad-fine{fill:#17713a}\n"
    ".lad .lad-life{stroke:#8694a3;stroke-width:1.5}\n"
    ".lad .lad-dots{stroke-dasharray:2 4}\n"
    ".lad .lad-right{stroke:#1f5fa8;stroke-width:1.3}\n"
    ".lad .lad-left{stroke:#b3560f;stroke-width:1.3}\n"
    ".lad .lad-right.lad-tip{fill:#1f5fa8;stroke:none}\n"
    ".lad .lad-left.lad-tip{fill:#b3560f;stroke:none}\n"
    ".lad .lad-lost{stroke:#8694a3;stroke-width:1.3;stroke-dasharray:5 3}\n"
    ".lad .lad-cross{stroke:#c1121f;stroke-width:2}\n"
    ".lad .lad-box{fill:none;stroke:#c1121f;stroke-width:1.5}\n"
    ".lad .lad-spot{fill:#c1121f}\n"
    ".lad .lad-broken{fill:#c1121f;font-weight:bold}\n"
    "@media (prefers-color-scheme:dark){\n"
    ".lad text{fill:#dde4ea}\n"
    ".lad .lad-paper{fill:#14191f}\n"
    ".lad .lad-time,.lad .lad-rest,.lad .lad-rule,.lad .lad-note{fill:#98a6b3}\n"
    ".lad .lad-call{fill:#cf9bf0}\n"
    ".lad .lad-timer{fill:#e6b450}\n"
    ".lad .lad-heard,.lad .lad-fine{fill:#6fcf8e}\n"
    ".lad .lad-right{stroke:#6cb0f5}\n"
    ".lad .lad-left{stroke:#f0a05a}\n"
    ".lad .lad-right.lad-tip{fill:#6cb0f5}\n"
    ".lad .lad-left.lad-tip{fill:#f0a05a}\n"
    ".lad .lad-cross,.lad .lad-box{stroke:#ff6b6b}\n"
    ".lad .lad-broken,.lad .lad-spot{fill:#ff7b7b}\n"
    "}\n"
    "</style>\n";

bool ladder_svg_page(FILE *to, const char *title, struct ladder_svg *const *ladders,
                     const char *const *headings, size_t count)
{
    int width = 2 * MARGIN;
    int height = 0;
    int top = TOP + (headings != NULL ? 20 : 0);
    for (size_t i = 0; i < count; i++) {
        if (fflush(ladders[i]->body) != 0 || ferror(ladders[i]->body)) {
            return false;
        }
        width += ladders[i]->width + (i > 0 ? 2 * MARGIN : 0);
        height = larger(height, ladders[i]->y);
    }
    height += top + MARGIN;
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
            "%d\" class=\"lad\" role=\"img\">\n<title>",
            width, height, width, height);
    put_text(to, title, strlen(title));
    fprintf(to, "</title>\n%s<rect width=\"%d\" height=\"%d\" class=\"lad-paper\"/>\n", style,
            width, height);
    put_lines(to, MARGIN, 24, "start", "lad-title", (width - 2 * MARGIN) / 8.0, title);
    int x = MARGIN;
    for (size_t i = 0; i < count; i++) {
        if (headings != NULL) {
            put_line(to, x, TOP + 8, "start", "lad-end", headings[i], strlen(headings[i]));
        }
        fprintf(to, "<g transform=\"translate(%d %d)\">\n", x, top);
        fwrite(ladders[i]->octets, 1, ladders[i]->size, to);
        fputs("</g>\n", to);
        x += ladders[i]->width + 2 * MARGIN;
    }
    fputs("</svg>\n", to);
    return true;
}
