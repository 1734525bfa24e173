/* What the words of a script mean: flags, options, ICMP types, and the memory a script lives in. */
#include "parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tfsm_types.h"

/* ---- memory ---- */

#define BLOCK 16384u

struct script_block {
    struct script_block *next;
    size_t used;
    size_t size;
    max_align_t octets[];
};

void *parse_new(struct parse *parse, size_t size)
{
    struct script *script = parse->script;
    size_t unit = sizeof(max_align_t);
    size = (size + unit - 1) / unit * unit;
    if (script->blocks == NULL || script->blocks->size - script->blocks->used < size) {
        size_t room = size > BLOCK ? size : BLOCK;
        struct script_block *block = calloc(1, sizeof *block + room);
        if (block == NULL) {
            fputs("tcpfsm: out of memory while a script was read\n", stderr);
            exit(2);
        }
        block->size = room;
        block->next = script->blocks;
        script->blocks = block;
    }
    void *place = (char *)script->blocks->octets + script->blocks->used;
    script->blocks->used += size;
    return place;
}

char *parse_text(struct parse *parse, const char *text, size_t n)
{
    char *copy = parse_new(parse, n + 1);
    memcpy(copy, text, n);
    return copy;
}

const char *parse_joined(struct parse *parse, const char *first, const char *second)
{
    size_t n = strlen(first);
    char *copy = parse_new(parse, n + strlen(second) + 1);
    memcpy(copy, first, n);
    strcpy(copy + n, second);
    return copy;
}

void script_free(struct script *script)
{
    while (script != NULL && script->blocks != NULL) {
        struct script_block *block = script->blocks;
        script->blocks = block->next;
        free(block);
    }
    free(script);
}

/* ---- complaints ---- */

void parse_fail(struct parse *parse, unsigned line, const char *format, ...)
{
    va_list arguments;
    if (parse->failed) {
        return;
    }
    parse->failed = true;
    parse->error_line = line > 0 ? line : 1;
    va_start(arguments, format);
    vsnprintf(parse->error, SCRIPT_ERROR, format, arguments);
    va_end(arguments);
}

/* A number that has to fit a field. */
static bool fits(struct parse *parse, const char *what, int64_t number, int64_t least, int64_t most)
{
    if (number >= least && number <= most) {
        return true;
    }
    parse_fail(parse, parse->at, "%s %" PRId64 " is not in %" PRId64 "..%" PRId64, what, number,
               least, most);
    return false;
}

/* ---- numbers and strings ---- */

bool parse_integer(struct parse *parse, const char *text, int64_t *number)
{
    errno = 0;
    *number = strtoll(text, NULL, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
    if (errno != 0) {
        parse_fail(parse, parse->line, "number %.40s is too large", text);
        return false;
    }
    return true;
}

/* Digits beyond the microsecond are refused rather than rounded: what stands there is meant. */
bool parse_seconds(struct parse *parse, const char *text, int64_t *us)
{
    const char *dot = strchr(text, '.');
    size_t whole = (size_t)(dot - text);
    size_t places = strlen(dot + 1);
    *us = 0;
    while (places > 6 && dot[places] == '0') {
        places--;
    }
    if (whole > 7 || places > 6) {
        parse_fail(parse, parse->at, "time %.40s is too %s", text,
                   whole > 7 ? "large" : "fine: microseconds are the least");
        return false;
    }
    for (size_t i = 0; i < whole; i++) {
        *us = *us * 10 + (text[i] - '0');
    }
    for (size_t i = 1; i <= 6; i++) {
        *us = *us * 10 + (i <= places ? dot[i] - '0' : 0);
    }
    return true;
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10u;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

char *parse_string(struct parse *parse, const char *text, size_t n, size_t *length)
{
    static const char plain[] = "n\nr\rt\t0\0";
    char *copy = parse_new(parse, n + 1);
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '\\') {
            copy[used++] = text[i];
            continue;
        }
        i++;
        const char *found = memchr("nrt0", text[i], 4);
        if (text[i] == 'x' && i + 2 < n && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
            copy[used++] = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            copy[used++] = found != NULL ? plain[2 * (found - "nrt0") + 1] : text[i];
        }
    }
    *length = used;
    return copy;
}

/* ---- values ---- */

struct script_value *parse_value(struct parse *parse, enum script_value_kind kind, int64_t number,
                                 const char *text, struct script_value *first)
{
    struct script_value *value = parse_new(parse, sizeof *value);
    *value = (struct script_value){
        .kind = kind, .line = parse->at, .number = number, .text = text, .first = first};
    for (const struct script_value *part = first; part != NULL; part = part->next) {
        value->depth = part->depth >= value->depth ? part->depth + 1 : value->depth;
    }
    if (value->depth > SCRIPT_DEPTH_MOST) {
        parse_fail(parse, parse->at, "more than %d lists in each other", SCRIPT_DEPTH_MOST);
    }
    return value;
}

struct parse_values parse_add_value(struct parse_values list, struct script_value *value)
{
    if (list.first == NULL) {
        list.first = value;
    } else {
        list.last->next = value;
    }
    list.last = value;
    return list;
}

struct script_value *parse_either(struct parse *parse, struct script_value *left,
                                  struct script_value *right)
{
    if (left->kind != SCRIPT_EITHER) {
        left = parse_value(parse, SCRIPT_EITHER, 0, NULL, left);
        left->last = left->first;
    }
    left->last->next = right;
    left->last = right;
    return left;
}

/* ---- settings and events ---- */

/* What packetdrill's grammar takes without quotes: a word or a number, or an address. */
static bool is_single_word(const char *value)
{
    uint8_t octets[16];
    bool word = *value != '\0';
    for (const char *at = value; *at != '\0'; at++) {
        word = word && (isalnum((unsigned char)*at) || *at == '_');
    }
    return word || inet_pton(AF_INET, value, octets) == 1 ||
           inet_pton(AF_INET6, value, octets) == 1;
}

void parse_setting(struct parse *parse, const char *text)
{
    struct script_setting *setting = parse_new(parse, sizeof *setting);
    const char *equals = strchr(text, '=');
    setting->line = parse->at;
    if (parse->started) {
        parse_fail(parse, parse->at, "option --%.60s after the first event", text);
        return;
    }
    if (equals == NULL) {
        parse_fail(parse, parse->at, "option --%.60s has no value", text);
        return;
    }
    setting->name = parse_text(parse, text, (size_t)(equals - text));
    size_t n = strlen(equals + 1);
    bool quoted = n >= 2 && equals[1] == '"';
    if (!quoted && !is_single_word(equals + 1)) {
        parse_fail(parse, parse->at, "option --%.40s: a value that is no single word is quoted",
                   setting->name);
        return;
    }
    setting->value = parse_text(parse, equals + (quoted ? 2 : 1), quoted ? n - 2 : n);
    *parse->next_setting = setting;
    parse->next_setting = &setting->next;
}

void parse_event(struct parse *parse, unsigned line, struct parse_time time,
                 struct script_event *event)
{
    event->line = line;
    event->time_kind = time.kind;
    event->range = time.range;
    event->time = time.start;
    event->time_end = time.end;
    parse->started = true;
    bool waits = event->kind == SCRIPT_SENDS;
    if (time.range && time.end < time.start) {
        parse_fail(parse, line, "a range of time that ends before it begins");
    } else if (!waits && (time.range || time.kind == SCRIPT_ANY)) {
        parse_fail(parse, line, "only a packet that the stack sends can come at %s",
                   time.range ? "a range of times" : "any time");
    } else if (event->kind == SCRIPT_CALL && event->call->blocks && event->call->end < time.start) {
        parse_fail(parse, line, "a call that ends before it begins");
    }
    *parse->next_event = event;
    parse->next_event = &event->next;
    parse->script->event_count++;
}

/* ---- segments ---- */

uint8_t parse_flags(struct parse *parse, const char *word, bool ack)
{
    static const char letters[] = "FSRPUEWC";
    static const uint8_t bits[] = {TFSM_FIN, TFSM_SYN, TFSM_RST, TFSM_PSH,
                                   TFSM_URG, TFSM_ECE, TFSM_CWR, TFSM_CWR};
    unsigned flags = ack ? TFSM_ACK : 0;
    for (const char *c = word; *c != '\0'; c++) {
        const char *found = strchr(letters, *c);
        if (found == NULL || (flags & bits[found - letters]) != 0) {
            parse_fail(parse, parse->at, "'%.40s' is not a set of flags (F S R P . U E W)", word);
            return 0;
        }
        flags |= bits[found - letters];
    }
    return (uint8_t)flags;
}

void parse_sequence(struct parse *parse, struct script_segment *segment, int64_t first, int64_t end,
                    int64_t length)
{
    if (!fits(parse, "sequence number", first, 0, UINT32_MAX) ||
        !fits(parse, "sequence number", end, 0, UINT32_MAX) ||
        !fits(parse, "length", length, 0, 65535)) {
        return;
    }
    if (((uint64_t)first + (uint64_t)length - (uint64_t)end) % (UINT64_C(1) << 32) != 0) {
        parse_fail(parse, parse->at,
                   "%" PRId64 ":%" PRId64 "(%" PRId64 ") contradicts itself: %" PRId64
                   " octets from %" PRId64 " do not end there",
                   first, end, length, length, first);
        return;
    }
    segment->seq = (uint32_t)first;
    segment->length = (uint32_t)length;
}

void parse_clause(struct parse *parse, struct script_segment *segment, const char *word,
                  int64_t number)
{
    bool ack = strcmp(word, "ack") == 0;
    bool win = strcmp(word, "win") == 0;
    bool urg = strcmp(word, "urg") == 0;
    if ((ack && segment->has_ack) || (win && segment->has_window) || (urg && segment->has_urgent)) {
        parse_fail(parse, parse->at, "'%s' twice in one packet", word);
    } else if (ack && fits(parse, "ack", number, 0, UINT32_MAX)) {
        segment->has_ack = true;
        segment->ack = (uint32_t)number;
    } else if (win && fits(parse, "win", number, 0, UINT16_MAX)) {
        segment->has_window = true;
        segment->window = (uint16_t)number;
    } else if (urg && fits(parse, "urg", number, 0, UINT16_MAX)) {
        segment->has_urgent = true;
        segment->urgent = (uint16_t)number;
    } else {
        parse_fail(parse, parse->at, "'%.40s' is not known in a packet (ack, win, urg)", word);
    }
}

static bool last_family(const struct script_setting *setting, bool v6)
{
    for (; setting != NULL; setting = setting->next) {
        if (strcmp(setting->name, "ip_version") == 0) {
            v6 = strcmp(setting->value, "ipv6") == 0;
        }
    }
    return v6;
}

/* Settings stand before events: the family of all packets is known. */
static bool is_ipv6(const struct parse *parse)
{
    return last_family(parse->more, last_family(parse->script->settings, false));
}

void parse_ip_word(struct parse *parse, struct script_segment *segment, const char *word)
{
    static const struct {
        const char *word;
        enum script_ecn ecn;
    } known[] = {{"noecn", SCRIPT_ECN_NONE},
                 {"ect1", SCRIPT_ECN_ECT1},
                 {"ect0", SCRIPT_ECN_ECT0},
                 {"ce", SCRIPT_ECN_CE},
                 {"ect01", SCRIPT_ECN_ECT01}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(word, known[i].word) == 0) {
            segment->ecn = known[i].ecn;
            return;
        }
    }
    if (strcmp(word, "secret") == 0) {
        segment->secret = true;
        return;
    }
    parse_fail(parse, parse->at, "'%.40s' is not known of an IP header", word);
}

void parse_ip_number(struct parse *parse, struct script_segment *segment, const char *word,
                     int64_t number)
{
    bool tos = strcmp(word, "tos") == 0 || strcmp(word, "tclass") == 0;
    bool ttl = strcmp(word, "ttl") == 0 || strcmp(word, "hlim") == 0;
    if (!tos && !ttl) {
        parse_fail(parse, parse->at, "'%.40s' is not known of an IP header", word);
    } else if (fits(parse, word, number, 0, 255)) {
        segment->has_tos = segment->has_tos || tos;
        segment->has_ttl = segment->has_ttl || ttl;
        segment->tos = tos ? (uint8_t)number : segment->tos;
        segment->ttl = ttl ? (uint8_t)number : segment->ttl;
    }
}

void parse_ip_label(struct parse *parse, struct script_segment *segment, const char *word,
                    int64_t number)
{
    if (strcmp(word, "flowlabel") != 0) {
        parse_fail(parse, parse->at, "'%.40s' does not stand in square brackets", word);
    } else if (!is_ipv6(parse)) {
        parse_fail(parse, parse->at, "IPv4 has no flow label");
    } else if (fits(parse, word, number, 0, 0xfffff)) {
        segment->has_label = true;
        segment->label = (uint32_t)number;
    }
}

void parse_ip_join(struct parse *parse, struct script_segment *segment,
                   const struct script_segment *numbers)
{
    if ((segment->has_tos && numbers->has_tos) || (segment->has_ttl && numbers->has_ttl)) {
        parse_fail(parse, parse->at, "a field of the IP header is said twice");
    }
    segment->tos = numbers->has_tos ? numbers->tos : segment->tos;
    segment->ttl = numbers->has_ttl ? numbers->ttl : segment->ttl;
    segment->has_tos = segment->has_tos || numbers->has_tos;
    segment->has_ttl = segment->has_ttl || numbers->has_ttl;
}

static bool read_address(const char *text, struct tfsm_address *out)
{
    *out = (struct tfsm_address){.family = strchr(text, ':') != NULL ? 6 : 4};
    return inet_pton(out->family == 4 ? AF_INET : AF_INET6, text, out->octets) == 1;
}

void parse_addresses(struct parse *parse, struct script_segment *segment, const char *source,
                     const char *destination)
{
    segment->has_addresses = true;
    if (!read_address(source, &segment->addresses[0]) ||
        !read_address(destination, &segment->addresses[1]) ||
        segment->addresses[0].family != segment->addresses[1].family) {
        parse_fail(parse, parse->at, "these are no two addresses of a family");
    }
}

void parse_octets(struct parse *parse, const char *word, const char *hex)
{
    size_t n = strlen(hex);
    if (strcmp(word, "octets") != 0) {
        parse_fail(parse, parse->at, "'%.40s' does not stand before a string", word);
    } else if (n % 2 != 0 || strspn(hex, "0123456789abcdefABCDEF") != n || n / 2 > 65535) {
        parse_fail(parse, parse->at, "octets are two hex digits each, 65535 at most");
    }
}

void parse_quoted(struct script_icmp *icmp, const struct script_segment *quoted)
{
    icmp->v6 = quoted->addresses[0].family == 6;
    icmp->has_ports = true;
    icmp->source = quoted->source;
    icmp->destination = quoted->destination;
    icmp->has_addresses = true;
    icmp->addresses[0] = quoted->addresses[1]; /* the message comes back */
    icmp->addresses[1] = quoted->addresses[0];
}

void parse_ports(struct parse *parse, struct script_segment *segment, int64_t source,
                 int64_t destination)
{
    int64_t least =
        segment->has_addresses ? 0 : 1; /* who says whose packet it is may say anything */
    if (fits(parse, "port", source, least, 65535) &&
        fits(parse, "port", destination, least, 65535)) {
        segment->has_ports = true;
        segment->source = (uint16_t)source;
        segment->destination = (uint16_t)destination;
    }
}

/* ---- options ---- */

static struct script_option *new_option(struct parse *parse, enum script_option_kind kind)
{
    struct script_option *option = parse_new(parse, sizeof *option);
    option->kind = kind;
    return option;
}

/* Fast Open before it had a number: an experimental option (RFC 6994) with the magic number f989. */
static struct script_option *experimental(struct parse *parse, const uint8_t *cookie, size_t n)
{
    static const uint8_t head[4] = {254, 0, 0xf9, 0x89};
    struct script_option *option = new_option(parse, SCRIPT_HEX);
    memcpy(option->octets, head, sizeof head);
    memcpy(option->octets + sizeof head, cookie != NULL ? cookie : head, n);
    option->length = (unsigned)(sizeof head + n);
    option->octets[1] = (uint8_t)option->length;
    return option;
}

struct script_option *parse_option_word(struct parse *parse, const char *word)
{
    static const struct {
        const char *word;
        enum script_option_kind kind;
    } known[] = {{"nop", SCRIPT_NOP},
                 {"eol", SCRIPT_EOL},
                 {"sackOK", SCRIPT_SACK_OK},
                 {"FO", SCRIPT_FAST_OPEN}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(word, known[i].word) == 0) {
            return new_option(parse, known[i].kind);
        }
    }
    if (strcmp(word, "FOEXP") == 0) {
        return experimental(parse, NULL, 0);
    }
    if (strcmp(word, "md5") == 0) { /* RFC 2385, with a digest of zeros */
        struct script_option *option = new_option(parse, SCRIPT_HEX);
        option->octets[0] = 19;
        option->octets[1] = 18;
        option->length = 18;
        return option;
    }
    parse_fail(parse, parse->at, "option '%.40s' is not known, or lacks a number", word);
    return new_option(parse, SCRIPT_NOP);
}

struct script_option *parse_option_number(struct parse *parse, const char *word, int64_t number)
{
    static const struct {
        const char *word;
        enum script_option_kind kind;
        int64_t most;
    } known[] = {{"mss", SCRIPT_MSS, 65535},
                 {"wscale", SCRIPT_WSCALE, 255},
                 {"uto", SCRIPT_USER_TIMEOUT, 32767}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(word, known[i].word) == 0) {
            struct script_option *option = new_option(parse, known[i].kind);
            fits(parse, word, number, 0, known[i].most);
            option->number = (uint32_t)number;
            return option;
        }
    }
    parse_fail(parse, parse->at, "option '%.40s' is not known", word);
    return new_option(parse, SCRIPT_NOP);
}

struct script_option *parse_option_hex(struct parse *parse, const char *text)
{
    bool old = strncmp(text, "FOEXP", 5) == 0;
    bool cookie = text[0] == 'F';
    struct script_option *option = new_option(parse, cookie ? SCRIPT_FAST_OPEN : SCRIPT_HEX);
    text += strcspn(text, " \t");
    text += strspn(text, " \t");
    size_t digits = strlen(text);
    size_t most = sizeof option->octets - (old ? 4 : cookie ? 2 : 0);
    if (digits % 2 != 0 || digits / 2 > most) {
        parse_fail(parse, parse->at, "%s of %zu hex digits: two for each octet, at most %zu octets",
                   cookie ? "a cookie" : "an option", digits, most);
        return option;
    }
    for (size_t i = 0; i < digits / 2; i++) {
        option->octets[i] = (uint8_t)(hex_digit(text[2 * i]) * 16 + hex_digit(text[2 * i + 1]));
    }
    option->length = (unsigned)(digits / 2);
    return old ? experimental(parse, option->octets, option->length) : option;
}

struct script_option *parse_option_name(struct parse *parse, const char *word, const char *name)
{
    struct script_option *option = new_option(parse, SCRIPT_FAST_OPEN);
    if (strcmp(word, "FO") != 0) {
        parse_fail(parse, parse->at, "option '%.40s' is not known", word);
    }
    option->text = name;
    return option;
}

struct script_option *parse_option_times(struct parse *parse, const char *word, const char *val,
                                         int64_t value, const char *ecr, int64_t echo)
{
    struct script_option *option = new_option(parse, SCRIPT_TIMESTAMPS);
    if (strcmp(word, "TS") != 0 || strcmp(val, "val") != 0 || strcmp(ecr, "ecr") != 0) {
        parse_fail(parse, parse->at, "'%.40s %.40s' is not known; timestamps are TS val N ecr N",
                   word, val);
    } else if (fits(parse, "TS val", value, 0, UINT32_MAX) &&
               fits(parse, "TS ecr", echo, 0, UINT32_MAX)) {
        option->number = (uint32_t)value;
        option->echo = (uint32_t)echo;
    }
    return option;
}

struct script_option *parse_option_ranges(struct parse *parse, const char *word)
{
    if (strcmp(word, "sack") != 0) {
        parse_fail(parse, parse->at, "option '%.40s' is not known", word);
    }
    return new_option(parse, SCRIPT_SACK);
}

void parse_add_range(struct parse *parse, struct script_option *option, int64_t left, int64_t right)
{
    if (option->sacks == SCRIPT_SACKS) {
        parse_fail(parse, parse->at, "more than %d SACK blocks", SCRIPT_SACKS);
    } else if (fits(parse, "sack", left, 0, UINT32_MAX) &&
               fits(parse, "sack", right, 0, UINT32_MAX)) {
        option->sack[option->sacks][0] = (uint32_t)left;
        option->sack[option->sacks][1] = (uint32_t)right;
        option->sacks++;
    }
}

/* ---- ICMP ---- */

/* RFC 792, RFC 1191, RFC 1812, RFC 4443. */
static const struct {
    bool v6;
    const char *type;
    const char *code; /* null: none is said */
    uint8_t numbers[2];
} icmps[] = {
    {false, "unreachable", "net_unreachable", {3, 0}},
    {false, "unreachable", "host_unreachable", {3, 1}},
    {false, "unreachable", "protocol_unreachable", {3, 2}},
    {false, "unreachable", "port_unreachable", {3, 3}},
    {false, "unreachable", "frag_needed", {3, 4}},
    {false, "unreachable", "source_route_failed", {3, 5}},
    {false, "unreachable", "net_unknown", {3, 6}},
    {false, "unreachable", "host_unknown", {3, 7}},
    {false, "unreachable", "source_host_isolated", {3, 8}},
    {false, "unreachable", "net_prohibited", {3, 9}},
    {false, "unreachable", "host_prohibited", {3, 10}},
    {false, "unreachable", "net_unreachable_for_tos", {3, 11}},
    {false, "unreachable", "host_unreachable_for_tos", {3, 12}},
    {false, "unreachable", "packet_filtered", {3, 13}},
    {false, "unreachable", "precedence_violation", {3, 14}},
    {false, "unreachable", "precedence_cutoff", {3, 15}},
    {false, "source_quench", NULL, {4, 0}},
    {false, "redirect", NULL, {5, 1}},
    {false, "time_exceeded", NULL, {11, 0}},
    {false, "time_exceeded", "exceeded_ttl", {11, 0}},
    {false, "time_exceeded", "exceeded_frag_time", {11, 1}},
    {false, "parameter_problem", NULL, {12, 0}},
    {true, "unreachable", "no_route", {1, 0}},
    {true, "unreachable", "admin_prohibited", {1, 1}},
    {true, "unreachable", "not_neighbour", {1, 2}},
    {true, "unreachable", "address_unreachable", {1, 3}},
    {true, "unreachable", "port_unreachable", {1, 4}},
    {true, "packet_too_big", NULL, {2, 0}},
    {true, "time_exceeded", NULL, {3, 0}},
    {true, "time_exceeded", "exceeded_hop_limit", {3, 0}},
    {true, "time_exceeded", "exceeded_frag_time", {3, 1}},
    {true, "parameter_problem", NULL, {4, 0}},
    {true, "parameter_problem", "header_field", {4, 0}},
    {true, "parameter_problem", "unknown_next_header", {4, 1}},
    {true, "parameter_problem", "unknown_option", {4, 2}},
};

/* type_3, code_13 */
static bool ends_in_number(struct parse *parse, const char *word, const char *prefix,
                           int64_t *number)
{
    const char *digits = word + strlen(prefix);
    return strncmp(word, prefix, strlen(prefix)) == 0 &&
           strspn(digits, "0123456789") == strlen(digits) && *digits != '\0' &&
           parse_integer(parse, digits, number) && fits(parse, word, *number, 0, 255);
}

struct script_icmp *parse_icmp(struct parse *parse, const char *protocol, const char *type,
                               const char *code)
{
    struct script_icmp *icmp = parse_new(parse, sizeof *icmp);
    bool v6 = is_ipv6(parse);
    int64_t number;
    if (strcmp(protocol, "icmp") != 0) {
        parse_fail(parse, parse->at, "'%.40s' is neither flags nor icmp", protocol);
        return icmp;
    }
    icmp->v6 = v6;
    for (size_t i = 0; i < sizeof icmps / sizeof icmps[0]; i++) {
        bool same_code = code == NULL || icmps[i].code == NULL ? code == icmps[i].code
                                                               : strcmp(code, icmps[i].code) == 0;
        if (icmps[i].v6 == v6 && strcmp(type, icmps[i].type) == 0 && same_code) {
            icmp->type = icmps[i].numbers[0];
            icmp->code = icmps[i].numbers[1];
            return icmp;
        }
    }
    if (ends_in_number(parse, type, "type_", &number)) {
        icmp->type = (uint8_t)number;
        if (code == NULL || ends_in_number(parse, code, "code_", &number)) {
            icmp->code = code != NULL ? (uint8_t)number : 0;
            return icmp;
        }
    }
    parse_fail(parse, parse->at, "no %s message '%.40s%s%.40s'", v6 ? "ICMPv6" : "ICMP", type,
               code != NULL ? " " : "", code != NULL ? code : "");
    return icmp;
}

void parse_mtu(struct parse *parse, struct script_icmp *icmp, int64_t mtu)
{
    bool big = icmp->v6 ? icmp->type == 2 : icmp->type == 3 && icmp->code == 4;
    if (!big) {
        parse_fail(parse, parse->at, "this message tells no mtu");
    } else if (fits(parse, "mtu", mtu, 0, icmp->v6 ? UINT32_MAX : UINT16_MAX)) {
        icmp->mtu = (uint32_t)mtu;
    }
}

void parse_quote(struct parse *parse, struct script_icmp *icmp, int64_t first, int64_t end,
                 int64_t length)
{
    struct script_segment segment = {0};
    parse_sequence(parse, &segment, first, end, length);
    icmp->seq = segment.seq;
    icmp->length = segment.length;
}
