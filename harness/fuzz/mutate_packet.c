/* Packets, for fuzz_wire and for the raw ones of fuzz_endpoint: made, and changed where a TCP header tells
 * it apart, its options above all. Lengths and checksums are made right again, or not. See
 * mutate_internal.h. */
#include "mutate_internal.h"

#include "host.h"
#include "repair.h"

#include <string.h>

#define TCP          6u
#define HEADER       20u /* octets of a TCP header without options, and of an IPv4 header */
#define HEADER_V6    40u
#define OPTIONS_MOST 40u

/* Where things lie in a packet. */
struct place {
    size_t tcp;     /* the TCP header */
    size_t options; /* octets of options, as far as there are so many */
};

static bool find_tcp(const uint8_t *octets, size_t n, struct place *place)
{
    unsigned family = n > 0 ? octets[0] >> 4 : 0;
    if (family == 4 && n >= HEADER && octets[9] == TCP) {
        place->tcp = (octets[0] & 15u) * 4u;
    } else if (family == 6 && n >= HEADER_V6 && octets[6] == TCP) {
        place->tcp = HEADER_V6;
    } else {
        return false;
    }
    if (place->tcp < HEADER || n < place->tcp + HEADER) {
        return false;
    }
    size_t words = octets[place->tcp + 12] >> 4;
    size_t left = n - place->tcp - HEADER;
    place->options = words > 5 ? (words - 5) * 4 : 0;
    place->options = place->options < left ? place->options : left;
    return true;
}

/* ---- options ---- */

/* An option: kind, length and value, or what is left where the length is wrong. */
struct options {
    unsigned count;
    uint8_t size[OPTIONS_MOST];
    uint8_t octets[OPTIONS_MOST][OPTIONS_MOST];
};

static void read_options(const uint8_t *octets, size_t n, struct options *options)
{
    options->count = 0;
    for (size_t at = 0; at < n;) {
        size_t size = octets[at] <= 1 ? 1 : at + 1 < n ? octets[at + 1] : 0;
        bool wrong = size > n - at || size < (octets[at] <= 1 ? 1u : 2u);
        size = wrong ? n - at : size;
        memcpy(options->octets[options->count], octets + at, size);
        options->size[options->count++] = (uint8_t)size;
        at += size;
    }
}

/* As many as there is room for. Returns their octets, a multiple of four. */
static size_t write_options(struct dice *dice, const struct options *options, uint8_t *octets)
{
    uint8_t padding = (uint8_t)draw(dice, 2); /* ends of the list, or nothing */
    size_t n = 0;
    for (unsigned i = 0; i < options->count; i++) {
        if (options->size[i] <= OPTIONS_MOST - n) {
            memcpy(octets + n, options->octets[i], options->size[i]);
            n += options->size[i];
        }
    }
    while (n % 4 != 0) {
        octets[n++] = padding;
    }
    return n;
}

/* A sound one: of every kind with every length that is right for it. */
static uint8_t draw_option(struct dice *dice, uint8_t *octets)
{
    static const struct {
        uint8_t kind;
        uint8_t size;
    } sound[] = {{0, 1},   {1, 1},   {1, 1},   {2, 4},   {2, 4},   {3, 3},    {3, 3},  {4, 2},
                 {5, 10},  {5, 18},  {5, 26},  {5, 34},  {8, 10},  {8, 10},   {28, 4}, {34, 2},
                 {34, 10}, {34, 18}, {19, 18}, {29, 16}, {254, 4}, {254, 12}, {79, 2}, {79, 7}};
    static const uint8_t edges[] = {0, 0, 1, 7, 14, 15, 0x7f, 0x80, 0xff};
    unsigned which = draw(dice, (unsigned)LENGTH(sound));
    octets[0] = sound[which].kind;
    octets[1] = sound[which].size;
    for (unsigned i = 2; i < sound[which].size; i++) {
        octets[i] = draw(dice, 2) == 0 ? DRAW_OF(dice, edges) : (uint8_t)draw(dice, 256);
    }
    if (sound[which].kind == 254) { /* Fast Open as it was tried out (RFC7413:4.1.1) */
        octets[2] = 0xf9;
        octets[3] = 0x89;
    }
    return sound[which].size;
}

static void insert_option(struct options *options, unsigned at, const uint8_t *octets, uint8_t size)
{
    if (options->count == OPTIONS_MOST) {
        return;
    }
    for (unsigned i = options->count++; i > at; i--) {
        options->size[i] = options->size[i - 1];
        memcpy(options->octets[i], options->octets[i - 1], OPTIONS_MOST);
    }
    options->size[at] = size;
    memcpy(options->octets[at], octets, size);
}

static void delete_option(struct options *options, unsigned at)
{
    options->count--;
    for (unsigned i = at; i < options->count; i++) {
        options->size[i] = options->size[i + 1];
        memcpy(options->octets[i], options->octets[i + 1], OPTIONS_MOST);
    }
}

/* What can be done to an option that is there. */
static void change_option(struct dice *dice, struct options *options)
{
    static const uint8_t lengths[] = {0, 1, 2, 3, 4, 10, 11, 34, 40, 255};
    unsigned at = draw(dice, options->count);
    uint8_t copy[OPTIONS_MOST];
    uint8_t size = options->size[at];
    memcpy(copy, options->octets[at], size);
    switch (draw(dice, 6)) {
    case 0:
        delete_option(options, at);
        break;
    case 1: /* once more */
        insert_option(options, draw(dice, options->count + 1), copy, size);
        break;
    case 2: /* elsewhere */
        delete_option(options, at);
        insert_option(options, draw(dice, options->count + 1), copy, size);
        break;
    case 3: /* its length is another than it says */
        options->octets[at][size > 1 ? 1 : 0] = DRAW_OF(dice, lengths);
        break;
    case 4:
        options->octets[at][0] = (uint8_t)draw(dice, 256);
        break;
    default:
        options->octets[at][draw(dice, size)] ^= (uint8_t)(1u << draw(dice, 8));
        break;
    }
}

static size_t change_options(struct dice *dice, uint8_t *octets, size_t n, size_t room,
                             const struct place *place)
{
    static struct options options;
    uint8_t written[OPTIONS_MOST];
    uint8_t option[OPTIONS_MOST];
    size_t at = place->tcp + HEADER;
    read_options(octets + at, place->options, &options);
    if (options.count == 0 || draw(dice, 2) == 0) {
        uint8_t size = draw_option(dice, option);
        insert_option(&options, draw(dice, options.count + 1), option, size);
    } else {
        change_option(dice, &options);
    }
    size_t size = write_options(dice, &options, written);
    if (n - place->options + size > room) {
        return 0;
    }
    memmove(octets + at + size, octets + at + place->options, n - at - place->options);
    memcpy(octets + at, written, size);
    octets[place->tcp + 12] =
        (uint8_t)((octets[place->tcp + 12] & 15u) | (5u + (unsigned)size / 4u) << 4);
    return n - place->options + size;
}

/* ---- the rest ---- */

static void put_16(uint8_t *octets, unsigned value)
{
    octets[0] = (uint8_t)(value >> 8 & 0xffu);
    octets[1] = (uint8_t)(value & 0xffu);
}

static void change_sequence(struct dice *dice, uint8_t *number)
{
    static const uint16_t halves[] = {0, 1, 0x7fff, 0x8000, 0xffff};
    put_16(number, DRAW_OF(dice, halves));
    put_16(number + 2, DRAW_OF(dice, halves));
}

/* The window, urgent data, the data offset, or more or less text. */
static size_t change_size(struct dice *dice, uint8_t *octets, size_t n, size_t room,
                          const struct place *place)
{
    static const uint8_t lengths[] = {1, 2, 16, 64};
    uint8_t *tcp = octets + place->tcp;
    size_t text = n - place->tcp - HEADER - place->options;
    size_t more = DRAW_OF(dice, lengths);
    switch (draw(dice, 5)) {
    case 0:
        put_16(tcp + 14, draw_size(dice));
        break;
    case 1:
        put_16(tcp + 18, draw_size(dice));
        break;
    case 2:
        tcp[12] = (uint8_t)((tcp[12] & 15u) | draw(dice, 16) << 4);
        break;
    case 3:
        return n - draw(dice, (unsigned)text + 1);
    default:
        more = more < room - n ? more : room - n;
        memset(octets + n, 'x', more);
        return n + more;
    }
    return n;
}

size_t packet_draw(struct dice *dice, uint8_t *octets, size_t room)
{
    uint8_t prefix;
    struct tfsm_address local = host_local(draw(dice, HOST_LOCALS), &prefix);
    struct tfsm_address remote = host_address(local.family, draw(dice, 4));
    bool v4 = local.family == 4;
    size_t at = v4 ? HEADER : HEADER_V6;
    size_t n = at + HEADER;
    if (n > room) {
        return 0;
    }
    memset(octets, 0, n);
    octets[0] = v4 ? 0x45 : 0x60;
    octets[v4 ? 8 : 7] = 64;
    octets[v4 ? 9 : 6] = TCP;
    memcpy(octets + (v4 ? 12 : 8), remote.octets, v4 ? 4 : 16);
    memcpy(octets + (v4 ? 16 : 24), local.octets, v4 ? 4 : 16);
    put_16(octets + at, host_port(draw(dice, HOST_PORTS)));
    put_16(octets + at + 2, host_port(draw(dice, 2)));
    octets[at + 12] = 0x50;
    octets[at + 13] = draw_flags(dice, TFSM_SYN);
    put_16(octets + at + 14, 8192);
    for (unsigned options = draw(dice, 4); options > 0; options--) {
        struct place place;
        size_t longer =
            find_tcp(octets, n, &place) ? change_options(dice, octets, n, room, &place) : 0;
        n = longer > 0 ? longer : n;
    }
    packet_repair(octets, n, true);
    return n;
}

size_t packet_change(struct dice *dice, enum mutation mutation, uint8_t *octets, size_t n,
                     size_t room)
{
    struct place place;
    if (!find_tcp(octets, n, &place)) {
        return packet_draw(dice, octets, room);
    }
    uint8_t *tcp = octets + place.tcp;
    if (mutation == MUTATE_OPTIONS) {
        n = change_options(dice, octets, n, room, &place);
    } else if (mutation == MUTATE_FLAGS) {
        tcp[13] = draw_flags(dice, tcp[13]);
        tcp[12] ^= (uint8_t)(draw(dice, 8) == 0 ? 1u << draw(dice, 4) : 0);
    } else if (mutation == MUTATE_SEQUENCE) {
        change_sequence(dice, tcp + (draw(dice, 2) == 0 ? 4 : 8));
    } else if (mutation == MUTATE_SIZE) {
        n = change_size(dice, octets, n, room, &place);
    } else {
        return 0;
    }
    if (n > 0 && draw(dice, 8) != 0) { /* else it is for who repairs it, or for nobody */
        packet_repair(octets, n, draw(dice, 8) != 0);
    }
    return n;
}
