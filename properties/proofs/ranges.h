/* Distances from RCV.NXT and SND.UNA, and what it is that ranges are sorted: what drivers that include actions.h speak of. */
#ifndef PROOF_RANGES_H
#define PROOF_RANGES_H

#include "modulo.h"
#include "engine.h"

/*@ logic integer far(integer from, integer to) = to < from ? to - from + 4294967296 : to - from; */

/*@ logic integer left{L}(struct tfsm_tcb *t, integer i) = far(t->rcv_nxt, t->ooo[i].left); */
/*@ logic integer right{L}(struct tfsm_tcb *t, integer i) = far(t->rcv_nxt, t->ooo[i].right); */

/*@ predicate sorted{L}(struct tfsm_tcb *t) =
        t->rcv_wnd <= 0x40000000 && t->ooo_count <= TFSM_OOO_SLOTS(TFSM_ROOM_OWN) &&
        (\forall integer i; 0 <= i < t->ooo_count ==> left(t, i) < right(t, i)) &&
        (\forall integer i; 0 <= i < t->ooo_count ==> right(t, i) <= t->rcv_wnd) &&
        (\forall integer i, j; 0 <= i < j < t->ooo_count ==> right(t, i) < left(t, j)); */

#endif
