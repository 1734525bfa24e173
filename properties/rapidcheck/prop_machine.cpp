/* What holds of one machine whatever program is run: numbers only move forward, the same input
 * gives the same output, a copied TCB goes on as the original does, and no trace invariant is
 * broken. */
#include <rapidcheck.h>

#include <cstring>
#include <vector>

extern "C" {
#include "run.h"
#include "seq.h"
}

namespace
{
/* Raw octets seldom say anything; a few kinds of record with sensible values reach far. */
std::vector<uint8_t> arbitrary_program()
{
    std::vector<uint8_t> program = *rc::gen::container<std::vector<uint8_t>>(
        PROGRAM_HEADER, rc::gen::element<uint8_t>(0, 0, 0, 1, 2, 8, 9, 0x40, 0x80, 0xc5));
    program[0] &= 0x6f; /* not the shifted run: it doubles the work and has a property of its own */
    auto records = *rc::gen::container<std::vector<uint32_t>>(rc::gen::arbitrary<uint32_t>());
    for (uint32_t word : records) {
        struct record record = {};
        record.kind = static_cast<uint8_t>(word & 7);
        record.end = word >> 3 & 1;
        record.index = word >> 4 & 15;
        record.call = static_cast<uint8_t>((word >> 8 & 255) % TFSM_EV_SEGMENT);
        record.active = word >> 16 & 1;
        record.remote = record.active;
        record.len = static_cast<uint16_t>(word >> 20 & 0x3ff);
        record.flags = static_cast<uint8_t>(word >> 8);
        uint8_t seq_base = word >> 16 & 15;
        uint8_t ack_base = word >> 24 & 15;
        record.seq_base = seq_base == SEQ_ABSOLUTE ? uint8_t{SEQ_RCV_NXT} : seq_base;
        record.ack_base = ack_base == ACK_ABSOLUTE ? uint8_t{ACK_SND_NXT} : ack_base;
        record.wnd = 8192;
        record.to_deadline = word >> 30 & 1;
        record.delay = (word >> 12 & 0xfff) * 1000;
        uint8_t octets[RECORD_MAX];
        size_t size = record_write(&record, octets, sizeof octets);
        program.insert(program.end(), octets, octets + size);
    }
    return program;
}

struct Watch {
    bool backwards = false;
    uint64_t digest = 0;
};

void watch(void *user, const struct run_line *line)
{
    auto *self = static_cast<Watch *>(user);
    if (line->before != nullptr && line->before->iss == line->after->iss &&
        line->before->state != TFSM_CLOSED && line->after->state != TFSM_CLOSED &&
        line->before->state != TFSM_LISTEN && line->after->state != TFSM_LISTEN) {
        const struct tfsm_tcb *a = line->before;
        const struct tfsm_tcb *b = line->after;
        bool had_irs = a->state != TFSM_SYN_SENT;
        self->backwards |= !seq_le(a->snd_una, b->snd_una) || !seq_le(a->snd_nxt, b->snd_nxt) ||
                           (had_irs && !seq_le(a->rcv_nxt, b->rcv_nxt)) ||
                           a->snd_octets > b->snd_octets || a->rcv_octets > b->rcv_octets;
    }
    if (line->after != nullptr) {
        const auto *octets = reinterpret_cast<const uint8_t *>(line->after);
        self->digest = tfsm_siphash(octets, octets, sizeof *line->after) ^
                       (self->digest << 1 | self->digest >> 63);
    }
}

enum run_mode arbitrary_mode()
{
    return *rc::gen::element(RUN_TRACE, RUN_PAIR);
}
} // namespace

int main()
{
    bool ok =
        rc::check("SND.UNA, SND.NXT and RCV.NXT never go back, and no invariant is broken", [] {
            auto program = arbitrary_program();
            Watch seen;
            struct run_result result =
                run_program(arbitrary_mode(), program.data(), program.size(), watch, &seen);
            RC_ASSERT(!seen.backwards);
            RC_ASSERT(result.violation.id == nullptr);
        });
    ok &= rc::check("the same program gives the same run, TCB for TCB", [] {
        auto program = arbitrary_program();
        enum run_mode mode = arbitrary_mode();
        Watch first;
        Watch second;
        run_program(mode, program.data(), program.size(), watch, &first);
        run_program(mode, program.data(), program.size(), watch, &second);
        RC_ASSERT(first.digest == second.digest);
    });
    ok &= rc::check("shifting ISS and clock shifts the trace and changes nothing else", [] {
        auto program = arbitrary_program();
        program[0] |= 0x10;
        struct run_result result =
            run_program(RUN_TRACE, program.data(), program.size(), nullptr, nullptr);
        RC_ASSERT(result.violation.id == nullptr);
    });
    ok &= rc::check("a copied TCB goes on as the original does", [] {
        struct tfsm_tcb tcb = {};
        struct tfsm_config cfg = tfsm_config_default();
        auto seeds = *rc::gen::container<std::vector<uint32_t>>(rc::gen::arbitrary<uint32_t>());
        tfsm_time now = 0;
        for (uint32_t word : seeds) {
            struct tfsm_tcb copy = tcb;
            struct tfsm_event ev = {};
            struct tfsm_effects one;
            struct tfsm_effects two;
            struct tfsm_segment out_one;
            struct tfsm_segment out_two;
            ev.kind = static_cast<enum tfsm_event_kind>(word % TFSM_EVENTS);
            ev.now = now += word >> 12 & 0xfffff;
            ev.len = word & 0xff;
            ev.active = ev.remote = word >> 9 & 1;
            ev.segment.seq = tcb.rcv_nxt;
            ev.segment.ack = tcb.snd_nxt;
            ev.segment.flags = static_cast<uint8_t>(word >> 16);
            ev.segment.len = 10;
            ev.segment.wnd = 1000;
            RC_ASSERT(tfsm_step(&tcb, &cfg, &ev, &one) == tfsm_step(&copy, &cfg, &ev, &two));
            RC_ASSERT(one.signals == two.signals);
            RC_ASSERT(one.rule == two.rule && one.verdict == two.verdict);
            bool more = true;
            while (more) {
                more = tfsm_output(&tcb, &cfg, now, &out_one);
                RC_ASSERT(more == tfsm_output(&copy, &cfg, now, &out_two));
                RC_ASSERT(!more || (out_one.seq == out_two.seq && out_one.flags == out_two.flags));
            }
            RC_ASSERT(memcmp(&tcb, &copy, sizeof tcb) == 0);
        }
    });
    return ok ? 0 : 1;
}
