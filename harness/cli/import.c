/* `tcpfsm import`: seeds for the fuzz targets from packet captures. Every capture is read and every
 * seed made before anything is written. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "run.h"
#include "seed.h"

#define WIRE_INPUT_MAX 2048u /* octets of an input that fuzz_wire looks at */
#define WIRE_AS_IT_IS  0u    /* its first octet: repair nothing */

/* What came of one capture. */
struct tally {
    size_t segments;
    size_t skipped;
    size_t connections;
    size_t partial; /* connections whose beginning is not in the file */
    size_t made[SEED_TARGETS];
    size_t known;  /* seeds that were there already */
    size_t broken; /* seeds that break an invariant as they are */
};

struct import {
    struct cli_parse parse;
    const char *folder;
    char **captures; /* of argv */
    size_t count;
    struct seeds seeds;
};

static bool keep(struct seeds *seeds, enum seed_target target, const uint8_t *octets, size_t size,
                 struct tally *tally)
{
    enum seeds_add_result result = seeds_add(seeds, target, octets, size);
    tally->made[target] += result == SEEDS_ADDED;
    tally->known += result == SEEDS_KNOWN;
    return result != SEEDS_MEMORY;
}

/* A packet as fuzz_wire reads it. */
static bool keep_packet(struct seeds *seeds, const struct capture *capture,
                        const struct capture_segment *segment, struct tally *tally)
{
    uint8_t input[WIRE_INPUT_MAX];
    if (segment->size >= sizeof input) {
        return true; /* the target would cut it off */
    }
    input[0] = WIRE_AS_IT_IS;
    memcpy(input + 1, capture->octets + segment->at, segment->size);
    return keep(seeds, SEED_WIRE, input, segment->size + 1, tally);
}

static bool keep_program(struct seeds *seeds, enum seed_target target,
                         const struct seed_program *program, struct tally *tally)
{
    enum run_mode mode = target == SEED_PAIR ? RUN_PAIR : RUN_TRACE;
    if (program->records == 0) {
        return true; /* nothing ever happened there */
    }
    tally->broken +=
        run_program(mode, program->octets, program->size, NULL, NULL).violation.id != NULL;
    return keep(seeds, target, program->octets, program->size, tally);
}

/* The programs of one connection: one for each end, one for both. False when out of memory. */
static bool keep_connection(struct seeds *seeds, const struct capture *capture, size_t connection,
                            struct tally *tally)
{
    struct seed_program program;
    for (unsigned end = 0; end < 2; end++) {
        enum seed_result result = seed_trace(capture, connection, end, &program);
        if (result == SEED_PARTIAL) {
            tally->partial++;
            return true;
        }
        if (result == SEED_MEMORY || !keep_program(seeds, SEED_TRACE, &program, tally)) {
            return false;
        }
    }
    return seed_pair(capture, connection, &program) == SEED_MADE &&
           keep_program(seeds, SEED_PAIR, &program, tally);
}

static bool keep_capture(struct seeds *seeds, const struct capture *capture, struct tally *tally)
{
    bool fine = true;
    tally->segments = capture->count;
    tally->connections = capture->connection_count;
    for (unsigned i = 0; i < TFSM_WIRE_RESULTS; i++) {
        tally->skipped += capture->skipped[i];
    }
    for (size_t i = 0; i < capture->count && fine; i++) {
        fine = keep_packet(seeds, capture, &capture->segments[i], tally);
    }
    for (size_t i = 0; i < capture->connection_count && fine; i++) {
        fine = keep_connection(seeds, capture, i, tally);
    }
    return fine;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void print_tally(const char *path, const struct tally *tally)
{
    printf("%s: %zu segment%s", path, tally->segments, plural(tally->segments));
    if (tally->skipped > 0) {
        printf(" (%zu other packet%s)", tally->skipped, plural(tally->skipped));
    }
    printf(", %zu connection%s", tally->connections, plural(tally->connections));
    if (tally->partial > 0) {
        printf(" (%zu without a beginning)", tally->partial);
    }
    printf(": ");
    for (unsigned target = 0; target < SEED_TARGETS; target++) {
        printf("%zu %s, ", tally->made[target], seed_target_name((enum seed_target)target));
    }
    printf("%zu duplicate%s", tally->known, plural(tally->known));
    if (tally->broken > 0) {
        printf("; %zu break%s an invariant: replay", tally->broken, tally->broken == 1 ? "s" : "");
    }
    putchar('\n');
}

static error_t parse_import(int key, char *arg, struct argp_state *state)
{
    struct import *import = state->input;
    if (key == 'o') {
        if (arg[0] == '\0') {
            return cli_misuse(state, "-o", "the folder has no name");
        }
        import->folder = arg;
        import->parse.last = state->next;
        return 0;
    }
    if (key == ARGP_KEY_ARG) {
        return ARGP_ERR_UNKNOWN; /* all of them together, below */
    }
    if (key == ARGP_KEY_ARGS) {
        import->captures = state->argv + state->next;
        import->count = (size_t)(state->argc - state->next);
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS) {
        return cli_misuse(state, "CAPTURE", "the file to import is missing");
    }
    if (key == ARGP_KEY_END && import->folder == NULL) {
        return cli_misuse(state, "-o DIR", "the folder for the seeds is missing");
    }
    return cli_key(key, state);
}

/* Read every capture and make every seed. */
static int make_seeds(struct import *import, struct tally *tallies)
{
    for (size_t i = 0; i < import->count; i++) {
        struct capture capture;
        char error[CAPTURE_ERROR];
        bool read = capture_read(import->captures[i], &capture, error);
        bool kept = read && keep_capture(&import->seeds, &capture, &tallies[i]);
        capture_free(&capture);
        if (!kept) {
            return cli_fail(import->captures[i], "%s", read ? "out of memory" : error);
        }
    }
    return CLI_FINE;
}

static int run_import(struct import *import)
{
    size_t written = 0;
    struct tally *tallies = calloc(import->count, sizeof *tallies);
    int status =
        tallies != NULL ? make_seeds(import, tallies) : cli_fail("import", "out of memory");
    if (status == CLI_FINE) {
        status = seeds_store(&import->seeds, import->folder, &written);
    }
    for (size_t i = 0; i < import->count && status == CLI_FINE; i++) {
        print_tally(import->captures[i], &tallies[i]);
    }
    if (status == CLI_FINE) {
        printf("%s: %zu new file%s\n", import->folder, written, plural(written));
    }
    seeds_free(&import->seeds);
    free(tallies);
    return status;
}

int command_import(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"output", 'o', "DIR", 0,
         "Where the seeds go: DIR/fuzz_wire, DIR/fuzz_trace, DIR/fuzz_pair", 0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_import,
        .args_doc = "CAPTURE... -o DIR",
        .doc = "Turn packet captures (pcap, pcapng) into inputs for the fuzz targets."};
    struct import import = {.parse = {.name = "tcpfsm import"}};
    int status;
    if (!cli_options(&argp, argc, argv, 0, &import, &status)) {
        return status;
    }
    return run_import(&import);
}
