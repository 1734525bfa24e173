/* Broken rows as data, for the build of ci/mutants only (-DTFSM_MUTANTS=ON): the environment
 * variable TFSM_MUTANT names one way to break one row, and the machine runs with that row in the
 * place of the right one. tfsm_mutants() lists the ways there are, so that no other place knows how
 * a row is written.
 *   RULE:drop          no state matches
 *   RULE:action:NAME   without this action
 *   RULE:need:FACT     matches without this fact, too
 *   RULE:forbid:FACT   matches with this fact, too
 *   RULE:stay          does not change the state
 *   RULE:verdict       goes on where it stopped, or stops where it went on */
#include "engine.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_OCTETS 96

size_t tfsm_mutants(unsigned id, char *out, size_t size);

typedef bool visitor(void *context, const char *name, const struct tfsm_rule *broken);

static bool is_empty(const struct tfsm_facts *facts)
{
    return facts->word[0] == 0 && facts->word[1] == 0;
}

/* Nothing can get past it within its step. */
static bool is_catch_all(unsigned id)
{
    const struct tfsm_rule *row = &tfsm_rules[id];
    return is_empty(&row->need) && is_empty(&row->forbid) &&
           (id + 1 == TFSM_RULES || tfsm_rules[id + 1].step != row->step);
}

static bool without_facts(unsigned id, bool need, visitor *visit, void *context)
{
    const struct tfsm_rule *row = &tfsm_rules[id];
    const struct tfsm_facts *facts = need ? &row->need : &row->forbid;
    char name[NAME_MAX_OCTETS];
    for (unsigned fact = 0; fact < TFSM_FACT_COUNT; fact++) {
        uint64_t bit = UINT64_C(1) << fact % 64;
        if ((facts->word[fact / 64] & bit) == 0) {
            continue;
        }
        struct tfsm_rule broken = *row;
        (need ? &broken.need : &broken.forbid)->word[fact / 64] &= ~bit;
        snprintf(name, sizeof name, "%s:%s:%s", tfsm_rule_name(id), need ? "need" : "forbid",
                 tfsm_fact_name((enum tfsm_fact_index)fact));
        if (visit(context, name, &broken)) {
            return true;
        }
    }
    return false;
}

static bool without_actions(unsigned id, visitor *visit, void *context)
{
    const struct tfsm_rule *row = &tfsm_rules[id];
    char name[NAME_MAX_OCTETS];
    for (unsigned i = 0; i < TFSM_ROW_ACTIONS && row->actions[i] != TFSM_ACTION_IGNORE; i++) {
        struct tfsm_rule broken = *row;
        for (unsigned k = i; k < TFSM_ROW_ACTIONS; k++) {
            broken.actions[k] =
                k + 1 < TFSM_ROW_ACTIONS ? row->actions[k + 1] : (uint8_t)TFSM_ACTION_IGNORE;
        }
        snprintf(name, sizeof name, "%s:action:%s", tfsm_rule_name(id),
                 tfsm_action_name((enum tfsm_action_index)row->actions[i]));
        if (visit(context, name, &broken)) {
            return true;
        }
    }
    return false;
}

/* Where a row does nothing, going on or not is all that it says. */
static bool with_other_verdict(unsigned id, struct tfsm_rule *broken)
{
    const struct tfsm_rule *row = &tfsm_rules[id];
    bool idle = row->actions[0] == TFSM_ACTION_IGNORE && row->next == TFSM_STAY;
    if (idle && row->verdict == TFSM_V_NEXT) {
        broken->verdict = TFSM_V_DROP;
        return true;
    }
    if (idle && row->verdict == TFSM_V_DROP) {
        broken->verdict = TFSM_V_NEXT;
        return true;
    }
    return false;
}

/* What is deleted is CLOSED, whatever the row says besides. */
static bool deletes(const struct tfsm_rule *row)
{
    for (unsigned i = 0; i < TFSM_ROW_ACTIONS; i++) {
        if (row->actions[i] == TFSM_ACTION_DELETE) {
            return true;
        }
    }
    return false;
}

/* Every way to break a row, until one is wanted. A row that catches what is left cannot be dropped:
 * without it the walk goes on with the next step, or beyond the end. */
static bool each(unsigned id, visitor *visit, void *context)
{
    const struct tfsm_rule *row = &tfsm_rules[id];
    char name[NAME_MAX_OCTETS];
    struct tfsm_rule broken = *row;
    if (!is_catch_all(id)) {
        broken.states = 0;
        snprintf(name, sizeof name, "%s:drop", tfsm_rule_name(id));
        if (visit(context, name, &broken)) {
            return true;
        }
    } else if (with_other_verdict(id, &broken)) {
        snprintf(name, sizeof name, "%s:verdict", tfsm_rule_name(id));
        if (visit(context, name, &broken)) {
            return true;
        }
    }
    broken = *row;
    if (row->next != TFSM_STAY && !(row->next == TFSM_CLOSED && deletes(row))) {
        broken.next = TFSM_STAY;
        snprintf(name, sizeof name, "%s:stay", tfsm_rule_name(id));
        if (visit(context, name, &broken)) {
            return true;
        }
    }
    return without_actions(id, visit, context) || without_facts(id, true, visit, context) ||
           without_facts(id, false, visit, context);
}

struct list {
    char *out;
    size_t size;
    size_t used;
};

static bool append(void *context, const char *name, const struct tfsm_rule *broken)
{
    struct list *list = context;
    size_t n = strlen(name);
    (void)broken;
    if (list->used + n + 2 <= list->size) {
        memcpy(list->out + list->used, name, n);
        list->out[list->used + n] = '\n';
        list->out[list->used + n + 1] = '\0';
    }
    list->used += n + 1;
    return false;
}

/* Write the names of all ways to break a row, a line each; how many octets that takes. */
size_t tfsm_mutants(unsigned id, char *out, size_t size)
{
    struct list list = {out, size, 0};
    if (size > 0) {
        out[0] = '\0';
    }
    if (id < TFSM_RULES) {
        (void)each(id, append, &list);
    }
    return list.used;
}

struct choice {
    const char *wanted;
    struct tfsm_rule row;
    unsigned id; /* TFSM_RULES while none is chosen */
};

static bool choose(void *context, const char *name, const struct tfsm_rule *broken)
{
    struct choice *choice = context;
    if (strcmp(choice->wanted, name) != 0) {
        return false;
    }
    choice->row = *broken;
    return true;
}

const struct tfsm_rule *tfsm_fault_rule(unsigned id)
{
    static struct choice choice;
    if (choice.wanted == NULL) {
        const char *wanted = getenv("TFSM_MUTANT");
        choice.wanted = wanted != NULL ? wanted : "";
        choice.id = TFSM_RULES;
        for (unsigned i = 0; i < TFSM_RULES && choice.id == TFSM_RULES; i++) {
            choice.id = each(i, choose, &choice) ? i : TFSM_RULES;
        }
        if (choice.wanted[0] != '\0' && choice.id == TFSM_RULES) {
            fprintf(stderr, "TFSM_MUTANT: %s: breaks no row\n", choice.wanted);
            _Exit(3);
        }
    }
    return id == choice.id ? &choice.row : &tfsm_rules[id];
}

/* Where the program is one of unit tests, TFSM_TEST names the one to run: a mutant may hang in
 * another before it comes to the one that is asked for. */
void cmocka_set_test_filter(const char *pattern) __attribute__((weak));

static void __attribute__((constructor)) choose_test(void)
{
    const char *test = getenv("TFSM_TEST");
    if (test != NULL && cmocka_set_test_filter != NULL) {
        cmocka_set_test_filter(test);
    }
}

void tfsm_fault_after(unsigned id, struct tfsm_tcb *tcb)
{
    (void)id;
    (void)tcb;
}
