/* Text for a descriptor that may take none: lines wait in a bounded place, and when that is full
 * whole lines are dropped and counted. Who writes never waits. */
#ifndef HARNESS_OUTLET_H
#define HARNESS_OUTLET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct outlet;

/* Null: no memory. */
struct outlet *outlet_create(int fd);

/* What is written here is kept until it is flushed, line by line. */
FILE *outlet_stream(struct outlet *outlet);

/* Write what the descriptor takes now. Returns true when something still waits. */
bool outlet_drain(struct outlet *outlet);

/* The descriptor to wait for, which may be another one than it was given. */
int outlet_descriptor(const struct outlet *outlet);

/* Write what waits, so many milliseconds at most. Returns true when all of it is written. */
bool outlet_finish(struct outlet *outlet, int milliseconds);

uint64_t outlet_dropped(const struct outlet *outlet); /* lines */
int outlet_errno(const struct outlet *outlet);        /* of a write that failed, or 0 */

void outlet_destroy(struct outlet *outlet);

#endif
