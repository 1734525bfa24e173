/* `tcpfsm table`: the rules as aligned text, as Markdown, as CSV. The drawing is in diagram.c. All
 * of it is read off the rows, so it cannot drift from them. */
#include <stdio.h>
#include <string.h>

#include "describe.h"
#include "diagram.h"

/* ---- text: one rule a block, cells wrapped within their columns ---- */

enum { COLUMNS = 7 };

static const struct {
    const char *title;
    int width;
} columns[COLUMNS] = {{"rule", 24}, {"in", 25},   {"when", 19}, {"does", 17},
                      {"next", 13}, {"then", 15}, {"source", 0}};

/* Print as much of a cell as fits its column, at a space; true while something is left. */
static bool print_piece(const char **cell, int width)
{
    const char *at = *cell + strspn(*cell, " ");
    size_t length = strlen(at);
    if (width > 0 && length >= (size_t)width) {
        length = (size_t)width - 1;
        while (length > 0 && at[length] != ' ') {
            length--;
        }
        length = length > 0 ? length : strcspn(at, " ");
    }
    printf("%-*.*s", width, (int)length, at);
    *cell = at + length;
    return **cell != '\0';
}

static void print_cells(const char *cells[COLUMNS])
{
    bool more = true;
    while (more) {
        int last = COLUMNS - 1;
        more = false;
        while (last > 0 && cells[last][0] == '\0') {
            last--; /* no spaces at the end of a line */
        }
        for (int i = 0; i <= last; i++) {
            more |= print_piece(&cells[i], i < last ? columns[i].width : 0);
        }
        putchar('\n');
    }
}

static void print_rule(unsigned id)
{
    const struct tfsm_rule *rule = &tfsm_rules[id];
    struct cli_text states = {.used = 0};
    struct cli_text when = {.used = 0};
    struct cli_text does = {.used = 0};
    describe_states(&states, rule->states);
    describe_facts(&when, &rule->need, " ", "");
    describe_facts(&when, &rule->forbid, " ", "not:");
    describe_actions(&does, rule, " ");
    const char *cells[COLUMNS] = {tfsm_rule_name(id),
                                  states.octets,
                                  when.used > 0 ? when.octets : "-",
                                  does.octets,
                                  describe_next(rule),
                                  tfsm_verdict_name((enum tfsm_verdict)rule->verdict),
                                  tfsm_rule_source(id)};
    printf("   %s\n", tfsm_rule_text(id));
    print_cells(cells);
}

static void print_legend(void)
{
    printf("\nFacts (when; `not:' must not hold)\n\n");
    for (unsigned i = 0; i < TFSM_FACT_COUNT; i++) {
        printf("%-24s%s [%s]\n", tfsm_fact_name((enum tfsm_fact_index)i),
               tfsm_fact_text((enum tfsm_fact_index)i), tfsm_fact_source((enum tfsm_fact_index)i));
    }
    printf("\nActions (does), in the order in which they run\n\n");
    for (unsigned i = 0; i < TFSM_ACTION_COUNT; i++) {
        printf("%-24s%s\n", tfsm_action_name((enum tfsm_action_index)i),
               tfsm_action_text((enum tfsm_action_index)i));
    }
    printf("\nVerdicts (then)\n\n");
    for (unsigned i = 0; i < TFSM_VERDICT_COUNT; i++) {
        printf("%-24s%s\n", tfsm_verdict_name((enum tfsm_verdict)i),
               tfsm_verdict_text((enum tfsm_verdict)i));
    }
}

static void print_text(void)
{
    printf("%u rules. Within a step the first row that matches wins; `..' runs through the states "
           "in RFC order.\n",
           (unsigned)TFSM_RULES);
    for (unsigned list = 0; list < rule_list_count; list++) {
        unsigned step = TFSM_STEP_COUNT;
        const char *titles[COLUMNS];
        for (int i = 0; i < COLUMNS; i++) {
            titles[i] = columns[i].title;
        }
        printf("\n== %s ==\n\n", rule_lists[list].title);
        print_cells(titles);
        for (unsigned id = rule_lists[list].first; id < rule_list_end(list); id++) {
            if (tfsm_rules[id].step != step) {
                step = tfsm_rules[id].step;
                const char *text = tfsm_step_text((enum tfsm_step_index)step);
                if (strcmp(text, rule_lists[list].title) != 0) {
                    printf("-- %s\n", text);
                }
            }
            print_rule(id);
        }
    }
    print_legend();
}

/* ---- Markdown ---- */

/* Whether a cell already says something: lines are told apart by <br>. */
static bool says(const struct cli_text *cell, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = cell->octets; (at = strstr(at, line)) != NULL; at += length) {
        bool starts = at == cell->octets || at[-1] == '>';
        if (starts && (at[length] == '\0' || at[length] == '<')) {
            return true;
        }
    }
    return false;
}

/* What one rule makes of one state, for the matrix: a move, an error, or nothing worth a line. */
static void add_outcome(struct cli_text *cell, const struct tfsm_rule *rule)
{
    struct cli_text line = {.used = 0};
    bool call = rule->step <= TFSM_STEP_ABORT;
    if (rule->next != TFSM_STAY) {
        if (!call || rule->step == TFSM_STEP_OPEN) {
            cli_add(&line, "%s: ", describe_cause(rule));
        }
        cli_add(&line, "**%s**", describe_next(rule));
    } else if (rule->verdict >= TFSM_V_EXISTS) {
        cli_add(&line, "%s", tfsm_verdict_text((enum tfsm_verdict)rule->verdict));
    } else if (call) {
        cli_add(&line, "stays");
    }
    if (line.used > 0 && !says(cell, line.octets)) {
        cli_join(cell, "<br>", line.octets);
    }
}

/* Everything a list can make of a state: within a step nothing comes after a row without
 * conditions, and the next step is looked at only if some row goes on to it in this same state. */
static void add_outcomes(struct cli_text *cell, unsigned state, unsigned from, unsigned to)
{
    unsigned step = TFSM_STEP_COUNT;
    bool goes_on = true;
    bool settled = false;
    for (unsigned id = from; id < to; id++) {
        const struct tfsm_rule *rule = &tfsm_rules[id];
        if ((rule->states >> state & 1) == 0) {
            continue;
        }
        if (rule->step != step) {
            if (!goes_on) {
                return;
            }
            step = rule->step;
            goes_on = false;
            settled = false;
        }
        if (!settled) {
            add_outcome(cell, rule);
            goes_on = goes_on || (rule->verdict == TFSM_V_NEXT && rule->next == TFSM_STAY);
            settled = (rule->need.word[0] | rule->need.word[1] | rule->forbid.word[0] |
                       rule->forbid.word[1]) == 0;
        }
    }
}

static void print_matrix(void)
{
    static const struct {
        const char *title;
        unsigned from;
        unsigned to;
    } events[] = {
        {"OPEN", TFSM_LIST_OPEN, TFSM_LIST_SEND},
        {"SEND", TFSM_LIST_SEND, TFSM_LIST_RECEIVE},
        {"RECEIVE", TFSM_LIST_RECEIVE, TFSM_LIST_CLOSE},
        {"CLOSE", TFSM_LIST_CLOSE, TFSM_LIST_ABORT},
        {"ABORT", TFSM_LIST_ABORT, TFSM_LIST_CLOSED},
        {"segment", TFSM_LIST_CLOSED, TFSM_LIST_TIMEOUT},
        {"timeout", TFSM_LIST_TIMEOUT, TFSM_LIST_OUTPUT},
    };
    const size_t count = sizeof events / sizeof events[0];
    printf("| state |");
    for (size_t i = 0; i < count; i++) {
        printf(" %s |", events[i].title);
    }
    printf("\n|---|---|---|---|---|---|---|---|\n");
    for (unsigned state = 0; state < TFSM_STATES; state++) {
        printf("| %s |", tfsm_state_name((enum tfsm_state)state));
        for (size_t i = 0; i < count; i++) {
            struct cli_text cell = {.used = 0};
            add_outcomes(&cell, state, events[i].from, events[i].to);
            printf(" %s |", cell.used > 0 ? cell.octets : "stays");
        }
        putchar('\n');
    }
}

static void print_markdown_rule(unsigned id)
{
    const struct tfsm_rule *rule = &tfsm_rules[id];
    struct cli_text states = {.used = 0};
    struct cli_text need = {.used = 0};
    struct cli_text forbid = {.used = 0};
    struct cli_text does = {.used = 0};
    describe_states(&states, rule->states);
    describe_facts(&need, &rule->need, " ", "");
    describe_facts(&forbid, &rule->forbid, " ", "");
    describe_actions(&does, rule, " ");
    printf("| `%s` | %s | %s | %s | %s | %s | %s | %s | %s |\n", tfsm_rule_name(id),
           tfsm_rule_text(id), states.octets, need.used > 0 ? need.octets : "-",
           forbid.used > 0 ? forbid.octets : "-", does.octets, describe_next(rule),
           tfsm_verdict_text((enum tfsm_verdict)rule->verdict), tfsm_rule_source(id));
}

/* A name and its meaning; < and = are read as HTML or not, so the meaning is code. */
static void print_markdown_legend(void)
{
    printf("\n## Facts\n\n| fact | holds when | source |\n|---|---|---|\n");
    for (unsigned i = 0; i < TFSM_FACT_COUNT; i++) {
        printf("| `%s` | `%s` | %s |\n", tfsm_fact_name((enum tfsm_fact_index)i),
               tfsm_fact_text((enum tfsm_fact_index)i), tfsm_fact_source((enum tfsm_fact_index)i));
    }
    printf("\n## Actions\n\nThey run in this order.\n\n| action | what it does |\n|---|---|\n");
    for (unsigned i = 0; i < TFSM_ACTION_COUNT; i++) {
        printf("| `%s` | `%s` |\n", tfsm_action_name((enum tfsm_action_index)i),
               tfsm_action_text((enum tfsm_action_index)i));
    }
}

static void print_markdown(void)
{
    printf("# The rules\n\n%u rows. Within a step the first row that matches wins.\n\n## State x "
           "event\n\n"
           "What each event can come to in each state. **Bold** is the next state.\n\n",
           (unsigned)TFSM_RULES);
    print_matrix();
    for (unsigned list = 0; list < rule_list_count; list++) {
        unsigned step = TFSM_STEP_COUNT;
        unsigned first = rule_lists[list].first;
        unsigned end = rule_list_end(list);
        bool steps = tfsm_rules[first].step != tfsm_rules[end - 1].step;
        printf("\n## %s\n", rule_lists[list].title);
        for (unsigned id = first; id < end; id++) {
            if (tfsm_rules[id].step != step) {
                step = tfsm_rules[id].step;
                if (steps) {
                    printf("\n### %s\n", tfsm_step_text((enum tfsm_step_index)step));
                }
                printf("\n| rule | what it is for | in | needs | forbids | does | next | then | "
                       "source |\n"
                       "|---|---|---|---|---|---|---|---|---|\n");
            }
            print_markdown_rule(id);
        }
    }
    print_markdown_legend();
}

/* ---- CSV (RFC 4180, but for the line ends) ---- */

static void print_field(const char *field, char end)
{
    if (strpbrk(field, ",\"\r\n") == NULL) {
        printf("%s%c", field, end);
        return;
    }
    putchar('"');
    for (; *field != '\0'; field++) {
        printf(*field == '"' ? "\"\"" : "%c", *field);
    }
    printf("\"%c", end);
}

static void print_csv(void)
{
    printf("id,rule,list,step,states,need,forbid,actions,next,verdict,source,text\n");
    for (unsigned list = 0; list < rule_list_count; list++) {
        for (unsigned id = rule_lists[list].first; id < rule_list_end(list); id++) {
            const struct tfsm_rule *rule = &tfsm_rules[id];
            struct cli_text sets[4] = {{.used = 0}, {.used = 0}, {.used = 0}, {.used = 0}};
            for (unsigned state = 0; state < TFSM_STATES; state++) {
                if ((rule->states >> state & 1) != 0) {
                    cli_join(&sets[0], " ", tfsm_state_name((enum tfsm_state)state));
                }
            }
            describe_facts(&sets[1], &rule->need, " ", "");
            describe_facts(&sets[2], &rule->forbid, " ", "");
            describe_actions(&sets[3], rule, " ");
            printf("%u,", id);
            print_field(tfsm_rule_name(id), ',');
            print_field(rule_lists[list].title, ',');
            print_field(tfsm_step_text((enum tfsm_step_index)rule->step), ',');
            for (unsigned i = 0; i < 4; i++) {
                print_field(sets[i].octets, ',');
            }
            print_field(rule->next == TFSM_STAY ? "" : describe_next(rule), ',');
            print_field(tfsm_verdict_text((enum tfsm_verdict)rule->verdict), ',');
            print_field(tfsm_rule_source(id), ',');
            print_field(tfsm_rule_text(id), '\n');
        }
    }
}

/* ---- the subcommand ---- */

enum { KEY_FORMAT = 1 };

struct table {
    struct cli_parse parse;
    void (*print)(void);
};

static error_t parse_table(int key, char *arg, struct argp_state *state)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } formats[] = {
        {"text", print_text}, {"md", print_markdown}, {"dot", print_diagram}, {"csv", print_csv}};
    struct table *table = state->input;
    if (key == ARGP_KEY_ARG) {
        return cli_misuse(state, arg, "table takes no argument");
    }
    if (key != KEY_FORMAT) {
        return cli_key(key, state);
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(arg, formats[i].name) == 0) {
            table->print = formats[i].print;
            table->parse.last = state->next;
            return 0;
        }
    }
    return cli_misuse(state, arg, "no such format: text, md, dot or csv");
}

int command_table(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"format", KEY_FORMAT, "FORMAT", 0,
         "text (default), md, dot (the state diagram, for graphviz) or csv", 0},
        CLI_OPTIONS};
    static const struct argp argp = {
        .options = options,
        .parser = parse_table,
        .doc = "Print the rules that make up the machine.\vExit status: 0 printed, 2 bad usage, "
               "or output that cannot be written."};
    struct table table = {.parse = {.name = "tcpfsm table"}, .print = print_text};
    int status;
    if (cli_options(&argp, argc, argv, 0, &table, &status)) {
        table.print();
    }
    return status;
}
