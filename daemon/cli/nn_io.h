/* Tensors in files: ONNX TensorProto (.pb) and NumPy (.npy). */
#ifndef OUTRIDER_DAEMON_CLI_NN_IO_H
#define OUTRIDER_DAEMON_CLI_NN_IO_H

#include "perception/base/err.h"
#include "perception/nn/tensor.h"

/* By the file's ending. On OK the caller releases *t with tensor_file_free(). */
MUST_CHECK enum err tensor_file_read(const char *path, struct tensor *t, struct why *why);
MUST_CHECK enum err tensor_file_write(const char *path, const struct tensor *t, struct why *why);
void tensor_file_free(struct tensor *t); /* a zeroed one is fine */

/* "1x3x384x672", "scalar" */
const char *shape_text(const struct tensor *t, char text[160]);

#endif
