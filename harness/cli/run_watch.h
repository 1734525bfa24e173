/* The monitor beside a script: every connection of the stack is watched as the fuzz targets watch theirs. */
#ifndef HARNESS_RUN_WATCH_H
#define HARNESS_RUN_WATCH_H

#include "endpoint.h"
#include "monitor.h"

struct run_watch;

/* Null where there is not enough memory. */
struct run_watch *run_watch_new(void);
void run_watch_free(struct run_watch *watch);

/* What a watcher of the endpoint sees. */
void run_watch_see(struct run_watch *watch, const struct endpoint_watched *what);

/* Connections opened so far, half-open ones too, and the first number of the last. */
uint32_t run_watch_opened(const struct run_watch *watch, uint32_t *isn);

/* The first invariant that was broken; id is null when there is none. */
const struct violation *run_watch_violation(const struct run_watch *watch);

#endif
