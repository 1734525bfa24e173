/* Carrying out listener programs: see listen.h. Here are the peers, the network, the clock and the
 * embedder, who finds the connection of a segment first and asks the listener next. */
#include "listen.h"
#include "record_layout.h"
#include "machine.h"
#include "whole.h"
#include "seq.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PERIOD UINT64_C(0x4000000) /* microseconds of a cookie's period */
#define SECOND UINT64_C(1000000)
/* Peers are heard until here: at the end of time itself all deadlines are one. */
#define LAST_HEARD (TFSM_NEVER - 4 * PERIOD)

static struct listen world;

/* ---- the peers ---- */

#define V4(a, b, c, d)                                                                             \
    {                                                                                              \
        4,                                                                                         \
        {                                                                                          \
            a, b, c, d                                                                             \
        }                                                                                          \
    }
#define V6(last)                                                                                   \
    {                                                                                              \
        6,                                                                                         \
        {                                                                                          \
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last                          \
        }                                                                                          \
    }

/* Neighbours in every respect: another port, another address at either end, another family with the
 * same octets. */
static const struct {
    struct tfsm_address local;
    struct tfsm_address remote;
    uint16_t port;
    uint8_t site;
} peers[LISTEN_PEERS] = {
    {V4(198, 51, 100, 1), V4(192, 0, 2, 1), 1000, 0},
    {V4(198, 51, 100, 1), V4(192, 0, 2, 1), 1001, 0},
    {V4(198, 51, 100, 2), V4(192, 0, 2, 1), 1000, 1},
    {V4(198, 51, 100, 1), V4(192, 0, 2, 2), 1000, 2},
    {V6(1), V6(2), 1000, 3},
    {V6(1), V6(2), 1001, 3},
    {V6(3), V6(2), 1000, 4},
    {{6, {198, 51, 100, 1}}, {6, {192, 0, 2, 1}}, 1000, 5},
};

struct tfsm_packet listen_packet(unsigned peer, const struct tfsm_segment *segment)
{
    return (struct tfsm_packet){.src = peers[peer].remote,
                                .dst = peers[peer].local,
                                .src_port = peers[peer].port,
                                .dst_port = LISTEN_PORT,
                                .segment = *segment};
}

static bool same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

unsigned listen_peer_of(const struct tfsm_packet *packet)
{
    unsigned i = 0;
    while (i < LISTEN_PEERS &&
           (!same_address(&packet->src, &peers[i].local) || packet->src_port != LISTEN_PORT ||
            !same_address(&packet->dst, &peers[i].remote) || packet->dst_port != peers[i].port)) {
        i++;
    }
    return i;
}

bool listen_leads_to(const struct tfsm_entry *entry, unsigned peer)
{
    return entry->family == peers[peer].remote.family && entry->remote_port == peers[peer].port &&
           memcmp(entry->remote, peers[peer].remote.octets, sizeof entry->remote) == 0 &&
           memcmp(entry->local, peers[peer].local.octets, sizeof entry->local) == 0;
}

unsigned listen_site_of(unsigned peer)
{
    return peers[peer].site;
}

/* ---- reading ---- */

static uint8_t take(struct listen *w)
{
    struct program *program = &w->program;
    return program->at < program->size ? program->octets[program->at++] : 0;
}

static uint16_t take16(struct listen *w)
{
    uint16_t low = take(w);
    return (uint16_t)(low | take(w) << 8);
}

static unsigned take_peer(struct listen *w, unsigned *how)
{
    uint8_t octet = take(w);
    *how = octet >> 3;
    return octet & 7u;
}

/* ---- telling ---- */

static void note(struct listen *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct listen *w, const char *format, ...)
{
    char text[160];
    va_list list;
    if (w->run.log != NULL) {
        va_start(list, format);
        vsnprintf(text, sizeof text, format, list);
        va_end(list);
        run_note(&w->run, text);
    }
}

static APART void say_host(struct listen *w, const struct run_host *host)
{
    run_host(&w->run, 0, host);
}

static void tell_host(struct listen *w, enum run_host_kind kind)
{
    if (w->run.log != NULL) {
        struct run_host host = {.kind = kind,
                                .clock = w->run.now,
                                .n = w->opening.entry_count,
                                .taken = w->opening.waiting_count,
                                .spent = w->opening.spent_count,
                                .labelled = w->opening.security != 0,
                                .policy = &w->opening.policy};
        say_host(w, &host);
    }
}

static void hit_all(struct listen *w, const struct tfsm_effects *fx)
{
    const struct tfsm_trace *trace = machine_trace(fx);
    for (unsigned i = 0; i < trace->count; i++) {
        run_hit(&w->run, trace->fired[i]);
    }
}

/* The TCB to show of a peer: of one that is not there, that of the listener. */
static struct tfsm_tcb shown(const struct listen *w, unsigned peer)
{
    if (w->flows[peer].stage != LISTEN_NOTHING) {
        return w->flows[peer].tcb;
    }
    return (struct tfsm_tcb){.state = TFSM_LISTEN, .security = w->opening.security};
}

/* A packet from a peer, or to it. */
static APART void say_wire(struct listen *w, unsigned peer, const struct tfsm_packet *from,
                           bool sent)
{
    struct tfsm_packet packet = *from;
    struct run_wire wire = {.sent = sent, .packet = &packet};
    packet.hops = 64;
    if (sent) {
        packet.src = from->dst;
        packet.dst = from->src;
        packet.src_port = from->dst_port;
        packet.dst_port = from->src_port;
    }
    run_wire(&w->run, peer, &wire);
}

static APART void say_sent(struct listen *w, unsigned peer, const struct tfsm_segment *segment)
{
    struct tfsm_packet packet = listen_packet(peer, segment);
    say_wire(w, peer, &packet, true);
    struct tfsm_tcb after = shown(w, peer);
    struct run_line line = {
        .kind = RUN_SENDS, .end = peer, .now = w->run.now, .segment = segment, .after = &after};
    run_tell(&w->run, &line);
}

static void tell_sent(struct listen *w, unsigned peer, const struct tfsm_segment *segment)
{
    run_hit(&w->run, segment->rule);
    if (w->run.log != NULL) {
        say_sent(w, peer, segment);
    }
}

static APART void say_event(struct listen *w, unsigned peer, const struct tfsm_event *ev,
                            enum tfsm_result result, const struct tfsm_effects *fx,
                            const struct tfsm_tcb *before)
{
    struct tfsm_tcb after = shown(w, peer);
    struct run_line line = {.kind = run_kind_of(ev),
                            .end = peer,
                            .now = w->run.now,
                            .ev = ev,
                            .result = result,
                            .fx = fx,
                            .trace = machine_trace(fx),
                            .before = before,
                            .after = &after};
    run_tell(&w->run, &line);
}

static void tell_event(struct listen *w, unsigned peer, const struct tfsm_event *ev,
                       enum tfsm_result result, const struct tfsm_effects *fx,
                       const struct tfsm_tcb *before)
{
    if (w->run.log != NULL) {
        say_event(w, peer, ev, result, fx, before);
    }
}

/* ---- output ---- */

/* What a connection sends. */
static void draw_flow(struct listen *w, unsigned peer)
{
    struct listen_flow *flow = &w->flows[peer];
    static struct tfsm_segment segment;
    for (unsigned i = 0; i < RUN_DRAIN_MAX && !run_broken(&w->run); i++) {
        if (!listen_flow_output(w, peer, &segment)) {
            if (flow->watched) {
                monitor_drained(&flow->monitor, &w->cfg, &flow->tcb, w->run.now);
                run_ask_monitor(&w->run, peer, &flow->monitor);
            }
            return;
        }
        tell_sent(w, peer, &segment);
    }
}

/* For what concerns a connection in TIME-WAIT while the next one is half open. */
static APART void swap_flows(struct listen *w, unsigned peer)
{
    static struct listen_flow next;
    next = w->flows[peer];
    w->flows[peer] = w->before[peer];
    w->before[peer] = next;
}

static void draw_before(struct listen *w, unsigned peer)
{
    swap_flows(w, peer);
    draw_flow(w, peer);
    swap_flows(w, peer);
}

static void settle_flows(struct listen *w);

static void draw(struct listen *w, unsigned most)
{
    static struct tfsm_packet packet;
    for (unsigned i = 0; i < most && !run_broken(&w->run); i++) {
        if (!tfsm_listener_output(&w->listener, &w->cfg, w->run.now, &packet)) {
            listen_account_drained(w);
            break;
        }
        unsigned peer = listen_account_output(w, &packet, w->listener.closing);
        tell_sent(w, peer, &packet.segment);
    }
    settle_flows(w);
    for (unsigned i = 0; i < LISTEN_PEERS; i++) {
        if (w->before[i].stage == LISTEN_OPEN && !run_broken(&w->run)) {
            draw_before(w, i);
        }
        if (w->flows[i].stage == LISTEN_OPEN && !run_broken(&w->run)) {
            draw_flow(w, i);
        }
    }
}

static void draw_unless_held(struct listen *w)
{
    if (w->hold == 0) {
        draw(w, UINT32_MAX);
    }
}

/* ---- connections ---- */

/* A Fast Open is over once its handshake is through, or it has ended before. */
static void tell_early_over(struct listen *w, unsigned peer, uint16_t signals, bool ended)
{
    struct listen_flow *flow = &w->flows[peer];
    if (flow->pending && (ended || (signals & (TFSM_SIG_CONNECTED | TFSM_SIG_ENDS)) != 0)) {
        bool reset = (signals & TFSM_SIG_RESET) != 0;
        flow->pending = false;
        tfsm_listener_early_over(&w->listener, reset, w->run.now);
        listen_account_early_over(w, reset);
    }
}

/* An event for a connection. Returns whether its segment is for the listener after all, and came in
 * TIME-WAIT: then the new ISN is to come after *iss_after. */
static bool feed_flow(struct listen *w, unsigned peer, struct tfsm_event *ev, uint32_t *iss_after)
{
    struct listen_flow *flow = &w->flows[peer];
    static struct tfsm_tcb before;
    static struct tfsm_effects fx;
    copy_bare_tcb(&before, &flow->tcb);
    ev->now = w->run.now;
    ev->listener = tfsm_listener_has_room(&w->listener);
    enum tfsm_result result = listen_flow_step(w, peer, &w->cfg, ev, NULL, &fx);
    bool ended = flow->tcb.state == TFSM_CLOSED || flow->tcb.state == TFSM_LISTEN;
    w->run.result.events++;
    hit_all(w, &fx);
    listen_account_delivered(w, peer, &fx);
    tell_early_over(w, peer, fx.signals, ended);
    tell_event(w, peer, ev, result, &fx, &before);
    if (ended) {
        draw_flow(w, peer); /* a RST that it owes */
        flow->stage = LISTEN_NOTHING;
    }
    *iss_after = fx.iss_after;
    return fx.verdict == TFSM_V_REOPEN;
}

/* The same for the connection in TIME-WAIT beside one that is half open, or open by now. */
static bool feed_before(struct listen *w, unsigned peer, struct tfsm_event *ev)
{
    uint32_t iss_after;
    swap_flows(w, peer);
    bool reopens = feed_flow(w, peer, ev, &iss_after);
    swap_flows(w, peer);
    return reopens;
}

/* The next incarnation of a connection in TIME-WAIT is through its handshake, or has come to
 * nothing. */
static APART void settle_flow(struct listen *w, unsigned peer)
{
    struct tfsm_event abort = {.kind = TFSM_EV_ABORT};
    if (w->flows[peer].stage == LISTEN_OPEN) {
        (void)feed_before(w, peer, &abort);
    } else {
        swap_flows(w, peer);
    }
    w->before[peer].stage = LISTEN_NOTHING;
}

static void settle_flows(struct listen *w)
{
    for (unsigned i = 0; i < LISTEN_PEERS && !run_broken(&w->run); i++) {
        if (w->before[i].stage == LISTEN_OPEN && w->flows[i].stage != LISTEN_HALF) {
            settle_flow(w, i);
        }
    }
}

static void call_flow(struct listen *w, unsigned peer, struct tfsm_event *ev)
{
    uint32_t iss_after;
    if (w->before[peer].stage == LISTEN_OPEN) {
        (void)feed_before(w, peer, ev);
        draw_unless_held(w);
    } else if (w->flows[peer].stage == LISTEN_OPEN) {
        (void)feed_flow(w, peer, ev, &iss_after);
        draw_unless_held(w);
    }
}

/* ---- segments ---- */

/* The answer is what an entry owes, as tfsm_listener_output() would have handed it out. */
static bool is_spoken_by_entry(const struct listen *w, const struct listen_arrival *a)
{
    return w->listener.policy.at_once && a->out.answers &&
           (a->out.answer.segment.flags & TFSM_RST) == 0 &&
           tfsm_listener_holds(&w->listener, a->packet);
}

static void to_listener(struct listen *w, struct listen_arrival *a)
{
    const struct tfsm_segment *segment = &a->packet->segment;
    struct listen_flow *flow = &w->flows[a->peer];
    struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT, .now = w->run.now, .segment = *segment};
    struct tfsm_seat seat = {&a->tcb, ++w->serial};
    bool may_bring_cookie = (segment->flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == TFSM_ACK;
    if (flow->stage == LISTEN_HALF && !flow->told && segment->ack == seq_add(flow->tcb.iss, 1)) {
        draw(w, UINT32_MAX); /* nobody acknowledges what was not sent */
    }
    listen_account_seat(a);
    if (may_bring_cookie || w->run.log != NULL) { /* else nobody asks whom it meets */
        (void)tfsm_listener_peek(&w->listener, &w->cfg, a->packet, w->run.now, &a->met);
    }
    tfsm_listener_segment(&w->listener, &w->cfg, a->packet, w->run.now, a->seated ? &seat : NULL,
                          a->iss_after, &a->out);
    w->run.result.events++;
    w->fed++;
    hit_all(w, &a->out.effects);
    a->spoken = is_spoken_by_entry(w, a);
    a->out.answers = a->out.answers && !a->spoken;
    listen_account_arrival(w, a);
    tell_event(w, a->peer, &ev, TFSM_DONE, &a->out.effects, &a->met);
    if (a->out.kind == TFSM_ARRIVAL_CONNECTION) {
        note(w, "connection %llu of peer %u", (unsigned long long)seat.id, a->peer);
    }
    if (a->spoken || a->out.answers) {
        tell_sent(w, a->peer, &a->out.answer.segment);
    }
    settle_flows(w);
    draw_unless_held(w);
}

/* A segment for a connection in TIME-WAIT, or for the next incarnation. Returns whether it is for
 * that. */
static bool is_for_next(struct listen *w, unsigned peer, const struct tfsm_packet *packet)
{
    struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT, .segment = packet->segment};
    bool to_next = tfsm_listener_claims(&w->listener, &w->cfg, packet, w->run.now,
                                        &w->before[peer].tcb, &w->cfg);
    listen_account_routed(w, peer, &packet->segment, to_next);
    if (!to_next && !run_broken(&w->run)) {
        to_next = feed_before(w, peer, &ev);
        draw_unless_held(w);
    }
    return to_next;
}

/* A segment arrives: its connection comes first, then the listener. */
static void arrives(struct listen *w, unsigned peer, const struct tfsm_packet *packet, bool seated,
                    const uint32_t *iss_after)
{
    static struct listen_arrival a; /* two TCBs in it, written where they are used */
    a.peer = peer;
    a.packet = packet;
    a.seated = seated;
    a.iss_after = iss_after;
    if (!seated || iss_after != NULL) {
        note(w, "%s%s", seated ? "" : "there is no room for its connection; ",
             iss_after != NULL ? "its ISN is to come after another" : "");
    }
    a.promised = false;
    uint32_t after_last = w->before[peer].tcb.snd_nxt;
    if (w->run.log != NULL) {
        say_wire(w, peer, packet, false);
    }
    if (w->before[peer].stage == LISTEN_OPEN) {
        if (!is_for_next(w, peer, packet)) {
            return;
        }
        a.iss_after = &after_last;
    } else if (w->flows[peer].stage == LISTEN_OPEN) {
        struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT, .segment = packet->segment};
        if (!feed_flow(w, peer, &ev, &after_last)) {
            draw_unless_held(w);
            return;
        }
        swap_flows(w, peer);
        w->flows[peer] = (struct listen_flow){0};
        a.seated = true;
        a.promised = true;
        a.iss_after = &after_last;
    }
    if (!run_broken(&w->run)) {
        to_listener(w, &a);
    }
}

static void segment_arrives(struct listen *w, unsigned peer, const struct tfsm_segment *segment,
                            bool seated)
{
    struct tfsm_packet packet = listen_packet(peer, segment);
    arrives(w, peer, &packet, seated, NULL);
}

/* ---- time ---- */

static void pass_time(struct listen *w, tfsm_time to)
{
    struct tfsm_event ev = {.kind = TFSM_EV_TIMEOUT};
    struct tfsm_effects fx;
    uint32_t iss_after;
    w->run.now = to > w->run.now && to != TFSM_NEVER ? to : w->run.now;
    ev.now = w->run.now;
    tell_host(w, RUN_HOST_TIME);
    while (!run_broken(&w->run) && tfsm_listener_timeout(&w->listener, &w->cfg, w->run.now, &fx)) {
        w->run.result.events++;
        w->fed++;
        hit_all(w, &fx);
        unsigned peer = listen_account_timeout(w, &fx);
        if (peer < LISTEN_PEERS) {
            tell_event(w, peer, &ev, TFSM_DONE, &fx, &w->flows[peer].tcb);
        }
    }
    settle_flows(w);
    for (unsigned i = 0; i < LISTEN_PEERS; i++) {
        if (w->before[i].stage == LISTEN_OPEN && !run_broken(&w->run) &&
            tfsm_deadline(&w->before[i].tcb) <= w->run.now) {
            (void)feed_before(w, i, &ev);
        }
        if (w->flows[i].stage == LISTEN_OPEN && !run_broken(&w->run) &&
            tfsm_deadline(&w->flows[i].tcb) <= w->run.now) {
            (void)feed_flow(w, i, &ev, &iss_after);
        }
    }
    run_progresses(&w->run, 0, tfsm_listener_deadline(&w->listener), ev.now);
    draw_unless_held(w);
}

static void pass_to(struct listen *w, tfsm_time to)
{
    pass_time(w, to < LAST_HEARD ? to : w->run.now);
}

static void pass_by(struct listen *w, tfsm_time delay)
{
    pass_to(w, delay < LAST_HEARD - w->run.now ? w->run.now + delay : w->run.now);
}

/* To the next deadline or beside it, by a count of several units, or to the edge of a period. */
static APART void time_record(struct listen *w, unsigned own)
{
    tfsm_time deadline = tfsm_listener_deadline(&w->listener);
    tfsm_time rest = PERIOD - w->run.now % PERIOD;
    switch (own & 7u) {
    case 0:
        pass_to(w, own != 0 && deadline != TFSM_NEVER ? deadline + 1 : deadline);
        break;
    case 1:
        pass_by(w, take(w) * UINT64_C(1000));
        break;
    case 2:
        pass_by(w, take(w) * SECOND);
        break;
    case 3:
        pass_by(w, take(w) * (PERIOD / 16));
        break;
    case 4:
        pass_by(w, rest); /* the first moment of a period */
        break;
    case 5:
        pass_by(w, rest - 1); /* the last one */
        break;
    case 6:
        pass_to(w, deadline - 1);
        break;
    default:
        pass_by(w, take16(w) * (SECOND / 4));
        break;
    }
}

/* ---- opening and closing ---- */

/* No two are alike. */
static void make_secret(struct listen *w, uint8_t secret[16])
{
    w->secrets++;
    for (unsigned i = 0; i < 16; i++) {
        secret[i] = (uint8_t)(i < 8 ? w->secrets >> (8 * i) & 0xffu : 0x5au ^ w->salt);
    }
}

static void choose_policy(struct listen *w, uint8_t octet, struct tfsm_listener_policy *policy)
{
    static const uint8_t cookies[4] = {TFSM_COOKIES_WHEN_FULL, TFSM_COOKIES_NEVER,
                                       TFSM_COOKIES_ALWAYS, TFSM_COOKIES_WHEN_FULL};
    static const uint8_t limits[4] = {0, 1, 2, 8};
    static const char *const names[] = {"never", "when full", "always"};
    policy->cookies = cookies[octet & 3];
    policy->overflow = octet & 4u ? TFSM_OVERFLOW_RESET : TFSM_OVERFLOW_DROP;
    policy->recycle = (octet & 8u) != 0;
    policy->fast_open = limits[octet >> 4 & 3];
#ifdef HARNESS_PROFILE
    if ((HARNESS_PROFILE & TFSM_BUILD_FAST_OPEN) == 0) {
        policy->fast_open = 0;
    }
#endif
    policy->at_once = (octet & 64u) != 0;
    note(w, "policy: cookies %s%s; accept queue full: %s; Fast Opens: %u%s", names[policy->cookies],
         policy->recycle ? ", recycles" : "",
         policy->overflow == TFSM_OVERFLOW_RESET ? "reset" : "drop", policy->fast_open,
         policy->at_once ? "; entries answer at once" : "");
}

static void open_listener(struct listen *w)
{
    struct tfsm_listening *opening = &w->opening;
    memset(w->entries, LISTEN_GUARD, sizeof w->entries);
    memset(w->waiting, LISTEN_GUARD, sizeof w->waiting);
    memset(w->spent, LISTEN_GUARD, sizeof w->spent);
    memset(&w->entries[1], 0, opening->entry_count * sizeof w->entries[0]);
    memset(&w->spent[1], 0, opening->spent_count * sizeof w->spent[0]);
    opening->entries = &w->entries[1];
    opening->waiting = &w->waiting[1];
    opening->spent = &w->spent[1];
    opening->work = &w->work;
    make_secret(w, opening->secret);
    make_secret(w, opening->fast_open_secret);
    bool opened = tfsm_listener_open(&w->listener, opening);
    if (!opened) { /* no entries and no cookies */
        opening->policy.cookies = TFSM_COOKIES_WHEN_FULL;
        listen_account_refused(w);
        opened = tfsm_listener_open(&w->listener, opening);
    }
    listen_account_opened(w, opened);
    tell_host(w, RUN_HOST_LISTEN);
}

static void tell_accepted(struct listen *w, uint64_t id);

/* The embedder gives up what nobody has accepted. */
static void abort_waiting(struct listen *w)
{
    uint64_t id = 0;
    bool accepted;
    do {
        accepted = tfsm_listener_accept(&w->listener, &id);
        listen_account_accepted(w, accepted, id);
        if (accepted) {
            tell_accepted(w, id);
        }
        for (unsigned i = 0; accepted && i < LISTEN_PEERS; i++) {
            struct tfsm_event abort = {.kind = TFSM_EV_ABORT};
            if (w->flows[i].stage == LISTEN_OPEN && w->flows[i].id == id) {
                call_flow(w, i, &abort);
            }
        }
    } while (accepted && !run_broken(&w->run));
}

static void close_listener(struct listen *w)
{
    note(w, "the listener closes");
    tell_host(w, RUN_HOST_CLOSE);
    w->hold = 0;
    tfsm_listener_close(&w->listener);
    listen_account_check(w);
    abort_waiting(w);
    draw(w, UINT32_MAX);
    if (!run_broken(&w->run)) {
        listen_account_over(w);
        listen_account_check(w);
    }
}

static APART void close_record(struct listen *w)
{
    uint8_t policy = take(w);
    close_listener(w);
    if (!run_broken(&w->run)) {
        choose_policy(w, policy, &w->opening.policy);
        open_listener(w);
    }
}

/* ---- what the peers send ---- */

static const uint16_t mss_values[8] = {1460, 536, 1, 1220, 8960, 65535, 0, 100};

/* Lengths in one octet: exact when small, coarse when large. */
static uint32_t short_length(uint8_t octet)
{
    return octet < 128 ? octet : (octet - 127u) * 256u;
}

/* A Fast Open cookie: one that this address was given, an old one, an altered one, those of
 * others. */
static void add_fast_open(struct listen *w, unsigned peer, unsigned choice,
                          struct tfsm_packet *packet)
{
    unsigned skip = choice == 3;
    unsigned further = choice > 5 ? choice - 5 : 0;
    unsigned site = (peers[peer].site + further) % LISTEN_SITES;
    if (choice == 0) {
        return;
    }
    packet->segment.options |= TFSM_OPT_FAST_OPEN;
    packet->segment.cookie_len = choice == 1 ? 0 : choice == 5 ? 4 : LISTEN_FAST_COOKIE;
    for (unsigned i = w->fast_count; i-- > 0 && choice > 1;) {
        if (w->fast[i].site == site && skip-- == 0) {
            memcpy(packet->cookie, w->fast[i].octets, sizeof packet->cookie);
            break;
        }
    }
    packet->cookie[3] ^= choice == 4 ? 0x10 : 0;
}

/* Options of a SYN beyond the usual ones. */
static void add_more(struct listen *w, unsigned peer, struct tfsm_packet *packet)
{
    struct tfsm_segment *syn = &packet->segment;
    uint8_t options = take(w);
    uint8_t more = take(w);
    syn->mss = mss_values[options & 7];
    syn->flags |= options & 8u ? TFSM_ECE | TFSM_CWR : 0;
    syn->options |= options & 0x10u ? TFSM_OPT_USER_TIMEOUT : 0;
    syn->user_timeout = 7;
    syn->security ^= options & 0x20u ? 1 : 0;
    syn->flags |= options & 0x40u ? TFSM_FIN : 0;
    syn->len += options & 0x40u ? 1 : 0;
    syn->flags |= options & 0x80u ? TFSM_URG | TFSM_PSH : 0;
    syn->up = 1;
    syn->wscale = more & 15;
    syn->wnd = more & 0x80u ? 0 : syn->wnd;
    add_fast_open(w, peer, more >> 4 & 7, packet);
}

#define SYN_MORE    1u /* own bits of SYN and AGAIN: two octets of options follow */
#define SYN_TEXT    2u /* a length follows */
#define SYN_NO_SEAT 4u
#define SYN_AFTER   8u /* the ISN is to come after one that follows */

static void send_syn(struct listen *w, unsigned peer, unsigned own)
{
    static const uint32_t after[4] = {0, 1000, 0x7fffffffu, 0x80000000u};
    uint32_t iss_after = 0;
    if (own & SYN_AFTER) {
        uint8_t octet = take(w);
        iss_after = seq_add(w->known[peer].answer.seq, after[octet & 3] + (octet >> 2));
    }
    arrives(w, peer, &w->syn[peer], (own & SYN_NO_SEAT) == 0, own & SYN_AFTER ? &iss_after : NULL);
}

static APART void syn_record(struct listen *w, unsigned own)
{
    unsigned how;
    unsigned peer = take_peer(w, &how);
    w->irs[peer] = how & 1u ? seq_add(w->irs[peer], 70001) : w->irs[peer];
    struct tfsm_segment syn = {.seq = w->irs[peer],
                               .len = 1,
                               .flags = TFSM_SYN,
                               .wnd = 29200,
                               .security = w->opening.security,
                               .mss = mss_values[peer],
                               .wscale = (uint8_t)(2 * peer),
                               .ts_val = (uint32_t)(w->run.now / 1000 & UINT32_MAX) ^ peer};
    syn.options =
        (uint8_t)((how & 2u ? TFSM_OPT_TIMESTAMPS : 0) | (how & 4u ? TFSM_OPT_WSCALE : 0) |
                  (how & 8u ? TFSM_OPT_SACK_PERMITTED : 0) | (how & 16u ? 0 : TFSM_OPT_MSS));
    w->syn[peer] = listen_packet(peer, &syn);
    if (own & SYN_MORE) {
        add_more(w, peer, &w->syn[peer]);
    }
    if (own & SYN_TEXT) {
        w->syn[peer].segment.len += short_length(take(w));
    }
    send_syn(w, peer, own);
}

static APART void again_record(struct listen *w, unsigned own)
{
    unsigned how;
    unsigned peer = take_peer(w, &how);
    struct tfsm_packet *packet = &w->syn[peer];
    if ((packet->segment.flags & TFSM_SYN) == 0) {
        return; /* there was none */
    }
    packet->segment.mss = how & 1u ? mss_values[how >> 2] : packet->segment.mss;
    packet->segment.options ^= how & 2u ? TFSM_OPT_TIMESTAMPS : 0;
    packet->segment.ts_val = seq_add(packet->segment.ts_val, 1);
    if (own & SYN_MORE) {
        packet->segment.options &= (uint8_t) ~(unsigned)TFSM_OPT_FAST_OPEN;
        add_fast_open(w, peer, take(w) & 7u, packet);
    }
    if (own & SYN_TEXT) {
        packet->segment.len += short_length(take(w) & 15u);
    }
    send_syn(w, peer, own);
}

/* The segment that a SYN-ACK asks for. */
static struct tfsm_segment third_for(const struct listen_sent *sent)
{
    bool stamped = (sent->syn.options & sent->answer.options & TFSM_OPT_TIMESTAMPS) != 0;
    return (struct tfsm_segment){.seq = seq_add(sent->syn.seq, 1),
                                 .ack = seq_add(sent->answer.seq, 1),
                                 .flags = TFSM_ACK,
                                 .wnd = 512,
                                 .security = sent->syn.security,
                                 .options = stamped ? TFSM_OPT_TIMESTAMPS : 0,
                                 .ts_val = seq_add(sent->syn.ts_val, 1),
                                 .ts_ecr = sent->answer.ts_val};
}

static void alter_third(struct listen *w, struct tfsm_segment *third)
{
    uint8_t octet = take(w);
    third->flags |= (uint8_t)((octet & 1u ? TFSM_FIN : 0) | (octet & 2u ? TFSM_URG : 0) |
                              (octet & 4u ? TFSM_PSH | TFSM_ECE | TFSM_CWR : 0));
    third->len += octet & 1u ? 1 : 0;
    third->up = 1;
    third->options ^= octet & 8u ? TFSM_OPT_TIMESTAMPS : 0;
    third->ts_val = octet & 0x10u ? seq_sub(third->ts_val, 2) : third->ts_val;
    third->ts_ecr = octet & 0x20u ? third->ts_ecr ^ 0x2bu : third->ts_ecr;
    third->security ^= octet & 0x40u ? 1 : 0;
    third->wnd = octet & 0x80u ? 0 : third->wnd;
}

#define THIRD_ALTERED 1u /* own bits of THIRD and COOKIE: an octet of alterations follows */
#define THIRD_TEXT    2u /* a length follows */
#define THIRD_NO_SEAT 4u
#define THIRD_OTHER   8u /* COOKIE: from another peer than it was sent to */

static void send_third(struct listen *w, unsigned peer, struct tfsm_segment *third, unsigned own)
{
    if (own & THIRD_ALTERED) {
        alter_third(w, third);
    }
    if (own & THIRD_TEXT) {
        third->len += short_length(take(w));
    }
    segment_arrives(w, peer, third, (own & THIRD_NO_SEAT) == 0);
}

/* Numbers nearly right, or any. */
static uint32_t shift_number(struct listen *w, unsigned how, uint32_t number)
{
    static const int16_t near[8] = {0, 0, 1, -1, 9, -8, 0, 0};
    int32_t shift = (how & 7u) == 7 ? (int16_t)take16(w) : near[how & 7u];
    return (how & 7u) == 6 ? seq_add(number, TFSM_SEQ_HALF) : seq_add(number, (uint32_t)shift);
}

static APART void third_record(struct listen *w, unsigned own)
{
    static const uint8_t seqs[4] = {0, 2, 3, 7};
    unsigned how;
    unsigned peer = take_peer(w, &how);
    struct tfsm_segment third = third_for(&w->known[peer]);
    third.ack = shift_number(w, how, third.ack);
    third.seq = shift_number(w, seqs[how >> 3], third.seq);
    send_third(w, peer, &third, own);
}

static APART void cookie_record(struct listen *w, unsigned own)
{
    unsigned how;
    unsigned back = take(w);
    unsigned peer = take_peer(w, &how);
    if (w->sent_count == 0) {
        return;
    }
    const struct listen_sent *sent = &w->sent[w->sent_count - 1 - back % w->sent_count];
    struct tfsm_segment third = third_for(sent);
    third.ack = shift_number(w, how, third.ack);
    third.seq = seq_add(third.seq, how >> 3);
    send_third(w, own & THIRD_OTHER ? peer : sent->peer, &third, own);
}

/* Where the window of a peer's other end is. */
static uint32_t window_of(const struct listen *w, unsigned peer, uint32_t *size)
{
    const struct listen_flow *flow = &w->flows[peer];
    *size = flow->stage != LISTEN_NOTHING ? flow->tcb.rcv_wnd : 1000;
    return flow->stage != LISTEN_NOTHING ? flow->tcb.rcv_nxt : seq_add(w->syn[peer].segment.seq, 1);
}

static APART void window_record(struct listen *w, bool reset)
{
    static const uint8_t flags[2][4] = {
        {TFSM_SYN, TFSM_SYN | TFSM_ACK, TFSM_SYN, TFSM_SYN | TFSM_ACK},
        {TFSM_RST, TFSM_RST | TFSM_ACK, TFSM_RST, TFSM_RST | TFSM_SYN}};
    unsigned how;
    unsigned peer = take_peer(w, &how);
    uint32_t size;
    uint32_t nxt = window_of(w, peer, &size);
    struct tfsm_segment segment = third_for(&w->known[peer]);
    const uint32_t at[8] = {0, 1, size / 2, UINT32_MAX, size - 1u % (size + 1u), size, 0, 2};
    segment.flags = flags[reset][how >> 3];
    segment.len = (segment.flags & TFSM_SYN) != 0 ? 1 : 0;
    segment.seq = (how & 7u) == 6 ? w->syn[peer].segment.seq : seq_add(nxt, at[how & 7u]);
    segment_arrives(w, peer, &segment, true);
}

/* A record of the other programs: relative to what is there. */
static APART void program_record(struct listen *w, unsigned own)
{
    unsigned how;
    unsigned peer = take_peer(w, &how);
    struct tfsm_tcb tcb = shown(w, peer);
    struct record record;
    if (!program_next(&w->program, &record)) {
        return;
    }
    if (record.kind == RECORD_SEGMENT) {
        struct tfsm_segment segment = record_segment(&record, &tcb, w->run.now);
        segment_arrives(w, peer, &segment, (own & 1u) == 0);
    } else if (record.kind == RECORD_CALL && record.call != TFSM_EV_OPEN) {
        struct tfsm_event ev = record_event(&record, &tcb);
        call_flow(w, peer, &ev);
    }
}

static APART void icmp_record(struct listen *w)
{
    unsigned how;
    unsigned peer = take_peer(w, &how);
    uint32_t iss =
        w->flows[peer].stage != LISTEN_NOTHING ? w->flows[peer].tcb.iss : w->known[peer].answer.seq;
    struct tfsm_icmp_message message = {.meaning = (enum tfsm_icmp)(how & 3u),
                                        .local = peers[peer].local,
                                        .remote = peers[peer].remote,
                                        .local_port = LISTEN_PORT,
                                        .remote_port = peers[peer].port,
                                        .mss = (how & 3u) == TFSM_ICMP_TOO_BIG ? take16(w) : 0};
    message.seq = shift_number(w, how >> 2, iss);
    if (w->run.log != NULL) {
        struct run_wire wire = {.icmp = &message};
        run_wire(&w->run, peer, &wire);
    }
    struct tfsm_event ev = {.kind = TFSM_EV_ICMP,
                            .now = w->run.now,
                            .icmp = message.meaning,
                            .mss = message.mss,
                            .segment = {.seq = message.seq}};
    if (w->flows[peer].stage == LISTEN_OPEN) {
        call_flow(w, peer, &ev);
        return;
    }
    struct tfsm_tcb before = shown(w, peer);
    struct tfsm_effects fx;
    bool taken = tfsm_listener_icmp(&w->listener, &w->cfg, &message, w->run.now, &fx);
    listen_account_icmp(w, peer, &message, taken, &fx);
    w->run.result.events++;
    if (taken) {
        hit_all(w, &fx);
        tell_event(w, peer, &ev, TFSM_DONE, &fx, &before);
    }
    settle_flows(w);
    draw_unless_held(w);
}

/* ---- connections, as their users and peers have it ---- */

/* The peer of a connection says what fits exactly; in TIME-WAIT its FIN comes again, be the next
 * incarnation half open or not. */
static void peer_speaks(struct listen *w, unsigned peer, uint8_t flags, uint32_t text)
{
    bool waits = w->before[peer].stage == LISTEN_OPEN;
    const struct tfsm_tcb *tcb = waits ? &w->before[peer].tcb : &w->flows[peer].tcb;
    bool stamped = (tcb->flags & TFSM_M_TIMESTAMPS) != 0;
    struct tfsm_segment segment = {.seq = tcb->rcv_nxt,
                                   .ack = tcb->snd_nxt,
                                   .len = text + ((flags & TFSM_FIN) != 0 ? 1 : 0),
                                   .flags = flags,
                                   .wnd = 512,
                                   .security = tcb->security,
                                   .options = stamped ? TFSM_OPT_TIMESTAMPS : 0,
                                   .ts_val = seq_add(tcb->ts_recent, 1),
                                   .ts_ecr = timestamp_now(tcb, w->run.now)};
    if (tcb->state == TFSM_TIME_WAIT && (flags & TFSM_FIN) != 0) {
        segment.seq = seq_sub(segment.seq, segment.len);
    }
    if (waits || w->flows[peer].stage == LISTEN_OPEN) {
        segment_arrives(w, peer, &segment, true);
    }
}

static void user_calls(struct listen *w, unsigned peer, enum tfsm_event_kind kind, uint32_t len)
{
    struct tfsm_event ev = {.kind = kind, .len = len};
    call_flow(w, peer, &ev);
}

static APART void flow_record(struct listen *w, unsigned own)
{
    unsigned how;
    unsigned peer = take_peer(w, &how);
    switch (own & 7u) {
    case 0:
        user_calls(w, peer, TFSM_EV_CLOSE, 0);
        break;
    case 1:
        user_calls(w, peer, TFSM_EV_ABORT, 0);
        break;
    case 2:
        user_calls(w, peer, TFSM_EV_SEND, short_length((uint8_t)(how << 3)));
        break;
    case 3:
        user_calls(w, peer, TFSM_EV_RECEIVE, UINT16_MAX);
        break;
    case 4:
        peer_speaks(w, peer, TFSM_ACK, how);
        break;
    case 5:
        peer_speaks(w, peer, TFSM_ACK | TFSM_FIN, how);
        break;
    case 6:
        peer_speaks(w, peer, TFSM_RST, 0);
        break;
    default: /* to TIME-WAIT at once */
        user_calls(w, peer, TFSM_EV_CLOSE, 0);
        draw(w, UINT32_MAX);
        peer_speaks(w, peer, TFSM_ACK | TFSM_FIN, 0);
        break;
    }
}

/* Whose connection it is: LISTEN_PEERS where it is gone by now. */
static void tell_accepted(struct listen *w, uint64_t id)
{
    struct run_host host = {.kind = RUN_HOST_ACCEPT};
    while (host.n < LISTEN_PEERS &&
           (w->flows[host.n].stage != LISTEN_OPEN || w->flows[host.n].id != id) &&
           (w->before[host.n].stage != LISTEN_OPEN || w->before[host.n].id != id)) {
        host.n++;
    }
    say_host(w, &host);
}

static APART void accept_record(struct listen *w)
{
    uint64_t id = 0;
    bool accepted = tfsm_listener_accept(&w->listener, &id);
    listen_account_accepted(w, accepted, id);
    if (accepted) {
        note(w, "connection %llu is accepted", (unsigned long long)id);
        tell_accepted(w, id);
    }
}

static APART void rotate_record(struct listen *w, unsigned own)
{
    uint8_t secret[16];
    make_secret(w, secret);
    if (own & 1u) {
        note(w, "another secret for Fast Open cookies");
        tfsm_listener_rotate_fast_open(&w->listener, secret);
        w->fast_generation++;
    } else {
        note(w, "another secret for SYN cookies");
        tfsm_listener_rotate(&w->listener, secret, w->run.now);
    }
}

/* ---- the program ---- */

static void read_record(struct listen *w)
{
    uint8_t op = take(w);
    unsigned own = op >> 4;
    switch ((enum listen_kind)(op & 15u)) {
    case LISTEN_SYN:
        syn_record(w, own);
        break;
    case LISTEN_AGAIN:
        again_record(w, own);
        break;
    case LISTEN_THIRD:
        third_record(w, own);
        break;
    case LISTEN_RST:
        window_record(w, true);
        break;
    case LISTEN_SYN_IN:
        window_record(w, false);
        break;
    case LISTEN_COOKIE:
        cookie_record(w, own);
        break;
    case LISTEN_PROGRAM:
        program_record(w, own);
        break;
    case LISTEN_ICMP:
        icmp_record(w);
        break;
    case LISTEN_TIME:
        time_record(w, own);
        break;
    case LISTEN_HOLD:
        w->hold = own + 2;
        break;
    case LISTEN_ACCEPT:
        accept_record(w);
        break;
    case LISTEN_FLOW:
        flow_record(w, own);
        break;
    case LISTEN_POLICY:
        choose_policy(w, take(w), &w->listener.policy);
        break;
    case LISTEN_ROTATE:
        rotate_record(w, own);
        break;
    case LISTEN_CLOSE:
        close_record(w);
        break;
    case LISTEN_DRAW:
        draw(w, own + 1);
        break;
    }
}

/* Nothing is read beyond the end of a record, and what is of no use in it is passed over. */
static void do_record(struct listen *w)
{
    struct program *program = &w->program;
    size_t size = program->size;
    program->size = layout_next(LAYOUT_LISTENER, program->octets, size, program->at);
    read_record(w);
    program->at = program->size;
    program->size = size;
}

static tfsm_time choose_start(uint8_t octet, tfsm_time start)
{
    const tfsm_time starts[8] = {start,
                                 start - start % PERIOD + PERIOD,
                                 start - start % PERIOD + PERIOD - SECOND,
                                 TFSM_NEVER / 2,
                                 TFSM_NEVER / 2 - PERIOD,
                                 TFSM_NEVER - 8 * PERIOD,
                                 PERIOD * 64 - SECOND, /* 2^32 us is the end of a period, too */
                                 PERIOD - 1};
    return starts[octet & 7];
}

static void begin(struct listen *w, const uint8_t *octets, size_t size)
{
    static const uint8_t retries[8] = {5, 0, 1, 2, 3, 4, 6, 7};
    struct program_config config;
    program_open(&w->program, octets, size, &config);
    uint8_t policy = take(w);
    uint8_t sizes = take(w);
    uint8_t patience = take(w);
    uint8_t start = take(w);
    uint8_t key = take(w);
    w->cfg = config.cfg[0];
    w->run.now = choose_start(start, config.start);
    w->ends_closed = (policy & 0x40u) != 0;
    w->opening.port = LISTEN_PORT;
    w->opening.entry_count = sizes % (LISTEN_ENTRIES + 1u);
    w->opening.waiting_count = sizes / (LISTEN_ENTRIES + 1u) % LISTEN_WAITING + 1;
    w->opening.spent_count = sizes / ((LISTEN_ENTRIES + 1u) * LISTEN_WAITING) % (LISTEN_SPENT + 1u);
    w->opening.security = policy >> 7;
    w->opening.policy.syn_ack_retries = patience == UINT8_MAX ? patience : retries[patience & 7];
    memset(w->opening.isn_key, key ^ w->salt, sizeof w->opening.isn_key);
    choose_policy(w, policy, &w->opening.policy);
    for (unsigned i = 0; i < LISTEN_PEERS; i++) {
        w->irs[i] = seq_add(config.iss[1], i * 0x01000000u);
    }
    tell_host(w, RUN_HOST_BEGINS);
    open_listener(w);
}

/* The program is over: the listener closes, or nobody speaks any more. */
static void end(struct listen *w)
{
    w->hold = 0;
    draw(w, UINT32_MAX);
    w->rounds = 0;
    if (w->ends_closed && !run_broken(&w->run)) {
        close_listener(w);
        return;
    }
    note(w, "the program ends; from here there is only time");
    while (tfsm_listener_deadline(&w->listener) != TFSM_NEVER && !run_broken(&w->run)) {
        pass_time(w, tfsm_listener_deadline(&w->listener));
    }
    if (!run_broken(&w->run)) {
        listen_account_over(w);
        listen_account_check(w);
    }
}

static struct run_result run_once(const uint8_t *octets, size_t size, uint8_t salt, run_log *log,
                                  void *user)
{
    struct listen *w = &world;
    memset(w, 0, offsetof(struct listen, sent));
    w->run.log = log;
    w->run.user = user;
    w->salt = salt;
    coverage_begin();
    begin(w, octets, size);
    for (unsigned i = 0; i < PROGRAM_EVENTS && !run_broken(&w->run); i++) {
        if (w->program.at >= w->program.size) {
            break;
        }
        w->rounds = 0;
        do_record(w);
        if (!run_broken(&w->run)) {
            listen_account_check(w);
        }
        if (w->hold > 0 && --w->hold == 0 && !run_broken(&w->run)) {
            draw(w, UINT32_MAX);
        }
    }
    if (!run_broken(&w->run)) {
        end(w);
    }
    return w->run.result;
}

struct run_result run_listener(const uint8_t *octets, size_t size, run_log *log, void *user)
{
    struct run_result result = run_once(octets, size, 0, log, user);
    if (result.violation.id != NULL && strcmp(result.violation.id, "ESTABLISHED_BY_THIRD") == 0) {
        /* Whoever knows one of our ISNs guesses a cookie for the same addresses in 2^20 tries, and
         * a fuzzer makes as many: what holds for one secret must for another. */
        struct run_result other = run_once(octets, size, 0xa5, NULL, NULL);
        result.violation = other.violation.id != NULL ? result.violation : other.violation;
    }
    return result;
}
