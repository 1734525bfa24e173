/* The head of an HTTP request (RFC 9112), read strictly and in a bounded place. */
#ifndef HARNESS_HTTP_H
#define HARNESS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MOST 4096 /* octets of a request's head; what is longer gets 431 */

struct http_request {
    unsigned status; /* 0: to be answered; else the error it gets, and the connection ends */
    bool head;       /* HEAD: the answer has no body */
    bool keep;       /* the connection may stay for another one */
    size_t path;     /* where the path starts, without what the query adds */
    size_t path_len;
};

/* Read the first request of a stream.
 * Returns the octets that its head has, empty lines before it included, or 0 when its end has not
 * come: then *out is not written. A request that is refused takes all n. */
size_t http_parse(const uint8_t *octets, size_t n, struct http_request *out);

/* "Not Found"; "Error" for what is never said here. */
const char *http_reason(unsigned status);

/* The number that a path names: `/N` or `/octets/N`. False when it is another path, or N has no
 * place in 53 bits. */
bool http_path_number(const uint8_t *path, size_t n, uint64_t *number);

#endif
