/* TFSM_TEST names the test to run: a mutant may hang in another before it comes to the one that is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void __attribute__((constructor)) choose_test(void)
{
    const char *test = getenv("TFSM_TEST");
    if (test != NULL) {
        cmocka_set_test_filter(test);
    }
}
