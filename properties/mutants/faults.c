/* Deliberate faults, for a test build only (-DTFSM_FAULT=N): one row of the tables is replaced by a
 * faulty one, and the fuzzers must find it. Each stands for a bug that real stacks have had. The
 * comment beside a fault says the requirement, and in brackets the invariants that may notice it
 * first. ci/faults builds, fuzzes and expects. */
#include "engine.h"

#include <string.h>

#ifndef TFSM_FAULT
#error "TFSM_FAULT names the fault"
#endif

const struct tfsm_rule *tfsm_fault_rule(unsigned id)
{
    static struct tfsm_rule faulty;
    const struct tfsm_rule *right = &tfsm_rules[id];
    faulty = *right;
#if TFSM_FAULT == 1
    /* fault 1: RFC5961:3.2 any RST in the window is believed [BLIND_RST] */
    if (id == TFSM_RULE_RST_CHALLENGE || id == TFSM_RULE_RST_CHALLENGE_MUTE) {
        faulty.states = 0;
        return &faulty;
    }
#elif TFSM_FAULT == 2
    /* fault 2: RFC9293:3.10.7.4 RCV.NXT is advanced over a gap [DELIVERED_UNRECEIVED|RCV_ORDER] */
    if (id == TFSM_RULE_TEXT_NEW) {
        faulty.actions[1] = TFSM_ACTION_DELIVER;
        faulty.actions[2] = TFSM_ACTION_ACK;
        return &faulty;
    }
#elif TFSM_FAULT == 3
    /* fault 3: RFC9293:MUST-13 TIME-WAIT is skipped [ENDED_FOR_NOTHING|ILLEGAL_TRANSITION] */
    if (id == TFSM_RULE_FIN_FW2) {
        const uint8_t actions[TFSM_ROW_ACTIONS] = {TFSM_ACTION_DELETE, TFSM_ACTION_TELL_PEER_CLOSED,
                                                   TFSM_ACTION_TELL_CLOSED};
        memcpy(faulty.actions, actions, sizeof actions);
        faulty.next = TFSM_CLOSED;
        return &faulty;
    }
#elif TFSM_FAULT == 4
    /* fault 4: RFC9293:3.10.8 the FIN is sent once and never again [NOT_RETRANSMITTED|BACK_OFF|NO_PROGRESS] */
    if (id == TFSM_RULE_RTX_FIN) {
        memset(faulty.actions, 0, sizeof faulty.actions);
        return &faulty;
    }
#elif TFSM_FAULT == 5
    /* fault 5: RFC9293:3.10.7.4 an ACK of octets never sent is believed [SEND_ORDER|ACKED_UNSENT|NOT_TAKEN] */
    if (id == TFSM_RULE_ACK_BEYOND || id == TFSM_RULE_ACK_BEYOND_MUTE) {
        faulty.states = 0;
        return &faulty;
    }
    if (id == TFSM_RULE_ACK_ADVANCES) {
        faulty.need = (struct tfsm_facts){{0, 0}};
        faulty.need.word[TFSM_FACT_ACK_BEYOND / 64] = UINT64_C(1) << TFSM_FACT_ACK_BEYOND % 64;
        return &faulty;
    }
#elif TFSM_FAULT == 6
    /* fault 6: RFC9293:3.10.7.4 FIN-WAIT-2 without our FIN acknowledged [OUR_FIN_ACKED] */
    if (id == TFSM_RULE_FW1_OUR_FIN_ACKED) {
        faulty.need = (struct tfsm_facts){{0, 0}};
        return &faulty;
    }
#elif TFSM_FAULT == 7
    /* fault 7: RFC9293:3.10.7.4 in SYN-RECEIVED any ACK establishes [SYN_UNACKED|SEND_ORDER|ISS_BEFORE_UNA] */
    if (id == TFSM_RULE_ACK_NOT_OF_SYN) {
        faulty.states = 0;
        return &faulty;
    }
    if (id == TFSM_RULE_ACK_ESTABLISHES) {
        faulty.need = (struct tfsm_facts){{0, 0}};
        return &faulty;
    }
#elif TFSM_FAULT == 8
    /* fault 8: RFC9293:3.10.7.4 text is taken and never acknowledged [NOT_ACKNOWLEDGED] */
    if (id == TFSM_RULE_TEXT_DELIVER) {
        faulty.actions[1] = TFSM_ACTION_IGNORE;
        return &faulty;
    }
#elif TFSM_FAULT == 9
    /* fault 9: RFC7323:5.3 an older timestamp is let in [PAWS|REFUSED_BUT_CHANGED] */
    if (id == TFSM_RULE_PAWS_DUPLICATE || id == TFSM_RULE_PAWS_DUPLICATE_MUTE) {
        faulty.states = 0;
        return &faulty;
    }
#elif TFSM_FAULT == 10
    /* fault 10: RFC5681:3.2 one duplicate acknowledgment starts fast recovery [RECOVERY_EARLY|RECOVERY] */
    if (id == TFSM_RULE_LOSS_NOTICED) {
        faulty.need = (struct tfsm_facts){{0, 0}};
        faulty.need.word[TFSM_FACT_ACK_REPEATED / 64] = UINT64_C(1) << TFSM_FACT_ACK_REPEATED % 64;
        return &faulty;
    }
#elif TFSM_FAULT == 11
    /* fault 11: RFC3168:6.1.3 CWR does not end ECE [ECN_FLAGS] */
    if (id == TFSM_RULE_CWR_COMES) {
        faulty.states = 0;
        return &faulty;
    }
#elif TFSM_FAULT == 12
    /* fault 12: RFC5927:4.1 ICMP errors are believed whatever they quote [ICMP_UNFOUNDED] */
    if (id == TFSM_RULE_ICMP_NOT_OURS) {
        faulty.states = 0;
        return &faulty;
    }
#elif TFSM_FAULT == 13
    /* fault 13: RFC9293:MUST-40 the delayed acknowledgment never comes [NOT_ACKNOWLEDGED|ENDS_BY_ITSELF|NO_PROGRESS] */
    if (id == TFSM_RULE_ACK_DUE) {
        memset(faulty.actions, 0, sizeof faulty.actions);
        return &faulty;
    }
#elif TFSM_FAULT == 14
    /* fault 14: RFC6191:2 any SYN reopens from TIME-WAIT [REOPENED_FOR_NOTHING] */
    if (id == TFSM_RULE_TIME_WAIT_SYN_NEWER) {
        faulty.need = (struct tfsm_facts){{0, 0}};
        faulty.need.word[TFSM_FACT_SYN / 64] = UINT64_C(1) << TFSM_FACT_SYN % 64;
        return &faulty;
    }
#elif TFSM_FAULT == 15
    /* fault 15: RFC9293:MUST-26 a keep-alive does not wait for silence [KEEPALIVE_EARLY] */
    if (id == TFSM_RULE_HEARD) {
        faulty.states = 0;
        return &faulty;
    }
#elif TFSM_FAULT == 16
    /* fault 16: RFC9293:3.5 two segments open, the third is not waited for [STALE_SYN_ESTABLISHED|DEBT|CONNECTED_TOLD_ONCE] */
    if (id == TFSM_RULE_LISTEN_SYN) {
        faulty.actions[4] = TFSM_ACTION_TELL_CONNECTED;
        faulty.next = TFSM_ESTABLISHED;
        return &faulty;
    }
    if (id == TFSM_RULE_OUT_SYN_ACK) {
        faulty.states |= 1u << TFSM_ESTABLISHED;
        return &faulty;
    }
#elif TFSM_FAULT == 17
    /* fault 17: RFC9293:MAY-2b a newer SYN ends TIME-WAIT at once [TIME_WAIT_LOST|REOPEN_CHANGES] */
    if (id == TFSM_RULE_TIME_WAIT_SYN_NEWER) {
        const uint8_t actions[TFSM_ROW_ACTIONS] = {TFSM_ACTION_REOPEN, TFSM_ACTION_DELETE,
                                                   TFSM_ACTION_TELL_CLOSED};
        memcpy(faulty.actions, actions, sizeof actions);
        faulty.next = TFSM_CLOSED;
        return &faulty;
    }
#elif TFSM_FAULT == 18
    /* fault 18: RFC9293:MUST-24 a keep-alive that is due is forgotten and stays due [NO_PROGRESS] */
    if (id == TFSM_RULE_KEEPALIVE_ASKS) {
        memset(faulty.actions, 0, sizeof faulty.actions);
        return &faulty;
    }
#elif TFSM_FAULT == 19
    /* fault 19: RFC9293:3.10.7.3 in SYN-SENT an ACK of what was not sent draws no RST [STRAY_ACK] */
    if (id == TFSM_RULE_SENT_ACK_BAD) {
        faulty.actions[0] = TFSM_ACTION_IGNORE;
        return &faulty;
    }
#elif TFSM_FAULT == 20
    /* fault 20: RFC9293:3.10.7.3 in SYN-SENT no RST is believed [RST_IGNORED] */
    if (id == TFSM_RULE_SENT_RST_ACKED) {
        faulty.states = 0;
        return &faulty;
    }
#elif TFSM_FAULT == 21
    /* fault 21: RFC5961:4.2 a SYN in the window is dropped in silence [UNANSWERED] */
    if (id == TFSM_RULE_SYN_CHALLENGE) {
        faulty.actions[0] = TFSM_ACTION_IGNORE;
        return &faulty;
    }
#elif TFSM_FAULT == 22
    /* fault 22: RFC9293:3.10.7.4 an ACK of what was not sent is dropped in silence [ACK_OF_UNSENT] */
    if (id == TFSM_RULE_ACK_BEYOND) {
        faulty.actions[0] = TFSM_ACTION_IGNORE;
        return &faulty;
    }
#elif TFSM_FAULT == 23
    /* fault 23: RFC5961:5.2 an ACK that is too old draws a RST [RST_FOR_NOTHING] */
    if (id == TFSM_RULE_ACK_TOO_OLD) {
        faulty.actions[0] = TFSM_ACTION_RST;
        return &faulty;
    }
#elif TFSM_FAULT == 24
    /* fault 24: RFC9293:3.10.7.4 the peer's URG turns on our own urgent mode [FLAG_DEPENDENCE] */
    if (id == TFSM_RULE_URGENT_NEWS) {
        faulty.actions[2] = TFSM_ACTION_SND_UP;
        return &faulty;
    }
#elif TFSM_FAULT == 25
    /* fault 25: RFC9293:3.4 no acknowledgment waits once RCV.NXT has turned over [TRANSLATION] */
#elif TFSM_FAULT == 26
    /* fault 26: RFC6298:5.5 the back-off stays in the timeout for ever [RTT_UNFOUNDED] */
#elif TFSM_FAULT == 27
    /* fault 27: RFC6298:3 a window taken ends the measurement of what is in flight [RTT_NOT_TAKEN] */
#elif TFSM_FAULT == 28
    /* fault 28: RFC9293:MUST-32 an urgent pointer that comes with the SYN is not told [URGENT_TOLD] */
    if (id == TFSM_RULE_URGENT_KEPT) {
        faulty.states = 0;
        return &faulty;
    }
#elif TFSM_FAULT == 29
    /* fault 29: RFC9293:3.8.5 whatever the user reads ends urgent mode [URGENT_POINTER] */
#elif TFSM_FAULT == 30
    /* fault 30: RFC9293:MAY-1 in FIN-WAIT-2 every segment gives an orphan more time [ORPHAN_LIVES] */
#elif TFSM_FAULT == 31
    /* fault 31: RFC9293:MAY-1 nobody notes that a user will not read any more [ORPHAN_LIVES] */
    if (id == TFSM_RULE_CLOSE_DEAF) {
        faulty.actions[0] = TFSM_ACTION_IGNORE;
        return &faulty;
    }
#elif TFSM_FAULT == 32
    /* fault 32: RFC9293:3.10.7.4 what is in the window is challenged as a RST would be, and not taken [NOT_TAKEN] */
    if (id == TFSM_RULE_RST_CHALLENGE) {
        faulty.need.word[TFSM_FACT_RST / 64] &= ~(UINT64_C(1) << TFSM_FACT_RST % 64);
        return &faulty;
    }
#elif TFSM_FAULT == 33
    /* fault 33: RFC5961:7 after its first reply to a kind of segment a machine is mute for the interval [NO_REPLY|UNANSWERED|ACK_OF_UNSENT] */
#elif TFSM_FAULT == 34
    /* fault 34: RFC9293:3.10.8 whoever has no try left gives up before the timer is due [TIMED_OUT_EARLY] */
    if (id == TFSM_RULE_RTX_GIVE_UP) {
        faulty.need = (struct tfsm_facts){{0, 0}};
        return &faulty;
    }
#else
#error "no such fault"
#endif
    return right;
}

/* What no row can say: that our SYN counts as acknowledged although it is not, and what becomes of
 * timers and measurements. */
void tfsm_fault_after(unsigned id, struct tfsm_tcb *tcb)
{
    if (TFSM_FAULT == 16 && id == TFSM_RULE_LISTEN_SYN) {
        tcb->snd_una = tcb->snd_nxt;
        tcb->flags |= TFSM_M_SYN_ACKED;
        tcb->cwnd = 2u * tcb->snd_mss;
        tcb->ssthresh = 1u << 30;
    }
    if (TFSM_FAULT == 25 && id == TFSM_RULE_TEXT_ALONE && tcb->rcv_nxt < tcb->irs) {
        tcb->at_ack = 0;
        tcb->owed |= TFSM_OWE_ACK;
    }
    if (TFSM_FAULT == 26 && id == TFSM_RULE_RTX_TEXT && tcb->rto < 30000000) {
        tcb->rto *= 2;
    }
    if (TFSM_FAULT == 27 && id == TFSM_RULE_WINDOW_TAKEN) {
        tcb->flags &= ~(uint32_t)TFSM_M_TIMING;
    }
    if (TFSM_FAULT == 29 && id == TFSM_RULE_RECEIVE_TAKE) {
        tcb->flags &= ~(uint32_t)TFSM_M_URGENT_TOLD;
    }
    if (TFSM_FAULT == 30 && id == TFSM_RULE_WINDOW_TAKEN && tcb->state == TFSM_FIN_WAIT_2) {
        tcb->at_2msl = 0;
    }
    for (unsigned i = 0; TFSM_FAULT == 33 && i < TFSM_REPLY_CLASSES; i++) {
        tcb->challenges[i] = tcb->challenges[i] > 0 ? UINT8_MAX : 0;
    }
}
