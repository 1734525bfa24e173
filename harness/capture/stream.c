/* A capture file, packet by packet, without keeping any: libpcap reads pcap, and blocks.c pcapng. See capture.h. */
#include <pcap/pcap.h>
#include <stdlib.h>

#include "internal.h"

/* A file being read. */
struct stream {
    struct capture_packet packet;
    tfsm_time last;
    const bool *damaged;
    capture_seen *seen;
    void *user;
    char *error;
};

/* The time of a packet in microseconds. Clocks are set back now and then, and files are damaged;
 * here time only stands still. Returns false where it does although it should not. */
static bool take_time(const struct recorded *recorded, tfsm_time *last)
{
    tfsm_time time = recorded->nanoseconds / 1000;
    bool sound = recorded->timed && time >= *last;
    *last = sound ? time : *last;
    return sound;
}

void capture_take(const uint8_t *octets, size_t n, size_t wire, struct capture_packet *packet)
{
    packet->octets = octets;
    packet->size = n;
    packet->taken =
        packet_take(octets, n, wire, &packet->packet, &packet->assumed, &packet->reason);
}

/* Tell of a packet; false ends the reading. */
static bool tell(struct stream *stream, const struct recorded *recorded)
{
    struct capture_packet *packet = &stream->packet;
    size_t at = 0;
    bool timed = take_time(recorded, &stream->last);
    packet->number++;
    packet->time = stream->last;
    packet->recorded = recorded->nanoseconds;
    packet->frame = recorded->octets;
    packet->frame_size = recorded->size;
    packet->frame_wire = recorded->wire > recorded->size ? recorded->wire : recorded->size;
    packet->link = recorded->link;
    packet->snapshot = recorded->snapshot;
    packet->taken = false;
    packet->reason = CAPTURE_LINK;
    const struct link *link = link_of(recorded->link);
    if (link != NULL &&
        link_find_ip(link, recorded->octets, recorded->size, &at, &packet->reason)) {
        capture_take(recorded->octets + at, recorded->size - at, packet->frame_wire - at, packet);
        packet->assumed |= timed ? 0u : 1u << CAPTURE_NO_TIME;
    }
    return stream->seen(stream->user, packet);
}

/* The reading ended too early. */
static bool fail_packet(const struct stream *stream, const char *what)
{
    return capture_fail(stream->error, "%s (packet %llu)",
                        *stream->damaged ? "what gzip packed is damaged or cut off" : what,
                        (unsigned long long)stream->packet.number + 1);
}

static bool fail_link(const struct stream *stream, int link)
{
    const char *name = pcap_datalink_val_to_name(link);
    return capture_fail(stream->error, "link type %d (%s) is not supported (file header)", link,
                        name != NULL ? name : "unknown");
}

/* ---- pcap ---- */

/* Times are read as nanoseconds: tv_usec is a name only. In the file seconds have 32 bits and no sign, but what comes after
 * 2038 is damage more likely than time. */
static void take_header(const struct pcap_pkthdr *header, struct recorded *recorded)
{
    uint64_t seconds = (uint32_t)header->ts.tv_sec;
    recorded->timed = header->ts.tv_sec >= 0 && header->ts.tv_usec >= 0;
    recorded->nanoseconds =
        seconds * 1000000000u + (header->ts.tv_usec > 0 ? (uint64_t)header->ts.tv_usec : 0);
    recorded->size = header->caplen;
    recorded->wire = header->len;
}

static bool read_pcap(struct stream *stream, FILE *file)
{
    char message[PCAP_ERRBUF_SIZE] = "";
    struct pcap_pkthdr *header;
    int answer = PCAP_ERROR_BREAK;
    pcap_t *pcap =
        pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, message);
    if (pcap == NULL) {
        fclose(file);
        return capture_fail(stream->error, "not a capture: %s (file header)",
                            *stream->damaged ? "what gzip packed is damaged or cut off" : message);
    }
    struct recorded recorded = {.link = (unsigned)link_in_files(pcap_datalink(pcap)),
                                .snapshot = (uint32_t)pcap_snapshot(pcap)};
    bool read = link_of(recorded.link) != NULL || fail_link(stream, pcap_datalink(pcap));
    while (read && (answer = pcap_next_ex(pcap, &header, &recorded.octets)) == 1) {
        take_header(header, &recorded);
        read = tell(stream, &recorded);
    }
    if (read && answer != PCAP_ERROR_BREAK) {
        read = fail_packet(stream, pcap_geterr(pcap));
    }
    pcap_close(pcap); /* closes the file too */
    return read;
}

/* ---- pcapng ---- */

static bool read_pcapng(struct stream *stream, FILE *file)
{
    char message[CAPTURE_ERROR] = "";
    struct blocks *blocks = blocks_open(file, message);
    struct recorded recorded = {.octets = NULL};
    enum blocks_answer answer = BLOCKS_FAILED;
    bool read = blocks != NULL;
    bool known = false; /* some link type that was seen */
    while (read && (answer = blocks_next(blocks, &recorded)) == BLOCKS_PACKET) {
        known = known || link_of(recorded.link) != NULL;
        read = tell(stream, &recorded);
    }
    if (answer == BLOCKS_FAILED) {
        read = fail_packet(stream, message);
    } else if (read && !known && stream->packet.number > 0) {
        read = fail_link(stream, (int)recorded.link);
    }
    if (blocks != NULL) {
        blocks_close(blocks);
    }
    fclose(file);
    return read;
}

bool capture_stream(const char *path, capture_seen *seen, void *user, char error[CAPTURE_ERROR])
{
    bool damaged = false;
    struct stream stream = {.damaged = &damaged, .seen = seen, .user = user, .error = error};
    FILE *file = file_open(path, &damaged, &stream.packet.source, error);
    if (file == NULL) {
        return false;
    }
    return blocks_begin(file) ? read_pcapng(&stream, file) : read_pcap(&stream, file);
}
