/* Tensors in files: ONNX TensorProto (.pb) and NumPy (.npy); and what the subcommands print. */
#ifndef OUTRIDER_DAEMON_CLI_NN_IO_H
#define OUTRIDER_DAEMON_CLI_NN_IO_H

#include <jansson.h>

#include "perception/base/err.h"
#include "perception/nn/tensor.h"

/* By the file's ending. On OK the caller releases *t with tensor_file_free(). */
MUST_CHECK enum err tensor_file_read(const char *path, struct tensor *t, struct why *why);
MUST_CHECK enum err tensor_file_write(const char *path, const struct tensor *t, struct why *why);
/* Into a tensor that has its type and shape: ERR_MISMATCH if the file's are others. */
MUST_CHECK enum err tensor_file_copy(const char *path, const struct tensor *to, struct why *why);
void tensor_file_free(struct tensor *t); /* a zeroed one is fine */

/* "1x3x384x672", "scalar" */
const char *shape_text(const struct tensor *t, char text[160]);
/* One line on stdout; steals o. Returns the exit status. */
int print_json(json_t *o);

#endif
