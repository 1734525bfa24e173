/* The ISN audit: what an outsider who has seen some of a host's initial sequence numbers can foretell of the next one (RFC 6528,
 * RFC 9293 3.4.1 MUST-8). Pure analysis: numbers, times and tuples go in, findings come out. Every finding says how often chance
 * alone would look like that, and convicts only where it hardly ever would. */
#ifndef HARNESS_ISN_H
#define HARNESS_ISN_H

#include "tfsm.h"

/* A finding convicts where numbers drawn by chance look like that less often than once in a hundred million: there are fifteen
 * tests, so of ten million sound hosts one or two are called wrong. */
#define ISN_CONVICTS_LOG10 (-8.0)
/* So many tuples are needed to say that nothing is found. The statistic of the tests is at best exp(-n), times the number of
 * settings that were tried, up to a million: with fewer numbers some test could not convict whatever it sees. */
#define ISN_LEAST 32u
/* So many tuples, the first ones, are looked at by the tests whose work grows with more than their number. */
#define ISN_MOST 4096u

/* One ISN as it was chosen. */
struct isn_seen {
    tfsm_time at; /* microseconds */
    uint32_t isn;
    struct tfsm_address address; /* the host that chose it */
    struct tfsm_address peer;
    uint16_t port; /* the host's */
    uint16_t peer_port;
};

/* In the order in which they are looked at. */
enum isn_test {
    ISN_EQUAL,        /* all numbers are the same */
    ISN_BITS_FIXED,   /* bits that never change */
    ISN_STEP,         /* few different differences */
    ISN_DIVISOR,      /* all differences are multiples of one number */
    ISN_NEAR,         /* differences are alike */
    ISN_TREND,        /* differences grow steadily */
    ISN_CLOCK,        /* differences follow the time */
    ISN_CONGRUENCE,   /* a linear congruence modulo 2^32 */
    ISN_COLLISION,    /* numbers that come back */
    ISN_OWN_PORT,     /* differences follow the host's port */
    ISN_PEER_PORT,    /* the peer's */
    ISN_PEER_ADDRESS, /* the last 16 bits of the peer's address */
    ISN_LAG,          /* sums or differences of two earlier numbers */
    ISN_PATTERN,      /* what came after three similar differences before comes again */
    ISN_TUPLE_SAME,   /* within a tuple: the same number again */
    ISN_TUPLE_CLOCK, /* within a tuple: differences follow the time. Nobody is convicted by that. */
    ISN_TESTS
};

struct isn_finding {
    bool ran; /* there was enough for it */
    bool convicts;
    double log10_p; /* of chance alone looking like that, whatever the test tried counted in */
    double bits;    /* that are left to guess for who knows this */
    double value;   /* what was found: the step, divisor, ticks a second, multiplier, how many */
    double
        other; /* with ISN_OWN_PORT to ISN_PEER_ADDRESS ticks a second beside it, with ISN_LAG the other lag, with
                       ISN_COLLISION pairs that chance would make, with ISN_TUPLE_SAME pairs */
};

enum isn_verdict {
    ISN_TOO_FEW,
    ISN_SOUND,      /* nothing is found, and no tuple came back often enough to tell more */
    ISN_RFC6528,    /* nothing across tuples, and a clock within each */
    ISN_CONSTANT,   /* from here on predictable */
    ISN_NARROW,     /* only some bits change */
    ISN_STEPPED,    /* a fixed step, or multiples of one */
    ISN_SMALL,      /* small differences */
    ISN_CLOCK_ONLY, /* a clock and nothing else */
    ISN_RECURRENCE, /* computed from numbers before */
    ISN_FEW_VALUES, /* numbers come back */
    ISN_LINEAR,     /* a linear function of ports or address */
    ISN_PATTERNED,  /* what came before comes again */
    ISN_TUPLE_ONLY, /* a function of the tuple without a clock */
    ISN_VERDICTS
};

#define ISN_OBSERVERS 4u

/* Who has seen the last k numbers and tries on them all that he knows, then foretells the next with what did best. */
struct isn_observer {
    unsigned k;
    unsigned tries; /* 0: there are not so many numbers */
    double bits;    /* of 32, that are left to guess */
};

struct isn_findings {
    size_t numbers;
    size_t tuples;   /* across which the tests look: the first number of each */
    size_t again;    /* numbers of a tuple that was there before */
    double span;     /* seconds */
    size_t analysed; /* tuples that the costly tests looked at */
    struct isn_finding finding[ISN_TESTS];
    enum isn_verdict verdict;
    enum isn_test test; /* that made the verdict, if it is one that convicts */
    double bits;        /* left to guess, by the best finding; 32 where there is none */
    double
        shown; /* bits that these numbers show to be there at all, with a confidence of 95 %: no sample of so many
                           numbers can show more. By ISN_COLLISION's pairs */
    struct isn_observer observer[ISN_OBSERVERS];
};

/* Audit the numbers of one host.
 * seen  in the order of time
 * Returns false when there is no memory. */
bool isn_audit(const struct isn_seen *seen, size_t n, struct isn_findings *findings);

bool isn_is_predictable(enum isn_verdict verdict);

/* In a few words. */
const char *isn_verdict_text(enum isn_verdict verdict);

/* What a finding found, in a line: "differences follow a clock of 250000 ticks a second". */
void isn_words(const struct isn_findings *findings, enum isn_test test, char *words, size_t size);

#endif
