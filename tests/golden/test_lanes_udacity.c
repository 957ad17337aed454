/* The highway clip with labelled lines: networks, decoder and tracker together, on a part of its
 * frames. Floors lie below what is reached, so that they fall only when something breaks. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "perception/heads/head.h"
#include "perception/heads/lane_curve.h"
#include "perception/track/lanes.h"
#include "tests/models.h"

enum { ROWS_MAX = 64, EVERY = 20, FRAMES = 221, FRAME_NS = 40000000 };

/* The clip's camera as its own pictures show it: the lines meet at row 304.5, a lane of 12 feet is
 * 2.964 px wide per row below that, and a period of 48 feet of the dashed line is 0.0107 per row.
 */
static const struct camera udacity = {
    .width = 960,
    .height = 540,
    .model = CAMERA_PINHOLE,
    .fx = 1105,
    .fy = 1105,
    .cx = 480,
    .cy = 270,
    .x_m = 1.5f,
    .z_m = 1.235f,
    .pitch_rad = -0.0312f,
    .sigma_pitch_rad = 0.003f,
    .sigma_z_m = 0.03f,
};

struct score {
    int frames, both, rows, hits;
};

static json_t *labels_of(const char *name)
{
    static char line[8192];
    FILE *f = fopen(shared_path("data/lanes_udacity/train/labels_tusimple.json"), "r");
    json_t *found = NULL;

    cr_assert_not_null(f);
    while (!found && fgets(line, sizeof line, f)) {
        json_t *root = json_loads(line, 0, NULL);

        if (!strcmp(json_string_value(json_object_get(root, "raw_file")), name))
            found = root;
        else
            json_decref(root);
    }
    fclose(f);
    cr_assert_not_null(found, "no labels of %s", name);
    return found;
}

/* TuSimple's accuracy: labelled rows with the line within 15 px, where the curve has points. */
static float score_line(const json_t *labels, size_t line, const struct lane_curve *c,
                        struct score *s)
{
    json_t *rows = json_object_get(labels, "h_samples");
    json_t *xs = json_array_get(json_object_get(labels, "lanes"), line);
    int n = 0, hits = 0;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        double x = json_number_value(json_array_get(xs, i));
        double y = json_number_value(json_array_get(rows, i));

        if (x < 0)
            continue;
        n++;
        if (c && y <= (double)c->point[0].y && y >= (double)c->point[c->n - 1].y)
            hits += fabs((double)lane_curve_x(c, (float)y) - x) < 15;
    }
    s->rows += n;
    s->hits += hits;
    return (float)hits / (float)n;
}

static const struct lane_curve *curve_with_role(const struct perceived *p, int role)
{
    for (int i = 0; i < p->n_curves; i++)
        if (p->curve[i].role == role)
            return &p->curve[i];
    return NULL;
}

static struct head *open_head(const char *model)
{
    const struct head_config cfg = {.model = shared_path("models/%s/model.onnx", model),
                                    .score_min = NAN,
                                    .nms_iou = NAN,
                                    .cpu_mask = ~0u};
    struct head *h;
    struct why why = {""};

    cr_assert_eq(head_open(&cfg, &h, &why), OK, "%s", why.text);
    cr_assert_str_eq(head_decoder(h), "lane-masks");
    return h;
}

/* Every EVERY-th frame through the network; each(): what else to do with what it saw. */
static struct score drive(const char *model, void (*each)(const struct perceived *p, int frame))
{
    static struct perceived seen;
    struct head *h = open_head(model);
    struct score s = {0};

    for (int i = 0; i < FRAMES; i += EVERY) {
        char name[64];
        struct why why = {""};

        snprintf(name, sizeof name, "images/swr_%04d.jpg", i);
        struct image im = jpeg_read(shared_path("data/lanes_udacity/train/%s", name));
        cr_assert_eq(head_run(h, &im, &seen, &why), OK, "%s", why.text);
        free(im.data);
        json_t *labels = labels_of(name);
        float left = score_line(labels, 0, curve_with_role(&seen, 1), &s);
        float right = score_line(labels, 1, curve_with_role(&seen, -1), &s);
        s.both += left >= 0.85f && right >= 0.85f;
        s.frames++;
        json_decref(labels);
        if (each)
            each(&seen, i);
    }
    head_close(h);
    return s;
}

static struct lanes *lanes;
static struct scene scene;

/* The lane is 3.66 m wide and we keep inside it; ids of its lines hold from frame to frame. */
static void follow(const struct perceived *p, int frame)
{
    static uint64_t id[2];
    const struct ego_lane *e = &scene.ego_lane;

    /* frames that lie 0.8 s apart are handed on as 0.1 s apart: none may die in between */
    lanes_step(lanes, p->curve, p->n_curves, &udacity, udacity.width, 29, NAN,
               frame / 8 * FRAME_NS);
    lanes_scene(lanes, &scene);
    if (frame < 2 * EVERY)
        return;
    cr_assert_leq(fabsf(e->width_m - 3.66f), 0.2f, "frame %d: lane %g m wide", frame, e->width_m);
    cr_assert_leq(fabsf(e->offset_m), 0.6f, "frame %d: offset %g", frame, e->offset_m);
    cr_assert_leq(fabsf(e->heading_rad), 0.02f, "frame %d: heading %g", frame, e->heading_rad);
    cr_assert_leq(fabsf(e->curvature_1pm), 0.001f);
    for (int i = 0; i < scene.n_lanes; i++) {
        int side = scene.lane[i].role == 1 ? 0 : scene.lane[i].role == -1 ? 1 : -1;

        if (side < 0)
            continue;
        cr_assert(frame == 2 * EVERY || scene.lane[i].id == id[side], "frame %d", frame);
        id[side] = scene.lane[i].id;
    }
}

static void need_clip(void)
{
    if (access(shared_path("data/lanes_udacity/train/images/swr_0000.jpg"), R_OK))
        cr_skip_test("no highway clip: set OUTRIDER_SHARED");
}

Test(lanes_udacity, float_network_and_tracker)
{
    need_clip();
    const struct lanes_options o = {.kind = TRACKER_LSTM, .cpu_mask = ~0u};

    cr_assert_eq(lanes_open(&o, &lanes, &(struct why){""}), OK);
    struct score s = drive("twinlitenet", follow);
    lanes_close(lanes);
    cr_assert_geq(s.both * 100, s.frames * 95, "both lines in %d of %d frames", s.both, s.frames);
    cr_assert_geq(s.hits * 100, s.rows * 98, "%d of %d rows", s.hits, s.rows);
}

Test(lanes_udacity, int8_network)
{
    need_clip();
    struct score s = drive("twinlitenet_int8_qdq", NULL);
    cr_assert_geq(s.both * 100, s.frames * 70, "both lines in %d of %d frames", s.both, s.frames);
    cr_assert_geq(s.hits * 100, s.rows * 92, "%d of %d rows", s.hits, s.rows);
}
