/* From segments to connections: which belong together, and where one incarnation ends and the next
 * begins. See capture.h. */
#include <string.h>

#include "internal.h"

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

static uint64_t mix(const struct tfsm_address *address, uint16_t port)
{
    static const uint8_t key[16] = {'c', 'a', 'p', 't', 'u', 'r', 'e', 's'};
    uint8_t octets[18];
    memcpy(octets, address->octets, 16);
    octets[16] = (uint8_t)(port >> 8);
    octets[17] = (uint8_t)(port & 0xff);
    return tfsm_siphash(key, octets, sizeof octets);
}

/* Both directions of a connection fall into one bucket. */
static unsigned bucket_of(const struct tfsm_packet *packet)
{
    uint64_t both = mix(&packet->src, packet->src_port) ^ mix(&packet->dst, packet->dst_port);
    return (unsigned)(both % CAPTURE_BUCKETS);
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
        capture_grown(capture->connections, capture->connection_count, &reader->connection_room,
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

bool connection_add(struct reader *reader, size_t index)
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
        return capture_fail(reader->error, "out of memory (packet %zu)", capture->packets);
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
