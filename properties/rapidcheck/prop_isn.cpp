// Properties of initial sequence numbers and timestamp offsets. The clock component is exact and checked as such. That
// nothing else relates two tuples can only be tested statistically: each count is held against what
// coin flips would give, within six standard deviations (about two in 10^9 for one count; there
// are some 10^4 of them), with fixed seeds, so that a run that passes always passes.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "tfsm.h"
#include "seq.h"

namespace
{

constexpr double sigmas = 6.0;

// All that an ISN depends on but time, as one row of bits: key, addresses, ports.
struct tuple {
    std::array<uint8_t, 16> key;
    tfsm_address local;
    tfsm_address remote;
    uint16_t local_port;
    uint16_t remote_port;
};

uint32_t isn(const tuple &t, tfsm_time now = 0)
{
    return tfsm_isn(t.key.data(), &t.local, t.local_port, &t.remote, t.remote_port, now);
}

uint32_t offset(const tuple &t)
{
    return tfsm_timestamp_offset(t.key.data(), &t.local, t.local_port, &t.remote, t.remote_port);
}

size_t address_bits(const tuple &t)
{
    return t.local.family == 4 ? 32 : 128;
}

size_t bits(const tuple &t)
{
    return 128 + 2 * address_bits(t) + 32;
}

void flip(uint8_t *octets, size_t bit)
{
    octets[bit / 8] = static_cast<uint8_t>(octets[bit / 8] ^ 1u << bit % 8);
}

void flip(tuple &t, size_t bit)
{
    const size_t address = address_bits(t);
    if (bit < 128) {
        flip(t.key.data(), bit);
    } else if (bit < 128 + address) {
        flip(t.local.octets, bit - 128);
    } else if (bit < 128 + 2 * address) {
        flip(t.remote.octets, bit - 128 - address);
    } else if (bit < 128 + 2 * address + 16) {
        t.local_port = static_cast<uint16_t>(t.local_port ^ 1u << (bit - 128 - 2 * address));
    } else {
        t.remote_port = static_cast<uint16_t>(t.remote_port ^ 1u << (bit - 128 - 2 * address - 16));
    }
}

// SplitMix64: the same numbers for the same seed on every machine, which the standard's
// distributions do not promise.
class source
{
  public:
    explicit source(uint64_t seed) : state(seed) {}

    TFSM_WRAPS uint64_t operator()()
    {
        state += 0x9e3779b97f4a7c15u;
        uint64_t z = state;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
    }

  private:
    uint64_t state;
};

tuple draw(source &random, uint8_t family)
{
    tuple t = {};
    t.local.family = family;
    t.remote.family = family;
    for (size_t bit = 0; bit < bits(t); bit++) {
        if ((random() >> 40 & 1) != 0) {
            flip(t, bit);
        }
    }
    return t;
}

// ---- the clock ----

rc::Gen<tfsm_time> any_time()
{
    return rc::gen::oneOf(
        rc::gen::inRange<tfsm_time>(0, UINT64_MAX), rc::gen::inRange<tfsm_time>(0, 1000),
        rc::gen::inRange<tfsm_time>((tfsm_time{1} << 34) - 1000, (tfsm_time{1} << 34) + 1000));
}

tuple any_tuple()
{
    source random(*rc::gen::inRange<uint64_t>(0, UINT64_MAX));
    return draw(random, *rc::gen::element<uint8_t>(4, 6));
}

bool clock_is_exact()
{
    return rc::check(
        "between two times an ISN moves by exactly the four-microsecond ticks between them", [] {
            const tuple t = any_tuple();
            const tfsm_time from = *any_time();
            const tfsm_time to = *any_time();
            const uint64_t moved =
                (uint64_t{isn(t, to)} + (uint64_t{1} << 32) - isn(t, from)) & UINT32_MAX;
            const uint64_t ticks =
                ((to / 4 & UINT32_MAX) + (uint64_t{1} << 32) - (from / 4 & UINT32_MAX)) &
                UINT32_MAX;
            RC_ASSERT(moved == ticks);
        });
}

bool clock_is_the_same_for_all()
{
    return rc::check("the way from one tuple's ISN to another's does not depend on time", [] {
        const tuple a = any_tuple();
        const tuple b = any_tuple();
        const tfsm_time now = *any_time();
        const uint64_t turn = uint64_t{1} << 32;
        RC_ASSERT(((isn(b, now) + turn - isn(a, now)) & UINT32_MAX) ==
                  ((isn(b, 0) + turn - isn(a, 0)) & UINT32_MAX));
    });
}

// ---- statistics ----

bool within(double count, double expected, double deviation, const char *what)
{
    const double off = (count - expected) / deviation;
    if (std::fabs(off) <= sigmas) {
        return true;
    }
    std::printf("%s: %.0f, expected %.1f, off by %.1f standard deviations\n", what, count, expected,
                off);
    return false;
}

// Pairs of equal values among many: too few is as suspicious as too many, a counter has none at
// all.
bool like_birthdays(std::vector<uint32_t> values, const char *what)
{
    std::sort(values.begin(), values.end());
    double pairs = 0;
    for (size_t i = 0, run = 0; i < values.size(); i++) {
        run = i > 0 && values[i] == values[i - 1] ? run + 1 : 0;
        pairs += static_cast<double>(run);
    }
    const double n = static_cast<double>(values.size());
    const double expected = n * (n - 1) / 2 / 4294967296.0;
    return within(pairs, expected, std::sqrt(expected), what);
}

using sequence = std::function<tuple(uint32_t)>;

std::vector<uint32_t> isns(const sequence &at, uint32_t n)
{
    std::vector<uint32_t> values(n);
    for (uint32_t i = 0; i < n; i++) {
        values[i] = isn(at(i));
    }
    return values;
}

std::vector<uint32_t> offsets(const sequence &at, uint32_t n)
{
    std::vector<uint32_t> values(n);
    for (uint32_t i = 0; i < n; i++) {
        values[i] = offset(at(i));
    }
    return values;
}

// The neighbours an attacker or a busy host would visit: one number after the other, in one field.
sequence ports(const tuple &start)
{
    return [start](uint32_t i) {
        tuple t = start;
        t.local_port = static_cast<uint16_t>(i & 0xffff);
        t.remote_port = static_cast<uint16_t>(i >> 16 & 0xffff);
        return t;
    };
}

void put32(uint8_t *octets, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        octets[i] = static_cast<uint8_t>(value >> (24 - 8 * i) & 0xff);
    }
}

sequence addresses(const tuple &start)
{
    return [start](uint32_t i) {
        tuple t = start;
        put32(t.remote.octets + (t.remote.family == 4 ? 0 : 12), i);
        return t;
    };
}

sequence keys(const tuple &start)
{
    return [start](uint32_t i) {
        tuple t = start;
        put32(t.key.data(), i);
        return t;
    };
}

struct neighbours {
    const char *name;
    sequence (*of)(const tuple &start);
};

const neighbours fields[] = {{"ports", ports}, {"addresses", addresses}, {"keys", keys}};

bool no_collisions_beyond_chance()
{
    source random(6528);
    bool ok = true;
    for (const neighbours &field : fields) {
        for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) {
            ok &= like_birthdays(isns(field.of(draw(random, family)), 1u << 20), field.name);
        }
    }
    return ok;
}

// Were the hash linear in any field, one difference would come up again and again.
bool no_steps_beyond_chance()
{
    source random(9293);
    bool ok = true;
    for (const neighbours &field : fields) {
        const std::vector<uint32_t> values = isns(field.of(draw(random, 4)), 1u << 20);
        std::vector<uint32_t> steps(values.size() - 1);
        for (size_t i = 0; i < steps.size(); i++) {
            steps[i] = static_cast<uint32_t>((values[i + 1] + (uint64_t{1} << 32) - values[i]) &
                                             UINT32_MAX);
        }
        ok &= like_birthdays(steps, field.name);
    }
    return ok;
}

bool bits_are_balanced()
{
    source random(1122);
    bool ok = true;
    for (const neighbours &field : fields) {
        const std::vector<uint32_t> values = isns(field.of(draw(random, 6)), 1u << 20);
        const double n = static_cast<double>(values.size());
        for (unsigned bit = 0; bit < 32; bit++) {
            const auto set = std::count_if(values.begin(), values.end(), [bit](uint32_t value) {
                return (value >> bit & 1) != 0;
            });
            ok &= within(static_cast<double>(set), n / 2, std::sqrt(n) / 2, field.name);
        }
    }
    return ok;
}

// How often bit i of one number differs from bit j of the next, for all i and j.
bool uncorrelated(const std::vector<uint32_t> &a, const std::vector<uint32_t> &b, const char *what)
{
    std::array<std::array<uint32_t, 32>, 32> differ = {};
    for (size_t k = 0; k < a.size(); k++) {
        for (unsigned i = 0; i < 32; i++) {
            for (unsigned j = 0; j < 32; j++) {
                differ[i][j] += (a[k] >> i ^ b[k] >> j) & 1;
            }
        }
    }
    const double n = static_cast<double>(a.size());
    bool ok = true;
    for (const auto &row : differ) {
        for (const uint32_t count : row) {
            ok &= within(count, n / 2, std::sqrt(n) / 2, what);
        }
    }
    return ok;
}

bool neighbours_are_uncorrelated()
{
    source random(4);
    bool ok = true;
    for (const neighbours &field : fields) {
        for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) {
            std::vector<uint32_t> a = isns(field.of(draw(random, family)), (1u << 14) + 1);
            std::vector<uint32_t> b(a.begin() + 1, a.end());
            a.pop_back();
            ok &= uncorrelated(a, b, field.name);
        }
    }
    return ok;
}

// RFC7323:7.1: two connections' timestamps tell nothing of each other.
bool offsets_share_by_chance()
{
    source random(7323);
    bool ok = true;
    for (const neighbours &field : fields) {
        for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) {
            ok &= like_birthdays(offsets(field.of(draw(random, family)), 1u << 20), field.name);
            std::vector<uint32_t> a = offsets(field.of(draw(random, family)), (1u << 14) + 1);
            std::vector<uint32_t> b(a.begin() + 1, a.end());
            a.pop_back();
            ok &= uncorrelated(a, b, field.name);
        }
    }
    return ok;
}

// What a peer reads off the timestamps does not help to guess the ISN: RFC9293:MUST-9, RFC6528:3b. The two are
// compared as they are and in what they do from one tuple to the next.
bool offsets_do_not_tell_isns()
{
    source random(6191);
    bool ok = true;
    for (const neighbours &field : fields) {
        for (const uint8_t family : {uint8_t{4}, uint8_t{6}}) {
            const sequence at = field.of(draw(random, family));
            std::vector<uint32_t> told = offsets(at, (1u << 14) + 1);
            std::vector<uint32_t> secret = isns(at, (1u << 14) + 1);
            ok &= uncorrelated(told, secret, field.name);
            for (size_t i = 0; i + 1 < told.size(); i++) {
                told[i] ^= told[i + 1];
                secret[i] ^= secret[i + 1];
            }
            told.pop_back();
            secret.pop_back();
            ok &= uncorrelated(told, secret, field.name);
        }
    }
    return ok;
}

bool ends_are_uncorrelated()
{
    source random(1948);
    std::vector<uint32_t> here;
    std::vector<uint32_t> there;
    for (unsigned i = 0; i < 1u << 14; i++) {
        tuple t = draw(random, 4);
        here.push_back(isn(t));
        std::swap(t.local, t.remote);
        std::swap(t.local_port, t.remote_port);
        there.push_back(isn(t));
    }
    return uncorrelated(here, there, "ends");
}

// Flip each bit of key and tuple in many samples, and count which bits of the ISN follow.
bool avalanche_of(uint8_t family, unsigned samples)
{
    source random(family);
    std::vector<tuple> before;
    for (unsigned i = 0; i < samples; i++) {
        before.push_back(draw(random, family));
    }
    bool ok = true;
    for (size_t bit = 0; bit < bits(before[0]); bit++) {
        std::array<uint32_t, 32> flips = {};
        double total = 0;
        for (const tuple &t : before) {
            tuple after = t;
            flip(after, bit);
            const uint32_t changed = isn(t) ^ isn(after);
            for (unsigned i = 0; i < 32; i++) {
                flips[i] += changed >> i & 1;
            }
        }
        for (const uint32_t count : flips) {
            ok &= within(count, samples / 2.0, std::sqrt(samples) / 2, "flips of one output bit");
            total += count;
        }
        const double mean = total / (32.0 * samples);
        if (mean < 0.48 || mean > 0.52) {
            std::printf("flipping input bit %zu flips %.3f of the output\n", bit, mean);
            ok = false;
        }
    }
    return ok;
}

bool avalanche()
{
    const bool four = avalanche_of(4, 2048);
    return avalanche_of(6, 2048) && four;
}

// Said and shown the way RapidCheck does it; these run once, for their samples are fixed.
bool check(const char *sentence, bool (*holds)())
{
    std::printf("\n- %s\n", sentence);
    const bool ok = holds();
    std::printf("%s\n", ok ? "OK" : "Falsifiable");
    return ok;
}

} // namespace

int main()
{
    // Defaults only: RC_PARAMS from outside wins.
    setenv("RC_PARAMS", "max_success=2000 seed=6528", 0);
    bool ok = true;
    ok &= clock_is_exact();
    ok &= clock_is_the_same_for_all();
    ok &= check("tuples and secrets share an ISN as often as chance has it",
                no_collisions_beyond_chance);
    ok &= check("steps between neighbours' ISNs repeat as often as chance has it",
                no_steps_beyond_chance);
    ok &= check("each bit of an ISN is set half of the time", bits_are_balanced);
    ok &= check("no bit of an ISN tells anything of a bit of its neighbour's",
                neighbours_are_uncorrelated);
    ok &=
        check("no bit of an ISN tells anything of a bit of the other end's", ends_are_uncorrelated);
    ok &= check("offsets are shared as often as chance has it, and none tells of its neighbour's",
                offsets_share_by_chance);
    ok &= check("no bit of an offset tells anything of a bit of the same tuple's ISN",
                offsets_do_not_tell_isns);
    ok &= check("any bit of key or tuple flips each bit of the ISN half of the time", avalanche);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
