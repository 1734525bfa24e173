/* Lines of a script: see export_script.h. */
#include "export_script.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "packet.h"
#include "seq.h"
#include "settings.h"

#define SECOND    UINT64_C(1000000)
#define TIME_MOST (UINT64_C(1000000000) * SECOND) /* of a setting */
#define ENDS_MOST (UINT64_C(9999999) * SECOND)    /* of a script */
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
static void put_settings(struct scripting *s, const struct tfsm_config *cfg)
{
    static struct settings usual;
    const struct tfsm_config *base = &usual.endpoint.policy4;
    settings_default(&usual);
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
                {"limited_transmit", TFSM_LIMITED_TRANSMIT}};
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
                   NUMBER("sndbuf", snd_buff, 0, ENDPOINT_RING_MOST),
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

void script_begin(struct scripting *s, const struct tfsm_config *cfg, const char *more,
                  tfsm_time start)
{
    fprintf(s->to,
            "--local_ip=192.0.2.1\n--remote_ip=192.0.2.2\n"
            "--tolerance_usecs=0\n--tcp_ts_tick_usecs=1000\n--nothing_left=1\n--strict_segments=1\n"
            "--so_flags=\"steps=on,%s\"\n",
            more);
    put_settings(s, cfg);
    s->start = start - start % 1000; /* where the timestamp clock ticks is part of it */
    s->last = s->start;
    s->fd = IDLE;
    fprintf(s->to, "+0  socket(..., SOCK_STREAM, IPPROTO_TCP) = %u\n", IDLE);
}

/* ---- segments ---- */

struct script_peer *script_peer(struct scripting *s, uint16_t local_port, uint16_t remote_port)
{
    for (unsigned i = 0; i < s->peer_count; i++) {
        if (s->peers[i].local_port == local_port && s->peers[i].remote_port == remote_port) {
            return &s->peers[i];
        }
    }
    unsigned place = s->peer_count < SCRIPT_PEERS ? s->peer_count++ : SCRIPT_PEERS - 1;
    s->peers[place] = (struct script_peer){.local_port = local_port, .remote_port = remote_port};
    return &s->peers[place];
}

static uint32_t text_of(const struct tfsm_segment *segment)
{
    return segment->len - ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) -
           ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

/* Numbers of options stand in the script as those of the header do: SACK blocks of a side count the other's. */
static void add_options(const struct tfsm_segment *segment, uint32_t other, bool inbound,
                        struct packet *packet)
{
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
    if ((segment->options & TFSM_OPT_FAST_OPEN) != 0 && inbound) {
        *option = (struct script_option){
            .kind = SCRIPT_FAST_OPEN, .length = segment->cookie_len, .octets = {0xc0, 0x0c, 0x1e}};
        option++;
    } else if ((segment->options & TFSM_OPT_FAST_OPEN) != 0) {
        *option = (struct script_option){.kind = SCRIPT_FAST_OPEN};
        option->text = segment->cookie_len > 0 ? "ours" : NULL;
        option++;
    }
    packet->option_count = (unsigned)(option - packet->options);
}

static void put_segment(struct scripting *s, tfsm_time now, const struct script_peer *peer,
                        const struct tfsm_segment *segment, bool inbound)
{
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
    packet.tos = segment->ecn;
    packet.flags = segment->flags;
    packet.window = segment->wnd;
    packet.urgent = segment->up;
    packet.seq = stands ? 0 : seq_sub(segment->seq, own);
    packet.ack = seq_sub(segment->ack, other);
    packet.length = text_of(segment);
    packet.secret = inbound && s->secret;
    add_options(segment, other, inbound, &packet);
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
    peer->opens = false;
}

void script_arrives(struct scripting *s, tfsm_time now, struct script_peer *peer,
                    const struct tfsm_segment *segment)
{
    take_opened(peer);
    put_segment(s, now, peer, segment, true);
}

void script_sends(struct scripting *s, tfsm_time now, struct script_peer *peer,
                  const struct tfsm_segment *segment)
{
    if ((segment->flags & TFSM_SYN) != 0) {
        peer->ours = segment->seq;
        peer->opens = false;
    }
    put_segment(s, now, peer, segment, false);
}

void script_icmp(struct scripting *s, tfsm_time now, struct script_peer *peer,
                 const struct tfsm_icmp_message *message)
{
    static uint8_t octets[EXPORT_PACKET];
    char mtu[32] = "";
    take_opened(peer);
    uint32_t seq = seq_sub(message->seq, peer->ours);
    (void)export_icmp(message, octets);
    unsigned told = octets[26] * 256u + octets[27];
    if (message->meaning == TFSM_ICMP_TOO_BIG) {
        snprintf(mtu, sizeof mtu, "mtu %u ", told);
    }
    script_line(s, now, "< icmp type_%u code_%u %s[%u > %u %" PRIu32 ":%" PRIu32 "(0)]", octets[20],
                octets[21], mtu, peer->local_port, peer->remote_port, seq, seq);
}

/* ---- calls ---- */

unsigned script_socket(struct scripting *s, tfsm_time now, uint16_t port)
{
    unsigned fd = ++s->fd;
    script_line(s, now, "socket(..., SOCK_STREAM, IPPROTO_TCP) = %u", fd);
    script_line(s, now, "fcntl(%u, F_SETFL, O_RDWR|O_NONBLOCK) = 0", fd);
    script_line(s, now, "setsockopt(%u, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0", fd);
    script_line(s, now,
                "bind(%u, {sa_family=AF_INET, sin_port=htons(%u), "
                "sin_addr=inet_addr(\"192.0.2.1\")}, ...) = 0",
                fd, port);
    return fd;
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
