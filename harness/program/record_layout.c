/* The tables of record_layout.h, and how they are read. */
#include "record_layout.h"
#include "host.h"
#include "listen.h"

#include <string.h>

/* A record's own bits, as its first octet has them. */
#define OWN(bits)           (uint8_t)((bits) << 4)
#define WHERE_OWN(bits)     .where = 0, .mask = OWN(bits), .value = OWN(bits)
#define WHERE(at, bits, is) .where = (at), .mask = (bits), .value = (is)
#define FIRST(what)                                                                                \
    {                                                                                              \
        .about = ABOUT_##what, .size = 1, .bits = OWN(15)                                          \
    }
#define FIELD(what, n)                                                                             \
    {                                                                                              \
        .about = ABOUT_##what, .size = (n), .bits = 0xff                                           \
    }
#define BITS(what, which)                                                                          \
    {                                                                                              \
        .about = ABOUT_##what, .size = 0, .bits = (which)                                          \
    }
#define PEER                                                                                       \
    {                                                                                              \
        .about = ABOUT_WHOM, .size = 1, .bits = 7                                                  \
    }

/* clang-format off */
static const struct layout_field listener[LAYOUT_KINDS][LAYOUT_FIELDS] = {
    [LISTEN_SYN] = {FIRST(OPTIONS), PEER, BITS(OPTIONS, 0xf8),
                    {ABOUT_OPTIONS, 2, 0xff, WHERE_OWN(1)},
                    {ABOUT_SIZE, 1, 0xff, WHERE_OWN(2)},
                    {ABOUT_SEQUENCE, 1, 0xff, WHERE_OWN(8)}},
    [LISTEN_AGAIN] = {FIRST(OPTIONS), PEER, BITS(OPTIONS, 0xf8),
                      {ABOUT_OPTIONS, 1, 0xff, WHERE_OWN(1)},
                      {ABOUT_SIZE, 1, 0xff, WHERE_OWN(2)},
                      {ABOUT_SEQUENCE, 1, 0xff, WHERE_OWN(8)}},
    [LISTEN_THIRD] = {FIRST(FLAGS), PEER, BITS(SEQUENCE, 0xf8),
                      {ABOUT_SEQUENCE, 2, 0xff, WHERE(1, 0x38, 0x38)},
                      {ABOUT_SEQUENCE, 2, 0xff, WHERE(1, 0xc0, 0xc0)},
                      {ABOUT_FLAGS, 1, 0xff, WHERE_OWN(1)},
                      {ABOUT_SIZE, 1, 0xff, WHERE_OWN(2)}},
    [LISTEN_RST] = {FIRST(FLAGS), PEER, BITS(SEQUENCE, 0x38), BITS(FLAGS, 0xc0)},
    [LISTEN_SYN_IN] = {FIRST(FLAGS), PEER, BITS(SEQUENCE, 0x38), BITS(FLAGS, 0xc0)},
    [LISTEN_COOKIE] = {FIRST(FLAGS), FIELD(WHOM, 1), PEER, BITS(SEQUENCE, 0xf8),
                       {ABOUT_SEQUENCE, 2, 0xff, WHERE(2, 0x38, 0x38)},
                       {ABOUT_FLAGS, 1, 0xff, WHERE_OWN(1)},
                       {ABOUT_SIZE, 1, 0xff, WHERE_OWN(2)}},
    [LISTEN_PROGRAM] = {FIRST(FLAGS), PEER, {ABOUT_RECORD, 0, 0, 0, 0, 0}},
    [LISTEN_ICMP] = {FIRST(FLAGS), PEER, BITS(FLAGS, 0x18), BITS(SEQUENCE, 0xe0),
                     {ABOUT_SIZE, 2, 0xff, WHERE(1, 0x18, TFSM_ICMP_TOO_BIG << 3)},
                     {ABOUT_SEQUENCE, 2, 0xff, WHERE(1, 0xe0, 0xe0)}},
    [LISTEN_TIME] = {FIRST(TIME),
                     {ABOUT_TIME, 1, 0xff, WHERE(0, OWN(7), OWN(1))},
                     {ABOUT_TIME, 1, 0xff, WHERE(0, OWN(7), OWN(2))},
                     {ABOUT_TIME, 1, 0xff, WHERE(0, OWN(7), OWN(3))},
                     {ABOUT_TIME, 2, 0xff, WHERE(0, OWN(7), OWN(7))}},
    [LISTEN_HOLD] = {FIRST(SIZE)},
    [LISTEN_ACCEPT] = {FIRST(WHOM)},
    [LISTEN_FLOW] = {FIRST(FLAGS), PEER, BITS(SIZE, 0xf8)},
    [LISTEN_POLICY] = {FIRST(OPTIONS), FIELD(OPTIONS, 1)},
    [LISTEN_ROTATE] = {FIRST(OPTIONS)},
    [LISTEN_CLOSE] = {FIRST(OPTIONS), FIELD(OPTIONS, 1)},
    [LISTEN_DRAW] = {FIRST(SIZE)}};

/* What makes a packet can send it from elsewhere, to elsewhere, and spoilt. */
#define ADDRESSES {ABOUT_WHOM, 1, 0x0f, WHERE_OWN(2)}, {ABOUT_WHOM, 1, 0x0f, WHERE_OWN(4)}
#define ENVELOPE                                                                                   \
    ADDRESSES, {ABOUT_WHOM, 1, 0xff, WHERE_OWN(8)}, {ABOUT_SPOIL, 2, 0xff, WHERE_OWN(1)}

static const struct layout_field endpoint[LAYOUT_KINDS][LAYOUT_FIELDS] = {
    [HOST_EXACT] = {FIRST(WHOM), PEER, BITS(FLAGS, 0xf8), ENVELOPE},
    [HOST_SEGMENT] = {FIRST(WHOM), PEER, {ABOUT_RECORD, 0, 0, 0, 0, 0}, ENVELOPE},
    [HOST_SYN] = {FIRST(WHOM), FIELD(WHOM, 1), {ABOUT_OPTIONS, 1, 0x07, 0, 0, 0}, ENVELOPE},
    [HOST_RAW] = {FIRST(OPTIONS), {ABOUT_PACKET, 0, 0, 0, 0, 0}},
    [HOST_ICMP] = {FIRST(WHOM), PEER, BITS(FLAGS, 0x38), {ABOUT_SEQUENCE, 1, 0x0f, 0, 0, 0},
                   BITS(FLAGS, 0xf0), ADDRESSES, {ABOUT_SPOIL, 2, 0xff, WHERE_OWN(1)}},
    [HOST_AGAIN] = {FIRST(SIZE), {ABOUT_SPOIL, 2, 0xff, WHERE_OWN(1)}},
    [HOST_CONNECT] = {FIRST(WHOM), FIELD(WHOM, 1)},
    [HOST_SELF] = {FIRST(WHOM)},
    [HOST_LISTEN] = {FIRST(WHOM), {ABOUT_WHOM, 1, 0x07, 0, 0, 0}, BITS(OPTIONS, 0xf8)},
    [HOST_USER] = {FIRST(FLAGS), FIELD(WHOM, 1), {ABOUT_SIZE, 2, 0xff, WHERE(0, OWN(4), 0)}},
    [HOST_TIME] = {FIRST(TIME),
                   {ABOUT_TIME, 1, 0xff, WHERE(0, OWN(3), OWN(1))},
                   {ABOUT_TIME, 1, 0xff, WHERE(0, OWN(3), OWN(2))},
                   {ABOUT_TIME, 2, 0xff, WHERE(0, OWN(3), OWN(3))}},
    [HOST_HOLD] = {FIRST(SIZE)},
    [HOST_LOOP] = {FIRST(WHOM)},
    [HOST_FLUSH] = {FIRST(SIZE)},
    [HOST_ACCEPT] = {FIRST(WHOM)},
    [HOST_TALK] = {FIRST(WHOM)}};

static const struct layout layouts[LAYOUT_FORMATS] = {
    [LAYOUT_RECORDS] = {"fuzz_trace", PROGRAM_HEADER, NULL, ABOUT_RECORD},
    [LAYOUT_LISTENER] = {"fuzz_listener", PROGRAM_HEADER + LISTEN_HEADER, listener, ABOUT_NOTHING},
    [LAYOUT_ENDPOINT] = {"fuzz_endpoint", PROGRAM_HEADER + HOST_HEADER, endpoint, ABOUT_NOTHING},
    [LAYOUT_WIRE] = {"fuzz_wire", 1, NULL, ABOUT_PACKET}};
/* clang-format on */

const struct layout *layout_of(enum layout_format format)
{
    return &layouts[format];
}

enum layout_format layout_named(const char *target)
{
    static const char *const likewise[] = {"fuzz_pair", "fuzz_engine", "fuzz_prose"};
    unsigned format = 0;
    for (unsigned i = 0; i < sizeof likewise / sizeof likewise[0]; i++) {
        if (strcmp(target, likewise[i]) == 0) {
            return LAYOUT_RECORDS;
        }
    }
    while (format < LAYOUT_FORMATS && strcmp(target, layouts[format].name) != 0) {
        format++;
    }
    return (enum layout_format)format;
}

const struct layout_field *layout_fields(const struct layout *layout, uint8_t first)
{
    static const struct layout_field record[2] = {{.about = ABOUT_RECORD}};
    static const struct layout_field packet[2] = {{.about = ABOUT_PACKET}};
    if (layout->fields != NULL) {
        return layout->fields[first % LAYOUT_KINDS];
    }
    return layout->whole == ABOUT_RECORD ? record : packet;
}

bool layout_has(const struct layout_field *field, const uint8_t *record, size_t size)
{
    uint8_t octet = field->where < size ? record[field->where] : 0;
    return (octet & field->mask) == field->value;
}

size_t layout_field_end(const struct layout_field *field, const uint8_t *octets, size_t size,
                        size_t at)
{
    struct program program = {octets, size, at};
    struct record record;
    size_t n = field->size;
    if (field->about == ABOUT_RECORD) {
        program_next(&program, &record);
        return program.at;
    }
    if (field->about == ABOUT_PACKET) {
        n = at < size ? 1u + octets[at] : 0;
    }
    return at < size && n < size - at ? at + n : size;
}

size_t layout_next(enum layout_format format, const uint8_t *octets, size_t size, size_t at)
{
    const struct layout *layout = &layouts[format];
    const struct layout_field *field = layout_fields(layout, octets[at]);
    size_t begin = at;
    if (format == LAYOUT_WIRE) {
        return size; /* no octet counts them */
    }
    for (unsigned i = 0; i < LAYOUT_FIELDS && field[i].about != ABOUT_NOTHING; i++) {
        if (layout_has(&field[i], octets + begin, size - begin) && at < size) {
            at = layout_field_end(&field[i], octets, size, at);
        }
    }
    return at;
}

void layout_cut(enum layout_format format, const uint8_t *octets, size_t size, struct cut *cut)
{
    const struct layout *layout = &layouts[format];
    size_t at = layout->header;
    size = size < PROGRAM_MAX ? size : PROGRAM_MAX;
    memset(cut->octets, 0, sizeof cut->octets);
    if (size > 0) {
        memcpy(cut->octets, octets, size);
    }
    cut->layout = layout;
    cut->count = 0;
    while (at < size && cut->count < PROGRAM_EVENTS) {
        /* of the last the zeros behind the end, too */
        size_t room = format == LAYOUT_WIRE ? size : sizeof cut->octets;
        size_t end = layout_next(format, cut->octets, room, at);
        if (end > size && layout_fields(layout, cut->octets[at])[1].about == ABOUT_PACKET) {
            end = size > at + 2 ? size : at + 2;
            cut->octets[at + 1] = (uint8_t)(end - at - 2);
        }
        cut->spans[cut->count++] = (struct span){at, end - at};
        at = end;
    }
}
