/* perception/heads/heads.c with real networks: a picture in, the boxes of its expected.json out. */
#include "perception/heads/head.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/heads.h"
#include "tests/models.h"

static struct head_config config(const char *model)
{
    static char path[512];

    snprintf(path, sizeof path, "%s", shared_path("models/%s/model.onnx", model));
    return (struct head_config){.model = path, .score_min = NAN, .nms_iou = NAN, .cpu_mask = ~0u};
}

static struct head *opened(const struct head_config *cfg)
{
    struct why why = {""};
    struct head *h;

    cr_assert_eq(head_open(cfg, &h, &why), OK, "%s", why.text);
    return h;
}

static void run(struct head *h, const struct image *im, struct perceived *out)
{
    struct why why = {""};

    cr_assert_eq(head_run(h, im, out, &why), OK, "%s", why.text);
}

static void check_frame(const char *model, const char *decoder)
{
    static struct perceived out;
    const struct head_config cfg = config(model);
    struct head *h = opened(&cfg);
    struct image im = jpeg_read(shared_path("models/frame.jpg"));
    double want[EXPECTED_MAX][6];
    int n = expected_detections(model, want);

    cr_assert_str_eq(head_decoder(h), decoder);
    cr_assert_eq(head_gives(h), HEAD_OBJECTS);
    for (int turn = 0; turn < 2; turn++) { /* nothing stays from the run before */
        run(h, &im, &out);
        cr_assert_eq(out.n_detections, n, "%s: %d boxes for %d", model, out.n_detections, n);
        for (int i = 0; i < n; i++) {
            const struct box *b = &out.detection[i].box_px;

            cr_assert_leq(fabs(b->x1 - want[i][0]), 0.5);
            cr_assert_leq(fabs(b->y1 - want[i][1]), 0.5);
            cr_assert_leq(fabs(b->x2 - want[i][2]), 0.5);
            cr_assert_leq(fabs(b->y2 - want[i][3]), 0.5);
            cr_assert_float_eq(out.detection[i].score, want[i][4], 0.01);
        }
    }
    head_close(h);
    free(im.data);
}

Test(heads, the_frame_gives_what_was_expected)
{
    need_shared();
    check_frame("vehicle-detection-adas-0002", "ssd");
    check_frame("yolox_nano", "yolox");
    check_frame("fastestdet", "fastestdet");
}

Test(heads, all_models_are_recognised)
{
    static const struct {
        const char *model, *decoder;
        unsigned gives;
    } models[] = {{"lstr", "lstr", HEAD_LANES},
                  {"twinlitenet", "lane-masks", HEAD_LANES | HEAD_ROAD},
                  {"twinlitenet_int8_qdq", "lane-masks", HEAD_LANES | HEAD_ROAD}};

    need_shared();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const struct head_config cfg = config(models[i].model);
        struct head *h = opened(&cfg);

        cr_assert_str_eq(head_decoder(h), models[i].decoder);
        cr_assert_eq(head_gives(h), models[i].gives);
        cr_assert_eq(strlen(net_id(head_net(h))), 16);
        head_close(h);
    }
}

/* The same road in pictures of three sizes, one after the other: the boxes scale with it. */
Test(heads, any_size_of_picture)
{
    static struct perceived whole, part;
    struct image small = {malloc(480 * 270 * 3), 480, 270, 480 * 3};

    need_shared();
    struct image im = jpeg_read(shared_path("models/frame.jpg"));
    for (int y = 0; y < 270; y++)
        for (int x = 0; x < 480; x++)
            memcpy(image_at(&small, x, y), image_at(&im, 2 * x, 2 * y), 3);
    const struct head_config cfg = config("yolox_nano");
    struct head *h = opened(&cfg);
    run(h, &im, &whole);
    run(h, &small, &part);
    cr_assert_geq(part.n_detections, 2);
    for (int i = 0; i < 2; i++) {
        const struct box *b = &part.detection[i].box_px;
        const struct box twice = {2 * b->x1, 2 * b->y1, 2 * b->x2, 2 * b->y2};
        float best = 0;

        for (int k = 0; k < whole.n_detections; k++) {
            const struct box *a = &whole.detection[k].box_px;
            float w = fminf(a->x2, twice.x2) - fmaxf(a->x1, twice.x1);
            float t = fminf(a->y2, twice.y2) - fmaxf(a->y1, twice.y1);

            if (w > 0 && t > 0)
                best = fmaxf(best, w * t / ((a->x2 - a->x1) * (a->y2 - a->y1)));
        }
        cr_assert_gt(best, 0.75f);
    }
    head_close(h);
    free(small.data);
    free(im.data);
}

Test(heads, score_min_is_obeyed)
{
    static struct perceived out;

    need_shared();
    struct head_config cfg = config("vehicle-detection-adas-0002");
    struct image im = jpeg_read(shared_path("models/frame.jpg"));

    cfg.score_min = 0.9f;
    struct head *h = opened(&cfg);
    run(h, &im, &out);
    cr_assert_eq(out.n_detections, 2);
    head_close(h);
    cfg.score_min = 0.01f;
    h = opened(&cfg);
    run(h, &im, &out);
    cr_assert_gt(out.n_detections, 10);
    for (int i = 1; i < out.n_detections; i++)
        cr_assert_leq(out.detection[i].score, out.detection[i - 1].score);
    head_close(h);
    free(im.data);
}

static void check_refused(const struct head_config *cfg, enum err e, const char *says)
{
    struct head *h = (struct head *)&h;
    struct why why = {""};

    cr_assert_eq(head_open(cfg, &h, &why), e, "%s", why.text);
    cr_assert_null(h);
    cr_assert(strstr(why.text, says), "'%s' does not say '%s'", why.text, says);
}

Test(heads, what_cannot_be_opened_is_named)
{
    need_shared();
    struct head_config cfg = config("vehicle-detection-adas-0002");

    cfg.decoder = "yolox";
    check_refused(&cfg, ERR_MISMATCH, "(1, 11624, 4)");
    cfg.decoder = "lstr";
    check_refused(&cfg, ERR_MISMATCH, "pred_logits");
    cfg.decoder = "yolo";
    check_refused(&cfg, ERR_UNSUPPORTED, "ssd, yolox, fastestdet, lstr, lane-masks");
    cfg.decoder = NULL;
    cfg.score_min = 1.5f;
    check_refused(&cfg, ERR_LIMIT, "score_min 1.5");
    cfg.score_min = NAN;
    cfg.nms_iou = -1;
    check_refused(&cfg, ERR_LIMIT, "nms_iou");
    cfg.nms_iou = NAN;
    cfg.model = "no/such/file.onnx";
    check_refused(&cfg, ERR_IO, "no/such/file.onnx: ");
    head_close(NULL);
}
