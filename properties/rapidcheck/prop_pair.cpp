/* Two endpoints, real octets and a bad network: whatever it does, each user reads exactly what the
 * other wrote, hears of the end once, and both ends come to CLOSED. */
#include <rapidcheck.h>

#include <string>

extern "C" {
#include "sim.h"
}

namespace
{
struct sim_config arbitrary()
{
    struct sim_config config = {};
    config.seed = *rc::gen::arbitrary<uint64_t>() >> 1;
    config.network.loss = *rc::gen::inRange(0u, 200u);
    config.network.copy = *rc::gen::inRange(0u, 200u);
    config.network.corrupt = *rc::gen::inRange(0u, 100u);
    config.network.delay = *rc::gen::element<uint64_t>(0, 1000, 50000);
    config.network.jitter = *rc::gen::element<uint64_t>(0, 100, 200000);
    for (unsigned end = 0; end < 2; end++) {
        config.end[end] = tfsm_config_default();
        config.end[end].mss = *rc::gen::element<uint16_t>(1, 100, 536, 1400);
        config.end[end].mss_floor = 1;
        config.end[end].rcv_buff = *rc::gen::element<uint32_t>(1, 700, 4096, 65535);
        config.end[end].snd_buff = *rc::gen::element<uint32_t>(1, 1000, 65535);
        config.end[end].profile ^= *rc::gen::element<uint32_t>(
            0, TFSM_RFC5961, TFSM_WSCALE, TFSM_SACK, TFSM_TIMESTAMPS, TFSM_ECN, TFSM_CONGESTION);
        config.end[end].retries = 60; /* the network may be that bad */
        config.end[end].syn_retries = 60;
        config.end[end].rto_max = 60000000;
        /* a single octet at a time makes thousands of packets of little */
        bool tiny = config.end[end].mss == 1 || config.end[end].rcv_buff == 1;
        config.octets[1 - end] = 0;
        config.octets[end] = *rc::gen::inRange(0u, tiny ? 50u : 5000u);
    }
    for (unsigned end = 0; end < 2; end++) {
        bool tiny = config.end[0].mss == 1 || config.end[1].mss == 1 ||
                    config.end[0].rcv_buff == 1 || config.end[1].rcv_buff == 1;
        config.octets[end] = *rc::gen::inRange(0u, tiny ? 60u : 20000u);
    }
    config.simultaneous = *rc::gen::arbitrary<bool>();
    config.ipv6 = *rc::gen::arbitrary<bool>();
    config.read_at_once = *rc::gen::element<uint32_t>(0, 1, 1000);
    return config;
}
} // namespace

int main()
{
    bool ok = rc::check("every octet arrives in order, once, and both ends reach CLOSED", [] {
        struct sim_config config = arbitrary();
        struct sim_result result = sim_run(&config);
        RC_ASSERT(std::string(result.violation.id == nullptr ? "" : result.violation.id) == "");
        RC_ASSERT(std::string(result.books == nullptr ? "" : result.books) == "");
        RC_ASSERT(result.in_order);
        RC_ASSERT(result.closed);
        for (unsigned end = 0; end < 2; end++) {
            RC_ASSERT(result.ends_told[end] == 1u);
        }
        bool cut = ((result.signals[0] | result.signals[1]) &
                    (TFSM_SIG_RESET | TFSM_SIG_REFUSED | TFSM_SIG_TIMED_OUT)) != 0;
        RC_ASSERT(!cut);
        RC_ASSERT(result.delivered);
    });
    ok &= rc::check("the same seed gives the same run", [] {
        struct sim_config config = arbitrary();
        struct sim_result first = sim_run(&config);
        struct sim_result second = sim_run(&config);
        RC_ASSERT(first.elapsed == second.elapsed);
        RC_ASSERT(first.packets == second.packets);
        RC_ASSERT(first.refused == second.refused);
    });
    return ok ? 0 : 1;
}
