/* The plug-in's one symbol. */
#include "sockets.h"

#include <stdio.h>
#include <stdlib.h>

static struct sockets *create(const char *flags)
{
    struct settings settings;
    char error[SETTINGS_ERROR];
    settings_default(&settings);
    if (!settings_parse(&settings, flags, error)) {
        fprintf(stderr, "tcpfsm: so_flags: %s\n", error);
        exit(2);
    }
    struct sockets *sockets = sockets_create(&settings);
    if (sockets == NULL) {
        fprintf(stderr, "tcpfsm: so_flags: there is not enough memory for all this\n");
        exit(2);
    }
    return sockets;
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
    sockets_interface(create(flags), ifc);
}
