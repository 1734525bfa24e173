/* From octets to a script: the lexer and the grammar, and what they leave behind. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

#include "grammar.h"
#define YY_EXTRA_TYPE struct parse *
#define YYSTYPE       SCRIPT_PARSE_STYPE
#define YYLTYPE       SCRIPT_PARSE_LTYPE
#include "lexer.h"

struct script *script_parse(const char *text, size_t n, const struct script_setting *more,
                            char error[SCRIPT_ERROR], unsigned *line)
{
    struct parse parse = {
        .script = calloc(1, sizeof(struct script)), .more = more, .line = 1, .error = error};
    yyscan_t scanner = NULL;
    *line = 1;
    if (n > SCRIPT_SIZE_MOST) {
        snprintf(error, SCRIPT_ERROR, "is larger than %u octets", SCRIPT_SIZE_MOST);
        free(parse.script);
        return NULL;
    }
    if (parse.script == NULL || script_lex_lex_init_extra(&parse, &scanner) != 0) {
        snprintf(error, SCRIPT_ERROR, "out of memory");
        free(parse.script);
        return NULL;
    }
    const char *zero = memchr(text, 0, n);
    for (const char *at = text; zero != NULL && at < zero; at++) {
        parse.line += *at == '\n';
    }
    if (zero != NULL) {
        parse_fail(&parse, parse.line, "octet 0x00 has no meaning in a script");
    }
    parse.next_setting = &parse.script->settings;
    parse.next_event = &parse.script->events;
    bool sound = false;
    if (zero == NULL) {
        script_lex__scan_bytes(text, (int)n, scanner);
        sound = script_parse_parse(scanner, &parse) == 0 && !parse.failed;
    }
    script_lex_lex_destroy(scanner);
    if (sound && parse.script->events == NULL) {
        parse_fail(&parse, parse.line, "no event in it");
        sound = false;
    }
    if (!sound) {
        *line = parse.error_line;
        script_free(parse.script);
        return NULL;
    }
    return parse.script;
}
