/* A pcapng file, packet by packet. libpcap reads such files too, but none whose interfaces differ in link type or snapshot
 * length, which is how a recording of several interfaces looks. The format: draft-ietf-opsawg-pcapng. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define SECTION   0x0a0d0d0au
#define INTERFACE 1u
#define OBSOLETE  2u /* a packet, as it was before EPB */
#define SIMPLE    3u /* a packet without a time, of the first interface */
#define ENHANCED  6u

#define MAGIC         0x1a2b3c4du
#define MAGIC_SWAPPED 0x4d3c2b1au

#define OPTION_RESOLUTION 9u
#define OPTION_OFFSET     14u /* seconds that are added to all times */

#define BLOCK_MOST      (16u << 20) /* octets: more is damage */
#define INTERFACES_MOST 65536u
#define SECOND          UINT64_C(1000000000)

struct interface {
    uint16_t link;
    uint32_t snapshot; /* 0: no limit */
    uint8_t resolution;
    int64_t offset;
};

struct blocks {
    FILE *file;
    char *error;
    bool swapped; /* the file is of the other byte order */
    uint32_t type;
    uint8_t *body; /* of the block that was read */
    size_t size;
    size_t room;
    struct interface *interfaces; /* of this section */
    size_t interface_count;
    size_t interface_room;
};

/* ---- numbers ---- */

static uint16_t number16(const struct blocks *blocks, const uint8_t *octets)
{
    uint16_t number;
    memcpy(&number, octets, sizeof number);
    return blocks->swapped ? __builtin_bswap16(number) : number;
}

static uint32_t number32(const struct blocks *blocks, const uint8_t *octets)
{
    uint32_t number;
    memcpy(&number, octets, sizeof number);
    return blocks->swapped ? __builtin_bswap32(number) : number;
}

static uint64_t number64(const struct blocks *blocks, const uint8_t *octets)
{
    uint64_t number;
    memcpy(&number, octets, sizeof number);
    return blocks->swapped ? __builtin_bswap64(number) : number;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Powers of two of a second. */
static uint64_t binary_ticks(uint64_t ticks, unsigned power)
{
    uint64_t seconds = power < 64 ? ticks >> power : 0;
    uint64_t rest = power < 64 ? ticks & ((UINT64_C(1) << power) - 1) : ticks;
    if (power >
        34) { /* a thirty-fourth bit is below a nanosecond, and what stays has room for the product */
        rest = power - 34 < 64 ? rest >> (power - 34) : 0;
        power = 34;
    }
    return plus(times(seconds, SECOND), rest * SECOND >> power);
}

static uint64_t decimal_ticks(uint64_t ticks, unsigned power)
{
    uint64_t scale = 1;
    for (unsigned i = power < 9 ? power : 9; i < (power < 9 ? 9u : power); i++) {
        scale = times(scale, 10);
    }
    return power <= 9 ? times(ticks, scale) : ticks / scale;
}

static uint64_t nanoseconds(const struct interface *interface, uint64_t ticks)
{
    uint64_t offset = times(
        interface->offset < 0 ? -(uint64_t)interface->offset : (uint64_t)interface->offset, SECOND);
    unsigned power = interface->resolution & 0x7fu;
    uint64_t time = (interface->resolution & 0x80u) != 0 ? binary_ticks(ticks, power)
                                                         : decimal_ticks(ticks, power);
    if (interface->offset < 0) {
        return time > offset ? time - offset : 0;
    }
    return plus(time, offset);
}

/* ---- blocks ---- */

/* False at the end of the file, too: then nothing was read. */
static bool read_octets(struct blocks *blocks, uint8_t *octets, size_t n, bool *ended)
{
    size_t got = fread(octets, 1, n, blocks->file);
    if (ended != NULL) {
        *ended = got == 0 && feof(blocks->file) && !ferror(blocks->file);
    }
    return got == n || capture_fail(blocks->error, ferror(blocks->file) ? "cannot be read"
                                                                        : "ends within a block");
}

static bool make_room(struct blocks *blocks, size_t size)
{
    if (size > blocks->room) {
        uint8_t *larger = realloc(blocks->body, 2 * size);
        if (larger == NULL) {
            return capture_fail(blocks->error, "out of memory");
        }
        blocks->body = larger;
        blocks->room = 2 * size;
    }
    return true;
}

/* The magic of a section tells the byte order of its length, too. */
static bool begin_section(struct blocks *blocks, uint8_t length[4])
{
    uint8_t magic[4];
    if (!read_octets(blocks, magic, sizeof magic, NULL)) {
        return false;
    }
    uint32_t number;
    memcpy(&number, magic, sizeof number);
    if (number != MAGIC && number != MAGIC_SWAPPED) {
        return capture_fail(blocks->error, "a section without byte order");
    }
    blocks->swapped = number == MAGIC_SWAPPED;
    blocks->interface_count = 0;
    blocks->size = number32(blocks, length);
    return true;
}

/* Read a block: its body is what stands between the two lengths, the magic of a section left out. */
static bool read_block(struct blocks *blocks, bool *ended)
{
    uint8_t head[8];
    uint8_t last[4];
    if (!read_octets(blocks, head, sizeof head, ended)) {
        return false;
    }
    *ended = false;
    blocks->type = number32(blocks, head);
    blocks->size = number32(blocks, head + 4);
    size_t around = 12;
    if (blocks->type == SECTION) {
        around = 16;
        if (!begin_section(blocks, head + 4)) {
            return false;
        }
    }
    uint32_t size = (uint32_t)blocks->size;
    if (size < around || size % 4 != 0 || size > BLOCK_MOST) {
        return capture_fail(blocks->error, "a block of %u octets", size);
    }
    blocks->size = size - around;
    if (!make_room(blocks, blocks->size) ||
        !read_octets(blocks, blocks->body, blocks->size, NULL) ||
        !read_octets(blocks, last, sizeof last, NULL)) {
        return false;
    }
    return number32(blocks, last) == size ||
           capture_fail(blocks->error, "a block that is %u octets long and ends with %u", size,
                        number32(blocks, last));
}

static void read_options(const struct blocks *blocks, size_t at, struct interface *interface)
{
    while (at + 4 <= blocks->size) {
        unsigned code = number16(blocks, blocks->body + at);
        size_t n = number16(blocks, blocks->body + at + 2);
        const uint8_t *value = blocks->body + at + 4;
        if (code == 0 || n > blocks->size - at - 4) {
            return;
        }
        if (code == OPTION_RESOLUTION && n == 1) {
            interface->resolution = value[0];
        } else if (code == OPTION_OFFSET && n == 8) {
            interface->offset = (int64_t)number64(blocks, value);
        }
        at += 4 + ((n + 3) & ~(size_t)3);
    }
}

static bool add_interface(struct blocks *blocks)
{
    struct interface interface = {.resolution = 6};
    if (blocks->size < 8) {
        return capture_fail(blocks->error, "an interface that is cut off");
    }
    struct interface *larger =
        blocks->interface_count < INTERFACES_MOST
            ? capture_grown(blocks->interfaces, blocks->interface_count, &blocks->interface_room,
                            sizeof *blocks->interfaces)
            : NULL;
    if (larger == NULL) {
        return capture_fail(blocks->error, "no room for so many interfaces");
    }
    interface.link = number16(blocks, blocks->body);
    interface.snapshot = number32(blocks, blocks->body + 4);
    read_options(blocks, 8, &interface);
    blocks->interfaces = larger;
    blocks->interfaces[blocks->interface_count++] = interface;
    return true;
}

/* ---- packets ---- */

static bool take_packet(struct blocks *blocks, struct recorded *recorded)
{
    const uint8_t *body = blocks->body;
    size_t head = blocks->type == SIMPLE ? 4 : 20;
    if (blocks->size < head) {
        return capture_fail(blocks->error, "a packet that is cut off");
    }
    size_t index = blocks->type == SIMPLE     ? 0
                   : blocks->type == ENHANCED ? number32(blocks, body)
                                              : number16(blocks, body);
    if (index >= blocks->interface_count) {
        return capture_fail(blocks->error, "interface %zu is nowhere described", index);
    }
    const struct interface *interface = &blocks->interfaces[index];
    size_t there = blocks->size - head;
    *recorded = (struct recorded){
        .octets = body + head, .link = interface->link, .snapshot = interface->snapshot};
    if (blocks->type == SIMPLE) {
        recorded->wire = number32(blocks, body);
        recorded->size = recorded->wire < there ? recorded->wire : there;
        if (interface->snapshot != 0 && recorded->size > interface->snapshot) {
            recorded->size = interface->snapshot;
        }
        return true;
    }
    recorded->timed = true;
    recorded->nanoseconds = nanoseconds(interface, (uint64_t)number32(blocks, body + 4) << 32 |
                                                       number32(blocks, body + 8));
    recorded->size = number32(blocks, body + 12);
    recorded->wire = number32(blocks, body + 16);
    return recorded->size <= there ||
           capture_fail(blocks->error, "a packet of %zu octets in a block that has room for %zu",
                        recorded->size, there);
}

bool blocks_begin(FILE *file)
{
    static const uint8_t section[4] = {0x0a, 0x0d, 0x0d, 0x0a};
    uint8_t octets[4];
    size_t got = fread(octets, 1, sizeof octets, file);
    bool is = got == sizeof octets && memcmp(octets, section, sizeof section) == 0;
    while (got > 0) { /* they are still in the buffer, so that there is room for all */
        ungetc(octets[--got], file);
    }
    return is;
}

struct blocks *blocks_open(FILE *file, char *error)
{
    struct blocks *blocks = calloc(1, sizeof *blocks);
    if (blocks == NULL) {
        capture_fail(error, "out of memory");
        return NULL;
    }
    blocks->file = file;
    blocks->error = error;
    return blocks;
}

enum blocks_answer blocks_next(struct blocks *blocks, struct recorded *recorded)
{
    bool ended = false;
    while (read_block(blocks, &ended)) {
        if (blocks->type == INTERFACE && !add_interface(blocks)) {
            return BLOCKS_FAILED;
        }
        if (blocks->type == ENHANCED || blocks->type == SIMPLE || blocks->type == OBSOLETE) {
            return take_packet(blocks, recorded) ? BLOCKS_PACKET : BLOCKS_FAILED;
        }
    }
    return ended ? BLOCKS_END : BLOCKS_FAILED;
}

void blocks_close(struct blocks *blocks)
{
    free(blocks->interfaces);
    free(blocks->body);
    free(blocks);
}
