/* XNNPACK on one convolution, channels last. One thread. */
#include <xnnpack.h>

#include "tests/bench/peers/layer.h"

static struct layer l;
static xnn_operator_t op;
static float *x, *y, *w;

/* ONNX (C, H, W) -> (H, W, C) */
static void fill_input(void)
{
    for (int c = 0; c < l.C; c++)
        for (int i = 0; i < l.H * l.W; i++)
            x[(size_t)i * l.C + c] = layer_x((size_t)c * l.H * l.W + i);
}

/* ONNX (M, C / groups, k, k), transposed (C, M / groups, k, k) -> (M, k, k, C / groups) */
static void fill_weights(void)
{
    int in = l.C / l.groups, out = l.M / l.groups, taps = l.kernel * l.kernel;

    for (int m = 0; m < l.M; m++)
        for (int c = 0; c < in; c++)
            for (int t = 0; t < taps; t++) {
                size_t conv = ((size_t)m * in + c) * taps + t;
                size_t deconv = ((size_t)(m / out * in + c) * out + m % out) * taps + t;

                w[((size_t)m * taps + t) * in + c] = layer_w(l.transposed ? deconv : conv);
            }
}

static const char *load(void)
{
    uint32_t k = (uint32_t)l.kernel, s = (uint32_t)l.stride, d = (uint32_t)l.dilation;
    uint32_t p = (uint32_t)l.pad, G = (uint32_t)l.groups;
    size_t in = (size_t)(l.C / l.groups), out = (size_t)(l.M / l.groups), C = (size_t)l.C,
           M = (size_t)l.M, H = (size_t)l.H, W = (size_t)l.W;
    enum xnn_status status;

    fill_input();
    fill_weights();
    if (l.transposed) {
        status = xnn_create_deconvolution2d_nhwc_f32(0, 0, 0, 0, k, k, s, s, d, d, G, in, out, C, M,
                                                     w, NULL, -INFINITY, INFINITY, 0, &op);
        if (status == xnn_status_success)
            status = xnn_setup_deconvolution2d_nhwc_f32(op, 1, H, W, 0, 0, x, y, NULL);
    } else {
        status = xnn_create_convolution2d_nhwc_f32(p, p, p, p, k, k, s, s, d, d, G, in, out, C, M,
                                                   w, NULL, -INFINITY, INFINITY, 0, &op);
        if (status == xnn_status_success)
            status = xnn_setup_convolution2d_nhwc_f32(op, 1, H, W, x, y, NULL);
    }
    return status == xnn_status_success ? NULL : "does not make this layer";
}

static const char *run(void)
{
    return xnn_run_operator(op, NULL) == xnn_status_success ? NULL : "does not run";
}

static void print_outputs(void)
{
    print_mean(y, (size_t)l.M * l.OH * l.OW);
}

int main(int argc, char **argv)
{
    size_t slack = XNN_EXTRA_BYTES / sizeof(float);

    l = layer_read(argc, argv);
    x = floats((size_t)l.C * l.H * l.W + slack);
    y = floats((size_t)l.M * l.OH * l.OW + slack);
    w = floats((size_t)l.M * l.C / l.groups * l.kernel * l.kernel + slack);
    if (xnn_initialize(NULL) != xnn_status_success)
        return 1;
    return serve(&(struct peer){load, run, print_outputs});
}
