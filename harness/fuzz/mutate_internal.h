/* What the files of the mutator share: dice, and who changes what. A program is cut by record_layout.h and moved about by
 * mutate.c; mutate_field.c changes a record by its fields, of which mutate_record.c knows those of decode.h and
 * mutate_packet.c whole packets. */
#ifndef HARNESS_FUZZ_MUTATE_INTERNAL_H
#define HARNESS_FUZZ_MUTATE_INTERNAL_H

#include "record_layout.h"
#include "mutate.h"
#include "wire.h"

/* The state of a generator; never 0. */
struct dice {
    uint64_t random;
};

/* 0..below-1 */
static inline unsigned draw(struct dice *dice, unsigned below)
{
    return (unsigned)(sim_draw(&dice->random) >> 33) % below;
}

static inline uint16_t draw_16(struct dice *dice)
{
    return (uint16_t)draw(dice, 65536);
}

#define LENGTH(list) (sizeof(list) / sizeof(list)[0])
/* One of a list. */
#define DRAW_OF(dice, list) ((list)[draw((dice), (unsigned)LENGTH(list))])

/* A size that has shown bugs elsewhere: none, one, tiny, a segment, all there is. */
uint16_t draw_size(struct dice *dice);
/* Control bits: of a legal combination, or a bit away from what they were. */
uint8_t draw_flags(struct dice *dice, uint8_t flags);

/* ---- mutate_record.c ---- */

/* Whether a record has something to do it to; only then it is changed. */
bool record_serves(enum mutation mutation, const struct record *record);
void record_change(struct dice *dice, enum mutation mutation, struct record *record);
void record_draw(struct dice *dice, struct record *record);

/* ---- mutate_packet.c ---- */

/* A packet from somebody to a host of host.h. Returns its length; 0: there is no room. */
size_t packet_draw(struct dice *dice, uint8_t *octets, size_t room);
/* Change a packet in place. Returns its length, 0 where there is nothing to do it to. */
size_t packet_change(struct dice *dice, enum mutation mutation, uint8_t *octets, size_t n,
                     size_t room);

/* ---- mutate_field.c ---- */

/* A new record. Returns its size, at most room. */
size_t fields_draw(struct dice *dice, enum layout_format format, uint8_t *octets, size_t room);
/* Write a record anew, with one field changed; what there is only because of it is drawn, and what
 * there was is gone. Returns its size, at most room; 0: no field has to do with this mutation. */
size_t fields_change(struct dice *dice, enum mutation mutation, enum layout_format format,
                     const uint8_t *record, size_t size, uint8_t *octets, size_t room);

#endif
