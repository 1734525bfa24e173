/* See space.h. */
#include "space.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OWN   "/proc/self/ns/net"
#define NAMED "/run/netns/" /* where `ip netns` has them */

#define NAME_SHOWN 100 /* characters of a name, so that the reason has room */

bool space_enter(const char *name, int *back, char *error, size_t room)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s%s", strchr(name, '/') == NULL ? NAMED : "", name);
    *back = open(OWN, O_RDONLY | O_CLOEXEC);
    if (*back < 0) {
        snprintf(error, room, "%s: %s", OWN, strerror(errno));
        return false;
    }
    errno = ENAMETOOLONG;
    int fd = (size_t)length < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    bool entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
    if (!entered) {
        snprintf(error, room, "the namespace %.*s: %s", NAME_SHOWN, name,
                 fd >= 0 && errno == EINVAL ? "is none of a network" : strerror(errno));
        close(*back);
        *back = -1;
    }
    if (fd >= 0) {
        close(fd);
    }
    return entered;
}

bool space_leave(int back)
{
    bool left = setns(back, CLONE_NEWNET) == 0;
    close(back);
    return left;
}
