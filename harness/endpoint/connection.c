/* A connection's slot: taking one, feeding it events, carrying out what the core asks for, and
 * giving it back when both the core and the user are done with it. */
#include "internal.h"

/* News that the application may not want to hear (RFC9293:SHLD-20). */
#define MAY_BE_MUTED                                                                               \
    ((uint32_t)(TFSM_SIG_URGENT | TFSM_SIG_ADVICE | TFSM_SIG_SOFT_ERROR | TFSM_SIG_USER_TIMEOUT))

void ep_clamp(const struct endpoint *ep, unsigned family, struct tfsm_config *policy)
{
    uint16_t mss = ep_family_policy(ep, family)->mss;
    policy->rcv_buff = ep_min(policy->rcv_buff, ep->receive_ring);
    policy->snd_buff = ep_min(policy->snd_buff, ep->send_ring);
    policy->mss = policy->mss < mss ? policy->mss : mss;
}

static uint32_t next_generation(const struct ep_slot *slot)
{
    uint32_t generation = seq_add(slot->node.generation, 1);
    return generation != 0 ? generation : 1;
}

/* Who is free last is taken first. A slot stays while its user is to be told, or a RST is owed. */
endpoint_handle ep_next_handle(const struct endpoint *ep, uint32_t waiting)
{
    uint32_t index = ep->free_slots != 0 ? ep->free_slots - 1 : ep->used_slots;
    if (waiting != EP_NONE && ep_slot(ep, waiting)->owner == EP_NOBODY &&
        (ep_slot(ep, waiting)->tcb.owed & TFSM_OWE_RST) == 0) {
        index = waiting;
    }
    return index < ep->connections ? ep_handle(next_generation(ep_slot(ep, index)), index) : 0;
}

uint32_t ep_allocate(struct endpoint *ep, const struct ep_tuple *tuple, uint32_t hash,
                     enum ep_owner owner)
{
    uint32_t index = ep->used_slots;
    if (ep->free_slots != 0) {
        index = ep->free_slots - 1;
        ep->free_slots = ep_slot(ep, index)->node.link[EP_DIRTY].next;
    } else if (ep->used_slots < ep->connections) {
        tfsm_make_room(&ep_slot(ep, index)->tcb, ep->ranges);
        ep->used_slots++;
    } else {
        return EP_NONE;
    }
    struct ep_slot *slot = ep_slot(ep, index);
    uint32_t generation = next_generation(slot);
    memset(slot, 0, offsetof(struct ep_slot, tcb));
    ep->cold[index].mute =
        0; /* and of listener and policy nothing is read that was not written since */
    memset(ep->cold[index].cookie, 0, sizeof ep->cold[index].cookie);
    slot->node.generation = generation;
    slot->node.hash = hash;
    slot->node.at = TFSM_NEVER;
    slot->owner = (uint8_t)owner;
    slot->tuple = *tuple;
    slot->hops = ep->hops;
    slot->traffic_class = ep->traffic_class;
    ep_enter(ep, index);
    ep->counters.opened++;
    return index;
}

static void free_slot(struct endpoint *ep, uint32_t index)
{
    ep_leave(ep, index);
    ep_unschedule(ep, index);
    ep_remove(ep, &ep->dirty, EP_DIRTY, index);
    ep_remove(ep, &ep->ready, EP_READY, index);
    ep_slot(ep, index)->owner = EP_FREE;
    ep_slot(ep, index)->node.link[EP_DIRTY].next = ep->free_slots;
    ep->free_slots = index + 1;
    ep->counters.freed++;
}

void ep_seed(const struct endpoint *ep, const struct ep_tuple *tuple, struct tfsm_event *event)
{
    struct tfsm_address local = ep_address(tuple, true);
    struct tfsm_address remote = ep_address(tuple, false);
    tfsm_seed(ep->key, &local, tuple->local_port, &remote, tuple->remote_port, event);
}

/* With all that is behind it. */
static void keep_before(const struct endpoint *ep, const struct tfsm_tcb *tcb)
{
    memcpy(ep->spare, tcb, tfsm_tcb_size(tcb));
}

enum tfsm_result ep_step_watched(const struct endpoint *ep, endpoint_handle handle,
                                 struct tfsm_tcb *tcb, const struct tfsm_config *policy,
                                 const struct tfsm_event *event, struct tfsm_effects *fx)
{
    keep_before(ep, tcb);
    enum tfsm_result result = tfsm_step(tcb, policy, event, fx);
    struct endpoint_watched what = {.connection = handle,
                                    .now = event->now,
                                    .policy = policy,
                                    .before = ep->spare,
                                    .after = tcb,
                                    .event = event,
                                    .result = result,
                                    .effects = fx};
    ep->watcher(ep->watcher_user, &what);
    return result;
}

/* Nothing is to be said, and nothing changes by asking. */
static bool tell_nothing(const struct endpoint *ep, endpoint_handle handle,
                         const struct tfsm_tcb *tcb, const struct tfsm_config *policy,
                         tfsm_time now)
{
    struct endpoint_watched what = {
        .connection = handle, .now = now, .policy = policy, .before = tcb, .after = tcb};
    ep->watcher(ep->watcher_user, &what);
    return false;
}

static bool pull_and_tell(const struct endpoint *ep, endpoint_handle handle, struct tfsm_tcb *tcb,
                          const struct tfsm_config *policy, tfsm_time now, struct tfsm_segment *out)
{
    keep_before(ep, tcb);
    bool more = tfsm_output(tcb, policy, now, out);
    struct endpoint_watched what = {.connection = handle,
                                    .now = now,
                                    .policy = policy,
                                    .before = ep->spare,
                                    .after = tcb,
                                    .segment = more ? out : NULL};
    ep->watcher(ep->watcher_user, &what);
    return more;
}

bool ep_pull_watched(const struct endpoint *ep, endpoint_handle handle, struct tfsm_tcb *tcb,
                     const struct tfsm_config *policy, tfsm_time now, struct tfsm_segment *out)
{
    return tfsm_has_nothing(tcb) ? tell_nothing(ep, handle, tcb, policy, now)
                                 : pull_and_tell(ep, handle, tcb, policy, now, out);
}

/* New text goes to its place in the stream, whatever order it comes in. The core hands out nothing
 * beyond the window it offered, which the ring holds. */
EP_INLINE void copy_in(struct endpoint *ep, uint32_t index, const uint8_t *text,
                       const struct tfsm_text *piece)
{
    uint8_t *ring = ep_receive_ring(ep, index);
    uint32_t at = (uint32_t)(piece->offset & (ep->receive_ring - 1));
    uint32_t first = ep_min(piece->len, ep->receive_ring - at);
    memcpy(ring + at, text + piece->at, first);
    if (first < piece->len) {
        memcpy(ring, text + piece->at + first, ep_min(piece->len - first, at));
    }
}

/* Errors of ICMP and of retransmission are among them (RFC9293:MUST-47, RFC9293:SHLD-25). */
void ep_tell(struct endpoint *ep, uint32_t index, uint32_t news)
{
    struct ep_slot *slot = ep_slot(ep, index);
    if ((news & MAY_BE_MUTED) != 0) {
        news &= ~(ep->cold[index].mute & MAY_BE_MUTED);
    }
    slot->news |= news;
    if (slot->news != 0 && (slot->owner == EP_USER || slot->owner == EP_USER_CLOSED)) {
        ep_append_at(ep, &ep->ready, EP_READY, index, &slot->node);
    }
}

void ep_carry_out(struct endpoint *ep, uint32_t index, const struct tfsm_effects *fx,
                  const uint8_t *text)
{
    struct ep_slot *slot = ep_slot(ep, index);
    uint32_t news = fx->signals & ~(uint32_t)TFSM_SIG_COOKIE; /* that is for us */
    for (unsigned i = 0; i < fx->text_count; i++) {
        copy_in(ep, index, text, &fx->text[i]);
    }
    slot->delivered = seq_add(slot->delivered, fx->delivered);
    slot->acknowledged = seq_add(slot->acknowledged, fx->acknowledged);
    if (fx->delivered > 0) {
        news |= ENDPOINT_READABLE;
    }
    if (fx->acknowledged > 0 && slot->wants_room && ep_writable(ep, index) > 0) {
        slot->wants_room = false;
        news |= ENDPOINT_WRITABLE;
    }
    if (news != 0) {
        ep_tell(ep, index, news);
    }
}

EP_INLINE enum tfsm_result feed_one(struct endpoint *ep, uint32_t index,
                                    const struct tfsm_event *event, const uint8_t *text,
                                    struct tfsm_effects *fx)
{
    struct ep_slot *slot = ep_slot(ep, index);
    enum tfsm_result result = ep_step(ep, ep_handle(slot->node.generation, index), &slot->tcb,
                                      ep_policy(ep, index), event, fx);
    if (result == TFSM_DONE) {
        if ((fx->signals | fx->text_count | fx->delivered | fx->acknowledged) != 0) {
            ep_carry_out(ep, index, fx, text);
        }
        if (slot->early) {
            ep_early_over(ep, index, event, fx->signals);
        }
        if (ep->watcher != NULL ||
            !tfsm_has_nothing(&slot->tcb)) { /* who watches hears of every answer */
            ep_append_at(ep, &ep->dirty, EP_DIRTY, index, &slot->node);
        }
        ep_schedule_slot(ep, index);
    }
    return result;
}

/* A user who will not read where the core could not be told yet: in SYN-RECEIVED a CLOSE that
 * is queued cannot be made a deaf one. */
static void deafen(struct endpoint *ep, uint32_t index, tfsm_time now)
{
    const struct ep_slot *slot = ep_slot(ep, index);
    bool half_closed = slot->tcb.state == TFSM_FIN_WAIT_1 || slot->tcb.state == TFSM_FIN_WAIT_2;
    if (half_closed && (slot->tcb.flags & TFSM_M_DEAF) == 0) {
        struct tfsm_event close = {.kind = TFSM_EV_CLOSE, .deaf = true, .now = now};
        struct tfsm_effects ignored;
        feed_one(ep, index, &close, NULL, &ignored);
    }
}

enum tfsm_result ep_feed(struct endpoint *ep, uint32_t index, const struct tfsm_event *event,
                         const uint8_t *text, struct tfsm_effects *fx)
{
    enum tfsm_result result = feed_one(ep, index, event, text, fx);
    if (ep_slot(ep, index)->deaf) {
        deafen(ep, index, event->now);
    }
    return result;
}

/* What a RECEIVE brings about but for the window that the next segment shows, it has brought about when the octets were
 * read: see endpoint_receive(). */
void ep_tell_core(struct endpoint *ep, uint32_t index, tfsm_time now)
{
    struct ep_slot *slot = ep_slot(ep, index);
    struct tfsm_event event; /* only what a RECEIVE has is written: nothing else is read */
    struct tfsm_effects fx;
    event.kind = TFSM_EV_RECEIVE;
    event.now = now;
    event.len = seq_sub(slot->tcb.rcv_user, ep_readable(slot));
    slot->untold = false;
    if (slot->tcb.state != TFSM_CLOSED) {
        ep_step(ep, ep_handle(slot->node.generation, index), &slot->tcb, ep_policy(ep, index),
                &event, &fx);
    }
}

/* A connection that is over can no longer be found, so that its tuple may be used again at once. A
 * RST that it owes still goes out. */
void ep_let_go(struct endpoint *ep, uint32_t index)
{
    const struct ep_slot *slot = ep_slot(ep, index);
    ep_leave(ep, index);
    bool user_done = slot->owner == EP_NOBODY ||
                     (slot->owner == EP_USER_CLOSED && ep_readable(slot) == 0 && slot->news == 0);
    if (user_done && slot->tcb.owed == 0) {
        free_slot(ep, index);
    }
}
