/* Places for those who come, when the table is full of those who are done or say nothing. TIME-WAIT
 * lasts a minute, and whoever closes first pays with it: a server that does so would stop after as
 * many connections as it has places. */
#include "services_internal.h"

#include <stdlib.h>

#define SPARE       8u                /* of so many places one is kept free of TIME-WAIT */
#define TRY_AGAIN   UINT64_C(100000)  /* microseconds after a walk that gained nothing */
#define IDLE_LEAST  UINT64_C(2000000) /* whoever said something since then is not displaced */
#define WANTED_LAST UINT64_C(8000000) /* a client turned away has tried again by then */

static int by_age(const void *a, const void *b)
{
    const struct place *one = a;
    const struct place *two = b;
    return (one->since > two->since) - (one->since < two->since);
}

/* The endpoint's places: also those of connections that are no longer ours. */
static uint64_t free_places(const struct services *services)
{
    const struct endpoint_counters *counted = endpoint_counted(services->config.endpoint);
    uint64_t used = counted->opened - counted->freed;
    return used < services->config.connections ? services->config.connections - used : 0;
}

/* Those that may go, the longest without life first. Returns how many. */
static uint32_t collect(struct services *services, bool time_wait, tfsm_time now)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < services->used; i++) {
        const struct client *client = &services->clients[i];
        bool may_go =
            client->handle != 0 && (time_wait ? client->closed && service_is_done(services, client)
                                              : now - client->active >= IDLE_LEAST);
        if (may_go) {
            services->places[n++] = (struct place){client->active, i};
        }
    }
    qsort(services->places, n, sizeof *services->places, by_age);
    return n;
}

/* End as many of these as it takes for so many free places. ABORT says nothing in TIME-WAIT and
 * resets the others (RFC 9293 3.10.5), whose places are free once the reset is out. Returns how
 * many. */
static uint32_t make_room(struct services *services, uint32_t candidates, uint64_t goal,
                          tfsm_time now)
{
    uint64_t there = free_places(services);
    uint32_t n = 0;
    for (; n < candidates && there + n < goal; n++) {
        struct client *client = &services->clients[services->places[n].client];
        endpoint_abort(services->config.endpoint, client->handle, now);
        service_let_go(services, client, now);
    }
    return n;
}

static void shorten_time_wait(struct services *services, tfsm_time now)
{
    uint64_t spare = services->config.connections / SPARE + 1;
    if (free_places(services) >= spare || now < services->next_look) {
        return;
    }
    /* Twice as many as needed: the walk is paid for by all of them. */
    uint32_t ended = make_room(services, collect(services, true, now), 2 * spare, now);
    services->counters.closed += ended;
    services->counters.shortened += ended;
    services->next_look = ended > 0 ? now : now + TRY_AGAIN;
}

/* Nobody is displaced before somebody was turned away: his SYN comes again. */
static void displace_idle(struct services *services, tfsm_time now)
{
    uint64_t counted[TFSM_LISTENER_COUNTS];
    uint64_t most = services->config.connections / SPARE + 1;
    if (endpoint_listener_counted(services->config.endpoint, 0, counted) != TFSM_DONE) {
        return;
    }
    uint64_t refused = counted[TFSM_COUNT_SYN_NO_SEAT] + counted[TFSM_COUNT_ACK_NO_SEAT];
    if (refused != services->refused) {
        uint64_t more = refused - services->refused;
        services->wanted = more < most ? more : most;
        services->wanted_until = now + WANTED_LAST;
        services->refused = refused;
    }
    if (services->wanted == 0 || now >= services->wanted_until) {
        services->wanted = 0;
        return;
    }
    uint64_t there = free_places(services);
    uint32_t ended = 0;
    if (there < services->wanted) {
        ended = make_room(services, collect(services, false, now), services->wanted, now);
        services->counters.displaced += ended;
    }
    if (there + ended >= services->wanted) {
        services->wanted = 0;
    }
}

void service_make_room(struct services *services, bool often, tfsm_time now)
{
    if (services->closing) {
        return;
    }
    shorten_time_wait(services, now);
    if (!often) {
        displace_idle(services, now);
    }
}
