/* A depthwise convolution and the pointwise one behind it, some rows at a time: what the first makes
 * is read by the second while it is still in the cache, and never goes further. */
#include <assert.h>

#include "perception/kernels/hwc_internal.h"

enum { BAND_FLOATS = 32 * 1024 };

bool separable_hwc_fits(const struct conv_shape *depth, const struct conv_shape *point)
{
    return hwc_is_depthwise(depth) && hwc_is_pointwise(point) && point->groups == 1 &&
           point->N == depth->N && point->C == depth->M && point->H == depth->OH &&
           point->W == depth->OW;
}

static int rows_of(const struct conv_shape *depth)
{
    return int_max(1, int_min(depth->OH, BAND_FLOATS / (depth->OW * depth->C)));
}

size_t separable_hwc_scratch(const struct conv_shape *depth, int threads)
{
    return (size_t)threads * floats_size((size_t)rows_of(depth) * depth->OW * depth->C);
}

struct separable {
    struct hwc_conv depth, point;
    size_t scratch_step; /* bytes */
};

static void run_piece(void *arg, int i, int thread)
{
    const struct separable *p = arg;
    const struct conv_shape *s = p->depth.s;
    struct hwc_conv depth = p->depth;
    int image = i / depth.bands, y0 = i % depth.bands * depth.rows;
    int rows = int_min(depth.rows, s->OH - y0);
    size_t first = ((size_t)image * s->OH + (size_t)y0) * s->OW;

    depth.io.y = (float *)(void *)(depth.scratch + (size_t)thread * p->scratch_step);
    depth.grid.first = 0 - first; /* pixels are counted from the band's first on */
    for (int y = y0; y < y0 + rows; y++)
        hwc_depthwise_row(&depth, image, y);
    hwc_pointwise_run(&p->point, depth.io.y, first, rows * s->OW);
}

void separable_hwc(const struct kernels *k, const struct conv_shape *depth,
                   const struct conv_shape *point, const struct hwc_io *io,
                   const void *depth_packed, const void *point_packed, const struct epilogue *first,
                   const struct epilogue *second, void *scratch, struct pool *pool)
{
    size_t pixels = (size_t)depth->OH * depth->OW;
    struct hwc_grid grid = {0, pixels, (size_t)depth->OW, 1};
    struct separable p = {
        .depth = {.k = k,
                  .s = depth,
                  .io = {.x = io->x, .x_pitch = io->x_pitch, .y_pitch = (size_t)depth->C},
                  .grid = grid,
                  .e = first,
                  .weights = depth_packed,
                  .scratch = scratch,
                  .rows = rows_of(depth),
                  .taps = k->hwc_taps},
        .point =
            {.k = k, .s = point, .io = *io, .grid = grid, .e = second, .weights = point_packed},
        .scratch_step = separable_hwc_scratch(depth, 1)};

    assert(separable_hwc_fits(depth, point));
    p.depth.bands = div_up(depth->OH, p.depth.rows);
    if (depth->OH > 0 && depth->OW > 0 && depth->N > 0)
        pool_run(pool, depth->N * p.depth.bands, run_piece, &p);
}
