/* What recovery from losses costs, as one table: two policies side by side, and of the second each figure held to a
 * goal. Everything is a function of the seeds. */
#ifndef HARNESS_RECOVERY_H
#define HARNESS_RECOVERY_H

#include "tfsm.h"
#include "wire.h"

struct recovery_asked {
    uint64_t seeds; /* of short transfers; of what takes longer a fiftieth, three at least */
    uint64_t first;
    uint32_t octets;          /* of a short transfer */
    struct wire_network link; /* of it; the others have their own */
    uint32_t window;          /* octets of an end's buffers */
    struct tfsm_config before;
    struct tfsm_config after;
    const char *names[2]; /* of these policies */
    uint32_t ranges;      /* out of order that a connection remembers, after */
};

/* Called now and then with how much is done, of all; may be null. */
typedef void recovery_progress(uint64_t done, uint64_t all);

/* Print the table to standard output. Returns how many goals were missed; exits with a message where a transfer
 * broke an invariant or lost an octet, and where there is no memory. */
unsigned recovery_table(const struct recovery_asked *asked, recovery_progress *progress);

#endif
