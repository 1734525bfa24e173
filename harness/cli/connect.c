/* `tcpfsm connect`: one connection through a TUN device, with standard input and output as the
 * stream. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "stream.h"
#include "tunnel.h"

#define BUFFER 1048576u            /* octets, each way */
#define LINGER UINT64_C(1000000)   /* microseconds in TIME-WAIT where packets get lost */
#define MSL    UINT64_C(120000000) /* RFC9293:3.4.2 */

enum { KEY_FAST_OPEN = 1, KEY_WARM, KEY_SOURCE_PORT };

struct arguments {
    struct cli_parse parse;
    struct tunnel tunnel;
    const char *peer;
    struct stream_config stream;
};

/* ---- options ---- */

static bool read_port(const char *text, uint16_t *port)
{
    uint64_t value = 0;
    bool is_port = cli_number(text, 1, UINT16_MAX, &value);
    *port = (uint16_t)(value & 0xffff);
    return is_port;
}

/* `a.b.c.d:port` or `[v6]:port`. */
static error_t parse_peer(struct arguments *arguments, const char *arg, struct argp_state *state)
{
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(arg, ':');
    bool bracket = arg[0] == '[';
    size_t n = colon != NULL ? (size_t)(colon - arg) : 0;
    if (arguments->peer != NULL) {
        return cli_misuse(state, arg, "one peer at a time");
    }
    if (colon == NULL || n >= sizeof host || (bracket && (n < 2 || arg[n - 1] != ']'))) {
        return cli_misuse(state, arg, "the peer is ADDRESS:PORT or [ADDRESS]:PORT");
    }
    memcpy(host, arg + bracket, n - 2 * bracket);
    host[n - 2 * bracket] = '\0';
    const char *complaint = tun_read_host(host, &arguments->stream.open.remote);
    if (complaint != NULL) {
        return cli_misuse(state, arg, complaint);
    }
    if (bracket != (arguments->stream.open.remote.family == 6)) {
        return cli_misuse(state, arg, "the peer is ADDRESS:PORT or [ADDRESS]:PORT");
    }
    if (!read_port(colon + 1, &arguments->stream.open.remote_port)) {
        return cli_misuse(state, arg, "a port is 1 to 65535");
    }
    arguments->peer = arg;
    return 0;
}

static error_t check(struct arguments *arguments, struct argp_state *state)
{
    const struct tun_plan *plan = &arguments->tunnel.plan;
    error_t error = tunnel_check(&arguments->tunnel, state);
    if (error != 0) {
        return error;
    }
    for (unsigned i = 0; i < plan->count; i++) {
        if (plan->ours[i].address.family == arguments->stream.open.remote.family) {
            return 0;
        }
    }
    return cli_misuse(state, arguments->peer, "no --addr is of its family");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    error_t error = tunnel_key(&arguments->tunnel, key, arg, state);
    if (error == ARGP_ERR_UNKNOWN) {
        error = 0;
        switch (key) {
        case KEY_FAST_OPEN:
            arguments->stream.fast_open = true;
            break;
        case KEY_WARM:
            arguments->stream.fast_open = true;
            arguments->stream.warm = true;
            break;
        case KEY_SOURCE_PORT:
            if (!read_port(arg, &arguments->stream.open.local_port)) {
                error = cli_misuse(state, arg, "a port is 1 to 65535");
            }
            break;
        case ARGP_KEY_ARG:
            error = parse_peer(arguments, arg, state);
            break;
        case ARGP_KEY_NO_ARGS:
            return arguments->parse.done ? 0 : cli_misuse(state, "PEER:PORT", "is missing");
        case ARGP_KEY_END:
            return arguments->parse.done || arguments->peer == NULL ? 0 : check(arguments, state);
        default:
            return cli_key(key, state);
        }
    }
    arguments->parse.last = state->next;
    return error;
}

/* ---- running ---- */

/* One line that says why; CLI_FINDING when it was the peer or the network. */
static int explain(const struct arguments *arguments, const struct stream *stream)
{
    const char *peer = arguments->peer;
    switch (stream_ended(stream)) {
    case STREAM_OPEN:
    case STREAM_CLOSED:
        return CLI_FINE;
    case STREAM_REFUSED:
        cli_fail(peer, "connection refused");
        break;
    case STREAM_RESET:
        cli_fail(peer, "connection reset");
        break;
    case STREAM_TIMED_OUT:
        cli_fail(peer, "timed out");
        break;
    case STREAM_UNREACHABLE:
        cli_fail(peer, "unreachable");
        break;
    case STREAM_ABORTED:
        cli_fail(peer, "interrupted");
        break;
    case STREAM_NOT_OPENED:
        return cli_fail(peer, "%s", tfsm_result_name(stream_result(stream)));
    case STREAM_INPUT_FAILED:
        return cli_fail("standard input", "%s", strerror(stream_errno(stream)));
    case STREAM_OUTPUT_FAILED:
        return cli_fail("standard output", "%s", strerror(stream_errno(stream)));
    }
    return CLI_FINDING;
}

static void report(const struct arguments *arguments, const struct stream *stream)
{
    if (arguments->tunnel.verbose) {
        fprintf(stderr, "stream:\n  %-20s %12" PRIu64 "\n  %-20s %12" PRIu64 "\n", "octets in",
                stream_octets_in(stream), "octets out", stream_octets_out(stream));
        tunnel_report(&arguments->tunnel);
    }
}

static int run(struct arguments *arguments)
{
    struct tunnel *tunnel = &arguments->tunnel;
    char error[DRIVER_ERROR];
    int status = tunnel_open(tunnel);
    if (status != CLI_FINE) {
        return tunnel_close(tunnel, status);
    }
    arguments->stream.endpoint = tunnel->endpoint;
    arguments->stream.input = STDIN_FILENO;
    arguments->stream.output = STDOUT_FILENO;
    arguments->stream.linger = tunnel->impairment.any ? LINGER : 0;
    struct stream *stream = stream_create(&arguments->stream);
    if (stream == NULL) {
        return tunnel_close(tunnel, cli_fail("connect", "not enough memory"));
    }
    struct driver_app app = stream_app(stream);
    status = tunnel_drive(tunnel, &app);
    if (status == CLI_FINE) {
        stream_run_by(stream, tunnel->driver);
        bool fine = driver_run(tunnel->driver, error);
        tunnel_flush(tunnel); /* what went wrong comes after what happened */
        status = fine ? explain(arguments, stream) : cli_fail(tunnel->plan.name, "%s", error);
        report(arguments, stream);
    }
    stream_destroy(stream);
    return tunnel_close(tunnel, status);
}

int command_connect(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"source-port", KEY_SOURCE_PORT, "N", 0, "Our port (an ephemeral one)", 0},
        {"fast-open", KEY_FAST_OPEN, NULL, 0,
         "What is on standard input first goes along with the SYN, given a cookie", 0},
        {"warm", KEY_WARM, NULL, 0, "The same, after a connection that fetches the cookie", 0},
        TUNNEL_OPTIONS,
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "--tun NAME --addr A/BITS PEER:PORT",
        .doc = "Connect through a TUN device; standard input and output are the stream.\n"
               "\v"
               "The end of standard input closes our side; what the peer sends is read to its "
               "end. An IPv6 peer is [ADDRESS]:PORT. The ladder and the counters of -v go to "
               "standard error.\n"
               "Exit status: 0 closed in order, 1 refused, reset, timed out or interrupted, 2 bad "
               "usage, or something failed."};
    static struct arguments arguments = {.parse = {.name = "tcpfsm connect"}};
    struct settings *settings = &arguments.tunnel.settings;
    int status;
    tunnel_default(&arguments.tunnel);
    arguments.tunnel.report = stderr;
    if (!cli_options(&argp, argc, argv, 0, &arguments, &status)) {
        return status;
    }
    settings->endpoint.connections = 4;
    settings->connections_said = true;
    settings->endpoint.listeners = 0;
    status = tunnel_settle(&arguments.tunnel, BUFFER, MSL);
    return status == CLI_FINE ? run(&arguments) : status;
}
