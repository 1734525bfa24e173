/* Rows in words: what the listings and the diagram say about a rule, derived from the row alone. */
#ifndef HARNESS_DESCRIBE_H
#define HARNESS_DESCRIBE_H

#include "cli.h"
#include "tfsm.h"
#include "tfsm_table.h"

/* One of the ordered lists that make up the table. */
struct rule_list {
    unsigned first; /* id of its first rule */
    const char *title;
};

extern const struct rule_list rule_lists[];
extern const unsigned rule_list_count;

/* The rule after the last one of a list. */
unsigned rule_list_end(unsigned list);

/* A set of states: runs of three and more as `FIRST..LAST`, in RFC order; `any` for all. */
void describe_states(struct cli_text *text, unsigned states);

/* The facts of a set, or the actions of a row, by name; `prefix` goes before each name. */
void describe_facts(struct cli_text *text, const struct tfsm_facts *facts, const char *separator,
                    const char *prefix);
void describe_actions(struct cli_text *text, const struct tfsm_rule *rule, const char *separator);

/* Where a row leads: a state, or `-` when it stays. */
const char *describe_next(const struct tfsm_rule *rule);

/* What makes a row fire, in two or three words: "rcv SYN", "CLOSE", "2MSL timeout". */
const char *describe_cause(const struct tfsm_rule *rule);

/* What a row sends, as RFC 9293 figure 5 shows it: "snd SYN,ACK"; "" when nothing. */
const char *describe_reply(const struct tfsm_rule *rule);

/* Whether it asks for a passive OPEN. */
bool describe_is_passive(const struct tfsm_rule *rule);

/* The orderly end: a row to CLOSED that a user who closes gets to when nobody is cut off. */
bool is_orderly(const struct tfsm_rule *rule);

/* A row that ends the connection before its time. */
bool describe_is_abrupt(const struct tfsm_rule *rule);

#endif
