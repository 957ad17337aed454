#include "sim/endpoint.h"

#include <errno.h>
#include <zmq.h>

enum err endpoint_open(struct endpoint *e, int type, int linger_ms, struct why *why)
{
    if (!(e->context = zmq_ctx_new()) || !(e->socket = zmq_socket(e->context, type)))
        return err_say(why, ERR_IO, "no socket: %s", zmq_strerror(errno));
    zmq_setsockopt(e->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    return OK;
}

enum err endpoint_bind(struct endpoint *e, const char *address, const char *option, struct why *why)
{
    if (zmq_bind(e->socket, address) == 0)
        return OK;
    return err_say(why, errno == EINVAL || errno == EPROTONOSUPPORT ? ERR_FORMAT : ERR_IO,
                   "%s '%s': %s", option, address, zmq_strerror(errno));
}

void endpoint_close(struct endpoint *e)
{
    if (e->socket)
        zmq_close(e->socket);
    if (e->context)
        zmq_ctx_term(e->context);
    *e = (struct endpoint){0};
}
