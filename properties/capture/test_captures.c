/* The core in the place of a kernel: for every view of every recorded connection the core must pass
 * through the states the manifest names, acknowledge everything the kernel at the other end sent,
 * and keep every invariant on the way.
 *
 * usage: test_captures DIR    (corpus/captures) */
#include <stdio.h>
#include <string.h>

#include "manifest.h"

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

static bool check_replay(const struct view *view, const struct capture_replay *replay)
{
    if (!check_path(view, replay)) {
        return false;
    }
    if (replay->clause != TFSM_OK) {
        printf("%s.%s: %s after segment %zu: %s\n", view->capture, view->end,
               tfsm_clause_name(replay->clause), replay->clause_segment,
               tfsm_clause_text(replay->clause));
        return false;
    }
    if (replay->peer_sent && !(replay->acknowledged && replay->ack == replay->peer_end)) {
        printf("%s.%s: acknowledged up to %u; the peer sent up to %u\n", view->capture, view->end,
               replay->ack, replay->peer_end);
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
    return check_replay(view, &replay);
}

int main(int argc, char **argv)
{
    return manifest_check(argc, argv, check);
}
