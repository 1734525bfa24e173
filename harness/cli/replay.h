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

/* Why a script does not pass. */
struct script_failure {
    unsigned line;
    char reason[320];
    char words[640];  /* all of it, in one line */
    char actual[256]; /* the packet that came, as a script says it; "" where it is not about one */
};

/* Carry a script out and draw nothing. Returns an exit code; where it is not CLI_FINE, *failure says why.
 * text  n octets and a zero behind them */
int run_quietly(const char *text, size_t n, struct script_failure *failure);

#endif
