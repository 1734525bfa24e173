/* The simulated network from the command line: many seeds of a bad network, each of which must
 * deliver every octet and break no invariant; goodput over loss, with and without SACK; the
 * congestion window over time; and what recovery from losses costs. Figures go to standard output as
 * tab-separated values, and those of recovery as a table of Markdown. */
#include "simulate.h"
#include "network.h"
#include "recovery.h"
#include "settings.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_EVERY 5 /* seconds */
#define MEBIBYTE       (1u << 20)
#define WINDOW_MOST    (1u << 26) /* more than a second of 400 Mbit/s */

#define RECOVERY_OCTETS 100000
#define RECOVERY_WAY    25000 /* microseconds */
#define RECOVERY_LOSS   20    /* of 1000 */
#define RECOVERY_RANGES 64

/* ---- seeds ---- */

/* On a terminal a line that changes, else one line every few seconds. */
static void show_progress(uint64_t done, uint64_t all)
{
    static time_t last;
    time_t now = time(NULL);
    if (isatty(STDERR_FILENO) != 0) {
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " seeds%s", done, all,
                done < all ? "" : "\r                                            \r");
        return;
    }
    last = last == 0 ? now : last;
    if (now - last >= PROGRESS_EVERY && done < all) {
        fprintf(stderr, "simulate: %" PRIu64 " of %" PRIu64 " seeds\n", done, all);
        last = now;
    }
}

static int run_seeds(const struct arguments *arguments)
{
    uint64_t packets = 0;
    uint64_t lost = 0;
    for (uint64_t i = 0; i < arguments->seeds; i++) {
        uint64_t seed = arguments->first + i;
        struct sim_config config = sim_bad_network(seed, (uint32_t)arguments->octets);
        if (arguments->link.swallow > 0) {
            config.network.swallow = arguments->link.swallow;
            config.end[0].profile |= TFSM_PMTU;
            config.end[1].profile |= TFSM_PMTU;
        }
        struct sim_result result = sim_run(&config);
        const char *failed = what_failed(&result);
        packets += result.packets;
        lost += result.lost;
        if (failed != NULL) {
            printf("seed %" PRIu64 ": %s; again: simulate seeds --first=%" PRIu64
                   " --seeds=1 --octets=%" PRIu64,
                   seed, failed, seed, arguments->octets);
            if (arguments->link.swallow > 0) {
                printf(" --swallow=%" PRIu32, arguments->link.swallow);
            }
            printf("\n");
            return 1;
        }
        show_progress(i + 1, arguments->seeds);
    }
    printf("%" PRIu64 " seeds: %" PRIu64 " octets each way in each, delivered in order, both ends "
           "CLOSED, no invariant broken; %" PRIu64 " packets, %" PRIu64 " lost\n",
           arguments->seeds, arguments->octets, packets, lost);
    return 0;
}

/* ---- what recovery costs ---- */

static int run_recovery(const struct arguments *arguments)
{
    struct recovery_asked asked = {.seeds = arguments->seeds,
                                   .first = arguments->first,
                                   .octets = (uint32_t)arguments->octets,
                                   .link = arguments->link,
                                   .names = {"rfc9293", arguments->profile},
                                   .window = (uint32_t)arguments->window,
                                   .after = policy_named(arguments, arguments->profile),
                                   .ranges = arguments->ranges > 0 ? (uint32_t)arguments->ranges
                                                                   : RECOVERY_RANGES};
    (void)tfsm_config_named(asked.names[0], &asked.before);
    asked.link.out_of = arguments->loss_said ? NETWORK_OUT_OF : 1000;
    asked.link.loss = loss_or(arguments, RECOVERY_LOSS);
    asked.link.delay = arguments->delay_said ? arguments->link.delay : RECOVERY_WAY;
    unsigned missed = recovery_table(&asked, show_progress);
    if (missed > 0) {
        fflush(stdout);
        fprintf(stderr, "simulate: %u goals missed\n", missed);
    }
    return missed == 0 ? 0 : 1;
}

/* ---- the command line ---- */

/* An option about the link. Returns null, or what is wrong with it. */
static const char *parse_link(struct arguments *arguments, int key, const char *text)
{
    struct wire_network *link = &arguments->link;
    switch (key) {
    case 'l':
        arguments->loss_said = true;
        link->out_of = NETWORK_OUT_OF;
        return network_read_percent(text, &link->loss);
    case 'd':
        arguments->delay_said = true;
        return network_read_delay(text, &link->delay, &link->jitter);
    case 'r':
        return network_read_rate(text, &link->rate);
    case 'q':
        return network_read_queue(text, &link->queue);
    case 'b':
        return network_read_swallow(text, &link->swallow);
    case 'n':
        return network_read_amount(text, 1, TFSM_ROOM_MAX, &arguments->ranges)
                   ? NULL
                   : "ranges are 1 to 1024";
    default:
        return network_read_amount(text, 1, WINDOW_MOST, &arguments->window)
                   ? NULL
                   : "a window is 1 to 67108864 octets";
    }
}

static void parse_number(struct arguments *arguments, int key, const char *text,
                         struct argp_state *state)
{
    uint64_t *number = key == 's'   ? &arguments->seeds
                       : key == 'f' ? &arguments->first
                                    : &arguments->octets;
    char *end = NULL;
    *number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || *number > UINT32_MAX ||
        (*number == 0 && key != 'f')) {
        argp_failure(state, 2, 0, "%s: a number from %d to 4294967295", text, key != 'f');
    }
    arguments->seeds_said = arguments->seeds_said || key == 's';
}

static void add_change(struct arguments *arguments, const char *text, struct argp_state *state)
{
    struct settings settings;
    char error[SETTINGS_ERROR];
    settings_default(&settings);
    if (arguments->changes == CHANGES) {
        argp_failure(state, 2, 0, "%s: more than %d settings", text, CHANGES);
    }
    if (!settings_parse(&settings, text, error)) {
        argp_failure(state, 2, 0, "-D %s", error);
    }
    arguments->change[arguments->changes++] = text;
    arguments->link_said = true;
}

static void parse_what(struct arguments *arguments, const char *text, struct argp_state *state)
{
    static const char *const names[WHATS] = {"seeds", "goodput", "compare", "cwnd", "recovery"};
    for (unsigned i = 0; i < WHATS; i++) {
        if (arguments->what == WHATS && strcmp(text, names[i]) == 0) {
            arguments->what = (enum what)i;
            return;
        }
    }
    argp_failure(state, 2, 0, "%s: neither seeds, goodput, compare, cwnd nor recovery", text);
}

static void check(const struct arguments *arguments, struct argp_state *state)
{
    if (arguments->what == WHATS) {
        argp_failure(state, 2, 0, "what to simulate: seeds, goodput, compare, cwnd or recovery");
    }
    if (arguments->what == CWND && arguments->seeds_said) {
        argp_failure(state, 2, 0, "--seeds: cwnd is of one seed, --first");
    }
    if (arguments->what == SEEDS && arguments->link_said) {
        argp_failure(state, 2, 0,
                     "seeds: each has a network of its own, and takes no link and no setting");
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    const char *complaint = NULL;
    switch (key) {
    case 'h':
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
        return 0;
    case 's':
    case 'f':
    case 'o':
        parse_number(arguments, key, text, state);
        return 0;
    case 'p': {
        struct tfsm_config config;
        if (!tfsm_config_named(text, &config)) {
            argp_failure(state, 2, 0, "--profile=%s: no policy has that name", text);
        }
        arguments->profile = text;
        return 0;
    }
    case 'D':
        add_change(arguments, text, state);
        return 0;
    case 'R':
        arguments->without = TFSM_CUBIC | TFSM_HYSTART;
        return 0;
    case 'l':
    case 'd':
    case 'r':
    case 'q':
    case 'b':
    case 'w':
    case 'n':
        arguments->link_said = arguments->link_said || key != 'b';
        complaint = parse_link(arguments, key, text);
        if (complaint != NULL) {
            argp_failure(state, 2, 0, "%s: %s", text, complaint);
        }
        return 0;
    case ARGP_KEY_ARG:
        parse_what(arguments, text, state);
        return 0;
    case ARGP_KEY_END:
        check(arguments, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int run_what(const struct arguments *arguments)
{
    switch (arguments->what) {
    case SEEDS:
        return run_seeds(arguments);
    case GOODPUT:
        return run_goodput(arguments);
    case COMPARE:
        return run_compare(arguments);
    case CWND:
        return run_cwnd(arguments);
    case RECOVERY:
        return run_recovery(arguments);
    case WHATS:
        break;
    }
    return 2;
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"seeds", 's', "N", 0, "how many seeds (1000 for seeds and recovery, else 10)", 0},
        {"first", 'f', "N", 0, "the first seed (0)", 0},
        {"octets", 'o', "N", 0,
         "octets sent (1 MiB each way for seeds, else one way: 100000 for recovery, else 4 MiB)",
         0},
        {"loss", 'l', "PERCENT", 0,
         "packets lost (0 to 30 in turn for goodput, 1 for compare, 0.2 for cwnd, 2 for recovery)",
         1},
        {"delay", 'd', "MS[:JITTER]", 0,
         "of every packet one way, and up to so much more (25 for recovery, else 20)", 1},
        {"rate", 'r', "BITS", 0, "that the link carries in a second, each way; as 1.5G (10M)", 1},
        {"queue", 'q', "OCTETS", 0,
         "a packet that finds more before the link is lost; as 64k (65536)", 1},
        {"swallow", 'b', "OCTETS", 0,
         "a larger packet vanishes, and nobody is told; for seeds both ends look for such paths "
         "(none)",
         1},
        {"profile", 'p', "NAME", 0,
         "policy of both ends, as tcpfsm serve has it (today for recovery, which compares it with "
         "rfc9293, else rfc9293)",
         1},
        {"reno", 'R', NULL, 0, "without CUBIC and HyStart++", 1},
        {"ranges", 'n', "N", 0,
         "out of order that a connection remembers (64 for recovery, else 256)", 1},
        {NULL, 'D', "NAME=VALUE", 0,
         "a setting of both ends' policy, as tcpfsm serve has it; may be repeated", 1},
        {"window", 'w', "OCTETS", 0, "of send and receive buffers (262144)", 1},
        {NULL, 'h', NULL, 0, "Give this help list", -1},
        {0}};
    static const struct argp argp = {
        options,
        parse_option,
        "seeds|goodput|compare|cwnd|recovery",
        "Runs two endpoints over a simulated network.\vExit status: 0 nothing found, 1 a seed "
        "failed, SACK was slower or a goal of recovery was missed, 2 bad usage.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {
        .what = WHATS,
        .link = {.delay = LINK_WAY, .rate = LINK_RATE, .queue = LINK_WAIT},
        .window = WINDOW,
        .profile = NULL};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    bool seeds = arguments.what == SEEDS;
    bool recovery = arguments.what == RECOVERY;
    arguments.seeds = arguments.seeds > 0 ? arguments.seeds : seeds || recovery ? 1000 : 10;
    arguments.octets = arguments.octets > 0 ? arguments.octets
                       : seeds              ? MEBIBYTE
                       : recovery           ? RECOVERY_OCTETS
                                            : 4 * MEBIBYTE;
    arguments.profile = arguments.profile != NULL ? arguments.profile
                        : recovery                ? "today"
                                                  : "rfc9293";
    int status = run_what(&arguments);
    if (fflush(stdout) != 0 || ferror(stdout)) { /* what nobody could read was not done */
        fprintf(stderr, "simulate: standard output: %s\n", strerror(errno));
        return 2;
    }
    return status;
}
