/* Everything that has a name, whatever number is asked for: the string is there and ends, for it is read. */
/* eva: -eva-precision 2 */
/* sources: names.c table_names.c rules.c */
#include <string.h>

#include "arbitrary.h"
#include "tfsm_listener.h"
#include "tfsm_table.h"

static void nouns(void)
{
    (void)strlen(tfsm_state_name((enum tfsm_state)any32()));
    (void)strlen(tfsm_event_name((enum tfsm_event_kind)any32()));
    (void)strlen(tfsm_result_name((enum tfsm_result)any32()));
    (void)strlen(tfsm_signal_name((enum tfsm_signal)any32()));
    (void)strlen(tfsm_clause_name((enum tfsm_clause)any32()));
    (void)strlen(tfsm_clause_text((enum tfsm_clause)any32()));
    (void)strlen(tfsm_wire_result_name((enum tfsm_wire_result)any32()));
    (void)strlen(tfsm_listener_counter_name((enum tfsm_listener_counter)any32()));
    (void)strlen(tfsm_listener_counter_text((enum tfsm_listener_counter)any32()));
}

static void table(void)
{
    const struct tfsm_facts facts = {{any64(), any64()}};
    (void)tfsm_facts_have(&facts, (enum tfsm_fact_index)any_from(0, TFSM_FACT_COUNT - 1));
    (void)strlen(tfsm_rule_name(any32()));
    (void)strlen(tfsm_rule_text(any32()));
    (void)strlen(tfsm_rule_source(any32()));
    (void)strlen(tfsm_fact_name((enum tfsm_fact_index)any32()));
    (void)strlen(tfsm_fact_text((enum tfsm_fact_index)any32()));
    (void)strlen(tfsm_fact_source((enum tfsm_fact_index)any32()));
    (void)strlen(tfsm_action_name((enum tfsm_action_index)any32()));
    (void)strlen(tfsm_action_text((enum tfsm_action_index)any32()));
    (void)strlen(tfsm_step_name((enum tfsm_step_index)any32()));
    (void)strlen(tfsm_step_text((enum tfsm_step_index)any32()));
    (void)strlen(tfsm_verdict_name((enum tfsm_verdict)any32()));
    (void)strlen(tfsm_verdict_text((enum tfsm_verdict)any32()));
}

int main(void)
{
    nouns();
    table();
    return 0;
}
