#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/track/lanes.h"

/* A camera over a flat road whose boundaries are known cubics. */
enum { WIDTH = 960, HEIGHT = 540 };
static const int64_t FRAME_NS = 100000000;

static const struct camera mounted = {
    .width = WIDTH,
    .height = HEIGHT,
    .model = CAMERA_PINHOLE,
    .fx = 860,
    .fy = 860,
    .cx = 480,
    .cy = 270,
    .x_m = 1.6f,
    .z_m = 1.35f,
    .pitch_rad = 0.05f,
    .yaw_rad = 0.01f,
    .sigma_pitch_rad = 0.004f,
    .sigma_z_m = 0.03f,
};

struct truth { /* y = c0 + c1 x + c2 x^2 + c3 x^3 */
    float c[4], x_min, x_max;
};

static float truth_y(const struct truth *b, float x)
{
    return b->c[0] + x * (b->c[1] + x * (b->c[2] + x * b->c[3]));
}

static float uniform(void)
{
    return (float)rand() / ((float)RAND_MAX + 1.0f);
}

static float normal(void)
{
    return sqrtf(-2 * logf(uniform() + 1e-9f)) * cosf(6.2831853f * uniform());
}

/* How a head sees a boundary: points from near to far, all with one smooth error of spread sigma
 * (px), as a fit to marks gives it. */
static struct lane_curve look(const struct camera *c, const struct truth *b, float sigma)
{
    struct lane_curve out = {.score = 0.9f, .kind = LANE_LINE};
    float e[4];

    for (int i = 0; i < 4; i++)
        e[i] = normal() * sigma * 0.5f * (i ? sqrtf(2) : 1);
    for (int i = 0; i < HEAD_MAX_CURVE_POINTS; i++) {
        float s = (float)i / (HEAD_MAX_CURVE_POINTS - 1); /* even in rows: even in 1 / x */
        float x = 1 / (1 / b->x_min + s * (1 / b->x_max - 1 / b->x_min));
        const float p[3] = {x, truth_y(b, x), 0};
        float px[2], off = 0;

        if (!camera_project(c, p, px) || px[0] < 0 || px[0] > WIDTH || px[1] > HEIGHT)
            continue;
        for (int k = 0; k < 4; k++)
            off += e[k] * cosf(3.14159265f * (float)k * s);
        out.point[out.n].x = px[0] + off;
        out.point[out.n].y = px[1];
        out.point[out.n].sigma_x = fmaxf(sigma, 0.3f);
        out.point[out.n].seen = 1;
        out.n++;
    }
    return out;
}

static struct lanes *l;
static struct scene s;
static int64_t now;

static void start_with(enum tracker_kind kind)
{
    const struct lanes_options o = {.kind = kind, .cpu_mask = ~0u};
    struct why why;

    cr_assert_eq(lanes_open(&o, &l, &why), OK, "%s", why.text);
    scene_clear(&s);
    now = 1000;
}

static void start(void)
{
    start_with(TRACKER_KALMAN);
}

static void step(const struct truth *b, int n, const struct camera *real,
                 const struct camera *believed, float sigma, float speed)
{
    struct lane_curve seen[HEAD_MAX_CURVES];

    for (int i = 0; i < n; i++)
        seen[i] = look(real, &b[i], sigma);
    lanes_step(l, seen, n, believed, WIDTH, speed, NAN, now);
    lanes_scene(l, &s);
    now += FRAME_NS;
}

static const struct lane_boundary *with_role(int role)
{
    for (int i = 0; i < s.n_lanes; i++)
        if (s.lane[i].role == role)
            return &s.lane[i];
    return NULL;
}

static int station(float x)
{
    int i = 0;

    while (i < SCENE_STATIONS - 1 && SCENE_STATION_M[i] < x)
        i++;
    return i;
}

/* ---- where the boundaries are -------------------------------------------------------------- */

Test(lanes, geometry_without_noise)
{
    const struct truth road[][2] = {
        {{{1.85f}, 6, 70}, {{-1.85f}, 6, 70}},
        {{{1.2f, -0.04f}, 6, 70}, {{-2.5f, -0.04f}, 6, 70}},
        {{{2.1f, 0.02f, 0.0015f}, 6, 60}, {{-1.4f, 0.02f, 0.0015f}, 6, 60}},
        {{{1.8f, -0.03f, -0.003f, 2e-5f}, 6, 50}, {{-1.8f, -0.03f, -0.003f, 2e-5f}, 6, 50}},
    };

    for (size_t k = 0; k < sizeof road / sizeof *road; k++) {
        start();
        for (int i = 0; i < 5; i++)
            step(road[k], 2, &mounted, &mounted, 0, NAN);
        cr_assert_eq(s.n_lanes, 2);
        for (int i = 0; i < 2; i++) {
            const struct truth *b = &road[k][i];
            const struct lane_boundary *got = &s.lane[i];

            cr_assert_eq(got->role, i ? -1 : 1);
            cr_assert(got->has_metres && got->measurement == MEASUREMENT_MEASURED);
            cr_assert_float_eq(got->x_max_m, b->x_max, 1);
            for (int st = 0; st < SCENE_STATIONS; st++) {
                float x = SCENE_STATION_M[st], y = got->station[st].y_m;

                if (x > got->x_max_m + 15) {
                    cr_assert(isnan(y) && isnan(got->station[st].sigma_y_m));
                    cr_assert_eq(got->station[st].visible, 0);
                    continue;
                }
                cr_assert_eq(got->station[st].z_m, 0);
                cr_assert_leq(fabsf(y - truth_y(b, x)), x > got->x_max_m ? 1 : 0.1,
                              "road %zu line %d x %g: %g, is %g", k, i, x, y, truth_y(b, x));
                if (x > got->x_min_m + 0.1f && x < got->x_max_m - 0.1f)
                    cr_assert_gt(got->station[st].visible, 0.5f);
                if (x < got->x_min_m - 0.1f || x > got->x_max_m + 0.1f)
                    cr_assert_eq(got->station[st].visible, 0);
                float poly =
                    got->cubic[0] + x * (got->cubic[1] + x * (got->cubic[2] + x * got->cubic[3]));
                cr_assert_float_eq(poly, y, 1e-3);
            }
        }
        float centre = 0.5f * (road[k][0].c[0] + road[k][1].c[0]), c1 = road[k][0].c[1];
        cr_assert_float_eq(s.ego_lane.offset_m, -centre, 0.05);
        cr_assert_float_eq(s.ego_lane.heading_rad, -atanf(c1), 0.004);
        cr_assert_float_eq(s.ego_lane.curvature_1pm, 2 * road[k][0].c[2], 6e-4);
        cr_assert_float_eq(s.ego_lane.width_m, road[k][0].c[0] - road[k][1].c[0], 0.05);
        lanes_close(l);
    }
}

/* Errors as the model says they are: marks with smooth errors, a pitch and a height that are wrong
 * for the whole drive. Then 1 sigma holds 68 % of the truth and 2 sigma 95 %. */
Test(lanes, sigmas_cover)
{
    enum { RUNS = 400 };
    const float at[] = {0, 10, 20, 30, 40};
    int n = 0, one = 0, two = 0, ego_n = 0, ego_one = 0, ego_two = 0;

    srand(11);
    for (int run = 0; run < RUNS; run++) {
        float c0 = 0.4f * normal(), c1 = 0.01f * normal(), c2 = 0.001f * normal();
        float half = 1.75f + 0.1f * normal(), c3 = 5e-6f * normal();
        struct truth b[2] = {{{c0 + half, c1, c2, c3}, 6, 55}, {{c0 - half, c1, c2, c3}, 6, 55}};
        struct camera real = mounted;

        real.pitch_rad += mounted.sigma_pitch_rad * normal();
        real.z_m += mounted.sigma_z_m * normal();
        start();
        for (int i = 0; i < 6; i++)
            step(b, 2, &real, &mounted, 2.0f, NAN);
        for (int i = 0; i < s.n_lanes; i++)
            for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
                const struct lane_station *st = &s.lane[i].station[station(at[k])];
                float z = fabsf(st->y_m - truth_y(&b[i], at[k])) / st->sigma_y_m;

                n++;
                one += z < 1;
                two += z < 2;
            }
        const struct ego_lane *e = &s.ego_lane;
        const float z[4] = {(e->offset_m + c0) / e->offset_sigma_m,
                            (e->heading_rad + c1) / e->heading_sigma_rad,
                            (e->curvature_1pm - 2 * c2) / e->curvature_sigma_1pm,
                            (e->width_m - 2 * half) / e->width_sigma_m};
        for (int k = 0; k < 4; k++) {
            ego_n++;
            ego_one += fabsf(z[k]) < 1;
            ego_two += fabsf(z[k]) < 2;
        }
        lanes_close(l);
    }
    cr_assert_eq(n, RUNS * 10);
    float p1 = (float)one / (float)n, p2 = (float)two / (float)n;
    float q1 = (float)ego_one / (float)ego_n, q2 = (float)ego_two / (float)ego_n;
    cr_assert(p1 > 0.63f && p1 < 0.78f && p2 > 0.94f && p2 < 0.985f,
              "stations: %g %g, ego lane: %g %g", p1, p2, q1, q2);
    cr_assert(q1 > 0.63f && q1 < 0.82f && q2 > 0.94f, "ego lane: %g %g", q1, q2);
}

/* What the pitch adds far away stays, however often it is measured. */
Test(lanes, pitch_is_not_averaged_away)
{
    const struct truth b[2] = {{{1.85f}, 6, 60}, {{-1.85f}, 6, 60}};
    struct camera shaky = mounted;
    float sigma[2];

    shaky.sigma_pitch_rad = 0.02f;
    srand(2);
    start();
    for (int i = 0; i < 60; i++) {
        step(b, 2, &mounted, &shaky, 2, NAN);
        sigma[i > 4] = s.n_lanes ? s.lane[0].station[station(40)].sigma_y_m : 0;
    }
    cr_assert_gt(sigma[1], 0.8f * 0.02f * 1.85f * 40 / mounted.z_m);
    cr_assert_gt(sigma[1], 0.9f * sigma[0]);
    lanes_close(l);
}

/* ---- life and identity --------------------------------------------------------------------- */

static const struct truth three[3] = {{{5.4f}, 8, 50}, {{1.8f}, 6, 60}, {{-1.8f}, 6, 60}};

Test(lanes, birth_coasting_and_death)
{
    start();
    step(three, 3, &mounted, &mounted, 0, NAN);
    cr_assert_eq(s.n_lanes, 0); /* one look is no boundary */
    step(three, 3, &mounted, &mounted, 0, NAN);
    cr_assert_eq(s.n_lanes, 3);
    uint64_t id = with_role(1)->id;
    cr_assert_eq(with_role(1)->age_ns, FRAME_NS);
    for (int i = 0; i < 8; i++)
        step(three, 3, &mounted, &mounted, 0, NAN);
    cr_assert_gt(with_role(1)->existence, 0.98f);

    step(three + 2, 1, &mounted, &mounted, 0, NAN);
    const struct lane_boundary *b = with_role(1);
    cr_assert(b && b->id == id && b->measurement == MEASUREMENT_PREDICTED);
    cr_assert_eq(b->station[station(20)].visible, 0);
    cr_assert_float_eq(b->station[station(20)].y_m, 1.8, 0.1);
    cr_assert_eq(with_role(-1)->measurement, MEASUREMENT_MEASURED);
    float existence = b->existence;
    for (int i = 0; i < 3; i++)
        step(three + 2, 1, &mounted, &mounted, 0, NAN);
    cr_assert_lt(with_role(1)->existence, existence);
    cr_assert_eq(with_role(1)->id, id);
    step(three, 3, &mounted, &mounted, 0, NAN); /* back: the same one */
    cr_assert_eq(with_role(1)->id, id);
    for (int i = 0; i < 10; i++)
        step(three + 2, 1, &mounted, &mounted, 0, NAN);
    cr_assert_eq(s.n_lanes, 1);
    for (int i = 0; i < 3; i++)
        step(three, 3, &mounted, &mounted, 0, NAN);
    cr_assert_neq(with_role(1)->id, id); /* too late: another one */
    lanes_close(l);
}

Test(lanes, ids_are_stable_and_never_come_back)
{
    uint64_t id[3], highest = 0;

    srand(4);
    start();
    for (int i = 0; i < 100; i++) {
        step(three, 3, &mounted, &mounted, 2.5f, NAN);
        if (i == 2)
            for (int k = 0; k < 3; k++)
                id[k] = s.lane[k].id;
        for (int k = 0; i > 2 && k < 3; k++)
            cr_assert_eq(s.lane[k].id, id[k]);
    }
    for (int k = 0; k < 3; k++)
        highest = id[k] > highest ? id[k] : highest;
    lanes_reset(l);
    lanes_scene(l, &s);
    cr_assert_eq(s.n_lanes, 0);
    now = 5; /* the clock may start again */
    for (int i = 0; i < 3; i++)
        step(three, 3, &mounted, &mounted, 0, NAN);
    for (int k = 0; k < 3; k++)
        cr_assert_gt(s.lane[k].id, highest);
    lanes_close(l);
}

/* Three lines, we move from the right lane into the left one: every line keeps its id, the roles
 * change once and together. */
Test(lanes, lane_change)
{
    uint64_t id[3] = {0};
    int changes = 0, middle_role = 1;

    srand(8);
    start();
    for (int i = 0; i < 80; i++) {
        float moved = fminf(fmaxf((float)(i - 10) * 0.06f, 0), 3.6f); /* 0.6 m/s to the left */
        struct truth b[3];

        for (int k = 0; k < 3; k++) {
            b[k] = three[k];
            b[k].c[0] -= moved;
        }
        step(b, 3, &mounted, &mounted, 1.5f, NAN);
        if (i < 3)
            continue;
        cr_assert_eq(s.n_lanes, 3);
        for (int k = 0; k < 3; k++) {
            id[k] = id[k] ? id[k] : s.lane[k].id;
            cr_assert_eq(s.lane[k].id, id[k], "frame %d line %d", i, k);
        }
        cr_assert_eq(s.lane[0].role, middle_role == 1 && s.lane[1].role == 1 ? 2 : 1);
        changes += s.lane[1].role != middle_role;
        middle_role = s.lane[1].role;
        cr_assert_eq(s.lane[2].role, middle_role == 1 ? -1 : -2);
    }
    cr_assert_eq(changes, 1);
    cr_assert_eq(middle_role, -1);
    cr_assert_float_eq(s.ego_lane.offset_m, 0, 0.15);
    lanes_close(l);
}

/* On top of a line, sides do not flicker with every wobble. */
Test(lanes, on_the_line)
{
    int changes = 0, role = 0;

    start();
    for (int i = 0; i < 40; i++) {
        struct truth b = three[1];

        b.c[0] = i % 2 ? 0.06f : -0.06f;
        step(&b, 1, &mounted, &mounted, 0, NAN);
        if (i < 3)
            continue;
        changes += role != 0 && s.lane[0].role != role;
        role = s.lane[0].role;
    }
    cr_assert_eq(changes, 0);
    lanes_close(l);
}

/* A line that stops where another one starts, two metres to the side, is not that one. */
Test(lanes, another_line)
{
    struct truth b = three[1];

    start();
    for (int i = 0; i < 10; i++)
        step(&b, 1, &mounted, &mounted, 0, NAN);
    uint64_t id = s.lane[0].id;
    b.c[0] += 2;
    step(&b, 1, &mounted, &mounted, 0, NAN);
    cr_assert(s.n_lanes == 1 && s.lane[0].id == id);
    cr_assert_eq(s.lane[0].measurement, MEASUREMENT_PREDICTED);
    for (int i = 0; i < 10; i++)
        step(&b, 1, &mounted, &mounted, 0, NAN);
    cr_assert(s.n_lanes == 1 && s.lane[0].id != id);
    cr_assert_float_eq(s.lane[0].station[0].y_m, 3.8, 0.05);
    lanes_close(l);
}

/* The lane drifts under us at 1 m/s: what is published is not far behind. */
Test(lanes, little_lag)
{
    start();
    for (int i = 0; i < 20; i++) {
        float drift = 0.1f * (float)i;
        const struct truth b[2] = {{{2.5f - drift}, 6, 60}, {{-1.0f - drift}, 6, 60}};

        step(b, 2, &mounted, &mounted, 0, NAN);
        if (i > 3)
            cr_assert_leq(fabsf(s.ego_lane.offset_m - (drift - 0.75f)), 0.08f);
    }
    lanes_close(l);
}

/* ---- ego lane ------------------------------------------------------------------------------ */

Test(lanes, one_side_only)
{
    start();
    for (int i = 0; i < 4; i++)
        step(three + 2, 1, &mounted, &mounted, 0, 20);
    cr_assert_float_eq(s.ego_lane.offset_m, -(-1.8 + 1.75), 0.05);
    cr_assert(s.ego_lane.offset_sigma_m > 0.19f && s.ego_lane.offset_sigma_m < 0.4f);
    cr_assert(isnan(s.ego_lane.width_m) && isnan(s.ego_lane.width_sigma_m));
    cr_assert_float_eq(s.ego_lane.heading_rad, 0, 0.01);
    lanes_close(l);
}

/* Two lines with a lane and a half between them are not the sides of one lane. */
Test(lanes, too_wide_for_a_lane)
{
    const struct truth b[2] = {{{1.6f}, 6, 60}, {{-5.2f}, 6, 60}};

    start();
    for (int i = 0; i < 4; i++)
        step(b, 2, &mounted, &mounted, 0, NAN);
    cr_assert_eq(s.n_lanes, 2);
    cr_assert(isnan(s.ego_lane.width_m));
    cr_assert_float_eq(s.ego_lane.offset_m, -(1.6 - 1.75), 0.05);
    lanes_close(l);
}

/* A kerb two lanes away is not the side of ours. */
/* A seam of tar in the middle of a lane whose width is known takes no side's place; on a road seen for the first time
 * nothing speaks against it. */
Test(lanes, what_lies_within_our_lane_is_no_side_of_it)
{
    const struct truth seam[4] = {three[0], three[1], {{-0.9f}, 6, 60}, three[2]};

    start();
    for (int i = 0; i < 30; i++)
        step(three, 3, &mounted, &mounted, 0.5f, 20);
    const uint64_t ours = with_role(-1)->id;
    for (int i = 0; i < 30; i++) {
        step(seam, 4, &mounted, &mounted, 0.5f, 20);
        cr_assert_eq(with_role(-1)->id, ours);
        cr_assert_float_eq(s.ego_lane.offset_m, 0, 0.15);
    }
    cr_assert_eq(s.n_lanes, 4, "it is told all the same");
    lanes_close(l);
    start();
    for (int i = 0; i < 5; i++)
        step(seam, 4, &mounted, &mounted, 0.5f, 20);
    cr_assert_float_eq(with_role(-1)->station[0].y_m, -0.9, 0.2);
    lanes_close(l);
}

Test(lanes, far_boundary_is_not_ours)
{
    const struct truth b[2] = {{{8.4f}, 12, 60}, {{5.0f}, 10, 60}};

    start();
    for (int i = 0; i < 4; i++)
        step(b, 2, &mounted, &mounted, 0, NAN);
    cr_assert_eq(s.n_lanes, 2);
    cr_assert_eq(s.lane[0].role, 0);
    cr_assert_eq(s.lane[1].role, 2);
    cr_assert(isnan(s.ego_lane.offset_m) && isnan(s.ego_lane.heading_rad));
    lanes_close(l);
}

Test(lanes, time_to_departure)
{
    /* The lane turns right under us by 0.05 rad: at 20 m/s we drift left at 1 m/s, and our left
     * side is 1.85 - 0.95 m from the line. */
    const struct truth b[2] = {{{1.85f, -0.05f}, 6, 60}, {{-1.85f, -0.05f}, 6, 60}};

    start();
    for (int i = 0; i < 5; i++)
        step(b, 2, &mounted, &mounted, 0, 20);
    cr_assert_float_eq(s.ego_lane.time_to_departure_s, 0.9, 0.06);
    cr_assert(s.ego_lane.time_to_departure_sigma_s > 0.01f &&
              s.ego_lane.time_to_departure_sigma_s < 0.4f);
    step(b, 2, &mounted, &mounted, 0, NAN);
    cr_assert(isnan(s.ego_lane.time_to_departure_s));
    step(b, 2, &mounted, &mounted, 0, 0);
    cr_assert(isnan(s.ego_lane.time_to_departure_s));
    lanes_close(l);

    start();
    for (int i = 0; i < 5; i++)
        step(three, 3, &mounted, &mounted, 0, 20); /* straight on */
    cr_assert(isnan(s.ego_lane.time_to_departure_s));
    lanes_close(l);
}

/* ---- without calibration ------------------------------------------------------------------- */

Test(lanes, uncalibrated)
{
    const struct camera none = {0};
    uint64_t id[3] = {0};

    srand(6);
    start();
    for (int i = 0; i < 30; i++) {
        step(three, 3, &mounted, &none, 2, 20);
        if (i < 2)
            continue;
        cr_assert_eq(s.n_lanes, 3);
        for (int k = 0; k < 3; k++) {
            id[k] = id[k] ? id[k] : s.lane[k].id;
            cr_assert_eq(s.lane[k].id, id[k]);
            cr_assert_eq(s.lane[k].role, k == 2 ? -1 : 2 - k);
            cr_assert_not(s.lane[k].has_metres);
            cr_assert_gt(s.lane[k].n_pixels, 20);
        }
    }
    cr_assert(isnan(s.ego_lane.offset_m) && isnan(s.ego_lane.width_m));
    step(three, 3, &mounted, &mounted, 2, 20); /* a calibration comes: all begins anew */
    step(three, 3, &mounted, &mounted, 2, 20);
    cr_assert_eq(s.n_lanes, 3);
    cr_assert(s.lane[0].has_metres && s.lane[0].id > id[0]);
    lanes_close(l);
}

/* ---- odd input ----------------------------------------------------------------------------- */

/* Curves that no road makes: crossing, above the horizon, of one point, of numbers that are none.
 * Whatever is published is finite where it says that it is known. */
Test(lanes, hostile_curves)
{
    const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, 0};

    srand(9);
    start();
    for (int i = 0; i < 300; i++) {
        struct lane_curve c[HEAD_MAX_CURVES];
        int n = rand() % (HEAD_MAX_CURVES + 1);

        memset(c, 0, sizeof c);
        for (int k = 0; k < n; k++) {
            float x = uniform() * WIDTH, y = uniform() * HEIGHT, dx = (uniform() - 0.5f) * 60;

            c[k] = (struct lane_curve){.score = uniform(), .kind = LANE_LINE};
            c[k].n = rand() % (HEAD_MAX_CURVE_POINTS + 1);
            for (int p = 0; p < c[k].n; p++) {
                c[k].point[p].x = x + dx * (float)p;
                c[k].point[p].y = y - 3 * (float)p;
                c[k].point[p].sigma_x = uniform() * 10;
                c[k].point[p].seen = uniform();
                if (i % 3 == 0 && rand() % 20 == 0)
                    c[k].point[p].x = odd[rand() % 5];
                if (i % 3 == 0 && rand() % 20 == 0)
                    c[k].point[p].sigma_x = odd[rand() % 5];
            }
        }
        lanes_step(l, c, n, &mounted, WIDTH, odd[rand() % 5], odd[rand() % 5], now);
        lanes_scene(l, &s);
        now += (int64_t)(rand() % 4) * FRAME_NS;
        cr_assert_leq(s.n_lanes, SCENE_MAX_LANES);
        for (int k = 0; k < s.n_lanes; k++) {
            const struct lane_boundary *b = &s.lane[k];

            cr_assert(b->id != 0 && b->existence > 0 && b->existence <= 1);
            for (int p = 0; p < 4; p++)
                cr_assert(isfinite(b->cubic[p]));
            for (int p = 0; p < 10; p++)
                cr_assert(isfinite(b->cubic_covariance[p]));
            for (int p = 0; p < SCENE_STATIONS; p++)
                cr_assert(isnan(b->station[p].y_m) || b->station[p].sigma_y_m > 0);
        }
    }
    lanes_close(l);
    lanes_close(NULL);
}

/* ---- with a network ------------------------------------------------------------------------ */

/* No paint for a second and a half: both lines go on, less and less sure, and are the same afterwards. */
Test(lanes, learned_through_a_gap)
{
    for (enum tracker_kind k = TRACKER_RNN; k <= TRACKER_LSTM; k++) {
        float sigma[15], before;
        uint64_t id[2];

        srand(10);
        start_with(k);
        for (int i = 0; i < 30; i++)
            step(three + 1, 2, &mounted, &mounted, 1, 15);
        cr_assert_eq(s.n_lanes, 2);
        before = s.lane[0].station[station(20)].sigma_y_m;
        id[0] = s.lane[0].id;
        id[1] = s.lane[1].id;
        for (int i = 0; i < 15; i++) {
            step(three, 0, &mounted, &mounted, 1, 15);
            cr_assert_eq(s.n_lanes, 2, "kind %d: %d lines after %d frames", (int)k, s.n_lanes, i);
            cr_assert_eq(s.lane[0].measurement, MEASUREMENT_PREDICTED);
            cr_assert_float_eq(s.lane[0].station[0].y_m, 1.8, 0.4);
            sigma[i] = s.lane[0].station[station(20)].sigma_y_m;
        }
        cr_assert_gt(sigma[4], 1.05f * before);
        cr_assert_gt(sigma[14], 1.3f * sigma[4], "kind %d: %g m, then %g m", (int)k,
                     (double)sigma[4], (double)sigma[14]);
        step(three + 1, 2, &mounted, &mounted, 1, 15);
        cr_assert(s.n_lanes == 2 && s.lane[0].id == id[0] && s.lane[1].id == id[1]);
        lanes_close(l);
    }
}

/* A line that is no more is not told of for ever. */
Test(lanes, learned_ends)
{
    start_with(TRACKER_LSTM);
    for (int i = 0; i < 20; i++)
        step(three + 1, 2, &mounted, &mounted, 0, 15);
    for (int i = 0; i < 40; i++)
        step(three + 1, 0, &mounted, &mounted, 0, 15);
    cr_assert_eq(s.n_lanes, 0);
    lanes_close(l);
}

/* As lane_change: roles change once and together, identities stay. */
Test(lanes, learned_lane_change)
{
    for (enum tracker_kind k = TRACKER_RNN; k <= TRACKER_LSTM; k++) {
        uint64_t id[3] = {0};
        int changes = 0, middle_role = 1;

        srand(8);
        start_with(k);
        for (int i = 0; i < 80; i++) {
            float moved = fminf(fmaxf((float)(i - 10) * 0.06f, 0), 3.6f);
            float slope = i > 10 && moved < 3.6f ? -0.04f : 0; /* 0.6 m/s at 15 m/s */
            struct truth b[3];

            for (int n = 0; n < 3; n++) {
                b[n] = three[n];
                b[n].c[0] -= moved;
                b[n].c[1] += slope;
            }
            step(b, 3, &mounted, &mounted, 1.5f, 15);
            if (i < 3)
                continue;
            cr_assert_eq(s.n_lanes, 3, "kind %d, frame %d: %d lines", (int)k, i, s.n_lanes);
            for (int n = 0; n < 3; n++) {
                id[n] = id[n] ? id[n] : s.lane[n].id;
                cr_assert_eq(s.lane[n].id, id[n], "frame %d line %d", i, n);
            }
            changes += s.lane[1].role != middle_role;
            middle_role = s.lane[1].role;
            cr_assert_eq(s.lane[0].role, middle_role == 1 ? 2 : 1);
            cr_assert_eq(s.lane[2].role, middle_role == 1 ? -1 : -2);
        }
        cr_assert_eq(changes, 1);
        cr_assert_eq(middle_role, -1);
        lanes_close(l);
    }
}

Test(lanes, learned_comes_out_the_same_again)
{
    static struct scene first;

    for (int n = 0; n < 2; n++) {
        srand(11);
        start_with(TRACKER_LSTM);
        for (int i = 0; i < 30; i++)
            step(three, i % 7 == 3 ? 1 : 3, &mounted, &mounted, 2, 20);
        cr_assert_eq(s.n_lanes, 3);
        if (n == 0)
            first = s;
        for (int i = 0; i < 3; i++) {
            cr_assert_arr_eq(s.lane[i].cubic, first.lane[i].cubic, sizeof first.lane[i].cubic);
            cr_assert_arr_eq(s.lane[i].cubic_covariance, first.lane[i].cubic_covariance,
                             sizeof first.lane[i].cubic_covariance);
        }
        lanes_close(l);
    }
}

Test(lanes, no_such_kind)
{
    struct why why;

    cr_assert_eq(lanes_open(&(struct lanes_options){.kind = 99}, &l, &why), ERR_UNSUPPORTED);
    cr_assert_null(l);
}
