/* An excerpt as a ladder: the charged end on the left, its peer on the right, time goes down from the connection's beginning.
 * ">" stands beside what proves the charge, ">>" beside the guilty packet, with the words under it. See report.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "words.h"

enum { LANE = 70, LEFT = 28 /* in front of the lane */ };

static void draw_ends(const struct excerpt *excerpt)
{
    char ends[2][REPORT_END];
    for (unsigned i = 0; i < 2; i++) {
        report_end_text(&excerpt->of.the_case, i == 0 ? excerpt->of.end : 1 - excerpt->of.end,
                        ends[i]);
    }
    printf("    %10s %12s ", "packet", "seconds");
    if (strlen(ends[0]) + strlen(ends[1]) < LANE) {
        printf("%s%*s\n", ends[0], (int)(LANE - strlen(ends[0])), ends[1]);
    } else { /* IPv6 takes as much */
        printf("%s\n%*s%*s\n", ends[0], LEFT, "", LANE, ends[1]);
    }
}

static void add_numbers(struct cli_text *text, const struct excerpt *excerpt,
                        const struct excerpt_line *line)
{
    const struct tfsm_segment *segment = &line->segment;
    unsigned peer = 1 - line->sender;
    words_flags(text, segment->flags);
    words_number(text, "seq", segment->seq, excerpt->origin_known[line->sender],
                 excerpt->origin[line->sender]);
    if ((segment->flags & TFSM_ACK) != 0) {
        words_number(text, "ack", segment->ack, excerpt->origin_known[peer], excerpt->origin[peer]);
    }
    if (capture_text(segment) > 0) {
        cli_add(text, " len %" PRIu32, capture_text(segment));
    }
}

static void add_rest(struct cli_text *text, const struct excerpt_line *line)
{
    words_rest(text, &line->segment);
    if (line->reserved != 0) {
        cli_add(text, " reserved bits %u", line->reserved);
    }
    if (line->wrong) {
        cli_add(text, " checksum wrong");
    }
}

/* A segment in words on its arrow; what has no room there comes on the next line. */
static void draw_line(const struct excerpt *excerpt, const struct excerpt_line *line, bool guilty)
{
    const char *left = line->sender == excerpt->of.end ? "|-- " : "<-- ";
    const char *right = line->sender == excerpt->of.end ? "-->" : "--|";
    struct cli_text text = {.used = 0};
    struct cli_text rest = {.used = 0};
    size_t room = LANE - strlen(left) - strlen(right) - 1;
    double seconds = (double)(line->time - excerpt->of.the_case.first) / 1e6;
    add_numbers(&text, excerpt, line);
    add_rest(&rest, line);
    if (text.used + 1 + rest.used <= room) {
        cli_add(&text, " %s", rest.octets);
        rest.used = 0;
    }
    printf(" %2s %10" PRIu64 " %12.6f %s%s ",
           guilty        ? ">>"
           : line->proof ? ">"
                         : "",
           line->number, seconds, left, text.octets);
    for (size_t i = text.used; i < room; i++) {
        putchar('-');
    }
    printf("%s\n", right);
    if (rest.used > 0) {
        words_wrap(stdout, LEFT + (int)strlen(left), rest.octets);
    }
}

void report_draw(const struct excerpt *excerpt)
{
    const struct witness_charge *charge = &excerpt->of.charge;
    if (excerpt->count == 0) {
        return;
    }
    draw_ends(excerpt);
    for (unsigned i = 0; i < excerpt->count; i++) {
        const struct excerpt_line *line = &excerpt->lines[i];
        bool guilty = line->number == charge->proof[charge->proofs - 1];
        if (line->skipped > 0) {
            printf("    %10s %" PRIu64 " packet%s %s\n", "...", line->skipped,
                   cli_plural(line->skipped), i == 0 ? "before" : "between");
        }
        draw_line(excerpt, line, guilty);
        if (guilty) {
            char words[256];
            witness_words(charge, words, sizeof words);
            words_wrap(stdout, LEFT, words);
        }
    }
}
