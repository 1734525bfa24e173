/* Words that stand for something else. See script_define(). */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"

struct text {
    char *octets;
    size_t size;
    bool full;
};

static void add(struct text *text, const char *octets, size_t n)
{
    if (n > SCRIPT_SIZE_MOST - text->size) {
        text->full = true;
        return;
    }
    memcpy(text->octets + text->size, octets, n);
    text->size += n;
}

static bool is_word(char octet)
{
    return isalnum((unsigned char)octet) || octet == '_';
}

static bool begins(const char *text, size_t n, const char *with)
{
    return n >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Octets up to the end of what begins here and ends so, the end included; all that is left where it
 * does not end. A backslash takes the end's meaning in a string. */
static size_t through(const char *text, size_t n, size_t from, const char *end, bool string)
{
    for (size_t i = from; i < n; i++) {
        if (string && text[i] == '\\') {
            i++;
        } else if (begins(text + i, n - i, end)) {
            return i + strlen(end);
        }
    }
    return n;
}

/* Octets of what is passed over as it stands, or 0. */
static size_t passed_over(const char *text, size_t n)
{
    static const struct {
        const char *begin;
        const char *end;
        bool string;
    } kinds[] = {{"\"", "\"", true},  {"//", "\n", false}, {"#", "\n", false},
                 {"/*", "*/", false}, {"%{", "}%", false}, {"`", "`", false}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (begins(text, n, kinds[i].begin)) {
            return through(text, n, strlen(kinds[i].begin), kinds[i].end, kinds[i].string);
        }
    }
    return 0;
}

static const char *value_of(const char *word, size_t n, const struct script_define *defines,
                            size_t count)
{
    const char *value = NULL;
    for (size_t i = 0; i < count; i++) { /* the last definition holds */
        if (strlen(defines[i].name) == n && memcmp(defines[i].name, word, n) == 0) {
            value = defines[i].value;
        }
    }
    return value;
}

char *script_define(const char *text, size_t n, const struct script_define *defines, size_t count,
                    size_t *n_out)
{
    struct text out = {.octets = malloc(SCRIPT_SIZE_MOST + 1u)};
    size_t at = 0;
    while (out.octets != NULL && at < n && !out.full) {
        size_t length = passed_over(text + at, n - at);
        const char *value = NULL;
        if (length == 0 && is_word(text[at])) {
            while (at + length < n && is_word(text[at + length])) {
                length++;
            }
            value = value_of(text + at, length, defines, count);
        }
        length = length > 0 ? length : 1;
        add(&out, value != NULL ? value : text + at, value != NULL ? strlen(value) : length);
        at += length;
    }
    if (out.full) {
        free(out.octets);
        out.octets = NULL;
    }
    if (out.octets != NULL) {
        out.octets[out.size] = '\0';
    }
    *n_out = out.size;
    return out.octets;
}
