/* What graph_fuse_quant() is made of: one walk over the nodes, and for each kind of operator a function
 * that puts its like on bytes in its place. */
#ifndef OUTRIDER_NN_FUSE_QUANT_H
#define OUTRIDER_NN_FUSE_QUANT_H

#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/last8.h"
#include "perception/nn/ops/quant.h"

/* What is known of a value while the walk lasts. */
struct notes {
    struct node *reader; /* the only one, if uses is 1 */
    int dequants;        /* readers that dequantise it */
};

struct walk {
    struct graph *g;
    struct node **node;
    int n, room;
    struct why *why;
    enum err e;
};

static inline struct notes *notes_of(const struct value *v)
{
    return v->notes;
}

/* ---- for those functions: what they cannot do sets w->e ---------------------------------------- */
enum err walk_fail(struct walk *w, enum err e); /* the first error stays */
void *walk_take(struct walk *w, size_t size);   /* of the graph's region; NULL: no memory */
void walk_append(struct walk *w, struct node *n);
struct value *walk_bytes_last(struct walk *w, const struct value *v, enum dtype type);
/* A node of n_in inputs, to be filled in, with parameters of its own. NULL: no memory. */
struct node *walk_node(struct walk *w, const struct op *op, const struct node *like, int n_in);
void walk_makes(struct node *n, struct value *to);
/* The DequantizeLinear behind input i of n, with bytes in front of it; NULL: there is none. */
struct node *quant_source(const struct node *n, int i, struct q8 *as);
/* The bytes that input i of n stands for, channels last: quantised here unless there already. */
struct value *walk_source(struct walk *w, const struct node *n, int i);
/* The only reader of what n makes, if it quantises that; its steps. */
struct node *quant_target(const struct node *n, struct q8 *as);
/* n reads nothing any more; the sweep takes it. */
void walk_retire(struct node *n);
/* `by` stands for n and its QuantizeLinear q. q NULL: for n alone; it makes real numbers, which
 * graph_layout() turns. */
void walk_replace(struct walk *w, struct node *by, struct node *n, struct node *q);
bool is_constant_or_none(const struct node *n, int i);
/* A copy of a constant that lives as long as the graph. */
float *walk_floats(struct walk *w, const struct tensor *t);
void walk_epilogue(struct walk *w, struct hwc8_finish *f, const struct epilogue *e,
                   const struct tensor *slope);

/* ---- by operator; false: n stays as it is ------------------------------------------------------ */
bool walk_conv(struct walk *w, struct node *n);
bool walk_matmul(struct walk *w, struct node *n);
bool walk_row(struct walk *w, struct node *n); /* batch norms, activations */
bool walk_add(struct walk *w, struct node *n);
bool walk_concat(struct walk *w, struct node *n);
bool walk_window(struct walk *w, struct node *n); /* pools and Resize to the nearest */
bool walk_slice(struct walk *w, struct node *n);

#endif
