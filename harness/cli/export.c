/* `tcpfsm export`: a fuzz input as others can use it, a capture for Wireshark or a script. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "export_script.h"
#include "machine.h"
#include "replay.h"

enum { KEY_TARGET = 1, KEY_PCAP, KEY_SCRIPT, KEY_HOST };

struct exporting {
    struct cli_parse parse;
    const char *path;
    const char *pcap;
    const char *script;
    const struct input_target *target; /* null: the path tells */
    const char *host;
};

static error_t parse_export(int key, char *arg, struct argp_state *state)
{
    struct exporting *exporting = state->input;
    error_t error = 0;
    switch (key) {
    case KEY_TARGET:
        error = input_target_parse(&exporting->target, arg, state);
        break;
    case KEY_PCAP:
        exporting->pcap = arg;
        break;
    case KEY_SCRIPT:
        exporting->script = arg;
        break;
    case KEY_HOST:
        exporting->host = arg;
        error = strcmp(arg, "A") == 0 || strcmp(arg, "B") == 0
                    ? 0
                    : cli_misuse(state, arg, "a pair has the hosts A and B");
        break;
    case ARGP_KEY_ARG:
        if (exporting->path != NULL) {
            return cli_misuse(state, arg, "one input at a time");
        }
        exporting->path = arg;
        break;
    case ARGP_KEY_NO_ARGS:
        return cli_misuse(state, "INPUT", "the file to export is missing");
    default:
        return cli_key(key, state);
    }
    exporting->parse.last = state->next;
    return error;
}

/* What makes no sense together; true after a complaint. */
static bool is_misused(const struct exporting *exporting, const struct input_target *target)
{
    const char *files[] = {exporting->pcap, exporting->script};
    if (exporting->pcap == NULL && exporting->script == NULL) {
        cli_fail(exporting->path, "export to what: --pcap FILE, --script FILE or both");
        return true;
    }
    for (unsigned i = 0; i < 2; i++) {
        const char *option = i == 0 ? "--pcap" : "--script";
        if (files[i] != NULL && files[i][0] == '\0') {
            cli_fail(option, "no name for the file");
            return true;
        }
        if (files[i] != NULL && cli_is_same_file(files[i], exporting->path)) {
            cli_fail(files[i], "is the input that is read");
            return true;
        }
    }
    if (files[0] != NULL && files[1] != NULL &&
        (strcmp(files[0], files[1]) == 0 || cli_is_same_file(files[0], files[1]))) {
        cli_fail(files[1], "is the file of --pcap, too");
        return true;
    }
    if (target->kind == INPUT_SCRIPT) {
        cli_fail(exporting->path, "is an input of fuzz_script: a script already, for tcpfsm run");
        return true;
    }
    if (target->kind == INPUT_PROGRAM && target->mode == RUN_STEP) {
        cli_fail(exporting->path, "is an input of fuzz_step: a connection that no packets have "
                                  "led to; tcpfsm replay shows it");
        return true;
    }
    if (target->kind == INPUT_PACKET && exporting->script != NULL) {
        cli_fail(exporting->path, "is an input of fuzz_wire: one packet, of which there is no "
                                  "script; --pcap shows it");
        return true;
    }
    if (exporting->host != NULL && (target->mode != RUN_PAIR || exporting->script == NULL)) {
        cli_fail("--host", "is for the script of a pair, %s has one host",
                 exporting->script == NULL ? "a capture" : target->name);
        return true;
    }
    return false;
}

static int put(const char *path, FILE *whole, bool made, const char *error)
{
    int status = CLI_BAD;
    if (whole == NULL) {
        cli_fail(path, "%s", strerror(errno));
        return status;
    }
    if (!made) {
        cli_fail(path, "%s", error);
    } else if (cli_put(path, whole)) {
        status = CLI_FINE;
    }
    fclose(whole);
    return status;
}

static int put_pcap(const struct exporting *exporting, const struct export_input *input)
{
    char error[EXPORT_ERROR];
    struct run_result result;
    size_t packets = 0;
    FILE *whole = tmpfile();
    bool made = whole != NULL && export_pcap(input, whole, &result, &packets, error);
    int status = put(exporting->pcap, whole, made, error);
    if (status == CLI_FINE) {
        printf("%s: %zu packet%s", exporting->pcap, packets, cli_plural(packets));
        if (result.violation.id != NULL) {
            printf("; breaks %s: %s", result.violation.id, result.violation.requirement);
        }
        putchar('\n');
    }
    return status;
}

static bool rewrite(FILE *file, const char *text)
{
    rewind(file);
    return ftruncate(fileno(file), 0) == 0 && fputs(text, file) >= 0 && fflush(file) == 0;
}

static bool say(const struct exporting *exporting, const struct export_input *input,
                struct scripting *s)
{
    unsigned end = exporting->host != NULL && exporting->host[0] == 'B';
    fprintf(s->to, "// An input of %s", input->target->name);
    fprintf(s->to, input->target->mode == RUN_PAIR ? ", host %s\n" : "\n", end == 1 ? "B" : "A");
    switch (input->target->mode) {
    case RUN_PAIR:
        return export_pair_script(input, end, s);
    case RUN_LISTENER:
        return export_listener_script(input, s);
    case RUN_ENDPOINT:
        return export_endpoint_script(input, s);
    case RUN_TRACE:
    case RUN_STEP: /* refused before */
        break;
    }
    return export_trace_script(input, s);
}

/* The script says what the true machine does, whatever TFSM_VARIANT has: it passes there, and only where the machine does the
 * same elsewhere. That it does pass is tried before it has a name. */
static bool make_script(const struct exporting *exporting, const struct export_input *input,
                        unsigned attempt, FILE *whole, char error[EXPORT_ERROR])
{
    static struct scripting s;
    char reason[EXPORT_ERROR - 150];
    s = (struct scripting){.to = whole, .error = error, .attempt = attempt};
    rewind(whole);
    if (ftruncate(fileno(whole), 0) != 0 || !say(exporting, input, &s)) {
        return false;
    }
    long n = ftell(whole);
    char *text = n > 0 ? calloc(1, (size_t)n + 1) : NULL;
    rewind(whole);
    if (text == NULL || fread(text, 1, (size_t)n, whole) != (size_t)n) {
        snprintf(error, EXPORT_ERROR, "out of memory");
        free(text);
        return false;
    }
    bool passes = adapt_script(&text, reason, sizeof reason);
    if (!passes) {
        snprintf(error, EXPORT_ERROR, "no script says it: %s%s%s", reason,
                 s.doubt[0] != '\0' ? "; no socket says: " : "", s.doubt);
    }
    bool put = rewrite(whole, text);
    free(text);
    return passes && put;
}

static int put_script(const struct exporting *exporting, const struct export_input *input)
{
    static const struct table truth = {.rows = tfsm_rules};
    char error[EXPORT_ERROR] = "";
    FILE *whole = tmpfile();
    machine_run(&truth);
    unsigned attempts = input->target->mode == RUN_LISTENER ? EXPORT_LISTENER_ATTEMPTS : 1;
    bool made = false;
    for (unsigned i = 0; i < attempts && whole != NULL && !made; i++) {
        made = make_script(exporting, input, i, whole, error);
    }
    machine_run(NULL);
    return put(made || whole == NULL ? exporting->script : exporting->path, whole, made, error);
}

int command_export(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"pcap", KEY_PCAP, "FILE", 0,
         "Write its packets, with what happened as comments, for Wireshark (pcapng)", 0},
        {"script", KEY_SCRIPT, "FILE", 0, "Write it as a packetdrill script for tcpfsm run", 0},
        {"host", KEY_HOST, "A|B", 0, "Whose script, of a pair: A unless said", 0},
        {"target", KEY_TARGET, "TARGET", 0,
         "The fuzz target that the input is for; otherwise the path tells, and fuzz_trace if it "
         "does not",
         0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_export,
        .args_doc = "INPUT",
        .doc = "Turn a fuzz input into a capture, a script or both.\vExit status: 0 written, "
               "whatever the input breaks; 2 bad usage or input, what cannot be written, or an "
               "input that no script can say: then nothing is written."};
    struct exporting exporting = {.parse = {.name = "tcpfsm export"}};
    int status;
    struct export_input input;
    if (!cli_options(&argp, argc, argv, 0, &exporting, &status)) {
        return status;
    }
    input.target = exporting.target != NULL ? exporting.target : input_target_of(exporting.path);
    if (is_misused(&exporting, input.target)) {
        return CLI_BAD;
    }
    uint8_t *octets = cli_read(exporting.path, "fuzz input", INPUT_MAX, &input.size);
    if (octets == NULL) {
        return CLI_BAD;
    }
    input.octets = octets;
    status = exporting.script != NULL ? put_script(&exporting, &input) : CLI_FINE;
    if (status == CLI_FINE && exporting.pcap != NULL) {
        status = put_pcap(&exporting, &input);
    }
    free(octets);
    return status;
}
