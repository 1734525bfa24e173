/* See steady.h. Segments of the sender are counted from 0; what is on the wire to the receiver is a number and a time
 * with as many octets as the segment has, what comes back is the segment as tfsm_output() made it. */
#include "steady.h"
#include "seq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT    1448u /* octets of a segment: Ethernet, with timestamps */
#define HEADERS 52u   /* octets before them */
#define ISS     1000u
#define RTO     1000000u /* microseconds */
#define PLACES  32768u
#define CLOCK   1000u /* microseconds of a timestamp */
#define NOBODY  UINT64_MAX

/* What the model knows of a segment. */
struct steady_segment {
    uint64_t turn; /* when it went last: a count of what has gone */
    bool held;     /* the receiver has told that he has it */
    bool taken;    /* and he has, as the wire knows */
};

/* What has gone, in that order, and is not known to have come. */
struct steady_turn {
    uint64_t segment;
    uint64_t turn;
};

struct steady_on_wire {
    uint64_t segment;
    uint32_t stamp;
};

struct steady {
    const struct steady_config *config;
    struct steady_result result;
    struct wire *wire;
    tfsm_time now;
    /* the receiver */
    struct tfsm_tcb *tcb;
    /* the sender */
    struct steady_segment *segments;
    uint64_t places; /* in segments[] */
    struct steady_turn *line;
    uint64_t line_places;
    uint64_t line_first;
    uint64_t line_end;
    uint64_t una;
    uint64_t next;
    uint64_t came; /* the latest turn of what is known to have come, and one */
    uint32_t echo;
};

static void *reserve(uint64_t n, size_t size)
{
    void *memory = n <= SIZE_MAX ? calloc((size_t)n, size) : NULL;
    if (memory == NULL) {
        fprintf(stderr, "steady: no memory\n");
        exit(2);
    }
    return memory;
}

static struct steady_segment *segment_at(struct steady *steady, uint64_t segment)
{
    return &steady->segments[segment % steady->places];
}

/* ---- the receiver ---- */

static void put_out(struct steady *steady)
{
    struct tfsm_segment out;
    while (tfsm_output(steady->tcb, &steady->config->policy, steady->now, &out)) {
        wire_send(steady->wire, 0, (const uint8_t *)&out, sizeof out, steady->now);
    }
}

/* The user reads whatever there is. */
static struct tfsm_effects feed(struct steady *steady, const struct tfsm_event *event)
{
    struct tfsm_effects fx;
    if (tfsm_step(steady->tcb, &steady->config->policy, event, &fx) != TFSM_DONE) {
        steady->result.failed = "the receiver refuses an event";
    }
    if (fx.delivered > 0) {
        struct tfsm_effects read;
        struct tfsm_event receive = {
            .kind = TFSM_EV_RECEIVE, .now = steady->now, .len = fx.delivered};
        tfsm_step(steady->tcb, &steady->config->policy, &receive, &read);
        steady->result.octets += read.taken;
    }
    if (tfsm_check(steady->tcb) != TFSM_OK) {
        steady->result.failed = tfsm_clause_name(tfsm_check(steady->tcb));
    }
    return fx;
}

/* From the sender; its text begins with this segment. */
static struct tfsm_event event_of(const struct steady *steady, uint8_t flags, uint64_t segment)
{
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT, .now = steady->now, .iss = ISS};
    event.segment =
        (struct tfsm_segment){.flags = flags,
                              .seq = (uint32_t)((ISS + 1 + segment * TEXT) & UINT32_MAX),
                              .ack = ISS + 1,
                              .wnd = UINT16_MAX,
                              .options = TFSM_OPT_TIMESTAMPS,
                              .ts_val = (uint32_t)(steady->now / CLOCK),
                              .ts_ecr = steady->echo};
    return event;
}

static void open_receiver(struct steady *steady)
{
    struct tfsm_event open = {.kind = TFSM_EV_OPEN, .now = 0, .iss = ISS};
    struct tfsm_segment out;
    feed(steady, &open);
    struct tfsm_event event = event_of(steady, TFSM_SYN, 0);
    event.segment.seq = ISS;
    event.segment.len = 1;
    event.segment.options |= TFSM_OPT_MSS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED;
    event.segment.mss = TEXT + 12;
    feed(steady, &event);
    if (!tfsm_output(steady->tcb, &steady->config->policy, 0, &out)) {
        steady->result.failed = "no SYN-ACK";
    }
    steady->echo = out.ts_val;
    event = event_of(steady, TFSM_ACK, 0);
    feed(steady, &event);
    put_out(steady);
}

static void arrive_text(struct steady *steady, const struct steady_on_wire *what)
{
    struct steady_segment *segment = segment_at(steady, what->segment);
    struct tfsm_event event = event_of(steady, TFSM_ACK, what->segment);
    bool old = what->segment < steady->una || segment->taken;
    event.segment.len = TEXT;
    event.segment.ts_val = what->stamp;
    struct tfsm_effects fx = feed(steady, &event);
    steady->result.arrived++;
    if (!old && fx.text_count > 0) {
        segment->taken = true;
    } else if (!old) {
        steady->result.refused++;
    }
    if (steady->tcb->ooo_count > steady->result.ranges) {
        steady->result.ranges = steady->tcb->ooo_count;
    }
    put_out(steady);
}

/* ---- the sender ---- */

static void send_segment(struct steady *steady, uint64_t number)
{
    static uint64_t turns; /* only differences matter */
    uint8_t octets[HEADERS + TEXT] = {0};
    struct steady_on_wire what = {number, (uint32_t)(steady->now / CLOCK)};
    struct steady_segment *segment = segment_at(steady, number);
    segment->turn = ++turns;
    steady->line[steady->line_end++ % steady->line_places] = (struct steady_turn){number, turns};
    memcpy(octets, &what, sizeof what);
    wire_send(steady->wire, 1, octets, sizeof octets, steady->now);
}

static void has_come(struct steady *steady, uint64_t number)
{
    struct steady_segment *segment = segment_at(steady, number);
    if (!segment->held) {
        segment->held = true;
        steady->came = segment->turn > steady->came ? segment->turn : steady->came;
    }
}

/* The segment that begins with this number, or the next; there are few enough that the upper bits are plain. */
static uint64_t number_of(const struct steady *steady, uint32_t seq)
{
    uint32_t first = (uint32_t)((ISS + 1 + steady->una * TEXT) & UINT32_MAX);
    uint32_t distance = seq_distance(first, seq);
    return distance > TFSM_SEQ_HALF ? steady->una : steady->una + (distance + TEXT - 1) / TEXT;
}

static void arrive_ack(struct steady *steady, const struct tfsm_segment *seg)
{
    uint64_t end = number_of(steady, seg->ack);
    for (uint64_t i = steady->una; i < end && i < steady->next; i++) {
        has_come(steady, i);
    }
    for (unsigned b = 0; b < seg->sacks; b++) {
        uint64_t left = number_of(steady, seg->sack[b].left);
        uint64_t right = number_of(steady, seg->sack[b].right);
        for (uint64_t i = left; i < right && i < steady->next; i++) {
            has_come(steady, i);
        }
    }
    steady->una = end > steady->una ? end : steady->una;
    steady->echo = seg->ts_val;
}

/* What went before something that has come, and did not come, goes again, before anything new. */
static void send_more(struct steady *steady)
{
    while (steady->line_first < steady->line_end) {
        struct steady_turn turn = steady->line[steady->line_first % steady->line_places];
        const struct steady_segment *segment = segment_at(steady, turn.segment);
        bool waits = turn.segment >= steady->una && !segment->held && segment->turn == turn.turn;
        if (waits && turn.turn >= steady->came) {
            break;
        }
        steady->line_first++;
        if (waits) {
            steady->result.again++;
            send_segment(steady, turn.segment);
        }
    }
    while (steady->next < steady->una + steady->config->segments) {
        *segment_at(steady, steady->next) = (struct steady_segment){0, false, false};
        send_segment(steady, steady->next++);
    }
}

/* ---- time ---- */

static void happen(struct steady *steady)
{
    const struct wire_packet *packet = wire_first(steady->wire);
    tfsm_time due = tfsm_deadline(steady->tcb);
    if (packet != NULL && packet->at <= due) {
        steady->now = packet->at;
        if (packet->to == 1) {
            struct steady_on_wire what;
            memcpy(&what, packet->octets, sizeof what);
            wire_drop(steady->wire);
            arrive_text(steady, &what);
        } else {
            struct tfsm_segment seg;
            memcpy(&seg, packet->octets, sizeof seg);
            wire_drop(steady->wire);
            arrive_ack(steady, &seg);
            send_more(steady);
        }
    } else if (due != TFSM_NEVER) {
        steady->now = due > steady->now ? due : steady->now;
        struct tfsm_event timeout = {.kind = TFSM_EV_TIMEOUT, .now = steady->now};
        feed(steady, &timeout);
        put_out(steady);
    } else {
        steady->now += RTO;
        steady->result.stuck++;
        send_segment(steady, steady->una);
    }
}

struct steady_result steady_run(const struct steady_config *config)
{
    struct steady steady = {.config = config, .places = 2 * (uint64_t)config->segments};
    steady.line_places = 16 * (uint64_t)config->segments;
    steady.tcb = reserve(1, TFSM_TCB_SIZE((size_t)config->ranges));
    steady.segments = reserve(steady.places, sizeof *steady.segments);
    steady.line = reserve(steady.line_places, sizeof *steady.line);
    steady.wire = wire_create(PLACES, HEADERS + TEXT);
    if (steady.wire == NULL || !tfsm_make_room(steady.tcb, config->ranges)) {
        fprintf(stderr, "steady: no memory, or no room of that size\n");
        exit(2);
    }
    wire_begin(steady.wire, &config->network, config->seed);
    open_receiver(&steady);
    send_more(&steady);
    while (steady.now < config->until && steady.result.failed == NULL) {
        happen(&steady);
    }
    tfsm_time first = 2 * config->network.delay;
    steady.result.goodput =
        steady.now > first ? (double)steady.result.octets * 1e6 / (double)(steady.now - first) : 0;
    wire_destroy(steady.wire);
    free(steady.line);
    free(steady.segments);
    free(steady.tcb);
    return steady.result;
}
