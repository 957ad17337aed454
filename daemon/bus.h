/* A socket and the endpoints that the configuration gives it. */
#ifndef OUTRIDER_DAEMON_BUS_H
#define OUTRIDER_DAEMON_BUS_H

#include "daemon/config.h"

/* Bind and connect; ERR_IO names the endpoint. key is "bus.in" or "bus.out". */
MUST_CHECK enum err bus_attach(void *socket, const char *key, const struct bus_config *b,
                               struct why *why);

#endif
