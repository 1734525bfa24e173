/* Initial sequence numbers (RFC 6528 3): a clock that everybody may know plus a keyed hash of the
 * connection's addresses and ports that nobody outside can compute, SipHash-2-4, the hash, and from
 * the same hash where the timestamp clock of a connection starts. All are plain functions: the key
 * and the time belong to the embedder. */
#include "listener.h"
#include "sip.h"

/* Fewer than eight octets, least significant first. */
static inline uint64_t little(const uint8_t *octets, size_t n)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n && i < 8; i++) {
        word |= (uint64_t)octets[i] << (8 * i);
    }
    return word;
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

/* What is seen outside, SipHash-2-4. */
static uint64_t open_hash(const uint8_t key[16], const struct tfsm_address *local,
                          uint16_t local_port, const struct tfsm_address *remote,
                          uint16_t remote_port)
{
    return sip_tuple(sip_start(key), local->family, local->octets, local_port, remote->octets,
                     remote_port, 2);
}

uint64_t tfsm_hash_for_table(const uint8_t key[16], const struct tfsm_address *local,
                             uint16_t local_port, const struct tfsm_address *remote,
                             uint16_t remote_port)
{
    return sip_tuple(sip_start(key), local->family, local->octets, local_port, remote->octets,
                     remote_port, 1);
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
