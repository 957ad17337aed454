/* The network between file and run: nodes in an order that can be run, and the values between
 * them, every shape known. Reading (onnx.c), inference (infer.c), fusion (fuse.c) and planning
 * (plan.c) each work on this and nothing else; the operators (ops/) see one node at a time. */
#ifndef OUTRIDER_NN_GRAPH_H
#define OUTRIDER_NN_GRAPH_H

#include <stdbool.h>

#include "perception/base/err.h"
#include "perception/kernels/kernels.h"
#include "perception/nn/region.h"
#include "perception/nn/tensor.h"

enum {
    OPSET_MIN = 1,
    OPSET_MAX = 21,
    NODE_MAX_OUT = 256,
    TENSOR_MAX_BYTES = 1 << 30,
};

struct node;

struct value {
    struct tensor t;
    struct node *from; /* the node that makes it, or the last part of it; NULL: input, constant or
                          not made (yet) */
    int uses;          /* inputs of nodes and outputs of the graph that read it */
    bool typed;        /* type and shape are known */
    bool dynamic;      /* the shape is a bound: running says how much of it there is */
    bool constant;     /* t.data is known at load, and released with value_drop_data() */
    bool input, output;
    struct value *last;  /* the same with the channels last, once there is one (layout.c) */
    struct node *folded; /* the DequantizeLinear that this constant was, with its inputs; or NULL */
    void *notes;         /* a pass's own, while it runs */
    struct value *base;  /* whose memory it lies in; itself, unless a view */
    int born, dies;      /* first and last node that needs the memory (plan.c) */
    size_t place;        /* where in the arena */
};

enum attr_kind {
    ATTR_INT,
    ATTR_FLOAT,
    ATTR_STRING,
    ATTR_TENSOR,
    ATTR_INTS,
    ATTR_FLOATS,
    ATTR_STRINGS,
    ATTR_GRAPH,
    ATTR_OTHER, /* sparse tensors, lists of graphs: no operator here reads them */
};

struct attr {
    const char *name;
    enum attr_kind kind;
    bool read; /* an operator asked for it; one that nobody reads is refused */
    size_t n;
    int64_t i;
    float f;
    const char *s;
    const int64_t *ints;
    const float *floats;
    const char *const *strings;
    struct tensor tensor; /* data in the heap, owned */
    struct body *body;    /* a graph, readable while the file is open (onnx_scope.h) */
};

struct op;

struct node {
    const struct op *op;
    const char *name; /* the file's, or made of type and place */
    const char *type; /* "Conv" */
    int opset;        /* the version of the operator set the file was written for */
    int n_in, n_out, n_attr;
    struct value **in, **out; /* NULL: left out */
    struct attr *attr;
    const char *bad_attr;   /* one that was read as another kind than it is */
    void *params;           /* what the operator made of attributes and shapes, in the region */
    void *packed;           /* weights in the kernels' layout, in the heap */
    size_t scratch;         /* bytes needed while it runs */
    size_t scratch_place;   /* where in the arena they lie (plan.c) */
    int64_t macs;           /* multiply-adds */
    const char *kernel;     /* the way of computing that prepare chose; NULL: there is only one */
    int64_t work;           /* operations beside those that go through inputs and outputs once: the
                             taps of pooling windows */
    struct graph *inner[2]; /* graphs that it runs, built; owned. If, Loop, Scan (control.h) */
    bool done;              /* folded or fused away; graph_sweep() takes it out */
};

struct property {
    const char *key, *value;
};

struct graph {
    struct region region; /* all but the data of tensors */
    struct node **node;   /* n_nodes, in the order of running */
    struct value **value; /* n_values: every one there is */
    struct value **input, **output;
    struct property *property;
    int n_nodes, n_values, n_inputs, n_outputs, n_properties;
    int room;                /* of node */
    void *source;            /* the file, unpacked, until onnx_forget() */
    int64_t parameters;      /* elements of the initialisers */
    size_t memory_limit;     /* bytes for the tensors of one run */
    size_t run_bytes;        /* what a run needs of memory, after graph_build() */
    int64_t fold_budget;     /* bytes and operations that constant folding may still spend */
    size_t held, hold_limit; /* bytes of constants and packed weights, and the most they may be */
    bool hold_full;          /* the limit was met */
    struct kernels kernels;
    struct pool *pool; /* borrowed */
};

/* What a file of that many bytes may make of memory, beside `memory_limit` for a run's tensors. To be
 * said before it is read. */
void graph_limit(struct graph *g, size_t file_bytes, size_t memory_limit);
void graph_finish(struct graph *g); /* a zeroed graph is fine */

/* A value of the given type and shape that is part of the graph; data is malloc'ed here. NULL: no
 * memory, or graph_hold() says no. */
struct value *graph_constant(struct graph *g, const char *name, enum dtype type, int rank,
                             const int64_t *dim);
struct value *graph_value(struct graph *g, const char *name); /* untyped. NULL: no memory */

/* One more node at the end; ERR_LIMIT beyond NET_MAX_NODES. */
MUST_CHECK enum err graph_push(struct graph *g, struct node *n, struct why *why);

/* n bytes more of constants or packed weights stay in memory; ERR_NOMEM beyond the limit. (Many
 * nodes may share the weights of a small file, and each pack them.) */
MUST_CHECK enum err graph_hold(struct graph *g, size_t n);
/* After any ERR_NOMEM, say why: ERR_LIMIT if a limit of the graph was met, else ERR_NOMEM. */
enum err graph_no_memory(const struct graph *g, struct why *why);

/* Type and shape, checked: 0 <= dim, at most TENSOR_MAX_BYTES. */
MUST_CHECK enum err tensor_shape(struct tensor *t, enum dtype type, int rank, const int64_t *dim,
                                 struct why *why);
size_t tensor_bytes(const struct tensor *t);
MUST_CHECK enum err tensor_allocate(struct tensor *t); /* zeroed, aligned; released with free() */

/* No reader any more: give the data of a constant back. */
void value_release(struct value *v);
/* Make in[i] of n read `to`; keeps the counts of readers. */
void node_rewire(struct node *n, int i, struct value *to);
/* Take out nodes that are done, and those whose results nobody reads. */
void graph_sweep(struct graph *g);

/* All of what follows, in this order: from a graph as it was read to one that graph_place() lets
 * run. macs, if not NULL: multiply-adds of the graph as it was before fusing. */
MUST_CHECK enum err graph_build(struct graph *g, int64_t *macs, struct why *why);
/* What computing a node costs: bytes that it reads and writes, and operations beside. */
int64_t node_cost(const struct node *n);
/* Convolutions of bytes (QLinearConv) as what they stand for, between DequantizeLinear and
 * QuantizeLinear. */
MUST_CHECK enum err graph_spell_out(struct graph *g, struct why *why);
/* Infer all shapes, folding what is constant on the way. */
MUST_CHECK enum err graph_infer(struct graph *g, struct why *why);
/* Batch norms, biases and activations into the convolutions before them. */
MUST_CHECK enum err graph_fuse(struct graph *g, struct why *why);
/* QuantizeLinear and DequantizeLinear around what only moves numbers about. */
void graph_drop_repeats(struct graph *g);
/* Integer kernels between DequantizeLinear and QuantizeLinear, channels last. */
MUST_CHECK enum err graph_fuse_quant(struct graph *g, struct why *why);
/* The inputs of what constants were before they were folded are needed no more. */
void graph_forget_folded(struct graph *g);
/* Channels last wherever convolutions are, planes where other operators want them. */
MUST_CHECK enum err graph_layout(struct graph *g, struct why *why);
/* Pack weights; learn what each node needs while it runs. */
MUST_CHECK enum err graph_prepare(struct graph *g, struct why *why);
/* Places in one block of *bytes bytes for all tensors and for what each node needs while it runs. What
 * is live at the same time does not overlap. */
MUST_CHECK enum err graph_plan(struct graph *g, size_t *bytes, struct why *why);
void graph_place(struct graph *g, unsigned char *memory);

#endif
