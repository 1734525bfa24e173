/* What the files of system calls share: arguments, answers, and how a call is kept from blocking.
 * call.c knows which call it is and holds the answer against the script; each other file makes a
 * family of calls. */
#ifndef HARNESS_SCRIPT_CALL_H
#define HARNESS_SCRIPT_CALL_H

#include <errno.h>

#include "run_internal.h"

#define ARGUMENTS_MOST 8

/* What became of one try. */
enum attempt {
    CALL_DONE,  /* answer is filled in */
    CALL_WAITS, /* it would block */
    CALL_WRONG  /* and the complaint is made */
};

struct answer {
    int64_t value;
    int error; /* errno, with -1 */
};

struct arguments {
    const struct script_value *value[ARGUMENTS_MOST];
    int64_t number[ARGUMENTS_MOST]; /* of those that are numbers */
    unsigned count;
};

typedef enum attempt handler(struct runner *runner, const struct arguments *a,
                             struct answer *answer);

/* An answer as a system call gives it, errno with -1. */
enum attempt call_answered(struct answer *answer, int64_t value);

static inline bool is_dots(const struct script_value *value)
{
    return value->kind == SCRIPT_DOTS;
}

/* Make a descriptor non-blocking; returns its flags as they were, or -1 where nothing is to be put
 * back. */
int call_unblock(struct runner *runner, int fd);
void call_block_again(struct runner *runner, int fd, int flags);

/* The answer of a call that was made without blocking: it waits where its descriptor would, but no
 * longer than the option says, SO_RCVTIMEO or SO_SNDTIMEO. */
enum attempt call_unless_blocked(struct runner *runner, int fd, int option, int64_t value,
                                 int flags, struct answer *answer);

/* Wait on, until the option's time is over: then it is EAGAIN. */
enum attempt call_waits(struct runner *runner, int fd, int option, struct answer *answer);

/* An address as a call takes it. */
struct socket_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

/* The address of an argument; `...` is the stack's own, or the peer's. False after a complaint. */
bool call_address(struct runner *runner, const struct script_value *value, bool ours,
                  struct socket_address *out);

/* Whether an address that a call told is the one the script says, and its length. */
bool call_address_holds(struct runner *runner, const struct script_value *value,
                        const struct script_value *length, const struct socket_address *actual);

/* NULL as an argument. */
bool call_is_null(const struct script_value *value);

/* ---- the calls ---- */

handler call_socket;
handler call_bind;
handler call_listen;
handler call_accept;
handler call_connect;
handler call_shutdown;
handler call_close;
handler call_read;
handler call_recv;
handler call_recvfrom;
handler call_write;
handler call_send;
handler call_sendto;
handler call_readv;
handler call_writev;
handler call_recvmsg;
handler call_sendmsg;
handler call_setsockopt;
handler call_getsockopt;
handler call_fcntl;
handler call_ioctl;
handler call_poll;
handler call_epoll_create;
handler call_epoll_ctl;
handler call_epoll_wait;
handler call_pipe;
handler call_splice;

#endif
