/* Values that an analysis takes for whatever their type can hold. A driver that is fed them speaks of every run at once. */
#ifndef ARBITRARY_H
#define ARBITRARY_H

#include <__fc_builtin.h>

#include "tfsm.h"

/* Read anew each time, of which a compiler or an analysis knows nothing. */
static volatile uint64_t arbitrary;

static uint8_t any8(void)
{
    return (uint8_t)arbitrary;
}

static uint16_t any16(void)
{
    return (uint16_t)arbitrary;
}

static uint32_t any32(void)
{
    return (uint32_t)arbitrary;
}

static uint64_t any64(void)
{
    return arbitrary;
}

/* least <= most */
static int any_from(int least, int most)
{
    return Frama_C_interval(least, most);
}

static bool any_bool(void)
{
    return arbitrary != 0;
}

static void any_octets(void *octets, size_t n)
{
    if (n > 0) {
        Frama_C_make_unknown(octets, n);
    }
}

/* Of a TCB no more is relied on than this: one of the eleven states, shifts below 32, and the room that there is for it. */
static void any_tcb(struct tfsm_tcb *tcb, uint16_t room)
{
    any_octets(tcb, sizeof *tcb);
    tcb->state = (uint8_t)any_from(TFSM_CLOSED, TFSM_TIME_WAIT);
    tcb->snd_wscale = (uint8_t)any_from(0, 31);
    tcb->rcv_wscale = (uint8_t)any_from(0, 31);
    tcb->room = room;
}

/* So it is left, too: what one driver shows of a call, another takes for granted. */
static void must_be_tcb(const struct tfsm_tcb *tcb, uint16_t room)
{
    //@ assert tcb->state <= TFSM_TIME_WAIT && tcb->snd_wscale < 32 && tcb->rcv_wscale < 32 && tcb->room == room;
}

static void any_segment(struct tfsm_segment *seg)
{
    seg->seq = any32();
    seg->ack = any32();
    seg->len = any32();
    seg->wnd = any16();
    seg->up = any16();
    seg->flags = any8();
    seg->security = any8();
    seg->options = any8();
    seg->wscale = any8();
    seg->ecn = any8();
    seg->cookie_len = any8();
    seg->sacks = any8();
    seg->mss = any16();
    seg->user_timeout = any16();
    seg->ts_val = any32();
    seg->ts_ecr = any32();
    for (unsigned i = 0; i < TFSM_SACK_MAX; i++) {
        seg->sack[i].left = any32();
        seg->sack[i].right = any32();
    }
    seg->text_offset = any64();
    seg->rule = any16();
}

static void any_event(struct tfsm_event *ev)
{
    ev->kind = (enum tfsm_event_kind)any32();
    ev->now = any64();
    ev->len = any32();
    ev->iss = any32();
    ev->ts_offset = any32();
    ev->active = any_bool();
    ev->remote = any_bool();
    ev->urgent = any_bool();
    ev->deaf = any_bool();
    ev->listener = any_bool();
    ev->fast_open = any_bool();
    ev->cookie_len = any8();
    ev->security = any8();
    ev->mss = any16();
    ev->icmp = (enum tfsm_icmp)any32();
    any_segment(&ev->segment);
}

static void any_config(struct tfsm_config *cfg)
{
    cfg->profile = any32();
    cfg->rcv_buff = any32();
    cfg->snd_buff = any32();
    cfg->mss = any16();
    cfg->mss_default = any16();
    cfg->mss_floor = any16();
    cfg->rcv_wscale = any8();
    cfg->syn_retries = any8();
    cfg->retries = any8();
    cfg->r1 = any8();
    cfg->initial_window = any8();
    cfg->keepalive_tries = any8();
    cfg->challenge_limit = any8();
    cfg->challenge_every = any64();
    cfg->rto_initial = any64();
    cfg->rto_min = any64();
    cfg->rto_max = any64();
    cfg->msl = any64();
    cfg->user_timeout = any64();
    cfg->ack_delay = any64();
    cfg->keepalive_idle = any64();
    cfg->keepalive_every = any64();
    cfg->uto_advertised = any64();
    cfg->uto_least = any64();
    cfg->uto_most = any64();
}

static void any_address(struct tfsm_address *address)
{
    address->family = any8();
    any_octets(address->octets, sizeof address->octets);
}

static void any_packet(struct tfsm_packet *packet)
{
    any_address(&packet->src);
    any_address(&packet->dst);
    packet->src_port = any16();
    packet->dst_port = any16();
    packet->hops = any8();
    packet->traffic_class = any8();
    packet->reserved = any8();
    packet->text_at = any32();
    any_octets(packet->cookie, sizeof packet->cookie);
    any_segment(&packet->segment);
}

#endif
