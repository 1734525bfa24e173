/* The interface through which packetdrill drives a stack in a shared object (`--so_filename`), and
 * through which our own scripts drive ours: socket calls, packets, and the clock of the stack.
 * Members stand in packetdrill's order. Calls answer as system calls do: -1 and errno. */
#ifndef HARNESS_PACKETDRILL_H
#define HARNESS_PACKETDRILL_H

#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct packetdrill_interface {
    void *userdata;
    void (*free)(void *userdata);
    int (*socket)(void *userdata, int domain, int type, int protocol);
    int (*bind)(void *userdata, int fd, const struct sockaddr *address, socklen_t size);
    int (*listen)(void *userdata, int fd, int backlog);
    int (*accept)(void *userdata, int fd, struct sockaddr *address, socklen_t *size);
    int (*connect)(void *userdata, int fd, const struct sockaddr *address, socklen_t size);
    ssize_t (*read)(void *userdata, int fd, void *octets, size_t n);
    ssize_t (*readv)(void *userdata, int fd, const struct iovec *pieces, int count);
    ssize_t (*recv)(void *userdata, int fd, void *octets, size_t n, int flags);
    ssize_t (*recvfrom)(void *userdata, int fd, void *octets, size_t n, int flags,
                        struct sockaddr *address, socklen_t *size);
    ssize_t (*recvmsg)(void *userdata, int fd, struct msghdr *message, int flags);
    ssize_t (*write)(void *userdata, int fd, const void *octets, size_t n);
    ssize_t (*writev)(void *userdata, int fd, const struct iovec *pieces, int count);
    ssize_t (*send)(void *userdata, int fd, const void *octets, size_t n, int flags);
    ssize_t (*sendto)(void *userdata, int fd, const void *octets, size_t n, int flags,
                      const struct sockaddr *address, socklen_t size);
    ssize_t (*sendmsg)(void *userdata, int fd, const struct msghdr *message, int flags);
    int (*fcntl)(void *userdata, int fd, int command, ...);
    int (*ioctl)(void *userdata, int fd, unsigned long request, ...);
    int (*close)(void *userdata, int fd);
    int (*shutdown)(void *userdata, int fd, int how);
    int (*getsockopt)(void *userdata, int fd, int level, int name, void *value, socklen_t *size);
    int (*setsockopt)(void *userdata, int fd, int level, int name, const void *value,
                      socklen_t size);
    int (*poll)(void *userdata, struct pollfd *fds, nfds_t count, int timeout_ms);
    /* A packet arrives at the stack: IP header first. 0, or -1. */
    int (*netdev_send)(void *userdata, const void *packet, size_t n);
    /* The next packet that the stack sends. *n is the room and becomes the length, 0 for none;
     * *time_us is when it went out, on the clock of gettimeofday(). With nothing queued the clock
     * moves on to the next deadline. */
    int (*netdev_receive)(void *userdata, void *packet, size_t *n, long long *time_us);
    int (*usleep)(void *userdata, useconds_t us);
    int (*gettimeofday)(void *userdata, struct timeval *now, struct timezone *zone);
    int (*epoll_create)(void *userdata, int size);
    int (*epoll_ctl)(void *userdata, int epfd, int operation, int fd, struct epoll_event *event);
    int (*epoll_wait)(void *userdata, int epfd, struct epoll_event *events, int most,
                      int timeout_ms);
    int (*pipe)(void *userdata, int fds[2]);
    int (*splice)(void *userdata, int from, off_t *from_offset, int to, off_t *to_offset, size_t n,
                  unsigned flags);
};

/* The one symbol that packetdrill looks for. Fills *ifc with a stack of its own, its clock at zero.
 * flags  settings as in settings.h, "key=value,key=value"; null or "" for the defaults. A mistake
 *        is told on standard error in one line, and the process exits with status 2: packetdrill
 *        gives no other way to refuse. */
void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc);

#ifdef __cplusplus
}
#endif

#endif
