#include "daemon/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus.h"
#include "daemon/log.h"
#include "daemon/pulse.h"
#include "perception/kernels/kernels.h"

#define CALIBRATION_PERIOD_NS (2 * NS_PER_S) /* late joiners need not wait longer */
#define STATUS_GAP_NS (NS_PER_S / 20)        /* however much changes */

enum {
    TOPIC_BYTES = MESSAGE_MAX_NAME + 16,
    LIVE_AHEAD = 16, /* messages of each topic that a reader may be behind */
    LOCKSTEP_AHEAD = 1000,
};

struct voice { /* one camera's topics */
    struct channel *channel;
    char objects_topic[TOPIC_BYTES], lanes_topic[TOPIC_BYTES], calibration_topic[TOPIC_BYTES];
    struct header header; /* what all its messages have in common */
    unsigned gives;       /* HEAD_... bits, once the worker is ready */
    struct pulse pulse;
    struct health health;
    struct pressure pressure;
    struct drops told;        /* as of the last message */
    uint64_t seq;             /* of objects and of lanes, which leave together */
    bool has_answer;          /* the reader's slot holds one */
    enum qualifier qualifier; /* of the last message, for the status */
    uint32_t reasons;         /* likewise */
    uint64_t calibration_seq;
    int64_t calibration_due_ns;
    unsigned calibration_nr;
    struct mount_state mount; /* of the last answer */
    enum mount_status mount_told;
};

struct publish {
    struct daemon *daemon;
    void *socket;
    struct wire *wire;
    struct voice *voice;
    struct objects_message no_objects; /* said when there is no answer */
    struct lanes_message no_lanes;
    struct status_message status;
    int64_t status_said_ns, status_due_ns;
};

static uint32_t bit(enum reason r)
{
    return 1u << r;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- opening ------------------------------------------------------------------------------- */

static void voice_init(struct voice *v, struct channel *c)
{
    const char *name = c->config->name;

    v->channel = c;
    header_init(&v->header, c->daemon->run_uuid, name, c->daemon->config->id);
    topic_format(TOPIC_OBJECTS, name, v->objects_topic);
    topic_format(TOPIC_LANES, name, v->lanes_topic);
    topic_format(TOPIC_CALIBRATION, name, v->calibration_topic);
    v->mount = mount_unknown();
    pulse_init(&v->pulse);
}

enum err publish_open(struct daemon *d, void *zmq, struct publish **out, struct why *why)
{
    struct publish *p = calloc(1, sizeof *p);
    int linger = PUBLISH_LINGER_MS;
    /* A full queue drops its newest message, so live it is short: a slow reader misses some, as seq
     * tells, but does not fall far behind. */
    int ahead = d->config->mode == MODE_LOCKSTEP ? LOCKSTEP_AHEAD : LIVE_AHEAD;
    int hwm = ahead * (3 * d->n_channels + 1);
    enum err e;

    *out = NULL;
    if (p)
        p->voice = calloc((size_t)d->n_channels, sizeof *p->voice);
    if (!p || !p->voice || wire_open(&p->wire) != OK) {
        publish_close(p);
        return err_say(why, ERR_NOMEM, "no memory for the publishing thread");
    }
    p->daemon = d;
    for (int i = 0; i < d->n_channels; i++)
        voice_init(&p->voice[i], &d->channel[i]);
    p->socket = zmq_socket(zmq, ZMQ_PUB);
    if (!p->socket || zmq_setsockopt(p->socket, ZMQ_SNDHWM, &hwm, sizeof hwm) != 0 ||
        zmq_setsockopt(p->socket, ZMQ_LINGER, &linger, sizeof linger) != 0)
        e = err_say(why, ERR_IO, "bus.out: %s", zmq_strerror(errno));
    else
        e = bus_attach(p->socket, "bus.out", &d->config->out, why);
    if (e != OK) {
        publish_close(p);
        return e;
    }
    *out = p;
    return OK;
}

void publish_close(struct publish *p)
{
    if (!p)
        return;
    if (p->socket)
        zmq_close(p->socket);
    wire_close(p->wire);
    free(p->voice);
    free(p);
}

/* ---- objects and lanes --------------------------------------------------------------------- */

static void send_message(struct publish *p, const char *topic, struct bytes b)
{
    int events;
    size_t size = sizeof events;

    /* libzmq learns only now and then what readers took away, and drops messages of a burst
     * although nobody is slow. Asking makes it look. */
    zmq_getsockopt(p->socket, ZMQ_EVENTS, &events, &size);
    /* A PUB socket never makes us wait; it fails only where the daemon is ending. */
    if (zmq_send(p->socket, topic, strlen(topic), ZMQ_SNDMORE) >= 0 &&
        zmq_send(p->socket, b.data, b.size, 0) >= 0)
        return;
    log_debug("send_failed", "topic=%s why=\"%s\"", topic, zmq_strerror(errno));
}

static void note_state(struct publish *p, struct voice *v, enum qualifier q, uint32_t reasons)
{
    if (q != v->qualifier) {
        char why[REASONS_TEXT];

        reasons_text(reasons, why);
        log_info("camera_state", "camera=%s qualifier=%s reasons=%s", v->channel->config->name,
                 qualifier_name(q), why);
        p->status_due_ns = earlier(p->status_due_ns, p->status_said_ns + STATUS_GAP_NS);
    }
    v->qualifier = q;
    v->reasons = reasons;
}

static void say(struct publish *p, struct voice *v, struct objects_message *o,
                struct lanes_message *l, const struct drops *drops, int64_t now_ns)
{
    o->header.seq = l->header.seq = v->seq;
    o->header.drops = l->header.drops = *drops;
    o->header.t_publish_ns = l->header.t_publish_ns = now_ns;
    send_message(p, v->objects_topic, wire_objects_pack(p->wire, o));
    send_message(p, v->lanes_topic, wire_lanes_pack(p->wire, l));
    /* What the camera is worth: its objects, or its lanes where nobody looks for objects. */
    if ((v->gives & HEAD_LANES) && !(v->gives & HEAD_OBJECTS))
        note_state(p, v, l->header.qualifier, l->header.reasons);
    else
        note_state(p, v, o->header.qualifier, o->header.reasons);
}

/* Frames lost since the last message. */
static struct drops drops_since(struct voice *v)
{
    struct drops now = counters_drops(&v->channel->counters), since;

    for (int i = 0; i < DROP_COUNT; i++)
        since.count[i] = now.count[i] - v->told.count[i];
    v->told = now;
    return since;
}

static void add_reason(struct header *h, enum reason r, bool reduces)
{
    h->reasons |= bit(r);
    if (reduces && h->qualifier == QUALIFIER_AVAILABLE)
        h->qualifier = QUALIFIER_AVAILABLE_REDUCED;
}

/* Live only: did frames get lost on the way to this answer, and does that make it worse? */
static void judge_answer(struct voice *v, struct answer *a, const struct drops *drops,
                         int64_t now_ns)
{
    struct counters *c = &v->channel->counters;
    bool most_lost = pressure_high(&v->pressure, now_ns, atomic_load(&c->received),
                                   atomic_load(&c->drop[DROP_OVERWRITTEN]));
    bool old = now_ns - a->objects.header.t_recv_ns > 2 * a->objects.header.expected_period_ns;

    if (drops->count[DROP_OVERWRITTEN] || old) {
        add_reason(&a->objects.header, REASON_OVERLOAD, most_lost || old);
        add_reason(&a->lanes.header, REASON_OVERLOAD, most_lost || old);
    }
    if (drops->count[DROP_DUPLICATE]) {
        add_reason(&a->objects.header, REASON_DUPLICATE, false);
        add_reason(&a->lanes.header, REASON_DUPLICATE, false);
    }
}

static void say_answer(struct publish *p, struct voice *v)
{
    struct channel *c = v->channel;
    struct answer *a = &c->answer[c->answers.front];
    struct drops drops = drops_since(v);
    int64_t now_ns = clock_now_ns();

    if (p->daemon->config->mode == MODE_LIVE)
        judge_answer(v, a, &drops, now_ns);
    v->has_answer = true;
    v->mount = a->mount;
    v->seq++;
    atomic_fetch_add(&c->counters.answered, 1);
    say(p, v, &a->objects, &a->lanes, &drops, now_ns);
    pulse_answered(&v->pulse, now_ns);
    health_answer(&v->health, now_ns - a->objects.header.t_recv_ns, a->decode_ns, a->infer_ns);
}

/* The last answer once more, as long as its numbers are good. False: they are not. */
static bool say_again(struct publish *p, struct voice *v, const struct drops *drops, int64_t now_ns)
{
    struct channel *c = v->channel;
    struct answer *a = &c->answer[c->answers.front];
    struct header *o = &a->objects.header, *l = &a->lanes.header;

    if (!v->has_answer || now_ns - o->t_recv_ns > valid_for_ns(o->expected_period_ns))
        return false;
    o->has_frame = l->has_frame = false;
    add_reason(o, REASON_OVERLOAD, true);
    add_reason(l, REASON_OVERLOAD, true);
    say(p, v, &a->objects, &a->lanes, drops, now_ns);
    return true;
}

static void say_nothing_known(struct publish *p, struct voice *v, uint32_t reasons,
                              const struct drops *drops, int64_t now_ns)
{
    struct header *h = &p->no_objects.header;
    int64_t period_ns = atomic_load(&v->channel->period_ns);

    *h = v->header;
    if (v->has_answer)
        h->clock_epoch = v->channel->answer[v->channel->answers.front].objects.header.clock_epoch;
    h->clock_id = CLOCK_ID_MONOTONIC;
    h->expected_period_ns = period_ns;
    h->valid_until_ns = now_ns + 2 * period_ns;
    h->reasons = reasons;
    p->no_lanes.header = *h;
    say(p, v, &p->no_objects, &p->no_lanes, drops, now_ns);
}

static void say_something(struct publish *p, struct voice *v, enum pulse_speech speech)
{
    static const enum reason why[] = {[PULSE_NO_FRAMES] = REASON_NO_FRAMES,
                                      [PULSE_LOADING] = REASON_WARMUP,
                                      [PULSE_OVERLOAD] = REASON_OVERLOAD,
                                      [PULSE_HUNG] = REASON_MODEL_FAULT};
    struct drops drops = drops_since(v);
    uint32_t reasons = bit(why[speech]);
    int64_t now_ns = clock_now_ns();

    /* Lock-step counts answers only, so that runs are alike however long they waited to begin. */
    if (p->daemon->config->mode == MODE_LIVE)
        v->seq++;
    if (speech == PULSE_OVERLOAD && say_again(p, v, &drops, now_ns))
        return;
    if (atomic_load(&v->channel->state) == WORKER_LOADING)
        reasons |= bit(REASON_WARMUP);
    if (speech == PULSE_NO_FRAMES && drops.count[DROP_MALFORMED])
        reasons |= bit(REASON_UNDECODABLE);
    if (drops.count[DROP_DUPLICATE])
        reasons |= bit(REASON_DUPLICATE);
    say_nothing_known(p, v, reasons, &drops, now_ns);
}

/* Everything of one camera that is due; returns when to look again. */
static int64_t tend(struct publish *p, struct voice *v)
{
    struct channel *c = v->channel;
    struct pulse_view view = {.now_ns = clock_now_ns(),
                              .period_ns = atomic_load(&c->period_ns),
                              .received_ns = atomic_load(&c->received_ns),
                              .busy_since_ns = atomic_load(&c->busy_since_ns),
                              .waiting = mailbox_full(&c->frames),
                              .loading = atomic_load(&c->state) == WORKER_LOADING};
    enum pulse_speech speech;
    int64_t next_ns;

    if (!v->gives && atomic_load(&c->state) == WORKER_READY) {
        v->gives = c->gives;
        memcpy(v->header.model_id, c->model_id, sizeof c->model_id);
    }
    if (mailbox_take(&c->answers)) {
        wake_ring(&c->sent);
        say_answer(p, v);
        return view.now_ns; /* there may be more */
    }
    /* In lock-step the sender sets the pace; what leaves depends on frames alone once they flow. */
    if (p->daemon->config->mode == MODE_LOCKSTEP && view.received_ns != TIME_UNKNOWN)
        return INT64_MAX;
    speech = pulse_check(&v->pulse, &view, &next_ns);
    if (speech != PULSE_NOTHING)
        say_something(p, v, speech);
    return next_ns;
}

/* ---- calibration and status ---------------------------------------------------------------- */

static int64_t say_calibration(struct publish *p, struct voice *v)
{
    struct channel *c = v->channel;
    struct calibration_message m = {.has_header = true};
    int64_t now_ns = clock_now_ns();
    unsigned nr;

    pthread_mutex_lock(&c->lock);
    m.camera = c->calibration;
    m.source = c->calibration_source;
    nr = c->calibration_nr;
    pthread_mutex_unlock(&c->lock);
    m.mount = v->mount;
    if (now_ns < v->calibration_due_ns && nr == v->calibration_nr &&
        m.mount.status == v->mount_told)
        return v->calibration_due_ns;
    calibration_id(&m.camera, v->header.calibration_id);
    m.header = v->header;
    m.header.seq = ++v->calibration_seq;
    m.header.t_publish_ns = now_ns;
    m.header.clock_id = CLOCK_ID_MONOTONIC;
    m.header.expected_period_ns = CALIBRATION_PERIOD_NS;
    m.header.valid_until_ns = now_ns + 2 * CALIBRATION_PERIOD_NS;
    m.header.qualifier = m.camera.width ? QUALIFIER_AVAILABLE : QUALIFIER_NOT_AVAILABLE;
    if (m.mount.status == MOUNT_MOVED)
        m.header.qualifier = QUALIFIER_AVAILABLE_REDUCED;
    m.header.reasons = m.camera.width ? 0 : bit(REASON_UNCALIBRATED);
    send_message(p, v->calibration_topic, wire_calibration_pack(p->wire, &m));
    if (m.mount.status == MOUNT_MOVED && v->mount_told != MOUNT_MOVED)
        log_warn("camera_moved", "camera=%s pitch_error_rad=%.4f yaw_error_rad=%.4f",
                 v->header.camera, (double)m.mount.pitch_rad, (double)m.mount.yaw_rad);
    v->mount_told = m.mount.status;
    v->calibration_nr = nr;
    v->calibration_due_ns = now_ns + CALIBRATION_PERIOD_NS;
    return v->calibration_due_ns;
}

static void fill_camera(struct voice *v, int64_t now_ns, struct camera_status *out)
{
    struct channel *c = v->channel;

    snprintf(out->camera, sizeof out->camera, "%s", c->config->name);
    out->qualifier = v->qualifier;
    out->reasons = v->reasons;
    health_rate(&v->health, now_ns, atomic_load(&c->counters.received));
    health_fill(&v->health, &c->counters, out);
    pthread_mutex_lock(&c->lock);
    memcpy(out->last_error, c->last_error, sizeof out->last_error);
    pthread_mutex_unlock(&c->lock);
}

static void fill_strangers(struct daemon *d, struct status_message *s)
{
    pthread_mutex_lock(&d->lock);
    for (int i = 0; i < d->n_strangers && s->n_cameras < MESSAGE_MAX_CAMERAS; i++) {
        struct camera_status *out = &s->camera[s->n_cameras++];

        *out = (struct camera_status){.qualifier = QUALIFIER_NOT_AVAILABLE,
                                      .reasons = bit(REASON_CONFIG),
                                      .frame_rate_hz = NAN,
                                      .latency_p50_ms = NAN,
                                      .latency_p99_ms = NAN,
                                      .decode_ms = NAN,
                                      .infer_ms = NAN};
        snprintf(out->camera, sizeof out->camera, "%s", d->stranger[i].name);
        snprintf(out->last_error, sizeof out->last_error, "camera is not configured");
        out->drops.count[DROP_UNKNOWN_CAMERA] = d->stranger[i].frames;
    }
    pthread_mutex_unlock(&d->lock);
}

static enum daemon_state state_of(const struct daemon *d)
{
    if (atomic_load(&d->stopping))
        return STATE_STOPPING;
    for (int i = 0; i < d->n_channels; i++)
        if (atomic_load(&d->channel[i].state) == WORKER_LOADING)
            return STATE_STARTING;
    return STATE_RUNNING;
}

static void say_status(struct publish *p, enum daemon_state state)
{
    struct daemon *d = p->daemon;
    struct status_message *s = &p->status;
    int64_t now_ns = clock_now_ns();

    memcpy(s->run_uuid, d->run_uuid, sizeof s->run_uuid);
    s->seq++;
    s->t_publish_ns = now_ns;
    s->state = state;
    s->mode = d->config->mode;
    snprintf(s->version, sizeof s->version, "%s", OUTRIDER_VERSION);
    memcpy(s->model_id, p->voice[0].header.model_id, sizeof s->model_id);
    memcpy(s->config_id, d->config->id, sizeof s->config_id);
    snprintf(s->cpu_level, sizeof s->cpu_level, "%s", cpu_name(cpu_detect() & d->config->cpu_mask));
    s->uptime_ns = now_ns - d->start_ns;
    s->messages_malformed = atomic_load(&d->malformed);
    s->messages_unknown_topic = atomic_load(&d->unknown_topic);
    s->n_cameras = d->n_channels;
    for (int i = 0; i < d->n_channels; i++)
        fill_camera(&p->voice[i], now_ns, &s->camera[i]);
    fill_strangers(d, s);
    send_message(p, "status", wire_status_pack(p->wire, s));
    p->status_said_ns = now_ns;
    p->status_due_ns = now_ns + (int64_t)((double)NS_PER_S / (double)d->config->status_hz);
}

/* ---- the thread ---------------------------------------------------------------------------- */

void *publish_thread(void *publish)
{
    struct publish *p = publish;
    struct daemon *d = p->daemon;

    while (!atomic_load(&d->stopping)) {
        enum daemon_state state = state_of(d);
        int64_t next_ns;

        if (p->status.state != state || clock_now_ns() >= p->status_due_ns)
            say_status(p, state);
        next_ns = p->status_due_ns;
        for (int i = 0; i < d->n_channels; i++) {
            next_ns = earlier(next_ns, say_calibration(p, &p->voice[i]));
            next_ns = earlier(next_ns, tend(p, &p->voice[i]));
            next_ns = earlier(next_ns, p->status_due_ns);
        }
        wake_wait(&d->answered, next_ns - clock_now_ns());
    }
    say_status(p, STATE_STOPPING);
    return NULL;
}
