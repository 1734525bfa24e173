/* `tcpfsm replay`: what a fuzz input does, for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "ladder.h"

#define INPUT_MAX                                                                                  \
    ((size_t)1 << 20) /* octets; an input is looked at up to PROGRAM_MAX, so this is generous */

enum { KEY_TARGET = 1, KEY_ABSOLUTE, KEY_ALL_RULES };

struct replay {
    struct cli_parse parse;
    const char *input;
    bool target_given;
    struct ladder ladder;
};

/* The targets that replay a program. */
static const struct {
    const char *name;
    enum run_mode mode;
} targets[] = {{"fuzz_trace", RUN_TRACE},
               {"fuzz_pair", RUN_PAIR},
               {"fuzz_listener", RUN_LISTENER},
               {"fuzz_endpoint", RUN_ENDPOINT}};

enum { TARGETS = sizeof targets / sizeof targets[0] };

static error_t parse_target(struct replay *replay, const char *arg, struct argp_state *state)
{
    for (unsigned i = 0; i < TARGETS; i++) {
        if (strcmp(arg, targets[i].name) == 0) {
            replay->ladder.mode = targets[i].mode;
            replay->target_given = true;
            replay->parse.last = state->next;
            return 0;
        }
    }
    return cli_misuse(state, arg,
                      "no such target: fuzz_trace, fuzz_pair, fuzz_listener or fuzz_endpoint");
}

static error_t parse_replay(int key, char *arg, struct argp_state *state)
{
    struct replay *replay = state->input;
    switch (key) {
    case KEY_TARGET:
        return parse_target(replay, arg, state);
    case KEY_ABSOLUTE:
        replay->ladder.absolute = true;
        break;
    case KEY_ALL_RULES:
        replay->ladder.all_rules = true;
        break;
    case ARGP_KEY_ARG:
        if (replay->input != NULL) {
            return cli_misuse(state, arg, "one input at a time");
        }
        replay->input = arg;
        break;
    case ARGP_KEY_NO_ARGS:
        return cli_misuse(state, "INPUT", "the file to replay is missing");
    default:
        return cli_key(key, state);
    }
    replay->parse.last = state->next;
    return 0;
}

/* Corpus folders bear the name of their target, and so do most files that fuzzers leave. */
static enum run_mode guess_target(const char *path)
{
    for (unsigned i = TARGETS; i-- > 0;) {
        if (strstr(path, targets[i].name) != NULL) {
            return targets[i].mode;
        }
    }
    return strstr(path, "pair") != NULL ? RUN_PAIR : RUN_TRACE;
}

int command_replay(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"target", KEY_TARGET, "TARGET", 0,
         "fuzz_trace (one connection), fuzz_pair (two hosts), fuzz_listener or fuzz_endpoint (one "
         "host, raw packets); otherwise the path tells, and fuzz_trace if it does not",
         0},
        {"absolute", KEY_ABSOLUTE, NULL, 0, "Sequence numbers as they are, not from ISS and IRS",
         0},
        {"all-rules", KEY_ALL_RULES, NULL, 0,
         "Every rule that fires, not only those that do something", 0},
        CLI_OPTIONS};
    static const struct argp argp = {.options = options,
                                     .parser = parse_replay,
                                     .args_doc = "INPUT",
                                     .doc = "Show what a fuzz input does, as a ladder diagram."};
    struct replay replay = {.parse = {.name = "tcpfsm replay"}, .ladder = {.mode = RUN_TRACE}};
    int status;
    size_t size;
    if (!cli_options(&argp, argc, argv, 0, &replay, &status)) {
        return status;
    }
    if (!replay.target_given) {
        replay.ladder.mode = guess_target(replay.input);
    }
    uint8_t *octets = cli_read(replay.input, "fuzz input", INPUT_MAX, &size);
    if (octets == NULL) {
        return CLI_BAD;
    }
    if (size > PROGRAM_MAX) {
        printf("only the first %d of %zu octets count\n", PROGRAM_MAX, size);
    }
    struct run_result result =
        run_program(replay.ladder.mode, octets, size, ladder_line, &replay.ladder);
    free(octets);
    ladder_end(&replay.ladder, &result);
    return result.violation.id == NULL ? CLI_FINE : CLI_FINDING;
}
