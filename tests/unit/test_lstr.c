#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "perception/heads/lane_curve.h"
#include "tests/heads.h"
#include "tests/models.h"

static struct perceived out;

enum { QUERIES = 7 };

static struct head_io network(void)
{
    struct head_io io = io_new(360, 640);

    io.input[io.n_inputs++] = TENSOR("input_mask", 1, 1, 360, 640);
    io_output(&io, TENSOR("pred_logits", 1, QUERIES, 2));
    io_output(&io, TENSOR("pred_curves", 1, QUERIES, 8));
    return io;
}

static float *logit(const struct head_io *io, int query)
{
    return (float *)io->output[0]->data + 2 * query;
}

static float *curve(const struct head_io *io, int query)
{
    return (float *)io->output[1]->data + 8 * query;
}

/* x = a + b y for y from lower to upper, shares of the picture. */
static void straight(const struct head_io *io, int query, float lower, float upper, float a,
                     float b)
{
    float *c = curve(io, query);

    logit(io, query)[1] = 2;
    c[0] = lower;
    c[1] = upper;
    c[5] = a;
    c[6] = b;
    c[3] = -1; /* f: no pole in the picture */
}

/* Every expected point lies on one curve, to half a pixel of the 960x540 frame. */
Test(lstr, golden)
{
    need_shared();
    struct head_io io = io_new(360, 640);
    json_t *root = json_load_file(shared_path("models/lstr/expected.json"), 0, NULL);
    json_t *lanes = json_object_get(root, "lanes");

    io_output(&io, golden_tensor("lstr", "output_0.pb"));
    io_output(&io, golden_tensor("lstr", "output_1.pb"));
    decode_once(&head_lstr, &io, -1, 960, 540, &out);
    cr_assert_eq((size_t)out.n_curves, json_array_size(lanes));
    cr_assert_eq(out.n_curves, 3);
    for (size_t i = 0; i < json_array_size(lanes); i++) {
        json_t *points = json_array_get(lanes, i);
        double best = 1e9;

        for (int k = 0; k < out.n_curves; k++) {
            double worst = 0;

            for (size_t j = 0; j < json_array_size(points); j++) {
                double x = json_number_value(json_array_get(json_array_get(points, j), 0));
                double y = json_number_value(json_array_get(json_array_get(points, j), 1));

                worst = fmax(worst, fabs(x - (double)lane_curve_x(&out.curve[k], (float)y)));
            }
            best = fmin(best, worst);
        }
        cr_assert_leq(best, 0.5, "lane %zu is off by %g px", i, best);
    }
    for (int k = 0; k < out.n_curves; k++)
        cr_assert_gt(out.curve[k].score, 0.5f);
    json_decref(root);
}

Test(lstr, places_and_roles)
{
    struct head_io io = network();

    straight(&io, 4, 0.5f, 1.0f, 0.25f, 0.5f);  /* x 0.5 -> 0.75 */
    straight(&io, 2, 0.5f, 1.0f, 0.75f, -0.5f); /* x 0.5 -> 0.25 */
    straight(&io, 1, 0.5f, 0.6f, 1.25f, -1.5f); /* x 0.5 -> 0.35, at the bottom outside */
    straight(&io, 0, 0.5f, 0.9f, 0.45f, 0.1f);
    logit(&io, 0)[0] = 3; /* the other class is larger */
    decode_once(&head_lstr, &io, -1, 1000, 400, &out);
    cr_assert_eq(out.n_curves, 3);
    cr_assert_eq(out.curve[0].role, 2);
    cr_assert_eq(out.curve[1].role, 1);
    cr_assert_eq(out.curve[2].role, -1);
    const struct lane_curve *c = &out.curve[2];
    cr_assert_eq(c->n, HEAD_MAX_CURVE_POINTS);
    cr_assert_float_eq(c->point[0].x, 750, 0.1);
    cr_assert_float_eq(c->point[0].y, 400, 0.1);
    cr_assert_float_eq(c->point[c->n - 1].x, 500, 0.1);
    cr_assert_float_eq(c->point[c->n - 1].y, 200, 0.1);
    cr_assert_float_eq(c->score, 1 / (1 + expf(-2)), 1e-5);
    cr_assert_gt(c->point[c->n - 1].sigma_x, c->point[0].sigma_x);
}

/* Outside the picture, upside down, over the pole, and numbers that are none. */
Test(lstr, hostile_curves)
{
    struct head_io io = network();
    const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f};

    straight(&io, 0, 0.8f, 0.3f, 0.5f, 0); /* lower below upper */
    straight(&io, 1, 0.2f, 1.0f, 3, 0);    /* right of the picture */
    straight(&io, 2, -9, 9, 0.5f, 0);      /* above and below it */
    decode_once(&head_lstr, &io, -1, 640, 360, &out);
    cr_assert_eq(out.n_curves, 1);
    cr_assert_leq(out.curve[0].point[0].y, 360);
    cr_assert_geq(out.curve[0].point[out.curve[0].n - 1].y, 0);

    srand(7);
    for (int round = 0; round < 2000; round++) {
        for (int i = 0; i < QUERIES; i++) {
            logit(&io, i)[0] = 0;
            logit(&io, i)[1] = 5;
            for (int k = 0; k < 8; k++)
                curve(&io, i)[k] = (float)rand() / (float)RAND_MAX * 2 - 0.5f;
            if (round % 2)
                (i % 2 ? logit(&io, i) : curve(&io, i))[rand() % (i % 2 ? 2 : 8)] = odd[rand() % 5];
        }
        decode_once(&head_lstr, &io, -1, 640, 360, &out);
        cr_assert_leq(out.n_curves, HEAD_MAX_CURVES);
        for (int i = 0; i < out.n_curves; i++) {
            const struct lane_curve *c = &out.curve[i];

            cr_assert(c->n >= 2 && c->n <= HEAD_MAX_CURVE_POINTS && c->score >= 0.5f);
            for (int k = 0; k < c->n; k++) {
                cr_assert(c->point[k].x >= 0 && c->point[k].x <= 640);
                cr_assert(c->point[k].y >= 0 && c->point[k].y <= 360);
                cr_assert(k == 0 || c->point[k].y < c->point[k - 1].y);
                cr_assert(k == 0 || fabsf(c->point[k].x - c->point[k - 1].x) <= 160);
            }
        }
    }
}

Test(lstr, mask_is_cleared_and_shapes_are_checked)
{
    struct head_io io = network();
    struct head_limits limits = head_lstr.limits;
    struct why why = {""};
    void *state = NULL;
    float *mask = io.input[1]->data;

    mask[0] = mask[360 * 640 - 1] = 1;
    cr_assert_eq(head_lstr.open(&io, &limits, &state, &why), OK, "%s", why.text);
    cr_assert(mask[0] == 0 && mask[360 * 640 - 1] == 0);
    head_lstr.close(state);
    head_lstr.close(NULL);

    struct head_io other = io_new(360, 640);
    io_output(&other, TENSOR("pred_logits", 1, 7, 2));
    io_output(&other, TENSOR("pred_curves", 1, 6, 8));
    cr_assert_not(head_lstr.recognise(&other));
    cr_assert_eq(head_lstr.open(&other, &limits, &state, &why), ERR_MISMATCH);
    cr_assert_null(state);
    cr_assert_not_null(strstr(why.text, "pred_curves (1, 6, 8)"), "%s", why.text);
}
