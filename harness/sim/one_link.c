/* See simulate.h: goodput over loss, with SACK and without, and the congestion window over time. */
#include "simulate.h"
#include "network.h"
#include "settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *what_failed(const struct sim_result *result)
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

/* ---- one link, and octets one way ---- */

struct tfsm_config policy_named(const struct arguments *arguments, const char *name)
{
    struct settings settings;
    char error[SETTINGS_ERROR];
    settings_default(&settings);
    (void)tfsm_config_named(name, &settings.endpoint.policy4); /* it was asked for once */
    for (unsigned i = 0; i < arguments->changes; i++) {        /* and so were these */
        (void)settings_parse(&settings, arguments->change[i], error);
    }
    settings.endpoint.policy4.profile &= ~arguments->without;
    return settings.endpoint.policy4;
}

/* loss  as link.out_of has it */
static struct sim_config over_link(const struct arguments *arguments, uint64_t seed, unsigned loss)
{
    struct sim_config config = {.seed = seed,
                                .network = arguments->link,
                                .ring = WINDOW,
                                .octets = {(uint32_t)arguments->octets, 0}};
    config.network.loss = loss;
    while (config.ring < arguments->window) {
        config.ring *= 2;
    }
    for (unsigned end = 0; end < 2; end++) {
        config.end[end] = policy_named(arguments, arguments->profile);
        config.ranges[end] = (uint32_t)arguments->ranges;
        config.end[end].rcv_buff = (uint32_t)arguments->window;
        config.end[end].snd_buff = (uint32_t)arguments->window;
    }
    return config;
}

unsigned loss_or(const struct arguments *arguments, unsigned per_mille)
{
    return arguments->loss_said ? arguments->link.loss : per_mille;
}

/* In percent. */
static double percent(const struct arguments *arguments, unsigned loss)
{
    return arguments->loss_said ? loss / (NETWORK_OUT_OF / 100.0) : loss / 10.0;
}

static void print_octets(const char *what, uint64_t octets)
{
    bool whole = octets % 1024 == 0;
    printf(", %s of %" PRIu64 " %s", what, whole ? octets / 1024 : octets,
           whole ? "KiB" : "octets");
}

/* The queue where it is asked for, or is another one than usual. */
static void print_link(const struct arguments *arguments, bool queue)
{
    const struct wire_network *link = &arguments->link;
    printf("%g Mbit/s, %g ms", (double)link->rate * 8 / 1e6, 2 * (double)link->delay / 1e3);
    if (link->jitter > 0) {
        printf(", jitter up to %g ms each way", (double)link->jitter / 1e3);
    }
    if (queue || link->queue != LINK_WAIT) {
        print_octets("queue", link->queue);
    }
    if (link->swallow > 0) {
        printf(", packets of more than %" PRIu32 " octets vanish", link->swallow);
    }
    if (arguments->window != WINDOW) {
        print_octets("windows", arguments->window);
    }
}

/* ---- goodput ---- */

/* Octets a second that one end reads. */
static double goodput(const struct arguments *arguments, uint64_t seed, unsigned loss, bool sack)
{
    struct sim_config config = over_link(arguments, seed, loss);
    for (unsigned end = 0; end < 2; end++) {
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
    return (double)arguments->octets / ((double)result.last_octet[1] / 1e6);
}

/* Of all seeds: their mean, their median, and what 99 of 100 reach. */
struct goodputs {
    double mean;
    double median;
    double most_reach;
};

static int slower(const void *a, const void *b)
{
    double first = *(const double *)a;
    double second = *(const double *)b;
    return (first > second) - (first < second);
}

static struct goodputs goodputs(const struct arguments *arguments, unsigned loss, bool sack)
{
    uint64_t n = arguments->seeds;
    double sum = 0;
    double *each = calloc(n, sizeof *each);
    if (each == NULL) {
        fprintf(stderr, "simulate: no memory\n");
        exit(2);
    }
    for (uint64_t i = 0; i < n; i++) {
        each[i] = goodput(arguments, arguments->first + i, loss, sack);
        sum += each[i];
    }
    qsort(each, n, sizeof *each, slower);
    struct goodputs of = {sum / (double)n, each[n / 2], each[n / 100]};
    free(each);
    return of;
}

static void print_goodput(const struct arguments *arguments, unsigned loss)
{
    struct goodputs with = goodputs(arguments, loss, true);
    struct goodputs without = goodputs(arguments, loss, false);
    printf(arguments->loss_said ? "%g" : "%.1f", percent(arguments, loss));
    printf("\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\n", with.mean / 1e3, without.mean / 1e3,
           with.median / 1e3, without.median / 1e3, with.most_reach / 1e3,
           without.most_reach / 1e3);
    fflush(stdout);
}

int run_goodput(const struct arguments *arguments)
{
    static const unsigned losses[] = {0, 1, 2, 5, 10, 15, 20, 30, 50, 70, 100, 150, 200, 250, 300};
    size_t most = arguments->loss_said ? 1 : sizeof losses / sizeof losses[0];
    printf("# loss in percent, goodput in kB/s with SACK and without, mean of %" PRIu64
           " seeds, the same for the median and for what 99 of 100 reach; ",
           arguments->seeds);
    print_link(arguments, true);
    printf("\n");
    for (size_t i = 0; i < most; i++) {
        print_goodput(arguments, loss_or(arguments, losses[i]));
    }
    return 0;
}

/* At 1 % loss SACK is worth something, or at least costs nothing. */
int run_compare(const struct arguments *arguments)
{
    unsigned loss = loss_or(arguments, 10);
    double with = goodputs(arguments, loss, true).mean;
    double without = goodputs(arguments, loss, false).mean;
    printf("goodput at %g %% loss: %.1f kB/s with SACK, %.1f kB/s without\n",
           percent(arguments, loss), with / 1e3, without / 1e3);
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
    bool sends =
        tcb->snd_una != tcb->snd_nxt; /* also when the user has closed, and all is queued */
    if (end != 0 || !sends || tcb->cwnd == 0 ||
        (trace->cwnd == tcb->cwnd && trace->ssthresh == tcb->ssthresh)) {
        return;
    }
    trace->cwnd = tcb->cwnd;
    trace->ssthresh = tcb->ssthresh;
    printf("%.6f\t%" PRIu32 "\t%" PRIu32 "\n", (double)now / 1e6, tcb->cwnd, tcb->ssthresh);
}

int run_cwnd(const struct arguments *arguments)
{
    struct cwnd_trace trace = {0, 0};
    unsigned loss = loss_or(arguments, 2);
    struct sim_config config = over_link(arguments, arguments->first, loss);
    config.watcher = print_cwnd;
    config.user = &trace;
    printf("# seconds, congestion window, slow start threshold; ");
    print_link(arguments, false);
    printf(", %g %% loss\n", percent(arguments, loss));
    struct sim_result result = sim_run(&config);
    const char *failed = what_failed(&result);
    if (failed != NULL) {
        fprintf(stderr, "simulate: seed %" PRIu64 ": %s\n", config.seed, failed);
    }
    return failed == NULL ? 0 : 1;
}
