/* What `tcpfsm serve` and `tcpfsm connect` share: the options for the device, the wire and the
 * stack, opening all of it, and the counters at the end. */
#ifndef HARNESS_TUNNEL_H
#define HARNESS_TUNNEL_H

#include "cli.h"
#include "driver.h"
#include "impair.h"
#include "live.h"
#include "settings.h"
#include "tun.h"

#define TUNNEL_SETTINGS 64

struct tunnel {
    /* options */
    struct tun_plan plan;
    struct tfsm_address hosts[TUN_ADDRESSES]; /* --host-addr, as given */
    unsigned host_count;
    struct impairment impairment;
    const char *pcap;
    const char *profile;
    const char *flags[TUNNEL_SETTINGS]; /* -D */
    unsigned flag_count;
    bool verbose;
    FILE *report; /* where the ladder and the counters go: standard output or error, until it is
                     open */
    /* what there is once it is open */
    struct settings settings;
    struct tun tun;
    struct endpoint *endpoint;
    struct record *record;
    struct outlet *outlet; /* with -v, behind report */
    bool own_output;       /* and that is standard output */
    struct live *live;
    struct driver *driver;
};

enum {
    TUNNEL_KEY_TUN = 0x200,
    TUNNEL_KEY_ADDR,
    TUNNEL_KEY_HOST_ADDR,
    TUNNEL_KEY_MTU,
    TUNNEL_KEY_PCAP,
    TUNNEL_KEY_PROFILE
};

/* clang-format off */
#define TUNNEL_OPTIONS                                                                                              \
    {"tun", TUNNEL_KEY_TUN, "NAME", 0, "The TUN device: one that exists, or made and set up for this run", 1},      \
    {"addr", TUNNEL_KEY_ADDR, "A/BITS", 0, "Our address behind it; again for another, of IPv6 for one", 1},         \
    {"host-addr", TUNNEL_KEY_HOST_ADDR, "B", 0, "The kernel's (the lowest of the network that is not ours)", 1},    \
    {"mtu", TUNNEL_KEY_MTU, "N", 0, "Of a device made here (1500)", 1},                                             \
    IMPAIR_OPTIONS,                                                                                                 \
    {"profile", TUNNEL_KEY_PROFILE, "NAME", 0, "rfc9293 (default), rfc793 or minimal", 3},                          \
    {NULL, 'D', "KEY=VALUE", 0, "A setting of the stack; -D help lists them", 3},                                   \
    {"pcap", TUNNEL_KEY_PCAP, "FILE", 0, "Record what the kernel sees", 4},                                         \
    {"verbose", 'v', NULL, 0, "A ladder diagram as it happens", 4}
/* clang-format on */

/* Options as they are when none is given. */
void tunnel_default(struct tunnel *tunnel);

/* For the parser of a subcommand: one option. ARGP_ERR_UNKNOWN: it is none of these. */
error_t tunnel_key(struct tunnel *tunnel, int key, char *arg, struct argp_state *state);

/* For one that has devices of its own: their name, and the MTU. */
error_t tunnel_read_device(struct tun_plan *plan, const char *arg, struct argp_state *state);
error_t tunnel_read_mtu(unsigned *mtu, const char *arg, struct argp_state *state);

/* For the end of the options: is what is needed there, and does it agree? */
error_t tunnel_check(struct tunnel *tunnel, struct argp_state *state);

/* Apply the profile, then buffers of so many octets and the maximum segment lifetime, then -D, to
 * `settings`, where the subcommand has put what else it wants. CLI_FINE or a complaint. */
int tunnel_settle(struct tunnel *tunnel, uint32_t buffer, tfsm_time msl);

/* Open the device, then the capture, which is made anew only where there will be one, then the
 * endpoint; tunnel_drive() makes the driver after that. CLI_FINE or a complaint. tunnel_close() is
 * needed whatever the answer. */
int tunnel_open(struct tunnel *tunnel);
int tunnel_drive(struct tunnel *tunnel, const struct driver_app *app);

/* What the endpoint, the listeners, the device and the wire counted, those that are not 0. */
void tunnel_report(const struct tunnel *tunnel);

/* Write what was reported, and wait for it no longer than a second. */
void tunnel_flush(const struct tunnel *tunnel);

/* Give everything back. Returns the status, or CLI_BAD when the capture or the ladder could not be
 * written. */
int tunnel_close(struct tunnel *tunnel, int status);

#endif
