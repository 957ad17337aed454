/* Between file and run: shapes, folding, fusing, places. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/inspect.h"
#include "perception/nn/ops/last.h"
#include "tests/onnx_model.h"

static struct model m;
static struct why why;

static struct net *opened(struct pool *pool)
{
    struct net_options opt = {.cpu_mask = ~0u, .pool = pool};
    size_t n;
    const uint8_t *bytes = model_pack(&m, &n);
    struct net *net;

    cr_assert_eq(net_open_memory(bytes, n, &opt, &net, &why), OK, "%s", why.text);
    return net;
}

static void fill(struct tensor *t)
{
    for (int64_t i = 0; i < tensor_count(t); i++)
        ((float *)t->data)[i] = (float)(i * 37 % 101) / 50.0f - 1.0f;
}

/* ---- folding ------------------------------------------------------------------------------- */
/* Only the second output has a name. */
Test(nn_graph, constants_are_folded_into_later_outputs)
{
    const float v[] = {1, 5, 3};
    struct net *net;
    size_t n;

    model_init(&m, 13);
    model_f32(&m, "v", "3", v);
    model_i64(&m, "k", "1", (int64_t[]){2});
    model_node(&m, "TopK", "v,k", ",i");
    model_output(&m, "i");
    const uint8_t *bytes = model_pack(&m, &n);
    cr_assert_eq(net_open_memory(bytes, n, NULL, &net, &why), OK, "%s", why.text);
    cr_assert_eq(net_run(net, &why), OK);
    cr_assert_eq(((const int64_t *)net_output(net, 0)->data)[0], 1);
    cr_assert_eq(((const int64_t *)net_output(net, 0)->data)[1], 2);
    net_close(net);
    model_free(&m);
}

Test(nn_graph, shapes_computed_in_the_graph_fold_away)
{
    struct net *net;

    model_init(&m, 13); /* Reshape(x, Concat(Gather(Shape(x), 0), [-1])) */
    model_input(&m, "x", DTYPE_F32, "2,3,4");
    model_i64(&m, "zero", "1", (int64_t[]){0});
    model_i64(&m, "rest", "1", (int64_t[]){-1});
    model_node(&m, "Shape", "x", "s");
    model_node(&m, "Gather", "s,zero", "n");
    model_attr_int(&m, model_node(&m, "Concat", "n,rest", "to"), "axis", 0);
    model_node(&m, "Reshape", "x,to", "r");
    model_node(&m, "Relu", "r", "y");
    model_output(&m, "y");
    net = opened(NULL);
    cr_assert_eq(net_graph(net)->n_nodes, 2);
    cr_assert_eq(net_output(net, 0)->rank, 2);
    cr_assert_eq(net_output(net, 0)->dim[1], 12);
    net_close(net);
    model_free(&m);
}

Test(nn_graph, a_constant_may_be_an_output)
{
    struct net *net;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "2");
    model_f32(&m, "c", "2", (float[]){1, 2});
    model_node(&m, "Add", "c,c", "y");
    model_output(&m, "y");
    model_output(&m, "x");
    net = opened(NULL);
    ((float *)net_input(net, 0)->data)[1] = 5;
    cr_assert_eq(net_run(net, &why), OK);
    cr_assert_eq(((const float *)net_output(net, 0)->data)[1], 4.0f);
    cr_assert_eq(((const float *)net_output(net, 1)->data)[1], 5.0f);
    net_close(net);
    model_free(&m);
}

/* ---- fusing: with a second output in between nothing may be fused, and the numbers agree --- */
typedef void tail_fn(void);

static void head(const char *type, const char *weights)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,4,6,6");
    model_pattern(&m, "w", weights, 1);
    model_pattern(&m, "b", "6", 2);
    model_node(&m, type, "x,w,b", "c");
}

static void tail_batch_norm(void)
{
    model_pattern(&m, "s", "6", 3);
    model_pattern(&m, "o", "6", 4);
    model_pattern(&m, "mean", "6", 5);
    model_f32(&m, "var", "6", (float[]){0.5f, 1, 2, 0.1f, 0.7f, 3});
    model_node(&m, "BatchNormalization", "c,s,o,mean,var", "y");
}

static void tail_prelu(void)
{
    tail_batch_norm();
    m.nodes[m.graph.n_node - 1]->output[0] = model_text(&m, "n");
    model_pattern(&m, "slope", "6,1,1", 6);
    model_node(&m, "PRelu", "n,slope", "y");
}

static void tail_scale(void)
{
    model_pattern(&m, "s", "1,6,1,1", 3);
    model_pattern(&m, "o", "6,1,1", 4);
    model_node(&m, "Mul", "s,c", "d");
    model_node(&m, "Add", "d,o", "y");
}

static void tail_silu(void)
{
    model_node(&m, "Sigmoid", "c", "g");
    model_node(&m, "Mul", "c,g", "y");
}

static void tail_clip(void)
{
    model_f32(&m, "lo", "", (float[]){-0.1f});
    model_f32(&m, "hi", "", (float[]){0.2f});
    model_node(&m, "Clip", "c,lo,hi", "y");
}

static void tail_hardsigmoid(void)
{
    model_attr_float(&m, model_node(&m, "HardSigmoid", "c", "y"), "alpha", 0.3f);
}

static void tail_residual(void)
{
    model_pattern(&m, "w2", "6,6,1,1", 7);
    model_node(&m, "Conv", "c,w2", "d");
    model_node(&m, "Add", "d,c", "r");
    model_node(&m, "Relu", "r", "y");
}

static void tail_late_residual(void) /* after the activation, from a node behind the convolution */
{
    model_node(&m, "Relu", "c", "a");
    model_pattern(&m, "w2", "6,6,1,1", 7);
    model_node(&m, "Conv", "a,w2", "d");
    model_node(&m, "LeakyRelu", "d", "e");
    model_node(&m, "Add", "a,e", "y");
}

static void tail_transposes(void) /* one on either side, of matrices that are not square */
{
    model_attr_int(&m, model_node(&m, "Concat", "c,c", "d"), "axis", 3);
    model_attr_ints(&m, model_node(&m, "Transpose", "d", "dt"), "perm", "0,1,3,2");
    model_node(&m, "MatMul", "dt,c", "e");
    model_attr_ints(&m, model_node(&m, "Transpose", "e", "et"), "perm", "0,1,3,2");
    model_node(&m, "MatMul", "c,et", "y");
}

static void tail_attention(void) /* softmax(c c' / 2) c */
{
    model_attr_ints(&m, model_node(&m, "Transpose", "c", "ct"), "perm", "0,1,3,2");
    model_node(&m, "MatMul", "c,ct", "q");
    model_f32(&m, "two", "", (float[]){2});
    model_node(&m, "Div", "q,two", "d");
    model_node(&m, "Softmax", "d", "p");
    model_node(&m, "MatMul", "p,c", "y");
}

static void tail_attention_turned(void) /* c softmax(c' c)', as when channels come first */
{
    model_attr_ints(&m, model_node(&m, "Transpose", "c", "ct"), "perm", "0,1,3,2");
    model_node(&m, "MatMul", "ct,c", "q");
    model_attr_int(&m, model_node(&m, "Softmax", "q", "p"), "axis", 3);
    model_attr_ints(&m, model_node(&m, "Transpose", "p", "pt"), "perm", "0,1,3,2");
    model_node(&m, "MatMul", "c,pt", "y");
}

static void tail_separable(void) /* depthwise, then pointwise with a residual */
{
    model_pattern(&m, "wd", "6,1,3,3", 7);
    model_pattern(&m, "wp", "6,6,1,1", 8);
    Onnx__NodeProto *n = model_node(&m, "Conv", "c,wd", "d");
    model_attr_int(&m, n, "group", 6);
    model_attr_ints(&m, n, "pads", "1,1,1,1");
    model_node(&m, "Relu", "d", "r");
    model_node(&m, "Conv", "r,wp", "p");
    model_node(&m, "Add", "p,c", "y");
}

static void tail_not_attention(void) /* the softmax runs along the other side */
{
    model_node(&m, "MatMul", "c,c", "q");
    model_attr_int(&m, model_node(&m, "Softmax", "q", "p"), "axis", 2);
    model_node(&m, "Relu", "p", "r");
    model_node(&m, "MatMul", "r,c", "y");
}

/* Run with the tail; open_all: every value between is an output too, which keeps it as it is. */
static float *run_with(tail_fn *tail, bool transposed, bool open_all, int *nodes, int64_t *count)
{
    struct net *net;
    float *y;

    if (transposed)
        head("ConvTranspose", "4,6,2,2");
    else
        head("Conv", "6,4,3,3");
    tail();
    model_output(&m, "y");
    for (size_t i = 0; open_all && i < m.graph.n_node; i++)
        if (strcmp(m.nodes[i]->output[0], "y") != 0)
            model_output(&m, m.nodes[i]->output[0]);
    net = opened(NULL);
    fill(net_input(net, 0));
    cr_assert_eq(net_run(net, &why), OK);
    *nodes = 0; /* without those that turn pictures around at the borders */
    for (int i = 0; i < net_graph(net)->n_nodes; i++)
        *nodes += net_graph(net)->node[i]->op != &op_to_last &&
                  net_graph(net)->node[i]->op != &op_to_planes;
    *count = tensor_count(net_output(net, 0));
    y = malloc((size_t)*count * sizeof *y);
    memcpy(y, net_output(net, 0)->data, (size_t)*count * sizeof *y);
    net_close(net);
    model_free(&m);
    return y;
}

static void check_fusing(tail_fn *tail, int nodes_left)
{
    for (int transposed = 0; transposed < 2; transposed++) {
        int fused, plain;
        int64_t n, n2;
        float *a = run_with(tail, transposed, false, &fused, &n);
        float *b = run_with(tail, transposed, true, &plain, &n2);

        cr_assert_eq(fused, nodes_left, "%d nodes, expected %d", fused, nodes_left);
        cr_assert_gt(plain, fused);
        cr_assert_eq(n, n2);
        for (int64_t i = 0; i < n; i++)
            cr_assert_float_eq(a[i], b[i], 2e-5f, "%g and %g at %d", (double)a[i], (double)b[i],
                               (int)i);
        free(a);
        free(b);
    }
}

Test(nn_graph, fuses_batch_norm)
{
    check_fusing(tail_batch_norm, 1);
}

Test(nn_graph, fuses_prelu_behind_batch_norm)
{
    check_fusing(tail_prelu, 1);
}

Test(nn_graph, fuses_factor_and_addend)
{
    check_fusing(tail_scale, 1);
}

Test(nn_graph, fuses_silu)
{
    check_fusing(tail_silu, 1);
}

Test(nn_graph, fuses_clip)
{
    check_fusing(tail_clip, 1);
}

Test(nn_graph, fuses_hardsigmoid)
{
    check_fusing(tail_hardsigmoid, 1);
}

Test(nn_graph, products_read_through_transposes)
{
    check_fusing(tail_transposes, 4);
}

Test(nn_graph, fuses_attention)
{
    check_fusing(tail_attention, 2);
    check_fusing(tail_attention_turned, 2);
}

Test(nn_graph, fuses_depthwise_and_pointwise)
{
    check_fusing(tail_separable, 2);
}

Test(nn_graph, leaves_what_only_looks_like_attention)
{
    int nodes;
    int64_t n;

    free(run_with(tail_not_attention, false, false, &nodes, &n));
    cr_assert_eq(nodes, 5);
}

Test(nn_graph, fuses_residual)
{
    check_fusing(tail_residual, 2);
}

Test(nn_graph, fuses_residual_behind_activation)
{
    check_fusing(tail_late_residual, 2);
}

/* ---- places -------------------------------------------------------------------------------- */
struct place {
    const char *from, *to;
    int born, dies;
};

static bool overlap(const struct place *a, const struct place *b)
{
    return a->from < b->to && b->from < a->to && a->born <= b->dies && b->born <= a->dies;
}

Test(nn_graph, living_values_do_not_overlap)
{
    struct place p[64];
    struct net *net;
    const struct graph *g;
    int n = 0;

    model_init(&m, 13); /* a tangle: every value is read again much later */
    model_input(&m, "v0", DTYPE_F32, "3,5");
    for (int i = 1; i <= 20; i++) {
        char one[16], both[32], to[16];

        snprintf(one, sizeof one, "v%d", i - 1);
        snprintf(both, sizeof both, "v%d,v%d", i - 1, i / 2);
        snprintf(to, sizeof to, "v%d", i);
        if (i % 4 == 0)
            model_attr_int(&m, model_node(&m, "Concat", both, to), "axis", 0);
        else
            model_node(&m, i % 4 == 3 ? "Abs" : "Identity", one, to);
    }
    model_output(&m, "v20");
    model_output(&m, "v10");
    net = opened(NULL);
    g = net_graph(net);
    for (int i = 0; i < g->n_values; i++) {
        const struct value *v = g->value[i];

        if (v->base != v || v->constant || !v->uses)
            continue;
        cr_assert_lt(n, 64);
        p[n++] =
            (struct place){v->t.data, (char *)v->t.data + tensor_bytes(&v->t), v->born, v->dies};
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            cr_assert(!overlap(&p[i], &p[j]));
    cr_assert_gt(n, 4);
    net_close(net);
    model_free(&m);
}

/* x, 2x, 4x ... each twice the one before: no more than the last two and the input are needed, though
 * those before leave no gap for what is born later. */
Test(nn_graph, places_go_to_the_largest_first)
{
    enum { N = 6, COUNT = 1000 };
    struct net *net;
    size_t last = COUNT * sizeof(float) << N, arena;

    model_init(&m, 13);
    model_input(&m, "v0", DTYPE_F32, "1000");
    for (int i = 1; i <= N; i++) {
        char both[32], to[16];

        snprintf(both, sizeof both, "v%d,v%d", i - 1, i - 1);
        snprintf(to, sizeof to, "v%d", i);
        model_attr_int(&m, model_node(&m, "Concat", both, to), "axis", 0);
    }
    model_output(&m, "v6");
    net = opened(NULL);
    arena = net_facts(net)->arena_bytes;
    cr_assert_geq(arena, last + last / 2);
    cr_assert_leq(arena, last + last / 2 + COUNT * sizeof(float) + 3 * 128);
    net_close(net);
    model_free(&m);
}

/* What a node needs while it runs lies beside what it reads and makes, and over what is dead. */
Test(nn_graph, scratch_has_a_place_of_its_own)
{
    struct net *net;
    const struct graph *g;
    int n = 0;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "300");
    model_i64(&m, "k", "1", (int64_t[]){200});
    model_node(&m, "TopK", "x,k", "v,i");
    model_node(&m, "Neg", "v", "n");
    model_node(&m, "TopK", "n,k", "y,j");
    for (const char *const *out = (const char *const[]){"i", "y", "j", NULL}; *out; out++)
        model_output(&m, *out);
    net = opened(NULL);
    g = net_graph(net);
    for (int i = 0; i < g->n_nodes; i++) {
        const struct node *node = g->node[i];

        for (int j = 0; j < g->n_values; j++) {
            const struct value *v = g->value[j];

            if (v->base != v || v->constant || !v->uses || v->born > i || v->dies < i)
                continue;
            cr_assert(node->scratch_place + node->scratch <= v->place ||
                      v->place + tensor_bytes(&v->t) <= node->scratch_place);
            n += node->scratch > 0;
        }
    }
    cr_assert_gt(n, 3);
    net_close(net);
    model_free(&m);
}

/* Whatever lies where: run twice with the same input, the result is the same and the input intact.
 */
Test(nn_graph, running_again_gives_the_same)
{
    float first[48], input[48];
    struct net *net;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "4,12");
    model_i64(&m, "s", "2", (int64_t[]){12, 4});
    model_node(&m, "Reshape", "x,s", "r"); /* a view of the input must not be computed in */
    model_node(&m, "Neg", "r", "n");
    model_node(&m, "Exp", "n", "e");
    model_node(&m, "Add", "e,r", "y");
    model_output(&m, "y");
    net = opened(NULL);
    fill(net_input(net, 0));
    memcpy(input, net_input(net, 0)->data, sizeof input);
    cr_assert_eq(net_run(net, &why), OK);
    memcpy(first, net_output(net, 0)->data, sizeof first);
    cr_assert_eq(net_run(net, &why), OK);
    cr_assert_arr_eq(net_output(net, 0)->data, first, sizeof first);
    cr_assert_arr_eq(net_input(net, 0)->data, input, sizeof input);
    cr_assert_float_eq(first[0], expf(-input[0]) + input[0], 1e-5f);
    net_close(net);
    model_free(&m);
}

/* Any number of threads, the same bytes. */
Test(nn_graph, threads_do_not_change_the_result)
{
    float *want = NULL;

    for (int threads = 1; threads <= 3; threads++) {
        struct pool *pool;
        struct net *net;
        size_t n;

        cr_assert_eq(pool_open(threads, &pool), OK);
        model_init(&m, 13);
        model_input(&m, "x", DTYPE_F32, "1,8,40,40");
        model_pattern(&m, "w", "32,8,3,3", 1);
        model_attr_ints(&m, model_node(&m, "Conv", "x,w", "c"), "pads", "1,1,1,1");
        model_node(&m, "Sigmoid", "c", "g");
        model_node(&m, "Erf", "g", "y");
        model_output(&m, "y");
        net = opened(pool);
        fill(net_input(net, 0));
        cr_assert_eq(net_run(net, &why), OK);
        n = tensor_bytes(net_output(net, 0));
        if (!want)
            want = memcpy(malloc(n), net_output(net, 0)->data, n);
        cr_assert_eq(memcmp(want, net_output(net, 0)->data, n), 0);
        net_close(net);
        pool_close(pool);
        model_free(&m);
    }
    free(want);
}

/* An index in the data is checked when running, and the node named. */
Test(nn_graph, index_out_of_range_when_running)
{
    struct net *net;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "4");
    model_input(&m, "i", DTYPE_I64, "2");
    model_node(&m, "Gather", "x,i", "y")->name = model_text(&m, "pick");
    model_output(&m, "y");
    net = opened(NULL);
    ((int64_t *)net_input(net, 1)->data)[1] = -4;
    cr_assert_eq(net_run(net, &why), OK);
    ((int64_t *)net_input(net, 1)->data)[1] = 4;
    cr_assert_eq(net_run(net, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "'pick' (Gather)"), "%s", why.text);
    ((int64_t *)net_input(net, 1)->data)[1] = INT64_MIN;
    cr_assert_eq(net_run(net, &why), ERR_MISMATCH);
    net_close(net);
    model_free(&m);
}

/* Three dimensions run in loops of our own, two in the kernels: a depth of one must agree. */
Test(nn_graph, deep_convolution_equals_flat)
{
    for (int transposed = 0; transposed < 2; transposed++) {
        float *flat = NULL;

        for (int deep = 0; deep < 2; deep++) {
            Onnx__NodeProto *n;
            struct net *net;
            size_t size;

            model_init(&m, 13);
            model_input(&m, "x", DTYPE_F32, deep ? "2,4,1,7,6" : "2,4,7,6");
            if (transposed)
                model_pattern(&m, "w", deep ? "4,3,2,3,2" : "4,3,3,2", 1);
            else
                model_pattern(&m, "w", deep ? "6,2,2,3,2" : "6,2,3,2", 1);
            model_pattern(&m, "b", "6", 2);
            if (deep) { /* the second plane of the kernel only ever sees padding */
                float *w = (float *)m.tensors[0]->raw_data.data;
                struct model flat_model;
                Onnx__TensorProto *f;

                model_init(&flat_model, 13);
                f = model_pattern(&flat_model, "w", transposed ? "4,3,3,2" : "6,2,3,2", 1);
                for (size_t i = 0; i < f->raw_data.len / 4; i++) {
                    w[i / 6 * 12 + i % 6] = ((float *)f->raw_data.data)[i];
                    w[i / 6 * 12 + 6 + i % 6] = 100.0f;
                }
                model_free(&flat_model);
            }
            n = model_node(&m, transposed ? "ConvTranspose" : "Conv", "x,w,b", "y");
            model_attr_int(&m, n, "group", 2);
            model_attr_ints(&m, n, "strides", deep ? "1,2,1" : "2,1");
            model_attr_ints(&m, n, "dilations", deep ? "1,1,2" : "1,2");
            model_attr_ints(&m, n, "pads", deep ? "0,1,0,1,2,1" : "1,0,2,1");
            model_output(&m, "y");
            net = opened(NULL);
            fill(net_input(net, 0));
            cr_assert_eq(net_run(net, &why), OK);
            size = (size_t)tensor_count(net_output(net, 0));
            if (!deep)
                flat = memcpy(malloc(size * 4), net_output(net, 0)->data, size * 4);
            for (size_t i = 0; deep && i < size; i++)
                cr_assert_float_eq(((const float *)net_output(net, 0)->data)[i], flat[i], 1e-4f);
            net_close(net);
            model_free(&m);
        }
        free(flat);
    }
}
