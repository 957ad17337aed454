#include <criterion/criterion.h>

#include "perception/heads/lane_curve.h"

static struct perceived p;

/* From (x, y) at the bottom to (500, 200) at the top. */
static void add(float x, float y)
{
    struct lane_curve *c = &p.curve[p.n_curves++];

    *c = (struct lane_curve){.n = 5};
    for (int i = 0; i < 5; i++) {
        c->point[i].x = x + (500 - x) * 0.25f * (float)i;
        c->point[i].y = y + (200 - y) * 0.25f * (float)i;
    }
}

Test(lane_curve, x_between_and_beyond)
{
    p.n_curves = 0;
    add(300, 400);
    cr_assert_float_eq(lane_curve_x(&p.curve[0], 400), 300, 1e-3);
    cr_assert_float_eq(lane_curve_x(&p.curve[0], 290), 410, 1e-3);
    cr_assert_float_eq(lane_curve_x(&p.curve[0], 500), 200, 1e-3);
    cr_assert_float_eq(lane_curve_x(&p.curve[0], 100), 600, 1e-3);
    p.curve[0].n = 1;
    cr_assert_float_eq(lane_curve_x(&p.curve[0], 100), 300, 1e-3);
}

/* A bent curve goes on as its lowest part does. */
Test(lane_curve, tangent_at_the_bottom)
{
    struct lane_curve *c = &p.curve[0];

    *c = (struct lane_curve){.n = 41};
    for (int i = 0; i < c->n; i++) {
        c->point[i].y = 400 - 5 * (float)i;
        c->point[i].x = 300 + 0.01f * (float)(i * i);
    }
    cr_assert_float_eq(lane_curve_x(c, 450), 299, 0.1);
}

/* Ordered by where they meet the bottom row, not by where they end. */
Test(lane_curve, order_and_roles)
{
    p.n_curves = 0;
    add(700, 500);
    add(450, 250); /* at the bottom: 200 */
    add(320, 500);
    add(900, 400);
    add(100, 450);
    add(1, 300);
    p.curve[p.n_curves++].n = 0;
    lane_curves_order(&p, 1000, 500);

    const float x[] = {1, 100, 450, 320, 700, 900};
    const int role[] = {0, 0, 2, 1, -1, -2};
    cr_assert_eq(p.n_curves, 6);
    for (int i = 0; i < 6; i++) {
        cr_assert_float_eq(p.curve[i].point[0].x, x[i], 1e-3, "place %d", i);
        cr_assert_eq(p.curve[i].role, role[i], "place %d has role %d", i, p.curve[i].role);
    }
}
