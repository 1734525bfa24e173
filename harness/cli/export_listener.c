/* The script of an input of fuzz_listener: its peers become ports of one peer, for they are neighbours in every respect that does
 * not matter here, and its bare connections sockets once they are accepted. What only a bare listener can be told, another secret
 * or another policy on the way, no socket says. */
#include "export_script.h"
#include "listen.h"
#include "seq.h"

#include <string.h>

struct listener_script {
    struct scripting *s;
    const struct program_config *config;
    unsigned listener; /* descriptor; 0: none */
    unsigned connections[LISTEN_PEERS];
    unsigned waiting[LISTEN_PEERS + PROGRAM_EVENTS]; /* whose connections the listener has opened */
    unsigned opened;
    unsigned
        accepted; /* of them, by the script: sooner than by the program where its user calls before */
    unsigned taken; /* and by the program */
    unsigned backlog;
    bool labelled;
    bool began;
};

static struct script_peer *peer_of(struct listener_script *l, unsigned peer)
{
    static const struct tfsm_address none;
    struct script_peer *found =
        script_peer(l->s, &none, &none, LISTEN_PORT, (uint16_t)(1000u + peer));
    found->theirs = seq_add(l->config->iss[1], peer * 0x01000000u);
    return found;
}

static void begin(struct listener_script *l, tfsm_time now, const struct run_host *host)
{
    static const char *const cookies[] = {"never", "full", "always"};
    const struct tfsm_listener_policy *policy = host->policy;
    char more[256];
    /* A host has one length for both queues: which of them matters is tried out. */
    const size_t lengths[EXPORT_LISTENER_ATTEMPTS] = {
        host->n > 0 ? host->n : host->taken, host->taken, 1, 2, 3, 4, 5};
    l->backlog = (unsigned)lengths[l->s->attempt % EXPORT_LISTENER_ATTEMPTS];
    l->s->clockless = true;
    snprintf(more, sizeof more,
             "connections=8,listeners=2,backlog=%u,spent=%zu,cookies=%s,overflow=%s,recycle=%u,"
             "fast_open=%u,syn_ack_retries=%u",
             l->backlog, host->spent,
             /* without a SYN queue there are cookies alone */
             cookies[host->n > 0 ? policy->cookies : TFSM_COOKIES_ALWAYS],
             policy->overflow == TFSM_OVERFLOW_RESET ? "reset" : "drop", policy->recycle,
             policy->fast_open, policy->syn_ack_retries);
    script_begin(l->s, more, 0, now, host->clock);
    script_policy(l->s, &l->config->cfg[0], 0);
    script_begun(l->s);
    l->labelled = host->labelled;
    l->began = true;
}

static void open_listener(struct listener_script *l, tfsm_time now, const struct run_host *host)
{
    static const struct tfsm_address ours = {.family = 4, .octets = {192, 0, 2, 1}};
    if (!l->began) {
        begin(l, now, host);
    }
    l->listener = script_socket(l->s, now, &ours, LISTEN_PORT);
    script_line(l->s, now, "listen(%u, %u) = 0", l->listener, l->backlog);
}

/* The next connection that waits. */
static void accept_one(struct listener_script *l, tfsm_time now)
{
    unsigned fd = ++l->s->fd;
    unsigned peer = l->waiting[l->accepted++];
    script_line(l->s, now, "accept(%u, ..., ...) = %u", l->listener, fd);
    script_line(l->s, now, "fcntl(%u, F_SETFL, O_RDWR|O_NONBLOCK) = 0", fd);
    script_end(l->s, now, &l->connections[peer], false); /* of an earlier one */
    l->connections[peer] = fd;
}

/* So many have been accepted by the program. */
static void accept_until(struct listener_script *l, tfsm_time now, unsigned count)
{
    while (l->accepted < count && l->accepted < l->opened && l->listener != 0) {
        accept_one(l, now);
    }
}

static void see_host(struct listener_script *l, tfsm_time now, const struct run_host *host)
{
    if (host->kind == RUN_HOST_LISTEN) {
        open_listener(l, now, host);
    } else if (host->kind == RUN_HOST_CLOSE) {
        script_line(l->s, now, "close(%u) = 0", l->listener);
        l->listener = 0;
    } else if (host->kind == RUN_HOST_TIME) {
        script_tick(l->s, now);
    } else if (host->kind == RUN_HOST_ACCEPT) {
        accept_until(l, now, ++l->taken);
    }
}

static void see_call(struct listener_script *l, const struct run_line *line)
{
    unsigned *fd = &l->connections[line->end % LISTEN_PEERS];
    const struct tfsm_event *ev = line->ev;
    bool nothing = ev->kind == TFSM_EV_RECEIVE && line->fx->taken == 0;
    bool closes = *fd == 0 && l->listener == 0; /* it goes with the listener */
    if (ev->kind == TFSM_EV_ICMP || line->result != TFSM_DONE || nothing || closes) {
        return;
    }
    if (*fd == 0) {
        for (unsigned i = l->accepted; i < l->opened; i++) {
            if (l->waiting[i] == line->end) {
                accept_until(l, line->now, i + 1);
            }
        }
    }
    if (*fd == 0) {
        script_refuse(l->s, line->now, "%s of a connection that nobody has accepted",
                      tfsm_event_name(ev->kind));
    } else if (ev->kind == TFSM_EV_SEND) {
        script_line(l->s, line->now, "send(%u, ..., %u, %s) = %u", *fd, ev->len,
                    ev->urgent ? "MSG_OOB" : "0", ev->len);
    } else if (ev->kind == TFSM_EV_RECEIVE) {
        script_line(l->s, line->now, "read(%u, ..., %u) = %u", *fd, line->fx->taken,
                    line->fx->taken);
    } else if (ev->kind == TFSM_EV_CLOSE && !ev->deaf) {
        script_line(l->s, line->now, "shutdown(%u, SHUT_WR) = 0", *fd);
    } else {
        script_end(l->s, line->now, fd, ev->kind == TFSM_EV_ABORT);
    }
}

static void see_wire(struct listener_script *l, const struct run_line *line)
{
    const struct run_wire *wire = line->wire;
    struct script_peer *peer = peer_of(l, line->end);
    if (wire->icmp != NULL) {
        script_icmp_meant(l->s, line->now, peer, wire->icmp);
    } else if (wire->sent) {
        script_sends(l->s, line->now, peer, wire->packet);
    } else {
        l->s->secret = (wire->packet->segment.security != 0) != l->labelled;
        script_arrives(l->s, line->now, peer, wire->packet);
    }
}

static void see_note(struct listener_script *l, const struct run_line *line)
{
    static const char *const unsaid[] = {"another secret", "policy:", "there is no room",
                                         "its ISN is to come"};
    for (unsigned i = 0; i < sizeof unsaid / sizeof unsaid[0] && l->began; i++) {
        if (strncmp(line->text, unsaid[i], strlen(unsaid[i])) == 0) {
            snprintf(l->s->doubt, sizeof l->s->doubt, "%.90s", line->text);
        }
    }
    unsigned peer;
    if (sscanf(line->text, "connection %*u of peer %u", &peer) == 1 &&
        l->opened < sizeof l->waiting / sizeof l->waiting[0]) {
        l->waiting[l->opened++] = peer % LISTEN_PEERS;
    }
    l->s->healing = l->s->healing || strstr(line->text, "the program ends") != NULL;
    if (l->began) {
        script_comment(l->s, "%s", line->text);
    }
}

static void see(void *user, const struct run_line *line)
{
    struct listener_script *l = user;
    bool opens = line->before != NULL &&
                 (line->before->state == TFSM_CLOSED || line->before->state == TFSM_LISTEN) &&
                 line->after->state != TFSM_CLOSED && line->after->state != TFSM_LISTEN;
    if (opens) {
        script_opened(peer_of(l, line->end), line->after->iss);
    }
    switch (line->kind) {
    case RUN_HOST:
        see_host(l, line->now, line->host);
        break;
    case RUN_WIRE:
        see_wire(l, line);
        break;
    case RUN_CALL:
        see_call(l, line);
        break;
    case RUN_NOTE:
        see_note(l, line);
        break;
    case RUN_ARRIVES:
    case RUN_TIMEOUT:
    case RUN_SENDS:
    case RUN_LOST:
        break;
    }
}

bool export_listener_script(const struct export_input *input, struct scripting *s)
{
    static struct listener_script l;
    struct program program;
    struct program_config config;
    program_open(&program, input->octets, input->size, &config);
    l = (struct listener_script){.s = s, .config = &config};
    run_program(RUN_LISTENER, input->octets, input->size, see, &l);
    return !s->refused;
}
