/* A main for fuzz targets without an engine: runs each file named, or all files of a folder named,
 * once. For debuggers, and for replaying corpus and regressions in the tests. With --news before them
 * it names on its output those that hit something that nothing before them did, TFSM_STATS being
 * set. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

#define INPUT_MAX (1u << 20)

unsigned fuzz_hits(void);

static unsigned long inputs;
static bool news;

static void fail(const char *path, const char *what)
{
    fprintf(stderr, "fuzz: %s: %s\n", path, what);
    exit(2);
}

/* An exact-size heap block, so that a sanitizer sees the first octet read beyond it. */
static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail(path, strerror(errno));
    }
    uint8_t *buffer = malloc(INPUT_MAX);
    size_t size = buffer != NULL ? fread(buffer, 1, INPUT_MAX, file) : 0;
    if (buffer == NULL || ferror(file)) {
        fail(path, "cannot be read");
    }
    fclose(file);
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (exact == NULL) {
        fail(path, "no memory");
    }
    memcpy(exact, buffer, size);
    free(buffer);
    unsigned hits = fuzz_hits();
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(exact, size);
    if (news && fuzz_hits() > hits) {
        puts(path);
    }
    free(exact);
    inputs++;
}

static void run_folder(const char *path)
{
    struct dirent **entries;
    char name[4096];
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        fail(path, strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
            run_file(name);
        }
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    struct stat about;
    if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        printf(
            "usage: %s [--news] FILE|FOLDER...\n"
            "Runs each input once, without an engine; with TFSM_STATS=FILE counts what they hit, "
            "and with "
            "--news names\nthose that hit something new. tcpfsm replay shows what an input does.\n"
            "Exit: 0 nothing is broken, 2 bad usage or input; a broken invariant aborts.\n",
            argv[0]);
        return 0;
    }
    if (LLVMFuzzerInitialize != NULL) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--news") == 0) {
            news = true;
            continue;
        }
        if (stat(argv[i], &about) != 0) {
            fail(argv[i], strerror(errno));
        }
        if (S_ISDIR(about.st_mode)) {
            run_folder(argv[i]);
        } else {
            run_file(argv[i]);
        }
    }
    if (inputs == 0) {
        fail("inputs", "none given");
    }
    fprintf(news ? stderr : stdout, "%lu inputs\n", inputs);
    return 0;
}
