/* BSD sockets over the endpoint, with a virtual clock and without a wire: what packetdrill's
 * interface needs, and nothing of the host's own network. File descriptors are this layer's; the
 * first is 3. */
#ifndef HARNESS_SOCKETS_H
#define HARNESS_SOCKETS_H

#include "packetdrill.h"
#include "settings.h"

struct sockets;

/* The endpoint under an interface that packetdrill_interface_init() filled in: for who watches. */
struct endpoint *sockets_endpoint(void *userdata);

#endif
