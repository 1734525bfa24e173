/* See driver.h. A round reads a batch of packets before anything is answered, so that one
 * acknowledgment answers several; what the device has no room for is kept and goes first once it
 * has. */
#include "driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define BATCH       256u              /* packets read, and written, in one round */
#define AT_ONCE     16u               /* of these, that the endpoint gets together */
#define PLACES      16384u            /* packets on the wire at a time */
#define WATCHED     4                 /* descriptors of the application */
#define PATIENCE    UINT64_C(5000000) /* microseconds for closing in good order */
#define LAST_WORDS  UINT64_C(500000)  /* microseconds for resets to cross the wire */
#define FLUSH_EVERY UINT64_C(100000)  /* microseconds that a recorded packet waits at most */

enum { TO_ENDPOINT, TO_KERNEL };

struct watched {
    int fd;
    uint32_t events;
    bool added;    /* to the epoll */
    bool is_ready; /* always: it cannot be waited for */
};

struct driver {
    struct driver_config config;
    struct wire *wire;
    struct device device;
    struct waiting waiting;
    struct watched watched[WATCHED];
    unsigned watched_count;
    bool more;       /* the last round left something to be done */
    unsigned asked;  /* how often a signal asked for the end */
    tfsm_time until; /* patience lasts, once asked */
    bool over;       /* the application: nothing more is taken in */
    bool aborted;    /* and what is on its way has until stop_at */
    tfsm_time stop_at;
    tfsm_time flushed;
    size_t held; /* octets of packet[] that the device had no room for */
    uint64_t rounds;
    uint8_t packet[DEVICE_PACKET_MOST];
    unsigned arrived; /* packets that were read and not handed in yet */
    struct endpoint_packet arrivals[AT_ONCE];
    uint8_t arrival[AT_ONCE][DEVICE_PACKET_MOST];
};

const struct device_counters *driver_counted(const struct driver *driver)
{
    return &driver->device.counters;
}

uint64_t driver_rounds(const struct driver *driver)
{
    return driver->rounds;
}

const struct wire_counters *driver_wire_counted(const struct driver *driver)
{
    return driver->wire != NULL ? wire_counted(driver->wire) : NULL;
}

/* ---- start and end ---- */

struct driver *driver_create(const struct driver_config *config, char error[DRIVER_ERROR])
{
    struct driver *driver = calloc(1, sizeof *driver);
    if (driver == NULL) {
        snprintf(error, DRIVER_ERROR, "not enough memory");
        return NULL;
    }
    driver->config = *config;
    driver->device = (struct device){.fd = config->tun, .record = config->record};
    if (!waiting_open(&driver->waiting) || !device_watch(&driver->device, &driver->waiting)) {
        snprintf(error, DRIVER_ERROR, "%s", strerror(errno));
        driver_destroy(driver);
        return NULL;
    }
    if (config->network != NULL) {
        driver->wire = wire_create(PLACES, config->mtu);
        if (driver->wire == NULL) {
            snprintf(error, DRIVER_ERROR, "not enough memory");
            driver_destroy(driver);
            return NULL;
        }
        wire_begin(driver->wire, config->network, config->seed);
    }
    return driver;
}

void driver_destroy(struct driver *driver)
{
    if (driver == NULL) {
        return;
    }
    waiting_close(&driver->waiting);
    wire_destroy(driver->wire);
    free(driver);
}

/* ---- descriptors of the application ---- */

static struct watched *find_watched(struct driver *driver, int fd)
{
    for (unsigned i = 0; i < driver->watched_count; i++) {
        if (driver->watched[i].fd == fd) {
            return &driver->watched[i];
        }
    }
    if (driver->watched_count == WATCHED) {
        return NULL;
    }
    driver->watched[driver->watched_count] = (struct watched){.fd = fd};
    return &driver->watched[driver->watched_count++];
}

/* One that nothing is wanted of is taken out: a closed pipe would be reported all the same. */
void driver_want(struct driver *driver, int fd, uint32_t events)
{
    struct watched *watched = find_watched(driver, fd);
    if (watched == NULL || watched->events == events) {
        return;
    }
    watched->events = events;
    if (watched->added) {
        waiting_watch(&driver->waiting, events != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, fd, events);
        watched->added = events != 0;
    } else if (events != 0) {
        watched->added = waiting_watch(&driver->waiting, EPOLL_CTL_ADD, fd, events);
        watched->is_ready = !watched->added;
    }
}

static bool is_any_ready(const struct driver *driver)
{
    for (unsigned i = 0; i < driver->watched_count; i++) {
        if (driver->watched[i].events != 0 && driver->watched[i].is_ready) {
            return true;
        }
    }
    return false;
}

/* ---- from the device ---- */

/* At the end nothing is: else packets that keep coming would keep a wire with a delay busy. */
static bool is_taking(const struct driver *driver)
{
    return !driver->over && !driver->aborted;
}

static void hand_in(struct driver *driver, const uint8_t *octets, size_t n, tfsm_time now)
{
    const struct driver_watcher *watcher = &driver->config.watcher;
    if (watcher->arrives != NULL) {
        watcher->arrives(watcher->user, octets, n, now);
    }
    endpoint_input(driver->config.endpoint, octets, n, now);
    if (watcher->arrived != NULL) {
        watcher->arrived(watcher->user);
    }
}

static void hand_in_all(struct driver *driver, tfsm_time now)
{
    endpoint_burst(driver->config.endpoint, driver->arrivals, driver->arrived, now);
    driver->arrived = 0;
}

/* A packet that was read into the next place. Who watches is told of each on its own. */
static void take_arrival(struct driver *driver, size_t n, tfsm_time now)
{
    const struct driver_watcher *watcher = &driver->config.watcher;
    const uint8_t *octets = driver->arrival[driver->arrived];
    if (driver->wire != NULL) {
        wire_send(driver->wire, TO_ENDPOINT, octets, n, now);
    } else if (watcher->arrives != NULL || watcher->arrived != NULL) {
        hand_in(driver, octets, n, now);
    } else {
        driver->arrivals[driver->arrived++] = (struct endpoint_packet){octets, n};
        if (driver->arrived == AT_ONCE) {
            hand_in_all(driver, now);
        }
    }
}

/* Returns false when there is none. */
static bool read_packet(struct driver *driver, tfsm_time now)
{
    size_t n = device_read(&driver->device, driver->arrival[driver->arrived], DEVICE_PACKET_MOST);
    if (n == 0) {
        return false;
    }
    if (is_taking(driver)) { /* read all the same, or its being there would wake us over and over */
        take_arrival(driver, n, now);
    }
    return true;
}

static void read_device(struct driver *driver, tfsm_time now)
{
    unsigned count = 0;
    while (count < BATCH && read_packet(driver, now)) {
        count++;
    }
    hand_in_all(driver, now);
    driver->more = count == BATCH && is_taking(driver);
}

/* ---- to the device ---- */

static bool is_in_vain(const struct driver *driver, const struct wire_packet *packet)
{
    return packet->to == TO_ENDPOINT && !is_taking(driver);
}

/* What has crossed the wire. */
static void deliver(struct driver *driver, tfsm_time now)
{
    const struct wire_packet *packet = driver->wire != NULL ? wire_first(driver->wire) : NULL;
    while (packet != NULL && (packet->at <= now || is_in_vain(driver, packet))) {
        if (is_in_vain(driver, packet)) {
            /* nobody is there to get it */
        } else if (packet->to == TO_ENDPOINT) {
            hand_in(driver, packet->octets, packet->size, now);
        } else if (!device_write(&driver->device, packet->octets, packet->size)) {
            device_wait_for_room(&driver->device, &driver->waiting, true);
            return;
        }
        wire_drop(driver->wire);
        packet = wire_first(driver->wire);
    }
}

static void send_output(struct driver *driver, tfsm_time now)
{
    const struct driver_watcher *watcher = &driver->config.watcher;
    for (unsigned i = 0; i < BATCH; i++) {
        if (driver->held == 0) {
            driver->held = endpoint_output(driver->config.endpoint, now, driver->packet,
                                           sizeof driver->packet);
            if (driver->held == 0) {
                return;
            }
            if (watcher->leaves != NULL) {
                watcher->leaves(watcher->user, driver->packet, driver->held, now);
            }
        }
        if (driver->wire != NULL) {
            wire_send(driver->wire, TO_KERNEL, driver->packet, driver->held, now);
        } else if (!device_write(&driver->device, driver->packet, driver->held)) {
            device_wait_for_room(&driver->device, &driver->waiting, true);
            return;
        }
        driver->held = 0;
    }
    driver->more = true;
}

/* ---- rounds ---- */

static void take_signals(struct driver *driver, tfsm_time now)
{
    const struct driver_app *app = &driver->config.app;
    unsigned asked = waiting_asked(&driver->waiting);
    if (driver->asked == 0 && asked > 0) {
        driver->until = now + PATIENCE;
        app->close(app->user, now);
    }
    driver->asked += asked;
    if (!driver->aborted && (driver->asked > 1 || (driver->asked == 1 && now >= driver->until))) {
        driver->aborted = true;
        driver->stop_at = now + LAST_WORDS;
        app->abort(app->user, now);
    }
}

static tfsm_time earlier(tfsm_time a, tfsm_time b)
{
    return a < b ? a : b;
}

/* Until when nothing needs to be done unless something comes. */
static tfsm_time next_deadline(struct driver *driver)
{
    const struct driver_app *app = &driver->config.app;
    const struct wire_packet *packet = driver->wire != NULL ? wire_first(driver->wire) : NULL;
    tfsm_time at = earlier(endpoint_deadline(driver->config.endpoint), app->deadline(app->user));
    if (packet != NULL && !driver->device.waits_for_room) {
        at = earlier(at, packet->at);
    }
    if (driver->aborted) {
        return earlier(at, driver->stop_at);
    }
    return driver->asked > 0 ? earlier(at, driver->until) : at;
}

static void wait_for_anything(struct driver *driver, tfsm_time now)
{
    tfsm_time at = next_deadline(driver);
    bool at_once = driver->more || is_any_ready(driver) || at <= now;
    /* What comes next may be a kill: a capture is handed over soon, but not with every packet. */
    if (!at_once && record_is_pending(driver->config.record)) {
        tfsm_time flush = driver->flushed + FLUSH_EVERY;
        if (now >= flush) {
            record_flush(driver->config.record);
            driver->flushed = now;
        } else {
            at = at < flush ? at : flush;
        }
    }
    waiting_until(&driver->waiting, now, at_once ? now : at);
}

static void end_round(const struct driver *driver)
{
    if (driver->config.watcher.turn != NULL) {
        driver->config.watcher.turn(driver->config.watcher.user);
    }
}

/* As the head comment of endpoint.h says. */
static void one_round(struct driver *driver)
{
    const struct driver_app *app = &driver->config.app;
    struct endpoint *ep = driver->config.endpoint;
    endpoint_handle handle;
    uint32_t news;
    tfsm_time now = waiting_now();
    driver->more = false;
    driver->rounds++;
    device_wait_for_room(&driver->device, &driver->waiting, false);
    take_signals(driver, now);
    read_device(driver, now);
    deliver(driver, now);
    endpoint_timeout(ep, now);
    while (endpoint_next(ep, &handle, &news)) {
        app->news(app->user, handle, news, now);
    }
    app->turn(app->user, now);
    send_output(driver, now);
    deliver(driver, now);
    end_round(driver);
}

static bool is_silent(const struct driver *driver)
{
    return driver->held == 0 && !driver->more &&
           (driver->wire == NULL || wire_first(driver->wire) == NULL);
}

/* Nothing is left to be said, or no time to say it. */
static bool is_at_end(const struct driver *driver, tfsm_time now)
{
    return (driver->over && is_silent(driver)) || (driver->aborted && now >= driver->stop_at);
}

bool driver_run(struct driver *driver, char error[DRIVER_ERROR])
{
    const struct driver_app *app = &driver->config.app;
    app->turn(app->user, waiting_now()); /* what it says first is not for a packet to bring about */
    send_output(driver, waiting_now());
    end_round(driver);
    while (!driver->device.gone && !is_at_end(driver, waiting_now())) {
        wait_for_anything(driver, waiting_now());
        one_round(driver);
        driver->over = driver->over || app->over(app->user);
    }
    if (driver->device.gone) {
        snprintf(error, DRIVER_ERROR, "the device is gone: %s", strerror(driver->device.failure));
    }
    return !driver->device.gone;
}
