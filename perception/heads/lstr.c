/* LSTR (Liu et al., "End-to-end lane shape prediction with transformers", 2021): each of N queries
 * gives two class logits and a curve of eight numbers, lower upper k f m n b c, that says
 *     x = k / (y - f)^2 + m / (y - f) + n + b y - c    for y from lower to upper,
 * x and y as shares of the picture: a cubic on a flat road, seen by a tilted camera. */
#include "perception/heads/decoder.h"
#include "perception/heads/lane_curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct lstr {
    float score_min;
};

enum { CURVE_NUMBERS = 8, MAX_QUERIES = 64 };

/* Spread of x in shares of the width: what labelled lines of a camera show that the network was not
 * trained with. On its own it is good for 0.004. */
static const float SIGMA_NEAR = 0.008f, SIGMA_FAR = 0.055f;
static const float MAX_STEP = 0.25f; /* of the width between two points: the pole of the curve */

static bool lstr_recognise(const struct head_io *io)
{
    const struct tensor *logits = head_output(io, "pred_logits");
    const struct tensor *curves = head_output(io, "pred_curves");

    return logits && curves && TENSOR_IS(logits, 1, -1, 2) &&
           TENSOR_IS(curves, 1, -1, CURVE_NUMBERS) && logits->dim[1] == curves->dim[1] &&
           logits->dim[1] <= MAX_QUERIES;
}

/* The second input masks parts of the picture out; ours is whole. */
static enum err lstr_open(const struct head_io *io, const struct head_limits *limits, void **state,
                          struct why *why)
{
    static const char expected[] = "pred_logits (1, N, 2) and pred_curves (1, N, 8), N <= 64";

    *state = NULL;
    if (!lstr_recognise(io))
        return head_mismatch(io, "lstr", expected, why);
    struct lstr *l = malloc(sizeof *l);
    if (!l)
        return err_say(why, ERR_NOMEM, "lstr: no memory");
    l->score_min = limits->score_min;
    for (int i = 0; i < io->n_inputs; i++) {
        struct tensor *t = io->input[i];

        if (i != io->picture)
            memset(t->data, 0, (size_t)tensor_count(t) * dtype_size(t->type));
    }
    *state = l;
    return OK;
}

static float curve_x(const float c[CURVE_NUMBERS], float y)
{
    float d = y - c[3];

    return c[2] / (d * d) + c[4] / d + c[5] + c[6] * y - c[7];
}

/* The part inside the picture, bottom upwards; ends where the curve leaves it or runs away. The
 * curve's shares are of the network's input, of which the picture may be a part. */
static void curve_points(const float c[CURVE_NUMBERS], const struct fit *fit,
                         struct lane_curve *out)
{
    const float w = (float)fit->input_width * fit->x_scale;
    const float h = (float)fit->input_height * fit->y_scale;
    const float right = (float)fit->width / (float)fit->input_width;
    float top = fmaxf(c[0], 0);
    float bottom = fminf(c[1], (float)fit->height / (float)fit->input_height);
    float step = (bottom - top) / (float)(HEAD_MAX_CURVE_POINTS - 1);

    if (!(bottom > top))
        return;
    for (int i = 0; i < HEAD_MAX_CURVE_POINTS; i++) {
        float y = bottom - step * (float)i, x = curve_x(c, y);
        float far = (float)i / (float)(HEAD_MAX_CURVE_POINTS - 1);

        if (!(x >= 0 && x <= right)) { /* NAN too */
            if (out->n > 0)
                return;
            continue;
        }
        if (out->n > 0 && fabsf(x * w - out->point[out->n - 1].x) > MAX_STEP * w)
            return;
        out->point[out->n].x = x * w;
        out->point[out->n].y = y * h;
        out->point[out->n].sigma_x = w * (SIGMA_NEAR + (SIGMA_FAR - SIGMA_NEAR) * far);
        out->point[out->n].seen = 1;
        out->n++;
    }
}

static void lstr_decode(void *state, const struct head_io *io, const struct fit *fit,
                        struct perceived *out)
{
    const struct lstr *l = state;
    const struct tensor *logits = head_output(io, "pred_logits");
    const float *logit = tensor_f32(logits), *curve = tensor_f32(head_output(io, "pred_curves"));

    for (int64_t i = 0; i < logits->dim[1] && out->n_curves < HEAD_MAX_CURVES; i++) {
        float score = 1 / (1 + expf(logit[2 * i] - logit[2 * i + 1]));
        struct lane_curve *c = &out->curve[out->n_curves];

        if (!(score >= l->score_min))
            continue;
        *c = (struct lane_curve){.score = score, .kind = LANE_LINE};
        curve_points(curve + CURVE_NUMBERS * i, fit, c);
        out->n_curves += c->n >= 2;
    }
    lane_curves_order(out, fit->picture_width, fit->picture_height);
}

static void lstr_close(void *state)
{
    free(state);
}

const struct head_decoder head_lstr = {
    .name = "lstr",
    .gives = HEAD_LANES,
    .input = {.stretch_max = 1.5f,
              .bgr = true,
              .scale = 1.0f / 255,
              .mean = {.40789654f, .44719302f, .47026115f},
              .deviation = {.28863828f, .27408164f, .27809835f}},
    .limits = {.score_min = 0.5f, .nms_iou = NAN},
    .recognise = lstr_recognise,
    .open = lstr_open,
    .decode = lstr_decode,
    .close = lstr_close,
};
