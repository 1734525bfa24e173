/* Initial sequence numbers (RFC 6528 3): a clock that everybody may know plus a keyed hash of the
 * connection's addresses and ports that nobody outside can compute, SipHash-2-4, the hash, and from
 * the same hash where the timestamp clock of a connection starts. All are plain functions: the key
 * and the time belong to the embedder. */
#include "listener.h"

struct sip {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static inline uint64_t rotate(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64u - bits));
}

/* Fewer than eight octets, least significant first. */
static inline uint64_t little(const uint8_t *octets, size_t n)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n && i < 8; i++) {
        word |= (uint64_t)octets[i] << (8 * i);
    }
    return word;
}

TFSM_WRAPS static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline struct sip sip_start(const uint8_t key[16])
{
    uint64_t k0 = load64(key);
    uint64_t k1 = load64(key + 8);
    /* The four constants spell out "somepseudorandomlygeneratedbytes": nothing is hidden in them. */
    return (struct sip){k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
                        k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
}

/* One round or two; behind the last word two more. */
static inline void sip_word(struct sip *s, uint64_t word, unsigned rounds)
{
    s->v3 ^= word;
    sip_round(s);
    if (rounds > 1) {
        sip_round(s);
    }
    s->v0 ^= word;
}

static inline uint64_t sip_end(struct sip *s, unsigned rounds)
{
    s->v2 ^= 0xffu;
    sip_round(s);
    sip_round(s);
    sip_round(s);
    if (rounds > 1) {
        sip_round(s);
    }
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t tfsm_siphash(const uint8_t key[16], const uint8_t *octets, size_t n)
{
    struct sip s = sip_start(key);
    size_t left = n;
    for (; left >= 8; left -= 8, octets += 8) {
        sip_word(&s, load64(octets), 2);
    }
    /* The last word carries the length, so that trailing zeros count. */
    sip_word(&s, (uint64_t)(n & 0xffu) << 56 | little(octets, left), 2);
    return sip_end(&s, 2);
}

/* The family goes in with the address: an IPv4 address and its IPv6-mapped twin are two tuples.
 * Octets beyond an IPv4 address are not read, so what the embedder left there cannot make one
 * connection look like two. */
static void put_address(uint8_t *to, const struct tfsm_address *address)
{
    size_t n = address->family == 4 ? 4 : 16;
    to[0] = address->family;
    for (size_t i = 0; i < n; i++) {
        to[1 + i] = address->octets[i];
    }
}

void tfsm_put_tuple(uint8_t octets[TFSM_TUPLE_OCTETS], const struct tfsm_address *local,
                    uint16_t local_port, const struct tfsm_address *remote, uint16_t remote_port)
{
    for (unsigned i = 0; i < TFSM_TUPLE_OCTETS; i++) {
        octets[i] = 0;
    }
    put_address(octets, local);
    put_address(octets + 17, remote);
    octets[34] = (uint8_t)(local_port >> 8);
    octets[35] = (uint8_t)(local_port & 0xffu);
    octets[36] = (uint8_t)(remote_port >> 8);
    octets[37] = (uint8_t)(remote_port & 0xffu);
}

void tfsm_put_number(uint8_t *to, uint64_t number, unsigned n)
{
    for (unsigned i = 0; i < n && i < 8; i++) {
        to[i] = (uint8_t)(number >> (8 * i) & 0xffu);
    }
}

void tfsm_derive_key(const uint8_t from[16], uint8_t use, uint8_t key[16])
{
    for (unsigned half = 0; half < 2; half++) {
        uint8_t octets[2] = {use, (uint8_t)half};
        uint64_t hash = tfsm_siphash(from, octets, sizeof octets);
        tfsm_put_number(key + 8 * half, hash, 8);
    }
}

static inline uint64_t swapped(uint16_t port)
{
    return (uint64_t)(port >> 8) | (uint64_t)(port & 0xffu) << 8;
}

/* The hash of both addresses and ports, each in its place as on the wire. The length, which the hash takes in, tells
 * the family: no two tuples are the same octets. Both addresses are of one family. Octets beyond an IPv4 address are not
 * read, so what the embedder left there cannot make one connection look like two. */
static inline uint64_t hash_tuple(const uint8_t key[16], const struct tfsm_address *local,
                                  uint16_t local_port, const struct tfsm_address *remote,
                                  uint16_t remote_port, unsigned rounds)
{
    struct sip s = sip_start(key);
    uint64_t n = 12;
    if (local->family == 4) {
        sip_word(&s, load32(local->octets) | (uint64_t)load32(remote->octets) << 32, rounds);
    } else {
        n = 36;
        sip_word(&s, load64(local->octets), rounds);
        sip_word(&s, load64(local->octets + 8), rounds);
        sip_word(&s, load64(remote->octets), rounds);
        sip_word(&s, load64(remote->octets + 8), rounds);
    }
    sip_word(&s, n << 56 | swapped(remote_port) << 16 | swapped(local_port), rounds);
    return sip_end(&s, rounds);
}

/* What is seen outside, SipHash-2-4. */
static uint64_t open_hash(const uint8_t key[16], const struct tfsm_address *local,
                          uint16_t local_port, const struct tfsm_address *remote,
                          uint16_t remote_port)
{
    return hash_tuple(key, local, local_port, remote, remote_port, 2);
}

uint64_t tfsm_hash_for_table(const uint8_t key[16], const struct tfsm_address *local,
                             uint16_t local_port, const struct tfsm_address *remote,
                             uint16_t remote_port)
{
    return hash_tuple(key, local, local_port, remote, remote_port, 1);
}

static uint32_t isn_from(uint64_t hash, tfsm_time now)
{
    return seq_add((uint32_t)((now / 4) & UINT32_MAX), (uint32_t)(hash & UINT32_MAX));
}

/* RFC9293:MUST-8, RFC9293:SHLD-1, RFC6528:3a. Without the key nobody computes the hash
 * (RFC9293:MUST-9, RFC6528:3b). [RFC6528:3a] */
uint32_t tfsm_isn(const uint8_t key[16], const struct tfsm_address *local, uint16_t local_port,
                  const struct tfsm_address *remote, uint16_t remote_port, tfsm_time now)
{
    return isn_from(open_hash(key, local, local_port, remote, remote_port), now);
}

/* The half of the hash that the ISN does not use. RFC 7323 5.4 takes the same function with another
 * key, for what timestamps show to whoever knows the clock must not help him to the next ISN; the two
 * halves tell as little of each other. There is no time in it, so it is the same in every
 * incarnation of the tuple (RFC7323:7.1, RFC6191:3). */
uint32_t tfsm_timestamp_offset(const uint8_t key[16], const struct tfsm_address *local,
                               uint16_t local_port, const struct tfsm_address *remote,
                               uint16_t remote_port)
{
    return (uint32_t)(open_hash(key, local, local_port, remote, remote_port) >> 32);
}

void tfsm_seed(const uint8_t key[16], const struct tfsm_address *local, uint16_t local_port,
               const struct tfsm_address *remote, uint16_t remote_port, struct tfsm_event *event)
{
    uint64_t hash = open_hash(key, local, local_port, remote, remote_port);
    event->iss = isn_from(hash, event->now);
    event->ts_offset = (uint32_t)(hash >> 32);
}
