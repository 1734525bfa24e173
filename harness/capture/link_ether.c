/* Link headers that say what follows them: Ethernet with its tags, 802.2 LLC and SNAP, MPLS, PPPoE and
 * PPP. Any of them may stand behind most of the others. See link.h. */
#include <string.h>

#include "link.h"

#define IPV4         0x0800u
#define IPV6         0x86ddu
#define PPP          0x880bu
#define MPLS         0x8847u
#define MPLS_DOWN    0x8848u /* with a label that the receiver has chosen for many */
#define PPPOE        0x8864u
#define MACSEC       0x88e5u
#define ETHERTYPES   1536u /* what is less is a length, IEEE 802.3 */
#define MAC_HEADER   14u
#define PPPOE_HEADER 6u

/* Tags between ethertype and payload: these octets follow, the last two of which are the next
 * ethertype. */
/* clang-format off */
static const struct tag {
    unsigned ethertype;
    size_t size;
} tags[] = {
    {0x8100, 4}, /* IEEE 802.1Q */
    {0x88a8, 4}, /* the outer of two, IEEE 802.1ad */
    {0x9100, 4}, /* the same before there was a standard */
    {0x9200, 4}, /* the same */
    {0x8926, 6}, /* VN-Tag */
    {0xdada, 8}, /* of a switch: DSA with an ethertype */
};
/* clang-format on */

bool link_ethertype(struct cursor *cursor, unsigned ethertype)
{
    if (ethertype == IPV4 || ethertype == IPV6) {
        return true;
    }
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (tags[i].ethertype == ethertype) {
            return link_typed(cursor, tags[i].size - 2, tags[i].size);
        }
    }
    switch (ethertype) {
    case MPLS:
    case MPLS_DOWN:
        return link_mpls(cursor);
    case PPPOE:
        return link_pppoe(cursor);
    case PPP:
        return link_ppp_protocol(cursor);
    case MACSEC:
        return link_stop(cursor, CAPTURE_SEALED);
    default:
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
}

/* An ethertype, or the length of what LLC begins. */
bool link_typed(struct cursor *cursor, size_t ethertype_at, size_t header)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_step(cursor, header)) {
        return false;
    }
    unsigned ethertype = get16(octets + ethertype_at);
    return ethertype < ETHERTYPES ? link_llc(cursor) : link_ethertype(cursor, ethertype);
}

bool link_ethernet(struct cursor *cursor)
{
    return link_typed(cursor, 12, MAC_HEADER);
}

/* Labels, the last of which has a bit set. Nothing says what follows; IP's version does. */
bool link_mpls(struct cursor *cursor)
{
    const uint8_t *label;
    do {
        label = link_here(cursor);
        if (!link_step(cursor, 4)) {
            return false;
        }
    } while ((label[2] & 1) == 0);
    return true;
}

/* ---- LLC ---- */

bool link_nlpid(struct cursor *cursor)
{
    const uint8_t *nlpid = link_here(cursor);
    if (!link_step(cursor, 1)) {
        return false;
    }
    switch (*nlpid) {
    case 0xcc: /* IPv4 */
    case 0x8e: /* IPv6 */
        return true;
    case 0xcf:
        return link_ppp_protocol(cursor);
    default:
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
}

/* Organization and protocol of it: those of Ethernet, or Ethernet itself, bridged (RFC 2684,
 * RFC 2427). */
static bool snap(struct cursor *cursor, size_t bridge_padding)
{
    static const uint8_t ethernet[3] = {0, 0, 0};
    static const uint8_t translated[3] = {0, 0, 0xf8}; /* IEEE 802.1H */
    static const uint8_t bridged[3] = {0, 0x80, 0xc2};
    const uint8_t *octets = link_here(cursor);
    if (!link_step(cursor, 5)) {
        return false;
    }
    unsigned protocol = get16(octets + 3);
    if (memcmp(octets, bridged, 3) == 0 && (protocol == 1 || protocol == 7)) {
        return link_step(cursor, bridge_padding) && link_ethernet(cursor);
    }
    if (memcmp(octets, ethernet, 3) == 0 || memcmp(octets, translated, 3) == 0) {
        return link_ethertype(cursor, protocol);
    }
    return link_stop(cursor, CAPTURE_NOT_IP);
}

static bool llc(struct cursor *cursor, size_t bridge_padding)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_step(cursor, 3)) {
        return false;
    }
    if (octets[0] != octets[1] || octets[2] != 0x03) { /* both ends the same, no connection */
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
    switch (octets[0]) {
    case 0xaa:
        return snap(cursor, bridge_padding);
    case 0xfe:
        return link_nlpid(cursor);
    case 0x06: /* IPv4, without SNAP */
        return true;
    default:
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
}

bool link_llc(struct cursor *cursor)
{
    return llc(cursor, 0);
}

bool link_snap(struct cursor *cursor)
{
    return snap(cursor, 0);
}

/* Over ATM bridged frames begin at a multiple of four (RFC 2684). */
bool link_llc_atm(struct cursor *cursor)
{
    if (!link_has(cursor, 1)) {
        return false;
    }
    if (*link_here(cursor) == 0x03) { /* no service access points, as on Frame Relay */
        return link_step(cursor, 1) && link_nlpid(cursor);
    }
    return llc(cursor, 2);
}

/* ---- PPP ---- */

/* The protocol field, which is compressed to one octet where that is odd (RFC 1661). */
bool link_ppp_protocol(struct cursor *cursor)
{
    if (!link_has(cursor, 1)) {
        return false;
    }
    const uint8_t *octets = link_here(cursor);
    bool compressed = (octets[0] & 1) != 0;
    if (!link_step(cursor, compressed ? 1 : 2)) {
        return false;
    }
    switch (compressed ? octets[0] : get16(octets)) {
    case 0x0021: /* IPv4 */
    case 0x0057: /* IPv6 */
        return true;
    case 0x0281:
    case 0x0283:
        return link_mpls(cursor);
    case 0x0003: /* ROHC */
    case 0x0005:
    case 0x002d: /* headers compressed as RFC 1144 does */
    case 0x002f:
    case 0x0053: /* encrypted */
    case 0x00fd: /* compressed */
        return link_stop(cursor, CAPTURE_SEALED);
    default:
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
}

/* With address and control of HDLC, or without; or what Cisco sends in their place. */
bool link_ppp(struct cursor *cursor)
{
    if (!link_has(cursor, 2)) {
        return false;
    }
    const uint8_t *octets = link_here(cursor);
    if ((octets[0] == 0x0f || octets[0] == 0x8f) && octets[1] == 0) {
        return link_typed(cursor, 2, 4);
    }
    bool hdlc = octets[0] == 0xff && octets[1] == 0x03;
    return link_step(cursor, hdlc ? 2 : 0) && link_ppp_protocol(cursor);
}

bool link_pppoe(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_step(cursor, PPPOE_HEADER)) {
        return false;
    }
    if (octets[0] != 0x11 || octets[1] != 0) { /* no session */
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
    return link_ppp_protocol(cursor);
}
