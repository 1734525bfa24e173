/* The core's listener: parse, an entry of the SYN queue, the SYN-ACK that it owes, write. It takes SYNs and RSTs alone; what
 * else the driver sends belongs to a connection, and nothing is made of it here. */
#include "subject.h"

#include "tfsm_listener.h"

#include <string.h>

#define ENTRIES 64u

static struct tfsm_listener listener;
static struct tfsm_entry entries[ENTRIES];
static uint64_t waiting[ENTRIES];
static struct tfsm_tcb work;
static struct tfsm_config cfg;
static tfsm_time now;
static uint8_t out_octets[2048];

static void start(bool ipv6, bool stamps)
{
    struct tfsm_listening listening = {.entries = entries,
                                       .entry_count = ENTRIES,
                                       .waiting = waiting,
                                       .waiting_count = ENTRIES,
                                       .work = &work,
                                       .port = SERVER_PORT,
                                       .policy = tfsm_listener_policy_default()};
    listening.policy.at_once = true;
    memset(entries, 0, sizeof entries);
    cfg = tfsm_config_default();
    cfg.mss = ipv6 ? 1440 : 1460;
    cfg.profile &= stamps ? UINT32_MAX : ~(uint32_t)TFSM_TIMESTAMPS;
    now = 1000000;
    tfsm_listener_open(&listener, &listening);
}

static void arrive(unsigned i, const struct parcel *parcel)
{
    static struct tfsm_tcb tcb;
    static struct tfsm_arrival arrival;
    const struct tfsm_seat seat = {&tcb, i};
    struct tfsm_packet packet;
    if (tfsm_parse(parcel->octets, parcel->n, &packet) != TFSM_WIRE_OK) {
        return;
    }
    tfsm_listener_segment(&listener, &cfg, &packet, now, &seat, NULL, &arrival);
    if (arrival.answers) {
        arrival.answer.hops = 64;
        size_t n = tfsm_write(&arrival.answer, NULL, out_octets, sizeof out_octets);
        driver_sent(out_octets, n);
    }
}

static void nothing(unsigned i)
{
    (void)i;
}

static void user_sends(unsigned i, uint32_t octets)
{
    (void)i;
    (void)octets;
}

static void tick(uint64_t microseconds)
{
    uint64_t id;
    now += microseconds;
    while (tfsm_listener_accept(&listener, &id)) {
    }
}

const struct subject subject_listener = {.name = "listener",
                                         .start = start,
                                         .arrive = arrive,
                                         .send = user_sends,
                                         .close = nothing,
                                         .tick = tick};
