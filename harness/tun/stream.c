/* See stream.h. */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "descriptor.h"

#define CHUNK 65536u

enum phase {
    PHASE_START,
    PHASE_WARM,  /* the connection that fetches a cookie */
    PHASE_FIRST, /* Fast Open waits for what goes along */
    PHASE_OPEN,
    PHASE_OVER
};

struct stream {
    struct stream_config config;
    struct driver *driver;
    enum phase phase;
    enum stream_end end;
    enum tfsm_result result;
    int error;
    struct descriptor input;
    struct descriptor output;
    endpoint_handle handle;
    bool warmed; /* the first connection is open, so the cookie is here */
    bool connected;
    bool input_over;    /* nothing more comes in */
    bool closed;        /* and our side is closed */
    bool peer_closed;   /* the peer's stream is read to its end */
    tfsm_time leave_at; /* TIME-WAIT has lasted long enough for us; TFSM_NEVER: not there yet */
    uint64_t octets_in;
    uint64_t octets_out;
    size_t first;     /* octets in chunk_in for the SYN */
    size_t unwritten; /* octets in chunk_out, from unwritten_at on */
    size_t unwritten_at;
    uint8_t chunk_in[CHUNK];
    uint8_t chunk_out[CHUNK];
};

struct stream *stream_create(const struct stream_config *config)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->config = *config;
    stream->leave_at = TFSM_NEVER;
    stream->input = descriptor_reading(config->input);
    stream->output = descriptor_writing(config->output);
    return stream;
}

void stream_destroy(struct stream *stream)
{
    if (stream != NULL) {
        descriptor_close(&stream->output);
        descriptor_close(&stream->input);
        free(stream);
    }
}

void stream_run_by(struct stream *stream, struct driver *driver)
{
    stream->driver = driver;
}

enum stream_end stream_ended(const struct stream *stream)
{
    return stream->end;
}

enum tfsm_result stream_result(const struct stream *stream)
{
    return stream->result;
}

int stream_errno(const struct stream *stream)
{
    return stream->error;
}

uint64_t stream_octets_in(const struct stream *stream)
{
    return stream->octets_in;
}

uint64_t stream_octets_out(const struct stream *stream)
{
    return stream->octets_out;
}

/* ---- the end ---- */

static void finish(struct stream *stream, enum stream_end end)
{
    driver_want(stream->driver, stream->input.fd, 0);
    driver_want(stream->driver, stream->output.fd, 0);
    stream->phase = PHASE_OVER;
    stream->end = end;
}

static void give_up(struct stream *stream, enum stream_end end, tfsm_time now)
{
    stream->error = errno;
    endpoint_abort(stream->config.endpoint, stream->handle, now);
    endpoint_release(stream->config.endpoint, stream->handle, now);
    finish(stream, end);
}

/* A reset before the connection is open is a refusal; the core calls it reset, as RFC 9293
 * 3.10.7.3 does. */
static enum stream_end end_of(const struct stream *stream, uint32_t news)
{
    bool reset = (news & TFSM_SIG_RESET) != 0;
    return (news & TFSM_SIG_REFUSED) != 0       ? STREAM_REFUSED
           : reset                              ? stream->connected ? STREAM_RESET : STREAM_REFUSED
           : (news & TFSM_SIG_TIMED_OUT) != 0   ? STREAM_TIMED_OUT
           : (news & TFSM_SIG_UNREACHABLE) != 0 ? STREAM_UNREACHABLE
                                                : STREAM_CLOSED;
}

/* ---- the two directions ---- */

/* Read what there is room for. Returns octets in chunk_in; 0: none now. */
static size_t take_input(struct stream *stream, size_t room, tfsm_time now)
{
    ssize_t n = descriptor_read(&stream->input, stream->chunk_in, room < CHUNK ? room : CHUNK);
    if (n > 0) {
        stream->octets_out += (uint64_t)n;
        return (size_t)n;
    }
    stream->input_over = n == 0;
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        give_up(stream, STREAM_INPUT_FAILED, now);
    }
    return 0;
}

/* Octets that the connection would take. When there is no room, asking for some makes the endpoint
 * tell when there is. */
static size_t room_to_send(struct stream *stream, tfsm_time now)
{
    struct endpoint_status_block status;
    size_t taken;
    if (endpoint_status(stream->config.endpoint, stream->handle, &status) != TFSM_DONE) {
        return 0;
    }
    if (status.writable == 0) {
        endpoint_send(stream->config.endpoint, stream->handle, stream->chunk_in, 1, false, now,
                      &taken);
    }
    return status.writable;
}

static bool is_in(const struct stream *stream, enum tfsm_state state)
{
    struct endpoint_status_block status;
    return endpoint_status(stream->config.endpoint, stream->handle, &status) == TFSM_DONE &&
           status.tcp.state == state;
}

static bool is_known(const struct stream *stream)
{
    struct endpoint_status_block status;
    return endpoint_status(stream->config.endpoint, stream->handle, &status) == TFSM_DONE;
}

/* CLOSE in SYN-SENT would give the connection up, with all that is queued (RFC 9293 3.10.4). */
static bool may_close(const struct stream *stream)
{
    return is_known(stream) && !is_in(stream, TFSM_SYN_SENT);
}

static void forward(struct stream *stream, tfsm_time now)
{
    size_t room = 0;
    size_t n = 0;
    size_t taken;
    while (stream->phase == PHASE_OPEN && !stream->input_over &&
           (room = room_to_send(stream, now)) > 0 && (n = take_input(stream, room, now)) > 0) {
        endpoint_send(stream->config.endpoint, stream->handle, stream->chunk_in, n, false, now,
                      &taken);
    }
    if (stream->phase == PHASE_OPEN && stream->input_over && !stream->closed && may_close(stream)) {
        stream->closed = true;
        endpoint_close(stream->config.endpoint, stream->handle, now);
    }
    if (stream->phase == PHASE_OPEN) {
        bool wants = !stream->input_over && room > 0;
        driver_want(stream->driver, stream->input.fd, wants ? (uint32_t)EPOLLIN : 0);
    }
}

/* Returns false when the output takes no more now, or never. */
static bool write_out(struct stream *stream, tfsm_time now)
{
    while (stream->unwritten > 0) {
        ssize_t n = descriptor_write(&stream->output, stream->chunk_out + stream->unwritten_at,
                                     stream->unwritten);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno != EAGAIN) {
            give_up(stream, STREAM_OUTPUT_FAILED, now);
        }
        if (n < 0) {
            return false;
        }
        stream->unwritten -= (size_t)n;
        stream->unwritten_at += (size_t)n;
    }
    return true;
}

static void deliver(struct stream *stream, tfsm_time now)
{
    while (stream->phase == PHASE_OPEN && write_out(stream, now) && !stream->peer_closed) {
        size_t n = 0;
        enum tfsm_result result = endpoint_receive(stream->config.endpoint, stream->handle,
                                                   stream->chunk_out, CHUNK, now, &n);
        stream->octets_in += n;
        stream->unwritten = n;
        stream->unwritten_at = 0;
        stream->peer_closed = n == 0 && result != TFSM_DONE;
        if (n == 0) {
            break;
        }
    }
    if (stream->phase == PHASE_OPEN) {
        driver_want(stream->driver, stream->output.fd,
                    stream->unwritten > 0 ? (uint32_t)EPOLLOUT : 0);
    }
}

/* ---- opening ---- */

static void open_connection(struct stream *stream, bool fast, size_t first, tfsm_time now)
{
    struct endpoint *ep = stream->config.endpoint;
    size_t taken = 0;
    stream->result = fast ? endpoint_connect_fast(ep, &stream->config.open, stream->chunk_in, first,
                                                  now, &stream->handle, &taken)
                          : endpoint_connect(ep, &stream->config.open, now, &stream->handle);
    if (stream->result != TFSM_DONE) {
        finish(stream, STREAM_NOT_OPENED);
    }
}

/* The cookie comes with the SYN-ACK. From another port: the other may be in TIME-WAIT. */
static void open_warm(struct stream *stream, tfsm_time now)
{
    uint16_t port = stream->config.open.local_port;
    stream->config.open.local_port = 0;
    stream->phase = PHASE_WARM;
    open_connection(stream, true, 0, now);
    stream->config.open.local_port = port;
}

static void start(struct stream *stream, tfsm_time now)
{
    if (stream->config.warm && !stream->warmed) {
        open_warm(stream, now);
    } else if (stream->config.fast_open) {
        stream->phase = PHASE_FIRST;
        driver_want(stream->driver, stream->input.fd, EPOLLIN);
    } else {
        stream->phase = PHASE_OPEN;
        open_connection(stream, false, 0, now);
    }
}

/* What is there now is what goes along. */
static void open_with_first(struct stream *stream, tfsm_time now)
{
    size_t n = take_input(stream, 1024, now); /* as much as any SYN holds and any ring takes */
    if (stream->phase == PHASE_FIRST && (n > 0 || stream->input_over)) {
        stream->phase = PHASE_OPEN;
        open_connection(stream, true, n, now);
    }
}

/* ---- what the driver calls ---- */

static void on_news(void *user, endpoint_handle handle, uint32_t news, tfsm_time now)
{
    struct stream *stream = user;
    if (handle != stream->handle) {
        return;
    }
    if (stream->phase == PHASE_WARM) {
        if ((news & TFSM_SIG_CONNECTED) != 0) {
            endpoint_release(stream->config.endpoint, handle, now);
            stream->warmed = true;
            stream->phase = PHASE_START;
        } else if ((news & TFSM_SIG_ENDS) != 0) {
            finish(stream, end_of(stream, news));
        }
        return;
    }
    stream->connected = stream->connected || (news & TFSM_SIG_CONNECTED) != 0;
    deliver(stream, now); /* what came before the end */
    if (stream->phase == PHASE_OPEN && (news & TFSM_SIG_ENDS) != 0) {
        stream->end = end_of(stream, news);
        stream->closed = true;
        stream->input_over = true;
    }
}

/* Both sides are closed, and all that was received is written. */
static bool is_said(const struct stream *stream)
{
    return stream->phase == PHASE_OPEN && stream->closed && stream->peer_closed &&
           stream->unwritten == 0;
}

/* TIME-WAIT is for the endpoint to sit out. */
static void look_for_end(struct stream *stream, tfsm_time now)
{
    if (!is_said(stream)) {
        return;
    }
    if (stream->end != STREAM_OPEN) {
        endpoint_release(stream->config.endpoint, stream->handle, now);
        finish(stream, stream->end);
        return;
    }
    if (is_in(stream, TFSM_TIME_WAIT) && stream->leave_at == TFSM_NEVER) {
        stream->leave_at = now + stream->config.linger;
    }
    if (!is_known(stream) || now >= stream->leave_at) {
        finish(stream, STREAM_CLOSED);
    }
}

static void on_turn(void *user, tfsm_time now)
{
    struct stream *stream = user;
    if (stream->phase == PHASE_START) {
        start(stream, now);
    }
    if (stream->phase == PHASE_FIRST) {
        open_with_first(stream, now);
    }
    if (stream->phase == PHASE_OPEN) {
        forward(stream, now);
        deliver(stream, now);
        look_for_end(stream, now);
    }
}

static tfsm_time deadline(const void *user)
{
    const struct stream *stream = user;
    return stream->phase == PHASE_OPEN ? stream->leave_at : TFSM_NEVER;
}

static bool over(const void *user)
{
    const struct stream *stream = user;
    return stream->phase == PHASE_OVER;
}

/* What has ended in order stays so: only the linger is cut short. */
static void on_abort(void *user, tfsm_time now)
{
    struct stream *stream = user;
    if (is_said(stream) && (is_in(stream, TFSM_TIME_WAIT) || !is_known(stream))) {
        finish(stream, stream->end != STREAM_OPEN ? stream->end : STREAM_CLOSED);
    } else if (stream->phase != PHASE_OVER) {
        give_up(stream, STREAM_ABORTED, now);
    }
}

/* As if the input had ended. Before the connection is open there is nothing to end in order. */
static void on_close(void *user, tfsm_time now)
{
    struct stream *stream = user;
    if (stream->phase != PHASE_OPEN || is_in(stream, TFSM_SYN_SENT)) {
        on_abort(user, now);
        return;
    }
    stream->input_over = true;
    forward(stream, now);
}

struct driver_app stream_app(struct stream *stream)
{
    return (struct driver_app){.user = stream,
                               .news = on_news,
                               .turn = on_turn,
                               .deadline = deadline,
                               .over = over,
                               .close = on_close,
                               .abort = on_abort};
}
