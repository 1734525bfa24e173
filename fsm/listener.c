/* A listener, but for the segments that come to it (listener_arrive.c): its beginning and its end,
 * accepting, ICMP and time for the entries of its queue and what they send, and looking in. The
 * protocol is not in here: every decision is tfsm_step()'s, on a TCB unfolded from its entry. */
#include "listener.h"

/* ---- start and end ---- */

/* [RFC4987:3.3; RFC9293:MUST-23; RFC7413:4.2b] */
struct tfsm_listener_policy tfsm_listener_policy_default(void)
{
    return (struct tfsm_listener_policy){.cookies = TFSM_COOKIES_WHEN_FULL, .syn_ack_retries = 7};
}

bool tfsm_listener_open(struct tfsm_listener *l, const struct tfsm_listening *with)
{
    if (with->port == 0 || with->waiting_count == 0 || with->work == NULL ||
        with->entry_count > TFSM_ENTRIES_MOST ||
        (with->entry_count == 0 && with->policy.cookies == TFSM_COOKIES_NEVER)) {
        return false;
    }
    *l = (struct tfsm_listener){.policy = with->policy,
                                .entries = with->entries,
                                .entry_most = with->entry_count,
                                .waiting = with->waiting,
                                .waiting_most = with->waiting_count,
                                .spent = with->spent,
                                .spent_most = with->spent_count,
                                .work = with->work,
                                .port = with->port,
                                .security = with->security};
    copy_key(l->isn_key, with->isn_key);
    tfsm_derive_key(with->secret, 'h', l->hash_key);
    copy_key(l->secret[2], with->secret);
    tfsm_listener_rotate_fast_open(l, with->fast_open_secret);
    tfsm_listener_rotate_fast_open(
        l, with->fast_open_secret); /* no cookie is good by a secret of zeros */
    return true;
}

void tfsm_listener_close(struct tfsm_listener *l)
{
    l->closing = true;
    uint32_t place = l->oldest;
    for (uint32_t left = l->entry_count; left > 0 && place != NO_ENTRY; left--) {
        tfsm_entry_line_up(l, place);
        place = entry_at(l, place)->newer;
    }
}

bool tfsm_listener_accept(struct tfsm_listener *l, uint64_t *id)
{
    if (l->waiting_count == 0) {
        return false;
    }
    *id = l->waiting[l->waiting_first];
    l->waiting_first = l->waiting_first + 1 < l->waiting_most ? l->waiting_first + 1 : 0;
    l->waiting_count--;
    tally(l, TFSM_COUNT_ACCEPTED);
    return true;
}

/* ---- ICMP, time, output ---- */

/* Why an entry is over that went back to LISTEN. */
static enum tfsm_listener_counter end_of(const struct tfsm_event *event)
{
    if (event->kind == TFSM_EV_TIMEOUT) {
        return TFSM_COUNT_ENTRY_TIMED_OUT;
    }
    if (event->kind == TFSM_EV_ICMP) {
        return TFSM_COUNT_ENTRY_UNREACHABLE;
    }
    return has(event->segment.flags, TFSM_RST) ? TFSM_COUNT_ENTRY_RESET : TFSM_COUNT_ENTRY_SYN;
}

/* An event for an entry that does not open it. */
void tfsm_entry_keep(struct tfsm_listener *l, uint32_t place, const struct tfsm_event *event,
                     const struct tfsm_tcb *tcb)
{
    if (tcb->state == TFSM_SYN_RECEIVED) {
        tfsm_entry_fold(l, place, tcb);
    } else {
        tfsm_entry_remove(l, place, end_of(event));
    }
}

bool tfsm_listener_icmp(struct tfsm_listener *l, const struct tfsm_config *cfg,
                        const struct tfsm_icmp_message *message, tfsm_time now,
                        struct tfsm_effects *fx)
{
    struct tfsm_ends ends = {&message->local, &message->remote, message->remote_port, 0};
    ends.home = tfsm_entry_home(l, &ends);
    struct tfsm_event event = {.kind = TFSM_EV_ICMP,
                               .now = now,
                               .icmp = message->meaning,
                               .mss = message->mss,
                               .segment = {.seq = message->seq}};
    uint32_t place = tfsm_entry_find(l, &ends);
    if (place == NO_ENTRY || l->closing) {
        return false;
    }
    tfsm_entry_unfold(l, cfg, place, l->work);
    tfsm_step(l->work, cfg, &event, fx);
    tfsm_entry_keep(l, place, &event, l->work);
    return true;
}

tfsm_time tfsm_listener_deadline(const struct tfsm_listener *l)
{
    tfsm_time at;
    (void)tfsm_entry_due(l, &at);
    return l->closing ? TFSM_NEVER : at;
}

bool tfsm_listener_timeout(struct tfsm_listener *l, const struct tfsm_config *cfg, tfsm_time now,
                           struct tfsm_effects *fx)
{
    struct tfsm_event event = {.kind = TFSM_EV_TIMEOUT, .now = now};
    tfsm_time at;
    uint32_t place = tfsm_entry_due(l, &at);
    if (place == NO_ENTRY || at > now || l->closing) {
        return false;
    }
    struct tfsm_config patience = *cfg;
    patience.syn_retries = l->policy.syn_ack_retries;
    tfsm_entry_unfold(l, cfg, place, l->work);
    tfsm_step(l->work, &patience, &event, fx);
    tfsm_entry_keep(l, place, &event, l->work);
    return true;
}

/* An entry of a listener that closes says so, and is gone. */
static void say_goodbye(struct tfsm_listener *l, const struct tfsm_config *cfg, uint32_t place,
                        tfsm_time now)
{
    struct tfsm_event abort = {.kind = TFSM_EV_ABORT, .now = now};
    struct tfsm_effects fx;
    tfsm_step(l->work, cfg, &abort, &fx);
    tfsm_entry_remove(l, place, TFSM_COUNT_ENTRY_CLOSED);
}

bool tfsm_listener_owes(const struct tfsm_listener *l)
{
    return l->line_first != NO_ENTRY;
}

/* The envelope of what an entry sends. */
static void address_entry(const struct tfsm_listener *l, const struct tfsm_address *local,
                          const struct tfsm_address *remote, uint16_t remote_port,
                          struct tfsm_packet *out)
{
    const struct tfsm_ends ends = {local, remote, remote_port, 0}; /* not looked for */
    out->src = *local;
    out->dst = *remote;
    out->src_port = l->port;
    out->dst_port = remote_port;
    out->hops = 0;
    out->traffic_class = 0;
    out->reserved = 0;
    out->text_at = 0;
    if (bears(&out->segment, TFSM_OPT_FAST_OPEN)) {
        tfsm_fast_cookie(l, &ends, out->cookie);
    }
}

/* Each entry in line is asked once more than it has something to say; one call asks none twice. */
bool tfsm_listener_output(struct tfsm_listener *l, const struct tfsm_config *cfg, tfsm_time now,
                          struct tfsm_packet *out)
{
    for (uint32_t left = l->entry_count; left > 0 && l->line_first != NO_ENTRY; left--) {
        uint32_t place = l->line_first;
        tfsm_entry_unfold(l, cfg, place, l->work);
        tfsm_entry_leave_line(l, place);
        const bool bent = entry_at(l, place)->cookie && !l->closing;
        const struct tfsm_address local = tfsm_entry_address(entry_at(l, place), true);
        const struct tfsm_address remote = tfsm_entry_address(entry_at(l, place), false);
        const uint16_t remote_port = entry_at(l, place)->remote_port;
        if (l->closing) {
            say_goodbye(l, cfg, place, now);
        }
        bool more = tfsm_output(l->work, cfg, now, &out->segment);
        if (!l->closing) {
            tfsm_entry_fold(l, place, l->work);
        }
        if (more) {
            if (bent) {
                bend(l->work, &out->segment);
            }
            address_entry(l, &local, &remote, remote_port, out);
            return true;
        }
    }
    return false;
}

/* ---- looking in ---- */

static const char *check_entry(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                               uint32_t place)
{
    const struct tfsm_entry *entry = entry_at(l, place);
    struct tfsm_address local = tfsm_entry_address(entry, true);
    struct tfsm_address remote = tfsm_entry_address(entry, false);
    struct tfsm_ends ends = {&local, &remote, entry->remote_port, 0};
    ends.home = tfsm_entry_home(l, &ends);
    tfsm_entry_unfold(l, cfg, place, l->work);
    enum tfsm_clause clause = tfsm_check(l->work);
    if (clause != TFSM_OK) {
        return tfsm_clause_name(clause);
    }
    if (tfsm_entry_find(l, &ends) != place) {
        return "a peer leads to its one entry";
    }
    if (entry->place >= l->used_entries || l->entries[entry->place].heap != place - 1) {
        return "every entry has a deadline and knows its place";
    }
    if (entry->place > 0 && entry->due < l->entries[l->entries[(entry->place - 1) / 2].heap].due) {
        return "no deadline is before its parent's";
    }
    bool waits = l->line_first == place || entry->before != NO_ENTRY;
    if (waits != (entry->owed != 0 || l->closing)) {
        return "who owes something stands in line";
    }
    return NULL;
}

/* The books: SYNs and entries add up. */
static const char *check_counters(const struct tfsm_listener *l)
{
    const uint64_t *n = l->counters;
    uint64_t syns = n[TFSM_COUNT_ENTRY] + n[TFSM_COUNT_COOKIE_SENT] + n[TFSM_COUNT_EARLY] +
                    n[TFSM_COUNT_SYN_QUEUE_FULL] + n[TFSM_COUNT_SYN_ACCEPT_FULL] +
                    n[TFSM_COUNT_SYN_NO_SEAT] + n[TFSM_COUNT_SYN_REFUSED];
    uint64_t ended = 0;
    for (unsigned i = TFSM_COUNT_ESTABLISHED; i <= TFSM_COUNT_ENTRY_CLOSED; i++) {
        ended += n[i];
    }
    if (syns != n[TFSM_COUNT_SYN]) {
        return "every SYN is accounted for";
    }
    if (ended + l->entry_count != n[TFSM_COUNT_ENTRY]) {
        return "no entry is lost";
    }
    uint64_t connections =
        n[TFSM_COUNT_ESTABLISHED] + n[TFSM_COUNT_COOKIE_GOOD] + n[TFSM_COUNT_EARLY];
    if (n[TFSM_COUNT_ACCEPTED] + l->waiting_count != connections) {
        return "every connection was accepted or waits";
    }
    return NULL;
}

const char *tfsm_listener_check(const struct tfsm_listener *l, const struct tfsm_config *cfg)
{
    uint32_t count = 0;
    uint32_t before = NO_ENTRY;
    uint32_t place = l->oldest;
    while (place != NO_ENTRY && count <= l->entry_count) {
        const char *wrong = check_entry(l, cfg, place);
        if (wrong != NULL) {
            return wrong;
        }
        if (entry_at(l, place)->older != before) {
            return "the links of age agree";
        }
        before = place;
        place = entry_at(l, place)->newer;
        count++;
    }
    if (count != l->entry_count || l->newest != before) {
        return "every entry is in the order of age";
    }
    if (l->entry_count > l->entry_most || l->waiting_count > l->waiting_most) {
        return "no queue is longer than its array";
    }
    uint32_t unused = l->entry_most - l->used_entries;
    for (uint32_t at = l->free_entries; at != NO_ENTRY && unused <= l->entry_most;
         at = entry_at(l, at)->chain) {
        const struct tfsm_entry *entry = entry_at(l, at);
        if (entry->due != TFSM_NEVER || entry->place >= l->used_entries ||
            l->entries[entry->place].heap != at - 1) {
            return "what is free is never due, and knows its place";
        }
        unused++;
    }
    if (unused + l->entry_count != l->entry_most) {
        return "every entry is in use or free";
    }
    return check_counters(l);
}
