/* `tcpfsm triage`: of many inputs, say those that a fuzzer left, which break something, and which of them are likely one and the
 * same bug: they break the same invariant after the same rules. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "coverage.h"
#include "inputs.h"
#include "packet_program.h"
#include "reach.h"
#include "report.h"

enum { KEY_TARGET = 1 };

#define LAST 3u /* rules that count: about those of one step */

struct triage {
    struct cli_parse parse;
    const struct input_target *target; /* null: paths tell */
    struct input_list inputs;
};

/* The rules that fired last, the latest first; TFSM_RULES: none. */
struct last_rules {
    unsigned rule[LAST];
};

/* Inputs that are one finding. */
struct group {
    const char *target;
    const char *id;
    const char *requirement; /* "": the id says it */
    struct last_rules last;
    uint64_t inputs;
    const char *path; /* the smallest of them */
    size_t size;
};

static void hear(void *user, unsigned rule)
{
    struct last_rules *last = user;
    if (rule == TFSM_RULE_OUT_NOTHING) { /* is asked for after every event, and so tells nothing */
        return;
    }
    memmove(last->rule + 1, last->rule, (LAST - 1) * sizeof last->rule[0]);
    last->rule[0] = rule;
}

/* Run it as its target does. *finding is what it breaks; its id is null where that is nothing. */
static void run_input(const struct input_target *target, const uint8_t *octets, size_t size,
                      struct group *finding)
{
    static struct packet_result packet;
    finding->target = target->name;
    for (unsigned i = 0; i < LAST; i++) {
        finding->last.rule[i] = TFSM_RULES;
    }
    if (target->kind == INPUT_PACKET) {
        packet_run(octets, size, &packet);
        finding->id = packet.broken;
        return;
    }
    finding->target = input_target_running(target->mode)->name;
    coverage_tell(hear, &finding->last);
    struct run_result result = run_program(target->mode, octets, size, NULL, NULL);
    coverage_tell(NULL, NULL);
    struct fuzz_broken broken = fuzz_breaks(target->mode, &result);
    finding->id = broken.id;
    finding->requirement = broken.requirement;
}

static bool is_same(const struct group *a, const struct group *b)
{
    return a->target == b->target && strcmp(a->id, b->id) == 0 &&
           memcmp(a->last.rule, b->last.rule, sizeof a->last.rule) == 0;
}

/* There is room for one group for each input. */
static void add(struct group *groups, size_t *count, const struct group *finding)
{
    size_t i = 0;
    while (i < *count && !is_same(&groups[i], finding)) {
        i++;
    }
    if (i == *count) {
        groups[(*count)++] = *finding;
    } else if (finding->size < groups[i].size) {
        groups[i].path = finding->path;
        groups[i].size = finding->size;
    }
    groups[i].inputs++;
}

static int sort_input(const struct triage *triage, const char *path, struct group *groups,
                      size_t *count)
{
    const struct input_target *target =
        triage->target != NULL ? triage->target : input_target_of(path);
    struct group finding = {.requirement = "", .path = path};
    if (target->kind == INPUT_SCRIPT) {
        return cli_fail(path, "is a script, which breaks no invariant: see tcpfsm run");
    }
    uint8_t *octets = cli_read(path, "fuzz input", INPUT_MAX, &finding.size);
    if (octets == NULL) {
        return CLI_BAD;
    }
    run_input(target, octets, finding.size, &finding);
    free(octets);
    if (finding.id == NULL) {
        return CLI_FINE;
    }
    add(groups, count, &finding);
    return CLI_FINDING;
}

/* The largest group first; of as many inputs, the one with the smallest. */
static int compare(const void *a, const void *b)
{
    const struct group *x = a;
    const struct group *y = b;
    if (x->inputs != y->inputs) {
        return x->inputs > y->inputs ? -1 : 1;
    }
    if (x->size != y->size) {
        return x->size < y->size ? -1 : 1;
    }
    return strcmp(x->path, y->path);
}

static void print_group(const struct group *group)
{
    struct cli_text rules = {.used = 0};
    char clean[4096];
    printf("%s %s: %" PRIu64 " input%s\n", group->target, group->id, group->inputs,
           cli_plural(group->inputs));
    if (group->requirement[0] != '\0') {
        printf("  %s\n", group->requirement);
    }
    for (unsigned i = LAST; i-- > 0;) {
        if (group->last.rule[i] < TFSM_RULES) {
            cli_join(&rules, ", ", tfsm_rule_name(group->last.rule[i]));
        }
    }
    if (rules.used > 0) {
        printf("  after %s\n", rules.octets);
    }
    report_clean(clean, sizeof clean, group->path);
    printf("  smallest: %s, %zu octet%s\n", clean, group->size, cli_plural(group->size));
}

static int sort_all(const struct triage *triage)
{
    struct group *groups = calloc(triage->inputs.count, sizeof *groups);
    size_t count = 0;
    uint64_t broken = 0;
    int status = CLI_FINE;
    if (groups == NULL) {
        return cli_fail("tcpfsm triage", "out of memory");
    }
    for (size_t i = 0; i < triage->inputs.count; i++) {
        int one = sort_input(triage, triage->inputs.paths[i], groups, &count);
        broken += one == CLI_FINDING;
        status = one > status ? one : status;
    }
    if (count > 0) {
        qsort(groups, count, sizeof *groups, compare);
    }
    for (size_t i = 0; i < count; i++) {
        print_group(&groups[i]);
    }
    if (status != CLI_BAD || count > 0) {
        printf("%" PRIu64 " of %zu input%s broke something, in %zu group%s\n", broken,
               triage->inputs.count, cli_plural(triage->inputs.count), count, cli_plural(count));
    }
    free(groups);
    return status;
}

/* ---- usage ---- */

static error_t parse_triage(int key, char *arg, struct argp_state *state)
{
    struct triage *triage = state->input;
    error_t error = 0;
    switch (key) {
    case KEY_TARGET:
        error = input_target_parse(&triage->target, arg, state);
        break;
    case ARGP_KEY_ARG:
        if (!input_list_add(&triage->inputs, arg)) {
            triage->parse.failed = true; /* and it is said why */
            return EINVAL;
        }
        break;
    case ARGP_KEY_NO_ARGS:
        return cli_misuse(state, "DIR", "a folder of inputs is missing");
    default:
        return cli_key(key, state);
    }
    triage->parse.last = state->next;
    return error;
}

int command_triage(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"target", KEY_TARGET, "TARGET", 0,
         "fuzz_trace, fuzz_pair, fuzz_listener, fuzz_endpoint, fuzz_step or fuzz_wire; otherwise "
         "each path "
         "tells, and fuzz_trace if it does not",
         0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_triage,
        .args_doc = "DIR...",
        .doc = "Run every input of folders, and put those together that break the same invariant "
               "after the same rules: how many, and the smallest.\vExit status: 0 nothing is "
               "broken, 1 an invariant is, 2 bad usage or input."};
    struct triage triage = {.parse = {.name = "tcpfsm triage"}};
    int status;
    if (cli_options(&argp, argc, argv, 0, &triage, &status)) {
        status = sort_all(&triage);
    }
    input_list_free(&triage.inputs);
    return status;
}
