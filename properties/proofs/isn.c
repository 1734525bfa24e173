/* Initial sequence numbers and the hash behind them: any key, any ends of a connection, any time, and octets of every length up
 * to some words in memory that ends where they do. */
/* eva: -eva-precision 2 */
/* sources: isn.c */
#include "arbitrary.h"

#define HASHED_MOST 200u

static uint8_t memory[HASHED_MOST];

/* assumes: of the octets that are hashed the lengths up to 200 stand for all */
static void hash(const uint8_t key[16])
{
    //@ loop unroll 201;
    for (size_t n = 0; n <= HASHED_MOST; n++) {
        uint8_t *octets = memory + sizeof memory - n;
        any_octets(octets, n);
        (void)tfsm_siphash(key, octets, n);
    }
}

int main(void)
{
    uint8_t key[16];
    struct tfsm_address local;
    struct tfsm_address remote;
    struct tfsm_event event;
    any_octets(key, sizeof key);
    any_address(&local);
    any_address(&remote);
    any_event(&event);
    hash(key);
    (void)tfsm_isn(key, &local, any16(), &remote, any16(), any64());
    (void)tfsm_timestamp_offset(key, &local, any16(), &remote, any16());
    tfsm_seed(key, &local, any16(), &remote, any16(), &event);
    return 0;
}
