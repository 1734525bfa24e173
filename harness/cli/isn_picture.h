/* What `tcpfsm isn` puts into files: the numbers of a host, and a picture of their differences. */
#ifndef HARNESS_CLI_ISN_PICTURE_H
#define HARNESS_CLI_ISN_PICTURE_H

#include "isn.h"

/* Write the numbers of a host as tab-separated values: time in seconds, both ends, number, difference to the one before.
 * Complains when it cannot. */
bool isn_write_data(const char *path, const struct isn_seen *seen, size_t n);

/* Draw a host's differences in three dimensions, as SVG: each point is a difference and the two before it. gnuplot draws.
 * Complains when it cannot, and leaves no file then. */
bool isn_draw(const char *path, const struct isn_seen *seen, size_t n, const char *title);

/* The address in words. */
void isn_host(const struct isn_seen *seen, char *words, size_t size);

#endif
