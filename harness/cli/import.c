/* `tcpfsm import`: seeds for the fuzz targets from packet captures. Every capture is read and every
 * seed made before anything is written. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "packet_program.h"
#include "run.h"
#include "seed.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MOST    1000000

/* What came of one capture. */
struct tally {
    size_t segments;
    size_t assumed[CAPTURE_ASSUMPTIONS];
    size_t left[CAPTURE_REASONS];
    size_t connections;
    size_t partial; /* connections whose beginning is not in the file */
    size_t made[SEED_TARGETS];
    size_t beyond[SEED_TARGETS]; /* seeds for which the limit had no room */
    size_t large;                /* packets too large for fuzz_wire */
    size_t known;                /* seeds that were there already */
    size_t broken;               /* seeds that break an invariant as they are */
    size_t cut[SEED_TARGETS];    /* seeds that end before their connection */
};

/* Kinds of packets that there are seeds of already: what makes one packet another to a parser. */
struct shapes {
    bool seen[2][256][256][2]; /* family, control bits, options, text */
};

enum { KEY_LIMIT = 1 };

struct import {
    struct cli_parse parse;
    const char *folder;
    char **captures; /* of argv */
    size_t count;
    size_t limit; /* seeds of a target */
    size_t kept[SEED_TARGETS];
    struct shapes shapes;
    struct seeds seeds;
};

static bool has_room(const struct import *import, enum seed_target target, struct tally *tally)
{
    if (import->kept[target] < import->limit) {
        return true;
    }
    tally->beyond[target]++;
    return false;
}

static bool keep(struct import *import, enum seed_target target, const uint8_t *octets, size_t size,
                 struct tally *tally)
{
    enum seeds_add_result result = seeds_add(&import->seeds, target, octets, size);
    import->kept[target] += result == SEEDS_ADDED;
    tally->made[target] += result == SEEDS_ADDED;
    tally->known += result == SEEDS_KNOWN;
    return result != SEEDS_MEMORY;
}

/* Whether a packet of its kind comes for the first time. */
static bool is_new_shape(struct shapes *shapes, const struct capture_segment *captured)
{
    const struct tfsm_segment *segment = &captured->packet.segment;
    bool *seen = &shapes->seen[captured->packet.src.family == 6][segment->flags][segment->options]
                              [capture_text(segment) > 0];
    bool is_new = !*seen;
    *seen = true;
    return is_new;
}

/* A packet as fuzz_wire reads it. What was not finished when it was recorded the target finishes. */
static bool keep_packet(struct import *import, const struct capture *capture,
                        const struct capture_segment *segment, struct tally *tally)
{
    uint8_t input[WIRE_INPUT_MAX];
    if (segment->size >= sizeof input) {
        tally->large++; /* the target would cut it off */
        return true;
    }
    if (!has_room(import, SEED_WIRE, tally)) {
        return true;
    }
    input[0] = (segment->assumed & ~(1u << CAPTURE_NO_TIME)) != 0
                   ? WIRE_REPAIR_CHECKSUMS | WIRE_REPAIR_LENGTHS
                   : 0;
    memcpy(input + 1, capture->octets + segment->at, segment->size);
    return keep(import, SEED_WIRE, input, segment->size + 1, tally);
}

/* The packets of a capture, one of each kind before all others: a limit may end them anywhere. */
static bool keep_packets(struct import *import, const struct capture *capture, struct tally *tally)
{
    bool fine = true;
    bool *first = calloc(capture->count, sizeof *first);
    for (size_t i = 0; first != NULL && i < capture->count && fine; i++) {
        first[i] = is_new_shape(&import->shapes, &capture->segments[i]);
        fine = !first[i] || keep_packet(import, capture, &capture->segments[i], tally);
    }
    for (size_t i = 0; first != NULL && i < capture->count && fine; i++) {
        fine = first[i] || keep_packet(import, capture, &capture->segments[i], tally);
    }
    fine = fine && first != NULL;
    free(first);
    return fine;
}

static bool keep_program(struct import *import, enum seed_target target,
                         const struct seed_program *program, struct tally *tally)
{
    enum run_mode mode = target == SEED_PAIR ? RUN_PAIR : RUN_TRACE;
    if (program->records == 0) {
        return true; /* nothing ever happened there */
    }
    tally->cut[target] += program->cut;
    tally->broken +=
        run_program(mode, program->octets, program->size, NULL, NULL).violation.id != NULL;
    return keep(import, target, program->octets, program->size, tally);
}

/* The programs of one connection: one for each end, one for both. False when out of memory. */
static bool keep_connection(struct import *import, const struct capture *capture, size_t connection,
                            struct tally *tally)
{
    struct seed_program program;
    if (!capture_begins(capture, connection)) {
        tally->partial++;
        return true;
    }
    for (unsigned end = 0; end < 2; end++) {
        if (!has_room(import, SEED_TRACE, tally)) {
            continue;
        }
        enum seed_result result = seed_trace(capture, connection, end, &program);
        if (result != SEED_MADE || !keep_program(import, SEED_TRACE, &program, tally)) {
            return false;
        }
    }
    if (!has_room(import, SEED_PAIR, tally)) {
        return true;
    }
    return seed_pair(capture, connection, &program) == SEED_MADE &&
           keep_program(import, SEED_PAIR, &program, tally);
}

static bool keep_capture(struct import *import, const struct capture *capture, struct tally *tally)
{
    tally->segments = capture->count;
    tally->connections = capture->connection_count;
    memcpy(tally->assumed, capture->assumed, sizeof tally->assumed);
    memcpy(tally->left, capture->left, sizeof tally->left);
    bool fine = keep_packets(import, capture, tally);
    for (size_t i = 0; i < capture->connection_count && fine; i++) {
        fine = keep_connection(import, capture, i, tally);
    }
    return fine;
}

/* "  left out: 3 fragments, 1 not IP", if there is any. */
static void print_counts(const char *title, const size_t *counts, unsigned n,
                         const char *(*text)(unsigned i))
{
    const char *between = title;
    for (unsigned i = 0; i < n; i++) {
        if (counts[i] > 0) {
            printf("%s%zu %s", between, counts[i], text(i));
            between = ", ";
        }
    }
    if (between != title) {
        putchar('\n');
    }
}

static const char *assumption_text(unsigned i)
{
    return capture_assumption_text((enum capture_assumption)i);
}

static const char *reason_text(unsigned i)
{
    return capture_reason_text((enum capture_reason)i);
}

static const char *target_text(unsigned i)
{
    return seed_target_name((enum seed_target)i);
}

static void print_tally(const char *path, const struct tally *tally)
{
    printf("%s: %zu segment%s, %zu connection%s", path, tally->segments,
           cli_plural(tally->segments), tally->connections, cli_plural(tally->connections));
    if (tally->partial > 0) {
        printf(" (%zu without a beginning)", tally->partial);
    }
    printf(": ");
    for (unsigned target = 0; target < SEED_TARGETS; target++) {
        printf("%zu %s, ", tally->made[target], seed_target_name((enum seed_target)target));
    }
    printf("%zu duplicate%s", tally->known, cli_plural(tally->known));
    if (tally->broken > 0) {
        printf("; %zu break%s an invariant: replay", tally->broken, tally->broken == 1 ? "s" : "");
    }
    putchar('\n');
    print_counts("  taken, but: ", tally->assumed, CAPTURE_ASSUMPTIONS, assumption_text);
    print_counts("  left out: ", tally->left, CAPTURE_REASONS, reason_text);
    print_counts("  longer than a program can be: ", tally->cut, SEED_TARGETS, target_text);
    print_counts("  beyond --limit: ", tally->beyond, SEED_TARGETS, target_text);
    if (tally->large > 0) {
        printf("  too large for fuzz_wire: %zu\n", tally->large);
    }
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
    if (key == KEY_LIMIT) {
        uint64_t limit;
        if (!cli_number(arg, 1, LIMIT_MOST, &limit)) {
            return cli_misuse(state, arg, "not a number of seeds");
        }
        import->limit = limit;
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
        bool kept = read && keep_capture(import, &capture, &tallies[i]);
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
        printf("%s: %zu new file%s\n", import->folder, written, cli_plural(written));
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
        {"limit", KEY_LIMIT, "N", 0,
         "At most so many seeds of each target, packets of every kind first (1000)", 0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_import,
        .args_doc = "CAPTURE... -o DIR",
        .doc = "Turn packet captures (pcap, pcapng, packed by gzip or not) into inputs for the "
               "fuzz targets.\vA checksum that the network card was to write, and what a recording "
               "has "
               "cut off, are taken for right; what is assumed and what is left out is counted.\n"
               "Exit status: 0 all seeds are there, 2 bad usage or input, and then nothing was "
               "written."};
    static struct import import; /* its shapes are too much for a stack */
    import = (struct import){.parse = {.name = "tcpfsm import"}, .limit = LIMIT_DEFAULT};
    int status;
    if (!cli_options(&argp, argc, argv, 0, &import, &status)) {
        return status;
    }
    return run_import(&import);
}
