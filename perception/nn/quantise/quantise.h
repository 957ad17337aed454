/* Post-training quantisation: a float32 ONNX model and sample inputs -> the same model with
 * QuantizeLinear and DequantizeLinear in it (QDQ), which any ONNX runtime reads.
 *
 * Activations become uint8 with one scale and zero point a tensor, weights int8 with one scale per
 * output channel and zero point 0, biases int32 at the product of both scales. Names, metadata and
 * the types of inputs and outputs stay; opsets before 13 become 13. */
#ifndef OUTRIDER_NN_QUANTISE_H
#define OUTRIDER_NN_QUANTISE_H

#include <stdbool.h>

#include "perception/base/err.h"
#include "perception/base/pool.h"
#include "perception/nn/net.h"

struct quantise_options {
    int samples; /* how many there are, >= 1 */
    /* Writes sample i into the inputs of a network with the model's inputs. */
    enum err (*sample)(void *user, int i, struct net *net, struct why *why);
    /* Says how far it is; NULL: nobody asks. */
    void (*progress)(void *user, const char *stage, int done, int of);
    void *user;
    unsigned cpu_mask;
    struct pool *pool;       /* borrowed; NULL: inline */
    int trials;              /* samples that errors are measured on, at most `samples` */
    double keep_db;          /* a layer stays float if quantising it alone leaves less than this */
    double keep_share;       /* at most this share of the multiply-adds stays float, 0..1 */
    const char *const *keep; /* names of nodes that stay float in any case */
    int n_keep;
};

/* Ratio of signal to quantisation noise in decibels. Signal is what differs between the samples, so
 * that what is the same in every picture (anchors, background) does not hide the noise; with a single
 * sample, what differs between the elements. */
struct quantise_layer {
    const char *name, *type; /* of the node */
    double macs;
    double snr_db; /* of the outputs when it alone is quantised; HUGE_VAL: no noise */
    bool kept;     /* float */
};

struct quantise_output {
    const char *name;
    double snr_db;
};

struct quantise_report {
    int n_layers, n_outputs;
    struct quantise_layer *layer;   /* most sensitive first */
    struct quantise_output *output; /* of the finished model */
    int opset_from, opset_to;
    int tensors;            /* activations with 8 bits */
    int nodes, nodes_float; /* nodes of the graph, and those of them that work on floats */
    double macs, macs_float;
    void *memory; /* what names lie in */
};
void quantise_report_finish(struct quantise_report *r); /* a zeroed one is fine */

/* model: the file's bytes; folder: where its external data lies, NULL: none. On OK *out is the
 * caller's to free(), and so is the report. Fails as net_open() does, with ERR_UNSUPPORTED for what
 * cannot be quantised (no layer, quantised already, not sayable in opset 13), with ERR_MISMATCH if
 * the rewritten model computes something else, and with whatever `sample` says. */
MUST_CHECK enum err quantise(const void *model, size_t n, const char *folder,
                             const struct quantise_options *o, unsigned char **out, size_t *n_out,
                             struct quantise_report *report, struct why *why);

#endif
