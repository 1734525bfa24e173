/* A record changed by one of its fields, and records made field by field, as record_layout.h has them. See
 * mutate_internal.h. */
#include "mutate_internal.h"

#include "host.h"
#include "listen.h"

#include <string.h>

/* ---- what is in a field ---- */

/* For those of an octet. */
static uint8_t draw_octet(struct dice *dice, const struct layout_field *field, uint8_t was)
{
    static const uint8_t edges[] = {0, 1, 2, 10, 100, 127, 128, 131, 250, 255};
    unsigned how = draw(dice, 4);
    uint8_t octet = (uint8_t)draw(dice, 256);
    if (how == 0) { /* one bit */
        unsigned bit;
        do {
            bit = 1u << draw(dice, 8);
        } while ((field->bits & bit) == 0);
        octet = (uint8_t)(was ^ bit);
    } else if (how == 1 || (field->about == ABOUT_SIZE && how == 2)) {
        octet = field->bits == 0xff ? DRAW_OF(dice, edges) : 0;
    }
    return (uint8_t)((was & ~field->bits) | (octet & field->bits));
}

static uint16_t draw_two(struct dice *dice, const struct layout_field *field)
{
    static const int16_t beside[] = {0, 1, -1, 2, -2, 8, 100, -100, 1460, -1460, INT16_MAX};
    static const uint16_t times[] = {0, 1, 2, 4, 8, 60, 120, 240, 480, 1000, 7200, 65535};
    if (draw(dice, 4) == 0) {
        return draw_16(dice);
    }
    if (field->about == ABOUT_SEQUENCE) {
        return (uint16_t)DRAW_OF(dice, beside);
    }
    return field->about == ABOUT_TIME ? DRAW_OF(dice, times) : draw_size(dice);
}

/* Elsewhere only segments count, and of a listener calls to what is there already. */
static bool is_wanted(enum layout_format format, const struct record *record)
{
    return format == LAYOUT_RECORDS || record->kind == RECORD_SEGMENT ||
           (format == LAYOUT_LISTENER && record->kind == RECORD_CALL &&
            record->call != TFSM_EV_OPEN);
}

static size_t draw_nested(struct dice *dice, enum layout_format format, uint8_t *octets,
                          size_t room)
{
    struct record record;
    do {
        record_draw(dice, &record);
    } while (!is_wanted(format, &record));
    return record_write(&record, octets, room);
}

/* Fill a field that was not there. Returns its octets. */
static size_t draw_field(struct dice *dice, enum layout_format format,
                         const struct layout_field *field, uint8_t *octets, size_t room)
{
    bool counted = format != LAYOUT_WIRE; /* an octet before a packet says how long it is */
    size_t n;
    if (field->about == ABOUT_RECORD) {
        return draw_nested(dice, format, octets, room);
    }
    if (field->about == ABOUT_PACKET) {
        n = room > LAYOUT_PACKET_MAX ? LAYOUT_PACKET_MAX : room;
        n = n > counted ? packet_draw(dice, octets + counted, n - counted) : 0;
        octets[0] = counted ? (uint8_t)n : octets[0];
        return n + counted;
    }
    n = field->size < room ? field->size : room;
    if (n == 2 && field->about != ABOUT_OPTIONS && field->about != ABOUT_SPOIL) {
        uint16_t value = draw_two(dice, field);
        octets[0] = (uint8_t)(value & 0xffu);
        octets[1] = (uint8_t)(value >> 8);
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        octets[i] = draw_octet(dice, field, 0);
    }
    return n;
}

/* ---- records ---- */

/* Own bits that only say what more there is are mostly none: a packet that is spoilt and astray reaches
 * nobody. */
static uint8_t draw_own(struct dice *dice, const struct layout_field *fields)
{
    bool more = false;
    for (unsigned i = 1; i < LAYOUT_FIELDS && fields[i].about != ABOUT_NOTHING; i++) {
        more = more || (fields[0].about != ABOUT_TIME && fields[i].where == 0 &&
                        fields[i].mask != 0 && fields[i].mask == fields[i].value);
    }
    return more && draw(dice, 4) != 0 ? 0 : (uint8_t)(draw(dice, 16) << 4);
}

static uint8_t draw_kind(struct dice *dice, enum layout_format format)
{
    static const uint8_t listener[] = {
        LISTEN_SYN,     LISTEN_SYN,     LISTEN_SYN,    LISTEN_SYN,    LISTEN_THIRD,   LISTEN_THIRD,
        LISTEN_THIRD,   LISTEN_THIRD,   LISTEN_FLOW,   LISTEN_FLOW,   LISTEN_FLOW,    LISTEN_FLOW,
        LISTEN_PROGRAM, LISTEN_PROGRAM, LISTEN_TIME,   LISTEN_TIME,   LISTEN_TIME,    LISTEN_AGAIN,
        LISTEN_AGAIN,   LISTEN_COOKIE,  LISTEN_COOKIE, LISTEN_RST,    LISTEN_SYN_IN,  LISTEN_ICMP,
        LISTEN_HOLD,    LISTEN_ACCEPT,  LISTEN_POLICY, LISTEN_ROTATE, LISTEN_PROGRAM, LISTEN_CLOSE,
        LISTEN_DRAW,    LISTEN_PROGRAM};
    static const uint8_t endpoint[] = {
        HOST_EXACT,   HOST_EXACT,   HOST_EXACT,   HOST_EXACT,   HOST_EXACT,   HOST_EXACT,
        HOST_CONNECT, HOST_CONNECT, HOST_SYN,     HOST_SYN,     HOST_LISTEN,  HOST_USER,
        HOST_USER,    HOST_USER,    HOST_TIME,    HOST_TIME,    HOST_TIME,    HOST_TALK,
        HOST_TALK,    HOST_SEGMENT, HOST_SEGMENT, HOST_SEGMENT, HOST_SEGMENT, HOST_SEGMENT,
        HOST_SELF,    HOST_LOOP,    HOST_LOOP,    HOST_FLUSH,   HOST_RAW,     HOST_ICMP,
        HOST_AGAIN,   HOST_HOLD,    HOST_ACCEPT};
    return format == LAYOUT_LISTENER ? DRAW_OF(dice, listener) : DRAW_OF(dice, endpoint);
}

/* A field, found in a record. */
struct found {
    unsigned index; /* LAYOUT_FIELDS: none */
    size_t at;
    size_t size;
};

/* The fields that share an octet with the one before. */
static bool is_bits(const struct layout_field *field)
{
    return field->size == 0 && field->about != ABOUT_RECORD && field->about != ABOUT_PACKET;
}

/* Write a record: of its fields one may have been changed already, others are those of the record that
 * was, or drawn where they were not there. */
static size_t rewrite(struct dice *dice, enum layout_format format, const uint8_t *was,
                      size_t was_size, const struct layout_field *fields, const struct found *found,
                      const uint8_t *changed, size_t changed_size, uint8_t *octets, size_t room)
{
    size_t size = 0;
    size_t at = 0; /* in what was */
    for (unsigned i = 0; i < LAYOUT_FIELDS && fields[i].about != ABOUT_NOTHING; i++) {
        bool had = at < was_size && layout_has(&fields[i], was, was_size);
        size_t end = had ? layout_field_end(&fields[i], was, was_size, at) : at;
        const uint8_t *from = i == found->index ? changed : was + at;
        size_t n = i == found->index ? changed_size : end - at;
        if (is_bits(&fields[i])) {
            uint8_t *octet = &octets[size - 1];
            *octet = i == found->index ? changed[0] : *octet;
            *octet = was_size == 0 ? draw_octet(dice, &fields[i], *octet) : *octet;
        } else if (!layout_has(&fields[i], octets, size)) {
            n = 0;
        } else if (n == 0) {
            size += draw_field(dice, format, &fields[i], octets + size, room - size);
        } else if (n <= room - size) {
            memcpy(octets + size, from, n);
            size += n;
        }
        at = end;
    }
    return size;
}

size_t fields_draw(struct dice *dice, enum layout_format format, uint8_t *octets, size_t room)
{
    const struct layout *layout = layout_of(format);
    bool has_kind = layout->fields != NULL;
    uint8_t first = has_kind ? draw_kind(dice, format) : 0;
    const struct layout_field *fields = layout_fields(layout, first);
    struct found found = {.index = has_kind ? 0 : LAYOUT_FIELDS};
    first |= has_kind ? draw_own(dice, fields) : 0;
    return rewrite(dice, format, &first, 0, fields, &found, &first, 1, octets, room);
}

/* ---- changes ---- */

static enum mutation mutation_of(const struct layout_field *field)
{
    static const uint8_t of[] = {[ABOUT_WHOM] = MUTATE_WHOM,    [ABOUT_SEQUENCE] = MUTATE_SEQUENCE,
                                 [ABOUT_FLAGS] = MUTATE_FLAGS,  [ABOUT_OPTIONS] = MUTATE_OPTIONS,
                                 [ABOUT_SIZE] = MUTATE_SIZE,    [ABOUT_TIME] = MUTATE_TIME,
                                 [ABOUT_SPOIL] = MUTATE_OPTIONS};
    return (enum mutation)of[field->about];
}

static bool serves(enum mutation mutation, enum layout_format format,
                   const struct layout_field *field, const uint8_t *octets, size_t size)
{
    bool of_segment = mutation >= MUTATE_SEQUENCE && mutation <= MUTATE_SIZE;
    if (field->about == ABOUT_RECORD) {
        struct program program = {octets, size, 0};
        struct record record;
        return (of_segment || format == LAYOUT_RECORDS) && program_next(&program, &record) &&
               record_serves(mutation, &record);
    }
    return field->about == ABOUT_PACKET ? of_segment : mutation_of(field) == mutation;
}

/* One of those that serve, at random. */
static struct found find_field(struct dice *dice, enum mutation mutation, enum layout_format format,
                               const uint8_t *record, size_t size)
{
    const struct layout_field *fields = layout_fields(layout_of(format), record[0]);
    struct found found = {.index = LAYOUT_FIELDS};
    unsigned count = 0;
    size_t at = 0;
    for (unsigned i = 0; i < LAYOUT_FIELDS && fields[i].about != ABOUT_NOTHING; i++) {
        if (!layout_has(&fields[i], record, size)) {
            continue;
        }
        size_t end = format == LAYOUT_WIRE ? size : layout_field_end(&fields[i], record, size, at);
        size_t begin = is_bits(&fields[i]) ? at - 1 : at;
        if (serves(mutation, format, &fields[i], record + begin, end - begin) &&
            draw(dice, ++count) == 0) {
            found = (struct found){i, begin, end - begin};
        }
        at = end;
    }
    return found;
}

/* Returns the octets that the field has now, 0 where nothing was done. */
static size_t change_field(struct dice *dice, enum mutation mutation, enum layout_format format,
                           const struct layout_field *field, uint8_t *octets, size_t n, size_t room)
{
    if (field->about == ABOUT_RECORD) {
        struct program program = {octets, n, 0};
        struct record record;
        program_next(&program, &record);
        record_change(dice, mutation, &record);
        return record_write(&record, octets, room);
    }
    if (field->about == ABOUT_PACKET && format == LAYOUT_WIRE) {
        return packet_change(dice, mutation, octets, n, room);
    }
    if (field->about == ABOUT_PACKET) {
        n = packet_change(dice, mutation, octets + 1, n - 1, LAYOUT_PACKET_MAX);
        octets[0] = (uint8_t)n;
        return n > 0 ? n + 1 : 0;
    }
    if (field->size == 2 && field->about != ABOUT_OPTIONS && field->about != ABOUT_SPOIL) {
        return draw_field(dice, format, field, octets, room);
    }
    size_t which = field->size == 2 ? draw(dice, 2) : 0;
    octets[which] = draw_octet(dice, field, octets[which]);
    return n;
}

size_t fields_change(struct dice *dice, enum mutation mutation, enum layout_format format,
                     const uint8_t *record, size_t size, uint8_t *octets, size_t room)
{
    static uint8_t changed[PROGRAM_MAX + LAYOUT_RECORD_MAX];
    const struct layout_field *fields = layout_fields(layout_of(format), record[0]);
    struct found found = find_field(dice, mutation, format, record, size);
    if (found.index == LAYOUT_FIELDS) {
        return 0;
    }
    memcpy(changed, record + found.at, found.size);
    size_t n = change_field(dice, mutation, format, &fields[found.index], changed, found.size,
                            sizeof changed);
    return n > 0 ? rewrite(dice, format, record, size, fields, &found, changed, n, octets, room)
                 : 0;
}
