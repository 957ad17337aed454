/* Graphs within graphs. Where it is known when loading which branch of an If is taken, or that a Loop
 * goes round a few times, the inner graph's nodes take the node's place (control.c). Otherwise the
 * node keeps the inner graph, built like a network of its own, and runs it (ops/control.c). */
#ifndef OUTRIDER_NN_CONTROL_H
#define OUTRIDER_NN_CONTROL_H

#include "perception/nn/graph.h"

/* What node `at` stands for is put behind it, and the node is done, if that can be; else nothing
 * happens. Its inputs are inferred. */
MUST_CHECK enum err control_splice(struct graph *g, int at, struct why *why);

/* A node at the end of g that makes `out`, of opset 13. NULL: no memory, or too many nodes. */
struct node *control_node(struct graph *g, const char *type, struct value *const *in, int n_in,
                          struct value *out);

#endif
