/* A network opened where it can do no harm: in a child whose address space may grow by some room only
 * (not under a sanitizer, which needs the address space itself) and which is ended after a minute of
 * computing. A child that dies fails the test. */
#ifndef OUTRIDER_TESTS_LIMITED_NET_H
#define OUTRIDER_TESTS_LIMITED_NET_H

#include <stddef.h>

#include "perception/base/err.h"
#include "tests/onnx_model.h"

enum { LIMITED_MEMORY = 64 << 20 }; /* the limit that the network is given */

struct answer {
    enum err e;
    int n_nodes; /* that are left, if it opened */
    char text[sizeof((struct why *)0)->text];
};

/* path: a file; otherwise these bytes. */
struct answer open_limited(const char *path, const void *bytes, size_t n);
struct answer open_limited_model(struct model *m); /* and releases it */

/* Fails the test unless loading is refused, with whatever error but want of memory, and the node is
 * named. Makes "y" an output first. */
void limited_node_refused(struct model *m, const char *type);
int limited_nodes_left(struct model *m); /* fails the test unless it opens */

#endif
