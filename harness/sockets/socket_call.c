/* The calls that open and close: socket, bind, listen, accept, connect, shutdown, close. */
#include "socket_internal.h"

#include <fcntl.h>
#include <string.h>

int do_socket(struct sockets *s, int domain, int type, int protocol)
{
    int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (domain != AF_INET && domain != AF_INET6) {
        return -EAFNOSUPPORT;
    }
    if (type - flags != SOCK_STREAM) {
        return type - flags < 0 || type - flags > SOCK_PACKET ? -EINVAL : -ESOCKTNOSUPPORT;
    }
    if (protocol != 0 && protocol != IPPROTO_TCP) {
        return protocol < 0 || protocol > 255 ? -EINVAL : -EPROTONOSUPPORT;
    }
    struct file *file = file_create(s, FILE_SOCKET);
    if (file == NULL) {
        return -ENOBUFS;
    }
    sock_init(s, &file->sock, domain);
    file->nonblocking = (flags & SOCK_NONBLOCK) != 0;
    file->close_on_exec = (flags & SOCK_CLOEXEC) != 0;
    int fd = fd_allocate(s, file);
    if (fd < 0) {
        file_hold(file);
        file_release(s, file);
    }
    return fd;
}

/* ---- bind ---- */

/* Whether two sockets can receive for the same address. */
static bool overlaps(const struct sock *a, const struct sock *b)
{
    bool any = address_is_zero(&a->local) || address_is_zero(&b->local);
    if (a->local.family == b->local.family) {
        return any || memcmp(&a->local, &b->local, sizeof a->local) == 0;
    }
    /* Of two families, an IPv6 socket for any address takes IPv4 as well. */
    const struct sock *six = a->local.family == 6 ? a : b;
    return address_is_zero(&six->local) && !six->choices.v6only;
}

/* socket(7), SO_REUSEADDR: but for an active listener. */
static bool conflicts(const struct sock *a, const struct sock *b)
{
    bool reuse = a->choices.reuse_address && b->choices.reuse_address &&
                 a->phase != PHASE_LISTENING && b->phase != PHASE_LISTENING;
    bool share = a->choices.reuse_port && b->choices.reuse_port;
    return a->port == b->port && overlaps(a, b) && !reuse && !share;
}

static bool port_is_free(struct sockets *s, const struct sock *sock)
{
    for (const struct file *file = s->files; file != NULL; file = file->next) {
        bool other = file->kind == FILE_SOCKET && &file->sock != sock && file->sock.bound;
        if (other && conflicts(sock, &file->sock)) {
            return false;
        }
    }
    struct tfsm_address four = {.family = 4};
    bool both = sock->local.family == 6 && address_is_zero(&sock->local) && !sock->choices.v6only;
    bool used = endpoint_port_used(s->ep, &sock->local, sock->port) ||
                (both && endpoint_port_used(s->ep, &four, sock->port));
    return sock->choices.reuse_address || sock->choices.reuse_port || !used;
}

int sock_choose_port(struct sockets *s, struct sock *sock)
{
    const struct endpoint_config *config = &s->settings.endpoint;
    unsigned ports = config->port_last - config->port_first + 1u;
    for (unsigned i = 0; i < ports; i++) {
        sock->port = (uint16_t)(config->port_first + s->port_next++ % ports);
        if (port_is_free(s, sock)) {
            return 0;
        }
    }
    sock->port = 0;
    return -EADDRINUSE;
}

/* packetdrill gives the host an address, by chance where nobody says which, and the stack hears of it
 * when a socket is bound to it. */
static bool is_ours(struct sockets *s, const struct tfsm_address *address)
{
    struct endpoint_local local = {*address, address->family == 6 ? 64 : 16};
    return address_is_zero(address) || endpoint_add_local(s->ep, &local) == TFSM_DONE;
}

int do_bind(struct sockets *s, int fd, const struct sockaddr *address, socklen_t size)
{
    int error;
    struct file *file = socket_of(s, fd, &error);
    if (file == NULL) {
        return error;
    }
    struct sock *sock = &file->sock;
    struct sock wanted = *sock;
    error = address_in(sock, address, size, &wanted.local, &wanted.port);
    if (error != 0) {
        return error;
    }
    if (wanted.local.family == 4 && sock->family == AF_INET6 && sock->choices.v6only) {
        return -EINVAL;
    }
    if (!is_ours(s, &wanted.local)) {
        return -EADDRNOTAVAIL;
    }
    if (sock->bound || sock->phase != PHASE_NONE) {
        return -EINVAL;
    }
    if (wanted.port == 0) {
        error = sock_choose_port(s, &wanted);
    } else {
        /* The socket itself is in the list: it has no port yet. */
        error = port_is_free(s, &wanted) ? 0 : -EADDRINUSE;
    }
    if (error == 0) {
        sock->local = wanted.local;
        sock->port = wanted.port;
        sock->bound = true;
    }
    return error;
}

/* ---- listen, accept ---- */

static int start_listening(struct sockets *s, struct sock *sock)
{
    bool unbound = !sock->bound;
    if (unbound) {
        sock->local = (struct tfsm_address){.family = sock->family == AF_INET6 ? 6 : 4};
        if (sock_choose_port(s, sock) != 0) {
            return -EADDRINUSE;
        }
    }
    int error = sock_open_listeners(s, sock);
    sock->bound = !unbound || error == 0;
    return error;
}

int do_listen(struct sockets *s, int fd, int backlog)
{
    int error;
    struct file *file = socket_of(s, fd, &error);
    if (file == NULL) {
        return error;
    }
    struct sock *sock = &file->sock;
    int most = (int)s->settings.endpoint.backlog;
    backlog = backlog < 0 || backlog > most ? most : backlog;
    backlog = backlog > 0 ? backlog : 1;
    if (sock->phase == PHASE_LISTENING) {
        bool other = backlog != (sock->backlog < 0 ? -sock->backlog : sock->backlog);
        sock->backlog = other ? -backlog : sock->backlog; /* sock_refresh_backlog() */
        return 0;
    }
    if (sock->phase != PHASE_NONE) {
        return -EINVAL;
    }
    sock->backlog = backlog;
    return start_listening(s, sock);
}

static int take_connection(struct sockets *s, struct sock *listener, endpoint_handle *handle)
{
    *handle = 0;
    if (listener->choices.defer_accept > 0 || listener->deferred != NULL) {
        *handle = deferred_accept(s, listener);
        return *handle != 0 ? 0 : -EAGAIN;
    }
    for (unsigned i = 0; i < 2 && *handle == 0; i++) {
        if (listener->listeners[1 - i] != 0) {
            endpoint_accept(s->ep, listener->listeners[1 - i], handle);
        }
    }
    return *handle != 0 ? 0 : -EAGAIN;
}

/* What a listener is set to, and who is connected; a socket of its own. */
static int present(struct sockets *s, const struct sock *listener, endpoint_handle handle,
                   struct sockaddr *address, socklen_t *size)
{
    struct endpoint_status_block status;
    struct file *file = file_create(s, FILE_SOCKET);
    int fd = file != NULL ? fd_allocate(s, file) : -ENOBUFS;
    if (fd < 0) {
        endpoint_abort(s->ep, handle, time_of(s));
        endpoint_release(s->ep, handle, time_of(s));
        if (file != NULL) {
            file_hold(file);
            file_release(s, file);
        }
        return fd;
    }
    struct sock *sock = &file->sock;
    *sock = *listener;
    memset(sock->listeners, 0, sizeof sock->listeners);
    memset(&sock->held, 0, sizeof sock->held);
    memset(&sock->zerocopy, 0, sizeof sock->zerocopy);
    sock->deferred = NULL;
    sock->written = 0;
    sock->error = 0;
    sock->soft_error = 0;
    sock->phase = PHASE_CONNECTED;
    sock->told = true;
    sock->connection = handle;
    if (endpoint_status(s->ep, handle, &status) != TFSM_DONE) {
        return fd;
    }
    sock->local = status.local;
    sock->port = status.local_port;
    sock->remote.remote = status.remote;
    sock->remote.remote_port = status.remote_port;
    drive_endpoint(s); /* what came while it waited */
    int error = address_out(sock, &status.remote, status.remote_port, address, size);
    if (error != 0) {
        do_close(s, fd);
        return error;
    }
    return fd;
}

/* The time that a blocking call may take. */
static tfsm_time patience(tfsm_time chosen)
{
    return chosen > 0 ? chosen : TFSM_NEVER;
}

int do_accept(struct sockets *s, int fd, struct sockaddr *address, socklen_t *size)
{
    int error;
    struct file *file = socket_of(s, fd, &error);
    if (file == NULL) {
        return error;
    }
    endpoint_handle handle = 0;
    struct waiter waiter;
    file_hold(file);
    wait_begin(s, &waiter, patience(file->sock.choices.receive_timeout));
    for (;;) {
        error = file->sock.phase == PHASE_LISTENING ? take_connection(s, &file->sock, &handle)
                                                    : -EINVAL;
        if (error != -EAGAIN || file->nonblocking) {
            break;
        }
        int waited = wait_more(s, &waiter);
        if (waited != 0) {
            error = waited == -ETIME ? -EAGAIN : waited;
            break;
        }
    }
    wait_end(s, &waiter);
    if (error == 0) {
        error = present(s, &file->sock, handle, address, size);
    }
    file_release(s, file);
    return error;
}

/* ---- connect ---- */

static int open_error(struct sockets *s, enum tfsm_result result)
{
    const struct endpoint_counters *counters = endpoint_counted(s->ep);
    switch (result) {
    case TFSM_DONE:
        return 0;
    case TFSM_E_INSUFFICIENT_RESOURCES:
        return counters->opened - counters->freed >= s->settings.endpoint.connections
                   ? -ENOBUFS
                   : -EADDRNOTAVAIL;
    case TFSM_E_CONNECTION_EXISTS:
    case TFSM_E_REMOTE_UNSPECIFIED:
        return -EADDRNOTAVAIL;
    case TFSM_E_INVALID:
    case TFSM_E_NO_CONNECTION:
    case TFSM_E_CONNECTION_CLOSING:
        break;
    }
    return -ENETUNREACH;
}

int sock_connect(struct sockets *s, struct file *file, bool fast)
{
    struct sock *sock = &file->sock;
    struct endpoint_open *open = &sock->remote;
    open->local = address_is_zero(&sock->local) ? (struct tfsm_address){0} : sock->local;
    open->local_port = sock->bound ? sock->port : 0;
    open->options = sock_options(sock);
    enum tfsm_result result =
        fast ? endpoint_connect_fast(s->ep, open, NULL, 0, time_of(s), &sock->connection, NULL)
             : endpoint_connect(s->ep, open, time_of(s), &sock->connection);
    if (result != TFSM_DONE) {
        int error = open_error(s, result);
        sock_disconnect(s, sock, false);
        return error;
    }
    struct endpoint_status_block status;
    sock->phase = PHASE_CONNECTING;
    if (endpoint_status(s->ep, sock->connection, &status) == TFSM_DONE) {
        sock->port = status.local_port;
        sock->remote.local = status.local;
    }
    return 0;
}

int sock_await_connection(struct sockets *s, struct file *file)
{
    struct sock *sock = &file->sock;
    struct waiter waiter;
    int waited = 0;
    wait_begin(s, &waiter, patience(sock->choices.send_timeout));
    while (sock->phase == PHASE_CONNECTING && !sock->over && waited == 0) {
        waited = wait_more(s, &waiter);
    }
    wait_end(s, &waiter);
    return waited == -ETIME ? -EINPROGRESS : waited;
}

/* The end of a connect() that is under way: how it went. */
static int finish_connect(struct sockets *s, struct sock *sock)
{
    if (sock->phase == PHASE_CONNECTED) {
        int result = sock->told ? -EISCONN : 0;
        sock->told = true;
        return result;
    }
    int error = sock_take_error(sock);
    sock_disconnect(s, sock, false);
    return error != 0 ? -error : -ECONNABORTED;
}

/* A fresh socket. */
static int begin_connect(struct sockets *s, struct file *file, const struct sockaddr *address,
                         socklen_t size)
{
    struct sock *sock = &file->sock;
    struct endpoint_open open = {0};
    int error = address_in(sock, address, size, &open.remote, &open.remote_port);
    if (error != 0) {
        return error;
    }
    bool mapped = sock->family == AF_INET6 && open.remote.family == 4;
    bool mixed =
        sock->bound && !address_is_zero(&sock->local) && sock->local.family != open.remote.family;
    if ((mapped && sock->choices.v6only) || mixed) {
        return -ENETUNREACH;
    }
    error = sock_take_error(sock);
    if (error != 0) {
        return -error;
    }
    sock->remote = open;
    open.local = address_is_zero(&sock->local) ? (struct tfsm_address){0} : sock->local;
    bool fast = sock->choices.fast_open_connect;
    if (fast && endpoint_knows_cookie(s->ep, &open, time_of(s))) {
        sock->phase = PHASE_DEFERRED;
        return 0;
    }
    error = sock_connect(s, file, fast);
    return error != 0 ? error : -EINPROGRESS;
}

static bool is_unspecified(const struct sockaddr *address, socklen_t size)
{
    sa_family_t family = AF_INET;
    if (address != NULL && size >= sizeof family) {
        memcpy(&family, address, sizeof family);
    }
    return family == AF_UNSPEC;
}

int do_connect(struct sockets *s, int fd, const struct sockaddr *address, socklen_t size)
{
    int error;
    struct file *file = socket_of(s, fd, &error);
    if (file == NULL) {
        return error;
    }
    struct sock *sock = &file->sock;
    if (is_unspecified(address, size)) { /* connect(2): the association is dissolved */
        if (sock->phase == PHASE_LISTENING) {
            sock_stop_listening(s, sock);
        }
        sock_disconnect(s, sock, true);
        return 0;
    }
    if (sock->phase == PHASE_LISTENING || sock->phase == PHASE_DEFERRED) {
        return -EISCONN;
    }
    if (sock->phase == PHASE_CONNECTED) {
        return finish_connect(s, sock);
    }
    bool begins = sock->phase == PHASE_NONE;
    error = begins ? begin_connect(s, file, address, size) : -EALREADY;
    if (begins && error != -EINPROGRESS) {
        return error;
    }
    if (!sock->over && file->nonblocking) {
        return error;
    }
    file_hold(file);
    int waited = sock_await_connection(s, file);
    error = waited == -EINPROGRESS && !begins ? -EALREADY : waited;
    error = waited != 0 ? error : finish_connect(s, sock);
    file_release(s, file);
    return error;
}

/* ---- shutdown, close ---- */

int do_shutdown(struct sockets *s, int fd, int how)
{
    int error;
    struct file *file = socket_of(s, fd, &error);
    if (file == NULL) {
        return error;
    }
    struct sock *sock = &file->sock;
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) {
        return -EINVAL;
    }
    if (sock->phase == PHASE_LISTENING) {
        if (how != SHUT_WR) {
            sock_stop_listening(s, sock);
            file_touch(s, file);
        }
        return 0;
    }
    if (sock->phase == PHASE_NONE || sock->over) {
        return -ENOTCONN;
    }
    bool opening = sock->phase == PHASE_CONNECTING && !s->settings.steps;
    if (opening || sock->phase == PHASE_DEFERRED) {
        sock_disconnect(s, sock, true);
        file_touch(s, file);
        return 0;
    }
    if (how != SHUT_RD && !sock->write_shut) {
        sock->write_shut = true;
        held_flush(s, sock);
        endpoint_close(s->ep, sock->connection, time_of(s));
    }
    sock->read_shut = sock->read_shut || how != SHUT_WR;
    file_touch(s, file);
    return 0;
}

int do_close(struct sockets *s, int fd)
{
    if (file_of(s, fd) == NULL) {
        return -EBADF;
    }
    fd_free(s, fd);
    return 0;
}
