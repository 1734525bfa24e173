/* A capture being written as pcapng, with comments at its packets, which libpcap cannot write. It is written to a file beside
 * the one that is asked for, and takes that one's name when it is whole. */
#ifndef HARNESS_PCAPNG_H
#define HARNESS_PCAPNG_H

#include <stdio.h>

#include "capture.h"

struct pcapng;

/* Null: error says why. */
struct pcapng *pcapng_open(const char *path, char error[CAPTURE_ERROR]);

/* The same into a file that is the caller's, and stays open: there is no other file then. */
struct pcapng *pcapng_into(FILE *file, char error[CAPTURE_ERROR]);

/* What packets tell as recorded, from now on: so many decimals of a second. 9 until then. */
void pcapng_decimals(struct pcapng *pcapng, unsigned decimals);

/* The file that is there until pcapng_close(): to be removed by who is interrupted. */
const char *pcapng_temporary(const struct pcapng *pcapng);

/* A comment at the packet that comes next: cut off at 60,000 octets. */
void pcapng_comment(struct pcapng *pcapng, const char *comment);

/* A packet as it was read, whatever it is. After a failure nothing more is written. */
void pcapng_packet(struct pcapng *pcapng, const struct capture_packet *packet);

/* Let the file have its name, if it has none. False: it has not, nothing is left of it, and error says why. */
bool pcapng_close(struct pcapng *pcapng, char error[CAPTURE_ERROR]);

/* Leave nothing behind. A null pointer may be given. */
void pcapng_discard(struct pcapng *pcapng);

#endif
