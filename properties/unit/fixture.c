/* How the unit tests drive the machine and watch it: see fixture.h. */
#include "fixture.h"

#include "whole.h"

#define GUARD   0x5a
#define NEW_ISS 1000u
#define NEW_IRS 50000u
#define DRAIN   200u /* more segments than any test may make the machine owe at once */

/* ---- building ---- */

static struct tfsm_config config(void)
{
    struct tfsm_config cfg = tfsm_config_default();
    cfg.profile = PROFILE;
    cfg.rcv_buff = BUFF;
    cfg.snd_buff = BUFF;
    cfg.mss = MSS;
    cfg.mss_default = 536;
    cfg.mss_floor = 64;
    cfg.syn_retries = SYN_RETRIES;
    cfg.retries = RETRIES;
    cfg.rto_initial = RTO;
    cfg.rto_max = RTO_MAX;
    cfg.msl = MSL;
    cfg.user_timeout = 0;
    cfg.ack_delay = 0; /* what a profile bit or a time turns on has tests of its own */
    cfg.r1 = 0;
    cfg.challenge_limit = LIMIT;
    cfg.challenge_every = LIMIT_EVERY;
    return cfg;
}

static unsigned ranges;

void give_room(unsigned wanted)
{
    ranges = wanted;
}

struct fixture *fresh(void **state)
{
    static struct fixture only;
    memset(&only, 0, sizeof only);
    memset(only.guarded + sizeof only.tcb, GUARD, sizeof only.guarded - sizeof only.tcb);
    tfsm_make_room(&only.tcb, ranges);
    only.cfg = config();
    only.now = 1000 * SECOND;
    only.iss = NEW_ISS;
    only.irs = NEW_IRS;
    only.peer.wnd = PEER_WND;
    only.peer.options = TFSM_OPT_MSS;
    only.peer.mss = MSS;
    only.file = __FILE__;
    only.line = __LINE__;
    *state = &only;
    return &only;
}

struct fixture *fixture_here(struct fixture *f, const char *file, int line)
{
    f->file = file;
    f->line = line;
    return f;
}

static void want_u64(const struct fixture *f, const char *what, uint64_t got, uint64_t want)
{
    if (got != want) {
        print_error("%s is %llu, not %llu\n", what, (unsigned long long)got,
                    (unsigned long long)want);
        _fail(f->file, f->line);
    }
}

static void want_true(const struct fixture *f, bool holds, const char *what)
{
    if (!holds) {
        print_error("does not hold: %s\n", what);
        _fail(f->file, f->line);
    }
}

/* ---- the watch ---- */

static bool connected(const struct fixture *f)
{
    return f->tcb.state != TFSM_CLOSED && f->tcb.state != TFSM_LISTEN &&
           f->tcb.state != TFSM_SYN_SENT;
}

/* What RCV.NXT must be, from what was delivered. */
static uint32_t expected_rcv_nxt(const struct fixture *f)
{
    return seq_add(f->irs, 1 + (uint32_t)f->readable + (f->peer_closed ? 1 : 0));
}

static void watch_invariants(const struct fixture *f)
{
    enum tfsm_clause clause = tfsm_check(&f->tcb);
    if (clause != TFSM_OK) {
        print_error("tfsm_check: %s in %s\n", tfsm_clause_name(clause),
                    tfsm_state_name(f->tcb.state));
        _fail(f->file, f->line);
    }
    size_t end = tfsm_tcb_size(&f->tcb);
    for (size_t i = end; i < end + 64; i++) {
        want_u64(f, "an octet behind the room", f->guarded[i], GUARD);
    }
}

/* One piece of text: inside the segment, at its place in the stream, never given before. */
static void watch_piece(struct fixture *f, const struct tfsm_segment *segment,
                        const struct tfsm_text *piece)
{
    bool syn = (segment->flags & TFSM_SYN) != 0;
    uint32_t controls = (syn ? 1u : 0u) + ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
    uint32_t seq = seq_add(segment->seq, piece->at + (syn ? 1u : 0u));
    want_true(f, piece->len > 0, "a piece of text is not empty");
    want_true(f, piece->at + piece->len <= segment->len - controls, "a piece is in its segment");
    want_u64(f, "offset of a piece, modulo 2^32", piece->offset & UINT32_MAX,
             seq_distance(seq_add(f->irs, 1), seq));
    want_true(f, piece->offset >= f->readable, "a piece is new");
    for (uint64_t i = piece->offset; i < piece->offset + piece->len && i < WATCH_OCTETS; i++) {
        want_true(f, f->copied[i] == 0, "no octet is handed out twice");
        f->copied[i] = 1;
    }
}

static void watch_delivery(struct fixture *f)
{
    uint64_t end = f->readable + f->fx.delivered;
    for (uint64_t i = f->readable; i < end && i < WATCH_OCTETS; i++) {
        want_true(f, f->copied[i] != 0, "what is delivered was handed out");
    }
    f->readable = end;
    if ((f->fx.signals & TFSM_SIG_PEER_CLOSED) != 0) {
        want_true(f, !f->peer_closed, "the peer's FIN is told once");
        f->peer_closed = true;
    }
}

static void forget_connection(struct fixture *f)
{
    f->readable = 0;
    f->peer_closed = false;
    f->sent_any = false;
    f->sent_fin = false;
    f->edge_known = false;
    memset(f->copied, 0, sizeof f->copied);
}

/* The TCB but for what a refused segment may change: debts and the reply limiter. */
static void without_reply(struct whole *to, const struct tfsm_tcb *tcb)
{
    struct tfsm_tcb *bare = &to->tcb;
    copy_tcb(to, tcb);
    bare->owed = 0;
    bare->rst_seq = 0;
    bare->rst_ack = 0;
    memset(bare->challenges, 0, sizeof bare->challenges);
    bare->challenge_until = 0;
    bare->rst_ts_val = 0;
    bare->rst_ts_ecr = 0;
    /* The reply reports what came twice, and a SYN's offer of ECN is noted with it. */
    bare->flags &= ~(uint32_t)(TFSM_M_DSACK | TFSM_M_NOT_ECT);
    bare->dsack = (struct tfsm_range){0, 0};
    bare->quick_acks = 0; /* what the segments after it are owed */
}

static bool same_but_reply(const struct fixture *f)
{
    static struct whole before;
    static struct whole now;
    without_reply(&before, &f->before);
    without_reply(&now, &f->tcb);
    return same_tcb(&before.tcb, &now.tcb);
}

static void watch_step(struct fixture *f, const struct tfsm_event *event, enum tfsm_result result)
{
    watch_invariants(f);
    if (result != TFSM_DONE) {
        want_true(f, same_tcb(&f->before, &f->tcb), "an error changes nothing");
    }
    if (event->kind == TFSM_EV_SEGMENT && f->fx.verdict == TFSM_V_DROP) {
        want_true(f, same_but_reply(f), "a refused segment changes nothing but the reply");
        want_u64(f, "signals of a refused segment", f->fx.signals, 0);
    }
    want_true(f, f->fx.text_count <= (f->tcb.room > 0 ? TFSM_PIECES_MAX : TFSM_ROOM_OWN + 1),
              "pieces fit their array");
    for (size_t i = 0; i < f->fx.text_count; i++) {
        watch_piece(f, &event->segment, &f->fx.text[i]);
    }
    watch_delivery(f);
    if (connected(f)) {
        want_u64(f, "RCV.NXT", f->tcb.rcv_nxt, expected_rcv_nxt(f));
    }
    if (f->tcb.state == TFSM_CLOSED || f->tcb.state == TFSM_LISTEN) {
        forget_connection(f);
    }
}

static uint32_t text_of(const struct tfsm_segment *s)
{
    uint32_t controls =
        ((s->flags & TFSM_SYN) != 0 ? 1u : 0u) + ((s->flags & TFSM_FIN) != 0 ? 1u : 0u);
    return s->len - controls;
}

/* Sequence numbers are bound once: to the SYN, to an octet, to the FIN. */
static void watch_sequence(struct fixture *f, const struct tfsm_segment *s)
{
    uint32_t end = seq_add(s->seq, s->len);
    if ((s->flags & TFSM_SYN) != 0) {
        want_u64(f, "SEG.SEQ of our SYN", s->seq, f->iss);
    }
    if (text_of(s) > 0) {
        want_u64(f, "text_offset, modulo 2^32", s->text_offset & UINT32_MAX,
                 seq_distance(seq_add(f->iss, 1), s->seq));
    }
    if ((s->flags & TFSM_FIN) != 0) {
        want_true(f, !f->sent_fin || f->fin == end - 1, "a FIN keeps its sequence number");
        f->fin = end - 1;
        f->sent_fin = true;
    }
    want_true(f, !f->sent_any || seq_le(s->seq, f->sent), "no gap in what is sent");
    want_true(f, !f->sent_fin || seq_le(end, f->fin + 1), "nothing after the FIN");
    bool new = f->sent_any &&seq_lt(f->sent, end);
    want_true(f, !new || s->len == 1 || seq_le(end, seq_add(f->tcb.snd_una, f->tcb.snd_wnd)),
              "nothing new beyond the peer's window but a probe");
    if (!f->sent_any || seq_lt(f->sent, end)) {
        f->sent = end;
        f->sent_any = true;
    }
    want_u64(f, "SND.NXT", f->tcb.snd_nxt, f->sent);
}

/* A scaled window is rounded down to what the header can say (RFC 7323 2.4): that much may be lost
 * on the wire, never in what the machine remembers. */
static void watch_window(struct fixture *f, const struct tfsm_segment *s)
{
    uint8_t shift = (s->flags & TFSM_SYN) != 0 ? 0 : f->tcb.rcv_wscale;
    uint32_t rounding = (1u << shift) - 1;
    uint32_t edge = seq_add(s->ack, (uint32_t)s->wnd << shift);
    want_u64(f, "SEG.ACK", s->ack, expected_rcv_nxt(f));
    want_true(f, !f->edge_known || seq_le(f->edge, seq_add(edge, rounding)),
              "the right edge never recedes");
    f->edge = f->edge_known ? seq_max(f->edge, edge) : edge;
    f->edge_known = true;
    want_u64(f, "the edge the TCB remembers", seq_add(f->tcb.rcv_nxt, f->tcb.rcv_wnd), f->edge);
}

static void watch_output(struct fixture *f, const struct tfsm_segment *s)
{
    watch_invariants(f);
    want_true(f, text_of(s) <= f->cfg.mss, "text is at most an MSS");
    if ((f->cfg.profile & TFSM_ECN) == 0) {
        want_u64(f, "ECE and CWR", s->flags & (TFSM_ECE | TFSM_CWR), 0);
    }
    if ((s->flags & TFSM_SYN) == 0) {
        want_u64(f, "MSS and scale outside a SYN", s->options & (TFSM_OPT_MSS | TFSM_OPT_WSCALE),
                 0);
    }
    if ((s->flags & TFSM_RST) != 0) {
        want_u64(f, "SEG.LEN of a RST", s->len, 0);
        return;
    }
    want_true(f, (s->flags & (TFSM_ACK | TFSM_SYN)) != 0, "only a SYN goes without ACK");
    watch_sequence(f, s);
    if ((s->flags & TFSM_ACK) != 0) {
        watch_window(f, s);
    }
}

/* ---- events ---- */

enum tfsm_result fixture_step(struct fixture *f, const struct tfsm_event *event)
{
    struct tfsm_event whole = *event;
    whole.now = f->now;
    whole.iss = f->iss;
    copy_tcb_into(&f->before, &f->tcb);
    memset(&f->fx, 0xa5, sizeof f->fx);
    enum tfsm_result result = tfsm_step(&f->tcb, &f->cfg, &whole, &f->fx);
    watch_step(f, &whole, result);
    return result;
}

void fixture_done(struct fixture *f, const struct tfsm_event *event)
{
    enum tfsm_result result = fixture_step(f, event);
    if (result != TFSM_DONE) {
        print_error("%s: %s\n", tfsm_event_name(event->kind), tfsm_result_name(result));
        _fail(f->file, f->line);
    }
}

void fixture_open(struct fixture *f, bool active, bool remote)
{
    fixture_done(f, &(struct tfsm_event){.kind = TFSM_EV_OPEN, .active = active, .remote = remote});
}

struct tfsm_segment segment_of(const struct fixture *f, struct from_peer what)
{
    uint32_t controls =
        ((what.flags & TFSM_SYN) != 0 ? 1u : 0u) + ((what.flags & TFSM_FIN) != 0 ? 1u : 0u);
    struct tfsm_segment s = f->peer;
    bool live = f->tcb.state != TFSM_CLOSED && f->tcb.state != TFSM_LISTEN;
    s.seq = seq_add(connected(f) ? f->tcb.rcv_nxt : f->irs, (uint32_t)(what.seq & 0xffffffff));
    s.ack = seq_add(live ? f->tcb.snd_una : f->iss, (uint32_t)(what.ack & 0xffffffff));
    s.len = what.text + controls;
    s.flags = what.flags;
    s.up = what.up;
    s.security = what.security;
    if ((what.flags & TFSM_ACK) == 0) {
        s.ack = 0;
    }
    if ((what.flags & TFSM_SYN) == 0) {
        s.options = 0;
    }
    return s;
}

void arrive_segment(struct fixture *f, const struct tfsm_segment *segment)
{
    f->arrived = *segment;
    fixture_done(f, &(struct tfsm_event){.kind = TFSM_EV_SEGMENT, .segment = *segment});
}

void fixture_arrive(struct fixture *f, struct from_peer what)
{
    struct tfsm_segment s = segment_of(f, what);
    arrive_segment(f, &s);
}

void fixture_after(struct fixture *f, tfsm_time time)
{
    f->now += time;
    fixture_done(f, &(struct tfsm_event){.kind = TFSM_EV_TIMEOUT});
}

void fixture_expire(struct fixture *f)
{
    tfsm_time deadline = tfsm_deadline(&f->tcb);
    want_true(f, deadline != TFSM_NEVER, "a deadline is set");
    want_true(f, deadline > f->now, "a deadline lies ahead");
    fixture_after(f, deadline - f->now);
}

bool take(struct fixture *f, struct tfsm_segment *out)
{
    static struct whole before;
    copy_tcb(&before, &f->tcb);
    memset(out, 0xa5, sizeof *out);
    if (!tfsm_output(&f->tcb, &f->cfg, f->now, out)) {
        want_true(f, same_tcb(&before.tcb, &f->tcb), "output that says no changes nothing");
        return false;
    }
    watch_output(f, out);
    return true;
}

size_t drain(struct fixture *f, struct tfsm_segment *out, size_t room)
{
    struct tfsm_segment s;
    size_t n = 0;
    while (take(f, &s)) {
        if (n < room) {
            out[n] = s;
        }
        n++;
        want_true(f, n < DRAIN, "output comes to an end");
    }
    return n;
}

/* ---- states ---- */

static void must_be(struct fixture *f, enum tfsm_state want)
{
    struct tfsm_segment ignored;
    (void)drain(f, &ignored, 0);
    fixture_expect_state(f, want);
    want_true(f, tfsm_deadline(&f->tcb) > f->now, "nothing is overdue");
}

void reach_listen(struct fixture *f)
{
    open_passive(f);
    must_be(f, TFSM_LISTEN);
}

void reach_syn_sent(struct fixture *f)
{
    open_active(f);
    must_be(f, TFSM_SYN_SENT);
}

void reach_syn_received(struct fixture *f)
{
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    must_be(f, TFSM_SYN_RECEIVED);
}

void reach_syn_received_active(struct fixture *f)
{
    reach_syn_sent(f);
    arrive(f, .flags = TFSM_SYN);
    must_be(f, TFSM_SYN_RECEIVED);
}

void reach_established(struct fixture *f)
{
    reach_syn_sent(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    must_be(f, TFSM_ESTABLISHED);
}

void reach_established_passive(struct fixture *f)
{
    reach_syn_received(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    must_be(f, TFSM_ESTABLISHED);
}

void reach_fin_wait_1(struct fixture *f)
{
    reach_established(f);
    user_close(f);
    must_be(f, TFSM_FIN_WAIT_1);
}

void reach_fin_wait_2(struct fixture *f)
{
    reach_fin_wait_1(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    must_be(f, TFSM_FIN_WAIT_2);
}

void reach_close_wait(struct fixture *f)
{
    reach_established(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    must_be(f, TFSM_CLOSE_WAIT);
}

void reach_closing(struct fixture *f)
{
    reach_fin_wait_1(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    must_be(f, TFSM_CLOSING);
}

void reach_last_ack(struct fixture *f)
{
    reach_close_wait(f);
    user_close(f);
    must_be(f, TFSM_LAST_ACK);
}

void reach_time_wait(struct fixture *f)
{
    reach_fin_wait_2(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    must_be(f, TFSM_TIME_WAIT);
}

static void reach_closed(struct fixture *f)
{
    must_be(f, TFSM_CLOSED);
}

static void (*const reaches[TFSM_STATES])(struct fixture *) = {
    [TFSM_CLOSED] = reach_closed,           [TFSM_LISTEN] = reach_listen,
    [TFSM_SYN_SENT] = reach_syn_sent,       [TFSM_SYN_RECEIVED] = reach_syn_received,
    [TFSM_ESTABLISHED] = reach_established, [TFSM_FIN_WAIT_1] = reach_fin_wait_1,
    [TFSM_FIN_WAIT_2] = reach_fin_wait_2,   [TFSM_CLOSE_WAIT] = reach_close_wait,
    [TFSM_CLOSING] = reach_closing,         [TFSM_LAST_ACK] = reach_last_ack,
    [TFSM_TIME_WAIT] = reach_time_wait,
};

void reach(struct fixture *f, enum tfsm_state state)
{
    reaches[state](f);
}

static struct fixture *in(void **state, void (*how)(struct fixture *))
{
    struct fixture *f = fresh(state);
    how(f);
    return f;
}

struct fixture *in_closed(void **state)
{
    return in(state, reach_closed);
}

struct fixture *in_listen(void **state)
{
    return in(state, reach_listen);
}

struct fixture *in_syn_sent(void **state)
{
    return in(state, reach_syn_sent);
}

struct fixture *in_syn_received(void **state)
{
    return in(state, reach_syn_received);
}

struct fixture *in_syn_received_active(void **state)
{
    return in(state, reach_syn_received_active);
}

struct fixture *in_established(void **state)
{
    return in(state, reach_established);
}

struct fixture *in_fin_wait_1(void **state)
{
    return in(state, reach_fin_wait_1);
}

struct fixture *in_fin_wait_2(void **state)
{
    return in(state, reach_fin_wait_2);
}

struct fixture *in_close_wait(void **state)
{
    return in(state, reach_close_wait);
}

struct fixture *in_closing(void **state)
{
    return in(state, reach_closing);
}

struct fixture *in_last_ack(void **state)
{
    return in(state, reach_last_ack);
}

struct fixture *in_time_wait(void **state)
{
    return in(state, reach_time_wait);
}

struct fixture *in_plain(void **state, enum tfsm_state which)
{
    struct fixture *f = fresh(state);
    f->cfg.profile = PLAIN;
    reach(f, which);
    return f;
}

/* ---- expectations ---- */

void fixture_expect_state(struct fixture *f, enum tfsm_state want)
{
    if (f->tcb.state != want) {
        print_error("state is %s, not %s\n", tfsm_state_name(f->tcb.state), tfsm_state_name(want));
        _fail(f->file, f->line);
    }
}

void fixture_expect_signals(struct fixture *f, unsigned want)
{
    want_u64(f, "signals", f->fx.signals, want);
}

static void print_segment(const char *who, const struct fixture *f, const struct tfsm_segment *s)
{
    print_error("%s: flags 0x%02x seq ISS+%lld ack IRS+%lld len %lu wnd %u\n", who, s->flags,
                (long long)(int32_t)(s->seq - f->iss), (long long)(int32_t)(s->ack - f->irs),
                (unsigned long)s->len, s->wnd);
}

static void compare_segment(struct fixture *f, const struct tfsm_segment *got,
                            const struct tfsm_segment *want)
{
    bool ack = (want->flags & TFSM_ACK) != 0;
    if ((got->flags & ~TFSM_PSH) != (want->flags & ~TFSM_PSH) || got->seq != want->seq ||
        (ack && got->ack != want->ack) || got->len != want->len) {
        print_segment("sent", f, got);
        print_segment("want", f, want);
        _fail(f->file, f->line);
    }
}

struct tfsm_segment fixture_expect_segment(struct fixture *f, struct from_us want)
{
    struct tfsm_segment got;
    struct tfsm_segment whole = {.flags = want.flags, .len = want.len};
    whole.seq = seq_add(f->iss, (uint32_t)(want.seq & 0xffffffff));
    whole.ack = seq_add(f->irs, (uint32_t)(want.ack & 0xffffffff));
    want_true(f, take(f, &got), "a segment is sent");
    compare_segment(f, &got, &whole);
    return got;
}

void fixture_expect_nothing(struct fixture *f)
{
    struct tfsm_segment got;
    if (take(f, &got)) {
        print_segment("sent", f, &got);
        _fail(f->file, f->line);
    }
}

void fixture_expect_ack(struct fixture *f)
{
    struct tfsm_segment got;
    struct tfsm_segment want = {.flags = TFSM_ACK, .seq = f->sent, .ack = expected_rcv_nxt(f)};
    want_true(f, take(f, &got), "an acknowledgment is sent");
    compare_segment(f, &got, &want);
    fixture_expect_nothing(f);
}

void fixture_expect_reset_reply(struct fixture *f)
{
    const struct tfsm_segment *to = &f->arrived;
    struct tfsm_segment want = {.flags = TFSM_RST, .seq = to->ack};
    struct tfsm_segment got;
    if ((to->flags & TFSM_ACK) == 0) {
        want.flags = TFSM_RST | TFSM_ACK;
        want.seq = 0;
        want.ack = seq_add(to->seq, to->len);
    }
    want_true(f, take(f, &got), "a reset is sent");
    compare_segment(f, &got, &want);
    fixture_expect_nothing(f);
}

void fixture_expect_unchanged(struct fixture *f)
{
    want_true(f, same_tcb(&f->before, &f->tcb), "the last step changed nothing");
}

void fixture_expect_refused(struct fixture *f)
{
    want_true(f, same_but_reply(f), "the segment changed nothing");
    want_u64(f, "signals", f->fx.signals, 0);
    want_u64(f, "pieces of text", f->fx.text_count, 0);
    want_u64(f, "delivered", f->fx.delivered, 0);
    want_u64(f, "acknowledged", f->fx.acknowledged, 0);
    want_u64(f, "verdict", f->fx.verdict, TFSM_V_DROP);
}

void fixture_expect_gone(struct fixture *f, unsigned signal)
{
    static const struct tfsm_tcb empty;
    struct tfsm_tcb left;
    copy_members(&left, &f->tcb);
    fixture_expect_state(f, TFSM_CLOSED);
    fixture_expect_signals(f, signal);
    want_u64(f, "deadline", tfsm_deadline(&f->tcb), TFSM_NEVER);
    left.owed = 0;
    left.rst_seq = 0;
    left.rst_ack = 0;
    want_true(f, same_tcb(&left, &empty), "CLOSED holds nothing but a RST");
}

void fixture_expect_delivered(struct fixture *f, uint32_t n)
{
    want_u64(f, "delivered", f->fx.delivered, n);
}

void fixture_expect_text(struct fixture *f, size_t i, uint64_t offset, uint32_t at, uint32_t len)
{
    want_true(f, i < f->fx.text_count, "so many pieces of text");
    want_u64(f, "offset", f->fx.text[i].offset, offset);
    want_u64(f, "at", f->fx.text[i].at, at);
    want_u64(f, "len", f->fx.text[i].len, len);
}

void fixture_expect_deadline(struct fixture *f, tfsm_time want)
{
    want_u64(f, "deadline", tfsm_deadline(&f->tcb), want);
}

uint32_t in_flight(const struct fixture *f)
{
    return seq_distance(f->tcb.snd_una, f->tcb.snd_nxt);
}

int64_t right_edge(const struct fixture *f)
{
    return seq_distance(expected_rcv_nxt(f), f->edge);
}

/* ---- what all synchronized states do alike ---- */

/* RFC9293:3.10.7.4 second, 1) .. 3); RFC5961:3.2 [RFC9293:3.10.7.4d, RFC9293:3.10.7.4f] */
void same_rst_exact_ends(struct fixture *f, unsigned signal)
{
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, signal);
    expect_nothing(f);
}

/* RFC9293:SHLD-2: a RST may carry text; its ACK and other flags are not looked at. */
void same_rst_exact_with_anything_ends(struct fixture *f, unsigned signal)
{
    arrive(f, .flags = TFSM_RST | TFSM_ACK | TFSM_FIN | TFSM_URG, .ack = 99999, .text = 30,
           .up = 5);
    expect_gone(f, signal);
    expect_nothing(f);
}

/* RFC5961:3.2, B23, B25, RFC9293:3.10.7.4d */
void same_rst_in_window_is_challenged(struct fixture *f)
{
    enum tfsm_state state = f->tcb.state;
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .seq = right_edge(f) - 1);
    expect_challenged(f);
    expect_state(f, state);
}

/* RFC9293:3.5.3a, RFC9293:3.10.7.4d */
void same_rst_outside_is_dropped(struct fixture *f)
{
    enum tfsm_state state = f->tcb.state;
    arrive(f, .flags = TFSM_RST, .seq = -1);
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST, .seq = right_edge(f));
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .seq = 0x80000000LL);
    expect_ignored(f);
    /* RFC5961:3.2a: the number alone counts, wherever text, SYN or FIN reach. */
    arrive(f, .flags = TFSM_RST, .seq = -1, .text = 2);
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST | TFSM_ACK | TFSM_FIN, .seq = -10, .text = 500);
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST | TFSM_SYN | TFSM_ACK, .seq = -1, .text = 1);
    expect_ignored(f);
    expect_state(f, state);
}

void same_plain_rst_in_window_ends(struct fixture *f, unsigned signal)
{
    arrive(f, .flags = TFSM_RST, .seq = right_edge(f) - 1);
    expect_gone(f, signal);
    expect_nothing(f);
}

void same_rst_in_window_comes_before_security(struct fixture *f)
{
    arrive(f, .flags = TFSM_RST, .seq = 1, .security = 9);
    expect_challenged(f);
}

/* RFC9293:3.10.7.4 third [RFC9293:3.10.7.4g] */
void same_wrong_security_resets(struct fixture *f)
{
    arrive(f, .flags = TFSM_ACK, .security = 9);
    expect_gone(f, TFSM_SIG_RESET);
    expect_reset_reply(f);
}

/* RFC9293:3.10.7.4g */
void same_wrong_security_without_ack_resets(struct fixture *f)
{
    arrive(f, .flags = TFSM_FIN, .text = 3, .security = 9);
    expect_gone(f, TFSM_SIG_RESET);
    expect_reset_reply(f);
}

/* The check comes after the sequence check, so that an old segment aborts nothing. */
void same_wrong_security_outside_is_acknowledged(struct fixture *f)
{
    arrive(f, .flags = TFSM_ACK, .seq = -1, .security = 9);
    expect_challenged(f);
}

/* RFC5961:4.2, B20: irrespective of the sequence number. [RFC9293:3.10.7.4i] */
void same_syn_in_window_is_challenged(struct fixture *f)
{
    enum tfsm_state state = f->tcb.state;
    arrive(f, .flags = TFSM_SYN);
    expect_challenged(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .seq = right_edge(f) - 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_FIN, .seq = 0, .text = 20);
    expect_challenged(f);
    expect_state(f, state);
}

/* RFC9293:3.10.7.4i */
void same_syn_outside_is_acknowledged(struct fixture *f)
{
    enum tfsm_state state = f->tcb.state;
    arrive(f, .flags = TFSM_SYN, .seq = -1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .seq = right_edge(f));
    expect_challenged(f);
    arrive(f, .flags = TFSM_SYN, .seq = 0x80000000LL);
    expect_challenged(f);
    arrive(f, .flags = TFSM_SYN, .seq = -1, .text = 10); /* the text reaches into the window */
    expect_challenged(f);
    expect_state(f, state);
}

/* RFC9293:3.10.7.4 fourth, the original behaviour [RFC9293:3.10.7.4j] */
void same_plain_syn_in_window_resets(struct fixture *f)
{
    arrive(f, .flags = TFSM_SYN, .seq = 5);
    expect_gone(f, TFSM_SIG_RESET);
    expect_reset_reply(f);
}

/* RFC9293:3.10.7.4j */
void same_plain_syn_ack_in_window_resets(struct fixture *f)
{
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .seq = right_edge(f) - 1, .ack = 77);
    expect_gone(f, TFSM_SIG_RESET);
    expect_reset_reply(f);
}

/* RFC9293:3.10.7.4 fifth: if the ACK bit is off, drop the segment and return.
 * [RFC9293:3.10.7.4k] */
void same_ack_missing_is_dropped(struct fixture *f)
{
    static const uint8_t flags[] = {0, TFSM_FIN, TFSM_PSH, TFSM_URG, TFSM_FIN | TFSM_URG};
    enum tfsm_state state = f->tcb.state;
    for (size_t i = 0; i < sizeof flags; i++) {
        arrive(f, .flags = flags[i], .text = 10, .up = 20);
        expect_ignored(f);
        arrive(f, .flags = flags[i], .up = 20);
        expect_ignored(f);
    }
    expect_state(f, state);
}

/* RFC9293:3.5.2c, RFC9293:3.10.7.4l, RFC9293:3.10.7.4n */
void same_ack_beyond_snd_nxt_is_acknowledged(struct fixture *f)
{
    enum tfsm_state state = f->tcb.state;
    arrive(f, .flags = TFSM_ACK, .ack = (int64_t)in_flight(f) + 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .ack = (int64_t)in_flight(f) + 0x7fffffff);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = (int64_t)in_flight(f) + 1, .text = 10);
    expect_challenged(f);
    expect_state(f, state);
}

/* RFC5961:5.2, B32: within MAX.SND.WND, but from before the ISS: a ghost. [RFC9293:3.10.7.4l] */
void same_ack_before_iss_is_acknowledged(struct fixture *f)
{
    int64_t to_iss = -(int64_t)seq_distance(f->iss, f->tcb.snd_una);
    enum tfsm_state state = f->tcb.state;
    arrive(f, .flags = TFSM_ACK, .ack = to_iss);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .ack = to_iss - (1 << 30));
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = to_iss, .text = 10);
    expect_challenged(f);
    expect_state(f, state);
}

/* RFC9293:3.5.2b, RFC9293:3.5.2c, RFC9293:3.10.7.4a */
void same_text_outside_is_acknowledged(struct fixture *f)
{
    enum tfsm_state state = f->tcb.state;
    arrive(f, .flags = TFSM_ACK, .seq = -10, .text = 10);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = right_edge(f), .text = 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = 0x80000000LL, .text = 10);
    expect_challenged(f);
    expect_state(f, state);
}

/* RFC9293:3.5.2b, RFC9293:3.5.2c, RFC9293:3.10.7.4a */
void same_dataless_outside_is_acknowledged(struct fixture *f)
{
    enum tfsm_state state = f->tcb.state;
    arrive(f, .flags = TFSM_ACK, .seq = -1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = right_edge(f) + 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = 0x80000000LL);
    expect_challenged(f);
    expect_state(f, state);
}

/* RFC 9293 A.2: a peer that filled our window and lost it all stands at the right edge; an ACK
 * alone is taken there, and nothing else is. */
void same_only_an_ack_is_taken_at_the_right_edge(struct fixture *f)
{
    enum tfsm_state state = f->tcb.state;
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .seq = right_edge(f));
    expect_ignored(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .seq = right_edge(f));
    expect_challenged(f);
    arrive(f, .flags = 0, .seq = right_edge(f));
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .seq = right_edge(f));
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = right_edge(f));
    expect_signals(f, 0);
    expect_nothing(f);
    expect_state(f, state);
}

/* RFC5961:7a, B29, invariant 6 of history */
void same_dataless_replies_are_limited(struct fixture *f)
{
    for (unsigned i = 0; i < LIMIT; i++) {
        arrive(f, .flags = TFSM_RST, .seq = 1);
        expect_challenged(f);
    }
    arrive(f, .flags = TFSM_RST | TFSM_ACK | TFSM_FIN, .seq = 1, .text = 10);
    expect_ignored(f);
    arrive(f, .flags = TFSM_ACK, .ack = (int64_t)in_flight(f) + 1);
    expect_ignored(f);
    arrive(f, .flags = TFSM_ACK, .ack = -(int64_t)seq_distance(f->iss, f->tcb.snd_una));
    expect_ignored(f);
    /* What is out of the window, a SYN, and a keep-alive have budgets of their own. */
    for (unsigned i = 0; i < LIMIT; i++) {
        arrive(f, .flags = TFSM_ACK, .seq = -2 - (int64_t)i);
        expect_challenged(f);
    }
    arrive(f, .flags = TFSM_ACK, .seq = -2);
    expect_ignored(f);
    for (unsigned i = 0; i < LIMIT; i++) {
        arrive(f, .flags = TFSM_SYN, .seq = i % 2 == 0 ? 5 : -500);
        expect_challenged(f);
    }
    arrive(f, .flags = TFSM_SYN);
    expect_ignored(f);
    arrive(f, .flags = TFSM_SYN, .seq = -500);
    expect_ignored(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .seq = 1);
    expect_ignored(f);
    for (unsigned i = 0; i < LIMIT; i++) {
        arrive(f, .flags = TFSM_ACK, .seq = -1);
        expect_challenged(f);
    }
    arrive(f, .flags = TFSM_ACK, .seq = -1);
    expect_ignored(f);
    f->now += LIMIT_EVERY;
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_challenged(f);
}

/* B31: the peer that retransmits text or FIN must hear that we have them. */
void same_data_replies_are_not_limited(struct fixture *f)
{
    for (unsigned i = 0; i < 10 * LIMIT; i++) {
        arrive(f, .flags = TFSM_ACK, .seq = -10, .text = 10);
        expect_challenged(f);
    }
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_challenged(f);
}
