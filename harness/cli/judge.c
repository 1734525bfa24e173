/* `tcpfsm judge`: both ends of every connection of a capture before the witness, and what it charges them with, counted by clause
 * with a few examples of each. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "docket.h"

#define EXAMPLES 3u /* charges of a clause that are shown, of each file */

enum { KEY_SUBJECT = 1, KEY_VANTAGE };

/* A charge that is shown, and who is charged. */
struct shown {
    struct witness_charge charge;
    struct docket_case the_case;
    unsigned end;
};

/* What all charges of one clause come to. */
struct count {
    uint64_t charges;
    unsigned shown;
    struct shown example[EXAMPLES];
};

struct judge {
    struct cli_parse parse;
    char **captures; /* of argv */
    size_t captures_count;
    bool one_subject;
    struct tfsm_address subject;
    uint16_t subject_port; /* 0: any */
    enum witness_vantage vantage;
    /* of the file being read */
    struct docket *docket;
    struct count counts[WITNESS_CLAUSES];
    uint64_t packets;
    uint64_t segments;
    uint64_t cases;
    uint64_t middle; /* cases that began before the capture did */
    uint64_t cut;
    uint64_t offloads;
    bool out_of_memory;
    bool guilty; /* of something that a MUST forbids, in any file */
};

/* ---- the command line ---- */

static bool read_subject(struct judge *judge, const char *arg)
{
    char text[64];
    const char *colon = strrchr(arg, ':');
    bool six = strchr(arg, ':') != colon;
    const char *port = NULL;
    size_t n = strlen(arg);
    if (arg[0] == '[' && colon != NULL && colon > arg && colon[-1] == ']') {
        port = colon + 1;
        n = (size_t)(colon - 1 - (arg + 1));
        arg++;
        six = true;
    } else if (!six && colon != NULL) {
        port = colon + 1;
        n = (size_t)(colon - arg);
    }
    uint64_t number = 0;
    if (n >= sizeof text || (port != NULL && !cli_number(port, 1, UINT16_MAX, &number))) {
        return false;
    }
    memcpy(text, arg, n);
    text[n] = '\0';
    judge->subject = (struct tfsm_address){.family = six ? 6 : 4};
    judge->subject_port = (uint16_t)number;
    judge->one_subject = true;
    return inet_pton(six ? AF_INET6 : AF_INET, text, judge->subject.octets) == 1;
}

static error_t parse_judge(int key, char *arg, struct argp_state *state)
{
    static const char *const vantages[] = {"near", "far", "told"};
    struct judge *judge = state->input;
    switch (key) {
    case KEY_SUBJECT:
        if (!read_subject(judge, arg)) {
            return cli_misuse(state, arg, "neither an address nor ADDRESS:PORT");
        }
        judge->parse.last = state->next;
        return 0;
    case KEY_VANTAGE:
        for (unsigned i = 0; i < sizeof vantages / sizeof vantages[0]; i++) {
            if (strcmp(arg, vantages[i]) == 0) {
                judge->vantage = (enum witness_vantage)i;
                judge->parse.last = state->next;
                return 0;
            }
        }
        return cli_misuse(state, arg, "neither near, far nor told");
    case ARGP_KEY_ARG:
        return ARGP_ERR_UNKNOWN; /* all of them together, below */
    case ARGP_KEY_ARGS:
        judge->captures = state->argv + state->next;
        judge->captures_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        return cli_misuse(state, "CAPTURE", "the file to judge is missing");
    default:
        return cli_key(key, state);
    }
}

/* ---- the first reading ---- */

static bool is_subject(void *user, const struct tfsm_address *address, uint16_t port)
{
    const struct judge *judge = user;
    return !judge->one_subject || ((judge->subject_port == 0 || judge->subject_port == port) &&
                                   memcmp(&judge->subject, address, sizeof *address) == 0);
}

static void take_charge(void *user, const struct docket_case *the_case, unsigned end,
                        const struct witness_charge *charge)
{
    struct judge *judge = user;
    struct count *count = &judge->counts[charge->clause];
    count->charges++;
    judge->guilty = judge->guilty || witness_level(charge->clause) == WITNESS_MUST;
    if (count->shown < EXAMPLES) {
        count->example[count->shown++] = (struct shown){*charge, *the_case, end};
    }
}

static void take_case(void *user, const struct docket_case *the_case)
{
    struct judge *judge = user;
    judge->cases++;
    judge->middle += !the_case->began;
    judge->cut += the_case->cut;
    judge->offloads += the_case->offloads;
}

static bool see(void *user, const struct capture_packet *packet)
{
    struct judge *judge = user;
    judge->packets++;
    judge->segments += packet->taken;
    judge->out_of_memory = !docket_packet(judge->docket, packet);
    return !judge->out_of_memory;
}

/* ---- people read ---- */

static void print_end(const struct docket_case *the_case, unsigned end)
{
    char text[INET6_ADDRSTRLEN] = "?";
    const struct tfsm_address *address = &the_case->address[end];
    inet_ntop(address->family == 6 ? AF_INET6 : AF_INET, address->octets, text, sizeof text);
    printf(address->family == 6 ? "[%s]:%u" : "%s:%u", text, the_case->port[end]);
}

static void print_example(const struct shown *shown)
{
    char words[256];
    witness_words(&shown->charge, words, sizeof words);
    printf("    ");
    print_end(&shown->the_case, shown->end);
    printf(" to ");
    print_end(&shown->the_case, 1 - shown->end);
    printf(", packet%s", shown->charge.proofs > 1 ? "s" : "");
    for (unsigned i = 0; i < shown->charge.proofs; i++) {
        printf("%s %" PRIu64,
               i == 0                         ? ""
               : i + 1 < shown->charge.proofs ? ","
                                              : " and",
               shown->charge.proof[i]);
    }
    printf(":\n      %s\n", words);
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_report(const struct judge *judge, const char *path)
{
    uint64_t charges = 0;
    printf("%s: %" PRIu64 " packet%s, %" PRIu64 " of TCP, %" PRIu64 " connection%s", path,
           judge->packets, plural(judge->packets), judge->segments, judge->cases,
           plural(judge->cases));
    if (judge->middle > 0) {
        printf("; %" PRIu64 " began before the capture did", judge->middle);
    }
    if (judge->cut > 0) {
        printf("; %" PRIu64 " without all of their text", judge->cut);
    }
    if (judge->offloads > 0) {
        printf("; %" PRIu64 " as a network card is still to send them, or put them together",
               judge->offloads);
    }
    printf("\n");
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        const struct count *count = &judge->counts[i];
        enum witness_clause clause = (enum witness_clause)i;
        if (count->charges == 0) {
            continue;
        }
        charges += count->charges;
        printf("  %s %s %s: %" PRIu64 " time%s\n", witness_level_name(witness_level(clause)),
               witness_demand(clause), witness_name(clause), count->charges,
               plural(count->charges));
        for (unsigned k = 0; k < count->shown; k++) {
            print_example(&count->example[k]);
        }
    }
    if (charges == 0) {
        printf("  nobody is charged\n");
    }
}

/* ---- all of it ---- */

static int judge_file(struct judge *judge, const char *path)
{
    char error[CAPTURE_ERROR] = "out of memory";
    const struct docket_config config = {.vantage = judge->vantage,
                                         .is_subject = is_subject,
                                         .charge = take_charge,
                                         .closed = take_case,
                                         .user = judge};
    memset(judge->counts, 0, sizeof judge->counts);
    judge->packets = judge->segments = judge->cases = judge->middle = judge->cut = judge->offloads =
        0;
    judge->docket = docket_new(&config);
    bool read = judge->docket != NULL && capture_stream(path, see, judge, error);
    docket_free(judge->docket);
    if (!read || judge->out_of_memory) {
        return cli_fail(path, "%s", judge->out_of_memory ? "out of memory" : error);
    }
    if (judge->segments == 0) {
        return cli_fail(path, "no TCP segment in it (%" PRIu64 " packet%s)", judge->packets,
                        plural(judge->packets));
    }
    print_report(judge, path);
    return CLI_FINE;
}

int command_judge(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"subject", KEY_SUBJECT, "ADDRESS[:PORT]", 0,
         "Judge this end only, [ADDRESS]:PORT with IPv6 (both ends)", 0},
        {"vantage", KEY_VANTAGE, "WHERE", 0,
         "Where the capture was made: near the subject, far from it, or as the capture itself has "
         "told (told)",
         0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_judge,
        .args_doc = "CAPTURE...",
        .doc = "Judge the TCPs of packet captures (pcap, pcapng, packed by gzip or not) by what "
               "RFCs demand.\v"
               "A charge is raised only where nothing that a capture can miss explains what was "
               "seen.\n"
               "Exit status: 0 no MUST is broken, 1 one is, 2 bad usage or input."};
    static struct judge judge; /* its examples are too much for a stack */
    judge = (struct judge){.parse = {.name = "tcpfsm judge"}, .vantage = WITNESS_TOLD};
    int status;
    if (!cli_options(&argp, argc, argv, 0, &judge, &status)) {
        return status;
    }
    for (size_t i = 0; i < judge.captures_count && status == CLI_FINE; i++) {
        status = judge_file(&judge, judge.captures[i]);
    }
    return status == CLI_FINE && judge.guilty ? CLI_FINDING : status;
}
