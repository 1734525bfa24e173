/* What can be set of a stack by `key=value`: packetdrill's `--so_flags`, and `--profile` and `-D`
 * of `tcpfsm run`, `serve` and `connect`. One table holds every key, its unit and its bounds. */
#ifndef HARNESS_SETTINGS_H
#define HARNESS_SETTINGS_H

#include "endpoint.h"

#define SETTINGS_LOCALS 8
#define SETTINGS_ERROR  200

struct settings {
    struct endpoint_config endpoint; /* settings_finish() points its locals below */
    struct endpoint_local locals[SETTINGS_LOCALS];
    struct tfsm_listener_policy listener; /* of every listener */
    bool idle_returns; /* packetdrill: netdev_receive() says that nothing can come rather than end
                          the process */
    bool
        steps; /* the script drives: timers are looked at when time has come to a line, a packet is made
                   when one is asked for, and text may be written before a connection is open */
    uint8_t only;          /* while it is read: 4 or 6 where the policy of one family is meant */
    bool connections_said; /* else fewer than the default, where the rings are large */
    bool local_said[2];    /* IPv4, IPv6: the customary address was replaced */
};

/* The default policy but ECN, packetdrill's customary addresses (192.168.0.1/16,
 * fd3d:fa7b:d17d::1/64), Fast Open off, a key that is always the same. */
void settings_default(struct settings *settings);

/* Apply `key=value,key=value`, from left to right: later ones win. Null and "" are nothing.
 * error  SETTINGS_ERROR octets: which key, and what is wrong with it, in one line
 * Returns false on a mistake; *settings is then half changed. */
bool settings_parse(struct settings *settings, const char *flags, char error[SETTINGS_ERROR]);

/* The configuration for endpoint_create(); points into *settings. */
const struct endpoint_config *settings_finish(struct settings *settings);

/* For the help: the i-th key and what it means; false after the last. */
bool settings_describe(unsigned i, const char **key, const char **meaning);

#endif
