/* Recurrent layers over sequences (N, T, C). What the inputs bring to the gates is one product for
 * all times; only h goes step by step. On the way back the gates' gradients are found step by step,
 * and weights and inputs get theirs in one product each at the end.
 *
 * W (G H, C), R (G H, H), bias (G H): G gates of H numbers, LSTM's in ONNX's order i, o, f, c. */
#include <math.h>
#include <string.h>

#include "perception/kernels/kernels_internal.h"
#include "perception/train/product.h"

enum {
    STATE,  /* h, and for an LSTM c behind it, (N, H) each, at the end of the last batch */
    START,  /* the same at the beginning of this one */
    GATES,  /* (N, T, G H): before, then behind their activations; then their gradients */
    CELLS,  /* (N, T, H) */
    BEFORE, /* (N, T, H): h one step earlier */
    DH,     /* (N, H): gradient that comes from the step behind */
    DC,     /* (N, H) */
    PACKED, /* R, laid out for products */
};

struct cell {
    int N, T, C, H, G;
    bool lstm;
};

static struct cell cell_of(const struct train *t, const struct layer *l)
{
    const struct value *x = &t->value[l->in[0]];

    return (struct cell){.N = x->dim[0],
                         .T = x->dim[1],
                         .C = x->dim[2],
                         .H = l->recurrent.hidden,
                         .G = l->kind == &layer_lstm ? 4 : 1,
                         .lstm = l->kind == &layer_lstm};
}

/* ---- building ------------------------------------------------------------------------------ */
static int add_recurrent(struct train *t, const struct layer_kind *kind, int x,
                         const struct train_recurrent *r)
{
    int gates = r->hidden * (kind == &layer_lstm ? 4 : 1), N, T, C;
    struct layer *l;
    struct param_of w;

    if (!build_has(t, x, kind->name) || (r->mask >= 0 && !build_has(t, r->mask, kind->name)))
        return -1;
    if (t->value[x].rank != 3 || r->hidden < 1)
        return build_wrong(t, "train_%s: rank %d, %d hidden", kind->name, t->value[x].rank,
                           r->hidden);
    N = t->value[x].dim[0], T = t->value[x].dim[1], C = t->value[x].dim[2];
    if (r->mask >= 0 && t->value[r->mask].n != (size_t)N * (size_t)T)
        return build_wrong(t, "train_%s: the mask has %zu numbers, not %d x %d", kind->name,
                           t->value[r->mask].n, N, T);
    l = build_layer(t, kind, (int[]){x, r->mask}, 2, 3, (int[]){N, T, r->hidden});
    if (!l)
        return -1;
    l->recurrent = *r;
    l->shape = product_rows((size_t)N * (size_t)T, C, gates);
    l->state = (size_t)N * (size_t)r->hidden * (kind == &layer_lstm ? 2 : 1);
    w = (struct param_of){.name = "weight", .rank = 2, .dim = (int[]){gates, C}, .decays = true};
    w.deviation = sqrtf(1.0f / (float)C);
    build_param(t, l, &w);
    w.name = "recurrent";
    w.dim = (int[]){gates, r->hidden};
    w.deviation = sqrtf(1.0f / (float)r->hidden);
    build_param(t, l, &w);
    build_param(t, l, &(struct param_of){.name = "bias", .rank = 1, .dim = &gates});
    return l->out;
}

int train_lstm(struct train *t, int x, const struct train_recurrent *r)
{
    return add_recurrent(t, &layer_lstm, x, r);
}

int train_rnn(struct train *t, int x, const struct train_recurrent *r)
{
    return add_recurrent(t, &layer_rnn, x, r);
}

void train_reset(struct train *t, int row)
{
    for (int i = 0; i < t->n_layers; i++) {
        struct layer *l = &t->layer[i];
        struct cell c;

        if (!l->state)
            continue;
        c = cell_of(t, l);
        for (int n = 0; n < c.N; n++)
            for (int k = 0; (row < 0 || row == n) && k < (c.lstm ? 2 : 1); k++)
                memset(l->kept[STATE] + ((size_t)k * (size_t)c.N + (size_t)n) * (size_t)c.H, 0,
                       (size_t)c.H * sizeof(float));
    }
}

static void place(struct train *t, struct layer *l, struct arena *a)
{
    struct cell c = cell_of(t, l);
    size_t rows = (size_t)c.N * (size_t)c.T, H = (size_t)c.H, state = (size_t)c.N * H;
    size_t of[] = {[STATE] = 2 * state, [START] = 2 * state, [GATES] = rows * (size_t)c.G * H,
                   [CELLS] = rows * H,  [BEFORE] = rows * H, [DH] = state,
                   [DC] = state};
    size_t forward = dense_pack_size(&t->k, c.G * c.H, c.H);
    size_t backward = dense_pack_size(&t->k, c.H, c.G * c.H);

    for (int i = 0; i < PACKED; i++)
        l->kept[i] = arena_take(a, of[i] * sizeof(float));
    l->kept[PACKED] = arena_take(a, forward > backward ? forward : backward);
}

static size_t scratch(const struct train *t, const struct layer *l)
{
    struct cell c = cell_of(t, l);
    size_t rows = (size_t)c.N * (size_t)c.T, steps;
    struct conv_shape r = product_rows(rows, c.H, c.G * c.H);
    size_t a = product_scratch(t, &l->shape), b = product_scratch(t, &r);

    steps = dense_scratch(&t->k, c.G * c.H, pool_threads(t->pool)) +
            floats_size((size_t)c.G * (size_t)c.H * (size_t)c.H);
    a = a > b ? a : b;
    return a > steps ? a : steps;
}

/* ---- forward ------------------------------------------------------------------------------- */
static float sigmoid(float v)
{
    return 1 / (1 + expf(-v));
}

/* One row of one step; its gates become what they let through. */
static void lstm_row(int H, float *g, const float *c_before, float *c, float *h)
{
    for (int i = 0; i < H; i++) {
        float in = sigmoid(g[i]), out = sigmoid(g[H + i]), keep = sigmoid(g[2 * H + i]);
        float fresh = tanhf(g[3 * H + i]);

        g[i] = in, g[H + i] = out, g[2 * H + i] = keep, g[3 * H + i] = fresh;
        c[i] = keep * c_before[i] + in * fresh;
        h[i] = out * tanhf(c[i]);
    }
}

struct step {
    struct train *t;
    struct layer *l;
    struct cell c;
    int at;
    const float *mask;
};

/* Where row n's numbers of this step lie, width numbers a step. */
static size_t place_of(const struct step *s, int n, int at, int width)
{
    return ((size_t)n * (size_t)s->c.T + (size_t)at) * (size_t)width;
}

static bool counts(const struct step *s, int n)
{
    return !s->mask || s->mask[place_of(s, n, s->at, 1)] != 0;
}

static const float *cells_before(const struct step *s, int n)
{
    size_t first = (size_t)(s->c.N + n) * (size_t)s->c.H;

    return s->at ? s->l->kept[CELLS] + place_of(s, n, s->at - 1, s->c.H)
                 : s->l->kept[START] + first;
}

static void row_forward(void *arg, int n, int thread)
{
    const struct step *s = arg;
    int H = s->c.H;
    float *g = s->l->kept[GATES] + place_of(s, n, s->at, s->c.G * H);
    float *h = layer_y(s->t, s->l) + place_of(s, n, s->at, H);
    float *c = s->l->kept[CELLS] + place_of(s, n, s->at, H);
    const float *h_before = s->l->kept[BEFORE] + place_of(s, n, s->at, H);

    (void)thread;
    if (!counts(s, n)) {
        memcpy(h, h_before, (size_t)H * sizeof *h);
        if (s->c.lstm)
            memcpy(c, cells_before(s, n), (size_t)H * sizeof *c);
    } else if (s->c.lstm) {
        lstm_row(H, g, cells_before(s, n), c, h);
    } else {
        for (int i = 0; i < H; i++)
            h[i] = g[i] = tanhf(g[i]);
    }
}

static void keep_state(const struct step *s)
{
    size_t H = (size_t)s->c.H;

    for (int n = 0; n < s->c.N; n++) {
        memcpy(s->l->kept[STATE] + (size_t)n * H,
               layer_y(s->t, s->l) + place_of(s, n, s->c.T - 1, s->c.H), H * sizeof(float));
        if (s->c.lstm)
            memcpy(s->l->kept[STATE] + (size_t)(s->c.N + n) * H,
                   s->l->kept[CELLS] + place_of(s, n, s->c.T - 1, s->c.H), H * sizeof(float));
    }
}

static void forward(struct train *t, struct layer *l)
{
    struct step s = {t, l, cell_of(t, l), 0, layer_x(t, l, 1)};
    int H = s.c.H, T = s.c.T, wide = s.c.G * H;
    float *before = l->kept[BEFORE];

    product_forward(t, &l->shape, layer_x(t, l, 0), layer_w(t, l, 0), layer_w(t, l, 2),
                    l->kept[GATES], false);
    dense_pack(&t->k, wide, H, layer_w(t, l, 1), l->kept[PACKED]);
    if (l->recurrent.carry)
        memcpy(l->kept[START], l->kept[STATE], l->state * sizeof(float));
    for (s.at = 0; s.at < T; s.at++) {
        for (int n = 0; n < s.c.N; n++)
            memcpy(before + place_of(&s, n, s.at, H),
                   s.at ? layer_y(t, l) + place_of(&s, n, s.at - 1, H)
                        : l->kept[START] + (size_t)n * (size_t)H,
                   (size_t)H * sizeof *before);
        dense(&t->k, s.c.N, wide, H, before + (size_t)s.at * (size_t)H, (size_t)T * (size_t)H,
              l->kept[PACKED], l->kept[GATES] + (size_t)s.at * (size_t)wide,
              (size_t)T * (size_t)wide, true, t->scratch, t->pool);
        pool_run(t->pool, s.c.N, row_forward, &s);
    }
    if (l->recurrent.carry)
        keep_state(&s);
}

/* ---- backward ------------------------------------------------------------------------------ */
/* dh: of this step's h, all told. The gates become their gradients, dc that of the cells before. */
static void lstm_row_back(int H, float *g, const float *c_before, const float *c, const float *dh,
                          float *dc)
{
    for (int i = 0; i < H; i++) {
        float in = g[i], out = g[H + i], keep = g[2 * H + i], fresh = g[3 * H + i];
        float bent = tanhf(c[i]), d = dc[i] + dh[i] * out * (1 - bent * bent);

        g[i] = d * fresh * in * (1 - in);
        g[H + i] = dh[i] * bent * out * (1 - out);
        g[2 * H + i] = d * c_before[i] * keep * (1 - keep);
        g[3 * H + i] = d * in * (1 - fresh * fresh);
        dc[i] = d * keep;
    }
}

static void row_backward(void *arg, int n, int thread)
{
    const struct step *s = arg;
    int H = s->c.H;
    float *g = s->l->kept[GATES] + place_of(s, n, s->at, s->c.G * H);
    float *dh = s->l->kept[DH] + (size_t)n * (size_t)H,
          *dc = s->l->kept[DC] + (size_t)n * (size_t)H;
    const float *dy = layer_dy(s->t, s->l) + place_of(s, n, s->at, H);

    (void)thread;
    for (int i = 0; i < H; i++)
        dh[i] += dy[i];
    if (!counts(s, n)) { /* h and c went through as they were */
        memset(g, 0, (size_t)(s->c.G * H) * sizeof *g);
        return;
    }
    if (s->c.lstm)
        lstm_row_back(H, g, cells_before(s, n), s->l->kept[CELLS] + place_of(s, n, s->at, H), dh,
                      dc);
    else
        for (int i = 0; i < H; i++)
            g[i] = dh[i] * (1 - g[i] * g[i]);
    memset(dh, 0, (size_t)H * sizeof *dh);
}

static void backward(struct train *t, struct layer *l)
{
    struct step s = {t, l, cell_of(t, l), 0, layer_x(t, l, 1)};
    int H = s.c.H, T = s.c.T, wide = s.c.G * H;
    struct conv_shape r = product_rows((size_t)s.c.N * (size_t)T, H, wide);
    float *turned = (float *)(void *)t->scratch, *gates = l->kept[GATES], *dx;
    char *rest = t->scratch + floats_size((size_t)wide * (size_t)H);
    bool add;

    t->k.transpose(turned, (size_t)wide, layer_w(t, l, 1), (size_t)H, (size_t)wide, (size_t)H);
    dense_pack(&t->k, H, wide, turned, l->kept[PACKED]);
    memset(l->kept[DH], 0, (size_t)s.c.N * (size_t)H * sizeof(float));
    memset(l->kept[DC], 0, (size_t)s.c.N * (size_t)H * sizeof(float));
    for (s.at = T - 1; s.at >= 0; s.at--) {
        pool_run(t->pool, s.c.N, row_backward, &s);
        dense(&t->k, s.c.N, H, wide, gates + (size_t)s.at * (size_t)wide, (size_t)T * (size_t)wide,
              l->kept[PACKED], l->kept[DH], (size_t)H, true, rest, t->pool);
    }
    product_weights(t, &l->shape, layer_x(t, l, 0), gates, layer_dw(t, l, 0));
    product_weights(t, &r, l->kept[BEFORE], gates, layer_dw(t, l, 1));
    product_sums(t, gates, (size_t)s.c.N * (size_t)T, wide, layer_dw(t, l, 2));
    dx = grad_begin(t, l, 0, &add);
    if (dx)
        product_input(t, &l->shape, gates, layer_w(t, l, 0), NULL, dx, add);
}

const struct layer_kind layer_lstm = {"lstm", place, scratch, forward, backward};
const struct layer_kind layer_rnn = {"rnn", place, scratch, forward, backward};
