/* What the lexer and the grammar share while a script is read, and nobody else sees. */
#ifndef HARNESS_SCRIPT_PARSE_H
#define HARNESS_SCRIPT_PARSE_H

#include "script.h"

/* A script being read. Once failed is set nothing more is believed. */
struct parse {
    struct script *script;
    const struct script_setting *more; /* of the command line */
    struct script_setting **next_setting;
    struct script_event **next_event;
    unsigned line; /* the lexer's */
    unsigned at;   /* the action's: where its first word stands */
    bool failed;
    bool started; /* an event was seen: no more settings */
    unsigned error_line;
    char *error;
};

/* Seconds and numbers of the grammar. */
struct parse_time {
    enum script_time_kind kind;
    bool range;
    int64_t start;
    int64_t end;
};

/* A list being built: the first and the last. */
struct parse_values {
    struct script_value *first;
    struct script_value *last;
};

struct parse_options {
    struct script_option *first;
    struct script_option *last;
};

/* The first mistake counts. */
void parse_fail(struct parse *parse, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Zeroed octets that live as long as the script; never null: without memory the process ends. */
void *parse_new(struct parse *parse, size_t size);
const char *parse_joined(struct parse *parse, const char *first, const char *second);
char *parse_text(struct parse *parse, const char *text, size_t n);

/* Numbers as they stand: decimal or 0x; seconds with a fraction become microseconds. False and a
 * complaint where they are too large. */
bool parse_integer(struct parse *parse, const char *text, int64_t *number);
bool parse_seconds(struct parse *parse, const char *text, int64_t *us);
char *parse_string(struct parse *parse, const char *text, size_t n, size_t *length);

/* Each builds a piece of the script or complains; what it returns after a complaint is harmless. */
struct script_value *parse_value(struct parse *parse, enum script_value_kind kind, int64_t number,
                                 const char *text, struct script_value *first);
struct parse_values parse_add_value(struct parse_values list, struct script_value *value);
struct script_value *parse_either(struct parse *parse, struct script_value *left,
                                  struct script_value *right);

void parse_setting(struct parse *parse, const char *text);
void parse_event(struct parse *parse, unsigned line, struct parse_time time,
                 struct script_event *event);

uint8_t parse_flags(struct parse *parse, const char *word, bool ack);
void parse_sequence(struct parse *parse, struct script_segment *segment, int64_t first, int64_t end,
                    int64_t length);
void parse_clause(struct parse *parse, struct script_segment *segment, const char *word,
                  int64_t number);
void parse_ip_word(struct parse *parse, struct script_segment *segment, const char *word);
void parse_ip_number(struct parse *parse, struct script_segment *segment, const char *word,
                     int64_t number);
void parse_ip_label(struct parse *parse, struct script_segment *segment, const char *word,
                    int64_t number);
/* What was said in round brackets joins the rest. */
void parse_ip_join(struct parse *parse, struct script_segment *segment,
                   const struct script_segment *numbers);
void parse_addresses(struct parse *parse, struct script_segment *segment, const char *source,
                     const char *destination);
void parse_octets(struct parse *parse, const char *word, const char *hex);
/* Between which addresses and ports the segment that is quoted went: the message is of their family. */
void parse_quoted(struct script_icmp *icmp, const struct script_segment *quoted);
void parse_ports(struct parse *parse, struct script_segment *segment, int64_t source,
                 int64_t destination);

struct script_option *parse_option_word(struct parse *parse, const char *word);
struct script_option *parse_option_number(struct parse *parse, const char *word, int64_t number);
struct script_option *parse_option_hex(struct parse *parse, const char *text);
struct script_option *parse_option_name(struct parse *parse, const char *word, const char *name);
struct script_option *parse_option_times(struct parse *parse, const char *word, const char *val,
                                         int64_t value, const char *ecr, int64_t echo);
struct script_option *parse_option_ranges(struct parse *parse, const char *word);
void parse_add_range(struct parse *parse, struct script_option *option, int64_t left,
                     int64_t right);

struct script_icmp *parse_icmp(struct parse *parse, const char *protocol, const char *type,
                               const char *code);
void parse_mtu(struct parse *parse, struct script_icmp *icmp, int64_t mtu);
void parse_quote(struct parse *parse, struct script_icmp *icmp, int64_t first, int64_t end,
                 int64_t length);

#endif
