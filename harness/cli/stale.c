/* `tcpfsm listener stale`: why there are three segments and not two. A connection is opened and
 * closed; long after, a copy of its first SYN comes out of the network, and the ladder diagram shows
 * what the server makes of it. With fault 16 of properties/mutants/faults.tsv, a table
 * that does not wait for the third segment, it ends otherwise. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "endpoint.h"
#include "ladder.h"
#include "machine.h"
#include "stale.h"
#include "whole.h"

#define PORT       80u
#define WAY        UINT64_C(20000)      /* microseconds from host to host */
#define LONG_AFTER UINT64_C(600000000)  /* after TIME-WAIT */
#define AN_HOUR    UINT64_C(3600000000) /* how long the end is waited for */
#define STEPS_MAX  1000u

enum { CLIENT, SERVER };

struct story {
    struct endpoint *end[2];
    endpoint_handle listener;
    endpoint_handle connection[2];
    struct ladder ladder;
    tfsm_time now;
    bool gone;                   /* the client's host is switched off */
    bool stale;                  /* the old connection is over */
    struct tfsm_tcb half_open;   /* what the listener has, for the ladder */
    const struct tfsm_tcb *last; /* of the connection that spoke */
    uint32_t told;               /* what the server's user heard since */
};

/* ---- the ladder ---- */

static void say(struct story *story, const char *text)
{
    struct run_line line = {.kind = RUN_NOTE, .now = story->now, .text = text};
    ladder_line(&story->ladder, &line);
}

static void watch(struct story *story, unsigned end, const struct endpoint_watched *what)
{
    static const struct tfsm_tcb listening = {.state = TFSM_LISTEN};
    if (what->event == NULL) {
        story->last = what->after != NULL ? what->after : &story->half_open;
        return;
    }
    struct tfsm_tcb before = story->half_open;
    struct tfsm_effects fx = *what->effects;
    if (what->before == NULL) { /* time passes for what is half open */
        bool over = endpoint_half_open(story->end[end], story->listener) == 0;
        story->half_open = over ? listening : story->half_open;
        fx.signals = 0; /* it has no user yet */
    } else if (what->connection == 0) {
        copy_members(&story->half_open, what->after);
    }
    struct run_line line = ladder_step(what);
    line.end = end;
    line.fx = &fx;
    line.before = what->before != NULL ? what->before : &before;
    line.after = what->after != NULL ? what->after : &story->half_open;
    ladder_line(&story->ladder, &line);
}

static void watch_client(void *user, const struct endpoint_watched *what)
{
    watch(user, CLIENT, what);
}

static void watch_server(void *user, const struct endpoint_watched *what)
{
    watch(user, SERVER, what);
}

/* ---- the hosts ---- */

static struct tfsm_address address_of(unsigned end)
{
    return (struct tfsm_address){.family = 4, .octets = {192, 0, 2, (uint8_t)(end + 1)}};
}

static bool open_hosts(struct story *story)
{
    struct endpoint_listening listening = {.local = address_of(SERVER), .port = PORT, .backlog = 4};
    struct tfsm_effects nothing = {0};
    struct tfsm_event listen = {.kind = TFSM_EV_OPEN};
    for (unsigned end = 0; end < 2; end++) {
        struct endpoint_local local = {address_of(end), 24};
        struct endpoint_config config = endpoint_config_default();
        memset(config.key, (int)end + 1, sizeof config.key);
        config.locals = &local;
        config.local_count = 1;
        config.policy4.ack_delay = 0; /* fewer lines */
        config.policy4.profile &= ~(uint32_t)(TFSM_TIMESTAMPS | TFSM_SACK | TFSM_ECN);
        story->end[end] = endpoint_create(&config);
        if (story->end[end] == NULL) {
            return false;
        }
        endpoint_watch(story->end[end], end == CLIENT ? watch_client : watch_server, story);
    }
    if (endpoint_listen(story->end[SERVER], &listening, &story->listener) != TFSM_DONE) {
        return false;
    }
    story->half_open.state = TFSM_LISTEN;
    struct run_line line = {.kind = RUN_CALL,
                            .end = SERVER,
                            .now = story->now,
                            .ev = &listen,
                            .fx = &nothing,
                            .trace = machine_trace(&nothing),
                            .before = &story->half_open,
                            .after = &story->half_open};
    ladder_line(&story->ladder, &line);
    return true;
}

/* ---- the network ---- */

/* The next packet of an end, drawn. */
static bool take(struct story *story, unsigned end, struct tfsm_packet *packet)
{
    struct endpoint_piece text[2];
    story->last = NULL;
    if (!endpoint_take(story->end[end], story->now, packet, text)) {
        return false;
    }
    static const struct tfsm_tcb closed = {.state = TFSM_CLOSED};
    bool half_open = end == SERVER && story->half_open.state == TFSM_SYN_RECEIVED;
    if (story->last == NULL && half_open) { /* what it has to say it said when a segment came */
        story->last = &story->half_open;
    }
    struct run_line line = {.kind = RUN_SENDS,
                            .end = end,
                            .now = story->now,
                            .segment = &packet->segment,
                            .after = story->last != NULL ? story->last : &closed};
    ladder_line(&story->ladder, &line);
    return true;
}

static void arrive(struct story *story, unsigned to, const struct tfsm_packet *packet)
{
    if (to == CLIENT && story->gone && story->stale) {
        struct run_line line = {
            .kind = RUN_LOST, .end = to, .now = story->now, .segment = &packet->segment};
        ladder_line(&story->ladder, &line);
        return;
    }
    endpoint_segment(story->end[to], packet, NULL, story->now);
}

static void accept_all(struct story *story)
{
    endpoint_handle handle;
    uint32_t news;
    while (endpoint_next(story->end[SERVER], &handle, &news)) {
        if ((news & ENDPOINT_ACCEPTABLE) != 0) {
            endpoint_accept(story->end[SERVER], story->listener, &story->connection[SERVER]);
            story->told |= TFSM_SIG_CONNECTED;
        } else {
            story->told |= news;
        }
    }
}

/* Both ends speak, one way after the other, until they are silent. */
static void talk(struct story *story)
{
    struct tfsm_packet packet;
    for (unsigned steps = 0, silent = 0; silent < 2 && steps < STEPS_MAX; steps++) {
        unsigned from = steps % 2;
        silent++;
        while (take(story, from, &packet)) {
            story->now += WAY;
            arrive(story, 1 - from, &packet);
            silent = 0;
        }
        accept_all(story);
    }
}

static tfsm_time next_deadline(struct story *story)
{
    tfsm_time a = story->gone && story->stale ? TFSM_NEVER : endpoint_deadline(story->end[CLIENT]);
    tfsm_time b = endpoint_deadline(story->end[SERVER]);
    return a < b ? a : b;
}

/* Time passes until nothing is to come, or for so long. */
static void wait(struct story *story, tfsm_time until)
{
    for (tfsm_time at = next_deadline(story); at <= until; at = next_deadline(story)) {
        story->now = at > story->now ? at : story->now;
        endpoint_timeout(story->end[CLIENT], story->now);
        endpoint_timeout(story->end[SERVER], story->now);
        talk(story);
    }
    story->now = until;
}

/* ---- the story ---- */

/* A connection like any other. Returns the SYN that opened it. */
static struct tfsm_packet old_connection(struct story *story)
{
    struct endpoint_open open = {
        .remote = address_of(SERVER), .remote_port = PORT, .local_port = 40000};
    struct tfsm_packet syn;
    endpoint_connect(story->end[CLIENT], &open, story->now, &story->connection[CLIENT]);
    take(story, CLIENT, &syn);
    say(story, "the network keeps a copy of this SYN");
    story->now += WAY;
    arrive(story, SERVER, &syn);
    talk(story);
    endpoint_close(story->end[CLIENT], story->connection[CLIENT], story->now);
    talk(story);
    endpoint_close(story->end[SERVER], story->connection[SERVER], story->now);
    talk(story);
    wait(story, story->now + LONG_AFTER);
    story->connection[SERVER] = 0;
    story->told = 0;
    story->stale = true;
    return syn;
}

static int conclude(const struct story *story)
{
    struct endpoint_status_block status;
    bool open =
        story->connection[SERVER] != 0 &&
        endpoint_status(story->end[SERVER], story->connection[SERVER], &status) == TFSM_DONE &&
        status.tcp.state != TFSM_CLOSED;
    bool heard = (story->told & TFSM_SIG_CONNECTED) != 0;
    if (open) {
        printf("%s: the server waits in %s for a peer that is not there\n", "DOES NOT HOLD",
               tfsm_state_name(status.tcp.state));
    } else if (heard) {
        printf("%s: the server's user was told of a connection that nobody made\n",
               "DOES NOT HOLD");
    } else {
        printf("holds: no connection; half open: %" PRIu32 "; the server's user heard nothing\n",
               endpoint_half_open(story->end[SERVER], story->listener));
    }
    return heard ? CLI_FINDING : CLI_FINE;
}

int stale_story(bool gone)
{
    struct story story = {.now = 1000000, .gone = gone, .ladder = {.mode = RUN_PAIR}};
    if (!open_hosts(&story)) {
        return cli_fail("listener stale", "not enough memory");
    }
    struct tfsm_packet syn = old_connection(&story);
    say(&story, gone ? "ten minutes later: the host of A is switched off, and the copy arrives"
                     : "ten minutes later the copy arrives");
    arrive(&story, SERVER, &syn);
    accept_all(&story);
    talk(&story);
    wait(&story, story.now + AN_HOUR);
    say(&story, "an hour later");
    int status = conclude(&story);
    endpoint_destroy(story.end[CLIENT]);
    endpoint_destroy(story.end[SERVER]);
    return status;
}
