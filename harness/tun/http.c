/* See http.h. What RFC 9112 lets a server refuse is refused: nothing here has to get along with old
 * clients. */
#include "http.h"

#include <string.h>
#include <strings.h>

#define NUMBER_MOST ((uint64_t)1 << 53)

/* A piece of the request. */
struct piece {
    const uint8_t *at;
    size_t n;
};

static bool is(const struct piece *piece, const char *word)
{
    return piece->n == strlen(word) && memcmp(piece->at, word, piece->n) == 0;
}

static bool is_caseless(const struct piece *piece, const char *word)
{
    return piece->n == strlen(word) && strncasecmp((const char *)piece->at, word, piece->n) == 0;
}

/* RFC 9110 5.6.2. */
static bool is_token(const struct piece *piece)
{
    for (size_t i = 0; i < piece->n; i++) {
        uint8_t c = piece->at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (c == '\0' || (!letter && strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return piece->n > 0;
}

/* The next line without its end, which may be a bare LF (RFC 9112 2.2). The rest has one. */
static struct piece take_line(struct piece *rest)
{
    const uint8_t *end = memchr(rest->at, '\n', rest->n);
    struct piece line = {rest->at, (size_t)(end - rest->at)};
    rest->n -= line.n + 1;
    rest->at = end + 1;
    line.n -= line.n > 0 && line.at[line.n - 1] == '\r';
    return line;
}

/* What stands before a separator; the line goes on behind it. Without one it is all. */
static struct piece take_until(struct piece *line, char separator)
{
    const uint8_t *end = line->n > 0 ? memchr(line->at, separator, line->n) : NULL;
    size_t n = end != NULL ? (size_t)(end - line->at) : line->n;
    struct piece piece = {line->at, n};
    line->at += end != NULL ? n + 1 : n;
    line->n -= end != NULL ? n + 1 : n;
    return piece;
}

static struct piece trimmed(struct piece piece)
{
    while (piece.n > 0 && (piece.at[0] == ' ' || piece.at[0] == '\t')) {
        piece.at++;
        piece.n--;
    }
    while (piece.n > 0 && (piece.at[piece.n - 1] == ' ' || piece.at[piece.n - 1] == '\t')) {
        piece.n--;
    }
    return piece;
}

/* ---- the request line ---- */

/* `/path?query` or `http://host/path?query` (RFC 9112 3.2.1, RFC 9112 3.2.2), where an empty path
 * is `/` (RFC 9110 4.2.3). */
static bool find_path(struct piece target, struct piece *path)
{
    const uint8_t *slash = target.at + 5; /* of "http://": stands for the path that is missing */
    bool empty = false;
    for (size_t i = 0; i < target.n; i++) {
        if (target.at[i] <= ' ' || target.at[i] >= 0x7f) {
            return false;
        }
    }
    if (target.n > 7 && strncasecmp((const char *)target.at, "http://", 7) == 0) {
        size_t host = 7;
        while (host < target.n && target.at[host] != '/' && target.at[host] != '?') {
            host++;
        }
        if (host == 7) {
            return false;
        }
        empty = host == target.n || target.at[host] == '?';
        target.n -= host;
        target.at += host;
    }
    *path = empty ? (struct piece){slash, 1} : take_until(&target, '?');
    return path->n > 0 && path->at[0] == '/';
}

static unsigned read_request_line(struct piece line, bool *old, struct http_request *out,
                                  struct piece *path)
{
    struct piece method = take_until(&line, ' ');
    struct piece target = take_until(&line, ' ');
    out->head = is(&method, "HEAD"); /* also of what is refused: no answer to it has a body */
    if (!is_token(&method) || line.n != 8 || memcmp(line.at, "HTTP/", 5) != 0 ||
        line.at[6] != '.') {
        return 400;
    }
    if (line.at[5] != '1' || line.at[7] < '0' || line.at[7] > '9') {
        return line.at[5] >= '0' && line.at[5] <= '9' ? 505 : 400;
    }
    *old = line.at[7] == '0';
    if (!out->head && !is(&method, "GET")) {
        return 405;
    }
    return find_path(target, path) ? 0 : 400;
}

/* ---- fields ---- */

struct fields {
    unsigned hosts;
    bool close;
    bool keep;
};

static void read_connection(struct piece value, struct fields *fields)
{
    while (value.n > 0) {
        struct piece option = trimmed(take_until(&value, ','));
        fields->close = fields->close || is_caseless(&option, "close");
        fields->keep = fields->keep || is_caseless(&option, "keep-alive");
    }
}

/* A request with a body has no business here: whoever hides another request in one gets nothing. */
static unsigned read_field(struct piece line, struct fields *fields)
{
    bool colon = memchr(line.at, ':', line.n) != NULL;
    struct piece name = take_until(&line, ':');
    struct piece value = trimmed(line);
    if (!colon || !is_token(&name)) { /* a folded line begins with a space (RFC 9112 5.2) */
        return 400;
    }
    for (size_t i = 0; i < value.n; i++) {
        if ((value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 0x7f) {
            return 400;
        }
    }
    if (is_caseless(&name, "host")) {
        fields->hosts++;
    } else if (is_caseless(&name, "connection")) {
        read_connection(value, fields);
    } else if (is_caseless(&name, "transfer-encoding")) {
        return 400;
    } else if (is_caseless(&name, "content-length")) {
        return is(&value, "0") ? 0 : 413;
    }
    return 0;
}

/* Where the head ends, or 0: an empty line. */
static size_t find_end(const uint8_t *octets, size_t n)
{
    size_t line = 0;
    bool started = false;
    while (line < n) {
        const uint8_t *end = memchr(octets + line, '\n', n - line);
        if (end == NULL) {
            return 0;
        }
        size_t next = (size_t)(end - octets) + 1;
        bool empty = next - line == 1 || (next - line == 2 && octets[line] == '\r');
        if (empty && started) {
            return next;
        }
        started = started || !empty; /* empty lines before a request do not count (RFC 9112 2.2) */
        line = next;
    }
    return 0;
}

static unsigned read_head(struct piece rest, struct http_request *out, struct piece *path)
{
    struct fields fields = {0};
    bool old = false;
    struct piece line = take_line(&rest);
    while (line.n == 0) {
        line = take_line(&rest);
    }
    unsigned status = read_request_line(line, &old, out, path);
    while (status == 0 && rest.n > 0) {
        line = take_line(&rest);
        if (line.n > 0) {
            status = read_field(line, &fields);
        }
    }
    if (status == 0 && (fields.hosts > 1 || (fields.hosts == 0 && !old))) { /* RFC 9112 3.2 */
        status = 400;
    }
    out->keep = status == 0 && !fields.close && (!old || fields.keep);
    return status;
}

size_t http_parse(const uint8_t *octets, size_t n, struct http_request *out)
{
    struct piece path = {octets, 0};
    size_t end = find_end(octets, n);
    if (end == 0) {
        return 0;
    }
    *out = (struct http_request){0};
    out->status = read_head((struct piece){octets, end}, out, &path);
    out->path = (size_t)(path.at - octets);
    out->path_len = path.n;
    return out->status == 0 ? end : n;
}

const char *http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {400, "Bad Request"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {413, "Content Too Large"},
                   {431, "Request Header Fields Too Large"},
                   {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Error";
}

bool http_path_number(const uint8_t *path, size_t n, uint64_t *number)
{
    static const char prefix[] = "/octets/";
    size_t at = n > 8 && memcmp(path, prefix, 8) == 0 ? 8 : 1;
    *number = 0;
    for (size_t i = at; i < n; i++) {
        if (path[i] < '0' || path[i] > '9') {
            return false;
        }
        *number = *number * 10 + (uint64_t)(path[i] - '0');
        if (*number > NUMBER_MOST) {
            return false;
        }
    }
    return n > at;
}
