/* One layer's weights and bias as integers. */
#ifndef OUTRIDER_NN_QUANTISE_LAYER_H
#define OUTRIDER_NN_QUANTISE_LAYER_H

#include "perception/nn/quantise/calibrate.h"

struct layer {
    int node;
    struct weight_shape shape;
    Onnx__TensorProto *weights, *scale, *zero;        /* int8, float32 and int8 (channels) */
    Onnx__TensorProto *bias, *bias_scale, *bias_zero; /* int32, float32, int32 (M); NULL: none */
    double macs, nsr; /* noise to signal when it alone is quantised */
    bool kept;        /* stays float */
};

/* Scales with the least error, each weight's counted by how large its input is (mean square), and a
 * bias corrected by the mean error of the outputs that rounding the weights makes: E[x] (w - wq), as
 * in Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction"
 * (arXiv:1906.04721), section 4.2, with means that were measured. Tensors lie in r. */
MUST_CHECK enum err layer_quantise(struct layer *l, struct region *r, const struct qmodel *m,
                                   const struct observed *x, struct range input);

#endif
