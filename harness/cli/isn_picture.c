/* What `tcpfsm isn` puts into files; see isn_picture.h. gnuplot is started with the picture as its standard output, so that no
 * name has to be quoted for it. */
#include "isn_picture.h"
#include "cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define POINTS_MOST 1000u /* in a picture: each takes about a hundred octets */

extern char **environ;

void isn_host(const struct isn_seen *seen, char *words, size_t size)
{
    words[0] = '\0';
    inet_ntop(seen->address.family == 6 ? AF_INET6 : AF_INET, seen->address.octets, words,
              (socklen_t)size);
}

/* The shorter way round the circle. */
static int32_t difference(const struct isn_seen *seen, size_t i)
{
    return (int32_t)(seen[i].isn - seen[i - 1].isn);
}

/* ---- the numbers ---- */

bool isn_write_data(const char *path, const struct isn_seen *seen, size_t n)
{
    FILE *file = tmpfile();
    if (file == NULL) {
        cli_fail(path, "%s", strerror(errno));
        return false;
    }
    fprintf(file, "#seconds\thost\tport\tpeer\tpeer port\tISN\tdifference\n");
    for (size_t i = 0; i < n; i++) {
        char host[INET6_ADDRSTRLEN];
        char peer[INET6_ADDRSTRLEN];
        const struct isn_seen other = {.address = seen[i].peer};
        isn_host(&seen[i], host, sizeof host);
        isn_host(&other, peer, sizeof peer);
        fprintf(file, "%" PRIu64 ".%06u\t%s\t%u\t%s\t%u\t%" PRIu32 "\t%" PRId32 "\n",
                seen[i].at / 1000000, (unsigned)(seen[i].at % 1000000), host, seen[i].port, peer,
                seen[i].peer_port, seen[i].isn, i > 0 ? difference(seen, i) : 0);
    }
    bool written = cli_put(path, file);
    fclose(file);
    return written;
}

/* ---- the picture ---- */

static void script(FILE *to, const struct isn_seen *seen, size_t n, const char *title)
{
    fprintf(to,
            "set terminal svg size 640,560 font 'sans,12' background 'white'\n"
            "set title \"%s\"\n"
            "set xlabel 'difference' offset 0,-1\nset ylabel 'the one before' offset 2,-1\n"
            "set zlabel 'two before' offset 7,7\n"
            "set format '%%.1s%%c'\nset tics font ',9'\nset grid\nset xyplane 0\nset view 62,32\n"
            "splot '-' using 1:2:3 with points pointtype 7 pointsize 0.3 linecolor rgb '#205080' "
            "notitle\n",
            title);
    for (size_t i = 3; i < n && i < POINTS_MOST + 3; i++) {
        fprintf(to, "%" PRId32 " %" PRId32 " %" PRId32 "\n", difference(seen, i),
                difference(seen, i - 1), difference(seen, i - 2));
    }
    fprintf(to, "e\n");
}

/* gnuplot, reading from a pipe. Returns an errno. */
static int start(int from, int to, pid_t *child)
{
    static char name[] = "gnuplot";
    char *const arguments[] = {name, NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);
    error = error != 0 ? error : posix_spawn_file_actions_adddup2(&actions, to, STDOUT_FILENO);
    error = error != 0 ? error : posix_spawnp(child, name, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static bool run(const char *path, int picture, const struct isn_seen *seen, size_t n,
                const char *title)
{
    int ends[2];
    pid_t child;
    int status = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        cli_fail(path, "%s", strerror(errno));
        return false;
    }
    int error = start(ends[0], picture, &child);
    close(ends[0]);
    FILE *to = error == 0 ? fdopen(ends[1], "w") : NULL;
    if (to == NULL) {
        close(ends[1]);
        cli_fail(path, error == ENOENT ? "gnuplot, which draws, is missing: the package gnuplot-nox"
                                       : "gnuplot, which draws, cannot be started");
        return false;
    }
    script(to, seen, n, title);
    fclose(to);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || lseek(picture, 0, SEEK_END) <= 0) {
        cli_fail(path, "gnuplot did not draw it");
        return false;
    }
    return true;
}

bool isn_draw(const char *path, const struct isn_seen *seen, size_t n, const char *title)
{
    if (n < 4) {
        cli_fail(path, "a picture takes four numbers of one host, and there are %zu", n);
        return false;
    }
    FILE *picture = tmpfile();
    if (picture == NULL) {
        cli_fail(path, "%s", strerror(errno));
        return false;
    }
    bool drawn = run(path, fileno(picture), seen, n, title) && cli_put(path, picture);
    fclose(picture);
    return drawn;
}
