/* The options of a TCP segment in the order and with the padding that Linux gives them. */
#ifndef HARNESS_LAYOUT_H
#define HARNESS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* Lay the options of a ready IP packet out anew: mss; sackOK and TS together, else each after two
 * NOPs; NOP, wscale; others; NOP, NOP, sack; a Fast Open cookie and NOPs to a whole word. Lengths
 * and checksums are renewed.
 * packet, n  as tfsm_write() made it
 * room       of packet, octets: a segment without text may grow by up to 12
 * Returns its length. It stays as it was when it is no such packet, when the options would not fit
 * 40 octets or the room, and when a segment with text would grow: its size was chosen for the path.
 */
size_t layout_options(uint8_t *packet, size_t n, size_t room);

#endif
