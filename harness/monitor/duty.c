/* What an arrival calls for: the answer that is owed, or that it must not get, and what must be
 * taken. Each rule has an account of its own, by numbers and clocks, and speaks of no row. */
#include "internal.h"
#include "seq.h"

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

/* ---- what is taken ---- */

/* How far text that begins with the next octet can be taken at once: it fills so many holes and no more. */
static uint64_t taken_until(const struct monitor *monitor, uint64_t right)
{
    uint64_t next = monitor->delivered;
    unsigned holes = 0;
    for (unsigned i = 0; i < monitor->kept_count && monitor->kept[i][0] < right; i++) {
        bool hole = next < monitor->kept[i][0];
        if (hole && holes == TFSM_PIECES_MAX) {
            return next;
        }
        holes += hole;
        next = next < monitor->kept[i][1] ? monitor->kept[i][1] : next;
    }
    return next < right && holes == TFSM_PIECES_MAX ? next : right;
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
                monitor->delivered + fresh >= monitor_kept_end(monitor);
    uint64_t right = monitor->delivered + (fresh < room ? fresh : room);
    uint64_t until = taken_until(monitor, right);
    uint32_t edge = seq_add(before->rcv_nxt, (uint32_t)(until - monitor->delivered));
    return seq_le(edge, after->rcv_nxt) && (!ends || until < right || IN(after, closed));
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
        independence_of_urgent(monitor, cfg, before, ev, fx, after);
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
    urgent_step(monitor, before, ev, fx, after);
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
    if (monitor->duty.orphan) {
        orphan_output(monitor, cfg, before, now, after);
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
    if (duty->orphan) {
        orphan_drained(monitor, tcb);
    }
    duty->rst_due = false;
    duty->answer_due = false;
    duty->drained = true;
}
