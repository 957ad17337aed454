/* The gradient of a convolution's weights: dw (M, K) = transpose(dy) (M, pixels) patches (pixels, K),
 * a row of patches being what the taps of one output pixel see, tap by tap. Patches are laid out for
 * some pixels and some columns at a time and multiplied by the table's tile.
 *
 * A piece of work is a block of columns and a group of pixels. The groups depend on the shape alone;
 * their sums are added in order at the end. */
#include <string.h>

#include "perception/kernels/kernels_internal.h"
#include "perception/train/product.h"

enum {
    CHUNK = 192,       /* pixels laid out at a time */
    COLUMNS = 512,     /* of a block */
    GAP = 16,          /* rows of patches an odd number of cache lines apart */
    PIECES = 16,       /* wanted */
    GROUP_PIXELS = 768 /* at least */
};

struct weights {
    struct train *t;
    const struct conv_shape *s;
    const float *x, *dy;
    float *dw;
    int C, M, K;         /* of a group of channels */
    int blocks, columns; /* of K */
    size_t pitch;        /* floats from row to row of a sum */
    int groups;          /* of pixels */
    size_t pixels;
    float *sum; /* (channel groups, groups, blocks, M, pitch) */
    char *scratch;
    size_t scratch_step;
};

static struct weights weights_of(const struct train *t, const struct conv_shape *s)
{
    struct weights w = {.s = s, .C = s->C / s->groups, .M = s->M / s->groups};
    int wanted;

    w.K = w.C * s->kh * s->kw;
    w.blocks = div_up(w.K, COLUMNS);
    w.columns = div_up(div_up(w.K, w.blocks), t->k.tile_cols) * t->k.tile_cols;
    w.blocks = div_up(w.K, w.columns);
    w.pitch = (size_t)w.columns;
    w.pixels = (size_t)s->N * (size_t)s->OH * (size_t)s->OW;
    wanted = div_up(PIECES, w.blocks * s->groups);
    w.groups = int_max(1, int_min(wanted, (int)(w.pixels / GROUP_PIXELS)));
    w.scratch_step =
        floats_size((size_t)CHUNK * (w.pitch + GAP) + (size_t)CHUNK * (size_t)w.M + 64);
    return w;
}

static size_t sum_floats(const struct weights *w)
{
    return (size_t)w->s->groups * (size_t)w->groups * (size_t)w->blocks * (size_t)w->M * w->pitch;
}

size_t product_weights_scratch(const struct train *t, const struct conv_shape *s)
{
    struct weights w = weights_of(t, s);

    if (product_is_depthwise(s))
        return depth_scratch(s);
    return floats_size(sum_floats(&w)) + (size_t)pool_threads(t->pool) * w.scratch_step;
}

/* ---- patches --------------------------------------------------------------------------------- */
struct patches {
    const struct weights *w;
    int group, k0, k1; /* columns */
    float *to;
    size_t ld;
};

/* Columns of row ky of the taps for n pixels of an output row, ox on, from the picture's row x. */
static void copy_row(const struct patches *p, int ky, const float *x, int ox, int n, float *to)
{
    const struct conv_shape *s = p->w->s;
    int C = p->w->C, row = ky * s->kw * C;

    for (int kx = 0; kx < s->kw; kx++) {
        int from = int_max(p->k0, row + kx * C), end = int_min(p->k1, row + (kx + 1) * C);
        int in = ox * s->stride_x - s->pad_left + kx * s->dilation_x;
        float *out = to + (from - p->k0);

        if (from >= end)
            continue;
        for (int i = 0; i < n; i++, in += s->stride_x, out += p->ld)
            if (in >= 0 && in < s->W)
                memcpy(out, x + (size_t)in * (size_t)s->C + (from - row - kx * C),
                       (size_t)(end - from) * sizeof *out);
            else
                memset(out, 0, (size_t)(end - from) * sizeof *out);
    }
}

/* The same where all taps lie in the picture, and side by side. */
static void copy_inside(const struct patches *p, int ky, const float *x, int ox, int n, float *to)
{
    const struct conv_shape *s = p->w->s;
    int length = s->kw * p->w->C, row = ky * length;
    int from = int_max(p->k0, row), end = int_min(p->k1, row + length);

    if (n > 0 && from < end)
        p->w->t->k.hwc_copy(to + (from - p->k0), p->ld,
                            x + (size_t)(ox * s->stride_x - s->pad_left) * (size_t)s->C +
                                (from - row),
                            (size_t)s->stride_x * (size_t)s->C, (size_t)(end - from), (size_t)n);
}

/* n pixels of one output row of an image, ox on. */
static void patch_row(const struct patches *p, int image, int oy, int ox, int n, float *to)
{
    const struct conv_shape *s = p->w->s;
    int length = s->kw * p->w->C;
    bool runs = (s->dilation_x == 1 && s->groups == 1) || s->kw == 1;
    int first = div_up(s->pad_left, s->stride_x);
    int room = s->W + s->pad_left - (s->kw - 1) * s->dilation_x - 1;
    int last = room < 0 ? 0 : room / s->stride_x + 1; /* outputs [first, last) see no pads */
    int a = runs ? int_min(int_max(first - ox, 0), n) : n, b = int_max(a, int_min(last - ox, n));

    for (int ky = p->k0 / length; ky <= (p->k1 - 1) / length; ky++) {
        int y = oy * s->stride_y - s->pad_top + ky * s->dilation_y;
        const float *x = p->w->x + ((ptrdiff_t)image * s->H + y) * s->W * (ptrdiff_t)s->C +
                         (ptrdiff_t)p->group * p->w->C;
        int from = int_max(p->k0, ky * length), end = int_min(p->k1, (ky + 1) * length);

        if (y < 0 || y >= s->H) {
            for (int i = 0; i < n; i++)
                memset(to + (size_t)i * p->ld + (from - p->k0), 0,
                       (size_t)(end - from) * sizeof *to);
            continue;
        }
        copy_row(p, ky, x, ox, a, to);
        copy_inside(p, ky, x, ox + a, b - a, to + (size_t)a * p->ld);
        copy_row(p, ky, x, ox + b, n - b, to + (size_t)b * p->ld);
    }
}

static void patches_fill(const struct patches *p, size_t pixel, int n, int whole)
{
    const struct conv_shape *s = p->w->s;
    float *to = p->to;
    int columns = p->k1 - p->k0;

    for (int i = 0; i < n && columns < whole; i++)
        memset(to + (size_t)i * p->ld + columns, 0, (size_t)(whole - columns) * sizeof *to);
    for (int done = 0; done < n;) {
        int ox = (int)((pixel + (size_t)done) % (size_t)s->OW);
        size_t row = (pixel + (size_t)done) / (size_t)s->OW;
        int part = int_min(s->OW - ox, n - done);

        patch_row(p, (int)(row / (size_t)s->OH), (int)(row % (size_t)s->OH), ox, part,
                  to + (size_t)done * p->ld);
        done += part;
    }
}

/* Patches are the picture itself. */
static bool in_place(const struct weights *w, int columns)
{
    const struct conv_shape *s = w->s;

    return s->kh == 1 && s->kw == 1 && s->stride_y == 1 && s->stride_x == 1 && s->pad_top == 0 &&
           s->pad_left == 0 && s->OH == s->H && s->OW == s->W && columns % w->t->k.tile_cols == 0;
}

/* ---- pieces ---------------------------------------------------------------------------------- */
/* sum (M, columns) = or += of n pixels */
static void multiply(const struct weights *w, const struct patches *p, size_t pixel, int n,
                     float *turned, float *sum, bool add)
{
    const struct kernels *k = &w->t->k;
    int panels = div_up(w->M, k->tile_rows), columns = div_up(p->k1 - p->k0, k->tile_cols);

    for (int i = 0, from = 0; i < panels; i++) {
        int to = (int)((int64_t)w->M * (i + 1) / panels), rows = to - from;

        k->hwc_copy(turned, (size_t)rows,
                    w->dy + pixel * (size_t)w->s->M + (size_t)p->group * (size_t)w->M + from,
                    (size_t)w->s->M, (size_t)rows, (size_t)n);
        for (int j = 0; j < columns; j++)
            k->tile(rows, n, turned, p->to + j * k->tile_cols, p->ld,
                    sum + (size_t)from * w->pitch + j * k->tile_cols, w->pitch, add);
        from = to;
    }
}

static void piece(void *arg, int i, int thread)
{
    const struct weights *w = arg;
    int block = i % w->blocks, group = i / w->blocks % w->groups;
    float *room = (float *)(void *)(w->scratch + (size_t)thread * w->scratch_step);
    struct patches p = {.w = w,
                        .group = i / w->blocks / w->groups,
                        .k0 = block * w->columns,
                        .k1 = int_min(w->K, (block + 1) * w->columns),
                        .to = room,
                        .ld = w->pitch + GAP};
    bool there = in_place(w, p.k1 - p.k0);
    size_t from = w->pixels * (size_t)group / (size_t)w->groups, start = from;
    size_t end = w->pixels * (size_t)(group + 1) / (size_t)w->groups;

    for (; from < end; from += CHUNK) {
        int n = (int)(end - from < CHUNK ? end - from : CHUNK);

        if (there) {
            p.to = (float *)(void *)(w->x + from * (size_t)w->s->C +
                                     (size_t)p.group * (size_t)w->C + p.k0);
            p.ld = (size_t)w->s->C;
        } else {
            patches_fill(&p, from, n, w->columns);
        }
        multiply(w, &p, from, n, room + (size_t)CHUNK * (w->pitch + GAP),
                 w->sum + (size_t)i * (size_t)w->M * w->pitch, from > start);
    }
}

/* One output channel: the groups' sums in order, tap by tap to channel by channel. */
static void gather(void *arg, int i, int thread)
{
    const struct weights *w = arg;
    int g = i / w->M, m = i % w->M, taps = w->s->kh * w->s->kw;
    size_t step = (size_t)w->blocks * (size_t)w->M * w->pitch;
    const float *from = w->sum + (size_t)g * (size_t)w->groups * step + (size_t)m * w->pitch;
    float *to = w->dw + (size_t)i * (size_t)w->K;
    int column = 0; /* where the block begins */

    (void)thread;
    for (int tap = 0, k = 0; tap < taps; tap++)
        for (int c = 0; c < w->C; c++, k++) {
            float sum = 0;

            if (k == column + w->columns)
                column = k, from += (size_t)w->M * w->pitch;
            for (int j = 0; j < w->groups; j++)
                sum += from[(size_t)j * step + (size_t)(k - column)];
            to[c * taps + tap] = sum;
        }
}

void product_weights(struct train *t, const struct conv_shape *s, const float *x, const float *dy,
                     float *dw)
{
    struct weights w = weights_of(t, s);

    if (product_is_depthwise(s)) {
        depth_weights(t, s, x, dy, dw);
        return;
    }
    w.t = t;
    w.x = x;
    w.dy = dy;
    w.dw = dw;
    w.sum = (float *)(void *)t->scratch;
    w.scratch = t->scratch + floats_size(sum_floats(&w));
    pool_run(t->pool, s->groups * w.groups * w.blocks, piece, &w);
    pool_run(t->pool, s->M, gather, &w);
}
