/* Fusing, one file a pattern; graph_fuse() in fuse.c calls them in turn. A pattern that is not there
 * is no error: what these return is ERR_NOMEM or OK. Nodes that go are marked done. */
#ifndef OUTRIDER_NN_FUSE_H
#define OUTRIDER_NN_FUSE_H

#include "perception/nn/graph.h"

/* The node before n that may absorb it: makes in[i] for n alone. NULL: there is none. */
struct node *sole_maker(const struct node *n, int i);
/* by takes the place of gone. */
void absorb(struct node *by, struct node *gone);
/* v is made before n runs; n and v's maker stand in front of place `at`. */
bool is_there_before(const struct graph *g, const struct value *v, const struct node *n, int at);

/* Moves numbers about and makes none. */
bool only_moves(const struct node *n);
/* What the DequantizeLinear n makes is there already: it undoes a QuantizeLinear of numbers that were
 * dequantised from the same steps and only moved since. NULL: it is not. */
struct value *made_before(const struct node *n);

/* Products with constant matrices become pointwise convolutions over their rows, with the addend,
 * the activation and the residual behind them. */
MUST_CHECK enum err fuse_products(struct graph *g);

/* Layer normalisations and Gelus that are spelt out. */
MUST_CHECK enum err fuse_norms(struct graph *g);
MUST_CHECK enum err fuse_gelus(struct graph *g);

/* Every other channel instead of turning over all of them. */
MUST_CHECK enum err fuse_shuffles(struct graph *g);

/* Products around a Softmax without the matrix between them. */
MUST_CHECK enum err fuse_attention(struct graph *g);

/* Depthwise and pointwise convolutions in one; after graph_layout(), which calls it. */
MUST_CHECK enum err fuse_separable(struct graph *g);

/* Channels go straight into their part of what a Concat makes; after graph_layout(), which calls it. */
void fuse_parts(struct graph *g);

/* Zeros around a picture into what reads it. */
void fuse_pads(struct graph *g);

/* Space to depth, spelt in Slices, into the convolution behind it. */
MUST_CHECK enum err fuse_focus(struct graph *g);

/* Maxima over large windows of maxima over small ones; after graph_fuse_quant(), which calls it, so
 * that bytes stay bytes. */
void fuse_pyramids(struct graph *g);

#endif
