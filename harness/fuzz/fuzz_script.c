/* Fuzz target: any text as a script, read and carried out. Nothing may crash, block or last; what the
 * stack does is the other targets' matter. Shell commands are never run. */
#include <string.h>

#include "script.h"
#include "script_run.h"
#include "settings.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct script_options options;
    static char flags[SCRIPT_FLAGS_MOST];
    char error[SCRIPT_ERROR];
    unsigned line;
    struct script *script = script_parse((const char *)data, size, error, &line);
    strcpy(flags, "idle=return");
    if (script != NULL && script_options(script, &options, error, &line) &&
        script_join_flags(flags, options.implied) && script_join_flags(flags, options.so_flags) &&
        is_modest(flags)) {
        struct packetdrill_interface stack;
        struct script_run run = {
            .script = script, .options = &options, .stack = &stack, .strict = true};
        packetdrill_interface_init(flags, &stack);
        script_run(&run);
        stack.free(stack.userdata);
    }
    script_free(script);
    return 0;
}
