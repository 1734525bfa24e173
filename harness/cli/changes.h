/* What a step did to a TCB, in words. */
#ifndef HARNESS_CHANGES_H
#define HARNESS_CHANGES_H

#include <stdio.h>

#include "tfsm.h"

/* Print the members that differ, each with what it is and what it was, and a line feed. Sequence numbers of a connection that has them are counted from ISS and IRS.
 * at      where the line stands already
 * indent  of the lines that follow, where they are wrapped at a column
 * before  null: nothing is known, and what there is is printed */
void changes_print(FILE *to, int at, int indent, int column, const struct tfsm_tcb *before,
                   const struct tfsm_tcb *after);

#endif
