/* What the files of the monitor share, and nobody else needs. Each concern has a file, whose
 * functions bear its name; monitor.c calls them in the order in which they look at an event. What
 * several of them ask is monitor_ and what is asked. */
#ifndef HARNESS_MONITOR_INTERNAL_H
#define HARNESS_MONITOR_INTERNAL_H

#include "monitor.h"
#include "whole.h"

/* Not inlined: what has a TCB of its own to try something out, and is called once in a while. The
 * sanitizers mark each octet of a frame at every call, of the whole of it. */
#define APART __attribute__((noinline))

#define BIT(state)    (1u << (unsigned)TFSM_##state)
#define IN(tcb, mask) (((1u << (unsigned)(tcb)->state) & (mask)) != 0)
#define NO_CONNECTION (BIT(CLOSED) | BIT(LISTEN))
#define SYNCHRONIZED                                                                               \
    (BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2) | BIT(CLOSE_WAIT) | BIT(CLOSING) |       \
     BIT(LAST_ACK) | BIT(TIME_WAIT))

#define RECEIVES (BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2))

#define HALF_SECOND UINT64_C(500000)
#define AFTER_SYN   UINT64_C(3000000)                /* microseconds (RFC6298:5.7) */
#define OUTDATED    (UINT64_C(24) * 86400 * 1000000) /* microseconds (RFC7323:5.5) */

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

/* Microseconds: as finely as the times have to be kept at which something went out. */
#define ROUNDED 32u

/* Text that a whole segment bears now. */
static inline uint32_t segment_size(const struct tfsm_tcb *tcb)
{
    uint32_t options = tcb->flags & TFSM_M_TIMESTAMPS ? 12 : 0;
    return tcb->snd_mss > options ? tcb->snd_mss - options : 1;
}

/* Something is lost, and is made good. */
static inline bool losing(const struct tfsm_tcb *tcb)
{
    return (tcb->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) != 0;
}

/* ---- mtu.c ---- */

/* Anything happened; and before send_numbers(), a segment goes out. */
void mtu_step(struct monitor *monitor, const struct tfsm_tcb *before, const struct tfsm_event *ev,
              const struct tfsm_tcb *after);
void mtu_output(struct monitor *monitor, tfsm_time now, const struct tfsm_segment *seg);

/* ---- wire.c ---- */

/* Before anything else is looked at. */
void wire_step(struct monitor *monitor, const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_tcb *after);
void wire_output(struct monitor *monitor, tfsm_time now, const struct tfsm_segment *segment);

/* ---- state.c ---- */

/* In TIME-WAIT, or where it was reopened: whether a SYN was to do that. */
void state_reopen(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* The state has changed: that is legal, and founded on what came. */
void state_transition(struct monitor *monitor, const struct tfsm_config *cfg,
                      const struct tfsm_tcb *before, const struct tfsm_event *ev,
                      const struct tfsm_tcb *after);

/* What the user hears, where something is told, the state changes or nothing was told yet. */
void state_signals(struct monitor *monitor, const struct tfsm_tcb *before,
                   const struct tfsm_event *ev, const struct tfsm_effects *fx,
                   const struct tfsm_tcb *after);

/* In TIME-WAIT, before or after: how long it lasts, and what restarts it. */
void state_time_wait(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_tcb *before, const struct tfsm_event *ev,
                     const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* The connection went back to LISTEN. */
void state_relisten(struct monitor *monitor, const struct tfsm_tcb *after);

/* ---- refusal.c ---- */

/* Table 6 of RFC 9293, and what it makes allowance for: RST and text at the exact number of a
 * closed window, and the acknowledgment alone of a peer whose text filled it (A.2). */
bool monitor_acceptable(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg);

/* The peer's FIN, sent again to a connection in TIME-WAIT. */
bool monitor_fin_again(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg);

/* The peer's SYN once more, while ours is not acknowledged: the SYN-ACK is the answer. */
bool monitor_syn_repeated(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg);

/* A reply is due: fewer of its kind went out lately than the limiter lets through. */
bool monitor_has_budget(const struct monitor *monitor, const struct tfsm_config *cfg,
                        const struct tfsm_tcb *before, const struct tfsm_event *ev);

/* Nothing differs but what is owed in reply and the limiter. */
bool monitor_only_replied(const struct tfsm_tcb *before, const struct tfsm_tcb *after);

/* A segment came: whether it is refused, and what may be said in reply. */
void refusal_step(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* A segment came: what its reply uses up of the budget, after all who ask for that. */
void refusal_reply(struct monitor *monitor, const struct tfsm_tcb *before,
                   const struct tfsm_event *ev, const struct tfsm_effects *fx,
                   const struct tfsm_tcb *after);

/* An ICMP message came. */
void refusal_icmp(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* ---- reset.c ---- */

/* A RST is owed: its numbers, where it was not owed before. */
void reset_step(struct monitor *monitor, const struct tfsm_tcb *before, const struct tfsm_event *ev,
                const struct tfsm_tcb *after);

/* A RST goes out. */
void reset_output(struct monitor *monitor, const struct tfsm_segment *seg);

/* ---- independence.c ---- */

/* The core, alone with this event, makes this TCB of the one before. */
bool monitor_comes_to(const struct tfsm_config *cfg, const struct tfsm_tcb *before,
                      const struct tfsm_event *ev, const struct tfsm_tcb *after);

/* A segment came: PSH, ECE and CWR, which mean nothing, decide nothing. Costs a step. */
void independence_of_flags(struct monitor *monitor, const struct tfsm_config *cfg,
                           const struct tfsm_tcb *before, const struct tfsm_event *ev,
                           const struct tfsm_tcb *after);

/* The same of URG, but for what is urgent. */
void independence_of_urgent(struct monitor *monitor, const struct tfsm_config *cfg,
                            const struct tfsm_tcb *before, const struct tfsm_event *ev,
                            const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* ---- receive.c ---- */

/* Where the text ends that was handed out so far, as an offset in the peer's stream. */
uint64_t monitor_kept_end(const struct monitor *monitor);

/* Text is handed out, and RCV.NXT moves. */
void receive_step(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_event *ev, const struct tfsm_effects *fx,
                  const struct tfsm_tcb *after);

/* An acknowledgment goes out: its number, and the right edge of the window. */
void receive_acknowledgment(struct monitor *monitor, const struct tfsm_segment *seg,
                            const struct tfsm_tcb *after);

/* ---- option.c ---- */

/* The MSS of the policy, within what a packet of either family holds. */
uint16_t monitor_own_mss(const struct tfsm_config *cfg);

/* The peer's SYN, of ev, was accepted: what it settles. */
void option_settle(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, const struct tfsm_event *ev,
                   const struct tfsm_tcb *after);

/* A segment came: a SYN that comes again speaks of ECN anew. */
void option_plain_syn(struct monitor *monitor, const struct tfsm_tcb *before,
                      const struct tfsm_segment *seg, const struct tfsm_tcb *after);

/* A segment was accepted: its options and its ECN field, and that something was heard. */
void option_step(struct monitor *monitor, const struct tfsm_event *ev,
                 const struct tfsm_tcb *before, const struct tfsm_tcb *after);

/* Options and ECN field of what goes out. */
void option_output(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                   const struct tfsm_tcb *after);

/* ---- sack.c ---- */

/* An acknowledgment came: what the peer holds beyond it. */
void sack_held(struct monitor *monitor, const struct tfsm_tcb *after,
               const struct tfsm_segment *seg);

/* Text is to be reported as having come twice: so it did. */
void sack_twice(struct monitor *monitor, const struct tfsm_segment *seg,
                const struct tfsm_tcb *before, const struct tfsm_tcb *after);

/* Something goes out again: it is nothing that the peer holds. */
void sack_resent(struct monitor *monitor, const struct tfsm_tcb *before,
                 const struct tfsm_segment *seg);

/* The blocks of what goes out. */
void sack_output(struct monitor *monitor, const struct tfsm_segment *seg,
                 const struct tfsm_tcb *after);

/* ---- send.c ---- */

/* Where a segment without a sequence number of its own stands: at SND.NXT, or, where the window
 * that the peer offered last ends before that by more than its scale can hide, at its end: an ACK
 * behind the last number, which whoever has it all takes, a RST on it. */
uint32_t monitor_own_place(const struct tfsm_tcb *tcb, bool rst);

/* SND.UNA moves, and so does the edge of the peer's window. */
void send_step(struct monitor *monitor, const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* The retransmission timer goes off: something is in flight, else it was only waited, as ECE asks; and neither a tail
 * loss probe takes its place nor fast recovery, which begins when what is overdue is found lost. */
bool timer_goes_off(const struct tfsm_tcb *before, const struct tfsm_event *ev,
                    const struct tfsm_tcb *after);

/* Something goes out again: it keeps within the window. */
void send_again(struct monitor *monitor, const struct tfsm_tcb *before,
                const struct tfsm_segment *seg);

/* The numbers of what goes out. */
void send_numbers(struct monitor *monitor, const struct tfsm_tcb *before,
                  const struct tfsm_segment *seg);

/* ---- congestion.c ---- */

/* A segment was accepted: whether it is a duplicate acknowledgment. */
void congestion_duplicate(struct monitor *monitor, const struct tfsm_tcb *before,
                          const struct tfsm_segment *seg);

/* How the congestion window moves. */
void congestion_step(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_tcb *before, const struct tfsm_event *ev,
                     const struct tfsm_tcb *after);

/* What goes out within it. */
void congestion_output(struct monitor *monitor, const struct tfsm_config *cfg,
                       const struct tfsm_tcb *before, const struct tfsm_segment *seg,
                       const struct tfsm_tcb *after);

/* ---- flight.c ---- */

/* Losses are told by time (RFC 8985). */
bool flight_by_time(const struct monitor *monitor, const struct tfsm_config *cfg,
                    const struct tfsm_tcb *tcb);

/* The first block of a segment reports text of ours that came twice (RFC2883:4). */
bool monitor_twice(const struct monitor *monitor, const struct tfsm_segment *seg,
                   struct tfsm_range *twice);

/* Where range i of flight[] begins. */
static inline uint32_t flight_left(const struct monitor *monitor, unsigned i)
{
    return i > 0 ? monitor->flight[i - 1].right : monitor->in_flight.una;
}

/* Nobody saw what is in flight. */
void flight_adopt(struct monitor *monitor);

/* An event was taken: what it delivers, and what is taken for lost.
 * taken  it is a segment that was accepted */
void flight_step(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_event *ev, bool taken,
                 const struct tfsm_tcb *after);

/* A segment goes out. */
void flight_output(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg);

/* ---- lost.c ---- */

/* An event was taken, and the account in flight.c knows what it delivers: what it takes for lost. */
void lost_step(struct monitor *monitor, const struct tfsm_config *cfg,
               const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_tcb *after);

/* Something goes out again. */
void lost_output(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_segment *seg);

/* ---- tail.c ---- */

/* An event was taken: a tail loss probe may be due. */
void tail_step(struct monitor *monitor, const struct tfsm_config *cfg,
               const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_tcb *after);

/* A segment goes out: it may be one. */
void tail_output(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                 const struct tfsm_tcb *after);

/* ---- recovery.c ---- */

/* An event was taken, after flight_step(): what it lets out in recovery, and what it takes back. */
void recovery_step(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, const struct tfsm_event *ev, bool taken,
                   const struct tfsm_tcb *after);

/* A segment goes out. */
void recovery_output(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_tcb *before, const struct tfsm_segment *seg);

/* ---- growth.c ---- */

/* An event was taken, after recovery_step(): how the window begins and grows. */
void growth_step(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_event *ev,
                 const struct tfsm_tcb *after);

/* A segment goes out, perhaps after a pause. */
void growth_output(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                   const struct tfsm_tcb *after);

/* ---- timer.c ---- */

/* A timeout came: one that is due moves its deadline. */
void timer_progress(struct monitor *monitor, const struct tfsm_tcb *before,
                    const struct tfsm_event *ev, const struct tfsm_tcb *after);

/* The retransmission timeout and the user's keep within their bounds. */
void timer_bounds(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  const struct tfsm_tcb *after);

/* A timeout came: what it does. */
void timer_timeout(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, const struct tfsm_event *ev,
                   const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* The front of the queue goes out, for the first time or again. */
void timer_output(struct monitor *monitor, tfsm_time now, const struct tfsm_segment *seg);

/* ---- duty.c ---- */

/* What a listener kept of the connection is believed. */
void duty_adopt(struct monitor *monitor, const struct tfsm_tcb *tcb);

/* An event was taken; before the account of what was received knows of it. */
void duty_step(struct monitor *monitor, const struct tfsm_config *cfg,
               const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* A segment goes out: it may be the answer. */
void duty_output(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                 const struct tfsm_tcb *after);

/* The drain is over: what was to be answered is. */
void duty_drained(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *tcb);

/* ---- urgent.c ---- */

/* The peer's urgent pointer, after any event. */
void urgent_step(struct monitor *monitor, const struct tfsm_tcb *before,
                 const struct tfsm_event *ev, const struct tfsm_effects *fx,
                 const struct tfsm_tcb *after);

/* Who was told of urgent data finds some ahead, and none beyond the end of the peer's stream. */
void urgent_ahead(struct monitor *monitor, const struct tfsm_tcb *after);

/* Urgent data are there, or URG goes out: where it points. */
void urgent_output(struct monitor *monitor, const struct tfsm_tcb *before,
                   const struct tfsm_segment *seg);

/* ---- orphan.c ---- */

/* An event was taken: how long a connection has that nobody wants any more. */
void orphan_step(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_event *ev,
                 const struct tfsm_effects *fx, const struct tfsm_tcb *after);

/* A segment goes out of an orphan: it may have more time. */
void orphan_output(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_tcb *after);

/* The drain is over: what an orphan waits for comes in time. */
void orphan_drained(struct monitor *monitor, const struct tfsm_tcb *tcb);

/* ---- rtt.c ---- */

/* Nobody saw what went out. */
void rtt_adopt(struct monitor *monitor, const struct tfsm_tcb *tcb);

/* An event was taken: what was measured. */
void rtt_step(struct monitor *monitor, const struct tfsm_config *cfg, const struct tfsm_tcb *before,
              const struct tfsm_event *ev, const struct tfsm_tcb *after);

/* A segment goes out: what can be measured. */
void rtt_output(struct monitor *monitor, const struct tfsm_tcb *before, tfsm_time now,
                const struct tfsm_segment *seg, const struct tfsm_tcb *after);

#endif
