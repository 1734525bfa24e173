/* Fuzz target: the programs of fuzz_trace, with every segment that arrives also read by the prose of
 * RFC 9293 3.10.7 (properties/prose.h). What the two do not agree upon aborts. */
#include <stdio.h>
#include <stdlib.h>

#include "prose.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(void *user, const struct run_line *line)
{
    const struct program_config *config = user;
    char text[PROSE_LINE];
    if (line->kind != RUN_ARRIVES || line->result != TFSM_DONE) {
        return;
    }
    struct prose_difference difference =
        prose_compare(line->before, &config->cfg[0], line->ev, line->fx, line->after);
    if (difference.field != NULL) {
        prose_describe(&difference, line->before, line->ev, text);
        (void)fprintf(stderr, "violation PROSE: %s\n", text);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct program program;
    struct program_config config;
    program_open(&program, data, size, &config); /* the policy stands in the header */
    return fuzz_watch(RUN_TRACE, data, size, look, &config);
}
