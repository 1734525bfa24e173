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

/* The states of both ends of a run. */
struct paths {
    char end[2][MANIFEST_TEXT];
};

static void note_states(void *user, const struct run_line *line)
{
    struct paths *paths = user;
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

static bool check_program(const struct view *view, const char *target, enum run_mode mode,
                          const struct seed_program *program, unsigned end)
{
    struct paths paths = {{"CLOSED", "CLOSED"}};
    bool differs;
    const char *wanted = manifest_path(view, &differs);
    struct run_result result =
        run_program(mode, program->octets, program->size, note_states, &paths);
    if (result.violation.id != NULL) {
        printf("%s.%s: %s breaks %s\n", view->capture, view->end, target, result.violation.id);
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
    return check_program(view, "fuzz_pair", RUN_PAIR, &pair, index) && good;
}

int main(int argc, char **argv)
{
    return manifest_check(argc, argv, check);
}
