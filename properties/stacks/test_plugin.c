/* The plug-in as packetdrill has it: loaded at run time, known by one symbol and the struct that it
 * fills in. The first argument is the shared object. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

static void (*init)(const char *flags, struct packetdrill_interface *ifc);

#define IFC peer.ifc
#define U   peer.ifc.userdata

/* The lowest descriptors that nobody has: 3 and 4 where the caller left nothing open. */
static int lowest[2];

static void find_lowest(void)
{
    lowest[0] = dup(STDIN_FILENO);
    lowest[1] = dup(STDIN_FILENO);
    close(lowest[0]);
    close(lowest[1]);
}

static void open_client(unsigned family)
{
    peer_start(init, family, "ecn=0");
    int fd = opened();
    char octets[100];
    assert_int_equal(fd, lowest[0]);
    assert_int_equal(IFC.write(U, fd, "hello", 5), 5);
    hear(TFSM_ACK | TFSM_PSH, 5);
    assert_memory_equal(peer.text, "hello", 5);
    say(TFSM_ACK | TFSM_PSH, "good day");
    assert_int_equal(IFC.read(U, fd, octets, sizeof octets), 8);
    assert_memory_equal(octets, "good day", 8);
    hear(TFSM_ACK, 0);
    assert_int_equal(IFC.close(U, fd), 0);
    hear(TFSM_FIN | TFSM_ACK, 0);
    say(TFSM_FIN | TFSM_ACK, "");
    hear(TFSM_ACK, 0);
    assert_fails(IFC.read(U, fd, octets, 1), EBADF);
    assert_int_equal(tcp_socket(true), lowest[0]);
}

static void test_plugin_client_ipv4(void **state)
{
    (void)state;
    open_client(4);
}

static void test_plugin_client_ipv6(void **state)
{
    (void)state;
    open_client(6);
}

static void serve(unsigned family)
{
    peer_start(init, family, "");
    int listener = listening(5);
    int fd = accepted(listener);
    char octets[100];
    assert_int_equal(listener, lowest[0]);
    assert_int_equal(fd, lowest[1]);
    assert_fails(IFC.read(U, fd, octets, sizeof octets), EAGAIN);
    say(TFSM_ACK | TFSM_PSH, "who is there");
    assert_int_equal(IFC.read(U, fd, octets, sizeof octets), 12);
    hear(TFSM_ACK, 0);
    assert_int_equal(IFC.send(U, fd, "me", 2, MSG_NOSIGNAL), 2);
    hear(TFSM_ACK | TFSM_PSH, 2);
    say(TFSM_FIN | TFSM_ACK, "");
    hear(TFSM_ACK, 0);
    assert_int_equal(IFC.read(U, fd, octets, sizeof octets), 0);
    assert_int_equal(IFC.close(U, fd), 0);
    hear(TFSM_FIN | TFSM_ACK, 0);
    say(TFSM_ACK, "");
    hear_nothing();
}

static void test_plugin_server_ipv4(void **state)
{
    (void)state;
    serve(4);
}

static void test_plugin_server_ipv6(void **state)
{
    (void)state;
    serve(6);
}

static void test_plugin_connect_refused(void **state)
{
    (void)state;
    peer_start(init, 4, "ecn=0");
    struct sockaddr_storage to;
    socklen_t size = peer_sockaddr(false, PEER_PORT, &to);
    int fd = tcp_socket(true);
    assert_fails(IFC.connect(U, fd, (struct sockaddr *)&to, size), EINPROGRESS);
    hear(TFSM_SYN, 0);
    say(TFSM_RST | TFSM_ACK, "");
    int error = 0;
    socklen_t room = sizeof error;
    assert_int_equal(IFC.getsockopt(U, fd, SOL_SOCKET, SO_ERROR, &error, &room), 0);
    assert_int_equal(error, ECONNREFUSED);
}

/* Nothing is queued: the clock goes on to the retransmission, and the packet says when it went. */
static void test_plugin_retransmission_when_a_packet_is_awaited(void **state)
{
    (void)state;
    peer_start(init, 4, "ecn=0,rto_initial=1s");
    struct sockaddr_storage to;
    socklen_t size = peer_sockaddr(false, PEER_PORT, &to);
    int fd = tcp_socket(true);
    assert_int_equal(IFC.usleep(U, 50 * MS), 0);
    assert_fails(IFC.connect(U, fd, (struct sockaddr *)&to, size), EINPROGRESS);
    hear(TFSM_SYN, 0);
    assert_int_equal(peer.heard_at, 50 * MS);
    hear(TFSM_SYN, 0);
    assert_int_equal(peer.heard_at, 1050 * MS);
    assert_int_equal(clock_now(), 1050 * MS);
    hear(TFSM_SYN, 0);
    assert_int_equal(peer.heard_at, 3050 * MS);
}

/* ---- as packetdrill drives it ---- */

/* It asks for the time until it has come. On the way timers go off, each at its time. */
static void test_plugin_clock_moves_when_it_is_asked_again(void **state)
{
    (void)state;
    peer_start(init, 4, "ecn=0,rto_initial=1s");
    struct sockaddr_storage to;
    socklen_t size = peer_sockaddr(false, PEER_PORT, &to);
    int fd = tcp_socket(true);
    assert_fails(IFC.connect(U, fd, (struct sockaddr *)&to, size), EINPROGRESS);
    hear(TFSM_SYN, 0);
    assert_int_equal(IFC.usleep(U, 1000 * MS - 20), 0);
    unsigned asked = 0;
    while (clock_now() < 1000 * MS && asked < 1000) {
        asked++;
    }
    assert_in_range(asked, 20, 100);
    assert_int_equal(IFC.usleep(U, 0), 0);
    assert_int_equal(clock_now(), 1000 * MS);
    assert_int_equal(clock_now(), 1000 * MS); /* a look at the clock or two is no waiting */
    hear(TFSM_SYN, 0);
    assert_int_equal(peer.heard_at, 1000 * MS);
    assert_int_equal(clock_now(), 1000 * MS);
}

static void serve_anywhere(unsigned family)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        peer_start(init, family, "");
        peer_move(seed);
        int fd = accepted(listening(5));
        struct sockaddr_storage at;
        socklen_t size = peer_sockaddr(true, STACK_PORT, &at);
        assert_int_equal(IFC.write(U, fd, "here", 4), 4);
        hear(TFSM_ACK | TFSM_PSH, 4);
        assert_int_equal(IFC.close(U, fd), 0);
        hear(TFSM_FIN | TFSM_ACK, 0);
        int other = tcp_socket(true);
        assert_fails(IFC.bind(U, other, (struct sockaddr *)&at, size), EADDRINUSE);
        peer_stop(NULL);
    }
}

static void test_plugin_any_bound_address_ipv4(void **state)
{
    (void)state;
    serve_anywhere(4);
}

static void test_plugin_any_bound_address_ipv6(void **state)
{
    (void)state;
    serve_anywhere(6);
}

/* But none that is no host's. */
static void test_plugin_bind_to_many_is_refused(void **state)
{
    (void)state;
    peer_start(init, 4, "");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    to.sin_addr.s_addr = htonl(0xe0000001);
    assert_fails(IFC.bind(U, tcp_socket(true), (struct sockaddr *)&to, sizeof to), EADDRNOTAVAIL);
}

/* What a script leaves open it closes itself, with close(2). */
static void test_plugin_descriptors_are_the_process_s(void **state)
{
    (void)state;
    peer_start(init, 4, "");
    int fds[4];
    fds[0] = tcp_socket(true);
    fds[1] = IFC.epoll_create(U, 1);
    assert_int_equal(IFC.pipe(U, &fds[2]), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(fcntl(fds[i], F_GETFD) >= 0);
    }
    assert_int_equal(IFC.close(U, fds[1]), 0);
    assert_fails(fcntl(fds[1], F_GETFD), EBADF);
    assert_int_equal(close(fds[0]), 0);
    int mine = open("/dev/null", O_RDONLY);
    assert_int_equal(mine, fds[0]);
    peer_stop(NULL);
    assert_true(fcntl(mine, F_GETFD) >= 0); /* it was not the stack's any more */
    assert_fails(fcntl(fds[2], F_GETFD), EBADF);
    assert_fails(fcntl(fds[3], F_GETFD), EBADF);
    close(mine);
}

static void test_plugin_descriptors_run_out(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit few = {(rlim_t)lowest[1] + 6, before.rlim_max};
    peer_start(init, 4, "");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int last = -1;
    int fd;
    while ((fd = IFC.socket(U, AF_INET, SOCK_STREAM, 0)) >= 0) {
        last = fd;
    }
    int error = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(error, EMFILE);
    assert_in_range(last, lowest[1], few.rlim_cur - 1);
    assert_int_equal(IFC.close(U, last), 0);
    assert_int_equal(tcp_socket(true), last);
}

/* ---- a call that blocks, in a thread of its own ---- */

struct blocked {
    int fd;
    int result;
    long long at;
};

static void *accept_blocked(void *argument)
{
    struct blocked *blocked = argument;
    blocked->result = IFC.accept(U, blocked->fd, NULL, NULL);
    blocked->at = clock_now();
    return NULL;
}

/* Whatever the scheduler does: the call ends at the time of the third segment. */
static void test_plugin_blocking_accept_in_a_second_thread(void **state)
{
    (void)state;
    peer_start(init, 4, "");
    struct blocked blocked = {.fd = listening(5)};
    pthread_t thread;
    assert_int_equal(IFC.fcntl(U, blocked.fd, 4 /* F_SETFL */, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, accept_blocked, &blocked), 0);
    usleep(20000); /* until it waits, most likely; the result is the same if it does not yet */
    IFC.usleep(U, 100 * MS);
    handshake();
    pthread_join(thread, NULL);
    assert_int_equal(blocked.result, lowest[1]);
    assert_int_equal(blocked.at, 100 * MS);
    IFC.usleep(U, 100 * MS);
    assert_int_equal(clock_now(), 200 * MS);
}

struct talk {
    int connected;
    ssize_t got;
    ssize_t put;
    long long at;
    char octets[16];
};

static void *talk_blocked(void *argument)
{
    struct talk *talk = argument;
    struct sockaddr_storage to;
    int fd = tcp_socket(false);
    socklen_t size = peer_sockaddr(false, PEER_PORT, &to);
    talk->connected = IFC.connect(U, fd, (struct sockaddr *)&to, size);
    talk->got = IFC.read(U, fd, talk->octets, sizeof talk->octets);
    talk->at = clock_now();
    talk->put = IFC.write(U, fd, "answer", 6);
    return NULL;
}

/* Nothing is there to hear until the other thread gets so far. */
static void hear_soon(unsigned flags, size_t text)
{
    for (unsigned i = 0; !hears(); i++) {
        assert_true(i < 1000);
        usleep(1000);
    }
    assert_int_equal(peer.heard.segment.flags, flags);
    assert_int_equal(peer.text_length, text);
}

static void test_plugin_blocking_calls_of_a_client_in_a_second_thread(void **state)
{
    (void)state;
    peer_start(init, 4, "ecn=0");
    struct talk talk = {0};
    pthread_t thread;
    IFC.usleep(U, 10 * MS);
    assert_int_equal(pthread_create(&thread, NULL, talk_blocked, &talk), 0);
    hear_soon(TFSM_SYN, 0);
    IFC.usleep(U, 20 * MS);
    say(TFSM_SYN | TFSM_ACK, "");
    hear(TFSM_ACK, 0);
    IFC.usleep(U, 30 * MS);
    say(TFSM_ACK, "question");
    pthread_join(thread, NULL);
    assert_int_equal(talk.connected, 0);
    assert_int_equal(talk.got, 8);
    assert_memory_equal(talk.octets, "question", 8);
    assert_int_equal(talk.at, 60 * MS);
    hear(TFSM_ACK | TFSM_PSH, 6);
}

struct fast {
    ssize_t put[2];
    int error;
    long long at[2];
};

/* Without a cookie, then with the one that came. */
static void *open_fast_blocked(void *argument)
{
    struct fast *fast = argument;
    struct sockaddr_storage to;
    socklen_t size = peer_sockaddr(false, PEER_PORT, &to);
    for (unsigned i = 0; i < 2; i++) {
        int fd = tcp_socket(false);
        fast->put[i] = IFC.sendto(U, fd, "hello", 5, MSG_FASTOPEN, (struct sockaddr *)&to, size);
        fast->error = errno;
        fast->at[i] = clock_now();
    }
    return NULL;
}

static void say_syn_ack(bool cookie)
{
    struct tfsm_packet packet = peer_packet(TFSM_SYN | TFSM_ACK);
    packet.segment.options = cookie ? TFSM_OPT_FAST_OPEN : 0;
    packet.segment.cookie_len = cookie ? 8 : 0;
    memcpy(packet.cookie, "biscuits", cookie ? 8 : 0);
    say_packet(&packet, "");
}

/* sendto() with MSG_FASTOPEN blocks until the handshake is through, whether its text went with the SYN
 * or after it; a refusal is its answer. */
static void test_plugin_blocking_fast_open_in_a_second_thread(void **state)
{
    (void)state;
    peer_start(init, 4, "ecn=0,ts=0,sack=0,wscale=off");
    struct fast fast = {.put = {0, 0}};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, open_fast_blocked, &fast), 0);
    hear_soon(TFSM_SYN, 0);
    IFC.usleep(U, 20 * MS);
    say_syn_ack(true);
    hear(TFSM_ACK, 0);
    hear(TFSM_ACK | TFSM_PSH, 5);
    say(TFSM_ACK, "");
    hear_soon(TFSM_SYN, 5);
    IFC.usleep(U, 30 * MS);
    peer.seq = PEER_ISS;
    say(TFSM_RST | TFSM_ACK, "");
    pthread_join(thread, NULL);
    assert_int_equal(fast.put[0], 5);
    assert_int_equal(fast.at[0], 20 * MS);
    assert_int_equal(fast.put[1], -1);
    assert_int_equal(fast.error, ECONNREFUSED);
    assert_int_equal(fast.at[1], 50 * MS);
}

struct splice {
    int from;
    int to;
    ssize_t moved;
};

static void *splice_blocked(void *argument)
{
    struct splice *splice = argument;
    splice->moved = IFC.splice(U, splice->from, NULL, splice->to, NULL, 60000, 0);
    return NULL;
}

/* A splice() that waits for the socket takes what the pipe holds when it goes on, not what it held. */
static void test_plugin_pipe_is_read_while_a_splice_waits(void **state)
{
    static char octets[65536];
    int pipe[2];
    int there = 0;
    (void)state;
    peer_start(init, 4, "sndbuf=4000");
    int fd = accepted(listening(5));
    struct splice splice = {.to = fd};
    pthread_t thread;
    assert_int_equal(IFC.send(U, fd, octets, 4000, MSG_DONTWAIT), 4000);
    assert_int_equal(IFC.fcntl(U, fd, 4 /* F_SETFL */, 0), 0);
    assert_int_equal(IFC.pipe(U, pipe), 0);
    splice.from = pipe[0];
    assert_int_equal(IFC.write(U, pipe[1], octets, 50000), 50000);
    assert_int_equal(pthread_create(&thread, NULL, splice_blocked, &splice), 0);
    usleep(20000); /* until it waits, most likely */
    assert_int_equal(IFC.read(U, pipe[0], octets, 49000), 49000);
    while (hears()) {
        say(TFSM_ACK, "");
        IFC.usleep(U, MS);
    }
    pthread_join(thread, NULL);
    assert_int_equal(IFC.ioctl(U, pipe[0], FIONREAD, &there), 0);
    assert_true(there >= 0 && splice.moved > 0);
    assert_int_equal(splice.moved + there, 1000);
}

static void *poll_blocked(void *argument)
{
    struct blocked *blocked = argument;
    struct pollfd look = {.fd = blocked->fd, .events = POLLIN};
    blocked->result = IFC.poll(U, &look, 1, -1);
    return NULL;
}

/* Who waits when the stack goes is told. */
static void test_plugin_free_while_a_call_blocks(void **state)
{
    (void)state;
    peer_start(init, 4, "");
    struct blocked blocked = {.fd = listening(1), .result = 7};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, poll_blocked, &blocked), 0);
    usleep(50000); /* until it waits */
    peer_stop(NULL);
    pthread_join(thread, NULL);
    assert_int_equal(blocked.result, -1);
}

/* ---- ends of the process ---- */

/* Exit status of a child that does this, and the first line it says on standard error. */
static int status_of(void (*what)(const char *), const char *argument, char *line, size_t room)
{
    int ends[2];
    int status = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        what(argument);
        _exit(0);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], line, room - 1);
    line[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static struct packetdrill_interface bare;

static void await_in_vain(const char *flags)
{
    uint8_t octets[2048];
    size_t n = sizeof octets;
    long long at = 0;
    init(flags, &bare);
    bare.netdev_receive(bare.userdata, octets, &n, &at);
}

static void only_init(const char *flags)
{
    init(flags, &bare);
}

static void test_plugin_idle_exit_ends_with_status_1(void **state)
{
    (void)state;
    char line[300];
    assert_int_equal(status_of(await_in_vain, "idle=exit", line, sizeof line), 1);
    assert_non_null(strstr(line, "no timer runs"));
    assert_int_equal(status_of(await_in_vain, NULL, line, sizeof line), 1);
    assert_int_equal(status_of(await_in_vain, "idle=return", line, sizeof line), 0);
}

static void test_plugin_malformed_flags_end_with_status_2(void **state)
{
    (void)state;
    char line[300];
    assert_int_equal(status_of(only_init, "rcvbuf=much", line, sizeof line), 2);
    assert_string_equal(line, "tcpfsm: so_flags: rcvbuf: 'much' is not a number\n");
    assert_int_equal(status_of(only_init, "ecn=on,", line, sizeof line), 2);
    assert_int_equal(status_of(only_init, "ecn=on", line, sizeof line), 0);
    assert_string_equal(line, "");
}

int main(int count, char **arguments)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_plugin_client_ipv4, peer_stop),
        cmocka_unit_test_teardown(test_plugin_client_ipv6, peer_stop),
        cmocka_unit_test_teardown(test_plugin_server_ipv4, peer_stop),
        cmocka_unit_test_teardown(test_plugin_server_ipv6, peer_stop),
        cmocka_unit_test_teardown(test_plugin_connect_refused, peer_stop),
        cmocka_unit_test_teardown(test_plugin_retransmission_when_a_packet_is_awaited, peer_stop),
        cmocka_unit_test_teardown(test_plugin_clock_moves_when_it_is_asked_again, peer_stop),
        cmocka_unit_test(test_plugin_any_bound_address_ipv4),
        cmocka_unit_test(test_plugin_any_bound_address_ipv6),
        cmocka_unit_test_teardown(test_plugin_bind_to_many_is_refused, peer_stop),
        cmocka_unit_test(test_plugin_descriptors_are_the_process_s),
        cmocka_unit_test_teardown(test_plugin_descriptors_run_out, peer_stop),
        cmocka_unit_test_teardown(test_plugin_blocking_accept_in_a_second_thread, peer_stop),
        cmocka_unit_test_teardown(test_plugin_blocking_fast_open_in_a_second_thread, peer_stop),
        cmocka_unit_test_teardown(test_plugin_blocking_calls_of_a_client_in_a_second_thread,
                                  peer_stop),
        cmocka_unit_test_teardown(test_plugin_pipe_is_read_while_a_splice_waits, peer_stop),
        cmocka_unit_test_teardown(test_plugin_free_while_a_call_blocks, peer_stop),
        cmocka_unit_test(test_plugin_idle_exit_ends_with_status_1),
        cmocka_unit_test(test_plugin_malformed_flags_end_with_status_2),
    };
    void *plugin = count == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    void *symbol = plugin != NULL ? dlsym(plugin, "packetdrill_interface_init") : NULL;
    if (symbol == NULL) {
        fprintf(stderr, "usage: test_plugin PLUGIN: %s\n", count == 2 ? dlerror() : "one argument");
        return 2;
    }
    memcpy(&init, &symbol, sizeof init);
    find_lowest();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
