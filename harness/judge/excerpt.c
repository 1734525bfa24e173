/* See excerpt.h. */
#include "excerpt.h"

#include <string.h>

struct reading {
    struct excerpt *excerpts;
    size_t count;
    size_t open; /* those that still wait for packets */
    void (*seen)(void *user, const struct capture_packet *packet);
    void *user;
};

static bool is_done(const struct excerpt *excerpt)
{
    return excerpt->found == excerpt->of.charge.proofs && excerpt->after == 0;
}

static bool proves(const struct witness_charge *charge, uint64_t number)
{
    for (unsigned i = 0; i < charge->proofs; i++) {
        if (charge->proof[i] == number) {
            return true;
        }
    }
    return false;
}

/* Numbers count from the SYN, or from the first that is seen: as in the words of the charge. */
static void note_origin(struct excerpt *excerpt, unsigned end, uint32_t number)
{
    if (!excerpt->origin_known[end]) {
        const struct docket_case *the_case = &excerpt->of.the_case;
        excerpt->origin_known[end] = true;
        excerpt->origin[end] = the_case->syn_seen[end] ? the_case->isn[end] : number;
    }
}

static void show(struct excerpt *excerpt, const struct excerpt_line *line)
{
    if (excerpt->count < EXCERPT_LINES) {
        excerpt->lines[excerpt->count] = *line;
        excerpt->lines[excerpt->count++].skipped = excerpt->skipped;
        excerpt->skipped = 0;
    }
}

/* Not shown, unless what proves something comes soon. */
static void hold(struct excerpt *excerpt, const struct excerpt_line *line)
{
    if (excerpt->recent_count == EXCERPT_BEFORE) {
        memmove(excerpt->recent, excerpt->recent + 1,
                (EXCERPT_BEFORE - 1) * sizeof *excerpt->recent);
        excerpt->recent_count--;
        excerpt->skipped++;
    }
    excerpt->recent[excerpt->recent_count++] = *line;
}

static void take(struct excerpt *excerpt, const struct excerpt_line *line)
{
    if (line->proof) {
        for (unsigned i = 0; i < excerpt->recent_count; i++) {
            show(excerpt, &excerpt->recent[i]);
        }
        excerpt->recent_count = 0;
        excerpt->found++;
        excerpt->after = EXCERPT_AFTER;
        show(excerpt, line);
    } else if (excerpt->after > 0) {
        excerpt->after--;
        show(excerpt, line);
    } else {
        hold(excerpt, line);
    }
}

static bool see(void *user, const struct capture_packet *packet)
{
    struct reading *reading = user;
    const struct tfsm_packet *p = &packet->packet;
    const struct tfsm_segment *segment = &p->segment;
    bool wrong = !packet->taken && packet->reason == CAPTURE_BAD_CHECKSUM;
    if (reading->seen != NULL) {
        reading->seen(reading->user, packet);
    }
    for (size_t i = 0; i < reading->count && (packet->taken || wrong); i++) {
        struct excerpt *excerpt = &reading->excerpts[i];
        const struct docket_case *the_case = &excerpt->of.the_case;
        unsigned sender =
            is_done(excerpt) || packet->time < the_case->first ? 2 : docket_sender(the_case, p);
        if (sender == 2) {
            continue;
        }
        note_origin(excerpt, sender, segment->seq);
        if ((segment->flags & TFSM_ACK) != 0) {
            note_origin(excerpt, 1 - sender, segment->ack);
        }
        take(excerpt, &(struct excerpt_line){.number = packet->number,
                                             .time = packet->time,
                                             .sender = sender,
                                             .proof = proves(&excerpt->of.charge, packet->number),
                                             .wrong = wrong,
                                             .reserved = p->reserved,
                                             .segment = *segment});
        reading->open -= is_done(excerpt);
    }
    return reading->open > 0;
}

bool excerpt_take(const char *path, struct excerpt *excerpts, size_t count,
                  void (*seen)(void *user, const struct capture_packet *packet), void *user,
                  char error[CAPTURE_ERROR])
{
    struct reading reading = {excerpts, count, count, seen, user};
    return count == 0 || capture_stream(path, see, &reading, error) || reading.open == 0;
}
