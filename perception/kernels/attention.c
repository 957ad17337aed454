#include "perception/kernels/attention.h"

#include <string.h>

#include "perception/kernels/hwc_internal.h"

/* Where a batch's packed operands lie, in floats from the start of the scratch memory. */
struct parts {
    size_t zeros, keys, values, q, out, scores, each, all;
};

static size_t panels(const struct kernels *k, int columns, int rows)
{
    return (size_t)div_up(columns, k->hwc_lanes) * (size_t)k->hwc_lanes * (size_t)rows;
}

static struct parts parts_of(const struct kernels *k, const struct attention_shape *s, int threads)
{
    struct parts p = {.keys = (size_t)k->hwc_channels};

    p.values = p.keys + panels(k, s->keys, s->depth);
    p.q = p.values + panels(k, s->width, s->keys);
    p.out = p.q + (s->q_turned ? (size_t)s->queries * s->depth : 0);
    p.scores = p.out + (s->out_turned ? (size_t)s->queries * s->width : 0);
    p.scores = (p.scores + 15) / 16 * 16;
    p.each = ((size_t)k->hwc_pixels * s->keys + 15) / 16 * 16;
    p.all = p.scores + (size_t)threads * p.each;
    return p;
}

size_t attention_scratch(const struct kernels *k, const struct attention_shape *s, int threads)
{
    return floats_size(parts_of(k, s, threads).all);
}

/* A matrix of `columns` columns as panels of the tile's width: (rows, width) each, rest 0. */
static void pack(const struct kernels *k, const float *x, bool turned, int rows, int columns,
                 float scale, float *to)
{
    for (int c = 0; c < columns; c += k->hwc_channels) {
        int n = int_min(k->hwc_channels, columns - c);
        size_t width = panels(k, n, 1);

        for (int r = 0; n < (int)width && r < rows; r++)
            memset(to + (size_t)r * width + n, 0, (width - (size_t)n) * sizeof *to);
        if (turned) /* stored (columns, rows) */
            k->transpose(to, width, x + (size_t)c * rows, (size_t)rows, (size_t)n, (size_t)rows);
        else
            for (int r = 0; r < rows; r++)
                memcpy(to + (size_t)r * width, x + (size_t)r * columns + c, (size_t)n * sizeof *to);
        if (scale != 1.0f)
            k->scalar[BINARY_MUL](to, to, scale, width * (size_t)rows);
        to += width * (size_t)rows;
    }
}

struct job {
    const struct kernels *k;
    const struct attention_shape *s;
    struct parts p;
    float *scratch;
    const float *q; /* (queries, depth) */
    float *out;     /* (queries, width) */
};

/* y (pixels, columns) = x (pixels, rows) times a packed matrix */
static void multiply(const struct job *j, int pixels, const float *x, int rows, const float *packed,
                     int columns, float *y)
{
    const ptrdiff_t start = 0;
    struct hwc_tile t = {.pixels = pixels,
                         .segments = 1,
                         .length = rows,
                         .segment = &start,
                         .x = x,
                         .x_step = rows,
                         .w = packed,
                         .bias = j->scratch + j->p.zeros,
                         .y_step = columns};

    for (int c = 0; c < columns; c += j->k->hwc_channels) {
        t.channels = int_min(j->k->hwc_channels, columns - c);
        t.y = y + c;
        j->k->hwc_tile(&t);
        t.w += panels(j->k, t.channels, rows);
    }
}

/* As many queries as a tile has pixels. */
static void piece(void *arg, int i, int thread)
{
    const struct job *j = arg;
    const struct attention_shape *s = j->s;
    int first = i * j->k->hwc_pixels, n = int_min(j->k->hwc_pixels, s->queries - first);
    float *scores = j->scratch + j->p.scores + (size_t)thread * j->p.each;

    multiply(j, n, j->q + (size_t)first * s->depth, s->depth, j->scratch + j->p.keys, s->keys,
             scores);
    for (int r = 0; r < n; r++)
        j->k->softmax(scores + (size_t)r * s->keys, scores + (size_t)r * s->keys, (size_t)s->keys);
    multiply(j, n, scores, s->keys, j->scratch + j->p.values, s->width,
             j->out + (size_t)first * s->width);
}

void attention(const struct kernels *k, const struct attention_shape *s, const float *q,
               const float *keys, const float *values, float *out, void *scratch, struct pool *pool)
{
    size_t size_q = (size_t)s->queries * s->depth, size_k = (size_t)s->keys * s->depth;
    size_t size_v = (size_t)s->keys * s->width, size_out = (size_t)s->queries * s->width;
    struct job j = {.k = k, .s = s, .p = parts_of(k, s, pool_threads(pool)), .scratch = scratch};

    memset(j.scratch + j.p.zeros, 0, (size_t)k->hwc_channels * sizeof(float));
    for (int b = 0; b < s->batches; b++) {
        float *rows = out + b * size_out;

        pack(k, keys + b * size_k, !s->k_turned, s->depth, s->keys, s->scale, j.scratch + j.p.keys);
        pack(k, values + b * size_v, s->v_turned, s->keys, s->width, 1.0f, j.scratch + j.p.values);
        j.q = q + b * size_q;
        j.out = s->out_turned ? j.scratch + j.p.out : rows;
        if (s->q_turned) {
            k->transpose(j.scratch + j.p.q, (size_t)s->depth, j.q, (size_t)s->queries,
                         (size_t)s->depth, (size_t)s->queries);
            j.q = j.scratch + j.p.q;
        }
        pool_run(pool, div_up(s->queries, k->hwc_pixels), piece, &j);
        if (s->out_turned)
            k->transpose(rows, (size_t)s->queries, j.out, (size_t)s->width, (size_t)s->queries,
                         (size_t)s->width);
    }
}
