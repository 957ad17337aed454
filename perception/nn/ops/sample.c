/* GridSample: for every point of a grid, what the input shows at those coordinates. Two or three
 * dimensions of space. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/ops.h"

enum { GRID_SPACE = 3, GRID_TAPS = 4 };
enum mode { GRID_NEAREST, GRID_LINEAR, GRID_CUBIC };
enum padding { PAD_ZEROS, PAD_BORDER, PAD_REFLECTION };

struct sample_params {
    enum mode mode;
    enum padding padding;
    bool align_corners;
    int space, taps;
    int64_t length[GRID_SPACE]; /* of the input, outermost first */
};

/* Along one axis: up to four input indices and how much each counts. */
struct taps {
    int64_t at[GRID_TAPS];
    double weight[GRID_TAPS];
};

static int find(const char *const *names, int count, const char *s)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], s))
            return i;
    return -1;
}

static enum err read_modes(struct node *n, struct sample_params *p, struct why *why)
{
    /* the last two are their names from opset 20 on */
    static const char *const modes[] = {"nearest", "bilinear", "bicubic", "linear", "cubic"};
    static const char *const paddings[] = {"zeros", "border", "reflection"};
    const char *mode = attr_string(n, "mode", n->opset < 20 ? "bilinear" : "linear");
    const char *padding = attr_string(n, "padding_mode", "zeros");
    int m = find(modes, 5, mode), pad = find(paddings, 3, padding);

    if (m < 0 || pad < 0)
        return err_say(why, ERR_UNSUPPORTED, "mode '%.40s', padding_mode '%.40s'", mode, padding);
    p->mode = (enum mode)(m > GRID_CUBIC ? m - GRID_CUBIC : m);
    p->padding = (enum padding)pad;
    p->align_corners = attr_int(n, "align_corners", 0) != 0;
    p->taps = p->mode == GRID_NEAREST ? 1 : p->mode == GRID_LINEAR ? 2 : 4;
    return OK;
}

static enum err sample_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0), *grid = in(n, 1);
    struct sample_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_rank(n, 0, 4, 2 + GRID_SPACE, why)) != OK ||
        (e = need_rank(n, 1, x->rank, x->rank, why)) != OK ||
        (e = need_type(n, 1, T_F32, why)) != OK || (e = read_modes(n, p, why)) != OK)
        return e;
    p->space = x->rank - 2;
    if (grid->dim[0] != x->dim[0] || grid->dim[x->rank - 1] != p->space)
        return err_say(why, ERR_FORMAT, "%lld grids of %lld coordinates for %lld inputs of %d",
                       (long long)grid->dim[0], (long long)grid->dim[x->rank - 1],
                       (long long)x->dim[0], p->space);
    dim[0] = x->dim[0];
    dim[1] = x->dim[1];
    for (int d = 0; d < p->space; d++) {
        p->length[d] = x->dim[2 + d];
        dim[2 + d] = grid->dim[1 + d];
        if (p->length[d] < 1)
            return err_say(why, ERR_FORMAT, "input '%.80s' has a dimension of 0", x->name);
    }
    return set_out(n, 0, x->type, x->rank, dim, why);
}

/* Back and forth between the outermost pixels (their centres, if corners are aligned). */
static double reflect(double x, int64_t length, bool centres)
{
    double lo = centres ? 0 : -0.5, span = (double)length - (centres ? 1 : 0);

    if (span <= 0)
        return 0;
    x = fmod(fabs(x - lo), 2 * span);
    return (x > span ? 2 * span - x : x) + lo;
}

static double clamp(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* A coordinate, or the index of a tap, made one of the input. */
static double bring_in(const struct sample_params *p, double x, int64_t length)
{
    if (p->padding == PAD_REFLECTION)
        x = reflect(x, length, p->align_corners);
    return p->padding == PAD_ZEROS ? x : clamp(x, 0, (double)(length - 1));
}

/* Weights of the four taps around the fraction t, after Keys 1981 with a = -3/4. */
static void cubic(double t, double w[GRID_TAPS])
{
    const double a = -0.75;
    double u = 1 - t;

    w[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
    w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
    w[2] = ((a + 2) * u - (a + 3)) * u * u + 1;
    w[3] = ((a * (u + 1) - 5 * a) * (u + 1) + 8 * a) * (u + 1) - 4 * a;
}

/* v: a coordinate of the grid, -1 at one end of the input and 1 at the other */
static void taps_at(const struct sample_params *p, double v, int64_t length, struct taps *t)
{
    double n = (double)length, x, first;

    x = p->align_corners ? (v + 1) / 2 * (n - 1) : ((v + 1) * n - 1) / 2;
    x = x == x ? clamp(x, -1e9, 1e9) : -1e9;
    if (p->mode != GRID_CUBIC)
        x = bring_in(p, x, length);
    first = p->mode == GRID_NEAREST ? nearbyint(x) : floor(x) - (p->mode == GRID_CUBIC ? 1 : 0);
    if (p->mode == GRID_CUBIC) {
        cubic(x - floor(x), t->weight);
    } else {
        t->weight[1] = p->mode == GRID_LINEAR ? x - floor(x) : 0;
        t->weight[0] = 1 - t->weight[1];
    }
    for (int i = 0; i < p->taps; i++) {
        double at = bring_in(p, first + i, length);

        if (at < 0 || at > n - 1) { /* of zeros */
            t->weight[i] = 0;
            at = 0;
        }
        t->at[i] = (int64_t)at;
    }
}

/* One number of one plane: the innermost axis has t[0]. */
static double sum_taps(const struct sample_params *p, const float *x, const struct taps *t,
                       int axis)
{
    int inner = p->space - 1 - axis;
    int64_t pitch = 1;
    double sum = 0;

    for (int d = axis + 1; d < p->space; d++)
        pitch *= p->length[d];
    for (int i = 0; i < p->taps; i++) {
        double w = t[inner].weight[i];
        const float *from = x + t[inner].at[i] * pitch;

        if (w != 0)
            sum += w * (inner ? sum_taps(p, from, t, axis + 1) : (double)*from);
    }
    return sum;
}

static enum err sample_run(const struct node *n, const struct run *r)
{
    const struct sample_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    int64_t plane = dims_product(x->dim, 2, x->rank), points = dims_product(y->dim, 2, y->rank);
    const float *grid = in(n, 1)->data;
    struct taps t[GRID_SPACE];

    (void)r;
    for (int64_t b = 0; b < x->dim[0]; b++)
        for (int64_t i = 0; i < points; i++, grid += p->space) {
            for (int d = 0; d < p->space; d++) /* a point is (x, y) or (x, y, z) */
                taps_at(p, (double)grid[d], p->length[p->space - 1 - d], &t[d]);
            for (int64_t c = b * x->dim[1]; c < (b + 1) * x->dim[1]; c++)
                ((float *)y->data)[c * points + i] =
                    (float)sum_taps(p, (const float *)x->data + c * plane, t, 0);
        }
    return OK;
}

const struct op ops_sample[] = {
    {"GridSample", 2, 2, 1, T_F32, 0, sample_infer, sample_run, NULL, 0},
    {NULL},
};
