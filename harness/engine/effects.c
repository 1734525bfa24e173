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

/* ---- what shows on the wire ---- */

static void timeout_forgets(struct tfsm_tcb *tcb)
{
    tcb->backoff = 0;
}

static void retransmission_is_forgotten(struct tfsm_tcb *tcb)
{
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_RTX;
    tcb->flags &= ~(uint32_t)TFSM_M_LOSS;
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
        uint32_t left = tcb->ooo[tcb->ooo_count - 1].right + 20000;
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
