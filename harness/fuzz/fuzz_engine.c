/* Fuzz target: the programs of fuzz_trace, with every step and every segment made by all engines at once: the compiled one
 * with a trace and without, and the interpreter. They must agree bit for bit (harness/engine/machine.h). */
#include "machine.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    machine_hold_together();
    return fuzz_run(RUN_TRACE, data, size);
}
