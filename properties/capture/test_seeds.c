/* Seeds made from captures do what the captured connection did: run as a program, the endpoint of
 * fuzz_trace passes through the states the manifest names, and so does that end among the two of
 * fuzz_pair; no invariant breaks.
 *
 * usage: test_seeds DIR    (corpus/captures) */
#include <stdio.h>
#include <string.h>

#include "manifest.h"
#include "run.h"
#include "seed.h"

/* What a run came to: the states of both ends. */
struct paths {
    char end[2][MANIFEST_TEXT];
    bool text_with_fin; /* a segment carried both */
};

static void note_states(void *user, const struct run_line *line)
{
    struct paths *paths = user;
    const struct tfsm_segment *sent = line->kind == RUN_SENDS ? line->segment : NULL;
    paths->text_with_fin =
        paths->text_with_fin || (sent != NULL && (sent->flags & TFSM_FIN) != 0 && sent->len > 1);
    for (unsigned i = 0; line->fx != NULL && i < line->fx->fired_count; i++) {
        const struct tfsm_rule *rule = &tfsm_rules[line->fx->fired[i]];
        if (rule->next != TFSM_STAY) {
            path_add(paths->end[line->end], (enum tfsm_state)rule->next);
        }
    }
}

/* A program runs on after the capture ends, so the captured path has to be where it begins. */
static bool begins_with(const char *path, const char *wanted)
{
    size_t length = strlen(wanted);
    return strncmp(path, wanted, length) == 0 && (path[length] == '\0' || path[length] == ' ');
}

/* What the network did in a program's records. */
static bool has_record(const struct seed_program *seed, enum record_kind kind)
{
    struct program program;
    struct program_config config;
    struct record record;
    program_open(&program, seed->octets, seed->size, &config);
    while (program_next(&program, &record)) {
        if (record.kind == kind) {
            return true;
        }
    }
    return false;
}

/* What the network did to a segment is in the view of its sender, if it was lost, and of its
 * receiver, if it was copied; the names of the captures say who that is. */
static bool check_network(const struct view *view, const struct seed_program *pair)
{
    static const struct {
        const char *capture;
        const char *end;
        enum record_kind kind;
    } events[] = {
        {"retransmission_data", "client", RECORD_DROP},
        {"retransmission_syn", "client", RECORD_DROP},
        {"retransmission_synack", "server", RECORD_DROP},
        {"retransmission_fin", "client", RECORD_DROP},
        {"lost_last_ack", "server", RECORD_DROP},
        {"out_of_order", "client", RECORD_DROP},
        {"duplicated_data", "server", RECORD_COPY},
        {"late_duplicate_syn", "server", RECORD_COPY},
    };
    bool wanted[2] = {false, false};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (strcmp(events[i].capture, view->capture) == 0 &&
            strcmp(events[i].end, view->end) == 0) {
            wanted[events[i].kind == RECORD_COPY] = true;
        }
    }
    if ((wanted[0] && !has_record(pair, RECORD_DROP)) ||
        wanted[1] != has_record(pair, RECORD_COPY)) {
        printf("%s.%s: the network of fuzz_pair does not do what it did\n", view->capture,
               view->end);
        return false;
    }
    return true;
}

static bool check_program(const struct view *view, const char *target, enum run_mode mode,
                          const struct seed_program *program, unsigned end)
{
    struct paths paths = {.end = {"CLOSED", "CLOSED"}};
    bool differs;
    const char *wanted = manifest_path(view, &differs);
    struct run_result result =
        run_program(mode, program->octets, program->size, note_states, &paths);
    if (result.violation.id != NULL) {
        printf("%s.%s: %s breaks %s\n", view->capture, view->end, target, result.violation.id);
        return false;
    }
    if (strcmp(view->capture, "fin_with_data") == 0 && !paths.text_with_fin) {
        printf("%s.%s: %s sends text and FIN one by one\n", view->capture, view->end, target);
        return false;
    }
    if (!begins_with(paths.end[end], wanted)) {
        printf("%s.%s: %s takes %s, not %s\n", view->capture, view->end, target, paths.end[end],
               wanted);
        return false;
    }
    return true;
}

static bool check(const struct view *view, const struct capture *capture, unsigned index)
{
    struct seed_program trace;
    struct seed_program pair;
    if (seed_trace(capture, 0, index, &trace) != SEED_MADE ||
        seed_pair(capture, 0, &pair) != SEED_MADE) {
        printf("%s.%s: no seed can be made of it\n", view->capture, view->end);
        return false;
    }
    bool good = check_program(view, "fuzz_trace", RUN_TRACE, &trace, 0);
    good = check_program(view, "fuzz_pair", RUN_PAIR, &pair, index) && good;
    return check_network(view, &pair) && good;
}

int main(int argc, char **argv)
{
    return manifest_check(argc, argv, check);
}
