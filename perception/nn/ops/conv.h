/* What fuse.c may change about convolutions and batch norms: what happens to their sums. */
#ifndef OUTRIDER_NN_CONV_H
#define OUTRIDER_NN_CONV_H

#include "perception/nn/ops/window.h"

/* Inputs of Conv and ConvTranspose; the last two come by fusing only. */
enum { CONV_X, CONV_W, CONV_BIAS, CONV_SLOPE, CONV_ADD, CONV_INPUTS };
/* Inputs of BatchNormalization */
enum { NORM_X, NORM_SCALE, NORM_BIAS, NORM_MEAN, NORM_VAR, NORM_SLOPE, NORM_INPUTS };

struct conv_params {
    struct epilogue e; /* first, also of norm_params; its pointers are set while running */
    struct window w;
    int groups;
    int M;             /* output channels */
    bool x_planes;     /* channels last (last.h), but the input is not */
    size_t at;         /* channels last: where its channels begin in what it makes (fuse_parts.c) */
    bool packed_early; /* else the weights are known only when running */
};

struct norm_params {
    struct epilogue e;
    float epsilon;
};

bool is_conv(const struct node *n);
bool is_conv_transpose(const struct node *n);
bool is_batch_norm(const struct node *n);
/* The same in training: mean and variance are counted. */
extern const struct op op_batch_training;
/* n becomes a LayerNormalization of rows of `row` numbers, whose inputs it has; or Gelu. */
MUST_CHECK enum err layer_norm_set(struct graph *g, struct node *n, int64_t row, float epsilon);
MUST_CHECK enum err gelu_set(struct graph *g, struct node *n, bool with_tanh);
bool unary_activation(const struct node *n, struct epilogue *e); /* fills act, a, b if it is one */
bool clip_activation(const struct node *n, struct epilogue *e);

#endif
