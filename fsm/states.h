/* Sets of states, as masks: what rows and the engine made from them speak of. */
#ifndef TFSM_STATES_H
#define TFSM_STATES_H

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
/* clang-format on */

#endif
