/* See services.h. A client is found by its handle in a hash table; it is asked to go on whenever
 * there is news of it. */
#include "services_internal.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_EVERY  UINT64_C(1000000) /* microseconds */
#define LINGER       UINT64_C(5000000) /* how long a peer may take to close after us */
#define DROPPED_MOST (1u << 20)        /* octets it may send meanwhile */

static const struct {
    const char *name;
    uint16_t port;
} services_known[SERVICES] = {[SERVICE_ECHO] = {"echo", 7},
                              [SERVICE_DISCARD] = {"discard", 9},
                              [SERVICE_CHARGEN] = {"chargen", 19},
                              [SERVICE_HTTP] = {"http", 80}};

const char *service_name(enum service service)
{
    return services_known[service].name;
}

uint16_t service_port(enum service service)
{
    return services_known[service].port;
}

bool service_named(const char *name, enum service *service)
{
    for (unsigned i = 0; i < SERVICES; i++) {
        if (strcmp(services_known[i].name, name) == 0) {
            *service = (enum service)i;
            return true;
        }
    }
    return false;
}

/* ---- start and end ---- */

struct services *services_create(const struct services_config *config, tfsm_time now)
{
    struct services *services = calloc(1, sizeof *services);
    uint32_t buckets = 1;
    while (buckets < config->connections) {
        buckets *= 2;
    }
    if (services == NULL) {
        return NULL;
    }
    services->config = *config;
    services->mask = buckets - 1;
    services->started = now;
    services->next_sweep = now + SWEEP_EVERY;
    services->clients = calloc(config->connections, sizeof *services->clients);
    services->buckets = calloc(buckets, sizeof *services->buckets);
    services->places = calloc(config->connections, sizeof *services->places);
    if (services->clients == NULL || services->buckets == NULL || services->places == NULL) {
        services_destroy(services);
        return NULL;
    }
    return services;
}

void services_destroy(struct services *services)
{
    if (services != NULL) {
        free(services->clients);
        free(services->buckets);
        free(services->places);
        free(services);
    }
}

const struct services_counters *services_counted(const struct services *services)
{
    return &services->counters;
}

enum tfsm_result services_listen(struct services *services, enum service service, unsigned family,
                                 uint16_t port, uint32_t backlog,
                                 const struct tfsm_listener_policy *policy)
{
    struct endpoint_listening listening = {
        .local = {.family = (uint8_t)family}, .port = port, .backlog = backlog, .policy = policy};
    endpoint_handle handle;
    if (services->listening_count == 2 * SERVICES) {
        return TFSM_E_INSUFFICIENT_RESOURCES;
    }
    enum tfsm_result result = endpoint_listen(services->config.endpoint, &listening, &handle);
    if (result == TFSM_DONE) {
        services->listening[services->listening_count].handle = handle;
        services->listening[services->listening_count].service = service;
        services->listening_count++;
    }
    return result;
}

/* ---- the table of clients ---- */

static uint32_t *bucket_of(const struct services *services, endpoint_handle handle)
{
    uint64_t mixed = (handle ^ handle >> 32) & UINT32_MAX;
    return &services->buckets[mixed & services->mask];
}

static struct client *find(const struct services *services, endpoint_handle handle)
{
    uint32_t at = *bucket_of(services, handle);
    while (at != 0 && services->clients[at - 1].handle != handle) {
        at = services->clients[at - 1].chain;
    }
    return at != 0 ? &services->clients[at - 1] : NULL;
}

/* The endpoint has no more connections than there are places, but one that is over for the endpoint
 * may be so for us only when we hear of it. */
static struct client *add(struct services *services, endpoint_handle handle)
{
    uint32_t index = services->used;
    if (services->free != 0) {
        index = services->free - 1;
        services->free = services->clients[index].chain;
    } else if (services->used < services->config.connections) {
        services->used++;
    } else {
        return NULL;
    }
    struct client *client = &services->clients[index];
    uint32_t *bucket = bucket_of(services, handle);
    size_t kept = offsetof(struct client, web);
    memset(client, 0, kept); /* and of the rest only what counts: the buffers are large */
    client->web.have = 0;
    client->web.answer_n = 0;
    client->web.answered = 0;
    client->web.body_at = 0;
    client->web.body_left = 0;
    client->web.from_file = false;
    client->web.last = false;
    client->handle = handle;
    client->chain = *bucket;
    *bucket = index + 1;
    services->count++;
    return client;
}

static void forget(struct services *services, struct client *client)
{
    uint32_t index = (uint32_t)(client - services->clients);
    uint32_t *link = bucket_of(services, client->handle);
    while (*link != index + 1) {
        link = &services->clients[*link - 1].chain;
    }
    *link = client->chain;
    client->handle = 0;
    client->chain = services->free;
    services->free = index + 1;
    services->count--;
}

/* ---- moving octets ---- */

/* Asking for one octet more than there is room makes the endpoint tell when there is some. */
uint32_t service_room(struct services *services, struct client *client, tfsm_time now)
{
    struct endpoint_status_block status;
    uint8_t octet = 0;
    size_t taken;
    if (client->closed ||
        endpoint_status(services->config.endpoint, client->handle, &status) != TFSM_DONE) {
        return 0;
    }
    if (status.writable == 0 && status.tcp.state != TFSM_CLOSED) {
        endpoint_send(services->config.endpoint, client->handle, &octet, 1, false, now, &taken);
    }
    return status.writable;
}

void service_send(struct services *services, struct client *client, const uint8_t *octets, size_t n,
                  tfsm_time now)
{
    size_t taken;
    endpoint_send(services->config.endpoint, client->handle, octets, n, false, now, &taken);
    services->counters.octets_out += taken;
    client->active = now;
}

size_t service_receive(struct services *services, struct client *client, uint8_t *octets, size_t n,
                       tfsm_time now)
{
    size_t taken = 0;
    enum tfsm_result result =
        endpoint_receive(services->config.endpoint, client->handle, octets, n, now, &taken);
    services->counters.octets_in += taken;
    if (taken > 0) {
        client->active = now;
    } else if (result != TFSM_DONE) {
        client->peer_closed = true;
    }
    return taken;
}

void service_close(struct services *services, struct client *client, tfsm_time now)
{
    if (!client->closed) {
        client->closed = true;
        client->active = now;
        client->dropped = 0;
        endpoint_close(services->config.endpoint, client->handle, now);
    }
}

/* ---- the small services ---- */

/* Nothing is read that cannot be sent at once: echo holds no octet itself. */
static void serve_echo(struct services *services, struct client *client, tfsm_time now)
{
    while (!client->peer_closed &&
           endpoint_readable(services->config.endpoint, client->handle) > 0) {
        size_t room = service_room(services, client, now);
        if (room == 0) {
            return;
        }
        size_t n =
            service_receive(services, client, services->chunk, room < CHUNK ? room : CHUNK, now);
        service_send(services, client, services->chunk, n, now);
    }
    service_receive(services, client, services->chunk, 0, now); /* is that the end? */
    if (client->peer_closed || services->closing) {
        service_close(services, client, now);
    }
}

static void drop_input(struct services *services, struct client *client, tfsm_time now)
{
    size_t n = 0;
    tfsm_time active = client->active;
    do {
        n = service_receive(services, client, services->chunk, CHUNK, now);
        client->dropped += n;
    } while (n > 0);
    if (client->closed) {
        client->active = active; /* what is dropped keeps nothing alive */
    }
}

static void serve_discard(struct services *services, struct client *client, tfsm_time now)
{
    drop_input(services, client, now);
    if (client->peer_closed || services->closing) {
        service_close(services, client, now);
    }
}

/* Lines of 72 characters, each starting one further in the 95 that can be printed (RFC 864). */
static void fill_lines(uint64_t offset, uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t line = (offset + i) / 74;
        unsigned column = (unsigned)((offset + i) % 74);
        octets[i] = column < 72    ? (uint8_t)(' ' + (line + column) % 95)
                    : column == 72 ? (uint8_t)'\r'
                                   : (uint8_t)'\n';
    }
}

/* Until the peer ends it (RFC 864). */
static void serve_chargen(struct services *services, struct client *client, tfsm_time now)
{
    drop_input(services, client, now);
    if (client->peer_closed || services->closing) {
        service_close(services, client, now);
        return;
    }
    size_t room = service_room(services, client, now);
    while (room > 0) {
        size_t n = room < CHUNK ? room : CHUNK;
        fill_lines(client->generated, services->chunk, n);
        service_send(services, client, services->chunk, n, now);
        client->generated += n;
        room = service_room(services, client, now);
    }
}

static void serve(struct services *services, struct client *client, tfsm_time now)
{
    if (client->closed) {
        drop_input(services, client, now);
        return;
    }
    switch ((enum service)client->service) {
    case SERVICE_ECHO:
        serve_echo(services, client, now);
        break;
    case SERVICE_DISCARD:
        serve_discard(services, client, now);
        break;
    case SERVICE_CHARGEN:
        serve_chargen(services, client, now);
        break;
    case SERVICE_HTTP:
        web_serve(services, client, now);
        break;
    case SERVICES:
        break;
    }
}

/* ---- news ---- */

static void accept_all(struct services *services, endpoint_handle listener, enum service service,
                       tfsm_time now)
{
    endpoint_handle handle;
    while (endpoint_accept(services->config.endpoint, listener, &handle) == TFSM_DONE &&
           handle != 0) {
        struct client *client = add(services, handle);
        if (client == NULL) {
            endpoint_abort(services->config.endpoint, handle, now);
            endpoint_release(services->config.endpoint, handle, now);
            continue;
        }
        services->counters.accepted++;
        client->service = (uint8_t)service;
        client->active = now;
        serve(services, client, now);
    }
}

static void count_end(struct services *services, uint32_t news)
{
    services->counters.closed += (news & TFSM_SIG_CLOSED) != 0;
    services->counters.reset += (news & (TFSM_SIG_RESET | TFSM_SIG_REFUSED)) != 0;
    services->counters.failed += (news & (TFSM_SIG_TIMED_OUT | TFSM_SIG_UNREACHABLE)) != 0;
}

void service_let_go(struct services *services, struct client *client, tfsm_time now)
{
    endpoint_release(services->config.endpoint, client->handle, now);
    forget(services, client);
}

void services_news(struct services *services, endpoint_handle handle, uint32_t news, tfsm_time now)
{
    if ((news & ENDPOINT_ACCEPTABLE) != 0) {
        for (unsigned i = 0; i < services->listening_count; i++) {
            if (services->listening[i].handle == handle) {
                accept_all(services, handle, services->listening[i].service, now);
            }
        }
        return;
    }
    struct client *client = find(services, handle);
    if (client == NULL) {
        return;
    }
    serve(services, client, now); /* also what came before the end */
    if ((news & TFSM_SIG_ENDS) != 0) {
        count_end(services, news);
        service_let_go(services, client, now);
    }
}

/* ---- time ---- */

bool service_is_done(const struct services *services, const struct client *client)
{
    struct endpoint_status_block status;
    return endpoint_status(services->config.endpoint, client->handle, &status) != TFSM_DONE ||
           status.tcp.state == TFSM_TIME_WAIT || status.tcp.state == TFSM_CLOSED;
}

static bool is_given_up(const struct services *services, const struct client *client, tfsm_time now)
{
    if (client->closed) {
        return (client->dropped > DROPPED_MOST || now - client->active > LINGER) &&
               !service_is_done(services, client);
    }
    return services->config.idle > 0 && now - client->active > services->config.idle;
}

void services_sweep(struct services *services, tfsm_time now)
{
    bool often = now < services->next_sweep;
    service_make_room(services, often, now);
    if (often) {
        return;
    }
    services->next_sweep = now + SWEEP_EVERY;
    for (uint32_t i = 0; i < services->used; i++) {
        struct client *client = &services->clients[i];
        if (client->handle != 0 && is_given_up(services, client, now)) {
            services->counters.idle++;
            if (!client->closed) {
                endpoint_abort(services->config.endpoint, client->handle, now);
            }
            service_let_go(services, client, now);
        }
    }
}

tfsm_time services_deadline(const struct services *services)
{
    return services->count > 0 ? services->next_sweep : TFSM_NEVER;
}

/* ---- the end ---- */

void services_close(struct services *services, tfsm_time now)
{
    services->closing = true;
    for (unsigned i = 0; i < services->listening_count; i++) {
        endpoint_close(services->config.endpoint, services->listening[i].handle, now);
    }
    services->listening_count = 0;
    for (uint32_t i = 0; i < services->used; i++) {
        if (services->clients[i].handle != 0) {
            serve(services, &services->clients[i], now);
        }
    }
}

void services_abort(struct services *services, tfsm_time now)
{
    for (uint32_t i = 0; i < services->used; i++) {
        struct client *client = &services->clients[i];
        if (client->handle != 0) {
            if (!service_is_done(services, client)) {
                services->counters.aborted++;
                endpoint_abort(services->config.endpoint, client->handle, now);
            }
            service_let_go(services, client, now);
        }
    }
}

bool services_over(const struct services *services)
{
    for (uint32_t i = 0; services->closing && i < services->used; i++) {
        const struct client *client = &services->clients[i];
        if (client->handle != 0 && !service_is_done(services, client)) {
            return false;
        }
    }
    return services->closing;
}
