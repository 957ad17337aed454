#include "perception/heads/nms.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static struct candidates c; /* large */
static struct perceived out;

static struct box square(float x, float y, float side)
{
    return (struct box){x, y, x + side, y + side};
}

static void add(float x, float y, float side, float score, int class, int index)
{
    struct box b = square(x, y, side);

    candidates_add(&c, &b, score, class, index);
}

Test(nms, iou)
{
    struct box a = square(0, 0, 10), b = square(5, 0, 10), far = square(20, 20, 5);
    struct box touching = square(10, 0, 10), none = {3, 3, 3, 8};

    cr_assert_float_eq(box_iou(&a, &a), 1, 1e-6);
    cr_assert_float_eq(box_iou(&a, &b), 50.0 / 150, 1e-6);
    cr_assert_eq(box_iou(&a, &far), 0);
    cr_assert_eq(box_iou(&a, &touching), 0);
    cr_assert_eq(box_iou(&a, &none), 0);
}

Test(nms, the_best_of_a_class_wins)
{
    add(0, 0, 10, 0.5f, OBJECT_CAR, 0);
    add(1, 0, 10, 0.9f, OBJECT_CAR, 1);   /* IoU 0.82 with the first */
    add(1, 1, 10, 0.7f, OBJECT_TRUCK, 2); /* another class */
    add(5, 0, 10, 0.6f, OBJECT_CAR, 3);   /* IoU 0.43 with the best */
    candidates_suppress(&c, 0.45f);
    cr_assert_eq(c.n, 3);
    cr_assert_eq(c.item[0].index, 1);
    cr_assert_eq(c.item[1].index, 2);
    cr_assert_eq(c.item[2].index, 3);
}

Test(nms, what_was_suppressed_suppresses_nothing)
{
    add(0, 0, 10, 0.9f, OBJECT_CAR, 0);
    add(3, 0, 10, 0.8f, OBJECT_CAR, 1); /* goes: 0.54 with the first */
    add(6, 0, 10, 0.7f, OBJECT_CAR, 2); /* 0.54 with the second, 0.25 with the first */
    candidates_suppress(&c, 0.45f);
    cr_assert_eq(c.n, 2);
    cr_assert_eq(c.item[1].index, 2);
}

Test(nms, ties_go_by_index_whatever_the_order)
{
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};

    for (int o = 0; o < 3; o++) {
        c.n = 0;
        for (int i = 0; i < 4; i++)
            add(20.0f * (float)orders[o][i], 0, 10, 0.5f, OBJECT_CAR, orders[o][i]);
        candidates_suppress(&c, 0.45f);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(c.item[i].index, i);
    }
}

Test(nms, too_many_leave_the_best)
{
    enum { MANY = 5000 };

    for (int i = 0; i < MANY; i++) { /* 4999 numbers in a shuffled order, far apart */
        int k = (int)((int64_t)i * 2503 % MANY);

        add(20.0f * (float)k, 0, 10, (float)k / MANY, OBJECT_CAR, i);
    }
    candidates_suppress(&c, 0.45f);
    cr_assert_eq(c.n, NMS_MAX_CANDIDATES);
    for (int i = 0; i < c.n; i++)
        cr_assert_eq(c.item[i].score, (float)(MANY - 1 - i) / MANY);
}

Test(nms, what_is_no_number_is_no_detection)
{
    add(0, 0, 10, NAN, OBJECT_CAR, 0);
    add(0, 0, 10, INFINITY, OBJECT_CAR, 1);
    add(0, 0, 10, 1.5f, OBJECT_CAR, 2);
    add(0, 0, 10, -0.1f, OBJECT_CAR, 3);
    add(NAN, 0, 10, 0.9f, OBJECT_CAR, 4);
    add(0, -INFINITY, 10, 0.9f, OBJECT_CAR, 5);
    add(0, 0, INFINITY, 0.9f, OBJECT_CAR, 6);
    add(0, 0, 0, 0.9f, OBJECT_CAR, 7);
    add(0, 0, -5, 0.9f, OBJECT_CAR, 8); /* both sides negative: the area is not */
    add(0, 0, 3e30f, 0.9f, OBJECT_CAR, 9);
    cr_assert_eq(c.n, 0);
    add(0, 0, 10, 1.0000001f, OBJECT_CAR, 10); /* a softmax that rounds */
    cr_assert_eq(c.n, 1);
    cr_assert_eq(c.item[0].score, 1);
}

Test(nms, detections_are_clipped_and_know_their_spread)
{
    const struct input_spec plain = {.scale = 1};
    const struct fit fit = fit_picture(&plain, 200, 100, 100, 100);
    const struct box_spread spread = {.width = 0.1f, .height = 0.2f, .input_px = 3};

    add(-4, 70, 40, 0.9f, OBJECT_BUS, 0);
    add(200, 10, 40, 0.8f, OBJECT_CAR, 1); /* outside */
    add(10, -50, 49, 0.8f, OBJECT_CAR, 2); /* above */
    candidates_detections(&c, 0.45f, &fit, &spread, &out);
    cr_assert_eq(out.n_detections, 1);
    struct detection d = out.detection[0];
    cr_assert_eq(d.class, OBJECT_BUS);
    cr_assert(d.box_px.x1 == 0 && d.box_px.y1 == 70 && d.box_px.x2 == 36 && d.box_px.y2 == 100);
    cr_assert_float_eq(d.sigma_px[0], hypot(0.1 * 40, 3 * 2), 1e-4); /* 2 px of the picture each */
    cr_assert_float_eq(d.sigma_px[3], hypot(0.2 * 40, 3 * 1), 1e-4);
    cr_assert_eq(d.sigma_px[0], d.sigma_px[2]);
    cr_assert_eq(d.sigma_px[1], d.sigma_px[3]);
}

Test(nms, the_list_is_bounded)
{
    const struct input_spec plain = {.scale = 1};
    const struct fit fit = fit_picture(&plain, 8000, 100, 100, 100);

    for (int i = 0; i < NMS_MAX_CANDIDATES; i++)
        add(12.0f * (float)i, 0, 10, 0.5f, OBJECT_CAR, i);
    candidates_detections(&c, 0.45f, &fit, &(struct box_spread){0}, &out);
    cr_assert_eq(out.n_detections, HEAD_MAX_DETECTIONS);
}
