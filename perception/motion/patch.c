#include "perception/motion/patch.h"

#include <assert.h>
#include <math.h>

enum { SIDE = 9, HALF = SIDE / 2, N = SIDE * SIDE, STEPS = 8 };

static const float ENOUGH_PX = 0.01f; /* a step smaller than that ends it, px of the level */
static const float FARTHEST_PX = 7;   /* from where it was expected, px of the coarsest level */
static const float LEAST_CORRELATION = 0.8f;
static const float NOISE = 3; /* grey levels: a fit better than that is luck */

/* n pixels along a straight line, bilinear. The ends must lie inside: see inside(). */
static void sample_row(const struct gray_level *g, float x, float y, float dx, float dy, float *out)
{
    for (int i = 0; i < SIDE; i++) {
        float u = x + (float)i * dx, v = y + (float)i * dy;
        int iu = (int)u, iv = (int)v;
        float a = u - (float)iu, b = v - (float)iv;
        const uint8_t *p = g->px + iv * g->width + iu, *q = p + g->width;

        out[i] = (1 - b) * ((1 - a) * (float)p[0] + a * (float)p[1]) +
                 b * ((1 - a) * (float)q[0] + a * (float)q[1]);
    }
}

static bool inside(const struct gray_level *g, float x, float y, const float bend[2][2])
{
    float rx = HALF * (fabsf(bend[0][0]) + fabsf(bend[0][1]));
    float ry = HALF * (fabsf(bend[1][0]) + fabsf(bend[1][1]));

    return x - rx >= 0 && y - ry >= 0 && x + rx < (float)(g->width - 1) &&
           y + ry < (float)(g->height - 1);
}

/* The patch round (x, y), px of this level, less its mean. False: outside. */
static bool sample(const struct gray_level *g, float x, float y, const float bend[2][2],
                   float out[N])
{
    float sum = 0;

    x -= 0.5f; /* from here on pixels have their centres at whole numbers */
    y -= 0.5f;
    if (!inside(g, x, y, bend)) /* NAN ends here too */
        return false;
    for (int k = 0; k < SIDE; k++) {
        float r = (float)(k - HALF);

        sample_row(g, x + r * bend[0][1] - HALF * bend[0][0],
                   y + r * bend[1][1] - HALF * bend[1][0], bend[0][0], bend[1][0], out + k * SIDE);
    }
    for (int i = 0; i < N; i++)
        sum += out[i];
    for (int i = 0; i < N; i++)
        out[i] -= sum / N;
    return true;
}

struct template
{
    float px[N], dx[N], dy[N];
    float xx, xy, yy; /* second moments of the gradient */
};

/* Gradients by central differences inside, one-sided at the rim. */
static void find_gradients(struct template *t)
{
    for (int k = 0; k < SIDE; k++)
        for (int i = 0; i < SIDE; i++) {
            int l = i > 0 ? i - 1 : i, r = i < SIDE - 1 ? i + 1 : i;
            int u = k > 0 ? k - 1 : k, d = k < SIDE - 1 ? k + 1 : k;

            t->dx[k * SIDE + i] = (t->px[k * SIDE + r] - t->px[k * SIDE + l]) / (float)(r - l);
            t->dy[k * SIDE + i] = (t->px[d * SIDE + i] - t->px[u * SIDE + i]) / (float)(d - u);
        }
    t->xx = t->xy = t->yy = 0;
    for (int i = 0; i < N; i++) {
        t->xx += t->dx[i] * t->dx[i];
        t->xy += t->dx[i] * t->dy[i];
        t->yy += t->dy[i] * t->dy[i];
    }
}

static const float UNITY[2][2] = {{1, 0}, {0, 1}};

static float correlation(const float a[N], const float b[N])
{
    float ab = 0, aa = 0, bb = 0;

    for (int i = 0; i < N; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrtf(aa * bb) : 0;
}

float patch_alike(const struct patch *p, const struct gray *before, const struct gray *now,
                  int level)
{
    float scale = 1 / (float)(1 << level), a[N], b[N];

    if (!sample(&before->level[level], p->x * scale, p->y * scale, UNITY, a) ||
        !sample(&now->level[level], p->to_x * scale, p->to_y * scale, p->bend, b))
        return NAN;
    return correlation(a, b);
}

/* Shift until the patches fit at one level. at: px of this level. */
static bool fit_level(const struct template *t, const struct gray_level *now,
                      const float bend[2][2], float at[2], float found[N])
{
    float det = t->xx * t->yy - t->xy * t->xy;

    if (!(det > 1e-3f * t->xx * t->yy + 1e-6f))
        return false;
    for (int step = 0;; step++) {
        float gx = 0, gy = 0;

        if (!sample(now, at[0], at[1], bend, found))
            return false;
        if (step == STEPS)
            return true;
        for (int i = 0; i < N; i++) {
            float e = found[i] - t->px[i];

            gx += t->dx[i] * e;
            gy += t->dy[i] * e;
        }
        float sx = (t->yy * gx - t->xy * gy) / det, sy = (t->xx * gy - t->xy * gx) / det;
        at[0] -= bend[0][0] * sx + bend[0][1] * sy;
        at[1] -= bend[1][0] * sx + bend[1][1] * sy;
        if (sx * sx + sy * sy < ENOUGH_PX * ENOUGH_PX)
            return sample(now, at[0], at[1], bend, found);
    }
}

/* Information is known in the picture before: through the bend into this one. */
/* scale: px of that level per px of level 0. */
static void set_info(struct patch *p, const struct template *t, const float found[N], float scale)
{
    float square = 0;

    for (int i = 0; i < N; i++)
        square += (found[i] - t->px[i]) * (found[i] - t->px[i]);
    float variance = square / N + NOISE * NOISE;
    float det = p->bend[0][0] * p->bend[1][1] - p->bend[0][1] * p->bend[1][0];
    float inv[2][2] = {{p->bend[1][1] / det, -p->bend[0][1] / det},
                       {-p->bend[1][0] / det, p->bend[0][0] / det}};
    float g[2][2] = {{t->xx, t->xy}, {t->xy, t->yy}};

    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            float sum = 0;

            for (int a = 0; a < 2; a++)
                for (int b = 0; b < 2; b++)
                    sum += inv[a][i] * g[a][b] * inv[b][j];
            p->info[i][j] = sum * scale * scale / variance;
        }
}

bool patch_follow(struct patch *p, const struct gray *before, const struct gray *now, int coarsest,
                  int finest)
{
    float at[2] = {p->to_x, p->to_y}, found[N];
    struct template t;

    assert(finest >= 0 && finest <= coarsest && coarsest < GRAY_LEVELS);
    for (int level = coarsest; level >= finest; level--) {
        float scale = 1 / (float)(1 << level);
        float here[2] = {at[0] * scale, at[1] * scale};

        if (!sample(&before->level[level], p->x * scale, p->y * scale, UNITY, t.px))
            return false;
        find_gradients(&t);
        if (!fit_level(&t, &now->level[level], p->bend, here, found))
            return false;
        at[0] = here[0] / scale;
        at[1] = here[1] / scale;
    }
    if (hypotf(at[0] - p->to_x, at[1] - p->to_y) > FARTHEST_PX * (float)(1 << coarsest))
        return false;
    p->correlation = correlation(t.px, found);
    if (!(p->correlation > LEAST_CORRELATION))
        return false;
    p->to_x = at[0];
    p->to_y = at[1];
    set_info(p, &t, found, 1 / (float)(1 << finest));
    return true;
}
