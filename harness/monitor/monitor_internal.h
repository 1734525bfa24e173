/* What the files of the monitor share, and nobody else needs. Each account has a file: monitor.c
 * what was sent, received and promised; monitor_duty.c what an arrival, an urgent pointer or a user
 * who has left calls for; monitor_rtt.c the round trip. */
#ifndef HARNESS_MONITOR_INTERNAL_H
#define HARNESS_MONITOR_INTERNAL_H

#include "monitor.h"
#include "octets.h"

#include <string.h>

/* Not inlined: what has a TCB of its own to try something out, and is called once in a while. The
 * sanitizers mark each octet of a frame at every call, of the whole of it. */
#define APART __attribute__((noinline))

#define BIT(state)    (1u << (unsigned)TFSM_##state)
#define IN(tcb, mask) (((1u << (unsigned)(tcb)->state) & (mask)) != 0)
#define NO_CONNECTION (BIT(CLOSED) | BIT(LISTEN))
#define SYNCHRONIZED                                                                               \
    (BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2) | BIT(CLOSE_WAIT) | BIT(CLOSING) |       \
     BIT(LAST_ACK) | BIT(TIME_WAIT))

#define OUTDATED (UINT64_C(24) * 86400 * 1000000) /* microseconds (RFC7323:5.5) */

static inline void fails(struct monitor *monitor, const char *id, const char *requirement)
{
    if (monitor->violation.id == NULL) {
        monitor->violation.id = id;
        monitor->violation.requirement = requirement;
    }
}

/* The same, where it is about one number. */
static inline void fails_by(struct monitor *monitor, const char *id, const char *requirement,
                            uint64_t expected, uint64_t found)
{
    if (monitor->violation.id == NULL) {
        monitor->violation = (struct violation){.id = id,
                                                .requirement = requirement,
                                                .counted = true,
                                                .expected = expected,
                                                .found = found};
    }
}

static inline bool same(const struct tfsm_tcb *a, const struct tfsm_tcb *b)
{
    return same_tcb(a, b);
}

static inline uint32_t text_of(const struct tfsm_segment *seg)
{
    return seg->len - (seg->flags & TFSM_SYN ? 1u : 0u) - (seg->flags & TFSM_FIN ? 1u : 0u);
}

/* ---- monitor.c ---- */

/* Nothing differs but what is owed in reply and the limiter. */
bool monitor_only_replied(const struct tfsm_tcb *before, const struct tfsm_tcb *after);

/* Table 6 of RFC 9293, and what it makes allowance for: RST and text at the exact number of a
 * closed window, and the acknowledgment alone of a peer whose text filled it (A.2). */
bool monitor_acceptable(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg);

/* A reply is due: fewer of its kind went out lately than the limiter lets through. */
bool monitor_has_budget(const struct monitor *monitor, const struct tfsm_config *cfg,
                        const struct tfsm_tcb *before, const struct tfsm_event *ev);

/* ---- monitor_duty.c ---- */

void duty_adopt(struct monitor *monitor, const struct tfsm_tcb *tcb);

/* An event was taken; before the account of what was received knows of it. */
void duty_step(struct monitor *monitor, const struct tfsm_config *cfg,
               const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* And how long a connection has that nobody wants any more. */
void duty_orphan(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_event *ev,
                 const struct tfsm_effects *fx, const struct tfsm_tcb *after);

void duty_output(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                 const struct tfsm_tcb *after);

void duty_drained(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *tcb);

/* ---- monitor_rtt.c ---- */

void rtt_adopt(struct monitor *monitor, const struct tfsm_tcb *tcb);

void rtt_step(struct monitor *monitor, const struct tfsm_config *cfg, const struct tfsm_tcb *before,
              const struct tfsm_event *ev, const struct tfsm_tcb *after);

void rtt_output(struct monitor *monitor, const struct tfsm_tcb *before, tfsm_time now,
                const struct tfsm_segment *seg, const struct tfsm_tcb *after);

#endif
