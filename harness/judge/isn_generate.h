/* Generators of ISNs to try the audit on: those that are wrong on purpose, each in its own way, and those that are right. The
 * traffic is made up, and a function of the seed: one server, many clients, at times that nobody knows before. */
#ifndef HARNESS_ISN_GENERATE_H
#define HARNESS_ISN_GENERATE_H

#include "isn.h"

struct isn_generator {
    const char *name;
    const char *what;
    enum isn_verdict verdict; /* what the audit has to say of a thousand of its numbers */
    uint32_t (*next)(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen);
};

/* The last one has no name. */
extern const struct isn_generator isn_generators[];

/* Null: there is none of that name. */
const struct isn_generator *isn_generator(const char *name);

struct isn_traffic {
    uint64_t seed;
    unsigned again;    /* of a thousand tuples so many are there for another time, on average */
    tfsm_time between; /* microseconds, on average */
};

/* n numbers in the order of time. */
void isn_generate(const struct isn_generator *generator, const struct isn_traffic *traffic,
                  struct isn_seen *seen, size_t n);

#endif
