/* Unit tests of the ISN audit: every generator that is wrong on purpose is called what it is, with tuples that come back and
 * without; those that are right are convicted for no seed; and few numbers convict only where chance could not look like that. */
#include "fixture.h"
#include "isn_generate.h"

#include <math.h>

#define NUMBERS 1000u
#define SEEDS   200u

static struct isn_seen seen[NUMBERS];

static struct isn_findings audit(const char *name, struct isn_traffic traffic, size_t n)
{
    struct isn_findings findings;
    isn_generate(isn_generator(name), &traffic, seen, n);
    assert_true(isn_audit(seen, n, &findings));
    return findings;
}

static void is(const struct isn_findings *findings, enum isn_verdict verdict, const char *name,
               uint64_t seed)
{
    if (findings->verdict != verdict) {
        print_error("%s, seed %u: %s, not %s\n", name, (unsigned)seed,
                    isn_verdict_text(findings->verdict), isn_verdict_text(verdict));
    }
    assert_int_equal(findings->verdict, verdict);
}

static void test_isn_audit_knows_every_generator(void **state)
{
    (void)state;
    for (const struct isn_generator *it = isn_generators; it->name != NULL; it++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct isn_findings findings =
                audit(it->name, (struct isn_traffic){seed, 200, 1000000}, NUMBERS);
            is(&findings, it->verdict, it->name, seed);
        }
    }
}

/* What needs a tuple that comes back is not seen then. */
static void test_isn_audit_knows_them_without_tuples_that_come_back(void **state)
{
    (void)state;
    for (const struct isn_generator *it = isn_generators; it->name != NULL; it++) {
        bool needs = it->verdict == ISN_TUPLE_ONLY || it->verdict == ISN_RFC6528;
        struct isn_findings findings = audit(it->name, (struct isn_traffic){3, 0, 50000}, NUMBERS);
        is(&findings, needs ? ISN_SOUND : it->verdict, it->name, 3);
    }
}

static void never_convicts(const char *name, unsigned again, tfsm_time between, size_t n)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct isn_findings findings = audit(name, (struct isn_traffic){seed, again, between}, n);
        if (isn_is_predictable(findings.verdict)) {
            is(&findings, ISN_SOUND, name, seed);
        }
    }
}

static void test_isn_audit_convicts_no_chance(void **state)
{
    (void)state;
    never_convicts("chance", 0, 10000, 40);
    never_convicts("chance", 300, 1000000, 100);
}

/* What a finding says of chance is true: less than one in ten comes to no more than a tenth of the samples. */
static void test_isn_audit_is_honest_about_chance(void **state)
{
    (void)state;
    unsigned rare[ISN_TESTS] = {0};
    for (uint64_t seed = 1000; seed < 1000 + SEEDS; seed++) {
        struct isn_findings findings = audit("chance", (struct isn_traffic){seed, 100, 100000}, 60);
        for (unsigned test = 0; test < ISN_TESTS; test++) {
            rare[test] += findings.finding[test].ran && findings.finding[test].log10_p < -1;
        }
    }
    for (unsigned test = 0; test < ISN_TESTS; test++) {
        assert_true(rare[test] <= SEEDS / 10);
    }
}

static void test_isn_audit_convicts_no_rfc6528(void **state)
{
    (void)state;
    never_convicts("ours", 0, 1000, 60);
    never_convicts("ours", 500, 100000, 100);
    never_convicts("ours", 950, 1000000, 200); /* a handful of tuples */
    never_convicts("fast", 300, 20000, 100);
}

/* A client, whose own port it is. */
static void test_isn_audit_knows_a_function_of_the_own_port(void **state)
{
    (void)state;
    struct isn_findings findings;
    isn_generate(isn_generator("port"), &(struct isn_traffic){1, 0, 100000}, seen, NUMBERS);
    for (unsigned i = 0; i < NUMBERS; i++) {
        seen[i].port = seen[i].peer_port;
        seen[i].peer_port = 80;
    }
    assert_true(isn_audit(seen, NUMBERS, &findings));
    is(&findings, ISN_LINEAR, "port", 1);
    assert_int_equal(findings.test, ISN_OWN_PORT);
}

/* A SYN cookie is the same for a minute or two, and no fault. */
static void test_isn_audit_lets_cookies_stay_the_same(void **state)
{
    (void)state;
    struct isn_findings findings = audit("tuple", (struct isn_traffic){1, 300, 10000}, NUMBERS);
    is(&findings, ISN_SOUND, "tuple", 1);
}

/* A single tuple, over and over. */
static void test_isn_audit_convicts_no_clock_within_a_tuple(void **state)
{
    (void)state;
    struct isn_findings findings = audit("ours", (struct isn_traffic){1, 1000, 1000000}, 200);
    is(&findings, ISN_TOO_FEW, "ours", 1);
    assert_true(findings.finding[ISN_TUPLE_CLOCK].log10_p < ISN_CONVICTS_LOG10);
    assert_true(fabs(findings.finding[ISN_TUPLE_CLOCK].value - 250000) < 1);
    findings = audit("plus-64000", (struct isn_traffic){1, 1000, 1000000}, 200);
    is(&findings, ISN_STEPPED, "plus-64000", 1);
}

/* Two equal differences are one coincidence in 2^32, three equal numbers one in 2^64; three small ones prove nothing. */
static void test_isn_audit_convicts_by_few_only_what_is_certain(void **state)
{
    (void)state;
    static const struct isn_traffic traffic = {1, 0, 1000000};
    struct isn_findings findings = audit("constant", traffic, 3);
    is(&findings, ISN_CONSTANT, "constant", 1);
    findings = audit("plus-64000", traffic, 3);
    is(&findings, ISN_STEPPED, "plus-64000", 1);
    findings = audit("constant", traffic, 2);
    is(&findings, ISN_TOO_FEW, "constant", 1);
    findings = audit("small", traffic, 3);
    is(&findings, ISN_TOO_FEW, "small", 1);
    findings = audit("high-24", traffic, 4);
    is(&findings, ISN_TOO_FEW, "high-24", 1);
    findings = audit("clock", traffic, 12);
    is(&findings, ISN_CLOCK_ONLY, "clock", 1);
    findings = audit("chance", traffic, ISN_LEAST - 1);
    is(&findings, ISN_TOO_FEW, "chance", 1);
    findings = audit("chance", traffic, ISN_LEAST);
    is(&findings, ISN_SOUND, "chance", 1);
    findings = audit("chance", traffic, 0);
    is(&findings, ISN_TOO_FEW, "chance", 1);
}

static void test_isn_audit_measures_what_it_finds(void **state)
{
    (void)state;
    static const struct isn_traffic traffic = {5, 200, 1000000};
    struct isn_findings findings = audit("clock", traffic, NUMBERS);
    assert_true(fabs(findings.finding[ISN_CLOCK].value - 250000) < 1);
    assert_true(findings.bits < 2);
    findings = audit("clock-jitter", traffic, NUMBERS);
    assert_true(fabs(findings.bits - 10) < 1);
    findings = audit("low-16", traffic, NUMBERS);
    assert_true(fabs(findings.bits - 16) < 0.5);
    findings = audit("small", traffic, NUMBERS);
    assert_true(fabs(findings.bits - 16) < 1);
    findings = audit("hundred", traffic, NUMBERS);
    assert_true(fabs(findings.bits - log2(100)) < 0.5);
    findings = audit("lcg", traffic, NUMBERS);
    assert_true(fabs(findings.finding[ISN_CONGRUENCE].value - 1664525) < 0.5);
    findings = audit("port", traffic, NUMBERS);
    assert_true(fabs(findings.finding[ISN_PEER_PORT].value - 0x1234567) < 1);
    findings = audit("ours", traffic, NUMBERS);
    assert_true(fabs(findings.finding[ISN_TUPLE_CLOCK].value - 250000) < 1);
}

/* What a sample can show grows with its pairs: a thousand numbers that all differ show no 32 bits. */
static void test_isn_audit_claims_no_more_than_the_sample_shows(void **state)
{
    (void)state;
    struct isn_findings findings = audit("chance", (struct isn_traffic){7, 0, 1000}, NUMBERS);
    assert_true(fabs(findings.shown - log2(NUMBERS * (NUMBERS - 1.0) / 2 / 3)) < 0.01);
    findings = audit("hundred", (struct isn_traffic){7, 0, 1000}, NUMBERS);
    assert_true(findings.shown < log2(100));
}

/* Who has seen more knows more, where there is something to know; and guesses where there is not. */
static void test_isn_audit_observes_with_what_was_seen(void **state)
{
    (void)state;
    static const struct isn_traffic traffic = {9, 0, 1000000};
    struct isn_findings findings = audit("turns", traffic, NUMBERS);
    assert_int_equal(findings.observer[0].k, 4);
    assert_true(findings.observer[0].bits > 28);
    assert_int_equal(findings.observer[3].k, 256);
    assert_true(findings.observer[3].bits < 16);
    findings = audit("lcg", traffic, NUMBERS);
    assert_true(findings.observer[1].bits < 1);
    findings = audit("chance", traffic, NUMBERS);
    for (unsigned i = 0; i < ISN_OBSERVERS; i++) {
        assert_true(findings.observer[i].tries > 0 && findings.observer[i].bits > 29.5);
    }
    findings = audit("chance", traffic, 40);
    assert_int_equal(findings.observer[2].tries, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isn_audit_knows_every_generator),
        cmocka_unit_test(test_isn_audit_knows_them_without_tuples_that_come_back),
        cmocka_unit_test(test_isn_audit_convicts_no_chance),
        cmocka_unit_test(test_isn_audit_is_honest_about_chance),
        cmocka_unit_test(test_isn_audit_convicts_no_rfc6528),
        cmocka_unit_test(test_isn_audit_knows_a_function_of_the_own_port),
        cmocka_unit_test(test_isn_audit_lets_cookies_stay_the_same),
        cmocka_unit_test(test_isn_audit_convicts_no_clock_within_a_tuple),
        cmocka_unit_test(test_isn_audit_convicts_by_few_only_what_is_certain),
        cmocka_unit_test(test_isn_audit_measures_what_it_finds),
        cmocka_unit_test(test_isn_audit_claims_no_more_than_the_sample_shows),
        cmocka_unit_test(test_isn_audit_observes_with_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
