/* What rows, facts, actions, steps and verdicts are called, what they are for and whose demands they meet: for people,
 * in a file of its own, so that the linker leaves it out where nobody asks. */
#include "tfsm_table.h"

struct words {
    const char *name;
    const char *text;
    const char *source;
};

static const struct words words[TFSM_RULES] = {
/* clang-format off */
#define L(list)
#define R(id, why, step, states, need, forbid, actions, next, verdict, source) {#id, why, "RFC" source},
#include "rules_call.inc"
#include "rules_segment.inc"
#include "rules_timeout.inc"
#include "rules_icmp.inc"
#include "rules_output.inc"
#undef L
#undef R
    /* clang-format on */
};

const char *tfsm_rule_name(unsigned id)
{
    return id < TFSM_RULES ? words[id].name : "?";
}

const char *tfsm_rule_text(unsigned id)
{
    return id < TFSM_RULES ? words[id].text : "?";
}

const char *tfsm_rule_source(unsigned id)
{
    return id < TFSM_RULES ? words[id].source : "?";
}

static const struct words facts[TFSM_FACT_COUNT] = {
#define F(name, text, holds, source) {#name, text, "RFC" source},
#include "facts.inc"
#undef F
};

const char *tfsm_fact_name(enum tfsm_fact_index fact)
{
    return (unsigned)fact < TFSM_FACT_COUNT ? facts[fact].name : "?";
}

const char *tfsm_fact_text(enum tfsm_fact_index fact)
{
    return (unsigned)fact < TFSM_FACT_COUNT ? facts[fact].text : "?";
}

const char *tfsm_fact_source(enum tfsm_fact_index fact)
{
    return (unsigned)fact < TFSM_FACT_COUNT ? facts[fact].source : "?";
}

#define A(name, text, statement) {#name, text, NULL},
#define E(name, text, statement) {#name, text, NULL},
static const struct words actions[TFSM_ACTION_COUNT] = {
#include "actions.inc"
};
#undef A
#undef E

const char *tfsm_action_name(enum tfsm_action_index action)
{
    return (unsigned)action < TFSM_ACTION_COUNT ? actions[action].name : "?";
}

const char *tfsm_action_text(enum tfsm_action_index action)
{
    return (unsigned)action < TFSM_ACTION_COUNT ? actions[action].text : "?";
}

/* Element of an array of names, "?" beyond its end. */
#define PICK(names, index)                                                                         \
    ((size_t)(index) < sizeof(names) / sizeof((names)[0]) ? (names)[index] : "?")
#define TFSM_X(name, text) #name,
#define TFSM_Y(name, text) text,

const char *tfsm_step_name(enum tfsm_step_index step)
{
    static const char *const names[] = {TFSM_STEPS(TFSM_X)};
    return PICK(names, step);
}

const char *tfsm_step_text(enum tfsm_step_index step)
{
    static const char *const texts[] = {TFSM_STEPS(TFSM_Y)};
    return PICK(texts, step);
}

const char *tfsm_verdict_name(enum tfsm_verdict verdict)
{
    static const char *const names[] = {TFSM_VERDICTS(TFSM_X)};
    return PICK(names, verdict);
}

const char *tfsm_verdict_text(enum tfsm_verdict verdict)
{
    static const char *const texts[] = {TFSM_VERDICTS(TFSM_Y)};
    return PICK(texts, verdict);
}
