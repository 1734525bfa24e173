/* Captures: from a file to segments, from segments to connections, from a connection to the script
 * of one end, and the core in the place of that end. */
#include "capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "seq.h"

#define BUCKETS 1024u

/* A capture being read. */
struct reader {
    struct capture *capture;
    pcap_t *pcap;
    int link;
    size_t segment_room;
    size_t connection_room;
    size_t octet_room;
    size_t buckets[BUCKETS]; /* the youngest connection of each */
    tfsm_time last;
    char *error;
};

__attribute__((format(printf, 2, 3))) static bool fail(char *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, CAPTURE_ERROR, format, arguments);
    va_end(arguments);
    return false;
}

/* Room for one more member; null when there is no memory, and then the array is as it was. */
static void *grown(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return array;
    }
    size_t wanted = *room > 0 ? 2 * *room : 64;
    void *larger = wanted <= SIZE_MAX / size ? realloc(array, wanted * size) : NULL;
    if (larger != NULL) {
        *room = wanted;
    }
    return larger;
}

/* ---- from link to IP ---- */

static unsigned get16(const uint8_t *octets)
{
    return octets[0] * 256u + octets[1];
}

static bool is_ip(unsigned ethertype)
{
    return ethertype == 0x0800 || ethertype == 0x86dd;
}

/* Where the IP packet starts in an Ethernet frame, behind up to two VLAN tags; 0 when it holds no
 * IP. */
static size_t behind_ethernet(const uint8_t *octets, size_t n)
{
    size_t at = 12;
    while (at + 2 <= n && at <= 16 &&
           (get16(octets + at) == 0x8100 || get16(octets + at) == 0x88a8)) {
        at += 4;
    }
    return at + 2 <= n && is_ip(get16(octets + at)) ? at + 2 : 0;
}

/* Take the link header off. False when there is no IP packet behind it. */
static bool strip_link(int link, const uint8_t **octets, size_t *n)
{
    size_t at = 0;
    bool found = true;
    if (link == DLT_EN10MB) {
        at = behind_ethernet(*octets, *n);
        found = at > 0;
    } else if (link == DLT_LINUX_SLL) {
        at = 16;
        found = at <= *n && is_ip(get16(*octets + 14));
    } else if (link == DLT_LINUX_SLL2) {
        at = 20;
        found = at <= *n && is_ip(get16(*octets));
    } else if (link == DLT_NULL || link == DLT_LOOP) {
        at = 4; /* the family in the byte order of whoever recorded it; the version field says the
                   same */
        found = at <= *n;
    }
    if (found) {
        *octets += at;
        *n -= at;
    }
    return found;
}

static bool knows_link(int link)
{
    static const int known[] = {DLT_EN10MB,    DLT_RAW,        DLT_IPV4, DLT_IPV6,
                                DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_NULL, DLT_LOOP};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (link == known[i]) {
            return true;
        }
    }
    return false;
}

/* ---- from segments to connections ---- */

static bool same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

/* Which end of a connection a packet comes from; 2 when it belongs elsewhere. */
static unsigned sender_of(const struct capture_connection *connection,
                          const struct tfsm_packet *packet)
{
    for (unsigned end = 0; end < 2; end++) {
        unsigned other = 1 - end;
        if (same_address(&connection->address[end], &packet->src) &&
            connection->port[end] == packet->src_port &&
            same_address(&connection->address[other], &packet->dst) &&
            connection->port[other] == packet->dst_port) {
            return end;
        }
    }
    return 2;
}

/* Both directions of a connection fall into one bucket. */
static unsigned bucket_of(const struct tfsm_packet *packet)
{
    unsigned sum = packet->src_port + packet->dst_port;
    for (size_t i = 0; i < sizeof packet->src.octets; i++) {
        sum += packet->src.octets[i] + packet->dst.octets[i];
    }
    return sum % BUCKETS;
}

/* A SYN that is not the one this end began with begins another incarnation. One SYN-ACK differing
 * from another does not: a server that forgot a half-open connection answers the same SYN with a
 * new number. */
static bool begins_anew(const struct capture_connection *connection, unsigned sender,
                        const struct tfsm_segment *segment)
{
    return (segment->flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == TFSM_SYN &&
           connection->syn_seen[sender] && connection->isn[sender] != segment->seq;
}

static struct capture_connection *begin(struct reader *reader, const struct tfsm_packet *packet,
                                        unsigned bucket)
{
    struct capture *capture = reader->capture;
    struct capture_connection *larger =
        grown(capture->connections, capture->connection_count, &reader->connection_room,
              sizeof *capture->connections);
    if (larger == NULL) {
        return NULL;
    }
    capture->connections = larger;
    struct capture_connection *connection = &capture->connections[capture->connection_count];
    *connection = (struct capture_connection){.address = {packet->src, packet->dst},
                                              .port = {packet->src_port, packet->dst_port},
                                              .first = CAPTURE_NONE,
                                              .last = CAPTURE_NONE,
                                              .older = reader->buckets[bucket]};
    reader->buckets[bucket] = capture->connection_count++;
    return connection;
}

/* Find or begin the connection of the segment at an index, and append it there. */
static bool connect_segment(struct reader *reader, size_t index)
{
    struct capture *capture = reader->capture;
    struct capture_segment *segment = &capture->segments[index];
    unsigned bucket = bucket_of(&segment->packet);
    struct capture_connection *connection = NULL;
    segment->sender = 2;
    for (size_t i = reader->buckets[bucket]; i != CAPTURE_NONE && segment->sender == 2;
         i = capture->connections[i].older) {
        connection = &capture->connections[i];
        segment->sender = sender_of(connection, &segment->packet);
    }
    if (segment->sender == 2 ||
        begins_anew(connection, segment->sender, &segment->packet.segment)) {
        connection = begin(reader, &segment->packet, bucket);
        segment->sender = 0;
    }
    if (connection == NULL) {
        return fail(reader->error, "out of memory (packet %zu)", capture->packets);
    }
    if ((segment->packet.segment.flags & TFSM_SYN) != 0 && !connection->syn_seen[segment->sender]) {
        connection->syn_seen[segment->sender] = true;
        connection->isn[segment->sender] = segment->packet.segment.seq;
    }
    if (connection->last == CAPTURE_NONE) {
        connection->first = index;
    } else {
        capture->segments[connection->last].next = index;
    }
    connection->last = index;
    segment->connection = (size_t)(connection - capture->connections);
    return true;
}

/* ---- from a file to segments ---- */

static bool keep_octets(struct reader *reader, const uint8_t *octets, size_t n)
{
    struct capture *capture = reader->capture;
    if (n > CAPTURE_OCTETS_MAX - capture->octet_count) {
        return fail(reader->error, "more than %zu MiB of packets (packet %zu)",
                    CAPTURE_OCTETS_MAX >> 20, capture->packets);
    }
    if (reader->octet_room - capture->octet_count < n) {
        size_t wanted = 2 * (capture->octet_count + n);
        uint8_t *larger = realloc(capture->octets, wanted);
        if (larger == NULL) {
            return fail(reader->error, "out of memory (packet %zu)", capture->packets);
        }
        capture->octets = larger;
        reader->octet_room = wanted;
    }
    memcpy(capture->octets + capture->octet_count, octets, n);
    capture->octet_count += n;
    return true;
}

static uint32_t text_length(const struct tfsm_segment *segment)
{
    return segment->len - ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) -
           ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

static bool keep_segment(struct reader *reader, tfsm_time time, const uint8_t *octets, size_t n)
{
    struct capture *capture = reader->capture;
    struct capture_segment segment = {
        .time = time, .connection = CAPTURE_NONE, .next = CAPTURE_NONE};
    enum tfsm_wire_result result = tfsm_parse(octets, n, &segment.packet);
    if (result != TFSM_WIRE_OK && result != TFSM_WIRE_OPTION) {
        capture->skipped[result]++;
        return true;
    }
    segment.at = capture->octet_count;
    segment.size = segment.packet.text_at + text_length(&segment.packet.segment);
    struct capture_segment *larger =
        grown(capture->segments, capture->count, &reader->segment_room, sizeof *capture->segments);
    if (larger == NULL) {
        return fail(reader->error, "out of memory (packet %zu)", capture->packets);
    }
    capture->segments = larger;
    if (!keep_octets(reader, octets, segment.size)) {
        return false;
    }
    capture->segments[capture->count++] = segment;
    return connect_segment(reader, capture->count - 1);
}

/* The time of a packet in microseconds. Clocks are set back now and then; here time only stands
 * still. */
static bool take_time(struct reader *reader, const struct pcap_pkthdr *header, tfsm_time *time)
{
    const int64_t far = INT64_C(1) << 40;
    if (header->ts.tv_sec < 0 || header->ts.tv_sec > far || header->ts.tv_usec < 0) {
        return fail(reader->error, "impossible time (packet %zu)", reader->capture->packets);
    }
    *time = (tfsm_time)header->ts.tv_sec * 1000000u + (tfsm_time)header->ts.tv_usec;
    *time = *time > reader->last ? *time : reader->last;
    reader->last = *time;
    return true;
}

static bool read_packets(struct reader *reader)
{
    struct capture *capture = reader->capture;
    struct pcap_pkthdr *header;
    const uint8_t *octets;
    int answer;
    while ((answer = pcap_next_ex(reader->pcap, &header, &octets)) == 1) {
        tfsm_time time = 0;
        size_t n = header->caplen;
        capture->packets++;
        if (header->caplen < header->len) {
            return fail(reader->error, "only %u of %u octets were recorded (packet %zu)",
                        header->caplen, header->len, capture->packets);
        }
        if (!take_time(reader, header, &time)) {
            return false;
        }
        if (!strip_link(reader->link, &octets, &n)) {
            capture->skipped[TFSM_WIRE_VERSION]++;
        } else if (!keep_segment(reader, time, octets, n)) {
            return false;
        }
    }
    if (answer != PCAP_ERROR_BREAK) {
        return fail(reader->error, "%s (packet %zu)", pcap_geterr(reader->pcap),
                    capture->packets + 1);
    }
    if (capture->count == 0) {
        return fail(reader->error, "no TCP segment in it (%zu packets of other kinds)",
                    capture->packets);
    }
    return true;
}

static bool read_file(FILE *file, struct capture *capture, char error[CAPTURE_ERROR])
{
    char message[PCAP_ERRBUF_SIZE] = "";
    struct reader reader = {.capture = capture, .error = error};
    for (unsigned i = 0; i < BUCKETS; i++) {
        reader.buckets[i] = CAPTURE_NONE;
    }
    reader.pcap = pcap_fopen_offline(file, message);
    if (reader.pcap == NULL) {
        fclose(file);
        return fail(error, "not a capture: %s (file header)", message);
    }
    reader.link = pcap_datalink(reader.pcap);
    bool read = false;
    if (knows_link(reader.link)) {
        read = read_packets(&reader);
    } else {
        const char *name = pcap_datalink_val_to_name(reader.link);
        fail(error, "link type %d (%s) is not supported (file header)", reader.link,
             name != NULL ? name : "unknown");
    }
    pcap_close(reader.pcap); /* closes the file too */
    return read;
}

bool capture_read(const char *path, struct capture *capture, char error[CAPTURE_ERROR])
{
    struct stat status;
    *capture = (struct capture){0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return fail(error, "%s", strerror(errno));
    }
    if (fstat(fileno(file), &status) == 0) {
        bool directory = S_ISDIR(status.st_mode);
        if (directory || (S_ISREG(status.st_mode) && status.st_size == 0)) {
            fclose(file);
            return fail(error, directory ? "is a directory" : "is empty");
        }
    }
    return read_file(file, capture, error);
}

void capture_free(struct capture *capture)
{
    free(capture->segments);
    free(capture->connections);
    free(capture->octets);
    *capture = (struct capture){0};
}

/* ---- the script of one end ---- */

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
        grown(side->steps, side->count, &scribe->room, sizeof *side->steps);
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
    uint32_t text_end = seq_add(own->seq, (syn ? 1u : 0u) + text_length(own));
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
            scribe->passive = scribe->passive && (segment->flags & TFSM_ACK) != 0;
            shift = (segment->options & TFSM_OPT_WSCALE) != 0 ? segment->wscale : shift;
            cfg->mss = (segment->options & TFSM_OPT_MSS) != 0 && segment->mss > 0 ? segment->mss
                                                                                  : cfg->mss;
            if (segment->seq == connection->isn[end]) {
                scribe->side->iss = seq_add(segment->seq, text_length(segment));
            }
        }
    }
    if (offered[end]) {
        cfg->profile |= TFSM_WSCALE;
    }
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

enum capture_side_result capture_side(const struct capture *capture, size_t connection,
                                      unsigned end, struct capture_side *side)
{
    const struct capture_connection *whole = &capture->connections[connection];
    struct scribe scribe = {.capture = capture, .side = side, .last_arrival = CAPTURE_NONE};
    *side = (struct capture_side){0};
    const struct tfsm_segment *first = &capture->segments[whole->first].packet.segment;
    if ((first->flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) != TFSM_SYN) {
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

/* ---- the core in the place of an end ---- */

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
    struct tfsm_segment out;
    tfsm_step(&replay->tcb, cfg, ev, &fx);
    check(replay, segment);
    for (unsigned i = 0; i < fx.fired_count; i++) {
        if (tfsm_rules[fx.fired[i]].next != TFSM_STAY) {
            walk_to(replay, (enum tfsm_state)tfsm_rules[fx.fired[i]].next);
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
