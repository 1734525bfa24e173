/* The script of one end of a captured connection: what its user must have called, read off what it
 * sends, and what arrived there. See capture.h. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "seq.h"

/* A script being written. */
struct scribe {
    const struct capture *capture;
    struct capture_side *side;
    size_t room;
    bool memory;       /* ran out of it */
    bool opened;       /* OPEN is written */
    bool passive;      /* that end never sent a SYN without ACK */
    bool synchronized; /* the peer acknowledged that end's SYN */
    bool closed;       /* CLOSE or ABORT is written */
    bool aborted;      /* ABORT is written */
    bool answers;      /* that end sends a SYN or SYN-ACK at all */
    uint8_t wscale;    /* shift of that end's windows once both SYNs are exchanged */
    uint32_t own_next; /* after the last octet that end has sent */
    uint32_t peer_isn;
    bool fin_seen;       /* the peer's FIN arrived */
    uint32_t fin_end;    /* after it */
    uint32_t taken;      /* octets asked for by RECEIVE */
    size_t last_arrival; /* step of it, or CAPTURE_NONE */
};

static void write_step(struct scribe *scribe, size_t at, const struct capture_step *step)
{
    struct capture_side *side = scribe->side;
    struct capture_step *larger =
        capture_grown(side->steps, side->count, &scribe->room, sizeof *side->steps);
    if (larger == NULL) {
        scribe->memory = true;
        return;
    }
    side->steps = larger;
    memmove(side->steps + at + 1, side->steps + at, (side->count - at) * sizeof *side->steps);
    side->steps[at] = *step;
    side->count++;
}

static struct capture_step call(const struct scribe *scribe, enum tfsm_event_kind kind,
                                size_t segment)
{
    return (struct capture_step){.segment = segment,
                                 .ev = {.kind = kind,
                                        .now = scribe->capture->segments[segment].time,
                                        .iss = scribe->side->iss}};
}

static void write_call(struct scribe *scribe, enum tfsm_event_kind kind, size_t segment,
                       uint32_t len, bool urgent)
{
    struct capture_step step = call(scribe, kind, segment);
    step.ev.len = len;
    step.ev.urgent = urgent;
    write_step(scribe, scribe->side->count, &step);
}

static void write_open(struct scribe *scribe, size_t segment)
{
    struct capture_step step = call(scribe, TFSM_EV_OPEN, segment);
    step.ev.active = !scribe->passive;
    step.ev.remote = !scribe->passive;
    write_step(scribe, scribe->side->count, &step);
    scribe->opened = true;
}

static void write_abort(struct scribe *scribe, size_t segment)
{
    const struct capture_segment *rst = &scribe->capture->segments[segment];
    if (!scribe->synchronized || scribe->aborted) {
        return; /* an answer to something unacceptable: the connection, if any, lives on */
    }
    size_t at = scribe->side->count;
    struct capture_step step = call(scribe, TFSM_EV_ABORT, segment);
    if ((rst->packet.segment.flags & TFSM_ACK) == 0 && !scribe->closed &&
        scribe->last_arrival != CAPTURE_NONE) {
        at = scribe->last_arrival;
        step.ev.now = scribe->side->steps[at].ev.now;
    }
    write_step(scribe, at, &step);
    scribe->closed = true;
    scribe->aborted = true;
}

/* What that end announces shows what its user has taken: the right edge is a whole buffer ahead of
 * it. */
static void write_receive(struct scribe *scribe, size_t segment)
{
    const struct tfsm_segment *own = &scribe->capture->segments[segment].packet.segment;
    uint32_t window = (uint32_t)own->wnd << ((own->flags & TFSM_SYN) != 0 ? 0 : scribe->wscale);
    bool fin = scribe->fin_seen && own->ack == scribe->fin_end; /* it takes a number and no room */
    uint32_t edge = seq_add(own->ack, window - (fin && window > 0 ? 1u : 0u));
    uint32_t taken =
        seq_distance(seq_add(scribe->peer_isn, 1), seq_sub(edge, scribe->side->cfg.rcv_buff));
    if (taken < TFSM_SEQ_HALF && taken > scribe->taken) {
        write_call(scribe, TFSM_EV_RECEIVE, segment, taken - scribe->taken, false);
        scribe->taken = taken;
    }
}

static void write_own(struct scribe *scribe, size_t segment)
{
    const struct tfsm_segment *own = &scribe->capture->segments[segment].packet.segment;
    bool syn = (own->flags & TFSM_SYN) != 0;
    uint32_t text_end = seq_add(own->seq, (syn ? 1u : 0u) + capture_text(own));
    if ((own->flags & TFSM_RST) != 0) {
        write_abort(scribe, segment);
        return;
    }
    if (!scribe->opened && scribe->answers) {
        write_open(scribe, segment);
    }
    if ((own->flags & TFSM_ACK) != 0 && scribe->last_arrival != CAPTURE_NONE) {
        write_receive(scribe, segment);
    }
    if (!syn && !scribe->closed && seq_lt(scribe->own_next, text_end)) {
        bool urgent = (own->flags & TFSM_URG) != 0 && seq_add(own->seq, own->up) == text_end;
        write_call(scribe, TFSM_EV_SEND, segment, seq_distance(scribe->own_next, text_end), urgent);
        scribe->own_next = text_end;
    }
    if ((own->flags & TFSM_FIN) != 0 && !scribe->closed) {
        write_call(scribe, TFSM_EV_CLOSE, segment, 0, false);
        scribe->closed = true;
    }
}

static void write_arrival(struct scribe *scribe, size_t segment)
{
    struct capture_step step = call(scribe, TFSM_EV_SEGMENT, segment);
    step.ev.segment = scribe->capture->segments[segment].packet.segment;
    if ((step.ev.segment.flags & TFSM_ACK) != 0 && scribe->opened &&
        seq_lt(scribe->side->iss, step.ev.segment.ack)) {
        scribe->synchronized = true;
    }
    if (scribe->answers && !scribe->opened) {
        write_open(
            scribe,
            segment); /* a listener; or the capture was taken at the other end, and SYNs cross */
    }
    if ((step.ev.segment.flags & TFSM_FIN) != 0) {
        scribe->fin_seen = true;
        scribe->fin_end = seq_add(step.ev.segment.seq, step.ev.segment.len);
    }
    scribe->last_arrival = scribe->side->count;
    write_step(scribe, scribe->side->count, &step);
}

/* Policy and origin of an end, from everything it sends. */
static void survey(struct scribe *scribe, const struct capture_connection *connection, unsigned end)
{
    struct tfsm_config *cfg = &scribe->side->cfg;
    bool offered[2] = {false, false};
    uint8_t shift = 0;
    unsigned offers = 0;
    *cfg = tfsm_config_default();
    /* What that end sent it sent then, whatever its own reasons: nothing of ours may hold it
     * back. */
    cfg->profile = TFSM_RFC5961 | TFSM_NODELAY;
    cfg->ack_delay = 0;
    cfg->rcv_buff = 0;
    cfg->snd_buff = TFSM_BUFF_MAX;
    cfg->mss_default = connection->address[0].family == 6 ? 1220 : 536;
    cfg->mss = cfg->mss_default;
    cfg->mss_floor = 1;
    cfg->syn_retries = UINT8_MAX; /* when to give up is that end's choice, and then it shows */
    cfg->retries = UINT8_MAX;
    scribe->passive = true;
    for (size_t i = connection->first; i != CAPTURE_NONE; i = scribe->capture->segments[i].next) {
        const struct capture_segment *at = &scribe->capture->segments[i];
        const struct tfsm_segment *segment = &at->packet.segment;
        if ((segment->flags & TFSM_SYN) == 0 || (segment->flags & TFSM_RST) != 0) {
            continue;
        }
        offered[at->sender] = offered[at->sender] || (segment->options & TFSM_OPT_WSCALE) != 0;
        if (at->sender == end) {
            offers |= segment->options;
            scribe->passive = scribe->passive && (segment->flags & TFSM_ACK) != 0;
            shift = (segment->options & TFSM_OPT_WSCALE) != 0 ? segment->wscale : shift;
            cfg->mss = (segment->options & TFSM_OPT_MSS) != 0 && segment->mss > 0 ? segment->mss
                                                                                  : cfg->mss;
            if (segment->seq == connection->isn[end]) {
                scribe->side->iss = seq_add(segment->seq, capture_text(segment));
            }
        }
    }
    cfg->profile |= ((offers & TFSM_OPT_WSCALE) != 0 ? TFSM_WSCALE : 0u) |
                    ((offers & TFSM_OPT_TIMESTAMPS) != 0 ? TFSM_TIMESTAMPS : 0u) |
                    ((offers & TFSM_OPT_SACK_PERMITTED) != 0 ? TFSM_SACK : 0u);
    scribe->wscale = offered[0] && offered[1] ? shift : 0;
    scribe->own_next = seq_add(scribe->side->iss, 1);
}

/* The greatest window that end ever announced is what its buffer holds at least. */
static void survey_windows(struct scribe *scribe, const struct capture_connection *connection,
                           unsigned end)
{
    uint32_t *buff = &scribe->side->cfg.rcv_buff;
    for (size_t i = connection->first; i != CAPTURE_NONE; i = scribe->capture->segments[i].next) {
        const struct capture_segment *at = &scribe->capture->segments[i];
        const struct tfsm_segment *segment = &at->packet.segment;
        if (at->sender == end && (segment->flags & TFSM_RST) == 0) {
            uint32_t window = (uint32_t)segment->wnd
                              << ((segment->flags & TFSM_SYN) != 0 ? 0 : scribe->wscale);
            *buff = window > *buff ? window : *buff;
        }
    }
}

bool capture_begins(const struct capture *capture, size_t connection)
{
    size_t first = capture->connections[connection].first;
    unsigned flags = capture->segments[first].packet.segment.flags;
    return (flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == TFSM_SYN;
}

enum capture_side_result capture_side(const struct capture *capture, size_t connection,
                                      unsigned end, struct capture_side *side)
{
    const struct capture_connection *whole = &capture->connections[connection];
    struct scribe scribe = {.capture = capture, .side = side, .last_arrival = CAPTURE_NONE};
    *side = (struct capture_side){0};
    if (!capture_begins(capture, connection)) {
        return CAPTURE_SIDE_PARTIAL;
    }
    survey(&scribe, whole, end);
    survey_windows(&scribe, whole, end);
    scribe.peer_isn = whole->isn[1 - end];
    scribe.answers = whole->syn_seen[end];
    for (size_t i = whole->first; i != CAPTURE_NONE && !scribe.memory;
         i = capture->segments[i].next) {
        if (capture->segments[i].sender == end) {
            write_own(&scribe, i);
        } else {
            write_arrival(&scribe, i);
        }
    }
    return scribe.memory ? CAPTURE_SIDE_MEMORY : CAPTURE_SIDE_OK;
}

void capture_side_free(struct capture_side *side)
{
    free(side->steps);
    *side = (struct capture_side){0};
}
