/* The docket; see docket.h. Cases stand in buckets by their two ends, and in a line by when they were last heard of: the first
 * of that is forgotten where there are too many, or when it has been silent for long. */
#include "docket.h"
#include "repair.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS   65536u
#define OPEN_MOST 65536u
#define TEXT_MOST ((size_t)64 << 20)
#define LINGERS                                                                                    \
    ((tfsm_time)300 * 1000000) /* after both have closed: what is late may come that long */
#define SILENT                                                                                     \
    ((tfsm_time)7200 * 1000000 + (tfsm_time)600 * 1000000) /* a keep-alive would have come */
#define IPV6_FIXED 40u
#define TCP        6u
#define TCP_FIXED  20u

/* Who judges one end: what the charges of its witness name. */
struct seat {
    struct entry *entry;
    unsigned end;
    struct witness *witness; /* null: nobody does */
};

struct entry {
    struct docket_case the_case;
    struct docket *docket;
    struct seat seat[2];
    uint32_t hash;
    bool over; /* a RST, or both FINs */
    bool fin[2];
    struct entry *next;  /* of the bucket */
    struct entry *older; /* in the line */
    struct entry *newer;
};

struct docket {
    struct docket_config config;
    struct entry *buckets[BUCKETS];
    struct entry *oldest;
    struct entry *newest;
    size_t open;
    struct witness_court court;
    uint64_t cases;
};

/* ---- finding ---- */

static bool same_address(const struct tfsm_address *a, const struct tfsm_address *b)
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

/* Of one end; both directions of a connection come to the same sum. */
static uint64_t hash_of_end(const struct tfsm_address *address, uint16_t port)
{
    uint64_t words[2];
    memcpy(words, address->octets, sizeof words);
    return mix(words[0] ^ mix(words[1] + port));
}

static unsigned sender_of(const struct docket_case *the_case, const struct tfsm_packet *packet)
{
    for (unsigned end = 0; end < 2; end++) {
        if (the_case->port[end] == packet->src_port &&
            the_case->port[1 - end] == packet->dst_port &&
            same_address(&the_case->address[end], &packet->src) &&
            same_address(&the_case->address[1 - end], &packet->dst)) {
            return end;
        }
    }
    return 2;
}

/* ---- the line ---- */

static void leave_line(struct docket *docket, struct entry *entry)
{
    struct entry **before = entry->older != NULL ? &entry->older->newer : &docket->oldest;
    struct entry **after = entry->newer != NULL ? &entry->newer->older : &docket->newest;
    *before = entry->newer;
    *after = entry->older;
    entry->older = NULL;
    entry->newer = NULL;
}

static void join_line(struct docket *docket, struct entry *entry)
{
    entry->older = docket->newest;
    entry->newer = NULL;
    if (docket->newest != NULL) {
        docket->newest->newer = entry;
    } else {
        docket->oldest = entry;
    }
    docket->newest = entry;
}

static void close_case(struct docket *docket, struct entry *entry)
{
    struct entry **link = &docket->buckets[entry->hash % BUCKETS];
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    leave_line(docket, entry);
    for (unsigned end = 0; end < 2; end++) {
        witness_free(entry->seat[end].witness);
    }
    if (docket->config.closed != NULL) {
        docket->config.closed(docket->config.user, &entry->the_case);
    }
    free(entry);
    docket->open--;
}

static void forget_old(struct docket *docket, tfsm_time now)
{
    struct entry *first = docket->oldest;
    while (first != NULL && (docket->open > docket->config.open_most ||
                             now - first->the_case.last > (first->over ? LINGERS : SILENT))) {
        close_case(docket, first);
        first = docket->oldest;
    }
}

/* ---- beginning ---- */

static void raise(void *user, const struct witness_charge *charge)
{
    const struct seat *seat = user;
    const struct docket_config *config = &seat->entry->docket->config;
    config->charge(config->user, &seat->entry->the_case, seat->end, charge);
}

static struct entry *begin_case(struct docket *docket, const struct tfsm_packet *packet,
                                tfsm_time now, uint32_t hash)
{
    const struct docket_config *config = &docket->config;
    struct entry *entry = calloc(1, sizeof *entry);
    bool good = entry != NULL;
    if (!good) {
        return NULL;
    }
    entry->docket = docket;
    entry->hash = hash;
    entry->the_case = (struct docket_case){.number = ++docket->cases,
                                           .address = {packet->src, packet->dst},
                                           .port = {packet->src_port, packet->dst_port},
                                           .first = now,
                                           .last = now,
                                           .began = (packet->segment.flags & TFSM_SYN) != 0};
    for (unsigned end = 0; end < 2 && good; end++) {
        struct seat *seat = &entry->seat[end];
        *seat = (struct seat){.entry = entry, .end = end};
        if (config->is_subject == NULL ||
            config->is_subject(config->user, &entry->the_case.address[end],
                               entry->the_case.port[end])) {
            seat->witness = witness_new(&docket->court, seat);
            good = seat->witness != NULL;
        }
    }
    if (!good) {
        witness_free(entry->seat[0].witness);
        free(entry);
        return NULL;
    }
    entry->next = docket->buckets[hash % BUCKETS];
    docket->buckets[hash % BUCKETS] = entry;
    join_line(docket, entry);
    docket->open++;
    return entry;
}

/* A SYN that is not the one this end began with begins another incarnation. */
static bool begins_anew(const struct entry *entry, unsigned sender,
                        const struct tfsm_segment *segment)
{
    bool syn = (segment->flags & (TFSM_SYN | TFSM_ACK | TFSM_RST)) == TFSM_SYN;
    const struct docket_case *c = &entry->the_case;
    return syn && (c->syn_seen[sender] ? c->isn[sender] != segment->seq : c->packets > 1);
}

/* ---- a packet ---- */

static unsigned known_of(const struct capture_packet *packet)
{
    const unsigned cut = 1u << CAPTURE_CUT | 1u << CAPTURE_CUT_OPTIONS;
    const unsigned card = 1u << CAPTURE_OFFLOAD | 1u << CAPTURE_NO_LENGTH;
    unsigned known = (packet->assumed & 1u << CAPTURE_CUT_OPTIONS) == 0 ? WITNESS_WHOLE : 0;
    if (!packet->taken) {
        return known | WITNESS_WRONG;
    }
    known |= (packet->assumed & cut) == 0 ? WITNESS_SOUND : 0;
    return known | ((packet->assumed & (cut | card)) == 0 ? WITNESS_CHECKED : 0);
}

/* How wrong a checksum is. */
static uint16_t error_of(const struct capture_packet *packet, size_t at)
{
    size_t n = packet->packet.text_at + capture_text(&packet->packet.segment) - at;
    unsigned sum = at != 0 && at + n <= packet->size ? pseudo_sum(packet->octets, TCP, n) : 0;
    return sum != 0 ? (uint16_t)internet_fold(internet_sum(sum, packet->octets + at, n)) : 0;
}

/* Where the TCP header starts: what comes before it, extension headers of IPv6 included, ends where the text does less the
 * header's own length, which the header says at its thirteenth octet. */
static size_t header_at(const struct capture_packet *packet)
{
    size_t text_at = packet->packet.text_at;
    size_t least = packet->octets[0] >> 4 == 4 ? (packet->octets[0] & 0x0fu) * 4u : IPV6_FIXED;
    for (size_t at = least; at + TCP_FIXED <= text_at && at + TCP_FIXED <= packet->size; at += 4) {
        if (at + (packet->octets[at + 12] >> 4) * 4u == text_at &&
            (packet->octets[at] << 8 | packet->octets[at + 1]) == packet->packet.src_port) {
            return at;
        }
    }
    return 0;
}

static void let_witnesses_see(const struct entry *entry, unsigned sender,
                              const struct capture_packet *packet)
{
    size_t at = header_at(packet);
    size_t text_at = packet->packet.text_at;
    size_t end = packet->size < text_at ? packet->size : text_at;
    uint32_t text = capture_text(&packet->packet.segment);
    struct witness_packet seen = {.number = packet->number,
                                  .at = packet->time,
                                  .segment = &packet->packet.segment,
                                  .known = known_of(packet),
                                  .reserved = packet->packet.reserved,
                                  .family = packet->packet.src.family};
    if ((seen.known & WITNESS_WRONG) != 0) {
        seen.error = error_of(packet, at);
    }
    if (at != 0 && end > at + TCP_FIXED) {
        seen.options = packet->octets + at + TCP_FIXED;
        seen.option_octets = (unsigned)(end - at - TCP_FIXED);
    }
    if (packet->size > text_at) {
        size_t there = packet->size - text_at;
        seen.text = packet->octets + text_at;
        seen.text_octets = there < text ? (uint32_t)there : text;
    }
    for (unsigned e = 0; e < 2; e++) {
        if (entry->seat[e].witness != NULL) {
            witness_packet(entry->seat[e].witness, sender == e, &seen);
        }
    }
}

static void note(struct entry *entry, unsigned sender, const struct capture_packet *packet)
{
    struct docket_case *c = &entry->the_case;
    const struct tfsm_segment *segment = &packet->packet.segment;
    c->last = packet->time;
    c->packets++;
    c->cut = c->cut || (packet->assumed & (1u << CAPTURE_CUT | 1u << CAPTURE_CUT_OPTIONS)) != 0;
    c->offloads =
        c->offloads || (packet->assumed & (1u << CAPTURE_OFFLOAD | 1u << CAPTURE_NO_LENGTH)) != 0;
    if ((segment->flags & TFSM_SYN) != 0 && !c->syn_seen[sender]) {
        c->syn_seen[sender] = true;
        c->isn[sender] = segment->seq;
    }
    entry->fin[sender] = entry->fin[sender] || (segment->flags & TFSM_FIN) != 0;
    entry->over =
        entry->over || (segment->flags & TFSM_RST) != 0 || (entry->fin[0] && entry->fin[1]);
}

bool docket_packet(struct docket *docket, const struct capture_packet *packet)
{
    bool wrong = !packet->taken && packet->reason == CAPTURE_BAD_CHECKSUM;
    const struct tfsm_packet *p = &packet->packet;
    if (!packet->taken && !wrong) {
        return true;
    }
    uint32_t hash =
        (uint32_t)(hash_of_end(&p->src, p->src_port) + hash_of_end(&p->dst, p->dst_port));
    unsigned sender = 2;
    struct entry *entry = docket->buckets[hash % BUCKETS];
    for (; entry != NULL; entry = entry->next) {
        sender = entry->hash == hash ? sender_of(&entry->the_case, p) : 2;
        if (sender < 2) {
            break;
        }
    }
    if (wrong && entry == NULL) {
        return true; /* nobody knows whether its addresses are right */
    }
    if (!wrong && (entry == NULL || begins_anew(entry, sender, &p->segment))) {
        if (entry != NULL) {
            close_case(docket, entry);
        }
        forget_old(docket, packet->time);
        entry = begin_case(docket, p, packet->time, hash);
        sender = 0;
        if (entry == NULL) {
            return false;
        }
    }
    let_witnesses_see(entry, sender, packet);
    if (!wrong) {
        note(entry, sender, packet);
        leave_line(docket, entry);
        join_line(docket, entry);
    }
    return true;
}

/* ---- calls ---- */

struct docket *docket_new(const struct docket_config *config)
{
    struct docket *docket = calloc(1, sizeof *docket);
    if (docket != NULL) {
        docket->config = *config;
        docket->config.open_most = config->open_most != 0 ? config->open_most : OPEN_MOST;
        docket->court = (struct witness_court){
            .vantage = config->vantage,
            .charge = raise,
            .text_most = config->text_most != 0 ? config->text_most : TEXT_MOST};
    }
    return docket;
}

void docket_free(struct docket *docket)
{
    while (docket != NULL && docket->oldest != NULL) {
        close_case(docket, docket->oldest);
    }
    free(docket);
}
