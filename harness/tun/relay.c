/* See relay.h. */
#include "relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH       256u                /* packets read from a device in one round */
#define PLACES_MOST 65536u              /* packets on their way */
#define MEMORY_MOST (UINT64_C(1) << 28) /* octets of them, either way; taken as they are needed */

struct way {
    struct wire *wire;
    uint64_t waited; /* since it was asked */
};

struct relay {
    struct relay_config config;
    struct waiting waiting;
    struct device devices[2];
    struct way ways[2]; /* from each */
    bool more;          /* the last round left something to be read */
    uint8_t packet[DEVICE_PACKET_MOST];
};

static bool create_ways(struct relay *relay)
{
    const struct relay_config *config = &relay->config;
    uint64_t places = MEMORY_MOST / config->mtu;
    uint64_t chance = config->seed << 1 | 1; /* a seed for each: neither is the other's */
    for (unsigned from = 0; from < 2; from++) {
        relay->ways[from].wire =
            wire_create(places < PLACES_MOST ? (unsigned)places : PLACES_MOST, config->mtu);
        if (relay->ways[from].wire == NULL) {
            return false;
        }
        wire_begin(relay->ways[from].wire, config->network, sim_draw(&chance));
    }
    return true;
}

struct relay *relay_create(const struct relay_config *config, char error[RELAY_ERROR])
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL) {
        snprintf(error, RELAY_ERROR, "not enough memory");
        return NULL;
    }
    relay->config = *config;
    relay->devices[0] = (struct device){.fd = config->tun[0]};
    relay->devices[1] = (struct device){.fd = config->tun[1]};
    if (!waiting_open(&relay->waiting) || !device_watch(&relay->devices[0], &relay->waiting) ||
        !device_watch(&relay->devices[1], &relay->waiting)) {
        snprintf(error, RELAY_ERROR, "%s", strerror(errno));
        relay_destroy(relay);
        return NULL;
    }
    if (!create_ways(relay)) {
        snprintf(error, RELAY_ERROR, "not enough memory");
        relay_destroy(relay);
        return NULL;
    }
    return relay;
}

void relay_destroy(struct relay *relay)
{
    if (relay != NULL) {
        waiting_close(&relay->waiting);
        wire_destroy(relay->ways[0].wire);
        wire_destroy(relay->ways[1].wire);
        free(relay);
    }
}

/* ---- rounds ---- */

static void read_device(struct relay *relay, unsigned from, tfsm_time now)
{
    struct way *way = &relay->ways[from];
    for (unsigned i = 0; i < BATCH; i++) {
        size_t n = device_read(&relay->devices[from], relay->packet, sizeof relay->packet);
        if (n == 0) {
            return;
        }
        uint64_t waiting = wire_waiting(way->wire, 0, now);
        way->waited = waiting > way->waited ? waiting : way->waited;
        wire_send(way->wire, 0, relay->packet, n, now);
    }
    relay->more = true;
}

static void write_device(struct relay *relay, unsigned from, tfsm_time now)
{
    struct wire *wire = relay->ways[from].wire;
    struct device *to = &relay->devices[1 - from];
    const struct wire_packet *packet = wire_first(wire);
    for (; packet != NULL && packet->at <= now && !to->gone; packet = wire_first(wire)) {
        if (!device_write(to, packet->octets, packet->size)) {
            device_wait_for_room(to, &relay->waiting, true);
            return;
        }
        wire_drop(wire);
    }
}

void relay_turn(struct relay *relay, tfsm_time now)
{
    relay->more = false;
    for (unsigned i = 0; i < 2; i++) {
        device_wait_for_room(&relay->devices[i], &relay->waiting, false);
    }
    for (unsigned from = 0; from < 2; from++) {
        read_device(relay, from, now);
    }
    for (unsigned from = 0; from < 2; from++) {
        write_device(relay, from, now);
    }
}

static tfsm_time earlier(tfsm_time a, tfsm_time b)
{
    return a < b ? a : b;
}

tfsm_time relay_deadline(const struct relay *relay)
{
    tfsm_time at = relay->more ? 0 : TFSM_NEVER;
    for (unsigned from = 0; from < 2; from++) {
        const struct wire_packet *packet = wire_first(relay->ways[from].wire);
        if (packet != NULL && !relay->devices[1 - from].waits_for_room) {
            at = earlier(at, packet->at);
        }
    }
    return at;
}

static bool is_gone(const struct relay *relay, char error[RELAY_ERROR])
{
    for (unsigned i = 0; i < 2; i++) {
        if (relay->devices[i].gone) {
            snprintf(error, RELAY_ERROR, "%s: the device is gone: %s", relay->config.name[i],
                     strerror(relay->devices[i].failure));
            return true;
        }
    }
    return false;
}

bool relay_run(struct relay *relay, char error[RELAY_ERROR])
{
    const struct relay_config *config = &relay->config;
    tfsm_time now = waiting_now();
    tfsm_time tick = config->every > 0 ? now + config->every : TFSM_NEVER;
    while (now < config->until && waiting_asked(&relay->waiting) == 0 && !is_gone(relay, error)) {
        waiting_until(&relay->waiting, now,
                      earlier(relay_deadline(relay), earlier(tick, config->until)));
        now = waiting_now();
        relay_turn(relay, now);
        if (now >= tick) {
            config->tick(config->user, now);
            tick = now + config->every - (now - tick) % config->every;
        }
    }
    return !is_gone(relay, error);
}

/* ---- counters ---- */

struct relay_counters relay_counted(const struct relay *relay, unsigned from)
{
    const struct device_counters *in = &relay->devices[from].counters;
    const struct device_counters *out = &relay->devices[1 - from].counters;
    const struct wire *wire = relay->ways[from].wire;
    return (struct relay_counters){.packets_in = in->packets_in,
                                   .octets_in = in->octets_in,
                                   .packets_out = out->packets_out,
                                   .octets_out = out->octets_out,
                                   .refused = out->refused,
                                   .deferred = out->deferred,
                                   .left = wire_count(wire),
                                   .wire = *wire_counted(wire)};
}

uint64_t relay_waited(struct relay *relay, unsigned from)
{
    uint64_t waited = relay->ways[from].waited;
    relay->ways[from].waited = 0;
    return waited;
}
