/* SYN cookies (RFC 4987 3.6) and Fast Open cookies (RFC 7413 4.1.2): what a listener lets its
 * clients remember for it. Both are SipHash under a secret of the listener.
 *
 * A SYN cookie is an ISN of RFC 6528 whose clock has its low 24 bits, some 67 seconds, replaced:
 *
 *     ISN = F(addresses, ports, key of the host) + start of the period, in ticks of 4 microseconds
 *           + (MAC(addresses, ports, IRS, period, secret) + class of the MSS) mod 2^24
 *
 * so that it moves on with the clock from one period to the next as any other does; within a period
 * it does not. It is good in its own period and the next: of the 2^32 numbers that a forger can guess
 * 16 are good, 2 periods times 8 classes. To one who has seen an ISN of the same four before, and so
 * knows F, it is 8 of 2^24 in each period.
 *
 * A cookie can be shown twice: while it is good, a third segment that comes again would make another
 * connection once the first is gone. What was spent is therefore remembered, a few octets each, in a
 * table of the caller.
 *
 * While a cookie may come back every SYN but one that comes in TIME-WAIT is answered as if by one, for the
 * same SYN gets the same ISN and must be told the same: also one that has an entry, or that Fast Open
 * takes.
 *
 * Window scale, SACK and ECN do not fit. With timestamps they lie in the low six bits of the TSval of
 * the SYN-ACK, which the client sends back; without there are none. */
#include "listener.h"

#define PERIOD      UINT64_C(0x4000000) /* microseconds: 2^24 ticks of the ISN's clock */
#define MAC_BITS    0xffffffu
#define CLASSES     8u
#define STAMP_BITS  0x3fu /* of the TSval: window scale, SACK, ECN */
#define STAMP_SCALE 0x0fu
#define STAMP_NONE  15u /* no window scale: shifts end at 14 */
#define STAMP_SACK  0x10u
#define STAMP_ECN   0x20u
#define USE_FAST    'f' /* of the secret, to derive a key from */

/* What is told of the client's MSS is the largest of these that it is not below: IPv4's default, what
 * is left of 1500 by tunnels, IPv6's default and minimum, Ethernet, jumbo frames. The first stands for
 * what is smaller and becomes the floor of the policy. */
static const uint16_t mss_class[CLASSES] = {1, 536, 1024, 1220, 1360, 1440, 1460, 8940};

/* ---- the clock and the secrets ---- */

bool tfsm_cookie_is_near(uint32_t iss, uint32_t other)
{
    return seq_distance(iss, other) < CLASSES || seq_distance(other, iss) < CLASSES;
}

bool tfsm_cookies_are_out(const struct tfsm_listener *l, tfsm_time now)
{
    return now < l->cookies_until;
}

void tfsm_cookie_sent(struct tfsm_listener *l, tfsm_time now)
{
    tfsm_time until = later(now, 2 * PERIOD - now % PERIOD);
    l->cookies_until = until > l->cookies_until ? until : l->cookies_until;
}

/* Each period has one secret, so that a rotation makes no more numbers good. */
static const uint8_t *secret_of(const struct tfsm_listener *l, uint64_t period)
{
    return l->secret[period >= l->secret_from ? 2 : period >= l->secret_before_from ? 1 : 0];
}

/* A second rotation within the same period replaces the first: nothing was made with that. */
void tfsm_listener_rotate(struct tfsm_listener *l, const uint8_t secret[16], tfsm_time now)
{
    uint64_t next = now / PERIOD + 1;
    if (next > l->secret_from) {
        copy_key(l->secret[0], l->secret[1]);
        copy_key(l->secret[1], l->secret[2]);
        l->secret_before_from = l->secret_from;
        l->secret_from = next;
    }
    copy_key(l->secret[2], secret);
}

/* [RFC7413:4.1.2b] */
void tfsm_listener_rotate_fast_open(struct tfsm_listener *l, const uint8_t secret[16])
{
    copy_key(l->fast_secret[1], l->fast_secret[0]);
    tfsm_derive_key(secret, USE_FAST, l->fast_secret[0]);
}

/* ---- SYN cookies ---- */

/* What we offered with timestamps: the MAC covers it, for it must be the same when the third segment
 * comes, or windows would be misread and options used that were never agreed on. */
static uint8_t own_offer(const struct tfsm_config *cfg)
{
    return (uint8_t)(0x80u | (profile(cfg, TFSM_WSCALE) ? 0x40u : 0) |
                     (profile(cfg, TFSM_SACK) ? 0x20u : 0) | (profile(cfg, TFSM_ECN) ? 0x10u : 0) |
                     own_shift(cfg));
}

/* The cookie of class 0: where the period starts, and the MAC. */
static uint32_t base_of(const struct tfsm_listener *l, const struct tfsm_ends *ends,
                        uint64_t period)
{
    return tfsm_isn(l->isn_key, ends->local, l->port, ends->remote, ends->remote_port,
                    period * PERIOD);
}

static uint64_t hash_of(const struct tfsm_listener *l, const struct tfsm_ends *ends, uint32_t irs,
                        uint8_t offer, uint64_t period, const uint8_t key[16])
{
    uint8_t octets[TFSM_TUPLE_OCTETS + 4 + 8 + 1];
    tfsm_put_tuple(octets, ends->local, l->port, ends->remote, ends->remote_port);
    tfsm_put_number(octets + TFSM_TUPLE_OCTETS, irs, 4);
    tfsm_put_number(octets + TFSM_TUPLE_OCTETS + 4, period, 8);
    octets[TFSM_TUPLE_OCTETS + 12] = offer;
    return tfsm_siphash(key, octets, sizeof octets);
}

static uint32_t mac_of(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                       const struct tfsm_ends *ends, uint32_t irs, bool stamped, uint64_t period)
{
    uint8_t offer = stamped ? own_offer(cfg) : 0;
    return (uint32_t)(hash_of(l, ends, irs, offer, period, secret_of(l, period)) & MAC_BITS);
}

static bool is_stamped(const struct tfsm_config *cfg, const struct tfsm_segment *seg)
{
    return profile(cfg, TFSM_TIMESTAMPS) && bears(seg, TFSM_OPT_TIMESTAMPS);
}

/* [RFC4987:3.6] */
uint32_t tfsm_cookie_make(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                          const struct tfsm_ends *ends, const struct tfsm_segment *syn,
                          tfsm_time now)
{
    uint64_t period = now / PERIOD;
    uint16_t mss = bears(syn, TFSM_OPT_MSS) ? syn->mss : cfg->mss_default;
    uint32_t nearest = 0;
    while (nearest + 1 < CLASSES && mss_class[nearest + 1] <= mss) {
        nearest++;
    }
    uint32_t mac = mac_of(l, cfg, ends, syn->seq, is_stamped(cfg, syn), period);
    return seq_add(base_of(l, ends, period), (mac + nearest) & MAC_BITS);
}

void tfsm_cookie_reduce(const struct tfsm_config *cfg, struct tfsm_segment *syn)
{
    const uint8_t stamped = TFSM_OPT_TIMESTAMPS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED;
    bool keep = is_stamped(cfg, syn);
    syn->options &= TFSM_OPT_MSS | TFSM_OPT_FAST_OPEN | (keep ? stamped : 0);
    if (!keep) {
        syn->flags &= (uint8_t) ~(unsigned)(TFSM_ECE | TFSM_CWR);
    }
}

uint32_t tfsm_cookie_stamp(const struct tfsm_tcb *tcb, uint32_t ts_val)
{
    uint32_t bits = has(tcb->flags, TFSM_M_WSCALE) ? tcb->snd_wscale : STAMP_NONE;
    bits |= has(tcb->flags, TFSM_M_SACK) ? STAMP_SACK : 0;
    bits |= has(tcb->flags, TFSM_M_ECN) ? STAMP_ECN : 0;
    uint32_t stamp = (ts_val & ~STAMP_BITS) | bits;
    return seq_lt(ts_val, stamp) ? seq_sub(stamp, STAMP_BITS + 1) : stamp; /* never ahead of time */
}

/* The SYN as far as the third segment tells. */
static void restore(const struct tfsm_config *cfg, const struct tfsm_segment *third, uint16_t mss,
                    struct tfsm_segment *syn)
{
    *syn = (struct tfsm_segment){.seq = seq_sub(third->seq, 1),
                                 .len = 1,
                                 .flags = TFSM_SYN,
                                 .wnd = third->wnd,
                                 .security = third->security,
                                 .options = TFSM_OPT_MSS,
                                 .mss = mss};
    if (!is_stamped(cfg, third)) {
        return;
    }
    uint32_t bits = third->ts_ecr & STAMP_BITS;
    syn->options |= TFSM_OPT_TIMESTAMPS;
    syn->ts_val = third->ts_val;
    if ((bits & STAMP_SCALE) != STAMP_NONE) {
        syn->options |= TFSM_OPT_WSCALE;
        syn->wscale = (uint8_t)(bits & STAMP_SCALE);
    }
    syn->options |= (bits & STAMP_SACK) != 0 ? TFSM_OPT_SACK_PERMITTED : 0;
    syn->flags |= (bits & STAMP_ECN) != 0 ? TFSM_ECE | TFSM_CWR : 0;
}

/* The cookie of a third segment: how many periods old it is and its class, or CLASSES for none. */
static uint32_t read_cookie(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                            const struct tfsm_ends *ends, const struct tfsm_segment *third,
                            uint64_t period)
{
    uint32_t low = seq_distance(base_of(l, ends, period), seq_sub(third->ack, 1));
    uint32_t mac = mac_of(l, cfg, ends, seq_sub(third->seq, 1), is_stamped(cfg, third), period);
    return low <= MAC_BITS ? min32(seq_sub(low, mac) & MAC_BITS, CLASSES) : CLASSES;
}

/* ---- what was spent ---- */

/* A few neighbours share what would else be one place: the oldest of them makes room. */
#define NEIGHBOURS 8u

static uint64_t mark_of(const struct tfsm_listener *l, const struct tfsm_ends *ends, uint32_t irs,
                        uint64_t period)
{
    return hash_of(l, ends, irs, 0, period, l->hash_key);
}

static struct tfsm_spent *spent_at(const struct tfsm_listener *l, uint64_t mark, uint32_t i)
{
    uint64_t first = (mark >> 32) % l->spent_most;
    return &l->spent[(first + i) % l->spent_most];
}

/* As a place remembers a period: 0 is a place that was never used. Two periods may look the same where
 * the number wraps; their marks do not. */
static uint32_t stamp_of(uint64_t period)
{
    uint32_t stamp = (uint32_t)((period + 1) & UINT32_MAX);
    return stamp != 0 ? stamp : 1;
}

static bool is_spent(const struct tfsm_listener *l, const struct tfsm_ends *ends, uint32_t irs,
                     uint64_t period)
{
    uint64_t mark = mark_of(l, ends, irs, period);
    for (uint32_t i = 0; i < NEIGHBOURS && i < l->spent_most; i++) {
        const struct tfsm_spent *spent = spent_at(l, mark, i);
        if (spent->mark == (uint32_t)(mark & UINT32_MAX) && spent->period == stamp_of(period)) {
            return true;
        }
    }
    return false;
}

/* Whether a place is better given up than another: it was never used, or is older. */
static bool is_older(const struct tfsm_spent *a, const struct tfsm_spent *b)
{
    return b->period != 0 && (a->period == 0 || seq_lt(a->period, b->period));
}

void tfsm_cookie_spend(struct tfsm_listener *l, const struct tfsm_ends *ends, uint32_t irs,
                       tfsm_time made)
{
    uint64_t period = made / PERIOD;
    uint64_t mark = mark_of(l, ends, irs, period);
    if (l->spent_most == 0 || is_spent(l, ends, irs, period)) {
        return;
    }
    struct tfsm_spent *oldest = spent_at(l, mark, 0);
    for (uint32_t i = 1; i < NEIGHBOURS && i < l->spent_most; i++) {
        struct tfsm_spent *spent = spent_at(l, mark, i);
        oldest = is_older(spent, oldest) ? spent : oldest;
    }
    *oldest = (struct tfsm_spent){(uint32_t)(mark & UINT32_MAX), stamp_of(period)};
}

bool tfsm_cookie_check(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                       const struct tfsm_ends *ends, const struct tfsm_segment *third,
                       tfsm_time now, struct tfsm_segment *syn, tfsm_time *made)
{
    uint64_t period = now / PERIOD;
    for (unsigned age = 0; age < 2 && age <= period; age++) {
        uint32_t found = read_cookie(l, cfg, ends, third, period - age);
        if (found < CLASSES && !is_spent(l, ends, seq_sub(third->seq, 1), period - age)) {
            restore(cfg, third, mss_class[found], syn);
            *made = (period - age) * PERIOD;
            return true;
        }
    }
    return false;
}

/* ---- Fast Open cookies ---- */

/* It authenticates the client's address, and ours, which the client keeps it for (RFC7413:4.1.2,
 * RFC7413:4.1.3). [RFC7413:4.1.2a] */
static void fast_cookie(const struct tfsm_ends *ends, const uint8_t secret[16],
                        uint8_t cookie[TFSM_COOKIE_MAX])
{
    uint8_t octets[TFSM_TUPLE_OCTETS];
    tfsm_put_tuple(octets, ends->local, 0, ends->remote, 0);
    uint64_t hash = tfsm_siphash(secret, octets, sizeof octets);
    tfsm_put_number(cookie, hash, TFSM_FAST_COOKIE);
    for (unsigned i = TFSM_FAST_COOKIE; i < TFSM_COOKIE_MAX; i++) {
        cookie[i] = 0;
    }
}

void tfsm_fast_cookie(const struct tfsm_listener *l, const struct tfsm_ends *ends,
                      uint8_t cookie[TFSM_COOKIE_MAX])
{
    fast_cookie(ends, l->fast_secret[0], cookie);
}

/* How long the comparison takes says nothing about where they differ. */
bool tfsm_fast_cookie_holds(const struct tfsm_listener *l, const struct tfsm_ends *ends,
                            const uint8_t *cookie, unsigned len)
{
    bool holds = false;
    for (unsigned age = 0; age < 2; age++) {
        uint8_t expected[TFSM_COOKIE_MAX];
        uint8_t differ = 0;
        fast_cookie(ends, l->fast_secret[age], expected);
        for (unsigned i = 0; i < TFSM_FAST_COOKIE; i++) {
            differ |= expected[i] ^ cookie[i];
        }
        holds = holds || (len == TFSM_FAST_COOKIE && differ == 0);
    }
    return holds;
}
