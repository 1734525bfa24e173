/* Remarks: what is to be written beside the packets of a capture that was judged. Charges come in while it is read first, in any
 * order; while it is read again, each packet is asked for its remarks, in the order of the file. */
#ifndef HARNESS_REMARKS_H
#define HARNESS_REMARKS_H

#include "witness.h"

#define REMARKS_MOST 100000u /* kept, unless it is said otherwise */
#define REMARK_SIZE  512u    /* octets of one, its end included */

struct remarks;

/* most  remarks kept; 0: REMARKS_MOST. Null: no memory. */
struct remarks *remarks_new(size_t most);

/* False: no memory. What there is no room for is counted. */
bool remarks_charge(struct remarks *remarks, const struct witness_charge *charge);

/* No more charges will come. */
void remarks_sort(struct remarks *remarks);

/* The next remark on a packet; packets are asked for in rising order. False: there is none any more. */
bool remarks_next(struct remarks *remarks, uint64_t packet, char out[REMARK_SIZE]);

size_t remarks_count(const struct remarks *remarks);
uint64_t remarks_left(const struct remarks *remarks); /* those there was no room for */

/* A null pointer may be freed. */
void remarks_free(struct remarks *remarks);

#endif
