/* The SYN queue: entries in an array of the caller, found by a hash table of chains whose secret
 * key nobody outside knows, ordered by their deadlines in a heap and by their age in a list. The
 * cells of table and heap lie in the entries, so that one array is all there is. Here, too, a TCB
 * in SYN-RECEIVED is folded into an entry and unfolded again: what stands in neither is the same in
 * every such TCB that no user has touched. */
#include "listener.h"

/* ---- the table ---- */

static bool same_octets(const uint8_t *a, const uint8_t *b)
{
    return load64(a) == load64(b) && load64(a + 8) == load64(b + 8);
}

/* Octets beyond an IPv4 address are taken as zero. */
static void put_octets(uint8_t to[16], const struct tfsm_address *from)
{
    if (from->family == 4) {
        copy_octets(to, from->octets, 4);
        for (unsigned i = 4; i < 16; i++) {
            to[i] = 0;
        }
    } else {
        copy_octets(to, from->octets, 16);
    }
}

struct tfsm_address tfsm_entry_address(const struct tfsm_entry *entry, bool local)
{
    struct tfsm_address address;
    address.family = entry->family;
    copy_octets(address.octets, local ? entry->local : entry->remote, 16);
    return address;
}

uint32_t tfsm_entry_home(const struct tfsm_listener *l, const struct tfsm_ends *ends)
{
    if (l->entry_most == 0 || ends->local->family != ends->remote->family) {
        return 0; /* there is none */
    }
    uint64_t hash =
        tfsm_hash_for_table(l->hash_key, ends->local, l->port, ends->remote, ends->remote_port);
    return (uint32_t)(hash & UINT32_MAX) % l->entry_most;
}

/* [RFC4987:3.2] */
uint32_t tfsm_entry_find(const struct tfsm_listener *l, const struct tfsm_ends *ends)
{
    uint8_t local[16];
    uint8_t remote[16];
    if (l->entry_count == 0 || ends->local->family != ends->remote->family) {
        return NO_ENTRY;
    }
    uint32_t place = l->entries[ends->home].bucket;
    if (place == NO_ENTRY) {
        return NO_ENTRY;
    }
    put_octets(local, ends->local);
    put_octets(remote, ends->remote);
    /* A chain has no more entries than there are. */
    for (uint32_t left = l->entry_count; left > 0 && place != NO_ENTRY; left--) {
        const struct tfsm_entry *entry = entry_at(l, place);
        if (entry->remote_port == ends->remote_port && entry->family == ends->remote->family &&
            same_octets(entry->remote, remote) && same_octets(entry->local, local)) {
            return place;
        }
        place = entry->chain;
    }
    return NO_ENTRY;
}

/* ---- the heap of deadlines ----
 * Every entry that was ever used is in it; those that are free are never due, and so below
 * all that are. Of equal deadlines any may be first. */

static void heap_put(struct tfsm_listener *l, uint32_t at, uint32_t index)
{
    l->entries[at].heap = index;
    l->entries[index].place = at;
}

/* An entry is due at another time: bring it to where it belongs, up or down. */
static void heap_settle(struct tfsm_listener *l, uint32_t index, tfsm_time due)
{
    uint32_t from = l->entries[index].place;
    uint32_t at = from;
    l->entries[index].due = due;
    while (at > 0) { /* half as far with every turn */
        uint32_t parent = l->entries[(at - 1) / 2].heap;
        if (l->entries[parent].due <= due) {
            break;
        }
        heap_put(l, at, parent);
        at = (at - 1) / 2;
    }
    bool rose = at != from;
    while (!rose && 2 * at + 1 < l->used_entries) { /* twice as far with every turn */
        uint32_t child = 2 * at + 1;
        if (child + 1 < l->used_entries &&
            l->entries[l->entries[child + 1].heap].due < l->entries[l->entries[child].heap].due) {
            child++;
        }
        if (due <= l->entries[l->entries[child].heap].due) {
            break;
        }
        heap_put(l, at, l->entries[child].heap);
        at = child;
    }
    heap_put(l, at, index);
}

uint32_t tfsm_entry_due(const struct tfsm_listener *l, tfsm_time *at)
{
    uint32_t first = l->used_entries > 0 ? l->entries[0].heap : 0;
    *at = l->used_entries > 0 ? l->entries[first].due : TFSM_NEVER;
    return *at != TFSM_NEVER ? first + 1 : NO_ENTRY;
}

/* ---- the line for output ---- */

static bool in_line(const struct tfsm_listener *l, uint32_t place)
{
    return l->line_first == place || entry_at(l, place)->before != NO_ENTRY;
}

void tfsm_entry_line_up(struct tfsm_listener *l, uint32_t place)
{
    struct tfsm_entry *entry = entry_at(l, place);
    if (in_line(l, place)) {
        return;
    }
    entry->before = l->line_last;
    entry->after = NO_ENTRY;
    if (l->line_last != NO_ENTRY) {
        entry_at(l, l->line_last)->after = place;
    } else {
        l->line_first = place;
    }
    l->line_last = place;
}

void tfsm_entry_leave_line(struct tfsm_listener *l, uint32_t place)
{
    struct tfsm_entry *entry = entry_at(l, place);
    if (!in_line(l, place)) {
        return;
    }
    if (entry->before != NO_ENTRY) {
        entry_at(l, entry->before)->after = entry->after;
    } else {
        l->line_first = entry->after;
    }
    if (entry->after != NO_ENTRY) {
        entry_at(l, entry->after)->before = entry->before;
    } else {
        l->line_last = entry->before;
    }
    entry->before = NO_ENTRY;
    entry->after = NO_ENTRY;
}

/* ---- the order of age ---- */

static void age_append(struct tfsm_listener *l, uint32_t place)
{
    struct tfsm_entry *entry = entry_at(l, place);
    entry->older = l->newest;
    entry->newer = NO_ENTRY;
    if (l->newest != NO_ENTRY) {
        entry_at(l, l->newest)->newer = place;
    } else {
        l->oldest = place;
    }
    l->newest = place;
}

static void age_remove(struct tfsm_listener *l, uint32_t place)
{
    const struct tfsm_entry *entry = entry_at(l, place);
    if (entry->older != NO_ENTRY) {
        entry_at(l, entry->older)->newer = entry->newer;
    } else {
        l->oldest = entry->newer;
    }
    if (entry->newer != NO_ENTRY) {
        entry_at(l, entry->newer)->older = entry->older;
    } else {
        l->newest = entry->older;
    }
}

/* ---- taking and giving back ---- */

uint32_t tfsm_entry_take(struct tfsm_listener *l, const struct tfsm_ends *ends, bool cookie)
{
    uint32_t place = l->free_entries;
    if (place != NO_ENTRY) {
        l->free_entries = entry_at(l, place)->chain;
    } else if (l->used_entries < l->entry_most) {
        uint32_t last = l->used_entries++;
        l->entries[last].due = TFSM_NEVER;
        heap_put(l, last, last);
        place = last + 1;
    } else {
        return NO_ENTRY;
    }
    struct tfsm_entry *entry = entry_at(l, place);
    entry->home = ends->home;
    uint32_t *bucket = &l->entries[entry->home].bucket;
    put_octets(entry->local, ends->local);
    put_octets(entry->remote, ends->remote);
    entry->remote_port = ends->remote_port;
    entry->family = ends->remote->family;
    entry->cookie = cookie;
    entry->chain = *bucket;
    *bucket = place;
    age_append(l, place);
    l->entry_count++;
    return place;
}

void tfsm_entry_remove(struct tfsm_listener *l, uint32_t place, enum tfsm_listener_counter why)
{
    struct tfsm_entry *entry = entry_at(l, place);
    uint32_t *link = &l->entries[entry->home].bucket;
    uint32_t other = *link;
    for (uint32_t left = l->entry_count; left > 0 && other != place && other != NO_ENTRY; left--) {
        link = &entry_at(l, other)->chain;
        other = *link;
    }
    if (other == place) { /* where else */
        *link = entry->chain;
    }
    heap_settle(l, place - 1, TFSM_NEVER);
    tfsm_entry_leave_line(l, place);
    age_remove(l, place);
    tally(l, why);
    entry->family = 0;
    entry->chain = l->free_entries;
    l->free_entries = place;
    l->entry_count--;
}

/* ---- folding ---- */

/* The user timeout counts from the SYN; whether there is one, and how long the first timeout was, the
 * policy says: where it changes, entries follow. */
static void unfold_times(const struct tfsm_config *cfg, const struct tfsm_entry *entry,
                         struct tfsm_tcb *tcb)
{
    bool timed = !has(entry->owed, TFSM_OWE_SYN);
    tcb->sent_at = entry->opened;
    tcb->ts_oldest = timestamp(tcb, entry->opened);
    tcb->ts_recent_from = has(tcb->flags, TFSM_M_TIMESTAMPS) ? entry->opened : 0;
    tcb->rto = cfg->rto_initial;
    tcb->rtt_from = entry->rtt_from;
    tcb->rtt_seq = timed ? tcb->snd_nxt : 0;
    tcb->at_rtx = entry->at_rtx;
    tcb->user_from = cfg->user_timeout > 0 ? entry->opened : 0;
    tcb->at_user = cfg->user_timeout > 0 ? later(entry->opened, cfg->user_timeout) : 0;
    tcb->challenge_until = entry->challenge_until;
}

void tfsm_entry_unfold(const struct tfsm_listener *l, const struct tfsm_config *cfg, uint32_t place,
                       struct tfsm_tcb *tcb)
{
    const struct tfsm_entry *entry = entry_at(l, place);
    uint32_t after_syn = seq_add(entry->iss, 1);
    /* Sent again, by the timer or because the SYN came again: then no round trip is timed. */
    bool again =
        entry->tries > 0 || (!has(entry->owed, TFSM_OWE_SYN) && !has(entry->flags, TFSM_M_TIMING));
    clear_tcb(tcb);
    tcb->state = TFSM_SYN_RECEIVED;
    tcb->owed = entry->owed;
    tcb->security = l->security;
    tcb->snd_wscale = entry->wscales & 0x0fu;
    tcb->rcv_wscale = entry->wscales >> 4;
    tcb->cookie_len = entry->cookie_len;
    tcb->snd_mss = entry->snd_mss;
    tcb->uto_peer = entry->uto_peer;
    tcb->uto_sent = entry->uto_sent;
    tcb->backoff = entry->tries;
    tcb->tries = entry->tries;
    tcb->flags = entry->flags;
    tcb->iss = entry->iss;
    tcb->snd_una = entry->iss;
    tcb->snd_nxt = after_syn;
    tcb->snd_end = after_syn;
    tcb->snd_wnd = entry->snd_wnd;
    tcb->snd_wl1 = entry->irs;
    tcb->snd_wl2 = entry->iss;
    tcb->snd_wnd_max = entry->snd_wnd;
    tcb->snd_recover = again ? after_syn : entry->iss;
    tcb->snd_rtx = entry->iss;
    tcb->irs = entry->irs;
    tcb->rcv_nxt = seq_add(entry->irs, 1);
    tcb->rcv_wnd = entry->rcv_wnd;
    tcb->rcv_up = seq_add(entry->irs, 1);
    tcb->rcv_acked = seq_add(entry->irs, 1);
    tcb->ts_recent = entry->ts_recent;
    tcb->ts_offset = entry->ts_offset;
    for (unsigned i = 0; i < TFSM_REPLY_CLASSES; i++) {
        tcb->challenges[i] = entry->challenges[i];
    }
    unfold_times(cfg, entry, tcb);
}

/* [RFC4987:3.5] */
void tfsm_entry_fold(struct tfsm_listener *l, uint32_t place, const struct tfsm_tcb *tcb)
{
    struct tfsm_entry *entry = entry_at(l, place);
    entry->owed = tcb->owed;
    entry->wscales = (uint8_t)(tcb->rcv_wscale << 4 | tcb->snd_wscale);
    entry->tries = (uint8_t)min32(tcb->tries, UINT8_MAX);
    entry->cookie_len = tcb->cookie_len;
    entry->snd_mss = tcb->snd_mss;
    entry->snd_wnd = (uint16_t)min32(tcb->snd_wnd, UINT16_MAX);
    entry->rcv_wnd = (uint16_t)min32(tcb->rcv_wnd, UINT16_MAX);
    entry->uto_peer = tcb->uto_peer;
    entry->uto_sent = tcb->uto_sent;
    for (unsigned i = 0; i < TFSM_REPLY_CLASSES; i++) {
        entry->challenges[i] = tcb->challenges[i];
    }
    entry->flags = tcb->flags;
    entry->iss = tcb->iss;
    entry->irs = tcb->irs;
    entry->ts_recent = tcb->ts_recent;
    entry->ts_offset = tcb->ts_offset;
    entry->opened = tcb->sent_at;
    entry->rtt_from = tcb->rtt_from;
    entry->challenge_until = tcb->challenge_until;
    entry->at_rtx = tcb->at_rtx;
    tfsm_time due = tfsm_deadline(tcb);
    if (due != entry->due) {
        heap_settle(l, place - 1, due);
    }
    if (tcb->owed != 0) {
        tfsm_entry_line_up(l, place);
    } else {
        tfsm_entry_leave_line(l, place);
    }
}
