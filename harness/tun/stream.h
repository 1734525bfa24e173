/* One connection with a pair of descriptors as its user: what comes in is sent, what is received
 * goes out, the end of the input closes our side. Neither way is anything read that has no room. */
#ifndef HARNESS_STREAM_H
#define HARNESS_STREAM_H

#include "driver.h"
#include "endpoint.h"

struct stream_config {
    struct endpoint *endpoint;
    struct endpoint_open open;
    bool fast_open; /* what is there first goes along with the SYN */
    bool warm;      /* and a connection before that fetches a cookie */
    int input;
    int output;
    tfsm_time linger; /* microseconds in TIME-WAIT, in case the peer did not get the last ACK */
};

/* How it ended. */
enum stream_end {
    STREAM_OPEN,   /* not yet */
    STREAM_CLOSED, /* in good order */
    STREAM_REFUSED,
    STREAM_RESET,
    STREAM_TIMED_OUT,
    STREAM_UNREACHABLE,
    STREAM_ABORTED,      /* by a signal */
    STREAM_NOT_OPENED,   /* stream_result() says why */
    STREAM_INPUT_FAILED, /* stream_errno() says how */
    STREAM_OUTPUT_FAILED
};

struct stream;

/* Null: no memory. The descriptors stay as they are: descriptor.h. */
struct stream *stream_create(const struct stream_config *config);
void stream_destroy(struct stream *stream);

/* For driver_config.app; stream_run_by() before it runs. */
struct driver_app stream_app(struct stream *stream);
void stream_run_by(struct stream *stream, struct driver *driver);

enum stream_end stream_ended(const struct stream *stream);
enum tfsm_result stream_result(const struct stream *stream);
int stream_errno(const struct stream *stream);
uint64_t stream_octets_in(const struct stream *stream);
uint64_t stream_octets_out(const struct stream *stream);

#endif
