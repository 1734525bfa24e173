/* What run.c, trace.c, pair.c, listen.c, single.c and host.c share, and nobody else needs: the account of a run. */
#ifndef HARNESS_RUN_INTERNAL_H
#define HARNESS_RUN_INTERNAL_H

#include "coverage.h"
#include "machine.h"
#include "run.h"

/* Not inlined: what only people ask for. */
#ifndef APART
#define APART __attribute__((noinline))
#endif

struct run_account {
    struct run_result result;
    tfsm_time now;
    run_log *log; /* may be null */
    void *user;
    uint32_t wires; /* packets sent so far, where they are told */
};

/* Only the first violation counts. */
static inline void run_violates(struct run_account *run, unsigned end, const char *id,
                                const char *requirement)
{
    if (run->result.violation.id == NULL) {
        run->result.violation =
            (struct violation){.id = id, .requirement = requirement, .end = end};
    }
}

static inline void run_ask_monitor(struct run_account *run, unsigned end,
                                   const struct monitor *monitor)
{
    if (monitor->violation.id != NULL) {
        struct violation *violation = &run->result.violation;
        bool first = violation->id == NULL;
        *violation = first ? monitor->violation : *violation;
        violation->end = first ? end : violation->end;
    }
}

static inline bool run_broken(const struct run_account *run)
{
    return run->result.violation.id != NULL;
}

static inline void run_hit(struct run_account *run, unsigned rule)
{
    run->result.rules[rule / 64] |= UINT64_C(1) << (rule % 64);
    coverage_rule(rule);
}

/* A line of what happened. */
static inline void run_tell(const struct run_account *run, const struct run_line *line)
{
    if (run->log != NULL) {
        run->log(run->user, line);
    }
}

static inline void run_note(const struct run_account *run, const char *text)
{
    struct run_line line = {.kind = RUN_NOTE, .now = run->now, .text = text};
    run_tell(run, &line);
}

static inline void run_wire(const struct run_account *run, unsigned end,
                            const struct run_wire *wire)
{
    struct run_line line = {.kind = RUN_WIRE, .end = end, .now = run->now, .wire = wire};
    run_tell(run, &line);
}

static inline void run_host(const struct run_account *run, unsigned end,
                            const struct run_host *host)
{
    struct run_line line = {.kind = RUN_HOST, .end = end, .now = run->now, .host = host};
    run_tell(run, &line);
}

static inline enum run_line_kind run_kind_of(const struct tfsm_event *ev)
{
    return ev->kind == TFSM_EV_SEGMENT   ? RUN_ARRIVES
           : ev->kind == TFSM_EV_TIMEOUT ? RUN_TIMEOUT
                                         : RUN_CALL;
}

/* When a program goes on that asked for a deadline, or for the microsecond before or after it. */
static inline tfsm_time run_beside(tfsm_time deadline, int beside, tfsm_time now)
{
    if (deadline == TFSM_NEVER || (beside < 0 && deadline <= now)) {
        return now;
    }
    if (beside > 0 && deadline >= TFSM_NEVER / 2) {
        beside = 0; /* the end of all time is no time */
    }
    return beside < 0 ? deadline - 1 : deadline + (beside > 0 ? 1 : 0);
}

/* Time has passed at a host or a listener, and this is when it wants to be called next: later, or
 * its driver hangs. At the end of time itself all deadlines are one. */
static inline void run_progresses(struct run_account *run, unsigned end, tfsm_time next,
                                  tfsm_time now)
{
    if (next <= now && now < TFSM_NEVER / 2) {
        run_violates(run, end, "NO_PROGRESS",
                     "RFC9293:3.10.8 a timeout that is due moves its deadline or ends it");
    }
}

#define RUN_DRAIN_MAX 16 /* segments drawn at a time: a small interface queue */

/* trace.c: one bare TCB. */
struct run_result run_trace(const uint8_t *octets, size_t size, run_log *log, void *user);

/* pair.c: two endpoints and the network between them. */
struct run_result run_pair(const uint8_t *octets, size_t size, run_log *log, void *user);

/* listen.c: a listener, its peers and its connections. */
struct run_result run_listener(const uint8_t *octets, size_t size, run_log *log, void *user);

/* single.c: an arbitrary TCB and one event. */
struct run_result run_step(const uint8_t *octets, size_t size, run_log *log, void *user);

/* host.c: an endpoint, and whatever comes along on the wire. */
struct run_result run_endpoint(const uint8_t *octets, size_t size, run_log *log, void *user);

#endif
