/* SYN cookies (RFC 4987 3.6) and Fast Open cookies (RFC 7413 4.1.2): what a listener lets its
 * clients remember for it. Both are SipHash under a secret of the listener.
 *
 * A SYN cookie is an ISN of RFC 6528 whose clock has its low 24 bits, some 67 seconds, replaced:
 *
 *     ISN = F(addresses, ports, key of the host) + start of the period, in ticks of 4 microseconds
 *           + (MAC(addresses, ports, IRS, period, secret) + class of the MSS) mod 2^24
 *
 * so that it moves on with the clock from one incarnation to the next as any other does. It is good
 * in its own period and the next: of the 2^32 numbers that a forger can guess 16 are good, 2 periods
 * times 8 classes, whatever he knows but the keys.
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

static void copy_secret(uint8_t to[16], const uint8_t from[16])
{
    for (unsigned i = 0; i < 16; i++) {
        to[i] = from[i];
    }
}

/* A second rotation within the same period replaces the first: nothing was made with that. */
void tfsm_listener_rotate(struct tfsm_listener *l, const uint8_t secret[16], tfsm_time now)
{
    uint64_t next = now / PERIOD + 1;
    if (next > l->secret_from) {
        copy_secret(l->secret[0], l->secret[1]);
        copy_secret(l->secret[1], l->secret[2]);
        l->secret_before_from = l->secret_from;
        l->secret_from = next;
    }
    copy_secret(l->secret[2], secret);
}

/* [RFC7413:4.1.2b] */
void tfsm_listener_rotate_fast_open(struct tfsm_listener *l, const uint8_t secret[16])
{
    copy_secret(l->fast_secret[1], l->fast_secret[0]);
    tfsm_derive_key(secret, USE_FAST, l->fast_secret[0]);
}

/* ---- SYN cookies ---- */

/* Our own shift, as a SYN-ACK offers it: the MAC covers it, for it must be the same when the third
 * segment comes, or every window would be misread. */
static uint8_t own_scale(const struct tfsm_config *cfg)
{
    uint8_t shift = 0;
    while (has(cfg->profile, TFSM_WSCALE) &&
           min32(cfg->rcv_buff, TFSM_BUFF_MAX) >> shift > UINT16_MAX) {
        shift++;
    }
    return shift;
}

static void put_number(uint8_t *to, uint64_t number, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        to[i] = (uint8_t)(number >> (8 * i) & 0xffu);
    }
}

/* The cookie of class 0: where the period starts, and the MAC. */
static uint32_t base_of(const struct tfsm_listener *l, const struct tfsm_ends *ends,
                        uint64_t period)
{
    return tfsm_isn(l->isn_key, ends->local, l->port, ends->remote, ends->remote_port,
                    period * PERIOD);
}

static uint32_t mac_of(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                       const struct tfsm_ends *ends, uint32_t irs, bool stamped, uint64_t period)
{
    uint8_t octets[TFSM_TUPLE_OCTETS + 4 + 8 + 1];
    tfsm_put_tuple(octets, ends->local, l->port, ends->remote, ends->remote_port);
    put_number(octets + TFSM_TUPLE_OCTETS, irs, 4);
    put_number(octets + TFSM_TUPLE_OCTETS + 4, period, 8);
    octets[TFSM_TUPLE_OCTETS + 12] = stamped ? (uint8_t)(0x80u | own_scale(cfg)) : 0;
    return (uint32_t)(tfsm_siphash(secret_of(l, period), octets, sizeof octets) & MAC_BITS);
}

static bool is_stamped(const struct tfsm_config *cfg, const struct tfsm_segment *seg)
{
    return has(cfg->profile, TFSM_TIMESTAMPS) && has(seg->options, TFSM_OPT_TIMESTAMPS);
}

/* [RFC4987:3.6] */
uint32_t tfsm_cookie_make(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                          const struct tfsm_ends *ends, const struct tfsm_segment *syn,
                          tfsm_time now)
{
    uint64_t period = now / PERIOD;
    uint16_t mss = has(syn->options, TFSM_OPT_MSS) ? syn->mss : cfg->mss_default;
    uint32_t class = 0;
    while (class + 1 < CLASSES && mss_class[class + 1] <= mss) {
        class ++;
    }
    uint32_t mac = mac_of(l, cfg, ends, syn->seq, is_stamped(cfg, syn), period);
    return seq_add(base_of(l, ends, period), (mac + class) & MAC_BITS);
}

void tfsm_cookie_reduce(const struct tfsm_config *cfg, struct tfsm_segment *syn)
{
    const uint8_t stamped = TFSM_OPT_TIMESTAMPS | TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED;
    bool keep = is_stamped(cfg, syn);
    syn->options &= TFSM_OPT_MSS | (keep ? stamped : 0);
    if (!keep) {
        syn->flags &= (uint8_t) ~(unsigned)(TFSM_ECE | TFSM_CWR);
    }
}

uint32_t tfsm_cookie_stamp(const struct tfsm_segment *syn, uint32_t ts_val)
{
    const uint8_t ecn = TFSM_ECE | TFSM_CWR;
    bool scaled = has(syn->options, TFSM_OPT_WSCALE);
    uint32_t bits = scaled ? min32(syn->wscale, 14) : STAMP_NONE;
    bits |= has(syn->options, TFSM_OPT_SACK_PERMITTED) ? STAMP_SACK : 0;
    bits |= (syn->flags & ecn) == ecn ? STAMP_ECN : 0;
    uint32_t stamp = (ts_val & ~STAMP_BITS) | bits;
    return seq_lt(ts_val, stamp) ? seq_sub(stamp, STAMP_BITS + 1) : stamp; /* never ahead of time */
}

/* The SYN as far as the third segment tells. */
static void restore(const struct tfsm_config *cfg, const struct tfsm_segment *third, uint32_t class,
                    struct tfsm_segment *syn)
{
    *syn = (struct tfsm_segment){.seq = seq_sub(third->seq, 1),
                                 .len = 1,
                                 .flags = TFSM_SYN,
                                 .wnd = third->wnd,
                                 .security = third->security,
                                 .options = TFSM_OPT_MSS,
                                 .mss = mss_class[class]};
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

bool tfsm_cookie_check(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                       const struct tfsm_ends *ends, const struct tfsm_segment *third,
                       tfsm_time now, struct tfsm_segment *syn)
{
    uint64_t period = now / PERIOD;
    bool stamped = is_stamped(cfg, third);
    for (unsigned age = 0; age < 2 && age <= period; age++) {
        uint32_t low = seq_distance(base_of(l, ends, period - age), seq_sub(third->ack, 1));
        uint32_t mac = mac_of(l, cfg, ends, seq_sub(third->seq, 1), stamped, period - age);
        uint32_t class = seq_sub(low, mac) & MAC_BITS;
        if (low <= MAC_BITS && class < CLASSES) {
            restore(cfg, third, class, syn);
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
    for (unsigned i = 0; i < TFSM_COOKIE_MAX; i++) {
        cookie[i] = i < TFSM_FAST_COOKIE ? (uint8_t)(hash >> (8 * i) & 0xffu) : 0;
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
