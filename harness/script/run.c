/* One event after the other, each at its time. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_internal.h"
#include "seq.h"

#define USLEEP_MOST INT64_C(1000000000) /* microseconds at a time */
#define SPIN        INT64_C(20)         /* microseconds before an event: as packetdrill has it */
#define SPIN_MOST   1000000u            /* questions in a row */

/* ---- what is wrong ---- */

static void say(struct runner *runner, unsigned line, enum script_outcome outcome,
                const char *format, va_list arguments)
{
    struct script_result *result = runner->result;
    if (result->outcome == SCRIPT_PASSED) {
        result->outcome = outcome;
        result->line = line;
        vsnprintf(result->reason, sizeof result->reason, format, arguments);
    }
}

bool run_failed(struct runner *runner, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(runner, runner->event->line, SCRIPT_FAILED, format, arguments);
    va_end(arguments);
    return false;
}

bool run_bad(struct runner *runner, unsigned line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(runner, line, SCRIPT_BAD, format, arguments);
    va_end(arguments);
    return false;
}

void run_detail(struct runner *runner, const char *format, ...)
{
    char *details = runner->result->details;
    size_t used = strlen(details);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(details + used, SCRIPT_MESSAGE_MOST - used, format, arguments);
    va_end(arguments);
}

/* ---- time ---- */

static int64_t clock_of(struct runner *runner)
{
    struct timeval now;
    runner->stack->gettimeofday(runner->user, &now, NULL);
    return (int64_t)now.tv_sec * 1000000 + now.tv_usec;
}

int64_t run_now(struct runner *runner)
{
    return clock_of(runner) - runner->start;
}

/* For the last microseconds packetdrill asks for the time until it has come. What follows is not part of
 * that: a call in between says so. */
static bool spin_until(struct runner *runner, int64_t until)
{
    for (unsigned asked = 0; run_now(runner) < until; asked++) {
        if (asked == SPIN_MOST) {
            return run_failed(runner, "the stack's clock does not move on when it is asked again");
        }
    }
    return runner->stack->usleep(runner->user, 0) == 0 ||
           run_failed(runner, "usleep(0): %s", strerror(errno));
}

/* On the way the stack's timers go off. */
static bool sleep_until(struct runner *runner, int64_t until)
{
    int64_t now = run_now(runner);
    if (now >= until) {
        return true;
    }
    for (; until - now > SPIN; now = run_now(runner)) {
        int64_t us = until - now - SPIN < USLEEP_MOST ? until - now - SPIN : USLEEP_MOST;
        if (runner->stack->usleep(runner->user, (useconds_t)us) != 0 || run_now(runner) <= now) {
            return run_failed(runner, "the stack's clock does not move on");
        }
    }
    return spin_until(runner, until);
}

/* The next time not after `until` when the pending call is to be looked at: when its own time is
 * over, just before it may come back, when it must, and when it must have. -1: none. */
static int64_t next_look(struct runner *runner, int64_t until)
{
    const struct pending *pending = &runner->pending;
    int64_t tolerance = runner->options->tolerance;
    int64_t looks[] = {pending->due, pending->end - tolerance - 1, pending->end,
                       pending->end + tolerance};
    int64_t now = run_now(runner);
    int64_t next = -1;
    for (unsigned i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        if (looks[i] > now && looks[i] <= until && (next < 0 || looks[i] < next)) {
            next = looks[i];
        }
    }
    return next;
}

bool run_pass_time(struct runner *runner, int64_t until)
{
    int64_t next;
    while (runner->pending.call != NULL && (next = next_look(runner, until)) >= 0) {
        bool last = next >= runner->pending.end + runner->options->tolerance;
        if (!sleep_until(runner, next) || !run_pending(runner, last)) {
            return false;
        }
    }
    return sleep_until(runner, until) && run_pending(runner, false);
}

/* ---- connections ---- */

uint8_t run_octet(bool ours, uint64_t k)
{
    return (uint8_t)((k * 131 + (k >> 8) * 17 + (ours ? 29 : 71)) & 0xff);
}

/* Where there is no room to remember them, none is looked at any more. */
void run_foreign(struct runner *runner, uint64_t from, uint64_t n)
{
    struct range *last = &runner->foreign[FOREIGN_MOST - 1];
    if (n > 0 && runner->foreign_count < FOREIGN_MOST) {
        runner->foreign[runner->foreign_count++] = (struct range){from, from + n};
    } else if (n > 0) {
        *last = (struct range){0, UINT64_MAX};
    }
}

bool run_is_foreign(const struct runner *runner, uint64_t at)
{
    for (unsigned i = 0; i < runner->foreign_count; i++) {
        if (at >= runner->foreign[i].from && at < runner->foreign[i].to) {
            return true;
        }
    }
    return false;
}

static bool same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

struct peer *run_peer(struct runner *runner, uint16_t local_port, uint16_t remote_port)
{
    return run_peer_at(runner, NULL, NULL, local_port, remote_port);
}

struct peer *run_peer_at(struct runner *runner, const struct tfsm_address *local,
                         const struct tfsm_address *remote, uint16_t local_port,
                         uint16_t remote_port)
{
    for (unsigned i = 0; i < runner->peer_count; i++) {
        struct peer *peer = &runner->peers[i];
        if (peer->local_port == local_port && peer->remote_port == remote_port &&
            (local == NULL || (same_address(&peer->address, local) &&
                               same_address(&peer->remote_address, remote)))) {
            return peer;
        }
    }
    if (runner->peer_count == PEERS_MOST) {
        run_bad(runner, runner->event->line, "more than %d connections", PEERS_MOST);
        return NULL;
    }
    struct peer *peer = &runner->peers[runner->peer_count++];
    *peer = (struct peer){.local_port = local_port,
                          .remote_port = remote_port,
                          .over = true,
                          .remote = runner->run->peer_isn};
    if (local != NULL) {
        peer->address = *local;
        peer->remote_address = *remote;
    }
    return peer;
}

const struct tfsm_address *run_local(const struct runner *runner)
{
    return &runner->options->local[runner->options->ipv6];
}

const struct tfsm_address *run_remote(const struct runner *runner)
{
    return &runner->options->remote[runner->options->ipv6];
}

/* ---- events ---- */

static bool command(struct runner *runner, const char *text)
{
    if (runner->run->skip_shell) {
        return true;
    }
    if (!runner->run->allow_shell) {
        return run_bad(runner, runner->event->line,
                       "a shell command needs --allow-shell, or --skip-shell");
    }
    fflush(stdout);
    int status = system(text);
    if (status == -1) {
        return run_failed(runner, "the command cannot be started: %s", strerror(errno));
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return run_failed(runner, "the command ends with status %d",
                          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    return true;
}

/* What happens at a time of the script, not of the stack. */
static bool act(struct runner *runner, const struct script_event *event, int64_t time, int64_t end)
{
    if (!run_pass_time(runner, time)) {
        return false;
    }
    runner->moved = time;
    switch (event->kind) {
    case SCRIPT_ARRIVES:
        return run_arrives(runner, event->segment) && run_pending(runner, false);
    case SCRIPT_ICMP_ARRIVES:
        return run_icmp(runner, event->icmp) && run_pending(runner, false);
    case SCRIPT_OCTETS:
        return run_octets(runner, event->text) && run_pending(runner, false);
    case SCRIPT_CALL: {
        bool called = run_call(runner, event, end);
        run_note_opened(runner, NULL);
        return called;
    }
    case SCRIPT_COMMAND:
        return command(runner, event->text);
    case SCRIPT_CODE:
        return run_code(runner, event->text);
    case SCRIPT_SENDS:
        break;
    }
    return true;
}

static bool one_event(struct runner *runner, const struct script_event *event)
{
    const struct script_run *run = runner->run;
    int64_t base = event->time_kind == SCRIPT_AFTER ? runner->last : 0;
    int64_t from = event->time_kind == SCRIPT_ANY ? 0 : base + event->time;
    int64_t to = event->range ? base + event->time_end : from;
    runner->event = event;
    if (event->time_kind == SCRIPT_AT && from < runner->last) {
        return runner->last_said ? run_bad(runner, event->line, "this is before the event above it")
                                 : run_failed(runner, "the packet above came later than this");
    }
    if (to > SCRIPT_TIME_MOST) {
        return run_bad(runner, event->line, "the script takes more than %d seconds",
                       (int)(SCRIPT_TIME_MOST / 1000000));
    }
    if (event->time_kind == SCRIPT_ANY) {
        to = INT64_MAX;
    }
    if (run->told != NULL) {
        run->told(run->user, event, run_now(runner));
    }
    bool passed =
        event->kind == SCRIPT_SENDS
            ? run_sends(runner, event, from, to)
            : act(runner, event, from, event->kind == SCRIPT_CALL ? base + event->call->end : 0);
    bool exact = event->time_kind != SCRIPT_ANY && !event->range;
    runner->last = exact ? from : runner->moved;
    runner->last_said = exact && (event->time_kind == SCRIPT_AT || runner->last_said);
    return passed;
}

/* The pending call gets its time, and with strict nothing may be left over. Looking for that moves
 * the clock: how long the script took is noted before. */
static bool finish(struct runner *runner)
{
    const struct script_run *run = runner->run;
    if (runner->pending.call != NULL) {
        runner->event = runner->pending.event;
        int64_t end = runner->pending.end + runner->options->tolerance;
        if (!run_pass_time(runner, end > run_now(runner) ? end : run_now(runner))) {
            return false;
        }
        if (runner->pending.call != NULL && !run_pending(runner, true)) {
            return false;
        }
    }
    runner->result->elapsed = run_now(runner);
    if (run->told != NULL) {
        run->told(run->user, NULL, runner->result->elapsed);
    }
    bool looks = run->strict || runner->options->nothing_left;
    return !looks || !run_left_over(runner);
}

/* packetdrill ends a script with close(2), not the stack's: its descriptors must be the process's, too.
 * The standard ones are nobody's to close. */
static bool close_left_open(struct runner *runner)
{
    for (unsigned i = 0; i < FDS_MOST; i++) {
        const struct descriptor *left = &runner->fds[i];
        if (left->used && (left->stack <= STDERR_FILENO || close(left->stack) != 0)) {
            return run_failed(runner, "descriptor %d was left open, and close(%d) says: %s",
                              left->script, left->stack, strerror(errno));
        }
    }
    return true;
}

struct script_result script_run(const struct script_run *run)
{
    struct script_result result = {.outcome = SCRIPT_PASSED};
    struct runner *runner = calloc(1, sizeof *runner);
    if (runner == NULL) {
        result.outcome = SCRIPT_BAD;
        snprintf(result.reason, sizeof result.reason, "out of memory");
        return result;
    }
    runner->run = run;
    runner->options = run->options;
    runner->stack = run->stack;
    runner->user = run->stack->userdata;
    runner->result = &result;
    runner->socket = -1;
    runner->last_said = true;
    runner->bind_port = run->options->bind_port;
    runner->start = clock_of(runner);
    for (const struct script_event *event = run->script->events; event != NULL;
         event = event->next) {
        runner->addressed =
            runner->addressed || (event->segment != NULL && event->segment->has_addresses);
    }
    bool going = true;
    for (const struct script_event *event = run->script->events; event != NULL && going;
         event = event->next) {
        going = one_event(runner, event);
        result.events++;
    }
    going = going && finish(runner);
    if (!going) {
        result.elapsed = run_now(runner);
    }
    if (runner->event != NULL && going) {
        close_left_open(runner);
    }
    free(runner);
    return result;
}
