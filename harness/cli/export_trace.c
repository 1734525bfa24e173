/* The script of an input of fuzz_trace: the bare machine becomes a connection of the sockets. A passive OPEN is a listener until
 * the handshake is through; then the connection is accepted and the listener closed, for a bare machine has one connection. */
#include "export_script.h"

#include <string.h>

#include "seq.h"
#include "tfsm_table.h"

#define OURS   1000u
#define THEIRS 1001u

static const struct tfsm_address none;
static const struct tfsm_address ours = {.family = 4, .octets = {192, 0, 2, 1}};

struct trace_script {
    struct scripting *s;
    const struct program_config *config;
    unsigned listener; /* descriptors; 0: none */
    unsigned connection;
    unsigned before;  /* in TIME-WAIT, while the next one is half open */
    unsigned swallow; /* lines about a machine that opens anew: calls, and the segment once more */
    enum tfsm_state told; /* that the script has said */
};

static struct script_peer *peer_of(struct trace_script *t)
{
    struct script_peer *peer = script_peer(t->s, &none, &none, OURS, THEIRS);
    peer->theirs = t->config->iss[1];
    return peer;
}

static void listen(struct trace_script *t, tfsm_time now)
{
    t->listener = script_socket(t->s, now, &ours, OURS);
    script_line(t->s, now, "listen(%u, 1) = 0", t->listener);
}

static void connect(struct trace_script *t, tfsm_time now, bool fast)
{
    script_end(t->s, now, &t->listener, false);
    script_end(t->s, now, &t->connection, false);
    t->connection = script_socket(t->s, now, &ours, OURS);
    script_line(t->s, now,
                fast ? "sendto(%u, ..., 0, MSG_FASTOPEN, {sa_family=AF_INET, sin_port=htons(%u), "
                       "sin_addr=inet_addr(\"192.0.2.2\")}, ...) = -1 EINPROGRESS"
                     : "connect(%u, {sa_family=AF_INET, sin_port=htons(%u), "
                       "sin_addr=inet_addr(\"192.0.2.2\")}, ...) = -1 EINPROGRESS",
                t->connection, THEIRS);
}

/* ---- calls ---- */

static void call_open(struct trace_script *t, const struct run_line *line)
{
    if (line->ev->fast_open && line->ev->active && line->ev->cookie_len > 0) {
        script_refuse(t->s, line->now,
                      "OPEN with Fast Open, and a cookie that was never handed out");
    } else if (line->ev->fast_open && line->ev->active) {
        connect(t, line->now, true);
    } else if (line->ev->active) {
        connect(t, line->now, false);
    } else if (line->before->state == TFSM_CLOSED) {
        script_end(t->s, line->now, &t->connection, false);
        listen(t, line->now);
    }
}

/* Whether a call can be made; else it is one that a socket does not offer. */
static bool has_connection(struct trace_script *t, const struct run_line *line)
{
    if (t->connection != 0) {
        return true;
    }
    script_refuse(t->s, line->now,
                  "%s in %s: of a half-open connection no socket is handed out yet",
                  tfsm_event_name(line->ev->kind), tfsm_state_name(line->before->state));
    return false;
}

static void call_close(struct trace_script *t, const struct run_line *line)
{
    enum tfsm_state state = line->before->state;
    if (state == TFSM_LISTEN) {
        script_end(t->s, line->now, &t->listener, false);
    } else if (has_connection(t, line)) {
        if (state == TFSM_SYN_SENT || line->ev->deaf) {
            script_end(t->s, line->now, &t->connection, false);
        } else {
            script_line(t->s, line->now, "shutdown(%u, SHUT_WR) = 0", t->connection);
        }
    }
}

static void call_abort(struct trace_script *t, const struct run_line *line)
{
    if (t->connection == 0) {
        script_end(t->s, line->now, &t->listener, false);
    } else {
        script_end(t->s, line->now, &t->connection, true);
    }
}

static void call(struct trace_script *t, const struct run_line *line)
{
    const struct tfsm_event *ev = line->ev;
    if (line->result != TFSM_DONE) {
        script_comment(t->s, "%s: %s", tfsm_event_name(ev->kind), tfsm_result_name(line->result));
        return;
    }
    switch (ev->kind) {
    case TFSM_EV_OPEN:
        call_open(t, line);
        break;
    case TFSM_EV_SEND:
        if (line->before->state == TFSM_LISTEN && line->after->state == TFSM_SYN_SENT) {
            connect(t, line->now, false);
        }
        if (has_connection(t, line)) {
            script_line(t->s, line->now, "send(%u, ..., %u, %s) = %u", t->connection, ev->len,
                        ev->urgent ? "MSG_OOB" : "0", ev->len);
        }
        break;
    case TFSM_EV_RECEIVE:
        if (line->fx->taken > 0 && has_connection(t, line)) {
            script_line(t->s, line->now, "read(%u, ..., %u) = %u", t->connection, line->fx->taken,
                        line->fx->taken);
        }
        break;
    case TFSM_EV_CLOSE:
        call_close(t, line);
        break;
    case TFSM_EV_ABORT:
        call_abort(t, line);
        break;
    case TFSM_EV_ICMP:
    case TFSM_EV_SEGMENT:
    case TFSM_EV_TIMEOUT:
    case TFSM_EVENTS:
        break;
    }
}

/* ---- segments ---- */

/* After whatever happened: who has a connection now, and what state it is in. */
static void settle(struct trace_script *t, const struct run_line *line)
{
    const unsigned half =
        1u << TFSM_CLOSED | 1u << TFSM_LISTEN | 1u << TFSM_SYN_SENT | 1u << TFSM_SYN_RECEIVED;
    enum tfsm_state state = line->after->state;
    bool was_open = line->before->state != TFSM_CLOSED && line->before->state != TFSM_LISTEN;
    if (!was_open && state != TFSM_CLOSED && state != TFSM_LISTEN) {
        script_opened(peer_of(t), line->after->iss);
    }
    if (t->listener != 0 && (half >> state & 1) == 0) {
        t->before = t->connection;
        t->connection = ++t->s->fd;
        script_line(t->s, line->now, "accept(%u, ..., ...) = %u", t->listener, t->connection);
        script_line(t->s, line->now, "fcntl(%u, F_SETFL, O_RDWR|O_NONBLOCK) = 0", t->connection);
        script_end(t->s, line->now, &t->listener, false);
        script_end(t->s, line->now, &t->before, false);
        t->told = TFSM_STATES;
    }
    if (t->listener != 0 && state == TFSM_CLOSED) {
        script_end(t->s, line->now, &t->listener, false);
    }
    if (t->connection != 0 && t->listener == 0 && state != t->told && state != TFSM_LISTEN) {
        script_state(t->s, line->now, t->connection, state);
        t->told = state;
    }
}

static void arrives(struct trace_script *t, const struct run_line *line)
{
    const struct tfsm_segment *segment = &line->ev->segment;
    t->s->secret =
        line->before->state != TFSM_CLOSED && segment->security != line->before->security;
    if (line->fx->verdict == TFSM_V_REOPEN) {
        listen(t, line->now);
        t->swallow = 3;
    }
    struct tfsm_packet packet = {.segment = *segment, .cookie = {0xc0, 0x0c, 0x1e}};
    script_arrives(t->s, line->now, peer_of(t), &packet);
}

static void sends(struct trace_script *t, const struct run_line *line)
{
    struct tfsm_packet packet = {.segment = *line->segment, .cookie = {0x0f}};
    script_sends(t->s, line->now, peer_of(t), &packet);
}

static void see(void *user, const struct run_line *line)
{
    struct trace_script *t = user;
    if (t->s->refused || line->kind == RUN_WIRE) {
        if (line->kind == RUN_WIRE && line->wire->icmp != NULL) {
            script_icmp_meant(t->s, line->now, peer_of(t), line->wire->icmp);
        }
        return;
    }
    if (line->kind != RUN_SENDS && line->kind != RUN_NOTE && t->swallow > 0) {
        t->swallow--;
        if (t->swallow == 0) {
            settle(t, line);
        }
        return;
    }
    switch (line->kind) {
    case RUN_CALL:
        call(t, line);
        settle(t, line);
        break;
    case RUN_ARRIVES:
        arrives(t, line);
        if (t->swallow == 0) {
            settle(t, line);
        }
        break;
    case RUN_TIMEOUT:
        script_tick(t->s, line->now);
        settle(t, line);
        break;
    case RUN_SENDS:
        sends(t, line);
        break;
    case RUN_NOTE:
        t->s->healing = true;
        script_comment(t->s, "%s", line->text);
        break;
    case RUN_LOST:
    case RUN_HOST:
    case RUN_WIRE:
        break;
    }
}

bool export_trace_script(const struct export_input *input, struct scripting *s)
{
    struct program program;
    struct program_config config;
    char more[128];
    program_open(&program, input->octets, input->size, &config);
    snprintf(more, sizeof more, "connections=3,listeners=2,cookies=never,syn_ack_retries=%u",
             config.cfg[0].syn_retries);
    script_begin(s, more, config.ranges, config.start, config.start);
    script_policy(s, &config.cfg[0], 0);
    script_begun(s);
    struct trace_script t = {.s = s, .config = &config, .told = TFSM_STATES};
    run_program(RUN_TRACE, input->octets, input->size, see, &t);
    return !s->refused;
}
