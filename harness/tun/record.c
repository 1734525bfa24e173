/* See record.h. */
#include "record.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct record {
    pcap_t *pcap;
    pcap_dumper_t *dumper;
    bool pending;
    int failed; /* errno of the first write that failed */
};

struct record *record_open(const char *path, char error[RECORD_ERROR])
{
    struct record *record = calloc(1, sizeof *record);
    if (record == NULL) {
        snprintf(error, RECORD_ERROR, "not enough memory");
        return NULL;
    }
    FILE *file = fopen(path, "wbe"); /* pcap would take "-" for standard output */
    if (file == NULL) {
        snprintf(error, RECORD_ERROR, "%s", strerror(errno));
        free(record);
        return NULL;
    }
    record->pcap = pcap_open_dead(DLT_RAW, 65535);
    record->dumper = record->pcap != NULL ? pcap_dump_fopen(record->pcap, file) : NULL;
    if (record->dumper == NULL) {
        snprintf(error, RECORD_ERROR, "%s",
                 record->pcap != NULL ? pcap_geterr(record->pcap) : "not enough memory");
        if (record->pcap != NULL) {
            pcap_close(record->pcap);
        }
        fclose(file);
        free(record);
        return NULL;
    }
    return record;
}

void record_packet_at(struct record *record, const uint8_t *octets, size_t n, uint64_t at)
{
    if (record->failed != 0) {
        return; /* what comes behind a packet that is cut off could not be read */
    }
    record->pending = true;
    struct pcap_pkthdr header = {.caplen = (bpf_u_int32)n, .len = (bpf_u_int32)n};
    header.ts.tv_sec = (time_t)(at / 1000000);
    header.ts.tv_usec = (suseconds_t)(at % 1000000);
    errno = 0;
    pcap_dump((u_char *)record->dumper, &header, octets);
    if (ferror(pcap_dump_file(record->dumper)) != 0) {
        record->failed = errno != 0 ? errno : EIO;
    }
}

void record_packet(struct record *record, const uint8_t *octets, size_t n)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    record_packet_at(record, octets, n,
                     (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

bool record_is_pending(const struct record *record)
{
    return record != NULL && record->pending;
}

void record_flush(struct record *record)
{
    record->pending = false;
    errno = 0;
    if (pcap_dump_flush(record->dumper) != 0 && record->failed == 0) {
        record->failed = errno != 0 ? errno : EIO;
    }
}

bool record_close(struct record *record, char error[RECORD_ERROR])
{
    if (record == NULL) {
        return true;
    }
    record_flush(record);
    int failed = record->failed;
    pcap_dump_close(record->dumper);
    pcap_close(record->pcap);
    free(record);
    if (failed != 0) {
        snprintf(error, RECORD_ERROR, "%s", strerror(failed));
    }
    return failed == 0;
}
