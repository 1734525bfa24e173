// Properties of sequence number arithmetic, each against a model in 64-bit integers that knows
// nothing of wrapping. Numbers are drawn at the corners of the circle and at the corners of each
// other as often as anywhere, because that is where this arithmetic goes wrong.
#include <cstdint>
#include <cstdlib>
#include <utility>

#include <rapidcheck.h>

#include "seq.h"

namespace
{

constexpr int64_t circle = int64_t{1} << 32;
constexpr int64_t half = int64_t{1} << 31;

// The number that stands at an integer, and the way from a to b: 0 .. 2^32-1 forward, -2^31+1 ..
// 2^31 the short way.
uint32_t on_circle(int64_t v)
{
    return static_cast<uint32_t>((v % circle + circle) % circle);
}

int64_t forward(uint32_t a, uint32_t b)
{
    return (int64_t{b} - int64_t{a} + circle) % circle;
}

int64_t short_way(uint32_t a, uint32_t b)
{
    const int64_t d = forward(a, b);
    return d > half ? d - circle : d;
}

rc::Gen<uint32_t> anywhere()
{
    return rc::gen::map(rc::gen::inRange<int64_t>(0, circle), on_circle);
}

// A corner of the circle, give or take three.
rc::Gen<uint32_t> corner()
{
    return rc::gen::map(
        rc::gen::pair(rc::gen::element(int64_t{0}, half, half / 2, half + half / 2),
                      rc::gen::inRange<int64_t>(0, 7)),
        [](const std::pair<int64_t, int64_t> &p) { return on_circle(p.first + p.second - 3); });
}

rc::Gen<uint32_t> number()
{
    return rc::gen::oneOf(anywhere(), corner());
}

// A number that stands in an interesting relation to a.
rc::Gen<uint32_t> near(uint32_t a)
{
    return rc::gen::map(number(), [a](uint32_t d) { return on_circle(int64_t{a} + d); });
}

bool antisymmetry()
{
    return rc::check(
        "of two numbers at most one is before the other, and both are =< only when they are equal",
        [] {
            const uint32_t a = *number();
            const uint32_t b = *near(a);
            RC_ASSERT(!(seq_lt(a, b) && seq_lt(b, a)));
            RC_ASSERT((seq_le(a, b) && seq_le(b, a)) == (a == b));
            RC_ASSERT(!seq_lt(a, a));
            RC_ASSERT(seq_le(a, a));
        });
}

bool totality()
{
    return rc::check("two numbers can be ordered unless they are exactly 2^31 apart", [] {
        const uint32_t a = *number();
        const uint32_t b = *near(a);
        const bool ordered = seq_lt(a, b) || seq_lt(b, a) || a == b;
        RC_ASSERT(ordered == (forward(a, b) != half));
    });
}

bool opposite()
{
    return rc::check("at distance 2^31 nobody is before the other, one octet off somebody is", [] {
        const uint32_t a = *number();
        const uint32_t b = on_circle(int64_t{a} + half);
        RC_ASSERT(!seq_lt(a, b) && !seq_lt(b, a) && !seq_le(a, b) && !seq_le(b, a));
        RC_ASSERT(seq_max(a, b) == a && seq_min(a, b) == a);
        RC_ASSERT(seq_lt(a, on_circle(int64_t{b} - 1)) && seq_lt(on_circle(int64_t{b} + 1), a));
    });
}

bool order_model()
{
    return rc::check("the order is that of 64-bit integers the short way round", [] {
        const uint32_t a = *number();
        const uint32_t b = *near(a);
        const int64_t d = short_way(a, b);
        RC_ASSERT(seq_lt(a, b) == (d > 0 && d < half));
        RC_ASSERT(seq_le(a, b) == (d >= 0 && d < half));
    });
}

bool arithmetic_model()
{
    return rc::check(
        "add, sub and distance are those of 64-bit integers modulo 2^32, and undo each other", [] {
            const uint32_t a = *number();
            const uint32_t n = *number();
            RC_ASSERT(seq_add(a, n) == on_circle(int64_t{a} + n));
            RC_ASSERT(seq_sub(a, n) == on_circle(int64_t{a} - n));
            RC_ASSERT(seq_distance(a, n) == on_circle(int64_t{n} - a));
            RC_ASSERT(seq_sub(seq_add(a, n), n) == a);
            RC_ASSERT(seq_distance(a, seq_add(a, n)) == n);
            RC_ASSERT(seq_distance(seq_sub(a, n), a) == n);
        });
}

bool translation()
{
    return rc::check(
        "shifting all numbers by any constant changes no answer and shifts every result", [] {
            const uint32_t a = *number();
            const uint32_t b = *near(a);
            const uint32_t size = *number();
            const uint32_t shift = *number();
            const uint32_t as = on_circle(int64_t{a} + shift);
            const uint32_t bs = on_circle(int64_t{b} + shift);
            RC_ASSERT(seq_lt(a, b) == seq_lt(as, bs));
            RC_ASSERT(seq_le(a, b) == seq_le(as, bs));
            RC_ASSERT(seq_distance(a, b) == seq_distance(as, bs));
            RC_ASSERT(seq_in(a, b, size) == seq_in(as, bs, size));
            RC_ASSERT(on_circle(int64_t{seq_max(a, b)} + shift) == seq_max(as, bs));
            RC_ASSERT(on_circle(int64_t{seq_min(a, b)} + shift) == seq_min(as, bs));
            RC_ASSERT(on_circle(int64_t{seq_add(a, size)} + shift) == seq_add(as, size));
            RC_ASSERT(on_circle(int64_t{seq_sub(a, size)} + shift) == seq_sub(as, size));
        });
}

bool range_model()
{
    return rc::check(
        "a number is in a range when it or its next turn lies there as a 64-bit integer", [] {
            const uint32_t left = *number();
            const uint32_t size = *number();
            const uint32_t v = *rc::gen::oneOf(near(left), near(on_circle(int64_t{left} + size)));
            const auto lies = [&](int64_t at) { return left <= at && at < int64_t{left} + size; };
            RC_ASSERT(seq_in(v, left, size) == (lies(v) || lies(v + circle)));
        });
}

bool range_edges()
{
    return rc::check(
        "a range holds its left edge and not its right one, and the empty range holds nothing", [] {
            const uint32_t left = *number();
            const uint32_t size = *rc::gen::distinctFrom(number(), 0u);
            const uint32_t v = *number();
            RC_ASSERT(seq_in(left, left, size));
            RC_ASSERT(seq_in(on_circle(int64_t{left} + size - 1), left, size));
            RC_ASSERT(!seq_in(on_circle(int64_t{left} + size), left, size));
            RC_ASSERT(!seq_in(on_circle(int64_t{left} - 1), left, size));
            RC_ASSERT(!seq_in(v, left, 0));
        });
}

bool extremes()
{
    return rc::check("max and min are the two numbers themselves, the later and the earlier", [] {
        const uint32_t a = *number();
        const uint32_t b = *near(a);
        const int64_t d = short_way(a, b);
        RC_ASSERT(seq_max(a, b) == (d > 0 && d < half ? b : a));
        RC_ASSERT(seq_min(a, b) == (d < 0 ? b : a));
        RC_ASSERT(d == half || seq_max(a, b) == seq_max(b, a));
        RC_ASSERT(d == half || seq_min(a, b) == seq_min(b, a));
    });
}

bool transitivity()
{
    return rc::check("the order is transitive as long as all fits in half the circle", [] {
        const uint32_t a = *number();
        const uint32_t ab = *rc::gen::map(number(), [](uint32_t n) { return n % uint32_t{half}; });
        const uint32_t bc = *rc::gen::map(number(), [](uint32_t n) { return n % uint32_t{half}; });
        const uint32_t b = on_circle(int64_t{a} + ab);
        const uint32_t c = on_circle(int64_t{b} + bc);
        RC_ASSERT(seq_le(a, b) && seq_le(b, c));
        RC_ASSERT(seq_le(a, c) == (int64_t{ab} + bc < half));
    });
}

} // namespace

int main()
{
    // A default only: RC_PARAMS from outside wins.
    setenv("RC_PARAMS", "max_success=5000", 0);
    bool ok = true;
    ok &= antisymmetry();
    ok &= totality();
    ok &= opposite();
    ok &= order_model();
    ok &= arithmetic_model();
    ok &= translation();
    ok &= range_model();
    ok &= range_edges();
    ok &= extremes();
    ok &= transitivity();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
