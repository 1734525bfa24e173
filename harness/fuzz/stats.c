/* fuzz_stats: prints what the counters of a fuzzing run say, for ci/fuzz and for people: inputs
 * run, events, rules hit, rules that the target can reach, rules there are. With --missing the
 * names of those it can reach and has not hit, with --unreachable the others and why. A target that
 * listens counts the counters of its listener in place of rules: it can reach them all. */
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_hit(const struct fuzz_stats *stats, unsigned rule)
{
    return (stats->rules[rule / 64] >> (rule % 64) & 1) != 0;
}

static void print_moved(const struct fuzz_stats *stats)
{
    unsigned hit = 0;
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        hit += stats->counters >> i & 1;
    }
    printf("%llu %llu %u %u %u\n", (unsigned long long)stats->executions,
           (unsigned long long)stats->events, hit, (unsigned)TFSM_LISTENER_COUNTS,
           (unsigned)TFSM_LISTENER_COUNTS);
}

static void print_unmoved(const struct fuzz_stats *stats, bool missing)
{
    for (unsigned i = 0; missing && i < TFSM_LISTENER_COUNTS; i++) {
        if ((stats->counters >> i & 1) == 0) {
            printf("%s\n", tfsm_listener_counter_name((enum tfsm_listener_counter)i));
        }
    }
}

static void print_counts(const struct fuzz_stats *stats, enum run_mode mode)
{
    unsigned hit = 0;
    unsigned reachable = 0;
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        bool counts = fuzz_unreachable(mode, i) == NULL;
        reachable += counts;
        hit += counts && is_hit(stats, i);
    }
    printf("%llu %llu %u %u %u\n", (unsigned long long)stats->executions,
           (unsigned long long)stats->events, hit, reachable, (unsigned)TFSM_RULES);
}

static void print_rules(const struct fuzz_stats *stats, enum run_mode mode, bool missing)
{
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        const char *reason = fuzz_unreachable(mode, i);
        if (missing && reason == NULL && !is_hit(stats, i)) {
            printf("%s\n", tfsm_rule_name(i));
        } else if (!missing && reason != NULL) {
            printf("%s: %s\n", tfsm_rule_name(i), reason);
        }
    }
}

int main(int argc, char **argv)
{
    struct fuzz_stats stats;
    bool missing = argc == 3 && strcmp(argv[2], "--missing") == 0;
    bool unreachable = argc == 3 && strcmp(argv[2], "--unreachable") == 0;
    if (argc != 2 && !missing && !unreachable) {
        fprintf(stderr, "fuzz_stats: usage: fuzz_stats FILE [--missing | --unreachable]\n");
        return 2;
    }
    FILE *file = fopen(argv[1], "rb");
    if (file == NULL) {
        fprintf(stderr, "fuzz_stats: %s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    size_t got = fread(&stats, sizeof stats, 1, file);
    fclose(file);
    if (got != 1 || stats.magic != FUZZ_STATS_MAGIC) {
        fprintf(stderr, "fuzz_stats: %s: not the counters of this build\n", argv[1]);
        return 2;
    }
    enum run_mode mode = stats.mode == RUN_PAIR ? RUN_PAIR : RUN_TRACE;
    if (stats.mode == RUN_LISTENER && (missing || unreachable)) {
        print_unmoved(&stats, missing);
    } else if (stats.mode == RUN_LISTENER) {
        print_moved(&stats);
    } else if (missing || unreachable) {
        print_rules(&stats, mode, missing);
    } else {
        print_counts(&stats, mode);
    }
    return 0;
}
