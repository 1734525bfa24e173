/* Writing event programs: what the makers of seeds for one endpoint and for two share. */
#ifndef HARNESS_PROGRAM_H
#define HARNESS_PROGRAM_H

#include "seed.h"

#define PROGRAM_PAUSE 1000u /* microseconds that are worth a record: no segment is off by as much */

/* Append a record. False when the program is full. */
bool program_append(struct seed_program *program, const struct record *record);

/* Append TIME records where a while has passed since *last, and move *last by what they say. False
 * when the program is full. */
bool program_pause(struct seed_program *program, tfsm_time *last, tfsm_time now);

/* Append the user calls that one segment tells of, so that one segment comes of them again.
 * steps, count  the rest of a script, beginning with a call
 * fits          set to false when the program is full
 * Returns how many steps these calls are, at least one. */
size_t program_calls(struct seed_program *program, unsigned end, const struct capture_step *steps,
                     size_t count, bool *fits);

/* Begin a program: policies and origins for one end, or for two that share all but window scaling.
 * second      null for one end
 * second_isn  the ISN wanted for end 1
 * config      what the header decodes to; not everything captured can be said */
void program_header(struct seed_program *program, const struct capture_side *first,
                    const struct capture_side *second, uint32_t second_isn,
                    struct program_config *config);

/* What a script that could not be read off means for a seed. */
enum seed_result program_result(enum capture_side_result result);

#endif
