#include "perception/track/tracker.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cameras.h"

#include "perception/track/locate.h"

/* ---- a small world: things that move as the filter assumes, seen through a camera ---------- */

static uint64_t random_state;

static double uniform(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

static double gauss(void)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += uniform();
    return sum;
}

static struct camera front(void)
{
    struct camera c = front_camera();

    c.sigma_pitch_rad = 0.005f;
    c.sigma_z_m = 0.03f;
    return c;
}

struct thing {
    enum object_class class;
    double x, y, vx, vy;          /* near face, relative to us */
    double length, width, height; /* m */
};

static const float EDGE_SIGMA = 1.2f; /* px */

static void thing_move(struct thing *t, double dt, double q)
{
    double ax = sqrt(q / dt) * gauss(), ay = sqrt(q / dt) * gauss();

    t->x += dt * t->vx + dt * dt / 2 * ax;
    t->y += dt * t->vy + dt * dt / 2 * ay;
    t->vx += dt * ax;
    t->vy += dt * ay;
}

/* The box around all eight corners. False if it is not well inside the picture. */
static bool thing_box(const struct thing *t, const struct camera *c, struct box *b)
{
    *b = (struct box){1e9f, 1e9f, -1e9f, -1e9f};
    for (int i = 0; i < 8; i++) {
        float p[3] = {(float)(t->x + (i & 1 ? t->length : 0)),
                      (float)(t->y + (i & 2 ? 0.5 : -0.5) * t->width),
                      (float)(i & 4 ? t->height : 0)};
        float px[2];

        if (!camera_project(c, p, px))
            return false;
        b->x1 = fminf(b->x1, px[0]);
        b->x2 = fmaxf(b->x2, px[0]);
        b->y1 = fminf(b->y1, px[1]);
        b->y2 = fmaxf(b->y2, px[1]);
    }
    return b->x1 > 4 && b->y1 > 4 && b->x2 < (float)c->width - 4 && b->y2 < (float)c->height - 4;
}

static struct detection detect(const struct box *b, enum object_class class, float score)
{
    float n[4];

    for (int i = 0; i < 4; i++)
        n[i] = EDGE_SIGMA * (float)gauss();
    return (struct detection){
        {b->x1 + n[0], b->y1 + n[1], b->x2 + n[2], b->y2 + n[3]},
        {EDGE_SIGMA, EDGE_SIGMA, EDGE_SIGMA, EDGE_SIGMA},
        score,
        class,
    };
}

static int by_score(const void *a, const void *b)
{
    float x = ((const struct detection *)a)->score, y = ((const struct detection *)b)->score;

    return (x < y) - (x > y);
}

static struct tracker *open_tracker(void)
{
    struct tracker *t;

    random_state = 88172645463325252u;
    cr_assert_eq(
        tracker_open(&(struct tracker_options){.kind = TRACKER_KALMAN}, &t, &(struct why){""}), OK);
    return t;
}

static const int64_t FRAME_NS = 100000000;

static struct object object[SCENE_MAX_OBJECTS];

static int step(struct tracker *t, const struct detection *d, int n, int64_t t_ns)
{
    struct camera c = front();

    tracker_step(t, d, n, &c, NULL, t_ns);
    return tracker_objects(t, object, SCENE_MAX_OBJECTS);
}

static struct detection car_at(double x, double y, float score)
{
    struct thing t = {OBJECT_CAR, x, y, 0, 0, 4.2, 1.8, 1.52};
    struct camera c = front();
    struct box b;

    cr_assert(thing_box(&t, &c, &b));
    return detect(&b, OBJECT_CAR, score);
}

/* ---- life ---------------------------------------------------------------------------------- */

Test(tracker, a_strong_detection_is_out_at_the_second_frame)
{
    struct tracker *t = open_tracker();
    struct detection d = car_at(20, 0, 0.9f);

    cr_assert_eq(step(t, &d, 1, 0), 0);
    d = car_at(20, 0, 0.9f);
    cr_assert_eq(step(t, &d, 1, FRAME_NS), 1);
    cr_assert_eq(object[0].id, 1);
    cr_assert_eq(object[0].hits, 2);
    cr_assert_eq(object[0].age_ns, FRAME_NS);
    cr_assert_eq(object[0].measurement, MEASUREMENT_MEASURED);
    cr_assert_eq(object[0].classes[0].class, OBJECT_CAR);
    cr_assert_float_eq(object[0].detection_score, 0.9f, 1e-6);
    cr_assert_float_eq(object[0].x_m, 20, 2);
    cr_assert_float_eq(object[0].y_m, 0, 0.2);
    tracker_close(t);
}

Test(tracker, coasts_through_five_missing_frames_and_keeps_its_id)
{
    struct tracker *t = open_tracker();
    double x = 15, v = 4;
    float sigma_before = 0;
    int i;

    for (i = 0; i < 10; i++) {
        struct detection d = car_at(x + v * 0.1 * i, -1, 0.8f);
        step(t, &d, 1, i * FRAME_NS);
    }
    uint64_t id = object[0].id;
    for (; i < 15; i++) {
        cr_assert_eq(step(t, NULL, 0, i * FRAME_NS), 1, "gone after %d frames", i - 9);
        cr_assert_eq(object[0].measurement, MEASUREMENT_PREDICTED);
        cr_assert(isnan(object[0].detection_score));
        cr_assert_gt(object[0].covariance[0], sigma_before, "surer without seeing anything");
        sigma_before = object[0].covariance[0];
    }
    struct detection d = car_at(x + v * 0.1 * i, -1, 0.8f);
    cr_assert_eq(step(t, &d, 1, i * FRAME_NS), 1);
    cr_assert_eq(object[0].id, id);
    cr_assert_eq(object[0].measurement, MEASUREMENT_MEASURED);
    for (i++; i < 40; i++)
        step(t, NULL, 0, i * FRAME_NS);
    cr_assert_eq(step(t, NULL, 0, i * FRAME_NS), 0, "never let go");
    tracker_close(t);
}

Test(tracker, clutter_does_not_confirm)
{
    struct tracker *t = open_tracker();
    int shown = 0;

    for (int i = 0; i < 300; i++) {
        struct detection d[6];

        for (int k = 0; k < 6; k++)
            d[k] = car_at(8 + 40 * uniform(), 6 * uniform() - 3, (float)(0.3 + 0.35 * uniform()));
        qsort(d, 6, sizeof *d, by_score);
        shown += step(t, d, 6, i * FRAME_NS);
    }
    cr_assert_lt(shown, 200, "%d of 1800 false alarms became objects", shown);
    tracker_close(t);
}

Test(tracker, reset_forgets_tracks_but_not_ids)
{
    struct tracker *t = open_tracker();

    for (int i = 0; i < 4; i++) {
        struct detection d = car_at(20, 0, 0.9f);
        step(t, &d, 1, i * FRAME_NS);
    }
    uint64_t before = object[0].id;
    tracker_reset(t);
    cr_assert_eq(tracker_objects(t, object, SCENE_MAX_OBJECTS), 0);
    for (int i = 0; i < 2; i++) { /* time may start anew after a reset */
        struct detection d = car_at(20, 0, 0.9f);
        step(t, &d, 1, i * FRAME_NS);
    }
    cr_assert_eq(tracker_objects(t, object, SCENE_MAX_OBJECTS), 1);
    cr_assert_gt(object[0].id, before);
    tracker_close(t);
}

Test(tracker, a_long_gap_ends_all_tracks)
{
    struct tracker *t = open_tracker();

    for (int i = 0; i < 4; i++) {
        struct detection d = car_at(20, 0, 0.9f);
        step(t, &d, 1, i * FRAME_NS);
    }
    cr_assert_eq(step(t, NULL, 0, 60 * FRAME_NS), 0);
    tracker_close(t);
}

Test(tracker, unknown_kind_is_refused)
{
    struct tracker *t;

    cr_assert_eq(tracker_open(&(struct tracker_options){.kind = 99}, &t, &(struct why){""}),
                 ERR_UNSUPPORTED);
    cr_assert_null(t);
    tracker_close(NULL);
}

/* ---- numbers ------------------------------------------------------------------------------- */

Test(tracker, velocity_and_ttc_at_irregular_times)
{
    struct tracker *t = open_tracker();
    double time = 0, last = 0, x = 45;

    while (x - 8 * time > 14) {
        struct detection d = car_at(x - 8 * time, 0, 0.9f);

        step(t, &d, 1, (int64_t)(time * 1e9));
        last = time;
        time += 0.03 + 0.15 * uniform();
    }
    cr_assert_float_eq(object[0].vx_mps, -8, 1.5, "vx %g", object[0].vx_mps);
    cr_assert_float_eq(object[0].vy_mps, 0, 0.5);
    cr_assert_eq(object[0].ttc_method, TTC_POSITION);
    double truth = (x - 8 * last - 1.7) / 8;
    cr_assert_float_eq(object[0].ttc_s, truth, 0.25 * truth);
    cr_assert_lt(fabs(object[0].ttc_s - truth), 3 * object[0].ttc_sigma_s);
    cr_assert_eq(object[0].n_path, SCENE_PATH_POINTS);
    cr_assert_float_eq(object[0].path[1].x_m, object[0].x_m + object[0].vx_mps, 0.01);
    cr_assert_gt(object[0].path[5].sigma_x_m, object[0].path[0].sigma_x_m);
    tracker_close(t);
}

Test(tracker, no_ttc_for_what_keeps_its_distance)
{
    struct tracker *t = open_tracker();

    for (int i = 0; i < 30; i++) {
        struct detection d = car_at(25, 0, 0.9f);
        step(t, &d, 1, i * FRAME_NS);
    }
    cr_assert(isnan(object[0].ttc_s), "ttc %g", object[0].ttc_s);
    tracker_close(t);
}

Test(tracker, without_calibration_pixels_and_ttc_by_scale)
{
    struct tracker *t = open_tracker();
    struct camera none = {0};
    double x = 40;

    for (int i = 0; i < 30; i++, x -= 0.8) {
        struct detection d = car_at(x, 0, 0.9f);
        tracker_step(t, &d, 1, &none, NULL, i * FRAME_NS);
    }
    cr_assert_eq(tracker_objects(t, object, SCENE_MAX_OBJECTS), 1);
    cr_assert(isnan(object[0].x_m) && isnan(object[0].covariance[0]));
    cr_assert_eq(object[0].ttc_method, TTC_SCALE);
    cr_assert_float_eq(object[0].ttc_s, (x + 0.8 - 1.7) / 8, 0.6, "ttc %g", object[0].ttc_s);
    tracker_close(t);
}

/* ---- identity in traffic ------------------------------------------------------------------- */

static float iou(const struct box *a, const struct box *b)
{
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    float both = w > 0 && h > 0 ? w * h : 0;

    return both / ((a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - both);
}

/* Six road users, two of which cross in front of each other; 8 % of the boxes missing, one false
 * alarm every second frame. Identity is what most of a thing's frames were called. */
Test(tracker, identities_in_traffic)
{
    enum { THINGS = 6, FRAMES = 120, IDS = 4096 };
    struct thing thing[THINGS] = {
        {OBJECT_CAR, 25, 0, 0.5, 0, 4.2, 1.8, 1.5},
        {OBJECT_CAR, 60, 3.5, -2.5, 0, 4.4, 1.8, 1.5},
        {OBJECT_TRUCK, 40, -3.5, 1.0, 0, 9, 2.5, 3.3},
        {OBJECT_PERSON, 14, 5, 0, -0.7, 0.5, 0.6, 1.7},
        {OBJECT_PERSON, 17, -5, 0, 0.8, 0.5, 0.6, 1.75},
        {OBJECT_CYCLIST, 18, -3, 0.3, 0, 1.7, 0.6, 1.7},
    };
    static int votes[THINGS][IDS];
    uint64_t last[THINGS] = {0};
    struct tracker *t = open_tracker();
    struct camera c = front();
    int seen = 0, shown = 0, switches = 0;

    for (int f = 0; f < FRAMES; f++) {
        struct detection d[THINGS + 1];
        struct box truth[THINGS];
        bool visible[THINGS];
        int n = 0;

        for (int i = 0; i < THINGS; i++) {
            thing_move(&thing[i], 0.1, 0.05);
            visible[i] = thing_box(&thing[i], &c, &truth[i]);
            seen += visible[i];
            if (visible[i] && uniform() > 0.08)
                d[n++] = detect(&truth[i], thing[i].class, (float)(0.55 + 0.4 * uniform()));
        }
        if (f % 2)
            d[n++] = car_at(10 + 40 * uniform(), 4 * uniform() - 2, (float)(0.4 + 0.2 * uniform()));
        qsort(d, (size_t)n, sizeof *d, by_score);
        int objects = step(t, d, n, f * FRAME_NS);

        shown += objects;
        for (int i = 0; i < THINGS; i++) {
            int best = -1;
            float best_iou = 0.4f;

            for (int k = 0; visible[i] && k < objects; k++)
                if (iou(&truth[i], &object[k].box_px) > best_iou) {
                    best = k;
                    best_iou = iou(&truth[i], &object[k].box_px);
                }
            if (best < 0)
                continue;
            cr_assert_lt(object[best].id, IDS);
            votes[i][object[best].id]++;
            switches += last[i] && last[i] != object[best].id;
            last[i] = object[best].id;
        }
    }
    int right = 0;
    for (int i = 0; i < THINGS; i++) {
        int most = 0;

        for (int k = 0; k < IDS; k++)
            most = votes[i][k] > most ? votes[i][k] : most;
        right += most;
    }
    double idf1 = 2.0 * right / (seen + shown);
    cr_log_info("IDF1 %.3f, %d switches, %d seen, %d shown\n", idf1, switches, seen, shown);
    cr_assert_gt(idf1, 0.92, "IDF1 %.3f", idf1);
    cr_assert_leq(switches, 2, "%d switches", switches);
    tracker_close(t);
}

/* ---- uncertainty --------------------------------------------------------------------------- */

struct tally {
    int n, in1, in2;
    double sum2;
};

static void tally_add(struct tally *t, double error, double variance)
{
    double z2 = error * error / variance;

    t->n++;
    t->in1 += z2 < 1;
    t->in2 += z2 < 4;
    t->sum2 += z2;
}

/* One drive: pitch and height are off by what the camera admits to, half of the pitch's variance
 * for the whole drive and half anew in every frame; the car is as large as cars are. */
static void one_drive(struct tally tally[4])
{
    static const int variance_at[4] = {0, 6, 11, 15}; /* of x y vx vy in the upper triangle */
    const struct class_size *size = class_size(OBJECT_CAR);
    struct camera believed = front(), real = believed;
    double mount = believed.sigma_pitch_rad * sqrt(0.5) * gauss();
    struct tracker *t;
    struct thing car = {OBJECT_CAR,
                        10 + 30 * uniform(),
                        7 * uniform() - 3.5,
                        4 * gauss(),
                        0.5 * gauss(),
                        size->length + size->length_sigma * gauss(),
                        size->width + size->width_sigma * gauss(),
                        size->height + size->height_sigma * gauss()};

    cr_assert_eq(
        tracker_open(&(struct tracker_options){.kind = TRACKER_KALMAN}, &t, &(struct why){""}), OK);
    real.z_m += believed.sigma_z_m * (float)gauss();
    for (int f = 0; f < 30; f++) {
        struct box b;

        thing_move(&car, 0.1, 4);
        real.pitch_rad = (float)(mount + believed.sigma_pitch_rad * sqrt(0.5) * gauss());
        if (car.x < 8 || car.x > 60 || !thing_box(&car, &real, &b))
            break;
        struct detection d = detect(&b, OBJECT_CAR, 0.9f);
        tracker_step(t, &d, 1, &believed, NULL, f * FRAME_NS);
        if (f % 10 != 9) /* some apart, so that they say different things */
            continue;
        cr_assert_eq(tracker_objects(t, object, 1), 1);
        double error[4] = {object[0].x_m - car.x, object[0].y_m - car.y, object[0].vx_mps - car.vx,
                           object[0].vy_mps - car.vy};
        for (int i = 0; i < 4; i++)
            tally_add(&tally[i], error[i], object[0].covariance[variance_at[i]]);
    }
    tracker_close(t);
}

Test(tracker, sigma_covers_what_it_says)
{
    static const char *const name[4] = {"x", "y", "vx", "vy"};
    struct tally tally[4] = {{0}};

    random_state = 88172645463325252u;
    for (int i = 0; i < 2000; i++)
        one_drive(tally);
    for (int i = 0; i < 4; i++) {
        double one = (double)tally[i].in1 / tally[i].n, two = (double)tally[i].in2 / tally[i].n;

        cr_log_info("%-2s 1 sigma %.3f, 2 sigma %.3f, rms %.2f of %d\n", name[i], one, two,
                    sqrt(tally[i].sum2 / tally[i].n), tally[i].n);
        cr_assert_float_eq(one, 0.68, 0.08, "%s: %.3f within 1 sigma", name[i], one);
        cr_assert_float_eq(two, 0.95, 0.03, "%s: %.3f within 2 sigma", name[i], two);
    }
}

/* ---- bounds -------------------------------------------------------------------------------- */

Test(tracker, bounded_and_deterministic_when_full)
{
    enum { N = 200 };
    static struct detection d[N];
    static struct object first[SCENE_MAX_OBJECTS], second[SCENE_MAX_OBJECTS];
    struct object *out[2] = {first, second};
    int n[2];

    memset(first, 0, sizeof first);
    memset(second, 0, sizeof second);
    for (int run = 0; run < 2; run++) {
        struct tracker *t = open_tracker();
        struct camera c = front();

        for (int f = 0; f < 20; f++) {
            for (int i = 0; i < N; i++) {
                float x = (float)(60 * (i % 20)), y = (float)(36 * (i / 20));
                struct box b = {x, y, x + 40, y + 30};

                d[i] = detect(&b, (enum object_class)(i % OBJECT_CLASS_COUNT),
                              0.95f - 0.002f * (float)i);
            }
            tracker_step(t, d, N, &c, NULL, f * FRAME_NS);
        }
        n[run] = tracker_objects(t, out[run], SCENE_MAX_OBJECTS);
        tracker_close(t);
    }
    cr_assert_eq(n[0], TRACKER_MAX_TRACKS);
    cr_assert_eq(n[1], n[0]);
    cr_assert_eq(memcmp(first, second, sizeof first), 0);
}

Test(tracker, hostile_detections_do_no_harm)
{
    struct tracker *t = open_tracker();
    struct detection d[] = {
        {{NAN, 0, 10, 10}, {1, 1, 1, 1}, 0.9f, OBJECT_CAR},
        {{0, 0, INFINITY, 10}, {1, 1, 1, 1}, 0.9f, OBJECT_CAR},
        {{10, 10, 5, 20}, {1, 1, 1, 1}, 0.9f, OBJECT_CAR},
        {{10, 10, 50, 60}, {NAN, -1, 0, INFINITY}, 0.9f, OBJECT_CAR},
        {{10, 10, 50, 60}, {1, 1, 1, 1}, NAN, OBJECT_CAR},
        {{10, 10, 50, 60}, {1, 1, 1, 1}, 0.9f, 77},
        {{-1e30f, -1e30f, 1e30f, 1e30f}, {1, 1, 1, 1}, 0.9f, OBJECT_BUS},
    };

    for (int i = 0; i < 20; i++) {
        int n = step(t, d, sizeof d / sizeof *d, i * FRAME_NS);

        for (int k = 0; k < n; k++)
            cr_assert(isfinite(object[k].box_px.x1) && isfinite(object[k].box_px.y2));
    }
    tracker_close(t);
}
