/* See commented.h. */
#include "commented.h"
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct copying {
    struct commented *copy;
    void (*seen)(void *user, const struct capture_packet *packet);
    void *user;
};

/* ---- whoever is interrupted leaves nothing behind ---- */

static const int deadly[] = {SIGINT, SIGTERM, SIGHUP};
static const char *volatile to_remove;

static void remove_and_die(int number)
{
    if (to_remove != NULL) {
        unlink(to_remove);
    }
    raise(number); /* its own handler is gone by now */
}

static void guard(const char *temporary)
{
    struct sigaction action = {.sa_handler = temporary != NULL ? remove_and_die : SIG_DFL,
                               .sa_flags = (int)SA_RESETHAND};
    to_remove = temporary;
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
        struct sigaction before;
        if (sigaction(deadly[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN) { /* as nohup has it */
            sigaction(deadly[i], &action, NULL);
        }
    }
}

/* ---- calls ---- */

bool commented_begin(struct commented *copy, const char *path, const char *capture,
                     const char **subject, char error[CAPTURE_ERROR])
{
    struct stat in;
    struct stat out;
    *copy = (struct commented){.path = path};
    *subject = capture;
    if (stat(capture, &in) != 0) {
        snprintf(error, CAPTURE_ERROR, "%s", strerror(errno));
        return false;
    }
    if (!S_ISREG(in.st_mode)) {
        snprintf(error, CAPTURE_ERROR, "%s",
                 S_ISDIR(in.st_mode) ? "is a directory"
                                     : "is no regular file, and --pcapng reads it twice");
        return false;
    }
    *subject = path;
    if (cli_is_same_file(path, capture)) {
        snprintf(error, CAPTURE_ERROR, "is the capture that is read");
        return false;
    }
    if (stat(path, &out) == 0 && !S_ISREG(out.st_mode)) {
        snprintf(error, CAPTURE_ERROR, "is no regular file, which --pcapng would replace");
        return false;
    }
    copy->file = pcapng_open(path, error);
    if (copy->file == NULL) {
        return false;
    }
    guard(pcapng_temporary(copy->file));
    copy->remarks = remarks_new(0);
    if (copy->remarks == NULL) {
        snprintf(error, CAPTURE_ERROR, "out of memory");
    }
    return copy->remarks != NULL;
}

static bool see(void *user, const struct capture_packet *packet)
{
    const struct copying *copying = user;
    struct commented *copy = copying->copy;
    char text[REMARK_SIZE];
    while (remarks_next(copy->remarks, packet->number, text)) {
        pcapng_comment(copy->file, text);
    }
    pcapng_packet(copy->file, packet);
    if (copying->seen != NULL) {
        copying->seen(copying->user, packet);
    }
    return true;
}

bool commented_write(struct commented *copy, const char *capture,
                     void (*seen)(void *user, const struct capture_packet *packet), void *user,
                     const char **subject, char error[CAPTURE_ERROR])
{
    struct copying copying = {copy, seen, user};
    *subject = capture;
    remarks_sort(copy->remarks);
    if (!capture_stream(capture, see, &copying, error)) {
        return false;
    }
    *subject = copy->path;
    bool written = pcapng_close(copy->file, error);
    copy->file = NULL;
    guard(NULL);
    return written;
}

void commented_end(struct commented *copy)
{
    if (copy->file != NULL) {
        pcapng_discard(copy->file);
        guard(NULL);
    }
    remarks_free(copy->remarks);
    *copy = (struct commented){.path = NULL};
}
