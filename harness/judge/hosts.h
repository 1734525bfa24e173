/* What a docket remembers of hosts beyond one connection: the initial sequence numbers of their last ones. A host whose place
 * another one needs is forgotten. */
#ifndef HARNESS_HOSTS_H
#define HARNESS_HOSTS_H

#include "tfsm.h"

/* A packet. */
struct hosts_sight {
    uint64_t packet; /* 0: there is none */
    tfsm_time at;
};

struct hosts;

/* Null: no memory. */
struct hosts *hosts_new(void);
void hosts_free(struct hosts *hosts);

/* A connection of a host's is over that began with this number, in that packet. */
void hosts_note_isn(struct hosts *hosts, const struct tfsm_address *address, uint32_t isn,
                    struct hosts_sight syn, tfsm_time over);

/* How many of the last few that were over at a time began with it, too; *syn is that of the last. */
unsigned hosts_know_isn(const struct hosts *hosts, const struct tfsm_address *address, uint32_t isn,
                        tfsm_time at, struct hosts_sight *syn, tfsm_time *over);

/* Of an address. */
uint64_t hosts_hash(const struct tfsm_address *address, uint64_t seed);

bool hosts_same_address(const struct tfsm_address *a, const struct tfsm_address *b);

#endif
