/* Simulated lane curves: as their truth, as wrong as asked for, the same for the same seed. */
#include "sim/lane_tracks.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const struct camera camera = {.width = 640,
                                     .height = 384,
                                     .model = CAMERA_PINHOLE,
                                     .fx = 544,
                                     .fy = 544,
                                     .cx = 320,
                                     .cy = 192,
                                     .x_m = 1.6f,
                                     .z_m = 1.4f};
static struct lane_tracks_frame frame, again;

static struct lane_tracks *open_drive(const char *scenario, const struct lane_detector *d,
                                      int sights, bool wander)
{
    struct lane_tracks_options o = {.dt = 0.1,
                                    .seed = 5,
                                    .scenario = scenario,
                                    .camera = camera,
                                    .wander = wander,
                                    .sights = sights};
    struct lane_tracks *t;
    struct why why;

    for (int i = 0; i < sights; i++)
        o.detector[i] = *d;
    cr_assert_eq(lane_tracks_open(&o, &t, &why), OK, "%s", why.text);
    return t;
}

Test(lane_tracks, the_same_seed_gives_the_same_frames)
{
    struct lane_tracks *a = open_drive(NULL, &LANE_DETECTOR, 2, true),
                       *b = open_drive(NULL, &LANE_DETECTOR, 2, true);

    for (int i = 0; i < 50; i++) {
        lane_tracks_next(a, &frame);
        lane_tracks_next(b, &again);
        cr_assert_eq(frame.n_lines, again.n_lines);
        for (int k = 0; k < 2; k++) {
            const struct lane_sight *x = &frame.sight[k], *y = &again.sight[k];

            cr_assert_eq(x->n_curves, y->n_curves);
            cr_assert_arr_eq(x->curve, y->curve, (size_t)x->n_curves * sizeof *x->curve);
            cr_assert_arr_eq(x->shows, y->shows, (size_t)x->n_curves * sizeof *x->shows);
        }
    }
    lane_tracks_close(a);
    lane_tracks_close(b);
}

/* Without errors each point lies on its line: on a straight motorway the ground is flat. */
Test(lane_tracks, without_errors_curves_are_their_lines)
{
    const struct lane_detector none = {.drift_s = 1,
                                       .slip_s = 1,
                                       .outer = 1,
                                       .recall = 1,
                                       .outer_recall = 1,
                                       .missing_s = 1,
                                       .gap_s = 1,
                                       .blind_s = 1,
                                       .clutter_s = 1,
                                       .nod_s = 1};
    struct lane_tracks *t = open_drive("lane_change", &none, 1, false);
    int points = 0;

    for (int i = 0; i < 40; i++) {
        lane_tracks_next(t, &frame);
        const struct lane_sight *s = &frame.sight[0];
        for (int k = 0; k < s->n_curves; k++) {
            const struct lane_truth *l = NULL;

            for (int n = 0; n < frame.n_lines; n++)
                if (frame.line[n].id == s->shows[k])
                    l = &frame.line[n];
            cr_assert_not_null(l);
            for (int p = 0; p < s->curve[k].n; p++) {
                float x =
                    camera.x_m + camera.z_m * camera.fy / (s->curve[k].point[p].y - camera.cy);
                float y = -(s->curve[k].point[p].x - camera.cx) * (x - camera.x_m) / camera.fx;
                float off = y - lane_truth_y(l, x);

                if (!(x < 25) || isnan(off))
                    continue;
                points++;
                cr_assert_leq(fabsf(off), 0.15f + 0.02f * x, "frame %d: %g m at %g m", i,
                              (double)off, (double)x);
            }
        }
    }
    cr_assert_gt(points, 1000);
    lane_tracks_close(t);
}

/* Lines keep their names while we pass them, however we stray; what strays is told of as motion. */
Test(lane_tracks, lines_keep_their_names)
{
    struct lane_tracks *t = open_drive("lane_change", &LANE_DETECTOR, 1, true);
    uint64_t named[SCENE_MAX_LANES];
    int n_named = 0, news = 0;
    float most_turn = 0;

    for (int i = 0; i < 200; i++) {
        lane_tracks_next(t, &frame);
        for (int k = 0; k < frame.n_lines; k++) {
            bool known = false;

            for (int n = 0; n < n_named; n++)
                known |= named[n] == frame.line[k].id;
            news += i > 0 && !known;
        }
        n_named = frame.n_lines;
        for (int k = 0; k < n_named; k++)
            named[k] = frame.line[k].id;
        most_turn = fmaxf(most_turn, fabsf(frame.yaw_rate_rps));
    }
    cr_assert_leq(news, 12, "%d new names in 20 s", news);
    cr_assert(most_turn > 0.01f && most_turn < 0.5f, "%g", (double)most_turn);
    lane_tracks_close(t);
}

Test(lane_tracks, refuses_what_it_cannot_do)
{
    struct lane_tracks_options o = {.dt = 0.1, .camera = camera, .sights = LANE_SIGHTS + 1};
    struct lane_tracks *t;
    struct why why;

    cr_assert_eq(lane_tracks_open(&o, &t, &why), ERR_LIMIT);
    o.sights = 1;
    o.dt = 0;
    cr_assert_eq(lane_tracks_open(&o, &t, &why), ERR_LIMIT);
    cr_assert_null(t);
    lane_tracks_close(NULL);
}
