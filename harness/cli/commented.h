/* The copy of a capture with comments that `tcpfsm judge --pcapng` writes: begun before the capture is judged, so that it is known
 * early whether it can be, and written when it is known what is to be said. */
#ifndef HARNESS_COMMENTED_H
#define HARNESS_COMMENTED_H

#include "pcapng.h"
#include "remarks.h"

struct commented {
    const char *path;
    struct pcapng *file;
    struct remarks *remarks; /* to be filled while the capture is judged */
};

/* Begin a copy of a capture. False, and *subject is what the error is about: the capture cannot be read twice, or is the file to
 * be written, or that cannot be written. */
bool commented_begin(struct commented *copy, const char *path, const char *capture,
                     const char **subject, char error[CAPTURE_ERROR]);

/* Read the capture again and write it whole; false as above.
 * seen  called for each packet; may be null */
bool commented_write(struct commented *copy, const char *capture,
                     void (*seen)(void *user, const struct capture_packet *packet), void *user,
                     const char **subject, char error[CAPTURE_ERROR]);

/* Leave nothing of what is not written. */
void commented_end(struct commented *copy);

#endif
