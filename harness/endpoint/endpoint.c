/* The one block of memory: how much a configuration needs, and what lies where in it. */
#include "internal.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ALIGNMENT   EP_LINE /* more than any type here needs */
#define OPTIONS     40u     /* a segment may bear these and one octet of text whatever its MSS */
#define LENGTH_MOST 65535u  /* of IPv4 total length and IPv6 payload length */

struct endpoint_config endpoint_config_default(void)
{
    struct tfsm_config today = tfsm_config_default();
    (void)tfsm_config_named("today", &today);
    struct endpoint_config config = {.connections = 64,
                                     .listeners = 8,
                                     .backlog = 128,
                                     .ranges = 256,
                                     .send_ring = 65536,
                                     .receive_ring = 65536,
                                     .resets = 16,
                                     .syn_acks = 256,
                                     .spent = 1024,
                                     .cookies = 16,
                                     .port_first = 49152,
                                     .port_last = 65535,
                                     .hops = 64,
                                     .fast_open_pause = UINT64_C(3600000000),
                                     .orphan_timeout = UINT64_C(120000000),
                                     .policy4 = today,
                                     .policy6 = today};
    config.policy4.mss = tfsm_mss(1500, 4);
    config.policy6.mss = tfsm_mss(1500, 6);
    config.policy4.mss_default = 536; /* RFC9293:MUST-15 */
    config.policy6.mss_default = 1220;
    return config;
}

static bool is_power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static bool local_makes_sense(const struct endpoint_local *local)
{
    return tfsm_address_is_unicast(&local->address) &&
           local->prefix <= (local->address.family == 4 ? 32 : 128);
}

static bool makes_sense(const struct endpoint_config *config)
{
    bool counts = config->connections >= 1 && config->connections <= ENDPOINT_MOST &&
                  config->listeners <= ENDPOINT_MOST && config->backlog >= 1 &&
                  config->backlog <= ENDPOINT_MOST && config->ranges <= TFSM_ROOM_MAX &&
                  config->resets <= ENDPOINT_MOST && config->syn_acks <= ENDPOINT_MOST &&
                  config->spent <= ENDPOINT_MOST && config->cookies <= ENDPOINT_MOST &&
                  config->local_count >= 1 && config->local_count <= ENDPOINT_MOST &&
                  config->locals != NULL && config->local_room <= ENDPOINT_MOST;
    bool rings = is_power_of_two(config->send_ring) && is_power_of_two(config->receive_ring) &&
                 config->send_ring <= ENDPOINT_RING_MOST &&
                 config->receive_ring <= ENDPOINT_RING_MOST;
    if (!counts || !rings || config->port_first == 0 || config->port_first > config->port_last) {
        return false;
    }
    for (uint32_t i = 0; i < config->local_count; i++) {
        if (!local_makes_sense(&config->locals[i])) {
            return false;
        }
    }
    return true;
}

_Static_assert(offsetof(struct ep_slot, node) == EP_LINE, "a slot begins with one line");

/* From one slot to the next: whole cache lines. */
static size_t stride_of(const struct endpoint_config *config)
{
    size_t octets = offsetof(struct ep_slot, tcb) + TFSM_TCB_SIZE(config->ranges);
    return (octets + EP_LINE - 1) / EP_LINE * EP_LINE;
}

/* Where each array starts, octets from the start of the block. */
struct layout {
    size_t locals;
    size_t slots;
    size_t spare;
    size_t cold;
    size_t due;
    size_t places;
    size_t cells;
    size_t listener_buckets;
    size_t listeners;
    size_t entries;
    size_t accept_queue;
    size_t spent;
    size_t resets;
    size_t syn_acks;
    size_t cookies;
    size_t refusals;
    size_t scratch;
    size_t rings;
    size_t total; /* SIZE_MAX: more than there can be */
};

/* Room for so many of this size; returns where. */
static size_t reserve(size_t *total, size_t count, size_t size)
{
    size_t at = *total;
    if (at > SIZE_MAX - ALIGNMENT || count > (SIZE_MAX - ALIGNMENT - at) / size) {
        *total = SIZE_MAX;
        return 0;
    }
    at = (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *total = at + count * size;
    return at;
}

/* At least one bucket for each entry: chains of one on average. */
static uint32_t bucket_count(uint32_t entries)
{
    uint32_t count = 1;
    while (count < entries) {
        count *= 2;
    }
    return count;
}

/* Half of them stay empty, and one at the least. */
static uint32_t cell_count(uint32_t entries)
{
    return 2 * bucket_count(entries);
}

/* A slot starts on a cache line wherever the block is: the arrays move up, and there are octets to spare at the end. */
static size_t first_line(const void *memory)
{
    return (ALIGNMENT - (uintptr_t)memory % ALIGNMENT) % ALIGNMENT;
}

static struct layout lay_out(const struct endpoint_config *config)
{
    struct layout at = {0};
    size_t ring = (size_t)config->send_ring + config->receive_ring;
    size_t nodes = (size_t)config->connections + config->listeners;
    reserve(&at.total, 1, sizeof(struct endpoint));
    at.locals = reserve(&at.total, (size_t)config->local_count + config->local_room,
                        sizeof(struct endpoint_local));
    at.slots = reserve(&at.total, config->connections, stride_of(config));
    at.spare = reserve(&at.total, 1, TFSM_TCB_SIZE(config->ranges));
    at.cold = reserve(&at.total, config->connections, sizeof(struct ep_cold));
    at.due = reserve(&at.total, nodes, sizeof(struct ep_due));
    at.places = reserve(&at.total, nodes, sizeof(uint32_t));
    at.cells = reserve(&at.total, cell_count(config->connections), sizeof(struct ep_cell));
    at.listener_buckets = reserve(&at.total, bucket_count(config->listeners), sizeof(uint32_t));
    at.listeners = reserve(&at.total, config->listeners, sizeof(struct ep_listener));
    size_t queued = (size_t)config->listeners * config->backlog;
    at.entries = reserve(&at.total, queued, sizeof(struct tfsm_entry));
    at.accept_queue = reserve(&at.total, queued, sizeof(uint64_t));
    size_t spent = (size_t)config->listeners * config->spent;
    at.spent = reserve(&at.total, spent, sizeof(struct tfsm_spent));
    at.resets = reserve(&at.total, config->resets, sizeof(struct ep_answer));
    at.syn_acks = reserve(&at.total, config->syn_acks, sizeof(struct ep_answer));
    at.cookies = reserve(&at.total, config->cookies, sizeof(struct ep_cookie));
    size_t refusals = (size_t)config->cookies * EP_REFUSALS;
    at.refusals = reserve(&at.total, refusals, sizeof(struct ep_refusal));
    at.scratch = reserve(&at.total, ep_min(config->send_ring, LENGTH_MOST), 1);
    at.rings = reserve(&at.total, config->connections, ring);
    reserve(&at.total, ALIGNMENT, 1);
    return at;
}

size_t endpoint_size(const struct endpoint_config *config)
{
    if (!makes_sense(config)) {
        return 0;
    }
    size_t total = lay_out(config).total;
    return total == SIZE_MAX ? 0 : total;
}

/* What one use lets out is worth nothing for another. */
void ep_derive_key(const uint8_t from[16], const char use[8], uint64_t number, uint8_t key[16])
{
    uint8_t octets[17] = {0};
    memcpy(octets, use, 8);
    for (unsigned i = 0; i < 8; i++) {
        octets[8 + i] = (uint8_t)(number >> (8 * i) & 0xffu);
    }
    for (unsigned half = 0; half < 2; half++) {
        octets[16] = (uint8_t)half;
        uint64_t hash = tfsm_siphash(from, octets, sizeof octets);
        for (unsigned i = 0; i < 8; i++) {
            key[8 * half + i] = (uint8_t)(hash >> (8 * i) & 0xffu);
        }
    }
}

static void place_arrays(struct endpoint *ep, const struct endpoint_config *config)
{
    struct layout at = lay_out(config);
    uint8_t *base = (uint8_t *)ep + first_line(ep);
    ep->locals = (void *)(base + at.locals);
    ep->slots = base + at.slots;
    ep->stride = stride_of(config);
    ep->spare = (void *)(base + at.spare);
    ep->cold = (void *)(base + at.cold);
    ep->due = (void *)(base + at.due);
    ep->places = (void *)(base + at.places);
    ep->cells = (void *)(base + at.cells);
    ep->listener_buckets = (void *)(base + at.listener_buckets);
    ep->listeners = (void *)(base + at.listeners);
    ep->entries = (void *)(base + at.entries);
    ep->accept_queue = (void *)(base + at.accept_queue);
    ep->spent = (void *)(base + at.spent);
    ep->resets = (struct ep_ring){.answers = (void *)(base + at.resets), .most = config->resets};
    ep->syn_acks =
        (struct ep_ring){.answers = (void *)(base + at.syn_acks), .most = config->syn_acks};
    ep->cookies = (void *)(base + at.cookies);
    ep->refusals = (void *)(base + at.refusals);
    ep->scratch = base + at.scratch;
    ep->rings = base + at.rings;
}

/* What a segment may hold of text and options, so that its packet fits the length field of IP. */
static void take_policy(struct endpoint *ep, unsigned family, const struct tfsm_config *policy)
{
    uint32_t headers = family == 6 ? 40 + 20 : 20 + 20;
    struct tfsm_config *own = &ep->policy[family == 6];
    *own = *policy;
    own->mss = own->mss > 0 ? (uint16_t)ep_min(own->mss, TFSM_MSS_MAX) : 1;
    ep_clamp(ep, family, own);
    size_t packet = headers + (own->mss > OPTIONS ? own->mss : OPTIONS + 1u);
    ep->packet_most = packet > ep->packet_most ? packet : ep->packet_most;
}

struct endpoint *endpoint_place(const struct endpoint_config *config, void *memory)
{
    if (endpoint_size(config) == 0) {
        return NULL;
    }
    struct endpoint *ep = memory;
    ep->connections = config->connections;
    ep->listener_count = config->listeners;
    ep->backlog = config->backlog;
    ep->ranges = config->ranges;
    ep->local_count = config->local_count;
    ep->local_room = config->local_room;
    ep->spent_count = config->spent;
    ep->cookie_count = config->cookies;
    ep->send_ring = config->send_ring;
    ep->receive_ring = config->receive_ring;
    ep->cell_mask = cell_count(config->connections) - 1;
    ep->listener_bucket_mask = bucket_count(config->listeners) - 1;
    ep->port_first = config->port_first;
    ep->port_last = config->port_last;
    ep->hops = config->hops;
    ep->traffic_class = config->traffic_class;
    ep->drop_syn_fin = config->drop_syn_fin;
    ep->fast_open_pause = config->fast_open_pause;
    ep->orphan_timeout = config->orphan_timeout;
    memcpy(ep->key, config->key, sizeof ep->key);
    uint8_t demux_key[16];
    ep_derive_key(ep->key, "demux   ", 0, demux_key);
    ep->demux = sip_start(demux_key);
    ep_derive_key(ep->key, "ports   ", 0, ep->port_key);
    ep_derive_key(ep->key, "cookies ", 0, ep->cookie_key);
    ep_derive_key(ep->key, "fastopen", 0, ep->fast_key);
    memcpy(ep->fast_before, ep->fast_key, sizeof ep->fast_before);
    place_arrays(ep, config);
    memcpy(ep->locals, config->locals, config->local_count * sizeof *config->locals);
    take_policy(ep, 4, &config->policy4);
    take_policy(ep, 6, &config->policy6);
    return ep;
}

struct endpoint *endpoint_create(const struct endpoint_config *config)
{
    size_t size = endpoint_size(config);
    void *memory = size > 0 ? calloc(1, size) : NULL;
    return memory != NULL ? endpoint_place(config, memory) : NULL;
}

enum tfsm_result endpoint_add_local(struct endpoint *ep, const struct endpoint_local *local)
{
    if (!local_makes_sense(local)) {
        return TFSM_E_INVALID;
    }
    if (ep_is_ours(ep, &local->address)) {
        return TFSM_DONE;
    }
    if (ep->local_room == 0) {
        return TFSM_E_INSUFFICIENT_RESOURCES;
    }
    ep->local_room--;
    ep->locals[ep->local_count++] = *local;
    ep->locals_grew = true;
    return TFSM_DONE;
}

void endpoint_destroy(struct endpoint *ep)
{
    free(ep);
}

const struct endpoint_counters *endpoint_counted(const struct endpoint *ep)
{
    return &ep->counters;
}

void endpoint_watch(struct endpoint *ep, endpoint_watcher *watcher, void *user)
{
    ep->watcher = watcher;
    ep->watcher_user = user;
}

size_t endpoint_packet_most(const struct endpoint *ep)
{
    return ep->packet_most;
}
