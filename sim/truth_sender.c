#include "sim/truth_sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "proto/wire.h"
#include "sim/endpoint.h"

enum { LINGER_MS = 1000, TOPIC_BYTES = MESSAGE_MAX_NAME + 24, VALID_PERIODS = 2 };

struct truth_sender {
    struct endpoint out;
    struct wire *wire;
    char objects_topic[TOPIC_BYTES], lanes_topic[TOPIC_BYTES], ego_topic[TOPIC_BYTES];
    int64_t period_ns;
    struct header header; /* as it is in each message */
    struct objects_message objects;
    struct lanes_message lanes;
};

static void name_topic(char out[TOPIC_BYTES], enum topic t, const char *name)
{
    char plain[MESSAGE_MAX_NAME + 16];

    topic_format(t, name, plain);
    snprintf(out, TOPIC_BYTES, "truth/%s", plain);
}

enum err truth_sender_open(const struct truth_sender_options *o, struct truth_sender **out,
                           struct why *why)
{
    struct truth_sender *s = calloc(1, sizeof *s);
    enum err e;

    *out = NULL;
    if (!s || wire_open(&s->wire) != OK) {
        truth_sender_close(s);
        return err_say(why, ERR_NOMEM, "no memory");
    }
    name_topic(s->objects_topic, TOPIC_OBJECTS, o->camera);
    name_topic(s->lanes_topic, TOPIC_LANES, o->camera);
    name_topic(s->ego_topic, TOPIC_EGO, o->vehicle);
    s->period_ns = o->period_ns;
    header_clear(&s->header);
    memset(s->header.run_uuid, 0x7e, 8);
    memcpy(s->header.run_uuid + 8, &o->seed, sizeof o->seed);
    snprintf(s->header.model_id, sizeof s->header.model_id, "truth");
    snprintf(s->header.camera, sizeof s->header.camera, "%s", o->camera);
    e = endpoint_open(&s->out, ZMQ_PUB, LINGER_MS, why);
    if (e == OK)
        e = endpoint_bind(&s->out, o->endpoint, "--truth", why);
    if (e != OK) {
        truth_sender_close(s);
        return e;
    }
    *out = s;
    return OK;
}

void truth_sender_close(struct truth_sender *s)
{
    if (!s)
        return;
    endpoint_close(&s->out);
    wire_close(s->wire);
    free(s);
}

static void send_two(struct truth_sender *s, const char *topic, struct bytes b)
{
    if (zmq_send(s->out.socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        zmq_send(s->out.socket, b.data, b.size, ZMQ_DONTWAIT);
}

void truth_sender_send(struct truth_sender *s, const struct truth *t, const struct frame_header *h)
{
    s->header.seq++;
    truth_sender_send_first(s, t, h);
}

void truth_sender_send_first(struct truth_sender *s, const struct truth *t,
                             const struct frame_header *h)
{
    struct header *to = &s->header;
    struct ego ego = t->ego;

    to->has_frame = true;
    to->frame_id = h->frame_id;
    to->t_sof_ns = to->state_time_ns = h->t_sof_ns;
    to->t_eof_ns = h->t_eof_ns;
    to->clock_id = h->clock_id;
    to->clock_epoch = h->clock_epoch;
    to->expected_period_ns = s->period_ns;
    to->valid_until_ns = h->t_sof_ns + VALID_PERIODS * s->period_ns;
    to->qualifier = QUALIFIER_AVAILABLE;
    to->coverage = t->scene.coverage;

    s->objects.header = s->lanes.header = *to;
    s->objects.n_objects = t->scene.n_objects;
    memcpy(s->objects.object, t->scene.object, sizeof s->objects.object);
    s->lanes.n_lanes = t->scene.n_lanes;
    memcpy(s->lanes.lane, t->scene.lane, sizeof s->lanes.lane);
    s->lanes.ego_lane = t->scene.ego_lane;
    s->lanes.road = t->scene.road;
    send_two(s, s->objects_topic, wire_objects_pack(s->wire, &s->objects));
    send_two(s, s->lanes_topic, wire_lanes_pack(s->wire, &s->lanes));
    ego.t_ns = h->t_sof_ns;
    ego.clock_id = h->clock_id;
    ego.clock_epoch = h->clock_epoch;
    send_two(s, s->ego_topic, wire_ego_pack(s->wire, &ego));
}
