/* The options for what a wire does to packets, the same wherever there is one: `tcpfsm serve`, `connect` and
 * `relay`; and what it counted. */
#ifndef HARNESS_IMPAIR_H
#define HARNESS_IMPAIR_H

#include "cli.h"
#include "counts.h"
#include "network.h"

struct impairment {
    struct wire_network network;
    bool any; /* else a wire would do nothing */
    uint64_t seed;
};

enum {
    IMPAIR_KEY_LOSS = 0x280,
    IMPAIR_KEY_DUP,
    IMPAIR_KEY_REORDER,
    IMPAIR_KEY_DELAY,
    IMPAIR_KEY_CORRUPT,
    IMPAIR_KEY_RATE,
    IMPAIR_KEY_QUEUE,
    IMPAIR_KEY_SWALLOW,
    IMPAIR_KEY_SEED
};

/* clang-format off */
#define IMPAIR_OPTIONS                                                                                              \
    {"loss", IMPAIR_KEY_LOSS, "PERCENT", 0, "Packets lost, each way", 2},                                           \
    {"dup", IMPAIR_KEY_DUP, "PERCENT", 0, "Packets that come twice", 2},                                            \
    {"reorder", IMPAIR_KEY_REORDER, "PERCENT", 0, "Packets held up, so that others overtake them", 2},              \
    {"delay", IMPAIR_KEY_DELAY, "MS[:JITTER]", 0, "Of every packet, and up to so much more", 2},                    \
    {"corrupt", IMPAIR_KEY_CORRUPT, "PERCENT", 0, "Packets with a bit flipped", 2},                                 \
    {"rate", IMPAIR_KEY_RATE, "BITS", 0, "That the wire carries in a second, each way; as 20M", 2},                 \
    {"queue", IMPAIR_KEY_QUEUE, "OCTETS", 0, "With --rate: a packet that finds more before it is lost; as 64k", 2}, \
    {"swallow", IMPAIR_KEY_SWALLOW, "OCTETS", 0, "A larger packet vanishes, and nobody is told: a black hole", 2},   \
    {"seed", IMPAIR_KEY_SEED, "N", 0, "What is random on this wire depends on it (1)", 2}
/* clang-format on */

/* Options as they are when none is given. */
void impair_default(struct impairment *impairment);

/* For the parser of a subcommand: one option. ARGP_ERR_UNKNOWN: it is none of these. */
error_t impair_key(struct impairment *impairment, int key, char *arg, struct argp_state *state);

/* For the end of the options: do they agree? */
error_t impair_check(const struct impairment *impairment, struct argp_state *state);

#define IMPAIR_COUNTS 8

/* What became of packets on a wire, to be shown. */
void impair_counts(const struct wire_counters *wire, struct count counts[IMPAIR_COUNTS]);

#endif
