/* Which of them carries an event program out; see run.h. */
#include "run_internal.h"

struct run_result run_program(enum run_mode mode, const uint8_t *octets, size_t size, run_log *log,
                              void *user)
{
    switch (mode) {
    case RUN_PAIR:
        return run_pair(octets, size, log, user);
    case RUN_LISTENER:
        return run_listener(octets, size, log, user);
    case RUN_ENDPOINT:
        return run_endpoint(octets, size, log, user);
    case RUN_STEP:
        return run_step(octets, size, log, user);
    case RUN_TRACE:
        break;
    }
    return run_trace(octets, size, log, user);
}
