/* The account of a listener: what it holds and owes, kept with a full TCB beside every entry, and
 * what it sent, which is all that may come back. See listen.h. What the listener decides is
 * foreseen here from its policy alone; only ISNs and cookies have to be taken from its lips. */
#include "listen.h"
#include "machine.h"
#include "whole.h"
#include "same.h"
#include "seq.h"

#include <stdlib.h>
#include <string.h>

#define PERIOD      UINT64_C(0x4000000) /* microseconds of a cookie's period */
#define MAC_SPAN    0x1000000u          /* numbers within which an ISN stands for its period */
#define CLASS_LAST  7u /* an ISN and so many beside it differ by the class of the MSS alone */
#define RESET_LEAST UINT64_C(60000000) /* a reset Fast Open counts at least so long, microseconds */
#define RESET_MOST  (3 * RESET_LEAST)  /* and no longer */

static const uint8_t opening = TFSM_SYN | TFSM_ACK | TFSM_RST;

/* clang-format off */
#define CLAUSES(X)                                                                                 \
    X(LISTENER_BOOKS, "RFC4987:3.5 what a listener holds is bounded, and its books add up")        \
    X(FOLDED, "RFC4987:3.5 an entry does what the TCB in SYN-RECEIVED does that it stands for")    \
    X(DEADLINE_FIRST, "RFC9293:3.10.8 the deadline of a listener is the first of its entries'")    \
    X(ESTABLISHED_BY_THIRD, "RFC9293:3.10.7.4 a connection comes from the acknowledgment of an "   \
                            "ISN that we sent to this peer, or from a Fast Open cookie of its")    \
    X(COOKIE_TAKEN, "RFC4987:3.6 a cookie that comes back in time is good")                        \
    X(COOKIE_ONCE, "RFC9293:3.10.7.4 a cookie that has made a connection makes no other")          \
    X(COOKIE_CARRIES, "RFC4987:3.6 what a SYN-ACK with a cookie agreed to comes back with it")     \
    X(SAME_SYN_SAME_ISN, "RFC6528:3 the same SYN gets the same ISN while a cookie may be out")     \
    X(ISN_BY_CLOCK, "RFC6528:3 an ISN is a clock and a hash of the connection's addresses")        \
    X(ISN_AFTER, "RFC6191:3 the ISN of a new incarnation comes after the last one's")              \
    X(RST_REMOVES_ONE, "RFC5961:3.2 a RST ends the entry it names exactly, and nothing else")      \
    X(OTHERS_UNTOUCHED, "RFC4987:3.4 a segment changes no entry but its own, and a full queue "    \
                        "puts out its oldest one")                                                 \
    X(STALE_SYN_BOUNDED, "RFC4987:3.5 a segment costs at most one entry and one answer, and a "    \
                         "RST none (RFC9293:3.10.7.1)")                                            \
    X(EARLY_ONCE, "RFC7413:5.1 no more Fast Opens wait for their handshake than the policy "       \
                  "allows, and the text of each is delivered once")                                \
    X(FAST_OPEN_TAKEN, "RFC7413:4.2.2 a good Fast Open cookie within the limit opens at once")     \
    X(HAS_ROOM, "RFC9293:MAY-2a a SYN that reopens from TIME-WAIT gets the entry it was promised") \
    X(REOPEN_ROUTED, "RFC9293:MAY-2b beside TIME-WAIT the next incarnation gets what has its "     \
                     "numbers, and the other its peer's FIN again")                                \
    X(NOTHING_LEFT, "RFC9293:MUST-23 every entry ends by itself, or by a RST when the listener "   \
                    "closes")                                                                      \
    X(ACCEPT_ORDER, "RFC9293:3.10.1 connections are accepted in the order in which they came")     \
    X(CHECKS_DIFFER, "the account itself: what was passed over, as unchanged, was not in order")
/* clang-format on */

enum clause {
#define X(name, text) name,
    CLAUSES(X)
#undef X
};

static const char *const clause_names[] = {
#define X(name, text) #name,
    CLAUSES(X)
#undef X
};

static const char *const clause_texts[] = {
#define X(name, text) text,
    CLAUSES(X)
#undef X
};

/* A clause does not hold; `what` tells people where. */
static void breaks(struct listen *w, unsigned peer, enum clause clause, const char *what)
{
    if (!run_broken(&w->run)) {
        run_note(&w->run, what);
    }
    run_violates(&w->run, peer, clause_names[clause], clause_texts[clause]);
}

static bool check(struct listen *w, unsigned peer, bool holds, enum clause clause, const char *what)
{
    if (!holds) {
        breaks(w, peer, clause, what);
    }
    return holds;
}

static void tally(struct listen *w, enum tfsm_listener_counter counter)
{
    w->counters.of[counter]++;
}

/* ---- comparing ---- */

/* Nobody wrote there. */
static bool untouched(const void *memory, size_t from, size_t to)
{
    const uint8_t *octets = memory;
    while (from < to && octets[from] == LISTEN_GUARD) {
        from++;
    }
    return from >= to;
}

/* A TCB's worth of memory in which nobody wrote. */
static const struct tfsm_tcb *guard_tcb(void)
{
    static union {
        uint8_t octets[sizeof(struct tfsm_tcb)];
        struct tfsm_tcb tcb;
    } guard;
    if (guard.octets[0] != LISTEN_GUARD) {
        memset(guard.octets, LISTEN_GUARD, sizeof guard.octets);
    }
    return &guard.tcb;
}

void listen_account_seat(struct listen_arrival *a)
{
    if (a->seated) {
        copy_bare_tcb(&a->tcb, guard_tcb());
    }
}

/* ---- TCBs beside entries ---- */

enum tfsm_result listen_flow_step(struct listen *w, unsigned peer, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev, const struct tfsm_effects *expected,
                                  struct tfsm_effects *fx)
{
    struct listen_flow *flow = &w->flows[peer];
    static struct tfsm_tcb before;
    copy_bare_tcb(&before, &flow->tcb);
    flow->matched = false;
    enum tfsm_result result = tfsm_step(&flow->tcb, cfg, ev, fx);
    check(w, peer, expected == NULL || same_effects(fx, expected), FOLDED,
          "the TCB fires other rules");
    if (flow->watched) {
        monitor_step(&flow->monitor, cfg, &before, ev, result, fx, &flow->tcb);
        run_ask_monitor(&w->run, peer, &flow->monitor);
    } else if (tfsm_check(&flow->tcb) != TFSM_OK) {
        enum tfsm_clause clause = tfsm_check(&flow->tcb);
        run_violates(&w->run, peer, tfsm_clause_name(clause), tfsm_clause_text(clause));
    }
    return result;
}

bool listen_flow_output(struct listen *w, unsigned peer, struct tfsm_segment *segment)
{
    struct listen_flow *flow = &w->flows[peer];
    static struct tfsm_tcb before;
    if (tfsm_has_nothing(&flow->tcb)) {
        return false;
    }
    copy_bare_tcb(&before, &flow->tcb);
    flow->matched = false;
    if (!tfsm_output(&flow->tcb, &w->cfg, w->run.now, segment)) {
        return false;
    }
    if (flow->watched) {
        monitor_output(&flow->monitor, &w->cfg, &before, w->run.now, segment, &flow->tcb);
        run_ask_monitor(&w->run, peer, &flow->monitor);
    }
    return true;
}

static void flow_open(struct listen *w, unsigned peer)
{
    struct tfsm_event open = {
        .kind = TFSM_EV_OPEN, .now = w->run.now, .security = w->opening.security};
    struct tfsm_effects fx;
    w->flows[peer] = (struct listen_flow){.watched = true};
    listen_flow_step(w, peer, &w->cfg, &open, NULL, &fx);
}

static bool is_open(const struct tfsm_tcb *tcb)
{
    return tcb->state != TFSM_CLOSED && tcb->state != TFSM_LISTEN &&
           tcb->state != TFSM_SYN_RECEIVED;
}

static struct tfsm_event event_of(const struct listen *w, const struct tfsm_segment *segment)
{
    return (struct tfsm_event){.kind = TFSM_EV_SEGMENT, .now = w->run.now, .segment = *segment};
}

/* Of a peer: who it is, and no segment. */
static const struct tfsm_packet *packet_of(struct listen *w, unsigned peer)
{
    struct tfsm_packet *packet = &w->seen.packet[peer];
    if (packet->dst_port != LISTEN_PORT) {
        *packet = listen_packet(peer, &(struct tfsm_segment){0});
    }
    return packet;
}

static uint32_t clock_isn(struct listen *w, unsigned peer, tfsm_time now)
{
    const struct tfsm_packet *packet = packet_of(w, peer);
    return tfsm_isn(w->opening.isn_key, &packet->dst, LISTEN_PORT, &packet->src, packet->src_port,
                    now);
}

static uint32_t ts_offset_of(struct listen *w, unsigned peer)
{
    const struct tfsm_packet *packet = packet_of(w, peer);
    return tfsm_timestamp_offset(w->opening.isn_key, &packet->dst, LISTEN_PORT, &packet->src,
                                 packet->src_port);
}

/* ---- what went out ---- */

static bool is_stamped(const struct listen *w, const struct tfsm_segment *segment)
{
    return (w->cfg.profile & TFSM_TIMESTAMPS) != 0 && (segment->options & TFSM_OPT_TIMESTAMPS) != 0;
}

/* What of a SYN a cookie can carry: while one may come back nothing else is heeded of any. */
static void reduce(const struct listen *w, struct tfsm_segment *syn)
{
    bool stamped = is_stamped(w, syn);
    uint8_t most = TFSM_OPT_TIMESTAMPS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED;
    syn->options &= TFSM_OPT_MSS | TFSM_OPT_FAST_OPEN | (stamped ? most : 0);
    syn->flags &= (uint8_t) ~(stamped ? 0u : (unsigned)(TFSM_ECE | TFSM_CWR));
}

static bool cookies_are_out(const struct listen *w)
{
    return w->run.now < w->cookies_until;
}

/* A cookie is good until the end of the next period. */
static void cookie_is_out(struct listen *w)
{
    const tfsm_time last = TFSM_NEVER - 1;
    tfsm_time rest = 2 * PERIOD - w->run.now % PERIOD;
    tfsm_time until = w->run.now < last - rest ? w->run.now + rest : last;
    w->cookies_until = until > w->cookies_until ? until : w->cookies_until;
}

static void note_sent(struct listen *w, unsigned peer, bool stateless, bool is_cookie,
                      tfsm_time made, const struct tfsm_segment *syn,
                      const struct tfsm_segment *answer)
{
    struct listen_sent sent = {.peer = (uint8_t)peer,
                               .stateless = stateless,
                               .is_cookie = is_cookie,
                               .made = made,
                               .syn = *syn,
                               .answer = *answer};
    unsigned i = 0;
    while (i < w->sent_count && (w->sent[i].peer != peer || w->sent[i].answer.seq != answer->seq ||
                                 w->sent[i].syn.seq != syn->seq ||
                                 is_stamped(w, &w->sent[i].syn) != is_stamped(w, syn))) {
        i++;
    }
    w->known[peer] = sent;
    if (i < LISTEN_SENT) {
        w->sent[i] = sent;
        w->sent_count += i == w->sent_count;
    }
}

static void note_fast(struct listen *w, const struct tfsm_packet *packet, unsigned peer)
{
    unsigned site = listen_site_of(peer);
    if ((packet->segment.options & TFSM_OPT_FAST_OPEN) == 0 || packet->segment.cookie_len == 0) {
        return;
    }
    for (unsigned i = 0; i < w->fast_count; i++) {
        if (w->fast[i].site == site && w->fast[i].generation == w->fast_generation) {
            return;
        }
    }
    if (w->fast_count < LISTEN_SENT) {
        struct listen_fast *fast = &w->fast[w->fast_count++];
        *fast = (struct listen_fast){.site = (uint8_t)site, .generation = w->fast_generation};
        memcpy(fast->octets, packet->cookie, sizeof fast->octets);
    }
}

/* The cookie was handed out to this address, by the secret of now or the one before. */
static bool fast_cookie_is_good(const struct listen *w, const struct listen_arrival *a)
{
    unsigned site = listen_site_of(a->peer);
    for (unsigned i = 0; i < w->fast_count; i++) {
        const struct listen_fast *fast = &w->fast[i];
        if (fast->site == site && fast->generation + 1 >= w->fast_generation &&
            a->packet->segment.cookie_len == LISTEN_FAST_COOKIE &&
            memcmp(fast->octets, a->packet->cookie, LISTEN_FAST_COOKIE) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- ISNs ---- */

static bool same_syn(const struct listen *w, const struct tfsm_segment *a,
                     const struct tfsm_segment *b)
{
    const uint8_t mss = TFSM_OPT_MSS;
    return a->seq == b->seq && (a->options & mss) == (b->options & mss) &&
           ((a->options & mss) == 0 || a->mss == b->mss) && is_stamped(w, a) == is_stamped(w, b);
}

/* An ISN given while cookies are out, or as one: it stays for its period. */
static void check_isn_again(struct listen *w, unsigned peer, const struct tfsm_segment *syn,
                            uint32_t iss)
{
    tfsm_time from = w->run.now - w->run.now % PERIOD;
    check(w, peer, seq_distance(clock_isn(w, peer, from), iss) < MAC_SPAN, ISN_BY_CLOCK,
          "the cookie is not of this period");
    for (unsigned i = 0; i < w->isn_count; i++) {
        const struct listen_isn *isn = &w->isns[i];
        if (isn->peer == peer && isn->made / PERIOD == w->run.now / PERIOD &&
            same_syn(w, &isn->syn, syn)) {
            check(w, peer, isn->iss == iss, SAME_SYN_SAME_ISN, "this SYN had another ISN before");
            return;
        }
    }
    if (w->isn_count < LISTEN_SENT) {
        w->isns[w->isn_count++] =
            (struct listen_isn){.peer = (uint8_t)peer, .syn = *syn, .made = w->run.now, .iss = iss};
    }
}

static void check_isn(struct listen *w, const struct listen_arrival *a, uint32_t iss, bool cookie)
{
    if (a->iss_after != NULL) {
        check(w, a->peer, seq_lt(*a->iss_after, iss), ISN_AFTER, "the ISN does not come after");
    } else if (cookie || cookies_are_out(w)) {
        check_isn_again(w, a->peer, &a->packet->segment, iss);
    } else {
        check(w, a->peer, iss == clock_isn(w, a->peer, w->run.now), ISN_BY_CLOCK,
              "the ISN is not that of tfsm_isn()");
    }
}

/* ---- answers ---- */

/* What the arrival was answered with: this, or nothing where it is null. */
static void check_answer(struct listen *w, const struct listen_arrival *a,
                         const struct tfsm_segment *expected)
{
    check(w, a->peer, a->out.answers == (expected != NULL), FOLDED,
          expected != NULL ? "it is not answered" : "it is answered");
    if (a->out.answers && expected != NULL) {
        check(w, a->peer, same_segment(&a->out.answer.segment, expected), FOLDED,
              "the answer is not that of a TCB");
    }
}

/* A RST that a TCB owes goes out at once, for nobody will remember it. */
static bool last_words(const struct listen *w, struct tfsm_tcb *tcb, struct tfsm_segment *segment)
{
    return (tcb->owed & TFSM_OWE_RST) != 0 && tfsm_output(tcb, &w->cfg, w->run.now, segment);
}

/* Nobody is there: as LISTEN answers. */
static APART void judge_stranger(struct listen *w, const struct listen_arrival *a)
{
    struct tfsm_event open = {
        .kind = TFSM_EV_OPEN, .now = w->run.now, .security = w->opening.security};
    struct tfsm_event event = event_of(w, &a->packet->segment);
    struct tfsm_tcb tcb = {0};
    struct tfsm_effects fx;
    struct tfsm_segment segment;
    tfsm_step(&tcb, &w->cfg, &open, &fx);
    tfsm_step(&tcb, &w->cfg, &event, &fx);
    check(w, a->peer, same_effects(&fx, &a->out.effects), FOLDED, "LISTEN fires other rules");
    check_answer(w, a, last_words(w, &tcb, &segment) ? &segment : NULL);
}

static bool accept_full(const struct listen *w)
{
    return w->accept_count >= w->opening.waiting_count;
}

/* Where there is no room and clients are to try again, an ACK may be a later piece of the text of
 * one whose cookie was good. */
static bool may_be_text(const struct listen *w, const struct listen_arrival *a)
{
    return (a->packet->segment.flags & opening) == TFSM_ACK && cookies_are_out(w) &&
           (accept_full(w) || !a->seated) && w->listener.policy.overflow == TFSM_OVERFLOW_DROP;
}

/* A segment for nobody. While clients whose cookie came back are left to try again, an ACK may be
 * more of their text. */
static APART void judge_stray(struct listen *w, const struct listen_arrival *a)
{
    const struct tfsm_effects none = {0};
    uint8_t flags = a->packet->segment.flags;
    bool late = (flags & opening) == TFSM_ACK && cookies_are_out(w);
    if (may_be_text(w, a)) {
        tally(w, accept_full(w) ? TFSM_COUNT_ACK_ACCEPT_FULL : TFSM_COUNT_ACK_NO_SEAT);
        check_answer(w, a, NULL);
        check(w, a->peer, same_effects(&none, &a->out.effects), FOLDED, "rules are fired");
        return;
    }
    if (late) {
        tally(w, TFSM_COUNT_COOKIE_BAD);
    }
    tally(w, (flags & TFSM_RST) != 0   ? TFSM_COUNT_RST_UNEXPECTED
             : (flags & TFSM_ACK) != 0 ? TFSM_COUNT_ACK_UNEXPECTED
                                       : TFSM_COUNT_OTHER);
    judge_stranger(w, a);
}

/* Whatever is answered, once and to whom it came from, no RST to a RST, no SYN but to a SYN. */
static void check_cost(struct listen *w, const struct listen_arrival *a, uint32_t entries_before)
{
    uint8_t in = a->packet->segment.flags;
    uint8_t out = a->out.answers ? a->out.answer.segment.flags : 0;
    bool is_syn = (in & opening) == TFSM_SYN;
    check(w, a->peer, w->listener.entry_count <= entries_before + (is_syn ? 1u : 0u),
          STALE_SYN_BOUNDED, "it took more than one entry");
    check(w, a->peer, (in & TFSM_RST) == 0 || !a->out.answers, STALE_SYN_BOUNDED,
          "a RST is answered");
    check(w, a->peer, (out & TFSM_SYN) == 0 || is_syn, STALE_SYN_BOUNDED,
          "a SYN-ACK answers what is no SYN");
    check(w, a->peer, !a->out.answers || listen_peer_of(&a->out.answer) == a->peer,
          STALE_SYN_BOUNDED, "somebody else is answered");
}

/* ---- connections ---- */

static bool has_seat(const struct listen *w, const struct listen_arrival *a)
{
    return a->seated && !accept_full(w);
}

static bool fresh(const struct listen *w, tfsm_time made)
{
    return w->run.now / PERIOD - made / PERIOD <= 1;
}

/* Two cookies for the same SYN, but for its MSS. */
static bool near_by(uint32_t a, uint32_t b)
{
    uint32_t apart = seq_distance(a, b) % MAC_SPAN;
    uint32_t whole = seq_distance(a, b);
    return (whole <= MAC_SPAN || whole >= UINT32_MAX - MAC_SPAN) &&
           (apart <= CLASS_LAST || apart >= MAC_SPAN - CLASS_LAST);
}

/* The SYN-ACK that a third segment of no entry acknowledges. exact: this number and no other. */
static const struct listen_sent *sent_for(const struct listen *w, const struct listen_arrival *a,
                                          bool exact)
{
    const struct tfsm_segment *third = &a->packet->segment;
    uint32_t iss = seq_sub(third->ack, 1);
    for (unsigned i = w->sent_count; i-- > 0;) {
        const struct listen_sent *sent = &w->sent[i];
        bool numbers =
            exact ? sent->answer.seq == iss && sent->is_cookie : near_by(sent->answer.seq, iss);
        if (sent->peer == a->peer && numbers && sent->syn.seq == seq_sub(third->seq, 1) &&
            fresh(w, sent->made) && is_stamped(w, &sent->syn) == is_stamped(w, third)) {
            return sent;
        }
    }
    return NULL;
}

/* A connection, whatever else holds, is from somebody who has seen what we sent. */
static APART void check_connection(struct listen *w, const struct listen_arrival *a)
{
    const struct listen_flow *flow = &w->flows[a->peer];
    const struct tfsm_segment *segment = &a->packet->segment;
    bool good;
    if ((segment->flags & opening) == TFSM_SYN) {
        good = flow->stage == LISTEN_NOTHING && a->iss_after == NULL && fast_cookie_is_good(w, a) &&
               (segment->options & TFSM_OPT_FAST_OPEN) != 0 && w->listener.policy.fast_open > 0;
    } else if (flow->stage == LISTEN_HALF && segment->ack == seq_add(flow->tcb.iss, 1)) {
        good = (segment->flags & opening) == TFSM_ACK && flow->told;
    } else {
        /* An entry knows what it sent: beside that nothing else is an acknowledgment. */
        bool exact = flow->stage == LISTEN_HALF && near_by(flow->tcb.iss, seq_sub(segment->ack, 1));
        good = (segment->flags & opening) == TFSM_ACK && sent_for(w, a, exact) != NULL;
    }
    check(w, a->peer, good, ESTABLISHED_BY_THIRD, "nothing was sent that this proves");
}

/* The flow is a connection now, and the one that lies in the seat. */
static void seat(struct listen *w, const struct listen_arrival *a)
{
    struct listen_flow *flow = &w->flows[a->peer];
    const struct tfsm_segment *segment = &a->packet->segment;
    if (!check(w, a->peer, a->out.kind == TFSM_ARRIVAL_CONNECTION, FOLDED,
               "there is no connection") ||
        !check(w, a->peer, same_bare_tcb(&flow->tcb, &a->tcb), FOLDED,
               "the connection is another one")) {
        return;
    }
    tally(w, (segment->flags & opening) == TFSM_SYN ? TFSM_COUNT_EARLY
             : flow->stage == LISTEN_HALF           ? TFSM_COUNT_ESTABLISHED
                                                    : TFSM_COUNT_COOKIE_GOOD);
    if (flow->is_cookie && w->spent_count < LISTEN_SENT) {
        w->gone[w->spent_count++] = (struct listen_spent){
            .peer = (uint8_t)a->peer, .is_cookie = true, .irs = flow->tcb.irs, .made = flow->made};
    }
    flow->stage = LISTEN_OPEN;
    flow->id = w->serial;
    flow->delivered = a->out.effects.delivered;
    w->accept_ids[w->accept_count++] = flow->id;
}

/* The handshake is through, and here is or is not a place. `flow` has taken the third segment.
 * Returns whether its entry is over. */
static APART bool judge_opened(struct listen *w, const struct listen_arrival *a)
{
    struct tfsm_event abort = {.kind = TFSM_EV_ABORT, .now = w->run.now};
    struct tfsm_effects fx;
    struct tfsm_segment segment;
    if (has_seat(w, a)) {
        check_answer(w, a, NULL);
        seat(w, a);
        return true;
    }
    check(w, a->peer, a->out.kind == TFSM_ARRIVAL_TAKEN, FOLDED, "there is no place for it");
    tally(w, a->seated || accept_full(w) ? TFSM_COUNT_ACK_ACCEPT_FULL : TFSM_COUNT_ACK_NO_SEAT);
    if (w->listener.policy.overflow != TFSM_OVERFLOW_RESET) {
        check_answer(w, a, NULL);
        return false;
    }
    listen_flow_step(w, a->peer, &w->cfg, &abort, NULL, &fx);
    check_answer(w, a, listen_flow_output(w, a->peer, &segment) ? &segment : NULL);
    return true;
}

/* ---- segments of an entry ---- */

/* An entry whose TCB has gone back to LISTEN, or further, has ended for this reason. */
static void keep_or_end(struct listen *w, unsigned peer, enum tfsm_listener_counter why)
{
    struct listen_flow *flow = &w->flows[peer];
    if (flow->tcb.state != TFSM_SYN_RECEIVED) {
        flow->stage = LISTEN_NOTHING;
        tally(w, why);
    }
}

/* Without asking the tables: what a RST may end. */
static void check_reset(struct listen *w, const struct listen_arrival *a)
{
    const struct listen_flow *flow = &w->flows[a->peer];
    const struct tfsm_segment *segment = &a->packet->segment;
    uint32_t ahead = seq_distance(flow->tcb.rcv_nxt, segment->seq);
    uint32_t behind = seq_add(ahead, segment->len > 0 ? segment->len - 1 : 0);
    if ((segment->flags & TFSM_RST) == 0 || tfsm_listener_holds(&w->listener, a->packet)) {
        return;
    }
    bool exact = (w->cfg.profile & TFSM_RFC5961) != 0;
    bool within = ahead < flow->tcb.rcv_wnd || behind < flow->tcb.rcv_wnd;
    check(w, a->peer, ahead == 0 || (!exact && within), RST_REMOVES_ONE,
          "the RST is not at RCV.NXT");
}

/* How long the round trip was nobody knows. */
static void forget_round_trip(const struct listen *w, struct tfsm_tcb *tcb)
{
    tcb->flags &= ~(uint32_t)(TFSM_M_TIMING | TFSM_M_MEASURED);
    tcb->srtt = 0;
    tcb->rttvar = 0;
    tcb->min_rtt = 0;
    tcb->min_rtt_at = 0;
    tcb->rtt_last = 0;
    tcb->loss &= ~(uint32_t)TFSM_L_SAMPLED;
    tcb->rto = w->cfg.rto_initial;
}

/* What an entry has to say to the segment goes out at once, where it is asked to. */
static void hear_entry(struct listen *w, const struct listen_arrival *a)
{
    const struct listen_flow *flow = &w->flows[a->peer];
    if (a->spoken) {
        (void)listen_account_output(w, &a->out.answer, false);
    } else if (w->listener.policy.at_once && flow->stage == LISTEN_HALF) {
        check(w, a->peer, a->out.answers || flow->tcb.owed == 0, FOLDED,
              "the entry does not answer at once");
    }
}

static APART void judge_entry(struct listen *w, const struct listen_arrival *a)
{
    struct listen_flow *flow = &w->flows[a->peer];
    struct tfsm_event event = event_of(w, &a->packet->segment);
    static struct listen_flow before; /* where the handshake may come through */
    struct tfsm_effects fx;
    struct tfsm_segment segment;
    check_reset(w, a);
    if ((a->packet->segment.flags & TFSM_ACK) != 0) {
        before = *flow;
    }
    listen_flow_step(w, a->peer, &w->cfg, &event, &a->out.effects, &fx);
    if (run_broken(&w->run)) {
        return;
    }
    if (is_open(&flow->tcb)) {
        if (flow->is_cookie && (flow->tcb.flags & TFSM_M_TIMESTAMPS) != 0) {
            tfsm_time rto = flow->tcb.rto;
            forget_round_trip(w, &flow->tcb);
            flow->tcb.rto = rto > w->cfg.rto_initial ? rto : w->cfg.rto_initial;
        }
        check(w, a->peer, (a->packet->segment.flags & TFSM_ACK) != 0, ESTABLISHED_BY_THIRD,
              "the TCB opens without an ACK");
        bool over = judge_opened(w, a);
        if (!over && !run_broken(&w->run)) {
            *flow = before; /* as if it had been lost */
        } else if (flow->stage == LISTEN_HALF) {
            flow->stage = LISTEN_NOTHING;
            tally(w, TFSM_COUNT_ENTRY_OVERFLOW);
        }
        return;
    }
    check(w, a->peer, a->out.kind == TFSM_ARRIVAL_TAKEN, FOLDED, "the handshake is not through");
    bool says = (flow->tcb.owed & TFSM_OWE_RST) != 0 && listen_flow_output(w, a->peer, &segment);
    check_answer(w, a, says && !may_be_text(w, a) ? &segment : NULL);
    if (fx.verdict == TFSM_V_DROP) {
        tally(w, TFSM_COUNT_REFUSED);
    }
    keep_or_end(w, a->peer,
                (a->packet->segment.flags & TFSM_RST) != 0 ? TFSM_COUNT_ENTRY_RESET
                                                           : TFSM_COUNT_ENTRY_SYN);
    hear_entry(w, a);
}

/* ---- third segments of no entry ---- */

/* What a SYN-ACK agreed to is what the connection has. */
static APART void check_carried(struct listen *w, const struct listen_arrival *a)
{
    const struct listen_sent *sent = sent_for(w, a, true);
    const struct tfsm_segment *third = &a->packet->segment;
    if (!check(w, a->peer, sent != NULL || sent_for(w, a, false) != NULL, ESTABLISHED_BY_THIRD,
               "this cookie was never sent to this peer") ||
        sent == NULL || (is_stamped(w, third) && third->ts_ecr != sent->answer.ts_val)) {
        return; /* who alters his cookie gets what he asks for */
    }
    uint8_t options = sent->answer.options;
    uint32_t flags = a->met.flags;
    uint8_t scale = sent->syn.wscale < 14 ? sent->syn.wscale : 14;
    bool scaled = (options & TFSM_OPT_WSCALE) != 0;
    check(w, a->peer, scaled == ((flags & TFSM_M_WSCALE) != 0), COOKIE_CARRIES, "window scale");
    check(w, a->peer, !scaled || a->met.snd_wscale == scale, COOKIE_CARRIES, "shift");
    check(w, a->peer, !scaled || a->met.rcv_wscale == sent->answer.wscale, COOKIE_CARRIES,
          "our own shift");
    check(w, a->peer, ((options & TFSM_OPT_SACK_PERMITTED) != 0) == ((flags & TFSM_M_SACK) != 0),
          COOKIE_CARRIES, "SACK");
    check(w, a->peer, ((sent->answer.flags & TFSM_ECE) != 0) == ((flags & TFSM_M_ECN) != 0),
          COOKIE_CARRIES, "ECN");
    uint16_t mss = (sent->syn.options & TFSM_OPT_MSS) != 0 ? sent->syn.mss : w->cfg.mss_default;
    uint16_t floor = w->cfg.mss_floor > 0 ? w->cfg.mss_floor : 1;
    check(w, a->peer, a->met.snd_mss <= (mss > floor ? mss : floor), COOKIE_CARRIES, "MSS");
}

/* Whether the cookie has made a connection before. sure: and nothing else can have taken its place
 * in the listener's memory. */
static bool is_spent(const struct listen *w, const struct listen_arrival *a,
                     const struct listen_sent *sent, bool sure)
{
    for (unsigned i = 0; i < w->spent_count; i++) {
        const struct listen_spent *gone = &w->gone[i];
        bool kept = w->spent_count <= w->opening.spent_count ||
                    (w->opening.spent_count > 0 && i + 1 == w->spent_count);
        if (gone->peer == a->peer && gone->irs == seq_sub(a->packet->segment.seq, 1) &&
            gone->made / PERIOD == sent->made / PERIOD && (!sure || (gone->is_cookie && kept))) {
            return true;
        }
    }
    return false;
}

static APART void judge_cookie(struct listen *w, const struct listen_arrival *a)
{
    struct listen_flow *flow = &w->flows[a->peer];
    const struct listen_flow before = *flow;
    const struct listen_sent *sent = sent_for(w, a, false);
    struct tfsm_event event = event_of(w, &a->packet->segment);
    struct tfsm_segment segment;
    struct tfsm_effects fx;
    check_carried(w, a);
    if (sent == NULL ||
        !check(w, a->peer, !is_spent(w, a, sent, true), COOKIE_ONCE, "this cookie was spent")) {
        return;
    }
    *flow = (struct listen_flow){.tcb = a->met, .made = sent->made, .is_cookie = true};
    listen_flow_step(w, a->peer, &w->cfg, &event, NULL, &fx);
    forget_round_trip(w, &flow->tcb);
    check(w, a->peer, same_effects(&fx, &a->out.effects), FOLDED, "the TCB fires other rules");
    bool reset = false;
    if (is_open(&flow->tcb)) {
        reset = judge_opened(w, a) && flow->stage != LISTEN_OPEN;
    } else {
        check(w, a->peer, a->out.kind == TFSM_ARRIVAL_TAKEN, FOLDED,
              "the handshake is not through");
        check_answer(w, a, last_words(w, &flow->tcb, &segment) ? &segment : NULL);
        if (fx.verdict == TFSM_V_DROP) {
            tally(w, TFSM_COUNT_REFUSED);
        }
    }
    if (flow->stage != LISTEN_OPEN) {
        *flow = before;
        if (reset && before.stage == LISTEN_HALF) {
            flow->stage = LISTEN_NOTHING;
            tally(w, TFSM_COUNT_ENTRY_OVERFLOW);
        }
    } else if (before.stage == LISTEN_HALF) {
        tally(w, TFSM_COUNT_ENTRY_COOKIE);
    }
}

/* A segment that may bear a cookie, with an entry or without. Returns whether it does. A cookie for
 * another MSS than that of the entry may be taken or not. */
static APART bool bears_cookie(struct listen *w, const struct listen_arrival *a)
{
    const struct listen_flow *flow = &w->flows[a->peer];
    const struct tfsm_segment *third = &a->packet->segment;
    uint32_t iss = seq_sub(third->ack, 1);
    if ((third->flags & opening) != TFSM_ACK ||
        (flow->stage == LISTEN_HALF &&
         (iss == flow->tcb.iss || third->seq != seq_add(flow->tcb.irs, 1)))) {
        return false;
    }
    const struct listen_sent *sent = sent_for(w, a, true);
    bool is_cookie = a->met.state == TFSM_SYN_RECEIVED && a->met.iss == iss;
    bool due = cookies_are_out(w) && third->security == w->opening.security && sent != NULL &&
               !is_spent(w, a, sent, false) &&
               (flow->stage != LISTEN_HALF || !near_by(flow->tcb.iss, iss));
    check(w, a->peer, is_cookie || !due, COOKIE_TAKEN, "a good cookie is refused");
    return is_cookie;
}

/* ---- SYNs ---- */

/* Resets of Fast Opens not longer ago than this. */
static unsigned resets_within(const struct listen *w, tfsm_time span)
{
    unsigned count = 0;
    for (unsigned i = 0; i < w->resets; i++) {
        count += w->run.now - w->reset_at[i] < span;
    }
    return count;
}

static APART void judge_early(struct listen *w, const struct listen_arrival *a)
{
    struct listen_flow *flow = &w->flows[a->peer];
    struct tfsm_event event = event_of(w, &a->packet->segment);
    struct tfsm_effects fx;
    check(w, a->peer, w->early + resets_within(w, RESET_LEAST) < w->listener.policy.fast_open,
          EARLY_ONCE, "there are as many as the policy allows");
    check(w, a->peer, (a->out.effects.signals & TFSM_SIG_EARLY) != 0, FOLDED, "it is no Fast Open");
    check_isn(w, a, a->tcb.iss, false);
    flow_open(w, a->peer);
    event.iss = a->tcb.iss;
    event.ts_offset = ts_offset_of(w, a->peer);
    event.fast_open = true;
    flow->made = w->run.now;
    flow->is_cookie = cookies_are_out(w) && a->iss_after == NULL;
    if (flow->is_cookie) {
        reduce(w, &event.segment);
    }
    listen_flow_step(w, a->peer, &w->cfg, &event, NULL, &fx);
    check(w, a->peer, same_effects(&fx, &a->out.effects), FOLDED, "the TCB fires other rules");
    check_answer(w, a, NULL);
    seat(w, a);
    flow->pending = true;
    w->early++;
}

/* The SYN has an entry; only its ISN has to be taken from there. */
static APART void judge_taken(struct listen *w, const struct listen_arrival *a, uint8_t cookie_len)
{
    struct listen_flow *flow = &w->flows[a->peer];
    struct tfsm_event event = event_of(w, &a->packet->segment);
    struct tfsm_effects fx;
    struct tfsm_tcb tcb;
    check_answer(w, a, NULL);
    if (!check(w, a->peer, tfsm_listener_peek(&w->listener, &w->cfg, a->packet, w->run.now, &tcb),
               FOLDED, "the SYN has no entry")) {
        return;
    }
    check_isn(w, a, tcb.iss, false);
    flow_open(w, a->peer);
    event.segment.len = 1; /* of the SYN nothing is kept but itself */
    event.segment.flags &= (uint8_t) ~(unsigned)(TFSM_FIN | TFSM_URG | TFSM_PSH);
    event.iss = tcb.iss;
    event.ts_offset = ts_offset_of(w, a->peer);
    event.cookie_len = cookie_len;
    flow->is_cookie = cookies_are_out(w) && a->iss_after == NULL;
    if (flow->is_cookie) {
        reduce(w, &event.segment);
    }
    listen_flow_step(w, a->peer, &w->cfg, &event, NULL, &fx);
    check(w, a->peer, same_effects(&fx, &a->out.effects), FOLDED, "the TCB fires other rules");
    tally(w, TFSM_COUNT_ENTRY);
    flow->stage = LISTEN_HALF;
    flow->age = ++w->serial;
    flow->made = w->run.now;
    flow->syn = a->packet->segment;
    hear_entry(w, a);
}

/* The SYN is answered with a cookie. */
static APART void judge_cookie_sent(struct listen *w, const struct listen_arrival *a)
{
    const uint8_t known = TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS | TFSM_OPT_WSCALE |
                          TFSM_OPT_SACK_PERMITTED | TFSM_OPT_FAST_OPEN;
    const struct tfsm_segment *syn = &a->packet->segment;
    const struct tfsm_segment *answer = &a->out.answer.segment;
    const struct tfsm_tcb clock = {.ts_offset = ts_offset_of(w, a->peer)};
    uint32_t ts_now = timestamp_now(&clock, w->run.now);
    if (!check(w, a->peer, a->out.answers, FOLDED, "the SYN is not answered with a cookie")) {
        return;
    }
    check(w, a->peer,
          (answer->flags & (opening | TFSM_FIN)) == (TFSM_SYN | TFSM_ACK) &&
              answer->ack == seq_add(syn->seq, 1) && answer->len == 1,
          FOLDED, "the answer is no SYN-ACK of this SYN");
    check_isn(w, a, answer->seq, true);
    tally(w, TFSM_COUNT_COOKIE_SENT);
    cookie_is_out(w);
    bool stamped = is_stamped(w, syn);
    uint8_t without = TFSM_OPT_MSS | TFSM_OPT_FAST_OPEN;
    check(w, a->peer, (answer->options & ~(stamped ? known : without)) == 0, COOKIE_CARRIES,
          "an option that a cookie cannot carry");
    check(w, a->peer, stamped || (answer->flags & TFSM_ECE) == 0, COOKIE_CARRIES,
          "ECN, which a cookie cannot carry");
    check(w, a->peer,
          !stamped || (answer->ts_ecr == syn->ts_val && seq_le(answer->ts_val, ts_now) &&
                       seq_distance(answer->ts_val, ts_now) < 128),
          COOKIE_CARRIES, "the timestamp is not that of our clock, nor shortly before");
    note_sent(w, a->peer, true, a->iss_after == NULL, w->run.now, syn, answer);
    note_fast(w, &a->out.answer, a->peer);
}

/* The peer whose entry is the oldest, or LISTEN_PEERS; how many there are. */
static unsigned oldest_entry(const struct listen *w, uint32_t *count)
{
    unsigned oldest = LISTEN_PEERS;
    *count = 0;
    for (unsigned i = 0; i < LISTEN_PEERS; i++) {
        if (w->flows[i].stage == LISTEN_HALF) {
            ++*count;
            oldest = oldest == LISTEN_PEERS || w->flows[i].age < w->flows[oldest].age ? i : oldest;
        }
    }
    return oldest;
}

/* A SYN without a place of its own: an entry, the oldest one's, a cookie, or nothing. */
static APART void judge_room(struct listen *w, const struct listen_arrival *a, bool fast, bool good)
{
    const struct tfsm_listener_policy *policy = &w->listener.policy;
    uint32_t count;
    unsigned oldest = oldest_entry(w, &count);
    bool wanted = policy->cookies != TFSM_COOKIES_ALWAYS || a->iss_after != NULL;
    bool recycles = policy->cookies == TFSM_COOKIES_NEVER && policy->recycle && count > 0;
    bool room = wanted && count < w->opening.entry_count;
    uint8_t cookie_len = fast && !good ? LISTEN_FAST_COOKIE : 0;
    check(w, a->peer, a->out.kind == TFSM_ARRIVAL_TAKEN, FOLDED, "a SYN is no third segment");
    if (!room && !recycles && (policy->cookies == TFSM_COOKIES_NEVER || a->iss_after != NULL)) {
        tally(w, TFSM_COUNT_SYN_QUEUE_FULL);
        check_answer(w, a, NULL);
        return;
    }
    if (fast) {
        tally(w, good                                ? TFSM_COUNT_FAST_OPEN_LIMIT
                 : a->packet->segment.cookie_len > 0 ? TFSM_COUNT_FAST_OPEN_BAD
                                                     : TFSM_COUNT_FAST_OPEN_ASKED);
    }
    if (!room && recycles) {
        w->flows[oldest].stage = LISTEN_NOTHING;
        tally(w, TFSM_COUNT_ENTRY_RECYCLED);
    }
    if (room || recycles) {
        judge_taken(w, a, cookie_len);
    } else {
        judge_cookie_sent(w, a);
    }
}

static APART void judge_syn(struct listen *w, const struct listen_arrival *a)
{
    const struct tfsm_listener_policy *policy = &w->listener.policy;
    const struct tfsm_segment *syn = &a->packet->segment;
    bool fast = policy->fast_open > 0 && (syn->options & TFSM_OPT_FAST_OPEN) != 0;
    bool good = fast && fast_cookie_is_good(w, a);
    bool taken = a->out.kind == TFSM_ARRIVAL_TAKEN;
    tally(w, TFSM_COUNT_SYN);
    if (syn->security != w->opening.security) {
        check(w, a->peer, taken, FOLDED, "the label is another");
        tally(w, TFSM_COUNT_SYN_REFUSED);
        judge_stranger(w, a);
    } else if (!has_seat(w, a)) {
        check(w, a->peer, taken, FOLDED, "there is no place for a connection");
        tally(w, accept_full(w) ? TFSM_COUNT_SYN_ACCEPT_FULL : TFSM_COUNT_SYN_NO_SEAT);
        check_answer(w, a, NULL);
    } else if (!taken) {
        judge_early(w, a);
    } else {
        check(w, a->peer,
              !good || a->iss_after != NULL ||
                  w->early + resets_within(w, RESET_MOST) >= policy->fast_open,
              FAST_OPEN_TAKEN, "nothing speaks against opening at once");
        judge_room(w, a, fast, good);
    }
}

/* ---- looking again ---- */

/* Whether everything is looked at, too, and must say what the quick look says. */
static bool looks_twice(void)
{
    static int chosen = -1;
    if (chosen < 0) {
        const char *checks = getenv("TFSM_CHECKS");
        chosen = checks != NULL && strcmp(checks, "both") == 0;
    }
    return chosen > 0;
}

/* The members that lead to an entry are the same. */
static bool same_seat(const struct tfsm_entry *a, const struct tfsm_entry *b)
{
    return a->family == b->family && a->bucket == b->bucket && a->chain == b->chain &&
           a->remote_port == b->remote_port && memcmp(a->local, b->local, sizeof a->local) == 0 &&
           memcmp(a->remote, b->remote, sizeof a->remote) == 0;
}

/* What of the listener and its entries has changed since anybody looked. */
static void look(struct listen *w)
{
    struct listen_seen *seen = &w->seen;
    if (!same_listener(&w->listener, &seen->listener)) {
        seen->seats = seen->seats && w->listener.entry_count == seen->listener.entry_count;
        seen->books = false;
        copy_listener(&seen->listener, &w->listener);
    }
    for (unsigned i = 0; i < LISTEN_ENTRIES + 2; i++) {
        if (!same_entry(&w->entries[i], &seen->entries[i])) {
            seen->books = false;
            seen->guards = seen->guards && i > 0 && i <= w->opening.entry_count;
            seen->seats = seen->seats && same_seat(&w->entries[i], &seen->entries[i]);
            seen->news |= 1u << i;
            copy_entry(&seen->entries[i], &w->entries[i]);
        }
    }
}

/* Nothing was seen yet. */
static void forget_looks(struct listen *w)
{
    w->seen.books = false;
    w->seen.guards = false;
    w->seen.seats = false;
    w->seen.news = UINT32_MAX;
}

/* ---- each entry beside its TCB ---- */

/* The entry of a peer, or that it has none, is what the account says. */
static void check_entry(struct listen *w, unsigned i, enum clause clause)
{
    static struct tfsm_tcb tcb;
    const struct tfsm_packet *packet = packet_of(w, i);
    bool half = w->flows[i].stage == LISTEN_HALF;
    bool held = half ? tfsm_listener_peek(&w->listener, &w->cfg, packet, w->run.now, &tcb)
                     : tfsm_listener_holds(&w->listener, packet);
    check(w, i, held == half, clause, half ? "the entry is gone" : "there is an entry");
    if (held && half) {
        w->flows[i].matched =
            check(w, i, same_bare_tcb(&tcb, &w->flows[i].tcb), clause, "the entry is not the TCB");
    }
}

static uint8_t half_open(const struct listen *w)
{
    unsigned half = 0;
    for (unsigned i = 0; i < LISTEN_PEERS; i++) {
        half |= w->flows[i].stage == LISTEN_HALF ? 1u << i : 0;
    }
    return (uint8_t)half;
}

/* Where the entry of a peer lies, by what is in it. */
static uint8_t place_of(const struct listen *w, unsigned peer)
{
    for (uint8_t i = 1; i <= LISTEN_ENTRIES; i++) {
        if (listen_leads_to(&w->entries[i], peer)) {
            return i;
        }
    }
    return 0;
}

/* Entries are what the account says they are; those of others than `peer` are not to blame on it.
 * Who has an entry is asked of all where anything has changed that leads to one, and an entry is
 * compared with its TCB where either has changed. */
static void check_entries(struct listen *w, unsigned peer, enum clause others)
{
    struct listen_seen *seen = &w->seen;
    uint8_t half = half_open(w);
    look(w);
    bool all = !seen->seats || half != seen->half;
    for (unsigned i = 0; i < LISTEN_PEERS && !run_broken(&w->run); i++) {
        bool news = seen->place[i] == 0 || (seen->news >> seen->place[i] & 1) != 0;
        if (all || ((half >> i & 1) != 0 && (news || !w->flows[i].matched))) {
            check_entry(w, i, i == peer ? FOLDED : others);
        }
    }
    for (unsigned i = 0; all && i < LISTEN_PEERS; i++) {
        seen->place[i] = (half >> i & 1) != 0 ? place_of(w, i) : 0;
    }
    seen->seats = true;
    seen->news = 0;
    seen->half = half;
    for (unsigned i = 0; looks_twice() && i < LISTEN_PEERS && !run_broken(&w->run); i++) {
        check_entry(w, i, CHECKS_DIFFER);
    }
}

void listen_account_arrival(struct listen *w, struct listen_arrival *a)
{
    const struct tfsm_segment *segment = &a->packet->segment;
    uint32_t controls =
        ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) + ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
    uint32_t entries;
    (void)oldest_entry(w, &entries);
    check_cost(w, a, entries);
    if (a->out.kind == TFSM_ARRIVAL_CONNECTION) {
        check_connection(w, a);
    } else {
        check(w, a->peer, !a->seated || same_bare_tcb(&a->tcb, guard_tcb()), LISTENER_BOOKS,
              "the seat is written to, and there is no connection");
    }
    if (run_broken(&w->run)) {
        return;
    }
    if (segment->len < controls || segment->len - controls > UINT16_MAX) {
        check(w, a->peer, a->out.kind == TFSM_ARRIVAL_INVALID, FOLDED, "this is no segment");
        check_answer(w, a, NULL);
    } else if (a->iss_after == NULL && bears_cookie(w, a)) {
        judge_cookie(w, a);
    } else if (w->flows[a->peer].stage == LISTEN_HALF) {
        judge_entry(w, a);
    } else if ((segment->flags & opening) == TFSM_SYN) {
        judge_syn(w, a);
    } else {
        check(w, a->peer, a->out.kind == TFSM_ARRIVAL_TAKEN, FOLDED, "it is no third segment");
        judge_stray(w, a);
    }
    check_entries(w, a->peer,
                  (segment->flags & TFSM_RST) != 0 ? RST_REMOVES_ONE : OTHERS_UNTOUCHED);
    check(w, a->peer, !a->promised || w->flows[a->peer].stage != LISTEN_NOTHING, HAS_ROOM,
          "there was no room");
}

/* Without asking the tables: what is plainly for one of the two. */
void listen_account_routed(struct listen *w, unsigned peer, const struct tfsm_segment *segment,
                           bool to_next)
{
    const struct tfsm_tcb *next = &w->flows[peer].tcb;
    const struct tfsm_tcb *old = &w->before[peer].tcb;
    uint8_t flags = segment->flags & (TFSM_FIN | opening);
    bool fits = segment->seq == next->rcv_nxt && segment->len < next->rcv_wnd;
    bool stamped = (segment->options & TFSM_OPT_TIMESTAMPS) != 0;
    bool fresh_stamp = (next->flags & TFSM_M_TIMESTAMPS) == 0 ||
                       (stamped && !seq_lt(segment->ts_val, next->ts_recent));
    bool acks_next = (flags & TFSM_ACK) != 0 && segment->ack == seq_add(next->iss, 1);
    bool third = (flags & (TFSM_SYN | TFSM_RST)) == 0 && fits && acks_next && fresh_stamp &&
                 segment->security == next->security;
    /* In the window it is at least to be challenged, unless it may be the other's. */
    bool reset = (flags & TFSM_RST) != 0 &&
                 (fits || (seq_distance(next->rcv_nxt, segment->seq) < next->rcv_wnd &&
                           seq_distance(old->rcv_nxt, segment->seq) >= old->rcv_wnd));
    bool fin_again = flags == (TFSM_FIN | TFSM_ACK) && segment->ack == old->snd_nxt &&
                     seq_add(segment->seq, segment->len) == old->rcv_nxt && !acks_next &&
                     segment->security == old->security && (old->flags & TFSM_M_TIMESTAMPS) == 0;
    check(w, peer, to_next || (!third && !reset), REOPEN_ROUTED,
          "the next incarnation does not get its third segment, or its RST");
    check(w, peer, !to_next || !fin_again, REOPEN_ROUTED, "the FIN again is not answered");
}

/* ---- ICMP, time, output ---- */

void listen_account_icmp(struct listen *w, unsigned peer, const struct tfsm_icmp_message *message,
                         bool taken, const struct tfsm_effects *fx)
{
    struct listen_flow *flow = &w->flows[peer];
    struct tfsm_event event = {.kind = TFSM_EV_ICMP,
                               .now = w->run.now,
                               .icmp = message->meaning,
                               .mss = message->mss,
                               .segment = {.seq = message->seq}};
    struct tfsm_effects own;
    check(w, peer, taken == (flow->stage == LISTEN_HALF), FOLDED, "whether there is an entry");
    if (taken && !run_broken(&w->run)) {
        listen_flow_step(w, peer, &w->cfg, &event, NULL, &own);
        check(w, peer, same_effects(&own, fx), FOLDED, "the TCB fires other rules");
        keep_or_end(w, peer, TFSM_COUNT_ENTRY_UNREACHABLE);
    }
    check_entries(w, peer, OTHERS_UNTOUCHED);
}

/* The entry is what the TCB has become, or gone with it. */
static bool follows(struct listen *w, unsigned peer, const struct tfsm_tcb *after)
{
    static struct tfsm_tcb tcb;
    const struct tfsm_packet *packet = packet_of(w, peer);
    if (after->state != TFSM_SYN_RECEIVED) {
        return !tfsm_listener_holds(&w->listener, packet);
    }
    return tfsm_listener_peek(&w->listener, &w->cfg, packet, w->run.now, &tcb) &&
           same_bare_tcb(&tcb, after);
}

/* Of several entries that are due at once the account cannot tell which was first: the one that has
 * become what its TCB becomes. */
static bool went_off(struct listen *w, unsigned peer, const struct tfsm_config *patience,
                     const struct tfsm_event *event)
{
    static struct tfsm_tcb after;
    struct tfsm_effects own;
    copy_bare_tcb(&after, &w->flows[peer].tcb);
    tfsm_step(&after, patience, event, &own);
    return follows(w, peer, &after);
}

unsigned listen_account_timeout(struct listen *w, const struct tfsm_effects *fx)
{
    struct tfsm_event event = {.kind = TFSM_EV_TIMEOUT, .now = w->run.now};
    struct tfsm_config patience = w->cfg;
    struct tfsm_effects own;
    tfsm_time first = TFSM_NEVER;
    unsigned alike = 0;
    tfsm_time due[LISTEN_PEERS];
    patience.syn_retries = w->listener.policy.syn_ack_retries;
    check(w, 0, w->rounds++ < LISTEN_ENTRIES * (patience.syn_retries + 2u), NOTHING_LEFT,
          "timeouts without end");
    for (unsigned i = 0; i < LISTEN_PEERS; i++) {
        due[i] = w->flows[i].stage == LISTEN_HALF ? tfsm_deadline(&w->flows[i].tcb) : TFSM_NEVER;
        alike = due[i] < first ? 1 : alike + (due[i] == first);
        first = due[i] < first ? due[i] : first;
    }
    for (unsigned i = 0; i < LISTEN_PEERS && first <= w->run.now && first < TFSM_NEVER; i++) {
        if (due[i] == first && (alike == 1 || went_off(w, i, &patience, &event))) {
            listen_flow_step(w, i, &patience, &event, fx, &own);
            keep_or_end(w, i, TFSM_COUNT_ENTRY_TIMED_OUT);
            check_entries(w, i, OTHERS_UNTOUCHED);
            return i;
        }
    }
    breaks(w, 0, FOLDED, "no entry was due that did what its TCB does");
    return LISTEN_PEERS;
}

unsigned listen_account_output(struct listen *w, const struct tfsm_packet *packet, bool closing)
{
    struct tfsm_event abort = {.kind = TFSM_EV_ABORT, .now = w->run.now};
    struct tfsm_segment segment;
    struct tfsm_effects fx;
    unsigned peer = listen_peer_of(packet);
    if (!check(w, 0, peer < LISTEN_PEERS && w->flows[peer].stage == LISTEN_HALF, FOLDED,
               "a packet to nobody")) {
        return peer < LISTEN_PEERS ? peer : 0;
    }
    struct listen_flow *flow = &w->flows[peer];
    if (closing) {
        listen_flow_step(w, peer, &w->cfg, &abort, NULL, &fx);
        flow->stage = LISTEN_NOTHING;
        tally(w, TFSM_COUNT_ENTRY_CLOSED);
    }
    bool says = listen_flow_output(w, peer, &segment);
    if (says && flow->is_cookie && !closing && (segment.options & TFSM_OPT_TIMESTAMPS) != 0) {
        check(w, peer,
              seq_le(packet->segment.ts_val, segment.ts_val) &&
                  seq_distance(packet->segment.ts_val, segment.ts_val) < 128,
              COOKIE_CARRIES, "the timestamp is not that of our clock, nor shortly before");
        segment.ts_val = packet->segment.ts_val; /* bent, so that it carries what was agreed */
    }
    check(w, peer, says && same_segment(&segment, &packet->segment), FOLDED,
          "the packet is not that of the TCB");
    if ((packet->segment.flags & (TFSM_SYN | TFSM_ACK)) == (TFSM_SYN | TFSM_ACK)) {
        check(w, peer, packet->segment.seq == flow->tcb.iss, SAME_SYN_SAME_ISN,
              "the SYN-ACK has another ISN");
        flow->told = true;
        note_sent(w, peer, false, flow->is_cookie, flow->made, &flow->syn, &packet->segment);
        note_fast(w, packet, peer);
    }
    /* Each event makes an entry owe one packet at most. */
    w->drawn++;
    check(w, peer, w->drawn <= w->fed + w->opening.entry_count, STALE_SYN_BOUNDED,
          "more packets than events");
    return peer;
}

void listen_account_drained(struct listen *w)
{
    static struct tfsm_tcb tcb;
    struct tfsm_segment segment;
    for (unsigned i = 0; i < LISTEN_PEERS; i++) {
        struct listen_flow *flow = &w->flows[i];
        if (flow->stage == LISTEN_HALF) {
            if (!tfsm_has_nothing(&flow->tcb)) {
                copy_bare_tcb(&tcb, &flow->tcb);
                check(w, i, !tfsm_output(&tcb, &w->cfg, w->run.now, &segment), FOLDED,
                      "the TCB has something to send");
            }
            monitor_drained(&flow->monitor, &w->cfg, &flow->tcb, w->run.now);
            run_ask_monitor(&w->run, i, &flow->monitor);
        }
    }
}

/* Where a connection delivers text twice, or the text of its SYN is lost between SYN and seat, the
 * sum of what was delivered is not what the TCB counted. */
void listen_account_delivered(struct listen *w, unsigned peer, const struct tfsm_effects *fx)
{
    struct listen_flow *flow = &w->flows[peer];
    flow->delivered += fx->delivered;
    check(w, peer, !is_open(&flow->tcb) || flow->delivered == flow->tcb.rcv_octets, EARLY_ONCE,
          "text was delivered twice or not at all");
}

void listen_account_accepted(struct listen *w, bool accepted, uint64_t id)
{
    check(w, 0, accepted == (w->accept_count > 0) && (!accepted || id == w->accept_ids[0]),
          ACCEPT_ORDER, "it is not the oldest that waits");
    if (w->accept_count > 0) {
        tally(w, TFSM_COUNT_ACCEPTED);
        w->accept_count--;
        memmove(w->accept_ids, w->accept_ids + 1, w->accept_count * sizeof w->accept_ids[0]);
    }
}

void listen_account_over(struct listen *w)
{
    uint32_t count;
    unsigned peer = oldest_entry(w, &count);
    check(w, peer < LISTEN_PEERS ? peer : 0,
          count == 0 && w->listener.entry_count == 0 && !tfsm_listener_owes(&w->listener) &&
              tfsm_listener_deadline(&w->listener) == TFSM_NEVER,
          NOTHING_LEFT, "there is an entry left");
}

void listen_account_early_over(struct listen *w, bool reset)
{
    w->early--;
    if (reset && w->resets < LISTEN_SENT) {
        w->reset_at[w->resets++] = w->run.now;
    }
}

/* ---- the books ---- */

/* Memory beyond the arrays is not the listener's. */
static bool entry_guards_hold(const struct listen *w)
{
    const size_t entry = sizeof w->entries[0];
    return untouched(w->entries, 0, entry) &&
           untouched(w->entries, entry * (1 + w->opening.entry_count), sizeof w->entries);
}

/* The others are small: word by word, before the first and after the last. */
static bool guards_hold(const struct listen *w)
{
    const uint64_t id = UINT64_C(0x0101010101010101) * LISTEN_GUARD;
    const uint32_t half = UINT32_C(0x01010101) * LISTEN_GUARD;
    bool hold = w->waiting[0] == id && w->spent[0].mark == half && w->spent[0].period == half;
    for (uint32_t i = 1 + w->opening.waiting_count; i < LISTEN_WAITING + 2; i++) {
        hold = hold && w->waiting[i] == id;
    }
    for (uint32_t i = 1 + w->opening.spent_count; i < LISTEN_SPENT + 2; i++) {
        hold = hold && w->spent[i].mark == half && w->spent[i].period == half;
    }
    return hold;
}

void listen_account_refused(struct listen *w)
{
    check(w, 0, w->opening.entry_count == 0, LISTENER_BOOKS, "it does not open");
}

void listen_account_opened(struct listen *w, bool opened)
{
    check(w, 0, opened, LISTENER_BOOKS, "it does not open");
    w->cookies_until = 0;
    w->early = 0;
    w->resets = 0;
    w->accept_count = 0;
    w->sent_count = 0;
    w->isn_count = 0;
    w->fast_count = 0;
    w->spent_count = 0;
    w->fast_generation = 1;
    w->fed = 0;
    w->drawn = 0;
    forget_looks(w);
    w->counters = w->told = (struct whole_counts){0};
    memset(w->known, 0, sizeof w->known);
    for (unsigned i = 0; i < LISTEN_PEERS; i++) {
        w->flows[i].pending = false;
    }
}

static void check_counters(struct listen *w)
{
    static struct whole_counts stand;
    memcpy(&stand, w->listener.counters, sizeof stand);
    if (same_counts(&stand, &w->counters) && same_counts(&w->told, &w->counters)) {
        return;
    }
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        if (stand.of[i] != w->counters.of[i]) {
            breaks(w, 0, LISTENER_BOOKS, tfsm_listener_counter_name((enum tfsm_listener_counter)i));
        }
        if (w->counters.of[i] != w->told.of[i]) {
            coverage_counter(i);
        }
        w->run.result.counters[i] += w->counters.of[i] - w->told.of[i];
        w->told.of[i] = w->counters.of[i];
    }
}

/* What the listener says of itself, and that it kept to its memory. */
static void check_books(struct listen *w)
{
    struct listen_seen *seen = &w->seen;
    look(w);
    for (unsigned i = 0; i < 2; i++) {
        enum clause clause = i == 0 ? LISTENER_BOOKS : CHECKS_DIFFER;
        if (i == 0 ? !seen->books : looks_twice()) {
            const char *wrong = tfsm_listener_check(&w->listener, &w->cfg);
            check(w, 0, wrong == NULL, clause, wrong != NULL ? wrong : "");
        }
        if (i == 0 ? !seen->guards : looks_twice()) {
            check(w, 0, entry_guards_hold(w), clause, "memory beyond the entries was written");
        }
    }
    seen->books = true;
    seen->guards = true;
    check(w, 0, guards_hold(w), LISTENER_BOOKS, "memory beyond the arrays was written");
}

void listen_account_check(struct listen *w)
{
    const struct tfsm_listener *l = &w->listener;
    uint32_t count;
    tfsm_time first = TFSM_NEVER;
    (void)oldest_entry(w, &count);
    check_books(w);
    check(w, 0, l->entry_most == w->opening.entry_count && l->entry_count <= l->entry_most,
          LISTENER_BOOKS, "more entries than there is room for");
    check(w, 0, l->entry_count == count && l->waiting_count == w->accept_count, LISTENER_BOOKS,
          "the queues are longer or shorter than they are");
    check(w, 0, l->early == w->early, EARLY_ONCE, "a Fast Open is counted twice or not at all");
    bool recycles = w->listener.policy.cookies == TFSM_COOKIES_NEVER && w->listener.policy.recycle;
    check(w, 0,
          tfsm_listener_has_room(l) ==
              (!l->closing && !accept_full(w) && w->opening.entry_count > 0 &&
               (count < w->opening.entry_count || recycles)),
          HAS_ROOM, "whether there is room");
    check_counters(w);
    if (run_broken(&w->run)) {
        return;
    }
    check_entries(w, LISTEN_PEERS, FOLDED);
    for (unsigned i = 0; i < LISTEN_PEERS && !l->closing; i++) {
        bool half = w->flows[i].stage == LISTEN_HALF;
        tfsm_time due = half ? tfsm_deadline(&w->flows[i].tcb) : TFSM_NEVER;
        first = due < first ? due : first;
    }
    check(w, 0, tfsm_listener_deadline(l) == first, DEADLINE_FIRST, "the deadline is another");
}
