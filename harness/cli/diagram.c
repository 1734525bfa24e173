/* The state diagram in graphviz's language, laid out like RFC 9293 figure 5. Which arrows there are
 * and what they say is read off the rows; only the order of the states on the page is written down
 * here. The many ways to be cut off (RST, ABORT, giving up) are the same for nearly every state, so
 * they are one grey arrow from a box around these states. */
#include "diagram.h"

#include <stdio.h>
#include <string.h>

#include "describe.h"

/* A state's name in the graph. CLOSED stands at the top and at the bottom, as in the RFC: whoever
 * has been beyond the handshake arrives at the bottom. */
static const char *node(unsigned state, bool end)
{
    static const char *const names[TFSM_STATES] = {
        [TFSM_CLOSED] = "closed",           [TFSM_LISTEN] = "listen",
        [TFSM_SYN_SENT] = "syn_sent",       [TFSM_SYN_RECEIVED] = "syn_received",
        [TFSM_ESTABLISHED] = "established", [TFSM_FIN_WAIT_1] = "fin_wait_1",
        [TFSM_FIN_WAIT_2] = "fin_wait_2",   [TFSM_CLOSE_WAIT] = "close_wait",
        [TFSM_CLOSING] = "closing",         [TFSM_LAST_ACK] = "last_ack",
        [TFSM_TIME_WAIT] = "time_wait"};
    return state == TFSM_CLOSED && end ? "closed_again" : names[state];
}

static bool moves(const struct tfsm_rule *rule, unsigned from)
{
    return (rule->states >> from & 1) != 0 && rule->next != TFSM_STAY && rule->next != from;
}

/* Add a line to a label unless it is there. */
static void add_line(struct cli_text *label, const char *separator, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = label->octets; (at = strstr(at, line)) != NULL; at += length) {
        if (at[length] == '\0' || strncmp(at + length, separator, strlen(separator)) == 0) {
            return;
        }
    }
    cli_join(label, separator, line);
}

/* All ways from one state to another that are not abrupt. */
static void print_edge(unsigned from, unsigned to)
{
    struct cli_text label = {.used = 0};
    /* An arrow up the page is drawn as one down, the wrong way round: then it does not turn the
     * page over. */
    bool up = to < from && (to == TFSM_LISTEN || from == TFSM_LISTEN || from == TFSM_SYN_SENT);
    bool aside = from == TFSM_SYN_SENT && to == TFSM_SYN_RECEIVED;
    for (unsigned id = 0; id < TFSM_RULES; id++) {
        const struct tfsm_rule *rule = &tfsm_rules[id];
        if (moves(rule, from) && rule->next == to && !describe_is_abrupt(rule)) {
            struct cli_text line = {.used = 0};
            const char *reply = describe_reply(rule);
            if (to == TFSM_LISTEN && label.used == 0 && describe_is_passive(rule)) {
                add_line(&label, "\\n", "  after a passive OPEN:");
            }
            cli_add(&line, "  %s%s%s", describe_cause(rule), reply[0] != '\0' ? " / " : "", reply);
            add_line(&label, "\\n", line.octets);
        }
    }
    if (label.used > 0) {
        const char *tail = node(from, false);
        const char *head = node(to, !up);
        printf("    %s -> %s [label=\"%s\"%s%s];\n", up ? head : tail, up ? tail : head,
               label.octets, up ? " dir=back" : "", aside ? " constraint=false" : "");
    }
}

static void print_states(void)
{
    printf("    closed [label=\"CLOSED\"];\n    closed_again [label=\"CLOSED\"];\n");
    printf("    subgraph cluster_open {\n        style=\"rounded,dashed\"; color=\"#c4c4c4\"; "
           "margin=40;\n");
    for (unsigned state = TFSM_LISTEN; state < TFSM_STATES; state++) {
        printf("        %s [label=\"%s\"];\n", node(state, false),
               tfsm_state_name((enum tfsm_state)state));
    }
    printf("        { rank=same; syn_received; syn_sent; }\n"
           "        { rank=same; fin_wait_1; close_wait; }\n"
           "        { rank=same; fin_wait_2; closing; last_ack; }\n"
           "        syn_received -> syn_sent [style=invis];\n"
           "        fin_wait_1 -> close_wait [style=invis];\n"
           "        fin_wait_2 -> closing -> last_ack [style=invis];\n"
           "    }\n");
}

/* Everything that cuts a connection off, as one arrow from the box. */
static void print_abrupt(void)
{
    struct cli_text label = {.used = 0};
    cli_add(&label, "  ways to be cut off:");
    for (unsigned id = 0; id < TFSM_RULES; id++) {
        struct cli_text line = {.used = 0};
        if (describe_is_abrupt(&tfsm_rules[id])) {
            cli_add(&line, "  %s", describe_cause(&tfsm_rules[id]));
            add_line(&label, "\\l", line.octets);
        }
    }
    printf("    time_wait -> closed_again [ltail=cluster_open label=\"%s\\l\" color=\"#b0b0b0\" "
           "fontcolor=\"#777777\"];\n",
           label.octets);
}

void print_diagram(void)
{
    printf("// The state diagram of tcpfsm, printed by `tcpfsm table --format=dot`.\n"
           "digraph tcp {\n"
           "    graph [compound=true ranksep=0.55 nodesep=0.6 fontname=\"Helvetica\" "
           "bgcolor=\"white\" pad=0.2];\n"
           "    node [shape=box style=\"rounded,filled\" fillcolor=\"#e8f0fa\" color=\"#34608c\" "
           "fontname=\"Helvetica\" "
           "fontsize=13 width=1.5 height=0.45];\n"
           "    edge [fontname=\"Helvetica\" fontsize=10.5 color=\"#333333\" arrowsize=0.8];\n");
    print_states();
    for (unsigned from = 0; from < TFSM_STATES; from++) {
        for (unsigned to = 0; to < TFSM_STATES; to++) {
            print_edge(from, to);
        }
    }
    print_abrupt();
    printf("}\n");
}
