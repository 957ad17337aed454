#include "perception/image/draw.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/canvas.h"

static const struct color white = {255, 255, 255};

Test(draw, a_line_covers_what_lies_under_it)
{
    struct image im = canvas();

    draw_line(&im, 10, 20, 30, 20, 2, white, 1); /* rows 19 and 20 */
    cr_assert_eq(image_at(&im, 20, 19)[0], 255);
    cr_assert_eq(image_at(&im, 20, 20)[0], 255);
    cr_assert_eq(image_at(&im, 20, 18)[0], 100);
    cr_assert_eq(image_at(&im, 20, 21)[0], 100);
    draw_line(&im, 40.5f, 5, 40.5f, 15, 1, white, 0.5f);
    cr_assert_eq(image_at(&im, 40, 10)[1], 178, "half of the way from 100 to 255");
    cr_assert_eq(image_at(&im, 41, 10)[1], 100);
    assert_guards();
}

Test(draw, a_slanted_line_is_smooth_and_of_the_right_size)
{
    struct image im = canvas();
    double ink = 0;

    draw_line(&im, 5, 5, 53, 41, 3, white, 1);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            ink += (image_at(&im, x, y)[0] - 100) / 155.0;
    cr_assert_float_eq(ink, 60 * 3 + 7, 4); /* its area and two round ends */
}

Test(draw, what_is_outside_is_cut)
{
    static const float odd[] = {NAN,   INFINITY, -INFINITY, 3e38f, -3e38f, 1e9f,
                                -1e9f, -5,       0,         20.3f, 63.9f,  70};
    enum { N = sizeof odd / sizeof *odd };
    struct image im = canvas();

    for (int i = 0; i < N * N * N * N; i++) {
        float a = odd[i % N], b = odd[i / N % N], c = odd[i / N / N % N], d = odd[i / N / N / N];
        struct box box = {a, b, c, d};

        draw_line(&im, a, b, c, d, 2, white, 1);
        if (i % 7 == 0) {
            draw_box(&im, &box, 2, white);
            draw_label(&im, a, b, "a long label that fits nowhere", white);
        }
    }
    assert_guards();
    im = canvas();
    draw_line(&im, 1, 1, 9, 9, NAN, white, 1);
    draw_line(&im, 1, 1, 9, 9, 2, white, NAN);
    draw_line(&im, NAN, 1, 9, 9, 2, white, 1);
    draw_line(&im, -50, -1, 200, -1.6f, 2, white, 1);
    draw_label(&im, NAN, 3, "x", white);
    draw_label(&im, 3, 3, "", white);
    draw_box(&im, &(struct box){9, 9, 3, 3}, 2, white);
    cr_assert_eq(touched(&im), 0);
}

Test(draw, a_line_from_far_away_goes_where_it_should)
{
    struct image im = canvas();

    draw_line(&im, -1e7f, 24, 1e7f, 24, 2, white, 1);
    for (int x = 0; x < W; x++)
        cr_assert_eq(image_at(&im, x, 23)[0], 255);
    cr_assert_eq(touched(&im), 2 * W);
}

Test(draw, labels_stay_inside_where_they_fit)
{
    struct image im = canvas();

    draw_label(&im, 60, 2, "ab", white); /* would hang out to the right and above */
    cr_assert_neq(image_at(&im, W - 1, 0)[0], 100);
    cr_assert_eq(touched(&im), (2 * 6 + 3) * 12);
    assert_guards();
}

Test(draw, a_tint_follows_its_mask)
{
    struct image im = canvas();
    const uint8_t mask[4] = {0, 255, 255, 0};

    draw_tint(&im, mask, 2, 2, white);
    cr_assert_eq(image_at(&im, W / 2 - 1, 0)[0], 100);
    cr_assert_gt(image_at(&im, W / 2, 0)[0], 130);
    cr_assert_gt(image_at(&im, W / 2 - 1, H - 1)[0], 130);
    cr_assert_eq(image_at(&im, W / 2, H / 2)[0], 100);
    assert_guards();
}

Test(draw, an_ellipse_has_the_area_of_its_sigmas)
{
    const float covariance[3] = {36, 12, 16};
    struct image im = canvas();
    double ink = 0;

    draw_ellipse(&im, 32, 24, covariance, 2, 0, white, 1);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            ink += (image_at(&im, x, y)[0] - 100) / 155.0;
    cr_assert_float_eq(ink, 4 * M_PI * sqrt(36 * 16 - 12 * 12), 5);
    cr_assert_eq(image_at(&im, 40, 28)[0], 255, "x and y grow together");
    cr_assert_eq(image_at(&im, 40, 18)[0], 100);
    assert_guards();
    im = canvas();
    draw_ellipse(&im, 32, 24, covariance, 2, 1, white, 1);
    cr_assert_eq(image_at(&im, 32, 24)[0], 100, "its outline alone");
    im = canvas();
    draw_ellipse(&im, NAN, 24, covariance, 2, 1, white, 1);
    draw_ellipse(&im, 32, 24, (float[3]){NAN, 0, 4}, NAN, 1, white, 1);
    draw_ellipse(&im, 32, 24, (float[3]){4, 9, 4}, 1, 1, white, 1); /* no covariance */
    draw_ellipse(&im, 1e9f, -1e9f, covariance, 1, 1, white, 1);
    cr_assert_eq(touched(&im), 0);
    draw_ellipse(&im, 32, 24, (float[3]){0, 0, 0}, 1, 0, white, 1);
    cr_assert_gt(touched(&im), 0, "half a pixel at least");
    assert_guards();
}

Test(draw, letters_stand_on_their_line)
{
    struct image im = canvas();

    draw_text(&im, 10, 30, "L", 2, white); /* 5 x 7 dots of 2 px */
    cr_assert_eq(image_at(&im, 11, 22)[0], 255, "its stem");
    cr_assert_eq(image_at(&im, 15, 28)[0], 255, "its foot");
    cr_assert_eq(image_at(&im, 16, 20)[0], 100);
    cr_assert_eq(image_at(&im, 11, 31)[0], 100, "nothing below the line");
    cr_assert_eq(draw_text_width("two", 2), 36);
    draw_text(&im, -20, 70, "wider than the picture is", 4, white);
    draw_text(&im, NAN, 3, "x", 1, white);
    assert_guards();
}
