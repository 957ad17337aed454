#include "perception/train/own_network.h"

#include <stdio.h>
#include <string.h>

#include "perception/train/graph.h"
#include "perception/train/own_targets.h"

/* Channels by stride 2, 4, 8, 16, 32; of the neck at strides 8, 16, 32; of the towers. */
enum { C2 = 16, C4 = 32, C8 = 64, C16 = 96, C32 = 160 };
enum { N8 = 48, N16 = 64, N32 = 96, TOWER = 32, VIEW = 48 };

static int conv(struct train *t, int x, int channels, int kernel, int stride)
{
    return train_batch_norm(t, train_conv(t, x, channels, kernel, stride, 1), ACT_RELU);
}

static int join(struct train *t, int a, int b)
{
    return train_concat(t, (int[]){a, b}, 2, 3);
}

static int residual(struct train *t, int x)
{
    const int c = train_dim(t, x, 3);

    return train_add(t, conv(t, conv(t, x, c, 3, 1), c, 3, 1), x);
}

/* Half of the channels go through n residual blocks, half around them. */
static int partial(struct train *t, int x, int n)
{
    const int c = train_dim(t, x, 3);
    int around = conv(t, x, c / 2, 1, 1), through = conv(t, x, c / 2, 1, 1);

    for (int i = 0; i < n; i++)
        through = residual(t, through);
    return conv(t, join(t, through, around), c, 1, 1);
}

static int pyramid_pool(struct train *t, int x)
{
    int part[4];

    part[0] = conv(t, x, train_dim(t, x, 3) / 2, 1, 1);
    for (int i = 1; i < 4; i++)
        part[i] = train_max_pool(t, part[i - 1], 5, 1, 2);
    return conv(t, train_concat(t, part, 4, 3), train_dim(t, x, 3), 1, 1);
}

static void backbone(struct train *t, int image, int at[OWN_LEVELS])
{
    int x = conv(t, conv(t, image, C2, 3, 2), C4, 3, 2);

    x = conv(t, join(t, conv(t, conv(t, x, C4 / 2, 1, 1), C4 / 2, 3, 1), x), C4, 1, 1);
    at[0] = partial(t, conv(t, x, C8, 3, 2), 2);
    at[1] = partial(t, conv(t, at[0], C16, 3, 2), 2);
    at[2] = pyramid_pool(t, partial(t, conv(t, at[1], C32, 3, 2), 1));
}

static void neck(struct train *t, int at[OWN_LEVELS])
{
    int top = conv(t, at[2], N16, 1, 1);
    int x = join(t, train_resize(t, top, 2, RESIZE_NEAREST), at[1]);
    int middle = conv(t, conv(t, x, N16, 1, 1), N16, 3, 1);

    x = join(t, train_resize(t, middle, 2, RESIZE_NEAREST), at[0]);
    at[0] = conv(t, conv(t, x, N8, 1, 1), N8, 3, 1);
    at[1] = conv(t, join(t, conv(t, at[0], N16, 3, 2), middle), N16, 1, 1);
    at[2] = conv(t, join(t, conv(t, at[1], N16, 3, 2), top), N32, 1, 1);
}

static int head(struct train *t, int x, int channels, const char *name)
{
    train_name(t, "%s", name);
    x = train_conv_with(
        t, x,
        &(struct train_conv){.channels = channels, .kernel_y = 1, .kernel_x = 1, .bias = true});
    train_output(t, name, x);
    return x;
}

static int target(struct train *t, const int dim[3], int channels, const char *fmt, int stride)
{
    char name[TRAIN_NAME];

    snprintf(name, sizeof name, fmt, stride);
    return train_input(t, name, 4, (int[]){dim[0], dim[1], dim[2], channels});
}

static int part(struct train *t, int x, int from, int n)
{
    return train_slice(t, x, 3, from, from + n);
}

/* scale: of the Laplace losses, the logarithm of how far off it is on average, learned beside the value; -1. */
static void lose_scaled(struct train *t, enum train_loss_kind kind, const char *fmt, int stride,
                        int x, int scale, int target, int mask, float per, float weight)
{
    char name[TRAIN_NAME];

    snprintf(name, sizeof name, fmt, stride);
    train_loss(t, &(struct train_loss){.kind = kind,
                                       .name = name,
                                       .x = x,
                                       .target = target,
                                       .log_scale = scale,
                                       .mask = mask,
                                       .has_mask = mask >= 0,
                                       .per = per,
                                       .weight = weight});
}

static void lose(struct train *t, enum train_loss_kind kind, const char *fmt, int stride, int x,
                 int target, int mask, float per, float weight)
{
    lose_scaled(t, kind, fmt, stride, x, -1, target, mask, per, weight);
}

/* Of all ranks together. */
static float whole_batch(const struct own_network *n)
{
    return (float)(n->batch * (n->train->ranks ? n->train->ranks->n : 1));
}

static void build_level(struct train *t, struct own_network *n, int i, int x)
{
    struct own_level *l = &n->level[i];
    const float per = 6 * whole_batch(n); /* about the objects of a batch, all levels together */
    int dim[3];
    char name[16];

    l->stride = 8 << i;
    l->height = n->height / l->stride;
    l->width = n->width / l->stride;
    snprintf(name, sizeof name, "objects%d", l->stride);
    l->output = head(t, conv(t, x, i ? train_dim(t, x, 3) : TOWER, 3, 1), OWN_OBJECT, name);
    memcpy(dim, (int[]){n->batch, l->height, l->width}, sizeof dim);
    l->score = target(t, dim, OWN_CLASSES, "score%d", l->stride);
    l->score_weight = target(t, dim, OWN_CLASSES, "score_weight%d", l->stride);
    l->box = target(t, dim, 4, "box%d", l->stride);
    l->box_weight = target(t, dim, 1, "box_weight%d", l->stride);
    l->distance = target(t, dim, 1, "distance%d", l->stride);
    l->distance_weight = target(t, dim, 1, "distance_weight%d", l->stride);

    int box = part(t, l->output, OWN_BOX, 4);
    lose(t, TRAIN_BCE, "score%d", l->stride, part(t, l->output, OWN_SCORE, OWN_CLASSES), l->score,
         l->score_weight, per, 1);
    lose(t, TRAIN_CIOU, "box%d", l->stride, box, l->box, l->box_weight, per, 5);
    lose_scaled(t, TRAIN_LAPLACE, "side%d", l->stride, box, part(t, l->output, OWN_BOX_SCALE, 4),
                l->box, l->box_weight, 4 * per, 0.5f);
    lose_scaled(t, TRAIN_LAPLACE, "distance%d", l->stride, part(t, l->output, OWN_DISTANCE, 1),
                part(t, l->output, OWN_DISTANCE_SCALE, 1), l->distance, l->distance_weight, per,
                0.5f);
}

/* What a cell of stride 8 sees of lines and road, among what the picture shows as a whole: asphalt, shadow and
 * verge look alike from near. */
static int ground(struct train *t, const int at[OWN_LEVELS])
{
    int near = conv(t, at[0], TOWER, 3, 1);
    int far = join(t, train_resize(t, conv(t, at[2], VIEW, 1, 1), 2, RESIZE_NEAREST), at[1]);
    int view = conv(t, conv(t, conv(t, far, VIEW, 3, 1), VIEW, 3, 1), TOWER, 1, 1);

    return conv(t, join(t, near, train_resize(t, view, 2, RESIZE_LINEAR)), 2 * TOWER, 1, 1);
}

static void build_lanes(struct train *t, struct own_network *n, const int at[OWN_LEVELS])
{
    const int dim[3] = {n->batch, n->height / 8, n->width / 8};
    const float rows = whole_batch(n) * (float)dim[1]; /* a boundary or two in each */
    int tower = ground(t, at);

    n->lanes = head(t, tower, OWN_LANE, "lanes");
    n->line = target(t, dim, OWN_BOUNDARIES, "line", 0);
    n->line_weight = target(t, dim, OWN_BOUNDARIES, "line_weight", 0);
    n->line_x = target(t, dim, OWN_BOUNDARIES, "line_x", 0);
    n->line_x_weight = target(t, dim, OWN_BOUNDARIES, "line_x_weight", 0);
    n->type = train_input(t, "type", 3, dim);
    n->color = train_input(t, "color", 3, dim);
    lose(t, TRAIN_BCE, "line", 0, part(t, n->lanes, OWN_LINE, OWN_BOUNDARIES), n->line,
         n->line_weight, rows, 1);
    lose_scaled(t, TRAIN_LAPLACE, "line_x", 0, part(t, n->lanes, OWN_LINE_X, OWN_BOUNDARIES),
                part(t, n->lanes, OWN_LINE_SCALE, OWN_BOUNDARIES), n->line_x, n->line_x_weight,
                4 * rows, 1);
    lose(t, TRAIN_CROSS_ENTROPY, "type", 0, part(t, n->lanes, OWN_TYPE, OWN_LANE_TYPES), n->type,
         -1, 0, 0.2f);
    lose(t, TRAIN_CROSS_ENTROPY, "color", 0, part(t, n->lanes, OWN_COLOR, OWN_LANE_COLORS),
         n->color, -1, 0, 0.1f);

    n->road = head(t, tower, 1, "road");
    n->road_target = target(t, dim, 1, "road_target", 0);
    n->road_weight = target(t, dim, 1, "road_weight", 0);
    lose(t, TRAIN_BCE, "road", 0, n->road, n->road_target, n->road_weight, 0, 10);
}

void own_network_build(struct train *t, int batch, int height, int width, struct own_network *n)
{
    int at[OWN_LEVELS];

    *n = (struct own_network){.batch = batch, .height = height, .width = width, .train = t};
    train_before_losses(t, own_targets_assign, n);
    n->image = train_input(t, "image", 4, (int[]){batch, height, width, 3});
    backbone(t, n->image, at);
    neck(t, at);
    for (int i = 0; i < OWN_LEVELS; i++)
        build_level(t, n, i, at[i]);
    build_lanes(t, n, at);
}

/* ---- the first biases ---------------------------------------------------------------------- */

static void start_object(float *bias)
{
    for (int i = 0; i < OWN_CLASSES; i++)
        bias[OWN_SCORE + i] = -5;
    for (int i = 0; i < 4; i++)
        bias[OWN_BOX + i] = i < 2 ? -2 : 2;
    bias[OWN_DISTANCE] = 3.4f;
}

static void start_lane(float *bias)
{
    for (int i = 0; i < OWN_BOUNDARIES; i++)
        bias[OWN_LINE + i] = -4;
}

void own_network_start(struct train *t)
{
    for (int i = 0; i < train_parameters(t); i++) {
        struct train_weights_view v = train_parameter_view(t, i);
        float *const both[2] = {v.value, v.average};

        for (int k = 0; k < 2; k++)
            if (both[k] && !strncmp(v.name, "objects", 7) && strstr(v.name, ".bias"))
                start_object(both[k]);
            else if (both[k] && !strcmp(v.name, "lanes.bias"))
                start_lane(both[k]);
    }
}
