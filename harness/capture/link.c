/* From link to IP: where in a frame the IP packet begins. */
#include <pcap/pcap.h>

#include "internal.h"

#define IPV4      0x0800u
#define IPV6      0x86ddu
#define C_TAG     0x8100u /* IEEE 802.1Q */
#define S_TAG     0x88a8u /* the outer of two, IEEE 802.1ad */
#define OLD_TAG   0x9100u /* the same before there was a standard */
#define TAG       4u
#define TAGS_MOST 4u

#define LOOPBACK                                                                                   \
    4u /* the family, in the byte order of whoever recorded it: IP's own version says
                       the same */

/* Where a link header has its ethertype, and where what that tells of begins. */
static const struct link {
    int type;        /* as libpcap has it */
    unsigned number; /* as files have it */
    size_t ethertype_at;
    size_t payload_at;
} links[] = {
    {DLT_EN10MB, 1, 12, 14},
    {DLT_LINUX_SLL, 113, 14, 16},
    {DLT_LINUX_SLL2, 276, 0, 20},
};

/* Link types with nothing but IP behind a header of this length. */
static const struct bare {
    int type;
    unsigned number;
    size_t header;
} bares[] = {
    {DLT_RAW, 101, 0},       {DLT_IPV4, 228, 0},        {DLT_IPV6, 229, 0},
    {DLT_NULL, 0, LOOPBACK}, {DLT_LOOP, 108, LOOPBACK},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct link *find_link(unsigned number)
{
    for (size_t i = 0; i < COUNT(links); i++) {
        if (links[i].number == number) {
            return &links[i];
        }
    }
    return NULL;
}

static const struct bare *find_bare(unsigned number)
{
    for (size_t i = 0; i < COUNT(bares); i++) {
        if (bares[i].number == number) {
            return &bares[i];
        }
    }
    return NULL;
}

bool link_is_known(unsigned link)
{
    return find_link(link) != NULL || find_bare(link) != NULL;
}

unsigned link_number(int type)
{
    for (size_t i = 0; i < COUNT(links); i++) {
        if (links[i].type == type) {
            return links[i].number;
        }
    }
    for (size_t i = 0; i < COUNT(bares); i++) {
        if (bares[i].type == type) {
            return bares[i].number;
        }
    }
    return LINK_UNKNOWN;
}

static bool is_tag(unsigned ethertype)
{
    return ethertype == C_TAG || ethertype == S_TAG || ethertype == OLD_TAG;
}

/* Step over VLAN tags: each has two octets of its own, then the ethertype of what follows. False
 * when the frame ends within them. */
static bool skip_tags(const uint8_t *octets, size_t n, unsigned *ethertype, size_t *at)
{
    for (unsigned i = 0; i < TAGS_MOST && is_tag(*ethertype); i++) {
        if (*at + TAG > n) {
            return false;
        }
        *ethertype = get16(octets + *at + 2);
        *at += TAG;
    }
    return true;
}

bool link_find_ip(unsigned link, const uint8_t *octets, size_t n, size_t *at,
                  enum capture_reason *reason)
{
    const struct bare *bare = find_bare(link);
    const struct link *head = find_link(link);
    unsigned ethertype = 0;
    *at = bare != NULL ? bare->header : head != NULL ? head->payload_at : n + 1;
    *reason = CAPTURE_CUT_HEADER;
    if (*at > n) {
        return false;
    }
    if (head != NULL) {
        ethertype = get16(octets + head->ethertype_at);
        if (!skip_tags(octets, n, &ethertype, at)) {
            return false;
        }
        if (ethertype != IPV4 && ethertype != IPV6) {
            *reason = CAPTURE_NOT_IP;
            return false;
        }
    }
    return true;
}
