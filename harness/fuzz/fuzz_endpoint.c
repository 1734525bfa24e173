/* Fuzz target: one endpoint, and whatever octets come along on its wire. */
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(RUN_ENDPOINT, data, size);
}
