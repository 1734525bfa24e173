/* Losses told by time against the pseudo code of RFC 8985 6.2, step by step, on random paths: text is lost, comes late,
 * comes twice, and so do its retransmissions and probes; ACKs are lost. The pseudo code knows each segment and when it
 * was sent to the microsecond. What the machine takes for lost it has to find lost, too, at that moment; and what it
 * finds lost the machine has to take for lost at the first event after the grain of its clock, or to have sent again. Least
 * round trip, SRTT and what begins and ends a recovery are the machine's own word. A run ends with a timeout, for what
 * is known after it section 6.2 does not say. Flights are short, so that what the machine remembers has room. */
#include "recovering.h"

#define SEGMENTS 120u
#define FLIGHT   12u
#define PACKETS  512u
#define RUNS     2000u

struct sent {
    tfsm_time at; /* Segment.xmit_ts, of the last sending */
    bool again;   /* Segment.retransmitted */
    bool lost;    /* Segment.lost: and at is no more a time of sending */
    bool told;    /* acknowledged or selectively acknowledged */
};

/* Something on its way: a segment of ours, or an ACK. */
struct packet {
    tfsm_time at;
    bool is_ack;
    uint32_t segment;
    uint32_t ack;
    struct block blocks[TFSM_SACK_MAX + 1];
};

struct run {
    struct fixture *f;
    uint32_t seed;
    uint32_t random;
    /* the pseudo code */
    struct sent sent[SEGMENTS];
    uint32_t una;
    uint32_t nxt;
    bool any; /* RACK.segment is known */
    tfsm_time rack_at;
    uint32_t rack_end;
    tfsm_time rack_rtt;
    uint32_t fack;
    bool reordering_seen;
    bool in_round;
    uint32_t dsack_round;
    uint32_t mult;
    int persist;
    /* the path */
    struct packet packets[PACKETS];
    bool here[SEGMENTS]; /* at the peer */
    uint32_t in_order;
    uint32_t flight; /* segments that the peer's window holds */
    unsigned loss;   /* of a hundred */
    unsigned late;
    bool timed_out;
    bool unclear;    /* and this one ends, for the grain of the clock had a say */
    bool little;     /* the room is less than what may be held takes */
    bool exact;      /* or it must not have one */
    bool complete;   /* what the pseudo code finds lost has to be lost */
    unsigned losses; /* found */
};

static uint32_t any_below(struct run *r, uint32_t n)
{
    r->random = r->random * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(r->random >> 4) * n) >> 28);
}

/* ---- the pseudo code of section 6.2, in its words ---- */

static bool sent_after(tfsm_time t1, uint32_t seq1, tfsm_time t2, uint32_t seq2)
{
    return t1 > t2 || (t1 == t2 && seq1 > seq2);
}

/* A grain is a power of two, an eighth of SRTT at the most, and never below 16. */
static tfsm_time late(const struct run *r)
{
    return r->f->tcb.srtt / 4 + 32;
}

static void rack_update(struct run *r, const uint32_t *newly, uint32_t n)
{
    uint32_t order[SEGMENTS];
    for (uint32_t i = 0; i < n; i++) { /* in ascending order of Segment.xmit_ts */
        uint32_t k = i;
        while (k > 0 && r->sent[order[k - 1]].at > r->sent[newly[i]].at) {
            order[k] = order[k - 1];
            k--;
        }
        order[k] = newly[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct sent *s = &r->sent[order[i]];
        tfsm_time rtt = r->f->now - s->at;
        if (!r->exact && s->again && rtt < r->f->tcb.min_rtt &&
            rtt + late(r) / 2 >= r->f->tcb.min_rtt) {
            r->unclear = true;
        }
        if (s->lost || (s->again && rtt < r->f->tcb.min_rtt)) {
            continue;
        }
        r->rack_rtt = rtt;
        if (!r->any || sent_after(s->at, order[i] + 1, r->rack_at, r->rack_end)) {
            r->any = true;
            r->rack_at = s->at;
            r->rack_end = order[i] + 1;
        }
    }
}

static void rack_detect_reordering(struct run *r, const uint32_t *newly, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) { /* in ascending order already */
        uint32_t end = newly[i] + 1;
        if (end > r->fack) {
            r->fack = end;
        } else if (end < r->fack && !r->sent[newly[i]].again) {
            r->reordering_seen = true;
        }
    }
}

static bool recovering(const struct tfsm_tcb *tcb)
{
    return (tcb->flags & TFSM_M_RECOVERY) != 0;
}

static void rack_adapt(struct run *r, bool dsack)
{
    if (r->in_round && r->una >= r->dsack_round) {
        r->in_round = false;
    }
    if (!r->in_round && dsack) {
        r->in_round = true;
        r->dsack_round = r->nxt;
        r->mult++;
        r->persist = 16;
    } else if (recovering(&r->f->before) && !recovering(&r->f->tcb)) {
        r->persist--;
        r->mult = r->persist <= 0 ? 1 : r->mult;
    }
}

/* Of a recovery that begins or ends in this moment nothing is said; the shorter window is right, and the longer one. */
static tfsm_time rack_window(const struct run *r, bool longer)
{
    uint32_t told = 0;
    for (uint32_t i = r->una; i < r->nxt; i++) {
        told += r->sent[i].told ? 1 : 0;
    }
    bool before = recovering(&r->f->before);
    bool now = recovering(&r->f->tcb);
    if (!r->reordering_seen && ((longer ? before && now : before || now) || told >= 3)) {
        return 0;
    }
    tfsm_time window = (tfsm_time)r->mult * r->f->tcb.min_rtt / 4;
    return window < r->f->tcb.srtt ? window : r->f->tcb.srtt;
}

static void rack_detect_loss(struct run *r)
{
    tfsm_time window = rack_window(r, false);
    for (uint32_t i = r->una; i < r->nxt; i++) {
        struct sent *s = &r->sent[i];
        if (!s->told && !s->lost && r->any && sent_after(r->rack_at, r->rack_end, s->at, i + 1) &&
            s->at + r->rack_rtt + window <= r->f->now) {
            s->lost = true;
            r->losses++;
        }
    }
}

/* ---- the machine beside it ---- */

static void disagree(const struct run *r, const char *what, uint32_t i)
{
    print_error(
        "seed %u %s: segment %u, sent at %llu, now %llu; RACK %llu %u rtt %llu window %llu%s\n",
        r->seed, what, i, (unsigned long long)(r->sent[i].at - zero),
        (unsigned long long)(r->f->now - zero), (unsigned long long)(r->rack_at - zero),
        r->rack_end, (unsigned long long)r->rack_rtt, (unsigned long long)rack_window(r, false),
        r->reordering_seen ? ", reordered" : "");
    fail();
}

static bool machine_lost(const struct run *r, uint32_t segment)
{
    const struct tfsm_sent *runs = tfsm_sent_runs(&r->f->tcb);
    uint32_t middle = seq_add(r->f->iss, 1 + segment * MSS + MSS / 2);
    for (unsigned i = 0; i < r->f->tcb.sent_count; i++) {
        if (seq_lt(middle, runs[i].right)) {
            return (runs[i].at & TFSM_LOST) != 0;
        }
    }
    return false;
}

/* By another clock that is a grain off. */
static bool nearly_lost(const struct run *r, uint32_t i)
{
    tfsm_time grain = late(r) / 2;
    return !r->exact && r->any && r->sent[i].at <= r->rack_at + grain &&
           r->sent[i].at + r->rack_rtt + rack_window(r, false) <= r->f->now + grain;
}

static void compare(struct run *r)
{
    for (uint32_t i = r->una; i < r->nxt; i++) {
        const struct sent *s = &r->sent[i];
        bool lost = machine_lost(r, i);
        bool forgotten = s->told && r->little; /* there was no room for it */
        if (lost && !s->lost && !forgotten) {
            if (!nearly_lost(r, i)) {
                disagree(r, "lost too early", i);
            }
            r->unclear = true;
        }
        if (r->complete && !lost && s->lost && !s->told && r->rack_at > s->at + late(r) &&
            r->f->now > s->at + r->rack_rtt + rack_window(r, true) + late(r)) {
            disagree(r, "lost too late", i);
        }
    }
}

/* ---- the path ---- */

static struct packet *on_its_way(struct run *r, tfsm_time at)
{
    for (size_t i = 0; i < PACKETS; i++) {
        if (r->packets[i].at == 0) {
            r->packets[i].at = at;
            return &r->packets[i];
        }
    }
    fail();
    return NULL;
}

static void leaves(struct run *r, uint32_t segment)
{
    tfsm_time delay = R / 2 + any_below(r, R / 16);
    unsigned copies = any_below(r, 100) < r->loss ? 0 : any_below(r, 100) < 3 ? 2 : 1;
    if (any_below(r, 100) < r->late) {
        delay += any_below(r, R);
    }
    for (unsigned i = 0; i < copies; i++) {
        struct packet *p = on_its_way(r, r->f->now + delay + i * MS);
        p->is_ack = false;
        p->segment = segment;
    }
}

/* All the machine wants to send. */
static void goes(struct run *r)
{
    struct tfsm_segment s;
    while (take(r->f, &s)) {
        uint32_t at = seq_distance(r->f->iss, s.seq) - 1;
        if (s.len == 0) {
            continue;
        }
        assert_int_equal(at % MSS, 0);
        assert_int_equal(s.len, MSS);
        struct sent *one = &r->sent[at / MSS];
        one->again = at / MSS < r->nxt;
        one->at = r->f->now;
        one->lost = false;
        r->nxt += one->again ? 0 : 1;
        leaves(r, at / MSS);
    }
}

/* The range of what is at the peer that holds this segment. */
static struct block range_around(const struct run *r, uint32_t segment)
{
    uint32_t left = segment;
    uint32_t right = segment + 1;
    while (left > 0 && r->here[left - 1]) {
        left--;
    }
    while (right < SEGMENTS && r->here[right]) {
        right++;
    }
    return (struct block){left * MSS, right * MSS};
}

/* The ACK that the peer sends when this segment has come: what came twice, where it lies, and other ranges. */
static void answer(struct run *r, uint32_t segment)
{
    bool twice = r->here[segment];
    r->here[segment] = true;
    while (r->in_order < SEGMENTS && r->here[r->in_order]) {
        r->in_order++;
    }
    if (any_below(r, 100) < r->loss) {
        return;
    }
    struct packet *p = on_its_way(r, r->f->now + R / 2);
    p->is_ack = true;
    p->ack = r->in_order;
    memset(p->blocks, 0, sizeof p->blocks);
    unsigned n = 0;
    if (twice) {
        p->blocks[n++] = (struct block){segment * MSS, segment * MSS + MSS};
    }
    if (segment > r->in_order) {
        p->blocks[n++] = range_around(r, segment);
    }
    for (uint32_t i = r->nxt; i-- > r->in_order && n < 3;) {
        if (r->here[i]) {
            struct block range = range_around(r, i);
            if (segment < range.left / MSS || segment >= range.right / MSS) {
                p->blocks[n++] = range;
            }
            i = range.left / MSS;
        }
    }
}

static bool is_told(const struct packet *p, uint32_t segment)
{
    bool told = segment < p->ack;
    for (unsigned i = 0; i < TFSM_SACK_MAX && p->blocks[i].right != 0; i++) {
        told |= segment * MSS >= p->blocks[i].left && segment * MSS < p->blocks[i].right;
    }
    return told;
}

static void hears(struct run *r, const struct packet *p)
{
    uint32_t newly[SEGMENTS];
    uint32_t n = 0;
    ack_comes(r->f, p->ack * MSS, p->blocks, 0);
    r->una = p->ack > r->una ? p->ack : r->una;
    for (uint32_t i = 0; i < r->nxt; i++) {
        if (!r->sent[i].told && is_told(p, i)) {
            r->sent[i].told = true;
            newly[n++] = i;
        }
    }
    bool dsack = p->blocks[0].right != 0 &&
                 (p->blocks[0].right <= p->ack * MSS ||
                  (p->blocks[1].right != 0 && p->blocks[0].left >= p->blocks[1].left &&
                   p->blocks[0].right <= p->blocks[1].right));
    rack_update(r, newly, n);
    rack_detect_reordering(r, newly, n);
    rack_adapt(r, dsack);
    rack_detect_loss(r);
}

/* The next thing that happens. Whether there was one. */
static bool happens(struct run *r)
{
    struct fixture *f = r->f;
    struct packet *next = NULL;
    for (size_t i = 0; i < PACKETS; i++) {
        struct packet *p = &r->packets[i];
        if (p->at != 0 && (next == NULL || p->at < next->at)) {
            next = p;
        }
    }
    tfsm_time deadline = tfsm_deadline(&f->tcb);
    bool steady = r->flight > FLIGHT; /* in many moments, or all at once */
    tfsm_time write =
        r->nxt < SEGMENTS - r->flight ? f->now + any_below(r, steady ? R / 16 : 3 * R) : TFSM_NEVER;
    if (next == NULL && deadline == TFSM_NEVER && write == TFSM_NEVER) {
        return false;
    }
    if (write < deadline && (next == NULL || write < next->at)) {
        f->now = write;
        uint32_t room = SEGMENTS - r->nxt < r->flight ? SEGMENTS - r->nxt : r->flight;
        if (seq_distance(f->tcb.snd_nxt, f->tcb.snd_end) == 0) {
            user_send(f, (1 + any_below(r, steady && room > 3 ? 3 : room)) * MSS);
        }
    } else if (next != NULL && next->at <= deadline) {
        struct packet p = *next;
        next->at = 0;
        f->now = p.at;
        if (!p.is_ack) {
            answer(r, p.segment);
            return true;
        }
        hears(r, &p);
        if (!r->unclear) {
            compare(r);
        }
    } else {
        after(f, deadline - f->now);
        r->timed_out = (f->tcb.flags & TFSM_M_LOSS) != 0;
        rack_detect_loss(r);
        if (!r->timed_out) {
            compare(r);
        }
    }
    return true;
}

/* Losses that the pseudo code found. */
static unsigned one_run(void **state, unsigned room, uint32_t flight, uint32_t seed, bool exact,
                        bool complete)
{
    static struct run r;
    memset(&r, 0, sizeof r);
    give_room(room);
    r.f = offering(state);
    r.flight = flight;
    r.little = room > 0;
    r.f->iss = 1000;
    r.f->peer.wnd = (uint16_t)(flight * MSS);
    r.seed = seed;
    r.exact = exact;
    r.complete = complete;
    r.random = seed * 2654435761u;
    r.f->now += any_below(&r, 1000000);
    r.mult = 1;
    r.loss = any_below(&r, 15);
    r.late = any_below(&r, 3) * 10;
    reach_timed(r.f);
    while (!r.timed_out && !r.unclear && happens(&r)) {
        if (!r.timed_out) {
            goes(&r);
        }
    }
    return r.losses;
}

static void many_runs(void **state, bool exact, bool complete)
{
    unsigned losses = 0;
    for (uint32_t seed = 1; seed <= RUNS; seed++) {
        losses += one_run(state, 0, FLIGHT, seed, exact, complete);
    }
    assert_true(losses > RUNS);
}

/* RFC8985:6.2c, RFC8985:6.2g, RFC8985:6.2h, RFC8985:6.2i, RFC8985:6.2l, RFC8985:6.2q, RFC8985:6.2s: nothing is lost
 * before its time, but for a grain. */
static void test_rack_model_nothing_is_lost_early(void **state)
{
    many_runs(state, false, false);
}

/* RFC8985:6.2e, RFC8985:6.2q, RFC8985:6.2r: nor by a grain. */
static void test_rack_model_nothing_is_lost_a_grain_early(void **state)
{
    many_runs(state, true, false);
}

/* RFC8985:6.2q, RFC8985:6.2r: nor where the room is little, and times are coarse or not known. */
static void test_rack_model_nothing_is_lost_early_in_little_room(void **state)
{
    static const struct {
        unsigned room;
        uint32_t flight;
    } cases[] = {{4, FLIGHT},     {5, FLIGHT},     {6, 2 * FLIGHT},
                 {6, 4 * FLIGHT}, {8, 4 * FLIGHT}, {16, 4 * FLIGHT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned losses = 0;
        for (uint32_t seed = 1; seed <= RUNS; seed++) {
            losses += one_run(state, cases[i].room, cases[i].flight, seed, true, false);
        }
        assert_true(losses > RUNS);
    }
}

/* RFC8985:6.2f, RFC8985:6.2w, RFC8985:6.2u: what is lost is found. */
static void test_rack_model_all_that_is_lost_is_found(void **state)
{
    many_runs(state, false, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rack_model_nothing_is_lost_early),
        cmocka_unit_test(test_rack_model_nothing_is_lost_a_grain_early),
        cmocka_unit_test(test_rack_model_nothing_is_lost_early_in_little_room),
        cmocka_unit_test(test_rack_model_all_that_is_lost_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
