/* Names of a file, in graphs within graphs: an inner one sees what the outer ones have made so far. */
#ifndef OUTRIDER_NN_ONNX_SCOPE_H
#define OUTRIDER_NN_ONNX_SCOPE_H

#include "onnx/onnx.pb-c.h"
#include "perception/nn/graph.h"

/* From names to values: (mask + 1), open addressing. */
struct names {
    struct value **slot;
    const char **name; /* of the slots: a value may go by another name in an inner graph */
    size_t mask;
};

struct scope {
    struct names names;
    const struct scope *up; /* NULL: the outermost */
};

/* Room for whatever p defines and `more` names, in the region. */
MUST_CHECK enum err scope_init(struct scope *s, struct region *region, const Onnx__GraphProto *p,
                               size_t more);
/* name must live as long as s; ERR_FORMAT if it is there already. */
MUST_CHECK enum err scope_define(struct scope *s, const char *name, struct value *v);
struct value *scope_find(const struct scope *s, const char *name); /* here or outside; or NULL */
struct value *scope_find_here(const struct scope *s, const char *name);

/* The graph in an attribute: read anew for each time that it is put to use, while the file is open.
 * What it may read of the graphs around it are inputs of its node, from in[first] on. */
struct body {
    const Onnx__GraphProto *p;
    const struct scope *scope; /* around it */
    const char *folder;
    int opset, depth;
    int first, n_captured;
    const char **captured; /* their names there */
};

/* Finds what b captures; *in (n_in) becomes a longer list. */
MUST_CHECK enum err body_capture(struct body *b, struct region *region, struct value ***in,
                                 int *n_in);

#endif
