/* See tunnel.h. */
#include "tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PATIENCE 1000 /* milliseconds with who does not read what -v shows */

void tunnel_default(struct tunnel *tunnel)
{
    impair_default(&tunnel->impairment);
    tunnel->report = stdout;
    tunnel->tun.fd = -1;
    settings_default(&tunnel->settings);
}

/* ---- options ---- */

static error_t read_addr(struct tunnel *tunnel, const char *arg, struct argp_state *state)
{
    struct tun_plan *plan = &tunnel->plan;
    if (plan->count == TUN_ADDRESSES) {
        return cli_misuse(state, arg, "eight addresses are the most");
    }
    struct endpoint_local *local = &plan->ours[plan->count];
    const char *complaint = tun_read_address(arg, local);
    if (complaint != NULL) {
        return cli_misuse(state, arg, complaint);
    }
    plan->count++;
    return 0;
}

static error_t read_host(struct tunnel *tunnel, const char *arg, struct argp_state *state)
{
    if (tunnel->host_count == TUN_ADDRESSES) {
        return cli_misuse(state, arg, "eight addresses are the most");
    }
    const char *complaint = tun_read_host(arg, &tunnel->hosts[tunnel->host_count]);
    if (complaint != NULL) {
        return cli_misuse(state, arg, complaint);
    }
    tunnel->host_count++;
    return 0;
}

static error_t read_flag(struct tunnel *tunnel, const char *arg, struct argp_state *state)
{
    const char *key;
    const char *meaning;
    struct cli_parse *parse = state->input;
    if (strcmp(arg, "help") == 0) {
        for (unsigned i = 0; settings_describe(i, &key, &meaning); i++) {
            printf("  %-18s %s\n", key, meaning);
        }
        parse->done = true;
        state->next = state->argc;
        return 0;
    }
    if (strncmp(arg, "local", 5) == 0) {
        return cli_misuse(state, arg, "our addresses are given with --addr");
    }
    if (tunnel->flag_count == TUNNEL_SETTINGS) {
        return cli_misuse(state, arg, "too many settings");
    }
    tunnel->flags[tunnel->flag_count++] = arg;
    return 0;
}

error_t tunnel_read_device(struct tun_plan *plan, const char *arg, struct argp_state *state)
{
    const char *complaint = tun_name_complaint(arg);
    if (complaint != NULL) {
        return cli_misuse(state, arg, complaint);
    }
    plan->name = arg;
    return 0;
}

error_t tunnel_read_mtu(unsigned *mtu, const char *arg, struct argp_state *state)
{
    uint64_t value;
    if (!cli_number(arg, TUN_MTU_LEAST, TUN_MTU_MOST, &value)) {
        return cli_misuse(state, arg, "an MTU is 576 to 65535 octets");
    }
    *mtu = (unsigned)value;
    return 0;
}

static error_t read_profile(struct tunnel *tunnel, const char *arg, struct argp_state *state)
{
    struct tfsm_config config;
    if (!tfsm_config_named(arg, &config)) {
        return cli_misuse(state, arg, "no such profile: today, rfc9293, rfc793 or minimal");
    }
    tunnel->profile = arg;
    return 0;
}

error_t tunnel_key(struct tunnel *tunnel, int key, char *arg, struct argp_state *state)
{
    switch (key) {
    case TUNNEL_KEY_TUN:
        return tunnel_read_device(&tunnel->plan, arg, state);
    case TUNNEL_KEY_ADDR:
        return read_addr(tunnel, arg, state);
    case TUNNEL_KEY_HOST_ADDR:
        return read_host(tunnel, arg, state);
    case TUNNEL_KEY_MTU:
        return tunnel_read_mtu(&tunnel->plan.mtu, arg, state);
    case TUNNEL_KEY_PROFILE:
        return read_profile(tunnel, arg, state);
    case TUNNEL_KEY_PCAP:
        tunnel->pcap = arg;
        return arg[0] != '\0' ? 0 : cli_misuse(state, "--pcap", "needs the name of a file");
    case 'D':
        return read_flag(tunnel, arg, state);
    case 'v':
        tunnel->verbose = true;
        return 0;
    default:
        return impair_key(&tunnel->impairment, key, arg, state);
    }
}

/* Each --host-addr is for the first --addr whose network it is in; the others are chosen. */
static error_t choose_hosts(struct tunnel *tunnel, struct argp_state *state)
{
    struct tun_plan *plan = &tunnel->plan;
    char text[INET6_ADDRSTRLEN];
    for (unsigned h = 0; h < tunnel->host_count; h++) {
        const struct tfsm_address *host = &tunnel->hosts[h];
        bool found = false;
        for (unsigned i = 0; i < plan->count && !found; i++) {
            const struct endpoint_local *ours = &plan->ours[i];
            found =
                plan->host[i].family == 0 && tun_same_network(host, &ours->address, ours->prefix);
            plan->host[i] = found ? *host : plan->host[i];
        }
        if (!found) {
            inet_ntop(host->family == 4 ? AF_INET : AF_INET6, host->octets, text, sizeof text);
            return cli_misuse(state, text, "is in the network of no --addr");
        }
    }
    for (unsigned i = 0; i < plan->count; i++) {
        const struct tfsm_address *ours = &plan->ours[i].address;
        inet_ntop(ours->family == 4 ? AF_INET : AF_INET6, ours->octets, text, sizeof text);
        if (plan->host[i].family == 0 && !tun_choose_host(&plan->ours[i], &plan->host[i])) {
            return cli_misuse(state, text, "has no neighbour in its network: give --host-addr");
        }
        if (tun_same_network(&plan->host[i], ours, ours->family == 4 ? 32 : 128)) {
            return cli_misuse(state, text, "is ours and the kernel's at once");
        }
    }
    return 0;
}

error_t tunnel_check(struct tunnel *tunnel, struct argp_state *state)
{
    const struct tun_plan *plan = &tunnel->plan;
    if (plan->name == NULL) {
        return cli_misuse(state, "--tun", "is missing: the name of a device");
    }
    if (plan->count == 0) {
        return cli_misuse(state, "--addr", "is missing: ADDRESS/BITS of our end");
    }
    for (unsigned i = 0; i < plan->count; i++) {
        for (unsigned j = 0; j < i; j++) {
            if (tun_same_network(&plan->ours[i].address, &plan->ours[j].address,
                                 plan->ours[i].address.family == 4 ? 32 : 128)) {
                return cli_misuse(state, "--addr", "the same address twice");
            }
        }
        if (plan->ours[i].address.family == 6 && plan->mtu > 0 && plan->mtu < TUN_MTU_LEAST_IPV6) {
            return cli_misuse(state, "--mtu", "IPv6 needs 1280 octets");
        }
    }
    error_t error = impair_check(&tunnel->impairment, state);
    return error == 0 ? choose_hosts(tunnel, state) : error;
}

/* ---- opening ---- */

static void prepare(struct tfsm_config *policy, uint32_t buffer, tfsm_time msl)
{
    policy->rcv_buff = buffer;
    policy->snd_buff = buffer;
    policy->msl = msl;
}

/* All at once: whether they agree is asked when all of them are known. */
static int settle_flags(struct tunnel *tunnel)
{
    char error[SETTINGS_ERROR];
    size_t room = 1;
    for (unsigned i = 0; i < tunnel->flag_count; i++) {
        room += strlen(tunnel->flags[i]) + 1;
    }
    char *all = malloc(room);
    if (all == NULL) {
        return cli_fail("-D", "not enough memory");
    }
    char *end = all;
    for (unsigned i = 0; i < tunnel->flag_count; i++) {
        if (tunnel->flags[i][0] != '\0') {
            end = stpcpy(end > all ? stpcpy(end, ",") : end, tunnel->flags[i]);
        }
    }
    *end = '\0';
    bool fine = settings_parse(&tunnel->settings, all, error);
    free(all);
    return fine ? CLI_FINE : cli_fail("-D", "%s", error);
}

int tunnel_settle(struct tunnel *tunnel, uint32_t buffer, tfsm_time msl)
{
    struct settings *settings = &tunnel->settings;
    struct endpoint_config *config = &settings->endpoint;
    char error[SETTINGS_ERROR];
    char text[64];
    unsigned mtu = tunnel->plan.mtu > 0 ? tunnel->plan.mtu : 1500;
    snprintf(text, sizeof text, "profile=%s,mtu=%u",
             tunnel->profile != NULL ? tunnel->profile : "today", mtu);
    if (!settings_parse(settings, text, error)) {
        return cli_fail("--profile", "%s", error);
    }
    prepare(&config->policy4, buffer, msl);
    prepare(&config->policy6, buffer, msl);
    if (getrandom(config->key, sizeof config->key, 0) != (ssize_t)sizeof config->key) {
        return cli_fail("getrandom", "%s", strerror(errno));
    }
    return settle_flags(tunnel);
}

/* What the device cannot carry is not sent, and not asked for. */
static void fit_device(struct tunnel *tunnel)
{
    struct endpoint_config *config = &tunnel->settings.endpoint;
    uint16_t most4 = tfsm_mss(tunnel->tun.mtu, 4);
    uint16_t most6 = tfsm_mss(tunnel->tun.mtu, 6);
    config->policy4.mss = config->policy4.mss < most4 ? config->policy4.mss : most4;
    config->policy6.mss = config->policy6.mss < most6 ? config->policy6.mss : most6;
    memcpy(tunnel->settings.locals, tunnel->plan.ours, sizeof tunnel->plan.ours);
    config->local_count = tunnel->plan.count;
}

int tunnel_open(struct tunnel *tunnel)
{
    char error[TUN_ERROR > RECORD_ERROR ? TUN_ERROR : RECORD_ERROR];
    if (!tun_open(&tunnel->tun, &tunnel->plan, error)) {
        return cli_fail(tunnel->plan.name, "%s", error);
    }
    if (tunnel->pcap != NULL) {
        tunnel->record = record_open(tunnel->pcap, error);
        if (tunnel->record == NULL) {
            return cli_fail(tunnel->pcap, "%s", error);
        }
    }
    fit_device(tunnel);
    tunnel->endpoint = endpoint_create(settings_finish(&tunnel->settings));
    if (tunnel->endpoint == NULL) {
        return cli_fail(tunnel->plan.name, "not enough memory for %u connections",
                        tunnel->settings.endpoint.connections);
    }
    if (tunnel->verbose) {
        tunnel->own_output = tunnel->report == stdout;
        tunnel->outlet = outlet_create(fileno(tunnel->report));
        tunnel->live = tunnel->outlet != NULL
                           ? live_create(tunnel->endpoint, tunnel->outlet, waiting_now())
                           : NULL;
        if (tunnel->live == NULL) {
            return cli_fail("--verbose", "not enough memory");
        }
        tunnel->report = outlet_stream(tunnel->outlet);
    }
    return CLI_FINE;
}

int tunnel_drive(struct tunnel *tunnel, const struct driver_app *app)
{
    char error[DRIVER_ERROR];
    const struct impairment *impairment = &tunnel->impairment;
    struct driver_config config = {.endpoint = tunnel->endpoint,
                                   .tun = tunnel->tun.fd,
                                   .mtu = tunnel->tun.mtu,
                                   .network = impairment->any ? &impairment->network : NULL,
                                   .seed = impairment->seed,
                                   .record = tunnel->record,
                                   .app = *app,
                                   .watcher = live_watcher(tunnel->live)};
    tunnel->driver = driver_create(&config, error);
    live_run_by(tunnel->live, tunnel->driver);
    return tunnel->driver != NULL ? CLI_FINE : cli_fail(tunnel->plan.name, "%s", error);
}

void tunnel_flush(const struct tunnel *tunnel)
{
    fflush(tunnel->report);
    if (tunnel->outlet != NULL) {
        outlet_finish(tunnel->outlet, PATIENCE);
    }
}

/* The end of what -v shows. Standard error cannot complain of itself. */
static int close_outlet(const struct tunnel *tunnel, int status)
{
    if (tunnel->outlet == NULL) {
        return status;
    }
    bool written = outlet_finish(tunnel->outlet, PATIENCE);
    int why = outlet_errno(tunnel->outlet);
    outlet_destroy(tunnel->outlet);
    if (tunnel->own_output && (why != 0 || !written)) {
        return cli_fail("standard output", "%s", why != 0 ? strerror(why) : "nobody reads it");
    }
    return status;
}

int tunnel_close(struct tunnel *tunnel, int status)
{
    char error[RECORD_ERROR];
    driver_destroy(tunnel->driver);
    if (tunnel->endpoint != NULL) {
        endpoint_destroy(tunnel->endpoint);
    }
    live_destroy(tunnel->live);
    status = close_outlet(tunnel, status);
    if (tunnel->tun.fd >= 0) {
        close(tunnel->tun.fd);
    }
    if (!record_close(tunnel->record, error)) {
        return cli_fail(tunnel->pcap, "%s", error);
    }
    return status;
}

/* ---- counters ---- */

static void report_endpoint(FILE *to, const struct endpoint_counters *counted)
{
    const struct count counts[] = {
        {"segments_in", counted->segments_in, "that reached a connection, a listener or nobody"},
        {"segments_out", counted->segments_out, "handed out"},
        {"opened", counted->opened, "connections"},
        {"freed", counted->freed, "and over"},
        {"refused", counted->refused, "segments not acceptable, duplicates"},
        {"unexpected", counted->unexpected, "for no connection and no listener"},
        {"resets_lost", counted->resets_lost, "answers that found no place to wait"},
        {"syn_acks_lost", counted->syn_acks_lost, "SYN-ACKs with a cookie, likewise"},
        {"options_cut", counted->options_cut, "with an option of an illegal length"},
        {"source_refused", counted->source_refused, "from no single host"},
        {"syn_fin", counted->syn_fin, "with SYN and FIN"},
        {"destination_refused", counted->destination_refused, "to broadcast or multicast"},
        {"not_ours", counted->not_ours, "to an address of somebody else"},
        {"invalid", counted->invalid, "that make no event"},
        {"unwritten", counted->unwritten, "that could not be written"},
        {"icmp_in", counted->icmp_in, "ICMP errors for a connection"},
        {"icmp_unknown", counted->icmp_unknown, "and for none"}};
    struct count unparsed[TFSM_WIRE_RESULTS];
    for (unsigned i = 0; i < TFSM_WIRE_RESULTS; i++) {
        unparsed[i] = (struct count){tfsm_wire_result_name((enum tfsm_wire_result)i),
                                     counted->unparsed[i], "not parsed"};
    }
    counts_show(to, "endpoint:", counts, sizeof counts / sizeof counts[0]);
    counts_show(to, "packets that are no segment:", unparsed, TFSM_WIRE_RESULTS);
}

static void report_listeners(FILE *to, const struct endpoint *ep)
{
    uint64_t counted[TFSM_LISTENER_COUNTS];
    struct count counts[TFSM_LISTENER_COUNTS];
    if (endpoint_listener_counted(ep, 0, counted) != TFSM_DONE) {
        return;
    }
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        enum tfsm_listener_counter counter = (enum tfsm_listener_counter)i;
        counts[i] = (struct count){tfsm_listener_counter_name(counter), counted[i],
                                   tfsm_listener_counter_text(counter)};
    }
    counts_show(to, "listeners:", counts, TFSM_LISTENER_COUNTS);
}

void tunnel_report(const struct tunnel *tunnel)
{
    const struct device_counters *device = driver_counted(tunnel->driver);
    const struct wire_counters *wire = driver_wire_counted(tunnel->driver);
    const struct count counts[] = {
        {"packets_in", device->packets_in, "from the kernel"},
        {"octets_in", device->octets_in, ""},
        {"packets_out", device->packets_out, "to the kernel"},
        {"octets_out", device->octets_out, ""},
        {"refused", device->refused, "packets that the device did not take"},
        {"deferred", device->deferred, "times that it was full"},
        {"rounds", driver_rounds(tunnel->driver), "of the loop"}};
    report_endpoint(tunnel->report, endpoint_counted(tunnel->endpoint));
    report_listeners(tunnel->report, tunnel->endpoint);
    counts_show(tunnel->report, "device:", counts, sizeof counts / sizeof counts[0]);
    if (wire != NULL) {
        struct count wired[1 + IMPAIR_COUNTS] = {{"sent", wire->sent, "packets, both ways"}};
        impair_counts(wire, wired + 1);
        counts_show(tunnel->report, "wire:", wired, 1 + IMPAIR_COUNTS);
    }
}
