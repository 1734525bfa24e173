/* `tcpfsm serve`: services over the state machine, behind a TUN device, for whoever the kernel
 * routes to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "services.h"
#include "tunnel.h"

#define CONNECTIONS 2048u
#define BACKLOG     1024u
#define BUFFER      262144u /* octets, each way */
#define FAST_OPENS  32u
#define MSL         UINT64_C(30000000) /* as Linux: a server that closes first is held up by it */
#define IDLE        300u               /* seconds */

enum { KEY_SERVICE = 1, KEY_PORT, KEY_FILE, KEY_IDLE };

struct serving {
    enum service service;
    uint16_t port;
};

struct arguments {
    struct cli_parse parse;
    struct tunnel tunnel;
    struct serving serving[SERVICES];
    unsigned count;
    uint16_t port; /* for what no --service comes before; 0 none */
    const char *path;
    uint64_t idle; /* seconds */
    int file;
    uint64_t file_size;
    struct services *services;
};

/* ---- options ---- */

static error_t parse_service(struct arguments *arguments, const char *arg, struct argp_state *state)
{
    enum service service;
    if (!service_named(arg, &service)) {
        return cli_misuse(state, arg, "no such service: echo, discard, chargen or http");
    }
    for (unsigned i = 0; i < arguments->count; i++) {
        if (arguments->serving[i].service == service) {
            return cli_misuse(state, arg, "the same service twice");
        }
    }
    arguments->serving[arguments->count++] =
        (struct serving){service, arguments->port != 0 ? arguments->port : service_port(service)};
    arguments->port = 0;
    return 0;
}

/* Of the service before it; when there is none, of the one after it. */
static error_t parse_port(struct arguments *arguments, const char *arg, struct argp_state *state)
{
    uint64_t value;
    if (!cli_number(arg, 1, UINT16_MAX, &value)) {
        return cli_misuse(state, arg, "a port is 1 to 65535");
    }
    if (arguments->count > 0) {
        arguments->serving[arguments->count - 1].port = (uint16_t)value;
    } else {
        arguments->port = (uint16_t)value;
    }
    return 0;
}

static error_t parse_idle(struct arguments *arguments, const char *arg, struct argp_state *state)
{
    if (!cli_number(arg, 0, 1000000, &arguments->idle)) {
        return cli_misuse(state, arg, "idle is 0 to 1000000 seconds");
    }
    return 0;
}

static error_t check(struct arguments *arguments, struct argp_state *state)
{
    bool http = false;
    if (arguments->count == 0) {
        arguments->serving[arguments->count++] = (struct serving){
            SERVICE_ECHO, arguments->port != 0 ? arguments->port : service_port(SERVICE_ECHO)};
    }
    for (unsigned i = 0; i < arguments->count; i++) {
        http = http || arguments->serving[i].service == SERVICE_HTTP;
        for (unsigned j = 0; j < i; j++) {
            if (arguments->serving[i].port == arguments->serving[j].port) {
                return cli_misuse(state, "--port", "two services at one port");
            }
        }
    }
    if (arguments->path != NULL && !http) {
        return cli_misuse(state, "--file", "only with --service http");
    }
    return tunnel_check(&arguments->tunnel, state);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    error_t error = tunnel_key(&arguments->tunnel, key, arg, state);
    if (error == ARGP_ERR_UNKNOWN) {
        switch (key) {
        case KEY_SERVICE:
            error = parse_service(arguments, arg, state);
            break;
        case KEY_PORT:
            error = parse_port(arguments, arg, state);
            break;
        case KEY_FILE:
            arguments->path = arg;
            error = 0;
            break;
        case KEY_IDLE:
            error = parse_idle(arguments, arg, state);
            break;
        case ARGP_KEY_ARG:
            return cli_misuse(state, arg, "takes no argument");
        case ARGP_KEY_END:
            return arguments->parse.done ? 0 : check(arguments, state);
        default:
            return cli_key(key, state);
        }
    }
    arguments->parse.last = state->next;
    return error;
}

/* ---- the file ---- */

/* Only what has a size can be served. */
static int open_file(struct arguments *arguments)
{
    struct stat status;
    if (arguments->path == NULL) {
        return CLI_FINE;
    }
    arguments->file = open(arguments->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (arguments->file < 0 || fstat(arguments->file, &status) != 0) {
        return cli_fail(arguments->path, "%s", strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return cli_fail(arguments->path, "is not a file");
    }
    arguments->file_size = (uint64_t)status.st_size;
    return CLI_FINE;
}

/* ---- running ---- */

static void on_news(void *user, endpoint_handle handle, uint32_t news, tfsm_time now)
{
    const struct arguments *arguments = user;
    services_news(arguments->services, handle, news, now);
}

static void on_turn(void *user, tfsm_time now)
{
    const struct arguments *arguments = user;
    services_sweep(arguments->services, now);
}

static tfsm_time deadline(const void *user)
{
    const struct arguments *arguments = user;
    return services_deadline(arguments->services);
}

static bool over(const void *user)
{
    const struct arguments *arguments = user;
    return services_over(arguments->services);
}

static void on_close(void *user, tfsm_time now)
{
    const struct arguments *arguments = user;
    services_close(arguments->services, now);
}

static void on_abort(void *user, tfsm_time now)
{
    const struct arguments *arguments = user;
    services_abort(arguments->services, now);
}

static int start_services(struct arguments *arguments)
{
    struct tunnel *tunnel = &arguments->tunnel;
    const struct endpoint_config *config = &tunnel->settings.endpoint;
    struct services_config wanted = {.endpoint = tunnel->endpoint,
                                     .connections = config->connections,
                                     .idle = arguments->idle * 1000000,
                                     .file = arguments->file,
                                     .file_size = arguments->file_size};
    arguments->services = services_create(&wanted, waiting_now());
    if (arguments->services == NULL) {
        return cli_fail("serve", "not enough memory");
    }
    for (unsigned i = 0; i < arguments->count; i++) {
        for (unsigned family = 4; family <= 6; family += 2) {
            enum tfsm_result result = services_listen(
                arguments->services, arguments->serving[i].service, family,
                arguments->serving[i].port, config->backlog, &tunnel->settings.listener);
            if (result != TFSM_DONE) {
                return cli_fail(service_name(arguments->serving[i].service), "%s",
                                tfsm_result_name(result));
            }
        }
    }
    return CLI_FINE;
}

/* One line, once everything is there: who starts this can wait for it. */
static void announce(const struct arguments *arguments)
{
    const struct tun_plan *plan = &arguments->tunnel.plan;
    FILE *to = arguments->tunnel.report;
    char ours[INET6_ADDRSTRLEN];
    char host[INET6_ADDRSTRLEN];
    fprintf(to, "serving");
    for (unsigned i = 0; i < arguments->count; i++) {
        fprintf(to, "%s %s at port %u", i > 0 ? "," : "",
                service_name(arguments->serving[i].service), arguments->serving[i].port);
    }
    for (unsigned i = 0; i < plan->count; i++) {
        int family = plan->ours[i].address.family == 4 ? AF_INET : AF_INET6;
        inet_ntop(family, plan->ours[i].address.octets, ours, sizeof ours);
        inet_ntop(family, plan->host[i].octets, host, sizeof host);
        fprintf(to, "%s %s/%u", i > 0 ? "," : " of", ours, plan->ours[i].prefix);
        if (!arguments->tunnel.tun.as_found) {
            fprintf(to, " (the kernel is %s)", host);
        }
    }
    fprintf(to, " through %s\n", plan->name);
    tunnel_flush(&arguments->tunnel);
}

static void report(const struct arguments *arguments)
{
    FILE *to = arguments->tunnel.report;
    const struct services_counters *counters = services_counted(arguments->services);
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {{"accepted", counters->accepted},
                 {"closed", counters->closed},
                 {"reset", counters->reset},
                 {"failed", counters->failed},
                 {"idle", counters->idle},
                 {"TIME-WAIT shortened", counters->shortened},
                 {"displaced", counters->displaced},
                 {"aborted", counters->aborted},
                 {"http requests", counters->requests},
                 {"octets in", counters->octets_in},
                 {"octets out", counters->octets_out}};
    fprintf(to, "services:\n");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (lines[i].value > 0) {
            fprintf(to, "  %-20s %12" PRIu64 "\n", lines[i].name, lines[i].value);
        }
    }
    tunnel_report(&arguments->tunnel);
}

static int run(struct arguments *arguments)
{
    struct tunnel *tunnel = &arguments->tunnel;
    char error[DRIVER_ERROR];
    struct driver_app app = {.user = arguments,
                             .news = on_news,
                             .turn = on_turn,
                             .deadline = deadline,
                             .over = over,
                             .close = on_close,
                             .abort = on_abort};
    int status = open_file(arguments);
    status = status == CLI_FINE ? tunnel_open(tunnel) : status;
    status = status == CLI_FINE ? start_services(arguments) : status;
    status = status == CLI_FINE ? tunnel_drive(tunnel, &app) : status;
    if (status == CLI_FINE) {
        announce(arguments);
        bool fine = driver_run(tunnel->driver, error);
        report(arguments);
        status = fine ? CLI_FINE : cli_fail(tunnel->plan.name, "%s", error);
    }
    services_destroy(arguments->services);
    if (arguments->file >= 0) {
        close(arguments->file);
    }
    return tunnel_close(tunnel, status);
}

int command_serve(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"service", KEY_SERVICE, "NAME", 0,
         "echo (default), discard, chargen or http; again for another", 0},
        {"port", KEY_PORT, "N", 0, "Its port (7, 9, 19, 80)", 0},
        {"file", KEY_FILE, "FILE", 0, "http: what is at /; else a page with counters", 0},
        {"idle", KEY_IDLE, "SECONDS", 0,
         "Give up what is idle for so long, or has sent no whole request; 0 never (300)", 0},
        TUNNEL_OPTIONS,
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "--tun NAME --addr A/BITS",
        .doc =
            "Serve TCP through a TUN device.\n"
            "\v"
            "Under / the http service answers /N and /octets/N with N octets, each a function "
            "of its offset.\n"
            "When places get scarce the oldest connections in TIME-WAIT end early; when a client "
            "finds none free, what is idle longest, for two seconds at least, is reset.\n"
            "SIGINT and SIGTERM close what is open and print counters; a second one, or five "
            "seconds, reset what is left.\n"
            "Exit status: 0 ended by a signal, 2 bad usage, or something failed."};
    static struct arguments arguments = {
        .parse = {.name = "tcpfsm serve"}, .idle = IDLE, .file = -1};
    struct settings *settings = &arguments.tunnel.settings;
    int status;
    tunnel_default(&arguments.tunnel);
    if (!cli_options(&argp, argc, argv, 0, &arguments, &status)) {
        return status;
    }
    settings->endpoint.connections = CONNECTIONS;
    settings->connections_said = true;
    settings->endpoint.backlog = BACKLOG;
    settings->endpoint.syn_acks = BACKLOG;
    settings->endpoint.resets = BACKLOG;
    settings->listener.fast_open = FAST_OPENS;
    status = tunnel_settle(&arguments.tunnel, BUFFER, MSL);
    return status == CLI_FINE ? run(&arguments) : status;
}
