/* The docket; see docket.h. Cases stand in buckets by their two ends, and in a line by when they were last heard of: the first
 * of that is forgotten where there are too many, or when it has been silent for long. */
#include "docket.h"
#include "hosts.h"
#include "repair.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS   65536u
#define OPEN_MOST 32768u
#define TEXT_MOST ((size_t)64 << 20)
#define LINGERS                                                                                    \
    ((tfsm_time)300 * 1000000) /* after both have closed: what is late may come that long */
#define SILENT                                                                                     \
    ((tfsm_time)7200 * 1000000 + (tfsm_time)600 * 1000000) /* a keep-alive would have come */
#define LINK_ETHERNET 1                                    /* as files number them */
#define LINK_COOKED   113
#define LINK_COOKED_2 276
#define ETHERNET_MOST 1500u
#define ICMP          1u
#define ICMPV6        58u
#define MOMENT        ((tfsm_time)100)
#define SECOND        ((tfsm_time)1000000)
#define OVER_LONG     ((tfsm_time)10 * 1000000)
#define CLOSED_LONG   ((tfsm_time)60 * 1000000)
#define IP_FIXED      20u
#define IPV6_FIXED    40u
#define TCP           6u
#define TCP_FIXED     20u

/* Who judges one end: what the charges of its witness name. */
struct seat {
    struct entry *entry;
    unsigned end;
    struct witness *witness; /* null: nobody does */
};

/* A segment that was just seen. */
struct just {
    tfsm_time at;
    uint32_t seq;
    uint32_t ack;
    uint32_t len;
    uint32_t ts_val;
    uint16_t wnd;
    uint8_t flags;
};

#define JUST 8u

struct entry {
    struct docket_case the_case;
    struct docket *docket;
    struct seat seat[2];
    uint32_t hash;
    bool over; /* a RST, or both FINs */
    bool fin[2];
    unsigned just_count;
    struct just just[JUST];    /* a ring */
    bool plain[2];             /* an end has sent what is neither SYN nor RST */
    struct hosts_sight syn[2]; /* the first of each end */
    struct entry *next;        /* of the bucket */
    struct entry *older;       /* in the line */
    struct entry *newer;
};

struct docket {
    struct docket_config config;
    struct entry *buckets[BUCKETS];
    struct entry *oldest;
    struct entry *newest;
    size_t open;
    struct witness_court court;
    struct hosts *hosts;
    uint64_t cases;
};

/* ---- finding ---- */

/* Of one end; both directions of a connection come to the same sum. */
static uint64_t hash_of_end(const struct tfsm_address *address, uint16_t port)
{
    return hosts_hash(address, port);
}

unsigned docket_sender(const struct docket_case *the_case, const struct tfsm_packet *packet)
{
    for (unsigned end = 0; end < 2; end++) {
        if (the_case->port[end] == packet->src_port &&
            the_case->port[1 - end] == packet->dst_port &&
            hosts_same_address(&the_case->address[end], &packet->src) &&
            hosts_same_address(&the_case->address[1 - end], &packet->dst)) {
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

/* Both ends have taken the other's SYN. */
static bool was_open(const struct entry *entry)
{
    return entry->the_case.syn_seen[0] && entry->the_case.syn_seen[1] && entry->plain[0] &&
           entry->plain[1];
}

static void note_end(struct docket *docket, const struct entry *entry)
{
    for (unsigned end = 0; end < 2 && was_open(entry); end++) {
        hosts_note_isn(docket->hosts, &entry->the_case.address[end], entry->the_case.isn[end],
                       entry->syn[end], entry->the_case.last);
    }
}

static void close_case(struct docket *docket, struct entry *entry)
{
    struct entry **link = &docket->buckets[entry->hash % BUCKETS];
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    leave_line(docket, entry);
    if (!entry->over) {
        note_end(docket, entry);
    }
    for (unsigned end = 0; end < 2; end++) {
        const struct witness *witness = entry->seat[end].witness;
        entry->the_case.judged += witness != NULL;
        entry->the_case.near += witness != NULL && witness_is_near(witness);
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

/* A SYN that is not the one this end began with begins another incarnation. So does one that answers a SYN which the capture has
 * missed, and text after both ends have closed, if it comes later than a retransmission of theirs would. */
static bool begins_anew(const struct entry *entry, unsigned sender,
                        const struct capture_packet *packet)
{
    const struct docket_case *c = &entry->the_case;
    unsigned flags = packet->packet.segment.flags;
    bool closed = entry->fin[0] && entry->fin[1];
    bool same = c->syn_seen[sender] && c->isn[sender] == packet->packet.segment.seq;
    if ((flags & TFSM_RST) != 0) {
        return false;
    }
    if ((flags & (TFSM_SYN | TFSM_ACK)) == TFSM_SYN) {
        bool long_over = entry->over && packet->time - c->last > OVER_LONG;
        return same ? closed || long_over || (entry->over && entry->plain[sender])
                    : c->packets > 1 || c->syn_seen[sender];
    }
    if ((flags & TFSM_SYN) != 0) {
        return entry->over && !same;
    }
    return closed && (flags & TFSM_FIN) == 0 && packet->packet.segment.len > 0 &&
           packet->time - c->last > CLOSED_LONG;
}

/* ---- a packet ---- */

/* What is larger than Ethernet takes is several segments that a network card is to send, or put together, though whoever wrote the
 * capture anew may have made the checksum right. */
static bool is_merged(const struct capture_packet *packet)
{
    bool ethernet = packet->link == LINK_ETHERNET || packet->link == LINK_COOKED ||
                    packet->link == LINK_COOKED_2;
    size_t length = packet->packet.text_at + capture_text(&packet->packet.segment);
    return ethernet && length > ETHERNET_MOST;
}

static unsigned known_of(const struct capture_packet *packet)
{
    const unsigned cut = 1u << CAPTURE_CUT | 1u << CAPTURE_CUT_OPTIONS;
    const unsigned card = 1u << CAPTURE_OFFLOAD | 1u << CAPTURE_NO_LENGTH;
    unsigned known = (packet->assumed & 1u << CAPTURE_CUT_OPTIONS) == 0 ? WITNESS_WHOLE : 0;
    if (!packet->taken) {
        return known | WITNESS_WRONG;
    }
    known |= (packet->assumed & cut) == 0 ? WITNESS_SOUND : 0;
    bool checked = (packet->assumed & (cut | card)) == 0 && !is_merged(packet);
    return known | (checked ? WITNESS_CHECKED : 0);
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
    if (packet->size > IP_FIXED) {
        seen.ttl = packet->octets[seen.family == 6 ? 7 : 8];
    }
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

/* Whether an end has used its number before: once, and some time ago, or more often. What passes a translator of addresses is
 * seen twice, one right after the other. */
static bool is_isn_again(const struct docket *docket, const struct docket_case *c, unsigned end,
                         struct hosts_sight *before)
{
    tfsm_time over = 0;
    unsigned count =
        hosts_know_isn(docket->hosts, &c->address[end], c->isn[end], c->first, before, &over);
    return count > 1 || (count == 1 && c->first - over > SECOND);
}

/* An initial sequence number that one end has used before. Where both have, somebody has rewritten the capture. */
static void judge_isns(const struct docket *docket, const struct entry *entry,
                       const struct capture_packet *packet)
{
    const struct docket_case *c = &entry->the_case;
    struct hosts_sight before[2] = {{0}, {0}};
    bool again[2] = {is_isn_again(docket, c, 0, &before[0]),
                     is_isn_again(docket, c, 1, &before[1])};
    for (unsigned end = 0; end < 2; end++) {
        if (again[end] && !again[1 - end] && entry->seat[end].witness != NULL) {
            struct witness_charge charge = {.clause = WITNESS_ISN_REPEATED,
                                            .at = packet->time,
                                            .proofs = 2,
                                            .proof = {before[end].packet, entry->syn[end].packet},
                                            .number = {c->isn[end]}};
            docket->config.charge(docket->config.user, c, end, &charge);
        }
    }
}

static void note_hosts(const struct docket *docket, struct entry *entry, unsigned sender,
                       const struct capture_packet *packet)
{
    struct docket_case *c = &entry->the_case;
    unsigned flags = packet->packet.segment.flags;
    struct hosts_sight sight = {packet->number, packet->time};
    bool before = was_open(entry);
    if ((flags & TFSM_SYN) != 0 && !c->syn_seen[sender]) {
        c->syn_seen[sender] = true;
        c->isn[sender] = packet->packet.segment.seq;
        entry->syn[sender] = sight;
    }
    entry->plain[sender] = entry->plain[sender] || (flags & (TFSM_SYN | TFSM_RST)) == 0;
    if (was_open(entry) && !before) {
        judge_isns(docket, entry, packet);
    }
}

static void note(struct docket *docket, struct entry *entry, unsigned sender,
                 const struct capture_packet *packet)
{
    struct docket_case *c = &entry->the_case;
    const struct tfsm_segment *segment = &packet->packet.segment;
    c->last = packet->time;
    c->packets++;
    c->cut = c->cut || (packet->assumed & (1u << CAPTURE_CUT | 1u << CAPTURE_CUT_OPTIONS)) != 0;
    c->offloads =
        c->offloads || (packet->assumed & (1u << CAPTURE_OFFLOAD | 1u << CAPTURE_NO_LENGTH)) != 0;
    note_hosts(docket, entry, sender, packet);
    bool over = entry->over;
    entry->fin[sender] = entry->fin[sender] || (segment->flags & TFSM_FIN) != 0;
    entry->over =
        entry->over || (segment->flags & TFSM_RST) != 0 || (entry->fin[0] && entry->fin[1]);
    if (entry->over && !over) {
        note_end(docket, entry);
    }
}

static bool is_icmp(const struct capture_packet *packet)
{
    return packet->reason == CAPTURE_NOT_TCP && packet->size > IP_FIXED &&
           (packet->octets[0] >> 4 == 4 ? packet->octets[9] == ICMP : packet->octets[6] == ICMPV6);
}

/* Whether it was recorded a moment before already, as happens where several devices are recorded that it passes. */
static bool is_copy(struct entry *entry, const struct capture_packet *packet)
{
    const struct tfsm_segment *segment = &packet->packet.segment;
    bool timed = (packet->assumed & 1u << CAPTURE_NO_TIME) == 0;
    if (!timed || (segment->len == 0 && (segment->flags & TFSM_RST) == 0)) {
        return false; /* ACKs alone may be as many as they are */
    }
    const struct just this = {packet->time,    segment->seq, segment->ack,  segment->len,
                              segment->ts_val, segment->wnd, segment->flags};
    for (unsigned i = 0; i < entry->just_count && i < JUST; i++) {
        const struct just *just = &entry->just[i];
        if (just->seq == this.seq && just->ack == this.ack && just->len == this.len &&
            just->ts_val == this.ts_val && just->wnd == this.wnd && just->flags == this.flags &&
            this.at - just->at < MOMENT) {
            return true;
        }
    }
    entry->just[entry->just_count++ % JUST] = this;
    return false;
}

bool docket_packet(struct docket *docket, const struct capture_packet *packet)
{
    bool wrong = !packet->taken && packet->reason == CAPTURE_BAD_CHECKSUM;
    const struct tfsm_packet *p = &packet->packet;
    docket->court.untimed =
        docket->court.untimed || (packet->taken && (packet->assumed & 1u << CAPTURE_NO_TIME) != 0);
    if (!packet->taken && !wrong) {
        docket->court.icmp = docket->court.icmp || is_icmp(packet);
        docket->court.fragments = docket->court.fragments || packet->reason == CAPTURE_FRAGMENT;
        return true;
    }
    uint32_t hash =
        (uint32_t)(hash_of_end(&p->src, p->src_port) + hash_of_end(&p->dst, p->dst_port));
    unsigned sender = 2;
    struct entry *entry = docket->buckets[hash % BUCKETS];
    for (; entry != NULL; entry = entry->next) {
        sender = entry->hash == hash ? docket_sender(&entry->the_case, p) : 2;
        if (sender < 2) {
            break;
        }
    }
    if (wrong && entry == NULL) {
        return true; /* nobody knows whether its addresses are right */
    }
    if (!wrong && (entry == NULL || begins_anew(entry, sender, packet))) {
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
    if (wrong || !is_copy(entry, packet)) {
        let_witnesses_see(entry, sender, packet);
    }
    if (!wrong) {
        note(docket, entry, sender, packet);
        leave_line(docket, entry);
        join_line(docket, entry);
    }
    return true;
}

/* ---- calls ---- */

struct docket *docket_new(const struct docket_config *config)
{
    struct docket *docket = calloc(1, sizeof *docket);
    struct hosts *hosts = hosts_new();
    if (docket == NULL || hosts == NULL) {
        free(docket);
        hosts_free(hosts);
        return NULL;
    }
    docket->hosts = hosts;
    docket->config = *config;
    docket->config.open_most = config->open_most != 0 ? config->open_most : OPEN_MOST;
    docket->court =
        (struct witness_court){.vantage = config->vantage,
                               .charge = raise,
                               .text_most = config->text_most != 0 ? config->text_most : TEXT_MOST};
    return docket;
}

void docket_free(struct docket *docket)
{
    if (docket == NULL) {
        return;
    }
    while (docket->oldest != NULL) {
        close_case(docket, docket->oldest);
    }
    hosts_free(docket->hosts);
    free(docket);
}
