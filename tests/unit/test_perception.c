/* The pipeline around networks that say what a test tells them: heads, lanes and picture quality
 * are played by this file, so that every state of theirs can be had. */
#include "perception/perception.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/image/quality.h"
#include "perception/motion/ego_sight.h"
#include "perception/nn/net.h"
#include "perception/track/lanes.h"
#include "perception/track/learned.h"

/* ---- the players --------------------------------------------------------------------------- */

struct head {
    unsigned gives;
};

static struct perceived script; /* what the next head_run sees */
static enum err script_result;
static uint32_t script_reasons;
static int script_equal; /* pictures in a row that are the same */
static int head_runs, lane_steps, lane_resets, heads_open_now;

enum err head_open(const struct head_config *cfg, struct head **out, struct why *why)
{
    *out = NULL;
    if (strcmp(cfg->model, "missing") == 0)
        return err_say(why, ERR_IO, "missing: no such file");
    *out = calloc(1, sizeof **out);
    (*out)->gives = strcmp(cfg->model, "objects") == 0 ? HEAD_OBJECTS : HEAD_LANES | HEAD_ROAD;
    heads_open_now++;
    return OK;
}

void head_close(struct head *h)
{
    heads_open_now -= h != NULL;
    free(h);
}

unsigned head_gives(const struct head *h)
{
    return h->gives;
}

const struct net *head_net(const struct head *h)
{
    return (const struct net *)h;
}

const char *net_id(const struct net *n)
{
    return ((const struct head *)n)->gives == HEAD_OBJECTS ? "aaaaaaaaaaaaaaaa"
                                                           : "bbbbbbbbbbbbbbbb";
}

enum err head_run(struct head *h, const struct image *rgb, struct perceived *out, struct why *why)
{
    (void)h, (void)rgb, (void)why;
    head_runs++;
    *out = script;
    return script_result;
}

/* A tracker with networks cannot be had here. */
enum err learned_open(const struct weights *w, unsigned cpu_mask, struct learned **out,
                      struct why *why)
{
    (void)w, (void)cpu_mask;
    *out = NULL;
    return err_say(why, ERR_UNSUPPORTED, "no networks for trackers");
}

void learned_close(struct learned *l)
{
    (void)l;
}

void learned_forget(struct learned *l, int slot)
{
    (void)l, (void)slot;
}

const float (*learned_attend(struct learned *l, const struct asked *a))[ASKED_CANDIDATES + 1]
{
    (void)l, (void)a;
    return NULL;
}

const float (*learned_remember(struct learned *l, const struct asked *a))[ANSWERS]
{
    (void)l, (void)a;
    return NULL;
}

void quality_init(struct quality *q)
{
    *q = (struct quality){0};
}

uint32_t quality_look(struct quality *q, const struct image *rgb)
{
    (void)rgb;
    q->equal = script_equal;
    return script_reasons;
}

enum err lanes_open(const struct lanes_options *o, struct lanes **out, struct why *why)
{
    (void)o, (void)why;
    *out = malloc(1);
    return *out ? OK : ERR_NOMEM;
}

void lanes_close(struct lanes *l)
{
    free(l);
}

void lanes_reset(struct lanes *l)
{
    (void)l;
    lane_resets++;
}

void lanes_step(struct lanes *l, const struct lane_curve *curve, int n, const struct camera *camera,
                int image_width, float speed_mps, float yaw_rate_radps, int64_t t_ns)
{
    (void)l, (void)curve, (void)n, (void)camera, (void)speed_mps;
    (void)yaw_rate_radps, (void)t_ns;
    cr_assert_eq(image_width, 640);
    lane_steps++;
}

void lanes_scene(const struct lanes *l, struct scene *s)
{
    (void)l;
    s->n_lanes = 1;
}

static struct ego_seen script_seen; /* our own motion, in the pictures */
static int sights;

enum err ego_sight_open(struct ego_sight **out)
{
    *out = malloc(1);
    return *out ? OK : ERR_NOMEM;
}

void ego_sight_close(struct ego_sight *s)
{
    free(s);
}

void ego_sight_reset(struct ego_sight *s)
{
    (void)s;
}

void ego_sight_step(struct ego_sight *s, const struct ego_look *look, struct ego_seen *out)
{
    (void)s, (void)look;
    sights++;
    *out = script_seen;
}

/* ---- helpers ------------------------------------------------------------------------------- */

static struct perception *p;
static struct scene scene;
static struct why why;
static int64_t now_ns;

static struct camera front(void)
{
    return (struct camera){.width = 1280,
                           .height = 720,
                           .model = CAMERA_PINHOLE,
                           .fx = 1000,
                           .fy = 1000,
                           .cx = 640,
                           .cy = 360,
                           .z_m = 1.5f};
}

static enum ego_choice ego_choice;    /* of the next open_with() */
static const struct ego_motion *told; /* of the next run */

static void open_with(const char *first, const char *second, bool calibrated)
{
    struct perception_config cfg = {
        .n_networks = second ? 2 : 1, .tracker = TRACKER_KALMAN, .ego = ego_choice};

    cfg.network[0] = (struct head_config){.model = first};
    cfg.network[1] = (struct head_config){.model = second};
    if (calibrated)
        cfg.camera = front();
    memset(&script, 0, sizeof script);
    script_result = OK;
    script_reasons = 0;
    now_ns = 0;
    cr_assert_eq(perception_open(&cfg, &p, &why), OK, "%s", why.text);
}

static enum err run_sized(int width, int height)
{
    uint8_t byte[3] = {0};
    struct image im = {byte, width, height, 3 * width};

    now_ns += 100000000;
    return perception_run(p, &im, now_ns, told, &scene, &why);
}

static void run(void)
{
    cr_assert_eq(run_sized(640, 360), OK, "%s", why.text);
}

static void see_a_car(void) /* 20 m ahead, in a picture of 640 x 360 */
{
    script.n_detections = 1;
    script.detection[0] =
        (struct detection){{297.5f, 179.5f, 342.5f, 217.5f}, {1, 1, 1, 1}, 0.9f, OBJECT_CAR};
}

static void close_all(void)
{
    perception_close(p);
    cr_assert_eq(heads_open_now, 0);
}

/* ---- opening ------------------------------------------------------------------------------- */

Test(perception, opens_or_says_why)
{
    struct perception_config cfg = {.n_networks = 2,
                                    .tracker = TRACKER_KALMAN,
                                    .network = {{.model = "objects"}, {.model = "missing"}}};

    cr_assert_eq(perception_open(&cfg, &p, &why), ERR_IO);
    cr_assert_null(p);
    cr_assert_eq(heads_open_now, 0);
    cr_assert_str_eq(why.text, "missing: no such file");
    cfg.network[1].model = "lanes";
    cfg.camera = front();
    cfg.camera.fx = -1;
    cr_assert_eq(perception_open(&cfg, &p, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "fx"));
    cfg.camera.fx = 1000;
    cfg.n_networks = 0;
    cr_assert_eq(perception_open(&cfg, &p, &why), ERR_LIMIT);
    cfg.n_networks = 2;
    cfg.tracker = 42;
    cr_assert_eq(perception_open(&cfg, &p, &why), ERR_UNSUPPORTED);
    cfg.tracker = TRACKER_KALMAN;
    cr_assert_eq(perception_open(&cfg, &p, &why), OK);
    cr_assert_str_eq(perception_model_id(p), "aaaaaaaaaaaaaaaa+bbbbbbbbbbbbbbbb");
    cr_assert_eq(perception_gives(p), HEAD_OBJECTS | HEAD_LANES | HEAD_ROAD);
    close_all();
    perception_close(NULL);
}

/* ---- qualifiers ---------------------------------------------------------------------------- */

static void expect(enum qualifier objects, uint32_t reasons)
{
    cr_assert_eq(scene.qualifier_objects, objects, "objects are %d", (int)scene.qualifier_objects);
    cr_assert_eq(scene.reasons_objects, reasons, "reasons are %x", scene.reasons_objects);
}

Test(perception, third_frame_is_available_and_again_after_a_reset)
{
    open_with("objects", "lanes", true);
    for (int round = 0; round < 2; round++) {
        see_a_car();
        run();
        expect(QUALIFIER_AVAILABLE_REDUCED, 1u << REASON_WARMUP);
        run();
        expect(QUALIFIER_AVAILABLE_REDUCED, 1u << REASON_WARMUP);
        cr_assert_eq(scene.n_objects, 1);
        run();
        expect(QUALIFIER_AVAILABLE, 0);
        cr_assert_eq(scene.qualifier_lanes, QUALIFIER_AVAILABLE);
        cr_assert_eq(scene.state_time_ns, now_ns);
        cr_assert_eq(scene.object[0].id, round + 1);
        cr_assert_float_eq(scene.object[0].x_m, 20, 1.5);
        cr_assert(scene.object[0].is_lead);
        perception_reset(p);
        now_ns = 0; /* a loop: time starts anew */
    }
    close_all();
}

Test(perception, one_kind_of_network_is_enough)
{
    open_with("objects", NULL, true);
    run();
    cr_assert_eq(scene.qualifier_lanes, QUALIFIER_NOT_AVAILABLE);
    cr_assert(scene.reasons_lanes & 1u << REASON_CONFIG);
    expect(QUALIFIER_AVAILABLE_REDUCED, 1u << REASON_WARMUP);
    cr_assert_eq(lane_steps, 0);
    close_all();
    open_with("lanes", NULL, true);
    run();
    expect(QUALIFIER_NOT_AVAILABLE, 1u << REASON_WARMUP | 1u << REASON_CONFIG);
    cr_assert_eq(scene.qualifier_lanes, QUALIFIER_AVAILABLE_REDUCED);
    cr_assert_eq(scene.n_lanes, 1);
    close_all();
}

Test(perception, what_the_picture_suffers_from)
{
    open_with("objects", "lanes", true);
    for (int i = 0; i < 3; i++)
        run();
    script_reasons = 1u << REASON_GLARE | 1u << REASON_BLUR;
    run();
    expect(QUALIFIER_AVAILABLE_REDUCED, script_reasons);
    script_reasons = 1u << REASON_DARK;
    run();
    expect(QUALIFIER_BLIND, script_reasons);
    cr_assert_eq(scene.qualifier_lanes, QUALIFIER_BLIND);
    see_a_car(); /* night, but not blind */
    run();
    expect(QUALIFIER_AVAILABLE_REDUCED, script_reasons);
    script_reasons = 0;
    run();
    expect(QUALIFIER_AVAILABLE, 0);
    close_all();
}

Test(perception, a_frozen_picture_is_not_fed_to_anything)
{
    open_with("objects", "lanes", true);
    see_a_car();
    for (int i = 0; i < 3; i++)
        run();
    uint32_t hits = scene.object[0].hits;
    uint64_t id = scene.object[0].id;
    int runs = head_runs, steps = lane_steps;
    script_reasons = 1u << REASON_FROZEN;
    run();
    expect(QUALIFIER_NOT_AVAILABLE, script_reasons);
    cr_assert_eq(scene.n_objects, 0);
    cr_assert_eq(scene.n_lanes, 0);
    cr_assert_eq(head_runs, runs);
    cr_assert_eq(lane_steps, steps);
    script_reasons = 0;
    run();
    cr_assert_eq(scene.object[0].id, id);
    cr_assert_eq(scene.object[0].hits, hits + 1);
    close_all();
}

Test(perception, a_network_that_fails)
{
    open_with("objects", "lanes", true);
    for (int i = 0; i < 3; i++)
        run();
    script_result = ERR_MISMATCH;
    run();
    expect(QUALIFIER_NOT_AVAILABLE, 1u << REASON_MODEL_FAULT);
    script_result = OK;
    see_a_car();
    script.detection[0].box_px.x2 = NAN;
    run();
    expect(QUALIFIER_NOT_AVAILABLE, 1u << REASON_MODEL_FAULT);
    see_a_car();
    run();
    expect(QUALIFIER_AVAILABLE, 0);
    close_all();
}

Test(perception, without_calibration_pixels_only)
{
    open_with("objects", "lanes", false);
    see_a_car();
    for (int i = 0; i < 3; i++)
        run();
    expect(QUALIFIER_AVAILABLE_REDUCED, 1u << REASON_UNCALIBRATED);
    cr_assert_eq(scene.n_objects, 1);
    cr_assert(isnan(scene.object[0].x_m) && isnan(scene.object[0].in_path));
    cr_assert(isnan(scene.coverage.far_m));
    struct camera c = front();
    cr_assert_eq(perception_calibrate(p, &c, &why), OK);
    for (int i = 0; i < 2; i++)
        run();
    expect(QUALIFIER_AVAILABLE, 0);
    cr_assert_float_eq(scene.object[0].x_m, 20, 1.5);
    cr_assert_eq(scene.object[0].id, 2, "a new calibration forgets tracks");
    c.z_m = 0;
    cr_assert_eq(perception_calibrate(p, &c, &why), ERR_LIMIT);
    close_all();
}

/* ---- what it refuses ----------------------------------------------------------------------- */

Test(perception, refuses_other_shapes_and_time_going_back)
{
    open_with("objects", NULL, true);
    cr_assert_eq(run_sized(640, 480), ERR_MISMATCH);
    cr_assert(strstr(why.text, "640 x 480") && strstr(why.text, "1280 x 720"), "%s", why.text);
    cr_assert_eq(scene.qualifier_objects, QUALIFIER_NOT_AVAILABLE);
    cr_assert_eq(run_sized(0, 0), ERR_MISMATCH);
    cr_assert_eq(run_sized(645, 360), OK, "%s", why.text); /* under 2 % */
    now_ns -= 300000000;
    cr_assert_eq(run_sized(640, 360), ERR_MISMATCH);
    perception_reset(p);
    cr_assert_eq(run_sized(640, 360), OK);
    close_all();
}

Test(perception, another_size_forgets_tracks)
{
    open_with("objects", NULL, true);
    see_a_car();
    for (int i = 0; i < 3; i++)
        run();
    cr_assert_eq(scene.n_objects, 1);
    cr_assert_eq(run_sized(1280, 720), OK);
    cr_assert_eq(scene.n_objects, 0);
    close_all();
}

/* ---- road ---------------------------------------------------------------------------------- */

Test(perception, road_is_the_mean_of_what_was_seen)
{
    static uint8_t mask[96 * 160]; /* 2 x 2 per cell */

    open_with("lanes", NULL, true);
    for (int i = 0; i < 96 * 160; i++)
        mask[i] = (uint8_t)(i / 160 >= 48 ? 200 + i % 160 % 2 * 20 : 0);
    script.road = (struct road_mask){160, 96, mask};
    run();
    cr_assert_eq(scene.road.width, SCENE_ROAD_WIDTH);
    cr_assert_eq(scene.road.height, SCENE_ROAD_HEIGHT);
    cr_assert_eq(scene.road.probability[23 * SCENE_ROAD_WIDTH + 79], 0);
    cr_assert_eq(scene.road.probability[24 * SCENE_ROAD_WIDTH], 210);
    script.road = (struct road_mask){3, 2, mask}; /* coarser than the scene */
    run();
    cr_assert_eq(scene.road.width, SCENE_ROAD_WIDTH);
    script.road = (struct road_mask){0};
    run();
    cr_assert_eq(scene.road.width, 0);
    close_all();
}

/* ---- our own motion ------------------------------------------------------------------------ */

static void drive_seen(float speed_mps)
{
    script_seen = (struct ego_seen){.dt_s = 0.1,
                                    .speed_known = true,
                                    .turn_known = true,
                                    .speed_mps = (double)speed_mps,
                                    .speed_sigma_mps = 0.1,
                                    .yaw_rate_radps = 0.1,
                                    .yaw_rate_sigma_radps = 0.002,
                                    .yaw_sigma_rad = INFINITY,
                                    .pitch_sigma_rad = INFINITY};
}

Test(perception, messages_win_over_pictures_unless_told_otherwise)
{
    static const struct ego_motion message = {12, 0, 0.1f, 0.01f, EGO_TOLD};
    static const struct {
        enum ego_choice choice;
        bool told;
        enum ego_source source;
        float speed_mps;
    } row[] = {
        {EGO_ANY, true, EGO_TOLD, 12},           {EGO_ANY, false, EGO_SEEN, 15},
        {EGO_FROM_MESSAGES, true, EGO_TOLD, 12}, {EGO_FROM_MESSAGES, false, EGO_UNKNOWN, NAN},
        {EGO_FROM_PICTURES, true, EGO_SEEN, 15}, {EGO_FROM_PICTURES, false, EGO_SEEN, 15},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        ego_choice = row[i].choice;
        told = row[i].told ? &message : NULL;
        open_with("objects", NULL, true);
        drive_seen(15);
        for (int k = 0; k < 8; k++)
            run();
        cr_expect_eq(scene.ego.source, row[i].source, "%zu: %d", i, scene.ego.source);
        cr_expect(isnan(row[i].speed_mps) ? isnan(scene.ego.speed_mps)
                                          : fabsf(scene.ego.speed_mps - row[i].speed_mps) < 0.1f,
                  "%zu: %g", i, (double)scene.ego.speed_mps);
        close_all();
    }
}

Test(perception, velocities_over_ground_only_where_our_motion_is_known)
{
    static const struct ego_motion message = {12, 0.2f, 0.1f, 0.01f, EGO_TOLD};

    open_with("objects", NULL, true);
    see_a_car();
    for (int k = 0; k < 10; k++)
        run();
    cr_assert_eq(scene.n_objects, 1);
    cr_expect(isnan(scene.object[0].ground_vx_mps) && isnan(scene.object[0].ground_vy_sigma_mps));
    told = &message;
    run();
    const struct object *o = &scene.object[0];
    cr_assert_eq(scene.n_objects, 1);
    cr_expect_float_eq(o->ground_vx_mps, o->vx_mps + 12 - 0.2f * o->y_m, 1e-4);
    cr_expect_float_eq(o->ground_vy_mps, o->vy_mps + 0.2f * o->x_m, 1e-4);
    cr_expect_gt(o->ground_vx_sigma_mps, 0);
    cr_expect_float_eq(o->ground_vy_sigma_mps, hypotf(sqrtf(o->covariance[15]), 0.01f * o->x_m),
                       1e-4);
    close_all();
}

/* The same picture twice would look like standing still. */
Test(perception, a_repeated_picture_is_not_compared)
{
    open_with("objects", NULL, true);
    sights = 0;
    run();
    cr_expect_eq(sights, 1);
    script_equal = 2;
    run();
    cr_expect_eq(sights, 1);
    close_all();
    script_equal = 0;
    open_with("objects", NULL, false);
    run();
    cr_expect_eq(sights, 1, "not calibrated");
    close_all();
}
