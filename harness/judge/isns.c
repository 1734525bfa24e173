/* The ISNs of a capture; see isns.h. */
#include "isns.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 1024u
#define REWRITTEN_AMONG                                                                            \
    64u /* the last so many are looked at for the same segment under another address */
#define REWRITTEN_WITHIN ((tfsm_time)1000000)

struct isns_entry {
    struct isn_seen seen;
    uint32_t ack; /* of a SYN,ACK */
    uint32_t ts;
    uint32_t hash;
    uint32_t older; /* in the bucket; 0: none */
    unsigned file;
    bool answer; /* a SYN,ACK */
    bool has_ts;
    bool fin;
    bool closed;
};

static bool same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

static bool same_tuple(const struct isn_seen *a, const struct isn_seen *b)
{
    return a->port == b->port && a->peer_port == b->peer_port && same_address(&a->peer, &b->peer) &&
           same_address(&a->address, &b->address);
}

static uint32_t hash_of(const struct isn_seen *seen)
{
    uint64_t words[4];
    uint64_t hash = (uint64_t)seen->port << 16 | seen->peer_port;
    memcpy(words, seen->address.octets, 16);
    memcpy(words + 2, seen->peer.octets, 16);
    for (unsigned i = 0; i < 4; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return (uint32_t)(hash >> 20);
}

/* The last one of this tuple. */
static struct isns_entry *find(const struct isns *isns, const struct isn_seen *seen)
{
    uint32_t hash = hash_of(seen);
    uint32_t at = isns->room > 0 ? isns->buckets[hash % isns->room] : 0;
    while (at != 0) {
        struct isns_entry *entry = &isns->entries[at - 1];
        if (entry->hash == hash && same_tuple(&entry->seen, seen)) {
            return entry;
        }
        at = entry->older;
    }
    return NULL;
}

/* ---- adding ---- */

static void hang(struct isns *isns, size_t i)
{
    uint32_t *bucket = &isns->buckets[isns->entries[i].hash % isns->room];
    isns->entries[i].older = *bucket;
    *bucket = (uint32_t)i + 1;
}

static bool grow(struct isns *isns)
{
    size_t room = isns->room > 0 ? isns->room * 2 : ROOM_FIRST;
    struct isns_entry *entries = realloc(isns->entries, room * sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    isns->entries = entries;
    uint32_t *buckets = calloc(room, sizeof *buckets);
    if (buckets == NULL) {
        return false;
    }
    free(isns->buckets);
    isns->buckets = buckets;
    isns->room = room;
    for (size_t i = 0; i < isns->n; i++) {
        hang(isns, i);
    }
    return true;
}

/* A capture made where addresses are rewritten has a segment twice: the host is the same, and the peer another one. */
static bool is_rewritten(const struct isns *isns, const struct isns_entry *it)
{
    size_t least = isns->n > REWRITTEN_AMONG ? isns->n - REWRITTEN_AMONG : 0;
    for (size_t i = isns->n; i > least; i--) {
        const struct isns_entry *entry = &isns->entries[i - 1];
        if (entry->seen.isn == it->seen.isn && entry->answer == it->answer &&
            entry->seen.at + REWRITTEN_WITHIN >= it->seen.at &&
            same_address(&entry->seen.address, &it->seen.address) &&
            (it->answer ? entry->ack == it->ack : entry->seen.port == it->seen.port)) {
            return true;
        }
    }
    return false;
}

/* Whether a number that this tuple had before is another incarnation's: not in another file, which may show the same
 * connection from elsewhere, and not where a timestamp shows that it is an old SYN, late. */
static bool is_anew(const struct isns *isns, const struct isns_entry *last,
                    const struct isns_entry *it)
{
    return last->file == isns->file && last->closed &&
           !(last->has_ts && it->has_ts && last->ts == it->ts);
}

static bool add(struct isns *isns, const struct capture_packet *packet, const struct isn_seen *seen)
{
    const struct tfsm_segment *segment = &packet->packet.segment;
    struct isns_entry it = {.seen = *seen,
                            .ack = segment->ack,
                            .ts = segment->ts_val,
                            .hash = hash_of(seen),
                            .file = isns->file,
                            .answer = (segment->flags & TFSM_ACK) != 0,
                            .has_ts = (segment->options & TFSM_OPT_TIMESTAMPS) != 0};
    const struct isns_entry *last = find(isns, seen);
    if (last != NULL && last->seen.isn == seen->isn && !is_anew(isns, last, &it)) {
        return true;
    }
    if (last == NULL && is_rewritten(isns, &it)) {
        isns->rewritten++;
        return true;
    }
    if (isns->n == ISNS_MOST) {
        isns->left_out++;
        return true;
    }
    if (isns->n == isns->room && !grow(isns)) {
        return false;
    }
    isns->entries[isns->n] = it;
    hang(isns, isns->n++);
    return true;
}

/* ---- closing ---- */

/* A RST that answers a SYN closes only where it acknowledges that; a FIN when the other end's is there, too. */
static void close_entries(const struct isns *isns, const struct tfsm_segment *segment,
                          const struct isn_seen *seen)
{
    struct isn_seen other = {seen->at, 0, seen->peer, seen->address, seen->peer_port, seen->port};
    struct isns_entry *sender = find(isns, seen);
    struct isns_entry *receiver = find(isns, &other);
    bool over = (segment->flags & TFSM_RST) != 0 &&
                (sender != NULL || receiver == NULL ||
                 ((segment->flags & TFSM_ACK) != 0 && segment->ack == receiver->seen.isn + 1));
    if (sender != NULL) {
        sender->fin = sender->fin || (segment->flags & TFSM_FIN) != 0;
        over = over || (sender->fin && receiver != NULL && receiver->fin);
        sender->closed = sender->closed || over;
    }
    if (receiver != NULL) {
        receiver->closed = receiver->closed || over;
    }
}

bool isns_packet(struct isns *isns, const struct capture_packet *packet)
{
    const struct tfsm_packet *p = &packet->packet;
    struct isn_seen seen = {packet->time, p->segment.seq, p->src, p->dst, p->src_port, p->dst_port};
    if (!packet->taken) {
        return true;
    }
    if ((p->segment.flags & (TFSM_RST | TFSM_FIN)) != 0) {
        close_entries(isns, &p->segment, &seen);
        return true;
    }
    return (p->segment.flags & TFSM_SYN) == 0 || add(isns, packet, &seen);
}

/* ---- all of them ---- */

void isns_next_file(struct isns *isns)
{
    isns->file++;
}

static int compare(const void *a, const void *b)
{
    const struct isn_seen *first = *(const struct isn_seen *const *)a;
    const struct isn_seen *second = *(const struct isn_seen *const *)b;
    int order = (int)first->address.family - (int)second->address.family;
    if (order == 0) {
        order = memcmp(first->address.octets, second->address.octets, sizeof first->address.octets);
    }
    if (order == 0) {
        order = (first->at > second->at) - (first->at < second->at);
    }
    return order != 0 ? order : (first > second) - (first < second);
}

struct isn_seen *isns_sorted(const struct isns *isns)
{
    const struct isn_seen **order = calloc(isns->n + 1, sizeof *order);
    struct isn_seen *seen = calloc(isns->n + 1, sizeof *seen);
    if (order == NULL || seen == NULL) {
        free(order);
        free(seen);
        return NULL;
    }
    for (size_t i = 0; i < isns->n; i++) {
        order[i] = &isns->entries[i].seen;
    }
    qsort(order, isns->n, sizeof *order, compare);
    for (size_t i = 0; i < isns->n; i++) {
        seen[i] = *order[i];
    }
    free(order);
    return seen;
}

size_t isns_of_host(const struct isn_seen *seen, size_t n)
{
    size_t count = 0;
    while (count < n && same_address(&seen[count].address, &seen[0].address)) {
        count++;
    }
    return count;
}

void isns_free(struct isns *isns)
{
    free(isns->entries);
    free(isns->buckets);
    *isns = (struct isns){.n = 0};
}
