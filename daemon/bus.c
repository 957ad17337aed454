#include "daemon/bus.h"

#include <errno.h>
#include <zmq.h>

enum err bus_attach(void *socket, const char *key, const struct bus_config *b, struct why *why)
{
    for (unsigned i = 0; i < b->n_bind; i++)
        if (zmq_bind(socket, b->bind[i].text) != 0)
            return err_say(why, ERR_IO, "%s: cannot bind %s: %s", key, b->bind[i].text,
                           zmq_strerror(errno));
    for (unsigned i = 0; i < b->n_connect; i++)
        if (zmq_connect(socket, b->connect[i].text) != 0)
            return err_say(why, ERR_IO, "%s: cannot connect %s: %s", key, b->connect[i].text,
                           zmq_strerror(errno));
    return OK;
}
