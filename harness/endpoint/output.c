/* What goes out: connections and listeners that may have something to say take turns, one segment
 * each, and the answers to segments of no connection take every other turn. */
#include "internal.h"

static uint32_t text_length(const struct tfsm_segment *segment)
{
    return segment->len - ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) -
           ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

/* Where the text lies in the send ring: the core names it by its offset in the stream. */
static void find_text(const struct endpoint *ep, uint32_t index, const struct tfsm_segment *segment,
                      struct endpoint_piece text[2])
{
    const uint8_t *ring = ep_send_ring(ep, index);
    uint32_t length = ep_min(text_length(segment), ep->send_ring);
    uint32_t at = (uint32_t)(segment->text_offset & (ep->send_ring - 1));
    uint32_t first = ep_min(length, ep->send_ring - at);
    text[0] = (struct endpoint_piece){ring + at, first};
    text[1] = (struct endpoint_piece){ring, length - first};
}

/* All but the segment. [RFC9293:3.1a] */
static void fill_in(const struct endpoint *ep, uint32_t index, struct tfsm_packet *packet)
{
    const struct ep_slot *slot = ep_slot(ep, index);
    packet->src = ep_address(&slot->tuple, true);
    packet->dst = ep_address(&slot->tuple, false);
    packet->src_port = slot->tuple.local_port;
    packet->dst_port = slot->tuple.remote_port;
    packet->hops = slot->hops;                   /* RFC9293:MUST-49 */
    packet->traffic_class = slot->traffic_class; /* RFC9293:MUST-48 */
    packet->reserved = 0;
    packet->text_at = 0;
    if ((packet->segment.options & TFSM_OPT_FAST_OPEN) != 0) {
        memcpy(packet->cookie, ep->cold[index].cookie, sizeof packet->cookie);
    }
}

static void no_text(struct endpoint_piece text[2])
{
    text[0] = (struct endpoint_piece){NULL, 0};
    text[1] = text[0];
}

/* One segment of the first in line that has one. Who has said something goes to the end
 * of the line, who has nothing to say leaves it: each is asked once more than it speaks. */
static bool take_from_line(struct endpoint *ep, tfsm_time now, struct tfsm_packet *packet,
                           struct endpoint_piece text[2])
{
    while (ep->dirty.head != 0) {
        uint32_t index = ep_take_first(ep, &ep->dirty, EP_DIRTY);
        struct ep_slot *slot = ep_slot(ep, index);
        if (index >= ep->connections) {
            if (ep_take_from_listener(ep, index - ep->connections, now, packet)) {
                no_text(text);
                return true;
            }
            continue;
        }
        if (slot->untold) {
            ep_tell_core(ep, index, now);
        }
        bool acknowledges = slot->tcb.owed == TFSM_OWE_ACK;
        if (ep_pull(ep, ep_handle(slot->node.generation, index), &slot->tcb, ep_policy(ep, index),
                    now, &packet->segment)) {
            if (ep->watcher != NULL || !tfsm_has_nothing(&slot->tcb)) {
                ep_append_at(ep, &ep->dirty, EP_DIRTY, index, &slot->node);
            }
            if (!acknowledges || packet->segment.len > 0) { /* else no timer was armed */
                ep_schedule_slot(ep, index);
            }
            fill_in(ep, index, packet);
            find_text(ep, index, &packet->segment, text);
            ep_settle(ep, index);
            return true;
        }
        ep_settle(ep, index);
    }
    return false;
}

struct ep_answer *ep_wait(struct ep_ring *ring, const struct tfsm_packet *packet)
{
    if (ring->count == ring->most) {
        return NULL;
    }
    struct ep_answer *answer = &ring->answers[(ring->first + ring->count++) % ring->most];
    answer->packet = *packet;
    answer->entry = 0;
    return answer;
}

/* The entry that has said it may be over since, or its listener. */
static bool stands(const struct endpoint *ep, const struct ep_answer *answer)
{
    const struct ep_listener *listener = &ep->listeners[answer->listener];
    return answer->entry == 0 ||
           (listener->node.generation == answer->generation &&
            tfsm_listener_stands(&listener->core, answer->entry, &answer->packet.segment));
}

EP_INLINE bool take_from_ring(const struct endpoint *ep, struct ep_ring *ring,
                              struct tfsm_packet *packet, struct endpoint_piece text[2])
{
    while (ring->count > 0) {
        const struct ep_answer *answer = &ring->answers[ring->first];
        ring->first = (ring->first + 1) % ring->most;
        ring->count--;
        if (stands(ep, answer)) {
            *packet = answer->packet;
            no_text(text);
            return true;
        }
    }
    return false;
}

static inline bool is_silent(const struct endpoint *ep)
{
    return (ep->dirty.head | ep->syn_acks.count | ep->resets.count) == 0;
}

/* Every other turn is that of a ring, of each in turn. */
static bool take_next(struct endpoint *ep, tfsm_time now, struct tfsm_packet *packet,
                      struct endpoint_piece text[2])
{
    unsigned turn = ep->turn++ % 4;
    struct ep_ring *first = turn == 0 ? &ep->resets : &ep->syn_acks;
    bool taken = (turn % 2 == 0 && take_from_ring(ep, first, packet, text)) ||
                 take_from_line(ep, now, packet, text) ||
                 take_from_ring(ep, &ep->syn_acks, packet, text) ||
                 take_from_ring(ep, &ep->resets, packet, text);
    ep->counters.segments_out += taken;
    return taken;
}

bool endpoint_take(struct endpoint *ep, tfsm_time now, struct tfsm_packet *packet,
                   struct endpoint_piece text[2])
{
    return !is_silent(ep) && take_next(ep, now, packet, text);
}

/* The text in one piece, for the codec: only where it wraps around its ring is it copied. */
static const uint8_t *join(const struct endpoint *ep, const struct endpoint_piece text[2])
{
    if (text[1].len == 0) {
        return text[0].octets;
    }
    memcpy(ep->scratch, text[0].octets, text[0].len);
    memcpy(ep->scratch + text[0].len, text[1].octets, text[1].len);
    return ep->scratch;
}

static size_t write_next(struct endpoint *ep, tfsm_time now, uint8_t *octets, size_t room)
{
    struct tfsm_packet packet;
    struct endpoint_piece text[2];
    while (room >= ep->packet_most && take_next(ep, now, &packet, text)) {
        size_t n = tfsm_write(&packet, join(ep, text), octets, room);
        if (n > 0) {
            return n;
        }
        ep->counters.unwritten++; /* cannot be; if it were: as lost on the wire */
    }
    return 0;
}

size_t endpoint_output(struct endpoint *ep, tfsm_time now, uint8_t *octets, size_t room)
{
    return is_silent(ep) ? 0 : write_next(ep, now, octets, room);
}
