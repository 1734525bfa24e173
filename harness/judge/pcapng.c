/* See pcapng.h. The format: draft-ietf-opsawg-pcapng. Blocks are in the byte order of this machine, of one section, with an
 * interface for each kind of link header and snapshot length that packets have. */
#include "pcapng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTION_HEADER 0x0a0d0d0au
#define INTERFACE      1u
#define PACKET         6u

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define OPTION_END         0u
#define OPTION_COMMENT     1u
#define OPTION_APPLICATION 4u
#define OPTION_RESOLUTION  9u
#define NANOSECONDS        9u /* decimals of a second */

#define INTERFACES_MOST 64u
#define COMMENT_MOST    60000u
#define OPTIONS_MOST    ((size_t)1 << 20) /* octets of comments at one packet */

struct interface {
    unsigned link;
    uint32_t snapshot;
    uint8_t decimals;
};

struct pcapng {
    FILE *file;
    char *path; /* null: the file is not ours */
    char *temporary;
    uint8_t decimals;
    int failed; /* errno of the first write that failed */
    struct interface interfaces[INTERFACES_MOST];
    unsigned interface_count;
    uint8_t *options; /* of the next packet */
    size_t options_size;
    size_t options_room;
};

/* ---- octets ---- */

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

static void put(struct pcapng *pcapng, const void *octets, size_t n)
{
    errno = 0;
    if (pcapng->failed == 0 && n > 0 && fwrite(octets, 1, n, pcapng->file) != n) {
        pcapng->failed = errno != 0 ? errno : EIO;
    }
}

static void put32(struct pcapng *pcapng, uint32_t number)
{
    put(pcapng, &number, sizeof number);
}

static void put_padded(struct pcapng *pcapng, const void *octets, size_t n)
{
    static const uint8_t zeros[4] = {0};
    put(pcapng, octets, n);
    put(pcapng, zeros, padded(n) - n);
}

static void put_option(struct pcapng *pcapng, unsigned code, const void *value, size_t n)
{
    const uint16_t head[2] = {(uint16_t)code, (uint16_t)n};
    put(pcapng, head, sizeof head);
    put_padded(pcapng, value, n);
}

/* ---- blocks ---- */

static void put_section(struct pcapng *pcapng)
{
    static const char name[] = "tcpfsm " TFSM_VERSION;
    const uint16_t version[2] = {1, 0};
    const int64_t unknown = -1; /* the length of the section */
    uint32_t size = (uint32_t)(4 * 3 + 4 + 8 + 4 + padded(sizeof name - 1) + 4 + 4);
    put32(pcapng, SECTION_HEADER);
    put32(pcapng, size);
    put32(pcapng, BYTE_ORDER_MAGIC);
    put(pcapng, version, sizeof version);
    put(pcapng, &unknown, sizeof unknown);
    put_option(pcapng, OPTION_APPLICATION, name, sizeof name - 1);
    put_option(pcapng, OPTION_END, NULL, 0);
    put32(pcapng, size);
}

static void put_interface(struct pcapng *pcapng, const struct interface *interface)
{
    const uint16_t link[2] = {(uint16_t)interface->link, 0};
    uint32_t size = 4 * 2 + 4 + 4 + 8 + 4 + 4;
    put32(pcapng, INTERFACE);
    put32(pcapng, size);
    put(pcapng, link, sizeof link);
    put32(pcapng, interface->snapshot);
    put_option(pcapng, OPTION_RESOLUTION, &interface->decimals, 1);
    put_option(pcapng, OPTION_END, NULL, 0);
    put32(pcapng, size);
}

/* Which interface a packet is of; it is written when it is new. */
static uint32_t interface_of(struct pcapng *pcapng, const struct capture_packet *packet)
{
    for (unsigned i = 0; i < pcapng->interface_count; i++) {
        if (pcapng->interfaces[i].link == packet->link &&
            pcapng->interfaces[i].snapshot == packet->snapshot &&
            pcapng->interfaces[i].decimals == pcapng->decimals) {
            return i;
        }
    }
    if (pcapng->interface_count == INTERFACES_MOST) {
        pcapng->failed = pcapng->failed != 0 ? pcapng->failed : EMFILE;
        return 0;
    }
    struct interface *interface = &pcapng->interfaces[pcapng->interface_count];
    *interface = (struct interface){packet->link, packet->snapshot, pcapng->decimals};
    put_interface(pcapng, interface);
    return pcapng->interface_count++;
}

/* ---- calls ---- */

struct pcapng *pcapng_open(const char *path, char error[CAPTURE_ERROR])
{
    struct pcapng *pcapng = calloc(1, sizeof *pcapng);
    size_t room = strlen(path) + sizeof ".XXXXXX";
    mode_t mask = umask(0);
    int descriptor = -1;
    umask(mask);
    errno = ENOMEM;
    if (pcapng != NULL) {
        pcapng->path = strdup(path);
        pcapng->temporary = malloc(room);
    }
    if (pcapng != NULL && pcapng->path != NULL && pcapng->temporary != NULL) {
        snprintf(pcapng->temporary, room, "%s.XXXXXX", path);
        descriptor = mkstemp(pcapng->temporary);
        if (descriptor < 0) {
            free(pcapng->temporary);
            pcapng->temporary = NULL;
        } else if (fchmod(descriptor, 0666 & ~mask) == 0) {
            pcapng->file = fdopen(descriptor, "wb");
        }
    }
    if (pcapng == NULL || pcapng->file == NULL) {
        snprintf(error, CAPTURE_ERROR, "%s", strerror(errno));
        if (descriptor >= 0) {
            close(descriptor);
        }
        pcapng_discard(pcapng);
        return NULL;
    }
    pcapng->decimals = NANOSECONDS;
    put_section(pcapng);
    return pcapng;
}

struct pcapng *pcapng_into(FILE *file, char error[CAPTURE_ERROR])
{
    struct pcapng *pcapng = calloc(1, sizeof *pcapng);
    if (pcapng == NULL) {
        snprintf(error, CAPTURE_ERROR, "%s", strerror(ENOMEM));
        return NULL;
    }
    pcapng->file = file;
    pcapng->decimals = NANOSECONDS;
    put_section(pcapng);
    return pcapng;
}

void pcapng_decimals(struct pcapng *pcapng, unsigned decimals)
{
    pcapng->decimals = (uint8_t)decimals;
}

const char *pcapng_temporary(const struct pcapng *pcapng)
{
    return pcapng->temporary;
}

void pcapng_comment(struct pcapng *pcapng, const char *comment)
{
    size_t n = strlen(comment);
    n = n < COMMENT_MOST ? n : COMMENT_MOST;
    const uint16_t head[2] = {OPTION_COMMENT, (uint16_t)n};
    size_t size = sizeof head + padded(n);
    if (pcapng->options_size + size > OPTIONS_MOST) {
        return; /* nobody reads that many */
    }
    if (pcapng->options_room - pcapng->options_size < size) {
        size_t wanted = 2 * (pcapng->options_size + size);
        uint8_t *larger = realloc(pcapng->options, wanted);
        if (larger == NULL) {
            pcapng->failed = pcapng->failed != 0 ? pcapng->failed : ENOMEM;
            return;
        }
        pcapng->options = larger;
        pcapng->options_room = wanted;
    }
    uint8_t *at = pcapng->options + pcapng->options_size;
    memset(at, 0, size);
    memcpy(at, head, sizeof head);
    memcpy(at + sizeof head, comment, n);
    pcapng->options_size += size;
}

void pcapng_packet(struct pcapng *pcapng, const struct capture_packet *packet)
{
    uint32_t number = interface_of(pcapng, packet);
    size_t options = pcapng->options_size > 0 ? pcapng->options_size + 4 : 0;
    uint32_t size = (uint32_t)(4 * 7 + padded(packet->frame_size) + options + 4);
    const uint32_t head[7] = {PACKET,
                              size,
                              number,
                              (uint32_t)(packet->recorded >> 32),
                              (uint32_t)packet->recorded,
                              (uint32_t)packet->frame_size,
                              (uint32_t)packet->frame_wire};
    put(pcapng, head, sizeof head);
    put_padded(pcapng, packet->frame, packet->frame_size);
    if (options > 0) {
        put(pcapng, pcapng->options, pcapng->options_size);
        put_option(pcapng, OPTION_END, NULL, 0);
    }
    put32(pcapng, size);
    pcapng->options_size = 0;
}

bool pcapng_close(struct pcapng *pcapng, char error[CAPTURE_ERROR])
{
    errno = 0;
    bool ours = pcapng->path != NULL;
    if ((ours ? fclose(pcapng->file) : fflush(pcapng->file)) != 0 && pcapng->failed == 0) {
        pcapng->failed = errno != 0 ? errno : EIO;
    }
    pcapng->file = NULL;
    if (pcapng->failed == 0 && ours && rename(pcapng->temporary, pcapng->path) != 0) {
        pcapng->failed = errno;
    }
    int failed = pcapng->failed;
    if (failed == 0) {
        free(pcapng->temporary); /* there is no such file any more */
        pcapng->temporary = NULL;
    } else {
        snprintf(error, CAPTURE_ERROR, "%s", strerror(failed));
    }
    pcapng_discard(pcapng);
    return failed == 0;
}

void pcapng_discard(struct pcapng *pcapng)
{
    if (pcapng == NULL) {
        return;
    }
    if (pcapng->file != NULL && pcapng->path != NULL) {
        fclose(pcapng->file);
    }
    if (pcapng->temporary != NULL) {
        unlink(pcapng->temporary);
    }
    free(pcapng->temporary);
    free(pcapng->path);
    free(pcapng->options);
    free(pcapng);
}
