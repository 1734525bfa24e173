/* A ladder diagram of a run: time goes down, the two ends stand left and right, segments go between
 * them; on the right of a listener stands the peer that a line is about. One ladder is one run; its
 * lines come through ladder_line(), from run_program() or from who watches an endpoint. What a line
 * is and says is found out once, in ladder.c; a pen draws it, as text (ladder_text.c) or as SVG
 * (ladder_svg.h). */
#ifndef HARNESS_LADDER_H
#define HARNESS_LADDER_H

#include <stdio.h>

#include "cli.h"
#include "endpoint.h"
#include "run.h"

#define LADDER_ENDS  8 /* of a pair two are in use, of a listener one for each of its peers */
#define LADDER_HEARD 16

struct ladder_pen;

/* A diagram being drawn; set what comes before `started`, zero the rest. */
struct ladder {
    enum run_mode mode;
    const struct ladder_pen *pen; /* null: text */
    void *canvas;                 /* what that pen draws on, if it needs one */
    FILE *to;                     /* text: null is standard output */
    const char *who;              /* trace: what stands on the right; null: nothing */
    bool absolute;  /* sequence numbers as they stand in the header, not from ISS and IRS */
    bool all_rules; /* every rule that fired, not only those that did something */
    uint64_t skip;  /* so many events are left out at the beginning */
    bool started;
    uint64_t marks;  /* so far, with those that are left out */
    unsigned peer;   /* listener: whose line it is */
    tfsm_time start; /* time is shown from here */
    struct {
        enum tfsm_state state;
        bool iss_known;
        bool irs_known;
        uint32_t iss;
        uint32_t irs;
    } end[LADDER_ENDS];
    bool stepped; /* what the last step did, for who asks why it is wrong */
    bool had_before;
    struct tfsm_tcb before; /* the members alone */
    struct tfsm_tcb after;
};

/* One event of the diagram, in words. */
struct ladder_mark {
    enum run_line_kind kind;
    double seconds;   /* from the start */
    const char *left; /* states after it, or who stands there; "": nothing */
    const char *right;
    bool at_right;        /* CALL, TIMEOUT, ARRIVES: it is the right end's */
    bool to_right;        /* a segment: which way it goes */
    struct cli_text what; /* a segment: control bits, numbers, length; the call */
    struct cli_text rest; /* a segment: what else it says, and the rule that made it */
    const char *note;     /* NOTE */
    const char *rules[TFSM_FIRED_MAX];
    unsigned rule_count;
    char heard[LADDER_HEARD][48]; /* what the user is told of it */
    unsigned heard_count;
};

/* How a ladder is drawn. */
struct ladder_pen {
    void (*begin)(const struct ladder *ladder, const char *left, const char *right);
    void (*mark)(const struct ladder *ladder, const struct ladder_mark *mark);
    void (*end)(const struct ladder *ladder, const struct run_result *result);
};
extern const struct ladder_pen ladder_text_pen;

/* Conversations with several peers, ours always on the left. */
bool ladder_has_peers(const struct ladder *ladder);

/* Where an invariant broke: "at end A", "peer 3". */
void ladder_place(struct cli_text *text, const struct ladder *ladder,
                  const struct violation *violation);

/* "N lines of events before these are left out". */
void ladder_left_out(struct cli_text *text, const struct ladder *ladder);

/* The line of a step that an endpoint's watcher sees; what->event is not null. Where the watcher is
 * shown no TCB, before and after are null: to be filled in. */
struct run_line ladder_step(const struct endpoint_watched *what);

/* Draw one line of a run; `user` is the ladder. */
void ladder_line(void *user, const struct run_line *line);

/* Draw the foot of the diagram: what the run came to. */
void ladder_end(const struct ladder *ladder, const struct run_result *result);

/* How many events a program's ladder has: it is run, and nothing is drawn. */
uint64_t ladder_count(const struct ladder *ladder, const uint8_t *octets, size_t size);

#endif
