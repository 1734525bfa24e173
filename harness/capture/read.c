/* From a capture file to segments and connections. See capture.h. */
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
        [CAPTURE_LINK] = "of a link type that is not supported",
        [CAPTURE_NOT_IP] = "not IP",
        [CAPTURE_SEALED] = "encrypted, compressed or put together by the link",
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

/* Keep a packet if it is a segment. False when there is no room. */
static bool keep_packet(void *user, const struct capture_packet *packet)
{
    struct reader *reader = user;
    struct capture *capture = reader->capture;
    capture->packets++;
    if (!packet->taken) {
        capture->left[packet->reason]++;
        return true;
    }
    struct capture_segment segment = {.time = packet->time,
                                      .packet = packet->packet,
                                      .assumed = packet->assumed,
                                      .connection = CAPTURE_NONE,
                                      .next = CAPTURE_NONE};
    for (unsigned i = 0; i < CAPTURE_ASSUMPTIONS; i++) {
        capture->assumed[i] += segment.assumed >> i & 1u;
    }
    size_t size = segment.packet.text_at + capture_text(&segment.packet.segment);
    size_t there = size < packet->size ? size : packet->size; /* less what the link appended */
    segment.at = capture->octet_count;
    segment.size = there < CAPTURE_KEPT ? there : CAPTURE_KEPT;
    struct capture_segment *larger = capture_grown(
        capture->segments, capture->count, &reader->segment_room, sizeof *capture->segments);
    if (larger == NULL) {
        return capture_fail(reader->error, "out of memory (packet %zu)", capture->packets);
    }
    capture->segments = larger;
    if (!keep_octets(reader, packet->octets, segment.size)) {
        return false;
    }
    capture->segments[capture->count++] = segment;
    return connection_add(reader, capture->count - 1);
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

bool capture_read(const char *path, struct capture *capture, char error[CAPTURE_ERROR])
{
    struct reader reader = {.capture = capture, .error = error};
    *capture = (struct capture){0};
    reader.buckets = malloc(CAPTURE_BUCKETS * sizeof *reader.buckets);
    if (reader.buckets == NULL) {
        return capture_fail(error, "out of memory");
    }
    for (unsigned i = 0; i < CAPTURE_BUCKETS; i++) {
        reader.buckets[i] = CAPTURE_NONE;
    }
    bool read = capture_stream(path, keep_packet, &reader, error);
    free(reader.buckets);
    return read && (capture->count > 0 || fail_empty(&reader));
}

void capture_free(struct capture *capture)
{
    free(capture->segments);
    free(capture->connections);
    free(capture->octets);
    *capture = (struct capture){0};
}
