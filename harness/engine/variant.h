/* Variants of the rules as data: faults to be found, mutants that must be killed, and TCP without one of its parts. A
 * variant is a list of edits, between spaces:
 *   RULE:drop            it matches in no state
 *   RULE:stay            it does not change the state
 *   RULE:verdict         where it does nothing: it drops where it went on, or goes on where it dropped
 *   RULE:action:NAME     without this action
 *   RULE:need:FACT       it matches without this fact, too
 *   RULE:forbid:FACT     it matches with this fact, too
 *   RULE:actions=A,B     these actions instead
 *   RULE:need=F,G        these facts, and no others, are needed
 *   RULE:next=STATE      the state that follows, with RFC 9293's spelling
 *   RULE:states+STATE    in this state, too
 *   RULE:after=EFFECT    and what no row can say: see effects.c
 * RULE may be *, all of them, with after=, and with action:, need: and forbid:, which then is a fault of that action or fact:
 * nothing does it, or nobody asks for it. */
#ifndef HARNESS_VARIANT_H
#define HARNESS_VARIANT_H

#include "interpreter.h"

/* A copy of the true rows with edits.
 * rows    room for TFSM_RULES
 * wrong   where an edit cannot be made: room for what is wrong with it
 * Returns whether all of them were made. *table is good as long as rows are, and as no other variant is made. */
bool variant_make(const char *edits, struct tfsm_rule rows[TFSM_RULES], struct table *table,
                  char *wrong, size_t size);

/* Every way to break one row by one edit, a line each, as far as there is room; returns how many octets that takes. */
size_t variant_mutants(unsigned rule, char *out, size_t size);

#endif
