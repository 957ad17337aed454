/* oneDNN on one convolution, in the layouts it likes best. Threads: OMP_NUM_THREADS. */
#include <oneapi/dnnl/dnnl.h>

#include "tests/bench/peers/layer.h"

static struct layer l;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static dnnl_primitive_t primitive;
static dnnl_memory_t x, w, y; /* in its layouts */

#define TRY(call)                                                                                  \
    do {                                                                                           \
        if ((call) != dnnl_success)                                                                \
            return #call;                                                                          \
    } while (0)

static const char *copy(dnnl_memory_t from, dnnl_memory_t to)
{
    const dnnl_memory_desc_t *a, *b;
    dnnl_primitive_desc_t d;
    dnnl_primitive_t p;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};

    TRY(dnnl_memory_get_memory_desc(from, &a));
    TRY(dnnl_memory_get_memory_desc(to, &b));
    TRY(dnnl_reorder_primitive_desc_create(&d, a, engine, b, engine, NULL));
    TRY(dnnl_primitive_create(&p, d));
    TRY(dnnl_primitive_execute(p, stream, 2, args));
    TRY(dnnl_stream_wait(stream));
    dnnl_primitive_destroy(p);
    dnnl_primitive_desc_destroy(d);
    return NULL;
}

/* Memory in the layout the primitive asks for, filled from n numbers in ONNX's order. */
static const char *fill(dnnl_memory_t *to, dnnl_primitive_desc_t d, dnnl_query_t what,
                        const dnnl_memory_desc_t *plain, float (*number)(size_t), size_t n)
{
    float *numbers = floats(n);
    dnnl_memory_t from;
    const char *refused;

    for (size_t i = 0; i < n; i++)
        numbers[i] = number(i);
    TRY(dnnl_memory_create(&from, plain, engine, numbers));
    TRY(dnnl_memory_create(to, dnnl_primitive_desc_query_md(d, what, 0), engine,
                           DNNL_MEMORY_ALLOCATE));
    refused = copy(from, *to);
    dnnl_memory_destroy(from);
    free(numbers);
    return refused;
}

static const char *plain_y(dnnl_memory_desc_t *to)
{
    dnnl_dims_t dims = {1, l.M, l.OH, l.OW};

    TRY(dnnl_memory_desc_init_by_tag(to, 4, dims, dnnl_f32, dnnl_nchw));
    return NULL;
}

/* Shapes of x and w: what it is given (plain), and for its own choice (any). */
static const char *describe_inputs(dnnl_memory_desc_t plain[2], dnnl_memory_desc_t any[2])
{
    int G = l.groups, more = G > 1; /* weights have one dimension more then */
    dnnl_dims_t dx = {1, l.C, l.H, l.W}, one = {l.M, l.C, l.kernel, l.kernel};
    dnnl_dims_t many = {G, l.M / G, l.C / G, l.kernel, l.kernel};
    dnnl_format_tag_t tag =
        l.transposed ? (more ? dnnl_giohw : dnnl_iohw) : (more ? dnnl_goihw : dnnl_oihw);
    const dnnl_dim_t *dw = more ? many : one;

    TRY(dnnl_memory_desc_init_by_tag(&plain[0], 4, dx, dnnl_f32, dnnl_nchw));
    TRY(dnnl_memory_desc_init_by_tag(&plain[1], 4 + more, dw, dnnl_f32, tag));
    TRY(dnnl_memory_desc_init_by_tag(&any[0], 4, dx, dnnl_f32, dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&any[1], 4 + more, dw, dnnl_f32, dnnl_format_tag_any));
    return NULL;
}

static const char *choose(const dnnl_memory_desc_t any[2], dnnl_primitive_desc_t *d)
{
    dnnl_dims_t stride = {l.stride, l.stride}, dilate = {l.dilation - 1, l.dilation - 1};
    dnnl_dims_t pad = {l.pad, l.pad}, after = {l.pad, l.pad}, dy = {1, l.M, l.OH, l.OW};
    int reach = (l.kernel - 1) * l.dilation + 1;
    dnnl_convolution_desc_t conv;
    dnnl_memory_desc_t to;

    TRY(dnnl_memory_desc_init_by_tag(&to, 4, dy, dnnl_f32, dnnl_format_tag_any));
    if (l.transposed) {
        TRY(dnnl_dilated_deconvolution_forward_desc_init(
            &conv, dnnl_forward_inference, dnnl_deconvolution_direct, &any[0], &any[1], NULL, &to,
            stride, dilate, pad, after));
    } else { /* the far pad is what the stride leaves of it */
        after[0] = (l.OH - 1) * l.stride + reach - l.H - l.pad;
        after[1] = (l.OW - 1) * l.stride + reach - l.W - l.pad;
        TRY(dnnl_dilated_convolution_forward_desc_init(&conv, dnnl_forward_inference,
                                                       dnnl_convolution_auto, &any[0], &any[1],
                                                       NULL, &to, stride, dilate, pad, after));
    }
    TRY(dnnl_primitive_desc_create(d, &conv, NULL, engine, NULL));
    return NULL;
}

static const char *load(void)
{
    dnnl_memory_desc_t plain[2], any[2];
    size_t n_x = (size_t)l.C * l.H * l.W, n_w = (size_t)l.M * l.C / l.groups * l.kernel * l.kernel;
    dnnl_primitive_desc_t d;
    const char *refused;

    if ((refused = describe_inputs(plain, any)) || (refused = choose(any, &d)) ||
        (refused = fill(&x, d, dnnl_query_src_md, &plain[0], layer_x, n_x)) ||
        (refused = fill(&w, d, dnnl_query_weights_md, &plain[1], layer_w, n_w)))
        return refused;
    TRY(dnnl_memory_create(&y, dnnl_primitive_desc_query_md(d, dnnl_query_dst_md, 0), engine,
                           DNNL_MEMORY_ALLOCATE));
    TRY(dnnl_primitive_create(&primitive, d));
    dnnl_primitive_desc_destroy(d);
    return NULL;
}

static const char *run(void)
{
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}};

    TRY(dnnl_primitive_execute(primitive, stream, 3, args));
    TRY(dnnl_stream_wait(stream));
    return NULL;
}

static void print_outputs(void)
{
    size_t n = (size_t)l.M * l.OH * l.OW;
    float *numbers = floats(n);
    dnnl_memory_desc_t plain;
    dnnl_memory_t to;

    if (plain_y(&plain) || dnnl_memory_create(&to, &plain, engine, numbers) != dnnl_success ||
        copy(y, to))
        exit(1);
    print_mean(numbers, n);
    dnnl_memory_destroy(to);
    free(numbers);
}

int main(int argc, char **argv)
{
    l = layer_read(argc, argv);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success)
        return 1;
    return serve(&(struct peer){load, run, print_outputs});
}
