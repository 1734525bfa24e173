/* A ladder diagram of a running endpoint, line by line as it happens: the endpoint on the left, on
 * the right whoever the line is about. */
#ifndef HARNESS_LIVE_H
#define HARNESS_LIVE_H

#include <stdio.h>

#include "driver.h"

struct live;

/* Watch an endpoint and draw. Null: no memory. */
struct live *live_create(struct endpoint *ep, FILE *to, tfsm_time start);
void live_destroy(struct live *live);

/* For driver_config.watcher. */
struct driver_watcher live_watcher(struct live *live);

#endif
