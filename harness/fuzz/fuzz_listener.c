/* Fuzz target: a listener, the peers that want to connect or to harm it, and time. */
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(RUN_LISTENER, data, size);
}
