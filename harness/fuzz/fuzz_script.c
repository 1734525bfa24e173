/* Fuzz target: any text as a script, read and carried out. Nothing may crash, block or last; what the
 * stack does is the other targets' matter. Shell commands are never run. */
#include <string.h>

#include "script.h"
#include "script_run.h"
#include "settings.h"
#include "target.h"

#define MEMORY_MOST ((size_t)64 << 20) /* of an endpoint: a script may ask for more than there is */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_modest(const char *flags)
{
    static struct settings settings;
    char error[SETTINGS_ERROR];
    settings_default(&settings);
    return settings_parse(&settings, flags, error) &&
           endpoint_size(settings_finish(&settings)) <= MEMORY_MOST;
}

/* Carry out a script, or say why not. */
static unsigned run(const struct script *script, unsigned *events)
{
    static struct script_options options;
    static char flags[SCRIPT_FLAGS_MOST];
    char error[SCRIPT_ERROR];
    unsigned line;
    strcpy(flags, "idle=return");
    if (!script_options(script, NULL, &options, error, &line) ||
        !script_join_flags(flags, options.implied) || !script_join_flags(flags, options.so_flags)) {
        return FUZZ_SCRIPT_OPTIONS;
    }
    if (!is_modest(flags)) {
        return FUZZ_SCRIPT_IMMODEST;
    }
    struct packetdrill_interface stack;
    struct script_run run = {
        .script = script, .options = &options, .stack = &stack, .strict = true};
    packetdrill_interface_init(flags, &stack);
    struct script_result result = script_run(&run);
    stack.free(stack.userdata);
    *events = result.events;
    return FUZZ_SCRIPT_RUN + (unsigned)result.outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[SCRIPT_ERROR];
    unsigned line;
    unsigned events = 0;
    struct script *script = script_parse((const char *)data, size, NULL, error, &line);
    unsigned end = script != NULL ? run(script, &events) : FUZZ_SCRIPT_UNREAD;
    script_free(script);
    fuzz_ended(FUZZ_SCRIPT, end, events);
    return 0;
}
