/* A capture file being written: raw IP packets in pcap's format, each with the time of day. */
#ifndef HARNESS_RECORD_H
#define HARNESS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_ERROR 256

struct record;

/* Make a capture file anew. Null: error says why. */
struct record *record_open(const char *path, char error[RECORD_ERROR]);

/* After a failure nothing more is written. */
void record_packet(struct record *record, const uint8_t *octets, size_t n);

/* The same with a time of its own, microseconds since 1970. */
void record_packet_at(struct record *record, const uint8_t *octets, size_t n, uint64_t at);

/* Hand what was recorded to the kernel. */
void record_flush(struct record *record);

/* Whether there is something to hand over. Null has nothing. */
bool record_is_pending(const struct record *record);

/* Returns false when not everything could be written: error says why. Null is fine. */
bool record_close(struct record *record, char error[RECORD_ERROR]);

#endif
