/* What `tcpfsm replay` does for the targets whose inputs are not, or not only, programs of events. */
#ifndef HARNESS_REPLAY_H
#define HARNESS_REPLAY_H

#include <stddef.h>
#include <stdint.h>

/* An input of fuzz_wire, at least one octet. Returns an exit code. */
int replay_packet(const uint8_t *input, size_t size);

/* An input of fuzz_script, at least one octet and a zero behind it: carried out as the target does,
 * and drawn. That it is refused, or fails, is no finding. Returns an exit code. */
int replay_script(const char *path, const uint8_t *input, size_t size);

/* What a case of fuzz_step begins with: the TCB, and what is unusual of the policy. */
void replay_case(const uint8_t *input, size_t size);

#endif
