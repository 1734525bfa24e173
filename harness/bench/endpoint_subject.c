/* A whole endpoint: demultiplexer, rings, timers. Its user accepts and reads at once, in what is measured. */
#include "subject.h"

#include "endpoint.h"

#include <stdlib.h>

#define BUFFER 65536u

static struct endpoint *ep;
static endpoint_handle listener;
static endpoint_handle connections[CONNECTIONS];
static unsigned arriving;
static tfsm_time now;
static uint8_t out_octets[2048];

static void start(bool ipv6, bool stamps)
{
    struct endpoint_local local = {ipv6 ? (struct tfsm_address){6, {0x20, 1, 0x0d, 0xb8}}
                                        : (struct tfsm_address){4, {192, 0, 2, 1}},
                                   ipv6 ? 64 : 24};
    struct endpoint_config config = endpoint_config_default();
    if (ipv6) {
        local.address.octets[15] = 1;
    }
    if (ep != NULL) {
        endpoint_destroy(ep);
    }
    config.locals = &local;
    config.local_count = 1;
    config.connections = 64;
    config.send_ring = BUFFER;
    config.receive_ring = BUFFER;
    if (!stamps) {
        config.policy4.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
        config.policy6.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
    }
    ep = endpoint_create(&config);
    struct endpoint_listening listening = {
        .local.family = ipv6 ? 6 : 4, .port = SERVER_PORT, .backlog = 64};
    now = 1000000;
    if (ep == NULL || endpoint_listen(ep, &listening, &listener) != TFSM_DONE) {
        abort();
    }
}

static void user(void)
{
    static uint8_t octets[4096];
    endpoint_handle who;
    uint32_t news;
    size_t taken;
    while (endpoint_next(ep, &who, &news)) {
        if (who == listener) {
            endpoint_accept(ep, listener, &connections[arriving]);
        } else if ((news & ENDPOINT_READABLE) != 0) {
            endpoint_receive(ep, who, octets, sizeof octets, now, &taken);
        } else if ((news & TFSM_SIG_ENDS) != 0) {
            endpoint_release(ep, who, now);
        }
    }
}

static void drain(void)
{
    size_t n;
    while ((n = endpoint_output(ep, now, out_octets, sizeof out_octets)) > 0) {
        driver_sent(out_octets, n);
    }
}

static void arrive(unsigned i, const struct parcel *parcel)
{
    arriving = i;
    endpoint_input(ep, parcel->octets, parcel->n, now);
    user();
    drain();
}

static void user_sends(unsigned i, uint32_t octets)
{
    static const uint8_t text[1500];
    size_t taken;
    endpoint_send(ep, connections[i], text, octets, false, now, &taken);
    drain();
}

static void user_closes(unsigned i)
{
    endpoint_close(ep, connections[i], now);
    drain();
}

static void tick(uint64_t microseconds)
{
    now += microseconds;
    endpoint_timeout(ep, now);
    drain();
}

const struct subject subject_endpoint = {.name = "endpoint",
                                         .start = start,
                                         .arrive = arrive,
                                         .send = user_sends,
                                         .close = user_closes,
                                         .tick = tick};
