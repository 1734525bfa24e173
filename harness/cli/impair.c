/* See impair.h. */
#include "impair.h"

#include <string.h>

#define HOLD 1000u /* microseconds that a packet is held up to be overtaken, at most */

void impair_default(struct impairment *impairment)
{
    *impairment =
        (struct impairment){.network = {.out_of = NETWORK_OUT_OF, .hold = HOLD}, .seed = 1};
}

static const char *read_option(struct impairment *impairment, int key, const char *arg)
{
    struct wire_network *network = &impairment->network;
    switch (key) {
    case IMPAIR_KEY_LOSS:
        return network_read_percent(arg, &network->loss);
    case IMPAIR_KEY_DUP:
        return network_read_percent(arg, &network->copy);
    case IMPAIR_KEY_REORDER:
        return network_read_percent(arg, &network->reorder);
    case IMPAIR_KEY_CORRUPT:
        return network_read_percent(arg, &network->corrupt);
    case IMPAIR_KEY_DELAY:
        return network_read_delay(arg, &network->delay, &network->jitter);
    case IMPAIR_KEY_RATE:
        return network_read_rate(arg, &network->rate);
    case IMPAIR_KEY_QUEUE:
        return network_read_queue(arg, &network->queue);
    case IMPAIR_KEY_SWALLOW:
        return network_read_swallow(arg, &network->swallow);
    default:
        return cli_number(arg, 0, UINT64_MAX, &impairment->seed) ? NULL : "a seed is a number";
    }
}

error_t impair_key(struct impairment *impairment, int key, char *arg, struct argp_state *state)
{
    struct wire_network *network = &impairment->network;
    if (key < IMPAIR_KEY_LOSS || key > IMPAIR_KEY_SEED) {
        return ARGP_ERR_UNKNOWN;
    }
    const char *complaint = read_option(impairment, key, arg);
    if (complaint != NULL) {
        return cli_misuse(state, arg, complaint);
    }
    impairment->any = network->loss > 0 || network->copy > 0 || network->reorder > 0 ||
                      network->corrupt > 0 || network->delay > 0 || network->jitter > 0 ||
                      network->rate > 0 || network->swallow > 0;
    return 0;
}

error_t impair_check(const struct impairment *impairment, struct argp_state *state)
{
    if (impairment->network.queue > 0 && impairment->network.rate == 0) {
        return cli_misuse(state, "--queue", "only with --rate");
    }
    return 0;
}

void impair_counts(const struct wire_counters *wire, struct count counts[IMPAIR_COUNTS])
{
    const struct count these[IMPAIR_COUNTS] = {
        {"lost", wire->lost, "by chance"},
        {"dropped", wire->dropped, "before a full queue"},
        {"swallowed", wire->swallowed, "too large"},
        {"overflow", wire->overflow, "no place"},
        {"copied", wire->copied, ""},
        {"corrupted", wire->corrupted, ""},
        {"reordered", wire->reordered, "held up"},
        {"waited", wire->waited, "octets at most that a packet found in the queue"}};
    memcpy(counts, these, sizeof these);
}
