/* Settings of a stack as text, `key=value,key=value`: one table of keys, and what reads a value of
 * each kind. Whoever wrote the text may have meant harm: every octet of it is looked at, and the
 * first mistake is told with the key it is in. */
#include "settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND      UINT64_C(1000000)
#define MEMORY_MOST (UINT64_C(8) << 30)
#define TIME_MOST   (UINT64_C(1000000000) * SECOND) /* some thirty years */
#define RING_USUAL  65536u                          /* octets; larger ones where buffers need it */
#define RINGS_USUAL                                                                                \
    0x40000000u        /* octets: rings of all connections together, where nobody says
                                     how many there are */
#define VALUE_MOST  63 /* characters of a value */
#define SHOWN_MOST  40 /* and of what a message repeats */
#define LOCALS_MORE 64
#define SHIFT_MOST  14    /* RFC 7323 2.3 */
#define MSS_MOST    65495 /* what an IPv4 packet can hold */
#define MTU_LEAST   68    /* RFC 791 */

/* How a value is read, and where it goes. */
enum kind {
    PROFILE,  /* a name: both policies */
    BIT,      /* a boolean: a bit of the profile of both policies */
    POLICY,   /* a number, of both policies */
    TIME,     /* a time, of both policies */
    NUMBER,   /* a number, of struct settings */
    DURATION, /* a time, of struct settings */
    SWITCH,   /* a boolean, of struct settings */
    MTU,
    WSCALE,
    COOKIES,
    OVERFLOW_POLICY,
    KEY,
    LOCAL4,
    LOCAL6,
    FAMILY,
    IDLE
};

struct key {
    const char *name;
    const char *meaning; /* with its unit */
    enum kind kind;
    uint8_t width;  /* octets of the member */
    uint32_t where; /* offset of the member; BIT: the bit */
    uint64_t least;
    uint64_t most;
};

#define MEMBER(type, member) sizeof(((type *)0)->member), offsetof(type, member)
#define OF_POLICY(member)    MEMBER(struct tfsm_config, member)
#define OF_ENDPOINT(member)  MEMBER(struct settings, endpoint.member)
#define OF_LISTENER(member)  MEMBER(struct settings, listener.member)
#define NOWHERE              0, 0

/* clang-format off */
static const struct key keys[] = {
    {"profile", "rfc9293 (with ECN, else the default), today, rfc793 or minimal: the whole policy but the MSS, so it comes first", PROFILE, NOWHERE, 0, 0},
    {"family", "4, 6 or both: whose policy is meant by what comes after", FAMILY, NOWHERE, 0, 0},
    {"rfc5961", "challenge ACKs against blind attacks, on or off", BIT, 0, TFSM_RFC5961, 0, 1},
    {"rfc1337", "a RST does not end TIME-WAIT, on or off", BIT, 0, TFSM_RFC1337, 0, 1},
    {"rfc6191", "a newer SYN reopens from TIME-WAIT, on or off", BIT, 0, TFSM_RFC6191, 0, 1},
    {"rfc5927", "no ICMP error ends a synchronized connection, on or off", BIT, 0, TFSM_RFC5927, 0, 1},
    {"wscale", "window scale offered, 0 to 14, fits (the least that shows rcvbuf) or off", WSCALE, NOWHERE, 0, SHIFT_MOST},
    {"ts", "timestamps, on or off", BIT, 0, TFSM_TIMESTAMPS, 0, 1},
    {"sack", "selective acknowledgment, on or off", BIT, 0, TFSM_SACK, 0, 1},
    {"ecn", "explicit congestion notification, on or off", BIT, 0, TFSM_ECN, 0, 1},
    {"uto", "the user timeout option, on or off", BIT, 0, TFSM_USER_TIMEOUT, 0, 1},
    {"nodelay", "no Nagle algorithm, on or off", BIT, 0, TFSM_NODELAY, 0, 1},
    {"congestion", "congestion control, on or off", BIT, 0, TFSM_CONGESTION, 0, 1},
    {"limited_transmit", "new text on the first two duplicate ACKs, on or off", BIT, 0, TFSM_LIMITED_TRANSMIT, 0, 1},
    {"rack", "losses told by time, and tail loss probes, on or off", BIT, 0, TFSM_RACK, 0, 1},
    {"prr", "proportional rate reduction, on or off", BIT, 0, TFSM_PRR, 0, 1},
    {"frto", "spurious timeouts found out by new text, on or off", BIT, 0, TFSM_FRTO, 0, 1},
    {"undo", "a spurious recovery gives the window back, on or off", BIT, 0, TFSM_UNDO, 0, 1},
    {"cubic", "CUBIC instead of Reno, on or off", BIT, 0, TFSM_CUBIC, 0, 1},
    {"hystart", "the first slow start ends before a loss, on or off", BIT, 0, TFSM_HYSTART, 0, 1},
    {"abe", "ECE cuts the window by less than a loss does, on or off", BIT, 0, TFSM_ABE, 0, 1},
    {"cwv", "the window grows only where it is used, on or off", BIT, 0, TFSM_CWV, 0, 1},
    {"quick_ack", "each segment is acknowledged at once where text was lost lately, on or off", BIT, 0, TFSM_QUICK_ACK, 0, 1},
    {"pmtu", "black holes and larger paths found out, on or off", BIT, 0, TFSM_PMTU, 0, 1},
    {"rcvbuf", "receive buffer, octets", POLICY, OF_POLICY(rcv_buff), 0, ENDPOINT_RING_MOST},
    {"sndbuf", "send buffer, octets", POLICY, OF_POLICY(snd_buff), 0, ENDPOINT_RING_MOST},
    {"mtu", "MTU of the link, octets: sets the MSS of both families", MTU, NOWHERE, MTU_LEAST, UINT16_MAX},
    {"mss", "MSS announced, and the most of our own, octets", POLICY, OF_POLICY(mss), 1, MSS_MOST},
    {"mss_default", "the peer's MSS where it does not say, octets", POLICY, OF_POLICY(mss_default), 1, MSS_MOST},
    {"mss_floor", "a smaller MSS of the peer is raised to this, octets", POLICY, OF_POLICY(mss_floor), 1, MSS_MOST},
    {"initial_window", "first congestion window, segments; 0: by RFC 5681", POLICY, OF_POLICY(initial_window), 0, UINT8_MAX},
    {"syn_retries", "retransmissions of a SYN", POLICY, OF_POLICY(syn_retries), 0, UINT8_MAX},
    {"retries", "retransmissions of text or FIN", POLICY, OF_POLICY(retries), 0, UINT8_MAX},
    {"r1", "the user is warned from this retransmission on; 0: never", POLICY, OF_POLICY(r1), 0, UINT8_MAX},
    {"rto_initial", "first retransmission timeout, a time", TIME, OF_POLICY(rto_initial), 1, TIME_MOST},
    {"rto_min", "least retransmission timeout, a time", TIME, OF_POLICY(rto_min), 1, TIME_MOST},
    {"rto_max", "greatest retransmission timeout, a time", TIME, OF_POLICY(rto_max), 1, TIME_MOST},
    {"msl", "maximum segment lifetime, a time: TIME-WAIT lasts twice this", TIME, OF_POLICY(msl), 0, TIME_MOST},
    {"ack_delay", "how long an ACK may wait, a time below 500ms; 0: not at all", TIME, OF_POLICY(ack_delay), 0, SECOND / 2 - 1},
    {"user_timeout", "give up when nothing is acknowledged for this time; 0: never", TIME, OF_POLICY(user_timeout), 0, TIME_MOST},
    {"uto_advertised", "user timeout announced and kept at least, a time; 0: user_timeout is announced", TIME, OF_POLICY(uto_advertised), 0, TIME_MOST},
    {"uto_least", "least user timeout where the option is used, a time", TIME, OF_POLICY(uto_least), 0, TIME_MOST},
    {"uto_most", "greatest user timeout where the option is used, a time", TIME, OF_POLICY(uto_most), 0, TIME_MOST},
    {"keepalive_idle", "a keep-alive after this time of silence; 0: off", TIME, OF_POLICY(keepalive_idle), 0, TIME_MOST},
    {"keepalive_every", "between keep-alives that nothing answers, a time", TIME, OF_POLICY(keepalive_every), 1, TIME_MOST},
    {"keepalive_tries", "keep-alives unanswered before giving up; 0: never", POLICY, OF_POLICY(keepalive_tries), 0, UINT8_MAX},
    {"challenge_limit", "challenge ACKs in one interval", POLICY, OF_POLICY(challenge_limit), 0, UINT8_MAX},
    {"challenge_every", "that interval, a time", TIME, OF_POLICY(challenge_every), 1, TIME_MOST},
    {"connections", "connections at a time", NUMBER, OF_ENDPOINT(connections), 1, ENDPOINT_MOST},
    {"listeners", "listeners at a time", NUMBER, OF_ENDPOINT(listeners), 0, ENDPOINT_MOST},
    {"backlog", "the longest queue listen() gives", NUMBER, OF_ENDPOINT(backlog), 1, ENDPOINT_MOST},
    {"ranges", "ranges of text out of order that a connection remembers, in either direction; 0: what a TCB has by itself", NUMBER, OF_ENDPOINT(ranges), 0, TFSM_ROOM_MAX},
    {"resets", "answers to segments of no connection that can wait", NUMBER, OF_ENDPOINT(resets), 0, ENDPOINT_MOST},
    {"syn_acks", "SYN-ACKs with a SYN cookie that can wait", NUMBER, OF_ENDPOINT(syn_acks), 0, ENDPOINT_MOST},
    {"spent", "SYN cookies remembered as spent, of each listener", NUMBER, OF_ENDPOINT(spent), 0, ENDPOINT_MOST},
    {"fast_open_peers", "peers whose Fast Open cookie is remembered", NUMBER, OF_ENDPOINT(cookies), 0, ENDPOINT_MOST},
    {"fast_open_pause", "how long Fast Open rests after a bad answer, a time", DURATION, OF_ENDPOINT(fast_open_pause), 0, TIME_MOST},
    {"orphan_timeout", "user timeout of a connection nobody holds, a time; 0: none", DURATION, OF_ENDPOINT(orphan_timeout), 0, TIME_MOST},
    {"drop_synfin", "a segment with SYN and FIN is dropped at the door, on or off", SWITCH, OF_ENDPOINT(drop_syn_fin), 0, 1},
    {"hops", "TTL and hop limit", NUMBER, OF_ENDPOINT(hops), 1, UINT8_MAX},
    {"tos", "TOS and traffic class", NUMBER, OF_ENDPOINT(traffic_class), 0, UINT8_MAX},
    {"traffic_class", "the same", NUMBER, OF_ENDPOINT(traffic_class), 0, UINT8_MAX},
    {"port_first", "first ephemeral port", NUMBER, OF_ENDPOINT(port_first), 1, UINT16_MAX},
    {"port_last", "last ephemeral port", NUMBER, OF_ENDPOINT(port_last), 1, UINT16_MAX},
    {"cookies", "SYN cookies: never, full (when the SYN queue is) or always", COOKIES, NOWHERE, 0, 0},
    {"overflow", "a third segment that finds no room: drop or reset", OVERFLOW_POLICY, NOWHERE, 0, 0},
    {"recycle", "without cookies a SYN puts out the oldest one, on or off", SWITCH, OF_LISTENER(recycle), 0, 1},
    {"fast_open", "Fast Opens pending at a listener; 0: off", NUMBER, OF_LISTENER(fast_open), 0, UINT32_MAX},
    {"syn_ack_retries", "retransmissions of a SYN-ACK", NUMBER, OF_LISTENER(syn_ack_retries), 0, UINT8_MAX},
    {"key", "secret of the host, 32 hex digits", KEY, NOWHERE, 0, 0},
    {"local", "IPv4 address of ours, ADDRESS or ADDRESS/BITS; may be said again", LOCAL4, NOWHERE, 0, 32},
    {"local6", "IPv6 address of ours, likewise", LOCAL6, NOWHERE, 0, 128},
    {"local_room", "addresses besides these that sockets may be bound to, and that are ours then; 0: EADDRNOTAVAIL", NUMBER, OF_ENDPOINT(local_room), 0, ENDPOINT_MOST},
    {"steps", "the script is the host's driver: timers are looked at when a line's time has come, a packet is made when a line expects one, and write() may come before a connection is open, on or off", SWITCH, MEMBER(struct settings, steps), 0, 1},
    {"idle", "packetdrill, when nothing can come any more: exit or return", IDLE, NOWHERE, 0, 0},
};
/* clang-format on */
#define KEYS (sizeof keys / sizeof keys[0])

bool settings_describe(unsigned i, const char **key, const char **meaning)
{
    if (i >= KEYS) {
        return false;
    }
    *key = keys[i].name;
    *meaning = keys[i].meaning;
    return true;
}

#ifdef STACKS_PROFILE
#define PROFILE_BUILT                                                                              \
    (uint32_t)(STACKS_PROFILE & ~(uint32_t)(TFSM_BUILD_FAST_OPEN | TFSM_BUILD_ROOM))
#endif

/* The MSS stays each family's own. */
static void set_policy(struct settings *settings, struct tfsm_config named)
{
    struct tfsm_config *policy[2] = {&settings->endpoint.policy4, &settings->endpoint.policy6};
    for (unsigned i = 0; i < 2; i++) {
        named.mss = policy[i]->mss;
        named.mss_default = policy[i]->mss_default;
        *policy[i] = named;
    }
}

void settings_default(struct settings *settings)
{
    static const struct endpoint_local customary[] = {
        {{4, {192, 168, 0, 1}}, 16},
        {{6, {0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, [15] = 1}}, 64},
    };
    static const uint8_t key[16] = "tcpfsm, the same";
    memset(settings, 0, sizeof *settings);
    settings->endpoint = endpoint_config_default();
    set_policy(settings,
               tfsm_config_default()); /* scripts are written for the letter of the RFCs */
    settings->listener = tfsm_listener_policy_default();
    memcpy(settings->endpoint.key, key, sizeof key);
    memcpy(settings->locals, customary, sizeof customary);
    settings->endpoint.local_count = sizeof customary / sizeof customary[0];
    settings->endpoint.local_room = LOCALS_MORE; /* packetdrill chooses the host's by chance */
    settings->endpoint.policy4.profile &= ~(uint32_t)TFSM_ECN; /* hosts do not ask for it untold */
    settings->endpoint.policy6.profile &= ~(uint32_t)TFSM_ECN;
#ifdef STACKS_PROFILE /* a library that knows no other */
    settings->endpoint.policy4.profile = PROFILE_BUILT;
    settings->endpoint.policy6.profile = PROFILE_BUILT;
#endif
}

/* ---- mistakes ---- */

/* What can be shown of a text that may hold anything. */
static void show(const char *text, size_t n, char shown[SHOWN_MOST + 4])
{
    size_t length = n < SHOWN_MOST ? n : SHOWN_MOST;
    for (size_t i = 0; i < length; i++) {
        shown[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    strcpy(shown + length, n > SHOWN_MOST ? "..." : "");
}

/* "key: what is wrong"; returns false for its callers to return. */
static bool mistake(char error[SETTINGS_ERROR], const char *key, const char *reason)
{
    snprintf(error, SETTINGS_ERROR, "%s: %s", key, reason);
    return false;
}

static bool bad_value(char error[SETTINGS_ERROR], const struct key *key, const char *value,
                      const char *wanted)
{
    char shown[SHOWN_MOST + 4];
    show(value, strlen(value), shown);
    snprintf(error, SETTINGS_ERROR, "%s: '%s' is not %s", key->name, shown, wanted);
    return false;
}

static bool out_of_range(char error[SETTINGS_ERROR], const struct key *key, const char *value,
                         const char *unit)
{
    char shown[SHOWN_MOST + 4];
    show(value, strlen(value), shown);
    snprintf(error, SETTINGS_ERROR, "%s: %s is out of range, %llu to %llu%s", key->name, shown,
             (unsigned long long)key->least, (unsigned long long)key->most, unit);
    return false;
}

/* ---- values ---- */

static int digit_of(char c, unsigned base)
{
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    return digit < (int)base ? digit : -1;
}

/* Read digits, decimal or after 0x; *rest is what follows. What does not fit becomes UINT64_MAX,
 * which is out of every range here. Returns false when there is no digit. */
static bool take_number(const char *text, uint64_t *number, const char **rest)
{
    unsigned base = text[0] == '0' && text[1] == 'x' ? 16 : 10;
    const char *at = text + (base == 16 ? 2 : 0);
    const char *first = at;
    *number = 0;
    for (; digit_of(*at, base) >= 0; at++) {
        uint64_t digit = (uint64_t)digit_of(*at, base);
        bool fits = *number <= (UINT64_MAX - digit) / base;
        *number = fits ? *number * base + digit : UINT64_MAX;
    }
    *rest = at;
    return at != first;
}

static bool read_number(const struct key *key, const char *value, uint64_t *number,
                        char error[SETTINGS_ERROR])
{
    const char *rest;
    if (!take_number(value, number, &rest) || *rest != '\0') {
        return bad_value(error, key, value, "a number");
    }
    if (*number < key->least || *number > key->most) {
        return out_of_range(error, key, value, "");
    }
    return true;
}

/* Microseconds, or with a unit. */
static bool read_time(const struct key *key, const char *value, uint64_t *time,
                      char error[SETTINGS_ERROR])
{
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {{"", 1}, {"us", 1}, {"ms", 1000}, {"s", SECOND}};
    const char *rest = value;
    uint64_t unit = 0;
    bool digits = take_number(value, time, &rest);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        unit = strcmp(rest, units[i].name) == 0 ? units[i].us : unit;
    }
    if (!digits || unit == 0) {
        return bad_value(error, key, value, "a time: a number, and us, ms or s");
    }
    if (*time > key->most / unit || *time * unit < key->least) {
        return out_of_range(error, key, value, " microseconds");
    }
    *time *= unit;
    return true;
}

/* One of some words, by its number; returns false when it is none. */
static bool read_word(const char *value, const char *const words[], size_t count, unsigned *which)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(value, words[i]) == 0) {
            *which = i;
            return true;
        }
    }
    return false;
}

static bool read_boolean(const struct key *key, const char *value, bool *on,
                         char error[SETTINGS_ERROR])
{
    static const char *const words[] = {"0", "off", "no", "1", "on", "yes"};
    unsigned which = 0;
    if (!read_word(value, words, 6, &which)) {
        return bad_value(error, key, value, "on or off");
    }
    *on = which >= 3;
    return true;
}

static bool read_hex_key(const struct key *key, const char *value, uint8_t octets[16],
                         char error[SETTINGS_ERROR])
{
    size_t n = strspn(value, "0123456789abcdefABCDEF");
    if (n != 32 || value[n] != '\0') {
        return bad_value(error, key, value, "32 hex digits");
    }
    for (size_t i = 0; i < 16; i++) {
        int high = digit_of(value[2 * i], 16);
        octets[i] = (uint8_t)(high * 16 + digit_of(value[2 * i + 1], 16));
    }
    return true;
}

/* ADDRESS or ADDRESS/BITS of one host. */
static bool read_local(const struct key *key, const char *value, struct endpoint_local *local,
                       char error[SETTINGS_ERROR])
{
    bool six = key->kind == LOCAL6;
    const char *slash = strchr(value, '/');
    size_t n = slash != NULL ? (size_t)(slash - value) : strlen(value);
    char address[VALUE_MOST + 1];
    uint64_t bits = key->most;
    memcpy(address, value, n);
    address[n] = '\0';
    memset(local, 0, sizeof *local);
    local->address.family = six ? 6 : 4;
    if (inet_pton(six ? AF_INET6 : AF_INET, address, local->address.octets) != 1) {
        return bad_value(error, key, value, six ? "an IPv6 address" : "an IPv4 address");
    }
    if (!tfsm_address_is_unicast(&local->address)) {
        return bad_value(error, key, value, "the address of one host");
    }
    if (slash != NULL && !read_number(key, slash + 1, &bits, error)) {
        return false;
    }
    local->prefix = (uint8_t)bits;
    return true;
}

/* ---- where values go ---- */

static void store(void *base, const struct key *key, uint64_t number)
{
    uint8_t *at = (uint8_t *)base + key->where;
    uint8_t as8 = (uint8_t)(number & UINT8_MAX);
    uint16_t as16 = (uint16_t)(number & UINT16_MAX);
    uint32_t as32 = (uint32_t)(number & UINT32_MAX);
    const void *from = key->width == 1   ? (const void *)&as8
                       : key->width == 2 ? (const void *)&as16
                       : key->width == 4 ? (const void *)&as32
                                         : (const void *)&number;
    memcpy(at, from, key->width);
}

static void store_in_policies(struct settings *settings, const struct key *key, uint64_t number)
{
    if (settings->only != 6) {
        store(&settings->endpoint.policy4, key, number);
    }
    if (settings->only != 4) {
        store(&settings->endpoint.policy6, key, number);
    }
}

static void set_bit(struct settings *settings, uint32_t bit, bool on)
{
    struct tfsm_config *policy[2] = {&settings->endpoint.policy4, &settings->endpoint.policy6};
    unsigned first = settings->only == 6 ? 1 : 0;
    unsigned last = settings->only == 4 ? 0 : 1;
    for (unsigned i = first; i <= last; i++) {
        policy[i]->profile = on ? policy[i]->profile | bit : policy[i]->profile & ~bit;
    }
}

static bool set_profile(struct settings *settings, const struct key *key, const char *value,
                        char error[SETTINGS_ERROR])
{
    struct tfsm_config named;
    if (!tfsm_config_named(value, &named)) {
        return bad_value(error, key, value, "today, rfc9293, rfc793 or minimal");
    }
    set_policy(settings, named);
    return true;
}

static bool set_wscale(struct settings *settings, const struct key *key, const char *value,
                       char error[SETTINGS_ERROR])
{
    uint64_t shift = TFSM_WSCALE_FITS;
    bool off = strcmp(value, "off") == 0;
    if (!off && strcmp(value, "fits") != 0 && !read_number(key, value, &shift, error)) {
        return false;
    }
    set_bit(settings, TFSM_WSCALE, !off);
    if (settings->only != 6) {
        settings->endpoint.policy4.rcv_wscale = (uint8_t)shift;
    }
    if (settings->only != 4) {
        settings->endpoint.policy6.rcv_wscale = (uint8_t)shift;
    }
    return true;
}

static bool set_mtu(struct settings *settings, const struct key *key, const char *value,
                    char error[SETTINGS_ERROR])
{
    uint64_t mtu;
    if (!read_number(key, value, &mtu, error)) {
        return false;
    }
    settings->endpoint.policy4.mss = tfsm_mss((uint32_t)mtu, 4);
    settings->endpoint.policy6.mss = tfsm_mss((uint32_t)mtu, 6);
    return true;
}

/* The first of a family takes the place of the customary one. */
static bool add_local(struct settings *settings, const struct key *key, const char *value,
                      char error[SETTINGS_ERROR])
{
    struct endpoint_local local;
    uint32_t *count = &settings->endpoint.local_count;
    bool six = key->kind == LOCAL6;
    if (!read_local(key, value, &local, error)) {
        return false;
    }
    if (!settings->local_said[six]) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < *count; i++) {
            if (settings->locals[i].address.family != local.address.family) {
                settings->locals[kept++] = settings->locals[i];
            }
        }
        *count = kept;
        settings->local_said[six] = true;
    }
    if (*count == SETTINGS_LOCALS) {
        return mistake(error, key->name, "too many addresses");
    }
    settings->locals[(*count)++] = local;
    return true;
}

static bool set_word(struct settings *settings, const struct key *key, const char *value,
                     char error[SETTINGS_ERROR])
{
    static const char *const cookies[] = {"never", "full", "always"};
    static const char *const overflow[] = {"drop", "reset"};
    static const char *const idle[] = {"exit", "return"};
    unsigned which = 0;
    if (key->kind == COOKIES) {
        if (!read_word(value, cookies, 3, &which)) {
            return bad_value(error, key, value, "never, full or always");
        }
        settings->listener.cookies = (uint8_t)which;
        return true;
    }
    if (key->kind == OVERFLOW_POLICY) {
        if (!read_word(value, overflow, 2, &which)) {
            return bad_value(error, key, value, "drop or reset");
        }
        settings->listener.overflow = (uint8_t)which;
        return true;
    }
    if (key->kind == FAMILY) {
        static const char *const families[] = {"both", "4", "6"};
        if (!read_word(value, families, 3, &which)) {
            return bad_value(error, key, value, "4, 6 or both");
        }
        settings->only = (uint8_t)(which == 0 ? 0 : 2 + 2 * which);
        return true;
    }
    if (!read_word(value, idle, 2, &which)) {
        return bad_value(error, key, value, "exit or return");
    }
    settings->idle_returns = which == 1;
    return true;
}

static bool set_number(struct settings *settings, const struct key *key, const char *value,
                       char error[SETTINGS_ERROR])
{
    bool time = key->kind == TIME || key->kind == DURATION;
    uint64_t number = 0;
    if (!(time ? read_time(key, value, &number, error) : read_number(key, value, &number, error))) {
        return false;
    }
    if (key->kind == TIME || key->kind == POLICY) {
        store_in_policies(settings, key, number);
    } else {
        store(settings, key, number);
    }
    if (key->where == offsetof(struct settings, endpoint.connections) && key->kind == NUMBER) {
        settings->connections_said = true;
    }
    return true;
}

static bool set_boolean(struct settings *settings, const struct key *key, const char *value,
                        char error[SETTINGS_ERROR])
{
    bool on = false;
    if (!read_boolean(key, value, &on, error)) {
        return false;
    }
    if (key->kind == BIT) {
        set_bit(settings, key->where, on);
    } else {
        store(settings, key, on);
    }
    return true;
}

static bool apply(struct settings *settings, const struct key *key, const char *value,
                  char error[SETTINGS_ERROR])
{
    switch (key->kind) {
    case PROFILE:
        return set_profile(settings, key, value, error);
    case BIT:
    case SWITCH:
        return set_boolean(settings, key, value, error);
    case POLICY:
    case TIME:
    case NUMBER:
    case DURATION:
        return set_number(settings, key, value, error);
    case MTU:
        return set_mtu(settings, key, value, error);
    case WSCALE:
        return set_wscale(settings, key, value, error);
    case COOKIES:
    case OVERFLOW_POLICY:
    case FAMILY:
    case IDLE:
        return set_word(settings, key, value, error);
    case KEY:
        return read_hex_key(key, value, settings->endpoint.key, error);
    case LOCAL4:
    case LOCAL6:
        return add_local(settings, key, value, error);
    }
    return false;
}

/* ---- pairs ---- */

static const struct key *find_key(const char *name, size_t n)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (strlen(keys[i].name) == n && memcmp(keys[i].name, name, n) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* Whether the library can do what is chosen: one that is built for a profile would not heed another. */
static bool is_built(const struct settings *settings)
{
#ifdef STACKS_PROFILE
    bool fast_open = (STACKS_PROFILE & TFSM_BUILD_FAST_OPEN) != 0;
    return settings->endpoint.policy4.profile == PROFILE_BUILT &&
           settings->endpoint.policy6.profile == PROFILE_BUILT &&
           (fast_open || settings->listener.fast_open == 0);
#else
    (void)settings;
    return true;
#endif
}

/* One pair, n octets without its comma. */
static bool parse_pair(struct settings *settings, const char *pair, size_t n, unsigned which,
                       char error[SETTINGS_ERROR])
{
    const char *equals = memchr(pair, '=', n);
    size_t name = equals != NULL ? (size_t)(equals - pair) : n;
    size_t length = equals != NULL ? n - name - 1 : 0;
    char shown[SHOWN_MOST + 4];
    char value[VALUE_MOST + 1];
    show(pair, name, shown);
    if (name == 0) {
        snprintf(error, SETTINGS_ERROR, "setting %u %s", which, n == 0 ? "is empty" : "has no key");
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (pair[i] < ' ' || pair[i] > '~') {
            return mistake(error, shown, "an octet that does not print");
        }
    }
    const struct key *key = find_key(pair, name);
    if (key == NULL) {
        return mistake(error, shown, "there is no such setting");
    }
    if (length == 0) {
        return mistake(error, shown, "its value is missing");
    }
    if (length > VALUE_MOST) {
        return mistake(error, shown, "its value is too long");
    }
    memcpy(value, equals + 1, length);
    value[length] = '\0';
    if (!apply(settings, key, value, error)) {
        return false;
    }
    return is_built(settings) ||
           mistake(error, shown, "this build is for one profile, and has no other");
}

/* What no single key can know. */
static bool agree(struct settings *settings, char error[SETTINGS_ERROR])
{
    if (settings->endpoint.port_first > settings->endpoint.port_last) {
        return mistake(error, "port_first", "it is after port_last");
    }
    uint64_t size = endpoint_size(settings_finish(settings));
    if (size == 0 || size > MEMORY_MOST) {
        return mistake(error, "connections", "these and the buffers need more memory than 8 GiB");
    }
    return true;
}

bool settings_parse(struct settings *settings, const char *flags, char error[SETTINGS_ERROR])
{
    error[0] = '\0';
    if (flags == NULL || flags[0] == '\0') {
        return true;
    }
    for (unsigned which = 1;; which++) {
        size_t n = strcspn(flags, ",");
        if (!parse_pair(settings, flags, n, which, error)) {
            return false;
        }
        if (flags[n] == '\0') {
            return agree(settings, error);
        }
        flags += n + 1;
    }
}

/* ---- the end ---- */

static uint32_t ring_for(uint32_t first, uint32_t second)
{
    uint32_t buffer = first > second ? first : second;
    uint32_t ring = RING_USUAL;
    while (ring < buffer) {
        ring *= 2;
    }
    return ring;
}

const struct endpoint_config *settings_finish(struct settings *settings)
{
    struct endpoint_config *config = &settings->endpoint;
    config->locals = settings->locals;
    config->send_ring = ring_for(config->policy4.snd_buff, config->policy6.snd_buff);
    config->receive_ring = ring_for(config->policy4.rcv_buff, config->policy6.rcv_buff);
    if (!settings->connections_said) {
        uint32_t usual = endpoint_config_default().connections;
        uint32_t most = RINGS_USUAL / (config->send_ring + config->receive_ring);
        most = most > 2 ? most : 2;
        config->connections = usual < most ? usual : most;
    }
    return config;
}
