/* The options at the top of a script. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script_run.h"

struct reading {
    struct script_options *options;
    char *error;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct reading *reading, const char *format,
                                                       ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reading->error, SCRIPT_ERROR, format, arguments);
    va_end(arguments);
    return false;
}

static bool number(struct reading *reading, const struct script_setting *setting, int64_t least,
                   int64_t most, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = setting->value != NULL ? strtoll(setting->value, &end, 0) : 0;
    bool whole = end != NULL && end != setting->value && *end == '\0' && errno == 0;
    if (!whole || value < least || value > most) {
        return fail(reading, "--%.40s needs a number in %lld..%lld", setting->name,
                    (long long)least, (long long)most);
    }
    *out = value;
    return true;
}

/* `pair` has one of IPv4 and one of IPv6. */
static bool address(struct reading *reading, const struct script_setting *setting,
                    struct tfsm_address *pair)
{
    struct tfsm_address out = {.family = 4};
    const char *text = setting->value != NULL ? setting->value : "";
    if (inet_pton(AF_INET6, text, out.octets) == 1) {
        out.family = 6;
    } else if (inet_pton(AF_INET, text, out.octets) != 1) {
        return fail(reading, "--%.40s needs an address", setting->name);
    }
    if (!tfsm_address_is_unicast(&out)) {
        return fail(reading, "--%.40s: no single host has this address", setting->name);
    }
    pair[out.family == 6] = out;
    return true;
}

bool script_join_flags(char flags[SCRIPT_FLAGS_MOST], const char *more)
{
    size_t used = strlen(flags);
    bool comma = used > 0 && more[0] != '\0';
    int n = snprintf(flags + used, SCRIPT_FLAGS_MOST - used, "%s%s", comma ? "," : "", more);
    return n >= 0 && (size_t)n < SCRIPT_FLAGS_MOST - used;
}

static bool add_flags(struct reading *reading, char flags[SCRIPT_FLAGS_MOST], const char *key,
                      const char *value)
{
    char one[SCRIPT_FLAGS_MOST];
    int n = snprintf(one, sizeof one, "%s%s", key, value);
    if (n < 0 || (size_t)n >= sizeof one || !script_join_flags(flags, one)) {
        return fail(reading, "more than %d octets of settings", SCRIPT_FLAGS_MOST);
    }
    return true;
}

static bool ip_version(struct reading *reading, const struct script_setting *setting)
{
    static const struct {
        const char *name;
        bool ipv6;
        bool mapped;
    } known[] = {{"ipv4", false, false}, {"ipv4-mapped-ipv6", false, true}, {"ipv6", true, false}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (setting->value != NULL && strcmp(setting->value, known[i].name) == 0) {
            reading->options->ipv6 = known[i].ipv6;
            reading->options->mapped = known[i].mapped;
            return true;
        }
    }
    return fail(reading, "--ip_version is ipv4, ipv4-mapped-ipv6 or ipv6");
}

/* What packetdrill knows and what means nothing where there is no kernel, no TUN device and no
 * second host. */
static bool is_moot(const char *name)
{
    static const char *const moot[] = {
        "gateway_ip",     "netmask_ip",        "speed",           "code",
        "code_command",   "code_format",       "code_sockopt",    "persistent_tun_dev",
        "tun_dev",        "tolerance_percent", "so_filename",     "is_anyip",
        "send_omit_free", "tcp_ts_ecr_scaled", "live_bind_ip",    "live_connect_ip",
        "link_layer",     "udp_encaps",        "debug",           "non_fatal",
        "init_scripts",   "dry_run",           "wire_client",     "wire_server",
        "wire_server_ip", "wire_server_port",  "wire_server_dev", "wire_client_dev"};
    for (size_t i = 0; i < sizeof moot / sizeof moot[0]; i++) {
        if (strcmp(name, moot[i]) == 0) {
            return true;
        }
    }
    return false;
}

void script_choose_local(struct script_options *options, uint32_t seed)
{
    uint8_t *four = options->local[0].octets;
    uint8_t *six = options->local[1].octets;
    if (!options->local_said[0]) { /* neither a network's own address nor its broadcast */
        four[2] = (uint8_t)(seed >> 8);
        four[3] = (uint8_t)(1 + (seed & 0xff) % 254);
    }
    for (unsigned i = 2; i < 16 && !options->local_said[1]; i++) {
        seed = seed * 1664525u + 1013904223u;
        six[i] = (uint8_t)(seed >> 24);
    }
}

static bool port(struct reading *reading, const struct script_setting *setting, uint16_t *out)
{
    int64_t value;
    if (!number(reading, setting, 1, 65535, &value)) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

static bool take(struct reading *reading, const struct script_setting *setting)
{
    struct script_options *options = reading->options;
    const char *name = setting->name;
    int64_t value;
    if (strcmp(name, "ip_version") == 0) {
        return ip_version(reading, setting);
    }
    if (strcmp(name, "tolerance_usecs") == 0) {
        return number(reading, setting, 0, 1000000000, &options->tolerance);
    }
    if (strcmp(name, "tcp_ts_tick_usecs") == 0) {
        return number(reading, setting, 0, 1000000, &options->ts_tick);
    }
    if (strcmp(name, "bind_port") == 0) {
        return port(reading, setting, &options->bind_port);
    }
    if (strcmp(name, "connect_port") == 0) {
        return port(reading, setting, &options->connect_port);
    }
    if (strcmp(name, "local_ip") == 0) {
        struct tfsm_address pair[2] = {{.family = 0}};
        if (!address(reading, setting, pair)) {
            return false;
        }
        unsigned v6 = pair[1].family == 6;
        options->local[v6] = pair[v6];
        options->local_said[v6] = true;
        return add_flags(reading, options->implied, v6 ? "local6=" : "local=", setting->value);
    }
    if (strcmp(name, "remote_ip") == 0) {
        return address(reading, setting, options->remote);
    }
    if (strcmp(name, "mtu") == 0) {
        return number(reading, setting, 68, 65535, &value) &&
               add_flags(reading, options->implied, "mtu=", setting->value);
    }
    if (strcmp(name, "mss") == 0) {
        return number(reading, setting, 1, 65495, &value) &&
               add_flags(reading, options->implied, "mss=", setting->value);
    }
    if (strcmp(name, "so_flags") == 0) {
        return setting->value == NULL || setting->value[0] == '\0' ||
               add_flags(reading, options->so_flags, "", setting->value);
    }
    if (strcmp(name, "verbose") == 0 || strcmp(name, "v") == 0) {
        options->verbose = true;
        return true;
    }
    if (strcmp(name, "nothing_left") == 0) {
        options->nothing_left = true;
        return true;
    }
    if (strcmp(name, "strict_segments") == 0) {
        options->strict_segments = true;
        return true;
    }
    return is_moot(name) || fail(reading, "option --%.60s is not known", name);
}

static bool take_all(struct reading *reading, const struct script_setting *setting, unsigned *line)
{
    bool taken = true;
    for (; setting != NULL && taken; setting = setting->next) {
        *line = setting->line;
        taken = take(reading, setting);
    }
    return taken;
}

bool script_options(const struct script *script, const struct script_setting *more,
                    struct script_options *options, char error[SCRIPT_ERROR], unsigned *line)
{
    struct reading reading = {.options = options, .error = error};
    *options =
        (struct script_options){.bind_port = 8080,
                                .connect_port = 8080,
                                .tolerance = 4000,
                                .local = {{.family = 4, .octets = {192, 168, 0, 1}}, {.family = 6}},
                                .remote = {{.family = 4, .octets = {192, 0, 2, 1}}, {.family = 6}}};
    inet_pton(AF_INET6, "fd3d:fa7b:d17d::1", options->local[1].octets);
    inet_pton(AF_INET6, "2001:db8::1", options->remote[1].octets);
    if (!take_all(&reading, script != NULL ? script->settings : NULL, line) ||
        !take_all(&reading, more, line)) {
        return false;
    }
    for (unsigned i = 0; i < 2 && script != NULL; i++) { /* without one more may come */
        if (memcmp(&options->local[i], &options->remote[i], sizeof options->local[i]) == 0) {
            return fail(&reading, "both ends have the same address");
        }
    }
    return true;
}
