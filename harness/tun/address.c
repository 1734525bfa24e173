/* Names and addresses of a TUN device as text, and what can be known of them without the device. */
#include "tun.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static unsigned width_of(const struct tfsm_address *address)
{
    return address->family == 4 ? 32 : 128;
}

/* As the kernel's dev_valid_name(), and no per cent sign: that would make it choose a number. */
const char *tun_name_complaint(const char *name)
{
    size_t length = strlen(name);
    if (length == 0) {
        return "the name of a device cannot be empty";
    }
    if (length > TUN_NAME_MOST) {
        return "the name of a device has 15 characters at most";
    }
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return "no name for a device";
    }
    for (size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] > '~' || strchr("/:%", name[i]) != NULL) {
            return "a device's name has no slash, colon, per cent sign or space";
        }
    }
    return NULL;
}

const char *tun_read_host(const char *text, struct tfsm_address *out)
{
    *out = (struct tfsm_address){.family = 4};
    if (inet_pton(AF_INET, text, out->octets) != 1) {
        out->family = 6;
        if (inet_pton(AF_INET6, text, out->octets) != 1) {
            return "is no IPv4 or IPv6 address";
        }
    }
    if (!tfsm_address_is_unicast(out) || (out->family == 4 && out->octets[0] == 127)) {
        return "is not the address of one host on a network";
    }
    return NULL;
}

/* The bits behind the prefix: all zero, all one, or neither. */
static void look_at_host_bits(const struct endpoint_local *local, bool *zero, bool *one)
{
    *zero = true;
    *one = true;
    for (unsigned bit = local->prefix; bit < width_of(&local->address); bit++) {
        bool set = (local->address.octets[bit / 8] >> (7 - bit % 8) & 1) != 0;
        *zero = *zero && !set;
        *one = *one && set;
    }
}

static const char *read_prefix(const char *text, struct endpoint_local *out)
{
    unsigned bits = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || at - text > 2) {
            return "the prefix is a number of bits";
        }
        bits = bits * 10 + (unsigned)(*at - '0');
    }
    if (text[0] == '\0' || bits == 0 || bits > width_of(&out->address)) {
        return out->address.family == 4 ? "the prefix is 1 to 32 bits"
                                        : "the prefix is 1 to 128 bits";
    }
    out->prefix = (uint8_t)bits;
    return NULL;
}

const char *tun_read_address(const char *text, struct endpoint_local *out)
{
    char host[64];
    bool zero;
    bool one;
    const char *slash = strchr(text, '/');
    if (slash == NULL) {
        return "is not ADDRESS/BITS";
    }
    if ((size_t)(slash - text) >= sizeof host) {
        return "is no IPv4 or IPv6 address";
    }
    memcpy(host, text, (size_t)(slash - text));
    host[slash - text] = '\0';
    const char *complaint = tun_read_host(host, &out->address);
    if (complaint == NULL) {
        complaint = read_prefix(slash + 1, out);
    }
    if (complaint != NULL) {
        return complaint;
    }
    look_at_host_bits(out, &zero, &one);
    bool narrow = width_of(&out->address) - out->prefix < 2;
    if (!narrow && (zero || (one && out->address.family == 4))) {
        return "is the address of a network, not of a host in it";
    }
    return NULL;
}

bool tun_choose_host(const struct endpoint_local *ours, struct tfsm_address *host)
{
    unsigned width = width_of(&ours->address);
    if (ours->prefix >= width) {
        return false;
    }
    *host = ours->address;
    for (unsigned bit = ours->prefix; bit < width; bit++) {
        host->octets[bit / 8] &= (uint8_t) ~(1u << (7 - bit % 8));
    }
    uint8_t *last = &host->octets[width / 8 - 1];
    if (width - ours->prefix > 1) {
        *last |= 1; /* zero is the network, or the address of any router there */
    }
    if (memcmp(host->octets, ours->address.octets, sizeof host->octets) == 0) {
        *last = (uint8_t)(*last + 1);
    }
    return true;
}

bool tun_same_network(const struct tfsm_address *a, const struct tfsm_address *b, unsigned bits)
{
    for (unsigned bit = 0; bit < bits; bit++) {
        if (((a->octets[bit / 8] ^ b->octets[bit / 8]) >> (7 - bit % 8) & 1) != 0) {
            return false;
        }
    }
    return a->family == b->family;
}
