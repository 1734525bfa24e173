/* See live.h. The endpoint's watcher knows what the core did but not with whom, the packets know
 * with whom but not what: the two are put together here. A lane is what the ladder remembers of one
 * peer; when there are more peers than lanes, the one that was silent longest is forgotten. */
#include "live.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "ladder.h"
#include "tfsm_table.h"
#include "whole.h"

#define SETS 256u /* of lanes, found by a hash of ports and address */
#define WAYS 8u

struct peer {
    struct tfsm_address address;
    uint16_t port;
    uint16_t local_port;
};

struct lane {
    struct peer peer; /* family 0: not in use */
    uint64_t used;    /* when, in lines */
    endpoint_handle handle;
    struct tfsm_tcb last; /* for segments that come from no TCB */
    struct ladder ladder;
    char who[INET6_ADDRSTRLEN + 16];
};

struct live {
    FILE *to;
    struct outlet *outlet; /* behind it */
    struct driver *driver;
    tfsm_time start;
    uint64_t lines;
    struct lane *from;        /* whose segment is being fed, or null */
    bool sent;                /* a segment was taken from the core: */
    struct tfsm_segment what; /* that one */
    endpoint_handle by;       /* of this connection */
    struct tfsm_tcb after;    /* which is now so, in its members */
    bool after_known;
    struct lane nobody; /* for calls before the first segment tells the peer */
    struct lane lanes[SETS][WAYS];
};

/* ---- lanes ---- */

static bool is_same(const struct peer *a, const struct peer *b)
{
    return a->port == b->port && a->local_port == b->local_port &&
           a->address.family == b->address.family &&
           memcmp(a->address.octets, b->address.octets, sizeof a->address.octets) == 0;
}

static void start_lane(struct live *live, struct lane *lane, const struct peer *peer)
{
    char text[INET6_ADDRSTRLEN];
    bool four = peer->address.family == 4;
    *lane = (struct lane){.peer = *peer};
    inet_ntop(four ? AF_INET : AF_INET6, peer->address.octets, text, sizeof text);
    snprintf(lane->who, sizeof lane->who, four ? "%s:%u" : "[%s]:%u", text, peer->port);
    lane->ladder = (struct ladder){
        .mode = RUN_TRACE, .to = live->to, .who = lane->who, .started = true, .start = live->start};
}

static struct lane *lane_of(struct live *live, const struct peer *peer)
{
    unsigned set = (unsigned)peer->port * 31 + peer->local_port;
    for (unsigned i = 0; i < sizeof peer->address.octets; i++) {
        set = set * 31 + peer->address.octets[i];
    }
    struct lane *lanes = live->lanes[set % SETS];
    struct lane *found = &lanes[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (is_same(&lanes[i].peer, peer)) {
            found = &lanes[i];
            found->used = live->lines;
            return found;
        }
        found = lanes[i].used < found->used ? &lanes[i] : found;
    }
    start_lane(live, found, peer);
    found->used = live->lines;
    return found;
}

/* By its connection: only for calls and timeouts, of which there are few. */
static struct lane *lane_of_handle(struct live *live, endpoint_handle handle)
{
    for (unsigned i = 0; i < SETS * WAYS; i++) {
        struct lane *lane = &live->lanes[i / WAYS][i % WAYS];
        if (lane->handle == handle && lane->peer.address.family != 0) {
            return lane;
        }
    }
    return &live->nobody;
}

static void draw(struct live *live, struct lane *lane, const struct run_line *line)
{
    live->lines++;
    copy_members(&lane->last, line->after);
    ladder_line(&lane->ladder, line);
}

/* ---- what the core does ---- */

/* What a call that moves nothing would say is not worth a line. */
static bool is_idle_call(const struct tfsm_event *event)
{
    return (event->kind == TFSM_EV_SEND || event->kind == TFSM_EV_RECEIVE) && event->len == 0;
}

static void on_output(struct live *live, const struct endpoint_watched *what)
{
    if (what->segment == NULL) {
        return;
    }
    live->sent = true;
    live->what = *what->segment;
    live->by = what->connection;
    live->after_known = what->after != NULL;
    if (what->after != NULL) {
        copy_members(&live->after, what->after);
    }
}

static void on_watch(void *user, const struct endpoint_watched *what)
{
    struct live *live = user;
    if (what->event == NULL) {
        on_output(live, what);
        return;
    }
    bool segment = what->event->kind == TFSM_EV_SEGMENT;
    if (what->after == NULL || is_idle_call(what->event) || (segment && live->from == NULL)) {
        return; /* a half-open connection's time, or nothing that could be shown */
    }
    struct lane *lane = segment ? live->from : lane_of_handle(live, what->connection);
    if (segment && what->connection != 0) {
        lane->handle = what->connection;
    }
    struct run_line line = ladder_step(what);
    draw(live, lane, &line);
}

/* ---- packets ---- */

static void on_arrives(void *user, const uint8_t *octets, size_t n, tfsm_time now)
{
    struct live *live = user;
    struct tfsm_packet packet;
    enum tfsm_wire_result result = tfsm_parse(octets, n, &packet);
    (void)now;
    live->from = NULL;
    if (result == TFSM_WIRE_OK || result == TFSM_WIRE_OPTION) {
        struct peer peer = {packet.src, packet.src_port, packet.dst_port};
        live->from = lane_of(live, &peer);
    } else if (result == TFSM_WIRE_CHECKSUM) {
        fprintf(live->to, "%27s-- a segment is dropped: bad %s --\n", "",
                tfsm_wire_result_name(result));
    }
}

static void on_arrived(void *user)
{
    struct live *live = user;
    live->from = NULL;
}

/* Answers to segments of no connection come without the core having been asked now. */
static void on_leaves(void *user, const uint8_t *octets, size_t n, tfsm_time now)
{
    struct live *live = user;
    struct tfsm_packet packet;
    bool sent = live->sent;
    live->sent = false;
    if (tfsm_parse(octets, n, &packet) != TFSM_WIRE_OK) {
        return;
    }
    struct peer peer = {packet.dst, packet.dst_port, packet.src_port};
    struct lane *lane = lane_of(live, &peer);
    bool other =
        sent && (live->what.seq != packet.segment.seq || live->what.flags != packet.segment.flags);
    sent = sent && !other;
    packet.segment.rule = TFSM_RULES; /* not known */
    struct run_line line = {.kind = RUN_SENDS,
                            .now = now,
                            .segment = sent ? &live->what : &packet.segment,
                            .after = sent && live->after_known ? &live->after : &lane->last};
    if (sent && live->by != 0) {
        lane->handle = live->by;
    }
    draw(live, lane, &line);
}

/* What the output has no room for goes once it has. */
static void on_turn(void *user)
{
    const struct live *live = user;
    fflush(live->to);
    driver_want(live->driver, outlet_descriptor(live->outlet),
                outlet_drain(live->outlet) ? (uint32_t)EPOLLOUT : 0);
}

/* ---- start and end ---- */

struct live *live_create(struct endpoint *ep, struct outlet *outlet, tfsm_time start)
{
    struct live *live = calloc(1, sizeof *live);
    struct peer nobody = {.address = {.family = 4}};
    if (live == NULL) {
        return NULL;
    }
    live->outlet = outlet;
    live->to = outlet_stream(outlet);
    live->start = start;
    start_lane(live, &live->nobody, &nobody);
    live->nobody.who[0] = '\0';
    fprintf(live->to, "%12s  %-12s %-70s %s\n", "seconds", "A: tcpfsm", "", "peer");
    endpoint_watch(ep, on_watch, live);
    return live;
}

void live_run_by(struct live *live, struct driver *driver)
{
    if (live != NULL) {
        live->driver = driver;
    }
}

void live_destroy(struct live *live)
{
    free(live);
}

struct driver_watcher live_watcher(struct live *live)
{
    if (live == NULL) {
        return (struct driver_watcher){NULL, NULL, NULL, NULL, NULL};
    }
    return (struct driver_watcher){.user = live,
                                   .arrives = on_arrives,
                                   .arrived = on_arrived,
                                   .leaves = on_leaves,
                                   .turn = on_turn};
}
