/* Misuse: every user call in every state, sensible or not (RFC 9293 3.10.1 to 3.10.6), as one
 * table. A call that is refused says why, with the string the RFC has for it, and changes nothing:
 * not one bit of the TCB, nothing told, nothing to copy, nothing to send, no deadline moved. */
#include "fixture.h"

#define TEXT 10u /* octets that wait to be read, where a state can have some */

/* The states, and two that come in two kinds. */
enum place {
    CLOSED,
    LISTEN,        /* any peer */
    LISTEN_REMOTE, /* one peer, so that a SEND opens */
    SYN_SENT,
    SYN_RECEIVED, /* from LISTEN */
    SYN_RECEIVED_ACTIVE,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    CLOSE_WAIT,
    CLOSING,
    LAST_ACK,
    TIME_WAIT,
    PLACES
};

enum call {
    OPEN_ACTIVE,
    OPEN_ACTIVE_NOWHERE, /* no remote socket */
    OPEN_PASSIVE,
    OPEN_PASSIVE_REMOTE,
    SEND,
    SEND_NOTHING,
    SEND_TOO_MUCH, /* one octet more than the send buffer */
    SEND_URGENT,
    RECEIVE,         /* nothing to read */
    RECEIVE_TEXT,    /* what there is to read */
    RECEIVE_NOTHING, /* no octet, though there is something to read */
    RECEIVE_MORE,    /* more than there is to read */
    CLOSE,
    CLOSE_TWICE, /* the second is looked at */
    CLOSE_DEAF,
    ABORT,
    STATUS,
    CALLS
};

struct outcome {
    bool told; /* there is an entry */
    enum tfsm_result result;
    enum tfsm_state state; /* afterwards; of a refused call where it was made */
    unsigned signals;
    uint32_t taken;
    unsigned sends; /* flags of the one segment that leaves, 0: none */
};

/* Taken: state afterwards, signals, flags of the segment. Refused: state. */
#define OK(state, signals, sends)                                                                  \
    {                                                                                              \
        true, TFSM_DONE, state, signals, 0, sends                                                  \
    }
#define READ(state, octets)                                                                        \
    {                                                                                              \
        true, TFSM_DONE, state, 0, octets, 0                                                       \
    }
#define NO(why, state)                                                                             \
    {                                                                                              \
        true, TFSM_E_##why, state, 0, 0, 0                                                         \
    }

/* clang-format off */
static const struct outcome table[PLACES][CALLS] = {
    [CLOSED] = {
        [OPEN_ACTIVE]         = OK(TFSM_SYN_SENT, 0, TFSM_SYN),
        [OPEN_ACTIVE_NOWHERE] = NO(REMOTE_UNSPECIFIED, TFSM_CLOSED),
        [OPEN_PASSIVE]        = OK(TFSM_LISTEN, 0, 0),
        [OPEN_PASSIVE_REMOTE] = OK(TFSM_LISTEN, 0, 0),
        [SEND]                = NO(NO_CONNECTION, TFSM_CLOSED),
        [SEND_NOTHING]        = NO(NO_CONNECTION, TFSM_CLOSED),
        [SEND_TOO_MUCH]       = NO(NO_CONNECTION, TFSM_CLOSED),
        [SEND_URGENT]         = NO(NO_CONNECTION, TFSM_CLOSED),
        [RECEIVE]             = NO(NO_CONNECTION, TFSM_CLOSED),
        [RECEIVE_TEXT]        = NO(NO_CONNECTION, TFSM_CLOSED),
        [RECEIVE_NOTHING]     = NO(NO_CONNECTION, TFSM_CLOSED),
        [RECEIVE_MORE]        = NO(NO_CONNECTION, TFSM_CLOSED),
        [CLOSE]               = NO(NO_CONNECTION, TFSM_CLOSED),
        [CLOSE_TWICE]         = NO(NO_CONNECTION, TFSM_CLOSED),
        [CLOSE_DEAF]          = NO(NO_CONNECTION, TFSM_CLOSED),
        [ABORT]               = NO(NO_CONNECTION, TFSM_CLOSED),
        [STATUS]              = NO(NO_CONNECTION, TFSM_CLOSED),
    },
    [LISTEN] = {
        [OPEN_ACTIVE]         = OK(TFSM_SYN_SENT, 0, TFSM_SYN),
        [OPEN_ACTIVE_NOWHERE] = NO(REMOTE_UNSPECIFIED, TFSM_LISTEN),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_LISTEN),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_LISTEN),
        [SEND]                = NO(REMOTE_UNSPECIFIED, TFSM_LISTEN),
        [SEND_NOTHING]        = NO(REMOTE_UNSPECIFIED, TFSM_LISTEN),
        [SEND_TOO_MUCH]       = NO(REMOTE_UNSPECIFIED, TFSM_LISTEN),
        [SEND_URGENT]         = NO(REMOTE_UNSPECIFIED, TFSM_LISTEN),
        [RECEIVE]             = READ(TFSM_LISTEN, 0),
        [RECEIVE_TEXT]        = READ(TFSM_LISTEN, 0),
        [RECEIVE_NOTHING]     = READ(TFSM_LISTEN, 0),
        [RECEIVE_MORE]        = READ(TFSM_LISTEN, 0),
        [CLOSE]               = OK(TFSM_CLOSED, TFSM_SIG_CLOSED, 0),
        [CLOSE_TWICE]         = NO(NO_CONNECTION, TFSM_CLOSED),
        [CLOSE_DEAF]          = OK(TFSM_CLOSED, TFSM_SIG_CLOSED, 0),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_RESET, 0),
        [STATUS]              = OK(TFSM_LISTEN, 0, 0),
    },
    [LISTEN_REMOTE] = {
        [OPEN_ACTIVE]         = OK(TFSM_SYN_SENT, 0, TFSM_SYN),
        [OPEN_ACTIVE_NOWHERE] = NO(REMOTE_UNSPECIFIED, TFSM_LISTEN),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_LISTEN),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_LISTEN),
        [SEND]                = OK(TFSM_SYN_SENT, 0, TFSM_SYN),
        [SEND_NOTHING]        = OK(TFSM_SYN_SENT, 0, TFSM_SYN),
        [SEND_TOO_MUCH]       = NO(INSUFFICIENT_RESOURCES, TFSM_LISTEN),
        [SEND_URGENT]         = OK(TFSM_SYN_SENT, 0, TFSM_SYN),
        [RECEIVE]             = READ(TFSM_LISTEN, 0),
        [RECEIVE_TEXT]        = READ(TFSM_LISTEN, 0),
        [RECEIVE_NOTHING]     = READ(TFSM_LISTEN, 0),
        [RECEIVE_MORE]        = READ(TFSM_LISTEN, 0),
        [CLOSE]               = OK(TFSM_CLOSED, TFSM_SIG_CLOSED, 0),
        [CLOSE_TWICE]         = NO(NO_CONNECTION, TFSM_CLOSED),
        [CLOSE_DEAF]          = OK(TFSM_CLOSED, TFSM_SIG_CLOSED, 0),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_RESET, 0),
        [STATUS]              = OK(TFSM_LISTEN, 0, 0),
    },
    [SYN_SENT] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_SYN_SENT),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_SYN_SENT),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_SYN_SENT),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_SYN_SENT),
        [SEND]                = OK(TFSM_SYN_SENT, 0, 0),
        [SEND_NOTHING]        = OK(TFSM_SYN_SENT, 0, 0),
        [SEND_TOO_MUCH]       = NO(INSUFFICIENT_RESOURCES, TFSM_SYN_SENT),
        [SEND_URGENT]         = OK(TFSM_SYN_SENT, 0, 0),
        [RECEIVE]             = READ(TFSM_SYN_SENT, 0),
        [RECEIVE_TEXT]        = READ(TFSM_SYN_SENT, 0),
        [RECEIVE_NOTHING]     = READ(TFSM_SYN_SENT, 0),
        [RECEIVE_MORE]        = READ(TFSM_SYN_SENT, 0),
        [CLOSE]               = OK(TFSM_CLOSED, TFSM_SIG_CLOSED, 0),
        [CLOSE_TWICE]         = NO(NO_CONNECTION, TFSM_CLOSED),
        [CLOSE_DEAF]          = OK(TFSM_CLOSED, TFSM_SIG_CLOSED, 0),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_RESET, 0),
        [STATUS]              = OK(TFSM_SYN_SENT, 0, 0),
    },
    [SYN_RECEIVED] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_SYN_RECEIVED),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_SYN_RECEIVED),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_SYN_RECEIVED),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_SYN_RECEIVED),
        [SEND]                = OK(TFSM_SYN_RECEIVED, 0, 0),
        [SEND_NOTHING]        = OK(TFSM_SYN_RECEIVED, 0, 0),
        [SEND_TOO_MUCH]       = NO(INSUFFICIENT_RESOURCES, TFSM_SYN_RECEIVED),
        [SEND_URGENT]         = OK(TFSM_SYN_RECEIVED, 0, 0),
        [RECEIVE]             = READ(TFSM_SYN_RECEIVED, 0),
        [RECEIVE_TEXT]        = READ(TFSM_SYN_RECEIVED, 0),
        [RECEIVE_NOTHING]     = READ(TFSM_SYN_RECEIVED, 0),
        [RECEIVE_MORE]        = READ(TFSM_SYN_RECEIVED, 0),
        [CLOSE]               = OK(TFSM_FIN_WAIT_1, 0, TFSM_FIN | TFSM_ACK),
        [CLOSE_TWICE]         = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_1),
        [CLOSE_DEAF]          = OK(TFSM_FIN_WAIT_1, 0, TFSM_FIN | TFSM_ACK),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST),
        [STATUS]              = OK(TFSM_SYN_RECEIVED, 0, 0),
    },
    [SYN_RECEIVED_ACTIVE] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_SYN_RECEIVED),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_SYN_RECEIVED),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_SYN_RECEIVED),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_SYN_RECEIVED),
        [SEND]                = OK(TFSM_SYN_RECEIVED, 0, 0),
        [SEND_NOTHING]        = OK(TFSM_SYN_RECEIVED, 0, 0),
        [SEND_TOO_MUCH]       = NO(INSUFFICIENT_RESOURCES, TFSM_SYN_RECEIVED),
        [SEND_URGENT]         = OK(TFSM_SYN_RECEIVED, 0, 0),
        [RECEIVE]             = READ(TFSM_SYN_RECEIVED, 0),
        [RECEIVE_TEXT]        = READ(TFSM_SYN_RECEIVED, 0),
        [RECEIVE_NOTHING]     = READ(TFSM_SYN_RECEIVED, 0),
        [RECEIVE_MORE]        = READ(TFSM_SYN_RECEIVED, 0),
        [CLOSE]               = OK(TFSM_FIN_WAIT_1, 0, TFSM_FIN | TFSM_ACK),
        [CLOSE_TWICE]         = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_1),
        [CLOSE_DEAF]          = OK(TFSM_FIN_WAIT_1, 0, TFSM_FIN | TFSM_ACK),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST),
        [STATUS]              = OK(TFSM_SYN_RECEIVED, 0, 0),
    },
    [ESTABLISHED] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_ESTABLISHED),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_ESTABLISHED),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_ESTABLISHED),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_ESTABLISHED),
        [SEND]                = OK(TFSM_ESTABLISHED, 0, TFSM_ACK),
        [SEND_NOTHING]        = OK(TFSM_ESTABLISHED, 0, 0),
        [SEND_TOO_MUCH]       = NO(INSUFFICIENT_RESOURCES, TFSM_ESTABLISHED),
        [SEND_URGENT]         = OK(TFSM_ESTABLISHED, 0, TFSM_ACK | TFSM_URG),
        [RECEIVE]             = READ(TFSM_ESTABLISHED, 0),
        [RECEIVE_TEXT]        = READ(TFSM_ESTABLISHED, TEXT),
        [RECEIVE_NOTHING]     = READ(TFSM_ESTABLISHED, 0),
        [RECEIVE_MORE]        = READ(TFSM_ESTABLISHED, TEXT),
        [CLOSE]               = OK(TFSM_FIN_WAIT_1, 0, TFSM_FIN | TFSM_ACK),
        [CLOSE_TWICE]         = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_1),
        [CLOSE_DEAF]          = OK(TFSM_FIN_WAIT_1, 0, TFSM_FIN | TFSM_ACK),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST),
        [STATUS]              = OK(TFSM_ESTABLISHED, 0, 0),
    },
    [FIN_WAIT_1] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_FIN_WAIT_1),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_FIN_WAIT_1),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_FIN_WAIT_1),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_FIN_WAIT_1),
        [SEND]                = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_1),
        [SEND_NOTHING]        = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_1),
        [SEND_TOO_MUCH]       = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_1),
        [SEND_URGENT]         = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_1),
        [RECEIVE]             = READ(TFSM_FIN_WAIT_1, 0),
        [RECEIVE_TEXT]        = READ(TFSM_FIN_WAIT_1, TEXT),
        [RECEIVE_NOTHING]     = READ(TFSM_FIN_WAIT_1, 0),
        [RECEIVE_MORE]        = READ(TFSM_FIN_WAIT_1, TEXT),
        [CLOSE]               = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_1),
        [CLOSE_TWICE]         = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_1),
        [CLOSE_DEAF]          = OK(TFSM_FIN_WAIT_1, 0, 0), /* "ok ... would be acceptable, too" */
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST),
        [STATUS]              = OK(TFSM_FIN_WAIT_1, 0, 0),
    },
    [FIN_WAIT_2] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_FIN_WAIT_2),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_FIN_WAIT_2),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_FIN_WAIT_2),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_FIN_WAIT_2),
        [SEND]                = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_2),
        [SEND_NOTHING]        = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_2),
        [SEND_TOO_MUCH]       = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_2),
        [SEND_URGENT]         = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_2),
        [RECEIVE]             = READ(TFSM_FIN_WAIT_2, 0),
        [RECEIVE_TEXT]        = READ(TFSM_FIN_WAIT_2, TEXT),
        [RECEIVE_NOTHING]     = READ(TFSM_FIN_WAIT_2, 0),
        [RECEIVE_MORE]        = READ(TFSM_FIN_WAIT_2, TEXT),
        [CLOSE]               = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_2),
        [CLOSE_TWICE]         = NO(CONNECTION_CLOSING, TFSM_FIN_WAIT_2),
        [CLOSE_DEAF]          = OK(TFSM_FIN_WAIT_2, 0, 0), /* "ok ... would be acceptable, too" */
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST),
        [STATUS]              = OK(TFSM_FIN_WAIT_2, 0, 0),
    },
    [CLOSE_WAIT] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_CLOSE_WAIT),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_CLOSE_WAIT),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_CLOSE_WAIT),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_CLOSE_WAIT),
        [SEND]                = OK(TFSM_CLOSE_WAIT, 0, TFSM_ACK),
        [SEND_NOTHING]        = OK(TFSM_CLOSE_WAIT, 0, 0),
        [SEND_TOO_MUCH]       = NO(INSUFFICIENT_RESOURCES, TFSM_CLOSE_WAIT),
        [SEND_URGENT]         = OK(TFSM_CLOSE_WAIT, 0, TFSM_ACK | TFSM_URG),
        [RECEIVE]             = NO(CONNECTION_CLOSING, TFSM_CLOSE_WAIT),
        [RECEIVE_TEXT]        = READ(TFSM_CLOSE_WAIT, TEXT),
        [RECEIVE_NOTHING]     = READ(TFSM_CLOSE_WAIT, 0),
        [RECEIVE_MORE]        = READ(TFSM_CLOSE_WAIT, TEXT),
        [CLOSE]               = OK(TFSM_LAST_ACK, 0, TFSM_FIN | TFSM_ACK),
        [CLOSE_TWICE]         = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [CLOSE_DEAF]          = OK(TFSM_LAST_ACK, 0, TFSM_FIN | TFSM_ACK),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_RESET, TFSM_RST),
        [STATUS]              = OK(TFSM_CLOSE_WAIT, 0, 0),
    },
    [CLOSING] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_CLOSING),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_CLOSING),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_CLOSING),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_CLOSING),
        [SEND]                = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [SEND_NOTHING]        = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [SEND_TOO_MUCH]       = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [SEND_URGENT]         = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [RECEIVE]             = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [RECEIVE_TEXT]        = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [RECEIVE_NOTHING]     = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [RECEIVE_MORE]        = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [CLOSE]               = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [CLOSE_TWICE]         = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [CLOSE_DEAF]          = NO(CONNECTION_CLOSING, TFSM_CLOSING),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_CLOSED, 0),
        [STATUS]              = OK(TFSM_CLOSING, 0, 0),
    },
    [LAST_ACK] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_LAST_ACK),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_LAST_ACK),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_LAST_ACK),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_LAST_ACK),
        [SEND]                = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [SEND_NOTHING]        = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [SEND_TOO_MUCH]       = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [SEND_URGENT]         = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [RECEIVE]             = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [RECEIVE_TEXT]        = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [RECEIVE_NOTHING]     = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [RECEIVE_MORE]        = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [CLOSE]               = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [CLOSE_TWICE]         = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [CLOSE_DEAF]          = NO(CONNECTION_CLOSING, TFSM_LAST_ACK),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_CLOSED, 0),
        [STATUS]              = OK(TFSM_LAST_ACK, 0, 0),
    },
    [TIME_WAIT] = {
        [OPEN_ACTIVE]         = NO(CONNECTION_EXISTS, TFSM_TIME_WAIT),
        [OPEN_ACTIVE_NOWHERE] = NO(CONNECTION_EXISTS, TFSM_TIME_WAIT),
        [OPEN_PASSIVE]        = NO(CONNECTION_EXISTS, TFSM_TIME_WAIT),
        [OPEN_PASSIVE_REMOTE] = NO(CONNECTION_EXISTS, TFSM_TIME_WAIT),
        [SEND]                = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [SEND_NOTHING]        = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [SEND_TOO_MUCH]       = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [SEND_URGENT]         = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [RECEIVE]             = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [RECEIVE_TEXT]        = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [RECEIVE_NOTHING]     = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [RECEIVE_MORE]        = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [CLOSE]               = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [CLOSE_TWICE]         = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [CLOSE_DEAF]          = NO(CONNECTION_CLOSING, TFSM_TIME_WAIT),
        [ABORT]               = OK(TFSM_CLOSED, TFSM_SIG_CLOSED, 0),
        [STATUS]              = OK(TFSM_TIME_WAIT, 0, 0),
    },
};

static const struct tfsm_event events[CALLS] = {
    [OPEN_ACTIVE]         = {.kind = TFSM_EV_OPEN, .active = true, .remote = true},
    [OPEN_ACTIVE_NOWHERE] = {.kind = TFSM_EV_OPEN, .active = true},
    [OPEN_PASSIVE]        = {.kind = TFSM_EV_OPEN},
    [OPEN_PASSIVE_REMOTE] = {.kind = TFSM_EV_OPEN, .remote = true},
    [SEND]                = {.kind = TFSM_EV_SEND, .len = 10},
    [SEND_NOTHING]        = {.kind = TFSM_EV_SEND},
    [SEND_TOO_MUCH]       = {.kind = TFSM_EV_SEND, .len = BUFF + 1},
    [SEND_URGENT]         = {.kind = TFSM_EV_SEND, .len = 10, .urgent = true},
    [RECEIVE]             = {.kind = TFSM_EV_RECEIVE, .len = 10},
    [RECEIVE_TEXT]        = {.kind = TFSM_EV_RECEIVE, .len = TEXT},
    [RECEIVE_NOTHING]     = {.kind = TFSM_EV_RECEIVE},
    [RECEIVE_MORE]        = {.kind = TFSM_EV_RECEIVE, .len = 1000},
    [CLOSE]               = {.kind = TFSM_EV_CLOSE},
    [CLOSE_TWICE]         = {.kind = TFSM_EV_CLOSE},
    [CLOSE_DEAF]          = {.kind = TFSM_EV_CLOSE, .deaf = true},
    [ABORT]               = {.kind = TFSM_EV_ABORT},
};
/* clang-format on */

static const char *const place_names[PLACES] = {
    [CLOSED] = "CLOSED",
    [LISTEN] = "LISTEN",
    [LISTEN_REMOTE] = "LISTEN for one peer",
    [SYN_SENT] = "SYN-SENT",
    [SYN_RECEIVED] = "SYN-RECEIVED",
    [SYN_RECEIVED_ACTIVE] = "SYN-RECEIVED after SYN-SENT",
    [ESTABLISHED] = "ESTABLISHED",
    [FIN_WAIT_1] = "FIN-WAIT-1",
    [FIN_WAIT_2] = "FIN-WAIT-2",
    [CLOSE_WAIT] = "CLOSE-WAIT",
    [CLOSING] = "CLOSING",
    [LAST_ACK] = "LAST-ACK",
    [TIME_WAIT] = "TIME-WAIT",
};

static const char *const call_names[CALLS] = {
    [OPEN_ACTIVE] = "OPEN active",
    [OPEN_ACTIVE_NOWHERE] = "OPEN active without remote",
    [OPEN_PASSIVE] = "OPEN passive",
    [OPEN_PASSIVE_REMOTE] = "OPEN passive with remote",
    [SEND] = "SEND",
    [SEND_NOTHING] = "SEND of nothing",
    [SEND_TOO_MUCH] = "SEND of too much",
    [SEND_URGENT] = "SEND urgent",
    [RECEIVE] = "RECEIVE",
    [RECEIVE_TEXT] = "RECEIVE of text",
    [RECEIVE_NOTHING] = "RECEIVE of nothing",
    [RECEIVE_MORE] = "RECEIVE of more than there is",
    [CLOSE] = "CLOSE",
    [CLOSE_TWICE] = "CLOSE again",
    [CLOSE_DEAF] = "CLOSE deaf",
    [ABORT] = "ABORT",
    [STATUS] = "STATUS",
};

/* The state with text unread, or without where the state cannot have any. */
static void reach_with_text(struct fixture *f, enum place place)
{
    struct tfsm_segment out;
    bool fin = place >= CLOSE_WAIT;
    if (place == ESTABLISHED || place == CLOSE_WAIT || place == LAST_ACK) {
        reach_established(f);
    } else if (place == FIN_WAIT_1 || place == CLOSING) {
        reach_fin_wait_1(f);
    } else {
        reach_fin_wait_2(f);
    }
    arrive(f, .flags = (uint8_t)(TFSM_ACK | (fin ? TFSM_FIN : 0)), .text = TEXT);
    expect_delivered(f, TEXT);
    (void)drain(f, &out, 1);
    if (place == LAST_ACK) {
        user_close(f);
        (void)drain(f, &out, 1);
    }
}

static void reach_place(struct fixture *f, enum place place, enum call call)
{
    static const enum tfsm_state states[PLACES] = {
        [CLOSED] = TFSM_CLOSED,           [LISTEN] = TFSM_LISTEN,
        [SYN_SENT] = TFSM_SYN_SENT,       [SYN_RECEIVED] = TFSM_SYN_RECEIVED,
        [ESTABLISHED] = TFSM_ESTABLISHED, [FIN_WAIT_1] = TFSM_FIN_WAIT_1,
        [FIN_WAIT_2] = TFSM_FIN_WAIT_2,   [CLOSE_WAIT] = TFSM_CLOSE_WAIT,
        [CLOSING] = TFSM_CLOSING,         [LAST_ACK] = TFSM_LAST_ACK,
        [TIME_WAIT] = TFSM_TIME_WAIT,
    };
    bool text = call == RECEIVE_TEXT || call == RECEIVE_NOTHING || call == RECEIVE_MORE;
    struct tfsm_segment out;
    if (text && place >= ESTABLISHED) {
        reach_with_text(f, place);
    } else if (place == LISTEN_REMOTE) {
        open_passive_remote(f);
    } else if (place == SYN_RECEIVED_ACTIVE) {
        reach_syn_received_active(f);
    } else {
        reach(f, states[place]);
    }
    if (call == CLOSE_TWICE) {
        (void)fixture_step(f, &events[CLOSE]);
        (void)drain(f, &out, 1);
    }
    expect_nothing(f);
}

static enum tfsm_result make(struct fixture *f, enum call call)
{
    if (call == STATUS) {
        struct tfsm_status_block block;
        f->before = f->tcb;
        memset(&f->fx, 0, sizeof f->fx);
        return tfsm_status(&f->tcb, &block);
    }
    return fixture_step(f, &events[call]);
}

/* As the table says? What does not is printed. */
static bool judge(struct fixture *f, enum place place, enum call call, enum tfsm_result result)
{
    const struct outcome *want = &table[place][call];
    struct tfsm_segment out = {0};
    bool same = memcmp(&f->before, &f->tcb, sizeof f->tcb) == 0;
    bool empty = f->fx.text_count == 0 && f->fx.delivered == 0 && f->fx.acknowledged == 0 &&
                 f->fx.iss_after == 0;
    bool good = want->told && result == want->result && f->tcb.state == want->state && empty &&
                f->fx.signals == want->signals && f->fx.taken == want->taken &&
                (same || (result == TFSM_DONE && call != STATUS));
    size_t n = drain(f, &out, 1);
    good = good && n == (want->sends != 0) && (out.flags & ~TFSM_PSH) == (int)want->sends;
    if (!good) {
        print_error("%s in %s%s: %s, then %s, signals 0x%02x, %u taken, TCB %s, %s, sends %u\n",
                    call_names[call], place_names[place], want->told ? "" : " (no entry)",
                    tfsm_result_name(result), tfsm_state_name((enum tfsm_state)f->tcb.state),
                    f->fx.signals, f->fx.taken, same ? "unchanged" : "changed",
                    empty ? "no effects" : "effects", (unsigned)n);
    }
    return good;
}

/* RFC9293:3.10.1, 3.10.2, 3.10.3, 3.10.4, 3.10.5, 3.10.6, RFC9293:MAY-1 */
static void test_misuse_every_call_in_every_state(void **state)
{
    unsigned wrong = 0;
    for (int place = 0; place < PLACES; place++) {
        for (int call = 0; call < CALLS; call++) {
            struct fixture *f = fresh(state);
            reach_place(f, (enum place)place, (enum call)call);
            enum tfsm_result result = make(f, (enum call)call);
            wrong += judge(f, (enum place)place, (enum call)call, result) ? 0 : 1;
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misuse_every_call_in_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
