#include <assert.h>

#include "proto/status.pb-c.h"
#include "proto/wire_internal.h"

_Static_assert((int)STATE_STARTING == OUTRIDER__DAEMON_STATE__STARTING, "");
_Static_assert((int)STATE_RUNNING == OUTRIDER__DAEMON_STATE__RUNNING, "");
_Static_assert((int)STATE_STOPPING == OUTRIDER__DAEMON_STATE__STOPPING, "");
_Static_assert((int)MODE_LIVE == OUTRIDER__MODE__LIVE, "");
_Static_assert((int)MODE_LOCKSTEP == OUTRIDER__MODE__LOCKSTEP, "");

static Outrider__CameraStatus *put_camera_status(struct wire *w, const struct camera_status *c)
{
    Outrider__CameraStatus *m = NEW(w, Outrider__CameraStatus, outrider__camera_status__init);

    m->camera = put_name(w, c->camera);
    PUT(m, qualifier, (Outrider__Qualifier)c->qualifier);
    m->n_reasons = put_reasons(w, &m->reasons, c->reasons);
    PUT(m, frames_received, c->frames_received);
    PUT(m, frames_answered, c->frames_answered);
    m->drops = put_drops(w, &c->drops, DROP_COUNT);
    PUT_SIGMA(m, frame_rate_hz, c->frame_rate_hz);
    PUT_SIGMA(m, latency_p50_ms, c->latency_p50_ms);
    PUT_SIGMA(m, latency_p99_ms, c->latency_p99_ms);
    PUT_SIGMA(m, decode_ms, c->decode_ms);
    PUT_SIGMA(m, infer_ms, c->infer_ms);
    m->last_error = put_text(w, c->last_error, sizeof c->last_error);
    return m;
}

struct bytes wire_status_pack(struct wire *w, const struct status_message *s)
{
    Outrider__Status *m;

    assert(s->n_cameras >= 0 && s->n_cameras <= MESSAGE_MAX_CAMERAS);
    wire_begin(w);
    m = NEW(w, Outrider__Status, outrider__status__init);
    PUT(m, schema_major, SCHEMA_MAJOR);
    PUT(m, schema_minor, SCHEMA_MINOR);
    put_uuid(&m->has_run_uuid, &m->run_uuid, s->run_uuid);
    PUT(m, seq, s->seq);
    PUT_TIME(m, t_publish_ns, s->t_publish_ns);
    PUT(m, state, (Outrider__DaemonState)s->state);
    PUT(m, mode, (Outrider__Mode)s->mode);
    m->version = put_text(w, s->version, sizeof s->version);
    m->model_id = put_text(w, s->model_id, sizeof s->model_id);
    m->config_id = put_text(w, s->config_id, sizeof s->config_id);
    m->cpu_level = put_text(w, s->cpu_level, sizeof s->cpu_level);
    PUT_DURATION(m, uptime_ns, s->uptime_ns);
    PUT(m, messages_malformed, s->messages_malformed);
    PUT(m, messages_unknown_topic, s->messages_unknown_topic);
    m->cameras = NEW_ARRAY(w, Outrider__CameraStatus *, s->n_cameras);
    for (int i = 0; i < s->n_cameras; i++)
        m->cameras[m->n_cameras++] = put_camera_status(w, &s->camera[i]);
    return wire_pack(w, &m->base);
}

static void read_camera_status(struct reader *r, const Outrider__CameraStatus *m,
                               struct camera_status *c)
{
    read_name(r, "camera", m->camera, c->camera);
    c->qualifier = READ_ENUM(m, qualifier, QUALIFIER_BLIND + 1);
    c->reasons = read_reasons(r, m->reasons, m->n_reasons);
    c->frames_received = READ_COUNT(m, frames_received);
    c->frames_answered = READ_COUNT(m, frames_answered);
    read_drops(m->drops, &c->drops);
    c->frame_rate_hz = READ_SIGMA(r, m, frame_rate_hz);
    c->latency_p50_ms = READ_SIGMA(r, m, latency_p50_ms);
    c->latency_p99_ms = READ_SIGMA(r, m, latency_p99_ms);
    c->decode_ms = READ_SIGMA(r, m, decode_ms);
    c->infer_ms = READ_SIGMA(r, m, infer_ms);
    READ_TEXT(r, m, last_error, c->last_error);
}

enum err wire_status_unpack(struct wire *w, struct bytes b, struct status_message *out,
                            struct why *why)
{
    struct reader r = {.why = why, .message = "status"};
    struct status_message *s = &w->staged.status;
    Outrider__Status *m;
    enum err e =
        wire_parse(w, &outrider__status__descriptor, r.message, b, WIRE_MAX_MESSAGE, &m, why);

    if (e != OK)
        return e;
    READ_SCHEMA(&r, m);
    read_uuid(&r, m->has_run_uuid, m->run_uuid, s->run_uuid);
    s->seq = READ_COUNT(m, seq);
    s->t_publish_ns = READ_TIME(&r, m, t_publish_ns);
    s->state = READ_ENUM(m, state, STATE_STOPPING + 1);
    s->mode = READ_ENUM(m, mode, MODE_LOCKSTEP + 1);
    READ_TEXT(&r, m, version, s->version);
    READ_TEXT(&r, m, model_id, s->model_id);
    READ_TEXT(&r, m, config_id, s->config_id);
    READ_TEXT(&r, m, cpu_level, s->cpu_level);
    s->uptime_ns = READ_DURATION(&r, m, uptime_ns);
    s->messages_malformed = READ_COUNT(m, messages_malformed);
    s->messages_unknown_topic = READ_COUNT(m, messages_unknown_topic);
    s->n_cameras = read_list(&r, "cameras", m->n_cameras, MESSAGE_MAX_CAMERAS);
    for (int i = 0; i < s->n_cameras; i++) {
        struct place place = {NULL, "cameras", (size_t)i};

        r.place = &place;
        read_camera_status(&r, m->cameras[i], &s->camera[i]);
        r.place = NULL;
    }
    if (r.e == OK)
        *out = *s;
    return r.e;
}
