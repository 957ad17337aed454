/* Small ONNX models for tests, built in memory. Everything lives until model_free(). */
#ifndef OUTRIDER_TESTS_ONNX_MODEL_H
#define OUTRIDER_TESTS_ONNX_MODEL_H

#include <stdint.h>

#include "onnx/onnx.pb-c.h"

enum { MODEL_MAX = 64 };

struct model {
    Onnx__ModelProto p;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__NodeProto *nodes[MODEL_MAX];
    Onnx__TensorProto *tensors[MODEL_MAX];
    Onnx__ValueInfoProto *inputs[MODEL_MAX], *outputs[MODEL_MAX];
    void *blocks[4096];
    int n_blocks;
};

void model_init(struct model *m, int opset);
void model_free(struct model *m);
void *model_take(struct model *m, size_t n); /* zeroed */
char *model_text(struct model *m, const char *s);

/* dims: "1,3,8,8", "" for a scalar */
Onnx__ValueInfoProto *model_input(struct model *m, const char *name, int type, const char *dims);
void model_output(struct model *m, const char *name);
Onnx__TensorProto *model_f32(struct model *m, const char *name, const char *dims,
                             const float *data);
/* Of any type, an element of `size` bytes; data NULL: zeros. */
Onnx__TensorProto *model_tensor(struct model *m, const char *name, const char *dims, int type,
                                const void *data, size_t size);
/* A pattern of small numbers that differ, from seed. */
Onnx__TensorProto *model_pattern(struct model *m, const char *name, const char *dims, int seed);
Onnx__TensorProto *model_i64(struct model *m, const char *name, const char *dims,
                             const int64_t *data);
/* inputs, outputs: "x,w,b"; an empty name is an input left out */
Onnx__NodeProto *model_node(struct model *m, const char *type, const char *inputs,
                            const char *outputs);
void model_attr_int(struct model *m, Onnx__NodeProto *n, const char *name, int64_t v);
void model_attr_float(struct model *m, Onnx__NodeProto *n, const char *name, float v);
void model_attr_ints(struct model *m, Onnx__NodeProto *n, const char *name, const char *v);
void model_attr_text(struct model *m, Onnx__NodeProto *n, const char *name, const char *v);

/* The file's bytes; part of the model's memory. */
const uint8_t *model_pack(struct model *m, size_t *n);

#endif
