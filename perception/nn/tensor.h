/* A dense array of numbers with a shape, outermost dimension first. */
#ifndef OUTRIDER_NN_TENSOR_H
#define OUTRIDER_NN_TENSOR_H

#include <stddef.h>
#include <stdint.h>

enum { TENSOR_MAX_RANK = 8 };

/* the numbers of ONNX TensorProto.DataType */
enum dtype {
    DTYPE_NONE = 0,
    DTYPE_F32 = 1,
    DTYPE_U8 = 2,
    DTYPE_I8 = 3,
    DTYPE_U16 = 4,
    DTYPE_I16 = 5,
    DTYPE_I32 = 6,
    DTYPE_I64 = 7,
    DTYPE_BOOL = 9, /* one byte, 0 or 1 */
    DTYPE_F16 = 10,
    DTYPE_F64 = 11,
    DTYPE_U32 = 12,
    DTYPE_U64 = 13,
    DTYPE_BF16 = 16,
};

struct tensor {
    const char *name; /* owned by the network */
    enum dtype type;
    int rank; /* 0: a scalar */
    int64_t dim[TENSOR_MAX_RANK];
    void *data; /* in the network's arena, aligned to 64 bytes */
};

size_t dtype_size(enum dtype t); /* bytes; 0 for DTYPE_NONE */
const char *dtype_name(enum dtype t);
int64_t tensor_count(const struct tensor *t); /* elements */

#endif
