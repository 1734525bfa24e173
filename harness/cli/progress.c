/* See progress.h. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

#define EVERY  256u /* packets between two looks at the clock */
#define SECOND UINT64_C(1000000000)
#define PAUSE  (SECOND / 5)

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

void progress_begin(struct progress *progress, const char *what, const char *path)
{
    struct stat status;
    *progress = (struct progress){.wanted = isatty(STDERR_FILENO) == 1, .what = what, .path = path};
    if (progress->wanted) {
        bool regular = stat(path, &status) == 0 && S_ISREG(status.st_mode);
        progress->size = regular ? (uint64_t)status.st_size : 0;
        progress->began = now();
        progress->last = progress->began;
    }
}

static void show(struct progress *progress, const struct capture_packet *packet)
{
    double seconds = (double)(progress->last - progress->began) / (double)SECOND;
    char path[40];
    report_clean(path, sizeof path, progress->path);
    fprintf(stderr, "\r%s %s: ", progress->what, path);
    off_t at = progress->size > 0 ? lseek(packet->source, 0, SEEK_CUR) : -1;
    if (at >= 0) { /* octets of the file, packed or not */
        fprintf(stderr, "%.0f %%, ", 100.0 * (double)at / (double)progress->size);
    }
    fprintf(stderr, "%" PRIu64 " packets, %.2f million a second\033[K", progress->packets,
            (double)progress->packets / seconds / 1e6);
    progress->shown = true;
}

void progress_packet(struct progress *progress, const struct capture_packet *packet)
{
    progress->packets++;
    if (!progress->wanted || progress->packets % EVERY != 0) {
        return;
    }
    uint64_t time = now();
    if (time - progress->last >= PAUSE) {
        progress->last = time;
        show(progress, packet);
    }
}

void progress_end(struct progress *progress)
{
    if (progress->shown) {
        fprintf(stderr, "\r\033[K");
        progress->shown = false;
    }
}
