/* Arguments of system calls: constants by name, structures by member, file descriptors. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "run_internal.h"

#ifndef SPLICE_F_NONBLOCK
#define SPLICE_F_NONBLOCK 2
#endif

struct constant {
    const char *name;
    int64_t number;
};

#define C(name)                                                                                    \
    {                                                                                              \
#name, name                                                                                \
    }

/* TCP states as Linux numbers them, whatever this host's headers call them. */
static const struct constant constants[] = {
    C(AF_INET),
    C(AF_INET6),
    C(AF_UNSPEC),
    {"PF_INET", AF_INET},
    {"PF_INET6", AF_INET6},
    C(SOCK_STREAM),
    C(SOCK_DGRAM),
    C(SOCK_NONBLOCK),
    C(SOCK_CLOEXEC),
    C(IPPROTO_IP),
    C(IPPROTO_IPV6),
    C(IPPROTO_TCP),
    C(IPPROTO_UDP),
    C(IPPROTO_ICMP),
    C(SOL_SOCKET),
    {"SOL_IP", IPPROTO_IP},
    {"SOL_IPV6", IPPROTO_IPV6},
    {"SOL_TCP", IPPROTO_TCP},
    C(SO_ERROR),
    C(SO_TYPE),
    C(SO_DOMAIN),
    C(SO_PROTOCOL),
    C(SO_ACCEPTCONN),
    C(SO_REUSEADDR),
    C(SO_REUSEPORT),
    C(SO_KEEPALIVE),
    C(SO_LINGER),
    C(SO_SNDBUF),
    C(SO_RCVBUF),
    C(SO_OOBINLINE),
    C(SO_RCVTIMEO),
    C(SO_SNDTIMEO),
    C(SO_PRIORITY),
    C(SO_BROADCAST),
    C(SO_DONTROUTE),
    C(SO_MARK),
    C(SO_RCVLOWAT),
    C(SO_SNDLOWAT),
    C(SO_ZEROCOPY),
    C(SO_TIMESTAMPING),
    C(SO_TIMESTAMP),
    C(TCP_NODELAY),
    C(TCP_MAXSEG),
    C(TCP_CORK),
    C(TCP_KEEPIDLE),
    C(TCP_KEEPINTVL),
    C(TCP_KEEPCNT),
    C(TCP_SYNCNT),
    C(TCP_LINGER2),
    C(TCP_DEFER_ACCEPT),
    C(TCP_WINDOW_CLAMP),
    C(TCP_INFO),
    C(TCP_QUICKACK),
    C(TCP_CONGESTION),
    C(TCP_USER_TIMEOUT),
    C(TCP_FASTOPEN),
    C(TCP_TIMESTAMP),
    C(TCP_NOTSENT_LOWAT),
    C(TCP_SAVE_SYN),
    C(TCP_SAVED_SYN),
    {"TCP_FASTOPEN_CONNECT", 30},
    {"TCP_FASTOPEN_KEY", 33},
    {"TCP_FASTOPEN_NO_COOKIE", 34},
    {"TCP_INQ", 36},
    C(IP_TOS),
    C(IP_TTL),
    C(IP_MTU),
    C(IP_MTU_DISCOVER),
    C(IP_RECVERR),
    C(IPV6_TCLASS),
    C(IPV6_UNICAST_HOPS),
    C(IPV6_V6ONLY),
    C(SHUT_RD),
    C(SHUT_WR),
    C(SHUT_RDWR),
    C(MSG_OOB),
    C(MSG_PEEK),
    C(MSG_DONTWAIT),
    C(MSG_WAITALL),
    C(MSG_NOSIGNAL),
    C(MSG_MORE),
    C(MSG_TRUNC),
    C(MSG_CTRUNC),
    C(MSG_EOR),
    C(MSG_ERRQUEUE),
    C(MSG_DONTROUTE),
    {"MSG_FASTOPEN", 0x20000000},
    {"MSG_ZEROCOPY", 0x4000000},
    C(F_GETFL),
    C(F_SETFL),
    C(F_GETFD),
    C(F_SETFD),
    C(FD_CLOEXEC),
    C(O_RDONLY),
    C(O_WRONLY),
    C(O_RDWR),
    C(O_NONBLOCK),
    C(FIONREAD),
    C(FIONBIO),
    C(SIOCINQ),
    C(SIOCOUTQ),
    C(SIOCATMARK),
    {"SIOCOUTQNSD", 0x894b},
    C(POLLIN),
    C(POLLPRI),
    C(POLLOUT),
    C(POLLERR),
    C(POLLHUP),
    C(POLLNVAL),
    C(POLLRDNORM),
    C(POLLRDBAND),
    C(POLLWRNORM),
    C(POLLWRBAND),
    {"POLLRDHUP", 0x2000},
    C(EPOLLIN),
    C(EPOLLPRI),
    C(EPOLLOUT),
    C(EPOLLERR),
    C(EPOLLHUP),
    C(EPOLLRDHUP),
    C(EPOLLRDNORM),
    C(EPOLLWRNORM),
    {"EPOLLET", INT64_C(1) << 31},
    {"EPOLLONESHOT", INT64_C(1) << 30},
    C(EPOLL_CTL_ADD),
    C(EPOLL_CTL_DEL),
    C(EPOLL_CTL_MOD),
    {"EPOLL_CLOEXEC", O_CLOEXEC},
    {"SPLICE_F_MOVE", 1},
    {"SPLICE_F_NONBLOCK", 2},
    {"SPLICE_F_MORE", 4},
    {"INADDR_ANY", 0},
    {"NULL", 0},
    {"True", 1},
    {"False", 0},
    {"SO_MAX_PACING_RATE", 47},
    {"SO_BINDTODEVICE", 25},
    {"SO_TIMESTAMPNS", 35},
    {"SO_DEBUG", 1},
    {"SO_INCOMING_CPU", 49},
    {"TCP_REPAIR", 19},
    {"TCP_ULP", 31},
    {"TCP_MD5SIG", 14},
    {"TCP_TX_DELAY", 37},
    {"TCP_ZEROCOPY_RECEIVE", 35},
    {"TCP_CM_INQ", 36},
    {"TCP_THIN_LINEAR_TIMEOUTS", 16},
    {"IP_PMTUDISC_DONT", 0},
    {"IP_PMTUDISC_WANT", 1},
    {"IP_PMTUDISC_DO", 2},
    {"IP_PMTUDISC_PROBE", 3},
    {"IP_PMTUDISC_INTERFACE", 4},
    {"IP_PMTUDISC_OMIT", 5},
    {"IPV6_PMTUDISC_DONT", 0},
    {"IPV6_PMTUDISC_WANT", 1},
    {"IPV6_PMTUDISC_DO", 2},
    {"IPV6_PMTUDISC_PROBE", 3},
    {"IPV6_PMTUDISC_INTERFACE", 4},
    {"IPV6_PMTUDISC_OMIT", 5},
    C(IPV6_MTU_DISCOVER),
    C(IPV6_MTU),
    C(IPV6_RECVERR),
    C(IPV6_RECVTCLASS),
    C(IPV6_RECVHOPLIMIT),
    C(IPV6_HOPLIMIT),
    {"IPV6_FLOWINFO", 11},
    {"IPV6_FLOWINFO_SEND", 33},
    C(IP_RECVTOS),
    C(IP_RECVTTL),
    C(IP_FREEBIND),
    C(IP_TRANSPARENT),
    C(IP_MINTTL),
    {"SO_EE_ORIGIN_NONE", 0},
    {"SO_EE_ORIGIN_LOCAL", 1},
    {"SO_EE_ORIGIN_ICMP", 2},
    {"SO_EE_ORIGIN_ICMP6", 3},
    {"SO_EE_ORIGIN_TXSTATUS", 4},
    {"SO_EE_ORIGIN_TIMESTAMPING", 4},
    {"SO_EE_ORIGIN_ZEROCOPY", 5},
    {"SO_EE_CODE_ZEROCOPY_COPIED", 1},
    {"SCM_TIMESTAMPING", 37},
    {"SCM_SEC", 3},
    {"SOF_TIMESTAMPING_TX_HARDWARE", 1},
    {"SOF_TIMESTAMPING_TX_SOFTWARE", 2},
    {"SOF_TIMESTAMPING_RX_HARDWARE", 4},
    {"SOF_TIMESTAMPING_RX_SOFTWARE", 8},
    {"SOF_TIMESTAMPING_SOFTWARE", 16},
    {"SOF_TIMESTAMPING_RAW_HARDWARE", 64},
    {"SOF_TIMESTAMPING_OPT_ID", 128},
    {"SOF_TIMESTAMPING_TX_SCHED", 256},
    {"SOF_TIMESTAMPING_TX_ACK", 512},
    {"SOF_TIMESTAMPING_OPT_CMSG", 1024},
    {"SOF_TIMESTAMPING_OPT_TSONLY", 2048},
    {"SOF_TIMESTAMPING_OPT_STATS", 4096},
    {"SO_PEEK_OFF", 42},
    {"SO_BUSY_POLL", 46},
    {"SO_ATTACH_FILTER", 26},
    {"SO_DETACH_FILTER", 27},
    {"SO_NO_CHECK", 11},
    {"SO_SNDBUFFORCE", 32},
    {"SO_RCVBUFFORCE", 33},
    {"SO_TXTIME", 61},
    {"TCP_THIN_DUPACK", 17},
    {"TCP_COOKIE_TRANSACTIONS", 15},
    {"TCP_REPAIR_QUEUE", 20},
    {"TCP_QUEUE_SEQ", 21},
    {"TCP_REPAIR_OPTIONS", 22},
    {"TCP_CC_INFO", 26},
    {"TCP_MD5SIG_EXT", 32},
    {"IP_BIND_ADDRESS_NO_PORT", 24},
    {"true", 1},
    {"false", 0},
    {"TCP_ESTABLISHED", 1},
    {"TCP_SYN_SENT", 2},
    {"TCP_SYN_RECV", 3},
    {"TCP_FIN_WAIT1", 4},
    {"TCP_FIN_WAIT2", 5},
    {"TCP_TIME_WAIT", 6},
    {"TCP_CLOSE", 7},
    {"TCP_CLOSE_WAIT", 8},
    {"TCP_LAST_ACK", 9},
    {"TCP_LISTEN", 10},
    {"TCP_CLOSING", 11},
    /* What FreeBSD calls them; states have Linux's numbers here, as everywhere. */
    {"TCPS_CLOSED", 7},
    {"TCPS_LISTEN", 10},
    {"TCPS_SYN_SENT", 2},
    {"TCPS_SYN_RECEIVED", 3},
    {"TCPS_ESTABLISHED", 1},
    {"TCPS_CLOSE_WAIT", 8},
    {"TCPS_FIN_WAIT_1", 4},
    {"TCPS_CLOSING", 11},
    {"TCPS_LAST_ACK", 9},
    {"TCPS_FIN_WAIT_2", 5},
    {"TCPS_TIME_WAIT", 6},
    {"TCP_NOPUSH", TCP_CORK},
    {"TCP_KEEPINIT", 128},
    {"TCP_NOOPT", 0x1008},
    {"TCP_FUNCTION_BLK", 8192},
    {"TCP_LOG", 34000},
    {"TCP_PERSIST_MIN", 0x10c0},
    {"TCP_PERSIST_MAX", 0x10c1},
    {"TCP_MAXUNACKTIME", 68},
    {"TCP_REMOTE_UDP_ENCAPS_PORT", 71},
    {"SO_USELOOPBACK", 0x1040},
    {"SO_NOSIGPIPE", 0x1800},
    {"SO_REUSEPORT_LB", SO_REUSEPORT},
    {"MSG_EOF", 0x100},
    {"MSG_NBIO", MSG_DONTWAIT},
    {"IP_DONTFRAG", 0x1043},
    {"TCPI_OPT_TIMESTAMPS", 1},
    {"TCPI_OPT_SACK", 2},
    {"TCPI_OPT_WSCALE", 4},
    {"TCPI_OPT_ECN", 8},
    {"TCPI_OPT_ECN_SEEN", 16},
    {"TCPI_OPT_SYN_DATA", 32},
    {"TCP_CA_Open", 0},
    {"TCP_CA_Disorder", 1},
    {"TCP_CA_CWR", 2},
    {"TCP_CA_Recovery", 3},
    {"TCP_CA_Loss", 4},
};

static const struct constant errnos[] = {
    C(EPERM),        C(EINTR),           C(EIO),
    C(EBADF),        C(EAGAIN),          C(EWOULDBLOCK),
    C(ENOMEM),       C(EACCES),          C(EFAULT),
    C(EBUSY),        C(EEXIST),          C(EINVAL),
    C(EMFILE),       C(ENFILE),          C(ENOTTY),
    C(ESPIPE),       C(EPIPE),           C(ENOTSOCK),
    C(EDESTADDRREQ), C(EMSGSIZE),        C(EPROTOTYPE),
    C(ENOPROTOOPT),  C(EPROTONOSUPPORT), C(ESOCKTNOSUPPORT),
    C(EOPNOTSUPP),   C(EPFNOSUPPORT),    C(EAFNOSUPPORT),
    C(EADDRINUSE),   C(EADDRNOTAVAIL),   C(ENETDOWN),
    C(ENETUNREACH),  C(ENETRESET),       C(ECONNABORTED),
    C(ECONNRESET),   C(ENOBUFS),         C(EISCONN),
    C(ENOTCONN),     C(ESHUTDOWN),       C(ETIMEDOUT),
    C(ECONNREFUSED), C(EHOSTDOWN),       C(EHOSTUNREACH),
    C(EALREADY),     C(EINPROGRESS),     C(EPROTO),
    C(ENOENT),       C(ELOOP),           C(EXDEV),
    C(ENONET),       C(ENOSYS),          C(ENOTSUP),
    C(EDOM),         C(ERANGE),          C(ENODEV),
    C(ENXIO),        C(ENOSPC),          C(ENOLINK),
    C(EUSERS),       C(ESTALE),
};

void run_each_constant(void (*each)(void *user, const char *name, int64_t number), void *user)
{
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        each(user, constants[i].name, constants[i].number);
    }
    for (size_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++) {
        each(user, errnos[i].name, errnos[i].number);
    }
}

static bool look_up(const struct constant *table, size_t count, const char *name, int64_t *number)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) {
            *number = table[i].number;
            return true;
        }
    }
    return false;
}

bool run_constant(const char *name, int64_t *number)
{
    return look_up(constants, sizeof constants / sizeof constants[0], name, number) ||
           look_up(errnos, sizeof errnos / sizeof errnos[0], name, number);
}

int run_errno(const char *name)
{
    int64_t number = 0;
    look_up(errnos, sizeof errnos / sizeof errnos[0], name, &number);
    return (int)number;
}

const char *run_errno_name(int number)
{
    for (size_t i = 0; i < sizeof errnos / sizeof errnos[0]; i++) {
        if (errnos[i].number == number) {
            return errnos[i].name;
        }
    }
    return "?";
}

/* htons() and inet_addr() inside a structure are taken where they stand; elsewhere only the former
 * makes a number. */
static bool apply(struct runner *runner, const struct script_value *value, int64_t *number)
{
    bool swaps = strcmp(value->text, "htons") == 0 || strcmp(value->text, "ntohs") == 0 ||
                 strcmp(value->text, "htonl") == 0 || strcmp(value->text, "ntohl") == 0;
    if (!swaps || value->first == NULL || value->first->next != NULL) {
        return run_bad(runner, value->line, "function '%.40s' is not known here", value->text);
    }
    return run_number(runner, value->first, number);
}

bool run_number(struct runner *runner, const struct script_value *value, int64_t *number)
{
    int64_t part;
    *number = 0;
    switch (value->kind) {
    case SCRIPT_NUMBER:
        *number = value->number;
        return true;
    case SCRIPT_NAME:
        if (!run_constant(value->text, number)) {
            return run_bad(runner, value->line, "constant '%.40s' is not known", value->text);
        }
        return true;
    case SCRIPT_EITHER:
        for (const struct script_value *next = value->first; next != NULL; next = next->next) {
            if (!run_number(runner, next, &part)) {
                return false;
            }
            *number |= part;
        }
        return true;
    case SCRIPT_APPLY:
        return apply(runner, value, number);
    case SCRIPT_LIST:
        if (value->first != NULL && value->first->next == NULL) {
            return run_number(runner, value->first, number);
        }
        break;
    case SCRIPT_STRING:
    case SCRIPT_DOTS:
    case SCRIPT_STRUCT:
        break;
    }
    return run_bad(runner, value->line, "a number is needed here");
}

bool run_number_in(struct runner *runner, const struct script_value *value, const char *what,
                   int64_t least, int64_t most, int64_t *number)
{
    if (!run_number(runner, value, number)) {
        return false;
    }
    if (*number < least || *number > most) {
        return run_bad(runner, value->line, "%s %" PRId64 " is not in %" PRId64 "..%" PRId64, what,
                       *number, least, most);
    }
    return true;
}

static bool is_among(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = strstr(names, name); at != NULL; at = strstr(at + 1, name)) {
        if ((at == names || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) {
            return true;
        }
    }
    return false;
}

bool run_members(struct runner *runner, const struct script_value *structure, const char *names)
{
    if (structure->kind != SCRIPT_STRUCT) {
        return run_bad(runner, structure->line, "a structure is needed here: {%s}", names);
    }
    for (const struct script_value *member = structure->first; member != NULL;
         member = member->next) {
        const char *name = member->field != NULL ? member->field : "*";
        if (!is_among(names, name)) {
            return run_bad(runner, member->line, "this structure has no member '%.40s', only {%s}",
                           name, names);
        }
    }
    return true;
}

const struct script_value *run_member(const struct script_value *structure, const char *name,
                                      unsigned n)
{
    const struct script_value *member = structure->first;
    for (; member != NULL; member = member->next) {
        if (member->field != NULL ? strcmp(member->field, name) == 0 : n == 0) {
            return member;
        }
        n -= member->field == NULL;
    }
    return NULL;
}

/* ---- file descriptors ---- */

struct descriptor *run_descriptor(struct runner *runner, int64_t script)
{
    for (unsigned i = 0; i < FDS_MOST; i++) {
        if (runner->fds[i].used && runner->fds[i].script == script) {
            return &runner->fds[i];
        }
    }
    return NULL;
}

int run_fd(struct runner *runner, int64_t script)
{
    const struct descriptor *descriptor = run_descriptor(runner, script);
    return descriptor != NULL ? descriptor->stack : -1;
}

bool run_new_fd(struct runner *runner, int script, int stack)
{
    if (run_descriptor(runner, script) != NULL) {
        return run_bad(runner, runner->event->line, "file descriptor %d is open already", script);
    }
    for (unsigned i = 0; i < FDS_MOST; i++) {
        if (!runner->fds[i].used) {
            runner->fds[i] = (struct descriptor){.used = true, .script = script, .stack = stack};
            return true;
        }
    }
    return run_bad(runner, runner->event->line, "more than %d file descriptors", FDS_MOST);
}
