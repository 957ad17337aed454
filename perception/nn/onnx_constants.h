/* The numbers of an ONNX file alone: its initialisers. */
#ifndef OUTRIDER_NN_ONNX_CONSTANTS_H
#define OUTRIDER_NN_ONNX_CONSTANTS_H

#include "perception/base/err.h"
#include "perception/nn/tensor.h"

struct onnx_constants;

/* The caller owns *out. ERR_FORMAT, ERR_LIMIT, ERR_UNSUPPORTED or ERR_NOMEM as net_open_memory() has them. */
MUST_CHECK enum err onnx_constants_open(const void *bytes, size_t n, struct onnx_constants **out,
                                        struct why *why);
void onnx_constants_close(struct onnx_constants *c); /* NULL is fine */
/* Valid until it is closed. NULL: there is none of that name. */
const struct tensor *onnx_constants_find(const struct onnx_constants *c, const char *name);

#endif
