/* Pooling and resizing against one output at a time, on every CPU level. */
#include "tests/kernels/sweep.h"

/* ---- pooling ------------------------------------------------------------------------------- */
static double one_pool(const struct conv_shape *s, const float *plane, int oy, int ox, int mode)
{
    double best = -INFINITY, sum = 0;
    int inside = 0, padded = 0;

    for (int ky = 0; ky < s->kh; ky++)
        for (int kx = 0; kx < s->kw; kx++) {
            int iy = oy * s->stride_y - s->pad_top + ky * s->dilation_y;
            int ix = ox * s->stride_x - s->pad_left + kx * s->dilation_x;

            padded += iy < s->H + s->pad_bottom && ix < s->W + s->pad_right;
            if (iy < 0 || iy >= s->H || ix < 0 || ix >= s->W)
                continue;
            best = fmax(best, plane[iy * s->W + ix]);
            sum += plane[iy * s->W + ix];
            inside++;
        }
    if (mode == 0)
        return best;
    return sum / (mode == 1 ? inside : padded);
}

Test(pooling, random_windows)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int i = 0; i < 300; i++) {
        int kh = sweep_int(&w, 1, 5), kw = sweep_int(&w, 1, 5);
        int dy = sweep_int(&w, 1, 2), dx = sweep_int(&w, 1, 2);
        struct conv_shape s = {
            .N = sweep_int(&w, 1, 2),
            .C = 3,
            .M = 3,
            .groups = 1,
            .H = sweep_int(&w, 1, 30),
            .W = sweep_int(&w, 1, i % 50 ? 60 : 5000),
            .kh = kh,
            .kw = kw,
            .dilation_y = dy,
            .dilation_x = dx,
            .stride_y = sweep_int(&w, 1, 3),
            .stride_x = sweep_int(&w, 1, 3),
            .pad_top = sweep_int(&w, 0, kh - 1),
            .pad_left = sweep_int(&w, 0, kw - 1),
            .pad_bottom = sweep_int(&w, 0, kh - 1),
            .pad_right = sweep_int(&w, 0, kw - 1),
        };
        int more = sweep_int(&w, 0, 1); /* ceil_mode: a last window that sticks out */
        struct kernels k;

        s.OH = conv_length(s.H, kh, s.stride_y, dy, s.pad_top, s.pad_bottom);
        s.OW = conv_length(s.W, kw, s.stride_x, dx, s.pad_left, s.pad_right);
        if (s.OH <= 0 || s.OW <= 0)
            continue;
        s.OH += more && s.OH * s.stride_y < s.H + s.pad_top;
        s.OW += more && s.OW * s.stride_x < s.W + s.pad_left;
        kernels_init(&k, masks[i % levels]);
        float *x = sweep_floats(&w, (size_t)s.N * s.C * s.H * s.W, -9, 9);
        float *y = sweep_floats(&w, (size_t)s.N * s.C * s.OH * s.OW, 0, 0);
        for (int mode = 0; mode < 3; mode++) {
            if (mode == 0)
                max_pool2d(&k, &s, x, y, NULL);
            else
                average_pool2d(&k, &s, mode == 2, x, y, NULL);
            for (int o = 0; o < s.N * s.C * s.OH * s.OW; o++) {
                const float *plane = x + (size_t)(o / (s.OH * s.OW)) * s.H * s.W;
                double want = one_pool(&s, plane, o / s.OW % s.OH, o % s.OW, mode);

                if (isfinite(want)) /* a window with nothing inside has no average */
                    sweep_near(y[o], want, mode ? 9 : 0, kh * kw, "pooling");
            }
        }
        sweep_release(&w);
    }
}

Test(pooling, global_average)
{
    struct conv_shape s = {.N = 1,
                           .C = 2,
                           .M = 2,
                           .H = 3,
                           .W = 2,
                           .OH = 1,
                           .OW = 1,
                           .kh = 3,
                           .kw = 2,
                           .stride_y = 1,
                           .stride_x = 1,
                           .dilation_y = 1,
                           .dilation_x = 1,
                           .groups = 1};
    float x[12] = {1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 12}, y[2];
    struct kernels k;

    kernels_init(&k, ~0u);
    average_pool2d(&k, &s, false, x, y, NULL);
    cr_assert(y[0] == 3.5f && y[1] == 2);
}

/* ---- resizing ------------------------------------------------------------------------------ */
static double coordinate(const struct resize_shape *s, int in, int out, double scale, int i)
{
    switch (s->coord) {
    case RESIZE_ASYMMETRIC:
        return i / scale;
    case RESIZE_ALIGN_CORNERS:
        return out > 1 ? (double)i * (in - 1) / (out - 1) : 0;
    case RESIZE_PYTORCH_HALF_PIXEL:
        return out > 1 ? (i + 0.5) / scale - 0.5 : 0;
    default:
        return (i + 0.5) / scale - 0.5;
    }
}

static double clamped(const float *plane, const struct resize_shape *s, int y, int x)
{
    y = y < 0 ? 0 : y >= s->H ? s->H - 1 : y;
    x = x < 0 ? 0 : x >= s->W ? s->W - 1 : x;
    return plane[y * s->W + x];
}

static double one_linear(const struct resize_shape *s, const float *plane, int oy, int ox)
{
    double y = coordinate(s, s->H, s->OH, s->scale_y, oy);
    double x = coordinate(s, s->W, s->OW, s->scale_x, ox);
    int iy = (int)floor(y), ix = (int)floor(x);
    double ty = y - iy, tx = x - ix;

    return (1 - ty) * ((1 - tx) * clamped(plane, s, iy, ix) + tx * clamped(plane, s, iy, ix + 1)) +
           ty * ((1 - tx) * clamped(plane, s, iy + 1, ix) + tx * clamped(plane, s, iy + 1, ix + 1));
}

Test(resize, linear)
{
    static const int sizes[][4] = {{5, 7, 10, 14},  {1, 1, 3, 4},    {6, 1, 3, 5}, {1, 9, 1, 4},
                                   {8, 40, 16, 80}, {30, 50, 7, 13}, {4, 4, 4, 4}, {3, 5, 1, 1}};
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int level = 0; level < levels; level++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            for (int coord = 0; coord < 4; coord++) {
                struct resize_shape s = {.planes = 2,
                                         .H = sizes[i][0],
                                         .W = sizes[i][1],
                                         .OH = sizes[i][2],
                                         .OW = sizes[i][3],
                                         .mode = RESIZE_LINEAR,
                                         .coord = (enum resize_coord)coord};
                struct kernels k;

                kernels_init(&k, masks[level]);
                s.scale_y = (float)s.OH / (float)s.H;
                s.scale_x = (float)s.OW / (float)s.W;
                float *x = sweep_floats(&w, (size_t)2 * s.H * s.W, -1, 1);
                float *y = sweep_floats(&w, (size_t)2 * s.OH * s.OW, 0, 0);
                resize2d(&k, &s, x, y, sweep_bytes(&w, resize_scratch(&s, 1)), NULL);
                for (int o = 0; o < 2 * s.OH * s.OW; o++)
                    sweep_near(y[o],
                               one_linear(&s, x + (size_t)(o / (s.OH * s.OW)) * s.H * s.W,
                                          o / s.OW % s.OH, o % s.OW),
                               100, 1, "linear"); /* coordinates are single precision */
                sweep_release(&w);
            }
}

static void nearest_row(struct resize_shape s, const float *want)
{
    float x[8] = {0, 1, 2, 3, 4, 5, 6, 7}, y[16], scratch[512];
    struct kernels k;

    kernels_init(&k, ~0u);
    s.planes = s.H = s.OH = 1;
    s.scale_y = 1;
    s.mode = RESIZE_NEAREST;
    if (s.scale_x == 0)
        s.scale_x = (float)s.OW / (float)s.W;
    cr_assert(resize_scratch(&s, 1) <= sizeof scratch);
    resize2d(&k, &s, x, y, scratch, NULL);
    for (int i = 0; i < s.OW; i++)
        cr_assert(y[i] == want[i], "output %d is %g, expected %g", i, y[i], want[i]);
}

Test(resize, nearest_follows_the_rounding_rule)
{
    nearest_row(
        (struct resize_shape){.W = 3, .OW = 6, .coord = RESIZE_ASYMMETRIC, .round = ROUND_FLOOR},
        (float[]){0, 0, 1, 1, 2, 2});
    nearest_row(
        (struct resize_shape){.W = 3, .OW = 6, .coord = RESIZE_ASYMMETRIC, .round = ROUND_CEIL},
        (float[]){0, 1, 1, 2, 2, 2});
    nearest_row(
        (struct resize_shape){
            .W = 3, .OW = 6, .coord = RESIZE_ASYMMETRIC, .round = ROUND_PREFER_FLOOR},
        (float[]){0, 0, 1, 1, 2, 2});
    nearest_row(
        (struct resize_shape){
            .W = 3, .OW = 6, .coord = RESIZE_ASYMMETRIC, .round = ROUND_PREFER_CEIL},
        (float[]){0, 1, 1, 2, 2, 2});
    nearest_row(
        (struct resize_shape){
            .W = 3, .OW = 6, .coord = RESIZE_HALF_PIXEL, .round = ROUND_PREFER_FLOOR},
        (float[]){0, 0, 1, 1, 2, 2});
    nearest_row(
        (struct resize_shape){.W = 5, .OW = 3, .coord = RESIZE_ALIGN_CORNERS, .round = ROUND_FLOOR},
        (float[]){0, 2, 4});
    nearest_row(
        (struct resize_shape){.W = 8, .OW = 4, .coord = RESIZE_ASYMMETRIC, .round = ROUND_FLOOR},
        (float[]){0, 2, 4, 6});
}

Test(resize, nearest_repeats_rows)
{
    struct resize_shape s = {.planes = 2,
                             .H = 2,
                             .W = 2,
                             .OH = 4,
                             .OW = 4,
                             .scale_y = 2,
                             .scale_x = 2,
                             .mode = RESIZE_NEAREST,
                             .coord = RESIZE_ASYMMETRIC,
                             .round = ROUND_FLOOR};
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, y[32], scratch[512];
    const float want[32] = {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4,
                            5, 5, 6, 6, 5, 5, 6, 6, 7, 7, 8, 8, 7, 7, 8, 8};
    struct kernels k;

    kernels_init(&k, ~0u);
    resize2d(&k, &s, x, y, scratch, NULL);
    cr_assert_arr_eq(y, want, sizeof y);
}
