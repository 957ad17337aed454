#include "perception/motion/gray.h"

/* Weights of Rec. 601 luma in 1/256. */
enum { RED = 77, GREEN = 150, BLUE = 29 };

static int whole_factor(int width, int height)
{
    int x = (width + GRAY_MAX_WIDTH - 1) / GRAY_MAX_WIDTH;
    int y = (height + GRAY_MAX_HEIGHT - 1) / GRAY_MAX_HEIGHT;

    return x > y ? x : y;
}

static void row_of_luma(const uint8_t *p, int n, uint8_t *out)
{
    for (int x = 0; x < n; x++)
        out[x] =
            (uint8_t)((RED * p[3 * x] + GREEN * p[3 * x + 1] + BLUE * p[3 * x + 2] + 128) >> 8);
}

/* The mean over a block of factor x factor. */
static uint8_t block_of_luma(const struct image *rgb, int x0, int y0, int factor)
{
    unsigned sum[3] = {0}, n = (unsigned)(factor * factor);

    for (int y = 0; y < factor; y++) {
        const uint8_t *p = image_at(rgb, x0, y0 + y);

        for (int x = 0; x < factor; x++, p += 3)
            for (int c = 0; c < 3; c++)
                sum[c] += p[c];
    }
    return (uint8_t)((RED * sum[0] + GREEN * sum[1] + BLUE * sum[2] + 128 * n) / (256 * n));
}

static void fill_first(struct gray_level *to, const struct image *rgb, int factor)
{
    for (int y = 0; y < to->height; y++) {
        uint8_t *row = to->px + y * to->width;

        if (factor == 1)
            row_of_luma(image_at(rgb, 0, y), to->width, row);
        else
            for (int x = 0; x < to->width; x++)
                row[x] = block_of_luma(rgb, x * factor, y * factor, factor);
    }
}

static void halve(struct gray_level *to, const struct gray_level *from)
{
    for (int y = 0; y < to->height; y++) {
        const uint8_t *a = from->px + 2 * y * from->width, *b = a + from->width;
        uint8_t *row = to->px + y * to->width;

        for (int x = 0; x < to->width; x++)
            row[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2);
    }
}

bool gray_from(struct gray *g, const struct image *rgb)
{
    int factor = whole_factor(rgb->width, rgb->height);
    int width = rgb->width / factor, height = rgb->height / factor;

    g->factor = 0;
    if (width < GRAY_MIN_SIDE || height < GRAY_MIN_SIDE)
        return false;
    uint8_t *free_px = g->memory;
    for (int i = 0; i < GRAY_LEVELS; i++) {
        g->level[i] = (struct gray_level){width >> i, height >> i, free_px};
        free_px += g->level[i].width * g->level[i].height;
    }
    fill_first(&g->level[0], rgb, factor);
    for (int i = 1; i < GRAY_LEVELS; i++)
        halve(&g->level[i], &g->level[i - 1]);
    g->factor = factor;
    return true;
}
