/* See siege.h. */
#include "siege.h"
#include "endpoint.h"
#include "seq.h"
#include "sim.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PORT       80u
#define WAY        UINT64_C(20000) /* microseconds from host to host */
#define PACKET_MAX 1600u
#define WIRE_MAX   4096u /* packets in flight */
#define PROGRESS   65536u
#define CLASSES    8.0       /* of the MSS: as many numbers are good in each of two periods */
#define PERIOD     67108864u /* of the clock of cookies, microseconds */

static const uint8_t request[5] = {'h', 'e', 'l', 'l', 'o'};

/* ---- randomness ---- */

static uint64_t seeded(uint64_t seed)
{
    return seed * 2 + 1;
}

/* ---- two hosts ---- */

enum { CLIENT, SERVER };

struct flying {
    tfsm_time at;
    unsigned to;
    size_t size;
    uint8_t octets[PACKET_MAX];
};

/* The delay is the same for all, so packets arrive in the order in which they were sent. */
struct hosts {
    struct endpoint *end[2];
    endpoint_handle listener;
    struct flying *wire; /* a ring */
    unsigned first;
    unsigned count;
    tfsm_time now;
    uint64_t random;
    bool lost; /* the ring was too small: never */
};

static struct tfsm_address address_of(unsigned host)
{
    return (struct tfsm_address){.family = 4, .octets = {192, 0, 2, (uint8_t)(host + 1)}};
}

static struct endpoint_config host_config(struct hosts *hosts, struct endpoint_local *local,
                                          unsigned host)
{
    struct endpoint_config config = endpoint_config_default();
    *local = (struct endpoint_local){address_of(host), 24};
    for (unsigned i = 0; i < sizeof config.key; i++) {
        config.key[i] = (uint8_t)(sim_draw(&hosts->random) >> 32 & 0xffu);
    }
    config.locals = local;
    config.local_count = 1;
    config.send_ring = 1024;
    config.receive_ring = 1024;
    config.policy4.rcv_buff = 1024;
    config.policy4.snd_buff = 1024;
    return config;
}

static bool open_hosts(struct hosts *hosts, struct endpoint_config config[2],
                       const struct tfsm_listener_policy *policy)
{
    struct endpoint_listening listening = {.local = address_of(SERVER),
                                           .port = PORT,
                                           .backlog = config[SERVER].backlog,
                                           .policy = policy};
    hosts->wire = calloc(WIRE_MAX, sizeof *hosts->wire);
    hosts->end[CLIENT] = endpoint_create(&config[CLIENT]);
    hosts->end[SERVER] = endpoint_create(&config[SERVER]);
    return hosts->wire != NULL && hosts->end[CLIENT] != NULL && hosts->end[SERVER] != NULL &&
           endpoint_listen(hosts->end[SERVER], &listening, &hosts->listener) == TFSM_DONE;
}

static void close_hosts(struct hosts *hosts)
{
    endpoint_destroy(hosts->end[CLIENT]);
    endpoint_destroy(hosts->end[SERVER]);
    free(hosts->wire);
}

static const char *check_hosts(const struct hosts *hosts)
{
    const char *wrong = hosts->lost ? "the wire holds every packet" : NULL;
    wrong = wrong != NULL ? wrong : endpoint_check(hosts->end[CLIENT]);
    return wrong != NULL ? wrong : endpoint_check(hosts->end[SERVER]);
}

/* To whom a packet goes: the destination of an IPv4 header. Nobody is at a spoofed address. */
static bool is_for(const uint8_t *octets, unsigned host)
{
    struct tfsm_address address = address_of(host);
    return memcmp(octets + 16, address.octets, 4) == 0;
}

/* What a host has to say goes on the wire. */
static void speak(struct hosts *hosts, unsigned host)
{
    for (;;) {
        struct flying spare;
        struct flying *next = hosts->count < WIRE_MAX
                                  ? &hosts->wire[(hosts->first + hosts->count) % WIRE_MAX]
                                  : &spare;
        next->size = endpoint_output(hosts->end[host], hosts->now, next->octets, PACKET_MAX);
        if (next->size == 0) {
            return;
        }
        if (!is_for(next->octets, 1 - host)) {
            continue;
        }
        if (next == &spare) {
            hosts->lost = true;
            continue;
        }
        next->to = 1 - host;
        next->at = hosts->now + WAY;
        hosts->count++;
    }
}

static tfsm_time earlier(tfsm_time a, tfsm_time b)
{
    return a < b ? a : b;
}

/* When something happens next by itself. */
static tfsm_time next_event(struct hosts *hosts)
{
    tfsm_time at = hosts->count > 0 ? hosts->wire[hosts->first].at : TFSM_NEVER;
    at = earlier(at, endpoint_deadline(hosts->end[CLIENT]));
    return earlier(at, endpoint_deadline(hosts->end[SERVER]));
}

/* Time goes on to the next event: packets arrive, timers go off. */
static void happen(struct hosts *hosts, tfsm_time at)
{
    hosts->now = at > hosts->now ? at : hosts->now;
    while (hosts->count > 0 && hosts->wire[hosts->first].at <= hosts->now) {
        const struct flying *arrived = &hosts->wire[hosts->first];
        endpoint_input(hosts->end[arrived->to], arrived->octets, arrived->size, hosts->now);
        hosts->first = (hosts->first + 1) % WIRE_MAX;
        hosts->count--;
    }
    for (unsigned host = 0; host < 2; host++) {
        endpoint_timeout(hosts->end[host], hosts->now);
    }
}

/* ---- the applications ---- */

struct tally {
    uint32_t accepted;
    uint32_t answered;
    uint32_t over; /* clients' connections that have ended */
};

/* The answer is the request. Who of the two closes first the first octet says. */
static void serve(struct hosts *hosts, endpoint_handle handle, uint32_t news)
{
    struct endpoint *ep = hosts->end[SERVER];
    uint8_t octets[sizeof request];
    size_t n = 0;
    if ((news & ENDPOINT_READABLE) != 0) {
        endpoint_receive(ep, handle, octets, sizeof octets, hosts->now, &n);
    }
    if (n > 0) {
        endpoint_send(ep, handle, octets, n, false, hosts->now, &n);
        if (octets[0] == request[0]) {
            endpoint_release(ep, handle, hosts->now);
            return;
        }
    }
    if ((news & (TFSM_SIG_PEER_CLOSED | TFSM_SIG_ENDS)) != 0) {
        endpoint_release(ep, handle, hosts->now);
    }
}

static void ask(struct hosts *hosts, endpoint_handle handle, uint32_t news, struct tally *tally)
{
    struct endpoint *ep = hosts->end[CLIENT];
    uint8_t octets[sizeof request];
    size_t n = 0;
    if ((news & ENDPOINT_READABLE) != 0 &&
        endpoint_receive(ep, handle, octets, sizeof octets, hosts->now, &n) == TFSM_DONE &&
        n == sizeof request && memcmp(octets + 1, request + 1, n - 1) == 0) {
        tally->answered++;
        if (octets[0] != request[0]) {
            endpoint_close(ep, handle, hosts->now);
        }
    }
    if ((news & TFSM_SIG_PEER_CLOSED) != 0) {
        endpoint_close(ep, handle, hosts->now);
    }
    tally->over += (news & TFSM_SIG_ENDS) != 0;
}

static void attend(struct hosts *hosts, struct tally *tally)
{
    endpoint_handle handle;
    uint32_t news;
    while (endpoint_next(hosts->end[SERVER], &handle, &news)) {
        if ((news & ENDPOINT_ACCEPTABLE) == 0) {
            serve(hosts, handle, news);
            continue;
        }
        while (endpoint_accept(hosts->end[SERVER], hosts->listener, &handle) == TFSM_DONE &&
               handle != 0) {
            tally->accepted++;
            serve(hosts, handle, ENDPOINT_READABLE);
        }
    }
    while (endpoint_next(hosts->end[CLIENT], &handle, &news)) {
        ask(hosts, handle, news, tally);
    }
    speak(hosts, CLIENT);
    speak(hosts, SERVER);
}

/* One more client: its request is queued before the SYN goes out, and goes with the third segment. */
static void join(struct hosts *hosts, bool client_closes)
{
    struct endpoint_open open = {.remote = address_of(SERVER), .remote_port = PORT};
    endpoint_handle handle;
    uint8_t octets[sizeof request];
    size_t taken;
    memcpy(octets, request, sizeof octets);
    octets[0] = client_closes ? 'H' : request[0];
    if (endpoint_connect(hosts->end[CLIENT], &open, hosts->now, &handle) == TFSM_DONE) {
        endpoint_send(hosts->end[CLIENT], handle, octets, sizeof octets, false, hosts->now, &taken);
    }
    speak(hosts, CLIENT);
}

/* ---- flood ---- */

/* A SYN as a real client sends it, from an address where nobody is. Returns its length. */
static size_t spoof(uint64_t *random, uint8_t *octets, struct tfsm_packet *packet)
{
    uint64_t who = sim_draw(random);
    *packet = (struct tfsm_packet){
        .src = {.family = 4,
                .octets = {10, (uint8_t)(who >> 8 & 0xffu), (uint8_t)(who >> 16 & 0xffu),
                           (uint8_t)(who >> 24 & 0xffu)}},
        .dst = address_of(SERVER),
        .src_port = (uint16_t)(1024 + (who >> 32 & 0x7fffu)),
        .dst_port = PORT,
        .hops = 64,
        .segment = {.seq = (uint32_t)(sim_draw(random) >> 32),
                    .len = 1,
                    .flags = TFSM_SYN,
                    .wnd = 64240,
                    .options = TFSM_OPT_MSS | TFSM_OPT_WSCALE | TFSM_OPT_TIMESTAMPS |
                               TFSM_OPT_SACK_PERMITTED,
                    .mss = 1460,
                    .wscale = 7,
                    .ts_val = (uint32_t)(who >> 31)}};
    return tfsm_write(packet, NULL, octets, PACKET_MAX);
}

static double nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds a SYN, block by block. */
struct blocks {
    double *each;
    size_t count;
    size_t most;
    double sum; /* of the block that is being filled */
    uint32_t in;
};

static void note(struct blocks *blocks, double took, uint32_t block)
{
    blocks->sum += took;
    if (++blocks->in == block && blocks->count < blocks->most) {
        blocks->each[blocks->count++] = blocks->sum / block;
        blocks->sum = 0;
        blocks->in = 0;
    }
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static double median(struct blocks *blocks)
{
    qsort(blocks->each, blocks->count, sizeof *blocks->each, by_size);
    return blocks->count > 0 ? blocks->each[blocks->count / 2] : 0;
}

struct flood {
    const struct flood_config *config;
    struct hosts hosts;
    struct hosts quiet; /* the same server in quiet times */
    struct blocks in_flood;
    struct blocks in_quiet;
    struct tally tally;
    uint64_t random;
};

/* A SYN comes in and its answer goes out: what this takes. */
static double answer_syn(struct hosts *hosts, const uint8_t *octets, size_t n)
{
    double before = nanoseconds();
    endpoint_input(hosts->end[SERVER], octets, n, hosts->now);
    speak(hosts, SERVER);
    return nanoseconds() - before;
}

/* As many SYNs as the backlog holds, to a listener that has nothing else to do; then each is taken
 * back by a RST. */
static void quiet_block(struct flood *flood)
{
    static struct tfsm_packet packet[1024];
    uint8_t octets[PACKET_MAX];
    uint32_t block = flood->config->backlog;
    for (uint32_t i = 0; i < block; i++) {
        size_t n = spoof(&flood->random, octets, &packet[i]);
        note(&flood->in_quiet, answer_syn(&flood->quiet, octets, n), block);
    }
    for (uint32_t i = 0; i < block; i++) {
        packet[i].segment =
            (struct tfsm_segment){.seq = seq_add(packet[i].segment.seq, 1), .flags = TFSM_RST};
        size_t n = tfsm_write(&packet[i], NULL, octets, sizeof octets);
        endpoint_input(flood->quiet.end[SERVER], octets, n, flood->quiet.now);
    }
    flood->quiet.now += 1000000;
}

static void flood_syn(struct flood *flood)
{
    struct tfsm_packet packet;
    uint8_t octets[PACKET_MAX];
    size_t n = spoof(&flood->random, octets, &packet);
    note(&flood->in_flood, answer_syn(&flood->hosts, octets, n), flood->config->backlog);
}

/* SYNs and clients come at their times; what they cause happens in between. */
static uint32_t run_flood(struct flood *flood)
{
    const struct flood_config *config = flood->config;
    struct hosts *hosts = &flood->hosts;
    tfsm_time start = hosts->now;
    tfsm_time length = (tfsm_time)config->syns * 1000000 / config->rate;
    uint32_t most = 0;
    uint32_t sent = 0;
    uint32_t clients = 0;
    while (sent < config->syns) {
        tfsm_time syn = start + (tfsm_time)sent * 1000000 / config->rate;
        /* The last one starts when nine tenths are over. */
        tfsm_time client = clients < config->clients
                               ? start + length / 10 * 9 * clients / config->clients
                               : TFSM_NEVER;
        tfsm_time at = earlier(earlier(syn, client), next_event(hosts));
        happen(hosts, at);
        if (client <= hosts->now) {
            join(hosts, true);
            clients++;
        }
        if (syn <= hosts->now) {
            flood_syn(flood);
            if (config->timed && sent % (8 * config->backlog) == 0) {
                quiet_block(flood);
            }
            if (config->progress != NULL && sent % PROGRESS == 0) {
                config->progress(sent, config->syns);
            }
            sent++;
        }
        attend(hosts, &flood->tally);
        uint32_t half_open = endpoint_half_open(hosts->end[SERVER], hosts->listener);
        most = half_open > most ? half_open : most;
    }
    return most;
}

static bool prepare_flood(struct flood *flood)
{
    const struct flood_config *config = flood->config;
    struct endpoint_local local[2];
    struct endpoint_config host[2];
    flood->random = seeded(config->seed);
    size_t blocks = config->syns / config->backlog + 2;
    flood->in_flood = (struct blocks){.each = calloc(blocks, sizeof(double)), .most = blocks};
    flood->in_quiet = (struct blocks){.each = calloc(blocks, sizeof(double)), .most = blocks};
    bool ready = flood->in_flood.each != NULL && flood->in_quiet.each != NULL;
    for (unsigned i = 0; i < 2; i++) {
        struct hosts *hosts = i == 0 ? &flood->hosts : &flood->quiet;
        hosts->random = flood->random;
        hosts->now = 1000000;
        host[CLIENT] = host_config(hosts, &local[CLIENT], CLIENT);
        host[SERVER] = host_config(hosts, &local[SERVER], SERVER);
        host[CLIENT].connections = config->clients + 1;
        host[SERVER].connections = config->clients + 1;
        host[SERVER].backlog = config->backlog;
        host[SERVER].listeners = 1;
        ready = ready && open_hosts(hosts, host, &config->policy);
    }
    return ready;
}

/* Octets in use, small and large pieces. */
static uint64_t heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return (uint64_t)info.uordblks + info.hblkhd;
}

bool siege_flood(const struct flood_config *config, struct flood_result *result)
{
    struct flood flood = {.config = config};
    *result = (struct flood_result){.wrong = NULL};
    bool ready = prepare_flood(&flood);
    if (ready) {
        result->memory_before = heap();
        result->most_half_open = run_flood(&flood);
        result->memory_after = heap();
        result->connected = flood.tally.answered;
        result->quiet = median(&flood.in_quiet);
        result->flood = median(&flood.in_flood);
        result->wrong = check_hosts(&flood.hosts);
        result->wrong = result->wrong != NULL ? result->wrong : check_hosts(&flood.quiet);
        endpoint_listener_counted(flood.hosts.end[SERVER], 0, result->counters);
    }
    close_hosts(&flood.hosts);
    close_hosts(&flood.quiet);
    free(flood.in_flood.each);
    free(flood.in_quiet.each);
    return ready;
}

/* ---- churn ---- */

/* A connection in TIME-WAIT made room for its next incarnation: no user aborts here. */
static void count_reopened(void *user, const struct endpoint_watched *what)
{
    uint32_t *reopened = user;
    *reopened += what->event != NULL && what->event->kind == TFSM_EV_ABORT &&
                 what->before != NULL && what->before->state == TFSM_TIME_WAIT &&
                 what->after->state == TFSM_CLOSED;
}

static uint32_t places_of(const struct hosts *hosts)
{
    uint64_t places = 0;
    for (unsigned host = 0; host < 2; host++) {
        const struct endpoint_counters *counters = endpoint_counted(hosts->end[host]);
        places += counters->opened - counters->freed;
    }
    return (uint32_t)places;
}

static void run_churn(struct hosts *hosts, const struct churn_config *config, struct tally *tally)
{
    uint32_t started = 0;
    while (tally->over < config->connections) {
        while (started < config->connections && started - tally->over < config->at_once) {
            join(hosts, started % 8 == 7);
            started++;
        }
        tfsm_time at = next_event(hosts);
        if (at == TFSM_NEVER) {
            return;
        }
        happen(hosts, at);
        attend(hosts, tally);
        if (config->progress != NULL && started % 1024 == 0) {
            config->progress(tally->over, config->connections);
        }
    }
    while (next_event(hosts) != TFSM_NEVER) { /* TIME-WAIT */
        happen(hosts, next_event(hosts));
        attend(hosts, tally);
    }
}

bool siege_churn(const struct churn_config *config, struct churn_result *result)
{
    struct hosts hosts = {.now = 1000000, .random = seeded(config->seed)};
    struct endpoint_local local[2];
    struct endpoint_config host[2];
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    struct tally tally = {0};
    *result = (struct churn_result){.wrong = NULL};
    host[CLIENT] = host_config(&hosts, &local[CLIENT], CLIENT);
    host[SERVER] = host_config(&hosts, &local[SERVER], SERVER);
    host[CLIENT].connections = config->ports;
    host[CLIENT].port_first = 40000;
    host[CLIENT].port_last = (uint16_t)(40000 + config->ports - 1);
    host[CLIENT].policy4.msl = 1000000; /* its own TIME-WAIT must not use up its ports */
    host[SERVER].connections = config->ports + 1u;
    host[SERVER].listeners = 1;
    bool ready = open_hosts(&hosts, host, &policy);
    if (ready) {
        endpoint_watch(hosts.end[SERVER], count_reopened, &result->reopened);
        run_churn(&hosts, config, &tally);
        result->accepted = tally.accepted;
        result->answered = tally.answered;
        result->half_open = endpoint_half_open(hosts.end[SERVER], hosts.listener);
        result->places = places_of(&hosts);
        result->took = hosts.now;
        result->wrong = check_hosts(&hosts);
        endpoint_listener_counted(hosts.end[SERVER], 0, result->counters);
    }
    close_hosts(&hosts);
    return ready;
}

/* ---- forgery ---- */

static struct tfsm_packet guess(uint64_t *random)
{
    uint64_t who = sim_draw(random);
    uint64_t numbers = sim_draw(random);
    uint64_t stamps = sim_draw(random);
    return (struct tfsm_packet){
        .src = {.family = 4,
                .octets = {10, (uint8_t)(who & 0xffu), (uint8_t)(who >> 8 & 0xffu),
                           (uint8_t)(who >> 16 & 0xffu)}},
        .dst = address_of(SERVER),
        .src_port = (uint16_t)(1 + (who >> 24) % 65535),
        .dst_port = PORT,
        .segment = {.seq = (uint32_t)(numbers >> 32),
                    .ack = (uint32_t)(numbers & UINT32_MAX),
                    .flags = TFSM_ACK,
                    .wnd = 64240,
                    .options = (who >> 63) != 0 ? TFSM_OPT_TIMESTAMPS : 0,
                    .ts_val = (uint32_t)(stamps >> 32),
                    .ts_ecr = (uint32_t)(stamps & UINT32_MAX)}};
}

struct forgery {
    struct tfsm_config cfg;
    struct tfsm_listener listener;
    uint64_t waiting[1];
    struct tfsm_tcb work;
    uint64_t random;
    tfsm_time now;
};

/* Whether a packet makes a connection. */
static bool arrives(struct forgery *forgery, const struct tfsm_packet *packet)
{
    struct tfsm_arrival arrival;
    struct tfsm_tcb tcb;
    struct tfsm_seat seat = {&tcb, 1};
    uint64_t id;
    tfsm_listener_segment(&forgery->listener, &forgery->cfg, packet, forgery->now, &seat, NULL,
                          &arrival);
    while (tfsm_listener_accept(&forgery->listener, &id)) {
    }
    return arrival.kind == TFSM_ARRIVAL_CONNECTION;
}

/* A listener whose cookies are out, in the second period of their clock: two are good. */
static void open_forgery(struct forgery *forgery, uint64_t seed)
{
    struct tfsm_listening listening = {.waiting = forgery->waiting,
                                       .waiting_count = 1,
                                       .work = &forgery->work,
                                       .port = PORT,
                                       .policy = tfsm_listener_policy_default()};
    forgery->random = seeded(seed);
    forgery->cfg = tfsm_config_default();
    forgery->now = PERIOD + PERIOD / 2;
    listening.policy.cookies = TFSM_COOKIES_ALWAYS;
    for (unsigned i = 0; i < 16; i++) {
        listening.isn_key[i] = (uint8_t)(sim_draw(&forgery->random) >> 32 & 0xffu);
        listening.secret[i] = (uint8_t)(sim_draw(&forgery->random) >> 32 & 0xffu);
    }
    tfsm_listener_open(&forgery->listener, &listening);
    struct tfsm_packet syn = guess(&forgery->random);
    syn.segment.flags = TFSM_SYN;
    syn.segment.len = 1;
    arrives(forgery, &syn);
}

void siege_forge(const struct forge_config *config, struct forge_result *result)
{
    struct forgery forgery;
    open_forgery(&forgery, config->seed);
    *result = (struct forge_result){.connections = 0};
    struct tfsm_packet own = guess(&forgery.random);
    uint32_t base = tfsm_isn(forgery.listener.isn_key, &own.dst, PORT, &own.src, own.src_port,
                             forgery.now - forgery.now % PERIOD);
    for (uint64_t i = 0; i < config->acks; i++) {
        struct tfsm_packet packet = guess(&forgery.random);
        result->connections += arrives(&forgery, &packet);
        own.segment.seq = packet.segment.seq;
        own.segment.ack = seq_add(base, (packet.segment.ack & 0xffffffu) + 1);
        result->informed += arrives(&forgery, &own);
        if (config->progress != NULL && i % (1u << 20) == 0) {
            config->progress(i, config->acks);
        }
    }
    result->expected = (double)config->acks * 2 * CLASSES / 4294967296.0;
    result->informed_expected = (double)config->acks * CLASSES / 16777216.0;
    result->wrong = tfsm_listener_check(&forgery.listener, &forgery.cfg);
    memcpy(result->counters, forgery.listener.counters, sizeof result->counters);
}
