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

/* A TensorProto. On OK t->data and t->name are the caller's to free(). */
MUST_CHECK enum err onnx_read_tensor(const void *bytes, size_t n, struct tensor *t,
                                     struct why *why);
/* The other way; *bytes is the caller's to free(). */
MUST_CHECK enum err onnx_write_tensor(const struct tensor *t, unsigned char **bytes, size_t *n);

#endif
