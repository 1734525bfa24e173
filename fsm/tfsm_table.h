/* The shape of the tables, for those who print, count, check or mutate them: facts, actions, steps,
 * verdicts, rules. The rows themselves stand in rules_call.inc, rules_segment.inc,
 * rules_timeout.inc and rules_output.inc.
 *
 * A row matches when the connection is in one of its states, every fact it needs holds and none it
 * forbids. Within a step the first matching row wins; its actions run in the order in which it lists
 * them, which is that of enum tfsm_action_index; then the state changes; then the verdict says where to go on. Facts are taken again
 * after every row that acts, so that a later step sees what an earlier one did. Every step ends
 * with a row that matches whatever is left: an empty cell does not exist. */
#ifndef TFSM_TABLE_H
#define TFSM_TABLE_H

#include "tfsm_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* name, what it says */
#define TFSM_FACTS(X)                                                                              \
    X(RFC5961, "profile: RFC 5961")                                                                \
    X(RFC1337, "profile: RFC 1337")                                                                \
    X(RFC6191, "profile: RFC 6191")                                                                \
    X(RFC5927, "profile: RFC 5927")                                                                \
    X(CONGESTION, "profile: congestion control")                                                   \
    X(PASSIVE, "opened passively")                                                                 \
    X(REMOTE, "the remote socket is specified")                                                    \
    X(ACTIVE_CALL, "the OPEN is active")                                                           \
    X(URGENT_CALL, "the SEND is urgent")                                                           \
    X(DEAF_CALL, "the CLOSE says that the user will not read any more")                            \
    X(ROOM, "the octets fit the send buffer")                                                      \
    X(READABLE, "octets wait to be taken by RECEIVE")                                              \
    X(UNREAD, "octets have come and were not taken, be there a gap before them")                   \
    X(WINDOW_OPENS, "the window can be opened by a worthwhile amount")                             \
    X(CLOSED_BY_USER, "the user has called CLOSE")                                                 \
    X(USED, "the user has called SEND or CLOSE, or has it early")                                  \
    X(DEAF, "the user will not read any more")                                                     \
    X(IDLE, "nothing is in flight, and nothing was sent for longer than the RTO")                  \
    X(UNSENT, "octets are queued and not yet sent")                                                \
    X(SYN, "SYN")                                                                                  \
    X(SYN_REPEATED, "the SYN that opened the connection, again: ours is not acknowledged")         \
    X(ACK, "ACK")                                                                                  \
    X(RST, "RST")                                                                                  \
    X(FIN, "FIN")                                                                                  \
    X(URG, "URG")                                                                                  \
    X(TEXT, "the segment has text")                                                                \
    X(BEARING, "text, FIN or the SYN-ACK of this connection, and no RST")                          \
    X(REPLY, "BEARING, or the reply limiter has budget")                                           \
    X(COOKIE_GOOD, "a Fast Open, and its cookie is good")                                          \
    X(EARLY, "opened by Fast Open: the user has it before our SYN is acknowledged")                \
    X(SECURITY_OTHER, "security or compartment differ")                                            \
    X(LISTENER, "somebody listens on the local socket")                                            \
    X(SYN_NEWER, "a SYN that by its timestamp or SEG.SEQ comes after this incarnation")            \
    X(TS_MISSING, "timestamps are agreed and the segment bears none")                              \
    X(PAWS_OLD, "SEG.TSval < TS.Recent, and TS.Recent is not outdated")                            \
    X(TS_NEWER, "SEG.TSval >= TS.Recent and SEG.SEQ =< Last.ACK.sent")                             \
    X(SEQ_ACCEPTABLE, "acceptable by the four cases of RFC 9293 table 6")                          \
    X(SEQ_IN_WINDOW, "SEG.SEQ itself lies in the window")                                          \
    X(SEQ_EXACT, "SEG.SEQ = RCV.NXT")                                                              \
    X(SEQ_PAST_WINDOW, "an ACK alone at RCV.NXT+RCV.WND, or one further if RCV.WND = 0")           \
    X(ZERO_WINDOW, "RCV.WND = 0")                                                                  \
    X(ACK_NEW, "SND.UNA < SEG.ACK =< SND.NXT")                                                     \
    X(ACK_BEYOND, "SEG.ACK > SND.NXT")                                                             \
    X(ACK_TOO_OLD, "SEG.ACK < max(SND.UNA - MAX.SND.WND, ISS + 1)")                                \
    X(ACK_PARTIAL, "SEG.ACK is before SND.NXT")                                                    \
    X(ACK_RECOVERS, "SEG.ACK covers all that was sent when the loss was noticed")                  \
    X(ACK_REPEATED, "a duplicate acknowledgment: nothing in it but SEG.ACK = SND.UNA, with text "  \
                    "outstanding and a window that is open")                                       \
    X(RECOVERING, "fast recovery runs")                                                            \
    X(LOSS_SEEN, "three duplicate acknowledgments, or SACK says that SND.UNA is lost; not known "  \
                 "before")                                                                         \
    X(SACK_AGREED, "both sides offered SACK")                                                      \
    X(SACK_NEWS, "a SACK block tells of text not known to be held")                                \
    X(ECE_HEARD, "ECN is agreed, and ECE")                                                         \
    X(ECE_CUTS, "ECN is agreed, ECE, and the window was not cut for this flight already")          \
    X(CE, "ECN is agreed, text, and the network marked it CE")                                     \
    X(CWR, "ECN is agreed, text, and CWR")                                                         \
    X(UTO_NEWS, "a user timeout option that differs from the last one, where it is heeded")        \
    X(COOKIE_NEWS, "the answer to our Fast Open option")                                           \
    X(KEEPALIVE_ARMED, "a keep-alive is waiting or unanswered")                                    \
    X(SYN_UNACKED, "SND.UNA = ISS: our SYN is not acknowledged")                                   \
    X(WND_NEWER, "the window is not older than the last one used")                                 \
    X(TEXT_UNACKED, "text of ours is not acknowledged")                                            \
    X(OUR_FIN_ACKED, "our FIN is below SND.UNA")                                                   \
    X(URGENT_AHEAD, "URG, and the urgent pointer is ahead of what was consumed")                   \
    X(URGENT_TOLD, "the user was told of this urgent pointer or a later one")                      \
    X(URGENT_KEPT, "an urgent pointer that came with the SYN, and the user was not told")          \
    X(TEXT_FITS, "text that is new, in the window, before the peer's FIN, and can be remembered")  \
    X(TEXT_TWICE, "some of the text was received before")                                          \
    X(QUEUE_IN_ORDER, "the queued text starts at RCV.NXT")                                         \
    X(QUEUED, "text is queued")                                                                    \
    X(MAY_WAIT, "text at RCV.NXT, nothing is queued, and its acknowledgment may wait")             \
    X(FIN_FITS, "a FIN that is new, in the window and after all queued text")                      \
    X(FIN_IN_ORDER, "the peer's FIN is at RCV.NXT")                                                \
    X(FIN_AGAIN, "the peer's FIN, seen before")                                                    \
    X(QUOTED, "the segment that the ICMP message quotes is in flight")                             \
    X(QUOTED_EMPTY, "it may be an ACK alone, at SND.NXT, or a keep-alive not answered yet")        \
    X(ICMP_SOFT, "it may pass")                                                                    \
    X(ICMP_HARD, "it will not pass")                                                               \
    X(ICMP_TOO_BIG, "the path takes only smaller segments than we have sent")                      \
    X(PATH_PROVEN, "larger ones have been acknowledged")                                           \
    X(DUE_USER, "the user timeout has come")                                                       \
    X(DUE_2MSL, "the time-wait timeout has come")                                                  \
    X(DUE_RTX, "the retransmission timeout has come")                                              \
    X(ECE_WAITS, "only the wait that ECE asked for runs on that timer: nothing is in flight")      \
    X(DUE_PERSIST, "the persist timeout has come")                                                 \
    X(DUE_ACK, "the delayed acknowledgment is due")                                                \
    X(DUE_KEEPALIVE, "the keep-alive is due")                                                      \
    X(TRIES_LEFT, "fewer than R2 retransmissions were made, or a user timeout goes before R2")     \
    X(AT_R1, "R1 or more retransmissions were made, with this one")                                \
    X(KEEPALIVES_LEFT, "fewer keep-alives than allowed are unanswered")                            \
    X(FRONT_FIN, "the oldest unacknowledged octet is our FIN")                                     \
    X(FAST_OPEN, "the SYN bears a Fast Open option")                                               \
    X(OWE_RST, "a RST is owed")                                                                    \
    X(OWE_RST_ACK, "the RST owed bears an ACK")                                                    \
    X(OWE_SYN, "the first SYN is owed")                                                            \
    X(OWE_RTX, "a retransmission is owed")                                                         \
    X(OWE_PROBE, "a window probe is owed")                                                         \
    X(OWE_ACK, "an acknowledgment is owed")                                                        \
    X(OWE_KEEPALIVE, "a keep-alive is owed")                                                       \
    X(MAY_RESEND, "text is lost, was not sent again, and fits both windows")                       \
    X(MAY_SEND_TEXT, "unsent text fits both windows and is worth a segment")                       \
    X(MAY_SEND_FIN, "only the FIN is unsent and it fits the peer's window")                        \
    X(MAY_RESEND_UNSURE, "there is nothing better to send than text that may be lost")             \
    X(MAY_RESCUE, "and not even that: once in a recovery the last text is sent again")

enum tfsm_fact_index {
#define TFSM_X(name, text) TFSM_FACT_##name,
    TFSM_FACTS(TFSM_X)
#undef TFSM_X
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

/* name, what it does; they run in this order */
#define TFSM_ACTIONS(X)                                                                            \
    X(IGNORE, "ignore")                                                                            \
    X(RST, "owe <SEQ=SEG.ACK><CTL=RST>")                                                           \
    X(RST_ACK, "owe <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>")                                    \
    X(RST_ABORT, "owe <SEQ=SND.NXT><CTL=RST>, within the peer's window")                           \
    X(REOPEN, "say after which number the next incarnation starts")                                \
    X(DELETE, "delete the TCB")                                                                    \
    X(RELISTEN, "forget the peer, back to LISTEN")                                                 \
    X(OPEN, "select ISS, SND.UNA = ISS, SND.NXT = ISS+1, owe SYN")                                 \
    X(LISTEN, "remember the passive OPEN")                                                         \
    X(ACCEPT, "select ISS, SND.UNA = ISS, SND.NXT = ISS+1")                                        \
    X(SYN_IN, "IRS = SEG.SEQ, RCV.NXT = SEG.SEQ+1, take the options")                              \
    X(SYN_OUT, "owe SYN,ACK")                                                                      \
    X(EARLY, "the user has it now; CWND = IW")                                                     \
    X(RESTART, "CWND = min(CWND, initial window)")                                                 \
    X(QUEUE, "queue the octets")                                                                   \
    X(SND_UP, "SND.UP = end of the queue")                                                         \
    X(TAKE, "hand octets to the user")                                                             \
    X(CLOSE, "a FIN follows the last octet")                                                       \
    X(DEAF, "no more is read")                                                                     \
    X(TS_RECENT, "TS.Recent = SEG.TSval")                                                          \
    X(HEARD, "the peer is alive: restart the keep-alive")                                          \
    X(USER_TIMEOUT, "remember the peer's user timeout")                                            \
    X(UNA, "SND.UNA = SEG.ACK, restart the timers, measure the round trip")                        \
    X(RESEND, "what is outstanding did not get through: send it again")                            \
    X(GROW, "open the congestion window")                                                          \
    X(PARTIAL, "owe the next segment lost, deflate the congestion window")                         \
    X(RECOVERED, "end fast recovery, CWND = SSTHRESH")                                             \
    X(SACKED, "mark the text that SACK blocks report")                                             \
    X(DUPLICATE, "count the duplicate acknowledgment")                                             \
    X(FAST_RETRANSMIT, "owe the segment lost, halve SSTHRESH and CWND, start fast recovery")       \
    X(INFLATE, "CWND grows by the segment that has left the network")                              \
    X(CUT, "halve SSTHRESH and CWND, owe CWR")                                                     \
    X(WINDOW, "SND.WND, SND.WL1, SND.WL2 from the segment")                                        \
    X(RCV_UP, "RCV.UP = max(RCV.UP, SEG.UP)")                                                      \
    X(KEEP_UP, "remember SEG.UP until the connection is open")                                     \
    X(UP_TOLD, "the user knows of RCV.UP")                                                         \
    X(ECE_ON, "ECE goes out until CWR comes")                                                      \
    X(ECE_OFF, "ECE need not go out any more")                                                     \
    X(DSACK, "owe the report of text that came twice")                                             \
    X(RENEW, "report the range it lies in first")                                                  \
    X(STORE, "remember the text")                                                                  \
    X(DELIVER, "advance RCV.NXT over the queued text, deliver it")                                 \
    X(FIN_NOTE, "remember where the FIN is")                                                       \
    X(FIN, "advance RCV.NXT over the FIN")                                                         \
    X(ACK, "owe <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>")                                              \
    X(ACK_LATER, "owe it soon")                                                                    \
    X(REPLY, "owe that acknowledgment, within the reply limiter")                                  \
    X(SYN_AGAIN, "owe SYN,ACK once more, within the reply limiter")                                \
    X(START_2MSL, "start or restart the time-wait timer")                                          \
    X(RETRANSMIT, "owe a retransmission, back off, CWND = one segment")                            \
    X(ECE_GOES_ON, "new text may go out again")                                                    \
    X(PROBE, "owe a window probe, back off")                                                       \
    X(KEEPALIVE, "owe a keep-alive")                                                               \
    X(MSS_DOWN, "lower the MSS to what the path takes")                                            \
    X(MSS_LATER, "lower it if the segment quoted times out")                                       \
    X(TELL_CONNECTED, "tell the user: open")                                                       \
    X(TELL_PEER_CLOSED, "tell the user: connection closing")                                       \
    X(TELL_URGENT, "tell the user: urgent data")                                                   \
    X(TELL_CLOSED, "tell the user: closed")                                                        \
    X(TELL_RESET, "tell the user: connection reset")                                               \
    X(TELL_REFUSED, "tell the user: connection refused")                                           \
    X(TELL_TIMED_OUT, "tell the user: timed out")                                                  \
    X(TELL_UNREACHABLE, "tell the user: unreachable")                                              \
    X(TELL_ADVICE, "tell the user and IP: nothing comes back")                                     \
    X(TELL_SOFT_ERROR, "tell the user: an error that may pass")                                    \
    X(TELL_COOKIE, "tell the embedder: keep the cookie")                                           \
    X(TELL_EARLY, "tell the user: open, and not yet sure")                                         \
    X(TELL_USER_TIMEOUT, "tell the user: the peer's user timeout")                                 \
    X(EMIT_RST, "emit the RST owed")                                                               \
    X(EMIT_SYN, "emit <SEQ=ISS><CTL=SYN>")                                                         \
    X(EMIT_SYN_FAST, "emit <SEQ=ISS><CTL=SYN>, a Fast Open option and text")                       \
    X(EMIT_SYN_ACK, "emit <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>")                                    \
    X(EMIT_OLD, "emit text from SND.UNA, and the FIN where it follows")                            \
    X(EMIT_LOST, "emit the next text that is lost, and the FIN where it follows")                  \
    X(EMIT_UNSURE, "emit the next text that may be lost")                                          \
    X(EMIT_LAST, "emit the last text outstanding, and the FIN where it follows")                   \
    X(EMIT_NEW, "emit text from SND.NXT, and the FIN where it follows")                            \
    X(EMIT_EARLY, "emit text from SND.NXT; the FIN waits")                                         \
    X(EMIT_OCTET, "emit the next octet, or the FIN, whatever the window")                          \
    X(EMIT_KEEPALIVE, "emit <SEQ=SND.NXT-1><ACK=RCV.NXT><CTL=ACK>")                                \
    X(EMIT_ACK, "emit <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>")

enum tfsm_action_index {
#define TFSM_X(name, text) TFSM_ACTION_##name,
    TFSM_ACTIONS(TFSM_X)
#undef TFSM_X
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
    X(STEP_5_LOSS, "fifth: loss")                                                                  \
    X(STEP_5_ECE, "fifth: congestion told by ECN")                                                 \
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
#define L(list)                                                           TFSM_LIST_##list, TFSM_BEFORE_##list = TFSM_LIST_##list - 1,
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

/* What holds of a connection and an event. ev is null for output. */
struct tfsm_facts tfsm_take_facts(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev);

/* Of a rule, for people: nothing of it is in an image that does not ask. "?" beyond the table. */
const char *tfsm_rule_name(unsigned id);   /* "RST_CHALLENGE" */
const char *tfsm_rule_text(unsigned id);   /* what it is for, in a sentence */
const char *tfsm_rule_source(unsigned id); /* the requirement: RFC, colon, section or id */
const char *tfsm_fact_name(enum tfsm_fact_index fact);
const char *tfsm_fact_text(enum tfsm_fact_index fact);
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
