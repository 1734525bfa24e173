/* What the subcommands of `tcpfsm` share: exit codes, the one way to complain, the one way to read
 * options, and text that grows in a fixed place. */
#ifndef HARNESS_CLI_H
#define HARNESS_CLI_H

#include "tfsm.h"

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes of every subcommand. */
enum cli_exit {
    CLI_FINE = 0,    /* nothing to report */
    CLI_FINDING = 1, /* an invariant is broken */
    CLI_BAD = 2      /* bad usage, bad input, or output that cannot be written */
};

/* Print `tcpfsm: SUBJECT: what is wrong` on standard error, always one line, and return CLI_BAD. */
int cli_fail(const char *subject, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What argp keeps for every subcommand: the first member of its `input`. */
struct cli_parse {
    const char *name; /* as the help shows it: "tcpfsm table" */
    bool done;        /* --help or --version was all that was asked */
    bool failed;      /* the complaint is printed */
    int last;         /* where argp stood after the last option it understood */
};

/* Every option list ends with these two. */
#define CLI_KEY_HELP    'h'
#define CLI_KEY_VERSION 0x101
/* clang-format off */
#define CLI_OPTIONS                                                                                \
    {"help", CLI_KEY_HELP, NULL, 0, "Show this help", -1},                                         \
    {"version", CLI_KEY_VERSION, NULL, 0, "Show the version", -1},                                 \
    {NULL, 0, NULL, 0, NULL, 0}
/* clang-format on */

/* Parse a command line.
 * input  starts with a struct cli_parse
 * flags  ARGP_IN_ORDER or 0
 * Returns true to go on, false when the answer is *status. A mistake gives one line on standard
 * error. */
bool cli_options(const struct argp *argp, int argc, char **argv, unsigned flags, void *input,
                 int *status);

/* For the parser of a subcommand: what to do with keys that are not its own. */
error_t cli_key(int key, struct argp_state *state);

/* For the parser of a subcommand: complain and stop parsing. */
error_t cli_misuse(struct argp_state *state, const char *subject, const char *what);

/* Text in a fixed place; what does not fit is cut off. Starts zeroed. */
struct cli_text {
    char octets[1024];
    size_t used;
};

void cli_add(struct cli_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Add a member of a list: with a separator unless the text is empty. */
void cli_join(struct cli_text *text, const char *separator, const char *member);

/* "s", unless there is one of it. */
const char *cli_plural(uint64_t n);

/* Read a number in decimal digits, and nothing else. False when it is none, or out of bounds. */
bool cli_number(const char *text, uint64_t least, uint64_t most, uint64_t *number);

/* The ends of connections that a command line names. */
struct cli_subject {
    bool said; /* else all of them */
    struct tfsm_address address;
    uint16_t port; /* 0: any */
};

/* Whether two names are of one file that is there. */
bool cli_is_same_file(const char *a, const char *b);

/* Read ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT. False when it is none of these. */
bool cli_subject_parse(struct cli_subject *subject, const char *text);

/* Whether an end is one of these. */
bool cli_subject_is(const struct cli_subject *subject, const struct tfsm_address *address,
                    uint16_t port);

/* Read a whole file of at most so many octets.
 * what  as a complaint calls it: "fuzz input"
 * Returns its octets, at least one, and a zero behind them; or null after complaining. To be freed. */
uint8_t *cli_read(const char *path, const char *what, size_t most, size_t *size);

/* Write what is in a file that is open for reading, from its beginning, to where it is to be: whole, or not at all. A device or a
 * pipe is written to as it is. False after complaining. */
bool cli_put(const char *path, FILE *whole);

/* The subcommands; argv[0] is their own name. */
int command_table(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_cover(int argc, char **argv);
int command_minimize(int argc, char **argv);
int command_triage(int argc, char **argv);
int command_export(int argc, char **argv);
int command_import(int argc, char **argv);
int command_judge(int argc, char **argv);
int command_isn(int argc, char **argv);
int command_listener(int argc, char **argv);
int command_run(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_connect(int argc, char **argv);
int command_relay(int argc, char **argv);

#endif
