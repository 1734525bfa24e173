/* What the files of this folder share: the parts of reading a capture. */
#ifndef HARNESS_CAPTURE_INTERNAL_H
#define HARNESS_CAPTURE_INTERNAL_H

#include <stdio.h>

#include "capture.h"
#include "octets.h"

#define CAPTURE_BUCKETS 65536u

/* A capture being read. */
struct reader {
    struct capture *capture;
    size_t segment_room;
    size_t connection_room;
    size_t octet_room;
    size_t *buckets; /* CAPTURE_BUCKETS: the youngest connection of each */
    char *error;
};

/* Write the error text; always false. */
__attribute__((format(printf, 2, 3))) bool capture_fail(char *error, const char *format, ...);

/* Room for one more member; null when there is no memory, and then the array is as it was. */
void *capture_grown(void *array, size_t count, size_t *room, size_t size);

static inline unsigned little16(const uint8_t *octets)
{
    return octets[0] + octets[1] * 256u;
}

static inline uint32_t little32(const uint8_t *octets)
{
    return little16(octets) | (uint32_t)little16(octets + 2) << 16;
}

/* A packet as its file has it. */
struct recorded {
    bool timed;           /* it has a time that can be */
    uint64_t nanoseconds; /* since 1970 */
    const uint8_t *octets;
    size_t size;
    size_t wire; /* octets it is said to have had */
    unsigned link;
    uint32_t snapshot;
};

/* ---- blocks.c ---- */

struct blocks; /* a pcapng file being read */

enum blocks_answer { BLOCKS_PACKET, BLOCKS_END, BLOCKS_FAILED };

/* Whether a file that was just opened is pcapng; it is read from its beginning afterwards. */
bool blocks_begin(FILE *file);

/* The error is written where a call fails, into CAPTURE_ERROR octets: what is wrong, not where. Null: no memory. */
struct blocks *blocks_open(FILE *file, char *error);

/* The next packet, its octets good until the next call. */
enum blocks_answer blocks_next(struct blocks *blocks, struct recorded *recorded);

/* Leaves the file open. */
void blocks_close(struct blocks *blocks);

/* ---- link.c ---- */

/* How frames of a link type lead to IP. */
struct link;

/* By its number in files, LINKTYPE_; null where we do not know. */
const struct link *link_of(uint32_t number);

/* The number that files have for one of libpcap's link types (DLT_), which is another for some. */
int link_in_files(int number);

/* Find the IP packet in a frame.
 * n       octets of the frame that are there
 * at      set to where it begins
 * reason  when the answer is false: CAPTURE_NOT_IP, CAPTURE_CUT_HEADER, CAPTURE_FRAGMENT,
 *         CAPTURE_SEALED or CAPTURE_LINK */
bool link_find_ip(const struct link *link, const uint8_t *octets, size_t n, size_t *at,
                  enum capture_reason *reason);

/* ---- packet.c ---- */

/* Take an IP packet for a segment.
 * n        octets of it that are there
 * wire     octets that were on the wire, what the link appended included; at least n
 * out      written whole; its segment has the length it had on the wire, whatever is there of it
 * assumed  bits of enum capture_assumption
 * reason   when the answer is false: why it is no segment that anybody would take; with
 *          CAPTURE_BAD_CHECKSUM *out is what it would be */
bool packet_take(const uint8_t *octets, size_t n, size_t wire, struct tfsm_packet *out,
                 unsigned *assumed, enum capture_reason *reason);

/* ---- connection.c ---- */

/* Find or begin the connection of the segment at an index, and append it there. False when there is
 * no memory: the error is written. */
bool connection_add(struct reader *reader, size_t index);

/* ---- file.c ---- */

/* Open a capture file, packed by gzip or not, for libpcap to read; null: the error is written. The
 * stream is closed by pcap_close().
 * damaged  set when what gzip made cannot be unpacked to its end, which a reading error then is
 * source   set to the descriptor of the file itself, which closes with the stream */
FILE *file_open(const char *path, bool *damaged, int *source, char error[CAPTURE_ERROR]);

#endif
