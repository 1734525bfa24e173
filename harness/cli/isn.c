/* `tcpfsm isn`: the initial sequence numbers of each host of a capture before the audit, and what an outsider could foretell of
 * the next. */
#include "cli.h"
#include "isn_picture.h"
#include "isns.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SUBJECT = 1, KEY_POOL, KEY_DATA, KEY_PICTURE };

struct command {
    struct cli_parse parse;
    char **captures; /* of argv */
    size_t captures_count;
    struct cli_subject subject;
    bool pool;
    const char *data;
    const char *picture;
    /* what is being read */
    struct isns isns;
    uint64_t packets;
    uint64_t segments;
    bool out_of_memory;
    /* of the report */
    size_t hosts;
    size_t few;     /* hosts */
    size_t numbers; /* of these */
    size_t guilty;
    enum isn_verdict verdict; /* of the last host that has one */
    bool alike;               /* all hosts that have one have the same */
    size_t judged;
    bool predictable; /* anybody, in any file */
    /* the host with the most numbers, for the files */
    struct isn_seen *largest;
    size_t largest_count;
    enum isn_verdict largest_verdict;
};

/* ---- the command line ---- */

static error_t parse_isn(int key, char *arg, struct argp_state *state)
{
    struct command *command = state->input;
    switch (key) {
    case KEY_SUBJECT:
        if (!cli_subject_parse(&command->subject, arg)) {
            return cli_misuse(state, arg, "neither an address nor ADDRESS:PORT");
        }
        break;
    case KEY_POOL:
        command->pool = true;
        break;
    case KEY_DATA:
    case KEY_PICTURE:
        if (arg[0] == '\0') {
            return cli_misuse(state, key == KEY_DATA ? "--data" : "--picture",
                              "needs the name of a file");
        }
        *(key == KEY_DATA ? &command->data : &command->picture) = arg;
        break;
    case ARGP_KEY_ARG:
        return ARGP_ERR_UNKNOWN; /* all of them together, below */
    case ARGP_KEY_ARGS:
        command->captures = state->argv + state->next;
        command->captures_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        return cli_misuse(state, "CAPTURE", "the file to look at is missing");
    default:
        return cli_key(key, state);
    }
    command->parse.last = state->next;
    return 0;
}

/* ---- reading ---- */

/* Packets of others are read, too: they tell what was closed. */
static bool see(void *user, const struct capture_packet *packet)
{
    struct command *command = user;
    command->packets++;
    command->segments += packet->taken;
    command->out_of_memory = !isns_packet(&command->isns, packet);
    return !command->out_of_memory;
}

/* ---- people read ---- */

/* Behind what was found; beyond what anybody imagines the figure does not matter. */
static void print_chance(double log10_p)
{
    if (log10_p < -99) {
        printf(" (by chance less than 1 in 10^99)");
    } else {
        printf(" (by chance 1 in 10^%.0f)", -log10_p);
    }
}

static void print_finding(const struct isn_findings *findings, enum isn_test test)
{
    char words[160];
    const struct isn_finding *it = &findings->finding[test];
    isn_words(findings, test, words, sizeof words);
    printf("    %s", words);
    if (test != ISN_TUPLE_CLOCK && test != ISN_TUPLE_SAME) {
        printf(": %.1f bits left to guess", fabs(it->bits));
    }
    printf("\n");
}

/* What says the same as the verdict in other words is left out. */
static bool is_worth_a_line(const struct isn_findings *findings, enum isn_test test)
{
    const struct isn_finding *it = &findings->finding[test];
    bool slope = test >= ISN_OWN_PORT && test <= ISN_PEER_ADDRESS;
    return it->convicts && test != findings->test && findings->verdict != ISN_CONSTANT &&
           it->bits < findings->bits + 1 && test != ISN_TREND && !(slope && fabs(it->value) < 1);
}

static void print_findings(const struct isn_findings *findings)
{
    bool guilty = isn_is_predictable(findings->verdict);
    if (guilty) {
        print_finding(findings, findings->test);
    }
    for (unsigned test = 0; test < ISN_TESTS && guilty; test++) {
        if (is_worth_a_line(findings, (enum isn_test)test)) {
            print_finding(findings, (enum isn_test)test);
        }
    }
    if (!guilty && findings->finding[ISN_TUPLE_CLOCK].log10_p < ISN_CONVICTS_LOG10) {
        print_finding(findings, ISN_TUPLE_CLOCK);
    }
}

static void print_observers(const struct isn_findings *findings)
{
    const char *before = "    bits of 32 left to who has seen";
    for (unsigned i = 0; i < ISN_OBSERVERS; i++) {
        const struct isn_observer *observer = &findings->observer[i];
        if (observer->tries > 0) {
            printf("%s %u numbers: %.1f", before, observer->k, observer->bits);
            before = ";";
        }
    }
    if (before[0] == ';') {
        printf("\n");
    }
}

static void print_host(const struct isn_seen *seen, const struct isn_findings *findings)
{
    char host[INET6_ADDRSTRLEN];
    isn_host(seen, host, sizeof host);
    printf("  %s: %s", host, isn_verdict_text(findings->verdict));
    if (isn_is_predictable(findings->verdict)) {
        print_chance(findings->finding[findings->test].log10_p);
    } else if (findings->verdict == ISN_RFC6528) {
        print_chance(findings->finding[ISN_TUPLE_CLOCK].log10_p);
    }
    printf("\n    %zu number%s, %zu tuple%s, %.0f s", findings->numbers,
           cli_plural(findings->numbers), findings->tuples, cli_plural(findings->tuples),
           findings->span);
    if (!isn_is_predictable(findings->verdict) && findings->verdict != ISN_TOO_FEW) {
        printf("; so many show, at 95 %%, that there are %.1f bits, and can show no more",
               findings->shown);
    }
    if (findings->analysed < findings->tuples && findings->tuples >= ISN_LEAST) {
        printf("; the costly tests took the first %zu", findings->analysed);
    }
    printf("\n");
    print_findings(findings);
    print_observers(findings);
}

/* ---- a report ---- */

static bool keep_largest(struct command *command, const struct isn_seen *seen, size_t n,
                         enum isn_verdict verdict)
{
    if ((command->data == NULL && command->picture == NULL) || n <= command->largest_count) {
        return true;
    }
    free(command->largest);
    command->largest = malloc(n * sizeof *seen);
    command->largest_count = command->largest != NULL ? n : 0;
    if (command->largest == NULL) {
        return false;
    }
    memcpy(command->largest, seen, n * sizeof *seen);
    command->largest_verdict = verdict;
    return true;
}

static bool judge_host(struct command *command, const struct isn_seen *seen, size_t n)
{
    struct isn_findings findings;
    if (!isn_audit(seen, n, &findings)) {
        return false;
    }
    bool guilty = isn_is_predictable(findings.verdict);
    command->hosts++;
    command->predictable = command->predictable || guilty;
    command->guilty += guilty;
    if (findings.verdict == ISN_TOO_FEW &&
        findings.finding[ISN_TUPLE_CLOCK].log10_p >= ISN_CONVICTS_LOG10) {
        command->few++;
        command->numbers += n;
    } else {
        command->alike =
            command->judged == 0 || (command->alike && command->verdict == findings.verdict);
        command->verdict = findings.verdict;
        command->judged++;
        print_host(seen, &findings);
    }
    return keep_largest(command, seen, n, findings.verdict);
}

static size_t only_subject(const struct command *command, struct isn_seen *seen, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (cli_subject_is(&command->subject, &seen[i].address, seen[i].port)) {
            seen[kept++] = seen[i];
        }
    }
    return kept;
}

static void print_end(const struct command *command)
{
    if (command->few > 0) {
        printf("  %zu host%s with %zu number%s: too few to tell\n", command->few,
               cli_plural(command->few), command->numbers, cli_plural(command->numbers));
    }
    if (command->guilty > 1 && command->alike) {
        printf("  all hosts look alike: where a tool has rewritten the numbers they are its own\n");
    }
    if (command->isns.rewritten > 0) {
        printf("  %" PRIu64 " SYN%s left out that came again under another address\n",
               command->isns.rewritten, cli_plural(command->isns.rewritten));
    }
    if (command->isns.left_out > 0) {
        printf("  %" PRIu64 " numbers left out: no more than %zu are looked at\n",
               command->isns.left_out, ISNS_MOST);
    }
}

static int report(struct command *command, const char *name)
{
    struct isn_seen *seen = isns_sorted(&command->isns);
    size_t n = seen != NULL ? only_subject(command, seen, command->isns.n) : 0;
    bool good = seen != NULL;
    if (good && command->subject.said && n == 0) {
        free(seen);
        return cli_fail(name, "no initial sequence number of the subject in it");
    }
    if (good) {
        printf("%s: %" PRIu64 " packet%s, %" PRIu64 " of TCP, %zu ISN%s\n", name, command->packets,
               cli_plural(command->packets), command->segments, n, cli_plural(n));
    }
    command->hosts = command->few = command->numbers = command->guilty = command->judged = 0;
    command->packets = command->segments = 0;
    for (size_t i = 0; i < n && good;) {
        size_t of = isns_of_host(seen + i, n - i);
        good = judge_host(command, seen + i, of);
        i += of;
    }
    if (good) {
        print_end(command);
    }
    free(seen);
    isns_free(&command->isns);
    return good ? CLI_FINE : cli_fail(name, "out of memory");
}

/* ---- all of it ---- */

static int read_file(struct command *command, const char *path)
{
    char error[CAPTURE_ERROR] = "out of memory";
    uint64_t before = command->segments;
    if (!capture_stream(path, see, command, error) || command->out_of_memory) {
        return cli_fail(path, "%s", command->out_of_memory ? "out of memory" : error);
    }
    if (command->segments == before) {
        return cli_fail(path, "no TCP segment in it");
    }
    return CLI_FINE;
}

static int write_files(const struct command *command)
{
    char host[INET6_ADDRSTRLEN] = "";
    char title[256];
    const struct isn_seen *seen = command->largest;
    size_t n = command->largest_count;
    if (command->data == NULL && command->picture == NULL) {
        return CLI_FINE;
    }
    if (n > 0) {
        isn_host(seen, host, sizeof host);
    }
    snprintf(title, sizeof title, "%s, %zu ISNs: %s", host, n,
             isn_verdict_text(command->largest_verdict));
    if ((command->data != NULL && !isn_write_data(command->data, seen, n)) ||
        (command->picture != NULL && !isn_draw(command->picture, seen, n, title))) {
        return CLI_BAD;
    }
    return CLI_FINE;
}

/* Nobody wants a capture to be drawn over. */
static int check_files(const struct command *command)
{
    const char *const written[] = {command->data, command->picture};
    for (size_t i = 0; i < command->captures_count; i++) {
        for (unsigned k = 0; k < 2; k++) {
            if (written[k] != NULL && cli_is_same_file(written[k], command->captures[i])) {
                return cli_fail(written[k], "is a capture that is read");
            }
        }
    }
    return CLI_FINE;
}

int command_isn(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"subject", KEY_SUBJECT, "ADDRESS[:PORT]", 0,
         "Look at this end only, [ADDRESS]:PORT with IPv6 (all)", 0},
        {"pool", KEY_POOL, NULL, 0,
         "The captures are of one network, so that an address is the same host in all of them", 0},
        {"data", KEY_DATA, "FILE", 0,
         "Write the numbers of the host that has the most, as tab-separated values", 0},
        {"picture", KEY_PICTURE, "FILE.svg", 0,
         "Draw their differences in three dimensions, with gnuplot", 0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_isn,
        .args_doc = "CAPTURE...",
        .doc =
            "What can be foretold of the initial sequence numbers of each host of a capture (pcap, "
            "pcapng, packed by gzip or not).\v"
            "A host is called predictable only where chance would hardly ever look like that.\n"
            "Exit status: 0 nothing predictable, 1 some host is, 2 bad usage or input."};
    struct command command = {.parse = {.name = "tcpfsm isn"}};
    int status;
    if (!cli_options(&argp, argc, argv, 0, &command, &status)) {
        return status;
    }
    status = check_files(&command);
    for (size_t i = 0; i < command.captures_count && status == CLI_FINE; i++) {
        bool last = i + 1 == command.captures_count;
        status = read_file(&command, command.captures[i]);
        isns_next_file(&command.isns);
        if (status == CLI_FINE && (last || !command.pool)) {
            bool several = command.pool && command.captures_count > 1;
            status = report(&command, several ? "all" : command.captures[i]);
        }
    }
    status = status == CLI_FINE ? write_files(&command) : status;
    isns_free(&command.isns);
    free(command.largest);
    return status == CLI_FINE && command.predictable ? CLI_FINDING : status;
}
