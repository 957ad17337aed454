#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/heads/lane_curve.h"
#include "perception/heads/lane_trace.h"

/* A mask painted by a camera one unit above a flat road; the picture is twice as large. */
enum { W = 640, H = 360, HORIZON = 150, BIG = 2 };
static float other[H * W], line[H * W];
static struct perceived out;

static void blank(void)
{
    memset(other, 0, sizeof other);
    for (int i = 0; i < H * W; i++)
        line[i] = -6;
}

static void dot(int x, int y)
{
    if (x >= 0 && x < W && y >= 0 && y < H)
        line[y * W + x] = 6;
}

/* Mask x of a boundary a camera heights to the right, bending by c. */
static float road_x(float a, float c, float y)
{
    float v = y - HORIZON;

    return W / 2.0f + a * v + c / v;
}

/* Paint rows [y0, y1) as wide as a marking of 0.09 camera heights. */
static void paint(float a, float c, int y0, int y1)
{
    for (int y = y0; y < y1; y++) {
        float x = road_x(a, c, (float)y + 0.5f);
        float half = fmaxf(0.045f * (float)(y - HORIZON) * sqrtf(1 + a * a), 0.8f);

        if (fabsf(a) > 2)
            half = fmaxf(half, 0.6f * fabsf(a)); /* rows of a shallow line join */
        for (int i = (int)ceilf(x - half - 0.5f); (float)i + 0.5f < x + half; i++)
            dot(i, y);
    }
}

static void paint_box(int x0, int y0, int x1, int y1)
{
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++)
            dot(x, y);
}

static void trace(void)
{
    struct lane_trace *t;
    struct why why;

    cr_assert_eq(lane_trace_open(W, H, &t, &why), OK);
    const struct lane_mask mask = {.other = other,
                                   .line = line,
                                   .width = W,
                                   .height = H,
                                   .stride = W,
                                   .x_scale = BIG,
                                   .y_scale = BIG,
                                   .picture_width = BIG * W,
                                   .picture_height = BIG * H};
    lane_trace_run(t, &mask, 0.3f, &out);
    lane_trace_close(t);
}

static const struct lane_curve *with_role(int role)
{
    for (int i = 0; i < out.n_curves; i++)
        if (out.curve[i].role == role)
            return &out.curve[i];
    return NULL;
}

/* The curve of that role follows the painted line within tol picture px over rows [y0, y1]. */
static void check_follows(int role, float a, float c, int y0, int y1, float tol)
{
    const struct lane_curve *l = with_role(role);

    cr_assert_not_null(l, "no boundary with role %d among %d", role, out.n_curves);
    for (int y = y0; y <= y1; y += 5) {
        float want = BIG * road_x(a, c, (float)y), got = lane_curve_x(l, BIG * (float)y);

        cr_assert_leq(fabsf(got - want), tol, "role %d row %d: %g, painted at %g", role, y, got,
                      want);
    }
}

static void check_sane(void)
{
    cr_assert_leq(out.n_curves, HEAD_MAX_CURVES);
    for (int i = 0; i < out.n_curves; i++) {
        const struct lane_curve *c = &out.curve[i];

        cr_assert(c->n >= 2 && c->n <= HEAD_MAX_CURVE_POINTS && c->score > 0 && c->score <= 1);
        for (int k = 0; k < c->n; k++) {
            cr_assert(c->point[k].x >= 0 && c->point[k].x <= BIG * W);
            cr_assert(c->point[k].y >= 0 && c->point[k].y <= BIG * H);
            cr_assert(isfinite(c->point[k].sigma_x) && c->point[k].sigma_x > 0);
            cr_assert(c->point[k].seen >= 0 && c->point[k].seen <= 1);
            cr_assert(k == 0 || c->point[k].y < c->point[k - 1].y);
        }
    }
}

Test(lane_trace, four_straight_lines)
{
    const float a[] = {-4.3f, -1.4f, 1.3f, 4.1f};
    const int role[] = {2, 1, -1, -2};

    blank();
    for (int i = 0; i < 4; i++)
        paint(a[i], 0, HORIZON + 8, H);
    trace();
    check_sane();
    cr_assert_eq(out.n_curves, 4);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(out.curve[i].role, role[i]);
        check_follows(role[i], a[i], 0, HORIZON + 15, fabsf(a[i]) > 2 ? HORIZON + 70 : H - 10, 2);
    }
}

/* A marking in the middle of a pixel comes back in the middle of that pixel. */
Test(lane_trace, pixel_centres)
{
    blank();
    for (int y = 180; y < H; y++) {
        dot(400 - y, y);
        dot(200 + y, y);
    }
    trace();
    cr_assert_eq(out.n_curves, 2);
    cr_assert_float_eq(lane_curve_x(&out.curve[0], BIG * 300.5f), BIG * 100.5, 0.2);
    cr_assert_float_eq(lane_curve_x(&out.curve[1], BIG * 300.5f), BIG * 500.5, 0.2);
}

/* Dashes of 3 in 12 camera heights are one boundary; its gaps are known as gaps. */
Test(lane_trace, dashed_line)
{
    int seen = 0, gaps = 0;

    blank();
    paint(1.4f, 0, HORIZON + 8, H);
    for (float far = 1.5f; far < 24; far += 6) /* rows of a length: 1 / distance */
        paint(-1.3f, 0, HORIZON + (int)(400 / (far + 2)), HORIZON + (int)fminf(400 / far, H));
    trace();
    check_sane();
    cr_assert_eq(out.n_curves, 2);
    check_follows(1, -1.3f, 0, HORIZON + 25, H - 10, 4);
    for (int k = 0; k < out.curve[0].n; k++) {
        seen += out.curve[0].point[k].seen > 0.9f;
        gaps += out.curve[0].point[k].seen < 0.1f;
    }
    cr_assert(seen > 15 && gaps > 8, "%d points on dashes, %d in gaps", seen, gaps);
}

Test(lane_trace, curves)
{
    const float bend[] = {3000, -3000, 800};

    for (int i = 0; i < 3; i++) {
        blank();
        paint(-1.4f, bend[i], HORIZON + 20, H);
        paint(1.4f, bend[i], HORIZON + 20, H);
        paint(4.2f, bend[i], HORIZON + 20, HORIZON + 80);
        trace();
        check_sane();
        cr_assert_eq(out.n_curves, 3);
        /* far away the line is nearly level: a row is many pixels */
        check_follows(1, -1.4f, bend[i], HORIZON + 30, H - 5, 12);
        check_follows(1, -1.4f, bend[i], HORIZON + 60, H - 5, 3);
        check_follows(-1, 1.4f, bend[i], HORIZON + 30, H - 5, 12);
        check_follows(-1, 1.4f, bend[i], HORIZON + 60, H - 5, 3);
    }
}

/* What is continued below the last mark says so, and its sigma grows. */
Test(lane_trace, continued_to_the_bottom)
{
    blank();
    paint(-1.4f, 0, HORIZON + 10, HORIZON + 110);
    paint(1.4f, 0, HORIZON + 10, H);
    trace();
    cr_assert_eq(out.n_curves, 2);
    check_follows(1, -1.4f, 0, HORIZON + 15, H - 5, 6);
    const struct lane_curve *c = with_role(1);
    cr_assert_gt(c->point[0].y, BIG * (H - 3));
    cr_assert_eq(c->point[0].seen, 0);
    cr_assert_gt(c->point[0].sigma_x, with_role(-1)->point[0].sigma_x * 1.5f);
}

/* Both edges of a thick mark, and a double line, are one boundary. */
Test(lane_trace, double_line)
{
    blank();
    paint(-1.4f, 0, HORIZON + 10, H);
    paint(-1.62f, 0, HORIZON + 10, H);
    paint(1.4f, 0, HORIZON + 10, H);
    trace();
    cr_assert_eq(out.n_curves, 2);
}

/* Bars across the road, crossings, letters, blobs and specks are no boundaries, and the lines that
 * run through them are found all the same. */
Test(lane_trace, other_paint)
{
    for (int with_lines = 0; with_lines < 2; with_lines++) {
        blank();
        paint_box(120, 300, 560, 312);      /* stop line */
        for (int x = 100; x < 560; x += 40) /* crossing */
            paint_box(x, 320, x + 22, 336);
        for (int y = 0; y < 8; y++) /* a bar that is not quite level */
            paint_box(150 + 25 * y, 228 + y, 190 + 25 * y, 231 + y);
        paint_box(300, 210, 340, 222); /* letters */
        paint_box(20, 20, 120, 90);    /* a board in the sky */
        paint_box(400, 100, 406, 104);
        if (with_lines) {
            paint(-1.5f, 0, HORIZON + 10, H);
            paint(1.2f, 0, HORIZON + 10, H);
        }
        trace();
        check_sane();
        cr_assert_eq(out.n_curves, 2 * with_lines);
        if (with_lines) {
            check_follows(1, -1.5f, 0, HORIZON + 20, H - 10, 6);
            check_follows(-1, 1.2f, 0, HORIZON + 20, H - 10, 6);
            cr_assert_lt(with_role(-1)->point[with_role(-1)->n - 1].y, BIG * (HORIZON + 20));
        }
    }
}

Test(lane_trace, noise_beside_lines)
{
    srand(3);
    blank();
    paint(-1.4f, 0, HORIZON + 10, H);
    paint(1.4f, 0, HORIZON + 10, H);
    for (int i = 0; i < 400; i++)
        dot(rand() % W, rand() % H);
    for (int i = 0; i < 12; i++) {
        int x = rand() % W, y = rand() % H;
        paint_box(x, y, x + 6, y + 5);
    }
    trace();
    check_sane();
    cr_assert_eq(out.n_curves, 2);
    check_follows(1, -1.4f, 0, HORIZON + 15, H - 10, 4);
    check_follows(-1, 1.4f, 0, HORIZON + 15, H - 10, 4);
}

/* Masks that no road makes: nothing breaks, whatever is found is well-formed. */
Test(lane_trace, hostile_masks)
{
    const float odd[] = {NAN, INFINITY, -INFINITY, 0, 1e30f, -1e30f};

    srand(5);
    for (int kind = 0; kind < 9; kind++) {
        blank();
        for (int i = 0; i < H * W; i++) {
            int x = i % W, y = i / W;
            bool on = kind == 0   ? true
                      : kind == 1 ? (x + y) % 2
                      : kind == 2 ? rand() % 2
                      : kind == 3 ? rand() % 20 == 0
                      : kind == 4 ? x % 20 < 3 /* more columns than a road has lines */
                      : kind == 5 ? y % 4 < 2  /* level stripes */
                      : kind == 6 ? (x + 2 * y) % 24 < 4
                      : kind == 7 ? x / 8 % 2 == y / 8 % 2
                                  : false;
            line[i] = on ? 6 : -6;
            if (kind == 8) {
                line[i] = odd[rand() % 6];
                other[i] = odd[rand() % 6];
            }
        }
        trace();
        check_sane();
    }
    blank();
    trace();
    cr_assert_eq(out.n_curves, 0);
}

Test(lane_trace, sizes)
{
    struct lane_trace *t;
    struct why why;

    cr_assert_eq(lane_trace_open(15, H, &t, &why), ERR_LIMIT);
    cr_assert_null(t);
    cr_assert_eq(lane_trace_open(W, LANE_TRACE_MAX_SIDE + 1, &t, &why), ERR_LIMIT);
    cr_assert_not_null(strstr(why.text, "640x2049"), "%s", why.text);
    lane_trace_close(NULL);
}
