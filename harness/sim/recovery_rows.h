/* What the parts of the table of recovery.h share. */
#ifndef HARNESS_RECOVERY_ROWS_H
#define HARNESS_RECOVERY_ROWS_H

#include "mishap.h"
#include "recovery.h"

#define MS          1000u   /* microseconds */
#define CELL        96      /* octets of a cell of the table */
#define SMOOTH_RATE 2500000 /* octets a second: 20 Mbit/s */
#define SMOOTH_WAY  25000   /* microseconds */

enum side { BEFORE, AFTER, SIDES };

struct recovery {
    const struct recovery_asked *asked;
    recovery_progress *progress;
    unsigned missed;
    const char *broken; /* an invariant, in the row that is being measured; null: none */
    uint64_t broken_seed;
};

struct row {
    char what[CELL];
    char goal[CELL];
    char side[SIDES][CELL];
    bool held;
    bool wanted; /* there is a goal */
};

/* Write a cell. */
__attribute__((format(printf, 2, 3))) void cell(char to[CELL], const char *format, ...);

/* Print a row, and count a goal that was missed. */
void print_row(struct recovery *recovery, struct row *row);

const struct tfsm_config *policy_of(const struct recovery_asked *asked, enum side side);

/* A transfer over the link that was asked for, which loses nothing by itself. */
struct mishap_config plan(const struct recovery_asked *asked, enum side side);

/* What breaks in it is told in the next row. */
struct mishap_result run(struct recovery *recovery, const struct mishap_config *config);

/* Seeds of what takes long. */
uint64_t few(const struct recovery_asked *asked);

/* ---- parts ---- */

/* A receiver with a large window. */
void steady(struct recovery *recovery);
/* Jitter, and what the sender takes for losses. */
void jitters(struct recovery *recovery);
/* Octets of a TCB and of a connection. */
void memory(struct recovery *recovery);

#endif
