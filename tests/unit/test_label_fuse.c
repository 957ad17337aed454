#include "daemon/cli/label_fuse.h"

#include <criterion/criterion.h>

static struct fusion f;
static struct perceived seen;

static void see(int teacher, struct box box, enum object_class class, float score)
{
    seen = (struct perceived){.n_detections = 1};
    seen.detection[0] = (struct detection){.box_px = box, .class = class, .score = score};
    fusion_add(&f, teacher, &seen);
}

Test(label_fuse, teachers_that_agree_are_surer_together)
{
    f.n = 0;
    see(0, (struct box){0, 0, 100, 100}, OBJECT_TRUCK, 0.6f);
    see(1, (struct box){10, 0, 110, 100}, OBJECT_VEHICLE, 0.3f);
    cr_assert_eq(f.n, 1);
    cr_assert_eq(f.object[0].class, OBJECT_TRUCK);
    cr_assert_float_eq(f.object[0].score, 0.72f, 1e-5);
    cr_assert_float_eq(f.object[0].box.x1, 10.0f / 3, 1e-4);
    cr_assert_eq(f.object[0].teachers, 3u);
}

Test(label_fuse, one_that_tells_the_class_is_believed)
{
    f.n = 0;
    see(0, (struct box){0, 0, 100, 100}, OBJECT_VEHICLE, 0.9f);
    see(1, (struct box){0, 0, 100, 100}, OBJECT_BUS, 0.3f);
    cr_assert_eq(f.object[0].class, OBJECT_BUS);
}

Test(label_fuse, others_stay_apart)
{
    f.n = 0;
    see(0, (struct box){0, 0, 100, 100}, OBJECT_CAR, 0.6f);
    see(0, (struct box){5, 0, 105, 100}, OBJECT_TRUCK, 0.5f); /* itself again */
    see(1, (struct box){0, 0, 100, 100}, OBJECT_PERSON, 0.5f);
    see(1, (struct box){60, 0, 160, 100}, OBJECT_CAR, 0.5f);
    cr_assert_eq(f.n, 3);
    cr_assert_float_eq(f.object[0].score, 0.6f, 1e-6);
}

Test(label_fuse, is_bounded)
{
    f.n = 0;
    for (int i = 0; i < 2 * FUSED_MAX; i++)
        see(0, (struct box){20 * (float)i, 0, 20 * (float)i + 10, 10}, OBJECT_CAR, 0.5f);
    cr_assert_eq(f.n, FUSED_MAX);
}

Test(label_fuse, boxes_on_labels_are_not_free)
{
    const struct ap_truth rider = {.box = {0.4, 0.4, 0.6, 0.8}};
    const struct ap_box on = {0.4, 0.3, 0.6, 0.65}, beside = {0.55, 0.4, 0.75, 0.8};

    cr_assert(!box_is_free(&on, &rider, 1), "five sevenths of it");
    cr_assert(box_is_free(&beside, &rider, 1), "a quarter of it");
    cr_assert(box_is_free(&on, NULL, 0));
}

Test(label_fuse, most_of_a_picture_is_not_free)
{
    const struct ap_box most = {0, 0.1, 1, 0.9}, large = {0, 0.1, 0.6, 0.9};

    cr_assert(!box_is_free(&most, NULL, 0));
    cr_assert(box_is_free(&large, NULL, 0));
}
