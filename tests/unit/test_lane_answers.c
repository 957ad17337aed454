/* What a boundary's network says, relative to the filter. */
#include "perception/track/lane_answers.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "perception/track/lane_memory.h"
#include "perception/track/learned.h"

/* A line followed for some frames: seen from 6 to 50 m by a camera with errors of its own. */
static struct lane_cubic followed(void)
{
    const struct camera camera = {.width = 960,
                                  .height = 540,
                                  .model = CAMERA_PINHOLE,
                                  .fx = 860,
                                  .fy = 860,
                                  .cx = 480,
                                  .cy = 270,
                                  .x_m = 1.6f,
                                  .z_m = 1.35f};
    struct lane_curve curve = {.score = 0.9f, .kind = LANE_LINE};
    struct lane_ground ground;
    struct lane_cubic k;

    for (int i = 0; i < 30; i++) {
        const float x = 6 + 1.5f * (float)i, p[3] = {x, 1.7f + 0.01f * x + 0.0008f * x * x, 0};
        float px[2];

        cr_assert(camera_project(&camera, p, px));
        curve.point[curve.n].x = px[0];
        curve.point[curve.n].y = px[1];
        curve.point[curve.n].sigma_x = 1;
        curve.point[curve.n++].seen = 1;
    }
    lane_ground_from_curve(&ground, &curve, &camera);
    lane_cubic_init(&k);
    for (int i = 0; i < 5; i++) {
        lane_cubic_predict(&k, 0.1);
        lane_cubic_move(&k, 1.5, 0.002);
        lane_cubic_update(&k, &ground);
    }
    return k;
}

static void equal_numbers(const double *a, const double *b, int n)
{
    for (int i = 0; i < n; i++)
        cr_assert_float_eq(a[i], b[i], 1e-9 + 1e-6 * fabs(b[i]), "%d: %g, not %g", i, a[i], b[i]);
}

Test(lane_answers, nothing_said_is_the_filter)
{
    const float nothing[LANE_ANSWERS] = {0};
    struct lane_cubic start, k[2];

    lane_cubic_init(&start);
    k[0] = followed();
    k[1] = start;
    for (int i = 0; i < 2; i++) {
        struct lane_cubic out;

        lane_answer_cubic(&k[i], nothing, &out);
        equal_numbers(out.c, k[i].c, CUBIC_TERMS);
        equal_numbers(out.cov, k[i].cov, CUBIC_TERMS * CUBIC_TERMS);
        equal_numbers(out.pitch, k[i].pitch, CUBIC_TERMS);
        equal_numbers(out.height, k[i].height, CUBIC_TERMS);
    }
    cr_assert_float_eq(lane_answer_existence(3, nothing), 0.75, 1e-6);
}

Test(lane_answers, moves_the_curve_at_its_knots)
{
    const struct lane_cubic k = followed();
    float answer[LANE_ANSWERS] = {0};
    struct lane_cubic out;
    struct lane_view v;

    lane_view_of(&k, &v);
    for (int i = 0; i < LANE_KNOTS; i++)
        answer[LANE_ANSWER_Y + i] = 0.5f - 0.4f * (float)i;
    lane_answer_cubic(&k, answer, &out);
    for (int i = 0; i < LANE_KNOTS; i++) {
        double x = (double)LANE_KNOT_M[i];

        cr_assert_float_eq(lane_cubic_y(&out, x) - lane_cubic_y(&k, x),
                           v.unit_m[i] * (double)answer[LANE_ANSWER_Y + i], 1e-6);
    }
}

/* The variance at the knots is what the chain and its sigmas say, written down another way. */
Test(lane_answers, covariance_is_that_of_the_chain)
{
    static const int begin[LANE_KNOTS] = {0, 0, 3, 5};
    const struct lane_cubic k = followed();
    float answer[LANE_ANSWERS] = {0};
    struct lane_cubic out;
    struct lane_view v;
    double m[LANE_KNOTS][LANE_KNOTS] = {{0}};

    for (int i = 0; i < LANE_KNOTS; i++)
        answer[LANE_ANSWER_SCALE + i] = 0.3f * (float)i - 0.4f;
    for (int i = 0; i < LANE_CHAIN; i++)
        answer[LANE_ANSWER_CHAIN + i] = 0.2f * (float)i - 0.5f;
    lane_view_of(&k, &v);
    lane_answer_cubic(&k, answer, &out);
    for (int j = 0; j < LANE_KNOTS; j++) /* what part j adds to each error */
        for (int i = 0; i < LANE_KNOTS; i++) {
            m[i][j] = i == j ? v.sigma[j] * exp((double)answer[LANE_ANSWER_SCALE + j]) : 0;
            for (int lag = 1; lag <= i; lag++) {
                int at = begin[lag] + i - lag;

                m[i][j] -= (v.chain[at] + (double)answer[LANE_ANSWER_CHAIN + at]) * m[i - lag][j];
            }
        }
    for (int a = 0; a < LANE_KNOTS; a++) {
        double wa[CUBIC_TERMS], expected = 0;

        lane_cubic_weights((double)LANE_KNOT_M[a], wa);
        for (int j = 0; j < LANE_KNOTS; j++)
            expected += m[a][j] * m[a][j];
        expected *= v.unit_m[a] * v.unit_m[a];
        cr_assert_float_eq(lane_cubic_variance(&out, wa, NULL, NULL), expected, 1e-4 * expected,
                           "knot %d: %g, not %g", a, lane_cubic_variance(&out, wa, NULL, NULL),
                           expected);
    }
}

/* Whatever a network says, it is a curve with a covariance. */
Test(lane_answers, hostile_answers)
{
    const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 1, 0, -3};
    const struct lane_cubic k = followed();
    uint32_t state = 1;

    for (int n = 0; n < 300; n++) {
        float answer[LANE_ANSWERS], c[CUBIC_TERMS], cov[10];
        struct lane_cubic out;

        for (int i = 0; i < LANE_ANSWERS; i++) {
            state = state * 1664525u + 1013904223u;
            answer[i] = odd[state >> 29];
        }
        lane_answer_cubic(&k, answer, &out);
        lane_cubic_export(&out, c, cov);
        for (int i = 0; i < CUBIC_TERMS; i++)
            cr_assert(isfinite(c[i]));
        for (int i = 0; i < 10; i++)
            cr_assert(isfinite(cov[i]));
        for (float x = 0; x <= 60; x += 10)
            cr_assert_geq(lane_cubic_sigma(&out, (double)x), 0);
        cr_assert(lane_answer_existence(1, answer) >= 0 && lane_answer_existence(1, answer) <= 1);
    }
}

Test(lane_answers, another_network_is_refused_by_name)
{
    struct weights objects = weights_built_in(true);
    struct lane_weights w = {objects.memory, objects.memory_bytes};
    struct lane_memory *m;
    struct why why;

    cr_assert_eq(lane_memory_open(&w, ~0u, &m, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "input 'boundary'"), "%s", why.text);
    cr_assert_null(m);
    w = lane_weights_built_in(true);
    w.bytes /= 2;
    cr_assert_neq(lane_memory_open(&w, ~0u, &m, &why), OK);
    cr_assert_null(m);
}
