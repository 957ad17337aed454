/* RoiAlign: regions of pictures, each as a grid of bins, after He et al. 2017 (Mask R-CNN). */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum { ROI_MAX_BINS = 1 << 16, ROI_MAX_SAMPLES = 1024 };

struct roi_params {
    bool largest;                    /* of the samples of a bin, instead of their mean */
    double shift;                    /* 1/2: coordinates are those of pixel corners */
    int64_t bins_y, bins_x, samples; /* samples per bin and axis; 0: one per pixel */
    double scale;
};

static enum err roi_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0), *rois = in(n, 1), *batch = in(n, 2);
    struct roi_params *p = node_params(g, n, sizeof *p);
    const char *mode = attr_string(n, "mode", "avg");
    const char *coord = n->opset < 16
                            ? "output_half_pixel"
                            : attr_string(n, "coordinate_transformation_mode", "half_pixel");
    int64_t dim[4], most;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_rank(n, 0, 4, 4, why)) != OK || (e = need_rank(n, 1, 2, 2, why)) != OK ||
        (e = need_rank(n, 2, 1, 1, why)) != OK || (e = need_type(n, 1, T_F32, why)) != OK ||
        (e = need_type(n, 2, TYPE(DTYPE_I64), why)) != OK)
        return e;
    p->largest = !strcmp(mode, "max");
    p->shift = strcmp(coord, "half_pixel") ? 0 : 0.5;
    p->bins_y = attr_int(n, "output_height", 1);
    p->bins_x = attr_int(n, "output_width", 1);
    p->samples = attr_int(n, "sampling_ratio", 0);
    p->scale = (double)attr_float(n, "spatial_scale", 1.0f);
    if ((strcmp(mode, "avg") != 0 && !p->largest) ||
        (p->shift == 0 && strcmp(coord, "output_half_pixel") != 0))
        return err_say(why, ERR_UNSUPPORTED, "mode '%.40s', '%.40s'", mode, coord);
    if (p->bins_y < 1 || p->bins_x < 1 || p->bins_y > ROI_MAX_BINS || p->bins_x > ROI_MAX_BINS ||
        p->samples < 0 || p->samples > ROI_MAX_SAMPLES)
        return err_say(why, ERR_LIMIT, "%lld x %lld bins of %lld samples, limits %d and %d",
                       (long long)p->bins_y, (long long)p->bins_x, (long long)p->samples,
                       ROI_MAX_BINS, ROI_MAX_SAMPLES);
    if (rois->dim[1] != 4 || rois->dim[0] != batch->dim[0] || x->dim[2] < 1 || x->dim[3] < 1)
        return err_say(why, ERR_FORMAT, "%lld regions of %lld numbers, %lld batch indices",
                       (long long)rois->dim[0], (long long)rois->dim[1], (long long)batch->dim[0]);
    dim[0] = rois->dim[0];
    dim[1] = x->dim[1];
    dim[2] = p->bins_y;
    dim[3] = p->bins_x;
    if ((e = set_out(n, 0, x->type, 4, dim, why)) != OK)
        return e;
    most = p->samples ? p->samples : ROI_MAX_SAMPLES;
    n->work = tensor_count(out(n, 0)) * most * most;
    return OK;
}

/* Along one axis: the region in pixels, its bins, and the samples in each. */
struct side {
    int64_t length; /* of the picture */
    double start, bin;
    int64_t samples;
};

/* False: so many samples, or none that could be counted, that this is no region. */
static bool side_init(struct side *s, const struct roi_params *p, double lo, double hi,
                      int64_t bins)
{
    double extent = (hi - lo) * p->scale, samples;

    s->start = lo * p->scale - p->shift;
    if (!p->shift && !(extent > 1))
        extent = 1;
    s->bin = extent / (double)bins;
    samples = p->samples ? (double)p->samples : ceil(s->bin);
    s->samples = samples >= 0 && samples <= ROI_MAX_SAMPLES ? (int64_t)samples : -1;
    return s->samples >= 0 && isfinite(s->start);
}

struct tap {
    int64_t low, high;
    double part; /* of high */
    bool inside;
};

static struct tap tap_at(const struct side *s, int64_t bin, int64_t sample)
{
    double x =
        s->start + (double)bin * s->bin + ((double)sample + 0.5) * s->bin / (double)s->samples;
    struct tap t = {.inside = x >= -1 && x <= (double)s->length};

    if (!t.inside)
        return t;
    x = x < 0 ? 0 : x;
    t.low = (int64_t)x < s->length - 1 ? (int64_t)x : s->length - 1;
    t.high = t.low < s->length - 1 ? t.low + 1 : t.low;
    t.part = t.low == t.high ? 0 : x - (double)t.low;
    return t;
}

/* One bin of one plane. The largest is that of the weighted corners, as the reference has it. */
static double bin_value(const struct roi_params *p, const float *plane, const struct side *sy,
                        const struct side *sx, int64_t by, int64_t bx)
{
    double sum = 0, most = -INFINITY;

    for (int64_t iy = 0; iy < sy->samples; iy++)
        for (int64_t ix = 0; ix < sx->samples; ix++) {
            struct tap y = tap_at(sy, by, iy), x = tap_at(sx, bx, ix);
            const float *low = plane + y.low * sx->length, *high = plane + y.high * sx->length;
            double part[4] = {0};

            if (y.inside && x.inside) {
                part[0] = (1 - y.part) * (1 - x.part) * (double)low[x.low];
                part[1] = (1 - y.part) * x.part * (double)low[x.high];
                part[2] = y.part * (1 - x.part) * (double)high[x.low];
                part[3] = y.part * x.part * (double)high[x.high];
            }
            sum += part[0] + part[1] + part[2] + part[3];
            most = fmax(most, fmax(fmax(part[0], part[1]), fmax(part[2], part[3])));
        }
    if (sy->samples == 0 || sx->samples == 0)
        return 0;
    return p->largest ? most : sum / (double)(sy->samples * sx->samples);
}

static enum err roi_run(const struct node *n, const struct run *r)
{
    const struct roi_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    float *to = y->data;

    for (int64_t i = 0; i < y->dim[0]; i++) {
        const float *roi = (const float *)in(n, 1)->data + 4 * i;
        int64_t b = number_int(in(n, 2), i);
        struct side sy = {.length = x->dim[2]}, sx = {.length = x->dim[3]};

        if (b < 0 || b >= x->dim[0])
            return node_fault(n, r, "region %lld lies in picture %lld of %lld", (long long)i,
                              (long long)b, (long long)x->dim[0]);
        if (!side_init(&sx, p, (double)roi[0], (double)roi[2], p->bins_x) ||
            !side_init(&sy, p, (double)roi[1], (double)roi[3], p->bins_y))
            return node_fault(n, r, "region %lld has corners %g, %g and %g, %g", (long long)i,
                              (double)roi[0], (double)roi[1], (double)roi[2], (double)roi[3]);
        for (int64_t c = 0; c < x->dim[1]; c++)
            for (int64_t by = 0; by < p->bins_y; by++)
                for (int64_t bx = 0; bx < p->bins_x; bx++)
                    *to++ = (float)bin_value(
                        p, (const float *)x->data + (b * x->dim[1] + c) * sy.length * sx.length,
                        &sy, &sx, by, bx);
    }
    return OK;
}

const struct op ops_roi[] = {
    {"RoiAlign", 3, 3, 1, T_F32, 0, roi_infer, roi_run, NULL, 0},
    {NULL},
};
