#include "proto/client/outrider_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "proto/text.h"

enum { QUEUE_MESSAGES = 4, LINGER_MS = 1000 };

struct outrider_publisher {
    void *context, *socket;
    struct wire *wire;
};

static enum err bus_error(struct why *why, const char *what)
{
    return err_say(why, ERR_IO, "%s: %s", what, zmq_strerror(zmq_errno()));
}

static enum err connect_socket(struct outrider_publisher *p, const char *endpoint, struct why *why)
{
    const int linger = LINGER_MS, queue = QUEUE_MESSAGES;

    p->context = zmq_ctx_new();
    /* XPUB is a PUB that also hears who subscribes: what outrider_publisher_wait() waits for. */
    p->socket = p->context ? zmq_socket(p->context, ZMQ_XPUB) : NULL;
    if (!p->socket || zmq_setsockopt(p->socket, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_setsockopt(p->socket, ZMQ_SNDHWM, &queue, sizeof queue) != 0 ||
        zmq_connect(p->socket, endpoint) != 0)
        return bus_error(why, endpoint);
    return OK;
}

enum err outrider_publisher_open(const char *endpoint, struct outrider_publisher **out,
                                 struct why *why)
{
    struct outrider_publisher *p = calloc(1, sizeof *p);
    enum err e;

    *out = NULL;
    if (!p)
        return err_say(why, ERR_NOMEM, "no memory");
    e = wire_open(&p->wire);
    if (e == OK)
        e = connect_socket(p, endpoint, why);
    if (e == OK)
        *out = p;
    else
        outrider_publisher_close(p);
    return e;
}

void outrider_publisher_close(struct outrider_publisher *p)
{
    if (!p)
        return;
    if (p->socket)
        zmq_close(p->socket);
    if (p->context)
        zmq_ctx_term(p->context);
    wire_close(p->wire);
    free(p);
}

enum err outrider_publisher_wait(struct outrider_publisher *p, int timeout_ms, struct why *why)
{
    zmq_pollitem_t item = {p->socket, 0, ZMQ_POLLIN, 0};
    char subscription[256];
    int n = zmq_poll(&item, 1, timeout_ms);

    if (n < 0 && zmq_errno() != EINTR)
        return bus_error(why, "wait");
    if (n <= 0)
        return err_say(why, ERR_AGAIN, "nobody listens");
    while (zmq_recv(p->socket, subscription, sizeof subscription, ZMQ_DONTWAIT) >= 0)
        ; /* the others that are there, too */
    return OK;
}

static enum err send_parts(struct outrider_publisher *p, enum topic t, const char *name,
                           struct bytes body, const struct bytes *pixels, struct why *why)
{
    char topic[MESSAGE_MAX_NAME + 16];
    int events;
    size_t n, size = sizeof events;

    if (!text_is_name(name, strlen(name), MESSAGE_MAX_NAME))
        return err_say(why, ERR_FORMAT, "name is not 1..%d letters, digits, _ . -",
                       MESSAGE_MAX_NAME - 1);
    n = topic_format(t, name, topic);
    /* libzmq learns only now and then what readers took away, and would drop messages although nobody
     * is slow. Asking makes it look. */
    zmq_getsockopt(p->socket, ZMQ_EVENTS, &events, &size);
    if (zmq_send(p->socket, topic, n, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_send(p->socket, body.data, body.size, (pixels ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT) < 0 ||
        (pixels && zmq_send(p->socket, pixels->data, pixels->size, ZMQ_DONTWAIT) < 0))
        return bus_error(why, topic);
    return OK;
}

enum err outrider_publisher_frame(struct outrider_publisher *p, const char *camera,
                                  const struct frame_header *h, struct bytes pixels,
                                  struct why *why)
{
    struct bytes body = wire_frame_header_pack(p->wire, h);
    struct frame_header as_read;
    enum err e = wire_frame_header_unpack(p->wire, body, pixels.size, &as_read, why);

    return e == OK ? send_parts(p, TOPIC_FRAME, camera, body, &pixels, why) : e;
}

enum err outrider_publisher_ego(struct outrider_publisher *p, const char *vehicle,
                                const struct ego *ego, struct why *why)
{
    struct bytes body = wire_ego_pack(p->wire, ego);
    struct ego as_read;
    enum err e = wire_ego_unpack(p->wire, body, &as_read, why);

    return e == OK ? send_parts(p, TOPIC_EGO, vehicle, body, NULL, why) : e;
}

enum err outrider_publisher_control(struct outrider_publisher *p, const char *vehicle,
                                    const struct control *control, struct why *why)
{
    struct bytes body = wire_control_pack(p->wire, control);
    struct control as_read;
    enum err e = wire_control_unpack(p->wire, body, &as_read, why);

    return e == OK ? send_parts(p, TOPIC_CONTROL, vehicle, body, NULL, why) : e;
}

enum err outrider_publisher_calibration(struct outrider_publisher *p, const char *camera,
                                        const struct camera *camera_model, struct why *why)
{
    struct calibration_message m = {.camera = *camera_model}, as_read;
    struct bytes body = wire_calibration_pack(p->wire, &m);
    enum err e = wire_calibration_unpack(p->wire, body, &as_read, why);

    return e == OK ? send_parts(p, TOPIC_CALIBRATION, camera, body, NULL, why) : e;
}
