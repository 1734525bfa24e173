/* What a variant can do to a TCB behind a rule, where no row can say it: each stands for a fault of TCPs that is not one of their
 * rules. */
#ifndef HARNESS_EFFECTS_H
#define HARNESS_EFFECTS_H

#include "tfsm.h"

unsigned effect_count(void);
const char *effect_name(unsigned effect);
void effect_change(unsigned effect, struct tfsm_tcb *tcb);

#endif
