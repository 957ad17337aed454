/* Resizing of planes. Where an output index lies in the input depends on the axis alone, so it is
 * computed once per axis; a bilinear row then blends two rows that were stretched before. */
#include "perception/kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/kernels/hwc8.h"
#include "perception/kernels/kernels_internal.h"

/* Output i lies between inputs at[i] and at[i] + 1, t[i] of the way (nearest: at at[i]). */
struct axis {
    int in, out;
    int *at;  /* (out) */
    float *t; /* (out) */
};

static float coordinate(const struct resize_shape *s, int in, int out, float scale, int i)
{
    float x = ((float)i + 0.5f) / scale - 0.5f;

    switch (s->coord) {
    case RESIZE_PYTORCH_HALF_PIXEL:
        x = out > 1 ? x : 0.0f;
        break;
    case RESIZE_ASYMMETRIC:
        x = (float)i / scale;
        break;
    case RESIZE_ALIGN_CORNERS:
        x = out > 1 ? (float)i * (float)(in - 1) / (float)(out - 1) : 0.0f;
        break;
    default:
        break;
    }
    return x;
}

static float round_nearest(enum resize_round round, float x)
{
    switch (round) {
    case ROUND_PREFER_CEIL:
        return floorf(x + 0.5f);
    case ROUND_FLOOR:
        return floorf(x);
    case ROUND_CEIL:
        return ceilf(x);
    default:
        return ceilf(x - 0.5f);
    }
}

static void axis_place(const struct resize_shape *s, struct axis *a, float scale)
{
    for (int i = 0; i < a->out; i++) {
        float x = coordinate(s, a->in, a->out, scale, i), last = (float)(a->in - 1);

        if (s->mode == RESIZE_NEAREST)
            x = round_nearest(s->round, x);
        x = x > 0.0f ? x : 0.0f;
        x = x < last ? x : last;
        a->at[i] = (int)x;
        if (s->mode == RESIZE_LINEAR && a->in > 1)
            a->at[i] = int_min(a->at[i], a->in - 2); /* so that at + 1 exists */
        a->t[i] = x - (float)a->at[i];
    }
}

struct resize {
    const struct kernels *k;
    const struct resize_shape *s;
    const float *x;
    float *y;
    struct axis row, col;
    bool doubling; /* the columns */
    char *scratch; /* per thread two stretched rows */
};

static size_t row_size(const struct resize_shape *s)
{
    return floats_size((size_t)s->OW);
}

static void stretch(const struct resize *r, const float *x, float *y)
{
    if (r->s->W > 1)
        r->k->blend_gather(y, x, (size_t)r->s->OW, r->col.at, r->col.t);
    else
        for (int i = 0; i < r->s->OW; i++)
            y[i] = x[0];
}

static void linear_piece(void *arg, int i, int thread)
{
    const struct resize *r = arg;
    const struct resize_shape *s = r->s;
    const float *x = r->x + (size_t)i * s->H * s->W;
    float *y = r->y + (size_t)i * s->OH * s->OW;
    char *memory = r->scratch + (size_t)thread * 2 * row_size(s);
    float *row[2] = {(float *)(void *)memory, (float *)(void *)(memory + row_size(s))};
    int held[2] = {-1, -1}; /* which input rows are stretched in row[] */

    for (int oy = 0; oy < s->OH; oy++, y += s->OW) {
        int at = r->row.at[oy], next = int_min(at + 1, s->H - 1);

        if (held[1] == at) { /* one row down: the lower becomes the upper */
            float *upper = row[1];

            row[1] = row[0];
            row[0] = upper;
            held[1] = held[0];
            held[0] = at;
        }
        if (held[0] != at)
            stretch(r, x + (size_t)at * s->W, row[0]);
        if (held[1] != next)
            stretch(r, x + (size_t)next * s->W, row[1]);
        held[0] = at;
        held[1] = next;
        r->k->blend(y, row[0], row[1], (size_t)s->OW, r->row.t[oy]);
    }
}

/* Output i is input i / 2: the usual case, and a shuffle instead of a gather. */
static bool is_doubling(const struct axis *a)
{
    if (a->out != 2 * a->in)
        return false;
    for (int i = 0; i < a->out; i++)
        if (a->at[i] != i / 2)
            return false;
    return true;
}

static void nearest_piece(void *arg, int i, int thread)
{
    const struct resize *r = arg;
    const struct resize_shape *s = r->s;
    const float *x = r->x + (size_t)i * s->H * s->W;
    float *y = r->y + (size_t)i * s->OH * s->OW;
    size_t width = (size_t)s->OW;

    (void)thread;
    for (int oy = 0; oy < s->OH; oy++, y += width) {
        const float *row = x + (size_t)r->row.at[oy] * s->W;

        if (oy > 0 && r->row.at[oy] == r->row.at[oy - 1])
            memcpy(y, y - width, width * sizeof *y);
        else if (r->doubling)
            r->k->interleave(y, row, row, (size_t)s->W);
        else
            for (size_t ox = 0; ox < width; ox++)
                y[ox] = row[r->col.at[ox]];
    }
}

size_t resize_scratch(const struct resize_shape *s, int threads)
{
    return 2 * (floats_size((size_t)s->OH) + floats_size((size_t)s->OW)) +
           (size_t)threads * 2 * row_size(s);
}

/* Both axes placed in the scratch memory; says where the rest of it begins. */
static char *axes_place(struct resize *r, void *scratch)
{
    const struct resize_shape *s = r->s;
    size_t rows = floats_size((size_t)s->OH), cols = floats_size((size_t)s->OW);
    char *m = scratch;

    r->row = (struct axis){s->H, s->OH, (int *)(void *)m, (float *)(void *)(m + rows)};
    m += 2 * rows;
    r->col = (struct axis){s->W, s->OW, (int *)(void *)m, (float *)(void *)(m + cols)};
    axis_place(s, &r->row, s->scale_y);
    axis_place(s, &r->col, s->scale_x);
    return m + 2 * cols;
}

void resize2d(const struct kernels *k, const struct resize_shape *s, const float *x, float *y,
              void *scratch, struct pool *pool)
{
    struct resize r = {.k = k, .s = s, .x = x, .y = y};

    r.scratch = axes_place(&r, scratch);
    r.doubling = is_doubling(&r.col);
    pool_run(pool, s->planes, s->mode == RESIZE_LINEAR ? linear_piece : nearest_piece, &r);
}

/* ---- channels last ---------------------------------------------------------------------------- */
struct resize_last {
    struct resize r;
    struct hwc_io io;
    size_t C;
};

/* rows: the two input rows that the output row lies between, ty of the way. */
static void last_pixel(const struct resize_last *l, const float *rows[2], float ty, int ox,
                       float *y)
{
    const struct resize *r = &l->r;
    size_t at = (size_t)r->col.at[ox], next = (size_t)int_min((int)at + 1, r->s->W - 1);
    float tx = r->col.t[ox];
    const float *x[4] = {rows[0] + at * l->io.x_pitch, rows[0] + next * l->io.x_pitch,
                         rows[1] + at * l->io.x_pitch, rows[1] + next * l->io.x_pitch};
    float t[4] = {(1 - ty) * (1 - tx), (1 - ty) * tx, ty * (1 - tx), ty * tx};

    if (r->s->mode == RESIZE_NEAREST)
        memcpy(y, x[0], l->C * sizeof *y);
    else
        r->k->hwc_blend(y, x, t, l->C);
}

static void last_piece(void *arg, int i, int thread)
{
    const struct resize_last *l = arg;
    const struct resize_shape *s = l->r.s;
    int image = i / s->OH, oy = i % s->OH;
    int at = l->r.row.at[oy], next = int_min(at + 1, s->H - 1);
    const float *x = l->io.x + (size_t)image * s->H * s->W * l->io.x_pitch;
    const float *rows[2] = {x + (size_t)at * s->W * l->io.x_pitch,
                            x + (size_t)next * s->W * l->io.x_pitch};
    float *y = l->io.y + (size_t)i * s->OW * l->io.y_pitch;

    (void)thread;
    for (int ox = 0; ox < s->OW; ox++, y += l->io.y_pitch)
        last_pixel(l, rows, l->r.row.t[oy], ox, y);
}

void resize_hwc(const struct kernels *k, const struct resize_shape *s, int N,
                const struct hwc_io *io, void *scratch, struct pool *pool)
{
    struct resize_last l = {.r = {.k = k, .s = s}, .io = *io};

    if (N <= 0)
        return;
    l.C = (size_t)(s->planes / N);
    axes_place(&l.r, scratch);
    pool_run(pool, N * s->OH, last_piece, &l);
}

/* ---- bytes, channels last ------------------------------------------------------------------------ */
struct nearest8 {
    struct resize r;
    const uint8_t *x;
    uint8_t *y;
    size_t C;
};

static void nearest8_row(void *arg, int i, int thread)
{
    const struct nearest8 *b = arg;
    const struct resize_shape *s = b->r.s;
    size_t row = (size_t)(i / s->OH) * (size_t)s->H + (size_t)b->r.row.at[i % s->OH];
    const uint8_t *x = b->x + row * (size_t)s->W * b->C;
    uint8_t *y = b->y + (size_t)i * (size_t)s->OW * b->C;

    (void)thread;
    for (int o = 0; o < s->OW; o++)
        memcpy(y + (size_t)o * b->C, x + (size_t)b->r.col.at[o] * b->C, b->C);
}

void nearest_hwc8(const struct resize_shape *s, int N, const uint8_t *x, uint8_t *y, void *scratch,
                  struct pool *pool)
{
    struct nearest8 b = {.r = {.s = s}, .x = x, .y = y};

    if (N <= 0)
        return;
    b.C = (size_t)(s->planes / N);
    axes_place(&b.r, scratch);
    pool_run(pool, N * s->OH, nearest8_row, &b);
}
