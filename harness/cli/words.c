/* See words.h. */
#include "words.h"

#include <inttypes.h>
#include <string.h>

#include "machine.h"
#include "seq.h"

#define FAR 0x40000000u /* no window reaches farther (RFC7323:2.3) */

void words_flags(struct cli_text *text, uint8_t flags)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } names[] = {{TFSM_SYN, "SYN"}, {TFSM_FIN, "FIN"}, {TFSM_RST, "RST"}, {TFSM_PSH, "PSH"},
                 {TFSM_ACK, "ACK"}, {TFSM_URG, "URG"}, {TFSM_ECE, "ECE"}, {TFSM_CWR, "CWR"}};
    size_t before = text->used;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((flags & names[i].bit) != 0) {
            cli_add(text, "%s%s", text->used > before ? "," : "", names[i].name);
        }
    }
    if (text->used == before) {
        cli_add(text, "no flags");
    }
}

void words_number(struct cli_text *text, const char *name, uint32_t number, bool known,
                  uint32_t origin)
{
    if (known && seq_distance(origin, number) < FAR) {
        cli_add(text, " %s %" PRIu32, name, seq_distance(origin, number));
    } else if (known && seq_distance(number, origin) < FAR) {
        cli_add(text, " %s -%" PRIu32, name, seq_distance(number, origin));
    } else {
        cli_add(text, " %s =%" PRIu32, name, number);
    }
}

void words_rest(struct cli_text *text, const struct tfsm_segment *segment)
{
    cli_add(text, "win %u", segment->wnd);
    if ((segment->flags & TFSM_URG) != 0) {
        cli_add(text, " up %u", segment->up);
    }
    if ((segment->options & TFSM_OPT_MSS) != 0) {
        cli_add(text, " mss %u", segment->mss);
    }
    if ((segment->options & TFSM_OPT_WSCALE) != 0) {
        cli_add(text, " wscale %u", segment->wscale);
    }
    if ((segment->options & TFSM_OPT_SACK_PERMITTED) != 0) {
        cli_add(text, " sackOK");
    }
    if ((segment->options & TFSM_OPT_TIMESTAMPS) != 0) {
        cli_add(text, " ts %" PRIu32 ":%" PRIu32, segment->ts_val, segment->ts_ecr);
    }
    /* Blocks stand where the reader sees them: from SEG.ACK on, or before it. */
    for (unsigned i = 0; i < segment->sacks && (segment->options & TFSM_OPT_SACK) != 0; i++) {
        cli_add(text, "%s%+" PRId32 "..%+" PRId32, i == 0 ? " sack ack" : ",",
                (int32_t)seq_distance(segment->ack, segment->sack[i].left),
                (int32_t)seq_distance(segment->ack, segment->sack[i].right));
    }
    if ((segment->options & TFSM_OPT_USER_TIMEOUT) != 0) {
        cli_add(text, " uto %u%s", segment->user_timeout & 0x7fffu,
                segment->user_timeout & 0x8000u ? "min" : "s");
    }
    if ((segment->options & TFSM_OPT_FAST_OPEN) != 0) {
        cli_add(text, " cookie %u", segment->cookie_len);
    }
    if (segment->ecn == TFSM_CE) {
        cli_add(text, " CE");
    }
    if (segment->security != 0) {
        cli_add(text, " security %u", segment->security);
    }
}

void words_call(struct cli_text *text, const struct run_line *line)
{
    const struct tfsm_event *ev = line->ev;
    cli_add(text, "%s", line->kind == RUN_TIMEOUT ? "timeout" : tfsm_event_name(ev->kind));
    if (ev->kind == TFSM_EV_OPEN) {
        cli_add(text, "%s%s", ev->active ? " active" : " passive",
                ev->remote ? ", to a given peer" : "");
    } else if (ev->kind == TFSM_EV_SEND || ev->kind == TFSM_EV_RECEIVE) {
        cli_add(text, " %" PRIu32 "%s", ev->len,
                ev->kind == TFSM_EV_SEND && ev->urgent ? ", urgent" : "");
    }
    if (ev->kind == TFSM_EV_RECEIVE && line->fx->taken != ev->len && line->result == TFSM_DONE) {
        cli_add(text, ", gets %" PRIu32, line->fx->taken);
    }
    if (line->kind == RUN_CALL && line->result != TFSM_DONE) {
        cli_add(text, ": %s", tfsm_result_name(line->result));
    }
}

bool words_tells(const struct tfsm_trace *trace, unsigned i)
{
    const struct tfsm_rule *rule = &machine_rows()[trace->fired[i]];
    bool dropped = i + 1u == trace->count && rule->verdict >= TFSM_V_DROP;
    return rule->actions[0] != TFSM_ACTION_IGNORE || rule->next != TFSM_STAY || dropped;
}

size_t words_break(const char *text, size_t room)
{
    size_t length = strlen(text);
    if (length > room) {
        length = room + 1;
        while (length > 1 && text[length - 1] != ' ') {
            length--;
        }
        length = length > 1 ? length - 1 : room; /* a word may be longer than a line */
    }
    return length;
}

void words_wrap(FILE *to, int indent, const char *text)
{
    while (text[0] != '\0') {
        size_t length = words_break(text, (size_t)(WORDS_PAGE - indent));
        fprintf(to, "%*s%.*s\n", indent, "", (int)length, text);
        text += length + (text[length] == ' ');
    }
}
