/* The `tcpfsm` command: finds the subcommand, and what all of them have in common: options,
 * complaints, and the check that everything printed really went out. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tfsm.h"

int cli_fail(const char *subject, const char *format, ...)
{
    struct cli_text text = {.used = 0};
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    cli_add(&text, "tcpfsm: %s: %s", subject, what);
    for (size_t i = 0; i < text.used;
         i++) { /* a file name may hold a line feed; a complaint is one line */
        unsigned char octet = (unsigned char)text.octets[i];
        text.octets[i] = octet < 0x20 || octet == 0x7f ? '?' : text.octets[i];
    }
    fprintf(stderr, "%s\n", text.octets);
    return CLI_BAD;
}

void cli_add(struct cli_text *text, const char *format, ...)
{
    va_list arguments;
    size_t room = sizeof text->octets - text->used;
    va_start(arguments, format);
    int added = vsnprintf(text->octets + text->used, room, format, arguments);
    va_end(arguments);
    if (added > 0) {
        text->used += (size_t)added < room ? (size_t)added : room - 1;
    }
}

void cli_join(struct cli_text *text, const char *separator, const char *member)
{
    cli_add(text, "%s%s", text->used > 0 ? separator : "", member);
}

const char *cli_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

bool cli_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < least ||
        value > most) {
        return false;
    }
    *number = value;
    return true;
}

uint8_t *cli_read(const char *path, const char *what, size_t most, size_t *size)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    uint8_t *octets = malloc(most + 2);
    *size = 0;
    if (file == NULL || octets == NULL) {
        cli_fail(path, "%s", strerror(errno));
    } else if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
        cli_fail(path, "is a directory");
    } else {
        *size = fread(octets, 1, most + 1, file);
        octets[*size] = 0;
        if (ferror(file)) {
            cli_fail(path, "%s (octet %zu)", strerror(errno), *size);
            *size = 0;
        } else if (*size == 0) {
            cli_fail(path, "is empty");
        } else if (*size > most) {
            cli_fail(path, "is no %s: larger than %zu octets", what, most);
            *size = 0;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    if (*size == 0) {
        free(octets);
        octets = NULL;
    }
    return octets;
}

/* ---- options ---- */

error_t cli_misuse(struct argp_state *state, const char *subject, const char *what)
{
    struct cli_parse *parse = state->input;
    if (!parse->failed && !parse->done) {
        cli_fail(subject, "%s (see %s --help)", what, parse->name);
        parse->failed = true;
    }
    return EINVAL;
}

/* Why an option was not understood. getopt knows but does not tell. */
static const char *diagnose(const struct argp_option *options, const char *given)
{
    size_t dashes = strspn(given, "-");
    size_t length = strcspn(given + dashes, "=");
    const struct argp_option *found = NULL;
    for (; options->name != NULL || options->key != 0 || options->doc != NULL; options++) {
        bool exact = options->name != NULL && strlen(options->name) == length;
        if (dashes == 1 && options->key == given[1] && given[2] == '\0') {
            return "needs a value";
        }
        if (dashes != 2 || options->name == NULL ||
            strncmp(options->name, given + 2, length) != 0) {
            continue;
        }
        if (found != NULL && !exact) {
            return "ambiguous option";
        }
        found = options;
    }
    if (found == NULL) {
        return "unknown option";
    }
    return found->arg != NULL ? "needs a value" : "takes no value";
}

error_t cli_key(int key, struct argp_state *state)
{
    struct cli_parse *parse = state->input;
    switch (key) {
    case CLI_KEY_HELP:
        argp_help(state->root_argp, stdout, ARGP_HELP_STD_HELP, state->name);
        break;
    case CLI_KEY_VERSION:
        printf("tcpfsm %s\n", TFSM_VERSION);
        break;
    case ARGP_KEY_ERROR: {
        /* Where argp did not move on, the mistake is in what comes next; else in what it just
         * passed. */
        const char *given = state->argv[state->next == parse->last ? state->next : state->next - 1];
        if (!parse->failed) {
            cli_misuse(state, given != NULL ? given : "?",
                       given != NULL ? diagnose(state->root_argp->options, given) : "bad usage");
        }
        return 0;
    }
    default:
        return ARGP_ERR_UNKNOWN;
    }
    parse->done = true;
    state->next = state->argc;
    return 0;
}

bool cli_options(const struct argp *argp, int argc, char **argv, unsigned flags, void *input,
                 int *status)
{
    struct cli_parse *parse = input;
    char *name = argv[0];
    char shown[64];
    snprintf(shown, sizeof shown, "%s", parse->name);
    argv[0] = shown; /* argp prints it in the help */
    parse->last = 1;
    error_t error = argp_parse(argp, argc, argv, flags | ARGP_NO_ERRS | ARGP_NO_EXIT | ARGP_NO_HELP,
                               NULL, input);
    argv[0] = name;
    *status = CLI_FINE;
    if (parse->done) {
        return false;
    }
    if (error != 0) {
        *status = parse->failed ? CLI_BAD : cli_fail(parse->name, "%s", strerror(error));
        return false;
    }
    return true;
}

/* ---- the subcommands ---- */

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"table", command_table},       {"replay", command_replay}, {"cover", command_cover},
    {"minimize", command_minimize}, {"triage", command_triage}, {"export", command_export},
    {"import", command_import},     {"judge", command_judge},   {"isn", command_isn},
    {"listener", command_listener}, {"run", command_run},       {"serve", command_serve},
    {"connect", command_connect},   {"relay", command_relay},
};

struct top {
    struct cli_parse parse;
    int command; /* index in argv; 0: none given */
};

static error_t parse_top(int key, char *arg, struct argp_state *state)
{
    struct top *top = state->input;
    (void)arg;
    if (key == ARGP_KEY_ARG) {
        top->command = state->next - 1;
        state->next = state->argc; /* the rest belongs to the subcommand */
        return 0;
    }
    if (key == ARGP_KEY_NO_ARGS) {
        return cli_misuse(state, "COMMAND",
                          "table, replay, cover, minimize, triage, export, import, judge, isn, listener, "
                          "run, serve, connect or relay is missing");
    }
    return cli_key(key, state);
}

static int run_command(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    return cli_fail(argv[0], "no such command (see tcpfsm --help)");
}

/* `help COMMAND' is `COMMAND --help', and so on for the commands of a command. */
static int help(int argc, char **argv)
{
    static char option[] = "--help";
    static char *asked[4];
    if (argc > 3) {
        return cli_fail(argv[3], "help takes a command, or none (see tcpfsm --help)");
    }
    for (int i = 0; i + 1 < argc; i++) {
        asked[i] = argv[i + 1];
    }
    asked[argc - 1] = option;
    return run_command(argc, asked);
}

static int run(int argc, char **argv)
{
    static const struct argp_option options[] = {CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_top,
        .args_doc = "COMMAND [ARGUMENT...]",
        .doc = "A TCP state machine that is a table of rules.\n"
               "\v"
               "Commands:\n"
               "  table     print the rules, or draw them\n"
               "  replay    show what a fuzz input does, as a ladder diagram\n"
               "  cover     what the inputs of a corpus reach: rules, pairs of rules, steps\n"
               "  minimize  make an input that breaks an invariant as small as it can be\n"
               "  triage    group the inputs of a folder by what they break\n"
               "  export    turn a fuzz input into a capture for Wireshark, or into a script\n"
               "  import    turn packet captures into fuzz inputs\n"
               "  judge     what the TCPs of a capture do against the RFCs\n"
               "  isn       what can be foretold of the initial sequence numbers of a capture\n"
               "  listener  put a listener to the test: SYN floods, churn, forged cookies\n"
               "  run       carry out packetdrill scripts, in virtual time\n"
               "  serve     echo, discard, chargen and http through a TUN device\n"
               "  connect   one connection through a TUN device\n"
               "  relay     a wire between two TUN devices\n"
               "\n"
               "`tcpfsm help COMMAND' tells more. Exit status: 0 fine, 1 a broken "
               "invariant or a script that fails, 2 bad usage or input."};
    static char shown[] = "tcpfsm";
    struct top top = {.parse = {.name = shown}};
    int status;
    if (!cli_options(&argp, argc, argv, ARGP_IN_ORDER, &top, &status)) {
        return status;
    }
    if (strcmp(argv[top.command], "help") == 0) {
        if (argc - top.command == 1) {
            argp_help(&argp, stdout, ARGP_HELP_STD_HELP, shown);
            return CLI_FINE;
        }
        return help(argc - top.command, argv + top.command);
    }
    return run_command(argc - top.command, argv + top.command);
}

/* What is opened next takes the lowest number that is free: a TUN device would become standard
 * output. Each gets /dev/null the wrong way round, so that to use it is an error as before. */
static bool hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!hold_standard_descriptors()) {
        return CLI_BAD; /* and nowhere to say it */
    }
    /* A closed pipe and a file that may not grow are write errors, reported like any other. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    /* Nearly everything fits, and so is written by fclose(), which knows why when it cannot be. */
    static char buffer[1 << 20];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    int status = argc > 0 ? run(argc, argv) : CLI_BAD;
    errno = 0;
    bool failed = ferror(stdout) != 0;
    if (fclose(stdout) != 0 || failed) {
        return cli_fail("standard output", "%s",
                        errno != 0 ? strerror(errno) : "cannot be written");
    }
    return status;
}
