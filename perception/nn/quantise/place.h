/* Which nodes are to run on integers, and which values therefore become 8 bit.
 *
 * Layers (convolutions, products with constant weights) are what pays. Between layers everything
 * that an engine can do on 8 bit numbers is drawn in (moving, pooling, sums, activations), so that
 * the network stays integer from layer to layer; what leads to no layer (the decoding tail), or does
 * not come from one (attention), stays float. */
#ifndef OUTRIDER_NN_QUANTISE_PLACE_H
#define OUTRIDER_NN_QUANTISE_PLACE_H

#include "perception/nn/quantise/model.h"

enum node_kind {
    KIND_FLOAT,
    KIND_LAYER, /* convolution or product with constant weights */
    KIND_SAME,  /* moves, picks or averages numbers: input and output share a scale */
    KIND_MATH,  /* sums, products, batch norms, activations: a scale of its own */
};

struct place {
    int n_nodes, n_values;
    enum node_kind *kind; /* (n_nodes) */
    bool *derived;        /* (n_values) comes from a layer or the network's input by KIND_SAME and
                             KIND_MATH only */
    bool *inner;          /* (n_values) between a layer or sum and the activation behind it: never
                             8 bit by itself */

    /* of the choice at hand: */
    bool *integer; /* (n_nodes) runs on integers */
    bool *eight;   /* (n_values) becomes 8 bit: a QuantizeLinear, DequantizeLinear pair behind it */
};

/* Memory from the model's region. */
MUST_CHECK enum err place_init(struct place *p, struct qmodel *m);

/* integer and eight, with those layers on integers that the flags (n_nodes) name. */
void place_choose(struct place *p, const struct qmodel *m, const bool *layer);

/* Is input i of n one that carries the picture (rather than a shape or a weight)? */
bool place_is_data(const struct qmodel *m, const struct qnode *n, int i);

/* What a layer's weights are: where the channels of the output lie, and how many. */
struct weight_shape {
    int axis;              /* of the channels in the weights */
    int64_t channels;      /* scales: the length of that axis */
    int64_t before, after; /* product of the dimensions before and after it */
};
/* False: no layer that we quantise. */
bool layer_weights(const struct qmodel *m, const struct qnode *n, struct weight_shape *s);

#endif
