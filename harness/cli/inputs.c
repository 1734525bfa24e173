/* See inputs.h. */
#include "inputs.h"
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MOST 16u /* folders in folders */

static const struct input_target targets[] = {
    {"fuzz_trace", INPUT_PROGRAM, RUN_TRACE},       {"fuzz_pair", INPUT_PROGRAM, RUN_PAIR},
    {"fuzz_listener", INPUT_PROGRAM, RUN_LISTENER}, {"fuzz_endpoint", INPUT_PROGRAM, RUN_ENDPOINT},
    {"fuzz_step", INPUT_PROGRAM, RUN_STEP},         {"fuzz_wire", INPUT_PACKET, RUN_TRACE},
    {"fuzz_script", INPUT_SCRIPT, RUN_TRACE},       {"fuzz_engine", INPUT_PROGRAM, RUN_TRACE},
    {"fuzz_prose", INPUT_PROGRAM, RUN_TRACE}};

enum { TRACE, PAIR, SCRIPT = 6, TARGETS = sizeof targets / sizeof targets[0] };

error_t input_target_parse(const struct input_target **target, const char *name,
                           struct argp_state *state)
{
    for (unsigned i = 0; i < TARGETS; i++) {
        if (strcmp(name, targets[i].name) == 0) {
            *target = &targets[i];
            return 0;
        }
    }
    return cli_misuse(state, name,
                      "no such target: fuzz_trace, fuzz_pair, fuzz_listener, fuzz_endpoint, "
                      "fuzz_step, fuzz_wire, fuzz_engine, fuzz_prose or fuzz_script");
}

const struct input_target *input_target_running(enum run_mode mode)
{
    return &targets[mode]; /* they stand in this order */
}

const struct input_target *input_target_of(const char *path)
{
    size_t length = strlen(path);
    for (unsigned i = TARGETS; i-- > 0;) {
        if (strstr(path, targets[i].name) != NULL) {
            return &targets[i];
        }
    }
    if (length > 4 && strcmp(path + length - 4, ".pkt") == 0) {
        return &targets[SCRIPT];
    }
    return &targets[strstr(path, "pair") != NULL ? PAIR : TRACE];
}

/* ---- folders ---- */

static bool append(struct input_list *list, const char *path)
{
    if ((list->count & (list->count + 1)) == 0) { /* full: room doubles, always one less than 2^n */
        char **more = realloc(list->paths, (2 * list->count + 1) * sizeof *more);
        if (more == NULL) {
            cli_fail(path, "out of memory");
            return false;
        }
        list->paths = more;
    }
    list->paths[list->count] = strdup(path);
    if (list->paths[list->count] == NULL) {
        cli_fail(path, "out of memory");
        return false;
    }
    list->count++;
    return true;
}

static bool add_folder(struct input_list *list, const char *path, unsigned depth);

static bool add_entry(struct input_list *list, const char *folder, const char *name, unsigned depth)
{
    struct stat status;
    struct stat link;
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path) {
        cli_fail(folder, "a path in it is too long");
        return false;
    }
    if (lstat(path, &link) != 0 || stat(path, &status) != 0) {
        cli_fail(path, "%s", strerror(errno));
        return false;
    }
    if (S_ISDIR(link.st_mode)) {
        return add_folder(list, path, depth + 1);
    }
    return !S_ISREG(status.st_mode) || append(list, path);
}

static bool add_folder(struct input_list *list, const char *path, unsigned depth)
{
    struct dirent **entries;
    if (depth == DEPTH_MOST) {
        cli_fail(path, "is too deep: folder number %u", DEPTH_MOST + 1);
        return false;
    }
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        cli_fail(path, "%s", strerror(errno));
        return false;
    }
    bool fine = true;
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && fine) {
            fine = add_entry(list, path, entries[i]->d_name, depth);
        }
        free(entries[i]);
    }
    free(entries);
    return fine;
}

bool input_list_add(struct input_list *list, const char *path)
{
    struct stat status;
    size_t before = list->count;
    if (stat(path, &status) != 0) {
        cli_fail(path, "%s", strerror(errno));
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        return append(list, path);
    }
    if (!add_folder(list, path, 0)) {
        return false;
    }
    if (list->count == before) {
        cli_fail(path, "holds no input");
        return false;
    }
    return true;
}

void input_list_free(struct input_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->paths[i]);
    }
    free(list->paths);
    *list = (struct input_list){.paths = NULL};
}

uint8_t *input_read_program(const char *path, const struct input_target **target, size_t *size)
{
    const struct input_target *told = *target != NULL ? *target : input_target_of(path);
    if (told->kind != INPUT_PROGRAM) {
        cli_fail(path, "is an input of %s: no program of events, no rule fires", told->name);
        return NULL;
    }
    *target = told;
    return cli_read(path, "fuzz input", INPUT_MAX, size);
}
