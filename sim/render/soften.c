#include "sim/render/soften.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 14, REACH = 4 }; /* contrast that is an edge, of 255; px along it at most */

static int luma(const uint8_t *p)
{
    return (2 * p[0] + 5 * p[1] + p[2]) >> 3;
}

/* Between four pixels; x and y inside the picture. */
static void between(const uint8_t *rgba, int width, float x, float y, int *sum)
{
    int ix = (int)x, iy = (int)y, u = (int)(256 * (x - (float)ix)),
        v = (int)(256 * (y - (float)iy));
    const uint8_t *a = rgba + 4 * ((size_t)iy * (size_t)width + (size_t)ix),
                  *b = a + 4 * (size_t)width;

    for (int k = 0; k < 3; k++)
        sum[k] += ((a[k] * (256 - u) + a[k + 4] * u) * (256 - v) +
                   (b[k] * (256 - u) + b[k + 4] * u) * v) >>
                  16;
}

static void along_edge(const uint8_t *rgba, int width, int height, int x, int y, float dx, float dy,
                       uint8_t *out)
{
    int sum[3] = {0, 0, 0};

    for (int i = -3; i <= 3; i += 2) { /* four places, a third of the way apart */
        float px = (float)x + dx * (float)i / 6, py = (float)y + dy * (float)i / 6;

        between(rgba, width, fminf(fmaxf(px, 0), (float)width - 1.01f),
                fminf(fmaxf(py, 0), (float)height - 1.01f), sum);
    }
    for (int k = 0; k < 3; k++)
        out[k] = (uint8_t)(sum[k] >> 2);
}

void soften(const uint8_t *rgba, int width, int height, uint8_t *out)
{
    size_t row = 4 * (size_t)width;

    memcpy(out, rgba, row * (size_t)height);
    for (int y = 1; y + 1 < height; y++)
        for (int x = 1; x + 1 < width; x++) {
            const uint8_t *p = rgba + (size_t)y * row + 4 * (size_t)x;
            int n = luma(p - row), s = luma(p + row), w = luma(p - 4), e = luma(p + 4), m = luma(p);
            int hi = n > s ? n : s, lo = n > s ? s : n;

            hi = e > hi ? e : hi;
            hi = w > hi ? w : hi;
            hi = m > hi ? m : hi;
            lo = e < lo ? e : lo;
            lo = w < lo ? w : lo;
            lo = m < lo ? m : lo;
            if (hi - lo < LEAST || hi - lo < hi / 8)
                continue;
            int nw = luma(p - row - 4), ne = luma(p - row + 4), sw = luma(p + row - 4),
                se = luma(p + row + 4);
            float dx = (float)((sw + se + s) - (nw + ne + n)),
                  dy = (float)((nw + sw + w) - (ne + se + e));
            float k = 1 / (fminf(fabsf(dx), fabsf(dy)) + 6.0f);

            dx = fminf(fmaxf(dx * k, -REACH), REACH);
            dy = fminf(fmaxf(dy * k, -REACH), REACH);
            along_edge(rgba, width, height, x, y, dx, dy, out + (size_t)y * row + 4 * (size_t)x);
        }
}
