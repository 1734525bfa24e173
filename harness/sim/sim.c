/* See sim.h. Octet k of a stream is a function of the seed and k, so a misplaced octet is noticed
 * wherever it lands. */
#include "sim.h"
#include "seq.h"

#include <string.h>

#define WIRE_MAX      4096  /* packets on the wire at a time */
#define PACKET_MAX    1600  /* octets of a packet; the MSS is bounded to fit */
#define BUFFER        65536 /* octets of a receive buffer */
#define PACKETS_LIMIT 1000000

struct wire_packet {
    tfsm_time at;
    uint64_t order; /* among equals, first sent first */
    unsigned to;
    size_t size;
    uint8_t octets[PACKET_MAX];
};

struct sim_end {
    struct tfsm_tcb tcb;
    struct tfsm_config cfg;
    uint32_t to_send;       /* octets the user has not handed over yet */
    uint64_t read;          /* octets the user has taken */
    uint64_t ready;         /* octets delivered, all told */
    uint8_t buffer[BUFFER]; /* receive ring by stream offset */
    bool written[BUFFER];   /* which octets of it hold something */
};

struct sim {
    const struct sim_config *config;
    struct sim_end end[2];
    struct wire_packet wire[WIRE_MAX];
    unsigned on_wire;
    uint64_t sent;
    uint64_t random;
    tfsm_time now;
    struct sim_result result;
};

/* xorshift64*: small, and the same everywhere. */
TFSM_WRAPS static uint64_t draw(struct sim *sim)
{
    sim->random ^= sim->random >> 12;
    sim->random ^= sim->random << 25;
    sim->random ^= sim->random >> 27;
    return sim->random * UINT64_C(2685821657736338717);
}

static bool chance(struct sim *sim, unsigned per_mille)
{
    return draw(sim) % 1000 < per_mille;
}

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

static void put_on_wire(struct sim *sim, unsigned to, const uint8_t *octets, size_t size)
{
    const struct sim_network *network = &sim->config->network;
    if (sim->on_wire == WIRE_MAX || chance(sim, network->loss)) {
        return;
    }
    struct wire_packet *packet = &sim->wire[sim->on_wire++];
    packet->at =
        sim->now + network->delay + (network->jitter > 0 ? draw(sim) % network->jitter : 0);
    packet->order = sim->sent;
    packet->to = to;
    packet->size = size;
    memcpy(packet->octets, octets, size);
    if (chance(sim, network->corrupt)) {
        uint64_t bit = draw(sim) % (size * 8);
        packet->octets[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void transmit(struct sim *sim, unsigned end, const struct tfsm_segment *segment)
{
    uint8_t text[PACKET_MAX];
    uint8_t octets[PACKET_MAX];
    uint32_t length = segment->len - (segment->flags & TFSM_SYN ? 1u : 0u) -
                      (segment->flags & TFSM_FIN ? 1u : 0u);
    struct tfsm_packet packet = {.src = address_of(sim, end),
                                 .dst = address_of(sim, 1 - end),
                                 .src_port = (uint16_t)(1000 + end),
                                 .dst_port = (uint16_t)(1001 - end),
                                 .hops = 64,
                                 .segment = *segment};
    for (uint32_t i = 0; i < length && i < sizeof text; i++) {
        text[i] = stream_octet(sim, end, segment->text_offset + i);
    }
    size_t size = tfsm_write(&packet, text, octets, sizeof octets);
    sim->sent++;
    put_on_wire(sim, 1 - end, octets, size);
    if (chance(sim, sim->config->network.copy)) {
        put_on_wire(sim, 1 - end, octets, size);
    }
}

static void watch(struct sim *sim, unsigned end)
{
    enum tfsm_clause clause = tfsm_check(&sim->end[end].tcb);
    if (clause != TFSM_OK && sim->result.clause == TFSM_OK) {
        sim->result.clause = clause;
    }
}

static void drain(struct sim *sim, unsigned end)
{
    struct tfsm_segment segment;
    while (sim->sent < PACKETS_LIMIT &&
           tfsm_output(&sim->end[end].tcb, &sim->end[end].cfg, sim->now, &segment)) {
        watch(sim, end);
        transmit(sim, end, &segment);
    }
}

/* The user takes the octets that are ready and compares them with what the peer must have sent. */
static void read_ready(struct sim *sim, unsigned end, uint32_t ready)
{
    struct sim_end *self = &sim->end[end];
    for (uint32_t i = 0; i < ready; i++, self->read++) {
        size_t at = self->read % BUFFER;
        if (!self->written[at] || self->buffer[at] != stream_octet(sim, 1 - end, self->read)) {
            sim->result.in_order = false;
        }
        self->written[at] = false;
    }
}

static enum tfsm_result feed(struct sim *sim, unsigned end, struct tfsm_event *ev,
                             const uint8_t *text)
{
    struct sim_end *self = &sim->end[end];
    struct tfsm_effects fx;
    ev->now = sim->now;
    ev->iss = (uint32_t)(draw(sim) >> 32);
    enum tfsm_result result = tfsm_step(&self->tcb, &self->cfg, ev, &fx);
    watch(sim, end);
    sim->result.signals[end] |= fx.signals;
    sim->result.ends_told[end] += (fx.signals & TFSM_SIG_ENDS) != 0;
    for (unsigned i = 0; i < fx.text_count; i++) {
        for (uint32_t k = 0; k < fx.text[i].len; k++) {
            size_t at = (fx.text[i].offset + k) % BUFFER;
            if (self->written[at]) {
                sim->result.in_order = false; /* an octet the user has not read is overwritten */
            }
            self->buffer[at] = text[fx.text[i].at + k];
            self->written[at] = true;
        }
    }
    self->ready += fx.delivered;
    return result;
}

/* What the user does when it gets the chance: read, hand over more, close when all is handed over.
 */
static void user(struct sim *sim, unsigned end)
{
    struct sim_end *self = &sim->end[end];
    if (self->ready > self->read) {
        /* What was delivered stays readable when the connection has ended; RECEIVE is then an
         * error, and only opens the window where there still is one. */
        uint64_t waiting = self->ready - self->read;
        uint32_t most = sim->config->read_at_once > 0 ? sim->config->read_at_once : UINT32_MAX;
        struct tfsm_event take = {.kind = TFSM_EV_RECEIVE,
                                  .len = waiting < most ? (uint32_t)waiting : most};
        read_ready(sim, end, take.len);
        feed(sim, end, &take, NULL);
    }
    bool open = self->tcb.state == TFSM_ESTABLISHED || self->tcb.state == TFSM_CLOSE_WAIT;
    for (uint32_t chunk = 8192; open && self->to_send > 0 && chunk > 0; chunk /= 2) {
        struct tfsm_event send = {.kind = TFSM_EV_SEND,
                                  .len = chunk < self->to_send ? chunk : self->to_send};
        if (feed(sim, end, &send, NULL) == TFSM_DONE) {
            self->to_send -= send.len;
            chunk = 16384;
        }
    }
    if (open && self->to_send == 0) {
        struct tfsm_event close = {.kind = TFSM_EV_CLOSE};
        feed(sim, end, &close, NULL);
    }
    drain(sim, end);
}

static void arrive(struct sim *sim, unsigned index)
{
    static struct wire_packet packet;
    struct tfsm_packet parsed;
    packet = sim->wire[index];
    sim->wire[index] = sim->wire[--sim->on_wire];
    if (tfsm_parse(packet.octets, packet.size, &parsed) != TFSM_WIRE_OK) {
        sim->result.refused++;
        return;
    }
    struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT, .segment = parsed.segment};
    feed(sim, packet.to, &ev, packet.octets + parsed.text_at);
    user(sim, packet.to);
}

/* The packet that arrives first, or on_wire when there is none. */
static unsigned next_packet(const struct sim *sim)
{
    unsigned best = 0;
    for (unsigned i = 1; i < sim->on_wire; i++) {
        const struct wire_packet *a = &sim->wire[i];
        const struct wire_packet *b = &sim->wire[best];
        if (a->at < b->at || (a->at == b->at && a->order < b->order)) {
            best = i;
        }
    }
    return best;
}

/* One thing happens: the earliest packet or deadline. Returns false when nothing can. */
static bool happen(struct sim *sim)
{
    unsigned packet = next_packet(sim);
    tfsm_time at = sim->on_wire > 0 ? sim->wire[packet].at : TFSM_NEVER;
    tfsm_time due[2] = {tfsm_deadline(&sim->end[0].tcb), tfsm_deadline(&sim->end[1].tcb)};
    unsigned first = due[1] < due[0];
    if (at == TFSM_NEVER && due[first] == TFSM_NEVER) {
        return false;
    }
    if (at <= due[first]) {
        sim->now = at > sim->now ? at : sim->now;
        arrive(sim, packet);
    } else {
        struct tfsm_event timeout = {.kind = TFSM_EV_TIMEOUT};
        sim->now = due[first] > sim->now ? due[first] : sim->now;
        feed(sim, first, &timeout, NULL);
        user(sim, first);
    }
    return true;
}

static void open_both(struct sim *sim)
{
    for (unsigned end = 2; end-- > 0;) { /* the listener first */
        bool active = end == 0 || sim->config->simultaneous;
        struct tfsm_event open = {.kind = TFSM_EV_OPEN, .active = active, .remote = active};
        feed(sim, end, &open, NULL);
    }
    drain(sim, 1);
    drain(sim, 0);
}

struct sim_result sim_run(const struct sim_config *config)
{
    static struct sim sim; /* large; one run at a time */
    memset(&sim, 0, sizeof sim);
    sim.config = config;
    sim.random = config->seed * 2 + 1;
    sim.result.in_order = true;
    for (unsigned end = 0; end < 2; end++) {
        sim.end[end].cfg = config->end[end];
        sim.end[end].cfg.mss = config->end[end].mss < 1400 ? config->end[end].mss : 1400;
        sim.end[end].cfg.rcv_buff =
            config->end[end].rcv_buff < BUFFER ? config->end[end].rcv_buff : BUFFER;
        sim.end[end].to_send = config->octets[end];
    }
    open_both(&sim);
    while (sim.sent < PACKETS_LIMIT && happen(&sim)) {
    }
    for (unsigned end = 0; end < 2; end++) {
        while (sim.end[end].ready > sim.end[end].read) {
            user(&sim, end);
        }
    }
    sim.result.closed = sim.end[0].tcb.state == TFSM_CLOSED && sim.end[1].tcb.state == TFSM_CLOSED;
    sim.result.delivered =
        sim.end[0].read == config->octets[1] && sim.end[1].read == config->octets[0];
    sim.result.elapsed = sim.now;
    sim.result.packets = sim.sent;
    return sim.result;
}
