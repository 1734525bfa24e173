/* Options laid out as Linux does. tfsm_write() writes them tight, so that they never take more room
 * than they came in; scripts for packetdrill were written against Linux and compare octet by octet.
 */
#include "layout.h"

#include <stdbool.h>
#include <string.h>

#define TCP_HEADER  20u
#define OPTIONS_MAX 40u
#define PADDED_MAX  80u /* more than known options can come to, padding and all */

#define KIND_END            0u
#define KIND_NOP            1u
#define KIND_MSS            2u
#define KIND_WSCALE         3u
#define KIND_SACK_PERMITTED 4u
#define KIND_SACK           5u
#define KIND_TIMESTAMPS     8u
#define KIND_FAST_OPEN      34u

/* Where each option that has a customary place stands in the old layout; null: it is not there. */
struct found {
    const uint8_t *mss;
    const uint8_t *wscale;
    const uint8_t *sack_permitted;
    const uint8_t *sack;
    const uint8_t *timestamps;
    const uint8_t *fast_open;
    const uint8_t *others[OPTIONS_MAX / 2];
    size_t other_count;
};

static void note(struct found *found, const uint8_t *option)
{
    const uint8_t **place = option[0] == KIND_MSS              ? &found->mss
                            : option[0] == KIND_WSCALE         ? &found->wscale
                            : option[0] == KIND_SACK_PERMITTED ? &found->sack_permitted
                            : option[0] == KIND_SACK           ? &found->sack
                            : option[0] == KIND_TIMESTAMPS     ? &found->timestamps
                            : option[0] == KIND_FAST_OPEN      ? &found->fast_open
                                                               : NULL;
    if (place != NULL && *place == NULL) {
        *place = option;
    } else {
        found->others[found->other_count++] = option;
    }
}

/* Returns false when an option's length is illegal. */
static bool find(const uint8_t *options, size_t n, struct found *found)
{
    memset(found, 0, sizeof *found);
    for (size_t at = 0; at < n && options[at] != KIND_END;) {
        if (options[at] == KIND_NOP) {
            at++;
            continue;
        }
        if (n - at < 2 || options[at + 1] < 2 || options[at + 1] > n - at) {
            return false;
        }
        note(found, options + at);
        at += options[at + 1];
    }
    return true;
}

static size_t put(uint8_t *to, size_t at, unsigned nops, const uint8_t *option)
{
    if (option == NULL) {
        return at;
    }
    memset(to + at, KIND_NOP, nops);
    memcpy(to + at + nops, option, option[1]);
    return at + nops + option[1];
}

/* Returns the length, a multiple of four. */
static size_t lay_out(const struct found *found, uint8_t to[PADDED_MAX])
{
    size_t at = put(to, 0, 0, found->mss);
    bool together = found->sack_permitted != NULL && found->timestamps != NULL;
    at = put(to, at, together ? 0 : 2, found->sack_permitted);
    at = put(to, at, together ? 0 : 2, found->timestamps);
    at = put(to, at, 1, found->wscale);
    for (size_t i = 0; i < found->other_count; i++) {
        at = put(to, at, 0, found->others[i]);
    }
    at = put(to, at, 2, found->sack);
    at = put(to, at, 0, found->fast_open);
    while (at % 4 != 0) {
        to[at++] = KIND_NOP;
    }
    return at;
}

static void put16(uint8_t *to, size_t number)
{
    to[0] = (uint8_t)(number >> 8 & 0xff);
    to[1] = (uint8_t)(number & 0xff);
}

static uint32_t sum(uint32_t so_far, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        so_far += i % 2 == 0 ? (uint32_t)octets[i] << 8 : octets[i];
    }
    return so_far;
}

static size_t checksum(uint32_t so_far)
{
    while (so_far > 0xffff) {
        so_far = (so_far & 0xffff) + (so_far >> 16);
    }
    return 0xffffu - so_far;
}

/* Lengths and checksums after the options changed; n octets in all. */
static void renew(uint8_t *packet, size_t n, size_t ip_header)
{
    uint8_t *tcp = packet + ip_header;
    size_t payload = n - ip_header;
    bool six = ip_header == 40;
    uint32_t pseudo = six ? sum(0, packet + 8, 32) : sum(0, packet + 12, 8);
    if (six) {
        put16(packet + 4, payload);
    } else {
        put16(packet + 2, n);
        put16(packet + 10, 0);
        put16(packet + 10, checksum(sum(0, packet, ip_header)));
    }
    put16(tcp + 16, 0);
    put16(tcp + 16, checksum(sum(pseudo + 6u + (uint32_t)payload, tcp, payload)));
}

size_t layout_options(uint8_t *packet, size_t n, size_t room)
{
    size_t ip_header = n > 0 && packet[0] >> 4 == 6 ? 40 : 20;
    bool plain = n > 0 && (packet[0] == 0x45 || ip_header == 40);
    if (!plain || n < ip_header + TCP_HEADER || packet[ip_header == 40 ? 6 : 9] != 6) {
        return n;
    }
    uint8_t *tcp = packet + ip_header;
    size_t header = (size_t)(tcp[12] >> 4) * 4;
    struct found found;
    uint8_t options[PADDED_MAX];
    if (header < TCP_HEADER || header > n - ip_header ||
        !find(tcp + TCP_HEADER, header - TCP_HEADER, &found)) {
        return n;
    }
    size_t text = n - ip_header - header;
    size_t length = lay_out(&found, options);
    size_t total = ip_header + TCP_HEADER + length + text;
    if (length > OPTIONS_MAX || total > room || (text > 0 && total > n)) {
        return n;
    }
    memmove(tcp + TCP_HEADER + length, tcp + header, text);
    memcpy(tcp + TCP_HEADER, options, length);
    tcp[12] = (uint8_t)((TCP_HEADER + length) / 4 << 4 | (tcp[12] & 0x0f));
    renew(packet, total, ip_header);
    return total;
}
