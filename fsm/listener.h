/* What the files of the listener share and nobody else needs: listener_arrive.c decides what becomes
 * of a segment, listener_syn.c what of a SYN, syn_queue.c keeps the entries, syn_cookie.c does without
 * them, and listener.c has the rest. */
#ifndef TFSM_LISTENER_INTERNAL_H
#define TFSM_LISTENER_INTERNAL_H

#include "engine.h"
#include "tfsm_listener.h"

#define NO_ENTRY 0u /* places are one more than the index */

static inline struct tfsm_entry *entry_at(const struct tfsm_listener *l, uint32_t place)
{
    return &l->entries[place - 1];
}

static inline void tally(struct tfsm_listener *l, enum tfsm_listener_counter counter)
{
    if (l->counters[counter] < UINT64_MAX) {
        l->counters[counter]++;
    }
}

static inline void copy_key(uint8_t to[16], const uint8_t from[16])
{
    for (unsigned i = 0; i < 16; i++) {
        to[i] = from[i];
    }
}

/* The two ends of a connection, as the listener sees them. */
struct tfsm_ends {
    const struct tfsm_address *local;
    const struct tfsm_address *remote;
    uint16_t remote_port;
    uint32_t home; /* tfsm_entry_home() */
};

/* ---- reopen.c ---- */

/* tfsm_is_for_next() without copies. *next and *ev do not stay what they are. */
bool tfsm_is_for_next_in(struct tfsm_tcb *next, const struct tfsm_config *next_cfg,
                         const struct tfsm_tcb *waiting, const struct tfsm_config *waiting_cfg,
                         struct tfsm_event *ev);

/* ---- syn_queue.c ---- */

/* The bucket in which an entry of this peer is: all that is needed of *ends is set but that. */
uint32_t tfsm_entry_home(const struct tfsm_listener *l, const struct tfsm_ends *ends);
/* The entry of this peer, or NO_ENTRY. */
uint32_t tfsm_entry_find(const struct tfsm_listener *l, const struct tfsm_ends *ends);
/* An entry for this peer, or NO_ENTRY when every one is in use. It has no TCB folded into it yet.
 * cookie: its ISN is one. */
uint32_t tfsm_entry_take(struct tfsm_listener *l, const struct tfsm_ends *ends, bool cookie);
/* An entry is over, and counted as that. */
void tfsm_entry_remove(struct tfsm_listener *l, uint32_t place, enum tfsm_listener_counter why);
/* The TCB that an entry stands for. */
void tfsm_entry_unfold(const struct tfsm_listener *l, const struct tfsm_config *cfg, uint32_t place,
                       struct tfsm_tcb *tcb);
/* Keep what of a TCB in SYN-RECEIVED can vary, note its deadline, and stand in line if it owes
 * something. */
void tfsm_entry_fold(struct tfsm_listener *l, uint32_t place, const struct tfsm_tcb *tcb);
/* Stand at the end of the line for output, or leave it. */
void tfsm_entry_line_up(struct tfsm_listener *l, uint32_t place);
void tfsm_entry_leave_line(struct tfsm_listener *l, uint32_t place);
/* The local and remote address of an entry. */
struct tfsm_address tfsm_entry_address(const struct tfsm_entry *entry, bool local);
/* The entry that is due first, or NO_ENTRY, and when. */
uint32_t tfsm_entry_due(const struct tfsm_listener *l, tfsm_time *at);

/* ---- syn_cookie.c ---- */

/* A cookie may still come back: one was sent not long ago. */
bool tfsm_cookies_are_out(const struct tfsm_listener *l, tfsm_time now);
/* A cookie is being sent. */
void tfsm_cookie_sent(struct tfsm_listener *l, tfsm_time now);
/* The ISN that is the cookie for a SYN: of its IRS, its MSS and whether it has timestamps. */
uint32_t tfsm_cookie_make(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                          const struct tfsm_ends *ends, const struct tfsm_segment *syn,
                          tfsm_time now);
/* What a SYN tells that a cookie can carry: the rest is taken off it. */
void tfsm_cookie_reduce(const struct tfsm_config *cfg, struct tfsm_segment *syn);
/* The timestamp of a SYN-ACK with a cookie: it carries what was agreed. */
uint32_t tfsm_cookie_stamp(const struct tfsm_tcb *tcb, uint32_t ts_val);
/* What goes out before a cookie comes back tells by its timestamp what was agreed. */
static inline void bend(const struct tfsm_tcb *tcb, struct tfsm_segment *segment)
{
    if (bears(segment, TFSM_OPT_TIMESTAMPS)) {
        segment->ts_val = tfsm_cookie_stamp(tcb, segment->ts_val);
    }
}

/* Whether the ACK of a third segment is a cookie of ours that was not spent, the SYN that it was made
 * for, and a time of its period. */
bool tfsm_cookie_check(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                       const struct tfsm_ends *ends, const struct tfsm_segment *third,
                       tfsm_time now, struct tfsm_segment *syn, tfsm_time *made);
/* A cookie that was made then has made a connection: its third segment, should it come once more, makes
 * none. */
void tfsm_cookie_spend(struct tfsm_listener *l, const struct tfsm_ends *ends, uint32_t irs,
                       tfsm_time made);
/* Two cookies that may differ in nothing but the class of the MSS. */
bool tfsm_cookie_is_near(uint32_t iss, uint32_t other);

#define TFSM_FAST_COOKIE 8u /* octets of the Fast Open cookies we hand out */
/* The Fast Open cookie of a client, by the secret that holds now. */
void tfsm_fast_cookie(const struct tfsm_listener *l, const struct tfsm_ends *ends,
                      uint8_t cookie[TFSM_COOKIE_MAX]);
bool tfsm_fast_cookie_holds(const struct tfsm_listener *l, const struct tfsm_ends *ends,
                            const uint8_t *cookie, unsigned len);

/* ---- listener.c ---- */

/* An event that does not open an entry: it stays, as the TCB is now, or is over. */
void tfsm_entry_keep(struct tfsm_listener *l, uint32_t place, const struct tfsm_event *event,
                     const struct tfsm_tcb *tcb);

/* ---- isn.c ---- */

#define TFSM_TUPLE_OCTETS 38u /* two addresses of 1 + 16 octets, two ports */
/* 64 bits of a tuple that nobody shows to anybody, for a hash table: SipHash-1-3, which is what tables need. */
uint64_t tfsm_hash_for_table(const uint8_t key[16], const struct tfsm_address *local,
                             uint16_t local_port, const struct tfsm_address *remote,
                             uint16_t remote_port);
/* A tuple as octets, each field in its place. */
void tfsm_put_tuple(uint8_t octets[TFSM_TUPLE_OCTETS], const struct tfsm_address *local,
                    uint16_t local_port, const struct tfsm_address *remote, uint16_t remote_port);
/* The low n octets of a number, least significant first. */
void tfsm_put_number(uint8_t *to, uint64_t number, unsigned n);
/* A key for one use from another: what one use lets out is worth nothing for another. */
void tfsm_derive_key(const uint8_t from[16], uint8_t use, uint8_t key[16]);

#endif
