/* Lines of a script: see export_script.h. */
#include "export_script.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "packet.h"
#include "seq.h"
#include "settings.h"

#define SECOND    UINT64_C(1000000)
#define TIME_MOST (UINT64_C(1000000000) * SECOND) /* of a setting */
#define ENDS_MOST (UINT64_C(9999999) * SECOND)    /* of a script */
#define SEND_MOST 0x2000000u                      /* octets: no program sends more */
#define IDLE      3u                              /* the socket that only lets time pass */

void script_refuse(struct scripting *s, tfsm_time now, const char *format, ...)
{
    va_list arguments;
    if (s->refused || s->over) {
        return;
    }
    s->refused = true;
    int n = snprintf(s->error, EXPORT_ERROR,
                     "no script says what happens at %" PRIu64 ".%06" PRIu64 " s: ",
                     (now - s->start) / SECOND, (now - s->start) % SECOND);
    va_start(arguments, format);
    vsnprintf(s->error + n, EXPORT_ERROR - (size_t)n, format, arguments);
    va_end(arguments);
}

/* ---- lines ---- */

void script_line(struct scripting *s, tfsm_time now, const char *format, ...)
{
    va_list arguments;
    if (now - s->start > ENDS_MOST) {
        if (!s->healing) {
            script_refuse(s, now, "a script takes ten million seconds at most");
        }
        s->over = true;
    }
    if (s->over || s->refused) {
        return;
    }
    tfsm_time since = now - s->last;
    if (since == 0) {
        fprintf(s->to, "+0  ");
    } else {
        fprintf(s->to, "+%" PRIu64 ".%06" PRIu64 " ", since / SECOND, since % SECOND);
    }
    s->last = now;
    va_start(arguments, format);
    vfprintf(s->to, format, arguments);
    va_end(arguments);
    fputc('\n', s->to);
}

void script_comment(struct scripting *s, const char *format, ...)
{
    va_list arguments;
    if (s->over || s->refused) {
        return;
    }
    fprintf(s->to, "// ");
    va_start(arguments, format);
    vfprintf(s->to, format, arguments);
    va_end(arguments);
    fputc('\n', s->to);
}

void script_tick(struct scripting *s, tfsm_time now)
{
    if (now > s->last) {
        script_line(s, now, "fcntl(%u, F_SETFL, O_RDWR|O_NONBLOCK) = 0", IDLE);
    }
}

/* ---- the head ---- */

static uint64_t bounded(uint64_t number, uint64_t least, uint64_t most)
{
    return number < least ? least : number > most ? most : number;
}

/* Settings that differ from what they are when nobody says anything. What the machine takes for a number that is out
 * of the bounds of a setting is the bound. */
void script_policy(struct scripting *s, const struct tfsm_config *cfg, unsigned family)
{
    static struct settings usual;
    settings_default(&usual);
    const struct tfsm_config *base =
        family == 6 ? &usual.endpoint.policy6 : &usual.endpoint.policy4;
    if (family != 0) {
        fprintf(s->to, "--so_flags=\"family=%u\"\n", family);
    }
    static const struct {
        const char *key;
        uint32_t bit;
    } bits[] = {{"rfc5961", TFSM_RFC5961},
                {"rfc1337", TFSM_RFC1337},
                {"rfc6191", TFSM_RFC6191},
                {"rfc5927", TFSM_RFC5927},
                {"ts", TFSM_TIMESTAMPS},
                {"sack", TFSM_SACK},
                {"ecn", TFSM_ECN},
                {"uto", TFSM_USER_TIMEOUT},
                {"nodelay", TFSM_NODELAY},
                {"congestion", TFSM_CONGESTION},
                {"limited_transmit", TFSM_LIMITED_TRANSMIT},
                {"rack", TFSM_RACK},
                {"prr", TFSM_PRR},
                {"frto", TFSM_FRTO},
                {"undo", TFSM_UNDO},
                {"cubic", TFSM_CUBIC},
                {"hystart", TFSM_HYSTART},
                {"abe", TFSM_ABE},
                {"cwv", TFSM_CWV},
                {"pmtu", TFSM_PMTU},
                {"quick_ack", TFSM_QUICK_ACK}};
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if (((cfg->profile ^ base->profile) & bits[i].bit) != 0) {
            fprintf(s->to, "--so_flags=\"%s=%u\"\n", bits[i].key,
                    (cfg->profile & bits[i].bit) != 0);
        }
    }
    if ((cfg->profile & TFSM_WSCALE) == 0) {
        fprintf(s->to, "--so_flags=\"wscale=off\"\n");
    } else if (cfg->rcv_wscale != base->rcv_wscale || (base->profile & TFSM_WSCALE) == 0) {
        if (cfg->rcv_wscale == TFSM_WSCALE_FITS) {
            fprintf(s->to, "--so_flags=\"wscale=fits\"\n");
        } else {
            fprintf(s->to, "--so_flags=\"wscale=%u\"\n", cfg->rcv_wscale);
        }
    }
#define NUMBER(name, member, least, most)                                                          \
    {                                                                                              \
        name, bounded(cfg->member, least, most), bounded(base->member, least, most)                \
    }
    const struct {
        const char *key;
        uint64_t value;
        uint64_t usual;
    } numbers[] = {NUMBER("rcvbuf", rcv_buff, 0, ENDPOINT_RING_MOST),
                   NUMBER("sndbuf", snd_buff, 0, SEND_MOST),
                   NUMBER("mss", mss, 1, 65495),
                   NUMBER("mss_default", mss_default, 1, 65495),
                   NUMBER("mss_floor", mss_floor, 1, 65495),
                   NUMBER("initial_window", initial_window, 0, UINT8_MAX),
                   NUMBER("syn_retries", syn_retries, 0, UINT8_MAX),
                   NUMBER("retries", retries, 0, UINT8_MAX),
                   NUMBER("r1", r1, 0, UINT8_MAX),
                   NUMBER("rto_initial", rto_initial, 1, TIME_MOST),
                   NUMBER("rto_min", rto_min, 1, TIME_MOST),
                   NUMBER("rto_max", rto_max, 1, TIME_MOST),
                   NUMBER("msl", msl, 0, TIME_MOST),
                   NUMBER("ack_delay", ack_delay, 0, 499999),
                   NUMBER("user_timeout", user_timeout, 0, TIME_MOST),
                   NUMBER("uto_advertised", uto_advertised, 0, TIME_MOST),
                   NUMBER("uto_least", uto_least, 0, TIME_MOST),
                   NUMBER("uto_most", uto_most, 0, TIME_MOST),
                   NUMBER("keepalive_idle", keepalive_idle, 0, TIME_MOST),
                   NUMBER("keepalive_every", keepalive_every, 1, TIME_MOST),
                   NUMBER("keepalive_tries", keepalive_tries, 0, UINT8_MAX),
                   NUMBER("challenge_limit", challenge_limit, 0, UINT8_MAX),
                   NUMBER("challenge_every", challenge_every, 1, TIME_MOST)};
#undef NUMBER
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].value != numbers[i].usual) {
            fprintf(s->to, "--so_flags=\"%s=%" PRIu64 "\"\n", numbers[i].key, numbers[i].value);
        }
    }
}

void script_begin(struct scripting *s, const char *more, unsigned ranges, tfsm_time start,
                  tfsm_time clock)
{
    fprintf(s->to,
            "--local_ip=192.0.2.%u\n--remote_ip=192.0.2.%u\n"
            "--tolerance_usecs=0\n--tcp_ts_tick_usecs=%u\n--nothing_left=1\n--strict_segments=1\n"
            "--so_flags=\"steps=on,%s\"\n--so_flags=\"ranges=%u\"\n",
            1 + s->end, 2 - s->end, s->clockless ? 0u : 1000u, more, ranges);
    s->start = start - clock % 1000; /* where the timestamp clock ticks is part of it */
    s->last = s->start;
    s->fd = IDLE;
}

void script_begun(struct scripting *s)
{
    fprintf(s->to, "+0  socket(..., SOCK_STREAM, IPPROTO_TCP) = %u\n", IDLE);
}

/* ---- segments ---- */

static bool same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

struct script_peer *script_peer(struct scripting *s, const struct tfsm_address *local,
                                const struct tfsm_address *remote, uint16_t local_port,
                                uint16_t remote_port)
{
    for (unsigned i = 0; i < s->peer_count; i++) {
        struct script_peer *peer = &s->peers[i];
        if (peer->local_port == local_port && peer->remote_port == remote_port &&
            same_address(&peer->local, local) && same_address(&peer->remote, remote)) {
            return peer;
        }
    }
    if (s->peer_count == SCRIPT_PEERS) {
        script_refuse(s, s->last, "more than %u connections", SCRIPT_PEERS);
        s->peer_count--;
    }
    s->peers[s->peer_count] = (struct script_peer){
        .local = *local, .remote = *remote, .local_port = local_port, .remote_port = remote_port};
    return &s->peers[s->peer_count++];
}

static uint32_t text_of(const struct tfsm_segment *segment)
{
    return segment->len - ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) -
           ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

/* Numbers of options stand in the script as those of the header do: SACK blocks of a side count the other's. */
/* The name of a cookie that the host has handed out: what it is only the host knows. A new one where it hands it out now. */
static const char *cookie_name(struct scripting *s, const uint8_t cookie[TFSM_COOKIE_MAX],
                               bool makes)
{
    static const char names[SCRIPT_COOKIES][4] = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7",
                                                  "k8", "k9", "ka", "kb", "kc", "kd", "ke", "kf"};
    for (unsigned i = 0; i < s->cookie_count; i++) {
        if (memcmp(s->cookies[i], cookie, sizeof s->cookies[i]) == 0) {
            return names[i];
        }
    }
    if (!makes || s->cookie_count == SCRIPT_COOKIES) {
        return NULL;
    }
    memcpy(s->cookies[s->cookie_count], cookie, sizeof s->cookies[0]);
    return names[s->cookie_count++];
}

static void add_options(struct scripting *s, const struct tfsm_packet *from, uint32_t other,
                        bool inbound, struct packet *packet)
{
    const struct tfsm_segment *segment = &from->segment;
    struct script_option *option = packet->options;
    if ((segment->options & TFSM_OPT_MSS) != 0) {
        *option++ = (struct script_option){.kind = SCRIPT_MSS, .number = segment->mss};
    }
    if ((segment->options & TFSM_OPT_WSCALE) != 0) {
        *option++ = (struct script_option){.kind = SCRIPT_WSCALE, .number = segment->wscale};
    }
    if ((segment->options & TFSM_OPT_SACK_PERMITTED) != 0) {
        *option++ = (struct script_option){.kind = SCRIPT_SACK_OK};
    }
    if ((segment->options & TFSM_OPT_TIMESTAMPS) != 0) {
        *option++ = (struct script_option){
            .kind = SCRIPT_TIMESTAMPS, .number = segment->ts_val, .echo = segment->ts_ecr};
    }
    if ((segment->options & TFSM_OPT_SACK) != 0 && segment->sacks > 0) {
        *option = (struct script_option){.kind = SCRIPT_SACK, .sacks = segment->sacks};
        for (unsigned i = 0; i < segment->sacks && i < SCRIPT_SACKS; i++) {
            option->sack[i][0] = seq_sub(segment->sack[i].left, other);
            option->sack[i][1] = seq_sub(segment->sack[i].right, other);
        }
        option++;
    }
    if ((segment->options & TFSM_OPT_USER_TIMEOUT) != 0) {
        *option++ =
            (struct script_option){.kind = SCRIPT_USER_TIMEOUT, .number = segment->user_timeout};
    }
    if ((segment->options & TFSM_OPT_FAST_OPEN) != 0) {
        bool makes = !inbound && (segment->flags & TFSM_ACK) != 0;
        *option = (struct script_option){.kind = SCRIPT_FAST_OPEN, .length = segment->cookie_len};
        memcpy(option->octets, from->cookie, segment->cookie_len);
        option->text = segment->cookie_len > 0 ? cookie_name(s, from->cookie, makes) : NULL;
        option++;
    }
    packet->option_count = (unsigned)(option - packet->options);
}

/* Octets, without padding. */
static size_t options_length(struct packet *packet)
{
    for (unsigned i = 0; i + 1 < packet->option_count; i++) {
        packet->options[i].next = &packet->options[i + 1];
    }
    return packet->option_count > 0 ? packet_options_length(packet->options) : 0;
}

static void put_segment(struct scripting *s, tfsm_time now, const struct script_peer *peer,
                        const struct tfsm_packet *from, bool inbound)
{
    const struct tfsm_segment *segment = &from->segment;
    static struct packet packet;
    char words[1024];
    uint32_t own = inbound ? peer->theirs : peer->ours;
    uint32_t other = inbound ? peer->ours : peer->theirs;
    bool reset = (segment->flags & (TFSM_RST | TFSM_ACK)) == (TFSM_RST | TFSM_ACK);
    bool stands =
        !inbound && reset && segment->seq == 0; /* RFC9293:3.5.2: whatever our numbers are */
    memset(&packet, 0, sizeof packet);
    packet.source_port = inbound ? peer->remote_port : peer->local_port;
    packet.destination_port = inbound ? peer->local_port : peer->remote_port;
    packet.addressed = s->addressed;
    packet.source = inbound ? peer->remote : peer->local;
    packet.destination = inbound ? peer->local : peer->remote;
    packet.tos = segment->ecn;
    packet.flags = segment->flags;
    packet.window = segment->wnd;
    packet.urgent = segment->up;
    packet.seq = stands ? 0 : seq_sub(segment->seq, own);
    packet.ack = seq_sub(segment->ack, other);
    packet.length = text_of(segment);
    packet.secret = inbound && s->secret;
    add_options(s, from, other, inbound, &packet);
    if (options_length(&packet) > 40) {
        script_refuse(s, now, "options that no header has room for");
    }
    if (packet.length > 65455) {
        script_refuse(s, now, "a segment of %" PRIu32 " octets, more than a packet holds",
                      packet.length);
    }
    packet_words(&packet, inbound, true, words, sizeof words);
    if (packet.option_count == 0 && !inbound) {
        strncat(words, " <>", sizeof words - strlen(words) - 1);
    }
    script_line(s, now, "%s", words);
}

void script_opened(struct script_peer *peer, uint32_t iss)
{
    peer->opens = true;
    peer->next = iss;
}

static void take_opened(struct script_peer *peer)
{
    peer->ours = peer->opens ? peer->next : peer->ours;
    peer->known = peer->known || peer->opens;
    peer->opens = false;
}

void script_arrives(struct scripting *s, tfsm_time now, struct script_peer *peer,
                    const struct tfsm_packet *packet)
{
    take_opened(peer);
    put_segment(s, now, peer, packet, true);
}

void script_sends(struct scripting *s, tfsm_time now, struct script_peer *peer,
                  const struct tfsm_packet *packet)
{
    if ((packet->segment.flags & TFSM_SYN) != 0) {
        peer->ours = packet->segment.seq;
        peer->known = true;
        peer->opens = false;
    }
    put_segment(s, now, peer, packet, false);
}

void script_icmp(struct scripting *s, tfsm_time now, struct script_peer *peer,
                 const struct tfsm_icmp_message *message, unsigned type, unsigned code,
                 uint32_t mtu)
{
    char told[32] = "";
    char between[2 * INET6_ADDRSTRLEN + 16] = "";
    take_opened(peer);
    uint32_t seq = seq_sub(message->seq, peer->ours);
    if (message->meaning == TFSM_ICMP_TOO_BIG) {
        snprintf(told, sizeof told, " mtu %" PRIu32, mtu);
    }
    if (s->addressed) {
        char local[INET6_ADDRSTRLEN] = "?";
        char remote[INET6_ADDRSTRLEN] = "?";
        int family = peer->local.family == 4 ? AF_INET : AF_INET6;
        inet_ntop(family, peer->local.octets, local, sizeof local);
        inet_ntop(family, peer->remote.octets, remote, sizeof remote);
        snprintf(between, sizeof between, "\"%s\" > \"%s\" ", local, remote);
    }
    script_line(s, now, "< icmp type_%u code_%u [%s%u > %u %" PRIu32 ":%" PRIu32 "(0)]%s", type,
                code, between, peer->local_port, peer->remote_port, seq, seq, told);
}

void script_icmp_meant(struct scripting *s, tfsm_time now, struct script_peer *peer,
                       const struct tfsm_icmp_message *message)
{
    static uint8_t octets[EXPORT_PACKET];
    struct tfsm_icmp_message four = *message; /* scripts of ports alone are of IPv4 */
    four.local.family = 4;
    four.remote.family = 4;
    (void)export_icmp(&four, octets);
    script_icmp(s, now, peer, message, octets[20], octets[21], octets[26] * 256u + octets[27]);
}

void script_octets(struct scripting *s, tfsm_time now, const uint8_t *octets, size_t n)
{
    static char hex[2 * EXPORT_PACKET + 1];
    for (size_t i = 0; i < n; i++) {
        snprintf(hex + 2 * i, 3, "%02x", octets[i]);
    }
    hex[2 * n] = '\0';
    script_line(s, now, "< octets \"%s\"", hex);
}

/* ---- calls ---- */

unsigned script_socket(struct scripting *s, tfsm_time now, const struct tfsm_address *local,
                       uint16_t port)
{
    unsigned fd = ++s->fd;
    char to[SCRIPT_SOCKADDR];
    script_sockaddr(to, local, port);
    script_line(s, now, "socket(%s, SOCK_STREAM, IPPROTO_TCP) = %u",
                local->family == 6 ? "AF_INET6" : "AF_INET", fd);
    script_line(s, now, "fcntl(%u, F_SETFL, O_RDWR|O_NONBLOCK) = 0", fd);
    script_line(s, now, "setsockopt(%u, SOL_SOCKET, SO_REUSEPORT, [1], 4) = 0", fd);
    if (local->family == 6) {
        script_line(s, now, "setsockopt(%u, SOL_IPV6, IPV6_V6ONLY, [1], 4) = 0", fd);
    }
    script_line(s, now, "bind(%u, %s, ...) = 0", fd, to);
    return fd;
}

void script_sockaddr(char text[SCRIPT_SOCKADDR], const struct tfsm_address *address, uint16_t port)
{
    char shown[INET6_ADDRSTRLEN] = "?";
    inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->octets, shown, sizeof shown);
    if (address->family == 4) {
        snprintf(text, SCRIPT_SOCKADDR,
                 "{sa_family=AF_INET, sin_port=htons(%u), sin_addr=inet_addr(\"%s\")}", port,
                 shown);
    } else {
        snprintf(text, SCRIPT_SOCKADDR,
                 "{sa_family=AF_INET6, sin6_port=htons(%u), sin6_addr=inet_pton(AF_INET6, \"%s\")}",
                 port, shown);
    }
}

void script_end(struct scripting *s, tfsm_time now, unsigned *fd, bool reset)
{
    if (*fd == 0) {
        return;
    }
    if (reset) {
        script_line(s, now, "setsockopt(%u, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0",
                    *fd);
    }
    script_line(s, now, "close(%u) = 0", *fd);
    *fd = 0;
}

void script_state(struct scripting *s, tfsm_time now, unsigned fd, enum tfsm_state state)
{
    static const char *const names[TFSM_STATES] = {[TFSM_CLOSED] = "TCP_CLOSE",
                                                   [TFSM_LISTEN] = "TCP_LISTEN",
                                                   [TFSM_SYN_SENT] = "TCP_SYN_SENT",
                                                   [TFSM_SYN_RECEIVED] = "TCP_SYN_RECV",
                                                   [TFSM_ESTABLISHED] = "TCP_ESTABLISHED",
                                                   [TFSM_FIN_WAIT_1] = "TCP_FIN_WAIT1",
                                                   [TFSM_FIN_WAIT_2] = "TCP_FIN_WAIT2",
                                                   [TFSM_CLOSE_WAIT] = "TCP_CLOSE_WAIT",
                                                   [TFSM_CLOSING] = "TCP_CLOSING",
                                                   [TFSM_LAST_ACK] = "TCP_LAST_ACK",
                                                   [TFSM_TIME_WAIT] = "TCP_TIME_WAIT"};
    script_line(s, now, "getsockopt(%u, SOL_TCP, TCP_INFO, {tcpi_state=%s}, ...) = 0", fd,
                names[state]);
}
