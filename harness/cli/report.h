/* What `tcpfsm judge` says of captures: to people as text, to machines as JSON or JUnit's XML. A format takes one capture after
 * the other, and an end. */
#ifndef HARNESS_REPORT_H
#define HARNESS_REPORT_H

#include "cli.h"
#include "excerpt.h"

/* One capture: either an error, or a verdict and what goes with it. */
struct report_capture {
    const char *path;
    const char *error; /* null: it was judged */
    const struct verdict *verdict;
    const struct excerpt *excerpts; /* of the first example of a clause, in the order of reports */
    size_t excerpt_count;
    const char *no_excerpts; /* why there are none; null: there is nothing to say */
    const char *commented;   /* the copy with comments; null: none was asked for */
    size_t comments;
    uint64_t comments_left; /* those there was no room for */
};

struct report_format {
    const char *name;
    const char *missing; /* the library and its package, where this was built without */
    bool excerpts;       /* it shows them */
    /* Both keep what they need in *state, which starts null. False: out of memory. */
    bool (*capture)(void **state, const struct report_capture *capture);
    bool (*end)(void **state, int status); /* status: enum cli_exit, of all captures */
};

extern const struct report_format report_text;
extern const struct report_format report_json;
extern const struct report_format report_junit;

/* An end of a connection: "192.0.2.1:80", "[2001:db8::1]:80". */
#define REPORT_END 64
void report_end_text(const struct docket_case *the_case, unsigned end, char out[REPORT_END]);

void report_address(const struct tfsm_address *address, char out[REPORT_END]);

/* A file name as UTF-8 without control characters, as every format can bear it: "?" for each octet that is not. */
void report_clean(char *out, size_t room, const char *in);

/* Draw an excerpt as a ladder. */
void report_draw(const struct excerpt *excerpt);

#endif
