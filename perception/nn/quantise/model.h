/* An ONNX file as it stands, to be changed and written again: the protobuf message, and an index of
 * who makes and who reads what. Everything lies in one region, also what is added, and is released
 * as a whole. Only files that the engine has opened come here, so names are unique and nodes sorted.
 * Not for other folders. */
#ifndef OUTRIDER_NN_QUANTISE_MODEL_H
#define OUTRIDER_NN_QUANTISE_MODEL_H

#include <stdbool.h>

#include "onnx/onnx.pb-c.h"
#include "perception/base/err.h"
#include "perception/nn/graph.h"

enum {
    QUANTISE_OPSET_MIN = 7, /* before that operators broadcast by attributes */
    QUANTISE_OPSET = 13,    /* the first with one scale per channel */
};

struct qvalue {
    const char *name;
    int maker;                   /* node; -1: an input of the graph or an initialiser */
    int n_readers;               /* inputs of nodes that read it */
    int *reader;                 /* (n_readers) nodes, in their order */
    bool input, output;          /* of the graph */
    Onnx__TensorProto *constant; /* its initialiser, data in raw_data; NULL */
};

struct qnode {
    Onnx__NodeProto *p;
    int n_in, n_out;
    int *in, *out;      /* values; -1: left out */
    bool touched, gone; /* while folding */
};

struct qmodel {
    struct region region;
    Onnx__ModelProto *p;
    Onnx__GraphProto *g;
    int opset, fresh; /* fresh: counts names made here */
    int n_values, n_nodes;
    struct qvalue *value; /* sorted by name */
    struct qnode *node;   /* as in g->node */
};

/* Constant nodes become initialisers, all of which get raw data; nodes get names. ERR_UNSUPPORTED:
 * quantised already, subgraphs, opset out of range. On failure m is to be finished all the same. */
MUST_CHECK enum err qmodel_read(struct qmodel *m, const void *bytes, size_t n, const char *folder,
                                struct why *why);
void qmodel_finish(struct qmodel *m); /* a zeroed one is fine */
/* Anew, after nodes or tensors have changed. */
MUST_CHECK enum err qmodel_index(struct qmodel *m);
int qmodel_find(const struct qmodel *m, const char *name); /* value; -1 */

/* The file's bytes with the values named as further outputs (typed float32); *bytes is the caller's
 * to free(). outputs may be NULL. */
MUST_CHECK enum err qmodel_pack(const struct qmodel *m, const int *outputs, int n_outputs,
                                unsigned char **bytes, size_t *n);

/* ---- parts; NULL: no memory ---------------------------------------------------------------- */
char *qname(struct region *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Not yet in the graph. data is copied unless NULL, then zeroed. */
Onnx__TensorProto *qtensor(struct region *r, const char *name, enum dtype type, int rank,
                           const int64_t *dim, const void *data);
/* The same as an initialiser with a name of its own. */
Onnx__TensorProto *qmodel_constant(struct qmodel *m, const char *like, enum dtype type, int rank,
                                   const int64_t *dim, const void *data);
int64_t qtensor_count(const Onnx__TensorProto *t);
/* NULL unless float32 */
const float *qtensor_floats(const Onnx__TensorProto *t);
/* With room for one more input and attribute each. */
Onnx__NodeProto *qnode_new(struct region *r, const char *type, const char *name, int n_in,
                           int n_out);
/* Sets input i, growing the list with inputs left out. */
MUST_CHECK enum err qnode_set_input(struct region *r, Onnx__NodeProto *n, size_t i,
                                    const char *name);

const Onnx__AttributeProto *qattr(const Onnx__NodeProto *n, const char *name); /* NULL */
int64_t qattr_int(const Onnx__NodeProto *n, const char *name, int64_t otherwise);
float qattr_float(const Onnx__NodeProto *n, const char *name, float otherwise);
void qattr_drop(Onnx__NodeProto *n, const char *name);
MUST_CHECK enum err qattr_set_int(struct region *r, Onnx__NodeProto *n, const char *name,
                                  int64_t v);
MUST_CHECK enum err qattr_set_text(struct region *r, Onnx__NodeProto *n, const char *name,
                                   const char *v);

static inline bool qnode_is(const struct qnode *n, const char *type)
{
    const char *t = n->p->op_type, *s = type;

    while (*t && *t == *s)
        t++, s++;
    return *t == *s;
}

/* Input i of n if it is an initialiser, else NULL. */
const Onnx__TensorProto *qnode_constant(const struct qmodel *m, const struct qnode *n, int i);

#endif
