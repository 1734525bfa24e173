/* The shape of the tables, for those who print, count, check or mutate them: facts, actions, steps,
 * verdicts, rules. The rows themselves stand in rules_*.inc, facts and actions in facts.inc and
 * actions.inc.
 *
 * A row matches when the connection is in one of its states, every fact it needs holds and none it
 * forbids. Within a step the first matching row wins; its actions run in the order in which it lists
 * them, which is that of enum tfsm_action_index; then the state changes; then the verdict says where
 * to go on. A fact is what holds when a row asks for it, so that a later step sees what an earlier
 * one did. Every step ends with a row that matches whatever is left: an empty cell does not exist. */
#ifndef TFSM_TABLE_H
#define TFSM_TABLE_H

#include "tfsm_types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum tfsm_fact_index {
#define F(name, text, holds, source) TFSM_FACT_##name,
#include "facts.inc"
#undef F
    TFSM_FACT_COUNT
};

/* A set of facts: fact i is bit i % 64 of word i / 64. */
struct tfsm_facts {
    uint64_t word[2];
};

static inline bool tfsm_facts_have(const struct tfsm_facts *facts, enum tfsm_fact_index fact)
{
    return (facts->word[fact / 64] >> (fact % 64) & 1) != 0;
}

/* They run in this order. */
enum tfsm_action_index {
#define A(name, text, statement) TFSM_ACTION_##name,
#define E(name, text, statement) TFSM_ACTION_##name,
#include "actions.inc"
#undef A
#undef E
    TFSM_ACTION_COUNT
};
#define TFSM_ROW_ACTIONS 8 /* places for actions in a row */

/* The steps, in the order in which they are looked at; name, what it is. */
#define TFSM_STEPS(X)                                                                              \
    X(OPEN, "OPEN call")                                                                           \
    X(SEND, "SEND call")                                                                           \
    X(SEND_IDLE, "SEND call: after a pause")                                                       \
    X(SEND_URGENT, "SEND call: urgent")                                                            \
    X(RECEIVE, "RECEIVE call")                                                                     \
    X(RECEIVE_WINDOW, "RECEIVE call: window")                                                      \
    X(CLOSE, "CLOSE call")                                                                         \
    X(CLOSE_DEAF, "CLOSE call: half-duplex")                                                       \
    X(ABORT, "ABORT call")                                                                         \
    X(CLOSED, "CLOSED: any segment")                                                               \
    X(LISTEN_1_RST, "LISTEN first: RST")                                                           \
    X(LISTEN_2_ACK, "LISTEN second: ACK")                                                          \
    X(LISTEN_3_SYN, "LISTEN third: SYN")                                                           \
    X(SENT_1_ACK, "SYN-SENT first: ACK")                                                           \
    X(SENT_2_RST, "SYN-SENT second: RST")                                                          \
    X(SENT_3_SECURITY, "SYN-SENT third: security")                                                 \
    X(SENT_4_COOKIE, "SYN-SENT fourth: Fast Open")                                                 \
    X(SENT_4_SYN, "SYN-SENT fourth: SYN")                                                          \
    X(STEP_0_REOPEN, "before all: TIME-WAIT and a newer SYN")                                      \
    X(STEP_0_PAWS, "before all: timestamp")                                                        \
    X(STEP_1_SEQ, "first: sequence number")                                                        \
    X(STEP_2_RST, "second: RST")                                                                   \
    X(STEP_3_SECURITY, "third: security")                                                          \
    X(STEP_4_SYN, "fourth: SYN")                                                                   \
    X(STEP_5_ACK, "fifth: ACK, acceptable?")                                                       \
    X(STEP_5_HEARD, "fifth: the peer is alive")                                                    \
    X(STEP_5_TS, "fifth: timestamp to echo")                                                       \
    X(STEP_5_UTO, "fifth: user timeout option")                                                    \
    X(STEP_5_SYN, "fifth: ACK of our SYN")                                                         \
    X(STEP_5_UNA, "fifth: ACK of new octets")                                                      \
    X(STEP_5_SACK, "fifth: duplicate ACK")                                                         \
    X(STEP_5_TWICE, "fifth: text of ours come twice")                                              \
    X(STEP_5_UNDO, "fifth: a loss that was none")                                                  \
    X(STEP_5_RACK, "fifth: what time tells of loss")                                               \
    X(STEP_5_PROBE, "fifth: what became of the probe")                                             \
    X(STEP_5_MTU, "fifth: a larger segment")                                                       \
    X(STEP_5_LOSS, "fifth: loss")                                                                  \
    X(STEP_5_ECE, "fifth: congestion told by ECN")                                                 \
    X(STEP_5_RATE, "fifth: how much recovery lets out")                                            \
    X(STEP_5_WND, "fifth: send window")                                                            \
    X(STEP_5_FIN, "fifth: ACK of our FIN")                                                         \
    X(STEP_6_URG, "sixth: URG")                                                                    \
    X(STEP_7_ECN, "seventh: text, congestion met by it")                                           \
    X(STEP_7_TWICE, "seventh: text, come twice")                                                   \
    X(STEP_7_STORE, "seventh: text, remember")                                                     \
    X(STEP_7_DELIVER, "seventh: text, deliver")                                                    \
    X(STEP_8_NOTE, "eighth: FIN, remember")                                                        \
    X(STEP_8_FIN, "eighth: FIN, act")                                                              \
    X(TIME_USER, "user timeout")                                                                   \
    X(TIME_2MSL, "time-wait timeout")                                                              \
    X(TIME_RACK, "reordering timeout")                                                             \
    X(TIME_MTU, "reordering timeout: a larger segment")                                            \
    X(TIME_LOSS, "reordering timeout: loss")                                                       \
    X(TIME_PROBE, "probe timeout")                                                                 \
    X(TIME_R1, "retransmission timeout: advice")                                                   \
    X(TIME_RTX, "retransmission timeout")                                                          \
    X(TIME_ACK, "delayed acknowledgment")                                                          \
    X(TIME_KEEPALIVE, "keep-alive")                                                                \
    X(TIME_PERSIST, "persist timeout")                                                             \
    X(ICMP_QUOTE, "ICMP: the segment quoted")                                                      \
    X(ICMP, "ICMP: what it says")                                                                  \
    X(OUTPUT, "output")

enum tfsm_step_index {
#define TFSM_X(name, text) TFSM_STEP_##name,
    TFSM_STEPS(TFSM_X)
#undef TFSM_X
        TFSM_STEP_COUNT
};

/* Where to go on after a row; name, what it says. The errors leave the TCB as it was. */
#define TFSM_VERDICTS(X)                                                                           \
    X(NEXT, "next step")                                                                           \
    X(GOTO_6, "go on at the sixth step")                                                           \
    X(STOP, "done")                                                                                \
    X(DROP, "drop the segment")                                                                    \
    X(REOPEN, "done; the segment is for a listener")                                               \
    X(EXISTS, "error: connection already exists")                                                  \
    X(NO_CONNECTION, "error: connection does not exist")                                           \
    X(CLOSING, "error: connection closing")                                                        \
    X(NO_REMOTE, "error: remote socket unspecified")                                               \
    X(NO_ROOM, "error: insufficient resources")

enum tfsm_verdict {
#define TFSM_X(name, text) TFSM_V_##name,
    TFSM_VERDICTS(TFSM_X)
#undef TFSM_X
        TFSM_VERDICT_COUNT
};
#define TFSM_STAY TFSM_STATES /* tfsm_rule.next of a row that does not change the state */

/* One row. */
struct tfsm_rule {
    struct tfsm_facts need;
    struct tfsm_facts forbid;
    uint16_t states;                   /* bit i is enum tfsm_state i */
    uint8_t actions[TFSM_ROW_ACTIONS]; /* enum tfsm_action_index; IGNORE, which is 0, ends them */
    uint8_t step;                      /* enum tfsm_step_index */
    uint8_t next;                      /* enum tfsm_state, or TFSM_STAY */
    uint8_t verdict;                   /* enum tfsm_verdict */
};

/* The ids, in table order, and where each list starts. */
enum tfsm_rule_id {
#define L(list)                                                                TFSM_LIST_##list, TFSM_BEFORE_##list = TFSM_LIST_##list - 1,
#define R(id, why, step, states, need, forbid, actions, next, verdict, source) TFSM_RULE_##id,
#include "rules_call.inc"
#include "rules_segment.inc"
#include "rules_timeout.inc"
#include "rules_icmp.inc"
#include "rules_output.inc"
#undef L
#undef R
    TFSM_RULES
};

extern const struct tfsm_rule tfsm_rules[TFSM_RULES];

/* Of a rule, for people: nothing of it is in an image that does not ask. "?" beyond the table. */
const char *tfsm_rule_name(unsigned id);   /* "RST_CHALLENGE" */
const char *tfsm_rule_text(unsigned id);   /* what it is for, in a sentence */
const char *tfsm_rule_source(unsigned id); /* the requirement: RFC, colon, section or id */
const char *tfsm_fact_name(enum tfsm_fact_index fact);
const char *tfsm_fact_text(enum tfsm_fact_index fact);
const char *tfsm_fact_source(enum tfsm_fact_index fact); /* where it comes from, as of a rule */
const char *tfsm_action_name(enum tfsm_action_index action);
const char *tfsm_action_text(enum tfsm_action_index action);
const char *tfsm_step_name(enum tfsm_step_index step);
const char *tfsm_step_text(enum tfsm_step_index step);
const char *tfsm_verdict_name(enum tfsm_verdict verdict);
const char *tfsm_verdict_text(enum tfsm_verdict verdict);

#ifdef __cplusplus
}
#endif

#endif
