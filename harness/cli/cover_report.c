/* What a corpus reaches, for people, as JSON, and input by input for ci/corpus. The JSON is one document:
 *   {"targets": [{"target", "inputs", "events": numbers,
 *      "rules": {"hit", "reachable", "all", "missing": [names],
 *         "fired": {name: times}}, of those that are in reach or fired
 *      "transitions": [{"from", "to": states, "abrupt": whether by a row that cuts off, "times"}], all that rows in
 *         reach allow
 *      "pairs": {"hit", "possible": at most},
 *      "counters": {"moved", "all", "missing": [names]}   of fuzz_listener
 *      "steps": {state: {event: number}}}],
 *    "findings": [{"file", "invariant", "rule": that fired and cannot, or "", "requirement"}]}
 * See cover.h. */
#include "cover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "describe.h"
#include "machine.h"
#include "report.h"

/* ---- text ---- */

static void print_steps(const struct cover *cover, unsigned count)
{
    printf("  steps: %u, by state and event\n  %-13s", count, "");
    for (unsigned k = 0; k < TFSM_EVENTS; k++) {
        printf(" %9s", tfsm_event_name((enum tfsm_event_kind)k));
    }
    printf("\n");
    for (unsigned i = 0; i < TFSM_STATES; i++) {
        printf("  %-13s", tfsm_state_name((enum tfsm_state)i));
        for (unsigned k = 0; k < TFSM_EVENTS; k++) {
            printf(" %9" PRIu64, cover->steps[i][k]);
        }
        printf("\n");
    }
}

static void print_missing(const struct cover *cover)
{
    if (cover->target->mode ==
        RUN_LISTENER) { /* what else it cannot reach nobody has written down */
        for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
            if (cover->counters[i] == 0) {
                printf("  did not move: %s\n",
                       tfsm_listener_counter_name((enum tfsm_listener_counter)i));
            }
        }
        return;
    }
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        if (cover_misses(cover, i)) {
            printf("  not hit: %s\n", tfsm_rule_name(i));
        }
    }
}

static bool print_text(const struct cover_report *report)
{
    for (unsigned i = 0; i < COVER_MODES; i++) {
        const struct cover *cover = &report->covers[i];
        struct cover_sums sums;
        if (cover->inputs == 0) {
            continue;
        }
        cover_sum(cover, &sums);
        printf("%s: %" PRIu64 " input%s, %" PRIu64 " events\n", cover->target->name, cover->inputs,
               cli_plural(cover->inputs), cover->events);
        printf("  rules: %u of %u in reach, of %u in all\n", sums.rules, sums.reachable,
               (unsigned)TFSM_RULES);
        printf("  pairs of rules: %u, of %u at most\n", sums.pairs, sums.possible);
        if (cover->target->mode == RUN_LISTENER) {
            printf("  counters: %u of %u\n", sums.counters, (unsigned)TFSM_LISTENER_COUNTS);
        }
        print_missing(cover);
        print_steps(cover, sums.steps);
    }
    return true;
}

const struct cover_format cover_text = {.name = "text", .print = print_text};

/* ---- input by input ---- */

/* The path, what the input alone reaches, in a word each, with tabs between them. */
static void print_alone(const char *path, const struct cover *alone)
{
    char clean[4096];
    report_clean(clean, sizeof clean, path);
    printf("%s", clean);
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        if (alone->fired[i] > 0) {
            printf("\trule:%s", tfsm_rule_name(i));
        }
        for (unsigned k = 0; k < TFSM_RULES; k++) {
            if (alone->pairs[i][k]) {
                printf("\tpair:%s,%s", tfsm_rule_name(i), tfsm_rule_name(k));
            }
        }
    }
    for (unsigned i = 0; i < TFSM_STATES; i++) {
        for (unsigned k = 0; k < TFSM_EVENTS; k++) {
            if (alone->steps[i][k] > 0) {
                printf("\tstep:%s,%s", tfsm_state_name((enum tfsm_state)i),
                       tfsm_event_name((enum tfsm_event_kind)k));
            }
        }
    }
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        if (alone->counters[i] > 0) {
            printf("\tcounter:%s", tfsm_listener_counter_name((enum tfsm_listener_counter)i));
        }
    }
    printf("\n");
}

static bool print_nothing(const struct cover_report *report)
{
    (void)report; /* all is told */
    return true;
}

const struct cover_format cover_each = {
    .name = "each", .print = print_nothing, .each = print_alone};

/* ---- JSON ---- */

#ifdef TFSM_JANSSON
#include <jansson.h>

/* A member that could not be made makes nothing of all that holds it: jansson passes null on. */

static json_t *missing_rules(const struct cover *cover)
{
    json_t *names = json_array();
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        if (cover_misses(cover, i) &&
            json_array_append_new(names, json_string(tfsm_rule_name(i))) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

static json_t *fired_rules(const struct cover *cover)
{
    json_t *times = json_object();
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        if ((cover->fired[i] > 0 || cover_reaches(cover, i)) &&
            json_object_set_new(times, tfsm_rule_name(i),
                                json_integer((json_int_t)cover->fired[i])) != 0) {
            json_decref(times);
            return NULL;
        }
    }
    return times;
}

/* Whether there is such a transition, and how often it was taken. */
static bool transition_of(const struct cover *cover, unsigned from, unsigned to, bool abrupt,
                          uint64_t *times)
{
    bool allowed = false;
    *times = 0;
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        const struct tfsm_rule *rule = &machine_rows()[i];
        if (rule->next == to && (rule->states >> from & 1) != 0 &&
            describe_is_abrupt(rule) == abrupt) {
            allowed = allowed || cover->moves[i][from] > 0 || cover_reaches(cover, i);
            *times += cover->moves[i][from];
        }
    }
    return allowed && from != to;
}

static json_t *transitions_of(const struct cover *cover)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < TFSM_STATES * TFSM_STATES * 2; i++) {
        unsigned from = i / 2 / TFSM_STATES;
        unsigned to = i / 2 % TFSM_STATES;
        bool abrupt = i % 2 != 0;
        uint64_t times;
        if (transition_of(cover, from, to, abrupt, &times) &&
            json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:I}", "from",
                                                  tfsm_state_name((enum tfsm_state)from), "to",
                                                  tfsm_state_name((enum tfsm_state)to), "abrupt",
                                                  abrupt, "times", (json_int_t)times)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *missing_counters(const struct cover *cover)
{
    json_t *names = json_array();
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        const char *name = tfsm_listener_counter_name((enum tfsm_listener_counter)i);
        if (cover->counters[i] == 0 && json_array_append_new(names, json_string(name)) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

static json_t *steps_of(const struct cover *cover)
{
    json_t *states = json_object();
    for (unsigned i = 0; i < TFSM_STATES; i++) {
        json_t *events = json_object();
        int failed = 0;
        for (unsigned k = 0; k < TFSM_EVENTS; k++) {
            failed |= json_object_set_new(events, tfsm_event_name((enum tfsm_event_kind)k),
                                          json_integer((json_int_t)cover->steps[i][k]));
        }
        failed |= json_object_set_new(states, tfsm_state_name((enum tfsm_state)i), events);
        if (failed != 0) {
            json_decref(states);
            return NULL;
        }
    }
    return states;
}

static json_t *target_of(const struct cover *cover)
{
    struct cover_sums sums;
    cover_sum(cover, &sums);
    json_t *target =
        json_pack("{s:s, s:I, s:I, s:{s:i, s:i, s:i, s:o, s:o}, s:o, s:{s:i, s:i}, s:o}", "target",
                  cover->target->name, "inputs", (json_int_t)cover->inputs, "events",
                  (json_int_t)cover->events, "rules", "hit", (int)sums.rules, "reachable",
                  (int)sums.reachable, "all", (int)TFSM_RULES, "missing", missing_rules(cover),
                  "fired", fired_rules(cover), "transitions", transitions_of(cover), "pairs", "hit",
                  (int)sums.pairs, "possible", (int)sums.possible, "steps", steps_of(cover));
    if (target != NULL && cover->target->mode == RUN_LISTENER &&
        json_object_set_new(target, "counters",
                            json_pack("{s:i, s:i, s:o}", "moved", (int)sums.counters, "all",
                                      (int)TFSM_LISTENER_COUNTS, "missing",
                                      missing_counters(cover))) != 0) {
        json_decref(target);
        return NULL;
    }
    return target;
}

static json_t *finding_of(const struct cover_finding *finding)
{
    char clean[4096];
    report_clean(clean, sizeof clean, finding->path);
    return json_pack("{s:s, s:s, s:s, s:s}", "file", clean, "invariant", finding->id, "rule",
                     finding->rule, "requirement", finding->requirement);
}

static bool print_json(const struct cover_report *report)
{
    json_t *targets = json_array();
    json_t *findings = json_array();
    bool fine = true;
    for (unsigned i = 0; i < COVER_MODES; i++) {
        if (report->covers[i].inputs > 0) {
            fine = json_array_append_new(targets, target_of(&report->covers[i])) == 0 && fine;
        }
    }
    for (size_t i = 0; i < report->finding_count; i++) {
        fine = json_array_append_new(findings, finding_of(&report->findings[i])) == 0 && fine;
    }
    json_t *document = json_pack("{s:o, s:o}", "targets", targets, "findings", findings);
    char *text = fine && document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
    if (text != NULL) {
        puts(text);
    }
    free(text);
    json_decref(document);
    return text != NULL;
}

const struct cover_format cover_json = {.name = "json", .print = print_json};
#else
const struct cover_format cover_json = {
    .name = "json", .missing = "this was built without jansson (libjansson-dev)"};
#endif
