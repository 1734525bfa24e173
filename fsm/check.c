/* The state invariants: what must hold of any TCB between two events, one clause a line of
 * TFSM_CLAUSES. */
#include "flight.h"
#include "settle.h"

#define WINDOW_MAX ((uint32_t)UINT16_MAX << SHIFT_MAX)

/* All is zero, but for a RST that is owed, the flags that are allowed, the room there is and, with a label, that. */
static bool is_empty(const struct tfsm_tcb *tcb, uint32_t flags, bool label)
{
    const uint8_t *octets = (const uint8_t *)tcb;
    const size_t from = offsetof(struct tfsm_tcb, snd_una);
    const size_t rst = offsetof(struct tfsm_tcb, rst_seq);
    const size_t after = offsetof(struct tfsm_tcb, rcv_recent);
    const size_t room = offsetof(struct tfsm_tcb, room);
    uint8_t all = tcb->snd_wscale | tcb->rcv_wscale | tcb->cookie_len | (label ? 0 : tcb->security);
    for (size_t i = from; i < sizeof *tcb; i++) {
        bool other = (i >= rst && i < after) || (i >= room && i < room + sizeof tcb->room);
        all |= other ? 0 : octets[i];
    }
    return all == 0 && tcb->ooo_count == 0 && (tcb->flags & ~flags) == 0 &&
           (tcb->owed & ~(TFSM_OWE_RST | TFSM_OWE_RST_ACK | TFSM_OWE_RST_TS)) == 0;
}

/* Before the peer's SYN. */
static bool knows_no_peer(const struct tfsm_tcb *tcb)
{
    const uint32_t flags = TFSM_M_PASSIVE | TFSM_M_PEER_FIN | TFSM_M_WSCALE | TFSM_M_URGENT_TOLD |
                           TFSM_M_TIMESTAMPS | TFSM_M_SACK | TFSM_M_ECN | TFSM_M_ECE | TFSM_M_CWR |
                           TFSM_M_CUT | TFSM_M_DSACK;
    return (tcb->irs | tcb->rcv_nxt | tcb->rcv_up | tcb->rcv_fin | tcb->rcv_acked) == 0 &&
           tcb->quick_acks == 0 && (tcb->rcv_user | tcb->rcv_octets | tcb->at_ack) == 0 &&
           tcb->ooo_count == 0 &&
           (tcb->snd_wnd | tcb->snd_wnd_max | tcb->snd_wl1 | tcb->snd_wl2) == 0 &&
           (tcb->flags & flags) == 0 && (tcb->owed & TFSM_OWE_ACK) == 0 && tcb->uto_peer == 0;
}

/* The peer's FIN is behind RCV.NXT. */
#define PEER_CLOSED                                                                                \
    (STATE_BIT(CLOSE_WAIT) | STATE_BIT(CLOSING) | STATE_BIT(LAST_ACK) | STATE_BIT(TIME_WAIT))

static enum tfsm_clause check_send(const struct tfsm_tcb *tcb)
{
    const uint32_t user_closed = STATE_BIT(FIN_WAIT_1) | STATE_BIT(FIN_WAIT_2) |
                                 STATE_BIT(CLOSING) | STATE_BIT(LAST_ACK) | STATE_BIT(TIME_WAIT);
    bool close = has(tcb->flags, TFSM_M_CLOSE);
    bool fin_acked = fin_sent(tcb) && tcb->snd_una == tcb->snd_nxt;
    uint32_t all = seq_distance(tcb->snd_una, send_limit(tcb));
    bool syn = !has(tcb->flags, TFSM_M_SYN_ACKED); /* it stands in front, and was sent */
    if (!seq_le(tcb->snd_una, tcb->snd_nxt) || !seq_le(tcb->snd_nxt, send_limit(tcb)) ||
        in_flight(tcb) > all ||
        (syn && (tcb->snd_una == tcb->snd_nxt || tcb->snd_una == tcb->snd_end))) {
        return TFSM_CLAUSE_SEND_ORDER;
    }
    if (all > TFSM_BUFF_MAX + 2 || send_queue(tcb) > TFSM_BUFF_MAX) {
        return TFSM_CLAUSE_SEND_QUEUE;
    }
    if (has(tcb->flags, TFSM_M_URGENT) &&
        (!seq_le(tcb->snd_una, tcb->snd_up) || !seq_le(tcb->snd_up, tcb->snd_end))) {
        return TFSM_CLAUSE_SEND_URGENT;
    }
    uint32_t acked = (uint32_t)(tcb->snd_octets & UINT32_MAX);
    acked = seq_add(acked, has(tcb->flags, TFSM_M_SYN_ACKED) ? 1 : 0);
    acked = seq_add(acked, fin_acked ? 1 : 0);
    if (tcb->snd_una != seq_add(tcb->iss, acked)) {
        return TFSM_CLAUSE_ISS_BEFORE_UNA;
    }
    const uint32_t before = STATE_BIT(SYN_SENT) | STATE_BIT(SYN_RECEIVED);
    if (has(tcb->flags, TFSM_M_SYN_ACKED)
            ? IN_STATE(tcb, before)
            : !IN_STATE(tcb, before | STATE_BIT(FIN_WAIT_1)) || tcb->snd_octets > 0) {
        return TFSM_CLAUSE_SYN_UNACKED;
    }
    if (IN_STATE(tcb, user_closed) && !close) {
        return TFSM_CLAUSE_FIN_NEEDS_CLOSE;
    }
    if (close && !IN_STATE(tcb, user_closed | STATE_BIT(SYN_RECEIVED))) {
        return TFSM_CLAUSE_CLOSE_LEAVES;
    }
    if (has(tcb->flags, TFSM_M_DEAF) && !close) {
        return TFSM_CLAUSE_DEAF_NEEDS_CLOSE;
    }
    if (IN_STATE(tcb, STATE_BIT(FIN_WAIT_2) | STATE_BIT(TIME_WAIT)) && !fin_acked) {
        return TFSM_CLAUSE_OUR_FIN_ACKED;
    }
    if (!IN_STATE(tcb, STATE_BIT(FIN_WAIT_2) | STATE_BIT(TIME_WAIT)) && fin_acked) {
        return TFSM_CLAUSE_OUR_FIN_UNACKED;
    }
    return TFSM_OK;
}

static enum tfsm_clause check_out_of_order(const struct tfsm_tcb *tcb)
{
    uint32_t last = 0;
    bool fin = has(tcb->flags, TFSM_M_PEER_FIN);
    bool fin_passed = fin && tcb->rcv_fin == seq_sub(tcb->rcv_nxt, 1);
    bool open = has(tcb->flags, TFSM_M_SYN_ACKED) && IN_STATE(tcb, STATES_RECEIVING);
    if (tcb->ooo_count > TFSM_OOO_SLOTS(room_of(tcb))) {
        return TFSM_CLAUSE_OOO_SORTED;
    }
    for (unsigned i = 0; i < ooo_count(tcb); i++) {
        uint32_t left = seq_distance(tcb->rcv_nxt, ooo(tcb)[i].left);
        uint32_t right = seq_distance(tcb->rcv_nxt, ooo(tcb)[i].right);
        if (left >= right || (i > 0 && left <= last)) {
            return TFSM_CLAUSE_OOO_SORTED;
        }
        if (right > tcb->rcv_wnd) {
            return TFSM_CLAUSE_OOO_IN_WINDOW;
        }
        if (fin_passed || (fin && right > seq_distance(tcb->rcv_nxt, tcb->rcv_fin))) {
            return TFSM_CLAUSE_OOO_BEFORE_FIN;
        }
        last = right;
    }
    if (open && ((tcb->ooo_count > 0 && ooo(tcb)[0].left == tcb->rcv_nxt) ||
                 (fin && tcb->rcv_fin == tcb->rcv_nxt))) {
        return TFSM_CLAUSE_OOO_WAITS;
    }
    return TFSM_OK;
}

static enum tfsm_clause check_receive(const struct tfsm_tcb *tcb)
{
    bool fin = has(tcb->flags, TFSM_M_PEER_FIN);
    bool fin_passed = fin && tcb->rcv_fin == seq_sub(tcb->rcv_nxt, 1);
    bool syn = !has(tcb->flags, TFSM_M_SYN_ACKED); /* no window was offered but with it */
    if (tcb->rcv_wnd > WINDOW_MAX ||
        (syn &&
         (tcb->rcv_octets > UINT16_MAX || tcb->rcv_wnd > UINT16_MAX - (uint32_t)tcb->rcv_octets))) {
        return TFSM_CLAUSE_RCV_WINDOW;
    }
    if (tcb->snd_wnd_max > WINDOW_MAX || tcb->snd_wnd > tcb->snd_wnd_max) {
        return TFSM_CLAUSE_SND_WINDOW;
    }
    if (IN_STATE(tcb, PEER_CLOSED) != fin_passed) {
        return TFSM_CLAUSE_PEER_FIN;
    }
    uint32_t received = seq_add((uint32_t)(tcb->rcv_octets & UINT32_MAX), fin_passed ? 2 : 1);
    if (tcb->state != TFSM_SYN_SENT && tcb->rcv_nxt != seq_add(tcb->irs, received)) {
        return TFSM_CLAUSE_RCV_ORDER;
    }
    if (tcb->rcv_user > tcb->rcv_octets ||
        tcb->rcv_user > TFSM_BUFF_MAX - min32(tcb->rcv_wnd, TFSM_BUFF_MAX)) {
        return TFSM_CLAUSE_RCV_BUFFER;
    }
    uint32_t since = seq_distance(tcb->rcv_acked, tcb->rcv_nxt);
    if (since > tcb->rcv_octets + (fin_passed ? 1 : 0) || since > TFSM_BUFF_MAX - tcb->rcv_wnd) {
        return TFSM_CLAUSE_RCV_ACKED;
    }
    if (fin && !fin_passed && !seq_in(tcb->rcv_fin, tcb->rcv_nxt, tcb->rcv_wnd)) {
        return TFSM_CLAUSE_PEER_FIN;
    }
    if (tcb->snd_wscale > 14 || tcb->rcv_wscale > 14 ||
        (!has(tcb->flags, TFSM_M_WSCALE) &&
         (tcb->snd_wscale > 0 || (tcb->state != TFSM_SYN_SENT && tcb->rcv_wscale > 0)))) {
        return TFSM_CLAUSE_WSCALE;
    }
    bool tries = has(tcb->flags, TFSM_M_SYN_ACKED) && tcb->mss_try > tcb->snd_mss;
    bool out = seq_lt(tcb->mtu_seq, tcb->mtu_end) && seq_lt(tcb->snd_una, tcb->mtu_end) &&
               seq_le(tcb->mtu_end, tcb->snd_nxt);
    if (tcb->snd_mss == 0 || (tcb->mss_try > 0 && !tries) ||
        ((tcb->loss & TFSM_L_MTU_OUT) != 0 && (!tries || !out))) {
        return TFSM_CLAUSE_MSS;
    }
    return check_out_of_order(tcb);
}

static enum tfsm_clause check_timers(const struct tfsm_tcb *tcb)
{
    bool time_wait = tcb->state == TFSM_TIME_WAIT;
    bool waits = has(tcb->flags, TFSM_M_ECE_WAIT) && !must_probe(tcb);
    if ((tcb->at_rtx != 0) != (!time_wait && (waits || must_retransmit(tcb)))) {
        return TFSM_CLAUSE_RTX_TIMER;
    }
    if ((tcb->at_persist != 0) != must_probe(tcb) ||
        has(tcb->flags, TFSM_M_PROBING) != must_probe(tcb) ||
        (has(tcb->flags, TFSM_M_PROBED) && !must_probe(tcb))) {
        return TFSM_CLAUSE_PERSIST_TIMER;
    }
    bool early = tcb->at_early != 0 || (tcb->loss & TFSM_L_OWE_PROBE) != 0;
    if ((early && (tcb->at_rtx == 0 || !has(tcb->flags, TFSM_M_SACK | TFSM_M_SYN_ACKED))) ||
        ((tcb->loss & TFSM_L_REORDERING) != 0 && tcb->at_early == 0) ||
        (tcb->at_early != 0 && (tcb->loss & TFSM_L_REORDERING) == 0 &&
         (tcb->loss & (TFSM_L_PROBE | TFSM_L_SAMPLED)) != TFSM_L_SAMPLED) ||
        ((tcb->loss & TFSM_L_OWE_PROBE) != 0 && !tail_fits(tcb)) ||
        (tcb->loss & (TFSM_L_RESTART | TFSM_L_LOST_AGAIN)) != 0) {
        return TFSM_CLAUSE_EARLY_TIMER;
    }
    bool deaf = tcb->state == TFSM_FIN_WAIT_2 && has(tcb->flags, TFSM_M_DEAF);
    if ((tcb->at_2msl != 0) != (time_wait || deaf)) {
        return TFSM_CLAUSE_TIME_WAIT_TIMER;
    }
    if ((tcb->at_ack != 0 &&
         (tcb->rcv_acked == tcb->rcv_nxt || !has(tcb->flags, TFSM_M_SYN_ACKED))) ||
        tcb->quick_acks > TFSM_QUICK_ACKS) {
        return TFSM_CLAUSE_ACK_TIMER;
    }
    bool silent = IN_STATE(tcb, STATES_IDLE) && tcb->snd_una == tcb->snd_nxt && !must_probe(tcb);
    if ((tcb->at_keepalive != 0 || tcb->keepalives > 0) && !silent) {
        return TFSM_CLAUSE_KEEPALIVE_TIMER;
    }
    if ((tcb->at_user != 0 && (time_wait || tcb->snd_una == send_limit(tcb))) ||
        (tcb->at_user == 0 && tcb->user_from != 0)) {
        return TFSM_CLAUSE_USER_TIMER;
    }
    return TFSM_OK;
}

/* Runs are in flight, in order, none like the one before it, the last has a fate, the first is not held, something is
 * lost only in recovery; octets are counted; and our SYN is acknowledged. */
static bool runs_are_sound(const struct tfsm_tcb *tcb)
{
    uint32_t counted[TFSM_FATES + 1] = {0};
    uint32_t last = 0;
    const unsigned count = run_count(tcb);
    for (unsigned i = 0; i < count; i++) {
        struct tfsm_sent run = sent(tcb)[i];
        uint32_t right = offset(tcb, run.right);
        bool both = has(run.at, TFSM_BOTH);
        bool legal = is_held(run) ? run.at == TFSM_HELD && i > 0
                                  : !both || (run.at & (TFSM_LOST | TFSM_AGAIN)) == TFSM_AGAIN;
        if (!legal || right <= last || right > in_flight(tcb) ||
            (i > 0 && run.at == sent(tcb)[i - 1].at)) {
            return false;
        }
        for (uint32_t fate = 1; fate < TFSM_FATES; fate *= 2) {
            counted[fate] += has(run.at, fate) ? right - last : 0;
        }
        last = right;
    }
    bool open = has(tcb->flags, TFSM_M_SYN_ACKED);
    return (count == 0 || (open && sent(tcb)[count - 1].at != 0)) &&
           (losing(tcb) || counted[TFSM_LOST] == 0) && counted[TFSM_HELD] == tcb->snd_held &&
           counted[TFSM_LOST] == tcb->snd_lost && counted[TFSM_BOTH] == tcb->snd_both;
}

/* Loss recovery and the congestion window, once our SYN is acknowledged. */
static enum tfsm_clause check_recovery(const struct tfsm_tcb *tcb)
{
    uint32_t flight = in_flight(tcb);
    if (!runs_are_sound(tcb) || tcb->undo_count > TFSM_UNDO_MAX || tcb->grain > TFSM_GRAIN_MOST) {
        return TFSM_CLAUSE_SCOREBOARD;
    }
    if (tcb->limited > 0 && (tcb->limited > seq_distance(tcb->snd_una, tcb->snd_limited) ||
                             seq_distance(tcb->snd_una, tcb->snd_limited) > flight)) {
        return TFSM_CLAUSE_LIMITED;
    }
    if (!has(tcb->flags, TFSM_M_SYN_ACKED)) {
        return losing(tcb) || seq_distance(tcb->iss, tcb->snd_recover) > 1 ? TFSM_CLAUSE_RECOVERY
                                                                           : TFSM_OK;
    }
    if (losing(tcb) != seq_lt(tcb->snd_una, tcb->snd_recover) ||
        (!losing(tcb) && seq_distance(tcb->snd_recover, tcb->snd_una) > 1) ||
        (losing(tcb) && (!seq_le(tcb->snd_recover, tcb->snd_nxt) ||
                         !seq_in(tcb->snd_rtx, tcb->snd_una, seq_add(flight, 1)))) ||
        has(tcb->flags, TFSM_M_LOSS | TFSM_M_RECOVERY)) {
        return TFSM_CLAUSE_RECOVERY;
    }
    /* The MSS may have shrunk since, but never grows. */
    if (tcb->cwnd < smss(tcb) || tcb->ssthresh < 2 * smss(tcb) || tcb->cwnd > CWND_MAX ||
        tcb->ssthresh > CWND_MAX) {
        return TFSM_CLAUSE_CWND;
    }
    return TFSM_OK;
}

/* The text that a duplicate is to be reported of is delivered, or queued. */
static bool is_here(const struct tfsm_tcb *tcb, struct tfsm_range text)
{
    uint32_t fin = IN_STATE(tcb, PEER_CLOSED) ? 1 : 0;
    uint32_t behind = seq_distance(text.left, tcb->rcv_nxt);
    uint32_t length = seq_distance(text.left, text.right);
    if (length == 0 || length > UINT16_MAX) {
        return false;
    }
    if (behind > 0 && behind < TFSM_SEQ_HALF + fin) {
        return length <= behind && behind <= tcb->rcv_octets + fin;
    }
    uint32_t left = seq_distance(tcb->rcv_nxt, text.left);
    uint32_t right = seq_distance(tcb->rcv_nxt, text.right);
    for (unsigned i = 0; i < ooo_count(tcb); i++) {
        if (seq_distance(tcb->rcv_nxt, ooo(tcb)[i].left) <= left &&
            right <= seq_distance(tcb->rcv_nxt, ooo(tcb)[i].right)) {
            return true;
        }
    }
    return false;
}

static enum tfsm_clause check_agreed(const struct tfsm_tcb *tcb)
{
    bool measured = has(tcb->flags, TFSM_M_MEASURED);
    uint32_t longest = max32(max32(tcb->srtt, tcb->rttvar), tcb->min_rtt);
    if (longest > (measured ? UINT32_MAX / 16 : 0) ||
        ((tcb->loss & TFSM_L_SAMPLED) != 0 && !measured)) {
        return TFSM_CLAUSE_RTT;
    }
    if (!has(tcb->flags, TFSM_M_SACK) && (tcb->sent_count > 0 || has(tcb->flags, TFSM_M_DSACK))) {
        return TFSM_CLAUSE_AGREED;
    }
    if (!has(tcb->flags, TFSM_M_ECN) &&
        (tcb->flags & (TFSM_M_ECE | TFSM_M_CWR | TFSM_M_CUT | TFSM_M_ECE_WAIT)) != 0) {
        return TFSM_CLAUSE_AGREED;
    }
    if (!has(tcb->flags, TFSM_M_TIMESTAMPS) && tcb->ts_recent != 0) {
        return TFSM_CLAUSE_AGREED;
    }
    if (has(tcb->flags, TFSM_M_DSACK) && !is_here(tcb, tcb->dsack)) {
        return TFSM_CLAUSE_DSACK;
    }
    if (tcb->cookie_len > TFSM_COOKIE_MAX || tcb->cookie_len % 2 != 0 || tcb->cookie_len == 2 ||
        (tcb->cookie_len > 0 && (tcb->flags & (TFSM_M_FAST_OPEN | TFSM_M_PASSIVE)) == 0)) {
        return TFSM_CLAUSE_COOKIE;
    }
    return TFSM_OK;
}

/* The RST that is owed, and nothing where none is. */
static bool rst_is_whole(const struct tfsm_tcb *tcb)
{
    bool rst = has(tcb->owed, TFSM_OWE_RST);
    bool ack = has(tcb->owed, TFSM_OWE_RST_ACK);
    bool stamps = has(tcb->owed, TFSM_OWE_RST_TS);
    return (rst || (!ack && !stamps)) && ((rst && !ack) || tcb->rst_seq == 0) &&
           (ack || tcb->rst_ack == 0) && (stamps || (tcb->rst_ts_val | tcb->rst_ts_ecr) == 0);
}

static enum tfsm_clause check_debts(const struct tfsm_tcb *tcb)
{
    if (has(tcb->owed, TFSM_OWE_SYN) && has(tcb->flags, TFSM_M_SYN_ACKED)) {
        return TFSM_CLAUSE_DEBT;
    }
    if (has(tcb->owed, TFSM_OWE_RTX) &&
        (!must_retransmit(tcb) || (has(tcb->flags, TFSM_M_SYN_ACKED) && !losing(tcb)))) {
        return TFSM_CLAUSE_DEBT;
    }
    if (has(tcb->owed, TFSM_OWE_KEEPALIVE) && tcb->keepalives == 0) {
        return TFSM_CLAUSE_DEBT;
    }
    if (has(tcb->owed, TFSM_OWE_PROBE) && !must_probe(tcb)) {
        return TFSM_CLAUSE_DEBT;
    }
    return TFSM_OK;
}

enum tfsm_clause tfsm_check(const struct tfsm_tcb *tcb)
{
    if (tcb->state >= TFSM_STATES) {
        return TFSM_CLAUSE_STATE_KNOWN;
    }
    if (!rst_is_whole(tcb)) {
        return TFSM_CLAUSE_DEBT;
    }
    if (tcb->room > TFSM_ROOM_MAX) {
        return TFSM_CLAUSE_ROOM;
    }
    if (tcb->sent_count > sent_most(tcb)) { /* others look into them */
        return TFSM_CLAUSE_SCOREBOARD;
    }
    if (tcb->state == TFSM_CLOSED) {
        return is_empty(tcb, 0, false) ? TFSM_OK : TFSM_CLAUSE_CLOSED_IS_EMPTY;
    }
    if (tcb->state == TFSM_LISTEN) {
        return is_empty(tcb, TFSM_M_PASSIVE | TFSM_M_REMOTE, true) ? TFSM_OK
                                                                   : TFSM_CLAUSE_LISTEN_IS_EMPTY;
    }
    if (tcb->state == TFSM_SYN_SENT && !knows_no_peer(tcb)) {
        return TFSM_CLAUSE_PEER_UNKNOWN;
    }
    enum tfsm_clause clause = check_send(tcb);
    clause = clause == TFSM_OK ? check_receive(tcb) : clause;
    clause = clause == TFSM_OK ? check_timers(tcb) : clause;
    clause = clause == TFSM_OK ? check_recovery(tcb) : clause;
    clause = clause == TFSM_OK ? check_agreed(tcb) : clause;
    return clause == TFSM_OK ? check_debts(tcb) : clause;
}
