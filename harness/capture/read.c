/* From a capture file to segments and connections. See capture.h. */
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

bool capture_fail(char *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, CAPTURE_ERROR, format, arguments);
    va_end(arguments);
    return false;
}

void *capture_grown(void *array, size_t count, size_t *room, size_t size)
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

uint32_t capture_text(const struct tfsm_segment *segment)
{
    return segment->len - ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) -
           ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

const char *capture_assumption_text(enum capture_assumption assumption)
{
    static const char *const texts[CAPTURE_ASSUMPTIONS] = {
        [CAPTURE_OFFLOAD] = "with the checksum left to the network card",
        [CAPTURE_NO_IP_CHECKSUM] = "with the IPv4 checksum left to the network card",
        [CAPTURE_NO_LENGTH] = "with the length left to the network card",
        [CAPTURE_CUT] = "cut off within the text",
        [CAPTURE_CUT_OPTIONS] = "cut off within the options",
        [CAPTURE_NO_TIME] = "with a time before the last one, or an impossible one",
    };
    return texts[assumption];
}

const char *capture_reason_text(enum capture_reason reason)
{
    static const char *const texts[CAPTURE_REASONS] = {
        [CAPTURE_NOT_IP] = "not IP",
        [CAPTURE_NOT_TCP] = "not TCP",
        [CAPTURE_TUNNEL] = "in a tunnel",
        [CAPTURE_FRAGMENT] = "fragments",
        [CAPTURE_CUT_HEADER] = "cut off within the headers",
        [CAPTURE_BAD_IP] = "with a bad IP header",
        [CAPTURE_BAD_TCP] = "with a bad TCP header",
        [CAPTURE_BAD_CHECKSUM] = "with a wrong checksum",
    };
    return texts[reason];
}

static bool keep_octets(struct reader *reader, const uint8_t *octets, size_t n)
{
    struct capture *capture = reader->capture;
    if (n > CAPTURE_OCTETS_MAX - capture->octet_count) {
        return capture_fail(reader->error, "more than %zu MiB of packets (packet %zu)",
                            CAPTURE_OCTETS_MAX >> 20, capture->packets);
    }
    if (reader->octet_room - capture->octet_count < n) {
        size_t wanted = 2 * (capture->octet_count + n);
        uint8_t *larger = realloc(capture->octets, wanted);
        if (larger == NULL) {
            return capture_fail(reader->error, "out of memory (packet %zu)", capture->packets);
        }
        capture->octets = larger;
        reader->octet_room = wanted;
    }
    memcpy(capture->octets + capture->octet_count, octets, n);
    capture->octet_count += n;
    return true;
}

/* Keep an IP packet if it is a segment: n octets of it are there, `wire` were on the wire. False
 * when there is no room. */
static bool keep_packet(struct reader *reader, tfsm_time time, bool timed, const uint8_t *octets,
                        size_t n, size_t wire)
{
    struct capture *capture = reader->capture;
    struct capture_segment segment = {
        .time = time, .connection = CAPTURE_NONE, .next = CAPTURE_NONE};
    enum capture_reason reason;
    if (!packet_take(octets, n, wire, &segment.packet, &segment.assumed, &reason)) {
        capture->left[reason]++;
        return true;
    }
    segment.assumed |= timed ? 0u : 1u << CAPTURE_NO_TIME;
    for (unsigned i = 0; i < CAPTURE_ASSUMPTIONS; i++) {
        capture->assumed[i] += segment.assumed >> i & 1u;
    }
    size_t size = segment.packet.text_at + capture_text(&segment.packet.segment);
    size_t there = size < n ? size : n; /* less what the link appended */
    segment.at = capture->octet_count;
    segment.size = there < CAPTURE_KEPT ? there : CAPTURE_KEPT;
    struct capture_segment *larger = capture_grown(
        capture->segments, capture->count, &reader->segment_room, sizeof *capture->segments);
    if (larger == NULL) {
        return capture_fail(reader->error, "out of memory (packet %zu)", capture->packets);
    }
    capture->segments = larger;
    if (!keep_octets(reader, octets, segment.size)) {
        return false;
    }
    capture->segments[capture->count++] = segment;
    return connection_add(reader, capture->count - 1);
}

/* The time of a packet in microseconds. Clocks are set back now and then, and files are damaged;
 * here time only stands still. Returns false where it does although it should not. */
static bool take_time(struct reader *reader, const struct pcap_pkthdr *header, tfsm_time *time)
{
    const int64_t far = INT64_C(1) << 40;
    bool sound = header->ts.tv_sec >= 0 && header->ts.tv_sec <= far && header->ts.tv_usec >= 0;
    if (sound) {
        *time = (tfsm_time)header->ts.tv_sec * 1000000u + (tfsm_time)header->ts.tv_usec;
        sound = *time >= reader->last;
    }
    *time = sound ? *time : reader->last;
    reader->last = *time;
    return sound;
}

/* Nothing could be taken: say of what kinds the packets are. */
static bool fail_empty(const struct reader *reader)
{
    const struct capture *capture = reader->capture;
    char texts[CAPTURE_ERROR] = "";
    size_t length = 0;
    for (unsigned i = 0; i < CAPTURE_REASONS; i++) {
        if (capture->left[i] > 0 && length < sizeof texts) {
            length +=
                (size_t)snprintf(texts + length, sizeof texts - length, ", %zu %s",
                                 capture->left[i], capture_reason_text((enum capture_reason)i));
        }
    }
    size_t others = capture->left[CAPTURE_NOT_IP] + capture->left[CAPTURE_NOT_TCP];
    return capture_fail(reader->error, "%s (%zu packet%s%s)",
                        others == capture->packets ? "no TCP segment in it"
                                                   : "no TCP segment in it that can be taken",
                        capture->packets, capture->packets == 1 ? "" : "s", texts);
}

static bool read_packets(struct reader *reader, pcap_t *pcap)
{
    struct capture *capture = reader->capture;
    int link = pcap_datalink(pcap);
    struct pcap_pkthdr *header;
    const uint8_t *octets;
    int answer;
    while ((answer = pcap_next_ex(pcap, &header, &octets)) == 1) {
        tfsm_time time = 0;
        size_t at;
        size_t wire = header->len > header->caplen ? header->len : header->caplen;
        enum capture_reason reason;
        capture->packets++;
        bool timed = take_time(reader, header, &time);
        if (!link_find_ip(link, octets, header->caplen, &at, &reason)) {
            capture->left[reason]++;
        } else if (!keep_packet(reader, time, timed, octets + at, header->caplen - at, wire - at)) {
            return false;
        }
    }
    if (answer != PCAP_ERROR_BREAK) {
        return capture_fail(reader->error, "%s (packet %zu)",
                            reader->damaged ? "what gzip packed is damaged or cut off"
                                            : pcap_geterr(pcap),
                            capture->packets + 1);
    }
    return capture->count > 0 || fail_empty(reader);
}

static bool read_file(struct reader *reader, pcap_t *pcap)
{
    int link = pcap_datalink(pcap);
    reader->buckets = malloc(CAPTURE_BUCKETS * sizeof *reader->buckets);
    if (reader->buckets == NULL) {
        return capture_fail(reader->error, "out of memory");
    }
    for (unsigned i = 0; i < CAPTURE_BUCKETS; i++) {
        reader->buckets[i] = CAPTURE_NONE;
    }
    if (!link_is_known(link)) {
        const char *name = pcap_datalink_val_to_name(link);
        return capture_fail(reader->error, "link type %d (%s) is not supported (file header)", link,
                            name != NULL ? name : "unknown");
    }
    return read_packets(reader, pcap);
}

bool capture_read(const char *path, struct capture *capture, char error[CAPTURE_ERROR])
{
    char message[PCAP_ERRBUF_SIZE] = "";
    struct reader reader = {.capture = capture, .error = error};
    *capture = (struct capture){0};
    FILE *file = file_open(path, &reader.damaged, error);
    if (file == NULL) {
        return false;
    }
    pcap_t *pcap = pcap_fopen_offline(file, message);
    if (pcap == NULL) {
        fclose(file);
        return capture_fail(error, "not a capture: %s (file header)",
                            reader.damaged ? "what gzip packed is damaged or cut off" : message);
    }
    bool read = read_file(&reader, pcap);
    free(reader.buckets);
    pcap_close(pcap); /* closes the file too */
    return read;
}

void capture_free(struct capture *capture)
{
    free(capture->segments);
    free(capture->connections);
    free(capture->octets);
    *capture = (struct capture){0};
}
