/* Several maxima over one picture, as in spatial pyramid pooling: windows of 5, 9 and 13 around each
 * pixel. The maximum over 9 is that over 5 of the maxima over 5, and so on, so each larger window
 * reads the next smaller one's results and is as small as the difference. Exact. */
#include "perception/nn/fuse.h"
#include "perception/nn/ops/window.h"

/* The size of a window around each pixel, the same both ways; 0: n is not one of that kind. */
static int centred(const struct node *n)
{
    const struct window *w = n->done ? NULL : maximum_window(n);
    int k = w ? w->kernel[2] : 0;

    if (!w || w->rank != 2 || k % 2 == 0 || w->kernel[1] != k)
        return 0;
    for (int d = 1; d < SPACE; d++)
        if (w->stride[d] != 1 || w->dilation[d] != 1 || w->before[d] != k / 2 ||
            w->after[d] != k / 2)
            return 0;
    return k;
}

/* The largest window before n over the same picture that is smaller than size. */
static struct node *smaller(const struct graph *g, int at, int size)
{
    const struct node *n = g->node[at];
    struct node *best = NULL;

    for (int i = 0; i < at; i++) {
        int k = g->node[i]->n_in > 0 && g->node[i]->in[0] == n->in[0] ? centred(g->node[i]) : 0;

        if (k > 1 && k < size && (!best || k > centred(best)))
            best = g->node[i];
    }
    return best;
}

void fuse_pyramids(struct graph *g)
{
    for (int i = g->n_nodes - 1; i > 0; i--) { /* the last first: it still sees whom it reads */
        struct node *n = g->node[i], *first;
        int k = n->n_in > 0 && n->in[0] && n->in[0]->uses > 1 ? centred(n) : 0;
        struct window *w;

        first = k > 1 ? smaller(g, i, k) : NULL;
        if (!first)
            continue;
        w = maximum_window(n);
        for (int d = 1; d < SPACE; d++) {
            w->kernel[d] -= centred(first) - 1;
            w->before[d] = w->after[d] = w->kernel[d] / 2;
        }
        node_rewire(n, 0, first->out[0]);
    }
}
