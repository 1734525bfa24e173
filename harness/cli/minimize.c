/* `tcpfsm minimize`: the least of an input that breaks an invariant which still breaks it. First records are taken away, in halves
 * and then in ever smaller pieces down to one, then what is left of each octet becomes nought or less, then two records go at
 * once, or an octet becomes anything, where that makes fewer events, or the whole is mutated as fuzzers do; all again,
 * until none helps. What is kept has been run. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inputs.h"
#include "ladder.h"
#include "mutate.h"
#include "record_layout.h"
#include "replay.h"

enum { KEY_TARGET = 1, KEY_OUT = 'o' };

#define RUNS_MOST       200000u  /* some seconds; the smallest so far is what is told then */
#define MUTATIONS_TRIED 20000u   /* before it is taken to be the smallest */
#define EVENTS_TRIED    2000000u /* or fewer, where the machine has much to do */

struct minimize {
    struct cli_parse parse;
    const char *input;
    const char *out; /* null: nowhere */
    const struct input_target *target;
};

/* The smallest input so far. */
struct smallest {
    enum run_mode mode;
    const char *id; /* what it breaks */
    uint8_t octets[PROGRAM_MAX];
    size_t size;
    uint32_t events;
    unsigned runs;
    uint64_t fed; /* events in all those runs */
    size_t most;  /* octets that it had at first */
};

/* The records of an input; where they begin, and after the last one where that ends. */
struct parts {
    size_t at[PROGRAM_MAX + 1]; /* of a single step each octet is one */
    size_t count;
};

/* Take this one, if it breaks the same in no more events than that. */
static bool take_within(struct smallest *smallest, const uint8_t *octets, size_t size,
                        uint32_t most)
{
    if (size == 0 || smallest->runs == RUNS_MOST) {
        return false;
    }
    smallest->runs++;
    struct run_result result = run_program(smallest->mode, octets, size, NULL, NULL);
    smallest->fed += result.events;
    if (result.violation.id == NULL || strcmp(result.violation.id, smallest->id) != 0 ||
        result.events > most) {
        return false;
    }
    memmove(smallest->octets, octets, size);
    smallest->size = size;
    smallest->events = result.events;
    return true;
}

static bool take(struct smallest *smallest, const uint8_t *octets, size_t size)
{
    return take_within(smallest, octets, size, smallest->events);
}

/* Fewer events, if in more octets than now; fewer than there were at first. */
static bool take_fewer(struct smallest *smallest, const uint8_t *octets, size_t size)
{
    return smallest->events > 1 && smallest->fed < EVENTS_TRIED && size < smallest->most &&
           take_within(smallest, octets, size, smallest->events - 1);
}

static enum layout_format format_of(const struct smallest *smallest)
{
    static const enum layout_format formats[] = {[RUN_TRACE] = LAYOUT_RECORDS,
                                                 [RUN_PAIR] = LAYOUT_RECORDS,
                                                 [RUN_LISTENER] = LAYOUT_LISTENER,
                                                 [RUN_ENDPOINT] = LAYOUT_ENDPOINT,
                                                 [RUN_STEP] = LAYOUT_RECORDS};
    return formats[smallest->mode];
}

/* The records behind the header; what is not carried out any more is one, too. A single step has one: there each octet is a
 * part. */
static void part(const struct smallest *smallest, struct parts *parts)
{
    bool single = smallest->mode == RUN_STEP;
    enum layout_format format = format_of(smallest);
    size_t at = layout_of(format)->header;
    parts->count = 0;
    parts->at[0] = at < smallest->size ? at : smallest->size;
    while (at < smallest->size) {
        at = single ? at + 1
             : parts->count < PROGRAM_EVENTS
                 ? layout_next(format, smallest->octets, smallest->size, at)
                 : smallest->size;
        parts->at[++parts->count] = at;
    }
}

static bool take_without(struct smallest *smallest, size_t from, size_t to)
{
    uint8_t octets[PROGRAM_MAX];
    memcpy(octets, smallest->octets, from);
    memcpy(octets + from, smallest->octets + to, smallest->size - to);
    return take(smallest, octets, smallest->size - (to - from));
}

/* Take parts away, so many at a time. */
static bool remove_parts(struct smallest *smallest, struct parts *parts, size_t most)
{
    bool removed = false;
    size_t i = parts->count;
    while (i > 0) { /* from the end: what comes after the break is of no use at all */
        size_t first = i > most ? i - most : 0;
        if (take_without(smallest, parts->at[first], parts->at[i])) {
            removed = true;
            part(smallest, parts);
        }
        i = first < parts->count ? first : parts->count;
    }
    return removed;
}

static bool remove_records(struct smallest *smallest)
{
    static struct parts parts;
    bool removed = false;
    part(smallest, &parts);
    for (size_t most = parts.count / 2; most > 1; most /= 2) {
        removed = remove_parts(smallest, &parts, most) || removed;
    }
    while (remove_parts(smallest, &parts, 1)) {
        removed = true;
    }
    return removed;
}

/* Nought, or half as much, or one less, or one bit less. */
static bool simplify_octet(struct smallest *smallest, size_t at)
{
    uint8_t octets[PROGRAM_MAX];
    unsigned was = smallest->octets[at];
    unsigned less[3 + 8] = {0, was / 2, was - 1};
    for (unsigned i = 0; i < 8; i++) {
        less[3 + i] = was & ~(1u << i);
    }
    memcpy(octets, smallest->octets, smallest->size);
    for (unsigned i = 0; was > 0 && i < sizeof less / sizeof less[0]; i++) {
        octets[at] = (uint8_t)less[i];
        if (less[i] != was && take(smallest, octets, smallest->size)) {
            return true;
        }
    }
    return false;
}

static bool simplify(struct smallest *smallest)
{
    bool simpler = false;
    for (size_t i = 0; i < smallest->size; i++) {
        while (simplify_octet(smallest, i)) {
            simpler = true;
        }
    }
    /* What is missing at the end reads as zero. */
    while (smallest->size > 1 && take_without(smallest, smallest->size - 1, smallest->size)) {
        simpler = true;
    }
    return simpler;
}

/* Two records that neither goes without the other. */
static bool remove_two(struct smallest *smallest)
{
    static struct parts parts;
    uint8_t octets[PROGRAM_MAX];
    part(smallest, &parts);
    for (size_t i = 0; i < parts.count; i++) {
        for (size_t j = i + 1; j < parts.count; j++) {
            size_t size = parts.at[i];
            memcpy(octets, smallest->octets, size);
            memcpy(octets + size, smallest->octets + parts.at[i + 1],
                   parts.at[j] - parts.at[i + 1]);
            size += parts.at[j] - parts.at[i + 1];
            memcpy(octets + size, smallest->octets + parts.at[j + 1],
                   smallest->size - parts.at[j + 1]);
            size += smallest->size - parts.at[j + 1];
            if (take(smallest, octets, size)) {
                return true;
            }
        }
    }
    return false;
}

/* Whatever an octet may be: a packet that is lost, a call that does more at once. */
static bool change_octets(struct smallest *smallest)
{
    uint8_t octets[PROGRAM_MAX];
    bool fewer = false;
    if (smallest->events < 2) {
        return false;
    }
    for (size_t i = 0; i < smallest->size; i++) {
        for (unsigned value = 0; value < 256; value++) {
            memcpy(octets, smallest->octets, smallest->size);
            octets[i] = (uint8_t)value;
            fewer |= take_fewer(smallest, octets, smallest->size);
        }
    }
    return fewer;
}

/* What the fuzzers do to it, in the hope of fewer events: a smaller flight, another way to lose a segment. */
static bool mutate_it(struct smallest *smallest)
{
    uint8_t octets[PROGRAM_MAX];
    uint32_t before = smallest->events;
    if (smallest->mode == RUN_STEP || before < 2) {
        return false;
    }
    for (uint64_t seed = 1; seed <= MUTATIONS_TRIED && smallest->fed < EVENTS_TRIED; seed++) {
        size_t room = smallest->size + MUTATE_LEAST + LAYOUT_RECORD_MAX;
        room = room < PROGRAM_MAX ? room : PROGRAM_MAX;
        memcpy(octets, smallest->octets, smallest->size);
        size_t size = mutate(format_of(smallest), octets, smallest->size, room, smallest->octets,
                             smallest->size, seed);
        take_fewer(smallest, octets, size);
    }
    return smallest->events < before;
}

/* ---- what comes of it ---- */

static bool write_out(const char *path, const struct smallest *smallest)
{
    FILE *file = tmpfile();
    if (file == NULL) {
        cli_fail(path, "%s", strerror(errno));
        return false;
    }
    bool written =
        fwrite(smallest->octets, 1, smallest->size, file) == smallest->size && fflush(file) == 0;
    if (!written) {
        cli_fail(path, "%s", strerror(errno));
    }
    written = written && cli_put(path, file);
    fclose(file);
    return written;
}

static int tell(const struct minimize *minimize, const struct smallest *before,
                const struct smallest *after)
{
    struct ladder ladder = {.mode = after->mode};
    if (minimize->out != NULL && !write_out(minimize->out, after)) {
        return CLI_BAD;
    }
    printf("%s: %" PRIu32 " event%s before, %" PRIu32
           " after; %zu octet%s before, %zu after; %u runs%s\n",
           after->id, before->events, cli_plural(before->events), after->events, before->size,
           cli_plural(before->size), after->size, after->runs,
           after->runs == RUNS_MOST ? ", and no more were made" : "");
    if (after->mode == RUN_STEP) {
        replay_case(after->octets, after->size);
    }
    struct run_result result =
        run_program(after->mode, after->octets, after->size, ladder_line, &ladder);
    ladder_end(&ladder, &result);
    return CLI_FINE;
}

static int minimize_input(const struct minimize *minimize, const uint8_t *octets, size_t size)
{
    static struct smallest smallest;
    static struct smallest before;
    size = size < PROGRAM_MAX ? size : PROGRAM_MAX;
    struct run_result result = run_program(minimize->target->mode, octets, size, NULL, NULL);
    if (result.violation.id == NULL) {
        return cli_fail(minimize->input, "breaks no invariant of %s",
                        input_target_running(minimize->target->mode)->name);
    }
    smallest.mode = minimize->target->mode;
    smallest.id = result.violation.id;
    smallest.size = size;
    smallest.most = size;
    smallest.events = result.events;
    memcpy(smallest.octets, octets, size);
    before = smallest;
    bool removed;
    do { /* in the end none helps: who does it again gets the same */
        removed = remove_records(&smallest);
    } while (simplify(&smallest) || removed || remove_two(&smallest) || mutate_it(&smallest) ||
             change_octets(&smallest));
    return tell(minimize, &before, &smallest);
}

/* ---- usage ---- */

static error_t parse_minimize(int key, char *arg, struct argp_state *state)
{
    struct minimize *minimize = state->input;
    error_t error = 0;
    switch (key) {
    case KEY_TARGET:
        error = input_target_parse(&minimize->target, arg, state);
        break;
    case KEY_OUT:
        if (arg[0] == '\0') {
            return cli_misuse(state, "-o", "no name for the file");
        }
        minimize->out = arg;
        break;
    case ARGP_KEY_ARG:
        if (minimize->input != NULL) {
            return cli_misuse(state, arg, "one input at a time");
        }
        minimize->input = arg;
        break;
    case ARGP_KEY_NO_ARGS:
        return cli_misuse(state, "INPUT", "the file to minimize is missing");
    default:
        return cli_key(key, state);
    }
    minimize->parse.last = state->next;
    return error;
}

int command_minimize(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"target", KEY_TARGET, "TARGET", 0,
         "fuzz_trace, fuzz_pair, fuzz_listener, fuzz_endpoint or fuzz_step; otherwise the path "
         "tells, and "
         "fuzz_trace if it does not",
         0},
        {"output", KEY_OUT, "FILE", 0, "Write the smallest input there", 0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_minimize,
        .args_doc = "INPUT",
        .doc = "Make an input that breaks an invariant as small as it can be and still break the "
               "same one, and show what is left as a ladder diagram.\vExit status: 0 done, 2 bad "
               "usage or input, or an input that breaks nothing."};
    struct minimize minimize = {.parse = {.name = "tcpfsm minimize"}};
    int status;
    size_t size;
    if (!cli_options(&argp, argc, argv, 0, &minimize, &status)) {
        return status;
    }
    if (minimize.out != NULL && cli_is_same_file(minimize.out, minimize.input)) {
        return cli_fail(minimize.out, "is the input that is read");
    }
    uint8_t *octets = input_read_program(minimize.input, &minimize.target, &size);
    if (octets == NULL) {
        return CLI_BAD;
    }
    status = minimize_input(&minimize, octets, size);
    free(octets);
    return status;
}
