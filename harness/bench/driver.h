/* The cases: what kind of segments arrive, and how many. */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include "subject.h"

#ifdef __cplusplus
extern "C" {
#endif

enum bench_case {
    CASE_ACK,          /* acknowledgments of new data */
    CASE_SMALL,        /* 100 octets in order, acknowledged every second time */
    CASE_FULL,         /* 1,460 octets in order (1,440 with IPv6) */
    CASE_OUT_OF_ORDER, /* 100 octets, of eight the first comes last */
    CASE_CONNECTION,   /* four segments in: handshake and close */
    CASE_SYN,          /* a SYN at a listener with room */
    CASES
};

struct bench_plan {
    const char *name;
    unsigned batch; /* segments, or connections, that driver_run() measures */
    bool whole;     /* the figure is of a connection, not of a segment */
};
extern const struct bench_plan bench_plans[CASES];

/* Measure a batch: everything that is not to be measured is done outside of measured(), which is called once for each
 * stage. Returns how many octets the subject has sent, so that nothing was left out. */
typedef void bench_stage(const struct subject *subject, const unsigned *whose,
                         const struct parcel *parcels, unsigned count);
void driver_start(const struct subject *subject, bool ipv6, bool stamps);
void driver_run(const struct subject *subject, enum bench_case which, bench_stage *measured);

/* What a stage is: the parcels arrive, one after the other. */
void driver_arrive(const struct subject *subject, const unsigned *whose,
                   const struct parcel *parcels, unsigned count);

/* Subjects by name, null for none. */
const struct subject *driver_subject(const char *name);

#ifdef __cplusplus
}
#endif

#endif
