/* Text out of order: the ranges that wait stay sorted, disjoint, not empty and in the window where the first of them is delivered,
 * and RCV.NXT only moves on. The same is asked where text is put among them, and open: what is proved of store_among() is
 * that it stays in its memory and ends, and of its ranges only what open.tsv does not name, given that. Sorted is said of each two
 * ranges, which is more than the clauses OOO_SORTED and OOO_IN_WINDOW ask of neighbours. Assumed: the connection has no room behind it
 * but its own, and no more ranges wait than there is room for. */
/* claims: ranges stay sorted and disjoint */
#include "ranges.h"
#include "actions.h"

#define SLOTS TFSM_OOO_SLOTS(TFSM_ROOM_OWN)

/*@ assigns \nothing; */
static inline bool has(uint32_t set, uint32_t bits);

/*@ requires \valid_read(seg);
    assigns \nothing; */
static inline bool is_syn(const struct tfsm_segment *seg);

/*@ requires \valid_read(seg);
    assigns \nothing; */
static inline uint32_t text_left(const struct tfsm_segment *seg);

/*@ requires \valid(tcb) && tcb->room == 0;
    assigns \nothing;
    ensures \result == &tcb->ooo[0]; */
static inline struct tfsm_range *ooo_ranges(struct tfsm_tcb *tcb);

/*@ requires \valid_read(tcb) && tcb->room == 0;
    assigns \nothing;
    ensures \result == TFSM_ROOM_OWN; */
static inline unsigned room_of(const struct tfsm_tcb *tcb);

/*@ assigns \nothing;
    ensures \result == (a < b ? a : b); */
static inline uint32_t min32(uint32_t a, uint32_t b);

/*@ assigns \nothing;
    ensures \result == (a > b ? a : b); */
static inline uint32_t max32(uint32_t a, uint32_t b);

/*@ requires \valid_read(tcb) && tcb->room == 0;
    assigns \nothing;
    ensures tcb->ooo_count <= SLOTS ==> \result == tcb->ooo_count; */
static inline unsigned ooo_count(const struct tfsm_tcb *tcb);

/*@ requires \valid_read(tcb) && \valid_read(seg) && \valid(fx) && \separated(tcb, fx);
    requires fx->text_count < TFSM_PIECES_MAX;
    assigns fx->text_count, fx->text[0 .. TFSM_PIECES_MAX - 1];
    ensures fx->text_count == \old(fx->text_count) + 1; */
static inline void hand_out(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                            uint32_t left, uint32_t right, struct tfsm_effects *fx);

/*@ requires \valid(tcb) && \valid_read(seg) && \valid(fx) && \separated(tcb, fx) && \separated(tcb, seg);
    requires tcb->room == 0 && sorted(tcb);
    requires fx->text_count == 0;
    requires far(tcb->rcv_nxt, text.left) < far(tcb->rcv_nxt, text.right) <= tcb->rcv_wnd;
    requires tcb->ooo_count <= TFSM_ROOM_OWN;
    assigns tcb->ooo_count, tcb->ooo[0 .. SLOTS - 1];
    assigns fx->text_count, fx->text[0 .. TFSM_PIECES_MAX - 1];
    ensures few: tcb->rcv_wnd <= 0x40000000 && tcb->ooo_count <= SLOTS;
    ensures filled: \forall integer i; 0 <= i < tcb->ooo_count ==> left(tcb, i) < right(tcb, i);
    ensures in_window: \forall integer i; 0 <= i < tcb->ooo_count ==> right(tcb, i) <= tcb->rcv_wnd;
    ensures apart: \forall integer i, j; 0 <= i < j < tcb->ooo_count ==> right(tcb, i) < left(tcb, j);
    ensures counted: fx->text_count <= TFSM_PIECES_MAX;
    ensures grows: 0 < tcb->ooo_count <= \old(tcb->ooo_count) + 1; */
static inline void store_among(struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                               struct tfsm_range text, struct tfsm_effects *fx);

/*@ requires \valid(tcb) && \valid(fx) && \separated(tcb, fx);
    requires tcb->room == 0 && sorted(tcb);
    requires tcb->ooo_count > 0 && tcb->ooo[0].left == tcb->rcv_nxt;
    assigns tcb->rcv_nxt, tcb->rcv_wnd, tcb->rcv_user, tcb->rcv_octets, tcb->ooo_count;
    assigns tcb->ooo[0 .. SLOTS - 1], fx->delivered;
    ensures forward: 0 < far(\old(tcb->rcv_nxt), tcb->rcv_nxt) <= \old(tcb->rcv_wnd);
    ensures fewer: tcb->ooo_count == \old(tcb->ooo_count) - 1;
    ensures edge: far(\old(tcb->rcv_nxt), tcb->rcv_nxt) + tcb->rcv_wnd == \old(tcb->rcv_wnd);
    ensures moved: \forall integer i; 0 <= i < tcb->ooo_count ==>
        tcb->ooo[i].left == \old(tcb->ooo[i + 1].left) && tcb->ooo[i].right == \old(tcb->ooo[i + 1].right);
    ensures few: tcb->rcv_wnd <= 0x40000000 && tcb->ooo_count <= SLOTS;
    ensures filled: \forall integer i; 0 <= i < tcb->ooo_count ==> left(tcb, i) < right(tcb, i);
    ensures in_window: \forall integer i; 0 <= i < tcb->ooo_count ==> right(tcb, i) <= tcb->rcv_wnd;
    ensures apart: \forall integer i, j; 0 <= i < j < tcb->ooo_count ==> right(tcb, i) < left(tcb, j); */
static inline void deliver(struct tfsm_tcb *tcb, struct tfsm_effects *fx);
