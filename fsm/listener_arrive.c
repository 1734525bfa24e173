/* What becomes of a segment that no connection claims (RFC 9293 3.10.7.2, RFC 4987, RFC 7413): an
 * entry of the SYN queue, a cookie (both in listener_syn.c), a connection, an answer, or nothing. The
 * protocol is not in here: every decision about a segment is tfsm_step()'s, on a TCB that is opened
 * for it, unfolded from its entry, or restored from a cookie. The two files decide about room. */
#include "arrive.h"

static struct tfsm_ends ends_of(const struct tfsm_listener *l, const struct tfsm_packet *packet)
{
    struct tfsm_ends ends = {&packet->dst, &packet->src, packet->src_port, 0};
    ends.home = tfsm_entry_home(l, &ends);
    return ends;
}

/* ---- answers ---- */

/* No rule has fired. */
static void no_effects(struct tfsm_effects *fx)
{
    clear_effects(fx);
    fx->rule = 0;
    fx->verdict = 0;
}

/* The answer goes back to where the packet came from; its segment is there already. */
static void address_answer(const struct tfsm_packet *packet, struct tfsm_arrival *out)
{
    out->answers = true;
    out->answer.src = packet->dst;
    out->answer.dst = packet->src;
    out->answer.src_port = packet->dst_port;
    out->answer.dst_port = packet->src_port;
    out->answer.hops = 0;
    out->answer.traffic_class = 0;
    out->answer.reserved = 0;
    out->answer.text_at = 0;
}

/* What the TCB in l->work has to say, if anything: an answer to the segment. */
void tfsm_arrive_answer(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                        const struct tfsm_packet *packet, const struct tfsm_visit *at, bool cookie,
                        struct tfsm_arrival *out)
{
    struct tfsm_segment *segment = &out->answer.segment;
    if (!tfsm_output(l->work, cfg, at->event.now, segment)) {
        return;
    }
    if (cookie) {
        bend(l->work, segment);
    }
    address_answer(packet, out);
    if (bears(segment, TFSM_OPT_FAST_OPEN)) {
        tfsm_fast_cookie(l, &at->ends, out->answer.cookie);
    }
}

/* What a TCB that is not kept has to say: a RST, if anything. */
static void last_words(const struct tfsm_config *cfg, const struct tfsm_packet *packet,
                       struct tfsm_tcb *tcb, tfsm_time now, struct tfsm_arrival *out)
{
    if (has(tcb->owed, TFSM_OWE_RST) && tfsm_output(tcb, cfg, now, &out->answer.segment)) {
        address_answer(packet, out);
    }
}

/* What LISTEN says to a segment that it does not take: a RST to an ACK, and to a SYN of another label;
 * the rest it ignores. */
void tfsm_arrive_at_listen(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                           const struct tfsm_packet *packet, struct tfsm_visit *at,
                           struct tfsm_arrival *out)
{
    open_passive(l, l->work);
    tfsm_step(l->work, cfg, &at->event, &out->effects);
    last_words(cfg, packet, l->work, at->event.now, out);
}

/* ---- third segments ---- */

/* The handshake is through. Returns whether there is room for the connection; if not, whether to
 * tell the client is the policy's. */
bool tfsm_arrive_seated(struct tfsm_listener *l, const struct tfsm_tcb *tcb,
                        const struct tfsm_seat *seat, struct tfsm_arrival *out)
{
    if (accept_full(l) || seat == NULL) {
        tally(l, accept_full(l) ? TFSM_COUNT_ACK_ACCEPT_FULL : TFSM_COUNT_ACK_NO_SEAT);
        return false;
    }
    *seat->tcb = *tcb;
    await_accept(l, seat->id);
    out->kind = TFSM_ARRIVAL_CONNECTION;
    return true;
}

/* What that tells the user is nobody's business: it takes stack only while the step lasts. */
APART static void abort_at(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           struct tfsm_event *event)
{
    struct tfsm_effects fx;
    event->kind = TFSM_EV_ABORT;
    tfsm_step(tcb, cfg, event, &fx);
}

static void reset_client(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                         const struct tfsm_packet *packet, struct tfsm_visit *at,
                         struct tfsm_arrival *out)
{
    abort_at(l->work, cfg, &at->event);
    last_words(cfg, packet, l->work, at->event.now, out);
}

static void tally_refused(struct tfsm_listener *l, const struct tfsm_arrival *out)
{
    if (out->effects.verdict == TFSM_V_DROP) {
        tally(l, TFSM_COUNT_REFUSED);
    }
}

/* The timestamp that came back was bent: it says nothing of the round trip. */
static void forget_round_trip(struct tfsm_tcb *tcb)
{
    tcb->flags &= ~(uint32_t)(TFSM_M_TIMING | TFSM_M_MEASURED);
    tcb->srtt = 0;
    tcb->rttvar = 0;
    forget_loss(tcb, TFSM_L_SAMPLED);
    tcb->min_rtt = 0;
    tcb->min_rtt_at = 0;
    tcb->rtt_last = 0;
}

/* There is no room for a connection, and clients are left to try again. While cookies are out an ACK
 * that makes no sense may then be a later piece of such a client's text: it is not answered. */
static bool may_be_text(const struct tfsm_listener *l, const struct tfsm_packet *packet,
                        const struct tfsm_seat *seat, tfsm_time now)
{
    return (packet->segment.flags & OPENING) == TFSM_ACK && (accept_full(l) || seat == NULL) &&
           l->policy.overflow == TFSM_OVERFLOW_DROP && tfsm_cookies_are_out(l, now);
}

/* A third segment that finds no room leaves the entry as it was, or resets it. */
static void to_entry(struct tfsm_listener *l, const struct tfsm_config *cfg, uint32_t place,
                     const struct tfsm_packet *packet, struct tfsm_visit *at,
                     const struct tfsm_seat *seat, struct tfsm_arrival *out)
{
    struct tfsm_tcb *tcb = l->work;
    tfsm_time now = at->event.now;
    tfsm_entry_unfold(l, cfg, place, tcb);
    tfsm_step(tcb, cfg, &at->event, &out->effects);
    if (entry_at(l, place)->cookie && is_open(tcb) && has(tcb->flags, TFSM_M_TIMESTAMPS)) {
        forget_round_trip(tcb);
        tcb->rto = tcb->rto > cfg->rto_initial ? tcb->rto : cfg->rto_initial;
    }
    if (!is_open(tcb)) {
        tally_refused(l, out);
        last_words(cfg, packet, tcb, now, out);
        out->answers = out->answers && !may_be_text(l, packet, seat, now);
        answer_at_once(l, cfg, place, packet, at, out);
        tfsm_entry_keep(l, place, &at->event, tcb);
    } else if (tfsm_arrive_seated(l, tcb, seat, out)) {
        if (entry_at(l, place)->cookie) {
            tfsm_cookie_spend(l, &at->ends, entry_at(l, place)->irs, entry_at(l, place)->opened);
        }
        tfsm_entry_remove(l, place, TFSM_COUNT_ESTABLISHED);
    } else if (l->policy.overflow == TFSM_OVERFLOW_RESET) {
        reset_client(l, cfg, packet, at, out);
        tfsm_entry_remove(l, place, TFSM_COUNT_ENTRY_OVERFLOW);
    }
}

/* The connection that a cookie stands for, as if its entry had been here. The event brings the SYN. What it does and says
 * on the way is nobody's business. */
static bool restore_from_cookie(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                                const struct tfsm_packet *packet, struct tfsm_event *event,
                                struct tfsm_tcb *tcb, struct tfsm_effects *fx,
                                struct tfsm_segment *syn_ack)
{
    tfsm_seed(l->isn_key, &packet->dst, l->port, &packet->src, packet->src_port, event);
    event->iss = seq_sub(packet->segment.ack, 1); /* the cookie was the ISN */
    open_passive(l, tcb);
    tfsm_step(tcb, cfg, event, fx);
    return tcb->state == TFSM_SYN_RECEIVED && tfsm_output(tcb, cfg, event->now, syn_ack);
}

static bool is_cookie(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                      const struct tfsm_ends *ends, const struct tfsm_segment *third, tfsm_time now,
                      struct tfsm_segment *syn, tfsm_time *made)
{
    return (third->flags & OPENING) == TFSM_ACK && tfsm_cookies_are_out(l, now) &&
           tfsm_cookie_check(l, cfg, ends, third, now, syn, made);
}

/* An ACK of no entry may bear a cookie. Returns false when it does not. */
static bool to_cookie(struct tfsm_listener *l, const struct tfsm_config *cfg,
                      const struct tfsm_packet *packet, struct tfsm_visit *at,
                      const struct tfsm_seat *seat, struct tfsm_arrival *out)
{
    struct tfsm_tcb *tcb = l->work;
    struct tfsm_event *event = &at->event;
    tfsm_time now = event->now;
    tfsm_time made;
    if (!is_cookie(l, cfg, &at->ends, &packet->segment, now, &event->segment, &made)) {
        return false;
    }
    uint32_t irs = event->segment.seq;
    bool restored =
        restore_from_cookie(l, cfg, packet, event, tcb, &out->effects, &out->answer.segment);
    event->segment = packet->segment;
    if (!restored) {
        no_effects(&out->effects);
        return false;
    }
    tfsm_step(tcb, cfg, event, &out->effects);
    forget_round_trip(tcb); /* and when the SYN-ACK went out is forgotten */
    tcb->rto = cfg->rto_initial;
    if (!is_open(tcb)) {
        tally_refused(l, out);
        last_words(cfg, packet, tcb, now, out);
    } else if (tfsm_arrive_seated(l, tcb, seat, out)) {
        tfsm_cookie_spend(l, &at->ends, irs, made);
        tally(l, TFSM_COUNT_COOKIE_GOOD);
    } else if (l->policy.overflow == TFSM_OVERFLOW_RESET) {
        reset_client(l, cfg, packet, at, out);
    }
    return true;
}

/* The client of an entry shows a cookie that it was sent before there was one: the queue had been full,
 * and the clock of cookies has moved on since. */
static bool comes_with_cookie(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                              uint32_t place, const struct tfsm_ends *ends,
                              const struct tfsm_segment *third, tfsm_time now)
{
    const struct tfsm_entry *entry = entry_at(l, place);
    struct tfsm_segment syn;
    tfsm_time made;
    return third->security == l->security && third->seq == seq_add(entry->irs, 1) &&
           !tfsm_cookie_is_near(entry->iss, seq_sub(third->ack, 1)) &&
           is_cookie(l, cfg, ends, third, now, &syn, &made);
}

/* ---- strays ---- */

/* A segment for nobody. */
static void on_stray(struct tfsm_listener *l, const struct tfsm_config *cfg,
                     const struct tfsm_packet *packet, struct tfsm_visit *at,
                     const struct tfsm_seat *seat, struct tfsm_arrival *out)
{
    tfsm_time now = at->event.now;
    uint8_t flags = packet->segment.flags;
    if (may_be_text(l, packet, seat, now)) {
        tally(l, accept_full(l) ? TFSM_COUNT_ACK_ACCEPT_FULL : TFSM_COUNT_ACK_NO_SEAT);
        return;
    }
    if ((flags & OPENING) == TFSM_ACK && tfsm_cookies_are_out(l, now)) {
        tally(l, TFSM_COUNT_COOKIE_BAD);
    }
    tally(l, has(flags, TFSM_RST)   ? TFSM_COUNT_RST_UNEXPECTED
             : has(flags, TFSM_ACK) ? TFSM_COUNT_ACK_UNEXPECTED
                                    : TFSM_COUNT_OTHER);
    tfsm_arrive_at_listen(l, cfg, packet, at, out);
}

/* ---- any segment ---- */

static bool is_segment(const struct tfsm_packet *packet)
{
    return (packet->src.family == 4 || packet->src.family == 6) &&
           packet->src.family == packet->dst.family && is_sound(&packet->segment);
}

void tfsm_listener_segment(struct tfsm_listener *l, const struct tfsm_config *cfg,
                           const struct tfsm_packet *packet, tfsm_time now,
                           const struct tfsm_seat *seat, const uint32_t *iss_after,
                           struct tfsm_arrival *out)
{
    out->kind = TFSM_ARRIVAL_TAKEN;
    out->answers = false;
    out->entry = NO_ENTRY;
    no_effects(&out->effects);
    if (l->closing || !is_segment(packet)) {
        out->kind = TFSM_ARRIVAL_INVALID;
        return;
    }
    struct tfsm_visit at;
    at.ends = ends_of(l, packet);
    at.event.kind = TFSM_EV_SEGMENT;
    at.event.now = now;
    at.event.iss = 0;
    at.event.ts_offset = 0;
    at.event.listener = false;
    at.event.fast_open = false;
    at.event.cookie_len = 0;
    at.event.segment = packet->segment;
    uint32_t place = tfsm_entry_find(l, &at.ends);
    bool cookies = iss_after == NULL; /* of none the ISN is known to come after that */
    if (place != NO_ENTRY && cookies &&
        comes_with_cookie(l, cfg, place, &at.ends, &packet->segment, now)) {
        to_cookie(l, cfg, packet, &at, seat, out);
        if (out->kind == TFSM_ARRIVAL_CONNECTION) {
            tfsm_entry_remove(l, place, TFSM_COUNT_ENTRY_COOKIE);
        } else if (out->answers) { /* the client was reset, for want of room */
            tfsm_entry_remove(l, place, TFSM_COUNT_ENTRY_OVERFLOW);
        }
    } else if (place != NO_ENTRY) {
        to_entry(l, cfg, place, packet, &at, seat, out);
    } else if ((packet->segment.flags & OPENING) == TFSM_SYN) {
        tfsm_arrive_syn(l, cfg, packet, &at, seat, iss_after, out);
    } else if (!cookies || !to_cookie(l, cfg, packet, &at, seat, out)) {
        on_stray(l, cfg, packet, &at, seat, out);
    }
}

/* ---- the entry of a packet ---- */

bool tfsm_listener_stands(const struct tfsm_listener *l, uint32_t entry,
                          const struct tfsm_segment *answer)
{
    uint32_t iss = has(answer->flags, TFSM_SYN) ? answer->seq : seq_sub(answer->seq, 1);
    return !l->closing && entry_at(l, entry)->family != 0 && entry_at(l, entry)->iss == iss;
}

bool tfsm_listener_holds(const struct tfsm_listener *l, const struct tfsm_packet *packet)
{
    const struct tfsm_ends ends = ends_of(l, packet);
    return tfsm_entry_find(l, &ends) != NO_ENTRY;
}

bool tfsm_listener_forget(struct tfsm_listener *l, const struct tfsm_packet *packet)
{
    const struct tfsm_ends ends = ends_of(l, packet);
    uint32_t place = l->closing ? tfsm_entry_find(l, &ends) : NO_ENTRY;
    if (place == NO_ENTRY) {
        return false;
    }
    tfsm_entry_remove(l, place, TFSM_COUNT_ENTRY_CLOSED);
    return true;
}

bool tfsm_listener_claims(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                          const struct tfsm_packet *packet, tfsm_time now,
                          const struct tfsm_tcb *waiting, const struct tfsm_config *waiting_cfg)
{
    const struct tfsm_ends ends = ends_of(l, packet);
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = now, .segment = packet->segment};
    uint32_t place = l->closing ? NO_ENTRY : tfsm_entry_find(l, &ends);
    if (place == NO_ENTRY) {
        return false;
    }
    tfsm_entry_unfold(l, cfg, place, l->work);
    return tfsm_is_for_next_in(l->work, cfg, waiting, waiting_cfg, &event);
}

bool tfsm_listener_peek(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                        const struct tfsm_packet *packet, tfsm_time now, struct tfsm_tcb *out)
{
    const struct tfsm_ends ends = ends_of(l, packet);
    uint32_t place = tfsm_entry_find(l, &ends);
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = now};
    struct tfsm_effects fx;
    struct tfsm_segment syn_ack;
    tfsm_time made;
    bool entry =
        place != NO_ENTRY && !comes_with_cookie(l, cfg, place, &ends, &packet->segment, now);
    if (entry) {
        tfsm_entry_unfold(l, cfg, place, out);
    } else if (!is_cookie(l, cfg, &ends, &packet->segment, now, &event.segment, &made) ||
               !restore_from_cookie(l, cfg, packet, &event, out, &fx, &syn_ack)) {
        open_passive(l, out);
    }
    return entry;
}
