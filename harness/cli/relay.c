/* `tcpfsm relay`: a wire between two TUN devices, so between two kernels, or a kernel and whoever is routed to
 * through another. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "impair.h"
#include "outlet.h"
#include "relay.h"
#include "tun.h"
#include "tunnel.h"

#define SECOND   UINT64_C(1000000) /* microseconds */
#define PATIENCE 1000              /* milliseconds with who does not read what --stats shows */

enum { KEY_TUN = 1, KEY_NETNS, KEY_ADDR, KEY_MTU, KEY_SECONDS, KEY_STATS };

struct arguments {
    struct cli_parse parse;
    struct tun_plan plans[2];
    unsigned devices; /* of these are named */
    unsigned mtu;
    struct impairment impairment;
    uint64_t seconds; /* 0: until a signal */
    bool stats;
    /* what there is once it runs */
    struct tun tuns[2];
    struct relay *relay;
    struct outlet *outlet; /* with --stats */
    tfsm_time began;
    tfsm_time shown;
    struct relay_counters last[2]; /* as they were then */
};

/* ---- options ---- */

static error_t parse_tun(struct arguments *arguments, const char *arg, struct argp_state *state)
{
    if (arguments->devices == 2) {
        return cli_misuse(state, arg, "two devices are the most");
    }
    return tunnel_read_device(&arguments->plans[arguments->devices++], arg, state);
}

/* The device that an option is for: the one before it. Null after complaining. */
static struct tun_plan *plan_before(struct arguments *arguments, const char *option,
                                    struct argp_state *state)
{
    if (arguments->devices == 0) {
        cli_misuse(state, option, "comes after the --tun that it is for");
        return NULL;
    }
    return &arguments->plans[arguments->devices - 1];
}

static error_t parse_netns(struct arguments *arguments, const char *arg, struct argp_state *state)
{
    struct tun_plan *plan = plan_before(arguments, "--netns", state);
    if (plan == NULL) {
        return EINVAL;
    }
    if (arg[0] == '\0') {
        return cli_misuse(state, "--netns", "needs the name of a namespace");
    }
    plan->space = arg;
    return 0;
}

/* Behind the device is nobody of ours: the address is the kernel's. */
static error_t parse_addr(struct arguments *arguments, const char *arg, struct argp_state *state)
{
    struct tun_plan *plan = plan_before(arguments, "--addr", state);
    struct endpoint_local local;
    if (plan == NULL) {
        return EINVAL;
    }
    if (plan->count == TUN_ADDRESSES) {
        return cli_misuse(state, arg, "eight addresses are the most");
    }
    const char *complaint = tun_read_address(arg, &local);
    if (complaint != NULL) {
        return cli_misuse(state, arg, complaint);
    }
    plan->host[plan->count] = local.address;
    plan->ours[plan->count].prefix = local.prefix;
    plan->count++;
    return 0;
}

static error_t check(struct arguments *arguments, struct argp_state *state)
{
    struct tun_plan *plans = arguments->plans;
    if (arguments->devices < 2) {
        return cli_misuse(state, "--tun", "is missing: the names of two devices");
    }
    const char *spaces[2] = {plans[0].space != NULL ? plans[0].space : "",
                             plans[1].space != NULL ? plans[1].space : ""};
    if (strcmp(spaces[0], spaces[1]) == 0 && strcmp(plans[0].name, plans[1].name) == 0) {
        return cli_misuse(state, plans[0].name, "the same device twice");
    }
    for (unsigned i = 0; i < 2; i++) {
        plans[i].mtu = arguments->mtu;
        for (unsigned j = 0; j < plans[i].count; j++) {
            if (plans[i].host[j].family == 6 && arguments->mtu > 0 &&
                arguments->mtu < TUN_MTU_LEAST_IPV6) {
                return cli_misuse(state, "--mtu", "IPv6 needs 1280 octets");
            }
        }
    }
    return impair_check(&arguments->impairment, state);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    error_t error = impair_key(&arguments->impairment, key, arg, state);
    if (error == ARGP_ERR_UNKNOWN) {
        error = 0;
        switch (key) {
        case KEY_TUN:
            error = parse_tun(arguments, arg, state);
            break;
        case KEY_NETNS:
            error = parse_netns(arguments, arg, state);
            break;
        case KEY_ADDR:
            error = parse_addr(arguments, arg, state);
            break;
        case KEY_MTU:
            error = tunnel_read_mtu(&arguments->mtu, arg, state);
            break;
        case KEY_SECONDS:
            if (!cli_number(arg, 1, 1000000, &arguments->seconds)) {
                error = cli_misuse(state, arg, "it runs for 1 to 1000000 seconds");
            }
            break;
        case KEY_STATS:
            arguments->stats = true;
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

/* ---- what is shown ---- */

/* What has happened since the last time, a line for each way. Who does not read it loses lines; nobody waits. */
static void show_second(void *user, tfsm_time now)
{
    struct arguments *arguments = user;
    FILE *to = outlet_stream(arguments->outlet);
    double seconds = (double)(now - arguments->shown) / (double)SECOND;
    if (now == arguments->shown) {
        return;
    }
    for (unsigned from = 0; from < 2; from++) {
        struct relay_counters this = relay_counted(arguments->relay, from);
        const struct relay_counters *last = &arguments->last[from];
        fprintf(to,
                "%6.1f s  %s to %s: in %" PRIu64 " packets, out %" PRIu64
                " (%.3f Mbit/s), lost %" PRIu64 ", dropped %" PRIu64 ", queue up to %" PRIu64
                " octets\n",
                (double)(now - arguments->began) / (double)SECOND, arguments->plans[from].name,
                arguments->plans[1 - from].name, this.packets_in - last->packets_in,
                this.packets_out - last->packets_out,
                (double)(this.octets_out - last->octets_out) * 8 / 1e6 / seconds,
                this.wire.lost - last->wire.lost, this.wire.dropped - last->wire.dropped,
                relay_waited(arguments->relay, from));
        arguments->last[from] = this;
    }
    arguments->shown = now;
    fflush(to);
}

static void report(const struct arguments *arguments)
{
    for (unsigned from = 0; from < 2; from++) {
        struct relay_counters counted = relay_counted(arguments->relay, from);
        char title[2 * TUN_NAME_MOST + sizeof " to :"];
        struct count counts[7 + IMPAIR_COUNTS] = {
            {"packets_in", counted.packets_in, "from the one"},
            {"octets_in", counted.octets_in, ""},
            {"packets_out", counted.packets_out, "to the other"},
            {"octets_out", counted.octets_out, ""},
            {"refused", counted.refused, "packets that it did not take"},
            {"deferred", counted.deferred, "times that it was full"},
            {"left", counted.left, "packets still on their way"}};
        impair_counts(&counted.wire, counts + 7);
        snprintf(title, sizeof title, "%s to %s:", arguments->plans[from].name,
                 arguments->plans[1 - from].name);
        counts_show(stdout, title, counts, sizeof counts / sizeof counts[0]);
    }
}

/* ---- running ---- */

static int open_devices(struct arguments *arguments)
{
    char error[TUN_ERROR];
    for (unsigned i = 0; i < 2; i++) {
        if (!tun_open(&arguments->tuns[i], &arguments->plans[i], error)) {
            return cli_fail(arguments->plans[i].name, "%s", error);
        }
    }
    return CLI_FINE;
}

static int start(struct arguments *arguments)
{
    char error[RELAY_ERROR];
    const struct tun *tuns = arguments->tuns;
    arguments->began = waiting_now();
    arguments->shown = arguments->began;
    struct relay_config config = {.tun = {tuns[0].fd, tuns[1].fd},
                                  .name = {arguments->plans[0].name, arguments->plans[1].name},
                                  .mtu = tuns[0].mtu > tuns[1].mtu ? tuns[0].mtu : tuns[1].mtu,
                                  .network = &arguments->impairment.network,
                                  .seed = arguments->impairment.seed,
                                  .until = arguments->seconds > 0
                                               ? arguments->began + arguments->seconds * SECOND
                                               : TFSM_NEVER,
                                  .user = arguments,
                                  .every = arguments->stats ? SECOND : 0,
                                  .tick = show_second};
    arguments->relay = relay_create(&config, error);
    if (arguments->relay == NULL) {
        return cli_fail("relay", "%s", error);
    }
    if (arguments->stats) {
        arguments->outlet = outlet_create(STDERR_FILENO);
        if (arguments->outlet == NULL) {
            return cli_fail("--stats", "not enough memory");
        }
    }
    return CLI_FINE;
}

static int run(struct arguments *arguments)
{
    char error[RELAY_ERROR];
    int status = open_devices(arguments);
    status = status == CLI_FINE ? start(arguments) : status;
    if (status == CLI_FINE) {
        /* One line, once everything is there: who starts this can wait for it. */
        printf("relaying between %s and %s\n", arguments->plans[0].name, arguments->plans[1].name);
        fflush(stdout);
        bool fine = relay_run(arguments->relay, error);
        if (arguments->outlet != NULL) {
            show_second(arguments, waiting_now()); /* what is left of one */
            outlet_finish(arguments->outlet, PATIENCE);
        }
        report(arguments);
        status = fine ? CLI_FINE : cli_fail("relay", "%s", error);
    }
    outlet_destroy(arguments->outlet);
    relay_destroy(arguments->relay);
    for (unsigned i = 0; i < 2; i++) {
        if (arguments->tuns[i].fd >= 0) {
            close(arguments->tuns[i].fd);
        }
    }
    return status;
}

int command_relay(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"tun", KEY_TUN, "NAME", 0,
         "A TUN device: one that exists, or made and set up for this run", 1},
        {"netns", KEY_NETNS, "SPACE", 0,
         "The namespace of the device before it: a name of `ip netns', or a file", 1},
        {"addr", KEY_ADDR, "A/BITS", 0,
         "The kernel's address there; again for another, of IPv6 for one", 1},
        {"mtu", KEY_MTU, "N", 0, "Of devices made here (1500)", 1},
        IMPAIR_OPTIONS,
        {"seconds", KEY_SECONDS, "N", 0, "End after so many; else a signal ends it", 3},
        {"stats", KEY_STATS, NULL, 0, "What happened in each second, on standard error", 3},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "--tun NAME [--netns SPACE] [--addr A/BITS] --tun NAME ...",
        .doc =
            "A wire between two TUN devices: what comes out of one goes into the other.\n"
            "\v"
            "Each way is a link of its own, and what happens on it a function of the seed and of "
            "the packets that way, in their order. Packets wait for the link (--rate), and may get "
            "lost before it (--queue); behind it come the losses of chance and the delay. At most "
            "65536 packets are on their way at a time, and 256 MiB of them.\n"
            "A device with a namespace is opened in it. One without may be moved into one, by `ip "
            "link set dev NAME netns SPACE', which takes its addresses from it.\n"
            "SIGINT and SIGTERM end it, and it prints counters.\n"
            "Exit status: 0 ended by a signal or by --seconds, 2 bad usage, or something failed."};
    static struct arguments arguments = {.parse = {.name = "tcpfsm relay"},
                                         .tuns = {{.fd = -1}, {.fd = -1}}};
    int status;
    impair_default(&arguments.impairment);
    if (!cli_options(&argp, argc, argv, 0, &arguments, &status)) {
        return status;
    }
    return run(&arguments);
}
