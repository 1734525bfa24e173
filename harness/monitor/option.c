/* Options and ECN: what the SYNs of both sides settle, what segments then bear, and what goes out
 * with ours. */
#include "internal.h"
#include "seq.h"

/* ---- SYNs ---- */

/* A listener made less of a SYN than it says: a cookie for it is out, which brings back not every
 * option (RFC 4987 3.6). Then the core alone would have made something else of it. */
static bool made_less(const struct tfsm_config *cfg, const struct tfsm_tcb *before,
                      const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    return before->state == TFSM_LISTEN && !monitor_comes_to(cfg, before, ev, after);
}

/* What the SYNs of both sides settle; that of ev is the peer's, accepted. Where less was made of it
 * an option may be missing, and none may be there that was not offered. */
static void note_agreement(struct monitor *monitor, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev, const struct tfsm_tcb *before,
                           const struct tfsm_tcb *after, bool less)
{
    const struct tfsm_segment *syn = &ev->segment;
    /* In SYN-SENT our SYN made the offer; else we answer with what the profile has. */
    bool sent = before->state == TFSM_SYN_SENT;
    uint8_t ours = sent ? monitor->offered : 0;
    uint8_t ecn = syn->flags & (TFSM_ECE | TFSM_CWR);
    bool both = (syn->flags & TFSM_ACK) != 0 ? ecn == TFSM_ECE : ecn == (TFSM_ECE | TFSM_CWR);
    if (!sent || !monitor->syn_out) {
        ours |= cfg->profile & TFSM_TIMESTAMPS ? TFSM_OPT_TIMESTAMPS : 0;
        ours |= cfg->profile & TFSM_SACK ? TFSM_OPT_SACK_PERMITTED : 0;
    }
    monitor->timestamps = (ours & syn->options & TFSM_OPT_TIMESTAMPS) != 0;
    monitor->sack = (ours & syn->options & TFSM_OPT_SACK_PERMITTED) != 0;
    monitor->ecn = (cfg->profile & TFSM_ECN) != 0 && both;
    if (less) {
        monitor->timestamps = monitor->timestamps && (after->flags & TFSM_M_TIMESTAMPS) != 0;
        monitor->sack = monitor->sack && (after->flags & TFSM_M_SACK) != 0;
        monitor->ecn = monitor->ecn && (after->flags & TFSM_M_ECN) != 0;
    }
    monitor->ts_recent = monitor->timestamps ? syn->ts_val : 0;
    monitor->ack_out = seq_add(syn->seq, 1);
    monitor->ack_out_known = true;
    if (monitor->timestamps != ((after->flags & TFSM_M_TIMESTAMPS) != 0) ||
        monitor->sack != ((after->flags & TFSM_M_SACK) != 0) ||
        monitor->ecn != ((after->flags & TFSM_M_ECN) != 0)) {
        fails(monitor, "OPTIONS_AGREED",
              "RFC7323:2.2 an option is used when both SYNs offer it, and only then");
    }
}

uint16_t monitor_own_mss(const struct tfsm_config *cfg)
{
    uint16_t most = tfsm_mss(UINT32_MAX, 4);
    return cfg->mss < 1 ? 1 : cfg->mss < most ? cfg->mss : most;
}

/* What the peer's SYN settles: the largest text it takes, and whether windows are scaled. */
static void note_syn(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_segment *seg, const struct tfsm_tcb *after, bool less)
{
    uint16_t mss = cfg->mss_default;
    if ((seg->options & TFSM_OPT_MSS) != 0) {
        mss = seg->mss > cfg->mss_floor ? seg->mss : cfg->mss_floor;
    }
    mss = mss < monitor_own_mss(cfg) ? mss : monitor_own_mss(cfg);
    monitor->peer_mss = mss > 0 ? mss : 1;
    bool scaled = (seg->options & TFSM_OPT_WSCALE) != 0 && (cfg->profile & TFSM_WSCALE) != 0;
    uint8_t shift = seg->wscale < 14 ? seg->wscale : 14;
    if (less && after->snd_wscale == 0 && after->rcv_wscale == 0) {
        scaled = false;
    }
    if (after->snd_wscale != (scaled ? shift : 0) || (!scaled && after->rcv_wscale != 0)) {
        fails_by(monitor, "WSCALE_AGREED",
                 "RFC7323:2.2 windows are scaled when both SYNs offer it, as they say",
                 scaled ? shift : 0, after->snd_wscale);
    }
}

void option_settle(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, const struct tfsm_event *ev,
                   const struct tfsm_tcb *after)
{
    bool less = made_less(cfg, before, ev, after);
    note_syn(monitor, cfg, &ev->segment, after, less);
    note_agreement(monitor, cfg, ev, before, after, less);
}

/* A SYN of the peer's that comes again, and is answered, speaks of ECN anew. */
void option_plain_syn(struct monitor *monitor, const struct tfsm_tcb *before,
                      const struct tfsm_segment *seg, const struct tfsm_tcb *after)
{
    uint8_t offer = seg->flags & TFSM_ACK ? TFSM_ECE : TFSM_ECE | TFSM_CWR;
    if ((seg->flags & (TFSM_SYN | TFSM_RST)) == TFSM_SYN && seg->seq == before->irs &&
        before->irs == after->irs && IN(before, SYNCHRONIZED | BIT(SYN_RECEIVED)) &&
        (seg->flags & (TFSM_ECE | TFSM_CWR)) != offer) {
        monitor->syn_unheard = true;
        monitor->syn_plain = monitor->syn_plain ||
                             (after->owed & ~before->owed & (TFSM_OWE_ACK | TFSM_OWE_RTX)) != 0;
    }
}

/* ---- what comes in ---- */

/* The account of options, for a segment that was accepted. */
void option_step(struct monitor *monitor, const struct tfsm_event *ev,
                 const struct tfsm_tcb *before, const struct tfsm_tcb *after)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool outdated = ev->now - before->ts_recent_from > OUTDATED;
    if (monitor->timestamps && (seg->options & TFSM_OPT_TIMESTAMPS) != 0 &&
        monitor->ack_out_known && !monitor_fin_again(before, seg) &&
        seq_le(seg->seq, monitor->ack_out) &&
        (!seq_lt(seg->ts_val, monitor->ts_recent) || outdated)) {
        monitor->ts_recent = seg->ts_val;
    }
    if ((seg->flags & TFSM_ACK) != 0) {
        sack_held(monitor, after, seg);
    }
    if (monitor->ecn && text_of(seg) > 0 && !monitor_syn_repeated(before, seg) &&
        IN(before, BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2) | BIT(SYN_RECEIVED))) {
        if (seg->ecn == TFSM_CE) {
            monitor->ece_due = true;
        } else if ((seg->flags & TFSM_CWR) != 0) {
            monitor->ece_due = false;
        }
    }
    if (after->state == TFSM_TIME_WAIT &&
        (before->state != TFSM_TIME_WAIT || monitor_fin_again(before, seg)) &&
        monitor->timestamps && (seg->options & TFSM_OPT_TIMESTAMPS) != 0 &&
        seq_lt(monitor->ts_recent, seg->ts_val)) {
        monitor->ts_recent = seg->ts_val; /* of the last segment of the incarnation (RFC 6191 2) */
    }
    monitor->heard = ev->now;
    monitor->asked = false;
}

/* ---- what goes out ---- */

/* Options and the ECN field of a segment that goes out: what was agreed, no more and no less. */
void option_output(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                   const struct tfsm_tcb *after)
{
    bool syn = (seg->flags & TFSM_SYN) != 0;
    bool ack = (seg->flags & TFSM_ACK) != 0;
    bool stamped = (seg->options & TFSM_OPT_TIMESTAMPS) != 0;
    bool fresh = text_of(seg) > 0 && seg->seq == before->snd_nxt;
    uint32_t clock = (uint32_t)(now / 1000 & UINT32_MAX);
    if ((seg->options & TFSM_OPT_FAST_OPEN) != 0 && (!syn || monitor->syn_out)) {
        fails(monitor, "FAST_OPEN_ONCE",
              "RFC7413:4.2.2 Fast Open is tried with the first SYN only");
    }
    if (syn) {
        monitor->offered = seg->options;
        monitor->syn_out = true;
    } else if ((seg->options & (TFSM_OPT_MSS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED |
                                TFSM_OPT_FAST_OPEN)) != 0) {
        fails(monitor, "SYN_OPTIONS", "RFC9293:MUST-65 these options go on a SYN only");
    }
    if (stamped != (syn && !ack ? (cfg->profile & TFSM_TIMESTAMPS) != 0 : monitor->timestamps)) {
        fails(monitor, "TS_ALWAYS",
              "RFC7323:3.2e timestamps on every segment once agreed, else none");
    }
    if (stamped && (seg->ts_val != seq_add(clock, after->ts_offset) ||
                    seg->ts_ecr != (ack ? monitor->ts_recent : 0))) {
        fails(monitor, "TS_ECHO", "RFC7323:3.2b TSval is our clock, TSecr the TSval to echo");
    }
    sack_output(monitor, seg, after);
    bool ece = (seg->flags & TFSM_ECE) != 0;
    bool cwr = (seg->flags & TFSM_CWR) != 0;
    bool wrong = syn ? (!ack && ece != cwr) || (ece && (cfg->profile & TFSM_ECN) == 0) ||
                           (ack && (cwr || ece != monitor->ecn))
                     : ece != monitor->ece_due || (cwr && !(monitor->ecn && fresh));
    if (wrong) {
        fails(monitor, "ECN_FLAGS",
              "RFC3168:6.1.3a ECE from CE until CWR, CWR on new text, both to ask for ECN");
    }
    monitor->ecn_offered = monitor->ecn_offered || (syn && ece);
    monitor->syn_plain = monitor->syn_plain || (syn && !ece && monitor->ecn_offered);
    bool ect = monitor->ecn && !monitor->syn_plain && fresh && !syn && before->at_persist == 0;
    if (seg->ecn != (ect ? TFSM_ECT_0 : 0) && !(ect && monitor->syn_unheard && seg->ecn == 0)) {
        fails(monitor, "ECN_FIELD",
              "RFC3168:6.1.1d, RFC3168:6.1.5a only new text may be marked by the network, and only "
              "where every SYN had the offer");
    }
}
