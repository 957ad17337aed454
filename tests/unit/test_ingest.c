#include "daemon/ingest.h"

#include <criterion/criterion.h>
#include <string.h>

static struct config *config;
static struct daemon d;
static struct ingest *in;
static struct wire *w;
static void *zmq;
static struct why why;

static void begin(void)
{
    const char *text = "bus: {in: {bind: ['inproc://in']}}\n"
                       "vehicle: bus\n"
                       "cameras: [{name: front, rate_hz: 10}, {name: rear}]\n";

    cr_assert_eq(config_parse(text, strlen(text), "a.yaml", "", NULL, 0, &config, &why), OK, "%s",
                 why.text);
    cr_assert_eq(daemon_init(&d, config, &why), OK);
    zmq = zmq_ctx_new();
    cr_assert_eq(ingest_open(&d, zmq, &in, &why), OK, "%s", why.text);
    cr_assert_eq(wire_open(&w), OK);
    log_level_set(LOG_ERROR);
}

static void end(void)
{
    ingest_close(in);
    zmq_ctx_term(zmq);
    daemon_finish(&d);
    config_close(config);
    wire_close(w);
}

TestSuite(ingest, .init = begin, .fini = end);

static void give(int n, const char *topic, struct bytes second, struct bytes third)
{
    const struct bytes b[] = {{(const uint8_t *)topic, strlen(topic)}, second, third};
    zmq_msg_t part[3];

    for (int i = 0; i < 3; i++) {
        zmq_msg_init_size(&part[i], b[i].size);
        if (b[i].size)
            memcpy(zmq_msg_data(&part[i]), b[i].data, b[i].size);
    }
    ingest_message(in, part, n);
    for (int i = 0; i < 3; i++)
        zmq_msg_close(&part[i]);
}

static void give_frame(const char *topic, uint64_t id)
{
    struct frame_header h = {.schema_major = SCHEMA_MAJOR,
                             .frame_id = id,
                             .t_sof_ns = (int64_t)id * 100 * NS_PER_MS,
                             .t_eof_ns = TIME_UNKNOWN,
                             .clock_id = CLOCK_ID_SIM,
                             .encoding = ENCODING_MONO8,
                             .width = 2,
                             .height = 1,
                             .stride_bytes = 2};
    uint8_t pixels[] = {(uint8_t)id, 9};

    give(3, topic, wire_frame_header_pack(w, &h), (struct bytes){pixels, 2});
}

static const struct slot *taken(struct channel *c)
{
    cr_assert(mailbox_take(&c->frames));
    return &c->slot[c->frames.front];
}

Test(ingest, frames_go_to_their_camera_and_the_newest_wins)
{
    struct channel *front = channel_find(&d, "front"), *rear = channel_find(&d, "rear");
    const struct slot *s;

    cr_assert_null(channel_find(&d, "side"));
    give_frame("frame/front", 1);
    give_frame("frame/rear", 2);
    give_frame("frame/front", 3);
    s = taken(front);
    cr_assert_eq(s->frame.header.frame_id, 3);
    cr_assert_eq(s->frame.pixels.size, 2);
    cr_assert_eq(s->frame.pixels.data[0], 3);
    cr_assert_eq(s->frame.period_ns, 100 * NS_PER_MS);
    cr_assert(isnan(s->frame.ego.speed_mps));
    cr_assert_eq(taken(rear)->frame.header.frame_id, 2);
    cr_assert_eq(front->counters.received, 2);
    cr_assert_eq(front->counters.drop[DROP_OVERWRITTEN], 1);
    cr_assert_eq(rear->counters.drop[DROP_OVERWRITTEN], 0);
    cr_assert_neq(front->received_ns, TIME_UNKNOWN);
}

Test(ingest, old_frames_are_counted_and_not_posted)
{
    struct channel *c = channel_find(&d, "front");

    give_frame("frame/front", 1);
    give_frame("frame/front", 4);
    taken(c);
    give_frame("frame/front", 4);
    give_frame("frame/front", 3);
    cr_assert_not(mailbox_take(&c->frames));
    cr_assert_eq(c->counters.drop[DROP_DUPLICATE], 1);
    cr_assert_eq(c->counters.drop[DROP_OUT_OF_ORDER], 1);
}

Test(ingest, what_does_not_parse_is_counted)
{
    struct channel *c = channel_find(&d, "front");
    struct bytes x = {(const uint8_t *)"x", 1}, none = {NULL, 0};

    give(3, "frame/front", x, x);
    give(2, "frame/front", x, none);
    give(1, "frame/front", none, none);
    give(3, "frame/front", none, none);
    cr_assert_eq(c->counters.drop[DROP_MALFORMED], 4);
    give(2, "ego/bus", x, none);
    give(2, "calibration/front", x, none);
    cr_assert_eq(d.malformed, 6);
    cr_assert_eq(d.unknown_topic, 0);
    give(3, "frame/side", x, x);
    give(2, "ego/car", x, none);
    give(2, "objects/front", x, none);
    give(1, "", none, none);
    give(2, "calibration/side", x, none);
    cr_assert_eq(d.unknown_topic, 5);
    cr_assert_eq(d.malformed, 6);
    cr_assert_eq(d.n_strangers, 1);
    cr_assert_str_eq(d.stranger[0].name, "side");
    cr_assert_eq(c->counters.received, 0);
    cr_assert(*c->last_error);
    cr_assert_not(mailbox_take(&c->frames));
}

Test(ingest, names_of_strangers_are_bounded)
{
    char topic[32];

    for (int i = 0; i < 100; i++) {
        snprintf(topic, sizeof topic, "frame/x%d", i);
        give_frame(topic, 1);
    }
    cr_assert_eq(d.n_strangers, MAX_STRANGERS);
    cr_assert_eq(d.unknown_topic, 100);
}

Test(ingest, calibration_and_ego_travel_with_the_next_frame)
{
    struct calibration_message m = {.camera = {.width = 640,
                                               .height = 480,
                                               .model = CAMERA_PINHOLE,
                                               .fx = 500,
                                               .fy = 500,
                                               .cx = 320,
                                               .cy = 240,
                                               .z_m = 1.5f}};
    struct ego e = {.t_ns = 200 * NS_PER_MS,
                    .clock_id = CLOCK_ID_SIM,
                    .speed_mps = 12,
                    .speed_sigma_mps = NAN,
                    .yaw_rate_radps = NAN,
                    .yaw_rate_sigma_radps = NAN,
                    .acceleration_mps2 = NAN,
                    .steering_angle_rad = NAN};
    struct channel *c = channel_find(&d, "front");
    const struct slot *s;

    give_frame("frame/front", 1);
    cr_assert_eq(taken(c)->calibration_nr, 0);
    give(2, "calibration/front", wire_calibration_pack(w, &m), (struct bytes){NULL, 0});
    give(2, "ego/bus", wire_ego_pack(w, &e), (struct bytes){NULL, 0});
    give_frame("frame/front", 2);
    s = taken(c);
    cr_assert_eq(s->calibration_nr, 1);
    cr_assert_eq(s->calibration.width, 640);
    cr_assert_eq(s->frame.ego.speed_mps, 12);
    cr_assert_eq(c->calibration_source, CALIBRATION_MESSAGE);
    m.camera.fx = 0.5f; /* parses, but cannot be */
    m.camera.z_m = 50;
    give(2, "calibration/front", wire_calibration_pack(w, &m), (struct bytes){NULL, 0});
    cr_assert_eq(c->calibration_nr, 1);
    cr_assert_eq(d.malformed, 1);
}

Test(ingest, an_endpoint_that_cannot_be_is_named)
{
    struct ingest *other;

    cr_assert_eq(ingest_open(&d, zmq, &other, &why), ERR_IO);
    cr_assert_null(other);
    cr_assert(strstr(why.text, "bus.in: cannot bind inproc://in"), "%s", why.text);
}
