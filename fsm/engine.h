/* What the engine's files share and nobody else needs: small readings of a TCB, and what facts and
 * actions call that has a file of its own. */
#ifndef TFSM_ENGINE_H
#define TFSM_ENGINE_H

#include "octets.h"
#include "seq.h"
#include "tfsm.h"
#include "tfsm_table.h"

/* The compiler is asked for little code: what is there for speed alone is left out. */
#if defined(__OPTIMIZE_SIZE__)
#define SMALL       true
#define SMALL_APART APART /* a function on its own, though it is called once: registers are few */
#else
#define SMALL false
#define SMALL_APART
#endif

/* A function that is seldom called from one that often is: what it keeps in registers is its own affair. */
#if defined(__GNUC__)
#define APART __attribute__((noinline))
#else
#define APART
#endif

/* A few stores that are part of whoever asks for them, at -Os, too: set apart, they take more room than
 * they save. */
#if defined(__GNUC__)
#define PART __attribute__((always_inline)) static inline
#else
#define PART static inline
#endif

static inline bool has(uint32_t set, uint32_t bits)
{
    return (set & bits) == bits;
}

static inline uint32_t min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t max32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* A choice of the policy, or several of which it has each. A build may fix the profile (TFSM_PROFILE): then whatever
 * needs another is not in it. */
static inline bool profile(const struct tfsm_config *cfg, uint32_t bit)
{
#ifdef TFSM_PROFILE
    (void)cfg;
    return has(TFSM_PROFILE, bit);
#else
    return has(cfg->profile, bit);
#endif
}

/* It has one of several. */
static inline bool profile_any(const struct tfsm_config *cfg, uint32_t bits)
{
#ifdef TFSM_PROFILE
    (void)cfg;
    return ((TFSM_PROFILE)&bits) != 0;
#else
    return (cfg->profile & bits) != 0;
#endif
}

/* Whether any policy of this build can choose it. */
#ifdef TFSM_PROFILE
#define CAN(bit) (((TFSM_PROFILE) & (bit)) != 0)
#else
#define CAN(bit) true
#endif

/* Of tfsm_tcb.loss what a build can have remembered: in one for a profile that lacks an algorithm nothing asks for it. */
#define OF(bit, bits) (CAN(bit) ? (uint32_t)(bits) : 0u)
#define REMEMBERS                                                                                  \
    (OF(TFSM_RACK, TFSM_L_REORDERED | TFSM_L_ROUND | TFSM_L_LOST_AGAIN | TFSM_L_PROBE |            \
                       TFSM_L_PROBE_OLD | TFSM_L_SAMPLED | TFSM_L_REORDERING | TFSM_L_OWE_PROBE |  \
                       TFSM_L_DELIVERED | TFSM_L_DELIVERED_AGAIN | TFSM_L_RESTART) |               \
     OF(TFSM_UNDO, TFSM_L_UNDO | TFSM_L_UNDO_TS | TFSM_L_UNDO_WAITS | TFSM_L_UNDO_TWICE |          \
                       TFSM_L_DOUBLES | TFSM_L_RESENT | TFSM_L_TWICE) |                            \
     OF(TFSM_FRTO, TFSM_L_FRTO_1 | TFSM_L_FRTO_2) |                                                \
     OF(TFSM_CWV, TFSM_L_SAMPLING | TFSM_L_UNVALIDATED) |                                          \
     OF(TFSM_PMTU, TFSM_L_MTU_OUT | TFSM_L_MTU_MENDS) | OF(TFSM_ABE, TFSM_L_ECE_CUT) |             \
     OF(TFSM_CONGESTION, TFSM_L_IW_LOST) | OF(TFSM_CWV | TFSM_CUBIC, TFSM_L_FULL))
static inline uint32_t remembered(const struct tfsm_tcb *tcb)
{
    return tcb->loss & REMEMBERS;
}

static inline void remember_loss(struct tfsm_tcb *tcb, uint32_t bits)
{
    if (REMEMBERS != 0) {
        tcb->loss |= bits & REMEMBERS;
    }
}

static inline void forget_loss(struct tfsm_tcb *tcb, uint32_t bits)
{
    if ((REMEMBERS & bits) != 0) {
        tcb->loss &= ~bits;
    }
}

/* Of tfsm_tcb.loss what says that a cut may be taken back. */
#define UNDO_STATE                                                                                 \
    ((uint32_t)(TFSM_L_UNDO | TFSM_L_UNDO_WAITS | TFSM_L_UNDO_TS | TFSM_L_UNDO_TWICE))

/* Of this many ranges a connection remembers which are out of order. */
static inline unsigned room_of(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_BUILD_ROOM) && tcb->room > 0 ? tcb->room : TFSM_ROOM_OWN;
}

/* The ranges out of order, within the TCB or first thing behind it. */
static inline struct tfsm_range *ooo_ranges(struct tfsm_tcb *tcb)
{
    return CAN(TFSM_BUILD_ROOM) && tcb->room > 0 ? (struct tfsm_range *)(void *)(tcb + 1)
                                                 : tcb->ooo;
}

static inline const struct tfsm_range *ooo(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_BUILD_ROOM) && tcb->room > 0
               ? (const struct tfsm_range *)(const void *)(tcb + 1)
               : tcb->ooo;
}

/* The runs in flight, within it or behind those. */
static inline struct tfsm_sent *sent_runs(struct tfsm_tcb *tcb)
{
    return CAN(TFSM_BUILD_ROOM) && tcb->room > 0
               ? (struct tfsm_sent *)(void *)(ooo_ranges(tcb) + TFSM_OOO_SLOTS(tcb->room))
               : tcb->sent;
}

static inline const struct tfsm_sent *sent(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_BUILD_ROOM) && tcb->room > 0
               ? (const struct tfsm_sent *)(const void *)(ooo(tcb) + TFSM_OOO_SLOTS(tcb->room))
               : tcb->sent;
}

/* Runs that there is a place for, and that may stay. */
static inline unsigned sent_slots(const struct tfsm_tcb *tcb)
{
    return TFSM_SENT_SLOTS(room_of(tcb));
}

static inline unsigned sent_most(const struct tfsm_tcb *tcb)
{
    return 2 * room_of(tcb) + 4;
}

/* How many ranges out of order there are, and how many runs in flight: what goes through them stays within their room by
 * this, and by nothing else. */
static inline unsigned ooo_count(const struct tfsm_tcb *tcb)
{
    return min32(tcb->ooo_count, TFSM_OOO_SLOTS(room_of(tcb)));
}

/* run_count() as a call, in flight.c: less code where that counts. */
unsigned tfsm_run_count(const struct tfsm_tcb *tcb);

static inline unsigned run_count_here(const struct tfsm_tcb *tcb)
{
    return min32(tcb->sent_count, sent_slots(tcb));
}

/* None where the build knows no SACK. */
static inline unsigned run_count(const struct tfsm_tcb *tcb)
{
    if (!CAN(TFSM_SACK)) {
        return 0;
    }
    return SMALL ? tfsm_run_count(tcb) : run_count_here(tcb);
}

/* A TCB all zero. Compilers clear what is so large octet by octet or by an instruction that
 * takes long to begin: in pieces it is a few stores. */
static inline void clear_tcb(struct tfsm_tcb *tcb)
{
#if defined(__GNUC__) && !defined(__OPTIMIZE_SIZE__)
    enum { PIECE = 64 };
    uint8_t *octets = (uint8_t *)tcb;
#pragma GCC unroll 16
    for (size_t at = 0; at + PIECE <= sizeof *tcb; at += PIECE) {
        __builtin_memset(octets + at, 0, PIECE);
    }
    __builtin_memset(octets + sizeof *tcb / PIECE * PIECE, 0, sizeof *tcb % PIECE);
#else
    *tcb = (struct tfsm_tcb){0};
#endif
}

/* Set of states; membership is a mask. */
#define IN_STATE(tcb, mask) (((1u << (unsigned)(tcb)->state) & (mask)) != 0)
#define STATE_BIT(state)    (1u << (unsigned)TFSM_##state)
/* States with sequence numbers of ours that may be unacknowledged. */
#define STATES_SENDING                                                                             \
    (STATE_BIT(ESTABLISHED) | STATE_BIT(FIN_WAIT_1) | STATE_BIT(CLOSE_WAIT) | STATE_BIT(CLOSING) | \
     STATE_BIT(LAST_ACK))
#define STATES_RECEIVING (STATE_BIT(ESTABLISHED) | STATE_BIT(FIN_WAIT_1) | STATE_BIT(FIN_WAIT_2))

/* Whether an option is one that this build knows. */
#define IS_KNOWN(option)                                                                           \
    ((option) == TFSM_OPT_MSS || ((option) == TFSM_OPT_WSCALE && CAN(TFSM_WSCALE)) ||              \
     ((option) == TFSM_OPT_TIMESTAMPS && CAN(TFSM_TIMESTAMPS)) ||                                  \
     (((option) == TFSM_OPT_SACK_PERMITTED || (option) == TFSM_OPT_SACK) && CAN(TFSM_SACK)) ||     \
     ((option) == TFSM_OPT_USER_TIMEOUT && CAN(TFSM_USER_TIMEOUT)) ||                              \
     ((option) == TFSM_OPT_FAST_OPEN && CAN(TFSM_BUILD_FAST_OPEN)))

static inline bool bears(const struct tfsm_segment *seg, uint8_t option)
{
    return IS_KNOWN(option) && has(seg->options, option);
}

/* What both sides offered. */
static inline bool stamps_agreed(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_TIMESTAMPS) && has(tcb->flags, TFSM_M_TIMESTAMPS);
}

static inline bool sack_agreed(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_SACK) && has(tcb->flags, TFSM_M_SACK);
}

static inline bool ecn_agreed(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_ECN) && has(tcb->flags, TFSM_M_ECN);
}

static inline uint8_t snd_shift(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_WSCALE) ? tcb->snd_wscale : 0;
}

static inline uint8_t rcv_shift(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_WSCALE) ? tcb->rcv_wscale : 0;
}

static inline bool is_fast_open(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_BUILD_FAST_OPEN) && has(tcb->flags, TFSM_M_FAST_OPEN);
}

/* New text waits for the timer, for ECE came at a window of one segment. */
static inline bool ece_waits(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_ECN) && has(tcb->flags, TFSM_M_ECE_WAIT);
}

static inline bool dsack_waits(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_SACK) && has(tcb->flags, TFSM_M_DSACK);
}

/* A few stores, where a compiler would start a loop. */
static inline void clear_segment(struct tfsm_segment *seg)
{
    if (SMALL) {
        *seg = (struct tfsm_segment){0};
        return;
    }
    seg->seq = 0;
    seg->ack = 0;
    seg->len = 0;
    seg->wnd = 0;
    seg->up = 0;
    seg->flags = 0;
    seg->security = 0;
    seg->options = 0;
    seg->wscale = 0;
    seg->ecn = 0;
    seg->cookie_len = 0;
    seg->sacks = 0;
    seg->mss = 0;
    seg->user_timeout = 0;
    seg->ts_val = 0;
    seg->ts_ecr = 0;
    for (unsigned i = 0; i < TFSM_SACK_MAX; i++) {
        seg->sack[i] = (struct tfsm_range){0, 0};
    }
    seg->text_offset = 0;
    seg->rule = 0;
}

/* Nothing has come of an event; of no pieces of text nothing is written. Rule and verdict are the
 * caller's. */
PART void clear_effects(struct tfsm_effects *fx)
{
    fx->signals = 0;
    fx->text_count = 0;
    fx->delivered = 0;
    fx->acknowledged = 0;
    fx->taken = 0;
    fx->iss_after = 0;
}

/* So many octets, a number that the compiler knows: it makes a few instructions of that. */
static inline void copy_octets(uint8_t *restrict to, const uint8_t *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
    }
}

/* now + delay, where a delay is at least 1 so that time moves, and the sum is never TFSM_NEVER. */
static inline tfsm_time later(tfsm_time now, tfsm_time delay)
{
    const tfsm_time last = TFSM_NEVER - 1;
    delay = delay > 0 ? delay : 1;
    return now < last && delay < last - now ? now + delay : last;
}

/* Sequence number after everything we will ever send, as far as is known: the queue and the FIN. */
static inline uint32_t send_limit(const struct tfsm_tcb *tcb)
{
    return seq_add(tcb->snd_end, has(tcb->flags, TFSM_M_CLOSE) ? 1 : 0);
}

/* Opened passively by a Fast Open: the user has it before our SYN is acknowledged (RFC 7413
 * 4.2.2). */
static inline bool is_early(const struct tfsm_tcb *tcb)
{
    return is_fast_open(tcb) && has(tcb->flags, TFSM_M_PASSIVE);
}

/* Octets from SND.UNA to SND.NXT. */
static inline uint32_t in_flight(const struct tfsm_tcb *tcb)
{
    return seq_distance(tcb->snd_una, tcb->snd_nxt);
}

/* Our FIN has been sent at least once. */
static inline bool fin_sent(const struct tfsm_tcb *tcb)
{
    return has(tcb->flags, TFSM_M_CLOSE) && tcb->snd_nxt == seq_add(tcb->snd_end, 1);
}

/* Our FIN is acknowledged, and all that was before it. */
static inline bool our_fin_acked(const struct tfsm_tcb *tcb)
{
    return fin_sent(tcb) && tcb->snd_una == tcb->snd_nxt;
}

/* The oldest number not acknowledged is our FIN's. */
static inline bool front_is_fin(const struct tfsm_tcb *tcb)
{
    return fin_sent(tcb) && tcb->snd_una == tcb->snd_end;
}

/* Text octets queued and not acknowledged: from SND.UNA, or from after our SYN while that is not. */
static inline uint32_t send_queue(const struct tfsm_tcb *tcb)
{
    uint32_t held = seq_distance(tcb->snd_una, tcb->snd_end);
    if (fin_sent(tcb) && tcb->snd_una == tcb->snd_nxt) {
        return 0;
    }
    return held > 0 && !has(tcb->flags, TFSM_M_SYN_ACKED) ? held - 1 : held;
}

/* Text octets queued and not yet sent. */
static inline uint32_t unsent(const struct tfsm_tcb *tcb)
{
    return fin_sent(tcb) ? 0 : seq_distance(tcb->snd_nxt, tcb->snd_end);
}

/* Losses are told by time (RFC 8985). [RFC8985:4a] */
static inline bool rack_runs(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    return sack_agreed(tcb) && profile(cfg, TFSM_RACK | TFSM_CONGESTION) &&
           has(tcb->flags, TFSM_M_SYN_ACKED);
}

#define OPTIONS_MAX       40u /* what a data offset of 15 leaves for options */
#define TIMESTAMPS_LENGTH 12u /* octets of options on every segment, with timestamps */
#define DUP_THRESH        3u  /* duplicates, or ranges above, that tell of a loss (RFC5681:3.2) */

/* What loss recovery remembers and forgets at its end. */
#define RECOVERY_FLAGS (TFSM_M_RECOVERY | TFSM_M_PASSED | TFSM_M_AGAIN)

/* What was sent is being sent again, after duplicates or after a timeout. */
static inline bool losing(const struct tfsm_tcb *tcb)
{
    return (tcb->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) != 0;
}

/* Nothing is owed, nothing lost and everything sent. Most who ask for output hear that. */
static inline bool has_nothing(const struct tfsm_tcb *tcb)
{
    return tcb->owed == 0 && (remembered(tcb) & TFSM_L_OWE_PROBE) == 0 && !losing(tcb) &&
           tcb->snd_nxt == send_limit(tcb);
}

/* No text was sent for longer than a retransmission timeout (RFC5681:4.1). */
static inline bool paused(const struct tfsm_tcb *tcb, tfsm_time now)
{
    return now > tcb->sent_at && now - tcb->sent_at > tcb->rto;
}

/* SMSS: the largest text of a segment, its options apart (RFC5681:2, RFC9293:MUST-16). */
static inline uint32_t smss(const struct tfsm_tcb *tcb)
{
    if (!stamps_agreed(tcb)) {
        return max32(tcb->snd_mss, 1);
    }
    return tcb->snd_mss > TIMESTAMPS_LENGTH ? tcb->snd_mss - TIMESTAMPS_LENGTH : 1;
}

/* Octets of text that the peer's window lets out now: min(D, U) of RFC 9293 3.8.6.2.1.
 * [RFC9293:SHLD-15, REC-1; RFC7323:2.4a, 2.4d] */
static inline uint32_t sendable(const struct tfsm_tcb *tcb)
{
    uint32_t flight = in_flight(tcb);
    return min32(unsent(tcb), tcb->snd_wnd > flight ? tcb->snd_wnd - flight : 0);
}

/* The sender's silly window avoidance (RFC9293:MUST-38): a full segment, or half the greatest
 * window seen, or all there is. With nagle the last two only when no text is in flight
 * (RFC9293:SHLD-7). [RFC9293:MUST-17, MUST-60, MAY-16; RFC9293:3.8.6.2.1a] */
static inline bool worth_sending(const struct tfsm_tcb *tcb, bool nagle)
{
    uint32_t text = sendable(tcb);
    if (text >= smss(tcb)) {
        return true;
    }
    uint32_t syn = has(tcb->flags, TFSM_M_SYN_ACKED) ? 0 : 1;
    return text > 0 && (!nagle || in_flight(tcb) == syn) &&
           (text == unsent(tcb) || text >= max32(tcb->snd_wnd_max / 2, 1));
}

/* The peer's window is closed while something waits, or with nothing in flight it is too small to
 * be worth a segment: then a timer, not an acknowledgment, makes the next segment, and
 * retransmission rests. [RFC9293:MUST-35, SHLD-17] */
static inline bool must_probe(const struct tfsm_tcb *tcb)
{
    if (!IN_STATE(tcb, STATES_SENDING) || !has(tcb->flags, TFSM_M_SYN_ACKED)) {
        return false;
    }
    return tcb->snd_wnd == 0 ? tcb->snd_una != send_limit(tcb)
                             : in_flight(tcb) == 0 && unsent(tcb) > 0 && !worth_sending(tcb, true);
}

/* Something sent is not acknowledged, and the window allows to send it again. */
static inline bool must_retransmit(const struct tfsm_tcb *tcb)
{
    return tcb->snd_una != tcb->snd_nxt && !must_probe(tcb);
}

/* The run that a number in flight lies in, or where it lies behind them all how many there are. */
unsigned tfsm_run_of(const struct tfsm_tcb *tcb, uint32_t seq);

/* Octets from SND.UNA within which what was sent may be sent again, from a number on: the window
 * (RFC9293:SHLD-16). A scaled window can show less than the peer has, so there the first time goes all
 * the same, be it the timer's or fast recovery's, and later ones as far as the rounding reaches.
 * [RFC7323:2.4e, RFC7323:2.4f; RFC9293:MAY-7] */
static inline uint32_t resend_window(const struct tfsm_tcb *tcb, uint32_t from)
{
    if (snd_shift(tcb) == 0 || tcb->snd_wnd == 0) {
        return tcb->snd_wnd;
    }
    uint32_t rounding = (1u << snd_shift(tcb)) - 1;
    bool first = !has(tcb->flags, TFSM_M_AGAIN) && !seq_lt(from, tcb->snd_rtx);
    if (first && run_count(tcb) > 0) {
        unsigned run = tfsm_run_of(tcb, from);
        first = run >= run_count(tcb) || !has(sent(tcb)[run].at, TFSM_AGAIN);
    }
    return first ? max32(in_flight(tcb), tcb->snd_wnd) : tcb->snd_wnd + rounding;
}

static inline bool may_send_fin(const struct tfsm_tcb *tcb)
{
    return has(tcb->flags, TFSM_M_CLOSE) && !fin_sent(tcb) && unsent(tcb) == 0 &&
           in_flight(tcb) < tcb->snd_wnd;
}

/* The segment that went last for the first time, or what one holds of it now. [RFC8985:7.3e] */
static inline struct tfsm_range last_sent(const struct tfsm_tcb *tcb)
{
    uint32_t size = min32(in_flight(tcb), smss(tcb) + (fin_sent(tcb) ? 1u : 0u));
    size = tcb->last_len > 0 ? min32(size, tcb->last_len) : size;
    return (struct tfsm_range){seq_sub(tcb->snd_nxt, size), tcb->snd_nxt};
}

/* A tail loss probe can go: something new, or the last that was sent, fits the peer's window. */
static inline bool tail_fits(const struct tfsm_tcb *tcb)
{
    struct tfsm_range last = last_sent(tcb);
    return has(tcb->flags, TFSM_M_SYN_ACKED) &&
           (sendable(tcb) > 0 || may_send_fin(tcb) ||
            (in_flight(tcb) > 0 &&
             seq_distance(tcb->snd_una, last.left) < resend_window(tcb, last.left)));
}

/* Where a segment that occupies no number stands: SND.NXT, or, where a probe, a SYN's text or a window
 * taken back has left that beyond what the peer can have offered, the right edge of its window (RFC 9293
 * 3.4, table 6). A peer that took everything up to there takes nothing older, and ours would be lost for
 * ever; one that took less refuses this, and hears it from the text that is sent again. A scaled window
 * can show less than the peer has (RFC 7323 2.4). The window that a SYN offers counts from after ours. */
static inline uint32_t empty_seq(const struct tfsm_tcb *tcb)
{
    uint32_t syn = has(tcb->flags, TFSM_M_SYN_ACKED) ? 0 : 1;
    uint32_t rounding = (1u << snd_shift(tcb)) - 1;
    if (in_flight(tcb) <= syn + tcb->snd_wnd + (tcb->snd_wnd > 0 ? rounding : 0)) {
        return tcb->snd_nxt;
    }
    return seq_add(tcb->snd_una, syn + tcb->snd_wnd);
}

/* The same of a RST, after which nothing is sent again: the edge is not in the window, the last number
 * before it is, unless the window is closed. */
static inline uint32_t reset_seq(const struct tfsm_tcb *tcb)
{
    uint32_t seq = empty_seq(tcb);
    return seq == tcb->snd_nxt || tcb->snd_wnd == 0 ? seq : seq_sub(seq, 1);
}

/* The policy's MSS, to announce and to keep to: no segment that obeys it is too large for a packet, of
 * whatever family, with whatever options. Nobody else reads tfsm_config.mss. */
static inline uint16_t own_mss(const struct tfsm_config *cfg)
{
    return (uint16_t)min32(max32(cfg->mss, 1), TFSM_MSS_MAX);
}

/* Room in the receive buffer beyond what is delivered and not taken. */
static inline uint32_t receive_room(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    uint32_t buff = min32(cfg->rcv_buff, TFSM_BUFF_MAX);
    return buff > tcb->rcv_user ? buff - tcb->rcv_user : 0;
}

/* The window to offer: the right edge stays where it is until it can move by a worthwhile amount,
 * half the buffer or one segment (RFC9293:MUST-39), and it never moves left (RFC9293:SHLD-14).
 * While a SYN-ACK may have to be sent again, whose window is not scaled, it stays where that can
 * show it. [RFC9293:MAY-8; RFC9293:3.8.6.2.2a] */
static inline bool window_opens(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    /* What the field cannot show need not be announced, however large the buffer. */
    uint32_t room = min32(receive_room(tcb, cfg), (uint32_t)UINT16_MAX << rcv_shift(tcb));
    uint32_t step = min32(max32(min32(cfg->rcv_buff, TFSM_BUFF_MAX) / 2, 1), own_mss(cfg));
    uint32_t grain = 1u << rcv_shift(tcb);
    return has(tcb->flags, TFSM_M_SYN_ACKED) && room > tcb->rcv_wnd &&
           room - tcb->rcv_wnd >= max32(step, grain);
}

static inline bool is_syn(const struct tfsm_segment *seg)
{
    return has(seg->flags, TFSM_SYN);
}

/* SEG.LEN holds its own SYN and FIN, and no more text than a packet. */
static inline bool is_sound(const struct tfsm_segment *seg)
{
    uint32_t controls = (is_syn(seg) ? 1u : 0u) + (has(seg->flags, TFSM_FIN) ? 1u : 0u);
    return seg->len >= controls && seg->len - controls <= UINT16_MAX;
}

/* What can be no event: an unknown kind, or a segment that is none. */
static inline bool is_event(const struct tfsm_event *ev)
{
    return (unsigned)ev->kind < TFSM_EVENTS &&
           (ev->kind != TFSM_EV_SEGMENT || is_sound(&ev->segment));
}

/* What a verdict is to who called tfsm_step(). */
static inline enum tfsm_result result_of(enum tfsm_verdict verdict)
{
    switch (verdict) {
    case TFSM_V_EXISTS:
        return TFSM_E_CONNECTION_EXISTS;
    case TFSM_V_NO_CONNECTION:
        return TFSM_E_NO_CONNECTION;
    case TFSM_V_CLOSING:
        return TFSM_E_CONNECTION_CLOSING;
    case TFSM_V_NO_REMOTE:
        return TFSM_E_REMOTE_UNSPECIFIED;
    case TFSM_V_NO_ROOM:
        return TFSM_E_INSUFFICIENT_RESOURCES;
    case TFSM_V_NEXT:
    case TFSM_V_GOTO_6:
    case TFSM_V_STOP:
    case TFSM_V_DROP:
    case TFSM_V_REOPEN:
    case TFSM_VERDICT_COUNT:
        break;
    }
    return TFSM_DONE;
}

/* Sequence number of the first octet of text. */
static inline uint32_t text_left(const struct tfsm_segment *seg)
{
    return seq_add(seg->seq, is_syn(seg) ? 1 : 0);
}

/* Octets of text; SEG.LEN was checked before. */
static inline uint32_t text_length(const struct tfsm_segment *seg)
{
    return seg->len - (is_syn(seg) ? 1u : 0u) - (has(seg->flags, TFSM_FIN) ? 1u : 0u);
}

/* Whose budget a reply to a segment comes out of. */
static inline enum tfsm_reply_class reply_class(const struct tfsm_tcb *tcb,
                                                const struct tfsm_segment *seg)
{
    const uint8_t controls = TFSM_ACK | TFSM_RST;
    if (is_syn(seg)) {
        return TFSM_REPLY_SYN;
    }
    if ((seg->flags & controls) == TFSM_ACK && seg->seq == seq_sub(tcb->rcv_nxt, 1) &&
        seq_in(seg->ack, tcb->snd_una, seq_add(in_flight(tcb), 1))) {
        return TFSM_REPLY_EDGE;
    }
    return seq_in(seg->seq, tcb->rcv_nxt, tcb->rcv_wnd) ? TFSM_REPLY_NEAR : TFSM_REPLY_FAR;
}

/* Sequence number of the first octet that the user has not taken. */
static inline uint32_t user_at(const struct tfsm_tcb *tcb)
{
    bool fin_passed = has(tcb->flags, TFSM_M_PEER_FIN) && tcb->rcv_fin == seq_sub(tcb->rcv_nxt, 1);
    return seq_sub(tcb->rcv_nxt, tcb->rcv_user + (fin_passed ? 1u : 0u));
}

/* Where the urgent data end that a segment tells of: no further than the peer's stream, for an urgent
 * pointer may be wrong, and nothing follows a FIN (RFC 9293 3.8.5). [RFC9293:3.8.5b] */
static inline uint32_t urgent_end(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    uint32_t up = seq_add(seg->seq, seg->up);
    return has(tcb->flags, TFSM_M_PEER_FIN) ? seq_min(up, tcb->rcv_fin) : up;
}

/* An urgent pointer that came with the SYN and of which the user was not told yet. Later RCV.UP is
 * never ahead of the user without that, until it is 2^31 octets behind. */
static inline bool urgent_kept(const struct tfsm_tcb *tcb)
{
    return !has(tcb->flags, TFSM_M_URGENT_TOLD) && tcb->rcv_octets < TFSM_SEQ_HALF &&
           seq_lt(user_at(tcb), tcb->rcv_up);
}

/* What the profile offers, as our SYN would. */
static inline uint32_t profile_offers(const struct tfsm_config *cfg)
{
    return (profile(cfg, TFSM_WSCALE) ? TFSM_M_OFFERED_WSCALE : 0u) |
           (profile(cfg, TFSM_TIMESTAMPS) ? TFSM_M_OFFERED_TIMESTAMPS : 0u) |
           (profile(cfg, TFSM_SACK) ? TFSM_M_OFFERED_SACK : 0u) |
           (profile(cfg, TFSM_ECN) ? TFSM_M_OFFERED_ECN : 0u);
}

/* RCV.UP says of something ahead of the user, whether he was told or not. */
static inline bool urgent_ahead(const struct tfsm_tcb *tcb)
{
    return has(tcb->flags, TFSM_M_URGENT_TOLD) || urgent_kept(tcb);
}

#define SHIFT_MAX 14u /* RFC7323:2.3 */

/* Rcv.Wind.Shift: the least that shows the whole buffer (RFC7323:2.3). */
static inline uint8_t own_shift(const struct tfsm_config *cfg)
{
    uint8_t shift = 0;
    if (!profile(cfg, TFSM_WSCALE)) {
        return 0;
    }
    if (cfg->rcv_wscale <= SHIFT_MAX) {
        return cfg->rcv_wscale;
    }
    while (shift < SHIFT_MAX && min32(cfg->rcv_buff, TFSM_BUFF_MAX) >> shift > UINT16_MAX) {
        shift++;
    }
    return shift;
}

/* An MSS as somebody else names it, raised to the floor: a tiny one is at our expense
 * (CVE-2019-11479). */
static inline uint16_t floored_mss(const struct tfsm_config *cfg, uint16_t mss)
{
    return (uint16_t)max32(mss, max32(cfg->mss_floor, 1));
}

/* Eff.snd.MSS as an ICMP message asks for it: never below the floor, and the default where it does
 * not say. */
static inline uint16_t path_mss(const struct tfsm_config *cfg, const struct tfsm_event *ev)
{
    return floored_mss(cfg, ev->mss > 0 ? ev->mss : cfg->mss_default);
}

/* The clock of our timestamps: milliseconds (RFC7323:5.4). [RFC7323:4.1a, 5.4a, 5.4b, 5.4c;
 * RFC7323:5.4d, RFC7323:5.4e] */
TFSM_WRAPS static inline uint32_t timestamp(const struct tfsm_tcb *tcb, tfsm_time now)
{
    return (uint32_t)(now / 1000 & UINT32_MAX) + tcb->ts_offset;
}

/* What the user timeout option says, in microseconds (RFC5482:3.3). [RFC5482:3.3c] */
static inline tfsm_time uto_time(uint16_t option)
{
    return (option & 0x7fffu) * ((option & 0x8000u) != 0 ? UINT64_C(60000000) : UINT64_C(1000000));
}

/* A user timeout within the limits of the host that heeds the option (RFC5482:3.1). [RFC5482:3e] */
static inline tfsm_time uto_bounded(const struct tfsm_config *cfg, tfsm_time timeout)
{
    timeout = timeout > cfg->uto_least ? timeout : cfg->uto_least;
    return timeout < cfg->uto_most ? timeout : cfg->uto_most;
}

/* ---- sack.c ---- */

/* Text of ours that is lost, or may be, and was not sent again. */
enum tfsm_hole { TFSM_HOLE_LOST, TFSM_HOLE_UNSURE, TFSM_HOLE_LAST };

/* The next range of our sequence space to send again, at most SMSS octets; false if there is none
 * (RFC 6675 4, NextSeg rules 1, 3 and 4). */
bool tfsm_next_hole(const struct tfsm_tcb *tcb, enum tfsm_hole kind, struct tfsm_range *out);

/* Octets believed to be in the network (RFC 6675 4, SetPipe). */
uint32_t tfsm_pipe(const struct tfsm_tcb *tcb);

/* SACK says that the octet at SND.UNA is lost (RFC 6675 4, IsLost). */
bool tfsm_front_is_lost(const struct tfsm_tcb *tcb);

/* A block tells of text sent and not known to be held. */
bool tfsm_sack_is_news(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg);

/* Put the blocks of a segment on the scoreboard (RFC 6675 4, Update). */
void tfsm_sack_take(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                    const struct tfsm_event *ev);

/* In fast recovery: mark what is lost by IsLost() (RFC 6675 4). */
void tfsm_sack_mark_lost(struct tfsm_tcb *tcb);

/* The part of a segment's text that had come before; empty when left = right (RFC 2883 4). */
struct tfsm_range tfsm_text_twice(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg);

/* Text came at a sequence number: its range is the one to report first (RFC 2018 4). */
void tfsm_sack_renew(struct tfsm_tcb *tcb, uint32_t seq);

/* Report what we hold out of order, and what came twice (RFC 2018 4, RFC 2883 4). room: octets for
 * options. */
void tfsm_sack_report(struct tfsm_tcb *tcb, size_t room, struct tfsm_segment *out);

/* ---- rack.c ---- */

/* A run was delivered that was not known to be (RFC 8985 6.2 steps 2 and 3). Of one ACK they come in the order of their
 * numbers, and before the first rack_latest is 0. */
void tfsm_rack_deliver(struct tfsm_tcb *tcb, const struct tfsm_event *ev, struct tfsm_sent run);

/* Size the reordering window, mark what is lost, and set the timer for what will be if nothing comes (steps 4 and 5). */
void tfsm_rack_detect(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                      const struct tfsm_event *ev);

/* What is at SND.UNA was sent before something that has arrived. */
bool tfsm_rack_front(const struct tfsm_tcb *tcb);

/* A recovery ends: for so many the reordering window stays as wide as it is (RFC 8985 6.2 step 4), and send times may be
 * told as finely again as those of what is in flight are. */
void tfsm_rack_calms(struct tfsm_tcb *tcb);

/* The retransmission timer went off (RFC 8985 6.3). */
void tfsm_rack_timed_out(struct tfsm_tcb *tcb, tfsm_time now);

/* A segment tells of text of ours that came twice (RFC 2883). */
bool tfsm_tells_twice(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                      struct tfsm_range *twice);

/* ---- undo.c ---- */

/* The window is about to be cut for a loss: remember it, for the loss may be none. */
void tfsm_undo_begin(struct tfsm_tcb *tcb, const struct tfsm_config *cfg);

/* So many octets from a number were sent again, at a time. */
void tfsm_undo_resent(struct tfsm_tcb *tcb, uint32_t left, uint32_t octets, tfsm_time now);

/* It was none: nothing is lost, and the window is what it was. */
void tfsm_undo(struct tfsm_tcb *tcb, const struct tfsm_config *cfg);

/* What came twice: of what was sent again, or a sign that the network doubles. */
void tfsm_undo_twice(struct tfsm_tcb *tcb, const struct tfsm_segment *seg);

/* ---- mtu.c ---- */

/* Text has gone three times, in segments larger than another size that may pass, and nothing came back. */
bool tfsm_is_black_hole(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg);

/* That size, or 0. */
uint16_t tfsm_mss_below(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg);

/* The segment size went down; a message of a smaller path has come: it may go up again, later. */
void tfsm_mtu_lowered(struct tfsm_tcb *tcb, tfsm_time now);
void tfsm_mtu_waits(struct tfsm_tcb *tcb, tfsm_time now);

void tfsm_mtu_try(struct tfsm_tcb *tcb);
void tfsm_mtu_raised(struct tfsm_tcb *tcb, tfsm_time now);

/* The segment that tried a larger size is lost, and perhaps nothing else; or while that is mended more than that. ev: an
 * arrival, or a message that says so. */
void tfsm_mtu_failed(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                     const struct tfsm_event *ev);

/* While it is mended: something else is lost, too. */
bool tfsm_mtu_loses_more(const struct tfsm_tcb *tcb);

/* Fast recovery is over: where it has mended that alone, nothing was congested. */
void tfsm_mtu_mended(struct tfsm_tcb *tcb);

/* ---- validation.c ---- */

/* So much of the congestion window was used lately that it may be believed (RFC 7661 4.3). */
bool tfsm_is_validated(const struct tfsm_tcb *tcb);

bool tfsm_pipe_sample(struct tfsm_tcb *tcb, uint32_t ack, tfsm_time now);
uint32_t tfsm_unvalidated_cut(struct tfsm_tcb *tcb, uint32_t flight);
void tfsm_unvalidated_end(struct tfsm_tcb *tcb);
void tfsm_window_ages(struct tfsm_tcb *tcb, uint32_t initial, tfsm_time now);

/* ---- cubic.c ---- */

/* Congestion avoidance: so many octets are acknowledged (RFC 9438 4.2 to 4.5). */
void tfsm_cubic_grow(struct tfsm_tcb *tcb, uint32_t acked, tfsm_time now);

/* The window was not used up: time does not count (RFC 9438 4.2, 5.8). */
void tfsm_cubic_waits(struct tfsm_tcb *tcb, tfsm_time now);

/* The window is about to be cut (RFC 9438 4.6, 4.7). */
void tfsm_cubic_cut(struct tfsm_tcb *tcb, uint32_t window);

/* The first slow start (RFC 9406 4.2). */
void tfsm_hystart_grow(struct tfsm_tcb *tcb, uint32_t acked);

/* ---- congestion.c ---- */

#define CWND_MAX (1u << 30) /* no window is greater (RFC 7323 2.3) */

static inline uint32_t bounded(uint64_t cwnd)
{
    return cwnd < CWND_MAX ? (uint32_t)cwnd : CWND_MAX;
}

/* Where the window grows by other rules, or not at all. Returns false where those of RFC 5681 hold. */
bool tfsm_cwnd_grow_otherwise(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint32_t acked,
                              tfsm_time now);

/* Slow start below ssthresh, congestion avoidance by counting octets from there (RFC5681:3.1).
 * [RFC5681:3.1g, 3.1h, 3.1i; RFC9293:MUST-19;
 * RFC5681:3.1p, RFC5681:3.1q, RFC5681:3.1r, RFC5681:3.1s; RFC9438:4.10c] */
static inline void cwnd_grow(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint32_t acked,
                             tfsm_time now)
{
    if (profile_any(cfg, TFSM_CWV | TFSM_HYSTART | TFSM_CUBIC) &&
        tfsm_cwnd_grow_otherwise(tcb, cfg, acked, now)) {
        return;
    }
    if (tcb->cwnd < tcb->ssthresh) {
        tcb->cwnd = bounded((uint64_t)tcb->cwnd + min32(acked, smss(tcb)));
        return;
    }
    uint32_t counted = bounded((uint64_t)tcb->cwnd_acked + acked);
    if (counted >= tcb->cwnd) {
        counted -= tcb->cwnd;
        counted = counted < tcb->cwnd ? counted : 0; /* one step an acknowledgment */
        tcb->cwnd = bounded((uint64_t)tcb->cwnd + smss(tcb));
    }
    tcb->cwnd_acked = counted;
}

/* A segment of so much text may go into the network: the congestion window has room. `fresh` says
 * that the text was never sent. */
bool tfsm_cwnd_allows(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint32_t text,
                      bool fresh);

/* Fast recovery begins, whatever the window becomes: from SND.UNA to SND.NXT. */
void tfsm_recovery_begin(struct tfsm_tcb *tcb);

void tfsm_cwnd_open(struct tfsm_tcb *tcb, const struct tfsm_config *cfg);
void tfsm_cwnd_restart(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now);
void tfsm_cwnd_inflate(struct tfsm_tcb *tcb);
void tfsm_mss_down(struct tfsm_tcb *tcb, uint16_t mss);
void tfsm_cwnd_cut(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint32_t acked);
void tfsm_cwnd_lower(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now);
void tfsm_fast_retransmit(struct tfsm_tcb *tcb, const struct tfsm_config *cfg);
void tfsm_rack_recover(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now);
void tfsm_prr(struct tfsm_tcb *tcb);
void tfsm_partial_ack(struct tfsm_tcb *tcb, uint32_t acked);
void tfsm_recovered(struct tfsm_tcb *tcb, const struct tfsm_config *cfg);
void tfsm_timed_out(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now);
void tfsm_resend(struct tfsm_tcb *tcb);

/* ---- wire.c ---- */

/* Octets that the options of a segment take in the header, padded. */
size_t tfsm_options_length(const struct tfsm_segment *seg);

/* Most segments have none. */
static inline size_t options_length(const struct tfsm_segment *seg)
{
    return seg->options != 0 ? tfsm_options_length(seg) : 0;
}

/* Parse the IP header of a packet, or of what an ICMP error quotes of one, up to the protocol wanted.
 * It begins at `at`, and what there is ends at *end. The envelope goes into *out; what it carries is
 * from out->text_at to the new *end. */
enum tfsm_wire_result tfsm_parse_ip(const uint8_t *octets, size_t at, size_t *end,
                                    unsigned protocol, bool quoted, struct tfsm_packet *out);

/* The checksum of what the header of an IP packet announces, which is from `at`, an even number, to
 * `end`, is right. */
bool tfsm_checksum_holds(const uint8_t *ip, unsigned protocol, size_t at, size_t end);

#endif
