/* BSD sockets over the endpoint, with a virtual clock and without a wire: what packetdrill's
 * interface needs, and nothing of the host's own network. File descriptors are this layer's; the
 * first is 3. Results are those of Linux: socket(7), tcp(7), ip(7), ipv6(7).
 *
 * Any thread may call. The one that made the sockets drives them: it hands in packets and moves the
 * clock. Another one that calls what blocks waits for that. Should the driving thread itself make a
 * call that blocks, the clock moves on to each deadline until the call is through; where nothing
 * can come any more it fails with EDEADLK. */
#ifndef HARNESS_SOCKETS_H
#define HARNESS_SOCKETS_H

#include "packetdrill.h"
#include "settings.h"

struct sockets;

/* What the endpoint's clock says when that of the sockets says 0, microseconds. */
#define SOCKETS_START (UINT64_C(1000) * 1000000)

/* Sockets over an endpoint of their own, with a copy of the settings. Returns null when there is
 * not enough memory. */
struct sockets *sockets_create(const struct settings *settings);

/* Give back everything. Peers are not told. Threads that wait get EBADF first. */
void sockets_destroy(struct sockets *sockets);

/* Fill in the interface; its userdata is the sockets, and its free destroys them. */
void sockets_interface(struct sockets *sockets, struct packetdrill_interface *ifc);

/* The endpoint under an interface that packetdrill_interface_init() filled in: for who watches. */
struct endpoint *sockets_endpoint(void *userdata);

#endif
