/* Runs over the simulated network before the judge: what keeps the rules is never charged with breaking a MUST, however much is
 * lost, copied, reordered or damaged, at whichever end the capture is made and however little of a packet is in it. */
#include "fixture.h"
#include "docket.h"
#include "sim.h"

#define SEEDS    200u
#define OCTETS   20000u
#define SNAPSHOT 96u

/* Two captures, one at each end; from each, its own end is judged as near and the other as far. */
struct tapped {
    struct docket *docket[2][2]; /* captured where, of whom */
    uint64_t packets[2];
    size_t snapshot; /* octets of a packet that are recorded */
    unsigned charges;
    uint64_t seed;
};

static bool is_first(void *user, const struct tfsm_address *address, uint16_t port)
{
    (void)user;
    (void)port;
    return address->octets[address->family == 6 ? 15 : 3] == 1;
}

static bool is_second(void *user, const struct tfsm_address *address, uint16_t port)
{
    return !is_first(user, address, port);
}

static void note_charge(void *user, const struct docket_case *the_case, unsigned end,
                        const struct witness_charge *charge)
{
    struct tapped *tapped = user;
    char words[256];
    (void)the_case;
    if (witness_level(charge->clause) == WITNESS_MUST) {
        witness_words(charge, words, sizeof words);
        print_error("seed %u, end %u: %s: %s\n", (unsigned)tapped->seed, end,
                    witness_name(charge->clause), words);
        tapped->charges++;
    }
}

static void see(void *user, unsigned where, unsigned from, const uint8_t *octets, size_t n,
                tfsm_time now)
{
    struct tapped *tapped = user;
    size_t there = n < tapped->snapshot ? n : tapped->snapshot;
    struct capture_packet packet = {.number = ++tapped->packets[where], .time = now};
    (void)from;
    capture_take(octets, there, n, &packet);
    for (unsigned whose = 0; whose < 2; whose++) {
        assert_true(docket_packet(tapped->docket[where][whose], &packet));
    }
}

static unsigned judge_runs(size_t snapshot)
{
    struct tapped tapped = {.snapshot = snapshot};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_config config = sim_bad_network(seed, OCTETS);
        config.tap = see;
        config.user = &tapped;
        tapped.seed = seed;
        for (unsigned where = 0; where < 2; where++) {
            tapped.packets[where] = 0;
            for (unsigned whose = 0; whose < 2; whose++) {
                const struct docket_config docket = {
                    .vantage = where == whose ? WITNESS_NEAR : WITNESS_FAR,
                    .is_subject = whose == 0 ? is_first : is_second,
                    .charge = note_charge,
                    .user = &tapped};
                tapped.docket[where][whose] = docket_new(&docket);
                assert_non_null(tapped.docket[where][whose]);
            }
        }
        assert_true(sim_run(&config).delivered);
        assert_true(tapped.packets[0] > 0 && tapped.packets[1] > 0);
        for (unsigned i = 0; i < 4; i++) {
            docket_free(tapped.docket[i / 2][i % 2]);
        }
    }
    return tapped.charges;
}

static void test_judge_charges_nobody_in_bad_networks(void **state)
{
    (void)state;
    assert_int_equal(judge_runs(SIZE_MAX), 0);
}

static void test_judge_charges_nobody_by_the_first_96_octets(void **state)
{
    (void)state;
    assert_int_equal(judge_runs(SNAPSHOT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge_charges_nobody_in_bad_networks),
        cmocka_unit_test(test_judge_charges_nobody_by_the_first_96_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
