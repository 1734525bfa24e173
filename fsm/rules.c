/* The tables, assembled: the rows of the five rules_*.inc files as one const array, indexed by rule
 * id. */
#include "tfsm_table.h"

/* clang-format off */
#define B(state) (1u << TFSM_##state)
#define S1(a) B(a)
#define S2(a, b) (B(a) | B(b))
#define S3(a, b, c) (B(a) | B(b) | B(c))
#define S4(a, b, c, d) (B(a) | B(b) | B(c) | B(d))
#define S5(a, b, c, d, e) (B(a) | B(b) | B(c) | B(d) | B(e))
#define ALL ((1u << TFSM_STATES) - 1u)
/* The states of RFC 9293 3.10.7.4. */
#define SYNCHRONIZING (ALL & ~S3(CLOSED, LISTEN, SYN_SENT))
#define SYNCHRONIZED (SYNCHRONIZING & ~S1(SYN_RECEIVED))
/* Where the peer may still send, where the user has closed, where we may have something unacknowledged. */
#define RECEIVES S3(ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2)
#define USER_CLOSED S5(FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT)
#define SENDS S5(ESTABLISHED, FIN_WAIT_1, CLOSE_WAIT, CLOSING, LAST_ACK)

/* A set of facts: the bits of its two words. */
#define LO(a) (TFSM_FACT_##a < 64 ? UINT64_C(1) << (TFSM_FACT_##a % 64) : 0)
#define HI(a) (TFSM_FACT_##a < 64 ? 0 : UINT64_C(1) << (TFSM_FACT_##a % 64))
#define F0 {{0, 0}}
#define F1(a) {{LO(a), HI(a)}}
#define F2(a, b) {{LO(a) | LO(b), HI(a) | HI(b)}}
#define F3(a, b, c) {{LO(a) | LO(b) | LO(c), HI(a) | HI(b) | HI(c)}}
#define F4(a, b, c, d) {{LO(a) | LO(b) | LO(c) | LO(d), HI(a) | HI(b) | HI(c) | HI(d)}}
#define F5(a, b, c, d, e) {{LO(a) | LO(b) | LO(c) | LO(d) | LO(e), HI(a) | HI(b) | HI(c) | HI(d) | HI(e)}}
#define A1(a) {TFSM_ACTION_##a}
#define A2(a, b) {TFSM_ACTION_##a, TFSM_ACTION_##b}
#define A3(a, b, c) {TFSM_ACTION_##a, TFSM_ACTION_##b, TFSM_ACTION_##c}
#define A4(a, b, c, d) {TFSM_ACTION_##a, TFSM_ACTION_##b, TFSM_ACTION_##c, TFSM_ACTION_##d}
#define A5(a, b, c, d, e) {TFSM_ACTION_##a, TFSM_ACTION_##b, TFSM_ACTION_##c, TFSM_ACTION_##d, TFSM_ACTION_##e}
#define A6(a, b, c, d, e, f) {TFSM_ACTION_##a, TFSM_ACTION_##b, TFSM_ACTION_##c, TFSM_ACTION_##d, TFSM_ACTION_##e, TFSM_ACTION_##f}
#define TO(state) TFSM_##state
#define STAY TFSM_STAY

#define L(list)
#define R(id, why, step_, states_, need_, forbid_, actions_, next_, verdict_, source)                                  \
    [TFSM_RULE_##id] = {.need = need_, .forbid = forbid_, .actions = actions_,                                   \
                        .states = (uint16_t)(states_), .step = TFSM_STEP_##step_, .next = (next_),                     \
                        .verdict = TFSM_V_##verdict_},
/* clang-format on */

const struct tfsm_rule tfsm_rules[TFSM_RULES] = {
#include "rules_call.inc"
#include "rules_segment.inc"
#include "rules_timeout.inc"
#include "rules_icmp.inc"
#include "rules_output.inc"
};
