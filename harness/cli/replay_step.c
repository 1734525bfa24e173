/* `tcpfsm replay` of an input of fuzz_step: what was drawn, before the ladder shows what comes of it. */
#include <inttypes.h>
#include <stdio.h>

#include "changes.h"
#include "cli.h"
#include "replay.h"
#include "seq.h"
#include "single.h"
#include "words.h"

#define PAGE 100

/* Counted from a number. */
static void print_ranges(const char *what, const struct tfsm_range *ranges, unsigned count,
                         uint32_t from)
{
    struct cli_text text = {.used = 0};
    for (unsigned i = 0; i < count; i++) {
        cli_add(&text, "%s%" PRIu32 "..%" PRIu32, i > 0 ? ", " : "",
                seq_distance(from, ranges[i].left), seq_distance(from, ranges[i].right));
    }
    if (count > 0) {
        printf("%s:\n", what);
        words_wrap(stdout, 4, text.octets);
    }
}

/* With the time at which they were sent, as far as that is known: microseconds before now, or after it. */
static void print_runs(const struct tfsm_tcb *tcb, tfsm_time now)
{
    static const char *const fates[TFSM_FATES + 1] = {
        "in flight", "held", "lost", "", "sent again", "", "lost again", "",
        "",          "",     "",     "", "sent twice", "", "",           ""};
    struct cli_text text = {0};
    uint32_t left = 0;
    for (unsigned i = 0; i < tcb->sent_count; i++) {
        const struct tfsm_sent run = tfsm_sent_runs(tcb)[i];
        uint32_t right = seq_distance(tcb->snd_una, run.right);
        cli_add(&text, "%s%s %" PRIu32 "..%" PRIu32, i > 0 ? ", " : "", fates[run.at & TFSM_FATES],
                left, right);
        uint32_t at = run.at & ~(uint32_t)TFSM_STEP;
        uint32_t ago = seq_sub((uint32_t)(now & UINT32_MAX), at);
        if (at != 0) {
            cli_add(&text, " (%s%" PRIu32 " us%s)", (run.at & TFSM_EXACT) != 0 ? "" : "about ",
                    ago < TFSM_SEQ_HALF ? ago : seq_sub(0, ago),
                    ago < TFSM_SEQ_HALF ? " ago" : " to come");
        }
        left = right;
    }
    if (tcb->sent_count > 0) {
        printf("runs, from SND.UNA:\n");
        words_wrap(stdout, 4, text.octets);
    }
}

void replay_case(const uint8_t *input, size_t size)
{
    static struct step_case it;
    static const char words[] = "given: ";
    step_read(&it, input, size);
    printf("%s", words);
    changes_print(stdout, (int)sizeof words - 1, 4, PAGE, NULL, &it.tcb);
    print_ranges("out of order, from RCV.NXT", tfsm_out_of_order(&it.tcb), it.tcb.ooo_count,
                 it.tcb.rcv_nxt);
    print_runs(&it.tcb, it.ev.now);
    printf("policy: profile 0x%" PRIx32 ", receive buffer %" PRIu32 ", send buffer %" PRIu32
           ", MSS %u; now %.6f s\n",
           it.cfg.profile, it.cfg.rcv_buff, it.cfg.snd_buff, it.cfg.mss, (double)it.ev.now / 1e6);
    if (it.clause != TFSM_OK) {
        printf("no case: %s: %s\n", tfsm_clause_name(it.clause), tfsm_clause_text(it.clause));
    }
}
