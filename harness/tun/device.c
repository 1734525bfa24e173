/* See device.h. */
#include "device.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static void fail(struct device *device, int why)
{
    device->gone = true;
    device->failure = why;
}

size_t device_read(struct device *device, uint8_t *octets, size_t most)
{
    ssize_t n = read(device->fd, octets, most);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        fail(device, errno);
    }
    if (n <= 0) {
        return 0;
    }
    device->counters.packets_in++;
    device->counters.octets_in += (uint64_t)n;
    if (device->record != NULL) {
        record_packet(device->record, octets, (size_t)n);
    }
    return (size_t)n;
}

bool device_write(struct device *device, const uint8_t *octets, size_t n)
{
    ssize_t written = write(device->fd, octets, n);
    if (written >= 0) {
        device->counters.packets_out++;
        device->counters.octets_out += n;
        if (device->record != NULL) {
            record_packet(device->record, octets, n);
        }
        return true;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
        device->counters.deferred++;
        return false;
    }
    if (errno == EBADFD || errno == EBADF) {
        fail(device, errno);
    }
    device->counters.refused++;
    return true;
}

bool device_watch(const struct device *device, const struct waiting *waiting)
{
    return waiting_watch(waiting, EPOLL_CTL_ADD, device->fd, EPOLLIN);
}

void device_wait_for_room(struct device *device, const struct waiting *waiting, bool waits)
{
    if (device->waits_for_room != waits) {
        waiting_watch(waiting, EPOLL_CTL_MOD, device->fd,
                      EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0));
        device->waits_for_room = waits;
    }
}
