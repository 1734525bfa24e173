/* Fuzz inputs as the command line names them: which target an input is for, and the files of folders. */
#ifndef HARNESS_INPUTS_H
#define HARNESS_INPUTS_H

#include "run.h"

#include <argp.h>

/* Octets; an input is looked at up to PROGRAM_MAX, so this is generous. */
#define INPUT_MAX ((size_t)1 << 20)

/* What the input of a target is. */
enum input_kind { INPUT_PROGRAM, INPUT_PACKET, INPUT_SCRIPT };

struct input_target {
    const char *name; /* "fuzz_pair" */
    enum input_kind kind;
    enum run_mode mode; /* of a program */
};

/* For the parser of a subcommand: the target that --target names; it complains where there is none. */
error_t input_target_parse(const struct input_target **target, const char *name,
                           struct argp_state *state);

/* The target of programs that run in this mode. */
const struct input_target *input_target_running(enum run_mode mode);

/* The target that a path tells: corpus folders bear its name, and so do most files that fuzzers leave. fuzz_trace
 * where it does not tell. */
const struct input_target *input_target_of(const char *path);

/* Paths of files; starts zeroed. */
struct input_list {
    char **paths;
    size_t count;
};

/* Add a file, or every regular file of a folder and the folders in it, by name, but what begins with a dot. A link
 * to a folder is followed only where it is *path itself. False after a complaint: it cannot be read, or a folder holds none. */
bool input_list_add(struct input_list *list, const char *path);

void input_list_free(struct input_list *list);

/* The input of one program, read and to be freed; null after a complaint. *target is what its path tells, unless it is set.
 * Complains likewise of inputs that are no programs. */
uint8_t *input_read_program(const char *path, const struct input_target **target, size_t *size);

#endif
