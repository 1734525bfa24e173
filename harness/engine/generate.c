/* Prints what is made from the rows. The compiled engine: the rows of one list after another as C, a chain of conditions for each step, in which
 * every fact is looked at only where a row asks for it. ci/engine keeps what it prints in fsm/walk.inc and
 * fsm/walk_output.inc. What it leaves out it has proved: which states a connection can be in where a row is reached
 * follows from the rows before it.
 *
 * And every way to break a row by one edit, for ci/mutants.
 *
 * usage: generate step|output|mutants */
#include "tfsm_table.h"
#include "variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL           ((1u << TFSM_STATES) - 1u)
#define SYNCHRONIZING (ALL & ~(1u << TFSM_CLOSED | 1u << TFSM_LISTEN | 1u << TFSM_SYN_SENT))
#define WIDTH         100

static const char *const state_names[] = {"CLOSED",      "LISTEN",     "SYN_SENT",   "SYN_RECEIVED",
                                          "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT",
                                          "CLOSING",     "LAST_ACK",   "TIME_WAIT"};

/* The lists, in the order of the table; the states in which a walk may start. */
static const struct list {
    const char *name;
    unsigned first;
    unsigned states;
} lists[] = {
    {"OPEN", TFSM_LIST_OPEN, ALL},
    {"SEND", TFSM_LIST_SEND, ALL},
    {"RECEIVE", TFSM_LIST_RECEIVE, ALL},
    {"CLOSE", TFSM_LIST_CLOSE, ALL},
    {"ABORT", TFSM_LIST_ABORT, ALL},
    {"CLOSED", TFSM_LIST_CLOSED, 1u << TFSM_CLOSED},
    {"LISTEN", TFSM_LIST_LISTEN, 1u << TFSM_LISTEN},
    {"SYN_SENT", TFSM_LIST_SYN_SENT, 1u << TFSM_SYN_SENT},
    {"OTHER_STATES", TFSM_LIST_OTHER_STATES, SYNCHRONIZING},
    {"FROM_6", TFSM_LIST_FROM_6, 0}, /* what the others come to */
    {"TIMEOUT", TFSM_LIST_TIMEOUT, ALL},
    {"ICMP", TFSM_LIST_ICMP, ALL},
    {"OUTPUT", TFSM_LIST_OUTPUT, ALL},
    {NULL, TFSM_RULES, 0},
};
#define LISTS  (sizeof lists / sizeof lists[0] - 1)
#define FROM_6 9u
#define OUTPUT (LISTS - 1)

static unsigned from_6; /* states in which the sixth step may be reached */

static void fail(unsigned id, const char *what)
{
    fprintf(stderr, "generate: %s: %s\n", tfsm_rule_name(id), what);
    exit(1);
}

static bool has_fact(const struct tfsm_facts *facts, unsigned fact)
{
    return tfsm_facts_have(facts, (enum tfsm_fact_index)fact);
}

/* ---- what is known ---- */

/* Facts that hold, and that do not, wherever the list that is printed is walked. */
static struct {
    struct tfsm_facts hold;
    struct tfsm_facts fail;
} known;

static void know(struct tfsm_facts *facts, enum tfsm_fact_index fact)
{
    facts->word[fact / 64] |= UINT64_C(1) << fact % 64;
}

/* The commonest segments of all, PLAIN_TEXT and PLAIN_ACK in step.h: neither SYN, RST, FIN, URG, ECE nor CWR, but ACK, and
 * the label of the connection; with text, and without. What says more of a flag or of text that is not there does not hold
 * either. */
static void know_plain(bool text)
{
    /* clang-format off */
    static const enum tfsm_fact_index absent[] = {
        TFSM_FACT_SYN,       TFSM_FACT_RST,          TFSM_FACT_FIN,         TFSM_FACT_URG,
        TFSM_FACT_SYN_NEWER, TFSM_FACT_SYN_REPEATED, TFSM_FACT_COOKIE_NEWS, TFSM_FACT_FIN_FITS,
        TFSM_FACT_FIN_AGAIN, TFSM_FACT_URGENT_AHEAD, TFSM_FACT_ECE_HEARD,   TFSM_FACT_ECE_CUTS,
        TFSM_FACT_CWR,       TFSM_FACT_SECURITY_OTHER};
    /* clang-format on */
    static const enum tfsm_fact_index of_text[] = {TFSM_FACT_TEXT,       TFSM_FACT_TEXT_FITS,
                                                   TFSM_FACT_TEXT_TWICE, TFSM_FACT_MAY_WAIT,
                                                   TFSM_FACT_CE,         TFSM_FACT_BEARING};
    const struct tfsm_facts none = {{0, 0}};
    known.hold = known.fail = none;
    know(&known.hold, TFSM_FACT_ACK);
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        know(&known.fail, absent[i]);
    }
    if (text) {
        const enum tfsm_fact_index present[] = {TFSM_FACT_TEXT, TFSM_FACT_BEARING, TFSM_FACT_REPLY};
        for (size_t i = 0; i < sizeof present / sizeof present[0]; i++) {
            know(&known.hold, present[i]);
        }
        know(&known.fail, TFSM_FACT_SEQ_PAST_WINDOW);
        know(&known.fail, TFSM_FACT_ACK_REPEATED);
        return;
    }
    for (size_t i = 0; i < sizeof of_text / sizeof of_text[0]; i++) {
        know(&known.fail, of_text[i]);
    }
}

static bool meet(const struct tfsm_facts *a, const struct tfsm_facts *b)
{
    return (a->word[0] & b->word[0]) != 0 || (a->word[1] & b->word[1]) != 0;
}

/* A row can match in one of these states, by what is known. */
static bool is_possible(const struct tfsm_rule *row, unsigned states)
{
    return (row->states & states) != 0 && !meet(&row->need, &known.fail) &&
           !meet(&row->forbid, &known.hold);
}

/* ---- conditions ---- */

struct condition {
    char text[4096];
    size_t column; /* of the last line */
    bool first;
};

static void add(struct condition *c, const char *text, int indent)
{
    size_t n = strlen(text);
    char line[512];
    if (c->first) {
        snprintf(line, sizeof line, "%s", text);
    } else if (c->column + n + 6 > WIDTH) {
        snprintf(line, sizeof line, " &&\n%*s%s", indent + 4, "", text);
        c->column = (size_t)indent + 4;
    } else {
        snprintf(line, sizeof line, " && %s", text);
        c->column += 4;
    }
    c->column += n;
    c->first = false;
    strncat(c->text, line, sizeof c->text - strlen(c->text) - 1);
}

/* Sets that have a name in rules.c. */
#define BIT(state)   (1u << TFSM_##state)
#define RECEIVES     (BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2))
#define SENDS        (BIT(ESTABLISHED) | BIT(FIN_WAIT_1) | BIT(CLOSE_WAIT) | BIT(CLOSING) | BIT(LAST_ACK))
#define SYNCHRONIZED (SYNCHRONIZING & ~BIT(SYN_RECEIVED))
#define USER_CLOSED  (SYNCHRONIZED & ~(BIT(ESTABLISHED) | BIT(CLOSE_WAIT)))
static const struct {
    const char *name;
    unsigned states;
} sets[] = {{"SYNCHRONIZING", SYNCHRONIZING},
            {"SYNCHRONIZED", SYNCHRONIZED},
            {"USER_CLOSED", USER_CLOSED},
            {"RECEIVES", RECEIVES},
            {"SENDS", SENDS}};

static void add_states(struct condition *c, unsigned states, int indent)
{
    char text[256] = "IN(";
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if (sets[i].states == states) {
            add(c, strcat(strcat(text, sets[i].name), ")"), indent);
            return;
        }
    }
    const char *separator = "";
    for (unsigned i = 0; i < TFSM_STATES; i++) {
        if ((states >> i & 1u) != 0) {
            strcat(strcat(text, separator), "B(");
            strcat(strcat(text, state_names[i]), ")");
            separator = " | ";
        }
    }
    add(c, strcat(text, ")"), indent);
}

/* The facts that a row asks for, but for what is known, and was asked before. */
static void add_facts(struct condition *c, const struct tfsm_rule *row,
                      const struct tfsm_facts *asked, int indent)
{
    for (unsigned i = 0; i < TFSM_FACT_COUNT; i++) {
        char text[64];
        const char *name = tfsm_fact_name((enum tfsm_fact_index)i);
        if (has_fact(&row->need, i) && !has_fact(asked, i) && !has_fact(&known.hold, i)) {
            snprintf(text, sizeof text, "FACT(%s)", name);
            add(c, text, indent);
        } else if (has_fact(&row->forbid, i) && !has_fact(&known.fail, i)) {
            snprintf(text, sizeof text, "!FACT(%s)", name);
            add(c, text, indent);
        }
    }
}

static bool is_empty(const struct tfsm_facts *facts)
{
    return (facts->word[0] | facts->word[1]) == 0;
}

/* ---- rows ---- */

static bool goes_on(const struct tfsm_rule *row)
{
    return row->verdict == TFSM_V_NEXT || row->verdict == TFSM_V_GOTO_6;
}

/* What a row does, once it has matched. */
static void print_body(unsigned id, int indent, bool last_step)
{
    const struct tfsm_rule *row = &tfsm_rules[id];
    const char *name = tfsm_rule_name(id);
    if (row->step == TFSM_STEP_OUTPUT) {
        if (row->verdict == TFSM_V_DROP) {
            printf("%*sreturn false; /* %s */\n", indent, "", name);
        } else {
            printf("%*sEMITS(%s, %s);\n", indent, "", name,
                   tfsm_action_name((enum tfsm_action_index)row->actions[0]));
        }
        return;
    }
    printf("%*sFIRED(%s);\n", indent, "", name);
    for (unsigned i = 0; i < TFSM_ROW_ACTIONS && row->actions[i] != TFSM_ACTION_IGNORE; i++) {
        printf("%*sACT(%s);\n", indent, "",
               tfsm_action_name((enum tfsm_action_index)row->actions[i]));
    }
    if (row->next != TFSM_STAY) {
        printf("%*sTO(%s);\n", indent, "", state_names[row->next]);
    }
    if (row->verdict == TFSM_V_GOTO_6) {
        printf("%*sGO_ON(FROM_6);\n", indent, "");
    } else if (!goes_on(row)) {
        printf("%*sreturn ENDS(%s, %s);\n", indent, "", name,
               tfsm_verdict_name((enum tfsm_verdict)row->verdict));
    } else if (last_step) {
        fail(id, "goes on, and there is nothing behind it");
    }
}

/* A step: rows [first, end). Returns the states in which the next one may be reached. */
struct step {
    unsigned first;
    unsigned end;
    unsigned states; /* in which it may be reached */
    bool last;       /* of its list */
    bool complete;   /* its last row takes all that is left */
    struct tfsm_facts common;
};

/* Facts that rows of a step speak of in a state. */
static unsigned facts_asked(const struct step *step, unsigned state,
                            unsigned facts[TFSM_FACT_COUNT])
{
    unsigned count = 0;
    for (unsigned i = 0; i < TFSM_FACT_COUNT; i++) {
        bool asked = false;
        if (has_fact(&known.hold, i) || has_fact(&known.fail, i)) {
            continue;
        }
        for (unsigned id = step->first; id < step->end; id++) {
            const struct tfsm_rule *row = &tfsm_rules[id];
            asked = asked || (is_possible(row, 1u << state) &&
                              (has_fact(&row->need, i) || has_fact(&row->forbid, i)));
        }
        if (asked) {
            facts[count++] = i;
        }
    }
    return count;
}

static bool matches(const struct tfsm_rule *row, unsigned state, const struct tfsm_facts *have)
{
    return (row->states >> state & 1u) != 0 && (row->need.word[0] & ~have->word[0]) == 0 &&
           (row->need.word[1] & ~have->word[1]) == 0 &&
           (row->forbid.word[0] & have->word[0]) == 0 && (row->forbid.word[1] & have->word[1]) == 0;
}

/* Whether a row takes all that the rows before it in its step leave: tried with every state and every combination of
 * the facts that are asked for there. */
static bool takes_the_rest(const struct step *step, unsigned last)
{
    for (unsigned state = 0; state < TFSM_STATES; state++) {
        unsigned facts[TFSM_FACT_COUNT];
        unsigned count = facts_asked(step, state, facts);
        if ((step->states >> state & 1u) == 0) {
            continue;
        }
        if (count > 20) {
            fail(step->first, "too many facts in one step to try them all");
        }
        for (unsigned long chosen = 0; chosen < 1ul << count; chosen++) {
            struct tfsm_facts have = known.hold;
            unsigned id = step->first;
            for (unsigned i = 0; i < count; i++) {
                have.word[facts[i] / 64] |= (uint64_t)(chosen >> i & 1u) << facts[i] % 64;
            }
            while (id <= last && !matches(&tfsm_rules[id], state, &have)) {
                id++;
            }
            if (id > last) {
                return false;
            }
        }
    }
    return true;
}

/* A row before it in the step asks for the same, by what is known. */
static bool is_repeated(const struct step *step, unsigned id)
{
    const struct tfsm_rule *row = &tfsm_rules[id];
    for (unsigned before = step->first; before < id; before++) {
        const struct tfsm_rule *other = &tfsm_rules[before];
        bool same =
            is_possible(other, step->states) && ((other->states ^ row->states) & step->states) == 0;
        for (unsigned i = 0; same && i < sizeof row->need.word / sizeof row->need.word[0]; i++) {
            same = ((other->need.word[i] ^ row->need.word[i]) & ~known.hold.word[i]) == 0 &&
                   ((other->forbid.word[i] ^ row->forbid.word[i]) & ~known.fail.word[i]) == 0;
        }
        if (same) {
            return true;
        }
    }
    return false;
}

/* Rows [first, end) as a chain; what no row takes goes on behind it. Returns whether some row takes everything. */
static bool print_chain(const struct step *step, unsigned end, int indent)
{
    bool open = false;
    for (unsigned id = step->first; id < end; id++) {
        const struct tfsm_rule *row = &tfsm_rules[id];
        struct condition c = {.first = true, .column = (size_t)indent + (open ? 11 : 4)};
        if (!is_possible(row, step->states) || is_repeated(step, id)) {
            continue; /* never here */
        }
        if ((step->states & ~(unsigned)row->states) != 0) {
            add_states(&c, row->states & step->states, indent);
        }
        add_facts(&c, row, &step->common, indent);
        if (c.first || (id + 1 == step->end && step->complete)) { /* nothing is left to ask */
            if (open) {
                printf(" else {\n");
            }
            print_body(id, open ? indent + 4 : indent, step->last);
            if (open) {
                printf("%*s}\n", indent, "");
            }
            return true;
        }
        if (open) {
            printf(" else if (%s) {\n", c.text);
        } else {
            printf("%*sif (%s) {\n", indent, "", c.text);
        }
        print_body(id, indent + 4, step->last);
        printf("%*s}", indent, "");
        open = true;
    }
    if (open) {
        printf("\n");
    }
    return false;
}

/* Where all rows of a step but the last need the same, that is asked first. */
static struct tfsm_facts common_facts(const struct step *step, unsigned end)
{
    struct tfsm_facts common = {{UINT64_MAX, UINT64_MAX}};
    unsigned rows = 0;
    for (unsigned id = step->first; id < end; id++) {
        const struct tfsm_rule *row = &tfsm_rules[id];
        if (is_possible(row, step->states)) {
            common.word[0] &= row->need.word[0] & ~known.hold.word[0];
            common.word[1] &= row->need.word[1] & ~known.hold.word[1];
            rows++;
        }
    }
    return rows > 1 ? common : (struct tfsm_facts){{0, 0}};
}

static void print_step(struct step step)
{
    unsigned last = step.end - 1;
    printf("    /* %s */\n", tfsm_step_text((enum tfsm_step_index)tfsm_rules[step.first].step));
    struct tfsm_facts common = common_facts(&step, last);
    bool plain = is_empty(&tfsm_rules[last].need) && is_empty(&tfsm_rules[last].forbid);
    if (step.complete && plain && !is_empty(&common)) {
        struct condition c = {.first = true, .column = 8};
        struct tfsm_rule row = {.need = common};
        const struct tfsm_facts none = {{0, 0}};
        add_facts(&c, &row, &none, 4);
        printf("    if (%s) {\n", c.text);
        struct step inner = step;
        inner.common = common;
        (void)print_chain(&inner, step.end, 8);
        printf("    } else {\n");
        print_body(last, 8, step.last);
        printf("    }\n");
        return;
    }
    if (!print_chain(&step, step.end, 4) && step.last) {
        fail(last, "leaves something over at the end of its list");
    }
}

/* The states in which the step behind may be reached, and what goes to the sixth. */
static unsigned states_behind(const struct step *step)
{
    unsigned behind = 0;
    for (unsigned id = step->first; id < step->end; id++) {
        const struct tfsm_rule *row = &tfsm_rules[id];
        unsigned here = row->states & step->states;
        unsigned then = row->next == TFSM_STAY ? here : 1u << row->next;
        if (!is_possible(row, step->states)) {
            continue;
        }
        if (row->verdict == TFSM_V_NEXT) {
            behind |= then;
        } else if (row->verdict == TFSM_V_GOTO_6) {
            from_6 |= then;
        }
    }
    return step->complete ? behind : behind | step->states;
}

/* ---- lists ---- */

/* Print a list that starts in these states, or only find out in which it may reach the sixth step. */
static unsigned walk_rows(unsigned list, unsigned states, bool print)
{
    unsigned end = lists[list + 1].first;
    for (unsigned id = lists[list].first; id < end;) {
        struct step step = {.first = id, .end = id, .states = states};
        while (step.end < end && tfsm_rules[step.end].step == tfsm_rules[id].step) {
            step.end++;
        }
        step.last = step.end == end && list + 1 != FROM_6;
        step.complete = takes_the_rest(&step, step.end - 1);
        if (print) {
            print_step(step);
        }
        states = states_behind(&step);
        id = step.end;
    }
    return states;
}

static void walk_list(unsigned list, bool print)
{
    unsigned states = walk_rows(list, list == FROM_6 ? from_6 : lists[list].states, print);
    if (list + 1 == FROM_6) { /* what is left of the fifth step goes on there */
        from_6 |= states;
        if (print) {
            printf("    GO_ON(FROM_6);\n");
        }
    }
}

static void print_list(unsigned list)
{
    printf("\nWALK(%s)\n{\n    UNUSED;\n", lists[list].name);
    walk_list(list, true);
    printf("}\n");
}

/* The other states' list and the sixth step once more, for what is plain, in ESTABLISHED. */
static void print_plain(bool text)
{
    unsigned states = 1u << TFSM_ESTABLISHED;
    know_plain(text);
    printf("\nWALK(PLAIN_%s)\n{\n    UNUSED;\n", text ? "TEXT" : "ACK");
    states = walk_rows(FROM_6 - 1, states, true);
    (void)walk_rows(FROM_6, states, true);
    printf("}\n");
}

static int print_mutants(void)
{
    for (unsigned id = 0; id < TFSM_RULES; id++) {
        char ways[8192];
        if (variant_mutants(id, ways, sizeof ways) >= sizeof ways) {
            fail(id, "has too many ways to be broken");
        }
        printf("%s", ways);
    }
    return 0;
}

static void print_step_lists(void)
{
    for (unsigned list = 0; list < FROM_6; list++) {
        walk_list(list, false);
    }
    print_list(FROM_6);
    for (unsigned list = 0; list < OUTPUT; list++) {
        if (list != FROM_6) {
            print_list(list);
        }
    }
    print_plain(true);
    print_plain(false);
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "mutants") == 0) {
        return print_mutants();
    }
    if (strcmp(what, "output") != 0 && strcmp(what, "step") != 0) {
        fprintf(stderr, "usage: generate step|output|mutants\n");
        return 2;
    }
    printf("/* Generated from the rows of rules_*.inc by ci/engine: change those. */\n");
    if (what[0] == 'o') {
        walk_list(OUTPUT, true);
    } else {
        print_step_lists();
    }
    return 0;
}
