/* Mutation of event programs by their records, for every engine: what a byte-wise mutator breaks apart
 * (a record and the next) stays whole, and what matters to a TCP (an edge of the window, the
 * microsecond before a deadline, a combination of flags) is one draw away. Everything is a function of
 * its arguments. Programs as trace.c and pair.c read them; whatever comes out decodes, as any octets
 * do. */
#ifndef HARNESS_FUZZ_MUTATE_H
#define HARNESS_FUZZ_MUTATE_H

#include "decode.h"

/* What can be done to a program. */
enum mutation {
    MUTATE_INSERT,   /* a new record */
    MUTATE_DELETE,   /* a row of records */
    MUTATE_REPEAT,   /* a row of them again, elsewhere */
    MUTATE_SWAP,     /* a record and the next */
    MUTATE_SPLICE,   /* records of another program in between, or its end instead of ours */
    MUTATE_SEQUENCE, /* SEG.SEQ or SEG.ACK to an edge of the live window, or beside where it is */
    MUTATE_FLAGS,    /* towards a legal combination, or by a bit away from it */
    MUTATE_OPTIONS,  /* one more, one less, another value */
    MUTATE_SIZE,     /* of text, window, or what a call asks for */
    MUTATE_TIME,     /* before, at or after the deadline, or another delay */
    MUTATE_WHOM,     /* the other end, another segment in flight */
    MUTATE_HEADER,   /* a policy or an origin */
    MUTATIONS
};

/* Mutate a program in place, one to four times.
 * octets  size of them, with room for `room`
 * other   another program, to splice with; may be null when its size is 0
 * seed    what is done depends on nothing else
 * Returns the new size, at least PROGRAM_HEADER and at most room; 0, and nothing is done, where room
 * is less than PROGRAM_HEADER + RECORD_MAX or the program is longer than room or PROGRAM_MAX. */
size_t mutate(uint8_t *octets, size_t size, size_t room, const uint8_t *other, size_t other_size,
              uint64_t seed);

/* The same, once, and of a kind. Returns 0 where the program has nothing to do it to. */
size_t mutate_by(enum mutation mutation, uint8_t *octets, size_t size, size_t room,
                 const uint8_t *other, size_t other_size, uint64_t seed);

/* How many records a program has that are carried out. */
unsigned mutate_records(const uint8_t *octets, size_t size);

/* Write a program without some of its records: count of them from the first on, counted from 0.
 * shorter  room for size + RECORD_MAX octets
 * Returns its size. */
size_t mutate_without(const uint8_t *octets, size_t size, unsigned first, unsigned count,
                      uint8_t *shorter);

#endif
