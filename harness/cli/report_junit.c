/* The report as JUnit's XML, written when it is whole: a suite for each capture, in it a case for each clause. What breaks a MUST
 * is a failure, with its words; other charges are told in the output of a case that passes, for the exit status, too, says only
 * what breaks a MUST. A capture that cannot be read is an error. See report.h. */
#include "report.h"

#ifdef TFSM_LIBXML2
#include <inttypes.h>
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct junit {
    xmlBufferPtr buffer;
    xmlTextWriterPtr writer;
    bool fine;
};

static void begin(struct junit *junit, const char *name)
{
    junit->fine = junit->fine && xmlTextWriterStartElement(junit->writer, BAD_CAST name) >= 0;
}

static void finish(struct junit *junit)
{
    junit->fine = junit->fine && xmlTextWriterEndElement(junit->writer) >= 0;
}

static void attribute(struct junit *junit, const char *name, const char *value)
{
    junit->fine = junit->fine &&
                  xmlTextWriterWriteAttribute(junit->writer, BAD_CAST name, BAD_CAST value) >= 0;
}

static void number(struct junit *junit, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    attribute(junit, name, text);
}

static void say(struct junit *junit, const char *text)
{
    junit->fine = junit->fine && xmlTextWriterWriteString(junit->writer, BAD_CAST text) >= 0;
}

static void file_name(struct junit *junit, const char *path)
{
    char clean[4096];
    report_clean(clean, sizeof clean, path);
    attribute(junit, "name", clean);
}

/* ---- a case ---- */

static void say_example(struct junit *junit, const struct verdict_example *example)
{
    struct cli_text text = {.used = 0};
    char words[256];
    char ends[2][REPORT_END];
    report_end_text(&example->the_case, example->end, ends[0]);
    report_end_text(&example->the_case, 1 - example->end, ends[1]);
    witness_words(&example->charge, words, sizeof words);
    cli_add(&text, "%s to %s, packet%s", ends[0], ends[1], example->charge.proofs > 1 ? "s" : "");
    for (unsigned i = 0; i < example->charge.proofs; i++) {
        cli_add(&text, "%s %" PRIu64, i > 0 ? "," : "", example->charge.proof[i]);
    }
    cli_add(&text, ": %s\n", words);
    say(junit, text.octets);
}

static void add_clause(struct junit *junit, const struct verdict *verdict,
                       enum witness_clause clause)
{
    const struct verdict_count *count = &verdict->count[clause];
    bool must = witness_level(clause) == WITNESS_MUST;
    begin(junit, "testcase");
    attribute(junit, "classname", witness_demand(clause));
    attribute(junit, "name", witness_name(clause));
    if (count->times > 0) {
        struct cli_text text = {.used = 0};
        cli_add(&text,
                "%s: %" PRIu64 " charge%s against %" PRIu64 " end%s of %" PRIu64 " connection%s",
                witness_level_name(witness_level(clause)), count->times, cli_plural(count->times),
                count->ends, cli_plural(count->ends), count->connections,
                cli_plural(count->connections));
        begin(junit, must ? "failure" : "system-out");
        if (must) {
            attribute(junit, "message", text.octets);
            attribute(junit, "type", "MUST");
        } else {
            say(junit, text.octets);
            say(junit, "\n");
        }
        for (unsigned i = 0; i < verdict_examples(verdict, clause); i++) {
            say_example(junit, &verdict->example[clause][i]);
        }
        finish(junit);
    }
    finish(junit);
}

/* ---- a suite ---- */

static void add_error(struct junit *junit, const struct report_capture *capture)
{
    char clean[CAPTURE_ERROR];
    report_clean(clean, sizeof clean, capture->error);
    number(junit, "tests", 1);
    number(junit, "failures", 0);
    number(junit, "errors", 1);
    begin(junit, "testcase");
    attribute(junit, "classname", "capture");
    attribute(junit, "name", "read");
    begin(junit, "error");
    attribute(junit, "message", clean);
    attribute(junit, "type", "unreadable");
    finish(junit);
    finish(junit);
}

static void say_reach(struct junit *junit, const struct verdict *verdict)
{
    const struct {
        const char *name;
        uint64_t value;
    } properties[] = {{"packets", verdict->packets},
                      {"segments", verdict->segments},
                      {"connections", verdict->connections},
                      {"connections_begun_before", verdict->middle},
                      {"connections_without_all_text", verdict->cut},
                      {"connections_offloaded", verdict->offloads},
                      {"ends", verdict->judged},
                      {"ends_near", verdict->near}};
    begin(junit, "properties");
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        begin(junit, "property");
        attribute(junit, "name", properties[i].name);
        number(junit, "value", properties[i].value);
        finish(junit);
    }
    finish(junit);
}

static void add_clauses(struct junit *junit, const struct verdict *verdict)
{
    enum witness_clause order[WITNESS_CLAUSES];
    verdict_order(order);
    number(junit, "tests", WITNESS_CLAUSES);
    number(junit, "failures", verdict->musts_broken);
    number(junit, "errors", 0);
    say_reach(junit, verdict);
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        add_clause(junit, verdict, order[i]);
    }
}

static struct junit *start(void)
{
    struct junit *junit = calloc(1, sizeof *junit);
    if (junit == NULL) {
        return NULL;
    }
    junit->buffer = xmlBufferCreate();
    junit->writer = junit->buffer != NULL ? xmlNewTextWriterMemory(junit->buffer, 0) : NULL;
    junit->fine = junit->writer != NULL && xmlTextWriterSetIndent(junit->writer, 1) >= 0 &&
                  xmlTextWriterStartDocument(junit->writer, NULL, "UTF-8", NULL) >= 0;
    begin(junit, "testsuites");
    return junit;
}

static bool add_capture(void **state, const struct report_capture *capture)
{
    struct junit *junit = *state != NULL ? *state : start();
    *state = junit;
    if (junit == NULL || !junit->fine) {
        return false;
    }
    begin(junit, "testsuite");
    file_name(junit, capture->path);
    if (capture->error != NULL) {
        add_error(junit, capture);
    } else {
        add_clauses(junit, capture->verdict);
    }
    finish(junit);
    return junit->fine;
}

static bool end(void **state, int status)
{
    struct junit *junit = *state;
    (void)status;
    if (junit == NULL) {
        return false;
    }
    bool fine = junit->fine && xmlTextWriterEndDocument(junit->writer) >= 0;
    if (junit->writer != NULL) {
        xmlFreeTextWriter(junit->writer); /* what it still has goes into the buffer */
    }
    if (fine) {
        fputs((const char *)xmlBufferContent(junit->buffer), stdout);
    }
    xmlBufferFree(junit->buffer);
    xmlCleanupParser();
    free(junit);
    return fine;
}

const struct report_format report_junit = {.name = "junit", .capture = add_capture, .end = end};
#else
const struct report_format report_junit = {
    .name = "junit", .missing = "this was built without libxml2 (libxml2-dev)"};
#endif
