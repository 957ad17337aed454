/* Gelu as exporters spell it: x, one half, and 1 + erf(x / sqrt 2) or 1 + tanh(sqrt(2 / pi) (x +
 * 0.044715 x^3)) multiplied in any order. */
#include <math.h>
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/conv.h"

enum { FACTORS = 3 };

static bool is(const struct node *n, const char *type)
{
    return n && !n->done && !strcmp(n->type, type) && n->out[0] && n->out[0]->typed &&
           out(n, 0)->type == DTYPE_F32;
}

static bool is_number(const struct value *c, double near)
{
    return c && c->constant && c->t.type == DTYPE_F32 && tensor_count(&c->t) == 1 &&
           fabs((double)*(const float *)c->t.data - near) < 1e-3 * near;
}

/* n is a sum or product (or a quotient by `number`) of that number and something else: that. */
static struct value *beside(const struct node *n, const char *type, double number)
{
    if (!n || !is(n, type) || n->n_in != 2)
        return NULL;
    if (is_number(n->in[1], number))
        return n->in[0];
    return strcmp(type, "Div") != 0 && is_number(n->in[0], number) ? n->in[1] : NULL;
}

/* ---- what goes into the erf or tanh -------------------------------------------------------- */
static bool is_scaled(const struct value *v, const struct value *x)
{
    const struct node *n = v ? v->from : NULL;

    return beside(n, "Div", M_SQRT2) == x || beside(n, "Mul", M_SQRT1_2) == x;
}

static bool is_cube(const struct value *v, const struct value *x)
{
    const struct node *n = v ? v->from : NULL, *square;

    if (is(n, "Pow"))
        return n->in[0] == x && is_number(n->in[1], 3);
    for (int i = 0; is(n, "Mul") && i < 2; i++)
        if (n->in[i] == x && is(square = n->in[1 - i]->from, "Mul") && square->in[0] == x &&
            square->in[1] == x)
            return true;
    return false;
}

static bool is_bent(const struct value *v, const struct value *x)
{
    const struct value *sum = beside(v ? v->from : NULL, "Mul", sqrt(M_2_PI)), *small;
    const struct node *add = sum ? sum->from : NULL;

    for (int i = 0; is(add, "Add") && i < 2; i++) {
        small = beside(add->in[1 - i]->from, "Mul", 0.044715);
        if (add->in[i] == x && small && is_cube(small, x))
            return true;
    }
    return false;
}

/* 1 + erf(...) or 1 + tanh(...) of x. */
static bool is_gate(const struct value *v, const struct value *x, bool *with_tanh)
{
    const struct value *f = beside(v ? v->from : NULL, "Add", 1);
    const struct node *n = f ? f->from : NULL;

    *with_tanh = is(n, "Tanh");
    return *with_tanh ? is_bent(n->in[0], x) : is(n, "Erf") && is_scaled(n->in[0], x);
}

/* ---- the product --------------------------------------------------------------------------- */
/* The three factors of two products, one made for the other. */
static bool factors(const struct node *n, struct value *f[FACTORS])
{
    for (int i = 0; i < 2; i++) {
        const struct node *inner = sole_maker(n, i);

        if (!is(inner, "Mul"))
            continue;
        f[0] = n->in[1 - i];
        f[1] = inner->in[0];
        f[2] = inner->in[1];
        for (int half = 0; half < FACTORS; half++)
            if (is_number(f[half], 0.5)) {
                f[half] = f[0];
                return true;
            }
    }
    return false;
}

static enum err fuse_at(struct graph *g, struct node *n)
{
    struct value *f[FACTORS], *x;
    bool with_tanh = false;

    if (!is(n, "Mul") || n->n_in != 2 || !factors(n, f))
        return OK;
    for (int i = 1; i < FACTORS; i++) {
        x = f[i];
        if (!x || !is_gate(f[FACTORS - i], x, &with_tanh))
            continue;
        x->uses++;
        node_rewire(n, 0, NULL);
        node_rewire(n, 1, NULL);
        n->in[0] = x;
        n->n_in = 1;
        return gelu_set(g, n, with_tanh);
    }
    return OK;
}

enum err fuse_gelus(struct graph *g)
{
    enum err e = OK;

    for (int i = 0; e == OK && i < g->n_nodes; i++)
        e = fuse_at(g, g->node[i]);
    graph_sweep(g);
    return e;
}
