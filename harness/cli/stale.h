/* The stale duplicate SYN: see stale.c. */
#ifndef HARNESS_STALE_H
#define HARNESS_STALE_H

#include <stdbool.h>

/* Tell it as a ladder diagram on standard output. gone: by the time the copy arrives, the host that
 * had sent it is switched off; else it answers with a RST. Returns an exit code: CLI_FINDING when the
 * server's user heard of a connection. */
int stale_story(bool gone);

#endif
