/* HTTP over a connection: one request after the other, each answered in full before the next is
 * looked at. While an answer waits for room nothing is read. */
#include "services_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tfsm_types.h"

#define PERIOD 65521u /* a prime: no buffer or window has its size */

/* ---- the pattern ---- */

static uint8_t pattern[PERIOD];

/* A linear congruential generator's upper octet. */
static void make_pattern(void)
{
    uint64_t x = 1;
    for (size_t i = 0; i < PERIOD; i++) {
        x = (x * 1664525 + 1013904223) & UINT32_MAX;
        pattern[i] = (uint8_t)(x >> 24);
    }
}

void services_pattern(uint64_t offset, uint8_t *octets, size_t n)
{
    if (pattern[1] == 0) {
        make_pattern();
    }
    while (n > 0) {
        size_t at = (size_t)(offset % PERIOD);
        size_t run = n < PERIOD - at ? n : PERIOD - at;
        uint8_t number = (uint8_t)(offset / PERIOD & 0xff);
        for (size_t i = 0; i < run; i++) {
            octets[i] = (uint8_t)(pattern[at + i] ^ number);
        }
        offset += run;
        octets += run;
        n -= run;
    }
}

/* ---- answers ---- */

static void add_head(struct web *web, unsigned status, const char *type, uint64_t length)
{
    int n = snprintf(web->answer, sizeof web->answer,
                     "HTTP/1.1 %u %s\r\nServer: tcpfsm/" TFSM_VERSION "\r\n%s"
                     "Content-Type: %s\r\nContent-Length: %" PRIu64 "\r\nConnection: %s\r\n\r\n",
                     status, http_reason(status), status == 405 ? "Allow: GET, HEAD\r\n" : "", type,
                     length, web->last ? "close" : "keep-alive");
    web->answer_n = (size_t)n;
    web->answered = 0;
}

static void answer_with_text(struct web *web, unsigned status, bool head, const char *text)
{
    size_t n = strlen(text);
    add_head(web, status, "text/plain; charset=utf-8", n);
    if (!head && web->answer_n + n <= sizeof web->answer) {
        memcpy(web->answer + web->answer_n, text, n);
        web->answer_n += n;
    }
}

static void refuse(struct services *services, struct client *client, unsigned status, bool head)
{
    char text[64];
    snprintf(text, sizeof text, "%s\n", http_reason(status));
    client->web.last = true;
    client->web.have = 0;
    services->counters.requests++;
    answer_with_text(&client->web, status, head, text);
}

static void answer_with_page(struct services *services, struct web *web, bool head, tfsm_time now)
{
    const struct endpoint_counters *segments = endpoint_counted(services->config.endpoint);
    const struct services_counters *counters = &services->counters;
    char text[512];
    snprintf(text, sizeof text,
             "tcpfsm " TFSM_VERSION ": a TCP that is a table of rules\n"
             "/N       N octets, each a function of its offset\n"
             "up       %" PRIu64 " s\n"
             "now      %" PRIu32 " connections\n"
             "so far   %" PRIu64 " connections, %" PRIu64 " requests\n"
             "octets   %" PRIu64 " in, %" PRIu64 " out\n"
             "segments %" PRIu64 " in, %" PRIu64 " out\n",
             (now - services->started) / 1000000, services->count, counters->accepted,
             counters->requests, counters->octets_in, counters->octets_out, segments->segments_in,
             segments->segments_out);
    answer_with_text(web, 200, head, text);
}

static void answer(struct services *services, struct client *client,
                   const struct http_request *request, tfsm_time now)
{
    struct web *web = &client->web;
    const uint8_t *path = web->request + request->path;
    bool root = request->path_len == 1;
    uint64_t number = services->config.file_size;
    web->last = !request->keep || services->closing;
    web->from_file = root && services->config.file >= 0;
    services->counters.requests++;
    if (root && !web->from_file) {
        answer_with_page(services, web, request->head, now);
    } else if (web->from_file || http_path_number(path, request->path_len, &number)) {
        add_head(web, 200, "application/octet-stream", number);
        web->body_at = 0;
        web->body_left = request->head ? 0 : number;
    } else {
        answer_with_text(web, 404, request->head, "Not Found\n");
    }
}

/* ---- sending ---- */

/* Returns how many octets of the body are in the chunk now; 0: the file is shorter than it was. */
static size_t fill_chunk(struct services *services, const struct web *web, size_t n)
{
    if (!web->from_file) {
        services_pattern(web->body_at, services->chunk, n);
        return n;
    }
    ssize_t got = pread(services->config.file, services->chunk, n, (off_t)web->body_at);
    return got > 0 ? (size_t)got : 0;
}

/* Returns true when the whole answer is on its way. */
static bool send_answer(struct services *services, struct client *client, tfsm_time now)
{
    struct web *web = &client->web;
    while (web->answered < web->answer_n || web->body_left > 0) {
        size_t room = service_room(services, client, now);
        if (room == 0) {
            return false;
        }
        if (web->answered < web->answer_n) {
            size_t n = web->answer_n - web->answered;
            n = n < room ? n : room;
            service_send(services, client, (const uint8_t *)web->answer + web->answered, n, now);
            web->answered += n;
            continue;
        }
        size_t n = room < CHUNK ? room : CHUNK;
        n = n < web->body_left ? n : (size_t)web->body_left;
        n = fill_chunk(services, web, n);
        if (n == 0) {
            endpoint_abort(services->config.endpoint, client->handle, now);
            client->closed = true;
            return false;
        }
        service_send(services, client, services->chunk, n, now);
        web->body_at += n;
        web->body_left -= n;
    }
    return true;
}

/* ---- the conversation ---- */

/* Of a head that is too long to be read. */
static bool is_head(const struct web *web)
{
    return web->have > 5 && memcmp(web->request, "HEAD ", 5) == 0;
}

/* Answer the first request that is there. Returns false when there is none. */
static bool take_request(struct services *services, struct client *client, tfsm_time now)
{
    struct web *web = &client->web;
    struct http_request request;
    size_t n = web->have > 0 ? http_parse(web->request, web->have, &request) : 0;
    if (n == 0) {
        if (web->have == sizeof web->request) {
            refuse(services, client, 431, is_head(web));
            return true;
        }
        return false;
    }
    if (request.status != 0) {
        refuse(services, client, request.status, request.head);
        return true;
    }
    answer(services, client, &request, now);
    memmove(web->request, web->request + n, web->have - n);
    web->have -= n;
    return true;
}

void web_serve(struct services *services, struct client *client, tfsm_time now)
{
    struct web *web = &client->web;
    for (;;) {
        if (!send_answer(services, client, now)) {
            return;
        }
        if (web->last || (services->closing && web->have == 0)) {
            service_close(services, client, now);
            return;
        }
        if (take_request(services, client, now)) {
            continue;
        }
        size_t n = 0;
        tfsm_time active = client->active;
        bool begun = web->have > 0;
        if (!client->peer_closed) {
            n = service_receive(services, client, web->request + web->have,
                                sizeof web->request - web->have, now);
            web->have += n;
            /* A request has to be whole in time: one that comes octet by octet is as good as none. */
            client->active = begun ? active : client->active;
        }
        if (n == 0) {
            if (client->peer_closed || services->closing) {
                service_close(services, client, now);
            }
            return;
        }
    }
}
