/* What makes a clause of tfsm_check() hold of a TCB that breaks it: see single.h. As little as possible is changed, so that what
 * was drawn stays; a clause that is mended may break another, which is mended next. What makes TCBs here is no oracle, and so
 * reads them as the product does. */
#include "settle.h"
#include "single.h"

#define PEER_CLOSED                                                                                \
    (STATE_BIT(CLOSE_WAIT) | STATE_BIT(CLOSING) | STATE_BIT(LAST_ACK) | STATE_BIT(TIME_WAIT))
#define LARGEST (TFSM_BUFF_MAX / 2) /* of what is drawn too large: two of them fit */

/* All but the flags, the label, a RST that is owed, and the room there is. */
static void empty(struct tfsm_tcb *tcb, uint32_t flags, bool label)
{
    struct tfsm_tcb all = {.state = tcb->state,
                           .flags = tcb->flags & flags,
                           .security = label ? tcb->security : 0,
                           .owed = tcb->owed & (TFSM_OWE_RST | TFSM_OWE_RST_ACK | TFSM_OWE_RST_TS),
                           .rst_seq = tcb->rst_seq,
                           .rst_ack = tcb->rst_ack,
                           .rst_ts_val = tcb->rst_ts_val,
                           .rst_ts_ecr = tcb->rst_ts_ecr,
                           .room = tcb->room};
    *tcb = all;
}

static void forget_peer(struct tfsm_tcb *tcb)
{
    tcb->irs = tcb->rcv_nxt = tcb->rcv_up = tcb->rcv_fin = tcb->rcv_acked = 0;
    tcb->rcv_user = tcb->snd_wnd = tcb->snd_wnd_max = tcb->snd_wl1 = tcb->snd_wl2 = 0;
    tcb->rcv_octets = tcb->at_ack = 0;
    tcb->ooo_count = 0;
    tcb->quick_acks = 0;
    tcb->uto_peer = 0;
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_ACK;
    tcb->flags &= ~(uint32_t)(TFSM_M_PASSIVE | TFSM_M_PEER_FIN | TFSM_M_WSCALE |
                              TFSM_M_URGENT_TOLD | TFSM_M_TIMESTAMPS | TFSM_M_SACK | TFSM_M_ECN |
                              TFSM_M_ECE | TFSM_M_CWR | TFSM_M_CUT | TFSM_M_DSACK);
}

static void set_flag(struct tfsm_tcb *tcb, uint32_t flag, bool wanted)
{
    tcb->flags = wanted ? tcb->flags | flag : tcb->flags & ~flag;
}

/* A timer is armed where it should be, at the time that was drawn or at once. */
static void arm(tfsm_time *at, bool wanted, tfsm_time now)
{
    *at = !wanted ? 0 : *at != 0 ? *at : now + 1;
}

/* ---- one for each clause ---- */

static void mend_state(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->state %= TFSM_STATES;
}

static void mend_debt(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint8_t owed = tcb->owed;
    bool rst = has(owed, TFSM_OWE_RST);
    owed &= (uint8_t) ~(unsigned)(rst ? 0 : TFSM_OWE_RST_ACK | TFSM_OWE_RST_TS);
    tcb->rst_seq = rst && !has(owed, TFSM_OWE_RST_ACK) ? tcb->rst_seq : 0;
    tcb->rst_ack = has(owed, TFSM_OWE_RST_ACK) ? tcb->rst_ack : 0;
    tcb->rst_ts_val = has(owed, TFSM_OWE_RST_TS) ? tcb->rst_ts_val : 0;
    tcb->rst_ts_ecr = has(owed, TFSM_OWE_RST_TS) ? tcb->rst_ts_ecr : 0;
    owed &= (uint8_t) ~(unsigned)(has(tcb->flags, TFSM_M_SYN_ACKED) ? TFSM_OWE_SYN : 0);
    bool again = must_retransmit(tcb) && (!has(tcb->flags, TFSM_M_SYN_ACKED) || losing(tcb));
    owed &= (uint8_t) ~(unsigned)(again ? 0 : TFSM_OWE_RTX);
    owed &= (uint8_t) ~(unsigned)(tcb->keepalives > 0 ? 0 : TFSM_OWE_KEEPALIVE);
    owed &= (uint8_t) ~(unsigned)(must_probe(tcb) ? 0 : TFSM_OWE_PROBE);
    tcb->owed = owed;
}

static void mend_closed(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    empty(tcb, 0, false);
}

static void mend_listen(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    empty(tcb, TFSM_M_PASSIVE | TFSM_M_REMOTE, true);
}

static void mend_send_order(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint32_t syn = has(tcb->flags, TFSM_M_SYN_ACKED) ? 0 : 1;
    uint32_t flight = in_flight(tcb) < TFSM_SEQ_HALF ? in_flight(tcb) : in_flight(tcb) % LARGEST;
    tcb->snd_nxt = seq_add(tcb->snd_una, max32(flight, syn));
    bool fin = has(tcb->flags, TFSM_M_CLOSE) && flight > syn;
    tcb->snd_end = seq_sub(tcb->snd_nxt, fin ? 1 : 0);
}

static void mend_send_queue(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint32_t behind = seq_distance(tcb->snd_nxt, tcb->snd_end);
    bool fin = has(tcb->flags, TFSM_M_CLOSE) && behind == UINT32_MAX;
    tcb->snd_nxt = seq_add(tcb->snd_una, in_flight(tcb) % LARGEST);
    tcb->snd_end = seq_add(tcb->snd_nxt, fin ? behind : behind % LARGEST);
}

static void mend_send_urgent(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint32_t queued = seq_distance(tcb->snd_una, tcb->snd_end);
    tcb->snd_up = seq_add(tcb->snd_una, queued < TFSM_SEQ_HALF
                                            ? seq_distance(tcb->snd_una, tcb->snd_up) % (queued + 1)
                                            : 0);
    set_flag(tcb, TFSM_M_URGENT, queued < TFSM_SEQ_HALF);
}

static void mend_iss(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint32_t acked = (uint32_t)(tcb->snd_octets & UINT32_MAX);
    acked = seq_add(acked, has(tcb->flags, TFSM_M_SYN_ACKED) ? 1 : 0);
    tcb->iss = seq_sub(tcb->snd_una, seq_add(acked, our_fin_acked(tcb) ? 1 : 0));
}

static void mend_syn(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    bool before = IN_STATE(tcb, STATE_BIT(SYN_SENT) | STATE_BIT(SYN_RECEIVED)) ||
                  (tcb->state == TFSM_FIN_WAIT_1 && !has(tcb->flags, TFSM_M_SYN_ACKED));
    set_flag(tcb, TFSM_M_SYN_ACKED, !before);
    tcb->snd_octets = before ? 0 : tcb->snd_octets;
}

static void mend_close(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    set_flag(tcb, TFSM_M_CLOSE, true);
}

static void mend_open(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    set_flag(tcb, TFSM_M_CLOSE | TFSM_M_DEAF, false);
}

static void mend_deaf(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    set_flag(tcb, TFSM_M_DEAF, false);
}

static void mend_fin_acked(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->snd_nxt = tcb->snd_una;
    tcb->snd_end = seq_sub(tcb->snd_una, 1);
}

static void mend_fin_unacked(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->snd_end = tcb->snd_una;
    tcb->snd_nxt = seq_add(tcb->snd_una, tcb->dup_acks & 1u);
}

static void mend_peer_fin(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    bool passed = IN_STATE(tcb, PEER_CLOSED);
    bool seen = has(tcb->flags, TFSM_M_PEER_FIN) && tcb->rcv_wnd > 0;
    set_flag(tcb, TFSM_M_PEER_FIN, passed || seen);
    tcb->rcv_fin = passed ? seq_sub(tcb->rcv_nxt, 1)
                          : seq_add(tcb->rcv_nxt, tcb->rcv_wnd > 0 ? tcb->rcv_wnd - 1 : 0);
}

static void mend_irs(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint32_t octets = (uint32_t)(tcb->rcv_octets & UINT32_MAX);
    tcb->irs = seq_sub(tcb->rcv_nxt, seq_add(octets, IN_STATE(tcb, PEER_CLOSED) ? 2 : 1));
}

static void mend_rcv_wnd(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    if (has(tcb->flags, TFSM_M_SYN_ACKED)) {
        tcb->rcv_wnd %= TFSM_BUFF_MAX + 1;
    } else {
        tcb->rcv_wnd &= UINT16_MAX;
        tcb->rcv_octets %= UINT16_MAX + 1u - tcb->rcv_wnd;
        tcb->rcv_user = min32(tcb->rcv_user, (uint32_t)tcb->rcv_octets);
    }
}

static void mend_snd_wnd(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->snd_wnd = min32(tcb->snd_wnd, TFSM_BUFF_MAX);
    tcb->snd_wnd_max = min32(max32(tcb->snd_wnd, tcb->snd_wnd_max), TFSM_BUFF_MAX);
}

static void mend_buffer(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->rcv_wnd = min32(tcb->rcv_wnd, TFSM_BUFF_MAX);
    tcb->rcv_user = min32(tcb->rcv_user, TFSM_BUFF_MAX - tcb->rcv_wnd);
    tcb->rcv_octets = tcb->rcv_octets < tcb->rcv_user ? tcb->rcv_user : tcb->rcv_octets;
}

static void mend_acked(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    bool room = tcb->rcv_octets > 0 && tcb->rcv_wnd < TFSM_BUFF_MAX;
    tcb->rcv_acked = seq_sub(tcb->rcv_nxt, room ? 1 : 0);
}

/* They are drawn in order: those before the first that is not, or that goes too far, stay. */
static void mend_ooo(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint32_t most = tcb->rcv_wnd;
    if (has(tcb->flags, TFSM_M_PEER_FIN)) {
        bool passed = tcb->rcv_fin == seq_sub(tcb->rcv_nxt, 1);
        most = passed ? 0 : min32(most, seq_distance(tcb->rcv_nxt, tcb->rcv_fin));
    }
    unsigned count = min32(tcb->ooo_count, TFSM_OOO_SLOTS(room_of(tcb)));
    uint32_t last = 0;
    unsigned i = 0;
    for (; i < count; i++) {
        uint32_t left = seq_distance(tcb->rcv_nxt, ooo(tcb)[i].left);
        uint32_t right = seq_distance(tcb->rcv_nxt, ooo(tcb)[i].right);
        if (left >= right || (i > 0 && left <= last) || right > most) {
            break;
        }
        last = right;
    }
    tcb->ooo_count = (uint16_t)i;
}

static void mend_waiting(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    struct tfsm_range *first = ooo_ranges(tcb);
    if (tcb->ooo_count > 0 && first->left == tcb->rcv_nxt) {
        first->left = seq_add(tcb->rcv_nxt, 1);
    } else {
        tcb->rcv_fin = seq_add(tcb->rcv_nxt, 1);
        set_flag(tcb, TFSM_M_PEER_FIN, tcb->rcv_wnd > 1);
    }
}

static void mend_wscale(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    bool agreed = has(tcb->flags, TFSM_M_WSCALE);
    bool offered = agreed || tcb->state == TFSM_SYN_SENT;
    tcb->snd_wscale = agreed ? (uint8_t)min32(tcb->snd_wscale, SHIFT_MAX) : 0;
    tcb->rcv_wscale = offered ? (uint8_t)min32(tcb->rcv_wscale, SHIFT_MAX) : 0;
}

static void mend_mss(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->snd_mss = (uint16_t)max32(tcb->snd_mss, 1);
    bool tries = has(tcb->flags, TFSM_M_SYN_ACKED) && tcb->mss_try > tcb->snd_mss;
    tcb->mss_try = tries ? tcb->mss_try : 0;
    tcb->mtu_end = seq_min(tcb->mtu_end, tcb->snd_nxt);
    tries = tries && seq_lt(tcb->snd_una, tcb->mtu_end);
    tcb->loss &= tries ? UINT32_MAX : ~(uint32_t)TFSM_L_MTU_OUT;
    tcb->mtu_seq = seq_lt(tcb->mtu_seq, tcb->mtu_end) ? tcb->mtu_seq : seq_sub(tcb->mtu_end, 1);
}

static void mend_rtx(struct tfsm_tcb *tcb, tfsm_time now)
{
    bool waits = has(tcb->flags, TFSM_M_ECE_WAIT) && !must_probe(tcb);
    arm(&tcb->at_rtx, tcb->state != TFSM_TIME_WAIT && (waits || must_retransmit(tcb)), now);
}

static void mend_persist(struct tfsm_tcb *tcb, tfsm_time now)
{
    bool probes = must_probe(tcb);
    arm(&tcb->at_persist, probes, now);
    set_flag(tcb, TFSM_M_PROBING, probes);
    set_flag(tcb, TFSM_M_PROBED, probes && has(tcb->flags, TFSM_M_PROBED));
}

static void mend_2msl(struct tfsm_tcb *tcb, tfsm_time now)
{
    bool deaf = tcb->state == TFSM_FIN_WAIT_2 && has(tcb->flags, TFSM_M_DEAF);
    arm(&tcb->at_2msl, tcb->state == TFSM_TIME_WAIT || deaf, now);
}

static void mend_user(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->at_user = 0;
    tcb->user_from = 0;
}

static void mend_ack_timer(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->at_ack = 0;
    tcb->quick_acks %= TFSM_QUICK_ACKS + 1;
}

static void mend_keepalive(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->at_keepalive = 0;
    tcb->keepalives = 0;
}

static void mend_scoreboard(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->undo_count = (uint8_t)min32(tcb->undo_count, TFSM_UNDO_MAX);
    tcb->grain = (uint8_t)min32(tcb->grain, TFSM_GRAIN_MOST);
    struct tfsm_sent *runs = sent_runs(tcb);
    tcb->sent_count = has(tcb->flags, TFSM_M_SYN_ACKED) ? tcb->sent_count : 0;
    uint32_t counted[TFSM_FATES + 1] = {0};
    uint32_t last = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < min32(tcb->sent_count, sent_slots(tcb)) && count < sent_most(tcb);
         i++) {
        struct tfsm_sent run = runs[i];
        run.at &= losing(tcb) ? UINT32_MAX : ~(uint32_t)TFSM_LOST;
        uint32_t right = min32(seq_distance(tcb->snd_una, run.right), in_flight(tcb));
        run.at = has(run.at, TFSM_HELD) ? (count > 0 ? TFSM_HELD : 0) : run.at;
        bool legal = has(run.at, TFSM_AGAIN) && !has(run.at, TFSM_LOST);
        run.at &= legal ? UINT32_MAX : ~(uint32_t)TFSM_BOTH;
        if (right > last && (count == 0 || runs[count - 1].at != run.at)) {
            runs[count++] = (struct tfsm_sent){seq_add(tcb->snd_una, right), run.at};
            last = right;
        }
    }
    while (count > 0 && runs[count - 1].at == 0) {
        count--;
    }
    last = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t right = seq_distance(tcb->snd_una, runs[i].right);
        for (uint32_t fate = 1; fate < TFSM_FATES; fate *= 2) {
            counted[fate] += has(runs[i].at, fate) ? right - last : 0;
        }
        last = right;
    }
    tcb->sent_count = (uint16_t)count;
    tcb->snd_held = counted[TFSM_HELD];
    tcb->snd_lost = counted[TFSM_LOST];
    tcb->snd_both = counted[TFSM_BOTH];
}

static void mend_recovery(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint32_t flight = in_flight(tcb);
    bool open = has(tcb->flags, TFSM_M_SYN_ACKED);
    bool loss = has(tcb->flags, TFSM_M_LOSS) &&
                (!has(tcb->flags, TFSM_M_RECOVERY) || (tcb->dup_acks & 1u) != 0);
    set_flag(tcb, TFSM_M_LOSS, open && flight > 0 && loss);
    set_flag(tcb, TFSM_M_RECOVERY, open && flight > 0 && !loss && has(tcb->flags, TFSM_M_RECOVERY));
    if (losing(tcb)) {
        uint32_t ahead = seq_distance(tcb->snd_una, tcb->snd_recover);
        uint32_t resent = seq_distance(tcb->snd_una, tcb->snd_rtx);
        tcb->snd_recover = seq_add(tcb->snd_una, ahead % flight + 1);
        tcb->snd_rtx = seq_add(tcb->snd_una, resent % (flight + 1));
    } else if (open) {
        tcb->snd_recover = seq_sub(tcb->snd_una, tcb->snd_recover & 1);
    } else {
        tcb->snd_recover = seq_add(tcb->iss, tcb->snd_recover & 1);
    }
}

static void mend_cwnd(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->cwnd = min32(max32(tcb->cwnd, smss(tcb)), CWND_MAX);
    tcb->ssthresh = min32(max32(tcb->ssthresh, 2 * smss(tcb)), CWND_MAX);
}

static void mend_limited(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint32_t flight = in_flight(tcb);
    uint32_t ahead = seq_distance(tcb->snd_una, tcb->snd_limited);
    ahead = flight > 0 ? ahead % flight + 1 : 0;
    tcb->snd_limited = seq_add(tcb->snd_una, ahead);
    tcb->limited = min32(tcb->limited, ahead);
}

static void mend_rtt(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    bool measured = has(tcb->flags, TFSM_M_MEASURED);
    tcb->srtt = measured ? tcb->srtt % (UINT32_MAX / 16) : 0;
    tcb->rttvar = measured ? tcb->rttvar % (UINT32_MAX / 16) : 0;
    tcb->min_rtt = measured ? tcb->min_rtt % (UINT32_MAX / 16) : 0;
    if (!measured && (tcb->loss & TFSM_L_SAMPLED) != 0) {
        tcb->loss &= ~(uint32_t)TFSM_L_SAMPLED;
        tcb->at_early = (tcb->loss & TFSM_L_REORDERING) != 0 ? tcb->at_early : 0;
    }
}

static void mend_agreed(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    bool sack = has(tcb->flags, TFSM_M_SACK);
    const uint32_t ecn = TFSM_M_ECE | TFSM_M_CWR | TFSM_M_CUT | TFSM_M_ECE_WAIT;
    tcb->sent_count = sack ? tcb->sent_count : 0;
    tcb->snd_held = tcb->snd_lost = tcb->snd_both = 0;
    tcb->flags &= sack ? UINT32_MAX : ~(uint32_t)TFSM_M_DSACK;
    tcb->flags &= has(tcb->flags, TFSM_M_ECN) ? UINT32_MAX : ~ecn;
    tcb->ts_recent = has(tcb->flags, TFSM_M_TIMESTAMPS) ? tcb->ts_recent : 0;
}

/* Delivered before, or the first that is queued. */
static void mend_dsack(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    uint32_t end = seq_sub(tcb->rcv_nxt, IN_STATE(tcb, PEER_CLOSED) ? 1 : 0);
    uint32_t most =
        tcb->rcv_octets < TFSM_SEQ_HALF - 1 ? (uint32_t)tcb->rcv_octets : TFSM_SEQ_HALF - 1;
    uint32_t length = seq_distance(tcb->dsack.left, tcb->dsack.right) & UINT16_MAX;
    length = max32(min32(length, most), 1);
    uint32_t behind =
        most > 0 ? seq_distance(tcb->dsack.left, end) % (most - length + 1) + length : 0;
    if (tcb->ooo_count > 0 && (most == 0 || (length & 1) != 0)) {
        length = min32(length, seq_distance(ooo(tcb)[0].left, ooo(tcb)[0].right));
        tcb->dsack.left = ooo(tcb)[0].left;
    } else {
        tcb->dsack.left = seq_sub(end, behind);
        set_flag(tcb, TFSM_M_DSACK, most > 0);
    }
    tcb->dsack.right = seq_add(tcb->dsack.left, length);
}

static void mend_cookie(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    if (tcb->state != TFSM_SYN_SENT && (tcb->cookie_len & 1u) != 0) {
        set_flag(tcb, TFSM_M_PASSIVE, true);
    } else {
        set_flag(tcb, TFSM_M_FAST_OPEN, true);
    }
    tcb->cookie_len = tcb->cookie_len % 16 < 4 ? 0 : tcb->cookie_len % 16 & 14u;
}

static void mend_early(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    const uint32_t timers = TFSM_L_REORDERING | TFSM_L_OWE_PROBE;
    bool may = tcb->at_rtx != 0 && has(tcb->flags, TFSM_M_SACK | TFSM_M_SYN_ACKED) &&
               tcb->sent_count <= sent_most(tcb) && tail_fits(tcb);
    tcb->loss &= ~(uint32_t)(TFSM_L_RESTART | TFSM_L_LOST_AGAIN | (may ? 0 : timers));
    tcb->at_early = may ? tcb->at_early : 0;
    tcb->loss &= tcb->at_early != 0 ? UINT32_MAX : ~(uint32_t)TFSM_L_REORDERING;
    if (tcb->at_early != 0 && (tcb->loss & TFSM_L_REORDERING) == 0) {
        tcb->loss = (tcb->loss & ~(uint32_t)TFSM_L_PROBE) | TFSM_L_SAMPLED;
    }
}

/* What it has by itself every TCB has. */
static void mend_room(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    tcb->room = 0;
}

static void mend_unknown(struct tfsm_tcb *tcb, tfsm_time now)
{
    (void)now;
    forget_peer(tcb);
}

void step_mend(struct tfsm_tcb *tcb, enum tfsm_clause clause, tfsm_time now)
{
    static void (*const mends[TFSM_CLAUSE_COUNT])(struct tfsm_tcb * tcb, tfsm_time now) = {
        [TFSM_CLAUSE_STATE_KNOWN] = mend_state,
        [TFSM_CLAUSE_ROOM] = mend_room,
        [TFSM_CLAUSE_CLOSED_IS_EMPTY] = mend_closed,
        [TFSM_CLAUSE_LISTEN_IS_EMPTY] = mend_listen,
        [TFSM_CLAUSE_PEER_UNKNOWN] = mend_unknown,
        [TFSM_CLAUSE_SEND_ORDER] = mend_send_order,
        [TFSM_CLAUSE_SEND_QUEUE] = mend_send_queue,
        [TFSM_CLAUSE_SEND_URGENT] = mend_send_urgent,
        [TFSM_CLAUSE_ISS_BEFORE_UNA] = mend_iss,
        [TFSM_CLAUSE_SYN_UNACKED] = mend_syn,
        [TFSM_CLAUSE_FIN_NEEDS_CLOSE] = mend_close,
        [TFSM_CLAUSE_CLOSE_LEAVES] = mend_open,
        [TFSM_CLAUSE_DEAF_NEEDS_CLOSE] = mend_deaf,
        [TFSM_CLAUSE_OUR_FIN_ACKED] = mend_fin_acked,
        [TFSM_CLAUSE_OUR_FIN_UNACKED] = mend_fin_unacked,
        [TFSM_CLAUSE_PEER_FIN] = mend_peer_fin,
        [TFSM_CLAUSE_RCV_ORDER] = mend_irs,
        [TFSM_CLAUSE_RCV_WINDOW] = mend_rcv_wnd,
        [TFSM_CLAUSE_SND_WINDOW] = mend_snd_wnd,
        [TFSM_CLAUSE_RCV_BUFFER] = mend_buffer,
        [TFSM_CLAUSE_RCV_ACKED] = mend_acked,
        [TFSM_CLAUSE_OOO_SORTED] = mend_ooo,
        [TFSM_CLAUSE_OOO_IN_WINDOW] = mend_ooo,
        [TFSM_CLAUSE_OOO_BEFORE_FIN] = mend_ooo,
        [TFSM_CLAUSE_OOO_WAITS] = mend_waiting,
        [TFSM_CLAUSE_WSCALE] = mend_wscale,
        [TFSM_CLAUSE_MSS] = mend_mss,
        [TFSM_CLAUSE_RTX_TIMER] = mend_rtx,
        [TFSM_CLAUSE_EARLY_TIMER] = mend_early,
        [TFSM_CLAUSE_PERSIST_TIMER] = mend_persist,
        [TFSM_CLAUSE_TIME_WAIT_TIMER] = mend_2msl,
        [TFSM_CLAUSE_USER_TIMER] = mend_user,
        [TFSM_CLAUSE_DEBT] = mend_debt,
        [TFSM_CLAUSE_SCOREBOARD] = mend_scoreboard,
        [TFSM_CLAUSE_RECOVERY] = mend_recovery,
        [TFSM_CLAUSE_CWND] = mend_cwnd,
        [TFSM_CLAUSE_LIMITED] = mend_limited,
        [TFSM_CLAUSE_RTT] = mend_rtt,
        [TFSM_CLAUSE_ACK_TIMER] = mend_ack_timer,
        [TFSM_CLAUSE_KEEPALIVE_TIMER] = mend_keepalive,
        [TFSM_CLAUSE_AGREED] = mend_agreed,
        [TFSM_CLAUSE_DSACK] = mend_dsack,
        [TFSM_CLAUSE_COOKIE] = mend_cookie};
    if (mends[clause] != NULL) {
        mends[clause](tcb, now);
    }
}
