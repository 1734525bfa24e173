/* Everything that an embedder brings to libtcpfsm, as one program that needs nothing but its headers: two machines in one
 * process exchange a megabyte in each direction over a wire in memory that loses packets. docs/embedding.md goes through it
 * part by part, and holds the same text.
 *
 * usage: two_machines [LOSS [SEED [PROFILE]]]
 *     LOSS     packets lost of a thousand, 0 to 500; 0 where nothing is said
 *     SEED     which ones; 1 where nothing is said
 *     PROFILE  rfc9293, today, rfc793 or minimal; today where nothing is said
 * Exit: 0 all arrived as it was sent, 1 it did not, 2 bad usage. */

/* ---- what a connection needs ---- */

#include <tfsm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING   131072u /* octets of a ring: a power of two, so that offsets go round with it */
#define RANGES 64u     /* pieces out of order that are remembered, of what comes and of what went */
#define MTU    1500u
#define STREAM 1048576u /* octets that each user sends */

struct machine {
    TFSM_ROOMY_TCB(RANGES) connection; /* the TCB and the room behind it, in one piece */
    struct tfsm_config cfg;
    struct tfsm_packet envelope; /* addresses and ports of what we send */
    uint8_t key[16];             /* secret, from the host's entropy, the same until it restarts */
    uint8_t out[RING];           /* what the user sent and the peer did not acknowledge */
    uint8_t in[RING];            /* what came and the user did not take, gaps included */
    uint64_t sent, acknowledged; /* octets of our stream, from its beginning */
    uint64_t readable, taken;    /* octets of the peer's */
    uint64_t reached;            /* octets of ours that were on the wire once */
    uint64_t wrong;              /* octets that came and are not what was sent: none, we hope */
    uint32_t iss;                /* the number of our SYN; 0 is what nobody chose */
    uint32_t signals;            /* all that the user was told */
    uint32_t ends;               /* how often he was told of an end: once */
    uint32_t again, resets, knocks; /* packets sent again; RSTs sent; segments of no connection */
    bool closed;                    /* the user called CLOSE */
};

_Static_assert(TFSM_TCB_SIZE(RANGES) == sizeof(struct tfsm_tcb) + 104 + 24 * RANGES, "room");

static void copy_in(uint8_t *ring, uint64_t offset, const uint8_t *octets, uint32_t n)
{
    uint32_t at = (uint32_t)(offset % RING);
    uint32_t first = n < RING - at ? n : RING - at;
    memcpy(ring + at, octets, first);
    memcpy(ring, octets + first, n - first);
}

static void copy_out(const uint8_t *ring, uint64_t offset, uint8_t *octets, uint32_t n)
{
    uint32_t at = (uint32_t)(offset % RING);
    uint32_t first = n < RING - at ? n : RING - at;
    memcpy(octets, ring + at, first);
    memcpy(octets + first, ring, n - first);
}

/* ---- the wire ---- */

#define PACKETS 256u   /* that are on their way in one direction; more are lost */
#define DELAY   10000u /* microseconds that one takes */

struct wire {
    struct {
        tfsm_time due;
        size_t n;
        uint8_t octets[MTU];
    } packets[PACKETS];
    uint32_t first, count;
    uint32_t carried, lost;
};

struct world {
    struct machine machines[2];
    struct wire wires[2]; /* wires[i] leads to machines[i] */
    tfsm_time now;
    uint32_t loss; /* of a thousand */
    uint32_t chance;
};

static uint32_t random_of(struct world *w)
{
    w->chance ^= w->chance << 13;
    w->chance ^= w->chance >> 17;
    w->chance ^= w->chance << 5;
    return w->chance;
}

static void put(struct world *w, struct wire *wire, const uint8_t *octets, size_t n)
{
    if (wire->count == PACKETS || random_of(w) % 1000 < w->loss) {
        wire->lost++;
        return;
    }
    uint32_t at = (wire->first + wire->count++) % PACKETS;
    wire->packets[at].due = w->now + DELAY;
    wire->packets[at].n = n;
    memcpy(wire->packets[at].octets, octets, n);
    wire->carried++;
}

/* ---- an event goes in, effects are carried out ---- */

static enum tfsm_result feed(struct machine *m, struct tfsm_event *event, const uint8_t *text)
{
    struct tfsm_effects fx;
    enum tfsm_result result = tfsm_step(&m->connection.tcb, &m->cfg, event, &fx);
    for (unsigned i = 0; i < fx.text_count; i++) {
        copy_in(m->in, fx.text[i].offset, text + fx.text[i].at, fx.text[i].len);
    }
    m->readable += fx.delivered;
    m->acknowledged += fx.acknowledged;
    m->signals |= fx.signals;
    m->ends += (fx.signals & TFSM_SIG_ENDS) != 0;
    return result;
}

/* ---- what a connection wants to say ---- */

static void speak(struct world *w, unsigned i, struct tfsm_tcb *tcb, const struct tfsm_packet *to)
{
    struct machine *m = &w->machines[i];
    struct tfsm_packet packet = *to;
    while (tfsm_output(tcb, &m->cfg, w->now, &packet.segment)) {
        const struct tfsm_segment *seg = &packet.segment;
        uint8_t text[MTU], octets[MTU];
        uint32_t n = seg->len - ((seg->flags & TFSM_SYN) != 0) - ((seg->flags & TFSM_FIN) != 0);
        copy_out(m->out, seg->text_offset, text, n);
        put(w, &w->wires[1 - i], octets, tfsm_write(&packet, text, octets, sizeof octets));
        m->again += n > 0 && seg->text_offset < m->reached;
        m->resets += (seg->flags & TFSM_RST) != 0;
        m->iss = (seg->flags & TFSM_SYN) != 0 ? seg->seq : m->iss;
        if (n > 0 && seg->text_offset + n > m->reached) {
            m->reached = seg->text_offset + n;
        }
    }
}

/* ---- a packet arrives ---- */

static bool is_between(const struct tfsm_packet *ours, const struct tfsm_packet *from)
{
    return ours->src_port == from->dst_port && ours->dst_port == from->src_port &&
           memcmp(&ours->src, &from->dst, sizeof ours->src) == 0 &&
           memcmp(&ours->dst, &from->src, sizeof ours->dst) == 0;
}

static void arrive(struct world *w, unsigned i, const uint8_t *octets, size_t n)
{
    struct machine *m = &w->machines[i];
    struct tfsm_tcb *tcb = &m->connection.tcb;
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = w->now};
    struct tfsm_packet from;
    enum tfsm_wire_result result = tfsm_parse_segment(octets, n, &from, &event.segment);
    if ((result != TFSM_WIRE_OK && result != TFSM_WIRE_OPTION) ||
        !tfsm_address_is_unicast(&from.src) ||
        memcmp(&from.dst, &m->envelope.src, sizeof from.dst) != 0) {
        return; /* damaged, not TCP, from nobody who could be answered, or not for us */
    }
    struct tfsm_packet back = {.src = from.dst,
                               .dst = from.src,
                               .src_port = from.dst_port,
                               .dst_port = from.src_port,
                               .hops = 64};
    if (tcb->state == TFSM_LISTEN && from.dst_port == m->envelope.src_port) {
        tfsm_seed(m->key, &back.src, back.src_port, &back.dst, back.dst_port, &event);
        feed(m, &event, octets + from.text_at);
        if (tcb->state != TFSM_LISTEN) {
            m->envelope = back; /* whose connection it is now */
        }
    } else if (is_between(&m->envelope, &from)) {
        feed(m, &event, octets + from.text_at);
    } else { /* nobody's: what CLOSED answers, a RST or nothing */
        struct tfsm_tcb nobody = {0};
        struct tfsm_effects fx;
        m->knocks++;
        tfsm_step(&nobody, &m->cfg, &event, &fx);
        speak(w, i, &nobody, &back);
        return;
    }
    if ((tcb->owed & TFSM_OWE_RST) != 0) {
        speak(w, i, tcb, &back); /* at once: a TCB holds one RST */
    }
}

/* ---- the user ---- */

/* The octet at this offset of the stream that machine i sends. */
static uint8_t octet_of(unsigned i, uint64_t offset)
{
    uint32_t x = (uint32_t)offset * 2654435761u + i * 40503u;
    return (uint8_t)(x >> 24 ^ x >> 11);
}

static void write_some(struct world *w, unsigned i)
{
    struct machine *m = &w->machines[i];
    uint64_t room = m->cfg.snd_buff - (m->sent - m->acknowledged);
    uint64_t left = STREAM - m->sent;
    struct tfsm_event send = {.kind = TFSM_EV_SEND, .now = w->now};
    send.len = (uint32_t)(left < room ? left : room);
    if (send.len == 0 || (m->signals & TFSM_SIG_CONNECTED) == 0) {
        return;
    }
    for (uint64_t at = m->sent; at < m->sent + send.len; at++) {
        m->out[at % RING] = octet_of(i, at);
    }
    if (feed(m, &send, NULL) == TFSM_DONE) {
        m->sent += send.len;
    }
}

static void read_all(struct world *w, unsigned i)
{
    struct machine *m = &w->machines[i];
    struct tfsm_event receive = {.kind = TFSM_EV_RECEIVE, .now = w->now};
    receive.len = (uint32_t)(m->readable - m->taken);
    if (receive.len == 0) {
        return;
    }
    for (; m->taken < m->readable; m->taken++) {
        m->wrong += m->in[m->taken % RING] != octet_of(1 - i, m->taken);
    }
    feed(m, &receive, NULL);
}

static void close_in_time(struct world *w, unsigned i)
{
    struct machine *m = &w->machines[i];
    struct tfsm_event close = {.kind = TFSM_EV_CLOSE, .now = w->now};
    if (m->sent == STREAM && !m->closed) {
        m->closed = feed(m, &close, NULL) == TFSM_DONE;
    }
}

/* ---- the clock ---- */

static tfsm_time next_thing(const struct world *w)
{
    tfsm_time next = TFSM_NEVER;
    for (unsigned i = 0; i < 2; i++) {
        const struct wire *wire = &w->wires[i];
        tfsm_time timer = tfsm_deadline(&w->machines[i].connection.tcb);
        tfsm_time packet = wire->count > 0 ? wire->packets[wire->first].due : TFSM_NEVER;
        next = timer < next ? timer : next;
        next = packet < next ? packet : next;
    }
    return next;
}

static void turn(struct world *w, unsigned i)
{
    struct machine *m = &w->machines[i];
    struct wire *wire = &w->wires[i];
    struct tfsm_tcb *tcb = &m->connection.tcb;
    while (wire->count > 0 && wire->packets[wire->first].due <= w->now) {
        uint32_t at = wire->first;
        wire->first = (at + 1) % PACKETS;
        wire->count--;
        arrive(w, i, wire->packets[at].octets, wire->packets[at].n);
    }
    if (tfsm_deadline(tcb) <= w->now) {
        struct tfsm_event timeout = {.kind = TFSM_EV_TIMEOUT, .now = w->now};
        feed(m, &timeout, NULL);
    }
    read_all(w, i);
    write_some(w, i);
    close_in_time(w, i);
    speak(w, i, tcb, &m->envelope);
}

/* Goes on until machine 1 has read so many octets, or until nothing more can happen. */
static void run(struct world *w, uint64_t enough)
{
    for (tfsm_time next = w->now; next != TFSM_NEVER && w->machines[1].taken < enough;
         next = next_thing(w)) {
        w->now = next > w->now ? next : w->now;
        turn(w, 0);
        turn(w, 1);
    }
}

/* ---- two machines ---- */

static struct world world, copy; /* large: not for a stack */

static bool set_up(struct world *w, const char *profile)
{
    for (unsigned i = 0; i < 2; i++) {
        struct machine *m = &w->machines[i];
        if (!tfsm_config_named(profile, &m->cfg)) {
            return false;
        }
        m->cfg.snd_buff = RING;
        m->cfg.rcv_buff = RING;
        m->cfg.mss = tfsm_mss(MTU, 4);
        tfsm_make_room(&m->connection.tcb,
                       RANGES); /* false in a build without: there it has eight */
        m->envelope.src = (struct tfsm_address){4, {192, 0, 2, (uint8_t)(1 + i)}};
        m->envelope.src_port = (uint16_t)(i == 0 ? 49152 : 80);
        memset(m->key, 0x5a + (int)i, sizeof m->key); /* yours come from a source of entropy */
    }
    return true;
}

/* A SYN for a port where nobody listens: it must be answered with a RST. */
static void knock(struct world *w)
{
    struct tfsm_packet packet = w->machines[0].envelope;
    uint8_t octets[MTU];
    packet.dst_port = 81;
    packet.segment = (struct tfsm_segment){.seq = 7, .len = 1, .flags = TFSM_SYN, .wnd = 1000};
    put(w, &w->wires[1], octets, tfsm_write(&packet, NULL, octets, sizeof octets));
}

static void begin(struct world *w)
{
    struct machine *client = &w->machines[0];
    struct tfsm_event listen = {.kind = TFSM_EV_OPEN, .now = w->now};
    struct tfsm_event connect = {
        .kind = TFSM_EV_OPEN, .now = w->now, .active = true, .remote = true};
    client->envelope.dst = w->machines[1].envelope.src;
    client->envelope.dst_port = w->machines[1].envelope.src_port;
    client->envelope.hops = 64;
    tfsm_seed(client->key, &client->envelope.src, client->envelope.src_port, &client->envelope.dst,
              client->envelope.dst_port, &connect);
    feed(&w->machines[1], &listen, NULL);
    feed(client, &connect, NULL);
    knock(w);
}

static bool all_is_well(const struct world *w)
{
    bool well = w->machines[1].resets > 0; /* the stranger's answer */
    for (unsigned i = 0; i < 2; i++) {
        const struct machine *m = &w->machines[i];
        well = well && m->sent == STREAM && m->acknowledged == STREAM && m->taken == STREAM &&
               m->wrong == 0 && m->iss != 0 && m->ends == 1 &&
               (m->signals & TFSM_SIG_CLOSED) != 0 && m->connection.tcb.state == TFSM_CLOSED;
    }
    return well;
}

static bool is_same(const struct world *a, const struct world *b)
{
    return a->now == b->now && a->chance == b->chance &&
           memcmp(&a->machines[0].connection, &b->machines[0].connection,
                  sizeof a->machines[0].connection) == 0 &&
           memcmp(&a->machines[1].connection, &b->machines[1].connection,
                  sizeof a->machines[1].connection) == 0;
}

/* A number from the command line; false where it is none, or more than most. */
static bool number(const char *word, unsigned long most, uint32_t *out)
{
    char *end;
    unsigned long n = strtoul(word, &end, 10);
    *out = (uint32_t)n;
    return *word >= '0' && *word <= '9' && *end == '\0' && n <= most;
}

int main(int argc, char **argv)
{
    uint32_t loss = 0, seed = 1;
    if (argc > 4 || (argc > 1 && !number(argv[1], 500, &loss)) ||
        (argc > 2 && (!number(argv[2], UINT32_MAX, &seed) || seed == 0)) ||
        !set_up(&world, argc > 3 ? argv[3] : "today")) {
        fprintf(stderr, "usage: two_machines [LOSS [SEED [PROFILE]]]: 0 to 500 of a thousand, 1 to "
                        "4294967295, rfc9293, today, rfc793 or minimal\n");
        return 2;
    }
    world.chance = seed;
    world.now = 1000000;
    begin(&world);
    world.loss = loss;
    run(&world, STREAM / 2);
    copy = world; /* a snapshot in the middle of it all */
    run(&world, UINT64_MAX);
    run(&copy, UINT64_MAX); /* and once more from there */
    bool well = all_is_well(&world) && is_same(&world, &copy);
    const struct machine *m = world.machines;
    printf("%s: %lu and %lu octets arrived, %lu of them wrong\n", well ? "well" : "not well",
           (unsigned long)m[1].taken, (unsigned long)m[0].taken,
           (unsigned long)(m[0].wrong + m[1].wrong));
    printf("packets: %lu carried, %lu lost, %lu with text that went again\n",
           (unsigned long)(world.wires[0].carried + world.wires[1].carried),
           (unsigned long)(world.wires[0].lost + world.wires[1].lost),
           (unsigned long)(m[0].again + m[1].again));
    printf("strangers: %lu knocked, %lu resets went out\n",
           (unsigned long)(m[0].knocks + m[1].knocks), (unsigned long)(m[0].resets + m[1].resets));
    printf("seconds: %.3f\n", (double)(world.now - 1000000) / 1e6);
    return well ? 0 : 1;
}
