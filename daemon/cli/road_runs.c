#include "daemon/cli/road_runs.h"

#include <stdbool.h>

/* Where in 0..n-1 the centre of pixel i of `size` lies, in 1/256, at the edge clamped. */
static int grid_place(int i, int size, int n)
{
    int64_t at = ((int64_t)(2 * i + 1) * n * 256 / size - 256) / 2;

    return (int)(at < 0 ? 0 : at > (n - 1) * 256 ? (n - 1) * 256 : at);
}

/* The mask between its points, linear, at places in 1/256: is it road rather than not? */
static bool is_road(const struct road_mask *m, int x, int y)
{
    const int x0 = x / 256, y0 = y / 256;
    const int x1 = x0 + 1 < m->width ? x0 + 1 : x0, y1 = y0 + 1 < m->height ? y0 + 1 : y0;
    const uint8_t *top = m->probability + (size_t)y0 * (size_t)m->width;
    const uint8_t *bottom = m->probability + (size_t)y1 * (size_t)m->width;
    const int wx = x % 256, wy = y % 256;
    const int upper = top[x0] * (256 - wx) + top[x1] * wx;
    const int lower = bottom[x0] * (256 - wx) + bottom[x1] * wx;

    return upper * (256 - wy) + lower * wy >= 128 * 65536;
}

void road_runs(const struct road_mask *m, int width, int height,
               void (*put)(void *context, uint32_t run), void *context)
{
    bool now = false;
    uint32_t run = 0;

    for (int x = 0; x < width; x++) {
        const int at = grid_place(x, width, m->width);

        for (int y = 0; y < height; y++) {
            const bool is = is_road(m, at, grid_place(y, height, m->height));

            if (is != now) {
                put(context, run);
                run = 0;
                now = is;
            }
            run++;
        }
    }
    put(context, run);
}
