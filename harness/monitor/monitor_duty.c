/* What is owed: the answer that a segment calls for, or that it must not get; what the peer's
 * urgent pointer obliges us to tell; and the end of a connection whose user has left. Each rule has
 * an account of its own, by numbers and clocks, and speaks of no row. */
#include "monitor_internal.h"
#include "seq.h"

#define HALF_SECOND UINT64_C(500000)
#define RECEIVES    (BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2))

/* Synchronized, and our SYN is acknowledged: a user who closes in SYN-RECEIVED is in FIN-WAIT-1 at
 * once. */
static bool synced(const struct tfsm_tcb *tcb)
{
    return IN(tcb, SYNCHRONIZED) && tcb->snd_una != tcb->iss;
}

static bool new_rst(const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    bool old = (before->owed & TFSM_OWE_RST) != 0 && before->rst_seq == after->rst_seq &&
               before->rst_ack == after->rst_ack &&
               ((before->owed ^ after->owed) & TFSM_OWE_RST_ACK) == 0;
    return (after->owed & TFSM_OWE_RST) != 0 && !old;
}

void duty_adopt(struct monitor *monitor, const struct tfsm_tcb *tcb)
{
    int64_t ahead = (int64_t)seq_distance(seq_add(tcb->irs, 1), tcb->rcv_up);
    monitor->duty.passive = true;
    monitor->duty.urgent_at = ahead;
    monitor->duty.urgent_told = (tcb->flags & TFSM_M_URGENT_TOLD) != 0;
    monitor->duty.urgent_kept = !monitor->duty.urgent_told && ahead > 0;
}

/* ---- answers ---- */

/* In SYN-SENT: SEG.ACK says that something was received which never was sent. */
static void check_stray_ack(struct monitor *monitor, const struct tfsm_tcb *before,
                            const struct tfsm_segment *seg, const struct tfsm_effects *fx,
                            const struct tfsm_tcb *after)
{
    const unsigned kinds = TFSM_OWE_RST | TFSM_OWE_RST_ACK | TFSM_OWE_RST_TS;
    uint32_t ahead = seq_distance(monitor->iss, seg->ack);
    if (before->state != TFSM_SYN_SENT || (seg->flags & TFSM_ACK) == 0 ||
        (ahead != 0 && ahead <= seq_distance(monitor->iss, monitor->snd_max))) {
        return;
    }
    bool rst = (seg->flags & TFSM_RST) != 0;
    bool owed = (after->owed & (TFSM_OWE_RST | TFSM_OWE_RST_ACK)) == TFSM_OWE_RST &&
                after->rst_seq == seg->ack;
    bool kept = monitor_only_replied(before, after) && fx->signals == 0 && fx->delivered == 0 &&
                ((before->owed ^ after->owed) & ~kinds) == 0;
    if (rst ? !same(before, after) || fx->signals != 0 : !owed || !kept) {
        fails(
            monitor, "STRAY_ACK",
            "RFC9293:3.10.7.3 in SYN-SENT an ACK of what was not sent draws a RST with its number "
            "and changes nothing");
    }
    monitor->duty.rst_due = monitor->duty.rst_due || !rst;
}

/* A RST that nobody off the path can have guessed ends the connection, and the user hears of it. */
static void check_valid_rst(struct monitor *monitor, const struct tfsm_config *cfg,
                            const struct tfsm_tcb *before, const struct tfsm_segment *seg,
                            const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    uint32_t ahead = seq_distance(monitor->iss, seg->ack);
    bool valid = (cfg->profile & TFSM_RFC5961) != 0 ? seg->seq == before->rcv_nxt
                                                    : monitor_acceptable(before, seg);
    if (before->state == TFSM_SYN_SENT) {
        valid = (seg->flags & TFSM_ACK) != 0 && ahead != 0 &&
                ahead <= seq_distance(monitor->iss, monitor->snd_max);
    }
    if (!valid || (seg->flags & TFSM_RST) == 0 || IN(before, NO_CONNECTION) ||
        (before->state == TFSM_TIME_WAIT && (cfg->profile & TFSM_RFC1337) != 0)) {
        return;
    }
    bool relistens =
        before->state == TFSM_SYN_RECEIVED && monitor->duty.passive && after->state == TFSM_LISTEN;
    if (!relistens && (after->state != TFSM_CLOSED || (fx->signals & TFSM_SIG_ENDS) == 0)) {
        fails(monitor, "RST_IGNORED",
              "RFC9293:3.10.7.4, RFC5961:3.2 a RST at RCV.NXT, or with an acceptable ACK in "
              "SYN-SENT, ends the connection");
    }
}

/* In a synchronized state a RST answers what the RFCs name, and nothing else. */
static void check_needless_rst(struct monitor *monitor, const struct tfsm_config *cfg,
                               const struct tfsm_tcb *before, const struct tfsm_segment *seg,
                               const struct tfsm_tcb *after)
{
    bool syn = (seg->flags & TFSM_SYN) != 0 && (cfg->profile & TFSM_RFC5961) == 0 &&
               seq_in(seg->seq, before->rcv_nxt, before->rcv_wnd);
    bool unread =
        monitor->duty.deaf && text_of(seg) > 0 && IN(before, BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2));
    if (synced(before) && new_rst(before, after) && seg->security == before->security && !syn &&
        !unread) {
        fails(monitor, "RST_FOR_NOTHING",
              "RFC9293:3.10.7.4 in a synchronized state only another security, a SYN in the window "
              "and text that nobody will read are answered by a RST");
    }
}

/* The first steps of the arrival let a segment pass: timestamp and security are as they should
 * be. */
static bool of_connection(const struct monitor *monitor, const struct tfsm_tcb *before,
                          const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool stamped = (seg->options & TFSM_OPT_TIMESTAMPS) != 0;
    bool older =
        seq_lt(seg->ts_val, monitor->ts_recent) && ev->now - before->ts_recent_from <= OUTDATED;
    return seg->security == before->security && (!monitor->timestamps || (stamped && !older));
}

/* SEG.ACK > SND.NXT: the peer is told where we are, and nothing of the segment counts. */
static void check_ack_of_unsent(struct monitor *monitor, const struct tfsm_config *cfg,
                                const struct tfsm_tcb *before, const struct tfsm_event *ev,
                                const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    const uint8_t controls = TFSM_ACK | TFSM_RST | TFSM_SYN;
    if (!synced(before) || (seg->flags & controls) != TFSM_ACK ||
        !seq_lt(monitor->snd_max, seg->ack) || !monitor_acceptable(before, seg) ||
        !of_connection(monitor, before, ev)) {
        return;
    }
    bool bears = text_of(seg) > 0 || (seg->flags & TFSM_FIN) != 0;
    bool due = bears || monitor_has_budget(monitor, cfg, before, ev);
    if (!monitor_only_replied(before, after) || fx->text_count > 0 || fx->delivered > 0 ||
        fx->signals != 0) {
        fails(monitor, "ACK_OF_UNSENT",
              "RFC9293:3.10.7.4 a segment that acknowledges what was not sent is dropped");
    }
    if (due && (after->owed & TFSM_OWE_ACK) == 0) {
        fails(monitor, "ACK_OF_UNSENT",
              "RFC9293:3.10.7.4 a segment that acknowledges what was not sent draws an ACK");
    }
}

/* Where the text ends that was handed out so far, as an offset in the peer's stream. */
static uint64_t kept_end(const struct monitor *monitor)
{
    uint64_t end = monitor->delivered;
    for (unsigned i = 0; i < monitor->kept_count; i++) {
        end = monitor->kept[i][1] > end ? monitor->kept[i][1] : end;
    }
    return end;
}

/* The text of a segment that begins at RCV.NXT or before, as far as the window and the peer's
 * stream reach, and the FIN behind it. */
static bool text_is_taken(const struct monitor *monitor, const struct tfsm_tcb *before,
                          const struct tfsm_segment *seg, const struct tfsm_tcb *after)
{
    const unsigned closed = BIT(CLOSE_WAIT) | BIT(CLOSING) | BIT(LAST_ACK) | BIT(TIME_WAIT);
    bool fin = (before->flags & TFSM_M_PEER_FIN) != 0;
    uint32_t old = seq_distance(seg->seq, before->rcv_nxt);
    if (old > text_of(seg)) { /* it begins further ahead, or is all old */
        return true;
    }
    uint32_t fresh = text_of(seg) - old;
    uint32_t room = before->rcv_wnd;
    uint32_t left = seq_distance(before->rcv_nxt, before->rcv_fin);
    room = fin && left < room ? left : room;
    bool ends = (seg->flags & TFSM_FIN) != 0 && !fin && fresh < room &&
                monitor->delivered + fresh >= kept_end(monitor);
    uint32_t edge = seq_add(before->rcv_nxt, fresh < room ? fresh : room);
    return seq_le(edge, after->rcv_nxt) && (!ends || IN(after, closed));
}

/* Nothing speaks against the segment: what it acknowledges is acknowledged, and what it bears is
 * taken. */
static void check_taken(struct monitor *monitor, const struct tfsm_tcb *before,
                        const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    const uint8_t controls = TFSM_ACK | TFSM_RST | TFSM_SYN;
    if (!IN(before, SYNCHRONIZED | BIT(SYN_RECEIVED)) || (seg->flags & controls) != TFSM_ACK ||
        after->state == TFSM_CLOSED || /* whether it may end is asked elsewhere */
        !monitor_acceptable(before, seg) || !of_connection(monitor, before, ev)) {
        return;
    }
    bool acks = seq_lt(before->snd_una, seg->ack) && seq_le(seg->ack, monitor->snd_max);
    bool repeats = synced(before) && seg->ack == before->snd_una;
    if (acks && after->snd_una != seg->ack) {
        fails(monitor, "NOT_TAKEN",
              "RFC9293:3.10.7.4 an acceptable acknowledgment of what was sent moves SND.UNA");
    }
    if ((acks || repeats) && IN(before, RECEIVES | BIT(SYN_RECEIVED)) &&
        !text_is_taken(monitor, before, seg, after)) {
        fails(monitor, "NOT_TAKEN",
              "RFC9293:3.10.7.4 text at RCV.NXT, and the FIN behind it, are taken as far as the "
              "window reaches");
    }
}

/* What comes with a SYN is kept until ours is acknowledged. */
static void check_kept(struct monitor *monitor, const struct tfsm_config *cfg,
                       const struct tfsm_tcb *before, const struct tfsm_segment *seg,
                       const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    if (IN(before, BIT(LISTEN) | BIT(SYN_SENT)) && before->state != after->state &&
        IN(after, SYNCHRONIZED | BIT(SYN_RECEIVED)) && text_of(seg) > 0 && cfg->rcv_buff > 0 &&
        fx->text_count == 0) {
        fails(monitor, "NOT_TAKEN",
              "RFC9293:3.10.7.2, RFC9293:3.10.7.3 text that comes with a SYN is kept");
    }
}

/* Text, FIN or SYN came from a peer who is in the connection, or believes to be. */
static void note_answer(struct monitor *monitor, const struct tfsm_config *cfg,
                        const struct tfsm_tcb *before, const struct tfsm_event *ev,
                        const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool bears = text_of(seg) > 0 || (seg->flags & TFSM_FIN) != 0;
    bool syn = (seg->flags & TFSM_SYN) != 0;
    bool stamped = !monitor->timestamps || (seg->options & TFSM_OPT_TIMESTAMPS) != 0;
    bool was = synced(before);
    bool opens = !was && IN(before, BIT(SYN_SENT) | BIT(SYN_RECEIVED));
    /* RFC 6191 decides about a SYN in TIME-WAIT, and an older one is silently dropped. */
    bool other = before->state == TFSM_TIME_WAIT && syn && (seg->flags & TFSM_ACK) == 0 &&
                 (cfg->profile & TFSM_RFC6191) != 0;
    bool due = bears ? (seg->flags & TFSM_ACK) != 0 || (syn && was)
                     : syn && (opens || monitor_has_budget(monitor, cfg, before, ev));
    if ((was || opens) && due && !other && (stamped || syn) && (seg->flags & TFSM_RST) == 0 &&
        seg->security == before->security && synced(after)) {
        monitor->duty.answer_due = true;
        monitor->duty.answer_from = ev->now;
    }
}

/* Two outcomes are the same but for what is urgent. */
static APART bool same_tcb_but_urgent(const struct tfsm_tcb *a, const struct tfsm_tcb *b)
{
    const uint32_t told = TFSM_M_URGENT_TOLD;
    struct tfsm_tcb bare;
    copy_tcb(&bare, b);
    bare.rcv_up = a->rcv_up;
    bare.flags = (b->flags & ~told) | (a->flags & told);
    return same(a, &bare);
}

static bool same_but_urgent(const struct tfsm_tcb *a, const struct tfsm_effects *fx,
                            const struct tfsm_tcb *b, const struct tfsm_effects *effects)
{
    return (same(a, b) || same_tcb_but_urgent(a, b)) &&
           ((fx->signals ^ effects->signals) & ~TFSM_SIG_URGENT) == 0 &&
           fx->text_count == effects->text_count && fx->delivered == effects->delivered &&
           fx->acknowledged == effects->acknowledged;
}

/* The core, alone with this event, comes to the same but for what is urgent. */
static APART bool comes_to_but_urgent(const struct tfsm_config *cfg, const struct tfsm_tcb *before,
                                      const struct tfsm_event *ev, const struct tfsm_tcb *after,
                                      const struct tfsm_effects *effects)
{
    struct tfsm_tcb meant;
    struct tfsm_effects plain;
    copy_tcb(&meant, before);
    tfsm_step(&meant, cfg, ev, &plain);
    return same_but_urgent(&meant, &plain, after, effects);
}

/* URG changes nothing but what the user hears of urgent data. A listener may have made less of the
 * segment than it says: where they differ the core alone is asked. */
static APART void check_urgent_independence(struct monitor *monitor, const struct tfsm_config *cfg,
                                            const struct tfsm_tcb *before,
                                            const struct tfsm_event *ev,
                                            const struct tfsm_effects *fx,
                                            const struct tfsm_tcb *after)
{
    struct tfsm_tcb again;
    struct tfsm_event other = *ev;
    struct tfsm_effects effects;
    copy_tcb(&again, before);
    other.segment.flags ^= TFSM_URG;
    tfsm_step(&again, cfg, &other, &effects);
    if (same_but_urgent(after, fx, &again, &effects)) {
        return;
    }
    if (!comes_to_but_urgent(cfg, before, ev, &again, &effects)) {
        fails(monitor, "FLAG_DEPENDENCE",
              "RFC9293:3.10.7.4 URG decides nothing but what is urgent");
    }
}

/* ---- the peer's urgent pointer ---- */

/* Where a segment's urgent pointer points to, as an offset in the peer's stream. */
static int64_t pointer_of(const struct monitor *monitor, const struct tfsm_tcb *before,
                          const struct tfsm_segment *seg)
{
    uint32_t up = seq_add(seg->seq, seg->up);
    uint32_t base = seq_add(seg->seq, 1);
    int64_t at = 0;
    if (!IN(before, NO_CONNECTION | BIT(SYN_SENT))) {
        base = seq_add(before->irs, (uint32_t)((1 + monitor->delivered) & UINT32_MAX));
        at = (int64_t)monitor->delivered;
    }
    uint32_t ahead = seq_distance(base, up);
    return ahead < TFSM_SEQ_HALF ? at + ahead : at - (int64_t)seq_distance(up, base);
}

/* Where the peer's stream ends, as far as its FIN says. Nothing urgent lies beyond (RFC 9293
 * MUST-33). */
static int64_t stream_end(const struct monitor *monitor, const struct tfsm_tcb *tcb)
{
    uint32_t base = seq_add(tcb->irs, (uint32_t)((1 + monitor->delivered) & UINT32_MAX));
    uint32_t ahead = seq_distance(base, tcb->rcv_fin);
    if ((tcb->flags & TFSM_M_PEER_FIN) == 0) {
        return INT64_MAX;
    }
    return (int64_t)monitor->delivered +
           (ahead < TFSM_SEQ_HALF ? (int64_t)ahead : -(int64_t)seq_distance(tcb->rcv_fin, base));
}

/* What was known before the segment counts, and the segment's own FIN, where it was one that could be
 * taken. */
static APART int64_t stream_end_before(const struct monitor *monitor, const struct tfsm_tcb *before,
                                       const struct tfsm_segment *seg)
{
    struct tfsm_tcb known;
    uint32_t fin = seq_add(seg->seq, seg->len - 1);
    uint32_t ahead = seq_distance(before->rcv_nxt, fin);
    copy_tcb(&known, before);
    if ((seg->flags & TFSM_FIN) != 0 && (before->flags & TFSM_M_PEER_FIN) == 0 &&
        ahead < before->rcv_wnd && monitor->delivered + ahead >= kept_end(monitor)) {
        known.flags |= TFSM_M_PEER_FIN;
        known.rcv_fin = fin;
    }
    return stream_end(monitor, &known);
}

/* The same where the segment ended the connection, and the TCB knows nothing any more. */
static int64_t stream_end_for(const struct monitor *monitor, const struct tfsm_tcb *before,
                              const struct tfsm_segment *seg, const struct tfsm_tcb *after)
{
    bool knows = after->state != TFSM_CLOSED || IN(before, NO_CONNECTION | BIT(SYN_SENT));
    return knows ? stream_end(monitor, after) : stream_end_before(monitor, before, seg);
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The segment got as far as the step that checks URG, in a state that takes it. */
static bool urgent_counts(const struct tfsm_tcb *before, const struct tfsm_event *ev,
                          const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool opens = IN(before, BIT(SYN_SENT) | BIT(SYN_RECEIVED)) && IN(after, SYNCHRONIZED);
    bool early = before->state == TFSM_LISTEN && (fx->signals & TFSM_SIG_EARLY) != 0;
    bool refused = fx->verdict == TFSM_V_DROP || (seg->flags & TFSM_RST) != 0 ||
                   seg->security != before->security ||
                   ((seg->flags & TFSM_SYN) != 0 && before->state != TFSM_SYN_SENT);
    return early ||
           (!refused && (opens || IN(before, RECEIVES) ||
                         (before->state == TFSM_SYN_RECEIVED && after->state == TFSM_CLOSED)));
}

/* Every advance of the pointer beyond what the user has taken is told, and nothing else is. */
static void check_urgent_news(struct monitor *monitor, const struct tfsm_tcb *before,
                              const struct tfsm_event *ev, const struct tfsm_effects *fx,
                              const struct tfsm_tcb *after)
{
    struct duty_account *duty = &monitor->duty;
    int64_t at = lesser(pointer_of(monitor, before, &ev->segment),
                        stream_end_for(monitor, before, &ev->segment, after));
    bool ahead = (ev->segment.flags & TFSM_URG) != 0 && at > duty->taken;
    bool news = false;
    if (urgent_counts(before, ev, fx, after)) {
        bool known = duty->urgent_told || duty->urgent_kept;
        news = ahead && (!duty->urgent_told || at > duty->urgent_at);
        if (news) {
            duty->urgent_at = known && duty->urgent_at > at ? duty->urgent_at : at;
        }
        news = news || (duty->urgent_kept && duty->urgent_at > duty->taken);
        duty->urgent_told = duty->urgent_told || news;
        duty->urgent_kept = false;
    } else if (ahead && after->state == TFSM_SYN_RECEIVED && before->state != after->state) {
        duty->urgent_kept = true;
        duty->urgent_at = at;
    }
    if (((fx->signals & TFSM_SIG_URGENT) != 0) != news) {
        fails(
            monitor, "URGENT_TOLD",
            "RFC9293:MUST-32 the user hears whenever urgent data are further ahead, and only then");
    }
}

static void check_urgent(struct monitor *monitor, const struct tfsm_tcb *before,
                         const struct tfsm_event *ev, const struct tfsm_effects *fx,
                         const struct tfsm_tcb *after)
{
    struct duty_account *duty = &monitor->duty;
    if (ev->kind == TFSM_EV_SEGMENT) {
        check_urgent_news(monitor, before, ev, fx, after);
    }
    duty->taken += fx->taken;
    if (duty->urgent_told || duty->urgent_kept) {
        duty->urgent_at = lesser(duty->urgent_at, stream_end(monitor, after));
        duty->urgent_kept = duty->urgent_kept && duty->urgent_at > duty->taken;
    }
    duty->urgent_told = duty->urgent_told && duty->urgent_at > duty->taken;
    if (IN(after, NO_CONNECTION | BIT(SYN_SENT))) {
        return;
    }
    uint32_t pointer =
        seq_add(seq_add(after->irs, 1), (uint32_t)((uint64_t)duty->urgent_at & UINT32_MAX));
    if (((after->flags & TFSM_M_URGENT_TOLD) != 0) != duty->urgent_told ||
        (duty->urgent_told && after->rcv_up != pointer)) {
        fails(monitor, "URGENT_POINTER",
              "RFC9293:3.8.5 the urgent pointer is ahead of the user as long as that was told, and "
              "never goes back");
    }
}

/* ---- a user who has left ---- */

static tfsm_time sum_of(tfsm_time a, tfsm_time b)
{
    return a < TFSM_NEVER - b ? a + b : TFSM_NEVER;
}

/* How long nothing may happen before the machine gives up: all tries, each after its timeout, and
 * some that recovery begins anew. The timer that runs may be from before the last measurement. */
static tfsm_time patience_of(const struct tfsm_config *cfg, const struct tfsm_tcb *tcb,
                             tfsm_time now)
{
    unsigned tries = cfg->retries > cfg->syn_retries ? cfg->retries : cfg->syn_retries;
    tfsm_time most = cfg->rto_max > 0 ? cfg->rto_max : 1;
    tfsm_time each = tcb->rto > 0 ? tcb->rto : 1;
    tfsm_time next = tcb->at_rtx > tcb->at_persist ? tcb->at_rtx : tcb->at_persist;
    tfsm_time sum = next > now ? next - now : 0;
    sum = sum < most ? sum : most;
    for (unsigned i = 0; i < tcb->backoff && each < most; i++) {
        each = sum_of(each, each);
    }
    for (unsigned i = 0; i < tries + 4; i++) {
        each = each < most ? each : most;
        sum = sum_of(sum, each);
        each = sum_of(each, each);
    }
    return sum;
}

/* When an orphan is over if nothing moves from now on. */
static tfsm_time orphan_end(const struct tfsm_config *cfg, const struct tfsm_tcb *tcb,
                            tfsm_time now)
{
    bool agreed = (cfg->profile & TFSM_USER_TIMEOUT) != 0 &&
                  tcb->at_user != 0; /* what was told decides, not R2 */
    if (IN(tcb, BIT(TIME_WAIT) | BIT(FIN_WAIT_2))) {
        return sum_of(now, cfg->msl > 0 ? sum_of(cfg->msl, cfg->msl) : 1);
    }
    return agreed ? TFSM_NEVER : sum_of(now, patience_of(cfg, tcb, now));
}

/* Nobody is there who could end it. */
static bool is_orphan(const struct monitor *monitor, const struct tfsm_tcb *tcb)
{
    const unsigned ending = BIT(CLOSING) | BIT(LAST_ACK) | BIT(TIME_WAIT);
    return IN(tcb, ending) ||
           (monitor->duty.deaf && IN(tcb, BIT(SYN_RECEIVED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2)));
}

/* What the peer may do that gives an orphan more time: acknowledge something, open or close the
 * window, answer a probe (RFC 9293 MUST-37), or send its FIN again in TIME-WAIT. */
static bool moves(const struct monitor *monitor, const struct tfsm_tcb *before,
                  const struct tfsm_event *ev, const struct tfsm_effects *fx,
                  const struct tfsm_tcb *after)
{
    bool answered =
        ev->kind == TFSM_EV_SEGMENT && before->at_persist != 0 && fx->verdict != TFSM_V_DROP;
    bool fin_again = before->state == TFSM_TIME_WAIT && ev->kind == TFSM_EV_SEGMENT &&
                     (ev->segment.flags & TFSM_FIN) != 0 &&
                     seq_add(ev->segment.seq, ev->segment.len) == before->rcv_nxt;
    bool other = before->snd_mss != after->snd_mss || before->uto_peer != after->uto_peer;
    return !monitor->duty.orphan || before->state != after->state ||
           before->snd_una != after->snd_una || answered || other ||
           (before->at_persist != 0) != (after->at_persist != 0) || fin_again;
}

void duty_orphan(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_event *ev,
                 const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    struct duty_account *duty = &monitor->duty;
    bool late = ev->kind == TFSM_EV_TIMEOUT && tfsm_deadline(before) < ev->now;
    if (ev->kind == TFSM_EV_ABORT && after->state != TFSM_CLOSED) {
        fails(monitor, "ORPHAN_LIVES", "RFC9293:3.10.5 ABORT ends the connection");
    }
    if (!is_orphan(monitor, after)) {
        duty->orphan = false;
        return;
    }
    /* Where output was not drawn since the last event, what is to be waited for has not begun. */
    bool waits = IN(after, BIT(FIN_WAIT_2) | BIT(TIME_WAIT));
    if (moves(monitor, before, ev, fx, after) || (!duty->drained && !waits)) {
        duty->orphan = true;
        duty->orphan_by = orphan_end(cfg, after, ev->now);
    } else if (late) { /* a deadline that was looked at late moves those after it */
        duty->orphan_by = sum_of(duty->orphan_by, ev->now - tfsm_deadline(before));
    }
    if (ev->kind == TFSM_EV_TIMEOUT && ev->now >= duty->orphan_by && ev->now < TFSM_NEVER - 1) {
        fails(monitor, "ORPHAN_LIVES",
              "RFC9293:3.10.8, RFC9293:MUST-20 a connection that its user has left ends");
    }
    duty->drained = false;
}

/* ---- all of it ---- */

static void segment_duties(struct monitor *monitor, const struct tfsm_config *cfg,
                           const struct tfsm_tcb *before, const struct tfsm_event *ev,
                           const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    if (before->state == TFSM_LISTEN && after->state == TFSM_SYN_RECEIVED) {
        monitor->duty.passive = true;
    }
    check_kept(monitor, cfg, before, seg, fx, after);
    if (IN(before, NO_CONNECTION)) {
        return;
    }
    check_stray_ack(monitor, before, seg, fx, after);
    check_valid_rst(monitor, cfg, before, seg, fx, after);
    check_needless_rst(monitor, cfg, before, seg, after);
    check_ack_of_unsent(monitor, cfg, before, ev, fx, after);
    check_taken(monitor, before, ev, after);
    note_answer(monitor, cfg, before, ev, after);
    if ((before->snd_una & 3u) == 1) { /* one run in four: it costs a step */
        check_urgent_independence(monitor, cfg, before, ev, fx, after);
    }
}

void duty_step(struct monitor *monitor, const struct tfsm_config *cfg,
               const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    if (ev->kind == TFSM_EV_SEGMENT) {
        segment_duties(monitor, cfg, before, ev, fx, after);
    }
    if (ev->kind == TFSM_EV_CLOSE && ev->deaf && IN(after, ~NO_CONNECTION)) {
        monitor->duty.deaf = true;
        monitor->duty.orphan = false; /* what is left counts from here */
    }
    check_urgent(monitor, before, ev, fx, after);
}

void duty_output(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                 const struct tfsm_tcb *after)
{
    if ((seg->flags & TFSM_RST) != 0) {
        monitor->duty.rst_due = false;
    }
    if ((seg->flags & (TFSM_RST | TFSM_ACK)) != 0) {
        monitor->duty.answer_due = false;
    }
    if (monitor->duty.orphan && (before->snd_nxt != after->snd_nxt ||
                                 (before->at_persist != 0) != (after->at_persist != 0))) {
        monitor->duty.orphan_by = orphan_end(cfg, after, now);
    }
}

void duty_drained(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *tcb)
{
    struct duty_account *duty = &monitor->duty;
    bool soon = tcb->at_ack <= duty->answer_from || tcb->at_ack - duty->answer_from < HALF_SECOND;
    bool waits = cfg->ack_delay > 0 && tcb->at_ack != 0 && soon;
    if (duty->rst_due) {
        fails(monitor, "STRAY_ACK",
              "RFC9293:3.10.7.3 the RST that an ACK of what was not sent calls for goes out");
    }
    if (duty->answer_due && synced(tcb) && !waits) {
        fails(monitor, "UNANSWERED",
              "RFC9293:3.10.7.4 what occupies sequence numbers is acknowledged");
    }
    if (duty->orphan && is_orphan(monitor, tcb) && duty->orphan_by < TFSM_NEVER - 1 &&
        tfsm_deadline(tcb) > duty->orphan_by) {
        fails(monitor, "ORPHAN_LIVES",
              "RFC9293:3.10.8 a connection that its user has left waits for an end");
    }
    duty->rst_due = false;
    duty->answer_due = false;
    duty->drained = true;
}
