/* What arrives: the address checks, then the connection, else the listener, else an answer as
 * CLOSED gives it. What a stranger can make the endpoint do stands in this file and in listener.c:
 * nothing of it takes memory but a SYN for a listener, and that no more than its backlog. */
#include "internal.h"
#include "tfsm_table.h"

/* The answer to a segment for nobody: what a TCB of the moment says in CLOSED. A RST is answered with
 * silence (RFC 9293 3.10.7.1). */
static void answer(struct endpoint *ep, const struct tfsm_packet *packet, tfsm_time now)
{
    struct tfsm_tcb tcb = {0};
    struct tfsm_effects fx;
    struct tfsm_packet reply = {.src = packet->dst,
                                .dst = packet->src,
                                .src_port = packet->dst_port,
                                .dst_port = packet->src_port,
                                .hops = ep->hops,
                                .traffic_class = ep->traffic_class};
    const struct tfsm_config *policy = ep_family_policy(ep, packet->dst.family);
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = now, .segment = packet->segment};
    if (ep_step(ep, 0, &tcb, policy, &event, &fx) != TFSM_DONE) {
        ep->counters.invalid++;
        return;
    }
    ep->counters.segments_in++;
    while (ep_pull(ep, 0, &tcb, policy, now, &reply.segment)) {
        ep->counters.resets_lost += ep_wait(&ep->resets, &reply) == NULL;
    }
}

/* A segment for a connection. Returns the verdict; the slot may be gone. */
static unsigned arrive(struct endpoint *ep, uint32_t index, struct tfsm_event *event,
                       const struct tfsm_packet *packet, const uint8_t *text,
                       struct tfsm_effects *fx)
{
    struct ep_slot *slot = ep_slot(ep, index);
    uint32_t sent = slot->tcb.snd_nxt;
    bool ends = (event->segment.flags & (TFSM_FIN | TFSM_URG)) != 0 ||
                (slot->tcb.flags & TFSM_M_PEER_FIN) != 0;
    if (event->segment.len > 0) {
        ep_fetch_ring(ep, index, event->segment.len);
    }
    if (slot->untold && ends) { /* that the core asks how much was read, or is told too late */
        ep_tell_core(ep, index, event->now);
    }
    if (ep_feed(ep, index, event, text, fx) != TFSM_DONE) {
        ep->counters.invalid++;
        ep_settle(ep, index);
        return TFSM_V_DROP;
    }
    ep->counters.segments_in++;
    ep->counters.refused += fx->verdict == TFSM_V_DROP;
    slot->received_class = packet->traffic_class; /* RFC9293:MAY-9 */
    if ((fx->signals & TFSM_SIG_COOKIE) != 0) {
        struct tfsm_packet whole = *packet;
        whole.segment = event->segment;
        ep_keep_cookie(ep, index, &whole, seq_lt(event->segment.ack, sent), event->now);
    }
    ep_settle(ep, index);
    return fx->verdict;
}

/* A segment that no connection claims. */
static void unclaimed(struct endpoint *ep, const struct tfsm_packet *packet, uint32_t hash,
                      const uint8_t *text, tfsm_time now, const uint32_t *iss_after)
{
    if (!ep_to_listener(ep, packet, hash, text, now, iss_after)) {
        ep->counters.unexpected++;
        answer(ep, packet, now);
    }
}

/* Silence for whatever comes from or goes to more than one host: an answer would be an amplifier,
 * and a SYN from there is a forgery, as is one from a loopback address to one that is none
 * (RFC9293:MUST-57, RFC9293:MUST-63). */
static bool addresses_hold(struct endpoint *ep, const struct tfsm_address *src,
                           const struct tfsm_address *dst)
{
    if (ep_plainly_holds(ep, src, dst)) {
        return true;
    }
    if (src->family != dst->family || !ep_is_host(ep, src) ||
        tfsm_address_is_loopback(src) != tfsm_address_is_loopback(dst)) {
        ep->counters.source_refused++;
        return false;
    }
    if (ep_is_ours(ep, dst)) {
        return true;
    }
    if (ep_is_host(ep, dst)) {
        ep->counters.not_ours++;
    } else {
        ep->counters.destination_refused++;
    }
    return false;
}

static uint32_t hash_of(const struct endpoint *ep, const struct tfsm_packet *packet)
{
    return ep_hash_of(ep, packet->dst.family, packet->dst.octets, packet->dst_port,
                      packet->src.octets, packet->src_port);
}

/* Octets beyond an IPv4 address are nothing. */
EP_INLINE bool is_between(const struct ep_tuple *tuple, const struct tfsm_packet *packet)
{
    if (tuple->remote_port != packet->src_port || tuple->local_port != packet->dst_port ||
        tuple->family != packet->dst.family) {
        return false;
    }
    if (tuple->family == 4) {
        return memcmp(tuple->remote, packet->src.octets, 4) == 0 &&
               memcmp(tuple->local, packet->dst.octets, 4) == 0;
    }
    return memcmp(tuple->remote, packet->src.octets, 16) == 0 &&
           memcmp(tuple->local, packet->dst.octets, 16) == 0;
}

/* ep_find() for what arrives: no tuple is made of it. */
static uint32_t find(const struct endpoint *ep, const struct tfsm_packet *packet, uint32_t text,
                     uint32_t hash)
{
    for (uint32_t at = hash & ep->cell_mask; ep->cells[at].slot != 0;
         at = (at + 1) & ep->cell_mask) {
        uint32_t index = ep->cells[at].slot - 1;
        if (ep->cells[at].hash == hash) {
            ep_fetch_slot(ep, index, text);
            if (is_between(&ep_slot(ep, index)->tuple, packet)) {
                return index;
            }
        }
    }
    return EP_NONE;
}

/* What a search need not make where the segment before was of the same connection. */
EP_INLINE bool is_of_last(const struct endpoint *ep, const struct tfsm_packet *packet)
{
    const struct ep_slot *last = ep_slot(ep, ep->last);
    return is_between(&last->tuple, packet) && last->hashed;
}

/* A segment in an event of its own, with an envelope that need not hold it. The addresses of a connection were looked at
 * when it was made, and hold as long as no local one was added since. */
static void segment_arrives(struct endpoint *ep, struct tfsm_packet *packet,
                            struct tfsm_event *event, const uint8_t *text, const uint32_t *known)
{
    const uint8_t flags = event->segment.flags;
    uint32_t index = EP_NONE;
    uint32_t hash = 0;
    if (packet->src.family != packet->dst.family) {
        /* nobody's */
    } else if (is_of_last(ep, packet)) {
        index = ep->last;
        hash = ep_slot(ep, index)->node.hash;
    } else {
        hash = known != NULL ? *known : hash_of(ep, packet);
        index = find(ep, packet, event->segment.len, hash);
        if (index != EP_NONE) {
            ep->last = index;
        }
    }
    if ((index == EP_NONE || ep->locals_grew) && !addresses_hold(ep, &packet->src, &packet->dst)) {
        return;
    }
    if (ep->drop_syn_fin && (flags & (TFSM_SYN | TFSM_FIN)) == (TFSM_SYN | TFSM_FIN)) {
        ep->counters.syn_fin++;
        return;
    }
    if (index == EP_NONE) {
        packet->segment = event->segment;
        unclaimed(ep, packet, hash, text, event->now, NULL);
        return;
    }
    struct tfsm_effects fx;
    event->listener = false;
    if (ep_slot(ep, index)->tcb.state == TFSM_TIME_WAIT) {
        uint32_t last = ep_slot(ep, index)->tcb.snd_nxt;
        packet->segment = event->segment;
        if (ep_is_for_next(ep, index, packet, event->now)) {
            ep_to_listener(ep, packet, hash, text, event->now, &last);
            return;
        }
        /* A SYN may reopen, but only for somebody who takes it (RFC9293:MAY-2). */
        event->listener = (flags & TFSM_SYN) != 0 && ep_could_reopen(ep, index);
    }
    if (arrive(ep, index, event, packet, text, &fx) == TFSM_V_REOPEN) {
        packet->segment = event->segment;
        unclaimed(ep, packet, hash, text, event->now, &fx.iss_after);
    }
}

void endpoint_segment(struct endpoint *ep, const struct tfsm_packet *packet, const uint8_t *text,
                      tfsm_time now)
{
    struct tfsm_packet envelope = *packet;
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = now, .segment = packet->segment};
    segment_arrives(ep, &envelope, &event, text, NULL);
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
        bool known = ep_icmp_to_listener(ep, message, now);
        ep->counters.icmp_in += known;
        ep->counters.icmp_unknown += !known;
        return;
    }
    const struct ep_slot *slot = ep_slot(ep, index);
    bool fast = ep_is_opening_fast(slot);
    if (slot->tcb.state == TFSM_TIME_WAIT && ep_icmp_to_listener(ep, message, now)) {
        ep->counters.icmp_in++; /* only the next incarnation has sent what it can be about */
        return;
    }
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

/* An address of an IP header. */
static struct tfsm_address address_at(uint8_t family, const uint8_t *octets)
{
    struct tfsm_address address = {.family = family};
    memcpy(address.octets, octets, family == 4 ? 4 : 16);
    return address;
}

/* A packet that is not TCP may be an ICMP error about one that was. Any router may send it, but what
 * is no host's address is no router's either, and it must be for us (RFC1122:3.2.1.3). */
static bool take_icmp(struct endpoint *ep, const uint8_t *octets, size_t n, tfsm_time now)
{
    struct tfsm_icmp_message message;
    if (tfsm_parse_icmp(octets, n, &message) != TFSM_WIRE_OK) {
        return false;
    }
    uint8_t family = message.local.family;
    struct tfsm_address src = address_at(family, octets + (family == 4 ? 12 : 8));
    struct tfsm_address dst = address_at(family, octets + (family == 4 ? 16 : 24));
    if (addresses_hold(ep, &src, &dst)) {
        endpoint_icmp(ep, &message, now);
    }
    return true;
}

/* A packet that has been read. */
struct arrival {
    struct tfsm_packet packet; /* but its segment, which is in the event */
    struct tfsm_event event;
    uint32_t hash;
    uint32_t guess; /* whose it probably is */
    enum tfsm_wire_result result;
};

static inline bool is_segment(const struct arrival *arrival)
{
    return arrival->result == TFSM_WIRE_OK || arrival->result == TFSM_WIRE_OPTION;
}

static inline void read_packet(const uint8_t *octets, size_t n, tfsm_time now, struct arrival *out)
{
    struct tfsm_event *event = &out->event;
    out->result = tfsm_parse_segment(octets, n, &out->packet, &event->segment);
    if (is_segment(out)) {
        event->kind = TFSM_EV_SEGMENT;
        event->now = now;
        event->iss = 0; /* a connection has its own; who opens one is a listener's */
        event->ts_offset = 0;
        event->fast_open = false;
        event->cookie_len = 0;
    }
}

static inline void take_packet(struct endpoint *ep, const uint8_t *octets, size_t n, tfsm_time now,
                               struct arrival *arrival, const uint32_t *hash)
{
    enum tfsm_wire_result result = arrival->result;
    if (result == TFSM_WIRE_OK || result == TFSM_WIRE_OPTION) { /* RFC9293:MUST-7 */
        ep->counters.options_cut += result == TFSM_WIRE_OPTION;
        segment_arrives(ep, &arrival->packet, &arrival->event, octets + arrival->packet.text_at,
                        hash);
    } else if (result != TFSM_WIRE_PROTOCOL || !take_icmp(ep, octets, n, now)) {
        ep->counters.unparsed[result]++;
    }
}

void endpoint_input(struct endpoint *ep, const uint8_t *octets, size_t n, tfsm_time now)
{
    struct arrival arrival;
    read_packet(octets, n, now, &arrival);
    take_packet(ep, octets, n, now, &arrival, NULL);
}

/* Packets that are read before the first is taken: memory is asked for so far ahead. */
#define BURST 16u

/* Each turn waits for nothing but what the one before has asked for. What is asked for may turn out to be the wrong
 * lines, for packets before it may open and end connections: that costs time, and nothing else. */
static void take_some(struct endpoint *ep, const struct endpoint_packet *packets, unsigned count,
                      tfsm_time now)
{
    struct arrival arrivals[BURST];
    for (unsigned i = 0; i < count; i++) {
        read_packet(packets[i].octets, packets[i].n, now, &arrivals[i]);
        if (is_segment(&arrivals[i])) {
            arrivals[i].hash = hash_of(ep, &arrivals[i].packet);
            EP_FETCH(&ep->cells[arrivals[i].hash & ep->cell_mask]);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        arrivals[i].guess = is_segment(&arrivals[i]) ? ep_guess(ep, arrivals[i].hash) : EP_NONE;
        if (arrivals[i].guess != EP_NONE) {
            ep_fetch_slot(ep, arrivals[i].guess, arrivals[i].event.segment.len);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        uint32_t text = arrivals[i].guess != EP_NONE ? arrivals[i].event.segment.len : 0;
        if (text > 0) {
            ep_fetch_ring(ep, arrivals[i].guess, text);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        take_packet(ep, packets[i].octets, packets[i].n, now, &arrivals[i], &arrivals[i].hash);
    }
}

void endpoint_burst(struct endpoint *ep, const struct endpoint_packet *packets, size_t count,
                    tfsm_time now)
{
    for (; count > BURST; count -= BURST, packets += BURST) {
        take_some(ep, packets, BURST, now);
    }
    take_some(ep, packets, (unsigned)count, now);
}
