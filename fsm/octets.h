/* Numbers from octets, whatever the order of the machine. */
#ifndef TFSM_OCTETS_H
#define TFSM_OCTETS_H

#include <stdint.h>

/* Octets as a number, the first the lowest: compilers make one instruction of it where there is one. */
static inline uint64_t load32(const uint8_t *octets)
{
    return (uint64_t)octets[0] | (uint64_t)octets[1] << 8 | (uint64_t)octets[2] << 16 |
           (uint64_t)octets[3] << 24;
}

static inline uint64_t load64(const uint8_t *octets)
{
    return load32(octets) | load32(octets + 4) << 32;
}

#endif
