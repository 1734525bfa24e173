/* A segment in words, as every ladder has them, and text broken at the edge of the page. */
#ifndef HARNESS_WORDS_H
#define HARNESS_WORDS_H

#include <stdbool.h>
#include <stdio.h>

#include "cli.h"
#include "run.h"

#define WORDS_PAGE 110 /* columns */

/* Control bits: "SYN,ACK". */
void words_flags(struct cli_text *text, uint8_t flags);

/* A sequence number with its name: how far it is from an origin, negative when before it; `=N` as it stands in the header where
 * no origin is known or it is so far off that it can only be nonsense. */
void words_number(struct cli_text *text, const char *name, uint32_t number, bool known,
                  uint32_t origin);

/* What is not control bits, numbers and length: window, urgent pointer, options, label. */
void words_rest(struct cli_text *text, const struct tfsm_segment *segment);

/* What was asked for, of a CALL or a TIMEOUT, and what came of it: "SEND 100: error: connection closing". */
void words_call(struct cli_text *text, const struct run_line *line);

/* Whether the i-th rule that fired did something, or dropped a segment: that is what one wants to know. */
bool words_tells(const struct tfsm_trace *trace, unsigned i);

/* How much of a text goes on one line of so many columns, broken between words; a space behind it is nobody's. */
size_t words_break(const char *text, size_t room);

/* Lines of their own, indented, broken between words. */
void words_wrap(FILE *to, int indent, const char *text);

#endif
