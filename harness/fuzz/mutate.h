/* Mutation of event programs by their records, for every engine: what a byte-wise mutator breaks apart
 * (a record and the next) stays whole, and what matters to a TCP (an edge of the window, the
 * microsecond before a deadline, a combination of flags, one option more) is one draw away. Everything
 * is a function of its arguments. Programs of any format of record_layout.h; whatever comes out decodes, as any
 * octets do. */
#ifndef HARNESS_FUZZ_MUTATE_H
#define HARNESS_FUZZ_MUTATE_H

#include "record_layout.h"

/* What can be done to a program. */
enum mutation {
    MUTATE_INSERT,   /* a new record */
    MUTATE_DELETE,   /* a row of records */
    MUTATE_REPEAT,   /* a row of them again, elsewhere */
    MUTATE_SWAP,     /* a record and the next */
    MUTATE_SPLICE,   /* records of another program in between, or its end instead of ours */
    MUTATE_SEQUENCE, /* SEG.SEQ or SEG.ACK to an edge of the live window, or beside where it is */
    MUTATE_FLAGS,    /* towards a legal combination, or by a bit away from it; another call */
    MUTATE_OPTIONS,  /* one more, one less, another place, length or value; a packet spoilt */
    MUTATE_SIZE,     /* of text, window, or what a call asks for */
    MUTATE_TIME,     /* before, at or after the deadline, or another delay */
    MUTATE_WHOM,     /* another end, peer, connection, address, segment in flight */
    MUTATE_HEADER,   /* a policy or an origin */
    MUTATIONS
};

/* Mutate a program in place, one to four times.
 * octets  size of them, with room for `room`
 * other   another program of the same format, to splice with; may be null when its size is 0
 * seed    what is done depends on nothing else
 * Returns the new size, at least that of the header and at most room; 0, and nothing is done, where
 * room is less than MUTATE_LEAST beyond the header, the program is longer than room or PROGRAM_MAX, or
 * nothing fits. Where the whole does not fit, the last records are missing. */
#define MUTATE_LEAST 8u
size_t mutate(enum layout_format format, uint8_t *octets, size_t size, size_t room,
              const uint8_t *other, size_t other_size, uint64_t seed);

/* The same, once, and of a kind. Returns 0 where the program has nothing to do it to. */
size_t mutate_by(enum mutation mutation, enum layout_format format, uint8_t *octets, size_t size,
                 size_t room, const uint8_t *other, size_t other_size, uint64_t seed);

/* How many records a program has that are carried out. */
unsigned mutate_records(enum layout_format format, const uint8_t *octets, size_t size);

/* Write a program without some of its records: count of them from the first on, counted from 0.
 * shorter  room for size + LAYOUT_RECORD_MAX octets
 * Returns its size. */
size_t mutate_without(enum layout_format format, const uint8_t *octets, size_t size, unsigned first,
                      unsigned count, uint8_t *shorter);

#endif
