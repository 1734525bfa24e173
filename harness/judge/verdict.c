/* See verdict.h. To count ends and not charges, it remembers of each open connection that was charged with what. */
#include "verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096u
#define ANY     WITNESS_CLAUSES /* stands for all that break a MUST */
#define WORDS   ((WITNESS_CLAUSES + 1u + 63u) / 64u)

/* What an open connection was charged with, an end each. */
struct accused {
    uint64_t number; /* of the case */
    uint64_t broke[2][WORDS];
    struct accused *next;
};

struct trial {
    const struct verdict_question *question;
    struct verdict *verdict;
    struct docket *docket;
    struct accused *accused[BUCKETS];
    bool out_of_memory;
};

/* ---- who is charged with what ---- */

static struct accused **find(struct trial *trial, uint64_t number)
{
    struct accused **link = &trial->accused[number % BUCKETS];
    while (*link != NULL && (*link)->number != number) {
        link = &(*link)->next;
    }
    return link;
}

static bool has(const struct accused *accused, unsigned end, unsigned what)
{
    return (accused->broke[end][what / 64u] >> what % 64u & 1u) != 0;
}

static void count_once(struct accused *accused, unsigned end, unsigned what,
                       struct verdict_count *count)
{
    count->times++;
    if (has(accused, end, what)) {
        return;
    }
    count->ends++;
    count->connections += !has(accused, 1 - end, what);
    accused->broke[end][what / 64u] |= UINT64_C(1) << what % 64u;
}

static void note_guilty(struct verdict *verdict, const struct tfsm_address *address)
{
    for (unsigned i = 0; i < verdict->guilty_count; i++) {
        const struct tfsm_address *known = &verdict->guilty[i];
        if (known->family == address->family &&
            memcmp(known->octets, address->octets, sizeof known->octets) == 0) {
            return;
        }
    }
    if (verdict->guilty_count < VERDICT_GUILTY) {
        verdict->guilty[verdict->guilty_count++] = *address;
    } else {
        verdict->more_guilty = true;
    }
}

/* ---- what the docket says ---- */

static void take_charge(void *user, const struct docket_case *the_case, unsigned end,
                        const struct witness_charge *charge)
{
    struct trial *trial = user;
    struct verdict *verdict = trial->verdict;
    struct verdict_count *count = &verdict->count[charge->clause];
    struct accused **accused = find(trial, the_case->number);
    if (*accused == NULL) {
        *accused = calloc(1, sizeof **accused);
        if (*accused == NULL) {
            trial->out_of_memory = true;
            return;
        }
        (*accused)->number = the_case->number;
    }
    if (count->times < VERDICT_EXAMPLES) {
        verdict->example[charge->clause][count->times] =
            (struct verdict_example){*charge, *the_case, end};
    }
    if (witness_level(charge->clause) == WITNESS_MUST) {
        verdict->musts_broken += count->times == 0;
        count_once(*accused, end, ANY, &verdict->musts);
        note_guilty(verdict, &the_case->address[end]);
    }
    count_once(*accused, end, charge->clause, count);
    if (trial->question->charged != NULL &&
        !trial->question->charged(trial->question->user, charge)) {
        trial->out_of_memory = true;
    }
}

static void take_case(void *user, const struct docket_case *the_case)
{
    struct trial *trial = user;
    struct verdict *verdict = trial->verdict;
    struct accused **link = find(trial, the_case->number);
    struct accused *gone = *link;
    verdict->connections++;
    verdict->middle += !the_case->began;
    verdict->cut += the_case->cut;
    verdict->offloads += the_case->offloads;
    verdict->judged += the_case->judged;
    verdict->near += the_case->near;
    if (gone != NULL) {
        *link = gone->next;
        free(gone);
    }
}

static bool is_subject(void *user, const struct tfsm_address *address, uint16_t port)
{
    const struct verdict_question *question = ((const struct trial *)user)->question;
    return question->is_subject == NULL ||
           question->is_subject(question->subject_user, address, port);
}

static bool see(void *user, const struct capture_packet *packet)
{
    struct trial *trial = user;
    struct verdict *verdict = trial->verdict;
    verdict->packets++;
    if (packet->taken) {
        verdict->segments++;
        for (unsigned bits = packet->assumed; bits != 0; bits &= bits - 1) {
            verdict->assumed[__builtin_ctz(bits)]++;
        }
    } else {
        verdict->left[packet->reason]++;
    }
    if (trial->question->seen != NULL) {
        trial->question->seen(trial->question->user, packet);
    }
    trial->out_of_memory = !docket_packet(trial->docket, packet) || trial->out_of_memory;
    return !trial->out_of_memory;
}

/* ---- calls ---- */

unsigned verdict_examples(const struct verdict *verdict, enum witness_clause clause)
{
    uint64_t times = verdict->count[clause].times;
    return times < VERDICT_EXAMPLES ? (unsigned)times : VERDICT_EXAMPLES;
}

void verdict_order(enum witness_clause order[WITNESS_CLAUSES])
{
    bool placed[WITNESS_CLAUSES] = {false};
    unsigned n = 0;
    for (unsigned level = WITNESS_MUST; level <= WITNESS_PRACTICE; level++) {
        for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
            const char *demand = witness_demand((enum witness_clause)i);
            if (placed[i] || witness_level((enum witness_clause)i) != level) {
                continue;
            }
            for (unsigned k = i; k < WITNESS_CLAUSES; k++) {
                enum witness_clause clause = (enum witness_clause)k;
                if (witness_level(clause) == level && strcmp(witness_demand(clause), demand) == 0) {
                    placed[k] = true;
                    order[n++] = clause;
                }
            }
        }
    }
}

unsigned verdict_demands(const struct verdict *verdict)
{
    enum witness_clause order[WITNESS_CLAUSES];
    const char *last = "";
    unsigned n = 0;
    verdict_order(order);
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        const char *demand = witness_demand(order[i]);
        if (verdict->count[order[i]].times > 0 && witness_level(order[i]) == WITNESS_MUST &&
            strcmp(demand, last) != 0) {
            last = demand;
            n++;
        }
    }
    return n;
}

bool verdict_reach(const char *path, const struct verdict_question *question,
                   struct verdict *verdict, char error[CAPTURE_ERROR])
{
    struct trial *trial = calloc(1, sizeof *trial);
    const struct docket_config config = {.vantage = question->vantage,
                                         .is_subject = is_subject,
                                         .charge = take_charge,
                                         .closed = take_case,
                                         .user = trial};
    memset(verdict, 0, sizeof *verdict);
    snprintf(error, CAPTURE_ERROR, "out of memory");
    if (trial == NULL) {
        return false;
    }
    trial->question = question;
    trial->verdict = verdict;
    trial->docket = docket_new(&config);
    bool read = trial->docket != NULL && capture_stream(path, see, trial, error);
    docket_free(trial->docket);
    if (trial->out_of_memory) {
        snprintf(error, CAPTURE_ERROR, "out of memory (packet %" PRIu64 ")", verdict->packets);
        read = false;
    }
    free(trial);
    if (read && verdict->segments > 0 && verdict->judged == 0) {
        snprintf(error, CAPTURE_ERROR, "no connection of the subject in it");
        read = false;
    }
    if (read && verdict->segments == 0) {
        snprintf(error, CAPTURE_ERROR, "no TCP segment in it (%" PRIu64 " packet%s)",
                 verdict->packets, verdict->packets == 1 ? "" : "s");
        read = false;
    }
    return read;
}
