/* The wrapped entrances. */
#include "machine.h"

#include "interpreter.h"
#include "same.h"
#include "variant.h"
#include "whole.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECENT 8u
#define POISON 0xa5 /* where an engine is to write: what it forgets shows */

enum tfsm_result __real_tfsm_step(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev, struct tfsm_effects *fx);
enum tfsm_result __wrap_tfsm_step(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev, struct tfsm_effects *fx);
enum tfsm_result __real_tfsm_step_traced(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                         const struct tfsm_event *ev, struct tfsm_effects *fx,
                                         struct tfsm_trace *trace);
enum tfsm_result __wrap_tfsm_step_traced(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                         const struct tfsm_event *ev, struct tfsm_effects *fx,
                                         struct tfsm_trace *trace);
bool __real_tfsm_output(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                        struct tfsm_segment *out);
bool __wrap_tfsm_output(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                        struct tfsm_segment *out);
bool __real_tfsm_has_nothing(const struct tfsm_tcb *tcb);
bool __wrap_tfsm_has_nothing(const struct tfsm_tcb *tcb);

/* ---- which one ---- */

static enum engine { COMPILED, INTERPRETED, BOTH } engine;
static struct tfsm_rule variant_rows[TFSM_RULES];
static struct table table = {.rows = tfsm_rules};

static void refuse(const char *variable, const char *value, const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", variable, value, what);
    _Exit(2);
}

static void __attribute__((constructor)) choose(void)
{
    const char *edits = getenv("TFSM_VARIANT");
    const char *wanted = getenv("TFSM_ENGINE");
    char wrong[128];
    if (wanted != NULL && strcmp(wanted, "interpreter") == 0) {
        engine = INTERPRETED;
    } else if (wanted != NULL && strcmp(wanted, "both") == 0) {
        engine = BOTH;
    } else if (wanted != NULL && wanted[0] != '\0' && strcmp(wanted, "compiled") != 0) {
        refuse("TFSM_ENGINE", wanted, "neither compiled, interpreter nor both");
    }
    if (edits == NULL || edits[0] == '\0') {
        return;
    }
    if (wanted != NULL && wanted[0] != '\0' && engine != INTERPRETED) {
        refuse("TFSM_ENGINE", wanted, "a variant is for the interpreter");
    }
    if (!variant_make(edits, variant_rows, &table, wrong, sizeof wrong)) {
        refuse("TFSM_VARIANT", edits, wrong);
    }
    engine = INTERPRETED;
}

const struct tfsm_rule *machine_rows(void)
{
    return table.rows;
}

bool machine_is_compiled(void)
{
    return engine == COMPILED;
}

void machine_run(const struct table *rows)
{
    static bool changed;
    static int engine_before;
    static struct table before;
    if (!changed) {
        engine_before = (int)engine;
        before = table;
        changed = true;
    }
    table = rows != NULL ? *rows : before;
    engine = rows != NULL ? INTERPRETED : (enum engine)engine_before;
}

void machine_hold_together(void)
{
    engine = table.rows == tfsm_rules ? BOTH : engine;
}

/* ---- the last few traces ---- */

static _Thread_local struct {
    const struct tfsm_effects *fx;
    struct tfsm_trace trace;
} recent[RECENT];
static _Thread_local unsigned latest;

const struct tfsm_trace *machine_trace(const struct tfsm_effects *fx)
{
    static const struct tfsm_trace none;
    for (unsigned i = 0; i < RECENT; i++) {
        unsigned at = (latest + RECENT - i) % RECENT;
        const struct tfsm_trace *trace = &recent[at].trace;
        if (recent[at].fx == fx && fx->verdict != TFSM_V_NEXT && trace->count > 0 &&
            trace->fired[trace->count - 1] == fx->rule) {
            return trace;
        }
    }
    return &none;
}

/* ---- held together ---- */

/* What an engine made of an event, or of being asked for a segment. */
struct outcome {
    struct whole it;
    enum tfsm_result result;
    struct tfsm_effects fx;
    struct tfsm_trace trace;
    struct tfsm_segment out;
};

static _Noreturn void differ(const char *engine_name, const char *what, const struct tfsm_tcb *tcb,
                             const struct tfsm_event *ev, const struct outcome *compiled,
                             const struct outcome *interpreted)
{
    fprintf(stderr, "violation ENGINES_DIFFER: one table, two engines: %s, %s, in %s, %s\n",
            engine_name, what, tfsm_state_name((enum tfsm_state)tcb->state),
            ev != NULL ? tfsm_event_name(ev->kind) : "output");
    fprintf(stderr, "  compiled ends at %s, interpreted at %s\n", tfsm_rule_name(compiled->fx.rule),
            tfsm_rule_name(interpreted->fx.rule));
    abort();
}

static bool same_trace(const struct tfsm_trace *a, const struct tfsm_trace *b)
{
    return a->count == b->count && memcmp(a->fired, b->fired, a->count * sizeof a->fired[0]) == 0;
}

/* The two engines have come to the same. */
static void compare(const char *name, const struct tfsm_tcb *before, const struct tfsm_event *ev,
                    const struct outcome *a, const struct outcome *b)
{
    const char *what = NULL;
    if (a->result != b->result) {
        what = "result";
    } else if (!same_effects(&a->fx, &b->fx)) {
        what = "effects";
    } else if (!same_trace(&a->trace, &b->trace)) {
        what = "rules fired";
    } else if (!same_tcb(&a->it.tcb, &b->it.tcb)) {
        what = "TCB";
    } else if (!same_segment(&a->out, &b->out)) {
        what = "segment";
    } else if (tfsm_deadline(&a->it.tcb) != tfsm_deadline(&b->it.tcb)) {
        what = "deadline";
    }
    if (what != NULL) {
        differ(name, what, before, ev, a, b);
    }
}

static enum tfsm_result step_both(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev, struct tfsm_effects *fx,
                                  struct tfsm_trace *trace)
{
    static _Thread_local struct outcome plain;
    static _Thread_local struct outcome traced;
    static _Thread_local struct outcome interpreted;
    copy_tcb(&plain.it, tcb);
    copy_tcb(&traced.it, tcb);
    copy_tcb(&interpreted.it, tcb);
    memset(&plain.fx, POISON, sizeof plain.fx);
    memset(&traced.fx, POISON, sizeof traced.fx);
    plain.result = __real_tfsm_step(&plain.it.tcb, cfg, ev, &plain.fx);
    traced.result = __real_tfsm_step_traced(&traced.it.tcb, cfg, ev, &traced.fx, &traced.trace);
    interpreted.result =
        interpreter_step(&table, &interpreted.it.tcb, cfg, ev, &interpreted.fx, &interpreted.trace);
    compare("with a trace", tcb, ev, &traced, &interpreted);
    plain.trace = traced.trace; /* it says none */
    compare("without a trace", tcb, ev, &plain, &interpreted);
    copy_tcb_into(tcb, &plain.it.tcb);
    *fx = interpreted.fx;
    *trace = interpreted.trace;
    return plain.result;
}

static bool output_both(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                        struct tfsm_segment *out)
{
    static _Thread_local struct outcome compiled;
    static _Thread_local struct outcome interpreted;
    copy_tcb(&compiled.it, tcb);
    copy_tcb(&interpreted.it, tcb);
    memset(&compiled.out, POISON, sizeof compiled.out);
    memset(&interpreted.out, POISON, sizeof interpreted.out);
    bool more = __real_tfsm_output(&compiled.it.tcb, cfg, now, &compiled.out);
    compiled.result = (enum tfsm_result)more;
    interpreted.result = (enum tfsm_result)interpreter_output(&table, &interpreted.it.tcb, cfg, now,
                                                              &interpreted.out);
    compiled.fx.rule = compiled.out.rule;
    interpreted.fx.rule = interpreted.out.rule;
    compare("output", tcb, NULL, &compiled, &interpreted);
    copy_tcb_into(tcb, &compiled.it.tcb);
    if (more) {
        *out = compiled.out;
    }
    return more;
}

/* ---- the entrances ---- */

enum tfsm_result __wrap_tfsm_step_traced(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                         const struct tfsm_event *ev, struct tfsm_effects *fx,
                                         struct tfsm_trace *trace)
{
    if (engine == COMPILED) {
        return __real_tfsm_step_traced(tcb, cfg, ev, fx, trace);
    }
    if (engine == BOTH) {
        return step_both(tcb, cfg, ev, fx, trace);
    }
    return interpreter_step(&table, tcb, cfg, ev, fx, trace);
}

enum tfsm_result __wrap_tfsm_step(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev, struct tfsm_effects *fx)
{
    latest = (latest + 1) % RECENT;
    recent[latest].fx = fx;
    return __wrap_tfsm_step_traced(tcb, cfg, ev, fx, &recent[latest].trace);
}

bool __wrap_tfsm_output(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                        struct tfsm_segment *out)
{
    if (engine == COMPILED) {
        return __real_tfsm_output(tcb, cfg, now, out);
    }
    if (engine == BOTH) {
        return output_both(tcb, cfg, now, out);
    }
    return interpreter_output(&table, tcb, cfg, now, out);
}

/* Only the compiled engine is known to have nothing: the others are asked. */
bool __wrap_tfsm_has_nothing(const struct tfsm_tcb *tcb)
{
    return machine_is_compiled() && __real_tfsm_has_nothing(tcb);
}
