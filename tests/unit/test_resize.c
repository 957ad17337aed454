#include "perception/image/resize.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "tests/models.h"

static const struct input_spec plain = {.scale = 1};
static const struct input_spec letterbox = {.stretch_max = 1, .fill = 114, .scale = 1};

/* A resize for one test, with memory of its own. */
static struct resize *resize_new(const struct input_spec *spec, int width, int height,
                                 struct arena *memory)
{
    struct resize *r = malloc(sizeof *r);
    struct arena measure = {0};

    resize_place(r, spec, width, height, &measure);
    cr_assert_eq(arena_init(memory, measure.used), OK);
    resize_place(r, spec, width, height, memory);
    return r;
}

static float *resized(const struct input_spec *spec, const struct image *im, int width, int height)
{
    struct arena memory;
    struct resize *r = resize_new(spec, width, height, &memory);
    float *out = malloc((size_t)(3 * width * height) * sizeof *out);

    for (int i = 0; i < 3 * width * height; i++)
        out[i] = NAN; /* every value must be written */
    resize_run(r, im, out);
    arena_finish(&memory);
    free(r);
    return out;
}

static struct image noise(int width, int height, int gap)
{
    struct image im = {.width = width, .height = height, .stride_bytes = 3 * width + gap};
    uint32_t seed = (uint32_t)(width * 7919 + height);

    im.data = malloc((size_t)im.stride_bytes * (size_t)height);
    for (int i = 0; i < im.stride_bytes * height; i++)
        im.data[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    return im;
}

/* The definition, in double, one value at a time. */
static double bilinear(const struct image *im, int c, int x, int y, int width, int height)
{
    double sx = (x + 0.5) * im->width / width - 0.5, sy = (y + 0.5) * im->height / height - 0.5;
    int x0 = (int)floor(sx), y0 = (int)floor(sy);
    double v = 0;

    for (int dy = 0; dy < 2; dy++)
        for (int dx = 0; dx < 2; dx++) {
            int px = x0 + dx, py = y0 + dy;
            double w = (dx ? sx - x0 : 1 - (sx - x0)) * (dy ? sy - y0 : 1 - (sy - y0));

            px = px < 0 ? 0 : px >= im->width ? im->width - 1 : px;
            py = py < 0 ? 0 : py >= im->height ? im->height - 1 : py;
            v += w * image_at(im, px, py)[c];
        }
    return v;
}

Test(resize, is_the_definition_at_any_size)
{
    static const int sizes[][4] = {{1, 1, 5, 3},     {5, 3, 1, 1},    {2, 2, 7, 9},
                                   {33, 17, 33, 17}, {64, 48, 13, 7}, {13, 7, 64, 48},
                                   {127, 3, 20, 31}, {3, 127, 31, 20}};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int width = sizes[s][2], height = sizes[s][3];
        struct image im = noise(sizes[s][0], sizes[s][1], (int)s);
        float *out = resized(&plain, &im, width, height);

        for (int c = 0; c < 3; c++)
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++) {
                    double v = bilinear(&im, c, x, y, width, height);
                    float got = out[(c * height + y) * width + x];

                    cr_assert_eq(got, floorf(got));
                    cr_assert_leq(fabs(got - v), 0.5001, "%dx%d -> %dx%d at %d %d: %g for %g",
                                  im.width, im.height, width, height, x, y, got, v);
                }
        free(out);
        free(im.data);
    }
}

Test(resize, the_same_memory_serves_pictures_of_all_sizes)
{
    struct arena memory;
    struct resize *r = resize_new(&plain, 20, 10, &memory);
    float *out = malloc(600 * sizeof *out);

    for (int i = 0; i < 6; i++) {
        struct image im = i % 2 ? noise(40, 30, 0) : noise(11, 90, 5);
        float *alone = resized(&plain, &im, 20, 10);

        resize_run(r, &im, out);
        cr_assert_arr_eq(out, alone, 600 * sizeof *out);
        free(alone);
        free(im.data);
    }
    free(out);
    free(r);
    arena_finish(&memory);
}

Test(resize, order_scale_mean_and_deviation)
{
    uint8_t pixel[3] = {255, 51, 0};
    struct image im = {pixel, 1, 1, 3};
    struct input_spec spec = {
        .bgr = true, .scale = 1 / 255.0f, .mean = {0.5f, 0.1f, 0.25f}, .deviation = {2, 0, 0.5f}};
    float *out = resized(&spec, &im, 1, 1);

    cr_assert_float_eq(out[0], (0 - 0.5) / 2, 1e-6);
    cr_assert_float_eq(out[1], 0.2 - 0.1, 1e-6);
    cr_assert_float_eq(out[2], (1 - 0.25) / 0.5, 1e-6);
    free(out);
}

/* A wide picture is stretched as far as the network bears it, and then no more. */
Test(resize, stretches_within_limits)
{
    const struct input_spec spec = {.stretch_max = 1.5f, .scale = 1};

    struct fit near = fit_picture(&spec, 1280, 500, 640, 360); /* 1.44 times as wide */
    cr_assert_eq(near.width, 640);
    cr_assert_eq(near.height, 360);
    struct fit far = fit_picture(&spec, 1242, 375, 640, 360); /* 1.86 times */
    cr_assert_eq(far.width, 640);
    cr_assert_eq(far.height, 193);
    const struct input_spec square = {
        .aspect_width = 16, .aspect_height = 9, .stretch_max = 1.5f, .scale = 1};
    struct fit usual = fit_picture(&square, 960, 540, 320, 320);
    cr_assert_eq(usual.width, 320);
    cr_assert_eq(usual.height, 320);
    struct fit squeezed = fit_picture(&square, 1242, 375, 320, 320);
    cr_assert_eq(squeezed.height, 171); /* 320 (16 / 9) / (1242 / 375) */
    struct fit tall = fit_picture(&spec, 375, 1242, 640, 360);
    cr_assert_eq(tall.width, 108);
    cr_assert_eq(tall.height, 360);
}

Test(resize, letterbox_keeps_the_shape_and_fills_the_rest)
{
    struct image im = noise(40, 20, 0);
    float *out = resized(&letterbox, &im, 16, 16);

    for (int c = 0; c < 3; c++)
        for (int y = 0; y < 16; y++)
            for (int x = 0; x < 16; x++) {
                float got = out[(c * 16 + y) * 16 + x];

                if (y < 8)
                    cr_assert_leq(fabs(got - bilinear(&im, c, x, y, 16, 8)), 0.5001);
                else
                    cr_assert_eq(got, 114);
            }
    free(out);
    free(im.data);
}

/* A place in the picture, taken into the network's input and back, stays within half a pixel even
 * where the letterbox had to round; and the picture's corners are the input's. */
Test(resize, fit_maps_back)
{
    static const int sides[] = {1, 2, 7, 97, 333, 360, 375, 540, 541, 720, 961, 1242, 1920, 8192};
    enum { SIDES = sizeof sides / sizeof *sides };

    for (int i = 0; i < SIDES * SIDES; i++) {
        int width = sides[i % SIDES], height = sides[i / SIDES];
        struct fit p = fit_picture(&plain, width, height, 640, 384);
        struct fit l = fit_picture(&letterbox, width, height, 416, 352);

        cr_assert_float_eq(640 * p.x_scale, width, 1e-3 * width);
        cr_assert_float_eq(384 * p.y_scale, height, 1e-3 * height);
        cr_assert(l.width >= 1 && l.width <= 416 && l.height >= 1 && l.height <= 352);
        cr_assert(l.width == 416 || l.height == 352);
        cr_assert_float_eq((float)l.width * l.x_scale, width, 0.01);
        cr_assert_float_eq((float)l.height * l.y_scale, height, 0.01);
        if (width < 20 * height && height < 20 * width) { /* else one side has few pixels */
            double r = fmin(416.0 / width, 352.0 / height);

            cr_assert_leq(fabs(l.width - width * r), 1);
            cr_assert_leq(fabs(l.height - height * r), 1);
        }
    }
}

/* The inputs that the models' golden outputs were made from. */
static void check_golden(const char *model, const char *file, const struct input_spec *spec,
                         float step)
{
    struct image im = jpeg_read(shared_path("models/frame.jpg"));
    struct tensor *golden = golden_tensor(model, file);
    int height = (int)golden->dim[2], width = (int)golden->dim[3], off = 0;
    float *out = resized(spec, &im, width, height);
    const float *want = golden->data;

    for (int i = 0; i < 3 * height * width; i++) {
        cr_assert_leq(fabsf(out[i] - want[i]), 1.01f * step, "%s: %g for %g at %d", model, out[i],
                      want[i], i);
        off += fabsf(out[i] - want[i]) > 0.01f * step;
    }
    /* ties: the script that made them rounds those its own way */
    cr_assert_leq(off, 3 * height * width / 20, "%s: %d values are off by one", model, off);
    tensor_free(golden);
    free(out);
    free(im.data);
}

Test(resize, golden_inputs)
{
    need_shared();
    check_golden("vehicle-detection-adas-0002", "input_0.pb",
                 &(struct input_spec){.bgr = true, .scale = 1}, 1);
    check_golden("twinlitenet", "input_0.pb", &(struct input_spec){.scale = 1 / 255.0f},
                 1 / 255.0f);
    check_golden("yolox_nano", "input_0.pb",
                 &(struct input_spec){.stretch_max = 1, .fill = 114, .bgr = true, .scale = 1}, 1);
    check_golden("fastestdet", "input_0.pb", &(struct input_spec){.bgr = true, .scale = 1 / 255.0f},
                 1 / 255.0f);
    check_golden("lstr", "input_0.pb",
                 &(struct input_spec){.bgr = true,
                                      .scale = 1 / 255.0f,
                                      .mean = {.40789654f, .44719302f, .47026115f},
                                      .deviation = {.28863828f, .27408164f, .27809835f}},
                 1 / 255.0f / .27f);
}
