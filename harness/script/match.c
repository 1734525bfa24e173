/* Packets of a script against packets of the stack: numbers from one side's view to the other's,
 * and what is the same. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "run_internal.h"
#include "seq.h"

#define PEER_PORT      50001 /* where the peer opens from when the script does not say */
#define DEFAULT_WINDOW 65535
#define FORGOTTEN      INT64_C(60000000) /* microseconds: a SYN queue keeps nothing for longer */

static bool same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

/* ---- cookies by name ---- */

static struct cookie *find_cookie(struct runner *runner, const char *name)
{
    for (unsigned i = 0; i < runner->cookie_count; i++) {
        if (strcmp(runner->cookies[i].name, name) == 0) {
            return &runner->cookies[i];
        }
    }
    return NULL;
}

static bool learn_cookie(struct runner *runner, const char *name,
                         const struct script_option *option)
{
    if (runner->cookie_count == COOKIES_MOST) {
        return run_bad(runner, runner->event->line, "more than %d cookies", COOKIES_MOST);
    }
    struct cookie *cookie = &runner->cookies[runner->cookie_count++];
    cookie->name = name;
    cookie->length = option->length;
    memcpy(cookie->octets, option->octets, sizeof cookie->octets);
    return true;
}

/* ---- what arrives ---- */

/* The connection that a packet of the peer belongs to. */
static struct peer *peer_of_arrival(struct runner *runner, const struct tfsm_address *addresses,
                                    bool has_ports, uint16_t source, uint16_t destination)
{
    if (runner->addressed) {
        const struct tfsm_address *from = addresses != NULL ? &addresses[0] : run_remote(runner);
        const struct tfsm_address *to = addresses != NULL ? &addresses[1] : run_local(runner);
        return run_peer_at(runner, to, from, has_ports ? destination : runner->bind_port,
                           has_ports ? source : PEER_PORT);
    }
    if (has_ports) {
        struct peer *peer = run_peer(runner, destination, source);
        runner->current = runner->current == NULL ? peer : runner->current;
        return peer;
    }
    if (runner->current == NULL) {
        runner->current = run_peer(runner, runner->bind_port, PEER_PORT);
    }
    return runner->current;
}

/* A segment, or a call, may have opened a connection. Whose it is the segment says. */
void run_note_opened(struct runner *runner, struct peer *peer)
{
    uint32_t isn = 0;
    uint32_t opened =
        runner->run->opened != NULL ? runner->run->opened(runner->run->user, &isn) : 0;
    if (opened == runner->opened) {
        return;
    }
    runner->opened = opened;
    if (peer != NULL) {
        peer->opens = true;
        peer->opens_with = isn;
    } else {
        runner->fresh = true;
        runner->fresh_isn = isn;
    }
}

/* Something comes for a connection whose SYN was not seen. */
static void learn_opened(struct runner *runner, struct peer *peer)
{
    if (runner->fresh && (!runner->addressed || !peer->local_known)) {
        peer->opens = true;
        peer->opens_with = runner->fresh_isn;
        runner->fresh = false;
    }
    if (peer->opens) {
        peer->opens = false;
        peer->local_known = true;
        peer->over = false;
        peer->local = peer->opens_with;
        peer->local_isn = 0;
    }
}

/* The options with numbers of the wire. */
static bool translate_options(struct runner *runner, const struct peer *peer, bool ack,
                              const struct script_option *from,
                              struct script_option to[PACKET_OPTIONS])
{
    for (unsigned i = 0; from != NULL; i++, from = from->next) {
        if (i == PACKET_OPTIONS - 1) {
            return run_bad(runner, runner->event->line, "more than 40 octets of options");
        }
        to[i] = *from;
        to[i].next = from->next != NULL ? &to[i + 1] : NULL;
        for (unsigned j = 0; j < from->sacks; j++) {
            to[i].sack[j][0] = seq_add(from->sack[j][0], peer->local);
            to[i].sack[j][1] = seq_add(from->sack[j][1], peer->local);
        }
        if (from->kind == SCRIPT_TIMESTAMPS && ack && peer->stamp_known) {
            to[i].echo = seq_add(from->echo, peer->stamp);
        }
        const struct cookie *cookie = from->text != NULL ? find_cookie(runner, from->text) : NULL;
        if (from->text != NULL && cookie == NULL) {
            return run_bad(runner, runner->event->line, "no cookie '%.40s' was seen yet",
                           from->text);
        }
        if (cookie != NULL) {
            to[i].length = cookie->length;
            memcpy(to[i].octets, cookie->octets, sizeof cookie->octets);
        }
    }
    return true;
}

static uint8_t traffic_class(const struct script_segment *segment)
{
    static const uint8_t ecn[] = {
        [SCRIPT_ECN_UNSAID] = 0, [SCRIPT_ECN_NONE] = 0, [SCRIPT_ECN_ECT1] = 1,
        [SCRIPT_ECN_ECT0] = 2,   [SCRIPT_ECN_CE] = 3,   [SCRIPT_ECN_ECT01] = 2};
    return segment->has_tos ? segment->tos : ecn[segment->ecn];
}

/* The octets of a segment: those of the peer's stream that stand there. */
static void fill_text(struct runner *runner, struct peer *peer, uint32_t seq, bool syn, uint32_t n)
{
    uint32_t isn = syn ? seq : peer->remote_isn;
    uint64_t first = seq_distance(isn, seq_add(seq, syn ? 1 : 0)) - UINT64_C(1);
    for (uint32_t i = 0; i < n; i++) {
        runner->text[i] = run_octet(false, first + i);
    }
}

/* What a segment of the peer means for its numbers, and for ours: after a RST, a FIN, another SYN
 * or a long silence they may begin anew. */
static void note_arrival(struct runner *runner, struct peer *peer,
                         const struct script_segment *segment)
{
    bool opens = (segment->flags & (TFSM_SYN | TFSM_ACK)) == TFSM_SYN;
    bool another = opens && (segment->seq != peer->last_syn ||
                             run_now(runner) - peer->syn_sent_at > FORGOTTEN);
    peer->over = peer->over || another || (segment->flags & (TFSM_RST | TFSM_FIN)) != 0;
    if (peer->reopens && (segment->flags & TFSM_RST) != 0) {
        /* Nothing came of it, and what was in TIME-WAIT has its numbers still. */
        peer->local = peer->local_before;
        peer->local_isn = peer->local_isn_before;
        peer->remote_isn = peer->remote_isn_before;
        peer->stamp_known = false;
        peer->reopens = false;
    } else if (segment->has_ack && segment->ack == seq_add(peer->local_isn, 1)) {
        peer->reopens = false;
    }
    if ((segment->flags & TFSM_SYN) != 0) {
        peer->last_syn = segment->seq;
        peer->remote_isn = peer->remote_known ? peer->remote_isn : segment->seq;
    }
}

static const struct tfsm_address *address_of(const struct runner *runner, const struct peer *peer)
{
    return peer->address.family != 0 ? &peer->address : run_local(runner);
}

static const struct tfsm_address *remote_of(const struct runner *runner, const struct peer *peer)
{
    return peer->remote_address.family != 0 ? &peer->remote_address : run_remote(runner);
}

/* Both ends may be the stack's: then the numbers of the one are those that the other counts from. */
static const struct peer *mirror_of(const struct runner *runner, const struct peer *peer)
{
    for (unsigned i = 0; i < runner->peer_count && runner->addressed; i++) {
        const struct peer *other = &runner->peers[i];
        if (other->local_port == peer->remote_port && other->remote_port == peer->local_port &&
            same_address(&other->address, &peer->remote_address) &&
            same_address(&other->remote_address, &peer->address)) {
            return other->local_known ? other : NULL;
        }
    }
    return NULL;
}

bool run_arrives(struct runner *runner, const struct script_segment *segment)
{
    struct script_option options[PACKET_OPTIONS];
    struct peer *peer = peer_of_arrival(runner, segment->has_addresses ? segment->addresses : NULL,
                                        segment->has_ports, segment->source, segment->destination);
    bool ack = (segment->flags & TFSM_ACK) != 0; /* else the echo means nothing (RFC7323:3.2) */
    if (peer != NULL) {
        learn_opened(runner, peer);
    }
    if (peer == NULL || !translate_options(runner, peer, ack, segment->options, options)) {
        return false;
    }
    bool syn = (segment->flags & TFSM_SYN) != 0;
    const struct peer *mirror = mirror_of(runner, peer);
    if (mirror != NULL) {
        peer->remote = mirror->local;
        peer->echo = mirror->stamp_known ? mirror->stamp : 0;
        for (unsigned i = 0; i < PACKET_OPTIONS && segment->options != NULL; i++) {
            bool stamp = options[i].kind == SCRIPT_TIMESTAMPS && mirror->stamp_known;
            options[i].number =
                stamp ? seq_add(options[i].number, mirror->stamp) : options[i].number;
            if (options[i].next == NULL) {
                break;
            }
        }
    }
    note_arrival(runner, peer, segment);
    fill_text(runner, peer, segment->seq, syn, segment->length);
    struct packet packet = {.source = *remote_of(runner, peer),
                            .destination = *address_of(runner, peer),
                            .source_port = peer->remote_port,
                            .destination_port = peer->local_port,
                            .tos = traffic_class(segment),
                            .ttl = segment->has_ttl ? segment->ttl : 255,
                            .label = segment->label,
                            .secret = segment->secret,
                            .flags = segment->flags,
                            .window = segment->has_window ? segment->window : DEFAULT_WINDOW,
                            .urgent = segment->urgent,
                            .seq = seq_add(segment->seq, peer->remote),
                            .ack = segment->has_ack ? seq_add(segment->ack, peer->local) : 0,
                            .length = segment->length};
    size_t n = packet_write(&packet, segment->options != NULL ? options : NULL, runner->text,
                            runner->octets);
    if (n == 0) {
        return run_bad(runner, runner->event->line, "%s",
                       packet_options_length(segment->options != NULL ? options : NULL) > 40
                           ? "more than 40 octets of options"
                           : "the packet is too long");
    }
    if (runner->stack->netdev_send(runner->user, runner->octets, n) != 0) {
        return run_failed(runner, "the stack does not take the packet");
    }
    run_note_opened(runner, peer);
    return true;
}

bool run_octets(struct runner *runner, const char *hex)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned octet = 0;
        sscanf(hex + 2 * i, "%2x", &octet);
        runner->octets[i] = (uint8_t)octet;
    }
    /* A stack may say no to octets that are no packet. */
    (void)runner->stack->netdev_send(runner->user, runner->octets, n);
    return true;
}

bool run_icmp(struct runner *runner, const struct script_icmp *icmp)
{
    struct peer *peer = peer_of_arrival(runner, icmp->has_addresses ? icmp->addresses : NULL,
                                        icmp->has_ports, icmp->destination, icmp->source);
    if (peer == NULL) {
        return false;
    }
    learn_opened(runner, peer);
    if (!icmp->has_addresses && icmp->v6 != runner->options->ipv6) {
        return run_bad(runner, runner->event->line, "%s in a script of IPv%d",
                       icmp->v6 ? "icmpv6" : "icmp", runner->options->ipv6 ? 6 : 4);
    }
    struct packet quoted = {.source = *address_of(runner, peer),
                            .destination = *remote_of(runner, peer),
                            .source_port = peer->local_port,
                            .destination_port = peer->remote_port,
                            .ttl = 64,
                            .flags = TFSM_ACK,
                            .seq = seq_add(icmp->seq, peer->local),
                            .length = icmp->length};
    size_t n = packet_write_icmp(icmp, &quoted, runner->octets);
    if (runner->stack->netdev_send(runner->user, runner->octets, n) != 0) {
        return run_failed(runner, "the stack does not take the packet");
    }
    return true;
}

/* ---- what is sent ---- */

/* From the numbers of the wire to those of the script. The RST for what has no ACK stands at 0
 * whatever our numbers are (RFC9293:3.5.2). */
static void relative(const struct peer *peer, struct packet *packet)
{
    bool stands =
        (packet->flags & (TFSM_RST | TFSM_ACK)) == (TFSM_RST | TFSM_ACK) && packet->seq == 0;
    packet->seq = stands ? 0 : seq_sub(packet->seq, peer->local);
    packet->ack =
        (packet->flags & TFSM_ACK) != 0 ? seq_sub(packet->ack, peer->remote) : packet->ack;
    bool clockless = (packet->flags & TFSM_RST) != 0; /* of no connection: its TS val is 0 */
    for (unsigned i = 0; i < packet->option_count; i++) {
        struct script_option *option = &packet->options[i];
        clockless = clockless && (option->kind != SCRIPT_TIMESTAMPS || option->number == 0);
        for (unsigned j = 0; j < option->sacks; j++) {
            option->sack[j][0] = seq_sub(option->sack[j][0], peer->remote);
            option->sack[j][1] = seq_sub(option->sack[j][1], peer->remote);
        }
        if (option->kind == SCRIPT_TIMESTAMPS && peer->stamp_known && !clockless) {
            option->number = seq_sub(option->number, peer->stamp);
        }
        if (option->kind == SCRIPT_TIMESTAMPS && option->echo != 0) {
            option->echo = seq_sub(option->echo, peer->echo);
        }
    }
}

/* What the script expects, as a packet, for people. */
static void expected_words(const struct script_segment *segment, char *words, size_t room)
{
    struct packet packet = {.flags = segment->flags,
                            .seq = segment->seq,
                            .ack = segment->ack,
                            .source_port = segment->source,
                            .destination_port = segment->destination,
                            .window = segment->window,
                            .urgent = segment->urgent,
                            .length = segment->length};
    const struct script_option *option = segment->options;
    while (option != NULL && packet.option_count < PACKET_OPTIONS) {
        packet.options[packet.option_count++] = *option;
        option = option->next;
    }
    packet_words(&packet, false, segment->has_ports, words, room);
    char *window = strstr(words, " win ");
    if (!segment->has_window && window != NULL) {
        char *rest = window + 5 + strspn(window + 5, "0123456789");
        memmove(window, rest, strlen(rest) + 1);
    }
    if (segment->any_options && strlen(words) + 7 < room) {
        strcat(words, " <...>");
    }
}

/* A failure of the comparison: what was expected and what came. */
static bool differs(struct runner *runner, const struct packet *actual, int64_t time,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
static bool differs(struct runner *runner, const struct packet *actual, int64_t time,
                    const char *format, ...)
{
    const struct script_segment *segment = runner->event->segment;
    char reason[SCRIPT_ERROR];
    char words[SCRIPT_MESSAGE_MOST / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    run_failed(runner, "%s", reason);
    expected_words(segment, words, sizeof words);
    run_detail(runner, "  expected %s\n", words);
    struct packet shown = *actual;
    shown.addressed = runner->addressed;
    packet_words(&shown, false, segment->has_ports, words, sizeof words);
    run_detail(runner, "  actual   %s at %" PRId64 ".%06" PRId64 "\n", words, time / 1000000,
               time % 1000000);
    return false;
}

static bool is_padding(const struct script_option *option)
{
    return option->kind == SCRIPT_NOP || option->kind == SCRIPT_EOL;
}

static const struct script_option *skip_padding(const struct script_option *option)
{
    while (option != NULL && is_padding(option)) {
        option = option->next;
    }
    return option;
}

/* Whether one option is what the script says. Timestamps of ours were learnt before. */
static bool same_option(struct runner *runner, const struct script_option *expected,
                        const struct script_option *actual, int64_t stamp_tolerance)
{
    if (expected->kind != actual->kind) {
        return false;
    }
    switch (expected->kind) {
    case SCRIPT_EOL:
    case SCRIPT_NOP:
    case SCRIPT_SACK_OK:
        return true;
    case SCRIPT_MSS:
    case SCRIPT_WSCALE:
    case SCRIPT_USER_TIMEOUT:
        return expected->number == actual->number;
    case SCRIPT_TIMESTAMPS: {
        int32_t off = (int32_t)seq_sub(actual->number, expected->number);
        return expected->echo == actual->echo &&
               (stamp_tolerance < 0 || (off >= -stamp_tolerance && off <= stamp_tolerance));
    }
    case SCRIPT_SACK:
        return expected->sacks == actual->sacks &&
               memcmp(expected->sack, actual->sack, expected->sacks * sizeof actual->sack[0]) == 0;
    case SCRIPT_FAST_OPEN:
        if (expected->text != NULL && find_cookie(runner, expected->text) == NULL) {
            return actual->length > 0 && learn_cookie(runner, expected->text, actual);
        }
        if (expected->text != NULL) {
            const struct cookie *cookie = find_cookie(runner, expected->text);
            return cookie->length == actual->length &&
                   memcmp(cookie->octets, actual->octets, cookie->length) == 0;
        }
        return expected->length == actual->length &&
               memcmp(expected->octets, actual->octets, expected->length) == 0;
    case SCRIPT_HEX:
        return expected->length == actual->length &&
               memcmp(expected->octets, actual->octets, expected->length) == 0;
    }
    return false;
}

static int64_t stamp_tolerance(const struct runner *runner)
{
    const struct script_options *options = runner->options;
    if (options->ts_tick == 0) {
        return runner->run->strict ? 0 : -1;
    }
    return options->tolerance / options->ts_tick + 1;
}

/* Both lists in order, octet for octet. */
static bool options_in_order(struct runner *runner, const struct script_option *expected,
                             const struct packet *actual)
{
    int64_t tolerance = stamp_tolerance(runner);
    unsigned i = 0;
    for (; expected != NULL && i < actual->option_count; expected = expected->next, i++) {
        if (!same_option(runner, expected, &actual->options[i], tolerance)) {
            return false;
        }
    }
    return expected == NULL && i == actual->option_count;
}

/* The same options, whatever their order and padding: no RFC asks for one. */
static bool options_as_set(struct runner *runner, const struct script_option *expected,
                           const struct packet *actual)
{
    bool taken[PACKET_OPTIONS] = {false};
    int64_t tolerance = stamp_tolerance(runner);
    for (expected = skip_padding(expected); expected != NULL;
         expected = skip_padding(expected->next)) {
        unsigned i = 0;
        while (i < actual->option_count &&
               (taken[i] || !same_option(runner, expected, &actual->options[i], tolerance))) {
            i++;
        }
        if (i == actual->option_count) {
            return false;
        }
        taken[i] = true;
    }
    for (unsigned i = 0; i < actual->option_count; i++) {
        if (!taken[i] && !is_padding(&actual->options[i])) {
            return false;
        }
    }
    return true;
}

static bool options_hold(struct runner *runner, const struct script_segment *segment,
                         const struct packet *actual)
{
    if (segment->any_options || (!segment->has_options && !runner->run->strict)) {
        return true;
    }
    return runner->run->strict ? options_in_order(runner, segment->options, actual)
                               : options_as_set(runner, segment->options, actual);
}

static bool ecn_holds(enum script_ecn ecn, uint8_t actual)
{
    switch (ecn) {
    case SCRIPT_ECN_UNSAID:
        return true;
    case SCRIPT_ECN_NONE:
        return actual == 0;
    case SCRIPT_ECN_ECT1:
        return actual == 1;
    case SCRIPT_ECN_ECT0:
        return actual == 2;
    case SCRIPT_ECN_CE:
        return actual == 3;
    case SCRIPT_ECN_ECT01:
        return actual == 1 || actual == 2;
    }
    return false;
}

/* The octets are those our user has written, each in its place. */
static bool text_holds(const struct runner *runner, const struct peer *peer,
                       const struct packet *packet, uint64_t *where)
{
    bool syn = (packet->flags & TFSM_SYN) != 0;
    uint64_t first = seq_distance(peer->local_isn, seq_add(packet->seq, syn ? 1 : 0)) - UINT64_C(1);
    for (uint32_t i = 0; i < packet->length; i++) {
        if (packet->text[i] != run_octet(true, first + i) && !run_is_foreign(runner, first + i)) {
            *where = first + i;
            return false;
        }
    }
    return true;
}

static bool header_holds(struct runner *runner, const struct script_segment *segment,
                         const struct packet *actual, int64_t time)
{
    if (actual->flags != segment->flags) {
        return differs(runner, actual, time, "the packet has other flags");
    }
    if (actual->seq != segment->seq) {
        return differs(runner, actual, time, "sequence number %" PRIu32 ", expected %" PRIu32,
                       actual->seq, segment->seq);
    }
    if (actual->length != segment->length) {
        return differs(runner, actual, time, "%" PRIu32 " octets of text, expected %" PRIu32,
                       actual->length, segment->length);
    }
    if (segment->has_ack && actual->ack != segment->ack) {
        return differs(runner, actual, time, "ack %" PRIu32 ", expected %" PRIu32, actual->ack,
                       segment->ack);
    }
    if (runner->run->strict && !segment->has_ack && actual->ack != 0) {
        return differs(runner, actual, time, "ack %" PRIu32 ", and none is said", actual->ack);
    }
    if (segment->has_window && actual->window != segment->window) {
        return differs(runner, actual, time, "win %u, expected %u", actual->window,
                       segment->window);
    }
    if (runner->run->strict && !segment->has_urgent && actual->urgent != 0) {
        return differs(runner, actual, time, "urg %u, and none is said", actual->urgent);
    }
    if (segment->has_urgent && actual->urgent != segment->urgent) {
        return differs(runner, actual, time, "urg %u, expected %u", actual->urgent,
                       segment->urgent);
    }
    if (!ecn_holds(segment->ecn, actual->tos & 3)) {
        return differs(runner, actual, time, "ECN field %u", actual->tos & 3u);
    }
    if (segment->has_tos && actual->tos != segment->tos) {
        return differs(runner, actual, time, "tos %u, expected %u", actual->tos, segment->tos);
    }
    if (segment->has_ttl && actual->ttl != segment->ttl) {
        return differs(runner, actual, time, "ttl %u, expected %u", actual->ttl, segment->ttl);
    }
    if (segment->has_label && actual->label != segment->label) {
        return differs(runner, actual, time, "flow label %" PRIu32 ", expected %" PRIu32,
                       actual->label, segment->label);
    }
    return true;
}

/* The connection of a packet that is sent. */
static struct peer *peer_of(struct runner *runner, const struct packet *packet)
{
    return runner->addressed ? run_peer_at(runner, &packet->source, &packet->destination,
                                           packet->source_port, packet->destination_port)
                             : run_peer(runner, packet->source_port, packet->destination_port);
}

/* Whose packet it is. A SYN of ours opens a connection that the script knows only now. */
static struct peer *peer_of_packet(struct runner *runner, const struct script_segment *segment,
                                   const struct packet *packet)
{
    struct peer *peer = peer_of(runner, packet);
    bool opens = (packet->flags & (TFSM_SYN | TFSM_ACK)) == TFSM_SYN;
    if (peer != NULL && ((opens && !segment->has_ports) || runner->current == NULL)) {
        runner->current = peer;
    }
    return peer;
}

/* Our SYN says where our numbers begin. Sent again it has the same; another number is that of
 * another connection, and believed only where there can be one. With a SYN-ACK it is settled which
 * SYN of the peer counts: the one that is acknowledged. */
static void learn_syn(struct runner *runner, struct peer *peer, const struct packet *packet,
                      uint32_t expected)
{
    uint32_t local = seq_sub(packet->seq, expected);
    bool ack = (packet->flags & TFSM_ACK) != 0;
    runner->fresh = runner->fresh && runner->fresh_isn != packet->seq;
    peer->opens = false;
    if (!peer->over && !(runner->opens && !ack) && peer->local != local) {
        return;
    }
    if (ack && peer->local_known && peer->local != local && !peer->reopens) {
        peer->reopens = true;
        peer->local_before = peer->local;
        peer->local_isn_before = peer->local_isn;
        peer->remote_isn_before = peer->remote_isn;
    }
    if (!peer->local_known || peer->local != local) {
        peer->stamp_known = false;
        peer->remote_known = peer->remote_known && ack;
    }
    uint32_t acked = seq_sub(packet->ack, peer->remote);
    bool settled = seq_sub(acked, 1) == peer->remote_isn && peer->last_syn != seq_sub(acked, 1);
    peer->remote_isn = ack && !settled ? peer->last_syn : peer->remote_isn;
    peer->local_known = true;
    peer->over = false;
    peer->local = local;
    peer->local_isn = expected;
    runner->opens = runner->opens && ack;
}

/* The first timestamp of the script says where our clock begins. Where that is not held against the
 * time it is learnt again each time, so that the peer can echo it. */
static void learn_stamp(struct runner *runner, struct peer *peer,
                        const struct script_segment *segment, const struct packet *packet)
{
    const struct script_option *said = segment->options;
    while (said != NULL && said->kind != SCRIPT_TIMESTAMPS) {
        said = said->next;
    }
    for (unsigned i = 0; i < packet->option_count && said != NULL; i++) {
        bool clockless = (packet->flags & TFSM_RST) != 0 && packet->options[i].number == 0;
        bool stamp = packet->options[i].kind == SCRIPT_TIMESTAMPS && !clockless;
        if (stamp && (!peer->stamp_known || stamp_tolerance(runner) < 0)) {
            peer->stamp_known = true;
            peer->stamp = seq_sub(packet->options[i].number, said->number);
        }
    }
}

static void learn_numbers(struct runner *runner, struct peer *peer,
                          const struct script_segment *segment, const struct packet *packet)
{
    if ((packet->flags & segment->flags & TFSM_SYN) != 0) {
        learn_syn(runner, peer, packet, segment->seq);
        peer->syn_sent_at = run_now(runner);
    }
    if ((packet->flags & (TFSM_ACK | TFSM_RST)) == TFSM_ACK) {
        peer->remote_known = true; /* which SYN of the peer counts is settled */
    }
    peer->over = peer->over || (packet->flags & (TFSM_RST | TFSM_FIN)) != 0;
    learn_stamp(runner, peer, segment, packet);
}

static bool holds(struct runner *runner, const struct script_segment *segment,
                  const struct packet *packet, int64_t time)
{
    struct peer *peer = peer_of_packet(runner, segment, packet);
    if (peer == NULL) {
        return false;
    }
    struct packet actual = *packet;
    if (segment->has_addresses && (!same_address(&packet->source, &segment->addresses[0]) ||
                                   !same_address(&packet->destination, &segment->addresses[1]))) {
        relative(peer, &actual);
        return differs(runner, &actual, time, "the packet goes between other addresses");
    }
    if (segment->has_ports ? packet->source_port != segment->source ||
                                 packet->destination_port != segment->destination
                           : peer != runner->current) {
        relative(peer, &actual);
        return differs(runner, &actual, time, "the packet goes from port %u to port %u",
                       packet->source_port, packet->destination_port);
    }
    learn_numbers(runner, peer, segment, packet);
    relative(peer, &actual);
    if (!header_holds(runner, segment, &actual, time)) {
        return false;
    }
    if (!options_hold(runner, segment, &actual)) {
        return runner->result->outcome == SCRIPT_PASSED &&
               differs(runner, &actual, time, "the packet has other options");
    }
    uint64_t where;
    if (!text_holds(runner, peer, &actual, &where)) {
        return differs(runner, &actual, time,
                       "octet %" PRIu64 " of the stream is not the one that was written", where);
    }
    return true;
}

static bool on_time(struct runner *runner, const struct packet *packet, int64_t time, int64_t from,
                    int64_t to)
{
    int64_t tolerance = runner->options->tolerance;
    if (time < from - tolerance || (to < INT64_MAX && time > to + tolerance)) {
        struct packet actual = *packet;
        relative(peer_of(runner, packet), &actual);
        return differs(runner, &actual, time,
                       "the packet comes at %" PRId64 ".%06" PRId64 ", expected at %" PRId64
                       ".%06" PRId64,
                       time / 1000000, time % 1000000, (time < from ? from : to) / 1000000,
                       (time < from ? from : to) % 1000000);
    }
    return true;
}

/* The next packet of the stack, at any time. Returns false where there is none. */
static bool receive(struct runner *runner, size_t *n, int64_t *time)
{
    long long at = 0;
    *n = sizeof runner->octets;
    if (runner->stack->netdev_receive(runner->user, runner->octets, n, &at) != 0) {
        *n = 0;
    }
    *time = at - runner->start;
    return *n > 0;
}

/* For a connection that it opens the stack chooses the address: its SYN tells which. */
static bool has_addresses(struct runner *runner, const struct packet *packet)
{
    struct peer *peer = peer_of(runner, packet);
    if (peer == NULL) {
        return false;
    }
    if (runner->addressed) {
        return true; /* they are held against the line */
    }
    bool opens = (packet->flags & (TFSM_SYN | TFSM_ACK)) == TFSM_SYN;
    if (opens && runner->opens && packet->source.family == run_local(runner)->family) {
        peer->address = packet->source;
    }
    return same_address(&packet->source, address_of(runner, peer)) &&
           same_address(&packet->destination, run_remote(runner));
}

/* A script may say one packet where the stack sends several: packetdrill adds up their text. */
static bool is_part(struct runner *runner, const struct script_segment *rest,
                    const struct packet *packet)
{
    struct packet actual = *packet;
    struct peer *peer = peer_of(runner, packet);
    if (peer == NULL || runner->run->strict || runner->options->strict_segments) {
        return false;
    }
    relative(peer, &actual);
    return actual.length > 0 && actual.length < rest->length && actual.seq == rest->seq &&
           (actual.flags & (TFSM_SYN | TFSM_FIN | TFSM_RST)) == 0;
}

enum part { PART_BAD, PART_ONE, PART_LAST };

/* The next packet holds for what is left of a segment, or for its beginning, which is taken off. What
 * the script says of the header and the options all of them have, but PSH and FIN, which the last one
 * has. */
static enum part one_packet(struct runner *runner, struct script_segment *rest, int64_t from,
                            int64_t to)
{
    struct packet packet;
    struct script_segment expected = *rest;
    size_t n;
    int64_t time;
    if (!receive(runner, &n, &time)) {
        char words[SCRIPT_MESSAGE_MOST / 2];
        expected_words(rest, words, sizeof words);
        run_failed(runner, "no packet comes, and no timer is left that could bring one");
        run_detail(runner, "  expected %s\n  actual   nothing\n", words);
        return PART_BAD;
    }
    runner->moved = time;
    const char *wrong = packet_read(runner->octets, n, &packet);
    if (wrong != NULL) {
        run_failed(runner, "the stack sends an unsound packet: %s", wrong);
        return PART_BAD;
    }
    if (!has_addresses(runner, &packet)) {
        run_failed(runner, "the packet has other addresses");
        return PART_BAD;
    }
    bool part = is_part(runner, rest, &packet);
    if (part) {
        expected.length = packet.length;
        expected.flags =
            (uint8_t)((expected.flags & ~(TFSM_PSH | TFSM_FIN)) | (packet.flags & TFSM_PSH));
        rest->seq = seq_add(rest->seq, packet.length);
        rest->length -= packet.length;
    }
    bool sound = holds(runner, &expected, &packet, time) &&
                 on_time(runner, &packet, time, from, to) && run_pending(runner, false);
    return !sound ? PART_BAD : part ? PART_ONE : PART_LAST;
}

bool run_sends(struct runner *runner, const struct script_event *event, int64_t from, int64_t to)
{
    struct script_segment rest = *event->segment;
    enum part part = PART_ONE;
    int64_t before = from - runner->options->tolerance;
    /* What blocks is looked at on the way: waiting for the packet may jump over its time. */
    if (runner->pending.call != NULL && before > run_now(runner) &&
        !run_pass_time(runner, before)) {
        return false;
    }
    while (part == PART_ONE) {
        part = one_packet(runner, &rest, from, to);
    }
    return part == PART_LAST;
}

bool run_left_over(struct runner *runner)
{
    struct packet packet;
    char words[SCRIPT_MESSAGE_MOST / 2];
    size_t n;
    int64_t time;
    int64_t now = run_now(runner);
    if (!receive(runner, &n, &time) || time > now) {
        return false;
    }
    run_failed(runner, "the stack sent a packet that no line expects");
    if (packet_read(runner->octets, n, &packet) == NULL) {
        struct peer *peer = peer_of(runner, &packet);
        if (peer != NULL) {
            relative(peer, &packet);
        }
        packet.addressed = runner->addressed;
        packet_words(&packet, false, true, words, sizeof words);
        run_detail(runner, "  actual   %s at %" PRId64 ".%06" PRId64 "\n", words, time / 1000000,
                   time % 1000000);
    }
    return true;
}
