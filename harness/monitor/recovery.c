/* Fast recovery: how much it lets out (RFC 6937), what it leaves, and when it, or what a timeout did, is taken back (RFC
 * 3522, 3708, 4015, 5682): only with proof, and to no more than there was. */
#include "internal.h"
#include "seq.h"

/* ---- how much goes out ---- */

static bool in_proportion(const struct monitor *monitor, const struct tfsm_config *cfg,
                          const struct tfsm_tcb *tcb)
{
    return flight_by_time(monitor, cfg, tcb) && (cfg->profile & TFSM_PRR) != 0 &&
           (tcb->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) == TFSM_M_RECOVERY;
}

static uint64_t pipe_of(const struct tfsm_tcb *tcb)
{
    return (uint64_t)seq_distance(tcb->snd_una, tcb->snd_nxt) + tcb->snd_both - tcb->snd_held -
           tcb->snd_lost;
}

/* RFC 6937 3, with SSRB: what an event lets out that has delivered so many octets. */
static uint64_t lets_out(const struct recovery_account *it, const struct tfsm_tcb *tcb,
                         uint32_t news)
{
    uint32_t size = segment_size(tcb);
    uint64_t pipe = pipe_of(tcb);
    uint64_t lets;
    if (pipe > tcb->ssthresh) {
        uint64_t flight = it->flight > 0 ? it->flight : 1;
        uint64_t share = (it->delivered * tcb->ssthresh + flight - 1) / flight;
        lets = share > it->out ? share - it->out : 0;
    } else {
        uint64_t bank = it->delivered > it->out ? it->delivered - it->out : 0;
        uint64_t most = (bank > news ? bank : news) + size;
        lets = tcb->ssthresh - pipe < most ? tcb->ssthresh - pipe : most;
    }
    return pipe + lets < size ? size - pipe : lets; /* one segment at least is in the network */
}

static void keep_proportion(struct monitor *monitor, const struct tfsm_config *cfg,
                            const struct tfsm_tcb *before, const struct tfsm_event *ev,
                            const struct tfsm_tcb *after)
{
    struct recovery_account *it = &monitor->recovery;
    /* of what there was no room for it will hear twice */
    uint32_t counts = seq_distance(seq_add(before->snd_una, before->snd_held),
                                   seq_add(after->snd_una, after->snd_held));
    it->forgets = it->forgets && seq_lt(after->snd_una, it->forgotten);
    if (monitor->held_more || (ev->kind == TFSM_EV_SEGMENT &&
                               (counts >= TFSM_SEQ_HALF || counts < monitor->in_flight.news))) {
        it->forgets = true;
        it->forgotten = after->snd_nxt;
    }
    if (!in_proportion(monitor, cfg, after)) {
        return;
    }
    bool begins = (before->flags & TFSM_M_RECOVERY) == 0 ||
                  before->snd_recover != after->snd_recover ||
                  (after->loss & ~before->loss & TFSM_L_UNDO_WAITS) != 0 ||
                  after->cut_at != before->cut_at; /* or begins anew, as what went again is lost */
    if (begins) {
        it->delivered = 0;
        it->out = 0;
        it->allowed = 0;
        it->flight = seq_distance(after->snd_una, after->snd_nxt);
    }
    if (ev->kind != TFSM_EV_SEGMENT && ev->kind != TFSM_EV_TIMEOUT) {
        return;
    }
    it->delivered += monitor->in_flight.news;
    uint64_t lets = lets_out(it, after, monitor->in_flight.news);
    lets = it->out == 0 && lets < segment_size(after) ? segment_size(after)
                                                      : lets; /* the first goes at once */
    /* and the whole of a larger one that was no congestion */
    if (begins && (after->loss & TFSM_L_MTU_MENDS) != 0) {
        uint32_t larger = seq_distance(after->mtu_seq, after->mtu_end);
        lets = lets < larger ? larger : lets;
    }
    bool acks = ev->kind == TFSM_EV_SEGMENT && (ev->segment.flags & TFSM_ACK) != 0;
    if (begins || (acks && monitor->in_flight.news > 0)) {
        it->allowed = lets;
    } else if (acks && lets > it->allowed) {
        it->allowed = lets;
    } else if (!acks && pipe_of(after) == 0 && it->allowed < segment_size(after)) {
        /* time alone lets nothing out, but where nothing is in the network */
        it->allowed = segment_size(after);
    }
}

/* What is left when it ends: the threshold. */
static void check_end(struct monitor *monitor, const struct tfsm_tcb *before,
                      const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    uint32_t size = segment_size(after);
    bool ends = (before->flags & TFSM_M_RECOVERY) != 0 && !losing(after) &&
                ev->kind == TFSM_EV_SEGMENT && seq_le(before->snd_recover, after->snd_una);
    /* RFC4821:7.6.2 where a try of the path was all that was lost the window is what it was, above the threshold perhaps */
    bool mended = (before->loss & ~after->loss & TFSM_L_MTU_MENDS) != 0;
    uint32_t most =
        mended && before->ssthresh > after->ssthresh ? before->ssthresh : after->ssthresh;
    if (ends && after->cwnd > most && after->cwnd > size) {
        fails_by(monitor, "RECOVERED_WINDOW",
                 "RFC6582:3.2c, RFC6675:5g what a recovery leaves is the threshold", most,
                 after->cwnd);
    }
}

/* ---- what could prove that it was in vain ---- */

/* [RFC3708:3] Something came twice. */
static void note_twice(struct monitor *monitor, const struct tfsm_tcb *before,
                       const struct tfsm_segment *seg, struct tfsm_range twice)
{
    struct recovery_account *it = &monitor->recovery;
    unsigned i = 0;
    it->doubles = it->doubles || !it->ever;
    if (seq_le(twice.right, it->una)) {
        return; /* it went again before the window was lowered */
    }
    while (i < it->count &&
           !(seq_le(it->again[i].left, twice.left) && seq_le(twice.right, it->again[i].right))) {
        i++;
    }
    bool silent = seg->sacks == 1 && monitor->held_count == 0 && twice.left == before->snd_una;
    if (i == it->count ||
        silent) { /* it went once, came twice before, or the ACKs were lost and nothing else */
        it->once = false;
        return;
    }
    struct tfsm_range whole = it->again[i];
    it->again[i] = it->again[--it->count];
    if (seq_lt(whole.left, twice.left) && it->count < UNDO_RANGES) {
        it->again[it->count++] = (struct tfsm_range){whole.left, twice.left};
    }
    if (seq_lt(twice.right, whole.right) && it->count < UNDO_RANGES) {
        it->again[it->count++] = (struct tfsm_range){twice.right, whole.right};
    } else if (seq_lt(twice.right, whole.right)) {
        it->once = false;
    }
}

/* All that was taken for lost is acknowledged, or the peer says that he holds it. */
static bool all_arrived(const struct monitor *monitor, const struct tfsm_tcb *before,
                        const struct tfsm_tcb *after)
{
    const struct tfsm_sent *runs = tfsm_sent_runs(before);
    for (unsigned i = 0; i < before->sent_count; i++) {
        uint32_t left = seq_max(i > 0 ? runs[i - 1].right : before->snd_una, after->snd_una);
        bool arrived = (runs[i].at & TFSM_LOST) == 0 || !seq_lt(left, runs[i].right);
        for (unsigned k = 0; k < monitor->held_count && !arrived; k++) {
            arrived = seq_le(monitor->held[k].left, left) &&
                      seq_le(runs[i].right, monitor->held[k].right);
        }
        if (!arrived) {
            return false;
        }
    }
    return true;
}

/* Something is lost that went again already: which of the two arrives nobody knows. */
static bool loses_again(const struct tfsm_tcb *tcb)
{
    const struct tfsm_sent *runs = tfsm_sent_runs(tcb);
    bool again = false;
    for (unsigned i = 0; i < tcb->sent_count; i++) {
        again = again || (runs[i].at & (TFSM_LOST | TFSM_AGAIN)) == (TFSM_LOST | TFSM_AGAIN);
    }
    return again;
}

/* RFC 3522 3.2 step 5: an ACK of all that is outstanding may be of what went again where ACKs were lost, unless D-SACKs
 * came before, for then it would bear one. */
static bool is_proven(const struct monitor *monitor, const struct tfsm_config *cfg,
                      const struct tfsm_tcb *before, const struct tfsm_segment *seg, bool twice,
                      const struct tfsm_tcb *after)
{
    const struct recovery_account *it = &monitor->recovery;
    bool moved = before->snd_una != after->snd_una;
    bool undo = (cfg->profile & TFSM_UNDO) != 0;
    bool all_twice = undo && it->once && it->noted && it->count == 0 && !it->doubles;
    /* of what did not go again the first has come, though the network double segments */
    bool none_again = undo && !it->noted && !it->lost_again && all_arrived(monitor, before, after);
    bool ece = monitor->ecn && (seg->flags & TFSM_ECE) != 0;
    bool echo = undo && it->stamped && before->snd_una == it->stamped_at && moved && !twice &&
                monitor->timestamps && (seg->options & TFSM_OPT_TIMESTAMPS) != 0 &&
                seq_lt(seg->ts_ecr, it->stamp) && (it->twice || after->snd_una != after->snd_nxt);
    bool tried = (cfg->profile & TFSM_FRTO) != 0 && it->timed_out && it->movers > 0 &&
                 (moved || monitor->in_flight.news > 0) && it->resent <= 1 &&
                 seq_le(it->resent_end, before->snd_una);
    return (!ece && !it->barred && (all_twice || none_again || echo)) || tried;
}

/* It was in vain, and another begins with the same ACK. */
static bool begins_anew(const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    return losing(before) && losing(after) && seq_lt(after->snd_una, before->snd_recover) &&
           (after->loss & ~before->loss & TFSM_L_UNDO_WAITS) != 0;
}

/* What was done about a loss is taken back: a recovery ends before its time, or the window is what it was. */
static bool takes_back(const struct monitor *monitor, const struct tfsm_tcb *before,
                       const struct tfsm_event *ev, uint32_t grown, const struct tfsm_tcb *after)
{
    bool early = losing(before) && !losing(after) && seq_lt(after->snd_una, before->snd_recover);
    bool recovers = (before->flags & TFSM_M_RECOVERY) != 0;
    /* then it is forgotten what could be given back, and recovery goes on, if it does [RFC4015:3.1c] */
    bool ece = monitor->ecn && (ev->segment.flags & TFSM_ECE) != 0;
    uint32_t least =
        segment_size(after) > before->ssthresh ? segment_size(after) : before->ssthresh;
    /* then slow start, of one segment at most [RFC5681:3.1g] */
    bool timed_out = (before->flags & TFSM_M_LOSS) != 0;
    grown = timed_out && grown > segment_size(after) ? segment_size(after) : grown;
    bool risen = ece && losing(after) ? after->ssthresh > before->ssthresh
                                      : after->cwnd > (recovers ? least : before->cwnd + grown);
    bool more = (before->loss & ~after->loss & TFSM_L_UNDO) != 0 && risen;
    more = more && (losing(before) || !losing(after)); /* else it inflates as another begins */
    return ev->kind == TFSM_EV_SEGMENT && (early || more || begins_anew(before, after));
}

static void check_undo(struct monitor *monitor, const struct tfsm_config *cfg,
                       const struct tfsm_tcb *before, const struct tfsm_event *ev, uint32_t grown,
                       const struct tfsm_tcb *after)
{
    struct recovery_account *it = &monitor->recovery;
    struct tfsm_range range;
    bool twice = monitor_twice(monitor, &ev->segment, &range);
    if (twice) {
        note_twice(monitor, before, &ev->segment, range);
    }
    it->undone = takes_back(monitor, before, ev, grown, after);
    if (!it->undone || monitor->in_flight.unsure) {
        return;
    }
    if (!is_proven(monitor, cfg, before, &ev->segment, twice, after)) {
        fails(monitor, "UNDO_UNPROVEN",
              "RFC3522:3.2, RFC3708:3, RFC5682:2.1 what was done about a loss is taken back only "
              "with proof that "
              "nothing was lost");
    }
    if (losing(after)) { /* another has begun, and lowered it */
        return;
    }
    uint32_t deflated = (before->flags & TFSM_M_RECOVERY) != 0 && before->ssthresh < before->cwnd
                            ? before->ssthresh
                            : before->cwnd;
    uint64_t window = (uint64_t)deflated + grown;
    /* and nothing where the network asked for less besides */
    bool barred = it->barred || (monitor->ecn && (ev->segment.flags & TFSM_ECE) != 0);
    uint64_t taken = barred ? 0 : it->cwnd;
    if (after->cwnd > window && after->cwnd > taken) {
        fails_by(monitor, "UNDO_WINDOW",
                 "RFC4015:3.1c, RFC4015:3.2, RFC9438:4.9 no more is given back than was taken",
                 window > taken ? window : taken, after->cwnd);
    }
    if (after->ssthresh > before->ssthresh && (barred || after->ssthresh > it->ssthresh) &&
        after->ssthresh > 2 * segment_size(after)) { /* of larger segments it is no less */
        fails_by(monitor, "UNDO_WINDOW",
                 "RFC4015:3.2, RFC9438:4.9 no more is given back than was taken", it->ssthresh,
                 after->ssthresh);
    }
}

void recovery_step(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, const struct tfsm_event *ev, bool taken,
                   const struct tfsm_tcb *after)
{
    struct recovery_account *it = &monitor->recovery;
    uint32_t acked = seq_distance(before->snd_una, after->snd_una);
    it->undone = false;
    if (IN(after, NO_CONNECTION)) {
        return;
    }
    bool established = (before->flags & TFSM_M_SYN_ACKED) != 0;
    if (taken && established) {
        check_undo(monitor, cfg, before, ev, acked, after);
    }
    struct tfsm_range twice; /* what acknowledges our SYN may say so of it */
    it->twice = it->twice || (taken && monitor_twice(monitor, &ev->segment, &twice));
    if (!established) {
        return;
    }
    it->barred = it->barred || (taken && monitor->ecn && (ev->segment.flags & TFSM_ECE) != 0);
    if (taken && !it->undone) {
        check_end(monitor, before, ev, after);
    }
    if (taken && acked > 0) {
        it->movers++;
        it->stamped = it->stamped && seq_le(after->snd_una, it->stamped_at);
    }
    bool anew = begins_anew(before, after) && ev->kind == TFSM_EV_SEGMENT;
    bool over = !losing(before) || seq_le(before->snd_recover, after->snd_una) || anew;
    if (losing(after) && over) {
        uint32_t window =
            losing(before) && before->ssthresh > before->cwnd ? before->ssthresh : before->cwnd;
        /* what is given back may be so by the ACK that lowers it again */
        bool kept = anew || ((before->loss & TFSM_L_UNDO) != 0 && ev->kind == TFSM_EV_SEGMENT);
        it->cwnd = kept && it->cwnd > window ? it->cwnd : window + acked;
        it->ssthresh = kept && it->ssthresh > before->ssthresh ? it->ssthresh : before->ssthresh;
        it->timed_out = false;
        it->barred = false;
        it->once = true;
        it->stamped = false;
        it->resent = 0;
        it->noted = false;
        it->count = 0;
        it->lost_again = false;
        it->una = after->snd_una;
    }
    it->lost_again = it->lost_again || loses_again(after);
    if (timer_goes_off(before, ev, after)) {
        it->timed_out = true;
        it->movers = 0;
        it->resent = 0;
        it->resent_end = after->snd_una;
    }
    keep_proportion(monitor, cfg, before, ev, after);
}

void recovery_output(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_tcb *before, const struct tfsm_segment *seg)
{
    struct recovery_account *it = &monitor->recovery;
    uint32_t text = text_of(seg);
    uint32_t end = seq_min(seq_add(seg->seq, seg->len), before->snd_nxt);
    if (in_proportion(monitor, cfg, before) && before->at_persist == 0 && text > 0) {
        if (text > it->allowed && !it->forgets) {
            fails_by(monitor, "PRR_BEYOND",
                     "RFC6937:3 recovery lets out no more than its share of what has arrived",
                     it->allowed, text);
        }
        it->allowed -= text < it->allowed ? text : it->allowed;
        it->out += text;
    }
    if (seg->len == 0 || !seq_lt(seg->seq, before->snd_nxt) || before->at_persist != 0 ||
        (before->flags & TFSM_M_SYN_ACKED) == 0) {
        return;
    }
    it->ever = true;
    for (unsigned i = 0; i < it->count; i++) {
        if (seq_lt(seg->seq, it->again[i].right) && seq_lt(it->again[i].left, end)) {
            it->once = false; /* a third time */
        }
    }
    it->noted = true;
    unsigned before_it = 0;
    while (before_it < it->count && it->again[before_it].right != seg->seq) {
        before_it++;
    }
    if (before_it < it->count) {
        it->again[before_it].right = end;
    } else if (it->count < UNDO_RANGES) {
        it->again[it->count++] = (struct tfsm_range){seg->seq, end};
    } else {
        it->once = false;
    }
    if (it->resent == 0 && (seg->options & TFSM_OPT_TIMESTAMPS) != 0 && !it->stamped) {
        it->stamped = true;
        it->stamp = seg->ts_val;
        it->stamped_at = seg->seq;
    }
    it->resent++;
    it->resent_end = seq_max(it->resent_end, end);
}
