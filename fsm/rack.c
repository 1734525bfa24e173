/* What time tells of losses (RFC 8985): what was sent well before something that has arrived is lost, however few
 * segments arrived behind it; and where nothing more arrives, a probe asks. Times are microseconds modulo 2^32, as the
 * runs of flight.h have them: a little late, so that nothing is marked before its time. */
#include "flight.h"

/* Recoveries that a reordering window which has grown lasts (RFC8985:6.2). */
#define RACK_PERSIST 16u

static uint32_t low(tfsm_time now)
{
    return (uint32_t)(now & UINT32_MAX);
}

/* Microseconds from one time to another, 0 if it is the later. */
static uint32_t since(uint32_t from, uint32_t to)
{
    return seq_lt(to, from) ? 0 : seq_distance(from, to);
}

/* RACK_sent_after(), of a run and RACK.segment: what both went for the first time did so in the order of their numbers;
 * else times tell, of which that of the run is a little late, and so RACK.segment's is taken for a little early. [RFC8985:6.2r] */
static bool is_earlier(const struct tfsm_tcb *tcb, struct tfsm_sent run)
{
    uint32_t at = run.at & ~(uint32_t)TFSM_FATES;
    bool again = (remembered(tcb) & TFSM_L_DELIVERED_AGAIN) != 0;
    if ((remembered(tcb) & TFSM_L_DELIVERED) == 0 || at == 0) {
        return false;
    }
    if (!again && !has(run.at, TFSM_AGAIN)) {
        return seq_lt(run.right, tcb->rack_end);
    }
    /* of several that are one run: it may have gone before this */
    if (!has(tcb->rack_at, TFSM_EXACT)) {
        return false;
    }
    uint32_t rack_at = seq_sub(tcb->rack_at, again ? 0 : flight_grain(tcb));
    return seq_lt(at, rack_at) || (at == rack_at && seq_lt(run.right, tcb->rack_end));
}

/* The same the other way round: it went after RACK.segment. */
static bool is_later(const struct tfsm_tcb *tcb, struct tfsm_sent run)
{
    uint32_t at = run.at & ~(uint32_t)TFSM_FATES;
    if ((remembered(tcb) & (TFSM_L_DELIVERED | TFSM_L_DELIVERED_AGAIN)) == TFSM_L_DELIVERED &&
        !has(run.at, TFSM_AGAIN)) {
        return seq_lt(tcb->rack_end, run.right);
    }
    return (remembered(tcb) & TFSM_L_DELIVERED) == 0 || seq_lt(tcb->rack_at, at) ||
           (tcb->rack_at == at && seq_lt(tcb->rack_end, run.right));
}

/* What arrived may be what was sent first, long before it was sent again. A peer that waits for something before it goes on
 * echoing that which came last in order (RFC7323:4.3). [RFC8985:6.2d, 6.2e] */
static bool is_ambiguous(const struct tfsm_tcb *tcb, const struct tfsm_event *ev,
                         struct tfsm_sent run)
{
    uint32_t at = run.at & ~(uint32_t)TFSM_FATES;
    uint32_t rtt = since(at, low(ev->now));
    if (stamps_agreed(tcb) && seq_le(run.right, ev->segment.ack) &&
        bears(&ev->segment, TFSM_OPT_TIMESTAMPS)) {
        tfsm_time age = (tfsm_time)rtt + TFSM_STEP < ev->now ? rtt + TFSM_STEP : ev->now;
        if (seq_lt(ev->segment.ts_ecr, timestamp(tcb, ev->now - age))) {
            return true;
        }
    }
    return rtt + TFSM_STEP < tcb->min_rtt;
}

/* It is RACK.segment. */
static void deliver_last(struct tfsm_tcb *tcb, struct tfsm_sent run)
{
    tcb->rack_at = run.at & ~(uint32_t)TFSM_FATES;
    tcb->rack_end = run.right;
    tcb->loss &= ~(uint32_t)TFSM_L_DELIVERED_AGAIN;
    tcb->loss |= TFSM_L_DELIVERED | (has(run.at, TFSM_AGAIN) ? TFSM_L_DELIVERED_AGAIN : 0u);
}

/* [RFC8985:6.2f, 6.2g, 6.2h, 6.2i] */
void tfsm_rack_deliver(struct tfsm_tcb *tcb, const struct tfsm_event *ev, struct tfsm_sent run)
{
    uint32_t at = run.at & ~(uint32_t)TFSM_FATES;
    bool again = has(run.at, TFSM_AGAIN);
    if (!has(run.at, TFSM_EXACT)) { /* what had to become one run has the time of the last of it */
        /* it took at least so long, and what others took is the best guess */
        tcb->rack_rtt = max32(tcb->rack_rtt, at != 0 ? since(at, low(ev->now)) : 0);
        if (at != 0 && is_later(tcb, run)) {
            deliver_last(tcb, run);
        }
    } else if (!(again && is_ambiguous(tcb, ev, run))) {
        bool last = is_later(tcb, run);
        bool known = has(tcb->rack_at, TFSM_EXACT);
        if (last || (known && (tcb->rack_latest == 0 || !seq_lt(at, tcb->rack_latest)))) {
            tcb->rack_rtt = max32(since(at, low(ev->now)), 1);
            tcb->rack_latest = at;
        }
        if (last) {
            deliver_last(tcb, run);
        }
    }
    if (seq_lt(tcb->rack_fack, run.right)) {
        tcb->rack_fack = run.right;
    } else if (!again && has(run.at, TFSM_EXACT) && seq_lt(run.right, tcb->rack_fack)) {
        tcb->loss |= TFSM_L_REORDERED;
    }
}

bool tfsm_tells_twice(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                      struct tfsm_range *twice)
{
    if (!sack_agreed(tcb) || !bears(seg, TFSM_OPT_SACK) || seg->sacks == 0) {
        return false;
    }
    *twice = seg->sack[0];
    if (!seq_lt(twice->left, twice->right)) {
        return false;
    }
    return seq_le(twice->right, seg->ack) ||
           (seg->sacks > 1 && seq_le(seg->sack[1].left, twice->left) &&
            seq_le(twice->right, seg->sack[1].right));
}

/* RACK_update_reo_wnd(). [RFC8985:6.2j, 6.2k, 6.2l, 6.2m, 3.3.2a, 3.3.2b, 3.3.2d, 3.3.2e] */
static uint32_t reordering_window(const struct tfsm_tcb *tcb)
{
    /* Three segments are reported: by octets, ranges, or ACKs that bring news; segments have no bounds here. */
    bool many = tcb->dup_acks >= DUP_THRESH || tfsm_front_is_lost(tcb);
    if ((remembered(tcb) & TFSM_L_REORDERED) == 0 && (losing(tcb) || many)) {
        return 0;
    }
    uint64_t window = (uint64_t)tcb->min_rtt / 4 * (tcb->reo_mult + 1u);
    /* of echoes SRTT may be less than any round trip was */
    uint32_t most = max32(tcb->srtt, tcb->min_rtt);
    return (window < most ? (uint32_t)window : most) + flight_grain(tcb);
}

/* A duplicate says that the window is too small: it grows, once a round trip. [RFC8985:3.3.2c, 6.2n, 6.2o] */
static void widen(struct tfsm_tcb *tcb, const struct tfsm_event *ev)
{
    struct tfsm_range twice = {0, 0};
    if ((remembered(tcb) & TFSM_L_ROUND) != 0 && !seq_lt(tcb->snd_una, tcb->rack_round)) {
        tcb->loss &= ~(uint32_t)TFSM_L_ROUND;
    }
    if ((remembered(tcb) & TFSM_L_ROUND) == 0 && ev->kind == TFSM_EV_SEGMENT &&
        tfsm_tells_twice(tcb, &ev->segment, &twice)) {
        tcb->loss |= TFSM_L_ROUND;
        tcb->rack_round = tcb->snd_nxt;
        tcb->reo_mult = tcb->reo_mult < UINT8_MAX ? (uint8_t)(tcb->reo_mult + 1) : UINT8_MAX;
        tcb->reo_persist = RACK_PERSIST;
    }
}

/* How long until a run that was sent before RACK.segment is lost; 0 if it is. [RFC8985:6.2q] */
static uint32_t remaining(const struct tfsm_tcb *tcb, uint32_t at, uint32_t window, uint32_t now)
{
    uint64_t patience = (uint64_t)tcb->rack_rtt + window;
    uint32_t waited = since(at, now);
    uint64_t left = patience > waited ? patience - waited : 0;
    left += since(now, at); /* rounded up, it may be ahead of the clock */
    return left < TFSM_SEQ_HALF ? (uint32_t)left : TFSM_SEQ_HALF;
}

/* [RFC8985:1, RFC8985:6.2q, 6.2u, 6.2v, 9.3c] */
void tfsm_rack_detect(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                      const struct tfsm_event *ev)
{
    bool in_proportion =
        ev->kind != TFSM_EV_SEGMENT && has(tcb->flags, TFSM_M_RECOVERY) && profile(cfg, TFSM_PRR);
    uint32_t pipe = in_proportion ? tfsm_pipe(tcb) : 0;
    uint32_t wait = 0;
    widen(tcb, ev);
    uint32_t window = reordering_window(tcb);
    for (unsigned i = 0; i < run_count(tcb); i++) {
        struct tfsm_sent run = sent(tcb)[i];
        uint32_t at = run.at & ~(uint32_t)TFSM_FATES;
        if ((run.at & (TFSM_HELD | TFSM_LOST)) != 0 || !is_earlier(tcb, run)) {
            continue;
        }
        uint32_t left = remaining(tcb, at, window, low(ev->now));
        wait = max32(wait, left);
        if (left == 0) {
            tfsm_run_lost(tcb, i);
            /* [RFC5681:4.3d] */
            bool twice = has(run.at, TFSM_AGAIN) && has(tcb->flags, TFSM_M_RECOVERY) &&
                         !seq_lt(at, tcb->cut_at);
            tcb->loss |= twice ? TFSM_L_LOST_AGAIN : 0u;
        }
    }
    tfsm_flight_tidy(tcb);
    if (in_proportion) { /* time alone lets out no more than the last ACK did [RFC6937:3] */
        uint32_t gone = pipe - min32(tfsm_pipe(tcb), pipe);
        tcb->cwnd = max32(tcb->cwnd - min32(gone, tcb->cwnd), smss(tcb));
    }
    if (wait > 0) {
        tcb->at_early = later(ev->now, wait);
        tcb->loss |= TFSM_L_REORDERING;
    } else if ((remembered(tcb) & TFSM_L_REORDERING) != 0) {
        tcb->at_early = 0;
        tcb->loss = (tcb->loss & ~(uint32_t)TFSM_L_REORDERING) | TFSM_L_RESTART;
    }
}

bool tfsm_rack_front(const struct tfsm_tcb *tcb)
{
    return run_count(tcb) > 0 && (sent(tcb)[0].at & (TFSM_HELD | TFSM_LOST)) == 0 &&
           is_earlier(tcb, sent(tcb)[0]);
}

/* Bits that a time leaves out, or that happen to be set in it, of so many. */
static unsigned bits_left_out(uint32_t at, unsigned most)
{
    unsigned bits = 0;
    while (bits < most && ((at | TFSM_STEP) >> bits & 1) != 0) {
        bits++;
    }
    return bits;
}

/* [RFC8985:6.2p] */
void tfsm_rack_calms(struct tfsm_tcb *tcb)
{
    unsigned most = grain_bits(tcb);
    unsigned bits = bits_left_out(tcb->rack_at, most);
    for (unsigned i = 0; i < run_count(tcb) && bits < most; i++) {
        bits = max32(bits, bits_left_out(sent(tcb)[i].at, most));
    }
    tfsm_set_grain(tcb, bits);
    tcb->reo_persist = (uint8_t)(tcb->reo_persist > 0 ? tcb->reo_persist - 1 : 0);
    tcb->reo_mult = tcb->reo_persist > 0 ? tcb->reo_mult : 0;
}

/* What the timer takes for lost: the front, what is old enough, and what is not known to be young; what the peer held it
 * may have forgotten. [RFC8985:6.3a, 6.3b; RFC5682:3.1e] */
void tfsm_rack_timed_out(struct tfsm_tcb *tcb, tfsm_time now)
{
    /* RACK.rtt may be short by that */
    uint32_t window = max32(reordering_window(tcb), flight_grain(tcb));
    tfsm_flight_mark(tcb, run_left(tcb, run_count(tcb)), tcb->snd_nxt, TFSM_ALL_LOST, 0);
    tfsm_flight_fit(tcb);
    for (unsigned i = 0; i < run_count(tcb); i++) {
        uint32_t at = sent(tcb)[i].at & ~(uint32_t)TFSM_FATES;
        if (i == 0 || at == 0 || remaining(tcb, at, window, low(now)) == 0) {
            tfsm_run_lost(tcb, i);
        }
    }
    tfsm_flight_tidy(tcb);
}
