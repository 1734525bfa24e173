/* Wireless frames, IEEE 802.11, and what those who record them put in front: radiotap, Prism, AVS.
 * See link.h. */
#include "link.h"

#define PRISM_HEADER 144u
#define AVS_MAGIC    0x80211000u /* and a version */

/* of frame control: the first octet */
#define KIND    0x4fu /* version, type, and whether it is without data */
#define DATA    0x08u
#define QUALITY 0x80u

/* of frame control: the second octet */
#define TO_DS          0x01u
#define FROM_DS        0x02u
#define MORE_FRAGMENTS 0x04u
#define PROTECTED      0x40u
#define ORDER          0x80u

#define SEVERAL 0x80u /* packets in one frame; of quality of service, the first octet */

/* of radiotap */
#define PRESENT_TSFT  0x01u
#define PRESENT_FLAGS 0x02u
#define PRESENT_MORE  0x80000000u
#define FLAG_PADDED   0x20u

/* Of a data frame whose header ends with two octets on the quality of service, where these are; 0: it
 * has none. */
static size_t quality_at(const uint8_t *octets)
{
    bool four = (octets[1] & (TO_DS | FROM_DS)) == (TO_DS | FROM_DS); /* addresses */
    return (octets[0] & QUALITY) == 0 ? 0 : four ? 30 : 24;
}

static size_t data_header(const uint8_t *octets)
{
    bool four = (octets[1] & (TO_DS | FROM_DS)) == (TO_DS | FROM_DS);
    bool quality = (octets[0] & QUALITY) != 0;
    bool control = quality && (octets[1] & ORDER) != 0; /* of high throughput */
    return 24u + (four ? 6u : 0u) + (quality ? 2u : 0u) + (control ? 4u : 0u);
}

/* padded  behind the header are octets up to a multiple of four, which some hardware puts there */
static bool wifi(struct cursor *cursor, bool padded)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_has(cursor, 2)) {
        return false;
    }
    if ((octets[0] & KIND) != DATA) { /* or data without any */
        return link_stop(cursor, CAPTURE_NOT_IP);
    }
    size_t header = data_header(octets);
    if (!link_step(cursor, header) || !link_step(cursor, padded ? (4 - header % 4) % 4 : 0)) {
        return false;
    }
    if ((octets[1] & PROTECTED) != 0) {
        return link_stop(cursor, CAPTURE_SEALED);
    }
    if ((octets[1] & MORE_FRAGMENTS) != 0 || (octets[22] & 0x0f) != 0) {
        return link_stop(cursor, CAPTURE_FRAGMENT);
    }
    size_t quality = quality_at(octets);
    if (quality != 0 && (octets[quality] & SEVERAL) != 0) {
        return link_stop(cursor, CAPTURE_SEALED);
    }
    return link_llc(cursor);
}

bool link_wifi(struct cursor *cursor)
{
    return wifi(cursor, false);
}

/* Whether radiotap's flags, the second field if they are there, tell of padding.
 * n  octets of the header, at least 8 */
static bool is_padded(const uint8_t *octets, size_t n)
{
    uint32_t present = little32(octets + 4);
    size_t at = 8;
    if ((present & PRESENT_FLAGS) == 0) {
        return false;
    }
    for (uint32_t more = present; (more & PRESENT_MORE) != 0 && at + 4 <= n; at += 4) {
        more = little32(octets + at);
    }
    at = (present & PRESENT_TSFT) != 0 ? (at + 7) / 8 * 8 + 8 : at;
    return at < n && (octets[at] & FLAG_PADDED) != 0;
}

bool link_radiotap(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    size_t header;
    return link_length(cursor, &header) && link_step(cursor, header) &&
           wifi(cursor, is_padded(octets, header));
}

bool link_avs(struct cursor *cursor)
{
    const uint8_t *octets = link_here(cursor);
    if (!link_has(cursor, 8)) {
        return false;
    }
    return link_step(cursor, get32(octets + 4)) && link_wifi(cursor);
}

/* Drivers that know the newer header send it under the number of this one, too. */
bool link_prism(struct cursor *cursor)
{
    if (!link_has(cursor, 4)) {
        return false;
    }
    if ((get32(link_here(cursor)) & 0xfffff000u) == AVS_MAGIC) {
        return link_avs(cursor);
    }
    return link_step(cursor, PRISM_HEADER) && link_wifi(cursor);
}
