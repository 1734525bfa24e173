/* Generators of ISNs; see isn_generate.h. */
#include "isn_generate.h"

#include <math.h>
#include <string.h>

#define STATE 40u /* words a generator may keep; all start as chance has it */

static uint64_t draw(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t x = *state;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* So many bits of chance. */
static uint32_t bits(uint64_t *state, unsigned n)
{
    return (uint32_t)(draw(state) >> (64 - n));
}

static uint32_t low(uint64_t word)
{
    return (uint32_t)(word & UINT32_MAX);
}

/* ---- wrong ---- */

static uint32_t constant(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)state;
    (void)seen;
    return (uint32_t)key[0] << 24 | key[1];
}

static uint32_t plus_one(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    (void)seen;
    return low(state[1]++);
}

static uint32_t plus_64000(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    (void)seen;
    return low(state[1] += 64000);
}

/* 64,000 with each connection, and twice as many a second (4.2BSD, in its own words "a kludge"). */
static uint32_t bsd(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    return low((state[1] += 64000) + seen->at / 500000 * 64000);
}

/* One of three large steps. */
static uint32_t either(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    static const uint32_t steps[] = {0x9e3779b1u, 0x51ed2705u, 0x27d4eb2fu};
    (void)key;
    (void)seen;
    return low(state[1] += steps[draw(state) % 3]);
}

static uint32_t multiples(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    (void)seen;
    return low(state[1] += 65537 * bits(state, 14));
}

/* The step itself wanders. */
static uint32_t wander(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    (void)seen;
    state[2] += (uint64_t)bits(state, 21) << 6;
    return low(state[1] += state[2]);
}

static uint32_t clock_alone(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    return low(state[1] + seen->at / 4);
}

static uint32_t clock_jitter(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    return clock_alone(state, key, seen) + bits(state, 10);
}

static uint32_t clock_fast(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    return low(state[1] + seen->at * 1000 / 64);
}

static uint32_t low_16(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)seen;
    return (uint32_t)key[0] << 16 | bits(state, 16);
}

static uint32_t high_24(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    (void)seen;
    return bits(state, 24) << 8;
}

static uint32_t congruence(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    (void)seen;
    state[1] = low(state[1] * 1664525 + 1013904223);
    return low(state[1]);
}

/* 31 bits, as random() of many C libraries: a number is the sum of that of 3 before and that of 31 before. */
static uint32_t additive(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    (void)seen;
    uint32_t sum = low(state[1 + 28]) + low(state[1]);
    memmove(state + 1, state + 2, 30 * sizeof *state);
    state[1 + 30] = sum;
    return sum >> 1;
}

/* Seeded with the second, and the first two numbers that come from that. */
static uint32_t by_second(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)state;
    (void)key;
    uint32_t first = low(seen->at / 1000000 * 1103515245 + 12345);
    uint32_t second = first * 1103515245 + 12345;
    return (first & 0xffff0000u) | second >> 16;
}

static uint32_t by_port(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    return clock_alone(state, key, seen) + seen->peer_port * 0x1234567u;
}

static uint32_t by_address(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    return low(state[1]) + (uint32_t)(seen->peer.octets[2] << 8 | seen->peer.octets[3]) * 40503u;
}

static uint32_t hundred(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)seen;
    uint64_t which = draw(state) % 100 + key[0];
    return low(draw(&which));
}

static uint32_t small_steps(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    (void)seen;
    return low(state[1] += bits(state, 16));
}

/* Twelve bits a step, and three steps that come again in turn: small in no single difference. */
static uint32_t in_turn(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)seen;
    uint64_t which = state[2]++ % 7 + key[0];
    return low(state[1] += draw(&which) + bits(state, 12));
}

static uint32_t tuple_alone(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)state;
    return tfsm_isn(key, &seen->address, seen->port, &seen->peer, seen->peer_port, 0);
}

/* ---- right ---- */

static uint32_t chance(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)key;
    (void)seen;
    return bits(state, 32);
}

static uint32_t ours(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    (void)state;
    return tfsm_isn(key, &seen->address, seen->port, &seen->peer, seen->peer_port, seen->at);
}

/* A tick is 64 ns, as Linux has it. */
static uint32_t fast(uint64_t *state, const uint8_t key[16], const struct isn_seen *seen)
{
    return tuple_alone(state, key, seen) + low(seen->at * 1000 / 64);
}

const struct isn_generator isn_generators[] = {
    {"constant", "always the same", ISN_CONSTANT, constant},
    {"plus-one", "one more each time", ISN_STEPPED, plus_one},
    {"plus-64000", "64,000 more each time", ISN_STEPPED, plus_64000},
    {"bsd", "64,000 more each time and each half second", ISN_STEPPED, bsd},
    {"either", "one of three steps", ISN_STEPPED, either},
    {"multiples", "multiples of 65,537", ISN_STEPPED, multiples},
    {"wander", "a step that wanders", ISN_RECURRENCE, wander},
    {"clock", "a clock of 4 microseconds", ISN_CLOCK_ONLY, clock_alone},
    {"clock-jitter", "the same with 10 bits of chance added", ISN_CLOCK_ONLY, clock_jitter},
    {"clock-fast", "a clock of 64 nanoseconds", ISN_CLOCK_ONLY, clock_fast},
    {"low-16", "16 bits of chance, the upper ones fixed", ISN_NARROW, low_16},
    {"high-24", "24 bits of chance, the lower ones zero", ISN_NARROW, high_24},
    {"lcg", "a linear congruence modulo 2^32", ISN_RECURRENCE, congruence},
    {"additive", "sums of two earlier numbers, 31 bits of them", ISN_RECURRENCE, additive},
    {"second", "a generator seeded with the second", ISN_FEW_VALUES, by_second},
    {"hundred", "one of a hundred numbers", ISN_FEW_VALUES, hundred},
    {"port", "a clock, and a constant times the peer's port", ISN_LINEAR, by_port},
    {"address", "a constant times the peer's address", ISN_LINEAR, by_address},
    {"small", "16 bits of chance more each time", ISN_SMALL, small_steps},
    {"turns", "seven large steps in turn, and 12 bits of chance", ISN_PATTERNED, in_turn},
    {"tuple", "a secret function of the tuple, no clock", ISN_TUPLE_ONLY, tuple_alone},
    {"chance", "32 bits of chance", ISN_SOUND, chance},
    {"ours", "RFC 6528, as we do it", ISN_RFC6528, ours},
    {"fast", "RFC 6528 with a clock of 64 nanoseconds", ISN_RFC6528, fast},
    {NULL, NULL, ISN_SOUND, NULL}};

const struct isn_generator *isn_generator(const char *name)
{
    const struct isn_generator *it = isn_generators;
    while (it->name != NULL && strcmp(it->name, name) != 0) {
        it++;
    }
    return it->name != NULL ? it : NULL;
}

/* ---- traffic ---- */

static void new_tuple(uint64_t *state, struct isn_seen *seen)
{
    seen->address = (struct tfsm_address){4, {192, 0, 2, 1}};
    seen->peer = (struct tfsm_address){4, {198, 18, 0, 0}}; /* of tests (RFC 2544) */
    seen->peer.octets[2] = (uint8_t)bits(state, 8);
    seen->peer.octets[3] = (uint8_t)bits(state, 8);
    seen->port = 80;
    seen->peer_port = (uint16_t)(32768 + bits(state, 14));
}

void isn_generate(const struct isn_generator *generator, const struct isn_traffic *traffic,
                  struct isn_seen *seen, size_t n)
{
    uint64_t chooses = traffic->seed; /* apart: the traffic is the same for all generators */
    uint64_t state[STATE];
    uint8_t key[16];
    uint64_t now = UINT64_C(1700000000) * 1000000;
    draw(&chooses);
    for (unsigned i = 0; i < STATE; i++) {
        uint64_t from = traffic->seed * STATE + i;
        state[i] = draw(&from);
    }
    memcpy(key, state + 2, sizeof key);
    for (size_t i = 0; i < n; i++) {
        double part = ((double)bits(&chooses, 31) + 1) / 2147483649.0;
        now += (uint64_t)(-log(part) * (double)traffic->between) + 1;
        if (i > 0 && draw(&chooses) % 1000 < traffic->again) {
            seen[i] = seen[draw(&chooses) % i];
        } else {
            new_tuple(&chooses, &seen[i]);
        }
        seen[i].at = now;
        seen[i].isn = generator->next(state, key, &seen[i]);
    }
}
