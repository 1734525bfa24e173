/* See waiting.h. */
#include "waiting.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

tfsm_time waiting_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (tfsm_time)now.tv_sec * 1000000 + (tfsm_time)now.tv_nsec / 1000;
}

bool waiting_open(struct waiting *waiting)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    *waiting = (struct waiting){.epoll = epoll_create1(EPOLL_CLOEXEC),
                                .signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
    if (waiting->epoll >= 0 && waiting->signals >= 0 &&
        waiting_watch(waiting, EPOLL_CTL_ADD, waiting->signals, EPOLLIN)) {
        return true;
    }
    int why = errno;
    waiting_close(waiting);
    errno = why;
    return false;
}

void waiting_close(struct waiting *waiting)
{
    if (waiting->epoll >= 0) {
        close(waiting->epoll);
    }
    if (waiting->signals >= 0) {
        close(waiting->signals);
    }
    waiting->epoll = -1;
    waiting->signals = -1;
}

bool waiting_watch(const struct waiting *waiting, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(waiting->epoll, operation, fd, &event) == 0;
}

unsigned waiting_asked(const struct waiting *waiting)
{
    struct signalfd_siginfo info;
    unsigned count = 0;
    while (read(waiting->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        count++;
    }
    return count;
}

/* left  null: without end */
static void wait_events(struct waiting *waiting, const struct timespec *left)
{
    struct epoll_event events[8];
    int most = sizeof events / sizeof events[0];
    if (!waiting->no_pwait2) {
        int n = epoll_pwait2(waiting->epoll, events, most, left, NULL);
        waiting->no_pwait2 = n < 0 && errno != EINTR; /* ENOSYS, or EPERM of a sandbox */
    }
    if (waiting->no_pwait2) {
        int milliseconds = -1;
        if (left != NULL) {
            milliseconds = left->tv_sec < 1000000
                               ? (int)(left->tv_sec * 1000 + (left->tv_nsec + 999999) / 1000000)
                               : 1000000000;
        }
        epoll_wait(waiting->epoll, events, most, milliseconds);
    }
}

void waiting_until(struct waiting *waiting, tfsm_time now, tfsm_time at)
{
    struct timespec left = {0};
    if (at > now && at != TFSM_NEVER) {
        left.tv_sec = (time_t)((at - now) / 1000000);
        left.tv_nsec = (long)((at - now) % 1000000 * 1000);
    }
    wait_events(waiting, at != TFSM_NEVER ? &left : NULL);
}
