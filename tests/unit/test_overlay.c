/* perception/image/overlay.c: draw_perceived() and draw_scene(). */
#include "perception/image/draw.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/canvas.h"

Test(overlay, whatever_perception_says)
{
    static struct perceived p;
    static struct scene s;
    const float odd[] = {NAN, INFINITY, -1e30f, -3, 12, 31.5f, 1e30f};
    struct image im = canvas();
    uint8_t *bytes = (uint8_t *)&p;
    uint32_t seed = 1;

    for (size_t i = 0; i < sizeof p; i++)
        bytes[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    p.n_detections = HEAD_MAX_DETECTIONS;
    p.n_curves = HEAD_MAX_CURVES;
    p.road = (struct road_mask){0};
    for (int i = 0; i < HEAD_MAX_CURVES; i++)
        p.curve[i].n = HEAD_MAX_CURVE_POINTS;
    for (int i = 0; i < HEAD_MAX_DETECTIONS; i++)
        p.detection[i].class = (enum object_class)(i % OBJECT_CLASS_COUNT);
    draw_perceived(&im, &p);
    assert_guards();

    scene_clear(&s);
    s.n_objects = SCENE_MAX_OBJECTS;
    s.n_lanes = SCENE_MAX_LANES;
    s.reasons_objects = s.reasons_lanes = ~0u;
    for (int i = 0; i < s.n_objects; i++) {
        object_clear(&s.object[i]);
        s.object[i].id = UINT64_MAX;
        s.object[i].box_px = (struct box){odd[i % 7], odd[i / 7 % 7], odd[i % 5], odd[i % 6]};
        s.object[i].x_m = s.object[i].vx_mps = odd[i % 7];
    }
    for (int i = 0; i < s.n_lanes; i++) {
        lane_boundary_clear(&s.lane[i]);
        s.lane[i].n_pixels = SCENE_MAX_LANE_PIXELS;
        s.lane[i].role = i - 3;
        for (int k = 0; k < SCENE_MAX_LANE_PIXELS; k++) {
            s.lane[i].pixel[k].x = odd[k % 7];
            s.lane[i].pixel[k].y = odd[(k + i) % 6];
        }
    }
    draw_scene(&im, &s);
    assert_guards();
}

Test(overlay, what_is_measured_is_drawn)
{
    static struct scene s;
    struct image im = canvas();

    scene_clear(&s);
    s.qualifier_objects = s.qualifier_lanes = QUALIFIER_AVAILABLE;
    draw_scene(&im, &s);
    cr_assert_eq(touched(&im), 0, "nothing there, nothing wrong, nothing drawn");
    s.n_objects = 1;
    object_clear(&s.object[0]);
    s.object[0].box_px = (struct box){20, 20, 40, 40};
    s.object[0].measurement = MEASUREMENT_MEASURED;
    draw_scene(&im, &s);
    cr_assert_neq(image_at(&im, 20, 30)[0], 100);
    cr_assert_neq(image_at(&im, 39, 30)[0], 100);
    cr_assert_eq(image_at(&im, 30, 30)[0], 100);
    cr_assert_eq(image_at(&im, 42, 30)[0], 100);
}
