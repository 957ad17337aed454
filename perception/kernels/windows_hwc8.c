/* Depthwise convolution and average pooling in 8 bits, numbers one by one. Taps that fall outside the
 * picture are left out, so nothing is copied. */
#include <string.h>

#include "perception/kernels/hwc8.h"
#include "perception/kernels/hwc_internal.h"

struct span span_inside(int first, int step, int n, int length)
{
    int from = int_min(n, first < 0 ? div_up(-first, step) : 0);

    return (struct span){
        from, int_max(from, int_min(n, length > first ? div_up(length - first, step) : 0))};
}

struct span span_whole(const struct conv_shape *s)
{
    int room = s->W - 1 - (s->kw - 1) * s->dilation_x + s->pad_left;
    int from = int_min(s->OW, int_max(0, div_up(s->pad_left, s->stride_x)));

    return (struct span){from,
                         int_max(from, int_min(s->OW, room < 0 ? 0 : room / s->stride_x + 1))};
}

/* Taps of a window beginning at `first` which lie before the end of the padded picture. */
static int counted(int first, int n, int step, int length, int pad_end)
{
    return int_min(n, div_up(length + pad_end - first, step));
}

/* A row of outputs: the taps of all of them, rows[j] the start of the picture's row under tap j. */
struct row {
    const uint8_t *rows[HWC_MAX_TAPS];
    struct span y;
    int y_count;
    size_t pixel; /* the first */
};

/* Outputs [x0, x1), which all have the taps of the first. */
static void run_taps(const struct hwc8_windows *w, const struct row *r, int x0, int x1)
{
    const struct conv_shape *s = w->s;
    int left = x0 * s->stride_x - s->pad_left;
    struct span x = span_inside(left, s->dilation_x, s->kw, s->W);
    const uint8_t *rows[HWC_MAX_TAPS];
    struct hwc8_taps t = {.pixels = x1 - x0,
                          .channels = s->C,
                          .rows = r->y.to - r->y.from,
                          .cols = x.to - x.from,
                          .row = rows,
                          .step = (ptrdiff_t)s->C * s->stride_x,
                          .dilation = (ptrdiff_t)s->C * s->dilation_x,
                          .x_zero = w->x_zero,
                          .w_row = (ptrdiff_t)s->kw * s->C,
                          .finish = hwc8_finish_at(&w->finish, r->pixel + (size_t)x0, 0)};

    for (int j = 0; j < t.rows; j++)
        rows[j] = r->rows[j] + (ptrdiff_t)(left + x.from * s->dilation_x) * s->C;
    if (w->w)
        t.w = w->w + (size_t)(r->y.from * s->kw + x.from) * s->C;
    else
        t.finish.unit /= (float)(w->count_pads ? r->y_count * counted(left, s->kw, s->dilation_x,
                                                                      s->W, s->pad_right)
                                               : int_max(1, t.rows * t.cols));
    w->k->hwc8_taps(&t);
}

static void run_row(void *arg, int i, int thread)
{
    const struct hwc8_windows *w = arg;
    const struct conv_shape *s = w->s;
    int image = i / s->OH, y = i % s->OH, top = y * s->stride_y - s->pad_top;
    struct span whole = span_whole(s);
    struct row r = {.y = span_inside(top, s->dilation_y, s->kh, s->H),
                    .y_count = counted(top, s->kh, s->dilation_y, s->H, s->pad_bottom),
                    .pixel = (size_t)i * s->OW};

    (void)thread;
    for (int j = r.y.from; j < r.y.to; j++)
        r.rows[j - r.y.from] =
            w->x + ((size_t)image * s->H + (size_t)(top + j * s->dilation_y)) * s->W * s->C;
    for (int x = 0; x < whole.from; x++)
        run_taps(w, &r, x, x + 1);
    if (whole.to > whole.from)
        run_taps(w, &r, whole.from, whole.to);
    for (int x = whole.to; x < s->OW; x++)
        run_taps(w, &r, x, x + 1);
}

void hwc8_windows_run(const struct hwc8_windows *w, struct pool *pool)
{
    struct hwc8_windows copy = *w;

    pool_run(pool, w->s->N * w->s->OH, run_row, &copy);
}

void average_pool_hwc8(const struct kernels *k, const struct conv_shape *s, bool count_pads,
                       const uint8_t *x, struct q8 x_as, const struct hwc8_finish *f,
                       struct pool *pool)
{
    struct hwc8_windows w = {
        .k = k, .s = s, .x = x, .x_zero = x_as.zero, .count_pads = count_pads, .finish = *f};

    w.finish.unit = x_as.scale;
    hwc8_windows_run(&w, pool);
}

/* ---- each number alone ------------------------------------------------------------------------- */
enum {
    ROWS_PIECE = 16 * 1024, /* numbers */
    WIDE = 512,
    WIDE_ENOUGH = 64, /* whole registers at any level */
};

struct rows_job {
    const struct kernels *k;
    struct hwc8_rows r;
    size_t per; /* pixels of a piece */
};

static void rows_piece(void *arg, int i, int thread)
{
    const struct rows_job *j = arg;
    size_t from = (size_t)i * j->per, left = j->r.pixels - from;
    struct hwc8_rows r = j->r;

    (void)thread;
    r.pixels = left < j->per ? left : j->per;
    r.x += (ptrdiff_t)from * r.x_step;
    r.finish = hwc8_finish_at(&j->r.finish, from, 0);
    j->k->hwc8_rows(&r);
}

/* What is known per channel, for several pixels side by side. */
struct wide {
    float scale[WIDE], bias[WIDE], gain[WIDE], shift[WIDE], slope[WIDE], add_scale[WIDE];
};

static const float *repeat(float *to, const float *v, size_t channels, size_t times)
{
    for (size_t i = 0; v && i < channels * times; i++)
        to[i] = v[i % channels];
    return v ? to : NULL;
}

/* How many pixels side by side fill registers well. */
static size_t pixels_abreast(const struct hwc8_rows *r)
{
    const struct hwc8_finish *f = &r->finish;
    ptrdiff_t C = (ptrdiff_t)r->channels;
    size_t n = 1;

    if (r->x_step != C || f->y_step != C || (f->add && f->add_step != C))
        return 1;
    while (n * r->channels % WIDE_ENOUGH && 2 * n * r->channels <= WIDE && 2 * n <= r->pixels)
        n *= 2;
    return n;
}

static void rows_all(const struct kernels *k, const struct hwc8_rows *r, struct pool *pool)
{
    struct rows_job j = {.k = k, .r = *r, .per = ROWS_PIECE / r->channels + 1};

    pool_run(pool, (int)((r->pixels + j.per - 1) / j.per), rows_piece, &j);
}

void rows_hwc8(const struct kernels *k, const struct hwc8_rows *r, struct pool *pool)
{
    size_t n = r->channels ? pixels_abreast(r) : 0, left;
    struct hwc8_rows many = *r, rest = *r;
    struct hwc8_finish *f = &many.finish;
    struct wide wide;

    if (r->pixels == 0 || n == 0)
        return;
    f->scale = repeat(wide.scale, f->scale, r->channels, n);
    f->bias = repeat(wide.bias, f->bias, r->channels, n);
    f->gain = repeat(wide.gain, f->gain, r->channels, n);
    f->shift = repeat(wide.shift, f->shift, r->channels, n);
    f->slope = repeat(wide.slope, f->slope, r->channels, n);
    f->add_scale = repeat(wide.add_scale, f->add_scale, r->channels, n);
    many.pixels /= n;
    many.channels *= n;
    many.x_step *= (ptrdiff_t)n;
    f->y_step *= (ptrdiff_t)n;
    f->add_step *= (ptrdiff_t)n;
    rows_all(k, n > 1 ? &many : r, pool);
    left = n > 1 ? r->pixels % n : 0;
    if (left == 0)
        return;
    rest.pixels = left;
    rest.x += (ptrdiff_t)(r->pixels - left) * r->x_step;
    rest.finish = hwc8_finish_at(&r->finish, r->pixels - left, 0);
    rows_all(k, &rest, pool);
}
