#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/heads.h"

static struct perceived out;

static void set(const struct tensor *t, size_t at, const float *v, size_t n)
{
    memcpy((float *)t->data + at, v, n * sizeof *v);
}

static void assert_box(const struct detection *d, double x1, double y1, double x2, double y2)
{
    cr_assert_float_eq(d->box_px.x1, x1, 0.01, "x1 %g for %g", d->box_px.x1, x1);
    cr_assert_float_eq(d->box_px.y1, y1, 0.01, "y1 %g for %g", d->box_px.y1, y1);
    cr_assert_float_eq(d->box_px.x2, x2, 0.01, "x2 %g for %g", d->box_px.x2, x2);
    cr_assert_float_eq(d->box_px.y2, y2, 0.01, "y2 %g for %g", d->box_px.y2, y2);
}

Test(ssd, golden)
{
    static const int classes[][2] = {{1, OBJECT_VEHICLE}, {-1, 0}};

    check_golden_detections(&head_ssd, "vehicle-detection-adas-0002", -1, classes);
}

static struct head_io decoded(int n, int columns)
{
    struct head_io io = io_new(384, 672);

    io_output(&io, TENSOR("boxes", 1, n, 4));
    io_output(&io, TENSOR("scores", 1, n, columns));
    return io;
}

Test(ssd, boxes_are_shares_of_any_picture)
{
    static const int sizes[][2] = {{1242, 375}, {101, 777}, {672, 384}, {1, 1}, {8192, 31}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct head_io io = decoded(3, 2);
        double w = sizes[i][0], h = sizes[i][1];
        struct fit fit = fit_picture(&head_ssd.input, sizes[i][0], sizes[i][1], 672, 384);
        float x = (float)fit.width / 672, y = (float)fit.height / 384; /* shares it covers */

        set(io.output[0], 8, (float[]){0.125f * x, 0.25f * y, 0.5f * x, y}, 4);
        set(io.output[1], 4, (float[]){0.1f, 0.9f}, 2);
        decode_once(&head_ssd, &io, -1, sizes[i][0], sizes[i][1], &out);
        cr_assert_eq(out.n_detections, 1);
        assert_box(&out.detection[0], 0.125 * w, 0.25 * h, 0.5 * w, h);
        cr_assert_eq(out.detection[0].class, OBJECT_VEHICLE);
        cr_assert_float_eq(out.detection[0].score, 0.9, 1e-6);
    }
}

Test(ssd, numbers_that_are_none)
{
    struct head_io io = decoded(4, 2);

    for (size_t i = 0; i < 4; i++) {
        set(io.output[0], 4 * i, (float[]){0.1f, 0.1f, 0.4f, 0.4f}, 4);
        set(io.output[1], 2 * i, (float[]){0.1f, 0.9f}, 2);
    }
    ((float *)io.output[0]->data)[0] = NAN;
    ((float *)io.output[0]->data)[6] = INFINITY;
    ((float *)io.output[1]->data)[5] = NAN;
    ((float *)io.output[1]->data)[7] = -INFINITY;
    decode_once(&head_ssd, &io, 0, 640, 480, &out);
    cr_assert_eq(out.n_detections, 0);
}

Test(ssd, names_of_classes_come_from_the_metadata)
{
    struct head_io io = decoded(3, 4);

    io.classes = "person,-,car";
    for (size_t i = 0; i < 3; i++) {
        set(io.output[0], 4 * i, (float[]){0.1f, 0.1f, 0.4f, 0.4f}, 4);
        ((float *)io.output[1]->data)[4 * i + 1 + i] = 0.8f;
    }
    decode_once(&head_ssd, &io, -1, 640, 480, &out);
    cr_assert_eq(out.n_detections, 2);
    cr_assert_eq(out.detection[0].class, OBJECT_PERSON);
    cr_assert_eq(out.detection[1].class, OBJECT_CAR);
}

/* Two priors, one moved and stretched by its offsets: SSD's decoding with variances. */
static void check_raw(bool flat, bool turned)
{
    struct head_io io = io_new(300, 300);
    struct tensor *loc = flat ? TENSOR("loc", 1, 8) : TENSOR("loc", 1, 2, 4);
    struct tensor *conf = flat ? TENSOR("conf", 1, 4) : TENSOR("conf", 1, 2, 2);
    struct tensor *priors = TENSOR("priors", 1, 2, 8);

    io_output(&io, turned ? priors : loc);
    io_output(&io, conf);
    io_output(&io, turned ? loc : priors);
    set(priors, 0, (float[]){0, 0, 0.1f, 0.1f, 0.4f, 0.2f, 0.6f, 0.8f}, 8);
    for (size_t i = 0; i < 2; i++)
        set(priors, 8 + 4 * i, (float[]){0.1f, 0.1f, 0.2f, 0.2f}, 4);
    set(loc, 4, (float[]){2, -1, 0.5f, -0.5f}, 4);
    set(conf, 2, (float[]){0.3f, 0.7f}, 2);
    decode_once(&head_ssd, &io, -1, 750, 500, &out);
    cr_assert_eq(out.n_detections, 1);
    double cx = 0.5 + 2 * 0.1 * 0.2, cy = 0.5 - 0.1 * 0.6;
    double w = 0.2 * exp(0.1), h = 0.6 * exp(-0.1);
    assert_box(&out.detection[0], 750 * (cx - w / 2), 500 * (cy - h / 2), 750 * (cx + w / 2),
               500 * (cy + h / 2));
}

Test(ssd, raw_form_with_priors)
{
    check_raw(false, false);
    check_raw(true, false);
    check_raw(true, true);
}

Test(ssd, other_shapes_are_named)
{
    struct head_io io = io_new(384, 672);
    struct why why;
    void *state;

    io_output(&io, TENSOR("pred_logits", 1, 7, 2));
    io_output(&io, TENSOR("pred_curves", 1, 7, 8));
    cr_assert_not(head_ssd.recognise(&io));
    cr_assert_eq(head_ssd.open(&io, &head_ssd.limits, &state, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "pred_curves (1, 7, 8)"), "%s", why.text);

    io = decoded(10, 4); /* three classes, nobody says which */
    cr_assert_eq(head_ssd.open(&io, &head_ssd.limits, &state, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "outrider.classes"), "%s", why.text);
    io.classes = "car,lorry,bus";
    cr_assert_eq(head_ssd.open(&io, &head_ssd.limits, &state, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "'lorry'"), "%s", why.text);
    io.classes = "car,bus";
    cr_assert_eq(head_ssd.open(&io, &head_ssd.limits, &state, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "2 names"), "%s", why.text);
}
