/* `tcpfsm listener`: what a listener stands, shown by doing it (harness/sim/siege.h), and its
 * counters afterwards. Each experiment makes a claim; where it does not hold that is a finding. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "siege.h"
#include "stale.h"

enum {
    KEY_SEED = 1,
    KEY_SYNS,
    KEY_RATE,
    KEY_CLIENTS,
    KEY_BACKLOG,
    KEY_COOKIES,
    KEY_RECYCLE,
    KEY_CONNECTIONS,
    KEY_AT_ONCE,
    KEY_PORTS,
    KEY_ACKS,
    KEY_TSV,
    KEY_GONE
};

struct arguments {
    struct cli_parse parse;
    const char *what; /* flood, churn, forge or stale */
    uint32_t given;   /* keys, a bit each */
    uint64_t seed;
    uint64_t syns;
    uint64_t rate;
    uint64_t clients;
    uint64_t backlog;
    uint64_t connections;
    uint64_t at_once;
    uint64_t ports;
    uint64_t acks;
    uint8_t cookies;
    bool recycle;
    bool tsv;
    bool gone;
};

static const char *const cookie_names[] = {"never", "when-full", "always"};

/* ---- progress, on a terminal only ---- */

static void show_progress(uint64_t done, uint64_t all)
{
    static int terminal = -1;
    if (terminal < 0) {
        terminal = isatty(STDERR_FILENO);
    }
    if (terminal > 0 && all > 0) {
        fprintf(stderr, "\r%3u %%", (unsigned)(done * 100 / all));
    }
}

static void end_progress(void)
{
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r     \r");
    }
}

static void show_counters(const uint64_t counters[TFSM_LISTENER_COUNTS])
{
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        enum tfsm_listener_counter counter = (enum tfsm_listener_counter)i;
        if (counters[i] > 0) {
            printf("  %-18s %10" PRIu64 "  %s\n", tfsm_listener_counter_name(counter), counters[i],
                   tfsm_listener_counter_text(counter));
        }
    }
}

static int judge(const char *claim, bool holds, const char *wrong)
{
    if (wrong != NULL) {
        printf("broken: %s\n", wrong);
    }
    printf("%s: %s\n", holds && wrong == NULL ? "holds" : "DOES NOT HOLD", claim);
    return holds && wrong == NULL ? CLI_FINE : CLI_FINDING;
}

/* ---- the experiments ---- */

/* With cookies everybody connects; without, and nobody put out, a flood that fills the queue faster
 * than its entries are given up shuts nearly everybody out. Beyond that there is no claim. */
static int judge_flood(const struct flood_config *config, const struct flood_result *result)
{
    const double twice = 2.0;
    bool cookies = config->policy.cookies != TFSM_COOKIES_NEVER;
    bool constant =
        result->memory_before == result->memory_after && result->most_half_open <= config->backlog;
    bool fast = !config->timed || result->flood <= twice * result->quiet;
    if (cookies) {
        return judge(
            "every client connects, memory is constant, and a SYN costs at most twice what "
            "it costs in quiet times",
            result->connected == config->clients && constant && fast, result->wrong);
    }
    if (config->policy.recycle) {
        return judge("memory is constant; whether a client connects is a race", constant,
                     result->wrong);
    }
    return judge("without cookies the flood shuts out nine clients of ten, or more; memory is "
                 "constant",
                 result->connected <= config->clients / 10 && constant, result->wrong);
}

static int run_flood(const struct arguments *arguments)
{
    struct flood_config config = {.seed = arguments->seed,
                                  .syns = (uint32_t)arguments->syns,
                                  .rate = (uint32_t)arguments->rate,
                                  .clients = (uint32_t)arguments->clients,
                                  .backlog = (uint32_t)arguments->backlog,
                                  .policy = tfsm_listener_policy_default(),
                                  .timed = !arguments->tsv,
                                  .progress = show_progress};
    struct flood_result result;
    uint64_t least = (arguments->rate * SIEGE_FLOOD_LEAST + 999999) / 1000000;
    if (arguments->syns < least) {
        return cli_fail("listener flood",
                        "%" PRIu64 " SYNs at %" PRIu64 " a second are over before the clients had "
                        "their time: --syns=%" PRIu64 " at least",
                        arguments->syns, arguments->rate, least);
    }
    config.policy.cookies = arguments->cookies;
    config.policy.recycle = arguments->recycle;
    bool ready = siege_flood(&config, &result);
    end_progress();
    if (!ready) {
        return cli_fail("listener flood", "not enough memory");
    }
    if (arguments->tsv) {
        printf("%" PRIu64 "\t%" PRIu32 "\n", arguments->rate, result.connected);
        return result.wrong == NULL ? CLI_FINE : CLI_FINDING;
    }
    printf("%" PRIu32 " spoofed SYNs at %" PRIu32 " a second, backlog %" PRIu32 ", cookies %s%s\n",
           config.syns, config.rate, config.backlog, cookie_names[config.policy.cookies],
           config.policy.recycle ? ", the oldest makes room" : "");
    printf("%" PRIu32 " of %" PRIu32 " honest clients connected\n", result.connected,
           config.clients);
    printf("at most %" PRIu32 " half-open connections; %" PRIu64
           " octets on the heap before, %" PRIu64 " after\n",
           result.most_half_open, result.memory_before, result.memory_after);
    printf("a SYN and its answer: %.0f ns in quiet times, %.0f ns in the flood (%.2fx)\n",
           result.quiet, result.flood, result.quiet > 0 ? result.flood / result.quiet : 0);
    show_counters(result.counters);
    return judge_flood(&config, &result);
}

static int run_churn(const struct arguments *arguments)
{
    struct churn_config config = {.seed = arguments->seed,
                                  .connections = (uint32_t)arguments->connections,
                                  .at_once = (uint32_t)arguments->at_once,
                                  .ports = (uint16_t)arguments->ports,
                                  .progress = show_progress};
    struct churn_result result;
    bool ready = siege_churn(&config, &result);
    end_progress();
    if (!ready) {
        return cli_fail("listener churn", "not enough memory");
    }
    printf("%" PRIu32 " connections through one listener from %" PRIu16 " ports, %" PRIu32
           " at once\n",
           config.connections, config.ports, config.at_once);
    printf("%" PRIu32 " accepted, %" PRIu32 " answered, %" PRIu32
           " in place of one in TIME-WAIT; %.0f s of their time\n",
           result.accepted, result.answered, result.reopened, (double)result.took / 1e6);
    printf("left at the end: %" PRIu32 " half open, %" PRIu32 " connections\n", result.half_open,
           result.places);
    show_counters(result.counters);
    bool holds = result.accepted == config.connections && result.answered == config.connections &&
                 result.half_open == 0 && result.places == 0;
    if (config.connections > 2u * config.ports) {
        holds = holds && result.reopened > 0;
    }
    return judge(
        "every connection is accepted and answered, ports come again out of TIME-WAIT, and "
        "nothing is left",
        holds, result.wrong);
}

/* How many there are is a Poisson number: five times its spread beyond what is expected is no accident,
 * nor are more than three where next to none are. */
static bool no_more(uint64_t connections, double expected)
{
    double over = (double)connections - expected;
    return over <= 3 || over * over <= 25 * expected;
}

static int run_forge(const struct arguments *arguments)
{
    struct forge_config config = {
        .seed = arguments->seed, .acks = arguments->acks, .progress = show_progress};
    struct forge_result result;
    siege_forge(&config, &result);
    end_progress();
    printf("%" PRIu64 " random ACKs: %" PRIu64
           " connections; 16 good numbers of 2^32 predict %.3f\n",
           config.acks, result.connections, result.expected);
    printf("%" PRIu64 " ACKs of one who knows all but the secret: %" PRIu64
           " connections; 8 of 2^24 predict %.2f\n",
           config.acks, result.informed, result.informed_expected);
    show_counters(result.counters);
    return judge("no more connections than the bits of a cookie predict",
                 no_more(result.connections, result.expected) &&
                     no_more(result.informed, result.informed_expected),
                 result.wrong);
}

/* ---- arguments ---- */

struct number {
    int key;
    size_t place; /* in struct arguments */
    uint64_t least;
    uint64_t most;
    const char *complaint;
};

static const struct number numbers[] = {
    {KEY_SEED, offsetof(struct arguments, seed), 0, UINT32_MAX, "a seed is 0 to 4294967295"},
    {KEY_SYNS, offsetof(struct arguments, syns), 1, 100000000, "SYNs are 1 to 100000000"},
    {KEY_RATE, offsetof(struct arguments, rate), 1, 1000000, "a rate is 1 to 1000000"},
    {KEY_CLIENTS, offsetof(struct arguments, clients), 1, 10000, "clients are 1 to 10000"},
    {KEY_BACKLOG, offsetof(struct arguments, backlog), 1, 1024, "a backlog is 1 to 1024"},
    {KEY_CONNECTIONS, offsetof(struct arguments, connections), 1, 100000000,
     "connections are 1 to 100000000"},
    {KEY_AT_ONCE, offsetof(struct arguments, at_once), 1, 100, "at once are 1 to 100"},
    {KEY_PORTS, offsetof(struct arguments, ports), 500, 20000, "ports are 500 to 20000"},
    {KEY_ACKS, offsetof(struct arguments, acks), 1, UINT64_C(100000000000), "ACKs are 1 to 10^11"},
};

static error_t parse_cookies(struct arguments *arguments, const char *arg, struct argp_state *state)
{
    for (unsigned i = 0; i < sizeof cookie_names / sizeof cookie_names[0]; i++) {
        if (strcmp(arg, cookie_names[i]) == 0) {
            arguments->cookies = (uint8_t)i;
            return 0;
        }
    }
    return cli_misuse(state, arg, "cookies are never, when-full or always");
}

static error_t parse_word(struct arguments *arguments, const char *arg, struct argp_state *state)
{
    if (arguments->what != NULL) {
        return cli_misuse(state, arg, "one experiment at a time");
    }
    if (strcmp(arg, "flood") != 0 && strcmp(arg, "churn") != 0 && strcmp(arg, "forge") != 0 &&
        strcmp(arg, "stale") != 0) {
        return cli_misuse(state, arg, "no such experiment: flood, churn, forge or stale");
    }
    arguments->what = arg;
    return 0;
}

static const struct argp_option options[] = {
    {"seed", KEY_SEED, "N", 0, "What is random depends on this (1)", 0},
    {NULL, 0, NULL, 0, "flood:", 0},
    {"syns", KEY_SYNS, "N", 0, "Spoofed SYNs (1000000)", 0},
    {"rate", KEY_RATE, "N", 0, "of them a second (10000)", 0},
    {"clients", KEY_CLIENTS, "N", 0, "Honest clients that connect meanwhile (100)", 0},
    {"backlog", KEY_BACKLOG, "N", 0, "Length of the queues (128)", 0},
    {"cookies", KEY_COOKIES, "WHEN", 0, "never, when-full (default) or always", 0},
    {"recycle", KEY_RECYCLE, NULL, 0, "With --cookies=never: the oldest entry makes room", 0},
    {"tsv", KEY_TSV, NULL, 0, "Only the rate and how many connected", 0},
    {NULL, 0, NULL, 0, "churn:", 0},
    {"connections", KEY_CONNECTIONS, "N", 0, "One after the other (100000)", 0},
    {"at-once", KEY_AT_ONCE, "N", 0, "So many at a time (32)", 0},
    {"ports", KEY_PORTS, "N", 0, "Ports of the client (1000)", 0},
    {NULL, 0, NULL, 0, "forge:", 0},
    {"acks", KEY_ACKS, "N", 0, "Random ACKs (10000000)", 0},
    {NULL, 0, NULL, 0, "stale:", 0},
    {"gone", KEY_GONE, NULL, 0, "The client's host is switched off when its old SYN arrives", 0},
    CLI_OPTIONS};

/* The experiment that an option belongs to; null: to all that have chance in them. */
static const char *experiment_of(int key)
{
    switch (key) {
    case KEY_CONNECTIONS:
    case KEY_AT_ONCE:
    case KEY_PORTS:
        return "churn";
    case KEY_ACKS:
        return "forge";
    case KEY_GONE:
        return "stale";
    case KEY_SEED:
        return NULL;
    default:
        return "flood";
    }
}

/* An option that the experiment does not have would be ignored. */
static bool options_fit(const struct arguments *arguments)
{
    for (const struct argp_option *option = options; option->name != NULL || option->doc != NULL;
         option++) {
        bool given = option->key > 0 && option->key <= KEY_GONE &&
                     (arguments->given & 1u << option->key) != 0;
        const char *whose = given ? experiment_of(option->key) : NULL;
        bool fits = whose != NULL ? strcmp(whose, arguments->what) == 0
                                  : strcmp(arguments->what, "stale") != 0;
        if (given && !fits) {
            char subject[40];
            snprintf(subject, sizeof subject, "--%s", option->name);
            cli_fail(subject, "tcpfsm listener %s has no such option", arguments->what);
            return false;
        }
    }
    return true;
}

static error_t parse_listener(int key, char *arg, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    error_t error = 0;
    arguments->given |= key > 0 && key <= KEY_GONE ? 1u << key : 0;
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint64_t *place = (uint64_t *)(void *)((char *)arguments + numbers[i].place);
        if (key == numbers[i].key) {
            arguments->parse.last = state->next;
            return cli_number(arg, numbers[i].least, numbers[i].most, place)
                       ? 0
                       : cli_misuse(state, arg, numbers[i].complaint);
        }
    }
    switch (key) {
    case KEY_COOKIES:
        error = parse_cookies(arguments, arg, state);
        break;
    case KEY_RECYCLE:
        arguments->recycle = true;
        break;
    case KEY_GONE:
        arguments->gone = true;
        break;
    case KEY_TSV:
        arguments->tsv = true;
        break;
    case ARGP_KEY_ARG:
        error = parse_word(arguments, arg, state);
        break;
    case ARGP_KEY_NO_ARGS:
        return cli_misuse(state, "EXPERIMENT", "flood, churn, forge or stale is missing");
    default:
        return cli_key(key, state);
    }
    arguments->parse.last = state->next;
    return error;
}

int command_listener(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse_listener,
        .args_doc = "flood|churn|forge|stale",
        .doc = "What a listener stands.\n"
               "\v"
               "  flood  spoofed SYNs, and honest clients in between\n"
               "  churn  many connections through one listener, from few ports\n"
               "  forge  guessed SYN cookies\n"
               "  stale  a SYN of a connection long gone, as a ladder diagram\n"
               "\n"
               "Exit status: 0 the claim holds, 1 it does not, 2 bad usage."};
    struct arguments arguments = {.parse = {.name = "tcpfsm listener"},
                                  .seed = 1,
                                  .syns = 1000000,
                                  .rate = 10000,
                                  .clients = 100,
                                  .backlog = 128,
                                  .cookies = TFSM_COOKIES_WHEN_FULL,
                                  .connections = 100000,
                                  .at_once = 32,
                                  .ports = 1000,
                                  .acks = 10000000};
    int status;
    if (!cli_options(&argp, argc, argv, 0, &arguments, &status)) {
        return status;
    }
    if (!options_fit(&arguments)) {
        return CLI_BAD;
    }
    return strcmp(arguments.what, "flood") == 0   ? run_flood(&arguments)
           : strcmp(arguments.what, "churn") == 0 ? run_churn(&arguments)
           : strcmp(arguments.what, "forge") == 0 ? run_forge(&arguments)
                                                  : stale_story(arguments.gone);
}
