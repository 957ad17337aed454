/* Three steps of training against PyTorch's: outputs, losses, every gradient, every weight after them.
 * train_torch.py wrote the numbers. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/train/train.h"

enum { N = 2, H = 12, W = 10, T = 30, MAX_LINES = 128 };

static struct golden {
    char name[64];
    size_t n;
    float *v;
} lines[MAX_LINES];
static int n_lines;

static void read_lines(void)
{
    FILE *f = fopen("tests/golden/train/values.txt", "r");
    char kind[16], name[48];

    cr_assert(f);
    while (n_lines < MAX_LINES) {
        struct golden *g = &lines[n_lines];

        if (fscanf(f, "%15s %47s %zu", kind, name, &g->n) != 3)
            break;
        snprintf(g->name, sizeof g->name, "%s %s", kind, name);
        cr_assert(g->n < 10000 && (g->v = malloc((g->n + 1) * sizeof *g->v)));
        for (size_t i = 0; i < g->n; i++)
            cr_assert(fscanf(f, "%f", &g->v[i]) == 1);
        n_lines++;
    }
    fclose(f);
    cr_assert(n_lines > 60 && n_lines < MAX_LINES);
}

static const struct golden *find(const char *kind, const char *name)
{
    char both[64];

    snprintf(both, sizeof both, "%s %s", kind, name);
    for (int i = 0; i < n_lines; i++)
        if (strcmp(lines[i].name, both) == 0)
            return &lines[i];
    return NULL;
}

static void compare(const char *kind, const char *name, const float *v, size_t n, double bound)
{
    const struct golden *g = find(kind, name);
    double scale = 1e-3;

    cr_assert(g && g->n == n, "%s %s", kind, name);
    for (size_t i = 0; i < n; i++)
        scale = fmax(scale, fabs((double)g->v[i]));
    for (size_t i = 0; i < n; i++)
        cr_assert(fabs((double)v[i] - (double)g->v[i]) <= bound * scale,
                  "%s %s [%zu]: %g, PyTorch %g", kind, name, i, (double)v[i], (double)g->v[i]);
}

/* ---- the network, layer names as in train_torch.py ------------------------------------------- */
struct net {
    struct train *t;
    int x, mask, labels, goal, seen, other, gate, target, y;
};

static int linear(struct train *t, const char *name, int x, int channels)
{
    train_name(t, "%s", name);
    return train_linear(t, x, channels, true);
}

static int norm(struct train *t, const char *name, int x, enum act act)
{
    train_name(t, "%s", name);
    return train_batch_norm(t, x, act);
}

static int pictures(struct net *n)
{
    struct train *t = n->t;
    int b, c, d;

    train_name(t, "a");
    b = norm(t, "a_norm", train_conv(t, n->x, 8, 3, 2, 1), ACT_SILU);
    train_name(t, "b");
    b = train_conv_with(t, b,
                        &(struct train_conv){.channels = 8,
                                             .kernel_y = 3,
                                             .kernel_x = 3,
                                             .dilation_y = 2,
                                             .dilation_x = 2,
                                             .groups = 2,
                                             .pad_top = 2,
                                             .pad_left = 2,
                                             .pad_bottom = 2,
                                             .pad_right = 2});
    b = norm(t, "b_norm", b, ACT_HARDSWISH);
    train_name(t, "c");
    c = train_conv_transpose(t, b,
                             &(struct train_conv){.channels = 4,
                                                  .kernel_y = 2,
                                                  .kernel_x = 2,
                                                  .stride_y = 2,
                                                  .stride_x = 2,
                                                  .bias = true},
                             0);
    c = train_max_pool(t, c, 2, 2, 0);
    d = train_average_pool(t, train_resize(t, b, 2, RESIZE_LINEAR), 2, 2, 0);
    train_loss(t, &(struct train_loss){.kind = TRAIN_BCE,
                                       .name = "bce",
                                       .x = train_global_average(t, d),
                                       .target = n->gate});
    return train_reshape(t, train_concat(t, (int[]){c, d}, 2, 3), 3, (int[]){N, T, 12});
}

static int in_time(struct net *n, int e)
{
    struct train *t = n->t;
    int f, g;

    train_name(t, "f");
    f = train_lstm(t, e, &(struct train_recurrent){.hidden = 8, .mask = -1});
    train_name(t, "f_norm");
    f = train_layer_norm(t, f);
    g = train_attention(t, linear(t, "q", f, 8), linear(t, "k", f, 8), linear(t, "v", f, 8), 2,
                        n->mask, false);
    return linear(t, "h", train_add(t, f, g), 6);
}

/* The first loss there is bce. */
static void losses(struct net *n)
{
    struct train *t = n->t;
    int boxes = train_parameter(t, "boxes", 2, (int[]){3, 4}, 1);

    train_loss(t, &(struct train_loss){.kind = TRAIN_CROSS_ENTROPY,
                                       .name = "class",
                                       .x = train_slice(t, n->y, 2, 0, 3),
                                       .target = n->labels});
    train_loss(t, &(struct train_loss){.kind = TRAIN_SMOOTH_L1,
                                       .name = "smooth",
                                       .x = train_slice(t, n->y, 2, 3, 4),
                                       .target = n->goal,
                                       .has_mask = true,
                                       .mask = n->seen,
                                       .beta = 0.5f,
                                       .weight = 0.5f});
    train_loss(t, &(struct train_loss){.kind = TRAIN_GAUSSIAN,
                                       .name = "gaussian",
                                       .x = train_slice(t, n->y, 2, 4, 5),
                                       .log_scale = train_slice(t, n->y, 2, 5, 6),
                                       .target = n->other});
    train_loss(t, &(struct train_loss){
                      .kind = TRAIN_CIOU, .name = "boxes", .x = boxes, .target = n->target});
}

static void fill(struct net *n, int v, const char *name)
{
    const struct golden *g = find("input", name);

    cr_assert(g && g->n == train_count(n->t, v), "%s", name);
    memcpy(train_data(n->t, v), g->v, g->n * sizeof(float));
}

static struct net build(unsigned mask)
{
    struct train_recipe recipe = {.rate = 0.01f, .decay = 0.1f, .clip = 0.7f};
    struct net n;
    struct why why;

    cr_assert(train_open(&(struct train_options){.cpu_mask = mask, .seed = 1}, &n.t) == OK);
    n.x = train_input(n.t, "x", 4, (int[]){N, H, W, 3});
    n.mask = train_input(n.t, "mask", 2, (int[]){N, T});
    n.labels = train_input(n.t, "labels", 2, (int[]){N, T});
    n.goal = train_input(n.t, "goal", 3, (int[]){N, T, 1});
    n.seen = train_input(n.t, "seen", 2, (int[]){N, T});
    n.other = train_input(n.t, "other", 3, (int[]){N, T, 1});
    n.gate = train_input(n.t, "gate", 4, (int[]){N, 1, 1, 8});
    n.target = train_input(n.t, "target", 2, (int[]){3, 4});
    n.y = in_time(&n, pictures(&n));
    losses(&n);
    cr_assert(train_plan(n.t, &recipe, &why) == OK, "%s", why.text);
    fill(&n, n.x, "x"), fill(&n, n.mask, "mask"), fill(&n, n.labels, "labels");
    fill(&n, n.goal, "goal"), fill(&n, n.seen, "seen"), fill(&n, n.other, "other");
    fill(&n, n.gate, "gate"), fill(&n, n.target, "target");
    for (int i = 0; i < train_parameters(n.t); i++) {
        struct train_weights_view v = train_parameter_view(n.t, i);
        const struct golden *g = find("start", v.name);

        cr_assert(!v.gradient || (g && g->n == v.n), "%s", v.name);
        if (v.gradient)
            memcpy(v.value, g->v, v.n * sizeof *g->v);
    }
    return n;
}

static void three_steps(unsigned mask)
{
    struct net n = build(mask);
    struct train_report r;

    for (int step = 0; step < 3; step++) {
        char name[4];

        snprintf(name, sizeof name, "%d", step);
        train_step(n.t, &r);
        /* bce stands first here, fourth there */
        compare("terms", name,
                (float[]){(float)r.term[1], (float)r.term[2], (float)r.term[3], (float)r.term[0],
                          (float)r.term[4]},
                5, 2e-5);
        compare("norm", name, (float[]){(float)r.gradient}, 1, 2e-5);
        if (step > 0)
            continue;
        compare("output", "y", train_data(n.t, n.y), train_count(n.t, n.y), 2e-5);
        for (int i = 0; i < train_parameters(n.t); i++) {
            struct train_weights_view v = train_parameter_view(n.t, i);

            if (v.gradient)
                compare("gradient", v.name, v.gradient, v.n, 1e-4);
        }
    }
    for (int i = 0; i < train_parameters(n.t); i++) {
        struct train_weights_view v = train_parameter_view(n.t, i);

        /* A constant added to all scores changes nothing: this gradient is rounding, and Adam makes
         * steps of full length of it. */
        if (strcmp(v.name, "k.bias") != 0)
            compare("end", v.name, v.value, v.n, 1e-4);
    }
    train_close(n.t);
}

Test(train, as_pytorch)
{
    read_lines();
    three_steps(0);
    three_steps(~0u);
    for (int i = 0; i < n_lines; i++)
        free(lines[i].v);
}
