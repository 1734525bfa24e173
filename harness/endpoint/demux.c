/* Which connection or listener a segment is for, and which addresses and ports are whose. Tuples
 * are hashed with SipHash under a key of this host, so that nobody outside can choose tuples that
 * fall into one chain; chains are then short, whatever arrives. */
#include "internal.h"

static size_t address_octets(unsigned family)
{
    return family == 4 ? 4 : 16;
}

static size_t put_port(uint8_t *to, uint16_t port)
{
    to[0] = (uint8_t)(port >> 8);
    to[1] = (uint8_t)(port & 0xffu);
    return 2;
}

/* ---- connections ---- */

/* An open table, at most half full: what is not in its own cell is in one of the next, and none is empty between them. */
uint32_t ep_find(const struct endpoint *ep, const struct ep_tuple *tuple, uint32_t hash)
{
    for (uint32_t at = hash & ep->cell_mask; ep->cells[at].slot != 0;
         at = (at + 1) & ep->cell_mask) {
        const struct ep_cell *cell = &ep->cells[at];
        if (cell->hash == hash && ep_same_tuple(&ep_slot(ep, cell->slot - 1)->tuple, tuple)) {
            return cell->slot - 1;
        }
    }
    return EP_NONE;
}

uint32_t ep_guess(const struct endpoint *ep, uint32_t hash)
{
    for (uint32_t at = hash & ep->cell_mask; ep->cells[at].slot != 0;
         at = (at + 1) & ep->cell_mask) {
        if (ep->cells[at].hash == hash) {
            return ep->cells[at].slot - 1;
        }
    }
    return EP_NONE;
}

void ep_enter(struct endpoint *ep, uint32_t slot)
{
    uint32_t hash = ep_slot(ep, slot)->node.hash;
    uint32_t at = hash & ep->cell_mask;
    while (ep->cells[at].slot != 0) {
        at = (at + 1) & ep->cell_mask;
    }
    ep->cells[at] = (struct ep_cell){hash, slot + 1};
    ep_slot(ep, slot)->hashed = true;
}

/* Whoever would no longer be found across the empty cell moves into it, and leaves another. */
void ep_leave(struct endpoint *ep, uint32_t slot)
{
    uint32_t hole = ep_slot(ep, slot)->node.hash & ep->cell_mask;
    if (!ep_slot(ep, slot)->hashed) {
        return;
    }
    while (ep->cells[hole].slot != slot + 1) {
        hole = (hole + 1) & ep->cell_mask;
    }
    for (uint32_t at = hole + 1;; at++) {
        const struct ep_cell *cell = &ep->cells[at & ep->cell_mask];
        if (cell->slot == 0) {
            break;
        }
        if ((seq_distance(cell->hash, at) & ep->cell_mask) >=
            (seq_distance(hole, at) & ep->cell_mask)) {
            ep->cells[hole] = *cell;
            hole = at & ep->cell_mask;
        }
    }
    ep->cells[hole] = (struct ep_cell){0, 0};
    ep_slot(ep, slot)->hashed = false;
}

/* ---- listeners ---- */

/* Of listeners no stranger chooses which there are: a plain hash will do. */
static uint32_t listener_hash(const struct ep_tuple *tuple)
{
    const uint64_t spread = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = (uint64_t)tuple->local_port << 3 ^ tuple->family ^ ep_word(tuple->local);
    hash *= spread;
    hash ^= hash >> 32 ^ ep_word(tuple->local + 8);
    return (uint32_t)(hash * spread >> 32);
}

uint32_t ep_find_same_listener(const struct endpoint *ep, const struct ep_tuple *tuple)
{
    uint32_t hash = listener_hash(tuple);
    uint32_t at = ep->listener_buckets[hash & ep->listener_bucket_mask];
    while (at != 0) {
        const struct ep_listener *listener = &ep->listeners[at - 1];
        if (listener->node.hash == hash && ep_same_tuple(&listener->tuple, tuple)) {
            return at - 1;
        }
        at = listener->chain;
    }
    return EP_NONE;
}

static bool is_any(const struct ep_tuple *tuple)
{
    return (ep_word(tuple->local) | ep_word(tuple->local + 8)) == 0;
}

/* RFC9293:MUST-42 */
uint32_t ep_find_listener(const struct endpoint *ep, const struct ep_tuple *tuple)
{
    struct ep_tuple part = {.local_port = tuple->local_port, .family = tuple->family};
    if (ep->exact_listeners > 0) {
        memcpy(part.local, tuple->local, sizeof part.local);
        uint32_t exact = ep_find_same_listener(ep, &part);
        if (exact != EP_NONE) {
            return exact;
        }
        memset(part.local, 0, sizeof part.local);
    }
    return ep->used_listeners > 0 ? ep_find_same_listener(ep, &part) : EP_NONE;
}

void ep_enter_listener(struct endpoint *ep, uint32_t listener)
{
    struct ep_listener *entered = &ep->listeners[listener];
    uint32_t *bucket;
    entered->node.hash = listener_hash(&entered->tuple);
    bucket = &ep->listener_buckets[entered->node.hash & ep->listener_bucket_mask];
    entered->chain = *bucket;
    *bucket = listener + 1;
    ep->exact_listeners += !is_any(&entered->tuple);
}

void ep_leave_listener(struct endpoint *ep, uint32_t listener)
{
    struct ep_listener *left = &ep->listeners[listener];
    uint32_t *link = &ep->listener_buckets[left->node.hash & ep->listener_bucket_mask];
    while (*link != listener + 1) {
        link = &ep->listeners[*link - 1].chain;
    }
    *link = left->chain;
    left->chain = 0;
    ep->exact_listeners -= !is_any(&left->tuple);
}

/* ---- addresses ---- */

/* The first bits of two addresses agree. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    return memcmp(a, b, whole) == 0 &&
           (rest == 0 || (unsigned)(a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static bool same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, address_octets(a->family)) == 0;
}

static uint32_t number_of(const struct tfsm_address *address)
{
    return (uint32_t)address->octets[0] << 24 | (uint32_t)address->octets[1] << 16 |
           (uint32_t)address->octets[2] << 8 | address->octets[3];
}

/* All bits after the prefix are set. A network of 31 or 32 bits has no broadcast (RFC 3021). */
static bool is_broadcast_of(const struct endpoint_local *local, const struct tfsm_address *address)
{
    if (address->family != 4 || local->address.family != 4 || local->prefix > 30) {
        return false;
    }
    uint32_t host = UINT32_MAX >> local->prefix;
    uint32_t number = number_of(address);
    return (number & host) == host && ((number ^ number_of(&local->address)) & ~host) == 0;
}

/* What a host calls itself, and no other host may: 0.0.0.0/8 and 127.0.0.0/8 (RFC1122:3.2.1.3), ::1
 * (RFC 4291 2.5.3). */
static bool means_this_host(const struct tfsm_address *address)
{
    static const uint8_t loopback[16] = {[15] = 1};
    if (address->family == 4) {
        return address->octets[0] == 0 || address->octets[0] == 127;
    }
    return memcmp(address->octets, loopback, sizeof loopback) == 0;
}

/* RFC9293:MUST-46, RFC9293:MUST-57, RFC9293:MUST-63: broadcasts that only we can know are none. */
bool ep_is_host(const struct endpoint *ep, const struct tfsm_address *address)
{
    if (!tfsm_address_is_unicast(address)) {
        return false;
    }
    if (means_this_host(address) && !ep_is_ours(ep, address)) {
        return false;
    }
    for (uint32_t i = 0; i < ep->local_count; i++) {
        if (is_broadcast_of(&ep->locals[i], address)) {
            return false;
        }
    }
    return true;
}

/* One look at the addresses of nearly every segment over IPv4: from a class A, B or C that is not loopback and no
 * broadcast of ours, to one of ours. */
bool ep_plainly_holds(const struct endpoint *ep, const struct tfsm_address *src,
                      const struct tfsm_address *dst)
{
    bool ours = false;
    uint8_t first = src->octets[0];
    if (src->family != 4 || dst->family != 4 || first == 0 || first == 127 || first >= 224 ||
        dst->octets[0] == 127) {
        return false;
    }
    uint32_t to = number_of(dst);
    for (uint32_t i = 0; i < ep->local_count; i++) {
        if (is_broadcast_of(&ep->locals[i], src)) {
            return false;
        }
        ours =
            ours || (ep->locals[i].address.family == 4 && number_of(&ep->locals[i].address) == to);
    }
    return ours;
}

bool ep_is_ours(const struct endpoint *ep, const struct tfsm_address *address)
{
    for (uint32_t i = 0; i < ep->local_count; i++) {
        if (same_address(&ep->locals[i].address, address)) {
            return true;
        }
    }
    return false;
}

/* An address of the remote's own network if there is one, else the first of its family: what there
 * is of a routing table here (RFC9293:MUST-44). */
bool ep_choose_local(const struct endpoint *ep, const struct tfsm_address *remote,
                     struct tfsm_address *local)
{
    bool found = false;
    for (uint32_t i = 0; i < ep->local_count; i++) {
        const struct endpoint_local *candidate = &ep->locals[i];
        if (candidate->address.family != remote->family ||
            tfsm_address_is_loopback(&candidate->address) != tfsm_address_is_loopback(remote)) {
            continue;
        }
        if (same_prefix(candidate->address.octets, remote->octets, candidate->prefix)) {
            *local = candidate->address;
            return true;
        }
        if (!found) {
            *local = candidate->address;
            found = true;
        }
    }
    return found;
}

/* Simple hash-based port selection (RFC 6056 3.3.3): ports towards one peer follow each other, and
 * strangers learn nothing from theirs (RFC5927:4.2). A port somebody listens on is left alone. When nearly all
 * ports towards a peer are taken this looks at each of them once. */
bool ep_choose_port(struct endpoint *ep, struct ep_tuple *tuple)
{
    uint32_t ports = (uint32_t)ep->port_last - ep->port_first + 1;
    uint8_t octets[16 + 16 + 2];
    memcpy(octets, tuple->local, 16);
    memcpy(octets + 16, tuple->remote, 16);
    put_port(octets + 32, tuple->remote_port);
    uint64_t offset = tfsm_siphash(ep->port_key, octets, sizeof octets) >> 32;
    for (uint32_t i = 0; i < ports; i++) {
        tuple->local_port = (uint16_t)(ep->port_first + (offset + ep->ports_given + i) % ports);
        if (ep_find(ep, tuple, ep_hash(ep, tuple)) == EP_NONE &&
            ep_find_listener(ep, tuple) == EP_NONE) {
            ep->ports_given = seq_add(ep->ports_given, i + 1);
            return true;
        }
    }
    return false;
}
