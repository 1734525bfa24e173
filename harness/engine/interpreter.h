/* The reference: an engine that reads the rows one by one, from whatever table it is given. The compiled engine of the
 * product is held against it, and variants of the rules run in it as data. Slow, and simple enough to be believed. */
#ifndef HARNESS_INTERPRETER_H
#define HARNESS_INTERPRETER_H

#include "tfsm.h"
#include "tfsm_table.h"

/* What is run. */
struct table {
    const struct tfsm_rule *rows; /* TFSM_RULES of them, by enum tfsm_rule_id */
    /* called after a row that acts has fired: what no row can say. Null for the true table */
    void (*after)(unsigned rule, struct tfsm_tcb *tcb);
};

/* As tfsm_step_traced() and tfsm_output(), with the rows of a table. */
enum tfsm_result interpreter_step(const struct table *table, struct tfsm_tcb *tcb,
                                  const struct tfsm_config *cfg, const struct tfsm_event *ev,
                                  struct tfsm_effects *fx, struct tfsm_trace *trace);
bool interpreter_output(const struct table *table, struct tfsm_tcb *tcb,
                        const struct tfsm_config *cfg, tfsm_time now, struct tfsm_segment *out);

#endif
