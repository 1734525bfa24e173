/* Fuzz target: one endpoint against arbitrary segments, user calls and time. */
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(RUN_TRACE, data, size);
}
