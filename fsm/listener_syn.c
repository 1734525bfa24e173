/* What becomes of a SYN for which there is no entry yet: an entry, which takes a place in the queue, a
 * cookie, which takes none (RFC 4987), a connection at once (RFC 7413), or nothing. */
#include "arrive.h"

#define EARLY_RESET_KEPT                                                                           \
    UINT64_C(60000000) /* microseconds that a reset Fast Open goes on to count */

/* ---- Fast Open ---- */

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
                                                  struct tfsm_visit *at)
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

/* ---- room ---- */

/* An entry for a SYN, be it by putting out the oldest one: nobody may be there, and who is there
 * will be told by a reset when it speaks (RFC4987:3.4). [RFC4987:3.7] */
static uint32_t make_room(struct tfsm_listener *l, const struct tfsm_ends *ends, bool needed,
                          bool cookie)
{
    bool wanted = needed || l->policy.cookies != TFSM_COOKIES_ALWAYS;
    uint32_t place = wanted ? tfsm_entry_take(l, ends, cookie) : NO_ENTRY;
    if (place == NO_ENTRY && l->policy.cookies == TFSM_COOKIES_NEVER && l->policy.recycle &&
        l->oldest != NO_ENTRY) {
        tfsm_entry_remove(l, l->oldest, TFSM_COUNT_ENTRY_RECYCLED);
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

/* ---- SYNs ---- */

/* An answer, and nothing is kept: the SYN-ACK bears all there is to know. */
static void send_cookie(struct tfsm_listener *l, const struct tfsm_config *cfg,
                        const struct tfsm_packet *packet, struct tfsm_visit *at,
                        struct tfsm_arrival *out)
{
    tally(l, TFSM_COUNT_COOKIE_SENT);
    open_passive(l, l->work);
    tfsm_step(l->work, cfg, &at->event, &out->effects);
    tfsm_arrive_answer(l, cfg, packet, at, true, out);
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

/* A SYN whose Fast Open cookie is good makes a connection at once. */
static void open_early(struct tfsm_listener *l, const struct tfsm_config *cfg,
                       const struct tfsm_packet *packet, struct tfsm_visit *at, bool cookie,
                       const struct tfsm_seat *seat, struct tfsm_arrival *out)
{
    open_passive(l, l->work);
    tfsm_step(l->work, cfg, &at->event, &out->effects);
    *seat->tcb = *l->work;
    if (cookie) {
        tfsm_cookie_spend(l, &at->ends, packet->segment.seq, at->event.now);
    }
    await_accept(l, seat->id);
    out->kind = TFSM_ARRIVAL_CONNECTION;
    l->early++;
}

/* A SYN that is taken into its entry. */
static void take_syn(struct tfsm_listener *l, const struct tfsm_config *cfg, uint32_t place,
                     const struct tfsm_packet *packet, struct tfsm_visit *at,
                     const struct tfsm_seat *seat, struct tfsm_arrival *out)
{
    struct tfsm_tcb *tcb = l->work;
    open_passive(l, tcb);
    tfsm_step(tcb, cfg, &at->event, &out->effects);
    tally(l, TFSM_COUNT_ENTRY);
    if (!is_open(tcb)) {
        answer_at_once(l, cfg, place, packet, at, out);
        tfsm_entry_fold(l, place, tcb);
    } else { /* only a faulty table opens so soon */
        bool seated = tfsm_arrive_seated(l, tcb, seat, out);
        tfsm_entry_remove(l, place, seated ? TFSM_COUNT_ESTABLISHED : TFSM_COUNT_ENTRY_OVERFLOW);
    }
}

void tfsm_arrive_syn(struct tfsm_listener *l, const struct tfsm_config *cfg,
                     const struct tfsm_packet *packet, struct tfsm_visit *at,
                     const struct tfsm_seat *seat, const uint32_t *iss_after,
                     struct tfsm_arrival *out)
{
    struct tfsm_event *event = &at->event;
    tfsm_time now = event->now;
    tally(l, TFSM_COUNT_SYN);
    if (packet->segment.security != l->security) {
        tally(l, TFSM_COUNT_SYN_REFUSED);
        tfsm_arrive_at_listen(l, cfg, packet, at, out);
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
    if (event->fast_open) {
        open_early(l, cfg, packet, at, cookie, seat, out);
        return;
    }
    strip(&event->segment);
    if (place == NO_ENTRY) {
        send_cookie(l, cfg, packet, at, out);
    } else {
        take_syn(l, cfg, place, packet, at, seat, out);
    }
}
