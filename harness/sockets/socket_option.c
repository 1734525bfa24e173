/* setsockopt and getsockopt: socket(7), tcp(7), ip(7), ipv6(7). What can be chosen of
 * a connection goes to the endpoint; the rest is remembered, so that it can be read again. */
#include "socket_internal.h"

#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>

#ifndef TCP_INQ
#define TCP_INQ 36
#endif

#define RECEIVE_LEAST 2304 /* what getsockopt() tells of the smallest buffers on Linux */
#define SEND_LEAST    4608
#define MSS_LEAST     88 /* TCP_MAXSEG */
#define MSS_MOST      32767
#define SECONDS_MOST  32767 /* TCP_KEEPIDLE, TCP_KEEPINTVL */
#define TIMEOUT_MOST  120   /* seconds, of a retransmission */
#define TRIES_MOST    127   /* TCP_KEEPCNT, TCP_SYNCNT */
#define MSS_UNKNOWN   536   /* TCP_MAXSEG before there is a connection */
#define PRIORITY_MOST 6
#define NAME_MOST     16 /* of a congestion control, with its zero */
#define ECN_BITS      3

/* ---- setting ---- */

static void set_policy_bit(struct sock *sock, uint32_t bit, bool on)
{
    for (unsigned i = 0; i < 2; i++) {
        uint32_t *profile = &sock->options[i].policy.profile;
        *profile = on ? *profile | bit : *profile & ~bit;
    }
}

/* A keep-alive that is set keeps its time, whatever the policy becomes: off and on again. */
static void set_keepalive(struct sockets *s, struct sock *sock)
{
    const struct choices *choices = &sock->choices;
    for (unsigned i = 0; i < 2; i++) {
        sock->options[i].policy.keepalive_idle = 0;
    }
    sock_apply(s, sock);
    for (unsigned i = 0; i < 2 && choices->keepalive; i++) {
        sock->options[i].policy.keepalive_idle = (tfsm_time)choices->keep_idle * 1000000;
    }
}

static bool within(int value, int least, int most)
{
    return value >= least && value <= most;
}

/* A buffer as Linux counts it: twice what was asked for, half of it for its own books. */
static int doubled(int value, int least, uint32_t ring)
{
    int most = ring > INT_MAX / 2 ? INT_MAX / 2 : (int)ring;
    value = value < 0 || value > most ? most : value;
    return value * 2 > least ? value * 2 : least;
}

static int set_buffer(const struct sockets *s, struct sock *sock, bool send, int value)
{
    const struct endpoint_config *config = &s->settings.endpoint;
    int told = doubled(value, send ? SEND_LEAST : RECEIVE_LEAST,
                       send ? config->send_ring : config->receive_ring);
    *(send ? &sock->choices.send_buffer : &sock->choices.receive_buffer) = told;
    for (unsigned i = 0; i < 2; i++) {
        struct tfsm_config *policy = &sock->options[i].policy;
        *(send ? &policy->snd_buff : &policy->rcv_buff) = (uint32_t)told / 2;
    }
    return 0;
}

static int set_timeout(const void *value, socklen_t size, tfsm_time *timeout)
{
    struct timeval time;
    if (size < sizeof time) {
        return -EINVAL;
    }
    memcpy(&time, value, sizeof time);
    if (time.tv_usec < 0 || time.tv_usec >= 1000000) {
        return -EDOM;
    }
    bool finite = time.tv_sec >= 0 && time.tv_sec < INT_MAX;
    *timeout = finite ? (tfsm_time)time.tv_sec * 1000000 + (tfsm_time)time.tv_usec : 0;
    return 0;
}

static int set_linger(struct sock *sock, const void *value, socklen_t size)
{
    struct linger linger;
    if (size < sizeof linger) {
        return -EINVAL;
    }
    memcpy(&linger, value, sizeof linger);
    sock->choices.linger = linger.l_onoff != 0;
    if (linger.l_onoff != 0) {
        sock->choices.linger_seconds = linger.l_linger < 0 ? INT_MAX : linger.l_linger;
    }
    return 0;
}

static int buffer_of(struct sock *sock)
{
    uint32_t buffer = sock_options(sock)->policy.rcv_buff;
    return buffer < INT_MAX ? (int)buffer : INT_MAX;
}

static int set_socket(struct sockets *s, struct sock *sock, int name, int value)
{
    struct choices *choices = &sock->choices;
    switch (name) {
    case SO_REUSEADDR:
        choices->reuse_address = value != 0;
        return 0;
    case SO_REUSEPORT:
        choices->reuse_port = value != 0;
        return 0;
    case SO_KEEPALIVE:
        choices->keepalive = value != 0;
        set_keepalive(s, sock);
        return 0;
    case SO_SNDBUF: /* what is held had room before */
        held_flush(s, sock);
        return set_buffer(s, sock, true, value);
    case SO_RCVBUF:
        return set_buffer(s, sock, false, value);
    case SO_OOBINLINE: /* always: RFC 6093 */
        return 0;
    case SO_RCVLOWAT: /* no more than there can be */
        value = value < 0 ? INT_MAX : value == 0 ? 1 : value;
        choices->receive_least = value < buffer_of(sock) ? value : buffer_of(sock);
        return 0;
    case SO_ZEROCOPY:
        choices->zerocopy = within(value, 0, 1) ? value != 0 : choices->zerocopy;
        return within(value, 0, 1) ? 0 : -EINVAL;
    case SO_PRIORITY:
        choices->priority = within(value, 0, PRIORITY_MOST) ? value : choices->priority;
        return within(value, 0, PRIORITY_MOST) ? 0 : -EPERM;
    default: /* those that can only be read, too */
        return -ENOPROTOOPT;
    }
}

static int set_times(struct sock *sock, int name, int value)
{
    for (unsigned i = 0; i < 2; i++) {
        struct tfsm_config *policy = &sock->options[i].policy;
        if (name == TCP_USER_TIMEOUT) {
            policy->user_timeout = (tfsm_time)value * 1000;
        } else if (name == TCP_KEEPINTVL) {
            policy->keepalive_every = (tfsm_time)value * 1000000;
        } else if (name == TCP_KEEPCNT) {
            policy->keepalive_tries = (uint8_t)value;
        } else {
            policy->syn_retries = (uint8_t)value;
        }
    }
    return 0;
}

/* The next MSS that is announced, and the largest segment of ours. */
static int set_mss(const struct sockets *s, struct sock *sock, int value)
{
    if (value != 0 && !within(value, MSS_LEAST, MSS_MOST)) {
        return -EINVAL;
    }
    sock->choices.user_mss = value;
    for (unsigned i = 0; i < 2; i++) {
        uint16_t most = endpoint_defaults(s->ep, i == 1 ? 6 : 4).policy.mss;
        sock->options[i].policy.mss = value != 0 && value < most ? (uint16_t)value : most;
    }
    return 0;
}

/* For good, not until the traffic changes as on Linux. */
static int set_quick_ack(const struct sockets *s, struct sock *sock, bool quick)
{
    sock->choices.quick_ack = quick;
    for (unsigned i = 0; i < 2; i++) {
        tfsm_time usual = endpoint_defaults(s->ep, i == 1 ? 6 : 4).policy.ack_delay;
        sock->options[i].policy.ack_delay = quick ? 0 : usual;
    }
    return 0;
}

/* TCP_DEFER_ACCEPT counts in retransmissions of the SYN-ACK: the time that they take. */
static int whole_timeouts(int seconds)
{
    int timeout = 1;
    int period = seconds > 0 ? 1 : 0;
    for (unsigned tries = 1; period < seconds && tries < UINT8_MAX; tries++) {
        timeout = timeout * 2 < TIMEOUT_MOST ? timeout * 2 : TIMEOUT_MOST;
        period += timeout;
    }
    return period;
}

static int set_tcp(struct sockets *s, struct sock *sock, int name, int value)
{
    bool idle = sock->phase == PHASE_NONE || sock->phase == PHASE_LISTENING;
    switch (name) {
    case TCP_NODELAY: /* lets go what a cork holds, and not what comes */
        set_policy_bit(sock, TFSM_NODELAY, value != 0);
        if (value != 0) {
            held_flush(s, sock);
        }
        return 0;
    case TCP_CORK:
        sock->choices.cork = value != 0;
        if (value == 0) {
            held_flush(s, sock);
        }
        return 0;
    case TCP_NOTSENT_LOWAT:
        sock->choices.notsent_most = (uint32_t)value;
        return 0;
    case TCP_DEFER_ACCEPT:
        sock->choices.defer_accept = whole_timeouts(value);
        return 0;
    case TCP_INQ:
        sock->choices.inq = within(value, 0, 1) ? value != 0 : sock->choices.inq;
        return within(value, 0, 1) ? 0 : -EINVAL;
    case TCP_MAXSEG:
        return set_mss(s, sock, value);
    case TCP_USER_TIMEOUT:
        return value < 0 ? -EINVAL : set_times(sock, name, value);
    case TCP_KEEPIDLE:
        if (!within(value, 1, SECONDS_MOST)) {
            return -EINVAL;
        }
        sock->choices.keep_idle = value;
        set_keepalive(s, sock);
        return 0;
    case TCP_KEEPINTVL:
        return within(value, 1, SECONDS_MOST) ? set_times(sock, name, value) : -EINVAL;
    case TCP_KEEPCNT:
    case TCP_SYNCNT:
        return within(value, 1, TRIES_MOST) ? set_times(sock, name, value) : -EINVAL;
    case TCP_QUICKACK:
        return set_quick_ack(s, sock, value != 0);
    case TCP_LINGER2:
        sock->choices.linger2 = value;
        return 0;
    case TCP_FASTOPEN:
        if (value < 0 || !idle) {
            return -EINVAL;
        }
        sock->choices.listener.fast_open = (uint32_t)value;
        return 0;
    case TCP_FASTOPEN_CONNECT:
        if (!within(value, 0, 1) || sock->phase != PHASE_NONE) {
            return -EINVAL;
        }
        sock->choices.fast_open_connect = value != 0;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* The ECN field of the IP header is the connection's. */
static int set_class(struct sock *sock, unsigned which, int value)
{
    uint8_t *class = &sock->options[which].traffic_class;
    *class = (uint8_t)((value & 0xff & ~ECN_BITS) | (*class & ECN_BITS));
    return 0;
}

static int set_hops(const struct sockets *s, struct sock *sock, unsigned which, int value)
{
    uint8_t usual = s->settings.endpoint.hops;
    sock->options[which].hops = value == -1 ? usual : (uint8_t)value;
    return 0;
}

static int set_discover(struct sock *sock, unsigned which, int value)
{
    bool known = within(value, IP_PMTUDISC_DONT, IP_PMTUDISC_OMIT);
    sock->choices.discover[which] = known ? value : sock->choices.discover[which];
    return known ? 0 : -EINVAL;
}

bool sock_discovers(const struct sock *sock)
{
    int how = sock->choices.discover[sock->remote.remote.family == 6];
    return how == IP_PMTUDISC_WANT || how == IP_PMTUDISC_DO;
}

static int set_ip(const struct sockets *s, struct sock *sock, int name, int value)
{
    switch (name) {
    case IP_MTU_DISCOVER:
        return set_discover(sock, 0, value);
    case IP_TOS:
        return set_class(sock, 0, value);
    case IP_TTL:
        return value == -1 || within(value, 1, 255) ? set_hops(s, sock, 0, value) : -EINVAL;
    default:
        return -ENOPROTOOPT;
    }
}

static int set_ipv6(const struct sockets *s, struct sock *sock, int name, int value)
{
    if (sock->family != AF_INET6) {
        return -ENOPROTOOPT;
    }
    switch (name) {
    case IPV6_MTU_DISCOVER:
        return set_discover(sock, 1, value);
    case IPV6_V6ONLY:
        if (sock->bound || sock->phase != PHASE_NONE) {
            return -EINVAL;
        }
        sock->choices.v6only = value != 0;
        return 0;
    case IPV6_TCLASS:
        return within(value, -1, 255) ? set_class(sock, 1, value < 0 ? 0 : value) : -EINVAL;
    case IPV6_UNICAST_HOPS:
        return within(value, -1, 255) ? set_hops(s, sock, 1, value) : -EINVAL;
    default:
        return -ENOPROTOOPT;
    }
}

static int set_congestion(const void *value, socklen_t size)
{
    char name[NAME_MOST] = {0};
    if (size < 1) {
        return -EINVAL;
    }
    memcpy(name, value, size < sizeof name - 1 ? size : sizeof name - 1);
    return strcmp(name, "reno") == 0 ? 0 : -ENOENT;
}

/* An option whose value is not an int; 1 when it is one. */
static int set_odd(struct sock *sock, int level, int name, const void *value, socklen_t size)
{
    if (level == SOL_SOCKET && name == SO_LINGER) {
        return set_linger(sock, value, size);
    }
    if (level == SOL_SOCKET && name == SO_RCVTIMEO) {
        return set_timeout(value, size, &sock->choices.receive_timeout);
    }
    if (level == SOL_SOCKET && name == SO_SNDTIMEO) {
        return set_timeout(value, size, &sock->choices.send_timeout);
    }
    return level == IPPROTO_TCP && name == TCP_CONGESTION ? set_congestion(value, size) : 1;
}

int do_setsockopt(struct sockets *s, int fd, int level, int name, const void *value, socklen_t size)
{
    int error;
    int number = 0;
    struct file *file = socket_of(s, fd, &error);
    if (file == NULL) {
        return error;
    }
    if (value == NULL) {
        return -EFAULT;
    }
    struct sock *sock = &file->sock;
    int result = set_odd(sock, level, name, value, size);
    if (result <= 0) {
        return result;
    }
    if (level == IPPROTO_IP && size >= 1 && size < sizeof number) {
        number = *(const uint8_t *)value; /* ip(7): an octet will do */
    } else if (size < sizeof number) {
        return -EINVAL;
    } else {
        memcpy(&number, value, sizeof number);
    }
    result = level == SOL_SOCKET     ? set_socket(s, sock, name, number)
             : level == IPPROTO_TCP  ? set_tcp(s, sock, name, number)
             : level == IPPROTO_IP   ? set_ip(s, sock, name, number)
             : level == IPPROTO_IPV6 ? set_ipv6(s, sock, name, number)
                                     : -ENOPROTOOPT;
    if (result == 0) {
        sock_apply(s, sock);
    }
    return result;
}

/* ---- getting ---- */

static int get_error(struct sock *sock)
{
    int error = sock_take_error(sock);
    if (error == 0) {
        error = sock->soft_error;
        sock->soft_error = 0;
    }
    return error;
}

static int get_socket(struct sock *sock, int name, int *value)
{
    const struct choices *choices = &sock->choices;
    const struct tfsm_config *policy = &sock_options(sock)->policy;
    switch (name) {
    case SO_ERROR:
        *value = get_error(sock);
        return 0;
    case SO_TYPE:
        *value = SOCK_STREAM;
        return 0;
    case SO_DOMAIN:
        *value = sock->family;
        return 0;
    case SO_PROTOCOL:
        *value = IPPROTO_TCP;
        return 0;
    case SO_ACCEPTCONN:
        *value = sock->phase == PHASE_LISTENING;
        return 0;
    case SO_REUSEADDR:
        *value = choices->reuse_address;
        return 0;
    case SO_REUSEPORT:
        *value = choices->reuse_port;
        return 0;
    case SO_KEEPALIVE:
        *value = choices->keepalive;
        return 0;
    case SO_SNDBUF:
        *value = choices->send_buffer > 0 ? choices->send_buffer : (int)policy->snd_buff;
        return 0;
    case SO_RCVBUF:
        *value = choices->receive_buffer > 0 ? choices->receive_buffer : (int)policy->rcv_buff;
        return 0;
    case SO_OOBINLINE:
    case SO_SNDLOWAT:
        *value = 1;
        return 0;
    case SO_RCVLOWAT:
        *value = choices->receive_least;
        return 0;
    case SO_ZEROCOPY:
        *value = choices->zerocopy;
        return 0;
    case SO_PRIORITY:
        *value = choices->priority;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* TCP_MAXSEG of a connection: the text of a full segment. */
int sock_segment_size(const struct sockets *s, const struct sock *sock)
{
    const struct tfsm_tcb *tcb =
        sock->connection != 0 ? endpoint_tcb(s->ep, sock->connection) : NULL;
    if (tcb == NULL || tcb->snd_mss == 0) {
        return sock->choices.user_mss > 0 ? sock->choices.user_mss : MSS_UNKNOWN;
    }
    int options = (tcb->flags & TFSM_M_TIMESTAMPS) != 0 ? 12 : 0;
    return tcb->snd_mss > options ? tcb->snd_mss - options : 1;
}

static int get_tcp(const struct sockets *s, struct sock *sock, int name, int *value)
{
    const struct choices *choices = &sock->choices;
    const struct tfsm_config *policy = &sock_options(sock)->policy;
    switch (name) {
    case TCP_NODELAY:
        *value = (policy->profile & TFSM_NODELAY) != 0;
        return 0;
    case TCP_MAXSEG:
        *value = sock_segment_size(s, sock);
        return 0;
    case TCP_USER_TIMEOUT:
        *value = (int)(policy->user_timeout / 1000);
        return 0;
    case TCP_KEEPIDLE:
        *value = choices->keep_idle;
        return 0;
    case TCP_KEEPINTVL:
        *value = (int)(policy->keepalive_every / 1000000);
        return 0;
    case TCP_KEEPCNT:
        *value = policy->keepalive_tries;
        return 0;
    case TCP_SYNCNT:
        *value = policy->syn_retries;
        return 0;
    case TCP_QUICKACK:
        *value = choices->quick_ack;
        return 0;
    case TCP_LINGER2:
        *value = choices->linger2;
        return 0;
    case TCP_CORK:
        *value = choices->cork;
        return 0;
    case TCP_NOTSENT_LOWAT:
        *value = (int)choices->notsent_most;
        return 0;
    case TCP_DEFER_ACCEPT:
        *value = choices->defer_accept;
        return 0;
    case TCP_INQ:
        *value = choices->inq;
        return 0;
    case TCP_FASTOPEN:
        *value = (int)choices->listener.fast_open;
        return 0;
    case TCP_FASTOPEN_CONNECT:
        *value = choices->fast_open_connect;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

uint32_t sock_mtu(const struct sockets *s, const struct sock *sock)
{
    bool six = sock->remote.remote.family == 6;
    uint32_t link = endpoint_defaults(s->ep, six ? 6 : 4).policy.mss + (six ? 60u : 40u);
    return sock->path_mtu > 0 ? sock->path_mtu : link;
}

static int get_ip(const struct sockets *s, const struct sock *sock, int name, int *value)
{
    const struct endpoint_options *options = &sock->options[0];
    switch (name) {
    case IP_TOS:
        *value = options->traffic_class;
        return 0;
    case IP_TTL:
        *value = options->hops;
        return 0;
    case IP_MTU_DISCOVER:
        *value = sock->choices.discover[0];
        return 0;
    case IP_MTU:
        *value = (int)sock_mtu(s, sock);
        return sock->connection != 0 ? 0 : -ENOTCONN;
    default:
        return -ENOPROTOOPT;
    }
}

static int get_ipv6(const struct sockets *s, const struct sock *sock, int name, int *value)
{
    const struct endpoint_options *options = &sock->options[1];
    if (sock->family != AF_INET6) {
        return -ENOPROTOOPT;
    }
    switch (name) {
    case IPV6_V6ONLY:
        *value = sock->choices.v6only;
        return 0;
    case IPV6_MTU_DISCOVER:
        *value = sock->choices.discover[1];
        return 0;
    case IPV6_TCLASS:
        *value = options->traffic_class;
        return 0;
    case IPV6_UNICAST_HOPS:
        *value = options->hops;
        return 0;
    case IPV6_MTU:
        *value = (int)sock_mtu(s, sock);
        return sock->connection != 0 ? 0 : -ENOTCONN;
    default:
        return -ENOPROTOOPT;
    }
}

/* A result is cut to the room there is. */
static int give(const void *from, size_t n, void *value, socklen_t *size)
{
    *size = *size < n ? *size : (socklen_t)n;
    memcpy(value, from, *size);
    return 0;
}

static int give_timeout(tfsm_time timeout, void *value, socklen_t *size)
{
    struct timeval time = {(time_t)(timeout / 1000000), (suseconds_t)(timeout % 1000000)};
    return give(&time, sizeof time, value, size);
}

/* An option whose value is not an int; 1 when it is one. */
static int get_odd(const struct sockets *s, const struct sock *sock, int level, int name,
                   void *value, socklen_t *size)
{
    const struct choices *choices = &sock->choices;
    if (level == SOL_SOCKET && name == SO_LINGER) {
        struct linger linger = {choices->linger, choices->linger_seconds};
        return give(&linger, sizeof linger, value, size);
    }
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO)) {
        return give_timeout(name == SO_RCVTIMEO ? choices->receive_timeout : choices->send_timeout,
                            value, size);
    }
    if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
        static const char reno[NAME_MOST] = "reno";
        return give(reno, sizeof reno, value, size);
    }
    if (level == IPPROTO_TCP && name == TCP_INFO) {
        return sock_tcp_info(s, sock, value, size);
    }
    return 1;
}

int do_getsockopt(struct sockets *s, int fd, int level, int name, void *value, socklen_t *size)
{
    int error;
    int number = 0;
    struct file *file = socket_of(s, fd, &error);
    if (file == NULL) {
        return error;
    }
    if (value == NULL || size == NULL) {
        return -EFAULT;
    }
    if (*size > INT_MAX) {
        return -EINVAL;
    }
    struct sock *sock = &file->sock;
    int result = get_odd(s, sock, level, name, value, size);
    if (result <= 0) {
        return result;
    }
    result = level == SOL_SOCKET     ? get_socket(sock, name, &number)
             : level == IPPROTO_TCP  ? get_tcp(s, sock, name, &number)
             : level == IPPROTO_IP   ? get_ip(s, sock, name, &number)
             : level == IPPROTO_IPV6 ? get_ipv6(s, sock, name, &number)
                                     : -ENOPROTOOPT;
    return result != 0 ? result : give(&number, sizeof number, value, size);
}
