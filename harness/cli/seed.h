/* Seeds: inputs for the fuzz targets, made from captured connections. Building happens in memory;
 * seeds_store() puts all of them in place, or none. */
#ifndef HARNESS_SEED_H
#define HARNESS_SEED_H

#include <stddef.h>
#include <stdint.h>

#include "capture.h"
#include "decode.h"

/* The targets that get seeds; also the names of their folders. */
enum seed_target { SEED_WIRE, SEED_TRACE, SEED_PAIR, SEED_TARGETS };

const char *seed_target_name(enum seed_target target);

/* One input. Its name is its hash, so equal inputs have equal names whoever imports them, and when.
 */
struct seed {
    enum seed_target target;
    uint64_t hash;
    uint8_t *octets;
    size_t size;
};

/* A set of inputs without duplicates. Starts zeroed. */
struct seeds {
    struct seed *list;
    size_t count;
    size_t room;
    size_t *slots; /* index + 1 by hash; 0 is free */
    size_t slot_count;
};

enum seeds_add_result { SEEDS_ADDED, SEEDS_KNOWN, SEEDS_MEMORY };

/* Put in a copy of an input unless it is there. */
enum seeds_add_result seeds_add(struct seeds *seeds, enum seed_target target, const uint8_t *octets,
                                size_t size);

void seeds_free(struct seeds *seeds);

/* Write every seed to FOLDER/TARGET/HASH, making the folders that are missing. An input that is
 * already there stays as it is. First everything is written under temporary names, then renamed;
 * when anything fails, what was made is removed again. written counts the files that are new.
 * Returns an exit code, after complaining if it is not CLI_FINE. */
int seeds_store(const struct seeds *seeds, const char *folder, size_t *written);

/* A program under construction. */
struct seed_program {
    uint8_t octets[PROGRAM_MAX];
    size_t size;
    unsigned records;
    bool cut; /* full, or broken, before the connection was over */
};

/* What came of making a program. */
enum seed_result {
    SEED_MADE,
    SEED_PARTIAL, /* the capture does not show how the connection began */
    SEED_MEMORY   /* out of memory */
};

/* What one end did as a program for one endpoint: its calls, and the peer's segments with numbers
 * relative to the TCB that the endpoint has at that moment. Stops where a program is full. */
enum seed_result seed_trace(const struct capture *capture, size_t connection, unsigned end,
                            struct seed_program *program);

/* What both ends did as a program for two endpoints: their calls, and a network that delivers,
 * loses and copies like the one captured, as far as these two endpoints send the same segments.
 * Stops where a program is full. */
enum seed_result seed_pair(const struct capture *capture, size_t connection,
                           struct seed_program *program);

#endif
