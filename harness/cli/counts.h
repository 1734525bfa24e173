/* Counters as text: a title, and a line for each that is not 0. */
#ifndef HARNESS_COUNTS_H
#define HARNESS_COUNTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct count {
    const char *name;
    uint64_t value;
    const char *meaning;
};

/* Nothing at all where all of them are 0. */
void counts_show(FILE *to, const char *title, const struct count *counts, size_t n);

#endif
