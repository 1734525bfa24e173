/* fuzz_stats: prints what the counters of a fuzzing run say, for ci/fuzz and for people: inputs
 * run, events, rules hit, rules that the target can reach, rules there are. With --missing the
 * names of those it can reach and has not hit, with --unreachable the others and why. A target that
 * listens counts the counters of its listener in place of rules, and those of codec and scripts the
 * ends that an input can come to: they can reach them all. With --corpus it joins the counters of
 * several targets, complains of every rule that none of them hit, and answers 1 if there is one. */
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_hit(const struct fuzz_stats *stats, unsigned rule)
{
    return (stats->rules[rule / 64] >> (rule % 64) & 1) != 0;
}

static void print_moved(const struct fuzz_stats *stats, enum fuzz_target target)
{
    unsigned hit = 0;
    for (unsigned i = 0; i < fuzz_ends(target); i++) {
        hit += stats->counters >> i & 1;
    }
    printf("%llu %llu %u %u %u\n", (unsigned long long)stats->executions,
           (unsigned long long)stats->events, hit, fuzz_ends(target), fuzz_ends(target));
}

static void print_unmoved(const struct fuzz_stats *stats, enum fuzz_target target, bool missing)
{
    for (unsigned i = 0; missing && i < fuzz_ends(target); i++) {
        if ((stats->counters >> i & 1) == 0) {
            printf("%s\n", fuzz_end_name(target, i));
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

/* What is wrong with a corpus is one line each: a rule that no target hits, or that is said to be out
 * of reach of all and is not. */
static int judge_corpus(const struct fuzz_stats *stats)
{
    int wrong = 0;
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        const char *reason = fuzz_unreachable_by_all(i);
        if (reason == NULL && !is_hit(stats, i)) {
            printf("%s: no input of the corpus hits it\n", tfsm_rule_name(i));
            wrong = 1;
        } else if (reason != NULL && is_hit(stats, i)) {
            printf("%s: is hit, but reach.c says: %s\n", tfsm_rule_name(i), reason);
            wrong = 1;
        }
    }
    return wrong;
}

static bool read_stats(const char *path, struct fuzz_stats *stats)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "fuzz_stats: %s: %s\n", path, strerror(errno));
        return false;
    }
    size_t got = fread(stats, sizeof *stats, 1, file);
    fclose(file);
    if (got != 1 || stats->magic != FUZZ_STATS_MAGIC) {
        fprintf(stderr, "fuzz_stats: %s: not the counters of this build\n", path);
        return false;
    }
    return true;
}

static int join(char **paths, int count)
{
    struct fuzz_stats all = {.magic = FUZZ_STATS_MAGIC};
    struct fuzz_stats one;
    for (int i = 0; i < count; i++) {
        if (!read_stats(paths[i], &one)) {
            return 2;
        }
        for (unsigned k = 0; k < sizeof all.rules / sizeof all.rules[0]; k++) {
            all.rules[k] |= one.rules[k];
        }
    }
    return judge_corpus(&all);
}

int main(int argc, char **argv)
{
    struct fuzz_stats stats;
    bool missing = argc == 3 && strcmp(argv[2], "--missing") == 0;
    bool unreachable = argc == 3 && strcmp(argv[2], "--unreachable") == 0;
    if (argc > 2 && strcmp(argv[1], "--corpus") == 0) {
        return join(argv + 2, argc - 2);
    }
    if (argc != 2 && !missing && !unreachable) {
        fprintf(stderr, "fuzz_stats: usage: fuzz_stats FILE [--missing | --unreachable]\n"
                        "                   fuzz_stats --corpus FILE...\n");
        return 2;
    }
    if (!read_stats(argv[1], &stats)) {
        return 2;
    }
    enum fuzz_target target = stats.mode <= FUZZ_SCRIPT ? (enum fuzz_target)stats.mode : FUZZ_TRACE;
    if (fuzz_ends(target) > 0 && (missing || unreachable)) {
        print_unmoved(&stats, target, missing);
    } else if (fuzz_ends(target) > 0) {
        print_moved(&stats, target);
    } else if (missing || unreachable) {
        print_rules(&stats, (enum run_mode)target, missing);
    } else {
        print_counts(&stats, (enum run_mode)target);
    }
    return 0;
}
