/* oneDNN on one convolution, in the layouts it likes best. Threads: OMP_NUM_THREADS. */
#include <oneapi/dnnl/dnnl.h>

#include "tests/bench/peers/layer.h"

static struct layer l;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static dnnl_primitive_t primitive;
static dnnl_memory_t x, w, y, plain_y; /* in its layouts; the result in ONNX's */
static float *result;

#define TRY(call)                                                                                  \
    do {                                                                                           \
        if ((call) != dnnl_success)                                                                \
            return 0;                                                                              \
    } while (0)

static int copy(dnnl_memory_t from, dnnl_memory_t to)
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
    return 1;
}

/* Memory in the layout the primitive asks for, filled from numbers in ONNX's order. */
static int fill(dnnl_memory_t *to, dnnl_primitive_desc_t d, dnnl_query_t what,
                const dnnl_memory_desc_t *plain, float (*number)(size_t), size_t n)
{
    float *numbers = floats(n);
    dnnl_memory_t from;
    int fine;

    for (size_t i = 0; i < n; i++)
        numbers[i] = number(i);
    TRY(dnnl_memory_create(&from, plain, engine, numbers));
    TRY(dnnl_memory_create(to, dnnl_primitive_desc_query_md(d, what, 0), engine,
                           DNNL_MEMORY_ALLOCATE));
    fine = copy(from, *to);
    dnnl_memory_destroy(from);
    free(numbers);
    return fine;
}

static int describe(dnnl_primitive_desc_t *d, const dnnl_memory_desc_t any[3])
{
    dnnl_dims_t stride = {l.stride, l.stride}, dilate = {l.dilation - 1, l.dilation - 1};
    dnnl_dims_t pad = {l.pad, l.pad}, after = {pad[0], pad[1]};
    dnnl_convolution_desc_t conv;

    if (!l.transposed) { /* the far pad is what the stride leaves of it */
        after[0] = (l.OH - 1) * l.stride + (l.kernel - 1) * l.dilation + 1 - l.H - l.pad;
        after[1] = (l.OW - 1) * l.stride + (l.kernel - 1) * l.dilation + 1 - l.W - l.pad;
    }
    if (l.transposed)
        TRY(dnnl_dilated_deconvolution_forward_desc_init(
            &conv, dnnl_forward_inference, dnnl_deconvolution_direct, &any[0], &any[1], NULL,
            &any[2], stride, dilate, pad, after));
    else
        TRY(dnnl_dilated_convolution_forward_desc_init(&conv, dnnl_forward_inference,
                                                       dnnl_convolution_auto, &any[0], &any[1],
                                                       NULL, &any[2], stride, dilate, pad, after));
    TRY(dnnl_primitive_desc_create(d, &conv, NULL, engine, NULL));
    return 1;
}

static int load(void)
{
    int G = l.groups;
    dnnl_dims_t dx = {1, l.C, l.H, l.W}, dy = {1, l.M, l.OH, l.OW};
    dnnl_dims_t dw = {G, l.M / G, l.C / G, l.kernel, l.kernel};
    dnnl_format_tag_t tag_w = l.transposed ? dnnl_acbde : dnnl_abcde;
    dnnl_memory_desc_t any[3], plain[3];
    dnnl_primitive_desc_t d;

    TRY(dnnl_memory_desc_init_by_tag(&any[0], 4, dx, dnnl_f32, dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&any[1], 5, dw, dnnl_f32, dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&any[2], 4, dy, dnnl_f32, dnnl_format_tag_any));
    TRY(dnnl_memory_desc_init_by_tag(&plain[0], 4, dx, dnnl_f32, dnnl_nchw));
    TRY(dnnl_memory_desc_init_by_tag(&plain[1], 5, dw, dnnl_f32, tag_w));
    TRY(dnnl_memory_desc_init_by_tag(&plain[2], 4, dy, dnnl_f32, dnnl_nchw));
    if (G == 1) { /* without groups oneDNN wants weights of four dimensions */
        dnnl_dims_t flat = {l.M, l.C, l.kernel, l.kernel};

        TRY(dnnl_memory_desc_init_by_tag(&any[1], 4, flat, dnnl_f32, dnnl_format_tag_any));
        TRY(dnnl_memory_desc_init_by_tag(&plain[1], 4, flat, dnnl_f32,
                                         l.transposed ? dnnl_iohw : dnnl_oihw));
    }
    if (!describe(&d, any))
        return 0;
    if (!fill(&x, d, dnnl_query_src_md, &plain[0], layer_x, (size_t)l.C * l.H * l.W) ||
        !fill(&w, d, dnnl_query_weights_md, &plain[1], layer_w,
              (size_t)l.M * l.C / G * l.kernel * l.kernel))
        return 0;
    TRY(dnnl_memory_create(&y, dnnl_primitive_desc_query_md(d, dnnl_query_dst_md, 0), engine,
                           DNNL_MEMORY_ALLOCATE));
    TRY(dnnl_memory_create(&plain_y, &plain[2], engine, result));
    TRY(dnnl_primitive_create(&primitive, d));
    dnnl_primitive_desc_destroy(d);
    return 1;
}

static int run(void)
{
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}};

    TRY(dnnl_primitive_execute(primitive, stream, 3, args));
    TRY(dnnl_stream_wait(stream));
    return 1;
}

/* Once, so that `outputs` has something to read; its time does not count. */
static int load_and_run_once(void)
{
    return load() && run() && copy(y, plain_y);
}

int main(int argc, char **argv)
{
    size_t n;

    l = layer_read(argc, argv);
    n = (size_t)l.M * l.OH * l.OW;
    result = floats(n);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success)
        return 1;
    return serve(load_and_run_once, run, result, n);
}
