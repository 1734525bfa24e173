/* What is in flight: when each number went out last, and whether it has arrived, by our own account, which lost.c judges by.
 * Where several moments had to become one, where an answer may be of either of two sendings, and where a round trip could
 * have been measured by more than one of two ways, the account is that which lets more be taken for lost: what it does not
 * let is wrong by any of them. */
#include "internal.h"
#include "seq.h"

#include <string.h>

#define PERSIST     16u /* recoveries that a wider reordering window lasts (RFC8985:6.2) */
#define NARROW      255u
#define GRANULARITY 1000u /* microseconds: a tick of the timestamp clock */
/* Microseconds: what is as old as that 32 bits cannot order. */
#define HALF_CLOCK (UINT64_C(1) << 31)

bool flight_by_time(const struct monitor *monitor, const struct tfsm_config *cfg,
                    const struct tfsm_tcb *tcb)
{
    const uint32_t rack = TFSM_RACK | TFSM_CONGESTION;
    return monitor->sack && (cfg->profile & rack) == rack && (tcb->flags & TFSM_M_SYN_ACKED) != 0;
}

/* ---- the list ---- */

static uint32_t end_of(const struct monitor *monitor)
{
    return flight_left(monitor, monitor->in_flight.count);
}

/* Two neighbours become one: the first moment of either, and the last. */
static void join(struct monitor *monitor, unsigned i)
{
    struct flight_range *a = &monitor->flight[i];
    const struct flight_range *b = &monitor->flight[i + 1];
    a->right = b->right;
    a->least = a->least < b->least ? a->least : b->least;
    a->from = a->from < b->from ? a->from : b->from;
    a->to = a->to > b->to ? a->to : b->to;
    memmove(&monitor->flight[i + 1], &monitor->flight[i + 2],
            (monitor->in_flight.count - i - 2) * sizeof *a);
    monitor->in_flight.count--;
}

static bool alike(const struct flight_range *a, const struct flight_range *b)
{
    return a->held == b->held && a->again == b->again && a->told == b->told && a->news == b->news;
}

/* Room for two more: of ranges that are alike the two nearest in time become one. */
static void make_room(struct monitor *monitor)
{
    struct flight_account *account = &monitor->in_flight;
    while (account->count + 2u > FLIGHT_RANGES) {
        unsigned best = account->count;
        tfsm_time least = TFSM_NEVER;
        for (unsigned i = 0; i + 1u < account->count; i++) {
            const struct flight_range *a = &monitor->flight[i];
            const struct flight_range *b = &monitor->flight[i + 1];
            tfsm_time from = a->from < b->from ? a->from : b->from;
            tfsm_time apart = (a->to > b->to ? a->to : b->to) - from;
            if (alike(a, b) && apart < least) {
                best = i;
                least = apart;
            }
        }
        account->unsure = account->unsure || best == account->count;
        join(monitor, best < account->count ? best : 0);
    }
}

/* See to it that a range begins at a number in flight. Returns which. */
static unsigned cut(struct monitor *monitor, uint32_t seq)
{
    struct flight_account *account = &monitor->in_flight;
    unsigned i = 0;
    while (i < account->count && seq_le(monitor->flight[i].right, seq)) {
        i++;
    }
    if (i == account->count || flight_left(monitor, i) == seq) {
        return i;
    }
    memmove(&monitor->flight[i + 1], &monitor->flight[i],
            (account->count - i) * sizeof monitor->flight[0]);
    monitor->flight[i].right = seq;
    account->count++;
    return i + 1;
}

/* ---- what goes out ---- */

static void sent_again(struct monitor *monitor, tfsm_time now, uint32_t left, uint32_t right,
                       bool probe)
{
    make_room(monitor);
    unsigned first = cut(monitor, left);
    unsigned end = cut(monitor, right);
    for (unsigned i = first; i < end; i++) {
        struct flight_range *range = &monitor->flight[i];
        range->again = true;
        range->told = false;
        range->from = probe ? range->from : now; /* of a closed window: a pause */
        range->to = now;
    }
}

static void sent_first(struct monitor *monitor, tfsm_time now, uint32_t octets, uint32_t right)
{
    struct flight_account *account = &monitor->in_flight;
    struct flight_range *last = account->count > 0 ? &monitor->flight[account->count - 1] : NULL;
    if (last != NULL && last->to == now && !last->held && !last->again && !last->told) {
        last->right = right;
        last->least = octets < last->least ? octets : last->least;
        return;
    }
    make_room(monitor);
    monitor->flight[account->count++] =
        (struct flight_range){.right = right, .least = octets, .from = now, .to = now};
}

void flight_output(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg)
{
    struct flight_account *account = &monitor->in_flight;
    uint32_t left = seq_add(seg->seq, seg->flags & TFSM_SYN ? 1 : 0);
    uint32_t right = seq_add(seg->seq, seg->len);
    if (left == right || seg->len == 0) {
        return;
    }
    if (account->count == 0) {
        account->una = left;
    }
    if (seq_lt(seg->seq, before->snd_nxt) && (seg->flags & TFSM_SYN) == 0) {
        lost_output(monitor, cfg, before, seg);
    }
    uint32_t end = end_of(monitor);
    if (seq_lt(left, end)) {
        sent_again(monitor, now, seq_max(left, account->una), seq_min(right, end),
                   before->at_persist != 0);
    }
    if (seq_lt(end, right)) {
        account->unsure = account->unsure || seq_lt(end, left);
        sent_first(monitor, now, seq_distance(seq_max(left, end), right), right);
    }
}

/* ---- what has arrived ---- */

/* Everything that the peer was known to hold may be forgotten; or what is in one piece with the first range. */
static void forget_held(struct monitor *monitor, unsigned first, bool all)
{
    for (unsigned i = first; i < monitor->in_flight.count && (all || monitor->flight[i].held);
         i++) {
        monitor->flight[i].told = monitor->flight[i].told || monitor->flight[i].held;
        monitor->flight[i].held = false;
    }
}

static void note_block(struct monitor *monitor, const struct tfsm_segment *seg, uint32_t una,
                       struct tfsm_range block)
{
    if (!seq_lt(una, block.left) || !seq_lt(seg->ack, block.left) ||
        !seq_lt(block.left, block.right) || !seq_le(block.right, end_of(monitor))) {
        return;
    }
    make_room(monitor);
    unsigned first = cut(monitor, block.left);
    unsigned end = cut(monitor, block.right);
    for (unsigned i = first; i < end; i++) {
        monitor->flight[i].news = monitor->flight[i].news || !monitor->flight[i].held;
        monitor->flight[i].held = true;
    }
}

/* What arrived may be what was sent first (RFC8985:6.2c); then it tells nothing of the second. */
static bool is_of_first(const struct monitor *monitor, const struct tfsm_event *ev,
                        const struct tfsm_tcb *tcb, const struct flight_range *range)
{
    const struct tfsm_segment *seg = &ev->segment;
    tfsm_time from = range->from > ROUNDED ? range->from - ROUNDED : 0;
    uint32_t ticks = seq_add((uint32_t)(from / 1000 & UINT32_MAX), tcb->ts_offset);
    bool stamped = monitor->timestamps && (seg->options & TFSM_OPT_TIMESTAMPS) != 0;
    /* of text out of order the echo tells nothing (RFC7323:4.3) */
    if (stamped && seq_le(range->right, seg->ack) && seq_lt(seg->ts_ecr, ticks)) {
        return true;
    }
    /* what was timed may have been measured by nobody: the timer went off meanwhile */
    return monitor->in_flight.measured && (tcb->flags & TFSM_M_MEASURED) != 0 &&
           ev->now - from + ROUNDED < monitor->in_flight.min_rtt;
}

/* RACK steps 2 and 3, for all that this ACK is the first to tell of. */
static void take_news(struct monitor *monitor, const struct tfsm_event *ev,
                      const struct tfsm_tcb *after)
{
    struct flight_account *account = &monitor->in_flight;
    bool had = account->arrived;
    bool sure = false;
    bool unsure = false;
    tfsm_time latest = 0;
    tfsm_time least = account->rack_rtt;
    for (unsigned i = 0; i < account->count; i++) {
        struct flight_range *range = &monitor->flight[i];
        if (!range->news) {
            continue;
        }
        range->news = false;
        account->news += seq_distance(flight_left(monitor, i), range->right);
        tfsm_time rtt = ev->now > range->to ? ev->now - range->to : 0;
        bool counts = !range->told && !(range->again && is_of_first(monitor, ev, after, range));
        if (counts && range->again) { /* or of the first, all the same */
            least = unsure && least < rtt ? least : rtt;
            unsure = true;
        } else if (counts && (!sure || range->to >= latest)) {
            latest = range->to;
            sure = true;
        }
        if (counts && (!account->arrived || range->to >= account->rack_at + ROUNDED)) {
            account->arrived = true;
            account->rack_at = range->to;
            account->rack_end = range->right;
        } else if (counts &&
                   range->to + ROUNDED > account->rack_at) { /* of the same moment numbers tell */
            account->rack_at = range->to > account->rack_at ? range->to : account->rack_at;
            account->rack_end = seq_max(account->rack_end, range->right);
        }
        if (!range->told && (!account->measured || rtt < account->min_rtt)) {
            account->measured = true;
            account->min_rtt = rtt;
        }
        if (seq_lt(account->fack, range->right)) {
            account->fack = range->right;
        } else if (!range->again && !range->told && seq_lt(range->right, account->fack)) {
            account->reordered = true;
        }
    }
    if (sure) {
        account->rack_rtt = ev->now > latest ? ev->now - latest : 0;
    }
    if (unsure && (least < account->rack_rtt || !(sure || had))) {
        account->rack_rtt = least;
    }
}

/* Timestamps may measure less than anything took, and the SYN is none of what is in the list. */
static void note_echo(struct monitor *monitor, const struct tfsm_event *ev,
                      const struct tfsm_tcb *after)
{
    struct flight_account *account = &monitor->in_flight;
    uint32_t clock = seq_add((uint32_t)(ev->now / 1000 & UINT32_MAX), after->ts_offset);
    uint32_t ticks = seq_distance(ev->segment.ts_ecr, clock);
    if (!account->measured && (after->flags & TFSM_M_MEASURED) != 0) {
        account->measured = true;
        account->min_rtt = after->srtt;
    }
    if (monitor->timestamps && (ev->segment.options & TFSM_OPT_TIMESTAMPS) != 0 &&
        ticks < TFSM_SEQ_HALF &&
        (!account->measured || (tfsm_time)ticks * GRANULARITY < account->min_rtt)) {
        account->measured = true;
        account->min_rtt = (tfsm_time)ticks * GRANULARITY;
    }
}

static void take_segment(struct monitor *monitor, const struct tfsm_event *ev,
                         const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    struct flight_account *account = &monitor->in_flight;
    const struct tfsm_segment *seg = &ev->segment;
    bool moved = before->snd_una != after->snd_una;
    make_room(monitor);
    unsigned gone = 0;
    if (account->count > 0 && seq_lt(account->una, after->snd_una)) {
        gone = cut(monitor, after->snd_una);
        for (unsigned i = 0; i < gone; i++) {
            monitor->flight[i].news = !monitor->flight[i].held;
        }
    }
    /* SEG.ACK says that the peer has not what follows; its blocks may say otherwise of a part */
    forget_held(monitor, gone, false);
    account->told = moved ? 0 : account->told;
    uint32_t held = account->news;
    for (unsigned i = 0; monitor->sack && (seg->options & TFSM_OPT_SACK) != 0 && i < seg->sacks &&
                         i < TFSM_SACK_MAX;
         i++) {
        note_block(monitor, seg, after->snd_una, seg->sack[i]);
    }
    take_news(monitor, ev, after);
    account->told += !moved && account->news > held;
    gone = 0; /* making room may have joined some */
    while (gone < account->count && seq_le(monitor->flight[gone].right, after->snd_una)) {
        gone++;
    }
    /* with nothing in flight all that is compared with is forgotten */
    account->unsure = account->unsure && after->snd_una != after->snd_nxt;
    account->arrived = account->arrived && after->snd_una != after->snd_nxt;
    memmove(monitor->flight, monitor->flight + gone,
            (account->count - gone) * sizeof monitor->flight[0]);
    account->count -= gone;
    account->una = seq_max(account->una, after->snd_una);
}

bool monitor_twice(const struct monitor *monitor, const struct tfsm_segment *seg,
                   struct tfsm_range *twice)
{
    if (!monitor->sack || (seg->options & TFSM_OPT_SACK) == 0 || seg->sacks == 0) {
        return false;
    }
    *twice = seg->sack[0];
    bool within = seg->sacks > 1 && seq_le(seg->sack[1].left, twice->left) &&
                  seq_le(twice->right, seg->sack[1].right);
    return seq_lt(twice->left, twice->right) && (seq_le(twice->right, seg->ack) || within);
}

/* RACK step 4. */
static void widen(struct monitor *monitor, const struct tfsm_event *ev,
                  const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    struct flight_account *account = &monitor->in_flight;
    struct tfsm_range twice;
    /* one may begin with what ended the last */
    if (losing(before) && (!losing(after) || !seq_lt(after->snd_una, before->snd_recover))) {
        account->calm -= account->calm > 0;
        account->wide = account->calm > 0 ? account->wide : 0;
    }
    account->round = account->round && seq_lt(after->snd_una, account->round_end);
    if (!account->round && monitor_twice(monitor, &ev->segment, &twice)) {
        account->round = true;
        account->round_end = after->snd_nxt;
        account->wide += account->wide < NARROW;
        account->calm = PERSIST;
    }
}

/* The machine keeps times in 32 bits: of a flight that lasts too long for that it cannot tell what went first. */
static bool is_beyond_order(const struct monitor *monitor, tfsm_time now)
{
    const struct flight_account *account = &monitor->in_flight;
    bool beyond = account->arrived && now - account->rack_at >= HALF_CLOCK;
    for (unsigned i = 0; i < account->count && !beyond; i++) {
        beyond = now - monitor->flight[i].from >= HALF_CLOCK;
    }
    return beyond;
}

void flight_adopt(struct monitor *monitor)
{
    monitor->in_flight.unsure = true;
}

void flight_step(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_event *ev, bool taken,
                 const struct tfsm_tcb *after)
{
    struct flight_account *account = &monitor->in_flight;
    account->news = 0;
    if (IN(after, NO_CONNECTION)) {
        account->count = 0;
        return;
    }
    if ((before->flags & TFSM_M_SYN_ACKED) == 0) {
        account->fack = after->snd_una;
    }
    account->unsure = account->unsure || is_beyond_order(monitor, ev->now);
    if (ev->kind == TFSM_EV_SEGMENT && before->snd_una != after->snd_una) {
        note_echo(monitor, ev, after);
    }
    if (taken && (ev->segment.flags & TFSM_ACK) != 0) {
        take_segment(monitor, ev, before, after);
        widen(monitor, ev, before, after);
    }
    bool timer = timer_goes_off(before, ev, after);
    bool opens =
        before->at_persist != 0 && after->at_persist == 0; /* what a closed window held up */
    bool counts = (ev->kind == TFSM_EV_SEGMENT || ev->kind == TFSM_EV_TIMEOUT) && !opens &&
                  before->snd_mss == after->snd_mss && (before->flags & TFSM_M_SYN_ACKED) != 0;
    if (counts && monitor->sack && !account->unsure && after->snd_lost > 0 &&
        after->at_persist == 0) {
        lost_step(monitor, cfg, before, ev, after);
    }
    if (timer) { /* the peer may have forgotten it (RFC 2018 8) */
        forget_held(monitor, 0, true);
    }
}
