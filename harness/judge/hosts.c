/* Hosts, one in each place of a table; see hosts.h. */
#include "hosts.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 65536u
#define ISNS   4u

struct host {
    struct tfsm_address address;
    bool known;
    unsigned isns; /* noted so far: a ring */
    uint32_t isn[ISNS];
    struct hosts_sight syn[ISNS];
    tfsm_time over[ISNS];
};

struct hosts {
    struct host place[PLACES];
};

struct hosts *hosts_new(void)
{
    return calloc(1, sizeof(struct hosts));
}

void hosts_free(struct hosts *hosts)
{
    free(hosts);
}

bool hosts_same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    return x * UINT64_C(0xc4ceb9fe1a85ec53);
}

uint64_t hosts_hash(const struct tfsm_address *address, uint64_t seed)
{
    uint64_t words[2];
    memcpy(words, address->octets, sizeof words);
    return mix(words[0] ^ mix(words[1] + seed));
}

static size_t place_of(const struct tfsm_address *address)
{
    return hosts_hash(address, 0) >> 32 & (PLACES - 1);
}

static const struct host *find(const struct hosts *hosts, const struct tfsm_address *address)
{
    const struct host *host = &hosts->place[place_of(address)];
    return host->known && hosts_same_address(&host->address, address) ? host : NULL;
}

static struct host *take(struct hosts *hosts, const struct tfsm_address *address)
{
    struct host *host = &hosts->place[place_of(address)];
    if (!host->known || !hosts_same_address(&host->address, address)) {
        *host = (struct host){.address = *address, .known = true};
    }
    return host;
}

void hosts_note_isn(struct hosts *hosts, const struct tfsm_address *address, uint32_t isn,
                    struct hosts_sight syn, tfsm_time over)
{
    struct host *host = take(hosts, address);
    unsigned at = host->isns++ % ISNS;
    host->isn[at] = isn;
    host->syn[at] = syn;
    host->over[at] = over;
}

unsigned hosts_know_isn(const struct hosts *hosts, const struct tfsm_address *address, uint32_t isn,
                        tfsm_time at, struct hosts_sight *syn, tfsm_time *over)
{
    const struct host *host = find(hosts, address);
    unsigned count = 0;
    for (unsigned i = 0; host != NULL && i < host->isns && i < ISNS; i++) {
        if (host->isn[i] == isn && host->over[i] < at) {
            *syn = count == 0 || host->over[i] > *over ? host->syn[i] : *syn;
            *over = count == 0 || host->over[i] > *over ? host->over[i] : *over;
            count++;
        }
    }
    return count;
}
