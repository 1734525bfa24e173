/* See wire.h. The heap holds indices of places; those behind the last packet are free. */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

struct wire {
    const struct wire_network *network;
    unsigned places;
    size_t packet_most;
    struct wire_packet *packets;
    unsigned *heap; /* indices of packets[]: those in use in order of arrival, then the rest */
    unsigned count;
    uint64_t random;
    tfsm_time link_until[2]; /* when the link towards an end is free */
    struct wire_counters counters;
    uint8_t *octets; /* packet_most for each place */
};

struct wire *wire_create(unsigned places, size_t packet_most)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL) {
        return NULL;
    }
    wire->places = places;
    wire->packet_most = packet_most;
    wire->packets = calloc(places, sizeof *wire->packets);
    wire->heap = calloc(places, sizeof *wire->heap);
    wire->octets = calloc(places, packet_most);
    if (wire->packets == NULL || wire->heap == NULL || wire->octets == NULL) {
        wire_destroy(wire);
        return NULL;
    }
    for (unsigned i = 0; i < places; i++) {
        wire->packets[i].octets = wire->octets + i * packet_most;
    }
    return wire;
}

void wire_destroy(struct wire *wire)
{
    if (wire != NULL) {
        free(wire->packets);
        free(wire->heap);
        free(wire->octets);
        free(wire);
    }
}

void wire_begin(struct wire *wire, const struct wire_network *network, uint64_t seed)
{
    wire->network = network;
    wire->count = 0;
    wire->random = seed << 1 | 1;
    wire->link_until[0] = 0;
    wire->link_until[1] = 0;
    wire->counters = (struct wire_counters){0};
    for (unsigned i = 0; i < wire->places; i++) {
        wire->heap[i] = i;
    }
}

uint64_t wire_draw(struct wire *wire)
{
    return sim_draw(&wire->random);
}

static bool chance(struct wire *wire, unsigned of)
{
    return wire_draw(wire) % (wire->network->out_of > 0 ? wire->network->out_of : 1000) < of;
}

/* ---- the heap ---- */

static bool before(const struct wire *wire, unsigned a, unsigned b)
{
    const struct wire_packet *first = &wire->packets[wire->heap[a]];
    const struct wire_packet *second = &wire->packets[wire->heap[b]];
    return first->at < second->at || (first->at == second->at && first->order < second->order);
}

static void swap(struct wire *wire, unsigned a, unsigned b)
{
    unsigned index = wire->heap[a];
    wire->heap[a] = wire->heap[b];
    wire->heap[b] = index;
}

static void rise(struct wire *wire, unsigned i)
{
    for (; i > 0 && before(wire, i, (i - 1) / 2); i = (i - 1) / 2) {
        swap(wire, i, (i - 1) / 2);
    }
}

static void sink(struct wire *wire, unsigned i)
{
    while (2 * i + 1 < wire->count) {
        unsigned child = 2 * i + 1;
        child += child + 1 < wire->count && before(wire, child + 1, child);
        if (!before(wire, child, i)) {
            return;
        }
        swap(wire, i, child);
        i = child;
    }
}

const struct wire_packet *wire_first(const struct wire *wire)
{
    return wire->count > 0 ? &wire->packets[wire->heap[0]] : NULL;
}

void wire_drop(struct wire *wire)
{
    swap(wire, 0, --wire->count);
    sink(wire, 0);
}

/* ---- on its way ---- */

/* When a packet leaves the link of its sender, or TFSM_NEVER when the queue before it is full. */
static tfsm_time leaves(struct wire *wire, unsigned to, size_t size, tfsm_time now)
{
    const struct wire_network *network = wire->network;
    tfsm_time *until = &wire->link_until[to];
    if (network->rate == 0) {
        return now;
    }
    tfsm_time start = *until > now ? *until : now;
    if (network->queue > 0 && (start - now) * network->rate / 1000000 > network->queue) {
        return TFSM_NEVER;
    }
    *until = start + size * 1000000 / network->rate;
    return *until;
}

/* Nothing is drawn for what the network does not do. */
static tfsm_time held_up(struct wire *wire)
{
    const struct wire_network *network = wire->network;
    tfsm_time more = network->jitter > 0 ? wire_draw(wire) % network->jitter : 0;
    if (network->reorder > 0 && chance(wire, network->reorder)) {
        wire->counters.reordered++;
        more += 1 + wire_draw(wire) % network->hold;
    }
    return more;
}

static void put(struct wire *wire, unsigned to, const uint8_t *octets, size_t size, tfsm_time now)
{
    const struct wire_network *network = wire->network;
    tfsm_time gone = leaves(wire, to, size, now);
    if (wire->count == wire->places || gone == TFSM_NEVER || size > wire->packet_most) {
        wire->counters.overflow++;
        return;
    }
    if (chance(wire, network->loss)) {
        wire->counters.lost++;
        return;
    }
    struct wire_packet *packet = &wire->packets[wire->heap[wire->count]];
    packet->at = gone + network->delay + held_up(wire);
    packet->order = wire->counters.sent;
    packet->to = to;
    packet->size = (unsigned)size;
    memcpy(packet->octets, octets, size);
    if (chance(wire, network->corrupt)) {
        uint64_t bit = wire_draw(wire) % (size * 8);
        packet->octets[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        wire->counters.corrupted++;
    }
    rise(wire, wire->count++);
}

void wire_send(struct wire *wire, unsigned to, const uint8_t *octets, size_t size, tfsm_time now)
{
    wire->counters.sent++;
    put(wire, to, octets, size, now);
    if (chance(wire, wire->network->copy)) {
        wire->counters.copied++;
        put(wire, to, octets, size, now);
    }
}

const struct wire_counters *wire_counted(const struct wire *wire)
{
    return &wire->counters;
}
