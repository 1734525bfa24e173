/* poll() and epoll. */
#include <inttypes.h>

#include "call.h"

#define POLL_MOST 64

/* ---- poll and epoll ---- */

/* A wait that found nothing goes on until its time is over. */
static enum attempt waits(struct runner *runner, int64_t value, int64_t timeout_ms,
                          struct answer *answer)
{
    struct pending *pending = &runner->pending;
    call_answered(answer, value);
    if (value != 0 || timeout_ms == 0) {
        return CALL_DONE;
    }
    if (!pending->begun) {
        pending->begun = true;
        pending->due = timeout_ms > 0 ? run_now(runner) + timeout_ms * 1000 : INT64_MAX;
    }
    return run_now(runner) < pending->due ? CALL_WAITS : CALL_DONE;
}

static bool member_number(struct runner *runner, const struct script_value *structure,
                          const char *name, int64_t *number)
{
    const struct script_value *member =
        structure->kind == SCRIPT_STRUCT ? run_member(structure, name, 99) : NULL;
    *number = 0;
    if (member == NULL) {
        return run_bad(runner, structure->line, "a structure with %s is needed", name);
    }
    return run_number_in(runner, member, name, INT32_MIN, UINT32_MAX, number);
}

/* A timeout is what an int holds. */
static bool timeout_holds(struct runner *runner, int64_t timeout_ms)
{
    return (timeout_ms >= -1 && timeout_ms <= INT32_MAX) ||
           run_bad(runner, runner->event->line, "a timeout of %" PRId64 " ms", timeout_ms);
}

enum attempt call_poll(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct pollfd fds[POLL_MOST];
    int64_t expected[POLL_MOST];
    unsigned n = 0;
    if (a->value[0]->kind != SCRIPT_LIST) {
        run_bad(runner, a->value[0]->line, "poll() takes [{fd=..., events=..., revents=...}, ...]");
        return CALL_WRONG;
    }
    for (const struct script_value *one = a->value[0]->first; one != NULL; one = one->next, n++) {
        int64_t fd;
        int64_t events;
        if (n == POLL_MOST) {
            run_bad(runner, one->line, "more than %d descriptors", POLL_MOST);
            return CALL_WRONG;
        }
        if (!run_members(runner, one, "fd events revents") ||
            !member_number(runner, one, "fd", &fd) ||
            !member_number(runner, one, "events", &events) ||
            !member_number(runner, one, "revents", &expected[n])) {
            return CALL_WRONG;
        }
        fds[n] =
            (struct pollfd){.fd = fd < 0 ? (int)fd : run_fd(runner, fd), .events = (short)events};
    }
    if (n != a->number[1]) {
        run_bad(runner, a->value[1]->line, "%u descriptors, and the call says %" PRId64, n,
                a->number[1]);
        return CALL_WRONG;
    }
    if (!timeout_holds(runner, a->number[2])) {
        return CALL_WRONG;
    }
    int64_t value = runner->stack->poll(runner->user, fds, n, 0);
    enum attempt attempt = waits(runner, value, a->number[2], answer);
    for (unsigned i = 0; i < n && attempt == CALL_DONE && value >= 0; i++) {
        if ((uint16_t)fds[i].revents != expected[i]) {
            run_failed(runner, "revents %u is 0x%x, expected 0x%" PRIx64, i,
                       (unsigned)(uint16_t)fds[i].revents, (uint64_t)expected[i]);
            return CALL_WRONG;
        }
    }
    return attempt;
}

/* What epoll carries with an event: a number under any of its names. */
static bool event_data(struct runner *runner, const struct script_value *structure, uint64_t *data)
{
    static const char *const names[] = {"fd", "ptr", "u32", "u64"};
    *data = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct script_value *member = run_member(structure, names[i], 99);
        int64_t number;
        if (member != NULL) {
            bool sound = run_number(runner, member, &number);
            *data = (uint64_t)number;
            return sound;
        }
    }
    return true;
}

enum attempt call_epoll_create(struct runner *runner, const struct arguments *a,
                               struct answer *answer)
{
    return call_answered(answer, runner->stack->epoll_create(runner->user, (int)a->number[0]));
}

enum attempt call_epoll_ctl(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct epoll_event event = {0};
    int64_t events = 0;
    uint64_t data = 0;
    bool given = a->count > 3 && !is_dots(a->value[3]) && !call_is_null(a->value[3]);
    if (given && (!run_members(runner, a->value[3], "events fd ptr u32 u64") ||
                  !member_number(runner, a->value[3], "events", &events) ||
                  !event_data(runner, a->value[3], &data))) {
        return CALL_WRONG;
    }
    event.events = (uint32_t)events;
    event.data.u64 = data;
    return call_answered(
        answer, runner->stack->epoll_ctl(runner->user, run_fd(runner, a->number[0]),
                                         (int)a->number[1], run_fd(runner, a->number[2]), &event));
}

static bool event_holds(struct runner *runner, const struct script_value *expected,
                        const struct epoll_event *actual)
{
    int64_t events;
    uint64_t data;
    if (is_dots(expected)) {
        return true;
    }
    if (!run_members(runner, expected, "events fd ptr u32 u64") ||
        !member_number(runner, expected, "events", &events) ||
        !event_data(runner, expected, &data)) {
        return false;
    }
    if (actual->events != (uint32_t)events || actual->data.u64 != data) {
        return run_failed(runner, "event 0x%x of %" PRIu64 ", expected 0x%x of %" PRIu64,
                          actual->events, (uint64_t)actual->data.u64, (unsigned)events, data);
    }
    return true;
}

/* One event, or [a list of them]: as many as the call finds. */
static bool events_hold(struct runner *runner, const struct script_value *expected,
                        const struct epoll_event *events, int64_t count)
{
    bool list = expected->kind == SCRIPT_LIST;
    const struct script_value *next = list ? expected->first : expected;
    for (int64_t i = 0; i < count; i++) {
        if (next == NULL) {
            return run_failed(runner, "%" PRId64 " events, and only %" PRId64 " are told", count,
                              i);
        }
        if (!event_holds(runner, next, &events[i])) {
            return false;
        }
        next = list ? next->next : is_dots(expected) ? next : NULL;
    }
    bool left = next != NULL && !is_dots(expected) && count > 0;
    return !left || run_failed(runner, "only %" PRId64 " events", count);
}

enum attempt call_epoll_wait(struct runner *runner, const struct arguments *a,
                             struct answer *answer)
{
    struct epoll_event events[POLL_MOST];
    int64_t most = a->number[2] < POLL_MOST ? a->number[2] : POLL_MOST;
    if (!timeout_holds(runner, a->number[3])) {
        return CALL_WRONG;
    }
    int64_t value =
        runner->stack->epoll_wait(runner->user, run_fd(runner, a->number[0]), events, (int)most, 0);
    enum attempt attempt = waits(runner, value, a->number[3], answer);
    if (attempt == CALL_DONE && !events_hold(runner, a->value[1], events, value)) {
        return CALL_WRONG;
    }
    return attempt;
}
