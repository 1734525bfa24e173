/* `tcpfsm replay`: what a fuzz input does, for people. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "inputs.h"
#include "ladder.h"
#include "replay.h"

enum { KEY_TARGET = 1, KEY_ABSOLUTE, KEY_ALL_RULES };

struct replay {
    struct cli_parse parse;
    const char *input;
    const struct input_target *target; /* null: its path tells */
    const char *program_option;        /* given, and of use for a program alone */
    struct ladder ladder;
};

static error_t parse_replay(int key, char *arg, struct argp_state *state)
{
    struct replay *replay = state->input;
    error_t error = 0;
    switch (key) {
    case KEY_TARGET:
        error = input_target_parse(&replay->target, arg, state);
        break;
    case KEY_ABSOLUTE:
        replay->ladder.absolute = true;
        replay->program_option = "--absolute";
        break;
    case KEY_ALL_RULES:
        replay->ladder.all_rules = true;
        replay->program_option = "--all-rules";
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
    return error;
}

static int replay_program(struct replay *replay, const uint8_t *octets, size_t size)
{
    if (size > PROGRAM_MAX) {
        printf("only the first %d of %zu octets count\n", PROGRAM_MAX, size);
    }
    struct run_result result =
        run_program(replay->ladder.mode, octets, size, ladder_line, &replay->ladder);
    ladder_end(&replay->ladder, &result);
    return result.violation.id == NULL ? CLI_FINE : CLI_FINDING;
}

int command_replay(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"target", KEY_TARGET, "TARGET", 0,
         "fuzz_trace (one connection), fuzz_pair (two hosts), fuzz_listener, fuzz_endpoint (one "
         "host, raw packets), fuzz_wire (one packet) or fuzz_script; otherwise the path tells, and "
         "fuzz_trace if it does not",
         0},
        {"absolute", KEY_ABSOLUTE, NULL, 0, "Sequence numbers as they are, not from ISS and IRS",
         0},
        {"all-rules", KEY_ALL_RULES, NULL, 0,
         "Every rule that fires, not only those that do something", 0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_replay,
        .args_doc = "INPUT",
        .doc = "Show what a fuzz input does: as a ladder diagram, or what a packet is.\vExit "
               "status: 0 nothing is broken, 1 an invariant is, 2 bad usage or input."};
    struct replay replay = {.parse = {.name = "tcpfsm replay"}, .ladder = {.mode = RUN_TRACE}};
    int status;
    size_t size;
    if (!cli_options(&argp, argc, argv, 0, &replay, &status)) {
        return status;
    }
    const struct input_target *target =
        replay.target != NULL ? replay.target : input_target_of(replay.input);
    replay.ladder.mode = target->mode;
    if (target->kind != INPUT_PROGRAM && replay.program_option != NULL) {
        return cli_fail(replay.program_option, "%s has no numbers or rules to show",
                        target->kind == INPUT_PACKET ? "fuzz_wire" : "fuzz_script");
    }
    uint8_t *octets = cli_read(replay.input, "fuzz input", INPUT_MAX, &size);
    if (octets == NULL) {
        return CLI_BAD;
    }
    status = target->kind == INPUT_PACKET   ? replay_packet(octets, size)
             : target->kind == INPUT_SCRIPT ? replay_script(replay.input, octets, size)
                                            : replay_program(&replay, octets, size);
    free(octets);
    return status;
}
