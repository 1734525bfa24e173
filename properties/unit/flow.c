/* How tests of the congestion window drive a sender: see flow.h. */
#include "flow.h"

#define WIDE 0xffffu /* with the largest shift: 2^30 octets */
#define MUCH (64u << 20)

struct path path;

/* ---- the connection ---- */

static bool stamped(const struct fixture *f)
{
    return (f->cfg.profile & TFSM_TIMESTAMPS) != 0;
}

static uint32_t stamp_of(tfsm_time at)
{
    return (uint32_t)(at / MS & UINT32_MAX);
}

struct fixture *flow(void **state, uint32_t bits)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_CONGESTION | TFSM_WSCALE | bits;
    f->cfg.initial_window = 10;
    f->cfg.snd_buff = MUCH;
    f->peer.wnd = WIDE;
    f->peer.wscale = 14;
    f->peer.options |= TFSM_OPT_WSCALE;
    memset(&path, 0, sizeof path);
    return f;
}

static void offer_back(struct fixture *f)
{
    if (stamped(f)) {
        f->peer.options |= TFSM_OPT_TIMESTAMPS;
    }
    if ((f->cfg.profile & TFSM_SACK) != 0) {
        f->peer.options |= TFSM_OPT_SACK_PERMITTED;
    }
}

void flow_open(struct fixture *f, tfsm_time rtt)
{
    offer_back(f);
    reach_syn_sent(f);
    path.recent = f->now;
    f->peer.ts_ecr = stamp_of(f->now);
    f->now += rtt;
    f->peer.ts_val = stamp_of(f->now);
    bool ecn = (f->cfg.profile & TFSM_ECN) != 0;
    arrive(f, .flags = (uint8_t)(TFSM_SYN | TFSM_ACK | (ecn ? TFSM_ECE : 0)), .ack = 1);
    expect_ack(f);
    expect_state(f, TFSM_ESTABLISHED);
    flow_answer(f, &(struct answer){0}); /* his window, scaled: no ACK after this tells a new one */
    expect_nothing(f);
}

void flow_answer(struct fixture *f, const struct answer *what)
{
    uint32_t zero = seq_add(f->iss, 1);
    struct tfsm_segment s = segment_of(
        f, (struct from_peer){.flags = (uint8_t)(TFSM_ACK | what->flags), .text = what->text});
    s.ack = seq_add(zero, what->ack);
    while (s.sacks < TFSM_SACK_MAX && what->blocks[s.sacks].right != what->blocks[s.sacks].left) {
        s.sack[s.sacks].left = seq_add(zero, what->blocks[s.sacks].left);
        s.sack[s.sacks].right = seq_add(zero, what->blocks[s.sacks].right);
        s.sacks++;
    }
    s.options = s.sacks > 0 ? TFSM_OPT_SACK : 0;
    if (stamped(f)) {
        s.options |= TFSM_OPT_TIMESTAMPS;
        s.ts_val = stamp_of(f->now);
        s.ts_ecr = what->echo != 0 ? stamp_of(what->echo) : f->peer.ts_ecr;
    }
    arrive_segment(f, &s);
}

void flow_fill(struct fixture *f)
{
    struct tfsm_status_block block;
    assert_int_equal(tfsm_status(&f->tcb, &block), TFSM_DONE);
    if (block.queued < f->cfg.snd_buff) {
        user_send(f, f->cfg.snd_buff - block.queued);
    }
}

size_t flow_sent(struct fixture *f)
{
    struct tfsm_segment s;
    size_t n = 0;
    while (take(f, &s)) {
        n += s.len > 0 ? 1u : 0u;
    }
    return n;
}

struct tfsm_segment fixture_expect_octets(struct fixture *f, uint32_t at, uint32_t n)
{
    return fixture_expect_segment(
        f, (struct from_us){TFSM_ACK, 1 + (int64_t)at, 1 + (int64_t)f->readable, n});
}

uint32_t octets_acked(const struct fixture *f)
{
    return seq_distance(seq_add(f->iss, 1), f->tcb.snd_una);
}

uint32_t octets_sent(const struct fixture *f)
{
    return seq_distance(seq_add(f->iss, 1), f->tcb.snd_nxt);
}

bool recovers(const struct fixture *f)
{
    return (f->tcb.flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) != 0;
}

/* ---- the path ---- */

void path_open(struct fixture *f, tfsm_time rtt)
{
    flow_open(f, rtt);
    path.rtt = rtt;
}

static void carry(const struct fixture *f, struct block octets)
{
    size_t last = (path.first + path.count) % PATH_ROOM;
    tfsm_time due = f->now + path.rtt;
    assert_true(path.count < PATH_ROOM);
    if (path.count > 0) { /* nothing overtakes */
        tfsm_time before = path.line[(last + PATH_ROOM - 1) % PATH_ROOM].due;
        due = due < before ? before : due;
    }
    path.line[last].octets = octets;
    path.line[last].at = f->now;
    path.line[last].due = due;
    path.count++;
}

uint32_t octets_of(const struct tfsm_segment *s)
{
    uint32_t n =
        s->len - ((s->flags & TFSM_SYN) != 0 ? 1u : 0u) - ((s->flags & TFSM_FIN) != 0 ? 1u : 0u);
    uint32_t options = 0;
    options += (s->options & TFSM_OPT_TIMESTAMPS) != 0 ? 10u : 0u;
    options += (s->options & TFSM_OPT_SACK) != 0 ? 2u + 8u * s->sacks : 0u;
    options += (s->options & TFSM_OPT_USER_TIMEOUT) != 0 ? 4u : 0u;
    return n + (options + 3u) / 4u * 4u;
}

static bool too_large(const struct fixture *f, const struct tfsm_segment *s)
{
    uint32_t n = octets_of(s);
    if (n > path.largest) {
        path.largest = n;
        path.largest_at = f->now;
    }
    bool large = path.most != 0 && n > path.most;
    path.large += large ? 1u : 0u;
    return large;
}

size_t path_send(struct fixture *f)
{
    struct tfsm_segment s;
    size_t n = 0;
    while (take(f, &s)) {
        if (s.len == 0) {
            continue;
        }
        struct block octets = {(uint32_t)s.text_offset, (uint32_t)s.text_offset + s.len};
        n++;
        path.sent++;
        path.again += octets.left < path.highest ? 1u : 0u;
        path.highest = octets.right > path.highest ? octets.right : path.highest;
        if (too_large(f, &s)) {
            continue;
        }
        if (path.lose > 0) {
            path.lose--;
        } else {
            carry(f, octets);
        }
    }
    return n;
}

/* The peer takes what does not follow in order; the range that holds it now. */
static struct block hold(struct block octets)
{
    unsigned to = 0;
    for (unsigned i = 0; i < path.held_count; i++) {
        struct block held = path.held[i];
        if (held.right < octets.left || octets.right < held.left) {
            path.held[to++] = held;
        } else {
            octets.left = held.left < octets.left ? held.left : octets.left;
            octets.right = held.right > octets.right ? held.right : octets.right;
        }
    }
    assert_true(to < PATH_HELD);
    path.held_count = to + 1;
    while (to > 0 && path.held[to - 1].left > octets.left) {
        path.held[to] = path.held[to - 1];
        to--;
    }
    path.held[to] = octets;
    return octets;
}

static bool has_already(struct block octets)
{
    bool has = octets.right <= path.next;
    for (unsigned i = 0; i < path.held_count; i++) {
        has = has || (path.held[i].left <= octets.left && octets.right <= path.held[i].right);
    }
    return has;
}

/* What is in order is no range of its own any more. */
static void deliver(void)
{
    if (path.held_count > 0 && path.held[0].left <= path.next) {
        path.next = path.held[0].right;
        path.held_count--;
        memmove(path.held, path.held + 1, path.held_count * sizeof path.held[0]);
    }
}

/* The blocks of an answer: what came twice, the range that grew last, the others. */
static void tell(struct answer *what, struct block came, struct block grown, bool twice)
{
    unsigned n = 0;
    if (twice) {
        what->blocks[n++] = came;
    }
    if (grown.right > path.next) {
        what->blocks[n++] = grown;
    }
    for (unsigned i = 0; i < path.held_count && n < 3; i++) {
        if (path.held[i].left != grown.left) {
            what->blocks[n++] = path.held[i];
        }
    }
}

/* RFC 9293, 7323 4.3, 2018 and 2883: what a receiver answers to the first segment in line. */
static struct answer arrival(void)
{
    struct block came = path.line[path.first].octets;
    bool twice = has_already(came);
    struct block grown = {0, 0};
    struct answer what = {0};
    if (came.left <= path.next && path.line[path.first].at > path.recent) {
        path.recent = path.line[path.first].at;
    }
    if (!twice) {
        grown = hold(came);
        deliver();
    }
    what.ack = path.next;
    what.echo = path.recent;
    tell(&what, came, grown, twice);
    path.first = (path.first + 1) % PATH_ROOM;
    path.count--;
    return what;
}

bool path_step(struct fixture *f)
{
    tfsm_time deadline = tfsm_deadline(&f->tcb);
    if (path.count == 0 && deadline == TFSM_NEVER) {
        return false;
    }
    if (path.count == 0 || deadline <= path.line[path.first].due) {
        f->now = deadline > f->now ? deadline : f->now;
        fixture_done(f, &(struct tfsm_event){.kind = TFSM_EV_TIMEOUT});
    } else {
        f->now = path.line[path.first].due;
        struct answer what = arrival();
        flow_answer(f, &what);
    }
    (void)path_send(f);
    return true;
}

void path_answer(struct fixture *f)
{
    size_t before = path.first;
    while (path.first == before) {
        assert_true(path_step(HERE(f)));
    }
}

void path_round(struct fixture *f)
{
    size_t n = path.count;
    for (size_t i = 0; i < n; i++) {
        flow_fill(f);
        path_answer(f);
    }
    flow_fill(f);
    (void)path_send(f);
}

void path_delay(tfsm_time by)
{
    for (size_t i = 0; i < path.count; i++) {
        path.line[(path.first + i) % PATH_ROOM].due += by;
    }
}
