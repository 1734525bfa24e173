/* Fuzz target: one event on an arbitrary TCB that tfsm_check() passes, under an arbitrary policy (harness/program/single.h), by all
 * engines at once. tfsm_check() must pass it again, after the event and after every segment. */
#include "machine.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    machine_hold_together();
    return fuzz_run(RUN_STEP, data, size);
}
