/* The core alone: parse with checksum, step, output, write. A SYN of the case "syn" goes to a listener of the core, with
 * its queue; connections are given a TCB each. Demultiplexing is the driver's. */
#include "subject.h"

#include "tfsm.h"
#include "tfsm_listener.h"

#include <string.h>

static struct tfsm_tcb tcbs[CONNECTIONS];
static struct tfsm_config cfg;
static tfsm_time now;
static uint8_t out_octets[2048];
static const uint8_t zeros[2048];
static struct tfsm_packet envelope[CONNECTIONS];

static void listen_at(unsigned i)
{
    struct tfsm_event open = {.kind = TFSM_EV_OPEN, .now = now};
    struct tfsm_effects fx;
    memset(&tcbs[i], 0, sizeof tcbs[i]);
    tfsm_step(&tcbs[i], &cfg, &open, &fx);
}

static void start(bool ipv6, bool stamps)
{
    cfg = tfsm_config_default();
    cfg.mss = ipv6 ? 1440 : 1460;
    cfg.profile &= stamps ? UINT32_MAX : ~(uint32_t)TFSM_TIMESTAMPS;
    now = 1000000;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        listen_at(i);
    }
}

/* All that a connection has to say. */
static void drain(unsigned i)
{
    struct tfsm_packet *out = &envelope[i];
    while (tfsm_output(&tcbs[i], &cfg, now, &out->segment)) {
        size_t n = tfsm_write(out, zeros, out_octets, sizeof out_octets);
        driver_sent(out_octets, n);
    }
}

static void arrive(unsigned i, const struct parcel *parcel)
{
    static struct tfsm_event event = {.kind = TFSM_EV_SEGMENT};
    struct tfsm_packet packet;
    struct tfsm_effects fx;
    if (tfsm_parse_segment(parcel->octets, parcel->n, &packet, &event.segment) != TFSM_WIRE_OK) {
        return;
    }
    event.now = now;
    if (tcbs[i].state == TFSM_LISTEN) { /* who is at the other end */
        event.iss = 0x12345678u;
        envelope[i] = (struct tfsm_packet){.src = packet.dst,
                                           .dst = packet.src,
                                           .src_port = packet.dst_port,
                                           .dst_port = packet.src_port,
                                           .hops = 64};
    }
    tfsm_step(&tcbs[i], &cfg, &event, &fx);
    if (!tfsm_has_nothing(&tcbs[i])) {
        drain(i);
    }
}

static void call(unsigned i, struct tfsm_event event)
{
    struct tfsm_effects fx;
    event.now = now;
    tfsm_step(&tcbs[i], &cfg, &event, &fx);
    if (!tfsm_has_nothing(&tcbs[i])) {
        drain(i);
    }
}

static void user_sends(unsigned i, uint32_t octets)
{
    call(i, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = octets});
}

static void user_closes(unsigned i)
{
    call(i, (struct tfsm_event){.kind = TFSM_EV_CLOSE});
}

/* The user reads, and who is gone listens anew. */
static void tick(uint64_t microseconds)
{
    now += microseconds;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (tcbs[i].rcv_user > 0) {
            call(i, (struct tfsm_event){.kind = TFSM_EV_RECEIVE, .len = tcbs[i].rcv_user});
        }
        if (tcbs[i].state == TFSM_CLOSED) {
            listen_at(i);
        }
    }
}

const struct subject subject_core = {.name = "core",
                                     .start = start,
                                     .arrive = arrive,
                                     .send = user_sends,
                                     .close = user_closes,
                                     .tick = tick};
