/* What the files that carry out a script share: the runner, its peers, its file descriptors. */
#ifndef HARNESS_SCRIPT_RUN_INTERNAL_H
#define HARNESS_SCRIPT_RUN_INTERNAL_H

#include "packet.h"
#include "script_run.h"

#define PEERS_MOST   256
#define FDS_MOST     1024
#define STAMPS_MOST  256
#define COOKIES_MOST 16
#define FOREIGN_MOST 256

/* One connection as the script sees it: where the numbers 0 of both ends are on the wire. */
struct peer {
    uint16_t local_port;
    uint16_t remote_port;
    struct tfsm_address address; /* of our end, where the stack chose it for a connection it opened;
                                    family 0: the script's */
    struct tfsm_address remote_address; /* of the other; family 0: the script's */
    uint32_t echo; /* wire minus script, of what we echo: where both ends are the stack's */
    bool opens; /* a connection with this first number, whose SYN was not seen */
    uint32_t opens_with;
    bool local_known;  /* our SYN was seen */
    bool remote_known; /* the peer's, and we acknowledged it */
    bool over;         /* the connection may have ended: our numbers may begin anew */
    bool stamp_known;
    uint32_t local; /* wire minus script, of our numbers */
    uint32_t local_isn;
    uint32_t remote; /* and of the peer's */
    uint32_t remote_isn;
    uint32_t last_syn;   /* of the peer, of the script */
    int64_t syn_sent_at; /* our last SYN */
    uint32_t stamp;      /* wire minus script, of our timestamps */
    /* While a SYN-ACK of another connection is not acknowledged: what was before it. */
    bool reopens;
    uint32_t local_before;
    uint32_t local_isn_before;
    uint32_t remote_isn_before;
};

/* Octets [from, to) of a stream. */
struct range {
    uint64_t from;
    uint64_t to;
};

/* A file descriptor of the script; numbers of the stack may differ. */
struct descriptor {
    bool used;
    int script;
    int stack;
    bool pipe;
    uint64_t written; /* octets of the stream */
    uint64_t read;
};

/* A cookie that has a name. */
struct cookie {
    const char *name;
    uint8_t octets[16];
    unsigned length;
};

/* A call that blocks and has not come back. */
struct pending {
    const struct script_event *event;
    const struct script_call *call; /* null: none */
    int64_t end;
    int64_t due;  /* poll(), epoll_wait(), close() with SO_LINGER: when it gives up; else 0 */
    int64_t done; /* octets so far */
    bool begun;   /* connect(), close(), or a write that opens, goes on */
};

struct runner {
    const struct script_run *run;
    const struct script_options *options;
    const struct packetdrill_interface *stack;
    void *user; /* of the stack */
    struct script_result *result;
    const struct script_event *event;
    int64_t start;  /* the stack's clock when the script began */
    int64_t last;   /* time of the event before, of the script */
    bool last_said; /* which the script itself has said */
    int64_t moved;  /* when the event now carried out happened */
    struct peer peers[PEERS_MOST];
    unsigned peer_count;
    struct peer *current; /* of packets without ports */
    struct descriptor fds[FDS_MOST];
    struct cookie cookies[COOKIES_MOST];
    unsigned cookie_count;
    struct pending pending;
    bool addressed; /* packets of the script say between which addresses */
    bool fresh;     /* a call has opened a connection with this first number */
    uint32_t fresh_isn;
    uint32_t opened;    /* connections whose first number is known */
    bool opens;         /* a connection was opened whose SYN was not seen yet */
    uint16_t bind_port; /* where the peer's packets go that say nothing else */
    /* Where in its streams the script wrote octets of its own: these are not looked at. */
    struct range foreign[FOREIGN_MOST];
    unsigned foreign_count;
    bool mixed; /* it wrote to a pipe: what comes out of one is not looked at */
    int socket; /* of the stack: what %{ }% asks about; -1 none */
    uint8_t octets[PACKET_MOST];
    uint8_t text[PACKET_MOST];
};

/* ---- run.c ---- */

/* The first thing wrong ends the run. Both return false. */
bool run_failed(struct runner *runner, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool run_bad(struct runner *runner, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* More lines to a failure. */
void run_detail(struct runner *runner, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The stack's clock, microseconds since the script began. */
int64_t run_now(struct runner *runner);

/* Let time pass until then; the pending call is looked at when it has to be. */
bool run_pass_time(struct runner *runner, int64_t until);

/* Octet k of the stream of our user and of the peer: whatever is misplaced is seen. */
uint8_t run_octet(bool ours, uint64_t k);

/* Octets that the script makes itself: from now on they are not looked at. */
void run_foreign(struct runner *runner, uint64_t from, uint64_t n);
bool run_is_foreign(const struct runner *runner, uint64_t at);

/* The connection of these ports, made where there is none; null when there are too many. */
struct peer *run_peer(struct runner *runner, uint16_t local_port, uint16_t remote_port);

/* The same where the script says addresses, too. */
struct peer *run_peer_at(struct runner *runner, const struct tfsm_address *local,
                         const struct tfsm_address *remote, uint16_t local_port,
                         uint16_t remote_port);

/* A call was made: it may have opened a connection. */
void run_note_opened(struct runner *runner, struct peer *peer);

/* The stack's address in the family the packets have, and the peer's. */
const struct tfsm_address *run_local(const struct runner *runner);
const struct tfsm_address *run_remote(const struct runner *runner);

/* ---- match.c ---- */

bool run_arrives(struct runner *runner, const struct script_segment *segment);
bool run_icmp(struct runner *runner, const struct script_icmp *icmp);
bool run_octets(struct runner *runner, const char *hex);

/* Wait for a packet of the stack and hold it against the event. */
bool run_sends(struct runner *runner, const struct script_event *event, int64_t from, int64_t to);

/* Whether the stack has sent something that no event asked for. */
bool run_left_over(struct runner *runner);

/* ---- call.c ---- */

bool run_call(struct runner *runner, const struct script_event *event, int64_t end);

/* Look whether the pending call has come back, at the time it is now. `last`: it must have. */
bool run_pending(struct runner *runner, bool last);

/* ---- argument.c ---- */

/* A constant or an errno by its name. */
bool run_constant(const char *name, int64_t *number);

/* Every constant and every errno that scripts can name. */
void run_each_constant(void (*each)(void *user, const char *name, int64_t number), void *user);

/* A number, a constant, or several of them or'ed. False and a complaint where it is none. */
bool run_number(struct runner *runner, const struct script_value *value, int64_t *number);

/* The number of an errno's name, 0 for none. */
int run_errno(const char *name);
const char *run_errno_name(int number);

/* The stack's file descriptor of a script's; -1 (a bad one) where there is none. */
int run_fd(struct runner *runner, int64_t script);
struct descriptor *run_descriptor(struct runner *runner, int64_t script);
bool run_new_fd(struct runner *runner, int script, int stack);

/* Whether a structure has members of these names alone (separated by blanks); "*" also such without
 * a name. False after a complaint. */
bool run_members(struct runner *runner, const struct script_value *structure, const char *names);

/* A number that fits; `what` for the complaint. */
bool run_number_in(struct runner *runner, const struct script_value *value, const char *what,
                   int64_t least, int64_t most, int64_t *number);

/* The member of a structure with a name, or the n-th without, or null. */
const struct script_value *run_member(const struct script_value *structure, const char *name,
                                      unsigned n);

/* ---- code.c ---- */

/* The assertions of %{ }%: about TCP_INFO of the last socket. */
bool run_code(struct runner *runner, const char *text);

/* A field of TCP_INFO by its name (tcpi_state); false where there is none. */
struct tcp_info;
bool run_info_field(const struct tcp_info *info, const char *name, int64_t *number);

#endif
