/* A capture file, packet by packet, without keeping any. See capture.h. */
#include <pcap/pcap.h>

#include "internal.h"

/* Times are read as nanoseconds: tv_usec is a name only. */
static uint64_t recorded_of(const struct pcap_pkthdr *header)
{
    const uint64_t second = 1000000000u;
    int64_t seconds = header->ts.tv_sec;
    if (seconds < 0 && seconds >= INT32_MIN) {
        seconds += INT64_C(1) << 32; /* the file has 32 bits without a sign */
    }
    uint64_t most = UINT64_MAX / second - 1;
    uint64_t whole = seconds < 0 ? 0 : (uint64_t)seconds < most ? (uint64_t)seconds : most;
    uint64_t rest = header->ts.tv_usec > 0 ? (uint64_t)header->ts.tv_usec : 0;
    return rest < UINT64_MAX - whole * second ? whole * second + rest : UINT64_MAX;
}

/* The time of a packet in microseconds. Clocks are set back now and then, and files are damaged;
 * here time only stands still. Returns false where it does although it should not. */
static bool take_time(const struct pcap_pkthdr *header, tfsm_time *last)
{
    const int64_t far = INT64_C(1) << 40;
    bool sound = header->ts.tv_sec >= 0 && header->ts.tv_sec <= far && header->ts.tv_usec >= 0;
    if (sound) {
        tfsm_time time =
            (tfsm_time)header->ts.tv_sec * 1000000u + (tfsm_time)header->ts.tv_usec / 1000;
        sound = time >= *last;
        *last = sound ? time : *last;
    }
    return sound;
}

void capture_take(const uint8_t *octets, size_t n, size_t wire, struct capture_packet *packet)
{
    packet->octets = octets;
    packet->size = n;
    packet->taken =
        packet_take(octets, n, wire, &packet->packet, &packet->assumed, &packet->reason);
}

static bool read_packets(pcap_t *pcap, int source, const bool *damaged, capture_seen *seen,
                         void *user, char *error)
{
    int link = pcap_datalink(pcap);
    struct pcap_pkthdr *header;
    const uint8_t *octets;
    int answer;
    tfsm_time last = 0;
    struct capture_packet packet = {.number = 0,
                                    .link = link_number(link),
                                    .snapshot = (uint32_t)pcap_snapshot(pcap),
                                    .source = source};
    while ((answer = pcap_next_ex(pcap, &header, &octets)) == 1) {
        size_t at = 0;
        size_t wire = header->len > header->caplen ? header->len : header->caplen;
        bool timed = take_time(header, &last);
        packet.number++;
        packet.time = last;
        packet.recorded = recorded_of(header);
        packet.frame = octets;
        packet.frame_size = header->caplen;
        packet.frame_wire = wire;
        packet.taken = false;
        if (link_find_ip(link, octets, header->caplen, &at, &packet.reason)) {
            capture_take(octets + at, header->caplen - at, wire - at, &packet);
            packet.assumed |= timed ? 0u : 1u << CAPTURE_NO_TIME;
        }
        if (!seen(user, &packet)) {
            return false;
        }
    }
    return answer == PCAP_ERROR_BREAK ||
           capture_fail(error, "%s (packet %llu)",
                        *damaged ? "what gzip packed is damaged or cut off" : pcap_geterr(pcap),
                        (unsigned long long)packet.number + 1);
}

bool capture_stream(const char *path, capture_seen *seen, void *user, char error[CAPTURE_ERROR])
{
    char message[PCAP_ERRBUF_SIZE] = "";
    bool damaged = false;
    int source = -1;
    FILE *file = file_open(path, &damaged, &source, error);
    if (file == NULL) {
        return false;
    }
    pcap_t *pcap =
        pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, message);
    if (pcap == NULL) {
        fclose(file);
        return capture_fail(error, "not a capture: %s (file header)",
                            damaged ? "what gzip packed is damaged or cut off" : message);
    }
    int link = pcap_datalink(pcap);
    const char *name = pcap_datalink_val_to_name(link);
    bool read = link_is_known(link)
                    ? read_packets(pcap, source, &damaged, seen, user, error)
                    : capture_fail(error, "link type %d (%s) is not supported (file header)", link,
                                   name != NULL ? name : "unknown");
    pcap_close(pcap); /* closes the file too */
    return read;
}
