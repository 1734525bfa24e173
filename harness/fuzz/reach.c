/* See reach.h. A rule stands here only when no call of endpoint.h and no packet leads to it; an
 * input that fires one all the same stops the target, so that the table stays true. */
#include "reach.h"

/* A set of targets. */
#define HOSTS ((1u << RUN_PAIR) | (1u << RUN_ENDPOINT)) /* who goes through an endpoint */
#define WIRE  (1u << RUN_ENDPOINT)
#define ALL   (HOSTS | (1u << RUN_TRACE) | (1u << RUN_STEP))

struct unreachable {
    unsigned modes;
    uint16_t rule;
    const char *reason;
};

static const char no_label[] = "packets bear no label of security here";

static const struct unreachable rows[] = {
    {HOSTS, TFSM_RULE_OPEN_EXISTS,
     "endpoint_connect() and endpoint_listen() find the tuple in use themselves; each OPEN that "
     "the "
     "core hears of is the first of its TCB"},
    {HOSTS, TFSM_RULE_OPEN_NO_REMOTE, "endpoint_connect() asks for a remote address itself"},
    {HOSTS, TFSM_RULE_OPEN_LISTEN_ACTIVE, "a listener is no TCB: no handle names one in LISTEN"},
    {HOSTS, TFSM_RULE_SEND_LISTEN_NO_REMOTE, "likewise: no handle names a TCB in LISTEN"},
    {HOSTS, TFSM_RULE_SEND_LISTEN, "no handle names a TCB in LISTEN"},
    {HOSTS, TFSM_RULE_CLOSE_LISTEN, "no handle names a TCB in LISTEN"},
    {HOSTS, TFSM_RULE_OPEN_PASSIVE,
     "a listener opens TCBs of the moment, and shows what they meet, not how they were opened"},
    {HOSTS, TFSM_RULE_ICMP_NO_CONNECTION,
     "endpoint_icmp() finds connections by their tuple, and none in CLOSED or LISTEN has one"},
    {WIRE, TFSM_RULE_LISTEN_SECURITY, no_label},
    {WIRE, TFSM_RULE_SENT_SECURITY_ACK, no_label},
    {WIRE, TFSM_RULE_SENT_SECURITY, no_label},
    {WIRE, TFSM_RULE_SECURITY_EARLY_ACK, no_label},
    {WIRE, TFSM_RULE_SECURITY_EARLY, no_label},
    {WIRE, TFSM_RULE_SECURITY_RESET_ACK, no_label},
    {WIRE, TFSM_RULE_SECURITY_RESET, no_label},
};

const char *fuzz_unreachable(enum run_mode mode, unsigned rule)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((rows[i].modes >> mode & 1) != 0 && rows[i].rule == rule) {
            return rows[i].reason;
        }
    }
    return NULL;
}

/* The first rule of a run that cannot fire and did: then the table is wrong. TFSM_RULES: none. */
static unsigned strayed(enum run_mode mode, const struct run_result *result)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned rule = rows[i].rule;
        if ((rows[i].modes >> mode & 1) != 0 &&
            (result->rules[rule / 64] >> (rule % 64) & 1) != 0) {
            return rule;
        }
    }
    return TFSM_RULES;
}

struct fuzz_broken fuzz_breaks(enum run_mode mode, const struct run_result *result)
{
    struct fuzz_broken broken = {result->violation.id, result->violation.requirement, TFSM_RULES};
    if (broken.id == NULL) {
        broken.rule = strayed(mode, result);
    }
    if (broken.rule < TFSM_RULES) {
        broken.id = "OUT_OF_REACH";
        broken.requirement = fuzz_unreachable(mode, broken.rule);
    }
    return broken;
}

const char *fuzz_unreachable_by_all(unsigned rule)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].modes == ALL && rows[i].rule == rule) {
            return rows[i].reason;
        }
    }
    return NULL;
}
