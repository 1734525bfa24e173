/* Network namespaces: step into another one, and back. What is opened there stays there. */
#ifndef HARNESS_SPACE_H
#define HARNESS_SPACE_H

#include <stdbool.h>
#include <stddef.h>

/* Enter a namespace.
 * name   a file as /proc/PID/ns/net is one, or, without a slash, a name that `ip netns` gave
 * back   a descriptor to return by
 * error  what is wrong, in one line of at most `room` octets
 * Returns false where it was not entered. */
bool space_enter(const char *name, int *back, char *error, size_t room);

/* Return. False when that is impossible: then nothing else should be done. */
bool space_leave(int back);

#endif
