#include "wire.c"
/*@ requires \valid(octets + (0 .. 1));
    assigns octets[0 .. 1];
    ensures 256 * octets[0] + octets[1] == value % 65536; */
static void put16(uint8_t *octets, uint32_t value);
/*@ requires \valid_read(octets + (0 .. 1));
    assigns \nothing;
    ensures \result == 256 * octets[0] + octets[1]; */
static uint16_t get16(const uint8_t *octets);
/*@ requires \valid(octets + (0 .. 3));
    assigns octets[0 .. 3];
    ensures 16777216 * octets[0] + 65536 * octets[1] + 256 * octets[2] + octets[3] == value; */
static void put32(uint8_t *octets, uint32_t value);
/*@ requires \valid_read(octets + (0 .. 3));
    assigns \nothing;
    ensures \result == 16777216 * octets[0] + 65536 * octets[1] + 256 * octets[2] + octets[3]; */
static uint32_t get32(const uint8_t *octets);
