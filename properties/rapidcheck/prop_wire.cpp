// Properties of the header codec: writing and parsing undo each other for every packet there can
// be, damage is noticed, an ICMP error leads back to the segment it quotes, and no octets however
// chosen make the parsers read beyond them. Every parse
// and write happens in a heap block of the exact size, so that AddressSanitizer has the last word.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <ostream>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "tfsm.h"

using octets = std::vector<uint8_t>;

// How RapidCheck prints a counterexample.
void showValue(const tfsm_packet &p, std::ostream &os)
{
    const tfsm_segment &s = p.segment;
    os << "IPv" << unsigned{p.src.family} << " ports " << p.src_port << " > " << p.dst_port
       << " seq " << s.seq << " ack " << s.ack << " len " << s.len << " flags " << unsigned{s.flags}
       << " wnd " << s.wnd << " options " << unsigned{s.options} << " wscale " << unsigned{s.wscale}
       << " mss " << s.mss << " sacks " << unsigned{s.sacks} << " cookie " << unsigned{s.cookie_len}
       << " user timeout " << s.user_timeout << " ecn " << unsigned{s.ecn};
}

namespace
{

// A copy that ends where its octets end.
class exact
{
  public:
    explicit exact(const octets &from) : n(from.size()), block(new uint8_t[from.size()])
    {
        std::copy(from.begin(), from.end(), block.get());
    }

    tfsm_wire_result parse(tfsm_packet &out) const
    {
        std::memset(&out, 0xa5, sizeof out);
        return tfsm_parse(block.get(), n, &out);
    }

    tfsm_wire_result parse(tfsm_icmp_message &out) const
    {
        std::memset(&out, 0xa5, sizeof out);
        return tfsm_parse_icmp(block.get(), n, &out);
    }

  private:
    size_t n;
    std::unique_ptr<uint8_t[]> block;
};

bool same_segment(const tfsm_segment &a, const tfsm_segment &b)
{
    return a.seq == b.seq && a.ack == b.ack && a.len == b.len && a.wnd == b.wnd && a.up == b.up &&
           a.flags == b.flags && a.security == b.security && a.options == b.options &&
           a.wscale == b.wscale && a.ecn == b.ecn && a.cookie_len == b.cookie_len &&
           a.user_timeout == b.user_timeout && a.mss == b.mss && a.sacks == b.sacks &&
           a.ts_val == b.ts_val && a.ts_ecr == b.ts_ecr && a.text_offset == b.text_offset &&
           a.rule == b.rule &&
           std::equal(a.sack, a.sack + TFSM_SACK_MAX, b.sack,
                      [](const tfsm_range &x, const tfsm_range &y) {
                          return x.left == y.left && x.right == y.right;
                      });
}

bool same_address(const tfsm_address &a, const tfsm_address &b)
{
    return a.family == b.family && std::equal(a.octets, a.octets + 16, b.octets);
}

// All but text_at: parsing normalises the options before the text.
bool same_packet(const tfsm_packet &a, const tfsm_packet &b)
{
    return same_address(a.src, b.src) && same_address(a.dst, b.dst) && a.src_port == b.src_port &&
           a.dst_port == b.dst_port && a.hops == b.hops && a.traffic_class == b.traffic_class &&
           a.reserved == b.reserved && std::equal(a.cookie, a.cookie + TFSM_COOKIE_MAX, b.cookie) &&
           same_segment(a.segment, b.segment);
}

unsigned controls(const tfsm_segment &s)
{
    return ((s.flags & TFSM_SYN) != 0 ? 1u : 0u) + ((s.flags & TFSM_FIN) != 0 ? 1u : 0u);
}

octets text_of(const octets &packet, const tfsm_packet &parsed)
{
    const auto from = packet.begin() + parsed.text_at;
    return octets(from, from + (parsed.segment.len - controls(parsed.segment)));
}

// Write in a block of the given room; what comes back is as long as the packet.
octets write(const tfsm_packet &packet, const octets &text, size_t room = 65575)
{
    std::unique_ptr<uint8_t[]> block(new uint8_t[room]);
    octets out(tfsm_write(&packet, text.empty() ? nullptr : text.data(), block.get(), room));
    std::copy(block.get(), block.get() + out.size(), out.begin());
    return out;
}

// Octets of the options of a packet, before padding.
unsigned options_length(const tfsm_segment &s)
{
    return ((s.options & TFSM_OPT_MSS) != 0 ? 4u : 0u) +
           ((s.options & TFSM_OPT_WSCALE) != 0 ? 3u : 0u) +
           ((s.options & TFSM_OPT_TIMESTAMPS) != 0 ? 10u : 0u) +
           ((s.options & TFSM_OPT_SACK_PERMITTED) != 0 ? 2u : 0u) +
           ((s.options & TFSM_OPT_USER_TIMEOUT) != 0 ? 4u : 0u) +
           ((s.options & TFSM_OPT_FAST_OPEN) != 0 ? 2u + s.cookie_len : 0u) +
           ((s.options & TFSM_OPT_SACK) != 0 ? 2u + 8u * s.sacks : 0u);
}

// ---- generators ----

template <typename T> T any()
{
    return *rc::gen::map(rc::gen::inRange<uint64_t>(0, uint64_t{1} << 8 * sizeof(T)),
                         [](uint64_t v) { return static_cast<T>(v); });
}

tfsm_address any_address(uint8_t family)
{
    tfsm_address address = {};
    address.family = family;
    std::generate(address.octets, address.octets + (family == 4 ? 4 : 16), any<uint8_t>);
    return address;
}

// The octets of a Fast Open cookie: RFC7413:4.1.1a.
unsigned any_cookie_len()
{
    return *rc::gen::element(0u, 4u, 6u, 8u, 10u, 12u, 14u, 16u);
}

// Leave only these options, and Fast Open only with a SYN; what is not there is zero, as the parser
// leaves it.
void keep_options(tfsm_packet &p, unsigned options, unsigned sacks, unsigned cookie_len)
{
    tfsm_segment &s = p.segment;
    options &= (s.flags & TFSM_SYN) != 0 ? ~0u : ~static_cast<unsigned>(TFSM_OPT_FAST_OPEN);
    s.options = static_cast<uint8_t>(options);
    s.user_timeout = (options & TFSM_OPT_USER_TIMEOUT) != 0 ? s.user_timeout : uint16_t{0};
    s.cookie_len = (options & TFSM_OPT_FAST_OPEN) != 0 ? static_cast<uint8_t>(cookie_len) : 0;
    std::fill(p.cookie + s.cookie_len, p.cookie + TFSM_COOKIE_MAX, 0);
    s.mss = (options & TFSM_OPT_MSS) != 0 ? s.mss : uint16_t{0};
    s.wscale = (options & TFSM_OPT_WSCALE) != 0 ? s.wscale : uint8_t{0};
    s.ts_val = (options & TFSM_OPT_TIMESTAMPS) != 0 ? s.ts_val : 0;
    s.ts_ecr = (options & TFSM_OPT_TIMESTAMPS) != 0 ? s.ts_ecr : 0;
    s.sacks = (options & TFSM_OPT_SACK) != 0 ? static_cast<uint8_t>(sacks) : uint8_t{0};
    std::fill(s.sack + s.sacks, s.sack + TFSM_SACK_MAX, tfsm_range{0, 0});
}

// All options at once: more than fits a header.
tfsm_packet any_packet(uint8_t family, size_t text)
{
    tfsm_packet p = {};
    p.src = any_address(family);
    p.dst = any_address(family);
    p.src_port = any<uint16_t>();
    p.dst_port = any<uint16_t>();
    p.hops = any<uint8_t>();
    p.traffic_class = any<uint8_t>();
    p.reserved = *rc::gen::inRange<uint8_t>(0, 16);
    p.segment.seq = any<uint32_t>();
    p.segment.ack = any<uint32_t>();
    p.segment.wnd = any<uint16_t>();
    p.segment.up = any<uint16_t>();
    p.segment.flags = any<uint8_t>();
    p.segment.len = static_cast<uint32_t>(text) + controls(p.segment);
    p.segment.options = 127;
    p.segment.ecn = p.traffic_class & 3;
    p.segment.user_timeout = // zero is reserved, seconds or minutes
        static_cast<uint16_t>(*rc::gen::inRange(1, 0x8000) | *rc::gen::element(0, 0x8000));
    std::generate(p.cookie, p.cookie + TFSM_COOKIE_MAX, any<uint8_t>);
    p.segment.mss = any<uint16_t>();
    p.segment.wscale = *rc::gen::inRange<uint8_t>(0, 15);
    p.segment.ts_val = any<uint32_t>();
    p.segment.ts_ecr = any<uint32_t>();
    p.segment.sacks = TFSM_SACK_MAX;
    for (tfsm_range &range : p.segment.sack) {
        range = {any<uint32_t>(), any<uint32_t>()};
    }
    return p;
}

struct letter {
    tfsm_packet packet;
    octets text;
};

// A packet that fits, with text of at most this many octets.
letter any_letter(int text_max)
{
    letter l;
    l.text.resize(static_cast<size_t>(*rc::gen::inRange(0, text_max + 1)));
    std::generate(l.text.begin(), l.text.end(), any<uint8_t>);
    const tfsm_packet full = any_packet(*rc::gen::element<uint8_t>(4, 6), l.text.size());
    do {
        l.packet = full;
        keep_options(l.packet, *rc::gen::inRange(0u, 128u), *rc::gen::inRange(1u, 5u),
                     any_cookie_len());
    } while (options_length(l.packet.segment) > 40);
    return l;
}

void put16(octets &o, size_t at, size_t value)
{
    o[at] = static_cast<uint8_t>(value >> 8 & 0xff);
    o[at + 1] = static_cast<uint8_t>(value & 0xff);
}

unsigned checksum(const octets &o, size_t from, size_t to, unsigned sum)
{
    for (size_t i = from; i < to; i++) {
        sum += (i - from) % 2 == 0 ? o[i] * 256u : o[i];
    }
    return sum > 0 ? (sum - 1) % 0xffff + 1 : 0;
}

// Lengths and checksums of a packet without IP options or extension headers made right, if it is
// one.
void seal(octets &o)
{
    const size_t at = o[0] >> 4 == 4 ? 20 : 40;
    if ((o[0] >> 4 != 4 && o[0] >> 4 != 6) || o.size() < at + 20) {
        return;
    }
    unsigned sum = static_cast<unsigned>(6 + o.size() - at);
    if (at == 20) {
        put16(o, 2, o.size());
        put16(o, 10, 0);
        put16(o, 10, 0xffff - checksum(o, 0, 20, 0));
        sum = checksum(o, 12, 20, sum);
    } else {
        put16(o, 4, o.size() - 40);
        sum = checksum(o, 8, 40, sum);
    }
    put16(o, at + 16, 0);
    put16(o, at + 16, 0xffff - checksum(o, at, o.size(), sum));
}

// One option as a stranger may write it: often legal, often nearly.
octets any_option()
{
    static const std::vector<octets> shapes = {
        {0},      {1},      {1, 1},  {2, 4},        {2, 3},          {3, 3},  {3, 2},  {4, 2},
        {5, 10},  {5, 18},  {5, 26}, {5, 34},       {5, 12},         {8, 10}, {8, 9},  {253, 4},
        {30, 0},  {30, 1},  {28, 4}, {28, 3},       {34, 2},         {34, 4}, {34, 6}, {34, 7},
        {34, 18}, {34, 20}, {34, 1}, {28, 4, 0, 0}, {28, 4, 0x80, 0}};
    octets o = *rc::gen::elementOf(shapes);
    if (o.size() == 2 && o[0] > 1) {
        const size_t value = std::max<size_t>(o[1], 2);
        while (o.size() < value) {
            o.push_back(any<uint8_t>());
        }
    }
    return o;
}

// A packet whose envelope is right and whose options are anything.
octets stranger()
{
    const letter l = any_letter(20);
    tfsm_packet bare = l.packet;
    bare.segment.options = 0;
    octets o = write(bare, l.text);
    const size_t tcp = bare.src.family == 4 ? 20 : 40;
    octets options;
    for (int i = *rc::gen::inRange(0, 8); i > 0; i--) {
        const octets option = any_option();
        options.insert(options.end(), option.begin(), option.end());
    }
    options.resize(std::min<size_t>(40, options.size() / 4 * 4));
    o.insert(o.begin() + static_cast<std::ptrdiff_t>(tcp + 20), options.begin(), options.end());
    o[tcp + 12] = static_cast<uint8_t>((5 + options.size() / 4) << 4 | l.packet.reserved);
    seal(o);
    return o;
}

// ---- properties ----

void assert_fixed_point(const octets &o)
{
    tfsm_packet first;
    tfsm_packet second;
    const tfsm_wire_result result = exact(o).parse(first);
    if (result != TFSM_WIRE_OK && result != TFSM_WIRE_OPTION) {
        return;
    }
    RC_ASSERT(first.text_at + (first.segment.len - controls(first.segment)) <= o.size());
    const octets again = write(first, text_of(o, first), o.size());
    RC_ASSERT(!again.empty());
    RC_ASSERT(exact(again).parse(second) == TFSM_WIRE_OK);
    RC_ASSERT(same_packet(first, second));
    RC_ASSERT(text_of(o, first) == text_of(again, second));
    RC_ASSERT(write(second, text_of(again, second)) == again);
}

bool round_trip()
{
    return rc::check("what is written parses back to the same packet and the same text", [] {
        const letter l = any_letter(300);
        tfsm_packet back;
        const octets o = write(l.packet, l.text);
        RC_ASSERT(!o.empty());
        RC_ASSERT(exact(o).parse(back) == TFSM_WIRE_OK);
        RC_ASSERT(same_packet(back, l.packet));
        RC_ASSERT(text_of(o, back) == l.text);
        RC_ASSERT(back.text_at + l.text.size() == o.size());
    });
}

bool checksums()
{
    return rc::check("lengths and checksums of what is written are what anybody else computes", [] {
        const letter l = any_letter(300);
        const octets o = write(l.packet, l.text);
        octets sealed = o;
        seal(sealed);
        RC_ASSERT(o == sealed);
    });
}

bool combinations()
{
    return rc::check("every set of options is written when it fits 40 octets, and parses back", [] {
        const tfsm_packet full = any_packet(*rc::gen::element<uint8_t>(4, 6), 0);
        const unsigned cookie_len = any_cookie_len();
        for (unsigned i = 0; i < 128 * TFSM_SACK_MAX; i++) {
            tfsm_packet p = full;
            keep_options(p, i % 128, 1 + i / 128, cookie_len);
            tfsm_packet back;
            const octets o = write(p, {});
            RC_ASSERT(o.empty() == (options_length(p.segment) > 40));
            RC_ASSERT(o.empty() || exact(o).parse(back) == TFSM_WIRE_OK);
            RC_ASSERT(o.empty() || same_packet(back, p));
        }
    });
}

bool ecn_is_the_segments()
{
    return rc::check("the lower bits of the traffic class come from the segment (RFC3168:5), the "
                     "upper from the embedder",
                     [] {
                         const letter l = any_letter(20);
                         tfsm_packet p = l.packet;
                         tfsm_packet back;
                         p.segment.ecn = *rc::gen::inRange<uint8_t>(0, 4);
                         RC_ASSERT(exact(write(p, l.text)).parse(back) == TFSM_WIRE_OK);
                         p.traffic_class =
                             static_cast<uint8_t>((l.packet.traffic_class & 0xfc) | p.segment.ecn);
                         RC_ASSERT(same_packet(back, p));
                     });
}

bool padding_is_zero()
{
    return rc::check("the options are padded with zeros to the next word", [] {
        const letter l = any_letter(20);
        const octets o = write(l.packet, l.text);
        const size_t tcp = l.packet.src.family == 4 ? 20 : 40;
        const size_t end = tcp + 20 + options_length(l.packet.segment);
        const size_t text = o.size() - l.text.size();
        RC_ASSERT(text - end < 4u);
        RC_ASSERT(text % 4 == 0u);
        RC_ASSERT(std::all_of(&o[0] + end, &o[0] + text, [](uint8_t octet) { return octet == 0; }));
    });
}

bool garbage()
{
    return rc::check(
        "parsing arbitrary octets reads nothing outside them, and a parsed packet is a fixed point",
        [] {
            octets o = *rc::gen::container<octets>(rc::gen::arbitrary<uint8_t>());
            if (!o.empty() && *rc::gen::arbitrary<bool>()) {
                o[0] = static_cast<uint8_t>((*rc::gen::element(4, 6)) << 4 | (o[0] & 0x0f));
            }
            assert_fixed_point(o);
        });
}

bool strangers()
{
    return rc::check("parse, write, parse is parse, whatever the options",
                     [] { assert_fixed_point(stranger()); });
}

bool damaged()
{
    return rc::check(
        "parsing a damaged packet reads nothing outside it, with its checksums right or wrong", [] {
            octets o = stranger();
            for (int i = *rc::gen::inRange(1, 5); i > 0; i--) {
                o[*rc::gen::inRange<size_t>(0, o.size())] = any<uint8_t>();
            }
            if (*rc::gen::arbitrary<bool>()) {
                seal(o);
            }
            assert_fixed_point(o);
        });
}

bool bit_flips()
{
    return rc::check("flipping any one bit of TCP header or text is noticed", [] {
        const letter l = any_letter(40);
        const octets o = write(l.packet, l.text);
        for (size_t bit = l.packet.src.family == 4 ? 160 : 320; bit < 8 * o.size(); bit++) {
            tfsm_packet out;
            octets bent = o;
            bent[bit / 8] = static_cast<uint8_t>(bent[bit / 8] ^ 1u << bit % 8);
            const tfsm_wire_result result = exact(bent).parse(out);
            RC_ASSERT(result == TFSM_WIRE_CHECKSUM || result == TFSM_WIRE_DATA_OFFSET);
        }
    });
}

bool truncation()
{
    return rc::check("every truncation is refused", [] {
        const letter l = any_letter(40);
        const octets o = write(l.packet, l.text);
        for (size_t n = 0; n < o.size(); n++) {
            tfsm_packet out;
            const tfsm_wire_result result =
                exact(octets(o.begin(), o.begin() + static_cast<std::ptrdiff_t>(n))).parse(out);
            RC_ASSERT(result == TFSM_WIRE_SHORT || result == TFSM_WIRE_IP_HEADER);
        }
    });
}

bool link_padding()
{
    return rc::check("octets beyond the IP length change nothing", [] {
        const letter l = any_letter(40);
        tfsm_packet out;
        octets o = write(l.packet, l.text);
        const octets padding = *rc::gen::nonEmpty<octets>();
        o.insert(o.end(), padding.begin(), padding.end());
        RC_ASSERT(exact(o).parse(out) == TFSM_WIRE_OK);
        RC_ASSERT(same_packet(out, l.packet));
        RC_ASSERT(text_of(o, out) == l.text);
    });
}

bool room()
{
    return rc::check(
        "a packet is written when it fits the room to the octet, and else nothing is written", [] {
            const letter l = any_letter(40);
            const octets o = write(l.packet, l.text);
            const size_t room = *rc::gen::inRange<size_t>(0, o.size());
            octets canary(room, 0xcc);
            RC_ASSERT(write(l.packet, l.text, o.size()) == o);
            RC_ASSERT(tfsm_write(&l.packet, l.text.data(), canary.data(), room) == 0u);
            RC_ASSERT(std::all_of(canary.begin(), canary.end(),
                                  [](uint8_t octet) { return octet == 0xcc; }));
        });
}

// An ICMP error of this type and code that quotes so much of a packet, with a word of its own.
octets icmp_error(uint8_t type, uint8_t code, uint32_t word, const octets &packet, size_t quoted)
{
    const bool v4 = packet[0] >> 4 == 4;
    const size_t at = v4 ? 20 : 40;
    octets o(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(at));
    std::swap_ranges(o.begin() + (v4 ? 12 : 8), o.begin() + (v4 ? 16 : 24),
                     o.begin() + (v4 ? 16 : 24));
    o.insert(o.end(), {type, code, 0, 0});
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        o.push_back(static_cast<uint8_t>(word >> (shift - 8) & 0xff));
    }
    o.insert(o.end(), packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(quoted));
    unsigned sum = 0;
    if (v4) {
        put16(o, 2, o.size());
        o[9] = 1;
        put16(o, 10, 0);
        put16(o, 10, 0xffff - checksum(o, 0, 20, 0));
    } else {
        put16(o, 4, o.size() - 40);
        o[6] = 58;
        sum = checksum(o, 8, 40, static_cast<unsigned>(58 + o.size() - at));
    }
    put16(o, at + 2, 0xffff - checksum(o, at, o.size(), sum));
    return o;
}

octets any_error(const letter &l)
{
    const octets o = write(l.packet, l.text);
    const bool v4 = l.packet.src.family == 4;
    return icmp_error(*rc::gen::element<uint8_t>(v4 ? 3 : 1, v4 ? 11 : 2),
                      *rc::gen::inRange<uint8_t>(0, 16), any<uint32_t>(), o,
                      *rc::gen::inRange<size_t>(v4 ? 28 : 48, o.size() + 1));
}

bool errors_lead_back()
{
    return rc::check("an ICMP error that quotes SEG.SEQ or more names the ends and the number of "
                     "the segment (RFC9293:MUST-54, RFC5927:3)",
                     [] {
                         const letter l = any_letter(60);
                         tfsm_icmp_message out;
                         RC_ASSERT(exact(any_error(l)).parse(out) == TFSM_WIRE_OK);
                         RC_ASSERT(same_address(out.local, l.packet.src));
                         RC_ASSERT(same_address(out.remote, l.packet.dst));
                         RC_ASSERT(out.local_port == l.packet.src_port);
                         RC_ASSERT(out.remote_port == l.packet.dst_port);
                         RC_ASSERT(out.seq == l.packet.segment.seq);
                         RC_ASSERT(out.mss == 0u || out.meaning == TFSM_ICMP_TOO_BIG);
                     });
}

bool errors_too_short()
{
    return rc::check("an ICMP error that quotes less is refused", [] {
        const letter l = any_letter(20);
        const octets o = write(l.packet, l.text);
        const bool v4 = l.packet.src.family == 4;
        for (size_t quoted = 0; quoted < (v4 ? 28u : 48u); quoted++) {
            tfsm_icmp_message out;
            const octets error = icmp_error(v4 ? 3 : 1, 0, 0, o, quoted);
            RC_ASSERT(exact(error).parse(out) == TFSM_WIRE_SHORT);
        }
    });
}

bool damaged_errors()
{
    return rc::check("damage to an ICMP error is noticed, and nothing outside it is read", [] {
        const octets whole = any_error(any_letter(20));
        const size_t at = whole[0] >> 4 == 4 ? 20 : 40;
        tfsm_icmp_message out;
        octets o = whole;
        const size_t bit = *rc::gen::inRange<size_t>(at * 8, o.size() * 8);
        o[bit / 8] = static_cast<uint8_t>(o[bit / 8] ^ 1u << bit % 8);
        RC_ASSERT(exact(o).parse(out) == TFSM_WIRE_CHECKSUM);
        for (int i = *rc::gen::inRange(1, 5); i > 0; i--) {
            o[*rc::gen::inRange<size_t>(0, o.size())] = any<uint8_t>();
        }
        put16(o, at + 2, 0);
        const unsigned sum =
            at == 20 ? 0 : checksum(o, 8, 40, static_cast<unsigned>(58 + o.size() - at));
        put16(o, at + 2, 0xffff - checksum(o, at, o.size(), sum));
        RC_ASSERT(exact(o).parse(out) < TFSM_WIRE_RESULTS);
        for (size_t n = 0; n < whole.size(); n++) {
            const octets cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
            const tfsm_wire_result result = exact(cut).parse(out);
            RC_ASSERT(result == TFSM_WIRE_SHORT || result == TFSM_WIRE_IP_HEADER);
        }
    });
}

bool option_order()
{
    return rc::check("the order of options, and NOPs between them, change nothing", [] {
        letter l = any_letter(20);
        const octets o = write(l.packet, l.text);
        const size_t at = (l.packet.src.family == 4 ? 20 : 40) + 20;
        std::vector<octets> options;
        for (size_t i = at; i < at + options_length(l.packet.segment); i += o[i + 1]) {
            const auto from = o.begin() + static_cast<std::ptrdiff_t>(i);
            options.emplace_back(from, from + o[i + 1]);
        }
        for (size_t i = at + options_length(l.packet.segment); i < o.size() - l.text.size(); i++) {
            options.push_back({1});
        }
        for (size_t i = options.size(); i > 1; i--) {
            std::swap(options[i - 1], options[*rc::gen::inRange<size_t>(0, i)]);
        }
        octets shuffled(o.begin(), o.begin() + static_cast<std::ptrdiff_t>(at));
        for (const octets &option : options) {
            shuffled.insert(shuffled.end(), option.begin(), option.end());
        }
        shuffled.insert(shuffled.end(), l.text.begin(), l.text.end());
        seal(shuffled);
        tfsm_packet out;
        RC_ASSERT(exact(shuffled).parse(out) == TFSM_WIRE_OK);
        RC_ASSERT(same_packet(out, l.packet));
    });
}

} // namespace

int main()
{
    // A default only: RC_PARAMS from outside wins.
    setenv("RC_PARAMS", "max_success=500", 0);
    bool ok = true;
    ok &= round_trip();
    ok &= checksums();
    ok &= combinations();
    ok &= ecn_is_the_segments();
    ok &= padding_is_zero();
    ok &= garbage();
    ok &= strangers();
    ok &= damaged();
    ok &= bit_flips();
    ok &= truncation();
    ok &= link_padding();
    ok &= room();
    ok &= option_order();
    ok &= errors_lead_back();
    ok &= errors_too_short();
    ok &= damaged_errors();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
