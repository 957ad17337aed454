/* Operators: one row per operator in its family's table (ops/ *.c, gathered in table.c).
 *
 * infer reads the attributes once, checks types and shapes and says what comes out. prepare (may
 * be missing) packs weights and asks for scratch memory, after all fusing. run computes; it may
 * read nothing but the node and what those two left there, and never allocates. */
#ifndef OUTRIDER_NN_OPS_H
#define OUTRIDER_NN_OPS_H

#include "perception/nn/graph.h"

struct run {
    const struct kernels *kernels;
    struct pool *pool;
    void *scratch; /* node->scratch bytes, aligned to 64 */
    struct why *why;
};

/* Sets of element types, one bit each. */
#define TYPE(t) (1u << (t))
enum {
    T_F32 = TYPE(DTYPE_F32),
    T_FLOAT = TYPE(DTYPE_F32) | TYPE(DTYPE_F64) | TYPE(DTYPE_F16) | TYPE(DTYPE_BF16),
    T_SIGNED = TYPE(DTYPE_I8) | TYPE(DTYPE_I16) | TYPE(DTYPE_I32) | TYPE(DTYPE_I64),
    T_UNSIGNED = TYPE(DTYPE_U8) | TYPE(DTYPE_U16) | TYPE(DTYPE_U32) | TYPE(DTYPE_U64),
    T_INT = T_SIGNED | T_UNSIGNED,
    T_NUMBER = T_FLOAT | T_INT,
    T_BOOL = TYPE(DTYPE_BOOL),
    T_ANY = T_NUMBER | T_BOOL,
    T_INDEX = TYPE(DTYPE_I32) | TYPE(DTYPE_I64),
    T_Q8 = TYPE(DTYPE_U8) | TYPE(DTYPE_I8),
};

enum {                    /* struct op flags */
       OP_SAME = 1 << 0,  /* all inputs have the type of the first */
       OP_VIEW = 1 << 1,  /* the first output is the first input's memory with another shape */
       OP_SHAPE = 1 << 2, /* reads the shape of its input, never the data */
       OP_INPLACE =
           1 << 3, /* the first output may lie where the first input lies, if both are as large */
       OP_ELEMENTWISE =
           1 << 4, /* each element alone, inputs broadcast: the order does not matter */
};

enum { ANY_COUNT = 1 << 16 };

struct op {
    const char *name;
    int min_in, max_in, max_out; /* inputs beyond min_in may be left out */
    unsigned types;              /* of the first input */
    unsigned flags;
    enum err (*infer)(struct graph *g, struct node *n, struct why *why);
    enum err (*run)(const struct node *n, const struct run *r);
    enum err (*prepare)(struct graph *g, struct node *n, struct why *why); /* may be NULL */
    int64_t variant; /* the family's own: which function of many */
};

const struct op *op_find(const char *type); /* NULL: not known */

/* The families; each ends with a row without a name. */
extern const struct op ops_unary[], ops_binary[], ops_logic[], ops_cast[], ops_shape[], ops_move[],
    ops_gather[], ops_pad[], ops_conv[], ops_pool[], ops_resize[], ops_matmul[], ops_norm[],
    ops_softmax[], ops_reduce[], ops_scan[], ops_quant[], ops_make[], ops_parts[], ops_select[],
    ops_nms[], ops_matmul8[], ops_conv8[], ops_sample[], ops_roi[], ops_unpool[], ops_recurrent[],
    ops_einsum[], ops_loss[], ops_signal[], ops_det[], ops_moments[], ops_control[];

/* ---- for infer ----------------------------------------------------------------------------- */
int64_t attr_int(struct node *n, const char *name, int64_t otherwise);
float attr_float(struct node *n, const char *name, float otherwise);
const char *attr_string(struct node *n, const char *name, const char *otherwise);
/* *count is -1 and the result NULL if it is not there. */
const int64_t *attr_ints(struct node *n, const char *name, int *count);
const float *attr_floats(struct node *n, const char *name, int *count);
const char *const *attr_strings(struct node *n, const char *name, int *count);
struct attr *attr_tensor(struct node *n, const char *name); /* NULL if it is not there */
struct body *attr_body(struct node *n, const char *name);   /* the same */
void attr_ignore(struct node *n, const char *name);         /* means nothing when running forward */

static inline const struct tensor *in(const struct node *n, int i)
{
    return i < n->n_in && n->in[i] ? &n->in[i]->t : NULL;
}
static inline struct tensor *out(const struct node *n, int i)
{
    return i < n->n_out && n->out[i] ? &n->out[i]->t : NULL;
}

/* Type and shape of output i; nothing if nobody asked for it. */
MUST_CHECK enum err set_out(struct node *n, int i, enum dtype type, int rank, const int64_t *dim,
                            struct why *why);
MUST_CHECK enum err set_out_like(struct node *n, int i, enum dtype type, const struct tensor *t,
                                 struct why *why);
/* For outputs whose shape hangs on data: dim is the most there can be, the last run's shape stands
 * in the tensor. Such a value may be an output of the network, or constant after folding; no node
 * reads it otherwise. Running writes the dimensions anew, within the bound. */
MUST_CHECK enum err set_out_bound(struct node *n, int i, enum dtype type, int rank,
                                  const int64_t *dim, struct why *why);
void *node_params(struct graph *g, struct node *n, size_t size); /* zeroed; NULL: no memory */
MUST_CHECK enum err need_type(const struct node *n, int i, unsigned types, struct why *why);
MUST_CHECK enum err need_rank(const struct node *n, int i, int lo, int hi, struct why *why);

/* The integers of input i, which must be known now: at most max, *count of them. */
MUST_CHECK enum err known_ints(const struct node *n, int i, int64_t *v, int max, int *count,
                               struct why *why);
/* Input i (if >= 0) or else attribute `name`; *count -1 if neither is there. */
MUST_CHECK enum err ints_either(struct node *n, int i, const char *name, int64_t *v, int max,
                                int *count, struct why *why);
/* An axis that may count from the end: [-rank, rank) -> [0, rank). */
MUST_CHECK enum err axis_of(int64_t axis, int rank, int *out, struct why *why);
/* The same for several, each at most once; flag[axis] is set. */
MUST_CHECK enum err axes_of(const int64_t *axes, int count, int rank, bool flag[TENSOR_MAX_RANK],
                            struct why *why);

/* ---- for run ------------------------------------------------------------------------------- */
MUST_CHECK enum err node_fault(const struct node *n, const struct run *r, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
int64_t dims_product(const int64_t *dim, int from, int to);

#endif
