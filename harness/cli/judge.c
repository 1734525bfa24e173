/* `tcpfsm judge`: both ends of every connection of a capture before the witness; what it charges them with is reported in one of
 * three ways, and may be written beside the packets of a copy. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "commented.h"
#include "progress.h"
#include "report.h"

enum { KEY_SUBJECT = 1, KEY_VANTAGE, KEY_FORMAT, KEY_PCAPNG, KEY_CLAUSES };

struct judge {
    struct cli_parse parse;
    char **captures; /* of argv */
    size_t captures_count;
    bool clauses; /* are to be listed */
    struct cli_subject subject;
    bool vantage_said;
    enum witness_vantage vantage;
    const struct report_format *format;
    void *report;       /* what the format keeps */
    const char *pcapng; /* the copy with comments; null: none */
    struct commented copy;
    struct progress progress;
    struct verdict verdict; /* of the file being read */
    struct excerpt excerpts[WITNESS_CLAUSES];
    size_t excerpt_count;
};

/* ---- the command line ---- */

static error_t parse_format(struct judge *judge, const char *arg, struct argp_state *state)
{
    static const struct report_format *const formats[] = {&report_text, &report_json,
                                                          &report_junit};
    for (unsigned i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(arg, formats[i]->name) != 0) {
            continue;
        }
        judge->format = formats[i];
        if (formats[i]->missing != NULL) {
            return cli_misuse(state, arg, formats[i]->missing);
        }
        judge->parse.last = state->next;
        return 0;
    }
    return cli_misuse(state, arg, "no such format: text, json or junit");
}

static error_t parse_vantage(struct judge *judge, const char *arg, struct argp_state *state)
{
    static const char *const vantages[] = {"near", "far", "told"};
    for (unsigned i = 0; i < sizeof vantages / sizeof vantages[0]; i++) {
        if (strcmp(arg, vantages[i]) == 0) {
            judge->vantage = (enum witness_vantage)i;
            judge->vantage_said = true;
            judge->parse.last = state->next;
            return 0;
        }
    }
    return cli_misuse(state, arg, "neither near, far nor told");
}

static error_t parse_judge(int key, char *arg, struct argp_state *state)
{
    struct judge *judge = state->input;
    switch (key) {
    case KEY_SUBJECT:
        if (!cli_subject_parse(&judge->subject, arg)) {
            return cli_misuse(state, arg, "neither an address nor ADDRESS:PORT");
        }
        judge->parse.last = state->next;
        return 0;
    case KEY_VANTAGE:
        return parse_vantage(judge, arg, state);
    case KEY_CLAUSES:
        judge->clauses = true;
        judge->parse.last = state->next;
        return 0;
    case KEY_FORMAT:
        return parse_format(judge, arg, state);
    case KEY_PCAPNG:
        if (arg[0] == '\0') {
            return cli_misuse(state, "--pcapng", "no name");
        }
        if (strcmp(arg, "-") == 0) {
            return cli_misuse(state, "--pcapng", "needs a file: the report goes to the terminal");
        }
        judge->pcapng = arg;
        judge->parse.last = state->next;
        return 0;
    case ARGP_KEY_ARG:
        return ARGP_ERR_UNKNOWN; /* all of them together, below */
    case ARGP_KEY_ARGS:
        judge->captures = state->argv + state->next;
        judge->captures_count = (size_t)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        return judge->clauses ? 0 : cli_misuse(state, "CAPTURE", "the file to judge is missing");
    case ARGP_KEY_END:
        if (judge->clauses && judge->captures_count > 0) {
            return cli_misuse(state, judge->captures[0], "--clauses reads no capture");
        }
        if (judge->pcapng != NULL && judge->captures_count > 1) {
            return cli_misuse(state, judge->pcapng, "--pcapng takes one capture");
        }
        return 0;
    default:
        return cli_key(key, state);
    }
}

/* ---- reading ---- */

static bool is_subject(void *user, const struct tfsm_address *address, uint16_t port)
{
    const struct judge *judge = user;
    return cli_subject_is(&judge->subject, address, port);
}

static void note_packet(void *user, const struct capture_packet *packet)
{
    struct judge *judge = user;
    progress_packet(&judge->progress, packet);
}

static bool note_charge(void *user, const struct witness_charge *charge)
{
    struct judge *judge = user;
    return judge->copy.remarks == NULL || remarks_charge(judge->copy.remarks, charge);
}

static bool reach_verdict(struct judge *judge, const char *path, char error[CAPTURE_ERROR])
{
    const struct verdict_question question = {.vantage = judge->vantage,
                                              .is_subject = is_subject,
                                              .subject_user = judge,
                                              .seen = note_packet,
                                              .charged = note_charge,
                                              .user = judge};
    progress_begin(&judge->progress, "judging", path);
    bool read = verdict_reach(path, &question, &judge->verdict, error);
    progress_end(&judge->progress);
    return read;
}

/* The packets that prove the first charge of each clause. Null, or why there are none. */
static const char *take_excerpts(struct judge *judge, const char *path)
{
    enum witness_clause order[WITNESS_CLAUSES];
    struct stat status;
    static char error[CAPTURE_ERROR];
    judge->excerpt_count = 0;
    if (!judge->format->excerpts) {
        return NULL;
    }
    verdict_order(order);
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        if (judge->verdict.count[order[i]].times > 0) {
            judge->excerpts[judge->excerpt_count++] =
                (struct excerpt){.of = judge->verdict.example[order[i]][0]};
        }
    }
    if (judge->excerpt_count == 0) {
        return NULL;
    }
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        judge->excerpt_count = 0;
        return "what is no regular file is read only once";
    }
    progress_begin(&judge->progress, "drawing", path);
    bool read =
        excerpt_take(path, judge->excerpts, judge->excerpt_count, note_packet, judge, error);
    progress_end(&judge->progress);
    judge->excerpt_count = read ? judge->excerpt_count : 0;
    return read ? NULL : error;
}

/* ---- all of it ---- */

static int report(struct judge *judge, const struct report_capture *capture, int status)
{
    return judge->format->capture(&judge->report, capture)
               ? status
               : cli_fail(capture->path, "out of memory");
}

static int report_error(struct judge *judge, const char *path, const char *subject,
                        const char *error)
{
    char whole[CAPTURE_ERROR];
    struct report_capture capture = {.path = path, .error = error};
    int status = cli_fail(subject, "%s", error);
    if (subject != path) { /* it is about the copy */
        snprintf(whole, sizeof whole, "%.100s: %.150s", subject, error);
        capture.error = whole;
    }
    return report(judge, &capture, status);
}

/* People want to know what is in the part that could be read; machines what could not. */
static int report_part(struct judge *judge, const char *path, const char *error)
{
    const struct report_capture capture = {.path = path,
                                           .verdict = &judge->verdict,
                                           .no_excerpts = "only the beginning could be read"};
    report(judge, &capture, CLI_BAD);
    fflush(stdout);
    return cli_fail(path, "%s", error);
}

static int judge_file(struct judge *judge, const char *path)
{
    char error[CAPTURE_ERROR];
    const char *subject = path;
    if (judge->pcapng != NULL &&
        !commented_begin(&judge->copy, judge->pcapng, path, &subject, error)) {
        return report_error(judge, path, subject, error);
    }
    if (!reach_verdict(judge, path, error)) {
        return judge->format == &report_text && judge->pcapng == NULL && judge->verdict.judged > 0
                   ? report_part(judge, path, error)
                   : report_error(judge, path, path, error);
    }
    struct report_capture capture = {.path = path,
                                     .verdict = &judge->verdict,
                                     .excerpts = judge->excerpts,
                                     .commented = judge->pcapng};
    capture.no_excerpts = take_excerpts(judge, path);
    capture.excerpt_count = judge->excerpt_count;
    if (judge->pcapng != NULL) {
        progress_begin(&judge->progress, "copying", path);
        bool written = commented_write(&judge->copy, path, note_packet, judge, &subject, error);
        progress_end(&judge->progress);
        if (!written) {
            return report_error(judge, path, subject, error);
        }
        capture.comments = remarks_count(judge->copy.remarks);
        capture.comments_left = remarks_left(judge->copy.remarks);
    }
    return report(judge, &capture, judge->verdict.musts_broken > 0 ? CLI_FINDING : CLI_FINE);
}

static int judge_files(struct judge *judge)
{
    int worst = CLI_FINE;
    for (size_t i = 0; i < judge->captures_count; i++) {
        int status = judge_file(judge, judge->captures[i]);
        worst = status > worst ? status : worst;
        commented_end(&judge->copy);
    }
    if (!judge->format->end(&judge->report, worst)) {
        return cli_fail("tcpfsm judge", "out of memory");
    }
    return worst;
}

/* What can be charged, with # for numbers. */
static int list_clauses(void)
{
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        enum witness_clause clause = (enum witness_clause)i;
        char words[256];
        witness_template(clause, words, sizeof words);
        printf("%-8s %-17s %-21s %s\n", witness_level_name(witness_level(clause)),
               witness_demand(clause), witness_name(clause), words);
    }
    return CLI_FINE;
}

int command_judge(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"subject", KEY_SUBJECT, "ADDRESS[:PORT]", 0,
         "Judge this end only, [ADDRESS]:PORT with IPv6 (both ends)", 0},
        {"vantage", KEY_VANTAGE, "WHERE", 0,
         "Where the capture was made: near the subject, far from it, or as the capture itself has "
         "told (near with --subject, else told)",
         0},
        {"clauses", KEY_CLAUSES, NULL, 0, "List what can be charged, and read nothing", 0},
        {"format", KEY_FORMAT, "FORMAT", 0,
         "text for people, json, or junit, which has a test for each clause (text)", 0},
        {"pcapng", KEY_PCAPNG, "FILE", 0,
         "Write the packets of the one capture there, with comments at those that prove something, "
         "for Wireshark",
         0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_judge,
        .args_doc = "CAPTURE...",
        .doc =
            "Judge the TCPs of packet captures (pcap, pcapng, packed by gzip or not) by what "
            "RFCs demand.\v"
            "A charge is raised only where nothing that a capture can miss explains what was "
            "seen.\n"
            "json: {\"verdict\": \"fine\", \"broken\" or \"unreadable\", \"captures\": [{\"file\", "
            "\"error\" when it could not be read to its end, \"packets\", \"segments\", "
            "\"connections\", ..., "
            "\"charges\": "
            "[{\"clause\", \"requirement\", \"level\", \"sentence\", \"times\", \"ends\", "
            "\"connections\", \"examples\": [{\"subject\", \"peer\", \"packets\", \"time\": "
            "microseconds since 1970, \"sentence\"}]}]}]}\n"
            "Exit status: 0 no MUST is broken, 1 one is, 2 bad usage or input, of any capture."};
    static struct judge judge; /* its examples are too much for a stack */
    judge = (struct judge){
        .parse = {.name = "tcpfsm judge"}, .vantage = WITNESS_TOLD, .format = &report_text};
    int status;
    if (!cli_options(&argp, argc, argv, 0, &judge, &status)) {
        return status;
    }
    if (judge.clauses) {
        return list_clauses();
    }
    if (!judge.vantage_said && judge.subject.said) {
        judge.vantage = WITNESS_NEAR; /* who asks about one end has recorded there */
    }
    return judge_files(&judge);
}
