/* Sockets over the endpoint (harness/sockets): each call as Linux answers it, on a clock that only
 * the test moves. The far end is made by hand: properties/stacks/peer.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>

#include "layout.h"
#include "peer.h"
#include "sockets.h"

#define IFC       peer.ifc
#define U         peer.ifc.userdata
#define SECOND_US 1000000

static void start(const char *flags)
{
    peer_start(packetdrill_interface_init, 4, flags);
}

static void start6(const char *flags)
{
    peer_start(packetdrill_interface_init, 6, flags);
}

static int get_int(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    assert_int_equal(IFC.getsockopt(U, fd, level, name, &value, &size), 0);
    assert_int_equal(size, sizeof value);
    return value;
}

static int set_int(int fd, int level, int name, int value)
{
    return IFC.setsockopt(U, fd, level, name, &value, sizeof value);
}

static int pending_error(int fd)
{
    return get_int(fd, SOL_SOCKET, SO_ERROR);
}

static short ready(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI};
    assert_true(IFC.poll(U, &look, 1, 0) >= 0);
    return look.revents;
}

static int connect_peer(int fd)
{
    struct sockaddr_storage to;
    socklen_t size = peer_sockaddr(false, PEER_PORT, &to);
    return IFC.connect(U, fd, (const struct sockaddr *)&to, size);
}

static int bind_to(int fd, uint16_t port)
{
    struct sockaddr_storage at;
    socklen_t size = peer_sockaddr(true, port, &at);
    return IFC.bind(U, fd, (const struct sockaddr *)&at, size);
}

/* ---- descriptors ---- */

static void test_socket_descriptors_when_some_are_closed(void **state)
{
    (void)state;
    start("");
    int lowest = peer_lowest_fd();
    int fds[3] = {tcp_socket(true), tcp_socket(true), tcp_socket(true)};
    assert_int_equal(fds[0], lowest);
    assert_true(fds[0] < fds[1] && fds[1] < fds[2]);
    assert_int_equal(IFC.close(U, fds[1]), 0);
    assert_int_equal(IFC.close(U, fds[0]), 0);
    assert_int_equal(tcp_socket(true), fds[0]);
    assert_int_equal(tcp_socket(true), fds[1]);
    assert_true(tcp_socket(true) > fds[2]);
    assert_fails(IFC.close(U, fds[2] + 100), EBADF);
    assert_fails(IFC.close(U, -1), EBADF);
    assert_fails(IFC.close(U, 100000), EBADF);
}

static void test_socket_kinds_that_there_are_not(void **state)
{
    (void)state;
    start("");
    assert_fails(IFC.socket(U, AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
    assert_fails(IFC.socket(U, AF_INET, SOCK_DGRAM, 0), ESOCKTNOSUPPORT);
    assert_fails(IFC.socket(U, AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    int fd = IFC.socket(U, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(IFC.fcntl(U, fd, F_GETFL), O_RDWR | O_NONBLOCK);
    assert_int_equal(IFC.fcntl(U, fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(IFC.fcntl(U, fd, F_SETFL, 0), 0);
    assert_int_equal(IFC.fcntl(U, fd, F_GETFL), O_RDWR);
    int fds[2];
    assert_int_equal(IFC.pipe(U, fds), 0);
    assert_fails(IFC.listen(U, fds[0], 1), ENOTSOCK);
    assert_fails(IFC.recv(U, fds[0], fds, 1, 0), ENOTSOCK);
}

static void test_socket_descriptors_when_all_are_used(void **state)
{
    (void)state;
    start("");
    int last = 0;
    while (last >= 0) {
        int fd = IFC.socket(U, AF_INET, SOCK_STREAM, 0);
        if (fd < 0) {
            break;
        }
        last = fd;
    }
    assert_int_equal(errno, EMFILE);
    assert_int_equal(last, 1023);
}

/* ---- bind ---- */

static void test_bind_what_linux_refuses(void **state)
{
    (void)state;
    start("local_room=0");
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(80)};
    int fd = tcp_socket(true);
    assert_fails(IFC.bind(U, fd, (struct sockaddr *)&at, 8), EINVAL);
    assert_fails(IFC.bind(U, fd, NULL, sizeof at), EFAULT);
    at.sin_addr.s_addr = htonl(0x0a000001);
    assert_fails(IFC.bind(U, fd, (struct sockaddr *)&at, sizeof at), EADDRNOTAVAIL);
    at.sin_family = AF_UNIX;
    assert_fails(IFC.bind(U, fd, (struct sockaddr *)&at, sizeof at), EAFNOSUPPORT);
    assert_int_equal(bind_to(fd, 80), 0);
    assert_fails(bind_to(fd, 81), EINVAL);
}

static void test_bind_a_port_in_use(void **state)
{
    (void)state;
    start("");
    int first = tcp_socket(true);
    int second = tcp_socket(true);
    assert_int_equal(bind_to(first, 80), 0);
    assert_fails(bind_to(second, 80), EADDRINUSE);
    assert_int_equal(set_int(second, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_fails(bind_to(second, 80), EADDRINUSE); /* the first does not share */
    assert_int_equal(set_int(first, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(bind_to(second, 80), 0);
    assert_int_equal(IFC.close(U, second), 0);
    second = tcp_socket(true);
    assert_int_equal(set_int(second, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(IFC.listen(U, first, 1), 0);
    assert_fails(bind_to(second, 80), EADDRINUSE); /* nor a listener */
    assert_int_equal(IFC.close(U, first), 0);
    assert_int_equal(bind_to(second, 80), 0);
}

/* A connection in TIME-WAIT keeps its port from who does not say SO_REUSEADDR. */
static void test_bind_a_port_in_time_wait(void **state)
{
    (void)state;
    start("ecn=0");
    int listener = listening(1);
    int fd = accepted(listener);
    assert_int_equal(IFC.close(U, listener), 0);
    assert_int_equal(IFC.close(U, fd), 0);
    hear(TFSM_FIN | TFSM_ACK, 0);
    say(TFSM_FIN | TFSM_ACK, "");
    hear(TFSM_ACK, 0);
    int next = tcp_socket(true);
    assert_fails(bind_to(next, STACK_PORT), EADDRINUSE);
    assert_int_equal(set_int(next, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(bind_to(next, STACK_PORT), 0);
}

/* ---- connect ---- */

static void test_connect_tells_how_it_goes(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = tcp_socket(true);
    char octet;
    assert_fails(IFC.read(U, fd, &octet, 1), ENOTCONN);
    assert_fails(IFC.write(U, fd, "x", 1), EPIPE);
    assert_int_equal(ready(fd), POLLOUT | POLLHUP);
    assert_fails(connect_peer(fd), EINPROGRESS);
    assert_fails(connect_peer(fd), EALREADY);
    assert_fails(IFC.read(U, fd, &octet, 1), EAGAIN);
    assert_fails(IFC.write(U, fd, "x", 1), EAGAIN);
    assert_int_equal(ready(fd), 0);
    hear(TFSM_SYN, 0);
    say(TFSM_SYN | TFSM_ACK, "");
    hear(TFSM_ACK, 0);
    assert_int_equal(ready(fd), POLLOUT);
    assert_int_equal(pending_error(fd), 0);
    assert_int_equal(connect_peer(fd), 0);
    assert_fails(connect_peer(fd), EISCONN);
}

static void test_connect_refused_can_be_tried_again(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = tcp_socket(true);
    assert_fails(connect_peer(fd), EINPROGRESS);
    hear(TFSM_SYN, 0);
    say(TFSM_RST | TFSM_ACK, "");
    assert_int_equal(ready(fd), POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    assert_fails(connect_peer(fd), ECONNREFUSED);
    assert_int_equal(pending_error(fd), 0);
    assert_fails(connect_peer(fd), EINPROGRESS);
    hear(TFSM_SYN, 0);
}

/* Without another thread the call itself lets the time pass. */
static void test_connect_blocking_when_nobody_answers(void **state)
{
    (void)state;
    start("ecn=0,syn_retries=2,rto_initial=1s");
    int fd = tcp_socket(false);
    assert_fails(connect_peer(fd), ETIMEDOUT);
    assert_int_equal(clock_now(), 7 * SECOND_US); /* 1 + 2 + 4 */
    for (unsigned i = 0; i < 3; i++) {
        hear(TFSM_SYN, 0);
        assert_int_equal(peer.heard_at, ((1 << i) - 1) * SECOND_US);
    }
    hear_nothing();
}

static void test_connect_blocking_with_a_timeout(void **state)
{
    (void)state;
    start("ecn=0");
    struct timeval time = {0, 300000};
    int fd = tcp_socket(false);
    assert_int_equal(IFC.setsockopt(U, fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time), 0);
    assert_fails(connect_peer(fd), EINPROGRESS);
    assert_int_equal(clock_now(), 300000);
    assert_fails(connect_peer(fd), EALREADY);
    assert_int_equal(clock_now(), 600000);
}

static void test_connect_where_an_icmp_error_ends_it(void **state)
{
    (void)state;
    static const struct {
        unsigned type;
        unsigned code;
        int error;
    } hard[] = {{3, 2, ENOPROTOOPT}, {3, 3, ECONNREFUSED}};
    start("ecn=0");
    for (unsigned i = 0; i < 2; i++) {
        int fd = tcp_socket(true);
        assert_fails(connect_peer(fd), EINPROGRESS);
        hear(TFSM_SYN, 0);
        say_icmp(hard[i].type, hard[i].code, 0);
        assert_int_equal(pending_error(fd), hard[i].error);
        assert_fails(connect_peer(fd), ECONNABORTED);
    }
}

static void test_connect_where_a_soft_error_names_the_timeout(void **state)
{
    (void)state;
    static const struct {
        unsigned code;
        int error;
    } soft[] = {{0, ENETUNREACH}, {1, EHOSTUNREACH}, {7, EHOSTDOWN}, {13, EHOSTUNREACH}};
    start("ecn=0,syn_retries=1");
    for (unsigned i = 0; i < 4; i++) {
        int fd = tcp_socket(true);
        assert_fails(connect_peer(fd), EINPROGRESS);
        hear(TFSM_SYN, 0);
        say_icmp(3, soft[i].code, 0);
        assert_fails(connect_peer(fd), EALREADY);
        hear(TFSM_SYN, 0);
        hear_nothing();
        assert_int_equal(pending_error(fd), soft[i].error);
        assert_int_equal(IFC.close(U, fd), 0);
    }
}

static void test_connect_ipv6_where_an_icmp_error_comes(void **state)
{
    (void)state;
    start6("ecn=0,syn_retries=1");
    int fd = tcp_socket(true);
    assert_fails(connect_peer(fd), EINPROGRESS);
    hear(TFSM_SYN, 0);
    say_icmp(1, 1, 0);
    hear(TFSM_SYN, 0);
    hear_nothing();
    assert_int_equal(pending_error(fd), EACCES);
}

static void test_connect_where_there_is_no_way(void **state)
{
    (void)state;
    start("");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    int fd = tcp_socket(true);
    to.sin_addr.s_addr = htonl(0xe0000001);
    assert_fails(IFC.connect(U, fd, (struct sockaddr *)&to, sizeof to), ENETUNREACH);
    to.sin_family = AF_INET6;
    assert_fails(IFC.connect(U, fd, (struct sockaddr *)&to, sizeof to), EAFNOSUPPORT);
    to.sin_family = AF_INET;
    assert_fails(IFC.connect(U, fd, (struct sockaddr *)&to, 4), EINVAL);
    assert_int_equal(IFC.listen(U, fd, 1), 0);
    assert_fails(connect_peer(fd), EISCONN);
}

/* connect(2): AF_UNSPEC dissolves the association. */
static void test_connect_to_nobody_disconnects(void **state)
{
    (void)state;
    start("ecn=0");
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int fd = opened();
    assert_int_equal(IFC.connect(U, fd, &nobody, sizeof nobody), 0);
    assert_true(hears());
    assert_int_equal(peer.heard.segment.flags & TFSM_RST, TFSM_RST);
    assert_fails(IFC.write(U, fd, "x", 1), EPIPE);
    assert_fails(connect_peer(fd), EINPROGRESS);
}

static void test_connect_when_the_four_or_the_places_are_in_use(void **state)
{
    (void)state;
    start("ecn=0,connections=2,port_first=4000,port_last=4000");
    int fds[3];
    for (unsigned i = 0; i < 3; i++) {
        fds[i] = tcp_socket(true);
        assert_int_equal(set_int(fds[i], SOL_SOCKET, SO_REUSEADDR, 1), 0);
    }
    assert_int_equal(bind_to(fds[0], 80), 0);
    assert_int_equal(bind_to(fds[1], 80), 0);
    assert_fails(connect_peer(fds[0]), EINPROGRESS);
    assert_fails(connect_peer(fds[1]), EADDRNOTAVAIL);
    assert_fails(connect_peer(fds[2]), EINPROGRESS);
    assert_int_equal(IFC.close(U, fds[1]), 0);
    fds[1] = tcp_socket(true);
    assert_fails(connect_peer(fds[1]), ENOBUFS);
    assert_fails(bind_to(fds[1], 0), EADDRINUSE); /* the one ephemeral port */
    assert_int_equal(IFC.close(U, fds[2]), 0);
    assert_int_equal(bind_to(fds[1], 0), 0);
}

/* ---- IPv4 on an IPv6 socket ---- */

static void mapped_peer(struct sockaddr_in6 *out)
{
    static const uint8_t octets[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1};
    *out = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(PEER_PORT)};
    memcpy(&out->sin6_addr, octets, 16);
}

static void test_mapped_address_when_connecting(void **state)
{
    (void)state;
    start("ecn=0");
    struct sockaddr_in6 to;
    int fd = IFC.socket(U, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    mapped_peer(&to);
    assert_fails(IFC.connect(U, fd, (struct sockaddr *)&to, sizeof to), EINPROGRESS);
    hear(TFSM_SYN, 0);
    assert_int_equal(peer.heard.dst.family, 4);
    int only = IFC.socket(U, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(set_int(only, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    assert_fails(IFC.connect(U, only, (struct sockaddr *)&to, sizeof to), ENETUNREACH);
}

static void test_mapped_address_when_accepting(void **state)
{
    (void)state;
    start("ecn=0");
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(STACK_PORT)};
    struct sockaddr_in6 from;
    struct sockaddr_in6 expected;
    socklen_t size = sizeof from;
    int listener = IFC.socket(U, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
    mapped_peer(&expected);
    assert_int_equal(IFC.bind(U, listener, (struct sockaddr *)&at, sizeof at), 0);
    int four = tcp_socket(true);
    assert_fails(bind_to(four, STACK_PORT), EADDRINUSE); /* any IPv6 is IPv4, too */
    assert_int_equal(IFC.close(U, four), 0);
    assert_int_equal(IFC.listen(U, listener, 4), 0);
    handshake();
    int next = peer_lowest_fd();
    assert_int_equal(IFC.accept(U, listener, (struct sockaddr *)&from, &size), next);
    assert_int_equal(size, sizeof from);
    assert_memory_equal(&from, &expected, sizeof from);
}

static void test_v6only_listener_refuses_ipv4(void **state)
{
    (void)state;
    start("ecn=0");
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(STACK_PORT)};
    int listener = IFC.socket(U, AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(set_int(listener, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    assert_int_equal(IFC.bind(U, listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_fails(set_int(listener, IPPROTO_IPV6, IPV6_V6ONLY, 0), EINVAL);
    assert_int_equal(IFC.listen(U, listener, 4), 0);
    say(TFSM_SYN, "");
    hear(TFSM_RST | TFSM_ACK, 0);
}

/* ---- listen, accept ---- */

static void test_accept_when_nobody_has_come(void **state)
{
    (void)state;
    start("ecn=0");
    int listener = listening(2);
    struct sockaddr_in from;
    socklen_t size = 4;
    assert_fails(IFC.accept(U, listener, NULL, NULL), EAGAIN);
    assert_int_equal(ready(listener), 0);
    handshake();
    assert_int_equal(ready(listener), POLLIN);
    memset(&from, 0x55, sizeof from);
    int next = peer_lowest_fd();
    assert_int_equal(IFC.accept(U, listener, (struct sockaddr *)&from, &size), next);
    assert_int_equal(size, sizeof from);
    assert_int_equal(from.sin_family, AF_INET);
    assert_int_equal(ntohs(from.sin_port), PEER_PORT);
    assert_int_equal(from.sin_addr.s_addr, 0x55555555); /* there was no room for it */
    assert_fails(IFC.accept(U, next, NULL, NULL), EINVAL);
    assert_int_equal(IFC.fcntl(U, next, F_GETFL), O_RDWR); /* not inherited */
}

/* The driving thread would wait for itself. */
static void test_accept_blocking_when_nothing_can_come(void **state)
{
    (void)state;
    start("");
    int listener = listening(2);
    struct timeval time = {2, 0};
    assert_int_equal(IFC.fcntl(U, listener, F_SETFL, 0), 0);
    assert_fails(IFC.accept(U, listener, NULL, NULL), EDEADLK);
    assert_int_equal(IFC.setsockopt(U, listener, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), 0);
    assert_fails(IFC.accept(U, listener, NULL, NULL), EAGAIN);
    assert_int_equal(clock_now(), 2 * SECOND_US);
}

static void test_accept_inherits_what_the_listener_is_set_to(void **state)
{
    (void)state;
    start("ecn=0");
    int listener = listening(2);
    assert_int_equal(set_int(listener, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    assert_int_equal(set_int(listener, IPPROTO_IP, IP_TOS, 0x48), 0);
    assert_int_equal(set_int(listener, IPPROTO_TCP, TCP_MAXSEG, 500), 0);
    int fd = accepted(listener);
    assert_int_equal(get_int(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(get_int(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    assert_int_equal(get_int(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    assert_int_equal(get_int(listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_int_equal(peer.heard.traffic_class, 0x48);
    assert_int_equal(peer.heard.segment.mss, 500);
}

static void test_listen_again_changes_the_backlog(void **state)
{
    (void)state;
    start("ecn=0,cookies=never");
    int listener = listening(1);
    assert_int_equal(IFC.listen(U, listener, 2), 0);
    say(TFSM_SYN, "");
    hear(TFSM_SYN | TFSM_ACK, 0);
    peer.port++;
    say(TFSM_SYN, "");
    hear(TFSM_SYN | TFSM_ACK, 0); /* two are half open */
    assert_int_equal(peer.heard.dst_port, PEER_PORT + 1);
}

static void test_shutdown_of_a_listener_ends_listening(void **state)
{
    (void)state;
    start("ecn=0");
    int listener = listening(1);
    assert_int_equal(IFC.shutdown(U, listener, SHUT_WR), 0);
    handshake();
    assert_int_equal(IFC.shutdown(U, listener, SHUT_RD), 0);
    hear(TFSM_RST, 0); /* the one that was not accepted */
    assert_fails(IFC.accept(U, listener, NULL, NULL), EINVAL);
    assert_int_equal(IFC.listen(U, listener, 1), 0);
}

/* ---- reading ---- */

static void test_read_peek_trunc_and_waitall(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    char octets[20] = {0};
    int there = 0;
    say(TFSM_ACK | TFSM_PSH, "0123456789");
    assert_int_equal(IFC.ioctl(U, fd, FIONREAD, &there), 0);
    assert_int_equal(there, 10);
    assert_int_equal(IFC.recv(U, fd, octets, 4, MSG_PEEK), 4);
    assert_memory_equal(octets, "0123", 4);
    assert_int_equal(IFC.recv(U, fd, octets, 20, MSG_PEEK | MSG_TRUNC), 10);
    assert_int_equal(IFC.recv(U, fd, NULL, 3, MSG_TRUNC), 3);
    assert_int_equal(IFC.recv(U, fd, octets, 2, 0), 2);
    assert_memory_equal(octets, "34", 2);
    assert_int_equal(IFC.recv(U, fd, octets, 20, MSG_WAITALL), 5); /* O_NONBLOCK */
    assert_memory_equal(octets, "56789", 5);
    assert_fails(IFC.recv(U, fd, octets, 1, 0), EAGAIN);
    assert_fails(IFC.recv(U, fd, octets, 1, MSG_OOB), EINVAL);
    assert_fails(IFC.recv(U, fd, octets, 0, 0), EAGAIN);
    say(TFSM_ACK, "x");
    assert_int_equal(IFC.recv(U, fd, octets, 0, 0), 0);
}

static void test_read_and_write_in_pieces(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    char a[3];
    char b[10];
    struct iovec in[3] = {{a, 3}, {NULL, 0}, {b, 10}};
    char hello[] = "hello";
    char you[] = " you";
    struct iovec out[2] = {{hello, 5}, {you, 4}};
    struct msghdr message = {.msg_iov = in, .msg_iovlen = 3, .msg_namelen = 7};
    say(TFSM_ACK, "abcdef");
    assert_int_equal(IFC.recvmsg(U, fd, &message, 0), 6);
    assert_memory_equal(a, "abc", 3);
    assert_memory_equal(b, "def", 3);
    assert_int_equal(message.msg_namelen, 0);
    hear(TFSM_ACK, 0);
    assert_int_equal(set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    assert_int_equal(IFC.writev(U, fd, out, 2), 9);
    hear(TFSM_ACK | TFSM_PSH, 9);
    assert_memory_equal(peer.text, "hello you", 9);
}

static void test_read_blocking_until_its_time_is_up(void **state)
{
    (void)state;
    start("ecn=0");
    struct timeval time = {0, 40000};
    char octets[4];
    int off = 0;
    int fd = opened();
    assert_int_equal(IFC.ioctl(U, fd, FIONBIO, &off), 0);
    assert_int_equal(IFC.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), 0);
    assert_fails(IFC.read(U, fd, octets, 4), EAGAIN);
    assert_int_equal(clock_now(), 40 * MS);
    say(TFSM_ACK, "abc");
    assert_int_equal(IFC.recv(U, fd, octets, 4, MSG_WAITALL), 3);
    assert_int_equal(clock_now(), 80 * MS);
    assert_fails(IFC.recv(U, fd, octets, 4, MSG_DONTWAIT), EAGAIN);
    assert_int_equal(clock_now(), 80 * MS);
    time.tv_usec = 1000000;
    assert_fails(IFC.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), EDOM);
}

static void test_read_after_the_peers_fin(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    char octets[10];
    say(TFSM_ACK | TFSM_FIN, "last");
    assert_int_equal(ready(fd), POLLIN | POLLOUT | POLLRDHUP);
    assert_int_equal(IFC.read(U, fd, octets, 10), 4);
    assert_int_equal(IFC.read(U, fd, octets, 10), 0);
    assert_int_equal(IFC.read(U, fd, octets, 10), 0);
    assert_int_equal(IFC.write(U, fd, "still", 5), 5);
}

static void test_read_after_a_reset(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    char octets[10];
    say(TFSM_ACK, "left");
    say(TFSM_RST | TFSM_ACK, "");
    assert_int_equal(ready(fd), POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    assert_int_equal(IFC.read(U, fd, octets, 10), 4); /* octets first, then the error once */
    assert_fails(IFC.read(U, fd, octets, 10), ECONNRESET);
    assert_int_equal(IFC.read(U, fd, octets, 10), 0);
    assert_fails(IFC.write(U, fd, "x", 1), EPIPE);
    assert_fails(IFC.shutdown(U, fd, SHUT_WR), ENOTCONN);
}

static void test_write_after_a_reset_in_close_wait(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    say(TFSM_FIN | TFSM_ACK, "");
    say(TFSM_RST | TFSM_ACK, "");
    assert_int_equal(pending_error(fd), EPIPE);
}

/* ---- writing ---- */

static void test_write_when_the_buffer_is_full(void **state)
{
    (void)state;
    start("ecn=0,sndbuf=5000");
    int fd = opened();
    char octets[8000] = {0};
    int queued = 0;
    assert_int_equal(IFC.write(U, fd, octets, sizeof octets), 5000);
    assert_fails(IFC.write(U, fd, octets, 1), EAGAIN);
    assert_int_equal(ready(fd), 0);
    assert_int_equal(IFC.ioctl(U, fd, SIOCOUTQ, &queued), 0);
    assert_int_equal(queued, 5000);
    for (unsigned i = 0; queued > 0; i++) {
        assert_true(i < 10);
        assert_true(hears());
        say(TFSM_ACK, "");
        assert_int_equal(IFC.ioctl(U, fd, SIOCOUTQ, &queued), 0);
    }
    assert_int_equal(queued, 0);
    assert_int_equal(ready(fd), POLLOUT);
}

static void test_write_blocking_until_all_is_taken(void **state)
{
    (void)state;
    start("ecn=0,sndbuf=5000,retries=2");
    int fd = opened();
    char octets[8000] = {0};
    struct timeval time = {1, 0};
    assert_int_equal(IFC.fcntl(U, fd, F_SETFL, 0), 0);
    assert_int_equal(IFC.setsockopt(U, fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time), 0);
    assert_int_equal(IFC.write(U, fd, octets, sizeof octets), 5000); /* for a second */
    assert_int_equal(clock_now(), 1 * SECOND_US);
    assert_fails(IFC.write(U, fd, octets, 1), EAGAIN);
}

/* RFC 6093: in line, and the sender says where it ends. */
static void test_urgent_data_is_in_line(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    char octets[10];
    int mark = -1;
    assert_int_equal(IFC.send(U, fd, "ab", 2, MSG_OOB), 2);
    hear(TFSM_ACK | TFSM_PSH | TFSM_URG, 2);
    assert_int_equal(peer.heard.segment.up, 2);
    struct tfsm_packet packet = peer_packet(TFSM_ACK | TFSM_URG);
    packet.segment.up = 3;
    say_packet(&packet, "xyz");
    assert_int_equal(ready(fd) & POLLPRI, POLLPRI);
    assert_int_equal(IFC.read(U, fd, octets, 2), 2);
    assert_int_equal(IFC.ioctl(U, fd, SIOCATMARK, &mark), 0);
    assert_int_equal(mark, 1);
    assert_int_equal(IFC.read(U, fd, octets, 2), 1);
    assert_int_equal(octets[0], 'z');
    assert_int_equal(get_int(fd, SOL_SOCKET, SO_OOBINLINE), 1);
}

/* ---- shutdown, close ---- */

static void test_shutdown_for_writing_goes_on_reading(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    char octets[10];
    assert_int_equal(IFC.shutdown(U, fd, SHUT_WR), 0);
    hear(TFSM_FIN | TFSM_ACK, 0);
    assert_fails(IFC.write(U, fd, "x", 1), EPIPE);
    say(TFSM_ACK, "more");
    assert_int_equal(IFC.read(U, fd, octets, 10), 4);
    hear(TFSM_ACK, 0);
    assert_fails(IFC.shutdown(U, fd, 7), EINVAL);
    assert_int_equal(IFC.shutdown(U, fd, SHUT_RD), 0);
    assert_int_equal(IFC.read(U, fd, octets, 10), 0);
    assert_int_equal(ready(fd), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
}

static void test_close_with_unread_octets_resets(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    say(TFSM_ACK, "unread");
    assert_int_equal(IFC.close(U, fd), 0);
    assert_true(hears());
    if ((peer.heard.segment.flags & TFSM_RST) == 0) {
        assert_true(hears());
    }
    assert_int_equal(peer.heard.segment.flags & (TFSM_RST | TFSM_FIN), TFSM_RST);
    hear_nothing();
}

/* Where both sides have closed ABORT sends nothing (RFC 9293 3.10.5), and the FIN is not sent
 * again. */
static void test_close_with_unread_octets_after_both_fins(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    say(TFSM_ACK | TFSM_FIN, "unread");
    hear(TFSM_ACK, 0);
    assert_int_equal(IFC.shutdown(U, fd, SHUT_WR), 0);
    hear(TFSM_ACK | TFSM_FIN, 0);
    assert_int_equal(IFC.close(U, fd), 0);
    hear_nothing();
}

static void test_close_with_a_linger_time_of_zero_resets(void **state)
{
    (void)state;
    start("ecn=0");
    struct linger linger = {1, 0};
    int fd = opened();
    assert_int_equal(IFC.setsockopt(U, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(IFC.close(U, fd), 0);
    assert_true(hears());
    assert_int_equal(peer.heard.segment.flags & TFSM_RST, TFSM_RST);
    hear_nothing();
}

static void test_close_lingers_until_its_time_is_up(void **state)
{
    (void)state;
    start("ecn=0");
    struct linger linger = {1, 3};
    int fd = opened();
    assert_int_equal(IFC.setsockopt(U, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(IFC.close(U, fd), 0);
    assert_int_equal(clock_now(), 3 * SECOND_US);
    hear(TFSM_FIN | TFSM_ACK, 0);
    assert_int_equal(peer.heard_at, 0);
}

/* ---- poll and epoll ---- */

static void test_poll_waits_on_the_clock_of_the_stack(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    struct pollfd look[3] = {{.fd = fd, .events = POLLIN}, {.fd = -1}, {.fd = 77}};
    assert_int_equal(IFC.poll(U, look, 1, 250), 0);
    assert_int_equal(clock_now(), 250 * MS);
    assert_int_equal(IFC.poll(U, look, 3, -1), 1);
    assert_int_equal(look[2].revents, POLLNVAL);
    assert_int_equal(look[1].revents, 0);
    say(TFSM_ACK, "x");
    assert_int_equal(IFC.poll(U, look, 1, -1), 1);
    assert_int_equal(look[0].revents, POLLIN);
}

static int epoll_with(int fd, uint32_t events)
{
    int epfd = IFC.epoll_create(U, 1);
    struct epoll_event event = {.events = events, .data = {.u64 = 99}};
    assert_int_equal(IFC.epoll_ctl(U, epfd, EPOLL_CTL_ADD, fd, &event), 0);
    return epfd;
}

/* How many events there are now, and what the first says. */
static int epoll_now(int epfd, uint32_t *events)
{
    struct epoll_event told[4];
    int n = IFC.epoll_wait(U, epfd, told, 4, 0);
    *events = n > 0 ? told[0].events : 0;
    if (n > 0) {
        assert_int_equal(told[0].data.u64, 99);
    }
    return n;
}

static void test_epoll_level_and_edge(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    int level = epoll_with(fd, EPOLLIN);
    int edge = epoll_with(fd, EPOLLIN | EPOLLET);
    char octets[10];
    uint32_t events;
    assert_int_equal(epoll_now(level, &events), 0);
    say(TFSM_ACK, "one");
    assert_int_equal(epoll_now(level, &events), 1);
    assert_int_equal(events, EPOLLIN);
    assert_int_equal(epoll_now(level, &events), 1);
    assert_int_equal(epoll_now(edge, &events), 1);
    assert_int_equal(epoll_now(edge, &events), 0);
    say(TFSM_ACK, "two"); /* an edge, though it was readable before */
    assert_int_equal(epoll_now(edge, &events), 1);
    assert_int_equal(IFC.read(U, fd, octets, 10), 6);
    assert_int_equal(epoll_now(level, &events), 0);
    assert_int_equal(epoll_now(edge, &events), 0);
}

static void test_epoll_oneshot_rdhup_and_close(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    int once = epoll_with(fd, EPOLLOUT | EPOLLONESHOT);
    int hangup = epoll_with(fd, EPOLLRDHUP);
    struct epoll_event event = {.events = EPOLLOUT, .data = {.u64 = 99}};
    uint32_t events;
    assert_int_equal(epoll_now(once, &events), 1);
    assert_int_equal(epoll_now(once, &events), 0);
    assert_int_equal(IFC.epoll_ctl(U, once, EPOLL_CTL_MOD, fd, &event), 0);
    assert_int_equal(epoll_now(once, &events), 1);
    assert_fails(IFC.epoll_ctl(U, once, EPOLL_CTL_ADD, fd, &event), EEXIST);
    say(TFSM_FIN | TFSM_ACK, "");
    assert_int_equal(epoll_now(hangup, &events), 1);
    assert_int_equal(events, EPOLLRDHUP);
    assert_int_equal(IFC.close(U, fd), 0);
    assert_int_equal(epoll_now(hangup, &events), 0);
    assert_int_equal(tcp_socket(true), fd);
    assert_fails(IFC.epoll_ctl(U, once, EPOLL_CTL_DEL, fd, NULL), ENOENT);
    assert_fails(IFC.epoll_ctl(U, once, EPOLL_CTL_ADD, once, &event), EINVAL);
    assert_fails(IFC.epoll_wait(U, fd, &event, 1, 0), EINVAL);
}

/* ---- pipes ---- */

static void test_splice_between_pipe_and_socket(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    int in[2];
    char octets[10];
    assert_int_equal(IFC.pipe(U, in), 0);
    say(TFSM_ACK, "abcd");
    assert_int_equal(IFC.splice(U, fd, NULL, in[1], NULL, 3, 0), 3);
    hear(TFSM_ACK, 0);
    assert_int_equal(IFC.splice(U, in[0], NULL, fd, NULL, 10, 0), 3);
    hear(TFSM_ACK | TFSM_PSH, 3);
    assert_memory_equal(peer.text, "abc", 3);
    assert_int_equal(IFC.write(U, in[1], "pipe", 4), 4);
    assert_int_equal(IFC.read(U, in[0], octets, 10), 4);
    assert_fails(IFC.splice(U, in[0], NULL, fd, NULL, 10, 2 /* SPLICE_F_NONBLOCK */), EAGAIN);
    assert_fails(IFC.splice(U, fd, NULL, fd, NULL, 1, 0), EINVAL);
    assert_fails(IFC.write(U, in[0], "x", 1), EBADF);
    assert_int_equal(IFC.close(U, in[1]), 0);
    assert_int_equal(IFC.read(U, in[0], octets, 10), 0);
}

static void test_pipe_without_a_reader(void **state)
{
    (void)state;
    start("");
    int ends[2];
    assert_int_equal(IFC.pipe(U, ends), 0);
    assert_int_equal(ready(ends[1]), POLLOUT);
    assert_int_equal(IFC.close(U, ends[0]), 0);
    assert_fails(IFC.write(U, ends[1], "x", 1), EPIPE);
    assert_int_equal(ready(ends[1]), POLLOUT | POLLERR);
}

/* ---- options ---- */

static void test_options_read_what_was_set(void **state)
{
    (void)state;
    static const struct {
        int level;
        int name;
        int value;
        int told;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1, 1},
        {SOL_SOCKET, SO_REUSEADDR, 5, 1},
        {SOL_SOCKET, SO_REUSEPORT, 1, 1},
        {SOL_SOCKET, SO_SNDBUF, 10000, 20000},
        {SOL_SOCKET, SO_RCVBUF, 1, 2304},
        {SOL_SOCKET, SO_PRIORITY, 6, 6},
        {IPPROTO_TCP, TCP_NODELAY, 1, 1},
        {IPPROTO_TCP, TCP_MAXSEG, 1000, 1000},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, 3000, 3000},
        {IPPROTO_TCP, TCP_KEEPIDLE, 10, 10},
        {IPPROTO_TCP, TCP_KEEPINTVL, 5, 5},
        {IPPROTO_TCP, TCP_KEEPCNT, 3, 3},
        {IPPROTO_TCP, TCP_SYNCNT, 2, 2},
        {IPPROTO_TCP, TCP_QUICKACK, 0, 0},
        {IPPROTO_TCP, TCP_LINGER2, 7, 7},
        {IPPROTO_TCP, TCP_FASTOPEN, 5, 5},
        {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1, 1},
        {IPPROTO_IP, IP_TOS, 0x13, 0x10},
        {IPPROTO_IP, IP_TTL, 9, 9},
        {IPPROTO_IPV6, IPV6_TCLASS, 0x20, 0x20},
        {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 12, 12},
        {IPPROTO_IPV6, IPV6_V6ONLY, 1, 1},
    };
    start("");
    int fd = IFC.socket(U, AF_INET6, SOCK_STREAM, 0);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        assert_int_equal(set_int(fd, options[i].level, options[i].name, options[i].value), 0);
        assert_int_equal(get_int(fd, options[i].level, options[i].name), options[i].told);
    }
    assert_int_equal(get_int(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    assert_int_equal(get_int(fd, SOL_SOCKET, SO_DOMAIN), AF_INET6);
    assert_int_equal(get_int(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
}

static void test_options_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        int level;
        int name;
        int value;
        int error;
    } options[] = {
        {SOL_SOCKET, SO_TYPE, 1, ENOPROTOOPT},
        {SOL_SOCKET, SO_ERROR, 0, ENOPROTOOPT},
        {SOL_SOCKET, SO_PRIORITY, 7, EPERM},
        {SOL_SOCKET, 9999, 0, ENOPROTOOPT},
        {IPPROTO_TCP, TCP_MAXSEG, 87, EINVAL},
        {IPPROTO_TCP, TCP_KEEPIDLE, 0, EINVAL},
        {IPPROTO_TCP, TCP_KEEPCNT, 128, EINVAL},
        {IPPROTO_TCP, TCP_SYNCNT, 0, EINVAL},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, -1, EINVAL},
        {IPPROTO_TCP, TCP_FASTOPEN, -1, EINVAL},
        {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 2, EINVAL},
        {IPPROTO_TCP, 9999, 0, ENOPROTOOPT},
        {IPPROTO_IP, IP_TTL, 0, EINVAL},
        {IPPROTO_IP, IP_TTL, 256, EINVAL},
        {IPPROTO_IPV6, IPV6_TCLASS, 1, ENOPROTOOPT},
        {9999, 1, 0, ENOPROTOOPT},
    };
    start("");
    int fd = tcp_socket(true);
    int value = 1;
    socklen_t size = sizeof value;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        assert_fails(set_int(fd, options[i].level, options[i].name, options[i].value),
                     options[i].error);
    }
    assert_fails(IFC.setsockopt(U, fd, SOL_SOCKET, SO_KEEPALIVE, &value, 3), EINVAL);
    assert_fails(IFC.setsockopt(U, fd, SOL_SOCKET, SO_KEEPALIVE, NULL, 4), EFAULT);
    assert_fails(IFC.setsockopt(U, fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5), ENOENT);
    assert_int_equal(IFC.setsockopt(U, fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
    assert_fails(IFC.getsockopt(U, fd, SOL_SOCKET, 9999, &value, &size), ENOPROTOOPT);
    assert_fails(IFC.getsockopt(U, fd, IPPROTO_IP, IP_MTU, &value, &size), ENOTCONN);
    assert_fails(IFC.getsockopt(U, 99, SOL_SOCKET, SO_ERROR, &value, &size), EBADF);
}

/* The options reach the wire. */
static void test_options_that_the_peer_sees(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = opened();
    assert_int_equal(set_int(fd, IPPROTO_IP, IP_TTL, 9), 0);
    assert_int_equal(set_int(fd, IPPROTO_IP, IP_TOS, 0x20), 0);
    assert_int_equal(set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1), 0);
    assert_int_equal(set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10), 0);
    assert_int_equal(set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 2), 0);
    assert_int_equal(set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 2), 0);
    hear(TFSM_ACK, 0);
    assert_int_equal(peer.heard.hops, 9);
    assert_int_equal(peer.heard.traffic_class, 0x20);
    assert_int_equal(peer.heard_at, 10 * SECOND_US);
    hear(TFSM_ACK, 0);
    assert_int_equal(peer.heard_at, 12 * SECOND_US);
    hear_nothing(); /* it ends in silence */
    assert_int_equal(pending_error(fd), ETIMEDOUT);
    assert_int_equal(clock_now(), 14 * SECOND_US);
}

static void test_path_mtu_after_an_icmp_message(void **state)
{
    (void)state;
    start("ecn=0,ts=0");
    int fd = opened();
    char octets[3000] = {0};
    assert_int_equal(get_int(fd, IPPROTO_IP, IP_MTU), 1500);
    assert_int_equal(IFC.write(U, fd, octets, 1000), 1000);
    hear(TFSM_ACK | TFSM_PSH, 1000);
    say_icmp(3, 4, 700);
    assert_int_equal(get_int(fd, IPPROTO_IP, IP_MTU), 700);
    hear(TFSM_ACK, 660);
    assert_int_equal(pending_error(fd), 0);
}

static void test_tcp_info_of_a_connection(void **state)
{
    (void)state;
    start("ecn=0,wscale=5");
    int fd = tcp_socket(true);
    struct tcp_info info;
    socklen_t size = sizeof info;
    assert_int_equal(IFC.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    assert_int_equal(info.tcpi_state, 7);
    assert_fails(connect_peer(fd), EINPROGRESS);
    hear(TFSM_SYN, 0);
    IFC.usleep(U, 100 * MS);
    struct tfsm_packet packet = peer_packet(TFSM_SYN | TFSM_ACK);
    packet.segment.options = TFSM_OPT_MSS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED;
    packet.segment.mss = 1000;
    packet.segment.wscale = 3;
    say_packet(&packet, "");
    hear(TFSM_ACK, 0);
    assert_int_equal(IFC.write(U, fd, "0123456789", 10), 10);
    size = sizeof info;
    assert_int_equal(IFC.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    assert_int_equal(size, sizeof info);
    assert_int_equal(info.tcpi_state, 1);
    assert_int_equal(info.tcpi_options, 2 | 4); /* SACK, window scale */
    assert_int_equal(info.tcpi_snd_wscale, 3);
    assert_int_equal(info.tcpi_rcv_wscale, 5);
    assert_int_equal(info.tcpi_snd_mss, 1000);
    assert_int_equal(info.tcpi_unacked, 1);
    assert_int_equal(info.tcpi_rtt, 100 * MS);
    assert_int_equal(info.tcpi_notsent_bytes, 0);
    assert_int_equal(get_int(fd, IPPROTO_TCP, TCP_MAXSEG), 1000);
    assert_int_equal(info.tcpi_rto, SECOND_US);
    hear(TFSM_ACK | TFSM_PSH, 10);
    hear(TFSM_ACK | TFSM_PSH, 10); /* once more */
    size = 48;
    memset(&info, 0x55, sizeof info);
    assert_int_equal(IFC.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    assert_int_equal(size, 48);
    assert_int_equal(info.tcpi_rto, 2 * SECOND_US);
    assert_int_equal(info.tcpi_retransmits, 1);
    assert_int_equal(info.tcpi_backoff, 1);
    assert_int_equal(info.tcpi_last_data_recv, 0x55555555); /* beyond the room */
}

/* ---- Fast Open ---- */

static ssize_t send_fast(int fd, const char *text)
{
    struct sockaddr_storage to;
    socklen_t size = peer_sockaddr(false, PEER_PORT, &to);
    return IFC.sendto(U, fd, text, strlen(text), MSG_FASTOPEN, (struct sockaddr *)&to, size);
}

/* A first connection that brings a cookie. */
static void learn_cookie(void)
{
    int fd = tcp_socket(true);
    assert_fails(send_fast(fd, "early"), EINPROGRESS);
    hear(TFSM_SYN, 0);
    assert_int_equal(peer.heard.segment.options & TFSM_OPT_FAST_OPEN, TFSM_OPT_FAST_OPEN);
    assert_int_equal(peer.heard.segment.cookie_len, 0);
    struct tfsm_packet packet = peer_packet(TFSM_SYN | TFSM_ACK);
    packet.segment.options = TFSM_OPT_FAST_OPEN | TFSM_OPT_MSS;
    packet.segment.mss = 1460;
    packet.segment.cookie_len = 8;
    memcpy(packet.cookie, "cookies!", 8);
    say_packet(&packet, "");
    hear(TFSM_ACK, 0);
    assert_int_equal(IFC.close(U, fd), 0);
    hear(TFSM_FIN | TFSM_ACK, 0);
    say(TFSM_RST | TFSM_ACK, "");
}

static void test_fast_open_by_sendto(void **state)
{
    (void)state;
    start("ecn=0,ts=0");
    learn_cookie();
    int fd = tcp_socket(true);
    assert_int_equal(send_fast(fd, "early"), 5);
    hear(TFSM_SYN, 5);
    assert_memory_equal(peer.text, "early", 5);
    assert_int_equal(peer.heard.segment.cookie_len, 8);
    assert_fails(send_fast(fd, "more"), EALREADY);
}

static void test_fast_open_by_connect(void **state)
{
    (void)state;
    start("ecn=0,ts=0");
    int fd = tcp_socket(true);
    assert_int_equal(set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0);
    assert_fails(connect_peer(fd), EINPROGRESS); /* no cookie: the SYN asks for one */
    hear(TFSM_SYN, 0);
    assert_int_equal(peer.heard.segment.options & TFSM_OPT_FAST_OPEN, TFSM_OPT_FAST_OPEN);
    assert_int_equal(IFC.close(U, fd), 0);
    learn_cookie();
    fd = tcp_socket(true);
    assert_int_equal(set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0);
    assert_int_equal(connect_peer(fd), 0);
    assert_int_equal(ready(fd), POLLOUT);
    hear_nothing(); /* the SYN waits for text */
    assert_int_equal(IFC.write(U, fd, "along", 5), 5);
    hear(TFSM_SYN, 5);
    say(TFSM_SYN | TFSM_ACK, "");
    assert_int_equal(ready(fd), POLLOUT);
}

/* ---- the driver's side ---- */

static void test_netdev_receive_when_the_room_is_too_small(void **state)
{
    (void)state;
    start("ecn=0");
    int fd = tcp_socket(true);
    uint8_t octets[100];
    size_t n = 10;
    long long at;
    assert_fails(connect_peer(fd), EINPROGRESS);
    assert_fails(IFC.netdev_receive(U, octets, &n, &at), EMSGSIZE);
    n = sizeof octets;
    assert_int_equal(IFC.netdev_receive(U, octets, &n, &at), 0);
    assert_int_equal(n, 60);
}

/* What goes out on the way has the time at which it went. */
static void test_usleep_keeps_every_deadline_on_the_way(void **state)
{
    (void)state;
    start("ecn=0,rto_initial=1s");
    int fd = tcp_socket(true);
    assert_fails(connect_peer(fd), EINPROGRESS);
    assert_int_equal(IFC.usleep(U, 4 * SECOND_US), 0);
    assert_int_equal(clock_now(), 4 * SECOND_US);
    hear(TFSM_SYN, 0);
    hear(TFSM_SYN, 0);
    assert_int_equal(peer.heard_at, 1 * SECOND_US);
    hear(TFSM_SYN, 0);
    assert_int_equal(peer.heard_at, 3 * SECOND_US);
    assert_int_equal(clock_now(), 4 * SECOND_US);
    assert_null(endpoint_check(sockets_endpoint(U)));
}

static void test_same_calls_give_the_same_packets(void **state)
{
    (void)state;
    uint8_t first[100];
    size_t n = 0;
    for (unsigned i = 0; i < 2; i++) {
        start("");
        int fd = tcp_socket(true);
        IFC.usleep(U, 12345);
        assert_fails(connect_peer(fd), EINPROGRESS);
        assert_true(hears());
        if (i == 0) {
            n = peer.raw_length;
            memcpy(first, peer.raw, n);
            peer_stop(NULL);
        }
    }
    assert_int_equal(peer.raw_length, n);
    assert_memory_equal(peer.raw, first, n);
}

/* ---- options as Linux lays them out ---- */

static const uint8_t *options_of(size_t *n)
{
    const uint8_t *tcp = peer.raw + (peer.family == 6 ? 40 : 20);
    *n = (size_t)(tcp[12] >> 4) * 4 - 20;
    return tcp + 20;
}

static void test_layout_of_a_syn(void **state)
{
    (void)state;
    static const struct {
        const char *flags;
        const char *kinds; /* one character an option */
    } cases[] = {
        {"ecn=0", "mstnw"},          {"ecn=0,ts=0", "mnnsnw"},     {"ecn=0,sack=0", "mnntnw"},
        {"ecn=0,wscale=off", "mst"}, {"ecn=0,ts=0,sack=0", "mnw"}, {"ecn=0,profile=minimal", "m"},
    };
    static const char names[] = "enmws...t";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(cases[i].flags);
        char kinds[41] = {0};
        size_t n;
        size_t found = 0;
        assert_fails(connect_peer(tcp_socket(true)), EINPROGRESS);
        assert_true(hears());
        const uint8_t *options = options_of(&n);
        for (size_t at = 0; at < n; at += options[at] < 2 ? 1 : options[at + 1]) {
            kinds[found++] = names[options[at]];
        }
        assert_string_equal(kinds, cases[i].kinds);
        peer_stop(NULL);
    }
}

/* Whatever a packet says, it says after it was laid out; tfsm_parse() holds its checksums. */
static void test_layout_keeps_what_a_packet_says(void **state)
{
    (void)state;
    for (unsigned options = 0; options < 0x80; options++) {
        for (unsigned form = 0; form < 8; form++) {
            bool syn = (form & 1) != 0;
            uint32_t text = (form & 2) != 0 ? 5 : 0;
            uint8_t family = (form & 4) != 0 ? 6 : 4;
            struct tfsm_packet packet = {.src = {.family = family, .octets = {10, 0, 0, 1}},
                                         .dst = {.family = family, .octets = {10, 0, 0, 2}},
                                         .src_port = 1,
                                         .dst_port = 2,
                                         .hops = 3,
                                         .segment = {.seq = 4,
                                                     .ack = 5,
                                                     .len = text + syn,
                                                     .flags = syn ? TFSM_SYN : TFSM_ACK,
                                                     .options = (uint8_t)options,
                                                     .wscale = 7,
                                                     .cookie_len = 4,
                                                     .sacks = 2,
                                                     .mss = 1000,
                                                     .user_timeout = 9,
                                                     .ts_val = 11,
                                                     .ts_ecr = 12,
                                                     .sack = {{1, 2}, {3, 4}}}};
            uint8_t octets[200];
            struct tfsm_packet before; /* zeroed, for what lies between members */
            struct tfsm_packet after;
            memset(&before, 0, sizeof before);
            memset(&after, 0, sizeof after);
            size_t n = tfsm_write(&packet, (const uint8_t *)"hello", octets, sizeof octets);
            if (n == 0) {
                continue; /* more than 40 octets of options */
            }
            assert_int_equal(tfsm_parse(octets, n, &before), TFSM_WIRE_OK);
            size_t length = layout_options(octets, n, sizeof octets);
            assert_true(text == 0 ? length >= n && length <= n + 12 : length == n);
            assert_int_equal(tfsm_parse(octets, length, &after), TFSM_WIRE_OK);
            assert_memory_equal(octets + after.text_at, "hello", text);
            after.text_at = before.text_at;
            assert_memory_equal(&before, &after, sizeof before);
            assert_int_equal(layout_options(octets, length, sizeof octets), length);
        }
    }
}

/* A cookie of Fast Open comes last, with its padding after it. */
static void test_layout_of_a_fast_open_request(void **state)
{
    (void)state;
    static const uint8_t expected[] = {2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 0, 34, 2, 1, 1};
    start("ecn=0,ts=0");
    size_t n;
    assert_fails(send_fast(tcp_socket(true), "x"), EINPROGRESS);
    assert_true(hears());
    const uint8_t *options = options_of(&n);
    assert_int_equal(n, sizeof expected);
    assert_memory_equal(options, expected, n);
}

static void test_layout_of_what_is_no_packet(void **state)
{
    (void)state;
    uint8_t octets[60] = {0x45, [9] = 6, [32] = 0xf0};
    assert_int_equal(layout_options(octets, 0, 60), 0);
    assert_int_equal(layout_options(octets, 39, 60), 39);
    assert_int_equal(layout_options(octets, 60, 60), 60); /* a data offset beyond it */
    octets[32] = 0x60;
    octets[40] = 2;
    octets[41] = 9;
    assert_int_equal(layout_options(octets, 60, 60), 60); /* an option beyond the header */
    assert_int_equal(octets[40], 2);
}

/* ---- anything ---- */

static uint32_t drawn;

static int draw(int most)
{
    drawn = (uint32_t)((uint64_t)drawn * 48271 % 2147483647);
    return (int)(drawn % (uint32_t)most);
}

/* One of the calls that open and close, with a descriptor that may be anything. */
static void call_any(int fd)
{
    struct sockaddr_storage any;
    socklen_t size = peer_sockaddr(draw(2) == 0, (uint16_t)(draw(3) + STACK_PORT), &any);
    struct sockaddr *address = (struct sockaddr *)&any;
    struct linger linger = {draw(2), draw(2)};
    int flags = SOCK_STREAM | (draw(8) > 0 ? SOCK_NONBLOCK : 0);
    int fds[2];
    switch (draw(10)) {
    case 0:
        IFC.socket(U, draw(2) == 0 ? AF_INET : AF_INET6, flags, 0);
        break;
    case 1:
        IFC.bind(U, fd, address, size);
        break;
    case 2:
        IFC.listen(U, fd, draw(4) - 1);
        break;
    case 3:
        IFC.accept(U, fd, address, &size);
        break;
    case 4:
        IFC.connect(U, fd, address, size);
        break;
    case 5:
        IFC.shutdown(U, fd, draw(3));
        break;
    case 6:
        IFC.close(U, fd);
        break;
    case 7:
        IFC.setsockopt(U, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        break;
    case 8:
        IFC.pipe(U, fds);
        break;
    default:
        IFC.epoll_create(U, 1);
        break;
    }
}

/* One that reads, writes or waits. */
static void use_any(int fd, int other)
{
    static char octets[3000];
    static const int names[] = {TCP_NODELAY, TCP_MAXSEG, TCP_KEEPIDLE, TCP_QUICKACK, TCP_FASTOPEN};
    struct epoll_event event = {.events = (uint32_t)draw(1 << 14), .data = {.fd = other}};
    struct pollfd look = {.fd = fd, .events = POLLIN | POLLOUT};
    struct tcp_info info;
    socklen_t size = (socklen_t)draw(300);
    switch (draw(8)) {
    case 0:
        IFC.recv(U, fd, octets, (size_t)draw(3000), draw(2) == 0 ? MSG_PEEK : MSG_WAITALL);
        break;
    case 1:
        IFC.write(U, fd, octets, (size_t)draw(3000));
        break;
    case 2:
        IFC.splice(U, fd, NULL, other, NULL, (size_t)draw(3000), (unsigned)draw(4));
        break;
    case 3:
        IFC.poll(U, &look, 1, draw(20));
        break;
    case 4:
        IFC.epoll_ctl(U, fd, 1 + draw(3), other, &event);
        break;
    case 5:
        IFC.epoll_wait(U, fd, &event, 1, draw(20));
        break;
    case 6:
        set_int(fd, IPPROTO_TCP, names[draw(5)], draw(200));
        break;
    default:
        size = size < sizeof info ? size : (socklen_t)sizeof info;
        IFC.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &size);
        break;
    }
}

/* The peer: what would be right, or nearly. */
static void say_any(void)
{
    static const unsigned flags[] = {TFSM_SYN, TFSM_SYN | TFSM_ACK, TFSM_ACK, TFSM_FIN | TFSM_ACK,
                                     TFSM_RST | TFSM_ACK};
    if (draw(2) == 0) {
        hears();
    }
    peer.port = (uint16_t)(STACK_PORT + draw(3));
    unsigned which = (unsigned)draw(40);
    say(flags[which < 5 ? which : 2], draw(2) == 0 ? "" : "some text");
}

/* Whatever is called in whatever order: an answer, and books that hold. */
static void test_sockets_any_order_of_calls(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 20; seed++) {
        drawn = seed;
        start(seed % 2 == 0 ? "ecn=0,connections=4,retries=2,syn_retries=2,msl=1s"
                            : "fast_open=3,cookies=never,backlog=2,retries=2,syn_retries=2");
        for (unsigned step = 0; step < 1500; step++) {
            int fd = 3 + draw(8);
            switch (draw(4)) {
            case 0:
                call_any(fd);
                break;
            case 1:
                use_any(fd, 3 + draw(8));
                break;
            case 2:
                say_any();
                break;
            default:
                IFC.usleep(U, (useconds_t)draw(100 * MS));
                break;
            }
            const char *wrong = endpoint_check(sockets_endpoint(U));
            if (wrong != NULL) {
                fail_msg("seed %u, step %u: does not hold: %s", seed, step, wrong);
            }
        }
        peer_stop(NULL);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, peer_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_socket_descriptors_when_some_are_closed),
        TEST(test_socket_kinds_that_there_are_not),
        TEST(test_socket_descriptors_when_all_are_used),
        TEST(test_bind_what_linux_refuses),
        TEST(test_bind_a_port_in_use),
        TEST(test_bind_a_port_in_time_wait),
        TEST(test_connect_tells_how_it_goes),
        TEST(test_connect_refused_can_be_tried_again),
        TEST(test_connect_blocking_when_nobody_answers),
        TEST(test_connect_blocking_with_a_timeout),
        TEST(test_connect_where_an_icmp_error_ends_it),
        TEST(test_connect_where_a_soft_error_names_the_timeout),
        TEST(test_connect_ipv6_where_an_icmp_error_comes),
        TEST(test_connect_where_there_is_no_way),
        TEST(test_connect_to_nobody_disconnects),
        TEST(test_connect_when_the_four_or_the_places_are_in_use),
        TEST(test_mapped_address_when_connecting),
        TEST(test_mapped_address_when_accepting),
        TEST(test_v6only_listener_refuses_ipv4),
        TEST(test_accept_when_nobody_has_come),
        TEST(test_accept_blocking_when_nothing_can_come),
        TEST(test_accept_inherits_what_the_listener_is_set_to),
        TEST(test_listen_again_changes_the_backlog),
        TEST(test_shutdown_of_a_listener_ends_listening),
        TEST(test_read_peek_trunc_and_waitall),
        TEST(test_read_and_write_in_pieces),
        TEST(test_read_blocking_until_its_time_is_up),
        TEST(test_read_after_the_peers_fin),
        TEST(test_read_after_a_reset),
        TEST(test_write_after_a_reset_in_close_wait),
        TEST(test_write_when_the_buffer_is_full),
        TEST(test_write_blocking_until_all_is_taken),
        TEST(test_urgent_data_is_in_line),
        TEST(test_shutdown_for_writing_goes_on_reading),
        TEST(test_close_with_unread_octets_resets),
        TEST(test_close_with_unread_octets_after_both_fins),
        TEST(test_close_with_a_linger_time_of_zero_resets),
        TEST(test_close_lingers_until_its_time_is_up),
        TEST(test_poll_waits_on_the_clock_of_the_stack),
        TEST(test_epoll_level_and_edge),
        TEST(test_epoll_oneshot_rdhup_and_close),
        TEST(test_splice_between_pipe_and_socket),
        TEST(test_pipe_without_a_reader),
        TEST(test_options_read_what_was_set),
        TEST(test_options_that_are_refused),
        TEST(test_options_that_the_peer_sees),
        TEST(test_path_mtu_after_an_icmp_message),
        TEST(test_tcp_info_of_a_connection),
        TEST(test_fast_open_by_sendto),
        TEST(test_fast_open_by_connect),
        TEST(test_netdev_receive_when_the_room_is_too_small),
        TEST(test_usleep_keeps_every_deadline_on_the_way),
        TEST(test_same_calls_give_the_same_packets),
        TEST(test_layout_of_a_syn),
        TEST(test_layout_keeps_what_a_packet_says),
        TEST(test_layout_of_a_fast_open_request),
        TEST(test_layout_of_what_is_no_packet),
        TEST(test_sockets_any_order_of_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
