/* The simulated network from the command line: many seeds of a bad network, each of which must
 * deliver every octet and break no invariant; goodput over loss, with and without SACK; and the
 * congestion window over time. Figures go to standard output as tab-separated values. */
#include "sim.h"
#include "seq.h"

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
#define LINK_RATE      1250000 /* octets a second: 10 Mbit/s */
#define LINK_WAY       20000   /* microseconds */
#define LINK_WAIT      65536   /* octets of queue */

enum what { SEEDS, GOODPUT, COMPARE, CWND, WHATS };

struct arguments {
    enum what what;
    uint64_t seeds;
    uint64_t first;
    uint64_t octets;
    bool seeds_said;
};

/* ---- seeds ---- */

static const char *what_failed(const struct sim_result *result)
{
    if (result->violation.id != NULL) {
        return result->violation.id;
    }
    if (result->books != NULL) {
        return result->books;
    }
    return !result->in_order                                        ? "octets out of order"
           : !result->delivered                                     ? "octets missing"
           : !result->closed                                        ? "not closed"
           : result->ends_told[0] != 1 || result->ends_told[1] != 1 ? "an end told twice or never"
                                                                    : NULL;
}

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
        struct sim_result result = sim_run(&config);
        const char *failed = what_failed(&result);
        packets += result.packets;
        lost += result.lost;
        if (failed != NULL) {
            printf("seed %" PRIu64 ": %s; again: simulate seeds --first=%" PRIu64
                   " --seeds=1 --octets=%" PRIu64 "\n",
                   seed, failed, seed, arguments->octets);
            return 1;
        }
        show_progress(i + 1, arguments->seeds);
    }
    printf("%" PRIu64 " seeds: %" PRIu64 " octets each way in each, delivered in order, both ends "
           "CLOSED, no invariant broken; %" PRIu64 " packets, %" PRIu64 " lost\n",
           arguments->seeds, arguments->octets, packets, lost);
    return 0;
}

/* ---- goodput ---- */

/* Octets a second that one end reads, over a link of 10 Mbit/s with a round trip of 40 ms. */
static double goodput(uint64_t seed, unsigned per_mille, uint32_t octets, bool sack)
{
    struct sim_config config = {.seed = seed, .octets = {octets, 0}};
    config.network = (struct wire_network){
        .loss = per_mille, .delay = LINK_WAY, .rate = LINK_RATE, .queue = LINK_WAIT};
    for (unsigned end = 0; end < 2; end++) {
        config.end[end] = tfsm_config_default();
        config.end[end].rcv_buff = 262144;
        config.end[end].snd_buff = 262144;
        config.end[end].retries = 100;
        config.end[end].syn_retries = 100;
        config.end[end].profile &= sack ? UINT32_MAX : ~(uint32_t)TFSM_SACK;
    }
    struct sim_result result = sim_run(&config);
    const char *failed = what_failed(&result);
    if (failed != NULL) {
        fprintf(stderr, "simulate: seed %" PRIu64 ": %s\n", seed, failed);
        exit(1);
    }
    return octets / ((double)result.last_octet[1] / 1e6);
}

static double mean_goodput(const struct arguments *arguments, unsigned per_mille, bool sack)
{
    double sum = 0;
    for (uint64_t i = 0; i < arguments->seeds; i++) {
        sum += goodput(arguments->first + i, per_mille, (uint32_t)arguments->octets, sack);
    }
    return sum / (double)arguments->seeds;
}

static int run_goodput(const struct arguments *arguments)
{
    static const unsigned losses[] = {0, 1, 2, 5, 10, 15, 20, 30, 50, 70, 100, 150, 200, 250, 300};
    printf("# loss in percent, goodput in kB/s with SACK and without, mean of %" PRIu64
           " seeds; 10 Mbit/s, 40 ms, queue of 64 KiB\n",
           arguments->seeds);
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        printf("%.1f\t%.3f\t%.3f\n", losses[i] / 10.0,
               mean_goodput(arguments, losses[i], true) / 1e3,
               mean_goodput(arguments, losses[i], false) / 1e3);
        fflush(stdout);
    }
    return 0;
}

/* At 1 % loss SACK is worth something, or at least costs nothing. */
static int run_compare(const struct arguments *arguments)
{
    double with = mean_goodput(arguments, 10, true);
    double without = mean_goodput(arguments, 10, false);
    printf("goodput at 1 %% loss: %.1f kB/s with SACK, %.1f kB/s without\n", with / 1e3,
           without / 1e3);
    return with >= without ? 0 : 1;
}

/* ---- the congestion window ---- */

struct cwnd_trace {
    uint32_t cwnd;
    uint32_t ssthresh;
};

static void print_cwnd(void *user, unsigned end, tfsm_time now, const struct tfsm_tcb *tcb)
{
    struct cwnd_trace *trace = user;
    bool open = tcb->state == TFSM_ESTABLISHED || tcb->state == TFSM_CLOSE_WAIT;
    if (end != 0 || !open || (trace->cwnd == tcb->cwnd && trace->ssthresh == tcb->ssthresh)) {
        return;
    }
    trace->cwnd = tcb->cwnd;
    trace->ssthresh = tcb->ssthresh;
    printf("%.6f\t%" PRIu32 "\t%" PRIu32 "\n", (double)now / 1e6, tcb->cwnd, tcb->ssthresh);
}

static int run_cwnd(const struct arguments *arguments)
{
    struct cwnd_trace trace = {0, 0};
    struct sim_config config = {.seed = arguments->first,
                                .octets = {(uint32_t)arguments->octets, 0},
                                .watcher = print_cwnd,
                                .user = &trace};
    config.network =
        (struct wire_network){.loss = 2, .delay = LINK_WAY, .rate = LINK_RATE, .queue = LINK_WAIT};
    for (unsigned end = 0; end < 2; end++) {
        config.end[end] = tfsm_config_default();
        config.end[end].rcv_buff = 262144;
        config.end[end].snd_buff = 262144;
    }
    printf("# seconds, congestion window, slow start threshold; 10 Mbit/s, 40 ms, 0.2 %% loss\n");
    struct sim_result result = sim_run(&config);
    return what_failed(&result) == NULL ? 0 : 1;
}

/* ---- the command line ---- */

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    static const char *const names[WHATS] = {"seeds", "goodput", "compare", "cwnd"};
    struct arguments *arguments = state->input;
    if (key == 'h') {
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
    }
    uint64_t *number = key == 's'   ? &arguments->seeds
                       : key == 'f' ? &arguments->first
                       : key == 'o' ? &arguments->octets
                                    : NULL;
    if (number != NULL) {
        char *end = NULL;
        *number = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || *number > UINT32_MAX ||
            (*number == 0 && key != 'f')) {
            argp_failure(state, 2, 0, "%s: a number from %d to 4294967295", text, key != 'f');
        }
        arguments->seeds_said = arguments->seeds_said || key == 's';
        return 0;
    }
    if (key == ARGP_KEY_ARG) {
        for (unsigned i = 0; i < WHATS; i++) {
            if (arguments->what == WHATS && strcmp(text, names[i]) == 0) {
                arguments->what = (enum what)i;
                return 0;
            }
        }
        argp_failure(state, 2, 0, "%s: neither seeds, goodput, compare nor cwnd", text);
    }
    if (key == ARGP_KEY_END && arguments->what == WHATS) {
        argp_failure(state, 2, 0, "what to simulate: seeds, goodput, compare or cwnd");
    }
    if (key == ARGP_KEY_END && arguments->what == CWND && arguments->seeds_said) {
        argp_failure(state, 2, 0, "--seeds: cwnd is of one seed, --first");
    }
    return key == ARGP_KEY_ARG || key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
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
    case WHATS:
        break;
    }
    return 2;
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"seeds", 's', "N", 0, "how many seeds (1000 for seeds, else 10)", 0},
        {"first", 'f', "N", 0, "the first seed (0)", 0},
        {"octets", 'o', "N", 0, "octets sent (1 MiB each way for seeds, else 4 MiB one way)", 0},
        {NULL, 'h', NULL, 0, "Give this help list", -1},
        {0}};
    static const struct argp argp = {
        options,
        parse_option,
        "seeds|goodput|compare|cwnd",
        "Runs two endpoints over a simulated network.\vExit status: 0 nothing found, 1 a seed "
        "failed or SACK was slower, 2 bad usage.",
        NULL,
        NULL,
        NULL};
    struct arguments arguments = {.what = WHATS};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    bool seeds = arguments.what == SEEDS;
    arguments.seeds = arguments.seeds > 0 ? arguments.seeds : seeds ? 1000 : 10;
    arguments.octets = arguments.octets > 0 ? arguments.octets : seeds ? MEBIBYTE : 4 * MEBIBYTE;
    int status = run_what(&arguments);
    if (fflush(stdout) != 0 || ferror(stdout)) { /* what nobody could read was not done */
        fprintf(stderr, "simulate: standard output: %s\n", strerror(errno));
        return 2;
    }
    return status;
}
