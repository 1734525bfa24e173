/* A script tried out before it has a name. A bare machine owes one RST at a time, and the next takes its place where output
 * is not drawn; a host has a queue of them. So the script gets the RSTs of the host, and the order in which its connections speak: nothing else is changed. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "export_script.h"
#include "replay.h"

#define ROUNDS_MOST 1000u

/* The line of a number, from 1. */
static char *find_line(char *text, unsigned line)
{
    while (line > 1 && text != NULL) {
        text = strchr(text, '\n');
        text = text != NULL ? text + 1 : NULL;
        line--;
    }
    return text;
}

/* Whether a segment of ours in words has RST. */
static bool is_reset(const char *words)
{
    char flags[16] = "";
    const char *at = strncmp(words, "> ", 2) == 0 ? words + 2 : "";
    while (at[0] == '[' && strchr(at, ']') != NULL) { /* what is said of the IP header */
        at = strchr(at, ']') + 1;
        at += strspn(at, " ");
    }
    return sscanf(at, "%*u > %*u %15s", flags) == 1 && strchr(flags, 'R') != NULL;
}

/* Put n octets in the place of others; the text is replaced. */
static bool splice(char **text, size_t at, size_t gone, const char *with, size_t n)
{
    size_t size = strlen(*text);
    char *more = malloc(size - gone + n + 1);
    if (more == NULL) {
        return false;
    }
    memcpy(more, *text, at);
    memcpy(more + at, with, n);
    memcpy(more + at + n, *text + at + gone, size - at - gone + 1);
    free(*text);
    *text = more;
    return true;
}

/* Octets of a line of a packet that is sent, up to its flags: whose it is. */
static size_t tuple_length(const char *words)
{
    const char *at = strncmp(words, "> ", 2) == 0 ? strstr(words + 2, " > ") : NULL;
    const char *quoted = strstr(words, "\" > \"");
    if (at != NULL && quoted != NULL && quoted < at) { /* addresses come first */
        at = strstr(strchr(quoted + 5, ']') != NULL ? strchr(quoted + 5, ']') : "", " > ");
    }
    return at != NULL ? (size_t)(at + 3 - words) + strcspn(at + 3, " ") + 1 : 0;
}

/* Connections that have something to say at once say it in an order that is the host's affair: the first line for whom the
 * packet is goes to the front. */
static bool move_up(char **text, size_t at, const char *actual)
{
    size_t n = tuple_length(actual);
    const char *line = *text + at;
    while (n > 0 && strncmp(line, "+0  > ", 6) == 0) {
        size_t length = strcspn(line, "\n") + 1;
        if (strncmp(line + 4, actual, n) == 0 && line != *text + at) {
            char moved[1024];
            size_t from = (size_t)(line - *text);
            if (length >= sizeof moved) {
                return false;
            }
            memcpy(moved, line, length);
            return splice(text, from, length, "", 0) && splice(text, at, 0, moved, length);
        }
        line += length;
    }
    return false;
}

/* One difference less; false where it is of another kind. */
static bool adapt(char **text, const struct script_failure *failure)
{
    char *line = find_line(*text, failure->line);
    if (line == NULL) {
        return false;
    }
    size_t at = (size_t)(line - *text);
    size_t length = strcspn(line, "\n");
    char wanted[256];
    snprintf(wanted, sizeof wanted, "%.*s", (int)(length < 255 ? length : 255), line);
    const char *expected = strstr(
        wanted, " > "); /* of ports, too, where it is an arrival: that is no line with `> ' first */
    if (strstr(failure->reason, "from port") != NULL ||
        strstr(failure->reason, "other addresses") != NULL) {
        if (move_up(text, at, failure->actual)) {
            return true;
        }
    }
    if (failure->actual[0] != '\0' && is_reset(failure->actual)) {
        char more[320];
        const char *options = strstr(failure->actual, " <") != NULL ? "" : " <>";
        int n = snprintf(more, sizeof more, "+0  %s%s\n", failure->actual, options);
        bool end = strstr(failure->reason, "no line expects") != NULL;
        return splice(text, end ? strlen(*text) : at, 0, more, (size_t)n);
    }
    if (expected != NULL && is_reset(expected + 1)) {
        return splice(text, at, length + 1, "", 0);
    }
    return false;
}

bool adapt_script(char **text, char *reason, size_t room)
{
    static struct script_failure failure;
    for (unsigned round = 0; round < ROUNDS_MOST; round++) {
        if (run_quietly(*text, strlen(*text), &failure) == CLI_FINE) {
            return true;
        }
        if (!adapt(text, &failure)) {
            break;
        }
    }
    snprintf(reason, room, "%s", failure.words);
    return false;
}
