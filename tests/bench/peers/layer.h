/* One convolution for peers that are libraries of layers. Named by one argument,
 *   C,M,H,W,kernel,stride,dilation,groups,transposed
 * with pads of (kernel - 1) dilation / 2 on every side, none if transposed; no bias. Input and
 * weights are patterns over their places in ONNX's order, so that all peers compute the same. */
#ifndef OUTRIDER_BENCH_LAYER_H
#define OUTRIDER_BENCH_LAYER_H

#include "tests/bench/peers/serve.h"

struct layer {
    int C, M, H, W, kernel, stride, dilation, groups, transposed;
    int pad, OH, OW;
};

static inline struct layer layer_read(int argc, char **argv)
{
    struct layer l = {0};

    if (argc != 2 || sscanf(argv[1], "%d,%d,%d,%d,%d,%d,%d,%d,%d", &l.C, &l.M, &l.H, &l.W,
                            &l.kernel, &l.stride, &l.dilation, &l.groups, &l.transposed) != 9) {
        fprintf(stderr, "usage: %s C,M,H,W,kernel,stride,dilation,groups,transposed\n", argv[0]);
        exit(2);
    }
    l.pad = l.transposed ? 0 : (l.kernel - 1) * l.dilation / 2;
    if (l.transposed) {
        l.OH = (l.H - 1) * l.stride + l.kernel;
        l.OW = (l.W - 1) * l.stride + l.kernel;
    } else {
        l.OH = (l.H + 2 * l.pad - (l.kernel - 1) * l.dilation - 1) / l.stride + 1;
        l.OW = (l.W + 2 * l.pad - (l.kernel - 1) * l.dilation - 1) / l.stride + 1;
    }
    return l;
}

/* Number i of the input, of the weights. */
static inline float layer_x(size_t i)
{
    return (float)(i * 7919 % 256) / 255;
}

static inline float layer_w(size_t i)
{
    return layer_x(i) - 0.5f;
}

#endif
