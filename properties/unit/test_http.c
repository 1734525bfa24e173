/* The heads of HTTP requests (harness/tun/http.h). Each test is a table: a request, and what
 * the parser makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http.h"

/* In memory of just its size, so that a sanitizer notices a step too far. */
static size_t parse(const char *text, size_t n, struct http_request *out)
{
    uint8_t *octets = malloc(n > 0 ? n : 1);
    assert_non_null(octets);
    memcpy(octets, text, n);
    size_t taken = http_parse(octets, n, out);
    free(octets);
    return taken;
}

static void test_http_sound_requests(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *path;
        bool head;
        bool keep;
    } sound[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", false, true},
        {"HEAD /a?b=c HTTP/1.1\r\nHost:a\r\n\r\n", "/a", true, true},
        {"GET http://a:1/x HTTP/1.1\r\nhost: a:1\r\n\r\n", "/x", false, true},
        {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "/", false, true},
        {"GET HTTP://a?b/c HTTP/1.1\r\nHost: a\r\n\r\n", "/", false, true},
        {"GET http://a/b/c?d HTTP/1.1\r\nHost: a\r\n\r\n", "/b/c", false, true},
        {"\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", "/x", false, true},
        {"GET /x HTTP/1.1\nHost: a\n\n", "/x", false, true},
        {"GET /x HTTP/1.0\r\n\r\n", "/x", false, false},
        {"GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/x", false, true},
        {"GET /x HTTP/1.1\r\nHost: a\r\nConnection: a , close\r\n\r\n", "/x", false, false},
        {"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX:\r\n\r\n", "/x", false, true},
        {"GET /x HTTP/1.9\r\nHost: a\r\n\r\n", "/x", false, true},
    };
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
        struct http_request request;
        const char *text = sound[i].text;
        size_t n = strlen(text);
        assert_int_equal(parse(text, n, &request), n);
        assert_int_equal(request.status, 0);
        assert_int_equal(request.path_len, strlen(sound[i].path));
        assert_memory_equal(text + request.path, sound[i].path, request.path_len);
        assert_int_equal(request.head, sound[i].head);
        assert_int_equal(request.keep, sound[i].keep);
        for (size_t less = 0; less < n; less++) {
            assert_int_equal(parse(text, less, &request), 0);
        }
    }
}

static void test_http_refused_requests(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned status;
    } refused[] = {
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
        {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 413},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", 413},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
        {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http://\x01/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"HEAD / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
        {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"GET / HTTP/x.1\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTX/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"\x16\x03\x01\r\n\r\n", 400},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct http_request request;
        const char *text = refused[i].text;
        assert_int_equal(parse(text, strlen(text), &request), strlen(text));
        if (request.status != refused[i].status) {
            fail_msg("%s: %u", text, request.status);
        }
        assert_false(request.keep);
        assert_int_equal(request.head, strncmp(text, "HEAD ", 5) == 0);
    }
}

static void test_http_takes_the_first_of_several(void **state)
{
    (void)state;
    static const char text[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\n";
    struct http_request request;
    assert_int_equal(parse(text, strlen(text), &request), strstr(text, "GET /2") - text);
    assert_int_equal(request.status, 0);
}

/* Whatever comes: no more is taken than there is. */
static void test_http_any_octets(void **state)
{
    (void)state;
    static const char letters[] = "GET / HTTP/1.1\r\n\r\n:a, \t\x80";
    uint64_t random = 1;
    for (unsigned turn = 0; turn < 20000; turn++) {
        char text[64];
        size_t n = turn % sizeof text;
        for (size_t i = 0; i < n; i++) {
            random = (random * 1664525 + 1013904223) & UINT32_MAX;
            text[i] = letters[(random >> 16) % (sizeof letters - 1)];
        }
        struct http_request request;
        size_t taken = parse(text, n, &request);
        assert_true(taken <= n);
        if (taken > 0) {
            assert_true(request.path + request.path_len <= n);
        }
    }
}

static void test_http_path_number(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool is;
        uint64_t number;
    } paths[] = {{"/0", true, 0},
                 {"/1048576", true, 1048576},
                 {"/octets/12", true, 12},
                 {"/9007199254740992", true, (uint64_t)1 << 53},
                 {"/9007199254740993", false, 0},
                 {"/99999999999999999999999999", false, 0},
                 {"/", false, 0},
                 {"/octets/", false, 0},
                 {"/-1", false, 0},
                 {"/1a", false, 0}};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        uint64_t number;
        const uint8_t *path = (const uint8_t *)paths[i].path;
        assert_int_equal(http_path_number(path, strlen(paths[i].path), &number), paths[i].is);
        if (paths[i].is) {
            assert_int_equal(number, paths[i].number);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_sound_requests),
        cmocka_unit_test(test_http_refused_requests),
        cmocka_unit_test(test_http_takes_the_first_of_several),
        cmocka_unit_test(test_http_any_octets),
        cmocka_unit_test(test_http_path_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
