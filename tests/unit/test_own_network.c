/* Our own network: what its targets say, and that it learns them. */
#include "perception/train/own_network.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 2, W = 96, H = 64 };

static struct train *t;
static struct own_network net;
static struct labels labels[N];
static uint8_t road[N][W / 8 * (H / 8)];
static struct train_report report;

static void make(void)
{
    const struct train_recipe recipe = {
        .rate = 3e-3f, .warm_up = 20, .steps = 250, .rate_end = 0.05f, .clip = 10, .ema = 0.9f};
    struct why why;

    cr_assert(train_open(&(struct train_options){.cpu_mask = ~0u, .seed = 3}, &t) == OK);
    own_network_build(t, N, H, W, &net);
    cr_assert(train_plan(t, &recipe, &why) == OK, "%s", why.text);
    own_network_start(t);
    for (int i = 0; i < N; i++) {
        float *to = train_data(t, net.image) + (size_t)i * W * H * 3;

        for (int k = 0; k < W * H * 3; k++)
            to[k] = sinf((float)(k % 97) * 0.1f + (float)i) * 0.3f;
        memset(road[i], LABELS_ROAD_UNKNOWN, sizeof road[i]);
        labels[i] = (struct labels){
            .classes = 0xff, .road = road[i], .road_width = W / 8, .road_height = H / 8};
    }
}

static void drop(void)
{
    train_close(t);
}

TestSuite(own_network, .init = make, .fini = drop);

static void put_object(int picture, float x1, float y1, float x2, float y2, unsigned classes)
{
    struct labels *l = &labels[picture];

    l->object[l->n_objects++] = (struct label_object){
        .box = {x1, y1, x2, y2}, .classes = classes, .weight = 1, .distance_m = NAN};
    /* and something to be seen there */
    for (int y = (int)y1; y < (int)y2; y++)
        for (int x = (int)x1; x < (int)x2; x++)
            for (int k = 0; k < 3; k++)
                train_data(t, net.image)[((picture * H + y) * W + x) * 3 + k] = k ? 1.5f : -1.5f;
}

static void step(void)
{
    own_targets(t, &net, labels);
    train_gradients(t, &report);
}

Test(own_network, cells_of_an_object_know_its_box)
{
    const struct box *b = &labels[0].object[0].box;
    int cells = 0;

    put_object(0, 20, 10, 60, 50, 1u << OBJECT_TRUCK);
    labels[0].object[0].distance_m = 30;
    step();
    for (int k = 0; k < OWN_LEVELS; k++) {
        const struct own_level *l = &net.level[k];

        for (int i = 0; i < l->width * l->height; i++) {
            const float s = (float)l->stride, x = ((float)(i % l->width) + 0.5f) * s,
                        y = ((float)(i / l->width) + 0.5f) * s;
            const float *side = train_data(t, l->box) + 4 * i,
                        *score = train_data(t, l->score) + OWN_CLASSES * i,
                        *weight = train_data(t, l->score_weight) + OWN_CLASSES * i;

            for (int c = 0; c < OWN_CLASSES; c++) {
                cr_assert_eq(weight[c], 1);
                cr_assert(c == OBJECT_TRUCK || score[c] == 0);
            }
            if (!(train_data(t, l->box_weight)[i] > 0)) {
                cr_assert_eq(score[OBJECT_TRUCK], 0);
                continue;
            }
            cells++;
            cr_assert(x >= b->x1 && x <= b->x2 && y >= b->y1 && y <= b->y2);
            cr_assert_float_eq(x + s * side[0], b->x1, 1e-3);
            cr_assert_float_eq(y + s * side[1], b->y1, 1e-3);
            cr_assert_float_eq(x + s * side[2], b->x2, 1e-3);
            cr_assert_float_eq(y + s * side[3], b->y2, 1e-3);
            cr_assert_float_eq(train_data(t, l->distance)[i], logf(30), 1e-4);
        }
    }
    cr_assert(cells > 0 && cells <= 10, "%d", cells);
}

Test(own_network, a_thing_smaller_than_a_cell_has_one)
{
    int cells = 0;

    put_object(1, 41, 33, 44, 36, 1u << OBJECT_PERSON);
    step();
    for (int i = 0; i < net.level[0].width * net.level[0].height; i++)
        cells += train_data(
                     t, net.level[0].box_weight)[net.level[0].width * net.level[0].height + i] > 0;
    cr_assert_eq(cells, 1);
}

Test(own_network, what_is_not_labelled_teaches_nothing)
{
    put_object(0, 20, 10, 60, 50, 1u << OBJECT_CAR);
    labels[0].object[0].ignore = true;
    labels[1].classes = 1u << OBJECT_CAR;
    step();
    for (int k = 0; k < OWN_LEVELS; k++) {
        const struct own_level *l = &net.level[k];

        for (int i = 0; i < N * l->width * l->height; i++) {
            const int at = i % (l->width * l->height);
            const float x = ((float)(at % l->width) + 0.5f) * (float)l->stride,
                        y = ((float)(at / l->width) + 0.5f) * (float)l->stride;
            const bool ignored = i == at && x >= 20 && x < 60 && y >= 10 && y < 50;

            cr_assert_eq(train_data(t, l->box_weight)[i], 0);
            for (int c = 0; c < OWN_CLASSES; c++)
                cr_assert_eq(train_data(t, l->score_weight)[OWN_CLASSES * i + c],
                             !ignored && (i == at || c == OBJECT_CAR));
        }
    }
    for (size_t i = 0; i < train_count(t, net.line_weight); i++)
        cr_assert_eq(train_data(t, net.line_weight)[i], 0);
    for (size_t i = 0; i < train_count(t, net.road_weight); i++)
        cr_assert_eq(train_data(t, net.road_weight)[i], 0);
}

Test(own_network, of_several_classes_it_may_be_none_is_wrong)
{
    put_object(0, 20, 10, 60, 50, 1u << OBJECT_CAR | 1u << OBJECT_TRUCK | 1u << OBJECT_BUS);
    step();
    for (int k = 0; k < OWN_LEVELS; k++)
        for (int i = 0; i < net.level[k].width * net.level[k].height; i++) {
            const float *weight = train_data(t, net.level[k].score_weight) + OWN_CLASSES * i;
            const bool here = train_data(t, net.level[k].box_weight)[i] > 0;

            cr_assert_eq(weight[OBJECT_TRUCK], !here);
            cr_assert_eq(weight[OBJECT_PERSON], 1);
        }
}

Test(own_network, lines_pass_where_they_were_drawn)
{
    const int width = W / 8;

    labels[0].boundaries = 1u << 1;
    labels[0].boundary_y[0] = 16;
    labels[0].boundary_y[1] = H;
    labels[0].n_boundaries = 1;
    labels[0].boundary[0] = (struct label_boundary){.role = 1,
                                                    .kind = LANE_LINE,
                                                    .type = LANE_TYPE_DASHED,
                                                    .color = LANE_COLOR_YELLOW,
                                                    .n = 2,
                                                    .point = {{10, 64}, {58, 16}}};
    step();
    for (int row = 0; row < H / 8; row++) {
        const float x = 10 + (64 - (8 * (float)row + 4)) / 48 * 48;
        const int column = row < 2 ? -1 : (int)(x / 8);

        for (int c = 0; c < width; c++) {
            const int cell = row * width + c;
            const float *line = train_data(t, net.line) + cell * OWN_BOUNDARIES;

            cr_assert_eq(line[1], c == column);
            cr_assert_eq(line[2], 0);
            cr_assert_eq(train_data(t, net.line_weight)[cell * OWN_BOUNDARIES + 1] > 0, row >= 2);
            cr_assert_eq(train_data(t, net.type)[cell], c == column ? LANE_TYPE_DASHED - 1 : -1);
            if (c == column)
                cr_assert_float_eq(train_data(t, net.line_x)[cell * OWN_BOUNDARIES + 1],
                                   x / 8 - (float)c - 0.5f, 1e-3);
        }
    }
}

/* Two pictures are learned by heart. */
Test(own_network, learns)
{
    double first;
    float best = 0;

    put_object(0, 20, 10, 60, 50, 1u << OBJECT_CAR);
    put_object(1, 50, 20, 90, 60, 1u << OBJECT_BUS);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < W / 8 * (H / 8); k++)
            road[i][k] = k / (W / 8) > 4;
    for (int i = 0; i < 150; i++) {
        own_targets(t, &net, labels);
        train_step(t, &report);
        cr_assert(!report.skipped);
        if (i == 0)
            first = report.loss;
    }
    cr_assert_lt(report.loss, 0.3 * first, "%g, %g in the beginning", report.loss, first);
    for (int k = 0; k < OWN_LEVELS; k++)
        for (int i = 0; i < net.level[k].width * net.level[k].height; i++) {
            const float *o = train_data(t, net.level[k].output) + OWN_OBJECT * i;

            best = fmaxf(best, 1 / (1 + expf(-o[OWN_SCORE + OBJECT_CAR])));
            cr_assert_lt(o[OWN_SCORE + OBJECT_BUS], 0);
        }
    cr_assert_gt(best, 0.5f);
}
