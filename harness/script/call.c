/* System calls of a script: made through the interface without ever blocking, and held against what
 * the script says of them. A call that blocks is tried again whenever something has happened. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "call.h"

enum attempt call_answered(struct answer *answer, int64_t value)
{
    answer->value = value;
    answer->error = value < 0 ? errno : 0;
    return CALL_DONE;
}

/* ---- never blocking ---- */

/* Make a descriptor non-blocking; returns its flags as they were, or -1 where nothing is to be put
 * back. */
int call_unblock(struct runner *runner, int fd)
{
    int flags = runner->stack->fcntl(runner->user, fd, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) != 0 ||
        runner->stack->fcntl(runner->user, fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -1;
    }
    return flags;
}

void call_block_again(struct runner *runner, int fd, int flags)
{
    int error = errno;
    if (flags >= 0) {
        runner->stack->fcntl(runner->user, fd, F_SETFL, flags);
    }
    errno = error;
}

enum attempt call_waits(struct runner *runner, int fd, int option, struct answer *answer)
{
    struct pending *pending = &runner->pending;
    struct timeval most = {0, 0};
    socklen_t size = sizeof most;
    if (pending->due == 0 &&
        runner->stack->getsockopt(runner->user, fd, SOL_SOCKET, option, &most, &size) == 0) {
        int64_t us = (int64_t)most.tv_sec * 1000000 + most.tv_usec;
        pending->due = us > 0 ? run_now(runner) + us : INT64_MAX;
    }
    if (pending->due == 0 || run_now(runner) < pending->due) {
        return CALL_WAITS;
    }
    *answer = (struct answer){-1, EAGAIN};
    return CALL_DONE;
}

enum attempt call_unless_blocked(struct runner *runner, int fd, int option, int64_t value,
                                 int flags, struct answer *answer)
{
    call_answered(answer, value);
    bool blocks = flags >= 0 && value < 0 && answer->error == EAGAIN;
    return blocks ? call_waits(runner, fd, option, answer) : CALL_DONE;
}

/* ---- which call it is ---- */

/* What an argument is: n a number, s a length, d a number or `...`, * anything. A `?` begins what
 * may be left out. */
static const struct {
    const char *name;
    const char *arguments;
    handler *make;
    bool makes_fd;
} calls[] = {
    {"socket", "dnn", call_socket, true},
    {"bind", "n*d", call_bind, false},
    {"listen", "nn", call_listen, false},
    {"accept", "n**", call_accept, true},
    {"connect", "n*d", call_connect, false},
    {"shutdown", "nn", call_shutdown, false},
    {"close", "n", call_close, false},
    {"read", "n*s", call_read, false},
    {"recv", "n*sn", call_recv, false},
    {"recvfrom", "n*sn**", call_recvfrom, false},
    {"readv", "n*n", call_readv, false},
    {"recvmsg", "n*n", call_recvmsg, false},
    {"write", "n*s", call_write, false},
    {"send", "n*sn", call_send, false},
    {"sendto", "n*sn*d", call_sendto, false},
    {"writev", "n*n", call_writev, false},
    {"sendmsg", "n*n", call_sendmsg, false},
    {"setsockopt", "nnn*n", call_setsockopt, false},
    {"getsockopt", "nnn**", call_getsockopt, false},
    {"fcntl", "nn?n", call_fcntl, false},
    {"ioctl", "nn?*", call_ioctl, false},
    {"poll", "*nn", call_poll, false},
    {"epoll_create", "n", call_epoll_create, true},
    {"epoll_ctl", "nnn?*", call_epoll_ctl, false},
    {"epoll_wait", "n*nn", call_epoll_wait, false},
    {"pipe", "*", call_pipe, false},
    {"splice", "n*n*sn", call_splice, false},
};

static bool read_arguments(struct runner *runner, const struct script_call *call, const char *kinds,
                           struct arguments *a)
{
    const struct script_value *value = call->arguments;
    bool optional = false;
    *a = (struct arguments){.count = 0};
    for (; *kinds != '\0'; kinds++) {
        if (*kinds == '?') {
            optional = true;
            continue;
        }
        if (value == NULL && optional) {
            return true;
        }
        if (value == NULL) {
            return run_bad(runner, runner->event->line, "%s() lacks an argument", call->name);
        }
        bool number = *kinds == 'n' || *kinds == 's' || (*kinds == 'd' && !is_dots(value));
        /* Lengths go to the stack as sizes: a negative one would be a huge one. */
        if (number &&
            !run_number_in(runner, value, *kinds == 's' ? "a length of" : "number",
                           *kinds == 's' ? 0 : INT32_MIN, UINT32_MAX, &a->number[a->count])) {
            return false;
        }
        a->value[a->count++] = value;
        value = value->next;
    }
    return value == NULL ||
           run_bad(runner, runner->event->line, "%s() has too many arguments", call->name);
}

static void words_of(int64_t value, int error, char *words, size_t room)
{
    if (value < 0 && error != 0) {
        snprintf(words, room, "%" PRId64 " %s", value, run_errno_name(error));
    } else {
        snprintf(words, room, "%" PRId64, value);
    }
}

/* The answer against what the script says. New descriptors may have any number. */
static bool answer_holds(struct runner *runner, const struct script_call *call, bool makes_fd,
                         const struct answer *answer)
{
    int error = call->error != NULL ? run_errno(call->error) : 0;
    int64_t result = 0;
    char actual[64];
    char expected[64];
    if (call->error != NULL && error == 0) {
        return run_bad(runner, runner->event->line, "errno '%.40s' is not known", call->error);
    }
    if (!is_dots(call->result) && !run_number(runner, call->result, &result)) {
        return false;
    }
    if (error != 0 && result != -1) {
        return run_bad(runner, runner->event->line, "errno %s goes with -1", call->error);
    }
    if (is_dots(call->result)) {
        return true;
    }
    bool same = makes_fd && result >= 0 ? answer->value >= 0 : answer->value == result;
    if (!same || (answer->value < 0 && error != 0 && error != answer->error)) {
        words_of(answer->value, answer->error, actual, sizeof actual);
        words_of(result, error, expected, sizeof expected);
        return run_failed(runner, "%s() = %s, expected %s", call->name, actual, expected);
    }
    if (makes_fd && answer->value >= 0) {
        bool socket = strcmp(call->name, "epoll_create") != 0;
        runner->socket = socket ? (int)answer->value : runner->socket;
        return run_new_fd(runner, (int)result, (int)answer->value);
    }
    return true;
}

/* One try of a call, and its answer looked at when there is one. `waits` tells that there is none.
 */
static bool attempt_call(struct runner *runner, const struct script_call *call, bool *waiting)
{
    struct arguments a;
    struct answer answer = {0};
    *waiting = false;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(call->name, calls[i].name) != 0) {
            continue;
        }
        if (!read_arguments(runner, call, calls[i].arguments, &a)) {
            return false;
        }
        enum attempt attempt = calls[i].make(runner, &a, &answer);
        *waiting = attempt == CALL_WAITS;
        return attempt == CALL_WAITS ||
               (attempt == CALL_DONE && answer_holds(runner, call, calls[i].makes_fd, &answer));
    }
    return run_bad(runner, runner->event->line, "system call '%.40s' is not known", call->name);
}

bool run_call(struct runner *runner, const struct script_event *event, int64_t end)
{
    const struct script_call *call = event->call;
    bool waiting;
    if (runner->pending.call != NULL) {
        return run_failed(runner, "%s() of line %u still blocks", runner->pending.call->name,
                          runner->pending.event->line);
    }
    runner->pending = (struct pending){.call = NULL};
    if (!attempt_call(runner, call, &waiting)) {
        return false;
    }
    if (waiting && !call->blocks) {
        return run_failed(runner, "%s() blocks; what it waits for needs a time: START...END",
                          call->name);
    }
    if (call->blocks && !waiting && end > run_now(runner) + runner->options->tolerance) {
        return run_failed(runner, "%s() does not block", call->name);
    }
    if (waiting) {
        runner->pending.call = call;
        runner->pending.event = event;
        runner->pending.end = end;
    }
    return true;
}

bool run_pending(struct runner *runner, bool last)
{
    struct pending *pending = &runner->pending;
    const struct script_event *event = runner->event;
    bool waiting;
    if (pending->call == NULL) {
        return true;
    }
    runner->event = pending->event;
    const char *name = pending->call->name;
    bool sound = attempt_call(runner, pending->call, &waiting);
    int64_t now = run_now(runner);
    int64_t tolerance = runner->options->tolerance;
    if (sound && waiting && (last || now > pending->end + tolerance)) {
        sound = run_failed(runner, "%s() still blocks", name);
    } else if (sound && !waiting && now < pending->end - tolerance) {
        sound = run_failed(
            runner,
            "%s() has come back by %" PRId64 ".%06" PRId64 ", expected %" PRId64 ".%06" PRId64,
            name, now / 1000000, now % 1000000, pending->end / 1000000, pending->end % 1000000);
    }
    if (!waiting) {
        pending->call = NULL;
    }
    runner->event = sound ? event : runner->event;
    return sound;
}
