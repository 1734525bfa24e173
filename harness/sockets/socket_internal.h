/* What the files of the socket layer share. Functions here are called with the lock held; their
 * results are 0 or more, or an errno below zero, and socket_interface.c makes system calls of them.
 */
#ifndef HARNESS_SOCKET_INTERNAL_H
#define HARNESS_SOCKET_INTERNAL_H

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>

#include "sockets.h"

#define FDS        1024 /* descriptors at a time; as RLIMIT_NOFILE usually has it */
#define FIRST_FD   3
#define HIGH_FD    512   /* where our own descriptor is out of the way */
#define SPIN_CALLS 16    /* of gettimeofday() with nothing between: more, and somebody waits */
#define PIPE_ROOM  65536 /* octets of a pipe: pipe(7) */

/* What gettimeofday() says when the clock is at zero, in microseconds: 2020-01-01. */
#define EPOCH INT64_C(1577836800000000)
/* The endpoint's clock then: a time of 0 means none there. */
#define CLOCK_START SOCKETS_START

enum file_kind { FILE_SOCKET, FILE_PIPE_READ, FILE_PIPE_WRITE, FILE_EPOLL };

enum phase {
    PHASE_NONE, /* not connected and not connecting */
    PHASE_LISTENING,
    PHASE_DEFERRED, /* TCP_FASTOPEN_CONNECT: the SYN waits for text */
    PHASE_CONNECTING,
    PHASE_CONNECTED
};

/* What setsockopt() can choose besides what is in the options of the endpoint. */
struct choices {
    bool reuse_address;
    bool reuse_port;
    bool keepalive;
    bool v6only;
    bool linger;
    bool fast_open_connect;
    bool quick_ack;
    int linger_seconds;
    int priority;
    int keep_idle; /* seconds */
    int linger2;
    int user_mss; /* TCP_MAXSEG, 0: not said */
    bool cork;
    bool inq;              /* TCP_INQ: recvmsg() tells what is left */
    bool zerocopy;         /* SO_ZEROCOPY: MSG_ZEROCOPY is answered in the error queue */
    int defer_accept;      /* seconds, as getsockopt() tells them; 0: no */
    int receive_least;     /* SO_RCVLOWAT */
    uint32_t notsent_most; /* TCP_NOTSENT_LOWAT, 0: any */
    int discover[2];       /* IP_MTU_DISCOVER, IPV6_MTU_DISCOVER */
    int send_buffer;       /* as getsockopt() tells it, 0: not said */
    int receive_buffer;
    tfsm_time receive_timeout; /* 0: none */
    tfsm_time send_timeout;
    struct tfsm_listener_policy listener;
};

/* Text that waits for more to fill a segment: TCP_CORK, MSG_MORE. */
struct held {
    uint8_t *octets; /* null before there was any */
    size_t n;
    tfsm_time due; /* when it goes all the same, on the clock below */
};

#define ZEROCOPY_MOST 64

/* Sends with MSG_ZEROCOPY whose completion was not asked for yet, the oldest first. */
struct zerocopy {
    uint32_t first; /* number of the oldest */
    unsigned count;
    struct zerocopy_run {
        uint32_t sends;
        uint64_t end; /* in the stream: done when this is acknowledged */
    } runs[ZEROCOPY_MOST];
};

/* A connection that nobody may accept before it has text: TCP_DEFER_ACCEPT. */
struct deferred {
    endpoint_handle handle;
    tfsm_time until; /* or before this, on the clock below */
    struct deferred *next;
};

struct sock {
    int family; /* AF_INET or AF_INET6 */
    enum phase phase;
    bool over;        /* the connection has ended */
    bool told;        /* connect() has said that it is connected */
    bool peer_closed; /* the peer's FIN has come */
    bool read_shut;
    bool write_shut;
    bool bound;                /* to local and port */
    struct tfsm_address local; /* family 0: any; octets zero: any of its family */
    uint16_t port;             /* 0: none yet */
    struct endpoint_open remote;
    endpoint_handle connection;
    endpoint_handle listeners[2]; /* IPv4, IPv6; 0: none */
    int backlog;
    int error;         /* SO_ERROR */
    int soft_error;    /* an ICMP error that may pass: becomes the error of a timeout */
    uint32_t path_mtu; /* 0: the link's */
    struct choices choices;
    struct held held;
    uint64_t written; /* octets of the stream, those held included */
    struct zerocopy zerocopy;
    struct deferred *deferred;          /* in the order in which they came */
    struct endpoint_options options[2]; /* IPv4, IPv6 */
};

struct pipe {
    uint8_t octets[PIPE_ROOM];
    size_t first;
    size_t count;
    unsigned readers;
    unsigned writers;
};

/* One member of an epoll set. */
struct interest {
    struct file *file;
    int fd;
    uint32_t events;
    epoll_data_t data;
    bool disabled;     /* EPOLLONESHOT has told */
    uint64_t reported; /* EPOLLET: the file's activity when it was told last, plus one */
    struct interest *next;
};

struct file {
    enum file_kind kind;
    unsigned holders; /* its descriptor, and every call that waits for it */
    bool nonblocking;
    bool close_on_exec;
    uint64_t activity; /* grows with all that can make it ready */
    struct sock sock;
    struct pipe *pipe;
    struct interest *interests; /* of an epoll set, in the order in which they are told */
    struct file *next;
};

/* A packet that went out. */
struct queued {
    struct queued *next;
    tfsm_time at;
    size_t n;
    uint8_t octets[];
};

/* What went over the wire between two ports, for TCP_INFO. */
struct flow {
    struct tfsm_address local;
    struct tfsm_address remote;
    uint16_t local_port;
    uint16_t remote_port;
    uint32_t syn; /* number of the SYN that it began with */
    bool sent;    /* something that takes sequence numbers */
    uint32_t sent_to;
    uint32_t segs_in;
    uint32_t segs_out;
    uint32_t data_segs_in;
    uint32_t data_segs_out;
    uint32_t total_retrans;
    uint64_t bytes_sent;
    uint64_t bytes_retrans;
    tfsm_time data_out_at;
    tfsm_time data_in_at;
    tfsm_time ack_in_at;
    struct flow *next;
};

/* A call that waits. */
struct waiter {
    tfsm_time deadline; /* on the clock below, TFSM_NEVER: none */
    uint64_t seen;      /* the generation that it has looked at */
    struct waiter *next;
};

struct sockets {
    pthread_mutex_t lock;
    pthread_cond_t news;  /* for who waits */
    pthread_cond_t quiet; /* for the driver: all who wait have looked */
    pthread_t driver;
    struct settings settings;
    struct endpoint *ep;
    tfsm_time clock; /* microseconds since the start */
    int reserve;     /* a file of our own, of which every descriptor is a duplicate */
    struct file *fds[FDS];
    struct file *files; /* those without a descriptor, too */
    struct queued *first;
    struct queued *last;
    struct waiter *waiters;
    struct flow *flows; /* the youngest first */
    unsigned flow_count;
    uint64_t generation; /* grows with everything that who waits should look at */
    bool closing;
    unsigned asked_for; /* settings.steps: packets that may be made now */
    unsigned asked;     /* the driver has asked for the time so often, and for nothing else */
    unsigned queued;    /* packets that wait */
    bool stuck;         /* the machine's timers bring no end of packets: they are asked no more */
    bool woken; /* a thread that waited has gone on, at this time; gettimeofday() tells it so */
    pthread_t woken_thread;
    tfsm_time woken_at;
    int icmp_errno;     /* while an ICMP packet is dealt with: what it means */
    uint32_t icmp_mtu;  /* and the MTU it tells */
    unsigned port_next; /* for bind() to port 0 */
    size_t room;        /* of scratch */
    uint8_t scratch[];
};

/* ---- sockets.c: descriptors, clock, packets, waiting ---- */

/* The endpoint's time. */
static inline tfsm_time time_of(const struct sockets *s)
{
    return s->clock + CLOCK_START;
}

/* Give a file the lowest descriptor that is free; -EMFILE. */
int fd_allocate(struct sockets *s, struct file *file);
/* The descriptor is nobody's any more; its file goes when nothing holds it. */
void fd_free(struct sockets *s, int fd);
struct file *file_create(struct sockets *s, enum file_kind kind);
/* The file of a descriptor, or null. */
struct file *file_of(const struct sockets *s, int fd);
/* The socket of a descriptor; null, and *error is -EBADF or -ENOTSOCK. */
struct file *socket_of(const struct sockets *s, int fd, int *error);
void file_hold(struct file *file);
/* Lets go; the last one to do so ends the file. */
void file_release(struct sockets *s, struct file *file);
/* Something happened to a file: who waits has to look, edges are told again. */
void file_touch(struct sockets *s, struct file *file);

/* Whatever the endpoint has to send is queued, and its news reach their sockets. */
void drive_endpoint(struct sockets *s);
/* The clock goes on to a time, each deadline on the way in its turn. */
void advance_clock(struct sockets *s, tfsm_time to, const struct waiter *self);
/* The next time at which something happens by itself, or TFSM_NEVER. */
tfsm_time next_deadline(struct sockets *s);

void wait_begin(struct sockets *s, struct waiter *waiter, tfsm_time timeout);
/* 0: something happened, look again; -ETIME: the time is up; -EDEADLK: nothing can happen; -EBADF:
 * the sockets are being destroyed. */
int wait_more(struct sockets *s, struct waiter *waiter);
void wait_end(struct sockets *s, struct waiter *waiter);
/* The driver goes on only when all who wait have looked at what happened. */
void wait_until_quiet(struct sockets *s, const struct waiter *self);

int do_input(struct sockets *s, const void *packet, size_t n);
int do_next_packet(struct sockets *s, void *packet, size_t *n, long long *time_us);

/* ---- socket_address.c ---- */

/* A socket address as an argument. An IPv4-mapped one is an IPv4 address. -EINVAL, -EAFNOSUPPORT.
 */
int address_in(const struct sock *sock, const struct sockaddr *address, socklen_t size,
               struct tfsm_address *out, uint16_t *port);
/* And as a result: cut to *size, which becomes its whole length. address may be null. -EFAULT */
int address_out(const struct sock *sock, const struct tfsm_address *from, uint16_t port,
                struct sockaddr *address, socklen_t *size);
bool address_is_zero(const struct tfsm_address *address);
int address_error(unsigned family, unsigned type, unsigned code); /* of an ICMP message; 0 none */

/* ---- socket_state.c: what becomes of a socket ---- */

void sock_init(struct sockets *s, struct sock *sock, int family);
/* News of its connection. */
void sock_news(struct sockets *s, struct file *file, uint32_t news);
/* The pending error, which is cleared; 0 for none. */
int sock_take_error(struct sock *sock);
/* Options were chosen: they hold for the connection or the listeners from now on. */
void sock_apply(struct sockets *s, struct sock *sock);
/* Options of the family of its connection. */
struct endpoint_options *sock_options(struct sock *sock);
/* Back to a socket without connection; what is left of it goes its way. */
void sock_disconnect(struct sockets *s, struct sock *sock, bool abort);
void sock_stop_listening(struct sockets *s, struct sock *sock);
bool sock_acceptable(struct sockets *s, struct sock *sock);
/* A backlog that changed: taken over when nothing is half open. */
void sock_refresh_backlog(struct sockets *s, struct sock *sock);
int sock_open_listeners(struct sockets *s, struct sock *sock);
void sock_end(struct sockets *s, struct file *file);
enum tfsm_state sock_state(const struct sockets *s, const struct sock *sock);

/* ---- socket_call.c ---- */

int do_socket(struct sockets *s, int domain, int type, int protocol);
int do_bind(struct sockets *s, int fd, const struct sockaddr *address, socklen_t size);
int do_listen(struct sockets *s, int fd, int backlog);
int do_accept(struct sockets *s, int fd, struct sockaddr *address, socklen_t *size);
int do_connect(struct sockets *s, int fd, const struct sockaddr *address, socklen_t size);
int do_shutdown(struct sockets *s, int fd, int how);
int do_close(struct sockets *s, int fd);
/* Open to the remote of a socket. fast: with Fast Open. */
int sock_connect(struct sockets *s, struct file *file, bool fast);
/* Wait for a handshake to end. */
int sock_await_connection(struct sockets *s, struct file *file);
/* A port of our own for a socket without one. */
int sock_choose_port(struct sockets *s, struct sock *sock);

/* ---- socket_io.c ---- */

ssize_t do_receive(struct sockets *s, int fd, const struct iovec *pieces, size_t count, int flags);
/* The same, with control messages: what is left (TCP_INQ), completions (MSG_ERRQUEUE). */
ssize_t do_receive_message(struct sockets *s, int fd, struct msghdr *message, int flags);
ssize_t do_send(struct sockets *s, int fd, const struct iovec *pieces, size_t count, int flags,
                const struct sockaddr *address, socklen_t size);
/* read() and write(), of pipes, too. */
ssize_t do_read(struct sockets *s, int fd, const struct iovec *pieces, size_t count);
ssize_t do_write(struct sockets *s, int fd, const struct iovec *pieces, size_t count);

/* ---- socket_wait.c: what waits for more, or for somebody ---- */

/* Hand text to the connection; `more` is to come soon. *taken: how much of it. */
enum tfsm_result held_send(struct sockets *s, struct sock *sock, const uint8_t *octets, size_t n,
                           bool urgent, bool more, size_t *taken);
/* Let go what is held. */
void held_flush(struct sockets *s, struct sock *sock);
/* Octets written that never went out. */
uint32_t sock_unsent(const struct sockets *s, const struct sock *sock);
/* Octets written that are not acknowledged. */
uint32_t sock_queued(const struct sockets *s, const struct sock *sock);
/* Enough is there to read: SO_RCVLOWAT, or whatever is there once the peer can hardly send more. */
bool sock_readable(const struct sockets *s, const struct sock *sock, uint32_t readable);
/* Text may be written: less than TCP_NOTSENT_LOWAT waits. */
bool sock_wants_text(const struct sockets *s, const struct sock *sock);

/* A send with MSG_ZEROCOPY has taken its text. */
void zerocopy_sent(struct sock *sock);
/* Sends whose completion can be told: the number of the first, and how many. */
uint32_t zerocopy_done(const struct sockets *s, const struct sock *sock, uint32_t *sends);
void zerocopy_told(struct sock *sock, uint32_t sends);

/* Move what a deferring listener has to the side; true where a connection can be accepted. */
bool deferred_acceptable(struct sockets *s, struct sock *listener);
/* The first that can be; 0: none. */
endpoint_handle deferred_accept(struct sockets *s, struct sock *listener);
void deferred_end(struct sockets *s, struct sock *listener);
bool deferred_owns(const struct sock *listener, endpoint_handle handle);

/* The next time at which one of these happens by itself, or TFSM_NEVER; and what is due then. */
tfsm_time waits_deadline(const struct sockets *s);
void waits_timeout(struct sockets *s);

/* ---- socket_count.c ---- */

void count_packet(struct sockets *s, const struct tfsm_packet *packet, bool out);
/* What was counted of a connection; null: nothing. */
const struct flow *flow_of(const struct sockets *s, const struct endpoint_status_block *status);
void count_end(struct sockets *s);

/* ---- socket_pipe.c ---- */

int do_pipe(struct sockets *s, int fds[2]);
ssize_t pipe_read(struct sockets *s, struct file *file, const struct iovec *pieces, size_t count,
                  bool nonblocking);
ssize_t pipe_write(struct sockets *s, struct file *file, const struct iovec *pieces, size_t count,
                   bool nonblocking);
void pipe_end(struct sockets *s, struct file *file);
ssize_t do_splice(struct sockets *s, int from, off_t *from_offset, int to, off_t *to_offset,
                  size_t n, unsigned flags);

/* ---- socket_option.c, socket_info.c ---- */

int do_setsockopt(struct sockets *s, int fd, int level, int name, const void *value,
                  socklen_t size);
int do_getsockopt(struct sockets *s, int fd, int level, int name, void *value, socklen_t *size);
/* struct tcp_info, cut to *size. */
int sock_tcp_info(const struct sockets *s, const struct sock *sock, void *value, socklen_t *size);
uint32_t sock_mtu(const struct sockets *s, const struct sock *sock);
/* The text of a full segment. */
int sock_segment_size(const struct sockets *s, const struct sock *sock);
/* Whether ICMP may tell this socket of a smaller path MTU: IP_MTU_DISCOVER. */
bool sock_discovers(const struct sock *sock);

/* ---- socket_control.c ---- */

int do_fcntl(struct sockets *s, int fd, int command, int argument);
int do_ioctl(struct sockets *s, int fd, unsigned long request, void *argument);

/* ---- socket_poll.c ---- */

int do_poll(struct sockets *s, struct pollfd *fds, nfds_t count, int timeout_ms);
int do_epoll_create(struct sockets *s, int size);
int do_epoll_ctl(struct sockets *s, int epfd, int operation, int fd, struct epoll_event *event);
int do_epoll_wait(struct sockets *s, int epfd, struct epoll_event *events, int most,
                  int timeout_ms);
/* A file is gone: it leaves every set. */
void epoll_forget(struct sockets *s, const struct file *file);
void epoll_end(struct file *file);

#endif
