/* The tracker with its networks: the weights that are part of the program. */
#include "perception/track/learned.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/track/tracker.h"
#include "tests/cameras.h"

enum { MOST_DETECTIONS = 200 };
static const int64_t FRAME_NS = 100000000;

static struct tracker *open_kind(enum tracker_kind kind)
{
    const struct tracker_options o = {.kind = kind, .cpu_mask = ~0u};
    struct tracker *t;
    struct why why;

    cr_assert_eq(tracker_open(&o, &t, &why), OK, "%s", why.text);
    return t;
}

static float unit_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 16777216.0f;
}

/* Boxes anywhere in the picture, best score first. */
static void scatter(uint32_t *state, const struct camera *c, struct detection *d, int n)
{
    for (int i = 0; i < n; i++) {
        float w = 10 + 100 * unit_random(state), h = 10 + 80 * unit_random(state);
        float x = unit_random(state) * ((float)c->width - w);
        float y = unit_random(state) * ((float)c->height - h);

        d[i] = (struct detection){.box_px = {x, y, x + w, y + h},
                                  .sigma_px = {1, 1, 1, 1},
                                  .score = 0.95f - 0.9f * (float)i / (float)n,
                                  .class = OBJECT_CAR};
    }
}

/* A car ahead that we near at 5 m/s: 1.8 m wide, 1.5 m high. */
static struct detection car_ahead(const struct camera *c, float x_m)
{
    float far = x_m - c->x_m, half = 0.9f * c->fx / far;
    float bottom = c->cy + c->fy * c->z_m / far, top = bottom - 1.5f * c->fy / far;

    return (struct detection){.box_px = {c->cx - half, top, c->cx + half, bottom},
                              .sigma_px = {1, 1, 1, 1},
                              .score = 0.9f,
                              .class = OBJECT_CAR};
}

static bool finite_object(const struct object *o)
{
    bool fine = o->existence >= 0 && o->existence <= 1;

    for (int i = 0; i < 4; i++)
        fine &= isfinite(o->box_sigma_px[i]);
    for (int i = 0; i < STATE_COV && !isnan(o->x_m); i++)
        fine &= isfinite(o->covariance[i]);
    for (int i = 0; i < o->n_path; i++)
        fine &= isfinite(o->path[i].x_m) && o->path[i].sigma_x_m > 0 && o->path[i].sigma_y_m > 0;
    return fine;
}

static void crowd(enum tracker_kind kind, struct object *out, int *n)
{
    static struct detection d[MOST_DETECTIONS];
    const struct camera c = front_camera();
    struct tracker *t = open_kind(kind);
    uint32_t state = 1;

    for (int f = 0; f < 30; f++) {
        if (f % 5 == 0)
            scatter(&state, &c, d, MOST_DETECTIONS);
        tracker_step(t, d, MOST_DETECTIONS, &c, NULL, f * FRAME_NS);
        *n = tracker_objects(t, out, SCENE_MAX_OBJECTS);
        cr_assert_leq(*n, SCENE_MAX_OBJECTS);
        for (int i = 0; i < *n; i++)
            cr_assert(finite_object(&out[i]), "frame %d, object %d", f, i);
    }
    tracker_close(t);
}

Test(learned, a_crowd_stays_bounded_and_comes_out_the_same_again)
{
    static struct object a[SCENE_MAX_OBJECTS], b[SCENE_MAX_OBJECTS];

    for (enum tracker_kind k = TRACKER_RNN; k <= TRACKER_LSTM; k++) {
        int n, m;

        crowd(k, a, &n);
        crowd(k, b, &m);
        cr_assert_eq(n, m);
        cr_assert_gt(n, 0);
        cr_assert_arr_eq(a, b, (size_t)n * sizeof *a);
    }
}

Test(learned, unseen_it_gets_less_sure)
{
    for (enum tracker_kind k = TRACKER_RNN; k <= TRACKER_LSTM; k++) {
        const struct camera c = front_camera();
        static struct object o[SCENE_MAX_OBJECTS];
        struct tracker *t = open_kind(k);
        float seen = 0;
        uint64_t id = 0;

        for (int f = 0; f < 28; f++) {
            struct detection d = car_ahead(&c, 40 - 0.5f * (float)f);
            int n;

            tracker_step(t, &d, f < 20, &c, NULL, f * FRAME_NS);
            n = tracker_objects(t, o, SCENE_MAX_OBJECTS);
            if (f < 15)
                continue;
            cr_assert_eq(n, 1, "frame %d: %d objects", f, n);
            cr_assert(id == 0 || id == o[0].id);
            id = o[0].id;
            if (f == 19)
                seen = o[0].covariance[0];
        }
        cr_assert_eq(o[0].measurement, MEASUREMENT_PREDICTED);
        cr_assert_gt(o[0].covariance[0], 1.2f * seen, "%d: %g m^2, seen %g", (int)k,
                     (double)o[0].covariance[0], (double)seen);
        tracker_close(t);
    }
}

Test(learned, nears_at_its_speed)
{
    const struct camera c = front_camera();
    static struct object o[SCENE_MAX_OBJECTS];
    struct tracker *t = open_kind(TRACKER_LSTM);

    for (int f = 0; f < 30; f++) {
        struct detection d = car_ahead(&c, 40 - 0.5f * (float)f);

        tracker_step(t, &d, 1, &c, NULL, f * FRAME_NS);
    }
    cr_assert_eq(tracker_objects(t, o, SCENE_MAX_OBJECTS), 1);
    cr_assert_float_eq(o[0].vx_mps, -5, 1.5f);
    cr_assert_float_eq(o[0].x_m, 25.5f, 2.5f);
    cr_assert_float_eq(o[0].ttc_s, (25.5f - c.x_m) / 5, 1.5f);
    cr_assert(isfinite(o[0].ax_mps2));
    tracker_close(t);
}

/* Who walks changes shape, and detectors take a person for a cyclist and back: once each such frame began
 * a new track, and somebody who crossed the road was told of late. */
Test(learned, a_person_of_changing_shape_and_class_is_one)
{
    static const float px[][4] = {{380, 184, 403, 232}, {379, 186, 398, 231}, {373, 188, 395, 235},
                                  {372, 190, 391, 240}, {367, 187, 387, 238}, {364, 183, 381, 240},
                                  {358, 178, 378, 243}, {349, 180, 371, 248}};
    const struct camera c = {.width = 640,
                             .height = 384,
                             .model = CAMERA_PINHOLE,
                             .fx = 544,
                             .fy = 544,
                             .cx = 320,
                             .cy = 192,
                             .x_m = 1.6f,
                             .z_m = 1.4f};

    for (enum tracker_kind k = TRACKER_RNN; k <= TRACKER_LSTM; k++) {
        static struct object o[SCENE_MAX_OBJECTS];
        struct tracker *t = open_kind(k);

        for (int f = 0; f < 8; f++) {
            const struct detection d = {.box_px = {px[f][0], px[f][1], px[f][2], px[f][3]},
                                        .sigma_px = {2, 2, 2, 2},
                                        .score = 0.55f,
                                        .class = f % 2 ? OBJECT_PERSON : OBJECT_CYCLIST};

            tracker_step(t, &d, 1, &c, NULL, f * FRAME_NS);
            int n = tracker_objects(t, o, SCENE_MAX_OBJECTS);
            if (f < 3)
                continue;
            cr_expect_eq(n, 1, "kind %d, frame %d: %d tracks", (int)k, f, n);
            cr_expect_eq(o[0].id, 1, "kind %d, frame %d: id %llu", (int)k, f,
                         (unsigned long long)o[0].id);
        }
        tracker_close(t);
    }
}

Test(learned, other_networks_are_refused_by_name)
{
    struct weights w = weights_built_in(true),
                   swapped = {w.attention, w.memory, w.attention_bytes, w.memory_bytes};
    struct learned *l;
    struct why why;

    cr_assert_eq(learned_open(&swapped, ~0u, &l, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "input 'track'"), "%s", why.text);
    w.memory_bytes /= 2;
    cr_assert_neq(learned_open(&w, ~0u, &l, &why), OK);
    cr_assert_null(l);
}
