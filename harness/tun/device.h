/* A TUN device that is open: packets in and out, never waiting, and counted; and what it said when it was
 * gone. */
#ifndef HARNESS_DEVICE_H
#define HARNESS_DEVICE_H

#include "record.h"
#include "waiting.h"

#include <stddef.h>

#define DEVICE_PACKET_MOST 65536u /* octets: nothing larger comes out of a device */

struct device_counters {
    uint64_t packets_in; /* from the device */
    uint64_t packets_out;
    uint64_t octets_in;
    uint64_t octets_out;
    uint64_t refused;  /* packets that the device did not take: it is down, or they make no sense */
    uint64_t deferred; /* times that the device was full */
};

struct device {
    int fd;                /* non-blocking: one packet a read, one a write */
    struct record *record; /* of what passes; may be null */
    bool waits_for_room;
    bool gone;
    int failure; /* errno of that */
    struct device_counters counters;
};

/* Octets of the packet that was read; 0 when there is none. There is room for `most`. */
size_t device_read(struct device *device, uint8_t *octets, size_t most);

/* Returns false when the device has no room now. What it will never take is lost, as on a wire. */
bool device_write(struct device *device, const uint8_t *octets, size_t n);

/* Watch for packets, and for room as well or no longer. */
bool device_watch(const struct device *device, const struct waiting *waiting);
void device_wait_for_room(struct device *device, const struct waiting *waiting, bool waits);

#endif
