/* Walking through the manifest, and the differences between the recorded kernel and the core that
 * are known and right. Nothing else is forgiven. */
#include "manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct view differences[] = {
    /* The user closes in SYN-RECEIVED with nothing queued. RFC 9293 3.10.4 sends the FIN and enters
     * FIN-WAIT-1 at once. The kernel instead took the ACK of a SYN-ACK whose sequence number is
     * below RCV.NXT, was ESTABLISHED by it, and only then closed; by the first check of 3.10.7.4
     * that segment is answered and dropped, so the core is still in SYN-RECEIVED when the CLOSE
     * comes. */
    {"close_in_syn_received", "client",
     "CLOSED SYN-SENT SYN-RECEIVED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT"},
};

const char *manifest_path(const struct view *view, bool *differs)
{
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++) {
        if (strcmp(differences[i].capture, view->capture) == 0 &&
            strcmp(differences[i].end, view->end) == 0) {
            *differs = true;
            return differences[i].path;
        }
    }
    *differs = false;
    return view->path;
}

void path_add(char path[MANIFEST_TEXT], enum tfsm_state state)
{
    const char *name = tfsm_state_name(state);
    const char *last = strrchr(path, ' ');
    size_t used = strlen(path);
    if (strcmp(last != NULL ? last + 1 : path, name) != 0) {
        snprintf(path + used, MANIFEST_TEXT - used, "%s%s", used > 0 ? " " : "", name);
    }
}

/* The corpus gives the client the smaller of the two documentation addresses. */
static unsigned end_of(const struct capture_connection *connection, const char *end)
{
    const struct tfsm_address *a = &connection->address[0];
    const struct tfsm_address *b = &connection->address[1];
    unsigned client = memcmp(a->octets, b->octets, sizeof a->octets) < 0 ? 0 : 1;
    return strcmp(end, "client") == 0 ? client : 1 - client;
}

static bool check_line(const char *folder, const char *line, check_view *check)
{
    char path[4 * MANIFEST_TEXT];
    char error[CAPTURE_ERROR];
    struct view view;
    struct capture capture;
    bool good = false;
    if (sscanf(line, "%511[^\t]\t%511[^\t]\t%511[^\n]", view.capture, view.end, view.path) != 3) {
        printf("MANIFEST.tsv: not three columns: %s", line);
        return false;
    }
    snprintf(path, sizeof path, "%s/%s.%s.pcap", folder, view.capture, view.end);
    if (!capture_read(path, &capture, error)) {
        printf("%s: %s\n", path, error);
    } else if (capture.connection_count != 1) {
        printf("%s: %zu connections, not one\n", path, capture.connection_count);
    } else {
        good = check(&view, &capture, end_of(&capture.connections[0], view.end));
    }
    capture_free(&capture);
    return good;
}

int manifest_check(int argc, char **argv, check_view *check)
{
    char path[2 * MANIFEST_TEXT];
    char line[3 * MANIFEST_TEXT];
    unsigned views = 0;
    unsigned good = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return EXIT_FAILURE;
    }
    snprintf(path, sizeof path, "%s/MANIFEST.tsv", argv[1]);
    FILE *manifest = fopen(path, "r");
    if (manifest == NULL || fgets(line, sizeof line, manifest) == NULL) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, manifest) != NULL) {
        views++;
        good += check_line(argv[1], line, check);
    }
    fclose(manifest);
    printf("%u of %u views agree\n", good, views);
    return views > 0 && good == views ? EXIT_SUCCESS : EXIT_FAILURE;
}
