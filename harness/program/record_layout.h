/* How programs are cut into records, and records into fields: a table for every format. What carries a
 * program out (listen.c, host.c) reads no further than the record ends here; what mutates, trims and
 * minimizes programs cuts them at the same places, and knows of every octet what it is good for. */
#ifndef HARNESS_LAYOUT_H
#define HARNESS_LAYOUT_H

#include "decode.h"

enum layout_format {
    LAYOUT_RECORDS,  /* trace.c, pair.c: records of decode.h and nothing else */
    LAYOUT_LISTENER, /* listen.h */
    LAYOUT_ENDPOINT, /* host.h */
    LAYOUT_WIRE,     /* packet_program.h: all behind the header is one packet */
    LAYOUT_FORMATS
};

/* What a field is about. */
enum layout_about {
    ABOUT_NOTHING,  /* the list of fields ends before this one */
    ABOUT_WHOM,     /* a peer, a connection, an address, a packet in flight */
    ABOUT_SEQUENCE, /* a number, or from where and how far off it is */
    ABOUT_FLAGS,    /* control bits, and which call */
    ABOUT_OPTIONS,  /* options of TCP, policies */
    ABOUT_SIZE,     /* of text, windows, segments, or a count */
    ABOUT_TIME,
    ABOUT_SPOIL,  /* how a packet is spoilt, and where */
    ABOUT_RECORD, /* a record of decode.h */
    ABOUT_PACKET  /* an octet that counts them, and the octets of a packet */
};

/* A field of a record. The first is the octet with the kind. */
struct layout_field {
    uint8_t about; /* enum layout_about */
    uint8_t size;  /* octets; 0: other bits of the field before; not of RECORD and PACKET */
    uint8_t bits;  /* of a single octet: those that are meant */
    /* There only where the octet at this place of the record has these of its bits so; else 0, 0, 0. */
    uint8_t where;
    uint8_t mask;
    uint8_t value;
};

#define LAYOUT_KINDS      16u
#define LAYOUT_FIELDS     8u
#define LAYOUT_PACKET_MAX 255u /* octets of a packet in a record */
#define LAYOUT_RECORD_MAX                                                                          \
    (2 + LAYOUT_PACKET_MAX) /* the longest record, that of LAYOUT_WIRE aside */

struct layout {
    const char *name; /* of a target that reads such programs */
    uint8_t header;   /* octets before the first record */
    /* of a record of each kind, which are the low four bits of its first octet; null: its octets are
     * one field */
    const struct layout_field (*fields)[LAYOUT_FIELDS];
    uint8_t whole; /* enum layout_about of that field */
};

const struct layout *layout_of(enum layout_format format);

/* The format of what a target reads, by its name; LAYOUT_FORMATS: not of any of these. */
enum layout_format layout_named(const char *target);

/* The fields of a record that begins so. A record without a kind has one. */
const struct layout_field *layout_fields(const struct layout *layout, uint8_t first);

/* Whether a field is there in this record, of which size octets are known. */
bool layout_has(const struct layout_field *field, const uint8_t *record, size_t size);

/* Where a field ends that begins at `at`: behind the octets where these end too early. */
size_t layout_field_end(const struct layout_field *field, const uint8_t *octets, size_t size,
                        size_t at);

/* Where the record ends that begins at `at`, which is below size; at most size. */
size_t layout_next(enum layout_format format, const uint8_t *octets, size_t size, size_t at);

/* A part of a program. */
struct span {
    size_t at;
    size_t size;
};

/* A program in records, as many as are carried out. The last may have been cut off: here it is whole,
 * with the zeros it reads; a packet has the octets that there are. */
struct cut {
    const struct layout *layout;
    unsigned count;
    struct span spans[PROGRAM_EVENTS];
    uint8_t octets[PROGRAM_MAX + LAYOUT_RECORD_MAX];
};

/* Cut up a program; cut is written whole. octets may be null where size is 0. */
void layout_cut(enum layout_format format, const uint8_t *octets, size_t size, struct cut *cut);

#endif
