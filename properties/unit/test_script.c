/* The language of scripts: what a line is read as, and which line a mistake is in. What running a
 * script does is tested from outside by ci/test-scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"
#include "script_run.h"
#include "tfsm_types.h"

/* Read a script that is sound. */
static struct script *sound(const char *text)
{
    char error[SCRIPT_ERROR] = "";
    unsigned line = 0;
    struct script *script = script_parse(text, strlen(text), NULL, error, &line);
    if (script == NULL) {
        print_error("line %u: %s\n", line, error);
    }
    assert_non_null(script);
    return script;
}

/* Read one that is not: the complaint holds these words and names this line. */
static void refused(const char *text, unsigned expected, const char *words)
{
    char error[SCRIPT_ERROR] = "";
    unsigned line = 0;
    assert_null(script_parse(text, strlen(text), NULL, error, &line));
    if (strstr(error, words) == NULL || strchr(error, '\n') != NULL) {
        fail_msg("'%s' is not one line with '%s'", error, words);
    }
    assert_int_equal(line, expected);
}

/* ---- times ---- */

static void test_time_absolute_relative_any(void **state)
{
    struct script *script =
        sound("0 close(3) = 0\n.5 close(3) = 0\n+1.000001 close(3) = 0\n* > . 1:1(0)\n");
    const struct script_event *event = script->events;
    (void)state;
    assert_int_equal(event->time_kind, SCRIPT_AT);
    assert_int_equal(event->time, 0);
    event = event->next;
    assert_int_equal(event->time_kind, SCRIPT_AT);
    assert_int_equal(event->time, 500000);
    event = event->next;
    assert_int_equal(event->time_kind, SCRIPT_AFTER);
    assert_int_equal(event->time, 1000001);
    assert_int_equal(event->line, 3);
    assert_int_equal(event->next->time_kind, SCRIPT_ANY);
    assert_int_equal(script->event_count, 4);
    script_free(script);
}

static void test_time_ranges(void **state)
{
    struct script *script =
        sound("1~1.5 > . 1:1(0)\n+.1~+.2 > . 1:1(0)\n0.1...0.4 accept(3, ..., ...) = 4\n");
    const struct script_event *event = script->events;
    (void)state;
    assert_true(event->range);
    assert_int_equal(event->time, 1000000);
    assert_int_equal(event->time_end, 1500000);
    event = event->next;
    assert_true(event->range);
    assert_int_equal(event->time_kind, SCRIPT_AFTER);
    assert_int_equal(event->time_end, 200000);
    event = event->next;
    assert_false(event->range);
    assert_true(event->call->blocks);
    assert_int_equal(event->call->end, 400000);
    script_free(script);
}

static void test_time_that_makes_no_sense(void **state)
{
    (void)state;
    refused("0~1 < . 1:1(0)\n", 1, "only a packet that the stack sends");
    refused("\n* close(3) = 0\n", 2, "only a packet that the stack sends");
    refused("2~1 > . 1:1(0)\n", 1, "ends before it begins");
    refused("1...0.5 close(3) = 0\n", 1, "ends before it begins");
    refused("0.0000001 close(3) = 0\n", 1, "microseconds are the least");
    refused("10000001 close(3) = 0\n", 1, "a time of more than");
}

/* ---- segments ---- */

static const struct script_segment *first_segment(const struct script *script)
{
    assert_non_null(script->events->segment);
    return script->events->segment;
}

static void test_segment_flags(void **state)
{
    static const struct {
        const char *text;
        unsigned flags;
    } known[] = {{"S", TFSM_SYN},
                 {"S.", TFSM_SYN | TFSM_ACK},
                 {".", TFSM_ACK},
                 {"P.", TFSM_PSH | TFSM_ACK},
                 {"FP.", TFSM_FIN | TFSM_PSH | TFSM_ACK},
                 {"R", TFSM_RST},
                 {"R.", TFSM_RST | TFSM_ACK},
                 {"PU.", TFSM_PSH | TFSM_URG | TFSM_ACK},
                 {"SEW", TFSM_SYN | TFSM_ECE | TFSM_CWR},
                 {"-", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "0 < %s 7:7(0) win 5\n", known[i].text);
        struct script *script = sound(text);
        assert_int_equal(first_segment(script)->flags, known[i].flags);
        script_free(script);
    }
    refused("0 < SX 1:1(0)\n", 1, "'SX' is not a set of flags");
    refused("0 < SS 1:1(0)\n", 1, "'SS' is not a set of flags");
}

static void test_segment_numbers_wrap(void **state)
{
    struct script *script = sound("0 > . 4294967290:4(10) ack 4294967295 win 0 urg 3\n");
    const struct script_segment *segment = first_segment(script);
    (void)state;
    assert_int_equal(segment->seq, 4294967290u);
    assert_int_equal(segment->length, 10);
    assert_true(segment->has_ack && segment->has_window && segment->has_urgent);
    assert_int_equal(segment->ack, UINT32_MAX);
    assert_int_equal(segment->window, 0);
    assert_int_equal(segment->urgent, 3);
    assert_false(segment->has_options);
    script_free(script);
    refused("0 > . 1:5(5)\n", 1, "contradicts itself");
    refused("0 > . 1:1(0) win 65536\n", 1, "win 65536 is not in 0..65535");
    refused("0 > . 1:1(0) ack 1 ack 1\n", 1, "'ack' twice");
}

static void test_segment_ip_and_ports(void **state)
{
    struct script *script =
        sound("0 < [ce] (tos 0x2f, ttl 7) 40000 > 80 . 1:1(0)\n0 > [ect01] . 1:1(0) <>\n");
    const struct script_segment *segment = first_segment(script);
    (void)state;
    assert_int_equal(segment->ecn, SCRIPT_ECN_CE);
    assert_int_equal(segment->tos, 0x2f);
    assert_int_equal(segment->ttl, 7);
    assert_int_equal(segment->source, 40000);
    assert_int_equal(segment->destination, 80);
    segment = script->events->next->segment;
    assert_int_equal(segment->ecn, SCRIPT_ECN_ECT01);
    assert_false(segment->has_ports);
    assert_true(segment->has_options && segment->options == NULL && !segment->any_options);
    script_free(script);
}

static void test_segment_options(void **state)
{
    struct script *script = sound(
        "0 < S 0:0(0) <mss 1460,sackOK,TS val 4294967295 ecr 0x10,nop,wscale 7>\n"
        "0 < . 1:1(0) <sack 1:2 4294967295:3,uto 30,uto 5 min,FO,FO 0aFF,FO NAME,hex 0203,eol>\n");
    const struct script_option *option = first_segment(script)->options;
    (void)state;
    assert_int_equal(option->kind, SCRIPT_MSS);
    assert_int_equal(option->number, 1460);
    assert_int_equal((option = option->next)->kind, SCRIPT_SACK_OK);
    assert_int_equal((option = option->next)->kind, SCRIPT_TIMESTAMPS);
    assert_int_equal(option->number, UINT32_MAX);
    assert_int_equal(option->echo, 16);
    assert_int_equal((option = option->next)->kind, SCRIPT_NOP);
    assert_int_equal((option = option->next)->kind, SCRIPT_WSCALE);
    assert_null(option->next);
    option = script->events->next->segment->options;
    assert_int_equal(option->sacks, 2);
    assert_int_equal(option->sack[1][0], UINT32_MAX);
    assert_int_equal((option = option->next)->number, 30);
    assert_int_equal((option = option->next)->number, 0x8005);
    option = option->next;
    assert_true(option->kind == SCRIPT_FAST_OPEN && option->length == 0 && option->text == NULL);
    option = option->next;
    assert_true(option->length == 2 && option->octets[0] == 0x0a && option->octets[1] == 0xff);
    assert_string_equal((option = option->next)->text, "NAME");
    option = option->next;
    assert_true(option->kind == SCRIPT_HEX && option->length == 2 && option->octets[1] == 3);
    assert_int_equal(option->next->kind, SCRIPT_EOL);
    script_free(script);
}

static void test_icmp(void **state)
{
    struct script *script = sound("0 < icmp unreachable frag_needed mtu 1400 [1:1461(1460)]\n");
    const struct script_icmp *icmp = script->events->icmp;
    (void)state;
    assert_true(icmp->type == 3 && icmp->code == 4 && icmp->mtu == 1400 && !icmp->v6);
    assert_true(icmp->seq == 1 && icmp->length == 1460 && !icmp->has_ports);
    script_free(script);
    script = sound(
        "--ip_version=ipv6\n0 < icmp packet_too_big mtu 1280 [5 > 6 0:0(0)]\n"
        "0 < icmp type_1 code_5 [0:0(0)]\n0 < icmp parameter_problem unknown_option [0:0(0)]\n");
    icmp = script->events->icmp;
    assert_true(icmp->type == 2 && icmp->v6 && icmp->has_ports && icmp->source == 5);
    icmp = script->events->next->icmp;
    assert_true(icmp->type == 1 && icmp->code == 5 && icmp->v6);
    icmp = script->events->next->next->icmp;
    assert_true(icmp->type == 4 && icmp->code == 2);
    script_free(script);
    refused("0 < icmpv6 packet_too_big mtu 1280 [0:0(0)]\n", 1, "neither flags nor icmp");
    refused("0 < icmp packet_too_big mtu 1280 [0:0(0)]\n", 1, "no ICMP message 'packet_too_big'");
    refused("0 < icmp unreachable nonsense [1:1(0)]\n", 1,
            "no ICMP message 'unreachable nonsense'");
    refused("0 < icmp unreachable port_unreachable mtu 5 [1:1(0)]\n", 1, "tells no mtu");
}

/* ---- calls ---- */

static void test_call_arguments(void **state)
{
    struct script *script = sound("0 f(3, A|B|4, \"a\\n\\x41\\\"\", ..., [1, {x=1, ..., y(2)=-5}], "
                                  "g(1)) = -1 EAGAIN (try again, it's late)\n");
    const struct script_call *call = script->events->call;
    const struct script_value *value = call->arguments;
    (void)state;
    assert_string_equal(call->name, "f");
    assert_int_equal(call->result->number, -1);
    assert_string_equal(call->error, "EAGAIN");
    assert_int_equal(value->number, 3);
    value = value->next;
    assert_int_equal(value->kind, SCRIPT_EITHER);
    assert_string_equal(value->first->next->text, "B");
    assert_int_equal(value->first->next->next->number, 4);
    value = value->next;
    assert_int_equal(value->number, 4);
    assert_memory_equal(value->text, "a\nA\"", 4);
    value = value->next;
    assert_int_equal(value->kind, SCRIPT_DOTS);
    value = value->next;
    const struct script_value *member = value->first->next->first;
    assert_string_equal(member->field, "x");
    assert_null(member->next->field);
    assert_string_equal(member->next->next->field, "y");
    assert_int_equal(member->next->next->number, -5);
    assert_int_equal(value->next->kind, SCRIPT_APPLY);
    assert_null(value->next->next);
    script_free(script);
}

static void test_call_deep(void **state)
{
    char text[4096] = "0 f(";
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        strcat(text, "[");
    }
    strcat(text, "1");
    for (unsigned i = 0; i < 1000; i++) {
        strcat(text, "]");
    }
    strcat(text, ") = 0\n");
    refused(text, 1, "lists in each other");
}

/* ---- everything else ---- */

static void test_comments_code_commands(void **state)
{
    struct script *script = sound(
        "--mtu=1500\n--so_flags=\"ts=0,sack=0\"\n// one\n# two\n/* three\n * four */\n`true`\n"
        "0 %{ assert a == 1\n}% // and\n+1 `a\nb`\n");
    (void)state;
    assert_string_equal(script->settings->name, "mtu");
    assert_string_equal(script->settings->value, "1500");
    assert_string_equal(script->settings->next->value, "ts=0,sack=0");
    assert_int_equal(script->settings->next->line, 2);
    assert_int_equal(script->events->kind, SCRIPT_COMMAND);
    assert_int_equal(script->events->line, 7);
    assert_int_equal(script->events->next->kind, SCRIPT_CODE);
    assert_string_equal(script->events->next->text, " assert a == 1\n");
    assert_string_equal(script->events->next->next->text, "a\nb");
    assert_int_equal(script->events->next->next->line, 10);
    script_free(script);
}

static void test_lines_of_mistakes(void **state)
{
    (void)state;
    refused("", 1, "no event in it");
    refused("0 close(3) = 0\n\n--mtu=5\n", 3, "after the first event");
    refused("0 close(3) = 0\n/* no\nend", 2, "a comment that does not end");
    refused("0 close(3) = 0\n+0 f(\"a) = 0\n", 2, "a string that does not end");
    refused("0 close(3) = 0\n+0 `true\n\n", 2, "a command that does not end");
    refused("0 close(3) = 0\n+0 %{ x\n\n", 2, "code that does not end");
    refused("0 close(3) = 0\n\n+0 < . 1:1(0) <frob 1>\n+0 close(3) = 0\n", 3,
            "option 'frob' is not known");
    refused("0 close(3) = 0\n+0 close(99999999999999999999) = 0\n", 2, "is too large");
    refused("0 close(3) = 0\n+0 close(3) = 0 \x80\n", 2, "unexpected character");
}

/* Any octets at all, a zero among them. */
static void test_octets_of_any_kind(void **state)
{
    char error[SCRIPT_ERROR];
    unsigned line;
    char text[256 * 3];
    (void)state;
    for (unsigned i = 0; i < sizeof text; i++) {
        text[i] = (char)(i % 256);
    }
    for (unsigned at = 0; at < 256; at++) {
        for (unsigned n = 1; n <= 64; n *= 4) {
            script_free(script_parse(text + at, n, NULL, error, &line));
        }
    }
    assert_null(script_parse("0 close(3) = 0\n\0", 16, NULL, error, &line));
    assert_non_null(strstr(error, "octet 0x00"));
    assert_int_equal(line, 2);
}

/* ---- options ---- */

static void test_options_of_a_script(void **state)
{
    struct script *script = sound("--ip_version=ipv6\n--tolerance_usecs=7\n--mtu=1280\n--so_flags="
                                  "\"ts=0\"\n--local_ip=2001:db8::9\n"
                                  "--speed=10\n0 close(3) = 0\n");
    struct script_options options;
    char error[SCRIPT_ERROR];
    unsigned line;
    (void)state;
    assert_true(script_options(script, NULL, &options, error, &line));
    assert_true(options.ipv6 && !options.mapped);
    assert_int_equal(options.tolerance, 7);
    assert_int_equal(options.local[1].octets[15], 9);
    assert_int_equal(options.bind_port, 8080);
    assert_string_equal(options.implied, "mtu=1280,local6=2001:db8::9");
    assert_string_equal(options.so_flags, "ts=0");
    script_free(script);
}

static void test_options_refused(void **state)
{
    static const char *const texts[] = {"--frob=1", "--mtu=67", "--mtu=1x", "--ip_version=ipv5",
                                        "--mtu", "--bind_port=0", "--local_ip=0.0.0.0",
                                        "--tolerance_usecs=-1",
                                        /* what packetdrill's grammar refuses, whatever it means */
                                        "--so_flags=ts=0", "--so_flags=ecn,ts",
                                        "--ip_version=ipv4-mapped-ipv6", "--verbose", "--mtu="};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct script_options options;
        char text[128];
        char error[SCRIPT_ERROR];
        unsigned line = 0;
        snprintf(text, sizeof text, "\n%s\n0 close(3) = 0\n", texts[i]);
        struct script *script = script_parse(text, strlen(text), NULL, error, &line);
        assert_true(script == NULL || !script_options(script, NULL, &options, error, &line));
        assert_int_equal(line, 2);
        script_free(script);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_absolute_relative_any),
        cmocka_unit_test(test_time_ranges),
        cmocka_unit_test(test_time_that_makes_no_sense),
        cmocka_unit_test(test_segment_flags),
        cmocka_unit_test(test_segment_numbers_wrap),
        cmocka_unit_test(test_segment_ip_and_ports),
        cmocka_unit_test(test_segment_options),
        cmocka_unit_test(test_icmp),
        cmocka_unit_test(test_call_arguments),
        cmocka_unit_test(test_call_deep),
        cmocka_unit_test(test_comments_code_commands),
        cmocka_unit_test(test_lines_of_mistakes),
        cmocka_unit_test(test_octets_of_any_kind),
        cmocka_unit_test(test_options_of_a_script),
        cmocka_unit_test(test_options_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
