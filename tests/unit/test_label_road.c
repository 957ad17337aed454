/* Roads in grey, verges in green, sky in blue: what a teacher says of them, and what is believed. */
#include "daemon/cli/label_road.h"

#include <criterion/criterion.h>
#include <string.h>

enum { W = 64, H = 48, HORIZON = 16 };
static const uint8_t grey[] = {90, 92, 94}, green[] = {60, 110, 40}, yellow[] = {220, 190, 40};

static uint8_t pixels[H][W][3], probability[H][W], out[H][W];
static const struct image picture = {&pixels[0][0][0], W, H, 3 * W};

static void paint(int x1, int y1, int x2, int y2, const uint8_t *color, int says)
{
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++) {
            memcpy(pixels[y][x], color, 3);
            probability[y][x] = (uint8_t)says;
        }
}

static bool run(void)
{
    const struct road_mask m = {W, H, &probability[0][0]};

    memset(out, 7, sizeof out);
    return label_road(&m, &picture, 0.1, 0.9, &out[0][0]);
}

/* Sky, verge, the other carriageway, the own one, verge. */
static void scene(void)
{
    paint(0, 0, W, HORIZON, (const uint8_t[]){90, 140, 220}, 0);
    paint(0, HORIZON, 12, H, green, 0);
    paint(12, HORIZON, 28, H, grey, 0);
    paint(28, HORIZON, 52, H, grey, 255);
    paint(52, HORIZON, W, H, green, 0);
}

TestSuite(label_road, .init = scene);

Test(label_road, the_other_carriageway_is_not_known)
{
    cr_assert(run());
    cr_assert_eq(out[4][20], LABEL_ROAD_NOT, "above all road");
    cr_assert_eq(out[30][40], LABEL_ROAD);
    cr_assert_eq(out[30][5], LABEL_ROAD_NOT, "green");
    cr_assert_eq(out[30][60], LABEL_ROAD_NOT);
    cr_assert_eq(out[30][20], LABEL_ROAD_UNKNOWN, "looks like the road");
}

Test(label_road, between_the_probabilities_it_is_not_known)
{
    paint(28, HORIZON, 30, H, grey, 200);
    paint(52, HORIZON, W, H, green, 60);
    cr_assert(run());
    cr_assert_eq(out[30][29], LABEL_ROAD_UNKNOWN);
    cr_assert_eq(out[30][60], LABEL_ROAD_UNKNOWN);
}

Test(label_road, paint_is_no_verge)
{
    paint(18, HORIZON, 21, H, yellow, 0);
    cr_assert(run());
    cr_assert_eq(out[30][19], LABEL_ROAD_UNKNOWN);
}

Test(label_road, shadow_has_no_hue)
{
    paint(12, 30, 28, 40, (const uint8_t[]){1, 0, 4}, 0);
    cr_assert(run());
    cr_assert_eq(out[35][20], LABEL_ROAD_UNKNOWN);
}

static void check_nothing_known(void)
{
    cr_assert(!run());
    for (int i = 0; i < W * H; i++)
        cr_assert_eq(out[i / W][i % W], LABEL_ROAD_UNKNOWN, "%d %d", i % W, i / W);
}

Test(label_road, a_picture_of_which_the_teacher_is_not_sure_tells_nothing)
{
    paint(28, HORIZON, 34, H, grey, 180);
    check_nothing_known();
}

Test(label_road, nor_does_one_with_hardly_any_road)
{
    paint(28, HORIZON, 52, H, grey, 0);
    paint(28, H - 6, 52, H, grey, 255);
    check_nothing_known();
}

Test(label_road, nor_one_without_any)
{
    paint(28, HORIZON, 52, H, grey, 0);
    check_nothing_known();
}

Test(label_road, a_coarse_mask_covers_the_whole_picture)
{
    static uint8_t coarse[6][8]; /* 8 px each */
    const struct road_mask m = {8, 6, &coarse[0][0]};

    memset(&coarse[3][0], 255, 3 * 8);
    cr_assert(label_road(&m, &picture, 0.1, 0.9, &out[0][0]));
    cr_assert_eq(out[23][63], LABEL_ROAD_NOT);
    cr_assert_eq(out[24][0], LABEL_ROAD);
    cr_assert_eq(out[47][63], LABEL_ROAD);
}
