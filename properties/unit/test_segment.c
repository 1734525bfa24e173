/* Where the members of a segment are listed by hand, none is forgotten: a compiler that knows which
 * octets are padding knows of every member that is added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"
#include "same.h"

/* The octets of a segment that belong to a member: 0xff where they do. Returns whether the compiler
 * tells. */
static bool member_octets(uint8_t octets[sizeof(struct tfsm_segment)])
{
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
    struct tfsm_segment segment;
    memset(&segment, 0xff, sizeof segment);
    __builtin_clear_padding(&segment);
    memcpy(octets, &segment, sizeof segment);
    return true;
#endif
#endif
    (void)octets;
    return false;
}

/* Whatever was there, a segment begins with zero in every member. */
static void test_segment_clear_forgets_no_member(void **state)
{
    (void)state;
    static const struct tfsm_segment zero;
    struct tfsm_segment segment;
    memset(&segment, 0xa5, sizeof segment);
    clear_segment(&segment);
    assert_true(same_segment(&segment, &zero));
    uint8_t octets[sizeof segment];
    uint8_t members[sizeof segment];
    memcpy(octets, &segment, sizeof segment);
    for (size_t i = 0; member_octets(members) && i < sizeof octets; i++) {
        assert_int_equal(octets[i] & members[i], 0);
    }
}

/* And who compares two looks at every one. */
static void test_segment_same_forgets_no_member(void **state)
{
    (void)state;
    struct tfsm_segment a;
    struct tfsm_segment b;
    uint8_t members[sizeof a];
    memset(&a, 0, sizeof a);
    for (size_t i = 0; member_octets(members) && i < sizeof a; i++) {
        memset(&b, 0, sizeof b);
        ((uint8_t *)&b)[i] = 1;
        assert_int_equal(same_segment(&a, &b), members[i] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_clear_forgets_no_member),
        cmocka_unit_test(test_segment_same_forgets_no_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
