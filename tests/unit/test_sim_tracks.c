#include "sim/tracks.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct why why;
static struct tracks_frame frame, other;

static struct tracks_options options(const char *scenario)
{
    return (struct tracks_options){.worlds = 4,
                                   .dt = 0.1,
                                   .drive_s = 20,
                                   .seed = 5,
                                   .scenario = scenario,
                                   .camera = {.width = 640,
                                              .height = 384,
                                              .model = CAMERA_PINHOLE,
                                              .fx = 500,
                                              .fy = 500,
                                              .cx = 320,
                                              .cy = 192,
                                              .x_m = 1.6f,
                                              .z_m = 1.4f,
                                              .pitch_rad = 0.03f,
                                              .yaw_rad = -0.02f,
                                              .roll_rad = 0.01f},
                                   .detector = TRACKS_DETECTOR};
}

static struct tracks *begin(const struct tracks_options *o)
{
    struct tracks *t;

    cr_assert_eq(tracks_open(o, &t, &why), OK, "%s", why.text);
    return t;
}

static void next(struct tracks *t, struct tracks_frame *f)
{
    memset(f, 0, sizeof *f);
    cr_assert_eq(tracks_next(t, f, &why), OK, "%s", why.text);
}

Test(sim_tracks, the_same_seed_the_same_frames)
{
    struct tracks_options o = options(NULL);
    struct tracks *a = begin(&o), *b = begin(&o);

    for (int i = 0; i < 900; i++) {
        next(a, &frame);
        next(b, &other);
        cr_assert_arr_eq(&frame, &other, sizeof frame, "frame %d", i);
        cr_assert_eq(frame.world, i % 4);
        cr_assert_eq(frame.first, i % (4 * 201) < 4, "frame %d", i);
    }
    tracks_close(a);
    tracks_close(b);
}

/* Positions move as velocities say, seen from a car that moves and turns itself. */
Test(sim_tracks, truth_is_consistent)
{
    static struct tracks_frame before[4];
    struct tracks_options o = options("cut_in");
    struct tracks *t = begin(&o);
    int compared = 0;

    for (int i = 0; i < 4 * 150; i++) {
        next(t, &frame);
        struct tracks_frame *b = &before[frame.world];
        for (int k = 0; k < frame.n_objects && !frame.first; k++)
            for (int j = 0; j < b->n_objects; j++) {
                const struct track_object *p = &b->object[j], *q = &frame.object[k];

                if (!p->id || p->id != q->id || p->x_m < 8 || p->x_m > 60 ||
                    fabsf(p->yaw_rad) > 0.2f) /* else another face may be nearest */
                    continue;
                float turn = 0.05f * (b->yaw_rate_rps + frame.yaw_rate_rps);
                float v = 0.5f * (b->speed_mps + frame.speed_mps);
                float vx = p->vx_mps - v, vy = p->vy_mps;
                float x = p->x_m + 0.1f * vx, y = p->y_m + 0.1f * vy;
                cr_expect_float_eq(q->x_m, x + y * turn, 0.15, "%g %g", q->x_m, x + y * turn);
                cr_expect_float_eq(q->y_m, y - x * turn, 0.15, "%g %g", q->y_m, y - x * turn);
                compared++;
            }
        *b = frame;
    }
    cr_expect_gt(compared, 300);
    tracks_close(t);
}

/* The lens-free shortcut is the camera's own projection. */
Test(sim_tracks, projects_as_the_camera_does)
{
    struct tracks_options o = options("traffic_jam");
    struct tracks *a = begin(&o);

    o.camera.distortion[0] = 1e-9f; /* takes the long way */
    struct tracks *b = begin(&o);
    for (int i = 0; i < 40; i++) {
        next(a, &frame);
        next(b, &other);
        for (int k = 0; k < frame.n_objects && frame.object[k].id; k++) {
            const struct box *p = &frame.object[k].truth, *q = &other.object[k].truth;

            cr_assert(fabsf(p->x1 - q->x1) < 0.01f && fabsf(p->y2 - q->y2) < 0.01f);
            cr_assert(p->x1 >= 0 && p->y1 >= 0 && p->x2 <= 640 && p->y2 <= 384);
        }
    }
    tracks_close(a);
    tracks_close(b);
}

/* What the detector's numbers promise is what comes out. */
Test(sim_tracks, errs_as_it_is_told)
{
    struct tracks_options o = options(NULL);
    double large = 0, large_found = 0, small = 0, small_found = 0, alarms = 0, square = 0;
    double hit_score = 0, alarm_score = 0, found = 0;
    const int frames = 4000;

    o.detector.edge_sigma = 0.03f;
    o.detector.edge_drift = 0.04f;
    o.detector.sigma_px = o.detector.drift_px = o.detector.gross = 0;
    struct tracks *t = begin(&o);
    for (int i = 0; i < frames; i++) {
        next(t, &frame);
        for (int k = 0; k < frame.n_objects; k++) {
            const struct track_object *q = &frame.object[k];
            float h = q->truth.y2 - q->truth.y1;

            if (!q->id) {
                alarms++;
                alarm_score += q->score;
                continue;
            }
            if (q->occlusion == 0 && q->truncation == 0 && h > 40) {
                large++;
                large_found += q->detected;
                if (q->detected) {
                    double e = (q->box.y1 - q->truth.y1) / h;
                    square += e * e;
                    found++;
                    hit_score += q->score;
                }
            } else if (q->occlusion == 0 && h < 8) {
                small++;
                small_found += q->detected;
            }
        }
    }
    tracks_close(t);
    cr_expect_gt(large, 1000);
    cr_expect(large_found / large > 0.9 && large_found < large, "%g", large_found / large);
    cr_expect_lt(small_found / small, 0.35, "%g", small_found / small);
    cr_expect_float_eq(sqrt(square / found), 0.05, 0.008, "%g", sqrt(square / found));
    cr_expect_float_eq(alarms / frames, o.detector.false_alarms, 0.03, "%g", alarms / frames);
    cr_expect_gt(hit_score / found, alarm_score / alarms + 0.3);
}

static const struct track_object *find(const struct tracks_frame *f, uint64_t id)
{
    for (int i = 0; id && i < f->n_objects; i++)
        if (f->object[i].id == id && f->object[i].detected)
            return &f->object[i];
    return NULL;
}

static double told_off(const struct track_object *q)
{
    return log((double)q->told_m / hypot((double)q->x_m - 1.6, (double)q->y_m));
}

/* Errors of the distance, and of edges where things are large, hardly change from frame to frame but for the
 * part that is new in each; sigmas say how large they are. */
Test(sim_tracks, errors_are_slow)
{
    struct tracks_options o = options(NULL);
    double told = 0, step = 0, pull = 0, edge = 0, edge_step = 0, edge_pull = 0;
    long n = 0, steps = 0;

    o.worlds = 1;
    o.detector.gross = 0;
    struct tracks *t = begin(&o);
    for (int i = 0; i < 3000; i++) {
        next(t, &frame);
        for (int k = 0; k < frame.n_objects; k++) {
            const struct track_object *q = &frame.object[k];
            const struct track_object *before = frame.first ? NULL : find(&other, q->id);
            double e = (double)(q->box.y1 - q->truth.y1);

            if (!q->id || !q->detected || q->truncation > 0 || q->occlusion > 0)
                continue;
            n++;
            told += told_off(q) * told_off(q);
            pull += pow(told_off(q) / (double)q->told_sigma, 2);
            edge += e * e;
            edge_pull += pow(e / (double)q->sigma_px[1], 2);
            if (!before)
                continue;
            steps++;
            step += pow(told_off(q) - told_off(before), 2);
            edge_step += pow(e - (double)(before->box.y1 - before->truth.y1), 2);
        }
        other = frame;
    }
    tracks_close(t);
    cr_expect_gt(steps, 3000);
    cr_expect_float_eq(sqrt(told / n), hypot(0.035, 0.085), 0.015, "%g", sqrt(told / n));
    cr_expect_float_eq(sqrt(step / steps), 0.035 * M_SQRT2, 0.008, "%g", sqrt(step / steps));
    cr_expect_float_eq(sqrt(pull / n), 1, 0.15, "%g", sqrt(pull / n));
    cr_expect_float_eq(sqrt(edge_pull / n), 1, 0.2, "%g", sqrt(edge_pull / n));
    cr_expect_lt(edge_step / steps, edge / n, "%g %g", edge_step / steps, edge / n);
}

/* What tells nothing says so. */
Test(sim_tracks, a_detector_may_tell_no_more_than_boxes)
{
    struct tracks_options o = options(NULL);
    int found = 0;

    o.detector.told_sigma = o.detector.told_drift = 0;
    o.detector.tells_sigma = false;
    struct tracks *t = begin(&o);
    for (int i = 0; i < 200; i++) {
        next(t, &frame);
        for (int k = 0; k < frame.n_objects; k++)
            if (frame.object[k].detected) {
                cr_expect_eq(frame.object[k].told_m, 0);
                cr_expect(isnan(frame.object[k].sigma_px[2]));
                found++;
            }
    }
    tracks_close(t);
    cr_expect_gt(found, 100);
}

Test(sim_tracks, refuses)
{
    struct tracks_options o = options("nowhere");
    struct tracks *t;

    cr_expect_eq(tracks_open(&o, &t, &why), ERR_IO);
    o = options(NULL);
    o.worlds = 0;
    cr_expect_eq(tracks_open(&o, &t, &why), ERR_LIMIT);
    o = options(NULL);
    o.dt = 2;
    cr_expect_eq(tracks_open(&o, &t, &why), ERR_LIMIT);
    o = options(NULL);
    o.camera.fx = -1;
    cr_expect_neq(tracks_open(&o, &t, &why), OK);
    cr_expect_null(t);
    tracks_close(NULL);
}
