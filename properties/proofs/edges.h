/* Generated from the rows of rules_*.inc by ci/edges: change those. Which states may follow which, whatever facts hold. */

/*@ requires state < TFSM_STATES;
    requires state == TFSM_SYN_RECEIVED ||
        state == TFSM_ESTABLISHED ||
        state == TFSM_FIN_WAIT_1 ||
        state == TFSM_FIN_WAIT_2 ||
        state == TFSM_CLOSE_WAIT ||
        state == TFSM_CLOSING ||
        state == TFSM_LAST_ACK ||
        state == TFSM_TIME_WAIT;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_SYN_RECEIVED ==>
        state == TFSM_SYN_RECEIVED;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_ESTABLISHED ||
        state == TFSM_CLOSE_WAIT;
    ensures \old(state) == TFSM_FIN_WAIT_1 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_1 ||
        state == TFSM_CLOSING;
    ensures \old(state) == TFSM_FIN_WAIT_2 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_2 ||
        state == TFSM_TIME_WAIT;
    ensures \old(state) == TFSM_CLOSE_WAIT ==>
        state == TFSM_CLOSE_WAIT;
    ensures \old(state) == TFSM_CLOSING ==>
        state == TFSM_CLOSING;
    ensures \old(state) == TFSM_LAST_ACK ==>
        state == TFSM_LAST_ACK;
    ensures \old(state) == TFSM_TIME_WAIT ==>
        state == TFSM_TIME_WAIT; */
static unsigned walk_FROM_6(void);

/*@ requires state < TFSM_STATES;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_CLOSED ==>
        state == TFSM_CLOSED ||
        state == TFSM_LISTEN ||
        state == TFSM_SYN_SENT;
    ensures \old(state) == TFSM_LISTEN ==>
        state == TFSM_LISTEN ||
        state == TFSM_SYN_SENT;
    ensures \old(state) == TFSM_SYN_SENT ==>
        state == TFSM_SYN_SENT;
    ensures \old(state) == TFSM_SYN_RECEIVED ==>
        state == TFSM_SYN_RECEIVED;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_ESTABLISHED;
    ensures \old(state) == TFSM_FIN_WAIT_1 ==>
        state == TFSM_FIN_WAIT_1;
    ensures \old(state) == TFSM_FIN_WAIT_2 ==>
        state == TFSM_FIN_WAIT_2;
    ensures \old(state) == TFSM_CLOSE_WAIT ==>
        state == TFSM_CLOSE_WAIT;
    ensures \old(state) == TFSM_CLOSING ==>
        state == TFSM_CLOSING;
    ensures \old(state) == TFSM_LAST_ACK ==>
        state == TFSM_LAST_ACK;
    ensures \old(state) == TFSM_TIME_WAIT ==>
        state == TFSM_TIME_WAIT; */
static unsigned walk_OPEN(void);

/*@ requires state < TFSM_STATES;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_CLOSED ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_LISTEN ==>
        state == TFSM_LISTEN ||
        state == TFSM_SYN_SENT;
    ensures \old(state) == TFSM_SYN_SENT ==>
        state == TFSM_SYN_SENT;
    ensures \old(state) == TFSM_SYN_RECEIVED ==>
        state == TFSM_SYN_RECEIVED;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_ESTABLISHED;
    ensures \old(state) == TFSM_FIN_WAIT_1 ==>
        state == TFSM_FIN_WAIT_1;
    ensures \old(state) == TFSM_FIN_WAIT_2 ==>
        state == TFSM_FIN_WAIT_2;
    ensures \old(state) == TFSM_CLOSE_WAIT ==>
        state == TFSM_CLOSE_WAIT;
    ensures \old(state) == TFSM_CLOSING ==>
        state == TFSM_CLOSING;
    ensures \old(state) == TFSM_LAST_ACK ==>
        state == TFSM_LAST_ACK;
    ensures \old(state) == TFSM_TIME_WAIT ==>
        state == TFSM_TIME_WAIT; */
static unsigned walk_SEND(void);

/*@ requires state < TFSM_STATES;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_CLOSED ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_LISTEN ==>
        state == TFSM_LISTEN;
    ensures \old(state) == TFSM_SYN_SENT ==>
        state == TFSM_SYN_SENT;
    ensures \old(state) == TFSM_SYN_RECEIVED ==>
        state == TFSM_SYN_RECEIVED;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_ESTABLISHED;
    ensures \old(state) == TFSM_FIN_WAIT_1 ==>
        state == TFSM_FIN_WAIT_1;
    ensures \old(state) == TFSM_FIN_WAIT_2 ==>
        state == TFSM_FIN_WAIT_2;
    ensures \old(state) == TFSM_CLOSE_WAIT ==>
        state == TFSM_CLOSE_WAIT;
    ensures \old(state) == TFSM_CLOSING ==>
        state == TFSM_CLOSING;
    ensures \old(state) == TFSM_LAST_ACK ==>
        state == TFSM_LAST_ACK;
    ensures \old(state) == TFSM_TIME_WAIT ==>
        state == TFSM_TIME_WAIT; */
static unsigned walk_RECEIVE(void);

/*@ requires state < TFSM_STATES;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_CLOSED ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_LISTEN ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_SYN_SENT ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_SYN_RECEIVED ==>
        state == TFSM_CLOSED ||
        state == TFSM_SYN_RECEIVED ||
        state == TFSM_FIN_WAIT_1;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_1;
    ensures \old(state) == TFSM_FIN_WAIT_1 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_1;
    ensures \old(state) == TFSM_FIN_WAIT_2 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_2;
    ensures \old(state) == TFSM_CLOSE_WAIT ==>
        state == TFSM_CLOSED ||
        state == TFSM_LAST_ACK;
    ensures \old(state) == TFSM_CLOSING ==>
        state == TFSM_CLOSING;
    ensures \old(state) == TFSM_LAST_ACK ==>
        state == TFSM_LAST_ACK;
    ensures \old(state) == TFSM_TIME_WAIT ==>
        state == TFSM_TIME_WAIT; */
static unsigned walk_CLOSE(void);

/*@ requires state < TFSM_STATES;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_CLOSED ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_LISTEN ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_SYN_SENT ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_SYN_RECEIVED ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_FIN_WAIT_1 ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_FIN_WAIT_2 ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_CLOSE_WAIT ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_CLOSING ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_LAST_ACK ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_TIME_WAIT ==>
        state == TFSM_CLOSED; */
static unsigned walk_ABORT(void);

/*@ requires state < TFSM_STATES;
    requires state == TFSM_CLOSED;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_CLOSED ==>
        state == TFSM_CLOSED; */
static unsigned walk_CLOSED(void);

/*@ requires state < TFSM_STATES;
    requires state == TFSM_LISTEN;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_LISTEN ==>
        state == TFSM_LISTEN ||
        state == TFSM_SYN_RECEIVED; */
static unsigned walk_LISTEN(void);

/*@ requires state < TFSM_STATES;
    requires state == TFSM_SYN_SENT;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_SYN_SENT ==>
        state == TFSM_CLOSED ||
        state == TFSM_SYN_SENT ||
        state == TFSM_SYN_RECEIVED ||
        state == TFSM_ESTABLISHED ||
        state == TFSM_CLOSE_WAIT; */
static unsigned walk_SYN_SENT(void);

/*@ requires state < TFSM_STATES;
    requires state == TFSM_SYN_RECEIVED ||
        state == TFSM_ESTABLISHED ||
        state == TFSM_FIN_WAIT_1 ||
        state == TFSM_FIN_WAIT_2 ||
        state == TFSM_CLOSE_WAIT ||
        state == TFSM_CLOSING ||
        state == TFSM_LAST_ACK ||
        state == TFSM_TIME_WAIT;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_SYN_RECEIVED ==>
        state == TFSM_CLOSED ||
        state == TFSM_LISTEN ||
        state == TFSM_SYN_RECEIVED ||
        state == TFSM_ESTABLISHED ||
        state == TFSM_FIN_WAIT_1 ||
        state == TFSM_FIN_WAIT_2 ||
        state == TFSM_CLOSE_WAIT ||
        state == TFSM_CLOSING ||
        state == TFSM_TIME_WAIT;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_CLOSED ||
        state == TFSM_ESTABLISHED ||
        state == TFSM_CLOSE_WAIT;
    ensures \old(state) == TFSM_FIN_WAIT_1 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_1 ||
        state == TFSM_FIN_WAIT_2 ||
        state == TFSM_CLOSING ||
        state == TFSM_TIME_WAIT;
    ensures \old(state) == TFSM_FIN_WAIT_2 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_2 ||
        state == TFSM_TIME_WAIT;
    ensures \old(state) == TFSM_CLOSE_WAIT ==>
        state == TFSM_CLOSED ||
        state == TFSM_CLOSE_WAIT;
    ensures \old(state) == TFSM_CLOSING ==>
        state == TFSM_CLOSED ||
        state == TFSM_CLOSING ||
        state == TFSM_TIME_WAIT;
    ensures \old(state) == TFSM_LAST_ACK ==>
        state == TFSM_CLOSED ||
        state == TFSM_LAST_ACK;
    ensures \old(state) == TFSM_TIME_WAIT ==>
        state == TFSM_CLOSED ||
        state == TFSM_TIME_WAIT; */
static unsigned walk_OTHER_STATES(void);

/*@ requires state < TFSM_STATES;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_CLOSED ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_LISTEN ==>
        state == TFSM_LISTEN;
    ensures \old(state) == TFSM_SYN_SENT ==>
        state == TFSM_CLOSED ||
        state == TFSM_SYN_SENT;
    ensures \old(state) == TFSM_SYN_RECEIVED ==>
        state == TFSM_CLOSED ||
        state == TFSM_LISTEN ||
        state == TFSM_SYN_RECEIVED;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_CLOSED ||
        state == TFSM_ESTABLISHED;
    ensures \old(state) == TFSM_FIN_WAIT_1 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_1;
    ensures \old(state) == TFSM_FIN_WAIT_2 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_2;
    ensures \old(state) == TFSM_CLOSE_WAIT ==>
        state == TFSM_CLOSED ||
        state == TFSM_CLOSE_WAIT;
    ensures \old(state) == TFSM_CLOSING ==>
        state == TFSM_CLOSED ||
        state == TFSM_CLOSING;
    ensures \old(state) == TFSM_LAST_ACK ==>
        state == TFSM_CLOSED ||
        state == TFSM_LAST_ACK;
    ensures \old(state) == TFSM_TIME_WAIT ==>
        state == TFSM_CLOSED ||
        state == TFSM_TIME_WAIT; */
static unsigned walk_TIMEOUT(void);

/*@ requires state < TFSM_STATES;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_CLOSED ==>
        state == TFSM_CLOSED;
    ensures \old(state) == TFSM_LISTEN ==>
        state == TFSM_LISTEN;
    ensures \old(state) == TFSM_SYN_SENT ==>
        state == TFSM_CLOSED ||
        state == TFSM_SYN_SENT;
    ensures \old(state) == TFSM_SYN_RECEIVED ==>
        state == TFSM_CLOSED ||
        state == TFSM_LISTEN ||
        state == TFSM_SYN_RECEIVED;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_CLOSED ||
        state == TFSM_ESTABLISHED;
    ensures \old(state) == TFSM_FIN_WAIT_1 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_1;
    ensures \old(state) == TFSM_FIN_WAIT_2 ==>
        state == TFSM_CLOSED ||
        state == TFSM_FIN_WAIT_2;
    ensures \old(state) == TFSM_CLOSE_WAIT ==>
        state == TFSM_CLOSED ||
        state == TFSM_CLOSE_WAIT;
    ensures \old(state) == TFSM_CLOSING ==>
        state == TFSM_CLOSED ||
        state == TFSM_CLOSING;
    ensures \old(state) == TFSM_LAST_ACK ==>
        state == TFSM_CLOSED ||
        state == TFSM_LAST_ACK;
    ensures \old(state) == TFSM_TIME_WAIT ==>
        state == TFSM_CLOSED ||
        state == TFSM_TIME_WAIT; */
static unsigned walk_ICMP(void);

/*@ requires state < TFSM_STATES;
    requires state == TFSM_ESTABLISHED;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_CLOSED ||
        state == TFSM_ESTABLISHED ||
        state == TFSM_CLOSE_WAIT; */
static unsigned walk_PLAIN_TEXT(void);

/*@ requires state < TFSM_STATES;
    requires state == TFSM_ESTABLISHED;
    assigns state;
    ensures \result % 65536 < TFSM_RULES && \result / 65536 < TFSM_VERDICT_COUNT;
    ensures \old(state) == TFSM_ESTABLISHED ==>
        state == TFSM_CLOSED ||
        state == TFSM_ESTABLISHED ||
        state == TFSM_CLOSE_WAIT; */
static unsigned walk_PLAIN_ACK(void);
