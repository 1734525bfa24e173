/* The report as JSON, one document for all captures, written when it is whole:
 *   {"verdict": "fine" | "broken" | "unreadable",
 *    "captures": [{"file": name, "error": words},     what cannot be read; or else
 *      {"file", "packets", "segments", "connections",
 *       "connections_begun_before", "connections_without_all_text", "connections_offloaded": numbers of these,
 *       "left_out", "taken_as_sound": [{"why": words, "packets": number}],
 *       "musts_broken": number of requirements, "verdict": "fine" | "broken",
 *       "charges": [{"clause", "requirement", "level", "times": charges, the first few of each end, "ends", "connections",
 *         "sentence": of the first example,
 *         "examples": [{"subject", "peer", "packets": [numbers, the guilty one last],
 *                       "time": microseconds since 1970, "sentence"}]}],
 *       "comments": {"file", "written", "left_out"}   with --pcapng}]}
 * See report.h. */
#include "report.h"

#ifdef TFSM_JANSSON
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* A member that could not be made makes nothing of all that holds it: jansson passes null on. */

static json_t *file_name(const char *path)
{
    char clean[4096];
    report_clean(clean, sizeof clean, path);
    return json_string(clean);
}

static json_t *example_of(const struct verdict_example *example)
{
    char words[256];
    char ends[2][REPORT_END];
    json_t *packets = json_array();
    report_end_text(&example->the_case, example->end, ends[0]);
    report_end_text(&example->the_case, 1 - example->end, ends[1]);
    witness_words(&example->charge, words, sizeof words);
    for (unsigned i = 0; i < example->charge.proofs; i++) {
        json_array_append_new(packets, json_integer((json_int_t)example->charge.proof[i]));
    }
    return json_pack("{s:s, s:s, s:o, s:I, s:s}", "subject", ends[0], "peer", ends[1], "packets",
                     packets, "time", (json_int_t)example->charge.at, "sentence", words);
}

static json_t *charge_of(const struct verdict *verdict, enum witness_clause clause)
{
    char words[256];
    const struct verdict_count *count = &verdict->count[clause];
    json_t *examples = json_array();
    witness_words(&verdict->example[clause][0].charge, words, sizeof words);
    for (unsigned i = 0; i < verdict_examples(verdict, clause); i++) {
        if (json_array_append_new(examples, example_of(&verdict->example[clause][i])) != 0) {
            json_decref(examples);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:o}", "clause", witness_name(clause),
                     "requirement", witness_demand(clause), "level",
                     witness_level_name(witness_level(clause)), "times", (json_int_t)count->times,
                     "ends", (json_int_t)count->ends, "connections", (json_int_t)count->connections,
                     "sentence", words, "examples", examples);
}

static json_t *charges_of(const struct verdict *verdict)
{
    enum witness_clause order[WITNESS_CLAUSES];
    json_t *charges = json_array();
    verdict_order(order);
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        if (verdict->count[order[i]].times > 0 &&
            json_array_append_new(charges, charge_of(verdict, order[i])) != 0) {
            json_decref(charges);
            return NULL;
        }
    }
    return charges;
}

static bool add_why(json_t *list, const char *why, uint64_t packets)
{
    return packets == 0 ||
           json_array_append_new(
               list, json_pack("{s:s, s:I}", "why", why, "packets", (json_int_t)packets)) == 0;
}

static json_t *left_out(const struct verdict *verdict)
{
    json_t *list = json_array();
    bool fine = true;
    for (unsigned i = 0; i < CAPTURE_REASONS; i++) {
        fine = add_why(list, capture_reason_text((enum capture_reason)i), verdict->left[i]) && fine;
    }
    return fine ? list : NULL;
}

static json_t *taken_as_sound(const struct verdict *verdict)
{
    json_t *list = json_array();
    bool fine = true;
    for (unsigned i = 0; i < CAPTURE_ASSUMPTIONS; i++) {
        fine = add_why(list, capture_assumption_text((enum capture_assumption)i),
                       verdict->assumed[i]) &&
               fine;
    }
    return fine ? list : NULL;
}

static json_t *capture_of(const struct report_capture *capture)
{
    const struct verdict *v = capture->verdict;
    if (capture->error != NULL) {
        char clean[CAPTURE_ERROR];
        report_clean(clean, sizeof clean, capture->error);
        return json_pack("{s:o, s:s}", "file", file_name(capture->path), "error", clean);
    }
    json_t *object =
        json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:i, s:s, s:o}", "file",
                  file_name(capture->path), "packets", (json_int_t)v->packets, "segments",
                  (json_int_t)v->segments, "connections", (json_int_t)v->connections,
                  "connections_begun_before", (json_int_t)v->middle, "connections_without_all_text",
                  (json_int_t)v->cut, "connections_offloaded", (json_int_t)v->offloads, "ends",
                  (json_int_t)v->judged, "ends_near", (json_int_t)v->near, "left_out", left_out(v),
                  "taken_as_sound", taken_as_sound(v), "musts_broken", (int)verdict_demands(v),
                  "verdict", v->musts_broken > 0 ? "broken" : "fine", "charges", charges_of(v));
    if (object != NULL && capture->commented != NULL) {
        json_t *comments = json_pack("{s:o, s:I, s:I}", "file", file_name(capture->commented),
                                     "written", (json_int_t)capture->comments, "left_out",
                                     (json_int_t)capture->comments_left);
        if (json_object_set_new(object, "comments", comments) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static bool add_capture(void **state, const struct report_capture *capture)
{
    json_t *captures = *state != NULL ? *state : json_array();
    *state = captures;
    return captures != NULL && json_array_append_new(captures, capture_of(capture)) == 0;
}

static bool end(void **state, int status)
{
    static const char *const verdicts[] = {
        [CLI_FINE] = "fine", [CLI_FINDING] = "broken", [CLI_BAD] = "unreadable"};
    json_t *document =
        json_pack("{s:s, s:o}", "verdict", verdicts[status], "captures", (json_t *)*state);
    char *text = document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
    if (text != NULL) {
        puts(text);
    }
    free(text);
    json_decref(document);
    return text != NULL;
}

const struct report_format report_json = {.name = "json", .capture = add_capture, .end = end};
#else
const struct report_format report_json = {
    .name = "json", .missing = "this was built without jansson (libjansson-dev)"};
#endif
