/* Excerpts: of a capture that was judged, the packets that prove a charge, with a few of the same connection before and after
 * them. Which they are is known only when the capture was read once: this is the second reading. */
#ifndef HARNESS_EXCERPT_H
#define HARNESS_EXCERPT_H

#include "verdict.h"

#define EXCERPT_BEFORE 2u /* packets in front of each that proves something */
#define EXCERPT_AFTER  1u
#define EXCERPT_LINES  (WITNESS_PROOFS * (EXCERPT_BEFORE + 1u + EXCERPT_AFTER))

/* One packet. */
struct excerpt_line {
    uint64_t number;
    tfsm_time time;
    uint64_t skipped; /* packets of the connection between it and the line before */
    unsigned sender;  /* which end */
    bool proof;
    bool wrong; /* its checksum is */
    uint8_t reserved;
    struct tfsm_segment segment;
};

/* Set what it is an excerpt for; the rest starts zeroed. */
struct excerpt {
    struct verdict_example of;
    struct excerpt_line lines[EXCERPT_LINES];
    unsigned count;
    bool origin_known[2]; /* where the numbers of an end count from */
    uint32_t origin[2];
    /* of the reading */
    struct excerpt_line recent[EXCERPT_BEFORE];
    unsigned recent_count;
    uint64_t skipped;
    unsigned found;
    unsigned after; /* packets still to be shown */
};

/* Read the capture again, as far as is needed.
 * seen   called for each packet; may be null
 * error  when the answer is false: the capture cannot be read any more */
bool excerpt_take(const char *path, struct excerpt *excerpts, size_t count,
                  void (*seen)(void *user, const struct capture_packet *packet), void *user,
                  char error[CAPTURE_ERROR]);

#endif
