#include <math.h>
#include <stdlib.h>

#include "perception/nn/quantise/emit.h"

/* A tensor may share a scale that is up to this much wider than its own. */
static const double WIDER_MAX = 4;

struct joining {
    const struct qmodel *m;
    const struct place *p;
    int *root;            /* (n_values) union-find */
    struct histogram **h; /* (n_values) of roots; owned */
    double *narrowest;    /* (n_values) of roots: the least width among the members */
};

static int find(struct joining *j, int v)
{
    while (j->root[v] != v)
        v = j->root[v] = j->root[j->root[v]];
    return v;
}

static double width(const struct histogram *h)
{
    return fmax(h->max, 0) - fmin(h->min, 0);
}

static void join(struct joining *j, int a, int b, double wider_max)
{
    double whole, narrow;

    a = find(j, a);
    b = find(j, b);
    if (a == b)
        return;
    whole = fmax(fmax(j->h[a]->max, j->h[b]->max), 0) - fmin(fmin(j->h[a]->min, j->h[b]->min), 0);
    narrow = fmin(j->narrowest[a], j->narrowest[b]);
    if (whole > wider_max * narrow)
        return;
    histogram_merge(j->h[a], j->h[b]);
    j->narrowest[a] = narrow;
    j->root[b] = a;
    free(j->h[b]);
    j->h[b] = NULL;
}

/* Integer nodes that move numbers: inputs and outputs that are 8 bit. */
static void join_node(struct joining *j, int node)
{
    const struct qnode *n = &j->m->node[node];
    bool concat = qnode_is(n, "Concat");

    if (!j->p->integer[node] || j->p->kind[node] != KIND_SAME)
        return;
    for (int i = 0; i < n->n_out; i++)
        for (int k = 0; k < n->n_in; k++)
            if (n->out[i] >= 0 && j->p->eight[n->out[i]] && place_is_data(j->m, n, k) &&
                j->p->eight[n->in[k]])
                join(j, n->out[i], n->in[k], concat ? WIDER_MAX : INFINITY);
}

static enum err joining_init(struct joining *j, const struct calibration *c)
{
    int n = j->m->n_values;

    j->root = calloc((size_t)n + 1, sizeof *j->root);
    j->h = calloc((size_t)n + 1, sizeof(struct histogram *));
    j->narrowest = calloc((size_t)n + 1, sizeof *j->narrowest);
    if (!j->root || !j->h || !j->narrowest)
        return ERR_NOMEM;
    for (int v = 0; v < n; v++) {
        j->root[v] = v;
        if (!j->p->eight[v])
            continue;
        if (!(j->h[v] = malloc(sizeof *j->h[v])))
            return ERR_NOMEM;
        *j->h[v] = c->seen[v]->histogram;
        j->narrowest[v] = width(j->h[v]);
    }
    return OK;
}

static void joining_finish(struct joining *j)
{
    for (int v = 0; j->h && v < j->m->n_values; v++)
        free(j->h[v]);
    free(j->h);
    free(j->root);
    free(j->narrowest);
}

struct choosing {
    struct groups *s;
    struct histogram **h; /* (groups) */
};

static void choose_range(void *arg, int i, int thread)
{
    struct choosing *c = arg;

    (void)thread;
    c->s->group[i].range = range_best(c->h[i]);
}

static enum err group_tensors(struct group *g, struct region *r, const char *name)
{
    uint8_t zero = (uint8_t)g->range.zero;

    g->scale = qtensor(r, qname(r, "%s_scale", name), DTYPE_F32, 0, NULL, &g->range.scale);
    g->zero = qtensor(r, qname(r, "%s_zero_point", name), DTYPE_U8, 0, NULL, &zero);
    return g->scale && g->zero ? OK : ERR_NOMEM;
}

static enum err groups_number(struct groups *s, struct qmodel *m, struct joining *j,
                              struct pool *pool)
{
    struct choosing c = {.s = s, .h = calloc((size_t)m->n_values + 1, sizeof *c.h)};
    enum err e = c.h ? OK : ERR_NOMEM;

    s->n = 0;
    for (int v = 0; e == OK && v < m->n_values; v++) {
        s->of[v] = -1;
        if (j->h[v]) {
            c.h[s->n] = j->h[v];
            s->of[v] = s->n++;
        }
    }
    for (int v = 0; e == OK && v < m->n_values; v++)
        if (j->p->eight[v])
            s->of[v] = s->of[find(j, v)];
    if (e == OK)
        pool_run(pool, s->n, choose_range, &c);
    for (int v = 0; e == OK && v < m->n_values; v++)
        if (j->h[v])
            e = group_tensors(&s->group[s->of[v]], &m->region, m->value[v].name);
    free(c.h);
    return e;
}

enum err groups_make(struct groups *s, struct qmodel *m, const struct place *p,
                     const struct calibration *c, struct pool *pool)
{
    struct joining j = {.m = m, .p = p};
    enum err e = joining_init(&j, c);

    s->group = region_take(&m->region, ((size_t)m->n_values + 1) * sizeof *s->group);
    s->of = region_take(&m->region, ((size_t)m->n_values + 1) * sizeof *s->of);
    if (!s->group || !s->of)
        e = ERR_NOMEM;
    /* First what must share, then what may. */
    for (int pass = 0; e == OK && pass < 2; pass++)
        for (int i = 0; i < m->n_nodes; i++)
            if (qnode_is(&m->node[i], "Concat") == (pass == 1))
                join_node(&j, i);
    if (e == OK)
        e = groups_number(s, m, &j, pool);
    joining_finish(&j);
    return e;
}
