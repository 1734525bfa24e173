/* What is remembered of peers for Fast Open, in two small tables. A cookie is good for a pair of
 * addresses, and may be lost: it costs a round trip to ask for another. A bad answer closes one port of
 * the peer for a while, and may not be forgotten before its time, or a path that swallows such SYNs
 * would be tried again and again (RFC7413:4.1.3.1). In both a few neighbours share what would else be
 * one place, so that one peer does not put out another where there are places. */
#include "internal.h"

#define NEIGHBOURS 8u

static struct ep_tuple addresses_of(const struct ep_tuple *tuple)
{
    struct ep_tuple addresses = *tuple;
    addresses.local_port = 0;
    addresses.remote_port = 0;
    return addresses;
}

static bool is_same(const struct ep_tuple *a, const struct ep_tuple *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- ports that rest ---- */

/* One of the places for what has this hash; 0 is its first. */
static struct ep_refusal *refusal_at(const struct endpoint *ep, uint32_t hash, uint32_t i)
{
    uint64_t count = (uint64_t)ep->cookie_count * EP_REFUSALS;
    return &ep->refusals[(hash + (uint64_t)i) % count];
}

static struct ep_tuple path_of(const struct ep_tuple *tuple)
{
    struct ep_tuple path = *tuple;
    path.local_port = 0;
    return path;
}

/* The place that holds a path, or null. */
static struct ep_refusal *find_refusal(const struct endpoint *ep, const struct ep_tuple *path)
{
    uint32_t hash = ep_hash(ep, path);
    for (uint32_t i = 0; ep->cookie_count > 0 && i < NEIGHBOURS; i++) {
        struct ep_refusal *refusal = refusal_at(ep, hash, i);
        if (refusal->until > 0 && is_same(&refusal->tuple, path)) {
            return refusal;
        }
    }
    return NULL;
}

/* Fast Open rests towards this port. */
static bool rests(const struct endpoint *ep, const struct ep_tuple *tuple, tfsm_time now)
{
    struct ep_tuple path = path_of(tuple);
    const struct ep_refusal *refusal = find_refusal(ep, &path);
    return ep->cookie_count > 0 && (now < refusal_at(ep, ep_hash(ep, &path), 0)->crowded ||
                                    (refusal != NULL && now < refusal->until));
}

/* A place for a path: its own, one that is not in use, or that of the neighbour which would be over
 * first. What makes room goes on to rest, and with it whatever has the same first place. */
static struct ep_refusal *take_refusal(struct endpoint *ep, const struct ep_tuple *path,
                                       tfsm_time now)
{
    uint32_t hash = ep_hash(ep, path);
    struct ep_refusal *found = find_refusal(ep, path);
    if (found != NULL) {
        return found;
    }
    found = refusal_at(ep, hash, 0);
    for (uint32_t i = 1; i < NEIGHBOURS; i++) {
        struct ep_refusal *other = refusal_at(ep, hash, i);
        found = other->until < found->until ? other : found;
    }
    if (now < found->until) {
        struct ep_refusal *first = refusal_at(ep, ep_hash(ep, &found->tuple), 0);
        first->crowded = first->crowded > found->until ? first->crowded : found->until;
    }
    found->tuple = *path;
    return found;
}

/* RFC7413:4.1.3.1a, RFC7413:4.1.3.1b, RFC7413:4.2.1c */
void ep_refuse_cookie(struct endpoint *ep, uint32_t index, tfsm_time now)
{
    struct ep_tuple path = path_of(&ep_slot(ep, index)->tuple);
    if (ep->cookie_count > 0) {
        tfsm_time pause = ep->fast_open_pause;
        take_refusal(ep, &path, now)->until = pause < TFSM_NEVER - now ? now + pause : TFSM_NEVER;
    }
}

/* ---- cookies ---- */

static struct ep_cookie *cookie_at(const struct endpoint *ep, uint32_t hash, uint32_t i)
{
    return &ep->cookies[(hash + (uint64_t)i) % ep->cookie_count];
}

/* The cookie for the addresses of a tuple, or null. */
static struct ep_cookie *find_cookie(const struct endpoint *ep, const struct ep_tuple *tuple)
{
    struct ep_tuple addresses = addresses_of(tuple);
    uint32_t hash = ep_hash(ep, &addresses);
    for (uint32_t i = 0; i < NEIGHBOURS && i < ep->cookie_count; i++) {
        struct ep_cookie *cookie = cookie_at(ep, hash, i);
        if (cookie->len > 0 && is_same(&cookie->tuple, &addresses)) {
            return cookie;
        }
    }
    return NULL;
}

/* A place for the cookie of these addresses: its own, one that is not in use, or the oldest. */
static struct ep_cookie *take_cookie(const struct endpoint *ep, const struct ep_tuple *tuple)
{
    struct ep_tuple addresses = addresses_of(tuple);
    uint32_t hash = ep_hash(ep, &addresses);
    struct ep_cookie *found = find_cookie(ep, tuple);
    if (found != NULL) {
        return found;
    }
    found = cookie_at(ep, hash, 0);
    for (uint32_t i = 1; i < NEIGHBOURS && i < ep->cookie_count && found->len > 0; i++) {
        struct ep_cookie *other = cookie_at(ep, hash, i);
        found = other->len == 0 || other->kept < found->kept ? other : found;
    }
    found->tuple = addresses;
    return found;
}

void ep_recall_cookie(const struct endpoint *ep, uint32_t index, struct tfsm_event *event)
{
    const struct ep_slot *slot = ep_slot(ep, index);
    /* A cookie that cannot be kept is not worth asking for. */
    event->fast_open = ep->cookie_count > 0 && !rests(ep, &slot->tuple, event->now);
    const struct ep_cookie *cookie = find_cookie(ep, &slot->tuple);
    if (event->fast_open && cookie != NULL) {
        event->cookie_len = cookie->len;
        event->mss = cookie->mss;
        memcpy(ep->cold[index].cookie, cookie->octets, sizeof cookie->octets);
    }
}

bool ep_knows_cookie(const struct endpoint *ep, const struct ep_tuple *tuple, tfsm_time now)
{
    return find_cookie(ep, tuple) != NULL && !rests(ep, tuple, now);
}

/* The newest cookie and MSS count (RFC7413:4.1.3a, RFC7413:4.1.3b, RFC7413:4.2.2e). A new cookie makes
 * up for text that was refused: it was the old one that was not good. */
void ep_keep_cookie(struct endpoint *ep, uint32_t index, const struct tfsm_packet *packet,
                    bool text_refused, tfsm_time now)
{
    const struct tfsm_segment *segment = &packet->segment;
    const struct ep_tuple *tuple = &ep_slot(ep, index)->tuple;
    bool told = (segment->options & TFSM_OPT_FAST_OPEN) != 0 && segment->cookie_len > 0 &&
                segment->cookie_len <= TFSM_COOKIE_MAX;
    if (ep->cookie_count == 0) {
        return;
    }
    struct ep_cookie *cookie = told ? take_cookie(ep, tuple) : find_cookie(ep, tuple);
    if (told) {
        struct ep_tuple path = path_of(tuple);
        struct ep_refusal *refusal = find_refusal(ep, &path);
        cookie->len = segment->cookie_len;
        memcpy(cookie->octets, packet->cookie, sizeof cookie->octets);
        cookie->kept = now;
        if (refusal != NULL) {
            refusal->until = 0;
        }
    } else if (text_refused || cookie == NULL) {
        ep_refuse_cookie(ep, index, now); /* it wants no text in a SYN, or knows no Fast Open */
    }
    if (cookie != NULL) {
        cookie->mss = (segment->options & TFSM_OPT_MSS) != 0 ? segment->mss : 0;
    }
}
