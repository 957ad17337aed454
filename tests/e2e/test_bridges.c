/* The bridges of sim/bridges as somebody would start them, on fakes of their simulators' modules
 * (tests/bridges), with a real daemon. All fakes show one scene, each in its simulator's units and
 * handedness, so that what comes out must be the same: the numbers here are those of
 * tests/bridges/scene.py, worked out once more. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "sim/file.h"
#include "tests/e2e/harness.h"
#include "tests/folder.h"

#define PYTHON "/usr/bin/python3" /* the one that Debian's modules are for */
#define LOCKSTEP "mode: lockstep\nstatus_hz: 50\ncameras: [{name: front, rate_hz: 20}]\n"
#define LIVE "cameras: [{name: front, rate_hz: 20}]\n"

enum { OUTPUT = 8192, FRAMES = 8, PERIOD_NS = 40000000, WIDTH = 320, HEIGHT = 180 };

struct simulator {
    char name[16];
    bool has_walker, has_lanes;
    char more[4][16];       /* of the command line */
    char trouble[3][2][32]; /* what goes wrong in it, and a part of what the bridge says then */
};

static const struct simulator simulators[] = {
    {"carla",
     true,
     true,
     {"--map", "Town04", "--traffic", "2"},
     {{"module", "pip install carla"}, {"room", "no room at spawn"}, {"picture", "no picture of"}}},
    {"metadrive", false, true, {"--seed", "1"}, {{"module", "pip install git+"}}},
    {"beamng",
     false,
     false,
     {"--traffic", "2"},
     {{"module", "pip install beamngpy"},
      {"camera", "no camera today"},
      {"picture", "no picture at"}}},
};

static struct rig r;
static struct folder f;
static char printed[128], truth_at[128];

TestSuite(bridges, .timeout = 240);

ParameterizedTestParameters(bridges, one_truth)
{
    return cr_make_param_array(struct simulator, (struct simulator *)simulators,
                               sizeof simulators / sizeof *simulators);
}

ParameterizedTestParameters(bridges, pixels)
{
    return cr_make_param_array(struct simulator, (struct simulator *)simulators,
                               sizeof simulators / sizeof *simulators);
}

/* ---- programs ------------------------------------------------------------------------------ */

static void set_up(void)
{
    const char *modules[] = {PYTHON, "-c", "import zmq, google.protobuf", NULL};
    char path[256], output[OUTPUT];

    if (access(PYTHON, X_OK) || program_run(modules, output, sizeof output))
        cr_skip_test("no python3 with python3-zmq and python3-protobuf");
    snprintf(path, sizeof path, "%s/python", getenv("OUTRIDER_BUILD") ?: "build");
    cr_assert_eq(setenv("PYTHONPATH", path, 1), 0);
    folder_make(&f);
    snprintf(printed, sizeof printed, "%s/printed", f.path);
    snprintf(truth_at, sizeof truth_at, "ipc://%s/truth", f.path);
    snprintf(path, sizeof path, "%s/lines", f.path);
    cr_assert_eq(setenv("FAKE_LINES", path, 1), 0);
}

struct command {
    const char *argv[40];
};

/* Of the bridge to the daemon at in and out; more ends with NULL. */
static struct command command(const char *name, const char *in, const char *out,
                              const char *const *more)
{
    struct command c = {{PYTHON,      "-B",       "tests/bridges/run.py",
                         name,        "--frames", in,
                         "--answers", out,        "--truth",
                         truth_at,    "--width",  "320",
                         "--height",  "180",      "--fov",
                         "60",        "--x",      "1.6",
                         "--y",       "0.5",      "--z",
                         "1.4",       "--pitch",  "2"}};
    int n = 0;

    while (c.argv[n])
        n++;
    while (*more)
        c.argv[n++] = *more++;
    return c;
}

static void show(const char *path)
{
    struct file text = {0};
    struct why why;

    if (file_read(&text, path, 1 << 20, &why) == OK)
        fprintf(stderr, "%s\n", text.text);
    file_finish(&text);
}

static void expect_end(pid_t pid, int status)
{
    int ended = program_wait(pid);

    if (ended != status)
        show(printed);
    cr_assert_eq(ended, status, "it ends with %d", ended);
}

/* ---- truth --------------------------------------------------------------------------------- */

struct truth {
    struct objects_message objects;
    struct lanes_message lanes;
    struct ego ego;
};

static void *listen_to(int type, const char *endpoint, const char *topic)
{
    void *s = zmq_socket(r.zmq, type);
    int none = 0, again_ms = 10;

    cr_assert(s);
    zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(s, ZMQ_RECONNECT_IVL, &again_ms, sizeof again_ms);
    zmq_setsockopt(s, ZMQ_SUBSCRIBE, topic, strlen(topic));
    cr_assert_eq(zmq_connect(s, endpoint), 0);
    return s;
}

/* One part of a message; false: none in time. */
static bool take_part(void *socket, zmq_msg_t *m)
{
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};

    if (zmq_poll(&item, 1, WAIT_MS) <= 0)
        return false;
    zmq_msg_init(m);
    return zmq_msg_recv(m, socket, 0) >= 0;
}

/* The first part of the next message there: whether it is this topic. */
static bool take_topic(void *socket, const char *topic)
{
    zmq_msg_t head;
    bool fits;

    if (!take_part(socket, &head)) {
        show(printed);
        cr_assert_fail("nothing comes for %s", topic);
    }
    fits =
        zmq_msg_size(&head) == strlen(topic) && !memcmp(zmq_msg_data(&head), topic, strlen(topic));
    zmq_msg_close(&head);
    return fits;
}

static void take_body(void *socket, const char *topic, zmq_msg_t *body)
{
    cr_assert(take_topic(socket, topic), "another topic than %s", topic);
    cr_assert(take_part(socket, body));
}

/* Who comes while a bridge speaks may miss the begin of a scene: let its rest go by. */
static void take_body_after_others(void *socket, const char *topic, zmq_msg_t *body)
{
    while (!take_topic(socket, topic)) {
        cr_assert(take_part(socket, body));
        zmq_msg_close(body);
    }
    cr_assert(take_part(socket, body));
}

static struct bytes bytes_of(zmq_msg_t *m)
{
    return (struct bytes){zmq_msg_data(m), zmq_msg_size(m)};
}

static void take_truth(void *socket, struct truth *t)
{
    struct why why = {0};
    zmq_msg_t body;

    take_body_after_others(socket, "truth/objects/front", &body);
    cr_assert_eq(wire_objects_unpack(r.wire, bytes_of(&body), &t->objects, &why), OK, "%s",
                 why.text);
    zmq_msg_close(&body);
    take_body(socket, "truth/lanes/front", &body);
    cr_assert_eq(wire_lanes_unpack(r.wire, bytes_of(&body), &t->lanes, &why), OK, "%s", why.text);
    zmq_msg_close(&body);
    take_body(socket, "truth/ego/car", &body);
    cr_assert_eq(wire_ego_unpack(r.wire, bytes_of(&body), &t->ego, &why), OK, "%s", why.text);
    zmq_msg_close(&body);
}

/* ---- the scene ----------------------------------------------------------------------------- */

static struct camera scene_camera(void)
{
    float focal = (float)(WIDTH / 2.0 / tan(M_PI / 6));

    return (struct camera){.width = WIDTH,
                           .height = HEIGHT,
                           .model = CAMERA_PINHOLE,
                           .fx = focal,
                           .fy = focal,
                           .cx = WIDTH / 2.0f,
                           .cy = HEIGHT / 2.0f,
                           .x_m = 1.6f,
                           .y_m = 0.5f,
                           .z_m = 1.4f,
                           .pitch_rad = (float)(M_PI / 90)};
}

/* Around the eight corners of an upright box that is before us. */
static struct box box_around(double x, double y, double yaw, const double size[3])
{
    struct camera c = scene_camera();
    struct box b = {INFINITY, INFINITY, -INFINITY, -INFINITY};

    for (int i = 0; i < 8; i++) {
        double along = (i & 1 ? 0.5 : -0.5) * size[0], across = (i & 2 ? 0.5 : -0.5) * size[1];
        float px[2], p[3] = {(float)(x + cos(yaw) * along - sin(yaw) * across),
                             (float)(y + sin(yaw) * along + cos(yaw) * across),
                             (float)(i & 4 ? size[2] : 0)};

        cr_assert(camera_project(&c, p, px));
        b = (struct box){fminf(b.x1, px[0]), fminf(b.y1, px[1]), fmaxf(b.x2, px[0]),
                         fmaxf(b.y2, px[1])};
    }
    return b;
}

static void near(const char *what, float is, double should)
{
    cr_assert_float_eq((double)is, should, 2e-3, "%s is %g, not %g", what, (double)is, should);
}

static void near_box(const struct box *is, const struct box *should)
{
    near("box x1", is->x1, (double)should->x1);
    near("box y1", is->y1, (double)should->y1);
    near("box x2", is->x2, (double)should->x2);
    near("box y2", is->y2, (double)should->y2);
}

static void check_car(const struct object *o)
{
    const double size[3] = {4.5, 1.8, 1.5}, yaw = 0.2;
    struct box box = box_around(25, 3, yaw, size);

    near("x", o->x_m, 25 - 2.25 * cos(yaw)); /* its rear */
    near("y", o->y_m, 3 - 2.25 * sin(yaw));
    near("z", o->z_m, 0);
    near("vx", o->vx_mps, 15 * cos(yaw) - 12);
    near("vy", o->vy_mps, 15 * sin(yaw));
    near("yaw", o->yaw_rad, yaw);
    near("length", o->length_m, size[0]);
    near("width", o->width_m, size[1]);
    near("height", o->height_m, size[2]);
    near("truncation", o->truncation, 0);
    near_box(&o->box_px, &box);
    cr_assert_eq(o->velocity_reference, VELOCITY_RELATIVE_TO_EGO);
    cr_assert_eq(o->ground_truth_id, o->id);
}

static void check_walker(const struct object *o)
{
    const double size[3] = {0.5, 0.6, 1.75};
    struct box box = box_around(12, -4, M_PI / 2, size);

    cr_assert_eq(o->classes[0].class, OBJECT_PERSON);
    near("x", o->x_m, 12 - 0.3); /* it walks across, its right side is near */
    near("y", o->y_m, -4);
    near("vx", o->vx_mps, -12);
    near("vy", o->vy_mps, 1.5);
    near_box(&o->box_px, &box);
}

/* y at x of a circle around (0, 120). */
static double on_circle(double radius, double x)
{
    return 120 - sqrt(radius * radius - x * x);
}

static void check_boundary(const struct lane_boundary *b, int role, double radius)
{
    struct camera c = scene_camera();

    cr_assert_eq(b->role, role);
    cr_assert_eq(b->kind, LANE_LINE);
    cr_assert_eq(b->types[0].type, role > 0 ? LANE_TYPE_SOLID : LANE_TYPE_DASHED);
    cr_assert_eq(b->colors[0].color, role > 0 ? LANE_COLOR_YELLOW : LANE_COLOR_WHITE);
    cr_assert(b->x_min_m == 0 && b->x_max_m >= 45 && b->x_max_m < 100);
    for (int i = 0; i < SCENE_STATIONS && SCENE_STATION_M[i] <= b->x_max_m; i++)
        cr_assert_float_eq((double)b->station[i].y_m, on_circle(radius, (double)SCENE_STATION_M[i]),
                           0.02);
    cr_assert_geq(b->n_pixels, 5);
    for (int i = 0; i < b->n_pixels; i++) { /* each on the line */
        float ray[3], px[2] = {b->pixel[i].x, b->pixel[i].y};

        cr_assert(camera_ray(&c, px, ray));
        double far = -(double)(c.z_m / ray[2]), x = 1.6 + far * (double)ray[0];
        cr_assert_float_eq(0.5 + far * (double)ray[1], on_circle(radius, x), 0.05);
    }
}

static void check_lanes(const struct lanes_message *m)
{
    cr_assert_eq(m->header.qualifier, QUALIFIER_AVAILABLE);
    cr_assert_eq(m->n_lanes, 2);
    check_boundary(&m->lane[0], 1, 120.3 - 1.75);
    check_boundary(&m->lane[1], -1, 120.3 + 1.75);
    cr_assert_float_eq((double)m->ego_lane.offset_m, 0.3, 0.01);
    cr_assert_float_eq((double)m->ego_lane.width_m, 3.5, 0.01);
    cr_assert_float_eq((double)m->ego_lane.heading_rad, 0, 2e-3);
    cr_assert_float_eq((double)m->ego_lane.curvature_1pm, 1 / 120.3, 5e-4);
}

static void check_truth(const struct simulator *s, const struct truth *t)
{
    const struct object *o = t->objects.object;
    const struct header *h = &t->objects.header;

    cr_assert_eq(t->objects.n_objects, 1 + s->has_walker); /* not who is behind us */
    if (s->has_walker)
        check_walker(o++); /* the nearest first */
    check_car(o);
    if (s->has_lanes)
        check_lanes(&t->lanes);
    else
        cr_assert(t->lanes.n_lanes == 0 && t->lanes.header.qualifier == QUALIFIER_NOT_AVAILABLE);
    near("speed", t->ego.speed_mps, 12);
    if (!isnan(t->ego.yaw_rate_radps)) /* at the start it is not known everywhere */
        near("yaw rate", t->ego.yaw_rate_radps, 0.1);
    cr_assert_eq(t->ego.clock_id, CLOCK_ID_SIM);
    cr_assert_eq(t->ego.t_ns, h->t_sof_ns);
    cr_assert_eq(h->frame_id, t->lanes.header.frame_id);
    cr_assert_eq(h->clock_epoch, t->ego.clock_epoch);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void check_trouble(const struct simulator *s, const char *trouble, const char *word)
{
    const char *wait = !strcmp(trouble, "picture") ? "2" : "10"; /* it is waited for */
    const char *more[] = {"--lockstep", "--wait", wait, "--count", "2", NULL};
    struct command c = command(s->name, r.in, r.out, more);
    char output[OUTPUT];

    cr_assert_eq(setenv("FAKE_TROUBLE", trouble, 1), 0);
    int status = program_run(c.argv, output, sizeof output);
    cr_assert_eq(status, 1, "%d: %s", status, output);
    cr_assert(strstr(output, word), "not '%s' but '%s'", word, output);
    cr_assert_not(strstr(output, "Traceback"), "%s", output);
    cr_assert_eq(unsetenv("FAKE_TROUBLE"), 0);
}

/* To its end, by when each line of it ran once. */
static void check_lines(const struct simulator *s)
{
    const char *more[] = {"--lockstep", "--count", "5", "--truth", "none", NULL};
    struct command c = command(s->name, r.in, r.out, more);
    char output[OUTPUT];

    cr_assert_eq(setenv("FAKE_ALL_LINES", "1", 1), 0);
    int status = program_run(c.argv, output, sizeof output);
    cr_assert_eq(status, 0, "%s", output);
    cr_assert(strstr(output, "5 frames sent, 0 refused; frame 4 "), "%s", output);
}

/* The daemon answers, knows the calibration, and is told the truth's frames. */
static void check_daemon(uint64_t frame_id)
{
    const struct camera *c = &r.calibration.camera, should = scene_camera();
    const struct header *h = &rig_answer(&r, "front", frame_id)->header;

    cr_assert_eq(h->clock_id, CLOCK_ID_SIM);
    while (r.topic != TOPIC_CALIBRATION || c->width == 0)
        cr_assert(rig_take(&r, WAIT_MS));
    cr_assert(c->width == should.width && c->height == should.height);
    near("fx", c->fx, (double)should.fx);
    near("cy", c->cy, (double)should.cy);
    near("camera x", c->x_m, 1.6);
    near("camera y", c->y_m, 0.5);
    near("camera z", c->z_m, 1.4);
    near("camera pitch", c->pitch_rad, (double)should.pitch_rad);
}

ParameterizedTest(struct simulator *s, bridges, one_truth)
{
    const char *more[8] = {"--lockstep", "--rate", "25"};
    static struct truth t;

    set_up();
    for (int i = 0; i < 4 && *s->more[i]; i++)
        more[3 + i] = s->more[i];
    rig_start(&r, LOCKSTEP);
    for (int i = 0; i < 3 && *s->trouble[i][0]; i++)
        check_trouble(s, s->trouble[i][0], s->trouble[i][1]);
    void *truth = listen_to(ZMQ_SUB, truth_at, "truth/");
    struct command c = command(s->name, r.in, r.out, more);
    pid_t bridge = program_start(c.argv, printed);
    uint64_t frame_id = 0;
    for (int i = 0; i < FRAMES; i++) {
        const struct header *h = &t.objects.header;
        struct header before = *h;

        take_truth(truth, &t);
        check_truth(s, &t);
        cr_assert(i == 0 || h->frame_id == before.frame_id + 1);
        if (i && h->clock_epoch == before.clock_epoch)
            cr_assert_float_eq((double)(h->t_sof_ns - before.t_sof_ns), (double)PERIOD_NS, 2.0);
        frame_id = h->frame_id;
    }
    near("yaw rate", t.ego.yaw_rate_radps, 0.1);
    cr_assert_eq(t.ego.clock_epoch > 0, !strcmp(s->name, "metadrive")); /* an episode ended */
    check_daemon(frame_id);
    kill(bridge, SIGTERM);
    expect_end(bridge, 0);
    check_lines(s);
    zmq_close(truth);
    rig_finish(&r);
    folder_remove(&f);
}

/* What a reader of frames gets: colours in the order that the header says. */
ParameterizedTest(struct simulator *s, bridges, pixels)
{
    const char *more[] = {"--count", "3", "--rate", "100", NULL};
    char in[160], out[160];
    struct why why = {0};

    set_up();
    rig_init(&r, LIVE); /* its daemon stays out of it */
    snprintf(in, sizeof in, "ipc://%s/frames", f.path);
    snprintf(out, sizeof out, "ipc://%s/answers", f.path);
    void *frames = zmq_socket(r.zmq, ZMQ_SUB), *answers = zmq_socket(r.zmq, ZMQ_XPUB);
    zmq_setsockopt(frames, ZMQ_SUBSCRIBE, "frame/", 6);
    cr_assert(!zmq_bind(frames, in) && !zmq_bind(answers, out));
    struct command c = command(s->name, in, out, more);
    pid_t bridge = program_start(c.argv, printed);
    zmq_msg_t part;
    for (bool wished = false; !wished; zmq_msg_close(&part)) { /* subscriptions */
        cr_assert(take_part(answers, &part));
        wished = zmq_msg_size(&part) == 7 && !memcmp(zmq_msg_data(&part), "\1status", 7);
    }
    zmq_send(answers, "status", 6, ZMQ_SNDMORE);
    zmq_send(answers, "", 0, 0); /* all unknown */
    for (uint64_t i = 0; i < 3; i++) {
        struct frame_header h;
        zmq_msg_t pixels;

        take_body(frames, "frame/front", &part);
        cr_assert(take_part(frames, &pixels));
        cr_assert_eq(
            wire_frame_header_unpack(r.wire, bytes_of(&part), zmq_msg_size(&pixels), &h, &why), OK,
            "%s", why.text);
        const uint8_t *p = zmq_msg_data(&pixels);
        const uint8_t red = h.encoding == ENCODING_RGB8 ? p[0] : p[2];
        const uint8_t blue = h.encoding == ENCODING_RGB8 ? p[2] : p[0];
        cr_assert(red == 255 && p[1] == 0 && blue == 0);
        cr_assert(h.frame_id == i && h.width == WIDTH && h.height == HEIGHT);
        cr_assert(h.last == (i == 2) && h.clock_id == CLOCK_ID_SIM);
        zmq_msg_close(&part);
        zmq_msg_close(&pixels);
    }
    expect_end(bridge, 0);
    zmq_close(frames);
    zmq_close(answers);
    rig_finish(&r);
    folder_remove(&f);
}

Test(bridges, nobody_there)
{
    const char *more[] = {"--wait", "0.3", NULL};
    char output[OUTPUT], nowhere[160];

    set_up();
    snprintf(nowhere, sizeof nowhere, "ipc://%s/nowhere", f.path);
    struct command c = command("carla", nowhere, nowhere, more);
    cr_assert_eq(program_run(c.argv, output, sizeof output), 1);
    cr_assert(strstr(output, "is outriderd running?"), "%s", output);
    c = command("carla", "nonsense", nowhere, more);
    cr_assert_eq(program_run(c.argv, output, sizeof output), 1);
    cr_assert(strstr(output, "'nonsense': "), "%s", output);
    folder_remove(&f);
}

Test(bridges, daemon_dies)
{
    const char *more[] = {"--wait", "2", NULL};
    struct command c;

    set_up();
    rig_start(&r, LIVE);
    c = command("beamng", r.in, r.out, more);
    pid_t bridge = program_start(c.argv, printed);
    rig_answer(&r, "front", 2);
    rig_stop(&r, SIGKILL);
    int status = program_wait(bridge);
    struct file text = {0};
    struct why why;
    cr_assert_eq(file_read(&text, printed, 1 << 20, &why), OK);
    cr_assert_eq(status, 1, "%s", text.text);
    cr_assert(strstr(text.text, "is gone: nobody takes frame"), "%s", text.text);
    file_finish(&text);
    rig_finish(&r);
    folder_remove(&f);
}
