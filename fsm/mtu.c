/* Path MTU beyond what ICMP tells: a path that swallows large segments and says nothing, and one that has grown (RFC 4821
 * in the small; RFC 8201 5.3, RFC 1191 6.3). Sizes are those of the usual links, as text and options.
 *
 * Readings of the texts that are taken here:
 * - A path is a black hole where the third transmission of a segment is not acknowledged either and it was larger than
 *   what nearly every path takes: 1024 octets, or what IPv6 asks of every link, which policy tells by the MSS that counts
 *   where the peer tells none (RFC 4821 7.2, 7.7). Where nothing comes back of that size either, it is what every path
 *   takes, and there it ends: what is smaller still would mend nothing.
 * - Ten minutes after the size went down, or a message of a smaller path has come, the next larger usual one is tried, with
 *   one segment of new text that has enough behind it. When it arrives the size goes up, and the next may be tried at
 *   once; else not for ten minutes.
 * - Where it alone is lost the window stays (RFC 4821 7.6.2, RFC 8201 5.4): what it bore is mended as in fast recovery, at
 *   the end of which CWND and SSTHRESH are as before. What else is found lost meanwhile is congestion. A timeout is one,
 *   too (RFC 4821 7.6.3). */
#include "flight.h"

#define AGAIN_AFTER UINT64_C(600000000) /* microseconds (RFC8201:4j, RFC8201:5.3b) */
/* After a larger size that got through: twice the least of RFC 1191 3. */
#define MORE_AFTER  UINT64_C(120000000)
#define TRANSMITTED 2u   /* so often in vain before the timer that goes off now */
#define BASE        984u /* 1024 octets without the headers of IPv4 (RFC4821:7.2) */

/* Text and options that fit usual MTUs: 576, 1006, 1280, 1400, 1492, 1500, 2002, 4352, 9000, and what an IPv4 packet holds. */
static const uint16_t sizes[] = {536,  966,  1220, 1240, 1360,        1452,
                                 1460, 1962, 4312, 8960, TFSM_MSS_MAX};
#define SIZES (sizeof sizes / sizeof sizes[0])

/* Where every path takes more than BASE there is no step between. [RFC8201:4c] */
uint16_t tfsm_mss_below(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    uint16_t least = floored_mss(cfg, cfg->mss_default);
    if (tcb->snd_mss > BASE && least < BASE) {
        return BASE;
    }
    return tcb->snd_mss > least ? least : 0;
}

/* Octets of text and options that the timer sends from SND.UNA: up to what the peer holds. */
static uint32_t front_size(const struct tfsm_tcb *tcb)
{
    uint32_t text = in_flight(tcb);
    unsigned i = 0;
    while (i < run_count(tcb) && !is_held(sent(tcb)[i])) {
        i++;
    }
    if (i < run_count(tcb)) {
        text = offset(tcb, run_left(tcb, i));
    }
    return min32(min32(text, tcb->snd_wnd), smss(tcb)) + (tcb->snd_mss - smss(tcb));
}

bool tfsm_is_black_hole(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    uint16_t below = tfsm_mss_below(tcb, cfg);
    return has(tcb->flags, TFSM_M_SYN_ACKED) && tcb->tries >= TRANSMITTED && below > 0 &&
           tcb->mss_sent > below && front_size(tcb) > below;
}

static uint16_t above(uint16_t mss)
{
    unsigned i = 0;
    while (i + 1 < SIZES && sizes[i] <= mss) {
        i++;
    }
    return sizes[i];
}

/* The segment size went down: it may go up again, later. [RFC8201:4g, RFC8201:4h, RFC8201:4i, RFC8201:4j, 5.3a] */
void tfsm_mtu_lowered(struct tfsm_tcb *tcb, tfsm_time now)
{
    tcb->mss_try = 0;
    forget_loss(tcb, TFSM_L_MTU_OUT);
    tcb->mss_sent = (uint16_t)min32(tcb->mss_sent, tcb->snd_mss);
    tcb->mtu_at = tcb->snd_mss < tcb->mss_full ? later(now, AGAIN_AFTER) : 0;
}

/* One that is out already finds its own end. [RFC8201:4i] */
void tfsm_mtu_waits(struct tfsm_tcb *tcb, tfsm_time now)
{
    if ((remembered(tcb) & TFSM_L_MTU_OUT) == 0) {
        tfsm_mtu_lowered(tcb, now);
    }
}

/* Choose the next larger size. */
void tfsm_mtu_try(struct tfsm_tcb *tcb)
{
    uint32_t next = min32(above(tcb->snd_mss), tcb->mss_full);
    tcb->mss_try = (uint16_t)(next > tcb->snd_mss ? next : 0);
    tcb->mtu_at = 0;
}

/* The segment of that size has arrived. [RFC4821:7.6.1] */
void tfsm_mtu_raised(struct tfsm_tcb *tcb, tfsm_time now)
{
    tcb->snd_mss = tcb->mss_try;
    tcb->mss_acked = (uint16_t)max32(tcb->mss_acked, tcb->snd_mss);
    tcb->cwnd = max32(tcb->cwnd, smss(tcb));
    tcb->ssthresh = max32(tcb->ssthresh, 2 * smss(tcb));
    tcb->mss_try = 0;
    forget_loss(tcb, TFSM_L_MTU_OUT);
    tcb->mtu_at = tcb->snd_mss < tcb->mss_full ? later(now, MORE_AFTER) : 0;
}

/* All that is missing, as far as anybody can know, and it can be sent again by itself. */
static bool is_alone(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg, bool told)
{
    bool front = tcb->snd_una == tcb->mtu_seq;
    if (losing(tcb) || !profile(cfg, TFSM_CONGESTION)) {
        return false;
    }
    if (told) {
        return tcb->snd_lost == 0 && tcb->snd_held == 0 && (front || sack_agreed(tcb));
    }
    if (rack_runs(tcb, cfg)) {
        return tcb->snd_lost == seq_distance(tcb->mtu_seq, tcb->mtu_end);
    }
    unsigned i = run_count(tcb);
    while (i > 0 && !is_held(sent(tcb)[i - 1])) {
        i--;
    }
    return front && (i == 0 || tcb->snd_held == seq_distance(tcb->mtu_end, sent(tcb)[i - 1].right));
}

/* Fast recovery, with the window as it is: it ends at SSTHRESH, which is CWND meanwhile. Without SACK duplicates inflate it;
 * one that is being looked at will. [RFC4821:7.6.2, RFC8201:5.4] */
static void mend(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now, bool told)
{
    const uint32_t over =
        UNDO_STATE | TFSM_L_LOST_AGAIN | TFSM_L_PROBE | TFSM_L_PROBE_OLD | TFSM_L_OWE_PROBE;
    bool sack = sack_agreed(tcb);
    tcb->undo_ssthresh = tcb->ssthresh;
    tcb->ssthresh = max32(tcb->cwnd, 2 * smss(tcb));
    uint32_t duplicates = told ? min32(tcb->dup_acks, DUP_THRESH) : DUP_THRESH - 1;
    tcb->cwnd = bounded((uint64_t)tcb->cwnd + (sack ? 0 : duplicates * smss(tcb)));
    tfsm_recovery_begin(tcb);
    tcb->loss = (tcb->loss & ~over) | TFSM_L_MTU_MENDS;
    tcb->cut_at = again_time(now);
    if (sack && !rack_runs(tcb, cfg)) {
        tfsm_flight_clear(tcb, TFSM_LOST | TFSM_AGAIN | TFSM_BOTH);
    }
    if (sack) {
        tfsm_flight_mark(tcb, tcb->mtu_seq, tcb->mtu_end, TFSM_ALL_LOST, 0);
        tfsm_flight_fit(tcb);
    }
    tcb->owed |= tcb->snd_una == tcb->mtu_seq ? TFSM_OWE_RTX : 0u;
}

void tfsm_mtu_failed(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                     const struct tfsm_event *ev)
{
    bool told = ev->kind == TFSM_EV_ICMP;
    if ((remembered(tcb) & TFSM_L_MTU_OUT) == 0) { /* more than that */
        if (rack_runs(tcb, cfg)) {
            tfsm_rack_recover(tcb, cfg, ev->now);
        } else {
            tfsm_fast_retransmit(tcb, cfg);
        }
        return;
    }
    bool alone = is_alone(tcb, cfg, told);
    if (told && !alone) {
        return; /* what arrives will tell what else is missing */
    }
    tfsm_mtu_lowered(tcb, ev->now);
    if (alone) {
        mend(tcb, cfg, ev->now, told);
    }
}

bool tfsm_mtu_loses_more(const struct tfsm_tcb *tcb)
{
    if ((remembered(tcb) & TFSM_L_MTU_MENDS) == 0 || !has(tcb->flags, TFSM_M_RECOVERY)) {
        return false;
    }
    if (!sack_agreed(tcb)) {
        return !seq_lt(tcb->snd_una, tcb->mtu_end);
    }
    uint32_t from = offset(tcb, tcb->mtu_seq);
    uint32_t to = offset(tcb, tcb->mtu_end);
    from = from < TFSM_SEQ_HALF ? from : 0;
    to = to < TFSM_SEQ_HALF ? to : 0;
    for (unsigned i = 0; i < run_count(tcb) && tcb->snd_lost > 0; i++) {
        bool beside = offset(tcb, run_left(tcb, i)) < from || offset(tcb, sent(tcb)[i].right) > to;
        if (beside && (sent(tcb)[i].at & TFSM_LOST) != 0) {
            return true;
        }
    }
    return false;
}

void tfsm_mtu_mended(struct tfsm_tcb *tcb)
{
    if ((remembered(tcb) & TFSM_L_MTU_MENDS) == 0) {
        return;
    }
    forget_loss(tcb, TFSM_L_MTU_MENDS);
    tcb->ssthresh = max32(bounded(tcb->undo_ssthresh), 2 * smss(tcb));
}
