/* The machine held to the prose. See prose.h. */
#include <stdio.h>

#include "prose.h"
#include "seq.h"

/* What is compared next; the first difference stays. */
struct comparison {
    struct prose_difference difference;
    const struct prose_verdict *v;
    const struct tfsm_tcb *before;
    const struct tfsm_tcb *after;
    const struct tfsm_effects *fx;
};

static void same(struct comparison *c, const char *field, uint64_t demanded, uint64_t found)
{
    if (c->difference.field == NULL && demanded != found) {
        c->difference = (struct prose_difference){
            .field = field, .section = c->v->section, .demanded = demanded, .found = found};
    }
}

static bool is_free(const struct comparison *c, uint32_t what)
{
    return (c->v->free & what) != 0;
}

/* Nothing was replied yet in this interval, so that no limiter can keep silent. */
static bool limiter_is_fresh(const struct comparison *c, const struct tfsm_config *cfg)
{
    bool fresh = cfg->challenge_limit != 0;
    for (unsigned i = 0; i < TFSM_REPLY_CLASSES; i++) {
        fresh = fresh && c->before->challenges[i] == 0;
    }
    return fresh;
}

/* An ACK is owed: at once, soon, or by the segment that goes out anyway. */
static bool owes_ack(const struct tfsm_tcb *tcb)
{
    return (tcb->owed & TFSM_OWE_ACK) != 0 || tcb->at_ack != 0;
}

static void compare_reset(struct comparison *c, enum prose_reply demanded)
{
    uint8_t owed = c->after->owed;
    bool with_ack = (owed & TFSM_OWE_RST_ACK) != 0;
    bool found = (owed & TFSM_OWE_RST) != 0;
    if (demanded != PROSE_RST && demanded != PROSE_RST_ACK) {
        /* One that was owed already may still be. */
        bool new_rst = found && (c->before->owed & TFSM_OWE_RST) == 0;
        same(c, "a RST", 0, new_rst);
        return;
    }
    same(c, "a RST", 1, found);
    if (!is_free(c, PROSE_FREE_RST)) {
        same(c, "a RST with an ACK", demanded == PROSE_RST_ACK, with_ack);
        same(c, "SEQ of the RST", c->v->rst_seq, c->after->rst_seq);
        same(c, "ACK of the RST", with_ack ? c->v->rst_ack : 0, with_ack ? c->after->rst_ack : 0);
    }
}

static void compare_reply(struct comparison *c, const struct tfsm_config *cfg)
{
    bool was_owed = owes_ack(c->before);
    bool owes_syn = (c->after->owed & (TFSM_OWE_SYN | TFSM_OWE_RTX)) != 0;
    compare_reset(c, c->v->reply);
    if (is_free(c, PROSE_FREE_REPLY)) {
        return;
    }
    if (c->v->reply == PROSE_SYN_ACK) {
        if (!is_free(c, PROSE_FREE_LIMITED) || limiter_is_fresh(c, cfg)) {
            same(c, "a SYN-ACK", 1, owes_syn);
        }
    } else if (c->v->reply == PROSE_ACK) {
        if (!is_free(c, PROSE_FREE_LIMITED) || limiter_is_fresh(c, cfg)) {
            same(c, "an ACK", 1, owes_ack(c->after));
        }
    } else if (c->v->reply == PROSE_NOTHING && !was_owed) {
        same(c, "an ACK", 0, owes_ack(c->after));
    }
}

static void compare_numbers(struct comparison *c)
{
    const struct prose_verdict *v = c->v;
    if (c->after->state == TFSM_CLOSED || c->after->state == TFSM_LISTEN) {
        return; /* there is no connection to speak of */
    }
    same(c, "SND.UNA", v->snd_una, c->after->snd_una);
    if (!is_free(c, PROSE_FREE_TEXT)) {
        same(c, "RCV.NXT", v->rcv_nxt, c->after->rcv_nxt);
        same(c, "octets delivered", v->delivered, c->fx->delivered);
    }
    if (!is_free(c, PROSE_FREE_WINDOW)) {
        same(c, "SND.WND", v->snd_wnd, c->after->snd_wnd);
        same(c, "SND.WL1", v->snd_wl1, c->after->snd_wl1);
        same(c, "SND.WL2", v->snd_wl2, c->after->snd_wl2);
    }
    if (!is_free(c, PROSE_FREE_STAMP)) {
        same(c, "TS.Recent", v->ts_recent, c->after->ts_recent);
    }
}

static void compare_user(struct comparison *c)
{
    unsigned mask = PROSE_SIGNALS;
    if (is_free(c, PROSE_FREE_URGENT)) {
        mask &= ~(unsigned)TFSM_SIG_URGENT;
    }
    if (!is_free(c, PROSE_FREE_SIGNALS)) {
        same(c, "signals", c->v->signals & mask, c->fx->signals & mask);
    }
}

static void compare_time_wait(struct comparison *c, const struct tfsm_config *cfg,
                              const struct tfsm_event *ev)
{
    if (c->v->state != TFSM_TIME_WAIT || is_free(c, PROSE_FREE_TIME_WAIT)) {
        return;
    }
    if (c->v->time_wait) {
        /* A time of 0 counts as a microsecond (tfsm_step()); what does not fit is clamped. */
        if (cfg->msl < TFSM_NEVER / 4 && ev->now < TFSM_NEVER / 4) {
            tfsm_time span = cfg->msl == 0 ? 1 : 2 * cfg->msl;
            same(c, "the 2 MSL timer", ev->now + span, c->after->at_2msl);
        }
    } else {
        same(c, "the 2 MSL timer", c->before->at_2msl, c->after->at_2msl);
    }
}

struct prose_difference prose_compare(const struct tfsm_tcb *before, const struct tfsm_config *cfg,
                                      const struct tfsm_event *ev, const struct tfsm_effects *fx,
                                      const struct tfsm_tcb *after)
{
    struct prose_verdict v = prose_segment(before, cfg, ev);
    struct comparison c = {.v = &v, .before = before, .after = after, .fx = fx};
    if (is_free(&c, PROSE_FREE_ALL)) {
        return c.difference;
    }
    same(&c, "the next incarnation", v.reopens, fx->verdict == TFSM_V_REOPEN);
    same(&c, "state", v.state, after->state);
    compare_user(&c);
    compare_reply(&c, cfg);
    compare_numbers(&c);
    compare_time_wait(&c, cfg, ev);
    return c.difference;
}

void prose_describe(const struct prose_difference *difference, const struct tfsm_tcb *before,
                    const struct tfsm_event *ev, char line[PROSE_LINE])
{
    const struct tfsm_segment *seg = &ev->segment;
    int64_t seq = (int32_t)seq_distance(before->rcv_nxt, seg->seq);
    int64_t ack = (int32_t)seq_distance(before->snd_una, seg->ack);
    (void)snprintf(line, PROSE_LINE,
                   "%s: %s: demanded %#llx, found %#llx; in %s, flags %#x, SEG.SEQ RCV.NXT%+lld, "
                   "SEG.ACK SND.UNA%+lld, SEG.LEN %u, SEG.WND %u, options %#x; RCV.WND %u, "
                   "SND.NXT-SND.UNA %u, memory %#x",
                   difference->section, difference->field, (unsigned long long)difference->demanded,
                   (unsigned long long)difference->found,
                   tfsm_state_name((enum tfsm_state)before->state), seg->flags, (long long)seq,
                   (long long)ack, seg->len, seg->wnd, seg->options, before->rcv_wnd,
                   seq_distance(before->snd_una, before->snd_nxt), before->flags);
}
