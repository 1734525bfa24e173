/* The tables, assembled: the rows of the five rules_*.inc files as one const array, indexed by rule
 * id. */
#include "states.h"
#include "tfsm_table.h"

_Static_assert(TFSM_FACT_COUNT <= 128, "a set of facts has a bit for each");

/* clang-format off */
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
