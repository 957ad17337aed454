#include "perception/nn/tensor.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [DTYPE_NONE] = {"none", 0},
    [DTYPE_F32] = {"float32", 4},
    [DTYPE_U8] = {"uint8", 1},
    [DTYPE_I8] = {"int8", 1},
    [DTYPE_U16] = {"uint16", 2},
    [DTYPE_I16] = {"int16", 2},
    [DTYPE_I32] = {"int32", 4},
    [DTYPE_I64] = {"int64", 8},
    [DTYPE_BOOL] = {"bool", 1},
    [DTYPE_F16] = {"float16", 2},
    [DTYPE_F64] = {"float64", 8},
    [DTYPE_U32] = {"uint32", 4},
    [DTYPE_U64] = {"uint64", 8},
    [DTYPE_BF16] = {"bfloat16", 2},
    /* of ONNX, for errors that name them; none of them is held */
    [8] = {"string", 0},
    [14] = {"complex64", 0},
    [15] = {"complex128", 0},
};

size_t dtype_size(enum dtype t)
{
    return (unsigned)t < sizeof types / sizeof *types ? types[t].size : 0;
}

const char *dtype_name(enum dtype t)
{
    if ((unsigned)t < sizeof types / sizeof *types && types[t].name)
        return types[t].name;
    return "?";
}

int64_t tensor_count(const struct tensor *t)
{
    int64_t n = 1;

    for (int i = 0; i < t->rank; i++)
        n *= t->dim[i];
    return n;
}
