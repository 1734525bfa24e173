/* See outlet.h. */
#include "outlet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "descriptor.h"

#define PLACE  (1u << 20) /* octets that may wait */
#define NOTICE 64u        /* for the line that tells what was dropped */
#define SPARE  (2 * NOTICE)

struct outlet {
    struct descriptor descriptor;
    FILE *stream;
    int failed;
    uint64_t dropped;
    uint64_t untold; /* of them, not yet told in the text */
    bool dropping;   /* the line that is being written */
    bool within;     /* the last line taken has no end yet */
    size_t begin;    /* octets[begin..end) wait */
    size_t end;
    char octets[PLACE];
};

static void move_to_front(struct outlet *outlet)
{
    memmove(outlet->octets, outlet->octets + outlet->begin, outlet->end - outlet->begin);
    outlet->end -= outlet->begin;
    outlet->begin = 0;
}

static void append(struct outlet *outlet, const char *octets, size_t n)
{
    memcpy(outlet->octets + outlet->end, octets, n);
    outlet->end += n;
}

/* Where lines are missing. Only at the start of a line. */
static void tell_dropped(struct outlet *outlet)
{
    char text[NOTICE];
    if (outlet->untold > 0) {
        int n = snprintf(text, sizeof text, "-- %llu lines dropped: nobody reads --\n",
                         (unsigned long long)outlet->untold);
        append(outlet, text, (size_t)n);
        outlet->untold = 0;
    }
}

/* A whole line, or the rest of one. */
static void take_line(struct outlet *outlet, const char *octets, size_t n, bool whole)
{
    /* After a gap wait for a quarter of the place: not a notice for every other line. */
    size_t needed = n + SPARE + (outlet->untold > 0 ? PLACE / 4 : 0);
    if (!outlet->dropping && PLACE - (outlet->end - outlet->begin) < needed) {
        outlet->dropping = true;
    }
    if (outlet->dropping) {
        /* its start, if it was taken, stands alone */
        if (outlet->within && whole) {
            append(outlet, "\n", 1);
            outlet->within = false;
        }
        outlet->dropped += whole;
        outlet->untold += whole;
        outlet->dropping = !whole;
        return;
    }
    if (PLACE - outlet->end < n + SPARE) {
        move_to_front(outlet);
    }
    if (!outlet->within) {
        tell_dropped(outlet);
    }
    append(outlet, octets, n);
    outlet->within = !whole;
}

static ssize_t on_write(void *cookie, const char *octets, size_t n)
{
    struct outlet *outlet = cookie;
    size_t at = 0;
    while (at < n) {
        const char *feed = memchr(octets + at, '\n', n - at);
        size_t length = feed != NULL ? (size_t)(feed - (octets + at)) + 1 : n - at;
        take_line(outlet, octets + at, length, feed != NULL);
        at += length;
    }
    outlet_drain(outlet);
    return (ssize_t)n;
}

struct outlet *outlet_create(int fd)
{
    struct outlet *outlet = calloc(1, sizeof *outlet);
    if (outlet == NULL) {
        return NULL;
    }
    outlet->descriptor = descriptor_writing(fd);
    outlet->stream = fopencookie(outlet, "w", (cookie_io_functions_t){.write = on_write});
    if (outlet->stream == NULL) {
        outlet_destroy(outlet);
        return NULL;
    }
    setvbuf(outlet->stream, NULL, _IOFBF, 65536);
    return outlet;
}

FILE *outlet_stream(struct outlet *outlet)
{
    return outlet->stream;
}

int outlet_descriptor(const struct outlet *outlet)
{
    return outlet->descriptor.fd;
}

uint64_t outlet_dropped(const struct outlet *outlet)
{
    return outlet->dropped;
}

int outlet_errno(const struct outlet *outlet)
{
    return outlet->failed;
}

/* After a failure everything is thrown away: nothing better will come. */
bool outlet_drain(struct outlet *outlet)
{
    while (outlet->begin < outlet->end) {
        ssize_t n = outlet->failed != 0
                        ? (ssize_t)(outlet->end - outlet->begin)
                        : descriptor_write(&outlet->descriptor, outlet->octets + outlet->begin,
                                           outlet->end - outlet->begin);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return true;
        }
        if (n < 0) {
            outlet->failed = errno;
            n = 0;
        }
        outlet->begin += (size_t)n;
    }
    outlet->begin = 0;
    outlet->end = 0;
    return false;
}

bool outlet_finish(struct outlet *outlet, int milliseconds)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t until = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + milliseconds;
    fflush(outlet->stream);
    while (outlet_drain(outlet)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left = until - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
        if (left <= 0 || !descriptor_wait(&outlet->descriptor, (int)left)) {
            return false;
        }
    }
    return true;
}

void outlet_destroy(struct outlet *outlet)
{
    if (outlet == NULL) {
        return;
    }
    if (outlet->stream != NULL) {
        fclose(outlet->stream);
    }
    descriptor_close(&outlet->descriptor);
    free(outlet);
}
