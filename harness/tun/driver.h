/* The loop that runs an endpoint over a TUN device: packets, time, signals and the application, in
 * the order that endpoint.h asks for. Between device and endpoint there may be a wire that loses,
 * copies, delays and corrupts (wire.h). The clock is that of waiting.h. */
#ifndef HARNESS_DRIVER_H
#define HARNESS_DRIVER_H

#include "device.h"
#include "endpoint.h"
#include "record.h"
#include "waiting.h"
#include "wire.h"

#define DRIVER_ERROR 200

/* What runs over the endpoint. Times in microseconds. */
struct driver_app {
    void *user;
    void (*news)(void *user, endpoint_handle handle, uint32_t news, tfsm_time now);
    void (*turn)(void *user, tfsm_time now);  /* once a round, after the news */
    tfsm_time (*deadline)(const void *user);  /* a round is wanted then at the latest */
    bool (*over)(const void *user);           /* nothing is left to be done */
    void (*close)(void *user, tfsm_time now); /* a signal asks for the end: in good order */
    void (*abort)(void *user, tfsm_time now); /* and another one, or patience is at its end */
};

/* For who looks at packets as the endpoint has them; each may be null. */
struct driver_watcher {
    void *user;
    void (*arrives)(void *user, const uint8_t *octets, size_t n, tfsm_time now);
    void (*arrived)(void *user);
    void (*leaves)(void *user, const uint8_t *octets, size_t n, tfsm_time now);
    void (*turn)(void *user); /* once a round, at its end */
};

struct driver_config {
    struct endpoint *endpoint;
    int tun;
    size_t mtu;                         /* of the device */
    const struct wire_network *network; /* null: no wire in between */
    uint64_t seed;                      /* of the wire */
    struct record *record;              /* what the kernel sees; may be null */
    struct driver_app app;
    struct driver_watcher watcher;
};

struct driver;

/* Null: error says why. Signals SIGINT and SIGTERM are the driver's from now on. */
struct driver *driver_create(const struct driver_config *config, char error[DRIVER_ERROR]);
void driver_destroy(struct driver *driver);

/* A descriptor of the application's: a turn comes when it is ready for what is wanted, EPOLLIN or
 * EPOLLOUT or 0. One that cannot be waited for, as a file, is always ready. */
void driver_want(struct driver *driver, int fd, uint32_t events);

/* Run until the application is over. Returns false when the device failed: error says how. */
bool driver_run(struct driver *driver, char error[DRIVER_ERROR]);

const struct device_counters *driver_counted(const struct driver *driver);
uint64_t driver_rounds(const struct driver *driver);
const struct wire_counters *driver_wire_counted(const struct driver *driver); /* or null */

#endif
