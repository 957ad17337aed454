#include "perception/nn/onnx_constants.h"

#include <stdlib.h>
#include <string.h>

#include "perception/nn/net.h"
#include "perception/nn/onnx.h"

struct onnx_constants {
    struct graph graph;
};

enum err onnx_constants_open(const void *bytes, size_t n, struct onnx_constants **out,
                             struct why *why)
{
    struct onnx_constants *c = calloc(1, sizeof *c);
    enum err e;

    *out = NULL;
    if (!c)
        return err_say(why, ERR_NOMEM, "out of memory");
    graph_limit(&c->graph, n, NET_MAX_ARENA_BYTES);
    e = onnx_read_model(&c->graph, bytes, n, NULL, NULL, 0, why);
    if (e == OK)
        *out = c;
    else
        onnx_constants_close(c);
    return e;
}

void onnx_constants_close(struct onnx_constants *c)
{
    if (!c)
        return;
    graph_finish(&c->graph);
    free(c);
}

const struct tensor *onnx_constants_find(const struct onnx_constants *c, const char *name)
{
    for (int i = 0; i < c->graph.n_values; i++) {
        const struct value *v = c->graph.value[i];

        if (v->constant && v->t.name && !strcmp(v->t.name, name))
            return &v->t;
    }
    return NULL;
}
