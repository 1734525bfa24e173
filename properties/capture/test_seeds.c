/* Seeds made from captures do what the captured connection did: run as a program, the endpoint of
 * fuzz_trace passes through the states the manifest names, and so does that end among the two of
 * fuzz_pair; no invariant breaks. What arrives at the endpoint of fuzz_trace is what was captured:
 * control bits, lengths, options, and the time to a millisecond.
 *
 * usage: test_seeds DIR    (corpus/captures) */
#include <stdio.h>
#include <string.h>

#include "manifest.h"
#include "run.h"
#include "seed.h"
#include "seq.h"

/* What a run came to: the states of both ends. */
struct paths {
    char end[2][MANIFEST_TEXT];
    bool text_with_fin; /* a segment carried both */
    /* Of fuzz_trace, what arrives, held against the capture. */
    const struct capture *capture;    /* null: nothing is */
    unsigned index;                   /* the end in whose place the endpoint is */
    size_t next;                      /* the next segment of the capture */
    const struct tfsm_segment *first; /* stamped segment of the peer in the capture */
    uint32_t stamp;                   /* and the stamp that stands for its stamp */
    tfsm_time start;
    bool differs;
    size_t held; /* segments that were compared */
};

static bool same_options(struct paths *paths, const struct tfsm_segment *theirs,
                         const struct tfsm_segment *ours)
{
    bool stamped = (theirs->options & TFSM_OPT_TIMESTAMPS) != 0;
    if (stamped && paths->first == NULL) {
        paths->first = theirs;
        paths->stamp = ours->ts_val;
    }
    bool same = (theirs->options & ~(unsigned)TFSM_OPT_FAST_OPEN) == ours->options &&
                theirs->sacks == ours->sacks;
    if (stamped) {
        same = same && seq_distance(paths->first->ts_val, theirs->ts_val) ==
                           seq_distance(paths->stamp, ours->ts_val);
    }
    for (unsigned i = 0; i < theirs->sacks && same; i++) {
        same = seq_distance(theirs->ack, theirs->sack[i].left) ==
                   seq_distance(ours->ack, ours->sack[i].left) &&
               seq_distance(theirs->ack, theirs->sack[i].right) ==
                   seq_distance(ours->ack, ours->sack[i].right);
    }
    return same;
}

/* Segments arrive in the order of the capture, with their options, and less than a millisecond off. */
static void hold(struct paths *paths, const struct run_line *line)
{
    const struct capture_segment *segments = paths->capture->segments;
    while (paths->next < paths->capture->count && segments[paths->next].sender == paths->index) {
        paths->next++;
    }
    if (paths->next == paths->capture->count) {
        return;
    }
    const struct capture_segment *theirs = &segments[paths->next++];
    const struct tfsm_segment *arrived = &line->ev->segment;
    tfsm_time due = theirs->time - segments[0].time;
    tfsm_time at = line->now - paths->start;
    paths->held++;
    paths->differs = paths->differs || at > due || due - at >= 1000 ||
                     theirs->packet.segment.flags != arrived->flags ||
                     theirs->packet.segment.len != arrived->len ||
                     !same_options(paths, &theirs->packet.segment, arrived);
}

static void note_states(void *user, const struct run_line *line)
{
    struct paths *paths = user;
    if (paths->capture != NULL && paths->start == TFSM_NEVER) {
        paths->start = line->now;
    }
    if (paths->capture != NULL && line->kind == RUN_ARRIVES) {
        hold(paths, line);
    }
    const struct tfsm_segment *sent = line->kind == RUN_SENDS ? line->segment : NULL;
    paths->text_with_fin =
        paths->text_with_fin || (sent != NULL && (sent->flags & TFSM_FIN) != 0 && sent->len > 1);
    for (unsigned i = 0; line->fx != NULL && i < line->trace->count; i++) {
        const struct tfsm_rule *rule = &tfsm_rules[line->trace->fired[i]];
        if (rule->next != TFSM_STAY) {
            path_add(paths->end[line->end], (enum tfsm_state)rule->next);
        }
    }
}

/* A program runs on after the capture ends, so the captured path has to be where it begins. */
static bool begins_with(const char *path, const char *wanted)
{
    size_t length = strlen(wanted);
    return strncmp(path, wanted, length) == 0 && (path[length] == '\0' || path[length] == ' ');
}

/* What the network did in a program's records. */
static bool has_record(const struct seed_program *seed, enum record_kind kind)
{
    struct program program;
    struct program_config config;
    struct record record;
    program_open(&program, seed->octets, seed->size, &config);
    while (program_next(&program, &record)) {
        if (record.kind == kind) {
            return true;
        }
    }
    return false;
}

/* What the network did to a segment is in the view of its sender, if it was lost, and of its
 * receiver, if it was copied; the names of the captures say who that is. */
static bool check_network(const struct view *view, const struct seed_program *pair)
{
    static const struct {
        const char *capture;
        const char *end;
        enum record_kind kind;
    } events[] = {
        {"retransmission_data", "client", RECORD_DROP},
        {"retransmission_syn", "client", RECORD_DROP},
        {"retransmission_synack", "server", RECORD_DROP},
        {"retransmission_fin", "client", RECORD_DROP},
        {"lost_last_ack", "server", RECORD_DROP},
        {"out_of_order", "client", RECORD_DROP},
        {"duplicated_data", "server", RECORD_COPY},
        {"late_duplicate_syn", "server", RECORD_COPY},
    };
    bool wanted[2] = {false, false};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (strcmp(events[i].capture, view->capture) == 0 &&
            strcmp(events[i].end, view->end) == 0) {
            wanted[events[i].kind == RECORD_COPY] = true;
        }
    }
    if ((wanted[0] && !has_record(pair, RECORD_DROP)) ||
        wanted[1] != has_record(pair, RECORD_COPY)) {
        printf("%s.%s: the network of fuzz_pair does not do what it did\n", view->capture,
               view->end);
        return false;
    }
    return true;
}

static bool check_program(const struct view *view, const char *target, enum run_mode mode,
                          const struct seed_program *program, unsigned end,
                          const struct capture *capture, unsigned index)
{
    struct paths paths = {
        .end = {"CLOSED", "CLOSED"}, .capture = capture, .index = index, .start = TFSM_NEVER};
    bool differs;
    const char *wanted = manifest_path(view, &differs);
    struct run_result result =
        run_program(mode, program->octets, program->size, note_states, &paths);
    if (result.violation.id != NULL) {
        printf("%s.%s: %s breaks %s\n", view->capture, view->end, target, result.violation.id);
        return false;
    }
    if (strcmp(view->capture, "fin_with_data") == 0 && !paths.text_with_fin) {
        printf("%s.%s: %s sends text and FIN one by one\n", view->capture, view->end, target);
        return false;
    }
    if (capture != NULL && (paths.differs || paths.held == 0)) {
        printf("%s.%s: %s: segments or their times are not as captured\n", view->capture, view->end,
               target);
        return false;
    }
    if (!begins_with(paths.end[end], wanted)) {
        printf("%s.%s: %s takes %s, not %s\n", view->capture, view->end, target, paths.end[end],
               wanted);
        return false;
    }
    return true;
}

static bool check(const struct view *view, const struct capture *capture, unsigned index)
{
    struct seed_program trace;
    struct seed_program pair;
    if (seed_trace(capture, 0, index, &trace) != SEED_MADE ||
        seed_pair(capture, 0, &pair) != SEED_MADE) {
        printf("%s.%s: no seed can be made of it\n", view->capture, view->end);
        return false;
    }
    bool good = check_program(view, "fuzz_trace", RUN_TRACE, &trace, 0, capture, index);
    good = check_program(view, "fuzz_pair", RUN_PAIR, &pair, index, NULL, 0) && good;
    return check_network(view, &pair) && good;
}

int main(int argc, char **argv)
{
    return manifest_check(argc, argv, check);
}
