/* The ISNs of a capture: of each SYN and each SYN,ACK its number, once an incarnation. The same number of the same tuple is a
 * retransmission, unless the connection was closed in between. */
#ifndef HARNESS_ISNS_H
#define HARNESS_ISNS_H

#include "capture.h"
#include "isn.h"

/* No more are kept; of what comes after them it is said that it was left out. They take 160 MiB. */
#define ISNS_MOST ((size_t)1 << 20)

struct isns_entry;

struct isns {
    struct isns_entry *entries;
    size_t n;
    size_t room;
    uint32_t *buckets; /* of entries, 1 for the first; as many as there is room */
    unsigned file;
    uint64_t left_out; /* beyond what is kept */
    uint64_t
        rewritten; /* a segment that was there under another address, of a machine between networks */
};

/* Take note of a packet. False: no memory. A zeroed one may begin. */
bool isns_packet(struct isns *isns, const struct capture_packet *packet);

/* What comes is of another file. */
void isns_next_file(struct isns *isns);

/* Hosts one after another, each in the order of time; after this nothing may be added.
 * Null: no memory. To be freed by the caller. */
struct isn_seen *isns_sorted(const struct isns *isns);

/* How many from the first one on are of the same host. */
size_t isns_of_host(const struct isn_seen *seen, size_t n);

void isns_free(struct isns *isns);

#endif
