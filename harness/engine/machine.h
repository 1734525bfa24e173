/* Which engine answers tfsm_step(), tfsm_output() and tfsm_has_nothing() in the harness. Whatever is linked with it (the linker's --wrap) comes
 * here first, from whichever file it calls: the compiled engine answers, or the interpreter with a variant of the rules, or
 * all of them at once, and then they must agree bit for bit. Two variables choose, so that any program can be asked:
 *   TFSM_VARIANT  edits of the rules, variant.h: the interpreter runs them
 *   TFSM_ENGINE   compiled (as without it), interpreter, or both: every step and every segment is compared */
#ifndef HARNESS_MACHINE_H
#define HARNESS_MACHINE_H

#include "tfsm.h"
#include "interpreter.h"
#include "tfsm_table.h"

/* The rules of the step that wrote these effects, if it is one of the last few: for who has called what calls tfsm_step().
 * None where no step did. */
const struct tfsm_trace *machine_trace(const struct tfsm_effects *fx);

/* The rows that run: the true ones, or those of TFSM_VARIANT. */
const struct tfsm_rule *machine_rows(void);

/* Whether the compiled engine runs alone: only then does tfsm_has_nothing() ever say so. */
bool machine_is_compiled(void);

/* From now on this table runs, in the interpreter; null: what ran before. For programs with more than one machine in them: it is
 * to be said before each turn of one. *rows stays where it is. */
void machine_run(const struct table *rows);

/* From now on as with TFSM_ENGINE=both, unless a variant runs. A difference is told on standard error, as a violation, and
 * the program aborts. */
void machine_hold_together(void);

#endif
