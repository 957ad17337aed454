/* The operators that layout.c puts in the place of others: the same on pictures whose channels lie
 * last. No file can name them. */
#ifndef OUTRIDER_NN_LAST_H
#define OUTRIDER_NN_LAST_H

#include "perception/nn/ops/ops.h"

/* (N, C, ...) to (N, ..., C) and back */
extern const struct op op_to_last, op_to_planes;
/* params: struct conv_params; inputs as enum CONV_... (conv.h) */
extern const struct op op_conv_last, op_conv_transpose_last;
extern const struct op op_pool_last;   /* params: struct pool_last */
extern const struct op op_resize_last; /* params: struct resize_last */

struct pool_last {
    struct conv_shape shape;
    bool max, count_pads;
    size_t at; /* as in struct conv_params */
};

struct resize_last {
    struct resize_shape shape;
    int N;
    size_t at; /* as in struct conv_params */
};

/* What a node is in those terms, while it still is plane by plane; false if it cannot be. */
bool conv_as_last(const struct node *n);
bool pool_as_last(const struct node *n, struct pool_last *p);
bool resize_as_last(const struct node *n, struct resize_last *p);

/* Where a node says at which channel of its output what it makes begins, the output being a picture
 * with more channels than it makes; NULL if it makes dense pictures only. */
size_t *last_part_at(struct node *n);

#endif
