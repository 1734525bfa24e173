/* What is measured: a TCP that takes packets and gives packets. The driver (driver.h) is the peer; it makes all packets
 * outside what is measured. */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTIONS 16u
#define SERVER_PORT 80u
#define CLIENT_PORT 1024u /* and on: one port a connection */

/* An octet string that arrives, and whatever a subject made of it before the clock runs. */
struct parcel {
    const uint8_t *octets;
    size_t n;
    void *wrapped; /* by subject.wrap() */
};

struct subject {
    const char *name;
    /* Forget everything and listen, on 192.0.2.1 or 2001:db8::1. */
    void (*start)(bool ipv6, bool stamps);
    /* Not measured: a packet in the form in which the subject takes it. Null: as it is. */
    void (*wrap)(struct parcel *parcel);
    /* Measured: a packet of connection i arrives; what it calls for is written, and handed to driver_sent(). */
    void (*arrive)(unsigned i, const struct parcel *parcel);
    /* Not measured: the user sends or closes, time passes; what goes out is handed to driver_sent() as well. */
    void (*send)(unsigned i, uint32_t octets);
    void (*close)(unsigned i);
    void (*tick)(uint64_t microseconds);
};

/* Where a subject's packets go: their headers are kept, and read when nothing is measured. While something is, it is
 * another function, so that a profile can leave that out. */
extern void (*driver_sent)(const void *octets, size_t n);

extern const struct subject subject_core;
extern const struct subject subject_listener;
extern const struct subject subject_endpoint;
extern const struct subject subject_lwip;

#endif
