/* See wire.h. The heap holds indices of places; those behind the last packet are free. */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#define MICROSECONDS 1000000u /* in a second */

/* The link towards an end is free at `until` microseconds and part/rate of one more. */
struct lane {
    tfsm_time until;
    uint64_t part;
    bool stalls;
    tfsm_time from; /* with stalls: since when, and when the last of what is stalled arrives */
    tfsm_time last;
};

struct wire {
    const struct wire_network *network;
    unsigned places;
    size_t packet_most;
    struct wire_packet *packets;
    unsigned *heap; /* indices of packets[]: those in use in order of arrival, then the rest */
    unsigned count;
    uint64_t random;
    struct lane lanes[2]; /* towards each end */
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
    wire->lanes[0] = (struct lane){0};
    wire->lanes[1] = (struct lane){0};
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

unsigned wire_count(const struct wire *wire)
{
    return wire->count;
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

uint64_t wire_waiting(const struct wire *wire, unsigned to, tfsm_time now)
{
    const struct lane *lane = &wire->lanes[to];
    return lane->until < now
               ? 0
               : ((lane->until - now) * wire->network->rate + lane->part) / MICROSECONDS;
}

/* When a packet leaves the link of its sender, or TFSM_NEVER when the queue before it is full. The part
 * of a microsecond is for the next one, else a fast link would be faster than it is. */
static tfsm_time leaves(struct wire *wire, unsigned to, size_t size, tfsm_time now)
{
    const struct wire_network *network = wire->network;
    struct lane *lane = &wire->lanes[to];
    if (network->rate == 0) {
        return now;
    }
    uint64_t waiting = wire_waiting(wire, to, now);
    if (waiting > wire->counters.waited) {
        wire->counters.waited = waiting;
    }
    if (network->queue > 0 && waiting > network->queue) {
        return TFSM_NEVER;
    }
    if (lane->until < now) {
        lane->until = now;
        lane->part = 0;
    }
    lane->part += (uint64_t)size * MICROSECONDS;
    lane->until += lane->part / network->rate;
    lane->part %= network->rate;
    return lane->until;
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

/* When it arrives that would arrive at `at` if nothing were stalled. */
static tfsm_time stalled(struct wire *wire, unsigned to, tfsm_time now, tfsm_time at)
{
    const struct wire_network *network = wire->network;
    struct lane *lane = &wire->lanes[to];
    if (network->stall == 0 || to != network->stall_to || at <= network->stall_from) {
        return at;
    }
    if (!lane->stalls) {
        lane->stalls = true;
        lane->from = now > network->stall_from ? now : network->stall_from;
    }
    if (now <= lane->from) {
        at += network->stall;
        lane->last = at > lane->last ? at : lane->last;
    }
    return at > lane->last ? at : lane->last;
}

static void put(struct wire *wire, unsigned to, const uint8_t *octets, size_t size, tfsm_time now)
{
    const struct wire_network *network = wire->network;
    if (wire->count == wire->places || size > wire->packet_most) {
        wire->counters.overflow++;
        return;
    }
    if (network->swallow > 0 && size > network->swallow) {
        wire->counters.swallowed++;
        return;
    }
    tfsm_time gone = leaves(wire, to, size, now);
    if (gone == TFSM_NEVER) {
        wire->counters.dropped++;
        return;
    }
    if (chance(wire, network->loss)) {
        wire->counters.lost++;
        return;
    }
    struct wire_packet *packet = &wire->packets[wire->heap[wire->count]];
    packet->at = stalled(wire, to, now, gone + network->delay + held_up(wire));
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
