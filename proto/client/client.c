#include "proto/client/outrider_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "proto/text.h"

enum { QUEUE_MESSAGES = 64 };

struct subscription {
    enum topic topic;
    bool truth;
    char camera[MESSAGE_MAX_NAME]; /* or vehicle */
    void *newest;                  /* the topic's message struct */
    bool seen;
    uint8_t run_uuid[16];
    uint64_t seq;
};

struct outrider_client {
    void *context, *socket;
    struct wire *wire;
    int n;
    struct subscription subscription[OUTRIDER_MAX_SUBSCRIPTIONS];
    struct outrider_counts counts;
};

static enum err bus_error(struct why *why, const char *what)
{
    return err_say(why, ERR_IO, "%s: %s", what, zmq_strerror(zmq_errno()));
}

enum err outrider_client_open(const char *endpoint, struct outrider_client **out, struct why *why)
{
    struct outrider_client *c = calloc(1, sizeof *c);
    const int no_linger = 0;
    enum err e;

    *out = NULL;
    if (!c)
        return err_say(why, ERR_NOMEM, "no memory");
    e = wire_open(&c->wire);
    if (e == OK &&
        (!(c->context = zmq_ctx_new()) || !(c->socket = zmq_socket(c->context, ZMQ_SUB))))
        e = bus_error(why, "socket");
    if (e == OK && zmq_setsockopt(c->socket, ZMQ_LINGER, &no_linger, sizeof no_linger) != 0)
        e = bus_error(why, "socket");
    if (e == OK)
        e = outrider_client_connect(c, endpoint, why);
    if (e == OK)
        *out = c;
    else
        outrider_client_close(c);
    return e;
}

void outrider_client_close(struct outrider_client *c)
{
    if (!c)
        return;
    if (c->socket)
        zmq_close(c->socket);
    if (c->context)
        zmq_ctx_term(c->context);
    for (int i = 0; i < c->n; i++)
        free(c->subscription[i].newest);
    wire_close(c->wire);
    free(c);
}

enum err outrider_client_connect(struct outrider_client *c, const char *endpoint, struct why *why)
{
    const int queue = QUEUE_MESSAGES; /* holds for connections made after it */

    if (zmq_setsockopt(c->socket, ZMQ_RCVHWM, &queue, sizeof queue) != 0 ||
        zmq_connect(c->socket, endpoint) != 0)
        return bus_error(why, endpoint);
    return OK;
}

static size_t message_size(enum topic t)
{
    switch (t) {
    case TOPIC_OBJECTS:
        return sizeof(struct objects_message);
    case TOPIC_LANES:
        return sizeof(struct lanes_message);
    case TOPIC_EGO:
        return sizeof(struct ego);
    case TOPIC_CALIBRATION:
        return sizeof(struct calibration_message);
    case TOPIC_STATUS:
        return sizeof(struct status_message);
    default:
        return 0;
    }
}

static enum err subscribe(struct outrider_client *c, enum topic topic, const char *camera,
                          bool truth, struct why *why)
{
    struct subscription *s = &c->subscription[c->n];
    char text[sizeof "truth/" + MESSAGE_MAX_NAME + 16] = "truth/";
    size_t size = message_size(topic), prefix = truth ? strlen(text) : 0;

    if (size == 0)
        return err_say(why, ERR_UNSUPPORTED, "topic %d is none to read", topic);
    if (topic == TOPIC_STATUS)
        camera = "";
    else if (!camera || !text_is_name(camera, strlen(camera), MESSAGE_MAX_NAME))
        return err_say(why, ERR_FORMAT, "no name of 1..%d letters, digits, _ . -",
                       MESSAGE_MAX_NAME - 1);
    if (c->n == OUTRIDER_MAX_SUBSCRIPTIONS)
        return err_say(why, ERR_LIMIT, "more than %d subscriptions", OUTRIDER_MAX_SUBSCRIPTIONS);
    *s = (struct subscription){.topic = topic, .truth = truth, .newest = calloc(1, size)};
    if (!s->newest)
        return err_say(why, ERR_NOMEM, "no memory");
    memcpy(s->camera, camera, strlen(camera));
    c->n++; /* from here on close() frees it */
    size = prefix + topic_format(topic, camera, text + prefix);
    if (zmq_setsockopt(c->socket, ZMQ_SUBSCRIBE, text, size) != 0)
        return bus_error(why, text);
    return OK;
}

enum err outrider_client_subscribe(struct outrider_client *c, enum topic topic, const char *camera,
                                   struct why *why)
{
    return subscribe(c, topic, camera, false, why);
}

enum err outrider_client_subscribe_truth(struct outrider_client *c, enum topic topic,
                                         const char *camera, struct why *why)
{
    return subscribe(c, topic, camera, true, why);
}

static struct subscription *find(const struct outrider_client *c, enum topic t, const char *camera)
{
    for (int i = 0; i < c->n; i++)
        if (c->subscription[i].topic == t && !strcmp(c->subscription[i].camera, camera))
            return (struct subscription *)&c->subscription[i];
    return NULL;
}

static void count(struct outrider_client *c, struct subscription *s, const uint8_t run_uuid[16],
                  uint64_t seq)
{
    if (s->seen && !memcmp(s->run_uuid, run_uuid, 16) && seq > s->seq)
        c->counts.missed += seq - s->seq - 1;
    memcpy(s->run_uuid, run_uuid, 16);
    s->seq = seq;
    s->seen = true;
    c->counts.received++;
}

static enum err understand(struct outrider_client *c, struct bytes topic, struct bytes body,
                           struct why *why)
{
    char camera[MESSAGE_MAX_NAME];
    const struct bytes plain = topic_without_truth(topic);
    enum topic t = topic_parse(plain, camera);
    struct subscription *s = find(c, t, camera);
    const struct header *h = NULL;
    enum err e = OK;

    if (!s ||
        s->truth != (plain.size <
                     topic.size)) /* subscriptions are prefixes: front brings front_left, too */
        return OK;
    if (t == TOPIC_OBJECTS) {
        struct objects_message *m = s->newest;

        e = wire_objects_unpack(c->wire, body, m, why);
        h = &m->header;
    } else if (t == TOPIC_LANES) {
        struct lanes_message *m = s->newest;

        e = wire_lanes_unpack(c->wire, body, m, why);
        h = &m->header;
    } else if (t == TOPIC_CALIBRATION) {
        struct calibration_message *m = s->newest;

        e = wire_calibration_unpack(c->wire, body, m, why);
        h = &m->header;
    } else if (t == TOPIC_EGO) {
        e = wire_ego_unpack(c->wire, body, s->newest, why);
        s->seen |= e == OK;
        c->counts.received += e == OK;
    } else {
        struct status_message *m = s->newest;

        e = wire_status_unpack(c->wire, body, m, why);
        if (e == OK)
            count(c, s, m->run_uuid, m->seq);
    }
    if (e == OK && h)
        count(c, s, h->run_uuid, h->seq);
    return e;
}

/* One message: two parts, further ones are not ours. ERR_AGAIN: none is there. */
static enum err take(struct outrider_client *c, struct why *why)
{
    zmq_msg_t part[3]; /* the last one for all that is too much */
    int n = 0, more = 1;
    enum err e = OK;

    for (int i = 0; i < 3; i++)
        zmq_msg_init(&part[i]);
    for (; more && e == OK; n++) {
        zmq_msg_t *m = &part[n < 2 ? n : 2];

        if (zmq_msg_recv(m, c->socket, ZMQ_DONTWAIT) >= 0)
            more = zmq_msg_more(m);
        else
            e = zmq_errno() == EAGAIN || zmq_errno() == EINTR ? ERR_AGAIN
                                                              : bus_error(why, "receive");
    }
    if (e == OK && n != 2)
        e = err_say(why, ERR_FORMAT, "message has %d parts, must have 2", n);
    if (e == OK)
        e = understand(c, (struct bytes){zmq_msg_data(&part[0]), zmq_msg_size(&part[0])},
                       (struct bytes){zmq_msg_data(&part[1]), zmq_msg_size(&part[1])}, why);
    for (int i = 0; i < 3; i++)
        zmq_msg_close(&part[i]);
    return e;
}

enum err outrider_client_wait(struct outrider_client *c, int timeout_ms, struct why *why)
{
    zmq_pollitem_t item = {c->socket, 0, ZMQ_POLLIN, 0};
    enum err e = OK;
    int n = zmq_poll(&item, 1, timeout_ms);

    if (n < 0 && zmq_errno() != EINTR)
        return bus_error(why, "wait");
    if (n <= 0)
        return ERR_AGAIN;
    /* A sender faster than we are must not keep us here: at most what the queues hold. */
    for (int i = 0; i < QUEUE_MESSAGES; i++) {
        enum err one = take(c, why);

        if (one == ERR_AGAIN)
            break;
        if (one == ERR_IO)
            return one;
        if (one != OK) {
            c->counts.malformed++;
            e = one;
        }
    }
    return e;
}

static const void *newest(const struct outrider_client *c, enum topic t, const char *camera)
{
    const struct subscription *s = find(c, t, camera);

    return s && s->seen ? s->newest : NULL;
}

const struct objects_message *outrider_client_objects(const struct outrider_client *c,
                                                      const char *camera)
{
    return newest(c, TOPIC_OBJECTS, camera);
}

const struct lanes_message *outrider_client_lanes(const struct outrider_client *c,
                                                  const char *camera)
{
    return newest(c, TOPIC_LANES, camera);
}

const struct calibration_message *outrider_client_calibration(const struct outrider_client *c,
                                                              const char *camera)
{
    return newest(c, TOPIC_CALIBRATION, camera);
}

const struct ego *outrider_client_ego(const struct outrider_client *c, const char *vehicle)
{
    return newest(c, TOPIC_EGO, vehicle);
}

const struct status_message *outrider_client_status(const struct outrider_client *c)
{
    return newest(c, TOPIC_STATUS, "");
}

struct outrider_counts outrider_client_counts(const struct outrider_client *c)
{
    return c->counts;
}

bool outrider_is_stale(const struct header *h, int64_t now_ns)
{
    return h->valid_until_ns == TIME_UNKNOWN || now_ns > h->valid_until_ns;
}
