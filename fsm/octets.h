/* Numbers from octets, whatever the order of the machine. */
#ifndef TFSM_OCTETS_H
#define TFSM_OCTETS_H

#include <stdint.h>

/* A function that is inlined where not little code is asked for, even where it is checked at every step as sanitizers do: its
 * locals stay in registers. */
#if defined(__GNUC__) && !defined(__OPTIMIZE_SIZE__)
#define ALONG inline __attribute__((always_inline))
#else
#define ALONG inline
#endif

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

/* Octets as a number, the first the highest: as on the wire. */
static inline uint16_t get16(const uint8_t *octets)
{
    return (uint16_t)(((uint32_t)octets[0] << 8) | octets[1]);
}

static inline uint32_t get32(const uint8_t *octets)
{
    return ((uint32_t)get16(octets) << 16) | get16(octets + 2);
}

#endif
