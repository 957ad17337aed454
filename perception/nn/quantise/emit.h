/* The model's file with QuantizeLinear and DequantizeLinear where a choice says. */
#ifndef OUTRIDER_NN_QUANTISE_EMIT_H
#define OUTRIDER_NN_QUANTISE_EMIT_H

#include "perception/nn/quantise/layer.h"

/* Values that share scale and zero point. */
struct group {
    struct range range;
    Onnx__TensorProto *scale, *zero; /* scalars: float32, uint8 */
};

struct groups {
    int n;
    struct group *group;
    int *of; /* (n_values) of the model; -1: never 8 bit */
};

/* For everything that the choice in p makes 8 bit. What only moves numbers keeps their scale; what
 * Concat joins shares one as long as that costs nobody more than two bits. Memory from the model's
 * region. */
MUST_CHECK enum err groups_make(struct groups *s, struct qmodel *m, const struct place *p,
                                const struct calibration *c, struct pool *pool);

/* layer_of (n_nodes): the layer that a node is; NULL. What is integer or 8 bit by p becomes so.
 * *bytes is the caller's to free(). */
MUST_CHECK enum err quantised_pack(const struct qmodel *m, const struct place *p,
                                   const struct groups *s, struct layer *const *layer_of,
                                   unsigned char **bytes, size_t *n);

#endif
