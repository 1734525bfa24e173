/* What the loops over TUN devices wait with: descriptors, signals that ask for the end, and time to the
 * microsecond. The clock is CLOCK_MONOTONIC. */
#ifndef HARNESS_WAITING_H
#define HARNESS_WAITING_H

#include "tfsm.h"

#include <stdbool.h>
#include <stdint.h>

struct waiting {
    int epoll;
    int signals;
    bool no_pwait2; /* the kernel has none (before 5.11) */
};

/* The time, microseconds. */
tfsm_time waiting_now(void);

/* Begin. SIGINT and SIGTERM are its own from now on. False: errno says why; nothing is left open. */
bool waiting_open(struct waiting *waiting);
void waiting_close(struct waiting *waiting);

/* As epoll_ctl(): EPOLL_CTL_ADD and so on, EPOLLIN and so on. False: errno says why. */
bool waiting_watch(const struct waiting *waiting, int operation, int fd, uint32_t events);

/* How often a signal has asked for the end since the last call. */
unsigned waiting_asked(const struct waiting *waiting);

/* Wait until something is ready, at `at` at the latest, TFSM_NEVER without end. Who is called finds out by
 * himself what is ready. */
void waiting_until(struct waiting *waiting, tfsm_time now, tfsm_time at);

#endif
