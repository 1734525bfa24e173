/* See network.h. */
#include "network.h"

#include <string.h>

#define DELAY_MOST   UINT64_C(60000000) /* microseconds */
#define RATE_LEAST   1000u              /* bits a second */
#define RATE_MOST    UINT64_C(100000000000)
#define QUEUE_MOST   UINT64_C(1000000000)
#define PACKET_LEAST 68u /* what every link of IPv4 takes */
#define PACKET_MOST  65535u
#define OCTET        8u /* bits */
#define THOUSAND     1000u

/* Add a digit; what is too large for any use stays UINT64_MAX. */
static uint64_t append(uint64_t value, unsigned digit)
{
    return value < UINT64_MAX / 10 - 1 ? value * 10 + digit : UINT64_MAX;
}

/* Decimals as an integer: digits, a point, and at most `places` of them. What is too large for any
 * use becomes UINT64_MAX. Returns what comes behind, or null. */
static const char *read_decimal(const char *text, unsigned places, uint64_t *out)
{
    uint64_t value = 0;
    unsigned digits = 0;
    unsigned behind = 0;
    bool point = false;
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        digits++;
        behind += point;
        value = append(value, (unsigned)(*text - '0'));
    }
    for (unsigned i = behind; i < places; i++) {
        value = append(value, 0);
    }
    *out = value;
    return digits > 0 && behind <= places ? text : NULL;
}

const char *network_read_percent(const char *text, unsigned *chance)
{
    uint64_t value;
    const char *rest = read_decimal(text, 4, &value);
    if (rest == NULL || *rest != '\0' || value > NETWORK_OUT_OF) {
        return "a percentage is 0 to 100, with four decimals at most";
    }
    *chance = (unsigned)value;
    return NULL;
}

const char *network_read_delay(const char *text, tfsm_time *delay, tfsm_time *jitter)
{
    uint64_t every;
    uint64_t more = 0;
    const char *rest = read_decimal(text, 3, &every);
    if (rest != NULL && *rest == ':') {
        rest = read_decimal(rest + 1, 3, &more);
    }
    if (rest == NULL || *rest != '\0' || every > DELAY_MOST || more > DELAY_MOST) {
        return "a delay is MS or MS:JITTER, milliseconds up to 60000";
    }
    *delay = every;
    *jitter = more;
    return NULL;
}

bool network_read_amount(const char *text, uint64_t least, uint64_t most, uint64_t *amount)
{
    static const char suffixes[] = "kMG";
    uint64_t unit = 1;
    uint64_t thousandths;
    const char *rest = read_decimal(text, 3, &thousandths);
    const char *suffix = rest != NULL && *rest != '\0' ? strchr(suffixes, *rest) : NULL;
    if (suffix != NULL) {
        for (const char *at = suffixes; at <= suffix; at++) {
            unit *= THOUSAND;
        }
        rest++;
    }
    if (rest == NULL || *rest != '\0' || thousandths > most * THOUSAND / unit ||
        thousandths * unit % THOUSAND != 0 || thousandths * unit / THOUSAND < least) {
        return false;
    }
    *amount = thousandths * unit / THOUSAND;
    return true;
}

const char *network_read_rate(const char *text, uint64_t *rate)
{
    uint64_t bits;
    if (!network_read_amount(text, RATE_LEAST, RATE_MOST, &bits)) {
        return "a rate is 1k to 100G bits a second";
    }
    *rate = bits / OCTET;
    return NULL;
}

const char *network_read_queue(const char *text, uint32_t *queue)
{
    uint64_t octets;
    if (!network_read_amount(text, 1, QUEUE_MOST, &octets)) {
        return "a queue is 1 to 1G octets";
    }
    *queue = (uint32_t)octets;
    return NULL;
}

const char *network_read_swallow(const char *text, uint32_t *swallow)
{
    uint64_t octets;
    if (!network_read_amount(text, PACKET_LEAST, PACKET_MOST, &octets)) {
        return "a packet is of 68 to 65535 octets";
    }
    *swallow = (uint32_t)octets;
    return NULL;
}
