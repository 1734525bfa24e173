/* Our plug-in as it must not be: with the first of its flags each fault that kept the real packetdrill from
 * driving it, and that whoever drives plug-ins must notice. The rest of the flags is the stack's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sockets.h"

static struct packetdrill_interface sound;

/* The clock moves only while somebody sleeps. */
static int clock_that_stands(void *u, struct timeval *now, struct timezone *zone)
{
    sound.usleep(u, 0);
    return sound.gettimeofday(u, now, zone);
}

/* The host has its one address, and no other. */
static int bind_to_one(void *u, int fd, const struct sockaddr *address, socklen_t size)
{
    static const unsigned char own[4] = {192, 168, 0, 1};
    if (address->sa_family == AF_INET && memcmp(&address->sa_data[2], own, 4) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    return sound.bind(u, fd, address, size);
}

/* Descriptors are numbers, and the process has none such. */
static int socket_of_nothing(void *u, int domain, int type, int protocol)
{
    int fd = sound.socket(u, domain, type, protocol);
    if (fd >= 0) {
        close(fd);
    }
    return fd;
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
    static struct settings settings;
    char error[SETTINGS_ERROR];
    size_t first = strcspn(flags, ",");
    settings_default(&settings);
    if (!settings_parse(&settings, flags + first + (flags[first] == ','), error)) {
        fprintf(stderr, "faulty: %s\n", error);
        exit(2);
    }
    struct sockets *sockets = sockets_create(&settings);
    if (sockets == NULL) {
        exit(2);
    }
    sockets_interface(sockets, &sound);
    *ifc = sound;
    if (strncmp(flags, "clock", first) == 0) {
        ifc->gettimeofday = clock_that_stands;
    } else if (strncmp(flags, "bind", first) == 0) {
        ifc->bind = bind_to_one;
    } else if (strncmp(flags, "descriptors", first) == 0) {
        ifc->socket = socket_of_nothing;
    }
}
