/* Names and one-line descriptions of everything that can be printed, in RFC 9293's spelling. */
#include "tfsm.h"
#include "tfsm_listener.h"
#include "tfsm_table.h"

/* Element of an array of names, "?" beyond its end. */
#define PICK(names, index)                                                                         \
    ((size_t)(index) < sizeof(names) / sizeof((names)[0]) ? (names)[index] : "?")

const char *tfsm_state_name(enum tfsm_state state)
{
    static const char *const names[] = {"CLOSED",      "LISTEN",     "SYN-SENT",   "SYN-RECEIVED",
                                        "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",
                                        "CLOSING",     "LAST-ACK",   "TIME-WAIT"};
    return PICK(names, state);
}

const char *tfsm_event_name(enum tfsm_event_kind kind)
{
    static const char *const names[] = {"OPEN",  "SEND",    "RECEIVE", "CLOSE",
                                        "ABORT", "SEGMENT", "TIMEOUT", "ICMP"};
    return PICK(names, kind);
}

const char *tfsm_result_name(enum tfsm_result result)
{
    static const char *const names[] = {"ok",
                                        "error: connection already exists",
                                        "error: connection does not exist",
                                        "error: connection closing",
                                        "error: remote socket unspecified",
                                        "error: insufficient resources",
                                        "error: not an event"};
    return PICK(names, result);
}

const char *tfsm_signal_name(enum tfsm_signal signal)
{
    switch (signal) {
    case TFSM_SIG_CONNECTED:
        return "connected";
    case TFSM_SIG_PEER_CLOSED:
        return "connection closing";
    case TFSM_SIG_URGENT:
        return "urgent data";
    case TFSM_SIG_CLOSED:
        return "closed";
    case TFSM_SIG_RESET:
        return "connection reset";
    case TFSM_SIG_REFUSED:
        return "connection refused";
    case TFSM_SIG_TIMED_OUT:
        return "timed out";
    case TFSM_SIG_UNREACHABLE:
        return "unreachable";
    case TFSM_SIG_ADVICE:
        return "nothing comes back";
    case TFSM_SIG_SOFT_ERROR:
        return "error that may pass";
    case TFSM_SIG_COOKIE:
        return "cookie";
    case TFSM_SIG_USER_TIMEOUT:
        return "peer's user timeout";
    case TFSM_SIG_EARLY:
        return "connected early";
    }
    return "?";
}

#define TFSM_X(name, text) #name,
#define TFSM_Y(name, text) text,

const char *tfsm_clause_name(enum tfsm_clause clause)
{
    static const char *const names[] = {TFSM_CLAUSES(TFSM_X)};
    return PICK(names, clause);
}

const char *tfsm_clause_text(enum tfsm_clause clause)
{
    static const char *const texts[] = {TFSM_CLAUSES(TFSM_Y)};
    return PICK(texts, clause);
}

const char *tfsm_listener_counter_name(enum tfsm_listener_counter counter)
{
    static const char *const names[] = {TFSM_LISTENER_COUNTERS(TFSM_X)};
    return PICK(names, counter);
}

const char *tfsm_listener_counter_text(enum tfsm_listener_counter counter)
{
    static const char *const texts[] = {TFSM_LISTENER_COUNTERS(TFSM_Y)};
    return PICK(texts, counter);
}

const char *tfsm_wire_result_name(enum tfsm_wire_result result)
{
    static const char *const names[] = {
        "ok",      "truncated header", "not IPv4 or IPv6", "bad IP header",        "fragment",
        "not TCP", "bad data offset",  "bad checksum",     "illegal option length"};
    return PICK(names, result);
}
