/* Settings as text (harness/sockets/settings.h): what each kind of key does, and that every mistake
 * is told in one line with its key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "settings.h"

#define KEYS 75u

static struct settings settings;

/* Defaults and then this text. */
static void take(const char *flags)
{
    char error[SETTINGS_ERROR];
    settings_default(&settings);
    if (!settings_parse(&settings, flags, error)) {
        fail_msg("'%s' was refused: %s", flags, error);
    }
    assert_string_equal(error, "");
    assert_true(endpoint_size(settings_finish(&settings)) > 0);
}

static void refuse(const char *flags, const char *expected)
{
    char error[SETTINGS_ERROR];
    settings_default(&settings);
    if (settings_parse(&settings, flags, error)) {
        fail_msg("'%s' was taken", flags);
    }
    assert_string_equal(error, expected);
}

static void test_settings_default(void **state)
{
    (void)state;
    take(NULL);
    take("");
    const struct endpoint_config *config = settings_finish(&settings);
    assert_int_equal(config->local_count, 2);
    assert_ptr_equal(config->locals, settings.locals);
    assert_int_equal(config->locals[0].address.octets[0], 192);
    assert_int_equal(config->locals[1].address.family, 6);
    assert_int_equal(config->connections, 64);
    assert_int_equal(config->ranges, 256);
    assert_int_equal(settings.listener.fast_open, 0);
    assert_false(settings.idle_returns);
}

/* A profile is the whole policy but the MSS of each family; what is said after it holds. */
static void test_settings_profile_and_what_follows(void **state)
{
    (void)state;
    take("mtu=1400,ecn=on,profile=minimal,sack=yes");
    assert_int_equal(settings.endpoint.policy4.mss, 1360);
    assert_int_equal(settings.endpoint.policy6.mss, 1340);
    assert_int_equal(settings.endpoint.policy6.mss_default, 1220);
    assert_int_equal(settings.endpoint.policy4.profile & TFSM_ECN, 0);
    assert_int_equal(settings.endpoint.policy6.profile & TFSM_SACK, TFSM_SACK);
    assert_int_equal(settings.endpoint.policy4.ack_delay, 0);
    take("profile=rfc793,profile=rfc9293");
    assert_int_equal(settings.endpoint.policy4.profile, tfsm_config_default().profile);
}

static void test_settings_profile_bits(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint32_t bit;
    } bits[] = {{"rfc5961", TFSM_RFC5961},
                {"rfc1337", TFSM_RFC1337},
                {"nodelay", TFSM_NODELAY},
                {"congestion", TFSM_CONGESTION},
                {"ts", TFSM_TIMESTAMPS},
                {"limited_transmit", TFSM_LIMITED_TRANSMIT},
                {"sack", TFSM_SACK},
                {"ecn", TFSM_ECN},
                {"rfc6191", TFSM_RFC6191},
                {"rfc5927", TFSM_RFC5927},
                {"uto", TFSM_USER_TIMEOUT},
                {"rack", TFSM_RACK},
                {"prr", TFSM_PRR},
                {"frto", TFSM_FRTO},
                {"undo", TFSM_UNDO},
                {"cubic", TFSM_CUBIC},
                {"hystart", TFSM_HYSTART},
                {"abe", TFSM_ABE},
                {"cwv", TFSM_CWV},
                {"pmtu", TFSM_PMTU},
                {"quick_ack", TFSM_QUICK_ACK}};
    static const char *const words[2][3] = {{"0", "off", "no"}, {"1", "on", "yes"}};
    char flags[60];
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        for (unsigned on = 0; on < 2; on++) {
            for (unsigned word = 0; word < 3; word++) {
                snprintf(flags, sizeof flags, "%s=%s", bits[i].key, words[on][word]);
                take(flags);
                /* ECN is asked for only where somebody says so. */
                uint32_t usual = tfsm_config_default().profile & ~(uint32_t)TFSM_ECN;
                uint32_t others = usual & ~bits[i].bit;
                uint32_t expected = others | (on ? bits[i].bit : 0);
                assert_int_equal(settings.endpoint.policy4.profile, expected);
                assert_int_equal(settings.endpoint.policy6.profile, expected);
            }
        }
    }
}

static void test_settings_times_and_their_units(void **state)
{
    (void)state;
    take("rto_min=200ms,rto_max=2s,rto_initial=50us,msl=7,orphan_timeout=3s,keepalive_idle=0");
    assert_int_equal(settings.endpoint.policy4.rto_min, 200000);
    assert_int_equal(settings.endpoint.policy6.rto_max, 2000000);
    assert_int_equal(settings.endpoint.policy4.rto_initial, 50);
    assert_int_equal(settings.endpoint.policy4.msl, 7);
    assert_int_equal(settings.endpoint.orphan_timeout, 3000000);
}

static void test_settings_numbers_of_each_width(void **state)
{
    (void)state;
    take("retries=0xff,mss=9000,port_first=1,hops=1,fast_open=4294967295,sndbuf=100,ranges=1024");
    assert_int_equal(settings.endpoint.policy6.retries, 255);
    assert_int_equal(settings.endpoint.policy6.mss, 9000);
    assert_int_equal(settings.endpoint.port_first, 1);
    assert_int_equal(settings.endpoint.port_last, 65535);
    assert_int_equal(settings.endpoint.hops, 1);
    assert_int_equal(settings.listener.fast_open, UINT32_MAX);
    assert_int_equal(settings.endpoint.ranges, 1024);
    assert_int_equal(settings.endpoint.policy4.snd_buff, 100);
}

/* What the SYN of a stack with these settings shows. */
static struct tfsm_segment syn_of(const char *flags)
{
    uint8_t octets[2048];
    struct tfsm_packet packet;
    take(flags);
    struct endpoint *ep = endpoint_create(settings_finish(&settings));
    struct endpoint_open open = {.remote = {4, {10, 0, 0, 1}}, .remote_port = 1};
    endpoint_handle handle;
    assert_non_null(ep);
    assert_int_equal(endpoint_connect(ep, &open, 1, &handle), TFSM_DONE);
    size_t n = endpoint_output(ep, 1, octets, sizeof octets);
    assert_int_equal(tfsm_parse(octets, n, &packet), TFSM_WIRE_OK);
    endpoint_destroy(ep);
    return packet.segment;
}

/* The shift is the one that was asked for, whatever the buffer, and the buffer stays what it is. */
static void test_settings_wscale_that_the_syn_shows(void **state)
{
    (void)state;
    char flags[40];
    for (unsigned shift = 0; shift <= 14; shift++) {
        snprintf(flags, sizeof flags, "wscale=%u", shift);
        assert_int_equal(syn_of(flags).wscale, shift);
        assert_int_equal(settings.endpoint.policy4.rcv_buff, tfsm_config_default().rcv_buff);
        snprintf(flags, sizeof flags, "rcvbuf=3000000,wscale=%u", shift);
        assert_int_equal(syn_of(flags).wscale, shift);
        assert_int_equal(settings.endpoint.policy6.rcv_buff, 3000000);
    }
    assert_int_equal(syn_of("wscale=9,rcvbuf=10000").wnd, 10000);
    assert_int_equal(syn_of("wscale=fits,rcvbuf=3000000").wscale, 6);
    assert_int_equal(syn_of("rcvbuf=3000000").wscale, 6);
    assert_int_equal(syn_of("wscale=off").options & TFSM_OPT_WSCALE, 0);
}

static void test_settings_rings_hold_the_buffers(void **state)
{
    (void)state;
    take("rcvbuf=65537,sndbuf=300000");
    assert_int_equal(settings_finish(&settings)->receive_ring, 131072);
    assert_int_equal(settings_finish(&settings)->send_ring, 524288);
    take("rcvbuf=1");
    assert_int_equal(settings_finish(&settings)->receive_ring, 65536);
}

static void test_settings_addresses_replace_and_add(void **state)
{
    (void)state;
    take("local=10.0.0.1/8,local=10.0.0.2");
    const struct endpoint_local *locals = settings_finish(&settings)->locals;
    assert_int_equal(settings.endpoint.local_count, 3);
    assert_int_equal(locals[0].address.family, 6);
    assert_int_equal(locals[1].prefix, 8);
    assert_int_equal(locals[2].prefix, 32);
    assert_int_equal(locals[2].address.octets[3], 2);
    take("local6=2001:db8::7/56");
    assert_int_equal(settings.endpoint.local_count, 2);
    assert_int_equal(settings.locals[1].prefix, 56);
    assert_int_equal(settings.locals[1].address.octets[15], 7);
    refuse("local=1.1.1.1,local=1.1.1.2,local=1.1.1.3,local=1.1.1.4,local=1.1.1.5,local=1.1.1.6,"
           "local=1.1.1.7,local=1.1.1.8",
           "local: too many addresses");
}

static void test_settings_words(void **state)
{
    (void)state;
    take("cookies=always,overflow=reset,recycle=on,idle=return,syn_ack_retries=3,"
         "key=000102030405060708090A0b0c0d0e0f");
    assert_int_equal(settings.listener.cookies, TFSM_COOKIES_ALWAYS);
    assert_int_equal(settings.listener.overflow, TFSM_OVERFLOW_RESET);
    assert_true(settings.listener.recycle);
    assert_true(settings.idle_returns);
    assert_int_equal(settings.listener.syn_ack_retries, 3);
    assert_int_equal(settings.endpoint.key[10], 10);
    assert_int_equal(settings.endpoint.key[15], 15);
    take("cookies=full,cookies=never,idle=return,idle=exit,overflow=drop");
    assert_int_equal(settings.listener.cookies, TFSM_COOKIES_NEVER);
    assert_false(settings.idle_returns);
}

static void test_settings_mistakes_are_named(void **state)
{
    (void)state;
    refuse("colour=red", "colour: there is no such setting");
    refuse("ecn", "ecn: its value is missing");
    refuse("ecn=", "ecn: its value is missing");
    refuse("=1", "setting 1 has no key");
    refuse(",", "setting 1 is empty");
    refuse("ecn=1,,ts=1", "setting 2 is empty");
    refuse("ecn=1,", "setting 2 is empty");
    refuse("ecn=2", "ecn: '2' is not on or off");
    refuse("rcvbuf=12x", "rcvbuf: '12x' is not a number");
    refuse("rcvbuf=-1", "rcvbuf: '-1' is not a number");
    refuse("rcvbuf= 1", "rcvbuf: ' 1' is not a number");
    refuse("rcvbuf=536870913", "rcvbuf: 536870913 is out of range, 0 to 536870912");
    refuse("mss=18446744073709551617", "mss: 18446744073709551617 is out of range, 1 to 65495");
    refuse("ranges=1025", "ranges: 1025 is out of range, 0 to 1024");
    refuse("hops=0", "hops: 0 is out of range, 1 to 255");
    refuse("rto_min=1h", "rto_min: '1h' is not a time: a number, and us, ms or s");
    refuse("rto_min=s", "rto_min: 's' is not a time: a number, and us, ms or s");
    refuse("rto_min=0", "rto_min: 0 is out of range, 1 to 1000000000000000 microseconds");
    refuse("rto_min=18446744073709551s",
           "rto_min: 18446744073709551s is out of range, 1 to 1000000000000000 microseconds");
    refuse("wscale=15", "wscale: 15 is out of range, 0 to 14");
    refuse("profile=rfc1", "profile: 'rfc1' is not today, rfc9293, rfc793 or minimal");
    refuse("key=12", "key: '12' is not 32 hex digits");
    refuse("local=10.0.0.1/33", "local: 33 is out of range, 0 to 32");
    refuse("local=10.0.0", "local: '10.0.0' is not an IPv4 address");
    refuse("local6=ff02::1", "local6: 'ff02::1' is not the address of one host");
    refuse("cookies=some", "cookies: 'some' is not never, full or always");
    refuse("overflow=", "overflow: its value is missing");
    refuse("idle=sleep", "idle: 'sleep' is not exit or return");
    refuse("ecn=\x01", "ecn: an octet that does not print");
    refuse("\x80\x1b[m=1", "??[m: an octet that does not print");
    refuse("port_first=60000,port_last=59999", "port_first: it is after port_last");
    refuse("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee=1",
           "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...: there is no such setting");
    refuse("mss=0000000000000000000000000000000000000000000000000000000000000001",
           "mss: its value is too long");
}

/* Octets of anybody: an answer, and never more than the room for it. */
static void test_settings_garbage(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (unsigned i = 0; i < 20000; i++) {
        const char *key = NULL;
        const char *meaning;
        char flags[120] = {0};
        char error[SETTINGS_ERROR + 1];
        error[SETTINGS_ERROR] = 0x55;
        settings_describe(i % KEYS, &key, &meaning);
        size_t at = (size_t)snprintf(flags, sizeof flags, "%s=", key);
        for (unsigned j = 0; j < i % 40; j++) {
            seed = (uint32_t)((uint64_t)seed * 48271 % 2147483647);
            flags[at++] = "0123456789abcxms./:=,-\x7f\xff"[seed % 24];
        }
        settings_default(&settings);
        if (!settings_parse(&settings, flags, error)) {
            assert_true(strlen(error) > 0 && strlen(error) < SETTINGS_ERROR);
        } else {
            assert_true(endpoint_size(settings_finish(&settings)) > 0);
        }
        assert_int_equal(error[SETTINGS_ERROR], 0x55);
    }
}

static void test_settings_describe_tells_every_key(void **state)
{
    (void)state;
    const char *key = NULL;
    const char *meaning = NULL;
    char error[SETTINGS_ERROR];
    char flags[100];
    unsigned count = 0;
    for (; settings_describe(count, &key, &meaning); count++) {
        assert_true(strlen(meaning) > 0);
        snprintf(flags, sizeof flags, "%s=?", key); /* known, and no value of any kind */
        settings_default(&settings);
        assert_false(settings_parse(&settings, flags, error));
        assert_null(strstr(error, "no such"));
        assert_memory_equal(error, key, strlen(key));
    }
    assert_int_equal(count, KEYS);
}

/* What comes after family= is of that family's policy alone, whatever kind of setting it is. */
static void test_settings_of_one_family(void **state)
{
    char error[SETTINGS_ERROR];
    (void)state;
    settings_default(&settings);
    const struct tfsm_config before = settings.endpoint.policy4;
    assert_true(
        settings_parse(&settings, "family=6,retries=3,ts=off,wscale=2,family=both,r1=1", error));
    const struct endpoint_config *config = &settings.endpoint;
    assert_int_equal(config->policy6.retries, 3);
    assert_int_equal(config->policy4.retries, before.retries);
    assert_int_equal(config->policy6.profile & TFSM_TIMESTAMPS, 0);
    assert_int_equal(config->policy4.profile, before.profile);
    assert_int_equal(config->policy6.rcv_wscale, 2);
    assert_int_equal(config->policy4.rcv_wscale, before.rcv_wscale);
    assert_int_equal(config->policy4.r1, 1);
    assert_int_equal(config->policy6.r1, 1);
    assert_true(settings_parse(&settings, "family=4,retries=5", error));
    assert_int_equal(config->policy4.retries, 5);
    assert_int_equal(config->policy6.retries, 3);
    assert_false(settings_parse(&settings, "family=5", error));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_default),
        cmocka_unit_test(test_settings_profile_and_what_follows),
        cmocka_unit_test(test_settings_profile_bits),
        cmocka_unit_test(test_settings_times_and_their_units),
        cmocka_unit_test(test_settings_numbers_of_each_width),
        cmocka_unit_test(test_settings_wscale_that_the_syn_shows),
        cmocka_unit_test(test_settings_rings_hold_the_buffers),
        cmocka_unit_test(test_settings_addresses_replace_and_add),
        cmocka_unit_test(test_settings_words),
        cmocka_unit_test(test_settings_mistakes_are_named),
        cmocka_unit_test(test_settings_garbage),
        cmocka_unit_test(test_settings_of_one_family),
        cmocka_unit_test(test_settings_describe_tells_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
