/* ONNX files and tensors: outside bytes in, plain structs out. Everything is checked here (sizes,
 * names, types, nesting, where external data lies) and trusted afterwards. */
#ifndef OUTRIDER_NN_ONNX_H
#define OUTRIDER_NN_ONNX_H

#include "perception/nn/graph.h"

/* A model. folder: where external data may lie; NULL: nowhere. On failure the graph is to be
 * finished all the same. fixed: values of inputs that are known already. */
MUST_CHECK enum err onnx_read_model(struct graph *g, const void *bytes, size_t n,
                                    const char *folder, const struct tensor *fixed, int n_fixed,
                                    struct why *why);

/* Until this, or graph_finish(), the file's graphs within graphs can be read. */
void onnx_forget(struct graph *g);

/* The graph of an attribute, once more: its initialisers and nodes become part of g, the nodes behind
 * those that g has. in are its inputs, out its first n_out outputs. What it reads of the graphs around
 * it is found under b->scope. */
struct body;
MUST_CHECK enum err onnx_read_body(struct graph *g, const struct body *b, struct value *const *in,
                                   int n_in, struct value **out, int n_out, struct why *why);
int onnx_body_inputs(const struct body *b);
int onnx_body_outputs(const struct body *b);
int onnx_body_nodes(const struct body *b);

/* A TensorProto. On OK t->data and t->name are the caller's to free(). */
MUST_CHECK enum err onnx_read_tensor(const void *bytes, size_t n, struct tensor *t,
                                     struct why *why);
/* The other way; *bytes is the caller's to free(). */
MUST_CHECK enum err onnx_write_tensor(const struct tensor *t, unsigned char **bytes, size_t *n);

#endif
