/* The manifest of recorded captures, as the tests of this folder read it: a line for each view of
 * each connection. */
#ifndef PROPERTIES_CAPTURE_MANIFEST_H
#define PROPERTIES_CAPTURE_MANIFEST_H

#include <stdbool.h>

#include "capture.h"

#define MANIFEST_TEXT 512

/* One line: a capture, the end at which it was taken, and the states that end passed through. */
struct view {
    char capture[MANIFEST_TEXT];
    char end[MANIFEST_TEXT]; /* "client" or "server" */
    char path[MANIFEST_TEXT];
};

/* Says what is wrong on standard output; true when nothing is. `index` is the connection's end that
 * the view is of. */
typedef bool check_view(const struct view *view, const struct capture *capture, unsigned index);

/* Run a check on every view in a folder that holds MANIFEST.tsv and the captures, and count.
 * Returns EXIT_SUCCESS when there are views and all are good. */
int manifest_check(int argc, char **argv, check_view *check);

/* The path the core is to take in the place of a view's end: the manifest's, or that of a known
 * difference between the recorded kernel and the core where RFC 9293 allows both. */
const char *manifest_path(const struct view *view, bool *differs);

/* Add a state to a path in words, unless the path ends with it. */
void path_add(char path[MANIFEST_TEXT], enum tfsm_state state);

#endif
