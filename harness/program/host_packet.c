/* Packets of host programs: whose they are, how they are spoilt, and a judgement of them that is
 * not the codec's. See host.h. */
#include "host.h"

#include <string.h>

#define TCP      6u
#define UDP      17u
#define ICMP     1u
#define ICMPV6   58u
#define HOP      0u /* IPv6 extension headers */
#define FRAGMENT 44u

/* ---- addresses ---- */

/* Peers, ours, broadcasts of ours, multicast, nobody, loopbacks, and what looks like them. */
static const uint8_t v4[HOST_ADDRESSES][4] = {
    {192, 0, 2, 77}, {203, 0, 113, 9},     {192, 0, 2, 1},   {198, 51, 100, 5},
    {127, 0, 0, 1},  {255, 255, 255, 255}, {192, 0, 2, 255}, {198, 51, 100, 7},
    {224, 0, 0, 1},  {239, 1, 2, 3},       {0, 0, 0, 0},     {127, 8, 8, 8},
    {0, 1, 2, 3},    {198, 51, 100, 6},    {240, 0, 0, 1},   {192, 0, 2, 127}};

static const uint8_t v6[HOST_ADDRESSES][16] = {{0x20, 1, 0x0d, 0xb8, [15] = 0x77},
                                               {0x20, 1, 0x0d, 0xb8, 0, 1, [15] = 9},
                                               {0x20, 1, 0x0d, 0xb8, [15] = 1},
                                               {0x20, 1, 0x0d, 0xb8, [15] = 1},
                                               {[15] = 1},
                                               {0xff, 2, [15] = 1},
                                               {0xff, 14, [15] = 1},
                                               {0},
                                               {0xff, 1, [15] = 1},
                                               {[10] = 0xff, 0xff, 127, 0, 0, 1},
                                               {[10] = 0xff, 0xff, 192, 0, 2, 1},
                                               {[12] = 192, 0, 2, 1},
                                               {0xfe, 0x80, [15] = 1},
                                               {0x20, 1, 0x0d, 0xb8},
                                               {0xfd, [15] = 1},
                                               {0x20, 2, 127, 0, 0, 1}};

static const struct {
    uint8_t family;
    uint8_t index;
    uint8_t prefix;
} locals[HOST_LOCALS] = {{4, 2, 24}, {4, 3, 29}, {6, 2, 64}, {4, 4, 8}, {6, 4, 128}};

struct tfsm_address host_address(unsigned family, unsigned index)
{
    struct tfsm_address address = {.family = (uint8_t)family};
    if (family == 4) {
        memcpy(address.octets, v4[index % HOST_ADDRESSES], 4);
    } else {
        memcpy(address.octets, v6[index % HOST_ADDRESSES], 16);
    }
    return address;
}

struct tfsm_address host_local(unsigned index, uint8_t *prefix)
{
    *prefix = locals[index % HOST_LOCALS].prefix;
    return host_address(locals[index % HOST_LOCALS].family, locals[index % HOST_LOCALS].index);
}

uint16_t host_port(unsigned index)
{
    static const uint16_t ports[HOST_PORTS] = {7, 1000, 40000, 0};
    return ports[index % HOST_PORTS];
}

bool host_same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, a->family == 4 ? 4 : 16) == 0;
}

bool host_same_tuple(const struct host_tuple *a, const struct host_tuple *b)
{
    return host_same_address(&a->local, &b->local) && host_same_address(&a->remote, &b->remote) &&
           a->local_port == b->local_port && a->remote_port == b->remote_port;
}

struct host_tuple host_mirror(const struct host_tuple *tuple)
{
    return (struct host_tuple){tuple->remote, tuple->local, tuple->remote_port, tuple->local_port};
}

bool host_is_local(const struct tfsm_address *address, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t prefix;
        struct tfsm_address local = host_local(i, &prefix);
        if (host_same_address(address, &local)) {
            return true;
        }
    }
    return false;
}

/* Written out for the networks above rather than computed: nothing here is the endpoint's. */
bool host_is_no_source(const struct tfsm_address *address, unsigned count)
{
    static const uint8_t zero[16];
    static const uint8_t one[16] = {[15] = 1};
    const uint8_t *a = address->octets;
    if (host_is_local(address, count)) {
        return false;
    }
    if (address->family == 4) {
        bool broadcast =
            memcmp(a, v4[5], 4) == 0 || memcmp(a, v4[6], 4) == 0 || memcmp(a, v4[7], 4) == 0;
        return a[0] == 0 || a[0] == 127 || (a[0] >= 224 && a[0] < 240) || broadcast;
    }
    return a[0] == 0xff || memcmp(a, zero, 16) == 0 || memcmp(a, one, 16) == 0;
}

/* ---- checksums ---- */

static unsigned sum_up(unsigned sum, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 == 0 ? octets[i] * 256u : octets[i];
    }
    return sum;
}

static unsigned fold(unsigned sum)
{
    while (sum > 0xffffu) {
        sum = (sum & 0xffffu) + (sum >> 16);
    }
    return sum;
}

static void put16(uint8_t *octets, unsigned value)
{
    octets[0] = (uint8_t)(value >> 8 & 0xffu);
    octets[1] = (uint8_t)(value & 0xffu);
}

static unsigned get16(const uint8_t *octets)
{
    return octets[0] * 256u + octets[1];
}

/* Where the message of a packet lies, behind its IP header, and what it is. Of IPv6 one extension
 * header is looked through at most. */
struct message {
    unsigned family;
    unsigned protocol;
    size_t at;
    size_t end;
    bool whole; /* the lengths fit the packet */
};

static struct message find_message(const uint8_t *octets, size_t n)
{
    struct message m = {.family = n > 0 ? octets[0] >> 4 : 0u};
    if (m.family == 4 && n >= 20) {
        m.protocol = octets[9];
        m.at = (octets[0] & 15u) * 4u;
        m.end = get16(octets + 2);
        m.whole = m.at >= 20 && m.at <= m.end && m.end <= n;
    } else if (m.family == 6 && n >= 40) {
        m.protocol = octets[6];
        m.at = 40;
        m.end = 40u + get16(octets + 4);
        m.whole = m.end <= n;
        if (m.protocol == HOP && m.whole && m.end >= 48) {
            m.protocol = octets[40];
            m.at = 48u + octets[41] * 8u;
            m.whole = m.at <= m.end;
        }
    }
    return m;
}

static unsigned pseudo_sum(const uint8_t *octets, const struct message *m)
{
    unsigned sum = m->protocol + (unsigned)(m->end - m->at);
    return m->family == 4 ? sum_up(sum, octets + 12, 8) : sum_up(sum, octets + 8, 32);
}

/* The sum that a receiver makes: 0xffff where the checksum is right. */
static unsigned receiver_sum(const uint8_t *octets, const struct message *m)
{
    unsigned sum = m->protocol == ICMP ? 0 : pseudo_sum(octets, m);
    return fold(sum_up(sum, octets + m->at, m->end - m->at));
}

void host_seal(uint8_t *octets, size_t n)
{
    struct message m = find_message(octets, n);
    if (!m.whole) {
        return;
    }
    if (m.family == 4) {
        put16(octets + 10, 0);
        put16(octets + 10, ~fold(sum_up(0, octets, m.at)));
    }
    size_t field = m.protocol == ICMP || m.protocol == ICMPV6 ? m.at + 2 : m.at + 16;
    if (field + 2 <= m.end) {
        put16(octets + field, 0);
        put16(octets + field, ~receiver_sum(octets, &m));
    }
}

/* ---- spoiling ---- */

enum spoil {
    SPOIL_CUT,           /* it ends early */
    SPOIL_FLIP,          /* a bit is another, and the checksum tells */
    SPOIL_FLIP_AND_SEAL, /* and the checksum does not tell */
    SPOIL_VERSION,
    SPOIL_FRAGMENT,
    SPOIL_PROTOCOL,
    SPOIL_DATA_OFFSET,
    SPOIL_OPTION,
    SPOIL_LENGTH,
    SPOIL_HEADER_SUM,
    SPOIL_SUM,
    SPOIL_PADDING, /* more octets than the packet has: still sound */
    SPOIL_HOP,     /* an extension header: still sound */
    SPOIL_HEADER_LENGTH,
    SPOILS
};

/* Four octets of options that begin with one of an impossible length. */
static size_t spoil_option(uint8_t *octets, size_t n, const struct message *m, unsigned where)
{
    static const uint8_t bad[8][2] = {{254, 0}, {254, 1}, {3, 0}, {8, 1},
                                      {2, 40},  {254, 5}, {5, 1}, {34, 255}};
    if (m->protocol != TCP || m->at + 20 > n || n + 4 > HOST_PACKET) {
        return n;
    }
    unsigned words = octets[m->at + 12] >> 4; /* spoiled before, perhaps */
    if (words < 5 || words >= 15 || m->at + words * 4u > n) {
        return n;
    }
    memmove(octets + m->at + 24, octets + m->at + 20, n - m->at - 20);
    memcpy(octets + m->at + 20, (const uint8_t[4]){1, 1, 1, 1}, 4);
    octets[m->at + 12] = (uint8_t)(octets[m->at + 12] + 0x10u);
    if ((where & 8u) != 0) { /* in front: what follows may be taken for its octets */
        memcpy(octets + m->at + 20, bad[where & 7u], 2);
    } else { /* at the end, where there is no more room for it */
        size_t last = m->at + (octets[m->at + 12] >> 4) * 4u - 2;
        memmove(octets + m->at + 20, octets + m->at + 24, last + 2 - (m->at + 24));
        memcpy(octets + last - 2, (const uint8_t[4]){1, 1, bad[where & 7u][0], bad[where & 7u][1]},
               4);
    }
    put16(octets + (m->family == 4 ? 2 : 4), (unsigned)(m->end + 4) - (m->family == 4 ? 0u : 40u));
    return n + 4;
}

/* Eight octets behind the IPv6 header: padding, or a fragment header. */
static size_t insert_header(uint8_t *octets, size_t n, unsigned kind, unsigned where)
{
    if (octets[0] >> 4 != 6 || n < 40 || n + 8 > HOST_PACKET) {
        return n;
    }
    memmove(octets + 48, octets + 40, n - 40);
    memcpy(octets + 40, (const uint8_t[8]){octets[6], 0, 1, 4}, 8);
    octets[6] = (uint8_t)kind;
    if (kind == FRAGMENT) {
        put16(octets + 42, where & 1u ? 1u : (where | 2u) << 3);
    }
    put16(octets + 4, get16(octets + 4) + 8);
    return n + 8;
}

static size_t spoil_family(uint8_t *octets, size_t n, enum spoil how, unsigned where)
{
    bool is_v4 = octets[0] >> 4 == 4;
    if (how == SPOIL_FRAGMENT && is_v4 && n >= 20) {
        put16(octets + 6, where & 1u ? 0x2000u : where | 2u);
    } else if (how == SPOIL_FRAGMENT) {
        return insert_header(octets, n, FRAGMENT, where);
    } else if (how == SPOIL_HOP) {
        return insert_header(octets, n, HOP, 0);
    } else if (how == SPOIL_PROTOCOL && n >= 20) {
        static const uint8_t others[4] = {UDP, ICMP, ICMPV6, 132};
        octets[is_v4 ? 9 : 6] = others[where & 3u];
    } else if (how == SPOIL_LENGTH && n >= 20) {
        uint8_t *field = octets + (is_v4 ? 2 : 4);
        unsigned shift = 1 + where % 64;
        put16(field, where & 0x80u ? get16(field) - shift : get16(field) + shift);
    }
    return n;
}

size_t host_spoil(uint8_t *octets, size_t n, unsigned how, unsigned where)
{
    struct message m = find_message(octets, n);
    enum spoil spoil = (enum spoil)(how % SPOILS);
    if (n < 40 || !m.whole) {
        return n;
    }
    switch (spoil) {
    case SPOIL_CUT:
        return where % n;
    case SPOIL_FLIP:
    case SPOIL_FLIP_AND_SEAL:
        octets[(how / SPOILS * 256u + where) % n] ^= (uint8_t)(1u << where % 8);
        break;
    case SPOIL_VERSION:
        octets[0] = (uint8_t)((octets[0] & 15u) | (where & 15u) << 4);
        return n;
    case SPOIL_DATA_OFFSET:
        if (m.at + 20 <= n) {
            octets[m.at + 12] = (uint8_t)((octets[m.at + 12] & 15u) | (where & 15u) << 4);
        }
        break;
    case SPOIL_OPTION:
        n = spoil_option(octets, n, &m, where);
        break;
    case SPOIL_HEADER_SUM:
        octets[m.family == 4 ? 10 : 6] ^= (uint8_t)(1u << where % 8);
        return n;
    case SPOIL_SUM:
        octets[m.at + (m.protocol == TCP ? 16 : 2)] ^= (uint8_t)(1u << where % 8);
        return n;
    case SPOIL_PADDING:
        where = where < HOST_PACKET - n ? where : 0;
        memset(octets + n, 0xa5, where);
        return n + where;
    case SPOIL_HEADER_LENGTH:
        octets[0] = (uint8_t)((octets[0] & 0xf0u) | (where & 15u));
        break;
    case SPOIL_FRAGMENT:
    case SPOIL_PROTOCOL:
    case SPOIL_LENGTH:
    case SPOIL_HOP:
        n = spoil_family(octets, n, spoil, where);
        break;
    case SPOILS:
        break;
    }
    if (spoil != SPOIL_FLIP) {
        host_seal(octets, n);
    }
    return n;
}

size_t host_icmp(const struct tfsm_address *a, const struct tfsm_address *b, unsigned type,
                 unsigned code, const uint8_t *packet, size_t quoted, uint8_t *octets)
{
    bool is_v4 = a->family == 4;
    size_t at = is_v4 ? 20 : 40;
    size_t n = at + 8 + quoted;
    memset(octets, 0, at + 8);
    octets[0] = is_v4 ? 0x45 : 0x60;
    put16(octets + (is_v4 ? 2 : 4), (unsigned)(is_v4 ? n : n - at));
    octets[is_v4 ? 8 : 7] = 64;
    octets[is_v4 ? 9 : 6] = is_v4 ? ICMP : ICMPV6;
    memcpy(octets + (is_v4 ? 12 : 8), a->octets, is_v4 ? 4 : 16);
    memcpy(octets + (is_v4 ? 16 : 24), b->octets, is_v4 ? 4 : 16);
    octets[at] = (uint8_t)type;
    octets[at + 1] = (uint8_t)code;
    put16(octets + at + 6, 1280);
    memcpy(octets + at + 8, packet, quoted);
    host_seal(octets, n);
    return n;
}

/* ---- judging ---- */

static bool is_loopback(const struct tfsm_address *address)
{
    static const uint8_t one[16] = {[15] = 1};
    return address->family == 4 ? address->octets[0] == 127 : memcmp(address->octets, one, 16) == 0;
}

static const char *judge_addresses(const uint8_t *octets, const struct message *m, unsigned count)
{
    bool is_v4 = m->family == 4;
    struct tfsm_address from = {.family = (uint8_t)m->family};
    struct tfsm_address to = {.family = (uint8_t)m->family};
    memcpy(from.octets, octets + (is_v4 ? 12 : 8), is_v4 ? 4 : 16);
    memcpy(to.octets, octets + (is_v4 ? 16 : 24), is_v4 ? 4 : 16);
    if (host_is_no_source(&from, count)) {
        return "RFC9293:MUST-63, RFC1122:3.2.1.3 no host has this source";
    }
    if (!host_is_local(&to, count)) {
        return "RFC9293:MUST-57, RFC1122:3.2.1.3 it is not for this host";
    }
    if (is_loopback(&from) != is_loopback(&to)) {
        return "RFC9293:MUST-63, RFC1122:3.2.1.3 a loopback address does not leave its host";
    }
    return NULL;
}

static const char *judge_tcp(const uint8_t *octets, const struct message *m)
{
    size_t n = m->end - m->at;
    if (n < 20) {
        return "RFC9293:3.1 it ends within the TCP header";
    }
    size_t offset = (octets[m->at + 12] >> 4) * 4u;
    if (offset < 20 || offset > n) {
        return "RFC9293:3.1 the data offset is outside the segment";
    }
    return receiver_sum(octets, m) != 0xffffu ? "RFC9293:MUST-3 the TCP checksum is wrong" : NULL;
}

static const char *judge_header(const uint8_t *octets, size_t n, const struct message *m)
{
    if (m->family != 4 && m->family != 6) {
        return "RFC 791 3.1, RFC 8200 3 neither version";
    }
    if (!m->whole) {
        return "RFC 791 3.1, RFC 8200 3 the lengths do not fit the packet";
    }
    if (m->family == 4 && fold(sum_up(0, octets, m->at)) != 0xffffu) {
        return "RFC1122:3.2.1.2 the header checksum is wrong";
    }
    if (m->family == 4 && (get16(octets + 6) & 0x3fffu) != 0) {
        return "RFC 791 3.1 a fragment is no segment";
    }
    if (m->family == 6 && m->protocol == FRAGMENT && n >= 48 &&
        (get16(octets + 42) & 0xfff9u) != 0) {
        return "RFC 8200 4.5 a fragment is no segment";
    }
    return NULL;
}

const char *host_is_unsound(const uint8_t *octets, size_t n, unsigned count)
{
    struct message m = find_message(octets, n);
    const char *why = judge_header(octets, n, &m);
    if (why != NULL) {
        return why;
    }
    why = judge_addresses(octets, &m, count);
    if (why != NULL) {
        return why;
    }
    if (m.protocol == TCP) {
        return judge_tcp(octets, &m);
    }
    if (m.protocol == UDP || m.protocol == (m.family == 4 ? ICMPV6 : ICMP)) {
        return "RFC9293:3.9.2 it is not TCP";
    }
    if (m.protocol == ICMP || m.protocol == ICMPV6) {
        return receiver_sum(octets, &m) != 0xffffu ? "RFC 792, RFC 4443 2.3 the checksum is wrong"
                                                   : NULL;
    }
    return NULL;
}
