/* The set of seeds, and how it gets on disk: all of it or nothing. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "seed.h"

const char *seed_target_name(enum seed_target target)
{
    static const char *const names[SEED_TARGETS] = {"fuzz_wire", "fuzz_trace", "fuzz_pair"};
    return names[target];
}

/* The key only has to stay the same: names are names, nothing is secret. */
static uint64_t hash_of(const uint8_t *octets, size_t size)
{
    static const uint8_t key[16] = {'t', 'c', 'p', 'f', 's', 'm', ' ', 's',
                                    'e', 'e', 'd', ' ', 'n', 'a', 'm', 'e'};
    return tfsm_siphash(key, octets, size);
}

/* The slot of a seed, or the free one where it belongs. */
static size_t *find_slot(const struct seeds *seeds, enum seed_target target, uint64_t hash)
{
    size_t at = (size_t)(hash % seeds->slot_count);
    while (seeds->slots[at] != 0) {
        const struct seed *seed = &seeds->list[seeds->slots[at] - 1];
        if (seed->hash == hash && seed->target == target) {
            break;
        }
        at = (at + 1) % seeds->slot_count;
    }
    return &seeds->slots[at];
}

/* Twice the room; slots stay at most half full. */
static bool grow(struct seeds *seeds)
{
    size_t room = seeds->room > 0 ? 2 * seeds->room : 64;
    struct seed *list = realloc(seeds->list, room * sizeof *list);
    if (list == NULL) {
        return false;
    }
    seeds->list = list;
    size_t *slots = calloc(2 * room, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(seeds->slots);
    seeds->slots = slots;
    seeds->slot_count = 2 * room;
    seeds->room = room;
    for (size_t i = 0; i < seeds->count; i++) {
        *find_slot(seeds, list[i].target, list[i].hash) = i + 1;
    }
    return true;
}

enum seeds_add_result seeds_add(struct seeds *seeds, enum seed_target target, const uint8_t *octets,
                                size_t size)
{
    uint64_t hash = hash_of(octets, size);
    if (seeds->count == seeds->room && !grow(seeds)) {
        return SEEDS_MEMORY;
    }
    size_t *slot = find_slot(seeds, target, hash);
    if (*slot != 0) {
        return SEEDS_KNOWN;
    }
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        return SEEDS_MEMORY;
    }
    memcpy(copy, octets, size);
    seeds->list[seeds->count++] = (struct seed){target, hash, copy, size};
    *slot = seeds->count;
    return SEEDS_ADDED;
}

void seeds_free(struct seeds *seeds)
{
    for (size_t i = 0; i < seeds->count; i++) {
        free(seeds->list[i].octets);
    }
    free(seeds->list);
    free(seeds->slots);
    *seeds = (struct seeds){0};
}

/* ---- on disk ---- */

/* What has been made so far, so that it can be unmade. */
struct store {
    const struct seeds *seeds;
    const char *folder;
    bool made[SEED_TARGETS + 1]; /* folders; the last is the one that holds them */
    bool *temporary;             /* per seed: its temporary file is there */
    bool *placed;                /* per seed: its final file is there, and new */
};

/* Names of files are shorter than this beyond the folder's own name. */
#define NAME_ROOM 64

/* FOLDER, FOLDER/TARGET, FOLDER/TARGET/HASH or its temporary name. Null when out of memory. */
static char *path_of(const struct store *store, size_t target, const struct seed *seed,
                     bool temporary)
{
    size_t room = strlen(store->folder) + NAME_ROOM;
    char *path = malloc(room);
    if (path == NULL) {
        cli_fail(store->folder, "out of memory");
    } else if (target == SEED_TARGETS) {
        snprintf(path, room, "%s", store->folder);
    } else if (seed == NULL) {
        snprintf(path, room, "%s/%s", store->folder, seed_target_name((enum seed_target)target));
    } else {
        snprintf(path, room, temporary ? "%s/%s/.%016llx.%ld" : "%s/%s/%016llx", store->folder,
                 seed_target_name((enum seed_target)target), (unsigned long long)seed->hash,
                 (long)getpid());
    }
    return path;
}

static bool make_folder(struct store *store, size_t target)
{
    struct stat status;
    char *path = path_of(store, target, NULL, false);
    bool there = false;
    if (path == NULL) {
        return false;
    }
    if (mkdir(path, 0777) == 0) {
        store->made[target] = true;
        there = true;
    } else if (errno != EEXIST) {
        cli_fail(path, "%s (making the folder)", strerror(errno));
    } else if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        cli_fail(path, "is not a directory");
    } else {
        there = true;
    }
    free(path);
    return there;
}

static bool make_folders(struct store *store)
{
    bool wanted[SEED_TARGETS] = {false, false, false};
    for (size_t i = 0; i < store->seeds->count; i++) {
        wanted[store->seeds->list[i].target] = true;
    }
    bool fine = make_folder(store, SEED_TARGETS);
    for (size_t target = 0; target < SEED_TARGETS && fine; target++) {
        fine = !wanted[target] || make_folder(store, target);
    }
    return fine;
}

static bool write_file(const char *path, const struct seed *seed)
{
    FILE *file = fopen(path, "wbx");
    if (file == NULL) {
        return false;
    }
    bool written = fwrite(seed->octets, 1, seed->size, file) == seed->size;
    int error = errno;
    if (fclose(file) != 0) {
        written = false;
        error = errno;
    }
    if (!written) {
        unlink(path);
        errno = error;
    }
    return written;
}

static bool write_temporary(struct store *store, size_t i)
{
    const struct seed *seed = &store->seeds->list[i];
    char *final = path_of(store, seed->target, seed, false);
    char *path = path_of(store, seed->target, seed, true);
    bool fine = final != NULL && path != NULL;
    if (fine && access(final, F_OK) != 0) {
        store->temporary[i] = write_file(path, seed);
        fine = store->temporary[i];
        if (!fine) {
            cli_fail(final, "%s (writing it)", strerror(errno));
        }
    }
    free(final);
    free(path);
    return fine;
}

static bool place(struct store *store, size_t i)
{
    const struct seed *seed = &store->seeds->list[i];
    char *final = path_of(store, seed->target, seed, false);
    char *path = path_of(store, seed->target, seed, true);
    bool fine = final != NULL && path != NULL;
    if (fine && rename(path, final) != 0) {
        cli_fail(final, "%s (putting it in place)", strerror(errno));
        fine = false;
    } else if (fine) {
        store->temporary[i] = false;
        store->placed[i] = true;
    }
    free(final);
    free(path);
    return fine;
}

/* Leave everything as it was. What cannot be removed now could not be removed by anybody. */
static void undo(struct store *store)
{
    for (size_t i = 0; i < store->seeds->count; i++) {
        const struct seed *seed = &store->seeds->list[i];
        if (store->temporary[i] || store->placed[i]) {
            char *path = path_of(store, seed->target, seed, store->temporary[i]);
            if (path != NULL) {
                unlink(path);
            }
            free(path);
        }
    }
    for (size_t target = 0; target <= SEED_TARGETS; target++) {
        char *path = store->made[target] ? path_of(store, target, NULL, false) : NULL;
        if (path != NULL) {
            rmdir(path);
        }
        free(path);
    }
}

static bool store_all(struct store *store, size_t *written)
{
    size_t count = store->seeds->count;
    bool fine = make_folders(store);
    for (size_t i = 0; i < count && fine; i++) {
        fine = write_temporary(store, i);
    }
    for (size_t i = 0; i < count && fine; i++) {
        if (store->temporary[i]) {
            fine = place(store, i);
            *written += fine;
        }
    }
    if (!fine) {
        undo(store);
        *written = 0;
    }
    return fine;
}

int seeds_store(const struct seeds *seeds, const char *folder, size_t *written)
{
    struct store store = {.seeds = seeds, .folder = folder};
    sigset_t all;
    sigset_t before;
    size_t room = seeds->count > 0 ? seeds->count : 1;
    store.temporary = calloc(room, sizeof *store.temporary);
    store.placed = calloc(room, sizeof *store.placed);
    *written = 0;
    bool fine = store.temporary != NULL && store.placed != NULL;
    if (!fine) {
        cli_fail(folder, "out of memory");
    } else {
        sigfillset(&all); /* an interrupt waits, so that it finds all or nothing */
        sigprocmask(SIG_BLOCK, &all, &before);
        fine = store_all(&store, written);
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    free(store.temporary);
    free(store.placed);
    return fine ? CLI_FINE : CLI_BAD;
}
