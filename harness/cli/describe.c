/* Rows in words. Nothing here knows what the protocol does; it reads the fields of a row. */
#include "describe.h"

#include <string.h>

const struct rule_list rule_lists[] = {
    {TFSM_LIST_OPEN, "OPEN call"},
    {TFSM_LIST_SEND, "SEND call"},
    {TFSM_LIST_RECEIVE, "RECEIVE call"},
    {TFSM_LIST_CLOSE, "CLOSE call"},
    {TFSM_LIST_ABORT, "ABORT call"},
    {TFSM_LIST_CLOSED, "A segment arrives in CLOSED"},
    {TFSM_LIST_LISTEN, "A segment arrives in LISTEN"},
    {TFSM_LIST_SYN_SENT, "A segment arrives in SYN-SENT"},
    {TFSM_LIST_OTHER_STATES, "A segment arrives in any other state"},
    {TFSM_LIST_FROM_6, "A segment, from the sixth step on"},
    {TFSM_LIST_TIMEOUT, "Timeouts"},
    {TFSM_LIST_ICMP, "An ICMP message arrives"},
    {TFSM_LIST_OUTPUT, "Output"},
};
const unsigned rule_list_count = sizeof rule_lists / sizeof rule_lists[0];

unsigned rule_list_end(unsigned list)
{
    return list + 1 < rule_list_count ? rule_lists[list + 1].first : (unsigned)TFSM_RULES;
}

void describe_states(struct cli_text *text, unsigned states)
{
    if (states == (1u << TFSM_STATES) - 1) {
        cli_add(text, "any");
        return;
    }
    for (unsigned i = 0; i < TFSM_STATES; i++) {
        unsigned run = 0;
        while (i + run < TFSM_STATES && (states >> (i + run) & 1) != 0) {
            run++;
        }
        if (run == 0) {
            continue;
        }
        cli_join(text, " ", tfsm_state_name((enum tfsm_state)i));
        if (run >= 3) {
            cli_add(text, "..%s", tfsm_state_name((enum tfsm_state)(i + run - 1)));
            i += run - 1;
        }
    }
}

void describe_facts(struct cli_text *text, const struct tfsm_facts *facts, const char *separator,
                    const char *prefix)
{
    for (unsigned i = 0; i < TFSM_FACT_COUNT; i++) {
        if (tfsm_facts_have(facts, (enum tfsm_fact_index)i)) {
            cli_join(text, separator, prefix);
            cli_add(text, "%s", tfsm_fact_name((enum tfsm_fact_index)i));
        }
    }
}

void describe_actions(struct cli_text *text, const struct tfsm_rule *rule, const char *separator)
{
    cli_join(text, separator, tfsm_action_name((enum tfsm_action_index)rule->actions[0]));
    for (unsigned i = 1; i < TFSM_ROW_ACTIONS && rule->actions[i] != TFSM_ACTION_IGNORE; i++) {
        cli_join(text, separator, tfsm_action_name((enum tfsm_action_index)rule->actions[i]));
    }
}

const char *describe_next(const struct tfsm_rule *rule)
{
    return rule->next == TFSM_STAY ? "-" : tfsm_state_name((enum tfsm_state)rule->next);
}

static bool needs(const struct tfsm_rule *rule, enum tfsm_fact_index fact)
{
    return tfsm_facts_have(&rule->need, fact);
}

static bool does(const struct tfsm_rule *rule, enum tfsm_action_index action)
{
    return memchr(rule->actions, (int)action, sizeof rule->actions) != NULL;
}

static const char *describe_call(const struct tfsm_rule *rule)
{
    switch ((enum tfsm_step_index)rule->step) {
    case TFSM_STEP_OPEN:
        return needs(rule, TFSM_FACT_ACTIVE_CALL) ? "active OPEN" : "passive OPEN";
    case TFSM_STEP_SEND:
    case TFSM_STEP_SEND_IDLE:
    case TFSM_STEP_SEND_URGENT:
        return "SEND";
    case TFSM_STEP_RECEIVE:
    case TFSM_STEP_RECEIVE_WINDOW:
        return "RECEIVE";
    case TFSM_STEP_CLOSE:
    case TFSM_STEP_CLOSE_DEAF:
        return "CLOSE";
    case TFSM_STEP_ABORT:
        return "ABORT";
    case TFSM_STEP_TIME_USER:
        return "user timeout";
    case TFSM_STEP_TIME_2MSL:
        return "2MSL timeout";
    case TFSM_STEP_TIME_RACK:
    case TFSM_STEP_TIME_MTU:
    case TFSM_STEP_TIME_LOSS:
    case TFSM_STEP_TIME_PROBE:
    case TFSM_STEP_TIME_R1:
    case TFSM_STEP_TIME_RTX:
        return "too many retries";
    case TFSM_STEP_TIME_PERSIST:
        return "too many probes";
    case TFSM_STEP_TIME_KEEPALIVE:
        return "too many keep-alives";
    case TFSM_STEP_ICMP_QUOTE:
    case TFSM_STEP_ICMP:
        return "rcv ICMP error";
    case TFSM_STEP_OUTPUT:
        return "output";
    case TFSM_STEP_CLOSED:
    case TFSM_STEP_LISTEN_1_RST:
    case TFSM_STEP_LISTEN_2_ACK:
    case TFSM_STEP_LISTEN_3_SYN:
    case TFSM_STEP_SENT_1_ACK:
    case TFSM_STEP_SENT_2_RST:
    case TFSM_STEP_SENT_3_SECURITY:
    case TFSM_STEP_SENT_4_COOKIE:
    case TFSM_STEP_SENT_4_SYN:
    case TFSM_STEP_TIME_ACK:
    case TFSM_STEP_STEP_0_REOPEN:
    case TFSM_STEP_STEP_0_PAWS:
    case TFSM_STEP_STEP_5_HEARD:
    case TFSM_STEP_STEP_5_TS:
    case TFSM_STEP_STEP_5_UTO:
    case TFSM_STEP_STEP_5_SACK:
    case TFSM_STEP_STEP_5_TWICE:
    case TFSM_STEP_STEP_5_UNDO:
    case TFSM_STEP_STEP_5_RATE:
    case TFSM_STEP_STEP_5_MTU:
    case TFSM_STEP_STEP_5_RACK:
    case TFSM_STEP_STEP_5_PROBE:
    case TFSM_STEP_STEP_5_LOSS:
    case TFSM_STEP_STEP_5_ECE:
    case TFSM_STEP_STEP_7_ECN:
    case TFSM_STEP_STEP_7_TWICE:
    case TFSM_STEP_STEP_1_SEQ:
    case TFSM_STEP_STEP_2_RST:
    case TFSM_STEP_STEP_3_SECURITY:
    case TFSM_STEP_STEP_4_SYN:
    case TFSM_STEP_STEP_5_ACK:
    case TFSM_STEP_STEP_5_SYN:
    case TFSM_STEP_STEP_5_UNA:
    case TFSM_STEP_STEP_5_WND:
    case TFSM_STEP_STEP_5_FIN:
    case TFSM_STEP_STEP_6_URG:
    case TFSM_STEP_STEP_7_STORE:
    case TFSM_STEP_STEP_7_DELIVER:
    case TFSM_STEP_STEP_8_NOTE:
    case TFSM_STEP_STEP_8_FIN:
    case TFSM_STEP_COUNT:
        break;
    }
    return NULL;
}

const char *describe_cause(const struct tfsm_rule *rule)
{
    static const struct {
        enum tfsm_fact_index need;
        enum tfsm_fact_index too;
        const char *cause;
    } segments[] = {
        {TFSM_FACT_SECURITY_OTHER, TFSM_FACT_SECURITY_OTHER, "rcv other security"},
        {TFSM_FACT_RST, TFSM_FACT_RST, "rcv RST"},
        {TFSM_FACT_SYN, TFSM_FACT_ACK_NEW, "rcv SYN,ACK"},
        {TFSM_FACT_SYN, TFSM_FACT_SYN, "rcv SYN"},
        {TFSM_FACT_OUR_FIN_ACKED, TFSM_FACT_OUR_FIN_ACKED, "rcv ACK of FIN"},
        {TFSM_FACT_FIN_IN_ORDER, TFSM_FACT_FIN_IN_ORDER, "rcv FIN"},
        {TFSM_FACT_ACK_NEW, TFSM_FACT_CLOSED_BY_USER, "rcv ACK of SYN after CLOSE"},
        {TFSM_FACT_ACK_NEW, TFSM_FACT_ACK_NEW, "rcv ACK of SYN"},
        {TFSM_FACT_DEAF, TFSM_FACT_TEXT_FITS, "rcv text nobody reads"},
    };
    const char *call = describe_call(rule);
    if (rule->step == TFSM_STEP_CLOSE && needs(rule, TFSM_FACT_UNREAD)) {
        return "CLOSE with text unread";
    }
    if (rule->step == TFSM_STEP_TIME_2MSL && (rule->states & 1u << TFSM_TIME_WAIT) == 0) {
        return "no FIN for 2MSL, and nobody reads";
    }
    for (size_t i = 0; call == NULL && i < sizeof segments / sizeof segments[0]; i++) {
        if (needs(rule, segments[i].need) && needs(rule, segments[i].too)) {
            call = segments[i].cause;
        }
    }
    return call != NULL ? call : "rcv segment";
}

const char *describe_reply(const struct tfsm_rule *rule)
{
    static const struct {
        enum tfsm_action_index action;
        const char *reply;
    } replies[] = {
        {TFSM_ACTION_RST, "snd RST"},       {TFSM_ACTION_RST_ACK, "snd RST"},
        {TFSM_ACTION_RST_ABORT, "snd RST"}, {TFSM_ACTION_SYN_OUT, "snd SYN,ACK"},
        {TFSM_ACTION_OPEN, "snd SYN"},      {TFSM_ACTION_CLOSE, "snd FIN"},
        {TFSM_ACTION_ACK, "snd ACK"},
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        if (does(rule, replies[i].action)) {
            return replies[i].reply;
        }
    }
    return "";
}

bool describe_is_passive(const struct tfsm_rule *rule)
{
    return needs(rule, TFSM_FACT_PASSIVE);
}

bool is_orderly(const struct tfsm_rule *rule)
{
    return (rule->step == TFSM_STEP_CLOSE && !needs(rule, TFSM_FACT_UNREAD)) ||
           rule->step == TFSM_STEP_STEP_5_FIN ||
           (rule->step == TFSM_STEP_TIME_2MSL && (rule->states & 1u << TFSM_TIME_WAIT) != 0);
}

bool describe_is_abrupt(const struct tfsm_rule *rule)
{
    return rule->next == TFSM_CLOSED && !is_orderly(rule);
}
