/* See driver.h. A round reads a batch of packets before anything is answered, so that one
 * acknowledgment answers several; what the device has no room for is kept and goes first once it
 * has. */
#include "driver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH       256u              /* packets read, and written, in one round */
#define AT_ONCE     16u               /* of these, that the endpoint gets together */
#define PACKET_MOST 65536u            /* octets: nothing larger comes out of a device */
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
    int epoll;
    int signals;
    struct watched watched[WATCHED];
    unsigned watched_count;
    bool waits_for_room; /* of the device */
    bool more;           /* the last round left something to be done */
    bool gone;           /* the device */
    int failure;         /* errno of it */
    unsigned asked;      /* how often a signal asked for the end */
    tfsm_time until;     /* patience lasts, once asked */
    bool over;           /* the application: nothing more is taken in */
    bool aborted;        /* and what is on its way has until stop_at */
    tfsm_time stop_at;
    bool no_pwait2; /* the kernel has none (before 5.11) */
    tfsm_time flushed;
    size_t held; /* octets of packet[] that the device had no room for */
    struct driver_counters counters;
    uint8_t packet[PACKET_MOST];
    unsigned arrived; /* packets that were read and not handed in yet */
    struct endpoint_packet arrivals[AT_ONCE];
    uint8_t arrival[AT_ONCE][PACKET_MOST];
};

tfsm_time driver_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (tfsm_time)now.tv_sec * 1000000 + (tfsm_time)now.tv_nsec / 1000;
}

const struct driver_counters *driver_counted(const struct driver *driver)
{
    return &driver->counters;
}

const struct wire_counters *driver_wire_counted(const struct driver *driver)
{
    return driver->wire != NULL ? wire_counted(driver->wire) : NULL;
}

/* ---- start and end ---- */

static bool add_descriptor(const struct driver *driver, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(driver->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool open_descriptors(struct driver *driver)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    driver->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    driver->epoll = epoll_create1(EPOLL_CLOEXEC);
    return driver->signals >= 0 && driver->epoll >= 0 &&
           add_descriptor(driver, driver->config.tun, EPOLLIN) &&
           add_descriptor(driver, driver->signals, EPOLLIN);
}

struct driver *driver_create(const struct driver_config *config, char error[DRIVER_ERROR])
{
    struct driver *driver = calloc(1, sizeof *driver);
    if (driver == NULL) {
        snprintf(error, DRIVER_ERROR, "not enough memory");
        return NULL;
    }
    driver->config = *config;
    driver->epoll = -1;
    driver->signals = -1;
    if (!open_descriptors(driver)) {
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
    if (driver->epoll >= 0) {
        close(driver->epoll);
    }
    if (driver->signals >= 0) {
        close(driver->signals);
    }
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
    struct epoll_event event = {.events = events, .data.fd = fd};
    watched->events = events;
    if (watched->added) {
        epoll_ctl(driver->epoll, events != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_DEL, fd, &event);
        watched->added = events != 0;
    } else if (events != 0) {
        watched->added = epoll_ctl(driver->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
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

static void device_failed(struct driver *driver, int why)
{
    driver->gone = true;
    driver->failure = why;
}

/* Returns false when there is none. */
static bool read_packet(struct driver *driver, tfsm_time now)
{
    uint8_t *octets = driver->arrival[driver->arrived];
    ssize_t n = read(driver->config.tun, octets, PACKET_MOST);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        device_failed(driver, errno);
    }
    if (n <= 0) {
        return false;
    }
    driver->counters.packets_in++;
    driver->counters.octets_in += (uint64_t)n;
    if (driver->config.record != NULL) {
        record_packet(driver->config.record, octets, (size_t)n);
    }
    if (is_taking(driver)) { /* read all the same, or its being there would wake us over and over */
        take_arrival(driver, (size_t)n, now);
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

/* Returns false when the device has no room now. What it will never take is lost, as on a wire. */
static bool write_device(struct driver *driver, const uint8_t *octets, size_t n)
{
    ssize_t written = write(driver->config.tun, octets, n);
    if (written >= 0) {
        driver->counters.packets_out++;
        driver->counters.octets_out += n;
        if (driver->config.record != NULL) {
            record_packet(driver->config.record, octets, n);
        }
        return true;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
        driver->counters.deferred++;
        return false;
    }
    if (errno == EBADFD || errno == EBADF) {
        device_failed(driver, errno);
    }
    driver->counters.refused++;
    return true;
}

/* Wait for room, or no longer. */
static void set_waiting(struct driver *driver, bool waits)
{
    if (driver->waits_for_room != waits) {
        struct epoll_event event = {.events = EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0),
                                    .data.fd = driver->config.tun};
        epoll_ctl(driver->epoll, EPOLL_CTL_MOD, driver->config.tun, &event);
        driver->waits_for_room = waits;
    }
}

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
        } else if (!write_device(driver, packet->octets, packet->size)) {
            set_waiting(driver, true);
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
        } else if (!write_device(driver, driver->packet, driver->held)) {
            set_waiting(driver, true);
            return;
        }
        driver->held = 0;
    }
    driver->more = true;
}

/* ---- rounds ---- */

static void take_signals(struct driver *driver, tfsm_time now)
{
    struct signalfd_siginfo info;
    const struct driver_app *app = &driver->config.app;
    while (read(driver->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        driver->asked++;
        if (driver->asked == 1) {
            driver->until = now + PATIENCE;
            app->close(app->user, now);
        }
    }
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
    if (packet != NULL && !driver->waits_for_room) {
        at = earlier(at, packet->at);
    }
    if (driver->aborted) {
        return earlier(at, driver->stop_at);
    }
    return driver->asked > 0 ? earlier(at, driver->until) : at;
}

/* left  null: without end. What is ready is looked for by the round that follows. */
static void wait_events(struct driver *driver, const struct timespec *left)
{
    struct epoll_event events[8];
    int most = sizeof events / sizeof events[0];
    if (!driver->no_pwait2) {
        int n = epoll_pwait2(driver->epoll, events, most, left, NULL);
        driver->no_pwait2 = n < 0 && errno != EINTR; /* ENOSYS, or EPERM of a sandbox */
    }
    if (driver->no_pwait2) {
        int milliseconds = -1;
        if (left != NULL) {
            milliseconds = left->tv_sec < 1000000
                               ? (int)(left->tv_sec * 1000 + (left->tv_nsec + 999999) / 1000000)
                               : 1000000000;
        }
        epoll_wait(driver->epoll, events, most, milliseconds);
    }
}

static void wait_for_anything(struct driver *driver, tfsm_time now)
{
    struct timespec left = {0};
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
    if (!at_once && at != TFSM_NEVER) {
        left.tv_sec = (time_t)((at - now) / 1000000);
        left.tv_nsec = (long)((at - now) % 1000000 * 1000);
    }
    wait_events(driver, at_once || at != TFSM_NEVER ? &left : NULL);
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
    tfsm_time now = driver_now();
    driver->more = false;
    driver->counters.rounds++;
    set_waiting(driver, false);
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
    app->turn(app->user, driver_now()); /* what it says first is not for a packet to bring about */
    send_output(driver, driver_now());
    end_round(driver);
    while (!driver->gone && !is_at_end(driver, driver_now())) {
        wait_for_anything(driver, driver_now());
        one_round(driver);
        driver->over = driver->over || app->over(app->user);
    }
    if (driver->gone) {
        snprintf(error, DRIVER_ERROR, "the device is gone: %s", strerror(driver->failure));
    }
    return !driver->gone;
}
