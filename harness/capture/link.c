/* From link to IP: where in a frame the IP packet begins. One row a link type; what has a header of
 * its own is read here, what hands on to others in link_ether.c and link_air.c. */
#include "link.h"

#define SLL_RADIOTAP                                                                               \
    803u /* ARPHRD_IEEE80211_RADIOTAP: what a device sends, whatever it says of it */
#define SLL_FRELAY  770u
#define SLL_NETLINK 824u

#define NFLOG_PAYLOAD 9u

/* ---- nothing but IP, whose own version says which, behind a header of fixed length ---- */

static bool raw(struct cursor *cursor)
{
    return link_step(cursor, 0);
}

/* The address family, in the byte order of whoever recorded it. */
static bool loopback(struct cursor *cursor)
{
    return link_step(cursor, 4);
}

static bool slip(struct cursor *cursor)
{
    return link_step(cursor, 16);
}

static bool slip_bsdos(struct cursor *cursor)
{
    return link_step(cursor, 24);
}

/* Family, security parameters index, flags of IPsec that is done. */
static bool enc(struct cursor *cursor)
{
    return link_step(cursor, 12);
}

static bool ipnet(struct cursor *cursor)
{
    return link_step(cursor, 24);
}

/* ---- an ethertype, or a PPP protocol, at a fixed place ---- */

static bool linux_typed(struct cursor *cursor, size_t device_at, size_t type_at, size_t header)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_has(cursor, header)) {
        return false;
    }
    switch (get16(octets + device_at)) {
    case SLL_RADIOTAP:
        return link_step(cursor, header) && link_radiotap(cursor);
    case SLL_FRELAY:
        return link_step(cursor, header) && link_inner(cursor, 107);
    case SLL_NETLINK:
        return link_stop(cursor, CAPTURE_NOT_IP);
    default:
        return link_typed(cursor, type_at, header); /* less than an ethertype: LLC, or not IP */
    }
}

static bool sll(struct cursor *cursor)
{
    return linux_typed(cursor, 2, 14, 16);
}

static bool sll2(struct cursor *cursor)
{
    return linux_typed(cursor, 8, 0, 20);
}

static bool hdlc(struct cursor *cursor)
{
    return link_typed(cursor, 2, 4);
}

static bool firewire(struct cursor *cursor)
{
    return link_typed(cursor, 16, 18);
}

/* Type and two octets of zero (RFC 4391), and in front of them nothing, a hardware address, or what
 * InfiniBand routes by. */
static bool infiniband(struct cursor *cursor)
{
    static const size_t fronts[] = {0, 20, 40};
    const uint8_t *octets = link_here(cursor);
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++) {
        if (!link_has(cursor, fronts[i] + 4)) {
            return false;
        }
        const uint8_t *type = octets + fronts[i];
        if ((get16(type) == 0x0800 || get16(type) == 0x86dd) && get16(type + 2) == 0) {
            return link_step(cursor, fronts[i] + 4);
        }
    }
    return link_stop(cursor, CAPTURE_NOT_IP);
}

static bool ppp_bsdos(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_step(cursor, 24)) {
        return false;
    }
    unsigned protocol = get16(octets + 5);
    return protocol == 0x0021 || protocol == 0x0057 || link_stop(cursor, CAPTURE_NOT_IP);
}

/* ---- rings and old wires ---- */

static bool token_ring(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_step(cursor, 14)) {
        return false;
    }
    if ((octets[1] & 0xc0) != 0x40) { /* its own business */
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
    if ((octets[8] & 0x80) != 0) { /* the source has chosen a route, which says its length */
        if (!link_has(cursor, 1) || !link_step(cursor, *link_here(cursor) & 0x1fu)) {
            return false;
        }
    }
    return link_llc(cursor);
}

static bool fddi(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_step(cursor, 13)) {
        return false;
    }
    return (octets[0] & 0x70) == 0x50 ? link_llc(cursor) : link_stop(cursor, CAPTURE_NOT_IP);
}

/* ARCNET: the packet type, and, but for the old ones, whether this is a piece of a packet.
 * type_at  behind the addresses, and what Linux puts there */
static bool arcnet_at(struct cursor *cursor, size_t type_at)
{
    if (!link_has(cursor, type_at + 1)) {
        return false;
    }
    const uint8_t *octets = link_here(cursor) + type_at;
    switch (octets[0]) {
    case 0xf0: /* RFC 1051 */
        return link_step(cursor, type_at + 1);
    case 0xd4: /* RFC 1201, IPv4 and IPv6 */
    case 0xc4:
        if (!link_has(cursor, type_at + 4)) {
            return false;
        }
        if (octets[1] == 0xff) { /* filled up, for there are lengths that this wire cannot have */
            octets += 4;
            if (!link_step(cursor, 4) || !link_has(cursor, type_at + 4)) {
                return false;
            }
        }
        return octets[1] == 0 ? link_step(cursor, type_at + 4)
                              : link_stop(cursor, CAPTURE_FRAGMENT);
    default:
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
}

static bool arcnet(struct cursor *cursor)
{
    return arcnet_at(cursor, 2);
}

static bool arcnet_linux(struct cursor *cursor)
{
    return arcnet_at(cursor, 4);
}

/* Two addresses, then LLC (RFC 2625). */
static bool fibre_channel(struct cursor *cursor)
{
    return link_step(cursor, 16) && link_llc(cursor);
}

/* ---- wide area ---- */

/* With LLC or without: nothing says which. */
static bool atm_clip(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_has(cursor, 3)) {
        return false;
    }
    return octets[0] != 0xaa || octets[1] != 0xaa || octets[2] != 0x03 || link_llc_atm(cursor);
}

/* An address, whose last octet is odd; then as RFC 2427 says, or as Cisco does, an ethertype. */
static bool frame_relay(struct cursor *cursor)
{
    unsigned octets = 0;
    bool last = false;
    while (!last) {
        const uint8_t *octet = link_here(cursor);
        if (octets++ == 4) {
            return link_stop(cursor, CAPTURE_NOT_IP);
        }
        if (!link_step(cursor, 1)) {
            return false;
        }
        last = (*octet & 1) != 0;
    }
    if (!link_has(cursor, 2)) {
        return false;
    }
    const uint8_t *control = link_here(cursor);
    if (control[0] != 0x03) {
        return link_typed(cursor, 0, 2);
    }
    if (!link_step(cursor, control[1] == 0 ? 2 : 1) || !link_has(cursor, 1)) {
        return false;
    }
    if (*link_here(cursor) != 0x80) {
        return link_nlpid(cursor);
    }
    return link_step(cursor, 1) && link_snap(cursor);
}

/* ---- a direction in front ---- */

static bool ppp_directed(struct cursor *cursor)
{
    return link_step(cursor, 1) && link_ppp(cursor);
}

static bool hdlc_directed(struct cursor *cursor)
{
    return link_step(cursor, 1) && hdlc(cursor);
}

static bool frame_relay_directed(struct cursor *cursor)
{
    return link_step(cursor, 1) && frame_relay(cursor);
}

/* The direction in the place of HDLC's address. */
static bool pppd(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_step(cursor, 2)) {
        return false;
    }
    return octets[1] == 0x03 ? link_ppp_protocol(cursor) : link_stop(cursor, CAPTURE_NOT_IP);
}

/* ---- what a switch, or a filter, says of a frame ---- */

/* Behind the addresses of Ethernet four octets, then an ethertype. */
static bool switch_tag(struct cursor *cursor)
{
    return link_typed(cursor, 16, 18);
}

static bool switch_tag_in_front(struct cursor *cursor)
{
    return link_step(cursor, 4) && link_ethernet(cursor);
}

/* The preamble of a frame that may be preempted. */
static bool mpacket(struct cursor *cursor)
{
    return link_step(cursor, 8) && link_ethernet(cursor);
}

/* Its header says its length, less what fills it up. */
static bool pflog(struct cursor *cursor)
{
    if (!link_has(cursor, 4)) {
        return false;
    }
    return link_step(cursor, (*link_here(cursor) + 3u) / 4u * 4u);
}

/* Attributes in the byte order of whoever recorded them, one of which is the packet; their types are
 * small, so that the order shows. */
static bool nflog(struct cursor *cursor)
{
    if (!link_step(cursor, 4)) {
        return false;
    }
    while (link_has(cursor, 4)) {
        const uint8_t *octets = link_here(cursor);
        bool little = octets[3] == 0;
        unsigned length = little ? little16(octets) : get16(octets);
        unsigned type = little ? little16(octets + 2) : get16(octets + 2);
        if (type == NFLOG_PAYLOAD) {
            return link_step(cursor, 4);
        }
        if (!link_step(cursor, (length + 3u) / 4u * 4u)) {
            return false;
        }
    }
    return false;
}

/* ---- a link type within ---- */

bool link_length(struct cursor *cursor, size_t *header)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_has(cursor, 8)) {
        return false;
    }
    *header = little16(octets + 2);
    if (octets[0] != 0 || *header < 8) {
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
    return true;
}

static bool ppi(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    size_t header;
    return link_length(cursor, &header) && link_step(cursor, header) &&
           link_inner(cursor, little32(octets + 4));
}

static bool pktap(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_has(cursor, 12)) {
        return false;
    }
    uint32_t header = little32(octets);
    if (header < 12 || little32(octets + 4) != 1) { /* no packet behind it */
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
    return link_step(cursor, header) && link_inner(cursor, little32(octets + 8));
}

/* ---- the table ---- */

struct link {
    uint32_t number;
    link_walk *walk;
};

/* Numbers of files, LINKTYPE_, and those of DLT_ that are found in files, too. */
/* clang-format off */
static const struct link links[] = {
    {  0, loopback},             /* NULL */
    {  1, link_ethernet},        /* EN10MB */
    {  6, token_ring},           /* IEEE802 */
    {  7, arcnet},               /* ARCNET */
    {  8, slip},                 /* SLIP */
    {  9, link_ppp},             /* PPP */
    { 10, fddi},                 /* FDDI */
    { 11, link_llc_atm},         /* ATM_RFC1483 */
    { 12, raw},                  /* RAW */
    { 14, raw},                  /* RAW, of OpenBSD */
    { 15, slip_bsdos},           /* SLIP_BSDOS */
    { 16, ppp_bsdos},            /* PPP_BSDOS */
    { 19, atm_clip},             /* ATM_CLIP */
    { 50, link_ppp},             /* PPP_SERIAL */
    { 51, link_pppoe},           /* PPP_ETHER */
    {100, link_llc_atm},         /* ATM_RFC1483 */
    {101, raw},                  /* RAW */
    {102, slip_bsdos},           /* SLIP_BSDOS */
    {103, ppp_bsdos},            /* PPP_BSDOS */
    {104, link_ppp},             /* C_HDLC */
    {105, link_wifi},            /* IEEE802_11 */
    {106, atm_clip},             /* ATM_CLIP */
    {107, frame_relay},          /* FRELAY */
    {108, loopback},             /* LOOP */
    {109, enc},                  /* ENC */
    {112, link_ppp},             /* HDLC, of NetBSD */
    {113, sll},                  /* LINUX_SLL */
    {117, pflog},                /* PFLOG */
    {119, link_prism},           /* PRISM_HEADER */
    {122, fibre_channel},        /* IP_OVER_FC */
    {127, link_radiotap},        /* IEEE802_11_RADIO */
    {129, arcnet_linux},         /* ARCNET_LINUX */
    {138, firewire},             /* APPLE_IP_OVER_IEEE1394 */
    {163, link_avs},             /* IEEE802_11_RADIO_AVS */
    {166, pppd},                 /* PPP_PPPD */
    {192, ppi},                  /* PPI */
    {204, ppp_directed},         /* PPP_WITH_DIR */
    {205, hdlc_directed},        /* C_HDLC_WITH_DIR */
    {206, frame_relay_directed}, /* FRELAY_WITH_DIR */
    {219, link_mpls},            /* MPLS */
    {226, ipnet},                /* IPNET */
    {228, raw},                  /* IPV4 */
    {229, raw},                  /* IPV6 */
    {239, nflog},                /* NFLOG */
    {242, infiniband},           /* IPOIB */
    {258, pktap},                /* PKTAP */
    {274, mpacket},              /* ETHERNET_MPACKET */
    {276, sll2},                 /* LINUX_SLL2 */
    {281, switch_tag},           /* DSA_TAG_BRCM */
    {282, switch_tag_in_front},  /* DSA_TAG_BRCM_PREPEND */
    {284, switch_tag},           /* DSA_TAG_DSA */
    {285, link_ethernet},        /* DSA_TAG_EDSA: a tag with an ethertype */
};
/* clang-format on */

const struct link *link_of(uint32_t number)
{
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        if (links[i].number == number) {
            return &links[i];
        }
    }
    return NULL;
}

int link_in_files(int number)
{
    switch (number) {
    case 11:
        return 100;
    case 12:
    case 14:
        return 101;
    case 15:
        return 102;
    case 16:
        return 103;
    case 19:
        return 106;
    default:
        return number;
    }
}

bool link_inner(struct cursor *cursor, uint32_t number)
{
    const struct link *link = link_of(number);
    return link != NULL ? link->walk(cursor) : link_stop(cursor, CAPTURE_LINK);
}

bool link_find_ip(const struct link *link, const uint8_t *octets, size_t n, size_t *at,
                  enum capture_reason *reason)
{
    struct cursor cursor = {.octets = octets, .n = n};
    bool found = link->walk(&cursor);
    *at = cursor.at;
    *reason = cursor.reason;
    return found;
}
