/* See recovery.h. Each part measures both policies and adds its rows. */
#include "recovery_rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SEGMENT 1388u /* octets of text, with timestamps: the simulation has an MSS of 1400 */
#define FEW     3u    /* seeds of what takes long, at least */
#define OFTEN   100u  /* and of so many seeds one */

#define SPIKE        1500000 /* microseconds */
#define SPIKE_WINDOW 1000000u
#define SPIKE_OCTETS 8000000u

void cell(char to[CELL], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(to, CELL, format, arguments);
    va_end(arguments);
}

void print_row(struct recovery *recovery, struct row *row)
{
    if (recovery->broken != NULL) {
        row->held = false;
        row->wanted = true;
        fprintf(stderr, "simulate: %s: seed %" PRIu64 ": %s\n", row->what, recovery->broken_seed,
                recovery->broken);
        cell(row->goal, "no %s", recovery->broken);
        recovery->broken = NULL;
    }
    recovery->missed += row->wanted && !row->held;
    printf("| %s | %s | %s | %s | %s |\n", row->what, row->goal, row->side[BEFORE],
           row->side[AFTER],
           !row->wanted ? ""
           : row->held  ? "yes"
                        : "**no**");
    fflush(stdout);
}

/* ---- one transfer ---- */

const struct tfsm_config *policy_of(const struct recovery_asked *asked, enum side side)
{
    return side == BEFORE ? &asked->before : &asked->after;
}

/* Over the link that was asked for, which loses nothing by itself. */
struct mishap_config plan(const struct recovery_asked *asked, enum side side)
{
    struct mishap_config config = {.seed = asked->first,
                                   .network = asked->link,
                                   .policy = *policy_of(asked, side),
                                   .window = asked->window,
                                   .ranges = side == BEFORE ? TFSM_ROOM_OWN : asked->ranges};
    config.network.loss = 0;
    return config;
}

/* What breaks in it is told in the row. */
struct mishap_result run(struct recovery *recovery, const struct mishap_config *config)
{
    struct mishap_result result = mishap_run(config);
    if (result.failed != NULL) {
        recovery->broken = result.failed;
        recovery->broken_seed = config->seed;
    }
    return result;
}

uint64_t few(const struct recovery_asked *asked)
{
    uint64_t seeds = asked->seeds / OFTEN;
    return seeds > FEW ? seeds : FEW;
}

static double in_ms(tfsm_time time)
{
    return (double)time / MS;
}

/* ---- short transfers ---- */

static int earlier(const void *a, const void *b)
{
    tfsm_time first = *(const tfsm_time *)a;
    tfsm_time second = *(const tfsm_time *)b;
    return (first > second) - (first < second);
}

/* Until the last octet, or since the connection was open; sorted. */
static void times_of(struct recovery *recovery, enum side side, tfsm_time *whole, tfsm_time *open)
{
    const struct recovery_asked *asked = recovery->asked;
    struct mishap_config config = plan(asked, side);
    config.network.loss = asked->link.loss;
    config.octets = asked->octets;
    for (uint64_t i = 0; i < asked->seeds; i++) {
        config.seed = asked->first + i;
        struct mishap_result result = run(recovery, &config);
        whole[i] = result.last_octet;
        open[i] = result.last_octet - result.opened;
        if (recovery->progress != NULL) {
            recovery->progress(side * asked->seeds + i + 1, 2 * asked->seeds);
        }
    }
    qsort(whole, asked->seeds, sizeof *whole, earlier);
    qsort(open, asked->seeds, sizeof *open, earlier);
}

static tfsm_time *times(uint64_t count)
{
    tfsm_time *times = calloc(count, sizeof *times);
    if (times == NULL) {
        fprintf(stderr, "simulate: no memory\n");
        exit(2);
    }
    return times;
}

static double mean_of(const tfsm_time *times, uint64_t count)
{
    double sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += in_ms(times[i]);
    }
    return sum / (double)count;
}

/* Mean, median and 99th percentile, milliseconds. */
static void conclude(const tfsm_time *times, uint64_t count, double ms[3])
{
    ms[0] = mean_of(times, count);
    ms[1] = in_ms(times[(count - 1) / 2]);
    ms[2] = in_ms(times[(99 * count + 99) / 100 - 1]);
}

static void short_transfers(struct recovery *recovery)
{
    const struct recovery_asked *asked = recovery->asked;
    const struct wire_network *link = &asked->link;
    static const char *const what[] = {"mean", "median", "99th percentile"};
    double ms[SIDES][3];
    double open[SIDES][3];
    for (enum side side = BEFORE; side < SIDES; side++) {
        tfsm_time *whole = times(asked->seeds);
        tfsm_time *since = times(asked->seeds);
        times_of(recovery, side, whole, since);
        conclude(whole, asked->seeds, ms[side]);
        conclude(since, asked->seeds, open[side]);
        free(whole);
        free(since);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct row row = {.wanted = true,
                          .held = ms[AFTER][i] < ms[BEFORE][i] && open[AFTER][i] < open[BEFORE][i]};
        cell(row.what,
             "%g kB, %g %% lost, %g ms: ms until the last octet, and since it was open; %s",
             asked->octets / 1e3, 100.0 * link->loss / link->out_of, 2 * in_ms(link->delay),
             what[i]);
        cell(row.goal, "less than before");
        for (enum side side = BEFORE; side < SIDES; side++) {
            cell(row.side[side], "%.0f, %.0f", ms[side][i], open[side][i]);
        }
        print_row(recovery, &row);
    }
}

/* ---- a lost tail ---- */

static void lost_tail(struct recovery *recovery, uint32_t segments, enum mishap_kind kind)
{
    const struct recovery_asked *asked = recovery->asked;
    struct row row = {.wanted = true};
    const char *s = segments == 1 ? "" : "s";
    for (enum side side = BEFORE; side < SIDES; side++) {
        struct mishap_config config = plan(asked, side);
        config.octets = segments * SEGMENT;
        config.at = config.octets;
        struct mishap_result smooth = run(recovery, &config);
        config.kind = kind;
        struct mishap_result result = run(recovery, &config);
        bool text = kind == MISHAP_SEGMENT;
        tfsm_time cost = text ? result.last_octet - smooth.last_octet
                              : result.acknowledged - smooth.acknowledged;
        tfsm_time most = result.wait + 4 * asked->link.delay;
        row.held = result.happened == 1 && result.timeouts == 0 && cost <= most;
        cell(row.side[side], "%.0f, %u timeout%s", in_ms(cost), result.timeouts,
             result.timeouts == 1 ? "" : "s");
        cell(row.goal, "<= %.0f, no timeout", in_ms(most));
    }
    cell(row.what, "%" PRIu32 " segment%s, the last %s lost: ms more until %s", segments, s,
         kind == MISHAP_SEGMENT ? "is" : "acknowledgment is",
         kind == MISHAP_SEGMENT ? "it is read" : "the sender knows");
    print_row(recovery, &row);
}

/* ---- a lost retransmission ---- */

static void lost_again(struct recovery *recovery)
{
    const struct recovery_asked *asked = recovery->asked;
    struct row row = {
        .what = "200 segments, one lost twice: round trips more than where it is lost once",
        .goal = "no timeout",
        .wanted = true};
    for (enum side side = BEFORE; side < SIDES; side++) {
        struct mishap_config config = plan(asked, side);
        config.octets = 200 * SEGMENT;
        config.at = 60 * SEGMENT;
        config.kind = MISHAP_SEGMENT;
        struct mishap_result once = run(recovery, &config);
        config.kind = MISHAP_TWICE;
        struct mishap_result twice = run(recovery, &config);
        row.held = twice.happened == 2 && twice.timeouts == 0;
        cell(row.side[side], "%.1f, %u timeout%s",
             ((double)twice.last_octet - (double)once.last_octet) /
                 (2.0 * (double)asked->link.delay),
             twice.timeouts, twice.timeouts == 1 ? "" : "s");
    }
    print_row(recovery, &row);
}

/* ---- a delay spike ---- */

static void print_spike_window(char to[CELL], const struct mishap_result *result)
{
    bool open = result->after.ssthresh == result->before.ssthresh;
    char least[CELL / 2];
    snprintf(least, sizeof least, "%s", open ? "the same" : "less");
    if (!open && result->after.ssthresh > result->before.ssthresh) {
        snprintf(least, sizeof least, "more");
    }
    cell(to, "%u again, CWND %.0f to %.0f kB, SSTHRESH %s", result->again,
         result->before.cwnd / 1e3, result->after.cwnd / 1e3, least);
}

static void spike(struct recovery *recovery, enum mishap_kind kind, bool avoidance)
{
    const struct recovery_asked *asked = recovery->asked;
    struct row row = {.goal = "<= 2 again, window as before", .wanted = true};
    for (enum side side = BEFORE; side < SIDES; side++) {
        struct mishap_config config = plan(asked, side);
        config.octets = SPIKE_OCTETS;
        config.window = SPIKE_WINDOW;
        config.kind = kind;
        config.early = avoidance ? 100 * SEGMENT : 0;
        config.network = (struct wire_network){.delay = SMOOTH_WAY,
                                               .rate = SMOOTH_RATE,
                                               .stall = SPIKE,
                                               .stall_from = avoidance ? 1500 * MS : 320 * MS};
        struct mishap_result result = run(recovery, &config);
        result.again -= result.happened; /* what was lost before had to go again */
        row.held = result.again <= 2 && result.after.cwnd >= result.before.cwnd &&
                   result.after.ssthresh >= result.before.ssthresh &&
                   result.happened == (avoidance ? 1 : 0);
        print_spike_window(row.side[side], &result);
    }
    cell(row.what, "delay spike of 1.5 s, %s late, in %s",
         kind == MISHAP_LATE_TEXT ? "text" : "ACKs",
         avoidance ? "congestion avoidance" : "slow start");
    print_row(recovery, &row);
}

unsigned recovery_table(const struct recovery_asked *asked, recovery_progress *progress)
{
    static const uint32_t tails[] = {1, 2, 10, 100};
    struct recovery recovery = {.asked = asked, .progress = progress};
    printf("| | wanted | %s | %s | held |\n|---|---|---|---|---|\n", asked->names[BEFORE],
           asked->names[AFTER]);
    short_transfers(&recovery);
    for (unsigned i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        lost_tail(&recovery, tails[i], MISHAP_SEGMENT);
    }
    for (unsigned i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        lost_tail(&recovery, tails[i], MISHAP_LAST_ACK);
    }
    lost_again(&recovery);
    for (unsigned i = 0; i < 4; i++) {
        spike(&recovery, i % 2 == 0 ? MISHAP_LATE_TEXT : MISHAP_LATE_ACKS, i / 2 != 0);
    }
    steady(&recovery);
    jitters(&recovery);
    memory(&recovery);
    return recovery.missed;
}
