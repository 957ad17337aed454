#include "perception/image/quality.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "perception/scene.h"
#include "tests/models.h"

enum {
    DARK = 1 << REASON_DARK,
    GLARE = 1 << REASON_GLARE,
    BLUR = 1 << REASON_BLUR,
    BLOCKED = 1 << REASON_BLOCKED,
    FROZEN = 1 << REASON_FROZEN,
};

static struct image picture(int width, int height, int gap)
{
    struct image im = {.width = width, .height = height, .stride_bytes = 3 * width + gap};

    im.data = calloc((size_t)im.stride_bytes, (size_t)height);
    return im;
}

static void paint(struct image *im, int x1, int y1, int x2, int y2, uint8_t r, uint8_t g, uint8_t b)
{
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++)
            memcpy(image_at(im, x, y), (uint8_t[]){r, g, b}, 3);
}

static uint32_t look_once(const struct image *im)
{
    struct quality q;

    quality_init(&q);
    return quality_look(&q, im);
}

/* Flat colours without noise, as a plain simulator draws: sky, meadow, road. */
static struct image flat_world(int width, int height)
{
    struct image im = picture(width, height, 0);

    paint(&im, 0, 0, width, height / 2, 150, 190, 250);
    paint(&im, 0, height / 2, width, height, 60, 120, 50);
    paint(&im, width / 4, height / 2, 3 * width / 4, height, 90, 90, 95);
    return im;
}

Test(quality, a_plain_simulator_is_fine)
{
    static const int sizes[][2] = {{640, 360}, {1280, 720}, {333, 97}, {64, 48}, {1920, 1080}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct image im = flat_world(sizes[i][0], sizes[i][1]);

        cr_assert_eq(look_once(&im), 0, "%dx%d: %x", im.width, im.height, look_once(&im));
        free(im.data);
    }
}

Test(quality, pictures_of_any_size_are_read_within_bounds)
{
    for (int width = 1; width < 40; width += 3)
        for (int height = 1; height < 40; height += 3) {
            struct image im = picture(width, height, 0); /* the sanitizer watches */

            cr_assert_eq(look_once(&im), DARK);
            free(im.data);
        }
}

Test(quality, equal_pictures_are_frozen_from_the_third_on)
{
    struct image im = flat_world(640, 360), other = flat_world(640, 360);
    struct quality q;

    image_at(&other, 639, 359)[2] ^= 1; /* one bit in the last byte */
    quality_init(&q);
    cr_assert_eq(quality_look(&q, &im), 0);
    cr_assert_eq(quality_look(&q, &im), 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(quality_look(&q, &im), FROZEN);
    cr_assert_eq(quality_look(&q, &other), 0, "at once when it moves again");
    cr_assert_eq(quality_look(&q, &other), 0);
    quality_init(&q);
    cr_assert_eq(quality_look(&q, &other), 0, "forgotten");
    free(im.data);
    free(other.data);
}

Test(quality, bytes_between_rows_do_not_count)
{
    struct image im = picture(50, 40, 7);
    struct quality q;

    quality_init(&q);
    for (int i = 0; i < 3; i++) {
        memset(image_at(&im, 50, 20), i + 1, 7);
        cr_assert_eq(quality_look(&q, &im), i < 2 ? DARK : DARK | FROZEN);
    }
    free(im.data);
}

static void darken(struct image *im)
{
    for (int i = 0; i < im->stride_bytes * im->height; i++)
        im->data[i] = (uint8_t)(im->data[i] / 12);
}

static void overexpose(struct image *im)
{
    for (int i = 0; i < im->stride_bytes * im->height; i++)
        im->data[i] = (uint8_t)(im->data[i] > 12 ? 255 : 100 + 12 * im->data[i]);
}

/* Three boxes one after the other are nearly a Gaussian; along x, then y. */
static void blur(struct image *im)
{
    const int radius = 4 * im->width / 640 > 3 ? 4 * im->width / 640 : 3;
    int *line = malloc((size_t)(im->width + im->height) * sizeof *line);

    for (int pass = 0; pass < 6; pass++) {
        const int along = pass % 2 ? im->height : im->width;
        const int across = pass % 2 ? im->width : im->height;
        const int step = pass % 2 ? im->stride_bytes : 3, next = pass % 2 ? 3 : im->stride_bytes;

        for (int c = 0; c < 3; c++)
            for (int k = 0; k < across; k++) {
                uint8_t *at = im->data + k * next + c;
                int sum = (radius + 1) * at[0];

                for (int i = 0; i < radius; i++)
                    sum += at[i * step];
                for (int i = 0; i < along; i++) {
                    int in = i + radius < along ? i + radius : along - 1;
                    int out = i - radius - 1 > 0 ? i - radius - 1 : 0;

                    sum += at[in * step];
                    sum -= i == 0 ? at[0] : at[out * step];
                    line[i] = sum / (2 * radius + 1);
                }
                for (int i = 0; i < along; i++)
                    at[i * step] = (uint8_t)line[i];
            }
    }
    free(line);
}

/* Something close to the lens: dark, out of focus, a little noise. */
static void cover(struct image *im)
{
    for (int y = im->height / 5; y < im->height; y++)
        for (int x = 0; x < im->width; x++)
            memset(image_at(im, x, y), 28 + (x * 7 + y * 13) % 3, 3);
}

static void cover_wholly(struct image *im)
{
    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++)
            memset(image_at(im, x, y), 70 + (x * 7 + y * 13) % 3, 3);
}

static const struct {
    const char *name;
    void (*spoil)(struct image *im);
    uint32_t must, may;
} troubles[] = {
    {"as it is", NULL, 0, 0},
    {"dark", darken, DARK, 0},
    {"overexposed", overexpose, GLARE, BLOCKED | BLUR},
    {"blurred", blur, BLUR, 0},
    {"covered below", cover, BLOCKED, BLUR},
    {"covered", cover_wholly, BLOCKED, BLUR},
};

/* Every n-th picture of a set: no alarm as it is, the right alarm in trouble. */
static void check_set(const char *set, int every)
{
    DIR *dir = opendir(shared_path("data/%s/images", set));
    struct dirent *entry;
    int n = 0;

    cr_assert_not_null(dir, "%s", set);
    while ((entry = readdir(dir))) {
        if (!strstr(entry->d_name, ".jpg") || n++ % every)
            continue;
        for (size_t t = 0; t < sizeof troubles / sizeof *troubles; t++) {
            struct image im = jpeg_read(shared_path("data/%s/images/%s", set, entry->d_name));

            if (troubles[t].spoil)
                troubles[t].spoil(&im);
            uint32_t reasons = look_once(&im);
            cr_assert_eq(reasons & ~troubles[t].may, troubles[t].must, "%s/%s %s: reasons %x", set,
                         entry->d_name, troubles[t].name, reasons);
            free(im.data);
        }
    }
    cr_assert_gt(n, 0);
    closedir(dir);
}

Test(quality, real_pictures)
{
    need_shared();
    check_set("camvid/train", 16);
    check_set("camvid/val", 20);
    check_set("kitti_sequence", 30);
    check_set("lanes_udacity/train", 40);
    check_set("carla_det/train", 60);
}
