/* The core in the place of one end of a captured connection. See capture.h. */
#include "capture.h"
#include "seq.h"

static void walk_to(struct capture_replay *replay, enum tfsm_state state)
{
    size_t last = replay->path_count - 1;
    if (replay->path_count > 0 && last < CAPTURE_PATH_MAX && replay->path[last] == state) {
        return;
    }
    if (replay->path_count < CAPTURE_PATH_MAX) {
        replay->path[replay->path_count] = state;
    }
    replay->path_count++;
}

static void check(struct capture_replay *replay, size_t segment)
{
    if (replay->clause == TFSM_OK) {
        replay->clause = tfsm_check(&replay->tcb);
        replay->clause_segment = segment;
    }
}

/* One event, the states it passes through, and the output it calls for. */
static void feed(struct capture_replay *replay, const struct tfsm_config *cfg,
                 const struct tfsm_event *ev, size_t segment)
{
    struct tfsm_effects fx;
    struct tfsm_trace trace;
    struct tfsm_segment out;
    tfsm_step_traced(&replay->tcb, cfg, ev, &fx, &trace);
    check(replay, segment);
    for (unsigned i = 0; i < trace.count; i++) {
        if (tfsm_rules[trace.fired[i]].next != TFSM_STAY) {
            walk_to(replay, (enum tfsm_state)tfsm_rules[trace.fired[i]].next);
        }
    }
    while (tfsm_output(&replay->tcb, cfg, ev->now, &out)) {
        check(replay, segment);
        if ((out.flags & TFSM_ACK) != 0) {
            replay->ack = replay->acknowledged ? seq_max(replay->ack, out.ack) : out.ack;
            replay->acknowledged = true;
        }
    }
}

/* Everything the peer numbers while there is a connection has to be acknowledged in the end. */
static void note_arrival(struct capture_replay *replay, const struct tfsm_segment *segment)
{
    if (replay->tcb.state == TFSM_CLOSED || (segment->flags & TFSM_RST) != 0 || segment->len == 0) {
        return;
    }
    uint32_t end = seq_add(segment->seq, segment->len);
    replay->peer_end = replay->peer_sent ? seq_max(replay->peer_end, end) : end;
    replay->peer_sent = true;
}

void capture_replay(const struct capture_side *side, struct capture_replay *replay)
{
    *replay = (struct capture_replay){.clause = TFSM_OK};
    walk_to(replay, TFSM_CLOSED);
    for (size_t i = 0; i < side->count; i++) {
        const struct capture_step *step = &side->steps[i];
        for (tfsm_time due = tfsm_deadline(&replay->tcb); due <= step->ev.now;
             due = tfsm_deadline(&replay->tcb)) {
            struct tfsm_event timeout = {.kind = TFSM_EV_TIMEOUT, .now = due};
            feed(replay, &side->cfg, &timeout, step->segment);
        }
        if (step->ev.kind == TFSM_EV_SEGMENT) {
            note_arrival(replay, &step->ev.segment);
        }
        feed(replay, &side->cfg, &step->ev, step->segment);
    }
}
