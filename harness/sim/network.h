/* What a simulated network does, as text of a command line: chances, delays, rates and queues. Each reader
 * returns null, or what is wrong with the text; then nothing is written. */
#ifndef HARNESS_NETWORK_H
#define HARNESS_NETWORK_H

#include "wire.h"

#define NETWORK_OUT_OF 1000000u /* chances read here are so many in this */

/* A percentage with up to four decimals, as a chance. */
const char *network_read_percent(const char *text, unsigned *chance);

/* MS or MS:JITTER, milliseconds with up to three decimals. */
const char *network_read_delay(const char *text, tfsm_time *delay, tfsm_time *jitter);

/* Bits a second with k, M or G behind them; what comes of it is octets a second. */
const char *network_read_rate(const char *text, uint64_t *rate);

/* Octets that may be before a packet, with k, M or G behind them. */
const char *network_read_queue(const char *text, uint32_t *queue);

/* The most octets of a packet that passes, 68 to 65535. */
const char *network_read_swallow(const char *text, uint32_t *swallow);

/* A whole number within bounds, which may be written with up to three decimals and k, M or G: thousands,
 * millions, thousands of millions. False when it is none; most is at most 10^12. */
bool network_read_amount(const char *text, uint64_t least, uint64_t most, uint64_t *amount);

#endif
