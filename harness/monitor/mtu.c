/* The size of segments: what the path was told or found to take bounds them, and a larger one is a try, seldom, alone, and
 * believed only when it has arrived as it was sent (RFC 8201 4, RFC 4821 7). */
#include "internal.h"
#include "seq.h"

/* Microseconds after a smaller size or a try that failed (RFC8201:4j). */
#define SELDOM UINT64_C(600000000)

/* Octets of text, and of options with their padding. */
static uint32_t size_of(const struct tfsm_segment *seg)
{
    uint32_t octets = (seg->options & TFSM_OPT_TIMESTAMPS ? 10u : 0u) +
                      (seg->options & TFSM_OPT_USER_TIMEOUT ? 4u : 0u) +
                      (seg->options & TFSM_OPT_SACK ? 2u + 8u * seg->sacks : 0u);
    return text_of(seg) + (octets + 3) / 4 * 4;
}

void mtu_step(struct monitor *monitor, const struct tfsm_tcb *before, const struct tfsm_event *ev,
              const struct tfsm_tcb *after)
{
    if ((before->flags & TFSM_M_SYN_ACKED) == 0) {
        return;
    }
    if (monitor->path_tried && !seq_lt(after->snd_una, monitor->path_end)) {
        monitor->path = monitor->path_try; /* it went once, and has arrived */
        monitor->path_from = 0;
        monitor->path_tried = false;
    }
    if (after->snd_mss < before->snd_mss) {
        monitor->path = after->snd_mss;
        monitor->path_from = ev->now;
        monitor->path_tried = false;
    }
    if (after->snd_mss > before->snd_mss && monitor->path != 0 && after->snd_mss > monitor->path) {
        fails_by(monitor, "PATH_RAISED",
                 "RFC8201:4k, RFC4821:7.6 segments become larger when one as large has arrived",
                 monitor->path, after->snd_mss);
    }
}

void mtu_output(struct monitor *monitor, tfsm_time now, const struct tfsm_segment *seg)
{
    uint32_t end = seq_add(seg->seq, seg->len);
    uint32_t size = size_of(seg);
    /* again, in another size: it tells nothing any more, but for the one octet that asks at a closed window */
    if (monitor->path_tried && seg->len > 0 && seg->rule != TFSM_RULE_OUT_PROBE &&
        seq_lt(seg->seq, monitor->path_end) && seq_lt(monitor->path_seq, end)) {
        monitor->path_tried = false;
    }
    if (monitor->path == 0 || size <= monitor->path || text_of(seg) <= 1) {
        return;
    }
    if (now < monitor->path_from + SELDOM || monitor->path_tried) {
        fails_by(
            monitor, "PATH_EXCEEDED",
            "RFC8201:4i, RFC8201:4j, RFC4821:7.5 a larger segment than the path takes is tried "
            "ten minutes after that was told, and alone",
            monitor->path, size);
    }
    monitor->path_tried = true;
    monitor->path_from = now; /* if it fails; when that was noticed only the machine knows */
    monitor->path_try = size;
    monitor->path_seq = seg->seq;
    monitor->path_end = end;
}
