/* `tcpfsm run`: scripts in packetdrill's language, carried out in virtual time against our own
 * stack or one that packetdrill could load. A script that fails is run again to draw what happened:
 * the same script does the same thing. */
#include <dirent.h>
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "ladder.h"
#include "replay.h"
#include "run_watch.h"
#include "script_run.h"
#include "sockets.h"
#include "whole.h"

#define SCRIPTS_MOST 65536u
#define FOLDERS_MOST 16u /* in each other */

enum {
    KEY_PROFILE = 0x200,
    KEY_STRICT,
    KEY_ALLOW_SHELL,
    KEY_SKIP_SHELL,
    KEY_PEER_ISN,
    KEY_PLUGIN,
    KEY_SETTINGS,
    KEY_DEFINE,
    KEY_PACKETDRILL /* and after it the options that packetdrill has, too */
};

/* Those that make sense here; the rest of what its runners give it is taken, and means nothing. */
static const char *const packetdrill_options[] = {
    "ip_version",        "mtu",        "so_flags",     "tolerance_usecs",   "local_ip",
    "remote_ip",         "bind_port",  "connect_port", "tcp_ts_tick_usecs", "strict_segments",
    "gateway_ip",        "netmask_ip", "speed",        "tun_dev",           "persistent_tun_dev",
    "tolerance_percent", "non_fatal",
};
enum { PACKETDRILL_OPTIONS = sizeof packetdrill_options / sizeof packetdrill_options[0] };

#define SETTINGS_MOST 64u /* of the command line: options of packetdrill, and definitions */

struct running {
    struct cli_parse parse;
    char settings[SCRIPT_FLAGS_MOST]; /* of the command line */
    char profile[64];                 /* "profile=NAME", or nothing */
    struct script_setting options[SETTINGS_MOST];
    unsigned option_count;
    struct script_define defines[SETTINGS_MOST];
    unsigned define_count;
    bool strict;
    bool allow_shell;
    bool skip_shell;
    bool verbose;
    bool quiet;
    uint32_t peer_isn;
    const char *plugin;
    void (*init)(const char *flags, struct packetdrill_interface *ifc); /* of the plug-in */
    char **arguments;
    unsigned argument_count;
    char **paths; /* of scripts */
    size_t path_count;
    size_t path_room;
    size_t outcomes[3];
};

/* ---- the command line ---- */

/* One more setting. Whether its stack knows it is seen once it is known whose stack that is. */
static error_t add_setting(struct running *running, struct argp_state *state, const char *key,
                           const char *arg)
{
    char one[SCRIPT_FLAGS_MOST];
    int n = snprintf(one, sizeof one, "%s%s", key, arg);
    if (strchr(arg, ',') != NULL) {
        return cli_misuse(state, arg, "one setting at a time");
    }
    if (n < 0 || (size_t)n >= sizeof one || !script_join_flags(running->settings, one)) {
        return cli_misuse(state, "-D", "too many settings");
    }
    return 0;
}

static const struct script_setting *options_of(const struct running *running)
{
    return running->option_count > 0 ? &running->options[0] : NULL;
}

/* An option of packetdrill's, as if it stood at the end of those of each script. */
static error_t add_option(struct running *running, struct argp_state *state, const char *name,
                          const char *value)
{
    static struct script_options tried;
    char error[SCRIPT_ERROR];
    unsigned line;
    if (running->option_count == SETTINGS_MOST) {
        return cli_misuse(state, name, "too many options");
    }
    struct script_setting *one = &running->options[running->option_count++];
    *one = (struct script_setting){.name = name, .value = value};
    if (running->option_count > 1) {
        one[-1].next = one;
    }
    return script_options(NULL, options_of(running), &tried, error, &line)
               ? 0
               : cli_misuse(state, value != NULL ? value : name, error);
}

/* NAME=VALUE, in place. */
static error_t add_define(struct running *running, struct argp_state *state, char *arg)
{
    char *equals = strchr(arg, '=');
    size_t length = equals != NULL ? (size_t)(equals - arg) : 0;
    bool word = length > 0 && (arg[0] < '0' || arg[0] > '9');
    for (size_t i = 0; i < length; i++) {
        word = word && (isalnum((unsigned char)arg[i]) || arg[i] == '_');
    }
    if (!word || running->define_count == SETTINGS_MOST) {
        return cli_misuse(state, arg, word ? "too many definitions" : "a definition is NAME=VALUE");
    }
    *equals = '\0';
    running->defines[running->define_count++] = (struct script_define){arg, equals + 1};
    return 0;
}

static error_t parse_run(int key, char *arg, struct argp_state *state)
{
    struct running *running = state->input;
    char *end;
    error_t error = 0;
    switch (key) {
    case KEY_PROFILE:
        snprintf(running->profile, sizeof running->profile, "profile=%.40s", arg);
        error = strchr(arg, ',') == NULL ? 0 : cli_misuse(state, arg, "one profile at a time");
        break;
    case 'D':
        error = add_setting(running, state, "", arg);
        break;
    case KEY_STRICT:
        running->strict = true;
        break;
    case KEY_ALLOW_SHELL:
        running->allow_shell = true;
        break;
    case KEY_SKIP_SHELL:
        running->skip_shell = true;
        break;
    case KEY_PEER_ISN: {
        errno = 0;
        unsigned long number = strtoul(arg, &end, 0);
        if (*arg < '0' || *arg > '9' || *end != '\0' || errno != 0 || number > UINT32_MAX) {
            return cli_misuse(state, arg, "a sequence number is needed, 0..4294967295");
        }
        running->peer_isn = (uint32_t)number;
        break;
    }
    case KEY_PLUGIN:
        running->plugin = arg;
        break;
    case KEY_SETTINGS: {
        const char *name;
        const char *meaning;
        for (unsigned i = 0; settings_describe(i, &name, &meaning); i++) {
            printf("%-18s %s\n", name, meaning);
        }
        running->parse.done = true;
        state->next = state->argc;
        return 0;
    }
    case 'v':
        running->verbose = true;
        break;
    case 'q':
        running->quiet = true;
        break;
    case ARGP_KEY_ARGS:
        running->arguments = state->argv + state->next;
        running->argument_count = (unsigned)(state->argc - state->next);
        return 0;
    case ARGP_KEY_NO_ARGS:
        return cli_misuse(state, "SCRIPT", "the script to run is missing");
    case KEY_DEFINE:
        error = add_define(running, state, arg);
        break;
    default:
        if (key < KEY_PACKETDRILL || key >= KEY_PACKETDRILL + PACKETDRILL_OPTIONS) {
            return cli_key(key, state);
        }
        error = add_option(running, state, packetdrill_options[key - KEY_PACKETDRILL], arg);
    }
    running->parse.last = state->next;
    return error;
}

/* ---- which scripts ---- */

static bool add_path(struct running *running, const char *path)
{
    if (running->path_count == running->path_room) {
        size_t room = running->path_room > 0 ? 2 * running->path_room : 64;
        char **larger = realloc(running->paths, room * sizeof *larger);
        if (larger == NULL || room > SCRIPTS_MOST) {
            free(larger != NULL ? larger : running->paths);
            running->paths = NULL;
            running->path_count = running->path_room = 0;
            cli_fail(path, "too many scripts");
            return false;
        }
        running->paths = larger;
        running->path_room = room;
    }
    char *copy = strdup(path);
    running->paths[running->path_count] = copy;
    running->path_count += copy != NULL;
    return copy != NULL;
}

static bool ends_in_pkt(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".pkt") == 0;
}

/* A script, or every *.pkt of a folder and of the folders in it, by name. */
static bool collect(struct running *running, const char *path, unsigned depth)
{
    struct stat status;
    struct dirent **names;
    if (stat(path, &status) != 0) {
        cli_fail(path, "%s", strerror(errno));
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        return depth > 0 && !ends_in_pkt(path) ? true : add_path(running, path);
    }
    int count = depth < FOLDERS_MOST ? scandir(path, &names, NULL, alphasort) : 0;
    if (count <= 0) {
        cli_fail(path, "%s", count < 0 ? strerror(errno) : "too many folders in each other");
        return false;
    }
    bool sound = true;
    for (int i = 0; i < count; i++) {
        char inside[4096];
        if (names[i]->d_name[0] != '.' && sound) {
            int n = snprintf(inside, sizeof inside, "%s/%s", path, names[i]->d_name);
            sound = n > 0 && (size_t)n < sizeof inside && collect(running, inside, depth + 1);
        }
        free(names[i]);
    }
    free(names);
    return sound;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- the ladder ---- */

/* What is drawn of one run. */
struct stage {
    struct ladder ladder;
    const char *text; /* of the script */
    const char *at;   /* where the last line looked for begins */
    unsigned line;    /* its number */
    struct tfsm_tcb half_open;
    bool over; /* the script is: what is still to come is not its matter */
};

/* Who looks at one run: the monitor, and where it is drawn the ladder. */
struct audience {
    struct run_watch *watch;
    struct stage *stage; /* null: not drawn */
    unsigned line;       /* of the script, that is carried out */
    unsigned broken;     /* in which an invariant was broken; 0: none was */
    bool over;
};

static void draw_watched(struct stage *stage, const struct endpoint_watched *what)
{
    static const struct tfsm_tcb listening = {.state = TFSM_LISTEN};
    struct run_line line = {.kind = RUN_SENDS, .segment = what->segment, .after = what->after};
    if (stage->over || (what->event == NULL && what->segment == NULL)) {
        return;
    }
    if (what->event != NULL) {
        line = ladder_step(what);
    }
    line.now = what->now - SOCKETS_START;
    if (line.after == NULL) {
        line.after = stage->half_open.state != TFSM_CLOSED ? &stage->half_open : &listening;
    }
    line.before = what->before != NULL ? what->before : line.after;
    if (what->event != NULL && what->connection == 0 && what->after != NULL) {
        copy_members(&stage->half_open, what->after);
    }
    ladder_line(&stage->ladder, &line);
}

static uint32_t opened(void *user, uint32_t *isn)
{
    const struct audience *audience = user;
    return run_watch_opened(audience->watch, isn);
}

static void watch(void *user, const struct endpoint_watched *what)
{
    struct audience *audience = user;
    if (audience->over) {
        return;
    }
    run_watch_see(audience->watch, what);
    if (audience->broken == 0 && run_watch_violation(audience->watch)->id != NULL) {
        audience->broken = audience->line;
    }
    if (audience->stage != NULL) {
        draw_watched(audience->stage, what);
    }
}

/* A line of the script, without its line feed. */
static int line_of(const char *text, unsigned line, const char **start)
{
    while (line > 1 && (text = strchr(text, '\n')) != NULL) {
        text++;
        line--;
    }
    *start = text != NULL ? text + strspn(text, " \t") : "";
    return (int)strcspn(*start, "\r\n");
}

/* Calls of the script stand between the arrows. */
static void draw_told(struct stage *stage, const struct script_event *event, int64_t now)
{
    const char *start;
    char words[160];
    if (event == NULL) {
        stage->over = true;
        return;
    }
    if (event->kind == SCRIPT_ARRIVES || event->kind == SCRIPT_SENDS) {
        return;
    }
    /* Lines mostly come in their order: go on from the last. */
    bool behind = stage->at == NULL || event->line < stage->line;
    unsigned from = behind ? 1 : stage->line;
    int n = line_of(behind ? stage->text : stage->at, event->line - from + 1, &start);
    stage->at = start;
    stage->line = event->line;
    snprintf(words, sizeof words, "line %u: %.*s", event->line, n < 100 ? n : 100, start);
    struct run_line line = {.kind = RUN_NOTE, .now = (tfsm_time)now, .text = words};
    ladder_line(&stage->ladder, &line);
}

static void told(void *user, const struct script_event *event, int64_t now)
{
    struct audience *audience = user;
    audience->line = event != NULL ? event->line : audience->line;
    audience->over = event == NULL; /* what is still to come is not the script's matter */
    if (audience->stage != NULL) {
        draw_told(audience->stage, event, now);
    }
}

/* ---- one script ---- */

/* Where the last setting of a name stands; 1 where there is none. */
static unsigned line_of_setting(const struct script *script, const char *name)
{
    unsigned line = 1;
    for (const struct script_setting *setting = script->settings; setting != NULL;
         setting = setting->next) {
        line = strcmp(setting->name, name) == 0 ? setting->line : line;
    }
    return line;
}

/* Where the first one stands that is wrong by itself; else the last. */
static unsigned line_of_mistake(const struct script *script, const char *name)
{
    static struct settings tried;
    char error[SETTINGS_ERROR];
    for (const struct script_setting *setting = script->settings; setting != NULL;
         setting = setting->next) {
        settings_default(&tried);
        if (strcmp(setting->name, name) == 0 && !settings_parse(&tried, setting->value, error)) {
            return setting->line;
        }
    }
    return line_of_setting(script, name);
}

/* Our own stack, or the plug-in's. False where there is not enough memory. */
static bool open_stack(const struct running *running, const char *flags,
                       struct packetdrill_interface *stack)
{
    static struct settings settings;
    char error[SETTINGS_ERROR];
    memset(stack, 0, sizeof *stack);
    if (running->plugin != NULL) {
        running->init(flags, stack);
        return true;
    }
    settings_default(&settings);
    settings_parse(&settings, flags, error); /* it held before */
    struct sockets *sockets = sockets_create(&settings);
    if (sockets == NULL) {
        return false;
    }
    sockets_interface(sockets, stack);
    return true;
}

/* Whatever the script says, the invariants hold; where both fail the first is told. */
static void judge(const struct audience *audience, struct script_result *result)
{
    const struct violation *violation = run_watch_violation(audience->watch);
    bool first = result->outcome == SCRIPT_PASSED ||
                 (result->outcome == SCRIPT_FAILED && audience->broken < result->line);
    if (violation->id != NULL && first) {
        result->outcome = SCRIPT_FAILED;
        result->line = audience->broken;
        result->details[0] = '\0';
        snprintf(result->reason, sizeof result->reason, "breaks %s: %s", violation->id,
                 violation->requirement);
    }
}

static struct script_result run_once(const struct running *running, const struct script *script,
                                     const struct script_options *options, const char *flags,
                                     struct stage *stage)
{
    struct packetdrill_interface stack;
    struct script_run run = {.script = script,
                             .options = options,
                             .stack = &stack,
                             .strict = running->strict,
                             .allow_shell = running->allow_shell,
                             .skip_shell = running->skip_shell,
                             .peer_isn = running->peer_isn};
    struct script_result result = {.outcome = SCRIPT_BAD, .line = 1};
    struct audience audience = {.watch = run_watch_new(), .stage = stage};
    if (audience.watch == NULL || !open_stack(running, flags, &stack)) {
        result.line = line_of_setting(script, "so_flags");
        snprintf(result.reason, sizeof result.reason, "not enough memory for these settings");
        run_watch_free(audience.watch);
        return result;
    }
    if (running->plugin == NULL) {
        endpoint_watch(sockets_endpoint(stack.userdata), watch, &audience);
        run.told = told;
        run.opened = opened;
        run.user = &audience;
    }
    result = script_run(&run);
    audience.over = true; /* giving the stack back is not looked at */
    stack.free(stack.userdata);
    judge(&audience, &result);
    run_watch_free(audience.watch);
    return result;
}

static void draw(const struct running *running, const struct script *script,
                 const struct script_options *options, const char *flags, const char *text)
{
    struct stage stage = {.text = text, .ladder = {.mode = RUN_TRACE}};
    struct running again = *running;
    again.skip_shell = true; /* once is enough */
    run_once(&again, script, options, flags, &stage);
}

/* What the stack is told: the settings of the script, then those of the command line, which win. A
 * plug-in gets what packetdrill would give it, and knows best what it means. */
static bool settle(const struct running *running, const struct script_options *options,
                   char flags[SCRIPT_FLAGS_MOST], char error[SCRIPT_ERROR])
{
    static struct settings tried;
    char wrong[SETTINGS_ERROR];
    bool ours = running->plugin == NULL;
    /* It is the whole policy, on which a script builds; one that names its own is overruled. */
    bool named = strstr(options->so_flags, "profile=") != NULL;
    snprintf(flags, SCRIPT_FLAGS_MOST, "%s", ours ? "idle=return" : "");
    if (!script_join_flags(flags, named ? "" : running->profile) ||
        (ours && !script_join_flags(flags, options->implied)) ||
        !script_join_flags(flags, options->so_flags) ||
        !script_join_flags(flags, named ? running->profile : "") ||
        !script_join_flags(flags, running->settings)) {
        snprintf(error, SCRIPT_ERROR, "too many settings");
        return false;
    }
    settings_default(&tried);
    if (ours && !settings_parse(&tried, flags, wrong)) {
        snprintf(error, SCRIPT_ERROR, "--so_flags: %s", wrong);
        return false;
    }
    return true;
}

static enum script_outcome bad(const char *path, unsigned line, const char *what)
{
    char subject[4200];
    snprintf(subject, sizeof subject, "%s:%u", path, line);
    fflush(stdout);
    cli_fail(subject, "%s", what);
    return SCRIPT_BAD;
}

/* Before a packet comes; else the stack has not heard of another address by then. */
static bool binds(const struct script *script)
{
    for (const struct script_event *event = script->events;
         event != NULL && event->kind != SCRIPT_ARRIVES; event = event->next) {
        if (event->kind == SCRIPT_CALL && strcmp(event->call->name, "bind") == 0) {
            return true;
        }
    }
    return false;
}

/* FNV-1a: one for each script. */
static uint32_t seed_of(const char *text)
{
    uint32_t hash = 2166136261u;
    while (*text != '\0') {
        hash = (hash ^ (uint8_t)*text++) * 16777619u;
    }
    return hash;
}

static enum script_outcome run_script(const struct running *running, const char *path,
                                      const struct script *script, const char *text)
{
    static struct script_options options;
    static char flags[SCRIPT_FLAGS_MOST];
    char error[SCRIPT_ERROR];
    unsigned line;
    if (!script_options(script, options_of(running), &options, error, &line)) {
        return bad(path, line, error);
    }
    if (running->plugin != NULL && binds(script)) {
        script_choose_local(&options, seed_of(text));
    }
    if (!settle(running, &options, flags, error)) {
        return bad(path, line_of_mistake(script, "so_flags"), error);
    }
    struct stage stage = {.text = text, .ladder = {.mode = RUN_TRACE}};
    bool draws = (running->verbose || options.verbose) && running->plugin == NULL;
    struct script_result result = run_once(running, script, &options, flags, draws ? &stage : NULL);
    if (result.outcome == SCRIPT_BAD) {
        return bad(path, result.line, result.reason);
    }
    if (result.outcome == SCRIPT_PASSED) {
        if (!running->quiet) {
            printf("ok   %s: %u events, %" PRId64 ".%06" PRId64 " s\n", path, result.events,
                   result.elapsed / 1000000, result.elapsed % 1000000);
        }
        return SCRIPT_PASSED;
    }
    const char *start;
    int n = line_of(text, result.line, &start);
    printf("FAIL %s:%u: %s\n  script   %.*s\n%s", path, result.line, result.reason,
           n < 1000 ? n : 1000, start, result.details);
    if (!draws && running->plugin == NULL) {
        draw(running, script, &options, flags, text);
    }
    return SCRIPT_FAILED;
}

static enum script_outcome run_file(const struct running *running, const char *path)
{
    size_t size;
    char error[SCRIPT_ERROR];
    unsigned line;
    uint8_t *text = cli_read(path, "script", SCRIPT_SIZE_MOST, &size);
    if (text == NULL) {
        return SCRIPT_BAD;
    }
    char *defined = NULL;
    if (running->define_count > 0) {
        defined =
            script_define((const char *)text, size, running->defines, running->define_count, &size);
        if (defined == NULL) {
            free(text);
            return bad(path, 1, "too large with what is defined");
        }
    }
    struct script *script = script_parse(defined != NULL ? defined : (const char *)text, size,
                                         options_of(running), error, &line);
    enum script_outcome outcome = script == NULL
                                      ? bad(path, line, error)
                                      : run_script(running, path, script, (const char *)text);
    script_free(script);
    free(defined);
    free(text);
    return outcome;
}

int replay_script(const char *path, const uint8_t *input, size_t size)
{
    static const struct running running = {.strict = true, .verbose = true};
    char error[SCRIPT_ERROR];
    unsigned line;
    struct script *script = script_parse((const char *)input, size, NULL, error, &line);
    if (script == NULL) {
        printf("refused: line %u: %s\n", line, error);
        return CLI_FINE;
    }
    run_script(&running, path, script, (const char *)input);
    script_free(script);
    return CLI_FINE;
}

/* What the details of a failure say came. */
static void note_actual(const char *details, char *actual, size_t room)
{
    const char *at = strstr(details, "  actual   > ");
    const char *end = at != NULL ? strstr(at, " at ") : NULL;
    actual[0] = '\0';
    if (end != NULL && (size_t)(end - at) - 11 < room) {
        snprintf(actual, room, "%.*s", (int)(end - at) - 11, at + 11);
    }
}

int run_quietly(const char *text, size_t n, struct script_failure *failure)
{
    static const struct running running = {.quiet = true};
    static struct script_options options;
    static char flags[SCRIPT_FLAGS_MOST];
    char error[SCRIPT_ERROR];
    unsigned line = 1;
    const char *start;
    struct script_result result = {.outcome = SCRIPT_BAD};
    struct script *script = script_parse(text, n, NULL, error, &line);
    if (script == NULL || !script_options(script, NULL, &options, error, &line) ||
        !settle(&running, &options, flags, error)) {
        result.line = line;
        snprintf(result.reason, sizeof result.reason, "%s", error);
    } else {
        result = run_once(&running, script, &options, flags, NULL);
    }
    script_free(script);
    int length = line_of(text, result.line, &start);
    failure->line = result.line;
    snprintf(failure->reason, sizeof failure->reason, "%s", result.reason);
    snprintf(failure->words, sizeof failure->words, "line %u: %.*s: %s", result.line,
             length < 160 ? length : 160, start, result.reason);
    note_actual(result.details, failure->actual, sizeof failure->actual);
    return result.outcome == SCRIPT_PASSED   ? CLI_FINE
           : result.outcome == SCRIPT_FAILED ? CLI_FINDING
                                             : CLI_BAD;
}

/* ---- all of them ---- */

static bool settings_hold(const struct running *running)
{
    static struct settings tried;
    char error[SETTINGS_ERROR];
    settings_default(&tried);
    bool ours = running->plugin == NULL;
    if (ours && !settings_parse(&tried, running->profile, error)) {
        cli_fail("--profile", "%s", error);
        return false;
    }
    if (ours && !settings_parse(&tried, running->settings, error)) {
        cli_fail("-D", "%s (see tcpfsm run --settings)", error);
        return false;
    }
    return true;
}

static bool load_plugin(struct running *running)
{
    char here[4096];
    const char *path = running->plugin;
    if (strchr(path, '/') == NULL && access(path, F_OK) == 0) { /* dlopen() looks elsewhere */
        snprintf(here, sizeof here, "./%s", path);
        path = here;
    }
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) {
        cli_fail(running->plugin, "%s", dlerror());
        return false;
    }
    void *symbol = dlsym(object, "packetdrill_interface_init");
    if (symbol == NULL) {
        cli_fail(running->plugin, "has no packetdrill_interface_init()");
        return false;
    }
    memcpy(&running->init, &symbol, sizeof symbol); /* ISO C knows no such cast */
    return true;
}

static int run_all(struct running *running)
{
    for (size_t i = 0; i < running->path_count; i++) {
        running->outcomes[run_file(running, running->paths[i])]++;
    }
    if (running->path_count != 1 || !running->quiet) {
        printf("%zu %s: %zu passed, %zu failed, %zu cannot be run\n", running->path_count,
               running->path_count == 1 ? "script" : "scripts", running->outcomes[SCRIPT_PASSED],
               running->outcomes[SCRIPT_FAILED], running->outcomes[SCRIPT_BAD]);
    }
    if (running->outcomes[SCRIPT_BAD] > 0) {
        return CLI_BAD;
    }
    return running->outcomes[SCRIPT_FAILED] > 0 ? CLI_FINDING : CLI_FINE;
}

int command_run(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"profile", KEY_PROFILE, "NAME", 0,
         "Policy, on which scripts and -D build: rfc9293, today, rfc793 or minimal", 0},
        {NULL, 'D', "KEY=VALUE", 0, "A setting of the stack; wins over the script's --so_flags", 0},
        {"settings", KEY_SETTINGS, NULL, 0, "List the settings and what they mean", 0},
        {"strict", KEY_STRICT, NULL, 0,
         "A packet without a list of options must have none, options come in the order of the "
         "script, and no packet is left over at the end",
         0},
        {"allow-shell", KEY_ALLOW_SHELL, NULL, 0, "Run shell commands of the scripts", 0},
        {"skip-shell", KEY_SKIP_SHELL, NULL, 0, "Pass them over", 0},
        {"peer-isn", KEY_PEER_ISN, "NUMBER", 0, "What the peer's sequence number 0 is on the wire",
         0},
        {"plugin", KEY_PLUGIN, "FILE", 0,
         "A stack in a shared object that packetdrill could load, instead of ours", 0},
        {"define", KEY_DEFINE, "NAME=VALUE", 0, "A word of the scripts that stands for another", 0},
        {"verbose", 'v', NULL, 0, "Draw the ladder of every script", 0},
        {"quiet", 'q', NULL, 0, "Say nothing of scripts that pass", 0},
        {NULL, 0, NULL, 0, "As at the top of a script, over which they win:", 1},
        {"ip_version", KEY_PACKETDRILL, "V", 0, "ipv4, ipv4-mapped-ipv6 or ipv6", 1},
        {"mtu", KEY_PACKETDRILL + 1, "N", 0, "Of the path", 1},
        {"so_flags", KEY_PACKETDRILL + 2, "KEY=VALUE,...", 0, "Settings of the stack", 1},
        {"tolerance_usecs", KEY_PACKETDRILL + 3, "N", 0, "How early or late a packet may be", 1},
        {"local_ip", KEY_PACKETDRILL + 4, "A", 0, "Our address", 1},
        {"remote_ip", KEY_PACKETDRILL + 5, "A", 0, "The peer's", 1},
        {"bind_port", KEY_PACKETDRILL + 6, "N", 0, "The port that `...` binds to", 1},
        {"connect_port", KEY_PACKETDRILL + 7, "N", 0, "The port that `...` connects to", 1},
        {"tcp_ts_tick_usecs", KEY_PACKETDRILL + 8, "N", 0, "A tick of our timestamps", 1},
        {"strict_segments", KEY_PACKETDRILL + 9, NULL, 0,
         "Text comes in the packets of the script, not in more or fewer", 1},
        {"gateway_ip", KEY_PACKETDRILL + 10, "A", OPTION_HIDDEN, NULL, 1},
        {"netmask_ip", KEY_PACKETDRILL + 11, "A", OPTION_HIDDEN, NULL, 1},
        {"speed", KEY_PACKETDRILL + 12, "N", OPTION_HIDDEN, NULL, 1},
        {"tun_dev", KEY_PACKETDRILL + 13, "NAME", OPTION_HIDDEN, NULL, 1},
        {"persistent_tun_dev", KEY_PACKETDRILL + 14, NULL, OPTION_HIDDEN, NULL, 1},
        {"tolerance_percent", KEY_PACKETDRILL + 15, "N", OPTION_HIDDEN, NULL, 1},
        {"non_fatal", KEY_PACKETDRILL + 16, "WHAT", OPTION_HIDDEN, NULL, 1},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_run,
        .args_doc = "SCRIPT.pkt|FOLDER...",
        .doc = "Carry out packetdrill scripts against the state machine, in virtual time.\vExit "
               "status: 0 all passed, 1 one failed, 2 one cannot be read or asks for what makes no "
               "sense, or bad usage."};
    struct running running = {.parse = {.name = "tcpfsm run"}};
    int status;
    if (!cli_options(&argp, argc, argv, 0, &running, &status)) {
        return status;
    }
    bool sound = settings_hold(&running) && (running.plugin == NULL || load_plugin(&running));
    for (unsigned i = 0; i < running.argument_count && sound; i++) {
        size_t before = running.path_count;
        sound = collect(&running, running.arguments[i], 0);
        if (sound && running.path_count == before) {
            cli_fail(running.arguments[i], "no script (*.pkt) in it");
            sound = false;
        }
        if (sound) {
            qsort(running.paths + before, running.path_count - before, sizeof *running.paths,
                  compare_paths);
        }
    }
    status = sound ? run_all(&running) : CLI_BAD;
    for (size_t i = 0; i < running.path_count; i++) {
        free(running.paths[i]);
    }
    free(running.paths);
    return status;
}
