/* If, Loop and Scan: inlined where their course is known, run by themselves where not; what their
 * graphs read of those around; what is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "perception/nn/inspect.h"
#include "tests/onnx_model.h"

static struct model m, a, b;
static struct why why;

static void inner(struct model *of, Onnx__NodeProto *n, const char *name, struct model *body)
{
    Onnx__AttributeProto **more = model_take(of, (n->n_attribute + 1) * sizeof *more);
    Onnx__AttributeProto *attr = model_take(of, sizeof *attr);

    onnx__attribute_proto__init(attr);
    attr->name = model_text(of, name);
    attr->has_type = 1;
    attr->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
    attr->g = &body->graph;
    if (n->n_attribute)
        memcpy(more, n->attribute, n->n_attribute * sizeof *more);
    more[n->n_attribute++] = attr;
    n->attribute = more;
}

static void start(void)
{
    model_init(&m, 13);
    model_init(&a, 13);
    model_init(&b, 13);
}

static enum err open_model(struct net **net)
{
    size_t n;
    const uint8_t *bytes = model_pack(&m, &n);
    enum err e = net_open_memory(bytes, n, NULL, net, &why);

    model_free(&m);
    model_free(&a);
    model_free(&b);
    return e;
}

static struct net *opened(int nodes)
{
    struct net *net;
    enum err e = open_model(&net);

    cr_assert_eq(e, OK, "%s", why.text);
    if (nodes >= 0)
        cr_assert_eq(net_graph(net)->n_nodes, nodes);
    return net;
}

static void refused(enum err want, const char *words)
{
    struct net *net;
    enum err e = open_model(&net);

    net_close(net);
    cr_assert_eq(e, want, "%s: %s", err_name(e), why.text);
    cr_assert(strstr(why.text, words), "%s", why.text);
}

static void set(struct net *net, int i, const float *v)
{
    memcpy(net_input(net, i)->data, v, (size_t)tensor_count(net_input(net, i)) * sizeof *v);
}

static void gives(struct net *net, int i, const float *want, int n)
{
    const struct tensor *t = net_output(net, i);

    cr_assert_eq(tensor_count(t), n, "output %d has %lld", i, (long long)tensor_count(t));
    for (int j = 0; j < n; j++)
        cr_assert_float_eq(((const float *)t->data)[j], want[j], 1e-5f, "output %d [%d]: %g", i, j,
                           (double)((const float *)t->data)[j]);
}

static void run(struct net *net)
{
    cr_assert_eq(net_run(net, &why), OK, "%s", why.text);
}

/* ---- If ------------------------------------------------------------------------------------ */
/* cond ? x + w : x * u, where w is the branch's own and u and x are from outside. */
static void choice(void)
{
    Onnx__NodeProto *n;

    model_input(&m, "x", DTYPE_F32, "2");
    model_f32(&m, "u", "2", (float[]){10, 100});
    model_f32(&a, "w", "2", (float[]){1, 2});
    model_node(&a, "Add", "x,w", "sum");
    model_output(&a, "sum");
    model_node(&b, "Mul", "x,u", "product");
    model_output(&b, "product");
    n = model_node(&m, "If", "cond", "y");
    inner(&m, n, "then_branch", &a);
    inner(&m, n, "else_branch", &b);
    model_output(&m, "y");
}

Test(control, a_known_branch_takes_the_place_of_the_if)
{
    for (int64_t which = 0; which < 2; which++) {
        struct net *net;

        start();
        model_i64(&m, "which", "", &which);
        model_attr_int(&m, model_node(&m, "Cast", "which", "cond"), "to", DTYPE_BOOL);
        choice();
        net = opened(1);
        cr_assert_str_eq(net_graph(net)->node[0]->type, which ? "Add" : "Mul");
        set(net, 0, (float[]){3, 4});
        run(net);
        gives(net, 0, which ? (float[]){4, 6} : (float[]){30, 400}, 2);
        net_close(net);
    }
}

Test(control, a_branch_that_is_chosen_when_running)
{
    struct net *net;

    start();
    model_input(&m, "cond", DTYPE_BOOL, "");
    choice();
    net = opened(1);
    cr_assert_str_eq(net_graph(net)->node[0]->type, "If");
    for (int round = 0; round < 4; round++) {
        *(uint8_t *)net_input(net, 0)->data = round % 2;
        set(net, 1, (float[]){3, (float)round});
        run(net);
        gives(net, 0,
              round % 2 ? (float[]){4, (float)round + 2} : (float[]){30, 100.0f * (float)round}, 2);
    }
    net_close(net);
}

/* What the nodes of a branch need while they run lies beside what they read: sorted twice. */
Test(control, a_branch_that_needs_memory_to_work_in)
{
    struct net *net;
    Onnx__NodeProto *n;

    start();
    model_input(&m, "cond", DTYPE_BOOL, "");
    model_input(&m, "x", DTYPE_F32, "4");
    model_i64(&a, "k", "1", (int64_t[]){4});
    model_node(&a, "TopK", "x,k", "v,i");
    model_node(&a, "Neg", "v", "n");
    model_node(&a, "TopK", "n,k", "s,j");
    model_node(&a, "Sub", "s,v", "t");
    model_output(&a, "t");
    model_node(&b, "Neg", "x", "e");
    model_output(&b, "e");
    n = model_node(&m, "If", "cond", "y");
    inner(&m, n, "then_branch", &a);
    inner(&m, n, "else_branch", &b);
    model_output(&m, "y");
    net = opened(1);
    *(uint8_t *)net_input(net, 0)->data = 1;
    set(net, 1, (float[]){1, 5, 3, 2});
    run(net);
    gives(net, 0, (float[]){-6, -5, -5, -6}, 4);
    net_close(net);
}

/* As exporters ask whether a dimension is 1 before they squeeze it. */
Test(control, branches_of_different_shapes)
{
    for (int known = 0; known < 2; known++) {
        const int64_t yes = 1;
        Onnx__NodeProto *n;

        start();
        model_input(&m, "x", DTYPE_F32, "1,3");
        if (known) {
            model_i64(&m, "yes", "", &yes);
            model_attr_int(&m, model_node(&m, "Cast", "yes", "cond"), "to", DTYPE_BOOL);
        } else {
            model_input(&m, "cond", DTYPE_BOOL, "");
        }
        model_node(&a, "Squeeze", "x", "flat");
        model_output(&a, "flat");
        model_node(&b, "Identity", "x", "same");
        model_output(&b, "same");
        n = model_node(&m, "If", "cond", "y");
        inner(&m, n, "then_branch", &a);
        inner(&m, n, "else_branch", &b);
        model_output(&m, "y");
        if (known) {
            struct net *net = opened(-1);

            cr_assert_eq(net_output(net, 0)->rank, 1);
            net_close(net);
        } else {
            refused(ERR_UNSUPPORTED, "node 'If_0' (If): the branches give different shapes");
        }
    }
}

/* ---- Loop ---------------------------------------------------------------------------------- */
/* p, q = q, p + q; the stack holds p + round. */
static void fibonacci(const char *trips, const char *cond)
{
    char inputs[32];
    Onnx__NodeProto *n;

    model_input(&m, "p0", DTYPE_F32, "1");
    model_input(&m, "q0", DTYPE_F32, "1");
    model_input(&a, "round", DTYPE_I64, "");
    model_input(&a, "go", DTYPE_BOOL, "");
    model_input(&a, "p", DTYPE_F32, "1");
    model_input(&a, "q", DTYPE_F32, "1");
    model_node(&a, "Add", "p,q", "next");
    model_attr_int(&a, model_node(&a, "Cast", "round", "real"), "to", DTYPE_F32);
    model_node(&a, "Add", "p,real", "slice");
    model_output(&a, "go");
    model_output(&a, "q");
    model_output(&a, "next");
    model_output(&a, "slice");
    snprintf(inputs, sizeof inputs, "%s,%s,p0,q0", trips, cond);
    n = model_node(&m, "Loop", inputs, "p9,q9,stack");
    inner(&m, n, "body", &a);
    model_output(&m, "p9");
    model_output(&m, "q9");
}

static void check_fibonacci(struct net *net, int first, bool stacked)
{
    set(net, first, (float[]){0});
    set(net, first + 1, (float[]){1});
    run(net);
    gives(net, 0, (float[]){5}, 1);
    gives(net, 1, (float[]){8}, 1);
    if (stacked)
        gives(net, 2, (float[]){0, 2, 3, 5, 7}, 5);
}

Test(control, a_loop_of_few_rounds_is_unrolled)
{
    const int64_t trips = 5;
    struct net *net;

    start();
    model_i64(&m, "trips", "", &trips);
    fibonacci("trips", "");
    model_output(&m, "stack");
    net = opened(-1);
    for (int i = 0; i < net_graph(net)->n_nodes; i++)
        cr_assert_str_neq(net_graph(net)->node[i]->type, "Loop");
    check_fibonacci(net, 0, true);
    net_close(net);
}

Test(control, a_loop_whose_rounds_are_counted_when_running)
{
    struct net *net;

    start();
    model_input(&m, "trips", DTYPE_I64, "");
    model_input(&m, "cond", DTYPE_BOOL, "");
    fibonacci("trips", "cond");
    a.graph.n_output--; /* no stack: how high would it be? */
    m.graph.node[0]->n_output--;
    net = opened(1);
    *(int64_t *)net_input(net, 0)->data = 5;
    *(uint8_t *)net_input(net, 1)->data = 1;
    check_fibonacci(net, 2, false);
    check_fibonacci(net, 2, false);
    for (int64_t none = 0; none > -3; none--) { /* no round: what went in comes out */
        *(int64_t *)net_input(net, 0)->data = none ? none : 5;
        *(uint8_t *)net_input(net, 1)->data = none != 0;
        set(net, 2, (float[]){7});
        run(net);
        gives(net, 0, (float[]){7}, 1);
    }
    net_close(net);
}

/* x is doubled until it is over 100, at most 9 times; each step is kept. */
static void doubling(const char *trips)
{
    char inputs[32];
    Onnx__NodeProto *n;
    const int64_t nine = 9;
    const float limit = 100;

    model_i64(&m, "nine", "", &nine);
    model_f32(&m, "limit", "", &limit);
    model_input(&m, "x", DTYPE_F32, "");
    model_input(&a, "round", DTYPE_I64, "");
    model_input(&a, "go", DTYPE_BOOL, "");
    model_input(&a, "v", DTYPE_F32, "");
    model_node(&a, "Add", "v,v", "twice");
    model_node(&a, "Less", "twice,limit", "again");
    model_output(&a, "again");
    model_output(&a, "twice");
    model_output(&a, "twice");
    snprintf(inputs, sizeof inputs, "%s,,x", trips);
    n = model_node(&m, "Loop", inputs, "y,steps");
    inner(&m, n, "body", &a);
    model_output(&m, "y");
    model_output(&m, "steps");
}

Test(control, a_loop_that_ends_early)
{
    struct net *net;

    start();
    doubling("nine");
    net = opened(1);
    cr_assert_eq(net_output(net, 1)->dim[0], 9); /* the most there can be */
    set(net, 0, (float[]){20});
    run(net);
    gives(net, 0, (float[]){160}, 1);
    gives(net, 1, (float[]){40, 80, 160}, 3);
    set(net, 0, (float[]){0});
    run(net);
    gives(net, 1, (float[]){0, 0, 0, 0, 0, 0, 0, 0, 0}, 9);
    net_close(net);
}

Test(control, a_loop_without_end)
{
    struct net *net;

    start();
    doubling("");
    a.graph.n_output--;
    m.graph.node[0]->n_output--;
    m.graph.n_output--;
    net = opened(1);
    set(net, 0, (float[]){0});
    cr_assert_eq(net_run(net, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "node 'Loop_0' (Loop): more than 16777216 rounds"), "%s", why.text);
    net_close(net);
}

Test(control, loops_that_are_refused)
{
    const int64_t many = 1ll << 40;

    start();
    doubling("");
    refused(ERR_UNSUPPORTED, "(Loop): the number of rounds is known only when running");
    start();
    doubling("many");
    model_i64(&m, "many", "", &many);
    refused(ERR_LIMIT, "(Loop): 1099511627776 rounds, limit 16777216");
    start();
    doubling("nine");
    a.graph.n_output--;
    refused(ERR_FORMAT, "(Loop): 2 outputs, the body has 2");
    start();
    doubling("nine");
    a.graph.n_input--;
    refused(ERR_FORMAT, "(Loop): the graph has 2 inputs, needed 3");
    start();
    doubling("nine");
    m.graph.node[0]->n_attribute = 0;
    refused(ERR_FORMAT, "(Loop): no body");
    start();
    doubling("nine");
    a.graph.node[0]->op_type = model_text(&a, "SequenceEmpty");
    refused(ERR_UNSUPPORTED, "(SequenceEmpty): operator not known");
    start();
    doubling("nine");
    a.graph.node[0]->input[0] = model_text(&a, "nowhere");
    refused(ERR_FORMAT, "(Loop): node 'Add_0' (Add): reads 'nowhere', which nothing makes");
    start();
    doubling("nine");
    model_node(&a, "Concat", "v1,v1", "longer");
    a.graph.node[0]->op_type = model_text(&a, "Unsqueeze");
    a.graph.node[0]->input[1] = model_text(&a, "zero");
    model_i64(&m, "zero", "1", (int64_t[]){0});
    a.graph.n_node--;
    refused(ERR_UNSUPPORTED, "(Loop): what it carries changes its type or shape");
}

/* ---- Scan ---------------------------------------------------------------------------------- */
Test(control, scan_along_an_axis_and_backwards)
{
    Onnx__NodeProto *n;
    struct net *net;

    start();
    model_input(&m, "s0", DTYPE_F32, "2");
    model_input(&m, "x", DTYPE_F32, "2,3");
    model_input(&a, "s", DTYPE_F32, "2");
    model_input(&a, "column", DTYPE_F32, "2");
    model_node(&a, "Add", "s,column", "sum");
    model_output(&a, "sum");
    model_output(&a, "sum");
    model_output(&a, "sum");
    n = model_node(&m, "Scan", "s0,x", "s9,y,z");
    model_attr_int(&m, n, "num_scan_inputs", 1);
    model_attr_ints(&m, n, "scan_input_axes", "1");
    model_attr_ints(&m, n, "scan_input_directions", "1");
    model_attr_ints(&m, n, "scan_output_axes", "0,-1");
    model_attr_ints(&m, n, "scan_output_directions", "0,1");
    inner(&m, n, "body", &a);
    model_output(&m, "s9");
    model_output(&m, "y");
    model_output(&m, "z");
    net = opened(1);
    set(net, 0, (float[]){100, 200});
    set(net, 1, (float[]){1, 2, 3, 10, 20, 30});
    for (int round = 0; round < 2; round++) {
        run(net);
        gives(net, 0, (float[]){106, 260}, 2);
        gives(net, 1, (float[]){103, 230, 105, 250, 106, 260}, 6);
        gives(net, 2, (float[]){106, 105, 103, 260, 250, 230}, 6);
    }
    net_close(net);
}

/* ---- one in the other ---------------------------------------------------------------------- */
/* For each round, x grows by `step`, a name two graphs further out, if the round's flag is set. */
Test(control, an_if_in_a_loop_reads_names_from_the_outermost)
{
    for (int known = 0; known < 2; known++) {
        struct model no;
        const int64_t trips = 4;
        Onnx__NodeProto *n;
        struct net *net;

        start();
        model_init(&no, 13);
        if (known)
            model_i64(&m, "trips", "", &trips);
        else
            model_input(&m, "trips", DTYPE_I64, "");
        model_input(&m, "x", DTYPE_F32, "1");
        model_input(&m, "step", DTYPE_F32, "1");
        model_i64(&m, "flags", "4", (int64_t[]){1, 0, 1, 1});
        model_input(&a, "round", DTYPE_I64, "");
        model_input(&a, "go", DTYPE_BOOL, "");
        model_input(&a, "v", DTYPE_F32, "1");
        model_node(&a, "Gather", "flags,round", "flag");
        model_attr_int(&a, model_node(&a, "Cast", "flag", "set"), "to", DTYPE_BOOL);
        model_node(&b, "Add", "v,step", "more");
        model_output(&b, "more");
        model_output(&no, "v"); /* a branch without nodes */
        n = model_node(&a, "If", "set", "next");
        inner(&a, n, "then_branch", &b);
        inner(&a, n, "else_branch", &no);
        model_output(&a, "go");
        model_output(&a, "next");
        n = model_node(&m, "Loop", "trips,,x", "y");
        inner(&m, n, "body", &a);
        model_output(&m, "y");
        net = opened(known ? 3 : 1); /* three Adds are left */
        model_free(&no);
        if (!known)
            *(int64_t *)net_input(net, 0)->data = trips;
        set(net, !known, (float[]){5});
        set(net, !known + 1, (float[]){0.5f});
        run(net);
        gives(net, 0, (float[]){6.5f}, 1);
        net_close(net);
    }
}

Test(control, graphs_that_are_too_deep)
{
    enum { DEPTH = 9 };
    static struct model deep[DEPTH + 1];
    size_t n;
    struct net *net;
    const uint8_t *bytes;

    for (int i = 0; i <= DEPTH; i++)
        model_init(&deep[i], 13);
    model_input(&deep[0], "cond", DTYPE_BOOL, "");
    model_input(&deep[0], "x", DTYPE_F32, "1");
    for (int i = 0; i <= DEPTH; i++) {
        char name[8];

        snprintf(name, sizeof name, "y%d", i);
        Onnx__NodeProto *p =
            model_node(&deep[i], i < DEPTH ? "If" : "Abs", i < DEPTH ? "cond" : "x", name);

        model_output(&deep[i], name);
        if (i < DEPTH) {
            inner(&deep[i], p, "then_branch", &deep[i + 1]);
            inner(&deep[i], p, "else_branch", &deep[i + 1]);
        }
    }
    bytes = model_pack(&deep[0], &n);
    const enum err e = net_open_memory(bytes, n, NULL, &net, &why);

    net_close(net);
    cr_assert_eq(e, ERR_LIMIT, "%s: %s", err_name(e), why.text);
    for (int i = 0; i <= DEPTH; i++)
        model_free(&deep[i]);
}
