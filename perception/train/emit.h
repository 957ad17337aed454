/* Inside of train/: an ONNX graph while it is written. Pictures are (N, C, H, W) there. */
#ifndef OUTRIDER_TRAIN_EMIT_H
#define OUTRIDER_TRAIN_EMIT_H

#include "onnx/onnx.pb-c.h"
#include "perception/nn/region.h"
#include "perception/train/graph.h"

struct emit {
    struct train *t;
    const struct train_export *options;
    const float *weights;
    struct region region;
    enum err e; /* the first one; what follows does nothing */
    struct why *why;
    Onnx__GraphProto g;
    size_t node_room, tensor_room, input_room, output_room;
    const char **name; /* (n_values): who brings it in the file; NULL: nobody yet */
    bool *wanted;      /* (n_layers) an output depends on it */
    bool *folded;      /* (n_layers) a norm that is part of the layer before */
    int *readers;      /* (n_values) wanted layers that read it */
    int fresh;
};

char *emit_text(struct emit *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* n_in names; NULL ends the list early, "" is an input left out. Returns the output's name. */
Onnx__NodeProto *emit_node(struct emit *x, const char *type, const char *out, int n_in,
                           const char *const *in);
#define EMIT(x, type, out, ...)                                                                    \
    emit_node(x, type, out, (int)(sizeof(const char *[]){__VA_ARGS__} / sizeof(char *)),           \
              (const char *const[]){__VA_ARGS__})
void emit_int(struct emit *x, Onnx__NodeProto *n, const char *name, int64_t v);
void emit_float(struct emit *x, Onnx__NodeProto *n, const char *name, float v);
void emit_word(struct emit *x, Onnx__NodeProto *n, const char *name, const char *v);
void emit_list(struct emit *x, Onnx__NodeProto *n, const char *name, int count, const int *v);

/* Initialisers; they return the name. */
const char *emit_floats(struct emit *x, const char *name, int rank, const int *dim, const float *v);
const char *emit_numbers(struct emit *x, int count, const int *v);
const char *emit_scalar(struct emit *x, float v);
const char *emit_fresh(struct emit *x); /* a name nobody has */

const char *emit_in(struct emit *x, const struct layer *l, int i);
/* The name that the layer's output has; NULL and an error where there is no memory. */
const char *emit_out(struct emit *x, const struct layer *l);
void *emit_take(struct emit *x, size_t n);
void emit_input(struct emit *x, const char *name, int rank, const int *dim);
void emit_output(struct emit *x, const char *name, int rank, const int *dim);

int emit_batch(const struct emit *x, int built); /* of the file */

/* One layer (emit_layers.c, emit_time.c). */
void emit_layer(struct emit *x, const struct layer *l);
void emit_recurrent(struct emit *x, const struct layer *l);
void emit_attention(struct emit *x, const struct layer *l);

#endif
