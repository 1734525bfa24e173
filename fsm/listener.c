/* What becomes of a segment that no connection claims (RFC 9293 3.10.7.2, RFC 4987, RFC 7413): an
 * entry of the SYN queue, a cookie, a connection, an answer, or nothing. The protocol is not in
 * here: every decision about a segment is tfsm_step()'s, on a TCB that is opened for it, unfolded
 * from its entry, or restored from a cookie. This file decides about room. */
#include "listener.h"

#define EARLY_RESET_KEPT                                                                           \
    UINT64_C(60000000) /* microseconds that a reset Fast Open goes on to count */

static const uint8_t opening = TFSM_SYN | TFSM_ACK | TFSM_RST;

/* ---- start and end ---- */

/* [RFC4987:3.3; RFC9293:MUST-23; RFC7413:4.2b] */
struct tfsm_listener_policy tfsm_listener_policy_default(void)
{
    return (struct tfsm_listener_policy){.cookies = TFSM_COOKIES_WHEN_FULL, .syn_ack_retries = 7};
}

bool tfsm_listener_open(struct tfsm_listener *l, const struct tfsm_listening *with)
{
    if (with->port == 0 || with->waiting_count == 0 || with->work == NULL ||
        with->entry_count > TFSM_ENTRIES_MOST ||
        (with->entry_count == 0 && with->policy.cookies == TFSM_COOKIES_NEVER)) {
        return false;
    }
    *l = (struct tfsm_listener){.policy = with->policy,
                                .entries = with->entries,
                                .entry_most = with->entry_count,
                                .waiting = with->waiting,
                                .waiting_most = with->waiting_count,
                                .spent = with->spent,
                                .spent_most = with->spent_count,
                                .work = with->work,
                                .port = with->port,
                                .security = with->security};
    copy_key(l->isn_key, with->isn_key);
    tfsm_derive_key(with->secret, 'h', l->hash_key);
    copy_key(l->secret[2], with->secret);
    tfsm_listener_rotate_fast_open(l, with->fast_open_secret);
    tfsm_listener_rotate_fast_open(
        l, with->fast_open_secret); /* no cookie is good by a secret of zeros */
    return true;
}

void tfsm_listener_close(struct tfsm_listener *l)
{
    l->closing = true;
    uint32_t place = l->oldest;
    for (uint32_t left = l->entry_count; left > 0 && place != NO_ENTRY; left--) {
        tfsm_entry_line_up(l, place);
        place = entry_at(l, place)->newer;
    }
}

/* ---- the accept queue ---- */

static bool accept_full(const struct tfsm_listener *l)
{
    return l->waiting_count >= l->waiting_most;
}

static void await_accept(struct tfsm_listener *l, uint64_t id)
{
    /* the sum of two numbers below 2^32 */
    uint64_t at = ((uint64_t)l->waiting_first + l->waiting_count++) % l->waiting_most;
    l->waiting[at] = id;
}

bool tfsm_listener_accept(struct tfsm_listener *l, uint64_t *id)
{
    if (l->waiting_count == 0) {
        return false;
    }
    *id = l->waiting[l->waiting_first];
    l->waiting_first = l->waiting_first + 1 < l->waiting_most ? l->waiting_first + 1 : 0;
    l->waiting_count--;
    tally(l, TFSM_COUNT_ACCEPTED);
    return true;
}

/* A segment on its way: from whom, and as an event. The TCB that it meets is unfolded, restored or opened in
 * l->work: stacks are small. */
struct visit {
    struct tfsm_ends ends;
    struct tfsm_event event;
};

static struct tfsm_ends ends_of(const struct tfsm_listener *l, const struct tfsm_packet *packet)
{
    struct tfsm_ends ends = {&packet->dst, &packet->src, packet->src_port, 0};
    ends.home = tfsm_entry_home(l, &ends);
    return ends;
}

/* No rule has fired. */
static void no_effects(struct tfsm_effects *fx)
{
    clear_effects(fx);
    fx->rule = 0;
    fx->verdict = 0;
}

/* An answer that nothing remembers, whose segment is there already. */
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

/* What goes out before a cookie comes back tells by its timestamp what was agreed. */
static void bend(const struct tfsm_tcb *tcb, struct tfsm_segment *segment)
{
    if (bears(segment, TFSM_OPT_TIMESTAMPS)) {
        segment->ts_val = tfsm_cookie_stamp(tcb, segment->ts_val);
    }
}

/* What the TCB in l->work has to say, if anything: an answer to the segment. */
static void answer(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                   const struct tfsm_packet *packet, const struct visit *at, bool cookie,
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

/* An entry that is asked to speaks at once, unless a RST goes before. Who is no entry any more owes nothing. */
static ALONG void answer_from(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                              uint32_t place, const struct tfsm_packet *packet,
                              const struct visit *at, struct tfsm_arrival *out)
{
    if (l->policy.at_once && !out->answers) {
        answer(l, cfg, packet, at, entry_at(l, place)->cookie, out);
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

/* What a passive OPEN leaves of a fresh TCB. */
static void open_passive(const struct tfsm_listener *l, struct tfsm_tcb *tcb)
{
    *tcb = (struct tfsm_tcb){0};
    tcb->state = TFSM_LISTEN;
    tcb->flags = TFSM_M_PASSIVE;
    tcb->security = l->security;
}

/* What LISTEN says to a segment that it does not take: a RST to an ACK, and to a SYN of another label;
 * the rest it ignores. */
static void answer_as_listen(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                             const struct tfsm_packet *packet, struct visit *at,
                             struct tfsm_arrival *out)
{
    open_passive(l, l->work);
    tfsm_step(l->work, cfg, &at->event, &out->effects);
    last_words(cfg, packet, l->work, at->event.now, out);
}

/* ---- third segments ---- */

static bool is_open(const struct tfsm_tcb *tcb)
{
    return !IN_STATE(tcb, STATE_BIT(CLOSED) | STATE_BIT(LISTEN) | STATE_BIT(SYN_RECEIVED));
}

/* The handshake is through. Returns whether there is room for the connection; if not, whether to
 * tell the client is the policy's. */
static bool seat_connection(struct tfsm_listener *l, const struct tfsm_tcb *tcb,
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

APART static void reset_client(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                               const struct tfsm_packet *packet, struct visit *at,
                               struct tfsm_arrival *out)
{
    struct tfsm_effects fx;
    at->event.kind = TFSM_EV_ABORT;
    tfsm_step(l->work, cfg, &at->event, &fx);
    last_words(cfg, packet, l->work, at->event.now, out);
}

/* Why an entry is over that went back to LISTEN. */
static enum tfsm_listener_counter end_of(const struct tfsm_event *event)
{
    if (event->kind == TFSM_EV_TIMEOUT) {
        return TFSM_COUNT_ENTRY_TIMED_OUT;
    }
    if (event->kind == TFSM_EV_ICMP) {
        return TFSM_COUNT_ENTRY_UNREACHABLE;
    }
    return has(event->segment.flags, TFSM_RST) ? TFSM_COUNT_ENTRY_RESET : TFSM_COUNT_ENTRY_SYN;
}

static void remove_entry(struct tfsm_listener *l, uint32_t place, enum tfsm_listener_counter why)
{
    tally(l, why);
    tfsm_entry_give_back(l, place);
}

static void tally_refused(struct tfsm_listener *l, const struct tfsm_arrival *out)
{
    if (out->effects.verdict == TFSM_V_DROP) {
        tally(l, TFSM_COUNT_REFUSED);
    }
}

/* An event for an entry that does not open it. */
static void keep_or_remove(struct tfsm_listener *l, uint32_t place, const struct tfsm_event *event,
                           const struct tfsm_tcb *tcb)
{
    if (tcb->state == TFSM_SYN_RECEIVED) {
        tfsm_entry_fold(l, place, tcb);
    } else {
        remove_entry(l, place, end_of(event));
    }
}

/* The timestamp that came back was bent: it says nothing of the round trip. */
static void forget_round_trip(struct tfsm_tcb *tcb)
{
    tcb->flags &= ~(uint32_t)(TFSM_M_TIMING | TFSM_M_MEASURED);
    tcb->srtt = 0;
    tcb->rttvar = 0;
}

/* There is no room for a connection, and clients are left to try again. While cookies are out an ACK
 * that makes no sense may then be a later piece of such a client's text: it is not answered. */
static bool may_be_text(const struct tfsm_listener *l, const struct tfsm_packet *packet,
                        const struct tfsm_seat *seat, tfsm_time now)
{
    return (packet->segment.flags & opening) == TFSM_ACK && (accept_full(l) || seat == NULL) &&
           l->policy.overflow == TFSM_OVERFLOW_DROP && tfsm_cookies_are_out(l, now);
}

/* A third segment that finds no room leaves the entry as it was, or resets it. */
static void to_entry(struct tfsm_listener *l, const struct tfsm_config *cfg, uint32_t place,
                     const struct tfsm_packet *packet, struct visit *at,
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
        answer_from(l, cfg, place, packet, at, out);
        keep_or_remove(l, place, &at->event, tcb);
    } else if (seat_connection(l, tcb, seat, out)) {
        if (entry_at(l, place)->cookie) {
            tfsm_cookie_spend(l, &at->ends, entry_at(l, place)->irs, entry_at(l, place)->opened);
        }
        remove_entry(l, place, TFSM_COUNT_ESTABLISHED);
    } else if (l->policy.overflow == TFSM_OVERFLOW_RESET) {
        reset_client(l, cfg, packet, at, out);
        remove_entry(l, place, TFSM_COUNT_ENTRY_OVERFLOW);
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
    return (third->flags & opening) == TFSM_ACK && tfsm_cookies_are_out(l, now) &&
           tfsm_cookie_check(l, cfg, ends, third, now, syn, made);
}

/* An ACK of no entry may bear a cookie. Returns false when it does not. */
static bool to_cookie(struct tfsm_listener *l, const struct tfsm_config *cfg,
                      const struct tfsm_packet *packet, struct visit *at,
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
    } else if (seat_connection(l, tcb, seat, out)) {
        tfsm_cookie_spend(l, &at->ends, irs, made);
        tally(l, TFSM_COUNT_COOKIE_GOOD);
    } else if (l->policy.overflow == TFSM_OVERFLOW_RESET) {
        reset_client(l, cfg, packet, at, out);
    }
    return true;
}

/* ---- strays ---- */

/* A segment for nobody. */
static void on_stray(struct tfsm_listener *l, const struct tfsm_config *cfg,
                     const struct tfsm_packet *packet, struct visit *at,
                     const struct tfsm_seat *seat, struct tfsm_arrival *out)
{
    tfsm_time now = at->event.now;
    uint8_t flags = packet->segment.flags;
    if (may_be_text(l, packet, seat, now)) {
        tally(l, accept_full(l) ? TFSM_COUNT_ACK_ACCEPT_FULL : TFSM_COUNT_ACK_NO_SEAT);
        return;
    }
    if ((flags & opening) == TFSM_ACK && tfsm_cookies_are_out(l, now)) {
        tally(l, TFSM_COUNT_COOKIE_BAD);
    }
    tally(l, has(flags, TFSM_RST)   ? TFSM_COUNT_RST_UNEXPECTED
             : has(flags, TFSM_ACK) ? TFSM_COUNT_ACK_UNEXPECTED
                                    : TFSM_COUNT_OTHER);
    answer_as_listen(l, cfg, packet, at, out);
}

/* ---- SYNs ---- */

static void age_early_resets(struct tfsm_listener *l, tfsm_time now)
{
    if (now >= l->early_reset_until) {
        bool recent = now - l->early_reset_until < EARLY_RESET_KEPT;
        l->early_reset[1] = recent ? l->early_reset[0] : 0;
        l->early_reset[0] = 0;
        l->early_reset_until = later(now, EARLY_RESET_KEPT);
    }
}

void tfsm_listener_early_over(struct tfsm_listener *l, bool reset, tfsm_time now)
{
    l->early -= l->early > 0 ? 1 : 0;
    if (reset) {
        age_early_resets(l, now);
        l->early_reset[0] += l->early_reset[0] < UINT32_MAX ? 1 : 0;
    }
}

static bool may_open_early(struct tfsm_listener *l, tfsm_time now)
{
    age_early_resets(l, now);
    uint64_t pending = (uint64_t)l->early + l->early_reset[0] + l->early_reset[1];
    return pending < l->policy.fast_open;
}

/* What the SYN says of Fast Open goes into the event: a good cookie opens early, if that may be, any
 * other option is answered with a cookie. Returns what to count it as once it is answered,
 * TFSM_LISTENER_COUNTS for nothing. [RFC7413:4.2, RFC7413:4.2.2g, 4.2.2h, 4.2.2i; RFC7413:5.1a, 5.1b] */
static enum tfsm_listener_counter weigh_fast_open(struct tfsm_listener *l,
                                                  const struct tfsm_packet *packet, bool allowed,
                                                  struct visit *at)
{
    struct tfsm_event *event = &at->event;
    const struct tfsm_segment *syn = &packet->segment;
    if (l->policy.fast_open == 0 || !bears(syn, TFSM_OPT_FAST_OPEN)) {
        return TFSM_LISTENER_COUNTS;
    }
    bool good = tfsm_fast_cookie_holds(l, &at->ends, packet->cookie, syn->cookie_len);
    bool room = may_open_early(l, event->now) && allowed;
    event->fast_open = good && room;
    event->cookie_len = good ? 0 : TFSM_FAST_COOKIE;
    return good && room          ? TFSM_COUNT_EARLY
           : good                ? TFSM_COUNT_FAST_OPEN_LIMIT
           : syn->cookie_len > 0 ? TFSM_COUNT_FAST_OPEN_BAD
                                 : TFSM_COUNT_FAST_OPEN_ASKED;
}

/* An entry for a SYN, be it by putting out the oldest one: nobody may be there, and who is there
 * will be told by a reset when it speaks (RFC4987:3.4). [RFC4987:3.7] */
static uint32_t make_room(struct tfsm_listener *l, const struct tfsm_ends *ends, bool needed,
                          bool cookie)
{
    bool wanted = needed || l->policy.cookies != TFSM_COOKIES_ALWAYS;
    uint32_t place = wanted ? tfsm_entry_take(l, ends, cookie) : NO_ENTRY;
    if (place == NO_ENTRY && l->policy.cookies == TFSM_COOKIES_NEVER && l->policy.recycle &&
        l->oldest != NO_ENTRY) {
        remove_entry(l, l->oldest, TFSM_COUNT_ENTRY_RECYCLED);
        place = tfsm_entry_take(l, ends, cookie);
    }
    return place;
}

bool tfsm_listener_has_room(const struct tfsm_listener *l)
{
    bool recycles = l->policy.cookies == TFSM_COOKIES_NEVER && l->policy.recycle;
    return !l->closing && !accept_full(l) && l->entry_most > 0 &&
           (l->entry_count < l->entry_most || recycles);
}

/* An answer, and nothing is kept: the SYN-ACK bears all there is to know. */
static void send_cookie(struct tfsm_listener *l, const struct tfsm_config *cfg,
                        const struct tfsm_packet *packet, struct visit *at,
                        struct tfsm_arrival *out)
{
    tally(l, TFSM_COUNT_COOKIE_SENT);
    open_passive(l, l->work);
    tfsm_step(l->work, cfg, &at->event, &out->effects);
    answer(l, cfg, packet, at, true, out);
    if (out->answers) { /* nobody would know that a user timeout was told */
        out->answer.segment.options &= (uint8_t) ~(unsigned)TFSM_OPT_USER_TIMEOUT;
        tfsm_cookie_sent(l, at->event.now);
    }
}

/* Only the SYN itself goes into an entry: its text and FIN come again when they are not acknowledged
 * (RFC 9293 3.10.7.2 lets a SYN's text wait, and an entry has no room for it). */
static void strip(struct tfsm_segment *syn)
{
    syn->len = 1;
    syn->flags &= (uint8_t) ~(unsigned)(TFSM_FIN | TFSM_URG | TFSM_PSH);
}

/* The ISN and the timestamp clock. With a cookie the SYN is heeded only as far as one can carry it. */
static void choose_iss(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                       const struct tfsm_ends *ends, bool cookie, const uint32_t *iss_after,
                       struct tfsm_event *event)
{
    tfsm_seed(l->isn_key, ends->local, l->port, ends->remote, ends->remote_port, event);
    if (cookie) {
        event->iss = tfsm_cookie_make(l, cfg, ends, &event->segment, event->now);
        tfsm_cookie_reduce(cfg, &event->segment);
        return;
    }
    if (iss_after != NULL && !seq_lt(*iss_after, event->iss)) {
        event->iss = seq_add(*iss_after, 1);
    }
}

/* A SYN that is taken: into its entry, or at once where its Fast Open cookie is good. */
static void take_syn(struct tfsm_listener *l, const struct tfsm_config *cfg, uint32_t place,
                     const struct tfsm_packet *packet, struct visit *at, bool cookie,
                     const struct tfsm_seat *seat, struct tfsm_arrival *out)
{
    const struct tfsm_event *event = &at->event;
    struct tfsm_tcb *tcb = l->work;
    open_passive(l, tcb);
    tfsm_step(tcb, cfg, event, &out->effects);
    if (event->fast_open) {
        *seat->tcb = *tcb;
        if (cookie) {
            tfsm_cookie_spend(l, &at->ends, packet->segment.seq, event->now);
        }
        await_accept(l, seat->id);
        out->kind = TFSM_ARRIVAL_CONNECTION;
        l->early++;
        return;
    }
    tally(l, TFSM_COUNT_ENTRY);
    if (!is_open(tcb)) {
        answer_from(l, cfg, place, packet, at, out);
        tfsm_entry_fold(l, place, tcb);
    } else { /* only a faulty table opens so soon */
        bool seated = seat_connection(l, tcb, seat, out);
        remove_entry(l, place, seated ? TFSM_COUNT_ESTABLISHED : TFSM_COUNT_ENTRY_OVERFLOW);
    }
}

static void on_syn(struct tfsm_listener *l, const struct tfsm_config *cfg,
                   const struct tfsm_packet *packet, struct visit *at, const struct tfsm_seat *seat,
                   const uint32_t *iss_after, struct tfsm_arrival *out)
{
    struct tfsm_event *event = &at->event;
    tfsm_time now = event->now;
    tally(l, TFSM_COUNT_SYN);
    if (packet->segment.security != l->security) {
        tally(l, TFSM_COUNT_SYN_REFUSED);
        answer_as_listen(l, cfg, packet, at, out);
        return;
    }
    if (accept_full(l) || seat == NULL) { /* it would come to nothing: the client tries again */
        tally(l, accept_full(l) ? TFSM_COUNT_SYN_ACCEPT_FULL : TFSM_COUNT_SYN_NO_SEAT);
        return;
    }
    enum tfsm_listener_counter fast_open = weigh_fast_open(l, packet, iss_after == NULL, at);
    /* Where a cookie may have been sent for the same SYN, the ISN is one. */
    bool cookie = iss_after == NULL && tfsm_cookies_are_out(l, now);
    uint32_t place =
        event->fast_open ? NO_ENTRY : make_room(l, &at->ends, iss_after != NULL, cookie);
    bool stateless = !event->fast_open && place == NO_ENTRY;
    if (stateless && (iss_after != NULL || l->policy.cookies == TFSM_COOKIES_NEVER)) {
        tally(l, TFSM_COUNT_SYN_QUEUE_FULL);
        return;
    }
    if (fast_open != TFSM_LISTENER_COUNTS) {
        tally(l, fast_open);
    }
    choose_iss(l, cfg, &at->ends, cookie || stateless, iss_after, event);
    if (!event->fast_open) {
        strip(&event->segment);
    }
    if (stateless) {
        send_cookie(l, cfg, packet, at, out);
    } else {
        take_syn(l, cfg, place, packet, at, cookie, seat, out);
    }
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
    no_effects(&out->effects);
    if (l->closing || !is_segment(packet)) {
        out->kind = TFSM_ARRIVAL_INVALID;
        return;
    }
    struct visit at;
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
            remove_entry(l, place, TFSM_COUNT_ENTRY_COOKIE);
        } else if (out->answers) { /* the client was reset, for want of room */
            remove_entry(l, place, TFSM_COUNT_ENTRY_OVERFLOW);
        }
    } else if (place != NO_ENTRY) {
        to_entry(l, cfg, place, packet, &at, seat, out);
    } else if ((packet->segment.flags & opening) == TFSM_SYN) {
        on_syn(l, cfg, packet, &at, seat, iss_after, out);
    } else if (!cookies || !to_cookie(l, cfg, packet, &at, seat, out)) {
        on_stray(l, cfg, packet, &at, seat, out);
    }
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

/* ---- ICMP, time, output ---- */

bool tfsm_listener_icmp(struct tfsm_listener *l, const struct tfsm_config *cfg,
                        const struct tfsm_icmp_message *message, tfsm_time now,
                        struct tfsm_effects *fx)
{
    struct tfsm_ends ends = {&message->local, &message->remote, message->remote_port, 0};
    ends.home = tfsm_entry_home(l, &ends);
    struct tfsm_event event = {.kind = TFSM_EV_ICMP,
                               .now = now,
                               .icmp = message->meaning,
                               .mss = message->mss,
                               .segment = {.seq = message->seq}};
    uint32_t place = tfsm_entry_find(l, &ends);
    if (place == NO_ENTRY || l->closing) {
        return false;
    }
    tfsm_entry_unfold(l, cfg, place, l->work);
    tfsm_step(l->work, cfg, &event, fx);
    keep_or_remove(l, place, &event, l->work);
    return true;
}

tfsm_time tfsm_listener_deadline(const struct tfsm_listener *l)
{
    tfsm_time at;
    (void)tfsm_entry_due(l, &at);
    return l->closing ? TFSM_NEVER : at;
}

bool tfsm_listener_timeout(struct tfsm_listener *l, const struct tfsm_config *cfg, tfsm_time now,
                           struct tfsm_effects *fx)
{
    struct tfsm_event event = {.kind = TFSM_EV_TIMEOUT, .now = now};
    tfsm_time at;
    uint32_t place = tfsm_entry_due(l, &at);
    if (place == NO_ENTRY || at > now || l->closing) {
        return false;
    }
    struct tfsm_config patience = *cfg;
    patience.syn_retries = l->policy.syn_ack_retries;
    tfsm_entry_unfold(l, cfg, place, l->work);
    tfsm_step(l->work, &patience, &event, fx);
    keep_or_remove(l, place, &event, l->work);
    return true;
}

/* An entry of a listener that closes says so, and is gone. */
static void say_goodbye(struct tfsm_listener *l, const struct tfsm_config *cfg, uint32_t place,
                        tfsm_time now)
{
    struct tfsm_event abort = {.kind = TFSM_EV_ABORT, .now = now};
    struct tfsm_effects fx;
    tfsm_step(l->work, cfg, &abort, &fx);
    remove_entry(l, place, TFSM_COUNT_ENTRY_CLOSED);
}

bool tfsm_listener_forget(struct tfsm_listener *l, const struct tfsm_packet *packet)
{
    const struct tfsm_ends ends = ends_of(l, packet);
    uint32_t place = l->closing ? tfsm_entry_find(l, &ends) : NO_ENTRY;
    if (place == NO_ENTRY) {
        return false;
    }
    remove_entry(l, place, TFSM_COUNT_ENTRY_CLOSED);
    return true;
}

bool tfsm_listener_owes(const struct tfsm_listener *l)
{
    return l->line_first != NO_ENTRY;
}

/* The envelope of what an entry sends. */
static void address_entry(const struct tfsm_listener *l, const struct tfsm_address *local,
                          const struct tfsm_address *remote, uint16_t remote_port,
                          struct tfsm_packet *out)
{
    const struct tfsm_ends ends = {local, remote, remote_port, 0}; /* not looked for */
    out->src = *local;
    out->dst = *remote;
    out->src_port = l->port;
    out->dst_port = remote_port;
    out->hops = 0;
    out->traffic_class = 0;
    out->reserved = 0;
    out->text_at = 0;
    if (bears(&out->segment, TFSM_OPT_FAST_OPEN)) {
        tfsm_fast_cookie(l, &ends, out->cookie);
    }
}

/* Each entry in line is asked once more than it has something to say; one call asks none twice. */
bool tfsm_listener_output(struct tfsm_listener *l, const struct tfsm_config *cfg, tfsm_time now,
                          struct tfsm_packet *out)
{
    for (uint32_t left = l->entry_count; left > 0 && l->line_first != NO_ENTRY; left--) {
        uint32_t place = l->line_first;
        tfsm_entry_unfold(l, cfg, place, l->work);
        tfsm_entry_leave_line(l, place);
        const bool bent = entry_at(l, place)->cookie && !l->closing;
        const struct tfsm_address local = tfsm_entry_address(entry_at(l, place), true);
        const struct tfsm_address remote = tfsm_entry_address(entry_at(l, place), false);
        const uint16_t remote_port = entry_at(l, place)->remote_port;
        if (l->closing) {
            say_goodbye(l, cfg, place, now);
        }
        bool more = tfsm_output(l->work, cfg, now, &out->segment);
        if (!l->closing) {
            tfsm_entry_fold(l, place, l->work);
        }
        if (more) {
            if (bent) {
                bend(l->work, &out->segment);
            }
            address_entry(l, &local, &remote, remote_port, out);
            return true;
        }
    }
    return false;
}

/* ---- looking in ---- */

bool tfsm_listener_holds(const struct tfsm_listener *l, const struct tfsm_packet *packet)
{
    const struct tfsm_ends ends = ends_of(l, packet);
    return tfsm_entry_find(l, &ends) != NO_ENTRY;
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

static const char *check_entry(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                               uint32_t place)
{
    const struct tfsm_entry *entry = entry_at(l, place);
    struct tfsm_address local = tfsm_entry_address(entry, true);
    struct tfsm_address remote = tfsm_entry_address(entry, false);
    struct tfsm_ends ends = {&local, &remote, entry->remote_port, 0};
    ends.home = tfsm_entry_home(l, &ends);
    tfsm_entry_unfold(l, cfg, place, l->work);
    enum tfsm_clause clause = tfsm_check(l->work);
    if (clause != TFSM_OK) {
        return tfsm_clause_name(clause);
    }
    if (tfsm_entry_find(l, &ends) != place) {
        return "a peer leads to its one entry";
    }
    if (entry->place == 0 || entry->place > l->heap_count ||
        l->entries[entry->place - 1].heap != place) {
        return "every entry has a deadline and knows its place";
    }
    if (entry->place > 1 &&
        entry->due < entry_at(l, l->entries[(entry->place - 2) / 2].heap)->due) {
        return "no deadline is before its parent's";
    }
    bool waits = l->line_first == place || entry->before != NO_ENTRY;
    if (waits != (entry->owed != 0 || l->closing)) {
        return "who owes something stands in line";
    }
    return NULL;
}

/* The books: SYNs and entries add up. */
static const char *check_counters(const struct tfsm_listener *l)
{
    const uint64_t *n = l->counters;
    uint64_t syns = n[TFSM_COUNT_ENTRY] + n[TFSM_COUNT_COOKIE_SENT] + n[TFSM_COUNT_EARLY] +
                    n[TFSM_COUNT_SYN_QUEUE_FULL] + n[TFSM_COUNT_SYN_ACCEPT_FULL] +
                    n[TFSM_COUNT_SYN_NO_SEAT] + n[TFSM_COUNT_SYN_REFUSED];
    uint64_t ended = 0;
    for (unsigned i = TFSM_COUNT_ESTABLISHED; i <= TFSM_COUNT_ENTRY_CLOSED; i++) {
        ended += n[i];
    }
    if (syns != n[TFSM_COUNT_SYN]) {
        return "every SYN is accounted for";
    }
    if (ended + l->entry_count != n[TFSM_COUNT_ENTRY]) {
        return "no entry is lost";
    }
    uint64_t connections =
        n[TFSM_COUNT_ESTABLISHED] + n[TFSM_COUNT_COOKIE_GOOD] + n[TFSM_COUNT_EARLY];
    if (n[TFSM_COUNT_ACCEPTED] + l->waiting_count != connections) {
        return "every connection was accepted or waits";
    }
    return NULL;
}

const char *tfsm_listener_check(const struct tfsm_listener *l, const struct tfsm_config *cfg)
{
    uint32_t count = 0;
    uint32_t before = NO_ENTRY;
    uint32_t place = l->oldest;
    while (place != NO_ENTRY && count <= l->entry_count) {
        const char *wrong = check_entry(l, cfg, place);
        if (wrong != NULL) {
            return wrong;
        }
        if (entry_at(l, place)->older != before) {
            return "the links of age agree";
        }
        before = place;
        place = entry_at(l, place)->newer;
        count++;
    }
    if (count != l->entry_count || l->newest != before || l->heap_count != count) {
        return "every entry is in the order of age and in the heap";
    }
    if (l->entry_count > l->entry_most || l->waiting_count > l->waiting_most) {
        return "no queue is longer than its array";
    }
    uint32_t unused = l->entry_most - l->used_entries;
    for (uint32_t at = l->free_entries; at != NO_ENTRY && unused <= l->entry_most;
         at = entry_at(l, at)->chain) {
        unused++;
    }
    if (unused + l->entry_count != l->entry_most) {
        return "every entry is in use or free";
    }
    return check_counters(l);
}
