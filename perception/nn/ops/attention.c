#include "perception/nn/ops/attention.h"

static enum err attention_prepare(struct graph *g, struct node *n, struct why *why)
{
    (void)why;
    n->kernel = "queries";
    n->scratch = attention_scratch(&g->kernels, n->params, pool_threads(g->pool));
    return OK;
}

static enum err attention_run(const struct node *n, const struct run *r)
{
    attention(r->kernels, n->params, in(n, 0)->data, in(n, 1)->data, in(n, 2)->data,
              out(n, 0)->data, r->scratch, r->pool);
    return OK;
}

const struct op op_attention = {"Attention",       3, 3, 1, T_F32, 0, NULL, attention_run,
                                attention_prepare, 0};
