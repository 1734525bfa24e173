/* Urgent data: what the user must hear of the peer's pointer, by an account of our own, and where
 * ours points. Offsets are those of the peer's stream. */
#include "internal.h"
#include "seq.h"

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

/* What was known before the segment counts, and the segment's own FIN, where it was one that could
 * be taken. */
static APART int64_t stream_end_before(const struct monitor *monitor, const struct tfsm_tcb *before,
                                       const struct tfsm_segment *seg)
{
    struct tfsm_tcb known;
    uint32_t fin = seq_add(seg->seq, seg->len - 1);
    uint32_t ahead = seq_distance(before->rcv_nxt, fin);
    copy_members(&known, before);
    if ((seg->flags & TFSM_FIN) != 0 && (before->flags & TFSM_M_PEER_FIN) == 0 &&
        ahead < before->rcv_wnd && monitor->delivered + ahead >= monitor_kept_end(monitor)) {
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
    bool points = (ev->segment.flags & TFSM_URG) != 0;
    int64_t at = points ? lesser(pointer_of(monitor, before, &ev->segment),
                                 stream_end_for(monitor, before, &ev->segment, after))
                        : 0;
    bool ahead = points && at > duty->taken;
    bool news = false;
    if ((points || duty->urgent_kept) && urgent_counts(before, ev, fx, after)) {
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

void urgent_step(struct monitor *monitor, const struct tfsm_tcb *before,
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

void urgent_ahead(struct monitor *monitor, const struct tfsm_tcb *after)
{
    struct tfsm_status_block status;
    bool fin = (after->flags & TFSM_M_PEER_FIN) != 0;
    if (tfsm_status(after, &status) != TFSM_DONE) {
        return;
    }
    if (status.urgent_in == 0 || (fin && seq_lt(after->rcv_fin, after->rcv_up))) {
        fails(monitor, "URGENT_END",
              "RFC9293:MUST-33 urgent data are ahead of the user and end with the peer's stream");
    }
}

/* ---- ours ---- */

void urgent_output(struct monitor *monitor, const struct tfsm_tcb *before,
                   const struct tfsm_segment *seg)
{
    bool urgent = (before->flags & TFSM_M_URGENT) != 0 && (seg->flags & TFSM_SYN) == 0 &&
                  seq_lt(seg->seq, before->snd_up);
    uint32_t ahead = seq_distance(seg->seq, before->snd_up);
    if (((seg->flags & TFSM_URG) != 0) != urgent ||
        (urgent && seg->up != (ahead < UINT16_MAX ? ahead : UINT16_MAX))) {
        fails(monitor, "FLAGS_OUT",
              "RFC9293:3.8.5 URG and the pointer go on what is sent before our urgent data end");
    }
}
