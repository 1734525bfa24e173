/* Calls that make, open and close sockets, and the addresses they take. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "call.h"

/* ---- addresses ---- */

static void fill_address(struct runner *runner, const struct tfsm_address *from, uint16_t port,
                         struct socket_address *out)
{
    memset(out, 0, sizeof *out);
    if (from->family == 4 && !runner->options->mapped) {
        struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, from->octets, 4);
        out->size = sizeof *in;
        return;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->storage;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    out->size = sizeof *in6;
    if (from->family == 4) {
        memset(in6->sin6_addr.s6_addr + 10, 0xff, 2);
        memcpy(in6->sin6_addr.s6_addr + 12, from->octets, 4);
    } else {
        memcpy(&in6->sin6_addr, from->octets, 16);
    }
}

/* inet_addr("192.0.2.1"), inet_pton(AF_INET6, "2001:db8::1"), INADDR_ANY or the string alone. */
static bool read_host(struct runner *runner, const struct script_value *value, void *out,
                      int family)
{
    const struct script_value *text = value;
    if (is_dots(value)) {
        const struct tfsm_address *local = run_local(runner);
        memcpy(out, local->octets, family == AF_INET ? 4 : 16);
        return true;
    }
    if (value->kind == SCRIPT_APPLY && strcmp(value->text, "htonl") == 0) {
        text = value->first;
    }
    if (value->kind == SCRIPT_APPLY &&
        (strcmp(value->text, "inet_addr") == 0 || strcmp(value->text, "inet_pton") == 0)) {
        text = value->first;
        while (text != NULL && text->kind != SCRIPT_STRING) {
            text = text->next;
        }
    }
    if (text != NULL && text->kind == SCRIPT_NAME && strcmp(text->text, "INADDR_ANY") == 0) {
        memset(out, 0, family == AF_INET ? 4 : 16);
        return true;
    }
    if (text == NULL || text->kind != SCRIPT_STRING || inet_pton(family, text->text, out) != 1) {
        return run_bad(runner, value->line, "this is no address of the family");
    }
    return true;
}

static const struct script_value *either_member(const struct script_value *value, const char *one,
                                                const char *other)
{
    const struct script_value *member = run_member(value, one, 99);
    return member != NULL ? member : run_member(value, other, 99);
}

/* {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("192.0.2.1")}; the members of IPv6
 * may have either name. */
static bool read_address(struct runner *runner, const struct script_value *value,
                         struct socket_address *out)
{
    int64_t number = AF_INET;
    int64_t port = 0;
    memset(out, 0, sizeof *out);
    if (!run_members(runner, value,
                     "sa_family sin_family sin6_family sin_port sin6_port sin_addr sin6_addr")) {
        return false;
    }
    const struct script_value *family = either_member(value, "sa_family", "sin_family");
    family = family != NULL ? family : run_member(value, "sin6_family", 99);
    const struct script_value *port_value = either_member(value, "sin_port", "sin6_port");
    const struct script_value *host = either_member(value, "sin_addr", "sin6_addr");
    if ((family != NULL && !run_number_in(runner, family, "family", 0, UINT16_MAX, &number)) ||
        (port_value != NULL && !run_number_in(runner, port_value, "port", 0, 65535, &port))) {
        return false;
    }
    if (number == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->storage;
        *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        out->size = sizeof *in6;
        return host == NULL || read_host(runner, host, &in6->sin6_addr, AF_INET6);
    }
    struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;
    *in =
        (struct sockaddr_in){.sin_family = (sa_family_t)number, .sin_port = htons((uint16_t)port)};
    out->size = sizeof *in;
    return host == NULL || read_host(runner, host, &in->sin_addr, AF_INET);
}

bool call_is_null(const struct script_value *value)
{
    return value->kind == SCRIPT_NAME && strcmp(value->text, "NULL") == 0;
}

/* Only what the script says of an address is looked at. */
static bool same_members(const struct script_value *value, const struct socket_address *expected,
                         const struct socket_address *actual)
{
    bool v6 = expected->storage.ss_family == AF_INET6;
    bool port = either_member(value, "sin_port", "sin6_port") != NULL;
    bool host = either_member(value, "sin_addr", "sin6_addr") != NULL;
    const struct sockaddr_in6 *six[2] = {(const struct sockaddr_in6 *)&expected->storage,
                                         (const struct sockaddr_in6 *)&actual->storage};
    const struct sockaddr_in *four[2] = {(const struct sockaddr_in *)&expected->storage,
                                         (const struct sockaddr_in *)&actual->storage};
    if (expected->storage.ss_family != actual->storage.ss_family ||
        (port && four[0]->sin_port != four[1]->sin_port)) { /* it stands in the same place */
        return false;
    }
    return !host || (v6 ? memcmp(&six[0]->sin6_addr, &six[1]->sin6_addr, 16) == 0
                        : four[0]->sin_addr.s_addr == four[1]->sin_addr.s_addr);
}

bool call_address_holds(struct runner *runner, const struct script_value *value,
                        const struct script_value *length, const struct socket_address *actual)
{
    struct socket_address expected;
    int64_t size;
    bool said = !is_dots(value) && !call_is_null(value);
    if (said && !read_address(runner, value, &expected)) {
        return false;
    }
    if (said && !same_members(value, &expected, actual)) {
        return run_failed(runner, "the address is another one");
    }
    if (is_dots(length) || call_is_null(length)) {
        return true;
    }
    if (!run_number(runner, length, &size)) {
        return false;
    }
    return size == (int64_t)actual->size ||
           run_failed(runner, "the address has %u octets, expected %" PRId64,
                      (unsigned)actual->size, size);
}

/* The address of an argument; `...` is the stack's own, or the peer's. */
bool call_address(struct runner *runner, const struct script_value *value, bool ours,
                  struct socket_address *out)
{
    if (is_dots(value)) {
        fill_address(runner, ours ? run_local(runner) : run_remote(runner),
                     ours ? runner->options->bind_port : runner->options->connect_port, out);
        return true;
    }
    return read_address(runner, value, out);
}

/* ---- sockets ---- */

enum attempt call_socket(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    int domain = runner->options->ipv6 || runner->options->mapped ? AF_INET6 : AF_INET;
    domain = is_dots(a->value[0]) ? domain : (int)a->number[0];
    return call_answered(
        answer, runner->stack->socket(runner->user, domain, (int)a->number[1], (int)a->number[2]));
}

enum attempt call_bind(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct socket_address address;
    if (!call_address(runner, a->value[1], true, &address)) {
        return CALL_WRONG;
    }
    call_answered(answer, runner->stack->bind(runner->user, run_fd(runner, a->number[0]),
                                              (struct sockaddr *)&address.storage, address.size));
    uint16_t port = ntohs(((const struct sockaddr_in *)&address.storage)->sin_port);
    runner->bind_port = answer->value == 0 && port != 0 ? port : runner->bind_port;
    return CALL_DONE;
}

enum attempt call_listen(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return call_answered(answer, runner->stack->listen(runner->user, run_fd(runner, a->number[0]),
                                                       (int)a->number[1]));
}

enum attempt call_accept(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct socket_address address = {.size = sizeof address.storage};
    int fd = run_fd(runner, a->number[0]);
    int flags = call_unblock(runner, fd);
    int64_t value =
        runner->stack->accept(runner->user, fd, (struct sockaddr *)&address.storage, &address.size);
    call_block_again(runner, fd, flags);
    enum attempt attempt = call_unless_blocked(runner, fd, SO_RCVTIMEO, value, flags, answer);
    bool wrong = attempt == CALL_DONE && answer->value >= 0 &&
                 !call_address_holds(runner, a->value[1], a->value[2], &address);
    return wrong ? CALL_WRONG : attempt;
}

/* What became of a connection attempt that goes on, if anything. */
static enum attempt connected(struct runner *runner, int fd, struct answer *answer)
{
    struct pollfd poll = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (runner->stack->poll(runner->user, &poll, 1, 0) <= 0) {
        enum attempt attempt = call_waits(runner, fd, SO_SNDTIMEO, answer);
        answer->error = attempt == CALL_DONE ? EINPROGRESS : 0;
        return attempt;
    }
    runner->stack->getsockopt(runner->user, fd, SOL_SOCKET, SO_ERROR, &error, &size);
    answer->value = error != 0 ? -1 : 0;
    answer->error = error;
    return CALL_DONE;
}

enum attempt call_connect(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct socket_address address;
    int fd = run_fd(runner, a->number[0]);
    if (runner->pending.begun) {
        return connected(runner, fd, answer);
    }
    if (!call_address(runner, a->value[1], false, &address)) {
        return CALL_WRONG;
    }
    int flags = call_unblock(runner, fd);
    int64_t value =
        runner->stack->connect(runner->user, fd, (struct sockaddr *)&address.storage, address.size);
    call_block_again(runner, fd, flags);
    call_answered(answer, value);
    runner->opens = runner->opens || value == 0 || answer->error == EINPROGRESS;
    if (flags < 0 || value == 0 || answer->error != EINPROGRESS) {
        return CALL_DONE;
    }
    runner->pending.begun = true;
    return connected(runner, fd, answer);
}

enum attempt call_shutdown(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return call_answered(answer, runner->stack->shutdown(runner->user, run_fd(runner, a->number[0]),
                                                         (int)a->number[1]));
}

/* ---- close ---- */

static bool lingers(struct runner *runner, int fd, struct linger *linger)
{
    socklen_t size = sizeof *linger;
    return runner->stack->getsockopt(runner->user, fd, SOL_SOCKET, SO_LINGER, linger, &size) == 0 &&
           linger->l_onoff != 0 && linger->l_linger > 0;
}

/* Whether the peer has all that was written and our FIN. */
static bool is_flushed(struct runner *runner, int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    runner->stack->getsockopt(runner->user, fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    /* FIN-WAIT-1, LAST-ACK and CLOSING wait for the acknowledgment of our FIN. */
    return info.tcpi_state != 4 && info.tcpi_state != 9 && info.tcpi_state != 11;
}

static void forget(struct runner *runner, int64_t script)
{
    struct descriptor *descriptor = run_descriptor(runner, script);
    if (descriptor != NULL) {
        runner->socket = runner->socket == descriptor->stack ? -1 : runner->socket;
        *descriptor = (struct descriptor){.used = false};
    }
}

/* What nobody has read makes close() a reset, which waits for nothing. */
static bool has_unread(struct runner *runner, int fd)
{
    int readable = 0;
    return runner->stack->ioctl(runner->user, fd, FIONREAD, &readable) == 0 && readable > 0;
}

/* With SO_LINGER close() waits for the peer: here the FIN goes out first, and the descriptor goes
 * when it is acknowledged or the time is over. */
enum attempt call_close(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    int fd = run_fd(runner, a->number[0]);
    struct linger linger;
    struct pending *pending = &runner->pending;
    if (pending->begun || lingers(runner, fd, &linger)) {
        if (!pending->begun && !has_unread(runner, fd)) {
            pending->begun = true;
            pending->due = run_now(runner) + (int64_t)linger.l_linger * 1000000;
            runner->stack->shutdown(runner->user, fd, SHUT_WR);
        }
        if (pending->begun && !is_flushed(runner, fd) && run_now(runner) < pending->due) {
            return CALL_WAITS;
        }
        linger = (struct linger){0, 0};
        runner->stack->setsockopt(runner->user, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    call_answered(answer, runner->stack->close(runner->user, fd));
    if (answer->value == 0) {
        forget(runner, a->number[0]);
    }
    return CALL_DONE;
}
