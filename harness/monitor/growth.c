/* How the congestion window begins and grows: the initial window (RFC 5681, 6928), slow start and HyStart++ (RFC 9406),
 * congestion avoidance by Reno and by CUBIC (RFC 9438), and a window of which little is used (RFC 7661). CUBIC's curve is
 * drawn anew, in seconds and segments as the text has it; what the text leaves open is taken as what grows faster. */
#include "internal.h"
#include "seq.h"

#include <string.h>

#define BURST 8u /* segments an ACK adds at most: L (RFC9406:4.2) */
#define CSS   4u /* and in conservative slow start a part of that */
/* Microseconds that a window is kept which is not used (RFC7661:4.4.3). */
#define KEPT    UINT64_C(300000000)
#define PERIOD  UINT64_C(1000000)
#define CUBIC_C 0.4
#define TICK    0.002 /* seconds by which rounding may be off */

static uint32_t less(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- where it begins ---- */

/* IW: RFC 5681 3.1, RFC 6928 2, or as many segments as were asked for. */
static uint32_t initial(const struct tfsm_config *cfg, uint32_t size)
{
    if (cfg->initial_window == 10) {
        return less(10 * size, 2 * size > 14600 ? 2 * size : 14600);
    }
    uint32_t segments = cfg->initial_window > 0 ? cfg->initial_window
                        : size > 2190           ? 2
                        : size > 1095           ? 3
                                                : 4;
    return segments * size;
}

static void check_initial(struct monitor *monitor, const struct tfsm_config *cfg,
                          const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    uint32_t size = segment_size(after);
    uint32_t acked =
        seq_distance(before->snd_una, after->snd_una); /* text of a Fast Open among it */
    bool lost = monitor->growth.syns_again > (cfg->initial_window == 10 ? 1u : 0u);
    uint32_t most = (lost ? size : initial(cfg, size)) + (acked > 1 ? less(acked - 1, size) : 0);
    if (after->cwnd > most) {
        fails_by(monitor, "INITIAL_WINDOW",
                 "RFC5681:3.1b, RFC5681:3.1d, RFC6928:2a the initial window is so large, and one "
                 "segment where SYNs "
                 "were lost",
                 most, after->cwnd);
    }
}

/* ---- how much of it is used ---- */

/* Octets acknowledged in one round trip, at most. */
static uint32_t sample(const struct growth_account *it, uint32_t una, tfsm_time rtt)
{
    tfsm_time last = it->marks > 0 ? it->mark[it->marks - 1].at : 0;
    tfsm_time from = last > rtt ? last - rtt : 0;
    for (unsigned i = it->marks; i > 0; i--) {
        if (it->mark[i - 1].at <= from) {
            return seq_distance(it->mark[i - 1].una, una);
        }
    }
    return UINT32_MAX;
}

static void note_ack(struct growth_account *it, tfsm_time now, uint32_t una, uint32_t srtt)
{
    tfsm_time period = 3 * (tfsm_time)srtt > PERIOD ? 3 * (tfsm_time)srtt : PERIOD;
    uint32_t octets = sample(it, una, srtt);
    for (unsigned i = 0; i < 3 && now - it->period >= period; i++) {
        it->peak[2] = it->peak[1];
        it->peak[1] = it->peak[0];
        it->peak[0] = 0;
        it->period += period;
    }
    it->period = now - it->period >= period ? now : it->period;
    it->peak[0] = it->peak[0] > octets ? it->peak[0] : octets;
    if (it->marks > 0 && now - it->mark[it->marks - 1].at < srtt / 8) { /* near enough */
        return;
    }
    if (it->marks == GROWTH_MARKS) {
        memmove(it->mark, it->mark + 1, (GROWTH_MARKS - 1) * sizeof it->mark[0]);
        it->marks--;
    }
    it->mark[it->marks].at = now;
    it->mark[it->marks++].una = una;
}

/* Not half of the window was used lately, with what this ACK tells (RFC7661:4.3). */
static bool is_unused(const struct growth_account *it, const struct tfsm_tcb *before,
                      const struct tfsm_tcb *after)
{
    uint32_t most = sample(it, after->snd_una, before->srtt);
    for (unsigned i = 0; i < 3; i++) {
        most = most > it->peak[i] ? most : it->peak[i];
    }
    return (before->loss & TFSM_L_SAMPLING) != 0 && most < before->cwnd / 2;
}

static void check_use(struct monitor *monitor, const struct tfsm_config *cfg,
                      const struct tfsm_tcb *before, const struct tfsm_tcb *after, bool slow)
{
    bool used = monitor->growth.full;
    if (!used && !slow && (cfg->profile & TFSM_CUBIC) != 0) {
        fails(monitor, "UNUSED_GROWTH", "RFC9438:5.8 a window that is not used up does not grow");
    } else if (!used && (cfg->profile & TFSM_CWV) != 0 &&
               is_unused(&monitor->growth, before, after)) {
        fails(monitor, "UNUSED_GROWTH",
              "RFC7661:4.4 a window of which not half was used does not grow by what it did not "
              "let out");
    }
}

/* ---- how it grows ---- */

static double cube_root(double number)
{
    double root = number > 1 ? number : 1;
    for (unsigned i = 0; i < 200 && number > 0; i++) {
        root -= (root * root * root - number) / (3 * root * root);
    }
    return number > 0 ? root : 0;
}

/* W_cubic, in octets, a round trip from now (RFC9438:4.2). */
static double curve(const struct growth_account *it, const struct tfsm_tcb *tcb, tfsm_time now)
{
    double size = segment_size(tcb);
    double cubed = (it->w_max - (double)it->cwnd_epoch) / size / CUBIC_C;
    double k = cube_root(cubed > 2e-6 ? cubed - 2e-6 : 0) - TICK;
    double t = (double)(now - it->epoch + tcb->srtt) / 1e6 + TICK;
    double d = t - (k > 0 ? k : 0);
    return CUBIC_C * d * d * d * size + it->w_max + size / 100 + 4;
}

static double cubic_most(struct growth_account *it, const struct tfsm_tcb *before,
                         const struct tfsm_tcb *after, tfsm_time now, uint32_t acked)
{
    double window = before->cwnd;
    if (!it->stage) {
        it->stage = true;
        it->epoch = now;
        it->cwnd_epoch = before->cwnd;
        it->w_max = after->w_max > before->cwnd ? after->w_max : before->cwnd;
        it->w_est = window;
    }
    it->w_est += (double)acked * segment_size(before) / window;
    double target = curve(it, after, now);
    target = target < window * 1.5 ? target : window * 1.5;
    double most = target > window ? window + (target - window) * acked / window + 1 : window;
    double est = (it->w_est < window + acked ? it->w_est : window + acked) + 1;
    return most > est ? most : est;
}

static void check_slow_start(struct monitor *monitor, const struct tfsm_config *cfg,
                             const struct tfsm_tcb *before, const struct tfsm_tcb *after,
                             uint32_t acked, uint32_t grown)
{
    uint32_t size = segment_size(before);
    bool css = before->hy_css > 0 && after->hy_css > 0; /* it may be over with this ACK */
    bool first = (cfg->profile & TFSM_HYSTART) != 0 && before->ssthresh == monitor->growth.highest;
    uint32_t most = less(acked, first ? BURST * size : size);
    most = first && css ? most / CSS : most;
    if (grown > most) {
        fails_by(monitor, "WINDOW_GROWTH",
                 "RFC5681:3.1g, RFC9406:4.2 in slow start the window grows by what is "
                 "acknowledged, at most by a "
                 "segment, or eight, and in conservative slow start by a quarter",
                 most, grown);
    }
}

static void check_avoidance(struct monitor *monitor, const struct tfsm_config *cfg,
                            const struct tfsm_tcb *before, const struct tfsm_tcb *after,
                            tfsm_time now, uint32_t acked)
{
    struct growth_account *it = &monitor->growth;
    uint32_t size = segment_size(before);
    if ((cfg->profile & TFSM_CUBIC) != 0) {
        double most = cubic_most(it, before, after, now, acked);
        most = it->astray ? (double)before->cwnd + acked : most;
        if (after->cwnd > before->cwnd && after->cwnd > most) {
            fails_by(
                monitor, "CUBIC_GROWTH",
                "RFC9438:4.2, RFC9438:4.3 the window follows the curve, or what Reno would have",
                (uint64_t)most, after->cwnd);
        }
        return;
    }
    it->credit += acked;
    if (after->cwnd > before->cwnd &&
        (it->credit < before->cwnd || after->cwnd - before->cwnd > size)) {
        fails_by(monitor, "RENO_GROWTH",
                 "RFC5681:3.1h in congestion avoidance the window grows by a segment when it was "
                 "acknowledged once",
                 before->cwnd, it->credit);
    }
    if (after->cwnd > before->cwnd) {
        it->credit -= before->cwnd < it->credit ? before->cwnd : it->credit;
    }
}

static void check_growth(struct monitor *monitor, const struct tfsm_config *cfg,
                         const struct tfsm_tcb *before, const struct tfsm_event *ev,
                         const struct tfsm_tcb *after)
{
    bool cubic = (cfg->profile & TFSM_CUBIC) != 0;
    uint32_t acked = seq_distance(before->snd_una, after->snd_una);
    uint32_t grown = after->cwnd > before->cwnd ? after->cwnd - before->cwnd : 0;
    uint32_t size = segment_size(before);
    bool slow = before->cwnd < before->ssthresh || (cubic && before->cwnd == before->ssthresh);
    bool resized = before->snd_mss != after->snd_mss;
    if ((before->flags & TFSM_M_RECOVERY) != 0 || (losing(after) && !losing(before)) || resized ||
        timer_goes_off(before, ev, after) || monitor->recovery.undone) {
        monitor->growth.credit += (before->flags & TFSM_M_RECOVERY) == 0 ? acked : 0;
        return; /* other rules, of recovery.c */
    }
    if (grown > 0 && ev->kind != TFSM_EV_SEGMENT) {
        fails(monitor, "WINDOW_GROWTH", "RFC5681:3.1 only an acknowledgment makes the window grow");
    }
    /* F-RTO gives up: three segments, of which two are in flight (RFC5682:2.1 step 3a) */
    bool gives_up = (before->loss & ~after->loss & (TFSM_L_FRTO_1 | TFSM_L_FRTO_2)) != 0 &&
                    after->cwnd <= 3 * size;
    if (slow && !gives_up) {
        check_slow_start(monitor, cfg, before, after, acked, grown);
    } else if (!slow && (acked > 0 || grown > 0)) {
        check_avoidance(monitor, cfg, before, gives_up ? before : after, ev->now, acked);
    }
    if (grown > 0 && !losing(before)) {
        check_use(monitor, cfg, before, after, slow);
    }
}

/* The window was lowered, or the first slow start is over: what its curve comes back to. */
static void note_cut(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_tcb *before, const struct tfsm_event *ev,
                     const struct tfsm_tcb *after)
{
    struct growth_account *it = &monitor->growth;
    uint32_t acked = seq_distance(before->snd_una, after->snd_una);
    bool timer = timer_goes_off(before, ev, after);
    bool begins = losing(after) && !losing(before);
    bool lowered = after->ssthresh != before->ssthresh || begins;
    bool resized = before->snd_mss != after->snd_mss;
    if (!timer && !lowered && !monitor->recovery.undone && !resized) {
        return;
    }
    it->stage = false;
    it->astray = monitor->recovery.undone || resized;
    /* else it goes again for another reason, or is given more, or segments have become larger */
    if (timer || after->ssthresh < before->ssthresh ||
        (begins && !resized && after->ssthresh != before->ssthresh)) {
        it->credit = 0;
    }
    /* where a recovery ends and the next begins at once it is what the first leaves */
    uint32_t window =
        losing(before) && before->ssthresh > before->cwnd ? before->ssthresh : before->cwnd;
    if ((cfg->profile & TFSM_CUBIC) != 0 && !it->astray && before->cwnd > 0 &&
        after->w_max > before->w_max && after->w_max > window + acked) {
        fails_by(monitor, "CUBIC_PEAK",
                 "RFC9438:4.6, RFC9438:4.7 W_max is the window before it was lowered, or less",
                 window + acked, after->w_max);
    }
}

void growth_step(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_event *ev,
                 const struct tfsm_tcb *after)
{
    struct growth_account *it = &monitor->growth;
    if ((after->flags & TFSM_M_SYN_ACKED) == 0 || !IN(after, SYNCHRONIZED)) {
        return;
    }
    if ((before->flags & TFSM_M_SYN_ACKED) == 0) {
        check_initial(monitor, cfg, before, after);
        it->highest = after->ssthresh;
    } else {
        if (ev->kind != TFSM_EV_ICMP) {
            check_growth(monitor, cfg, before, ev, after);
        }
        note_cut(monitor, cfg, before, ev, after);
    }
    /* what acknowledges nothing uses no window: until then one that was lowered for the pause is known by what it was */
    if (ev->kind == TFSM_EV_SEGMENT &&
        (before->snd_una != after->snd_una || after->cwnd > it->window)) {
        it->window = after->cwnd;
    }
    if (before->snd_una != after->snd_una) {
        uint32_t srtt = before->srtt > after->srtt ? before->srtt : after->srtt;
        note_ack(it, ev->now, after->snd_una, srtt);
        it->acked_at = ev->now;
    }
}

/* ---- after a pause ---- */

static void check_idle(struct monitor *monitor, const struct tfsm_config *cfg,
                       const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_tcb *after)
{
    struct growth_account *it = &monitor->growth;
    tfsm_time pause = now > it->text_at ? now - it->text_at : 0;
    uint32_t least = initial(cfg, segment_size(before));
    tfsm_time period = 3 * (tfsm_time)before->srtt > PERIOD ? 3 * (tfsm_time)before->srtt : PERIOD;
    if ((cfg->profile & TFSM_CWV) == 0 && pause > before->rto && after->cwnd > least) {
        fails_by(monitor, "IDLE_WINDOW",
                 "RFC5681:4.1 when no text was sent for a retransmission timeout the window is the "
                 "restart window",
                 least, after->cwnd);
    }
    uint32_t window = it->window > before->cwnd ? it->window : before->cwnd;
    uint32_t half = window / 2 > least ? window / 2 : least;
    tfsm_time unheard =
        now > it->acked_at ? now - it->acked_at : 0; /* what was acknowledged since is used */
    pause = unheard < pause ? unheard : pause;
    if ((cfg->profile & TFSM_CWV) != 0 && pause > KEPT + 3 * period && after->cwnd > half &&
        before->snd_una == before->snd_nxt && (before->loss & TFSM_L_SAMPLING) != 0) {
        fails_by(monitor, "IDLE_WINDOW",
                 "RFC7661:4.4.3 a window that was not used for five minutes is halved", half,
                 after->cwnd);
    }
}

void growth_output(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                   const struct tfsm_tcb *after)
{
    struct growth_account *it = &monitor->growth;
    if ((seg->flags & TFSM_SYN) != 0) { /* a SYN and a SYN-ACK are not the same sent twice */
        bool *sent = seg->flags & TFSM_ACK ? &it->syn_ack : &it->syn;
        it->syns_again += *sent;
        *sent = true;
    }
    uint32_t end = seq_add(seg->seq, seg->len);
    if (seq_lt(before->snd_nxt, end)) {
        it->full =
            (uint64_t)seq_distance(before->snd_una, end) + segment_size(before) > before->cwnd;
    }
    if (text_of(seg) == 0 || (before->flags & TFSM_M_SYN_ACKED) == 0) {
        return;
    }
    if (it->text_sent && seg->seq == before->snd_nxt && before->at_persist == 0 &&
        !losing(before) && (cfg->profile & TFSM_CONGESTION) != 0 && now < TFSM_NEVER / 2) {
        check_idle(monitor, cfg, before, now, after);
    }
    it->text_sent = true;
    it->text_at = now;
    it->window = after->cwnd;
}
