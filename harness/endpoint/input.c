/* What arrives: the address checks, then the connection, else the listener, else an answer as
 * CLOSED gives it. What a stranger can make the endpoint do stands in this file: nothing of it
 * takes memory but a SYN for a listener, and that no more than its backlog. */
#include "internal.h"
#include "tfsm_table.h"

/* The answer to a segment that has no connection: what a TCB of the moment says, in CLOSED or in
 * LISTEN. A RST is answered with silence (RFC 9293 3.10.7.1). */
static void answer(struct endpoint *ep, const struct tfsm_packet *packet, bool listening,
                   tfsm_time now)
{
    struct tfsm_tcb tcb = {0};
    struct tfsm_effects fx;
    struct tfsm_segment segment;
    const struct tfsm_config *policy = ep_family_policy(ep, packet->dst.family);
    struct tfsm_event open = {.kind = TFSM_EV_OPEN, .now = now};
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = now, .segment = packet->segment};
    if (listening) {
        ep_step(ep, 0, &tcb, policy, &open, &fx);
    }
    if (ep_step(ep, 0, &tcb, policy, &event, &fx) != TFSM_DONE) {
        ep->counters.invalid++;
        return;
    }
    ep->counters.segments_in++;
    while (ep_pull(ep, 0, &tcb, policy, now, &segment)) {
        if (ep->resets_waiting == ep->reset_count) {
            ep->counters.resets_lost++;
            continue;
        }
        uint32_t at = (ep->first_reset + ep->resets_waiting++) % ep->reset_count;
        ep->resets[at] = (struct tfsm_packet){.src = packet->dst,
                                              .dst = packet->src,
                                              .src_port = packet->dst_port,
                                              .dst_port = packet->src_port,
                                              .hops = ep->hops,
                                              .traffic_class = ep->traffic_class,
                                              .segment = segment};
    }
}

/* A segment for a connection. Returns the verdict; the slot may be gone. */
static unsigned arrive(struct endpoint *ep, uint32_t index, struct tfsm_event *event,
                       const struct tfsm_packet *packet, const uint8_t *text,
                       struct tfsm_effects *fx)
{
    struct ep_slot *slot = &ep->slots[index];
    uint32_t sent = slot->tcb.snd_nxt;
    if (ep_feed(ep, index, event, text, fx) != TFSM_DONE) {
        ep->counters.invalid++;
        ep_settle(ep, index);
        return TFSM_V_DROP;
    }
    ep->counters.segments_in++;
    ep->counters.refused += fx->verdict == TFSM_V_DROP;
    slot->received_class = packet->traffic_class; /* RFC9293:MAY-9 */
    if ((fx->signals & TFSM_SIG_COOKIE) != 0) {
        ep_keep_cookie(ep, index, packet, seq_lt(packet->segment.ack, sent), event->now);
    }
    ep_settle(ep, index);
    return fx->verdict;
}

static bool can_recycle(const struct ep_listener *listener)
{
    return listener->recycle && listener->half_open.head != 0;
}

/* Put out the oldest half-open connection, without a word: nobody may be there, and who is there
 * will be told by a reset when it speaks (RFC4987:3.4). */
static bool recycle(struct endpoint *ep, struct ep_listener *listener, tfsm_time now)
{
    if (!can_recycle(listener)) {
        return false;
    }
    uint32_t oldest = listener->half_open.head - 1;
    struct tfsm_segment unsaid;
    struct tfsm_effects fx;
    struct tfsm_event abort = {.kind = TFSM_EV_ABORT, .now = now};
    ep_feed(ep, oldest, &abort, NULL, &fx);
    struct ep_slot *slot = &ep->slots[oldest];
    ep_pull(ep, ep_handle(slot->generation, oldest), &slot->tcb, ep_policy(ep, slot), now, &unsaid);
    ep_settle(ep, oldest);
    ep->counters.recycled++;
    return true;
}

static bool has_slot(const struct endpoint *ep)
{
    return ep->free_slots != 0 || ep->used_slots < ep->connections;
}

/* Whether a listener could take a connection in place of one in TIME-WAIT. The slot of that is free
 * at once only where nobody is to be told of its end. */
static bool could_reopen(const struct endpoint *ep, const struct ep_slot *slot)
{
    uint32_t index = ep_find_listener(ep, &slot->tuple);
    if (index == EP_NONE) {
        return false;
    }
    const struct ep_listener *listener = &ep->listeners[index];
    bool room = listener->held < listener->backlog && (has_slot(ep) || slot->owner == EP_NOBODY);
    return room || can_recycle(listener);
}

/* Whether a listener can take one more connection, and make it so. */
static bool make_room(struct endpoint *ep, struct ep_listener *listener, tfsm_time now)
{
    if (listener->held >= listener->backlog && !recycle(ep, listener, now)) {
        ep->counters.backlog_full++;
        return false;
    }
    if (!has_slot(ep) && !recycle(ep, listener, now)) {
        ep->counters.no_slot++;
        return false;
    }
    return true;
}

/* A SYN for a listener: a connection of its own, opened passively and fed the SYN. The listener
 * stays as it is (RFC9293:MUST-41). iss_after: null, or the ISN must come after this. */
static void open_child(struct endpoint *ep, uint32_t listener_index, const struct ep_tuple *tuple,
                       const struct tfsm_packet *packet, const uint8_t *text, tfsm_time now,
                       const uint32_t *iss_after)
{
    struct ep_listener *listener = &ep->listeners[listener_index];
    if (!make_room(ep, listener, now)) {
        return;
    }
    uint32_t index = ep_allocate(ep, tuple, EP_HALF_OPEN);
    struct ep_slot *slot = &ep->slots[index];
    struct tfsm_effects fx;
    struct tfsm_event open = {.kind = TFSM_EV_OPEN, .now = now};
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = now, .segment = packet->segment};
    slot->listener = listener_index;
    slot->hops = listener->hops;
    slot->traffic_class = listener->traffic_class;
    slot->mute = listener->mute;
    slot->own_policy = listener->own_policy;
    if (listener->own_policy) {
        slot->policy = listener->policy;
    }
    listener->held++;
    ep_append(ep, &listener->half_open, EP_QUEUED, index);
    ep_feed(ep, index, &open, NULL, &fx);
    ep_seed(ep, tuple, &event);
    if (iss_after != NULL && !seq_lt(*iss_after, event.iss)) {
        event.iss = seq_add(*iss_after, 1);
    }
    arrive(ep, index, &event, packet, text, &fx);
}

/* A segment that no connection claims. */
static void unclaimed(struct endpoint *ep, const struct ep_tuple *tuple,
                      const struct tfsm_packet *packet, const uint8_t *text, tfsm_time now,
                      const uint32_t *iss_after)
{
    uint32_t listener = ep_find_listener(ep, tuple);
    uint8_t opening = packet->segment.flags & (TFSM_SYN | TFSM_ACK | TFSM_RST);
    if (listener != EP_NONE && opening == TFSM_SYN) {
        open_child(ep, listener, tuple, packet, text, now, iss_after);
        return;
    }
    ep->counters.unexpected += listener == EP_NONE;
    answer(ep, packet, listener != EP_NONE, now);
}

/* Silence for whatever comes from or goes to more than one host: an answer would be an amplifier,
 * and a SYN from there is a forgery (RFC9293:MUST-57, RFC9293:MUST-63). */
static bool addresses_hold(struct endpoint *ep, const struct tfsm_packet *packet)
{
    if (packet->src.family != packet->dst.family || !ep_is_host(ep, &packet->src)) {
        ep->counters.source_refused++;
        return false;
    }
    if (ep_is_ours(ep, &packet->dst)) {
        return true;
    }
    if (ep_is_host(ep, &packet->dst)) {
        ep->counters.not_ours++;
    } else {
        ep->counters.destination_refused++;
    }
    return false;
}

void endpoint_segment(struct endpoint *ep, const struct tfsm_packet *packet, const uint8_t *text,
                      tfsm_time now)
{
    if (!addresses_hold(ep, packet)) {
        return;
    }
    struct ep_tuple tuple =
        ep_tuple_of(&packet->dst, packet->dst_port, &packet->src, packet->src_port);
    uint32_t index = ep_find(ep, &tuple, ep_hash(ep, &tuple));
    if (index == EP_NONE) {
        unclaimed(ep, &tuple, packet, text, now, NULL);
        return;
    }
    struct tfsm_effects fx;
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = now, .segment = packet->segment};
    /* A SYN may end TIME-WAIT early, but only for somebody who takes it (RFC9293:MAY-2). */
    event.listener = ep->slots[index].tcb.state == TFSM_TIME_WAIT &&
                     (packet->segment.flags & TFSM_SYN) != 0 && could_reopen(ep, &ep->slots[index]);
    if (arrive(ep, index, &event, packet, text, &fx) == TFSM_V_REOPEN) {
        unclaimed(ep, &tuple, packet, text, now, &fx.iss_after);
    }
}

/* ICMP tells of a segment we sent: its source is the local end (RFC9293:MUST-54). The core holds
 * the sequence number quoted against what is in flight. */
void endpoint_icmp(struct endpoint *ep, const struct tfsm_icmp_message *message, tfsm_time now)
{
    uint32_t index = EP_NONE;
    if (message->local.family == message->remote.family) {
        struct ep_tuple tuple = ep_tuple_of(&message->local, message->local_port, &message->remote,
                                            message->remote_port);
        index = ep_find(ep, &tuple, ep_hash(ep, &tuple));
    }
    if (index == EP_NONE) {
        ep->counters.icmp_unknown++;
        return;
    }
    const struct ep_slot *slot = &ep->slots[index];
    bool fast = ep_is_opening_fast(slot);
    struct tfsm_event event = {.kind = TFSM_EV_ICMP,
                               .now = now,
                               .icmp = message->meaning,
                               .mss = message->mss,
                               .segment = {.seq = message->seq}};
    struct tfsm_effects fx;
    ep->counters.icmp_in++;
    ep_feed(ep, index, &event, NULL, &fx);
    if (fast && (fx.signals & (TFSM_SIG_UNREACHABLE | TFSM_SIG_SOFT_ERROR)) != 0) {
        ep_refuse_cookie(ep, index, now);
    }
    ep_settle(ep, index);
}

/* A packet that is not TCP may be an ICMP error about one that was. */
static bool take_icmp(struct endpoint *ep, const uint8_t *octets, size_t n, tfsm_time now)
{
    struct tfsm_icmp_message message;
    if (tfsm_parse_icmp(octets, n, &message) != TFSM_WIRE_OK) {
        return false;
    }
    endpoint_icmp(ep, &message, now);
    return true;
}

void endpoint_input(struct endpoint *ep, const uint8_t *octets, size_t n, tfsm_time now)
{
    struct tfsm_packet packet;
    enum tfsm_wire_result result = tfsm_parse(octets, n, &packet);
    if (result == TFSM_WIRE_OK) {
        endpoint_segment(ep, &packet, octets + packet.text_at, now);
    } else if (result != TFSM_WIRE_PROTOCOL || !take_icmp(ep, octets, n, now)) {
        ep->counters.unparsed[result]++; /* a bad option, too: no reset (RFC9293:MUST-7) */
    }
}
