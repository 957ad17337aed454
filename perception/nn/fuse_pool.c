/* Several maxima over one picture, as in spatial pyramid pooling: windows of 5, 9 and 13 around each
 * pixel. The maximum over 9 is that over 5 of the maxima over 5, and so on, so each larger window
 * reads the next smaller one's results and is as small as the difference. Exact. */
#include "perception/nn/fuse.h"
#include "perception/nn/ops/last8.h"
#include "perception/nn/ops/window.h"

static struct conv_shape *byte_window(const struct node *n)
{
    return n->op == &op_max_pool8 ? &((struct last8 *)n->params)->shape : NULL;
}

static int centred_bytes(const struct conv_shape *s)
{
    int k = s->kw;

    return s->kh == k && k % 2 == 1 && s->stride_y == 1 && s->stride_x == 1 && s->dilation_y == 1 &&
                   s->dilation_x == 1 && s->pad_top == k / 2 && s->pad_left == k / 2 &&
                   s->OH == s->H && s->OW == s->W
               ? k
               : 0;
}

/* The size of a window around each pixel, the same both ways; 0: n is not one of that kind. */
static int centred(const struct node *n)
{
    const struct window *w = n->done || byte_window(n) ? NULL : maximum_window(n);
    int k = w ? w->kernel[2] : 0;

    if (!n->done && byte_window(n))
        return centred_bytes(byte_window(n));
    if (!w || w->rank != 2 || k % 2 == 0 || w->kernel[1] != k)
        return 0;
    for (int d = 1; d < SPACE; d++)
        if (w->stride[d] != 1 || w->dilation[d] != 1 || w->before[d] != k / 2 ||
            w->after[d] != k / 2)
            return 0;
    return k;
}

static void resize(struct node *n, int k)
{
    struct conv_shape *s = byte_window(n);
    struct window *w = s ? NULL : maximum_window(n);

    if (s) {
        s->kh = s->kw = k;
        s->pad_top = s->pad_left = s->pad_bottom = s->pad_right = k / 2;
        return;
    }
    for (int d = 1; d < SPACE; d++) {
        w->kernel[d] = k;
        w->before[d] = w->after[d] = k / 2;
    }
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

        first = k > 1 ? smaller(g, i, k) : NULL;
        if (!first)
            continue;
        resize(n, k - centred(first) + 1);
        node_rewire(n, 0, first->out[0]);
    }
}
