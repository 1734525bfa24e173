/* Fuzz target: two endpoints, each with a user, and a network between them that the input controls. */
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_run(RUN_PAIR, data, size);
}
