/* `tcpfsm cover`: which rules, pairs of rules and steps the inputs of a corpus reach, each or all of them. */
#include "cover.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "coverage.h"
#include "machine.h"
#include "reach.h"

enum { KEY_TARGET = 1, KEY_FORMAT, KEY_LEAST_RULES, KEY_LEAST_PAIRS, KEY_LEAST_STEPS };

struct covering {
    struct cli_parse parse;
    const struct input_target *target; /* null: paths tell */
    const struct cover_format *format;
    uint64_t least_rules;
    uint64_t least_pairs;
    uint64_t least_steps;
    struct input_list corpora; /* as they are named */
};

static struct cover covers[COVER_MODES];
static struct cover alone; /* what one input reaches, before it is added */

/* ---- what the rows allow ---- */

/* Everything in `some` is known to be so. */
static bool is_known(const struct tfsm_facts *some, const struct tfsm_facts *a,
                     const struct tfsm_facts *b)
{
    return (some->word[0] & ~(a->word[0] | b->word[0])) == 0 &&
           (some->word[1] & ~(a->word[1] | b->word[1])) == 0;
}

static bool share(const struct tfsm_facts *a, const struct tfsm_facts *b)
{
    return (a->word[0] & b->word[0]) != 0 || (a->word[1] & b->word[1]) != 0;
}

/* Where the rule after this one is looked for: the rows of one step, and every step has a row for whatever is left. */
static unsigned step_after(const struct tfsm_rule *rows, unsigned id)
{
    unsigned next = id;
    if (rows[id].verdict == TFSM_V_GOTO_6) {
        return TFSM_LIST_FROM_6;
    }
    while (next < TFSM_RULES && rows[next].step == rows[id].step) {
        next++;
    }
    return next;
}

bool cover_pair_possible(unsigned first, unsigned second)
{
    const struct tfsm_rule *rows = machine_rows();
    const struct tfsm_rule *a = &rows[first];
    const struct tfsm_rule *b = &rows[second];
    const struct tfsm_rule nothing = {.step = 0};
    unsigned start = step_after(rows, first);
    if ((a->verdict != TFSM_V_NEXT && a->verdict != TFSM_V_GOTO_6) || start >= TFSM_RULES ||
        second < start || rows[second].step != rows[start].step) {
        return false;
    }
    unsigned states = (a->next != TFSM_STAY ? 1u << a->next : a->states) & b->states;
    bool idle = a->actions[0] == TFSM_ACTION_IGNORE && a->next == TFSM_STAY;
    if (states == 0 || (idle && (share(&a->need, &b->forbid) || share(&a->forbid, &b->need)))) {
        return false;
    }
    const struct tfsm_rule *known = idle ? a : &nothing;
    for (unsigned i = start; i < second; i++) { /* whether an earlier row is sure to come first */
        if ((states & ~(unsigned)rows[i].states) == 0 &&
            is_known(&rows[i].need, &known->need, &b->need) &&
            is_known(&rows[i].forbid, &known->forbid, &b->forbid)) {
            return false;
        }
    }
    return true;
}

bool cover_reaches(const struct cover *cover, unsigned rule)
{
    return fuzz_unreachable(cover->target->mode, rule) == NULL;
}

bool cover_misses(const struct cover *cover, unsigned rule)
{
    return cover->fired[rule] == 0 && cover_reaches(cover, rule);
}

void cover_sum(const struct cover *cover, struct cover_sums *sums)
{
    *sums = (struct cover_sums){.rules = 0};
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        bool reachable = cover_reaches(cover, i);
        sums->reachable += reachable;
        sums->rules += reachable && cover->fired[i] > 0;
        for (unsigned k = 0; k < TFSM_RULES; k++) {
            sums->pairs += cover->pairs[i][k];
            sums->possible += reachable && cover_reaches(cover, k) && cover_pair_possible(i, k);
        }
    }
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        sums->counters += cover->counters[i] > 0;
    }
    for (unsigned i = 0; i < TFSM_STATES; i++) {
        for (unsigned k = 0; k < TFSM_EVENTS; k++) {
            sums->steps += cover->steps[i][k] > 0;
        }
    }
}

/* ---- counting ---- */

/* A rule that says to go on is followed by one of the same event, and by no other. */
static void hear(void *user, unsigned rule)
{
    struct cover *cover = user;
    const struct tfsm_rule *rows = machine_rows();
    if (rule >= TFSM_RULES) {
        return;
    }
    cover->fired[rule]++;
    if (cover->previous < TFSM_RULES && (rows[cover->previous].verdict == TFSM_V_NEXT ||
                                         rows[cover->previous].verdict == TFSM_V_GOTO_6)) {
        cover->pairs[cover->previous][rule] = true;
    }
    cover->previous = rule;
}

/* From one state to the next, by the rules of an event. */
static void follow(struct cover *cover, const struct tfsm_trace *trace, unsigned state)
{
    for (unsigned i = 0; trace != NULL && i < trace->count; i++) {
        unsigned next = machine_rows()[trace->fired[i]].next;
        if (next < TFSM_STATES && next != state) {
            cover->moves[trace->fired[i]][state]++;
            state = next;
        }
    }
}

static void see(void *user, const struct run_line *line)
{
    struct cover *cover = user;
    if (line->ev != NULL && line->before != NULL && line->before->state < TFSM_STATES &&
        line->ev->kind < TFSM_EVENTS) {
        cover->steps[line->before->state][line->ev->kind]++;
        follow(cover, line->trace, line->before->state);
    }
}

static void add(struct cover *all, const struct cover *one)
{
    all->target = one->target;
    all->inputs += one->inputs;
    all->events += one->events;
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        all->fired[i] += one->fired[i];
        for (unsigned k = 0; k < TFSM_RULES; k++) {
            all->pairs[i][k] = all->pairs[i][k] || one->pairs[i][k];
        }
        for (unsigned k = 0; k < TFSM_STATES; k++) {
            all->moves[i][k] += one->moves[i][k];
        }
    }
    for (unsigned i = 0; i < TFSM_STATES; i++) {
        for (unsigned k = 0; k < TFSM_EVENTS; k++) {
            all->steps[i][k] += one->steps[i][k];
        }
    }
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        all->counters[i] += one->counters[i];
    }
}

static void note(struct cover_report *report, struct cover_finding *findings,
                 struct cover_finding finding)
{
    findings[report->finding_count++] = finding;
    cli_fail(finding.path, "breaks %s: %s%s%s", finding.id, finding.rule,
             finding.rule[0] != '\0' ? ": " : "", finding.requirement);
}

static int cover_input(const struct covering *covering, const char *path,
                       struct cover_report *report, struct cover_finding *findings)
{
    const struct input_target *target = covering->target;
    size_t size;
    uint8_t *octets = input_read_program(path, &target, &size);
    if (octets == NULL) {
        return CLI_BAD;
    }
    alone = (struct cover){.target = input_target_running(target->mode), .previous = TFSM_RULES};
    coverage_tell(hear, &alone);
    struct run_result result = run_program(target->mode, octets, size, see, &alone);
    coverage_tell(NULL, NULL);
    free(octets);
    alone.inputs = 1;
    alone.events = result.events;
    memcpy(alone.counters, result.counters, sizeof alone.counters);
    add(&covers[target->mode], &alone);
    struct fuzz_broken broken = fuzz_breaks(target->mode, &result);
    if (covering->format->each != NULL) {
        covering->format->each(path, &alone);
    }
    if (broken.id != NULL) {
        const char *rule = broken.rule < TFSM_RULES ? tfsm_rule_name(broken.rule) : "";
        note(report, findings, (struct cover_finding){path, broken.id, rule, broken.requirement});
        return CLI_FINDING;
    }
    return CLI_FINE;
}

/* The true rows allow no pair but those counted as possible. */
static int check_pairs(const struct cover *cover)
{
    int status = CLI_FINE;
    for (unsigned i = 0; machine_rows() == tfsm_rules && i < TFSM_RULES; i++) {
        for (unsigned k = 0; k < TFSM_RULES; k++) {
            if (cover->pairs[i][k] && !cover_pair_possible(i, k)) {
                cli_fail(cover->target->name, "%s fired after %s, which the rows do not allow",
                         tfsm_rule_name(k), tfsm_rule_name(i));
                status = CLI_FINDING;
            }
        }
    }
    return status;
}

static int check_least(const struct covering *covering, const struct cover *cover)
{
    struct cover_sums sums;
    int status = CLI_FINE;
    cover_sum(cover, &sums);
    if (sums.rules < covering->least_rules) {
        cli_fail(cover->target->name, "%u rules hit, and %" PRIu64 " are wanted", sums.rules,
                 covering->least_rules);
        status = CLI_FINDING;
    }
    if (sums.pairs < covering->least_pairs) {
        cli_fail(cover->target->name, "%u pairs of rules hit, and %" PRIu64 " are wanted",
                 sums.pairs, covering->least_pairs);
        status = CLI_FINDING;
    }
    if (sums.steps < covering->least_steps) {
        cli_fail(cover->target->name, "%u steps made, and %" PRIu64 " are wanted", sums.steps,
                 covering->least_steps);
        status = CLI_FINDING;
    }
    return status;
}

static int worse(int a, int b)
{
    return a > b ? a : b;
}

/* Every input once, then what they came to. */
static int cover_all(const struct covering *covering, const struct input_list *inputs)
{
    struct cover_finding *findings = calloc(inputs->count, sizeof *findings);
    struct cover_report report = {.covers = covers, .findings = findings};
    int status = CLI_FINE;
    if (findings == NULL) {
        return cli_fail("tcpfsm cover", "out of memory");
    }
    for (size_t i = 0; i < inputs->count; i++) {
        status = worse(status, cover_input(covering, inputs->paths[i], &report, findings));
    }
    if (status != CLI_BAD && !covering->format->print(&report)) {
        status = cli_fail("tcpfsm cover", "out of memory");
    }
    for (unsigned i = 0; status != CLI_BAD && i < COVER_MODES; i++) {
        if (covers[i].inputs > 0) {
            status = worse(status, check_pairs(&covers[i]));
            status = worse(status, check_least(covering, &covers[i]));
        }
    }
    free(findings);
    return status;
}

/* ---- usage ---- */

static error_t parse_format(struct covering *covering, const char *arg, struct argp_state *state)
{
    static const struct cover_format *const formats[] = {&cover_text, &cover_json, &cover_each};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(arg, formats[i]->name) == 0) {
            covering->format = formats[i];
            return formats[i]->missing == NULL ? 0 : cli_misuse(state, arg, formats[i]->missing);
        }
    }
    return cli_misuse(state, arg, "no such format: text, json or each");
}

static error_t parse_least(uint64_t *least, const char *arg, struct argp_state *state)
{
    return cli_number(arg, 0, UINT32_MAX, least) ? 0 : cli_misuse(state, arg, "a number is needed");
}

static error_t parse_cover(int key, char *arg, struct argp_state *state)
{
    struct covering *covering = state->input;
    error_t error = 0;
    switch (key) {
    case KEY_TARGET:
        error = input_target_parse(&covering->target, arg, state);
        break;
    case KEY_FORMAT:
        error = parse_format(covering, arg, state);
        break;
    case KEY_LEAST_RULES:
        error = parse_least(&covering->least_rules, arg, state);
        break;
    case KEY_LEAST_PAIRS:
        error = parse_least(&covering->least_pairs, arg, state);
        break;
    case KEY_LEAST_STEPS:
        error = parse_least(&covering->least_steps, arg, state);
        break;
    case ARGP_KEY_ARG:
        error = input_list_add(&covering->corpora, arg) ? 0 : EINVAL;
        covering->parse.failed = covering->parse.failed || error != 0; /* it is said by now */
        break;
    case ARGP_KEY_NO_ARGS:
        return cli_misuse(state, "CORPUS", "a file or a folder of inputs is missing");
    default:
        return cli_key(key, state);
    }
    covering->parse.last = state->next;
    return error;
}

int command_cover(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"target", KEY_TARGET, "TARGET", 0,
         "fuzz_trace, fuzz_pair, fuzz_listener, fuzz_endpoint or fuzz_step; otherwise each path "
         "tells, and "
         "fuzz_trace if it does not",
         0},
        {"format", KEY_FORMAT, "FORMAT", 0,
         "text (as without it), json, or each: a line for each input", 0},
        {"least-rules", KEY_LEAST_RULES, "N", 0,
         "Not fine where the inputs of a target hit fewer rules", 0},
        {"least-pairs", KEY_LEAST_PAIRS, "N", 0, "Not fine where they hit fewer pairs of rules", 0},
        {"least-steps", KEY_LEAST_STEPS, "N", 0, "Not fine where they make fewer steps", 0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_cover,
        .args_doc = "CORPUS...",
        .doc = "Count what the inputs in files and folders reach: rules, pairs of rules that fire "
               "one after the other for the same event, steps by state and event. What is in reach "
               "of a target and was not hit is listed.\vExit status: 0 fine, 1 an input breaks an "
               "invariant or too little is hit, 2 bad usage or input."};
    struct covering covering = {.parse = {.name = "tcpfsm cover"}, .format = &cover_text};
    int status;
    if (cli_options(&argp, argc, argv, 0, &covering, &status)) {
        status = cover_all(&covering, &covering.corpora);
    }
    input_list_free(&covering.corpora);
    return status;
}
