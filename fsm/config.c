/* The policies that have a name. */
#include "tfsm.h"

#define SECOND UINT64_C(1000000)

/* [RFC9293:MUST-25; RFC7413:2; RFC5482:3.1e; RFC5961:7b;
 * RFC6298:2.1b, RFC5482:3f, RFC5482:3h, RFC5482:3.1g] */
struct tfsm_config tfsm_config_default(void)
{
    return (struct tfsm_config){
        .profile = TFSM_RFC5961 | TFSM_WSCALE | TFSM_CONGESTION | TFSM_LIMITED_TRANSMIT |
                   TFSM_TIMESTAMPS | TFSM_SACK | TFSM_ECN | TFSM_RFC6191 | TFSM_RFC5927,
        .rcv_buff = 65535,
        .snd_buff = 65535,
        .mss = 1460,
        .mss_default = 536,
        .mss_floor = 64,
        .rcv_wscale = TFSM_WSCALE_FITS,
        .syn_retries = 7, /* 1 + 2 + 4 + ... + 60 + 60 s: more than 3 minutes (RFC9293:MUST-23) */
        .retries = 8,     /* more than 100 s (RFC9293:SHLD-11) */
        .r1 = 3,          /* RFC9293:SHLD-10 */
        .keepalive_tries = 9,
        .challenge_limit = 10, /* RFC5961:7 */
        .challenge_every = 5 * SECOND,
        .rto_initial = SECOND, /* RFC6298:2.1 */
        .rto_min = SECOND,     /* RFC6298:2.4 */
        .rto_max = 60 * SECOND,
        .msl = 120 * SECOND, /* RFC9293:3.4.2 */
        .ack_delay = SECOND / 5,
        .keepalive_every = 75 * SECOND,
        .uto_least = 100 * SECOND, /* RFC5482:3.1 */
        .uto_most = 86400 * SECOND,
    };
}

#define NAME_ROOM 8u /* octets of the longest name and its end */

/* Whether a string that somebody gave is one of our names. */
static bool same_name(const char *given, const char *name)
{
    for (unsigned i = 0; i < NAME_ROOM; i++) {
        if (given[i] != name[i]) {
            return false;
        }
        if (name[i] == '\0') {
            return true;
        }
    }
    return false;
}

/* [RFC8985:9.3b; RFC7661:4.2i; RFC9438:4.9.1a, 4.9.2a; RFC6928:1] */
bool tfsm_config_named(const char *name, struct tfsm_config *out)
{
    struct tfsm_config cfg = tfsm_config_default();
    if (same_name(name, "rfc793")) {
        cfg.profile = TFSM_CONGESTION;
    } else if (same_name(name, "minimal")) {
        cfg.profile = TFSM_RFC5961 | TFSM_RFC5927 | TFSM_CONGESTION;
        cfg.ack_delay = 0;
    } else if (same_name(name, "today")) {
        cfg.profile |= TFSM_RACK | TFSM_PRR | TFSM_FRTO | TFSM_UNDO | TFSM_CUBIC | TFSM_HYSTART |
                       TFSM_ABE | TFSM_CWV | TFSM_PMTU | TFSM_QUICK_ACK;
        cfg.initial_window = 10; /* RFC6928:2a */
        cfg.rto_min = SECOND / 5;
        cfg.ack_delay = SECOND / 25;
    } else if (!same_name(name, "rfc9293")) {
        return false;
    }
    *out = cfg;
    return true;
}
