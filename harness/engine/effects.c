/* Effects of variants: see effects.h. */
#include "effects.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what the fuzzers are to find ---- */

/* That our SYN counts as acknowledged although it is not, and what becomes of timers and measurements. */
static void syn_counts_as_acked(struct tfsm_tcb *tcb)
{
    tcb->snd_una = tcb->snd_nxt;
    tcb->flags |= TFSM_M_SYN_ACKED;
    tcb->cwnd = 2u * tcb->snd_mss;
    tcb->ssthresh = 1u << 30;
}

static void ack_at_once_after_wrap(struct tfsm_tcb *tcb)
{
    if (tcb->rcv_nxt < tcb->irs) {
        tcb->at_ack = 0;
        tcb->owed |= TFSM_OWE_ACK;
    }
}

static void timeout_doubles(struct tfsm_tcb *tcb)
{
    tcb->rto *= tcb->rto < 30000000 ? 2 : 1;
}

static void timing_ends(struct tfsm_tcb *tcb)
{
    tcb->flags &= ~(uint32_t)TFSM_M_TIMING;
}

static void urgent_mode_ends(struct tfsm_tcb *tcb)
{
    tcb->flags &= ~(uint32_t)TFSM_M_URGENT_TOLD;
}

static void orphan_gets_more_time(struct tfsm_tcb *tcb)
{
    tcb->at_2msl = tcb->state == TFSM_FIN_WAIT_2 ? 0 : tcb->at_2msl;
}

static void one_reply_mutes(struct tfsm_tcb *tcb)
{
    for (unsigned i = 0; i < TFSM_REPLY_CLASSES; i++) {
        tcb->challenges[i] = tcb->challenges[i] > 0 ? UINT8_MAX : 0;
    }
}

/* ---- the same, of loss recovery ---- */

/* The runs of a TCB, in the room that it has: they are of the TCB that is at hand to be changed. */
static struct tfsm_sent *runs_of(struct tfsm_tcb *tcb)
{
    return (struct tfsm_sent *)(uintptr_t)tfsm_sent_runs(tcb);
}

/* What is last in flight counts as lost, and nothing sent later has arrived. */
static void last_is_lost(struct tfsm_tcb *tcb)
{
    struct tfsm_sent *runs = runs_of(tcb);
    unsigned last = tcb->sent_count - 1u;
    if (tcb->sent_count > 1 && (runs[last].at & TFSM_FATES) == 0) {
        runs[last].at |= TFSM_LOST;
        tcb->snd_lost += runs[last].right - runs[last - 1].right;
    }
}

/* What may be late counts as lost at once. */
static void late_is_lost(struct tfsm_tcb *tcb)
{
    struct tfsm_sent *runs = runs_of(tcb);
    uint32_t left = tcb->snd_una;
    for (unsigned i = 0; i < tcb->sent_count && (tcb->loss & TFSM_L_REORDERING) != 0; i++) {
        bool before =
            (int32_t)(runs[i].right - tcb->rack_end) < 0 && (runs[i].at & TFSM_FATES) == 0;
        runs[i].at |= before ? (uint32_t)TFSM_LOST : 0u;
        tcb->snd_lost += before ? runs[i].right - left : 0;
        left = runs[i].right;
    }
}

/* Nor does it begin anew as something is acknowledged. */
static void probe_is_early(struct tfsm_tcb *tcb)
{
    if (tcb->at_early != 0 && (tcb->loss & TFSM_L_REORDERING) == 0) {
        tcb->at_early = 1;
        tcb->loss &= ~(uint32_t)TFSM_L_RESTART;
    }
}

static void probe_does_not_count(struct tfsm_tcb *tcb)
{
    tcb->loss &= ~(uint32_t)TFSM_L_PROBE;
    tcb->loss |= TFSM_L_SAMPLED | TFSM_L_RESTART;
}

static void probe_is_of_nothing(struct tfsm_tcb *tcb)
{
    tcb->loss |= tcb->snd_una != tcb->snd_nxt ? TFSM_L_OWE_PROBE : 0u;
}

static void recovery_lets_out_more(struct tfsm_tcb *tcb)
{
    tcb->cwnd += (tcb->flags & TFSM_M_RECOVERY) != 0 ? 2u * tcb->snd_mss : 0u;
}

static void window_stays(struct tfsm_tcb *tcb)
{
    tcb->cwnd = tcb->ssthresh < 1u << 29 ? tcb->ssthresh + tcb->snd_mss : tcb->cwnd;
}

static void window_grows(struct tfsm_tcb *tcb)
{
    tcb->cwnd += tcb->cwnd > 0 && tcb->cwnd < 1u << 29 ? tcb->snd_mss : 0u;
}

static void peak_is_higher(struct tfsm_tcb *tcb)
{
    tcb->w_max *= tcb->w_max < 1u << 29 ? 2 : 1;
}

static void undo_gives_more(struct tfsm_tcb *tcb)
{
    tcb->undo_cwnd *= tcb->undo_cwnd < 1u << 29 ? 2 : 1;
}

static void pause_is_forgotten(struct tfsm_tcb *tcb)
{
    tcb->sent_at = TFSM_NEVER / 2;
}

/* ---- what shows on the wire ---- */

static void timeout_forgets(struct tfsm_tcb *tcb)
{
    tcb->backoff = 0;
}

static void retransmission_is_forgotten(struct tfsm_tcb *tcb)
{
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_RTX;
    tcb->flags &= ~(uint32_t)TFSM_M_LOSS;
    tcb->sent_count = 0;
    tcb->snd_held = tcb->snd_lost = tcb->snd_both = 0;
}

static void probe_is_forgotten(struct tfsm_tcb *tcb)
{
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_PROBE;
}

static void ack_waits(struct tfsm_tcb *tcb)
{
    tcb->at_ack += tcb->at_ack != 0 ? 600000 : 0;
}

static void ack_says_more(struct tfsm_tcb *tcb)
{
    tcb->rcv_nxt++;
    tcb->rcv_octets++;
}

static void ack_goes_back(struct tfsm_tcb *tcb)
{
    if (tcb->rcv_octets > 2000 && tcb->ooo_count == 0) {
        tcb->rcv_nxt -= 500;
        tcb->rcv_octets -= 500;
        tcb->owed |= TFSM_OWE_ACK;
    }
}

static void timestamps_end(struct tfsm_tcb *tcb)
{
    tcb->flags &= ~(uint32_t)TFSM_M_TIMESTAMPS;
}

static void timestamps_go_back(struct tfsm_tcb *tcb)
{
    tcb->ts_offset -= 1000;
}

static void timestamps_unasked(struct tfsm_tcb *tcb)
{
    tcb->flags |= TFSM_M_TIMESTAMPS;
}

static void scale_unasked(struct tfsm_tcb *tcb)
{
    tcb->flags |= TFSM_M_WSCALE;
}

static void sack_unasked(struct tfsm_tcb *tcb)
{
    tcb->flags |= TFSM_M_SACK;
}

static void sack_says_more(struct tfsm_tcb *tcb)
{
    if (tcb->ooo_count > 0) {
        uint32_t left = tfsm_out_of_order(tcb)[tcb->ooo_count - 1u].right + 20000;
        tcb->dsack = (struct tfsm_range){left, left + 1000};
        tcb->flags |= TFSM_M_DSACK;
    }
}

static void window_is_not_heeded(struct tfsm_tcb *tcb)
{
    tcb->snd_wnd += 40000;
    tcb->cwnd = tcb->cwnd != 0 ? 1u << 20 : 0;
}

static void window_goes_back(struct tfsm_tcb *tcb)
{
    if (tcb->rcv_wnd > 6000) {
        tcb->rcv_wnd -= 3000;
        tcb->rcv_user += 3000;
    }
}

static void segments_double(struct tfsm_tcb *tcb)
{
    tcb->snd_mss *= 2;
}

static void time_wait_is_over(struct tfsm_tcb *tcb)
{
    tcb->at_2msl = tcb->at_2msl != 0 ? 1 : 0;
}

static void urgent_beyond_all(struct tfsm_tcb *tcb)
{
    tcb->snd_up = tcb->snd_end + 30000;
    tcb->flags |= TFSM_M_URGENT;
}

static void rst_astray(struct tfsm_tcb *tcb)
{
    tcb->rst_seq = 0;
}

static void first_flight_is_huge(struct tfsm_tcb *tcb)
{
    tcb->cwnd = 1u << 20;
    tcb->first_flight = 0;
}

/* The connection goes on with numbers of nothing. */
static void numbers_jump(struct tfsm_tcb *tcb)
{
    const uint32_t far = UINT32_C(1) << 31;
    if (tcb->snd_octets > 5000) {
        tcb->iss += far;
        tcb->snd_una += far;
        tcb->snd_nxt += far;
        tcb->snd_end += far;
    }
}

/* A segment's worth is passed over, and never sent. */
static void front_is_skipped(struct tfsm_tcb *tcb)
{
    uint32_t left = tcb->snd_end - tcb->snd_nxt;
    if (tcb->snd_una == tcb->snd_nxt && tcb->snd_octets > 5000 && left > 2000 && left < 1u << 20) {
        tcb->snd_una += 1000;
        tcb->snd_nxt += 1000;
        tcb->snd_octets += 1000;
    }
}

static void acks_are_lazy(struct tfsm_tcb *tcb)
{
    if (tcb->ooo_count == 0 && (tcb->owed & TFSM_OWE_ACK) != 0) {
        tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_ACK;
        tcb->at_ack = tcb->ts_recent_from + 300000;
    }
}

/* While the window lets nothing out, an ACK alone has a number of what was never sent. */
static void numbers_run_ahead(struct tfsm_tcb *tcb)
{
    if ((tcb->owed & TFSM_OWE_ACK) != 0 && tcb->snd_nxt - tcb->snd_una + tcb->snd_mss > tcb->cwnd) {
        tcb->snd_nxt += 11;
    }
}

static void numbers_come_back(struct tfsm_tcb *tcb)
{
    if ((tcb->snd_nxt - tcb->snd_una) % 2 != 0 &&
        tcb->snd_nxt - tcb->snd_una + tcb->snd_mss > tcb->cwnd) {
        tcb->snd_nxt -= 11;
    }
}

static void rst_elsewhere(struct tfsm_tcb *tcb)
{
    tcb->rst_seq += 5000000;
}

static void sack_of_next(struct tfsm_tcb *tcb)
{
    if ((tcb->flags & TFSM_M_SACK) != 0) {
        tcb->dsack = (struct tfsm_range){tcb->rcv_nxt - 100, tcb->rcv_nxt + 100};
        tcb->flags |= TFSM_M_DSACK;
    }
}

static void sack_ends(struct tfsm_tcb *tcb)
{
    tcb->flags &= ~(uint32_t)TFSM_M_SACK;
}

static void numbers_move(struct tfsm_tcb *tcb)
{
    tcb->snd_una += 3;
    tcb->snd_nxt += 3;
    tcb->snd_end += 3;
}

static void numbers_move_back(struct tfsm_tcb *tcb)
{
    tcb->snd_una -= 3;
    tcb->snd_nxt -= 3;
    tcb->snd_end -= 3;
}

/* The FIN goes before the last of the text: for that the queue is short until it is out. */
static void queue_is_short(struct tfsm_tcb *tcb)
{
    tcb->snd_end -= tcb->snd_end - tcb->snd_nxt > 5000 ? 3000 : 0;
}

static void queue_is_whole(struct tfsm_tcb *tcb)
{
    if (tcb->snd_nxt == tcb->snd_end + 1 && tcb->snd_nxt - tcb->iss < 99000) {
        tcb->snd_end += 3000;
    }
}

/* Two seconds go by and the clock has not moved. */
static void clock_stands(struct tfsm_tcb *tcb)
{
    tcb->ts_offset -= 2000;
}

static void urgent_ahead(struct tfsm_tcb *tcb)
{
    tcb->snd_up = tcb->snd_nxt + 20000;
    tcb->flags |= TFSM_M_URGENT;
}

static void urgent_goes_back(struct tfsm_tcb *tcb)
{
    tcb->snd_up -= tcb->snd_up - tcb->snd_nxt < 30000 ? 2000 : 0;
}

static void ecn_unasked(struct tfsm_tcb *tcb)
{
    tcb->flags |= TFSM_M_ECN | TFSM_M_ECE;
}

static void ect_unasked(struct tfsm_tcb *tcb)
{
    tcb->flags |= TFSM_M_ECN;
    tcb->flags &= ~(uint32_t)TFSM_M_NOT_ECT;
}

/* So often as the octet of the limiter counts. */
static void ack_repeats(struct tfsm_tcb *tcb)
{
    if (tcb->challenges[0] < 100) {
        tcb->challenges[0]++;
        tcb->owed |= TFSM_OWE_ACK;
    }
}

static void timeout_is_short(struct tfsm_tcb *tcb)
{
    tcb->rto = 5000;
}

static void options_do_not_count(struct tfsm_tcb *tcb)
{
    tcb->snd_mss += 12;
}

static void echo_is_zero(struct tfsm_tcb *tcb)
{
    tcb->ts_recent = 0;
}

static const struct {
    const char *name;
    void (*change)(struct tfsm_tcb *tcb);
} effects[] = {
    {"syn-counts-as-acked", syn_counts_as_acked},
    {"ack-at-once-after-wrap", ack_at_once_after_wrap},
    {"timeout-doubles", timeout_doubles},
    {"timing-ends", timing_ends},
    {"urgent-mode-ends", urgent_mode_ends},
    {"orphan-gets-more-time", orphan_gets_more_time},
    {"one-reply-mutes", one_reply_mutes},
    {"last-is-lost", last_is_lost},
    {"late-is-lost", late_is_lost},
    {"probe-is-early", probe_is_early},
    {"probe-does-not-count", probe_does_not_count},
    {"probe-is-of-nothing", probe_is_of_nothing},
    {"recovery-lets-out-more", recovery_lets_out_more},
    {"window-stays", window_stays},
    {"window-grows", window_grows},
    {"peak-is-higher", peak_is_higher},
    {"undo-gives-more", undo_gives_more},
    {"pause-is-forgotten", pause_is_forgotten},
    {"timeout-forgets", timeout_forgets},
    {"retransmission-is-forgotten", retransmission_is_forgotten},
    {"probe-is-forgotten", probe_is_forgotten},
    {"ack-waits", ack_waits},
    {"ack-says-more", ack_says_more},
    {"ack-goes-back", ack_goes_back},
    {"timestamps-end", timestamps_end},
    {"timestamps-go-back", timestamps_go_back},
    {"timestamps-unasked", timestamps_unasked},
    {"scale-unasked", scale_unasked},
    {"sack-unasked", sack_unasked},
    {"sack-says-more", sack_says_more},
    {"window-is-not-heeded", window_is_not_heeded},
    {"window-goes-back", window_goes_back},
    {"segments-double", segments_double},
    {"time-wait-is-over", time_wait_is_over},
    {"urgent-beyond-all", urgent_beyond_all},
    {"rst-astray", rst_astray},
    {"first-flight-is-huge", first_flight_is_huge},
    {"numbers-jump", numbers_jump},
    {"front-is-skipped", front_is_skipped},
    {"acks-are-lazy", acks_are_lazy},
    {"numbers-run-ahead", numbers_run_ahead},
    {"numbers-come-back", numbers_come_back},
    {"rst-elsewhere", rst_elsewhere},
    {"sack-of-next", sack_of_next},
    {"sack-ends", sack_ends},
    {"numbers-move", numbers_move},
    {"numbers-move-back", numbers_move_back},
    {"queue-is-short", queue_is_short},
    {"queue-is-whole", queue_is_whole},
    {"clock-stands", clock_stands},
    {"urgent-ahead", urgent_ahead},
    {"urgent-goes-back", urgent_goes_back},
    {"ecn-unasked", ecn_unasked},
    {"ect-unasked", ect_unasked},
    {"ack-repeats", ack_repeats},
    {"timeout-is-short", timeout_is_short},
    {"options-do-not-count", options_do_not_count},
    {"echo-is-zero", echo_is_zero},
};

unsigned effect_count(void)
{
    return COUNT(effects);
}

const char *effect_name(unsigned effect)
{
    return effects[effect].name;
}

void effect_change(unsigned effect, struct tfsm_tcb *tcb)
{
    effects[effect].change(tcb);
}
