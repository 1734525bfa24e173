/* See sim.h. Octet k of a stream is a function of the seed and k, so a misplaced octet is noticed
 * wherever it lands. */
#include "sim.h"
#include "endpoint.h"
#include "seq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_MAX      8192 /* packets on the wire at a time */
#define PACKET_MAX    1600 /* octets of a packet; the MSS is bounded to fit */
#define RING          (1u << 18)
#define PLACE_EVERY   256 /* octets of a ring that is larger: one more packet on the wire */
#define CHUNK         8192
#define PACKETS_LIMIT 4000000
#define PORT          1000 /* of both ends */
#define RTO_MAX_LEAST 60000000

struct sim_end {
    struct endpoint *endpoint;
    endpoint_handle listener;
    endpoint_handle connection; /* the user's; 0 before it is open and after it is gone */
    endpoint_handle watched;    /* whose account the monitor keeps */
    struct monitor monitor;
    uint64_t sent; /* octets handed over */
    uint64_t read; /* octets taken */
    tfsm_time next_piece;
    bool closed; /* the user has closed */
    bool over;   /* and heard of the end */
};

struct sim {
    const struct sim_config *config;
    struct sim_end end[2];
    struct wire *wire;
    tfsm_time now;
    struct sim_result result;
};

TFSM_WRAPS static uint8_t stream_octet(const struct sim *sim, unsigned from, uint64_t offset)
{
    uint64_t x = (offset + 1) * UINT64_C(0x9e3779b97f4a7c15) + sim->config->seed + from;
    return (uint8_t)(x >> 56 ^ x >> 24);
}

static struct tfsm_address address_of(const struct sim *sim, unsigned end)
{
    struct tfsm_address address = {.family = sim->config->ipv6 ? 6 : 4};
    address.octets[0] = sim->config->ipv6 ? 0x20 : 192;
    address.octets[1] = sim->config->ipv6 ? 0x01 : 0;
    address.octets[2] = sim->config->ipv6 ? 0x0d : 2;
    address.octets[3] = sim->config->ipv6 ? 0xb8 : (uint8_t)(end + 1);
    address.octets[15] = sim->config->ipv6 ? (uint8_t)(end + 1) : 0;
    return address;
}

static void no_memory(void)
{
    fprintf(stderr, "sim: no memory\n");
    exit(2);
}

/* ---- the ends ---- */

static void note(struct sim *sim, unsigned end, const struct monitor *monitor)
{
    if (monitor->violation.id != NULL && sim->result.violation.id == NULL) {
        sim->result.violation = monitor->violation;
        sim->result.violation.end = end;
    }
}

static void watch(struct sim *sim, unsigned end, const struct endpoint_watched *what)
{
    struct sim_end *self = &sim->end[end];
    struct monitor *monitor = &self->monitor;
    if (what->connection == 0) {
        return;
    }
    if (what->connection != self->watched) {
        monitor_dismiss_witness(monitor);
        *monitor = (struct monitor){.violation = {.id = NULL}};
        self->watched = what->connection;
        if (what->before->state == TFSM_SYN_RECEIVED) {
            monitor_adopt(monitor, what->before);
        }
        /* he would be right to charge timeouts that stop short of a minute (RFC6298:2.5) */
        bool lawful = sim->config->end[end].rto_max >= RTO_MAX_LEAST;
        if (lawful && !monitor_let_witness(monitor)) {
            no_memory();
        }
    }
    if (what->event != NULL) {
        monitor_step(monitor, what->policy, what->before, what->event, what->result, what->effects,
                     what->after);
        sim->result.signals[end] |= what->effects->signals;
        sim->result.ends_told[end] += (what->effects->signals & TFSM_SIG_ENDS) != 0;
    } else if (what->segment != NULL) {
        monitor_output(monitor, what->policy, what->before, what->now, what->segment, what->after);
    } else {
        monitor_drained(monitor, what->policy, what->after, what->now);
    }
    note(sim, end, monitor);
    if (sim->config->watcher != NULL) {
        sim->config->watcher(sim->config->user, end, what->now, what->after);
    }
}

static void watch_first(void *user, const struct endpoint_watched *what)
{
    watch(user, 0, what);
}

static void watch_second(void *user, const struct endpoint_watched *what)
{
    watch(user, 1, what);
}

static void tap(const struct sim *sim, unsigned end, unsigned from, const uint8_t *octets, size_t n)
{
    if (sim->config->tap != NULL) {
        sim->config->tap(sim->config->user, end, from, octets, n, sim->now);
    }
}

static uint64_t packets_most(const struct sim *sim)
{
    return sim->config->packets != 0 ? sim->config->packets : PACKETS_LIMIT;
}

static void turn(const struct sim *sim, unsigned end)
{
    if (sim->config->turn != NULL) {
        sim->config->turn(sim->config->user, end);
    }
}

static bool is_lost(const struct sim *sim, unsigned from, const uint8_t *octets, size_t n)
{
    return sim->config->loser != NULL &&
           sim->config->loser(sim->config->user, from, octets, n, sim->now);
}

static uint64_t lost(const struct wire *wire)
{
    const struct wire_counters *counted = wire_counted(wire);
    return counted->lost + counted->dropped + counted->overflow + counted->swallowed;
}

static void put(struct sim *sim, unsigned end, const uint8_t *octets, size_t n)
{
    uint64_t before = lost(sim->wire);
    wire_send(sim->wire, 1 - end, octets, n, sim->now);
    if (sim->config->drop != NULL && lost(sim->wire) > before) {
        sim->config->drop(sim->config->user, end, end, octets, n, sim->now);
    }
}

static void drain(struct sim *sim, unsigned end)
{
    uint8_t octets[PACKET_MAX];
    size_t size = 0;
    turn(sim, end);
    while (sim->result.packets < packets_most(sim) &&
           (size = endpoint_output(sim->end[end].endpoint, sim->now, octets, sizeof octets)) > 0) {
        sim->result.packets++;
        if (sim->config->spoiler != NULL) {
            size = sim->config->spoiler(sim->config->user, end, octets, size, sizeof octets);
        }
        tap(sim, end, end, octets, size);
        if (!is_lost(sim, end, octets, size)) {
            put(sim, end, octets, size);
        }
    }
}

/* The user takes the octets that are ready and compares them with what the peer must have sent. */
static void read_ready(struct sim *sim, unsigned end)
{
    struct sim_end *self = &sim->end[end];
    uint8_t octets[CHUNK];
    uint32_t most = sim->config->read_at_once;
    size_t taken = 0;
    do {
        size_t want = most > 0 && most < sizeof octets ? most : sizeof octets;
        endpoint_receive(self->endpoint, self->connection, octets, want, sim->now, &taken);
        for (size_t i = 0; i < taken; i++, self->read++) {
            if (octets[i] != stream_octet(sim, 1 - end, self->read)) {
                sim->result.in_order = false;
            }
        }
        if (taken > 0) {
            sim->result.last_octet[end] = sim->now;
        }
    } while (taken > 0 && most == 0);
}

static void write_more(struct sim *sim, unsigned end)
{
    struct sim_end *self = &sim->end[end];
    uint8_t octets[CHUNK];
    size_t taken = 0;
    do {
        uint64_t left = sim->config->octets[end] - self->sent;
        size_t most = sim->config->pace[end] != 0 ? sim->config->piece : sizeof octets;
        size_t n = left < most ? (size_t)left : most;
        n = n < sizeof octets ? n : sizeof octets;
        if (sim->config->pace[end] != 0 && n > 0) {
            if (sim->now < self->next_piece) {
                break;
            }
            self->next_piece = sim->now + sim->config->pace[end];
        }
        for (size_t i = 0; i < n; i++) {
            octets[i] = stream_octet(sim, end, self->sent + i);
        }
        taken = 0;
        if (n > 0) {
            endpoint_send(self->endpoint, self->connection, octets, n, false, sim->now, &taken);
        }
        self->sent += taken;
    } while (taken > 0);
    if (self->sent == sim->config->octets[end] && !self->closed && !sim->config->stays_open) {
        self->closed = endpoint_close(self->endpoint, self->connection, sim->now) == TFSM_DONE;
    }
}

/* What the user does when it gets the chance: accept, read, hand over more, close when all is handed
 * over. Nothing is handed over before the connection is open, so that both ends open alike. */
static void user(struct sim *sim, unsigned end)
{
    struct sim_end *self = &sim->end[end];
    endpoint_handle handle = 0;
    uint32_t news = 0;
    turn(sim, end);
    while (endpoint_next(self->endpoint, &handle, &news)) {
        if ((news & ENDPOINT_ACCEPTABLE) != 0 && self->connection == 0) {
            endpoint_accept(self->endpoint, self->listener, &self->connection);
            endpoint_close(self->endpoint, self->listener, sim->now);
        }
        self->over = self->over || (news & TFSM_SIG_ENDS) != 0;
    }
    if (self->connection != 0) {
        if (sim->now >= sim->config->read_from[end]) {
            read_ready(sim, end);
        }
        struct endpoint_status_block status;
        bool known = endpoint_status(self->endpoint, self->connection, &status) == TFSM_DONE;
        if (known &&
            (status.tcp.state == TFSM_ESTABLISHED || status.tcp.state == TFSM_CLOSE_WAIT)) {
            write_more(sim, end);
        }
    }
    drain(sim, end);
}

static uint32_t ring_of(const struct sim_config *config)
{
    return config->ring > 0 ? config->ring : RING;
}

static void open_end(struct sim *sim, unsigned end)
{
    struct sim_end *self = &sim->end[end];
    struct endpoint_local local = {address_of(sim, end), (uint8_t)(sim->config->ipv6 ? 64 : 24)};
    struct endpoint_config config = endpoint_config_default();
    struct tfsm_config policy = sim->config->end[end];
    policy.mss = policy.mss < 1400 ? policy.mss : 1400;
    for (unsigned i = 0; i < sizeof config.key; i++) {
        config.key[i] = (uint8_t)wire_draw(sim->wire);
    }
    config.locals = &local;
    config.local_count = 1;
    config.connections = 4;
    config.listeners = 1;
    config.send_ring = ring_of(sim->config);
    config.receive_ring = ring_of(sim->config);
    config.ranges = sim->config->ranges[end] > 0 ? sim->config->ranges[end] : config.ranges;
    config.policy4 = policy;
    config.policy6 = policy;
    self->endpoint = endpoint_create(&config);
    if (self->endpoint == NULL) {
        no_memory();
    }
    turn(sim, end);
    endpoint_watch(self->endpoint, end == 0 ? watch_first : watch_second, sim);
    if (end == 0 || sim->config->simultaneous) {
        struct endpoint_open open = {.remote = address_of(sim, 1 - end),
                                     .local_port = (uint16_t)(PORT + end),
                                     .remote_port = (uint16_t)(PORT + 1 - end)};
        endpoint_connect(self->endpoint, &open, sim->now, &self->connection);
    } else if (!sim->config->refused) {
        struct endpoint_listening listening = {
            .local = local.address, .port = (uint16_t)(PORT + end), .backlog = 2};
        endpoint_listen(self->endpoint, &listening, &self->listener);
    }
}

/* ---- time ---- */

static void arrive(struct sim *sim)
{
    const struct wire_packet *packet = wire_first(sim->wire);
    unsigned to = packet->to;
    sim->now = packet->at > sim->now ? packet->at : sim->now;
    tap(sim, to, 1 - to, packet->octets, packet->size);
    turn(sim, to);
    endpoint_input(sim->end[to].endpoint, packet->octets, packet->size, sim->now);
    wire_drop(sim->wire);
    user(sim, to);
}

/* When the user of an end does something by himself: hand over another piece, or begin to read. */
static tfsm_time next_of_user(const struct sim *sim, unsigned end)
{
    const struct sim_end *self = &sim->end[end];
    tfsm_time from = sim->config->read_from[end];
    tfsm_time at = from > sim->now ? from : TFSM_NEVER;
    bool more = self->connection != 0 && self->sent < sim->config->octets[end] && !self->over &&
                self->next_piece > sim->now;
    return more && self->next_piece < at ? self->next_piece : at;
}

/* One thing happens: the earliest packet, deadline or wish of a user. Returns false when nothing can. */
static bool happen(struct sim *sim)
{
    const struct wire_packet *packet = wire_first(sim->wire);
    tfsm_time at = packet != NULL ? packet->at : TFSM_NEVER;
    tfsm_time due[2] = {endpoint_deadline(sim->end[0].endpoint),
                        endpoint_deadline(sim->end[1].endpoint)};
    tfsm_time wish[2] = {next_of_user(sim, 0), next_of_user(sim, 1)};
    unsigned wishes = wish[1] < wish[0];
    if (wish[wishes] < at && wish[wishes] < due[0] && wish[wishes] < due[1]) {
        sim->now = wish[wishes];
        user(sim, wishes);
        return true;
    }
    unsigned first = due[1] < due[0];
    if (at == TFSM_NEVER && due[first] == TFSM_NEVER) {
        return false;
    }
    if (at <= due[first]) {
        arrive(sim);
    } else {
        sim->now = due[first] > sim->now ? due[first] : sim->now;
        turn(sim, first);
        endpoint_timeout(sim->end[first].endpoint, sim->now);
        user(sim, first);
    }
    return true;
}

/* Users who read a little at a time still have octets to read. */
static void read_the_rest(struct sim *sim)
{
    for (unsigned end = 0; end < 2; end++) {
        struct sim_end *self = &sim->end[end];
        while (sim->now >= sim->config->read_from[end] &&
               endpoint_readable(self->endpoint, self->connection) > 0) {
            user(sim, end);
        }
    }
}

static void conclude(struct sim *sim)
{
    struct sim_result *result = &sim->result;
    result->closed = true;
    result->delivered = true;
    result->elapsed = sim->now;
    result->lost = lost(sim->wire);
    for (unsigned end = 0; end < 2; end++) {
        struct sim_end *self = &sim->end[end];
        const struct endpoint_counters *counters = endpoint_counted(self->endpoint);
        const char *books = endpoint_check(self->endpoint);
        result->closed = result->closed && self->over && counters->opened == counters->freed;
        result->delivered = result->delivered && self->read == sim->config->octets[1 - end];
        result->books = result->books != NULL ? result->books : books;
        for (unsigned i = 0; i < TFSM_WIRE_RESULTS; i++) {
            result->refused += counters->unparsed[i];
        }
        monitor_dismiss_witness(&self->monitor);
        endpoint_destroy(self->endpoint);
    }
}

struct sim_result sim_run(const struct sim_config *config)
{
    static struct sim sim; /* large; one run at a time */
    memset(sim.end, 0, sizeof sim.end);
    sim.result = (struct sim_result){.in_order = true};
    sim.config = config;
    sim.now = 0;
    uint32_t ring = ring_of(config);
    sim.wire = wire_create(WIRE_MAX + (ring > RING ? (ring - RING) / PLACE_EVERY : 0), PACKET_MAX);
    if (sim.wire == NULL) {
        no_memory();
    }
    wire_begin(sim.wire, &config->network, config->seed);
    for (unsigned end = 2; end-- > 0;) { /* the listener first */
        open_end(&sim, end);
    }
    drain(&sim, 1);
    drain(&sim, 0);
    while (sim.result.packets < PACKETS_LIMIT && (config->until == 0 || sim.now < config->until) &&
           happen(&sim)) {
        if (wire_first(sim.wire) == NULL && endpoint_deadline(sim.end[0].endpoint) == TFSM_NEVER &&
            endpoint_deadline(sim.end[1].endpoint) == TFSM_NEVER) {
            read_the_rest(&sim);
        }
    }
    conclude(&sim);
    wire_destroy(sim.wire);
    return sim.result;
}

/* ---- networks ---- */

/* A number below `limit` that depends on a seed and on what it is for. */
TFSM_WRAPS static uint64_t pick(uint64_t seed, uint64_t what, uint64_t limit)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + what * UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 31;
    x *= UINT64_C(0x94d049bb133111eb);
    x ^= x >> 29;
    return x % limit;
}

struct sim_config sim_bad_network(uint64_t seed, uint32_t octets)
{
    static const tfsm_time delays[4] = {0, 1000, 20000, 200000};
    static const tfsm_time jitters[4] = {0, 500, 20000, 300000};
    static const uint32_t buffers[4] = {4096, 65535, 200000, 262144};
    static const uint16_t sizes[4] = {1400, 1400, 536, 900};
    static const uint32_t switches[6] = {TFSM_SACK,       TFSM_TIMESTAMPS, TFSM_ECN,
                                         TFSM_CONGESTION, TFSM_WSCALE,     TFSM_LIMITED_TRANSMIT};
    struct sim_config config = {.seed = seed, .octets = {octets, octets}};
    config.network.loss = (unsigned)(seed % 31) * 10;
    config.network.copy = (unsigned)pick(seed, 1, 100);
    config.network.corrupt = (unsigned)pick(seed, 2, 30);
    config.network.delay = delays[pick(seed, 3, 4)];
    config.network.jitter = jitters[pick(seed, 4, 4)];
    config.simultaneous = pick(seed, 5, 4) == 0;
    config.ipv6 = pick(seed, 6, 2) == 0;
    config.read_at_once = pick(seed, 7, 8) == 0 ? 1000 : 0;
    for (unsigned end = 0; end < 2; end++) {
        struct tfsm_config *cfg = &config.end[end];
        *cfg = tfsm_config_default();
        cfg->rcv_buff = buffers[pick(seed, 8 + end, 4)];
        cfg->snd_buff = buffers[pick(seed, 10 + end, 4)];
        cfg->mss = sizes[pick(seed, 12 + end, 4)];
        cfg->ack_delay = pick(seed, 14 + end, 4) == 0 ? 0 : cfg->ack_delay;
        cfg->retries = 100;
        cfg->syn_retries = 100;
        if (seed % 2 == 1) {
            cfg->profile &= ~switches[pick(seed, 16 + end, 6)];
        }
    }
    return config;
}
