/* Edits of rows, from text to tables and back. */
#include "variant.h"
#include "effects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_OCTETS 96

/* ---- what no row can say ---- */

/* The effect behind each rule, TFSM_RULES of them; one more than the index, 0 for none. */
static unsigned char effect_behind[TFSM_RULES];

static void after(unsigned rule, struct tfsm_tcb *tcb)
{
    if (rule < TFSM_RULES && effect_behind[rule] > 0) {
        effect_change(effect_behind[rule] - 1u, tcb);
    }
}

/* ---- names ---- */

typedef const char *name_of(unsigned index);

static const char *fact_name(unsigned index)
{
    return tfsm_fact_name((enum tfsm_fact_index)index);
}

static const char *action_name(unsigned index)
{
    return tfsm_action_name((enum tfsm_action_index)index);
}

static const char *state_name(unsigned index)
{
    return tfsm_state_name((enum tfsm_state)index);
}

/* The index of a name of n octets among count; count if there is none. */
static unsigned find(name_of *name, unsigned count, const char *text, size_t n)
{
    unsigned i = 0;
    while (i < count && (strncmp(name(i), text, n) != 0 || name(i)[n] != '\0')) {
        i++;
    }
    return i;
}

/* ---- one edit ---- */

static void flip(struct tfsm_facts *facts, unsigned fact, bool on)
{
    uint64_t bit = UINT64_C(1) << fact % 64;
    facts->word[fact / 64] = (facts->word[fact / 64] & ~bit) | (on ? bit : 0);
}

static bool drop_action(struct tfsm_rule *row, unsigned action)
{
    unsigned i = 0;
    while (i < TFSM_ROW_ACTIONS && row->actions[i] != action) {
        i++;
    }
    if (i == TFSM_ROW_ACTIONS || action == TFSM_ACTION_IGNORE) {
        return false;
    }
    memmove(row->actions + i, row->actions + i + 1, TFSM_ROW_ACTIONS - i - 1);
    row->actions[TFSM_ROW_ACTIONS - 1] = TFSM_ACTION_IGNORE;
    return true;
}

static bool drop_fact(struct tfsm_facts *facts, unsigned fact)
{
    bool there = fact < TFSM_FACT_COUNT && tfsm_facts_have(facts, (enum tfsm_fact_index)fact);
    if (there) {
        flip(facts, fact, false);
    }
    return there;
}

/* Where a row does nothing, going on or not is all that it says. */
static bool other_verdict(struct tfsm_rule *row)
{
    bool idle = row->actions[0] == TFSM_ACTION_IGNORE && row->next == TFSM_STAY;
    if (!idle || (row->verdict != TFSM_V_NEXT && row->verdict != TFSM_V_DROP)) {
        return false;
    }
    row->verdict = row->verdict == TFSM_V_NEXT ? TFSM_V_DROP : TFSM_V_NEXT;
    return true;
}

/* The names of a list, between commas; false where one is unknown or there are too many. */
static bool read_list(const char *text, size_t n, name_of *name, unsigned count, unsigned most,
                      unsigned *found, unsigned *number)
{
    *number = 0;
    while (n > 0) {
        size_t length = 0;
        while (length < n && text[length] != ',') {
            length++;
        }
        unsigned index = find(name, count, text, length);
        if (index == count || *number == most) {
            return false;
        }
        found[(*number)++] = index;
        length += length < n ? 1 : 0;
        text += length;
        n -= length;
    }
    return true;
}

static bool set_actions(struct tfsm_rule *row, const char *text, size_t n)
{
    unsigned found[TFSM_ROW_ACTIONS];
    unsigned number;
    if (!read_list(text, n, action_name, TFSM_ACTION_COUNT, TFSM_ROW_ACTIONS, found, &number)) {
        return false;
    }
    memset(row->actions, TFSM_ACTION_IGNORE, sizeof row->actions);
    for (unsigned i = 0; i < number; i++) {
        row->actions[i] = (uint8_t)found[i];
    }
    return true;
}

static bool set_need(struct tfsm_rule *row, const char *text, size_t n)
{
    unsigned found[TFSM_FACT_COUNT];
    unsigned number;
    if (!read_list(text, n, fact_name, TFSM_FACT_COUNT, TFSM_FACT_COUNT, found, &number)) {
        return false;
    }
    row->need = (struct tfsm_facts){{0, 0}};
    for (unsigned i = 0; i < number; i++) {
        flip(&row->need, found[i], true);
    }
    return true;
}

static bool set_next(struct tfsm_rule *row, const char *text, size_t n)
{
    unsigned state = find(state_name, TFSM_STATES, text, n);
    row->next = (uint8_t)state;
    return state < TFSM_STATES;
}

static bool add_state(struct tfsm_rule *row, const char *text, size_t n)
{
    unsigned state = find(state_name, TFSM_STATES, text, n);
    row->states |= (uint16_t)(state < TFSM_STATES ? 1u << state : 0);
    return state < TFSM_STATES;
}

/* Whether a text begins so; if it does, the rest. */
static bool begins(const char **text, size_t *n, const char *with)
{
    size_t length = strlen(with);
    if (*n < length || strncmp(*text, with, length) != 0) {
        return false;
    }
    *text += length;
    *n -= length;
    return true;
}

static bool edit_row(struct tfsm_rule *row, const char *how, size_t n)
{
    if (begins(&how, &n, "action:")) {
        return drop_action(row, find(action_name, TFSM_ACTION_COUNT, how, n));
    }
    if (begins(&how, &n, "need:")) {
        return drop_fact(&row->need, find(fact_name, TFSM_FACT_COUNT, how, n));
    }
    if (begins(&how, &n, "forbid:")) {
        return drop_fact(&row->forbid, find(fact_name, TFSM_FACT_COUNT, how, n));
    }
    if (begins(&how, &n, "actions=")) {
        return set_actions(row, how, n);
    }
    if (begins(&how, &n, "need=")) {
        return set_need(row, how, n);
    }
    if (begins(&how, &n, "next=")) {
        return set_next(row, how, n);
    }
    if (begins(&how, &n, "states+")) {
        return add_state(row, how, n);
    }
    if (n == 4 && strncmp(how, "drop", n) == 0) {
        row->states = 0;
        return true;
    }
    if (n == 4 && strncmp(how, "stay", n) == 0) {
        row->next = TFSM_STAY;
        return true;
    }
    return n == 7 && strncmp(how, "verdict", n) == 0 && other_verdict(row);
}

/* Of all rows those that have what is to be taken away: an action that does nothing, a fact that nobody asks for. */
static bool edit_all(struct tfsm_rule rows[TFSM_RULES], const char *how, size_t n)
{
    bool any = false;
    if (memchr(how, ':', n) == NULL) {
        return false;
    }
    for (unsigned i = 0; i < TFSM_RULES; i++) {
        any |= edit_row(&rows[i], how, n);
    }
    return any;
}

static bool edit(const char *text, size_t n, struct tfsm_rule rows[TFSM_RULES])
{
    const char *colon = memchr(text, ':', n);
    if (colon == NULL) {
        return false;
    }
    size_t name = (size_t)(colon - text);
    const char *how = colon + 1;
    size_t rest = n - name - 1;
    unsigned rule = find(tfsm_rule_name, TFSM_RULES, text, name);
    bool all = name == 1 && text[0] == '*';
    if (rule == TFSM_RULES && !all) {
        return false;
    }
    if (begins(&how, &rest, "after=")) {
        unsigned effect = find(effect_name, effect_count(), how, rest);
        if (effect == effect_count()) {
            return false;
        }
        for (unsigned i = 0; i < TFSM_RULES; i++) {
            effect_behind[i] = all || i == rule ? (unsigned char)(effect + 1) : effect_behind[i];
        }
        return true;
    }
    return all ? edit_all(rows, how, rest) : edit_row(&rows[rule], how, rest);
}

bool variant_make(const char *edits, struct tfsm_rule rows[TFSM_RULES], struct table *table,
                  char *wrong, size_t size)
{
    memcpy(rows, tfsm_rules, TFSM_RULES * sizeof rows[0]);
    memset(effect_behind, 0, sizeof effect_behind);
    *table = (struct table){.rows = rows, .after = after};
    while (edits[0] != '\0') {
        size_t n = strcspn(edits, " ");
        if (n > 0 && !edit(edits, n, rows)) {
            snprintf(wrong, size, "%.*s: changes no rule", (int)n, edits);
            return false;
        }
        edits += n + strspn(edits + n, " ");
    }
    return true;
}

/* ---- every way to break a row ---- */

struct list {
    char *out;
    size_t size;
    size_t used;
};

static void append(struct list *list, unsigned rule, const char *how, const char *what)
{
    char name[NAME_MAX_OCTETS];
    int length = snprintf(name, sizeof name, "%s:%s%s\n", tfsm_rule_name(rule), how, what);
    size_t n = length > 0 ? (size_t)length : 0;
    if (list->used + n + 1 <= list->size) {
        memcpy(list->out + list->used, name, n + 1);
    }
    list->used += n;
}

static bool is_empty(const struct tfsm_facts *facts)
{
    return facts->word[0] == 0 && facts->word[1] == 0;
}

/* Nothing can get past it within its step: without it the walk goes on with the next step, or beyond the end. */
static bool is_catch_all(unsigned rule)
{
    const struct tfsm_rule *row = &tfsm_rules[rule];
    return is_empty(&row->need) && is_empty(&row->forbid) &&
           (rule + 1 == TFSM_RULES || tfsm_rules[rule + 1].step != row->step);
}

/* What is deleted is CLOSED, whatever the row says besides. */
static bool deletes(const struct tfsm_rule *row)
{
    return memchr(row->actions, TFSM_ACTION_DELETE, TFSM_ROW_ACTIONS) != NULL;
}

size_t variant_mutants(unsigned rule, char *out, size_t size)
{
    struct list list = {out, size, 0};
    if (size > 0) {
        out[0] = '\0';
    }
    if (rule >= TFSM_RULES) {
        return 0;
    }
    const struct tfsm_rule *row = &tfsm_rules[rule];
    struct tfsm_rule copy = *row;
    if (!is_catch_all(rule)) {
        append(&list, rule, "drop", "");
    } else if (other_verdict(&copy)) {
        append(&list, rule, "verdict", "");
    }
    if (row->next != TFSM_STAY && !(row->next == TFSM_CLOSED && deletes(row))) {
        append(&list, rule, "stay", "");
    }
    for (unsigned i = 0; i < TFSM_ROW_ACTIONS && row->actions[i] != TFSM_ACTION_IGNORE; i++) {
        append(&list, rule, "action:", action_name(row->actions[i]));
    }
    for (unsigned i = 0; i < TFSM_FACT_COUNT; i++) {
        if (tfsm_facts_have(&row->need, (enum tfsm_fact_index)i)) {
            append(&list, rule, "need:", fact_name(i));
        }
    }
    for (unsigned i = 0; i < TFSM_FACT_COUNT; i++) {
        if (tfsm_facts_have(&row->forbid, (enum tfsm_fact_index)i)) {
            append(&list, rule, "forbid:", fact_name(i));
        }
    }
    return list.used;
}
