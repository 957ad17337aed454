/* RNN, GRU and LSTM. The inputs of all steps go through one product; then blocks of a few
 * sequences, each in each direction, go through all steps on their own: they need nothing of each
 * other, so the pool's threads never wait for one another within a network's layer. */
#include "perception/nn/ops/recurrent.h"

#include <math.h>
#include <string.h>

#include "perception/nn/ops/number.h"

enum { IN_X, IN_W, IN_R, IN_B, IN_LENGTHS, IN_H, IN_C, IN_P };
enum { OUT_Y, OUT_H, OUT_C };

static const struct cell_kind {
    int gates, functions;
    const char *names[CELL_FUNCTIONS]; /* of the functions, if nothing else is said */
} kinds[] = {
    [CELL_RNN] = {1, 1, {"Tanh"}},
    [CELL_GRU] = {3, 2, {"Sigmoid", "Tanh"}},
    [CELL_LSTM] = {4, 3, {"Sigmoid", "Tanh", "Tanh"}},
};

/* ---- reading ------------------------------------------------------------------------------- */
static enum err read_direction(struct recurrent_params *p, struct node *n, struct why *why)
{
    const char *s = attr_string(n, "direction", "forward");

    p->D = !strcmp(s, "bidirectional") ? 2 : 1;
    if (p->D == 1 && strcmp(s, "forward") != 0 && strcmp(s, "reverse") != 0)
        return err_say(why, ERR_FORMAT, "direction '%.40s'", s);
    p->reversed[0] = p->D == 1 && s[0] == 'r';
    p->reversed[1] = true;
    return OK;
}

/* alpha and beta are lists that hold numbers only for the functions that take them. */
static enum err read_functions(struct recurrent_params *p, struct node *n, struct why *why)
{
    const struct cell_kind *kind = &kinds[p->cell];
    int count, n_alpha, n_beta, a = 0, b = 0;
    const char *const *names = attr_strings(n, "activations", &count);
    const float *alpha = attr_floats(n, "activation_alpha", &n_alpha);
    const float *beta = attr_floats(n, "activation_beta", &n_beta);

    if (names && count != p->D * kind->functions)
        return err_say(why, ERR_FORMAT, "%d activations, needed %d", count, p->D * kind->functions);
    for (int i = 0; i < p->D * kind->functions; i++) {
        struct cell_function *f = &p->function[i / kind->functions][i % kind->functions];
        const char *name = names ? names[i] : kind->names[i % kind->functions];
        int uses;

        if (!cell_function_find(name, f, &uses))
            return err_say(why, ERR_UNSUPPORTED, "activation '%.40s'", name);
        if (uses >= 1 && a < n_alpha)
            f->alpha = alpha[a++];
        if (uses >= 2 && b < n_beta)
            f->beta = beta[b++];
    }
    return OK;
}

static enum err read_attributes(struct recurrent_params *p, struct node *n, struct why *why)
{
    enum err e;

    if ((e = read_direction(p, n, why)) != OK || (e = read_functions(p, n, why)) != OK)
        return e;
    p->batch_first = attr_int(n, "layout", 0) != 0;
    p->clip = attr_float(n, "clip", INFINITY);
    if (!(p->clip > 0.0f))
        return err_say(why, ERR_FORMAT, "clip %g", (double)p->clip);
    if (p->cell == CELL_LSTM)
        p->input_forget = attr_int(n, "input_forget", 0) != 0;
    if (p->cell == CELL_GRU)
        p->reset_after = attr_int(n, "linear_before_reset", 0) != 0;
    attr_ignore(n, "output_sequence"); /* up to opset 6: which outputs are wanted shows anyway */
    return OK;
}

/* Input i is missing or of this shape. */
static enum err need_shape(const struct node *n, int i, int rank, const int64_t *dim,
                           struct why *why)
{
    const struct tensor *t = in(n, i);
    enum err e;

    if (!t)
        return OK;
    if ((e = need_rank(n, i, rank, rank, why)) != OK)
        return e;
    for (int d = 0; d < rank; d++)
        if (t->dim[d] != dim[d])
            return err_say(why, ERR_FORMAT, "input '%.80s': dimension %d is %lld, needed %lld",
                           t->name, d, (long long)t->dim[d], (long long)dim[d]);
    return OK;
}

static enum err check_inputs(const struct recurrent_params *p, const struct node *n,
                             struct why *why)
{
    int64_t D = p->D, H = p->H, G = (int64_t)p->gates * H;
    const int64_t w[] = {D, G, p->I}, r[] = {D, G, H}, b[] = {D, 2 * G}, lengths[] = {p->B};
    const int64_t peephole[] = {D, 3 * H};
    const int64_t state[] = {p->batch_first ? p->B : D, p->batch_first ? D : p->B, H};
    enum err e;

    for (int i = IN_W; i < n->n_in; i++)
        if (i != IN_LENGTHS && (e = need_type(n, i, T_F32, why)) != OK)
            return e;
    if ((e = need_type(n, IN_LENGTHS, TYPE(DTYPE_I32), why)) != OK ||
        (e = need_shape(n, IN_W, 3, w, why)) != OK || (e = need_shape(n, IN_R, 3, r, why)) != OK ||
        (e = need_shape(n, IN_B, 2, b, why)) != OK ||
        (e = need_shape(n, IN_LENGTHS, 1, lengths, why)) != OK ||
        (e = need_shape(n, IN_H, 3, state, why)) != OK ||
        (e = need_shape(n, IN_C, 3, state, why)) != OK)
        return e;
    return need_shape(n, IN_P, 2, peephole, why);
}

static enum err set_outputs(const struct recurrent_params *p, struct node *n, struct why *why)
{
    const int64_t y[] = {p->T, p->D, p->B, p->H}, y_batch[] = {p->B, p->T, p->D, p->H};
    const int64_t state[] = {p->D, p->B, p->H}, state_batch[] = {p->B, p->D, p->H};
    enum err e = set_out(n, OUT_Y, DTYPE_F32, 4, p->batch_first ? y_batch : y, why);

    for (int i = OUT_H; e == OK && i <= OUT_C; i++)
        e = set_out(n, i, DTYPE_F32, 3, p->batch_first ? state_batch : state, why);
    return e;
}

static enum err recurrent_infer(struct graph *g, struct node *n, struct why *why)
{
    struct recurrent_params *p = node_params(g, n, sizeof *p);
    const struct tensor *x = in(n, IN_X), *r = in(n, IN_R);
    enum err e;

    if (!p)
        return ERR_NOMEM;
    p->cell = (enum cell)n->op->variant;
    p->gates = kinds[p->cell].gates;
    if ((e = read_attributes(p, n, why)) != OK || (e = need_rank(n, IN_X, 3, 3, why)) != OK ||
        (e = need_rank(n, IN_R, 3, 3, why)) != OK)
        return e;
    p->T = (int)x->dim[p->batch_first ? 1 : 0];
    p->B = (int)x->dim[p->batch_first ? 0 : 1];
    p->I = (int)x->dim[2];
    p->H = (int)r->dim[2];
    if (attr_int(n, "hidden_size", p->H) != p->H || p->H < 1)
        return err_say(why, ERR_FORMAT, "hidden_size %lld, but R is for %d",
                       (long long)attr_int(n, "hidden_size", p->H), p->H);
    if (p->I < 1)
        return err_say(why, ERR_FORMAT, "no inputs");
    if ((e = check_inputs(p, n, why)) != OK)
        return e;
    n->macs = (int64_t)p->T * p->B * p->D * p->gates * p->H;
    n->macs *= p->I + p->H;
    return set_outputs(p, n, why);
}

/* ---- weights: one block, a direction after the other --------------------------------------- */
static size_t up64(size_t n)
{
    return (n + 63) / 64 * 64;
}

/* Bytes of the packed weights of one direction; w may be NULL. memory: where they lie. */
static size_t place_weights(const struct kernels *k, const struct recurrent_params *p,
                            const unsigned char *memory, struct cell_weights *w)
{
    int first = p->cell == CELL_GRU ? 2 : p->gates; /* gates in R's first part */
    size_t at_r = dense_pack_size(k, p->gates * p->H, p->I);
    size_t at_r1 = at_r + dense_pack_size(k, first * p->H, p->H);
    size_t at_bias = at_r1 + (first < p->gates ? dense_pack_size(k, p->H, p->H) : 0);
    size_t bias = (size_t)p->gates * (size_t)p->H;

    if (w)
        *w = (struct cell_weights){
            .w = memory,
            .r = {memory + at_r, memory + at_r1},
            .bias = (const float *)(const void *)(memory + at_bias),
            .bias_after = (const float *)(const void *)(memory + at_bias) + bias,
        };
    return at_bias + up64((bias + (size_t)p->H) * sizeof(float));
}

static void pack_bias(const struct recurrent_params *p, const float *b, float *to)
{
    size_t n = (size_t)p->gates * (size_t)p->H, H = (size_t)p->H;

    memset(to, 0, (n + H) * sizeof *to);
    for (size_t i = 0; b && i < n; i++)
        if (p->reset_after && i >= n - H) { /* that of R is reset together with its product */
            to[i] = b[i];
            to[H + i] = b[n + i];
        } else {
            to[i] = b[i] + b[n + i];
        }
}

static void pack_weights(const struct kernels *k, const struct node *n, unsigned char *memory)
{
    const struct recurrent_params *p = n->params;
    size_t G = (size_t)p->gates * (size_t)p->H, H = (size_t)p->H;
    int first = p->cell == CELL_GRU ? 2 : p->gates;

    for (int d = 0; d < p->D; d++) {
        size_t each = place_weights(k, p, NULL, NULL);
        unsigned char *to = memory + each * (size_t)d;
        const float *w = (const float *)in(n, IN_W)->data + (size_t)d * G * (size_t)p->I;
        const float *r = (const float *)in(n, IN_R)->data + (size_t)d * G * H;
        const float *b = in(n, IN_B) ? in(n, IN_B)->data : NULL;
        unsigned char *to_r = to + dense_pack_size(k, (int)G, p->I);

        dense_pack(k, (int)G, p->I, w, to);
        dense_pack(k, first * p->H, p->H, r, to_r);
        if (first < p->gates)
            dense_pack(k, p->H, p->H, r + (size_t)first * H * H,
                       to_r + dense_pack_size(k, first * p->H, p->H));
        pack_bias(p, b ? b + (size_t)d * 2 * G : NULL,
                  (float *)(void *)(to + each - up64((G + H) * sizeof(float))));
    }
}

/* ---- memory while running ------------------------------------------------------------------ */
struct layout {
    size_t weights, input, dense, block; /* bytes; dense and block for each thread */
};

static size_t floats64(size_t n)
{
    return up64(n * sizeof(float));
}

static struct layout layout_of(const struct kernels *k, const struct recurrent_params *p)
{
    size_t rows = (size_t)k->tile_rows, H = (size_t)p->H, G = (size_t)p->gates * H;
    struct layout l = {.dense = dense_scratch(k, p->I, 1)};

    l.weights = p->packed_early ? 0 : (size_t)p->D * place_weights(k, p, NULL, NULL);
    l.input = floats64((size_t)p->D * (size_t)p->T * (size_t)p->B * G);
    l.block = 4 * floats64(rows * H) + floats64(rows * G) + floats64(H) + up64(rows);
    return l;
}

static bool is_constant(const struct node *n, int i)
{
    return !in(n, i) || n->in[i]->constant;
}

static enum err recurrent_prepare(struct graph *g, struct node *n, struct why *why)
{
    struct recurrent_params *p = n->params;
    struct tensor packed = {.name = n->name};
    struct layout l;
    size_t threads = (size_t)pool_threads(g->pool);

    (void)why;
    p->packed_early = is_constant(n, IN_W) && is_constant(n, IN_R) && is_constant(n, IN_B);
    if (p->packed_early) {
        packed.type = DTYPE_U8;
        packed.rank = 1;
        packed.dim[0] = (int64_t)((size_t)p->D * place_weights(&g->kernels, p, NULL, NULL));
        if (tensor_allocate(&packed) != OK)
            return ERR_NOMEM;
        n->packed = packed.data;
        pack_weights(&g->kernels, n, n->packed);
        node_rewire(n, IN_R, NULL); /* W goes the same way once this returns */
        if (in(n, IN_B))
            node_rewire(n, IN_B, NULL);
    }
    l = layout_of(&g->kernels, p);
    n->scratch = l.weights + l.input + threads * (l.dense > l.block ? l.dense : l.block);
    return OK;
}

/* ---- running ------------------------------------------------------------------------------- */
struct job {
    const struct node *n;
    const struct recurrent_params *p;
    const struct kernels *k;
    struct cell_weights weights[DIRECTIONS];
    float *input; /* (D, rows of x, gates H) */
    unsigned char *blocks;
    size_t block_bytes;
    int pieces_a_direction;
};

static size_t state_at(const struct recurrent_params *p, int d, int b)
{
    return (size_t)p->H * (p->batch_first ? (size_t)b * (size_t)p->D + (size_t)d
                                          : (size_t)d * (size_t)p->B + (size_t)b);
}

static size_t output_at(const struct recurrent_params *p, int t, int d, int b)
{
    size_t D = (size_t)p->D, at;

    at = p->batch_first ? ((size_t)b * (size_t)p->T + (size_t)t) * D + (size_t)d
                        : ((size_t)t * D + (size_t)d) * (size_t)p->B + (size_t)b;
    return at * (size_t)p->H;
}

static void place_block(struct cell_block *b, const struct recurrent_params *p, unsigned char *at)
{
    size_t rows = (size_t)b->k->tile_rows, H = (size_t)p->H;
    float **const part[] = {&b->h, &b->c, &b->turned, &b->after};

    for (size_t i = 0; i < sizeof part / sizeof *part; i++, at += floats64(rows * H))
        *part[i] = (float *)(void *)at;
    b->gates = (float *)(void *)at;
    at += floats64(rows * (size_t)p->gates * H);
    b->row = (float *)(void *)at;
    b->alive = (bool *)(at + floats64(H));
}

static void copy_state(float *to, const struct tensor *from, size_t at, size_t H)
{
    if (from)
        memcpy(to, (const float *)from->data + at, H * sizeof *to);
    else
        memset(to, 0, H * sizeof *to);
}

static int length_of(const struct job *j, int b)
{
    const struct tensor *lengths = in(j->n, IN_LENGTHS);

    return lengths ? ((const int32_t *)lengths->data)[b] : j->p->T;
}

/* The input's part of the gates at step s, for the rows that are still alive; false: none is. */
static bool load_step(const struct job *j, struct cell_block *b, int d, int b0, int s)
{
    const struct recurrent_params *p = j->p;
    size_t G = (size_t)p->gates * (size_t)p->H, T = (size_t)p->T, B = (size_t)p->B;
    const float *input = j->input + (size_t)d * T * B * G;
    bool any = false;

    for (int i = 0; i < b->rows; i++) {
        int length = length_of(j, b0 + i);
        size_t t = (size_t)(p->reversed[d] ? length - 1 - s : s), row = (size_t)b0 + (size_t)i;

        b->alive[i] = s < length;
        any |= b->alive[i];
        if (b->alive[i])
            memcpy(b->gates + (size_t)i * G,
                   input + G * (p->batch_first ? row * T + t : t * B + row), G * sizeof(float));
        else
            memset(b->gates + (size_t)i * G, 0, G * sizeof(float));
    }
    return any;
}

/* Behind its end a sequence's output is zero. */
static void store_step(const struct job *j, const struct cell_block *b, int d, int b0, int s)
{
    const struct recurrent_params *p = j->p;
    size_t H = (size_t)p->H;

    for (int i = 0; out(j->n, OUT_Y) && i < b->rows; i++) {
        int t = p->reversed[d] && b->alive[i] ? length_of(j, b0 + i) - 1 - s : s;
        float *y = (float *)out(j->n, OUT_Y)->data + output_at(p, t, d, b0 + i);

        if (b->alive[i])
            memcpy(y, b->h + (size_t)i * H, H * sizeof *y);
        else
            memset(y, 0, H * sizeof *y);
    }
}

static void store_state(const struct job *j, const struct cell_block *b, int d, int b0)
{
    size_t H = (size_t)j->p->H;

    for (int i = 0; i < b->rows; i++) {
        size_t at = state_at(j->p, d, b0 + i);

        if (out(j->n, OUT_H))
            memcpy((float *)out(j->n, OUT_H)->data + at, b->h + (size_t)i * H, H * sizeof(float));
        if (out(j->n, OUT_C))
            memcpy((float *)out(j->n, OUT_C)->data + at, b->c + (size_t)i * H, H * sizeof(float));
    }
}

static void run_block(void *arg, int piece, int thread)
{
    const struct job *j = arg;
    const struct recurrent_params *p = j->p;
    int d = piece / j->pieces_a_direction, b0 = piece % j->pieces_a_direction * j->k->tile_rows;
    size_t H = (size_t)p->H;
    struct cell_block b = {.k = j->k,
                           .p = p,
                           .weights = &j->weights[d],
                           .function = p->function[d],
                           .rows = p->B - b0 < j->k->tile_rows ? p->B - b0 : j->k->tile_rows};

    place_block(&b, p, j->blocks + (size_t)thread * j->block_bytes);
    for (int i = 0; i < b.rows; i++) {
        copy_state(b.h + (size_t)i * H, in(j->n, IN_H), state_at(p, d, b0 + i), H);
        copy_state(b.c + (size_t)i * H, in(j->n, IN_C), state_at(p, d, b0 + i), H);
    }
    for (int s = 0; s < p->T; s++) {
        if (load_step(j, &b, d, b0, s))
            cell_step(&b);
        store_step(j, &b, d, b0, s);
    }
    store_state(j, &b, d, b0);
}

/* The input's part of all gates of all steps: bias + x transpose(W). */
static void project_input(struct job *j, int d, const struct run *r)
{
    const struct recurrent_params *p = j->p;
    size_t rows = (size_t)p->T * (size_t)p->B, G = (size_t)p->gates * (size_t)p->H;
    float *to = j->input + (size_t)d * rows * G;

    for (size_t i = 0; i < rows; i++)
        memcpy(to + i * G, j->weights[d].bias, G * sizeof *to);
    dense(j->k, (int)rows, (int)G, p->I, in(j->n, IN_X)->data, (size_t)p->I, j->weights[d].w, to, G,
          true, j->blocks, r->pool);
}

static enum err check_lengths(const struct node *n, const struct run *r)
{
    const struct recurrent_params *p = n->params;

    for (int b = 0; in(n, IN_LENGTHS) && b < p->B; b++) {
        int64_t length = number_int(in(n, IN_LENGTHS), b);

        if (length < 0 || length > p->T)
            return node_fault(n, r, "sequence %d has length %lld of %d", b, (long long)length,
                              p->T);
    }
    return OK;
}

static enum err recurrent_run(const struct node *n, const struct run *r)
{
    const struct recurrent_params *p = n->params;
    struct layout l = layout_of(r->kernels, p);
    unsigned char *at = r->scratch, *packed = p->packed_early ? n->packed : at;
    size_t each = place_weights(r->kernels, p, NULL, NULL);
    struct job j = {.n = n, .p = p, .k = r->kernels};
    enum err e = check_lengths(n, r);

    if (e != OK || p->B == 0)
        return e;
    if (!p->packed_early)
        pack_weights(r->kernels, n, packed);
    j.input = (float *)(void *)(at + l.weights);
    j.blocks = at + l.weights + l.input;
    j.block_bytes = l.block;
    j.pieces_a_direction = (p->B + r->kernels->tile_rows - 1) / r->kernels->tile_rows;
    for (int d = 0; d < p->D; d++) {
        place_weights(r->kernels, p, packed + (size_t)d * each, &j.weights[d]);
        if (in(n, IN_P))
            j.weights[d].peephole = (const float *)in(n, IN_P)->data + (size_t)d * 3 * p->H;
        project_input(&j, d, r);
    }
    pool_run(r->pool, p->D * j.pieces_a_direction, run_block, &j);
    return OK;
}

const struct op ops_recurrent[] = {
    {"RNN", 3, 6, 2, T_F32, 0, recurrent_infer, recurrent_run, recurrent_prepare, CELL_RNN},
    {"GRU", 3, 6, 2, T_F32, 0, recurrent_infer, recurrent_run, recurrent_prepare, CELL_GRU},
    {"LSTM", 3, 8, 3, T_F32, 0, recurrent_infer, recurrent_run, recurrent_prepare, CELL_LSTM},
    {NULL},
};
