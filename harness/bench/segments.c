/* What callgrind looks at: one subject and one case, so many batches. Only what happens in measured() counts
 * (--toggle-collect=measured); how many segments or connections that were is printed.
 *
 * usage: bench_segments SUBJECT CASE BATCHES [ipv6] [timestamps] */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void measured(const struct subject *subject, const unsigned *whose, const struct parcel *parcels,
              unsigned count);

__attribute__((noinline)) void measured(const struct subject *subject, const unsigned *whose,
                                        const struct parcel *parcels, unsigned count)
{
    driver_arrive(subject, whose, parcels, count);
}

int main(int argc, char **argv)
{
    bool ipv6 = false;
    bool stamps = false;
    unsigned which = 0;
    const struct subject *subject = argc > 3 ? driver_subject(argv[1]) : NULL;
    while (argc > 3 && which < CASES && strcmp(bench_plans[which].name, argv[2]) != 0) {
        which++;
    }
    unsigned long batches = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    for (int i = 4; i < argc; i++) {
        ipv6 = ipv6 || strcmp(argv[i], "ipv6") == 0;
        stamps = stamps || strcmp(argv[i], "timestamps") == 0;
    }
    if (subject == NULL || which == CASES || batches == 0) {
        fprintf(stderr, "usage: bench_segments SUBJECT CASE BATCHES [ipv6] [timestamps]\n");
        return 2;
    }
    driver_start(subject, ipv6, stamps);
    for (unsigned long i = 0; i < batches; i++) {
        driver_run(subject, (enum bench_case)which, measured);
    }
    printf("%lu\n", batches * bench_plans[which].batch);
    return 0;
}
