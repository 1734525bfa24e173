/* What is remembered of peers for Fast Open : a small table in which a newer peer
 * takes the place of an older one that hashes the same. A cookie is good for a pair of addresses; a
 * bad answer closes one port of the peer for a while. */
#include "internal.h"

static struct ep_tuple addresses_of(const struct ep_tuple *tuple)
{
    struct ep_tuple addresses = *tuple;
    addresses.local_port = 0;
    addresses.remote_port = 0;
    return addresses;
}

/* The entry where these addresses are or would be; null when there is no table. */
static struct ep_cookie *entry_of(const struct endpoint *ep, const struct ep_tuple *addresses)
{
    if (ep->cookie_count == 0) {
        return NULL;
    }
    return &ep->cookies[ep_hash(ep, addresses) % ep->cookie_count];
}

void ep_recall_cookie(const struct endpoint *ep, uint32_t index, struct tfsm_event *event)
{
    struct ep_slot *slot = &ep->slots[index];
    struct ep_tuple addresses = addresses_of(&slot->tuple);
    const struct ep_cookie *entry = entry_of(ep, &addresses);
    if (entry == NULL) {
        return; /* a cookie that cannot be kept is not worth asking for */
    }
    event->fast_open = true;
    if (memcmp(&entry->tuple, &addresses, sizeof addresses) != 0) {
        return;
    }
    if (entry->bad_port == slot->tuple.remote_port && event->now < entry->bad_until) {
        event->fast_open = false;
        return;
    }
    event->cookie_len = entry->len;
    event->mss = entry->mss;
    memcpy(slot->cookie, entry->octets, sizeof slot->cookie);
}

bool ep_knows_cookie(const struct endpoint *ep, const struct ep_tuple *tuple, tfsm_time now)
{
    struct ep_tuple addresses = addresses_of(tuple);
    const struct ep_cookie *entry = entry_of(ep, &addresses);
    return entry != NULL && memcmp(&entry->tuple, &addresses, sizeof addresses) == 0 &&
           entry->len > 0 && !(entry->bad_port == tuple->remote_port && now < entry->bad_until);
}

/* The entry of a connection's addresses, emptied if it was another's. */
static struct ep_cookie *claim(const struct endpoint *ep, const struct ep_slot *slot)
{
    struct ep_tuple addresses = addresses_of(&slot->tuple);
    struct ep_cookie *entry = entry_of(ep, &addresses);
    if (entry != NULL && memcmp(&entry->tuple, &addresses, sizeof addresses) != 0) {
        *entry = (struct ep_cookie){.tuple = addresses};
    }
    return entry;
}

/* RFC7413:4.1.3.1a, RFC7413:4.1.3.1b, RFC7413:4.2.1c */
void ep_refuse_cookie(struct endpoint *ep, uint32_t index, tfsm_time now)
{
    struct ep_cookie *entry = claim(ep, &ep->slots[index]);
    if (entry != NULL) {
        entry->bad_port = ep->slots[index].tuple.remote_port;
        entry->bad_until =
            ep->fast_open_pause < TFSM_NEVER - now ? now + ep->fast_open_pause : TFSM_NEVER;
    }
}

/* The newest cookie and MSS count (RFC7413:4.1.3a, RFC7413:4.1.3b, RFC7413:4.2.2e). A new cookie makes
 * up for text that was refused: it was the old one that was not good. */
void ep_keep_cookie(struct endpoint *ep, uint32_t index, const struct tfsm_packet *packet,
                    bool text_refused, tfsm_time now)
{
    const struct tfsm_segment *segment = &packet->segment;
    const struct ep_slot *slot = &ep->slots[index];
    bool told = (segment->options & TFSM_OPT_FAST_OPEN) != 0 && segment->cookie_len > 0 &&
                segment->cookie_len <= TFSM_COOKIE_MAX;
    struct ep_cookie *entry = claim(ep, slot);
    if (entry == NULL) {
        return;
    }
    if (told) {
        entry->len = segment->cookie_len;
        memcpy(entry->octets, packet->cookie, sizeof entry->octets);
        entry->bad_port = entry->bad_port == slot->tuple.remote_port ? 0 : entry->bad_port;
    } else if (text_refused || entry->len == 0) {
        ep_refuse_cookie(ep, index, now); /* it wants no text in a SYN, or knows no Fast Open */
    }
    entry->mss = (segment->options & TFSM_OPT_MSS) != 0 ? segment->mss : 0;
}
