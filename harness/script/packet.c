/* See packet.h. Checksums are computed here anew. */
#include "packet.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- octets ---- */

static unsigned get16(const uint8_t *octets)
{
    return octets[0] * 256u + octets[1];
}

static uint32_t get32(const uint8_t *octets)
{
    return (uint32_t)get16(octets) << 16 | get16(octets + 2);
}

static void put16(uint8_t *octets, uint32_t number)
{
    octets[0] = (uint8_t)(number >> 8 & 0xff);
    octets[1] = (uint8_t)(number & 0xff);
}

static void put32(uint8_t *octets, uint32_t number)
{
    put16(octets, number >> 16);
    put16(octets + 2, number & 0xffff);
}

static uint64_t sum16(uint64_t sum, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += (uint64_t)octets[i] << (i % 2 == 0 ? 8 : 0);
    }
    return sum;
}

/* The ones' complement of the sum, as it stands in a header (RFC 1071). */
static uint16_t fold(uint64_t sum)
{
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)(0xffff - sum);
}

static size_t address_octets(const struct tfsm_address *address)
{
    return address->family == 6 ? 16 : 4;
}

static uint64_t pseudo_header(const struct tfsm_address *source,
                              const struct tfsm_address *destination, unsigned protocol, size_t n)
{
    uint64_t sum = protocol + (uint64_t)n;
    sum = sum16(sum, source->octets, address_octets(source));
    return sum16(sum, destination->octets, address_octets(destination));
}

/* ---- reading ---- */

static const char *read_ip(const uint8_t *octets, size_t n, struct packet *out, size_t *at)
{
    bool v6 = n > 0 && octets[0] >> 4 == 6;
    size_t header = v6 ? 40 : 20;
    if (n < header || (!v6 && octets[0] != 0x45)) {
        return "no sound IP header";
    }
    size_t told = v6 ? get16(octets + 4) + header : get16(octets + 2);
    if (told != n) {
        return "the IP length is not that of the packet";
    }
    if (!v6 && fold(sum16(0, octets, header)) != 0) {
        return "the checksum of the IP header is wrong";
    }
    if (!v6 && (get16(octets + 6) & 0xbfff) != 0) { /* don't-fragment is the only bit it may have */
        return "a fragment";
    }
    if (octets[v6 ? 6 : 9] != 6) {
        return "not a TCP packet";
    }
    size_t size = v6 ? 16 : 4;
    out->source.family = out->destination.family = v6 ? 6 : 4;
    memcpy(out->source.octets, octets + (v6 ? 8 : 12), size);
    memcpy(out->destination.octets, octets + (v6 ? 24 : 16), size);
    out->tos = v6 ? (uint8_t)(get16(octets) >> 4 & 0xff) : octets[1];
    out->ttl = octets[v6 ? 7 : 8];
    out->label = v6 ? (uint32_t)(octets[1] & 15) << 16 | get16(octets + 2) : 0;
    *at = header;
    return NULL;
}

/* One option of `length` octets, known or not. */
static void read_option(const uint8_t *octets, unsigned length, struct script_option *option)
{
    *option = (struct script_option){.kind = SCRIPT_HEX, .length = length};
    memcpy(option->octets, octets, length);
    unsigned kind = octets[0];
    if (kind == 2 && length == 4) {
        option->kind = SCRIPT_MSS;
        option->number = get16(octets + 2);
    } else if (kind == 3 && length == 3) {
        option->kind = SCRIPT_WSCALE;
        option->number = octets[2];
    } else if (kind == 4 && length == 2) {
        option->kind = SCRIPT_SACK_OK;
    } else if (kind == 5 && length >= 10 && length <= 34 && length % 8 == 2) {
        option->kind = SCRIPT_SACK;
        option->sacks = length / 8;
        for (unsigned i = 0; i < option->sacks; i++) {
            option->sack[i][0] = get32(octets + 2 + 8 * i);
            option->sack[i][1] = get32(octets + 6 + 8 * i);
        }
    } else if (kind == 8 && length == 10) {
        option->kind = SCRIPT_TIMESTAMPS;
        option->number = get32(octets + 2);
        option->echo = get32(octets + 6);
    } else if (kind == 28 && length == 4) {
        option->kind = SCRIPT_USER_TIMEOUT;
        option->number = get16(octets + 2);
    } else if (kind == 34 && length <= 18) {
        option->kind = SCRIPT_FAST_OPEN;
        option->length = length - 2;
        memmove(option->octets, option->octets + 2, option->length);
    }
}

static const char *read_options(const uint8_t *octets, size_t n, struct packet *out)
{
    size_t at = 0;
    while (at < n) {
        struct script_option *option = &out->options[out->option_count];
        if (octets[at] <= 1) {
            *option = (struct script_option){.kind = octets[at] == 0 ? SCRIPT_EOL : SCRIPT_NOP};
            out->option_count++;
            at++;
            if (option->kind == SCRIPT_EOL) {
                for (; at < n; at++) {
                    if (octets[at] != 0) {
                        return "the padding of the options is not zero (RFC9293:MUST-69)";
                    }
                }
            }
            continue;
        }
        unsigned length = at + 1 < n ? octets[at + 1] : 0;
        if (length < 2 || length > n - at) {
            return "an option has no sound length";
        }
        read_option(octets + at, length, option);
        out->option_count++;
        at += length;
    }
    for (unsigned i = 0; i + 1 < out->option_count; i++) {
        out->options[i].next = &out->options[i + 1];
    }
    return NULL;
}

const char *packet_read(const uint8_t *octets, size_t n, struct packet *out)
{
    size_t at = 0;
    memset(out, 0, sizeof *out);
    const char *wrong = read_ip(octets, n, out, &at);
    if (wrong != NULL) {
        return wrong;
    }
    const uint8_t *tcp = octets + at;
    size_t size = n - at;
    size_t header = size >= 20 ? (tcp[12] >> 4) * 4u : 0;
    if (header < 20 || header > size) {
        return "no sound TCP header";
    }
    uint64_t sum = pseudo_header(&out->source, &out->destination, 6, size);
    if (fold(sum16(sum, tcp, size)) != 0) {
        return "the TCP checksum is wrong (RFC9293:MUST-2)";
    }
    out->source_port = (uint16_t)get16(tcp);
    out->destination_port = (uint16_t)get16(tcp + 2);
    out->seq = get32(tcp + 4);
    out->ack = get32(tcp + 8);
    out->reserved = tcp[12] & 0x0f;
    out->flags = tcp[13];
    out->window = (uint16_t)get16(tcp + 14);
    out->urgent = (uint16_t)get16(tcp + 18);
    out->text = tcp + header;
    out->length = (uint32_t)(size - header);
    if (out->reserved != 0) {
        return "a reserved bit is set";
    }
    return read_options(tcp + 20, header - 20, out);
}

/* ---- writing ---- */

static size_t option_length(const struct script_option *option)
{
    switch (option->kind) {
    case SCRIPT_EOL:
    case SCRIPT_NOP:
        return 1;
    case SCRIPT_MSS:
    case SCRIPT_USER_TIMEOUT:
        return 4;
    case SCRIPT_WSCALE:
        return 3;
    case SCRIPT_SACK_OK:
        return 2;
    case SCRIPT_SACK:
        return 2 + 8 * (size_t)option->sacks;
    case SCRIPT_TIMESTAMPS:
        return 10;
    case SCRIPT_FAST_OPEN:
        return 2 + (size_t)option->length;
    case SCRIPT_HEX:
        break;
    }
    return option->length;
}

size_t packet_options_length(const struct script_option *options)
{
    size_t n = 0;
    for (; options != NULL; options = options->next) {
        n += option_length(options);
    }
    return n;
}

static void put_option(uint8_t *at, const struct script_option *option)
{
    static const uint8_t kinds[] = {
        [SCRIPT_EOL] = 0,        [SCRIPT_NOP] = 1,           [SCRIPT_MSS] = 2,
        [SCRIPT_WSCALE] = 3,     [SCRIPT_SACK_OK] = 4,       [SCRIPT_SACK] = 5,
        [SCRIPT_TIMESTAMPS] = 8, [SCRIPT_USER_TIMEOUT] = 28, [SCRIPT_FAST_OPEN] = 34};
    size_t n = option_length(option);
    if (option->kind == SCRIPT_HEX) {
        memcpy(at, option->octets, n);
        return;
    }
    at[0] = kinds[option->kind];
    if (n == 1) {
        return;
    }
    at[1] = (uint8_t)n;
    if (option->kind == SCRIPT_WSCALE) {
        at[2] = (uint8_t)option->number;
    } else if (option->kind == SCRIPT_TIMESTAMPS) {
        put32(at + 2, option->number);
        put32(at + 6, option->echo);
    } else if (option->kind == SCRIPT_SACK) {
        for (unsigned i = 0; i < option->sacks; i++) {
            put32(at + 2 + 8 * i, option->sack[i][0]);
            put32(at + 6 + 8 * i, option->sack[i][1]);
        }
    } else if (option->kind == SCRIPT_FAST_OPEN) {
        memcpy(at + 2, option->octets, option->length);
    } else if (n == 4) {
        put16(at + 2, option->number);
    }
}

/* The IP header of a packet of `payload` octets. */
static size_t put_ip(const struct packet *packet, unsigned protocol, size_t payload,
                     uint8_t *octets)
{
    bool v6 = packet->source.family == 6;
    memset(octets, 0, 40);
    if (v6) {
        put16(octets, 0x6000u | (uint32_t)packet->tos << 4 | packet->label >> 16);
        put16(octets + 2, packet->label & 0xffff);
        put16(octets + 4, (uint32_t)payload);
        octets[6] = (uint8_t)protocol;
        octets[7] = packet->ttl;
        memcpy(octets + 8, packet->source.octets, 16);
        memcpy(octets + 24, packet->destination.octets, 16);
        return 40;
    }
    size_t header = packet->secret ? 24 : 20;
    octets[0] = packet->secret ? 0x46 : 0x45;
    octets[1] = packet->tos;
    put16(octets + 2, (uint32_t)(payload + header));
    octets[8] = packet->ttl;
    octets[9] = (uint8_t)protocol;
    memcpy(octets + 12, packet->source.octets, 4);
    memcpy(octets + 16, packet->destination.octets, 4);
    if (packet->secret) { /* RFC 1108 2.1: Basic Security, three octets of it, and one of padding */
        memcpy(octets + 20, (const uint8_t[4]){130, 3, 0x5a, 0}, 4);
    }
    put16(octets + 10, fold(sum16(0, octets, header)));
    return header;
}

static void put_tcp(const struct packet *packet, size_t header, uint8_t *tcp)
{
    memset(tcp, 0, header);
    put16(tcp, packet->source_port);
    put16(tcp + 2, packet->destination_port);
    put32(tcp + 4, packet->seq);
    put32(tcp + 8, packet->ack);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = packet->flags;
    put16(tcp + 14, packet->window);
    put16(tcp + 18, packet->urgent);
}

size_t packet_write(const struct packet *packet, const struct script_option *options,
                    const uint8_t *text, uint8_t octets[PACKET_MOST])
{
    size_t list = packet_options_length(options);
    size_t header = 20 + (list + 3) / 4 * 4;
    size_t payload = header + packet->length;
    if (list > 40 || payload + (packet->source.family == 6 ? 0 : 24) > 65535) {
        return 0;
    }
    size_t ip = put_ip(packet, 6, payload, octets);
    uint8_t *tcp = octets + ip;
    put_tcp(packet, header, tcp);
    for (size_t at = 20; options != NULL; options = options->next) {
        put_option(tcp + at, options);
        at += option_length(options);
    }
    memcpy(tcp + header, text, packet->length);
    uint64_t sum = pseudo_header(&packet->source, &packet->destination, 6, payload);
    put16(tcp + 16, fold(sum16(sum, tcp, payload)));
    return ip + payload;
}

/* A router's message: it comes from the peer's address, and quotes the headers of the segment. Over
 * IPv4 the eight octets behind the IP header are all that is sure to be there (RFC 792). */
size_t packet_write_icmp(const struct script_icmp *icmp, const struct packet *quoted,
                         uint8_t octets[PACKET_MOST])
{
    struct packet message = {
        .source = quoted->destination, .destination = quoted->source, .ttl = 255};
    uint8_t quote[60];
    size_t ip = put_ip(quoted, 6, 20 + (size_t)quoted->length, quote);
    put_tcp(quoted, 20, quote + ip);
    size_t kept = icmp->v6 ? ip + 20 : ip + 8;
    size_t payload = 8 + kept;
    size_t at = put_ip(&message, icmp->v6 ? 58 : 1, payload, octets);
    uint8_t *body = octets + at;
    memset(body, 0, 8);
    body[0] = icmp->type;
    body[1] = icmp->code;
    put32(body + 4, icmp->mtu);
    memcpy(body + 8, quote, kept);
    uint64_t sum = icmp->v6 ? pseudo_header(&message.source, &message.destination, 58, payload) : 0;
    put16(body + 2, fold(sum16(sum, body, payload)));
    return at + payload;
}

/* ---- in words ---- */

struct words {
    char *text;
    size_t room;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct words *words, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(words->text + words->used, words->room - words->used, format, arguments);
    va_end(arguments);
    if (n > 0) {
        size_t left = words->room - words->used;
        words->used += (size_t)n < left ? (size_t)n : left - 1;
    }
}

static void add_hex(struct words *words, const char *name, const struct script_option *option)
{
    add(words, "%s", name);
    for (unsigned i = 0; i < option->length; i++) {
        add(words, "%s%02x", i == 0 ? " " : "", option->octets[i]);
    }
}

static void add_option(struct words *words, const struct script_option *option)
{
    switch (option->kind) {
    case SCRIPT_EOL:
        add(words, "eol");
        break;
    case SCRIPT_NOP:
        add(words, "nop");
        break;
    case SCRIPT_MSS:
        add(words, "mss %" PRIu32, option->number);
        break;
    case SCRIPT_WSCALE:
        add(words, "wscale %" PRIu32, option->number);
        break;
    case SCRIPT_SACK_OK:
        add(words, "sackOK");
        break;
    case SCRIPT_SACK:
        add(words, "sack");
        for (unsigned i = 0; i < option->sacks; i++) {
            add(words, " %" PRIu32 ":%" PRIu32, option->sack[i][0], option->sack[i][1]);
        }
        break;
    case SCRIPT_TIMESTAMPS:
        add(words, "TS val %" PRIu32 " ecr %" PRIu32, option->number, option->echo);
        break;
    case SCRIPT_USER_TIMEOUT:
        add(words, "uto %" PRIu32 "%s", option->number & 0x7fff,
            (option->number & 0x8000) != 0 ? " min" : "");
        break;
    case SCRIPT_FAST_OPEN:
        if (option->text != NULL) {
            add(words, "FO %s", option->text);
        } else {
            add_hex(words, "FO", option);
        }
        break;
    case SCRIPT_HEX:
        add_hex(words, "hex", option);
        break;
    }
}

static void add_flags(struct words *words, uint8_t flags)
{
    static const char letters[] = "FSRP.UEW";
    static const uint8_t order[] = {TFSM_SYN, TFSM_FIN, TFSM_RST, TFSM_PSH,
                                    TFSM_URG, TFSM_ECE, TFSM_CWR, TFSM_ACK};
    for (size_t i = 0; i < sizeof order; i++) {
        if ((flags & order[i]) != 0) {
            unsigned bit = 0;
            while (1u << bit != order[i]) {
                bit++;
            }
            add(words, "%c", letters[bit]);
        }
    }
    if (flags == 0) {
        add(words, "-");
    }
}

void packet_words(const struct packet *packet, bool inbound, bool ports, char *text, size_t room)
{
    static const char *const ecn[] = {"", "[ect1] ", "[ect0] ", "[ce] "};
    struct words words = {text, room, 0};
    add(&words, "%c %s%s", inbound ? '<' : '>', packet->secret ? "[secret] " : "",
        ecn[packet->tos & 3]);
    if (packet->addressed) {
        char from[INET6_ADDRSTRLEN] = "?";
        char to[INET6_ADDRSTRLEN] = "?";
        int family = packet->source.family == 4 ? AF_INET : AF_INET6;
        inet_ntop(family, packet->source.octets, from, sizeof from);
        inet_ntop(family, packet->destination.octets, to, sizeof to);
        add(&words, "[\"%s\" > \"%s\"] ", from, to);
    }
    if (ports) {
        add(&words, "%u > %u ", packet->source_port, packet->destination_port);
    }
    add_flags(&words, packet->flags);
    add(&words, " %" PRIu32 ":%" PRIu32 "(%" PRIu32 ")", packet->seq,
        (uint32_t)((uint64_t)packet->seq + packet->length), packet->length);
    if ((packet->flags & TFSM_ACK) != 0) {
        add(&words, " ack %" PRIu32, packet->ack);
    }
    add(&words, " win %u", packet->window);
    if ((packet->flags & TFSM_URG) != 0) {
        add(&words, " urg %u", packet->urgent);
    }
    for (unsigned i = 0; i < packet->option_count; i++) {
        add(&words, "%s", i == 0 ? " <" : ",");
        add_option(&words, &packet->options[i]);
    }
    if (packet->option_count > 0) {
        add(&words, ">");
    }
}
