/* Inside of train/: the graph. Not for other folders. */
#ifndef OUTRIDER_TRAIN_GRAPH_H
#define OUTRIDER_TRAIN_GRAPH_H

#include "perception/base/arena.h"
#include "perception/kernels/backward.h"
#include "perception/train/train.h"

enum {
    LAYER_MAX_IN = TRAIN_MAX_JOIN,
    LAYER_MAX_PARAMS = 4,
    LAYER_MAX_KEPT = 12,
};

struct layer;

struct value {
    char name[TRAIN_NAME]; /* "" unless an input, a parameter or an output */
    int rank, dim[TRAIN_MAX_RANK];
    size_t n;
    int maker;       /* layer; -1: an input or a parameter */
    int param;       /* -1: no parameter */
    bool output;     /* of the exported network */
    bool wants;      /* a gradient */
    bool begun;      /* its gradient has been written in this pass; later ones are added */
    int lives, dies; /* of the gradient: layers, counted backwards; lives -1: nobody writes it */
    float *data, *grad;
};

struct param {
    char name[TRAIN_NAME + 16];
    int rank, dim[TRAIN_MAX_RANK];
    size_t n, at; /* at: in the flat arrays below */
    bool trained, decays;
    float deviation, start; /* normal around start */
};

/* What a kind of layer does. forward writes the output's data; backward adds to the gradients of
 * inputs (grad_begin()) and writes those of parameters. */
struct layer_kind {
    const char *name;
    /* Memory that forward keeps for backward; called twice, as arenas are. NULL: none. */
    void (*place)(struct train *t, struct layer *l, struct arena *a);
    size_t (*scratch)(const struct train *t, const struct layer *l); /* bytes; NULL: 0 */
    void (*forward)(struct train *t, struct layer *l);
    void (*backward)(struct train *t, struct layer *l);
};

struct layer {
    const struct layer_kind *kind;
    char name[TRAIN_NAME];
    int index;
    int n_in, in[LAYER_MAX_IN], out;
    int n_params, param[LAYER_MAX_PARAMS];
    float *kept[LAYER_MAX_KEPT];
    size_t state; /* floats of kept[0] that a checkpoint keeps; 0: none */

    /* settings, by kind */
    struct conv_shape shape;
    bool count_pads;
    struct activation act;
    struct train_recurrent recurrent;
    struct train_loss loss;
    enum resize_mode resize;
    int times, axis, from, heads, causal;
    float chance;
    int loss_index;
};

struct train {
    struct kernels k;
    struct backward_kernels b;
    struct pool *pool;
    const struct train_ranks *ranks;
    uint64_t seed;
    struct train_recipe recipe;
    struct why wrong; /* of the first bad builder call */
    enum err error;
    char next_name[TRAIN_NAME];

    int n_values, n_params, n_layers, n_losses;
    struct value *value;
    struct param *param;
    struct layer *layer;

    /* Parameters side by side: first those trained, then running statistics (n_all). */
    size_t n_trained, n_all;
    float *weights, *gradients, *first, *second, *average;

    struct arena memory;
    char *scratch;
    size_t scratch_bytes;
    bool planned, training;
    void (*before_losses)(void *arg); /* NULL: nothing to do there */
    void *before_losses_arg;
    int64_t step;
    double loss_of[TRAIN_MAX_LOSSES];
    double norm_of[TRAIN_MAX_LOSSES]; /* what each loss is divided by */
};

/* ---- building (graph.c) -------------------------------------------------------------------- */
/* The first one is kept. Returns -1. */
int build_wrong(struct train *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool build_has(struct train *t, int x, const char *who); /* an index of a value; else wrong */
int build_value(struct train *t, int rank, const int *dim);
/* A layer that reads in[]; -1 stands for an input left out. Its output has that shape; rank < 0: it
 * has none. NULL: something was wrong before. Valid until the next one is added. */
struct layer *build_layer(struct train *t, const struct layer_kind *kind, const int *in, int n_in,
                          int rank, const int *dim);
struct param_of {
    const char *name; /* "weight" */
    int rank;
    const int *dim;
    float deviation, start;
    bool decays, still; /* still: running statistics */
};
int build_param(struct train *t, struct layer *l, const struct param_of *p);

/* ---- for layers (run.c) -------------------------------------------------------------------- */
static inline const float *layer_x(const struct train *t, const struct layer *l, int i)
{
    return l->in[i] < 0 ? NULL : t->value[l->in[i]].data;
}

static inline float *layer_y(const struct train *t, const struct layer *l)
{
    return t->value[l->out].data;
}

static inline float *layer_dy(const struct train *t, const struct layer *l)
{
    return t->value[l->out].grad;
}

static inline float *layer_w(const struct train *t, const struct layer *l, int i)
{
    return t->weights + t->param[l->param[i]].at;
}

static inline float *layer_dw(const struct train *t, const struct layer *l, int i)
{
    return t->gradients + t->param[l->param[i]].at;
}

/* Where to put the gradient of input i: written if *add is false, added otherwise. NULL: nobody wants it. */
float *grad_begin(struct train *t, const struct layer *l, int i, bool *add);
/* The same, zeroed if nobody has written it: add in any case. */
float *grad_add(struct train *t, const struct layer *l, int i);

/* pieces of at most `each` of n things; work is told the piece's number as pool_run() does */
static inline int pieces_of(size_t n, size_t each)
{
    return (int)((n + each - 1) / each);
}

/* Numbers in [0, 1) and of a normal distribution that depend on their place alone. */
uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t at);
float random_normal(uint64_t seed, uint64_t stream, uint64_t at);

extern const struct layer_kind layer_conv, layer_conv_transpose, layer_linear, layer_batch_norm,
    layer_layer_norm, layer_act, layer_softmax, layer_dropout, layer_add, layer_mul, layer_concat,
    layer_slice, layer_reshape, layer_max_pool, layer_average_pool, layer_resize, layer_lstm,
    layer_rnn, layer_attention, layer_loss;

/* ---- files (files.c) ----------------------------------------------------------------------- */
/* Beside path first, then in its place; on the disk when this returns. */
MUST_CHECK enum err file_replace(const char *path, const void *bytes, size_t n, struct why *why);
/* What it holds, at most `most` + 1 bytes of it; the caller's to free(), also after a failure. ERR_IO (errno
 * ENOENT: there is none), ERR_NOMEM. */
MUST_CHECK enum err file_bytes(const char *path, size_t most, unsigned char **bytes, size_t *n,
                               struct why *why);

#endif
