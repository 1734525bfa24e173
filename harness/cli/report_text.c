/* The report for people: charges by what they break, the gravest first, with examples, and the first of each drawn; then who
 * broke what, and how far the capture lets one judge. See report.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "words.h"

#define INDENT 2

static void print_example(const struct verdict_example *example)
{
    char words[256];
    char ends[2][REPORT_END];
    const struct witness_charge *charge = &example->charge;
    report_end_text(&example->the_case, example->end, ends[0]);
    report_end_text(&example->the_case, 1 - example->end, ends[1]);
    witness_words(charge, words, sizeof words);
    printf("    %s to %s, packet%s", ends[0], ends[1], charge->proofs > 1 ? "s" : "");
    for (unsigned i = 0; i < charge->proofs; i++) {
        printf("%s %" PRIu64,
               i == 0                   ? ""
               : i + 1 < charge->proofs ? ","
                                        : " and",
               charge->proof[i]);
    }
    printf(":\n      %s\n", words);
}

/* The excerpts stand in the order of the report, each of a clause of its own. */
static const struct excerpt *find_excerpt(const struct report_capture *capture,
                                          enum witness_clause clause)
{
    for (size_t i = 0; i < capture->excerpt_count; i++) {
        if (capture->excerpts[i].of.charge.clause == clause) {
            return &capture->excerpts[i];
        }
    }
    return NULL;
}

static void print_clause(const struct report_capture *capture, enum witness_clause clause)
{
    const struct verdict *verdict = capture->verdict;
    const struct verdict_count *count = &verdict->count[clause];
    printf("  %s %s %s: %" PRIu64 " charge%s against %" PRIu64 " end%s of %" PRIu64
           " connection%s\n",
           witness_level_name(witness_level(clause)), witness_demand(clause), witness_name(clause),
           count->times, cli_plural(count->times), count->ends, cli_plural(count->ends),
           count->connections, cli_plural(count->connections));
    const struct excerpt *excerpt = find_excerpt(capture, clause);
    for (unsigned k = 0; k < verdict_examples(verdict, clause); k++) {
        print_example(&verdict->example[clause][k]);
        if (k == 0 && excerpt != NULL) {
            report_draw(excerpt);
        }
    }
}

/* ---- the end of it ---- */

static void print_guilty(const struct report_capture *capture)
{
    const struct verdict *verdict = capture->verdict;
    struct cli_text text = {.used = 0};
    unsigned musts = verdict_demands(verdict);
    uint64_t charges = 0;
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        charges += verdict->count[i].times;
    }
    if (charges == 0) {
        cli_add(&text, "nobody is charged");
    } else if (musts == 0) {
        cli_add(&text, "no MUST is broken");
    } else {
        cli_add(&text, "%u MUST%s broken by", musts, musts == 1 ? " is" : "s are");
        for (unsigned i = 0; i < verdict->guilty_count; i++) {
            char address[REPORT_END];
            report_address(&verdict->guilty[i], address);
            cli_add(&text, "%s %s", i > 0 ? "," : "", address);
        }
        cli_add(
            &text, "%s: %" PRIu64 " charge%s against %" PRIu64 " end%s of %" PRIu64 " connection%s",
            verdict->more_guilty ? " and others" : "", verdict->musts.times,
            cli_plural(verdict->musts.times), verdict->musts.ends, cli_plural(verdict->musts.ends),
            verdict->musts.connections, cli_plural(verdict->musts.connections));
    }
    words_wrap(stdout, INDENT, text.octets);
}

static void add_left_out(struct cli_text *text, const struct verdict *verdict)
{
    bool first = true;
    for (unsigned i = 0; i < CAPTURE_REASONS; i++) {
        if (verdict->left[i] > 0) {
            cli_add(text, "%s%" PRIu64 " %s", first ? "; packets left out: " : ", ",
                    verdict->left[i], capture_reason_text((enum capture_reason)i));
            first = false;
        }
    }
}

static void add_assumed(struct cli_text *text, const struct verdict *verdict)
{
    bool first = true;
    for (unsigned i = 0; i < CAPTURE_ASSUMPTIONS; i++) {
        if (verdict->assumed[i] > 0) {
            cli_add(text, "%s%" PRIu64 " %s", first ? "; segments taken as sound: " : ", ",
                    verdict->assumed[i], capture_assumption_text((enum capture_assumption)i));
            first = false;
        }
    }
}

/* What a capture does not show, nobody is charged with. */
static void print_reach(const struct report_capture *capture)
{
    const struct verdict *verdict = capture->verdict;
    struct cli_text text = {.used = 0};
    cli_add(&text, "judged: %" PRIu64 " connection%s from the first packet on",
            verdict->connections - verdict->middle,
            cli_plural(verdict->connections - verdict->middle));
    if (verdict->middle > 0) {
        cli_add(&text, ", %" PRIu64 " that began before the capture did", verdict->middle);
    }
    if (verdict->cut > 0) {
        cli_add(&text, "; %" PRIu64 " without all of their text", verdict->cut);
    }
    if (verdict->offloads > 0) {
        cli_add(&text,
                "; %" PRIu64 " as a network card is still to send them, or put them together",
                verdict->offloads);
    }
    cli_add(&text, "; %" PRIu64 " of %" PRIu64 " end%s near by", verdict->near, verdict->judged,
            cli_plural(verdict->judged));
    add_left_out(&text, verdict);
    add_assumed(&text, verdict);
    words_wrap(stdout, INDENT, text.octets);
}

static void print_copy(const struct report_capture *capture)
{
    if (capture->commented != NULL) {
        printf("  %s: the same packets with %zu comment%s", capture->commented, capture->comments,
               cli_plural(capture->comments));
        if (capture->comments_left > 0) {
            printf(", and there was no room for %" PRIu64 " more", capture->comments_left);
        }
        printf("\n");
    }
}

static bool print_capture(void **state, const struct report_capture *capture)
{
    const struct verdict *verdict = capture->verdict;
    enum witness_clause order[WITNESS_CLAUSES];
    (void)state;
    if (capture->error != NULL) {
        return true; /* that is on standard error */
    }
    printf("%s: %" PRIu64 " packet%s, %" PRIu64 " of TCP, %" PRIu64 " connection%s\n",
           capture->path, verdict->packets, cli_plural(verdict->packets), verdict->segments,
           verdict->connections, cli_plural(verdict->connections));
    verdict_order(order);
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        if (verdict->count[order[i]].times > 0) {
            print_clause(capture, order[i]);
        }
    }
    if (capture->no_excerpts != NULL) {
        printf("  no packets are shown: %s\n", capture->no_excerpts);
    }
    print_copy(capture);
    print_guilty(capture);
    print_reach(capture);
    return true;
}

static bool end(void **state, int status)
{
    (void)state;
    (void)status;
    return true;
}

const struct report_format report_text = {
    .name = "text", .excerpts = true, .capture = print_capture, .end = end};
