/* What becomes of a socket: the news of its connection, its errors, the options that the endpoint
 * is to follow, and how it comes to an end. */
#include "socket_internal.h"

#include <stdlib.h>
#include <string.h>

#define KEEP_IDLE_USUAL 7200 /* seconds: tcp(7) */
#define LINGER2_USUAL   60

void sock_init(struct sockets *s, struct sock *sock, int family)
{
    memset(sock, 0, sizeof *sock);
    sock->family = family;
    sock->options[0] = endpoint_defaults(s->ep, 4);
    sock->options[1] = endpoint_defaults(s->ep, 6);
    const struct tfsm_config *policy = &sock->options[0].policy;
    tfsm_time idle = policy->keepalive_idle / 1000000;
    sock->choices = (struct choices){.keepalive = idle > 0,
                                     .keep_idle = idle > 0 ? (int)idle : KEEP_IDLE_USUAL,
                                     .quick_ack = true,
                                     .linger2 = LINGER2_USUAL,
                                     .receive_least = 1,
                                     .discover = {IP_PMTUDISC_WANT, IPV6_PMTUDISC_WANT},
                                     .listener = s->settings.listener};
}

int sock_take_error(struct sock *sock)
{
    int error = sock->error;
    sock->error = 0;
    return error;
}

enum tfsm_state sock_state(const struct sockets *s, const struct sock *sock)
{
    struct endpoint_status_block status;
    if (sock->phase == PHASE_LISTENING) {
        return TFSM_LISTEN;
    }
    bool known =
        sock->connection != 0 && endpoint_status(s->ep, sock->connection, &status) == TFSM_DONE;
    return known ? status.tcp.state : TFSM_CLOSED;
}

/* A reset is what the state that it met makes of it: tcp(7), and RFC 9293 3.10.7.3. */
static int reset_error(const struct sock *sock)
{
    if (sock->phase == PHASE_CONNECTING) {
        return ECONNREFUSED;
    }
    return sock->peer_closed && !sock->write_shut ? EPIPE : ECONNRESET;
}

static int end_error(const struct sockets *s, const struct sock *sock, uint32_t news)
{
    if ((news & TFSM_SIG_REFUSED) != 0) {
        return ECONNREFUSED;
    }
    if ((news & TFSM_SIG_RESET) != 0) {
        return reset_error(sock);
    }
    if ((news & TFSM_SIG_UNREACHABLE) != 0) {
        return s->icmp_errno != 0 ? s->icmp_errno : EHOSTUNREACH;
    }
    if ((news & TFSM_SIG_TIMED_OUT) != 0) {
        return sock->soft_error != 0 ? sock->soft_error : ETIMEDOUT;
    }
    return 0;
}

void sock_news(struct sockets *s, struct file *file, uint32_t news)
{
    struct sock *sock = &file->sock;
    if ((news & TFSM_SIG_SOFT_ERROR) != 0 && s->icmp_errno != 0) {
        sock->soft_error = s->icmp_errno;
    }
    if ((news & TFSM_SIG_CONNECTED) != 0 && sock->phase == PHASE_CONNECTING) {
        sock->phase = PHASE_CONNECTED;
        sock->soft_error = 0;
    }
    if ((news & TFSM_SIG_ENDS) != 0) {
        int error = end_error(s, sock, news);
        sock->error = error != 0 ? error : sock->error;
        sock->over = true;
    }
    if ((news & TFSM_SIG_PEER_CLOSED) != 0) {
        sock->peer_closed = true;
    }
    file_touch(s, file);
}

/* ---- options ---- */

static bool is_v6(const struct sock *sock)
{
    return sock->remote.remote.family != 0 ? sock->remote.remote.family == 6
                                           : sock->family == AF_INET6;
}

struct endpoint_options *sock_options(struct sock *sock)
{
    return &sock->options[is_v6(sock)];
}

void sock_apply(struct sockets *s, struct sock *sock)
{
    for (unsigned i = 0; i < 2; i++) {
        if (sock->listeners[i] != 0) {
            endpoint_set(s->ep, sock->listeners[i], &sock->options[i], time_of(s));
            endpoint_set_listener(s->ep, sock->listeners[i], &sock->choices.listener);
        }
    }
    if (sock->connection != 0) {
        endpoint_set(s->ep, sock->connection, sock_options(sock), time_of(s));
    }
}

/* ---- listening ---- */

static int listen_on(struct sockets *s, struct sock *sock, unsigned family,
                     endpoint_handle *listener)
{
    struct endpoint_listening listening = {.local = sock->local,
                                           .port = sock->port,
                                           .backlog = (uint32_t)sock->backlog,
                                           .policy = &sock->choices.listener,
                                           .options = &sock->options[family == 6]};
    if (address_is_zero(&sock->local)) {
        listening.local.family = (uint8_t)family;
    }
    enum tfsm_result result = endpoint_listen(s->ep, &listening, listener);
    return result == TFSM_DONE                  ? 0
           : result == TFSM_E_CONNECTION_EXISTS ? -EADDRINUSE
           : result == TFSM_E_INVALID           ? -EADDRNOTAVAIL
                                                : -ENOBUFS;
}

/* An IPv6 socket for any address takes IPv4 as well: ipv6(7). */
int sock_open_listeners(struct sockets *s, struct sock *sock)
{
    bool any = address_is_zero(&sock->local);
    bool six = any ? sock->family == AF_INET6 : sock->local.family == 6;
    bool four = any ? sock->family == AF_INET || !sock->choices.v6only : sock->local.family == 4;
    int result = six ? listen_on(s, sock, 6, &sock->listeners[1]) : 0;
    if (result == 0 && four) {
        result = listen_on(s, sock, 4, &sock->listeners[0]);
    }
    if (result != 0) {
        sock_stop_listening(s, sock);
        return result;
    }
    sock->phase = PHASE_LISTENING;
    return 0;
}

void sock_stop_listening(struct sockets *s, struct sock *sock)
{
    deferred_end(s, sock);
    for (unsigned i = 0; i < 2; i++) {
        if (sock->listeners[i] != 0) {
            endpoint_close(s->ep, sock->listeners[i], time_of(s));
            sock->listeners[i] = 0;
        }
    }
    sock->phase = PHASE_NONE;
}

static bool listener_waits(struct sockets *s, endpoint_handle listener)
{
    uint32_t news = 0;
    return listener != 0 && endpoint_news(s->ep, listener, &news) == TFSM_DONE &&
           (news & ENDPOINT_ACCEPTABLE) != 0;
}

bool sock_acceptable(struct sockets *s, struct sock *sock)
{
    if (sock->choices.defer_accept > 0 || sock->deferred != NULL) {
        return deferred_acceptable(s, sock);
    }
    return listener_waits(s, sock->listeners[0]) || listener_waits(s, sock->listeners[1]);
}

/* A listener of the endpoint has the backlog it was opened with: one that is idle is opened anew.
 */
void sock_refresh_backlog(struct sockets *s, struct sock *sock)
{
    bool idle = endpoint_half_open(s->ep, sock->listeners[0]) == 0 &&
                endpoint_half_open(s->ep, sock->listeners[1]) == 0;
    if (sock->backlog < 0 && idle && !sock_acceptable(s, sock)) {
        sock->backlog = -sock->backlog;
        sock_stop_listening(s, sock);
        sock_open_listeners(s, sock);
    }
}

/* ---- the end ---- */

void sock_disconnect(struct sockets *s, struct sock *sock, bool abort)
{
    if (sock->connection != 0) {
        if (abort) {
            endpoint_abort(s->ep, sock->connection, time_of(s));
        }
        endpoint_release(s->ep, sock->connection, time_of(s));
    }
    sock->connection = 0;
    sock->phase = PHASE_NONE;
    sock->over = false;
    sock->told = false;
    sock->peer_closed = false;
    sock->read_shut = false;
    sock->write_shut = false;
    sock->soft_error = 0;
    sock->path_mtu = 0;
    sock->held.n = 0;
    sock->written = 0;
    sock->zerocopy = (struct zerocopy){.count = 0};
    memset(&sock->remote, 0, sizeof sock->remote);
}

/* Everything sent has been acknowledged, the FIN included, or never will be. */
static bool is_through(const struct sockets *s, const struct sock *sock)
{
    switch (sock_state(s, sock)) {
    case TFSM_ESTABLISHED:
    case TFSM_SYN_RECEIVED:
    case TFSM_FIN_WAIT_1:
    case TFSM_CLOSE_WAIT:
    case TFSM_CLOSING:
    case TFSM_LAST_ACK:
        return false;
    case TFSM_CLOSED:
    case TFSM_LISTEN:
    case TFSM_SYN_SENT:
    case TFSM_FIN_WAIT_2:
    case TFSM_TIME_WAIT:
    case TFSM_STATES:
        break;
    }
    return true;
}

/* SO_LINGER with a time: close() waits, O_NONBLOCK or not. */
static void linger(struct sockets *s, struct sock *sock)
{
    struct waiter waiter;
    endpoint_close(s->ep, sock->connection, time_of(s));
    wait_begin(s, &waiter, (tfsm_time)sock->choices.linger_seconds * 1000000);
    while (!is_through(s, sock)) {
        if (wait_more(s, &waiter) != 0) {
            break;
        }
    }
    wait_end(s, &waiter);
}

/* close(): what was not read is lost, and the peer is told so by a RST (RFC 1122 4.2.2.13, RFC 2525
 * 2.17); so it is with a linger time of 0. */
void sock_end(struct sockets *s, struct file *file)
{
    struct sock *sock = &file->sock;
    const struct choices *choices = &sock->choices;
    bool abort = endpoint_readable(s->ep, sock->connection) > 0 ||
                 (choices->linger && choices->linger_seconds == 0);
    if (sock->phase == PHASE_LISTENING) {
        sock_stop_listening(s, sock);
        return;
    }
    if (!abort) {
        held_flush(s, sock);
    }
    if (!abort && choices->linger && sock->connection != 0 && !s->closing) {
        linger(s, sock);
    }
    sock_disconnect(s, sock, abort);
    free(sock->held.octets);
    sock->held.octets = NULL;
}
