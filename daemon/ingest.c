/* Nothing that comes in may stop or delay the rest: each message is judged on its own, counted and,
 * if it is bad, logged at a bounded rate. The newest frame wins because every frame is posted into
 * its camera's mailbox at once; in lock-step the thread waits until the worker took the last one.
 */
#include "daemon/ingest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/log.h"

enum {
    MAX_PARTS = 3,
    LIVE_HWM = 4,        /* messages that a sender may be ahead of us */
    LOCKSTEP_HWM = 1000, /* here it must not lose one */
    BURST = 64,          /* messages between two looks at the stop bell */
};

struct ingest {
    struct daemon *daemon;
    void *socket;
    struct wire *wire;
    bool has_ego;
    struct ego ego; /* the newest */
};

/* ---- opening ------------------------------------------------------------------------------- */

enum err ingest_open(struct daemon *d, void *zmq, struct ingest **out, struct why *why)
{
    struct ingest *in = calloc(1, sizeof *in);
    int hwm = d->config->mode == MODE_LOCKSTEP ? LOCKSTEP_HWM : LIVE_HWM, linger = 0;
    int64_t max_bytes = FRAME_MAX_PIXEL_BYTES;
    enum err e;

    *out = NULL;
    if (!in || wire_open(&in->wire) != OK) {
        ingest_close(in);
        return err_say(why, ERR_NOMEM, "no memory for the receive thread");
    }
    in->daemon = d;
    in->socket = zmq_socket(zmq, ZMQ_SUB);
    if (!in->socket || zmq_setsockopt(in->socket, ZMQ_RCVHWM, &hwm, sizeof hwm) != 0 ||
        zmq_setsockopt(in->socket, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_setsockopt(in->socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes) != 0 ||
        zmq_setsockopt(in->socket, ZMQ_SUBSCRIBE, "", 0) != 0) /* also what we do not know */
        e = err_say(why, ERR_IO, "bus.in: %s", zmq_strerror(errno));
    else
        e = bus_attach(in->socket, "bus.in", &d->config->in, why);
    if (e != OK) {
        ingest_close(in);
        return e;
    }
    *out = in;
    return OK;
}

void ingest_close(struct ingest *in)
{
    if (!in)
        return;
    if (in->socket)
        zmq_close(in->socket);
    wire_close(in->wire);
    free(in);
}

/* ---- what can be wrong --------------------------------------------------------------------- */

static void refuse(struct ingest *in, struct channel *c, const char *topic, const char *text)
{
    atomic_fetch_add(&in->daemon->malformed, 1);
    if (c) {
        atomic_fetch_add(&c->counters.drop[DROP_MALFORMED], 1);
        channel_error(c, text);
    }
    log_warn("message_malformed", "topic=%s why=\"%s\"", topic, text);
}

/* Who sends frames without being configured shows up in the status by name. */
static void meet_stranger(struct daemon *d, const char *name)
{
    int i = 0;

    atomic_fetch_add(&d->unknown_topic, 1);
    pthread_mutex_lock(&d->lock);
    while (i < d->n_strangers && strcmp(d->stranger[i].name, name) != 0)
        i++;
    if (i == d->n_strangers && i < MAX_STRANGERS) {
        snprintf(d->stranger[i].name, sizeof d->stranger[i].name, "%s", name);
        d->n_strangers++;
    }
    if (i < d->n_strangers)
        d->stranger[i].frames++;
    pthread_mutex_unlock(&d->lock);
    log_warn("unknown_camera", "camera=%s", name);
}

static struct bytes bytes_of(zmq_msg_t *m)
{
    return (struct bytes){zmq_msg_data(m), zmq_msg_size(m)};
}

/* ---- what comes in ------------------------------------------------------------------------- */

static void post(struct channel *c)
{
    bool lockstep = c->daemon->config->mode == MODE_LOCKSTEP;

    while (lockstep && mailbox_full(&c->frames) && !atomic_load(&c->daemon->stopping))
        wake_wait(&c->taken, NS_PER_S / 10);
    if (mailbox_post(&c->frames))
        atomic_fetch_add(&c->counters.drop[DROP_OVERWRITTEN], 1);
    wake_ring(&c->posted);
}

static void take_frame(struct ingest *in, struct channel *c, const char *topic, zmq_msg_t *part)
{
    bool lockstep = in->daemon->config->mode == MODE_LOCKSTEP;
    struct slot *s = &c->slot[c->frames.back];
    struct frame *f = &s->frame;
    int64_t now_ns = clock_now_ns();
    struct why why;

    if (wire_frame_header_unpack(in->wire, bytes_of(&part[1]), zmq_msg_size(&part[2]), &f->header,
                                 &why) != OK) {
        refuse(in, c, topic, why.text);
        return;
    }
    atomic_fetch_add(&c->counters.received, 1);
    f->ego = pipeline_ego(in->has_ego ? &in->ego : NULL, &f->header);
    f->arrival = timeline_admit(&c->timeline, &f->header, lockstep ? TIME_UNKNOWN : now_ns);
    f->period_ns = c->timeline.period_ns;
    f->t_recv_ns = now_ns;
    atomic_store(&c->period_ns, f->period_ns);
    if (f->arrival != ARRIVAL_NEW) {
        enum drop cause = f->arrival == ARRIVAL_DUPLICATE ? DROP_DUPLICATE : DROP_OUT_OF_ORDER;

        atomic_fetch_add(&c->counters.drop[cause], 1);
        if (!lockstep)
            return;
    }
    atomic_store(&c->received_ns, now_ns);
    zmq_msg_move(&s->pixels, &part[2]);
    f->pixels = bytes_of(&s->pixels);
    pthread_mutex_lock(&c->lock);
    s->calibration_nr = c->calibration_nr;
    s->calibration = c->calibration;
    pthread_mutex_unlock(&c->lock);
    post(c);
}

static void take_calibration(struct ingest *in, struct channel *c, const char *topic,
                             struct bytes b)
{
    struct calibration_message m;
    struct why why;

    if (wire_calibration_unpack(in->wire, b, &m, &why) != OK ||
        camera_check(&m.camera, &why) != OK) {
        refuse(in, c, topic, why.text);
        return;
    }
    channel_calibrate(c, &m.camera);
    wake_ring(&in->daemon->answered); /* it is echoed at once */
    log_info("calibration", "camera=%s width=%d height=%d", c->config->name, m.camera.width,
             m.camera.height);
}

static void take_ego(struct ingest *in, const char *topic, struct bytes b)
{
    struct why why;

    if (wire_ego_unpack(in->wire, b, &in->ego, &why) != OK)
        refuse(in, NULL, topic, why.text);
    else
        in->has_ego = true;
}

void ingest_message(struct ingest *in, zmq_msg_t *part, int n)
{
    struct daemon *d = in->daemon;
    char name[MESSAGE_MAX_NAME] = "", topic[MESSAGE_MAX_NAME + 16];
    enum topic t = topic_parse(bytes_of(&part[0]), name);
    struct channel *c = NULL;
    int want = t == TOPIC_FRAME ? 3 : 2;

    if (t == TOPIC_FRAME || t == TOPIC_CALIBRATION)
        c = channel_find(d, name);
    if (t == TOPIC_FRAME && !c) {
        meet_stranger(d, name);
        return;
    }
    if (!c && (t != TOPIC_EGO || strcmp(name, d->config->vehicle) != 0)) {
        atomic_fetch_add(&d->unknown_topic, 1);
        log_warn("unknown_topic", "topic_bytes=%zu kind=%d name=%s", zmq_msg_size(&part[0]), (int)t,
                 name);
        return;
    }
    topic_format(t, name, topic);
    if (n != want) {
        struct why why;

        err_say(&why, ERR_FORMAT, "message of %d parts, must be %d", n, want);
        refuse(in, c, topic, why.text);
    } else if (t == TOPIC_FRAME) {
        take_frame(in, c, topic, part);
    } else if (t == TOPIC_CALIBRATION) {
        take_calibration(in, c, topic, bytes_of(&part[1]));
    } else {
        take_ego(in, topic, bytes_of(&part[1]));
    }
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* All parts of the next message; those beyond MAX_PARTS are counted and forgotten. 0: none there.
 */
static int receive(void *socket, zmq_msg_t part[MAX_PARTS])
{
    int n = 0, more = 1;
    zmq_msg_t extra;

    zmq_msg_init(&extra);
    while (more) {
        zmq_msg_t *m = n < MAX_PARTS ? &part[n] : &extra;

        if (zmq_msg_recv(m, socket, ZMQ_DONTWAIT) < 0) {
            if (errno == EINTR)
                continue;
            n = 0;
            break;
        }
        more = zmq_msg_more(m);
        n++;
    }
    zmq_msg_close(&extra);
    return n;
}

void *ingest_thread(void *ingest)
{
    struct ingest *in = ingest;
    zmq_msg_t part[MAX_PARTS];

    for (int i = 0; i < MAX_PARTS; i++)
        zmq_msg_init(&part[i]);
    while (!atomic_load(&in->daemon->stopping)) {
        zmq_pollitem_t item[] = {{.socket = in->socket, .events = ZMQ_POLLIN},
                                 {.fd = in->daemon->stop.fd, .events = ZMQ_POLLIN}};
        int n = 1;

        if (zmq_poll(item, 2, -1) < 0 && errno == ETERM)
            break;
        for (int i = 0; i < BURST && n > 0; i++) {
            n = receive(in->socket, part);
            if (n > 0)
                ingest_message(in, part, n);
        }
    }
    for (int i = 0; i < MAX_PARTS; i++)
        zmq_msg_close(&part[i]);
    return NULL;
}
