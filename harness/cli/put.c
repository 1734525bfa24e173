/* How the subcommands write a file: see cli_put() in cli.h. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool copy_octets(FILE *from, FILE *to)
{
    char octets[65536];
    size_t n;
    rewind(from);
    while ((n = fread(octets, 1, sizeof octets, from)) > 0 && fwrite(octets, 1, n, to) == n) {
    }
    return ferror(from) == 0 && ferror(to) == 0;
}

/* A name beside it, open for writing; null: errno says why. */
static FILE *open_beside(const char *path, char *temporary, size_t size)
{
    mode_t mask = umask(0);
    umask(mask);
    if ((size_t)snprintf(temporary, size, "%s.XXXXXX", path) >= size) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    int descriptor = mkostemp(temporary, O_CLOEXEC);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (file != NULL) {
        fchmod(descriptor, 0666 & ~mask);
    }
    return file;
}

bool cli_put(const char *path, FILE *whole)
{
    char temporary[4096] = "";
    struct stat there;
    bool replaces = stat(path, &there) != 0 || S_ISREG(there.st_mode);
    errno = 0;
    FILE *file = replaces ? open_beside(path, temporary, sizeof temporary) : fopen(path, "we");
    bool written = file != NULL && copy_octets(whole, file);
    written = file != NULL && fclose(file) == 0 && written;
    written = written && (!replaces || rename(temporary, path) == 0);
    if (!written) {
        cli_fail(path, "%s", errno != 0 ? strerror(errno) : "cannot be written");
        if (file != NULL && replaces) {
            unlink(temporary);
        }
    }
    return written;
}
