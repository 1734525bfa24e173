/* fuzz_stats: prints what the counters of a fuzzing run say, for ci/fuzz and for people. */
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static unsigned count_rules(const struct fuzz_stats *stats)
{
    unsigned count = 0;
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        count += stats->rules[i / 64] >> (i % 64) & 1;
    }
    return count;
}

int main(int argc, char **argv)
{
    struct fuzz_stats stats;
    bool missing = argc == 3 && strcmp(argv[2], "--missing") == 0;
    if (argc != 2 && !missing) {
        fprintf(stderr, "fuzz_stats: usage: fuzz_stats FILE [--missing]\n");
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
    if (missing) {
        for (unsigned i = 0; i < TFSM_RULES; i++) {
            if ((stats.rules[i / 64] >> (i % 64) & 1) == 0) {
                printf("%s\n", tfsm_rule_name(i));
            }
        }
        return 0;
    }
    printf("%llu %llu %u %u\n", (unsigned long long)stats.executions,
           (unsigned long long)stats.events, count_rules(&stats), (unsigned)TFSM_RULES);
    return 0;
}
