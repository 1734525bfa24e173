/* The core in the place of a kernel: for every view of every recorded connection the core must pass
 * through the states the manifest names, acknowledge everything the kernel at the other end sent,
 * and keep every invariant on the way.
 *
 * usage: test_captures DIR    (corpus/captures) */
#include <stdio.h>
#include <string.h>

#include "manifest.h"
#include "seq.h"

static bool check_path(const struct view *view, const struct capture_replay *replay)
{
    char path[MANIFEST_TEXT] = "";
    bool differs;
    const char *wanted = manifest_path(view, &differs);
    for (size_t i = 0; i < replay->path_count && i < CAPTURE_PATH_MAX; i++) {
        path_add(path, replay->path[i]);
    }
    if (differs && strcmp(path, view->path) == 0) {
        printf("%s.%s: takes the kernel's path; the known difference is gone\n", view->capture,
               view->end);
        return false;
    }
    if (strcmp(path, wanted) != 0) {
        printf("%s.%s: path is %s, not %s\n", view->capture, view->end, path, wanted);
        return false;
    }
    return true;
}

/* The greatest acknowledgment number an end sent, from an origin; 0 when it sent none. */
static uint32_t acknowledged_by(const struct capture *capture, unsigned index, uint32_t origin)
{
    uint32_t most = 0;
    for (size_t i = 0; i < capture->count; i++) {
        const struct tfsm_segment *segment = &capture->segments[i].packet.segment;
        uint32_t octets = seq_distance(origin, segment->ack);
        if (capture->segments[i].sender == index && (segment->flags & TFSM_ACK) != 0 &&
            octets > most) {
            most = octets;
        }
    }
    return most;
}

/* The core acknowledges what arrived while there was a connection: no less, and no more than the
 * kernel did.
 *
 * One difference is right: where the user has closed both directions and text comes nevertheless,
 * the kernel answers by a RST at once. RFC 9293 leaves that to the user who is gone: text in
 * FIN-WAIT-2 is acknowledged, then the ABORT that stands for that user's absence sends the RST. */
static bool check_acknowledged(const struct view *view, const struct capture *capture,
                               unsigned index, const struct capture_replay *replay)
{
    uint32_t origin = capture->connections[0].isn[1 - index];
    uint32_t sent = replay->peer_sent ? seq_distance(origin, replay->peer_end) : 0;
    uint32_t acknowledged = replay->acknowledged ? seq_distance(origin, replay->ack) : 0;
    uint32_t by_kernel = acknowledged_by(capture, index, origin);
    bool gone = strcmp(view->capture, "data_after_close") == 0 && strcmp(view->end, "client") == 0;
    if (replay->peer_sent && acknowledged != sent) {
        printf("%s.%s: acknowledges %u of %u\n", view->capture, view->end, acknowledged, sent);
        return false;
    }
    if ((acknowledged == by_kernel) == gone) {
        printf("%s.%s: acknowledges %u, the kernel %u\n", view->capture, view->end, acknowledged,
               by_kernel);
        return false;
    }
    return true;
}

static bool check(const struct view *view, const struct capture *capture, unsigned index)
{
    struct capture_side side;
    struct capture_replay replay;
    if (capture_side(capture, 0, index, &side) != CAPTURE_SIDE_OK) {
        printf("%s.%s: no script can be read off it\n", view->capture, view->end);
        capture_side_free(&side);
        return false;
    }
    capture_replay(&side, &replay);
    capture_side_free(&side);
    if (replay.clause != TFSM_OK) {
        printf("%s.%s: %s after segment %zu: %s\n", view->capture, view->end,
               tfsm_clause_name(replay.clause), replay.clause_segment,
               tfsm_clause_text(replay.clause));
        return false;
    }
    return check_path(view, &replay) && check_acknowledged(view, capture, index, &replay);
}

int main(int argc, char **argv)
{
    return manifest_check(argc, argv, check);
}
