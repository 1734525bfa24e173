/* The findings and verdicts of the ISN audit in words. */
#include "isn.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

bool isn_is_predictable(enum isn_verdict verdict)
{
    return verdict >= ISN_CONSTANT;
}

const char *isn_verdict_text(enum isn_verdict verdict)
{
    static const char *const texts[ISN_VERDICTS] = {
        [ISN_TOO_FEW] = "too few to tell",
        [ISN_SOUND] = "nothing predictable",
        [ISN_RFC6528] = "RFC 6528's shape: a secret function of the tuple, and a clock",
        [ISN_CONSTANT] = "constant",
        [ISN_NARROW] = "only some bits change",
        [ISN_STEPPED] = "stepped",
        [ISN_SMALL] = "small differences",
        [ISN_CLOCK_ONLY] = "a clock alone",
        [ISN_RECURRENCE] = "computed from the numbers before",
        [ISN_FEW_VALUES] = "colliding: few different numbers",
        [ISN_LINEAR] = "a linear function of the tuple",
        [ISN_PATTERNED] = "a pattern that comes again",
        [ISN_TUPLE_ONLY] = "a function of the tuple without a clock",
    };
    return verdict < ISN_VERDICTS ? texts[verdict] : "?";
}

static void words_of_slope(const struct isn_finding *it, const char *what, char *words, size_t size)
{
    snprintf(words, size, "differences are %.0f times that of %s, and %.0f a second", it->value,
             what, it->other);
}

void isn_words(const struct isn_findings *findings, enum isn_test test, char *words, size_t size)
{
    const struct isn_finding *it = &findings->finding[test];
    switch (test) {
    case ISN_EQUAL:
        snprintf(words, size, "every number is %.0f", it->value);
        return;
    case ISN_BITS_FIXED:
        snprintf(words, size, "%.0f of 32 bits never change", it->value);
        return;
    case ISN_STEP:
        snprintf(words, size, "the next number is often the last one plus %.0f", it->value);
        return;
    case ISN_DIVISOR:
        snprintf(words, size, "all differences are multiples of %.0f", it->value);
        return;
    case ISN_NEAR:
        snprintf(words, size, "differences lie around %.0f", it->value);
        return;
    case ISN_TREND:
        snprintf(words, size, "a difference is about as large as the one before");
        return;
    case ISN_CLOCK:
        snprintf(words, size, "differences follow a clock of %.0f a second", it->value);
        return;
    case ISN_CONGRUENCE:
        snprintf(words, size, "a difference is %.0f times the one before, modulo 2^32", it->value);
        return;
    case ISN_COLLISION:
        snprintf(words, size, "%.0f numbers had been there before; chance makes %.2g", it->value,
                 it->other);
        return;
    case ISN_OWN_PORT:
        words_of_slope(it, "the host's port", words, size);
        return;
    case ISN_PEER_PORT:
        words_of_slope(it, "the peer's port", words, size);
        return;
    case ISN_PEER_ADDRESS:
        words_of_slope(it, "the peer's address", words, size);
        return;
    case ISN_LAG:
        snprintf(words, size, "a number is that of %.0f before %s that of %.0f before",
                 fabs(it->value), it->value < 0 ? "less" : "plus", it->other);
        return;
    case ISN_PATTERN:
        snprintf(words, size, "what came after three like differences before comes again");
        return;
    case ISN_TUPLE_SAME:
        snprintf(words, size, "a tuple that came back got the same number, %.0f times of %.0f",
                 it->value, it->other);
        return;
    case ISN_TUPLE_CLOCK:
        snprintf(words, size, "within a tuple differences follow a clock of %.0f a second",
                 it->value);
        return;
    case ISN_TESTS:
        break;
    }
    snprintf(words, size, "?");
}
