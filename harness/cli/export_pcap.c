/* `tcpfsm export --pcap`: the packets of a run with comments at them, as pcapng. All are kept until the run is over,
 * because what becomes of a packet is known later: that it was lost, that it came twice. What is kept of one is the
 * segment; its octets are made when it is written. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"
#include "machine.h"
#include "packet_program.h"
#include "pcapng.h"
#include "seq.h"
#include "words.h"

#define LINK_RAW     101u /* IP, of either version, without a link header */
#define SNAPSHOT     0x40000u
#define MICROSECONDS 6u

enum frame_kind { FRAME_SEGMENT, FRAME_ICMP, FRAME_OCTETS };

/* Comments in the order they came, each with a zero behind it. */
struct comments {
    char *text;
    size_t used;
    size_t room;
};

struct frame {
    enum frame_kind kind;
    tfsm_time at;
    uint32_t number; /* that the run gave it, or 0 */
    unsigned arrivals;
    union {
        struct tfsm_packet packet;
        struct tfsm_icmp_message icmp;
        uint8_t *octets;
    } of;
    size_t size; /* OCTETS */
    struct export_stream stream;
    struct comments comments;
};

#define ENDS 8u

struct recording {
    enum run_mode mode;
    struct frame *frames;
    size_t count;
    size_t room;
    size_t arriving;         /* the frame that arrives, or count */
    size_t sending;          /* that was sent last, or count */
    struct comments pending; /* of what happened since the last packet: they go to the next */
    struct export_stream stream[ENDS][2]; /* of what arrives at an end, and of what it sends */
    enum tfsm_state state[ENDS];
    tfsm_time start;
    bool started;
    bool failed; /* out of memory */
};

/* ---- comments ---- */

static void add_text(struct recording *r, struct comments *comments, const char *text)
{
    size_t n = strlen(text) + 1;
    if (comments->room - comments->used < n) {
        size_t room = 2 * (comments->used + n);
        char *more = realloc(comments->text, room);
        if (more == NULL) {
            r->failed = true;
            return;
        }
        comments->text = more;
        comments->room = room;
    }
    memcpy(comments->text + comments->used, text, n);
    comments->used += n;
}

/* What was pending stands before what is said of the frame. */
static void take_pending(struct recording *r, struct frame *frame)
{
    frame->comments = r->pending;
    r->pending = (struct comments){.text = NULL};
}

/* ---- who is who ---- */

static void add_who(const struct recording *r, struct cli_text *text, unsigned end)
{
    if (r->mode == RUN_PAIR) {
        cli_add(text, "%s", end == 0 ? "A" : "B");
    } else if (r->mode == RUN_LISTENER) {
        cli_add(text, "A, to peer %u", end);
    } else if (r->mode == RUN_ENDPOINT && end < ENDS - 1) {
        cli_add(text, "A, connection %u", end);
    } else {
        cli_add(text, "A");
    }
}

static void add_time(const struct recording *r, struct cli_text *text, tfsm_time now)
{
    tfsm_time since = now - r->start;
    cli_add(text, "%" PRIu64 ".%06" PRIu64 " s ", since / 1000000, since % 1000000);
}

/* The rules that did something, what the user hears, and the state it comes to. */
static void add_effects(struct recording *r, struct cli_text *text, const struct run_line *line)
{
    const char *separator = ": ";
    for (unsigned i = 0; i < line->trace->count; i++) {
        if (words_tells(line->trace, i)) {
            cli_add(text, "%s%s", separator, tfsm_rule_name(line->trace->fired[i]));
            separator = ", ";
        }
    }
    if (line->before->state != line->after->state) {
        cli_add(text, "; %s to %s", tfsm_state_name(line->before->state),
                tfsm_state_name(line->after->state));
    }
    if (line->fx->delivered > 0) {
        cli_add(text, "; %" PRIu32 " octets to read", line->fx->delivered);
    }
    for (unsigned bit = 1; bit <= TFSM_SIG_EARLY; bit <<= 1) {
        if ((line->fx->signals & bit) != 0) {
            cli_add(text, "; user: %s", tfsm_signal_name((enum tfsm_signal)bit));
        }
    }
    r->state[line->end % ENDS] = line->after->state;
}

/* ---- lines of the run ---- */

static struct frame *new_frame(struct recording *r, tfsm_time now)
{
    if (r->count == r->room) {
        size_t room = 2 * r->room + 64;
        struct frame *more = realloc(r->frames, room * sizeof *more);
        if (more == NULL) {
            r->failed = true;
            return NULL;
        }
        r->frames = more;
        r->room = room;
    }
    struct frame *frame = &r->frames[r->count++];
    memset(frame, 0, sizeof *frame);
    frame->at = now;
    take_pending(r, frame);
    return frame;
}

static struct frame *find_frame(struct recording *r, uint32_t number)
{
    for (size_t i = r->count; i-- > 0;) {
        if (r->frames[i].number == number && number > 0) {
            return &r->frames[i];
        }
    }
    return NULL;
}

/* A packet that was there before arrives: that is said where it stands. */
static void see_flown(struct recording *r, const struct run_line *line)
{
    struct frame *frame = find_frame(r, line->wire->number);
    struct cli_text text = {.used = 0};
    if (frame == NULL) {
        return;
    }
    add_time(r, &text, line->now);
    cli_add(&text, "arrives%s", r->mode == RUN_PAIR ? line->end == 0 ? " at A" : " at B" : "");
    cli_add(&text, "%s", frame->arrivals++ > 0 ? ", once more" : "");
    add_text(r, &frame->comments, text.octets);
    r->arriving = (size_t)(frame - r->frames);
}

/* Octets that are meant to be no packet may look like anything to who reads the capture. */
static void see_octets(struct recording *r, struct frame *frame, const struct run_wire *wire)
{
    static struct tfsm_packet packet;
    struct tfsm_icmp_message message;
    struct cli_text text = {.used = 0};
    enum tfsm_wire_result result = tfsm_parse(wire->octets, wire->size, &packet);
    frame->kind = FRAME_OCTETS;
    frame->size = wire->size;
    frame->of.octets = malloc(wire->size > 0 ? wire->size : 1);
    if (frame->of.octets == NULL) {
        r->failed = true;
        return;
    }
    memcpy(frame->of.octets, wire->octets, wire->size);
    bool sound = result == TFSM_WIRE_OK ||
                 tfsm_parse_icmp(wire->octets, wire->size, &message) == TFSM_WIRE_OK;
    if (!sound || wire->spoilt) {
        cli_add(&text, "meant to be wrong, perhaps; the codec says: %s",
                tfsm_wire_result_name(sound ? TFSM_WIRE_OK : result));
        add_text(r, &frame->comments, text.octets);
    }
}

static void see_wire(struct recording *r, const struct run_line *line)
{
    const struct run_wire *wire = line->wire;
    r->arriving = r->count;
    r->sending = r->count;
    if (wire->flown) {
        see_flown(r, line);
        return;
    }
    size_t at = r->count;
    struct frame *frame = new_frame(r, line->now);
    if (frame == NULL) {
        return;
    }
    r->arriving = wire->sent ? SIZE_MAX : at;
    r->sending = wire->sent ? at : SIZE_MAX;
    frame->number = wire->number;
    if (wire->packet != NULL) {
        frame->kind = FRAME_SEGMENT;
        frame->of.packet = *wire->packet;
        frame->stream = r->stream[line->end % ENDS][wire->sent];
        if ((wire->packet->segment.flags & TFSM_SYN) != 0) {
            frame->stream = (struct export_stream){true, seq_add(wire->packet->segment.seq, 1)};
        }
        if (r->mode == RUN_PAIR && !wire->sent) {
            add_text(r, &frame->comments, "from a stranger who uses the address of the other end");
        }
        if (wire->packet->segment.security != 0) {
            add_text(r, &frame->comments, "with security label 1, which no header here bears");
        }
    } else if (wire->icmp != NULL) {
        frame->kind = FRAME_ICMP;
        frame->of.icmp = *wire->icmp;
    } else {
        see_octets(r, frame, wire);
    }
}

/* Where the streams of a connection begin, as soon as its TCB knows. */
static void learn_streams(struct recording *r, unsigned end, const struct tfsm_tcb *tcb, bool sent,
                          struct frame *frame)
{
    const unsigned unopened = 1u << TFSM_CLOSED | 1u << TFSM_LISTEN;
    bool knows = (unopened >> tcb->state & 1) == 0 && (sent || tcb->state != TFSM_SYN_SENT);
    if (knows) {
        struct export_stream *stream = &r->stream[end % ENDS][sent];
        *stream = (struct export_stream){true, seq_add(sent ? tcb->iss : tcb->irs, 1)};
        if ((frame->of.packet.segment.flags & TFSM_SYN) == 0) {
            frame->stream = *stream;
        }
    }
}

static void see_sent(struct recording *r, const struct run_line *line)
{
    struct frame *frame = r->sending < r->count ? &r->frames[r->sending] : NULL;
    struct cli_text text = {.used = 0};
    if (frame == NULL) {
        return;
    }
    learn_streams(r, line->end, line->after, true, frame);
    add_who(r, &text, line->end);
    cli_add(&text, " sends this");
    if (line->segment->rule < TFSM_RULES) {
        cli_add(&text, ": %s", tfsm_rule_name(line->segment->rule));
    }
    cli_add(&text, "; %s", tfsm_state_name(line->after->state));
    add_text(r, &frame->comments, text.octets);
}

static void see_arrival(struct recording *r, const struct run_line *line)
{
    struct frame *frame = r->arriving < r->count ? &r->frames[r->arriving] : NULL;
    struct cli_text text = {.used = 0};
    if (frame != NULL && frame->kind == FRAME_SEGMENT && frame->number == 0) {
        learn_streams(r, line->end, line->before, false, frame);
        learn_streams(r, line->end, line->after, false, frame);
    }
    add_who(r, &text, line->end);
    add_effects(r, &text, line);
    add_text(r, frame != NULL ? &frame->comments : &r->pending, text.octets);
}

static void see_call(struct recording *r, const struct run_line *line)
{
    struct frame *frame = r->arriving < r->count ? &r->frames[r->arriving] : NULL;
    struct cli_text text = {.used = 0};
    bool icmp = line->ev->kind == TFSM_EV_ICMP && frame != NULL;
    if (!icmp) {
        add_time(r, &text, line->now);
    }
    add_who(r, &text, line->end);
    cli_add(&text, ": ");
    words_call(&text, line);
    size_t said = text.used;
    add_effects(r, &text, line);
    if (line->kind == RUN_CALL || text.used > said) { /* else time passed and nothing was due */
        add_text(r, icmp ? &frame->comments : &r->pending, text.octets);
    }
}

static void see_lost(struct recording *r, const struct run_line *line)
{
    struct frame *frame = line->wire != NULL ? find_frame(r, line->wire->number) : NULL;
    struct cli_text text = {.used = 0};
    add_time(r, &text, line->now);
    cli_add(&text, "lost on its way%s",
            r->mode == RUN_PAIR ? line->end == 0 ? " to A" : " to B" : "");
    if (frame != NULL) {
        add_text(r, &frame->comments, text.octets);
    }
}

static void see(void *user, const struct run_line *line)
{
    struct recording *r = user;
    if (line->kind == RUN_HOST) {
        return; /* the calls of the core say it */
    }
    if (!r->started) {
        r->started = true;
        r->start = line->now;
    }
    switch (line->kind) {
    case RUN_WIRE:
        see_wire(r, line);
        break;
    case RUN_SENDS:
        see_sent(r, line);
        break;
    case RUN_ARRIVES:
        see_arrival(r, line);
        break;
    case RUN_CALL:
    case RUN_TIMEOUT:
        see_call(r, line);
        break;
    case RUN_LOST:
        see_lost(r, line);
        break;
    case RUN_NOTE:
        add_text(r, &r->pending, line->text);
        break;
    case RUN_HOST:
        break;
    }
}

/* ---- writing ---- */

static void put_packet(struct pcapng *to, const struct frame *frame, const uint8_t *octets,
                       size_t n)
{
    struct capture_packet packet = {.frame = octets,
                                    .frame_size = n,
                                    .frame_wire = n,
                                    .recorded = frame->at,
                                    .link = LINK_RAW,
                                    .snapshot = SNAPSHOT};
    pcapng_packet(to, &packet);
}

static void put_frame(struct pcapng *to, const struct frame *frame, size_t *packets)
{
    static uint8_t octets[EXPORT_PACKET];
    static struct tfsm_packet written;
    for (size_t at = 0; at < frame->comments.used; at += strlen(frame->comments.text + at) + 1) {
        pcapng_comment(to, frame->comments.text + at);
    }
    if (frame->kind == FRAME_OCTETS) {
        put_packet(to, frame, frame->of.octets, frame->size);
        ++*packets;
        return;
    }
    if (frame->kind == FRAME_ICMP) {
        put_packet(to, frame, octets, export_icmp(&frame->of.icmp, octets));
        ++*packets;
        return;
    }
    uint32_t done = 0;
    uint32_t all = frame->of.packet.segment.len;
    uint32_t before;
    do {
        before = done;
        if (before > 0) {
            pcapng_comment(to, "more of the segment before, which no packet holds");
        }
        size_t n = export_segment(&frame->of.packet, &frame->stream, &done, octets);
        if (tfsm_parse(octets, n, &written) == TFSM_WIRE_OK &&
            written.segment.sacks < frame->of.packet.segment.sacks) {
            pcapng_comment(to, "with more SACK blocks than a header has room for");
        }
        put_packet(to, frame, octets, n);
        ++*packets;
    } while (done > before && done + 2 < all);
}

/* What the end says stands at the last packet. */
static void conclude(struct recording *r, const struct violation *violation)
{
    struct comments *last = r->count > 0 ? &r->frames[r->count - 1].comments : NULL;
    for (size_t at = 0; last != NULL && at < r->pending.used;
         at += strlen(r->pending.text + at) + 1) {
        add_text(r, last, r->pending.text + at);
    }
    if (last != NULL && violation->id != NULL) {
        struct cli_text text = {.used = 0};
        cli_add(&text, "violation %s: %s", violation->id, violation->requirement);
        if (violation->counted) {
            cli_add(&text, " (expected %" PRIu64 ", found %" PRIu64 ")", violation->expected,
                    violation->found);
        }
        add_text(r, last, text.octets);
    }
}

static bool write_all(struct recording *r, FILE *to, size_t *packets, char error[EXPORT_ERROR])
{
    struct pcapng *file = pcapng_into(to, error);
    *packets = 0;
    if (file == NULL) {
        return false;
    }
    pcapng_decimals(file, MICROSECONDS);
    for (size_t i = 0; i < r->count && !r->failed; i++) {
        put_frame(file, &r->frames[i], packets);
    }
    if (r->failed) {
        snprintf(error, EXPORT_ERROR, "out of memory");
        pcapng_discard(file);
        return false;
    }
    return pcapng_close(file, error);
}

static void forget(struct recording *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->frames[i].kind == FRAME_OCTETS) {
            free(r->frames[i].of.octets);
        }
        free(r->frames[i].comments.text);
    }
    free(r->frames);
    free(r->pending.text);
}

/* The one packet of an input of fuzz_wire. */
static void see_packet(struct recording *r, const struct export_input *input,
                       struct run_result *result)
{
    static struct packet_result packet;
    packet_run(input->octets, input->size, &packet);
    struct run_wire wire = {.spoilt = true, .octets = packet.octets, .size = packet.size};
    struct run_line line = {.kind = RUN_WIRE, .wire = &wire};
    see(r, &line);
    if (packet.broken != NULL) {
        result->violation = (struct violation){.id = "CODEC", .requirement = packet.broken};
    }
}

bool export_pcap(const struct export_input *input, FILE *to, struct run_result *result,
                 size_t *packets, char error[EXPORT_ERROR])
{
    static struct recording r;
    r = (struct recording){.mode = input->target->mode};
    *result = (struct run_result){.events = 0};
    if (input->target->kind == INPUT_PACKET) {
        see_packet(&r, input, result);
    } else {
        *result = run_program(input->target->mode, input->octets, input->size, see, &r);
    }
    conclude(&r, &result->violation);
    bool written = write_all(&r, to, packets, error);
    forget(&r);
    return written;
}
