/* Whether two of what the machine hands out are the same. Structs may hold padding: member by member. */
#ifndef HARNESS_SAME_H
#define HARNESS_SAME_H

#include "tfsm.h"

#include <string.h>

static inline bool same_segment(const struct tfsm_segment *a, const struct tfsm_segment *b)
{
    return a->seq == b->seq && a->ack == b->ack && a->len == b->len && a->wnd == b->wnd &&
           a->up == b->up && a->flags == b->flags && a->security == b->security &&
           a->options == b->options && a->wscale == b->wscale && a->ecn == b->ecn &&
           a->cookie_len == b->cookie_len && a->sacks == b->sacks && a->mss == b->mss &&
           a->user_timeout == b->user_timeout && a->ts_val == b->ts_val && a->ts_ecr == b->ts_ecr &&
           a->text_offset == b->text_offset && a->rule == b->rule &&
           memcmp(a->sack, b->sack, sizeof a->sack) == 0;
}

/* Of text[] only what is said to be there. */
static inline bool same_effects(const struct tfsm_effects *a, const struct tfsm_effects *b)
{
    return a->signals == b->signals && a->rule == b->rule && a->verdict == b->verdict &&
           a->text_count == b->text_count && a->delivered == b->delivered &&
           a->acknowledged == b->acknowledged && a->taken == b->taken &&
           a->iss_after == b->iss_after &&
           memcmp(a->text, b->text, a->text_count * sizeof a->text[0]) == 0;
}

#endif
