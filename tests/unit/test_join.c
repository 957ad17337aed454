/* A network that wavers between two classes of people saw one of them. */
#include <criterion/criterion.h>

#include "perception/track/join.h"
#include "perception/track/tracker.h"

static struct detection seen(enum object_class class, float score, float left, float right)
{
    return (struct detection){.box_px = {left, 190, right, 238},
                              .sigma_px = {1, 1, 1, 1},
                              .score = score,
                              .class = class};
}

Test(join, person_and_cyclist_at_one_place_are_one)
{
    const struct detection d[] = {
        seen(OBJECT_CAR, 0.9f, 395, 415), seen(OBJECT_CYCLIST, 0.45f, 396, 416),
        seen(OBJECT_PERSON, 0.38f, 397, 414), seen(OBJECT_PERSON, 0.3f, 440, 456),
        seen(OBJECT_MOTORCYCLE, 0.2f, 396, 417)};
    struct detection out[5];

    cr_assert_eq(detections_join(d, 5, out), 4, "a third class stays: two were joined already");
    cr_assert_eq(out[0].class, OBJECT_CAR);
    cr_assert_eq(out[0].score, 0.9f, "cars are another kind");
    cr_assert_eq(out[1].class, OBJECT_CYCLIST);
    cr_assert_eq(out[1].box_px.x1, 396);
    cr_assert_float_eq(out[1].score, 0.83, 1e-6);
    cr_assert_eq(out[1].other, OBJECT_PERSON);
    cr_assert_eq(out[1].other_score, 0.38f);
    cr_assert_eq(out[2].other_score, 0, "somebody else");
}

Test(join, never_surer_than_sure_nor_two_of_a_class)
{
    const struct detection d[] = {seen(OBJECT_PERSON, 0.8f, 396, 416),
                                  seen(OBJECT_PERSON, 0.7f, 397, 416),
                                  seen(OBJECT_CYCLIST, 0.6f, 396, 416)};
    struct detection out[3];

    cr_assert_eq(detections_join(d, 3, out), 2);
    cr_assert_eq(out[0].score, 0.99f);
    cr_assert_eq(out[1].other_score, 0);
}

/* Who steps out from behind a car, as our network sees him: neither class is sure for half a second. */
static int frames_until_published(bool join, struct object *o)
{
    static const float person[] = {0.35f, 0.38f, 0.20f, 0.36f, 0.17f, 0.19f},
                       cyclist[] = {0.24f, 0.34f, 0.16f, 0.33f, 0.12f, 0.11f};
    const struct camera camera = {.width = 640,
                                  .height = 384,
                                  .fx = 544,
                                  .fy = 544,
                                  .cx = 320,
                                  .cy = 192,
                                  .x_m = 1.6f,
                                  .z_m = 1.4f};
    const struct tracker_options options = {.kind = TRACKER_LSTM, .cpu_mask = ~0u};
    struct tracker *t;
    int i = 0, n = 0;

    cr_assert_eq(tracker_open(&options, &t, NULL), OK);
    for (; i < 6 && n == 0; i++) {
        const struct detection d[] = {seen(OBJECT_PERSON, person[i], 398, 415),
                                      seen(OBJECT_CYCLIST, cyclist[i], 398, 417)};
        struct detection joined[2];
        const int k = detections_join(d, 2, joined);

        tracker_step(t, join ? joined : d, join ? k : 2, &camera, NULL, i * INT64_C(100000000));
        n = tracker_objects(t, o, 1);
    }
    tracker_close(t);
    return n ? i : 99;
}

Test(join, somebody_is_published_at_once_with_both_classes)
{
    struct object o;

    cr_assert_leq(frames_until_published(true, &o), 3);
    cr_assert_eq(o.n_classes, 2);
    cr_assert_eq(o.classes[0].class, OBJECT_PERSON);
    cr_assert_gt(o.classes[1].probability, 0.3f);
    cr_assert_eq(frames_until_published(false, &o), 99, "each alone is too weak");
}
