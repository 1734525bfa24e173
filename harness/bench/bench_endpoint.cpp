// What one segment costs in an endpoint with 10, 1,000 and 100,000 open connections: text comes in,
// the user is told and reads it, the acknowledgment goes out. The time should not grow with the
// number of connections.
//
// `random` takes another connection for each segment: a large endpoint then pays for seven cache lines that are in no
// cache, one after the other where it has to understand one to know of the next. `same` stays with one connection, which
// leaves that out: what is left is the work. `burst` takes random connections, too, eight segments of different ones at a
// time as a device hands them over, through endpoint_burst().
// `octets` goes through the codec, `segments` through endpoint_segment() and endpoint_take().
//
// Packets are made before the clock runs, a batch at a time.
#include "endpoint.h"
#include "large.h"
#include "seq.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

namespace
{

constexpr std::size_t BATCH = 256;
constexpr std::size_t BURST = 8;
constexpr std::uint32_t TEXT = 64; // octets of a segment
constexpr std::uint32_t RING = 256;
constexpr std::uint16_t PORT = 80;

struct Peer {
    std::uint32_t seq;
    std::uint32_t ack;
    endpoint_handle handle;
};

struct Packet {
    tfsm_packet packet;
    std::uint32_t n;
    std::uint8_t octets[160];
};

void require(bool holds, const char *what)
{
    if (!holds) {
        std::fprintf(stderr, "bench_endpoint: %s\n", what);
        std::abort();
    }
}

class Host
{
  public:
    explicit Host(std::uint32_t connections) : peers_(connections)
    {
        endpoint_local local = {};
        endpoint_config config = endpoint_config_default();
        local.address = address(192, 0, 2, 1);
        local.prefix = 24;
        config.locals = &local;
        config.local_count = 1;
        config.connections = connections;
        config.send_ring = RING;
        config.receive_ring = RING;
        config.policy4.ack_delay = 0; // one acknowledgment for each segment
        config.policy4.profile &= ~static_cast<std::uint32_t>(TFSM_TIMESTAMPS);
        ep_ = endpoint_create_large(&config);
        require(ep_ != nullptr, "out of memory");
        endpoint_listening listening = {};
        listening.local.family = 4;
        listening.port = PORT;
        listening.backlog = 1;
        require(endpoint_listen(ep_, &listening, &listener_) == TFSM_DONE, "cannot listen");
        for (std::uint32_t i = 0; i < connections; i++) {
            open(i);
        }
    }

    ~Host()
    {
        endpoint_destroy(ep_);
    }

    Host(const Host &) = delete;
    Host &operator=(const Host &) = delete;

    std::uint32_t draw()
    {
        random_ ^= random_ >> 12;
        random_ ^= random_ << 25;
        random_ ^= random_ >> 27;
        return static_cast<std::uint32_t>((random_ * UINT64_C(2685821657736338717)) >> 33);
    }

    std::uint32_t connections() const
    {
        return static_cast<std::uint32_t>(peers_.size());
    }

    // The next segment of a peer.
    void make(std::uint32_t i, Packet &out)
    {
        Peer &peer = peers_[i];
        out.packet = from(i, TFSM_ACK | TFSM_PSH);
        out.packet.segment.seq = peer.seq;
        out.packet.segment.ack = peer.ack;
        out.packet.segment.len = TEXT;
        out.n = static_cast<std::uint32_t>(
            tfsm_write(&out.packet, text_, out.octets, sizeof out.octets));
        peer.seq = seq_add(peer.seq, TEXT);
        require(out.n > 0, "cannot write a packet");
    }

    // The segment, the user, the acknowledgment.
    void serve_octets(const Packet &packet)
    {
        std::uint8_t out[2048];
        endpoint_input(ep_, packet.octets, packet.n, now_);
        read();
        while (endpoint_output(ep_, now_, out, sizeof out) > 0) {
            answers_++;
        }
    }

    // Several segments, the user, the acknowledgments.
    void serve_burst(const Packet *packets)
    {
        std::uint8_t out[2048];
        endpoint_packet burst[BURST];
        for (std::size_t i = 0; i < BURST; i++) {
            burst[i] = endpoint_packet{packets[i].octets, packets[i].n};
        }
        endpoint_burst(ep_, burst, BURST, now_);
        read();
        while (endpoint_output(ep_, now_, out, sizeof out) > 0) {
            answers_++;
        }
    }

    void serve_segment(const Packet &packet)
    {
        tfsm_packet out;
        endpoint_piece piece[2];
        endpoint_segment(ep_, &packet.packet, text_, now_);
        read();
        while (endpoint_take(ep_, now_, &out, piece)) {
            answers_++;
        }
    }

    void tick()
    {
        now_ += 1000;
        endpoint_timeout(ep_, now_);
    }

    std::uint64_t answers() const
    {
        return answers_;
    }

  private:
    static tfsm_address address(unsigned a, unsigned b, unsigned c, unsigned d)
    {
        tfsm_address result = {};
        result.family = 4;
        result.octets[0] = static_cast<std::uint8_t>(a);
        result.octets[1] = static_cast<std::uint8_t>(b);
        result.octets[2] = static_cast<std::uint8_t>(c);
        result.octets[3] = static_cast<std::uint8_t>(d);
        return result;
    }

    tfsm_packet from(std::uint32_t i, unsigned flags) const
    {
        tfsm_packet packet = {};
        packet.src = address(10, i >> 16, (i >> 8) & 0xff, i & 0xff);
        packet.dst = address(192, 0, 2, 1);
        packet.src_port = 1234;
        packet.dst_port = PORT;
        packet.hops = 64;
        packet.segment.flags = static_cast<std::uint8_t>(flags);
        packet.segment.wnd = 65535;
        return packet;
    }

    void open(std::uint32_t i)
    {
        tfsm_packet answer;
        endpoint_piece piece[2];
        tfsm_packet packet = from(i, TFSM_SYN);
        packet.segment.len = 1;
        packet.segment.seq = i;
        endpoint_segment(ep_, &packet, nullptr, now_);
        require(endpoint_take(ep_, now_, &answer, piece), "no SYN-ACK");
        packet = from(i, TFSM_ACK);
        packet.segment.seq = i + 1;
        packet.segment.ack = answer.segment.seq + 1;
        endpoint_segment(ep_, &packet, nullptr, now_);
        endpoint_handle handle = 0;
        endpoint_accept(ep_, listener_, &handle);
        require(handle != 0, "not accepted");
        require(!endpoint_take(ep_, now_, &answer, piece), "something is left to say");
        peers_[i] = Peer{i + 1, packet.segment.ack, handle};
        std::uint32_t news = 0;
        while (endpoint_next(ep_, &handle, &news)) {
        }
    }

    void read()
    {
        endpoint_handle who = 0;
        std::uint32_t news = 0;
        std::uint8_t octets[TEXT];
        std::size_t taken = 0;
        while (endpoint_next(ep_, &who, &news)) {
            endpoint_receive(ep_, who, octets, sizeof octets, now_, &taken);
            benchmark::DoNotOptimize(octets);
        }
    }

    endpoint *ep_ = nullptr;
    endpoint_handle listener_ = 0;
    tfsm_time now_ = 1000000;
    std::uint64_t random_ = 88172645463325252u;
    std::uint64_t answers_ = 0;
    std::uint8_t text_[TEXT] = {1, 2, 3};
    std::vector<Peer> peers_;
};

// Opening takes longer than measuring: each size is opened once.
Host &host_of(std::uint32_t connections)
{
    static std::map<std::uint32_t, std::unique_ptr<Host>> hosts;
    std::unique_ptr<Host> &host = hosts[connections];
    if (!host) {
        host = std::make_unique<Host>(connections);
    }
    return *host;
}

enum How { OCTETS, SEGMENTS, BURSTS };

void serve(Host &host, const std::vector<Packet> &packets, How how)
{
    for (std::size_t i = 0; i < BATCH; i += how == BURSTS ? BURST : 1) {
        if (how == BURSTS) {
            host.serve_burst(&packets[i]);
        } else if (how == OCTETS) {
            host.serve_octets(packets[i]);
        } else {
            host.serve_segment(packets[i]);
        }
    }
}

// Whose segment is the next: nobody's who has one in the same burst.
std::uint32_t choose(Host &host, std::vector<std::uint32_t> &chosen)
{
    std::uint32_t i;
    do {
        i = host.draw() % host.connections();
    } while (std::find(chosen.begin(), chosen.end(), i) != chosen.end());
    chosen.push_back(i);
    if (chosen.size() == BURST) {
        chosen.clear();
    }
    return i;
}

template <How how, bool random> void segment_in_ack_out(benchmark::State &state)
{
    Host &host = host_of(static_cast<std::uint32_t>(state.range(0)));
    std::vector<Packet> packets(BATCH);
    std::uint64_t segments = 0;
    std::uint64_t before = host.answers();
    for (auto _ : state) {
        std::vector<std::uint32_t> chosen;
        for (Packet &packet : packets) {
            host.make(random ? choose(host, chosen) : 0, packet);
        }
        auto start = std::chrono::steady_clock::now();
        serve(host, packets, how);
        host.tick();
        std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        state.SetIterationTime(took.count());
        segments += BATCH;
    }
    require(host.answers() - before == segments, "not one acknowledgment for each segment");
    state.SetItemsProcessed(static_cast<std::int64_t>(segments));
    state.counters["per_segment"] = benchmark::Counter(
        static_cast<double>(segments), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void octets_random(benchmark::State &state)
{
    segment_in_ack_out<OCTETS, true>(state);
}

void octets_same(benchmark::State &state)
{
    segment_in_ack_out<OCTETS, false>(state);
}

void segments_random(benchmark::State &state)
{
    segment_in_ack_out<SEGMENTS, true>(state);
}

void segments_same(benchmark::State &state)
{
    segment_in_ack_out<SEGMENTS, false>(state);
}

void octets_burst(benchmark::State &state)
{
    segment_in_ack_out<BURSTS, true>(state);
}

} // namespace

BENCHMARK(octets_same)->Arg(10)->Arg(1000)->Arg(100000)->UseManualTime();
BENCHMARK(octets_random)->Arg(10)->Arg(1000)->Arg(100000)->UseManualTime();
BENCHMARK(octets_burst)->Arg(10)->Arg(1000)->Arg(100000)->UseManualTime();
BENCHMARK(segments_same)->Arg(10)->Arg(1000)->Arg(100000)->UseManualTime();
BENCHMARK(segments_random)->Arg(10)->Arg(1000)->Arg(100000)->UseManualTime();

BENCHMARK_MAIN();
