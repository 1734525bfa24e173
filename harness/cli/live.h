/* A ladder diagram of a running endpoint, line by line as it happens: the endpoint on the left, on
 * the right whoever the line is about. */
#ifndef HARNESS_LIVE_H
#define HARNESS_LIVE_H

#include "driver.h"
#include "outlet.h"

struct live;

/* Watch an endpoint and draw. Null: no memory. */
struct live *live_create(struct endpoint *ep, struct outlet *outlet, tfsm_time start);
void live_destroy(struct live *live);

/* For driver_config.watcher; live_run_by() before it runs. Null is fine. */
struct driver_watcher live_watcher(struct live *live);
void live_run_by(struct live *live, struct driver *driver);

#endif
