#include "sim/sender.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "proto/text.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

enum { LINGER_MS = 2000, ANSWER_MAX_BYTES = 4 << 20, ENDPOINT_MAX = 256 };

struct sender {
    void *context, *frames, *answers; /* answers: NULL unless they are awaited */
    struct wire *wire;
    int stop_fd;
    char frame_topic[MESSAGE_MAX_NAME + 16], ego_topic[MESSAGE_MAX_NAME + 16];
    char calibration_topic[MESSAGE_MAX_NAME + 16];
    char frames_at[ENDPOINT_MAX], answers_at[ENDPOINT_MAX];
    struct calibration_message calibration; /* camera.width 0: none */
    int readers;
    bool heard;        /* something came on answers */
    struct why unread; /* what was wrong with a message there; "": nothing */
    struct objects_message objects;
    struct lanes_message lanes;
    void (*hear)(void *context, const struct objects_message *o, const struct lanes_message *l);
    void *hear_context;
    char camera[MESSAGE_MAX_NAME];
};

int64_t sender_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- opening ------------------------------------------------------------------------------- */

static enum err connect_to(void *socket, const char *endpoint, struct why *why)
{
    if (zmq_connect(socket, endpoint))
        return err_say(why, errno == EINVAL || errno == EPROTONOSUPPORT ? ERR_FORMAT : ERR_IO,
                       "'%s': %s (endpoints look like tcp://127.0.0.1:5701 or ipc:///tmp/frames)",
                       endpoint, zmq_strerror(errno));
    return OK;
}

static enum err open_frames(struct sender *s, const char *endpoint, struct why *why)
{
    const int queue = SENDER_QUEUE, linger = LINGER_MS, on = 1;

    if (!(s->frames = zmq_socket(s->context, ZMQ_XPUB)))
        return err_say(why, ERR_IO, "no socket: %s", zmq_strerror(errno));
    zmq_setsockopt(s->frames, ZMQ_SNDHWM, &queue, sizeof queue);
    zmq_setsockopt(s->frames, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(s->frames, ZMQ_XPUB_NODROP, &on, sizeof on);   /* say so instead */
    zmq_setsockopt(s->frames, ZMQ_XPUB_VERBOSER, &on, sizeof on); /* count every reader */
    return connect_to(s->frames, endpoint, why);
}

static enum err open_answers(struct sender *s, const char *camera, const char *endpoint,
                             struct why *why)
{
    static const enum topic wanted[] = {TOPIC_OBJECTS, TOPIC_LANES, TOPIC_STATUS};
    const int linger = 0;
    const int64_t max_bytes = ANSWER_MAX_BYTES;

    if (!(s->answers = zmq_socket(s->context, ZMQ_SUB)))
        return err_say(why, ERR_IO, "no socket: %s", zmq_strerror(errno));
    zmq_setsockopt(s->answers, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(s->answers, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);
    for (int i = 0; i < 3; i++) {
        char topic[MESSAGE_MAX_NAME + 16];
        size_t n = topic_format(wanted[i], camera, topic);

        zmq_setsockopt(s->answers, ZMQ_SUBSCRIBE, topic, n);
    }
    return connect_to(s->answers, endpoint, why);
}

static enum err check_name(const char *what, const char *name, struct why *why)
{
    if (text_is_name(name, strlen(name), MESSAGE_MAX_NAME))
        return OK;
    return err_say(why, ERR_FORMAT, "%s '%s': a name is 1 to %d of [A-Za-z0-9_.-]", what, name,
                   MESSAGE_MAX_NAME - 1);
}

enum err sender_open(const struct sender_options *o, struct sender **out, struct why *why)
{
    struct sender *s = calloc(1, sizeof *s);
    enum err e;

    *out = NULL;
    if (!s)
        return err_say(why, ERR_NOMEM, "no memory");
    if ((e = check_name("camera", o->camera, why)) != OK ||
        (e = check_name("vehicle", o->vehicle, why)) != OK)
        goto fail;
    s->stop_fd = o->stop_fd;
    s->hear = o->answers ? o->hear : NULL;
    s->hear_context = o->context;
    snprintf(s->camera, sizeof s->camera, "%s", o->camera);
    topic_format(TOPIC_FRAME, o->camera, s->frame_topic);
    topic_format(TOPIC_CALIBRATION, o->camera, s->calibration_topic);
    topic_format(TOPIC_EGO, o->vehicle, s->ego_topic);
    snprintf(s->frames_at, sizeof s->frames_at, "%s", o->frames);
    snprintf(s->answers_at, sizeof s->answers_at, "%s", o->answers ? o->answers : "");
    if (o->calibration)
        s->calibration.camera = *o->calibration;
    if ((e = wire_open(&s->wire)) != OK) {
        err_say(why, e, "no memory");
        goto fail;
    }
    if (!(s->context = zmq_ctx_new())) {
        e = err_say(why, ERR_IO, "no ZeroMQ context: %s", zmq_strerror(errno));
        goto fail;
    }
    if ((e = open_frames(s, o->frames, why)) != OK)
        goto fail;
    if (o->answers && (e = open_answers(s, o->camera, o->answers, why)) != OK)
        goto fail;
    *out = s;
    return OK;
fail:
    sender_close(s);
    return e;
}

void sender_close(struct sender *s)
{
    if (!s)
        return;
    if (s->answers)
        zmq_close(s->answers);
    if (s->frames)
        zmq_close(s->frames);
    if (s->context)
        zmq_ctx_term(s->context);
    wire_close(s->wire);
    free(s);
}

/* ---- sending ------------------------------------------------------------------------------- */

static bool send_two(struct sender *s, const char *topic, struct bytes b)
{
    if (zmq_send(s->frames, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return false;
    return zmq_send(s->frames, b.data, b.size, ZMQ_DONTWAIT) >= 0;
}

/* Subscriptions come as messages: 1 or 0, then the beginning of the topics that are wanted. */
static bool is_subscribed(const uint8_t *subscription, size_t size, const char *topic)
{
    return size - 1 <= strlen(topic) && !memcmp(subscription + 1, topic, size - 1);
}

static void read_subscriptions(struct sender *s)
{
    uint8_t b[256];
    int n;

    while ((n = zmq_recv(s->frames, b, sizeof b, ZMQ_DONTWAIT)) >= 0) {
        if (n < 1 || n > (int)sizeof b || b[0] > 1)
            continue;
        if (is_subscribed(b, (size_t)n, s->frame_topic))
            s->readers += b[0] ? 1 : -1;
        if (b[0] && s->calibration.camera.width &&
            is_subscribed(b, (size_t)n, s->calibration_topic))
            send_two(s, s->calibration_topic, wire_calibration_pack(s->wire, &s->calibration));
    }
}

int sender_readers(struct sender *s)
{
    read_subscriptions(s);
    return s->readers;
}

bool sender_frame(struct sender *s, const struct frame_header *h, struct bytes pixels)
{
    struct bytes header = wire_frame_header_pack(s->wire, h);

    if (sender_readers(s) <= 0)
        return false;
    if (zmq_send(s->frames, s->frame_topic, strlen(s->frame_topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return false;
    return zmq_send(s->frames, header.data, header.size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
           zmq_send(s->frames, pixels.data, pixels.size, ZMQ_DONTWAIT) >= 0;
}

void sender_ego(struct sender *s, const struct ego *e)
{
    send_two(s, s->ego_topic, wire_ego_pack(s->wire, e));
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* Until something comes, or the deadline. WAIT_DONE: look whether it is what you wait for. */
static enum wait wait_event(struct sender *s, bool with_answers, int64_t deadline_ns)
{
    zmq_pollitem_t items[] = {
        {.socket = s->frames, .events = ZMQ_POLLIN},
        {.fd = s->stop_fd, .events = ZMQ_POLLIN},
        {.socket = s->answers, .events = ZMQ_POLLIN},
    };
    int64_t left = deadline_ns - sender_now_ns();

    if (s->stop_fd < 0) /* an empty place */
        items[1] = items[0];
    if (left < 0)
        return WAIT_TIMEOUT;
    if (left < NS_PER_MS) { /* finer than zmq_poll() */
        struct timespec t = {deadline_ns / NS_PER_S, deadline_ns % NS_PER_S};

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        left = 0;
    }
    zmq_poll(items, with_answers && s->answers ? 3 : 2, (long)(left / NS_PER_MS));
    if (s->stop_fd >= 0 && items[1].revents)
        return WAIT_STOPPED;
    read_subscriptions(s);
    return WAIT_DONE;
}

static bool more_parts(void *socket)
{
    int more = 0;
    size_t size = sizeof more;

    return !zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) && more;
}

/* The next message of answers, [topic][bytes]; what has another form is passed over. TOPIC_UNKNOWN:
 * there is none. */
static enum topic read_answer(struct sender *s, zmq_msg_t *body)
{
    char topic[MESSAGE_MAX_NAME + 16], name[MESSAGE_MAX_NAME];
    int n;

    while ((n = zmq_recv(s->answers, topic, sizeof topic, ZMQ_DONTWAIT)) >= 0) {
        int parts = 1;

        s->heard = true;
        for (; more_parts(s->answers); parts++)
            if (zmq_msg_recv(body, s->answers, ZMQ_DONTWAIT) < 0)
                break;
        if (parts == 2 && n <= (int)sizeof topic)
            return topic_parse((struct bytes){(uint8_t *)topic, (size_t)n}, name);
    }
    return TOPIC_UNKNOWN;
}

enum wait sender_await_reader(struct sender *s, int64_t deadline_ns, struct why *why)
{
    zmq_msg_t body;
    enum wait w = WAIT_DONE;

    zmq_msg_init(&body);
    read_subscriptions(s);
    while (w == WAIT_DONE && (s->readers <= 0 || (s->answers && !s->heard))) {
        w = wait_event(s, true, deadline_ns);
        if (s->answers)
            read_answer(s, &body);
    }
    zmq_msg_close(&body);
    if (w == WAIT_TIMEOUT && s->readers > 0)
        err_say(why, ERR_IO, "%s takes frames, but no message comes from %s", s->frames_at,
                s->answers_at);
    else if (w == WAIT_TIMEOUT)
        err_say(why, ERR_IO, "no daemon at %s takes frames: is outriderd running?", s->frames_at);
    return w;
}

static bool is_answer(const struct header *a, const struct frame_header *h)
{
    return h && a->has_frame && a->frame_id == h->frame_id && a->t_sof_ns == h->t_sof_ns;
}

/* Subscriptions are prefixes: front_left comes along with front. */
static bool is_heard(const struct sender *s, const struct header *a)
{
    return s->hear && !strcmp(a->camera, s->camera);
}

/* Take in what came; both parts of the answer to h turn true when they are among it. */
static void read_answers(struct sender *s, const struct frame_header *h, zmq_msg_t *body,
                         bool *objects, bool *lanes)
{
    enum topic t;

    while ((t = read_answer(s, body)) != TOPIC_UNKNOWN) {
        struct bytes b = {zmq_msg_data(body), zmq_msg_size(body)};

        if (t == TOPIC_OBJECTS && wire_objects_unpack(s->wire, b, &s->objects, &s->unread) == OK) {
            *objects |= is_answer(&s->objects.header, h);
            if (is_heard(s, &s->objects.header))
                s->hear(s->hear_context, &s->objects, NULL);
        }
        if (t == TOPIC_LANES && wire_lanes_unpack(s->wire, b, &s->lanes, &s->unread) == OK) {
            *lanes |= is_answer(&s->lanes.header, h);
            if (is_heard(s, &s->lanes.header))
                s->hear(s->hear_context, NULL, &s->lanes);
        }
    }
}

enum wait sender_sleep(struct sender *s, int64_t deadline_ns)
{
    enum wait w = WAIT_DONE;
    bool objects = false, lanes = false;
    zmq_msg_t body;

    zmq_msg_init(&body);
    while (w == WAIT_DONE) {
        w = wait_event(s, s->hear, deadline_ns);
        if (s->hear)
            read_answers(s, NULL, &body, &objects, &lanes);
    }
    zmq_msg_close(&body);
    return w;
}

enum wait sender_await_answers(struct sender *s, const struct frame_header *h, int64_t deadline_ns,
                               struct why *why)
{
    bool objects = false, lanes = false;
    enum wait w = WAIT_DONE;
    zmq_msg_t body;

    assert(s->answers);
    s->unread.text[0] = 0;
    zmq_msg_init(&body);
    while (w == WAIT_DONE && !(objects && lanes)) {
        w = wait_event(s, true, deadline_ns);
        read_answers(s, h, &body, &objects, &lanes);
    }
    zmq_msg_close(&body);
    if (objects && lanes)
        return WAIT_DONE;
    if (w == WAIT_TIMEOUT)
        err_say(why, ERR_IO, "no %s message at %s answers frame %" PRIu64 "%s%s",
                objects ? "lanes"
                : lanes ? "objects"
                        : "objects or lanes",
                s->answers_at, h->frame_id, s->unread.text[0] ? "; unreadable: " : "",
                s->unread.text);
    return w;
}
