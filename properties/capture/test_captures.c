/* The core in the place of a kernel: for every view of every recorded connection the core must pass
 * through the states the manifest names, acknowledge everything the kernel at the other end sent,
 * and keep every invariant on the way.
 *
 * usage: test_captures DIR    (corpus/captures)
 *
 * Where the core and the recorded kernel take different paths and RFC 9293 allows both, the
 * difference stands in the list below with its reason. Nothing else is forgiven, and an entry that
 * no longer differs is a failure too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "seq.h"

#define LINE 512

struct difference {
    const char *capture;
    const char *view;
    const char *path;
};

static const struct difference differences[] = {
    /* The user closes in SYN-RECEIVED with nothing queued. RFC 9293 3.10.4 sends the FIN and enters
     * FIN-WAIT-1 at once. The kernel instead took the ACK of a SYN-ACK whose sequence number is
     * below RCV.NXT, was ESTABLISHED by it, and only then closed; by the first check of 3.10.7.4
     * that segment is answered and dropped, so the core is still in SYN-RECEIVED when the CLOSE
     * comes. */
    {"close_in_syn_received", "client",
     "CLOSED SYN-SENT SYN-RECEIVED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"},
};

/* One line of the manifest. */
struct view {
    char capture[LINE];
    char view[LINE];
    char path[LINE];
};

static const struct difference *find_difference(const struct view *view)
{
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++) {
        if (strcmp(differences[i].capture, view->capture) == 0 &&
            strcmp(differences[i].view, view->view) == 0) {
            return &differences[i];
        }
    }
    return NULL;
}

/* The corpus gives the client the smaller of the two documentation addresses. */
static unsigned end_of(const struct capture_connection *connection, const char *view)
{
    const struct tfsm_address *a = &connection->address[0];
    const struct tfsm_address *b = &connection->address[1];
    unsigned client = memcmp(a->octets, b->octets, sizeof a->octets) < 0 ? 0 : 1;
    return strcmp(view, "client") == 0 ? client : 1 - client;
}

static void print_path(const struct capture_replay *replay, char text[LINE])
{
    text[0] = '\0';
    for (size_t i = 0; i < replay->path_count && i < CAPTURE_PATH_MAX; i++) {
        size_t used = strlen(text);
        snprintf(text + used, LINE - used, "%s%s", i > 0 ? " " : "",
                 tfsm_state_name(replay->path[i]));
    }
}

/* Says what is wrong; true when nothing is. */
static bool judge(const struct view *view, const struct capture_replay *replay)
{
    char path[LINE];
    const struct difference *difference = find_difference(view);
    const char *wanted = difference != NULL ? difference->path : view->path;
    print_path(replay, path);
    if (difference != NULL && strcmp(path, view->path) == 0) {
        printf("%s.%s: takes the kernel's path; the known difference is gone\n", view->capture,
               view->view);
        return false;
    }
    if (strcmp(path, wanted) != 0) {
        printf("%s.%s: path is %s, not %s\n", view->capture, view->view, path, wanted);
        return false;
    }
    if (replay->clause != TFSM_OK) {
        printf("%s.%s: %s after segment %zu: %s\n", view->capture, view->view,
               tfsm_clause_name(replay->clause), replay->clause_segment,
               tfsm_clause_text(replay->clause));
        return false;
    }
    if (replay->peer_sent && !(replay->acknowledged && replay->ack == replay->peer_end)) {
        printf("%s.%s: acknowledged up to %u; the peer sent up to %u\n", view->capture, view->view,
               replay->ack, replay->peer_end);
        return false;
    }
    return true;
}

static bool check_view(const char *folder, const struct view *view)
{
    char path[3 * LINE];
    char error[CAPTURE_ERROR];
    struct capture capture;
    struct capture_side side;
    struct capture_replay replay;
    bool good = false;
    snprintf(path, sizeof path, "%s/%s.%s.pcap", folder, view->capture, view->view);
    if (!capture_read(path, &capture, error)) {
        printf("%s: %s\n", path, error);
    } else if (capture.connection_count != 1) {
        printf("%s: %zu connections, not one\n", path, capture.connection_count);
    } else if (capture_side(&capture, 0, end_of(&capture.connections[0], view->view), &side) !=
               CAPTURE_SIDE_OK) {
        printf("%s: no script can be read off it\n", path);
    } else {
        capture_replay(&side, &replay);
        good = judge(view, &replay);
        capture_side_free(&side);
    }
    capture_free(&capture);
    return good;
}

static bool split(const char *line, struct view *view)
{
    return sscanf(line, "%511[^\t]\t%511[^\t]\t%511[^\n]", view->capture, view->view, view->path) ==
           3;
}

int main(int argc, char **argv)
{
    char path[LINE];
    char line[3 * LINE];
    struct view view;
    unsigned views = 0;
    unsigned good = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: test_captures DIR\n");
        return EXIT_FAILURE;
    }
    snprintf(path, sizeof path, "%s/MANIFEST.tsv", argv[1]);
    FILE *manifest = fopen(path, "r");
    if (manifest == NULL || fgets(line, sizeof line, manifest) == NULL) {
        fprintf(stderr, "test_captures: %s: cannot be read\n", path);
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, manifest) != NULL) {
        views++;
        good += split(line, &view) && check_view(argv[1], &view);
    }
    fclose(manifest);
    printf("%u of %u views agree\n", good, views);
    return views > 0 && good == views ? EXIT_SUCCESS : EXIT_FAILURE;
}
