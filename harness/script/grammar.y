/* The grammar of packetdrill's language, as our scripts use it. It only says what may stand where;
 * what a word means is asked in parse.c, which complains by line. */
%define api.pure full
%define api.prefix {script_parse_}
%define parse.error detailed
%locations
%param {void *scanner}
%parse-param {struct parse *parse}
%expect 0

%code requires {
#include "parse.h"
}

%union {
    int64_t number;
    const char *text;
    struct {
        const char *text;
        size_t length;
    } string;
    struct parse_time time;
    struct parse_values values;
    struct parse_options options;
    struct script_value *value;
    struct script_option *option;
    struct script_segment *segment;
    struct script_icmp *icmp;
    struct script_call *call;
    struct script_event *event;
}

%code {
int script_lex_lex(SCRIPT_PARSE_STYPE *value, SCRIPT_PARSE_LTYPE *where, void *scanner);
#define script_parse_lex script_lex_lex

static void script_parse_error(SCRIPT_PARSE_LTYPE *where, void *scanner, struct parse *parse,
                               const char *message)
{
    (void)scanner;
    parse_fail(parse, (unsigned)where->first_line, "%s", message);
}

/* Complaints of an action name the line its first word stands in: the lexer may be further. */
#define YYLLOC_DEFAULT(where, rhs, n)                                                              \
    do {                                                                                           \
        (where) = YYRHSLOC(rhs, (n) > 0 ? 1 : 0);                                                  \
        parse->at = (unsigned)(where).first_line;                                                  \
    } while (0)

/* A mistake found by an action ends the reading. */
#define CHECK()                                                                                    \
    if (parse->failed) {                                                                           \
        YYABORT;                                                                                   \
    }
#define NEW(type) ((struct type *)parse_new(parse, sizeof(struct type)))
}

%token SCRIPT_EOF 0 "end of file"
%token <text> SETTING "option"
%token <text> OCTETS "octets in hex"
%token <number> INTEGER "number"
%token <number> MTU "mtu and number"
%token <text> FRACTION "fraction"
%token <text> WORD "word"
%token <string> STRING "string"
%token <text> CODE "code"
%token <text> COMMAND "command"
%token DOTS "..."
%token OTHER "character"

%type <time> time
%type <number> moment seconds opt_minus flags
%type <event> action
%type <segment> segment ip ip_numbers ports sequence clauses options
%type <icmp> icmp
%type <options> option_list
%type <option> option ranges
%type <text> opt_error
%type <call> call
%type <values> values value_list members
%type <value> value simple member result names

%%

script: lines;

lines: %empty | lines line { CHECK(); };

line: SETTING { parse_setting(parse, $1); }
    | time action { parse_event(parse, (unsigned)@2.first_line, $1, $2); }
    | time DOTS moment call {
          struct script_event *event = NEW(script_event);
          event->kind = SCRIPT_CALL;
          event->call = $4;
          event->call->blocks = true;
          event->call->end = $3;
          parse_event(parse, (unsigned)@4.first_line, $1, event);
      }
    | COMMAND {
          struct script_event *event = NEW(script_event);
          event->kind = SCRIPT_COMMAND;
          event->text = $1;
          parse_event(parse, (unsigned)@1.first_line, (struct parse_time){.kind = SCRIPT_AFTER}, event);
      }
    | CODE {
          struct script_event *event = NEW(script_event);
          event->kind = SCRIPT_CODE;
          event->text = $1;
          parse_event(parse, (unsigned)@1.first_line, (struct parse_time){.kind = SCRIPT_AFTER}, event);
      }
    ;

/* ---- times ---- */

time: seconds { $$ = (struct parse_time){.kind = SCRIPT_AT, .start = $1}; }
    | '+' seconds { $$ = (struct parse_time){.kind = SCRIPT_AFTER, .start = $2}; }
    | '*' { $$ = (struct parse_time){.kind = SCRIPT_ANY}; }
    | seconds '~' seconds {
          $$ = (struct parse_time){.kind = SCRIPT_AT, .range = true, .start = $1, .end = $3};
      }
    | '+' seconds '~' moment {
          $$ = (struct parse_time){.kind = SCRIPT_AFTER, .range = true, .start = $2, .end = $4};
      }
    ;

moment: seconds | '+' seconds { $$ = $2; };

seconds: INTEGER {
             if ($1 > SCRIPT_TIME_MOST / 1000000) {
                 parse_fail(parse, (unsigned)@1.first_line, "a time of more than %d seconds",
                            (int)(SCRIPT_TIME_MOST / 1000000));
                 YYABORT;
             }
             $$ = $1 * 1000000;
         }
       | FRACTION { parse_seconds(parse, $1, &$$); CHECK(); }
       ;

/* ---- events ---- */

action: '<' segment {
            $$ = NEW(script_event);
            $$->kind = SCRIPT_ARRIVES;
            $$->segment = $2;
        }
      | '>' segment {
            $$ = NEW(script_event);
            $$->kind = SCRIPT_SENDS;
            $$->segment = $2;
        }
      | '<' WORD STRING {
            $$ = NEW(script_event);
            $$->kind = SCRIPT_OCTETS;
            $$->text = $3.text;
            parse_octets(parse, $2, $3.text);
            CHECK();
        }
      | '<' icmp {
            $$ = NEW(script_event);
            $$->kind = SCRIPT_ICMP_ARRIVES;
            $$->icmp = $2;
        }
      | call {
            $$ = NEW(script_event);
            $$->kind = SCRIPT_CALL;
            $$->call = $1;
        }
      | COMMAND {
            $$ = NEW(script_event);
            $$->kind = SCRIPT_COMMAND;
            $$->text = $1;
        }
      | CODE {
            $$ = NEW(script_event);
            $$->kind = SCRIPT_CODE;
            $$->text = $1;
        }
      ;

/* ---- segments ---- */

segment: options;

ip: '[' WORD ']' { $$ = NEW(script_segment); parse_ip_word(parse, $$, $2); CHECK(); }
  | '[' WORD INTEGER ']' { $$ = NEW(script_segment); parse_ip_label(parse, $$, $2, $3); CHECK(); }
  | '[' STRING '>' STRING ']' {
        $$ = NEW(script_segment);
        parse_addresses(parse, $$, $2.text, $4.text);
        CHECK();
    }
  | '(' ip_numbers ')' { $$ = $2; }
  | ip '[' STRING '>' STRING ']' { $$ = $1; parse_addresses(parse, $$, $3.text, $5.text); CHECK(); }
  | ip '[' WORD ']' { $$ = $1; parse_ip_word(parse, $$, $3); CHECK(); }
  | ip '[' WORD INTEGER ']' { $$ = $1; parse_ip_label(parse, $$, $3, $4); CHECK(); }
  | ip '(' ip_numbers ')' { $$ = $1; parse_ip_join(parse, $$, $3); CHECK(); }
  ;

ip_numbers: WORD INTEGER { $$ = NEW(script_segment); parse_ip_number(parse, $$, $1, $2); CHECK(); }
          | ip_numbers ',' WORD INTEGER { $$ = $1; parse_ip_number(parse, $$, $3, $4); CHECK(); }
          ;

ports: ip
     | INTEGER '>' INTEGER { $$ = NEW(script_segment); parse_ports(parse, $$, $1, $3); CHECK(); }
     | ip INTEGER '>' INTEGER { $$ = $1; parse_ports(parse, $$, $2, $4); CHECK(); }
     ;

flags: WORD { $$ = parse_flags(parse, $1, false); CHECK(); }
     | WORD '.' { $$ = parse_flags(parse, $1, true); CHECK(); }
     | WORD '.' WORD { $$ = parse_flags(parse, parse_joined(parse, $1, $3), true); CHECK(); }
     | '.' WORD { $$ = parse_flags(parse, $2, true); CHECK(); }
     | '.' { $$ = parse_flags(parse, "", true); }
     | '-' { $$ = parse_flags(parse, "", false); }
     ;

sequence: flags { $$ = NEW(script_segment); $$->flags = (uint8_t)$1; }
        | ports flags { $$ = $1; $$->flags = (uint8_t)$2; }
        ;

clauses: sequence INTEGER ':' INTEGER '(' INTEGER ')' {
             $$ = $1;
             parse_sequence(parse, $$, $2, $4, $6);
             CHECK();
         }
       | clauses WORD INTEGER { $$ = $1; parse_clause(parse, $$, $2, $3); CHECK(); }
       ;

options: clauses
       | clauses '<' '>' { $$ = $1; $$->has_options = true; }
       | clauses '<' DOTS '>' { $$ = $1; $$->has_options = $$->any_options = true; }
       | clauses '<' option_list '>' {
             $$ = $1;
             $$->has_options = true;
             $$->options = $3.first;
         }
       ;

option_list: option { $$.first = $$.last = $1; }
           | option_list ',' option { $$ = $1; $$.last = $$.last->next = $3; }
           ;

option: WORD { $$ = parse_option_word(parse, $1); CHECK(); }
      | WORD INTEGER { $$ = parse_option_number(parse, $1, $2); CHECK(); }
      | WORD INTEGER WORD {
            $$ = parse_option_number(parse, $1, $2);
            CHECK();
            if ($$->kind != SCRIPT_USER_TIMEOUT) {
                parse_fail(parse, (unsigned)@3.first_line, "'%s' after a number of %s", $3, $1);
                YYABORT;
            }
            if ($3[0] == 'm') {
                $$->number |= 0x8000;
            }
        }
      | WORD WORD { $$ = parse_option_name(parse, $1, $2); CHECK(); }
      | WORD WORD INTEGER WORD INTEGER {
            $$ = parse_option_times(parse, $1, $2, $3, $4, $5);
            CHECK();
        }
      | OCTETS { $$ = parse_option_hex(parse, $1); CHECK(); }
      | ranges
      ;

ranges: WORD INTEGER ':' INTEGER {
            $$ = parse_option_ranges(parse, $1);
            CHECK();
            parse_add_range(parse, $$, $2, $4);
            CHECK();
        }
      | ranges INTEGER ':' INTEGER { $$ = $1; parse_add_range(parse, $$, $2, $4); CHECK(); }
      ;

/* ---- ICMP ---- */

icmp: WORD WORD { $$ = parse_icmp(parse, $1, $2, NULL); CHECK(); }
    | WORD WORD WORD { $$ = parse_icmp(parse, $1, $2, $3); CHECK(); }
    | icmp MTU { $$ = $1; parse_mtu(parse, $$, $2); CHECK(); }
    | icmp '[' INTEGER ':' INTEGER '(' INTEGER ')' ']' {
          $$ = $1;
          parse_quote(parse, $$, $3, $5, $7);
          CHECK();
      }
    | icmp '[' INTEGER '>' INTEGER INTEGER ':' INTEGER '(' INTEGER ')' ']' {
          struct script_segment ports = {0};
          $$ = $1;
          parse_ports(parse, &ports, $3, $5);
          parse_quote(parse, $$, $6, $8, $10);
          CHECK();
          $$->has_ports = true;
          $$->source = ports.source;
          $$->destination = ports.destination;
      }
    | icmp '[' STRING '>' STRING INTEGER '>' INTEGER INTEGER ':' INTEGER '(' INTEGER ')' ']' {
          struct script_segment quoted = {0};
          $$ = $1;
          parse_addresses(parse, &quoted, $3.text, $5.text);
          parse_ports(parse, &quoted, $6, $8);
          parse_quote(parse, $$, $9, $11, $13);
          CHECK();
          parse_quoted($$, &quoted);
      }
    ;

/* ---- system calls ---- */

call: WORD '(' values ')' '=' result opt_error opt_note {
          $$ = NEW(script_call);
          $$->name = $1;
          $$->arguments = $3.first;
          $$->result = $6;
          $$->error = $7;
      }
    ;

result: opt_minus INTEGER { $$ = parse_value(parse, SCRIPT_NUMBER, $1 * $2, NULL, NULL); }
      | names
      | DOTS { $$ = parse_value(parse, SCRIPT_DOTS, 0, NULL, NULL); }
      ;

names: WORD { $$ = parse_value(parse, SCRIPT_NAME, 0, $1, NULL); CHECK(); }
     | names '|' WORD {
           $$ = parse_either(parse, $1, parse_value(parse, SCRIPT_NAME, 0, $3, NULL));
           CHECK();
       }
     ;

opt_minus: %empty { $$ = 1; } | '-' { $$ = -1; };

opt_error: %empty { $$ = NULL; } | WORD;

opt_note: %empty | '(' words ')';

words: %empty | words a_word;

a_word: WORD | INTEGER | FRACTION | STRING | DOTS | OTHER | OCTETS | MTU
      | '(' words ')' | '.' | ':' | ',' | '|' | '=' | '+' | '*' | '~' | '&' | '-' | '<' | '>' | '[' | ']' | '{' | '}';

values: %empty { $$ = (struct parse_values){0}; } | value_list;

value_list: value { $$ = parse_add_value((struct parse_values){0}, $1); CHECK(); }
          | value_list ',' value { $$ = parse_add_value($1, $3); CHECK(); }
          ;

value: simple
     | value '|' simple { $$ = parse_either(parse, $1, $3); CHECK(); }
     ;

simple: opt_minus INTEGER { $$ = parse_value(parse, SCRIPT_NUMBER, $1 * $2, NULL, NULL); CHECK(); }
      | WORD { $$ = parse_value(parse, SCRIPT_NAME, 0, $1, NULL); CHECK(); }
      | WORD '(' values ')' { $$ = parse_value(parse, SCRIPT_APPLY, 0, $1, $3.first); CHECK(); }
      | '&' WORD { $$ = parse_value(parse, SCRIPT_NAME, 0, $2, NULL); CHECK(); }
      | STRING { $$ = parse_value(parse, SCRIPT_STRING, (int64_t)$1.length, $1.text, NULL); CHECK(); }
      | DOTS { $$ = parse_value(parse, SCRIPT_DOTS, 0, NULL, NULL); CHECK(); }
      | '[' values ']' { $$ = parse_value(parse, SCRIPT_LIST, 0, NULL, $2.first); CHECK(); }
      | '{' '}' { $$ = parse_value(parse, SCRIPT_STRUCT, 0, NULL, NULL); CHECK(); }
      | '{' members '}' { $$ = parse_value(parse, SCRIPT_STRUCT, 0, NULL, $2.first); CHECK(); }
      ;

members: member { $$ = parse_add_value((struct parse_values){0}, $1); CHECK(); }
       | members ',' member { $$ = parse_add_value($1, $3); CHECK(); }
       ;

member: value
      | WORD '=' value { $$ = $3; $$->field = $1; }
      | WORD '(' values ')' '=' value { $$ = $6; $$->field = $1; }
      ;

%%
