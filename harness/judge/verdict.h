/* The verdict on one capture: what the docket says of it, summed up while it is read. All charges that are raised are counted, the first of each
 * clause are kept as examples; it takes memory for connections that are open and charged, not for charges. */
#ifndef HARNESS_VERDICT_H
#define HARNESS_VERDICT_H

#include "docket.h"

#define VERDICT_EXAMPLES 3u /* charges of a clause that are kept */
#define VERDICT_GUILTY   4u /* addresses that are named */

/* A charge, and who is charged. */
struct verdict_example {
    struct witness_charge charge;
    struct docket_case the_case; /* as it was then */
    unsigned end;
};

struct verdict_count {
    uint64_t times; /* charges; a witness raises the first few of a clause only */
    uint64_t ends;  /* charged with it, each end of each connection counted once */
    uint64_t connections;
};

struct verdict {
    uint64_t packets; /* of any kind */
    uint64_t segments;
    uint64_t left[CAPTURE_REASONS];        /* packets that are no segment, by reason */
    uint64_t assumed[CAPTURE_ASSUMPTIONS]; /* segments, by what is taken for granted */
    uint64_t connections;
    uint64_t middle; /* connections that began before the capture did */
    uint64_t cut;    /* without all of their text */
    uint64_t offloads;
    uint64_t judged; /* ends */
    uint64_t near;   /* of these, whose duties were looked at */
    struct verdict_count count[WITNESS_CLAUSES];
    struct verdict_count musts; /* of all clauses that break a MUST */
    unsigned musts_broken;      /* such clauses */
    struct verdict_example example[WITNESS_CLAUSES][VERDICT_EXAMPLES];
    struct tfsm_address guilty[VERDICT_GUILTY]; /* of breaking a MUST, each once, the first ones */
    unsigned guilty_count;
    bool more_guilty;
};

/* What to judge, and who wants to hear of it meanwhile; what is null or 0 is left out. */
struct verdict_question {
    enum witness_vantage vantage;
    bool (*is_subject)(void *user, const struct tfsm_address *address, uint16_t port);
    void *subject_user;
    void (*seen)(void *user, const struct capture_packet *packet);
    bool (*charged)(void *user, const struct witness_charge *charge); /* false: no memory */
    void *user;
};

/* How many examples of a clause there are. */
unsigned verdict_examples(const struct verdict *verdict, enum witness_clause clause);

/* How many demands that are a MUST are broken; there may be several clauses of one. */
unsigned verdict_demands(const struct verdict *verdict);

/* Clauses as reports show them: by level, those of one demand together. */
void verdict_order(enum witness_clause order[WITNESS_CLAUSES]);

/* Judge a capture.
 * verdict  written whole
 * error    when the answer is false: what is wrong and, in parentheses, where */
bool verdict_reach(const char *path, const struct verdict_question *question,
                   struct verdict *verdict, char error[CAPTURE_ERROR]);

#endif
