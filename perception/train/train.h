/* Training of networks: a graph of layers defined once for a batch, run forward and backward on the
 * engine's kernels, and updated.
 *
 *     struct train *t;
 *     train_open(&(struct train_options){.cpu_mask = ~0u, .pool = pool, .seed = 1}, &t);
 *     int image = train_input(t, "image", 4, (int[]){16, 96, 160, 3});
 *     int x = train_batch_norm(t, train_conv(t, image, 16, 3, 2, 1), ACT_RELU);
 *     ...
 *     train_output(t, "boxes", x);
 *     train_loss(t, &(struct train_loss){.kind = TRAIN_L1, .name = "box", .x = x, .target = y});
 *     train_plan(t, &recipe, &why);             all memory, once
 *     for (...) { fill train_data(t, image); train_step(t, &report); }
 *     train_export(t, "net.onnx", &export, &why);
 *
 * Tensors are float32 and dense. Pictures are (N, H, W, C), as the engine's kernels have them;
 * sequences (N, T, C); rows (N, C). Values are named by small integers that the builders return.
 * A mistake while building (a shape that does not fit) is remembered: later builders do nothing,
 * and train_plan() says what the first one was.
 *
 * The same seed, batches and CPU level give the same numbers bit for bit, for any number of
 * threads. One thread at a time per struct train; the work inside is split over the pool. */
#ifndef OUTRIDER_TRAIN_H
#define OUTRIDER_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "perception/base/pool.h"
#include "perception/kernels/kernels.h"

enum { TRAIN_MAX_RANK = 4, TRAIN_MAX_LOSSES = 32, TRAIN_NAME = 64 };

struct train;

/* Several processes that train one network, each with its part of the batch, all of the same size
 * (train/ranks.h has them by MPI). Losses are divided, and batch norms taken, over the whole batch, and
 * gradients are summed: the curve is that of one process with the whole batch, but for rounding.
 * Carried states belong to a process: where there are any, each keeps a checkpoint of its own. */
struct train_ranks {
    int n, rank; /* at least 1; this one, from 0 */
    void *state;
    /* x = sum of x over all processes, added in their order. */
    void (*sum)(void *state, float *x, size_t n);
    void (*sum_doubles)(void *state, double *x, int n);
};

struct train_options {
    unsigned cpu_mask; /* CPU_... bits (kernels/kernels.h) that may be used; ~0u: all */
    struct pool *pool; /* borrowed; NULL: inline */
    uint64_t seed;     /* first weights, dropout */
    const struct train_ranks *ranks; /* borrowed; NULL: alone */
};

/* On OK the caller owns *out. ERR_NOMEM. */
MUST_CHECK enum err train_open(const struct train_options *o, struct train **out);
void train_close(struct train *t); /* NULL is fine */

/* ---- values -------------------------------------------------------------------------------- */
/* Filled by the caller before each step; no gradient. dim[0] is the batch. */
int train_input(struct train *t, const char *name, int rank, const int *dim);
/* Trained like weights, from normally distributed numbers of that deviation on. */
int train_parameter(struct train *t, const char *name, int rank, const int *dim, float deviation);
/* An output of the exported network. */
void train_output(struct train *t, const char *name, int x);
/* The next layer's parameters, and its node when exported, are called so; otherwise by kind and number. */
void train_name(struct train *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

int train_rank(const struct train *t, int x);
int train_dim(const struct train *t, int x, int axis);
size_t train_count(const struct train *t, int x);
float *train_data(struct train *t, int x); /* after train_plan() */

/* ---- products ------------------------------------------------------------------------------ */
/* x (N, H, W, C). Square kernel, pads of kernel / 2, no bias: what batch norm follows. */
int train_conv(struct train *t, int x, int channels, int kernel, int stride, int groups);
struct train_conv {
    int channels;
    int kernel_y, kernel_x;     /* at most HWC_MAX_TAPS taps */
    int stride_y, stride_x;     /* 0: 1 */
    int dilation_y, dilation_x; /* 0: 1 */
    int pad_top, pad_left, pad_bottom, pad_right;
    int groups; /* 0: 1; C = channels = groups: depthwise */
    bool bias;
};
int train_conv_with(struct train *t, int x, const struct train_conv *c);
/* Transposed, no dilation: OH = (H - 1) stride + kernel - pads + out_pad. */
int train_conv_transpose(struct train *t, int x, const struct train_conv *c, int out_pad);
/* y = x W' + b over the last axis. x of rank 2 or 3. */
int train_linear(struct train *t, int x, int channels, bool bias);

/* ---- rows and elements --------------------------------------------------------------------- */
/* act((x - mean) / sqrt(variance + 1e-5) gamma + beta) over all but the last axis (Ioffe and Szegedy
 * 2015); running statistics with momentum 0.1, as PyTorch keeps them. act needs no parameter of its own; see
 * train_batch_norm_with for those that do. */
int train_batch_norm(struct train *t, int x, enum act act);
int train_batch_norm_with(struct train *t, int x, enum act act, float a, float b);
int train_layer_norm(struct train *t,
                     int x); /* over the last axis, epsilon 1e-5 (Ba et al. 2016) */
int train_act(struct train *t, int x, enum act act, float a, float b);
int train_softmax(struct train *t, int x); /* over the last axis */
/* Zero with that chance, otherwise x / (1 - chance); x itself when not training. */
int train_dropout(struct train *t, int x, float chance);
/* Shapes are the same, or b has 1 where a has more (channel gates, position embeddings). */
int train_add(struct train *t, int a, int b);
int train_mul(struct train *t, int a, int b);
int train_concat(struct train *t, const int *x, int n, int axis); /* at most TRAIN_MAX_JOIN */
enum { TRAIN_MAX_JOIN = 8 };
int train_slice(struct train *t, int x, int axis, int from, int to);
int train_reshape(struct train *t, int x, int rank, const int *dim);

/* ---- pictures ------------------------------------------------------------------------------ */
int train_max_pool(struct train *t, int x, int kernel, int stride, int pad);
int train_average_pool(struct train *t, int x, int kernel, int stride,
                       int pad);                  /* pads not counted */
int train_global_average(struct train *t, int x); /* (N, 1, 1, C) */
/* times larger; half pixel centres */
int train_resize(struct train *t, int x, int times, enum resize_mode mode);

/* ---- sequences: x (N, T, C) ---------------------------------------------------------------- */
struct train_recurrent {
    int hidden;
    int mask; /* value (N, T): where it is 0 the state stays as it is; -1: none */
    /* Start from where the last batch ended, through which no gradient flows (truncated
     * back-propagation through time); otherwise from zero. */
    bool carry;
};
/* All states h (N, T, hidden). LSTM after Hochreiter and Schmidhuber 1997 with forget gates; RNN:
 * tanh. Gates lie in ONNX's order i, o, f, c. */
int train_lstm(struct train *t, int x, const struct train_recurrent *r);
int train_rnn(struct train *t, int x, const struct train_recurrent *r);
/* Zero the carried states of one row of the batch; -1: of all. */
void train_reset(struct train *t, int row);

/* softmax(Q K' / sqrt(depth) + masks) V per head (Vaswani et al. 2017). q (N, Tq, heads depth), k
 * (N, Tk, heads depth), v (N, Tk, heads width). mask: value (N, Tk) with 0 for keys not to look at,
 * or -1. causal: query i sees keys up to i. A query that may look at nothing gives 0. */
int train_attention(struct train *t, int q, int k, int v, int heads, int mask, bool causal);

/* ---- losses -------------------------------------------------------------------------------- */
enum train_loss_kind {
    TRAIN_BCE,           /* x: logits, target in [0, 1] */
    TRAIN_FOCAL,         /* the same, times alpha_t (1 - p_t)^gamma (Lin et al. 2017) */
    TRAIN_CROSS_ENTROPY, /* x (..., C): logits, target (...): the class */
    TRAIN_L1,
    TRAIN_SMOOTH_L1, /* |d| < beta ? d^2 / (2 beta) : |d| - beta / 2 (Girshick 2015) */
    TRAIN_GIOU,      /* x, target (..., 4): x0 y0 x1 y1; 1 - GIoU (Rezatofighi et al. 2019) */
    TRAIN_CIOU,      /* 1 - CIoU (Zheng et al. 2020), its alpha without gradient */
    TRAIN_GAUSSIAN,  /* -log N(target; x, sigma), without the constant; log_scale: log sigma */
    TRAIN_LAPLACE,   /* -log of Laplace's density, without the constant; log_scale: log b */
};
struct train_loss {
    enum train_loss_kind kind;
    const char *name;
    int x, target;
    int log_scale; /* of the last two: a value of x's shape */
    /* What counts and how much: a value with one number per term of the sum (per row where a row is
     * one term), or one for each row of the last axis. has_mask false: everything counts 1. */
    int mask;
    bool has_mask;
    /* The sum is divided by the sum of the mask (at least 1), or by `per` if that is not 0. */
    float per;
    float weight;             /* 0: 1 */
    float alpha, gamma, beta; /* alpha 0: no balance; gamma, beta 0: 2, 1 */
};
void train_loss(struct train *t, const struct train_loss *l);
/* Called in each pass between the network and its losses: targets may depend on outputs. One for a
 * struct train; arg is borrowed. */
void train_before_losses(struct train *t, void (*fill)(void *arg), void *arg);

/* ---- the recipe ---------------------------------------------------------------------------- */
enum train_optimiser { TRAIN_ADAMW, TRAIN_SGD };
struct train_recipe {
    enum train_optimiser optimiser; /* AdamW: Loshchilov and Hutter 2019 */
    float rate;
    float decay;            /* not on biases, norms and train_parameter() */
    float beta1;            /* 0: 0.9; SGD's momentum */
    float beta2;            /* 0: 0.999 */
    float epsilon;          /* 0: 1e-8 */
    int64_t warm_up, steps; /* linear up to rate, then half a cosine down; steps 0: constant */
    float rate_end;         /* what the cosine ends at, as share of rate */
    float clip;             /* largest norm of all gradients together; 0: none */
    float ema;              /* how much the average of the weights keeps in a step; 0: no average */
};
double train_rate_at(const struct train_recipe *r, int64_t step);

/* Place everything in memory. ERR_MISMATCH: what the first wrong builder call was; ERR_NOMEM. */
MUST_CHECK enum err train_plan(struct train *t, const struct train_recipe *r, struct why *why);
size_t train_bytes(const struct train *t);   /* of that memory */
size_t train_weights(const struct train *t); /* trained numbers */

struct train_report {
    int64_t step; /* that this one was, from 0 */
    double loss;  /* weighted sum */
    int n_terms;
    double term[TRAIN_MAX_LOSSES]; /* unweighted, in the order of train_loss() */
    double gradient;               /* norm before clipping */
    double rate;
    bool skipped; /* loss or gradient was not finite: weights are as before */
};
/* One step with what lies in the inputs. Never allocates. */
void train_step(struct train *t, struct train_report *report);
/* Losses and outputs alone, as the exported network will compute them. averaged: with the average of
 * the weights. Carried states go on as in a step: train_reset() before and after. */
void train_evaluate(struct train *t, bool averaged, struct train_report *report);
int64_t train_steps_done(const struct train *t);

/* ---- for tests and tools ------------------------------------------------------------------- */
struct train_weights_view {
    const char *name; /* "conv3.weight" */
    int rank, dim[TRAIN_MAX_RANK];
    size_t n;
    float *value, *gradient, *average; /* gradient NULL: running statistics; average NULL: none */
};
int train_parameters(const struct train *t);
struct train_weights_view train_parameter_view(struct train *t, int i);
/* Loss and gradients of this batch, no update. */
void train_gradients(struct train *t, struct train_report *report);

/* ---- checkpoints --------------------------------------------------------------------------- */
/* Everything that a later step depends on: weights, optimiser, average, states, step; and n bytes of
 * the caller's (where the sampler stands). Written beside path, then renamed: whatever happens,
 * path is a whole checkpoint. ERR_IO. */
MUST_CHECK enum err train_save(struct train *t, const char *path, const void *extra, size_t n,
                               struct why *why);
/* After train_plan() of the same network. ERR_IO (errno ENOENT: there is none), ERR_FORMAT (damaged),
 * ERR_MISMATCH (another network, version or size of extra). On failure t is as before. */
MUST_CHECK enum err train_load(struct train *t, const char *path, void *extra, size_t n,
                               struct why *why);

/* ---- export -------------------------------------------------------------------------------- */
struct train_export {
    bool averaged;   /* the average of the weights */
    bool keep_norms; /* BatchNormalization nodes; otherwise folded into the convolution before */
    bool keep_batch; /* that of the network; otherwise 1 */
    int n_metadata;  /* metadata_props, for instance outrider.decoder */
    const char *const (*metadata)[2];
};
/* ONNX, opset 17, batch 1 unless kept, pictures as (1, C, H, W), with the inputs that outputs depend on. Recurrent layers that carry
 * their states get them as inputs and outputs NAME_h_in, NAME_h (and c). Masks of recurrent layers and dropout are
 * left out. *bytes is the caller's to free(). */
MUST_CHECK enum err train_export_bytes(struct train *t, const struct train_export *x,
                                       unsigned char **bytes, size_t *n, struct why *why);
MUST_CHECK enum err train_export(struct train *t, const char *path, const struct train_export *x,
                                 struct why *why);

/* The way back: begin with the weights of such a file, exported with keep_norms (norms over rows do not
 * come back). After train_plan(); what was trained so far, and the optimiser, are left as they are. All of them or
 * none: ERR_MISMATCH says which one is not there or has another shape. Also ERR_IO, ERR_FORMAT, ERR_LIMIT. */
MUST_CHECK enum err train_import_bytes(struct train *t, const void *bytes, size_t n,
                                       struct why *why);
MUST_CHECK enum err train_import(struct train *t, const char *path, struct why *why);

#endif
