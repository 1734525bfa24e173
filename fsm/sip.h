/* SipHash, a hash that nobody computes without its key, for whoever wants it inline: the ISNs, the listener's queue, and
 * an embedder's table of connections. The rounds are an argument: two for a word and four at the end, SipHash-2-4, where
 * a hash is shown outside; one and three, SipHash-1-3, in a table, where nobody sees it. */
#ifndef TFSM_SIP_H
#define TFSM_SIP_H

#include "octets.h"
#include "seq.h"

struct sip {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static ALONG uint64_t sip_rotate(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64u - bits));
}

TFSM_WRAPS static ALONG void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = sip_rotate(s->v1, 13) ^ s->v0;
    s->v3 = sip_rotate(s->v3, 16) ^ s->v2;
    s->v0 = sip_rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = sip_rotate(s->v1, 17) ^ s->v2;
    s->v3 = sip_rotate(s->v3, 21) ^ s->v0;
    s->v2 = sip_rotate(s->v2, 32);
}

static ALONG struct sip sip_start(const uint8_t key[16])
{
    uint64_t k0 = load64(key);
    uint64_t k1 = load64(key + 8);
    /* The four constants spell out "somepseudorandomlygeneratedbytes": nothing is hidden in them. */
    return (struct sip){k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
                        k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
}

/* One round or two; behind the last word two more. */
static ALONG void sip_word(struct sip *s, uint64_t word, unsigned rounds)
{
    s->v3 ^= word;
    sip_round(s);
    if (rounds > 1) {
        sip_round(s);
    }
    s->v0 ^= word;
}

static ALONG uint64_t sip_end(struct sip *s, unsigned rounds)
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

static inline uint64_t sip_port(uint16_t port)
{
    return (uint64_t)(port >> 8) | (uint64_t)(port & 0xffu) << 8;
}

/* The hash of both addresses and ports, each in its place as on the wire, from where a key starts. The length, which the
 * hash takes in, tells the family: no two tuples are the same octets. Both addresses are of one family. Octets beyond an
 * IPv4 address are not read, so what the embedder left there cannot make one connection look like two. */
static inline uint64_t sip_tuple(struct sip s, unsigned family, const uint8_t *local,
                                 uint16_t local_port, const uint8_t *remote, uint16_t remote_port,
                                 unsigned rounds)
{
    uint64_t n = 12;
    if (family == 4) {
        sip_word(&s, load32(local) | (uint64_t)load32(remote) << 32, rounds);
    } else {
        n = 36;
        sip_word(&s, load64(local), rounds);
        sip_word(&s, load64(local + 8), rounds);
        sip_word(&s, load64(remote), rounds);
        sip_word(&s, load64(remote + 8), rounds);
    }
    sip_word(&s, n << 56 | sip_port(remote_port) << 16 | sip_port(local_port), rounds);
    return sip_end(&s, rounds);
}

#endif
