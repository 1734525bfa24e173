/* See remarks.h. A charge gives a remark for each packet that proves it. */
#include "remarks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS 256u

struct remark {
    uint64_t packet;
    uint32_t charge;
    bool guilty;
};

struct remarks {
    size_t most;
    uint64_t left;
    struct witness_charge *charges;
    size_t charge_count;
    size_t charge_room;
    struct remark *remarks;
    size_t count;
    size_t room;
    size_t at; /* the first that no packet was asked for */
};

/* Room for some more members. */
static void *grown(void *array, size_t count, size_t more, size_t *room, size_t size)
{
    if (*room - count >= more) {
        return array;
    }
    size_t wanted = 2 * *room > 64 ? 2 * *room : 64;
    void *larger = realloc(array, wanted * size);
    if (larger != NULL) {
        *room = wanted;
    }
    return larger;
}

struct remarks *remarks_new(size_t most)
{
    struct remarks *remarks = calloc(1, sizeof *remarks);
    if (remarks != NULL) {
        remarks->most = most != 0 ? most : REMARKS_MOST;
    }
    return remarks;
}

bool remarks_charge(struct remarks *remarks, const struct witness_charge *charge)
{
    if (remarks->most - remarks->count < charge->proofs) {
        remarks->left += charge->proofs;
        return true;
    }
    struct witness_charge *charges = grown(remarks->charges, remarks->charge_count, 1,
                                           &remarks->charge_room, sizeof *remarks->charges);
    remarks->charges = charges != NULL ? charges : remarks->charges;
    struct remark *all = grown(remarks->remarks, remarks->count, WITNESS_PROOFS, &remarks->room,
                               sizeof *remarks->remarks);
    remarks->remarks = all != NULL ? all : remarks->remarks;
    if (charges == NULL || all == NULL) {
        return false;
    }
    for (unsigned i = 0; i < charge->proofs; i++) {
        remarks->remarks[remarks->count++] =
            (struct remark){.packet = charge->proof[i],
                            .charge = (uint32_t)remarks->charge_count,
                            .guilty = i + 1 == charge->proofs};
    }
    remarks->charges[remarks->charge_count++] = *charge;
    return true;
}

/* Of one packet, in the order in which the charges were raised. */
static int compare(const void *left, const void *right)
{
    const struct remark *a = left;
    const struct remark *b = right;
    if (a->packet != b->packet) {
        return a->packet < b->packet ? -1 : 1;
    }
    return (a->charge > b->charge) - (a->charge < b->charge);
}

void remarks_sort(struct remarks *remarks)
{
    if (remarks->count > 0) {
        qsort(remarks->remarks, remarks->count, sizeof *remarks->remarks, compare);
    }
    remarks->at = 0;
}

/* Everything at the guilty packet, and where it is at those that prove it. */
static void write_remark(const struct witness_charge *charge, bool guilty, char out[REMARK_SIZE])
{
    char words[WORDS];
    const char *level = witness_level_name(witness_level(charge->clause));
    const char *demand = witness_demand(charge->clause);
    const char *name = witness_name(charge->clause);
    uint64_t last = charge->proof[charge->proofs - 1];
    if (!guilty) {
        snprintf(out, REMARK_SIZE, "%s %s %s: see packet %" PRIu64, level, demand, name, last);
        return;
    }
    witness_words(charge, words, sizeof words);
    int n = snprintf(out, REMARK_SIZE, "%s %s %s: %s", level, demand, name, words);
    for (unsigned i = 0; i + 1 < charge->proofs && n > 0 && (size_t)n < REMARK_SIZE; i++) {
        n += snprintf(out + n, REMARK_SIZE - (size_t)n, "%s%" PRIu64 "%s",
                      i > 0                ? " and "
                      : charge->proofs > 2 ? " (see packets "
                                           : " (see packet ",
                      charge->proof[i], i + 2 == charge->proofs ? ")" : "");
    }
}

bool remarks_next(struct remarks *remarks, uint64_t packet, char out[REMARK_SIZE])
{
    while (remarks->at < remarks->count && remarks->remarks[remarks->at].packet < packet) {
        remarks->at++;
    }
    if (remarks->at == remarks->count || remarks->remarks[remarks->at].packet != packet) {
        return false;
    }
    const struct remark *remark = &remarks->remarks[remarks->at++];
    write_remark(&remarks->charges[remark->charge], remark->guilty, out);
    return true;
}

size_t remarks_count(const struct remarks *remarks)
{
    return remarks->count;
}

uint64_t remarks_left(const struct remarks *remarks)
{
    return remarks->left;
}

void remarks_free(struct remarks *remarks)
{
    if (remarks != NULL) {
        free(remarks->charges);
        free(remarks->remarks);
        free(remarks);
    }
}
