/* What the peer of a bare TCB says by a network record: see speak.h. */
#include "speak.h"
#include "seq.h"

bool knows_peer(const struct tfsm_tcb *tcb)
{
    const unsigned before = 1u << TFSM_CLOSED | 1u << TFSM_LISTEN | 1u << TFSM_SYN_SENT;
    return (before >> tcb->state & 1) == 0;
}

/* The peer's SYN offers whatever we do. */
static void accept_offers(uint32_t profile, struct tfsm_segment *segment)
{
    segment->options |= profile & TFSM_TIMESTAMPS ? TFSM_OPT_TIMESTAMPS : 0;
    segment->options |= profile & TFSM_SACK ? TFSM_OPT_SACK_PERMITTED : 0;
    if ((profile & TFSM_ECN) != 0) {
        segment->flags |= segment->flags & TFSM_ACK ? TFSM_ECE : TFSM_ECE | TFSM_CWR;
    }
}

struct tfsm_segment speak(const struct record *record, const struct tfsm_tcb *tcb, uint32_t profile,
                          const struct speaker *peer, tfsm_time now)
{
    static const uint16_t lengths[16] = {0,    1,    2,    3,    8, 64, 100, 536,
                                         1000, 1460, 2000, 4096, 0, 0,  10,  30};
    static const uint8_t openers[4] = {TFSM_SYN, TFSM_SYN | TFSM_ACK, TFSM_RST,
                                       TFSM_RST | TFSM_ACK};
    struct tfsm_segment segment = {.seq = peer->nxt,
                                   .ack = tcb->snd_nxt,
                                   .flags = TFSM_ACK,
                                   .wnd = 65535,
                                   .security = tcb->security};
    if (record->kind == RECORD_COPY) {
        segment.flags = openers[record->index & 3];
        if ((segment.flags & TFSM_SYN) != 0) {
            segment.seq = record->index & 4 ? segment.seq : peer->iss;
            segment.len = 1;
            segment.options = record->index & 8 ? TFSM_OPT_MSS | TFSM_OPT_WSCALE : 0;
            segment.mss = 1400;
            segment.wscale = 7;
            accept_offers(profile, &segment);
        }
    } else {
        segment.len = lengths[record->index];
        segment.wnd = record->index == 12 ? 0 : 65535;
        if (record->index == 13) { /* a duplicate: something before it was lost */
            uint32_t flight = seq_distance(tcb->snd_una, tcb->snd_nxt);
            segment.ack = tcb->snd_una;
            segment.options = tcb->flags & TFSM_M_SACK && flight > 1 ? TFSM_OPT_SACK : 0;
            segment.sacks = 1;
            segment.sack[0].left = seq_add(tcb->snd_una, 1 + flight / 4);
            segment.sack[0].right = seq_add(tcb->snd_una, 1 + flight / 4 + flight / 2);
        }
        segment.ecn = record->index == 14 ? TFSM_CE : 0;
        segment.flags |= record->index == 15 ? TFSM_ECE | TFSM_CWR : 0;
        if (record->kind == RECORD_DROP) {
            segment.flags |= TFSM_FIN;
            segment.len++;
        }
    }
    if ((tcb->flags & TFSM_M_TIMESTAMPS) != 0 || (segment.options & TFSM_OPT_TIMESTAMPS) != 0) {
        segment.options |= TFSM_OPT_TIMESTAMPS;
        segment.ts_val = seq_add(peer->stamp, 1);
        segment.ts_ecr = seq_sub(timestamp_now(tcb, now), 2);
    }
    return segment;
}
