/* See run_watch.h. A half-open connection has no monitor: the listener keeps an entry of it, and no TCB. */
#include "run_watch.h"

#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MOST 4096u /* more than that are not watched */

struct watched {
    endpoint_handle handle; /* 0: none was there yet */
    struct monitor monitor;
};

struct run_watch {
    struct watched **connections; /* by slot */
    size_t room;
    struct violation violation;
    uint32_t opened;
    uint32_t isn; /* of the last */
};

struct run_watch *run_watch_new(void)
{
    return calloc(1, sizeof(struct run_watch));
}

void run_watch_free(struct run_watch *watch)
{
    for (size_t i = 0; watch != NULL && i < watch->room; i++) {
        free(watch->connections[i]);
    }
    if (watch != NULL) {
        free(watch->connections);
    }
    free(watch);
}

const struct violation *run_watch_violation(const struct run_watch *watch)
{
    return &watch->violation;
}

uint32_t run_watch_opened(const struct run_watch *watch, uint32_t *isn)
{
    *isn = watch->isn;
    return watch->opened;
}

static bool is_open(const struct tfsm_tcb *tcb)
{
    return tcb->state != TFSM_CLOSED && tcb->state != TFSM_LISTEN;
}

/* Its monitor, begun anew where the handle is; null where there is no room, or it has too much. */
static struct watched *find(struct run_watch *watch, const struct endpoint_watched *what)
{
    size_t index = what->connection & UINT32_MAX;
    if (index >= CONNECTIONS_MOST || what->after->room > MONITOR_ROOM) {
        return NULL;
    }
    if (index >= watch->room) {
        size_t room = index + 16;
        struct watched **more = realloc(watch->connections, room * sizeof *more);
        if (more == NULL) {
            return NULL;
        }
        memset(more + watch->room, 0, (room - watch->room) * sizeof *more);
        watch->connections = more;
        watch->room = room;
    }
    struct watched **place = &watch->connections[index];
    *place = *place != NULL ? *place : calloc(1, sizeof **place);
    if (*place != NULL && (*place)->handle != what->connection) {
        memset(*place, 0, sizeof **place);
        (*place)->handle = what->connection;
        if (is_open(what->before)) {
            monitor_adopt(&(*place)->monitor, what->before);
        }
    }
    return *place;
}

void run_watch_see(struct run_watch *watch, const struct endpoint_watched *what)
{
    if (what->before != NULL && what->event != NULL && !is_open(what->before) &&
        is_open(what->after)) {
        watch->opened++;
        watch->isn = what->after->iss;
    }
    if (what->before == NULL || what->connection == 0 || watch->violation.id != NULL) {
        return;
    }
    struct watched *watched = find(watch, what);
    if (watched == NULL) {
        return;
    }
    struct monitor *monitor = &watched->monitor;
    if (what->event != NULL) {
        monitor_step(monitor, what->policy, what->before, what->event, what->result, what->effects,
                     what->after);
    } else if (what->segment != NULL) {
        monitor_output(monitor, what->policy, what->before, what->now, what->segment, what->after);
    } else {
        monitor_drained(monitor, what->policy, what->after, what->now);
    }
    if (monitor->violation.id != NULL) {
        watch->violation = monitor->violation;
    }
}
