/* The rows of recovery.h that are about connections with much on their way: what room for ranges is worth and takes, and
 * what jitter costs. */
#include "recovery_rows.h"
#include "endpoint.h"
#include "steady.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STEADY_SEGMENTS 4167u     /* 1 Gbit/s x 50 ms, of 1500 octets */
#define STEADY_RATE     125000000 /* octets a second */
#define STEADY_WAY      25000     /* microseconds */
#define STEADY_LOSS     10        /* of 1000 */
#define STEADY_UNTIL    3000000
#define STEADY_BUFFER   (1u << 24)
#define SMOOTH_QUEUE    400000u
#define SMOOTH_WINDOW   1000000u
#define SMOOTH_OCTETS   10000000u
#define FALSE_OCTETS    1000000u
#define FALSE_SEEDS     200u

/* ---- a receiver with a large window ---- */

struct steady_sum {
    uint64_t arrived;
    uint64_t refused;
    double goodput;
};

static struct steady_sum steady_sum(const struct recovery_asked *asked, enum side side,
                                    uint32_t ranges)
{
    struct steady_sum sum = {0, 0, 0};
    for (uint64_t i = 0; i < few(asked); i++) {
        struct steady_config config = {
            .seed = asked->first + i,
            .network = {.loss = STEADY_LOSS, .delay = STEADY_WAY, .rate = STEADY_RATE},
            .policy = *policy_of(asked, side),
            .ranges = ranges,
            .segments = STEADY_SEGMENTS,
            .until = STEADY_UNTIL};
        config.policy.rcv_buff = STEADY_BUFFER;
        struct steady_result result = steady_run(&config);
        if (result.failed != NULL) {
            fprintf(stderr, "simulate: seed %" PRIu64 ", a fixed window: %s\n", config.seed,
                    result.failed);
            exit(1);
        }
        sum.arrived += result.arrived;
        sum.refused += result.refused;
        sum.goodput += result.goodput / (double)few(asked);
    }
    return sum;
}

void steady(struct recovery *recovery)
{
    const struct recovery_asked *asked = recovery->asked;
    struct row refused = {.goal = "< 0.1", .wanted = true};
    struct row goodput = {.goal = ">= 95 % of that", .wanted = true};
    cell(refused.what,
         "4167 segments always out, 1 %% lost, %" PRIu32 " ranges (before: %u): %% refused",
         asked->ranges, TFSM_ROOM_OWN);
    cell(goodput.what, "the same: Mbit/s, and of that with %u ranges", TFSM_ROOM_MAX);
    for (enum side side = BEFORE; side < SIDES; side++) {
        struct steady_sum most = steady_sum(asked, side, TFSM_ROOM_MAX);
        struct steady_sum sum =
            steady_sum(asked, side, side == BEFORE ? TFSM_ROOM_OWN : asked->ranges);
        double part = (double)sum.refused / (double)sum.arrived;
        refused.held = part < 0.001;
        goodput.held = sum.goodput >= 0.95 * most.goodput;
        cell(refused.side[side], "%.3f", 100 * part);
        cell(goodput.side[side], "%.0f, %.0f %%", sum.goodput * 8 / 1e6,
             100 * sum.goodput / most.goodput);
    }
    print_row(recovery, &refused);
    print_row(recovery, &goodput);
}

/* ---- jitter ---- */

#define JITTER_SEEDS 9u /* of which it is the median */

struct jitter_sum {
    double goodput; /* the median */
    uint64_t wrong;
    uint64_t left;
    uint64_t seed; /* with some left: one of theirs */
};

static int slower(const void *one, const void *other)
{
    double a = *(const double *)one;
    double b = *(const double *)other;
    return (a > b) - (a < b);
}

/* So many seeds of a link that loses nothing but what its queue has no place for; a queue of 0 has place for all. */
static struct jitter_sum jitter_sum(struct recovery *recovery, const struct mishap_config *each,
                                    uint64_t seeds)
{
    struct jitter_sum sum = {0, 0, 0, 0};
    double goodput[JITTER_SEEDS];
    struct mishap_config config = *each;
    for (uint64_t i = 0; i < seeds; i++) {
        config.seed = recovery->asked->first + i;
        struct mishap_result result = run(recovery, &config);
        if (i < JITTER_SEEDS) {
            goodput[i] = config.octets * 1e6 / (double)result.last_octet;
        }
        sum.wrong += result.wrong;
        sum.left += result.left;
        sum.seed = result.left > 0 ? config.seed : sum.seed;
    }
    size_t count = seeds < JITTER_SEEDS ? seeds : JITTER_SEEDS;
    qsort(goodput, count, sizeof *goodput, slower);
    sum.goodput = goodput[count / 2];
    return sum;
}

/* One way to find out how the window moves, and one link. */
struct jitter_case {
    bool reno;
    unsigned ms;
    uint32_t queue;
};

static struct mishap_config jitter_plan(const struct recovery_asked *asked, enum side side,
                                        const struct jitter_case *which)
{
    struct mishap_config config = plan(asked, side);
    config.octets = SMOOTH_OCTETS;
    config.network = (struct wire_network){.delay = SMOOTH_WAY,
                                           .rate = SMOOTH_RATE,
                                           .jitter = (tfsm_time)which->ms * MS,
                                           .queue = which->queue};
    config.window = which->queue > 0 ? SMOOTH_WINDOW : asked->window;
    config.policy.profile &= which->reno ? ~(uint32_t)(TFSM_CUBIC | TFSM_HYSTART) : UINT32_MAX;
    return config;
}

static bool lacks(const struct recovery_asked *asked, enum side side,
                  const struct jitter_case *which)
{
    return (policy_of(asked, side)->profile & TFSM_CUBIC) == 0 && !which->reno;
}

static void jitter(struct recovery *recovery, const struct jitter_case *which)
{
    const struct recovery_asked *asked = recovery->asked;
    struct row row = {.goal = ">= 90 % of that without"};
    cell(row.what, "%s, jitter of %u ms, %s: Mbit/s, and of that without jitter",
         which->reno ? "Reno" : "CUBIC", which->ms,
         which->queue > 0 ? "a queue of 400 kB" : "nothing lost");
    row.wanted = !lacks(asked, AFTER, which);
    for (enum side side = BEFORE; side < SIDES; side++) {
        if (lacks(asked, side, which)) {
            cell(row.side[side], "has none");
            continue;
        }
        struct mishap_config config = jitter_plan(asked, side, which);
        struct jitter_sum sum =
            jitter_sum(recovery, &config, asked->seeds < JITTER_SEEDS ? few(asked) : JITTER_SEEDS);
        config.network.jitter = 0;
        struct jitter_sum smooth =
            jitter_sum(recovery, &config, asked->seeds < JITTER_SEEDS ? few(asked) : JITTER_SEEDS);
        row.held = sum.goodput >= 0.9 * smooth.goodput;
        cell(row.side[side], "%.2f, %.0f %%", sum.goodput * 8 / 1e6,
             100 * sum.goodput / smooth.goodput);
    }
    print_row(recovery, &row);
}

/* Nothing is lost, so that every recovery is a false one. Most come early: many short transfers find more than a few long
 * ones. */
static void false_recoveries(struct recovery *recovery, const struct jitter_case *which)
{
    const struct recovery_asked *asked = recovery->asked;
    uint64_t seeds = asked->seeds < FALSE_SEEDS ? asked->seeds : FALSE_SEEDS;
    struct row row = {.goal = "0 left"};
    cell(row.what, "the same, %" PRIu64 " times 1 MB: false recoveries, and those left undone",
         seeds);
    row.wanted = !lacks(asked, AFTER, which);
    for (enum side side = BEFORE; side < SIDES; side++) {
        if (lacks(asked, side, which)) {
            continue;
        }
        struct mishap_config config = jitter_plan(asked, side, which);
        config.octets = FALSE_OCTETS;
        struct jitter_sum sum = jitter_sum(recovery, &config, seeds);
        row.held = sum.left == 0;
        if (sum.left > 0 && side == AFTER) {
            fprintf(stderr,
                    "simulate: a false recovery of %s is left undone; again: simulate recovery "
                    "--first=%" PRIu64 " --seeds=1\n",
                    which->reno ? "Reno" : "CUBIC", sum.seed);
        }
        cell(row.side[side], "%" PRIu64 ", %" PRIu64 " left", sum.wrong, sum.left);
    }
    print_row(recovery, &row);
}

void jitters(struct recovery *recovery)
{
    static const struct jitter_case cases[] = {
        {true, 1, 0},
        {true, 5, 0},
        {false, 1, 0},
        {false, 5, 0},
        {true, 1, SMOOTH_QUEUE},
        {true, 5, SMOOTH_QUEUE},
        {false, 1, SMOOTH_QUEUE},
        {false, 5, SMOOTH_QUEUE},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jitter(recovery, &cases[i]);
        if (cases[i].queue == 0) {
            false_recoveries(recovery, &cases[i]);
        }
    }
}

/* ---- memory ---- */

/* Octets of an endpoint that one connection more takes. */
static size_t connection_octets(uint32_t ranges)
{
    struct endpoint_local local = {.address = {.family = 4, .octets = {192, 0, 2, 1}},
                                   .prefix = 24};
    struct endpoint_config config = endpoint_config_default();
    config.locals = &local;
    config.local_count = 1;
    config.ranges = ranges;
    config.connections = 1024;
    size_t few = endpoint_size(&config);
    config.connections = 2048;
    return (endpoint_size(&config) - few) / 1024;
}

void memory(struct recovery *recovery)
{
    static const uint32_t rooms[] = {0, 8, 64, 256};
    for (unsigned i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        uint32_t n = rooms[i];
        struct row row = {.wanted = false};
        if (n == 0) {
            cell(row.what, "octets of a TCB by itself, which has room for %u ranges",
                 TFSM_ROOM_OWN);
            cell(row.side[AFTER], "%zu", sizeof(struct tfsm_tcb));
        } else {
            cell(row.what,
                 "the same with room for %" PRIu32
                 " behind it; of that for what comes, for what goes",
                 n);
            cell(row.side[AFTER], "%zu, %zu, %zu", TFSM_TCB_SIZE(n),
                 TFSM_OOO_SLOTS((size_t)n) * sizeof(struct tfsm_range),
                 TFSM_SENT_SLOTS((size_t)n) * sizeof(struct tfsm_sent));
        }
        print_row(recovery, &row);
    }
    for (unsigned i = 1; i < sizeof rooms / sizeof rooms[0]; i++) {
        struct row row = {.wanted = false};
        cell(row.what,
             "octets that a connection of an endpoint takes, with %" PRIu32
             " ranges and two rings of 64 KiB",
             rooms[i]);
        cell(row.side[AFTER], "%zu", connection_octets(rooms[i]));
        print_row(recovery, &row);
    }
}
