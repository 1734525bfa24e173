/* The far end of one connection: see peer.h. */
#include "peer.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct peer peer;

void peer_start(void (*init)(const char *, struct packetdrill_interface *), unsigned family,
                const char *flags)
{
    static const uint8_t stack6[16] = {0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, [15] = 1};
    static const uint8_t self6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    static const uint8_t stack4[4] = {192, 168, 0, 1};
    static const uint8_t self4[4] = {192, 0, 2, 1};
    char all[256];
    memset(&peer, 0, sizeof peer);
    snprintf(all, sizeof all, "idle=return%s%s", flags[0] != '\0' ? "," : "", flags);
    init(all, &peer.ifc);
    peer.started = 0;
    peer.started = clock_now();
    peer.family = family;
    peer.stack.family = (uint8_t)family;
    peer.self.family = (uint8_t)family;
    memcpy(peer.stack.octets, family == 6 ? stack6 : stack4, family == 6 ? 16 : 4);
    memcpy(peer.self.octets, family == 6 ? self6 : self4, family == 6 ? 16 : 4);
    peer.stack_port = STACK_PORT;
    peer.port = PEER_PORT;
    peer.seq = PEER_ISS;
}

int peer_lowest_fd(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

void peer_move(uint32_t seed)
{
    for (unsigned i = 2; i < (peer.family == 4 ? 4u : 16u); i++) {
        peer.stack.octets[i] = (uint8_t)(1 + (seed = seed * 1103515245u + 12345u) / 65536 % 254);
    }
}

int peer_stop(void **state)
{
    (void)state;
    if (peer.ifc.free != NULL) {
        peer.ifc.free(peer.ifc.userdata);
    }
    peer.ifc.free = NULL;
    return 0;
}

socklen_t peer_sockaddr(bool stack, uint16_t port, struct sockaddr_storage *out)
{
    const struct tfsm_address *from = stack ? &peer.stack : &peer.self;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memset(out, 0, sizeof *out);
    memcpy(&four.sin_addr, from->octets, 4);
    memcpy(&six.sin6_addr, from->octets, 16);
    if (peer.family == 4) {
        memcpy(out, &four, sizeof four);
        return sizeof four;
    }
    memcpy(out, &six, sizeof six);
    return sizeof six;
}

/* ---- packets ---- */

struct tfsm_packet peer_packet(unsigned flags)
{
    return (struct tfsm_packet){.src = peer.self,
                                .dst = peer.stack,
                                .src_port = peer.port,
                                .dst_port = peer.stack_port,
                                .hops = 64,
                                .segment = {.seq = peer.seq,
                                            .ack = (flags & TFSM_ACK) != 0 ? peer.ack : 0,
                                            .wnd = 65535,
                                            .flags = (uint8_t)flags,
                                            .options = (flags & TFSM_SYN) != 0 ? TFSM_OPT_MSS : 0,
                                            .mss = 1460}};
}

void say_packet(const struct tfsm_packet *packet, const char *text)
{
    uint8_t octets[4096];
    struct tfsm_packet whole = *packet;
    uint32_t controls = ((packet->segment.flags & TFSM_SYN) != 0 ? 1u : 0u) +
                        ((packet->segment.flags & TFSM_FIN) != 0 ? 1u : 0u);
    whole.segment.len = controls + (uint32_t)strlen(text);
    size_t n = tfsm_write(&whole, (const uint8_t *)text, octets, sizeof octets);
    assert_true(n > 0);
    assert_int_equal(peer.ifc.netdev_send(peer.ifc.userdata, octets, n), 0);
    peer.seq += whole.segment.len;
}

void say(unsigned flags, const char *text)
{
    struct tfsm_packet packet = peer_packet(flags);
    say_packet(&packet, text);
}

static uint16_t checksum(uint32_t sum, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 == 0 ? (uint32_t)octets[i] << 8 : octets[i];
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)(0xffff - sum);
}

static void put16(uint8_t *to, unsigned number)
{
    to[0] = (uint8_t)(number >> 8 & 0xff);
    to[1] = (uint8_t)(number & 0xff);
}

void say_icmp(unsigned type, unsigned code, uint32_t info)
{
    uint8_t octets[200] = {0};
    bool six = peer.family == 6;
    size_t header = six ? 40 : 20;
    size_t quoted = header + 8;
    size_t payload = 8 + quoted;
    uint8_t *icmp = octets + header;
    memcpy(octets + (six ? 8 : 12), peer.self.octets, six ? 16 : 4);
    memcpy(octets + (six ? 24 : 16), peer.stack.octets, six ? 16 : 4);
    icmp[0] = (uint8_t)type;
    icmp[1] = (uint8_t)code;
    put16(icmp + 4, info >> 16);
    put16(icmp + 6, info & 0xffff);
    memcpy(icmp + 8, peer.raw, quoted);
    if (six) {
        octets[0] = 0x60;
        put16(octets + 4, (unsigned)payload);
        octets[6] = 58;
        octets[7] = 64;
        uint32_t pseudo = 0xffffu - checksum(58 + (uint32_t)payload, octets + 8, 32);
        put16(icmp + 2, checksum(pseudo, icmp, payload));
    } else {
        octets[0] = 0x45;
        put16(octets + 2, (unsigned)(header + payload));
        octets[8] = 64;
        octets[9] = 1;
        put16(octets + 10, checksum(0, octets, 20));
        put16(icmp + 2, checksum(0, icmp, payload));
    }
    assert_int_equal(peer.ifc.netdev_send(peer.ifc.userdata, octets, header + payload), 0);
}

bool hears(void)
{
    size_t n = sizeof peer.raw;
    long long at = 0;
    assert_int_equal(peer.ifc.netdev_receive(peer.ifc.userdata, peer.raw, &n, &at), 0);
    peer.raw_length = n;
    if (n == 0) {
        return false;
    }
    assert_int_equal(tfsm_parse(peer.raw, n, &peer.heard), TFSM_WIRE_OK);
    peer.heard_at = at - peer.started;
    const struct tfsm_segment *segment = &peer.heard.segment;
    peer.text_length = segment->len - ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) -
                       ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
    memcpy(peer.text, peer.raw + peer.heard.text_at, peer.text_length);
    bool first = (segment->flags & TFSM_SYN) != 0;
    if (first || (int32_t)(segment->seq + segment->len - peer.ack) > 0) {
        peer.ack = segment->seq + segment->len;
    }
    peer.stack_port = peer.heard.src_port;
    return true;
}

void hear(unsigned flags, size_t text)
{
    assert_true(hears());
    assert_int_equal(peer.heard.segment.flags, flags);
    assert_int_equal(peer.text_length, text);
}

void hear_nothing(void)
{
    assert_false(hears());
}

long long clock_now(void)
{
    struct timeval now;
    assert_int_equal(peer.ifc.gettimeofday(peer.ifc.userdata, &now, NULL), 0);
    return (long long)now.tv_sec * 1000000 + now.tv_usec - peer.started;
}

/* ---- sockets ---- */

int tcp_socket(bool nonblocking)
{
    int type = SOCK_STREAM | (nonblocking ? SOCK_NONBLOCK : 0);
    int fd = peer.ifc.socket(peer.ifc.userdata, peer.family == 6 ? AF_INET6 : AF_INET, type,
                             IPPROTO_TCP);
    assert_true(fd >= 3);
    return fd;
}

int opened(void)
{
    struct sockaddr_storage to;
    int fd = tcp_socket(true);
    socklen_t size = peer_sockaddr(false, PEER_PORT, &to);
    const struct sockaddr *address = (const struct sockaddr *)&to;
    assert_fails(peer.ifc.connect(peer.ifc.userdata, fd, address, size), EINPROGRESS);
    assert_true(hears());
    assert_int_equal(peer.heard.segment.flags & (TFSM_SYN | TFSM_ACK), TFSM_SYN);
    say(TFSM_SYN | TFSM_ACK, "");
    hear(TFSM_ACK, 0);
    assert_int_equal(peer.ifc.connect(peer.ifc.userdata, fd, address, size), 0);
    return fd;
}

int listening(int backlog)
{
    struct sockaddr_storage at;
    int fd = tcp_socket(true);
    int on = 1;
    socklen_t size = peer_sockaddr(true, STACK_PORT, &at);
    assert_int_equal(
        peer.ifc.setsockopt(peer.ifc.userdata, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(peer.ifc.bind(peer.ifc.userdata, fd, (const struct sockaddr *)&at, size), 0);
    assert_int_equal(peer.ifc.listen(peer.ifc.userdata, fd, backlog), 0);
    return fd;
}

void handshake(void)
{
    peer.stack_port = STACK_PORT;
    say(TFSM_SYN, "");
    hear(TFSM_SYN | TFSM_ACK, 0);
    say(TFSM_ACK, "");
}

int accepted(int listener)
{
    handshake();
    int fd = peer.ifc.accept(peer.ifc.userdata, listener, NULL, NULL);
    assert_true(fd >= 3);
    int flags = peer.ifc.fcntl(peer.ifc.userdata, fd, 3 /* F_GETFL */);
    assert_int_equal(flags, 2 /* O_RDWR */);
    assert_int_equal(peer.ifc.fcntl(peer.ifc.userdata, fd, 4 /* F_SETFL */, 04000), 0);
    return fd;
}
