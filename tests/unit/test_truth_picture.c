/* Truth against the renderer's own ids, pixel by pixel, in worlds as they are driven through. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/stage.h"

enum { W = 480, H = 288 };

static const char *const scenarios[] = {"curve", "empty_road"};
static struct stage *stage;
static const struct rendered *picture;
static const struct truth *truth;

/* Needs OpenGL; a machine without it skips. */
static void open_stage(const char *scenario, uint64_t seed)
{
    const struct stage_options o = {.scenario = scenario,
                                    .seed = seed,
                                    .camera = stage_camera(W, H),
                                    .render = true,
                                    .look = {.quality = 0}};
    struct why why;
    enum err e = stage_open(&o, &stage, &why);

    if (e == ERR_UNSUPPORTED)
        cr_skip_test("%s", why.text);
    cr_assert_eq(e, OK, "%s", why.text);
}

static void look(void)
{
    struct why why;

    cr_assert_eq(stage_look(stage, &picture, &truth, &why), OK, "%s", why.text);
}

static enum pixel_kind kind_at(int x, int y)
{
    return x < 0 || y < 0 || x >= W || y >= H ? PIXEL_SKY
                                              : (enum pixel_kind)(picture->ids[y * W + x] >> 16);
}

/* ---- lines --------------------------------------------------------------------------------- */

struct count {
    int on, all;
};

/* Solid lines below the middle of the picture, where they are wide enough to be hit. */
static void count_line(const struct lane_boundary *l, struct count *c)
{
    if (l->kind != LANE_LINE || l->n_types == 0 || l->types[0].type != LANE_TYPE_SOLID)
        return;
    for (int i = 0; i < l->n_pixels; i++) {
        int x = (int)l->pixel[i].x, y = (int)l->pixel[i].y;
        enum pixel_kind k = kind_at(x, y);

        if (l->pixel[i].y < H / 2 + 20 || k == PIXEL_ACTOR || k == PIXEL_PROP || k == PIXEL_EGO)
            continue;
        c->all++;
        c->on += k == PIXEL_MARKING || kind_at(x - 1, y) == PIXEL_MARKING ||
                 kind_at(x + 1, y) == PIXEL_MARKING;
    }
}

Test(truth_picture, lines_lie_on_marking_pixels)
{
    struct count c = {0, 0};

    for (size_t k = 0; k < sizeof scenarios / sizeof *scenarios; k++) {
        open_stage(scenarios[k], 2 + k);
        for (int frame = 0; frame < 4; frame++) {
            look();
            for (int i = 0; i < truth->scene.n_lanes; i++)
                count_line(&truth->scene.lane[i], &c);
            stage_step(stage, 1.5, NULL);
        }
        stage_close(stage);
    }
    cr_assert_gt(c.all, 100, "%d", c.all);
    cr_expect_geq(c.on, 0.97 * c.all, "%d of %d points lie on paint", c.on, c.all);
}

/* ---- boxes --------------------------------------------------------------------------------- */

static int actor_index(uint64_t id)
{
    const struct world *w = stage_world(stage);

    for (int i = 0; i < w->n_actors; i++)
        if (w->actor[i].id == id)
            return i;
    return -1;
}

static struct box box_of_ids(int actor, uint32_t *pixels)
{
    struct box b = {W, H, 0, 0};

    *pixels = 0;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            if (picture->ids[y * W + x] != PIXEL_ID(PIXEL_ACTOR, actor))
                continue;
            ++*pixels;
            b = (struct box){fminf(b.x1, (float)x), fminf(b.y1, (float)y),
                             fmaxf(b.x2, (float)x + 1), fmaxf(b.y2, (float)y + 1)};
        }
    return b;
}

static float widest(const struct box *a, const struct box *b)
{
    return fmaxf(fmaxf(fabsf(a->x1 - b->x1), fabsf(a->x2 - b->x2)),
                 fmaxf(fabsf(a->y1 - b->y1), fabsf(a->y2 - b->y2)));
}

Test(truth_picture, boxes_agree_with_ids_and_metres_with_boxes)
{
    struct truth_maker *m;
    struct camera camera = stage_camera(W, H);
    struct truth *plain = malloc(sizeof *plain);
    int seen = 0, whole = 0;

    cr_assert_eq(truth_open(&camera, &m), OK);
    open_stage("curve", 2);
    for (int frame = 0; frame < 6; frame++) {
        look();
        truth_frame(m, stage_world(stage), NULL, plain); /* from projected boxes */
        for (int i = 0; i < truth->scene.n_objects; i++) {
            const struct object *o = &truth->scene.object[i];
            int actor = actor_index(o->id);
            uint32_t pixels;

            if (actor < 0)
                continue;
            struct box b = box_of_ids(actor, &pixels);
            cr_expect_leq(widest(&b, &o->box_px), 0, "the very pixels");
            cr_expect_eq(pixels, truth->object[i].visible_px);
            seen++;
            if (!(o->occlusion < 0.02f) || o->truncation > 0)
                continue;
            cr_expect_leq(widest(&o->box_px, &truth->object[i].full_px), 2.5f,
                          "nothing hides it: both boxes are one");
            for (int k = 0; k < plain->scene.n_objects; k++) {
                const struct box *p = &plain->scene.object[k].box_px;
                float size = fmaxf(p->x2 - p->x1, p->y2 - p->y1);

                if (plain->scene.object[k].id != o->id)
                    continue;
                cr_expect_leq(widest(p, &o->box_px), 2 + 0.12f * size,
                              "the mesh fills its box in metres: %g of %g px",
                              widest(p, &o->box_px), size);
                whole++;
            }
        }
        stage_step(stage, 1.5, NULL);
    }
    cr_expect_gt(seen, 3, "%d", seen);
    cr_expect_gt(whole, 1, "%d", whole);
    stage_close(stage);
    truth_close(m);
    free(plain);
}

Test(truth_picture, the_road_is_what_is_asphalt_or_paint)
{
    open_stage("empty_road", 1);
    look();
    for (int i = 0; i < W * H; i++) {
        enum pixel_kind k = (enum pixel_kind)(picture->ids[i] >> 16);

        cr_assert_eq(truth->road[i], k == PIXEL_ROAD || k == PIXEL_MARKING ? 255 : 0);
    }
    cr_expect_eq(truth->road[(H - 1) * W + W / 2], 255, "we stand on it");
    cr_expect_eq(truth->road[W / 2], 0, "the sky");
    stage_close(stage);
}
