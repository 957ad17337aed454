#include "sim/control_port.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "proto/text.h"
#include "sim/endpoint.h"

enum { MAX_BYTES = 64 << 10, AT_ONCE = 64, NS_PER_MS = 1000000 };
static const double STALE_BRAKE_MPS2 = -4;

struct control_port {
    struct endpoint in;
    struct wire *wire;
    int stop_fd;
    enum clock_id clock_id;
    char vehicle[MESSAGE_MAX_NAME];
    struct control newest; /* where counts.heard is not 0 */
    struct control_counts counts;
};

static enum err listen_at(struct control_port *p, const char *address, struct why *why)
{
    const int64_t max_bytes = MAX_BYTES;
    char topic[MESSAGE_MAX_NAME + 16];
    const size_t n = topic_format(TOPIC_CONTROL, p->vehicle, topic);
    const enum err e = endpoint_open(&p->in, ZMQ_SUB, 0, why);

    if (e != OK)
        return e;
    zmq_setsockopt(p->in.socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);
    zmq_setsockopt(p->in.socket, ZMQ_SUBSCRIBE, topic, n);
    return endpoint_bind(&p->in, address, "--control", why);
}

enum err control_port_open(const struct control_port_options *o, struct control_port **out,
                           struct why *why)
{
    struct control_port *p = calloc(1, sizeof *p);
    enum err e;

    *out = NULL;
    if (!p || wire_open(&p->wire) != OK) {
        control_port_close(p);
        return err_say(why, ERR_NOMEM, "no memory");
    }
    p->stop_fd = o->stop_fd;
    p->clock_id = o->clock_id;
    if (text_is_name(o->vehicle, strlen(o->vehicle), MESSAGE_MAX_NAME)) {
        memcpy(p->vehicle, o->vehicle, strlen(o->vehicle));
        e = listen_at(p, o->endpoint, why);
    } else {
        e = err_say(why, ERR_FORMAT, "vehicle '%s': a name is 1 to %d of [A-Za-z0-9_.-]",
                    o->vehicle, MESSAGE_MAX_NAME - 1);
    }
    if (e == OK)
        *out = p;
    else
        control_port_close(p);
    return e;
}

void control_port_close(struct control_port *p)
{
    if (!p)
        return;
    endpoint_close(&p->in);
    wire_close(p->wire);
    free(p);
}

static enum err judge(const struct control_port *p, const struct control *c, struct why *why)
{
    if (c->clock_id != p->clock_id)
        return err_say(why, ERR_MISMATCH, "control: clock_id is %d, that of the frames is %d",
                       (int)c->clock_id, (int)p->clock_id);
    return OK;
}

void control_port_take(struct control_port *p, struct bytes topic, struct bytes body)
{
    char vehicle[MESSAGE_MAX_NAME];
    struct control c;

    /* Subscriptions are prefixes: car2 comes along with car. */
    if (topic_parse(topic, vehicle) != TOPIC_CONTROL || strcmp(vehicle, p->vehicle) != 0)
        return;
    if (wire_control_unpack(p->wire, body, &c, &p->counts.last_refusal) != OK ||
        judge(p, &c, &p->counts.last_refusal) != OK) {
        p->counts.refused++;
        return;
    }
    p->newest = c;
    p->counts.heard++;
}

static bool more_parts(void *socket)
{
    int more = 0;
    size_t size = sizeof more;

    return !zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) && more;
}

/* One message, [topic][Control]; what has another form is passed over. False: there is none. */
static bool read_one(struct control_port *p, zmq_msg_t *topic, zmq_msg_t *body)
{
    int parts = 1;

    if (zmq_msg_recv(topic, p->in.socket, ZMQ_DONTWAIT) < 0)
        return false;
    for (; more_parts(p->in.socket); parts++)
        if (zmq_msg_recv(body, p->in.socket, ZMQ_DONTWAIT) < 0)
            break;
    if (parts == 2)
        control_port_take(p, (struct bytes){zmq_msg_data(topic), zmq_msg_size(topic)},
                          (struct bytes){zmq_msg_data(body), zmq_msg_size(body)});
    return true;
}

void control_port_read(struct control_port *p)
{
    zmq_msg_t topic, body;

    zmq_msg_init(&topic);
    zmq_msg_init(&body);
    for (int i = 0; i < AT_ONCE && read_one(p, &topic, &body); i++)
        ; /* who sends faster than that must not keep us here */
    zmq_msg_close(&topic);
    zmq_msg_close(&body);
}

static bool answers(const struct control_port *p, const uint64_t *frame_id)
{
    const struct control *c = &p->newest;

    return p->counts.heard && (!frame_id || (c->has_frame && c->frame_id == *frame_id));
}

enum wait control_port_await(struct control_port *p, const uint64_t *frame_id, int64_t deadline_ns)
{
    zmq_pollitem_t items[] = {{.socket = p->in.socket, .events = ZMQ_POLLIN},
                              {.fd = p->stop_fd, .events = ZMQ_POLLIN}};

    for (;;) {
        control_port_read(p);
        if (answers(p, frame_id))
            return WAIT_DONE;
        int64_t left = deadline_ns - sender_now_ns();
        if (left <= 0)
            return WAIT_TIMEOUT;
        zmq_poll(items, p->stop_fd >= 0 ? 2 : 1, (long)(left / NS_PER_MS + 1));
        if (p->stop_fd >= 0 && items[1].revents)
            return WAIT_STOPPED;
    }
}

bool control_port_command(const struct control_port *p, int64_t now_ns, struct drive_command *out,
                          bool *stale)
{
    const struct control *c = &p->newest;

    *stale = p->counts.heard && now_ns > c->valid_until_ns;
    *out = (struct drive_command){(double)c->acceleration_mps2, (double)c->steering_angle_rad};
    if (*stale)
        out->acceleration = fmin(out->acceleration, STALE_BRAKE_MPS2);
    return p->counts.heard > 0;
}

struct control_counts control_port_counts(const struct control_port *p)
{
    return p->counts;
}
