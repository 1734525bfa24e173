/* Fuzz target for the header codec and for ICMP errors; program/packet_program.h says what an input
 * is and what has to hold. */
#include <stdio.h>
#include <stdlib.h>

#include "packet_program.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct packet_result result;
    packet_run(data, size, &result);
    if (result.broken != NULL) {
        fprintf(stderr, "fuzz_wire: %s\n", result.broken);
        abort();
    }
    fuzz_ended(FUZZ_WIRE, result.parsed, 1);
    return 0;
}
