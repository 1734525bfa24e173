/* What the rows are called, what they are for and whose demands they meet: for people, in a file of its
 * own, so that the linker leaves it out where nobody asks. */
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
