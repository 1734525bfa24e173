/* See mishap.h. Of the sender nothing is asked but what its TCB shows after every step. */
#include "mishap.h"
#include "seq.h"

#define RETRIES   100     /* the network may be as bad as it likes */
#define PTO_ALONE 200000u /* microseconds that one segment may wait for company (RFC8985:7.2) */
#define LOSING    ((uint32_t)TFSM_M_RECOVERY | TFSM_M_LOSS)

/* What the sender's TCB showed last, as far as a cut and its end can be told from it. */
struct looks {
    uint32_t flags;
    uint32_t loss;
    uint32_t cwnd;
    uint32_t ssthresh;
    uint16_t backoff;
};

struct mishap {
    const struct mishap_config *config;
    struct mishap_result result;
    struct looks last;
    uint64_t highest; /* octets of the stream that have gone out */
    uint64_t dropped; /* after what was lost last since the last cut; 0 nothing was */
    unsigned waits;   /* wrong cuts since `origin` that are not given back */
    struct mishap_window origin;
    uint32_t una; /* when something went or came last */
    uint32_t nxt;
    uint32_t iss;
    bool iss_known;
    unsigned gone[2]; /* times that the chosen segment went, and the early one */
    bool ack_gone;
    tfsm_time before_until;
    tfsm_time after_from;
    bool after_seen;
};

/* ---- the wire ---- */

/* The text of a segment of the sender's, from the start of his stream; false where there is none. */
static bool text_of(struct mishap *mishap, const uint8_t *octets, size_t n, uint64_t *left,
                    uint64_t *right)
{
    struct tfsm_packet packet;
    if (tfsm_parse(octets, n, &packet) != TFSM_WIRE_OK) {
        return false;
    }
    const struct tfsm_segment *seg = &packet.segment;
    if ((seg->flags & TFSM_SYN) != 0) {
        mishap->iss = seg->seq;
        mishap->iss_known = true;
        return false;
    }
    uint32_t length = seg->len - ((seg->flags & TFSM_FIN) != 0);
    *left = seq_distance(seq_add(mishap->iss, 1), seg->seq); /* no stream here is as long as 2^32 */
    *right = *left + length;
    return mishap->iss_known && length > 0;
}

/* Called once for each packet that leaves, before it is asked whether it is lost. */
static void see_leave(void *user, unsigned end, unsigned from, const uint8_t *octets, size_t n,
                      tfsm_time now)
{
    struct mishap *mishap = user;
    uint64_t left = 0;
    uint64_t right = 0;
    (void)now;
    if (end != 0 || from != 0 || !text_of(mishap, octets, n, &left, &right)) {
        return;
    }
    mishap->result.again += left < mishap->highest;
    mishap->highest = right > mishap->highest ? right : mishap->highest;
}

static void see_drop(void *user, unsigned end, unsigned from, const uint8_t *octets, size_t n,
                     tfsm_time now)
{
    struct mishap *mishap = user;
    uint64_t left = 0;
    uint64_t right = 0;
    (void)end;
    (void)now;
    if (from == 0 && text_of(mishap, octets, n, &left, &right) && right > mishap->dropped) {
        mishap->dropped = right;
    }
}

/* Whether it is the segment that holds the octet before `at`, and has gone fewer times than that. */
static bool is_chosen(unsigned *gone, unsigned times, uint64_t at, uint64_t left, uint64_t right)
{
    return at > 0 && left < at && at <= right && (*gone)++ < times;
}

static bool lose(void *user, unsigned from, const uint8_t *octets, size_t n, tfsm_time now)
{
    struct mishap *mishap = user;
    const struct mishap_config *config = mishap->config;
    bool lost = false;
    (void)now;
    if (from == 0) {
        uint64_t left = 0;
        uint64_t right = 0;
        unsigned times = config->kind == MISHAP_SEGMENT ? 1 : config->kind == MISHAP_TWICE ? 2 : 0;
        lost = text_of(mishap, octets, n, &left, &right) &&
               (is_chosen(&mishap->gone[0], times, config->at, left, right) ||
                is_chosen(&mishap->gone[1], 1, config->early, left, right));
    } else if (config->kind == MISHAP_LAST_ACK && !mishap->ack_gone && mishap->iss_known) {
        struct tfsm_packet packet;
        lost = tfsm_parse(octets, n, &packet) == TFSM_WIRE_OK &&
               seq_distance(seq_add(mishap->iss, 1), packet.segment.ack) == config->octets;
        mishap->ack_gone = lost;
    }
    mishap->result.happened += lost;
    if (lost) {
        see_drop(mishap, 0, from, octets, n, now);
    }
    return lost;
}

/* ---- the sender ---- */

static struct looks looks_of(const struct tfsm_tcb *tcb)
{
    return (struct looks){tcb->flags, tcb->loss, tcb->cwnd, tcb->ssthresh, tcb->backoff};
}

/* A cut is where a recovery begins, or the threshold sinks in one, or the timer goes off. It is given back where the
 * window is no less than before it, or before the first of some that came one upon the other, when the sender forgets what
 * he would give back. */
static void count(struct mishap *mishap, const struct looks *now, uint64_t acknowledged)
{
    struct mishap_result *result = &mishap->result;
    const struct looks *last = &mishap->last;
    bool losing = (now->flags & LOSING) != 0;
    bool began = (now->flags & ~last->flags & LOSING) != 0;
    result->timeouts += now->backoff > last->backoff;
    if (losing && (began || now->ssthresh < last->ssthresh)) {
        bool wrong = mishap->dropped <= acknowledged;
        bool alone = (last->flags & LOSING) == 0 && (last->loss & TFSM_L_UNDO) == 0;
        mishap->waits = alone || !wrong ? 0 : mishap->waits;
        if (mishap->waits == 0) {
            mishap->origin = (struct mishap_window){last->cwnd, last->ssthresh};
        }
        mishap->waits += wrong;
        mishap->dropped = 0;
        result->cuts++;
        result->wrong += wrong;
        result->left += wrong;
    }
    bool forgot = (last->loss & ~now->loss & TFSM_L_UNDO) != 0;
    if (forgot && !losing && now->cwnd >= mishap->origin.cwnd &&
        now->ssthresh >= mishap->origin.ssthresh) {
        result->left -= mishap->waits;
        mishap->waits = 0;
    }
}

static void watch(void *user, unsigned end, tfsm_time now, const struct tfsm_tcb *tcb)
{
    struct mishap *mishap = user;
    struct mishap_result *result = &mishap->result;
    uint32_t octets = mishap->config->octets;
    if (end != 0 || tcb->cwnd == 0) {
        return;
    }
    struct looks looks = looks_of(tcb);
    count(mishap, &looks, tcb->snd_octets);
    mishap->last = looks;
    if (now <= mishap->before_until) {
        result->before = (struct mishap_window){tcb->cwnd, tcb->ssthresh};
    } else if (now >= mishap->after_from && !mishap->after_seen) {
        result->after = (struct mishap_window){tcb->cwnd, tcb->ssthresh};
        mishap->after_seen = true;
    }
    result->opened = result->opened == 0 ? now : result->opened;
    if (tcb->snd_octets < octets && (tcb->snd_una != mishap->una || tcb->snd_nxt != mishap->nxt)) {
        bool alone = seq_distance(tcb->snd_una, tcb->snd_nxt) <= tcb->snd_mss;
        result->wait = 2 * (tfsm_time)tcb->srtt + (alone ? PTO_ALONE : 0);
        mishap->una = tcb->snd_una;
        mishap->nxt = tcb->snd_nxt;
    }
    if (result->acknowledged == 0 && tcb->snd_octets == octets) {
        result->acknowledged = now;
    }
}

struct mishap_result mishap_run(const struct mishap_config *config)
{
    struct mishap mishap = {.config = config, .before_until = TFSM_NEVER, .after_from = TFSM_NEVER};
    struct sim_config sim = {.seed = config->seed,
                             .network = config->network,
                             .ring = 1u << 18,
                             .octets = {config->octets, 0},
                             .stays_open = true,
                             .ranges = {config->ranges, config->ranges},
                             .watcher = watch,
                             .tap = see_leave,
                             .loser = lose,
                             .drop = see_drop,
                             .user = &mishap};
    while (sim.ring < config->window) {
        sim.ring *= 2;
    }
    for (unsigned end = 0; end < 2; end++) {
        sim.end[end] = config->policy;
        sim.end[end].rcv_buff = config->window;
        sim.end[end].snd_buff = config->window;
        sim.end[end].retries = RETRIES;
        sim.end[end].syn_retries = RETRIES;
    }
    if (config->kind == MISHAP_LATE_TEXT || config->kind == MISHAP_LATE_ACKS) {
        sim.network.stall_to = config->kind == MISHAP_LATE_TEXT;
        mishap.before_until = sim.network.stall_from;
        mishap.after_from = sim.network.stall_from + sim.network.stall + 4 * sim.network.delay;
    } else {
        sim.network.stall = 0;
    }
    struct sim_result result = sim_run(&sim);
    mishap.result.last_octet = result.last_octet[1];
    mishap.result.lost = result.lost;
    mishap.result.failed = result.violation.id != NULL ? result.violation.id
                           : result.books != NULL      ? result.books
                           : !result.in_order          ? "octets out of order"
                           : !result.delivered         ? "octets missing"
                                                       : NULL;
    return mishap.result;
}
