/* What ci/size links for a bare machine, and qemu runs: two connections of the core in one image, joined by packets in
 * octets. They shake hands, one sends a text that the other must get, both close. Exit by semihosting: 0 all went well. */
#include "tfsm.h"

#include <stddef.h>

struct end {
    struct tfsm_tcb tcb;
    struct tfsm_packet envelope;
    uint32_t iss;
    bool heard;  /* connected */
    bool closed; /* the end was told */
};

static struct end ends[2];
static struct tfsm_config cfg;
static tfsm_time now = 1000000;
static const uint8_t text[] = "a segment of text";
static uint8_t received[sizeof text];
static uint32_t received_octets;

/* Needed by compilers, and there is no library here. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int octet, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
    return to;
}

void *memset(void *to, int octet, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)to)[i] = (uint8_t)octet;
    }
    return to;
}

static void feed(unsigned i, struct tfsm_event *event, const uint8_t *octets)
{
    struct tfsm_effects fx;
    event->now = now;
    event->iss = ends[i].iss;
    tfsm_step(&ends[i].tcb, &cfg, event, &fx);
    ends[i].heard = ends[i].heard || (fx.signals & TFSM_SIG_CONNECTED) != 0;
    ends[i].closed = ends[i].closed || (fx.signals & TFSM_SIG_CLOSED) != 0;
    for (unsigned k = 0; k < fx.text_count; k++) {
        for (uint32_t n = 0; n < fx.text[k].len && fx.text[k].offset + n < sizeof received; n++) {
            received[fx.text[k].offset + n] = octets[fx.text[k].at + n];
            received_octets++;
        }
    }
}

/* All that end i has to say arrives at the other. */
static bool pass(unsigned i)
{
    static uint8_t wire[256];
    static struct tfsm_event event;
    struct tfsm_packet envelope;
    bool any = false;
    while (tfsm_output(&ends[i].tcb, &cfg, now, &ends[i].envelope.segment)) {
        const uint8_t *from = text + ends[i].envelope.segment.text_offset;
        size_t n = tfsm_write(&ends[i].envelope, from, wire, sizeof wire);
        event.kind = TFSM_EV_SEGMENT;
        if (tfsm_parse_segment(wire, n, &envelope, &event.segment) == TFSM_WIRE_OK) {
            feed(1 - i, &event, wire + envelope.text_at);
        }
        any = true;
    }
    return any;
}

static void settle(void)
{
    for (unsigned turns = 0; turns < 100 && (pass(0) | pass(1)); turns++) {
    }
}

static void call(unsigned i, enum tfsm_event_kind kind, uint32_t len)
{
    struct tfsm_event event = {.kind = kind, .len = len, .active = i == 0, .remote = i == 0};
    feed(i, &event, NULL);
    settle();
}

static bool run(void)
{
    cfg = tfsm_config_default(); /* its profile is not read where the build fixes one */
    cfg.ack_delay = 0;
    for (unsigned i = 0; i < 2; i++) {
        ends[i].iss = 1000 + 1000 * i;
        ends[i].envelope.src = (struct tfsm_address){4, {192, 0, 2, (uint8_t)(1 + i)}};
        ends[i].envelope.dst = (struct tfsm_address){4, {192, 0, 2, (uint8_t)(2 - i)}};
        ends[i].envelope.src_port = (uint16_t)(i == 0 ? 49152 : 80);
        ends[i].envelope.dst_port = (uint16_t)(i == 0 ? 80 : 49152);
        ends[i].envelope.hops = 64;
    }
    call(1, TFSM_EV_OPEN, 0);
    call(0, TFSM_EV_OPEN, 0);
    call(0, TFSM_EV_SEND, sizeof text);
    call(1, TFSM_EV_RECEIVE, sizeof text);
    call(0, TFSM_EV_CLOSE, 0);
    call(1, TFSM_EV_CLOSE, 0);
    bool same = received_octets == sizeof text;
    for (unsigned i = 0; i < sizeof text; i++) {
        same = same && received[i] == text[i];
    }
    now = tfsm_deadline(&ends[0].tcb); /* of TIME-WAIT */
    call(0, TFSM_EV_TIMEOUT, 0);
    return same && ends[0].heard && ends[1].heard && ends[0].closed && ends[1].closed &&
           ends[0].tcb.state == TFSM_CLOSED && ends[1].tcb.state == TFSM_CLOSED;
}

/* ---- the bare machine ---- */

#if defined(__arm__)
/* SYS_EXIT: 0x20026 is a good end. */
static void leave(bool good)
{
    register unsigned what __asm__("r0") = 0x18;
    register unsigned how __asm__("r1") = good ? 0x20026u : 0x20023u;
    __asm__ volatile("bkpt 0xab" : : "r"(what), "r"(how) : "memory");
    for (;;) {
    }
}

void start(void);

void start(void)
{
    leave(run());
}

extern unsigned stack_top;

__attribute__((section(".vectors"), used)) static const void *const vectors[2] = {
    &stack_top, (const void *)&start};
#else
int main(void);

int main(void)
{
    return run() ? 0 : 1;
}
#endif
