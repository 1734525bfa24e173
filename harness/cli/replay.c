/* `tcpfsm replay`: what a fuzz input does, for people. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "inputs.h"
#include "ladder.h"
#include "ladder_svg.h"
#include "replay.h"

enum { KEY_TARGET = 1, KEY_ABSOLUTE, KEY_ALL_RULES, KEY_LAST, KEY_SVG };

struct replay {
    struct cli_parse parse;
    const char *input;
    const struct input_target *target; /* null: its path tells */
    const char *program_option;        /* given, and of use for a program alone */
    uint64_t last;                     /* so many events; 0: all of them */
    const char *svg;                   /* a file; null: text */
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
    case KEY_LAST:
        if (!cli_number(arg, 1, UINT32_MAX, &replay->last)) {
            return cli_misuse(state, arg, "not a number of lines");
        }
        replay->program_option = "--last";
        break;
    case KEY_SVG:
        if (arg[0] == '\0') {
            return cli_misuse(state, "--svg", "no name for the file");
        }
        replay->svg = arg;
        replay->program_option = "--svg";
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

/* Of a ladder that is longer than wanted the end is drawn. */
static void cut(struct replay *replay, const uint8_t *octets, size_t size)
{
    uint64_t last = replay->last;
    if (replay->svg != NULL && (last == 0 || last > LADDER_SVG_MOST)) {
        last = LADDER_SVG_MOST;
    }
    if (last > 0) {
        uint64_t marks = ladder_count(&replay->ladder, octets, size);
        replay->ladder.skip = marks > last ? marks - last : 0;
    }
}

static bool write_page(const struct replay *replay, const char *target, struct ladder_svg *svg)
{
    struct cli_text title = {.used = 0};
    FILE *file = tmpfile();
    bool fine = false;
    cli_add(&title, "%s: %s", target, replay->input);
    if (file != NULL && ladder_svg_page(file, title.octets, &svg, NULL, 1) && fflush(file) == 0) {
        fine = cli_put(replay->svg, file);
    } else {
        cli_fail(replay->svg, "%s", errno != 0 ? strerror(errno) : "cannot be written");
    }
    if (file != NULL) {
        fclose(file);
    }
    return fine;
}

/* The ladder goes to the file, and what the run came to is said. */
static int draw_program(struct replay *replay, const char *target, const uint8_t *octets,
                        size_t size)
{
    struct ladder_svg *svg = ladder_svg_create();
    struct ladder drawn = replay->ladder;
    if (svg == NULL) {
        return cli_fail(replay->svg, "out of memory");
    }
    drawn.pen = &ladder_svg_pen;
    drawn.canvas = svg;
    struct run_result result = run_program(drawn.mode, octets, size, ladder_line, &drawn);
    ladder_end(&drawn, &result);
    bool written = write_page(replay, target, svg);
    ladder_svg_destroy(svg);
    if (!written) {
        return CLI_BAD;
    }
    drawn.pen = NULL;
    ladder_end(&drawn, &result);
    return result.violation.id == NULL ? CLI_FINE : CLI_FINDING;
}

static int replay_program(struct replay *replay, const char *target, const uint8_t *octets,
                          size_t size)
{
    if (size > PROGRAM_MAX) {
        printf("only the first %d of %zu octets count\n", PROGRAM_MAX, size);
    }
    if (replay->ladder.mode == RUN_STEP) {
        replay_case(octets, size);
    }
    cut(replay, octets, size);
    if (replay->svg != NULL) {
        return draw_program(replay, target, octets, size);
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
         "host, raw packets), fuzz_step (one event on an arbitrary connection), fuzz_wire (one "
         "packet) or fuzz_script; otherwise the path tells, and "
         "fuzz_trace if it does not",
         0},
        {"absolute", KEY_ABSOLUTE, NULL, 0, "Sequence numbers as they are, not from ISS and IRS",
         0},
        {"all-rules", KEY_ALL_RULES, NULL, 0,
         "Every rule that fires, not only those that do something", 0},
        {"last", KEY_LAST, "N", 0, "Only the last N lines of events, and how many were left out",
         0},
        {"svg", KEY_SVG, "FILE", 0,
         "Draw the ladder into that file as SVG, the last 400 lines of it at most; what the run "
         "came to is printed",
         0},
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
        return cli_fail(replay.program_option, "%s has no program of events to show so",
                        target->name);
    }
    if (replay.svg != NULL && cli_is_same_file(replay.svg, replay.input)) {
        return cli_fail(replay.svg, "is the input that is read");
    }
    uint8_t *octets = cli_read(replay.input, "fuzz input", INPUT_MAX, &size);
    if (octets == NULL) {
        return CLI_BAD;
    }
    status = target->kind == INPUT_PACKET   ? replay_packet(octets, size)
             : target->kind == INPUT_SCRIPT ? replay_script(replay.input, octets, size)
                                            : replay_program(&replay, target->name, octets, size);
    free(octets);
    return status;
}
