/* The script of one host of a pair, or of the host of fuzz_endpoint: what its user calls becomes calls of sockets, and whatever
 * comes along is what arrives. Its handles become descriptors. */
#include "endpoint.h"
#include "export_script.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "seq.h"

#define HANDLES_MOST 512u
#define ALL          9u /* as end: there is one host */

struct handle {
    uint64_t handle;
    unsigned fd; /* 0: it was closed */
    bool listens;
};

struct host_script {
    struct scripting *s;
    unsigned end;    /* whose script */
    uint32_t theirs; /* what is 0 of the numbers of others */
    const struct tfsm_config *cfg;
    const char *more;
    unsigned ranges;          /* that a connection has room for */
    uint32_t fast_open;       /* Fast Opens pending at a listener, where nobody says */
    struct script_peer *last; /* whose segment came last */
    uint32_t fresh;           /* the first number of what a call has opened */
    struct handle handles[HANDLES_MOST];
    unsigned count;
};

static struct handle *find(struct host_script *h, uint64_t handle)
{
    for (unsigned i = h->count; i-- > 0;) {
        if (h->handles[i].handle == handle) {
            return &h->handles[i];
        }
    }
    return NULL;
}

static unsigned fd_of(struct host_script *h, uint64_t handle)
{
    const struct handle *found = find(h, handle);
    return found != NULL ? found->fd : 0;
}

static void add(struct host_script *h, tfsm_time now, uint64_t handle, unsigned fd)
{
    if (h->count == HANDLES_MOST) {
        script_refuse(h->s, now, "more than %u sockets", HANDLES_MOST);
        return;
    }
    h->handles[h->count++] = (struct handle){.handle = handle, .fd = fd};
}

static void close_handle(struct host_script *h, tfsm_time now, uint64_t handle, bool reset)
{
    struct handle *found = find(h, handle);
    if (found != NULL) { /* else a call before this one left nothing to close */
        script_end(h->s, now, &found->fd, reset);
    }
}

static struct script_peer *peer_of(struct host_script *h, const struct tfsm_address *local,
                                   const struct tfsm_address *remote, uint16_t local_port,
                                   uint16_t remote_port)
{
    static const struct tfsm_address none;
    return h->end != ALL ? script_peer(h->s, &none, &none, local_port, remote_port)
                         : script_peer(h->s, local, remote, local_port, remote_port);
}

/* ---- calls ---- */

static void put_host(struct host_script *h, const struct endpoint_config *config)
{
    fprintf(
        h->s->to, "--so_flags=\"connections=%u,listeners=%u,backlog=%u,resets=%u,syn_acks=%u\"\n",
        config->connections, config->listeners, config->backlog, config->resets, config->syn_acks);
    fprintf(h->s->to, "--so_flags=\"spent=%u,fast_open_peers=%u\"\n", config->spent,
            config->cookies);
    for (unsigned i = 0; i < config->local_count; i++) {
        char shown[INET6_ADDRSTRLEN] = "?";
        const struct endpoint_local *local = &config->locals[i];
        bool v4 = local->address.family == 4;
        inet_ntop(v4 ? AF_INET : AF_INET6, local->address.octets, shown, sizeof shown);
        fprintf(h->s->to, "--so_flags=\"%s=%s/%u\"\n", v4 ? "local" : "local6", shown,
                local->prefix);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct tfsm_config cfg = i == 0 ? config->policy4 : config->policy6;
        cfg.rcv_buff = cfg.rcv_buff < config->receive_ring ? cfg.rcv_buff : config->receive_ring;
        cfg.snd_buff = cfg.snd_buff < config->send_ring ? cfg.snd_buff : config->send_ring;
        script_policy(h->s, &cfg, i == 0 ? 4 : 6);
    }
}

static void call_connect(struct host_script *h, tfsm_time now, const struct run_host *call)
{
    char to[SCRIPT_SOCKADDR];
    unsigned fd = script_socket(h->s, now, &call->local, call->local_port);
    script_sockaddr(to, &call->remote, call->remote_port);
    add(h, now, call->handle, fd);
    script_opened(peer_of(h, &call->local, &call->remote, call->local_port, call->remote_port),
                  h->fresh);
    if (!call->fast) {
        script_line(h->s, now, "connect(%u, %s, ...) = -1 EINPROGRESS", fd, to);
    } else if (call->knows) {
        script_line(h->s, now, "sendto(%u, ..., %zu, MSG_FASTOPEN, %s, ...) = %zu", fd, call->n, to,
                    call->taken);
    } else {
        script_line(h->s, now, "sendto(%u, ..., 0, MSG_FASTOPEN, %s, ...) = -1 EINPROGRESS", fd,
                    to);
        if (call->taken > 0) {
            script_line(h->s, now, "send(%u, ..., %zu, 0) = %zu", fd, call->n, call->taken);
        }
    }
}

static void call_listen(struct host_script *h, tfsm_time now, const struct run_host *call)
{
    if (call->result != TFSM_DONE) {
        script_comment(h->s, "listening: %s", tfsm_result_name(call->result));
        return;
    }
    unsigned fd = script_socket(h->s, now, &call->local, call->local_port);
    if (call->policy->fast_open != h->fast_open) {
        script_line(h->s, now, "setsockopt(%u, SOL_TCP, TCP_FASTOPEN, [%u], 4) = 0", fd,
                    call->policy->fast_open);
    }
    script_line(h->s, now, "listen(%u, %zu) = 0", fd, call->n);
    add(h, now, call->handle, fd);
    h->handles[h->count - 1].listens = true;
}

static void call_accept(struct host_script *h, tfsm_time now, const struct run_host *call)
{
    unsigned fd = ++h->s->fd;
    script_line(h->s, now, "accept(%u, ..., ...) = %u", fd_of(h, call->listener), fd);
    script_line(h->s, now, "fcntl(%u, F_SETFL, O_RDWR|O_NONBLOCK) = 0", fd);
    add(h, now, call->handle, fd);
}

static void see_call(struct host_script *h, tfsm_time now, const struct run_host *call)
{
    unsigned fd = fd_of(h, call->handle);
    switch (call->kind) {
    case RUN_HOST_BEGINS:
        script_begin(h->s, h->more, h->ranges, now, call->clock);
        if (h->end != ALL) {
            script_policy(h->s, h->cfg, 0);
        } else {
            put_host(h, call->config);
        }
        script_begun(h->s);
        break;
    case RUN_HOST_TIME:
        script_tick(h->s, now);
        break;
    case RUN_HOST_CONNECT:
        call_connect(h, now, call);
        break;
    case RUN_HOST_LISTEN:
        call_listen(h, now, call);
        break;
    case RUN_HOST_ACCEPT:
        call_accept(h, now, call);
        break;
    case RUN_HOST_SEND:
        if (call->result != TFSM_DONE || (call->taken == 0 && call->n > 0)) {
            script_comment(h->s, "SEND %zu: %s", call->n,
                           call->result == TFSM_DONE ? "no room" : tfsm_result_name(call->result));
        } else {
            script_line(h->s, now, "send(%u, ..., %zu, %s) = %zu", fd, call->n,
                        call->urgent ? "MSG_OOB" : "0", call->taken);
        }
        break;
    case RUN_HOST_RECEIVE:
        if (call->taken > 0 && fd == 0) {
            script_refuse(h->s, now, "octets are read after a close for good");
        } else if (call->taken > 0) {
            script_line(h->s, now, "read(%u, ..., %zu) = %zu", fd, call->n, call->taken);
        }
        break;
    case RUN_HOST_CLOSE:
        if (find(h, call->handle) != NULL && find(h, call->handle)->listens) {
            close_handle(h, now, call->handle, false);
        } else if (call->result == TFSM_DONE && fd != 0) {
            script_line(h->s, now, "shutdown(%u, SHUT_WR) = 0", fd);
        }
        break;
    case RUN_HOST_CLOSE_DEAF:
    case RUN_HOST_ABORT:
    case RUN_HOST_RELEASE:
        close_handle(h, now, call->handle, call->kind == RUN_HOST_ABORT);
        break;
    case RUN_HOST_SHRINK:
        script_line(h->s, now, "setsockopt(%u, SOL_SOCKET, SO_SNDBUF, [%zu], 4) = 0", fd, call->n);
        break;
    }
}

/* ---- packets ---- */

/* From where the other end counts; where that is ours, too, as we do there. */
static uint32_t theirs(struct host_script *h, const struct script_peer *peer)
{
    for (unsigned i = 0; i < h->s->peer_count && h->end == ALL; i++) {
        const struct script_peer *other = &h->s->peers[i];
        if (other->local_port == peer->remote_port && other->remote_port == peer->local_port &&
            memcmp(&other->local, &peer->remote, sizeof other->local) == 0 &&
            memcmp(&other->remote, &peer->local, sizeof other->remote) == 0 && other->known) {
            return other->ours;
        }
    }
    return peer->theirs;
}

static void see_packet(struct host_script *h, tfsm_time now, const struct tfsm_packet *packet,
                       bool sent)
{
    struct script_peer *peer =
        sent ? peer_of(h, &packet->src, &packet->dst, packet->src_port, packet->dst_port)
             : peer_of(h, &packet->dst, &packet->src, packet->dst_port, packet->src_port);
    peer->theirs = peer->theirs == 0 ? h->theirs : peer->theirs;
    if (sent) {
        script_sends(h->s, now, peer, packet);
        return;
    }
    peer->theirs = theirs(h, peer);
    h->s->secret = packet->segment.security != 0;
    script_arrives(h->s, now, peer, packet);
    h->last = peer;
}

static void see_octets(struct host_script *h, tfsm_time now, const struct run_wire *wire)
{
    static struct tfsm_packet packet;
    struct tfsm_icmp_message message;
    enum tfsm_wire_result result = tfsm_parse(wire->octets, wire->size, &packet);
    if (result == TFSM_WIRE_OK || result == TFSM_WIRE_OPTION) {
        see_packet(h, now, &packet, wire->sent);
    } else if (tfsm_parse_icmp(wire->octets, wire->size, &message) == TFSM_WIRE_OK) {
        bool v4 = message.local.family == 4;
        const uint8_t *icmp = wire->octets + (v4 ? (wire->octets[0] & 15u) * 4u : 40u);
        uint32_t mtu = (uint32_t)icmp[6] << 8 | icmp[7];
        struct script_peer *peer =
            peer_of(h, &message.local, &message.remote, message.local_port, message.remote_port);
        script_icmp(h->s, now, peer, &message, icmp[0], icmp[1], mtu);
    } else if (wire->size > 0) {
        script_octets(h->s, now, wire->octets, wire->size);
    }
}

static void see_wire(struct host_script *h, tfsm_time now, const struct run_wire *wire)
{
    if (wire->icmp != NULL) {
        const struct tfsm_icmp_message *m = wire->icmp;
        script_icmp_meant(h->s, now,
                          peer_of(h, &m->local, &m->remote, m->local_port, m->remote_port), m);
    } else if (wire->packet != NULL) {
        see_packet(h, now, wire->packet, wire->sent);
    } else {
        see_octets(h, now, wire);
    }
}

/* Who opens by a segment is known; who by a call will be. */
static void see_event(struct host_script *h, const struct run_line *line)
{
    const unsigned unopened = 1u << TFSM_CLOSED | 1u << TFSM_LISTEN;
    bool opens = line->before != NULL && (unopened >> line->before->state & 1) != 0 &&
                 (unopened >> line->after->state & 1) == 0;
    if (opens && line->kind == RUN_ARRIVES && h->last != NULL) {
        script_opened(h->last, line->after->iss);
    } else if (opens) {
        h->fresh = line->after->iss;
    }
}

static void see(void *user, const struct run_line *line)
{
    struct host_script *h = user;
    if (line->kind == RUN_NOTE) {
        h->s->healing = h->s->healing || strstr(line->text, "the network heals") != NULL ||
                        strstr(line->text, "the program ends") != NULL;
        script_comment(h->s, "%s", line->text);
        return;
    }
    if ((line->end != h->end && h->end != ALL) || h->s->refused) {
        return;
    }
    switch (line->kind) {
    case RUN_HOST:
        see_call(h, line->now, line->host);
        break;
    case RUN_WIRE:
        see_wire(h, line->now, line->wire);
        break;
    case RUN_CALL:
    case RUN_ARRIVES:
    case RUN_TIMEOUT:
        see_event(h, line);
        break;
    case RUN_SENDS:
    case RUN_LOST:
    case RUN_NOTE:
        break;
    }
}

bool export_pair_script(const struct export_input *input, unsigned end, struct scripting *s)
{
    static struct host_script h;
    struct program program;
    struct program_config config;
    program_open(&program, input->octets, input->size, &config);
    struct tfsm_config cfg = config.cfg[end];
    cfg.rcv_buff =
        cfg.rcv_buff < 0x40000u ? cfg.rcv_buff : 0x40000u; /* as large as pair.c has them */
    cfg.snd_buff = cfg.snd_buff < 0x40000u ? cfg.snd_buff : 0x40000u;
    h = (struct host_script){.s = s,
                             .end = end,
                             .theirs = config.iss[1 - end],
                             .cfg = &cfg,
                             .ranges = config.ranges,
                             .fast_open = 2,
                             .more = "connections=4,listeners=2,backlog=2,resets=16,"
                                     "fast_open_peers=1,fast_open=2"};
    s->end = end;
    run_program(RUN_PAIR, input->octets, input->size, see, &h);
    return !s->refused;
}

/* ---- fuzz_endpoint ---- */

/* Policies of listeners are settings of the whole stack: they must be all the same. */
struct listeners {
    bool any;
    bool differ;
    struct tfsm_listener_policy policy;
};

static void see_listener(void *user, const struct run_line *line)
{
    struct listeners *all = user;
    if (line->kind != RUN_HOST || line->host->kind != RUN_HOST_LISTEN) {
        return;
    }
    const struct tfsm_listener_policy *policy = line->host->policy;
    all->differ = all->differ || (all->any && (all->policy.cookies != policy->cookies ||
                                               all->policy.overflow != policy->overflow));
    all->any = true;
    all->policy = *policy;
}

bool export_endpoint_script(const struct export_input *input, struct scripting *s)
{
    static const char *const cookies[] = {"never", "full", "always"};
    static struct host_script h;
    struct program program;
    struct program_config config;
    struct listeners all = {.any = false};
    char more[96] = "local_room=0";
    run_program(RUN_ENDPOINT, input->octets, input->size, see_listener, &all);
    program_open(&program, input->octets, input->size, &config);
    if (all.any) {
        snprintf(more, sizeof more, "local_room=0,cookies=%s,overflow=%s",
                 cookies[all.policy.cookies],
                 all.policy.overflow == TFSM_OVERFLOW_RESET ? "reset" : "drop");
    }
    h = (struct host_script){
        .s = s, .end = ALL, .theirs = config.iss[1], .more = more, .ranges = config.ranges};
    s->addressed = true;
    if (all.differ) {
        script_refuse(s, 0, "listeners of different policies, which the sockets of a stack share");
        return false;
    }
    run_program(RUN_ENDPOINT, input->octets, input->size, see, &h);
    return !s->refused;
}
